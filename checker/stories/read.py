"""Stories out of a mail.

A story may be quoted to any depth, be in a raw mail, have CRLF line ends, stand between other text, and have other
text between its lines, as in a review. What is read of it is its `Replay:` line; the text from the headline to that
line is only compared with what the run's own story says (checker.stories.compare). A story without such a line was told
before there was one: old_story reads its picture.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from checker.stories.compare import StoryLine
from checker.stories.mail import Plain, plain
from checker.stories.old_story import START, STEP, Picture, obscured, read_picture, words_of
from checker.stories.quoting import hidden, unquoted
from checker.stories.replay_line import END, EXPECTED, FORMAT, TITLE, ReplayLine, read_line
from checker.stories.trace import StoryError

_HEADLINE = re.compile(
    r"(?<!\S)(?P<property>(?:[\w./-]*\.py:)?[A-Za-z_]\w*): (?:VIOLATED|REACHED) in (?P<steps>\d{1,9}) steps?"
    r"(?: and a loop of (?P<loop>\d{1,9}) steps?|(?P<stutter>, then stays there))?"
)
_GOES_ON = 400  # lines, at most, of a Replay line that is quoted and cut
_REPLAY = re.compile(rf"(?<!\S){TITLE}\s+{FORMAT}(?!\S)")


@dataclass(frozen=True)
class ParsedStory:
    """What a story says about the run. Values are text; `line` is that of its first word in the file.

    text: its lines up to the Replay line, none if that stands alone; end: the last line that was read; cell_line:
    the one with the names of the roles; told: what the Replay line says, or None; picture:
    what is read of the text where there is no Replay line, or where its numbers are those of another model, or why that
    cannot be read.
    """

    line: int
    property: str
    cell: Mapping[str, str]
    scope: Mapping[str, str]
    loop_start: int | None
    stutter: bool
    text: Sequence[StoryLine]
    end: int
    cell_line: int
    told: ReplayLine | None
    picture: Picture | StoryError


@dataclass(frozen=True)
class Found:
    """A story of a text: the number of the line with its headline; what it says, or why that cannot be read; the number of
    the line in which its Replay line begins, if there is one."""

    line: int
    story: ParsedStory | StoryError
    replay: int | None = None


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
    is a story that cannot be read. Raises StoryError if there is no headline at all, and no Replay line.
    """
    mail = plain(text)
    lines = _Lines(mail)
    unseen = [
        Found(lines.numbers[i], obscured(lines.numbers[i], before, "a story")) for i, before in hidden(lines.bare)
    ]
    words = words_of(lines.bare)
    heads = _heads(lines, words)
    found = _told(lines, heads, known)
    ends = {one.replay for one in found}
    befores = zip(lines.replays, [-1, *lines.replays], strict=False)
    alone = [
        _found(lines, None, range(lines.headless(before + 1, i), i + 1), known)
        for i, before in befores
        if lines.numbers[i] not in ends
    ]
    if not heads and not unseen and not alone:
        raise _no_story(mail)
    in_order = sorted([*unseen, *found, *alone], key=lambda one: one.line)
    return in_order or [_found(lines, heads[0], range(heads[0].line, len(lines.bare)), known)]


def _no_story(mail: Plain) -> StoryError:
    unread = f" (only text is read, and the mail has {', '.join(map(str, mail.unread))})" if mail.unread else ""
    return StoryError(f"line 1: no story found; it begins with '<property>: VIOLATED in <n> steps'{unread}")


class _Lines:
    """The lines of a mail without quoting, the numbers of the lines of the file that they come from, and the places
    where a Replay line begins."""

    def __init__(self, mail: Plain) -> None:
        bare = unquoted([line.text for line in mail.lines])
        count = max((n for n, line in enumerate(bare, 1) if line), default=0)
        self.bare, self.numbers = bare[:count], [line.number for line in mail.lines][:count] or [1]
        self.marks = [
            "".join(line.text.rstrip().removesuffix(text).split()) for line, text in zip(mail.lines, bare, strict=True)
        ]
        pairs = zip(self.bare, [*self.bare[1:], ""], strict=False)  # the line may be cut behind its title
        begins = [_REPLAY.search(f"{line} {following}") for line, following in pairs]
        self.replays = [i for i, found in enumerate(begins) if found and found.start() < len(self.bare[i])]

    def headless(self, start: int, replay: int) -> int:
        """Where the text above a Replay line begins whose headline is missing or cannot be read, or the line itself: with
        the first line from `start` that only a story has, or the paragraph above that one's."""
        first = next((i for i in range(start, replay) if _is_of_a_story(self.bare[i])), replay)
        if first < replay:
            for of_paragraph in (True, False, True):  # the lines above, the blank ones, the paragraph above
                while first > start and bool(self.bare[first - 1]) == of_paragraph:
                    first -= 1
            while not self.bare[first]:
                first += 1
        return first

    def story(self, places: range, head: _Head | None) -> list[StoryLine]:
        """Those that tell a story: from its headline to its Replay line, if there is one."""
        texts = [self.bare[i] for i in places]
        begin = texts[0].find(head.said["property"]) if head is not None else 0
        texts[0] = texts[0][begin:] if begin > 0 else texts[0]
        texts[-1] = texts[-1].rpartition(TITLE)[0] if places[-1] in self.replays else texts[-1]
        return [StoryLine(text, self.marks[i], self.numbers[i]) for text, i in zip(texts, places, strict=True)]


def _is_of_a_story(line: str) -> bool:
    return bool(STEP.match(line) or START.match(line)) or line.startswith(("Cell:", "Scope:", "Reproduce:"))


@dataclass(frozen=True)
class _Head:
    """A headline: it begins in the line of this index. first: nothing stands before it in its line. told: something of a
    story stands between it and the next headline."""

    said: re.Match[str]
    line: int
    first: bool
    told: bool


def _heads(lines: _Lines, words: Sequence[tuple[str, int]]) -> list[_Head]:
    """Every headline."""
    flat = " ".join(word for word, _ in words)
    matches = list(_HEADLINE.finditer(flat))
    if not matches:
        return []
    begins = [flat.count(" ", 0, match.start()) for match in matches]
    heads: list[_Head] = []
    for match, begin, end in zip(matches, begins, [*begins[1:], len(words)], strict=True):
        line = words[begin][1]
        until = words[end][1] if end < len(words) else len(lines.bare)
        steps = (STEP.match(text) for text in lines.bare[line:until])
        starts = any(START.match(t) for t in lines.bare[line:until]) or any(s and s["number"] == "1" for s in steps)
        told = starts or any(word in ("Cell:", "Scope:") for word, _ in words[begin:end])
        heads.append(_Head(match, line, begin == 0 or words[begin - 1][1] != line, told))
    return heads


def _told(lines: _Lines, heads: Sequence[_Head], known: Collection[str] | None) -> list[Found]:
    """What is below the headlines that are no mentions."""
    found: list[Found] = []
    told = 0  # the line up to which stories were read
    for n, head in enumerate(heads):
        after = heads[n + 1 :]
        announces = bool(after) and after[0].said[0] == head.said[0]
        if not head.told and (lines.numbers[head.line] <= told or not head.first or announces):
            continue
        until = next((h.line for h in after if h.told), len(lines.bare))
        one = _found(lines, head, range(head.line, until), known)
        found.append(one)
        told = max(told, one.story.end) if isinstance(one.story, ParsedStory) else told
    return found


def _found(lines: _Lines, head: _Head | None, places: range, known: Collection[str] | None) -> Found:
    """The story in these lines: what its Replay line says, or else its picture. head: None where that line is alone."""
    at = next((i for i in lines.replays if i in places), None)
    number = lines.numbers[places.start]
    try:
        if at is None:
            assert head is not None
            _no_damaged_line(lines, places)
            return Found(number, _of_picture(lines, head, places, known))
        rest = lines.bare[at].rpartition(TITLE)[2]
        told = read_line([rest, *lines.bare[at + 1 : at + _GOES_ON]], lines.numbers[at])
    except StoryError as error:
        return Found(number, error, None if at is None else lines.numbers[at])
    text = [] if places.start == at else lines.story(range(places.start, at + 1), head)
    picture: Picture | StoryError = StoryError(f"line {number}: there is no text that tells them")
    if head is not None:
        try:
            picture = _of_picture(lines, head, range(places.start, at), known).picture
        except StoryError as error:
            picture = error
    return Found(number, ParsedStory(
        number, told.asked.rpartition(":")[2], told.roles, told.scope, told.loop_start, told.stutter, text,
        lines.numbers[at], lines.numbers[at], told, picture,
    ), lines.numbers[at])  # fmt: skip


def _no_damaged_line(lines: _Lines, places: range) -> None:
    """Raises StoryError if these lines, of which none begins a Replay line, have the end of one: it is no story of old."""
    dense = [re.sub(r"[\s=]", "", lines.bare[i]) for i in places]
    if found := END.search("".join(dense)):
        until = list(itertools.accumulate(map(len, dense)))
        number = lines.numbers[places[next(n for n, end in enumerate(until) if end > found.start())]]
        raise StoryError(f"line {number}: '{EXPECTED}' was expected: the line is damaged")


def _of_picture(lines: _Lines, head: _Head, places: range, known: Collection[str] | None) -> ParsedStory:
    """A story that was told before there was a Replay line. Raises StoryError."""
    before, loop = int(head.said["steps"]), int(head.said["loop"] or 0)
    behind = "the next story" if places.stop < len(lines.bare) else "the end"
    at, numbers = places.start, lines.numbers[places.start : places.stop]
    picture = read_picture(lines.bare[at : places.stop], numbers, before + loop, known, behind)
    start, stays = before if loop else None, head.said["stutter"] is not None
    end = max([numbers[0], *picture.lines])
    return ParsedStory(
        numbers[0], head.said["property"], picture.cell, picture.scope, start, stays, lines.story(places, head), end,
        picture.cell_line, None, picture,
    )  # fmt: skip
