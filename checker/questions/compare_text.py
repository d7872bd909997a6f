"""What two designs' comparison says, as text for people: the answer, the groups, what is the same. Nothing is judged here.

What comes first fits a screen: one row a property, as many names of cells as there is room for; `--cells` has a row for each.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from checker.matrix.cells import Cell
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
)
from checker.questions.graph_compare import SAME
from checker.questions.not_run import not_run_texts
from checker.questions.report import length_text
from checker.questions.slips import same_text_lines, slip_lines
from checker.questions.verdict import Status, Verdict, trace_of
from checker.stories.trace import show
from checker.words import count, fold_names, screen

TOLD = {STILL: "Still broken", FIXED: "Fixed, until now violated"}
GLUE = "\u00a0"  # a blank at which no line breaks


def what_is_wrong(verdict: Verdict) -> str:
    """What a story would say of it, or of what is not violated, what holds."""
    if verdict.status is not Status.VIOLATED:
        return verdict.property.sentence
    return verdict.property.complaint({name: show(value) for name, value in verdict.binding.items()})


def foremost(listed: Sequence[Change]) -> list[Change]:
    """Those of the property that was asked first, and that take steps, come first: a lost EOI before an EOI exit too many; of
    these the shortest."""

    def rank(change: Change) -> tuple[bool, int, int]:
        asked = [v.property.name for v in change.design.verdicts]
        return not change.takes_steps, asked.index(change.name) if change.name in asked else len(asked), length(change)

    return sorted(listed, key=rank)


def length(change: Change) -> int:
    run = change.told()[1].run
    return run.length if run is not None else 0


def headline(diff: Diff) -> str:
    """The answer: in how many cells a verdict is worse, in how many one is better, in how many both; and what became of the rest."""
    kinds: dict[int, set[str]] = {id(result): set() for result in diff.after}
    for change in diff.listed:
        kinds[id(change.design)].add(change.kind)
    worse, better, both = (
        sum(of <= found for found in kinds.values()) for of in ({REGRESSED}, {FIXED}, {REGRESSED, FIXED})
    )
    rest = [of for of in kinds.values() if not of & {REGRESSED, FIXED}]
    still, unknown = sum(STILL in of for of in rest), sum(OPEN in of and STILL not in of for of in rest)
    among = f"{worse} of {count(len(kinds), 'cell')}" if len(kinds) > 1 else count(worse, "cell")
    parts = [
        f"worse in {among}",
        f"better in {better}" + f" ({both} of these worse, too)" * bool(both),
    ]
    parts += [f"neither in {len(rest) - unknown}"]
    parts[-1] += f" ({still} of them violated as before)" * bool(still)
    parts += [f"not found out in {unknown}"] * bool(unknown)
    said = ", ".join(parts)
    return f"{said}; {_not_whole(diff)}" if not diff.whole else f"{said}; INCONCLUSIVE" if diff.undecided else said


def why_open(diff: Diff) -> list[str]:
    """Why it is INCONCLUSIVE; nothing if it is not."""
    if not diff.undecided:
        return []
    unseen = [f"no step that was explored runs {text}" for text in not_run_texts(diff.never_run)]
    open_ = Counter(change.name for change in diff.listed if change.kind == OPEN)
    asked = [f"{name} in {count(number, 'cell')}" for name, number in open_.items()]
    left = ["interrupted"] * diff.interrupted + [f"not explored: {pair.design}" for pair in diff.unexplored]
    apart = [f"only one of the two has {cell}" for cell in diff.apart]
    none = "no cell shows a difference, and not every slip would be seen" if diff.alike else "nothing was judged"
    return [*left, *diff.not_varied, *unseen, *asked, *apart, *diff.own_word] or [none]


def by_property(diff: Diff) -> list[str]:
    """Which properties are worse and better, each with the number of its cells, and how many of these verdicts are vacuous."""
    lines = list[str]()
    for said, kind in (("worse", REGRESSED), ("better", FIXED)):
        changes = [change for change in diff.listed if change.kind == kind]
        empty = Counter(change.name for change in changes if change.after.is_vacuous())
        of = Counter(change.name for change in changes)
        parts = [f"{name} {number}" + f" ({empty[name]} vacuous)" * bool(empty[name]) for name, number in of.items()]
        lines += wrapped(f"{said}: {', '.join(parts)}") if of else []
    return lines


def touched(diff: Diff) -> list[str]:
    """Which guests and VMMs are in the cells that are worse: `worse with guest: windows_cg, xen`, a text each; and which are in no
    cell where a verdict is worse or better: `neither with guest: linux; vmm: firecracker 0x11`."""
    worse, either, told = (
        {id(c.design) for c in diff.listed if c.kind in kinds}
        for kinds in ((REGRESSED,), (REGRESSED, FIXED), (REGRESSED, FIXED, OPEN))
    )
    found: dict[str, list[str]] = {"worse with": [], "neither with": []}
    for role in ("guest", "vmm") if either else ():
        of = {id(result): _called(result.cell, role) for result in diff.after if result.cell.names.get(role)}
        if len(set(of.values())) > 1:
            found["worse with"] += _named(role, [name for key, name in of.items() if key in worse])
            seen = {name for key, name in of.items() if key in told or not diff.whole}
            found["neither with"] += _named(role, [name for name in of.values() if name not in seen])
    return [f"{said} {'; '.join(names)}" for said, names in found.items() if names]


def _called(cell: Cell, role: str) -> str:
    """A VMM with its I/O APIC, as cells are titled."""
    version = getattr(cell.scope, "ioapic", None) if role == "vmm" else None
    return f"{cell.names[role]} {version.value:#x}" if version is not None else cell.names[role]


def _named(role: str, names: Sequence[str]) -> list[str]:
    return [f"{role}: {', '.join(dict.fromkeys(names))}"] if names else []


@dataclass(frozen=True)
class GroupLine:
    """What is to be said of a cell. Cells with all else equal share a row; apart: what keeps others on their own."""

    kind: str
    name: str
    cell: str
    text: str
    apart: str = ""

    def lines(self) -> list[str]:
        """As much on the first line as there is room for."""
        name, cell = f"{self.kind:<12}  {self.name:<23}", f"{self.cell}:"
        splits = [
            (f"{name} {cell} {self.text}", ""),
            (f"{name} {cell}", self.text),
            (name.rstrip(), f"{cell} {self.text}"),
        ]
        first, rest = next((s for s in splits if len(s[0]) <= screen()[0]), splits[-1])
        return [first, *textwrap.wrap(rest, screen()[0], initial_indent=" " * 16, subsequent_indent=" " * 18)]

    def head(self) -> str:
        """What stands for it where there is room for one line: never without its cell."""
        first = self.short_lines()[0].rstrip(":")
        if self.cell in first:
            return first
        close = f"{self.kind} {self.name} {self.cell}"
        return close if len(close) <= screen()[0] else f"{close[: screen()[0] - 4]} ..."

    def short_lines(self) -> list[str]:
        """On one line, if that can be done without what the trace is about."""
        short = replace(self, text=self.text.partition("  ")[0]).lines()
        return short if len(short) == 1 < len(self.lines()) else self.lines()


def group_lines(diff: Diff, *, brief: bool, every: bool) -> list[str]:
    """The groups, an empty line between them. brief: cells share a row for which the same is said, if by other traces.
    every: no cells share a row."""
    groups = [[change_row(change, brief) for change in diff.listed if change.kind == kind] for kind in GROUPS]
    blocks = [row_lines(rows, brief, every) for rows in [*groups, graph_rows(diff)] if rows]
    for block in (b for b in blocks if b[0].startswith(f"{FIXED} ")):
        block += wrapped(f"but worse: {'; '.join(worse(diff))}", 14) if worse(diff) else []
    return spaced([*nothing_changes(diff), *blocks])


def nothing_changes(diff: Diff) -> list[list[str]]:
    so_far = "" if diff.whole else ", so far"
    said = f"no verdict changes, and nothing is violated in either{so_far}"
    return [[said]] if diff.pairs and not diff.listed else []


def spaced(blocks: Iterable[Sequence[str]]) -> list[str]:
    return [line for block in blocks for line in ["", *block]][1:]


def row_lines(rows: Sequence[GroupLine], brief: bool, every: bool) -> list[str]:
    shared = dict[GroupLine, list[GroupLine]]()
    for row in rows:
        shared.setdefault(row if every else replace(row, cell=""), []).append(row)
    lines = list[str]()
    for same in shared.values():
        lines += same[0].lines()
        said = "one trace in" if same[0].kind == STILL and not brief else "in"
        lines += [] if len(same) == 1 else wrapped(f"{said} {cells_text(row.cell for row in same)}", 16)
    return lines


def cells_text(cells: Iterable[str]) -> str:
    names = list(cells)
    return f"{count(len(names), 'cell')}: {fold_names(names)}"


def wrapped(text: str, indent: int = 0, further: int | None = None) -> list[str]:
    """Lines as long as the screen is wide that break after a comma, a semicolon or a colon: not within a name."""
    first, rest = " " * indent, " " * (indent + 2 if further is None else further)
    glued = re.sub("(?<![,;:]) ", GLUE, text)
    lines = textwrap.wrap(
        glued, screen()[0], initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(GLUE, " ") for line in lines]


def worse(diff: Diff) -> list[str]:
    """What is violated now and was not: each property with a cell, and how many more. What is FIXED beside it was not for
    nothing."""
    cells = dict[str, list[str]]()
    for change in diff.listed:
        if change.kind == REGRESSED:
            cells.setdefault(change.name, []).append(str(change.design.cell))
    return [f"{name} in {of[0]}{f' and {len(of) - 1} more' if of[1:] else ''}" for name, of in cells.items()]


def change_row(change: Change, brief: bool) -> GroupLine:
    """What REGRESSED or is FIXED has a line for each cell, what is STILL BROKEN one for each trace."""
    cell, apart = str(change.told()[0].cell), ""
    if change.kind in (REGRESSED, FIXED, STILL) and not brief:
        apart = trace_key(change) if change.kind == STILL else cell
    return GroupLine(change.kind, change.name, cell, change.text, apart)


def trace_key(change: Change) -> str:
    """What a trace tells, without where it was found: equal if it is the very same one."""
    result, verdict = change.told()
    if verdict.run is None:
        return length_text(verdict)
    trace = trace_of(result, verdict, "")
    return replace(trace, provenance=(), cell={}, scope={}, fairness=(), label="", replay="").to_json()


def graph_rows(diff: Diff) -> list[GroupLine]:
    """The cells that explore differently although every verdict is the same, then those that were not compared."""
    other, open_ = list[GroupLine](), list[GroupLine]()
    for a, b, graph, standing in zip(diff.before, diff.after, diff.graphs, standings(diff), strict=True):
        if graph.same is None:
            open_.append(GroupLine("NOT COMPARED", "graphs", str(b.cell), graph.why))
        elif standing == GRAPH:
            x, y = a.stats, b.stats
            sizes = (
                f"{x.states:,} -> {count(y.states, 'state')}, {x.transitions:,} -> {count(y.transitions, 'transition')}"
            )
            text = sizes if sizes_text(a) != sizes_text(b) else graph.why
            other.append(GroupLine("OTHER GRAPH", "same verdicts", str(b.cell), text))
    return [*other, *open_]


def graph_line(diff: Diff) -> str:
    """How many cells are the same, and whether that makes the designs equivalent."""
    graphs, alike = sum(bool(g.same) for g in diff.graphs), standings(diff).count(ALIKE)
    if not diff.pairs:
        return f"Nothing was explored of both {diff.design} and {diff.base}."
    if diff.equivalent:
        line = f"{diff.design} and {diff.base} are equivalent: {SAME} in {'the 1 cell' if graphs == 1 else f'all {graphs} cells'}"
    else:
        line = f"{diff.design} and {diff.base} have the {SAME} in {graphs} of {count(len(diff.graphs), 'cell')}"
    return line + (f", but not neither in {graphs - alike} of these." if alike != graphs else ".")


def evidence_lines(diff: Diff) -> list[str]:
    """What was compared to say that graphs are the same."""
    same = [g for g in diff.graphs if g.same]
    if not same:
        return []
    left_out = sorted({field for g in same for field in g.left_out})
    fields = (
        f"field but {', '.join(left_out)}, which only one has and which tell no states apart" if left_out else "field"
    )
    said = (
        f"Compared: the initial state, {count(sum(g.states for g in same), 'reachable state')} and "
        f"{count(sum(g.transitions for g in same), 'transition')} (by step and arguments), in every {fields}."
    )
    return textwrap.wrap(said, screen()[0], initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


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
    lines = wrapped(f"Explored: {said}. Nothing is said of other sizes: --scope sets them.", 2)
    unseen = dict.fromkeys(report.not_looked_at(diff.before, diff.after))
    if diff.alike and not diff.hunks:
        unseen = dict.fromkeys(same_text_lines(diff.base, diff.never_run))
    elif diff.alike and diff.slips is not None:
        unseen |= dict.fromkeys(slip_lines(diff.slips, len(diff.pairs), diff.never_run))
    return [*lines, *(line for text in unseen for line in wrapped(text, 2))]


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
    return [(same[0], wrapped(f"{TOLD[kind]} {_places(same)}")) for (kind, _, _), same in found.items()]


def _places(same: Sequence[Change]) -> str:
    cells = [str(change.told()[0].cell) for change in same]
    return f"in {cells[0]}" if len(cells) == 1 else f"by one trace in {cells_text(cells)}"


def summary_lines(diff: Diff) -> list[str]:
    return textwrap.wrap(summary_line(diff), screen()[0], subsequent_indent="  ", break_on_hyphens=False)


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


def apart_lines(diff: Diff) -> list[str]:
    """The cells that only one of the two has, by whose they are."""
    found = dict[str, list[str]]()
    for cell in diff.apart:
        found.setdefault(cell.names[cell.subject], []).append(str(cell))
    return [line for name, cells in found.items() for line in wrapped(f"ONLY OF {name}  {cells_text(cells)}")]


def unexplored_lines(diff: Diff, every: bool) -> list[str]:
    """The cells that were not explored under both, and how to ask for one. every: for each."""
    if every:
        return [f"NOT EXPLORED  {pair.design}; reproduce: {reproduce(diff, pair)}" for pair in diff.unexplored]
    named = wrapped(f"NOT EXPLORED  {cells_text(str(pair.design) for pair in diff.unexplored)}")
    return [*named, f"  reproduce one: {reproduce(diff, diff.unexplored[0])}"] if diff.unexplored else []


def reproduce(diff: Diff, pair: Pair) -> str:
    """The command that asks the same of one cell."""
    command = report.reproduce("diff", pair.design, *diff.named)
    return command.replace("eoi diff", f"eoi diff {shlex.quote(diff.base)}", 1)
