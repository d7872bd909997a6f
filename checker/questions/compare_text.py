"""What `eoi diff` found, as text for people and as JSON for machines. Nothing is judged here."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from checker.engine.passages import line_texts, never_run
from checker.questions import report
from checker.questions.compare import (
    ALIKE,
    FIXED,
    GRAPH,
    GROUPS,
    OPEN,
    REGRESSED,
    STILL,
    UNKNOWN,
    VERDICTS,
    WITNESS,
    Change,
    Diff,
    Pair,
    counts,
    sizes_text,
    standings,
)  # fmt: skip
from checker.questions.graph_compare import SAME
from checker.questions.report import binding_text, length_text
from checker.questions.verdict import trace_of
from checker.words import count, fold_names

TOLD = {STILL: "Still broken", FIXED: "Fixed, until now violated"}
WIDTH = 118  # of the names of many cells
GLUE = "\u00a0"  # a blank at which no line breaks

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
    so_far = "" if diff.whole else ", so far"
    nothing = (
        [[f"no verdict changes, and nothing is violated in either{so_far}"]] if diff.pairs and not diff.listed else []
    )
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
    return f"{count(len(names), 'cell')}: {fold_names(names)}"


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
            sizes = (
                f"{x.states:,} -> {count(y.states, 'state')}, {x.transitions:,} -> {count(y.transitions, 'transition')}"
            )
            text = sizes if sizes_text(a) != sizes_text(b) else graph.why
            other.append(Row("OTHER GRAPH", "same verdicts", str(b.cell), text))
    return [*other, *open_]


def graph_line(diff: Diff) -> str:
    """How many cells are the same, and whether that makes the designs equivalent."""
    graphs, alike = sum(bool(g.same) for g in diff.graphs), standings(diff).count(ALIKE)
    if not diff.pairs:
        return f"Nothing was explored of both {diff.design} and {diff.base}."
    if graphs == len(diff.graphs) and diff.whole:
        line = f"{diff.design} and {diff.base} are equivalent: {SAME} in {'the 1 cell' if graphs == 1 else f'all {graphs} cells'}"
    else:
        line = f"{diff.design} and {diff.base} have the {SAME} in {graphs} of {count(len(diff.graphs), 'cell')}"
    return line + (f", but not the same verdicts in {graphs - alike} of these." if alike != graphs else ".")


def evidence_lines(diff: Diff) -> list[str]:
    """What was compared to say that graphs are the same."""
    same = [g for g in diff.graphs if g.same]
    if not same:
        return []
    left_out = sorted({field for g in same for field in g.left_out})
    return [
        f"  Compared: the initial state, {count(sum(g.states for g in same), 'reachable state')} and "
        f"{count(sum(g.transitions for g in same), 'transition')} (by step and arguments),",
        f"  in every field but {', '.join(left_out)}, which only one has and which tell no states apart."
        if left_out else "  in every field.",
    ]  # fmt: skip


def sizes_lines(diff: Diff) -> list[str]:
    """With which sizes the cells were explored, and that nothing is said of others."""
    if not diff.pairs:
        return []
    of = dict[str, list[str]]()
    for pair in diff.pairs:
        sizes = ",".join(f"{name}={value}" for name, value in pair.design.scope.sizes().items())
        of.setdefault(sizes, []).append(pair.design.names["guest"])
    guests = [f"{', '.join(dict.fromkeys(names))} with {sizes}" for sizes, names in of.items()]
    said = f"guests {'; '.join(guests)}" if len(of) > 1 else f"with {next(iter(of), '')}"
    lines = _wrapped(f"Explored: {said}. Nothing is said of other sizes: --scope sets them.", 2)
    lines += [line for text in report.not_looked_at(diff.after) for line in _wrapped(text, 2)]
    if diff.hunks and diff.whole and all(graph.same for graph in diff.graphs):
        users = [line for result in diff.after for line in result.lines_run]
        why = "perhaps no cell comes to where it would: try larger sizes"
        every = users and not never_run([result.lines_run for result in diff.after])
        lines.append(f"  The change makes no difference here; {'every line of it was run' if every else why}.")
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
    said = f"{', '.join(verdicts)}; of {count(len(diff.pairs), 'cell')}, {', '.join(cells)}, {n[ALIKE]} the same"
    return said if diff.whole else f"{said}; {_not_whole(diff)}"


def _not_whole(diff: Diff) -> str:
    left = len(diff.unexplored)
    reasons = ["interrupted"] * diff.interrupted
    reasons += [f"{left} of {count(left + len(diff.pairs), 'cell')} not explored"] * bool(left)
    return "INCONCLUSIVE: " + ", ".join(reasons)


def unexplored_lines(diff: Diff, every: bool) -> list[str]:
    """The cells that were not explored under both, and how to ask for one. every: for each."""
    if every:
        return [f"NOT EXPLORED  {pair.design}; reproduce: {reproduce(diff, pair)}" for pair in diff.unexplored]
    named = _wrapped(f"NOT EXPLORED  {_cells_text(str(pair.design) for pair in diff.unexplored)}")
    return [*named, f"  reproduce one: {reproduce(diff, diff.unexplored[0])}"] if diff.unexplored else []


def reproduce(diff: Diff, pair: Pair) -> str:
    """The command that asks the same of one cell."""
    command = report.reproduce("diff", pair.design)
    return command.replace("eoi diff", f"eoi diff {shlex.quote(diff.base)}", 1)


# --- as JSON ---


def is_open(diff: Diff) -> bool:
    """Something was not found out: a verdict, a cell, or anything at all of the user's file."""
    return not diff.whole or any(change.kind == OPEN for change in diff.listed) or report.ran_nothing(diff.after)


def as_json(diff: Diff) -> str:
    """The same content, for machines."""
    return json.dumps(
        {
            "format": "eoiproof diff 1",
            "base": diff.base,
            "design": diff.design,
            "model": [{"file": h.file, "name": h.name, "lines": list(h.lines)} for h in diff.hunks],
            "model_lines": sum(h.size for h in diff.hunks),
            "interrupted": diff.interrupted,
            "inconclusive": is_open(diff),
            "not_looked_at": line_texts(never_run([result.lines_run for result in diff.after])),
            "equivalent": diff.whole and all(g.same for g in diff.graphs),
            "graphs": [{"cell": str(p.design), **asdict(g)} for p, g in zip(diff.pairs, diff.graphs, strict=True)],
            "changes": [_change_json(change) for change in diff.listed],
            "counts": counts(diff),
            "not_explored": [reproduce(diff, pair) for pair in diff.unexplored],
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
