"""The reading half of a symbolic run: names, places and expressions of the IR as terms.

A place is a list of alternatives, "leaf k if this condition holds": its indices are evaluated when the
place is named, which is what the IR asks for `Bind` and for parameters that are passed by reference.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeAlias, assert_never, cast

from checker.engine.identity import LastAsked
from checker.language import ir
from checker.language.layout import leaves
from checker.symbolic.terms import Bits, Term, Terms, Truth, both, either, negation
from model.finite import BoolType, MaskType, Scalar, StructType, TableType, Type


@dataclass(frozen=True, slots=True)
class Alternative:
    """The place begins at this leaf (of the state, or of the state before the step) if `condition`."""

    condition: Truth
    before: bool
    leaf: int


Location: TypeAlias = tuple[Alternative, ...]
Meaning: TypeAlias = Term | Location  # what a name stands for
Number: TypeAlias = ir.Arith | ir.IsSome | ir.Unwrap | ir.Wrap | ir.Contains | ir.MaskEdit | ir.MaskOp | ir.MaskPick


@cache
def leaf_count(of: Type) -> int:
    return sum(1 for _ in leaves(of))


@cache
def field_offset(of: Type, name: str) -> int:
    """Leaves of a struct that come before one of its fields."""
    assert isinstance(of, StructType), of
    names = [field for field, _ in of.fields]
    return sum(leaf_count(kind) for _, kind in of.fields[: names.index(name)])


def restrict(place: Location, condition: Truth) -> Location:
    narrowed = (Alternative(both(a.condition, condition), a.before, a.leaf) for a in place)
    return tuple(a for a in narrowed if a.condition is not False)


def scalar(of: Type) -> Scalar:
    assert not isinstance(of, StructType | TableType), of
    return of


def literal(of: Scalar, code: int) -> Term:
    """A code as a constant term."""
    return bool(code) if isinstance(of, BoolType) else code


def _members(mask: ir.Expr) -> int:
    assert isinstance(mask.type, MaskType), mask
    return mask.type.of.hi + 1


def _live(base: Truth, returned: Truth, broke: Truth, continued: Truth) -> Truth:
    return both(base, negation(either(returned, either(broke, continued))))


def _live_unless(entry: Truth, live: Truth, stopped: Truth) -> Truth:
    return both(both(entry, live), negation(stopped))


class Frame:
    """The names and the control state of one call.

    entry: the condition, seen from the start of the step, under which the call happens. The others are
    seen from the start of the call: `base`, the tests around the current statement, and the conditions
    under which the path was left.
    """

    def __init__(self, entry: Truth, terms: Terms) -> None:
        self.entry = entry
        self.base: Truth = True
        self.returned: Truth = False
        self.broke: Truth = False
        self.continued: Truth = False
        self.result: Term | None = None
        self._terms = terms
        # Asked at each statement, and seldom of another state of things than at the statement before.
        self._live, self._live_unless = LastAsked(_live), LastAsked(_live_unless)
        # What a name stands for in the rest of the block that gave it its value: no older value can show.
        self._settled: dict[str, Meaning] = {}
        # All its values with their live conditions, oldest first: for uses after that block.
        self._history: dict[str, list[tuple[Truth, Meaning]]] = {}

    def live(self) -> Truth:
        return self._live(self.base, self.returned, self.broke, self.continued)

    def live_unless(self, stopped: Truth) -> Truth:
        """Also seen from the start of the step, which stops under this condition."""
        return self._live_unless(self.entry, self.live(), stopped)

    def set(self, name: str, value: Meaning) -> None:
        live = self.live()
        self._settled[name] = value
        older = [] if live is True else self._history.get(name, [])
        self._history[name] = [*older, (live, value)]

    def get(self, name: str) -> Meaning:
        if name in self._settled:
            return self._settled[name]
        (_, value), *newer = self._history[name]
        for live, other in newer:
            value = self._merged(live, other, value)
        return value

    def _merged(self, live: Truth, new: Meaning, old: Meaning) -> Meaning:
        if isinstance(new, tuple):
            return restrict(cast(Location, new), live) + restrict(old, negation(live))
        return self._terms.choose(live, new, old)

    @contextmanager
    def block(self, test: Truth) -> Generator[None, None, None]:
        """A nested block (or operand) that runs if `test`."""
        base, settled = self.base, self._settled
        self.base, self._settled = both(base, test), dict(settled)
        yield
        inner = self._settled
        self.base, self._settled = base, {n: v for n, v in settled.items() if inner.get(n) is v}

    @contextmanager
    def loop(self) -> Generator[None, None, None]:
        """What left the enclosing loop's iteration stays left; `break` in here ends with this loop."""
        base, broke, continued = self.base, self.broke, self.continued
        self.base = both(base, negation(either(broke, continued)))
        self.broke = self.continued = False
        yield
        self.base, self.broke, self.continued = base, broke, continued


class Caller(Protocol):
    """What runs the functions that an expression calls (smt.Execution)."""

    def live(self, frame: Frame) -> Truth:
        """The condition, seen from the start of the step, under which the current statement runs."""

    def call(self, name: str, args: Sequence[Meaning], entry: Truth = True) -> Term:
        """Run a function. args: terms, and Locations for what is passed by reference."""


class Values:
    """Expressions and places over a state of terms: `now`, as its owner changes it, and `before` the step. `reads`: the
    leaves that were loaded, which for a constant state are exactly those that CPython reads."""

    def __init__(
        self, terms: Terms, state: StructType, choices: dict[str, Term], now: Sequence[Term],
        before: Sequence[Term] | None, caller: Caller,
    ) -> None:  # fmt: skip
        self.now, self.before = now, before
        self.reads: set[int] = set()
        self._choices, self._terms, self._caller, self._state = choices, terms, caller, state

    def value(self, frame: Frame, expr: ir.Expr) -> Term:
        match expr:
            case ir.Const(code=code, type=of):
                return literal(of, code)
            case ir.Choice(name=name):
                return self._choices[name]
            case ir.Local(name=name):
                return frame.get(name)
            case ir.Load(place=place, type=of):
                return self._load(self.place(frame, place), of)
            case ir.Not(operand=operand):
                return negation(self.value(frame, operand))
            case ir.Logic():
                return self._logic(frame, expr)
            case ir.Compare(op=op, left=left, right=right):
                return self._terms.compare(op, self.value(frame, left), self.value(frame, right))
            case ir.IfElse():
                return self._if_else(frame, expr)
            case ir.Quantified():
                return self._quantified(frame, expr)
            case ir.Call(function=function, args=args):
                return self._caller.call(function, self.arguments(frame, args), self._caller.live(frame))
            case _:
                return self._number(frame, expr)

    def _number(self, frame: Frame, expr: Number) -> Term:
        terms = self._terms
        match expr:
            case ir.Arith(op=op, left=left, right=right):
                a, b = self.value(frame, left), self.value(frame, right)
                return a + b if op == "+" else a - b
            case ir.IsSome(operand=operand):
                return negation(terms.equal(self.value(frame, operand), 0))
            case ir.Unwrap(operand=operand):
                return self.value(frame, operand) - 1
            case ir.Wrap(operand=operand):
                return self.value(frame, operand) + 1
            case ir.Contains(mask=mask, element=element):
                return terms.contains(self.value(frame, mask), self.value(frame, element))
            case ir.MaskEdit(op=op, mask=mask, element=element):
                bits, one = self.value(frame, mask), terms.single(self.value(frame, element))
                return terms.union(bits, one) if op == "with" else terms.difference(bits, one)
            case ir.MaskOp(op=op, left=left, right=right):
                apply = {"|": terms.union, "&": terms.meet, "-": terms.difference}[op]
                return apply(self.value(frame, left), self.value(frame, right))
            case ir.MaskPick(op=op, mask=mask):
                pick = terms.highest if op == "highest" else terms.lowest
                return pick(self.value(frame, mask), _members(mask))
            case _:
                assert_never(expr)

    def _logic(self, frame: Frame, expr: ir.Logic) -> Truth:
        """The right operand is evaluated only if the left one does not decide, as in Python: it may call a
        function with a checked local."""
        left = self.value(frame, expr.left)
        needed = left if expr.op == "and" else negation(left)
        if needed is False:
            return left
        with frame.block(needed):
            right = self.value(frame, expr.right)
        return both(left, right) if expr.op == "and" else either(left, right)

    def _if_else(self, frame: Frame, expr: ir.IfElse) -> Term:
        test = self.value(frame, expr.test)
        if isinstance(test, bool):
            return self.value(frame, expr.then if test else expr.other)
        with frame.block(test):
            then = self.value(frame, expr.then)
        with frame.block(negation(test)):
            other = self.value(frame, expr.other)
        return self._terms.choose(test, then, other)

    def _quantified(self, frame: Frame, expr: ir.Quantified) -> Truth:
        decides, join = (True, either) if expr.op == "any" else (False, both)
        result: Truth = not decides
        for index in range(expr.over.lo, expr.over.hi + 1):
            if result is decides:
                break
            with frame.block(negation(result) if decides else result):
                frame.set(expr.var, index)
                result = join(result, self.value(frame, expr.body))
        return result

    def place(self, frame: Frame, place: ir.Place) -> Location:
        match place:
            case ir.State():
                return (Alternative(True, False, 0),)
            case ir.Before():
                return (Alternative(True, True, 0),)
            case ir.Alias(name=name):
                found: Location = frame.get(name)
                return found
            case ir.FieldOf(base=base, name=name):
                whole = isinstance(base, ir.State | ir.Before)
                offset = field_offset(self._state if whole else base.type, name)
                at = self.place(frame, base)
                return tuple(Alternative(a.condition, a.before, a.leaf + offset) for a in at)
            case ir.RowOf(base=base, index=index, type=of):
                at = self.place(frame, base)
                rows = self._rows(ir.table_of(place).rows, self.value(frame, index))
                return tuple(
                    Alternative(both(a.condition, chosen), a.before, a.leaf + row * leaf_count(of))
                    for row, chosen in rows
                    for a in at
                )
            case _:
                assert_never(place)

    def _rows(self, count: int, index: Bits) -> list[tuple[int, Truth]]:
        """The rows that an index may choose, each with the condition that it does."""
        chosen = [(row, self._terms.equal(index, row)) for row in range(count)]
        return [(row, condition) for row, condition in chosen if condition is not False]

    def _load(self, place: Location, of: Scalar) -> Term:
        term: Term | None = None
        for alternative in reversed(place):
            self.reads.add(alternative.leaf)
            source = self.before if alternative.before else self.now
            assert source is not None, "a property of states reads the state before the step"
            leaf = source[alternative.leaf]
            term = leaf if term is None else self._terms.choose(alternative.condition, leaf, term)
        return literal(of, 0) if term is None else term  # no row: only on paths that are never taken

    def arguments(self, frame: Frame, args: Sequence[ir.Expr | ir.Place]) -> list[Meaning]:
        """The arguments of a call, as `call` takes them."""
        return [self.place(frame, arg) if isinstance(arg, ir.Place) else self.value(frame, arg) for arg in args]
