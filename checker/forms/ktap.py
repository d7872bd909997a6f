"""The kernel's test output (Documentation/dev-tools/ktap.rst): a test for each cell, in it a subtest for each property.

What is INCONCLUSIVE is not ok, with the directive ERROR. What was violated before is ok, and says so. A name keeps its characters
but for those that end one (`#`, the ends of lines): these are written as in an address (%23).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from checker.forms.plain import story_text, unwrapped, visible
from checker.questions.answer import Answer, Said, Standing
from checker.stories.write import ascii_text

VERSION = "KTAP version 1"
OPEN = "INCONCLUSIVE"
STEP = "  "  # of the indent
IN_A_NAME = re.compile(r"[%#\\]|[^ -~]|^[- ]|^(?=$)| $| (?= )")


def render(answer: Answer) -> str:
    cells = answer.by_cell()
    lines = [VERSION, f"1..{len(cells) + bool(answer.reasons)}"]
    lines += [
        _comment(f"eoi {answer.command}: {answer.what}: {answer.headline}"),
        *map(_comment, [*unwrapped(answer.more), *answer.rests_on, *(f"left out: {one}" for one in answer.left_out)]),
    ]
    for number, (cell, said) in enumerate(cells.items(), 1):
        lines += [STEP + line for line in _subtests(said)]
        wrong = any(one.standing.failed or one.standing.open for one in said)
        skipped = all(one.standing is Standing.NOT_ASKED for one in said)
        lines.append(_result(wrong, number, cell, "SKIP not asked" if skipped else ""))
    if answer.reasons:
        lines += [STEP + line for line in _listed(answer.reasons)]
        lines.append(_result(True, len(cells) + 1, OPEN, f"ERROR {OPEN}"))
    return "\n".join(lines) + "\n"


def name_text(name: str) -> str:
    """As the name of a test."""
    return IN_A_NAME.sub(lambda m: "".join(f"%{b:02X}" for b in m[0].encode("utf-8", "surrogatepass")), name) or "%00"


def _listed(reasons: Sequence[str]) -> Iterator[str]:
    yield VERSION
    yield f"1..{len(reasons)}"
    for number, reason in enumerate(reasons, 1):
        yield _result(True, number, reason, f"ERROR {OPEN}")


def _subtests(said: Sequence[Said]) -> Iterator[str]:
    yield VERSION
    yield f"1..{len(said)}"
    for number, one in enumerate(said, 1):
        standing = one.standing
        told = [*story_text(one).splitlines(), f"reproduce: {one.reproduce}"] if standing.failed else []
        yield from map(_comment, told)
        why = "" if standing.quiet else one.line()
        if standing.open:
            why = f"ERROR {OPEN}: {one.text}"
        elif standing is Standing.NOT_ASKED:
            why = f"SKIP {one.text}"
        yield _result(standing.failed or standing.open, number, one.property, why)


def _result(wrong: bool, number: int, name: str, why: str) -> str:
    said = f" # {ascii_text(visible(why)).replace('#', '')}".rstrip() if why else ""
    return f"{'not ok' if wrong else 'ok'} {number} {name_text(name)}{said}"


def _comment(text: str) -> str:
    return f"# {visible(text)}".rstrip()
