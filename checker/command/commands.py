"""What each command does; cli.py parses, report.py prints."""

from __future__ import annotations

import shlex
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from checker import files
from checker.command import listing, oracle_commands
from checker.command.matrix_notes import size_note
from checker.engine.search import Limits
from checker.errors import UserError
from checker.matrix.cells import Cell, Skipped
from checker.matrix.loader import property_argument
from checker.matrix.roles import (
    ALIASES,
    look_up,
)
from checker.matrix.scope import parse_scope, scope_type
from checker.matrix.select import find_design, find_role, grouped, is_path, known_properties, select, split
from checker.questions import compat, gate, litmus_run, migration_table, report
from checker.questions.campaign import Campaign, run_campaign
from checker.questions.claims import claim_lines
from checker.questions.expected import Table, difference_lines, differences, from_toml, to_toml
from checker.questions.induct import induction_lines
from checker.questions.measured import measured_line
from checker.questions.retell import retell, tell_all
from checker.questions.verdict import CellResult, Status, Verdict, trace_of
from checker.stories import diagram
from checker.stories.mail import read_mail
from checker.stories.story import to_text
from checker.stories.story_parser import ParsedStory
from checker.words import count
from model.lang import Kind, Property
from model.machine import Machine

EXPECTED, LITMUS = "reports/expected.toml", "tests/litmus"  # defaults, relative to the current directory


def explore(options: Namespace, cells: Sequence[Cell], wanted: Sequence[Property]) -> Campaign:
    limits = Limits(options.max_states, options.max_memory, options.timeout)
    print(f"{note}\n" if (note := size_note(cells)) else "", end="", file=sys.stderr, flush=True)
    campaign = run_campaign(cells, wanted, engine=options.engine, limits=limits)
    if options.engine == "auto" and any(r.engine == "reference" for r in campaign.results):
        print(
            "eoi: no C compiler was found, so the model ran in CPython: the same verdicts, some thousand times\n"
            "     slower. Install gcc or clang, or set CC.", file=sys.stderr,
        )  # fmt: skip
    return campaign


def exit_code(campaign: Campaign) -> int:
    """1 if anything is violated, else 3 if anything is open, else 0."""
    statuses = {v.status for result in campaign.results for v in result.verdicts}
    if Status.VIOLATED in statuses:
        return 1
    return 3 if report.is_open(campaign) else 0


def run_list(options: Namespace) -> int:
    print("\n".join(listing.listing(options.what)))
    return 0


def run_prove(options: Namespace) -> int:
    """Explore, judge, print; then the story of the first violation."""
    title, cells, skipped, wanted = select(options)
    campaign = explore(options, cells, wanted)
    if options.confirm:
        campaign = tried_on_kvm(campaign)
    if options.json:
        print(report.as_json(title, campaign, skipped))
        return exit_code(campaign)
    print(title)
    if not options.brief and not print_cells(options, campaign, skipped, wanted):
        campaign = replace(campaign, interrupted=True)
    if len(campaign.results) > 1 or (options.brief and campaign.results):
        print("\n" + "\n".join(report.grid_lines(campaign.results)))
    if options.confirm:
        shown = report.confirmed_lines(campaign.results) if options.brief else []
        print("\n" + "\n".join([*shown, oracle_commands.REAL_ON_KVM]))
    legend = report.flag_legend(campaign.results)
    print("\n" * bool(legend) + "\n".join(legend), end="\n" * bool(legend))
    first = first_shown(campaign, [Status.VIOLATED])
    if first is not None and not options.brief:
        print("\n" + to_text(story(*first)), end="")
    measured = measured_line(users_file=any(result.lines_run for result in campaign.results))
    closing = [*report.not_looked_at(campaign.results), measured, report.summary_line(campaign)]
    print("\n" + "\n".join([*closing, *report.advice_lines(campaign)]))
    return exit_code(campaign)


def tried_on_kvm(campaign: Campaign) -> Campaign:
    """The violations with what this machine's KVM says of them; Ctrl-C leaves the verdicts without it."""
    try:
        return oracle_commands.confirmed(campaign)
    except KeyboardInterrupt:
        return replace(campaign, interrupted=True)


def print_cells(options: Namespace, campaign: Campaign, skipped: Sequence[Skipped], wanted: Sequence[Property]) -> bool:
    """A line per property and cell, and what each verdict rests on. False if z3 was interrupted."""
    asking: bool = options.inductive
    for result in campaign.results:
        print("\n".join(["", *report.cell_lines(result)]))
        try:
            if asking:
                print("\n".join(induction_lines(result.cell, wanted)))
        except KeyboardInterrupt:
            asking = False
            print("  induction: INCONCLUSIVE: interrupted")
    for titles, why in grouped(skipped):
        print(f"\n{titles}\n  does not apply: {why}")
    for cell in campaign.unexplored:
        why = " (memory did not suffice)" * (cell in campaign.out_of_memory)
        print(f"\n{cell}\n  not explored{why}; reproduce: {report.reproduce('prove', cell)}")
    fairness = report.fairness_lines(campaign.results)
    if any(p.kind is Kind.LEADS_TO for p in wanted) and fairness:
        print("\n".join(["", "leads_to verdicts assume of every run:", *fairness]))
    return asking == bool(options.inductive)


def first_shown(campaign: Campaign, statuses: Sequence[Status]) -> tuple[CellResult, Verdict] | None:
    """The first violation to tell: one that takes steps to reach rather than one that the first state shows."""
    shown = [(r, v) for r in campaign.results for v in r.verdicts if v.status in statuses]
    return next((s for s in shown if s[1].run is not None and s[1].run.length), shown[0] if shown else None)


def story(result: CellResult, verdict: Verdict) -> Any:
    return trace_of(result, verdict, report.reproduce("trace", result.cell, property_argument(verdict.property)))


def run_trace(options: Namespace) -> int:
    """Tell the first violation (or witness) in the selected cells; write diagrams."""
    if not options.property:
        raise UserError("trace needs --property P: see `eoi list properties`")
    outputs = [(form, Path(getattr(options, form))) for form in ("svg", "png", "pdf", "dot") if getattr(options, form)]
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
    return 1 if found[1].status is Status.VIOLATED else exit_code(campaign)


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


def run_claims(options: Namespace) -> int:
    """Judge the claims of the record."""
    print("\n".join(claim_lines()))
    return 0


def run_replay(options: Namespace) -> int:
    """Run each story of a text again in CPython: does it still happen, and does it still show the violation?"""
    text = read_mail(options.file)
    other = find_design(options.design) if options.design else None
    known = known_properties(options)

    def tell(story: ParsedStory) -> tuple[list[str], int]:
        if options.on:
            return oracle_commands.replay_on(story, options.on, other, find_design, known)
        return retell(story, other, find_design, known)

    return tell_all("standard input" if options.file == "-" else options.file, text, tell)


def run_compat(options: Namespace) -> int:
    """See checker/questions/compat.py."""
    return compat.run_compat(options, find_design)


def run_conform(options: Namespace) -> int:
    """See checker/command/oracle_commands.py."""
    return oracle_commands.run_conform(options)


def run_migrations(options: Namespace) -> int:
    """See checker/questions/migration_table.py."""
    return migration_table.run(options)


def run_gate(options: Namespace) -> int:
    """Judge the full matrix, then write it or compare it. 0 only if nothing differs; Ctrl-C: what was judged till then."""
    only = [ALIASES.get(d, d) for d in split(options.design, []) if gated_design(d)]
    if options.write:
        files.check_file("--write", Path(options.write))
    expected = None if options.write else expected_table(Path(options.expected), only)
    started = time.monotonic()
    found, unjudged = gate.run_so_far(gate.full_matrix(only), options.jobs)
    seconds = time.monotonic() - started
    left = [*gate.open_cells(found), *map(str, unjudged)]
    if expected is None:
        return write_expected(Path(options.write), found, left, only)
    listed = differences(gate.judged_only(expected, found) if unjudged else expected, found)
    if options.json:
        print(gate.as_json(found, listed, options.expected, seconds, unjudged))
    else:
        print("\n".join(difference_lines(listed, options.all)) + "\n" * bool(listed), end="")
        outcome = f"{count(len(listed), 'difference')} from" if listed else "all as in"
        print(f"{gate.count_text(found)}: {outcome} {options.expected} ({seconds:.1f} s; not in it: {gate.NOT_IN})")
        if unjudged:
            first = "; ".join(map(str, unjudged[:3])) + "; ..." * (len(unjudged) > 3)
            print(f"INCONCLUSIVE: interrupted, {count(len(unjudged), 'system')} not judged: {first}")
    return 3 if left else 1 if listed else 0


def gated_design(name: str) -> type[Machine]:
    """A design that the gate judges. Raises UserError."""
    if is_path(name):
        compared = f"for a file: eoi diff base {shlex.quote(name)}"
        raise UserError(f"--design {name}: the gate judges registered designs only (`eoi list designs`); {compared}")
    found: type[Machine] = look_up(
        "design", name, gate.gated(), "`eoi list designs` and `eoi list mutants` name what the gate judges"
    )
    return found


def expected_table(path: Path, only: Sequence[str]) -> Table:
    """What a file expects (of these designs). Raises UserError."""
    if str(path) == EXPECTED and not path.is_file():
        make = "`eoi gate --write FILE` makes one"
        raise UserError(_not_here(path, "file", "--expected FILE", "gate --expected", make))
    if not path.exists():
        raise UserError(f"{path}: there is no such file: `eoi gate --write {path}` makes one")
    table = from_toml(files.read_text(path), str(path))
    return {d: rows for d, rows in table.items() if not only or d in only}


def write_expected(path: Path, found: Table, left: Sequence[str], only: Sequence[str]) -> int:
    if left:
        print("not written, because these cells are INCONCLUSIVE:\n" + "\n".join(left), file=sys.stderr)
        return 3
    about = f"Only the designs {', '.join(only)}" if only else f"The matrix: {gate.FULL}"
    files.write_text(path, to_toml(found, about))
    print(f"{gate.count_text(found)}: written to {path}")
    return 0


def _not_here(path: Path, what: str, option: str, command: str, otherwise: str) -> str:
    """What is said where a default that depends on the current directory is not there: where it was looked for, what
    to give, and a command that works."""
    own = Path(__file__).resolve().parents[2] / path
    advice = f"for example: eoi {command} {shlex.quote(str(own))}" if own.exists() else otherwise
    return f"{path}: there is no such {what} in {Path.cwd()}, where the default is looked for; give {option}, {advice}"


def run_litmus(options: Namespace) -> int:
    if options.files == [LITMUS] and not Path(LITMUS).exists():
        own = "the stories are in tests/litmus of eoiproof's repository"
        raise UserError(_not_here(Path(LITMUS), "folder", "a FILE or a folder", "litmus", own))
    return litmus_run.run_litmus(options.files, find_role)
