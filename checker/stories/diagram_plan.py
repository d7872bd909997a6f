"""Where everything of a swim-lane diagram stands: lanes, steps, panels. Points, y growing downwards."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from checker.stories.trace import Arrow, Event, FieldChange, Trace

CHARACTER = 0.65  # width of most characters in units of the font size, as in DejaVu Sans, the widest of FONT
OTHER_WIDTHS = dict.fromkeys("mwMW@%=+<>\u2192", 1.0) | dict.fromkeys(" ijlft.,:;'|()[]-_rI", 0.5)
ARROW = "\u00a0\u2192\u00a0"  # no line ends there
LINE = 1.3  # height of a line of text in units of the font size


@dataclass(frozen=True)
class Look:
    """Sizes of one form of the diagram: fonts, heights of rows, characters to a line."""

    title: float
    sentence: float
    lane: float
    step: float
    call: float
    note: float
    small: float
    step_row: float
    call_row: float
    note_row: float
    gap: float
    step_columns: int  # in step boxes
    note_columns: int

    def font(self, kind: str) -> float:
        size: float = getattr(self, kind)
        return size

    def width(self, text: str, kind: str) -> float:
        """An upper estimate of how wide a line of text is drawn."""
        return width_of(text) * self.font(kind)


PAGE = Look(19.0, 13.0, 13.0, 11.0, 10.0, 10.0, 9.5, 30.0, 30.0, 14.0, 12.0, 34, 46)
WIDE = Look(32.0, 23.0, 19.0, 17.0, 16.0, 18.0, 14.0, 42.0, 40.0, 23.0, 14.0, 21, 25)
LEFT, NUMBERS = 14.0, 46.0  # the loop's edge and the steps' numbers, from the left
SLIDE, PANELS, BETWEEN, PAD, APART = (
    16 / 9,
    5,
    30.0,
    18.0,
    40.0,
)  # a slide's shape, most panels, space around, between steps
AROUND = 300.0  # what stands above and below the panels of a slide, about


def width_of(text: str) -> float:
    """An upper estimate of how wide a line of text is drawn, in units of the font size."""
    return sum(OTHER_WIDTHS.get(c, 0.8 if c.isupper() or not c.isascii() else CHARACTER) for c in text)


@dataclass(frozen=True)
class PlannedRow:
    """The step itself (`call` is None) or one of its calls, with the values that changed then, as lines of text."""

    height: float
    call: Arrow | None
    notes: tuple[tuple[FieldChange, tuple[str, ...]], ...]


class Plan:
    """Where everything stands."""

    def __init__(self, trace: Trace, wide: bool = False) -> None:
        self.trace, self.wide, self.look = trace, wide, WIDE if wide else PAGE
        self.lanes = list(trace.lanes)
        halves = {lane: self.look.width(lane, "lane") / 2 + 14 for lane in self.lanes}
        for event in trace.events:
            halves[event.lane] = max(halves[event.lane], self.step_width(event) / 2)
        gaps = [halves[a] + halves[b] + 14 for a, b in pairwise(self.lanes)]
        for call in (call for event in trace.events for call in event.calls):
            widen(
                gaps,
                self.lanes.index(call.caller),
                self.lanes.index(call.callee),
                self.look.width(named(call), "call") + 26,
            )
        first = NUMBERS + 28 + (halves[self.lanes[0]] if self.lanes else 0)
        self.x = {lane: first + sum(gaps[:i]) for i, lane in enumerate(self.lanes)}
        self.tags = (self.x[self.lanes[-1]] + halves[self.lanes[-1]] if self.lanes else first) + 22
        self.notes = self.tags  # on a slide, the colour alone says whose value it is
        if not wide:
            self.notes += max((self.look.width(lane, "note") for lane in self.lanes), default=0) + 10
        self.rows = [self.rows_of(event) for event in trace.events]
        texts = [line for rows in self.rows for row in rows for _, lines in row.notes for line in lines]
        widest = max([self.look.width(text, "note") for text in texts] + [120.0])
        self.right = self.notes + widest + 10
        self.apart = 0.0
        self.heights = [self.look.gap + sum(row.height for row in rows) for rows in self.rows]
        if not wide:
            self.right = max(self.right, 560.0, self.look.width(title_of(trace), "title") + LEFT)
            self.panels = [range(len(self.rows))]
            return
        shapes = [shares(self.heights, n) for n in range(1, PANELS + 1)]
        self.panels = min(shapes, key=self._slide_width)

    def rows_of(self, event: Event) -> list[PlannedRow]:
        """The step, then its calls."""
        rows, look = list[PlannedRow](), self.look
        for number in range(len(event.calls) + 1):
            changes = [change for change in event.changes if change.after_call == number]
            texts = [(c, textwrap.wrap(c.text.replace(" -> ", ARROW), look.note_columns)) for c in changes]
            lines = sum(len(text) for _, text in texts)
            least = look.call_row if number else look.step_row + look.step * LINE * (len(self.step_lines(event)) - 1)
            notes = tuple((change, tuple(text)) for change, text in texts)
            height = max(least, look.step_row - look.note_row + look.note_row * lines)
            rows.append(PlannedRow(height, event.calls[number - 1] if number else None, notes))
        return rows

    @property
    def full_width(self) -> float:
        return len(self.panels) * (self.right + BETWEEN) - BETWEEN

    def spread(self, heads: float) -> None:
        """Move the steps of a slide apart, so that they fill it below the lanes' heads."""
        below = 70 + len(self.trace.fairness) * (self.look.small * LINE + 4)
        room = (self.full_width + 2 * PAD) / SLIDE - 2 * PAD - heads - below
        tallest = max(self.panels, key=lambda panel: sum(self.heights[i] for i in panel))
        missing = room - sum(self.heights[i] for i in tallest)
        self.apart = min(APART, max(0.0, missing / max(1, len(tallest))))
        self.heights = [height + self.apart for height in self.heights]

    def _slide_width(self, panels: Sequence[range]) -> float:
        """How wide a slide must be for this many panels: the narrower, the larger its text is shown."""
        height = max(sum(self.heights[i] for i in panel) for panel in panels) + AROUND
        return max(len(panels) * (self.right + BETWEEN), height * SLIDE)

    def step_lines(self, event: Event) -> list[str]:
        """The text of a step's box; long ones break before the arguments."""
        columns = self.look.step_columns
        name, _, args = event.call.partition("(")
        texts = [event.call] if len(event.call) <= columns or not self.wide else [name, f"({args}"]
        return [
            line for t in texts for line in textwrap.wrap(t, columns, break_long_words=False, break_on_hyphens=False)
        ]

    def step_width(self, event: Event) -> float:
        return max(self.look.width(line, "step") for line in self.step_lines(event)) + 18


def named(call: Arrow) -> str:
    return f"{call.function}()"


def widen(gaps: list[float], caller: int, callee: int, room: float) -> None:
    """Spread the gaps between two lanes until their arrow's text fits."""
    low, high = sorted((caller, callee))
    missing = room - sum(gaps[low:high])
    for i in range(low, high):
        gaps[i] += max(0.0, missing) / (high - low)


def title_of(trace: Trace) -> str:
    return f"{trace.property_name}: {trace.headline}"


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
