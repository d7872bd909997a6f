"""A flat program, run in Python on any state: what other checkers are given means what the model means, whatever they read
of its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from checker.engine.reference import Codes, Reference
from checker.export.flat import Branch, Check, Flat, FlatFormula, Loop, Set, flatten, path_of
from checker.export.folding import OPERATORS
from checker.language import ir
from checker.language.ir import Expr, Param, Place, Program
from checker.language.layout import bindings, instances, leaves
from tests.rigs.compare import Moves

Arrays = dict[tuple[str, ...], list[int]]


class Faulted(Exception):
    """A Check did not hold."""


@dataclass
class Run:
    """now, before: a state as arrays. names: of the variables and parameters."""

    now: Arrays
    before: Arrays = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)

    def block(self, block: Sequence[Flat]) -> None:
        for flat in block:
            match flat:
                case Check(test):
                    if not self.value(test):
                        raise Faulted
                case Set(str() as name, value):
                    self.names[name] = self.value(value)
                case Set(to, value):
                    array, row = self.cell(to)
                    array[row] = self.value(value)
                case Branch(test, then, other):
                    self.block(then if self.value(test) else other)
                case Loop(var, over, body):
                    for turn in range(over.lo, over.hi + 1):
                        self.names[var] = turn
                        self.block(body)
                    del self.names[var]

    def cell(self, place: Place | str) -> tuple[list[int], int]:
        assert not isinstance(place, str)
        before, path, rows = path_of(place)
        row = 0
        for count, index in rows:
            at = self.value(index)
            assert 0 <= at < count
            row = row * count + at
        return (self.before if before else self.now)[path], row

    def value(self, e: Expr) -> int:
        match e:
            case ir.Const(code):
                return code
            case ir.Local(name):
                return self.names[name]
            case ir.Load(place):
                array, row = self.cell(place)
                return array[row]
            case ir.Not(operand):
                return int(not self.value(operand))
            case ir.Logic(op, left, right):
                first = bool(self.value(left))
                return int(self.value(right) if first is (op == "and") else first)
            case ir.Compare(op, left, right):
                return int(OPERATORS[op](self.value(left), self.value(right)))
            case ir.Arith(op, left, right):
                return self.value(left) + self.value(right) * (1 if op == "+" else -1)
            case ir.IfElse(test, then, other):
                return self.value(then if self.value(test) else other)
            case ir.IsSome(operand):
                return int(self.value(operand) != 0)
            case ir.Unwrap(operand):
                return self.value(operand) - 1
            case ir.Wrap(operand):
                return self.value(operand) + 1
            case _:
                return self.of_mask(e)

    def of_mask(self, e: Expr) -> int:
        match e:
            case ir.Contains(mask, element):
                return self.value(mask) & self.bit(element) != 0
            case ir.MaskEdit(op, mask, element):
                bits, bit = self.value(mask), self.bit(element)
                return bits | bit if op == "with" else bits & ~bit
            case ir.MaskOp(op, left, right):
                one, two = self.value(left), self.value(right)
                return {"|": one | two, "&": one & two, "-": one & ~two}[op]
            case ir.MaskPick(op, mask):
                bits = self.value(mask)
                return bits.bit_length() if op == "highest" else (bits & -bits).bit_length()
            case _:
                raise AssertionError(f"{e}: not flat")

    def bit(self, element: Expr) -> int:
        at = self.value(element)
        return 1 << at if 0 <= at < 64 else 0


class FlatSystem:
    """A program flattened, and its moves and what its properties say in states as CPython has them."""

    def __init__(self, program: Program, reference: Reference) -> None:
        self.flat = flatten(program, reference.scope, reference.start, frozenset())
        self.paths = [tuple(p for p in leaf.path if isinstance(p, str)) for leaf in leaves(program.state)]
        self.first: dict[str, int] = {}  # step -> the number of its first instance
        for instance in instances(program):
            self.first.setdefault(instance.step, instance.label)

    def arrays(self, state: Codes) -> Arrays:
        found: Arrays = {}
        for path, code in zip(self.paths, state, strict=True):
            found.setdefault(path, []).append(code)
        return found

    def codes(self, state: Arrays) -> Codes:
        each = {path: iter(cells) for path, cells in state.items()}
        return tuple(next(each[path]) for path in self.paths)

    def moves(self, state: Codes) -> Moves:
        found: Moves = {}
        for rule in self.flat.rules:
            for number, args in enumerate(bindings(rule.params), self.first[rule.step.name]):
                run = Run(self.arrays(state), names=named(rule.params, args))
                if not run.value(rule.guard):
                    continue
                try:
                    run.block(rule.body)
                except Faulted:
                    found[number] = "fault"
                else:
                    found[number] = self.codes(run.now)
        return found

    def says(self, formula: FlatFormula, args: Sequence[int], state: Codes, before: Codes | None = None) -> bool:
        run = Run(self.arrays(state), self.arrays(before or state), named(formula.params, args))
        return bool(run.value(formula.test))


def named(params: Sequence[Param], args: Sequence[int]) -> dict[str, int]:
    return {param.name: arg for param, arg in zip(params, args, strict=True)}
