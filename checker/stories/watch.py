"""Expressions of the user's along a run: what each is at first, and the steps at which it is something else.

An expression is Python as a property's function may have it, over `s`, the system. It is evaluated by CPython in each state
of the run, and must leave that state as it is.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import CodeType

from checker.engine.reference import Reference
from checker.engine.running import Codes, Running
from checker.language.refusal import did_you_mean
from checker.stories.trace import Event, StoryError, show
from checker.stories.write import fold
from model.finite import Mask, ModelError
from model.lang import Design, Disabled, Scope, Struct, Table

ALLOWED = (
    ast.Expression, ast.BoolOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call, ast.keyword, ast.Attribute, ast.Subscript, ast.Name,
    ast.Constant, ast.Tuple, ast.BinOp, ast.GeneratorExp, ast.comprehension, ast.expr_context, ast.boolop, ast.unaryop, ast.cmpop,
    ast.Add, ast.Sub, ast.BitOr, ast.BitAnd, ast.BitXor, ast.Mod, ast.FloorDiv,
)  # fmt: skip
FUNCTIONS: Mapping[str, object] = {"any": any, "all": all, "range": range, "len": len}
SYSTEM = "s"


@dataclass(frozen=True)
class Watched:
    """values: as stories show them, one for each state of the run."""

    expression: str
    values: tuple[str, ...]

    def changes(self) -> list[tuple[int, str]]:
        """(number of the step, value after it), where that is another one than before."""
        pairs = zip(self.values, self.values[1:], strict=False)
        return [(step, after) for step, (before, after) in enumerate(pairs, 1) if before != after]


def watched(design: type[Design], scope: Scope, states: Sequence[Codes], expressions: Sequence[str]) -> list[Watched]:
    """The states are those of a run of this system. Raises StoryError with the expression that is wrong."""
    system = design(scope)
    names = {SYSTEM: system, **FUNCTIONS, **names_of(design)}
    running, found = Running(system), list[Watched]()
    for text in expressions:
        code = _compiled(text, names)
        values = list[str]()
        for state in states:
            running.go_to(state)
            values.append(_evaluated(text, code, names))
            if running.save() != state:
                raise _wrong(text, "it changes the state", "watch what a field is, or a function that only looks")
        found.append(Watched(text, tuple(values)))
    return found


def check(systems: Iterable[tuple[type[Design], Scope]], expressions: Sequence[str]) -> None:
    """Raise StoryError for an expression that no system has a value for in its initial state, before anything is explored."""
    wrong = list[StoryError]()
    for design, scope in systems if expressions else ():
        try:
            watched(design, scope, [Reference(design, scope).start], expressions)
            return
        except StoryError as error:
            wrong.append(error)
    for first in wrong[:1]:
        raise first


def names_of(design: type[Design]) -> dict[str, object]:
    """The enumerations and numbers that the modules of its classes know."""
    modules = dict.fromkeys(sys.modules[cls.__module__] for cls in reversed(design.__mro__) if cls is not object)
    known = {name: value for module in modules for name, value in vars(module).items()}
    return {
        name: value
        for name, value in known.items()
        if name[0] != "_" and ((isinstance(value, type) and issubclass(value, Enum)) or type(value) is int)
    }


def _wrong(text: str, what: str, hint: str = "") -> StoryError:
    return StoryError(f"--watch {text!r}: {what}" + f": {hint}" * bool(hint))


def _compiled(text: str, names: Mapping[str, object]) -> CodeType:
    try:
        tree = ast.parse(text.strip(), mode="eval")
        nodes = list(ast.walk(tree))
        code = compile(tree, "--watch", "eval")
    except SyntaxError as error:
        raise _wrong(text, f"no expression: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise _wrong(text, "it cannot be read") from None
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in nodes:
        if not isinstance(node, ALLOWED):
            raise _wrong(
                text,
                f"`{ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__}` is not in the language",
            )
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            raise _wrong(text, f"{node.attr!r} is no field")
        if isinstance(node, ast.Name) and node.id not in (*own, *names):
            raise _wrong(text, f"unknown name {node.id!r}", _near(node.id, names))
        if isinstance(node, ast.GeneratorExp) and not _is_asked(node, nodes):
            raise _wrong(text, "`... for ...` stands in any(...) or all(...) only")
    return code


def _near(name: str, names: Mapping[str, object]) -> str:
    system = names[SYSTEM]
    if hasattr(system, name):
        return f"write {SYSTEM}.{name}"
    said = did_you_mean(name, [*names, *_fields_of(system)])
    return (
        said
        if said.startswith("did")
        else f"{SYSTEM} is the system, and its fields are {', '.join(_fields_of(system))}"
    )


def _is_asked(node: ast.GeneratorExp, nodes: Sequence[ast.AST]) -> bool:
    calls = (n for n in nodes if isinstance(n, ast.Call) and n.args[:1] == [node])
    return any(isinstance(call.func, ast.Name) and call.func.id in ("any", "all") for call in calls)


def _evaluated(text: str, code: CodeType, names: Mapping[str, object]) -> str:
    try:
        value = eval(code, {"__builtins__": {}, **names})  # only what _compiled lets through
    except AttributeError as error:
        raise _wrong(text, *_no_attribute(error)) from None
    except Disabled:
        raise _wrong(text, "it is a step, and none that can be taken everywhere", "watch a field") from None
    except (ArithmeticError, LookupError, TypeError, ValueError, ModelError, RecursionError) as error:
        raise _wrong(text, str(error) or type(error).__name__) from None
    if isinstance(value, Struct | Design | Table):
        raise _wrong(text, "it is many values", _fields(value))
    if isinstance(value, type) and issubclass(value, Enum):
        member = next(iter(value.__members__))
        raise _wrong(text, "it is an enumeration", f"compare something with a member, e.g. {value.__name__}.{member}")
    if callable(value) and not isinstance(value, Enum):
        raise _wrong(text, "it is a function", f"call it: {text.strip()}(...)")
    if isinstance(value, tuple):
        return "(" + ", ".join(map(show, value)) + ")"
    if value is not None and not isinstance(value, bool | int | Enum | Mask):
        raise _wrong(text, f"a {type(value).__name__} is no value of the state")
    return show(value)


def _no_attribute(error: AttributeError) -> tuple[str, str]:
    """What has no such field, and the nearest that it has."""
    owner, name = error.obj, error.name or ""
    if isinstance(owner, type) and issubclass(owner, Enum):
        return f"{owner.__name__} has no member {name!r}", did_you_mean(name, owner.__members__)
    fields = _fields_of(owner)
    what = type(owner).__name__ if not isinstance(owner, Design) else SYSTEM
    methods = [n for n in dir(type(owner)) if n[0] != "_"]
    return f"{what} has no field {name!r}", did_you_mean(name, [*fields, *methods]) or f"it has {', '.join(fields)}"


def _fields_of(value: object) -> list[str]:
    finite = getattr(value, "_finite", None)
    return [name for name, _ in finite.fields] if finite is not None else []


def _fields(value: object) -> str:
    if isinstance(value, Table):
        return "name a row: [0]"
    return f"name a field: {', '.join(_fields_of(value))}"


# --- as text ---


def watch_lines(found: Sequence[Watched], events: Sequence[Event]) -> list[str]:
    """For each expression a line at first, and one for each step that changes it."""
    lines = list[str]()
    for one in found:
        changes = one.changes()
        width = max(len(one.values[0]), *(len(value) for _, value in changes), 1) if changes else 1
        lines += ["", *fold(one.expression.split(), "Watched: ", "         ")]
        lines.append(f"  at first {one.values[0]}" + ", and so to the end" * (not changes))
        for step, value in changes:
            lines += fold(events[step - 1].call.split(" "), f"  step {step:>3} {value:<{width}}  ", " " * 12)
    return lines


def as_json(found: Sequence[Watched]) -> list[dict[str, object]]:
    return [{"expression": one.expression, "values": list(one.values)} for one in found]
