"""`eoi trace`: the shortest story of a violation (or of a reachable property), as text, JSON and a diagram."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from checker import files
from checker.command import exits
from checker.command.explore import exit_code, explore, first_shown, story
from checker.command.parsers import DIAGRAMS
from checker.errors import UserError
from checker.matrix.scope import parse_scope, scope_type
from checker.matrix.select import find_design, select
from checker.questions import report
from checker.questions.campaign import Campaign
from checker.questions.verdict import CellResult, Status, Verdict
from checker.stories import diagram
from checker.stories.write import to_text


def run(options: Namespace) -> int:
    """Tell the first violation (or witness) in the selected cells; write diagrams."""
    if not options.property:
        raise UserError("trace needs --property P: see `eoi list properties`")
    outputs = [(form, Path(getattr(options, form))) for form in DIAGRAMS if getattr(options, form)]
    for form, path in outputs:
        if path.suffix != f".{form}":
            raise UserError(f"--{form} {path}: the file's name must end in .{form}")
        files.check_file(f"--{form}", path)
    campaign, found = _smallest(options)
    if found is None:
        print(f"No run to tell: {report.summary_line(campaign)}")
        return exit_code(campaign)
    trace = story(*found)
    print(trace.to_json() if options.json else to_text(trace), end="")
    for _, path in outputs:
        files.write_bytes(path, diagram.render(trace, path.suffix.lstrip("."), options.wide))
        print(f"diagram: {path}", file=sys.stderr)
    return exits.decided(wrong=campaign.violated, undecided=campaign.open)


def _smallest(options: Namespace) -> tuple[Campaign, tuple[CellResult, Verdict] | None]:
    """What is told by one CPU and one pin makes the better story, unless the user fixed the sizes."""
    asked = parse_scope(options.scope, scope_type([find_design(options.design)[1]]))
    for small in ("cpus=1,pins=1", "cpus=1", ""):
        if not {name.partition("=")[0] for name in small.split(",")} & set(asked):
            _, cells, _, wanted = select(options, small)
            campaign = explore(options, cells, wanted)
            found = first_shown(campaign, [Status.VIOLATED]) or first_shown(campaign, [Status.REACHED])
            if found is not None or not small or campaign.interrupted:
                return campaign, found
    raise AssertionError("the last scope is the one asked for")
