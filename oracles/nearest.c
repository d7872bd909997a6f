/* The nearest state of an explicit graph that is wanted: breadth-first, along the edges. */
#include <stdint.h>

#define UNSEEN -1
#define START -2

/* The edges of state s are row[s] <= e < row[s + 1], each with target[e]. via: int64_t[states], all UNSEEN, and so again
 * afterwards; queue: int32_t[states]; path: int64_t[states].
 *
 * The edges of a shortest path of one edge or more from `start` to a state where wanted[] is not 0 go to path, the last
 * one first. Returns how many, or -1 if no such state can be reached. */
int64_t nearest(const int64_t *row, const int32_t *target, const int32_t *wanted, int64_t *via, int32_t *queue,
                int64_t *path, int32_t start)
{
    int64_t seen = 1, length = 0, found = 0;
    queue[0] = start;
    via[start] = START;
    for (int64_t i = 0; i < seen && !found; i++) {
        for (int64_t e = row[queue[i]]; e < row[queue[i] + 1] && !found; e++) {
            int32_t to = target[e];
            if (via[to] != UNSEEN) continue;
            via[to] = e;
            queue[seen++] = to;
            found = wanted[to] != 0;
        }
    }
    /* A state's predecessor stands before it in the queue; it is the one whose edges hold via[]. */
    for (int64_t i = seen - 1; found && i > 0;) {
        int64_t edge = path[length++] = via[queue[i]];
        while (edge < row[queue[i]] || edge >= row[queue[i] + 1]) i--;
    }
    while (seen) via[queue[--seen]] = UNSEEN;
    return found ? length : -1;
}
