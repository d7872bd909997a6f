"""What functions say, as one expression over the state: calls are put in place, loops unrolled, and what a statement
leads to stands in the branches of an IfElse. So become the guard of a step, an invariant, and every pure call.

A function is run backwards from what may follow (Ways): what a block says is said with what comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from checker.engine.cgen_unit import code_range
from checker.engine.facts import PARTS, facts, walk
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
        self._faulty = set[str]()  # pure functions of which a local may go out of range
        for name, function in functions.items():  # callees come first
            if function.returns is not None and (facts(function).checks or self._faulty & set(facts(function).calls)):
                self._faulty.add(name)

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

    def _number(
        self,
        e: ir.Compare
        | ir.Arith
        | ir.IsSome
        | ir.Unwrap
        | ir.Wrap
        | ir.Contains
        | ir.MaskEdit
        | ir.MaskOp
        | ir.MaskPick,
        env: Env,
    ) -> Expr:
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
        function = self.functions[name]
        assert function.returns is not None, name
        least = ir.Const(code_range(function.returns)[0], function.returns, function.loc)

        def result(env: Env, value: Expr | None) -> Expr:
            assert value is not None, name
            return self.value(value, env)

        run = _Run(self, lambda fits, rest: choose(fits, rest, least))
        return run.function(function, args, result, lambda env: least)

    # --- whether a local goes out of range ---

    def may_fault(self, node: object) -> bool:
        """A pure function is called under this node of which a local may go out of range."""
        return bool(self._faulty) and any(isinstance(n, ir.Call) and n.function in self._faulty for n in walk(node))

    def faults(self, e: Expr | Place, env: Env) -> Expr:
        """Where a local of a pure function that this calls goes out of range."""
        if not self.may_fault(e):
            return FALSE
        match e:
            case ir.Logic(op, left, right):
                test = self.value(left, env)
                needed = test if op == "and" else negation(test)
                return either(self.faults(left, env), both(needed, self.faults(right, env)))
            case ir.IfElse(test, then, other):
                branches = self.faults(then, env), self.faults(other, env)
                return either(self.faults(test, env), choose(self.value(test, env), *branches))
            case ir.Quantified(op, body=body):
                return self._quantified_faults(e, body, op == "any", env)
            case ir.Call(name, args):
                return either(self.faults_of(args, env), self._faults_in(name, self.arguments(args, env)))
            case _:
                return self.faults_of(_parts(e), env)

    def faults_of(self, parts: Sequence[Expr | Place], env: Env) -> Expr:
        result: Expr = FALSE
        for part in parts:
            result = either(result, self.faults(part, env))
        return result

    def _quantified_faults(self, e: ir.Quantified, body: Expr, decides: bool, env: Env) -> Expr:
        """It stops at the first turn that decides."""
        result: Expr = FALSE
        for turn in reversed(range(e.over.lo, e.over.hi + 1)):
            inner = {**env, e.var: number(turn)}
            test = self.value(body, inner)
            result = either(self.faults(body, inner), both(negation(test) if decides else test, result))
        return result

    def _faults_in(self, name: str, args: Sequence[Expr | Place]) -> Expr:
        if name not in self._faulty:
            return FALSE

        def result(env: Env, value: Expr | None) -> Expr:
            return FALSE if value is None else self.faults(value, env)

        run = _Run(self, lambda fits, rest: choose(fits, rest, TRUE), self._or_faults)
        return run.function(self.functions[name], args, result, lambda env: FALSE)

    def _or_faults(self, parts: Sequence[Expr | Place], env: Env, rest: Expr) -> Expr:
        return either(self.faults_of(parts, env), rest)

    # --- what ends a step ---

    def guard(self, name: str, args: Sequence[Expr | Place]) -> Expr:
        """Where a step is enabled: no `require` fails in it. One that goes out of range before is enabled, too: it is a
        fault."""
        run = _Run(self, lambda fits, rest: choose(fits, rest, TRUE), self._or_faults, guarding=True)
        return run.function(self.functions[name], args, lambda env, value: TRUE, lambda env: TRUE)

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


def _parts(e: Expr | Place) -> list[Expr | Place]:
    """What an expression or place is made of."""
    found = list[Expr | Place]()
    for name in PARTS[type(e)]:
        part = getattr(e, name)
        found += part if isinstance(part, tuple) else [part]
    return found


def _says_nothing(parts: Sequence[Expr | Place], env: Env, rest: Expr) -> Expr:
    return rest


def _outside(env: Env) -> Expr:
    raise AssertionError("a loop is left outside of one")


def _checks(node: object) -> bool:
    return isinstance(node, ir.Assign) and node.check


class _Run:
    """One run of a function, backwards. checked: what is said of a value that has to fit, and of what follows it; also:
    what an expression adds to that. guarding: the run is of a step, up to its first write."""

    def __init__(
        self, values: Folded, checked: Callable[[Expr, Expr], Expr],
        also: Callable[[Sequence[Expr | Place], Env, Expr], Expr] = _says_nothing, *, guarding: bool = False,
    ) -> None:  # fmt: skip
        self._values, self._checked, self._also, self._guarding = values, checked, also, guarding

    def function(
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
        values = self._values
        match stmt:
            case ir.Assign(name, value, of, check):
                follows = ways.on({**env, name: values.value(value, env)})
                said = self._checked(values.fits(value, of, env), follows) if check else follows
                return self._also([value], env, said)
            case ir.Bind(name, place):
                return self._also([place], env, ways.on({**env, name: values.place(place, env)}))
            case ir.If(test):
                return self._also([test], env, self._if(stmt, env, ways))
            case ir.For(over=over):
                return self._turns(stmt, range(over.lo, over.hi + 1), env, ways)
            case ir.Continue():
                return ways.went_on(env)
            case ir.Break():
                return ways.broke(env)
            case ir.Return(value):
                return ways.returned(env, value)
            case ir.Require(test):
                return self._also([test], env, both(values.value(test, env), ways.on(env)))
            case ir.Store():
                assert self._guarding, f"{stmt.loc}: a write in a pure function"
                return TRUE
            case ir.Do():
                return self._do(stmt, env, ways)
            case _:
                assert_never(stmt)

    def _do(self, stmt: ir.Do, env: Env, ways: Ways) -> Expr:
        """Nothing that may be written before a `require`: what has none ends the guard."""
        function = self._values.functions[stmt.function]
        if not function.guards:
            return TRUE
        args = self._values.arguments(stmt.args, env)
        follows = self.function(function, args, lambda inner, value: ways.on(env), lambda inner: ways.on(env))
        return self._also(stmt.args, env, follows)

    def _if(self, stmt: ir.If, env: Env, ways: Ways) -> Expr:
        test = self._values.value(stmt.test, env)
        if (merged := self._merged(test, stmt, env)) is not None:
            return ways.on(merged)
        ways = replace(ways, on=once(ways.on))
        return choose(test, self._block(stmt.then, env, ways), self._block(stmt.other, env, ways))

    def _merged(self, test: Expr, stmt: ir.If, env: Env) -> Env | None:
        """What names stand for after an `if` that does nothing but give them values; else None."""
        branches = stmt.then, stmt.other
        if self._values.may_fault(branches) or any(isinstance(n, LEAVING) or _checks(n) for n in walk(branches)):
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
