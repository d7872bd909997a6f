/* One search by several threads, which says what one thread would: the same ids, parents, edges and first states.
 * Included by runtime.c where it is compiled for large searches.
 *
 * A span of a level goes through rounds, and between two rounds all threads meet:
 *
 *   explore   each takes batches in turn: their successors, and which of these the table lacks; and keeps them in the
 *             rounds that follow, as what they need is in the cache of its core
 *   claim     each of the lacking claims a slot; of equal ones that one has it which one thread would meet first
 *   count     how many new states each batch has
 *   place     so the ids of its states are known: keys, parents and slots are written
 *   link      and now its edges
 *
 * Who takes which batch, and who comes first to a slot, is chance, but nothing that is kept depends on it: only where in
 * its chain of slots an id lies. What goes wrong while a span is explored (a fault, no memory) is left to one thread, which
 * does that span again: up to there nothing was changed. */
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
#define WORTH (SPAN / 8) /* states of a level that are worth a meeting */
#define SPINS 1000u      /* looks at whether the others are there, before sleeping */

/* A successor that the table lacked.  first: the number of the one that has the slot. */
struct Lacking { u64 hash; u32 src, slot, first, id; };
/* What a helper has of a batch: from where on, and how much; then how many new states, and the first one's id. */
struct Share { u32 helper, from, count, made, id; u64 edges_from, edge; u32 edges; };

struct Helper {
    struct Team *team;
    struct Engine *e; /* looks at the table of the search, and has its own room for successors and formulas */
    struct Array lacking, keys, ids, labels;
    u32 n_lacking, base; /* the number of its k-th lacking one is base + k */
    u64 n_edges, bytes;
    u8 *marks;
    pthread_t thread;
};

struct Team {
    struct Engine *e;
    struct Helper *helpers;
    u32 size;
    struct Share share[SPAN / BATCH];
    u32 end[SPAN]; /* per state of the span: how many edges its batch has up to there */
    u32 n_states, n_shares;
    u64 batches, state_limit;
    u32 next, arrived, meeting; /* the next batch; who is there, and how often all were */
    bool failed, refill, stop;
};

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

/* ---- explore ---- */

static bool room_for_batch(struct Helper *h, u32 count, u32 words) {
    u64 lacking = (u64)h->n_lacking + count, edges = h->n_edges + count;
    if (!array_reserve(h->e, &h->lacking, lacking * sizeof(struct Lacking)) || !array_reserve(h->e, &h->keys, lacking * words * 4))
        return false;
    return !h->e->model.keep_edges || (array_reserve(h->e, &h->ids, edges * 4) && array_reserve(h->e, &h->labels, edges * 2));
}

/* Look up the successors of state `src`, which are from..to of its batch. */
INLINE void look_up(struct Helper *h, const struct Table *t, u32 src, u32 from, u32 to) {
    struct Engine *e = h->e;
    for (u32 j = from; j < to; j++) {
        const u32 *key = e->batch_keys + (u64)j * t->words;
        u64 slot = e->batch_ids[j];
        e->batch_ids[j] = find(t, key, e->batch_hash[j], &slot);
        e->view.label_count[e->batch_label[j]]++;
        if (e->batch_ids[j] != NONE) continue;
        ((struct Lacking *)h->lacking.data)[h->n_lacking] = (struct Lacking){e->batch_hash[j], src, (u32)slot, 0, 0};
        memcpy((u32 *)h->keys.data + (u64)h->n_lacking++ * t->words, key, t->words * 4ull);
    }
}

INLINE enum Status explore_share(struct Helper *h, struct Share *share, u32 words, bool bmi2) {
    struct Engine *e = h->e;
    u32 at = (u32)(share - h->team->share) * BATCH, total = 0;
    u32 states = h->team->n_states - at < BATCH ? h->team->n_states - at : BATCH, first = (u32)h->team->e->view.expanded + at;
    u32 *end = h->team->end + at;
    *share = (struct Share){.helper = (u32)(h - h->team->helpers), .from = h->n_lacking, .edges_from = h->n_edges};
    for (u32 s = 0; s < states; s++) {
        u32 before = total;
        enum Status status = generate(e, first + s, &total, words, bmi2);
        if (status != RUNNING) return status;
        while (e->n_pending) e->pending[--e->n_pending]->dst -= before; /* of the source's successors, the how many-th */
        end[s] = total;
    }
    if (!room_for_batch(h, total, words)) return OUT_OF_MEMORY;
    const struct Table t = table_of(e, words);
    approach(&t, e->batch_hash, total, e->batch_ids);
    for (u32 s = 0; s < states; s++) look_up(h, &t, first + s, s ? end[s - 1] : 0, end[s]);
    if (e->model.keep_edges) {
        memcpy((u32 *)h->ids.data + h->n_edges, e->batch_ids, total * 4ull);
        memcpy((u16 *)h->labels.data + h->n_edges, e->batch_label, total * 2ull);
        h->n_edges += total;
    }
    share->count = h->n_lacking - share->from, share->edges = total;
    return RUNNING;
}

/* What a helper sees of the search before a span. */
static void look_at(struct Helper *h, const struct Engine *e) {
    struct Engine *mine = h->e;
    mine->keys = e->keys, mine->slots = e->slots, mine->slot_bits = e->slot_bits;
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
    h->n_lacking = 0, h->n_edges = 0, mine->n_pending = 0;
}

INLINE void explore(struct Helper *h, u32 words, bool bmi2) {
    look_at(h, h->team->e);
    for (struct Share *share; (share = take_share(h->team)) && !__atomic_load_n(&h->team->failed, __ATOMIC_RELAXED);)
        if (explore_share(h, share, words, bmi2) != RUNNING) __atomic_store_n(&h->team->failed, true, __ATOMIC_RELAXED);
}

/* Room for what was found.  The slots are empty afterwards if there are more of them now. */
static void make_ready(struct Team *t) {
    struct Engine *e = t->e;
    u32 lacking = 0, bits;
    u64 edges = 0;
    for (u32 k = 0; k < t->size; k++) t->helpers[k].base = lacking, lacking += t->helpers[k].n_lacking;
    for (u32 k = 0; k < t->n_shares; k++) t->share[k].edge = e->view.transitions + edges, edges += t->share[k].edges;
    t->failed = t->failed || make_room(e, lacking, edges, t->n_states, &bits) != RUNNING;
    t->refill = !t->failed && bits != e->slot_bits;
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

/* ---- claim, count, place, link ---- */

static struct Helper *helper_of(const struct Team *t, u32 number) {
    struct Helper *h = t->helpers + t->size - 1;
    while (h->base > number) h--;
    return h;
}

INLINE struct Lacking *lacking_of(const struct Team *t, u32 number) {
    struct Helper *h = helper_of(t, number);
    return (struct Lacking *)h->lacking.data + (number - h->base);
}

/* Whom one thread would have met first.  Successors of one state are numbered in their order. */
INLINE bool is_earlier(const struct Team *t, u32 one, u32 other) {
    u32 a = lacking_of(t, one)->src, b = lacking_of(t, other)->src;
    return a < b || (a == b && one < other);
}

INLINE void claim_slot(const struct Team *t, const struct Table *table, struct Lacking *mine, u32 number, const u32 *key) {
    u32 mask = id_bits(table), tag = tag_of(table, mine->hash);
    u32 wanted = tag | (table->states + number + 1);
    for (u64 at = t->refill ? home_slot(table, mine->hash) : mine->slot;; at = (at + 1) & ones(table->slot_bits)) {
        u32 entry = __atomic_load_n(table->slots + at, __ATOMIC_RELAXED);
        while (!entry)
            if (__atomic_compare_exchange_n(table->slots + at, &entry, wanted, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) entry = wanted;
        u32 id = (entry & mask) - 1, other = id - table->states;
        if (id < table->states || (entry & ~mask) != tag) continue; /* the table did not have this key */
        const struct Helper *h = helper_of(t, other);
        if (!same_key((u32 *)h->keys.data + (u64)(other - h->base) * table->words, key, table->words)) continue;
        while (is_earlier(t, number, (entry & mask) - 1 - table->states))
            if (__atomic_compare_exchange_n(table->slots + at, &entry, wanted, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) break;
        mine->slot = (u32)at;
        return;
    }
}

INLINE void claim(struct Helper *h, u32 words) {
    const struct Team *t = h->team;
    const struct Table table = table_of(t->e, words);
    for (struct Share *share = NULL; (share = next_own(h, share));) {
        const struct Lacking *lacking = h->lacking.data;
        for (u32 k = share->from, end = k + share->count; k < end && !t->refill; k++) __builtin_prefetch(table.slots + lacking[k].slot, 1);
        for (u32 k = share->from; k < share->from + share->count; k++)
            claim_slot(t, &table, (struct Lacking *)h->lacking.data + k, h->base + k, (u32 *)h->keys.data + (u64)k * words);
    }
}

static void count_new(struct Helper *h) {
    const struct Table table = table_of(h->team->e, h->e->view.words32);
    for (struct Share *share = NULL; (share = next_own(h, share));) {
        struct Lacking *lacking = h->lacking.data;
        for (u32 k = share->from; k < share->from + share->count; k++) {
            lacking[k].first = (table.slots[lacking[k].slot] & id_bits(&table)) - 1 - table.states;
            share->made += lacking[k].first == h->base + k;
        }
    }
}

static void number(struct Team *t) {
    u32 id = (u32)t->e->view.states;
    for (u32 k = 0; k < t->n_shares; k++) t->share[k].id = id, id += t->share[k].made;
}

INLINE void place(struct Helper *h, u32 words) {
    const struct Table table = table_of(h->team->e, words);
    for (struct Share *share = NULL; (share = next_own(h, share));) {
        u32 id = share->id;
        for (u32 k = share->from; k < share->from + share->count; k++) {
            struct Lacking *it = (struct Lacking *)h->lacking.data + k;
            if (it->first != h->base + k) continue;
            it->id = id++;
            memcpy(key_of(&table, it->id), (u32 *)h->keys.data + (u64)k * words, words * 4ull);
            table.parent[it->id] = it->src;
            table.slots[it->slot] = tag_of(&table, it->hash) | (it->id + 1);
        }
    }
}

static void link_edges(struct Helper *h) {
    const struct Team *t = h->team;
    struct Engine *e = t->e;
    u64 *row = (u64 *)e->row.data + e->view.expanded + 1;
    for (struct Share *share = NULL; (share = next_own(h, share));) {
        const struct Lacking *lacking = (struct Lacking *)h->lacking.data + share->from;
        const u32 *ids = (u32 *)h->ids.data + share->edges_from;
        u32 *target = (u32 *)e->target.data + share->edge;
        for (u32 k = 0; k < share->edges; k++) target[k] = ids[k] != NONE ? ids[k] : lacking_of(t, lacking++->first)->id;
        memcpy((u16 *)e->label.data + share->edge, (u16 *)h->labels.data + share->edges_from, share->edges * 2ull);
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
    e->view.states = last->id + last->made, e->view.transitions = last->edge + last->edges, e->view.expanded += t->n_states;
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
    struct Array *arrays[] = {&h->lacking, &h->keys, &h->ids, &h->labels};
    for (u32 k = 0; k < sizeof arrays / sizeof *arrays; k++) array_free(h->e, arrays[k]);
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
        claim(h, words);
        meet(t, NULL);
        count_new(h);
        meet(t, number);
        place(h, words);
        if (t->e->model.keep_edges) meet(t, NULL), link_edges(h);
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
        h->e->keys = h->e->slots = (struct Array){0};
        engine_free(h->e);
        free(h->marks);
    }
    if (e->team) free(e->team->helpers);
    free(e->team);
    e->team = NULL, e->threads = 1;
}

static bool new_helper(struct Team *t, struct Helper *h) {
    struct Model model = t->e->model;
    model.mask = t->e->mask, model.frozen = t->e->frozen, model.padding = t->e->loose, model.linked = NULL;
    h->team = t, h->e = engine_new(&model), h->marks = calloc(2ull * model.n_marks + 1, 1);
    return h->e && h->marks;
}

/* From now on `threads` search together.  Without memory for that, one goes on alone. */
static void new_team(struct Engine *e, u32 threads) {
    struct Team *t = e->team = calloc(1, sizeof *t);
    if (!t) return;
    t->e = e, e->threads = threads, t->helpers = calloc(threads, sizeof *t->helpers);
    bool room = t->helpers;
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
