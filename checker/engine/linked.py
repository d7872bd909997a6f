"""Programs put together from parts that were compiled one by one (cgen_part.py, linked.h).

A part's file is compiled once, whatever it is mixed with, and kept by its text; putting a program together is filling
tables. What two parts must agree on is checked when they are: the state's layout, and that every function that one
calls is there.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import threading
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from checker.engine.atoms import bits_of
from checker.engine.build import compile_c, cores, is_whole, load_named
from checker.engine.cache_folder import cache_dir
from checker.engine.cgen_part import TABLE_HEAD, Contents, Export, PartUnit, contents_of
from checker.engine.meaning import Meaning, meaning_of
from checker.engine.parts import Parts
from checker.engine.passages import Passage, judging
from checker.errors import InternalError
from checker.language.ir import Program
from checker.language.layout import bindings
from model.lang import Design

U64 = NDArray[np.uint64]

_lock = threading.Lock()
MOST_UNITS = 2_000
_units: dict[Hashable, PartUnit] = {}
_modules: dict[PartFile, Module] = {}


def unit_of(contents: Contents) -> PartUnit:
    """The file of these contents, written once."""
    key = contents.key()
    with _lock:
        if key not in _units:
            if len(_units) >= MOST_UNITS:
                _units.clear()
            _units[key] = PartUnit(contents)
        return _units[key]


@dataclass(frozen=True)
class PartFile:
    """A part's file as a program has it: where it is compiled to, what it exports, what it takes the state for, which
    functions of other parts it calls, the last indices that it counts to, and which of the noted passages it marks."""

    library: str
    exports: tuple[Export, ...]
    layout: tuple[int, ...]
    imports: tuple[str, ...]
    lasts: tuple[int, ...]
    marked: tuple[int, ...]

    def is_there(self) -> bool:
        return self in _modules or is_whole(cache_dir() / self.library)


class Module:
    """A part's file, loaded. Raises OSError, InternalError if it is another part's."""

    def __init__(self, file: PartFile) -> None:
        self.file = file
        self.library = load_named(cache_dir() / file.library)
        exports = (ctypes.c_uint64 * len(file.exports)).in_dll(self.library, "eoi_exports")
        self.address: dict[Export, int] = dict(zip(file.exports, exports, strict=True))
        if tuple((ctypes.c_uint64 * len(file.layout)).in_dll(self.library, "eoi_layout")) != file.layout:
            raise InternalError("a compiled part takes the state for another one than its program does")


def _module(file: PartFile) -> Module:
    with _lock:
        if file not in _modules:
            _modules[file] = Module(file)
        return _modules[file]


class LinkedProgram:
    """What every search of a program shares: its files, and its tables but for where they lie. noted: the passages of the
    user's files, of which a search notes whether its steps enter them. offsets: where the fields of each part begin."""

    def __init__(
        self, program: Program, noted: Sequence[Passage], offsets: Sequence[int], files: Sequence[PartFile],
        meaning: Meaning,
    ) -> None:  # fmt: skip
        self.program, self.noted, self.offsets, self.files = program, tuple(noted), tuple(offsets), tuple(files)
        self.meaning = meaning
        self._tables: _Tables | None = None

    def start(self, steps: Sequence[int] | None = None) -> Linked:
        """The tables of one search. steps: by number; default all. Raises InternalError."""
        if self._tables is None:
            self._tables = _Tables(self.program, self.offsets, [_module(file) for file in self.files])
        return Linked(self._tables, self.noted, steps)


def link(
    program: Program, design: type[Design], noted: Sequence[Passage], together: Sequence[Hashable] = ()
) -> LinkedProgram:
    """Write the files of a program's parts, and compile those that are not in the cache. together: of each formula, see
    contents_of. Raises NoCompiler, CompileFailed."""
    parts = Parts(program, design)
    units = [unit_of(contents) for contents in contents_of(program, parts, noted, together)]
    with ThreadPoolExecutor(cores()) as pool:
        libraries = list(pool.map(_library, units, itertools.repeat(cache_dir())))
    numbers = {passage.first: k for k, passage in enumerate(noted)}
    files = [
        PartFile(
            library, tuple(unit.exports), tuple(unit.layout()), tuple(f.name for f in unit.contents.imports),
            tuple(unit.lasts.values()), tuple(numbers[statement] for statement in unit.contents.marked),
        )
        for unit, library in zip(units, libraries, strict=True)
    ]  # fmt: skip
    return LinkedProgram(program, noted, parts.offsets, files, meaning_of(program, parts, noted, units))


@functools.lru_cache(maxsize=MOST_UNITS)
def _library(unit: PartUnit, cache: Path) -> str:
    """The name of its library in this cache."""
    return compile_c(unit.source()).name


class _Tables:
    """The tables of a program, relative to where they will lie. Each part's table is there three times: for steps, whose
    marks and faults count; for what properties ask, whose marks count in functions that no step calls; for witnesses that are
    asked beside these, whose do not."""

    def __init__(self, program: Program, offsets: Sequence[int], modules: Sequence[Module]) -> None:
        self.modules = modules
        home = {
            name: number for number, module in enumerate(modules) for kind, name in module.address if kind == "function"
        }
        start = {export: number for number, module in enumerate(modules) for export in module.address}
        sizes = [
            TABLE_HEAD + len(offsets) + 2 * len(module.file.imports) + len(module.file.lasts) for module in modules
        ]
        # of each module's table; its end: their size
        self.at = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        total = int(self.at[-1])
        words, inner = np.zeros(total, np.uint64), list[int]()
        for number, module in enumerate(modules):
            first = int(self.at[number]) + TABLE_HEAD
            words[first : first + len(offsets)] = offsets
            for k, name in enumerate(module.file.imports):
                if name not in home:
                    raise InternalError(f"{name}() is called and no part of {program.name} has it")
                at, of = first + len(offsets) + 2 * k, home[name]
                words[at] = modules[of].address["function", name]
                words[at + 1] = 8 * self.at[of]
                inner.append(at + 1)
            end = first + len(offsets) + 2 * len(module.file.imports)
            words[end : end + len(module.file.lasts)] = module.file.lasts
        self.words, self.inner = words, np.array(inner, np.int64)  # inner: which words are places of tables
        moves, label = list[tuple[Export, tuple[int, ...]]](), 0
        for step in program.steps:
            moves.append((("step", step.name), (label,)))
            label += sum(1 for _ in bindings(step.params))
        self.moves = self._calls(moves, start)
        asked: dict[bool, list[tuple[Export, tuple[int, ...]]]] = {False: [], True: []}
        bits = {False: 0, True: 0}
        self.kinds = _tables_of_formulas(program)
        for formula in program.formulas:
            count = bits_of(formula)
            asked[formula.of_edges].append((("formula", formula.functions[0]), (bits[formula.of_edges], count)))
            bits[formula.of_edges] += count
        self.atoms, self.edge_atoms = self._calls(asked[False], start), self._calls(asked[True], start)

    def _calls(self, calls: Sequence[tuple[Export, tuple[int, ...]]], start: dict[Export, int]) -> U64:
        """u64[calls, 2 + n]: function, where its part's table begins among the tables, and n numbers."""
        found = np.zeros((len(calls), 2 + len(calls[0][1]) if calls else 1), np.uint64)
        for k, (export, numbers) in enumerate(calls):
            number = start[export]
            found[k] = self.modules[number].address[export], 8 * int(self.at[number]), *numbers
        return found


def _tables_of_formulas(program: Program) -> dict[bool, list[int]]:
    """Of each formula of states, of each of edges: the second table, or the third."""
    judge, found = judging(program), dict[bool, list[int]]({False: [], True: []})
    for formula in program.formulas:
        found[formula.of_edges].append(1 if formula in judge else 2)
    return found


class CLinked(ctypes.Structure):
    """struct Linked."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("moves", "atoms", "edge_atoms", "broken")),
        *((name, ctypes.c_uint32) for name in ("n_moves", "n_asked", "n_asked_of_edges")),
    ]


class Linked:
    """The tables of one search, and what its steps leave there: all, or the steps of some numbers. `c` is struct Linked. Not
    for use by two threads."""

    def __init__(self, tables: _Tables, noted: Sequence[Passage], steps: Sequence[int] | None = None) -> None:
        self._tables, self._asked = tables, np.array([passage.asked for passage in noted], np.bool_)
        self._marked = [number for module in tables.modules for number in module.file.marked]
        self._flags = np.zeros(2, np.uint8)  # a fault of a step, of a property
        self._marks = np.zeros((3, len(self._marked) + 1), np.uint8)
        each = [self._words(kind) for kind in range(3)]
        self._kept = [words for words, _ in each]
        bases = np.array([base for _, base in each], np.uint64)
        moves = tables.moves if steps is None else tables.moves[list(steps)]
        kinds = [[0] * len(moves), tables.kinds[False], tables.kinds[True]]
        calls = zip((moves, tables.atoms, tables.edge_atoms), kinds, strict=True)
        self._calls = [_placed(found, bases[np.array(of, np.int64)]) for found, of in calls]
        self.c = CLinked(*(found.ctypes.data for found in self._calls), self._flags.ctypes.data, *map(len, self._calls))

    def _words(self, kind: int) -> tuple[U64, int]:
        words = self._tables.words.copy()
        base = words.ctypes.data
        words[self._tables.inner] += np.uint64(base)
        marks = self._marks[kind].ctypes.data
        for number, module in enumerate(self._tables.modules):
            at = int(self._tables.at[number])
            words[at], words[at + 1] = self._flags.ctypes.data + min(kind, 1), marks
            marks += len(module.file.marked)
        return words, base

    def marks(self) -> NDArray[np.uint8]:
        """u8[passages]: which of the noted passages the steps entered since the search began; of those of functions that
        properties alone call, which these entered."""
        of_steps, judged = np.zeros((2, len(self._asked)), np.uint8)
        np.maximum.at(of_steps, self._marked, self._marks[0, :-1])
        np.maximum.at(judged, self._marked, self._marks[1, :-1])
        found: NDArray[np.uint8] = np.where(self._asked, judged, of_steps)
        return found


def _placed(calls: U64, bases: U64) -> U64:
    """bases: of each call, where the table that it is given begins."""
    found = calls.copy()
    found[:, 1:2] += bases[:, np.newaxis]
    return found
