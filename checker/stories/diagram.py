"""A trace as a swim-lane diagram: lanes side by side, time down, calls as arrows, what matters as bars along the lanes.

Every position is computed (diagram_plan) and pinned, so that lanes are straight and nothing overlaps; Graphviz only draws
(`dot -Tsvg` works on the text as well: it names its layout). DOT needs no library; SVG, PNG and PDF need pygraphviz,
whose wheel carries Graphviz.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from checker.stories.bars import Bar, Moment
from checker.stories.diagram_plan import LINE, SPARE, Block, Plan, PlannedRow, height_of
from checker.stories.diagram_svg import CLASSES, FONT, restyled
from checker.stories.trace import StoryError, Trace
from checker.stories.write import told_text

FORMATS = ("dot", "svg", "png", "pdf")
POINTS = 72.0  # Graphviz wants sizes in inches; everything here is in points, y growing downwards
PIXELS = 144  # of a PNG, to an inch: twice what a screen has
GRAPH = {
    "layout": "neato",
    "inputscale": "72",
    "outputorder": "nodesfirst",
    "splines": "line",
    "bgcolor": "transparent",
    "pad": "0",
}
Links = Callable[[str], str]  # from `model/kvm/lapic.py:57` to an address, "" for none


def quoted(text: str) -> str:
    """A DOT string that shows this text. Newlines end left-aligned lines, vertical tabs centred ones."""
    plain = "".join(c if c.isprintable() or c in "\n\v" else " " for c in text)
    plain = plain.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return '"' + plain.replace("\n", "\\l").replace("\v", "\\n") + '"'


def attributes(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={quoted(value)}" for name, value in values.items())


@dataclass
class Canvas:
    """DOT statements in drawing order: nodes as they come, then the arrows. What is drawn has a class (diagram_svg.CLASSES),
    which says its colours."""

    plan: Plan
    lines: list[str] = field(default_factory=list[str])
    count: int = 0

    def node(self, x: float, y: float, width: float, height: float, label: str = "", **style: str) -> str:
        """A box with its middle at (x, y); the name it got."""
        name = f"n{self.count}"
        self.count += 1
        place = {
            "pos": f"{x:.1f},{-y:.1f}!",
            "width": f"{width / POINTS:.4f}",
            "height": f"{height / POINTS:.4f}",
        }
        self.lines.append(f"  {name} [{attributes({**place, 'label': label, **style})}];")
        return name

    def box(self, left: float, top: float, right: float, bottom: float, kind: str, **style: str) -> None:
        """A filled box of a class."""
        look = CLASSES[kind]
        colors = {"class": kind, "fillcolor": look.fill, "color": look.line or look.fill, "fontcolor": look.text}
        rounded = {"style": style.pop("style", "filled"), "penwidth": style.pop("penwidth", "0")}
        label = style.pop("label", "")
        self.node(
            (left + right) / 2, (top + bottom) / 2, right - left, bottom - top, label, **colors, **rounded, **style
        )

    def text(self, left: float, top: float, lines: Sequence[str], kind: str, ink: str, link: str = "") -> float:
        """Left-aligned lines; the y below them."""
        size, height = self.plan.look.font(kind), height_of(self.plan.look, kind, lines)
        width = max((self.plan.look.width_of(line, kind) for line in lines), default=0.0) + SPARE
        width = min(width, self.plan.look.width - left)
        style = {"class": ink, "penwidth": "0", "fontsize": f"{size:g}", "fontcolor": CLASSES[ink].text}
        linked = {"URL": link, "tooltip": link} if link else {}
        label = "".join(f"{line}\n" for line in lines)
        self.node(left + width / 2, top + height / 2, width, height, label, **style, **linked)
        return top + height

    def line(self, start: tuple[float, float], end: tuple[float, float], kind: str, width: str, head: bool) -> None:
        tail_name, head_name = (self.node(*at, 0.01, 0.01, shape="point", style="invis") for at in (start, end))
        style = {"class": kind, "color": CLASSES[kind].text, "penwidth": width, "arrowsize": "0.6"}
        style["arrowhead"] = "normal" if head else "none"
        self.lines.append(f"  {tail_name} -> {head_name} [{attributes(style)}];")


def dots(
    trace: Trace, wide: bool = False, everything: bool = False, links: Links = lambda _: "", why_nothing: str = ""
) -> list[str]:
    """The diagram as DOT texts, one a sheet. everything: also what a model wants left out. why_nothing: of a last call that changes
    nothing."""
    plan = Plan(trace, wide, everything, why_nothing)
    return [_dot(plan, number, links) for number in range(len(plan.sheets))]


def _dot(plan: Plan, number: int, links: Links) -> str:
    canvas, look = Canvas(plan), plan.look
    tops = [plan.heads(number)]
    for index in plan.sheets[number]:
        tops.append(tops[-1] + plan.blocks[index].height + look.gap)
    bottom = look.height if look.whole else tops[-1] + plan.footer + look.text * LINE * bool(plan.title(number))
    canvas.box(0, 0, look.width, max(bottom, tops[-1]), "paper")
    _header(canvas, number)
    blocks = [plan.blocks[index] for index in plan.sheets[number]]
    for block, (top, below) in zip(blocks, pairwise(tops), strict=True):
        _stripe(canvas, block, top, below)
    _lanes(canvas, tops[0], tops[-1])
    for bar in plan.bars:
        _bar(canvas, bar, blocks, tops)
    for block, top in zip(blocks, tops, strict=False):
        _block(canvas, block, top + look.gap / 2, links)
    _ending(canvas, blocks, tops, number)
    margin = {"margin": "0"} if look.whole else {}  # of a PDF: half an inch makes a page A4, and is none of a slide's
    graph = "\n".join(f"  {name}={quoted(value)};" for name, value in {**GRAPH, **margin}.items())
    defaults = f'  node [shape=box, fixedsize=true, margin=0, fontname="{FONT}"];'
    return "\n".join(["digraph story {", graph, defaults, *canvas.lines, "}"]) + "\n"


def _header(canvas: Canvas, sheet: int) -> None:
    """The sentence, the property, and the system."""
    y = canvas.plan.look.edge
    for kind, ink, lines in canvas.plan.header(sheet):
        y = canvas.text(canvas.plan.look.edge, y, lines, kind, ink)


def _stripe(canvas: Canvas, block: Block, top: float, below: float) -> None:
    look, decisive = canvas.plan.look, canvas.plan.trace.decisive
    if decisive in block.events:
        canvas.box(look.edge + 14, top, canvas.plan.right, below, "here")
    elif block.events[0] % 2 == 0:
        canvas.box(look.edge + 14, top, canvas.plan.right, below, "stripe")


def ink_of(plan: Plan, lane: str) -> str:
    return f"lane{plan.lanes.index(lane) % 8}" if lane in plan.x else "ink"


def _lanes(canvas: Canvas, top: float, bottom: float) -> None:
    plan, look = canvas.plan, canvas.plan.look
    y = top - look.lane * 1.3
    for lane, x in plan.x.items():
        canvas.box(x - 0.5, y, x + 0.5, bottom + 4, "life")
        ink = ink_of(plan, lane)
        style = {"style": "rounded,filled", "color": CLASSES[ink].line, "fillcolor": CLASSES[ink].fill, "penwidth": "1"}
        text = {"fontsize": f"{look.lane:g}", "fontcolor": CLASSES[ink].text, "class": f"{ink} head"}
        canvas.node(x, y, look.width_of(lane, "lane") + 10, look.lane * 1.8, lane, **style, **text)


def _bar(canvas: Canvas, bar: Bar, blocks: Sequence[Block], tops: Sequence[float]) -> None:
    """The part of a bar that is on this sheet, with its name where it begins."""
    plan, look = canvas.plan, canvas.plan.look
    if not blocks or not _is_on(bar, blocks):
        return
    begin, end = _at(plan, bar.begin, blocks, tops), _at(plan, bar.end, blocks, tops)
    top, bottom = tops[0] if begin is None else begin, tops[-1] if end is None else end
    left, ink = plan.x[bar.lane] + plan.beside(bar.slot), ink_of(plan, bar.lane)
    ends = look.thick / 2 if end is not None else 0  # where the next one follows at once, one sees two
    canvas.box(left, top, left + look.thick, max(top + look.thick, bottom - ends), f"{ink}bar")
    canvas.text(left + look.thick + 1, top + 1, [bar.label], "bar", ink)


def _is_on(bar: Bar, blocks: Sequence[Block]) -> bool:
    first, last = blocks[0].events[0], blocks[-1].events[-1]
    return (bar.begin is None or bar.begin[0] <= last) and (bar.end is None or bar.end[0] >= first)


def _at(plan: Plan, moment: Moment | None, blocks: Sequence[Block], tops: Sequence[float]) -> float | None:
    """The y of a moment, if it is on this sheet."""
    for block, top in zip(blocks, tops, strict=False):
        if moment is not None and moment[0] in block.events:
            rows = block.rows[: moment[1]] if len(block.events) == 1 else ()
            return top + plan.look.gap / 2 + sum(row.height for row in rows) + _middle(plan)
    return None


def _middle(plan: Plan) -> float:
    """Of a row's first line."""
    return plan.look.step * LINE / 2


def _block(canvas: Canvas, block: Block, top: float, links: Links) -> None:
    """Number, marks, arrows and texts of a step."""
    plan, look = canvas.plan, canvas.plan.look
    here = plan.trace.decisive in block.events
    width = look.width_of(block.number, "step") + 6
    canvas.text(look.edge + look.numbers - 8 - width, top, [block.number], "step", "accent" if here else "pale")
    y = top
    for row in block.rows:
        _row(canvas, row, y, links)
        y += row.height


def _row(canvas: Canvas, row: PlannedRow, y: float, links: Links) -> None:
    plan, look = canvas.plan, canvas.plan.look
    middle = y + _middle(plan)
    lane = row.actors[0] if row.actors else row.call.callee if row.call is not None else ""
    for actor in row.actors:
        at, size = plan.x[actor], look.step * 0.4
        style = {"style": "rounded,filled"}
        canvas.box(at - look.mark, middle - size, at + look.mark, middle + size, f"{ink_of(plan, actor)}bar", **style)
    if row.call is not None:
        start, end = plan.x[row.call.caller], plan.x[row.call.callee]
        canvas.line((start, middle), (end, middle), ink_of(plan, lane), f"{look.step / 8:.2g}", head=True)
    if row.parting is not None:
        at, size = plan.x[row.parting.lane], look.step * 0.55
        style = {"style": "rounded,filled", "penwidth": "1.2", "label": "!", "fontsize": f"{look.step:g}"}
        canvas.box(at - size, middle - size, at + size, middle + size, "parted", **style)
        canvas.text(plan.names, y, row.name, "note", "accent", links(row.where) if row.where else "")
        return
    kind = "step" if row.actors else "note"
    ink = ink_of(plan, lane) if len(row.actors) < 2 else "ink"
    below = canvas.text(plan.names, y, row.name, kind, ink, links(row.where) if row.where else "")
    y = y if look.beside else below
    for of, lines in row.notes:
        ink = "pale" if not of else ink_of(plan, of) if look.beside else "ink"
        y = canvas.text(row.notes_at, y, lines, "note", ink)


def _ending(canvas: Canvas, blocks: Sequence[Block], tops: Sequence[float], number: int) -> None:
    """The loop's edge along these steps; after the last step, where the run goes; which sheet it is."""
    plan, look, trace = canvas.plan, canvas.plan.look, canvas.plan.trace
    y, last = tops[-1] + 4, number == len(plan.sheets) - 1
    if last and plan.ending():
        canvas.text(look.edge + 14, y, [plan.ending()], "text", "accent")
    if trace.loop_start is not None and blocks and blocks[-1].events[-1] >= trace.loop_start:
        begins = [t for block, t in zip(blocks, tops, strict=False) if trace.loop_start in block.events]
        left, top = look.edge + 5, begins[0] + look.gap / 2 + _middle(plan) if begins else tops[0]
        bottom = y + look.text * LINE / 2 if last else tops[-1]
        canvas.line((left, bottom), (left, top), "accent", "1.8", head=False)
        if last:
            canvas.line((look.edge + 12, bottom), (left, bottom), "accent", "1.8", head=False)
        if begins:
            canvas.line((left, top), (look.edge + 16, top), "accent", "1.8", head=True)
    if plan.title(number):
        at = look.height - look.edge - look.small if look.whole else y + look.text * LINE
        right = plan.right - look.width_of(plan.title(number), "small") - 6
        canvas.text(right, at - look.small * 0.3, [plan.title(number)], "small", "pale")


def render(
    trace: Trace,
    form: str,
    wide: bool = False,
    everything: bool = False,
    links: Links = lambda _: "",
    why_nothing: str = "",
) -> list[bytes]:
    """The diagram in one of FORMATS, a file for each sheet; see dots. Raises StoryError if pygraphviz is missing."""
    if form not in FORMATS:
        raise StoryError(f"no diagram format {form!r}; there are {', '.join(FORMATS)}")
    texts = dots(trace, wide, everything, links if form == "svg" else lambda _: "", why_nothing)
    if form == "dot":
        return [dot.encode() for dot in texts]
    drawn = [draw(dot, form) for dot in texts]
    title = f"{trace.property_name}: {trace.headline}"
    return [restyled(one, title, told_text(trace)) for one in drawn] if form == "svg" else drawn


def draw(dot: str, form: str, program: str = "neato", arguments: str = "-n2") -> bytes:
    """What Graphviz makes of a DOT text, by default of one whose positions are pinned. Raises StoryError if pygraphviz is missing."""
    try:
        import pygraphviz
    except ImportError as error:
        raise StoryError(f"{form} needs pygraphviz (pip install pygraphviz): {error}; dot works without it") from None
    size = f" -Gdpi={PIXELS}" if form == "png" else ""
    with pygraphviz.AGraph(string=dot) as graph, _quiet_libraries():
        return bytes(graph.draw(format=form, prog=program, args=arguments + size) or b"")


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
