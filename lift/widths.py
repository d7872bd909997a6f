"""The integers of C: how wide they are, and so which values they hold."""

from __future__ import annotations

_OF = {
    (8, False): "u8 __u8 uint8_t|unsigned char",
    (8, True): "s8 __s8 int8_t|signed char",
    (16, False): "u16 __u16 uint16_t|unsigned short",
    (16, True): "s16 __s16 int16_t short",
    (32, False): "u32 __u32 uint32_t unsigned|unsigned int",
    (32, True): "s32 __s32 int32_t int signed|signed int",
    (64, False): "u64 __u64 uint64_t size_t ulong gpa_t gfn_t hpa_t|unsigned long|unsigned long long|unsigned long int",
    (64, True): "s64 __s64 int64_t ssize_t long|long long|long int",
}
# `char` is none of them: its sign is another one from kernel to kernel
_WIDTHS = {
    name: of for of, text in _OF.items() for at, part in enumerate(text.split("|")) for name in (part.split() if not at else [part])
}  # fmt: skip
INT = 32  # bits of an int: what C counts with


def plain(type_: str) -> str:
    """Without what says nothing of its values."""
    return " ".join(word for word in type_.split() if word != "const")


def width(type_: str) -> tuple[int, bool] | None:
    """(bits, signed) of an integer; a bool, a pointer and a name that is not known are none."""
    return _WIDTHS.get(plain(type_))


def holds_all(new: str, old: str) -> bool:
    """Does a value of the old type mean the same in the new one?"""
    if plain(new) == plain(old):
        return True
    a, b = width(new), width(old)
    return a is not None and b is not None and a[1] == b[1] and a[0] >= b[0]


def holds_mask(type_: str) -> bool:
    """Is no bit of a register lost in it? A bool asks for all of them."""
    of = width(type_)
    return plain(type_) == "bool" or (of is not None and of[0] >= INT)


def holds(type_: str, of: str) -> bool:
    """A value that the model has as of this type; how large it is in C, the model does not say."""
    bits = width(type_)
    if bits is None:
        return plain(type_).startswith("enum ") and not of.endswith("| None")
    return bits[0] >= INT and (bits[1] or not of.endswith("| None"))  # None is -1 in C
