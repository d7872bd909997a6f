"""The matrix as HTML tables: a row per cell, a column per property; in further ones the properties that say the same of both
everywhere, by the cells that are asked them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from checker.page.entries import WORST_FIRST, PageEntry, by_cell, worst
from checker.questions.answer import Standing
from checker.words import count

# class, sign and word of what is not quiet
SIGNS = {
    Standing.REGRESSED: ("worse", "\u25bc", "worse"),
    Standing.FIXED: ("better", "\u25b2", "better"),
    Standing.STILL_BROKEN: ("still", "\u2715", "still"),
    Standing.CHANGED: ("other", "\u25c6", "other"),
    Standing.OPEN: ("open", "?", "open"),
    Standing.VIOLATED: ("worse", "\u2715", "violated"),
    Standing.UNEXPECTED: ("worse", "\u2260", "unexpected"),
}
KNOWN = "still", "\u2715", "known"
LEGEND = (
    ("worse", "\u25bc worse", "violated now, and not before"),
    ("worse", "\u2715 violated", "violated, and nothing is recorded of it"),
    ("worse", "\u2260 unexpected", "not what is recorded of this design"),
    ("better", "\u25b2 better", "violated before, and not now"),
    ("still", "\u2715 still", "violated as before"),
    ("still", "\u2715 known", "violated, as it is recorded of this design"),
    ("other", "\u25c6 other", "a run that shows it came or went: neither good nor bad"),
    ("open", "? open", "not found out"),
    ("same", "ok", "holds"),
    ("same", "(ok)", "vacuous: holds because what it speaks of never happens here"),
    ("same", "yes", "such a run is there"),
    ("same", "no", "there is no such run"),
    ("same", "-", "not asked here"),
)
GROUPS = {
    Standing.REGRESSED: "Worse",
    Standing.VIOLATED: "Violated",
    Standing.UNEXPECTED: "Not as expected",
    Standing.OPEN: "Not found out",
    Standing.FIXED: "Better",
    Standing.STILL_BROKEN: "Violated as before",
    Standing.CHANGED: "No verdict is worse or better, other runs",
}
SAME = "The same"


def matrix(entries: Sequence[PageEntry], stories: Mapping[int, int]) -> Iterator[str]:
    """stories: the number of the run to tell, by the id of an entry."""
    loud = [name for name, of in _by_property(entries).items() if any(not e.quiet for e in of)]
    rows = by_cell(entries)
    if loud:
        yield from _table(
            "matrix", "Cells and the properties that say something else, or are violated", loud, rows, stories
        )
    quiet = _by_cells_asked([e for e in entries if e.said.property not in loud])
    if quiet:
        names = sum(len(of) for of in quiet.values())
        yield f"<details class=quiet><summary>{count(names, 'property', 'properties')} that say the same everywhere</summary>"
        for number, (cells, columns) in enumerate(quiet.items()):
            yield from _table(f"quiet{number}", f"Properties asked in {count(len(cells), 'cell')}", columns,
                              {cell: rows[cell] for cell in cells}, stories)  # fmt: skip
        yield "</details>"


def _by_property(entries: Sequence[PageEntry]) -> dict[str, list[PageEntry]]:
    """Those that are asked of every cell first, in the order in which they are asked."""
    found = dict[str, list[PageEntry]]()
    for entry in entries:
        found.setdefault(entry.said.property, []).append(entry)
    return found


def _by_cells_asked(entries: Sequence[PageEntry]) -> dict[tuple[str, ...], list[str]]:
    """Cells -> the properties that these cells, and no others, are asked."""
    found = dict[tuple[str, ...], list[str]]()
    for name, of in _by_property(entries).items():
        found.setdefault(tuple(entry.said.cell for entry in of), []).append(name)
    return found


def _table(
    name: str, caption: str, columns: Sequence[str], rows: Mapping[str, Sequence[PageEntry]], stories: Mapping[int, int]
) -> Iterator[str]:
    yield f'<div class=scroll tabindex=0 role=region aria-label="{escape(caption)}"><table class=cells id={name}>'
    yield f"<caption>{escape(caption)}</caption><thead><tr><th scope=col>cell</th>"
    yield "".join(f"<th scope=col><span>{escape(column)}</span></th>" for column in columns) + "</tr></thead>"
    groups = dict[str, list[str]]()
    for cell, entries in sorted(rows.items(), key=lambda row: WORST_FIRST.index(worst(row[1]))):
        groups.setdefault(GROUPS.get(worst(entries), SAME), []).append(cell)
    for title, cells in groups.items():
        said = f"{title}: {count(len(cells), 'cell')}"
        yield f"<tbody><tr class=group><th scope=rowgroup colspan={len(columns) + 1}><span>{escape(said)}</span></th></tr>"
        yield from (_row(cell, columns, rows[cell], stories) for cell in cells)
        yield "</tbody>"
    yield "</table></div>"


def _row(cell: str, columns: Sequence[str], entries: Sequence[PageEntry], stories: Mapping[int, int]) -> str:
    of = {entry.said.property: entry for entry in entries}
    places = "".join(_place(of[name], id(of[name]) in stories) if name in of else "<td></td>" for name in columns)
    return f"<tr><th scope=row>{escape(cell)}</th>{places}</tr>"


def sign_of(entry: PageEntry) -> tuple[str, str, str]:
    """Class, sign and word; nothing of what is quiet."""
    return SIGNS.get(entry.said.standing, ("", "", "") if entry.quiet else KNOWN)


def _place(entry: PageEntry, told: bool) -> str:
    kind, sign, word = sign_of(entry)
    marks = escape(entry.marks).replace(" &gt; ", " \u2192 ")
    text = f"<b>{sign} {word}</b><i>{marks}</i>" if kind else marks
    shown = f"<button type=button>{text}</button>" if told else text
    return f"<td class={kind}>{shown}</td>" if kind else f"<td>{shown}</td>"


def legend(entries: Sequence[PageEntry]) -> str:
    """What those signs mean that there are."""
    there = {f"{sign} {word}" for _, sign, word in map(sign_of, entries)} | {
        mark for e in entries for mark in e.marks.split(" > ")
    }
    shown = [(kind, sign, text) for kind, sign, text in LEGEND if sign in there]
    parts = (
        f"<div><dt><span class={kind}>{escape(sign)}</span></dt><dd>{escape(text)}</dd></div>"
        for kind, sign, text in shown
    )
    return f"<dl class=legend>{''.join(parts)}</dl>"
