"""The locals of a function, as C declares them: what the model has as a truth value may be a mask, which equals no `true` and
does not fit into every type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lift.cparse import Expr, Stmt
from lift.ctokens import Row
from lift.refusal import NotLifted
from lift.widths import holds, holds_mask, plain, width

COMPARED = ("==", "!=", "<", ">", "<=", ">=")


_OUTERMOST = re.compile(r"(?:\t| {4})\S")  # of the function's own block, and of none within it


@dataclass
class Brought:
    """What hunks of a patch declare in a function, for its hunks that stand below them: in C, in the model."""

    c: dict[str, str] = field(default_factory=dict[str, str])
    types: dict[str, str] = field(default_factory=dict[str, str])
    alias: dict[str, str] = field(default_factory=dict[str, str])

    def copy(self) -> Brought:
        return Brought(dict(self.c), dict(self.types), dict(self.alias))


def declared_outermost(stmts: Sequence[Stmt], rows: Sequence[Row]) -> list[str]:
    """The locals that changed lines declare in the function's own block: below the hunk, no other one has their names."""
    texts = {row.number: row.text for row in rows if row.changed}
    return [s.name for s in stmts if s.kind == "decl" and _OUTERMOST.match(texts.get(s.line, ""))]


@dataclass
class Locals:
    """types: of those whose declaration was seen."""

    types: dict[str, str] = field(default_factory=dict[str, str])
    params: frozenset[str] = frozenset()
    brought: set[str] = field(default_factory=set[str])  # by the patch
    above: dict[str, str] = field(
        default_factory=dict[str, str]
    )  # types of those that earlier hunks of the function declare

    def copy(self) -> Locals:
        return Locals(dict(self.types), self.params, set(self.brought), self.above)

    def type_of(self, name: str) -> str:
        """As C declares it, or "" where that is not shown."""
        return self.types.get(name, self.above.get(name, ""))

    def declare(self, s: Stmt) -> None:
        """Raises NotLifted for what is none of its block's own."""
        if s.name in self.types or "static" in s.type.split():
            said = (
                f"`{s.name}` is declared twice" if s.name in self.types else f"`{s.name}` is static: it keeps its value"
            )
            raise NotLifted(s.line, said, "give each local a name of its own, and its value where it is declared")
        changed = any(t.changed for t in s.tokens)
        if changed and s.name in self.params:
            raise NotLifted(
                s.line, f"`{s.name}` is a parameter already, and would be hidden", "give it a name of its own"
            )
        self.types[s.name] = plain(s.type)
        self.brought |= {s.name} if changed else set()

    def may_point(self, name: str) -> bool:
        """Not if its declaration was seen, and is of no pointer."""
        return (self.type_of(name) or "*").endswith("*")

    def is_truth(self, e: Expr) -> bool:
        """Is it 0 or 1 in C? A mask is not."""
        match e.kind:
            case "id":
                return e.text in ("true", "false") or self.type_of(e.text) == "bool"
            case "un":
                return e.text == "!"
            case "bin":
                return e.text in (*COMPARED, "&&", "||")
            case "call":
                return True
            case _:
                return False

    def check_fits(self, name: str, e: Expr, of: str, *, is_known: bool) -> None:
        """is_known: the model has a local of this name. of: the model's type of a value that is stored in a local. One that is a truth value in the model holds the bit that it
        stands for. Raises NotLifted."""
        declared = self.type_of(name)
        if of == "bool" and not holds_mask(declared) and not self.is_truth(e):
            said = f"of type {declared}" if declared else "whose type the hunk does not show"
            raise NotLifted(e.line, f"`{e}` may not fit into `{name}`, {said}", "declare it bool, or test it alone")
        if declared:
            self.check_wide(name, e, of)
        elif not is_known and any(t.changed for t in e.tokens):
            what = f"`{name}` is given a value, and the hunk does not show its type"
            raise NotLifted(e.line, what, "make the patch with more context (git format-patch -U20)")

    def check_wide(self, name: str, e: Expr, of: str) -> None:
        """Of a declaration or a value that the patch brings: any may come."""
        declared = self.type_of(name)
        if not declared or declared.endswith("*") or not (name in self.brought or any(t.changed for t in e.tokens)):
            return
        if of == "bool":
            fine = holds_mask(declared) or (width(declared) is not None and self.is_truth(e))
        else:
            fine = holds(declared, of)
        if not fine:
            what = f"`{e}`, which the model has as {of}, may not fit into `{name}`, of type {declared}"
            raise NotLifted(e.line, what, "declare it int, which holds -1 and each number that is counted")
