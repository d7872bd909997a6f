/*
 * Run a program and one of its mutants side by side. Both are in one library (see native.py): `*mutant` selects
 * whose rules step() follows, 0 being the original; `*events` then holds the sum of what the step sent out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DONE, DISABLED, FAULT };
enum { SAME, DIFFERS, CANNOT, RAISES, CAN, IDLE, TOO_MANY = -1, NO_MEMORY = -2, BAD_WALK = -3 };
enum { REFUSED = 0x8000, MOST_WORDS = 512, NO_PARENT = -1 };

struct Pair_of_programs {
	int32_t (*step)(void *state, uint32_t label);
	void (*see)(const void *state, uint64_t *words);
	uint32_t *mutant;
	uint64_t *events;
	const uint64_t *mask; /* the bits of a state that can be observed */
	uint32_t words, seen_words, labels;
	uint32_t look; /* may see() tell the mutant from the original in one and the same state? */
};

struct Result {
	uint64_t pairs;     /* different pairs of states that were met */
	uint64_t enabled;   /* how often only the mutant could take a step, and it did something */
	uint64_t idle;      /* the same, and it did nothing: no change, nothing sent */
	uint32_t path_size; /* of a walk that tells the two apart, its last step included */
	uint16_t path[4096];
};

static int32_t take(const struct Pair_of_programs *p, uint32_t mutant, uint64_t *state, uint32_t label, uint64_t *events)
{
	*p->mutant = mutant;
	int32_t status = p->step(state, label);
	*events = *p->events;
	return status;
}

static int looks_same(const struct Pair_of_programs *p, uint32_t mutant, const uint64_t *x, const uint64_t *y)
{
	uint64_t seen_x[MOST_WORDS], seen_y[MOST_WORDS];

	if (!p->look && !memcmp(x, y, p->words * sizeof *x))
		return 1;
	for (uint32_t w = 0; w < p->words; w++)
		if ((x[w] ^ y[w]) & p->mask[w])
			return 0;
	if (!p->seen_words)
		return 1;
	*p->mutant = 0;
	p->see(x, seen_x);
	*p->mutant = mutant;
	p->see(y, seen_y);
	return !memcmp(seen_x, seen_y, p->seen_words * sizeof *seen_x);
}

/*
 * One step of both, in place. BAD_WALK: neither could take it. CAN: only the mutant could; IDLE: and it did nothing.
 */
static int32_t both(const struct Pair_of_programs *p, uint32_t mutant, uint64_t *x, uint64_t *y, uint32_t label)
{
	uint64_t sent_x, sent_y, before[MOST_WORDS];

	memcpy(before, y, p->words * sizeof *y);
	int32_t of_x = take(p, 0, x, label, &sent_x), of_y = take(p, mutant, y, label, &sent_y);

	if (of_x != DONE && of_y == DONE && !sent_y && !memcmp(before, y, p->words * sizeof *y))
		return IDLE;
	if (of_x != DONE)
		return of_y == DISABLED ? BAD_WALK : CAN;
	if (of_y != DONE)
		return of_y == DISABLED ? CANNOT : RAISES;
	return sent_x == sent_y && looks_same(p, mutant, x, y) ? SAME : DIFFERS;
}

/* Follows a walk from both starts; *at is the step where the mutant was noticed. */
static int32_t follow(const struct Pair_of_programs *p, uint32_t mutant, const uint64_t *start_x,
		      const uint64_t *start_y, const uint16_t *labels, uint64_t count, uint64_t *at)
{
	uint64_t x[MOST_WORDS], y[MOST_WORDS];

	memcpy(x, start_x, p->words * sizeof *x);
	memcpy(y, start_y, p->words * sizeof *y);
	*at = 0;
	if (!looks_same(p, mutant, x, y))
		return DIFFERS;
	for (uint64_t k = 0; k < count; k++) {
		int32_t how;
		*at = k;
		if (labels[k] & REFUSED) { /* it was seen that the step does not happen here */
			uint64_t t[MOST_WORDS], u[MOST_WORDS];
			memcpy(t, x, p->words * sizeof *t);
			memcpy(u, y, p->words * sizeof *u);
			how = both(p, mutant, t, u, labels[k] & ~REFUSED);
			if (how == CAN)
				return CAN;
			if (how != BAD_WALK && how != IDLE)
				return BAD_WALK;
			continue;
		}
		how = both(p, mutant, x, y, labels[k]);
		if (how == CAN || how == IDLE)
			return BAD_WALK;
		if (how != SAME)
			return how;
	}
	return SAME;
}

/* All walks, walk k being labels[ends[k - 1]..ends[k]], in order, but *walk first: the answer of the first that tells. */
int32_t follow_all(const struct Pair_of_programs *p, uint32_t mutant, const uint64_t *start_x, const uint64_t *start_y,
		   const uint16_t *labels, const uint64_t *ends, uint64_t count, uint64_t *walk, uint64_t *at)
{
	uint64_t first = *walk;

	for (uint64_t k = 0; k <= count; k++) {
		uint64_t number = k ? k - 1 : first, begin = number ? ends[number - 1] : 0;
		if (number >= count)
			continue;
		int32_t how = follow(p, mutant, start_x, start_y, labels + begin, ends[number] - begin, at);
		*walk = number;
		if (how != SAME)
			return how;
	}
	return SAME;
}

/* ---- all pairs of states that a walk can lead the two to ---- */

struct Pairs {
	const struct Pair_of_programs *p;
	uint64_t *states; /* two states a pair */
	int64_t *parent;
	uint16_t *label;
	uint32_t *slots; /* number of a pair + 1; 0 is free */
	uint64_t count, room, slot_mask, most;
};

/* Of a pair's words: the start is 2^64 over the golden ratio, the multiplier that of MurmurHash3's last mix. */
static uint64_t hash(const uint64_t *words, uint32_t count)
{
	uint64_t h = 0x9e3779b97f4a7c15ULL;

	for (uint32_t w = 0; w < count; w++) {
		h = (h ^ words[w]) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	return h;
}

static int grow(struct Pairs *q)
{
	uint64_t room = q->room ? 2 * q->room : 1024, width = 2 * q->p->words;
	uint64_t *states = realloc(q->states, room * width * sizeof *states);
	if (states)
		q->states = states;
	int64_t *parent = realloc(q->parent, room * sizeof *parent);
	if (parent)
		q->parent = parent;
	uint16_t *label = realloc(q->label, room * sizeof *label);
	if (label)
		q->label = label;
	uint32_t *slots = calloc(2 * room, sizeof *slots);
	if (!states || !parent || !label || !slots) {
		free(slots);
		return 0;
	}
	free(q->slots);
	q->slots = slots;
	q->room = room;
	q->slot_mask = 2 * room - 1;
	for (uint64_t k = 0; k < q->count; k++) {
		uint64_t at = hash(&q->states[k * width], (uint32_t)width) & q->slot_mask;
		while (q->slots[at])
			at = (at + 1) & q->slot_mask;
		q->slots[at] = (uint32_t)k + 1;
	}
	return 1;
}

static int32_t add(struct Pairs *q, const uint64_t *x, const uint64_t *y, int64_t parent, uint32_t label)
{
	uint32_t words = q->p->words;
	uint64_t pair[2 * MOST_WORDS], width = 2 * words;

	if (q->count == q->room && !grow(q))
		return NO_MEMORY;
	memcpy(pair, x, words * sizeof *x);
	memcpy(pair + words, y, words * sizeof *y);
	uint64_t at = hash(pair, (uint32_t)width) & q->slot_mask;
	for (; q->slots[at]; at = (at + 1) & q->slot_mask)
		if (!memcmp(&q->states[(q->slots[at] - 1) * width], pair, width * sizeof *pair))
			return SAME;
	if (q->count >= q->most)
		return TOO_MANY;
	memcpy(&q->states[q->count * width], pair, width * sizeof *pair);
	q->parent[q->count] = parent;
	q->label[q->count] = (uint16_t)label;
	q->slots[at] = (uint32_t)++q->count;
	return SAME;
}

static void tell(const struct Pairs *q, int64_t pair, uint32_t label, struct Result *result)
{
	uint32_t size = 1;

	for (int64_t k = pair; q->parent[k] != NO_PARENT; k = q->parent[k])
		size++;
	result->path_size = size;
	if (size > sizeof result->path / sizeof *result->path)
		return;
	result->path[--size] = (uint16_t)label;
	for (int64_t k = pair; q->parent[k] != NO_PARENT; k = q->parent[k])
		result->path[--size] = q->label[k];
}

static int32_t try_step(struct Pairs *q, uint32_t mutant, const uint64_t *x, const uint64_t *y, uint32_t label,
			int64_t parent, int skip_equal, struct Result *result)
{
	uint64_t t[MOST_WORDS], u[MOST_WORDS];
	size_t bytes = q->p->words * sizeof *t;

	memcpy(t, x, bytes);
	memcpy(u, y, bytes);
	int32_t how = both(q->p, mutant, t, u, label);
	if (how == BAD_WALK)
		return SAME;
	if (how == CAN || how == IDLE) {
		result->enabled += how == CAN;
		result->idle += how == IDLE;
		return SAME;
	}
	if (how != SAME || (skip_equal && !memcmp(t, u, bytes)))
		return how;
	return add(q, t, u, parent, label);
}

/* Everything that follows from the pairs that are there. */
static int32_t close_pairs(struct Pairs *q, uint32_t mutant, int skip_equal, struct Result *result)
{
	uint32_t words = q->p->words;
	uint64_t x[MOST_WORDS], y[MOST_WORDS];

	for (uint64_t k = 0; k < q->count; k++) {
		memcpy(x, &q->states[2 * k * words], words * sizeof *x);
		memcpy(y, &q->states[(2 * k + 1) * words], words * sizeof *y);
		for (uint32_t label = 0; label < q->p->labels; label++) {
			int32_t how = try_step(q, mutant, x, y, label, (int64_t)k, skip_equal, result);
			if (how > SAME)
				tell(q, (int64_t)k, label, result);
			if (how != SAME)
				return how;
		}
	}
	return SAME;
}

static int32_t finish(struct Pairs *q, int32_t how, struct Result *result)
{
	result->pairs = q->count;
	free(q->states);
	free(q->parent);
	free(q->label);
	free(q->slots);
	return how;
}

/* Exact: SAME if no walk tells the two apart, otherwise how the shortest such walk (in `result`) ends. */
int32_t tell_apart(const struct Pair_of_programs *p, uint32_t mutant, const uint64_t *start_x, const uint64_t *start_y,
		   uint64_t most, struct Result *result)
{
	struct Pairs q = { .p = p, .most = most };

	memset(result, 0, sizeof *result);
	if (!looks_same(p, mutant, start_x, start_y))
		return DIFFERS;
	int32_t how = add(&q, start_x, start_y, NO_PARENT, 0);
	if (how == SAME)
		how = close_pairs(&q, mutant, 0, result);
	return finish(&q, how, result);
}

/*
 * SAME: no walk tells the two apart, for every reachable state of the original, taken as a state of both, only leads
 * to pairs that look the same. Anything else proves nothing: the mutant may never be in that state. Only the `tried`
 * labels can lead from equal states to different ones.
 */
int32_t alike(const struct Pair_of_programs *p, uint32_t mutant, const uint64_t *states, uint64_t count,
	      const uint16_t *tried, uint32_t n_tried, uint64_t most, struct Result *result)
{
	struct Pairs q = { .p = p, .most = most };
	int32_t how = SAME;

	memset(result, 0, sizeof *result);
	for (uint64_t k = 0; k < count && how == SAME; k++) {
		const uint64_t *state = states + k * p->words;
		if (!looks_same(p, mutant, state, state))
			how = DIFFERS;
		for (uint32_t n = 0; n < n_tried && how == SAME; n++)
			how = try_step(&q, mutant, state, state, tried[n], NO_PARENT, 1, result);
	}
	if (how == SAME)
		how = close_pairs(&q, mutant, 1, result);
	return finish(&q, how, result);
}
