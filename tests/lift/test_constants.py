"""What a constant of C is worth: a cast cuts it."""

from __future__ import annotations

import pytest

from lift.constants import value_of
from lift.cparse import expression

ALL = (1 << 64) - 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(u16)(1 << 24)", 0), ("(u32)(1 << 24)", 1 << 24), ("(u8)0x1ff", 0xFF), ("(unsigned char)0x1ff", 0xFF), ("(__u16)BIT", 5),
        ("(u64)~0", ALL), ("(int)0x80000000", ALL ^ 0x7FFFFFFF), ("(s8)0xff", ALL), ("(unsigned int)~0", 0xFFFFFFFF),
        ("(unsigned long)(1 << 24)", 1 << 24), ("(long long)3", 3), ("(bool)2", None), ("(gfn_t)2", None), ("(u8 *)2", None),
        ("(unsigned)0x1ffffffff", 0xFFFFFFFF), ("(uint16_t)0x10001", 1),
    ],
)  # fmt: skip
def test_a_cast_cuts(text: str, value: int | None) -> None:
    assert value_of(expression(text), {"BIT": "0x10005"}) == value
