"""The steps of a run taken again, on the system that it is of or on another one; and where two such runs part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.engine.reference import Codes, Move, Reference
from checker.language.layout import Leaf, leaves
from checker.questions.shown import Shown
from checker.questions.verdict import Run
from checker.stories.replay import Steps
from checker.stories.trace import show
from model.finite import decode
from model.lang import Property


class Rerun:
    """A story's run that is being taken again. start: the step that its loop goes back to; stutter: it stays at the end."""

    def __init__(self, reference: Reference, p: Property, start: int | None, stutter: bool) -> None:
        self.reference, self.p, self.start, self.stutter = reference, p, start, stutter
        self.states: list[Codes] = [reference.start]
        self.moves: list[Move] = []

    @property
    def shown(self) -> Shown:
        return Shown(self.reference, self.p, self.states, self.moves, self.start, self.stutter)

    @property
    def run(self) -> Run:
        return Run(tuple(self.moves), tuple(self.states), self.start, self.stutter)

    def layout(self) -> list[Leaf]:
        """What a state's codes stand for."""
        return list(leaves(self.reference.design.state_type(self.reference.scope)))

    def named(self, state: Codes) -> dict[str, str]:
        """A state as text, by field."""
        return {str(leaf): show(decode(leaf.type, code)) for leaf, code in zip(self.layout(), state, strict=True)}

    def take(self, path: Steps) -> str:
        """Take the steps; returns why it came to a halt, or ""."""
        for number, (step, args) in enumerate(path, 1):
            told = f"{step}({', '.join(map(show, args))})"
            move = next((m for m in self.reference.moves if m.step == step and m.args == args), None)
            if move is None:
                return f"step {number}, {told}, is none of this system"
            after = self.reference.successor(self.states[-1], move)
            if after is None:
                return f"step {number}, {told}, is not possible here"
            self.states.append(after)
            self.moves.append(move)
        return ""


@dataclass(frozen=True)
class LeafApart:
    """A field that both systems have, with the value that each gives it."""

    leaf: str
    here: str
    there: str


@dataclass(frozen=True)
class Parted:
    """After how many steps two runs differ first, 0 for the initial state, and in what."""

    number: int
    leaves: Sequence[LeafApart]


def parting(here: Rerun, there: Rerun) -> Parted | None:
    """Where the states of two runs of the same steps differ first, as far as both were taken."""
    alike = here.layout() == there.layout()
    for number, (state, other) in enumerate(zip(here.states, there.states, strict=False)):
        if alike and state == other:
            continue
        a, b = here.named(state), there.named(other)
        apart = [LeafApart(leaf, a[leaf], b[leaf]) for leaf in a if leaf in b and a[leaf] != b[leaf]]
        if apart:
            return Parted(number, apart)
    return None
