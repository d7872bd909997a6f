"""Stories out of a mail, back into paths.

A story may be quoted to any depth, have CRLF line ends, stand between other text, and have other text between its
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

from checker.stories.trace import StoryError, show
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


@dataclass(frozen=True)
class Found:
    """A story of a text: the number of the line with its headline; what it says, or why that cannot be read."""

    line: int
    story: ParsedStory | StoryError


def parse(text: str, known: Collection[str] | None = None) -> ParsedStory:
    """The first story in a text. `known` are the names that steps may have (None: any).

    Raises StoryError with the line number and what was expected there.
    """
    first = stories_of(text, known)[0].story
    if isinstance(first, StoryError):
        raise first
    return first


def stories_of(text: str, known: Collection[str] | None = None) -> list[Found]:
    """Every story in a text, in order; at least one. One that cannot be read takes no other one along.

    A headline with nothing of a story below it is a mention, if it stands within a line, within a story, or announces
    the next one; else it is a story whose rest is missing. Raises StoryError if there is no headline at all.
    """
    lines = [_QUOTED.sub("", line).rstrip() for line in text.rstrip().split("\n")]
    words = _words(lines)
    heads = _heads(lines, words)
    found: list[Found] = []
    told = 0  # how many lines belong to stories that could be read
    for n, head in enumerate(heads):
        after = heads[n + 1 :]
        announces = bool(after) and after[0].said[0] == head.said[0]
        if not head.told and (head.line < told or not head.first or announces):
            continue
        one = _found(lines, words, head, next((h for h in after if h.told), None), known)
        found.append(one)
        told = max([told, *one.story.lines]) if isinstance(one.story, ParsedStory) else told
    return found or [_found(lines, words, heads[0], None, known)]


@dataclass(frozen=True)
class _Head:
    """A headline: its words begin at `word`, in the line of this index. first: nothing stands before it in its line.
    told: something of a story stands between it and the next headline."""

    said: re.Match[str]
    word: int
    line: int
    first: bool
    told: bool


def _heads(lines: Sequence[str], words: Sequence[tuple[str, int]]) -> list[_Head]:
    """Every headline. Raises StoryError if there is none."""
    flat = " ".join(word for word, _ in words)
    matches = list(_HEADLINE.finditer(flat))
    if not matches:
        raise StoryError("line 1: no story found; it begins with '<property>: VIOLATED in <n> steps'")
    begins = [flat.count(" ", 0, match.start()) for match in matches]
    heads: list[_Head] = []
    for match, begin, end in zip(matches, begins, [*begins[1:], len(words)], strict=True):
        line = words[begin][1]
        until = words[end][1] if end < len(words) else len(lines)
        steps = (_STEP.match(text) for text in lines[line:until])
        starts = any(_START.match(text) for text in lines[line:until]) or any(s and s["number"] == "1" for s in steps)
        told = starts or any(word in ("Cell:", "Scope:") for word, _ in words[begin:end])
        heads.append(_Head(match, begin, line, begin == 0 or words[begin - 1][1] != line, told))
    return heads


def _found(
    lines: Sequence[str], words: Sequence[tuple[str, int]], head: _Head, following: _Head | None,
    known: Collection[str] | None,
) -> Found:  # fmt: skip
    """The story below a headline, above the one that follows it."""
    until = following.line if following else len(lines)
    texts = range(head.line, until)
    end = next((i for i in texts if _STEP.match(lines[i]) or _START.match(lines[i])), until)
    last = following.word if following else len(words)
    header = [word for word, line in words[head.word : last] if line < end]
    before, loop = int(head.said["steps"]), int(head.said["loop"] or 0)
    try:
        steps, numbers = _steps(lines[:until], end, before + loop, known, "the next story" if following else "the end")
        cell, scope = (_pairs(header, title, head.line + 1) for title in ("Cell:", "Scope:"))
    except StoryError as error:
        return Found(head.line + 1, error)
    start = before if loop else None
    stays = head.said["stutter"] is not None
    return Found(head.line + 1, ParsedStory(head.said["property"], cell, scope, steps, start, stays, numbers))


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
    lines: Sequence[str], begin: int, count: int, known: Collection[str] | None, behind: str
) -> tuple[list[tuple[str, dict[str, str]]], list[int]]:
    """The steps 1..count from line index `begin` on, and their line numbers. behind: what comes after these lines."""
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
        raise StoryError(f"line {len(lines)}: step {len(steps) + 1} of {count} was expected before {behind}")
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
    """The story's steps with Python values, as checker.stories.replay takes them. Raises StoryError naming the line."""
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
