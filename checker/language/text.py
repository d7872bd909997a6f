"""The IR as text: what a model means, one statement a line. Golden texts in tests/language are written in it.

x = e, ref r = place      a local by value; a second name for a place
place := e, place :=! e   a store; with "!" its range is checked when it runs
wrap(e), unwrap(e)        a plain value as an optional, and back
mask with i, mask without i
s.f, before.f             fields of the state, and of the state before the step
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from checker.language import ir
from checker.language.ir import Function, Param, Program
from checker.language.layout import records
from model.finite import BoolType, EnumType, IntType, MaskType, OptionalType, Scalar, StructType

TAB = "    "
OF_OPTIONALS = {ir.IsSome: "is_some", ir.Unwrap: "unwrap", ir.Wrap: "wrap"}


def program_text(program: Program) -> str:
    """State, choices, steps, properties, then every function, callees first."""
    lines = [f"program {program.name}", "", "state", *_records(program.state)]
    if program.choices:
        lines += ["", "choices", *(f"{TAB}{name}: {of}" for name, of in program.choices.items())]
    lines += ["", "steps"]
    lines += [f"{TAB}{s.name}({_params(s.params)}) by {s.by}, {s.fair.name}" for s in program.steps]
    if program.formulas:
        lines += ["", "properties"]
        lines += [f"{TAB}{f.kind} {f.name}({_params(f.params)}): {', '.join(f.functions)}" for f in program.formulas]
    return "\n".join(lines) + "\n\n" + "\n".join(function_text(f) for f in program.functions.values())


def function_text(function: Function) -> str:
    """`def f(parameters) -> type`, its marks, and its body."""
    returns = f" -> {function.returns}" if function.returns is not None else ""
    marks = [mark for mark, there in (("guards", function.guards), ("of steps", function.of_edges)) if there]
    head = f"def {function.name}({_params(function.params)}){returns}" + (f"  # {', '.join(marks)}" if marks else "")
    return "\n".join([head, *_block(function.body, 1)]) + "\n"


def _records(state: StructType) -> list[str]:
    """The fields of the state, then those of each kind of record in it."""
    lines = [f"{TAB}{name}: {of}" for name, of in state.fields]
    for record in list(dict.fromkeys(records(state)))[1:]:
        lines += ["", f"record {record}", *(f"{TAB}{name}: {of}" for name, of in record.fields)]
    return lines


def _params(params: Sequence[Param]) -> str:
    return ", ".join(f"{'ref ' if p.by_reference else ''}{p.name}: {p.type}" for p in params)


# --- statements ---


def _block(body: Sequence[ir.Stmt], depth: int) -> list[str]:
    if not body:
        return [TAB * depth + "pass"]
    return [line for stmt in body for line in _statement(stmt, depth)]


def _statement(stmt: ir.Stmt, depth: int) -> list[str]:
    match stmt:
        case ir.If(test, then, other):
            lines = [TAB * depth + f"if {expr_text(test)}:", *_block(then, depth + 1)]
            return lines + ([TAB * depth + "else:", *_block(other, depth + 1)] if other else [])
        case ir.For(var, over, body):
            return [TAB * depth + f"for {var} in {over}:", *_block(body, depth + 1)]
        case _:
            return [TAB * depth + _line(stmt)]


def _line(
    stmt: ir.Assign | ir.Bind | ir.Store | ir.Continue | ir.Break | ir.Return | ir.Do | ir.Require,
) -> str:
    match stmt:
        case ir.Assign(name, value, of, check):
            return f"{name}: {of} ={'!' if check else ''} {expr_text(value)}"
        case ir.Bind(name, place):
            return f"ref {name} = {place_text(place)}"
        case ir.Store(place, value, check):
            return f"{place_text(place)} :={'!' if check else ''} {expr_text(value)}"
        case ir.Continue():
            return "continue"
        case ir.Break():
            return "break"
        case ir.Return(value):
            return "return" if value is None else f"return {expr_text(value)}"
        case ir.Do(function, args):
            return f"do {_call(function, args)}"
        case ir.Require(test):
            return f"require {expr_text(test)}"
        case _:
            assert_never(stmt)


# --- places and expressions ---


def place_text(place: ir.Place) -> str:
    match place:
        case ir.State():
            return "s"
        case ir.Before():
            return "before"
        case ir.Alias(name):
            return name
        case ir.FieldOf(base, name):
            return f"{place_text(base)}.{name}"
        case ir.RowOf(base, index):
            return f"{place_text(base)}[{expr_text(index)}]"
        case _:
            assert_never(place)


def expr_text(e: ir.Expr) -> str:
    """An expression; operators inside others stand in parentheses."""
    match e:
        case ir.Const(code, of):
            return _constant(code, of)
        case ir.Choice(name):
            return f"scope.{name}"
        case ir.Local(name):
            return name
        case ir.Load(place):
            return place_text(place)
        case ir.Not(operand):
            return f"not {_operand(operand)}"
        case (
            ir.Logic(op, left, right)
            | ir.Compare(op, left, right)
            | ir.Arith(op, left, right)
            | ir.MaskOp(op, left, right)
        ):
            return f"{_operand(left)} {op} {_operand(right)}"
        case ir.IfElse(test, then, other):
            return f"{_operand(test)} ? {_operand(then)} : {_operand(other)}"
        case ir.IsSome(operand) | ir.Unwrap(operand) | ir.Wrap(operand):
            return f"{OF_OPTIONALS[type(e)]}({expr_text(operand)})"
        case ir.Contains(mask, element):
            return f"{_operand(element)} in {_operand(mask)}"
        case ir.MaskEdit(op, mask, element):
            return f"{_operand(mask)} {op} {_operand(element)}"
        case ir.MaskPick(op, mask):
            return f"{op}({expr_text(mask)})"
        case ir.Quantified(op, var, over, body):
            return f"{op}({var} in {over}: {expr_text(body)})"
        case ir.Call(function, args):
            return _call(function, args)
        case _:
            assert_never(e)


def _operand(e: ir.Expr) -> str:
    infix = ir.Not | ir.Logic | ir.Compare | ir.Arith | ir.MaskOp | ir.IfElse | ir.Contains | ir.MaskEdit
    return f"({expr_text(e)})" if isinstance(e, infix) else expr_text(e)


def _call(function: str, args: Sequence[ir.Expr | ir.Place]) -> str:
    return f"{function}({', '.join(map(_argument, args))})"


def _argument(arg: ir.Expr | ir.Place) -> str:
    if isinstance(arg, ir.State | ir.Before | ir.Alias | ir.FieldOf | ir.RowOf):
        return f"ref {place_text(arg)}"
    return expr_text(arg)


def _constant(code: int, of: Scalar) -> str:
    match of:
        case BoolType():
            return str(bool(code))
        case IntType():
            return str(code)
        case EnumType(cls):
            return f"{cls.__name__}.{of.members[code].name}"
        case OptionalType(inner):
            return "None" if code == 0 else f"wrap({_constant(code - 1, inner)})"
        case MaskType():
            return "{" + ", ".join(str(i) for i in range(code.bit_length()) if code >> i & 1) + "}"
        case _:
            assert_never(of)
