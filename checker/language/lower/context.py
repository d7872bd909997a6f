"""What the lowering of one function knows at a point of it, and what it asks the program under construction."""

from __future__ import annotations

import ast
import functools
import types
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from checker.language import ir
from checker.language.ir import Expr, Loc, Param, Place
from checker.language.refusal import INSTEAD, Refused, loc_of
from checker.language.source import MISSING, meaning
from model.finite import Scalar, StructType, TableType, Type
from model.lang import Scope, require

WORDS: dict[str, object] = {"any": any, "all": all, "range": range, "super": super, "require": require}
LOCAL = object()  # what a name means that is a parameter or a local of the function


@dataclass(frozen=True, slots=True)
class NoneValue:
    loc: Loc


PlaceTypes = ir.State | ir.Before | ir.Alias | ir.FieldOf | ir.RowOf
Value: TypeAlias = Expr | Place | NoneValue


@dataclass
class Signature:
    """What a caller needs to know of a function: also where its first write and its first `require` are, if anywhere."""

    name: str
    params: tuple[Param, ...]
    returns: Scalar | None
    write: Loc | None
    guard: Loc | None


class Linker(Protocol):
    """The program under construction, as a function's lowering sees it."""

    scope: Scope
    state: StructType

    def method(self, name: str, after: type | None) -> Signature | None: ...
    def method_names(self) -> list[str]: ...
    def field(self, name: str) -> Type | None: ...
    def record(self, of: StructType) -> StructType: ...
    def constant(self, name: str) -> object: ...
    def in_patch(self, loc: Loc) -> bool: ...


@dataclass
class Env:
    """Names that are bound at this point: scalars by value (perhaps narrowed), aliases to places."""

    values: dict[str, Expr | Place] = field(default_factory=dict[str, Expr | Place])
    maybe_unset: set[str] = field(default_factory=set[str])

    def copy(self) -> Env:
        return Env(dict(self.values), set(self.maybe_unset))


class Operands(Protocol):
    """The expressions around a call or a loop, as it sees them (expression.py)."""

    def value(self, node: ast.expr) -> Value: ...
    def scalar(self, node: ast.expr) -> Expr: ...
    def condition(self, node: ast.expr) -> Expr: ...
    def place(self, node: ast.expr, what: str) -> Place: ...
    def narrowed(self, test: ast.expr, *, truth: bool) -> Env: ...


@functools.lru_cache(maxsize=4096)
def _names_in(node: ast.FunctionDef) -> tuple[frozenset[str], frozenset[str]]:
    """What a function mentions, and what it stores: the same whatever sizes it is lowered for."""
    nodes = list(ast.walk(node))
    inner = {t for g in nodes if isinstance(g, ast.comprehension) for t in ast.walk(g.target)}
    names = [n for n in nodes if isinstance(n, ast.Name)]
    stored = frozenset(n.id for n in names if isinstance(n.ctx, ast.Store) and n not in inner)
    return frozenset(n.id for n in names) | {p.arg for p in node.args.args}, stored


class Context:
    """One function while it is lowered. `env` is replaced as statements are passed.

    pure: it may not store. pick: p (0) or q (1) of a leads_to, None of any other. `stored`: every name that it gives a
    value to; in Python that makes it a local everywhere in it. `mentioned`: those and all others in it.
    """

    def __init__(
        self, linker: Linker, function: types.FunctionType, node: ast.FunctionDef, returns: Scalar | None,
        pick: int | None = None,
    ) -> None:  # fmt: skip
        self.linker, self.source, self.name = linker, function, node.name
        self.file, self.globals = function.__code__.co_filename, function.__globals__
        self.returns, self.pick, self.pure = returns, pick, returns is not None
        mentioned, self.stored = _names_in(node)
        self.mentioned = set(mentioned)  # temporaries are added
        self.env = Env()
        self.locals: dict[str, Scalar] = {}  # type of every scalar name, from its declaration or its first value
        self.aliases: set[str] = set()  # names of places
        self.indices: set[str] = set()  # indices of the loops around this point
        self.in_generator = 0  # how many any(...) and all(...) are around this point

    def parameters(self, params: tuple[Param, ...], loc: Loc) -> None:
        """Bind the parameters."""
        for p in params:
            if p.by_reference:
                self.env.values[p.name] = ir.Alias(p.name, p.type)
                self.aliases.add(p.name)
            elif not isinstance(p.type, StructType | TableType):
                self.locals[p.name] = p.type
                self.env.values[p.name] = ir.Local(p.name, p.type, loc)

    def loc(self, node: ast.AST) -> Loc:
        return loc_of(node, self.file)

    def refuse(self, node: ast.AST, message: str, hint: str = "") -> Refused:
        return Refused(self.loc(node), message, hint)

    def unsupported(self, node: ast.AST) -> Refused:
        what = (
            f"`{ast.unparse(node)}` is not in the language"
            if isinstance(node, ast.expr)
            else "this is not in the language"
        )
        message, hint = INSTEAD.get(type(node), (what, "checker/LANGUAGE.md says what is"))
        return self.refuse(node, message, hint)

    def fresh(self, wanted: str) -> str:
        """A name for a temporary that the function does not use itself."""
        while wanted in self.mentioned:
            wanted += "_"
        return wanted

    def temporary(self, wanted: str) -> str:
        """A fresh name that no other temporary gets."""
        name = self.fresh(wanted)
        self.mentioned.add(name)
        return name

    def meaning(self, name: str) -> object:
        """What CPython finds for a name here: LOCAL, or an object of the module or of Python, or MISSING."""
        if name in self.env.values or name in self.env.maybe_unset or name in self.stored:
            return LOCAL
        if name.startswith("__") and not name.endswith("__"):
            return MISSING  # inside a class, Python takes it for another name
        return meaning(ast.Name(name), self.source)

    def word(self, node: ast.expr) -> str:
        """Which of WORDS an expression stands for, "" if for none. Raises Refused if it is another object's name here."""
        if not isinstance(node, ast.Name):
            return ""
        means = self.meaning(node.id)
        word = next((word for word, known in WORDS.items() if means is known), "")
        if word == "super" != node.id:  # CPython does not find the class that the function stands in
            raise self.refuse(node, f"`{node.id}` is `super` under another name", "write super()")
        if node.id not in WORDS or word == node.id or means is MISSING:
            return word
        said = "the builtin" if node.id != "require" else "the one of model.lang"
        where = "this function" if means is LOCAL else "this file"
        raise self.refuse(
            node, f"`{node.id}` is not {said} here", f"{where} gives the name another meaning: use another"
        )
