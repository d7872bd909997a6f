"""Values of #defines, and registers of which the model has some bits."""

from __future__ import annotations

from collections.abc import Mapping

from lift.cparse import Expr, expression
from lift.refusal import NotLifted
from lift.table import Register

_WIDTH = 64
_ONE_BIT = ("BIT", "_BITUL", "_BITULL", "BIT_ULL", "BIT_MASK")
_DEEPEST = 50
_SIGNED = (
    "char",
    "short",
    "int",
    "long",
    "signed",
    "s8",
    "s16",
    "s32",
    "s64",
    "int8_t",
    "int16_t",
    "int32_t",
    "int64_t",
)
_BITS = {
    "char": 8, "short": 16, "int": 32, "long": 64, "long long": 64,
    **{name: bits for bits in (8, 16, 32, 64) for name in (f"u{bits}", f"s{bits}", f"__u{bits}", f"uint{bits}_t", f"int{bits}_t")},
}  # fmt: skip


def value_of(e: Expr, defines: Mapping[str, str], deep: int = 0) -> int | None:
    """Of an expression of constants, as 64 bits without a sign; None if it is none."""
    if deep > _DEEPEST:
        return None
    one = [value_of(a, defines, deep + 1) for a in e.args]
    known = [v for v in one if v is not None]
    whole = len(known) == len(one)
    match e.kind:
        case "num":
            return int(e.text)
        case "id" if e.text in defines:
            return value_of(defined(e.text, defines), defines, deep + 1)
        case "call" if e.callee in _ONE_BIT and len(one) == 2 and one[1] is not None and one[1] < _WIDTH:
            return 1 << one[1]
        case "cast" if whole:
            return _cast(e.text, known[0])
        case "un" if whole and e.text in ("~", "-"):
            return (~known[0] if e.text == "~" else -known[0]) & ((1 << _WIDTH) - 1)
        case "bin" if whole:
            return _binary(e.text, *known)
        case _:
            return None


def _cast(type_: str, value: int) -> int | None:
    """None: it is not known how wide the type is."""
    words = type_.split()
    bits = _BITS.get(" ".join(word for word in words if word not in ("const", "unsigned", "signed")) or "int")
    if bits is None or "*" in type_:
        return None
    kept = value & ((1 << bits) - 1)
    negative = words[-1] in _SIGNED and "unsigned" not in words and kept >> (bits - 1)
    return kept | (((1 << _WIDTH) - 1) ^ ((1 << bits) - 1)) if negative else kept


def _binary(op: str, a: int, b: int) -> int | None:
    match op:
        case "|":
            return a | b
        case "&":
            return a & b
        case "^":
            return a ^ b
        case "+":
            return (a + b) & ((1 << _WIDTH) - 1)
        case "<<" if b < _WIDTH:
            return (a << b) & ((1 << _WIDTH) - 1)
        case _:
            return None


def defined(name: str, defines: Mapping[str, str]) -> Expr:
    try:
        return expression(defines[name])
    except NotLifted:
        return Expr("opaque", defines[name])


def names_in(e: Expr, defines: Mapping[str, str], deep: int = 0) -> set[str]:
    """The #defines that an expression uses, also through others."""
    found = {e.text} if e.kind == "id" and e.text in defines else set[str]()
    for part in [defined(e.text, defines)] if found and deep < _DEEPEST else e.args:
        found |= names_in(part, defines, deep + 1)
    return found


def bits_of(value: int, register: Register) -> str:
    """Is one of these bits of the register set? In the model's words."""
    said = [words for bit, words in sorted(register.bits.items()) if value >> bit & 1]
    if "True" in said or any(f"not {word}" in said for word in said):
        return "True"
    return " or ".join(w if w.isidentifier() else f"({w})" for w in said) or "False"
