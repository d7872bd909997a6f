"""Pointers have no node in the model: what they point to is always the same thing of it. So whether one is set before it is used
is asked here, of both sides of what a patch changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from lift.cparse import Expr, Stmt
from lift.flow import Flow, State, flat
from lift.known import Known
from lift.refusal import NotLifted
from lift.shapes import loop_types
from lift.table import FunctionRow

_BEFORE, _UNSET, _SET = (
    frozenset({"before"}),
    frozenset({"unset"}),
    frozenset({"set"}),
)  # before: as where the piece begins
_CONTEXT = "make the patch with more context (git format-patch -U20), so that it shows where it is set"


Set = tuple[
    str, tuple[str, ...]
]  # what a pointer is set to, and the heads of the loops around, which say which one that is


@dataclass
class _Side:
    """Of one pointer, on one side. unset, early: where it is used without a value, and before one is shown."""

    unset: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    early: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    sets: list[Set] = field(default_factory=list[Set])
    end: State = frozenset()
    is_declared: bool = False

    @property
    def lines(self) -> list[int]:
        return sorted(line for line, _ in (*self.unset, *self.early))


def check_pointers(
    old: Sequence[Stmt], new: Sequence[Stmt], row: FunctionRow, known: Known, above: dict[str, list[Set]]
) -> None:
    """Raise NotLifted where a pointer is not set any more, or used before it is. above: what hunks above have set on each way."""
    for name in sorted(_pointers([*old, *new], row, known) - {*row.params}):
        was, now = _side(old, name, _BEFORE), _side(new, name, _SET if name in above else _BEFORE)
        used = sorted(line for line, _ in now.unset - was.unset)
        if used:
            raise NotLifted(
                used[0], f"`{name}` is used here before it is set", "set it before, or write this function by hand"
            )
        _check_set(name, was, now, above.get(name, []), _changed_line(old, new, name))
        if now.early and not was.early:
            known_before = bool(was.sets) or was.is_declared
            advice = "write this function by hand" if known_before else _CONTEXT
            raise NotLifted(now.lines[0], f"`{name}` is used here, and nothing shows that it is set before", advice)
        if now.end == _SET and now.sets:
            above[name] = now.sets


def _check_set(name: str, was: _Side, now: _Side, above: Sequence[Set], line: int) -> None:
    """What sets it may stand somewhere else in the same loop, or together with all that uses it be gone."""
    gone = [s for s in was.sets if s not in now.sets and s not in above]
    is_lost = bool(gone) and (now.is_declared or not was.is_declared)
    if is_lost or (_UNSET & now.end and not _UNSET & was.end and was.sets):
        what = f"what sets the pointer `{name}` is removed, or is not run on each way any more"
        raise NotLifted(line, what, "leave it where it is, or write this function by hand")
    if was.sets and (other := [s for s in now.sets if s not in was.sets and s not in above]):
        what = f"`{name} = {other[0][0]}` stands in other loops now, or is another value"
        raise NotLifted(line, what, "leave it where it is, or write this function by hand")


def _changed_line(old: Sequence[Stmt], new: Sequence[Stmt], name: str) -> int:
    line = next((s.line for s in [*flat(old), *flat(new)] if _sets(s, name) and _is_changed(s)), 0)
    return line or next((t.line for s in [*new, *old] for t in s.tokens if t.changed), 0)


def _pointers(stmts: Sequence[Stmt], row: FunctionRow, known: Known) -> set[str]:
    """The locals that are pointers, as the piece declares them, and as the table has them."""
    rows = [
        r for r in known.table.rows["objects"] if r.pattern is not None and r.pattern.kind == "id" and r.scope != "*"
    ]
    things = _things(row, known) if row.model in known.surface.functions else set[str]()
    of_table = {r.left for r in rows if fnmatchcase(row.model, r.scope) and r.right in things}
    declared = (s for s in flat(stmts) if s.kind == "decl" and s.type.endswith("*"))
    return {s.name for s in declared if all(t.text != "[" for t in s.own)} | of_table  # an array is there


def _things(row: FunctionRow, known: Known) -> set[str]:
    """The names of a function of the model that one gets to by a pointer in C."""
    names, surface = known.surface.parameter_types(row.model), known.surface
    found = {"self", *known.shapes.places(row.model)}
    for head in known.shapes.loops(row.model):
        types = loop_types(head, lambda text: surface.type_of(text, names, {}))
        found |= {name for name, of in types.items() if of in surface.fields}
    return found


def _side(stmts: Sequence[Stmt], name: str, begin: State) -> _Side:
    side = _Side()

    def step(s: Stmt, state: State) -> State:
        if s.kind == "decl" and s.name == name:
            side.is_declared = True
            if s.expr is None:
                return _UNSET
        for place in _uses(s.expr, name):
            side.unset |= {place} if state & _UNSET else set()
            side.early |= {place} if state & _BEFORE else set()
        return _SET if _sets(s, name) else state

    side.end = Flow(step, lambda *_: None, _SET).run(stmts, begin)
    side.sets = list(_all_sets(stmts, name, ()))
    return side


def _all_sets(stmts: Sequence[Stmt], name: str, loops: tuple[str, ...]) -> Iterator[Set]:
    for s in stmts:
        if _sets(s, name):
            yield _value(s), loops
        inner = (*loops, str(s.expr)) if s.kind in ("for", "foreach", "while", "do") else loops
        yield from _all_sets([*s.then, *s.other], name, inner)


def _value(s: Stmt) -> str:
    assert s.expr is not None
    return str(s.expr.args[1] if s.kind == "expr" else s.expr)


def _sets(s: Stmt, name: str) -> bool:
    """Does it say what the pointer points to? A macro that goes over something does."""
    if s.expr is None or s.kind not in ("decl", "expr", "foreach"):
        return False
    if s.kind == "decl":
        return s.name == name
    if s.kind == "foreach":
        return any((a.kind, a.text) == ("id", name) for a in s.expr.args[1:])
    return (s.expr.kind, s.expr.text) == ("assign", "=") and (s.expr.args[0].kind, s.expr.args[0].text) == ("id", name)


def _uses(e: Expr | None, name: str) -> Iterator[tuple[int, int]]:
    """Where its value is read."""
    if e is None:
        return
    if e.kind == "id" and e.text == name and e.tokens:
        yield e.tokens[0].place
    is_set = e.kind == "assign" and e.text == "=" and (e.args[0].kind, e.args[0].text) == ("id", name)
    is_address = (e.kind, e.text) == ("un", "&") and (e.args[0].kind, e.args[0].text) == ("id", name)
    for part in e.args[1:] if is_set else () if is_address else e.args:
        yield from _uses(part, name)


def _is_changed(s: Stmt) -> bool:
    return any(t.changed for t in s.tokens)
