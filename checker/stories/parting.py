"""Where a patch and what it stands on part: each step of a run is taken again on both, from the same state.

What differs is a field that only one of them changes, or that they change differently. Whose doing that is, the calls say:
the patch's own function that stored it, or the one that returned where the other design went on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, TypeAlias

from checker.engine.reference import Value
from checker.stories.replay import StepRecorder, Steps, functions_of, where_of
from checker.stories.trace import Parting, show_of
from model.finite import RangeError, Type
from model.lang import Design, Disabled, Scope, load

_NAMED = 3  # fields, at most, in one sentence
Codes: TypeAlias = tuple[int, ...]
Fields: TypeAlias = Mapping[str, tuple[Type, int]]  # by path; two systems share those of the same type


def partings(
    design: type[Design],
    base: type[Design],
    name: str,
    scope: Scope,
    path: Steps,
    place: Callable[[CodeType, int], tuple[str, int]],
) -> tuple[Parting, ...]:
    """The steps of a run of `design` in which `base`, called `name`, does something else.

    place: of a line of a function, the file and the line that are told; 0 where lines are not.
    """
    here, there = _Side(design, scope), _Side(base, scope)
    of_base, found = set(functions_of(base)), list[Parting]()
    for index, (step, args) in enumerate(path):
        before = here.fields()
        there.load(before)
        here.take(step, args)
        possible = there.take(step, args)
        differs = _differences(here, before, there) if possible else []
        if possible and not differs:
            continue
        here.load(before)  # most steps are alike: only the others are watched
        there.load(before)
        ours, theirs = here.watched(step, args), there.watched(step, args) if possible else None
        deed = _deed([f for f in ours.frames if f.code not in of_base], ours, theirs, differs)
        what = _sentence(differs, name, ours.stores) if theirs is not None else f"{name} cannot take this step here"
        lane = differs[0].lane if differs else ""
        found.append(_told(index, here, lane, deed, what, place))
    return tuple(found)


def after_base(
    design: type[Design], base: type[Design], scope: Scope, before: Codes, step: str, args: Sequence[Value]
) -> Codes | None:
    """The state of `design` that `base` makes of this one in a step; None if it cannot take that."""
    here, there = _Side(design, scope), _Side(base, scope)
    load(here.kept.cells, before)
    there.load(here.fields())
    if not there.take(step, args):
        return None
    made = there.fields()
    return tuple(
        made[str(leaf)][1] if str(leaf) in made and made[str(leaf)][0] == leaf.type else code
        for leaf, code in zip(here.kept.leaves, before, strict=True)
    )


@dataclass
class _Frame:
    """A call of one of the model's functions: the names of those on the stack, the line that it is at, or was left at."""

    names: tuple[str, ...]
    code: CodeType
    line: int


@dataclass(frozen=True)
class _Deed:
    """What made a difference: a line of a function that stored something, or from which it returned."""

    code: CodeType
    line: int
    returns: bool


@dataclass
class _Taken:
    """A step that was taken: every call in order of time, and for each field the calls that were open when it took its last
    value, with the line of the innermost one."""

    frames: list[_Frame] = field(default_factory=list[_Frame])
    stores: dict[str, tuple[Sequence[_Frame], int]] = field(default_factory=dict[str, tuple[Sequence[_Frame], int]])


class _Side:
    """One of the two systems, run step by step under `sys.settrace`."""

    def __init__(self, design: type[Design], scope: Scope) -> None:
        self.kept = StepRecorder(design, scope)
        self.first = self.kept.codes()

    def fields(self) -> Fields:
        """The state as it is."""
        both = zip(self.kept.leaves, self.kept.codes(), strict=True)
        return {str(leaf): (leaf.type, code) for leaf, code in both}

    def load(self, fields: Fields) -> None:
        """Take over the fields that are alike; those of its own are as in the beginning."""
        codes = list[int]()
        for leaf, first in zip(self.kept.leaves, self.first, strict=True):
            of, code = fields.get(str(leaf), (None, first))
            codes.append(code if of == leaf.type else first)
        load(self.kept.cells, tuple(codes))

    def take(self, step: str, args: Sequence[Value]) -> bool:
        """Take a step; False if there is no such step, or if it cannot be taken."""
        try:
            if step in self.kept.by:
                getattr(self.kept.system, step)(*args)
        except (Disabled, RangeError):
            return False
        return step in self.kept.by

    def watched(self, step: str, args: Sequence[Value]) -> _Taken:
        """Take a step that can be taken."""
        watch, outer = _Watch(self.kept), sys.gettrace()
        sys.settrace(watch.event)
        try:
            getattr(self.kept.system, step)(*args)
        finally:
            sys.settrace(outer)
        return watch.taken


class _Watch:
    """What `sys.settrace` sees of a step: looks at the state before each line, call and return."""

    def __init__(self, kept: StepRecorder) -> None:
        self.kept, self.taken = kept, _Taken()
        self.stack, self.latest = list[_Frame](), kept.codes()

    def event(self, frame: FrameType, what: str, _: Any) -> Any:
        function = self.kept.functions.get(frame.f_code)
        if function is None:
            return None
        self._look()
        if what == "call":
            above = self.stack[-1].names if self.stack else ()
            self.stack.append(_Frame((*above, function.name), frame.f_code, frame.f_lineno))
            self.taken.frames.append(self.stack[-1])
        else:
            self.stack[-1].line = frame.f_lineno
        if what == "return":
            self.stack.pop()
        return self.event

    def _look(self) -> None:
        now = self.kept.codes()
        for leaf, old, new in zip(self.kept.leaves, self.latest, now, strict=True):
            if old != new:
                self.taken.stores[str(leaf)] = tuple(self.stack), self.stack[-1].line
        self.latest = now


@dataclass(frozen=True)
class _Difference:
    """A field that both systems have, as a reader calls it, and its values before the step and after it, here and there."""

    leaf: str
    lane: str
    label: str
    before: str
    here: str
    there: str
    aside: bool


def _differences(here: _Side, before: Fields, there: _Side) -> list[_Difference]:
    now, other, found = here.fields(), there.fields(), list[_Difference]()
    for leaf, name in zip(here.kept.leaves, here.kept.names, strict=True):
        path = str(leaf)
        if path in other and other[path][0] == leaf.type and other[path] != now[path]:
            was, ours, theirs = (show_of(leaf.type, of[path][1]) for of in (before, now, other))
            found.append(_Difference(path, name.lane, name.text, was, ours, theirs, name.drawn == "aside"))
    return [one for one in found if not one.aside] or found


def _deed(own: Sequence[_Frame], ours: _Taken, theirs: _Taken | None, differs: Sequence[_Difference]) -> _Deed | None:
    """What the patch's own functions, of which these calls are, did to the first field that differs."""
    if not own:
        return None
    if theirs is None:
        return _Deed(own[0].code, own[0].line, returns=False)
    first = differs[0]
    if first.leaf in ours.stores:  # also what was stored, and then put back
        stack, line = ours.stores[first.leaf]
        storing = [f for f in stack if f in own]
        if storing and storing[-1] is stack[-1]:
            return _Deed(storing[-1].code, line, returns=False)
        if storing:
            return _Deed(storing[-1].code, storing[-1].line, returns=True)
    left = _left(own, ours, theirs.stores[first.leaf][0][-1].names if first.leaf in theirs.stores else ())
    return _Deed(left.code, left.line, returns=True)


def _left(own: Sequence[_Frame], ours: _Taken, there: tuple[str, ...]) -> _Frame:
    """The call of the patch's own that was left before the run went where the other one stored: the innermost that is on
    the way there, or else the last one below the place where the ways part."""
    on_the_way = [f for f in own if f.names == there[: len(f.names)]]
    if on_the_way:
        return max(on_the_way, key=lambda f: len(f.names))
    reached = max((len(f.names) for f in ours.frames if f.names == there[: len(f.names)]), default=0)
    below = [f for f in own if f.names[:reached] == there[:reached]]
    return (below or own)[-1]


def _sentence(differs: Sequence[_Difference], name: str, stored: Collection[str]) -> str:
    """What is different: also what does not happen. stored: the fields that the step has stored to here."""
    only_there = [f"{d.label} to {d.there}" for d in differs if d.here == d.before and d.leaf not in stored]
    put_back = [f"{d.label} at {d.there}" for d in differs if d.here == d.before and d.leaf in stored]
    only_here = [f"{d.label} to {d.here}" for d in differs if d.there == d.before]
    both = [f"{d.label} to {d.here}, {name} to {d.there}" for d in differs if d.before not in (d.here, d.there)]
    said = [f"does not set {_listed(only_there)}; {name} does"] * bool(only_there)
    said += [f"does not keep {_listed(put_back)}; {name} does"] * bool(put_back)
    said += [f"sets {_listed(only_here)}; {name} does not"] * bool(only_here)
    said += [f"sets {_listed(both)}"] * bool(both)
    return ". It ".join(said)


def _listed(texts: Sequence[str]) -> str:
    shown = list(texts[:_NAMED])
    if more := len(texts) - len(shown):
        shown.append(f"{more} more")
    return " and ".join([", ".join(shown[:-1])] * bool(shown[1:]) + shown[-1:])


def _told(
    index: int, here: _Side, lane: str, deed: _Deed | None, what: str, place: Callable[[CodeType, int], tuple[str, int]]
) -> Parting:
    if deed is None:
        return Parting(index, lane, "", "", 0, False, what)
    anchor, where = here.kept.functions[deed.code].anchor, where_of(deed.code, deed.line)
    return Parting(index, lane, anchor, *place(deed.code, deed.line), deed.returns, what, where)
