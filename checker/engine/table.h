/* The state table of the search engine: memory, packing and exact lookup.  Included by runtime.c.
 *
 * A state is kept as the bits its mask selects, nothing is hashed away.  Keys lie in one dense array in
 * order of discovery, so a state's id is its breadth-first number; the hash table holds ids only (u32),
 * with the start of the hash as a tag in the bits an id does not need.  Everything one batch of states
 * can need is reserved before the batch starts, so running out of memory leaves an engine that is still
 * consistent and can go on.  There is no global state: one engine per thread.  Little-endian only. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "packed states are read as little-endian words"
#endif

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define NONE UINT32_MAX          /* no id: parent of an initial state, witness not found */
#define MAX_STATES (UINT32_MAX - 2u)
#define BATCH 32u                /* states expanded before their successors are looked up */
#ifdef EOI_LATELY /* for tests */
#define LATELY EOI_LATELY
#else
#define LATELY 8192u /* keys of which it is known that they were met */
#endif
#define FAULT_LABEL 0x8000u      /* set in a label: the step stored a value out of range */
#define FIRST_SLOT_BITS 16u
#define PACK_SLACK 2u            /* u32 that pack() may write behind a key */
#define FIRST_BYTES (1ull << 14) /* of an array */
#define HUGE_PAGE (2ull << 20)
/* For what must be part of a caller that knows how wide a key is: copying, hashing and comparing then need no loop. */
#define INLINE static inline __attribute__((always_inline))

enum Status { RUNNING, DONE, FAULT, OUT_OF_MEMORY, STATE_LIMIT, BROKEN_MODEL, OUT_OF_DISK };

struct Linked;
struct Team;
struct Orbits;

struct Model { /* mirrored by checker/engine/native.py */
    u32 (*expand)(const void *state, void *out, u16 *labels);
    void (*atoms)(const void *state, u64 *words, const u64 *wanted);
    void (*edge_atoms)(const void *before, const void *after, u64 *words, const u64 *wanted);
    void (*marks)(u8 *out);      /* of the thread that calls; or NULL */
    u32 (*keys)(const u32 *key, const void *frozen, u32 *out, u16 *labels); /* see cgen_key.py; or NULL */
    const struct Linked *linked; /* instead of these functions; or NULL */
    const u64 *mask, *frozen, *padding; /* words8 each; padding: bits whose value means nothing */
    const struct Orbits *orbits; /* whose representatives alone are kept; or NULL */
    u32 words8, max_successors, labels, n_atoms, n_edge_atoms;
    u32 keep_edges, portable; /* booleans; portable: do not use BMI2 */
    u32 n_marks;
};

/* file: 0, or one more than the number of the file that it lies in, of which the first `sent` bytes are on their way. */
struct Array { void *data; u64 bytes, sent; int file; };
struct Spill { char *folder; u64 limit; bool full; }; /* full: the last try to take room on the disk failed */
struct Piece { u64 mask; u32 word, from, count, to; }; /* bits of one state word -> bits [to, to+count) packed */
struct Edge { u32 src, label, dst; };
/* n formulas.  unseen[v]: those never yet seen with value v; `open` of them for both v together.  What `now` says of a
 * formula that was seen with both is not looked at, so it need not be evaluated. */
struct Watch {
    u32 n, open;
    u64 *now, *unseen[2], *wanted; /* wanted: unseen with one value or the other */
    u32 n_asked, *asked; /* of a linked program: which entries of its table are `open`; n_asked is NONE if not known */
};

struct View { /* everything Python may look at; mirrored by checker/engine/native.py */
    u64 expanded, states, transitions, levels, bytes, table_bytes, disk_bytes;
    u32 words32, fault_src, fault_label, fault_stray;
    u32 *keys, *parent, *level_end, *first;
    struct Edge *first_edge;
    u64 *label_count, *row;
    u32 *target;
    u16 *label;
};

struct Engine {
    struct Model model;
    const struct Linked *linked; /* while it is not compiled as a whole */
    struct View view;
    struct Array keys, parent, slots, level_end, row, target, label;
    u32 slot_bits, words64, level_stop;
    u64 byte_limit;
    struct Spill spill;
    u64 *mask, *frozen, *loose; /* loose: stored or padding, so not required to equal frozen */
    struct Piece *pieces;
    u32 n_pieces;
    bool bmi2;
    struct Watch watch, edge_watch;
    u64 *state, *out, *packed, *renamed; /* scratch: one unpacked state, its successors, one packed state, see orbits.h */
    u32 *batch_keys, *batch_ids, batch_end[BATCH]; /* batch_ids: first where in the table to look, then the ids */
    u64 *batch_hash;
    u16 *batch_label;
    struct Array lately; /* keys that were met, by their hash, or nothing */
    u32 *unmet; /* which of the batch's are not among them, and their hashes */
    u64 *unmet_hash;
    struct Edge **pending; /* edge witnesses whose dst is still a position in the batch */
    u32 n_pending;
    u32 threads;
    struct Team *team; /* of so many threads, or NULL */
};

#include "spill.h"

/* ---- memory: small arrays are of the heap, whose pages the next search uses again (new ones would be most of the cost
 * of a search of 500 states); large ones are mapped and grow by moving page tables, never by copying ---- */

static u64 round_up(u64 bytes, u64 unit) { return (bytes + unit - 1) / unit * unit; }
static bool is_small(u64 bytes) { return bytes < 2 * HUGE_PAGE; }

static void array_free(struct Engine *e, struct Array *a) {
    if (a->file) {
        file_free(e, a);
        return;
    }
    if (is_small(a->bytes)) free(a->data);
    else munmap(a->data, a->bytes);
    e->view.bytes -= a->bytes;
    *a = (struct Array){0};
}

/* A mapping for what is in `a`, at a huge-page boundary so that huge pages survive a move; NULL: `a` is as it was. */
static void *map_huge(const struct Array *a, u64 bytes) {
    u8 *area = mmap(NULL, bytes + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) return NULL;
    u8 *start = (u8 *)round_up((u64)area, HUGE_PAGE), *end = area + bytes + HUGE_PAGE;
    bool mapped = is_small(a->bytes)
                      ? mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0
                      : mremap(a->data, a->bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, start) != MAP_FAILED;
    if (!mapped) {
        munmap(area, bytes + HUGE_PAGE);
        return NULL;
    }
    if (start > area) munmap(area, (u64)(start - area));
    if (end > start + bytes) munmap(start + bytes, (u64)(end - (start + bytes)));
    madvise(start, bytes, MADV_HUGEPAGE);
    if (a->data && is_small(a->bytes)) {
        memcpy(start, a->data, a->bytes);
        free(a->data);
    }
    return start;
}

/* Give `a` more room.  All of it is 0 if it had none. */
static bool array_map(struct Engine *e, struct Array *a, u64 bytes) {
    while (!a->file && !fits(e, bytes - a->bytes))
        if (!spill_next(e)) return false;
    if (a->file) return file_grow(e, a, bytes);
    void *start = !is_small(bytes) ? map_huge(a, bytes) : a->data ? realloc(a->data, bytes) : calloc(1, bytes);
    if (!start) return false;
    e->view.bytes += bytes - a->bytes;
    *a = (struct Array){.data = start, .bytes = bytes};
    return true;
}

static bool array_reserve(struct Engine *e, struct Array *a, u64 bytes) {
    if (bytes <= a->bytes) return true;
    u64 wanted = a->bytes + (is_small(a->bytes) ? a->bytes : a->bytes / 8); /* unused room is wasted once it is large */
    if (wanted < bytes) wanted = bytes;
    return array_map(e, a, round_up(wanted, is_small(wanted) ? FIRST_BYTES : HUGE_PAGE));
}

/* ---- packing: the masked bits of a state, end to end ---- */

static inline u64 ones(u32 count) { return count == 64 ? ~0ull : (1ull << count) - 1; }

/* The bits of a piece, from a state word to the low end, and back. */
#if defined(__x86_64__)
static bool has_bmi2(void) { __builtin_cpu_init(); return __builtin_cpu_supports("bmi2"); }

INLINE u64 gather(u64 word, const struct Piece *p, bool bmi2) {
    if (!bmi2) return (word & p->mask) >> p->from;
    __asm__("pext %1, %0, %0" : "+r"(word) : "rm"(p->mask)); /* the intrinsic wants a caller that is all BMI2 */
    return word;
}

INLINE u64 scatter(u64 bits, const struct Piece *p, bool bmi2) {
    if (!bmi2) return bits << p->from;
    __asm__("pdep %1, %0, %0" : "+r"(bits) : "rm"(p->mask));
    return bits;
}
#else
static bool has_bmi2(void) { return false; }
INLINE u64 gather(u64 word, const struct Piece *p, bool bmi2) { (void)bmi2; return (word & p->mask) >> p->from; }
INLINE u64 scatter(u64 bits, const struct Piece *p, bool bmi2) { (void)bmi2; return bits << p->from; }
#endif

static inline u64 get_bits(const u64 *packed, u32 to, u32 count) {
    u32 shift = to & 63;
    u64 bits = packed[to >> 6] >> shift;
    if (shift + count > 64) bits |= packed[(to >> 6) + 1] << (64 - shift);
    return bits & ones(count);
}

/* Write the key of a state.  Whole u64 are written, so what follows the key (up to PACK_SLACK u32) is lost. */
INLINE void pack(const struct Engine *e, const u64 *state, u32 *key, bool bmi2) {
    u64 word = 0; /* the packed word being filled, its low `filled` bits are */
    u32 filled = 0;
    for (const struct Piece *p = e->pieces, *end = p + e->n_pieces; p < end; p++) {
        u64 bits = gather(state[p->word], p, bmi2);
        word |= bits << filled;
        filled += p->count;
        if (filled < 64) continue;
        memcpy(key, &word, 8);
        key += 2, filled -= 64;
        word = filled ? bits >> (p->count - filled) : 0;
    }
    memcpy(key, &word, 8);
}

static void unpack(const struct Engine *e, const u64 *packed, u64 *state) {
    memcpy(state, e->frozen, e->model.words8 * 8ull);
    for (const struct Piece *p = e->pieces, *end = p + e->n_pieces; p < end; p++)
        state[p->word] |= scatter(get_bits(packed, p->to, p->count), p, e->bmi2);
}

/* One piece per state word for BMI2, one per run of adjacent bits without it: the packed form is the same. */
static u32 cut_pieces(struct Engine *e, bool runs, struct Piece *pieces) {
    u32 n = 0, to = 0;
    for (u32 word = 0; word < e->model.words8; word++) {
        for (u64 rest = e->mask[word]; rest;) {
            u32 from = (u32)__builtin_ctzll(rest);
            u64 above = ~(rest >> from); /* never 0 unless all 64 bits are one run */
            u64 mask = runs ? ones(above ? (u32)__builtin_ctzll(above) : 64) << from : rest;
            u32 count = (u32)__builtin_popcountll(mask);
            if (pieces) pieces[n] = (struct Piece){mask, word, from, count, to};
            n++, to += count, rest &= ~mask;
        }
    }
    e->words64 = to ? (to + 63) / 64 : 1;
    e->view.words32 = to ? (to + 31) / 32 : 1;
    return n;
}

/* ---- the table ---- */

INLINE u64 hash_key(const u32 *key, u32 words) {
#ifdef EOI_BAD_HASH
    (void)words;
    return (u64)(key[0] & 3) << 62; /* four chains and one tag: for tests of exactness */
#else
#ifdef EOI_ONE_CHAIN /* for tests of two threads: it goes on from one's slots into the other's */
#define SPREAD(h) (((h) >> 14) + (1ull << 63) - (1ull << 49))
#else
#define SPREAD(h) (h)
#endif
    u64 h = 0x9E3779B97F4A7C15ull;
    u32 i = 0;
    for (; i + 2 <= words; i += 2) {
        u64 pair;
        memcpy(&pair, key + i, 8);
        h = (h ^ pair) * 0xD6E8FEB86659FD93ull;
        h ^= h >> 32;
    }
    if (i < words) h = (h ^ key[i]) * 0xD6E8FEB86659FD93ull, h ^= h >> 32;
    h *= 0x9FB21C651E98DF25ull;
    return SPREAD(h ^ h >> 29);
#endif
}

/* The table as one batch of work sees it: a copy, so that the compiler can keep it in registers. */
struct Table { u32 *slots, *keys, *parent, slot_bits, words, states; };

INLINE struct Table table_of(const struct Engine *e, u32 words) {
    return (struct Table){e->slots.data, e->keys.data, e->parent.data, e->slot_bits, words, (u32)e->view.states};
}

INLINE u64 home_slot(const struct Table *t, u64 hash) { return hash >> (64 - t->slot_bits); }
INLINE u32 id_bits(const struct Table *t) { return (u32)ones(t->slot_bits); }
INLINE u32 tag_of(const struct Table *t, u64 hash) { return (u32)(hash << t->slot_bits); }
INLINE u32 *key_of(const struct Table *t, u32 id) { return t->keys + (u64)id * t->words; }

INLINE bool same_key(const u32 *a, const u32 *b, u32 words) {
    u32 difference = 0;
    for (u32 i = 0; i < words; i++) difference |= a[i] ^ b[i];
    return difference == 0;
}

/* Bit k: is slots[k] empty or of this tag? */
#if defined(__SSE2__)
typedef u32 Four __attribute__((vector_size(16)));

INLINE u32 likely_of_four(const u32 *slots, u32 ids, u32 tag) {
    Four entry;
    memcpy(&entry, slots, sizeof entry);
    Four likely = (Four)((entry & ~ids) == tag) | (Four)(entry == 0);
    return (u32)__builtin_ia32_movmskps((float __attribute__((vector_size(16))))likely);
}
#else
INLINE u32 likely_of_four(const u32 *slots, u32 ids, u32 tag) {
    u32 likely = 0;
    for (u32 k = 0; k < 4; k++) likely |= (u32)(!slots[k] | ((slots[k] & ~ids) == tag)) << k;
    return likely;
}
#endif

/* The first slot for a hash that is empty or has its tag: by eight at a time, which lie in one line of the cache, since how
 * many it takes no processor foresees. */
INLINE u64 likely_slot(const struct Table *t, u64 hash) {
    u32 ids = id_bits(t), tag = tag_of(t, hash), likely = 0, from = (u32)home_slot(t, hash) & 7;
    for (u64 at = home_slot(t, hash) & ~7ull;; at = (at + 8) & ones(t->slot_bits), from = 0) {
        likely = likely_of_four(t->slots + at, ids, tag) | likely_of_four(t->slots + at + 4, ids, tag) << 4;
        likely &= ~0u << from;
        if (likely) return at + (u32)__builtin_ctz(likely);
    }
}

/* The id of `key`, or NONE and the empty slot where it belongs; looked for from its likely slot on. */
INLINE u32 find(const struct Table *t, const u32 *key, u64 hash, u64 *slot) {
    u32 mask = id_bits(t), tag = tag_of(t, hash);
    for (u64 at = *slot;; at = (at + 1) & ones(t->slot_bits)) {
        u32 entry = t->slots[at];
        if (entry == 0) {
            *slot = at;
            return NONE;
        }
        u32 id = (entry & mask) - 1;
        if ((entry & ~mask) == tag && same_key(key_of(t, id), key, t->words)) return id;
    }
}

INLINE u32 find_or_add(struct Table *t, const u32 *key, u64 hash, u64 slot, u32 parent) {
    u32 id = find(t, key, hash, &slot);
    if (id != NONE) return id;
    id = t->states++;
    t->slots[slot] = tag_of(t, hash) | (id + 1);
    t->parent[id] = parent;
    memcpy(key_of(t, id), key, t->words * 4ull);
    return id;
}

/* Empty slots, in the pages of the old ones: those held nothing that the keys do not, and new pages cost more than emptying. */
static bool new_slots(struct Engine *e, u32 bits) {
    u64 bytes = 4ull << bits;
    if (is_small(e->slots.bytes) || bytes < e->slots.bytes) array_free(e, &e->slots);
    else memset(e->slots.data, 0, e->slots.bytes);
    if (!array_map(e, &e->slots, bytes)) {
        array_free(e, &e->slots);
        return false;
    }
    e->slot_bits = bits;
    return true;
}

/* Rebuild the slots from the keys. */
static bool rehash(struct Engine *e, u32 bits) {
    if (!new_slots(e, bits)) return false;
    const struct Table t = table_of(e, e->view.words32);
    u64 hash[BATCH];
    for (u32 id = 0; id < t.states; id += BATCH) {
        u32 count = t.states - id < BATCH ? t.states - id : BATCH;
        for (u32 i = 0; i < count; i++) {
            hash[i] = hash_key(key_of(&t, id + i), t.words);
            __builtin_prefetch(&t.slots[home_slot(&t, hash[i])], 1);
        }
        for (u32 i = 0; i < count; i++) {
            u64 at = home_slot(&t, hash[i]);
            while (t.slots[at]) at = (at + 1) & ones(bits);
            t.slots[at] = tag_of(&t, hash[i]) | (id + i + 1);
        }
    }
    return true;
}

/* Room for `more` states, `edges` edges and `rows` expanded states, but for the slots, of which it says how many are
 * needed: as 2^*bits. */
static enum Status make_room(struct Engine *e, u64 more, u64 edges, u64 rows, u32 *bits) {
    u64 states = e->view.states + more;
    if (states > MAX_STATES) return STATE_LIMIT;
    for (*bits = e->slot_bits; *bits < 32 && states > (3ull << *bits) / 4;) ++*bits;
    bool room = array_reserve(e, &e->keys, states * e->view.words32 * 4) && array_reserve(e, &e->parent, states * 4);
    if (room && e->model.keep_edges)
        room = array_reserve(e, &e->target, (e->view.transitions + edges) * 4) &&
               array_reserve(e, &e->label, (e->view.transitions + edges) * 2) &&
               array_reserve(e, &e->row, (e->view.expanded + rows + 1) * 8);
    return room ? RUNNING : OUT_OF_MEMORY;
}

/* The same with the slots, for a batch: the only place where a search of one thread can run out of anything. */
static enum Status reserve(struct Engine *e, u64 more) {
    u32 bits;
    enum Status status = make_room(e, more, more, BATCH, &bits);
    if (status != RUNNING || (e->slots.data && bits == e->slot_bits)) return status;
    return rehash(e, bits) ? RUNNING : OUT_OF_MEMORY;
}
