"""Stories told before the `Replay:` line was: the run is read out of the picture.

Read are the headline, `Cell:` and `Scope:`, and the step lines (those with a number and a `*`), which mail programs may
have cut within the parentheses. Everything else is compared with what the writer says of the run. Old stories differ
from what is told now in known ways only: names of steps and fields, lanes and patches that the model has changed since;
the names of steps are read by the model's own table (`formerly`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from checker.stories.quoting import before_step
from checker.stories.setup import SET_UP
from checker.stories.trace import StoryError

STEP = re.compile(
    r"^[+|]?>?\s*(?P<number>\d{1,9})(?:-(?P<last>\d{1,9}))?\s+[|*\s]*\*[|*\s]*"
    rf"(?P<call>[^|*\s][^\s(]*(?:\(.*|\s+<==.*)?|{SET_UP}.*)$"
)
START = re.compile(r"^\s*0\s+[|\s]*the initial state")
_LIFELINES = re.compile(r"^[+|\s]*")
_CALL = re.compile(r"^(?:\S*:)?(?P<step>[A-Za-z_]\w*)\((?P<args>[^()]*)\)\s*(?:<==.*)?$")
_ARG = re.compile(r"^(?P<name>[A-Za-z_]\w*)=(?P<value>[\w.+-]+)$")


@dataclass(frozen=True)
class Picture:
    """What the picture says: name and {parameter: value} of each step, the loop's last, and the lines they stand in."""

    cell: Mapping[str, str]
    cell_line: int
    scope: Mapping[str, str]
    steps: Sequence[tuple[str, Mapping[str, str]]]
    lines: Sequence[int]


def read_picture(
    lines: Sequence[str], numbers: Sequence[int], count: int, known: Collection[str] | None, behind: str
) -> Picture:
    """The steps 1..count of these lines, which begin with the headline. behind: what comes after them.

    known: the names that steps may have (None: any). Raises StoryError with the line and what was expected there.
    """
    end = next((i for i, line in enumerate(lines) if STEP.match(line) or START.match(line)), len(lines))
    header = words_of(lines[:end])
    at = _step_lines(lines, numbers, count, behind)
    steps = [
        _step(call, numbers[index], known) for index in dict.fromkeys(at) for call in _calls(lines, numbers, index)
    ]
    if len(steps) != len(at):
        raise StoryError(f"line {numbers[at[0]]}: {at.count(at[0])} steps were expected in the set-up")
    (cell, cell_at), (scope, _) = (_pairs(header, title, numbers[0] if numbers else 1) for title in ("Cell:", "Scope:"))
    return Picture(cell, numbers[cell_at], scope, steps, [numbers[i] for i in at])


def words_of(lines: Sequence[str]) -> list[tuple[str, int]]:
    """All words with the index of their line; a word that a backslash cuts is put together again."""
    words: list[tuple[str, int]] = []
    cut = False
    for index, line in enumerate(lines):
        for word in line.split():
            if cut:
                before, at = words.pop()
                words.append((before[:-1] + word, at))
            else:
                words.append((word, index))
            cut = len(word) > 1 and word.endswith("\\")
    return words


def _pairs(header: Sequence[tuple[str, int]], title: str, line: int) -> tuple[dict[str, str], int]:
    """The key=value words after the last `title` of the header, and the index of its line."""
    place = next((n for n in reversed(range(len(header))) if header[n][0] == title), None)
    if place is None:
        raise StoryError(f"line {line}: '{title}' was expected between the headline and step 1")
    pairs: dict[str, str] = {}
    for word, _ in header[place + 1 :]:
        name, equals, value = word.partition("=")
        if not equals:
            break
        pairs[unquote(name, errors="surrogateescape")] = unquote(value, errors="surrogateescape")
    return pairs, header[place][1]


def _step_lines(lines: Sequence[str], numbers: Sequence[int], count: int, behind: str) -> list[int]:
    """The indices of the lines of the steps 1..count."""
    found: list[int] = []
    for index, line in enumerate(lines):
        step = STEP.match(line) if len(found) < count else None
        if step is None:
            continue
        if int(step["number"]) != len(found) + 1:
            _complain(lines, numbers, range(found[-1] + 1 if found else 0, index), len(found) + 1)
            raise StoryError(f"line {numbers[index]}: step {len(found) + 1} was expected, found step {step['number']}")
        last = int(step["last"] or step["number"])
        if not len(found) < last <= count:
            raise StoryError(f"line {numbers[index]}: there are no steps {step['number']}-{last} among {count}")
        found += [index] * (last - len(found))
    if len(found) < count:
        _complain(lines, numbers, range(found[-1] + 1 if found else 0, len(lines)), len(found) + 1)
        wanted = f"step {len(found) + 1} of {count} was expected before {behind}"
        raise StoryError(f"line {numbers[-1] if numbers else 1}: {wanted}")
    return found


def _complain(lines: Sequence[str], numbers: Sequence[int], places: range, step: int) -> None:
    """Raise StoryError if a step is there, behind something that is not known to be quoting."""
    for index in places:
        before = before_step(lines[index], step)
        if before:
            raise obscured(numbers[index], before, f"step {step}")


def obscured(line: int, before: str, what: str) -> StoryError:
    return StoryError(
        f"line {line}: {what} stands behind {before!r}, quoting that cannot be undone: it is undone if the same stands "
        "before the headline and each line below it"
    )


def _calls(lines: Sequence[str], numbers: Sequence[int], index: int) -> list[str]:
    """The call of a step, or those of a set-up, which go on in the next line behind a comma, or where one is open."""
    found = STEP.match(lines[index])
    if found is None or not found["call"].startswith(SET_UP):
        return [_whole(lines, numbers, index)]
    calls = found["call"].removeprefix(SET_UP).strip()
    while index + 1 < len(lines) and (calls[-1:] in ("", ",") or calls.count("(") > calls.count(")")):
        index += 1
        calls = f"{calls} {_LIFELINES.sub('', lines[index])}".strip()
    return [f"{call.strip(', ')})" for call in calls.split(")")[:-1]]


def _whole(lines: Sequence[str], numbers: Sequence[int], index: int) -> str:
    """The call of a step with the lines that it goes on in: after a backslash, or where a mailer cut its arguments."""
    found = STEP.match(lines[index])
    call = found["call"] if found else ""
    while call.endswith("\\"):
        index += 1
        if index == len(lines):
            number = numbers[index - 1]
            raise StoryError(f"line {number}: the step ends in a backslash, another line was expected")
        call = call[:-1] + _LIFELINES.sub("", lines[index])
    if "(" in call and ")" not in call and index + 1 < len(lines):
        joined = f"{call} {_LIFELINES.sub('', lines[index + 1])}"
        return joined if _CALL.match(joined) else call
    return call


def _step(call: str, line: int, known: Collection[str] | None) -> tuple[str, dict[str, str]]:
    """Name and parameters of `file.c:name(a=1, b=2)  <== here`."""
    found = _CALL.match(call)
    if found is None:
        raise StoryError(f"line {line}: 'step(parameter=value, ...)' was expected, found {call!r}")
    name = found["step"]
    if known is not None and name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise StoryError(
            f"line {line}: no step {name!r} in this design" + (f"; did you mean {near[0]!r}?" if near else "")
        )
    args: dict[str, str] = {}
    for text in filter(None, map(str.strip, found["args"].split(","))):
        arg = _ARG.match(text)
        if arg is None:
            raise StoryError(f"line {line}: 'parameter=value' was expected, found {text!r}")
        args[arg["name"]] = arg["value"]
    return name, args
