"""`eoi diff BASE DESIGN`: what a design changes in every cell of the matrix, as a reviewer would ask it.

FIXED: violated in BASE, not in DESIGN. REGRESSED: violated in DESIGN, not in BASE. STILL BROKEN: violated in both.
Both designs are run at the same scope, also where only one of them knows the API flags: the other answers the VMM's
request as its model says (EINVAL), and the VMM goes on.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from checker.engine.native import NoCompiler, Outcome
from checker.engine.search import Limits
from checker.errors import UserError
from checker.questions.fold_names import fold_names
from checker.questions.graph_compare import SAME, GraphComparison, compare_graphs
from checker.questions.model_diff import Hunk
from checker.questions.report import PLAIN, binding_text, length_text
from checker.questions.verdict import CellResult, Status, Verdict, trace_of
from checker.registry import ROLES, Cell, role_of
from model.lang import Property, compose
from model.machine import Machine

FIXED, REGRESSED, STILL, OPEN, WITNESS = "FIXED", "REGRESSED", "STILL BROKEN", "OPEN", "CHANGED"
NOW = {Status.HOLDS: "holds", Status.SKIPPED: "not asked"}
ORDER = (REGRESSED, STILL, FIXED, OPEN, WITNESS)  # of the changes in the JSON
GROUPS = (REGRESSED, FIXED, STILL, OPEN, WITNESS)  # of the text
VERDICTS, GRAPH, UNKNOWN, ALIKE = "other verdicts", "explores differently", "undecided", "same"  # of cells
TOLD = {STILL: "Still broken", FIXED: "Fixed, until now violated"}
WIDTH = 118  # of the names of many cells
GLUE = "\u00a0"  # a blank at which no line breaks


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

    @property
    def has_trace(self) -> bool:
        return self.told()[1].run is not None

    @property
    def takes_steps(self) -> bool:
        """There is a trace, and the initial state is not all of it."""
        run = self.told()[1].run
        return run is not None and run.length > 0

    @property
    def text(self) -> str:
        """The length of the trace, what it is about, and what was or is instead."""
        _, verdict = self.told()
        text = "  ".join(filter(None, (length_text(verdict), binding_text(verdict) if verdict.run else "")))
        if self.kind == STILL and length_text(self.before) != length_text(verdict):
            text += f"  (was {length_text(self.before)})"
        if self.kind == FIXED:
            text += f"  now {NOW.get(self.after.status, '?')}" + (f" ({self.after.note})" if self.after.note else "")
        if self.kind in (OPEN, WITNESS):
            text = f"{PLAIN[self.before.status]} -> {PLAIN[self.after.status]}"
        return text


@dataclass(frozen=True)
class Diff:
    """All that was found: the changed functions; per pair the results of both and their graphs; the changes."""

    base: str
    design: str
    hunks: Sequence[Hunk]
    pairs: Sequence[Pair]
    before: Sequence[CellResult]
    after: Sequence[CellResult]
    graphs: Sequence[GraphComparison]
    listed: Sequence[Change]


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
    """Compare the graphs of all pairs; where the sizes differ, that is the answer, if they are those of whole graphs."""
    found = list[GraphComparison]()
    for pair, a, b in zip(pairs, base, design, strict=True):
        if a.outcome is not Outcome.COMPLETE or b.outcome is not Outcome.COMPLETE:
            found.append(GraphComparison(None, why="a limit was reached"))
            continue
        if _sizes(a) != _sizes(b):
            found.append(GraphComparison(False, why=f"{_sizes(a)} against {_sizes(b)}"))
            continue
        try:
            found.append(compare_graphs(pair.base, pair.design, wanted, limits))
        except NoCompiler:
            found.append(GraphComparison(None, why="graphs are compared with the native engine only"))
    return found


def _sizes(result: CellResult) -> str:
    return f"{result.stats.states:,} states and {result.stats.transitions:,} transitions"


def standings(diff: Diff) -> list[str]:
    """What became of every cell, one of VERDICTS, GRAPH, UNKNOWN and ALIKE; a cell may be as broken as before."""
    changed = {id(change.design) for change in diff.listed if change.kind not in (STILL, OPEN)}
    opened = {id(change.design) for change in diff.listed if change.kind == OPEN}
    of_graph = {True: ALIKE, False: GRAPH, None: UNKNOWN}
    return [
        VERDICTS if id(result) in changed else UNKNOWN if id(result) in opened else of_graph[graph.same]
        for result, graph in zip(diff.after, diff.graphs, strict=True)
    ]


def counts(diff: Diff) -> dict[str, int]:
    """How many verdicts there are of each kind, and how many cells of each standing."""
    kinds, cells = [change.kind for change in diff.listed], standings(diff)
    return {k: kinds.count(k) for k in GROUPS} | {s: cells.count(s) for s in (VERDICTS, GRAPH, UNKNOWN, ALIKE)}


# --- as text ---


@dataclass(frozen=True)
class Row:
    """What is to be said of a cell. Cells with all else equal share a line; apart: what keeps others on their own."""

    kind: str
    name: str
    cell: str
    text: str
    apart: str = ""

    def __str__(self) -> str:
        return f"{self.kind:<12}  {self.name:<23} {self.cell}: {self.text}"


def group_lines(diff: Diff, *, brief: bool, every: bool) -> list[str]:
    """The groups, an empty line between them. brief: cells share a line for which the same is said, if by other traces.
    every: no cells share a line."""
    groups = [[_change_row(change, brief) for change in diff.listed if change.kind == kind] for kind in GROUPS]
    blocks = [_row_lines(rows, brief, every) for rows in [*groups, _graph_rows(diff)] if rows]
    nothing = [] if diff.listed else [["no verdict changes, and nothing is violated in either"]]
    return [line for block in [*nothing, *blocks] for line in ["", *block]][1:]


def _row_lines(rows: Sequence[Row], brief: bool, every: bool) -> list[str]:
    shared = dict[Row, list[Row]]()
    for row in rows:
        shared.setdefault(row if every else replace(row, cell=""), []).append(row)
    lines = list[str]()
    for same in shared.values():
        lines.append(str(same[0]))
        said = "one trace in" if same[0].kind == STILL and not brief else "in"
        lines += [] if len(same) == 1 else _wrapped(f"{said} {_cells_text(row.cell for row in same)}", 16)
    return lines


def _cells_text(cells: Iterable[str]) -> str:
    names = list(cells)
    return f"{len(names)} cells: {fold_names(names)}"


def _wrapped(text: str, indent: int = 0) -> list[str]:
    """Lines that break after a comma, a semicolon or a colon: not within a name."""
    first, rest = " " * indent, " " * (indent + 2)
    glued = re.sub("(?<![,;:]) ", GLUE, text)
    lines = textwrap.wrap(
        glued, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(GLUE, " ") for line in lines]


def _change_row(change: Change, brief: bool) -> Row:
    """What REGRESSED or is FIXED has a line for each cell, what is STILL BROKEN one for each trace."""
    cell, apart = str(change.told()[0].cell), ""
    if change.kind in (REGRESSED, FIXED, STILL) and not brief:
        apart = trace_key(change) if change.kind == STILL else cell
    return Row(change.kind, change.name, cell, change.text, apart)


def trace_key(change: Change) -> str:
    """What a trace tells, without where it was found: equal if it is the very same one."""
    result, verdict = change.told()
    if verdict.run is None:
        return length_text(verdict)
    trace = trace_of(result, verdict, "")
    return replace(trace, provenance=(), cell={}, scope={}, fairness=(), label="").to_json()


def _graph_rows(diff: Diff) -> list[Row]:
    """The cells that explore differently although every verdict is the same, then those that were not compared."""
    other, open_ = list[Row](), list[Row]()
    for a, b, graph, standing in zip(diff.before, diff.after, diff.graphs, standings(diff), strict=True):
        if graph.same is None:
            open_.append(Row("NOT COMPARED", "graphs", str(b.cell), graph.why))
        elif standing == GRAPH:
            x, y = a.stats, b.stats
            sizes = f"{x.states:,} -> {y.states:,} states, {x.transitions:,} -> {y.transitions:,} transitions"
            text = sizes if _sizes(a) != _sizes(b) else graph.why
            other.append(Row("OTHER GRAPH", "same verdicts", str(b.cell), text))
    return [*other, *open_]


def graph_line(diff: Diff) -> str:
    """How many cells are the same, and whether that makes the designs equivalent."""
    graphs, alike = sum(bool(g.same) for g in diff.graphs), standings(diff).count(ALIKE)
    if graphs == len(diff.graphs):
        line = f"{diff.design} and {diff.base} are equivalent: {SAME} in all {graphs} cells"
    else:
        line = f"{diff.design} and {diff.base} have the {SAME} in {graphs} of {len(diff.graphs)} cells"
    return line + (f", but not the same verdicts in {graphs - alike} of these." if alike != graphs else ".")


def evidence_lines(diff: Diff) -> list[str]:
    """What was compared to say that graphs are the same."""
    same = [g for g in diff.graphs if g.same]
    if not same:
        return []
    left_out = sorted({field for g in same for field in g.left_out})
    return [
        f"  Compared: the initial state, {sum(g.states for g in same):,} reachable states and "
        f"{sum(g.transitions for g in same):,} transitions (by step and arguments),",
        f"  in every field but {', '.join(left_out)}, which only one has and which tell no states apart."
        if left_out else "  in every field.",
    ]  # fmt: skip


def sizes_lines(diff: Diff) -> list[str]:
    """With which sizes the cells were explored, and that nothing is said of others."""
    of = dict[str, list[str]]()
    for pair in diff.pairs:
        sizes = ",".join(f"{name}={value}" for name, value in pair.design.scope.sizes().items())
        of.setdefault(sizes, []).append(pair.design.names["guest"])
    guests = [f"{', '.join(dict.fromkeys(names))} with {sizes}" for sizes, names in of.items()]
    said = f"guests {'; '.join(guests)}" if len(of) > 1 else f"with {next(iter(of), '')}"
    lines = _wrapped(f"Explored: {said}. Nothing is said of other sizes: --scope sets them.", 2)
    if diff.hunks and diff.graphs and all(graph.same for graph in diff.graphs):
        lines.append("  The change makes no difference here; perhaps no cell comes to where it would: try larger sizes.")
    return lines


def same_lines(diff: Diff) -> list[str]:
    """The cells with the same graph, by name."""
    return [f"  same: {pair.design}" for pair, g in zip(diff.pairs, diff.graphs, strict=True) if g.same]


def told_once(listed: Sequence[Change]) -> list[tuple[Change, list[str]]]:
    """What is STILL BROKEN or FIXED, once for each trace, with the lines that say in which cells it is the same."""
    found = dict[tuple[str, str, str], list[Change]]()
    for kind in TOLD:
        for change in listed:
            if change.kind == kind and change.has_trace:
                found.setdefault((kind, change.name, trace_key(change)), []).append(change)
    return [(same[0], _wrapped(f"{TOLD[kind]} {_places(same)}")) for (kind, _, _), same in found.items()]


def _places(same: Sequence[Change]) -> str:
    cells = [str(change.told()[0].cell) for change in same]
    return f"in {cells[0]}" if len(cells) == 1 else f"by one trace in {_cells_text(cells)}"


def summary_line(diff: Diff) -> str:
    """The numbers of each group. Every cell is counted in one of those after the semicolon."""
    n = counts(diff)
    verdicts = [f"{n[FIXED]} fixed", f"{n[REGRESSED]} regressed", f"{n[STILL]} still broken"]
    verdicts += [f"{n[kind]} {kind.lower()}" for kind in (OPEN, WITNESS) if n[kind]]
    cells = [f"{n[VERDICTS]} with other verdicts", f"{n[GRAPH]} exploring differently"]
    cells += [f"{n[UNKNOWN]} undecided"] if n[UNKNOWN] else []
    return f"{', '.join(verdicts)}; of {len(diff.pairs)} cells, {', '.join(cells)}, {n[ALIKE]} the same"


# --- as JSON ---


def as_json(diff: Diff) -> str:
    """The same content, for machines."""
    return json.dumps(
        {
            "format": "eoiproof diff 1",
            "base": diff.base,
            "design": diff.design,
            "model": [{"file": h.file, "name": h.name, "lines": list(h.lines)} for h in diff.hunks],
            "model_lines": sum(h.size for h in diff.hunks),
            "equivalent": all(g.same for g in diff.graphs),
            "graphs": [{"cell": str(p.design), **asdict(g)} for p, g in zip(diff.pairs, diff.graphs, strict=True)],
            "changes": [_change_json(change) for change in diff.listed],
            "counts": counts(diff),
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
