"""A model class, at a scope, with its properties -> one ir.Program.

Start reading at `lower`. Functions are found by Python's own rules (the method resolution order of the
composed class), so a patch that restates a function, and its super() calls, mean here what they mean in CPython.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from checker import ir
from checker.hints import type_hints
from checker.lower_expr import Signature
from checker.lower_stmt import StatementLowering
from checker.refusal import Refused, did_you_mean, loc_of
from model.finite import BoolType, EnumType, ModelError, Scalar, StructType, TableType
from model.lang import Design, Property, Scope, resolve


def lower(design: type[Design], scope: Scope, properties: Sequence[Property] = ()) -> ir.Program:
    """Lower every step, `initial`, every property that applies, and what they call.

    Raises Refused (a ModelError) with file, line and advice for whatever is outside the language.
    """
    lowering = ProgramLowering(design, scope)
    lowering.check_overrides()
    steps = [lowering.step(name) for name in design.steps()]
    lowering.method("initial", None)
    formulas = [lowering.formula(p) for p in properties if p.why_not(design) is None]
    lowering.check_unused()
    choices: dict[str, Scalar] = {
        name: BoolType() if isinstance(value, bool) else EnumType(type(value)) for name, value in scope.choices().items()
    }
    return ir.Program(
        design.__name__, lowering.state, choices, lowering.functions, tuple(steps), tuple(formulas)
    )  # fmt: skip


@functools.lru_cache(maxsize=256)
def _parsed(file: str, stamp: float) -> ast.Module:
    with open(file, encoding="utf-8") as source:
        return ast.parse(source.read(), file)


def parsed(file: str) -> ast.Module:
    """The AST of a source file, read once per version of the file."""
    import os

    return _parsed(file, os.stat(file).st_mtime)


@functools.lru_cache(maxsize=256)
def _definitions(tree: ast.Module) -> dict[tuple[str, int], ast.FunctionDef]:
    """The functions of a file by name and line: of the `def`, and of the first decorator."""
    found = dict[tuple[str, int], ast.FunctionDef]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for line in (node.lineno, min([node.lineno, *(d.lineno for d in node.decorator_list)])):
                found.setdefault((node.name, line), node)
    return found


def definition_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """The AST node of a function. Raises ModelError if its source cannot be read."""
    code = inspect.unwrap(function).__code__
    try:
        tree = parsed(code.co_filename)
    except (OSError, SyntaxError) as error:
        raise ModelError(f"the source of {function.__qualname__} cannot be read: {error}") from None
    node = _definitions(tree).get((code.co_name, code.co_firstlineno))
    if node is not None:
        return node
    raise ModelError(f"{function.__qualname__} was not found in {code.co_filename}: write it with `def`")


class ProgramLowering:
    """The program under construction (the Linker that functions see)."""

    def __init__(self, design: type[Design], scope: Scope) -> None:
        self.design, self.scope = design, scope
        self.state: StructType = design.state_type(scope)
        self.functions: dict[str, ir.Function] = {}
        self.signatures: dict[str, Signature] = {}
        self.in_progress: list[str] = []
        self.used: set[tuple[type, str]] = set()

    # --- what functions ask for ---

    def method_names(self) -> list[str]:
        return [n for n in dir(self.design) if callable(getattr(self.design, n)) and not n.startswith("_")]

    def constant(self, name: str) -> Any:
        return getattr(self.design, name, None)

    def method(self, name: str, after: type | None) -> Signature | None:
        """The method that self.name (or, with `after`, super().name in that class) runs; lowered if new."""
        owners = list(self.design.__mro__)
        if after is not None:
            owners = owners[owners.index(after) + 1 :]
        owner = next((c for c in owners if name in vars(c) and inspect.isfunction(vars(c)[name])), None)
        if owner is None:
            return None
        self.used.add((owner, name))
        function = vars(owner)[name]
        key = name if after is None else f"{owner.__name__}.{name}"
        if key not in self.signatures:
            self._lower_method(key, owner, function)
        return self.signatures[key]

    # --- lowering ---

    def _lower_method(self, key: str, owner: type, function: Callable[..., Any]) -> None:
        node = definition_of(function)
        file = function.__code__.co_filename
        if getattr(function, "__isabstractmethod__", False):
            raise Refused(loc_of(node, file), f"no role of {self.design.__name__} provides {key}()", "add the role that does")
        if key in self.in_progress:
            circle = " -> ".join([*self.in_progress[self.in_progress.index(key) :], key])
            raise Refused(loc_of(node, file), f"recursion is not in the language: {circle}", "use a `for` loop")
        self.in_progress.append(key)
        params = self._params(function, node, skip=1)
        returns = self._returns(function, node)
        lowering = StatementLowering(
            self, file, function.__globals__, owner, pure=returns is not None, returns=returns
        )  # fmt: skip
        lowering.env.values[node.args.args[0].arg] = ir.State(self.state)
        self._finish(key, lowering, node, params, returns, owner.__name__)
        self.in_progress.pop()

    def _finish(
        self, key: str, lowering: StatementLowering, node: ast.FunctionDef, params: tuple[ir.Param, ...],
        returns: Scalar | None, owner: str, of_edges: bool = False,
    ) -> None:  # fmt: skip
        loc = loc_of(node, lowering.file)
        for p in params:
            if isinstance(p.type, StructType | TableType) or p.by_reference:
                lowering.env.values[p.name] = ir.Alias(p.name, p.type)
            else:
                lowering.locals[p.name] = p.type
                lowering.env.values[p.name] = ir.Local(p.name, p.type, loc)
        body, ends = lowering.block(node.body)
        if returns is not None and not ends:
            raise Refused(loc, f"{node.name}() may end without a value", "return a value on every path")
        self.functions[key] = ir.Function(key, params, returns, tuple(body), lowering.guards, loc, owner, of_edges)
        self.signatures[key] = Signature(key, params, returns, lowering.wrote, lowering.guards)
        self.signatures[key].writes = _writes(body, self.signatures)

    def _params(self, function: Callable[..., Any], node: ast.FunctionDef, skip: int) -> tuple[ir.Param, ...]:
        file = function.__code__.co_filename
        extra = node.args.vararg or node.args.kwarg or next(iter(node.args.kwonlyargs), None)
        if extra is not None or node.args.defaults:
            raise Refused(loc_of(extra or node.args.defaults[0], file), "parameters are plain: no *, no defaults")
        hints = self._hints(function, node)
        params = list[ir.Param]()
        for argument in node.args.args[skip:]:
            if argument.arg not in hints:
                raise Refused(loc_of(argument, file), f"parameter {argument.arg!r} has no type", "annotate it, e.g. vector: Vector")
            where = str(loc_of(argument, file))
            params.append(ir.Param(argument.arg, resolve(hints[argument.arg], self.scope, where)))
        return tuple(params)

    def _hints(self, function: Callable[..., Any], node: ast.FunctionDef) -> dict[str, Any]:
        try:
            return type_hints(function)
        except NameError as error:
            names = [n for n in function.__globals__ if not n.startswith("_")]
            loc = loc_of(node, function.__code__.co_filename)
            raise Refused(loc, f"unknown type {error.name!r}", did_you_mean(str(error.name), names)) from None

    def _returns(self, function: Callable[..., Any], node: ast.FunctionDef) -> Scalar | None:
        file, hints = function.__code__.co_filename, self._hints(function, node)
        if "return" not in hints:
            raise Refused(loc_of(node, file), f"{node.name}() does not say what it returns", "-> None if it changes state")
        if hints["return"] is type(None):
            return None
        of = resolve(hints["return"], self.scope, str(loc_of(node, file)))
        if isinstance(of, StructType | TableType):
            raise Refused(loc_of(node, file), "a function returns a value, not a record", "return its index")
        return of

    def step(self, name: str) -> ir.Step:
        """A step and the function that it runs."""
        info = self.design.steps()[name]
        signature = self.method(name, None)
        assert signature is not None, name
        loc = self.functions[name].loc
        if signature.returns is not None:
            raise Refused(loc, f"step {name}() must be annotated `-> None`")
        for p in signature.params:
            if p.by_reference:
                raise Refused(loc, f"parameter {p.name!r} of step {name}() must be an index, bool or Enum")
        return ir.Step(name, signature.params, info.by, info.fair, loc)

    def formula(self, p: Property) -> ir.Formula:
        """A property: one bool function, or two (p and q) for a leads_to."""
        function = p.function
        node, file = definition_of(function), function.__code__.co_filename
        hints = self._hints(function, node)
        arguments = [a.arg for a in node.args.args]
        systems = [a for a in arguments[:2] if inspect.isclass(hints.get(a)) and issubclass(hints[a], Design)]
        if arguments[: len(systems)] != systems or not systems or (len(systems) == 2 and p.kind != "always"):
            raise Refused(loc_of(node, file), f"{p.name}(...) must take the system first", f"def {p.name}(s: System, ...)")
        params = self._params(function, node, skip=len(systems))
        keys = [p.name] if p.kind != "leads_to" else [f"{p.name}.p", f"{p.name}.q"]
        for pick, key in enumerate(keys):
            lowering = StatementLowering(
                self, file, function.__globals__, None, pure=True, returns=BoolType(),
                pick=pick if p.kind == "leads_to" else None,
            )  # fmt: skip
            lowering.env.values[systems[-1]] = ir.State(self.state)
            if len(systems) == 2:
                lowering.env.values[systems[0]] = ir.Before(self.state)
            self._finish(key, lowering, node, params, BoolType(), "properties", len(systems) == 2)
        return ir.Formula(p.name, p.kind, tuple(keys), params, len(systems) == 2, loc_of(node, file))

    # --- what a patch must satisfy ---

    def check_overrides(self) -> None:
        """A restated function keeps the parameters and the result of the one it replaces."""
        for owner in self.design.__mro__:
            for name, function in _methods(owner).items():
                replaced = next((vars(b)[name] for b in owner.__mro__[1:] if name in _methods(b)), None)
                if replaced is None:
                    continue
                mine, theirs = _shape(function), _shape(replaced)
                if mine != theirs:
                    node, file = definition_of(function), function.__code__.co_filename
                    raise Refused(
                        loc_of(node, file), f"{name}() changes the signature of the function it replaces",
                        f"it was: def {name}{inspect.signature(replaced)}",
                    )  # fmt: skip

    def check_unused(self) -> None:
        """A function of a patch that replaces nothing and that nobody calls is a misspelt name."""
        known = {name for owner in self.design.__mro__ for name in _methods(owner)}
        for owner in self.design.__mro__:
            if owner is Design or not ("patch" in vars(owner) or owner in self.design.__bases__):
                continue
            for name, function in _methods(owner).items():
                called = any(name == used for _, used in self.used)
                if called or any(name in _methods(b) for b in owner.__mro__[1:]):
                    continue
                node, file = definition_of(function), function.__code__.co_filename
                hint = did_you_mean(name, known - {name})
                raise Refused(loc_of(node, file), f"{name}() replaces nothing and nobody calls it", hint)


def _methods(owner: type) -> dict[str, Callable[..., Any]]:
    if not issubclass(owner, Design) or owner is Design:
        return {"initial": Design.initial} if owner is Design else {}
    return {name: f for name, f in vars(owner).items() if inspect.isfunction(f) and not name.startswith("__")}


def _shape(function: Callable[..., Any]) -> tuple[Any, ...]:
    hints = type_hints(function)
    return tuple(inspect.signature(function).parameters), tuple(hints.items())


def _writes(body: Sequence[ir.Stmt], signatures: dict[str, Signature]) -> bool:
    for stmt in body:
        match stmt:
            case ir.Store():
                return True
            case ir.Do(function=f) if signatures[f].writes:
                return True
            case ir.If(then=then, other=other) if _writes(then, signatures) or _writes(other, signatures):
                return True
            case ir.For(body=inner) if _writes(inner, signatures):
                return True
            case _:
                pass
    return False
