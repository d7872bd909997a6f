"""The ways through the statements that a piece of C shows: what is so on one of them, at each place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lift.cparse import Stmt

State = frozenset[str]  # what may be so of one thing; nothing: no way leads here
NEVER: State = frozenset()


class Flow:
    """Of one thing. step: what a statement's own expression makes of it; leaves: is asked of each statement that goes away from
    what is shown; hidden: what is so on ways that come from lines that are not shown."""

    def __init__(
        self, step: Callable[[Stmt, State], State], leaves: Callable[[Stmt, State], None], hidden: State
    ) -> None:
        self.step, self.leaves, self.hidden = step, leaves, hidden
        self.gone: dict[str, State] = {}  # label -> what is so where one goes to it
        self.shown: set[str] = set()  # labels
        self.breaks: list[State] = []  # of the loops and switches around, from the outermost on
        self.continues: list[State] = []  # of the loops around
        self.begins: list[State] = []  # of the switches around

    def run(self, stmts: Sequence[Stmt], state: State) -> State:
        """At the end. A `goto` may go back, so that it is run again with what is known by then."""
        self.shown = {s.name for s in flat(stmts) if s.kind == "label"}
        self.through(stmts, state)
        return self.through(stmts, state)

    def through(self, stmts: Sequence[Stmt], state: State) -> State:
        for s in stmts:
            state = self.one(s, state)
        return state

    def one(self, s: Stmt, state: State) -> State:
        match s.kind:
            case "block":
                return self.through(s.then, state)
            case "if":
                return self.branches(s, self.step(s, state))
            case "for" | "foreach" | "while" | "do":
                return self.loop(s, state)
            case "switch":
                return self.switch(s, self.step(s, state))
            case "case" | "default":
                return state | (self.begins[-1] if self.begins else self.hidden)
            case "label":
                new = all(t.changed for t in s.tokens)
                return state | self.gone.get(s.name, NEVER) | (NEVER if new else self.hidden)
            case "close":
                return state | self.hidden
            case "otherwise":
                return state | self.through(s.then, self.hidden)
            case "return" | "break" | "continue" | "goto":
                return self.away(s, self.step(s, state))
            case _:
                return self.step(s, state)

    def branches(self, s: Stmt, state: State) -> State:
        then = self.through(s.then, state)
        other = self.through(s.other, state)
        return (other if s.other else then) if s.open else then | other

    def away(self, s: Stmt, state: State) -> State:
        if s.kind == "goto" and s.name in self.shown:
            self.gone[s.name] = self.gone.get(s.name, NEVER) | state
        elif s.kind == "break" and self.breaks:
            self.breaks[-1] |= state
        elif s.kind == "continue" and self.continues:
            self.continues[-1] |= state
        elif state:
            self.leaves(s, state)
        return NEVER

    def loop(self, s: Stmt, state: State) -> State:
        """Until nothing is added: of one thing there is not much to say."""
        while True:
            self.breaks.append(NEVER)
            self.continues.append(NEVER)
            begun = state if s.kind == "do" else self.step(s, state)
            end = self.through(s.then, begun) | self.continues.pop()
            end = self.step(s, end) if s.kind == "do" else end
            left = self.breaks.pop()
            if end <= state:
                return end if s.open else left | (end if s.kind == "do" else begun)
            state |= end

    def switch(self, s: Stmt, state: State) -> State:
        self.breaks.append(NEVER)
        self.begins.append(state)
        end = self.through(s.then, NEVER)
        self.begins.pop()
        end |= self.breaks.pop()
        return end if any(x.kind == "default" for x in s.then) else end | state


def flat(stmts: Sequence[Stmt]) -> list[Stmt]:
    """With those that stand in them, in the order of the lines."""
    return [x for s in stmts for x in (s, *flat(s.then), *flat(s.other))]
