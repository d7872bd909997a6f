"""The first screen of a design alone: the answer, then what is violated, a row a property, and what is open."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from checker.questions.answer import Answer, Said, Standing
from checker.questions.compare_text import GroupLine, what_is_wrong, wrapped
from checker.questions.first_screen import INDENT, MORE, cut, first_lines
from checker.questions.verdict import Status
from checker.words import count, screen

SHOWN = (Standing.UNEXPECTED, Standing.VIOLATED, Standing.OPEN, Standing.AS_EXPECTED)


def alone_lines(answer: Answer, room: int) -> list[str]:
    """The answer and the groups in at most so many lines, if that can be done: what is as it is expected gets shorter first."""
    first = textwrap.wrap(
        f"{answer.what}: {answer.headline}", screen()[0], subsequent_indent="  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    groups = {standing: _by_property(answer.said, standing) for standing in SHOWN}
    blocks = {
        standing: [line for same in of for line in _lines(same, 2 if standing.failed else 1)]
        for standing, of in groups.items() if of
    }  # fmt: skip
    for standing in (Standing.AS_EXPECTED, Standing.OPEN, Standing.VIOLATED):
        if len(first) + sum(len(block) + 1 for block in blocks.values()) > room and standing in blocks:
            numbers = ", ".join(f"{same[0].property} {len(same)}" for same in groups[standing])
            word = "INCONCLUSIVE" if standing.open else "VIOLATED"
            blocks[standing] = [
                *wrapped(f"{word:<12}  in cells: {numbers}", 0, 16),
                *["", MORE] * (standing is Standing.AS_EXPECTED),
            ]
    return [line for block in [first, *blocks.values()] for line in [*block, ""]]


def _by_property(said: Sequence[Said], standing: Standing) -> list[list[Said]]:
    """Of what is as expected only what is violated is told."""
    found = dict[str, list[Said]]()
    for one in said:
        if one.standing is standing and (standing is not Standing.AS_EXPECTED or one.after == Status.VIOLATED.value):
            found.setdefault(one.property, []).append(one)
    return list(found.values())


def _lines(same: Sequence[Said], most: int) -> list[str]:
    """What is said of one property: its shortest run, what the property is, and in which cells that is so."""
    first = min(same, key=Said.length)
    text = (
        f"expected {first.before}, found {first.after} {first.text}"
        if first.standing is Standing.UNEXPECTED
        else first.text
    )
    row = GroupLine(first.after, first.property, first.cell, text)
    wrong = what_is_wrong(first.told[1]) if first.told is not None else first.sentence
    sentence = textwrap.wrap(wrong, screen()[0], initial_indent=INDENT, subsequent_indent=INDENT)
    return [*row.short_lines(), *cut(sentence, 1) * (most > 1), *first_lines([one.cell for one in same], most)]


def first_told(answer: Answer) -> Said | None:
    """Whose run is told: of what is not as expected, or else of what is violated, the property that was asked first, and the
    shortest run that takes steps."""
    order = list(dict.fromkeys(one.property for one in answer.said))
    bad = [one for one in answer.said if one.standing.failed or one.after == Status.VIOLATED.value]
    return min(
        (one for one in bad if one.told is not None), default=None,
        key=lambda one: (not one.standing.failed, not one.length(), order.index(one.property), one.length()),
    )  # fmt: skip


def expected_line(answer: Answer) -> list[str]:
    """What was expected, and by whom."""
    known = sum(one.standing in (Standing.AS_EXPECTED, Standing.UNEXPECTED) for one in answer.said)
    said = f"Expected: {count(known, 'verdict')} of reports/expected.toml (--absolute: every verdict as it is)."
    return [said] * bool(known)
