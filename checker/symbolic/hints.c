/* From the clauses that a SAT solver learnt to a proof that says of each why it follows.
 *
 * A clause follows from older ones if unit propagation contradicts its negation. From the last one, which is empty, back to the
 * first: those that are needed are looked at, and the clauses that contradict are needed in turn. What comes back is checked by
 * whoever reads the proof (certificate/gates.py); nothing here is trusted. Literals are 2v and 2v + 1. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

typedef uint32_t u32;
typedef uint64_t u64;

#define NONE UINT32_MAX
#define NO_MEMORY (-1)
#define NO_PROOF (-2)

struct Proof { /* mirrored by hints.py */
    u32 *literals;      /* of all clauses, one after the other; they are put in another order */
    const u64 *start;   /* of each clause, and the end of the last */
    u32 clauses, given; /* the first ones are given, the others were learnt */
    u32 variables;
    u32 *hints; /* for each that is needed, last first: its number, how many hints, hints */
    u64 count;
};

struct Work {
    struct Proof *proof;
    u32 *watched, *next; /* of a literal, and of a clause's first and second literal: 2 * clause + which of them */
    u32 *trail, *reason, *units;
    char *value, *seen, *needed;
    u32 held, n_units;
    u64 room;
};

static u64 length(const struct Proof *p, u32 clause) { return p->start[clause + 1] - p->start[clause]; }

static bool emit(struct Work *w, u32 number) {
    struct Proof *p = w->proof;
    if (p->count == w->room) {
        u64 room = 2 * w->room + 1024;
        u32 *larger = realloc(p->hints, room * sizeof *larger);
        if (!larger)
            return false;
        p->hints = larger;
        w->room = room;
    }
    p->hints[p->count++] = number;
    return true;
}

static void assign(struct Work *w, u32 literal, u32 reason) {
    w->value[literal] = 1;
    w->reason[literal >> 1] = reason;
    w->trail[w->held++] = literal;
}

/* The clauses that watch a literal which is false now. Returns one that is false, or NONE. */
static u32 visit(struct Work *w, u32 falsified, u32 limit) {
    struct Proof *p = w->proof;
    u32 *link = &w->watched[falsified];
    while (*link != NONE) {
        u32 clause = *link >> 1, which = *link & 1, at = *link;
        u32 *literals = p->literals + p->start[clause];
        u64 n = length(p, clause), k = 2;
        if (clause >= limit) { /* not yet learnt, and nothing later is looked at again */
            *link = w->next[at];
            continue;
        }
        u32 other = literals[!which];
        if (w->value[other]) {
            link = &w->next[at];
            continue;
        }
        while (k < n && w->value[literals[k] ^ 1])
            k++;
        if (k < n) {
            u32 found = literals[k];
            *link = w->next[at];
            literals[k] = falsified;
            literals[which] = found;
            w->next[at] = w->watched[found];
            w->watched[found] = at;
            continue;
        }
        if (w->value[other ^ 1])
            return clause;
        assign(w, other, clause);
        link = &w->next[at];
    }
    return NONE;
}

static u32 contradiction(struct Work *w, u32 clause) {
    struct Proof *p = w->proof;
    for (u64 k = p->start[clause]; k < p->start[clause + 1]; k++)
        if (!w->value[p->literals[k] ^ 1])
            assign(w, p->literals[k] ^ 1, NONE);
    for (u32 k = 0; k < w->n_units && w->units[k] < clause; k++) {
        u32 literal = p->literals[p->start[w->units[k]]];
        if (w->value[literal ^ 1])
            return w->units[k];
        if (!w->value[literal])
            assign(w, literal, w->units[k]);
    }
    for (u32 k = 0; k < w->held; k++) {
        u32 found = visit(w, w->trail[k] ^ 1, clause);
        if (found != NONE)
            return found;
    }
    return NONE;
}

/* What made a clause false, the latest first. */
static bool tell(struct Work *w, u32 clause, u32 wrong) {
    struct Proof *p = w->proof;
    if (!emit(w, clause) || !emit(w, 0))
        return false;
    u64 before = p->count;
    for (u32 k = w->held, because = wrong;; because = w->reason[w->trail[k] >> 1]) {
        if (!emit(w, because))
            return false;
        w->needed[because] = 1;
        for (u64 at = p->start[because]; at < p->start[because + 1]; at++)
            w->seen[p->literals[at] >> 1] = 1;
        while (k && !(w->seen[w->trail[k - 1] >> 1] && w->reason[w->trail[k - 1] >> 1] != NONE))
            k--;
        if (!k)
            break;
        k--;
    }
    p->hints[before - 1] = (u32)(p->count - before);
    return true;
}

static void forget(struct Work *w) {
    for (u32 at = 0; at < w->held; at++) {
        w->value[w->trail[at]] = 0;
        w->seen[w->trail[at] >> 1] = 0;
    }
    w->held = 0;
}

static int go_back(struct Work *w) {
    struct Proof *p = w->proof;
    w->needed[p->clauses - 1] = 1;
    for (u32 clause = p->clauses; clause-- > p->given;) {
        if (!w->needed[clause])
            continue;
        u32 wrong = contradiction(w, clause);
        if (wrong == NONE)
            return NO_PROOF;
        if (!tell(w, clause, wrong))
            return NO_MEMORY;
        forget(w);
    }
    return 0;
}

int hints_of(struct Proof *p) {
    u64 v = p->variables, n = p->clauses;
    struct Work w = {.proof = p};
    int said = NO_MEMORY;
    w.watched = malloc((2 * v + 1) * sizeof *w.watched), w.next = malloc((2 * n + 1) * sizeof *w.next);
    w.trail = malloc((v + 1) * sizeof *w.trail), w.reason = malloc((v + 1) * sizeof *w.reason);
    w.units = malloc((n + 1) * sizeof *w.units);
    w.value = calloc(2 * v + 1, 1), w.seen = calloc(v + 1, 1), w.needed = calloc(n + 1, 1);
    if (w.watched && w.next && w.trail && w.reason && w.units && w.value && w.seen && w.needed) {
        for (u64 k = 0; k < 2 * v; k++)
            w.watched[k] = NONE;
        for (u32 clause = 0; clause < n; clause++) {
            if (length(p, clause) == 1)
                w.units[w.n_units++] = clause;
            for (u32 which = 0; which < 2 && length(p, clause) > 1; which++) {
                u32 *first = &w.watched[p->literals[p->start[clause] + which]];
                w.next[2 * clause + which] = *first;
                *first = 2 * clause + which;
            }
        }
        said = go_back(&w);
    }
    free(w.watched), free(w.next), free(w.trail), free(w.reason), free(w.units), free(w.value), free(w.seen), free(w.needed);
    return said;
}

void hints_free(struct Proof *p) {
    free(p->hints);
    p->hints = NULL;
}
