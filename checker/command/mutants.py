"""`eoi gate --mutants`: would the default matrix and the shipped properties notice, if a rule of the model were wrong?"""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from checker import files
from checker.command import exits
from checker.command.gate import expected_table
from checker.errors import UserError
from checker.matrix.roles import all_properties
from checker.questions.measured import model_digest
from checker.workers.where import HERE
from oracles.mutation.make import Mutant
from oracles.world import elsewhere
from oracles.world import run as world_run
from oracles.world.equal import Equality
from oracles.world.judge import DESIGN, Rulebook, World, worlds
from oracles.world.report import WorldReport, told

NAMES = ("world.md", "world.json")


def run(options: Namespace) -> int:
    """0: every side reaches its target; 1: one does not; 3: only a part was judged, or nothing."""
    if options.design:
        raise UserError(f"--design: mutants are those of {DESIGN} and of its VMMs")
    if options.write:
        files.check_folder("--write", Path(options.write))
    expected = expected_table(Path(options.expected), [DESIGN])
    started, book, jobs = time.monotonic(), Rulebook(), options.jobs or os.cpu_count() or 1
    with world_run.own_cache() as cache:
        every_world = list(worlds(expected, book))
        found = [w for w in every_world if options.most is None or w.largest <= options.most]
        left_out = [title for w in every_world if w not in found for title in w.cells]
        log = world_run.Log.of(cache, world_run.sources_digest())
        known, mutants = len(log.found), chosen(found, book, options.every)
        say(
            f"{len(mutants):,} mutants, {sum(len(w.cells) for w in found)} cells; {known:,} effects of mutants are known"
        )
        plan = world_run.Agenda(found, book, [m.name for m in mutants], options.full)
        if options.on in (None, HERE):
            outcome = world_run.run(plan, log, jobs)
        else:
            outcome = elsewhere.run(
                plan, log, options.on, elsewhere.Remaking(expected, options.most, sorted(plan.names), options.full)
            )
    equality = Equality(found)
    report = WorldReport(
        datetime.now(UTC).date().isoformat(), model_digest(), sum(len(w.cells) for w in found), options.every,
        options.full, told(mutants, outcome, lambda names: equality.of(names, jobs)), book.uncalled(found),
        list(all_properties().values()), time.monotonic() - started, known, left_out, silent(found),
    )  # fmt: skip
    print(report.to_json() if options.json else "\n".join(report.summary()), end="" if options.json else "\n")
    if outcome.left:
        say(f"INCONCLUSIVE: {len(outcome.left)} cells not finished; the same command goes on from here")
    if options.write:
        Path(options.write).mkdir(parents=True, exist_ok=True)
        for name, text in zip(NAMES, ("\n".join(report.lines()).rstrip() + "\n", report.to_json()), strict=True):
            files.write_text(Path(options.write) / name, text)
    return exits.decided(wrong=bool(report.missed()), undecided=not report.is_whole())


def silent(found: list[World]) -> list[str]:
    """The properties that say nothing of any of these."""
    asked = {formula.name for world in found for formula in world.program.formulas}
    return [name for name in all_properties() if name not in asked]


def chosen(found: list[World], book: Rulebook, every: int) -> list[Mutant]:
    """One in so many of the mutants of rules that some cell calls, in the order of the rules."""
    named: dict[str, Mutant] = {}
    for world in found:
        for mutant in world.mutants:
            named.setdefault(mutant.name, mutant)
    ordered = sorted(named.values(), key=lambda m: book.numbers[m.name])
    return ordered[::every]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
