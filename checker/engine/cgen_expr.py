"""ExpressionWriter and places of the IR as C text.

`any` and `all` become GNU statement expressions (gcc, clang and tcc have them) by the macros ANY and ALL: the
loop then stands where it is evaluated, so `and`/`or` around it still short-circuit, and the locals that it
reads need not be handed to a helper function.
"""

from __future__ import annotations

from typing import assert_never

from checker.engine.cgen_unit import ENTRY_NAMES, FUNCTION_NAMES, CUnit, Names, comment, value_type
from checker.language.ir import (
    Alias,
    Arith,
    Before,
    Call,
    Choice,
    Compare,
    Const,
    Contains,
    Expr,
    FieldOf,
    Function,
    IfElse,
    IsSome,
    Load,
    Local,
    Logic,
    MaskEdit,
    MaskOp,
    MaskPick,
    Not,
    Param,
    Place,
    Quantified,
    RowOf,
    State,
    Unwrap,
    Wrap,
)
from model.finite import EnumType, IntType, MaskType, OptionalType, Scalar, StructType, TableType, Type

MASK_BITS = 64
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

Variable = tuple[str, str]  # the model's name and the C type: a name may stand for values of several types


class ExpressionWriter:
    """Writes the expressions of one function (or, with None, of the entry points)."""

    def __init__(self, unit: CUnit, function: Function | None = None) -> None:
        self.unit = unit
        taken = FUNCTION_NAMES if function else ENTRY_NAMES
        self._names = Names(taken | set(unit.functions.values()) | unit.reserved)
        self.parts = set[tuple[str, int]]()  # (state, part): the parts of the state that were named
        self._variables: dict[Variable, str] = {}
        self.params = {self.param(p) for p in function.params} if function else set[Variable]()

    # --- names ---

    def scalar(self, name: str, of: Scalar) -> Variable:
        return name, value_type(of)

    def alias(self, name: str, of: Type) -> Variable:
        return name, self.unit.pointer(of, "")

    def param(self, param: Param) -> Variable:
        if isinstance(param.type, StructType | TableType | MaskType):
            return self.alias(param.name, param.type)
        return self.scalar(param.name, param.type)

    def name(self, variable: Variable) -> str:
        """The C identifier of a variable, chosen when it is first asked for."""
        if variable not in self._variables:
            self._variables[variable] = self._names.give(variable[0])
        return self._variables[variable]

    # --- places ---

    def lvalue(self, place: Place) -> str:
        match place:
            case State():
                return "*s"
            case Before():
                return "*before"
            case Alias(name, of):
                pointer = self.name(self.alias(name, of))
                return pointer if isinstance(of, TableType) else f"*{pointer}"
            case FieldOf(base, name) if isinstance(base, State | Before):
                state = "s" if isinstance(base, State) else "before"
                if (part := self.unit.part_of_field(name)) is not None:
                    self.parts.add((state, part))
                return self.unit.in_state(state, name)
            case FieldOf(base, name):
                field = self.unit.field(base.type, name)
                if isinstance(base, Alias):
                    return f"{self.address(base)}->{field}"
                return f"{self.lvalue(base)}.{field}"
            case RowOf(base, index):
                return f"{self.lvalue(base)}[{self.expr(index)}]"
            case _:
                assert_never(place)

    def address(self, place: Place) -> str:
        match place:
            case State():
                return "s"
            case Before():
                return "before"
            case Alias(name, of):
                return self.name(self.alias(name, of))
            case FieldOf() | RowOf():
                text = self.lvalue(place)
                return text if isinstance(place.type, TableType) else f"&{text}"
            case _:
                assert_never(place)

    def load(self, place: Place, of: Scalar) -> str:
        text = self.lvalue(place)
        return text if isinstance(of, MaskType) else self._cell(text)

    def store(self, place: Place, value: str) -> str:
        """The statement that stores a value."""
        return f"{self.lvalue(place)} = {value};"

    def choice(self, name: str) -> str:
        return self._cell(f"s->{self.unit.choices[name]}")

    # --- expressions ---

    def expr(self, e: Expr) -> str:
        """The text of an expression, without parentheses around it."""
        match e:
            case Const(code, of):
                return _constant(code, of)
            case Choice(name):
                return self.choice(name)
            case Local(name, of):
                return self.name(self.scalar(name, of))
            case Load(place, of):
                return self.load(place, of)
            case Not(operand):
                return self.negated(operand)
            case Logic():
                return self._logic(e)
            case Compare(op, left, right) | Arith(op, left, right):
                return f"{self.operand(left)} {op} {self.operand(right)}"
            case IfElse(test, then, other):
                return f"{self.operand(test)} ? {self.operand(then)} : {self.operand(other)}"
            case IsSome(operand):
                return f"{self.operand(operand)} != 0"
            case Unwrap(operand):
                return f"{self.operand(operand)} - 1"
            case Wrap(operand):
                return f"{self.operand(operand)} + 1"
            case Contains() | MaskEdit() | MaskOp() | MaskPick():
                return self._of_mask(e)
            case Quantified():
                return self._quantified(e)
            case Call(function, args):
                return self.call(function, args)
            case _:
                assert_never(e)

    def operand(self, e: Expr) -> str:
        """The text of an expression as an operand: in parentheses unless it is one already."""
        text = self.expr(e)
        bare = isinstance(e, Const | Choice | Local | Load | MaskPick | Call | Quantified)
        return f"({text})" if not bare or text.startswith("-") else text

    def call(self, function: str, args: tuple[Expr | Place, ...]) -> str:
        first = "before, s" if self.unit.callee(function).of_edges else "s"
        last = [self.unit.tail] if self.unit.tail else []
        return f"{self.unit.functions[function]}({', '.join([first, *map(self._argument, args), *last])})"

    def _argument(self, arg: Expr | Place) -> str:
        if isinstance(arg, State | Before | Alias | FieldOf | RowOf):
            return self.address(arg)
        return self.expr(arg)

    def _cell(self, text: str) -> str:
        # Narrow cells are promoted to int; the cast keeps wide ones from making arithmetic unsigned.
        return text if self.unit.cell_bytes <= 2 else f"(int32_t){text}"

    def negated(self, e: Expr) -> str:
        """The text of `not e`, as one would write it."""
        match e:
            case Not(operand):
                return self.expr(operand)
            case Compare(op, left, right):
                return f"{self.operand(left)} {OPPOSITE[op]} {self.operand(right)}"
            case IsSome(operand):
                return f"{self.operand(operand)} == 0"
            case Contains(mask, element):
                return f"({self.operand(mask)} & {self._bit(element)}) == 0"
            case _:
                return f"!{self.operand(e)}"

    def _logic(self, e: Logic) -> str:
        parts = list[str]()
        for side in map(_without_double_not, (e.left, e.right)):
            # Everything but these binds tighter than && and ||.
            loose = isinstance(side, IfElse) or (isinstance(side, Logic) and side.op != e.op)
            parts.append(self.operand(side) if loose else self.expr(side))
        return f" {'&&' if e.op == 'and' else '||'} ".join(parts)

    def _of_mask(self, e: Contains | MaskEdit | MaskOp | MaskPick) -> str:
        match e:
            case Contains(mask, element):
                return f"({self.operand(mask)} & {self._bit(element)}) != 0"
            case MaskEdit("with", mask, element):
                return f"{self.operand(mask)} | {self._bit(element)}"
            case MaskEdit(_, mask, element):
                return f"{self.operand(mask)} & ~{self._bit(element)}"
            case MaskOp("-", left, right):
                return f"{self.operand(left)} & ~(uint64_t){self.operand(right)}"
            case MaskOp(op, left, right):
                return f"{self.operand(left)} {op} {self.operand(right)}"
            case MaskPick(op, mask):
                return f"{'fls64' if op == 'highest' else 'ffs64'}({self.expr(mask)})"
            case _:
                assert_never(e)

    def edit(self, place: Place, value: Expr) -> str | None:
        """The statement that stores a value which is an edit of what the place holds."""
        match value:
            case MaskEdit(op, Load(old), element) if old == place:
                edit = f"|= {self._bit(element)}" if op == "with" else f"&= ~{self._bit(element)}"
                return f"{self.lvalue(place)} {edit};"
            case _:
                return None

    def _bit(self, element: Expr) -> str:
        """The mask of one element. A shift by a width or more is undefined in C, so wide types ask first."""
        of = element.type
        known = isinstance(of, IntType) and of.lo >= 0 and of.hi < MASK_BITS
        return f"{'BIT_ULL' if known else 'bit_of'}({self.expr(element)})"

    def _quantified(self, e: Quantified) -> str:
        var = self.name(self.scalar(e.var, e.over))
        return f"{e.op.upper()}({var}, {e.over.lo}, {self.unit.greatest(e.over)}, {self.expr(e.body)})"


def _without_double_not(e: Expr) -> Expr:
    while isinstance(e, Not) and isinstance(e.operand, Not):
        e = e.operand.operand
    return e


def _constant(code: int, of: Scalar) -> str:
    match of:
        case MaskType():
            return f"{code:#x}ULL"
        case EnumType():
            return f"{code} {comment(of.members[code].name)}"
        case OptionalType(EnumType() as inner) if code:
            return f"{code} {comment(inner.members[code - 1].name)}"
        case OptionalType() if not code:
            return f"0 {comment('None')}"
        case _:
            return str(code)
