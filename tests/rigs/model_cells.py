"""The cells that the model's tests range over, and what each engine says of them.

A cell is one point of the registry's matrix. `native` and `reference` explore it; `graph_of` turns either answer into
one form that names states by their codes, so that two engines can be compared without trusting their numbering.
"""

from __future__ import annotations

import functools
from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from checker.engine.atoms import Atom
from checker.engine.liveness import Lasso
from checker.engine.prepare import prepare
from checker.engine.reference import Codes, Move, Reference
from checker.engine.search import Limits, NativeSearch, ReferenceSearch
from checker.language.ir import Program
from checker.language.layout import instances
from checker.matrix import roles
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import role_of
from checker.matrix.scope import parse_scope
from checker.questions.verdict import Judge, Status, Verdict
from model.finite import Scalar, encode
from model.lang import Property
from model.machine import IoapicVersion

# The core of the matrix, on which every engine is compared with every other at several scopes. The whole registry is
# compared at one scope: test_registry_agrees.py.
VMMS = {name: roles.VMMS[name] for name in ("qemu", "openvmm")}
GUESTS = {name: roles.GUESTS[name] for name in ("linux", "windows_cg", "xen", "any")}
DEVICES = {name: roles.DEVICES[name] for name in ("level", "edge", "mixed")}


def designs() -> dict[str, Any]:
    return {name: cls for name, cls in roles.designs().items() if name in ("base", "v1")}


def all_properties() -> dict[str, Property]:
    """The properties of the thread and of the scan. Those of the uAPI, of migration, of CPUID and of old bugs have tests
    of their own: test_uapi.py, test_migration.py, test_cpuid.py, test_mutants.py."""
    mine = ("properties.eoi", "properties.scan")
    return {name: p for name, p in roles.all_properties().items() if p.function.__module__ in mine}


SMALL = "cpus=1,pins=1,vectors=1"
EdgeKey = tuple[Codes, str, tuple[int, ...], Codes]


@dataclass(frozen=True)
class Graph:
    """A reachable graph without numbers: states by their codes, and how often each edge occurs."""

    states: frozenset[Codes]
    state_count: int  # as the engine reports it: a state stored twice would show
    edges: Counter[EdgeKey]


def kernels() -> list[str]:
    """The registered designs that are kernels."""
    return [name for name, cls in designs().items() if role_of(cls) == "kernel"]


def cells(scope: str = "", **names: str) -> list[tuple[str, Cell]]:
    """(design name, cell) for every design; `names` narrows a family: guest="linux", design="v1", ioapic="0x11"."""
    ioapic = f"{scope},ioapic={names['ioapic']}" if "ioapic" in names else scope
    found = []
    for name, cls in designs().items():
        if names.get("design", name) != name:
            continue
        chosen = {family: [names[role]] if role in names else list(known) for family, role, known in _families()}
        for cell in matrix((name, cls), scope=parse_scope(ioapic), **chosen):
            if isinstance(cell, Cell):
                found.append((name, cell))
    return found


def old_scans() -> list[tuple[str, Cell]]:
    """The kernels with another scan (model/bugs/routes.py), each beside the one that fixes it: what the properties of
    the scan are violated and satisfied by."""
    pairs = []
    for mutant in (cls for cls in roles.mutants().values() if cls.__module__ == "model.bugs.routes"):
        assert mutant.patch is not None
        wanted = {role: mutant.default_roles.get(role, ("level",)) for role in ("vmm", "guest", "device")}
        for cls in (mutant, {**roles.designs(), **roles.mutants()}[mutant.patch.base]):
            found = matrix(
                (cls.__name__, cls), kernels=["base"], vmms=wanted["vmm"], guests=wanted["guest"], devices=wanted["device"],
                scope=mutant.scope_defaults,
            )  # fmt: skip
            pairs += [(cls.__name__, cell) for cell in found if isinstance(cell, Cell)]
    return pairs


def _families() -> list[tuple[str, str, Any]]:
    return [
        ("kernels", "kernel", kernels()),
        ("vmms", "vmm", VMMS),
        ("guests", "guest", GUESTS),
        ("devices", "device", DEVICES),
    ]


def one_cell(design: str, vmm: str, ioapic: str, guest: str, device: str = "level", scope: str = "") -> Cell:
    """The cell of exactly these names."""
    ((_, cell),) = cells(scope, design=design, vmm=vmm, ioapic=ioapic, guest=guest, device=device)
    return cell


def matrix_size() -> int:
    """How many cells the registry promises, counted without `matrix`."""
    count = 0
    for cls in designs().values():
        role = role_of(cls)
        vmms = [cls] if role == "vmm" else list(VMMS.values())
        points = sum(len(set(vmm.versions) & set(IoapicVersion)) for vmm in vmms)
        for family, known in (("kernel", kernels()), ("guest", GUESTS), ("device", DEVICES)):
            points *= 1 if role == family else len(known)
        count += points
    return count


def title(design: str, cell: Cell) -> str:
    """A name for a cell that says everything: the id of a parametrised test, and a line of counts.txt."""
    s = cell.scope
    by = cell.names
    return f"{design} {by['kernel']} {by['vmm']} {s.ioapic.value:#x} {by['guest']} {by['device']} {s.cpus}/{s.pins}/{s.vectors}"


def pair_id(value: object) -> str:
    """pytest's id of a (design, cell) pair."""
    assert isinstance(value, tuple)
    return title(*value).replace(" ", "-").replace("/", ":")


def applying(cell: Cell, known: Mapping[str, Property] | None = None) -> list[Property]:
    """The properties (default: the core's) that say something about a cell's system."""
    return [p for p in (all_properties() if known is None else known).values() if p.why_not(cell.system) is None]


class Explored:
    """One cell, explored to the end by one engine and ready to be judged. known: the properties (default: the core's)."""

    def __init__(
        self, cell: Cell, engine: str, keep_edges: bool = True, known: Mapping[str, Property] | None = None
    ) -> None:
        self.cell = cell
        self.known = all_properties() if known is None else known
        asked = applying(cell, self.known)
        prepared = prepare(cell.system, cell.scope, asked)
        self.program: Program = prepared.program
        reference = Reference(cell.system, cell.scope)
        self.search: NativeSearch | ReferenceSearch
        if engine == "native":
            self.search = NativeSearch(
                self.program, reference, keep_edges=keep_edges,
                prepared=prepared, noted=prepared.noted,
            )  # fmt: skip
        else:
            self.search = ReferenceSearch(self.program, Reference(cell.system, cell.scope), asked, prepared.noted)
        outcome = self.search.run(Limits(), None)
        assert outcome.name == "COMPLETE", outcome
        self.judge = Judge(cell, prepared, self.search, reference)

    @functools.cached_property
    def verdicts(self) -> Mapping[str, Verdict]:
        """The verdict of every property, by name."""
        return {name: self.judge.verdict(p) for name, p in self.known.items()}

    def status(self, name: str) -> Status:
        return self.verdicts[name].status


KEPT = 64  # explorations; a test process visits the tests of one cell one after the other
_explored: OrderedDict[Hashable, Explored] = OrderedDict()


def explored(cell: Cell, engine: str = "native", known: Mapping[str, Property] | None = None) -> Explored:
    """The cell explored with all applying properties, once for all tests of the process that ask of it."""
    functions = tuple(p.function for p in (all_properties() if known is None else known).values())
    key = (cell.system, cell.scope, engine, functions)
    if key not in _explored:
        _explored[key] = Explored(cell, engine, known=known)
        if len(_explored) > KEPT:
            _explored.popitem(last=False)
    _explored.move_to_end(key)
    return _explored[key]


def assert_engines_agree(cell: Cell, known: Mapping[str, Property] | None = None) -> None:
    """State sets, edges, depth, verdicts, and every binding of every property."""
    native, reference = explored(cell, "native", known), explored(cell, "reference", known)
    ours, theirs = graph_of(native), graph_of(reference)
    assert len(ours.states) == ours.state_count > 1, "a state is stored twice, or nothing was explored"
    assert ours.states == theirs.states
    assert ours.edges == theirs.edges
    assert ours.edges.total() == native.search.stats().transitions
    assert native.search.stats().depth == reference.search.stats().depth
    assert {k: _said(v) for k, v in native.verdicts.items()} == {k: _said(v) for k, v in reference.verdicts.items()}
    _compare_atoms(native, reference)


def graph_of(explored: Explored) -> Graph:
    """The graph that an engine found, in terms that do not depend on the engine."""
    search = explored.search
    if isinstance(search, ReferenceSearch):
        states = search.explored.states
        keys = [_move_key(explored.program, move) for move in search.reference.moves]
        edges = Counter((states[src], *keys[number], states[dst]) for src, number, dst in search.explored.edges)
        return Graph(frozenset(states), len(states), edges)
    states = [search.codes(i) for i in range(search.stats().states)]
    labels = [(i.step, i.args) for i in instances(explored.program)]
    graph = search.exploration.graph()
    row, target, label = graph.row.tolist(), graph.target.tolist(), graph.label.tolist()
    edges = Counter(
        (states[src], *labels[label[e]], states[target[e]])
        for src in range(len(states))
        for e in range(row[src], row[src + 1])
    )
    return Graph(frozenset(states), len(states), edges)


def _move_key(program: Program, move: Move) -> tuple[str, tuple[int, ...]]:
    """A move of the reference as (step, codes of its arguments)."""
    (step,) = (s for s in program.steps if s.name == move.step)
    codes = []
    for param, value in zip(step.params, move.args, strict=True):
        of = param.type
        assert isinstance(of, Scalar)
        codes.append(encode(of, value))
    return move.step, tuple(codes)


def _said(verdict: Verdict) -> tuple[Any, ...]:
    """What a verdict says, but for the lasso: the reference's is a grand tour, longer than it must be."""
    shortest = verdict.property.kind != "leads_to"
    length = verdict.run.length if verdict.run is not None and shortest else None
    return verdict.status, verdict.note, length, dict(verdict.binding) if shortest else None


def _compare_atoms(native: Explored, reference: Explored) -> None:
    """Every binding of every property, where `verdicts` shows the shortest binding only."""
    atoms = native.judge.atoms
    assert atoms == reference.judge.atoms
    assert len(atoms) > 0
    for k, atom in enumerate(atoms):
        if native.program.formulas[atom.formula].kind != "leads_to":
            assert _first(native, atom) == _first(reference, atom), atom
        elif atom.part == 0:
            p, q = atom, atoms[k + 1]
            assert (q.formula, q.args, q.part) == (p.formula, p.args, 1)
            assert _stem(native.search.lasso(p, q)) == _stem(reference.search.lasso(p, q)), atom


def _first(explored: Explored, atom: Atom) -> list[int | None]:
    """How far from the start an atom is first false, and first true."""
    search = explored.search
    found = []
    for value in (False, True):
        if atom.of_edges:
            edge = search.first_edge(atom, value)
            found.append(None if edge is None else len(search.path_to(edge.src)))
        else:
            state = search.first_state(atom, value)
            found.append(None if state is None else len(search.path_to(state)) - 1)
    return found


def _stem(lasso: Lasso | None) -> int | None:
    """The stem is what both engines promise to be shortest."""
    return None if lasso is None else len(lasso.stem)
