"""A whole function of a kernel's source as a function of the model: nothing of the model's own text is needed for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lift.accounting import Ledger, LeftOut
from lift.cparse import Parser, Stmt
from lift.ctokens import Token, tokens
from lift.declarations import take_head
from lift.known import Known
from lift.lifting import Lift, ends, simplified, words
from lift.nodes import Node, nodes_of, tidy
from lift.refusal import NotLifted
from lift.sides import Sides
from lift.table import FunctionRow
from lift.translate import Translator
from lift.tree import Found, Tree


@dataclass(frozen=True)
class Whole:
    """nodes: the model's function as the C has it. lines: of the C that hold code; noted: on how many of them something is
    left out, and said so."""

    row: FunctionRow
    file: str
    line: int
    nodes: list[Node]
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])
    lines: int = 0

    @property
    def noted(self) -> int:
        return len({x.line for x in self.left_out if x.line})

    @property
    def what(self) -> str:
        return f"{self.row.c}()" + (f", case {self.row.case}" if self.row.case else "")


def rows_of(known: Known, tree: Tree) -> list[FunctionRow]:
    """Of the table, one for each function of the model; and of functions that the design has, that no row names, and whose heads the table's [types] explain."""
    rows = [row for row in known.table.functions if _is_first(row, known.table.functions, tree)]
    named = {row.c for row in rows} | {row.model for row in rows}
    for name in sorted(tree.names() & set(known.surface.functions) - named):
        ledger = Ledger("")
        try:
            found = tree.find(name)
            assert found is not None
            take_head(found.piece, known, ledger)
        except (NotLifted, ValueError, StopIteration):
            continue
        row = known.new.pop(name)
        types, returns = known.new_types.pop(name), known.new_returns.pop(name)
        if types == known.surface.parameter_types(name) and returns == known.surface.returns(name):
            rows.append(row)
            known.by_head[name] = row
    return rows


def _is_first(row: FunctionRow, rows: Sequence[FunctionRow], tree: Tree) -> bool:
    """Of functions that are one in the model, under the names that it had over time, the first that the tree has."""
    alike = [r for r in rows if r.model == row.model]
    there = [r for r in alike if r.c in tree.names()]
    return row is (there or alike)[0]


def lift_whole(lift: Lift, tree: Tree, row: FunctionRow, *, before: bool = False) -> Whole | None:
    """None: the tree has no such function, or not this case of it. before: a patch changes it. Raises NotLifted with the
    tree's file and line."""
    found = tree.find(row.c)
    if found is None:
        return None
    try:
        code: Sequence[Token] | None = tokens(found.body)
        if row.case:
            code = case_of(code or [], row.case)
        return _translated(lift, found, row, _parsed(code), before) if code is not None else None
    except NotLifted as refused:
        raise refused.in_file(found.file) from None
    except RecursionError:
        raise NotLifted(found.line, f"{row.c}() is nested too deep to be read", "", found.file) from None


def compare_sides(known: Known, old: Tree, new: Tree, row: FunctionRow) -> None:
    """What the model's words do not show of a function that a patch changes. Raises NotLifted with the tree's file and line."""
    was, now = old.find(row.c), new.find(row.c)
    if now is None:
        return
    try:
        if was is not None and words(was.piece.head) != words(now.piece.head):
            raise NotLifted(now.line, f"the head of {row.c}() is changed", "write this function by hand")
        code = [tokens(found.body) if found is not None else [] for found in (was, now)]
        before, after = (_parsed((case_of(c, row.case) or []) if row.case else c) for c in code)
        sides = Sides()
        sides.compare(row, before, after, known, is_new=not before)
        sides.check(known)
    except NotLifted as refused:
        raise refused.in_file(now.file) from None


def _parsed(code: Sequence[Token]) -> list[Stmt]:
    parser, out = Parser(code), list[Stmt]()
    while parser.peek().kind != "eof":
        out.extend(parser.statement())
    return out


def case_of(code: Sequence[Token], label: str) -> Sequence[Token] | None:
    """What is done in a case; the rest of the function is the same for all cases. Raises NotLifted."""
    wanted = ["default", ":"] if label == "default" else ["case", label, ":"]
    places = [at for at in range(len(code)) if [t.text for t in code[at : at + len(wanted)]] == wanted]
    if len(places) > 1:
        raise NotLifted(code[places[1]].line, f"`{' '.join(wanted[:-1])}:` stands twice in this function")
    if not places:
        return None
    begin, depth = places[0] + len(wanted), 0
    while code[begin].text == "case":  # one more label of it
        begin = next(at for at in range(begin, len(code)) if code[at].text == ":") + 1
    for end in range(begin, len(code)):
        depth += (code[end].text == "{") - (code[end].text == "}")
        if depth < 0 or (not depth and code[end].text in ("case", "default")):
            break
    else:
        end = len(code)
    if not ends(_parsed(code[begin:end])):
        raise NotLifted(code[places[0]].line, f"case {label} falls through to the next one")
    return code[begin:end]


def _translated(lift: Lift, found: Found, row: FunctionRow, stmts: Sequence[Stmt], before: bool) -> Whole:
    ledger = Ledger(found.file)
    translator = Translator(lift.known, row, ledger)
    translator.behind, translator.before = _behind(stmts), before
    nodes = reached([*nodes_of(lift.table.begins(row.model)), *translator.body(stmts)])
    code = [t for s in stmts for t in s.tokens]
    lost = next((t for t in code if t.place not in ledger.taken), None)
    if lost is not None:
        raise NotLifted(lost.line, f"nothing was made of `{lost.text}`", "tell: the lift should have said why")
    whole = simplified(lift.resolved(row.model, tidy(nodes)))
    whole = lift.known.shapes.with_places(row.model, whole)
    if row.model not in lift.known.new and (name := lift.known.shapes.unset(row.model, whole)):
        raise NotLifted(found.line, f"{row.c}(): what is `{name}` in the model has no value where it is read")
    lift.table.used.add(row.line)
    return Whole(row, found.file, found.line, whole, ledger.left_out, len({t.line for t in code}))


def _behind(stmts: Sequence[Stmt]) -> dict[str, Sequence[Stmt]]:
    """Label of the outermost block -> what is done behind it; of those that come to a return there."""
    ends_at = [at for at, s in enumerate(stmts) if s.kind == "return"]
    found = [
        (s.name, at, next((end for end in ends_at if end > at), 0)) for at, s in enumerate(stmts) if s.kind == "label"
    ]
    return {name: stmts[at + 1 : end + 1] for name, at, end in found if end}


def reached(nodes: Sequence[Node]) -> list[Node]:
    """Without what stands behind a return, where a condition of the C is decided in the model."""
    out = list[Node]()
    for n in nodes:
        out.append(replace(n, then=tuple(reached(n.then)), other=tuple(reached(n.other))))
        if n.kind == "do" and n.text.partition(" ")[0] in ("return", "continue", "break"):
            break
    return out
