"""What a library's steps on keys say of a state, held against its steps on cells."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from checker.engine.native import NONE
from checker.language.layout import Layout

Found = tuple[int, bool, tuple[int, ...]]  # label, whether it is a fault, and what it leads to


def assert_same_keys(
    library: ctypes.CDLL, layout: Layout, frozen: bytes, codes: Sequence[int], found: Sequence[Found], room: int
) -> None:
    """frozen: a C state with the choices. found: what the steps on cells say. room: the instances of the steps."""
    size = 4 * max(1, -(-layout.bits // 32))
    key = layout.pack(codes).to_bytes(size, "little")
    out = ctypes.create_string_buffer(b"\xee" * (size * (room + 1)), size * (room + 1))
    labels = (ctypes.c_uint16 * (room + 1))(*[0xEEEE] * (room + 1))
    count = ctypes.c_uint32(library.eoi_keys(key, frozen, out, labels)).value
    assert labels[room] == 0xEEEE and out.raw[size * room :] == b"\xee" * size
    spilt = (code >> bits for _, _, after in found for code, bits in zip(after, layout.widths, strict=True))
    if any(fault for _, fault, _ in found) or any(spilt):
        assert count == NONE
        return
    assert count == len(found)
    keys = [out.raw[k * size : (k + 1) * size] for k in range(count)]
    expected = [(label, layout.pack(after).to_bytes(size, "little")) for label, _, after in found]
    assert list(zip(labels[:count], keys, strict=True)) == expected
