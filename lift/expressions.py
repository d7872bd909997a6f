"""Expressions of C as expressions of the model, by the rows of the table. What no row covers is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from lift.accounting import HARMLESS, Ledger
from lift.constants import bits_of, names_in, value_of
from lift.cparse import Expr, Stmt, expression
from lift.effects import effects
from lift.fold import arm, folded, operand
from lift.known import Known
from lift.locals import COMPARED, Brought, Locals
from lift.refusal import NotLifted, misspelt
from lift.shapes import loop_types
from lift.surface import plain
from lift.table import FunctionRow, Register, Row, fits

_SIMPLE = re.compile(r"[\w.]+(\[[\w.]+\])*(\([\w., ]*\))?")
_ADD = "add `<C> => <model>` to [expressions] of {}, or `<C> => True|False  # why` to [assume]"
_NO_MATTER = "if it does not matter: a row in [ignore] or [assume] of {} that says why; else model it (docs/lift.md, To add a row)"


class Expressions:
    """Of one side of one piece of a function."""

    def __init__(self, known: Known, row: FunctionRow, ledger: Ledger) -> None:
        self.known, self.table, self.surface, self.row, self.ledger = known, known.table, known.surface, row, ledger
        self.function = row.model
        self.alias: dict[str, str] = {c: m for c, m in row.params.items() if m != "-" and not m.startswith("=")}
        new = row.model in known.new
        self.locals_of_model = dict[str, str]()
        self.types = dict(known.new_types[row.model] if new else self.surface.parameter_types(row.model))
        self.returns = known.new_returns[row.model] if new else self.surface.returns(row.model)
        for head in () if new else known.shapes.loops(row.model):
            self.locals_of_model.update(loop_types(head, self.type_of))
        for name, value in ({} if new else known.shapes.locals(row.model)).items():
            self.locals_of_model[name] = self.type_of(value)  # C may have declared it before the hunk
        own = {*self.locals_of_model, *(set() if new else known.surface.parameters(row.model))} - {*row.params}
        self.models_own = {n for n in own if self.type_of(n) not in self.surface.fields}
        self.locals = Locals(params=frozenset(row.params))
        self.before = False  # of the side that is to stand in the model
        self.surface.fields["self"].update(known.fields)

    def know(self, brought: Brought) -> None:
        """What hunks above declare."""
        self.locals.types.update(brought.c)
        self.types.update(brought.types)
        self.alias.update(brought.alias)

    def bring(self, names: Sequence[str], brought: Brought) -> None:
        """For the hunks below: of these locals, what is known of each; not that one points into a row, whose index may be another
        one there."""
        places = {name: place for name, place in self.alias.items() if "[" not in place}
        for known, of in ((self.locals.types, brought.c), (self.types, brought.types), (places, brought.alias)):
            of.update({name: known[name] for name in names if name in known})

    def refuse(self, e: Expr | Stmt, what: str, advice: str = "") -> NotLifted:
        known = self.table.names() | {*self.known.new, *self.known.defines}.union(*self.surface.fields.values())
        slip = misspelt((t.text for t in e.tokens if t.kind == "id" and t.text in what), known)
        return NotLifted(e.line, what, slip + (advice or "write this function by hand"))

    def type_of(self, text: str) -> str:
        return self.surface.type_of(text, {**self.locals_of_model, **self.types}, self.known.new_returns)

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
            self.ledger.leave(own, f"{e} is {row.right}", row.why, "assumed", mark=row.mark)
        else:
            self.ledger.take(own)
        return self.filled(row, row.right, bound)

    def filled(self, row: Row, template: str, bound: Mapping[str, Expr]) -> str:
        for name in sorted(row.dropped):
            self.without_effect(bound[name])
            self.one_of_those_known(bound[name])
            said = f"{name} = {bound[name]} of `{row.left}`"
            if row.section == "objects":
                self.ledger.leave_quietly(bound[name].tokens, said, row.why, row.mark)
                continue
            self.ledger.leave(bound[name].tokens, said, row.why, mark=row.mark)

        def one(match: re.Match[str]) -> str:
            text = self.x(bound[match[0]])
            return text if _SIMPLE.fullmatch(text) else f"({text})"

        return re.sub(r"\$\w+", one, template)

    def without_effect(self, e: Expr) -> None:
        """Raise NotLifted if what is left out changes something."""
        if (found := next(effects(e, self.known, before=self.before), None)) is not None:
            what = f"`{found}` would be left out with what it stands in, and it may change something"
            raise self.refuse(found, what, f"write it as a statement of its own; a call that changes nothing: add it to [no effect] of {self.table.file}")  # fmt: skip

    def one_of_those_known(self, e: Expr) -> None:
        """Raise NotLifted for a name that the patch brings into what is left out, and that neither the function nor the table has:
        there is one VM, and a pointer to another one is none to it."""
        brought = [t.text for t in e.tokens if t.changed and t.kind == "id"]
        if any(t.changed for t in e.tokens) and value_of(e, {**self.known.defines, "NULL": "0"}) == 0:
            raise self.refuse(e, f"`{e}` is no thing of the model, and would be left out")
        if not set(brought) - {*self.alias, *self.types, *self.row.params}:
            return
        words = self.table.names() | {*self.known.defines}.union(*self.surface.fields.values())
        for name in brought:
            if name not in words | {*self.alias, *self.types, *self.row.params}:
                raise self.refuse(e, f"`{name}` is not known here, and `{e}` would be left out")

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
                there = self.of_table(Expr("bin", "!=", (e, Expr("num", "0")), e.tokens))
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
                then, test, other = self.x(e.args[1]), self.truth(e.args[0]), self.x(e.args[2])
                return f"{arm(then)} if {arm(test)} else {other}"
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
            return f"{operand(left)} is{' not' * (e.text == '!=')} None"
        right = self.x(e.args[1])
        other = self.type_of(right)
        if not of or not other or plain(of) != plain(other) or (of != other and e.text not in ("==", "!=")):
            raise self.refuse(
                e, f"`{e}` compares {of or 'what the model does not know'} with {other or 'what it does not know'}"
            )
        if of == "bool" and not all(map(self.locals.is_truth, e.args)):
            raise self.refuse(e, f"`{e}` compares a truth value with what may be neither 0 nor 1 in C", "test it alone")
        return f"{operand(left)} {e.text} {operand(right)}"

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
        rows = [r for r in self.table.of_c(e.callee) if r.is_called_by(e)]
        row = self.known.new.get(e.callee) or self.known.by_head.get(e.callee) or (rows[0] if rows else None)
        if row is None:
            of = " of these values" if any(r for r in self.table.of_c(e.callee) if not r.case) else ""
            raise self.refuse(e, f"the model has no function {e.callee}(){of}",
                              _NO_MATTER.format(self.table.file))  # fmt: skip
        if row.line:
            self.table.used.add(row.line)
        if len(row.params) != len(e.args) - 1:
            raise self.refuse(e, f"{e.callee}() has {len(row.params)} parameters, not {len(e.args) - 1}")
        given = dict[str, str]()
        for (c, target), arg in zip(row.params.items(), e.args[1:], strict=True):
            if target.startswith("="):
                self.ledger.take(arg.tokens)
            elif target == "-" or not target.isidentifier():
                self.without_effect(arg)
                self.one_of_those_known(arg)
                self.ledger.leave_quietly(arg.tokens, f"{c} = {arg} of {e.callee}()", row.why, row.mark)
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

    def selected(self, register: Register, mask: int, e: Expr, by: str = "&") -> str:
        """by: what is done with the mask. A bit that the model does not have stays as it was where `&=` keeps it."""
        self.table.used.add(register.line)
        self.known.wants(self.function, names_in(e, self.known.defines))
        others = [mask >> bit & 1 for bit in range(64) if bit not in register.bits]
        kept = HARMLESS if by == "&=" and all(others) else register.mark
        if any(others) or by == "=" or (by == "&=" and not all(others)):
            kind = "ignored" if register.written else "assumed"
            self.ledger.leave(e.tokens, f"{register.name}: `{e}`", register.why, kind, mark=kept)
        return bits_of(mask, register)

    def register(self, e: Expr) -> Register | None:
        for register in self.table.registers:
            if fnmatchcase(self.function, register.scope) and fits(expression(register.name), e, {}):
                return register
        return None
