"""A program without functions: each step as a guard and the statements that it takes, each property as an expression.

What is left of the IR: Assign, Store, If and For; expressions without calls and quantifiers; places of the state. Calls
of what changes state are put in place, with variables of their own. `return`, `break` and `continue` are gone: what
follows them stands in the other branch, and behind a flag where a loop is left. What may go out of range is a Check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from checker.engine.cgen_unit import Names, code_range
from checker.engine.facts import walk
from checker.export.folding import FALSE, NOWHERE, TRUE, both, known, negation
from checker.export.values import Folded
from checker.language import ir
from checker.language.ir import BOOL, Const, Expr, Formula, Function, Local, Param, Place, Program, Step, Stmt
from checker.language.layout import leaves
from model.finite import BoolType, IntType, MaskType, Scalar, StructType, TableType, encode
from model.lang import Scope


@dataclass(frozen=True, slots=True)
class Check:
    """A fault unless `test`: what is to be stored is out of range."""

    test: Expr


@dataclass(frozen=True, slots=True)
class Set:
    """A variable of the step, or a place of the state."""

    to: str | Place
    value: Expr


@dataclass(frozen=True, slots=True)
class Branch:
    test: Expr
    then: tuple[Flat, ...]
    other: tuple[Flat, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    var: str
    over: IntType
    body: tuple[Flat, ...]


Flat: TypeAlias = Check | Set | Branch | Loop


@dataclass(frozen=True)
class Cells:
    """Leaves of the state that differ in rows only: an array of so many rows in each dimension. start: their codes in the
    initial state, row by row."""

    path: tuple[str, ...]
    rows: tuple[int, ...]
    type: Scalar
    name: str
    start: tuple[int, ...]


@dataclass(frozen=True)
class Rule:
    """A step. params: its own, under names that nothing else has. variables: name -> least and greatest value; None
    for a truth."""

    step: Step
    params: tuple[Param, ...]
    guard: Expr
    body: tuple[Flat, ...]
    variables: Mapping[str, tuple[int, int] | None]
    names: frozenset[str]


@dataclass(frozen=True)
class FlatFormula:
    """An `always` or `reachable`: an expression of a state or, of_edges, of two."""

    formula: Formula
    params: tuple[Param, ...]
    test: Expr


@dataclass(frozen=True)
class FlatProgram:
    """never: steps that these choices do not enable. left_out: the properties that are of whole runs. before: the cells that
    properties of steps read in the state before."""

    name: str
    cells: tuple[Cells, ...]
    rules: tuple[Rule, ...]
    never: tuple[str, ...]
    formulas: tuple[FlatFormula, ...]
    left_out: tuple[Formula, ...]
    before: tuple[Cells, ...]

    @property
    def names(self) -> frozenset[str]:
        """Those that are given to anything."""
        found = {cells.name for cells in (*self.cells, *self.before)}
        return self.parameters.union(found, *(rule.names for rule in self.rules))

    @property
    def parameters(self) -> frozenset[str]:
        of = [*(rule.params for rule in self.rules), *(formula.params for formula in self.formulas)]
        return frozenset(param.name for params in of for param in params)


def flatten(program: Program, scope: Scope, start: Sequence[int], taken: frozenset[str]) -> FlatProgram:
    """start: the codes of the initial state. taken: names that the text must not give to anything."""
    names = Names(taken)
    cells = tuple(_cells(program, start, names))
    choices = scope.choices()
    constants = {name: Const(encode(of, choices[name]), of, NOWHERE) for name, of in program.choices.items()}
    values = Folded(program.functions, constants)
    of_states = [step.params for step in program.steps] + [f.params for f in program.formulas if not f.of_edges]
    params = _params(of_states, names)
    of_edges = _params([f.params for f in program.formulas if f.of_edges], names)
    reserved = taken | {c.name for c in cells} | set(params.values()) | set(of_edges.values())
    rules = [_Flattened(values, step, _renamed(step.params, params), Names(reserved)).rule() for step in program.steps]
    never = tuple(rule.step.name for rule in rules if known(rule.guard) == 0)
    rules = [rule for rule in rules if known(rule.guard) != 0]
    told = [f for f in program.formulas if len(f.functions) == 1]
    formulas = tuple(_formula(values, f, _renamed(f.params, of_edges if f.of_edges else params)) for f in told)
    read = {path for formula in formulas for path in _read_before(formula.test)}
    before = tuple(replace(c, name=names.give(f"before_{c.name}")) for c in cells if c.path in read)
    left_out = tuple(f for f in program.formulas if f not in told)
    return FlatProgram(program.name, cells, tuple(rules), never, formulas, left_out, before)


def _cells(program: Program, start: Sequence[int], names: Names) -> Iterator[Cells]:
    found: dict[tuple[str, ...], list[tuple[tuple[int, ...], Scalar, int]]] = {}
    for leaf, code in zip(leaves(program.state), start, strict=True):
        path = tuple(part for part in leaf.path if isinstance(part, str))
        rows = tuple(part for part in leaf.path if isinstance(part, int))
        found.setdefault(path, []).append((rows, leaf.type, code))
    for path, rows_of in found.items():
        last, of, _ = rows_of[-1]
        yield Cells(path, tuple(row + 1 for row in last), of, names.give("_".join(path)), tuple(c for *_, c in rows_of))


def _params(of: Iterable[Sequence[Param]], names: Names) -> dict[str, str]:
    """Names for parameters that nothing else has. What properties of steps say stands within steps: theirs are others."""
    wanted = dict.fromkeys(param.name for params in of for param in params)
    return {name: names.give(name) for name in wanted}


def _renamed(params: Sequence[Param], names: Mapping[str, str]) -> tuple[Param, ...]:
    return tuple(Param(names[p.name], p.type) for p in params)


def _locals(params: Sequence[Param]) -> list[Expr | Place]:
    found = list[Expr | Place]()
    for param in params:
        assert not isinstance(param.type, StructType | TableType), param
        found.append(Local(param.name, param.type, NOWHERE))
    return found


def _formula(values: Folded, formula: Formula, params: tuple[Param, ...]) -> FlatFormula:
    return FlatFormula(formula, params, values.call(formula.functions[0], _locals(params)))


def path_of(place: Place) -> tuple[bool, tuple[str, ...], list[tuple[int, Expr]]]:
    """Of a place of the state: whether it is before the step, its path, and for each table its rows and the index."""
    match place:
        case ir.State() | ir.Before():
            return isinstance(place, ir.Before), (), []
        case ir.FieldOf(base, name):
            before, path, rows = path_of(base)
            return before, (*path, name), rows
        case ir.RowOf(base, index):
            before, path, rows = path_of(base)
            return before, path, [*rows, (ir.table_of(place).rows, index)]
        case ir.Alias():
            raise AssertionError(f"{place.name}: an alias is left")
        case _:
            assert_never(place)


def _read_before(test: Expr) -> Iterator[tuple[str, ...]]:
    for node in walk(test):
        if isinstance(node, ir.Load):
            before, path, _ = path_of(node.place)
            if before:
                yield path


@dataclass
class _Inlined:
    """A call that is put in place. env: what its names stand for; stop, returned: the flags by which the innermost loop, or
    the call from within loops, was left; made: its variables, which others may have once it has ended."""

    function: Function
    env: dict[str, Expr | Place] = field(default_factory=dict[str, "Expr | Place"])
    variables: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    made: list[tuple[tuple[str, str], str]] = field(default_factory=list[tuple[tuple[str, str], str]])
    stop: str | None = None
    returned: str | None = None
    in_loop: bool = False


class _Flattened:
    """One step, as a rule."""

    def __init__(self, values: Folded, step: Step, params: tuple[Param, ...], names: Names) -> None:
        self._values, self._step, self._params = values, step, params
        self._names, self._given = names, set[str]()
        self._variables: dict[str, tuple[int, int] | None] = {}
        self._free: dict[tuple[str, str], list[str]] = {}
        self._fixed = {param.name for param in params}  # what gets no other value where it is known

    def rule(self) -> Rule:
        args = _locals(self._params)
        guard = self._values.guard(self._step.name, args)
        body = self._call(self._step.name, args)
        return Rule(self._step, self._params, guard, tuple(body), self._variables, frozenset(self._given))

    # --- names ---

    def _variable(self, frame: _Inlined, name: str, of: Scalar) -> Local:
        """The variable for a name of a call; values of two types that one cannot compare have two."""
        key = name, _sort(of)
        if key not in frame.variables:
            frame.variables[key] = self._fresh(frame, name, of)
        text = frame.variables[key]
        self._widen(text, of)
        return Local(text, of, NOWHERE)

    def _fresh(self, frame: _Inlined, name: str, of: Scalar) -> str:
        key = name, _sort(of)
        free = self._free.get(key)
        text = free.pop() if free else self._new_name(name)
        frame.made.append((key, text))
        self._variables.setdefault(text, None if isinstance(of, BoolType) else code_range(of))
        self._widen(text, of)
        return text

    def _new_name(self, wanted: str) -> str:
        name = self._names.give(wanted)
        self._given.add(name)
        return name

    def _widen(self, text: str, of: Scalar) -> None:
        if (so_far := self._variables[text]) is not None:
            lo, hi = code_range(of)
            self._variables[text] = min(lo, so_far[0]), max(hi, so_far[1])

    # --- calls ---

    def _call(self, name: str, args: Sequence[Expr | Place]) -> list[Flat]:
        function = self._values.functions[name]
        frame, found, fixed = _Inlined(function), list[Flat](), self._fixed
        # Whoever is called changes no variable of the caller.
        self._fixed = fixed | {node.name for node in walk(tuple(args)) if isinstance(node, Local)}
        for param, arg in zip(function.params, args, strict=True):
            if isinstance(arg, Place):
                frame.env[param.name] = self._held(arg, found, frame)
            elif self._is_fixed(arg) and not _times_given(function.body, param.name):
                frame.env[param.name] = arg
            else:
                assert not isinstance(param.type, StructType | TableType), param
                found += self._set(frame, param.name, arg, param.type)
        if any(isinstance(n, ir.For) and _holds(n.body, ir.Return) for n in walk(function.body)):
            frame.returned = self._fresh(frame, "returned", BOOL)
            found.append(Set(frame.returned, FALSE))
        found += self._block(function.body, frame)
        self._fixed = fixed
        for key, text in reversed(frame.made):
            self._free.setdefault(key, []).append(text)
        return found

    def _is_fixed(self, e: Expr) -> bool:
        return isinstance(e, Const) or (isinstance(e, Local) and e.name in self._fixed)

    def _held(self, place: Place, found: list[Flat], frame: _Inlined) -> Place:
        """The place with its indices as they are now."""
        match place:
            case ir.FieldOf(base, name, of):
                return ir.FieldOf(self._held(base, found, frame), name, of)
            case ir.RowOf(base, index, of):
                base = self._held(base, found, frame)
                if not self._is_fixed(index):
                    row = self._fresh(frame, "row", index.type)
                    found.append(Set(row, index))
                    index = Local(row, index.type, index.loc)
                return ir.RowOf(base, index, of)
            case _:
                return place

    def _set(self, frame: _Inlined, name: str, value: Expr, of: Scalar) -> list[Flat]:
        variable = self._variable(frame, name, of)
        frame.env[name] = variable
        is_param = any(param.name == name for param in frame.function.params)
        if not frame.in_loop and _times_given(frame.function.body, name) + is_param == 1:
            self._fixed.add(variable.name)
        return [Set(variable.name, value)]

    # --- statements ---

    def _block(self, block: Sequence[Stmt], frame: _Inlined) -> list[Flat]:
        found = list[Flat]()
        for n, stmt in enumerate(block):
            rest = block[n + 1 :]
            match stmt:
                case ir.If():
                    if _leaves(stmt):
                        return [*found, *self._if(stmt, (*stmt.then, *rest), (*stmt.other, *rest), frame)]
                    found += self._if(stmt, stmt.then, stmt.other, frame)
                case ir.For():
                    found += self._for(stmt, frame)
                    if frame.returned is not None and _holds(stmt.body, ir.Return):
                        last = self._block(rest, frame)
                        return (
                            [*found, Branch(negation(self._flag(frame.returned)), tuple(last), ())] if last else found
                        )
                case ir.Return() | ir.Break() | ir.Continue():
                    return [*found, *self._leave(stmt, frame)]
                case _:
                    found += self._plain(stmt, frame)
        return found

    def _leave(self, stmt: ir.Return | ir.Break | ir.Continue, frame: _Inlined) -> list[Flat]:
        if isinstance(stmt, ir.Break):
            assert frame.stop is not None
            return [Set(frame.stop, TRUE)]
        if isinstance(stmt, ir.Return) and frame.in_loop:
            assert frame.returned is not None
            return [Set(frame.returned, TRUE)]
        return []

    def _flag(self, name: str) -> Local:
        return Local(name, BOOL, NOWHERE)

    def _plain(self, stmt: ir.Assign | ir.Bind | ir.Store | ir.Do | ir.Require, frame: _Inlined) -> list[Flat]:
        values, env = self._values, frame.env
        match stmt:
            case ir.Assign(name, value, of):
                return self._set(frame, name, values.value(value, env), of)
            case ir.Bind(name, place):
                found = list[Flat]()
                env[name] = self._held(values.place(place, env), found, frame)
                return found
            case ir.Store(place, value, check):
                assert not isinstance(place.type, StructType | TableType), stmt
                test = values.fits(value, place.type, env) if check else TRUE
                checks = [Check(test)] if known(test) != 1 else []
                return [*checks, Set(values.place(place, env), values.value(value, env))]
            case ir.Do(name, args):
                return self._call(name, values.arguments(args, env))
            case ir.Require():
                return []  # it holds: it is part of the guard
            case _:
                assert_never(stmt)

    def _if(self, stmt: ir.If, then: Sequence[Stmt], other: Sequence[Stmt], frame: _Inlined) -> list[Flat]:
        test = self._values.value(stmt.test, frame.env)
        if (code := known(test)) is not None:
            return self._block(then if code else other, frame)
        before = dict(frame.env)
        one = self._block(then, frame)
        after, frame.env = frame.env, before
        two = self._block(other, frame)
        frame.env = {n: v for n, v in (after | frame.env).items() if after.get(n, v) == frame.env.get(n, v)}
        return [Branch(test, tuple(one), tuple(two))] if one or two else []

    def _for(self, stmt: ir.For, frame: _Inlined) -> list[Flat]:
        outer_stop, outer_in = frame.stop, frame.in_loop
        found = list[Flat]()
        going: Expr = TRUE
        frame.stop, frame.in_loop = None, True
        if _breaks(stmt.body):
            frame.stop = self._fresh(frame, "stop", BOOL)
            found.append(Set(frame.stop, FALSE))
            going = negation(self._flag(frame.stop))
        if _holds(stmt.body, ir.Return):
            assert frame.returned is not None
            going = both(going, negation(self._flag(frame.returned)))
        counter = self._new_name("each")
        body = self._turn(stmt, Local(counter, stmt.over, stmt.loc), frame)
        frame.stop, frame.in_loop = outer_stop, outer_in
        inner = (Branch(going, tuple(body), ()),) if known(going) is None else tuple(body)
        return [*found, Loop(counter, stmt.over, inner)]

    def _turn(self, stmt: ir.For, each: Local, frame: _Inlined) -> list[Flat]:
        """The body. Where nobody else gives or reads the loop's variable it is the counter; what is named by means of that
        is not known after the loop."""
        elsewhere = _times(frame.function.body, stmt.var) - _times(stmt.body, stmt.var)
        if elsewhere or _times_given(stmt.body, stmt.var):
            return self._set(frame, stmt.var, each, stmt.over) + self._block(stmt.body, frame)
        frame.env[stmt.var] = each
        self._fixed.add(each.name)
        body = self._block(stmt.body, frame)
        self._fixed.discard(each.name)
        frame.env = {name: what for name, what in frame.env.items() if not _times(what, each.name)}
        return body


def _times(node: object, name: str) -> int:
    """How often a variable is read."""
    return sum(isinstance(n, Local) and n.name == name for n in walk(node))


def _times_given(block: object, name: str) -> int:
    """In how many places a variable is given a value."""
    return sum(
        (isinstance(n, ir.Assign) and n.name == name) or (isinstance(n, ir.For) and n.var == name) for n in walk(block)
    )


def _sort(of: Scalar) -> str:
    """What one variable may hold: values of different sorts are never compared."""
    return "truth" if isinstance(of, BoolType) else "mask" if isinstance(of, MaskType) else "number"


def _holds(node: object, kind: type) -> bool:
    return any(isinstance(n, kind) for n in walk(node))


def _breaks(block: object) -> bool:
    """A `break` of the loop whose body this is, not of one inside it."""
    if isinstance(block, tuple):
        return any(_breaks(stmt) for stmt in block)
    if isinstance(block, ir.If):
        return _breaks(block.then) or _breaks(block.other)
    return isinstance(block, ir.Break)


def _leaves(block: object) -> bool:
    """Is what follows left out on some way through it?"""
    if isinstance(block, tuple):
        return any(_leaves(stmt) for stmt in block)
    if isinstance(block, ir.If):
        return _leaves(block.then) or _leaves(block.other)
    if isinstance(block, ir.For):
        return _holds(block.body, ir.Return)
    return isinstance(block, ir.Break | ir.Continue | ir.Return)


def counters(block: Sequence[Flat]) -> Iterator[tuple[str, tuple[int, int]]]:
    """The variables of loops, with what they are at the least, and after the loop at the most."""
    for flat in block:
        if isinstance(flat, Loop):
            yield flat.var, (flat.over.lo, flat.over.hi + 1)
            yield from counters(flat.body)
        elif isinstance(flat, Branch):
            yield from counters((*flat.then, *flat.other))
