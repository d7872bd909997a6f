"""Rows of a table renamed: what another numbering of an index makes of a state, a step's arguments and a label.

An index is found by its type, wherever it lies: as the rows of a table, as a number in a field, optional or not, and as the
members of a mask. What the model means by it is not asked here; whether its steps notice is (checker/symbolic/symmetric.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from checker.language.ir import Program
from checker.language.layout import Layout, instances
from model.finite import IntType, MaskType, OptionalType, Scalar, StructType, TableType, Type


@dataclass(frozen=True)
class Renaming:
    """index -> where each number goes: number i becomes to[index][i]."""

    to: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def of(self, kind: Type) -> tuple[int, ...] | None:
        """Where the numbers of a type go; None if they stay."""
        if not isinstance(kind, IntType) or not kind.index:
            return None
        found = dict(self.to).get(kind.index)
        return found if found is not None and (kind.lo, kind.hi) == (0, len(found) - 1) else None

    def touches(self, of: Scalar) -> bool:
        """Are there values of the type that it changes?"""
        return self.of(of.of if isinstance(of, OptionalType | MaskType) else of) is not None

    def code(self, of: Scalar, code: int) -> int:
        """What becomes of a value, as codes."""
        match of:
            case IntType():
                to = self.of(of)
                return code if to is None else to[code]
            case OptionalType(inner):
                return code if code == 0 else 1 + self.code(inner, code - 1)
            case MaskType(inner):
                to = self.of(inner)
                return code if to is None else sum(1 << to[i] for i in range(len(to)) if code >> i & 1)
            case _:
                return code

    def sources(self, of: Type) -> Iterator[int]:
        """For each leaf of a type, in order, the leaf whose value it takes."""
        match of:
            case StructType(fields=fields):
                first = 0
                for _, kind in fields:
                    found = list(self.sources(kind))
                    yield from (first + k for k in found)
                    first += len(found)
            case TableType(index=index, row=row):
                inside = list(self.sources(row))
                to = self.of(index) or tuple(range(of.rows))
                for i in range(of.rows):
                    yield from (to.index(i) * len(inside) + k for k in inside)
            case _:
                yield 0

    def state(self, program: Program, codes: Sequence[int]) -> tuple[int, ...]:
        """What becomes of a state."""
        leaves = Layout(program).leaves
        return tuple(
            self.code(leaf.type, codes[source])
            for leaf, source in zip(leaves, self.sources(program.state), strict=True)
        )

    def labels(self, program: Program) -> list[int]:
        """Of each step instance, the number of that which its arguments become."""
        params = {step.name: [p.type for p in step.params] for step in program.steps}
        every = instances(program)
        number = {(i.step, i.args): i.label for i in every}
        return [number[i.step, self.args(params[i.step], i.args)] for i in every]

    def args(self, of: Sequence[Type], codes: Sequence[int]) -> tuple[int, ...]:
        found = list[int]()
        for kind, code in zip(of, codes, strict=True):
            assert not isinstance(kind, StructType | TableType), kind
            found.append(self.code(kind, code))
        return tuple(found)


def swaps(sizes: Mapping[str, int]) -> list[Renaming]:
    """Two neighbours of one index exchanged: what all renamings of these indices are made of."""
    found = list[Renaming]()
    for index, count in sizes.items():
        for i in range(count - 1):
            to = list(range(count))
            to[i], to[i + 1] = i + 1, i
            found.append(Renaming(((index, tuple(to)),)))
    return found


def renamings(sizes: Mapping[str, int]) -> list[Renaming]:
    """All renamings of these indices, the one that changes nothing first."""
    of_each = [[(index, to) for to in itertools.permutations(range(count))] for index, count in sizes.items()]
    return [Renaming(chosen) for chosen in itertools.product(*of_each)]
