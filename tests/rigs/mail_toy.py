"""A toy for the z3 back-end: two boxes, two letters. Small enough to try every state, reachable or not, and
it can store out of range, which only unreachable states of a good model do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, TypeAlias

from model.lang import Design, Fair, Index, Mask, Scope, Struct, Table, always, leads_to, require, step

Who: TypeAlias = Annotated[int, Index("people")]
Letter: TypeAlias = Annotated[int, Index("letters")]


class Mood(Enum):
    CALM = "calm"
    CROSS = "cross"


@dataclass(frozen=True)
class MailScope(Scope):
    people: int = 2
    letters: int = 2
    forward: bool = False


class Box(Struct):
    slot: Mask[Letter]
    top: Letter | None = None


class Mail(Design):
    scope: MailScope  # pyright: ignore[reportIncompatibleVariableOverride]
    box: Table[Who, Box]
    to: Who | None = None
    hops: Annotated[int, Index(3)] = 0
    mood: Mood = Mood.CALM

    def best(self, box: Box) -> Letter | None:
        letter = box.slot.highest()
        if letter is None or box.top is None:
            return box.slot.lowest()
        return letter

    def note(self, box: Box, letter: Letter) -> None:
        top = box.top
        if top is not None and top >= letter:
            return
        box.top = letter

    @step(by="clerk", fair=Fair.FREE)
    def send(self, letter: Letter, mood: Mood) -> None:
        require(self.mood == mood)
        dest = self.to
        if dest is None:
            return
        box = self.box[dest]
        if letter in box.slot and not self.scope.forward:
            self.to = None
            return
        box.slot.add(letter)
        self.note(box, letter)

    @step(by="reader", fair=Fair.WEAK)
    def take(self, who: Who) -> None:
        box = self.box[who]
        letter = require(self.best(box))
        box.slot.discard(letter)
        box.top = None
        for other, its in self.box.items():
            if other == who:
                continue
            if letter in its.slot:
                self.hops = self.hops + 1
                break
            its.slot = its.slot | box.slot

    @step(by="clerk")
    def aim(self) -> None:
        require(any(not self.box[w].slot for w in self.box))
        self.to = self.hops - 1

    @step(by="clerk")
    def swap(self, who: Who) -> None:
        to = require(self.to)
        mine = self.box[who]
        its = self.box[to]
        mine.slot = its.slot - mine.slot
        if self.box[to].top is not None:
            its.top = mine.top
        self.mood = Mood.CROSS if mine.slot else Mood.CALM


@always()
def top_is_a_letter_of_the_box(s: Mail, who: Who) -> bool:
    """Holds at first, but taking the lower letter moves letters about."""
    top = s.box[who].top
    return top is None or top in s.box[who].slot


@always()
def few_hops(s: Mail) -> bool:
    """Not inductive: from one hop to two."""
    return s.hops <= 1


@always()
def sent_to_somebody(s: Mail) -> bool:
    """Violated in the initial state."""
    return s.to is not None


@always()
def nobody_is_cross_about_nothing(s: Mail, who: Who) -> bool:
    """Trivial, so inductive."""
    return s.mood == Mood.CALM or s.mood == Mood.CROSS or not s.box[who].slot


@always()
def top_needs_a_letter_somewhere(s: Mail, who: Who) -> bool:
    """A weaker form of the first."""
    return s.box[who].top is None or any(s.box[w].slot for w in s.box)


@always()
def hops_never_fall(before: Mail, after: Mail) -> bool:
    """True of every step."""
    return before.hops <= after.hops


@always()
def boxes_only_fill(before: Mail, after: Mail, who: Who) -> bool:
    """False: letters are taken."""
    return not (before.box[who].slot - after.box[who].slot)


@leads_to()
def a_letter_is_read(s: Mail, who: Who) -> tuple[bool, bool]:
    """Not for induction."""
    return s.box[who].top is not None, not s.box[who].slot


PROPERTIES = [
    top_is_a_letter_of_the_box,
    few_hops,
    sent_to_somebody,
    nobody_is_cross_about_nothing,
    top_needs_a_letter_somewhere,
    hops_never_fall,
    boxes_only_fill,
    a_letter_is_read,
]
