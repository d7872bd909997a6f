"""`eoi prove --inductive`: what z3 says of each invariant, beside the exploration's verdict."""

from __future__ import annotations

from collections.abc import Sequence

from checker.engine.reference import Reference
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.symbolic.induction import InductionResult, explain, prove
from checker.symbolic.smt import Symbolic
from model.lang import Kind, Property

TIMEOUT_MS = 10_000


def induction_lines(cell: Cell, wanted: Sequence[Property]) -> list[str]:
    """One line per invariant; for one that is not inductive, the step that would leave it."""
    applying = [p for p in wanted if p.kind is Kind.ALWAYS and p.why_not(cell.system) is None]
    program = lower(cell.system, cell.scope, applying)
    symbolic = Symbolic(program, cell.scope)
    start = Reference(cell.system, cell.scope).start
    results: dict[str, list[InductionResult]] = {}
    for result in prove(symbolic, program.formulas, start, TIMEOUT_MS):
        results.setdefault(result.formula.name, []).append(result)
    lines = [] if results else ["  z3: no invariant applies to this cell"]
    for name, bindings in results.items():
        lines += _lines_of(name, bindings, symbolic)
    return lines


def _lines_of(name: str, results: Sequence[InductionResult], symbolic: Symbolic) -> list[str]:
    if not all(r.holds_initially for r in results):
        return [f"  z3: {name} does not hold in the initial state"]
    if all(r.inductive for r in results):
        return [f"  z3: {name} is inductive: no step leaves it, from any state, reachable or not"]
    broken = next((r for r in results if r.cti is not None), None)
    if broken is None:
        return [f"  z3: {name}: no answer within {TIMEOUT_MS // 1000} s for some step"]
    told = explain(broken, symbolic).splitlines()
    return [
        f"  z3: {name} is not inductive by itself (the exploration decides whether it holds):",
        *(f"      {x}" for x in told),
    ]
