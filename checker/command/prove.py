"""`eoi prove`: every property in every cell of the matrix, beside what the design stands on or what is expected of it."""

from __future__ import annotations

import importlib
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checker import files
from checker.command import diff, exits, json_text
from checker.command.explore import exit_code, explore, first_shown, limits_of, story
from checker.command.form import TEXT, only_as_text
from checker.command.give import give
from checker.command.lift import TREE, print_lifted
from checker.command.parsers import EXPECTED, SAT
from checker.errors import UserError
from checker.interrupt import until_ctrl_c
from checker.matrix.cells import Skipped
from checker.matrix.roles import users_file
from checker.matrix.select import Selection, grouped, select
from checker.questions import report
from checker.questions.alone_screen import alone_lines, expected_line, first_told
from checker.questions.answer import Answer, of_campaign
from checker.questions.campaign import Campaign, lines_never_run
from checker.questions.expected import Row, rows_of_design
from checker.questions.flag_meaning import below_story
from checker.questions.measured import measured, measured_line
from checker.questions.not_run import not_run_texts
from checker.questions.unvaried import chosen_lines, open_because
from checker.questions.verdict import CellResult, Status
from checker.questions.worth import NO_CERTIFICATE, UNCHECKED, worth_of
from checker.shipped import own
from checker.stories.write import to_text
from checker.words import screen
from model.lang import Kind

# Loaded only where they are asked.
KVM = "oracles.kvm.replay"
INDUCTION = "checker.symbolic.induction"  # and z3
CERTIFICATES = "checker.command.certificates"
PROOFS = "checker.questions.proofs"
SIZES = "checker.command.sizes"  # and a SAT solver
BY_SAT = "checker.command.by_sat"


@dataclass(frozen=True)
class ProveAnswer:
    """What was asked, and what came of it."""

    title: str
    campaign: Campaign
    skipped: Sequence[Skipped]
    named: Sequence[str]  # of --property; nothing if nobody said it


def run(options: Namespace) -> int:
    """Of a change: what it makes worse and better than what it stands on; of a registered design: whether it is as expected;
    else, or if more is asked, every verdict of it alone."""
    if options.engine == SAT:
        return int(importlib.import_module(BY_SAT).run(options))
    if options.inductive:
        only_as_text(options, "--inductive")
    if options.sizes:
        return wide(options)
    if options.certificate:
        return certified(options)
    if options.tree:
        return int(importlib.import_module(TREE).run(options))
    if options.absolute or options.confirm or options.inductive:
        return tell(options, judged(options))
    changed = options.asked.lifted or users_file(options.asked.cls)
    base = diff.base_of(options.asked) if changed else ""
    return diff.against(options, base) if base else beside_the_record(options, judged(options))


def wide(options: Namespace) -> int:
    """At sizes that are not enumerated."""
    only_as_text(options, "--sizes")
    asked_too = [name for name in ("tree", "confirm", "inductive", "json", "reduce") if getattr(options, name)]
    if asked_too:
        raise UserError(f"--sizes is asked alone: it has no place for --{asked_too[0]}")
    return int(importlib.import_module(SIZES).run(options))


def beside_the_record(options: Namespace, found: ProveAnswer) -> int:
    """A design alone: what is expected of it if it is registered, else what it violates."""
    campaign, asked = found.campaign, options.asked
    answer = in_forms(found, asked, recorded(asked.name))
    code = exits.decided(wrong=answer.failed, undecided=answer.undecided)
    if options.json:
        give(options, answer, "verdicts", as_json(found, asked))
        return code
    print("\n".join([*alone_lines(answer, screen()[1] - 2)[:-1], *[worth_of(asked.cls, campaign.results).short(), ""]]))
    if options.cells or options.all:
        print_cells(options, found)
        print("\n" + "\n".join([*report.grid_lines(campaign.results), ""]))
    legend = report.flag_legend(campaign.results)
    print("".join(f"{line}\n" for line in [*legend, ""] if legend), end="")
    first = first_told(answer)
    if first is not None and first.told is not None and not options.brief:
        trace = story(*first.told)
        print(to_text(trace) + below_story(*first.told, trace))
    print_wrapped(closing_lines(campaign, [*expected_line(answer), found.title, answer.worth]))
    return code


def print_wrapped(lines: Sequence[str]) -> None:
    """As wide as the screen is."""
    for line in lines:
        print("\n".join(diff.wrapped_words(line)))


def certified(options: Namespace) -> int:
    """Every verdict of it alone, and a certificate for each cell; 3 at best if one of these is left out."""
    if options.form != TEXT or options.tree:
        raise UserError("--certificate is told as text, of a design: leave --json, --format and --tree away")
    if options.reduce:
        raise UserError("--certificate has all states: leave --reduce away")
    certificates, path = importlib.import_module(CERTIFICATES), Path(options.certificate)
    _, cells, _, wanted = select(options.asked)
    certificates.check_target(options, cells, wanted)
    since, found = time.monotonic(), judged(options)
    code = tell(options, found)
    return exits.worst([code, certificates.told(*certificates.write(found.campaign, path, limits_of(options), since))])


def recorded(design: str) -> dict[str, Row]:
    """What reports/expected.toml says of a design; nothing where there is no such file, or nothing of it."""
    path = own(EXPECTED)
    return rows_of_design(files.read_text(path), str(path), design) if path.is_file() else {}


def closing_lines(campaign: Campaign, more: Sequence[str] = ()) -> list[str]:
    """What the verdicts rest on and do not speak of, and how many there are."""
    how_far = measured_line(users_file=any(result.lines_run for result in campaign.results))
    return [
        *report.not_looked_at(campaign.results),
        *report.not_judged(campaign.results),
        *[f"INCONCLUSIVE: {text}" for text in (*campaign.own_word, *open_because(campaign.unvaried))],
        *chosen_lines(campaign.unvaried),
        *more,
        how_far,
        *report.kept_lines(campaign.results),
        report.summary_line(campaign),
        *report.advice_lines(campaign),
    ]


def judged(options: Namespace) -> ProveAnswer:
    """Explore and judge."""
    title, cells, skipped, wanted = select(options.asked)
    campaign = explore(options, cells, wanted)
    tried = tried_on_kvm(campaign) if options.confirm else campaign
    return ProveAnswer(title, tried, skipped, options.asked.properties)


def tell(options: Namespace, found: ProveAnswer) -> int:
    """Print the verdicts, then the story of the first violation; returns the exit code."""
    title, campaign = found.title, found.campaign
    if options.json:
        give(options, in_forms(found, options.asked), "verdicts", as_json(found, options.asked))
        return exit_code(campaign)
    print_lifted(options.asked.lifted, brief=options.brief)
    print(title)
    if not options.brief and not print_cells(options, found):
        campaign = replace(campaign, interrupted=True)
    if len(campaign.results) > 1 or (options.brief and campaign.results):
        print("\n" + "\n".join(report.grid_lines(campaign.results)))
    if options.confirm:
        shown = report.confirmed_lines(campaign.results) if options.brief else []
        print("\n" + "\n".join([*shown, importlib.import_module(KVM).REAL]))
    legend = report.flag_legend(campaign.results)
    print("\n" * bool(legend) + "\n".join(legend), end="\n" * bool(legend))
    first = first_shown(campaign, [Status.VIOLATED])
    if first is not None and not options.brief:
        print("\n" + to_text(story(*first)), end="")
    print()
    worth = worth_of(options.asked.cls, campaign.results)
    if options.certificate and worth.certified == NO_CERTIFICATE:
        worth = replace(worth, certified=UNCHECKED)
    print_wrapped(closing_lines(campaign, [worth.line()]))
    return exit_code(campaign)


def tried_on_kvm(campaign: Campaign) -> Campaign:
    """The violations with what this machine's KVM says of them; Ctrl-C leaves the verdicts without it."""
    with until_ctrl_c() as cut:
        campaign = importlib.import_module(KVM).confirmed(campaign)
    return replace(campaign, interrupted=True) if cut.short else campaign


def print_cells(options: Namespace, found: ProveAnswer) -> bool:
    """A line per property and cell, and what each verdict rests on. False if z3 was interrupted."""
    asking: bool = options.inductive
    for result in found.campaign.results:
        print("\n".join(["", *report.cell_lines(result, found.named)]))
        if asking:
            asking = print_induction(result)
    for titles, why in grouped(found.skipped):
        print(f"\n{titles}\n  does not apply: {why}")
    for cell in found.campaign.unexplored:
        why = " (memory did not suffice)" * (cell in found.campaign.out_of_memory)
        print(f"\n{cell}\n  not explored{why}; reproduce: {report.reproduce_alone(cell, *found.named)}")
    fairness = report.fairness_lines(found.campaign.results)
    if any(v.property.kind is Kind.LEADS_TO for r in found.campaign.results for v in r.verdicts) and fairness:
        print("\n".join(["", "leads_to verdicts assume of every run:", *fairness]))
    return asking == bool(options.inductive)


def print_induction(result: CellResult) -> bool:
    """False at Ctrl-C."""
    cell = result.cell
    with until_ctrl_c() as cut:
        applying = [v.property for v in result.verdicts if v.property.why_not(cell.system) is None]
        proofs = importlib.import_module(PROOFS)
        found = {p.name: proofs.kept_of(cell, p, proofs.kept()) for p in applying}
        clauses = {name: proof.clauses for name, proof in found.items() if proof is not None}
        said = importlib.import_module(INDUCTION).induction_lines(cell.system, cell.scope, applying, clauses)
        print("\n".join(said))
    if cut.short:
        print("  induction: INCONCLUSIVE: interrupted")
    return not cut.short


def in_forms(found: ProveAnswer, asked: Selection, rows: Mapping[str, Row] | None = None) -> Answer:
    """The answer for every form but the text. rows: what is expected of it."""
    how_far = measured_line(users_file=any(result.lines_run for result in found.campaign.results))
    named, worth = found.title if rows is None else asked.name, worth_of(asked.cls, found.campaign.results)
    return of_campaign(
        named, found.campaign, found.named, rows, not_read=asked.not_read, measured=how_far, worth=worth.line()
    )


def as_json(found: ProveAnswer, asked: Selection) -> json_text.Json:
    """Every verdict of every cell, with its run."""
    campaign = found.campaign
    return {
        "design": found.title,
        "interrupted": campaign.interrupted,
        "inconclusive": campaign.undecided or bool(asked.not_read),
        **json_text.of_lifted(asked),
        "measured": measured(),
        "worth": worth_of(asked.cls, campaign.results).as_json(),
        "cells": [_cell(result, found.named) for result in campaign.results],
        "not_explored": [report.reproduce_alone(cell, *found.named) for cell in campaign.unexplored],
        "out_of_memory": [report.reproduce_alone(cell, *found.named) for cell in campaign.out_of_memory],
        "not_looked_at": not_run_texts(lines_never_run(campaign.results)),
        "not_applicable": [{"cell": s.title, "why": s.why} for s in found.skipped],
    }


def _cell(result: CellResult, named: Sequence[str]) -> json_text.Json:
    return {
        **result.cell.names,
        "scope": json_text.of_scope(result.cell.scope),
        "outcome": result.outcome.name,
        "states": result.stats.states,
        "transitions": result.stats.transitions,
        "depth": result.stats.depth - 1,
        "storage": report.storage_text(result),
        "reduced": _reduced(result),
        "engine": result.engine,
        "assumed": list(result.assumed),
        "never_taken": list(result.never_fired),
        "never_run": not_run_texts(lines_never_run([result])),
        "fairness": {kind: list(steps) for kind, steps in result.fairness.items()},
        "seconds": round(result.seconds, 3),
        "kept": result.kept,
        "reproduce": report.reproduce_alone(result.cell, *named),
        "verdicts": [json_text.of_verdict(v) for v in result.verdicts],
    }


def _reduced(result: CellResult) -> json_text.Json | None:
    """None where it was not asked for."""
    if (reduced := result.reduced) is None:
        return None
    return {
        "by": list(reduced.by),
        "stands_for": result.all_states,
        "exact": reduced.exact,
        "of_all": list(reduced.of_all),
        "why_not": dict(reduced.why_not),
    }
