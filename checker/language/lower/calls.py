"""Calls: of functions of the system, of a mask, and of what the language knows by name. Python AST -> typed IR."""

from __future__ import annotations

import ast
import inspect

from checker.language import ir
from checker.language.c_habits import bit_call_hint
from checker.language.ir import Expr, Param, Place
from checker.language.lower.context import Context, NoneValue, Operands, PlaceTypes, Signature, Value
from checker.language.lower.convert import coerce, load
from checker.language.lower.loops import Loops
from checker.language.refusal import a, did_you_mean
from model.finite import Mask, MaskType, OptionalType, StructType, TableType
from model.lang import Struct


class Calls:
    """The calls of one function."""

    def __init__(self, context: Context, expressions: Operands, loops: Loops) -> None:
        self.ctx, self.expressions, self.loops = context, expressions, loops

    def value(self, node: ast.Call) -> Value:
        function = node.func
        if (word := self.ctx.word(function)) in ("any", "all"):
            return self.loops.quantified(node, word)
        if self.is_require(node):
            raise self.ctx.refuse(
                node, "require(...) must stand on a line of its own", "write `x = require(...)` first"
            )
        if isinstance(function, ast.Name):
            return self._other_call(node, function)
        signature = self.method_called(node)
        if signature is not None:
            if signature.returns is None:
                raise self.ctx.refuse(
                    node, f"{signature.name}() changes state and has no value", "call it on a line of its own"
                )
            return ir.Call(signature.name, self.arguments(node, signature), signature.returns, self.ctx.loc(node))
        if isinstance(function, ast.Attribute):
            return self._mask_method(node, function)
        raise self.ctx.unsupported(node)

    def is_require(self, call: ast.Call) -> bool:
        return self.ctx.word(call.func) == "require"

    def _other_call(self, node: ast.Call, function: ast.Name) -> Value:
        target = self.ctx.meaning(function.id)
        if target is Mask and not node.args:
            raise self.ctx.refuse(
                node, "an empty Mask is made where a field is declared", "use .clear() to empty a mask"
            )
        if inspect.isclass(target) and issubclass(target, Struct):
            raise self.ctx.refuse(
                node,
                f"a new {function.id} can only be stored into a row or field",
                f"self.table[i] = {function.id}(...)",
            )
        if function.id in self.ctx.linker.method_names():
            raise self.ctx.refuse(
                node, f"{function.id}() is a function of the system", f"write self.{function.id}(...)"
            )
        if hint := bit_call_hint(node):
            raise self.ctx.refuse(node, f"a Mask is a set, and {function.id}() is none of its functions", hint)
        hint = did_you_mean(function.id, ["any", "all", "require"])
        raise self.ctx.refuse(
            node,
            f"{function.id}() is {'not imported' if function.id == 'require' else 'not in the language'}",
            "functions are methods of the class: self.f(...)" if hint.startswith("valid") else hint,
        )

    def method_called(self, node: ast.Call) -> Signature | None:
        """The method of the system that a call names (self.f(...) or super().f(...)), if it is one."""
        function = node.func
        if not isinstance(function, ast.Attribute):
            return None
        base, after = function.value, None
        if self.ctx.word(base) == "super":
            hint = f"write `{ast.unparse(node).replace('super', 'super()', 1)}`"
            raise self.ctx.refuse(base, "`super` has no parentheses here", hint)
        if isinstance(base, ast.Call) and self.ctx.word(base.func) == "super":
            after = self._above(base)
        elif not (isinstance(base, ast.Name) and isinstance(self.ctx.env.values.get(base.id), ir.State | ir.Before)):
            return None
        elif isinstance(self.ctx.env.values[base.id], ir.Before):
            raise self.ctx.refuse(
                node,
                "functions can only be asked about the state after the step",
                "read the fields of `before` instead",
            )
        found = self.ctx.linker.method(function.attr, after)
        if found is None:
            if self.ctx.linker.field(function.attr) is not None:
                raise self.ctx.refuse(function, f"{function.attr!r} is a field, not a function", "drop the parentheses")
            if after is not None:
                nearest = did_you_mean(function.attr, self.ctx.linker.method_names())
                hint = nearest if nearest.startswith("did") else "drop this line: nothing is replaced here"
                raise self.ctx.refuse(function, f"no class above this one has a function {function.attr!r}", hint)
            hint = did_you_mean(function.attr, self.ctx.linker.method_names())
            raise self.ctx.refuse(function, f"this system has no function {function.attr!r}", hint)
        return found

    def _above(self, call: ast.Call) -> type:
        """The class that super() starts above: the one that the function is written in, as Python has it."""
        cells = dict(zip(self.ctx.source.__code__.co_freevars, self.ctx.source.__closure__ or (), strict=True))
        if "__class__" not in cells or call.args or call.keywords:
            raise self.ctx.refuse(call, "super() is written without arguments, in a method")
        if self.ctx.in_generator:
            raise self.ctx.refuse(
                call,
                "super() means nothing inside any(...) and all(...)",
                "loop with `for`, or give its value a name first",
            )
        owner: type = cells["__class__"].cell_contents
        return owner

    def arguments(self, node: ast.Call, signature: Signature) -> tuple[Expr | Place, ...]:
        """Arguments in parameter order, each coerced to its parameter's type."""
        given: dict[str, ast.expr] = dict(zip((p.name for p in signature.params), node.args, strict=False))
        named = {k.arg: k.value for k in node.keywords if k.arg is not None}
        wanted = [p.name for p in signature.params]
        if len(node.args) + len(node.keywords) != len(wanted) or {*given, *named} != set(wanted):
            raise self.ctx.refuse(node, f"{signature.name}() takes ({', '.join(wanted)})")
        given |= named
        return tuple(self._argument(p, given[p.name], signature) for p in signature.params)

    def _argument(self, param: Param, node: ast.expr, signature: Signature) -> Expr | Place:
        of, what = param.type, f"parameter {param.name!r} of {signature.name}()"
        if isinstance(of, StructType | TableType | MaskType):
            place = self.expressions.place(node, what)
            if place.type != of:
                raise self.ctx.refuse(node, f"{what} is {a(of)}, and this is {a(place.type)}")
            return place
        found = self.expressions.value(node)
        if isinstance(found, PlaceTypes) and isinstance(found.type, StructType | TableType):
            key = node.slice if isinstance(node, ast.Subscript) else None
            hint = f"write `{ast.unparse(key)}`" if key is not None and self.expressions.scalar(key).type == of else ""
            raise self.ctx.refuse(node, f"{what} is {a(of)}, and this is {a(found.type)}", hint)
        value, check = coerce(self.ctx, found, of, node)
        if check:
            raise self.ctx.refuse(node, f"this may be {a(value.type)}, and {what} is {a(of)}")
        return value

    def _mask_method(self, node: ast.Call, function: ast.Attribute) -> Value:
        mask = self.expressions.value(function.value)
        if isinstance(mask, NoneValue) or not isinstance(mask.type, MaskType):
            raise self.ctx.refuse(
                node, f"`{ast.unparse(node)}` is not in the language", "only the system (self) and Masks have functions"
            )
        if function.attr in ("add", "discard", "clear"):
            raise self.ctx.refuse(
                node, f".{function.attr}() changes the mask and has no value", "write it on a line of its own"
            )
        if function.attr not in ("highest", "lowest"):
            raise self.ctx.refuse(
                node, f"a Mask has no function {function.attr!r}", did_you_mean(function.attr, ["highest", "lowest"])
            )
        if node.args or node.keywords:
            raise self.ctx.refuse(node, f".{function.attr}() takes nothing")
        return ir.MaskPick(function.attr, load(self.ctx, mask, node), OptionalType(mask.type.of), self.ctx.loc(node))
