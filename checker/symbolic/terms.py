"""Values of a symbolic run: Python constants where they are known, terms of a back-end where they are not.

A *truth* is a Python bool or a term of its kind. *Bits* are a Python int or a term that is read as a signed number; no code
and no intermediate result of the program wraps in it. Constants are folded here and nowhere else: a run from a constant
state ends in constants, and a loop variable or the parameter of a step's instance never becomes a term.

A back-end is a class of Terms: z3_terms.py makes formulas for z3, aig_terms.py an and-inverter graph. Its truths have & | ~
and eq(), its bits also + - < <= > >=; what operators do not say is what the class has to say.
"""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from typing import Any, TypeAlias, get_args

from checker.engine.identity import ByIdentity
from checker.language.ir import Function
from model.finite import BoolType, EnumType, IntType, MaskType, OptionalType, Scalar

Truth: TypeAlias = Any  # bool, or z3.BoolRef, or aig_terms.Literal
Bits: TypeAlias = Any  # int, or z3.BitVecRef, or aig_terms.Number
Term: TypeAlias = Any  # Truth | Bits
SCALARS: frozenset[type] = frozenset(get_args(Scalar))


def code_range(of: Scalar) -> tuple[int, int]:
    """The least and the greatest code of a type (below zero only for results of arithmetic)."""
    match of:
        case BoolType():
            return 0, 1
        case IntType(lo, hi):
            return lo, hi
        case EnumType():
            return 0, len(of.members) - 1
        case OptionalType(inner):
            return 0, 1 + code_range(inner)[1]
        case MaskType(inner):
            return 0, (1 << (inner.hi + 1)) - 1


def scalars_in(node: object) -> set[Scalar]:
    """Every scalar type met anywhere in a dataclass, tuple or dict of the IR. A program has 10^5 nodes."""
    found, left = set[Scalar](), list[object]([node])
    while left:
        part: Any = left.pop()
        kind: Any = type(part)
        if kind is tuple:
            left.extend(part)
        elif kind is dict:
            left.extend(part.values())
        elif kind in SCALARS:
            found.add(part)
        elif kind is Function and part is not node:
            found |= _in_function(part)
        else:
            left.extend([getattr(part, name) for name in _names_of_fields(kind)])
    return found


_in_function = ByIdentity(scalars_in, most=20_000)  # programs share their functions


@functools.cache
def _names_of_fields(cls: Any) -> tuple[str, ...]:
    return tuple(part.name for part in dataclasses.fields(cls)) if dataclasses.is_dataclass(cls) else ()


def width_for(node: object) -> int:
    """Bits that hold every code of every type in `node`, a sign, and one more step in either direction
    (an unwrapped None is -1 on paths that are never taken)."""
    bounds = [abs(bound) for of in scalars_in(node) for bound in code_range(of)]
    return max(bounds, default=1).bit_length() + 2


def same(left: Term, right: Term) -> bool:
    """True iff the two are one constant or one term (not: iff they are equal in every state)."""
    if isinstance(left, int) or isinstance(right, int):
        return type(left) is type(right) and bool(left == right)
    return left is right or bool(left.eq(right))


def negation(value: Truth) -> Truth:
    if isinstance(value, bool):
        return not value
    return ~value


def both(left: Truth, right: Truth) -> Truth:
    if isinstance(left, bool):
        return right if left else False
    if isinstance(right, bool):
        return left if right else False
    return left if same(left, right) else left & right


def either(left: Truth, right: Truth) -> Truth:
    if isinstance(left, bool):
        return True if left else right
    if isinstance(right, bool):
        return True if right else left
    return left if same(left, right) else left | right


class Terms(ABC):
    """What a run asks of a back-end."""

    # --- what a back-end has to say, of operands that are not all constant ---

    @abstractmethod
    def as_term(self, value: Term) -> Any:
        """The value as a term even if it is constant."""

    @abstractmethod
    def variable(self, name: str, of: Scalar) -> Term:
        """Something unknown that can hold every code of the type, and perhaps more."""

    @abstractmethod
    def is_truth(self, value: Term) -> bool:
        """Of a term: is it a truth?"""

    @abstractmethod
    def if_else(self, test: Truth, then: Term, other: Term) -> Term: ...

    @abstractmethod
    def equality(self, left: Term, right: Term) -> Truth: ...

    @abstractmethod
    def single(self, element: Bits) -> Bits:
        """The mask with one member, which is empty for an element that no mask of the program can hold."""

    # --- what follows ---

    def choose(self, test: Truth, then: Term, other: Term) -> Term:
        if isinstance(test, bool):
            return then if test else other
        if same(then, other):
            return then
        if isinstance(then, bool) and isinstance(other, bool):
            return test if then else negation(test)
        return self.if_else(test, then, other)

    def as_bits(self, value: Term) -> Bits:
        """A truth as its code, 0 or 1; bits as they are."""
        if isinstance(value, bool):
            return int(value)
        return self.choose(value, 1, 0) if self.is_truth(value) else value

    def equal(self, left: Term, right: Term) -> Truth:
        constant = isinstance(left, int) and isinstance(right, int)
        return bool(left == right) if constant else self.equality(left, right)

    def compare(self, op: str, left: Term, right: Term) -> Truth:
        """op: == != < <= > >= on codes of one type."""
        if op in ("==", "!="):
            result = self.equal(left, right)
            return result if op == "==" else negation(result)
        a, b = self.as_bits(left), self.as_bits(right)
        if op == "<":
            return a < b
        if op == "<=":
            return a <= b
        if op == ">":
            return a > b
        assert op == ">=", op
        return a >= b

    def within(self, value: Bits, low: int, high: int) -> Truth:
        return both(self.compare("<=", low, value), self.compare("<=", value, high))

    def is_code(self, of: Scalar, value: Term) -> Truth:
        """The value is one of the type's codes."""
        if isinstance(of, BoolType):
            return True
        if isinstance(of, OptionalType):
            low, high = code_range(of.of)
            return either(self.equal(value, 0), self.within(value, 1 + low, 1 + high))
        return self.within(value, *code_range(of))

    def contains(self, mask: Bits, element: Bits) -> Truth:
        return negation(self.equal(self.meet(mask, self.single(element)), 0))

    def union(self, left: Bits, right: Bits) -> Bits:
        return left | right

    def meet(self, left: Bits, right: Bits) -> Bits:
        return left & right

    def difference(self, left: Bits, right: Bits) -> Bits:
        return left & ~right

    def highest(self, mask: Bits, members: int) -> Bits:
        """The greatest member as an optional's code, for a mask of indices below `members`."""
        return self._last_member(mask, range(members))

    def lowest(self, mask: Bits, members: int) -> Bits:
        """The least member as an optional's code, for a mask of indices below `members`."""
        return self._last_member(mask, range(members - 1, -1, -1))

    def _last_member(self, mask: Bits, order: range) -> Bits:
        found: Bits = 0
        for element in order:
            found = self.choose(self.contains(mask, element), 1 + element, found)
        return found
