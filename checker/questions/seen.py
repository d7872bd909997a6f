"""A system as observers see it (model/observers.py): what is read in each state, and which steps are seen, in the reachable
graph as the engine has it, and of one state and step in CPython."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

import numpy as np
from numpy.typing import NDArray

from checker.engine.atoms import atom_count
from checker.engine.native import NoCompiler, Outcome
from checker.engine.passages import SourceLine
from checker.engine.prepare import Prepared, prepare
from checker.engine.reference import Codes, Reference, bindings_of
from checker.engine.search import Limits, NativeSearch, Progress, ReferenceSearch
from checker.errors import EnginesDisagree
from checker.language.layout import leaves
from checker.matrix.cells import Cell
from checker.matrix.roles import ROLES
from checker.questions.bisimulation import I64
from checker.questions.graph_compare import called, columns, meaning_of
from checker.questions.recheck import ENGINE, SEED
from checker.questions.refinement import own_fields
from checker.questions.verdict import of_the_users
from checker.questions.weak import Rows
from checker.stories.replay import name_of
from checker.stories.trace import show
from model.finite import decode
from model.observers import Observer

AGAIN = 10  # states of each graph that CPython looks at, too
Look = tuple[int, ...]  # all that is read in a state
Event = tuple[Hashable | None, Look]  # the step, if an observer takes it itself, and what is read after it
U64 = NDArray[np.uint64]


class SeenSystem:
    """One cell and who looks at it."""

    def __init__(self, cell: Cell, observers: Sequence[Observer], fixed: Collection[Enum] = ()) -> None:
        """fixed: choices that userspace has made: a step whose parameter is another value of one of these is not taken."""
        self.cell, self.observers = cell, observers
        self.readings = tuple({p.function: p for observer in observers for p in observer.reads}.values())
        self.reference = Reference(cell.system, cell.scope)
        self.asked = [(p, values) for p in self.readings for values in bindings_of(p, cell.scope)]
        steps, actors = cell.system.steps(), {observer.by for observer in observers}
        self.seen_steps: list[Hashable | None] = [
            called(move) if steps[move.step].by in actors else None for move in self.reference.moves
        ]
        other = {type(value): value for value in fixed}
        self.allowed = [
            all(other.get(type(a), a) == a for a in move.args if isinstance(a, Enum)) for move in self.reference.moves
        ]
        self._leaves = list(leaves(cell.system.state_type(cell.scope)))
        memory = {name for observer in observers if observer.role != cell.subject
                  for name in own_fields(cell.system.__bases__[list(ROLES).index(observer.role)])}  # fmt: skip
        self.memory = {
            (leaf.path, meaning_of(leaf.type)): k for k, leaf in enumerate(self._leaves) if leaf.path[0] in memory
        }

    # --- one state, one step, in CPython ---

    def look(self, state: Codes) -> Look:
        """What is read in a state."""
        asked = [(p.function, values) for p, values in self.asked]
        return (*map(int, self.reference.all_hold(asked, state)), *(state[k] for k in self.memory.values()))

    def event(self, move: int, before: Look, after: Look) -> Event | None:
        """What is seen of a step; None if nothing."""
        step = self.seen_steps[move]
        return None if step is None and before == after else (step, after)

    def steps_from(self, state: Codes) -> Iterator[tuple[int, Codes]]:
        """The steps that are asked about."""
        for number, after in self.reference.successors(state):
            if self.allowed[number]:
                yield number, after

    def call_text(self, step: Hashable) -> str:
        """`write_spiv(cpu=0, enabled=1, directed_eoi=1)`."""
        move = next(m for m, seen in zip(self.reference.moves, self.seen_steps, strict=True) if seen == step)
        code = getattr(self.cell.system, move.step).__code__
        names = code.co_varnames[1 : code.co_argcount]
        return f"{move.step}({', '.join(f'{n}={show(a)}' for n, a in zip(names, move.args, strict=True))})"

    def changes(self, before: Look, after: Look) -> list[str]:
        """What is read that was not read before, and what is no longer, in words."""
        became = [self._text(k) for k in self._readings(before, after) if after[k]]
        ended = [
            self._text(k) for k in self._readings(before, after) if before[k] and not self._replaced(k, before, after)
        ]
        memory = [f"{name} is {now}" for name, _, now in self._remembered(before, after)]
        return became + memory + [f"no longer: {text}" for text in ended]

    def differences(self, here: Look, there: Look, names: tuple[str, str]) -> list[str]:
        """What is read in one system and not in the other one. names: of both."""
        sides = [(names, here), (names[::-1], there)]
        found = [f"{self._text(k)} in {one}, not in {other}" for (one, other), look in sides
                 for k in self._readings(here, there) if look[k]]  # fmt: skip
        return found + [
            f"{name} is {one} in {names[0]}, {other} in {names[1]}"
            for name, one, other in self._remembered(here, there)
        ]

    def _readings(self, one: Look, other: Look) -> list[int]:
        """The formulas of which two looks say something else."""
        return [k for k in range(len(self.asked)) if one[k] != other[k]]

    def _text(self, k: int) -> str:
        p, values = self.asked[k]
        names = p.function.__code__.co_varnames[1 : p.function.__code__.co_argcount]
        return p.sentence.format_map(dict(zip(names, map(show, values), strict=True)))

    def _replaced(self, k: int, before: Look, after: Look) -> bool:
        """Of these readings one at a time is true, and now it is another: it goes without saying that this one is not."""
        p, values = self.asked[k]
        same = [j for j, (q, v) in enumerate(self.asked) if q is p and v[:-1] == values[:-1]]
        return len(same) > 1 and sum(before[j] for j in same) == sum(after[j] for j in same) == 1

    def _remembered(self, one: Look, other: Look) -> list[tuple[str, str, str]]:
        """The fields of an observer's own that are not the same: what they are called, and both values."""
        found = list[tuple[str, str, str]]()
        for k, number in enumerate(self.memory.values(), len(self.asked)):
            if one[k] != other[k]:
                leaf = self._leaves[number]
                here, there = (show(decode(leaf.type, look[k])) for look in (one, other))
                found.append((name_of(self.cell.system, leaf)[1], here, there))
        return found


def seen_pair(
    base: Cell, design: Cell, observers: Sequence[Observer], fixed: Collection[Enum] = ()
) -> tuple[SeenSystem, SeenSystem]:
    """Of what each has in memory that is read, only what both have is compared."""
    one, two = SeenSystem(base, observers, fixed), SeenSystem(design, observers, fixed)
    common = [key for key in one.memory if key in two.memory]
    for watched in (one, two):
        watched.memory = {key: watched.memory[key] for key in common}
    return one, two


@dataclass(frozen=True)
class SeenGraph:
    """All that can be reached. looks: u64[states, k], what is read; edges: i64[m, 3], source, move, target; allowed ones."""

    outcome: Outcome
    looks: U64
    edges: I64
    lines: Mapping[SourceLine, bool]


def explored(watched: SeenSystem, limits: Limits, on_progress: Progress | None, engine: str = "auto") -> SeenGraph:
    """Raises ModelError, NoCompiler if `engine` is native, KeyboardInterrupt."""
    cell = watched.cell
    prepared = prepare(cell.system, cell.scope, watched.readings)
    search = _search(prepared, watched.reference, engine)
    outcome = search.run(limits, on_progress)
    if outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    if outcome is not Outcome.COMPLETE:
        return SeenGraph(outcome, np.zeros((0, 0), np.uint64), np.zeros((0, 3), np.int64), {})
    looks, edges = (
        _of_native(watched, prepared, search) if isinstance(search, NativeSearch) else _of_cpython(watched, search)
    )
    if not all(watched.allowed):
        looks, edges = _reached(looks, edges[np.array(watched.allowed, np.bool_)[edges[:, 1]]])
    return SeenGraph(outcome, looks, edges, of_the_users(search.lines_run(), cell))


def _reached(looks: U64, edges: I64) -> tuple[U64, I64]:
    """What these edges lead to from the first state, numbered anew: breadth first, in the order of the edges."""
    rows = Rows(edges[:, 0], edges[:, 2], len(looks))
    numbers = np.full(len(looks), -1, np.int64)
    numbers[:1] = 0
    found = [np.zeros(min(1, len(looks)), np.int64)]
    while len(found[-1]):
        targets = rows.joined(found[-1], found[-1])[1]
        targets = targets[numbers[targets] < 0]
        fresh = targets[np.sort(np.unique(targets, return_index=True)[1])]
        numbers[fresh] = sum(map(len, found)) + np.arange(len(fresh))
        found.append(fresh)
    kept = edges[numbers[edges[:, 0]] >= 0]
    kept = np.stack([numbers[kept[:, 0]], kept[:, 1], numbers[kept[:, 2]]], axis=1)
    return looks[np.concatenate(found)], kept[np.argsort(kept[:, 0], kind="stable")]


def _search(prepared: Prepared, reference: Reference, engine: str) -> NativeSearch | ReferenceSearch:
    if engine != "reference":
        try:
            return NativeSearch(prepared.program, reference, keep_edges=True, prepared=prepared, noted=prepared.noted)
        except NoCompiler:
            if engine == "native":
                raise
    return ReferenceSearch(prepared.program, reference, prepared.properties, prepared.noted)


def _of_native(watched: SeenSystem, prepared: Prepared, search: NativeSearch) -> tuple[U64, I64]:
    bits = search.exploration.eval_atoms(range(atom_count(prepared.program, False)))
    graph = search.graph()
    sources = np.repeat(np.arange(graph.n, dtype=np.int64), (graph.row[1:] - graph.row[:-1]).astype(np.int64))
    edges = np.stack([sources, graph.label.astype(np.int64), graph.target.astype(np.int64)], axis=1)
    memory = columns(search.exploration.packed(), search.layout.widths)[:, list(watched.memory.values())]
    _look_again(watched, search, bits, memory)
    return np.concatenate([_words(bits.T), memory], axis=1), edges


def _look_again(watched: SeenSystem, search: NativeSearch, bits: NDArray[np.uint8], memory: U64) -> None:
    """Of a sample of the states, what is read there and what follows, in CPython. Raises EnginesDisagree."""
    count = search.stats().states
    for number in Random(SEED).sample(range(count), min(count, AGAIN)):
        codes = search.codes(number)
        compiled = *map(int, bits[:, number]), *map(int, memory[number])
        after = {(move, search.codes(to)) for move, to in search.edges(number) if to is not None}
        said = {(move, to) for move, to in watched.reference.successors(codes)}
        if compiled != watched.look(codes) or after != said:
            told = {ENGINE: f"{compiled} and {len(after)} steps", "CPython": f"{watched.look(codes)} and {len(said)}"}
            raise EnginesDisagree(f"{watched.cell}: state {number}", told)


def _of_cpython(watched: SeenSystem, search: ReferenceSearch) -> tuple[U64, I64]:
    count = len(watched.asked)
    looks = np.array([watched.look(state) for state in search.explored.states], np.uint64)
    edges = np.array([(s, m, t) for s, m, t in search.explored.edges], np.int64).reshape(-1, 3)
    return np.concatenate([_words(looks[:, :count].astype(np.uint8)), looks[:, count:]], axis=1), edges


def _words(bits: NDArray[np.uint8]) -> U64:
    """u64[states, words] of u8[states, bits]."""
    packed = np.packbits(bits, axis=1)
    padded = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)
