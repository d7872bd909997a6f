"""The first screen of a comparison: the answer, then the groups, a row a property, in as much detail as there is room for.

What is worse keeps its detail longest; what is as broken as before is the first to be a number. Nothing is left out unseen:
`MORE` says how to see the rest.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from checker.questions.compare import FIXED, GRAPH, GROUPS, OPEN, REGRESSED, STILL, WITNESS, Change, Diff
from checker.questions.compare_text import (
    by_property,
    cells_text,
    change_row,
    graph_rows,
    headline,
    length,
    nothing_changes,
    row_lines,
    spaced,
    touched,
    what_is_wrong,
    why_open,
    wrapped,
)
from checker.questions.model_diff import Hunk
from checker.questions.patch_text import small_change
from checker.questions.unvaried import chosen_lines
from checker.words import count, fold_names, screen

MORE = "(--cells: each trace and all its cells; --all: a row for each cell)"
INDENT = " " * 16
FIRST = (WITNESS, STILL, GRAPH, WITNESS, REGRESSED, FIXED)  # what gets shorter, in this order
SHORTER = (*FIRST, REGRESSED, FIXED, REGRESSED, OPEN, REGRESSED, REGRESSED, REGRESSED)


def answer_lines(diff: Diff, patch: Sequence[Hunk] = ()) -> list[str]:
    """What comes first: the answer, by properties, and which functions are others, with the lines if they are few. patch: these
    lines in C, if it was C that was judged."""
    changed = [
        f"{'/'.join(filter(None, (h.file.rpartition('/')[2], h.name)))} ({count(h.size, 'line')})" for h in diff.hunks
    ]
    answer = f"{_short(diff.design)} against {_short(diff.base)}: {headline(diff)}"
    lines = textwrap.wrap(answer, screen()[0], subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    why = textwrap.wrap(f"not known: {'; '.join(why_open(diff))}", screen()[0], subsequent_indent="  ")
    unknown = cut(why) if why_open(diff) else []
    functions = cut(wrapped(f"changed: {', '.join(changed) or 'no line of the model'}"))
    apart = [line for names in touched(diff) for line in cut(wrapped(names), 2 if names.startswith("worse") else 1)]
    small = [f"  {line}" for line in small_change(diff.hunks, patch)]
    shown = [line if len(line) <= screen()[0] else f"{line[: screen()[0] - 4]} ..." for line in small]
    chosen = [line for said in chosen_lines(diff.unvaried) for line in cut(wrapped(said))]
    return [*lines, *by_property(diff), *apart, *unknown, *chosen, *functions, *shown]


def left_out_lines(not_judged: Sequence[str]) -> list[str]:
    """One line for what a patch changes and no verdict speaks of."""
    if not not_judged:
        return []
    more, room = f", and {len(not_judged) - 1} more" if not_judged[1:] else "", screen()[0]
    line = f"left out: {not_judged[0]}"
    return [line + more if len(line + more) <= room else f"{line[: max(room - len(more) - 4, 20)]} ...{more}"]


def _short(name: str) -> str:
    """Of a long path its last part: the answer is to stand on the first line."""
    return name.rpartition("/")[2] if len(name) > screen()[0] // 2 else name


def screen_lines(diff: Diff, room: int) -> list[str]:
    """The groups in at most so many lines, if that can be done."""
    worse = {id(change.design) for change in diff.listed if change.kind == REGRESSED}
    rows = {kind: _rows([c for c in diff.listed if c.kind == kind], worse) for kind in GROUPS}
    forms = {kind: _forms(kind, of) for kind, of in rows.items() if of}
    if graphs := graph_rows(diff):
        whole = row_lines(graphs, brief=True, every=False)
        forms[GRAPH] = [whole, cut(whole), [graphs[0].head()]]
    chosen = dict.fromkeys(forms, 0)

    def shown() -> list[str]:
        blocks = joined([of[chosen[kind]] for kind, of in forms.items() if of[chosen[kind]]])
        return [*spaced([*nothing_changes(diff), *blocks]), *["", MORE] * any(chosen.values())]

    for kind in (GRAPH, *SHORTER):
        if len(shown()) > room and kind in forms:
            chosen[kind] = min(chosen[kind] + 1, len(forms[kind]) - 1)
    for kind in dict.fromkeys(reversed(SHORTER)):  # what there is room for after all
        for longer in range(chosen.get(kind, 0)):
            shorter, chosen[kind] = chosen[kind], longer
            if len(shown()) <= room:
                break
            chosen[kind] = shorter
    return shown()


def joined(blocks: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Those of one line are one block."""
    found = list[Sequence[str]]()
    for block in blocks:
        if len(block) == 1 and found and all(not line.startswith(" ") for line in found[-1]):
            found[-1] = [*found[-1], *block]
        else:
            found.append(block)
    return found


@dataclass(frozen=True)
class ScreenRow:
    """One property: what is said of its shortest trace (head: in one line), what the property is, and in which cells that is so."""

    name: str
    number: int
    head: str
    said: Sequence[str]
    sentence: Sequence[str]
    cells: Sequence[str]
    titles: Sequence[str]


def _rows(changes: Sequence[Change], worse: Collection[int] = ()) -> list[ScreenRow]:
    """worse: of which results something is worse; what is better is told of another one, if there is one. What holds only because what it speaks of never happens any more is told apart from what is mended."""
    of = dict[tuple[str, str], list[Change]]()
    for change in changes:
        apart = change.text if change.kind in (OPEN, WITNESS) else change.after.note if change.kind == FIXED else ""
        of.setdefault((change.name, apart), []).append(change)
    return [_row(name, same, worse) for (name, _), same in of.items()]


def _row(name: str, same: Sequence[Change], worse: Collection[int]) -> ScreenRow:
    first = min(same, key=lambda change: (change.kind == FIXED and id(change.design) in worse, length(change)))
    wrong = what_is_wrong(first.after)
    sentence = textwrap.wrap(wrong, screen()[0], initial_indent=INDENT, subsequent_indent=INDENT)
    cells = [str(c.told()[0].cell) for c in same]
    line = change_row(first, True)
    said = line.short_lines()
    return ScreenRow(
        name, len(same), line.head(), said, sentence if first.kind == REGRESSED else (), named_lines(cells), cells
    )


def first_lines(cells: Sequence[str], most: int) -> list[str]:
    """Nothing of one cell. As many of the names as so many lines hold, in groups that are whole, and how many more there are."""
    whole = named_lines(cells)
    if len(whole) <= most:
        return whole
    for groups in (fold_names(cells).split("; "), list(dict.fromkeys(cells))):
        for number in range(len(groups) - 1, 0, -1):
            left = len(set(cells)) - sum(map(size_of, groups[:number]))
            said = "; ".join([*groups[:number], f"{left} more"])
            shown = wrapped(f"in {count(len(cells), 'cell')}: {said}", len(INDENT))
            if len(shown) <= most:
                return shown
    return [f"{INDENT}in {count(len(cells), 'cell')}"]


def size_of(group: str) -> int:
    """How many names a group of `fold_names` stands for: `{a, b}, x` for two."""
    return math.prod(part.count(",") + 1 for part in re.findall(r"{([^}]*)}", group))


def named_lines(cells: Sequence[str]) -> list[str]:
    return wrapped(f"in {cells_text(cells)}", len(INDENT)) if len(cells) > 1 else []


def _forms(kind: str, rows: Sequence[ScreenRow]) -> list[list[str]]:
    """The lines of a group, ever fewer."""
    whole = [line for row in rows for line in (*row.said, *cut(row.sentence), *row.cells)]
    number, names = sum(row.number for row in rows), len({row.name for row in rows})
    bare = [f"{kind:<12}  {count(number, 'verdict')} of {count(names, 'property', 'properties')}"]
    forms = {
        REGRESSED: [
            whole,
            *(_less(rows, cells, sentence) for cells, sentence in ((3, 1), (2, 1), (3, 0), (2, 0), (1, 0))),
            [row.head for row in rows],  # how many cells is in the answer
        ],
        FIXED: [whole, [*{row.name: _with_others(row) for row in rows}.values()], bare],
        WITNESS: [whole, _counted(kind, rows), []],
        STILL: [whole, bare],
    }
    return forms.get(kind) or [whole, _counted(kind, rows)]


def _with_others(row: ScreenRow) -> str:
    """Its first cell, and how many more there are, if that fits."""
    first = row.head
    more = f"{first}; {row.number - 1} more" if row.number > 1 else first
    return more if len(more) <= screen()[0] else first


def _less(rows: Sequence[ScreenRow], cells: int, sentence: int) -> list[str]:
    """With so many lines of each."""
    return [
        line for row in rows for line in (
            *(row.said if sentence else [row.head]), *cut(row.sentence, sentence)[:sentence], *first_lines(row.titles, cells),
        )
    ]  # fmt: skip


def _counted(kind: str, rows: Sequence[ScreenRow]) -> list[str]:
    """`CHANGED       in cells: eoi_exit 26, throttled 1`."""
    numbers = Counter[str]()
    for row in rows:
        numbers[row.name] += row.number
    return wrapped(f"{kind:<12}  in cells: {', '.join(f'{name} {number}' for name, number in numbers.items())}", 0, 16)


def cut(lines: Sequence[str], most: int = 2) -> list[str]:
    """No more lines than that; what is missing is seen to be."""
    if len(lines) <= most or not most:
        return list(lines)
    last = lines[most - 1][: screen()[0] - 4]
    return [*lines[: most - 1], f"{last if len(lines[most - 1]) <= len(last) else last.rpartition(' ')[0]} ..."]
