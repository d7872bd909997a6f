"""One model, run by CPython and by generated C: the same states, edges and property values, or an assertion fails."""

from __future__ import annotations

import ctypes
import dataclasses
import importlib.util
import random
import sys
import types
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from checker.engine.atoms import atom_count, atoms
from checker.engine.build import load_c
from checker.engine.cgen import FAULT_BIT, generate
from checker.engine.cgen_key import generate_large
from checker.engine.linked import Linked, link
from checker.engine.native import NONE, U64, Exploration, ModelShape
from checker.engine.passages import Passage, passages, tracing, users_files
from checker.engine.prepare import Prepared
from checker.engine.reference import Codes, Reference, bindings_of, is_of_edges
from checker.engine.search import Limits, NativeSearch, Outcome, ReferenceSearch
from checker.language.ir import Program
from checker.language.layout import Layout, instances
from checker.language.lower import lower
from model.finite import RangeError, decode, size
from model.lang import Design, Property, Scope
from tests.rigs.keys import assert_same_keys

BATCH = 32  # states that a search expands together
Moves = dict[int, Codes | str]  # move number -> next state, or "fault"


def load_module(path: Path, name: str) -> types.ModuleType:
    """Import a file under a name of its own."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class Library:
    """The generated C of a program, asked about any state, reachable or not."""

    def __init__(self, program: Program, scope: Scope, noted: Sequence[Passage] = ()) -> None:
        self.layout, self.room, self.noted = Layout(program), len(instances(program)), noted
        steps = dataclasses.replace(program, formulas=())  # so that these are on keys, too
        self.library = load_c(generate_large(steps, noted), ("-O0", "-w"))
        self.frozen = np.array(self.layout.frozen(scope.choices()), np.uint64)

    def moves(self, state: Codes) -> Moves:
        stride, raw = 8 * self.layout.words8, raw_of(self.layout, state, self.frozen)
        out = ctypes.create_string_buffer(stride * (self.room + 1))
        labels = (ctypes.c_uint16 * (self.room + 1))()
        found = [
            (
                labels[k] & ~FAULT_BIT,
                bool(labels[k] & FAULT_BIT),
                self.layout.from_bytes(out.raw[k * stride : (k + 1) * stride]),
            )
            for k in range(self.library.eoi_expand(raw, out, labels))
        ]
        assert_same_keys(self.library, self.layout, raw, state, found, self.room)
        return {label: "fault" if fault else after for label, fault, after in found}

    def take_lines(self) -> set[tuple[str, int]]:
        """Of the noted lines, those that were run since this was asked last."""
        marks = (ctypes.c_uint8 * len(self.noted))()
        if self.noted:
            self.library.eoi_marks(marks)
        noted = [passage for passage, mark in zip(self.noted, marks, strict=True) if mark]
        return {(line.file, line.number) for passage in noted for line in passage.lines}


class InParts:
    """The same of a program that is linked from its parts; and what its properties say."""

    def __init__(self, program: Program, design: type[Design], scope: Scope, noted: Sequence[Passage] = ()) -> None:
        self.program, self.scope, self.layout, self.noted = program, scope, Layout(program), noted
        self.linked: Linked = link(program, design, noted).start()
        self.frozen = np.array(self.layout.frozen(scope.choices()), np.uint64)
        self.exploration = self.explore()

    def explore(self) -> Exploration:
        """A new search, without an initial state."""
        return Exploration(self.linked, shape_of(self.program, self.scope))

    def raw(self, state: Codes) -> bytes:
        return raw_of(self.layout, state, self.frozen)

    def moves(self, state: Codes) -> Moves:
        return {
            label & ~FAULT_BIT: "fault" if label & FAULT_BIT else self.layout.from_bytes(raw)
            for label, raw in self.exploration.successors(self.raw(state))
        }

    def lines(self) -> set[tuple[str, int]]:
        """Of the noted lines, those that were ever run."""
        marked = [passage for passage, mark in zip(self.noted, self.linked.marks(), strict=True) if mark]
        return {(line.file, line.number) for passage in marked for line in passage.lines}


def raw_of(layout: Layout, state: Codes, frozen: U64) -> bytes:
    """A state in C, with these choices."""
    return (np.frombuffer(layout.to_bytes(state), np.uint64) | frozen).tobytes()


def shape_of(program: Program, scope: Scope) -> ModelShape:
    layout, count = Layout(program), len(instances(program))
    mask, frozen = np.array(layout.masks(), np.uint64), np.array(layout.frozen(scope.choices()), np.uint64)
    return ModelShape(mask, frozen, count, count, atom_count(program, False), atom_count(program, True))


def reference_moves(reference: Reference, state: Codes) -> Moves:
    found: Moves = {}
    for number, move in enumerate(reference.moves):
        try:
            after = reference.successor(state, move)
        except RangeError:
            found[number] = "fault"
        else:
            if after is not None:
                found[number] = after
    return found


def compare_everywhere(program: Program, design: type[Design], scope: Scope, tries: int = 200) -> None:
    """Every step in random states, and which lines it runs. `tries` is enough to visit all values of a few small fields."""
    noted = passages(program, design)
    reference, library = Reference(design, scope), Library(program, scope, noted)
    parts, lines_run = InParts(program, design, scope, noted), set[tuple[str, int]]()
    assert noted
    known = {(line.file, line.number) for passage in noted for line in passage.lines}
    types_ = [leaf.type for leaf in library.layout.leaves]
    choose = random.Random(1)
    for _ in range(tries):
        state = tuple(choose.randrange(size(of)) for of in types_)
        with tracing(users_files(design)) as ran:
            expected = reference_moves(reference, state)
        got = library.moves(state)
        if expected != got:
            wrong = min(n for n in {*expected, *got} if expected.get(n) != got.get(n))
            move = reference.moves[wrong]
            leaves = [str(leaf) for leaf in library.layout.leaves]
            shown = ", ".join(f"{name}={code}" for name, code in zip(leaves, state, strict=True))
            raise AssertionError(
                f"{move.step}{move.args} at {shown}:\n CPython {expected.get(wrong)}\n C       {got.get(wrong)}"
            )
        assert parts.moves(state) == got
        lines = library.take_lines()
        lines_run |= lines
        if "fault" not in got.values():  # C may go on for some lines after a fault, which ends a search
            assert lines == ran & known
    assert parts.lines() == lines_run


def compare_formulas(program: Program, design: type[Design], scope: Scope, properties: Sequence[Property]) -> int:
    """What the properties say of random states, and of the edges that leave them; returns how many. A state where a step
    faults is left out, as a search ends there."""
    reference, parts, choose = Reference(design, scope), InParts(program, design, scope), random.Random(2)
    types_ = [leaf.type for leaf in parts.layout.leaves]
    tried = dict.fromkeys(tuple(choose.randrange(size(of)) for of in types_) for _ in range(4 * BATCH))
    moves = {state: reference_moves(reference, state) for state in tried}
    states = [state for state in tried if "fault" not in moves[state].values()][:BATCH]
    both = [parts.explore(), Exploration(load_c(generate(program), ("-O0", "-w")), shape_of(program, scope))]
    for exploration in both:
        for state in states:
            exploration.add_initial(parts.raw(state))
        if states:
            exploration.run(max_states=len(states) + 1)  # one batch: all of them
    edges = [(source, label, after) for source, state in enumerate(states) for label, after in moves[state].items()]
    for atom in atoms(program):
        formula = program.formulas[atom.formula]
        (p,) = (p for p in properties if p.name == formula.name)
        args = [decode(param.type, code) for param, code in zip(formula.params, atom.args, strict=True)]
        if atom.of_edges:
            said = [reference.holds_on_edge(p.function, args, states[s], after) for s, _, after in edges]
            firsts = [
                next((e[:2] for e, it in zip(edges, said, strict=True) if it is value), (NONE, NONE))
                for value in (False, True)
            ]
            for exploration in both:
                assert [tuple(first[:2]) for first in exploration.first_edges()[:, atom.bit].tolist()] == firsts, p.name
            continue
        told = [reference.holds(p.function, args, state) for state in states]
        values = [bool(value[atom.part] if isinstance(value, tuple) else value) for value in told]
        for exploration in both:
            assert exploration.eval_atoms([atom.bit])[0, : len(states)].tolist() == values, p.name
    return len(states)


def compare_some(
    program: Program, design: type[Design], scope: Scope, properties: Sequence[Property], states: int = 3000
) -> None:
    """The linked program and the whole one, as far as this many states."""
    prepared = Prepared(design, scope, properties)
    searches = [NativeSearch(program, Reference(design, scope), keep_edges=True, prepared=p) for p in (prepared, None)]
    for search in searches:
        search.run(Limits(max_states=states), None)
    assert_same_search(*searches)


def compare_reachable(program: Program, design: type[Design], scope: Scope, properties: Sequence[Property]) -> int:
    """The reachable graph and what the properties say of it. Returns the number of states."""
    native = NativeSearch(
        program, Reference(design, scope), keep_edges=True, prepared=Prepared(design, scope, properties)
    )
    whole = NativeSearch(program, Reference(design, scope), keep_edges=True)
    reference = ReferenceSearch(program, Reference(design, scope), properties)
    limits = Limits()
    assert native.run(limits, None) is whole.run(limits, None) is reference.run(limits, None)
    assert_same_search(native, whole)
    if native.outcome is Outcome.FAULT:
        return 0
    assert native.outcome is Outcome.COMPLETE
    states = [native.codes(i) for i in range(native.stats().states)]
    explored = reference.explored
    assert set(states) == set(explored.states)
    assert len(states) == len(explored.states)
    graph = native.exploration.graph()
    edges = {
        (states[s], int(graph.label[e]), states[int(graph.target[e])])
        for s in range(len(states))
        for e in range(int(graph.row[s]), int(graph.row[s + 1]))
    }
    assert edges == {(explored.states[s], label, explored.states[t]) for s, label, t in explored.edges}
    for p in properties:
        compare_property(p, program, native, reference)
    return len(states)


def assert_same_search(one: NativeSearch, other: NativeSearch) -> None:
    """Two native searches of one system answer alike, number by number."""
    assert one.stats().states == other.stats().states and one.stats().transitions == other.stats().transitions
    assert (one.outcome, one.fault(), one.fired()) == (other.outcome, other.fault(), other.fired())
    ours, theirs = one.exploration, other.exploration
    asked = range(ours.shape.n_atoms)
    arrays = [
        [e.first_states(), e.first_edges(), e.level_ends(), e.eval_atoms(asked), e.packed(), e.parents()]
        for e in (ours, theirs)
    ]
    if one.outcome is Outcome.COMPLETE and ours.keep_edges:
        for found, exploration in zip(arrays, (ours, theirs), strict=True):
            graph = exploration.graph()
            found += [graph.row, graph.target, graph.label]
    for number, (a, b) in enumerate(zip(*arrays, strict=True)):
        assert np.array_equal(a, b), number


def compare_property(p: Property, program: Program, native: NativeSearch, reference: ReferenceSearch) -> None:
    """The value of a property in every state (or on every edge) by CPython, against C's."""
    mine = [a for a in atoms(program) if program.formulas[a.formula].name == p.name]
    assert len(mine) == len(bindings_of(p, reference.reference.scope)) * (2 if p.kind == "leads_to" else 1)
    for atom in mine:
        for value in (False, True):
            if is_of_edges(p):
                assert (native.first_edge(atom, value) is None) == (reference.first_edge(atom, value) is None)
                continue
            by_codes = {reference.codes(i): v for i, v in enumerate(reference._values(atom))}
            by_c = {native.codes(i): bool(v) for i, v in enumerate(native.exploration.eval_atoms([atom.bit])[0])}
            assert by_c == by_codes, (p.name, atom)
    if p.kind == "leads_to":
        for one, other in zip(mine[::2], mine[1::2], strict=True):
            assert (native.lasso(one, other) is None) == (reference.lasso(one, other) is None)


def designs_in(module: types.ModuleType) -> type[Design]:
    """The design of a toy's file: the last class of it that is one."""
    own = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Design)]
    return [c for c in own if c.__module__ == module.__name__][-1]


def compare(design: type[Design], scope: Scope, properties: Sequence[Property] = ()) -> Program:
    """Everything above for one design; returns its program."""
    program = lower(design, scope, properties)
    compare_reachable(program, design, scope, properties)
    compare_everywhere(program, design, scope)
    return program
