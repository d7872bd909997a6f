"""Whether a run shows what is said of it, by nothing but the model's own Python: of runs that a search found and of told ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.engine.reference import Codes, Move, Reference, Value, bindings_of, is_of_edges
from model.lang import Fair, Property

PROMISED, NOT_PROMISED = "what was promised happens in it", "what the property speaks of does not happen in it"


@dataclass(frozen=True)
class Shown:
    """A run that CPython has taken: states, one more than moves. start: the step that its loop goes back to; stutter: it
    stays at the end."""

    reference: Reference
    p: Property
    states: Sequence[Codes]
    moves: Sequence[Move]
    start: int | None
    stutter: bool

    def why_not(self) -> str:
        """Why the run does not show what the property's kind says, for any values of its parameters, or ""."""
        unfair = self.why_no_lasso() if self.p.kind == "leads_to" else ""
        promised = "the last state does not show it" if self.p.kind != "leads_to" else PROMISED
        return unfair or ("" if self.bindings() else promised)

    def bindings(self) -> list[dict[str, object]]:
        """The values of the property's parameters of which the run shows it."""
        code = self.p.function.__code__
        names = code.co_varnames[: code.co_argcount]
        all_values = bindings_of(self.p, self.reference.scope)
        return [dict(zip(names[len(names) - len(v) :], v, strict=True)) for v in all_values if self.shows(v)]

    def shows(self, values: tuple[Value, ...]) -> bool:
        """For these values; of a lasso, p without q from there on and in the loop."""
        holds, function = self.reference.holds, self.p.function
        if self.p.kind == "leads_to":
            said = [holds(function, values, s) for s in self.states]
            after_q = max((i + 1 for i, (_, q) in enumerate(said) if q), default=0)
            return after_q <= self._begin and any(promised for promised, _ in said[after_q:])
        if is_of_edges(self.p):
            return len(self.states) > 1 and not self.reference.holds_on_edge(function, values, *self.states[-2:])
        return holds(function, values, self.states[-1]) is (self.p.kind == "reachable")

    def why_kept(self, values: tuple[Value, ...]) -> str:
        """Of a leads_to that the run does not break for these values."""
        said = [self.reference.holds(self.p.function, values, state) for state in self.states]
        return PROMISED if any(promised for promised, _ in said) else NOT_PROMISED

    @property
    def _begin(self) -> int:
        """The first state of what is repeated for ever."""
        return len(self.states) - 1 if self.start is None else self.start

    def why_no_lasso(self) -> str:
        """Why no fair run goes on for ever as it is said, or ""."""
        if self.start is not None and self.states[self.start] != self.states[-1]:
            return f"the last step does not lead back to the state before step {self.start + 1}"
        if self.start is None and not self.stutter:
            return "it neither loops nor stays"
        for move in self.moves[self._begin :]:
            if move.fair is Fair.FINITE:
                return f"{move.step} happens only finitely often"
        owed = self.owed()
        return f"{owed[0].step} would have to happen in the end" if owed else ""

    def owed(self) -> list[Move]:
        """What a fair run that repeats these states for ever would take in the end, and this one does not."""
        loop, taken = set(self.states[self._begin :]), set(self.moves[self._begin :])
        ever, always = set[Move](), set(self.reference.owed_moves) - taken
        for state in loop:
            enabled = {move for move in self.reference.owed_moves if self.reference.successor(state, move) is not None}
            ever, always = ever | enabled, always & enabled
        return [m for m in self.reference.owed_moves if m in (ever - taken if m.fair is Fair.STRONG else always)]
