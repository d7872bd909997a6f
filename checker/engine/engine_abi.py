"""The C side of the search engine: its source as one text, and the structs and functions Python uses."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from checker.engine.build import compiler, library_path, load_c
from checker.engine.cache_folder import cache_dir

ABI = 1
ENGINE_FLAGS = ("-O2",)
WIDTHS = "-DEOI_WIDTHS"  # see runtime.c
WIDTH = "-DEOI_WIDTH={}"
SIZES = ("words8", "max_successors", "labels", "n_atoms", "n_edge_atoms", "keep_edges", "portable", "n_marks")


class SearchStatus(Enum):
    """enum Status of table.h."""

    RUNNING = 0
    DONE = 1
    FAULT = 2
    OUT_OF_MEMORY = 3
    STATE_LIMIT = 4
    BROKEN_MODEL = 5
    OUT_OF_DISK = 6


@functools.cache
def engine_source() -> str:
    """The engine as one C text."""
    folder = Path(__file__).parent
    text = (folder / "runtime.c").read_text()
    for header in ("table.h", "spill.h", "linked.h", "orbits.h", "threads.h", "noticing.h"):
        include = f'#include "{header}"'
        assert include in text
        text = text.replace(include, (folder / header).read_text())
    return text


class CModel(ctypes.Structure):
    """struct Model: ten pointers, then the sizes."""

    _fields_ = [
        *(
            (name, ctypes.c_void_p)
            for name in (
                "expand",
                "atoms",
                "edge_atoms",
                "marks",
                "keys",
                "linked",
                "mask",
                "frozen",
                "padding",
                "orbits",
            )
        ),
        *((name, ctypes.c_uint32) for name in SIZES),
    ]


class COrbits(ctypes.Structure):
    """struct Orbits."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("cell", "from", "map", "maps", "label")),
        *((name, ctypes.c_uint32) for name in ("n_renamings", "n_cells", "cell_bytes")),
    ]


class CView(ctypes.Structure):
    """struct View. Pointers are addresses, None before the array exists."""

    expanded: int
    states: int
    transitions: int
    levels: int
    bytes: int
    table_bytes: int
    disk_bytes: int
    words32: int
    fault_src: int
    fault_label: int
    fault_stray: int
    keys: int | None
    parent: int | None
    level_end: int | None
    first: int | None
    first_edge: int | None
    label_count: int | None
    row: int | None
    target: int | None
    label: int | None
    _fields_ = [
        *(
            (name, ctypes.c_uint64)
            for name in ("expanded", "states", "transitions", "levels", "bytes", "table_bytes", "disk_bytes")
        ),
        *((name, ctypes.c_uint32) for name in ("words32", "fault_src", "fault_label", "fault_stray")),
        *(
            (name, ctypes.c_void_p)
            for name in (
                *("keys", "parent", "level_end", "first", "first_edge"),
                *("label_count", "row", "target", "label"),
            )
        ),
    ]


_SIGNATURES: dict[str, tuple[type | None, list[type]]] = {
    "engine_new": (ctypes.c_void_p, [ctypes.c_void_p]),
    "engine_free": (None, [ctypes.c_void_p]),
    "engine_add_initial": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_void_p]),
    "engine_run": (ctypes.c_int, [ctypes.c_void_p, *[ctypes.c_uint64] * 3]),
    "engine_view": (ctypes.c_void_p, [ctypes.c_void_p]),
    "engine_state": (None, [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p]),
    "engine_find": (ctypes.c_uint32, [ctypes.c_void_p, ctypes.c_void_p]),
    "engine_successors": (ctypes.c_uint32, [ctypes.c_void_p] * 4),
    "engine_eval_edges": (None, [ctypes.c_void_p, *[ctypes.c_uint64] * 2, ctypes.c_void_p]),
    "engine_differs": (ctypes.c_bool, [*[ctypes.c_void_p] * 4, *[ctypes.c_uint64] * 2]),
    "engine_stands_for": (ctypes.c_uint64, [ctypes.c_void_p, *[ctypes.c_uint64] * 2]),
    "engine_notices": (
        ctypes.c_bool,
        [*[ctypes.c_void_p] * 2, ctypes.c_uint32, *[ctypes.c_uint64] * 2, ctypes.c_void_p],
    ),
    "engine_go_on_whole": (None, [ctypes.c_void_p] * 2),
    "engine_threads": (None, [ctypes.c_void_p, ctypes.c_uint32]),
    "engine_restore": (ctypes.c_int, [*[ctypes.c_void_p] * 2, ctypes.c_uint64]),
    "engine_spill": (ctypes.c_bool, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64]),
    "engine_marks": (None, [ctypes.c_void_p] * 2),
    "engine_part_of": (None, [*[ctypes.c_void_p] * 2, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p]),
    "engine_expand": (
        ctypes.c_uint32,
        [ctypes.c_void_p, *[ctypes.c_uint32] * 3, *[ctypes.c_void_p] * 4],
    ),
    "engine_insert": (ctypes.c_int, [*[ctypes.c_void_p] * 3, *[ctypes.c_uint64] * 2, ctypes.c_void_p]),
    "engine_eval_atoms": (
        None,
        [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32, *[ctypes.c_uint64] * 2, ctypes.c_void_p, ctypes.c_uint64],
    ),
}


def load_engine(extra_flags: Sequence[str]) -> ctypes.CDLL:
    """Compile the engine and declare its functions. Raises as load_c does."""
    return _loaded(engine_source(), (*ENGINE_FLAGS, *extra_flags), compiler(), cache_dir())


def wide_engine(extra_flags: Sequence[str] = ()) -> ctypes.CDLL:
    """The engine that knows how wide a key is: it takes longer to compile, and runs a little faster."""
    return load_engine((*extra_flags, WIDTHS))


def large_engine(width: int, extra_flags: Sequence[str] = ()) -> ctypes.CDLL:
    """For a search of millions of states with keys so wide, in u32: by several threads, too."""
    return load_engine((*extra_flags, WIDTH.format(width)))


def best_engine(extra_flags: Sequence[str]) -> ctypes.CDLL:
    """That one, if somebody has waited for its compiler already; or else the quick one."""
    waited_for = library_path(engine_source(), (*ENGINE_FLAGS, *extra_flags, WIDTHS)).exists()
    return wide_engine(extra_flags) if waited_for else load_engine(extra_flags)


@functools.cache
def _loaded(source: str, flags: tuple[str, ...], compiled_by: str, kept_in: Path) -> ctypes.CDLL:
    library = load_c(source, flags)
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
