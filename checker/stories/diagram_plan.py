"""Where everything of a swim-lane diagram stands: lanes, steps, sheets. Points, y growing downwards.

Lanes stand at the left, a step's name and what it changes at the right, as in the text of a story. A diagram has as many
sheets as its steps need: pages that fit A4, or slides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from checker.stories.bars import bars_of
from checker.stories.setup import folded
from checker.stories.trace import Arrow, Event, FieldChange, Parting, Trace, steps_text

CHARACTER = 0.58  # width of most characters in units of the font size, as in DejaVu Sans, the widest of the fonts
OTHER_WIDTHS = dict.fromkeys("mwMW@%=+<>\u2192", 0.95) | dict.fromkeys(" ijlft.,:;'|()[]-_rI", 0.42)
ARROW = "\u00a0\u2192\u00a0"  # no line ends there
NOTHING = "changes nothing"  # of a call
LINE, LETTERS = 1.3, 1.2  # height of a row of text, and of each further line of a text, in units of the font size
SPARE = 6.0  # of a text's width


@dataclass(frozen=True)
class Look:
    """Sizes of one form of the diagram, in points. height: at most; whole: every sheet has that height. most: steps on a
    sheet. beside: what changes stands beside the step's name, not below it."""

    width: float
    height: float
    whole: bool
    most: int
    beside: bool
    title: float
    text: float
    small: float
    lane: float
    step: float
    note: float
    bar: float  # the font of a bar's name
    thick: float  # a bar
    edge: float  # around everything
    gap: float  # between steps
    numbers: float  # where the numbers of the steps end

    @property
    def mark(self) -> float:
        """Half the width of what marks who takes a step."""
        return self.step * 0.6

    def font(self, kind: str) -> float:
        size: float = getattr(self, kind)
        return size

    def width_of(self, text: str, kind: str) -> float:
        """An upper estimate of how wide a line of text is drawn."""
        return width_of(text) * self.font(kind)

    def lines(self, text: str, kind: str, width: float) -> tuple[str, ...]:
        """Text in lines that fit a width. A word that is longer stands alone, its parentheses on the next line."""
        lines = [""]
        words = [w for word in text.split(" ") for w in self._cut(word, kind, width)]
        for word in words:
            longer = f"{lines[-1]} {word}".lstrip(" ")
            if lines[-1] and self.width_of(longer, kind) > width - SPARE:
                lines.append(word)
            else:
                lines[-1] = longer
        return tuple(lines)

    def _cut(self, word: str, kind: str, width: float) -> list[str]:
        """A word that is too long: at its blanks where no line should end, or before its parentheses."""
        if self.width_of(word, kind) <= width - SPARE:
            return [word]
        name, bracket, rest = word.partition("(")
        return [name, f"({rest}"] if bracket and name and "\u00a0" not in word else word.split("\u00a0")


PAGE = Look(523, 770, False, 99, False, 14, 9.5, 8, 9.5, 9, 8.5, 7, 3.5, 6, 7, 46)  # A4 less its margins
SLIDE = Look(960, 540, True, 8, True, 25, 16, 12, 15, 15, 14, 11, 6, 24, 9, 72)


def width_of(text: str) -> float:
    """An upper estimate of how wide a line of text is drawn, in units of the font size."""
    return sum(OTHER_WIDTHS.get(c, 0.76 if c.isupper() or not c.isascii() else CHARACTER) for c in text)


@dataclass(frozen=True)
class PlannedRow:
    """A row of a step: its name, one of its calls, or where patch and base part. notes: the lane whose values they are, and
    lines of text."""

    height: float
    actors: tuple[str, ...]
    call: Arrow | None
    parting: Parting | None
    name: tuple[str, ...]
    where: str
    notes: tuple[tuple[str, tuple[str, ...]], ...]
    notes_at: float = 0.0


@dataclass(frozen=True)
class Block:
    """A step, or the set-up as one. events: which of the trace."""

    events: range
    rows: tuple[PlannedRow, ...]

    @property
    def number(self) -> str:
        return str(self.events[-1] + 1) if len(self.events) == 1 else f"1-{len(self.events)}"

    @property
    def height(self) -> float:
        return sum(row.height for row in self.rows)


class Plan:
    """Where everything stands. why_nothing: why the last call changes nothing, where it does."""

    def __init__(self, trace: Trace, wide: bool = False, everything: bool = False, why_nothing: str = "") -> None:
        self.trace, self.look, self.everything = trace, SLIDE if wide else PAGE, everything
        self.why_nothing = why_nothing
        self.lanes, self.bars = list(trace.lanes), bars_of(trace)
        self.slots = {lane: max((b.slot + 1 for b in self.bars if b.lane == lane), default=0) for lane in self.lanes}
        self.x = self._lanes_at()
        look = self.look
        self.names = self.lane_end + 6
        self.right = look.width - look.edge
        self.notes = self.names + (self._widest_name() + 14 if look.beside else 10)
        self.blocks = list(self._blocks())
        self.sheets = self._sheets()

    def _lanes_at(self) -> dict[str, float]:
        """Each lane has room for its head, for its bars, and for the widest name of one of these."""
        look, at, x = self.look, dict[str, float](), self.look.edge + self.look.numbers
        for lane in self.lanes:
            half = look.width_of(lane, "lane") / 2 + 7
            named = max(
                (look.width_of(b.label, "bar") + self.beside(b.slot) for b in self.bars if b.lane == lane), default=0
            )
            at[lane] = x + half
            x += half + max(half, named + look.thick + 2, look.step * 2.4)
        self.lane_end = x
        return at

    def _widest_name(self) -> float:
        """Of a step or call; at most half of the room, since longer ones are broken."""
        calls = [f"{call.function}()" for event in self.trace.events for call in event.calls]
        names = ["set-up", *calls, *(event.call for event in self.trace.events[self.trace.set_up :])]
        return min(max(self.look.width_of(name, "step") for name in names), (self.right - self.names) / 2)

    def beside(self, slot: int) -> float:
        """How far from its lane a bar of this slot begins."""
        return self.look.mark + 2 + self.look.thick * slot * 1.6

    def _blocks(self) -> Iterator[Block]:
        trace = self.trace
        if trace.set_up:
            events = trace.events[: trace.set_up]
            _, lanes, changes = folded(events)
            left = [(lane, [c.left for c in self._shown(changes) if c.lane == lane]) for lane in self.lanes]
            texts = [(lane, ", ".join(map(self._short, texts))) for lane, texts in left if texts]
            beside = self.look.width_of("set-up", "step") + 16
            row = self._row("set-up", "", texts, actors=tuple(lanes), notes_at=self.names + beside)
            yield Block(range(trace.set_up), (row,))
        for index, event in enumerate(trace.events[trace.set_up :], trace.set_up):
            yield Block(range(index, index + 1), tuple(self._rows_of(index, event)))

    def _short(self, text: str) -> str:
        """What is changed, without the name of a lane that there is only one of its kind of."""
        lane = next((lane for lane in self.lanes if lane[-1:].isdigit() and text.startswith(f"{lane} ")), "")
        alike = [other for other in self.lanes if lane and other.rstrip("0123456789") == lane.rstrip("0123456789")]
        short = text.removeprefix(f"{lane} ") if len(alike) == 1 else text
        name, blank, values = short.replace(" -> ", ARROW).rpartition(" ")
        return f"{name}\u00a0{values}" if blank else values  # no line ends before the values

    def _shown(self, changes: Sequence[FieldChange]) -> list[FieldChange]:
        return [change for change in changes if self.everything or not change.aside]

    def _rows_of(self, index: int, event: Event) -> Iterator[PlannedRow]:
        """The step, its calls, and where it parts from the base's."""
        for number in range(len(event.calls) + 1):
            changes = self._shown([c for c in event.changes if c.after_call == number])
            lanes = dict.fromkeys(c.lane for c in changes)
            texts = [(lane, ", ".join(self._short(c.text) for c in changes if c.lane == lane)) for lane in lanes]
            if number and not any(c.after_call >= number for c in event.changes) and number == len(event.calls):
                because = self.why_nothing if index == len(self.trace.events) - 1 else ""
                texts = [("", f"{NOTHING}: {because}" if because else NOTHING)]
            if number == 0:
                yield self._row(event.call, event.where, texts, actors=(event.lane,))
            else:
                call = event.calls[number - 1]
                yield self._row(f"{call.function}()", call.where, texts, call=call)
        for parting in self.trace.partings:
            if parting.index == index:
                yield self._parted(parting, event)

    def _parted(self, parting: Parting, event: Event) -> PlannedRow:
        lane = parting.lane if parting.lane in self.x else event.lane
        lines = self.look.lines(parting.text, "note", self.right - self.names)
        told = replace(parting, lane=lane)
        return PlannedRow(height_of(self.look, "note", lines) + 3, (), None, told, lines, told.where, ())

    def _row(
        self,
        name: str,
        where: str,
        texts: Sequence[tuple[str, str]],
        actors: tuple[str, ...] = (),
        call: Arrow | None = None,
        notes_at: float = 0.0,
    ) -> PlannedRow:
        look = self.look
        at = notes_at if notes_at and look.beside else self.notes
        names = look.lines(name, "step", (at - 8 if look.beside else self.right) - self.names)
        notes = tuple((lane, look.lines(text, "note", self.right - at)) for lane, text in texts)
        high, below = height_of(look, "step", names), sum(height_of(look, "note", lines) for _, lines in notes)
        return PlannedRow(
            max(high, below) if look.beside else high + below, actors, call, None, names, where, notes, at
        )

    def header(self, sheet: int) -> list[tuple[str, str, tuple[str, ...]]]:
        """(kind of text, colour, lines) above the lanes: the sentence first, then what it is of; on further sheets less."""
        trace, look = self.trace, self.look
        said, title = trace.sentence or trace.headline, f"{trace.property_name}: {trace.headline}"
        texts = [("title", "ink", said), ("text", "pale", title)] if sheet == 0 else [("text", "ink", said)]
        if sheet == 0:
            scope = " ".join(f"{name}={value}" for name, value in trace.scope.items())
            texts += [("text", "accent", trace.label)] if trace.label else []
            texts += [("small", "pale", f"{', '.join(trace.cell.values())}; {scope}")]
            texts += [] if look.whole else [("small", "pale", text) for text in trace.provenance]
        return [(kind, ink, look.lines(text, kind, self.right - look.edge)) for kind, ink, text in texts]

    def heads(self, sheet: int) -> float:
        """Where the steps begin, below the lanes' heads."""
        above = sum(height_of(self.look, kind, lines) for kind, _, lines in self.header(sheet))
        return self.look.edge + above + 4 + self.look.lane * 2.6

    def ending(self) -> str:
        """Where the run goes after its last step."""
        trace = self.trace
        if trace.loop_start is not None:
            return f"back to step {trace.loop_start + 1}, for ever"
        return "no step has to come: the run stays here for ever" if trace.stutter else ""

    @property
    def footer(self) -> float:
        """What stands below the steps."""
        return self.look.text * LINE * (2 if self.ending() else 1) + self.look.edge

    def _sheets(self) -> list[range]:
        """As few as the steps fit on, and these as even as can be."""
        heights = [block.height + self.look.gap for block in self.blocks]
        rooms = [self.look.height - self.heads(sheet) - self.footer for sheet in range(2)]
        for count in range(1, len(heights) + 1):
            sheets = shares(heights, count)
            needed = [sum(heights[i] for i in steps) for steps in sheets]
            most = max(map(len, sheets)) <= self.look.most
            if most and needed[0] <= rooms[0] and all(height <= rooms[1] for height in needed[1:]):
                return sheets
        return [range(i, i + 1) for i in range(len(heights))] or [range(0)]

    def title(self, sheet: int) -> str:
        """What stands at the bottom of one sheet of several."""
        if len(self.sheets) == 1:
            return ""
        first, last = self.blocks[self.sheets[sheet][0]], self.blocks[self.sheets[sheet][-1]]
        which = f"{first.events[0] + 1} to {last.events[-1] + 1}"
        return f"sheet {sheet + 1} of {len(self.sheets)}: steps {which} of {steps_text(len(self.trace.events))}"


def height_of(look: Look, kind: str, lines: Sequence[str]) -> float:
    return look.font(kind) * (LINE + LETTERS * (len(lines) - 1))


def shares(heights: Sequence[float], count: int) -> list[range]:
    """The steps in at most `count` panels, so that the highest is as low as can be."""

    def cut(limit: float) -> list[range]:
        starts, used = [0], 0.0
        for i, height in enumerate(heights):
            if used + height > limit and i > starts[-1]:
                starts.append(i)
                used = 0.0
            used += height
        return [range(a, b) for a, b in pairwise([*starts, len(heights)])]

    limits = sorted({sum(heights[a:b]) for b in range(len(heights) + 1) for a in range(b)} or {0.0})
    return next(panels for panels in map(cut, limits) if len(panels) <= count)
