"""The one line of a story that is the run: `Replay: eoi1 <cell>; <path>; <digest>`.

    Replay: eoi1 no_eoi_lost,pin:0;kernel:v1,vmm:qemu,guest:windows_cg,
            device:level;cpus:1,pins:1,vectors:1; 5fa21c/12/0/12/3/loop/7/1;
            0f83a1c2d4e5f607

<cell> is the property with the values of its parameters, the roles (the one under review first), and the scope. <path>
is a digest of the names of all moves of the system, then the numbers of those that are taken; `loop` stands before
those that are repeated for ever, `stay` at the end of a run that stays for ever. <digest> is that of the story's text.

The line may be cut anywhere and quoted: it has no blank and no mark of quoting, and no `=`, so that quoted-printable
leaves it as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from checker.stories.trace import StoryError

TITLE = "Replay:"
FORMAT = "eoi1"
LOOP, STAY = "loop", "stay"
DIGITS = 16  # of the text's digest
_SAFE = "/._-@+"  # besides letters and digits; whatever else a name contains is written as %XX
_LINE = re.compile(
    rf"{FORMAT}(?P<asked>[^;]+);(?P<roles>[^;]*);(?P<scope>[^;]*);(?P<table>[0-9a-f]{{6}})(?P<path>(?:/[a-z0-9]+)*);"
    rf"(?P<digest>[0-9a-f]{{{DIGITS}}})"
)
END = re.compile(rf";[0-9a-f]{{6}}(?:/[a-z0-9]+)*;[0-9a-f]{{{DIGITS}}}")  # nothing but such a line ends so
EXPECTED = f"{TITLE} {FORMAT} <cell>; <path>; <digest>"


@dataclass(frozen=True)
class ReplayLine:
    """What the line says, as text. `moves` are numbers of moves of the system; `table` is moves_digest of them all.
    `asked`: what --property takes, with the digest of a user's file."""

    asked: str
    binding: Mapping[str, str]
    roles: Mapping[str, str]
    scope: Mapping[str, str]
    table: str
    moves: tuple[int, ...]
    loop_start: int | None = None
    stutter: bool = False
    digest: str = ""

    def __str__(self) -> str:
        """The line's text, without its title: three words."""
        asked = ",".join([_quoted(self.asked), *_pairs(self.binding)])
        path = list(map(str, self.moves))
        if self.loop_start is not None:
            path.insert(self.loop_start, LOOP)
        path += [STAY] * self.stutter
        cell = ";".join([asked, *(",".join(_pairs(pairs)) for pairs in (self.roles, self.scope))])
        return f"{FORMAT} {cell}; {'/'.join([self.table, *path])}; {self.digest}"


def _pairs(values: Mapping[str, str]) -> list[str]:
    return [f"{_quoted(name)}:{_quoted(value)}" for name, value in values.items()]


def _quoted(name: str) -> str:
    """A file's name may have any bytes."""
    return quote(name, safe=_SAFE, errors="surrogateescape")


def _meant(quoted: str) -> str:
    return unquote(quoted, errors="surrogateescape")


def moves_digest(moves: Iterable[str]) -> str:
    """Six hex digits that change with the steps of a system, so that their numbers are known to mean the same."""
    return hashlib.sha256("\n".join(moves).encode()).hexdigest()[:6]


def text_digest(text: str) -> str:
    """The digest of a story's text: blanks aside, and the bars at the left of its lines, which may be marks of quoting."""
    lines = ("".join(line.split()).lstrip("|>") for line in text.splitlines())
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:DIGITS]


def wrapped(line: str, width: int) -> list[str]:
    """The line with its title in lines of at most `width`: cut behind a comma, a slash or a blank where there is one."""
    indent = " " * (len(TITLE) + 1)
    lines = [TITLE]
    for atom in re.findall(r"[^,;/ ]*[,;/ ]?", line):
        atom = atom if lines[-1] != TITLE else f" {atom}"
        if len(lines[-1]) + len(atom.rstrip()) > width:
            lines.append(indent)
        lines[-1] += atom
        while len(lines[-1].rstrip()) > width:
            lines[-1:] = [lines[-1][:width], indent + lines[-1][width:]]
    return [one.rstrip() for one in lines]


def read_line(lines: Sequence[str], number: int) -> ReplayLine:
    """The line that begins these lines, behind its title. number: of the first one. Raises StoryError."""
    read, found = "", None
    for line in lines:
        read += re.sub(r"[\s=]", "", line)
        if found := _LINE.match(read):
            break
    if found is not None and read[found.end() :].strip("|>"):
        raise StoryError(
            f"line {number}: {read[found.end() :]!r} follows the digest of '{TITLE} {FORMAT}': nothing may"
        )
    if found is None:
        raise StoryError(f"line {number}: '{EXPECTED}' was expected: the line is damaged")
    name, *binding = found["asked"].split(",")
    path = found["path"].split("/")[1:]
    stutter = path[-1:] == [STAY]
    path = path[:-1] if stutter else path
    moves = [word for word in path if word != LOOP]
    start = path.index(LOOP) if LOOP in path else None
    looped = len(path) == len(moves) + (start is not None) and start != len(moves) and not (stutter and LOOP in path)
    if not looped or not all(move.isdigit() and len(move) < 10 for move in moves):
        raise StoryError(f"line {number}: numbers of moves, '{LOOP}' once or '{STAY}' at the end were expected")
    bound, roles, scope = (
        _read_pairs(words, number) for words in (binding, found["roles"].split(","), found["scope"].split(","))
    )
    numbers = tuple(map(int, moves))
    return ReplayLine(_meant(name), bound, roles, scope, found["table"], numbers, start, stutter, found["digest"])


def _read_pairs(words: Sequence[str], number: int) -> dict[str, str]:
    pairs = dict[str, str]()
    for word in filter(None, words):
        name, colon, value = word.partition(":")
        if not colon:
            raise StoryError(f"line {number}: name:value was expected, found {word!r}")
        if _meant(name) in pairs:
            raise StoryError(f"line {number}: '{TITLE} {FORMAT}' says twice what {_meant(name)!r} is")
        pairs[_meant(name)] = _meant(value)
    return pairs
