/* The search engine: breadth-first exploration of one generated model, a batch of states at a time.
 * Everything here is model-independent; native.py compiles it once and calls it chunk-wise. */
#define _GNU_SOURCE
#include "table.h"

/* ---- formulas: the first state or edge that showed each value ---- */

static u32 watch_words(const struct Watch *watch) { return (watch->n + 63) / 64; }

/* The formulas of `word` that have `value` now and never had it before. */
static inline u64 newly_seen(struct Watch *watch, u32 value, u32 word) {
    u64 new = (value ? watch->now[word] : ~watch->now[word]) & watch->unseen[value][word];
    watch->unseen[value][word] &= ~new;
    return new;
}

static void watch_state(struct Engine *e, u32 id) {
    e->model.atoms(e->state, e->watch.now);
    for (u32 value = 0; value < 2; value++)
        for (u32 word = 0; word < watch_words(&e->watch); word++)
            for (u64 new = newly_seen(&e->watch, value, word); new; new &= new - 1)
                e->view.first[value * e->watch.n + word * 64 + (u32)__builtin_ctzll(new)] = id;
}

static void watch_edge(struct Engine *e, const u64 *after, struct Edge edge) {
    e->model.edge_atoms(e->state, after, e->edge_watch.now);
    for (u32 value = 0; value < 2; value++)
        for (u32 word = 0; word < watch_words(&e->edge_watch); word++)
            for (u64 new = newly_seen(&e->edge_watch, value, word); new; new &= new - 1) {
                u32 formula = word * 64 + (u32)__builtin_ctzll(new);
                struct Edge *witness = &e->view.first_edge[value * e->edge_watch.n + formula];
                *witness = edge;
                e->pending[e->n_pending++] = witness;
            }
}

/* ---- expansion ---- */

static bool strays(const struct Engine *e, const u64 *state) {
    u64 wrong = 0;
    for (u32 i = 0; i < e->model.words8; i++) wrong |= (state[i] ^ e->frozen[i]) & ~e->loose[i];
    return wrong != 0;
}

static enum Status fault(struct Engine *e, u32 src, u32 label, bool stray) {
    e->view.fault_src = src;
    e->view.fault_label = label & (FAULT_LABEL - 1);
    e->view.fault_stray = stray;
    return FAULT;
}

static enum Status check_successors(struct Engine *e, u32 src, u32 count, const u16 *labels) {
    if (count > e->model.max_successors) return BROKEN_MODEL;
    for (u32 k = 0; k < count; k++) {
        if ((labels[k] & (FAULT_LABEL - 1)) >= e->model.labels) return BROKEN_MODEL;
        if (labels[k] & FAULT_LABEL) return fault(e, src, labels[k], false);
        if (strays(e, e->out + (u64)k * e->model.words8)) return fault(e, src, labels[k], true);
    }
    return RUNNING;
}

static void load_state(const struct Engine *e, u32 id, u64 *packed, u64 *state) {
    packed[e->words64 - 1] = 0;
    memcpy(packed, key_of(e, id), e->view.words32 * 4ull);
    e->unpack(e, packed, state);
}

/* Write the key of an unpacked state; the result is its hash. */
static inline u64 pack_key(struct Engine *e, const u64 *state, u32 *key) {
    e->pack(e, state, e->packed);
    memcpy(key, e->packed, e->view.words32 * 4ull);
    return hash_key(key, e->view.words32);
}

/* Append the packed successors of state `src` to the batch, which holds *total of them. */
static enum Status generate(struct Engine *e, u32 src, u32 *total) {
    load_state(e, src, e->packed, e->state);
    if (e->watch.n) watch_state(e, src);
    u16 *labels = e->batch_label + *total;
    u32 count = e->model.expand(e->state, e->out, labels);
    enum Status status = check_successors(e, src, count, labels);
    if (status != RUNNING) return status;
    for (u32 k = 0; k < count; k++, ++*total) {
        const u64 *after = e->out + (u64)k * e->model.words8;
        e->batch_hash[*total] = pack_key(e, after, e->batch_keys + (u64)*total * e->view.words32);
        __builtin_prefetch((u32 *)e->slots.data + home_slot(e, e->batch_hash[*total]), 1);
        if (e->edge_watch.n) watch_edge(e, after, (struct Edge){src, labels[k], *total});
    }
    return RUNNING;
}

/* Most successors are old: fetch the key each one will be compared with before comparing the first. */
static void prefetch_keys(const struct Engine *e, u32 total) {
    for (u32 j = 0; j < total; j++) {
        u32 entry = ((u32 *)e->slots.data)[home_slot(e, e->batch_hash[j])];
        if (entry && (entry & ~id_bits(e)) == tag_of(e, e->batch_hash[j]))
            __builtin_prefetch(key_of(e, (entry & id_bits(e)) - 1));
    }
}

static void keep_row(struct Engine *e, u32 from, u32 to) {
    u64 first = e->view.transitions;
    memcpy((u32 *)e->target.data + first, e->batch_ids + from, (to - from) * 4ull);
    memcpy((u16 *)e->label.data + first, e->batch_label + from, (to - from) * 2ull);
    ((u64 *)e->row.data)[e->view.expanded + 1] = first + (to - from);
}

/* Look up or insert the successors of the first `states` states of the batch. */
static void settle(struct Engine *e, u32 states) {
    prefetch_keys(e, states ? e->batch_end[states - 1] : 0);
    for (u32 s = 0, j = 0; s < states; s++) {
        u32 from = j, src = (u32)e->view.expanded;
        for (; j < e->batch_end[s]; j++) {
            const u32 *key = e->batch_keys + (u64)j * e->view.words32;
            e->batch_ids[j] = find_or_add(e, key, e->batch_hash[j], src);
            e->view.label_count[e->batch_label[j]]++;
        }
        if (e->model.keep_edges) keep_row(e, from, j);
        e->view.transitions += j - from;
        e->view.expanded++;
    }
    while (e->n_pending) {
        struct Edge *witness = e->pending[--e->n_pending];
        witness->dst = e->batch_ids[witness->dst];
    }
}

static enum Status expand_batch(struct Engine *e) {
    u64 left = e->level_stop - e->view.expanded;
    u32 states = left < BATCH ? (u32)left : BATCH, total = 0, done = 0;
    enum Status status = reserve(e, (u64)states * e->model.max_successors);
    if (status != RUNNING) return status;
    for (; done < states; done++) {
        status = generate(e, (u32)e->view.expanded + done, &total);
        if (status != RUNNING) break;
        e->batch_end[done] = total;
    }
    settle(e, done);
    return status;
}

/* Note where the level ends; false when the table could not grow. */
static bool close_level(struct Engine *e) {
    if (!array_reserve(e, &e->level_end, (e->view.levels + 1) * 4)) return false;
    e->level_stop = (u32)e->view.states;
    ((u32 *)e->level_end.data)[e->view.levels++] = e->level_stop;
    return true;
}

/* Expand at most `batches` batches (of up to 32 states of one level). */
enum Status engine_run(struct Engine *e, u64 batches, u64 state_limit, u64 byte_limit) {
    e->byte_limit = byte_limit;
    for (; batches; batches--) {
        if (e->view.expanded == e->view.states) return DONE;
        if (e->view.states >= state_limit) return STATE_LIMIT;
        if (e->view.expanded == e->level_stop && !close_level(e)) return OUT_OF_MEMORY;
        enum Status status = expand_batch(e);
        if (status != RUNNING) return status;
    }
    return e->view.expanded == e->view.states ? DONE : RUNNING;
}

/* ---- set-up and access ---- */

static void *take(struct Engine *e, u64 count, u64 size) {
    e->view.bytes += count * size;
    return calloc(count ? count : 1, size);
}

static bool watch_new(struct Engine *e, struct Watch *watch, u32 n) {
    watch->n = n;
    u32 words = watch_words(watch);
    watch->now = take(e, words, 8);
    for (u32 value = 0; value < 2; value++) {
        u64 *unseen = watch->unseen[value] = take(e, words, 8);
        if (!unseen) return false;
        for (u32 i = 0; i < n; i++) unseen[i / 64] |= 1ull << (i % 64);
    }
    return watch->now != NULL;
}

static bool copy_masks(struct Engine *e) {
    const struct Model *m = &e->model;
    e->mask = take(e, m->words8, 8), e->frozen = take(e, m->words8, 8), e->loose = take(e, m->words8, 8);
    if (!e->mask || !e->frozen || !e->loose) return false;
    for (u32 i = 0; i < m->words8; i++) {
        e->mask[i] = m->mask[i];
        e->loose[i] = m->mask[i] | m->padding[i];
        e->frozen[i] = m->frozen[i] & ~e->loose[i];
    }
    bool portable = m->portable || !has_bmi2();
    e->pack = portable ? pack_portable : pack_bmi2;
    e->unpack = portable ? unpack_portable : unpack_bmi2;
    e->n_pieces = cut_pieces(e, portable, NULL);
    e->pieces = take(e, e->n_pieces, sizeof *e->pieces);
    return e->pieces && cut_pieces(e, portable, e->pieces) == e->n_pieces;
}

static bool take_buffers(struct Engine *e) {
    const struct Model *m = &e->model;
    u64 batch = (u64)m->max_successors * BATCH + 1;
    e->state = take(e, m->words8, 8), e->packed = take(e, e->words64, 8);
    e->out = take(e, (u64)m->words8 * (m->max_successors + 1ull), 8);
    e->batch_keys = take(e, batch * e->view.words32, 4), e->batch_ids = take(e, batch, 4);
    e->batch_hash = take(e, batch, 8), e->batch_label = take(e, batch, 2);
    e->view.label_count = take(e, m->labels, 8);
    e->view.first = take(e, 2ull * m->n_atoms, 4);
    e->view.first_edge = take(e, 2ull * m->n_edge_atoms, sizeof *e->view.first_edge);
    e->pending = take(e, 2ull * m->n_edge_atoms, sizeof *e->pending);
    if (!e->state || !e->packed || !e->out || !e->batch_keys || !e->batch_ids || !e->batch_hash || !e->batch_label)
        return false;
    if (!e->view.label_count || !e->view.first || !e->view.first_edge || !e->pending) return false;
    memset(e->view.first, 0xFF, 8ull * m->n_atoms);
    memset(e->view.first_edge, 0xFF, 2ull * m->n_edge_atoms * sizeof *e->view.first_edge);
    return true;
}

void engine_free(struct Engine *e) {
    if (!e) return;
    struct Array *arrays[] = {&e->keys, &e->parent, &e->slots, &e->level_end, &e->row, &e->target, &e->label};
    for (u32 i = 0; i < sizeof arrays / sizeof *arrays; i++) array_free(e, arrays[i]);
    void *taken[] = {e->mask, e->frozen, e->loose, e->pieces, e->watch.now, e->watch.unseen[0], e->watch.unseen[1],
                     e->edge_watch.now, e->edge_watch.unseen[0], e->edge_watch.unseen[1], e->state, e->out, e->packed,
                     e->batch_keys, e->batch_ids, e->batch_hash, e->batch_label, e->view.label_count, e->view.first,
                     e->view.first_edge, e->pending};
    for (u32 i = 0; i < sizeof taken / sizeof *taken; i++) free(taken[i]);
    free(e);
}

/* NULL when there is no memory for even an empty engine. */
struct Engine *engine_new(const struct Model *model) {
    struct Engine *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->model = *model;
    e->byte_limit = UINT64_MAX;
    e->slot_bits = FIRST_SLOT_BITS;
    e->view.bytes = sizeof *e;
    if (copy_masks(e) && watch_new(e, &e->watch, model->n_atoms) &&
        watch_new(e, &e->edge_watch, model->n_edge_atoms) && take_buffers(e))
        return e;
    engine_free(e);
    return NULL;
}

/* Before the first run only; a state that strays from `frozen` is refused as a fault with source NONE. */
enum Status engine_add_initial(struct Engine *e, const u64 *state) {
    if (strays(e, state)) return fault(e, NONE, 0, true);
    enum Status status = reserve(e, 1);
    if (status != RUNNING) return status;
    find_or_add(e, e->batch_keys, pack_key(e, state, e->batch_keys), NONE);
    return RUNNING;
}

const struct View *engine_view(struct Engine *e) {
    e->view.keys = e->keys.data, e->view.parent = e->parent.data, e->view.level_end = e->level_end.data;
    e->view.row = e->row.data, e->view.target = e->target.data, e->view.label = e->label.data;
    e->view.table_bytes = e->keys.bytes + e->parent.bytes + e->slots.bytes;
    return &e->view;
}

void engine_state(struct Engine *e, u32 id, u64 *state) { load_state(e, id, e->packed, state); }

/* The id of an unpacked state, or NONE. */
u32 engine_find(struct Engine *e, const u64 *state) {
    u64 slot;
    if (!e->slots.data || strays(e, state)) return NONE;
    return find(e, e->batch_keys, pack_key(e, state, e->batch_keys), &slot);
}

/* out[k * stride + id] = value of formula atoms[k] in state id, for from <= id < to. */
void engine_eval_atoms(struct Engine *e, const u32 *atoms, u32 count, u64 from, u64 to, u8 *out, u64 stride) {
    for (u64 id = from; id < to; id++) {
        load_state(e, (u32)id, e->packed, e->state);
        e->model.atoms(e->state, e->watch.now);
        for (u32 k = 0; k < count; k++) out[k * stride + id] = (e->watch.now[atoms[k] / 64] >> (atoms[k] % 64)) & 1;
    }
}
