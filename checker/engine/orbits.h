/* States that differ in nothing but how rows are numbered: one of them, their representative, stands for all.  Included by
 * runtime.c.
 *
 * A renaming says which cell of a state gets the value of which, and what that value becomes; tables of these come from
 * Python.  A state's representative is that of its renamed states whose moved cells, in the order of these tables, are least:
 * most renamings are out of the race after the first cells that differ. */

struct Orbits { /* mirrored by checker/engine/orbits.py */
    const u32 *cell;       /* the cells that some renaming changes: n_cells */
    const u32 *from, *map; /* of renaming r and moved cell k, at r * n_cells + k: which cell's value, and through which map, or NONE */
    const u64 *maps;       /* what values become: a map begins at its number and is as long as a cell has values */
    const u16 *label;      /* of renaming r and label l, at r * labels + l: what becomes of l */
    u32 n_renamings, n_cells, cell_bytes; /* the first renaming changes nothing */
};

INLINE u64 cell_of(const u64 *state, u32 cell, u32 bytes) {
    switch (bytes) {
    case 1: return ((const u8 *)state)[cell];
    case 2: return ((const u16 *)state)[cell];
    case 4: return ((const u32 *)state)[cell];
    default: return state[cell];
    }
}

INLINE void set_cell(u64 *state, u32 cell, u32 bytes, u64 value) {
    switch (bytes) {
    case 1: ((u8 *)state)[cell] = (u8)value; break;
    case 2: ((u16 *)state)[cell] = (u16)value; break;
    case 4: ((u32 *)state)[cell] = (u32)value; break;
    default: state[cell] = value;
    }
}

/* What moved cell k of a renamed state has, at = r * n_cells + k. */
INLINE u64 moved_cell(const struct Orbits *o, const u64 *state, u64 at) {
    u64 value = cell_of(state, o->from[at], o->cell_bytes);
    return o->map[at] == NONE ? value : o->maps[o->map[at] + value];
}

static void rename_state(const struct Orbits *o, u32 renaming, const u64 *state, u32 words, u64 *to) {
    memcpy(to, state, words * 8ull);
    for (u32 k = 0; k < o->n_cells; k++)
        set_cell(to, o->cell[k], o->cell_bytes, moved_cell(o, state, (u64)renaming * o->n_cells + k));
}

/* Below 0, 0, above 0: the state renamed in one way comes before, is the same as, comes after it renamed in another. */
static int in_order(const struct Orbits *o, const u64 *state, u32 one, u32 other) {
    u64 a = (u64)one * o->n_cells, b = (u64)other * o->n_cells;
    for (u32 k = 0; k < o->n_cells; k++) {
        u64 x = moved_cell(o, state, a + k), y = moved_cell(o, state, b + k);
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

/* The renaming that makes a state its representative; 0 if it is that. */
static u32 to_representative(const struct Orbits *o, const u64 *state) {
    u32 best = 0;
    for (u32 r = 1; r < o->n_renamings; r++)
        if (in_order(o, state, r, best) < 0) best = r;
    return best;
}

/* The representative of a state, valid until the next one is asked for.  Not part of its caller, which seldom needs it. */
static __attribute__((noinline)) const u64 *representative(const struct Engine *e, const u64 *state) {
    u32 renaming = to_representative(e->model.orbits, state);
    if (!renaming) return state;
    rename_state(e->model.orbits, renaming, state, e->model.words8, e->renamed);
    return e->renamed;
}
