"""`eoi trace`: the shortest story of a violation (or of a reachable property), as text, JSON and a diagram."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from pathlib import Path

from checker import files
from checker.command import exits
from checker.command.explore import exit_code, explore, first_shown, limits_of, story
from checker.command.parsers import DIAGRAMS
from checker.command.retrace import another, check_watched, watched_of, watched_text, with_watched
from checker.errors import UserError
from checker.matrix.roles import ROLES, registered_base
from checker.matrix.scope import ScopeValue
from checker.matrix.select import select
from checker.questions import compare, report
from checker.questions.campaign import Campaign, run_campaign
from checker.questions.verdict import CellResult, Status, Verdict
from checker.stories import diagram
from checker.stories.write import to_text


def run(options: Namespace) -> int:
    """Tell the first violation (or witness) in the selected cells; write diagrams."""
    outputs = [(form, Path(getattr(options, form))) for form in DIAGRAMS if getattr(options, form)]
    if options.wide and not outputs:
        raise UserError(f"--wide shapes a picture: give --{', --'.join(DIAGRAMS[:-1])} or --{DIAGRAMS[-1]} FILE, too")
    for form, path in outputs:
        if path.suffix != f".{form}":
            raise UserError(f"--{form} {path}: the file's name must end in .{form}")
        files.check_file(f"--{form}", path)
    check_watched(options)
    campaign, found = _smallest(options)
    if found is None:
        print(f"No run to tell: {report.summary_line(campaign)}")
        return exit_code(campaign)
    told = another(options, campaign.results, *found) if options.other else (*found, story(*found))
    if told is None:
        return exits.decided(wrong=campaign.violated, undecided=campaign.open)
    trace, shared = told[2], also_of_base(options, *told[:2])
    seen = watched_of(options.watch, *told[:2])
    print(shared, file=sys.stderr if options.json else sys.stdout, end="\n\n" * bool(shared))
    print(with_watched(trace, seen) if options.json else to_text(trace) + watched_text(trace, seen), end="")
    for _, path in outputs:
        files.write_bytes(path, diagram.render(trace, path.suffix.lstrip("."), options.wide))
        print(f"diagram: {path}", file=sys.stderr)
    return exits.decided(wrong=campaign.violated, undecided=campaign.open)


def also_of_base(options: Namespace, result: CellResult, verdict: Verdict) -> str:
    """That a violation is not of the user's making, where that is so: what the file stands on has it, too."""
    role = result.cell.subject
    design = result.cell.system.__bases__[list(ROLES).index(role)]
    base = registered_base(design)
    if base is None or verdict.status is not Status.VIOLATED:
        return ""
    cell = compare.under(compare.Named(*base), role, result.cell)
    campaign = run_campaign([cell], [verdict.property], engine=options.engine, limits=limits_of(options))
    found = [v for r in campaign.results for v in r.verdicts if v.status is Status.VIOLATED]
    if not found:
        return ""
    told = f"{base[0]} violates {verdict.property.name} here, too: {report.length_text(found[0])}"
    return f"{told} (`eoi diff {base[0]} {shlex.quote(options.design)}` tells what changes)"


def _smallest(options: Namespace) -> tuple[Campaign, tuple[CellResult, Verdict] | None]:
    """What is told by one CPU and one pin makes the better story, unless the user fixed the sizes."""
    asked = options.asked
    for small in ({"cpus": 1, "pins": 1}, {"cpus": 1}, dict[str, ScopeValue]()):
        if not small.keys() & asked.sizes.keys():
            _, cells, _, wanted = select(asked, small)
            campaign = explore(options, cells, wanted)
            found = first_shown(campaign, [Status.VIOLATED]) or first_shown(campaign, [Status.REACHED])
            if found is not None or not small or campaign.interrupted:
                return campaign, found
    raise AssertionError("the last scope is the one asked for")
