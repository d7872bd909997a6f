"""Toys whose mutants can be counted by hand. The scope has two places and, where it matters, one choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from model.lang import Design, Index, Mask, Property, Scope, Struct, Table, always, require, step
from oracles.mutation.judge import Bounds, MutantJudge, Observables

Place: TypeAlias = Annotated[int, Index("places")]


@dataclass(frozen=True)
class ToyScope(Scope):
    places: int = 2


class Lamp(Design):
    """`stuck` is never set."""

    on: bool
    stuck: bool

    @step(by="hand")
    def press(self) -> None:
        if not self.stuck:
            self.on = True


class Parcel(Design):
    """What is sent arrives only if it was packed, which cannot be seen."""

    packed: bool
    arrived: bool

    @step(by="sender")
    def pack(self) -> None:
        self.packed = True

    @step(by="post")
    def send(self) -> None:
        require(self.packed)
        self.arrived = True


class Diary(Design):
    """What is noted is never read; what is behind `locked` never happens."""

    noted: bool
    locked: bool
    shown: bool

    @step(by="writer")
    def write(self) -> None:
        self.noted = True
        self.shown = not self.shown
        if self.locked:
            self.shown = False


class Queue(Design):
    """The highest waiting place is served."""

    waiting: Mask[Place]
    served: Place | None = None
    first: Place = 1

    def initial(self) -> None:
        self.prefer(1)

    def prefer(self, place: Place) -> None:
        self.first = place

    @step(by="guest")
    def arrive(self, place: Place) -> None:
        self.waiting.add(place)

    @step(by="host")
    def serve(self) -> None:
        place = self.waiting.highest()
        if place is None:
            return
        self.waiting.discard(place)
        self.served = place


class Post(Design):
    """Letters are counted by what is called."""

    sent: Table[Place, bool]

    def letter(self, to: Place, sender: Place) -> None:
        """A letter leaves."""

    @step(by="post")
    def write_to(self, to: Place, sender: Place) -> None:
        if to != sender:
            self.letter(to, sender)


class Pair(Struct):
    left: bool
    right: bool


class Order(Design):
    """Statements that depend on each other, and ones that do not."""

    pair: Pair

    @step(by="hand")
    def turn(self) -> None:
        require(not self.pair.left)
        pair = self.pair
        pair.left = True
        pair.right = pair.left


class Asked(Design):
    """A function with a value, and two ways to its end."""

    pair: Pair

    def is_one(self, left: bool, right: bool) -> bool:
        if left:
            return not right
        return False

    @step(by="hand")
    def ask(self) -> None:
        self.pair.left = self.is_one(self.pair.left, self.pair.right)


def everything(function: Any) -> str | None:
    """Rules that take every function."""
    return "toy" if function.owner != "properties" else None


def judge(
    design: type[Design], seen: Iterable[str], *, calls: Sequence[str] = (), pairs: int = 10_000,
    conditions: Sequence[Property] = (),
) -> MutantJudge:  # fmt: skip
    observables = Observables(tuple(seen), conditions, tuple(calls))
    return MutantJudge(design, ToyScope(), observables, everything, Bounds(10_000, pairs))


class Door(Design):
    """A step that could be taken again without effect: its `require` says when, not what."""

    open: bool

    @step(by="hand")
    def push(self) -> None:
        require(not self.open)
        self.open = True


class Sign(Design):
    """What can be seen is what a function says."""

    lit: bool
    place: Place | None = None

    def shows(self) -> bool:
        place = self.place
        if place is None:
            return self.lit
        return place > 0

    @step(by="hand")
    def turn(self) -> None:
        self.lit = not self.lit


@always()
def sign_shows(s: Sign) -> bool:
    """Seen."""
    return s.shows()
