"""Where the table looks for a key: by eight slots at a time, around its end too, against one slot after the other."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Sequence

import pytest

from checker.engine import engine_abi
from checker.engine.build import load_c

BITS = 4
SLOTS, IDS = 1 << BITS, (1 << BITS) - 1
HEADER = engine_abi.engine_source().partition("/* ---- formulas:")[0]  # as far as the table is told
ASKED = """
u64 likely(u32 *slots, u32 bits, u64 hash) {
    const struct Table t = {slots, NULL, NULL, bits, 1, 0};
    return likely_slot(&t, hash);
}
"""


def looks(header: str, flags: Sequence[str], slots: Sequence[int], home: int, tag: int) -> int:
    """What lies behind the last slot looks empty."""
    library = load_c("#define _GNU_SOURCE\n" + header + ASKED, flags)
    library.likely.restype, library.likely.argtypes = (
        ctypes.c_uint64,
        [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64],
    )
    memory = (ctypes.c_uint32 * (2 * SLOTS))(*slots)
    found: int = library.likely(memory, BITS, home << (64 - BITS) | tag)
    return found


def expected(slots: Sequence[int], home: int, tag: int) -> int:
    around = [(home + k) % SLOTS for k in range(SLOTS)]
    return next(at for at in around if not slots[at] or slots[at] & ~IDS == tag << BITS)


def differences(header: str, flags: Sequence[str] = ("-O1",)) -> int:
    choose, wrong = random.Random(5), 0
    for full in [12, 14, 15] * 20:
        used = set(choose.sample(range(SLOTS), full))
        slots = [choose.randrange(3) << BITS | 1 + choose.randrange(IDS) if at in used else 0 for at in range(SLOTS)]
        for home in range(SLOTS):
            tag = choose.randrange(3)
            wrong += looks(header, flags, slots, home, tag) != expected(slots, home, tag)
    return wrong


@pytest.mark.parametrize("flags", [("-O1",), ("-O2", "-U__SSE2__")], ids=["four in one", "one by one"])
def test_the_first_likely_slot(flags: tuple[str, ...]) -> None:
    assert differences(HEADER, flags) == 0


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("(at + 8) & ones(t->slot_bits)", "at + 8"),
        ("~0u << from", "~0u"),
        ("(entry & ~ids) == tag", "(entry & ~ids) != tag"),
    ],
)
def test_a_mistake_is_seen(right: str, wrong: str) -> None:
    assert HEADER.count(right) == 1, right
    assert differences(HEADER.replace(right, wrong)) > 0
