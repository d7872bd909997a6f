"""A kernel tree as a design: what in it differs from the released design that it is nearest to; and that, after a patch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from checker.errors import UserError
from checker.matrix import lifting
from checker.matrix.lifted_file import LiftedFile
from checker.matrix.roles import designs
from checker.matrix.trees import KernelTree, nearest
from checker.questions.drift import Drift, Sameness, drift, lift_of, source_of
from lift.accounting import LeftOut, changes_nothing, check_understood, settled
from lift.apply import applied
from lift.ctokens import tokens, without_comments
from lift.lifting import Lift
from lift.nodes import in_a_row, nodes_of, tidy
from lift.patch import Diff, Hunk
from lift.pieces import pieces
from lift.refusal import NotLifted
from lift.table import FunctionRow, Row, Table
from lift.tree import Tree, mark_changed
from lift.whole import Whole, case_of, compare_sides, lift_whole, rows_of

Series = Sequence[tuple[str, Diff]]

_SAID = {
    Sameness.REFUSED: "not read, the base's is taken: ",
    Sameness.OPEN: "not read, the base's is taken: ",
    Sameness.IF: "same only if ",
    Sameness.ABSENT: "the base's is taken: ",
    Sameness.ORDER: "the base's is taken, compared only in the order ",
}


@dataclass(frozen=True)
class TreeDesign:
    """name: as people call it. base: the released design that the class stands on. file: None if it is that. wholes: what
    differs from the base, by functions of the model."""

    name: str
    base: str
    drift: Drift
    file: LiftedFile | None
    wholes: Mapping[str, Whole] = field(default_factory=dict[str, Whole])


def of_tree(kernel: KernelTree) -> TreeDesign:
    """Raises UserError, EnginesDisagree."""
    base = nearest(kernel.tree)
    table = lifting.table()
    found = drift(kernel.tree, base, designs()[base], table)
    wholes = {j.row.model: j.whole for j in found.of(Sameness.DIFFERENT) if j.whole is not None}
    if not wholes:
        return TreeDesign(kernel.name, base, found, None)
    lift = lift_of(kernel.tree, designs()[base], table)
    about = kernel.name, Diff(0)
    return TreeDesign(kernel.name, base, found, _file(lift, kernel.tree, wholes, about, base, _not_read(found)), wholes)


def _not_read(found: Drift) -> list[LeftOut]:
    """What else the class rests on: functions of the base in the place of what the tree may say otherwise."""
    out = list[LeftOut]()
    for j in found.of(*_SAID):
        file, line = (j.whole.file, j.whole.line) if j.whole is not None else ("the tree", 0)
        out.append(LeftOut(file, line, f"{j.c}()", f"{_SAID[j.kind]}{j.said}", "assumed", False))
    return out + [
        LeftOut("the tree", 0, alarm, "a helper is another one than the table knows", "assumed", False)
        for alarm in found.alarms
    ]


def _file(
    lift: Lift, tree: Tree, wholes: Mapping[str, Whole], about: tuple[str, Diff], base: str, more: Sequence[LeftOut]
) -> LiftedFile:
    without = absent_words(lift.table, tree)
    more = [
        *more,
        *(LeftOut("the tree", 0, row.left, f"it is nowhere in it: {row.why}", "ignored", False) for row in without),
    ]
    attributes = dict(row.right.split(" = ") for row in without)
    source, found = source_of(lift, list(wholes.values()), base, about, more, attributes)
    left_out = [str(x) for x in dict.fromkeys(found.left_out)]
    path = lifting.kept(source, re.sub(r" \(.*?\)", "", about[0]).replace(" ", "_"))
    return LiftedFile(source, path, found, left_out, base)


def absent_words(table: Table, tree: Tree) -> list[Row]:
    """The rows of the words that stand nowhere in a tree."""
    rows = [row for row in table.rows["without"] if not tree.has_word(row.left)]
    table.used |= {row.line for row in rows}
    return rows


def patched(kernel: KernelTree, of: TreeDesign, series: Series, *, reverse: bool = False) -> TreeDesign:
    """The kernel of this design after these patches. reverse: they are taken away, and have been turned round already. Raises
    UserError with the patch's file and line."""
    shown = ", ".join(dict.fromkeys(Path(file).name for file, _ in series))
    name = f"{kernel.name} {'without' if reverse else 'with'} {shown}"
    try:
        return _patched(kernel, of, series, name)
    except NotLifted as refused:
        raise UserError(str(refused.in_file(series[-1][0]))) from None


def _patched(kernel: KernelTree, of: TreeDesign, series: Series, name: str) -> TreeDesign:
    files, more, lift = (
        dict(kernel.tree.files),
        list[LeftOut](),
        lift_of(kernel.tree, designs()[of.base], lifting.table()),
    )
    for file, diff in series:
        try:
            hunks = [h for h in diff.hunks if lift.is_code(h, file)]
            lift.read(diff, file)
            _apply(files, hunks, kernel.name, file, more)
            _declared(lift, hunks, file)
        except NotLifted as refused:
            raise refused.in_file(file) from None
    new, (file, first) = Tree(files), series[0]
    lift.known.defines |= new.defines
    before = lift_of(kernel.tree, designs()[of.base], lifting.table())
    unread = {j.c for j in of.drift.of(Sameness.REFUSED, Sameness.OPEN)}
    touched = _touched(lift, before, (Tree(kernel.tree.files), new), series, unread)
    same = {model for model, whole in touched.items() if _is_base(lift, whole)}
    wholes = {k: w for k, w in {**of.wholes, **touched}.items() if k not in same}
    if {k: w.nodes for k, w in wholes.items()} == {k: w.nodes for k, w in of.wholes.items()}:
        raise changes_nothing(first.line, lift.out.left_out, lift.table.file)
    if not wholes:
        return TreeDesign(name, of.base, of.drift, None)
    about = name, replace(first, title=f"{first.title or Path(file).name}, on {kernel.name}")
    more += [*lift.out.left_out, *_not_read(of.drift)]
    return TreeDesign(name, of.base, of.drift, _file(lift, new, wholes, about, of.base, more), wholes)


def _apply(files: dict[str, str], hunks: Sequence[Hunk], kernel: str, file: str, more: list[LeftOut]) -> None:
    for name in dict.fromkeys(h.file for h in hunks):
        of = [h for h in hunks if h.file == name]
        if name not in files and any(row.left == name for row in lifting.table().rows["sources"]):
            raise NotLifted(
                of[0].line,
                f"there is no {name} in {kernel}",
                "the patch is for another kernel: give its tree, or rebase the patch",
            )
        if name not in files:
            raise NotLifted(
                of[0].line, f"{name} is not among what is read of {kernel}", f"add it to [sources] of {lifting.SHOWN}"
            )
        files[name], fuzzy = applied(files[name], of, kernel)
        for hunk, fuzz in fuzzy:
            more.append(
                LeftOut(file, hunk.line, f"{fuzz} lines around", "they are other ones in this tree", "ignored", False)
            )


def _declared(lift: Lift, hunks: Sequence[Hunk], file: str) -> None:
    """Fields, enums and functions that the patch brings; and what it changes outside of all functions."""
    for hunk in hunks:
        sides = pieces(hunk, "+"), pieces(hunk, "-")
        lift.lists(hunk, *sides, file)
        lift.heads(hunk, sides[0], [p for p in sides[1] if not lift.table.of_c(p.name)], file)
        for piece in (p for side in sides for p in side if not p.name):
            lift.outside(piece, file)


def _touched(
    lift: Lift, before: Lift, trees: tuple[Tree, Tree], series: Series, unread: set[str]
) -> dict[str, Whole]:  # fmt: skip
    """By functions of the model: what the patch makes of them. unread: of the C, those of the tree that could not be read. Raises
    NotLifted for a function that the model has not."""
    (old, new), rows = trees, dict[str, list[FunctionRow]]()
    for row in [*rows_of(lift.known, new), *lift.known.new.values()]:
        rows.setdefault(row.c, []).append(row)
    changed = {name for name in old.names() | new.names() if old.digest(name) != new.digest(name)}
    for name in sorted(changed - set(rows)):
        _no_row(lift, name, series, gone=not new.digest(name))
    found, gone = dict[str, Whole](), list[LeftOut]()
    for name in changed & set(rows):
        mark_changed(old, new, name)
    for name, of in rows.items():
        parts = [row for row in of if _part(old, row) != _part(new, row)]
        if name in changed and (not parts or _rest(old, of) != _rest(new, of)):
            what = f"{name}() is changed outside of the cases that the model has"
            raise NotLifted(_line(name, series), what, f"see [functions] of {lifting.SHOWN}")
        for row in parts if not lift.out.changed_defines else of:  # what a #define changes has the same text
            whole = lift_whole(lift, new, row)
            if whole is None and row in parts:
                raise NotLifted(
                    _line(name, series), f"{row.c}() is removed, or its case", "write what it changes by hand"
                )
            if name in changed:
                compare_sides(lift.known, old, new, row)
            was = _whole(before, old, row, unread) if whole is not None else None
            if whole is not None and (row in parts or was is None or was.nodes != whole.nodes):
                found[row.model] = whole
                gone += settled(was.left_out if was is not None else [], whole.left_out)
    check_understood([*lift.out.left_out, *gone])
    return found


def _whole(lift: Lift, tree: Tree, row: FunctionRow, unread: set[str]) -> Whole | None:
    """As it was. None: it is not there, or could not be read, which the answer says."""
    try:
        return lift_whole(lift, tree, row, before=True)
    except NotLifted:
        if row.c in unread:
            return None
        raise


def _no_row(lift: Lift, name: str, series: Series, *, gone: bool) -> None:
    """Raises NotLifted, unless the table says that it does not matter."""
    row, line = lift.table.named("ignore", f"function {name}"), _line(name, series)
    if row is None:
        done = "removed" if gone else "changed"
        what = f"{name}() is {done}, and no row of {lifting.SHOWN} says what that is in the model"
        raise NotLifted(
            line, what, f"if it does not matter, say so there: `[ignore] function {name}  # why`; else model it first"
        )
    lift.out.left_out.append(LeftOut(series[0][0], line, f"{name}()", row.why, "ignored", True))


def _line(name: str, series: Series) -> int:
    """The first changed line of the patch whose hunk is headed by this name; or the first hunk."""
    hunks = [h for _, diff in series for h in diff.hunks]
    for hunk in hunks:
        if name in hunk.heading or any(name in line.text for line in hunk.lines):
            return next((line.number for line in hunk.lines if line.mark != " "), hunk.line)
    return hunks[0].line


def _part(tree: Tree, row: FunctionRow) -> list[str]:
    """The tokens that a row is about."""
    found = tree.find(row.c)
    code = tokens(without_comments(found.body)) if found is not None else []
    return [t.text for t in (case_of(code, row.case) if row.case else code) or []]


def _rest(tree: Tree, rows: Sequence[FunctionRow]) -> list[str]:
    """The tokens of a function that none of its rows is about, but its head."""
    found = tree.find(rows[0].c)
    code = tokens(without_comments(found.body)) if found is not None else []
    seen = {t.place for row in rows for t in (case_of(code, row.case) if row.case else code) or []}
    return [t.text for t in code if t.place not in seen]


def _is_base(lift: Lift, whole: Whole) -> bool:
    """Does it say what the base says?"""
    own = lift.surface.functions.get(whole.row.model)
    return own is not None and in_a_row(tidy(nodes_of(own.body))) == in_a_row(whole.nodes)
