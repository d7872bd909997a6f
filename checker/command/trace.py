"""`eoi trace`: the shortest story of a violation (or of a reachable property), as text, JSON and a diagram."""

from __future__ import annotations

import os
import shlex
import sys
import textwrap
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from checker import files
from checker.command import exits
from checker.command.explore import exit_code, explore, first_shown, limits_of, story
from checker.command.parsers import DIAGRAMS
from checker.command.retrace import another, check_watched, watched_of, watched_text, with_watched
from checker.errors import UserError
from checker.language.refusal import Refused
from checker.matrix.roles import ROLES, registered_base
from checker.matrix.scope import with_values
from checker.matrix.select import select
from checker.questions import compare, report
from checker.questions.campaign import Campaign, run_campaign
from checker.questions.flag_meaning import below_story
from checker.questions.no_effect import why_nothing
from checker.questions.unvaried import open_because
from checker.questions.verdict import CellResult, Status, Verdict
from checker.stories import diagram
from checker.stories.trace import Trace
from checker.stories.write import to_text, unfolded
from checker.words import screen

HOME = Path(__file__).resolve().parents[2]  # what links of a picture to the model go by


def run(options: Namespace) -> int:
    """Tell the first violation (or witness) in the selected cells; write diagrams."""
    outputs = outputs_of(options)
    if options.wide and not outputs:
        raise UserError(
            f"--wide is the shape of a diagram: give --{', --'.join(DIAGRAMS[:-1])} or --{DIAGRAMS[-1]}, too"
        )
    check_watched(options)
    campaign, found = _smallest(options)
    if found is None:
        print(f"No run to tell: {report.summary_line(campaign)}")
        print("".join(f"INCONCLUSIVE: {why}\n" for why in open_because(campaign.unvaried)), end="")
        return exit_code(campaign)
    told = another(options, campaign.results, *found) if options.other else (*found, story(*found))
    if told is None:
        return exits.decided(wrong=campaign.violated, undecided=campaign.open)
    shared, seen = also_of_base(options, *told[:2]), watched_of(options.watch, *told[:2])
    trace = unfolded(told[2]) if options.full else told[2]
    print(shared, file=sys.stderr if options.json else sys.stdout, end="\n\n" * bool(shared))
    text = to_text(trace) + below_story(*told[:2], trace) + watched_text(trace, seen)
    print(with_watched(trace, seen) if options.json else text, end="")
    for form, path in outputs:
        _draw(trace, form, path, options, why_nothing(told[0], trace))
    return exits.decided(wrong=campaign.violated, undecided=campaign.open)


def outputs_of(options: Namespace) -> list[tuple[str, Path]]:
    """(format, file) of each picture that is asked for. Raises UserError for one that could not be written."""
    outputs = [(form, Path(getattr(options, form))) for form in DIAGRAMS if getattr(options, form)]
    for form, path in outputs:
        if path.suffix != f".{form}":
            raise UserError(f"--{form} {path}: the file's name must end in .{form}")
        files.check_file(f"--{form}", path)
    return outputs


def _draw(trace: Trace, form: str, path: Path, options: Namespace, because: str) -> None:
    """Write a diagram, a file for each of its sheets: FILE.svg, FILE-2.svg."""
    beside = path.absolute().parent

    def link(where: str) -> str:
        file, _, line = where.rpartition(":")
        own = HOME / file
        return f"{os.path.relpath(own if own.is_file() else Path(file).absolute(), beside)}#L{line}"

    sheets = diagram.render(trace, form, options.wide, options.full, link, because)
    for number, drawn in enumerate(sheets, 1):
        own = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        files.write_bytes(own, drawn)
        print(f"diagram: {own}", file=sys.stderr)


def also_of_base(options: Namespace, result: CellResult, verdict: Verdict) -> str:
    """That a violation is not of the user's making, where that is so: what the file stands on has it, too. Nothing where it cannot
    be asked of that: the property names what only the user's design has."""
    role = result.cell.subject
    design = result.cell.system.__bases__[list(ROLES).index(role)]
    base = registered_base(design)
    if base is None or verdict.status is not Status.VIOLATED:
        return ""
    cell = compare.under(compare.Named(*base), role, result.cell)
    try:
        campaign = run_campaign([cell], [verdict.property], engine=options.engine, limits=limits_of(options))
    except Refused:  # not the user's file: its own design has answered
        return ""
    found = [v for r in campaign.results for v in r.verdicts if v.status is Status.VIOLATED]
    if not found:
        return ""
    told = f"{base[0]} violates {verdict.property.name} here, too: {report.length_text(found[0])}"
    said = f"{told} (`eoi diff {base[0]} {shlex.quote(options.design)}` tells what changes)"
    return textwrap.fill(said, screen()[0], break_long_words=False, break_on_hyphens=False)


def _smallest(options: Namespace) -> tuple[Campaign, tuple[CellResult, Verdict] | None]:
    """The first violation (or witness); if it is told with more than the first CPU and pin, in the smallest sizes in which its cell
    has it, unless the user fixed them: fewer make the better story."""
    asked = options.asked
    _, cells, _, wanted = select(asked)
    campaign = explore(options, cells, wanted)
    found = _first(campaign)
    for small in ({"cpus": 1, "pins": 1}, {"cpus": 1}, {"pins": 1}):
        if found is None or campaign.interrupted or small.keys() & asked.sizes.keys() or not _takes_more(found[1]):
            continue
        cell = replace(found[0].cell, scope=with_values(found[0].cell.scope, small))
        less = explore(options, [cell], [found[1].property]) if cell.scope != found[0].cell.scope else campaign
        shorter = _first(less) if less is not campaign else None
        if shorter is not None and shorter[1].status is found[1].status:
            return replace(campaign, interrupted=less.interrupted), shorter
    return campaign, found


def _takes_more(verdict: Verdict) -> bool:
    """Some step is of another CPU, pin or vector than the first."""
    moves = verdict.run.moves if verdict.run is not None else ()
    return any(type(value) is int and value > 0 for move in moves for value in move.args)


def _first(campaign: Campaign) -> tuple[CellResult, Verdict] | None:
    return first_shown(campaign, [Status.VIOLATED]) or first_shown(campaign, [Status.REACHED])
