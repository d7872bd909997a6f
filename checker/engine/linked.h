/* A program whose parts were compiled one by one.  Included by runtime.c.
 *
 * Each instance of a step, and each formula for one binding, is a function of the part that has it, with its arguments
 * and that part's table (see cgen_part.py).  Nothing here is compiled for a program: a search starts at once. */

typedef int32_t i32;
enum { STEP_DONE, STEP_DISABLED, STEP_FAULT }; /* what a step returns: the enum of the generated files */

struct Move { i32 (*run)(void *state, const i32 *args, const u64 *to); const i32 *args; const u64 *to; };
struct Asked { i32 (*run)(const void *before, const void *state, const i32 *args, const u64 *to); const i32 *args; const u64 *to; };
struct Linked { const struct Move *moves; const struct Asked *atoms, *edge_atoms; u8 *broken; }; /* mirrored by linked.py */

static inline void copy_words(u64 *to, const u64 *from, u32 words) {
    for (u32 i = 0; i < words; i++) to[i] = from[i];
}

/* All enabled successors of a state, in order of labels: what eoi_expand of a whole program does. */
static u32 take_moves(const struct Linked *linked, u32 moves, u32 words, const u64 *state, u64 *out, u16 *labels) {
    u32 n = 0;
    bool fresh = false; /* the next place holds the state: a step that was disabled has left it as it was */
    *linked->broken = 0;
    for (u32 label = 0; label < moves; label++) {
        const struct Move *move = &linked->moves[label];
        u64 *next = out + (u64)n * words;
        if (!fresh) copy_words(next, state, words);
        i32 status = move->run(next, move->args, move->to);
        if (*linked->broken) *linked->broken = 0, status = STEP_FAULT;
        fresh = status == STEP_DISABLED;
        if (fresh) continue;
        labels[n++] = (u16)(status == STEP_FAULT ? label | FAULT_LABEL : label);
    }
    return n;
}

static inline bool holds(const struct Asked *asked, const u64 *before, const u64 *state) {
    return asked->run(before, state, asked->args, asked->to);
}

/* Bit k of `words`: formula k, where it is in `wanted`. */
static inline void ask(const struct Asked *asked, u32 word_count, const u64 *wanted[2], const u64 *before, const u64 *state,
                       u64 *words) {
    for (u32 w = 0; w < word_count; w++) {
        words[w] = 0;
        for (u64 left = wanted[0][w] | wanted[1][w]; left; left &= left - 1) {
            u32 bit = (u32)__builtin_ctzll(left);
            words[w] |= (u64)holds(&asked[w * 64 + bit], before, state) << bit;
        }
    }
}
