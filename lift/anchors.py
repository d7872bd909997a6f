"""Functions of the model that fuse several places of the C: expressions that have to stand in the function of the C, each once,
and in this order. Nothing else of it is compared."""

from __future__ import annotations

from collections.abc import Sequence

from lift.ctokens import Token, tokens, tokens_of
from lift.refusal import NotLifted
from lift.table import FunctionRow, Row, Table
from lift.tree import Found, Tree


def anchored(table: Table) -> dict[str, list[Row]]:
    """Function of the model -> its rows: more than one, if kernels spell it differently."""
    found = dict[str, list[Row]]()
    for row in table.rows["anchors"]:
        found.setdefault(model_of(row), []).append(row)
    return found


def model_of(row: Row) -> str:
    return row.left if row.scope == "*" else row.scope


def as_function(row: Row) -> FunctionRow:
    return FunctionRow(row.left, "", {}, model_of(row), row.why, row.line)


def texts(row: Row) -> list[str]:
    return [text.strip() for text in row.right.split(" ; ")]


def chosen(table: Table, tree: Tree, rows: Sequence[Row]) -> Row:
    """Of several, the first of which the least is missing in the tree."""

    def missing(row: Row) -> int:
        try:
            found = tree.find(row.left)
            return sum(not _places(tokens(found.body), text) for text in texts(row)) if found else len(texts(row)) + 1
        except NotLifted:  # in_order() says why
            return len(texts(row))

    row = min(rows, key=missing)
    table.used.add(row.line)
    return row


def in_order(tree: Tree, row: Row) -> Found | None:
    """None: the tree has no such function. Raises NotLifted with the tree's file and line."""
    found = tree.find(row.left)
    if found is None:
        return None
    try:
        code, before = tokens(found.body), (-1, "")
        for text in texts(row):
            at = _once(code, text, found, row.left)
            if at < before[0]:
                raise NotLifted(code[at].line, f"{row.left}(): `{text}` stands before `{before[1]}`")
            before = at, text
    except NotLifted as refused:
        raise refused.in_file(found.file) from None
    return found


def _once(code: Sequence[Token], text: str, found: Found, name: str) -> int:
    places = _places(code, text)
    if not places:
        raise NotLifted(found.line, f"{name}(): `{text}` stands nowhere in it")
    if len(places) > 1:
        raise NotLifted(code[places[1]].line, f"{name}(): `{text}` stands twice in it")
    return places[0]


def _places(code: Sequence[Token], text: str) -> list[int]:
    """Where it begins; behind `->` or `.` it would be of something else."""
    wanted = [t.text for t in tokens_of(text)]
    words = [t.text for t in code]
    at = [i for i in range(len(words)) if words[i : i + len(wanted)] == wanted]
    return [i for i in at if i == 0 or words[i - 1] not in ("->", ".")]
