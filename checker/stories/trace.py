"""A run as a story: what happened at each step, who did it, whom it called and what changed.

A Trace is plain data, and all values in it are text: it is made by checker.stories.replay, printed by checker.stories.write, drawn
by checker.stories.diagram and stored as JSON. Actors are called *lanes*.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from checker.errors import InternalError
from model.finite import IntType, Mask, ModelError, OptionalType, Scalar, decode


class StoryError(ModelError):
    """A story or trace file that cannot be read (the user's mistake, exit code 2)."""


@dataclass(frozen=True)
class Arrow:
    """A call that crossed from one lane into another. `args` is compact text, `anchor` is `file.c:function()`, `where` the
    file and line of the model that it stands in."""

    caller: str
    callee: str
    function: str
    args: str
    anchor: str
    where: str = ""


@dataclass(frozen=True)
class FieldChange:
    """A scalar of the state that the step stored to. It took its last value after `after_call` of the calls;
    `between` are the values that came and went within the step. For pictures: `short` is its name within its lane, `bar`
    whether it was set and is, of what is drawn as long as it is; `aside`: left out unless everything is asked for."""

    path: str
    label: str
    lane: str
    before: str
    after: str
    after_call: int
    between: tuple[str, ...] = ()
    short: str = ""
    bar: tuple[bool, bool] | None = None
    aside: bool = False

    @property
    def text(self) -> str:
        """`CPU0 IRR {} -> {1}`, and `line 0: 0 -> 1` where the label ends in a digit."""
        return f"{self._named} {' -> '.join((self.before, *self.between, self.after))}"

    @property
    def left(self) -> str:
        """The value that it has in the end: `CPU0 IRR {1}`."""
        return f"{self._named} {self.after}"

    @property
    def _named(self) -> str:
        return f"{self.label}:" if self.label[-1:].isdigit() else self.label


@dataclass(frozen=True)
class Event:
    """One step of the run. Values are text as `show` spells them; changes are in the order of time. where: see Arrow."""

    step: str
    args: tuple[tuple[str, str], ...]
    lane: str
    anchor: str
    calls: tuple[Arrow, ...] = ()
    changes: tuple[FieldChange, ...] = ()
    where: str = ""

    @property
    def call(self) -> str:
        """The step as it is written and read back: `kvm_inject(cpu=0)`."""
        return f"{self.step}({', '.join(f'{name}={value}' for name, value in self.args)})"


@dataclass(frozen=True)
class Parting:
    """A step in which a patch and what it stands on part. anchor, file, line: of the patch's own function that did it, or
    returned there; "" if none of its own ran, 0 if the lines of that file are not told. what: the difference, in words."""

    index: int  # of the event
    lane: str  # of the first field that differs; "" for: whoever takes the step
    anchor: str
    file: str
    line: int
    returns: bool
    what: str
    where: str = ""  # of that line, see Arrow

    @property
    def text(self) -> str:
        """`lapic.c:kvm_set_eoi() returns at mine.py:9: does not set pending EOI to 0; base does`."""
        if not self.anchor:
            return self.what
        where = f"{self.file}:{self.line}" if self.line else self.file
        if self.returns:
            return f"{self.anchor} returns {'at' if self.line else 'in'} {where}: {self.what}"
        return f"{self.anchor}, {where}: {self.what}"


@dataclass(frozen=True)
class Trace:
    """A replayed run with everything a report prints. After the last event the run goes back to
    `events[loop_start]` for ever, or, if `stutter`, stays in the last state for ever."""

    property_name: str
    kind: str
    verdict: str
    sentence: str
    provenance: tuple[str, ...]
    cell: Mapping[str, str]
    scope: Mapping[str, str]
    lanes: tuple[str, ...]
    events: tuple[Event, ...]
    loop_start: int | None = None
    stutter: bool = False
    shortest: bool = True
    fairness: tuple[str, ...] = ()
    reproduce: str = ""
    binding: Mapping[str, str] = field(default_factory=dict[str, str])
    label: str = ""  # what became of the run on a real system
    replay: str = ""  # the line that is the run, see checker.stories.replay_line
    partings: tuple[Parting, ...] = ()  # where the patch and its base part; none if there is no base
    parts: int | None = None  # the event of these to look at
    set_up: int = 0  # so many events at the beginning are told as one, see checker.stories.setup

    def __post_init__(self) -> None:
        if self.loop_start is not None and (self.stutter or not 0 <= self.loop_start < len(self.events)):
            raise InternalError(
                f"{self.property_name}: a run of {len(self.events)} steps cannot loop to {self.loop_start}"
            )
        missing = lanes_in(self.events) - set(self.lanes)
        if missing:
            raise InternalError(f"{self.property_name}: the lane {min(missing)!r} has no column")
        if self.parts is not None and self.parts not in {parting.index for parting in self.partings}:
            raise InternalError(f"{self.property_name}: nothing parts in step {self.parts + 1}")

    @property
    def decisive(self) -> int | None:
        """The event to look at: where the patch does what its base does not; or else the first of the loop, or the last
        one. None if nothing happens at all."""
        if self.parts is not None:
            return self.parts
        return self.loop_start if self.loop_start is not None else len(self.events) - 1 if self.events else None

    @property
    def headline(self) -> str:
        """The verdict with the length of the run: `VIOLATED in 5 steps (shortest)`."""
        before = len(self.events) if self.loop_start is None else self.loop_start
        length = steps_text(before)
        if self.loop_start is not None:
            length += f" and a loop of {steps_text(len(self.events) - before)}"
        elif self.stutter:
            length += ", then stays there"
        stem = self.loop_start is not None or self.stutter
        return f"{self.verdict} in {length}" + (f" (shortest{' stem' * stem})" if self.shortest else "")

    def to_json(self) -> str:
        """The trace as JSON text; `from_json` reads it back."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"


def lanes_in(events: Sequence[Event]) -> set[str]:
    """The lanes that act, call, are called or own a changed value."""
    calls = [call for event in events for call in event.calls]
    changes = [change for event in events for change in event.changes]
    return {
        *(event.lane for event in events),
        *(call.caller for call in calls),
        *(call.callee for call in calls),
        *(change.lane for change in changes),
    }


FORMAT = "eoiproof trace 1"


def steps_text(count: int) -> str:
    return f"{count} step" + ("" if count == 1 else "s")


def from_json(text: str) -> Trace:
    """The trace that `Trace.to_json` wrote. Raises StoryError if the text is something else."""
    try:
        raw = json.loads(text)
        if raw.pop("format") != FORMAT:
            raise StoryError(f"not a trace: its format is not {FORMAT!r}")
        raw.pop("watched", None)  # what somebody watched is no part of the run
        raw["events"] = tuple(map(_event_from, raw["events"]))
        raw["partings"] = tuple(Parting(**parting) for parting in raw.pop("partings", ()))
        for name in ("provenance", "lanes", "fairness"):
            raw[name] = tuple(raw[name])
        return Trace(**raw)
    except (InternalError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoryError(f"not a trace: {type(error).__name__}: {error}") from None


def _event_from(raw: dict[str, Any]) -> Event:
    args = tuple((str(name), str(value)) for name, value in raw.pop("args"))
    calls = tuple(Arrow(**call) for call in raw.pop("calls"))
    changes = tuple(map(_change_from, raw.pop("changes")))
    return Event(args=args, calls=calls, changes=changes, **raw)


def _change_from(raw: dict[str, Any]) -> FieldChange:
    bar = raw.pop("bar", None)
    return FieldChange(between=tuple(raw.pop("between")), bar=None if bar is None else (bar[0], bar[1]), **raw)


def show_of(of: Scalar, code: int) -> str:
    """A field's value in a sentence, where nothing else says what the number counts: `vector 0`."""
    value = decode(of, code)
    return f"{unit_of(of)} {show(value)}".lstrip() if value is not None else show(value)


def unit_of(of: Scalar) -> str:
    """What a number of this type is the number of: `vector`; "" of what is no index."""
    inner = of.of if isinstance(of, OptionalType) else of
    return inner.index.removesuffix("s") if isinstance(inner, IntType) else ""


def show(value: object) -> str:
    """A value in reports: 0/1 for bool, the member's name for an Enum, {1,2} for a Mask, none for None."""
    match value:
        case None:
            return "none"
        case bool():
            return str(int(value))
        case Enum():
            return value.name
        case Mask():
            return "{" + ",".join(map(str, value)) + "}"
        case _:
            return str(value)
