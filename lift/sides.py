"""Both sides of what a patch changes in a function, where the model's words do not show the difference: the types of locals, which
local a name is, whether a pointer is set, and locks. What is the same, or wider, is passed over; the rest is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from lift.cparse import Expr, Stmt
from lift.flow import flat
from lift.known import Known
from lift.locks import check_locks
from lift.pointers import Set, check_pointers
from lift.refusal import NotLifted
from lift.table import FunctionRow, Row
from lift.widths import holds_all, plain

Declared = dict[str, list[Stmt]]


@dataclass
class Sides:
    """Of a patch, by functions of C and cases in them: what all of its hunks declare. is_new: of those that it brings."""

    old: dict[tuple[str, str], Declared] = field(default_factory=dict[tuple[str, str], Declared])
    new: dict[tuple[str, str], Declared] = field(default_factory=dict[tuple[str, str], Declared])
    rows: dict[tuple[str, str], FunctionRow] = field(default_factory=dict[tuple[str, str], FunctionRow])
    pointers: dict[tuple[str, str], dict[str, list[Set]]] = field(
        default_factory=dict[tuple[str, str], dict[str, list[Set]]]
    )
    is_new: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def compare(
        self, row: FunctionRow, old: Sequence[Stmt], new: Sequence[Stmt], known: Known, *, is_new: bool
    ) -> None:
        """Of one hunk. Raises NotLifted."""
        of = row.c, row.case
        check_pointers(old, new, row, known, self.pointers.setdefault(of, {}))
        check_locks(old, new, known)
        for side, stmts in ((self.old, old), (self.new, new)):
            found = side.setdefault(of, {})
            for s in flat(stmts):
                if s.kind == "decl":
                    found.setdefault(s.name, []).append(s)
        self.rows[of] = row
        self.is_new |= {of} if is_new else set()

    def above(self, row: FunctionRow, *, before: bool) -> dict[str, str]:
        """Of the locals that hunks so far declare: their types."""
        found = (self.old if before else self.new).get((row.c, row.case), {})
        return {name: plain(stmts[-1].type) for name, stmts in found.items()}

    def check(self, known: Known) -> None:
        """Of all hunks, once they are known. Raises NotLifted."""
        for of, now in self.new.items():
            for name, found in now.items():
                was = self.old.get(of, {}).get(name, [])
                _check_declared(name, was, found, None if of in self.is_new else self.rows[of], known)


def _check_declared(name: str, was: Sequence[Stmt], now: Sequence[Stmt], row: FunctionRow | None, known: Known) -> None:
    """One name of a function. row: None of one that the patch brings, in which nothing can be hidden."""
    before = {plain(s.type) for s in was}
    for s in now:
        narrow = next((t for t in sorted(before) if not holds_all(s.type, t)), None)
        if narrow is not None and plain(s.type) not in before:
            what = f"`{name}` was declared `{narrow}`, and is `{plain(s.type)}` now: what it holds may be another value"
            raise NotLifted(
                s.line, what, "leave its type, or make it a wider one of the same sign; or write this function by hand"
            )
    brought = [s for s in now if any(t.changed for t in s.tokens)]
    if brought and len(now) > max(len(was), 1):
        raise hidden(brought[-1], "is declared in this function already")
    if brought and any(
        _is_constant(name, r) for s in ("expressions", "assume", "constants") for r in known.table.rows[s]
    ):
        raise hidden(brought[-1], f"is a value of {known.table.file}")
    if brought and not was and row is not None and _is_known(name, row, known):
        raise hidden(brought[-1], f"stands in rows of {known.table.file} for what {row.c}() has already")


def _is_constant(name: str, row: Row) -> bool:
    """Is the row about this name, wherever it stands?"""
    return row.left == name and row.scope == "*"


def hidden(s: Stmt, what: str) -> NotLifted:
    return NotLifted(s.line, f"`{s.name}` {what}: another one of that name would hide it", "give it a name of its own")


def _is_known(name: str, row: FunctionRow, known: Known) -> bool:
    """Is it in rows of this function alone?"""
    sections = ("objects", "expressions", "statements", "loops", "ignore")
    rows = [r for section in sections for r in known.table.rows[section] if r.pattern is not None and r.scope != "*"]
    return any(
        r.pattern is not None and fnmatchcase(row.model, r.scope) and _has(r.pattern, name) for r in rows
    )  # fmt: skip


def _has(e: Expr, name: str) -> bool:
    return (e.kind, e.text) == ("id", name) or any(_has(part, name) for part in e.args)
