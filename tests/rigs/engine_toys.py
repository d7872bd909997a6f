"""Toy models, each both as C for the engine and as a Python function, and a plain search over them.

A toy has byte cells and rules "if cell[guard] & mask == value then cell[i] ^= flip, cell[j] ^= flip2".
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from checker.engine.native import Exploration, ModelShape, load_c


@dataclass(frozen=True)
class Rule:
    guard: int
    mask: int
    value: int
    flips: tuple[tuple[int, int], ...]  # (cell, bits)


@dataclass(frozen=True)
class Toy:
    """cells: how many bytes, a multiple of 8; stored: the bits of each cell that may change."""

    stored: tuple[int, ...]
    frozen: bytes
    rules: tuple[Rule, ...]
    extra_c: str = ""  # statements at the end of eoi_expand
    labels: int = field(default=64)

    def successors(self, state: bytes) -> list[tuple[int, bytes]]:
        found = []
        for label, rule in enumerate(self.rules):
            if state[rule.guard] & rule.mask == rule.value:
                after = bytearray(state)
                for cell, bits in rule.flips:
                    after[cell] ^= bits
                found.append((label, bytes(after)))
        return found

    def source(self) -> str:
        steps = "".join(
            f"if ((s[{r.guard}] & {r.mask}) == {r.value}) {{ o = copy(out, n, s);"
            + "".join(f" o[{cell}] ^= {bits};" for cell, bits in r.flips)
            + f" labels[n++] = {label}; }}\n"
            for label, r in enumerate(self.rules)
        )
        return f"""
#include <stdint.h>
#include <string.h>
enum {{ CELLS = {len(self.stored)} }};
static uint8_t *copy(void *out, uint32_t n, const uint8_t *s) {{
    return memcpy((uint8_t *)out + n * CELLS, s, CELLS);
}}
uint32_t eoi_abi(void) {{ return 1; }}
uint32_t eoi_expand(const void *state, void *out, uint16_t *labels) {{
    const uint8_t *s = state;
    uint8_t *o;
    uint32_t n = 0;
    {steps}{self.extra_c}
    (void)o;
    return n;
}}
void eoi_atoms(const void *state, uint64_t *words) {{
    const uint8_t *s = state;
    words[0] = words[1] = 0;
    for (int i = 0; i < CELLS; i++) words[i / 64] |= (uint64_t)(s[i] & 1) << (i % 64);
    words[1] |= 2; /* atom 65 is always true */
}}
void eoi_edge_atoms(const void *before, const void *after, uint64_t *words) {{
    const uint8_t *a = before, *b = after;
    words[0] = (a[0] == b[0]) | (uint64_t)(a[1] <= b[1]) << 1 | 4;
}}
"""

    def shape(self) -> ModelShape:
        mask = np.frombuffer(bytes(self.stored), np.uint64)
        return ModelShape(mask, np.frombuffer(self.frozen, np.uint64), len(self.rules) + 2, self.labels, 66, 3)

    def explore(
        self, *, keep_edges: bool = False, portable: bool | None = None, engine_flags: Sequence[str] = ()
    ) -> Exploration:
        library = load_c(self.source())
        search = Exploration(library, self.shape(), keep_edges=keep_edges, portable=portable, engine_flags=engine_flags)
        search.add_initial(self.frozen)
        return search


def edge_atoms(before: bytes, after: bytes) -> list[int]:
    return [int(before[0] == after[0]), int(before[1] <= after[1]), 1]


def random_toy(seed: int, cells: int, rules: int, guarded: bool = True) -> Toy:
    """Flips commute, so at most 2**rules states; unguarded rules over enough bits reach them all."""
    rng = random.Random(seed)
    stored = tuple(rng.choice([0xFF, 0x0F, 0x10, 0xA5, 0x81, 0]) | 1 for _ in range(cells))
    frozen = bytes(rng.randrange(256) & ~bits for bits in stored)

    def rule() -> Rule:
        guard = rng.randrange(cells)
        mask = 1 << rng.randrange(8) if guarded and rng.random() < 0.6 else 0
        value = frozen[guard] & mask if rng.random() < 0.8 else mask
        flips = tuple((i, rng.randrange(256) & stored[i]) for i in (rng.randrange(cells), rng.randrange(cells)))
        return Rule(guard, mask, value, flips)

    return Toy(stored, frozen, tuple(rule() for _ in range(rules)))


def counter_toy(bits: int) -> Toy:
    """2**bits states, one label per bit."""
    cells = (bits + 63) // 64 * 8
    stored = tuple((1 << max(0, min(8, bits - 8 * i))) - 1 for i in range(cells))
    return Toy(stored, bytes(cells), tuple(Rule(0, 0, 0, ((b // 8, 1 << b % 8),)) for b in range(bits)))


@dataclass
class Search:
    """What a plain breadth-first search finds, states in order of discovery."""

    states: list[bytes]
    parents: list[int]
    edges: list[tuple[int, int, int]]  # (src, label, dst)
    level_ends: list[int]


def plain_search(toy: Toy) -> Search:
    number = {toy.frozen: 0}
    search = Search([toy.frozen], [0xFFFFFFFF], [], [1])
    for src, state in enumerate(search.states):
        if src == search.level_ends[-1]:
            search.level_ends.append(len(search.states))
        for label, after in toy.successors(state):
            if after not in number:
                number[after] = len(search.states)
                search.states.append(after)
                search.parents.append(src)
            search.edges.append((src, label, number[after]))
    return search
