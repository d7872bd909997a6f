"""Numbers and names of many things, as one would say them."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable

Block = tuple[tuple[str, ...], ...]  # the alternatives at each place


def count(number: int, noun: str, nouns: str = "") -> str:
    """`1 cell`, `2,000 cells`; nouns: the plural where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def fold_names(names: Iterable[str]) -> str:
    """`a, x, p`, `a, y, p`, `b, z, p` -> `a, {x, y}, p; b, z, p`: parts in braces are alternatives, each with each.

    Names are parts that ", " separates. Nothing is lost: to multiply the braces out gives the names back.
    """
    blocks: list[Block] = [tuple((part,) for part in name.split(", ")) for name in dict.fromkeys(names)]
    for place in reversed(range(max(map(len, blocks), default=0))):
        blocks = _joined(blocks, place)
    return "; ".join(", ".join(p[0] if len(p) == 1 else f"{{{', '.join(p)}}}" for p in block) for block in blocks)


def _joined(blocks: list[Block], place: int) -> list[Block]:
    """Blocks that are equal but for the alternatives at one place become one."""
    found = dict[tuple[Block, Block], tuple[str, ...]]()
    short = [block for block in blocks if len(block) <= place]
    for block in blocks:
        if len(block) > place:
            rest = (block[:place], block[place + 1 :])
            found[rest] = (*found.get(rest, ()), *block[place])
    return short + [(*before, alternatives, *after) for (before, after), alternatives in found.items()]


def screen() -> tuple[int, int]:
    """(columns, lines) of the terminal, or as COLUMNS and LINES say, if they are not less than a story needs; of what is no terminal, 80 x 24."""
    found = shutil.get_terminal_size((80, 24))
    return max(found.columns, 72), max(found.lines, 24)


def lines_below(line: str, width: int, further: int) -> list[str]:
    """A line that keeps its indent; what is beyond the width stands below it, so much further in."""
    indent = " " * (len(line) - len(line.lstrip()) + further)
    return textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]
