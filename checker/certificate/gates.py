"""Circuits and proofs, for wide_check.py: what is read of a certificate, the question that is made of it, and whether a proof shows that
it has no answer. Nothing here knows what a model is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from checker.certificate.check import require

FALSE, TRUE = 0, 1
Disjunction = list[int]  # of literals
Way = tuple[tuple[int, ...], bool, int | None]  # to take a step: codes of arguments; is it enabled? the state after it


class Gates:
    """An and-inverter graph. Literal 2n is node n, 2n + 1 is its negation, and node 0 is false. Inputs come next, then gates, and the
    operands of a gate are before it: so any values of the inputs give values to all, and gates by themselves exclude nothing."""

    def __init__(self, text: str) -> None:
        head, *lines = text.splitlines()
        word, *sizes = head.split()
        _, self.inputs, latches, outputs, count = map(int, sizes)
        require(word == "aag" and latches == 0, "no circuit as AIGER says it, or one that remembers")
        require(lines[: self.inputs] == [str(2 * k) for k in range(1, self.inputs + 1)], "its inputs are not in order")
        self.outputs = [int(line) for line in lines[self.inputs : self.inputs + outputs]]
        self.gates, self.known = list[tuple[int, int]](), dict[tuple[int, int], int]()
        for line in lines[self.inputs + outputs : self.inputs + outputs + count]:
            own, a, b = map(int, line.split())
            require(own == 2 * (self.inputs + len(self.gates) + 1), f"gate {own} is not in order")
            require(0 <= a < own and 0 <= b < own, f"gate {own} rests on what comes after it")
            self.gates.append((a, b))
            self.known.setdefault((a, b), own)
        most = 2 * (self.inputs + len(self.gates) + 1)
        require(len(self.gates) == count and all(0 <= k < most for k in self.outputs), "a gate is missing")

    def both(self, a: int, b: int) -> int:
        a, b = min(a, b), max(a, b)
        if a <= TRUE or a >> 1 == b >> 1:
            return FALSE if a == FALSE or a ^ 1 == b else b
        if (a, b) not in self.known:
            self.gates.append((a, b))
            self.known[a, b] = 2 * (self.inputs + len(self.gates))
        return self.known[a, b]

    def cone(self, roots: Iterable[int]) -> list[int]:
        """The gates that literals are made of, the oldest first."""
        found, left = set[int](), [root >> 1 for root in roots]
        while left:
            node = left.pop()
            if node > self.inputs and node not in found:
                found.add(node)
                left += [operand >> 1 for operand in self.gates[node - self.inputs - 1]]
        return sorted(found)

    def with_inputs(self, roots: Sequence[int], given: Mapping[int, int]) -> list[int]:
        """What literals say if some inputs are these literals: the same gates once more."""
        of = {n: 2 * n for n in range(self.inputs + 1)} | dict(given)
        for node in self.cone(roots):
            a, b = self.gates[node - self.inputs - 1]
            of[node] = self.both(of[a >> 1] ^ (a & 1), of[b >> 1] ^ (b & 1))
        return [of[root >> 1] ^ (root & 1) for root in roots]

    def cut(self, count: int) -> None:
        """Only so many gates are left."""
        for gate in self.gates[count:]:
            self.known.pop(gate, None)
        del self.gates[count:]

    def values(self, inputs: Sequence[int], every: int) -> list[int]:
        """Of each node in many worlds, a bit for each. every: all of these bits."""
        found, flip = [0, *inputs], (0, every)
        for a, b in self.gates:
            found.append((found[a >> 1] ^ flip[a & 1]) & (found[b >> 1] ^ flip[b & 1]))
        return found


def refuted(clauses: Sequence[Sequence[int]], proof: str) -> int:
    """Checks a proof (LRAT) that clauses contradict each other: each line is a number, a clause, and by which clauses it follows, each
    of which leaves one literal, or at last none. Returns how many lines there are."""
    known: dict[int, Sequence[int]] = dict(enumerate(clauses, 1))
    for count, line in enumerate(proof.splitlines(), 1):
        number, *rest = map(int, line.split())
        cut = rest.index(0)
        false, left = set(rest[:cut]), {0}
        for hint in rest[cut + 1 : -1]:
            left = set(known[hint]) - false
            if len(left) != 1:
                break
            false.update(-one for one in left)
        require(not left and number not in known, f"line {count} of a proof does not follow")
        known[number] = rest[:cut]
        if not rest[:cut]:
            return count
    raise ValueError("a proof ends without a contradiction")


def bits(size: int) -> int:
    return (size - 1).bit_length()


def typed(size: int, first: int) -> Iterator[Disjunction]:
    """That bits, of which this is the lowest one's node, are a code below a size."""
    nodes = range(first, first + bits(size))
    for k, node in enumerate(nodes):
        if not (size - 1) >> k & 1:
            yield [2 * node + 1, *(2 * above + 1 for j, above in enumerate(nodes) if j > k and (size - 1) >> j & 1)]


def columns(rows: Sequence[int], width: int) -> list[int]:
    """Of each bit of numbers, lowest first: what it is in each of them."""
    texts = [format(row, f"0{width}b") for row in reversed(rows)]
    return [int("".join(column), 2) for column in zip(*texts, strict=True)][::-1] if width else []


@dataclass(frozen=True)
class StepBits:
    """Literals: of whether it can be taken, and then stores out of range; and what the bits of the state are after it, lowest first.
    arguments: what its arguments have to be."""

    enabled: int
    fault: int
    after: Sequence[int]
    arguments: Sequence[Disjunction]

    def compare(self, name: str, ways: Mapping[int, Way], said: Callable[[int], int]) -> None:
        """With what was found of some states, by number. said: of a literal, its value in each of them."""
        looked, enabled = sum(1 << k for k in ways), sum(1 << k for k, (_, so, _) in ways.items() if so)
        stored = sum(1 << k for k, (*_, after) in ways.items() if after is not None)
        require(said(self.enabled) & looked == enabled, f"its circuit is wrong of when {name} is possible")
        wrong = f"its circuit is wrong of what {name} stores out of range"
        require(said(self.fault) & enabled == enabled & ~stored, wrong)
        rows = [ways[k][2] or 0 if k in ways else 0 for k in range(looked.bit_length())]
        for literal, column in zip(self.after, columns(rows, len(self.after)), strict=True):
            require((said(literal) ^ column) & stored == 0, f"its circuit is wrong of what {name} does")


def question(
    circuit: Gates, step: StepBits, invariant: Sequence[Disjunction], of_steps: Sequence[int]
) -> list[list[int]]:
    """Clauses that contradict each other if a step, from a state where all of the invariant is so, stores nothing out of range and leads
    to such a state, and then these literals are so. The first inputs of the circuit are the state's bits, and then the bits of
    the state after a step, which `of_steps` alone speak of."""
    count, width = len(circuit.gates), len(step.after)
    roots = list(dict.fromkeys(literal for some in invariant for literal in some))
    after = dict(zip(roots, circuit.with_inputs(roots, dict(enumerate(step.after, 1))), strict=True))
    wanted = [now for some in invariant if (now := [after[literal] for literal in some]) != some]
    wanted += [[now] for now in circuit.with_inputs(of_steps, dict(enumerate(step.after, width + 1)))]
    wanted = [some for some in wanted if TRUE not in some and not any(literal ^ 1 in some for literal in some)]
    wrong = [[step.fault], *([step.fault ^ 1, *(literal ^ 1 for literal in some)] for some in wanted)]
    so = [[step.enabled], *step.arguments, *invariant]
    number = {node: k for k, node in enumerate(circuit.cone(x for some in [*so, *wrong] for x in some), 1)}
    found = list[list[int]]()

    def add(some: Iterable[int], *more: int) -> None:
        literals = list(dict.fromkeys(x for x in some if x != FALSE))
        if TRUE not in literals:
            numbers = [number.setdefault(x >> 1, len(number) + 1) for x in literals]
            found.append([*more, *(-n if x & 1 else n for n, x in zip(numbers, literals, strict=True))])

    for node in list(number):
        a, b = circuit.gates[node - circuit.inputs - 1]
        for gate in ([2 * node + 1, a], [2 * node + 1, b], [2 * node, a ^ 1, b ^ 1]):
            add(gate)
    for some in so:
        add(some)
    number |= {-k: len(number) + k for k in range(1, len(wrong) + 1)}
    for k, some in enumerate(wrong, 1):
        for literal in some:
            add([literal], -number[-k])
    found.append([number[-k] for k in range(1, len(wrong) + 1)])
    circuit.cut(count)
    return found


def dimacs(clauses: Sequence[Sequence[int]]) -> str:
    """The same for other solvers and checkers of proofs."""
    head = f"p cnf {max((abs(x) for some in clauses for x in some), default=0)} {len(clauses)}"
    return "\n".join([head, *(f"{' '.join(map(str, some))} 0".lstrip() for some in clauses), ""])
