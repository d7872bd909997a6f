"""A trace as a swim-lane diagram: lanes side by side, time down, calls as arrows, changed values at the right.

Every position is computed here and pinned, so that lanes are straight and nothing overlaps; Graphviz only draws
(`dot -Tsvg` works on the text as well: it names its layout). DOT needs no library; SVG, PNG and PDF need pygraphviz,
whose wheel carries Graphviz.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from checker.trace import Call, Change, Event, StoryError, Trace

FORMATS = ("dot", "svg", "png", "pdf")

POINTS = 72.0  # Graphviz wants sizes in inches; everything here is in points, y growing downwards
CHARACTER = 0.65  # width of most characters in units of the font size, as in DejaVu Sans, the widest of FONT
OTHER_WIDTHS = dict.fromkeys("mwMW@%=+<>\u2192", 1.0) | dict.fromkeys(" ijlft.,:;'|()[]-_rI", 0.5)
LINE = 1.3  # height of a line of text in units of the font size
SIZES = {"title": 19.0, "sentence": 13.0, "lane": 13.0, "step": 11.0, "call": 10.0, "note": 10.0, "small": 9.5}
STEP_ROW, CALL_ROW, NOTE_ROW, GAP = 30.0, 30.0, 14.0, 12.0
LEFT, NUMBERS = 14.0, 46.0  # the loop's edge and the steps' numbers, from the left
STEP_COLUMNS, NOTE_COLUMNS = 34, 46  # characters to a line in step boxes and notes

GRAPH = {
    "layout": "neato",
    "inputscale": "72",
    "outputorder": "nodesfirst",
    "splines": "line",
    "bgcolor": "white",
    "pad": "0.25",
    "dpi": "144",
}
FONT = "Helvetica,Arial,DejaVu Sans,sans-serif"
INK, PALE, LIFELINE, STRIPE, HERE_STRIPE, LOOP = "#1f2933", "#64748b", "#c3ccd6", "#f5f7fa", "#fff3cf", "#c2410c"
LANE_INKS = ("#1d4e89", "#8a4b08", "#2f6b3a", "#7a2e6d", "#5b4a9e", "#8c2f2f", "#2b6777", "#5f5f2c")
LANE_FILLS = ("#dbe8f6", "#fae8cf", "#dcefdf", "#f3dff0", "#e5e1f7", "#f8dede", "#d8ecf1", "#ededd5")


def width_of(text: str, kind: str) -> float:
    """An upper estimate of how wide a line of text is drawn."""
    return sum(OTHER_WIDTHS.get(c, 0.8 if c.isupper() or not c.isascii() else CHARACTER) for c in text) * SIZES[kind]


def quoted(text: str) -> str:
    """A DOT string that shows this text. Newlines end left-aligned lines, vertical tabs centred ones."""
    plain = "".join(c if c.isprintable() or c in "\n\v" else " " for c in text)
    plain = plain.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return '"' + plain.replace("\n", "\\l").replace("\v", "\\n") + '"'


def _attributes(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={quoted(value)}" for name, value in values.items())


@dataclass
class _Canvas:
    """DOT statements in drawing order: nodes as they come, then the arrows."""

    lines: list[str] = field(default_factory=list[str])
    count: int = 0

    def box(self, x: float, y: float, width: float, height: float, label: str = "", **style: str) -> str:
        """A box with its middle at (x, y); the name it got."""
        name = f"n{self.count}"
        self.count += 1
        place = {"pos": f"{x:.1f},{-y:.1f}!", "width": f"{width / POINTS:.4f}", "height": f"{height / POINTS:.4f}"}
        self.lines.append(f"  {name} [{_attributes({**place, 'label': label, **style})}];")
        return name

    def filled(self, left: float, top: float, right: float, bottom: float, color: str) -> None:
        middle = (left + right) / 2, (top + bottom) / 2
        self.box(*middle, right - left, bottom - top, style="filled", fillcolor=color, penwidth="0")

    def text(self, left: float, top: float, lines: Sequence[str], kind: str, color: str = INK) -> float:
        """Left-aligned lines; the y below them."""
        width = max((width_of(line, kind) for line in lines), default=0.0) + 6
        height = len(lines) * SIZES[kind] * LINE
        label = "".join(f"{line}\n" for line in lines)
        style = {"penwidth": "0", "fontsize": f"{SIZES[kind]:g}", "fontcolor": color}
        self.box(left + width / 2, top + height / 2, width, height, label, **style)
        return top + height

    def line(self, start: tuple[float, float], end: tuple[float, float], color: str, width: str, head: bool) -> None:
        tail_name, head_name = (self.box(*at, 0.01, 0.01, shape="point", style="invis") for at in (start, end))
        style = {"color": color, "penwidth": width, "arrowhead": "normal" if head else "none", "arrowsize": "0.75"}
        self.lines.append(f"  {tail_name} -> {head_name} [{_attributes(style)}];")


@dataclass(frozen=True)
class _Row:
    """The step itself (`call` is None) or one of its calls, with the values that changed then, as lines of text."""

    height: float
    call: Call | None
    notes: tuple[tuple[Change, tuple[str, ...]], ...]


class _Plan:
    """Where everything stands."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.lanes = list(trace.lanes)
        halves = {lane: width_of(lane, "lane") / 2 + 14 for lane in self.lanes}
        for event in trace.events:
            halves[event.lane] = max(halves[event.lane], self.step_width(event) / 2)
        gaps = [halves[a] + halves[b] + 14 for a, b in pairwise(self.lanes)]
        for call in (call for event in trace.events for call in event.calls):
            _widen(
                gaps, self.lanes.index(call.caller), self.lanes.index(call.callee), width_of(_named(call), "call") + 26
            )
        first = NUMBERS + 28 + (halves[self.lanes[0]] if self.lanes else 0)
        self.x = {lane: first + sum(gaps[:i]) for i, lane in enumerate(self.lanes)}
        self.tags = (self.x[self.lanes[-1]] + halves[self.lanes[-1]] if self.lanes else first) + 22
        self.notes = self.tags + max((width_of(lane, "note") for lane in self.lanes), default=0) + 10
        self.rows = [_rows_of(event) for event in trace.events]
        texts = [line for rows in self.rows for row in rows for _, lines in row.notes for line in lines]
        widest = max([width_of(text, "note") for text in texts] + [120.0])
        self.right = max(self.notes + widest + 10, 560.0, width_of(_title(trace), "title") + LEFT)

    @staticmethod
    def step_width(event: Event) -> float:
        return max(width_of(line, "step") for line in _step_lines(event)) + 18


def _step_lines(event: Event) -> list[str]:
    return textwrap.wrap(event.call, STEP_COLUMNS, break_long_words=False, break_on_hyphens=False)


def _named(call: Call) -> str:
    return f"{call.function}()"


def _widen(gaps: list[float], caller: int, callee: int, room: float) -> None:
    """Spread the gaps between two lanes until their arrow's text fits."""
    low, high = sorted((caller, callee))
    missing = room - sum(gaps[low:high])
    for i in range(low, high):
        gaps[i] += max(0.0, missing) / (high - low)


def _title(trace: Trace) -> str:
    return f"{trace.property_name}: {trace.headline}"


def _rows_of(event: Event) -> list[_Row]:
    """The step, then its calls."""
    rows: list[_Row] = []
    for number in range(len(event.calls) + 1):
        changes = [change for change in event.changes if change.after_call == number]
        notes = tuple((c, tuple(textwrap.wrap(c.text.replace("->", "\u2192"), NOTE_COLUMNS))) for c in changes)
        lines = sum(len(text) for _, text in notes)
        least = CALL_ROW if number else STEP_ROW + SIZES["step"] * LINE * (len(_step_lines(event)) - 1)
        rows.append(_Row(max(least, 16 + NOTE_ROW * lines), event.calls[number - 1] if number else None, notes))
    return rows


def to_dot(trace: Trace) -> str:
    """The diagram as DOT text."""
    plan, canvas = _Plan(trace), _Canvas()
    heads = _header(canvas, plan) + 26
    tops = [heads + 24]
    for rows in plan.rows:
        tops.append(tops[-1] + GAP + sum(row.height for row in rows))
    for index, (top, bottom) in enumerate(pairwise(tops)):
        canvas.filled(NUMBERS - 14, top, plan.right, bottom, _stripe(trace, index))
    for lane, x in plan.x.items():
        canvas.filled(x - 0.6, heads, x + 0.6, tops[-1] + 10, LIFELINE)
        ink, fill = _colors(plan, lane)
        canvas.box(x, heads, width_of(lane, "lane") + 22, 26, lane, **_boxed(ink, fill, "lane"))
    for index, event in enumerate(trace.events):
        _draw_event(canvas, plan, index, event, tops[index])
    _ending(canvas, plan, tops)
    attributes = "\n".join(f"  {name}={quoted(value)};" for name, value in GRAPH.items())
    defaults = f'  node [shape=box, fixedsize=true, margin=0, fontname="{FONT}"];'
    return "\n".join(["digraph story {", attributes, defaults, *canvas.lines, "}"]) + "\n"


def _colors(plan: _Plan, lane: str) -> tuple[str, str]:
    index = plan.lanes.index(lane)
    return LANE_INKS[index % len(LANE_INKS)], LANE_FILLS[index % len(LANE_FILLS)]


def _stripe(trace: Trace, index: int) -> str:
    return HERE_STRIPE if index == trace.decisive else STRIPE if index % 2 == 0 else "#ffffff"


def _boxed(ink: str, fill: str, kind: str) -> dict[str, str]:
    size = f"{SIZES[kind]:g}"
    return {"style": "rounded,filled", "color": ink, "fillcolor": fill, "fontcolor": ink, "fontsize": size}


def _header(canvas: _Canvas, plan: _Plan) -> float:
    """Title, sentence, and the system; the y below them."""
    trace = plan.trace
    y = canvas.text(LEFT, 0, [_title(trace)], "title") + 2
    cell = "  ".join(f"{name}={value}" for name, value in trace.cell.items())
    scope = "  ".join(f"{name}={value}" for name, value in trace.scope.items())
    said = [(text, "sentence", INK) for text in (trace.sentence, trace.label) if text]
    texts = [*said, *((text, "small", PALE) for text in (*trace.provenance, cell, scope))]
    for text, kind, color in texts:
        columns = max(20, int((plan.right - LEFT) / (SIZES[kind] * CHARACTER)))
        y = canvas.text(LEFT, y, textwrap.wrap(text, columns), kind, color) + (5 if kind == "sentence" else 0)
    return y + 8


def _draw_event(canvas: _Canvas, plan: _Plan, index: int, event: Event, top: float) -> None:
    """Number, step box, arrows and notes of one step."""
    here = index == plan.trace.decisive
    ink, fill = _colors(plan, event.lane)
    y = top + GAP / 2 + STEP_ROW / 2
    number = {"penwidth": "0", "fontsize": "13", "fontcolor": LOOP if here else PALE}
    canvas.box(NUMBERS + 6, y, 30, 18, str(index + 1), **number)
    style = {**_boxed(ink, fill, "step"), **({"color": LOOP, "penwidth": "2.2"} if here else {})}
    lines = _step_lines(event)
    more = SIZES["step"] * LINE * (len(lines) - 1)
    canvas.box(plan.x[event.lane], y + more / 2, plan.step_width(event), 21 + more, "\v".join(lines), **style)
    y = top + GAP / 2
    for row in plan.rows[index]:
        if row.call is not None:
            _arrow(canvas, plan, row.call, y + 19, _stripe(plan.trace, index))
        _notes(canvas, plan, row, y)
        y += row.height


def _arrow(canvas: _Canvas, plan: _Plan, call: Call, y: float, background: str) -> None:
    """An arrow from lifeline to lifeline with the function's name above it, in front of the lifelines."""
    start, end = plan.x[call.caller], plan.x[call.callee]
    ink, _ = _colors(plan, call.callee)
    canvas.line((start, y), (end, y), ink, "1.3", head=True)
    style = {"style": "filled", "fillcolor": background, "penwidth": "0"}
    text = {"fontsize": f"{SIZES['call']:g}", "fontcolor": ink}
    canvas.box((start + end) / 2, y - 8.5, width_of(_named(call), "call"), 13, _named(call), **style, **text)


def _notes(canvas: _Canvas, plan: _Plan, row: _Row, top: float) -> None:
    """The changed values of a row at the right, in the colour of their lane."""
    y = top + (STEP_ROW - NOTE_ROW) / 2
    for change, lines in row.notes:
        ink, _ = _colors(plan, change.lane)
        canvas.text(plan.tags, y, [change.lane], "note", ink)
        canvas.text(plan.notes, y, lines, "note")
        y += NOTE_ROW * len(lines)


def _ending(canvas: _Canvas, plan: _Plan, tops: Sequence[float]) -> None:
    """Where the run goes after the last step, and what was assumed."""
    trace, bottom = plan.trace, tops[-1] + 14
    y = bottom
    if trace.loop_start is not None:
        back = tops[trace.loop_start] + GAP / 2 + STEP_ROW / 2
        text = f"back to step {trace.loop_start + 1}, for ever"
        y = canvas.text(NUMBERS, bottom - 2, [text], "sentence", LOOP)
        middle = bottom + SIZES["sentence"] * LINE / 2
        canvas.line((NUMBERS - 4, middle), (LEFT, middle), LOOP, "2.2", head=False)
        canvas.line((LEFT, middle), (LEFT, back), LOOP, "2.2", head=False)
        canvas.line((LEFT, back), (NUMBERS - 6, back), LOOP, "2.2", head=True)
    elif trace.stutter:
        y = canvas.text(NUMBERS, bottom, ["no step has to come: the run stays here for ever"], "sentence", LOOP)
    columns = max(20, int((plan.right - LEFT) / (SIZES["small"] * CHARACTER)))
    for note in trace.fairness:
        y = canvas.text(LEFT, y + 4, textwrap.wrap(f"Fairness: {note}", columns), "small", PALE)


def render(trace: Trace, form: str) -> bytes:
    """The diagram in one of FORMATS. Raises StoryError for another format or without pygraphviz."""
    if form not in FORMATS:
        raise StoryError(f"no diagram format {form!r}; there are {', '.join(FORMATS)}")
    dot = to_dot(trace)
    if form == "dot":
        return dot.encode()
    try:
        import pygraphviz
    except ImportError as error:
        raise StoryError(f"{form} needs pygraphviz (pip install pygraphviz): {error}; dot works without it") from None
    with pygraphviz.AGraph(string=dot) as graph, _quiet_libraries():
        return bytes(graph.draw(format=form, prog="neato", args="-n2") or b"")


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Graphviz's bundled fontconfig complains of the system's newer configuration on file descriptor 2."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def write(trace: Trace, path: Path) -> None:
    """Write the diagram in the format that the file's suffix names; the file appears whole or not at all."""
    content = render(trace, path.suffix.lstrip("."))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
