"""A trace as a swim-lane diagram: lanes side by side, time down, calls as arrows, changed values at the right.

Every position is computed here and pinned, so that lanes are straight and nothing overlaps; Graphviz only draws
(`dot -Tsvg` works on the text as well: it names its layout). DOT needs no library; SVG, PNG and PDF need pygraphviz,
whose wheel carries Graphviz.
"""

from __future__ import annotations

import contextlib
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from checker.stories.diagram_plan import (
    BETWEEN,
    CHARACTER,
    LEFT,
    LINE,
    NUMBERS,
    PAD,
    PAGE,
    SLIDE,
    Look,
    Plan,
    PlannedRow,
    named,
    title_of,
)
from checker.stories.trace import Arrow, Event, StoryError, Trace

FORMATS = ("dot", "svg", "png", "pdf")

POINTS = 72.0  # Graphviz wants sizes in inches; everything here is in points, y growing downwards
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
    look: Look = PAGE
    shift: float = 0.0  # added to every x: where the panel begins

    def box(self, x: float, y: float, width: float, height: float, label: str = "", **style: str) -> str:
        """A box with its middle at (x, y); the name it got."""
        name = f"n{self.count}"
        self.count += 1
        place = {
            "pos": f"{x + self.shift:.1f},{-y:.1f}!",
            "width": f"{width / POINTS:.4f}",
            "height": f"{height / POINTS:.4f}",
        }
        self.lines.append(f"  {name} [{_attributes({**place, 'label': label, **style})}];")
        return name

    def filled(self, left: float, top: float, right: float, bottom: float, color: str) -> None:
        middle = (left + right) / 2, (top + bottom) / 2
        self.box(*middle, right - left, bottom - top, style="filled", fillcolor=color, penwidth="0")

    def text(self, left: float, top: float, lines: Sequence[str], kind: str, color: str = INK) -> float:
        """Left-aligned lines; the y below them."""
        width = max((self.look.width(line, kind) for line in lines), default=0.0) + 6
        height = len(lines) * self.look.font(kind) * LINE
        label = "".join(f"{line}\n" for line in lines)
        style = {"penwidth": "0", "fontsize": f"{self.look.font(kind):g}", "fontcolor": color}
        self.box(left + width / 2, top + height / 2, width, height, label, **style)
        return top + height

    def line(self, start: tuple[float, float], end: tuple[float, float], color: str, width: str, head: bool) -> None:
        tail_name, head_name = (self.box(*at, 0.01, 0.01, shape="point", style="invis") for at in (start, end))
        style = {"color": color, "penwidth": width, "arrowhead": "normal" if head else "none", "arrowsize": "0.75"}
        self.lines.append(f"  {tail_name} -> {head_name} [{_attributes(style)}];")


def to_dot(trace: Trace, wide: bool = False) -> str:
    """The diagram as DOT text. wide: steps in panels side by side, in the shape of a slide."""
    plan = Plan(trace, wide)
    canvas = _Canvas(look=plan.look)
    heads = _header(canvas, plan) + 26
    if wide:
        plan.spread(heads)
    bottom = heads
    for number, panel in enumerate(plan.panels):
        canvas.shift = number * (plan.right + BETWEEN)
        bottom = max(bottom, _draw_panel(canvas, plan, panel, heads))
    canvas.shift = 0.0
    if wide:
        _fill_slide(canvas, plan.full_width, _fairness(canvas, plan, bottom))
    else:
        _fairness(canvas, plan, bottom)
    attributes = "\n".join(f"  {name}={quoted(value)};" for name, value in GRAPH.items())
    defaults = f'  node [shape=box, fixedsize=true, margin=0, fontname="{FONT}"];'
    return "\n".join(["digraph story {", attributes, defaults, *canvas.lines, "}"]) + "\n"


def _draw_panel(canvas: _Canvas, plan: Plan, panel: range, heads: float) -> float:
    """Lanes and steps below their heads; the y below them."""
    trace, tops = plan.trace, [heads + 24]
    for index in panel:
        tops.append(tops[-1] + plan.heights[index])
    for index, (top, bottom) in zip(panel, pairwise(tops), strict=True):
        canvas.filled(NUMBERS - 14, top, plan.right, bottom, _stripe(trace, index))
    for lane, x in plan.x.items():
        canvas.filled(x - 0.6, heads, x + 0.6, tops[-1] + 10, LIFELINE)
        ink, fill = _colors(plan, lane)
        canvas.box(
            x, heads, plan.look.width(lane, "lane") + 22, plan.look.lane * 2, lane, **_boxed(ink, fill, plan.look.lane)
        )
    for index, top in zip(panel, tops, strict=False):
        _draw_event(canvas, plan, index, trace.events[index], top)
    return _ending(canvas, plan, panel, tops)


def _fill_slide(canvas: _Canvas, width: float, height: float) -> None:
    """An empty box that makes the whole a slide."""
    whole = max(width + 2 * PAD, (height + 2 * PAD) * SLIDE)
    right, bottom = whole - 2 * PAD, whole / SLIDE - 2 * PAD
    canvas.box(right / 2, bottom / 2, right, bottom, style="invis")


def _colors(plan: Plan, lane: str) -> tuple[str, str]:
    index = plan.lanes.index(lane)
    return LANE_INKS[index % len(LANE_INKS)], LANE_FILLS[index % len(LANE_FILLS)]


def _stripe(trace: Trace, index: int) -> str:
    return HERE_STRIPE if index == trace.decisive else STRIPE if index % 2 == 0 else "#ffffff"


def _boxed(ink: str, fill: str, size: float) -> dict[str, str]:
    return {"style": "rounded,filled", "color": ink, "fillcolor": fill, "fontcolor": ink, "fontsize": f"{size:g}"}


def _header(canvas: _Canvas, plan: Plan) -> float:
    """Title, sentence, and the system; the y below them."""
    trace = plan.trace
    cell = "  ".join(f"{name}={value}" for name, value in trace.cell.items())
    scope = "  ".join(f"{name}={value}" for name, value in trace.scope.items())
    system = [f"{cell}  {scope}"] if plan.wide else [cell, scope]
    said = [(text, "sentence", INK) for text in (trace.sentence, trace.label) if text]
    texts = [*said, *((text, "small", PALE) for text in (*trace.provenance, *system))]
    titles = _lines(plan, title_of(trace), "title") if plan.wide else [title_of(trace)]
    y = canvas.text(LEFT, 0, titles, "title") + 2
    for text, kind, color in texts:
        y = canvas.text(LEFT, y, _lines(plan, text, kind), kind, color) + (5 if kind == "sentence" else 0)
    return y + 8


def _lines(plan: Plan, text: str, kind: str) -> list[str]:
    """Text in lines that fit the whole width."""
    return textwrap.wrap(text, max(20, int((plan.full_width - LEFT) / (plan.look.font(kind) * CHARACTER))))


def _draw_event(canvas: _Canvas, plan: Plan, index: int, event: Event, top: float) -> None:
    """Number, step box, arrows and notes of one step."""
    here = index == plan.trace.decisive
    ink, fill = _colors(plan, event.lane)
    look = plan.look
    top += plan.apart / 2
    y = top + look.gap / 2 + look.step_row / 2
    number = {"penwidth": "0", "fontsize": f"{plan.look.lane:g}", "fontcolor": LOOP if here else PALE}
    canvas.box(NUMBERS + 6, y, 30, 18, str(index + 1), **number)
    style = {**_boxed(ink, fill, plan.look.step), **({"color": LOOP, "penwidth": "2.2"} if here else {})}
    lines = plan.step_lines(event)
    more = plan.look.step * LINE * (len(lines) - 1)
    canvas.box(
        plan.x[event.lane], y + more / 2, plan.step_width(event), plan.look.step + 10 + more, "\v".join(lines), **style
    )
    y = top + plan.look.gap / 2
    for row in plan.rows[index]:
        if row.call is not None:
            _arrow(canvas, plan, row.call, y + plan.look.step_row / 2 + 4, _stripe(plan.trace, index))
        _notes(canvas, plan, row, y)
        y += row.height


def _arrow(canvas: _Canvas, plan: Plan, call: Arrow, y: float, background: str) -> None:
    """An arrow from lifeline to lifeline with the function's name above it, in front of the lifelines."""
    start, end = plan.x[call.caller], plan.x[call.callee]
    ink, _ = _colors(plan, call.callee)
    canvas.line((start, y), (end, y), ink, "1.3", head=True)
    style = {"style": "filled", "fillcolor": background, "penwidth": "0"}
    text = {"fontsize": f"{plan.look.call:g}", "fontcolor": ink}
    canvas.box(
        (start + end) / 2,
        y - plan.look.call * 0.85,
        plan.look.width(named(call), "call"),
        plan.look.call * 1.3,
        named(call),
        **style,
        **text,
    )


def _notes(canvas: _Canvas, plan: Plan, row: PlannedRow, top: float) -> None:
    """The changed values of a row at the right, in the colour of their lane."""
    y = top + (plan.look.step_row - plan.look.note_row) / 2
    for change, lines in row.notes:
        ink, _ = _colors(plan, change.lane)
        if not plan.wide:
            canvas.text(plan.tags, y, [change.lane], "note", ink)
        canvas.text(plan.notes, y, lines, "note", ink if plan.wide else INK)
        y += plan.look.note_row * len(lines)


def _ending(canvas: _Canvas, plan: Plan, panel: range, tops: Sequence[float]) -> float:
    """The part of the loop's edge in this panel; after the last step, where the run goes. The y below."""
    trace, bottom = plan.trace, tops[-1] + 14
    last = panel.stop == len(trace.events)
    if trace.loop_start is None:
        if not (trace.stutter and last):
            return bottom
        return canvas.text(NUMBERS, bottom, ["no step has to come: the run stays here for ever"], "sentence", LOOP)
    if trace.loop_start >= panel.stop:
        return bottom
    y = bottom
    if last:
        y = canvas.text(NUMBERS, bottom - 2, [f"back to step {trace.loop_start + 1}, for ever"], "sentence", LOOP)
        bottom += plan.look.sentence * LINE / 2
        canvas.line((NUMBERS - 4, bottom), (LEFT, bottom), LOOP, "2.2", head=False)
    here = trace.loop_start in panel
    back = (
        tops[trace.loop_start - panel.start] + (plan.apart + plan.look.gap) / 2 + plan.look.step_row / 2
        if here
        else tops[0]
    )
    canvas.line((LEFT, bottom), (LEFT, back), LOOP, "2.2", head=False)
    if here:
        canvas.line((LEFT, back), (NUMBERS - 6, back), LOOP, "2.2", head=True)
    return y


def _fairness(canvas: _Canvas, plan: Plan, y: float) -> float:
    """What was assumed of the run; the y below."""
    for note in plan.trace.fairness:
        y = canvas.text(LEFT, y + 4, _lines(plan, f"Fairness: {note}", "small"), "small", PALE)
    return y


def render(trace: Trace, form: str, wide: bool = False) -> bytes:
    """The diagram in one of FORMATS, as high as it is, or wide: in the shape of a slide. Raises StoryError for another format or without pygraphviz."""
    if form not in FORMATS:
        raise StoryError(f"no diagram format {form!r}; there are {', '.join(FORMATS)}")
    dot = to_dot(trace, wide)
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
