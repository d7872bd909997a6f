"""What a patch declares: #defines, fields of structs, enums, and the heads of functions that are new."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lift.accounting import HARMLESS, SAME, Ledger, LeftOut
from lift.constants import value_of
from lift.cparse import expression
from lift.ctokens import Row, Token, tokens, without_comments
from lift.known import Known
from lift.patch import Hunk
from lift.pieces import Define, Piece, split_defines
from lift.refusal import NotLifted
from lift.table import FunctionRow

_STATEMENTS = ("if", "else", "for", "while", "do", "switch", "case", "default", "return", "goto", "break", "continue")
_EXPORTED = re.compile(r"(EXPORT_SYMBOL|MODULE_)\w*$")


def take_defines(hunk: Hunk, known: Known, changed: dict[str, int], brought: dict[str, str]) -> list[LeftOut]:
    """Constants. changed: names of the table's whose value is another one now, and their lines; brought: those that are new."""
    _, old = split_defines(without_comments(hunk.side("+")))
    _, new = split_defines(without_comments(hunk.side("-")))
    gone = {d.name: d for d in old if d.changed and d.word == "define"}
    out = list[LeftOut]()
    for define in (d for d in new if d.changed):
        before = gone.pop(define.name, None)
        number = define.rows[0].number
        if define.word == "include":
            out.append(
                LeftOut("", number, define.rows[0].text.strip(), "what is included is not read", "ignored", True, SAME)
            )
        elif before is not None and _text_of(before) == _text_of(define):
            out.append(
                LeftOut("", number, f"#define {define.name}", "white space alone is changed", "ignored", True, HARMLESS)
            )
        elif define.word == "undef" or not define.name:
            raise NotLifted(number, f"`{define.rows[0].text.strip()}`", "write what it changes by hand")
        else:
            _define(define, before, known, changed, brought)
    for define in gone.values():
        raise NotLifted(define.rows[0].number, f"#define {define.name} is removed", "write what uses it by hand")
    return out


def _text_of(define: Define) -> list[str]:
    return " ".join(row.text.rstrip("\\") for row in define.rows).split()


def _define(
    define: Define, before: Define | None, known: Known, changed: dict[str, int], brought: dict[str, str]
) -> None:
    name, number = define.name, define.rows[0].number
    had = value_of(expression(name), known.defines)
    if before is not None and name not in known.defines:
        raise NotLifted(number, f"#define {name} is changed, and the table does not know who uses it",
                        f"add its value to [constants] of {known.table.file}")  # fmt: skip
    if had is None and name in known.table.names():
        raise NotLifted(
            number, f"#define {name}: the model knows this by another meaning", "write what it changes by hand"
        )
    if before is None and name != "pr_fmt" and (define.is_macro or not name.isupper()):
        # Whoever uses such a name, in what the model stands for, would mean something else from here on.
        what = f"#define {name}{'()' * define.is_macro}: only constants in capitals are read"
        raise NotLifted(number, what, "write a function, or what it changes by hand")
    known.defines[name] = define.value
    if had is None:
        brought[name] = define.value
        return
    if (row := known.table.named("constants", name)) is not None:
        known.table.used.add(row.line)
    try:
        has = value_of(expression(define.value), known.defines)
    except NotLifted as error:
        raise NotLifted(number, f"#define {name}: {error.what}", error.advice) from None
    if has != had:
        if has is None:
            raise NotLifted(number, f"#define {name}: the value is not known")
        changed[name] = number


def take_fields(piece: Piece, known: Known, ledger: Ledger) -> None:
    """New fields of a struct that the model has as a record of its own, or as the machine."""
    row = known.table.named("structs", piece.name)
    for field in _statements(piece.rows):
        new = [t for t in field if t.changed]
        if not new:
            continue
        text = " ".join(t.text for t in field[:-1])
        if row is None and len(field) > 1 and known.table.has_member(field[-2].text):
            ledger.leave(field, text, "the rows say what it is in the model", mark=HARMLESS)
            continue
        if row is None:
            raise NotLifted(field[0].line, f"{piece.name} is changed, and no row of the table stands for it",
                            f"add it to [structs] of {known.table.file}")  # fmt: skip
        if len(new) != len(field):
            raise NotLifted(field[0].line, f"the declaration `{text}` is changed")
        type_, name = " ".join(t.text for t in field[:-2]), field[-2].text
        model = known.table.named("types", type_)
        if name in known.surface.fields[row.right]:
            raise NotLifted(field[0].line, f"the model has a field {name} already")
        if model is None or not name.isidentifier() or row.right != "self":
            raise NotLifted(field[0].line, f"the new field `{text}` has no finite type in the model",
                            f"add `{type_} => <bool, an Enum or an index>` to [types] of {known.table.file}")  # fmt: skip
        known.fields[name] = model.right
        ledger.take(field)


def _statements(rows: Sequence[Row]) -> list[list[Token]]:
    found, now = list[list[Token]](), list[Token]()
    for token in tokens(rows):
        if token.text in ("{", "}"):
            now = []
            if token.changed:
                raise NotLifted(token.line, f"`{token.text}` in a struct is changed")
            continue
        now.append(token)
        if token.text == ";":
            found.append(now)
            now = []
    return found


def take_enum(piece: Piece, known: Known, ledger: Ledger) -> None:
    """An enum that is new has the members that the table says, in their order."""
    row = known.table.named("enums", piece.name)
    if row is None:
        first = next(r for r in piece.rows if r.changed)
        raise NotLifted(first.number, f"{piece.name} is changed, and no row of the table stands for it",
                        f"add it to [enums] of {known.table.file}: its members in their order")  # fmt: skip
    found = tokens(piece.rows)
    members = [t for t in found if t.kind == "id" and t.text not in ("enum", piece.name.split()[1])]
    if (
        any(t.text not in ("{", "}", ",", ";") and t.kind != "id" for t in found)
        or [t.text for t in members] != row.right.split()
    ):
        raise NotLifted(found[0].line, f"{piece.name} has not the members {', '.join(row.right.split())}, in this order",
                        f"see [enums] of {known.table.file}")  # fmt: skip
    ledger.take(found)


def take_head(piece: Piece, known: Known, ledger: Ledger) -> None:
    """A function that is new: its parameters and its result have types of the model."""
    found = tokens(piece.head)
    begin = next(i for i, t in enumerate(found) if t.text == piece.name)
    end = max(i for i, t in enumerate(found) if t.text == ")")
    returned = " ".join(t.text for t in found[:begin] if t.text not in ("static", "inline", "__always_inline", "const"))
    params, types = dict[str, str](), dict[str, str]()
    for words in _split(found[begin + 2 : end]):
        if not words or [t.text for t in words] == ["void"]:
            continue
        c_type, name = " ".join(t.text for t in words[:-1] if t.text != "const"), words[-1].text
        row = known.table.named("types", c_type)
        if row is None:
            raise NotLifted(piece.head[0].number, f"{piece.name}(): the parameter `{c_type} {name}` has no type in the model",
                            f"add `{c_type} => <type>` to [types] of {known.table.file}")  # fmt: skip
        model_name, _, model_type = row.right.partition(": ")
        if not model_type and model_name != "self":
            model_name, model_type = name, row.right
        params[name] = model_name
        if model_name != "self":
            if model_name in types:
                raise NotLifted(piece.head[0].number, f"{piece.name}(): two parameters are `{model_name}` in the model")
            types[model_name] = model_type
    result = known.table.named("types", returned)
    if returned != "void" and (result is None or ":" in result.right or result.right == "self"):
        raise NotLifted(piece.head[0].number, f"{piece.name}(): `{returned}` has no type in the model",
                        f"add `{returned} => <type>` to [types] of {known.table.file}")  # fmt: skip
    known.new[piece.name] = FunctionRow(piece.name, "", params, piece.name, "", 0)
    known.new_types[piece.name] = types
    known.new_returns[piece.name] = result.right if result is not None and returned != "void" else "None"
    ledger.take(found)


def _split(found: Sequence[Token]) -> list[list[Token]]:
    out: list[list[Token]] = [[]]
    for token in found:
        if token.text == ",":
            out.append([])
        else:
            out[-1].append(token)
    return out


def is_prototype(rows: Sequence[Row], known: Known, ledger: Ledger) -> bool:
    """Changed lines outside of functions that only say what is defined elsewhere in the patch or the model."""
    whole = [s for s in _declarations(tokens(rows)) if any(t.changed for t in s)]
    for found in whole:
        named = _declared(found, rows)
        if not named:
            return False
        ledger.leave(found, f"{named}(...);", "a declaration: what is lifted is the definition", mark=HARMLESS)
    return True


def _declared(found: Sequence[Token], rows: Sequence[Row]) -> str:
    """The function that a prototype or an EXPORT_SYMBOL() is of; "" if it may be a statement. Of a hunk without a heading nobody knows
    the function that it is in, and `if (...) return;` ends like a prototype: that one stands at the margin, and says a type before
    its name."""
    texts = [t.text for t in found]
    head = found[: texts.index("(")] if "(" in texts else []
    words = [t.text for t in head if t.kind == "id"]
    at_margin = any(row.number == found[0].line and not row.text[:1].isspace() for row in rows)
    plain = len(words) + sum(t.text == "*" for t in head) == len(head) and texts[-2:] == [")", ";"]
    if not at_margin or not plain or not {"{", "=", *_STATEMENTS}.isdisjoint(texts):
        return ""
    return words[-1] if len(words) > 1 or _EXPORTED.match("".join(words)) else ""


def _declarations(found: Sequence[Token]) -> list[list[Token]]:
    out: list[list[Token]] = [[]]
    for token in found:
        out[-1].append(token)
        if token.text == ";":
            out.append([])
    return [s for s in out if s]
