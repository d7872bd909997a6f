"""A little design and a second implementation of it in Python, with bugs to be switched on, for lock-step tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from model import lang
from model.lang import Design, Index, Mask, require, step
from oracles.lockstep import NotRunnable, Observed

Slot: TypeAlias = Annotated[int, Index("slots")]


@dataclass(frozen=True)
class Slots(lang.Scope):
    slots: int = 3


class Counter(Design):
    """A set of slots that others fill and empty; `user_handles` is called by the set and may fill it again."""

    scope: Slots
    full: Mask[Slot]
    handled: Mask[Slot]
    broken: bool

    def initial(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.full.clear()

    def put(self, slot: Slot) -> None:
        self.full.add(slot)

    def take(self, slot: Slot) -> None:
        self.full.discard(slot)
        if slot == 0:
            self.put(1)  # its own call: the real thing makes its own
        self.user_handles(slot)

    @step(by="user")
    def user_puts(self, slot: Slot) -> None:
        require(slot not in self.full)
        self.put(slot)

    @step(by="user")
    def user_takes(self, slot: Slot) -> None:
        require(slot in self.full)
        self.take(slot)

    @step(by="user")
    def user_thinks(self) -> None:
        self.handled.clear()

    def user_handles(self, slot: Slot) -> None:
        """Where the design calls back: what it does then comes from outside."""
        self.handled.add(slot)
        if slot == 2:
            self.put(0)


class RealCounter:
    """The second implementation. bug: "" for none, "keeps2" (taking 2 leaves it full), "silent1" (1 is never put)."""

    entries = ("reset", "put", "take")
    tail_calls = ("user_handles",)
    compares_start = True
    differences = ("none",)

    def __init__(self, bug: str = "", cannot: str = "") -> None:
        self.title, self.bug, self.cannot = f"a Python set, bug {bug or 'none'}", bug, cannot
        self.slots: set[int] = set()
        self.performed: list[tuple[str, tuple[Any, ...]]] = []
        self.started = self.closed = 0

    def start(self, system: Design) -> None:
        self.slots, self.performed = {2}, []  # initial() resets it
        self.started += 1

    def not_runnable(self, entry: str, system: Design, args: Sequence[Any]) -> str | None:
        return "not here" if entry == self.cannot else None

    def perform(self, entry: str, system: Design, args: Sequence[Any]) -> None:
        self.performed.append((entry, tuple(args)))
        if entry == "reset":
            self.slots.clear()
        elif entry == "put" and not (self.bug == "silent1" and args[0] == 1):
            self.slots.add(args[0])
        elif entry == "take":
            if not (self.bug == "keeps2" and args[0] == 2):
                self.slots.discard(args[0])
            if args[0] == 0:
                self.slots.add(1)
        if self.bug == "refuses" and entry == "take":
            raise NotRunnable("it will not give anything back")

    def observe(self, system: Design) -> Observed:
        return {"full": sum(1 << s for s in self.slots)}

    def expected(self, system: Any) -> Observed:
        return {"full": system.full.bits}

    def close(self) -> None:
        self.closed += 1
