"""Stories out of a mail, back into paths.

A story may be quoted to any depth, be in a raw mail, have CRLF line ends, stand between other text, and have other
text between its lines, as in a review. Its header may have been filled again by the mailer; the lines of its steps may
be cut within the parentheses. What is read: the headline, `Cell:` and `Scope:`, the step lines (those with a number and
a `*`), and the lines of what changes (those with a `=`). The rest is for people.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import unquote

from checker.stories.mail import Plain, plain
from checker.stories.quoting import before_step, hidden, unquoted
from checker.stories.trace import StoryError, show
from model.finite import BoolType, EnumType, IntType, OptionalType, Scalar
from model.lang import Design, Scope, resolve

_HEADLINE = re.compile(
    r"(?<!\S)(?P<property>[A-Za-z_]\w*): (?:VIOLATED|REACHED) in (?P<steps>\d+) steps?"
    r"(?: and a loop of (?P<loop>\d+) steps?|(?P<stutter>, then stays there))?"
)
_STEP = re.compile(r"^[+|]?>?\s*(?P<number>\d+)\s+[|*\s]*\*[|*\s]*(?P<call>[^|*\s][^\s(]*(?:\(.*|\s+<==.*)?)$")
_START = re.compile(r"^\s*0\s+[|\s]*the initial state")
_LIFELINES = re.compile(r"^[+|\s]*")
_CALL = re.compile(r"^(?:\S*:)?(?P<step>[A-Za-z_]\w*)\((?P<args>[^()]*)\)\s*(?:<==.*)?$")
_CHANGE = re.compile(r"^[|\s]*(?==[|\s]+[^|\s])(?==(?:\s*\||\s\s|.*->))")
_GOES_ON = 40  # lines, at most, of a change that is wrapped
_ENDING = re.compile(r"^(?:\+?-{3,} back to step|Fairness: |Reproduce: )")
_ARG = re.compile(r"^(?P<name>[A-Za-z_]\w*)=(?P<value>[\w.+-]+)$")


@dataclass(frozen=True)
class ToldChange:
    """A line of the table that tells what changes: its number, its text from the `=` on, lifelines among it, and the
    text of the next lines, the first of which may belong to it."""

    line: int
    text: str
    below: str


@dataclass(frozen=True)
class ParsedStory:
    """What a story says about the run. Values are text; `path_of` makes Python values of them.

    steps: name and {parameter: value}, the loop's steps last; lines: the line number of each step in the text;
    cell_line: that of the system's names; changes: what each step is told to change.
    """

    property: str
    cell: dict[str, str]
    scope: dict[str, str]
    steps: list[tuple[str, dict[str, str]]]
    loop_start: int | None
    stutter: bool
    lines: list[int]
    cell_line: int = 0
    changes: list[list[ToldChange]] = field(default_factory=list[list[ToldChange]])


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
    the next one; else it is a story whose rest is missing. A headline that cannot be read because of how it is quoted
    is a story that cannot be read. Raises StoryError if there is no headline at all.
    """
    mail = plain(text)
    lines = _Lines(unquoted([line.text for line in mail.lines]), [line.number for line in mail.lines])
    obscured = [
        Found(lines.number(index), _obscured(lines.number(index), before, "a story")) for index, before in hidden(lines)
    ]
    words = _words(lines)
    heads = _heads(lines, words)
    if not heads and not obscured:
        raise _no_story(mail)
    found = sorted([*obscured, *_told(lines, words, heads, known)], key=lambda found: found.line)
    return found or [_found(lines, words, heads[0], None, known)]


def _no_story(mail: Plain) -> StoryError:
    unread = f" (only text is read, and the mail has {', '.join(mail.unread)})" if mail.unread else ""
    return StoryError(f"line 1: no story found; it begins with '<property>: VIOLATED in <n> steps'{unread}")


def _obscured(line: int, before: str, what: str) -> StoryError:
    return StoryError(
        f"line {line}: {what} stands behind {before!r}, quoting that cannot be undone: it is undone if the same stands "
        "before the headline and each line below it"
    )


class _Lines(list[str]):
    """Lines without quote marks, and the numbers of the lines of the file that they come from."""

    def __init__(self, lines: Sequence[str], numbers: Sequence[int]) -> None:
        count = max((n for n, line in enumerate(lines, 1) if line), default=0)
        super().__init__(lines[:count])
        self.numbers = numbers

    def number(self, index: int) -> int:
        """The number in the file of the line with this index."""
        return self.numbers[index] if self else 1


def _told(
    lines: _Lines, words: Sequence[tuple[str, int]], heads: Sequence[_Head], known: Collection[str] | None
) -> list[Found]:
    """What is below the headlines that are no mentions."""
    found: list[Found] = []
    told = 0  # the line up to which stories were read
    for n, head in enumerate(heads):
        after = heads[n + 1 :]
        announces = bool(after) and after[0].said[0] == head.said[0]
        if not head.told and (lines.number(head.line) <= told or not head.first or announces):
            continue
        one = _found(lines, words, head, next((h for h in after if h.told), None), known)
        found.append(one)
        told = max([told, *one.story.lines]) if isinstance(one.story, ParsedStory) else told
    return found


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
    """Every headline."""
    flat = " ".join(word for word, _ in words)
    matches = list(_HEADLINE.finditer(flat))
    if not matches:
        return []
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
    lines: _Lines, words: Sequence[tuple[str, int]], head: _Head, following: _Head | None, known: Collection[str] | None
) -> Found:
    """The story below a headline, above the one that follows it."""
    until = following.line if following else len(lines)
    texts = range(head.line, until)
    end = next((i for i in texts if _STEP.match(lines[i]) or _START.match(lines[i])), until)
    last = following.word if following else len(words)
    header = [(word, line) for word, line in words[head.word : last] if line < end]
    before, loop = int(head.said["steps"]), int(head.said["loop"] or 0)
    number = lines.number(head.line)
    try:
        at = _step_lines(lines, range(head.line, until), before + loop, "the next story" if following else "the end")
        steps = [_step(_whole(lines, index), lines.number(index), known) for index in at]
        (cell, cell_index), (scope, _) = (_pairs(header, title, number) for title in ("Cell:", "Scope:"))
    except StoryError as error:
        return Found(number, error)
    start, stays, numbers = before if loop else None, head.said["stutter"] is not None, [lines.number(i) for i in at]
    changes = [_changes(lines, range(i, j)) for i, j in zip(at, [*at[1:], until], strict=False)]
    name, cell_line = head.said["property"], lines.number(cell_index)
    return Found(number, ParsedStory(name, cell, scope, steps, start, stays, numbers, cell_line, changes))


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
        pairs[unquote(name)] = unquote(value)
    return pairs, header[place][1]


def _step_lines(lines: _Lines, places: range, count: int, behind: str) -> list[int]:
    """The indices of the lines of the steps 1..count. behind: what comes after these places."""
    found: list[int] = []
    for index in places:
        step = _STEP.match(lines[index]) if len(found) < count else None
        if step is None:
            continue
        if int(step["number"]) != len(found) + 1:
            _complain(lines, range(found[-1] + 1 if found else places.start, index), len(found) + 1)
            raise StoryError(
                f"line {lines.number(index)}: step {len(found) + 1} was expected, found step {step['number']}"
            )
        found.append(index)
    if len(found) < count:
        _complain(lines, range(found[-1] + 1 if found else places.start, places.stop), len(found) + 1)
        wanted = f"step {len(found) + 1} of {count} was expected before {behind}"
        raise StoryError(f"line {lines.number(places.stop - 1)}: {wanted}")
    return found


def _complain(lines: _Lines, places: range, step: int) -> None:
    """Raise StoryError if a step is there, behind something that is not known to be quoting."""
    for index in places:
        before = before_step(lines[index], step)
        if before:
            raise _obscured(lines.number(index), before, f"step {step}")


def _whole(lines: _Lines, index: int) -> str:
    """The call of a step with the lines that it goes on in: after a backslash, or where a mailer cut its arguments."""
    found = _STEP.match(lines[index])
    call = found["call"] if found else ""
    while call.endswith("\\"):
        index += 1
        if index == len(lines):
            raise StoryError(f"line {lines.number(index - 1)}: the step ends in a backslash, another line was expected")
        call = call[:-1] + _LIFELINES.sub("", lines[index])
    if "(" in call and ")" not in call and index + 1 < len(lines):
        joined = f"{call} {_LIFELINES.sub('', lines[index + 1])}"
        return joined if _CALL.match(joined) else call
    return call


def _changes(lines: _Lines, places: range) -> list[ToldChange]:
    """What the step in the first of these lines is told to change."""
    ending = next((i for i in places if _ENDING.match(lines[i])), places.stop)
    found: list[ToldChange] = []
    for index in range(places.start + 1, ending):
        if _CHANGE.match(lines[index]):
            below = " ".join(line.lstrip("| ") for line in lines[index + 1 : index + 1 + _GOES_ON])
            found.append(ToldChange(lines.number(index), _CHANGE.sub("", lines[index]), below))
    return found


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
    """The story's steps with Python values, as checker.stories.replay takes them. Raises StoryError naming the line.

    `formerly` on a design: names that its steps had in stories told before, and their names now.
    """
    formerly: Mapping[str, str] = getattr(design, "formerly", {})
    path: list[tuple[str, tuple[Any, ...]]] = []
    for (told, args), line in zip(story.steps, story.lines, strict=True):
        name = formerly.get(told, told)
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
