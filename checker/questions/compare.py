"""`eoi diff BASE DESIGN`: what a design changes in every cell of the matrix, as a reviewer would ask it.

FIXED: violated in BASE, not in DESIGN. REGRESSED: violated in DESIGN, not in BASE. STILL BROKEN: violated in both.
Both designs are run at the same scope, also where only one of them knows the API flags: the other answers the VMM's
request as its model says (EINVAL), and the VMM goes on.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from checker.engine.native import NoCompiler, Outcome
from checker.engine.passages import SourceLine
from checker.engine.search import Limits
from checker.errors import UserError
from checker.interrupt import until_ctrl_c
from checker.matrix.cells import Cell
from checker.matrix.roles import ROLES, role_of
from checker.matrix.scope import scope_type
from checker.matrix.system import system_of
from checker.progress import Progress
from checker.questions import kept_answers, report
from checker.questions.campaign import judged_nothing
from checker.questions.graph_compare import INTERRUPTED, SAME, GraphComparison, compare_graphs
from checker.questions.model_diff import Hunk
from checker.questions.report import binding_text, length_text
from checker.questions.slips import Slips, same_text_lines, slip_lines
from checker.questions.verdict import CellResult, Status, Verdict, trace_of
from checker.words import count, fold_names
from model.lang import Property
from model.machine import Machine, Scope

FIXED, REGRESSED, STILL, OPEN, WITNESS = "FIXED", "REGRESSED", "STILL BROKEN", "OPEN", "CHANGED"
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
            text += f"  now {self.after.status.one}" + (f" ({self.after.note})" if self.after.note else "")
        if self.kind in (OPEN, WITNESS):
            text = " -> ".join(v.status.one for v in (self.before, self.after))
        return text


@dataclass(frozen=True)
class Diff:
    """All that was found: the changed functions; per pair the results of both and their graphs; the changes. unexplored:
    pairs that are not among those, because the user interrupted (or memory ran out) before both sides were explored. apart:
    cells that only one of the two has. named: the properties as --property named them."""

    base: str
    design: str
    hunks: Sequence[Hunk]
    pairs: Sequence[Pair]
    before: Sequence[CellResult]
    after: Sequence[CellResult]
    graphs: Sequence[GraphComparison]
    listed: Sequence[Change]
    unexplored: Sequence[Pair] = ()
    interrupted: bool = False
    apart: Sequence[Cell] = ()
    named: Sequence[str] = ()
    slips: Slips | None = None  # asked for if there is no difference, and something could have made one

    @property
    def whole(self) -> bool:
        """Nothing was cut short from outside of the cells."""
        return not self.interrupted and not self.unexplored

    @property
    def never_run(self) -> list[SourceLine]:
        """The lines of the user's that no cell of their side ran: the comparison says nothing of them."""
        return report.lines_not_looked_at(self.before, self.after)

    @property
    def alike(self) -> bool:
        """No cell tells the two apart: neither its graph nor a verdict."""
        graphs = bool(self.graphs) and all(graph.same for graph in self.graphs)
        asked = (c.kind in (STILL, OPEN) and not _no_longer_asked(c.before, c.after) for c in self.listed)
        return self.whole and graphs and all(asked)

    @property
    def equivalent(self) -> bool:
        """No cell tells the two apart, and either no line is another, or the cells would tell: everything that the user wrote
        was tried, and whatever else could stand there. Each has the cells of the other."""
        return self.alike and not self.apart and (not self.hunks or self._tells)

    @property
    def _tells(self) -> bool:
        return not self.never_run and self.slips is not None and self.slips.told

    @property
    def regressed(self) -> bool:
        return any(change.kind == REGRESSED for change in self.listed)

    @property
    def undecided(self) -> bool:
        """Something was not found out: a verdict, a cell, or a line of the user's; whether cells without a difference would
        tell; or the graphs differ, and no property that is asked says anything of either."""
        silent = judged_nothing([*self.before, *self.after]) and not all(g.same for g in self.graphs)
        open_ = any(change.kind == OPEN for change in self.listed)
        if self.alike:
            return open_ or not self.equivalent
        return silent or open_ or not self.whole or bool(self.never_run) or bool(self.apart)


def pair_cells(
    base: Named, design: Named, of_base: Sequence[Cell], of_design: Sequence[Cell]
) -> tuple[list[Pair], list[Cell]]:
    """Every cell that either design has, under both; and those that are not there under one of them. Raises UserError if
    they play different roles."""
    role = role_of(design.cls)
    if role_of(base.cls) != role:
        raise UserError(f"{base.name} is a {role_of(base.cls)}, {design.name} a {role}: nothing to compare")
    before, after = ({_others(cell, role): cell for cell in cells} for cells in (of_base, of_design))
    found = list[Pair]()
    for key, cell in {**after, **before, **after}.items():
        found.append(Pair(before.get(key) or under(base, role, cell), after.get(key) or under(design, role, cell)))
    there = [pair for pair in found if _is_there(pair.base) and _is_there(pair.design)]
    return there, [p.design if _is_there(p.design) else p.base for p in found if p not in there]


def _others(cell: Cell, role: str) -> Hashable:
    """What two cells share that differ in one role only. What a design adds to the scope is its own: where a choice of
    these is tried, the other one has the same cell again."""
    sizes = tuple((name, getattr(cell.scope, name)) for name in vars(Scope()))
    return tuple(cell.names[r] for r in ROLES if r != role), sizes, tuple(cell.own_choices.items())


def _is_there(cell: Cell) -> bool:
    """Its VMM has this I/O APIC: only the other design's may."""
    return issubclass(cell.system, Machine) and cell.scope.ioapic in cell.system.versions


def under(design: Named, role: str, cell: Cell) -> Cell:
    """The cell with another design in that role."""
    roles = list(cell.system.__bases__)
    roles[list(ROLES).index(role)] = design.cls
    of = scope_type(roles)
    shared = vars(of()) if isinstance(cell.scope, of) or issubclass(of, type(cell.scope)) else vars(Scope())
    scope = replace(of(), **{name: getattr(cell.scope, name) for name in shared if hasattr(cell.scope, name)})
    return replace(cell, names={**cell.names, role: design.name}, system=system_of(*roles), scope=scope)


def changes(base: Sequence[CellResult], design: Sequence[CellResult]) -> list[Change]:
    """What changed or stays broken, worst first, in matrix order."""
    found = list[Change]()
    for before, after in zip(base, design, strict=True):
        told = [{v.property.name: v for v in result.verdicts} for result in (before, after)]
        for name, p in {name: v.property for of in told for name, v in of.items()}.items():
            was, now = (of.get(name) or Verdict(p, Status.SKIPPED) for of in told)
            kind = _kind(was, now)
            if kind is not None:
                found.append(Change(kind, before, after, was, now))
    return sorted(found, key=lambda change: ORDER.index(change.kind))


def _kind(was: Verdict, now: Verdict) -> str | None:
    bad = (was.status is Status.VIOLATED, now.status is Status.VIOLATED)
    if bad == (True, True):
        return STILL
    if Status.INCONCLUSIVE in (was.status, now.status) or _no_longer_asked(was, now):
        return OPEN
    if any(bad):
        return FIXED if bad[0] else REGRESSED
    return None if was.status is now.status else WITNESS


def _no_longer_asked(was: Verdict, now: Verdict) -> bool:
    """Of a claim that said something: it is neither mended nor kept."""
    said = was.status is Status.VIOLATED or (was.status is Status.HOLDS and not was.note)
    return said and now.status is Status.SKIPPED


def compare_all(
    pairs: Sequence[Pair], base: Sequence[CellResult], design: Sequence[CellResult], wanted: Sequence[Property],
    limits: Limits, *, interrupted: bool = False,
) -> list[GraphComparison]:  # fmt: skip
    """Compare the graphs of all pairs; where the sizes differ, that is the answer, if they are those of whole graphs.
    After Ctrl-C (also before: interrupted) only sizes are."""
    found, progress = list[GraphComparison](), Progress(len(pairs), "graphs compared")
    for pair, a, b in zip(pairs, base, design, strict=True):
        progress.done = len(found)
        if a.outcome is not Outcome.COMPLETE or b.outcome is not Outcome.COMPLETE:
            stopped = Outcome.INTERRUPTED in (a.outcome, b.outcome)
            found.append(GraphComparison(None, why=INTERRUPTED if stopped else "a limit was reached"))
            continue
        if sizes_text(a) != sizes_text(b):
            found.append(GraphComparison(False, why=f"{sizes_text(a)} against {sizes_text(b)}"))
            continue
        if a.graph and a.graph == b.graph:
            found.append(GraphComparison(True, a.stats.states, a.stats.transitions))
            continue
        graph = GraphComparison(None, why=INTERRUPTED)
        with until_ctrl_c() as cut:
            if not interrupted:
                graph = _compared(pair, wanted, limits, progress)
        interrupted = interrupted or cut.short
        found.append(graph)
    progress.close()
    return found


def _compared(pair: Pair, wanted: Sequence[Property], limits: Limits, progress: Progress) -> GraphComparison:
    def find_out() -> GraphComparison:
        return compare_graphs(pair.base, pair.design, wanted, limits, progress.of(str(pair.design)))

    try:
        return find_out() if limits != Limits() else kept_answers.compared((pair.base, pair.design), wanted, find_out)
    except NoCompiler:
        return GraphComparison(None, why="graphs are compared with the native engine only")


def sizes_text(result: CellResult) -> str:
    return f"{count(result.stats.states, 'state')} and {count(result.stats.transitions, 'transition')}"


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


def foremost(listed: Sequence[Change]) -> list[Change]:
    """Those of the property that was asked first, and that take steps, come first: a lost EOI before an EOI exit too many."""

    def rank(change: Change) -> tuple[bool, int]:
        asked = [v.property.name for v in change.design.verdicts]
        return not change.takes_steps, asked.index(change.name) if change.name in asked else len(asked)

    return sorted(listed, key=rank)


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
    parts = [f"worse in {count(worse, 'cell')}", f"better in {better}" + f" ({both} of these worse, too)" * bool(both)]
    parts += [f"the same verdicts in {len(rest) - unknown}"]
    parts[-1] += f" ({still} of them violated as before)" * bool(still)
    parts += [f"not found out in {unknown}"] * bool(unknown)
    said = ", ".join(parts)
    return f"{said}; {_not_whole(diff)}" if not diff.whole else f"{said}; INCONCLUSIVE" if diff.undecided else said


def by_property(diff: Diff) -> list[str]:
    """Which properties are worse and better, each with the number of its cells: the headline's second line."""
    found = [
        (said, Counter(change.name for change in diff.listed if change.kind == kind))
        for said, kind in (("worse", REGRESSED), ("better", FIXED))
    ]
    texts = [f"{said}: {', '.join(f'{name} {number}' for name, number in of.items())}" for said, of in found if of]
    empty = sum(change.kind == FIXED and change.after.note.startswith("vacuous") for change in diff.listed)
    if empty:
        texts[-1] += f" ({empty} of these verdicts because what they speak of never happens any more)"
    return [line for text in texts for line in _wrapped(text)]


@dataclass(frozen=True)
class GroupLine:
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
    for block in (b for b in blocks if b[0].startswith(f"{FIXED} ")):
        block += _wrapped(f"but worse: {'; '.join(worse(diff))}", 14) if worse(diff) else []
    so_far = "" if diff.whole else ", so far"
    nothing = (
        [[f"no verdict changes, and nothing is violated in either{so_far}"]] if diff.pairs and not diff.listed else []
    )
    return [line for block in [*nothing, *blocks] for line in ["", *block]][1:]


def _row_lines(rows: Sequence[GroupLine], brief: bool, every: bool) -> list[str]:
    shared = dict[GroupLine, list[GroupLine]]()
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


def worse(diff: Diff) -> list[str]:
    """What is violated now and was not: each property with a cell, and how many more. What is FIXED beside it was not for
    nothing."""
    cells = dict[str, list[str]]()
    for change in diff.listed:
        if change.kind == REGRESSED:
            cells.setdefault(change.name, []).append(str(change.design.cell))
    return [f"{name} in {of[0]}{f' and {len(of) - 1} more' if of[1:] else ''}" for name, of in cells.items()]


def _change_row(change: Change, brief: bool) -> GroupLine:
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


def _graph_rows(diff: Diff) -> list[GroupLine]:
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
    unseen = dict.fromkeys(report.not_looked_at(diff.before, diff.after))
    if diff.alike and not diff.hunks:
        unseen = dict.fromkeys(same_text_lines(diff.base, diff.never_run))
    elif diff.alike and diff.slips is not None:
        unseen |= dict.fromkeys(slip_lines(diff.slips, len(diff.pairs), diff.never_run))
    return [*lines, *(line for text in unseen for line in _wrapped(text, 2))]


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


def apart_lines(diff: Diff) -> list[str]:
    """The cells that only one of the two has, by whose they are."""
    found = dict[str, list[str]]()
    for cell in diff.apart:
        found.setdefault(cell.names[cell.subject], []).append(str(cell))
    return [line for name, cells in found.items() for line in _wrapped(f"ONLY OF {name}  {_cells_text(cells)}")]


def unexplored_lines(diff: Diff, every: bool) -> list[str]:
    """The cells that were not explored under both, and how to ask for one. every: for each."""
    if every:
        return [f"NOT EXPLORED  {pair.design}; reproduce: {reproduce(diff, pair)}" for pair in diff.unexplored]
    named = _wrapped(f"NOT EXPLORED  {_cells_text(str(pair.design) for pair in diff.unexplored)}")
    return [*named, f"  reproduce one: {reproduce(diff, diff.unexplored[0])}"] if diff.unexplored else []


def reproduce(diff: Diff, pair: Pair) -> str:
    """The command that asks the same of one cell."""
    command = report.reproduce("diff", pair.design, *diff.named)
    return command.replace("eoi diff", f"eoi diff {shlex.quote(diff.base)}", 1)
