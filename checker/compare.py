"""`eoi diff BASE DESIGN`: what a design changes in every cell of the matrix, as a reviewer would ask it.

FIXED: violated in BASE, not in DESIGN. REGRESSED: violated in DESIGN, not in BASE. STILL BROKEN: violated in both.
Both designs are run at the same scope, also where only one of them knows the API flags: the other answers the VMM's
request as its model says (EINVAL), and the VMM goes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from checker.errors import UserError
from checker.graph_compare import SAME, GraphComparison, compare_graphs
from checker.model_diff import Hunk
from checker.native import NoCompiler
from checker.registry import ROLES, Cell, role_of
from checker.report import PLAIN, binding_text, length_text
from checker.search import Limits
from checker.verdict import CellResult, Status, Verdict
from model.lang import Property, compose
from model.machine import Machine

FIXED, REGRESSED, STILL, OPEN, WITNESS = "FIXED", "REGRESSED", "STILL BROKEN", "OPEN", "CHANGED"
NOW = {Status.HOLDS: "holds", Status.SKIPPED: "not asked"}
ORDER = (REGRESSED, STILL, FIXED, OPEN, WITNESS)


@dataclass(frozen=True)
class Named:
    """A design as the command line names it."""

    name: str
    cls: type[Machine]


@dataclass(frozen=True)
class Pair:
    """The same cell under both designs."""

    base: Cell
    design: Cell


@dataclass(frozen=True)
class Change:
    """A property whose verdict a reviewer wants to see. CHANGED: a witness came or went, neither good nor bad."""

    kind: str
    base: CellResult
    design: CellResult
    before: Verdict
    after: Verdict

    @property
    def name(self) -> str:
        return self.after.property.name

    def told(self) -> tuple[CellResult, Verdict]:
        """The side that has the run to tell."""
        return (self.base, self.before) if self.kind == FIXED else (self.design, self.after)

    def __str__(self) -> str:
        result, verdict = self.told()
        text = "  ".join(filter(None, (length_text(verdict), binding_text(verdict) if verdict.run else "")))
        if self.kind == STILL and length_text(self.before) != length_text(verdict):
            text += f"  (was {length_text(self.before)})"
        if self.kind == FIXED:
            text += f"  now {NOW.get(self.after.status, '?')}" + (f" ({self.after.note})" if self.after.note else "")
        if self.kind in (OPEN, WITNESS):
            text = f"{PLAIN[self.before.status]} -> {PLAIN[self.after.status]}"
        return f"{self.kind:<12}  {self.name:<23} {result.cell}: {text}"


def pair_cells(base: Named, design: Named, of_base: Sequence[Cell], of_design: Sequence[Cell]) -> list[Pair]:
    """Every cell that either design has, under both. Raises UserError if they play different roles."""
    role = role_of(design.cls)
    if role_of(base.cls) != role:
        raise UserError(f"{base.name} is a {role_of(base.cls)}, {design.name} a {role}: nothing to compare")
    pairs = dict[tuple[Any, ...], Pair]()
    for cell in [*of_design, *of_base]:
        others = tuple(cell.names[r] for r in ROLES if r != role)
        pairs.setdefault((others, cell.scope), Pair(_under(base, role, cell), _under(design, role, cell)))
    return list(pairs.values())


def _under(design: Named, role: str, cell: Cell) -> Cell:
    """The cell with another design in that role."""
    if cell.names[role] == design.name:
        return cell
    roles = list(cell.system.__bases__)
    roles[list(ROLES).index(role)] = design.cls
    return replace(cell, names={**cell.names, role: design.name}, system=compose(*roles))


def changes(base: Sequence[CellResult], design: Sequence[CellResult]) -> list[Change]:
    """What changed or stays broken, worst first, in matrix order."""
    found = list[Change]()
    for before, after in zip(base, design, strict=True):
        for was, now in zip(before.verdicts, after.verdicts, strict=True):
            kind = _kind(was, now)
            if kind is not None:
                found.append(Change(kind, before, after, was, now))
    return sorted(found, key=lambda change: ORDER.index(change.kind))


def _kind(was: Verdict, now: Verdict) -> str | None:
    bad = (was.status is Status.VIOLATED, now.status is Status.VIOLATED)
    if bad == (True, True):
        return STILL
    if Status.INCONCLUSIVE in (was.status, now.status):
        return OPEN
    if any(bad):
        return FIXED if bad[0] else REGRESSED
    return None if was.status is now.status else WITNESS


def compare_all(
    pairs: Sequence[Pair], base: Sequence[CellResult], design: Sequence[CellResult], wanted: Sequence[Property],
    limits: Limits,
) -> list[GraphComparison]:  # fmt: skip
    """Compare the graphs of all pairs; where the sizes differ, that is the answer."""
    found = list[GraphComparison]()
    for pair, a, b in zip(pairs, base, design, strict=True):
        sizes = [f"{r.stats.states:,} states and {r.stats.transitions:,} transitions" for r in (a, b)]
        if sizes[0] != sizes[1]:
            found.append(GraphComparison(False, why=" against ".join(sizes)))
            continue
        try:
            found.append(compare_graphs(pair.base, pair.design, wanted, limits))
        except NoCompiler:
            found.append(GraphComparison(None, why="graphs are compared with the native engine only"))
    return found


def graph_lines(base: str, design: str, pairs: Sequence[Pair], graphs: Sequence[GraphComparison]) -> list[str]:
    """Whether the designs are equivalent, and what was compared to say so."""
    same = [g for g in graphs if g.same]
    if len(same) == len(graphs):
        lines = [f"{design} and {base} are equivalent: {SAME} in all {len(graphs)} cells."]
    else:
        lines = [f"{design} and {base} have the {SAME} in {len(same)} of {len(graphs)} cells."]
        lines += [f"  same: {pair.design}" for pair, g in zip(pairs, graphs, strict=True) if g.same]
        lines += [f"  unknown: {pair.design}: {g.why}" for pair, g in zip(pairs, graphs, strict=True) if g.same is None]
    if same:
        left_out = sorted({field for g in same for field in g.left_out})
        lines += [
            f"  Compared: the initial state, {sum(g.states for g in same):,} reachable states and "
            f"{sum(g.transitions for g in same):,} transitions (by step and arguments),",
            f"  in every field but {', '.join(left_out)}, which only one has and which tell no states apart."
            if left_out else "  in every field. Nothing is said of other cells.",
        ]  # fmt: skip
    return lines


def change_lines(listed: Sequence[Change]) -> list[str]:
    return [str(change) for change in listed] or ["no verdict changes, and nothing is violated in either"]


def count_line(listed: Sequence[Change], cells: int) -> str:
    counts = [f"{n} {kind}" for kind in ORDER if (n := sum(c.kind == kind for c in listed))]
    return f"{cells} cells compared: {', '.join(counts) or 'no change, nothing broken'}"


def as_json(
    base: str, design: str, hunks: Sequence[Hunk], listed: Sequence[Change], pairs: Sequence[Pair],
    graphs: Sequence[GraphComparison],
) -> str:  # fmt: skip
    """The same content, for machines."""
    return json.dumps(
        {
            "format": "eoiproof diff 1",
            "base": base,
            "design": design,
            "model": [{"file": h.file, "name": h.name, "lines": list(h.lines)} for h in hunks],
            "model_lines": sum(h.size for h in hunks),
            "equivalent": all(g.same for g in graphs),
            "graphs": [{"cell": str(p.design), **asdict(g)} for p, g in zip(pairs, graphs, strict=True)],
            "changes": [_change_json(change) for change in listed],
        },
        indent=1,
    )


def _change_json(change: Change) -> dict[str, Any]:
    _, verdict = change.told()
    run = verdict.run
    return {
        "kind": change.kind,
        "property": change.name,
        "cell": str(change.design.cell),
        "before": change.before.status.value,
        "after": change.after.status.value,
        "binding": binding_text(verdict) if run else "",
        "steps": [[m.step, [str(a) for a in m.args]] for m in run.moves] if run else [],
        "loop_start": run.loop_start if run else None,
        "stays": run.stutter if run else False,
    }
