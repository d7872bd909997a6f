"""What is known of a file that a patch changes: whether the model stands for it, is made from it, or relies on it.

Said by the tables of correspondences, and by the model's own text: what a class names as its source, or a comment cites,
cannot be forgotten here. Of a path it is the end that counts: trees are called by many names, and patches are made in them.
"""

from __future__ import annotations

import contextlib
import functools
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import model
from checker import files
from checker.stories.mail import plain
from checker.stories.trace import StoryError
from lift.patch import Diff
from lift.refusal import NotLifted
from lift.table import Row, Table

_CITED = re.compile(r"(?<![\w./*-])(?:\w[\w.-]*/)*\w[\w.-]*\.(?:cpp|cc|c|h|S|rs)\b")
_HEAD = re.compile(r"^[>| ]*(?:diff |--- |\+\+\+ |\*\*\* |Index: |rename |copy |Binary files )(.*)$")
_ONLY_IN = re.compile(r"^[>| ]*Only in (\S+): (\S+)$")
_OF_A_STAT = re.compile(r"^[>| ]*(\S+) +\| +(?:\d+|Bin)\b")  # its diff may be lost
# Names of many files, of which most are nobody's: the folder has to be the same, too.
OF_MANY = (
    "Makefile",
    "Kconfig",
    "Kbuild",
    "meson.build",
    "Cargo.toml",
    "mod.rs",
    "lib.rs",
    "main.rs",
    "main.c",
    "common.c",
    "common.h",
)


@dataclass(frozen=True)
class KnownFile:
    """file: as it is known; said: what it is to the model. lifted: patches of it are read."""

    file: str
    said: str
    lifted: bool = False

    def refusal(self, named: str) -> tuple[str, str]:
        """What is wrong with a patch that changes a file of this name, and what to do."""
        if self.lifted:
            what = f"{named} is not in the model by this name, and may be its {self.file}"
            return what, "make the patch at the root of its tree (git diff)"
        like = "" if fnmatchcase(named, self.file) else f"may be {self.file}: "
        return f"{named} is not lifted, and {like}{self.said}", "write by hand what it changes of the model"


class Concern:
    """What tables of correspondences and the model's text say of files."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tables

    def of_file(self, file: str) -> KnownFile | None:
        """None for one that is nothing to the model. A file that is known by its whole path comes before a folder that is said to
        be elsewhere, and this before one that is only called like a file of the model."""
        parts = _parts(file)
        if found := next((one for one in self.known if _ends_alike(parts, _parts(one.file))), None):
            return found
        if any(fnmatchcase("/".join(parts), row) for row in self.elsewhere):
            return None
        if found := next((one for one in self.known if _called_alike(parts, _parts(one.file))), None):
            return found
        within = (row for row in self._rows("relied on") if _is_folder(row) and _within("/".join(parts), row.left))
        return next((KnownFile(row.left, f"the model relies on it: {row.why}") for row in within), None)

    def check(self, series: Sequence[tuple[str, Diff]], lifted: Table) -> None:
        """Raise NotLifted for what is changed of a file that is something to the model, where its table lifts none of it."""
        for file, hunk in ((file, hunk) for file, diff in series for hunk in diff.hunks):
            has_row = any(fnmatchcase(hunk.file, row.left) for row in lifted.rows["files"])
            found = None if has_row else self.of_file(hunk.file)
            if found is not None:
                what, advice = found.refusal(hunk.file)
                raise NotLifted(hunk.line, what, advice, file)

    def named_in(self, texts: Sequence[str], but: Sequence[str] = ()) -> str:
        """A file that is something to the model, and that a head of a diff in one of these texts names; or "". What is renamed,
        copied, removed, and of which only the mode is changed, has a head. but: files that are known to be in them."""
        known = [_parts(file) for file in but]
        names = dict.fromkeys(name for text in texts for name in named(text))
        found = (name for name in names if self.of_file(name) is not None)
        return next((name for name in found if not any(_ends_alike(_parts(name), one) for one in known)), "")

    @functools.cached_property
    def known(self) -> Sequence[KnownFile]:
        """Files by name; what is said first of one is told."""
        found = dict[str, KnownFile]()
        for one in self.tables:
            for row in one.rows["relied on"]:
                if not _is_folder(row):
                    found.setdefault(row.left, KnownFile(row.left, f"the model relies on it: {row.why}"))
            for row in one.rows["files"]:
                if not row.why:
                    found.setdefault(row.left, KnownFile(row.left, f"{one.file} lifts patches of it", lifted=True))
            for row in one.rows["sources"]:
                said = f"the model has functions, helpers or values of it ({one.file})"
                found.setdefault(row.left, KnownFile(row.left, said))
        for shown, file in _cited():
            found.setdefault(file, KnownFile(file, f"{shown} is made from it"))
        return list(found.values())

    @functools.cached_property
    def elsewhere(self) -> Sequence[str]:
        return [row.left for row in (*self._rows("elsewhere"), *self._rows("files")) if row.why]

    def _rows(self, section: str) -> Sequence[Row]:
        return [row for one in self.tables for row in one.rows[section]]


def named(text: str) -> Iterator[str]:
    """The paths in heads of diffs, and other words of these lines, as they stand there and as a mail encodes them."""
    text = text.replace("\0", "\ufffd")
    lines = text.splitlines()
    with contextlib.suppress(StoryError, RecursionError, ValueError, LookupError):  # it has no diff, then
        lines += [line.text for line in plain(text).lines]
    for line in dict.fromkeys(lines):
        if head := _HEAD.match(line):
            yield from (word for word in re.split(r'[\s"]+', head[1]) if word)
        elif only := _ONLY_IN.match(line):
            yield f"{only[1]}/{only[2]}"
        elif of_a_stat := _OF_A_STAT.match(line):
            yield of_a_stat[1]


@functools.cache
def _parts(file: str) -> tuple[str, ...]:
    """Without what git puts before a path: a/, b/; i/, w/ and the like; .../ in the table of what is changed how much."""
    parts = [p for p in posixpath.normpath(file.strip().lstrip("/")).split("/") if p not in ("", ".", "..", "...")]
    return tuple(parts[1:] if len(parts) > 1 and re.fullmatch("[abciow]", parts[0]) else parts)


def _ends_alike(parts: Sequence[str], known: Sequence[str]) -> bool:
    """One is the end of the other: a root above the tree's, or one within it. The model cites some by their bare names."""
    return (len(known) > 1 or len(parts) == 1) and _alike(parts, known, min(len(parts), len(known)))


def _called_alike(parts: Sequence[str], known: Sequence[str]) -> bool:
    return _alike(parts, known, 2 if known[-1] in OF_MANY else 1)


def _alike(parts: Sequence[str], known: Sequence[str], last: int) -> bool:
    if not 0 < last <= min(len(parts), len(known)):
        return False
    return all(fnmatchcase(parts[-at], known[-at]) for at in range(1, last + 1))  # names first: most differ


def _within(file: str, row: str) -> bool:
    return fnmatchcase(file, row) or fnmatchcase(file, f"*/{row}")


def _is_folder(row: Row) -> bool:
    return row.left.endswith("/*")


@functools.cache
def _cited() -> Sequence[tuple[str, str]]:
    """(file of the model, file of C or Rust that its text names). A bare name, too: `crash.c`."""
    root, found = Path(str(model.__file__)).parent, list[tuple[str, str]]()
    for path in sorted(root.rglob("*.py")):
        shown = f"{root.name}/{path.relative_to(root)}"
        found += [(shown, cited[0]) for cited in _CITED.finditer(files.read_text(path))]
    return found
