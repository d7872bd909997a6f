/* The search engine: breadth-first exploration of one generated model, a batch of states at a time.
 * Everything here is model-independent; native.py compiles it once and calls it chunk-wise. */
#define _GNU_SOURCE
#include "table.h"
#include "linked.h"
#include "orbits.h"

/* ---- formulas: the first state or edge that showed each value ---- */

static u32 watch_words(const struct Watch *watch) { return (watch->n + 63) / 64; }

/* What linked formulas say of some states, but for those that were seen both ways: which these are is worked out when one
 * more is. */
static void ask_open(struct Watch *watch, const struct Asked *asked, u32 count, const u64 *before, struct Those those) {
    those.answers = watch_words(watch);
    if (watch->n_asked == NONE) {
        watch->n_asked = 0;
        for (u32 k = 0; k < count; k++)
            if (any_bit(watch->unseen[0], asked[k].bit, asked[k].count) || any_bit(watch->unseen[1], asked[k].bit, asked[k].count))
                watch->asked[watch->n_asked++] = k;
    }
    memset(watch->now, 0, those.count * those.answers * 8ull);
    for (u32 k = 0; k < watch->n_asked; k++) {
        const struct Asked *of = asked + watch->asked[k];
        of->ask(before, &those, watch->now, (u32)of->bit, of->to);
    }
}

/* The formulas of `word` that have `value` now and never had it before. */
static inline u64 newly_seen(struct Watch *watch, const u64 *now, u32 value, u32 word) {
    u64 new = (value ? now[word] : ~now[word]) & watch->unseen[value][word];
    if (!new) return 0; /* as good as always */
    watch->unseen[value][word] &= ~new;
    watch->wanted[word] = watch->unseen[0][word] | watch->unseen[1][word];
    watch->open -= (u32)__builtin_popcountll(new);
    watch->n_asked = NONE;
    return new;
}

static void watch_state(struct Engine *e, u32 id) {
    struct Watch *w = &e->watch;
    const struct Linked *l = e->linked;
    if (l) ask_open(w, l->atoms, l->n_asked, NULL, (struct Those){e->state, 1, 0, 0});
    else e->model.atoms(e->state, w->now, w->wanted);
    for (u32 value = 0; value < 2; value++)
        for (u32 word = 0; word < watch_words(w); word++)
            for (u64 new = newly_seen(w, w->now, value, word); new; new &= new - 1)
                e->view.first[value * w->n + word * 64 + (u32)__builtin_ctzll(new)] = id;
}

/* The edges to the first `count` states of e->out, which the batch has from position `first` on. */
static void watch_edges(struct Engine *e, u32 src, const u16 *labels, u32 count, u32 first) {
    struct Watch *w = &e->edge_watch;
    const struct Linked *l = e->linked;
    u32 words = watch_words(w);
    if (l) ask_open(w, l->edge_atoms, l->n_asked_of_edges, e->state, (struct Those){e->out, count, e->model.words8, 0});
    else
        for (u32 k = 0; k < count; k++)
            e->model.edge_atoms(e->state, e->out + (u64)k * e->model.words8, w->now + (u64)k * words, w->wanted);
    for (u32 k = 0; k < count; k++)
        for (u32 value = 0; value < 2; value++)
            for (u32 word = 0; word < words; word++)
                for (u64 new = newly_seen(w, w->now + (u64)k * words, value, word); new; new &= new - 1) {
                    struct Edge *witness = &e->view.first_edge[value * w->n + word * 64 + (u32)__builtin_ctzll(new)];
                    *witness = (struct Edge){src, labels[k], first + k};
                    e->pending[e->n_pending++] = witness;
                }
}

/* ---- expansion ---- */

static inline u32 successors(const struct Engine *e, const u64 *state, u64 *out, u16 *labels) {
    if (!e->linked) return e->model.expand(state, out, labels);
    return take_moves(e->linked, e->model.words8, state, out, labels);
}

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

/* A successor that cannot be kept: its label says so, or else its state strays. */
static enum Status refuse(struct Engine *e, u32 src, u32 label) {
    if ((label & (FAULT_LABEL - 1)) >= e->model.labels) return BROKEN_MODEL;
    return fault(e, src, label, !(label & FAULT_LABEL));
}

static void load_state(const struct Engine *e, u32 id, u64 *packed, u64 *state) {
    u32 words = e->view.words32;
    packed[e->words64 - 1] = 0;
    memcpy(packed, (u32 *)e->keys.data + (u64)id * words, words * 4ull);
    unpack(e, packed, state);
}

/* Write the key of an unpacked state into the (empty) batch; the result is its hash. */
static u64 pack_alone(struct Engine *e, const u64 *state) {
    pack(e, e->model.orbits ? representative(e, state) : state, e->batch_keys, e->bmi2);
    return hash_key(e->batch_keys, e->view.words32);
}

/* Pack the `count` successors in e->out into the batch, from position `first` on.  Less than `count`: the first that
 * cannot be kept. */
INLINE u32 pack_successors(struct Engine *e, u32 first, u32 count, u32 words, bool bmi2, bool fetch) {
    const struct Table t = table_of(e, words);
    const u16 *labels = e->batch_label + first;
    const u64 *state = e->out;
    u32 *key = e->batch_keys + (u64)first * words;
    bool orbits = e->model.orbits != NULL;
    for (u32 k = 0; k < count; k++, state += e->model.words8, key += words) {
        if (labels[k] >= e->model.labels || strays(e, state)) return k; /* a FAULT_LABEL makes it too large */
        pack(e, orbits ? representative(e, state) : state, key, bmi2);
        u64 hash = e->batch_hash[first + k] = hash_key(key, words);
        if (fetch) __builtin_prefetch(t.slots + home_slot(&t, hash), 1);
    }
    return count;
}

/* The same in one go, by a program that steps from key to key: no state is unpacked.  False: it cannot, or something is wrong
 * with one of the successors. */
INLINE bool step_on_keys(struct Engine *e, u32 src, u32 *total, u32 words, bool fetch) {
    if (!e->model.keys || e->model.orbits || e->edge_watch.open) return false; /* representatives are of states */
    const struct Table t = table_of(e, words);
    u32 *key = e->batch_keys + (u64)*total * words, count = e->model.keys(key_of(&t, src), e->frozen, key, e->batch_label + *total);
    if (count > e->model.max_successors) return false;
    for (u64 *hash = e->batch_hash + *total, *end = hash + count; hash < end; hash++, key += words) {
        *hash = hash_key(key, words);
        if (fetch) __builtin_prefetch(t.slots + home_slot(&t, *hash), 1);
    }
    *total += count;
    return true;
}

/* Append the packed successors of state `src` to the batch, which holds *total of them.  fetch: this thread will look them up. */
INLINE enum Status generate(struct Engine *e, u32 src, u32 *total, u32 words, bool bmi2, bool fetch) {
    if (e->watch.open) {
        load_state(e, src, e->packed, e->state);
        watch_state(e, src);
    }
    if (step_on_keys(e, src, total, words, fetch)) return RUNNING;
    load_state(e, src, e->packed, e->state);
    u16 *labels = e->batch_label + *total;
    u32 count = successors(e, e->state, e->out, labels);
    if (count > e->model.max_successors) return BROKEN_MODEL;
    u32 packed = pack_successors(e, *total, count, words, bmi2, fetch);
    if (packed < count) return refuse(e, src, labels[packed]);
    if (e->edge_watch.open && count) watch_edges(e, src, labels, count, *total);
    *total += count;
    return RUNNING;
}

/* ---- what was met lately: most successors are old, and near; of a large search that keeps no edges ---- */

/* Of the keys with this place, is it the one that was met last?  It is now. */
INLINE bool met_lately(struct Engine *e, const u32 *key, u64 hash, u32 words) {
    u32 *last = (u32 *)e->lately.data + (hash & (LATELY - 1)) * words;
    bool same = same_key(last, key, words);
    memcpy(last, key, words * 4ull);
    return same;
}

/* From now on nothing was met but the first state.  Without memory nothing is told. */
static void forget_what_was_met(struct Engine *e, const u32 *first) {
    u32 words = e->view.words32;
    if (e->model.keep_edges || !array_reserve(e, &e->lately, LATELY * words * 4ull)) return;
    for (u32 k = 0; k < LATELY; k++) memcpy((u32 *)e->lately.data + (u64)k * words, first, words * 4ull);
}

/* Not while an edge is kept for a formula: its end is an id. */
INLINE bool tells_what_was_met(const struct Engine *e) { return e->lately.data && !e->edge_watch.open && !e->n_pending; }

/* Where each key is, or would be, and the one that is there now: fetched, since most successors are old. */
INLINE void approach(const struct Table *t, const u64 *hash, u32 total, u32 *slot) {
    for (u32 j = 0; j < total; j++) {
        slot[j] = (u32)likely_slot(t, hash[j]);
        u32 entry = t->slots[slot[j]];
        __builtin_prefetch(key_of(t, entry ? (entry & id_bits(t)) - 1 : t->states));
    }
}

static void keep_row(struct Engine *e, u32 from, u32 to) {
    u64 first = e->view.transitions;
    memcpy((u32 *)e->target.data + first, e->batch_ids + from, (to - from) * 4ull);
    memcpy((u16 *)e->label.data + first, e->batch_label + from, (to - from) * 2ull);
    ((u64 *)e->row.data)[e->view.expanded + 1] = first + (to - from);
}

/* Look up or insert the successors of the first `states` states of the batch. */
INLINE void settle(struct Engine *e, u32 states, u32 words) {
    struct Table t = table_of(e, words);
    const u64 *hash = e->batch_hash;
    u64 *label_count = e->view.label_count;
    approach(&t, hash, states ? e->batch_end[states - 1] : 0, e->batch_ids);
    for (u32 s = 0, j = 0; s < states; s++) {
        u32 from = j, src = (u32)e->view.expanded, end = e->batch_end[s];
        for (; j < end; j++) {
            e->batch_ids[j] = find_or_add(&t, e->batch_keys + (u64)j * words, hash[j], e->batch_ids[j], src);
            label_count[e->batch_label[j]]++;
        }
        if (e->model.keep_edges) keep_row(e, from, j);
        e->view.transitions += j - from;
        e->view.expanded++;
    }
    e->view.states = t.states;
    while (e->n_pending) {
        struct Edge *witness = e->pending[--e->n_pending];
        witness->dst = e->batch_ids[witness->dst];
    }
}

/* The same where nobody asks for an id: what was met lately needs no looking up. */
INLINE void settle_unmet(struct Engine *e, u32 states, u32 words) {
    struct Table t = table_of(e, words);
    u32 total = states ? e->batch_end[states - 1] : 0, unmet = 0, s = 0, first = (u32)e->view.expanded;
    for (u32 j = 0; j < total; j++) {
        e->view.label_count[e->batch_label[j]]++;
        e->unmet[unmet] = j, e->unmet_hash[unmet] = e->batch_hash[j];
        unmet += !met_lately(e, e->batch_keys + (u64)j * words, e->batch_hash[j], words);
    }
    approach(&t, e->unmet_hash, unmet, e->batch_ids);
    for (u32 k = 0; k < unmet; k++) {
        u32 j = e->unmet[k];
        while (e->batch_end[s] <= j) s++;
        find_or_add(&t, e->batch_keys + (u64)j * words, e->unmet_hash[k], e->batch_ids[k], first + s);
    }
    e->view.transitions += total, e->view.expanded += states, e->view.states = t.states;
}

INLINE enum Status expand_batch_of(struct Engine *e, u32 words, bool bmi2) {
    u64 left = e->level_stop - e->view.expanded;
    u32 states = left < BATCH ? (u32)left : BATCH, total = 0, done = 0;
    enum Status status = reserve(e, (u64)states * e->model.max_successors);
    if (status != RUNNING) return status;
    for (; done < states; done++) {
        status = generate(e, (u32)e->view.expanded + done, &total, words, bmi2, true);
        if (status != RUNNING) break;
        e->batch_end[done] = total;
    }
    if (tells_what_was_met(e)) settle_unmet(e, done, words);
    else settle(e, done, words);
    return status;
}

/* The same work for every width of a key; where it is a constant, the compiler makes better code of it.  That takes it a
 * second for all widths (EOI_WIDTHS), for searches that come by the hundred, and half of one for the width of a large search
 * (EOI_WIDTH), which goes on with that. */
static enum Status expand_batch(struct Engine *e) {
#ifdef EOI_WIDTHS
    switch (e->bmi2 ? e->view.words32 : 0) {
    case 1: return expand_batch_of(e, 1, true);
    case 2: return expand_batch_of(e, 2, true);
    case 3: return expand_batch_of(e, 3, true);
    case 4: return expand_batch_of(e, 4, true);
    case 5: return expand_batch_of(e, 5, true);
    case 6: return expand_batch_of(e, 6, true);
    default: break; /* without BMI2, or more than 192 bits */
    }
#elif defined EOI_WIDTH
    if (e->bmi2 && e->view.words32 == EOI_WIDTH) return expand_batch_of(e, EOI_WIDTH, true);
#endif
    return expand_batch_of(e, e->view.words32, e->bmi2);
}

/* Note where the level ends; false when the table could not grow. */
static bool close_level(struct Engine *e) {
    if (!array_reserve(e, &e->level_end, (e->view.levels + 1) * 4)) return false;
    e->level_stop = (u32)e->view.states;
    ((u32 *)e->level_end.data)[e->view.levels++] = e->level_stop;
    return true;
}

#ifdef EOI_WIDTH
static void go_large(struct Engine *e) { if (!e->lately.data && e->view.states) forget_what_was_met(e, e->keys.data); }
#include "threads.h"
#else /* what is not large is not shared */
static void go_large(struct Engine *e) { (void)e; }
static bool is_worth_sharing(const struct Engine *e, u64 state_limit) { (void)e, (void)state_limit; return false; }
static u32 share_out(struct Engine *e, u64 *batches, u64 state_limit) { (void)e, (void)batches, (void)state_limit; return 0; }
static void new_team(struct Engine *e, u32 threads) { (void)e, (void)threads; }
static void free_team(struct Engine *e) { (void)e; }
static void rest_team(struct Engine *e) { (void)e; }
static void take_marks(struct Engine *e, u8 *out) { (void)e, (void)out; }
#endif

static enum Status run(struct Engine *e, u64 batches, u64 state_limit) {
    for (u32 alone = 0; batches;) {
        if (e->view.expanded == e->view.states) return DONE;
        if (e->view.states >= state_limit) return STATE_LIMIT;
        if (e->view.expanded == e->level_stop && !close_level(e)) return OUT_OF_MEMORY;
        if (e->team && !alone && is_worth_sharing(e, state_limit)) {
            alone = share_out(e, &batches, state_limit);
            continue;
        }
        enum Status status = expand_batch(e);
        if (status != RUNNING) return status;
        batches--, alone -= alone > 0;
    }
    return e->view.expanded == e->view.states ? DONE : RUNNING;
}

/* Expand at most `batches` batches (of up to 32 states of one level). */
enum Status engine_run(struct Engine *e, u64 batches, u64 state_limit, u64 byte_limit) {
    e->byte_limit = byte_limit;
    go_large(e);
    enum Status status = run(e, batches, state_limit);
    if (status == OUT_OF_MEMORY && e->team) { /* what several threads have may be what one lacks */
        struct Team *team = e->team;
        rest_team(e);
        e->team = NULL;
        status = run(e, batches, state_limit);
        e->team = team;
    }
    spill_tend(e);
    return status == OUT_OF_MEMORY && e->spill.full ? OUT_OF_DISK : status;
}

/* From now on, what the limit on memory has no room for goes to files in `folder`, of so many bytes.  NULL: nothing more. */
bool engine_spill(struct Engine *e, const char *folder, u64 limit) {
    free(e->spill.folder);
    e->spill = (struct Spill){.folder = folder ? strdup(folder) : NULL, .limit = limit};
    return !folder == !e->spill.folder;
}

/* How many threads search, from now on. */
void engine_threads(struct Engine *e, u32 threads) {
    free_team(e);
    if (threads > 1) new_team(e, threads);
}

/* Add to `out` what the steps that other threads took have noted. */
void engine_marks(struct Engine *e, u8 *out) { take_marks(e, out); }

/* ---- set-up and access ---- */

static void *take(struct Engine *e, u64 count, u64 size) {
    e->view.bytes += count * size;
    return calloc(count ? count : 1, size);
}

/* Of n formulas, asked of at most `states` states at a time. */
static bool watch_new(struct Engine *e, struct Watch *watch, u32 n, u64 states) {
    watch->n = n, watch->open = 2 * n;
    u32 words = watch_words(watch);
    watch->now = take(e, states * words, 8), watch->asked = take(e, n, 4), watch->n_asked = NONE;
    for (u32 value = 0; value < 2; value++) {
        u64 *unseen = watch->unseen[value] = take(e, words, 8);
        if (!unseen) return false;
        for (u32 i = 0; i < n; i++) unseen[i / 64] |= 1ull << (i % 64);
    }
    watch->wanted = take(e, words, 8);
    if (watch->wanted) memcpy(watch->wanted, watch->unseen[0], words * 8ull);
    return watch->now && watch->asked && watch->wanted;
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
    e->bmi2 = !portable;
    e->n_pieces = cut_pieces(e, portable, NULL);
    e->pieces = take(e, e->n_pieces, sizeof *e->pieces);
    return e->pieces && cut_pieces(e, portable, e->pieces) == e->n_pieces;
}

static bool take_buffers(struct Engine *e) {
    const struct Model *m = &e->model;
    u64 batch = (u64)m->max_successors * BATCH + 1;
    e->state = take(e, m->words8, 8), e->packed = take(e, e->words64, 8), e->renamed = take(e, m->words8, 8);
    e->out = take(e, (u64)m->words8 * (m->max_successors + 1ull), 8);
    e->batch_keys = take(e, batch * e->view.words32 + PACK_SLACK, 4), e->batch_ids = take(e, batch, 4);
    e->batch_hash = take(e, batch, 8), e->batch_label = take(e, batch, 2);
    e->unmet = take(e, m->keep_edges ? 0 : batch, 4), e->unmet_hash = take(e, m->keep_edges ? 0 : batch, 8);
    e->view.label_count = take(e, m->labels, 8);
    e->view.first = take(e, 2ull * m->n_atoms, 4);
    e->view.first_edge = take(e, 2ull * m->n_edge_atoms, sizeof *e->view.first_edge);
    e->pending = take(e, 2ull * m->n_edge_atoms, sizeof *e->pending);
    if (!e->state || !e->packed || !e->renamed || !e->out || !e->batch_keys || !e->batch_ids || !e->batch_hash || !e->batch_label || !e->unmet || !e->unmet_hash)
        return false;
    if (!e->view.label_count || !e->view.first || !e->view.first_edge || !e->pending) return false;
    memset(e->view.first, 0xFF, 8ull * m->n_atoms);
    memset(e->view.first_edge, 0xFF, 2ull * m->n_edge_atoms * sizeof *e->view.first_edge);
    return true;
}

void engine_free(struct Engine *e) {
    if (!e) return;
    free_team(e);
    struct Array *arrays[] = {&e->keys, &e->parent, &e->slots, &e->level_end, &e->row, &e->target, &e->label, &e->lately};
    for (u32 i = 0; i < sizeof arrays / sizeof *arrays; i++) array_free(e, arrays[i]);
    void *taken[] = {e->mask, e->frozen, e->loose, e->pieces, e->watch.now, e->watch.unseen[0], e->watch.unseen[1], e->watch.wanted, e->watch.asked,
                     e->edge_watch.now, e->edge_watch.unseen[0], e->edge_watch.unseen[1], e->edge_watch.wanted, e->edge_watch.asked, e->state, e->out, e->packed,
                     e->batch_keys, e->batch_ids, e->batch_hash, e->batch_label, e->unmet, e->unmet_hash, e->view.label_count, e->view.first,
                     e->view.first_edge, e->pending, e->spill.folder, e->renamed};
    for (u32 i = 0; i < sizeof taken / sizeof *taken; i++) free(taken[i]);
    free(e);
}

/* NULL when there is no memory for even an empty engine. */
struct Engine *engine_new(const struct Model *model) {
    struct Engine *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->model = *model, e->linked = model->linked;
    e->byte_limit = UINT64_MAX;
    e->slot_bits = FIRST_SLOT_BITS;
    e->view.bytes = sizeof *e;
    if (copy_masks(e) && watch_new(e, &e->watch, model->n_atoms, 1) &&
        watch_new(e, &e->edge_watch, model->n_edge_atoms, model->max_successors) && take_buffers(e))
        return e;
    engine_free(e);
    return NULL;
}

/* Before the first run only; a state that strays from `frozen` is refused as a fault with source NONE. */
enum Status engine_add_initial(struct Engine *e, const u64 *state) {
    if (strays(e, state)) return fault(e, NONE, 0, true);
    enum Status status = reserve(e, 1);
    if (status != RUNNING) return status;
    struct Table t = table_of(e, e->view.words32);
    u64 hash = pack_alone(e, state);
    find_or_add(&t, e->batch_keys, hash, home_slot(&t, hash), NONE);
    e->view.states = t.states;
    return RUNNING;
}

static bool copy_array(struct Engine *e, struct Array *to, const void *from, u64 bytes) {
    if (!bytes || !array_reserve(e, to, bytes)) return !bytes;
    fill(to, from, bytes);
    return true;
}

/* What was seen with a value, which is what has a first state or edge. */
static void reopen(struct Watch *watch, const u32 *first, u32 stride) {
    watch->open = 0, watch->n_asked = NONE;
    for (u32 word = 0; word < watch_words(watch); word++) watch->wanted[word] = 0;
    for (u32 k = 0; k < 2 * watch->n; k++) {
        u32 atom = k % watch->n;
        u64 bit = 1ull << (atom % 64), open = first[(u64)k * stride] == NONE ? bit : 0;
        watch->unseen[k / watch->n][atom / 64] = (watch->unseen[k / watch->n][atom / 64] & ~bit) | open;
        watch->wanted[atom / 64] |= open;
        watch->open += open != 0;
    }
}

/* Go to where another search of the same model was, in the place of the initial states. */
enum Status engine_restore(struct Engine *e, const struct View *from, u64 byte_limit) {
    u32 bits;
    e->byte_limit = byte_limit;
    e->view.states = e->view.expanded = e->view.transitions = 0;
    array_free(e, &e->lately);
    enum Status status = make_room(e, from->states, from->transitions, from->expanded, &bits);
    if (status != RUNNING) return status;
    fill(&e->keys, from->keys, from->states * e->view.words32 * 4), fill(&e->parent, from->parent, from->states * 4);
    bool room = copy_array(e, &e->level_end, from->level_end, from->levels * 4);
    if (room && e->model.keep_edges) {
        fill(&e->row, from->row, (from->expanded + 1) * 8);
        room = copy_array(e, &e->target, from->target, from->transitions * 4) && copy_array(e, &e->label, from->label, from->transitions * 2);
    }
    e->view.states = from->states, e->view.expanded = from->expanded;
    e->view.transitions = from->transitions, e->view.levels = from->levels;
    e->level_stop = from->levels ? from->level_end[from->levels - 1] : 0;
    memcpy(e->view.label_count, from->label_count, e->model.labels * 8ull);
    memcpy(e->view.first, from->first, 8ull * e->model.n_atoms);
    memcpy(e->view.first_edge, from->first_edge, 2ull * e->model.n_edge_atoms * sizeof *from->first_edge);
    reopen(&e->watch, e->view.first, 1), reopen(&e->edge_watch, &e->view.first_edge->src, sizeof *from->first_edge / 4);
    return room && rehash(e, bits) ? RUNNING : OUT_OF_MEMORY;
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
    if (!e->slots.data || strays(e, state)) return NONE;
    const struct Table t = table_of(e, e->view.words32);
    u64 hash = pack_alone(e, state), slot = home_slot(&t, hash);
    return find(&t, e->batch_keys, hash, &slot);
}

/* out[k * stride + id] = value of formula atoms[k] in state id, for from <= id < to. */
void engine_eval_atoms(struct Engine *e, const u32 *atoms, u32 count, u64 from, u64 to, u8 *out, u64 stride) {
    u32 words = watch_words(&e->watch);
    u64 wanted[words + 1], *now = e->watch.now;
    memset(wanted, 0, sizeof wanted);
    for (u32 k = 0; k < count; k++) wanted[atoms[k] / 64] |= 1ull << (atoms[k] % 64);
    for (u64 id = from; id < to; id++) {
        load_state(e, (u32)id, e->packed, e->state);
        if (e->linked) ask(e->linked->atoms, e->linked->n_asked, wanted, e->state, now, words);
        else e->model.atoms(e->state, now, wanted);
        for (u32 k = 0; k < count; k++) out[k * stride + id] = (now[atoms[k] / 64] >> (atoms[k] % 64)) & 1;
    }
}

/* What the formulas of steps say of each kept edge of the states from <= id < to, one after the other: u64[edges, words]. */
void engine_eval_edges(struct Engine *e, u64 from, u64 to, u64 *said) {
    u32 words = watch_words(&e->edge_watch);
    const u64 *row = e->row.data;
    u64 every[words + 1];
    memset(every, 0xFF, sizeof every);
    const struct Those after = {e->out, 1, e->model.words8, words};
    for (u64 id = from; id < to; id++)
        for (u64 k = row[id]; k < row[id + 1]; k++, said += words) {
            load_state(e, (u32)id, e->packed, e->state);
            load_state(e, ((u32 *)e->target.data)[k], e->packed, e->out);
            memset(said, 0, words * 8ull);
            if (!e->linked) e->model.edge_atoms(e->state, e->out, said, every);
            else
                for (const struct Asked *of = e->linked->edge_atoms, *end = of + e->linked->n_asked_of_edges; of < end; of++)
                    of->ask(e->state, &after, said, (u32)of->bit, of->to);
        }
}

/* All enabled successors of any state; the room that `out` and `labels` need is that of max_successors. */
u32 engine_successors(struct Engine *e, const u64 *state, u64 *out, u16 *labels) { return successors(e, state, out, labels); }

/* Are the `count` states in `one` and in `other` the same, but for what each is frozen to? */
static bool alike(const struct Engine *e, const u64 *one, const u64 *other, const u64 *frozen, u32 count) {
    for (u32 k = 0; k < count; k++, one += e->model.words8, other += e->model.words8)
        for (u32 i = 0; i < e->model.words8; i++)
            if ((one[i] ^ other[i]) & e->mask[i] || (one[i] ^ e->frozen[i] | other[i] ^ frozen[i]) & ~e->loose[i]) return false;
    return true;
}

/* Is there a state of this search, from <= id < to, in which two programs' moves do not do the same?  `mine`: those of this
 * model.  The other's state lies the same way, and has `frozen` where this one's has e->frozen.  Without memory there is. */
bool engine_differs(struct Engine *e, const struct Linked *mine, const struct Linked *other, const u64 *frozen, u64 from, u64 to) {
    u32 words = e->model.words8, room = e->model.max_successors;
    u64 *out = malloc((room + 2ull) * words * 8), *state = out + (room + 1ull) * words;
    u16 *labels = malloc(room * 2ull + 2);
    bool differs = !out || !labels;
    for (u64 id = from; id < to && !differs; id++) {
        load_state(e, (u32)id, e->packed, e->state);
        for (u32 i = 0; i < words; i++) state[i] = (e->state[i] & e->loose[i]) | frozen[i];
        u32 count = take_moves(mine, words, e->state, e->out, e->batch_label);
        differs = take_moves(other, words, state, out, labels) != count || memcmp(labels, e->batch_label, count * 2ull) ||
                  !alike(e, e->out, out, frozen, count);
    }
    free(out), free(labels);
    return differs;
}

/* Go on with the same program, compiled as a whole. */
void engine_go_on_whole(struct Engine *e, const struct Model *whole) {
    e->model.expand = whole->expand, e->model.atoms = whole->atoms, e->model.edge_atoms = whole->edge_atoms;
    e->model.marks = whole->marks, e->model.keys = whole->keys;
    e->linked = NULL;
}

#include "noticing.h"
/* ---- a search that is shared out among processes (workers/partitioned.py): each has the states whose hash says so ---- */

static u32 part_of(u64 hash, u32 parts) { return (u32)hash % parts; } /* a table's slots go by the other end of a hash */

/* Which part has each of some keys. */
void engine_part_of(const struct Engine *e, const u32 *keys, u64 count, u32 parts, u32 *part) {
    for (u64 k = 0; k < count; k++) part[k] = part_of(hash_key(keys + k * e->view.words32, e->view.words32), parts);
}

/* The packed successors of the states first..first+count of this table, one after the other, with labels, parts, and where those of
 * each state end.  Of an edge that a formula saw first, `dst` is its position among those of its source.  Returns how many states
 * were done: less if a successor cannot be kept. */
u32 engine_expand(struct Engine *e, u32 first, u32 count, u32 parts, u32 *keys, u16 *labels, u32 *part, u32 *end) {
    u32 words = e->view.words32, total = 0;
    for (u32 k = 0; k < count; k++) {
        u32 made = 0;
        if (generate(e, first + k, &made, words, e->bmi2, false) != RUNNING) return k;
        e->n_pending = 0;
        memcpy(keys + (u64)total * words, e->batch_keys, made * words * 4ull);
        memcpy(labels + total, e->batch_label, made * 2ull);
        for (u32 j = 0; j < made; j++) {
            part[total + j] = part_of(e->batch_hash[j], parts);
            e->view.label_count[e->batch_label[j]]++;
        }
        end[k] = total += made;
    }
    return count;
}

/* Look up or insert keys, in this order; ids: of each. */
enum Status engine_insert(struct Engine *e, const u32 *keys, const u32 *parents, u64 count, u64 byte_limit, u32 *ids) {
    u32 words = e->view.words32;
    e->byte_limit = byte_limit;
    for (u64 k = 0; k < count;) {
        u64 stop = count - k < 4096 ? count : k + 4096;
        enum Status status = reserve(e, stop - k);
        if (status != RUNNING) return status;
        struct Table t = table_of(e, words);
        for (; k < stop; k++) {
            u64 hash = hash_key(keys + k * words, words);
            ids[k] = find_or_add(&t, keys + k * words, hash, likely_slot(&t, hash), parents[k]);
        }
        e->view.states = t.states;
    }
    return RUNNING;
}
