"""Terms over an and-inverter graph: a truth is a literal, bits are literals in two's complement, as many as they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from checker.language.layout import width
from checker.symbolic.aig import FALSE, TRUE, Aig
from checker.symbolic.terms import Bits, Term, Terms, Truth, width_for
from model.finite import BoolType, Scalar


class Literal:
    """A truth that is not constant."""

    __slots__ = ("graph", "number")

    def __init__(self, graph: Aig, number: int) -> None:
        self.graph, self.number = graph, number

    def eq(self, other: object) -> bool:
        return isinstance(other, Literal) and self.number == other.number

    def __invert__(self) -> Literal:
        return Literal(self.graph, self.number ^ 1)

    def __and__(self, other: Literal) -> Truth:
        return truth(self.graph, self.graph.conjunction(self.number, other.number))

    def __or__(self, other: Literal) -> Truth:
        return truth(self.graph, self.graph.disjunction(self.number, other.number))


class Number:
    """Bits that are not constant: the lowest first, the last one is the sign."""

    __slots__ = ("bits", "graph")

    def __init__(self, graph: Aig, bits: tuple[int, ...]) -> None:
        self.graph, self.bits = graph, bits

    def eq(self, other: object) -> bool:
        return isinstance(other, Number) and self.bits == other.bits

    def __add__(self, other: Bits) -> Bits:
        return _sum(self.graph, self, other, FALSE)

    __radd__ = __add__

    def __sub__(self, other: Bits) -> Bits:
        return _sum(self.graph, self, ~other, TRUE)

    def __rsub__(self, other: Bits) -> Bits:
        return _sum(self.graph, other, ~self, TRUE)

    def __invert__(self) -> Number:
        return Number(self.graph, tuple(bit ^ 1 for bit in self.bits))

    def __and__(self, other: Bits) -> Bits:
        return _bit_by_bit(self.graph.conjunction, self, other)

    __rand__ = __and__

    def __or__(self, other: Bits) -> Bits:
        return _bit_by_bit(self.graph.disjunction, self, other)

    __ror__ = __or__

    def __lt__(self, other: Bits) -> Truth:
        return _is_negative(self.graph, self - other)

    def __gt__(self, other: Bits) -> Truth:
        return _is_negative(self.graph, other - self)

    def __le__(self, other: Bits) -> Truth:
        return _is_negative(self.graph, self - other - 1)

    def __ge__(self, other: Bits) -> Truth:
        return _is_negative(self.graph, other - self - 1)


class AigTerms(Terms):
    """All of one program, in one graph. `members`: as many as a mask of the program can have, and more."""

    def __init__(self, node: object) -> None:
        self.graph = Aig()
        self.members = width_for(node) - 1

    def as_term(self, value: Term) -> Term:
        """Constants are known by Python's types: the graph has no others."""
        return value

    def variable(self, name: str, of: Scalar) -> Term:
        return self.of_bits(of, [self.graph.input() for _ in range(width(of))])

    def of_bits(self, of: Scalar, bits: Sequence[int]) -> Term:
        """A code of a type, by its literals."""
        if isinstance(of, BoolType):
            return truth(self.graph, bits[0])
        return self.unsigned(bits)

    def unsigned(self, bits: Sequence[int]) -> Bits:
        """The number that these are, the lowest first."""
        return _number(self.graph, [*bits, FALSE])

    def stored(self, value: Term, bits: int) -> Sequence[int]:
        """The literals of a code, the lowest first, as so many bits hold it."""
        found = [literal_of(value)] if isinstance(value, bool | Literal) else _bits(value)
        return (found + [found[-1]] * bits)[:bits]

    def is_truth(self, value: Term) -> bool:
        return isinstance(value, Literal)

    def if_else(self, test: Literal, then: Term, other: Term) -> Term:
        if isinstance(then, bool | Literal):
            return truth(self.graph, self.graph.choice(test.number, literal_of(then), literal_of(other)))
        pairs = _pairs(then, other)
        return _number(self.graph, [self.graph.choice(test.number, a, b) for a, b in pairs])

    def equality(self, left: Term, right: Term) -> Truth:
        alike = TRUE
        for a, b in _pairs(self.as_bits(left), self.as_bits(right)):
            alike = self.graph.conjunction(alike, self.graph.exclusive(a, b) ^ 1)
        return truth(self.graph, alike)

    def single(self, element: Bits) -> Bits:
        if isinstance(element, int):
            return 1 << element if 0 <= element < self.members else 0
        most = min(self.members, 1 << len(element.bits) - 1)
        return _number(self.graph, [*(literal_of(self.equal(element, i)) for i in range(most)), FALSE])

    def all_bits(self, value: Literal | Number) -> Sequence[int]:
        """The literals of a code, the lowest first; of a truth, its own."""
        return [value.number] if isinstance(value, Literal) else value.bits


def truth(graph: Aig, literal: int) -> Truth:
    return bool(literal) if literal <= TRUE else Literal(graph, literal)


def literal_of(value: Truth) -> int:
    return int(value) if isinstance(value, bool) else value.number


def _number(graph: Aig, bits: list[int]) -> Bits:
    """Without the copies of the sign; an int if it is constant."""
    count = len(bits)
    while count > 1 and bits[count - 1] == bits[count - 2]:
        count -= 1
    kept = bits[:count]
    if any(bit > TRUE for bit in kept):
        return Number(graph, tuple(kept))
    return sum(bit << i for i, bit in enumerate(kept[:-1])) - (kept[-1] << count - 1)


def _bits(value: Bits) -> list[int]:
    if isinstance(value, int):
        return [value >> i & 1 for i in range(value.bit_length() + 1)]
    return list(value.bits)


def _pairs(left: Bits, right: Bits) -> list[tuple[int, int]]:
    """Bit by bit, the shorter one with its sign repeated."""
    a, b = _bits(left), _bits(right)
    count = max(len(a), len(b))
    return list(zip(a + [a[-1]] * (count - len(a)), b + [b[-1]] * (count - len(b)), strict=True))


def _bit_by_bit(join: Callable[[int, int], int], left: Number, right: Any) -> Bits:
    return _number(left.graph, [join(a, b) for a, b in _pairs(left, right)])


def _sum(graph: Aig, left: Bits, right: Bits, carry: int) -> Bits:
    """One bit more than both, so that nothing wraps."""
    found, pairs = list[int](), _pairs(left, right)
    for a, b in [*pairs, pairs[-1]]:
        half = graph.exclusive(a, b)
        found.append(graph.exclusive(half, carry))
        carry = graph.disjunction(graph.conjunction(a, b), graph.conjunction(half, carry))
    return _number(graph, found)


def _is_negative(graph: Aig, value: Bits) -> Truth:
    return value < 0 if isinstance(value, int) else truth(graph, value.bits[-1])
