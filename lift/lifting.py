"""A patch, or a series of them, as a change of the model: functions, fields, and what was left out on the way."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import pairwise

from lift.accounting import HARMLESS, NOT_MODELLED, SAME, Ledger, LeftOut, settled, why_the_same
from lift.conditions import conditions_around, not_shown
from lift.constants import bits_of, names_in, value_of
from lift.cparse import Stmt, expression, piece
from lift.ctokens import Row, same_code_around, tokens, without_comments
from lift.declarations import is_prototype, take_defines, take_enum, take_fields, take_head
from lift.effects import of_case
from lift.fold import folded
from lift.known import Known
from lift.locals import Brought, declared_outermost
from lift.nodes import Node, in_a_row, reached, tidy
from lift.patch import Diff, Hunk
from lift.pieces import Piece, pieces, split_defines
from lift.refusal import NotLifted
from lift.sides import Sides
from lift.surface import Surface
from lift.table import FunctionRow, Table
from lift.translate import Translator
from lift.transplant import transplant

_BITS = "BITS("  # of a shape: `if BITS(~NAME):` asks for bits of the function's register


@dataclass
class Lifted:
    """What a patch is in the model. how: of each function, where it comes from."""

    known: Known
    functions: dict[str, list[Node]] = field(default_factory=dict[str, list[Node]])
    how: dict[str, str] = field(default_factory=dict[str, str])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])
    new_defines: dict[str, str] = field(default_factory=dict[str, str])
    changed_defines: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])  # where they are
    attributes: dict[str, str] = field(default_factory=dict[str, str])  # of the class: what a tree as a whole says

    def count(self, kind: str) -> int:
        return len({(x.line, x.c, x.file) for x in self.left_out if x.kind == kind})


class Lift:
    """Patches applied one after the other."""

    def __init__(self, table: Table, surface: Surface) -> None:
        constants = {row.left: row.right for row in table.rows["constants"]}
        self.table, self.surface = table, surface
        self.known = Known(table, surface, constants)
        self.out = Lifted(self.known)
        self.seen = set[int]()  # lines of the mail that is looked at
        self.brought: list[dict[str, Brought]] = [{}, {}]  # of each side, by functions of the model
        self.sides = Sides()  # of the mail that is looked at

    def nodes(self, function: str) -> list[Node]:
        """As it is now; a shape is the model's function in the order of the C."""
        return self.known.shapes.nodes(function, self.out.functions)

    def read(self, diff: Diff, file: str) -> None:
        """What is defined: whatever mail of a series says it, all of them are compiled with it. Raises NotLifted."""
        try:
            for hunk in (h for h in diff.hunks if self.is_code(h, file)):
                changed = dict[str, int]()
                found = take_defines(hunk, self.known, changed, self.out.new_defines)
                self.check_defines(hunk)
                self.out.left_out += [replace(x, file=file) for x in found]
                self.out.changed_defines |= {name: (file, line) for name, line in changed.items()}
        except NotLifted as refused:
            raise refused.in_file(file) from None

    def check_defines(self, hunk: Hunk) -> None:
        """Raise NotLifted for a macro of a name that rows leave out: they do not say what it does."""
        for define in split_defines(without_comments(hunk.side("-")))[1]:
            rows = [self.table.named(s, define.name) for s in ("ignore", "not modelled", "no effect")]
            if define.changed and define.word == "define" and any(rows):
                what = f"#define {define.name}: rows of {self.table.file} leave out what is called so, and this may do anything"
                raise NotLifted(define.rows[0].number, what, "give it another name, or write what it does by hand")

    def apply(self, diff: Diff, file: str) -> None:
        """Raises NotLifted."""
        try:
            hunks = [h for h in diff.hunks if self.is_code(h)]
            for hunk in hunks:
                same_code_around(hunk.side("+"), hunk.side("-"))
                self.out.left_out += conditions_around(hunk, file)
            self.out.left_out += not_shown(hunks, file)
            self.seen.clear()
            self.sides = Sides()
            for hunk in hunks:
                for side in "+-":
                    self.look([row for d in split_defines(without_comments(hunk.side(side)))[1] for row in d.rows])
            sides = [(h, pieces(h, "+"), pieces(h, "-")) for h in hunks]
            for step in (self.lists, self.heads, self.code):
                for hunk, old, new in sides:
                    step(hunk, old, new, file)
            self.sides.check(self.known)
            self.all_seen(hunks)
            self.brought[0] = {
                function: of.copy() for function, of in self.brought[1].items()
            }  # as the next one finds it
        except NotLifted as refused:
            raise refused.in_file(file) from None

    def look(self, rows: Sequence[Row]) -> None:
        """These rows have been dealt with."""
        self.seen |= {row.number for row in rows}

    def all_seen(self, hunks: Sequence[Hunk]) -> None:
        """Raise NotLifted for a changed line that nobody has looked at, whatever it is."""
        for hunk in hunks:
            for row in [r for side in "+-" for r in without_comments(hunk.side(side))]:
                if row.changed and row.text.strip() and row.number not in self.seen:
                    raise NotLifted(
                        row.number, f"nothing was made of `{row.text.strip()}`", "write what it changes by hand"
                    )

    def is_code(self, hunk: Hunk, file: str = "") -> bool:
        row = self.table.named("files", hunk.file)
        if row is None:
            raise NotLifted(hunk.line, f"{hunk.file} is not in the model",
                            f"if it does not matter, say so: a row in [files] of {self.table.file}")  # fmt: skip
        if row.why and file:
            text = f"{hunk.file}: {sum(p.mark != ' ' for p in hunk.lines)} changed lines"
            self.out.left_out.append(LeftOut(file, hunk.line, text, row.why, "ignored", True, row.mark))
        return not row.why

    # --- declarations

    def lists(self, hunk: Hunk, old: Sequence[Piece], new: Sequence[Piece], file: str) -> None:
        before, after = {p.name: p for p in old}, {p.name: p for p in new}
        for one in (p for p in [*old, *new] if p.changed and p.name.startswith(("struct ", "enum ", "union "))):
            self.look([*one.head, *one.rows])
            if same(before.get(one.name, Piece("")), after.get(one.name, Piece(""))):
                continue
            if any(p is one for p in old):
                gone = next((r for r in one.rows if r.changed and r.text.strip()), None)
                if gone is not None:
                    raise NotLifted(
                        gone.number, f"a line of {one.name} is removed or changed", "write what it changes by hand"
                    )
                continue
            ledger = Ledger(file)
            (take_enum if one.name.startswith("enum ") else take_fields)(one, self.known, ledger)
            ledger.check(one.rows)
            self.out.left_out += ledger.left_out

    def heads(self, hunk: Hunk, old: Sequence[Piece], new: Sequence[Piece], file: str) -> None:
        """Functions that the patch brings."""
        before = {p.name for p in old}
        for one in new:
            if one.head and one.name not in before and one.changed and not one.name.startswith(("struct ", "enum ")):
                known = one.name in self.surface.functions or self.table.calls(one.name)
                if known or not one.ends:
                    raise NotLifted(
                        one.head[0].number,
                        f"{one.name}() is new in the patch, and the model has it, or it is not shown whole",
                    )
                ledger = Ledger(file)
                take_head(one, self.known, ledger)
                ledger.check(one.head)
                self.look(one.head)

    # --- code

    def code(self, hunk: Hunk, old: Sequence[Piece], new: Sequence[Piece], file: str) -> None:
        def by_name(found: Sequence[Piece]) -> dict[str, Piece]:
            named = dict[str, Piece]()
            for p in found:
                if p.name.startswith(("struct ", "enum ", "union ")):
                    continue
                if p.name and p.name in named:
                    raise NotLifted(p.rows[0].number, f"{p.name}() begins twice in one hunk")
                if not p.name:
                    self.outside(p, file)
                else:
                    named[p.name] = p
            return named

        before, after = by_name(old), by_name(new)
        for name, one in before.items():
            if name not in after and one.changed:
                raise NotLifted(next(r.number for r in (*one.head, *one.rows) if r.changed), f"{name}() is removed")
        for name, one in after.items():
            was = before.get(name, Piece(name))
            if (not one.changed and not was.changed) or same(was, one):
                self.look([*was.head, *was.rows, *one.head, *one.rows])
                continue
            if name in before and [r.text.split() for r in was.head] != [r.text.split() for r in one.head]:
                row = next((r for r in (*one.head, *was.head) if r.changed), one.head[0] if one.head else was.head[0])
                raise NotLifted(row.number, f"the head of {name}() is changed", "write this function by hand")
            self.function(name, was, one, file)

    def outside(self, one: Piece, file: str) -> None:
        ledger = Ledger(file)
        if one.changed and not is_prototype(one.rows, self.known, ledger):
            row = next(r for r in one.rows if r.changed and r.text.strip())
            advice = "if it is in one, the hunk's heading does not name it: git diff and diff -p do; else write by hand what it changes"
            raise NotLifted(row.number, f"`{row.text.strip()}` outside of all functions", advice)
        ledger.check(one.rows)
        self.look(one.rows)
        self.out.left_out += ledger.left_out

    def function(self, name: str, was: Piece, now: Piece, file: str) -> None:
        rows = self.table.of_c(name)
        changed = next((r for r in (*now.rows, *was.rows) if r.changed and r.text.strip()), None)
        if name in self.known.new and not rows:
            self.known_function(self.known.new[name], was, now, file)
        elif not rows:
            self.other_function(name, was, now, changed, file)
        elif any(r.case for r in rows):
            self.cases(name, rows, was, now, file)
        else:
            self.known_function(rows[0], was, now, file)

    def other_function(self, name: str, was: Piece, now: Piece, changed: Row | None, file: str) -> None:
        """One that the model does not have."""
        row = self.table.named("ignore", f"function {name}")
        if changed is None:
            return
        if row is None:
            whys = self.not_modelled(was, now)
            if whys:
                raise NotLifted(changed.number, f"{name}(): its only point is {whys}, and that is not modelled")
            if stand := self.surface.naming(name):
                raise NotLifted(changed.number, f"{name}() is changed, and no row of {self.table.file} says what that is in the model",
                                f"{' and '.join(f'{one}()' for one in stand)} of the model {'name' if stand[1:] else 'names'} it: restate that in a class of your own")  # fmt: skip
            raise NotLifted(changed.number, f"{name}() is changed, and no function of the model stands for it",
                            f"if it does not matter, say so in {self.table.file}: `[ignore] function {name}  # why`; else model it first")  # fmt: skip
        self.look([*was.head, *was.rows, *now.head, *now.rows])
        self.out.left_out.append(LeftOut(file, changed.number, f"{name}()", row.why, "ignored", True, row.mark))

    def not_modelled(self, was: Piece, now: Piece) -> str:
        """The reasons, if every changed statement is a call of what is not modelled."""
        whys = set[str]()
        for one in (was, now):
            texts = [t.text for t in tokens(one.rows) if t.changed]
            calls = [a for a, b in pairwise(texts) if b == "("]
            found = [self.table.named("not modelled", c) for c in calls]
            if texts and (texts.count(";") != len([f for f in found if f]) or None in found):
                return ""
            whys |= {f.why for f in found if f}
        return " and ".join(sorted(whys))

    def known_function(self, row: FunctionRow, was: Piece, now: Piece, file: str) -> None:
        self.table.used.add(row.line)
        self.look([p.rows[-1] for p in (was, now) if p.ends])
        bodies = [without_end(p) for p in (was, now)]
        old, new = (piece(tokens(rows)) for rows in bodies)
        whole = bool(now.head) and now.ends and not was.rows
        self.change(row, old, new, bodies, file, whole=whole and row.model in self.known.new)

    def change(
        self, row: FunctionRow, old: Sequence[Stmt], new: Sequence[Stmt], bodies: Sequence[Sequence[Row]], file: str, *,
        whole: bool, labels: Sequence[Sequence[Stmt]] = ((), ()),
    ) -> None:  # fmt: skip
        sides, left = list[list[Node]](), list[dict[int, NotLifted]]()
        ledgers = [Ledger(file), Ledger(file)]
        for ledger, ahead in zip(ledgers, labels, strict=True):
            ledger.take(t for s in ahead for t in s.tokens)
        for stmts, ledger, rows, side in zip((old, new), ledgers, bodies, self.brought, strict=True):
            translator, brought = Translator(self.known, row, ledger), side.setdefault(row.model, Brought())
            translator.before = ledger is ledgers[0]
            translator.know(brought)
            translator.locals.above = self.sides.above(row, before=translator.before)
            nodes, without = with_context(translator, stmts, *alike(old, new))
            translator.bring(declared_outermost(stmts, rows), brought)
            sides.append(tidy(nodes))
            left.append(without)
            ledger.check(rows)
            self.look(rows)
        if [*left[0]] != [*left[1]]:  # the change is why one side of the context cannot be read
            raise next(
                refused for both in left for at, refused in both.items() if at not in left[0] or at not in left[1]
            )
        self.sides.compare(row, old, new, self.known, is_new=whole)
        self.out.left_out += settled(*(ledger.left_out for ledger in ledgers))
        first = next((r.number for rows in reversed(bodies) for r in rows if r.changed), 0)
        what = f"{row.c}()" + (f", case {row.case}" if row.case else "")
        if whole:
            self.set(row.model, sides[1], f"{what} of the patch, which shows all of it")
        elif in_a_row(sides[0]) != in_a_row(sides[1]):
            found = transplant(sides[0], sides[1], tidy(self.resolved(row.model, self.nodes(row.model))), first, what)
            if name := self.known.shapes.unset(row.model, found.nodes):
                raise NotLifted(first, f"{what}: what is `{name}` in the model has no value any more where it is read")
            how = f"{what}: {found.context} of {found.of} statements around the change are the model's"
            for function, nodes in self.known.shapes.split(row.model, found.nodes, self.out.functions).items():
                self.set(function, nodes, how)
        else:
            self.without_effect(what, first, ledgers, bodies, file)

    def without_effect(
        self, what: str, line: int, ledgers: Sequence[Ledger], bodies: Sequence[Sequence[Row]], file: str
    ) -> None:  # fmt: skip
        whys = why_the_same(ledgers, bodies)
        why = "; ".join(whys) or "the model says the same before and after"
        kind = NOT_MODELLED if whys and all(w.startswith(NOT_MODELLED) for w in whys) else "ignored"
        mark = HARMLESS if whys else SAME  # what of it is left out is told by itself
        self.out.left_out.append(LeftOut(file, line, f"{what}: the change as a whole", why, kind, True, mark))

    def set(self, function: str, nodes: list[Node], how: str) -> None:
        self.out.functions[function], self.out.how[function] = nodes, how

    # --- cases of a switch

    def cases(self, name: str, rows: Sequence[FunctionRow], was: Piece, now: Piece, file: str) -> None:
        self.look([p.rows[-1] for p in (was, now) if p.ends])
        bodies = [without_end(p) for p in (was, now)]
        old, new = (by_case(piece(tokens(side))) for side in bodies)
        for side, parts_of in zip(bodies, (old, new), strict=True):
            seen = {t.line for part in parts_of.values() for s in part.all for t in s.tokens}
            lost = next((t for t in tokens(side) if t.changed and t.line not in seen), None)
            if lost is not None:
                raise NotLifted(lost.line, f"nothing was made of `{lost.text}`", "make the patch with more context")
        for case in dict.fromkeys([*old, *new]):
            a, b = old.get(case), new.get(case)
            self.seen |= {t.line for part in (a, b) if part for s in part.labels for t in s.tokens}
            lines = {t.line for part in (a, b) if part for s in part.all for t in s.tokens if t.changed}
            if not lines or (a and b and a.words == b.words):
                self.seen |= lines
                continue
            check_end(name, case, a, b, max(lines), is_last=case == [*new][-1])
            row = self.case_row(name, rows, case, a, b, min(lines))
            if row is None:
                note = self.table.named("cases", f"{name}/{case}")
                assert note is not None
                self.seen |= {t.line for part in (a, b) if part for s in part.all for t in s.tokens}
                does = next(of_case([s for part in (a, b) if part for s in part.all], self.known), None)
                if does is not None:
                    raise NotLifted(does.line, f"{name}(), case {case}: this statement does more than to say what is returned", note.why)  # fmt: skip
                said = f"{name}(), case {case}"
                self.out.left_out.append(LeftOut(file, min(lines), said, note.why, "ignored", True, note.mark))
                continue
            self.table.used.add(row.line)
            if a is None and b is not None and not ends(b.stmts):
                raise NotLifted(min(lines), f"{name}(): the new `case {case}` is not shown to its end")
            if (a is None) != (b is None) and not (a is None and b is not None and b.is_new):
                raise NotLifted(min(lines), f"{name}(): the label of `case {case}` is changed")
            shown = [[r for r in side if r.number in part_lines(p)] for side, p in zip(bodies, (a, b), strict=True)]
            parts = [p or CasePart() for p in (a, b)]
            self.change(
                row, parts[0].stmts, parts[1].stmts, shown, file, whole=a is None, labels=[p.labels for p in parts]
            )

    def case_row(
        self, name: str, rows: Sequence[FunctionRow], case: str, a: CasePart | None, b: CasePart | None, line: int
    ) -> FunctionRow | None:  # fmt: skip
        """None: it is known not to matter. A hunk that does not show the label is known by what it mentions."""
        if not case:
            words = {t.text for part in (a, b) if part for s in part.stmts for t in s.tokens if not t.changed}
            marks = [r for r in self.table.rows["cases"] if r.right in words and r.left.partition("/")[0] == name]
            found = {r.left.partition("/")[2] for r in marks}
            if len(found) != 1:
                raise NotLifted(line, f"{name}(): the hunk does not show which `case` this is in",
                                "make the patch with more context (git format-patch -U10)")  # fmt: skip
            self.table.used |= {mark.line for mark in marks}
            case = found.pop()
        for row in rows:
            if row.case == case:
                return row
        if self.table.named("cases", f"{name}/{case}") is None:
            raise NotLifted(line, f"{name}(), case {case}: the model does not have it",
                            f"if it does not matter, say so: `{name}/{case}  # why` in [cases] of {self.table.file}")  # fmt: skip
        return None

    # --- the whole

    def finish(self) -> Lifted:
        """Functions whose text asks for #defines that are changed now; constants in all of them. Raises NotLifted."""
        unused = set(self.out.changed_defines)
        for function, shape in self.table.shapes.items():
            names = shape_names(shape, self.known.defines)
            changed = sorted(names & self.out.changed_defines.keys())
            if changed and function not in self.out.functions:
                self.set(function, self.nodes(function), f"uses {', '.join(changed)}")
            unused -= names if function in self.out.functions else set()
        if unused:
            name = sorted(unused)[0]
            file, line = self.out.changed_defines[name]
            what = f"#define {name} is changed, and the model does not say who uses it"
            raise NotLifted(line, what, "write it by hand", file)
        for function, nodes in self.out.functions.items():
            whole = simplified(reached(self.resolved(function, nodes)))
            self.out.functions[function] = self.known.shapes.with_places(function, whole)
        return self.out

    def resolved(self, function: str, nodes: Sequence[Node]) -> list[Node]:
        out = list[Node]()
        for n in nodes:
            text = self.bits(function, n.text) if _BITS in n.text else n.text
            then, other = self.resolved(function, n.then), self.resolved(function, n.other)
            if n.kind == "if" and text in ("True", "False"):
                out += then if text == "True" else other
            else:
                out.append(Node(n.kind, text, tuple(then), tuple(other)))
        return out

    def bits(self, function: str, text: str) -> str:
        """BITS(mask) in a shape. Raises NotLifted."""
        register = next(r for r in self.table.registers if fnmatchcase(function, r.scope))
        before, _, rest = text.partition(_BITS)
        inner, depth = "", 1
        for at, char in enumerate(rest):
            depth += (char == "(") - (char == ")")
            if not depth:
                inner, rest = rest[:at], rest[at + 1 :]
                break
        e = expression(inner)
        mask = value_of(e, self.known.defines)
        if mask is None:
            what = f"{function}() tests `{inner}`, whose value is not known"
            raise NotLifted(0, what, f"give it one in [constants] of {self.table.file}", self.table.file)
        self.known.wants(function, names_in(e, self.known.defines))
        said = bits_of(mask, register)
        return f"{before}{said}{rest}" if before.strip() else folded(said + rest)


@dataclass
class CasePart:
    """What is shown of one case. is_new: its label is on an added line. is_above: it stands before the switch, in no case."""

    labels: list[Stmt] = field(default_factory=list[Stmt])
    stmts: list[Stmt] = field(default_factory=list[Stmt])
    is_above: bool = False

    @property
    def all(self) -> list[Stmt]:
        return [*self.labels, *self.stmts]

    @property
    def words(self) -> list[str]:
        return [t.text for s in self.all for t in s.tokens]

    @property
    def is_new(self) -> bool:
        return bool(self.labels) and all(t.changed for s in self.labels for t in s.tokens)


def by_case(stmts: Sequence[Stmt]) -> dict[str, CasePart]:
    """label -> part; "" is what stands before the first label that is shown. Raises NotLifted."""
    found, now, todo = {"": CasePart()}, "", list(stmts)
    while todo:
        s = todo.pop(0)
        if s.kind == "switch" and any(x.kind == "case" for x in s.then) and not any(t.changed for t in s.own):
            found[now].is_above |= not now
            todo = [*s.then, *todo]
        elif s.kind in ("case", "default"):
            label = str(s.expr) if s.expr else "default"
            if any(label in name.split(", ") for name in found):
                raise NotLifted(s.line, f"`case {label}:` stands twice in one hunk")
            if now and not found[now].stmts:  # case A: case B:
                label = f"{now}, {label}"
                found[label] = found.pop(now)
            found.setdefault(label, CasePart()).labels.append(s)
            now = label
        elif s.kind == "close" and now and not any(t.changed for t in s.tokens):
            continue  # of the switch
        else:
            found[now].stmts.append(s)
    return found


def alike(old: Sequence[Stmt], new: Sequence[Stmt]) -> tuple[int, int]:
    """How many whole statements at the begin, and then at the end, are the same on both sides."""
    a, b = ([[t.text for t in s.tokens] for s in side] for side in (old, new))
    ahead = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[ahead:][::-1], b[ahead:][::-1]
    return ahead, next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def with_context(
    translator: Translator, stmts: Sequence[Stmt], ahead: int, behind: int
) -> tuple[list[Node], dict[int, NotLifted]]:
    """The statements in the model's words. Context that no row covers is left out, with what is farther from the change;
    which that is, counted from the change, and why."""
    translator.find_labels(stmts)
    nodes, end, left = list[Node](), len(stmts) - behind, dict[int, NotLifted]()
    for at, s in enumerate(stmts):
        try:
            nodes += translator.stmt(s)
        except NotLifted as refused:
            if ahead <= at < end or any(t.changed for t in s.tokens):
                raise
            left[at - ahead if at < ahead else at - end] = refused
            why = f"{refused.what}; the place is found without it"
            translator.ledger.leave((), "this line of the context", why, line=s.line)
            if at >= end:
                break
            nodes = []
    return nodes, left


def same(a: Piece, b: Piece) -> bool:
    """Do they read alike? Where a diff slid, + and - lines of one are the end of another."""
    return words(a.rows) == words(b.rows) and words(a.head) == words(b.head)


def words(rows: Sequence[Row]) -> list[str]:
    return [t.text for t in tokens(rows)]


def ends(stmts: Sequence[Stmt]) -> bool:
    """Does nothing behind these follow?"""
    if not stmts or any(s.open for s in stmts):
        return False
    last = stmts[-1]
    if last.kind == "if":
        return ends(last.then) and ends(last.other)
    return last.kind in ("break", "return", "goto", "continue") or (last.kind == "block" and ends(last.then))


def check_end(name: str, case: str, a: CasePart | None, b: CasePart | None, line: int, *, is_last: bool) -> None:
    """Raise NotLifted where a case falls through to the next one on one side only, or in other words. is_last: of the new side, and what
    follows is not shown."""
    if a is None or b is None or b.is_above:
        return
    what = f"{name}(), case {case}" if case else f"{name}(), above its first case that is shown"
    was, now = ends(a.stmts), ends(b.stmts)
    tails = [[t.text for s in part.stmts[-1:] for t in s.tokens] for part in (a, b)]
    if (was and not now) or (not is_last and (was != now or (not now and tails[0] != tails[1]))):
        said = (
            f"{what}: it {'falls' if not now else 'fell'} through to what follows, or ends in another way than before"
        )
        raise NotLifted(line, said, "let both sides end with a `break` or `return`; or write this function by hand")


def part_lines(part: CasePart | None) -> set[int]:
    return {t.line for s in part.stmts for t in s.tokens} if part else set()


def without_end(one: Piece) -> list[Row]:
    """The rows of a function's body without the `}` that ends it."""
    return one.rows[:-1] if one.ends else one.rows


def shape_names(shape: str, defines: dict[str, str]) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(shape)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "BITS":
            found |= names_in(expression(ast.unparse(node.args[0])), defines)
    return found


def simplified(nodes: list[Node]) -> list[Node]:
    """`v = False; if c: v = True; x = v` is `x = c`; no `return` at the end of a function."""
    match nodes:
        case [*before, Node("do", zero), Node("if", test, (Node("do", one),), ()), Node("do", last)] if (
            zero.endswith(" = False") and one == zero.replace("False", "True") and last.endswith(f" = {zero[:-8]}")
            and zero[:-8].isidentifier() and not any(zero[:-8] in item.split() for item in in_a_row(before))
        ):  # fmt: skip
            return [*before, Node("do", f"{last.removesuffix(zero[:-8])}{test}")]
        case [*before, Node("do", "return")] if before:
            return simplified(before)
        case _:
            return nodes
