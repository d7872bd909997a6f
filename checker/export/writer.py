"""What the texts for other checkers share: expressions, places and their indices, in the words of a Dialect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from checker.engine.cgen_unit import code_range
from checker.export.flat import Cells, FlatProgram, path_of
from checker.export.folding import known
from checker.language import ir
from checker.language.ir import Expr, Place
from model.finite import BoolType, EnumType, MaskType, ModelError, OptionalType, Scalar

MOST_BITS = 30  # of a mask: these languages count in 32 bits, one of them the sign


@dataclass(frozen=True)
class Dialect:
    """truths: how False and True are written where a value is one of them. bit: how it is asked whether the lowest bit of
    something is set."""

    conjunction: str
    disjunction: str
    equal: str
    conditional: str
    truths: tuple[str, str]
    bit: str


class Writer:
    """Writes expressions of one flat program."""

    def __init__(self, program: FlatProgram, dialect: Dialect) -> None:
        self.program, self.dialect = program, dialect
        self._now = {cells.path: cells for cells in program.cells}
        self._before = {cells.path: cells for cells in program.before}
        for cells in program.cells:
            if isinstance(cells.type, MaskType) and cells.type.of.hi >= MOST_BITS:
                raise ModelError(
                    f"{cells.name} is a mask of {cells.type.of.hi + 1} bits; exports have masks of {MOST_BITS}"
                )

    def local(self, name: str) -> str:
        """A parameter, or a variable of a step."""
        return name

    # --- places ---

    def target(self, to: str | Place) -> str:
        return self.local(to) if isinstance(to, str) else self.place(to)

    def place(self, place: Place) -> str:
        before, path, rows = path_of(place)
        cells = (self._before if before else self._now)[path]
        return self.row(cells, [index for _, index in rows])

    def row(self, cells: Cells, indices: Sequence[Expr]) -> str:
        """One cell of an array, whose rows are numbered through."""
        if not cells.rows:
            return cells.name
        at: int | str = 0
        for rows, index in zip(cells.rows, indices, strict=True):
            code = known(index)
            if isinstance(at, int) and code is not None:
                at = at * rows + code
            else:
                before = f"({at}) * {rows} + " if at else ""
                at = f"{before}{self.operand(index)}"
        return f"{cells.name}[{at}]"

    # --- expressions ---

    def expr(self, e: Expr) -> str:
        """Without parentheses around it."""
        words = self.dialect
        match e:
            case ir.Const(code, of):
                return self.constant(code, of)
            case ir.Local(name):
                return self.local(name)
            case ir.Load(place):
                return self.place(place)
            case ir.Not(operand):
                return f"!{self.operand(operand)}"
            case ir.Logic(op, left, right):
                return f"{self._side(left, op)} {words.conjunction if op == 'and' else words.disjunction} {self._side(right, op)}"
            case ir.Compare(op, left, right):
                return f"{self.operand(left)} {words.equal if op == '==' else op} {self.operand(right)}"
            case ir.Arith(op, left, right):
                return f"{self.operand(left)} {op} {self.operand(right)}"
            case ir.IfElse(test, then, other):
                return words.conditional.format(*map(self.operand, (test, then, other)))
            case ir.IsSome(operand):
                return f"{self.operand(operand)} != 0"
            case ir.Unwrap(operand):
                return f"{self.operand(operand)} - 1"
            case ir.Wrap(operand):
                return f"{self.operand(operand)} + 1"
            case ir.Contains() | ir.MaskEdit() | ir.MaskOp() | ir.MaskPick():
                return self._of_mask(e)
            case ir.Choice() | ir.Quantified() | ir.Call():
                raise AssertionError(f"{e}: not flat")
            case _:
                assert_never(e)

    def operand(self, e: Expr) -> str:
        """In parentheses unless it needs none."""
        bare = isinstance(e, ir.Const | ir.Local | ir.Load | ir.IfElse | ir.Not | ir.Contains | ir.MaskPick)
        text = self.expr(e)
        return text if bare and not text.startswith("-") else f"({text})"

    def _side(self, e: Expr, op: str) -> str:
        return self.expr(e) if isinstance(e, ir.Logic) and e.op == op else self.operand(e)

    def constant(self, code: int, of: Scalar) -> str:
        match of:
            case BoolType():
                return self.dialect.truths[code]
            case EnumType():
                return f"{code} /* {of.members[code].name} */"
            case OptionalType(EnumType() as inner) if code:
                return f"{code} /* {inner.members[code - 1].name} */"
            case OptionalType() if not code:
                return "0 /* None */"
            case _:
                return str(code)

    # --- masks: numbers, bit by bit ---

    def _of_mask(self, e: ir.Contains | ir.MaskEdit | ir.MaskOp | ir.MaskPick) -> str:
        match e:
            case ir.Contains(mask, element):
                return self._contains(mask, element)
            case ir.MaskEdit("with", mask, element):
                return f"{self.operand(mask)} | {self._bit(element)}"
            case ir.MaskEdit(_, mask, element):
                return f"{self.operand(mask)} & ~{self._bit(element)}"
            case ir.MaskOp("-", left, right):
                return f"{self.operand(left)} & ~{self.operand(right)}"
            case ir.MaskOp(op, left, right):
                return f"{self.operand(left)} {op} {self.operand(right)}"
            case ir.MaskPick(op, mask):
                return self._pick(op, mask)
            case _:
                assert_never(e)

    def _contains(self, mask: Expr, element: Expr) -> str:
        asked = self.dialect.bit.format(f"({self.operand(mask)} >> {self.operand(element)})")
        return asked if self._is_small(element) else self._if_small(element, asked, self.dialect.truths[0])

    def _bit(self, element: Expr) -> str:
        if (code := known(element)) is not None:
            return str(1 << code if 0 <= code <= MOST_BITS else 0)
        bit = f"(1 << {self.operand(element)})"
        return bit if self._is_small(element) else self._if_small(element, bit, "0")

    def _is_small(self, element: Expr) -> bool:
        """Is a shift by this defined, whatever it is?"""
        assert not isinstance(element.type, MaskType)
        lo, hi = code_range(element.type)
        return lo >= 0 and hi <= MOST_BITS

    def _if_small(self, element: Expr, then: str, other: str) -> str:
        text, words = self.operand(element), self.dialect
        return words.conditional.format(f"({text} >= 0 {words.conjunction} {text} <= {MOST_BITS})", then, other)

    def _pick(self, op: str, mask: Expr) -> str:
        """The code of the highest or lowest member: one more than its number, or 0."""
        assert isinstance(mask.type, MaskType)
        members, bits = range(mask.type.of.hi + 1), self.operand(mask)
        text = "0"
        for member in members if op == "highest" else reversed(members):
            text = self.dialect.conditional.format(f"({bits} & {1 << member}) != 0", str(member + 1), text)
        return text
