"""What prove, trace and diff share: the cells are explored, and the first run to tell is chosen."""

from __future__ import annotations

import sys
import textwrap
from argparse import Namespace
from collections.abc import Collection, Sequence
from dataclasses import replace

from checker.command import exits
from checker.command.exits import Exit
from checker.engine.checkpoint import Checkpoints
from checker.engine.search import Limits
from checker.engine.sizes import counts_if_known
from checker.matrix.cells import Cell
from checker.questions import report
from checker.questions.campaign import Campaign, run_campaign
from checker.questions.smaller_scopes import guess_lines, smaller_scopes
from checker.questions.unvaried import unvaried
from checker.questions.verdict import CellResult, Status, Verdict
from checker.stories.trace import Trace
from checker.words import count
from model.lang import Property
from model.machine import Scope

# Measured with base, qemu 0x20 and the guest linux: 11,763,712 states in 19 s, 7,686,744 in 30 s, 2,477,512 in 6 s.
# From 2 to 6 vCPUs each further one had 10, 7, 6 and 6 times the states of the one before; `any` has more than linux.
FINISHED = (Scope(cpus=6), Scope(pins=4, vectors=4), Scope(cpus=3, pins=3, vectors=3))


def largest_of(cells: Sequence[Cell]) -> Cell | None:
    """The cell with the most step instances, if it is larger than all that is known to finish."""
    large = [cell for cell in cells if not any(_within(cell.scope, known) for known in FINISHED)]
    return max(large, key=_instances, default=None)


def _instances(cell: Cell) -> int:
    return sum(counts_if_known(cell.system, cell.scope).values())


def size_note(cells: Sequence[Cell]) -> str:
    """How large that is; "" if there is none."""
    most = largest_of(cells)
    if most is None:
        return ""
    known = "; ".join(_text(scope) for scope in FINISHED)
    return (
        f"eoi: {_text(most.scope)} may not finish: it makes {count(_instances(most), 'step instance')} ({most}), and\n"
        "     every further vCPU, pin or vector multiplies the states, a vCPU by six or more. Known to finish, with the\n"
        f"     guest linux: {known}.\n"
        "     --timeout and --max-memory bound it; reaching one is INCONCLUSIVE."
    )


def _within(scope: Scope, known: Scope) -> bool:
    sizes = known.sizes()
    return all(name not in sizes or value <= sizes[name] for name, value in scope.sizes().items())


def _text(scope: Scope) -> str:
    return ",".join(f"{name}={value}" for name, value in scope.sizes().items())


def limits_of(options: Namespace) -> Limits:
    wanted = Checkpoints(options.resume, lambda text: print(f"eoi: {text}", file=sys.stderr, flush=True))
    rest = (
        options.max_disk,
        getattr(options, "reduce", False),
        getattr(options, "on", None) or "",
    )  # of the commands that have them
    return Limits(options.max_states, options.max_memory, options.timeout, options.threads, wanted, *rest)


def estimate_of(cells: Sequence[Cell]) -> list[str]:
    """Of the largest, by its smaller scopes; a few seconds before what may take days. With a limit nobody need know."""
    most = largest_of(cells)
    lines = guess_lines(smaller_scopes(most), most.scope) if most is not None else []
    return [part for line in lines for part in textwrap.wrap(line, 75, break_on_hyphens=False)]


def explore(
    options: Namespace, cells: Sequence[Cell], wanted: Sequence[Property], varied: Collection[str] = ()
) -> Campaign:
    """varied: names of the scope that the user gave values beside those of --scope."""
    limits = limits_of(options)
    print(f"{note}\n" if (note := size_note(cells)) else "", end="", file=sys.stderr, flush=True)
    if note and limits == Limits() and options.engine != "reference":
        print("".join(f"     {line}\n" for line in estimate_of(cells)), end="", file=sys.stderr, flush=True)
    campaign = run_campaign(cells, wanted, engine=options.engine, limits=limits, everywhere=bool(options.property))
    if options.resume and limits.checkpoints and not limits.checkpoints.resumed:
        print(
            "eoi: --resume: no search of these was left unfinished for a minute, or something was edited since",
            file=sys.stderr,
        )
    if options.engine == "auto" and any(r.engine == "reference" for r in campaign.results):
        print(
            "eoi: no C compiler was found, so the model ran in CPython: the same verdicts, several hundred\n"
            "     times slower. Install gcc or clang, or set CC.", file=sys.stderr,
        )  # fmt: skip
    said = {*options.asked.sizes, *varied}
    return campaign if campaign.interrupted else replace(campaign, unvaried=tuple(unvaried(cells, said)))


def first_shown(campaign: Campaign, statuses: Sequence[Status]) -> tuple[CellResult, Verdict] | None:
    """The first violation to tell: one that takes steps to reach rather than one that the first state shows."""
    shown = [(r, v) for r in campaign.results for v in r.verdicts if v.status in statuses]
    return next((s for s in shown if s[1].run is not None and s[1].run.length), shown[0] if shown else None)


def story(result: CellResult, verdict: Verdict) -> Trace:
    return report.story(result, verdict)


def exit_code(campaign: Campaign) -> Exit:
    return exits.decided(wrong=campaign.violated, undecided=campaign.undecided)
