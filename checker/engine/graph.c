/* Fair cycles in an explicit graph: strongly connected components, fairness per component, shortest paths.
 *
 * A graph is three arrays: the edges of state s are row[s] <= e < row[s+1], each with target[e], label[e].
 * Work space that outlives a call belongs to the caller; a function that cannot get its own answers
 * NO_MEMORY.  There is no global state. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define NONE UINT32_MAX
#define NO_EDGE UINT64_MAX       /* via[] of a state not reached */
#define START (UINT64_MAX - 1)   /* via[] of a state where the search begins */
#define TRIGGER (UINT64_MAX - 2) /* via[] of (s, triggered) when entered from (s, not triggered) */
#define NO_MEMORY UINT64_MAX
#define NO_PATH (UINT64_MAX - 1)

enum Fairness { FREE, FINITE, WEAK, STRONG }; /* mirrored by checker/engine/liveness.py */

struct Graph { /* mirrored by checker/engine/liveness.py */
    const u64 *row;
    const u32 *target;
    const u16 *label;
    const u8 *fairness; /* per label */
    u64 n, labels, initial; /* n < 2^31; initial states are 0..initial-1 */
};

/* ---- strongly connected components: Pearce's form of Tarjan's algorithm, without recursion ---- */

struct Scc {
    const struct Graph *graph;
    const u8 *node_ok;
    u32 *rank;      /* 0: not visited; small: open; large: the component, counted down from NONE */
    u64 *next_edge; /* per depth of the call stack, as are calls and own */
    u32 *calls, *own, *open;
    u32 *members;   /* closed states, component after component */
    u64 depth, n_open, n_members;
    u32 visits, component;
};

static bool scc_new(struct Scc *scc, const struct Graph *graph, const u8 *node_ok, u32 *rank) {
    u64 n = graph->n ? graph->n : 1;
    *scc = (struct Scc){.graph = graph, .node_ok = node_ok, .rank = rank};
    scc->next_edge = malloc(n * 8);
    scc->calls = malloc(n * 4), scc->own = malloc(n * 4), scc->open = malloc(n * 4), scc->members = malloc(n * 4);
    return scc->next_edge && scc->calls && scc->own && scc->open && scc->members;
}

static void scc_free(struct Scc *scc) {
    free(scc->next_edge), free(scc->calls), free(scc->own), free(scc->open), free(scc->members);
}

/* A run may take a FINITE step only finitely often, so no cycle contains one. */
static inline bool may_repeat(const struct Graph *graph, u64 edge) {
    return graph->fairness[graph->label[edge]] != FINITE;
}

static inline void scc_enter(struct Scc *scc, u32 node) {
    scc->rank[node] = scc->own[scc->depth] = ++scc->visits;
    scc->next_edge[scc->depth] = scc->graph->row[node];
    scc->calls[scc->depth++] = node;
}

/* All successors of `node` are done.  If it reaches nothing older it is the root of a component. */
static inline void scc_leave(struct Scc *scc, u32 node, u32 own) {
    if (scc->rank[node] < own) {
        scc->open[scc->n_open++] = node;
        return;
    }
    u32 component = --scc->component;
    for (u32 member = node;; member = scc->open[--scc->n_open]) {
        scc->rank[member] = component;
        scc->members[scc->n_members++] = member;
        scc->visits--;
        if (!scc->n_open || scc->rank[scc->open[scc->n_open - 1]] < own) return;
    }
}

static void scc_visit(struct Scc *scc, u32 root) {
    const struct Graph *g = scc->graph;
    scc_enter(scc, root);
    while (scc->depth) {
        u32 node = scc->calls[scc->depth - 1], child = NONE;
        u64 edge = scc->next_edge[scc->depth - 1], end = g->row[node + 1ull];
        u32 lowest = scc->rank[node];
        for (; edge < end; edge++) {
            u32 to = g->target[edge];
            if (!scc->node_ok[to] || !may_repeat(g, edge)) continue;
            if (scc->rank[to] == 0) {
                child = to; /* this edge is looked at again when the child is done */
                break;
            }
            if (scc->rank[to] < lowest) lowest = scc->rank[to];
        }
        scc->rank[node] = lowest;
        scc->next_edge[scc->depth - 1] = edge;
        if (child != NONE) scc_enter(scc, child);
        else scc_leave(scc, node, scc->own[--scc->depth]);
    }
}

/* Components of the listed states, whose ranks are 0; scc->members then lists them by component. */
static void scc_run(struct Scc *scc, const u32 *nodes, u64 count) {
    scc->visits = 0, scc->component = NONE, scc->n_members = 0;
    for (u64 i = 0; i < count; i++)
        if (scc->rank[nodes[i]] == 0) scc_visit(scc, nodes[i]);
}

static u64 list_region(const struct Graph *graph, const u8 *region, u32 *nodes) {
    u64 count = 0;
    for (u64 s = 0; s < graph->n; s++)
        if (region[s]) nodes[count++] = (u32)s;
    return count;
}

/* component[s] for each s of `region` (others 0), over edges that may repeat.  Returns how many. */
u64 graph_components(const struct Graph *graph, const u8 *region, u32 *component) {
    struct Scc scc;
    u32 *nodes = malloc(graph->n * 4 + 4);
    bool room = scc_new(&scc, graph, region, component) && nodes;
    if (room) {
        memset(component, 0, graph->n * 4);
        scc_run(&scc, nodes, list_region(graph, region, nodes));
    }
    scc_free(&scc);
    free(nodes);
    return room ? NONE - scc.component : NO_MEMORY;
}

/* ---- which components hold a fair cycle ---- */

enum Verdict { DEAD, FAIR, TRIM };

struct Judge { /* per label, for the component being judged */
    u32 *enabling; /* states where the label is enabled */
    u32 *last;     /* the last such state: a state may enable a label by several edges */
    u8 *taken, *refused;
    u16 *seen;
    u32 n_seen;
};

static bool judge_new(struct Judge *judge, u64 labels) {
    labels = labels ? labels : 1;
    *judge = (struct Judge){calloc(labels, 4), malloc(labels * 4), calloc(labels, 1), calloc(labels, 1),
                            malloc(labels * 2), 0};
    if (!judge->enabling || !judge->last || !judge->taken || !judge->refused || !judge->seen) return false;
    memset(judge->last, 0xFF, labels * 4);
    return true;
}

static void judge_free(struct Judge *judge) {
    free(judge->enabling), free(judge->last), free(judge->taken), free(judge->refused), free(judge->seen);
}

/* Count what the states of one component enable (by any edge) and take (inside); true if it has a cycle. */
static bool judge_count(struct Judge *judge, const struct Scc *scc, const u32 *states, u64 size) {
    const struct Graph *g = scc->graph;
    bool cycle = false;
    for (u64 i = 0; i < size; i++) {
        u32 s = states[i];
        for (u64 e = g->row[s]; e < g->row[s + 1ull]; e++) {
            u16 label = g->label[e];
            if (judge->last[label] != s) {
                judge->last[label] = s;
                if (judge->enabling[label]++ == 0) judge->seen[judge->n_seen++] = label;
            }
            bool inside = may_repeat(g, e) && scc->rank[g->target[e]] == scc->rank[s];
            judge->taken[label] |= inside;
            cycle |= inside;
        }
    }
    return cycle;
}

static bool loops(const struct Graph *g, u32 s) {
    for (u64 e = g->row[s]; e < g->row[s + 1ull]; e++)
        if (g->target[e] == s && may_repeat(g, e)) return true;
    return false;
}

/* A WEAK label enabled everywhere and never taken spoils every part of the component; a STRONG label
 * never taken spoils only the parts that contain a state enabling it. */
static enum Verdict judge(struct Judge *judge, const struct Scc *scc, const u32 *states, u64 size) {
    if (size == 1 && !loops(scc->graph, *states)) return DEAD; /* most components are such */
    enum Verdict verdict = judge_count(judge, scc, states, size) ? FAIR : DEAD;
    for (u32 i = 0; i < judge->n_seen; i++) {
        u16 label = judge->seen[i];
        bool taken = judge->taken[label];
        u8 fairness = scc->graph->fairness[label];
        if (fairness == WEAK && !taken && judge->enabling[label] == size) verdict = DEAD;
        if (fairness == STRONG && !taken) {
            judge->refused[label] = true;
            if (verdict == FAIR) verdict = TRIM;
        }
    }
    return verdict;
}

static void judge_reset(struct Judge *judge) {
    while (judge->n_seen) {
        u16 label = judge->seen[--judge->n_seen];
        judge->enabling[label] = 0, judge->last[label] = NONE;
        judge->taken[label] = judge->refused[label] = false;
    }
}

static bool enables_refused(const struct Judge *judge, const struct Graph *g, u32 s) {
    for (u64 e = g->row[s]; e < g->row[s + 1ull]; e++)
        if (judge->refused[g->label[e]]) return true;
    return false;
}

/* Judge every component found; states worth another look go back to `nodes`.  Returns how many. */
static u64 sift(struct Scc *scc, struct Judge *work, u8 *alive, u32 *nodes, u32 *fair, u32 *n_fair) {
    u64 left = 0;
    for (u64 from = 0, to; from < scc->n_members; from = to) {
        const u32 *states = scc->members + from;
        for (to = from; to < scc->n_members && scc->rank[scc->members[to]] == scc->rank[*states];) to++;
        enum Verdict verdict = judge(work, scc, states, to - from);
        for (u64 i = 0; i < to - from; i++) {
            u32 s = states[i];
            if (verdict == FAIR) fair[s] = *n_fair;
            alive[s] = verdict == TRIM && !enables_refused(work, scc->graph, s);
            if (alive[s]) nodes[left++] = s;
            scc->rank[s] = 0;
        }
        *n_fair += verdict == FAIR;
        judge_reset(work);
    }
    return left;
}

/* fair[s]: the largest fair strongly connected set of `region` that holds s, numbered from 0, or NONE. */
u64 graph_fair(const struct Graph *graph, const u8 *region, u32 *fair) {
    struct Scc scc = {0};
    struct Judge work = {0};
    u8 *alive = calloc(graph->n + 1, 1);
    u32 *rank = calloc(graph->n + 1, 4), *nodes = malloc(graph->n * 4 + 4), n_fair = 0;
    bool room = scc_new(&scc, graph, alive, rank) && judge_new(&work, graph->labels) && alive && rank && nodes;
    if (room) {
        memcpy(alive, region, graph->n);
        memset(fair, 0xFF, graph->n * 4);
        for (u64 left = list_region(graph, region, nodes); left;) {
            scc_run(&scc, nodes, left);
            left = sift(&scc, &work, alive, nodes, fair, &n_fair);
        }
    }
    scc_free(&scc);
    judge_free(&work);
    free(alive), free(rank), free(nodes);
    return room ? n_fair : NO_MEMORY;
}

/* stutter[s] = 1 for each s of `region` where a run may stop for ever: nothing enabled demands to be taken. */
void graph_stutter(const struct Graph *graph, const u8 *region, u8 *stutter) {
    for (u64 s = 0; s < graph->n; s++) {
        stutter[s] = region[s];
        for (u64 e = graph->row[s]; stutter[s] && e < graph->row[s + 1]; e++) {
            u8 fairness = graph->fairness[graph->label[e]];
            if (fairness == WEAK || fairness == STRONG) stutter[s] = 0;
        }
    }
}

/* ---- shortest paths ---- */

static u32 source_of(const struct Graph *graph, u64 edge) {
    u64 low = 0, high = graph->n; /* row[low] <= edge < row[high] */
    while (high - low > 1) {
        u64 middle = (low + high) / 2;
        if (graph->row[middle] <= edge) low = middle;
        else high = middle;
    }
    return (u32)low;
}

static void reverse(u64 *path, u64 length) {
    for (u64 i = 0; i < length / 2; i++) {
        u64 other = path[length - 1 - i];
        path[length - 1 - i] = path[i], path[i] = other;
    }
}

struct Stem {
    const struct Graph *graph;
    const u8 *trigger, *region, *goal;
    u64 *via;   /* per point = 2 * state + triggered */
    u32 *queue; /* points in order of distance */
    u64 n_queue;
};

/* Reach a point; a triggering state is reached in both layers at once, which costs no edge. */
static void stem_reach(struct Stem *stem, u32 point, u64 via) {
    if (stem->via[point] != NO_EDGE) return;
    stem->via[point] = via;
    stem->queue[stem->n_queue++] = point;
    if (!(point & 1) && stem->trigger[point / 2]) stem_reach(stem, point | 1, TRIGGER);
}

static u32 stem_search(struct Stem *stem) {
    const struct Graph *g = stem->graph;
    memset(stem->via, 0xFF, g->n * 16);
    for (u32 s = 0; s < g->initial; s++) stem_reach(stem, 2 * s, START);
    for (u64 i = 0; i < stem->n_queue; i++) {
        u32 point = stem->queue[i], triggered = point & 1;
        if (triggered && stem->goal[point / 2]) return point;
        for (u64 e = g->row[point / 2]; e < g->row[point / 2 + 1ull]; e++)
            if (!triggered || stem->region[g->target[e]]) stem_reach(stem, 2 * g->target[e] + triggered, e);
    }
    return NONE;
}

/* A shortest path from an initial state through a `trigger` state, from there on inside `region`, to a
 * `goal` state.  Its edges go to path[0..length-1] (at most 2n), its end to *end.  Returns length or NO_PATH. */
u64 graph_stem(const struct Graph *graph, const u8 *trigger, const u8 *region, const u8 *goal, u64 *path, u32 *end) {
    struct Stem stem = {graph, trigger, region, goal, malloc(graph->n * 16 + 8), malloc(graph->n * 8 + 8), 0};
    u64 length = NO_MEMORY;
    if (stem.via && stem.queue) {
        u32 point = stem_search(&stem);
        length = point == NONE ? NO_PATH : 0;
        *end = point / 2;
        while (point != NONE && stem.via[point] != START) {
            u64 edge = stem.via[point];
            if (edge == TRIGGER) point -= 1;
            else path[length++] = edge, point = 2 * source_of(graph, edge) + (point & 1);
        }
        if (length != NO_PATH) reverse(path, length);
    }
    free(stem.via), free(stem.queue);
    return length;
}

/* Meets what an unfinished cycle still lacks: inside one fair set, from `start`, the nearest of
 *   - state `home` (NONE: not wanted),
 *   - an edge whose label is in `take`,
 *   - a state that does not enable some label of `lack`.                                              */
struct Hunt { /* mirrored by checker/engine/liveness.py; via: u64[n] of NO_EDGE, queue: u32[n], path: u64[n + 1] */
    const u32 *fair;
    const u8 *take, *lack; /* per label */
    u64 *via;
    u32 *queue, *stamp; /* stamp: u32[labels], any content */
    u64 *path;
    u32 start, home, n_lack;
};

static bool lacks(const struct Graph *g, const struct Hunt *hunt, u32 s) {
    u32 enabled = 0;
    if (hunt->n_lack == 0) return false;
    for (u64 e = g->row[s]; e < g->row[s + 1ull]; e++) hunt->stamp[g->label[e]] = 0;
    for (u64 e = g->row[s]; e < g->row[s + 1ull]; e++)
        if (hunt->lack[g->label[e]] && !hunt->stamp[g->label[e]]++) enabled++;
    return enabled < hunt->n_lack;
}

/* Where the hunt ends: *last is the edge to take from there, or NO_EDGE.  NONE if nothing can be met. */
static u32 hunt_search(const struct Graph *g, const struct Hunt *hunt, u64 *n_queue, u64 *last) {
    u32 inside = hunt->fair[hunt->start];
    for (u64 i = 0; i < *n_queue; i++) {
        u32 s = hunt->queue[i];
        if (s == hunt->home || lacks(g, hunt, s)) return s;
        for (u64 e = g->row[s]; e < g->row[s + 1ull]; e++) {
            u32 to = g->target[e];
            if (hunt->fair[to] != inside || !may_repeat(g, e)) continue;
            if (hunt->take[g->label[e]]) return *last = e, s;
            if (hunt->via[to] != NO_EDGE) continue;
            hunt->via[to] = e;
            hunt->queue[(*n_queue)++] = to;
        }
    }
    return NONE;
}

/* Edges of a shortest such path go to path[0..length-1].  Returns length or NO_PATH. */
u64 graph_hunt(const struct Graph *graph, struct Hunt *hunt) {
    u64 n_queue = 1, last = NO_EDGE, length = 0;
    hunt->queue[0] = hunt->start;
    hunt->via[hunt->start] = START;
    u32 end = hunt_search(graph, hunt, &n_queue, &last);
    if (last != NO_EDGE) hunt->path[length++] = last;
    for (u32 s = end; s != NONE && hunt->via[s] != START; s = source_of(graph, hunt->via[s]))
        hunt->path[length++] = hunt->via[s];
    reverse(hunt->path, length);
    for (u64 i = 0; i < n_queue; i++) hunt->via[hunt->queue[i]] = NO_EDGE;
    return end == NONE ? NO_PATH : length;
}
