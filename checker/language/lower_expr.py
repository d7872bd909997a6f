"""Calls, any/all, and what loops run over: Python AST -> typed IR. Completes the lowering of expressions."""

from __future__ import annotations

import ast
import inspect

from checker.language import ir
from checker.language.c_habits import bit_call_hint
from checker.language.ir import BOOL, Expr, Param, Place
from checker.language.lower_names import NoneValue, PlaceTypes, Signature, Value
from checker.language.lower_operators import OperatorLowering
from checker.language.refusal import a, did_you_mean
from model.finite import IntType, Mask, MaskType, OptionalType, StructType, TableType
from model.lang import Struct

Iteration = tuple[str, IntType, dict[str, Expr | Place], Expr | None]
LOOPS = "loops run over a Table, its .items() or .values(), a Mask, or range(a size)"


class ExpressionLowering(OperatorLowering):
    """Lowers the expressions of one function."""

    # --- calls ---

    def _call(self, node: ast.Call) -> Value:
        function = node.func
        if (word := self.word(function)) in ("any", "all"):
            return self._quantified(node, word)
        if self.is_require(node):
            raise self.refuse(node, "require(...) must stand on a line of its own", "write `x = require(...)` first")
        if isinstance(function, ast.Name):
            return self._other_call(node, function)
        signature = self.method_called(node)
        if signature is not None:
            if signature.returns is None:
                raise self.refuse(
                    node, f"{signature.name}() changes state and has no value", "call it on a line of its own"
                )
            return ir.Call(signature.name, self.arguments(node, signature), signature.returns, self.loc(node))
        if isinstance(function, ast.Attribute):
            return self._mask_method(node, function)
        raise self.unsupported(node)

    def is_require(self, call: ast.Call) -> bool:
        return self.word(call.func) == "require"

    def _other_call(self, node: ast.Call, function: ast.Name) -> Value:
        target = self.meaning(function.id)
        if target is Mask and not node.args:
            raise self.refuse(node, "an empty Mask is made where a field is declared", "use .clear() to empty a mask")
        if inspect.isclass(target) and issubclass(target, Struct):
            raise self.refuse(
                node,
                f"a new {function.id} can only be stored into a row or field",
                f"self.table[i] = {function.id}(...)",
            )
        if function.id in self.linker.method_names():
            raise self.refuse(node, f"{function.id}() is a function of the system", f"write self.{function.id}(...)")
        if hint := bit_call_hint(node):
            raise self.refuse(node, f"a Mask is a set, and {function.id}() is none of its functions", hint)
        hint = did_you_mean(function.id, ["any", "all", "require"])
        raise self.refuse(
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
        if self.word(base) == "super":
            hint = f"write `{ast.unparse(node).replace('super', 'super()', 1)}`"
            raise self.refuse(base, "`super` has no parentheses here", hint)
        if isinstance(base, ast.Call) and self.word(base.func) == "super":
            after = self._above(base)
        elif not (isinstance(base, ast.Name) and isinstance(self.env.values.get(base.id), ir.State | ir.Before)):
            return None
        elif isinstance(self.env.values[base.id], ir.Before):
            raise self.refuse(
                node,
                "functions can only be asked about the state after the step",
                "read the fields of `before` instead",
            )
        found = self.linker.method(function.attr, after)
        if found is None:
            if self.linker.state.field(function.attr) is not None:
                raise self.refuse(function, f"{function.attr!r} is a field, not a function", "drop the parentheses")
            if after is not None:
                nearest = did_you_mean(function.attr, self.linker.method_names())
                hint = nearest if nearest.startswith("did") else "drop this line: nothing is replaced here"
                raise self.refuse(function, f"no class above this one has a function {function.attr!r}", hint)
            hint = did_you_mean(function.attr, self.linker.method_names())
            raise self.refuse(function, f"this system has no function {function.attr!r}", hint)
        return found

    def _above(self, call: ast.Call) -> type:
        """The class that super() starts above: the one that the function is written in, as Python has it."""
        cells = dict(zip(self.source.__code__.co_freevars, self.source.__closure__ or (), strict=True))
        if "__class__" not in cells or call.args or call.keywords:
            raise self.refuse(call, "super() is written without arguments, in a method")
        if self.in_generator:
            raise self.refuse(
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
            raise self.refuse(node, f"{signature.name}() takes ({', '.join(wanted)})")
        given |= named
        return tuple(self._argument(p, given[p.name], signature) for p in signature.params)

    def _argument(self, param: Param, node: ast.expr, signature: Signature) -> Expr | Place:
        of, what = param.type, f"parameter {param.name!r} of {signature.name}()"
        if isinstance(of, StructType | TableType | MaskType):
            place = self.place(node, what)
            if place.type != of:
                raise self.refuse(node, f"{what} is {a(of)}, and this is {a(place.type)}")
            return place
        value, check = self.coerce(self.value(node), of, node)
        if check:
            raise self.refuse(node, f"this may be {a(value.type)}, and {what} is {a(of)}")
        return value

    def _mask_method(self, node: ast.Call, function: ast.Attribute) -> Value:
        mask = self.value(function.value)
        if isinstance(mask, NoneValue) or not isinstance(mask.type, MaskType):
            raise self.refuse(
                node, f"`{ast.unparse(node)}` is not in the language", "only the system (self) and Masks have functions"
            )
        if function.attr in ("add", "discard", "clear"):
            raise self.refuse(
                node, f".{function.attr}() changes the mask and has no value", "write it on a line of its own"
            )
        if function.attr not in ("highest", "lowest"):
            raise self.refuse(
                node, f"a Mask has no function {function.attr!r}", did_you_mean(function.attr, ["highest", "lowest"])
            )
        if node.args or node.keywords:
            raise self.refuse(node, f".{function.attr}() takes nothing")
        return ir.MaskPick(function.attr, self.load(mask, node), OptionalType(mask.type.of), self.loc(node))

    # --- any and all ---

    def _quantified(self, node: ast.Call, op: str) -> Value:
        generator = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if not isinstance(generator, ast.GeneratorExp) or len(generator.generators) != 1:
            raise self.refuse(
                node, f"{op}(...) takes one generator", f"{op}(v in apic.irr for apic in self.apic.values())"
            )
        saved, clause = self.env, generator.generators[0]
        self.env = self.env.copy()
        var, over, bound, member = self.iteration(clause.target, clause.iter, None)
        self.in_generator += 1  # Python evaluates what is looped over before it
        self.env.values.update(bound)
        self.env.maybe_unset -= set(bound)
        tests = [member] if member is not None else []
        for test in clause.ifs:
            tests.append(self.condition(test))
            self.env = self.narrowed(test, truth=True)
        body = self.condition(generator.elt)
        self.env = saved
        self.in_generator -= 1
        for test_ in reversed(tests):
            loc = self.loc(node)
            body = (
                ir.Logic("and", test_, body, BOOL, loc) if op == "any"
                else ir.Logic("or", ir.Not(test_, BOOL, loc), body, BOOL, loc)
            )  # fmt: skip
        return ir.Quantified(op, var, over, body, BOOL, self.loc(node))

    # --- iteration, shared by `for` and any/all ---

    def iteration(self, target: ast.expr, source: ast.expr, prologue: list[ir.Stmt] | None) -> Iteration:
        """(index variable, its range, names bound in the body, membership test) of `for target in source`.

        `prologue` takes what a `for` statement evaluates once, when it begins; any/all change nothing and need none.
        """
        for name in ast.walk(target):
            if isinstance(name, ast.Name) and name.id in self.env.values:
                raise self.refuse(name, f"{name.id!r} has a meaning here already", "use another name in the loop")
        base, how = source, ""
        if isinstance(source, ast.Call) and self.word(source.func) == "range":
            return self._range(target, source)
        if (
            isinstance(source, ast.Call)
            and isinstance(source.func, ast.Attribute)
            and not source.args
            and not source.keywords
        ):
            base, how = source.func.value, source.func.attr
        over = self.value(base)
        if isinstance(over, PlaceTypes) and isinstance(over.type, TableType):
            return self._over_table(target, source, self._held(over, target, prologue), over.type, how)
        if (
            not isinstance(over, NoneValue)
            and isinstance(over.type, MaskType)
            and not how
            and isinstance(target, ast.Name)
        ):
            return self._over_mask(target, self.load(over, source), over.type, prologue)
        raise self.refuse(source, "this cannot be looped over", LOOPS)

    def _held(self, table: Place, target: ast.expr, prologue: list[ir.Stmt] | None) -> Place:
        """The table as the loop found it when it began, whatever its body does to indices on the way."""
        part = table
        while isinstance(part, ir.FieldOf | ir.RowOf):
            if isinstance(part, ir.RowOf) and not isinstance(part.index, ir.Const) and prologue is not None:
                name = self.fresh("rows")
                self.mentioned.add(name)
                prologue.append(ir.Bind(name, table, self.loc(target)))
                return ir.Alias(name, table.type)
            part = part.base
        return table

    def _over_mask(self, target: ast.Name, mask: Expr, of: MaskType, prologue: list[ir.Stmt] | None) -> Iteration:
        if prologue is not None:  # the members as they are when the loop begins
            snapshot = ir.Local(self.fresh(f"{target.id}_members"), of, mask.loc)
            prologue.append(ir.Assign(snapshot.name, mask, of, False, mask.loc))
            mask = snapshot
        index = ir.Local(target.id, of.of, self.loc(target))
        return target.id, of.of, {target.id: index}, ir.Contains(mask, index, BOOL, mask.loc)

    def _range(self, target: ast.expr, source: ast.Call) -> Iteration:
        bound = self.scalar(source.args[0]) if len(source.args) == 1 and not source.keywords else None
        whole = isinstance(bound, ir.Const) and isinstance(bound.type, IntType) and bound.code > 0
        if not isinstance(bound, ir.Const) or not whole or not isinstance(target, ast.Name):
            raise self.refuse(
                source, "range(...) takes one number or one size of the scope", "for i in range(self.scope.pins):"
            )
        argument = source.args[0]
        of_scope = isinstance(argument, ast.Attribute) and isinstance(argument.value, ast.Attribute)
        name = argument.attr if of_scope and isinstance(argument, ast.Attribute) else ""
        of = IntType(0, bound.code - 1, name)
        return target.id, of, {target.id: ir.Local(target.id, of, self.loc(target))}, None

    def _over_table(self, target: ast.expr, source: ast.expr, table: Place, of: TableType, how: str) -> Iteration:
        parts = target.elts if isinstance(target, ast.Tuple) else [target]
        names = [t.id for t in parts if isinstance(t, ast.Name)]
        wanted = {"": 1, "values": 1, "items": 2}.get(how)
        if wanted is None:
            raise self.refuse(source, f"a Table has no .{how}()", LOOPS)
        if len(set(names)) != wanted or len(parts) != wanted or isinstance(target, ast.Tuple) != (how == "items"):
            raise self.refuse(
                target,
                f"this loop gives {'two names: index, row' if wanted == 2 else 'one name'}",
                "for pin, rte in self.ioapic.items():" if wanted == 2 else "use .items() for the index and the row",
            )
        key = names[0] if how != "values" else self.fresh(f"{names[0]}_index")
        index = ir.Local(key, of.index, self.loc(target))
        row = ir.RowOf(table, index, of.row)
        row_value: Expr | Place = row
        if not isinstance(of.row, StructType | TableType | MaskType):
            row_value = ir.Load(row, of.row, self.loc(target))
        bound: dict[str, Expr | Place] = {key: index} if how != "values" else {}
        if how:
            bound[names[-1]] = row_value
        return key, of.index, bound, None
