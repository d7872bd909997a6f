"""Can the default matrix and the shipped properties tell a design from its one-change mutants?

The design is v6, the merged one, in every cell of its row of the full matrix (checker/questions/gate.py). A mutant of a
rule of KVM's or of a VMM's is judged in the cells where the rule is called, by every property that is asked there:

killed      in a cell of the default matrix (what `eoi prove v6` asks) a verdict is another one: HOLDS, VIOLATED, REACHED or
            NEVER, as `eoi diff` tells them. Another length of a run, another number of states, and whether a HOLDS is
            vacuous do not count.
beyond      only in one of the gate's other cells, for which one must ask: other devices, VMMs and guests on request.
refused     no verdict is another one, and in some cell a value leaves its range: eoi ends with an error that names the line.
survivor    everything else: in no cell another verdict.

Of a survivor it is known in which cells its reachable graph is another one: there a property is missing. Where it is the
same everywhere, its change never makes a difference in a reachable state of any cell: then a guest or a cell is missing,
unless it makes none in any state at all, which equal.py asks z3. In between stands

alike       in every cell an observer cannot tell it from the design, who sees who takes which step, and what every formula of
            every property says of each state and step; decided by bisimulation (questions/bisimulation.py). A step that
            changes nothing is not seen. No property over these formulas can tell it, and no guest, as one of those cells
            is of a role that does all that it may in any order (GENERAL); without such a cell it stays a survivor, and where
            a graph is too large to ask (COMPARED).

How: one program for each system with all mutants inside (schemata.py), a search of it for each mutant in each cell, and
of its graph what the product's own judge asks (verdict.py), without runs and their replay: a mutant is not told. In each
cell the unmutated program is judged first, and must answer what reports/expected.toml says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from checker.engine.atoms import Atom, atom_count, atoms
from checker.engine.facts import reached
from checker.engine.linked import Linked, LinkedProgram, link
from checker.engine.liveness import NativeGraph
from checker.engine.native import NONE, U8, Exploration, Graph, ModelShape, Outcome
from checker.engine.passages import Passage
from checker.engine.reference import Codes
from checker.errors import InternalError, UserError
from checker.language import ir
from checker.language.layout import Layout, instances
from checker.language.lower import lower
from checker.language.text import function_text
from checker.matrix.cells import Cell
from checker.matrix.roles import ON_REQUEST, all_properties, default_devices, keep_company, registered, uapi_vmms
from checker.questions import gate
from checker.questions.bisimulation import Coloured, bisimilar
from checker.questions.expected import Row, Table
from model.lang import Fair, Kind, Property, Scope, cells, save
from oracles.kvm.mutants import IOAPIC as KERNEL_IOAPIC
from oracles.kvm.mutants import KVM_VIEW
from oracles.kvm.mutants import rules as kernel_side
from oracles.mutation.make import Generated, Mutant, add_mutants, rule_name
from oracles.mutation.schemata import INITIAL, MUTANT, SET_UP, Schemata
from oracles.mutation.wellformed import WellFormed
from oracles.qemu.mutants import rules as qemu_side

DESIGN = "v6"
KVM, KERNEL_CHIP, QEMU_CHIP, VMMS = "KVM", "in-kernel I/O APIC", "QEMU's I/O APIC", "VMMs"
ASKED_FOR, TIME = "VMMs on request", "time"
SIDES = (KVM, KERNEL_CHIP, QEMU_CHIP, VMMS, ASKED_FOR, TIME)
GENERAL = frozenset({"any", "any_vmm"})  # the guest, and the VMM, that do all that they may
COMPARED = 1_000_000  # transitions of a graph that an observer is sent through; of a larger one he is taken to tell it
MAX_STATES = 390_000  # of a mutant's graph in one cell; the largest of the design has less than half
HOLDS, VIOLATED, REACHED, NEVER, OPEN = "HOLDS", "VIOLATED", "REACHED", "NEVER", "?"
OF_TEXT = {"ok": HOLDS, "(ok)": HOLDS, "FAIL": VIOLATED, "yes": REACHED, "no": NEVER}
Verdicts = dict[str, str]  # property -> one of the words above


def side_of(function: ir.Function) -> str | None:
    """Whose rule a function is; None for guests, devices and what all roles share. What the model says of time is no rule:
    no patch changes it."""
    kernel = kernel_side(function)
    if kernel is not None:
        if function.name.rpartition(".")[2] in KVM_VIEW.assumptions:
            return TIME
        return KERNEL_CHIP if kernel == KERNEL_IOAPIC else KVM
    if qemu_side(function) is not None:
        return QEMU_CHIP
    path = Path(function.loc.file)
    if (path.parent.parent.name, path.parent.name) != ("model", "vmms"):
        return None
    return ASKED_FOR if path.stem in ON_REQUEST else VMMS


@dataclass(frozen=True)
class Effect:
    """What a mutant does in a cell. graph: "same" as the design's, "alike" (another one, and the same for an observer), "other",
    "range" (a value leaves its range) or "limit" (too many states). verdicts: property -> (the design's, the mutant's) where they differ."""

    graph: str
    verdicts: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


class Rulebook:
    """Every mutant of the rules of all programs. They are numbered in the order in which they are met, so that all
    programs, and all processes that are forked from this one, mean the same by a number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self._made: dict[int, tuple[ir.Function, list[Mutant]]] = {}  # by identity; what is kept alive keeps its id
        self._digests: dict[int, str] = {}

    def of(self, program: ir.Program) -> dict[str, list[Mutant]]:
        """Function of the program -> its mutants."""
        functions = {**program.functions, **program.uncalled}
        language, found = WellFormed(functions), dict[str, list[Mutant]]()
        for name, function in functions.items():
            side = side_of(function)
            if side is not None and function.body:
                found[name] = self._of_function(function, side, functions, language)
        return found

    def _of_function(
        self, function: ir.Function, side: str, functions: Mapping[str, ir.Function], language: WellFormed
    ) -> list[Mutant]:
        """Systems that share a function share its mutants: what it asks of those that it calls is the same (memo.py)."""
        kept = self._made.get(id(function))
        if kept is None:
            made = Generated()
            add_mutants(function, side, functions, language, made)
            kept = self._made[id(function)] = (function, made.mutants)
            before = function_text(function)
            for mutant in made.mutants:
                self.numbers.setdefault(mutant.name, len(self.numbers) + 1)
                text = "\0".join([mutant.name, before, function_text(mutant.changed)])
                self._digests[id(mutant)] = hashlib.sha256(text.encode()).hexdigest()[:20]
        return kept[1]

    def uncalled(self, found: Iterable[World]) -> list[str]:
        """The rules that no step, no property and no initial() of any of these comes to."""
        called = {rule_name(m.site.function) for world in found for m in world.mutants}
        rules = {rule_name(function): side_of(function) for function, mutants in self._made.values() if mutants}
        return sorted(name for name in rules if name not in called)

    def digest(self, mutant: Mutant) -> str:
        """Of its name and of the function before and after the change."""
        return self._digests[id(mutant)]


class World:
    """One program of the matrix with its mutants, and its cells. rows: what is expected of each cell."""

    def __init__(
        self, asked: Mapping[str, Cell], rows: Mapping[str, Row], properties: Sequence[Property],
        book: Rulebook, schemata: Schemata,
    ) -> None:  # fmt: skip
        """asked: title -> cell, all of one system and of equal sizes. Raises ModelError, InternalError."""
        self.cells, self.rows = dict(asked), rows
        names = next(iter(self.cells.values())).names
        on_request = ON_REQUEST & {names["vmm"], names["guest"]} and names["vmm"] not in uapi_vmms()
        by_name = {role: registered(role, name) for role, name in names.items()}
        self.by_default = not on_request and names["device"] in default_devices() and keep_company(by_name)
        self.general = bool(GENERAL & {names["vmm"], names["guest"]})
        first = next(iter(self.cells.values()))
        self.system, self.scope, self.properties = first.system, first.scope, list(properties)
        self.original = lower(self.system, self.scope, properties)
        made = book.of(self.original)
        self.mutants: list[Mutant] = [m for name, of in made.items() if name in self.original.functions for m in of]
        self.numbers = {m.name: book.numbers[m.name] for of in made.values() for m in of}
        numbered = {name: sorted((self.numbers[m.name], m.changed) for m in of) for name, of in made.items()}
        self.program = schemata.program(self.original, numbered)
        self.layout = Layout(self.program)
        self.before = save(list(cells(self.system(self.scope))))
        self.linked: LinkedProgram | None = None
        places = {id(m.site.statement.node): None for of in made.values() for m in of}
        self.marked = {place: k for k, place in enumerate(places)}  # statement with a mutant -> its mark
        self.noted = [Passage(frozenset(), id(schemata.now[place])) for place in places]

    @property
    def size(self) -> int:
        """States of all cells together, as expected."""
        return sum(self.rows[title].states for title in self.cells)

    @property
    def largest(self) -> int:
        """States of its largest cell, as expected."""
        return max(self.rows[title].states for title in self.cells)

    def link(self) -> LinkedProgram:
        """Raises NoCompiler, CompileFailed."""
        self.linked = link(self.program, self.system, self.noted)
        return self.linked

    def tables(self) -> Linked:
        """Of one search."""
        return (self.linked or self.link()).start()

    @cached_property
    def fairness(self) -> list[Fair]:
        steps = self.system.steps()
        return [steps[i.step].fair if i.step in steps else Fair.FREE for i in instances(self.program)]

    @cached_property
    def atoms(self) -> list[list[list[Atom]]]:
        """Of each formula, for each binding, its one or two."""
        found: list[list[Atom]] = [[] for _ in self.program.formulas]
        for atom in atoms(self.program):
            found[atom.formula].append(atom)
        parts = [len(formula.functions) for formula in self.program.formulas]
        return [[of[i : i + n] for i in range(0, len(of), n)] for of, n in zip(found, parts, strict=True)]

    @cached_property
    def seen(self) -> set[str]:
        """The functions that properties come to: a mutant of one of them can change a verdict on the same graph."""
        names = [name for formula in self.original.formulas for name in formula.functions]
        return {function.name for function in reached(self.original.functions, names)}

    @cached_property
    def at_start(self) -> set[str]:
        """The functions that initial() comes to."""
        return {function.name for function in reached(self.original.functions, [INITIAL])}

    def shape(self, scope: Scope, number: int, set_up: bool = False) -> ModelShape:
        frozen = np.array(self.layout.frozen(Chosen(scope, number, set_up).choices()), np.uint64)
        count = len(self.fairness)
        counts = atom_count(self.program, False), atom_count(self.program, True)
        return ModelShape(np.array(self.layout.masks(), np.uint64), frozen, count, count, *counts)

    def start(self, scope: Scope, number: int) -> Codes | None:
        """The initial state of a mutant; None if a value leaves its range on the way to it."""
        if INITIAL not in self.original.functions:
            return self.before
        shape = self.shape(scope, number, set_up=True)
        state = np.frombuffer(self.layout.to_bytes(self.before), np.uint64) | shape.frozen
        following = Exploration(self.tables(), shape).successors(state.tobytes())
        last = len(self.fairness) - 1
        found = [raw for label, raw in following if label == last]
        return self.layout.from_bytes(found[0]) if found else None


class Chosen(Scope):
    """A scope's choices and two more."""

    def __init__(self, scope: Scope, number: int, set_up: bool) -> None:
        self._found: dict[str, Any] = {**scope.choices(), MUTANT: number, SET_UP: set_up}

    def choices(self) -> dict[str, bool | Enum]:
        return self._found


class Searched:
    """The reachable graph of one mutant (0: of none) in one cell, and what the properties say of it."""

    def __init__(self, world: World, scope: Scope, number: int, start: Codes, keep: bool = True) -> None:
        self.world = world
        shape = world.shape(scope, number)
        self._linked = world.tables()
        self.exploration = Exploration(self._linked, shape, keep_edges=True)
        state = np.frombuffer(world.layout.to_bytes(start), np.uint64) | shape.frozen
        self.exploration.add_initial(state.tobytes())
        self.outcome = self.exploration.run(None, MAX_STATES, None, None)
        if self.outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        self.stats = self.exploration.stats()

    def enters(self, mutant: Mutant) -> bool:
        """Did a step of the design's get to the statement that the mutant changes?"""
        return bool(self._marks[self.world.marked[id(mutant.site.statement.node)]])

    @cached_property
    def _marks(self) -> U8:
        return self._linked.marks()

    @cached_property
    def graph(self) -> Graph:
        return self.exploration.graph()

    def is_as(self, other: Searched) -> bool:
        """Same states in the same order, same edges with the same labels."""
        if (self.stats.states, self.stats.transitions) != (other.stats.states, other.stats.transitions):
            return False
        mine, theirs = self.graph, other.graph
        pairs = ((mine.row, theirs.row), (mine.target, theirs.target), (mine.label, theirs.label))
        packed = self.exploration.packed(), other.exploration.packed()
        return all(np.array_equal(a, b) for a, b in (packed, *pairs))

    def observed(self) -> Coloured:
        """What an observer sees: of a state what each formula says there; of a transition who takes which step, and what each
        formula of steps says of it. A step that leads from a state to itself, and breaks nothing, is not seen."""
        graph, of_states = self.graph, atom_count(self.world.program, False)
        values = np.packbits(self.exploration.eval_atoms(range(of_states)), axis=0).T.astype(np.uint64)
        said, sources = (
            self.exploration.eval_edges(),
            np.repeat(np.arange(graph.n), np.diff(graph.row).astype(np.int64)),
        )
        edges = np.concatenate([graph.label[:, None].astype(np.uint64), said], axis=1)
        targets = graph.target.astype(np.int64)
        count = atom_count(self.world.program, True)
        nothing = [(1 << min(64, count - at)) - 1 for at in range(0, count, 64)]  # is broken
        unseen = (sources == targets) & (said == np.array(nothing, np.uint64)).all(axis=1)
        return Coloured(values, sources, targets, edges).without(unseen)

    def verdicts(self) -> Verdicts:
        """What verdict.Judge says of each property."""
        found = Verdicts()
        for formula, bindings in zip(self.world.program.formulas, self.world.atoms, strict=True):
            found[formula.name] = self._verdict(formula, bindings)
        return found

    def _verdict(self, formula: ir.Formula, bindings: Sequence[Sequence[Atom]]) -> str:
        complete = self.outcome is Outcome.COMPLETE
        match formula.kind:
            case Kind.LEADS_TO:
                shown = complete and any(self._is_broken(p, q) for p, q in bindings)
            case Kind.ALWAYS if formula.of_edges:
                shown = any(int(self._first_edges[0, a.bit, 0]) != NONE for (a,) in bindings)
            case Kind.ALWAYS:
                shown = any(int(self._first_states[0, a.bit]) != NONE for (a,) in bindings)
            case Kind.REACHABLE:
                shown = any(int(self._first_states[1, a.bit]) != NONE for (a,) in bindings)
        if shown:
            return REACHED if formula.kind is Kind.REACHABLE else VIOLATED
        if not complete:
            return OPEN
        return NEVER if formula.kind is Kind.REACHABLE else HOLDS

    @cached_property
    def _first_states(self) -> np.ndarray:
        return self.exploration.first_states()

    @cached_property
    def _first_edges(self) -> np.ndarray:
        return self.exploration.first_edges()

    @cached_property
    def _fair(self) -> NativeGraph:
        return NativeGraph(self.graph, self.world.fairness)

    @cached_property
    def _values(self) -> dict[int, U8]:
        bits = [a.bit for of in self.world.atoms for pair in of if len(pair) == 2 for a in pair]
        return dict(zip(bits, self.exploration.eval_atoms(bits), strict=True))

    def _is_broken(self, p: Atom, q: Atom) -> bool:
        """Is there a fair run in which p is not followed by q? See liveness.find_lasso, which also tells it."""
        if int(self._first_states[1, p.bit]) == NONE:
            return False
        p_holds, q_holds = self._values[p.bit], self._values[q.bit]
        region = np.ascontiguousarray(q_holds == 0, np.uint8)
        trigger = np.ascontiguousarray((p_holds != 0) & (q_holds == 0), np.uint8)
        if not trigger.any():
            return False
        stays, fair = self._fair.stutter(region), self._fair.fair_sets(region)
        goal = np.ascontiguousarray((stays != 0) | (fair != NONE), np.uint8)
        return bool(goal.any()) and self._fair.shortest_stem(trigger, region, goal) is not None


class CellJudge:
    """One cell: the design's own graph and verdicts, and then those of mutants beside it."""

    def __init__(self, world: World, title: str) -> None:
        """Raises UserError if the design is not what is expected of it, InternalError if CPython begins elsewhere."""
        self.world, self.title, self.scope = world, title, world.cells[title].scope
        self.start = world.start(self.scope, 0)
        system = world.system(self.scope)
        state = list(cells(system))
        system.initial()
        if self.start is None or self.start != save(state):
            raise InternalError(f"{title}: compiled initial() differs from CPython's")
        self.design = Searched(world, self.scope, 0, self.start)
        self.verdicts = self.design.verdicts()
        self._check(world.rows[title])

    def _check(self, row: Row) -> None:
        expected = {name: OF_TEXT[text.split()[0]] for name, text in row.verdicts.items()}
        counts = self.design.stats.states, self.design.stats.depth - 1
        if (row.states, row.depth) != counts or expected != self.verdicts:
            raise UserError(
                f"{DESIGN}: {self.title}: the design itself is not what is expected of it: `eoi gate --design {DESIGN}` "
                "says what differs"
            )

    def judge(self, mutant: Mutant) -> Effect:
        number = self.world.numbers[mutant.name]
        start = self.world.start(self.scope, number) if mutant.function in self.world.at_start else self.start
        if start is None:
            return Effect("range")
        if start == self.start and mutant.function not in self.world.seen and not self.design.enters(mutant):
            return Effect("same")
        found = Searched(self.world, self.scope, number, start)
        if found.outcome is Outcome.FAULT:
            return Effect("range")
        complete = found.outcome is Outcome.COMPLETE
        same = complete and found.is_as(self.design)
        if same and mutant.function not in self.world.seen:
            return Effect("same")
        pairs = {
            name: (was, now) for (name, was), now in zip(self.verdicts.items(), found.verdicts().values(), strict=True)
        }
        differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1] and pair[1] != OPEN}
        if same or not complete:
            return Effect("same" if same else "limit", differing)
        compared = not differing and found.stats.transitions <= COMPARED
        return Effect("alike" if compared and bisimilar(self._observed, found.observed()) else "other", differing)

    @cached_property
    def _observed(self) -> Coloured:
        return self.design.observed()


def worlds(expected: Table, book: Rulebook) -> Iterator[World]:
    """Every program of the design's row of the full matrix: those of the default matrix, the fewest states first; the others."""
    known, rows = list(all_properties().values()), expected.get(DESIGN, {})
    schemata, found = Schemata(), list[World]()
    for group in _grouped(gate.full_matrix([DESIGN])):
        system = next(iter(group.values())).system
        missing = next((title for title in group if title not in rows), None)
        if missing is not None:
            raise UserError(
                f"nothing is expected of {DESIGN}: {missing}: `eoi gate --design {DESIGN}` says what differs"
            )
        asked = [p for p in known if p.why_not(system) is None]
        found.append(World(group, rows, asked, book, schemata))
    yield from sorted(found, key=lambda world: (not world.by_default, world.size))


def _grouped(parts: Sequence[gate.Part]) -> Iterator[dict[str, Cell]]:
    """title -> cell, of one program each: one system, sizes that are equal, and choices of the same kinds."""
    found: dict[object, dict[str, Cell]] = {}
    for part in parts:
        for cell in part.cells():
            kinds = tuple((name, type(value)) for name, value in cell.scope.choices().items())
            found.setdefault((cell.system, tuple(cell.scope.sizes().items()), kinds), {})[part.title(cell)] = cell
    yield from found.values()
