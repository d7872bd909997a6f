"""Where the old side of a hunk stands in the model's own function, and the new side in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lift.nodes import Node, from_row, in_a_row
from lift.refusal import NotLifted

_WEAK = frozenset({"end", "else", "do return"})  # alone they say nothing of a place


@dataclass(frozen=True)
class Transplanted:
    nodes: list[Node]
    context: int  # statements around the change that were found
    of: int


def transplant(
    old: Sequence[Node], new: Sequence[Node], function: Sequence[Node], line: int, what: str
) -> Transplanted:
    """Raises NotLifted unless the place is one, and only one."""
    a, b, whole = in_a_row(old), in_a_row(new), in_a_row(function)
    while a and b and a[-1] == b[-1] == "end":  # of blocks that began before the hunk
        a.pop()
        b.pop()
    most = _context(a, b)
    for lost in range(sum(most) + 1):
        found = {row for one in _variants(a, b) for row in _placed(*one, whole, lost)}
        if len(found) > 1:
            raise NotLifted(line, f"{what}: the lines around the change stand at {len(found)} places of the model's function",
                            "make the patch with more context (git format-patch -U8)")  # fmt: skip
        if found:
            try:
                nodes = from_row(found.pop())
            except ValueError as error:
                raise NotLifted(line, f"{what}: {error}", "make the patch with more context") from None
            return Transplanted(nodes, sum(most) - lost, sum(most))
    if len({row for one in _variants(b, a) for row in _placed(*one, whole, 0)}) == 1:
        raise NotLifted(
            line, f"{what}: the model has this change already", "-R takes it away; where -R was given, leave it out"
        )
    raise NotLifted(line, f"{what}: the lines around the change are not the model's",
                    "the patch is for another base (--tree DIR gives its kernel), or the model says the same in other statements; then write this function by hand:\n"
                    f"      the hunk says:  {' | '.join(a)}\n      the model says: {' | '.join(whole)}")  # fmt: skip


def _variants(a: list[str], b: list[str]) -> list[tuple[list[str], list[str]]]:
    """The first statement may be all that an `if` without braces does, which begins before the hunk."""
    found = [(a, b)]
    if a and b and a[0] == b[0] and a[0].startswith("do ") and a[1:2] != ["end"]:
        found.append(([a[0], "end", *a[1:]], [b[0], "end", *b[1:]]))
    return found


def _context(a: Sequence[str], b: Sequence[str]) -> tuple[int, int]:
    before = _alike(a, b)
    return before, _alike(a[before:][::-1], b[before:][::-1])


def _placed(a: list[str], b: list[str], whole: list[str], lost: int) -> set[tuple[str, ...]]:
    """The function with the new side in it, for each place of the old side without so many statements of context."""
    (before, behind), found = _context(a, b), set[tuple[str, ...]]()
    for cut in range(lost + 1):
        if cut <= before and lost - cut <= behind and _holds(a, before, behind, cut, lost - cut):
            wanted = a[cut : len(a) - (lost - cut)]
            for at in range(len(whole) - len(wanted) + 1):
                if whole[at : at + len(wanted)] == wanted:
                    begin, end = at + before - cut, at - cut + len(a) - behind
                    found.add((*whole[:begin], *b[before : len(b) - behind], *whole[end:]))
    return found


def _alike(a: Sequence[str], b: Sequence[str]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _holds(a: Sequence[str], before: int, behind: int, cut: int, cut_behind: int) -> bool:
    """Is what is left of the context enough? Of each side that has one, a neighbour that says where it is; and something."""
    ahead, after = a[:before], a[len(a) - behind :] if behind else []
    for side, kept in ((ahead, ahead[cut:]), (after, after[: len(after) - cut_behind])):
        if not _weak(side) and _weak(kept):
            return False
    return not _weak(a[cut : len(a) - cut_behind])


def _weak(items: Sequence[str]) -> bool:
    return all(item in _WEAK for item in items)
