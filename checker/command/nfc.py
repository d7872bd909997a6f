"""`eoi nfc`: no functional change? Can the guest or the VMM tell two designs apart by anything, and by what first?"""

from __future__ import annotations

import functools
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from enum import Enum

from checker.command import exits, json_text
from checker.command.diff import NARROWED, narrowed_by, under_each_kernel
from checker.command.explore import limits_of, size_note
from checker.command.lift import left_out_lines
from checker.engine.passages import SourceLine, never_run
from checker.errors import UserError
from checker.interrupt import until_ctrl_c
from checker.matrix.cells import Cell
from checker.matrix.scope import ScopeValue, parse_scope, scope_type, scope_value
from checker.matrix.select import select
from checker.progress import Progress
from checker.questions import compare, nfc
from checker.questions.nfc import DIFFERS, EQUAL, INCONCLUSIVE, NfcAnswer
from checker.questions.not_run import not_run_texts
from checker.questions.restated import asked_for
from checker.questions.unvaried import Unvaried, chosen_lines, open_because, unvaried
from checker.stories.trace import steps_text
from checker.stories.write import to_text, wrap
from checker.words import count, fold_names
from model.machine import Scope

WIDTH = 80
SEEN_BY = {"guest": "the guest", "vmm": "the VMM", "both": "guest and VMM"}


def run(options: Namespace) -> int:
    """0 if nobody who looks can tell them apart in any cell, 1 if somebody can, 3 if something was not found out."""
    options = under_each_kernel(options)
    when = conditions(options.when, scope_type([options.asked.cls, options.beside.cls]))
    base, design = (compare.Named(of.name, of.cls) for of in (options.beside, options.asked))
    pairs, apart = compare.pair_cells(base, design, select(options.beside)[1], select(options.asked)[1])
    pairs = narrowed(pairs, when)
    apart = [cell for cell in apart if fits(cell, when)]
    print(f"{note}\n" if (note := size_note([p.design for p in pairs])) else "", end="", file=sys.stderr, flush=True)
    answers = answered(options, pairs, [value for value in when.values() if isinstance(value, Enum)])
    if not answers:
        raise KeyboardInterrupt
    left, lines = len(pairs) - len(answers), not_run(answers)
    said = {**options.asked.sizes, **when}
    not_varied = unvaried([cell for pair in pairs for cell in (pair.base, pair.design)], said)
    undecided = bool(left or apart or (lines and not when) or open_because(not_varied)) or any(
        a.verdict == INCONCLUSIVE for a in answers
    )
    if options.json:
        print(as_json(options, answers, left, lines, [one.said for one in not_varied]))
    else:
        print("\n".join(headline(options, answers, len(pairs), lines, undecided=undecided)))
        print_unvaried(not_varied)
        print_cells([a for a in answers if a.verdict != EQUAL])
        print_story(options, answers)
        print_cells([a for a in answers if a.verdict == EQUAL])
        print_notes(answers, apart, lines)
        if lines and narrowed_by(options):
            print(NARROWED)
        left_out = left_out_lines(options.asked.lifted.left_out) if options.asked.lifted else []
        print("".join(f"{line}\n" for line in left_out), end="")
    if left:
        print(f"eoi: interrupted: INCONCLUSIVE: {left} of {count(len(pairs), 'cell')} not compared", file=sys.stderr)
    return exits.decided(wrong=any(a.verdict == DIFFERS for a in answers), undecided=undecided)


def conditions(text: str, of: type[Scope]) -> dict[str, ScopeValue]:
    """What --when says. Raises UserError for what is no choice."""
    found = parse_scope(text, of, "--when")
    choices = of().choices()
    for name, value in found.items():
        if name not in choices:
            said = f"--scope {name}={scope_value(value)} sets it"
            raise UserError(f"--when {name}: that is a size, and {said}; choices are {', '.join(choices)}")
    return found


def fits(cell: Cell, when: Mapping[str, ScopeValue]) -> bool:
    """Of a choice that only the other design knows, a cell says nothing."""
    return all(getattr(cell.scope, name, value) == value for name, value in when.items())


def narrowed(pairs: Sequence[compare.Pair], when: Mapping[str, ScopeValue]) -> list[compare.Pair]:
    """The pairs that --when leaves. Raises UserError if there are none."""
    found = [pair for pair in pairs if fits(pair.base, when) and fits(pair.design, when)]
    if not found and not pairs:
        raise UserError("nothing to compare: the two have no cell in common")
    if not found:
        asked = ",".join(f"{name}={scope_value(value)}" for name, value in when.items())
        there = {name: dict.fromkeys(scope_value(getattr(p.design.scope, name)) for p in pairs if hasattr(p.design.scope, name))
                 for name in when}  # fmt: skip
        known = "; ".join(f"{name} is {', '.join(values)}" for name, values in there.items())
        raise UserError(
            f"--when {asked} leaves none of {count(len(pairs), 'cell')}: there {known}; --scope makes others"
        )
    return found


def answered(options: Namespace, pairs: Sequence[compare.Pair], fixed: Sequence[Enum]) -> list[NfcAnswer]:
    """As many as there are before Ctrl-C."""
    found, progress, limits = list[NfcAnswer](), Progress(len(pairs)), limits_of(options)
    with until_ctrl_c():
        for pair in pairs:
            progress.done = len(found)
            title = str(pair.design)
            tick = functools.partial(_compares, progress, title)
            found.append(nfc.compare(pair, options.observe, fixed, limits, progress.of(title), options.engine, tick))
    progress.close()
    return found


def _compares(progress: Progress, title: str) -> None:
    progress.phase(0, title, "comparing what is seen")
    progress.show()


def not_run(answers: Sequence[NfcAnswer]) -> list[SourceLine]:
    """The lines of the user's files that no cell of their side ran."""
    of = [a for a in answers if a.lines]
    systems = [[a.pair.base.system for a in of], [a.pair.design.system for a in of]]
    sides = zip(range(2), systems, systems[::-1], strict=True)
    return sorted({x for n, own, other in sides for x in asked_for(never_run([a.lines[n] for a in of]), own, other)})


# --- as text ---


def headline(
    options: Namespace, answers: Sequence[NfcAnswer], cells: int, lines: Sequence[SourceLine], *, undecided: bool
) -> list[str]:
    """The answer. lines: of the change, which no run comes to. undecided: something was not looked at."""
    verdicts = [a.verdict for a in answers]
    parts = [f"{v} in {_of(verdicts.count(v), cells)}" for v in (DIFFERS, EQUAL, INCONCLUSIVE) if v in verdicts]
    parts += [f"{cells - len(answers)} not compared"] * (len(answers) < cells)
    parts += told_apart(answers)
    unseen = f"no run of these cells comes to {'; '.join(not_run_texts(lines))}" if lines else "see below"
    parts += [f"{INCONCLUSIVE}: {unseen}"] * (undecided and INCONCLUSIVE not in verdicts)
    when = f" when {options.when}" if options.when else ""
    said = f"{options.asked.name} against {options.beside.name}{when}: {', '.join(parts)}; as seen by {SEEN_BY[options.observe]}"
    return wrap(said, "", "  ", WIDTH)


def told_apart(answers: Sequence[NfcAnswer]) -> list[str]:
    """How soon."""
    best = nfc.shortest(answers)
    at_once = ["told apart before any step"] * any(a.told is not None and not a.steps for a in answers)
    if best is None or not best.steps:
        return at_once
    return [
        f"{at_once[0]}, elsewhere in {steps_text(best.steps)}" if at_once else f"told apart in {steps_text(best.steps)}"
    ]


def _of(number: int, cells: int) -> str:
    return f"all {count(cells, 'cell')}" if number == cells > 1 else f"{number} of {count(cells, 'cell')}"


def print_cells(answers: Sequence[NfcAnswer]) -> None:
    """The cells of which the same is to be said, together."""
    groups = dict[tuple[str, str], list[str]]()
    for answer in sorted(answers, key=lambda a: (a.verdict, a.steps)):
        groups.setdefault((answer.verdict, cell_text(answer)), []).append(str(answer.pair.design))
    for (verdict, text), cells in groups.items():
        print()
        for line in wrap(f"{verdict:<8} {text}".rstrip(), "", "  ", WIDTH):
            print(line)
        for line in wrap(fold_names(cells), "  ", "    ", WIDTH):
            print(line)


def cell_text(answer: NfcAnswer) -> str:
    """`in 9 steps: ...`"""
    if answer.told is None:
        return answer.why
    return f"in {steps_text(answer.steps)}: {answer.told.said}" if answer.steps else answer.told.said


def print_story(options: Namespace, answers: Sequence[NfcAnswer]) -> None:
    """The shortest experiment, and what each side shows at its end: with what can be told in a mail."""
    best = nfc.shortest(answers)
    if best is None:
        return
    said = ["--observe", options.observe] * (options.observe != "both") + ["--when", options.when] * bool(options.when)
    print("\n" + to_text(nfc.story(best, *said)))
    for text in nfc.end_lines(best):
        print("\n".join(wrap(text, "", "  ", WIDTH)))


def print_notes(answers: Sequence[NfcAnswer], apart: Sequence[Cell], lines: Sequence[SourceLine]) -> None:
    """What was compared, and what was not."""
    states, steps = (sum(of) for of in zip(*((a.states, a.transitions) for a in answers), strict=True))
    sizes = dict.fromkeys(",".join(f"{n}={v}" for n, v in a.pair.design.scope.sizes().items()) for a in answers)
    said = f"Compared: {count(states, 'state')} and {count(steps, 'transition')} of both, exactly, by weak bisimulation"
    print("\n" + "\n".join(wrap(f"{said}; sizes {'; '.join(sizes)}. Nothing is said of others.", "", "  ", WIDTH)))
    if apart:
        print("\n".join(wrap(f"NOT COMPARED: only one of the two has {fold_names(map(str, apart))}", "", "  ", WIDTH)))
    for text in not_run_texts(lines):
        print("\n".join(wrap(f"NOT LOOKED AT: {text}: no step of these cells runs it", "", "  ", WIDTH)))


def print_unvaried(found: Sequence[Unvaried]) -> None:
    """Below the answer, as it is what that does not speak of."""
    for text in (*[f"not known: {said}" for said in open_because(found)], *chosen_lines(found)):
        print("\n".join(wrap(text, "", "  ", WIDTH)))


def as_json(
    options: Namespace, answers: Sequence[NfcAnswer], left: int, lines: Sequence[SourceLine], not_varied: Sequence[str]
) -> str:
    content: json_text.Json = {
        "base": options.beside.name,
        "design": options.asked.name,
        "observe": options.observe,
        "when": options.when,
        "not_compared": left,
        **json_text.of_lifted(options.asked),
        "not_looked_at": not_run_texts(lines),
        "not_varied": list(not_varied),
        "cells": [_cell(options, a) for a in answers],
    }
    return json_text.document("nfc", content)


def _cell(options: Namespace, answer: NfcAnswer) -> json_text.Json:
    told, cell = answer.told, answer.pair.design
    found: json_text.Json = {
        "cell": str(cell),
        "scope": json_text.of_scope(cell.scope),
        "verdict": answer.verdict,
        "why": answer.why,
        "states": answer.states,
        "transitions": answer.transitions,
    }
    if told is not None:
        found |= {
            "told_by": (options.beside if answer.side == 0 else options.asked).name,
            "how": told.telling.name.lower(),
            "said": told.said,
            "steps": [json_text.of_step(move) for move in told.moves],
            "loop": told.loop,
            "steps_of_the_other": [json_text.of_step(move) for move in told.others],
            "can_show_next": list(told.mine),
            "the_other_can_show_next": list(told.theirs),
        }
    return found
