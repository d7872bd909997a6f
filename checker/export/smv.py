"""A circuit as SMV, for NuSMV: a boolean for each bit, a DEFINE for each conjunction, INVARSPEC for what is looked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checker.engine.cgen_unit import Names
from checker.export.aiger import numbered
from checker.symbolic.circuit import Circuit

_WORDS = """
    MODULE DEFINE MDEFINE CONSTANTS VAR IVAR FROZENVAR INIT TRANS INVAR SPEC CTLSPEC LTLSPEC PSLSPEC COMPUTE NAME INVARSPEC
    FAIRNESS JUSTICE COMPASSION ISA ASSIGN CONSTRAINT SIMPWFF CTLWFF LTLWFF PSLWFF COMPWFF IN MIN MAX MIRROR PRED PREDICATES
    process array of boolean integer real word word1 bool signed unsigned extend resize sizeof uwconst swconst EX AX EF AF
    EG AG E F O G H X Y Z A U S V T BU EBF ABF EBG ABG case esac mod next init union in xor xnor self TRUE FALSE count"""
KEYWORDS = frozenset(_WORDS.split())


def write(circuit: Circuit, head: Sequence[str]) -> str:
    """head: lines that say what it is."""
    return "".join(f"{line}\n" for line in [*(f"-- {line}".rstrip() for line in head), *_Smv(circuit).lines()])


class _Smv:
    def __init__(self, circuit: Circuit) -> None:
        self._circuit, names = circuit, Names(KEYWORDS)
        self._name = {of_graph >> 1: names.give(name) for name, of_graph in circuit.inputs}
        self._name |= {bit.now >> 1: names.give(bit.name) for bit in circuit.bits}
        self._gates = [node for node in numbered(circuit) if circuit.graph.operands[node] is not None]
        self._name |= {node: names.give(f"n{node}") for node in self._gates}
        self._found = [(names.give(f"found_{target.name}"), target.literal) for target in circuit.targets]

    def lines(self) -> Iterator[str]:
        circuit, name = self._circuit, self._name
        yield "MODULE main"
        for said, of_graph in circuit.inputs:
            yield f"IVAR {name[of_graph >> 1]} : boolean; -- {said}"
        for bit in circuit.bits:
            yield f"VAR {name[bit.now >> 1]} : boolean; -- {bit.name}"
        for node in self._gates:
            operands = circuit.graph.operands[node]
            assert operands is not None
            yield f"DEFINE {name[node]} := {self._expr(operands[0])} & {self._expr(operands[1])};"
        for bit in circuit.bits:
            mine = name[bit.now >> 1]
            yield f"ASSIGN init({mine}) := {'TRUE' if bit.start else 'FALSE'}; next({mine}) := {self._expr(bit.after)};"
        for mine, of_graph in self._found:
            yield f"DEFINE {mine} := {self._expr(of_graph)};"
            yield f"INVARSPEC !{mine};"

    def _expr(self, of_graph: int) -> str:
        if of_graph <= 1:
            return "TRUE" if of_graph else "FALSE"
        return f"{'!' * (of_graph & 1)}{self._name[of_graph >> 1]}"
