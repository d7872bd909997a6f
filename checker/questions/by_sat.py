"""`--engine sat`: the `always` properties of one cell without enumeration. A SAT solver looks for the shortest run that violates one,
which CPython then takes; what has none of a few steps is proved by induction, as `--sizes` does, at the sizes of the cell.

What is neither is INCONCLUSIVE, and so is all that is not about states or steps: however many steps are looked at, they do not say
that something never happens, or happens at last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from checker.engine.reference import Move, Reference
from checker.errors import EnginesDisagree
from checker.language.layout import binding_of, bindings, instances
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.matrix.scope import OF_MACHINE
from checker.questions.verdict import Run, Status, Verdict, fault_message
from checker.questions.wide import Tell, WideResult, judge_wide
from checker.symbolic.circuit import circuit_of
from checker.symbolic.learning import OutOfTime
from checker.symbolic.unrolling import Taken, Unrolling
from checker.words import count
from model.finite import ModelError, RangeError
from model.lang import Kind, Property

AT_FIRST, AT_MOST = 8, 20  # steps: before a proof is tried, and of what has none
NOT_ASKED = {
    Kind.LEADS_TO: "SAT is asked for runs that end, and this is about those that do not",
    Kind.REACHABLE: "SAT is asked for violations, and this is a witness",
}


@dataclass(frozen=True)
class SatResult:
    """proof: what is inductive there, if anything was tried to be proved."""

    cell: Cell
    verdicts: Sequence[Verdict]
    proof: WideResult | None

    def of(self, status: Status) -> list[Verdict]:
        return [v for v in self.verdicts if v.status is status]


def judge_by_sat(cell: Cell, wanted: Sequence[Property], timeout: float, tell: Tell) -> SatResult:
    """timeout: seconds for all of it. Raises ModelError where a step stores out of range, EnginesDisagree."""
    judge = _SatJudge(cell, wanted, time.monotonic() + timeout, tell)
    try:
        judge.judge()
    except OutOfTime:
        pass  # what is open stays so
    finally:
        judge.unrolling.close()
    return SatResult(cell, [judge.verdict(p) for p in wanted], judge.proof)


class _SatJudge:
    def __init__(self, cell: Cell, wanted: Sequence[Property], ends: float, tell: Tell) -> None:
        asked = [p for p in wanted if p.kind is Kind.ALWAYS and p.why_not(cell.system) is None]
        self.cell, self._ends, self._tell = cell, ends, tell
        self._reference, program = Reference(cell.system, cell.scope), lower(cell.system, cell.scope, asked)
        self._formulas = {p.function: formula for p, formula in zip(asked, program.formulas, strict=True)}
        self._moves = {(i.step, i.args): self._reference.moves[i.label] for i in instances(program)}
        circuit = circuit_of(program, cell.scope, self._reference.start)
        *targets, self._fault = circuit.targets
        self.unrolling, self._refuted = Unrolling(circuit), -1  # runs of up to so many steps reach nothing that is open
        self._open = {p.function: (p, target) for p, target in zip(asked, targets, strict=True)}
        self._decided = dict[Callable[..., object], Verdict]()
        self.proof: WideResult | None = None

    def judge(self) -> None:
        """Raises OutOfTime; EnginesDisagree, also where no run is found and a small system has one that is one here."""
        self._look(AT_FIRST)
        elsewhere = self._prove() if self._open and set(OF_MACHINE) <= set(self.cell.scope.sizes()) else []
        self._look(max([AT_MOST, *(length for _, length in elsewhere)]))
        for p, length in elsewhere:
            if p.function in self._open:
                none = f"that no run of up to {count(self._refuted, 'step')} violates it"
                raise EnginesDisagree(f"{self.cell}: {p.name}", {"SAT": none, "CPython": f"that one of {length} does"})

    def verdict(self, p: Property) -> Verdict:
        if why := p.why_not(self.cell.system):
            return Verdict(p, Status.SKIPPED, note=why)
        if p.kind is not Kind.ALWAYS:
            return Verdict(p, Status.INCONCLUSIVE, note=NOT_ASKED[p.kind])
        if p.function in self._decided:
            return self._decided[p.function]
        looked = f"no run of up to {count(self._refuted, 'step')} violates it, and no proof was found"
        return Verdict(p, Status.INCONCLUSIVE, note=looked if self._refuted >= 0 else "out of time")

    # --- runs ---

    def _look(self, most: int) -> None:
        """For a run to what is open, of one step more each time. Raises OutOfTime."""
        while self._refuted < most and self._open:
            if self.unrolling.steps == self._refuted:
                self.unrolling.go_on()
            self._tell(f"all runs of {count(self.unrolling.steps, 'step')}")
            asked = list(self._open.values())
            fault, *runs = self.unrolling.reached([self._fault, *(target for _, target in asked)], self._watch)
            if fault is not None:
                self._run(fault, faults=True)
            for (p, _), taken in zip(asked, runs, strict=True):
                if taken is not None:
                    self._decide(self._violated(p, self._run(taken)))
            self._refuted = self.unrolling.steps

    def _watch(self) -> None:
        if time.monotonic() > self._ends:
            raise OutOfTime

    def _decide(self, found: Verdict) -> None:
        self._decided[found.property.function] = found
        del self._open[found.property.function]

    def _run(self, taken: Sequence[Taken], *, faults: bool = False) -> Run:
        """The same moves in CPython. faults: the last one stores out of range, which is a ModelError."""
        codes, moves = [self._reference.start], list[Move]()
        for number, one in enumerate(taken, 1):
            move = self._moves.get(one)
            try:
                after = None if move is None else self._reference.successor(codes[-1], move)
            except RangeError as error:
                if faults and number == len(taken) and move is not None:
                    raise ModelError(fault_message(error, move, Run(tuple(moves), tuple(codes)))) from None
                after = None
            if move is None or after is None:
                raise EnginesDisagree(
                    f"{self.cell}: step {number}, {one[0]}{one[1]}",
                    {"SAT": "that it is taken", "CPython": "that it is not"},
                )
            moves, codes = [*moves, move], [*codes, after]
        if faults:
            raise EnginesDisagree(
                f"{self.cell}: the last of {count(len(moves), 'step')}",
                {"SAT": "that it stores out of range", "CPython": "that it does not"},
            )
        return Run(tuple(moves), tuple(codes))

    def _violated(self, p: Property, run: Run) -> Verdict:
        """By what CPython says of its last state, or step. Raises EnginesDisagree."""
        formula, reference = self._formulas[p.function], self._reference
        for codes in bindings(formula.params):
            binding = binding_of(formula.params, codes)
            args = list(binding.values())
            if formula.of_edges:
                holds = reference.holds_on_edge(p.function, args, *run.codes[-2:])
            else:
                holds = bool(reference.holds(p.function, args, run.codes[-1]))
            if not holds:
                return Verdict(p, Status.VIOLATED, binding, run)
        raise EnginesDisagree(
            f"{self.cell}: {p.name} after {count(run.length, 'step')}", {"SAT": "VIOLATED", "CPython": "that it holds"}
        )

    # --- proofs ---

    def _prove(self) -> list[tuple[Property, int]]:
        """Returns what has no proof, as a run of a small system violates it here, too; and how long that is."""
        sizes = self.cell.scope.sizes()
        cpus, pins, vectors = (sizes[name] for name in OF_MACHINE)
        left = self._ends - time.monotonic()
        self.proof = judge_wide(self.cell, [p for p, _ in self._open.values()], (cpus, pins, vectors), left, self._tell)
        for v in self.proof.of(Status.HOLDS):
            self._decide(Verdict(v.property, Status.HOLDS, note=f"vacuous: {v.note}" if v.note else ""))
        return [(v.property, v.run.length) for v in self.proof.of(Status.VIOLATED) if v.run is not None]
