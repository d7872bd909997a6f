"""`eoi diff BASE DESIGN`: what a design changes in every cell of the matrix, as a reviewer would ask it.

FIXED: violated in BASE, not in DESIGN. REGRESSED: violated in DESIGN, not in BASE. STILL BROKEN: violated in both.
Both designs are run at the same scope, also where only one of them knows the API flags: the other answers the VMM's
request as its model says (EINVAL), and the VMM goes on.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
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
from checker.questions.graph_compare import INTERRUPTED, GraphComparison, compare_graphs
from checker.questions.model_diff import Hunk
from checker.questions.own_word import own_word
from checker.questions.report import binding_text, length_text
from checker.questions.slips import Slips
from checker.questions.unvaried import Unvaried, open_because
from checker.questions.verdict import CellResult, Status, Verdict
from checker.words import count
from model.lang import Property
from model.machine import Machine, Scope

FIXED, REGRESSED, STILL, OPEN, WITNESS = "FIXED", "REGRESSED", "STILL BROKEN", "OPEN", "CHANGED"
ORDER = (REGRESSED, STILL, FIXED, OPEN, WITNESS)  # of the changes in the JSON
GROUPS = (REGRESSED, FIXED, STILL, OPEN, WITNESS)  # of the text
VERDICTS, GRAPH, UNKNOWN, ALIKE = "other verdicts", "explores differently", "undecided", "same"  # of cells


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
    cells that only one of the two has. named: the properties as --property named them. unvaried: what of the scope no cell has."""

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
    unvaried: Sequence[Unvaried] = ()
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
    def own_word(self) -> list[str]:
        """What the user's file says of itself in place of the model."""
        return own_word(result.cell.system for result in (*self.before, *self.after))

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
        return self.alike and not self.apart and not self.not_varied and (not self.hunks or self._tells)

    @property
    def not_varied(self) -> list[str]:
        """What of the scope the change may depend on and nobody asked."""
        return open_because(self.unvaried)

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
        return (
            silent or open_ or not self.whole or bool(self.never_run or self.apart or self.own_word or self.not_varied)
        )


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
    lost = was.property.vital and (was.status, now.status) == (Status.REACHED, Status.NEVER)
    if Status.INCONCLUSIVE in (was.status, now.status) or _no_longer_asked(was, now) or lost:
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
        if sizes_text(a) != sizes_text(b) and not reduced(a) and not reduced(b):
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
        if limits != Limits():
            return find_out()
        pair_of = pair.base, pair.design
        return kept_answers.of_both(pair_of, wanted, "graph", find_out, lambda found: found.same is not None)
    except NoCompiler:
        return GraphComparison(None, why="graphs are compared with the native engine only")


def reduced(result: CellResult) -> bool:
    """Its counts are of the states that were kept, which depends on more than what there is."""
    return result.reduced is not None and bool(result.reduced.by)


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
