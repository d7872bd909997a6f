"""Statements of C as statements of the model, by the rows of the table. What no row covers is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from lift.accounting import NOT_MODELLED, Ledger
from lift.constants import bits_of, names_in, value_of
from lift.cparse import Expr, Stmt, expression, pure
from lift.fold import folded
from lift.known import Known
from lift.locals import COMPARED, Locals
from lift.nodes import Node
from lift.refusal import NotLifted, misspelt
from lift.shapes import loop_types
from lift.surface import plain
from lift.table import FunctionRow, Register, Row, fits

_SIMPLE = re.compile(r"[\w.]+(\[[\w.]+\])*(\([\w., ]*\))?")
_ADD = "add `<C> => <model>` to [expressions] of {}, or `<C> => True|False  # why` to [assume]"


class Translator:
    """Of one side of one piece of a function."""

    def __init__(self, known: Known, row: FunctionRow, ledger: Ledger) -> None:
        self.known, self.table, self.surface, self.row, self.ledger = known, known.table, known.surface, row, ledger
        self.function = row.model
        self.alias: dict[str, str] = {c: m for c, m in row.params.items() if m != "-"}
        new = row.model in known.new
        self.locals_of_model = dict[str, str]()
        self.types = dict(known.new_types[row.model] if new else self.surface.parameter_types(row.model))
        self.returns = known.new_returns[row.model] if new else self.surface.returns(row.model)
        for name, value in ({} if new else known.shapes.locals(row.model)).items():
            self.locals_of_model[name] = self.type_of(value)  # C may have declared it before the hunk
        for head in () if new else known.shapes.loops(row.model):
            self.locals_of_model.update(loop_types(head, self.type_of))
        own = {*self.locals_of_model, *(set() if new else known.surface.parameters(row.model))} - {*row.params}
        self.models_own = {n for n in own if self.type_of(n) not in self.surface.fields}
        self.locals = Locals()
        self.labels: dict[str, bool] = {}  # label -> nothing of the model is done behind it
        self.loops = 0
        self.surface.fields["self"].update(known.fields)

    def refuse(self, e: Expr | Stmt, what: str, advice: str = "") -> NotLifted:
        known = self.table.names() | {*self.known.new, *self.known.defines}.union(*self.surface.fields.values())
        slip = misspelt((t.text for t in e.tokens if t.kind == "id" and t.text in what), known)
        return NotLifted(e.line, what, slip + (advice or "write this function by hand"))

    def type_of(self, text: str) -> str:
        return self.surface.type_of(text, {**self.locals_of_model, **self.types}, self.known.new_returns)

    # --- expressions

    def by_row(self, section: str, e: Expr) -> str | None:
        hit = self.table.find(section, e, self.function)
        if hit is None:
            return None
        row, bound = hit
        inner = {t.place for b in bound.values() for t in b.tokens}
        own = [t for t in e.tokens if t.place not in inner]
        if section == "asserts" and any(t.changed for t in e.tokens):
            what = f"`{e}` is a branch that the patch changes: that it is never taken would be assumed"
            raise self.refuse(e, what, "write the condition without the warning")
        if section in ("assume", "asserts"):
            self.ledger.leave(own, f"{e} is {row.right}", row.why, "assumed")
        else:
            self.ledger.take(own)
        return self.filled(row, row.right, bound)

    def filled(self, row: Row, template: str, bound: Mapping[str, Expr]) -> str:
        for name in row.dropped:
            if row.section == "objects":
                self.ledger.leave_quietly(bound[name].tokens, f"{name} = {bound[name]} of `{row.left}`", row.why)
                continue
            self.ledger.leave(bound[name].tokens, f"{name} = {bound[name]} of `{row.left}`", row.why)

        def one(match: re.Match[str]) -> str:
            text = self.x(bound[match[0]])
            return text if _SIMPLE.fullmatch(text) else f"({text})"

        return re.sub(r"\$\w+", one, template)

    def truth(self, e: Expr) -> str:
        """In a condition."""
        if e.kind == "un" and e.text == "!":
            self.ledger.take(e.tokens[:1])
            self.take_brackets(e)
            return folded(f"not ({self.truth(e.args[0])})")
        if e.kind == "bin" and e.text in ("&&", "||"):
            if (said := self.of_table(e)) is not None:
                return said
            self.take_brackets(e)
            word, left = "and" if e.text == "&&" else "or", self.truth(e.args[0])
            if left == str(e.text == "||"):
                self.ledger.leave(e.args[1].tokens, str(e.args[1]), f"`{e.args[0]}` is {left} in the model")
                return left
            return folded(f"({left}) {word} ({self.truth(e.args[1])})")
        text = self.x(e)
        match self.type_of(text):
            case "bool":
                return text
            case pointer if pointer in self.surface.fields:
                there = self.of_table(Expr("bin", "!=", (e, Expr("num", "0"))))
                if there is not None:
                    return there
                raise self.refuse(e, f"is `{e}` there? It is of type {pointer}", f"add `{e} != 0 => ...`")
            case kind:
                said = f"it is {text!r}, of type {kind}" if kind else f"the type of {text!r} is not known"
                raise self.refuse(e, f"`{e}` is no truth value: {said}", _ADD.format(self.table.file))

    def take_brackets(self, e: Expr) -> None:
        inner = {t.place for a in e.args for t in a.tokens}
        self.ledger.take(t for t in e.tokens if t.place not in inner)

    def of_table(self, e: Expr) -> str | None:
        for section in ("expressions", "assume", "asserts", "objects"):
            text = self.by_row(section, e)
            if text is not None:
                return text
        return self.of_register(e)

    def x(self, e: Expr) -> str:
        """Its value. Raises NotLifted."""
        text = self.of_table(e)
        if text is not None:
            return text
        self.take_brackets(e)
        match e.kind:
            case "id":
                return self.name(e)
            case "un" if e.text == "!":
                return self.truth(e)
            case "bin" if e.text in ("&&", "||"):
                return self.truth(e)
            case "bin" if e.text in COMPARED:
                return self.compared(e)
            case "mem":
                return self.member(e)
            case "cond":
                return f"{self.x(e.args[1])} if {self.truth(e.args[0])} else {self.x(e.args[2])}"
            case "call" if e.callee:
                return self.call(e)
            case _:
                raise self.refuse(e, f"no row of the table covers `{e}`", _ADD.format(self.table.file))

    def name(self, e: Expr) -> str:
        if e.text in self.alias:
            return self.alias[e.text]
        if e.text in self.types and e.text not in self.row.params and e.text not in self.models_own:
            return e.text
        if e.text in ("true", "false"):
            return e.text.capitalize()
        left = " in the model: see its row in [functions]" if self.row.params.get(e.text) == "-" else " known here"
        raise self.refuse(e, f"`{e}` is not{left}", _ADD.format(self.table.file))

    def compared(self, e: Expr) -> str:
        left = self.x(e.args[0])
        of = self.type_of(left)
        if of == "bool" and e.text in ("==", "!=") and e.args[1] == Expr("num", "0"):
            self.ledger.take(e.args[1].tokens)
            return folded(f"not ({left})") if e.text == "==" else left
        if of.endswith("| None") and e.text in ("==", "!=") and str(e.args[1]) == "-1":
            self.ledger.take(e.args[1].tokens)
            return f"{left} is{' not' * (e.text == '!=')} None"
        right = self.x(e.args[1])
        other = self.type_of(right)
        if not of or not other or plain(of) != plain(other) or (of != other and e.text not in ("==", "!=")):
            raise self.refuse(
                e, f"`{e}` compares {of or 'what the model does not know'} with {other or 'what it does not know'}"
            )
        if of == "bool" and not all(map(self.locals.is_truth, e.args)):
            raise self.refuse(e, f"`{e}` compares a truth value with what may be neither 0 nor 1 in C", "test it alone")
        return f"{left} {e.text} {right}"

    def member(self, e: Expr) -> str:
        owner = self.x(e.args[0].args[0]) if e.args[0].kind == "mem" and e.args[0].text == "arch" else ""
        self.ledger.take(e.args[0].tokens[-2:] if owner else ())
        fields = self.surface.fields.get(self.type_of(owner) if owner else "", {})
        if e.text not in fields:
            raise self.refuse(
                e, f"no row of the table covers `{e}`, and the model has no such field", _ADD.format(self.table.file)
            )
        return f"{owner}.{e.text}"

    def call(self, e: Expr) -> str:
        rows = [r for r in self.table.of_c(e.callee) if not r.case]
        row = self.known.new.get(e.callee) or (rows[0] if rows else None)
        if row is None:
            raise self.refuse(e, f"the model has no function {e.callee}()",
                              "if it does not matter: a row in [ignore] or [assume] that says why; else model it")  # fmt: skip
        if row.line:
            self.table.used.add(row.line)
        if len(row.params) != len(e.args) - 1:
            raise self.refuse(e, f"{e.callee}() has {len(row.params)} parameters, not {len(e.args) - 1}")
        given = dict[str, str]()
        for (c, target), arg in zip(row.params.items(), e.args[1:], strict=True):
            if target == "-" or not target.isidentifier():
                self.ledger.leave_quietly(arg.tokens, f"{c} = {arg} of {e.callee}()", row.why)
            elif target == "self":
                self.machine(arg)
            else:
                given[target] = self.x(arg)
        self.ledger.take(e.args[0].tokens)
        new = row.model in self.known.new
        wanted = list(self.known.new_types[row.model]) if new else self.surface.parameters(row.model)
        expected = self.known.new_types[row.model] if new else self.surface.parameter_types(row.model)
        for name in wanted:
            if name not in given and name in self.types:
                given[name] = name  # the model's own, which C has inside a pointer
            if name not in given:
                raise self.refuse(e, f"{row.model}() of the model wants {name!r}, which the C does not pass")
            if plain(self.type_of(given[name])) != plain(expected[name]):
                raise self.refuse(e, f"{e.callee}(): {given[name]!r} is no {expected[name]}")
        return f"self.{row.model}({', '.join(given[name] for name in wanted)})"

    def machine(self, arg: Expr) -> None:
        if self.x(arg) != "self":
            raise self.refuse(arg, f"`{arg}` is not the one machine of the model")

    def of_register(self, e: Expr) -> str | None:
        """A test of bits, of a register that the model knows by its bits."""
        if e.kind != "bin" or e.text != "&":
            return None
        register, mask = self.register(e.args[0]), value_of(e.args[1], self.known.defines)
        if register is None:
            return None
        if mask is None:
            raise self.refuse(
                e,
                f"the value of `{e.args[1]}` is not known",
                "add its value to [constants], if the patch does not define it",
            )
        said = self.selected(register, mask, e)
        self.ledger.take(e.tokens)
        return folded(f"{register.name} and ({said})") if register.written else said

    def selected(self, register: Register, mask: int, e: Expr) -> str:
        self.table.used.add(register.line)
        self.known.wants(self.function, names_in(e, self.known.defines))
        if any(mask >> bit & 1 for bit in range(64) if bit not in register.bits):
            self.ledger.leave(
                e.tokens, f"{register.name}: `{e}`", register.why, "ignored" if register.written else "assumed"
            )
        return bits_of(mask, register)

    def register(self, e: Expr) -> Register | None:
        for register in self.table.registers:
            if fnmatchcase(self.function, register.scope) and fits(expression(register.name), e, {}):
                return register
        return None

    # --- statements

    def body(self, stmts: Sequence[Stmt]) -> list[Node]:
        self.find_labels(stmts)
        return [node for s in stmts for node in self.stmt(s)]

    def find_labels(self, stmts: Sequence[Stmt]) -> None:
        for at, s in enumerate(stmts):
            if s.kind == "label":
                aside = Translator(self.known, self.row, Ledger(self.ledger.file))
                aside.labels, aside.alias, aside.types = {}, dict(self.alias), dict(self.types)
                aside.locals = self.locals.copy()
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

    def _empty(self, s: Stmt) -> list[Node]:
        self.own(s)
        return []

    _fallthrough = _empty

    def _label(self, s: Stmt) -> list[Node]:
        self.own(s)
        if self.labels and not self.labels.get(s.name):
            raise self.refuse(s, f"`{s.name}:` something is done behind it, and who goes to it is not lifted")
        return []

    def _decl(self, s: Stmt) -> list[Node]:
        words = [t for t in s.own if t.kind == "id" and t.text != s.name]
        self.ledger.leave_quietly(words, f"{s.type} {s.name}", "the types of locals are taken from the model")
        self.ledger.take(t for t in s.own if t not in words)
        self.locals.declare(s)
        if s.expr is None:
            self.alias.pop(s.name, None)  # it is known from its first assignment on
            return []
        name = next(t for t in s.own if t.text == s.name)
        e = Expr("assign", "=", (Expr("id", s.name, (), (name,)), s.expr), s.tokens)
        if self.ignored(s, e):
            return []
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
        e = s.expr
        assert e is not None
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

    def by_statement_row(self, e: Expr, row: Row, bound: Mapping[str, Expr]) -> list[Node]:
        inner = {t.place for b in bound.values() for t in b.tokens}
        self.ledger.take(t for t in e.tokens if t.place not in inner)
        out = [Node("do", self.filled(row, part.strip(), bound)) for part in row.right.split(" ; ")]
        for name, _, value in (n.text.partition(" = ") for n in out):
            if value and name.isidentifier():
                self.types[name] = self.type_of(value)
        return out

    def ignored(self, s: Stmt, e: Expr) -> bool:
        """Is the statement left out? The reason is noted."""
        hit = self.table.find("ignore", e, self.function)
        row = hit[0] if hit else None
        kind = "ignored"
        if row is None and e.callee:
            row = self.table.named("ignore", e.callee)
        called = e.args[1] if e.kind == "assign" and e.args[1].callee else e
        if row is None and called.callee and (row := self.table.named("not modelled", called.callee)) is not None:
            kind = NOT_MODELLED
        if row is None:
            return False
        self.ledger.leave(s.tokens, str(e), row.why, kind)
        return True

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
            if of in self.surface.fields and of != "self":
                self.points(e, value)
                return []
            if not of or of in ("None", "self") or (left.text in self.types and self.types[left.text] != of):
                raise self.refuse(e, f"the type of `{right}` is not known here, or not that of `{left}`")
            own = left.text in self.models_own and self.table.find("objects", left, self.function) is None
            if own or left.text == "self" or left.text in self.surface.enums:
                raise self.refuse(e, f"`{left}` is a name of the model's")
            self.locals.check_fits(left.text, right, of)
            self.types[left.text] = of
            return [Node("do", f"{left.text} = {value}")]
        target = self.x(left)
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
        said = self.selected(register, mask, right)
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

    def _return(self, s: Stmt) -> list[Node]:
        self.own(s)
        if self.returns == "None":
            row = self.table.named("ignore", f"return of {self.function}") if s.expr is not None else None
            if s.expr is not None and (row is None or not pure(s.expr)):
                raise self.refuse(s, f"`return {s.expr};`: {self.function}() of the model returns nothing")
            if s.expr is not None and row is not None:
                self.ledger.leave(s.expr.tokens, f"return {s.expr}", row.why)
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
        if self.loops:
            return [Node("do", "break")]
        if not self.row.case:
            raise self.refuse(
                s, "a `break` of a loop or switch that the hunk does not show", "make the patch with more context"
            )
        hit = self.table.find("statements", Expr("id", "break"), self.function)
        return [Node("do", hit[0].right if hit else "return")]

    def _continue(self, s: Stmt) -> list[Node]:
        self.own(s)
        if not self.loops:
            raise self.refuse(
                s, "a `continue` of a loop that the hunk does not show", "make the patch with more context"
            )
        return [Node("do", "continue")]

    def _goto(self, s: Stmt) -> list[Node]:
        self.own(s)
        row = self.table.find("statements", expression(f"goto({s.name})"), self.function)
        if s.name not in self.labels and row is not None:
            return [Node("do", row[0].right)]
        if not self.labels.get(s.name):
            raise self.refuse(s, f"`goto {s.name}`: what is done behind the label is not nothing, or not shown")
        return [Node("do", "return")]

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
            self.body(s.then)
            if pure(s.expr):
                self.ledger.leave([*s.own, *s.expr.tokens], f"if ({s.expr})", "what is done there is left out")
                return []
        test = folded(self.truth(s.expr))
        if test in ("True", "False"):
            self.ledger.leave_quietly(s.own, "if ... else", f"`{s.expr}` is {test} in the model")
            taken, skipped = (s.then, s.other) if test == "True" else (s.other, s.then)
            for one in skipped:
                self.ledger.leave(one.tokens, one.tokens[0].text + " ...", f"`{s.expr}` is {test} in the model")
            if s.open:
                raise self.refuse(s, f"`{s.expr}` is {test} in the model, and the hunk does not show the whole block")
            return self.body(taken)
        self.own(s)
        then, other = self.body(s.then), self.body(s.other)
        if not then and not other and not s.open:
            if not pure(s.expr):
                raise self.refuse(s, f"`{s.expr}` is called, and nothing is done")
            return []
        return [Node("if", test, tuple(then), tuple(other), s.open)]

    def only_ignored(self, stmts: Sequence[Stmt]) -> bool:
        aside = Translator(self.known, self.row, Ledger(self.ledger.file))
        aside.locals = self.locals.copy()
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

    def _loop(self, s: Stmt) -> list[Node]:
        assert s.expr is not None
        hit = self.table.find("loops", s.expr, self.function)
        if hit is None:
            raise self.refuse(
                s,
                f"no row of the table covers the loop `{s.expr}`",
                f"add `<C> => for <name> in <table>` to [loops] of {self.table.file}",
            )
        self.own(s)
        self.ledger.take(s.expr.tokens)
        head = self.filled(hit[0], hit[0].right, hit[1])
        self.types.update(loop_types(head, self.type_of))
        self.loops += 1
        then = self.body(s.then)
        self.loops -= 1
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
        for labels, stmts in reversed(self.arms(s)):
            inner = tuple(self.body(stmts))
            if "" in labels:
                if chain:
                    raise self.refuse(s, "a `default:` that is not the last of its switch")
                chain = inner
            else:
                test = " or ".join(f"{subject} == {label}" for label in labels)
                chain = (Node("if", test, inner, chain),)
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
