"""Operators and comparisons, and what a test says about optionals: Python AST -> typed IR."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from checker.language import ir
from checker.language.c_habits import bit_operation_hint, increment_hint
from checker.language.ir import BOOL, Expr
from checker.language.lower_checks import LARGEST
from checker.language.lower_names import Env, NameLowering, NoneValue, PlaceTypes, Value
from checker.language.refusal import a
from model.finite import BoolType, EnumType, IntType, MaskType, OptionalType, Scalar

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
LOGIC: dict[type[ast.operator], ast.boolop] = {ast.BitAnd: ast.And(), ast.BitOr: ast.Or()}
MASK_OPERATORS: dict[type[ast.operator], str] = {ast.BitOr: "|", ast.BitAnd: "&", ast.Sub: "-"}


class OperatorLowering(NameLowering):
    """What combines values."""

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return ir.Not(self.condition(node.operand), BOOL, self.loc(node))
        if (
            isinstance(node.op, ast.USub)
            and isinstance(node.operand, ast.Constant)
            and isinstance(node.operand.value, int)
        ):
            return self.python_constant(-node.operand.value, node)
        if increment_hint(node):
            raise self.refuse(node, f"`{ast.unparse(node)}` changes nothing here", increment_hint(node))
        raise self.unsupported(node)

    def _boolop(self, node: ast.BoolOp) -> Value:
        return self._logical(node, self.bool_value)

    def _logical(self, node: ast.BoolOp, operand: Callable[[ast.expr], Expr]) -> Expr:
        op = "and" if isinstance(node.op, ast.And) else "or"
        saved, parts = self.env, list[Expr]()
        for each in node.values:
            parts.append(operand(each))
            self.env = self.narrowed(each, truth=op == "and")
        self.env = saved
        return self._chained(op, parts, node)

    def _chained(self, op: str, parts: Sequence[Expr], node: ast.AST) -> Expr:
        whole = parts[-1]
        for part in reversed(parts[:-1]):
            whole = ir.Logic(op, part, whole, BOOL, self.loc(node))
        return whole

    def _ifexp(self, node: ast.IfExp) -> Value:
        saved, test = self.env, self.condition(node.test)
        self.env = self.narrowed(node.test, truth=True)
        then = self.value(node.body)
        self.env = saved
        self.env = self.narrowed(node.test, truth=False)
        other = self.value(node.orelse)
        self.env = saved
        of = self._common(then, other, node)
        left, right = self.coerce(then, of, node.body)[0], self.coerce(other, of, node.orelse)[0]
        return ir.IfElse(test, left, right, of, self.loc(node))

    def _common(self, x: Value, y: Value, node: ast.IfExp) -> Scalar:
        """The type that holds the values of both sides."""
        for value, side in ((x, node.body), (y, node.orelse)):
            if isinstance(value, PlaceTypes) and isinstance(value.type, MaskType):
                raise self.refuse(
                    side, "this would name a mask, not copy it", "use if / else, or make a new one with | & -"
                )
        kinds = [None if isinstance(v, NoneValue) else self.load(v, node).type for v in (x, y)]
        if kinds[0] == kinds[1] and kinds[0] is not None:
            return kinds[0]
        plain = [k.of if isinstance(k, OptionalType) else k for k in kinds]
        optional = None in kinds or any(isinstance(k, OptionalType) for k in kinds)
        match plain:
            case [IntType() as p, IntType() as q]:
                self.outside(p, q, node)
                of: IntType | EnumType = IntType(min(p.lo, q.lo), max(p.hi, q.hi), p.index or q.index)
            case [(IntType() | EnumType()) as p, q] if q is None or q == p:
                of = p
            case [None, (IntType() | EnumType()) as q]:
                of = q
            case [p, q]:
                said = ["None" if k is None else a(k) for k in kinds]
                raise self.refuse(node, f"the two values have different types: {said[0]} and {said[1]}")
            case _:
                raise AssertionError(plain)
        return self.optional(of, node) if optional else of

    def optional(self, of: IntType | EnumType, node: ast.AST) -> OptionalType:
        """`of | None`; a number below zero would be taken for None."""
        if isinstance(of, IntType) and of.lo < 0:
            raise self.refuse(
                node, "a number that may be below zero is mixed with None", "test for None first, by itself"
            )
        return OptionalType(of)

    def _binop(self, node: ast.BinOp) -> Value:
        if isinstance(node.op, ast.FloorDiv):  # before its operands: in C they are words of a comment
            raise self.refuse(
                node, "`//` begins no comment here, and there is no division", "write `# ...` for `// ...`"
            )
        left = self.scalar(node.left)
        if isinstance(left.type, MaskType) and (hint := bit_operation_hint(node)):
            raise self.refuse(node.right, f"`{ast.unparse(node.right)}` is a number, and this is a Mask, a set", hint)
        right = self.scalar(node.right)
        if isinstance(left.type, MaskType) and left.type == right.type and type(node.op) in MASK_OPERATORS:
            return ir.MaskOp(MASK_OPERATORS[type(node.op)], left, right, left.type, self.loc(node))
        match node.op, left.type, right.type:
            case ast.Add(), IntType(lo, hi), IntType(c, d):
                return self._arith("+", left, right, IntType(lo + c, hi + d), node)
            case ast.Sub(), IntType(lo, hi), IntType(c, d):
                return self._arith("-", left, right, IntType(lo - d, hi - c), node)
            case ast.Add() | ast.Sub(), OptionalType(), _:
                raise self.may_be_none(node.left)
            case ast.Add() | ast.Sub(), _, OptionalType():
                raise self.may_be_none(node.right)
            case (ast.BitAnd() | ast.BitOr()) as op, BoolType(), BoolType():
                sign, word = ("&", "and") if isinstance(op, ast.BitAnd) else ("|", "or")
                joined = ast.unparse(ast.BoolOp(LOGIC[type(op)], [node.left, node.right]))
                if self.loc(node) == self.loc(
                    node.left
                ):  # of `&=` and `|=`, whose value stands where their target does
                    joined = f"{ast.unparse(node.left)} = {joined}"
                raise self.refuse(node, f"bools are joined by `{word}`, not by `{sign}`", f"write `{joined}`")
            case _:
                raise self.refuse(
                    node, f"`{ast.unparse(node)}` is not in the language",
                    "numbers have + and -; two masks of one index have | & and -",
                )  # fmt: skip

    def _arith(self, op: str, left: Expr, right: Expr, of: IntType, node: ast.AST) -> Expr:
        if max(abs(of.lo), abs(of.hi)) > LARGEST:
            raise self.refuse(node, "this number may become too large", f"numbers go to {LARGEST:#x}")
        return ir.Arith(op, left, right, of, self.loc(node))

    # --- comparisons ---

    def _compare(self, node: ast.Compare) -> Value:
        parts = list[Expr]()
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            parts.append(self._comparison(node, op, left, right))
            left = right
        return self._chained("and", parts, node)

    def _comparison(self, node: ast.Compare, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Expr:
        if isinstance(op, ast.Is | ast.IsNot):
            return self._is_none(node, op, left, right)
        if isinstance(op, ast.In | ast.NotIn):
            found = self._membership(node, left, right)
            return ir.Not(found, BOOL, self.loc(node)) if isinstance(op, ast.NotIn) else found
        return self._ordering(node, COMPARISONS[type(op)], left, right)

    def _is_none(self, node: ast.Compare, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Expr:
        if not isinstance(self.value(right), NoneValue):
            raise self.refuse(node, "`is` only compares with None", "write == or !=")
        value = self.scalar(left)
        if not isinstance(value.type, OptionalType):
            raise self.refuse(
                left, f"`{ast.unparse(left)}` is never None here", "the test always has the same answer: drop it"
            )
        some = ir.IsSome(value, BOOL, self.loc(node))
        return some if isinstance(op, ast.IsNot) else ir.Not(some, BOOL, self.loc(node))

    def _membership(self, node: ast.Compare, left: ast.expr, right: ast.expr) -> Expr:
        if isinstance(right, ast.Tuple) and right.elts:
            return self._chained("or", [self._ordering(node, "==", left, item) for item in right.elts], node)
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            raise self.refuse(right, "`in` takes a Mask, or a tuple of values", "write (A, B)")
        mask = self.scalar(right)
        if not isinstance(mask.type, MaskType):
            raise self.refuse(
                right, f"`in` needs a Mask, or a tuple of values; this is {a(mask.type)}", "write (A, B), or =="
            )
        return ir.Contains(mask, self.element(mask.type, left), BOOL, self.loc(node))

    def element(self, of: MaskType, node: ast.expr) -> Expr:
        """An index that the mask has a bit for."""
        element, check = self.coerce(self.value(node), of.of, node)
        if check:
            given = element.type
            assert isinstance(given, IntType)
            raise self.refuse(
                node, f"this is {a(given)}, and the mask has bits {of.of.lo}..{of.of.hi}", self.by_loop(node)
            )
        return element

    def _ordering(self, node: ast.Compare, op: str, left: ast.expr, right: ast.expr) -> Expr:
        given = self.value(left), self.value(right)
        if isinstance(given[0], NoneValue) or isinstance(given[1], NoneValue):
            raise self.refuse(node, "None is compared with `is`", "write `is None` or `is not None`")
        x, y = self.load(given[0], left), self.load(given[1], right)
        equality = op in ("==", "!=")
        match x.type, y.type:
            case IntType() as s, IntType() as t:
                self._same_index(s, t, node)
            case OptionalType(of=s), (IntType() | EnumType()) as t if equality and type(s) is type(t):
                y = self._wrapped(y, s, t, node, right)
            case (IntType() | EnumType()) as s, OptionalType(of=t) if equality and type(s) is type(t):
                x = self._wrapped(x, t, s, node, left)
            case OptionalType(of=IntType() as s), OptionalType(of=IntType() as t) if equality:
                self._same_index(s, t, node)
            case OptionalType(), IntType() | OptionalType():
                raise self.may_be_none(left)
            case IntType(), OptionalType():
                raise self.may_be_none(right)
            case s, t if s == t and equality:
                pass
            case s, t:
                hint = "only numbers have an order" if s == t else ""
                if isinstance(s, EnumType) and isinstance(t, IntType):
                    hint = f"name a member, e.g. {s}.{s.members[0].name}"
                raise self.refuse(node, f"cannot compare {a(s)} with {a(t)} by {op}", hint)
        return ir.Compare(op, x, y, BOOL, self.loc(node))

    def _same_index(self, s: IntType, t: IntType, node: ast.AST) -> None:
        if s.index and t.index and s.index != t.index:
            raise self.refuse(node, f"an index of {s.index} is compared with an index of {t.index}")

    def _wrapped(
        self, plain: Expr, of: IntType | EnumType, given: IntType | EnumType, node: ast.AST, side: ast.AST
    ) -> Expr:
        """A plain side of == whose other side is an optional of `of`."""
        if isinstance(of, IntType) and isinstance(given, IntType):
            self._same_index(of, given, node)
        elif of != given:
            raise self.refuse(node, f"cannot compare {a(given)} with {a(OptionalType(of))}")
        return ir.Wrap(plain, self.optional(given, side), plain.loc)

    # --- narrowing of optionals ---

    def narrowed(self, test: ast.expr, *, truth: bool) -> Env:
        """The environment in which `test` is known to be `truth`."""
        env = self.env.copy()
        for name in self._not_none(test, truth):
            value = env.values.get(name)
            if isinstance(value, ir.Local) and isinstance(value.type, OptionalType):
                env.values[name] = ir.Unwrap(value, value.type.of, value.loc)
        return env

    def _not_none(self, test: ast.expr, truth: bool) -> Sequence[str]:
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._not_none(operand, not truth)
            case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) == truth:
                return [name for v in values for name in self._not_none(v, truth)]
            case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[ast.Constant(value=None)]):
                return [name] if isinstance(op, ast.IsNot) == truth and isinstance(op, ast.Is | ast.IsNot) else []
        return []
