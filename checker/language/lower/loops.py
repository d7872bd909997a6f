"""What a loop runs over, of `for` and of any(...) and all(...). Python AST -> typed IR."""

from __future__ import annotations

import ast

from checker.language import ir
from checker.language.ir import BOOL, Expr, Place
from checker.language.lower.context import Context, NoneValue, Operands, PlaceTypes, Value
from checker.language.lower.convert import load
from model.finite import IntType, MaskType, StructType, TableType

Iteration = tuple[str, IntType, dict[str, Expr | Place], Expr | None]
LOOPS = "loops run over a Table, its .items() or .values(), a Mask, or range(a size)"


class Loops:
    """The loops of one function, without their bodies."""

    def __init__(self, context: Context, expressions: Operands) -> None:
        self.ctx, self.expressions = context, expressions

    def quantified(self, node: ast.Call, op: str) -> Value:
        generator = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if not isinstance(generator, ast.GeneratorExp) or len(generator.generators) != 1:
            raise self.ctx.refuse(
                node, f"{op}(...) takes one generator", f"{op}(v in apic.irr for apic in self.apic.values())"
            )
        saved, clause = self.ctx.env, generator.generators[0]
        self.ctx.env = self.ctx.env.copy()
        var, over, bound, member = self.over(clause.target, clause.iter, None)
        self.ctx.in_generator += 1  # Python evaluates what is looped over before it
        self.ctx.env.values.update(bound)
        self.ctx.env.maybe_unset -= set(bound)
        tests = [member] if member is not None else []
        for test in clause.ifs:
            tests.append(self.expressions.condition(test))
            self.ctx.env = self.expressions.narrowed(test, truth=True)
        body = self.expressions.condition(generator.elt)
        self.ctx.env = saved
        self.ctx.in_generator -= 1
        for test_ in reversed(tests):
            loc = self.ctx.loc(node)
            body = (
                ir.Logic("and", test_, body, BOOL, loc) if op == "any"
                else ir.Logic("or", ir.Not(test_, BOOL, loc), body, BOOL, loc)
            )  # fmt: skip
        return ir.Quantified(op, var, over, body, BOOL, self.ctx.loc(node))

    def over(self, target: ast.expr, source: ast.expr, prologue: list[ir.Stmt] | None) -> Iteration:
        """(index variable, its range, names bound in the body, membership test) of `for target in source`.

        `prologue` takes what a `for` statement evaluates once, when it begins; any/all change nothing and need none.
        """
        for name in ast.walk(target):
            if isinstance(name, ast.Name) and name.id in self.ctx.env.values:
                raise self.ctx.refuse(name, f"{name.id!r} has a meaning here already", "use another name in the loop")
        base, how = source, ""
        if isinstance(source, ast.Call) and self.ctx.word(source.func) == "range":
            return self._range(target, source)
        if (
            isinstance(source, ast.Call)
            and isinstance(source.func, ast.Attribute)
            and not source.args
            and not source.keywords
        ):
            base, how = source.func.value, source.func.attr
        over = self.expressions.value(base)
        if isinstance(over, PlaceTypes) and isinstance(over.type, TableType):
            return self._over_table(target, source, self._held(over, target, prologue), over.type, how)
        if (
            not isinstance(over, NoneValue)
            and isinstance(over.type, MaskType)
            and not how
            and isinstance(target, ast.Name)
        ):
            return self._over_mask(target, load(self.ctx, over, source), over.type, prologue)
        raise self.ctx.refuse(source, "this cannot be looped over", LOOPS)

    def _held(self, table: Place, target: ast.expr, prologue: list[ir.Stmt] | None) -> Place:
        """The table as the loop found it when it began, whatever its body does to indices on the way."""
        part = table
        while isinstance(part, ir.FieldOf | ir.RowOf):
            if isinstance(part, ir.RowOf) and not isinstance(part.index, ir.Const) and prologue is not None:
                name = self.ctx.temporary("rows")
                prologue.append(ir.Bind(name, table, self.ctx.loc(target)))
                return ir.Alias(name, table.type)
            part = part.base
        return table

    def _over_mask(self, target: ast.Name, mask: Expr, of: MaskType, prologue: list[ir.Stmt] | None) -> Iteration:
        if prologue is not None:  # the members as they are when the loop begins
            snapshot = ir.Local(self.ctx.fresh(f"{target.id}_members"), of, mask.loc)
            prologue.append(ir.Assign(snapshot.name, mask, of, False, mask.loc))
            mask = snapshot
        index = ir.Local(target.id, of.of, self.ctx.loc(target))
        return target.id, of.of, {target.id: index}, ir.Contains(mask, index, BOOL, mask.loc)

    def _range(self, target: ast.expr, source: ast.Call) -> Iteration:
        bound = self.expressions.scalar(source.args[0]) if len(source.args) == 1 and not source.keywords else None
        whole = isinstance(bound, ir.Const) and isinstance(bound.type, IntType) and bound.code > 0
        if not isinstance(bound, ir.Const) or not whole or not isinstance(target, ast.Name):
            raise self.ctx.refuse(
                source, "range(...) takes one number or one size of the scope", "for i in range(self.scope.pins):"
            )
        argument = source.args[0]
        of_scope = isinstance(argument, ast.Attribute) and isinstance(argument.value, ast.Attribute)
        name = argument.attr if of_scope and isinstance(argument, ast.Attribute) else ""
        of = IntType(0, bound.code - 1, name)
        return target.id, of, {target.id: ir.Local(target.id, of, self.ctx.loc(target))}, None

    def _over_table(self, target: ast.expr, source: ast.expr, table: Place, of: TableType, how: str) -> Iteration:
        parts = target.elts if isinstance(target, ast.Tuple) else [target]
        names = [t.id for t in parts if isinstance(t, ast.Name)]
        wanted = {"": 1, "values": 1, "items": 2}.get(how)
        if wanted is None:
            raise self.ctx.refuse(source, f"a Table has no .{how}()", LOOPS)
        if len(set(names)) != wanted or len(parts) != wanted or isinstance(target, ast.Tuple) != (how == "items"):
            raise self.ctx.refuse(
                target,
                f"this loop gives {'two names: index, row' if wanted == 2 else 'one name'}",
                "for pin, rte in self.ioapic.items():" if wanted == 2 else "use .items() for the index and the row",
            )
        key = names[0] if how != "values" else self.ctx.fresh(f"{names[0]}_index")
        index = ir.Local(key, of.index, self.ctx.loc(target))
        row = ir.RowOf(table, index, of.row)
        row_value: Expr | Place = row
        if not isinstance(of.row, StructType | TableType | MaskType):
            row_value = ir.Load(row, of.row, self.ctx.loc(target))
        bound: dict[str, Expr | Place] = {key: index} if how != "values" else {}
        if how:
            bound[names[-1]] = row_value
        return key, of.index, bound, None
