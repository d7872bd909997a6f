"""An and-inverter graph: every truth is an input, or the conjunction of two others, each perhaps inverted.

A *literal* is a number: 2n for node n as it is, 2n + 1 inverted. Node 0 is the constant, so literal 0 is false and 1 is true.
Equal conjunctions are one node. The graph only grows, and a node's operands are older than it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

FALSE, TRUE = 0, 1


class Aig:
    def __init__(self) -> None:
        self.operands: list[tuple[int, int] | None] = [None]  # of each node; None: an input, or the constant
        self._known: dict[tuple[int, int], int] = {}

    def input(self) -> int:
        """A literal of something unknown."""
        self.operands.append(None)
        return 2 * (len(self.operands) - 1)

    def conjunction(self, a: int, b: int) -> int:
        if a > b:
            a, b = b, a
        if a == FALSE or a == b ^ 1:
            return FALSE
        if a in (TRUE, b):
            return b
        inside = self.operands[b >> 1]
        if inside is not None:
            if not b & 1 and a in inside:
                return b  # a and (a and x)
            if (a ^ 1) in inside:
                return a if b & 1 else FALSE  # a and not (not a and x); a and (not a and x)
        found = self._known.get((a, b))
        if found is None:
            self.operands.append((a, b))
            found = self._known[a, b] = 2 * (len(self.operands) - 1)
        return found

    def disjunction(self, a: int, b: int) -> int:
        return self.conjunction(a ^ 1, b ^ 1) ^ 1

    def exclusive(self, a: int, b: int) -> int:
        """One of them and not the other."""
        if a <= TRUE or b <= TRUE:
            return a ^ b if a <= TRUE and b <= TRUE else (b ^ a if a <= TRUE else a ^ b)
        if a >> 1 == b >> 1:
            return (a ^ b) & 1
        return self.conjunction(self.conjunction(a, b) ^ 1, self.conjunction(a ^ 1, b ^ 1) ^ 1)

    def choice(self, test: int, then: int, other: int) -> int:
        if then == other:
            return then
        return self.disjunction(self.conjunction(test, then), self.conjunction(test ^ 1, other))

    def new_in_cone(self, roots: Iterable[int], seen: set[int]) -> Iterator[int]:
        """The conjunctions that literals are made of, but for those seen, which it adds to."""
        left = [root >> 1 for root in roots]
        while left:
            node = left.pop()
            operands = self.operands[node]
            if operands is None or node in seen:
                continue
            seen.add(node)
            yield node
            left += [operands[0] >> 1, operands[1] >> 1]

    def values(self, inputs: Mapping[int, int], every: int) -> list[int]:
        """Of each node, what it is in many worlds at once: a bit for each. inputs: of the literals of inputs. every: all
        bits, of a literal that is true everywhere."""
        found = [0] * len(self.operands)
        for literal, value in inputs.items():
            found[literal >> 1] = value
        for node, operands in enumerate(self.operands):
            if operands is not None:
                a, b = (found[x >> 1] ^ (every if x & 1 else 0) for x in operands)
                found[node] = a & b
        return found
