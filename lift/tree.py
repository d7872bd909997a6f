"""A kernel's source: its functions by name, with the branches of #if that are compiled, and what its #defines say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from lift.conditions import DIRECTIVE, NO, YES
from lift.ctokens import Row, tokens, without_comments
from lift.patch import Hunk, PatchLine
from lift.pieces import Define, Piece, pieces, split_defines
from lift.refusal import NotLifted

_HAS = re.compile(r"^#define (__[A-Z]+_HAVE_\w+)$", re.MULTILINE)  # what an architecture says of itself


@dataclass(frozen=True)
class Found:
    """A function: piece has its head and its body."""

    file: str
    piece: Piece

    @property
    def line(self) -> int:
        return self.piece.head[0].number

    @property
    def body(self) -> list[Row]:
        """Without the `}` that ends it."""
        return self.piece.rows[:-1]


class Tree:
    """Of some files: path -> text. A function that is defined twice, or with an #if that is not understood, is refused
    when it is asked for."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.defines: dict[str, str] = {}
        self._functions: dict[str, list[Found]] = {}
        self._unclear: dict[str, set[int]] = {}
        has = {name for text in files.values() for name in _HAS.findall(text)}
        for file, text in files.items():
            try:
                self._read(file, text, has)
            except NotLifted as refused:
                raise refused.in_file(file) from None

    def _read(self, file: str, text: str, has: Set[str]) -> None:
        rows = [Row(line, number, False) for number, line in enumerate(text.split("\n"), 1)]
        rows, self._unclear[file] = compiled(without_comments(rows), has)
        lines = tuple(PatchLine(" ", row.text, row.number) for row in rows)
        _, defines = split_defines(rows)
        self.defines |= {d.name: d.value for d in defines if _is_constant(d)}
        for piece in pieces(Hunk(file, "", 1, lines), "+"):
            if piece.head and piece.ends and not piece.name.startswith(("struct ", "enum ", "union ")):
                self._functions.setdefault(piece.name, []).append(Found(file, piece))

    def names(self) -> set[str]:
        return set(self._functions)

    def find(self, name: str) -> Found | None:
        """Raises NotLifted if it is not clear what it is."""
        found = self._functions.get(name, [])
        if not found:
            return None
        of_c = [f for f in found if f.file.endswith(".c")]
        found = of_c if len(of_c) == 1 else found  # a header has one for kernels without the .c file
        if len(found) > 1:
            places = " and ".join(f"{f.file}:{f.line}" for f in found)
            raise NotLifted(found[0].line, f"{name}() is defined more than once: {places}", "", found[0].file)
        lines = {row.number for row in (*found[0].piece.head, *found[0].piece.rows)}
        if unclear := lines & self._unclear[found[0].file]:
            what = f"{name}(): whether this `#if` is compiled is not known"
            raise NotLifted(min(unclear), what, "CONFIG_ options are taken as set; others are not", found[0].file)
        return found[0]

    def has_word(self, word: str) -> bool:
        """Does it stand anywhere, in a comment, too?"""
        return any(re.search(rf"\b{re.escape(word)}\b", text) for text in self.files.values())

    def digest(self, name: str) -> str:
        """Of the tokens of a function, or of each that has the name; "" without one. White space and comments are none."""
        made = hashlib.sha256()
        for found in self._functions.get(name, []):
            made.update(" ".join(t.text for t in tokens([*found.piece.head, *found.piece.rows])).encode())
        return made.hexdigest()[:12] if name in self._functions else ""


def mark_changed(old: Tree, new: Tree, name: str) -> None:
    """Mark the lines of a function that only one of the trees has, or has in another place."""
    found = [one for one in (old.find(name), new.find(name)) if one is not None]
    words = [["".join(row.text.split()) for row in one.piece.rows] for one in found]
    kept = SequenceMatcher(None, words[0], words[-1], autojunk=False).get_matching_blocks() if found[1:] else []
    for side, one in enumerate(found):
        same = {at for block in kept for at in range(block[side], block[side] + block.size)}
        rows = one.piece.rows
        rows[:] = [replace(row, changed=at not in same) for at, row in enumerate(rows)]


def _is_constant(define: Define) -> bool:
    return define.word == "define" and bool(define.value)


def compiled(rows: Sequence[Row], has: Set[str] = frozenset()) -> tuple[list[Row], set[int]]:
    """The same lines, empty where #if leaves them out with every CONFIG_ option set, and these names; and those of conditions that say
    something else, of which both branches stay."""
    out, unclear = list[Row](), set[int]()
    taken: list[bool | None] = []  # of each #if around the line; None: not known
    for row in rows:
        directive = DIRECTIVE.match(row.text)
        if directive is None:
            out.append(row if all(t is not False for t in taken) else Row("", row.number, row.changed))
            continue
        out.append(Row("", row.number, row.changed))
        word, said = directive[1], " ".join(f"{directive[1]} {directive[2]}".split())
        if word in ("if", "ifdef", "ifndef"):
            known = YES.match(said) or said.removeprefix("ifdef ") in has
            taken.append(True if known else False if NO.match(said) else None)
        elif taken and word == "else":
            taken[-1] = None if taken[-1] is None else not taken[-1]
        elif taken and word == "elif":
            taken[-1] = False if taken[-1] is True else None
        elif taken:
            taken.pop()
        if taken and taken[-1] is None:
            unclear.add(row.number)
    return out, unclear
