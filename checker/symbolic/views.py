"""Views: what all atoms of a shape say of some indices in some state. Those that reachable states show are the examples from
which clauses are learnt: a clause is good if it excludes a view that none of them shows.

Nothing rests on them: a clause counts once a solver has shown that no step breaks it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from checker.language.ir import Expr, Program
from checker.language.layout import Layout
from checker.symbolic.array_terms import ArrayTerms, Column, column
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.smt_values import Frame
from checker.symbolic.terms import Term
from checker.symbolic.vocabulary import Clause, IndexAtom, Vocabulary
from model.finite import BoolType
from model.lang import Scope

Rows: TypeAlias = NDArray[np.bool_]
Shape: TypeAlias = tuple[str, ...]
View: TypeAlias = tuple[Shape, bytes]
TIE = 0.3  # how much chance has a say in which literal is taken


def value_of(symbolic: Symbolic, state: Sequence[Term], expr: Expr, given: Mapping[str, Term]) -> Term:
    """An expression over index variables, in a state."""
    return run_of(symbolic, state, expr, given)[0]


def run_of(symbolic: Symbolic, state: Sequence[Term], expr: Expr, given: Mapping[str, Term]) -> tuple[Term, Execution]:
    """The same, with what it read."""
    run, frame = Execution(symbolic, state), Frame(True, symbolic.terms)
    for name, value in given.items():
        frame.set(name, value)
    return run.values.value(frame, expr), run


class States:
    """Concrete states of one program at one scope, side by side: what atoms say of indices in each."""

    def __init__(self, program: Program, scope: Scope, codes: NDArray[Any]) -> None:
        """codes: a row for each state, a column for each leaf."""
        self.symbolic = Symbolic(program, scope, ArrayTerms())  # its variables are never asked for
        leaves = self.symbolic.layout.leaves
        of_bools = [isinstance(leaf.type, BoolType) for leaf in leaves]
        self.columns: list[Column] = [
            column(codes[:, k].astype(bool) if b else codes[:, k]) for k, b in enumerate(of_bools)
        ]
        self.count = len(codes)
        self._known: dict[tuple[str, tuple[int, ...]], NDArray[np.bool_]] = {}

    def atom(self, atom: IndexAtom, given: Mapping[str, int]) -> NDArray[np.bool_]:
        key = atom.text, tuple(given[name] for name in atom.uses)
        if key not in self._known:
            found = value_of(self.symbolic, self.columns, atom.expr, given)
            self._known[key] = np.broadcast_to(np.asarray(found, np.bool_), (self.count,))
        return self._known[key]

    def views(self, vocabulary: Vocabulary, shape: Shape) -> Iterator[Rows]:
        """For each choice of indices: what each state shows of them."""
        atoms = vocabulary.atoms_of[shape]
        for given in indices(vocabulary, shape):
            yield np.stack([self.atom(a, given) for a in atoms], axis=1)


def indices(vocabulary: Vocabulary, names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Values of these variables at the sizes of the vocabulary's program, those of one sort different."""
    sorts = [vocabulary.variables[name].sort for name in names]
    for chosen in itertools.product(*(range(sort.hi + 1) for sort in sorts)):
        if len(set(zip(chosen, (s.index for s in sorts), strict=True))) == len(chosen):
            yield dict(zip(names, chosen, strict=True))


class OneState:
    """Which clauses hold in one state for all indices, asked of many indices at once."""

    def __init__(self, symbolic: Symbolic, vocabulary: Vocabulary) -> None:
        """symbolic: over arrays."""
        self._symbolic, self._vocabulary = symbolic, vocabulary
        names = list(vocabulary.variables)
        self._given: dict[str, Column] = {}
        for axis, name in enumerate(names):
            shape = [1] * len(names)
            shape[axis] = vocabulary.variables[name].sort.hi + 1
            self._given[name] = column(np.arange(shape[axis]).reshape(shape))
        self._alike = {
            (a, b): np.asarray(self._given[a] == self._given[b])
            for a, b in itertools.combinations(names, 2)
            if vocabulary.variables[a].sort == vocabulary.variables[b].sort
        }
        self._known: dict[str, NDArray[np.bool_]] = {}
        self._state: list[Term] = []

    def go_to(self, codes: Sequence[int]) -> None:
        self._state, self._known = self._symbolic.constants(codes), {}

    def breaks(self, clause: Clause) -> bool:
        """Is it false of some indices?"""
        holds: NDArray[np.bool_] = np.zeros((1,) * len(self._given), np.bool_)
        for text, positive in clause.literals:
            holds = holds | (self._atom(text) == positive)
        variables = [v.name for v in self._vocabulary.variables_of(clause)]
        for pair in itertools.combinations(variables, 2):
            if pair in self._alike:
                holds = holds | self._alike[pair]
        return not holds.all()

    def _atom(self, text: str) -> NDArray[np.bool_]:
        if text not in self._known:
            atom = self._vocabulary.atoms[text]
            given = {name: self._given[name] for name in atom.uses}
            self._known[text] = np.asarray(value_of(self._symbolic, self._state, atom.expr, given), np.bool_)
        return self._known[text]


class Views:
    """Those that were seen, by shape."""

    def __init__(self, vocabulary: Vocabulary, seed: int = 0) -> None:
        self.atoms_of = vocabulary.atoms_of
        self.rows: dict[Shape, Rows] = {s: np.zeros((0, len(self.atoms_of[s])), np.bool_) for s in vocabulary.shapes}
        self._packed: dict[Shape, set[bytes]] = {s: set() for s in vocabulary.shapes}
        self._chance = np.random.default_rng(seed)

    def add(self, shape: Shape, rows: Rows) -> int:
        """Returns how many of them are new."""
        packed = _distinct(np.packbits(rows, axis=1))
        new = [row for row in packed if row.tobytes() not in self._packed[shape]]
        self._packed[shape].update(row.tobytes() for row in new)
        if new:
            more = np.unpackbits(np.stack(new), axis=1)[:, : rows.shape[1]].astype(np.bool_)
            self.rows[shape] = np.vstack([self.rows[shape], more])
        return len(new)

    def knows(self, shape: Shape, row: Rows) -> bool:
        return np.packbits(row).tobytes() in self._packed[shape]

    def counts(self) -> dict[Shape, int]:
        return {shape: len(rows) for shape, rows in self.rows.items()}

    def excluding(self, vocabulary: Vocabulary, shape: Shape, row: Rows, tries: int = 6) -> Clause | None:
        """A short clause that is false of a view that was not seen, and true of all that were."""
        found = [self._cover(self.rows[shape] != row) for _ in range(tries)]
        best = min((f for f in found if f is not None), key=len, default=None)
        if best is None:
            return None
        atoms = self.atoms_of[shape]
        return vocabulary.clause([(atoms[i], not row[i]) for i in best])

    def _cover(self, differs: Rows) -> list[int] | None:
        """Few columns such that each row has one of them: greedily, and then without those that are not needed."""
        left, chosen = np.ones(len(differs), np.bool_), list[int]()
        while left.any():
            counts = differs[left].sum(axis=0)
            noise = self._chance.random(len(counts)) * TIE * left.sum()
            best = int(np.argmax(np.where(counts > 0, counts + noise, -1)))
            if counts[best] == 0:
                return None
            chosen.append(best)
            left &= ~differs[:, best]
        for column_ in list(chosen):
            rest = [c for c in chosen if c != column_]
            if rest and differs[:, rest].any(axis=1).all():
                chosen = rest
        return chosen


def _distinct(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The rows, each once. By their hashes: two that share one cost an example, and no more."""
    count, width = packed.shape
    padded = np.zeros((count, -(-width // 8) * 8), np.uint8)
    padded[:, :width] = packed
    words = padded.view(np.uint64)
    mixed = np.zeros(count, np.uint64)
    for k in range(words.shape[1]):
        mixed = (mixed ^ words[:, k]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return packed[np.sort(np.unique(mixed, return_index=True)[1])]


def codes_of(layout: Layout, raw: bytes, count: int) -> NDArray[np.int64]:
    """The states of a search, as it stores them: a row for each state, a column for each leaf."""
    per_state = layout.words8 * 8 // layout.cell_bytes
    cells = np.frombuffer(raw, f"<u{layout.cell_bytes}").reshape(count, per_state)
    return cells[:, layout.cell].astype(np.int64)
