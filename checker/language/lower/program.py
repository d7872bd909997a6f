"""A model class, at a scope, with its properties -> one Program.

Start reading at `lower`. Functions are found by Python's own rules (the method resolution order of the
composed class), so a patch that restates a function, and its super() calls, mean here what they mean in CPython.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import types
from collections.abc import Callable, Hashable, Sequence

from checker.language import ir
from checker.language.classes import check_design, check_scope, check_type
from checker.language.ir import Formula, Function, Loc, Param, Program, Step
from checker.language.layout import records
from checker.language.lower.checks import (
    check_fields,
    check_overrides,
    check_range,
    check_unused,
    in_patch,
    nobody_provides,
    only_plain_parameters,
    said_of_type,
    state_type,
)
from checker.language.lower.context import Context, Signature
from checker.language.lower.memo import Asking, Kept, keep, known, sizes_of
from checker.language.lower.statement import Statements
from checker.language.refusal import Refused, loc_of
from checker.language.source import definition_of, plain_function, type_hints
from model.finite import BoolType, EnumType, ModelError, Scalar, StructType, TableType, Type
from model.lang import Design, Fair, Property, Scope, resolve


def lower(design: type[Design], scope: Scope, properties: Sequence[Property] = ()) -> Program:
    """Lower every step, `initial`, every property that applies, and what they call.

    Raises Refused (a ModelError) with file, line and advice for whatever is outside the language.
    """
    check_design(design)
    check_scope(type(scope))
    try:
        return _program(ProgramLowering(design, scope, keeps=True), properties)
    except ModelError:  # told with the places of this system, not with those of the one that was kept
        return _program(ProgramLowering(design, scope, keeps=False), properties)


def _program(lowering: ProgramLowering, properties: Sequence[Property]) -> Program:
    design, scope = lowering.design, lowering.scope
    for _, of in lowering.state.fields:
        check_type(of)
    check_fields(design, lowering.state, scope)
    check_overrides(design)
    steps = [lowering.step(name) for name in design.steps()]
    lowering.initial()
    formulas = [lowering.formula(p) for p in properties if p.why_not(design) is None]
    check_unused(design, lowering.used)
    choices: dict[str, Scalar] = {
        name: BoolType() if isinstance(value, bool) else EnumType(type(value))
        for name, value in scope.choices().items()
    }
    functions = dict(lowering.functions)
    return Program(
        design.__name__, lowering.state, choices, functions, tuple(steps), tuple(formulas), lowering.uncalled(),
        lowering.owners,
    )  # fmt: skip


class ProgramLowering:
    """The program under construction (the Linker that functions see). keeps: use and keep what memo.py has."""

    def __init__(self, design: type[Design], scope: Scope, *, keeps: bool) -> None:
        self.design, self.scope = design, scope
        self._keeps, self._sizes = keeps, sizes_of(scope)
        self.state: StructType = state_type(design, scope)
        self._fields = dict(self.state.fields)
        self.records = set(records(self.state))
        self.functions: dict[str, Function] = {}
        self.signatures: dict[str, Signature] = {}
        self.owners: dict[str, type] = {}
        self.in_progress: dict[str, ir.Loc] = {}
        self.used: set[tuple[type, str]] = set()

    # --- what functions ask for ---

    def method_names(self) -> list[str]:
        names = (n for n in dir(self.design) if not n.startswith("_") and n not in ("steps", "state_type"))
        return [n for n in names if inspect.isfunction(getattr(self.design, n))]

    def constant(self, name: str) -> object:
        return getattr(self.design, name, None)

    def in_patch(self, loc: ir.Loc) -> bool:
        return in_patch(self.design, loc)

    def field(self, name: str) -> Type | None:
        return self._fields.get(name)

    def record(self, of: StructType) -> StructType:
        """The state's own kind of a record: a patch may have added fields to it."""
        if of in self.records:
            return of
        extended = [record for record in self.records if issubclass(record.cls, of.cls)]
        return extended[0] if len(extended) == 1 else of

    def method(self, name: str, after: type | None) -> Signature | None:
        """The method that self.name (or, with `after`, super().name in that class) runs; lowered if new."""
        owners = list(self.design.__mro__)
        if after is not None:
            owners = owners[owners.index(after) + 1 :] if after in owners else []
        owner = next((c for c in owners if name in vars(c)), None)
        function = vars(owner)[name] if owner is not None else None
        if owner is None or not inspect.isfunction(function) or name.startswith("__"):
            return None
        self.used.add((owner, name))
        key = name if after is None else f"{self._owner_name(owner)}.{name}"
        self.owners[key] = owner
        if key not in self.signatures:
            self._lower_method(key, owner, function)
        return self.signatures[key]

    def _owner_name(self, owner: type) -> str:
        """The class's name; a patch may well be named like the class that it derives from."""
        same = [c for c in reversed(self.design.__mro__) if c.__name__ == owner.__name__]
        return owner.__name__ + ("" if same[0] is owner else f"#{same.index(owner) + 1}")

    # --- lowering ---

    def _lower_method(self, key: str, owner: type, function: types.FunctionType) -> None:
        code = function.__code__
        if key in self.in_progress:
            raise self._circle(key, function)
        self.in_progress[key] = ir.Loc(code.co_filename, code.co_firstlineno)
        name = (function, key, owner.__name__, self._sizes)
        try:
            if not self._take_kept(name):
                asking = Asking(self)
                self._lower_anew(asking, key, owner, function)
                self._keep(name, key, asking)
        finally:
            del self.in_progress[key]

    def _circle(self, key: str, function: types.FunctionType) -> Refused:
        here = loc_of(definition_of(function), function.__code__.co_filename)
        circle = list(self.in_progress)[list(self.in_progress).index(key) :]
        loc = next(filter(self.in_patch, map(self.in_progress.__getitem__, circle)), here)
        said = " -> ".join([*circle, key])
        return Refused(loc, f"recursion is not in the language: {said}", "use a `for` loop")

    def _lower_anew(self, asking: Asking, key: str, owner: type, function: types.FunctionType) -> None:
        node, file = definition_of(function), function.__code__.co_filename
        if getattr(function, "__isabstractmethod__", False):
            raise nobody_provides(self.design, key, loc_of(node, file))
        self.in_progress[key] = loc_of(node, file)
        only_plain_parameters(function, node, method=True)
        params = self._params(asking, function, node, skip=1)
        returns = self._returns(asking, function, node)
        context = Context(asking, function, node, returns)
        context.env.values[node.args.args[0].arg] = ir.State()
        self._finish(key, context, node, params, owner.__name__)

    def _take_kept(self, name: Hashable) -> bool:
        """Is what this function lowers to known? Then it is part of the program now."""
        kept = known(name, self) if self._keeps else None
        if kept is not None:
            function = kept.function
            self.functions[function.name] = function
            signature = Signature(function.name, function.params, function.returns, kept.write, kept.guard)
            self.signatures[function.name] = signature
        return kept is not None

    def _keep(self, name: Hashable, key: str, asking: Asking) -> None:
        if self._keeps:
            signature = self.signatures[key]
            kept = Kept(self.functions[key], signature.write, signature.guard, tuple(asking.asked.items()))
            keep(name, kept)

    def uncalled(self) -> dict[str, Function]:
        """The other functions of the system that can be lowered: the C of a role is the same whatever calls it.

        They have no say in the program: what is refused in them is not told.
        """
        called = set(self.functions)
        for name in self.method_names():
            if name not in called:
                with contextlib.suppress(ModelError):
                    self.method(name, None)
        return {name: function for name, function in self.functions.items() if name not in called}

    def _finish(
        self, key: str, context: Context, node: ast.FunctionDef, params: tuple[Param, ...], owner: str,
        of_edges: bool = False,
    ) -> None:  # fmt: skip
        loc, returns, statements = context.loc(node), context.returns, Statements(context)
        context.parameters(params, loc)
        body, ends = statements.block(node.body)
        guard = statements.guards.guard
        if returns is not None and not ends:
            raise Refused(loc, f"{node.name}() may end without a value", "return a value on every path")
        self.functions[key] = Function(key, params, returns, tuple(body), guard is not None, loc, owner, of_edges)
        self.signatures[key] = Signature(key, params, returns, _first_write(body, self.signatures), guard)

    def _params(
        self, asking: Asking, function: Callable[..., object], node: ast.FunctionDef, skip: int
    ) -> tuple[Param, ...]:
        file, hints = function.__code__.co_filename, _hints(function, node)
        params = list[Param]()
        for argument in node.args.args[skip:]:
            loc, name = loc_of(argument, file), argument.arg
            if name not in hints:
                raise Refused(loc, f"parameter {name!r} has no type", "annotate it, e.g. vector: Vector")
            params.append(Param(name, self._resolved(asking, hints[name], f"parameter {name!r}", loc)))
        return tuple(params)

    def _resolved(self, asking: Asking, hint: object, what: str, loc: Loc) -> Type:
        try:
            of = resolve(hint, self.scope, what)
        except ModelError as error:
            raise Refused(loc, str(error)) from None
        check_type(of)
        check_range(of, loc, what)
        return _in_this_state(asking, of)

    def _returns(self, asking: Asking, function: Callable[..., object], node: ast.FunctionDef) -> Scalar | None:
        file, hints = function.__code__.co_filename, _hints(function, node)
        if "return" not in hints:
            raise Refused(
                loc_of(node, file),
                f"{node.name}() does not say what it returns",
                "-> None if it changes state, otherwise e.g. -> bool",
            )
        if hints["return"] is type(None):
            return None
        loc = loc_of(node.returns or node, file)
        of = self._resolved(asking, hints["return"], f"what {node.name}() returns", loc)
        if isinstance(of, StructType | TableType):
            raise Refused(loc_of(node, file), "a function returns a value, not a record", "return its index")
        return of

    def step(self, name: str) -> Step:
        """A step and the function that it runs."""
        info = self.design.steps()[name]
        if type(info.by) is not str or type(info.fair) is not Fair:
            function = getattr(self.design, name)
            loc = loc_of(definition_of(function), function.__code__.co_filename)
            raise Refused(loc, f"step {name}() needs an actor and a Fair", '@step(by="guest", fair=Fair.WEAK)')
        signature = self.method(name, None)
        if signature is None:
            raise ModelError(
                f"step {name} of {self.design.__name__} is not a plain method: write @step(...) above a `def`"
            )
        function = self.functions[name]
        if name == "initial":
            raise Refused(function.loc, "initial() sets up the first state, and is no step", "drop its @step(...)")
        if signature.returns is not None:
            raise Refused(function.loc, f"step {name}() must be annotated `-> None`: a step changes state")
        self._only_values(signature.params, f"step {name}()", function.loc)
        return Step(name, signature.params, info.by, info.fair, function.loc)

    def _only_values(self, params: Sequence[Param], what: str, loc: ir.Loc) -> None:
        for p in params:
            if p.by_reference:
                raise Refused(
                    loc,
                    f"parameter {p.name!r} of {what} must be an index, a bool or an Enum",
                    "pass the record's index",
                )

    def initial(self) -> None:
        """What sets up the initial state."""
        signature = self.method("initial", None)
        if signature is not None and signature.guard:
            loc = self.functions["initial"].loc
            if self.in_patch(signature.guard) and not self.in_patch(loc):
                loc = signature.guard
            raise Refused(loc, "initial() always runs: it can have no `require`", "use `if`")

    def formula(self, p: Property) -> Formula:
        """A property: one bool function, or two (p and q) for a leads_to."""
        made: object = p.function
        if isinstance(made, Property):
            inner = plain_function(made.function)
            loc = loc_of(definition_of(inner), inner.__code__.co_filename)
            raise Refused(loc, "this is made a property twice", "leave one decorator")
        keys = self._formula_keys(p)
        names = [(p.function, p.kind, key, self._sizes) for key in keys]
        missing = [name for name in names if not self._take_kept(name)]
        if missing:
            self._lower_formula(p, keys, names)
        function = self.functions[keys[0]]
        return Formula(p.name, p.kind, tuple(keys), function.params, function.of_edges, function.loc)

    def _lower_formula(self, p: Property, keys: Sequence[str], names: Sequence[Hashable]) -> None:
        function = plain_function(p.function)
        node, file = definition_of(function), function.__code__.co_filename
        only_plain_parameters(function, node, method=False)
        systems = _systems_of(p, function, node)
        for pick, (key, name) in enumerate(zip(keys, names, strict=True)):
            asking = Asking(self)
            params = self._params(asking, function, node, skip=len(systems))
            self._only_values(params, f"{p.name}()", loc_of(node, file))
            context = Context(
                asking, function, node, BoolType(), pick if p.kind == "leads_to" else None,
            )  # fmt: skip
            context.env.values[systems[-1]] = ir.State()
            if len(systems) == 2:
                context.env.values[systems[0]] = ir.Before()
            self._finish(key, context, node, params, "properties", len(systems) == 2)
            self._keep(name, key, asking)

    def _formula_keys(self, p: Property) -> list[str]:
        base = p.name if not hasattr(self.design, p.name) else f"{p.kind}.{p.name}"  # a method may have the same name
        while base in self.functions or f"{base}.p" in self.functions:  # so may another property, of another file
            base += "'"
        return [base] if p.kind != "leads_to" else [f"{base}.p", f"{base}.q"]


def _systems_of(p: Property, function: types.FunctionType, node: ast.FunctionDef) -> list[str]:
    """The parameters that stand for the system: (s), or (before, after)."""
    loc, hints = loc_of(node, function.__code__.co_filename), _hints(function, node)
    arguments = [a.arg for a in node.args.args]
    systems = [a for a in arguments[:2] if inspect.isclass(of := hints.get(a)) and issubclass(of, Design)]
    if arguments[: len(systems)] != systems or not systems:
        raise Refused(loc, f"{p.name}(...) must take the system first", f"def {p.name}(s: Machine, ...)")
    if len(systems) == 2 and p.kind != "always":
        raise Refused(loc, f"a {p.kind} speaks of single states", "only an `always` takes (before, after)")
    _check_result(p, hints.get("return"), loc)
    return systems


def _in_this_state(asking: Asking, of: Type) -> Type:
    """A record that a patch adds fields to has them in every function, as a struct of C has: what an annotation means is
    the state's own kind of it."""
    match of:
        case StructType():
            return asking.record(of)
        case TableType(index, row):
            return TableType(index, _in_this_state(asking, row))
        case _:
            return of


def _hints(function: Callable[..., object], node: ast.FunctionDef) -> dict[str, object]:
    loc = loc_of(node, function.__code__.co_filename)
    try:
        return type_hints(function)
    except Exception as error:
        raise Refused(loc, *said_of_type(error, function.__globals__)) from None


def _check_result(p: Property, result: object, loc: ir.Loc) -> None:
    if p.kind != "leads_to" and result is not bool:  # a leads_to that returns one condition is told where it does
        raise Refused(loc, f"`{p.kind}` returns bool, and {p.name}() says something else", f"def {p.name}(...) -> bool")


def _first_write(body: Sequence[ir.Stmt], signatures: dict[str, Signature]) -> ir.Loc | None:
    """Where a function may first write, in itself or in what it calls."""
    for stmt in body:
        match stmt:
            case ir.Store(loc=loc):
                return loc
            case ir.Do(function=f) if signatures[f].write:
                return signatures[f].write
            case ir.If(then=then, other=other):
                found = _first_write(then, signatures) or _first_write(other, signatures)
            case ir.For(body=inner):
                found = _first_write(inner, signatures)
            case _:
                found = None
        if found:
            return found
    return None
