"""The model and a real system, step by step.

A system of the model is made of roles, and the real system stands for one of them: KVM for the kernel, a QEMU process
for the VMM's I/O APIC. That role is entered through functions which other roles call (`entries`: ioctls, register
writes, lines) and through steps of its own. `lock` makes a subclass of a system in which each entry, called from
outside the role, first runs the model's function in CPython and then does the same to the real system; everything that
can be observed is compared after it. So any system, guest, VMM, design and any path of steps runs in lock-step, also
what `initial()` does.

Entries that the role calls itself run in the model only: the real system calls its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from checker.language.layout import leaves
from checker.stories.trace import show
from model.finite import RangeError, Scalar, decode
from model.lang import Design, Disabled, Scope, Table

Observed: TypeAlias = Mapping[str, int]  # what is observable -> its code: a leaf's path, or a name for something else
Arguments: TypeAlias = tuple[Any, ...]  # values of a function's parameters: each function has types of its own
Step: TypeAlias = tuple[str, Arguments]
Walk: TypeAlias = Sequence[Step]
Row = TypeVar("Row")
INITIAL: Step = ("initial", ())  # what is told first of every walk


class OracleMissing(Exception):
    """There is no such real system here; the text says why. Exit code 3."""


class OracleDied(Exception):
    """The real system broke or did not answer in time: neither agreement nor a difference. Exit code 3."""


class NotRunnable(Exception):
    """The real system cannot do what the model did; the text says what and why."""


class TooLate(NotRunnable):
    """Real time passed that the model does not let pass. The same walk may be runnable when it is taken again."""


class RealSystem(Protocol):
    """A real system that plays one role. Codes are those of model.finite.encode.

    entries: the functions of the role that are done to the real system. tail_calls: functions of other roles with
    which an entry may end (a guest's handler); what they call is from outside again. title: what runs here, with its
    version. differences: where this way of driving it departs from the model, each with its reason. If it has a true
    `compares_start`, what is there before the first entry is compared, too.
    """

    title: str

    @property
    def entries(self) -> Collection[str]: ...
    @property
    def tail_calls(self) -> Collection[str]: ...
    @property
    def differences(self) -> Sequence[str]: ...

    def start(self, system: Design) -> None:
        """A new real system for a system whose fields hold their defaults. Ends the one before."""

    def not_runnable(self, entry: str, system: Design, args: Arguments) -> str | None:
        """Why an entry cannot be done here, in this state; asked before the model does it."""

    def perform(self, entry: str, system: Design, args: Arguments) -> None:
        """Do it; the model has done it already. Raises OracleDied, NotRunnable."""

    def observe(self, system: Design) -> Observed:
        """What can be seen of the real system now."""
        ...

    def expected(self, system: Design) -> Observed:
        """The same names, from the model's state."""
        ...

    def close(self) -> None:
        """End it. May be called twice."""


@dataclass(frozen=True)
class Discrepancy:
    """One observable on which the two disagree, as codes."""

    name: str
    model: int
    real: int


@dataclass(eq=False)
class Mismatch(Exception):
    """The first disagreement: in step `number` (0: in initial()) after this entry."""

    number: int
    step: Step
    entry: str
    arguments: Arguments
    differences: tuple[Discrepancy, ...]

    def __str__(self) -> str:
        first = self.differences[0]
        return f"step {self.number}, {self.step[0]}, {self.entry}(): {first.name} is {first.real}, the model says {first.model}"


@dataclass
class Seen:
    """What was seen after a step: of the model, and of the real system. entries: what the step did to the latter; with
    none, what was seen is what was seen before."""

    step: Step
    expected: Observed
    observed: Observed
    entries: tuple[str, ...] = ()


@dataclass
class Totals:
    """What was executed. steps: model steps taken; replayed: those of them that did something to the real system;
    agreed: those after which nothing differed; entries: calls compared; starts: real systems started."""

    steps: int = 0
    replayed: int = 0
    agreed: int = 0
    entries: int = 0
    starts: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


class Cosimulation:
    """One system that runs in lock-step. `on_step` is told of initial(), and of every step."""

    def __init__(
        self, design: type[Design], scope: Scope, real: RealSystem, *, totals: Totals | None = None,
        on_step: Callable[[Seen], None] | None = None,
    ) -> None:  # fmt: skip
        """Runs initial(). Raises Mismatch, NotRunnable, OracleDied."""
        self.real, self.totals, self.on_step = real, totals or Totals(), on_step
        self.depth, self.number = 0, 0
        self.pending: tuple[str, Arguments] | None = None
        self.now = INITIAL
        self.done: list[str] = []
        self.expected: Observed = {}
        self.observed: Observed = {}
        self.system = _locked(design, tuple(real.entries), tuple(real.tail_calls))(scope)
        self.system.__dict__["lockstep"] = self
        self.totals.starts += 1
        real.start(self.system)
        self.system.initial()
        if not self.done and getattr(real, "compares_start", False):
            self._compare("start", ())
        self._tell()

    def step(self, name: str, args: Arguments) -> int:
        """Take a step; returns how many entries it made. Raises Disabled (then nothing happened), Mismatch,
        NotRunnable and OracleDied (then this lock-step is over)."""
        self.number += 1
        self.now, self.done = (name, args), []
        try:
            getattr(self.system, name)(*args)
        except Disabled:
            self.number -= 1
            raise
        self.totals.steps += 1
        if self.done:
            self.totals.replayed += 1
            self.totals.agreed += 1
        self._tell()
        return len(self.done)

    def _tell(self) -> None:
        if self.on_step is not None:
            self.on_step(Seen(self.now, self.expected, self.observed, tuple(self.done)))

    def enter(self, entry: str, function: Callable[..., Any], args: Arguments) -> Any:
        """An entry was called: in the model, and if it came from outside, on the real system, too."""
        if self.depth:
            return function(self.system, *args)
        why = self.real.not_runnable(entry, self.system, args)
        if why is not None:
            raise NotRunnable(f"{entry}(): {why}")
        self.depth, self.pending = 1, (entry, args)
        try:
            result = function(self.system, *args)
        except BaseException:
            self.pending = None
            raise
        finally:
            self.depth = 0
        self._perform_pending()
        return result

    def leave(self, function: Callable[..., Any], args: Arguments) -> Any:
        """A tail call: the entry that makes it is complete."""
        if not self.depth:
            return function(self.system, *args)
        self._perform_pending()
        self.depth = 0
        try:
            return function(self.system, *args)
        finally:
            self.depth = 1

    def _perform_pending(self) -> None:
        if self.pending is None:
            return
        entry, args = self.pending
        self.pending = None
        self.real.perform(entry, self.system, args)
        self.done.append(entry)
        self.totals.entries += 1
        self._compare(entry, args)

    def _compare(self, entry: str, args: Arguments) -> None:
        """Look at both. Raises Mismatch."""
        self.expected, self.observed = self.real.expected(self.system), self.real.observe(self.system)
        if self.expected != self.observed:
            if self.number:
                self.totals.steps += 1
                self.totals.replayed += 1
            self._tell()
            raise Mismatch(self.number, self.now, entry, args, _differences(self.expected, self.observed))


def _differences(expected: Observed, observed: Observed) -> tuple[Discrepancy, ...]:
    assert expected.keys() == observed.keys(), sorted(expected.keys() ^ observed.keys())
    return tuple(
        Discrepancy(name, expected[name], observed[name]) for name in expected if expected[name] != observed[name]
    )


_LOCKED: dict[tuple[type[Design], tuple[str, ...], tuple[str, ...]], type[Design]] = {}


def _locked(design: type[Design], entries: tuple[str, ...], tail_calls: tuple[str, ...]) -> type[Design]:
    """The subclass whose entries and tail calls go through its Cosimulation."""
    key = (design, entries, tail_calls)
    if key not in _LOCKED:
        body = {name: _entry(name, getattr(design, name)) for name in entries if hasattr(design, name)}
        body |= {name: _tail(getattr(design, name)) for name in tail_calls if hasattr(design, name)}
        _LOCKED[key] = type(design.__name__, (design,), {**body, "__module__": design.__module__})
    return _LOCKED[key]


def _entry(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def entry(self: Design, *args: Any) -> Any:
        return self.__dict__["lockstep"].enter(name, function, args)

    entry.__annotations__ = function.__annotations__
    return entry


def _tail(function: Callable[..., Any]) -> Callable[..., Any]:
    def tail(self: Design, *args: Any) -> Any:
        return self.__dict__["lockstep"].leave(function, args)

    return tail


def step_text(step: Step) -> str:
    """A step as it is told: its name, and its arguments in reports' words."""
    return f"{step[0]}({', '.join(map(show, step[1]))})"


def row_of(table: Table[int, Row], row: Row) -> int:
    """The number of a table's row, given as the record itself. Raises NotRunnable if it is none of them."""
    for number, other in enumerate(table.rows):
        if other is row:
            return number
    raise NotRunnable("it is called for a record that is no row of the table")


@dataclass
class Spelling:
    """How observables are spelled: a leaf's code as its value, anything else as a number."""

    design: type[Design]
    scope: Scope
    types: dict[str, Scalar] = field(default_factory=dict[str, Scalar])

    def __post_init__(self) -> None:
        self.types = {str(leaf): leaf.type for leaf in leaves(self.design.state_type(self.scope))}

    def text(self, name: str, code: int) -> str:
        of = self.types.get(name)
        if of is None:
            return str(code)
        try:
            return show(decode(of, code))
        except (RangeError, ValueError, IndexError):
            return f"{code} (no value of the model's)"
