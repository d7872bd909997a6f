/* One search by several threads, which says what one thread would: the same ids, parents, edges and first states.
 * Included by runtime.c where it is compiled for large searches.
 *
 * Each thread has a part of the table: the keys whose hash begins as it says, and so the slots that they are looked for from.
 * A span of a level goes through rounds, and between two rounds all threads meet:
 *
 *   explore   each takes batches in turn, and sorts their successors by the part that they are of
 *   insert    each looks up those of its part, batch by batch, in the order in which one thread would: of equal ones the first
 *             is the new one
 *   place     how many new states each batch has is known now, and so their ids: each writes the keys and parents of those of
 *             the batches it took
 *   settle    each writes the ids into its slots, and the edges of its batches
 *
 * Who takes which batch is chance, but nothing that is kept depends on it: only where in its chain of slots an id lies, which
 * may go on in the next part. What goes wrong while a span is explored (a fault, no memory) is left to one thread, which does
 * that span again: up to there nothing was changed. */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

struct Engine *engine_new(const struct Model *);
void engine_free(struct Engine *);

#ifdef EOI_SPAN /* for tests */
#define SPAN EOI_SPAN
#else
#define SPAN 2048u
#endif
#define LINES 128        /* two lines of the cache, which some processors fetch together */
#define LOOK 256u        /* keys that are looked up at a time */
#define WORTH (SPAN / 8) /* states of a level that are worth a meeting */
#define SPINS 1000u      /* looks at whether the others are there, before sleeping */

/* A batch of a span: who took it, how many successors it has and where their labels are; the edge that its first one is. */
struct Share { u32 helper, total; u64 labels, edge; };
/* What a part has of a batch: so many, from there on in the bin of who took the batch; then from where on its owner has found
 * new ones, how many, and what it said of all. */
struct Part { u32 from, count, new_from, made; u64 said; };
/* Successors of a helper's batches that are of one part: keys, and the how many-th of its batch each is. */
struct Bin { struct Array keys, nth; u32 n; };
struct New { const u32 *key; u32 slot; };

struct Helper {
    struct Team *team;
    struct Engine *e; /* looks at the table of the search, and has its own room for successors and formulas */
    struct Bin *bins; /* one for each part */
    struct Array labels;
    u64 n_labels, n_said, bytes;
    struct Array new, entries, ids, said; /* of its part: what is new, where in its bin, as which state; the ids of all */
    u32 *next; /* of each part, while a batch is placed */
    u32 n_new, base; /* the k-th new one has the number base + k until it has an id */
    u8 *marks;
    pthread_t thread;
} __attribute__((aligned(LINES)));

struct Team {
    struct Engine *e;
    struct Helper *helpers;
    u32 size;
    struct Share share[SPAN / BATCH];
    struct Part *parts; /* [SPAN / BATCH][threads] */
    u32 end[SPAN]; /* per state of the span: how many successors its batch has up to there */
    u32 n_states, n_shares;
    u64 batches, state_limit;
    u32 next, arrived, meeting; /* the next batch; who is there, and how often all were */
    bool failed, refill, stop;
};

/* Zeros, in lines of their own: a helper counts in them, and no other one should wait for that. */
static void *own_lines(u64 bytes) {
    void *found = aligned_alloc(LINES, round_up(bytes, LINES));
    if (found) memset(found, 0, bytes);
    return found;
}

/* ---- meeting ---- */

/* Goes on once all are here.  The last one does `alone` before anybody goes on. */
static void meet(struct Team *t, void (*alone)(struct Team *)) {
    u32 meeting = __atomic_load_n(&t->meeting, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&t->arrived, 1, __ATOMIC_ACQ_REL) == __atomic_load_n(&t->size, __ATOMIC_RELAXED)) {
        if (alone) alone(t);
        t->arrived = t->next = 0;
        __atomic_store_n(&t->meeting, meeting + 1, __ATOMIC_RELEASE);
        syscall(SYS_futex, &t->meeting, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
        return;
    }
    for (u32 spin = 0; spin < SPINS; spin++) {
        if (__atomic_load_n(&t->meeting, __ATOMIC_ACQUIRE) != meeting) return;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    while (__atomic_load_n(&t->meeting, __ATOMIC_ACQUIRE) == meeting)
        syscall(SYS_futex, &t->meeting, FUTEX_WAIT_PRIVATE, meeting, NULL, NULL, 0);
}

/* For tests: everybody is late now and then. */
static void be_late(void) {
#ifdef EOI_SHUFFLE
    static _Thread_local u32 dice = 1;
    dice = dice * 1664525u + 1013904223u + (u32)(u64)&dice;
    usleep(dice >> 28 ? 0 : dice >> 20 & 255);
#endif
}

/* The next batch that nobody has taken. */
static struct Share *take_share(struct Team *t) {
    be_late();
    u32 number = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED);
    return number < t->n_shares ? t->share + number : NULL;
}

/* The next of those that a helper has taken, after `share` or NULL. */
static struct Share *next_own(const struct Helper *h, struct Share *share) {
    struct Team *t = h->team;
    be_late();
    for (share = share ? share + 1 : t->share; share < t->share + t->n_shares; share++)
        if (share->helper == (u32)(h - t->helpers)) return share;
    return NULL;
}

static struct Part *parts_of(const struct Team *t, const struct Share *share) { return t->parts + (share - t->share) * t->e->threads; }

/* ---- explore ---- */

static bool room_for_batch(struct Helper *h, u32 count, u32 words) {
    for (u32 k = 0; k < h->team->size; k++) {
        struct Bin *bin = h->bins + k;
        u64 all = (u64)bin->n + count;
        if (!array_reserve(h->e, &bin->keys, all * words * 4) || !array_reserve(h->e, &bin->nth, all * 4)) return false;
    }
    return !h->e->model.keep_edges || array_reserve(h->e, &h->labels, (h->n_labels + count) * 2);
}

/* The slots of a part lie together. */
INLINE u32 part_of_hash(u64 hash, u32 parts) { return (u32)((hash >> 32) * parts >> 32); }

/* Put the `total` successors of a batch into bins, but those that this helper has met lately: before, as it takes batches in
 * their order, and what it met is in the table or in a bin. */
INLINE void sort_out(struct Helper *h, struct Part *parts, u32 total, u32 words) {
    struct Engine *e = h->e;
    u32 size = h->team->size;
    bool told = tells_what_was_met(e);
    for (u32 k = 0; k < size; k++) parts[k].from = h->bins[k].n;
    for (u32 j = 0; j < total; j++) {
        const u32 *key = e->batch_keys + (u64)j * words;
        struct Bin *bin = h->bins + part_of_hash(e->batch_hash[j], size);
        if (told && met_lately(e, key, e->batch_hash[j], words)) continue;
        memcpy((u32 *)bin->keys.data + (u64)bin->n * words, key, words * 4ull);
        ((u32 *)bin->nth.data)[bin->n++] = j;
    }
    for (u32 k = 0; k < size; k++) parts[k].count = h->bins[k].n - parts[k].from;
}

INLINE enum Status explore_share(struct Helper *h, struct Share *share, u32 words, bool bmi2) {
    struct Engine *e = h->e;
    u32 at = (u32)(share - h->team->share) * BATCH, total = 0;
    u32 states = h->team->n_states - at < BATCH ? h->team->n_states - at : BATCH, first = (u32)h->team->e->view.expanded + at;
    for (u32 s = 0; s < states; s++) {
        u32 before = total;
        enum Status status = generate(e, first + s, &total, words, bmi2, false);
        if (status != RUNNING) return status;
        while (e->n_pending) e->pending[--e->n_pending]->dst -= before; /* of the source's successors, the how many-th */
        h->team->end[at + s] = total;
    }
    if (!room_for_batch(h, total, words)) return OUT_OF_MEMORY;
    *share = (struct Share){.helper = (u32)(h - h->team->helpers), .total = total, .labels = h->n_labels};
    sort_out(h, parts_of(h->team, share), total, words);
    for (u32 j = 0; j < total; j++) e->view.label_count[e->batch_label[j]]++;
    if (!e->model.keep_edges) return RUNNING;
    memcpy((u16 *)h->labels.data + h->n_labels, e->batch_label, total * 2ull);
    h->n_labels += total;
    return RUNNING;
}

/* What a helper sees of the search before a span. */
static void look_at(struct Helper *h, const struct Engine *e) {
    struct Engine *mine = h->e;
    mine->keys = e->keys;
    mine->model.expand = e->model.expand, mine->model.atoms = e->model.atoms, mine->model.edge_atoms = e->model.edge_atoms;
    mine->model.keys = e->model.keys;
    const struct Watch *from[] = {&e->watch, &e->edge_watch};
    struct Watch *to[] = {&mine->watch, &mine->edge_watch};
    for (u32 k = 0; k < 2; k++) {
        to[k]->open = from[k]->open;
        memcpy(to[k]->wanted, from[k]->wanted, watch_words(from[k]) * 8ull);
        for (u32 value = 0; value < 2; value++) memcpy(to[k]->unseen[value], from[k]->unseen[value], watch_words(from[k]) * 8ull);
    }
    memset(mine->view.label_count, 0, e->model.labels * 8ull);
    for (u32 k = 0; k < h->team->size; k++) h->bins[k].n = 0;
    h->n_labels = 0, h->n_said = 0, h->n_new = 0, mine->n_pending = 0;
}

INLINE void explore(struct Helper *h, u32 words, bool bmi2) {
    look_at(h, h->team->e);
    for (struct Share *share; (share = take_share(h->team)) && !__atomic_load_n(&h->team->failed, __ATOMIC_RELAXED);)
        if (explore_share(h, share, words, bmi2) != RUNNING) __atomic_store_n(&h->team->failed, true, __ATOMIC_RELAXED);
}

static bool room_for_part(struct Helper *h, u64 count) {
    return array_reserve(h->e, &h->new, count * sizeof(struct New)) && array_reserve(h->e, &h->entries, count * 4) &&
           array_reserve(h->e, &h->ids, count * 4) && (!h->e->model.keep_edges || array_reserve(h->e, &h->said, count * 4));
}

/* Room for all that was found, were it new.  The slots are empty afterwards if there are more of them now. */
static void make_ready(struct Team *t) {
    struct Engine *e = t->e;
    u32 all = 0, bits;
    for (u32 k = 0; k < t->size && !t->failed; k++) {
        u32 before = t->helpers[k].base = all;
        for (u32 from = 0; from < t->size; from++) all += t->helpers[from].bins[k].n;
        t->failed = !room_for_part(t->helpers + k, all - before);
    }
    u64 edge = e->view.transitions;
    for (u32 k = 0; k < t->n_shares; k++) t->share[k].edge = edge, edge += t->share[k].total;
    t->failed = t->failed || make_room(e, all, all, t->n_states, &bits) != RUNNING;
    t->refill = !t->failed && (!e->slots.data || bits != e->slot_bits); /* there are none after the last try to have more failed */
    if (t->refill) t->failed = !new_slots(e, bits);
}

INLINE void refill(struct Team *t, u32 words) {
    const struct Table table = table_of(t->e, words);
    u64 hash[BATCH];
    for (u64 id; (id = (u64)__atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED) * BATCH) < table.states;) {
        u32 count = table.states - id < BATCH ? (u32)(table.states - id) : BATCH;
        for (u32 k = 0; k < count; k++) {
            hash[k] = hash_key(key_of(&table, (u32)id + k), words);
            __builtin_prefetch(&table.slots[home_slot(&table, hash[k])], 1);
        }
        for (u32 k = 0; k < count; k++) {
            u64 at = home_slot(&table, hash[k]);
            for (u32 empty = 0; !__atomic_compare_exchange_n(table.slots + at, &empty, tag_of(&table, hash[k]) | (u32)(id + k + 1), false,
                                                             __ATOMIC_RELAXED, __ATOMIC_RELAXED);
                 empty = 0)
                at = (at + 1) & ones(table.slot_bits);
        }
    }
}

/* ---- insert ---- */

/* The key of a state, or of what this helper has found new; NULL: it is of another part, whose chain of slots comes this far. */
INLINE const u32 *key_there(const struct Helper *h, const struct Table *t, u32 id) {
    if (id < t->states) return key_of(t, id);
    u32 number = id - t->states - h->base;
    return number < h->n_new ? ((struct New *)h->new.data)[number].key : NULL;
}

/* The id of a key, looked for from this slot on; a new one gets a number behind all ids. */
INLINE u32 look_up(struct Helper *h, const struct Table *t, const u32 *key, u64 hash, u64 at, u32 entry_of_bin) {
    u32 mask = id_bits(t), tag = tag_of(t, hash), next = t->states + h->base + h->n_new;
    for (;; at = (at + 1) & ones(t->slot_bits)) {
        u32 entry = __atomic_load_n(t->slots + at, __ATOMIC_RELAXED);
        if (!entry && __atomic_compare_exchange_n(t->slots + at, &entry, tag | (next + 1), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            ((struct New *)h->new.data)[h->n_new] = (struct New){key, (u32)at};
            ((u32 *)h->entries.data)[h->n_new++] = entry_of_bin;
            return next;
        }
        u32 id = (entry & mask) - 1;
        const u32 *there = (entry & ~mask) == tag ? key_there(h, t, id) : NULL;
        if (there && same_key(there, key, t->words)) return id;
    }
}

/* Where another part's chain comes this far, a slot may be written while eight are looked at (likely_slot): each is read at
 * once, and what it is given meanwhile is not one of these keys. */
INLINE void insert_some(struct Helper *h, const struct Table *t, const struct Bin *bin, u32 from, u32 count) {
    const u32 *keys = (const u32 *)bin->keys.data + (u64)from * t->words;
    u32 slot[LOOK];
    u64 hash[LOOK];
    for (u32 k = 0; k < count; k++) {
        hash[k] = hash_key(keys + (u64)k * t->words, t->words);
        __builtin_prefetch(t->slots + home_slot(t, hash[k]), 1);
    }
    approach(t, hash, count, slot);
    for (u32 k = 0; k < count; k++) {
        u32 id = look_up(h, t, keys + (u64)k * t->words, hash[k], slot[k], from + k);
        if (h->e->model.keep_edges) ((u32 *)h->said.data)[h->n_said++] = id;
    }
}

INLINE void insert(struct Helper *h, u32 words) {
    const struct Team *t = h->team;
    const struct Table table = table_of(t->e, words);
    u32 mine = (u32)(h - t->helpers);
    for (const struct Share *share = t->share; share < t->share + t->n_shares; share++) {
        struct Part *part = parts_of(t, share) + mine;
        part->new_from = h->n_new, part->said = h->n_said;
        be_late();
        for (u32 k = part->from, end = k + part->count; k < end; k += LOOK)
            insert_some(h, &table, t->helpers[share->helper].bins + mine, k, end - k < LOOK ? end - k : LOOK);
        part->made = h->n_new - part->new_from;
    }
}

/* ---- place ---- */

/* Of the parts that have new states of a batch left, the one whose next comes first.  next: where each part is. */
INLINE u32 first_part(const struct Helper *h, const struct Part *parts, const u32 *next, u32 *entry, u32 *nth) {
    u32 first = NONE;
    for (u32 k = 0; k < h->team->size; k++) {
        if (next[k] == parts[k].new_from + parts[k].made) continue;
        u32 its = ((u32 *)h->team->helpers[k].entries.data)[next[k]], at = ((u32 *)h->bins[k].nth.data)[its];
        if (first == NONE || at < *nth) first = k, *entry = its, *nth = at;
    }
    return first;
}

INLINE void place_share(struct Helper *h, const struct Share *share, const struct Table *table, u32 *next) {
    const struct Team *t = h->team;
    const struct Part *parts = parts_of(t, share);
    u32 id = table->states, src = (u32)(share - t->share) * BATCH, entry, nth, part;
    for (u32 k = 0; k < t->size; k++) id += next[k] = parts[k].new_from;
    while ((part = first_part(h, parts, next, &entry, &nth)) != NONE) {
        while (t->end[src] <= nth) src++;
        memcpy(key_of(table, id), (u32 *)h->bins[part].keys.data + (u64)entry * table->words, table->words * 4ull);
        table->parent[id] = (u32)t->e->view.expanded + src;
        ((u32 *)t->helpers[part].ids.data)[next[part]++] = id++;
    }
}

INLINE void place(struct Helper *h, u32 words) {
    const struct Table table = table_of(h->team->e, words);
    for (struct Share *share = NULL; (share = next_own(h, share));) place_share(h, share, &table, h->next);
}

/* ---- settle ---- */

static void settle_slots(const struct Helper *h) {
    const struct Table table = table_of(h->team->e, 0);
    u32 mask = id_bits(&table);
    be_late();
    for (u32 k = 0; k < h->n_new; k++) {
        u32 *slot = table.slots + ((struct New *)h->new.data)[k].slot;
        *slot = (*slot & ~mask) | (((u32 *)h->ids.data)[k] + 1);
    }
}

static void link_edges(const struct Helper *h) {
    const struct Team *t = h->team;
    const struct Engine *e = t->e;
    u32 states = (u32)e->view.states;
    u64 *row = (u64 *)e->row.data + e->view.expanded + 1;
    for (struct Share *share = NULL; (share = next_own(h, share));) {
        u32 *target = (u32 *)e->target.data + share->edge;
        for (u32 k = 0; k < t->size; k++) {
            const struct Part *part = parts_of(t, share) + k;
            const struct Helper *owner = t->helpers + k;
            const u32 *said = (u32 *)owner->said.data + part->said, *nth = (u32 *)h->bins[k].nth.data + part->from;
            for (u32 j = 0; j < part->count; j++)
                target[nth[j]] = said[j] < states ? said[j] : ((u32 *)owner->ids.data)[said[j] - states - owner->base];
        }
        memcpy((u16 *)e->label.data + share->edge, (u16 *)h->labels.data + share->labels, share->total * 2ull);
        for (u32 s = (u32)(share - t->share) * BATCH, end = s + BATCH; s < end && s < t->n_states; s++) row[s] = share->edge + t->end[s];
    }
}

/* ---- what the helpers saw ---- */

static struct Watch *watch_of(struct Engine *e, bool of_edges) { return of_edges ? &e->edge_watch : &e->watch; }

/* The state or edge that one thread would see first; two helpers have no source in common. */
static void take_first(struct View *to, const struct View *from, u32 at, bool of_edges) {
    if (of_edges && from->first_edge[at].src < to->first_edge[at].src) to->first_edge[at] = from->first_edge[at];
    if (!of_edges && from->first[at] < to->first[at]) to->first[at] = from->first[at];
}

/* Of an edge only how many-th it is of its source was known. */
static void find_end(struct Engine *e, struct Edge *edge) {
    load_state(e, edge->src, e->packed, e->state);
    successors(e, e->state, e->out, e->batch_label);
    const struct Table t = table_of(e, e->view.words32);
    u64 hash = pack_alone(e, e->out + (u64)edge->dst * e->model.words8), slot = home_slot(&t, hash);
    edge->dst = find(&t, e->batch_keys, hash, &slot);
}

static void take_seen(struct Team *t, bool of_edges) {
    struct Engine *e = t->e;
    struct Watch *watch = watch_of(e, of_edges);
    for (u32 at = 0; at < 2 * watch_words(watch); at++) {
        u32 value = at % 2, word = at / 2, first = value * watch->n + word * 64;
        u64 seen = 0;
        for (u32 k = 0; k < t->size; k++) {
            u64 new = watch->unseen[value][word] & ~watch_of(t->helpers[k].e, of_edges)->unseen[value][word];
            seen |= new;
            for (; new; new &= new - 1) take_first(&e->view, &t->helpers[k].e->view, first + (u32)__builtin_ctzll(new), of_edges);
        }
        watch->unseen[value][word] &= ~seen;
        watch->wanted[word] = watch->unseen[0][word] | watch->unseen[1][word];
        watch->open -= (u32)__builtin_popcountll(seen);
        for (; of_edges && seen; seen &= seen - 1) find_end(e, e->view.first_edge + first + (u32)__builtin_ctzll(seen));
    }
}

static void take_span(struct Team *t) {
    struct Engine *e = t->e;
    const struct Share *last = t->share + t->n_shares - 1;
    for (u32 k = 0; k < t->size; k++) e->view.states += t->helpers[k].n_new;
    e->view.transitions = last->edge + last->total, e->view.expanded += t->n_states;
    for (u32 k = 0; k < t->size; k++)
        for (u32 label = 0; label < e->model.labels; label++) e->view.label_count[label] += t->helpers[k].e->view.label_count[label];
    take_seen(t, false), take_seen(t, true);
}

/* ---- a team ---- */

/* Is there enough to do, and are the limits far away? */
static bool is_worth_sharing(const struct Engine *e, u64 state_limit) {
    u64 most = e->view.states + (u64)SPAN * e->model.max_successors;
    return !e->linked && e->level_stop - e->view.expanded >= WORTH && most <= state_limit && most <= MAX_STATES;
}

static bool next_span(struct Team *t) {
    struct Engine *e = t->e;
    if (e->view.expanded == e->level_stop && (e->view.expanded == e->view.states || !close_level(e))) return false;
    if (!t->batches || !is_worth_sharing(e, t->state_limit)) return false;
    u64 left = e->level_stop - e->view.expanded, states = t->batches * BATCH < left ? t->batches * BATCH : left;
    t->n_states = states < SPAN ? (u32)states : SPAN, t->n_shares = (t->n_states + BATCH - 1) / BATCH;
    t->batches -= t->n_shares;
    return true;
}

/* What the helpers have taken, and what each may take: of what is left, of which there should be some. */
static void count_bytes(struct Team *t) {
    struct Engine *e = t->e;
    for (u32 k = 0; k < t->size; k++) {
        struct Helper *h = t->helpers + k;
        e->view.bytes += h->e->view.bytes - h->bytes, h->bytes = h->e->view.bytes;
    }
    while (!fits(e, e->byte_limit / 16) && spill_next(e)) {}
    u64 left = e->byte_limit > e->view.bytes ? e->byte_limit - e->view.bytes : 0;
    for (u32 k = 0; k < t->size; k++) t->helpers[k].e->byte_limit = t->helpers[k].bytes + left / (t->size + 1);
}

static void forget_span(struct Helper *h) {
    struct Array *arrays[] = {&h->labels, &h->new, &h->entries, &h->ids, &h->said};
    for (u32 k = 0; k < sizeof arrays / sizeof *arrays; k++) array_free(h->e, arrays[k]);
    for (u32 k = 0; k < h->team->e->threads; k++) array_free(h->e, &h->bins[k].keys), array_free(h->e, &h->bins[k].nth);
}

/* Give back what the helpers took for the spans until now. */
static void rest_team(struct Engine *e) {
    for (u32 k = 0; k < e->threads; k++) forget_span(e->team->helpers + k);
    count_bytes(e->team);
}

static void plan(struct Team *t) {
    count_bytes(t);
    if (t->n_shares && !t->failed) take_span(t);
    t->stop = t->failed || !next_span(t);
    if (t->stop && !t->failed) t->n_shares = 0;
}

INLINE void work_of(struct Helper *h, u32 words, bool bmi2) {
    struct Team *t = h->team;
    for (;;) {
        meet(t, plan);
        if (t->stop) return;
        explore(h, words, bmi2);
        meet(t, make_ready);
        if (t->failed) continue;
        if (t->refill) refill(t, words), meet(t, NULL);
        insert(h, words);
        meet(t, NULL);
        place(h, words);
        meet(t, NULL);
        settle_slots(h);
        if (t->e->model.keep_edges) link_edges(h);
    }
}

static void work(struct Helper *h) {
    if (h->e->bmi2 && h->e->view.words32 == EOI_WIDTH) work_of(h, EOI_WIDTH, true);
    else work_of(h, h->e->view.words32, h->e->bmi2);
}

/* What another thread than the caller's does.  The marks of its steps are its own, and end with it. */
static void *work_beside(void *helper) {
    struct Helper *h = helper;
    u32 count = h->e->model.n_marks;
    work(h);
    if (!h->e->model.marks || !count) return NULL;
    h->e->model.marks(h->marks);
    for (u32 k = 0; k < count; k++) h->marks[count + k] |= h->marks[k];
    return NULL;
}

/* Search on, up to `batches` batches, which are counted down.  The result: how many of those that come next one thread has to
 * do alone. */
static u32 share_out(struct Engine *e, u64 *batches, u64 state_limit) {
    struct Team *t = e->team;
    t->batches = *batches, t->state_limit = state_limit;
    t->n_shares = 0, t->failed = false;
    t->size = e->threads;
    for (u32 k = 0; k < t->size; k++) forget_what_was_met(t->helpers[k].e, e->keys.data); /* it may not have come into the table */
    for (u32 k = 1; k < e->threads; k++)
        if (pthread_create(&t->helpers[k].thread, NULL, work_beside, t->helpers + k)) {
            __atomic_store_n(&t->size, k, __ATOMIC_RELAXED);
            break;
        }
    work(t->helpers);
    for (u32 k = 1; k < t->size; k++) pthread_join(t->helpers[k].thread, NULL);
    *batches = t->batches + t->n_shares;
    return t->n_shares;
}

static void free_team(struct Engine *e) {
    for (u32 k = 0; e->team && k < e->threads; k++) {
        struct Helper *h = e->team->helpers + k;
        if (!h->e) continue;
        forget_span(h);
        h->e->keys = (struct Array){0};
        engine_free(h->e);
        free(h->marks), free(h->bins), free(h->next);
    }
    if (e->team) free(e->team->helpers), free(e->team->parts);
    free(e->team);
    e->team = NULL, e->threads = 1;
}

static bool new_helper(struct Team *t, struct Helper *h) {
    struct Model model = t->e->model;
    model.mask = t->e->mask, model.frozen = t->e->frozen, model.padding = t->e->loose, model.linked = NULL;
    h->team = t, h->e = engine_new(&model), h->marks = calloc(2ull * model.n_marks + 1, 1);
    h->bins = own_lines(t->e->threads * sizeof *h->bins), h->next = calloc(t->e->threads, 4);
    return h->e && h->marks && h->bins && h->next;
}

/* From now on `threads` search together.  Without memory for that, one goes on alone. */
static void new_team(struct Engine *e, u32 threads) {
    struct Team *t = e->team = calloc(1, sizeof *t);
    if (!t) return;
    t->e = e, e->threads = threads, t->helpers = own_lines(threads * sizeof *t->helpers);
    t->parts = calloc((u64)threads * (SPAN / BATCH), sizeof *t->parts);
    bool room = t->helpers && t->parts;
    for (u32 k = 0; room && k < threads; k++) room = new_helper(t, t->helpers + k);
    if (!room) free_team(e);
}

/* What other threads' steps have noted, once. */
static void take_marks(struct Engine *e, u8 *out) {
    u32 count = e->model.n_marks;
    for (u32 k = 1; e->team && k < e->threads; k++)
        for (u32 mark = 0; mark < count; mark++) {
            u8 *noted = e->team->helpers[k].marks + count + mark;
            out[mark] |= *noted, *noted = 0;
        }
}
