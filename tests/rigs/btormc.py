"""BTOR2 as others read it: the parser of btor2tools and the model checker of Boolector, both in the wheel of pyboolector."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Mapping
from ctypes import POINTER, Structure, c_char_p, c_int, c_int32, c_int64, c_uint32, c_void_p
from pathlib import Path
from typing import Any

FOUND = importlib.util.find_spec("pyboolector")
WHY_MISSING = None if FOUND is not None else "not installed (pip install pyboolector)"


class _Sort(Structure):
    _fields_ = [("id", c_int64), ("tag", c_int), ("name", c_char_p), ("one", c_int64), ("other", c_int64)]


class _Line(Structure):
    _fields_ = [
        ("id", c_int64), ("lineno", c_int64), ("name", c_char_p), ("tag", c_int), ("sort", _Sort), ("init", c_int64),
        ("next", c_int64), ("constant", c_char_p), ("symbol", c_char_p), ("nargs", c_uint32), ("args", POINTER(c_int64)),
    ]  # fmt: skip


RETURNS: Mapping[str, Any] = {
    "btor2parser_new": c_void_p, "btor2parser_read_lines": c_int, "btor2parser_error": c_char_p, "btor2parser_max_id": c_int64,
    "btor2parser_get_line_by_id": POINTER(_Line), "btor2parser_delete": None, "boolector_mc_new": c_void_p,
    "boolector_mc_get_btor": c_void_p, "boolector_bitvec_sort": c_void_p, "boolector_zero": c_void_p, "boolector_one": c_void_p,
    "boolector_and": c_void_p, "boolector_not": c_void_p, "boolector_mc_input": c_void_p, "boolector_mc_state": c_void_p,
    "boolector_mc_init": None, "boolector_mc_next": None, "boolector_mc_bad": c_uint32, "boolector_mc_bmc": c_int32,
    "boolector_mc_kind": c_int32, "fopen": c_void_p, "fclose": c_int,
}  # fmt: skip


class Btormc:
    """One file, as it was read. names: the symbol of each `bad`, in order. Raises ValueError with what the parser said."""

    def __init__(self, path: Path) -> None:
        assert FOUND is not None and FOUND.origin is not None
        (file,) = (Path(FOUND.origin).parent / "pyboolector.libs").glob("libboolector*")
        self._of, self._c = ctypes.CDLL(str(file)), ctypes.CDLL(None)
        self._reader = c_void_p(self._call("btor2parser_new"))
        opened = c_void_p(self._call("fopen", str(path).encode(), b"r"))
        if not self._call("btor2parser_read_lines", self._reader, opened):
            raise ValueError(self._call("btor2parser_error", self._reader).decode())
        self._call("fclose", opened)
        self.names = list[str]()
        self._mc = c_void_p(self._call("boolector_mc_new"))
        self._btor = c_void_p(self._call("boolector_mc_get_btor", self._mc))
        self._sort = c_void_p(self._call("boolector_bitvec_sort", self._btor, c_uint32(1)))
        self._nodes = dict[int, c_void_p]()
        for number in range(1, self._call("btor2parser_max_id", self._reader) + 1):
            self._take(self._call("btor2parser_get_line_by_id", self._reader, c_int64(number)).contents)

    def bmc(self, most: int) -> int:
        """After how many steps the first `bad` is reached; -1 if none is within that many."""
        return int(self._call("boolector_mc_bmc", self._mc, c_int32(0), c_int32(most)))

    def _call(self, name: str, *args: Any) -> Any:
        function = getattr(self._c if name in ("fopen", "fclose") else self._of, name)
        function.restype = RETURNS[name]
        return function(*args)

    def _node(self, number: int) -> c_void_p:
        node = self._nodes[abs(number)]
        return node if number > 0 else c_void_p(self._call("boolector_not", self._btor, node))

    def _take(self, line: Any) -> None:
        word, args = line.name.decode(), [line.args[k] for k in range(line.nargs)]
        match word:
            case "sort":
                assert line.sort.one & 0xFFFFFFFF == 1
            case "zero" | "one":
                self._nodes[line.id] = c_void_p(self._call(f"boolector_{word}", self._btor, self._sort))
            case "input" | "state":
                self._nodes[line.id] = c_void_p(self._call(f"boolector_mc_{word}", self._mc, self._sort, line.symbol))
            case "and":
                self._nodes[line.id] = c_void_p(self._call("boolector_and", self._btor, *map(self._node, args)))
            case "init" | "next":
                self._call(f"boolector_mc_{word}", self._mc, *map(self._node, args))
            case "bad":
                self.names.append(line.symbol.decode())
                self._call("boolector_mc_bad", self._mc, self._node(args[0]))
            case _:
                raise AssertionError(f"nothing that is written here: {word}")
