"""A circuit as BTOR2, bit by bit: a state for each bit, a line for each conjunction, `bad` for what one looks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checker.export.aiger import literal, numbered
from checker.symbolic.circuit import Bit, Circuit

SORT, FALSE, TRUE = 1, 2, 3  # the first lines: the sort of one bit, and the constants


def write(circuit: Circuit, head: Sequence[str]) -> str:
    """head: lines that say what it is."""
    return "".join(f"{line}\n" for line in [*(f"; {line}".rstrip() for line in head), *_Btor2(circuit).lines()])


class _Btor2:
    """Lines are numbered. The node that is number n of the circuit is line n + 3, so that a state comes before what it is at first
    only if that is a constant, as it has to be."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit, self._number = circuit, numbered(circuit)
        self._last = TRUE + len(self._number) - 1

    def lines(self) -> Iterator[str]:
        circuit, node_of = self._circuit, list(self._number)
        yield from (f"{SORT} sort bitvec 1", f"{FALSE} zero {SORT}", f"{TRUE} one {SORT}")
        for name, of_graph in circuit.inputs:
            yield f"{self._line(of_graph)} input {SORT} {_symbol(name)}"
        for bit in circuit.bits:
            yield f"{self._line(bit.now)} state {SORT} {_symbol(bit.name)}"
        for node in node_of:
            operands = circuit.graph.operands[node]
            if operands is not None:
                yield f"{self._line(2 * node)} and {SORT} {self._line(operands[0])} {self._line(operands[1])}"
        for bit in circuit.bits:
            yield from self._of_bit(bit)
        for target in circuit.targets:
            yield f"{self._next()} bad {self._line(target.literal)} {_symbol(target.name)}"

    def _of_bit(self, bit: Bit) -> Iterator[str]:
        state = self._line(bit.now)
        yield f"{self._next()} init {SORT} {state} {TRUE if bit.start else FALSE}"
        yield f"{self._next()} next {SORT} {state} {self._line(bit.after)}"

    def _line(self, of_graph: int) -> int:
        """The line that says a literal of the graph; below zero where that is inverted."""
        number, inverted = divmod(literal(self._number, of_graph), 2)
        if number == 0:
            return TRUE if inverted else FALSE
        return -(TRUE + number) if inverted else TRUE + number

    def _next(self) -> int:
        self._last += 1
        return self._last


def _symbol(name: str) -> str:
    """A name without spaces."""
    return name.replace(" ", "_")
