"""The source of functions and classes: a file's text is parsed once, and a function is looked up by name and line; the
types that its annotations mean are worked out once, as every cell of a matrix asks for them."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import io
import os
import sys
import types
import typing
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from checker.language.ir import Loc
from checker.language.refusal import Refused, loc_of
from model.finite import ModelError
from model.lang import always, leads_to, reachable, step

DECORATORS: tuple[object, ...] = (step, always, leads_to, reachable, abstractmethod)
USERS_MODULE = "eoi_user_"  # what the module of a user's file is called; the rest of the name hashes what the file says
MISSING = object()  # what a name means that nothing defines
DEEPEST = 100  # what is nested, of a user's; twice that can still be read
ROWS: dict[type[ast.AST], str] = {ast.BoolOp: "values", ast.Compare: "comparators", ast.Tuple: "elts"}
TOO_DEEP = "it is nested too deep to be read"
OURS = ("checker", "model", "oracles", "properties")  # the project's own packages


@functools.lru_cache(maxsize=256)
def tree_of(file: str, text: str) -> ast.Module:
    """The AST of a file's text, made once: nobody changes one. Raises SyntaxError, ValueError, ModelError."""
    try:
        return ast.parse(text, file)
    except (RecursionError, MemoryError):  # which one depends on the version, and on how deep
        raise ModelError(f"{file}: {TOO_DEEP}") from None


@functools.lru_cache(maxsize=256)
def _parsed(file: str, stamp: float) -> ast.Module:
    return tree_of(file, text_of(file, ""))  # of no module of the user's


@dataclass(frozen=True, eq=False)
class Source:
    """A file of the user's as it was read, once: this is what is checked, run and judged, whatever an editor writes there
    meanwhile."""

    path: Path
    text: str  # with line feeds
    tree: ast.Module
    wrong: SyntaxError | ValueError | None  # why it has no tree (or no text): told when it is to be run
    beside: Mapping[str, Source | str]  # what it imports from its own folder, by name; of what imports it the circle
    digest: str  # of what it says, and of what is beside it

    def refused(self, node: ast.AST, said: str, hint: str = "") -> Refused:
        """What is said of a place in it."""
        return Refused(loc_of(node, str(self.path)), said, hint)


OF_MODULE: dict[str, Source] = {}  # what each module of the user's was executed from
Reading = dict[tuple[Path, str], Source]  # by folder and name in it: a symbolic link imports from where it lies
_readings: list[Reading] = []  # under way, also for the threads of a command: one inside of another is part of it


@contextmanager
def one_reading() -> Iterator[Reading]:
    """Meanwhile a file of the user's is what it was when it was read first, by the path it was read by: who imports it
    twice, or in two files, means one thing. A command is one reading."""
    known: Reading = _readings[-1] if _readings else {}
    _readings.append(known)
    try:
        yield known
    finally:
        _readings.pop()


def read(path: Path) -> Source:
    """A file, and the files beside it that it imports, each read once. Raises OSError, ModelError."""
    with one_reading() as known:
        return _read(path, (), known)


def _read(path: Path, importers: tuple[Path, ...], known: Reading) -> Source:
    """importers: those for which this one is read."""
    key = path.parent.resolve(), path.name
    if key not in known:
        known[key] = _read_now(path, (*importers, path), known)
    return known[key]


def _read_now(path: Path, chain: tuple[Path, ...], known: Reading) -> Source:
    content, text, tree, wrong = path.read_bytes(), "", ast.Module([], []), None
    try:
        text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig").read()
        tree = tree_of(str(path), text)
    except (SyntaxError, ValueError) as error:
        wrong = error
    _check_depth(tree, path)
    beside = dict[str, Source | str]()
    for name, file in dict(_imports_beside(tree, path)).items():
        circle = [p.name for p in (*chain[chain.index(file) :], file)] if file in chain else []
        beside[name] = " -> ".join(circle) or _read(file, chain, known)
    digests = "".join(file.digest for file in beside.values() if isinstance(file, Source))
    return Source(path, text, tree, wrong, beside, hashlib.sha256(content + digests.encode()).hexdigest())


def _check_depth(tree: ast.Module, path: Path) -> None:
    """Raise ModelError for what is nested so deep that what reads it, function by function, would not come to its end. A
    row of `and` is as deep as it is long: it becomes one operator in another."""
    left: list[tuple[ast.AST, int, int]] = [(tree, 0, 1)]
    while left:
        node, depth, line = left.pop()
        depth, line = depth + len(getattr(node, ROWS.get(type(node), ""), ())), getattr(node, "lineno", line)
        if depth > DEEPEST:
            raise ModelError(f"{path}:{line}: {TOO_DEEP}: at most {DEEPEST} in one another, or in one row")
        left += [(child, depth + 1, line) for child in ast.iter_child_nodes(node)]


def _imports_beside(tree: ast.Module, path: Path) -> Iterator[tuple[str, Path]]:
    """The modules that a file imports from its own folder, as a script would. The standard library and this project come
    first."""
    for node in ast.walk(tree):
        names = list[str]()
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level <= 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
        relative = isinstance(node, ast.ImportFrom) and node.level == 1
        for name in names:
            file = path.parent / f"{name}.py"
            top = name.partition(".")[0]
            if file.is_file() and (relative or top not in (*sys.stdlib_module_names, *OURS)):
                yield name, file


def parsed(file: str, module: str) -> ast.Module:
    """The AST of a module's source file: as it was executed, whatever its file says now; or read once per version of the
    file."""
    return OF_MODULE[module].tree if module in OF_MODULE else _parsed(file, os.stat(file).st_mtime)


def text_of(file: str, module: str) -> str:
    """What was parsed. Raises OSError."""
    if module in OF_MODULE:
        return OF_MODULE[module].text
    with open(file, encoding="utf-8") as source:
        return source.read()


@functools.lru_cache(maxsize=256)
def _definitions(tree: ast.Module) -> dict[tuple[str, int], ast.FunctionDef]:
    """The functions of a file by name and line: of the `def`, and of the first decorator."""
    found = dict[tuple[str, int], ast.FunctionDef]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for line in (node.lineno, min([node.lineno, *(d.lineno for d in node.decorator_list)])):
                found.setdefault((node.name, line), node)
    return found


def plain_function(function: object) -> types.FunctionType:
    """The same. Raises ModelError if it is anything but a function."""
    if not inspect.isfunction(function):
        name = getattr(function, "__name__", function)
        raise ModelError(f"{name} is not a plain function: write one decorator above one `def`")
    return function


def definition_of(function: Callable[..., object]) -> ast.FunctionDef:
    """The AST node of a function. Raises ModelError if its source cannot be read."""
    plain = inspect.unwrap(plain_function(function))
    code = plain.__code__
    try:
        tree = parsed(code.co_filename, plain.__module__)
    except (OSError, SyntaxError, ValueError) as error:
        raise ModelError(f"the source of {function.__qualname__} cannot be read: {error}") from None
    node = _definitions(tree).get((code.co_name, code.co_firstlineno))
    if node is not None:
        return _only_known_decorators(node, function)
    at = Loc(code.co_filename, code.co_firstlineno, 0, 1000)
    raise Refused(at, f"{function.__qualname__} is no function that has a name of its own", "write it with `def`")


def meaning(node: ast.expr, function: types.FunctionType) -> object:
    """What CPython finds for a name (or the attribute of one) of a function that is no local of it; or MISSING."""
    match node:
        case ast.Name(id=name):
            found: object = function.__builtins__.get(name, MISSING)  # type: ignore[attr-defined, unused-ignore]
            return function.__globals__.get(name, found)
        case ast.Attribute(value=base, attr=name):
            return getattr(meaning(base, function), name, MISSING)
        case _:
            return MISSING


def _is_known(decorator: object) -> bool:
    overrides = (getattr(sys.modules.get(home), "override", MISSING) for home in ("typing", "typing_extensions"))
    return any(decorator is known for known in (*DECORATORS, *overrides) if known is not MISSING)


def unknown_decorator(decorator: ast.expr, file: str) -> Refused:
    """What is said of a decorator of a function that is none of DECORATORS."""
    said = f"the decorator @{ast.unparse(decorator)} is not in the language"
    return Refused(loc_of(decorator, file), said, "only @step(...) is")


def _only_known_decorators(node: ast.FunctionDef, function: Callable[..., object]) -> ast.FunctionDef:
    """A decorator could run anything instead of the text that is read here."""
    file = inspect.unwrap(function).__code__.co_filename
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not _is_known(meaning(called, inspect.unwrap(function))):
            raise unknown_decorator(decorator, file)
    free = set(function.__code__.co_freevars) - {"__class__"}
    if free or function is not inspect.unwrap(function):
        raise Refused(
            loc_of(node, file), f"{node.name}() depends on where it was defined", "write it with `def` in the class"
        )
    return node


@functools.lru_cache(maxsize=4096)
def _hints(function: Callable[..., object]) -> dict[str, object]:
    return typing.get_type_hints(function, include_extras=True)


def type_hints(function: Callable[..., object]) -> dict[str, object]:
    """A copy of typing.get_type_hints with its extras. Raises NameError for an annotation that names nothing."""
    return dict(_hints(function))
