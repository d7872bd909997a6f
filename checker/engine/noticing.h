/* Does a search that keeps one state of each orbit (orbits.h) keep all?  Only if no move notices how rows are numbered: those of
 * which that is not known are tried in every state that was expanded.  Included by runtime.c. */

/* How many states those from <= id < to stand for: each for as many as there are ways to rename it. */
u64 engine_stands_for(struct Engine *e, u64 from, u64 to) {
    const struct Orbits *o = e->model.orbits;
    u64 states = 0;
    for (u64 id = from; id < to; id++) {
        load_state(e, (u32)id, e->packed, e->state);
        u32 same = 1;
        for (u32 r = 1; r < o->n_renamings; r++) same += in_order(o, e->state, r, 0) == 0;
        states += o->n_renamings / same;
    }
    return states;
}

/* Does each of the `count` moves in e->out, renamed, lead where a move from the renamed state leads?  NONE, or the label of
 * one that does not. */
static u32 told_apart(struct Engine *e, u32 renaming, u32 count, const u64 *out, const u16 *labels, u32 others) {
    const struct Orbits *o = e->model.orbits;
    u32 words = e->model.words8;
    u64 turned[words];
    for (u32 k = 0; k < count; k++) {
        u32 label = e->batch_label[k], wanted = label < e->model.labels ? o->label[(u64)renaming * e->model.labels + label] : label, j = 0;
        while (j < others && labels[j] != wanted) j++;
        rename_state(o, renaming, e->out + (u64)k * words, words, turned);
        if (j == others || memcmp(turned, out + (u64)j * words, words * 8ull)) return label;
    }
    return count == others ? NONE : labels[0];
}

/* Is there a state of this search, from <= id < to, in which these moves of its model are not the same as from the state
 * renamed, by one of the first `renamings`?  found: the state, the renaming and the label.  Without memory there is. */
bool engine_notices(struct Engine *e, const struct Linked *moves, u32 renamings, u64 from, u64 to, u32 *found) {
    const struct Orbits *o = e->model.orbits;
    u32 words = e->model.words8, room = e->model.max_successors;
    u64 *out = malloc((room + 2ull) * words * 8), *state = out + (room + 1ull) * words;
    u16 *labels = malloc(room * 2ull + 2);
    found[0] = found[1] = found[2] = NONE;
    bool notices = !out || !labels;
    for (u64 id = from; id < to && !notices; id++) {
        load_state(e, (u32)id, e->packed, e->state);
        u32 count = take_moves(moves, words, e->state, e->out, e->batch_label);
        for (u32 r = 1; r < renamings && !notices; r++) {
            rename_state(o, r, e->state, words, state);
            u32 others = take_moves(moves, words, state, out, labels), label = told_apart(e, r, count, out, labels, others);
            notices = label != NONE || count != others;
            if (notices) found[0] = (u32)id, found[1] = r, found[2] = label;
        }
    }
    free(out), free(labels);
    return notices;
}
