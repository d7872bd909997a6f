"""A story out of a mail, back into a path.

The story may be quoted to any depth, have CRLF line ends, stand between other text, and have other text between its
lines, as in a review. Its header may have been filled again by the mailer; the lines of its steps may not. What is
read: the headline, `Cell:` and `Scope:`, and the step lines (those with a number and a `*`). The rest is for people.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import unquote

from checker.trace import StoryError, show
from model.finite import BoolType, EnumType, IntType, OptionalType, Scalar
from model.lang import Design, Scope, resolve

_QUOTED = re.compile(r"^\s*(?:>\s?)+")
_HEADLINE = re.compile(
    r"(?<!\S)(?P<property>[A-Za-z_]\w*): (?:VIOLATED|REACHED) in (?P<steps>\d+) steps?"
    r"(?: and a loop of (?P<loop>\d+) steps?|(?P<stutter>, then stays there))?"
)
_STEP = re.compile(r"^[+|]?>?\s*(?P<number>\d+)\s+[|*\s]*\*[|*\s]*(?P<call>[^|*\s][^\s(]*(?:\(.*|\s+<==.*)?)$")
_START = re.compile(r"^\s*0\s+[|\s]*the initial state")
_LIFELINES = re.compile(r"^[+|\s]*")
_CALL = re.compile(r"^(?:\S*:)?(?P<step>[A-Za-z_]\w*)\((?P<args>[^()]*)\)\s*(?:<==.*)?$")
_ARG = re.compile(r"^(?P<name>[A-Za-z_]\w*)=(?P<value>[\w.+-]+)$")


@dataclass(frozen=True)
class ParsedStory:
    """What a story says about the run. Values are text; `path_of` makes Python values of them.

    steps: name and {parameter: value}, the loop's steps last; lines: the line number of each step in the text.
    """

    property: str
    cell: dict[str, str]
    scope: dict[str, str]
    steps: list[tuple[str, dict[str, str]]]
    loop_start: int | None
    stutter: bool
    lines: list[int]


def parse(text: str, known: Collection[str] | None = None) -> ParsedStory:
    """The first story in a text. `known` are the names that steps may have (None: any).

    Raises StoryError with the line number and what was expected there.
    """
    lines = [_QUOTED.sub("", line).rstrip() for line in text.rstrip().split("\n")]
    words = _words(lines)
    flat = " ".join(word for word, _ in words)
    headline = _HEADLINE.search(flat)
    if headline is None:
        raise StoryError("line 1: no story found; it begins with '<property>: VIOLATED in <n> steps'")
    first = flat[: headline.start()].count(" ")
    begin = words[first][1]
    end = next((i for i in range(begin, len(lines)) if _STEP.match(lines[i]) or _START.match(lines[i])), len(lines))
    header = [word for word, line in words[first:] if line < end]
    before, loop = int(headline["steps"]), int(headline["loop"] or 0)
    steps, numbers = _steps(lines, end, before + loop, known)
    return ParsedStory(
        headline["property"],
        _pairs(header, "Cell:", begin + 1),
        _pairs(header, "Scope:", begin + 1),
        steps,
        before if loop else None,
        headline["stutter"] is not None,
        numbers,
    )


def _words(lines: Sequence[str]) -> list[tuple[str, int]]:
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


def _pairs(header: Sequence[str], title: str, line: int) -> dict[str, str]:
    """The key=value words after the last `title` of the header."""
    if title not in header:
        raise StoryError(f"line {line}: '{title}' was expected between the headline and step 1")
    start = len(header) - header[::-1].index(title)
    pairs: dict[str, str] = {}
    for word in header[start:]:
        name, equals, value = word.partition("=")
        if not equals:
            break
        pairs[unquote(name)] = unquote(value)
    return pairs


def _steps(
    lines: Sequence[str], begin: int, count: int, known: Collection[str] | None
) -> tuple[list[tuple[str, dict[str, str]]], list[int]]:
    """The steps 1..count from line index `begin` on, and their line numbers."""
    steps: list[tuple[str, dict[str, str]]] = []
    numbers: list[int] = []
    for index in range(begin, len(lines)):
        found = _STEP.match(lines[index]) if len(steps) < count else None
        if found is None:
            continue
        if int(found["number"]) != len(steps) + 1:
            raise StoryError(f"line {index + 1}: step {len(steps) + 1} was expected, found step {found['number']}")
        steps.append(_step(_whole(found["call"], lines, index), index + 1, known))
        numbers.append(index + 1)
    if len(steps) < count:
        raise StoryError(f"line {len(lines)}: step {len(steps) + 1} of {count} was expected before the end")
    return steps, numbers


def _whole(call: str, lines: Sequence[str], index: int) -> str:
    """The call with the lines that it goes on in."""
    while call.endswith("\\"):
        index += 1
        if index == len(lines):
            raise StoryError(f"line {index}: the step ends in a backslash, another line was expected")
        call = call[:-1] + _LIFELINES.sub("", lines[index])
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


def path_of(story: ParsedStory, design: type[Design], scope: Scope) -> list[tuple[str, tuple[Any, ...]]]:
    """The story's steps with Python values, as checker.replay takes them. Raises StoryError naming the line."""
    path: list[tuple[str, tuple[Any, ...]]] = []
    for (name, args), line in zip(story.steps, story.lines, strict=True):
        if name not in design.steps():
            raise StoryError(f"line {line}: no step {name!r} in {design.__name__}")
        hints = typing.get_type_hints(getattr(design, name), include_extras=True)
        wanted = {param: hint for param, hint in hints.items() if param != "return"}
        if set(wanted) != set(args):
            raise StoryError(f"line {line}: {name} takes ({', '.join(wanted)}), found ({', '.join(args)})")
        where = f"line {line}: {name}"
        path.append(
            (name, tuple(_value(resolve(hint, scope, where), args[p], f"{where}: {p}") for p, hint in wanted.items()))
        )
    return path


def scope_of(values: Mapping[str, str], default: Scope) -> Scope:
    """The scope with a story's values. Raises StoryError for a name or value that the scope does not have."""
    changed: dict[str, Any] = {}
    for name, text in values.items():
        if name not in vars(default):
            raise StoryError(f"the scope has no {name!r}; it has {', '.join(vars(default))}")
        old = vars(default)[name]
        of: Scalar = (
            BoolType()
            if isinstance(old, bool)
            else EnumType(type(old))
            if isinstance(old, Enum)
            else IntType(0, 1 << 31)
        )
        changed[name] = _value(of, text, name)
    return type(default)(**{**vars(default), **changed})


def _value(of: Any, text: str, what: str) -> Any:
    """The value of a scalar type that `show` spells like this."""
    values: dict[str, Any]
    match of:
        case BoolType():
            values = {"0": False, "1": True, "False": False, "True": True}
        case EnumType():
            values = {member.name: member for member in of.members}
        case OptionalType(inner):
            return None if text == show(None) else _value(inner, text, what)
        case IntType(lo, hi):
            if re.fullmatch(r"\d{1,9}", text) and lo <= int(text) <= hi:
                return int(text)
            raise StoryError(f"{what} = {text}: a number {lo}..{hi} was expected")
        case _:
            raise StoryError(f"{what} = {text}: parameters of type {of} cannot be read")
    if text not in values:
        raise StoryError(f"{what} = {text}: {' or '.join(values)} was expected")
    return values[text]
