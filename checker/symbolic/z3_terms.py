"""Terms of z3: Bools, and bit-vectors of one width for the whole program.

This and what asks z3 are the only modules that import it. It ships without type information: its objects are Any.
"""

from __future__ import annotations

import importlib
from typing import Any, Self

from checker.symbolic.terms import Bits, Term, Terms, Truth, width_for
from model.finite import BoolType, Scalar

z3: Any = importlib.import_module("z3")


class Z3Terms(Terms):
    """`width`: see width_for."""

    def __init__(self, width: int) -> None:
        self.width = width

    @classmethod
    def wide_enough(cls, node: object) -> Self:
        """For all types in a node of the IR."""
        return cls(width_for(node))

    def as_term(self, value: Term) -> Any:
        if isinstance(value, bool):
            return z3.BoolVal(value)
        return z3.BitVecVal(value, self.width) if isinstance(value, int) else value

    def variable(self, name: str, of: Scalar) -> Term:
        return z3.Bool(name) if isinstance(of, BoolType) else z3.BitVec(name, self.width)

    def is_truth(self, value: Term) -> bool:
        return bool(z3.is_bool(value))

    def if_else(self, test: Truth, then: Term, other: Term) -> Term:
        return z3.If(test, self.as_term(then), self.as_term(other))

    def equality(self, left: Term, right: Term) -> Truth:
        return self.as_term(left) == self.as_term(right)

    def single(self, element: Bits) -> Bits:
        if isinstance(element, int):
            return 1 << element if 0 <= element < self.width - 1 else 0
        return z3.BitVecVal(1, self.width) << element
