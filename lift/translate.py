"""Statements of C as statements of the model, by the rows of the table. What no row covers is refused."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lift.accounting import HARMLESS, IF_ADDED, NOT_MODELLED, Ledger
from lift.constants import value_of
from lift.cparse import Expr, Stmt, expression, pure
from lift.effects import counted, of_loop
from lift.expressions import Expressions
from lift.fold import folded, operand
from lift.known import Known
from lift.nodes import Node, nodes_of
from lift.refusal import NotLifted
from lift.shapes import loop_types
from lift.surface import plain
from lift.table import FunctionRow, Register, Row

ONCE = "once"  # of [loops]: what it goes over has one element in the model


class Translator(Expressions):
    """Of one side of one piece of a function."""

    def __init__(self, known: Known, row: FunctionRow, ledger: Ledger) -> None:
        super().__init__(known, row, ledger)
        self.labels: dict[str, bool] = {}  # label -> nothing of the model is done behind it
        self.behind: Mapping[str, Sequence[Stmt]] = {}  # label of a whole function -> what is done from it to a return
        self.counters: tuple[str, ...] = ()  # of the loops around
        self.loops, self.once = 0, False  # once: of the loops around, the inner one is run once in the model
        self.left = False  # one that is run once was left before its end, and what it is in goes on
        self.in_arm = False  # of a switch, with no loop in between
        self.idle = False  # in a loop in which nothing of the model is done: how often does not matter

    def body(self, stmts: Sequence[Stmt]) -> list[Node]:
        self.find_labels(stmts)
        return [node for s in stmts for node in self.stmt(s)]

    def find_labels(self, stmts: Sequence[Stmt]) -> None:
        for at, s in enumerate(stmts):
            if s.kind == "label":
                aside = Translator(self.known, self.row, Ledger(self.ledger.file))
                aside.labels, aside.alias, aside.types = {}, dict(self.alias), dict(self.types)
                aside.locals, aside.before = self.locals.copy(), self.before
                try:
                    behind = [n for later in stmts[at + 1 :] for n in aside.stmt(later)]
                    self.labels[s.name] = all(n in (Node("do", "return"), Node("end")) for n in behind)
                except NotLifted:
                    self.labels[s.name] = False

    def stmt(self, s: Stmt) -> list[Node]:
        handler = getattr(self, f"_{s.kind}", None)
        if handler is None:
            raise self.refuse(
                s, f"a `{s.kind}` statement", "it is not in the modelling language; write this function by hand"
            )
        if self.left and not self.once:
            raise self.refuse(s, "a statement behind a loop that is none in the model, and that is left before its end")
        found: list[Node] = handler(s)
        return found

    def own(self, s: Stmt) -> None:
        self.ledger.take(s.own)

    def _block(self, s: Stmt) -> list[Node]:
        self.own(s)
        return self.body(s.then)

    def _close(self, s: Stmt) -> list[Node]:
        self.own(s)
        return [Node("end")]

    def _otherwise(self, s: Stmt) -> list[Node]:
        self.own(s)
        then = tuple(self.body(s.then))
        return [Node("else", "", then, (), s.open) if then or s.open else Node("end")]

    def _empty(self, s: Stmt) -> list[Node]:
        self.own(s)
        return []

    _fallthrough = _empty

    def _label(self, s: Stmt) -> list[Node]:
        self.own(s)
        if self.labels and not self.labels.get(s.name) and s.name not in self.behind:
            raise self.refuse(s, f"`{s.name}:` something is done behind it, and who goes to it is not lifted")
        return []

    def _decl(self, s: Stmt) -> list[Node]:
        words = [t for t in s.own if t.kind == "id" and t.text != s.name]
        self.ledger.leave_quietly(words, f"{s.type} {s.name}", "the types of locals are taken from the model", HARMLESS)
        self.ledger.take(t for t in s.own if t not in words)
        self.locals.declare(s)
        if s.expr is None:
            self.alias.pop(s.name, None)  # it is known from its first assignment on
            return []
        name = next(t for t in s.own if t.text == s.name)
        e = Expr("assign", "=", (Expr("id", s.name, (), (name,)), s.expr), s.tokens)
        if self.ignored(s, e):
            return []
        if (hit := self.table.find("statements", e, self.function)) is not None:
            return self.by_statement_row(e, *hit)
        if s.type.endswith("*"):
            self.points(e, self.x(s.expr))
            return []
        return self.assigned(e, s.type)

    def points(self, e: Expr, value: str) -> None:
        """A pointer of C is another name for a thing of the model, and always the same."""
        name = e.args[0].text
        row = self.table.find("objects", e.args[0], self.function)
        if (row is not None and row[0].right != value) or self.alias.get(name, value) != value:
            raise self.refuse(e, f"`{name}` is another thing of the model elsewhere in this function")
        self.alias[name] = value

    def _expr(self, s: Stmt) -> list[Node]:
        e = self.stored_with_order(s)
        if self.ignored(s, e):
            return []
        self.own(s)
        if (hit := self.table.find("statements", e, self.function)) is not None:
            return self.by_statement_row(e, *hit)
        if e.kind == "assign":
            return self.assigned(e)
        if e.kind == "call" and e.callee:
            text = self.x(e)
            if text.startswith("self."):
                return [Node("do", text)]
        raise self.refuse(
            e,
            f"no row of the table covers the statement `{e};`",
            f"add it to [statements] of {self.table.file}, or to [ignore] with the reason",
        )

    def stored_with_order(self, s: Stmt) -> Expr:
        """WRITE_ONCE(x, v) and smp_store_release(&x, v) are x = v: the model's steps are whole, so that an order that is asked
        for changes nothing of them, and one that is not asked for any more is told."""
        e = s.expr
        assert e is not None
        if e.callee not in ("WRITE_ONCE", "smp_store_release") or len(e.args) != 3:
            return e
        to = e.args[1]
        if e.callee == "smp_store_release":
            if (to.kind, to.text) != ("un", "&"):
                return e
            mark = "" if self.before else HARMLESS
            self.ledger.leave(e.args[0].tokens, e.callee, "the order of memory accesses", NOT_MODELLED, mark=mark)
            to = to.args[0]
        return Expr("assign", "=", (to, e.args[2]), e.tokens)

    def by_statement_row(self, e: Expr, row: Row, bound: Mapping[str, Expr]) -> list[Node]:
        inner = {t.place for b in bound.values() for t in b.tokens}
        self.ledger.take(t for t in e.tokens if t.place not in inner)
        out = nodes_of(ast.parse(self.filled(row, row.right, bound).replace(" ; ", "\n")).body)
        for name, _, value in (n.text.partition(" = ") for n in out):
            if value and name.isidentifier():
                self.types[name] = self.type_of(value)
        return out

    def ignored(self, s: Stmt, e: Expr) -> bool:
        """Is the statement left out? The reason is noted."""
        called = e.args[1] if e.kind == "assign" and e.args[1].callee else e
        if self.known.brings(called.callee):
            return False  # what it does is what the patch says that it does
        hit = self.table.find("ignore", e, self.function)
        row = hit[0] if hit else None
        kind = "ignored"
        if row is None and e.callee:
            row = self.table.named("ignore", e.callee)
        said = (
            row is None and called.callee and self.table.find("statements", e, self.function)
        )  # one function's row comes first
        if row is None and called.callee and not said and (row := self.table.named("not modelled", called.callee)):
            kind = NOT_MODELLED
        if row is None:
            return False
        self.check_left_out(e, called, hit[1] if hit else None)
        mark = row.mark if row.mark != IF_ADDED or e.kind == "call" else ""
        self.ledger.leave(s.tokens, str(e), row.why, kind, mark=mark)
        return True

    def check_left_out(self, e: Expr, called: Expr, bound: Mapping[str, Expr] | None) -> None:
        """Raise NotLifted for what does more than the row says. bound: what a row of [ignore] has as $x; None of a name's."""
        for one in called.args[1:] if bound is None else bound.values():
            self.without_effect(one)
        if bound is None and e is not called and (e.args[0].kind != "id" or e.args[0].text in self.known_names()):
            raise self.refuse(e, f"`{e.args[0]}` would be left out with `{called}`, and it is of the model")

    def known_names(self) -> set[str]:
        """The locals and parameters of the C that the model has, and what the loops around count."""
        return {*self.alias, *self.types, *self.row.params, *self.table.things(self.function), *self.counters}

    def assigned(self, e: Expr, type_: str = "") -> list[Node]:
        left, right = e.args
        self.take_brackets(e)
        register = self.register(left)
        if register is not None and register.written:
            return self.built_up(register, e)
        if e.text != "=":
            raise self.refuse(
                e, f"no row of the table covers the statement `{e};`", f"add it to [statements] of {self.table.file}"
            )
        if left.kind == "id" and left.text not in self.alias:
            self.ledger.take(left.tokens)
            value = (
                self.truth(right)
                if type_ == "bool" and self.table.find("expressions", right, self.function) is None
                else self.x(right)
            )
            of = self.type_of(value)
            if of in self.surface.fields:
                if of != "self" and (right.kind == "idx" or not self.locals.may_point(left.text)):
                    what = f"`{left}` is a copy of what the model has as {of}, and a copy stays as it was"
                    raise self.refuse(e, what, "make it a pointer, or read what is asked for where it is asked for")
                self.points(e, value)
                return []
            if not of or of in ("None", "self") or (left.text in self.types and self.types[left.text] != of):
                raise self.refuse(e, f"the type of `{right}` is not known here, or not that of `{left}`")
            own = left.text in self.models_own and self.table.find("objects", left, self.function) is None
            if own or left.text == "self" or left.text in self.surface.enums:
                raise self.refuse(e, f"`{left}` is a name of the model's")
            self.locals.check_fits(left.text, right, of, is_known=left.text in self.locals_of_model)
            self.types[left.text] = of
            return [Node("do", f"{left.text} = {value}")]
        known = left.kind == "id" and left.text in self.alias
        self.ledger.take(left.tokens if known else ())
        target = self.alias[left.text] if known else self.x(left)
        return [Node("do", f"{target} = {self.value_for(self.type_of(target), right, e)}")]

    def value_for(self, of: str, right: Expr, e: Expr) -> str:
        if of.endswith("| None") and str(right) == "-1":
            self.ledger.take(right.tokens)
            return "None"
        if of == "bool":
            if right.kind == "num" and right.text in "01":
                self.ledger.take(right.tokens)
                return str(right.text == "1")
            return self.truth(right)
        value = self.x(right)
        if not of or plain(of) != plain(self.type_of(value)):
            raise self.refuse(
                e, f"`{e.args[0]}` is {of or 'not in the model'}, and `{right}` is {self.type_of(value) or 'not'}"
            )
        return value

    def built_up(self, register: Register, e: Expr) -> list[Node]:
        """`v = M`, `v |= M`, `v &= ~M` of a local that the model has as the one bit of it that matters."""
        left, right = e.args
        name, self.types[left.text] = left.text, "bool"
        mask = value_of(right, self.known.defines)
        if mask is None:
            raise self.refuse(
                e, f"the value of `{right}` is not known", "add it to [constants], if the patch does not define it"
            )
        said = self.selected(register, mask, right, e.text)
        self.ledger.take(e.tokens)
        match e.text:
            case "=":
                return [Node("do", f"{name} = {said}")]
            case "|=":
                return [Node("do", f"{name} = {folded(f'{name} or ({said})')}")]
            case "&=":
                return [Node("do", f"{name} = {folded(f'{name} and ({said})')}")]
            case _:
                raise self.refuse(e, f"no row of the table covers the statement `{e};`")

    def stored(self, s: Stmt, value: Expr) -> list[Node]:
        """What is returned in C is left somewhere in the model, as the row of the function says."""
        said = Expr("call", "", (Expr("id", "return"), value), value.tokens)
        if (hit := self.table.find("statements", said, self.function)) is not None:
            return [*self.by_statement_row(said, *hit), Node("do", "return")]
        to, of = self.row.result, self.type_of(self.row.result)
        text = self.value_for(of, value, Expr("assign", "=", (Expr("id", "return"), value), s.tokens))
        return [Node("do", f"{to} = {text}"), Node("do", "return")]

    def _return(self, s: Stmt) -> list[Node]:
        self.own(s)
        if self.row.result and s.expr is not None:
            return self.stored(s, s.expr)
        if self.returns == "None":
            row = self.table.named("ignore", f"return of {self.function}") if s.expr is not None else None
            hit = (
                self.table.find("statements", s.expr, self.function) if s.expr is not None and row is not None else None
            )
            if s.expr is not None and hit is not None:
                return [*self.by_statement_row(s.expr, *hit), Node("do", "return")]
            if s.expr is not None and (row is None or not pure(s.expr)):
                raise self.refuse(s, f"`return {s.expr};`: {self.function}() of the model returns nothing")
            if s.expr is not None and row is not None:
                self.ledger.leave(s.expr.tokens, f"return {s.expr}", row.why, mark=row.mark)
            return [Node("do", "return")]
        if s.expr is None:
            raise self.refuse(s, f"`return;`: {self.function}() of the model returns {self.returns}")
        return [
            Node(
                "do",
                f"return {self.value_for(self.returns, s.expr, Expr('assign', '=', (Expr('id', 'return'), s.expr), s.tokens))}",
            )
        ]

    def _break(self, s: Stmt) -> list[Node]:
        self.own(s)
        if self.idle:
            return []
        if self.in_arm:
            raise self.refuse(s, "a `break` before the end of an arm of a switch", "write `if` and `else`")
        if self.loops:
            self.check_once(s)
            return [Node("do", "continue" if self.once else "break")]
        if not self.row.case:
            raise self.refuse(
                s, "a `break` of a loop or switch that the hunk does not show", "make the patch with more context"
            )
        hit = self.table.find("statements", Expr("id", "break"), self.function)
        return [Node("do", hit[0].right if hit else "return")]

    def _continue(self, s: Stmt) -> list[Node]:
        self.own(s)
        if self.idle:
            return []
        # where it stands in the model it is the same loop's
        if not self.loops and not self.before and any(t.changed for t in s.tokens):
            raise self.refuse(
                s, "a `continue` of a loop that the hunk does not show", "make the patch with more context"
            )
        self.check_once(s)
        return [Node("do", "continue")]

    def check_once(self, s: Stmt) -> None:
        """What is run once in the model is no loop there: what ends it needs one around it."""
        if self.once and self.loops == 1:
            raise self.refuse(s, f"`{s.kind}` of a loop that is none in the model")
        self.left |= self.once

    def _goto(self, s: Stmt) -> list[Node]:
        self.own(s)
        row = self.table.find("statements", expression(f"goto({s.name})"), self.function)
        if s.name not in self.labels and row is not None:
            return [Node("do", row[0].right)]
        if self.labels.get(s.name):
            return [Node("do", "return")]
        if s.name not in self.behind:
            what = f"`goto {s.name}`: what is done behind the label is not nothing, or not shown"
            raise self.refuse(s, what, "make the patch with more context, if the label is not in this hunk")
        return self.gone_to(s.name)

    def gone_to(self, label: str) -> list[Node]:
        """What is done behind it, in the place of the goto. Behind it no goto leads back: it would be refused."""
        outer = self.behind, self.loops, self.once, self.in_arm
        self.behind = {name: stmts for name, stmts in self.behind.items() if name != label}
        self.loops, self.once, self.in_arm = 0, False, False
        found = [node for s in outer[0][label] for node in self.stmt(s)]
        self.behind, self.loops, self.once, self.in_arm = outer
        return found

    def _if(self, s: Stmt) -> list[Node]:
        if not s.open or s.then or any(t.changed for t in s.tokens):
            return self.whole_if(s)
        try:  # its head is all that the hunk shows
            return self.whole_if(s)
        except NotLifted:
            return []

    def whole_if(self, s: Stmt) -> list[Node]:
        assert s.expr is not None
        if not s.open and not s.other and self.only_ignored(s.then):
            mark, why = self.left_out_body(s)
            if pure(s.expr):
                self.ledger.leave([*s.own, *s.expr.tokens], f"if ({s.expr})", why, mark=mark)
                return []
        test = folded(self.truth(s.expr))
        if test in ("True", "False"):
            self.ledger.leave_quietly(s.own, "if ... else", f"`{s.expr}` is {test} in the model", HARMLESS)
            taken, skipped = (s.then, s.other) if test == "True" else (s.other, s.then)
            for one in skipped:
                self.ledger.leave(one.tokens, one.tokens[0].text + " ...", f"`{s.expr}` is {test} in the model")
            if s.open and test == "False":
                raise self.refuse(s, f"`{s.expr}` is {test} in the model, and the hunk does not show the whole block")
            return self.body(taken)
        self.own(s)
        then, other = self.body(s.then), self.body(s.other)
        if not then and not other and not s.open:
            if not pure(s.expr) and any(t.changed for t in s.tokens):
                raise self.refuse(s, f"`{s.expr}` is called, and nothing is done")
            return []
        return [Node("if", test, tuple(then), tuple(other), s.open)]

    def left_out_body(self, s: Stmt) -> tuple[str, str]:
        """Of what a head is left out with: HARMLESS if all of it is, and why the head is left out."""
        before = len(self.ledger.left_out)
        self.body(s.then)
        other = next((x.why for x in self.ledger.left_out[before:] if x.mark != HARMLESS), "")
        return (
            ("", f"what is done there is left out, {other}") if other else (HARMLESS, "what is done there is left out")
        )

    def only_ignored(self, stmts: Sequence[Stmt], *, idle: bool = False) -> bool:
        aside = Translator(self.known, self.row, Ledger(self.ledger.file))
        aside.idle, aside.counters = self.idle or idle, self.counters
        aside.locals, aside.before = self.locals.copy(), self.before
        aside.alias, aside.types, aside.labels, aside.loops = (
            dict(self.alias),
            dict(self.types),
            self.labels,
            self.loops,
        )
        try:
            return bool(stmts) and not any(aside.stmt(s) for s in stmts)
        except NotLifted:
            return False

    def _while(self, s: Stmt) -> list[Node]:
        """Only by a row: nothing says how often it is run."""
        assert s.expr is not None
        head = Expr("call", "", (Expr("id", "while"), s.expr), s.expr.tokens)
        if self.table.find("loops", head, self.function) is None:
            raise self.refuse(
                s, "a `while` statement", "it is not in the modelling language; write this function by hand"
            )
        return self._loop(replace(s, expr=head))

    def _loop(self, s: Stmt) -> list[Node]:
        assert s.expr is not None
        hit = self.table.find("loops", s.expr, self.function)
        if hit is None and not s.open and self.only_ignored(s.then, idle=True):
            outer_idle, self.idle = self.idle, True
            mark, why = self.left_out_body(s)
            self.idle = outer_idle
            own = self.known_names()
            if any(t.changed for t in s.expr.tokens):  # it may stand in a loop that the hunk does not show
                own |= self.table.counters() - self.locals.brought
            if (found := next(of_loop(s.expr, self.known, [*own], before=self.before), None)) is not None:
                what = f"`{found}` would be left out with its loop, and it may change something"
                raise self.refuse(found, what, "count with a local of its own, or write this function by hand")
            self.ledger.leave([*s.own, *s.expr.tokens], str(s.expr), why, mark=mark if s.kind == "for" else "")
            return []
        if hit is None:
            raise self.refuse(
                s,
                f"no row of the table covers the loop `{s.expr}`",
                f"add `<C> => for <name> in <table>` to [loops] of {self.table.file}",
            )
        self.own(s)
        self.ledger.take(s.expr.tokens)
        head = self.filled(hit[0], hit[0].right, hit[1])
        if head == ONCE:
            self.ledger.leave((), str(s.expr), hit[0].why, "assumed", s.line, hit[0].mark)
        outer = self.once, self.in_arm
        counters, self.counters = self.counters, (*self.counters, *counted(s.expr))
        self.once, self.in_arm = head == ONCE, False
        self.types.update(loop_types(head, self.type_of) if head != ONCE else {})
        self.loops += 1
        then = self.body(s.then)
        self.loops, (self.once, self.in_arm), self.counters = self.loops - 1, outer, counters
        if head == ONCE:
            return then
        self.left = False
        return [Node("for", head, tuple(then), (), s.open)]

    _for = _foreach = _loop

    def _switch(self, s: Stmt) -> list[Node]:
        assert s.expr is not None
        self.own(s)
        if s.open:
            raise self.refuse(s, "a switch that the hunk does not show to its end", "make the patch with more context")
        subject = self.x(s.expr)
        if self.type_of(subject) == "bool" and not self.locals.is_truth(s.expr):
            raise self.refuse(s, f"`{s.expr}` may be neither 0 nor 1 in C", "write `if`")
        chain: tuple[Node, ...] = ()
        outer, self.in_arm = self.in_arm, True
        for labels, stmts in reversed(self.arms(s)):
            inner = tuple(self.body(stmts))
            if "" in labels:
                if chain:
                    raise self.refuse(s, "a `default:` that is not the last of its switch")
                chain = inner
            else:
                test = " or ".join(f"{operand(subject)} == {operand(label)}" for label in labels)
                chain = (Node("if", test, inner, chain),)
        self.in_arm = outer
        return list(chain)

    def arms(self, s: Stmt) -> list[tuple[list[str], list[Stmt]]]:
        """(labels, statements); "" is default. Each arm must end by itself."""
        found = list[tuple[list[str], list[Stmt]]]()
        for inner in s.then:
            if inner.kind in ("case", "default"):
                self.own(inner)
                if found and not found[-1][1]:
                    found[-1][0].append(self.label(inner))
                else:
                    found.append(([self.label(inner)], []))
            elif not found:
                raise self.refuse(inner, "a statement before the first case of a switch")
            else:
                found[-1][1].append(inner)
        for number, (_, stmts) in enumerate(found, 1):
            if number < len(found) and (not stmts or stmts[-1].kind not in ("break", "return")):
                raise self.refuse(s, "an arm of a switch falls through to the next one")
            if stmts and stmts[-1].kind == "break":
                self.own(stmts.pop())
        return found

    def label(self, s: Stmt) -> str:
        return self.x(s.expr) if s.expr is not None else ""
