"""Running a found path again in CPython, the reference semantics, and writing down what happens.

Engines hand over step names and arguments only; a path that cannot be replayed is never shown. Lanes and names
come from the model, through class attributes that this module looks for:

    lane        on a class: the lane of the functions it defines. A template over the function's parameters:
                "KVM", or "CPU{cpu}" for one lane per value of the parameter `cpu`. A function without the
                parameter runs in the innermost lane on the call stack that fits (a step: in its `by`).
    lane_order  on a class, optional: the templates in the order in which the lanes stand side by side.
    Label       on a field, optional: how people call it, and how pictures draw it (see model.lang).
    set_up_until    on a class, optional: by whom the first step after the set-up is taken (checker.stories.setup).
    source      on a class: the C file that its functions stand for; its base name starts the anchors.

A field without a label is called by its path and belongs to the lane of the class that declares it. Calls of pure
functions are left out of the story: they change nothing.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeAlias, get_args

from checker.engine.reference import Value
from checker.errors import InternalError
from checker.language.layout import Leaf, leaves
from checker.language.source import type_hints
from checker.stories.trace import Arrow, Event, FieldChange, lanes_in, show
from model.finite import Mask, MaskType, ModelError, StructType, TableType, Type, decode
from model.lang import Design, Disabled, Label, Scope, Struct, cells, save

Steps: TypeAlias = Sequence[tuple[str, tuple[Value, ...]]]  # the steps of a run: name, Python values of the parameters
_ROOT = Path(sys.modules[Design.__module__].__file__ or "").resolve().parents[1]
States: TypeAlias = Sequence[tuple[int, ...]]  # leaf codes in layout order: the initial state, then after each step


def sentence_for(sentence: str, binding: Mapping[str, str]) -> str:
    """A property's sentence about these values: `{pin}` is filled in; values it does not mention are appended."""
    rest = {name: value for name, value in binding.items() if "{" + name + "}" not in sentence}
    for name, value in binding.items():
        sentence = sentence.replace("{" + name + "}", value)
    return sentence + (f" [{', '.join(f'{k}={v}' for k, v in rest.items())}]" if rest else "")


def provenance_of(design: type[Design]) -> tuple[str, ...]:
    """One text per patch that is in the system, or the system's name if there is none."""
    patches = [vars(cls)["patch"] for cls in design.__mro__ if vars(cls).get("patch") is not None]
    return tuple(dict.fromkeys(map(str, patches))) or (design.__name__,)


def lanes_of(design: type[Design], events: Sequence[Event]) -> tuple[str, ...]:
    """The lanes that occur, side by side as `lane_order` says; without it, numbered lanes come first."""
    declared: tuple[str, ...] = tuple(vars(c).get("lane", "") for c in design.__mro__)
    by_default = sorted(filter(None, dict.fromkeys(declared)), key=lambda template: "{" not in template)
    order: Sequence[str] = getattr(design, "lane_order", by_default)

    def rank(lane: str) -> tuple[int, int, str]:
        place = next((i for i, template in enumerate(order) if _fits(lane, template)), len(order))
        number = re.search(r"\d+", lane)
        return place, int(number[0]) if number else -1, lane

    return tuple(sorted(lanes_in(events), key=rank))


def _fits(lane: str, template: str) -> bool:
    """Whether a lane is one of a template's: CPU1 is one of CPU{cpu}."""
    return re.fullmatch(".+".join(map(re.escape, re.split(r"\{[^}]*\}", template))), lane) is not None


@dataclass(frozen=True)
class ModelFunction:
    """What is known about a method of the model before it runs."""

    name: str
    lane: str
    anchor: str
    pure: bool
    where: str  # file and line, below the folder that the model is in


def functions_of(design: type[Design]) -> dict[CodeType, ModelFunction]:
    """Every method of the model by its code object, so overridden ones and super() calls are told apart."""
    owners = [cls for cls in design.__mro__ if issubclass(cls, Design) and cls is not Design]
    return {
        function.__code__: ModelFunction(
            name,
            getattr(cls, "lane", ""),
            _anchor(cls, name),
            function.__annotations__.get("return") not in ("None", None),
            where_of(function.__code__),
        )
        for cls in owners
        for name, function in vars(cls).items()
        if isinstance(function, FunctionType)
    }


def _anchor(cls: type[Design], name: str) -> str:
    """`file.c:function()`. A patch restates functions of several files: the file is that of the oldest definition."""
    own = vars(cls).get("source", "")
    older = [str(getattr(base, "source", "")) for base in cls.__mro__ if name in vars(base)]
    source = own or next(filter(None, reversed(older)), "")
    return f"{source.rpartition('/')[2]}:{name}()" if source else f"{name}()"


def where_of(code: CodeType, line: int = 0) -> str:
    """File and line of a function, or this line of it: of the project's own files below the folder that they are in."""
    return f"{_from_root(code.co_filename)}:{line or code.co_firstlineno}"


@functools.cache
def _from_root(file: str) -> Path:
    """Asked of every function of each run that is told."""
    path = Path(file)
    return path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path


def _places(holder: Any, of: Type, path: str) -> Iterator[tuple[int, str]]:
    """The identity of each struct, table and mask below a place, and its path. They never move: stores copy."""
    match of:
        case StructType(fields=fields):
            yield id(holder), path
            for name, kind in fields:
                yield from _places(holder.__dict__[name], kind, f"{path}.{name}".lstrip("."))
        case TableType(row=row):
            yield id(holder), path
            for i in range(of.rows):
                yield from _places(holder.rows[i], row, f"{path}[{i}]")
        case MaskType():
            yield id(holder), path
        case _:
            pass


class StepRecorder:
    """One system, run step by step. `sys.setprofile` sees every call, also super() calls and overridden methods."""

    def __init__(self, design: type[Design], scope: Scope) -> None:
        self.system = design(scope)
        self.system.initial()
        self.cells = list(cells(self.system))
        state = design.state_type(scope)
        self.leaves = list(leaves(state))
        self.names = [field_name(design, leaf) for leaf in self.leaves]
        self.places = dict(_places(self.system, state, ""))
        self.functions = functions_of(design)
        self.by = {name: info.by for name, info in design.steps().items()}
        self._reset("")

    def _reset(self, by: str) -> None:
        self.stack = [by]
        self.calls: list[Arrow] = []
        self.latest = self.codes()
        self.history: dict[int, list[int]] = {}  # leaf -> the codes it took; last changed, last in the dict
        self.changed_after: dict[int, int] = {}  # leaf -> how many calls had been made when it took the last one

    def codes(self) -> tuple[int, ...]:
        """The current state as leaf codes."""
        return save(self.cells)

    def run(self, step: str, args: tuple[Value, ...]) -> Event:
        """Take one step. Raises Disabled if it is not enabled, and whatever else the model raises."""
        self._reset(self.by[step])
        method = getattr(self.system, step)
        code = method.__func__.__code__
        named = dict(zip(code.co_varnames[1 : code.co_argcount], map(show, args), strict=True))
        lane = self._lane(self.functions[code], named)
        self.stack = [lane]
        outer = sys.getprofile()
        sys.setprofile(self._watch)
        try:
            method(*args)
        finally:
            sys.setprofile(outer)
        self._note_changes()
        own = self.functions[code]
        return Event(step, tuple(named.items()), lane, own.anchor, tuple(self.calls), tuple(self._changes()), own.where)

    def _watch(self, frame: FrameType, what: str, _: Any) -> None:
        function = self.functions.get(frame.f_code)
        if function is None:
            return
        self._note_changes()
        if what == "return":  # also when an exception leaves the function
            self.stack.pop()
        elif what == "call":
            names = frame.f_code.co_varnames[1 : frame.f_code.co_argcount]
            args = {name: frame.f_locals[name] for name in names}
            lane = self._lane(function, {name: show(value) for name, value in args.items()})
            if lane != self.stack[-1] and not function.pure:
                text = ", ".join(self.places.get(id(value), f"{name}={show(value)}") for name, value in args.items())
                self.calls.append(Arrow(self.stack[-1], lane, function.name, text, function.anchor, function.where))
            self.stack.append(lane)

    def _lane(self, function: ModelFunction, args: Mapping[str, str]) -> str:
        """The lane that a call runs in, by the template of its class."""
        try:
            return function.lane.format(**args) or self.stack[-1]
        except KeyError:
            fitting = (lane for lane in reversed(self.stack) if _fits(lane, function.lane))
            return next(fitting, self.stack[-1])

    def _note_changes(self) -> None:
        """Look at the state: at every call and return, so that a bit which is cleared and set again is seen."""
        now = self.codes()
        for i, (old, new) in enumerate(zip(self.latest, now, strict=True)):
            if old != new:
                self.history[i] = [*self.history.pop(i, [old]), new]  # moves to the end: latest change last
                self.changed_after[i] = len(self.calls)
        self.latest = now

    def _changes(self) -> Iterator[FieldChange]:
        """In the order of time; what one look found is in layout order."""
        for i, codes in self.history.items():
            leaf = self.leaves[i]
            name, values = self.names[i], [decode(leaf.type, code) for code in codes]
            before, *between, after = map(show, values)
            bar = (is_set(values[0]), is_set(values[-1])) if name.drawn == "bar" else None
            lane, aside = name.lane or self.stack[0], name.drawn == "aside"
            yield FieldChange(
                str(leaf), name.text, lane, before, after, self.changed_after[i], tuple(between), name.short, bar, aside
            )


def is_set(value: object) -> bool:
    """Whether a value is one that a bar is drawn for."""
    return bool(value.bits) if isinstance(value, Mask) else value is not None and value is not False


@dataclass(frozen=True)
class FieldName:
    """What a state field is called, alone and within its struct; lane: "" for: whoever changes it; drawn: see Label."""

    lane: str
    text: str
    short: str
    drawn: str


def name_of(design: type[Design], leaf: Leaf) -> tuple[str, str]:
    """Lane ("" for: whoever changes it) and name of a state field. Raises ModelError for a bad template."""
    name = field_name(design, leaf)
    return name.lane, name.text


def field_name(design: type[Design], leaf: Leaf) -> FieldName:
    """Raises ModelError for a bad template."""
    owner = next(cls for cls in design.__mro__ if leaf.path[0] in vars(cls).get("__annotations__", {}))
    lane, labels, drawn = "", list[str](), ""
    holder: Any = owner
    for name in (part for part in leaf.path if isinstance(part, str)):
        hint = type_hints(holder)[name]
        label = next((mark for mark in get_args(hint) if isinstance(mark, Label)), None)
        labels += [label.text] if label is not None else [name] * bool(labels)
        lane = label.lane if label is not None and label.lane is not None else lane
        drawn = label.drawn if label is not None else ""
        holder = next((arg for arg in _arguments(hint) if isinstance(arg, type) and issubclass(arg, Struct)), None)
    indices = [part for part in leaf.path if isinstance(part, int)]
    try:
        text, short = (" ".join(filter(None, some)).format(*indices) for some in (labels, labels[-1:]))
        lane = lane.format(*indices, design=design)
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        raise ModelError(f"the label of {owner.__name__}.{leaf.path[0]} does not fit {leaf}: {error}") from None
    of_owner = str(getattr(owner, "lane", ""))
    return FieldName(
        lane or ("" if "{" in of_owner else of_owner), text or str(leaf), short or text or str(leaf), drawn
    )


def _arguments(hint: Any) -> Iterator[Any]:
    """A type and what it is made of: Annotated[Table[Cpu, Lapic], ...] -> ..., Lapic."""
    yield hint
    for inner in get_args(hint):
        yield from _arguments(inner)


def replay(
    design: type[Design],
    scope: Scope,
    path: Steps,
    loop_start: int | None = None,
    *,
    expected: States | None = None,
    error: type[Exception] = InternalError,
) -> tuple[Event, ...]:
    """Run a path from the initial state. `expected` are the engine's states, the initial one first.

    Raises `error` naming the step if it is unknown or disabled, if a state is not the expected one, or if the last
    step does not lead back to the state before step `loop_start`. Errors of the model itself pass through.
    """
    recorder = StepRecorder(design, scope)
    if expected is not None and len(expected) != len(path) + 1:
        raise error(f"replay: {len(path)} steps, but {len(expected)} states")
    states = [recorder.codes()]
    _compare(recorder, states[0], expected[0] if expected else None, "the initial state", error)
    events: list[Event] = []
    for number, (step, args) in enumerate(path, 1):
        where = f"step {number}, {step}({', '.join(map(show, args))})"
        if step not in recorder.by:
            raise error(f"replay: {where}: {design.__name__} has no such step")
        try:
            events.append(recorder.run(step, args))
        except Disabled:
            raise error(f"replay: {where} is disabled") from None
        states.append(recorder.codes())
        _compare(recorder, states[-1], expected[number] if expected else None, where, error)
    if loop_start is not None:
        _compare(recorder, states[-1], states[loop_start], f"the end of the loop to step {loop_start + 1}", error)
    return tuple(events)


def _compare(
    recorder: StepRecorder, found: tuple[int, ...], wanted: tuple[int, ...] | None, where: str, error: type[Exception]
) -> None:
    """Raise `error` with the first field that differs."""
    if wanted is None or found == tuple(wanted):
        return
    if len(wanted) != len(found):
        raise error(f"replay: {where}: a state has {len(found)} fields, not {len(wanted)}")
    i = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
    leaf = recorder.leaves[i]
    values = show(decode(leaf.type, found[i])), show(decode(leaf.type, wanted[i]))
    raise error(f"replay: after {where} {leaf} is {values[0]}, but {values[1]} was expected")
