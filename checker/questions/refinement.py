"""Two kernels in lock step: the shortest run after which somebody can tell them apart.

Both make the same moves from their initial states (every design is deterministic once the move is named), and all
pairs of states that this leads to are visited breadth first. A step that only one of them can take tells them apart,
unless it is one that nobody sees (then the other stands still), or the other has such a step to take first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from checker.engine.native import NoCompiler
from checker.engine.prepare import prepare
from checker.engine.reference import Codes, Move, Reference, Value
from checker.engine.search import NativeSearch, open_search
from checker.errors import InternalError
from checker.language.layout import Leaf, leaves
from checker.matrix.cells import Cell
from checker.stories.trace import show
from model.finite import decode
from model.machine import Machine
from properties.compat import INTERNAL, UNSEEN, Claim

Key = tuple[str, tuple[Value, ...]]  # a move of either design
State: TypeAlias = Codes | bytes  # of the reference engine, of the native one
PairState = tuple[State, State]
Parents = Mapping[PairState, tuple[PairState, int, Key] | None]
BOTH, BASE, DESIGN = 0, 1, 2  # who takes a move


@dataclass(frozen=True)
class Divergence:
    """`moves`: who took which move. `told`: the side (BASE or DESIGN) that took the last one, or both did. What differs
    is `what`, with the value of either; or a move that only `possible` (BASE or DESIGN) could take next."""

    moves: tuple[tuple[int, Move], ...]
    what: str
    base: str
    design: str

    def of(self, side: int) -> list[Key]:
        """The moves of one design."""
        return [(move.step, move.args) for who, move in self.moves if who in (BOTH, side)]

    @property
    def teller(self) -> int:
        """The side whose run shows the last move."""
        return BASE if self.moves and self.moves[-1][0] == BASE else DESIGN


@dataclass(frozen=True)
class Compared:
    """pairs: how many were visited; complete: False if a limit was reached first. `fired`: moves that both took."""

    pairs: int
    complete: bool
    divergence: Divergence | None
    fired: int

    @property
    def verdict(self) -> str:
        if self.divergence is not None:
            return "DIFFERS"
        return "SAME" if self.complete and self.fired else "INCONCLUSIVE"


class Side:
    """One of the two systems: successors and what can be seen of a state."""

    def __init__(self, cell: Cell, engine: str) -> None:
        self.reference = Reference(cell.system, cell.scope)
        self.leaves = {str(leaf): (k, leaf) for k, leaf in enumerate(leaves(cell.system.state_type(cell.scope)))}
        self.of_state: dict[State, dict[int, State]] = {}
        self.seen: dict[State, Codes] = {}
        self.native: NativeSearch | None = None
        if engine != "reference":
            try:
                search = open_search(prepare(cell.system, cell.scope, []), self.reference, engine)
                self.native = search if isinstance(search, NativeSearch) else None
            except NoCompiler:
                if engine == "native":
                    raise
        self.start: State = self.reference.start if self.native is None else self.native.exploration.state(0)

    def codes(self, state: State) -> Codes:
        return self.native.layout.from_bytes(state) if self.native and isinstance(state, bytes) else tuple(state)

    def successors(self, state: State) -> dict[int, State]:
        """Move number -> next state. Raises InternalError if a step stores out of range: `eoi prove` says which."""
        found = self.of_state.get(state)
        if found is None:
            if self.native is not None and isinstance(state, bytes):
                found = dict[int, State](self.native.exploration.successors(state))
            else:
                found = dict[int, State](self.reference.successors(self.codes(state)))
            self.of_state[state] = found
            if any(label & 0x8000 for label in found):
                raise InternalError("a step of this model stores out of range")
        return found

    def look(self, state: State, chosen: Sequence[int]) -> Codes:
        """The chosen fields, and the version that the guest reads from the I/O APIC."""
        found = self.seen.get(state)
        if found is None:
            codes = self.codes(state)
            version = self.reference.holds(version_register, (), codes)
            found = self.seen[state] = (*(codes[k] for k in chosen), version)
        return found


def version_register(system: Machine) -> int:
    """What the guest reads from the I/O APIC, whatever the kernel makes it from."""
    return system.ioapic_version().value


def pattern(leaf: Leaf) -> str:
    """apic[0].irr -> apic[].irr"""
    return "".join("[]" if isinstance(p, int) else f".{p}" for p in leaf.path).lstrip(".")


def own_fields(role: type) -> set[str]:
    """The fields that a role declares for itself: nobody else reads them, so they show in what follows only."""
    classes = [cls for cls in role.__mro__ if issubclass(cls, Machine) and cls is not Machine]
    return {name for cls in classes for name in vars(cls).get("__annotations__", {})}


class LockStep:
    """The pairs of one claim in one cell of the matrix."""

    def __init__(self, claim: Claim, base: Cell, design: Cell, engine: str = "auto") -> None:
        self.sides = {BASE: Side(base, engine), DESIGN: Side(design, engine)}
        self.claim = claim
        unseen = {*UNSEEN, *claim.unseen}
        private = own_fields(base.system.__bases__[0]) | own_fields(design.system.__bases__[0])
        seen_by_both = {
            path: leaf for path, (_, leaf) in self.sides[BASE].leaves.items()
            if path in self.sides[DESIGN].leaves and leaf.path[0] not in private
        }  # fmt: skip
        self.paths = [path for path, leaf in seen_by_both.items() if pattern(leaf) not in unseen]
        self.columns = {side: [s.leaves[path][0] for path in self.paths] for side, s in self.sides.items()}
        numbers = [{(m.step, m.args): n for n, m in enumerate(s.reference.moves)} for s in self.sides.values()]
        keys = [key for key in {**numbers[0], **numbers[1]} if not self.left_out(key)]
        self.moves = [(key, numbers[0].get(key, -1), numbers[1].get(key, -1), key[0] in INTERNAL) for key in keys]
        self.of_base = {move[1]: move for move in self.moves}
        self.of_design = {move[2]: move for move in self.moves}
        self.internal = {
            BASE: [b for _, b, _, inner in self.moves if inner], DESIGN: [d for _, _, d, inner in self.moves if inner],
        }  # fmt: skip
        self.fired = 0

    def left_out(self, key: Key) -> bool:
        """The claim does not speak of this move."""
        step, args = key
        if step not in self.claim.without:
            return False
        function = getattr(self.sides[DESIGN].reference.design, step)
        values = dict(zip(function.__code__.co_varnames[1:], args, strict=False))
        forbidden = self.claim.without[step]
        return not forbidden or any(values[name] in which for name, which in forbidden.items())

    def compare(self, max_pairs: int | None = None) -> Compared:
        """Visit the pairs until they can be told apart or all have been visited."""
        start = (self.sides[BASE].start, self.sides[DESIGN].start)
        parents: dict[PairState, tuple[PairState, int, Key] | None] = {start: None}
        found = self._differs(start)
        if found is not None:
            return Compared(1, True, Divergence((), *found), 0)
        queue = [start]
        for pair in queue:  # grows at its end: breadth first
            if max_pairs is not None and len(queue) > max_pairs:
                return Compared(len(queue), False, None, self.fired)
            for who, key, after in self._steps(pair):
                if after is None:
                    name = f"{key[0]}({', '.join(map(show, key[1]))})"
                    told = "possible", "not possible"
                    base, design = told if who == BASE else told[::-1]
                    moves = self._moves(parents, pair)
                    return Compared(len(parents), True, Divergence(moves, name, base, design), self.fired)
                if after in parents:
                    continue
                parents[after] = (pair, who, key)
                found = self._differs(after)
                if found is not None:
                    return Compared(len(parents), True, Divergence(self._moves(parents, after), *found), self.fired)
                queue.append(after)
        return Compared(len(queue), True, None, self.fired)

    def _steps(self, pair: PairState) -> list[tuple[int, Key, PairState | None]]:
        """(who, move, next pair); no next pair where a move that can be seen is possible for one of them only."""
        base, design = self.sides[BASE].successors(pair[0]), self.sides[DESIGN].successors(pair[1])
        found = list[tuple[int, Key, PairState | None]]()
        for label, following in base.items():
            move = self.of_base.get(label)
            if move is None:
                continue
            key, _, number, internal = move
            other = design.get(number)
            if other is not None:
                self.fired += 1
                found.append((BOTH, key, (following, other)))
            elif internal:
                found.append((BASE, key, (following, pair[1])))
            elif not self._comes_to(DESIGN, pair[1], number):
                found.append((BASE, key, None))
        for label, following in design.items():
            move = self.of_design.get(label)
            if move is None or move[1] in base:
                continue
            if move[3]:
                found.append((DESIGN, move[0], (pair[0], following)))
            elif not self._comes_to(BASE, pair[0], move[1]):
                found.append((DESIGN, move[0], None))
        return found

    def _comes_to(self, side: int, state: State, label: int) -> bool:
        """The move is possible after steps that nobody sees begin. (That there is such a step is not enough: it may go on for
        ever and never come to where the move is possible.)"""
        reached = [state]
        for one in reached:  # grows at its end
            after = self.sides[side].successors(one)
            if label in after:
                return True
            reached += [s for n in self.internal[side] if (s := after.get(n)) is not None and s not in reached]
        return False

    def _differs(self, pair: PairState) -> tuple[str, str, str] | None:
        """The first field that differs, with both values."""
        looks = [self.sides[side].look(pair[side - 1], self.columns[side]) for side in (BASE, DESIGN)]
        if looks[0] == looks[1]:
            return None
        k = next(i for i, (one, two) in enumerate(zip(*looks, strict=True)) if one != two)
        if k == len(self.paths):
            return "the I/O APIC's version", f"{looks[0][k]:#x}", f"{looks[1][k]:#x}"
        leaf: Leaf = self.sides[BASE].leaves[self.paths[k]][1]
        return self.paths[k], show(decode(leaf.type, looks[0][k])), show(decode(leaf.type, looks[1][k]))

    def _moves(self, parents: Parents, pair: PairState) -> tuple[tuple[int, Move], ...]:
        """Who made which move on the way to a pair; each is taken again in CPython."""
        path = list[tuple[int, Key]]()
        step = parents[pair]
        while step is not None:
            path.append(step[1:])
            step = parents[step[0]]
        path.reverse()
        for side in (BASE, DESIGN):
            reference = self.sides[side].reference
            by_key = {(m.step, m.args): m for m in reference.moves}
            state: Codes | None = reference.start
            for who, key in path:
                if who in (BOTH, side) and state is not None:
                    state = reference.successor(state, by_key[key])
            if state != self.sides[side].codes(pair[side - 1]):
                raise InternalError("the lock-step run cannot be repeated in CPython")
        moves = {(m.step, m.args): m for s in self.sides.values() for m in s.reference.moves}
        return tuple((who, moves[key]) for who, key in path)
