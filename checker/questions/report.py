"""Results as text for people and as JSON for machines. Nothing is judged here."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

from checker.engine.native import Outcome
from checker.engine.passages import SourceLine
from checker.matrix.cells import Cell
from checker.matrix.loader import property_argument
from checker.matrix.scope import flag_lines, scope_value
from checker.questions.campaign import Campaign, judged_nothing, lines_never_run, ran_nothing
from checker.questions.not_run import not_run_texts
from checker.questions.verdict import CellResult, Status, Verdict, trace_of
from checker.stories.trace import Trace, show, steps_text
from checker.stories.write import WIDTH
from checker.words import count
from model.lang import Kind, Scope
from model.machine import ApiFlags

LONGEST_WORD = WIDTH - 4  # that fits an indented line of a story
EXACT = "exact storage, no reductions"


def scope_text(scope: Scope, without: Collection[str] = ()) -> str:
    """`cpus=2,pins=2,vectors=2,ioapic=0x20,x2apic=on,throttle=off`: what --scope reads back."""
    return ",".join(f"{name}={scope_value(value)}" for name, value in vars(scope).items() if name not in without)


def reproduce(command: str, cell: Cell, *properties: str, sizes: str | None = None) -> str:
    """The command that answers the same question again. sizes: as --sizes says them, and --scope does not; "" leaves them out."""
    names = cell.names
    parts = ["eoi", command, names[cell.subject]]
    others = [role for role in names if role != cell.subject and (role, names[role]) != ("kernel", "base")]
    parts += [x for role in others for x in (f"--{role}", names[role])]
    parts += [x for name in properties for x in ("--property", name)]
    parts += ["--sizes", sizes] if sizes else []
    said = scope_text(cell.scope, without=() if sizes is None else cell.scope.sizes())
    return shlex.join([*parts, *(x for piece in _scope_pieces(said) for x in ("--scope", piece))])


def reproduce_alone(cell: Cell, *properties: str) -> str:
    """The command that asks for every verdict of the cell, whatever its base does or is expected of it."""
    return f"{reproduce('prove', cell, *properties)} --absolute"


def _scope_pieces(text: str) -> list[str]:
    """A scope for one option; for several if it is too long for a line of a story."""
    pieces = [""]
    for part in text.split(",") if len(text) > LONGEST_WORD else [text]:
        if pieces[-1] and len(pieces[-1]) + 1 + len(part) > LONGEST_WORD - len("--scope  \\"):
            pieces.append(part)
        else:
            pieces[-1] += "," * bool(pieces[-1]) + part
    return pieces


def story(result: CellResult, verdict: Verdict) -> Trace:
    """Of a run, with the command that tells it again."""
    return trace_of(result, verdict, reproduce("trace", result.cell, property_argument(verdict.property)))


def length_text(verdict: Verdict) -> str:
    """`10 steps`, `8 steps and a loop of 5`."""
    run = verdict.run
    if run is None:
        return verdict.note
    if run.loop_start is None:
        return steps_text(run.length) + (", then for ever nothing" if run.stutter else "")
    return f"{steps_text(run.loop_start)} and a loop of {run.length - run.loop_start}"


def binding_text(verdict: Verdict) -> str:
    return " ".join(f"{name}={show(value)}" for name, value in verdict.binding.items())


def cell_lines(result: CellResult, asked: Sequence[str] = ()) -> list[str]:
    """One line per property, then what the exploration covered. asked: the properties that the user named."""
    stats = result.stats
    lines = [str(result.cell)]
    for v in result.verdicts:
        detail = "  ".join(filter(None, (length_text(v), binding_text(v) if v.run else "")))
        lines.append(f"  {v.status.value:<12}  {v.property.name:<23} {detail}".rstrip())
        lines += [f"{'':<16}{v.confirmed}"] if v.confirmed else []
    complete = "" if result.outcome.name == "COMPLETE" else f" STOPPED: {result.outcome.value};"
    lines.append(
        f"  covered:{complete} {all_states([result])}, {count(stats.transitions, 'transition')}, depth {stats.depth - 1}; "
        f"{storage_text(result)}; {result.engine} engine"
        + f"; {stats.disk_bytes / 1e6:,.1f} MB of that lay on disk"
        * bool(stats.disk_bytes)
    )
    lines += [f"  {line}" for line in reduced_lines(result)]
    if result.assumed:
        lines.append("  assumed: " + "; ".join(result.assumed))
    never = "never" if result.outcome is Outcome.COMPLETE else "until it stopped, never"
    if result.never_fired:
        lines.append(f"  {never} taken: " + ", ".join(result.never_fired))
    over = not_run_texts(lines_never_run([result]))
    if over:
        lines.append(f"  {never} run: " + "; ".join(over))
    lines.append("  reproduce: " + reproduce_alone(result.cell, *asked) + " --reduce" * (result.reduced is not None))
    return lines


def storage_text(result: CellResult) -> str:
    by = result.reduced.by if result.reduced is not None else ()
    return f"exact storage, one state for all that differ in the order of {' and '.join(by)}" if by else EXACT


def reduced_lines(result: CellResult) -> list[str]:
    """What was not reduced, though it was asked for."""
    if result.reduced is None:
        return []
    of_all = result.reduced.of_all
    lines = [f"asked of all states: {', '.join(of_all)}"] if of_all else []
    return [
        *lines,
        *(f"not reduced{f' by {name}' * bool(name)}: {why}" for name, why in result.reduced.why_not.items()),
    ]


def lines_not_looked_at(*sides: Sequence[CellResult]) -> list[SourceLine]:
    """The lines of the user's files that no cell of their side ran: no verdict speaks of them. A design alone is one side; of two,
    each is compared with the other."""
    systems = [[result.cell.system for result in side] for side in sides]
    beside = systems[::-1] if len(sides) > 1 else [[]]
    return sorted({line for side, other in zip(sides, beside, strict=True) for line in lines_never_run(side, other)})


def not_looked_at(*sides: Sequence[CellResult]) -> list[str]:
    """Says so of each."""
    whole = all(r.outcome is Outcome.COMPLETE for side in sides for r in side)
    step = "no step" if whole else "no step that was explored"
    here = "here" if len(sides[0]) == 1 else f"in any of the {len(sides[0])} cells"
    lines = [f"NOT LOOKED AT: {text}: {step} runs it {here}" for text in not_run_texts(lines_not_looked_at(*sides))]
    nothing = any(ran_nothing(side) for side in sides)
    what = f"{step} runs anything of it" if nothing else "nothing was found out about these lines"
    return [*lines, *[f"INCONCLUSIVE: {what}: these are verdicts of the rest"] * bool(lines)]


def not_judged(results: Sequence[CellResult]) -> list[str]:
    """That no verdict says anything, where that is so."""
    if not results or not judged_nothing(results):
        return []
    if any(v.says_something() for r in results for v in r.verdicts if v.property.kind is not Kind.REACHABLE):
        where = "here" if len(results) == 1 else "in any cell where a verdict would say something"
        return [f"INCONCLUSIVE: nothing was judged: the device never does anything {where}"]
    holds = any(v.status is Status.HOLDS for r in results for v in r.verdicts)
    why = "what holds, holds only because what it speaks of never happens here" if holds else (
        "no property that is asked says anything of these systems"
    )  # fmt: skip
    return [f"INCONCLUSIVE: nothing was judged: {why}"]


def kept_lines(results: Sequence[CellResult]) -> list[str]:
    """That an earlier command found what is said, where that is so."""
    kept = sum(result.kept for result in results)
    again = "EOI_ANEW=1 finds out everything again"
    return [f"Kept: {kept} of {count(len(results), 'cell')} found by an earlier command ({again})."] if kept else []


def fairness_lines(results: Sequence[CellResult]) -> list[str]:
    """The fairness that leads_to verdicts rest on, one line a kind."""
    merged: dict[str, dict[str, None]] = {}
    for result in results:
        for kind, steps in result.fairness.items():
            merged.setdefault(kind, {}).update(dict.fromkeys(steps))
    meaning = {
        "FINITE": "happens only finitely often", "WEAK": "happens if it stays possible",
        "STRONG": "happens if it is possible again and again",
    }  # fmt: skip
    shown = {kind: steps for kind, steps in merged.items() if kind in meaning and steps}
    return [f"  {kind} ({meaning[kind]}): {', '.join(steps)}" for kind, steps in shown.items()]


def grid_lines(results: Sequence[CellResult]) -> list[str]:
    """The whole matrix at a glance: a row per cell, a numbered column per property; in further tables the properties that
    only some cells were asked, with these cells."""
    asked = {p.name: p for r in results for p in (v.property for v in r.verdicts)}
    claims = [p for p in asked.values() if p.kind is not Kind.REACHABLE] or list(asked.values())
    numbers = {p.name: n for n, p in enumerate(claims, 1)}
    told = {id(r): {v.property.name: v.mark() for v in r.verdicts} for r in results}
    width, lines = max(len(str(r.cell)) for r in results), list[str]()
    tables = dict[tuple[int, ...], list[str]]()  # numbers of cells -> names of the properties that these were asked
    for name in numbers:
        tables.setdefault(tuple(n for n, r in enumerate(results) if name in told[id(r)]), []).append(name)
    for cells, names in tables.items():
        lines.append(" " * width + "".join(f"{numbers[name]:>6}" for name in names))
        for result in (results[n] for n in cells):
            lines.append(f"{result.cell!s:<{width}}" + "".join(f"{told[id(result)][name]:>6}" for name in names))
        lines.append("")
    lines += [f"{numbers[p.name]:>3} {p.name:<23} {p.sentence}" for p in claims]
    lines.append("FAIL: violated. (ok): holds, its premise never occurs. -: says nothing of this guest. ?: open.")
    return lines


def confirmed_lines(results: Sequence[CellResult]) -> list[str]:
    """What became of each violation on the real system, where the cells themselves are not shown."""
    tried = [(r.cell, v) for r in results for v in r.verdicts if v.confirmed]
    return [f"{cell}, {v.property.name}: {v.confirmed}" for cell, v in tried]


def flag_legend(results: Sequence[CellResult]) -> list[str]:
    """What the kernels call the flags that the cells' titles have."""
    shown = {flags for r in results for flags in [getattr(r.cell.scope, "flags", None)] if isinstance(flags, ApiFlags)}
    return flag_lines({r.cell.names["kernel"]: r.cell.system for r in results}, shown)


def summary_line(campaign: Campaign) -> str:
    counts = dict.fromkeys(Status, 0)
    for result in campaign.results:
        for v in result.verdicts:
            counts[v.status] += 1
    parts = [f"{n} {status.one if n == 1 else status.many}" for status, n in counts.items() if n]
    said = (
        f"{count(len(campaign.results), 'cell')}, {all_states(campaign.results)}{': ' * bool(parts)}{', '.join(parts)}"
    )
    return said if campaign.whole else f"{said}; {not_whole(campaign)}"


def all_states(results: Sequence[CellResult]) -> str:
    """How many they have together, and for how many these stand."""
    states = sum(r.stats.states for r in results)
    by = any(r.reduced and r.reduced.by for r in results)
    most = " at most" * any(r.reduced and not r.reduced.exact for r in results)
    return f"{count(states, 'state')}{f' that stand for {sum(r.all_states for r in results):,}{most}' * by}"


def advice_lines(campaign: Campaign) -> list[str]:
    """What to do where memory was the limit, or the disk."""
    reached = {r.outcome for r in campaign.results} | ({Outcome.MEMORY_LIMIT} if campaign.out_of_memory else set())
    fewer = "take fewer cpus, pins or vectors (each multiplies the states), or"
    return [
        f"{what} ran out: {fewer} {more}"
        for outcome, what, more in (
            (Outcome.MEMORY_LIMIT, "memory", "give more by --max-memory"),
            (Outcome.DISK_LIMIT, "the room on disk", "give more by --max-disk, or by EOI_SPILL=FOLDER another disk"),
        )
        if outcome in reached
    ]


def not_whole(campaign: Campaign) -> str:
    """What a campaign that was cut short leaves open: `INCONCLUSIVE: interrupted; 2 of 24 cells not explored`."""
    left, hungry = len(campaign.unexplored), len(campaign.out_of_memory)
    reasons = ["interrupted"] * campaign.interrupted
    if left:
        reasons.append(f"{left} of {count(left + len(campaign.results), 'cell')} not explored")
    if hungry:
        reasons.append(f"for {hungry} of them memory did not suffice")
    return "INCONCLUSIVE: " + ", ".join(reasons)
