"""What the z3 terms of a program say about one concrete state, fast enough for every (state, step) pair.

The terms of a step are built once, joined to one bit-vector and evaluated by z3 itself in a model that holds
one packed state; no Python code interprets a term. The answer is compared with the run in CPython.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from checker.language.layout import Instance
from checker.symbolic.smt import Symbolic
from checker.symbolic.terms import Truth, same
from checker.symbolic.z3_terms import Z3Terms, z3


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step tried in a state. successor: leaf codes, None if the step is disabled or faults."""

    enabled: bool
    fault: bool
    successor: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class _Packed:
    """A step as one term. From the highest bit down: enabled, fault, then the leaves that it may change,
    each as wide as the program's terms (not as the leaf: a code out of range must not be cut to fit)."""

    term: Any
    changed: tuple[int, ...]


class Evaluator:
    """Evaluates the transitions and formulas of a Symbolic in concrete states (tuples of leaf codes)."""

    def __init__(self, symbolic: Symbolic) -> None:
        self._symbolic = symbolic
        assert isinstance(symbolic.terms, Z3Terms)
        self._width = symbolic.terms.width
        bits = max(1, symbolic.layout.bits)
        self._now, self._before = z3.BitVec("packed", bits), z3.BitVec("packed before", bits)
        self._before_state = symbolic.variables("before ")
        self._unpacking = self._leaves_of(self._now, symbolic.state)
        self._unpacking += self._leaves_of(self._before, self._before_state)
        self._steps: dict[Instance, _Packed] = {}
        self._formulas: dict[tuple[str, tuple[int, ...]], Any] = {}
        solver = z3.Solver()
        solver.check()
        self._model = solver.model()
        self._loaded: dict[str, Sequence[int]] = {}

    def step(self, instance: Instance, codes: tuple[int, ...]) -> StepResult:
        if instance not in self._steps:
            self._steps[instance] = self._packed(instance)
        packed = self._steps[instance]
        self._load(self._now, codes)
        value: int = self._model.eval(packed.term, model_completion=True).as_long()
        successor = list(codes)
        for leaf in reversed(packed.changed):
            successor[leaf] = self._signed(value & ((1 << self._width) - 1))
            value >>= self._width
        enabled, fault = bool(value & 2), bool(value & 1)
        return StepResult(enabled, fault, tuple(successor) if enabled and not fault else None)

    def holds(
        self,
        function: str,
        args: tuple[int, ...],
        codes: tuple[int, ...],
        before: tuple[int, ...] | None = None,
    ) -> bool:
        """The function of a property in a state, or on the edge from `before`."""
        key = function, args
        if key not in self._formulas:
            term = self._symbolic.formula(function, args, self._symbolic.state, self._before_state)
            self._formulas[key] = z3.substitute(term, *self._unpacking)
        self._load(self._now, codes)
        if before is not None:
            self._load(self._before, before)
        return bool(z3.is_true(self._model.eval(self._formulas[key], model_completion=True)))

    def _load(self, packed: Any, codes: tuple[int, ...]) -> None:
        name = str(packed.decl().name())
        if self._loaded.get(name) is not codes:
            self._model.update_value(packed, z3.BitVecVal(self._symbolic.layout.pack(codes), packed.size()))
            self._loaded[name] = codes

    def _signed(self, value: int) -> int:
        return value - (1 << self._width) if value >> (self._width - 1) else value

    def _leaves_of(self, packed: Any, state: Sequence[Any]) -> list[tuple[Any, Any]]:
        """Each leaf's z3 constant with the term for it over a packed state."""
        pairs, shift = list[tuple[Any, Any]](), 0
        layout = self._symbolic.layout
        for variable, bits in zip(state, layout.widths, strict=True):
            if bits == 0:
                pairs.append((variable, self._symbolic.terms.as_term(0)))
                continue
            code = z3.Extract(shift + bits - 1, shift, packed)
            is_bool = z3.is_bool(variable)
            pairs.append((variable, code == 1 if is_bool else z3.ZeroExt(self._width - bits, code)))
            shift += bits
        return pairs

    def _packed(self, instance: Instance) -> _Packed:
        state = self._symbolic.state
        transition = self._symbolic.step(instance, state)
        after = transition.successor
        changed = tuple(k for k, new in enumerate(after) if not same(new, state[k]))
        bits = [_bit(transition.enabled), _bit(transition.fault)]
        bits += [self._symbolic.terms.as_term(self._symbolic.terms.as_bits(after[k])) for k in changed]
        return _Packed(z3.substitute(z3.Concat(*bits), *self._unpacking), changed)


def _bit(truth: Truth) -> Any:
    return z3.If(truth, z3.BitVecVal(1, 1), z3.BitVecVal(0, 1))
