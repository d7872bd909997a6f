"""What a class must satisfy before it is lowered: its fields, its parameters, the functions that it restates."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import sys
import typing
from collections.abc import Callable, Iterable

from checker.language.classes import field_loc, text_of
from checker.language.ir import Loc
from checker.language.layout import records
from checker.language.refusal import Refused, a, did_you_mean, loc_of, nearest
from checker.language.source import USERS_MODULE, definition_of, parsed, type_hints
from model.finite import IntType, MaskType, ModelError, OptionalType, RangeError, StructType, TableType, Type, encode
from model.lang import Design, Scope, Struct, resolve

LARGEST = 2**30  # generated code computes in 32 bits; sums of two such numbers still fit
MASK_BITS = 64
MOST_CELLS = 2**16  # scalars of a state


def only_plain_parameters(function: Callable[..., object], node: ast.FunctionDef, *, method: bool) -> None:
    """Positional parameters without defaults; a method's first is the system."""
    file, args = function.__code__.co_filename, node.args
    extra = args.vararg or args.kwarg or next(iter(args.kwonlyargs + args.posonlyargs), None)
    if extra is not None:
        raise Refused(loc_of(extra, file), "parameters are plain: no *, no /", "name each parameter, with its type")
    if args.defaults:
        raise Refused(
            loc_of(args.defaults[0], file), "parameters have no default values", "pass every argument in each call"
        )
    if method and not args.args:
        raise Refused(loc_of(node, file), f"{node.name}() does not take the system", f"def {node.name}(self, ...)")


def state_type(design: type[Design], scope: Scope) -> StructType:
    """The state record. Raises Refused at the field whose type means nothing."""
    try:
        return design.state_type(scope)
    except Exception as error:
        for owner in design.__mro__:
            if issubclass(owner, Design) and owner is not Design:
                _check_annotations(owner, scope)
        raise ModelError(f"the fields of {design.__name__} cannot be read: {error}") from None


def _check_annotations(owner: type[Design], scope: Scope) -> None:
    module = sys.modules.get(owner.__module__)
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        return
    classes = [
        n for n in ast.walk(parsed(file, owner.__module__)) if isinstance(n, ast.ClassDef) and n.name == owner.__name__
    ]
    for node in (n for c in classes for n in c.body if isinstance(n, ast.AnnAssign)):
        name = ast.unparse(node.target)
        if name == "scope" or "ClassVar" in ast.unparse(node.annotation):
            continue
        try:
            annotation_type(node.annotation, vars(module), scope, f"field {name!r}")
        except Exception as error:
            raise Refused(loc_of(node, file), *said_of_type(error, vars(module))) from None


def annotation_type(node: ast.expr, names: dict[str, object], scope: Scope, what: str) -> Type:
    """The type that an annotation means, evaluated as CPython would."""
    value = eval(ast.unparse(node), names)
    return resolve(eval(value, names) if isinstance(value, str) else value, scope, what)


def said_of_type(error: Exception, names: Iterable[str]) -> tuple[str, str]:
    """Message and hint for an annotation that means no type."""
    match error:
        case NameError(name=str(name)):
            homes = [m for m, module in sys.modules.items() if m.startswith("model.") and name in vars(module)]
            if homes and name not in names:
                return f"unknown type {name!r}", f"from {min(homes, key=len)} import {name}"
            return f"unknown type {name!r}", did_you_mean(name, [n for n in names if n[:1].isupper()])
        case RecursionError():
            return "a record that contains itself is not finite", "store the index of the other record"
        case ModelError():
            return str(error), ""
        case _:
            return f"this is no type of the language: {error}", ""


def check_fields(design: type[Design], state: StructType, scope: Scope) -> None:
    """Fields have values that C can hold, and no function's name: in CPython the field would hide the function."""
    for record in records(state):
        for name, _ in record.fields:
            owner: type = record.cls
            _check_restated(owner, name, scope)
    for name, of in state.fields:
        function = getattr(design, name, None)
        if inspect.isfunction(function):
            written = loc_of(definition_of(function), function.__code__.co_filename)
            raise Refused(written, f"{name!r} is a field and a function", "rename one of them")
        loc = field_loc(design, name)
        check_range(of, loc, f"field {name!r}")
        _check_default(of, getattr(design, name, None), loc, name)
    if (cells := _cells(state)) > MOST_CELLS:
        name = max(state.fields, key=lambda f: _cells(f[1]))[0]
        said = f"the state has {cells:,} cells, {_cells(dict(state.fields)[name]):,} of them in {name!r}"
        raise _told(field_loc(design, name), said, f"at most {MOST_CELLS:,} are stored")


@functools.lru_cache(maxsize=4096)
def _check_restated(cls: type, name: str, scope: Scope) -> None:
    """A field that is declared again keeps its type; only a record may become one with more fields."""
    owners = [c for c in cls.__mro__ if name in vars(c).get("__annotations__", {})]
    for new, old in itertools.pairwise(owners):
        pair = [resolve(type_hints(owner)[name], scope, name) for owner in (new, old)]
        if not _narrows(*pair):
            said = f"field {name!r} is {pair[1]} in {old.__name__}, and {pair[0]} here"
            if issubclass(new, old):
                raise _told(field_loc(new, name), said, "give the new field a name of its own")
            said = f"{said}, in {new.__name__}, of one system ({field_loc(old, name)}): they would be one"
            raise _told(field_loc(new, name), said, "if both add to a record, derive the one here from the other one")


def _narrows(new: Type, old: Type) -> bool:
    match new, old:
        case TableType(index, row), TableType(was, of):
            return index == was and _narrows(row, of)
        case StructType(cls), StructType(base):
            return issubclass(cls, base)
        case _:
            return new == old


@functools.lru_cache(maxsize=4096)
def check_range(of: Type, loc: Loc | None, what: str) -> None:
    """Raise Refused if a type has no value, or more than the generated C holds."""
    match of:
        case IntType(lo, hi) if hi < lo:
            raise _told(loc, f"{what} can have no value: its bound is {hi + 1}", "an Index has a bound of 1 or more")
        case IntType(_, hi) if hi >= LARGEST:
            raise _told(
                loc, f"{what} has the bound {hi + 1}, which is too large", f"the largest bound is {LARGEST} (2**30)"
            )
        case MaskType(inner) if inner.hi >= MASK_BITS:
            said = f"{what} is a Mask of {inner.hi + 1} bits"
            raise _told(loc, said, f"a Mask is a machine word: the largest bound is {MASK_BITS}")
        case OptionalType(inner) | MaskType(inner):
            check_range(inner, loc, what)
        case TableType(index, row):
            check_range(index, loc, what)
            check_range(row, loc, what)
        case StructType(cls, fields):
            for name, kind in fields:
                check_range(kind, field_loc(cls, name) or loc, f"field {name!r}")
                _check_default(kind, getattr(cls, name, None), field_loc(cls, name), name)
        case _:
            pass


def _check_default(of: Type, default: object, loc: Loc | None, name: str) -> None:
    """The value that a field, or each row of a table, is made with."""
    match of:
        case TableType(row=row):
            _check_default(row, default, loc, name)
        case StructType(cls):
            if default is not None and not isinstance(default, cls):
                raise _told(loc, f"field {name!r} is {a(of)}, and its default is {default!r}")
        case _ if default is not None:
            try:
                encode(of, default)
            except RangeError:
                raise _told(loc, f"field {name!r} is {a(of)}, and its default is {default!r}") from None


def _cells(of: Type) -> int:
    match of:
        case TableType(row=row):
            return of.rows * _cells(row)
        case StructType(fields=fields):
            return sum(_cells(kind) for _, kind in fields)
        case _:
            return 1


def _told(loc: Loc | None, message: str, hint: str = "") -> ModelError:
    return Refused(loc, message, hint) if loc is not None else ModelError(f"{message}; {hint}" if hint else message)


def check_overrides(design: type[Design]) -> None:
    """A restated function keeps the parameters and the result of the one it replaces."""
    for owner in design.__mro__:
        _check_overrides_of(owner)


@functools.lru_cache(maxsize=4096)
def _check_overrides_of(owner: type) -> None:
    for name, function in _methods(owner).items():
        replaced = next((vars(b)[name] for b in owner.__mro__[1:] if name in _methods(b)), None)
        if replaced is None or _same_shape(_shape(function), _shape(replaced)):
            continue
        node, file = definition_of(function), function.__code__.co_filename
        raise Refused(
            loc_of(node, file), f"{name}() changes the signature of the function it replaces",
            f"it was: {_heading(definition_of(replaced))}",
        )  # fmt: skip


def _is_patch(owner: type) -> bool:
    return "patch" in vars(owner) or owner.__module__.startswith(USERS_MODULE)


def in_patch(design: type[Design], loc: Loc) -> bool:
    """Does a function of a patch have this line?"""
    patches = (f for owner in design.__mro__ if _is_patch(owner) for f in _methods(owner).values())
    for function in (f for f in patches if f.__code__.co_filename == loc.file):
        node = definition_of(function)
        if node.lineno <= loc.line <= (node.end_lineno or node.lineno):
            return True
    return False


def check_unused(design: type[Design], used: set[tuple[type, str]]) -> None:
    """A function of a patch that replaces nothing and that nobody calls is a misspelt name."""
    known = {name for owner in design.__mro__ for name in _methods(owner)}
    for owner in design.__mro__:
        if not _is_patch(owner):
            continue
        for name, function in _methods(owner).items():
            called = any(name == other for _, other in used)
            if called or any(name in _methods(b) for b in owner.__mro__[1:]):
                continue
            node, file = definition_of(function), function.__code__.co_filename
            hint = did_you_mean(name, known - {name})
            raise Refused(loc_of(node, file), f"{name}() replaces nothing and nobody calls it", hint)


def nobody_provides(design: type[Design], name: str, loc: Loc) -> Refused:
    """What is said of an abstract function that is called: where a patch misspells it, else of the user's class if there is one,
    else where it is declared (loc)."""
    said = f"no role of {design.__name__} provides {name}()"
    for owner in filter(_is_patch, design.__mro__):
        for own, function in _methods(owner).items():
            replaces = any(own in vars(other) for other in design.__mro__ if other is not owner)
            if not replaces and own not in design.steps() and nearest(own, [name]):
                place = loc_of(definition_of(function), function.__code__.co_filename)
                return Refused(place, f"{said}, and {own}() replaces nothing", f"did you mean {name!r}?")
    texts = [text for base in design.__bases__ if base.__module__.startswith(USERS_MODULE) if (text := text_of(base))]
    if len(texts) != 1:
        return Refused(loc, said, f"write {name}() in one of them, or name a role that has it")
    (node, file), functions = texts[0], inspect.getmembers(design, inspect.isfunction)
    others = [n for n, f in functions if getattr(f, "__isabstractmethod__", False) and n != name]
    hint = f"write it in {node.name}, or derive {node.name} from a class that has it"
    return Refused(loc_of(node, file), said, hint + f"; nor is there {'(), '.join(others)}()" * bool(others))


@functools.lru_cache(maxsize=4096)
def _methods(owner: type) -> dict[str, Callable[..., object]]:
    if not issubclass(owner, Design) or owner is Design:
        return {"initial": Design.initial} if owner is Design else {}
    return {name: f for name, f in vars(owner).items() if inspect.isfunction(f) and not name.startswith("__")}


def _shape(function: Callable[..., object]) -> dict[str, object]:
    """The type of each parameter and of the result."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # an annotation that means nothing: told when the function is lowered
        hints = {name: str(of) for name, of in inspect.get_annotations(function).items()}
    return {name: hints.get(name) for name in [*inspect.signature(function).parameters, "return"]}


def _same_shape(new: dict[str, object], old: dict[str, object]) -> bool:
    return list(new) == list(old) and all(_is_same(new[name], old[name]) for name in new)


def _is_same(new: object, old: object) -> bool:
    """Of two records, one may be the other with more fields: a system has one of them."""
    pair = [of for of in (new, old) if inspect.isclass(of) and issubclass(of, Struct)]
    return new == old or (len(pair) == 2 and (issubclass(pair[0], pair[1]) or issubclass(pair[1], pair[0])))


def _heading(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"def {node.name}({ast.unparse(node.args)}){returns}"
