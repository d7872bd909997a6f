"""A parser of the C that kernel functions are written in: of whole functions, and of the pieces that a hunk shows.

No types and no headers are needed: a macro that looks like a call is a call, `..for_each..(...)` before a statement is a
loop. What is not understood is refused with its line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lift.ctokens import Token, tokens_of
from lift.refusal import NotLifted

_TYPES = frozenset(
    [
        "void",
        "char",
        "short",
        "int",
        "long",
        "unsigned",
        "signed",
        "bool",
        "u8",
        "u16",
        "u32",
        "u64",
        "s8",
        "s16",
        "s32",
        "s64",
        "size_t",
        "ulong",
        "gpa_t",
        "gfn_t",
        "hpa_t",
        "__u8",
        "__u16",
        "__u32",
        "__u64",
        "struct",
        "union",
        "enum",
        "const",
        "static",
        "inline",
        "volatile",
        "uint8_t",
        "uint32_t",
        "uint64_t",
    ]
)
_BINARY = (("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="), ("<<", ">>"), ("+", "-"),
           ("*", "/", "%"))  # fmt: skip
_ASSIGN = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="})
_FOREACH = re.compile(r"\w*for_each\w*")
_DEEPEST = 200


@dataclass(frozen=True)
class Expr:
    """kind: id num str call mem idx un post bin cond assign cast comma opaque; text: the name or the operator."""

    kind: str
    text: str
    args: tuple[Expr, ...] = ()
    tokens: tuple[Token, ...] = field(default=(), compare=False, repr=False)
    by: str = field(default="->", compare=False)  # of a mem: how the C writes it

    def __str__(self) -> str:
        a = [str(arg) for arg in self.args]
        match self.kind:
            case "call":
                return f"{a[0]}({', '.join(a[1:])})"
            case "mem":
                return f"{a[0]}{self.by}{self.text}"
            case "idx":
                return f"{a[0]}[{a[1]}]"
            case "un":
                return f"{self.text}{a[0]}"
            case "post":
                return f"{a[0]}{self.text}"
            case "bin":
                return f"({a[0]} {self.text} {a[1]})"
            case "assign":
                return f"{a[0]} {self.text} {a[1]}"
            case "cond":
                return f"({a[0]} ? {a[1]} : {a[2]})"
            case "cast":
                return f"({self.text}){a[0]}"
            case "comma":
                return f"{a[0]}, {a[1]}"
            case _:
                return self.text

    @property
    def callee(self) -> str:
        return self.args[0].text if self.kind == "call" and self.args[0].kind == "id" else ""

    @property
    def line(self) -> int:
        return self.tokens[0].line if self.tokens else 0


@dataclass(frozen=True)
class Stmt:
    """kind: expr decl if for foreach while do switch case default return break continue fallthrough goto label block
    close otherwise. open: the piece ends inside it."""

    kind: str
    line: int
    tokens: tuple[Token, ...]  # of all of it
    expr: Expr | None = None  # what is evaluated: a condition, a value, a loop's head
    name: str = ""  # declared, or a label
    type: str = ""
    then: tuple[Stmt, ...] = ()
    other: tuple[Stmt, ...] = ()
    open: bool = False

    @property
    def own(self) -> list[Token]:
        """Its tokens without those of its expressions and of the statements in it."""
        inner = {t.place for s in (*self.then, *self.other) for t in s.tokens}
        inner |= {t.place for t in self.expr.tokens} if self.expr else set()
        return [t for t in self.tokens if t.place not in inner]


class Parser:
    """Recursive descent. piece: the statements may begin and end in the middle of blocks."""

    def __init__(self, tokens: Sequence[Token], piece: bool = False) -> None:
        self.t, self.i, self.piece, self.depth, self.ended = list(tokens), 0, piece, 0, False

    def peek(self, k: int = 0) -> Token:
        at = self.i + k
        return self.t[at] if 0 <= at < len(self.t) else Token("eof", "", self.t[-1].line if self.t else 0, 0)

    def next(self) -> Token:
        token = self.peek()
        self.i += 1
        return token

    def at(self, *texts: str) -> bool:
        return self.peek().kind != "str" and self.peek().text in texts

    def expect(self, text: str) -> None:
        token = self.next()
        if token.text != text or token.kind == "str":
            found = repr(token.text) if token.kind != "eof" else "the end of what the hunk shows"
            raise NotLifted(token.line, f"cannot parse: {text!r} was expected, found {found}")

    def made(self, start: int, kind: str, text: str, *args: Expr) -> Expr:
        return Expr(kind, text, args, tuple(self.t[start : self.i]))

    # --- expressions

    def expr(self) -> Expr:
        start, left = self.i, self.assign()
        while self.at(","):
            self.next()
            right = self.assign()
            left = self.made(start, "comma", ",", left, right)
        return left

    def assign(self) -> Expr:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotLifted(self.peek().line, "cannot parse: it is nested too deep")
        start, left = self.i, self.cond()
        if self.peek().kind == "op" and self.peek().text in _ASSIGN:
            op = self.next().text
            right = self.assign()
            left = self.made(start, "assign", op, left, right)
        self.depth -= 1
        return left

    def cond(self) -> Expr:
        start, test = self.i, self.binary(0)
        if not self.at("?"):
            return test
        self.next()
        yes = test if self.at(":") else self.expr()
        self.expect(":")
        no = self.cond()
        return self.made(start, "cond", "?", test, yes, no)

    def binary(self, level: int) -> Expr:
        if level == len(_BINARY):
            return self.unary()
        start, left = self.i, self.binary(level + 1)
        while self.peek().kind == "op" and self.peek().text in _BINARY[level]:
            op = self.next().text
            right = self.binary(level + 1)
            left = self.made(start, "bin", op, left, right)
        return left

    def is_type(self, k: int = 0) -> bool:
        one, two = self.peek(k), self.peek(k + 1)
        named = one.text.endswith("_t") and (two.text in ("*", ")") or two.kind == "id")
        return one.kind == "id" and (one.text in _TYPES or named)

    def is_pointer(self) -> bool:
        """`Type *name = value;`: as a statement, a product would do nothing."""
        kinds = [self.peek(k).kind for k in range(3)]
        return (kinds, self.peek(1).text) == (["id", "op", "id"], "*") and self.peek(3).text in ("=", ";", ",")

    def type_name(self) -> str:
        words = list[str]()
        while self.at("*") or (self.peek().kind == "id" and (self.is_type() or (words[-1:] and words[-1] in ("struct", "union", "enum")))):  # fmt: skip
            words.append(self.next().text)
        return " ".join(words)

    def unary(self) -> Expr:
        start, token = self.i, self.peek()
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotLifted(token.line, "cannot parse: it is nested too deep")
        try:
            if token.kind == "op" and token.text in ("!", "~", "-", "+", "*", "&", "++", "--"):
                self.next()
                return self.made(start, "un", token.text, self.unary())
            if token.text == "sizeof":
                self.next()
                self.expect("(")
                self.skip_to_close(1)
                return self.made(start, "opaque", "sizeof")
            if token.text == "(" and self.is_type(1):
                self.next()
                name = self.type_name()
                self.expect(")")
                if self.at("{"):
                    raise NotLifted(token.line, "a compound literal is not in the subset of C that is read")
                return self.made(start, "cast", name, self.unary())
            return self.postfix()
        finally:
            self.depth -= 1

    def skip_to_close(self, depth: int) -> None:
        while depth:
            token = self.next()
            if token.kind == "eof":
                raise NotLifted(token.line, "cannot parse: a bracket is not closed")
            depth += (token.text in ("(", "{")) - (token.text in (")", "}"))

    def primary(self) -> Expr:
        start, token = self.i, self.next()
        if token.kind == "num":
            return self.made(start, "num", str(int(_octal(re.sub(r"[uUlL]+$", "", token.text)), 0)))
        if token.kind in ("str", "id"):
            while self.peek().kind == "str":  # "a" "b", KERN_INFO "text"
                self.next()
            return self.made(start, token.kind, token.text)
        if token.text == "(" and not self.at("{"):
            inner = self.expr()
            self.expect(")")
            return replace(inner, tokens=tuple(self.t[start : self.i]))
        found = f"an expression cannot begin with {token.text!r}" if token.kind != "eof" else "the hunk ends inside it"
        raise NotLifted(token.line, f"cannot parse: {found}")

    def postfix(self) -> Expr:
        start, left = self.i, self.primary()
        while True:
            if self.at("("):
                self.next()
                args = list[Expr]()
                while not self.at(")"):
                    args.append(self.argument())
                    if not self.at(")"):
                        self.expect(",")
                self.next()
                left = self.made(start, "call", "", left, *args)
            elif self.at("->", "."):
                by = self.next().text
                name = self.next()
                if name.kind != "id":
                    raise NotLifted(name.line, f"cannot parse: no member is called {name.text!r}")
                left = replace(self.made(start, "mem", name.text, left), by=by)
            elif self.at("["):
                self.next()
                index = self.expr()
                self.expect("]")
                left = self.made(start, "idx", "", left, index)
            elif self.at("++", "--"):
                left = self.made(start, "post", self.next().text, left)
            else:
                return left

    def argument(self) -> Expr:
        if self.is_type() and self.peek(1).text != "(":
            start = self.i
            return self.made(start, "opaque", self.type_name())
        return self.assign()

    # --- statements

    def made_stmt(self, start: int, kind: str, **parts: object) -> Stmt:
        tokens = tuple(self.t[start : self.i])
        return Stmt(kind, self.t[start].line, tokens, open=self.ended, **parts)  # type: ignore[arg-type]

    def block(self) -> tuple[Stmt, ...]:
        """After its `{`."""
        out = list[Stmt]()
        while not self.at("}"):
            if self.peek().kind == "eof":
                if not self.piece:
                    raise NotLifted(self.peek().line, "cannot parse: a block is not closed")
                self.ended = True
                return tuple(out)
            out.extend(self.statement())
        self.next()
        return tuple(out)

    def body(self) -> tuple[Stmt, ...]:
        if self.at("{"):
            self.next()
            return self.block()
        if self.peek().kind == "eof" and self.piece:
            self.ended = True
            return ()
        return self.statement()

    def statement(self) -> tuple[Stmt, ...]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotLifted(self.peek().line, "cannot parse: it is nested too deep")
        found = self._statement()
        self.depth -= 1
        return found

    def _statement(self) -> tuple[Stmt, ...]:
        start, word = self.i, self.peek()
        k = word.text if word.kind != "str" else ""
        if k == "{":
            self.next()
            inner = self.block()
            return (self.made_stmt(start, "block", then=inner),)
        if k == ";":
            self.next()
            return (self.made_stmt(start, "empty"),)
        if k in ("if", "while", "switch", "for", "do"):
            return (self.compound(start, k),)
        if k == "case" or (k == "default" and self.peek(1).text == ":"):
            self.next()
            value = self.cond() if k == "case" else None
            self.expect(":")
            return (self.made_stmt(start, k, expr=value),)
        if k in ("return", "break", "continue", "fallthrough", "goto"):
            self.next()
            label = self.next().text if k == "goto" else ""
            value = self.expr() if k == "return" and not self.at(";") else None
            self.expect(";")
            return (self.made_stmt(start, k, expr=value, name=label),)
        if word.kind == "id" and self.peek(1).text == ":":
            self.i += 2
            return (self.made_stmt(start, "label", name=k),)
        if word.kind == "id" and _FOREACH.fullmatch(k) and self.peek(1).text == "(":
            head = self.postfix()
            inner = self.body()
            return (self.made_stmt(start, "foreach", expr=head, then=inner),)
        if self.is_type() or (word.kind == "id" and self.peek(1).kind == "id") or self.is_pointer():
            return self.declaration()
        value = self.expr()
        self.expect(";")
        return (self.made_stmt(start, "expr", expr=value),)

    def compound(self, start: int, k: str) -> Stmt:
        self.next()
        if k == "do":
            inner = self.body()
            self.expect("while")
            self.expect("(")
            test = self.expr()
            self.expect(")")
            self.expect(";")
            return self.made_stmt(start, k, expr=test, then=inner)
        self.expect("(")
        if k == "for":
            head = self.for_head()
            return self.made_stmt(start, k, expr=head, then=self.body())
        test = self.expr()
        self.expect(")")
        inner, other = self.body(), tuple[Stmt, ...]()
        if k == "if" and self.at("else"):
            self.next()
            other = self.body()
        return self.made_stmt(start, k, expr=test, then=inner, other=other)

    def otherwise(self, start: int) -> Stmt:
        """`else`, or `} else`, of an `if` that began before the hunk."""
        if self.next().text != "else":
            self.next()
        inner = self.body()
        return self.made_stmt(start, "otherwise", then=inner)

    def for_head(self) -> Expr:
        """`for (a; b; c)` as a call of three."""
        start, parts = self.i, list[Expr]()
        for end in (";", ";", ")"):
            if self.is_type():
                raise NotLifted(self.peek().line, "a loop that declares its variable is not in the subset that is read")
            parts.append(self.made(self.i, "opaque", "") if self.at(end) else self.expr())
            self.expect(end)
        return self.made(start, "call", "", Expr("id", "for"), *parts)

    def declaration(self) -> tuple[Stmt, ...]:
        start, words = self.i, list[str]()
        while self.peek().kind == "id" and (self.peek(1).kind == "id" or self.peek(1).text == "*"):
            words.append(self.next().text)
        out = list[Stmt]()
        while True:
            stars = 0
            while self.at("*"):
                self.next()
                stars += 1
            name = self.next()
            if self.at("[") and self.peek(2).text == "]" and self.peek(3).text in (",", ";"):
                self.i += 3  # an array without values: who fills it is a statement
                stars += 1
            if name.kind != "id" or self.at("[", "(", ":"):
                raise NotLifted(
                    name.line, f"a declaration with {self.peek(-1).text!r} is not in the subset that is read"
                )
            value = None
            if self.at("="):
                self.next()
                value = self.assign()
            end = self.next()
            if end.text not in (",", ";"):
                raise NotLifted(end.line, f"cannot parse: ';' was expected, found {end.text!r}")
            type_ = " ".join(w for w in words if w != "const") + " *" * bool(stars)
            out.append(self.made_stmt(start, "decl", expr=value, name=name.text, type=type_))
            start = self.i
            if end.text == ";":
                return tuple(out)


def _octal(digits: str) -> str:
    return "0o" + digits[1:] if re.fullmatch(r"0[0-7]+", digits) else digits


def expression(text: str, line: int = 1) -> Expr:
    """An expression that is all of a text. Raises NotLifted."""
    parser = Parser(tokens_of(text, line))
    found = parser.expr()
    if parser.peek().kind != "eof":
        raise NotLifted(line, f"cannot parse: {parser.peek().text!r} after an expression")
    return found


def piece(tokens: Sequence[Token]) -> list[Stmt]:
    """The statements that a hunk shows. What is cut at its begin and at its end is left out, if nothing of it is changed;
    `}` of a block that began before it is `close`, `} else {` is `otherwise`. Raises NotLifted."""
    tokens = list(tokens)
    while tokens:
        parser, out, start = Parser(tokens, piece=True), list[Stmt](), 0
        try:
            while parser.peek().kind != "eof":
                start = parser.i
                if parser.at("else") or (parser.at("}") and parser.peek(1).text == "else"):
                    out.append(parser.otherwise(start))
                elif parser.at("}"):
                    parser.next()
                    out.append(parser.made_stmt(start, "close"))
                else:
                    out.extend(parser.statement())
            return out
        except NotLifted:
            rest = tokens[start:]
            if parser.i >= len(tokens) and not any(t.changed for t in rest):
                return out  # the last statement is cut
            cut = _first_end(tokens)
            if out or not cut or any(t.changed for t in tokens[:cut]):
                raise
            tokens = tokens[cut:]
    return []


def _first_end(tokens: Sequence[Token]) -> int:
    """Where the next statement may begin, after one whose begin is not shown."""
    return next((i + 1 for i, t in enumerate(tokens) if t.kind == "op" and t.text in (";", "{")), 0)


def pure(e: Expr) -> bool:
    """It changes nothing, as far as one can see."""
    changing = e.kind in ("call", "assign", "post", "opaque") or (e.kind == "un" and e.text in ("++", "--"))
    return not changing and all(pure(a) for a in e.args)
