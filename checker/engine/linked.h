/* A program whose parts were compiled one by one.  Included by runtime.c.
 *
 * Each step, and each formula, is a function of the part that has it; it is handed that part's table (see cgen_part.py)
 * and goes through all its instances.  Nothing here is compiled for a program: a search starts at once. */

/* Both mirrored by cgen_part.py. */
struct Successors { u64 *next; u16 *label; u32 words, fresh; };
struct Those { const u64 *states; u32 count, words, answers; }; /* states one after the other; what is said of each: u64[answers] */
struct Move { void (*take)(const u64 *state, struct Successors *, u32 label, const u64 *to); const u64 *to; u64 label; };
struct Asked { void (*ask)(const u64 *before, const struct Those *, u64 *words, u32 bit, const u64 *to); const u64 *to; u64 bit, count; };
struct Linked { /* mirrored by linked.py */
    const struct Move *moves;
    const struct Asked *atoms, *edge_atoms;
    u8 *broken;
    u32 n_moves, n_asked, n_asked_of_edges;
};

/* All enabled successors of a state, in order of labels: what eoi_expand of a whole program does. */
static u32 take_moves(const struct Linked *linked, u32 words, const u64 *state, u64 *out, u16 *labels) {
    struct Successors found = {out, labels, words, 0};
    *linked->broken = 0;
    for (const struct Move *move = linked->moves, *end = move + linked->n_moves; move < end; move++)
        move->take(state, &found, (u32)move->label, move->to);
    return (u32)(found.label - labels);
}

static bool any_bit(const u64 *words, u64 from, u64 count) {
    for (u64 bit = from; bit < from + count; bit++)
        if (words[bit / 64] >> bit % 64 & 1) return true;
    return false;
}

/* Bit k of `words`: atom k, of a state.  Of formulas none of whose atoms is in `wanted`, nothing is said. */
static void ask(const struct Asked *asked, u32 count, const u64 *wanted, const u64 *state, u64 *words, u32 word_count) {
    const struct Those it = {state, 1, 0, 0};
    memset(words, 0, word_count * 8ull);
    for (const struct Asked *end = asked + count; asked < end; asked++)
        if (any_bit(wanted, asked->bit, asked->count)) asked->ask(NULL, &it, words, (u32)asked->bit, asked->to);
}
