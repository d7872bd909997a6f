"""Terms that are arrays of values: what a program says of many concrete states at once, or of many indices in one state."""

from __future__ import annotations

from typing import Any

import numpy as np

from checker.symbolic.terms import Bits, Term, Terms, Truth
from model.finite import Scalar

LARGEST = 62  # members of a mask: its code is a number of 64 bits with a sign


class Column(np.ndarray[Any, Any]):
    """An array with what a term has. Its shape may be any that numpy broadcasts to that of the others."""

    def eq(self, other: object) -> bool:
        return self is other


def column(values: Any) -> Column:
    """Of truths, or of codes."""
    found = np.asarray(values)
    return (found if found.dtype == np.bool_ else found.astype(np.int64)).view(Column)


class ArrayTerms(Terms):
    def as_term(self, value: Term) -> Column:
        return value if isinstance(value, Column) else column(value)

    def variable(self, name: str, of: Scalar) -> Term:
        raise NotImplementedError("arrays hold what is known")

    def is_truth(self, value: Term) -> bool:
        return bool(value.dtype == np.bool_)

    def if_else(self, test: Truth, then: Term, other: Term) -> Term:
        return column(np.where(test, then, other))

    def equality(self, left: Term, right: Term) -> Truth:
        return left == right

    def single(self, element: Bits) -> Bits:
        if isinstance(element, int):
            return 1 << element if 0 <= element < LARGEST else 0
        inside = (element >= 0) & (element < LARGEST)
        return column(np.where(inside, np.int64(1) << np.where(inside, element, 0), 0))
