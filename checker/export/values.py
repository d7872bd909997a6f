"""What functions say, as one expression over the state: calls are put in place, loops unrolled, and what a statement
leads to stands in the branches of an IfElse. So become the guard of a step, an invariant, and every pure call.

A function is run backwards from what may follow (Ways): what a block says is said with what comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from checker.engine.cgen_unit import code_range
from checker.engine.facts import walk
from checker.export.folding import (
    FALSE,
    TRUE,
    arithmetic,
    both,
    choose,
    compare,
    contains,
    either,
    fits_plainly,
    is_some,
    negation,
    number,
    unwrapped,
    within,
    wrapped,
)
from checker.language import ir
from checker.language.ir import Expr, Function, Place, Stmt
from model.finite import BoolType, MaskType, OptionalType, Scalar

Env: TypeAlias = Mapping[str, Expr | Place]
After: TypeAlias = Callable[[Env], Expr]
Number: TypeAlias = (
    ir.Compare | ir.Arith | ir.IsSome | ir.Unwrap | ir.Wrap | ir.Contains | ir.MaskEdit | ir.MaskOp | ir.MaskPick
)

LEAVING = ir.Return | ir.Break | ir.Continue | ir.Require | ir.Store | ir.Do


@dataclass(frozen=True)
class Ways:
    """What is said where a block ends, and where it is left."""

    on: After
    returned: Callable[[Env, Expr | None], Expr]
    broke: After
    went_on: After


def once(after: After) -> After:
    """What follows an `if` is worked out once for both branches, where these leave the names as they were."""
    seen = list[tuple[Env, Expr]]()

    def remembered(env: Env) -> Expr:
        for known, said in seen:
            if known == env:
                return said
        said = after(env)
        seen.append((env, said))
        return said

    return remembered


class Folded:
    """Functions of a program, at the choices of a scope."""

    def __init__(self, functions: Mapping[str, Function], choices: Mapping[str, Expr]) -> None:
        self.functions, self._choices = functions, choices

    # --- expressions ---

    def value(self, e: Expr, env: Env) -> Expr:
        """The expression without calls and quantifiers, its names replaced by what they stand for."""
        match e:
            case ir.Const():
                return e
            case ir.Choice(name):
                return self._choices[name]
            case ir.Local(name):
                found = env[name]
                assert not isinstance(found, Place), name
                return found
            case ir.Load(place):
                return replace(e, place=self.place(place, env))
            case ir.Not(operand):
                return negation(self.value(operand, env))
            case ir.Logic("and", left, right):
                return both(self.value(left, env), self.value(right, env))
            case ir.Logic(_, left, right):
                return either(self.value(left, env), self.value(right, env))
            case ir.IfElse(test, then, other):
                return choose(self.value(test, env), self.value(then, env), self.value(other, env))
            case ir.Quantified():
                return self._quantified(e, env, lambda inner: self.value(e.body, inner))
            case ir.Call(name, args):
                return self.call(name, self.arguments(args, env))
            case _:
                return self._number(e, env)

    def _number(self, e: Number, env: Env) -> Expr:
        match e:
            case ir.Compare(op, left, right):
                return compare(op, self.value(left, env), self.value(right, env))
            case ir.Arith(op, left, right, of):
                return arithmetic(op, self.value(left, env), self.value(right, env), of)
            case ir.IsSome(operand):
                return is_some(self.value(operand, env))
            case ir.Unwrap(operand):
                return unwrapped(e, self.value(operand, env))
            case ir.Wrap(operand, of):
                return wrapped(self.value(operand, env), of, e.loc)
            case ir.Contains(mask, element):
                return contains(self.value(mask, env), self.value(element, env))
            case ir.MaskEdit(_, mask, element):
                return replace(e, mask=self.value(mask, env), element=self.value(element, env))
            case ir.MaskOp(_, left, right):
                return replace(e, left=self.value(left, env), right=self.value(right, env))
            case ir.MaskPick(_, mask):
                return replace(e, mask=self.value(mask, env))
            case _:
                assert_never(e)

    def _quantified(self, e: ir.Quantified, env: Env, of: Callable[[Env], Expr]) -> Expr:
        join = either if e.op == "any" else both
        result: Expr = FALSE if e.op == "any" else TRUE
        for turn in reversed(range(e.over.lo, e.over.hi + 1)):
            result = join(of({**env, e.var: number(turn)}), result)
        return result

    def place(self, place: Place, env: Env) -> Place:
        match place:
            case ir.State() | ir.Before():
                return place
            case ir.Alias(name):
                found = env[name]
                assert isinstance(found, Place), name
                return found
            case ir.FieldOf(base):
                return replace(place, base=self.place(base, env))
            case ir.RowOf(base, index):
                return replace(place, base=self.place(base, env), index=self.value(index, env))
            case _:
                assert_never(place)

    def arguments(self, args: Sequence[Expr | Place], env: Env) -> list[Expr | Place]:
        return [self.place(arg, env) if isinstance(arg, Place) else self.value(arg, env) for arg in args]

    def call(self, name: str, args: Sequence[Expr | Place]) -> Expr:
        """What a pure function gives."""
        function, returns = self.functions[name], self.functions[name].returns
        assert returns is not None, name

        def result(env: Env, value: Expr | None) -> Expr:
            assert value is not None, name
            return self.value(value, env)

        def end(env: Env) -> Expr:  # no path comes here that is ever taken
            return ir.Const(code_range(returns)[0], returns, function.loc)

        return self._run(function, args, result, end)

    # --- what ends a step ---

    def guard(self, name: str, args: Sequence[Expr | Place]) -> Expr:
        """Where a step is enabled: no `require` fails in it. Its run is over at the first write, after which there is none."""
        return self._run(self.functions[name], args, lambda env, value: TRUE, lambda env: TRUE)

    def fits(self, value: Expr, of: Scalar, env: Env) -> Expr:
        """The value is one of the type's. Asked of the parts where the code of the whole no longer tells: wrapping -1
        gives None's code, and a bit beyond the mask is shifted away."""
        match value:
            case ir.Wrap(operand) if isinstance(of, OptionalType):
                return self.fits(operand, of.of, env)
            case ir.IfElse(test, then, other):
                return choose(self.value(test, env), self.fits(then, of, env), self.fits(other, of, env))
            case ir.MaskEdit("with", mask, element) if isinstance(of, MaskType):
                return both(within(self.value(element, env), 0, of.of.hi), self.fits(mask, of, env))
            case _ if isinstance(of, BoolType):
                return TRUE
            case _:
                return fits_plainly(self.value(value, env), of)

    # --- backwards through a function ---

    def _run(
        self, function: Function, args: Sequence[Expr | Place], returned: Callable[[Env, Expr | None], Expr], end: After
    ) -> Expr:
        env = {param.name: arg for param, arg in zip(function.params, args, strict=True)}
        return self._block(function.body, env, Ways(end, returned, _outside, _outside))

    def _block(self, block: Sequence[Stmt], env: Env, ways: Ways) -> Expr:
        if not block:
            return ways.on(env)
        first, rest = block[0], block[1:]

        def on(after: Env) -> Expr:
            return self._block(rest, after, ways)

        return self._statement(first, env, replace(ways, on=on))

    def _statement(self, stmt: Stmt, env: Env, ways: Ways) -> Expr:
        match stmt:
            case ir.Assign(name, value, check=check):
                assert not check, f"{stmt.loc}: the lowering refuses locals that may leave their range"
                return ways.on({**env, name: self.value(value, env)})
            case ir.Bind(name, place):
                return ways.on({**env, name: self.place(place, env)})
            case ir.If():
                return self._if(stmt, env, ways)
            case ir.For(over=over):
                return self._turns(stmt, range(over.lo, over.hi + 1), env, ways)
            case ir.Continue():
                return ways.went_on(env)
            case ir.Break():
                return ways.broke(env)
            case ir.Return(value):
                return ways.returned(env, value)
            case ir.Require(test):
                return both(self.value(test, env), ways.on(env))
            case ir.Store():
                return TRUE
            case ir.Do():
                return self._do(stmt, env, ways)
            case _:
                assert_never(stmt)

    def _do(self, stmt: ir.Do, env: Env, ways: Ways) -> Expr:
        """What has no `require` is a write."""
        function = self.functions[stmt.function]
        if not function.guards:
            return TRUE
        args = self.arguments(stmt.args, env)
        return self._run(function, args, lambda inner, value: ways.on(env), lambda inner: ways.on(env))

    def _if(self, stmt: ir.If, env: Env, ways: Ways) -> Expr:
        test = self.value(stmt.test, env)
        if (merged := self._merged(test, stmt, env)) is not None:
            return ways.on(merged)
        ways = replace(ways, on=once(ways.on))
        return choose(test, self._block(stmt.then, env, ways), self._block(stmt.other, env, ways))

    def _merged(self, test: Expr, stmt: ir.If, env: Env) -> Env | None:
        """What names stand for after an `if` that does nothing but give them values; else None."""
        branches = stmt.then, stmt.other
        if any(isinstance(n, LEAVING) for n in walk(branches)):
            return None
        then, other = (self._names_after(branch, env) for branch in branches)
        found = dict[str, Expr | Place]({**then, **other})
        for name in then.keys() & other.keys():
            one, two = then[name], other[name]
            if isinstance(one, Place) or isinstance(two, Place):
                if one != two:
                    return None
            else:
                found[name] = choose(test, one, two)
        return found

    def _names_after(self, block: Sequence[Stmt], env: Env) -> Env:
        found = list[Env]()

        def end(after: Env) -> Expr:
            found.append(after)
            return TRUE

        self._block(block, env, Ways(end, lambda inner, value: TRUE, _outside, _outside))
        return found[-1]

    def _turns(self, stmt: ir.For, turns: range, env: Env, ways: Ways) -> Expr:
        if not turns:
            return ways.on(env)
        next_turn = once(lambda after: self._turns(stmt, turns[1:], after, ways))
        inner = replace(ways, on=next_turn, went_on=next_turn, broke=ways.on)
        return self._block(stmt.body, {**env, stmt.var: number(turns[0])}, inner)


def _outside(env: Env) -> Expr:
    raise AssertionError("a loop is left outside of one")
