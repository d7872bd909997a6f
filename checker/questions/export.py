"""One cell as input of another checker: the text, with a head that says what it is and how it is asked there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from checker.engine.reference import Explored, Reference
from checker.engine.sizes import check_sizes
from checker.errors import UserError
from checker.export import aiger, btor2, dot, murphi, promela, smv
from checker.export.flat import flatten
from checker.language.ir import Program
from checker.language.layout import leaves
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.questions.report import scope_text
from checker.symbolic.circuit import Circuit, circuit_of
from model.lang import Kind, Property

MOST_STATES = (
    50_000  # of a graph as text: a picture or a diff of more is of no use, and CPython takes a minute for them
)
ASKED = {
    "promela": [
        "States:   spin -DBFS -a FILE && gcc -O2 -w -DBFS -DSAFETY -DNOREDUCE -o pan pan.c && ./pan",
        '          ("states, stored"; depth first: without -DBFS, and ./pan -m1000000). A bad state ends',
        "          the search as an assertion; ./pan -c0 goes on.",
    ],
    "murphi": [
        "States:   rumur --deadlock-detection off --output out.c FILE &&",
        "          gcc -O2 -mcx16 -o out out.c -lpthread && ./out",
    ],
    "aiger": [
        "States:   berkeley-abc -c 'read_aiger FILE; reach -v -y'",
        "Verdict:  berkeley-abc -c 'read_aiger FILE; pdr' (bmc3 for the shortest run; frame n: after n steps)",
    ],
    "btor2": ["Bounds:   btormc -kmax 20 FILE (or another checker that reads BTOR2): after n steps a `bad` is reached"],
    "smv": ["States:   NuSMV -r FILE (and every INVARSPEC: one that is false was found)"],
    "dot": ["Picture:  dot -Tsvg FILE (of some hundred states at most; `eoi graph` draws less)"],
}
CIRCUITS: Mapping[str, Callable[[Circuit, Sequence[str]], str | bytes]] = {
    "aiger": aiger.write,
    "btor2": btor2.write,
    "smv": smv.write,
}


@dataclass(frozen=True)
class Exported:
    """left_out: the properties that the text does not ask."""

    text: str | bytes
    left_out: tuple[str, ...]


def export(
    cell: Cell, properties: Sequence[Property], to: str, on_progress: Callable[[int], None] = lambda states: None
) -> Exported:
    """properties: that say something of the cell. on_progress: how many states a graph has so far. Raises UserError for one
    that is too large, ModelError."""
    if to == "dot":
        return Exported(_graph(cell, _head(cell, to, ()), on_progress), tuple(p.name for p in properties))
    program = lower(cell.system, cell.scope, properties)
    if to in CIRCUITS:
        return _circuit(cell, to, program)
    check_sizes(cell.system, cell.scope)
    language = {"promela": promela, "murphi": murphi}[to]
    flat = flatten(program, cell.scope, Reference(cell.system, cell.scope).start, language.KEYWORDS)
    left_out = tuple(formula.name for formula in flat.left_out)
    head = _head(cell, to, [f"Never enabled here: {', '.join(flat.never)}"] * bool(flat.never))
    return Exported(language.write(flat, [*head, *_not_in_here(left_out)]), left_out)


def _circuit(cell: Cell, to: str, program: Program) -> Exported:
    circuit = circuit_of(program, cell.scope, Reference(cell.system, cell.scope).start)
    left_out = tuple(formula.name for formula in circuit.left_out)
    head = _head(cell, to, [*_legend(circuit), *_not_in_here(left_out)])
    return Exported(CIRCUITS[to](circuit, head), left_out)


def _legend(circuit: Circuit) -> list[str]:
    """What the numbers in it stand for."""
    steps = [f"  {n} {step.name}({', '.join(p.name for p in step.params)})" for n, step in enumerate(circuit.steps)]
    sought = ["reached" if t.formula and t.formula.kind is Kind.REACHABLE else "violated" for t in circuit.targets]
    asked = [
        f"  {n} {target.name}: {word}" for n, (target, word) in enumerate(zip(circuit.targets, sought, strict=True))
    ]
    codes = "Arguments are codes: the first is argument0. Name:2 is bit 2 of Name, the lowest is 0."
    return ["Steps, by what the inputs step:0, step:1, ... say:", *steps, codes, "Looked for, in this order:", *asked]


def _not_in_here(left_out: Sequence[str]) -> list[str]:
    return [f"Not in here, as they are about whole runs: {', '.join(left_out)}"] * bool(left_out)


def _head(cell: Cell, to: str, more: Sequence[str]) -> list[str]:
    kernel = f"{cell.names['kernel']}: " if cell.subject == "kernel" else ""
    made = "Made by eoiproof from the model, not to be edited."
    return [f"{kernel}{cell}", f"Scope:    {scope_text(cell.scope)}", made, "", *ASKED[to], *more]


def _graph(cell: Cell, head: Sequence[str], on_progress: Callable[[int], None]) -> str:
    reference = Reference(cell.system, cell.scope)

    def watch(found: Explored) -> str | None:
        on_progress(len(found.states))
        return None

    found = reference.explore(MOST_STATES, watch)
    _check_whole(found, cell)
    return dot.write(found, reference.moves, list(leaves(cell.system.state_type(cell.scope))), head)


def _check_whole(found: Explored, cell: Cell) -> None:
    """Raise UserError if it is not the whole graph."""
    if found.stopped is not None:
        why = (
            f"stores out of range: {found.error}"
            if found.error is not None
            else f"has more than {MOST_STATES:,} states"
        )
        raise UserError(
            f"{cell} {why}: no graph is written; give smaller sizes (--scope cpus=1,pins=1) or another guest"
        )
