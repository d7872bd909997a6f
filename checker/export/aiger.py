"""A circuit as AIGER, in its binary form: the one that ABC reads. Outputs are true in the states that one looks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checker.symbolic.circuit import Circuit


def write(circuit: Circuit, head: Sequence[str]) -> bytes:
    """head: lines that say what it is, as a comment."""
    number = numbered(circuit)
    gates = [node for node in number if circuit.graph.operands[node] is not None]
    counts = len(number) - 1, len(circuit.inputs), len(circuit.bits), len(circuit.targets), len(gates)
    lines = [f"aig {' '.join(map(str, counts))}"]
    lines += [f"{literal(number, bit.after)}{' 1' if bit.start else ''}" for bit in circuit.bits]
    lines += [str(literal(number, target.literal)) for target in circuit.targets]
    named = [f"i{n} {name}" for n, (name, _) in enumerate(circuit.inputs)]
    named += [f"l{n} {bit.name}" for n, bit in enumerate(circuit.bits)]
    named += [f"o{n} {target.name}" for n, target in enumerate(circuit.targets)]
    ends = "".join(f"{line}\n" for line in [*named, "c", *head])
    return "".join(f"{line}\n" for line in lines).encode() + b"".join(_gates(circuit, number, gates)) + ends.encode()


def numbered(circuit: Circuit) -> Mapping[int, int]:
    """Numbers for the nodes of its graph that it needs: the constant is 0, then inputs, bits and conjunctions, operands first."""
    roots = [*(bit.after for bit in circuit.bits), *(target.literal for target in circuit.targets)]
    needed = circuit.graph.new_in_cone(roots, set())
    nodes = [literal >> 1 for _, literal in circuit.inputs] + [bit.now >> 1 for bit in circuit.bits]
    return {node: n for n, node in enumerate([0, *nodes, *sorted(needed)])}


def literal(number: Mapping[int, int], of_graph: int) -> int:
    return 2 * number[of_graph >> 1] | of_graph & 1


def _gates(circuit: Circuit, number: Mapping[int, int], gates: Sequence[int]) -> Sequence[bytes]:
    """Each by how much its operands' literals are less than its own, the greater operand first."""
    found = list[bytes]()
    for node in gates:
        operands = circuit.graph.operands[node]
        assert operands is not None
        less, more = sorted(literal(number, x) for x in operands)
        found.append(_seven_bits(2 * number[node] - more) + _seven_bits(more - less))
    return found


def _seven_bits(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that there are more."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
