"""Every mutant of a program in one shared library, compiled once; walks and comparisons of states run in C.

A function that has mutants becomes a switch over a global variable, `eoi_mutant`, with the original as number 0 and
one more function per mutant. What the language forbids is a fault here, never undefined behaviour: reading the value
of an optional that is None (CPython would raise TypeError) is checked, like a store out of range.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.engine.atoms import atoms
from checker.engine.build import load_c
from checker.engine.cgen import HELPERS
from checker.engine.cgen_expr import ExpressionWriter
from checker.engine.cgen_stmt import FunctionWriter, prototype
from checker.engine.cgen_unit import Unit
from checker.language import ir
from checker.language.layout import Layout, instances
from model.finite import MaskType, StructType, TableType, size
from model.lang import Fair
from oracles.mutation.operators import mapped, nodes
from oracles.mutation.optionals import asked_first, helpers

U16 = NDArray[np.uint16]
U64 = NDArray[np.uint64]
REFUSED = 0x8000  # set in a label of a walk: it was observed that this step does not happen here
MOST_WORDS = 512


class Likeness(Enum):
    """What pairs.c answers."""

    SAME = 0
    DIFFERS = 1
    CANNOT = 2
    RAISES = 3
    CAN = 4
    IDLE = 5
    TOO_MANY = -1
    NO_MEMORY = -2
    BAD_WALK = -3


@dataclass(frozen=True)
class Corpus:
    """Walks from the initial state. labels: u16, of all steps, one walk after the other; ends: u64, of each walk."""

    labels: U16
    ends: U64

    @staticmethod
    def of(walks: Sequence[U16]) -> Corpus:
        """Walks as labels of step instances (REFUSED set: it was observed that this step does not happen here)."""
        joined = np.concatenate([np.zeros(0, np.uint16), *walks]).astype(np.uint16)
        return Corpus(joined, np.cumsum([len(walk) for walk in walks], dtype=np.uint64).astype(np.uint64))

    def walk(self, number: int) -> U16:
        return self.labels[int(self.ends[number - 1]) if number else 0 : int(self.ends[number])]


class CPrograms(ctypes.Structure):
    """struct Pair_of_programs."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("step", "see", "mutant", "events", "mask")] + [
        (name, ctypes.c_uint32) for name in ("words", "seen_words", "labels", "look")
    ]


class CResult(ctypes.Structure):
    """struct Result."""

    pairs: int
    enabled: int
    idle: int
    path_size: int
    path: ctypes.Array[ctypes.c_uint16]
    _fields_ = [
        ("pairs", ctypes.c_uint64), ("enabled", ctypes.c_uint64), ("idle", ctypes.c_uint64),
        ("path_size", ctypes.c_uint32), ("path", ctypes.c_uint16 * 4096),
    ]  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """pairs: different pairs of states met. enabled: how often only the mutant could take a step and it did something;
    idle: and it did nothing. path: labels of a shortest walk that tells the two apart (None: it is longer than the
    buffer, or there is none)."""

    answer: Likeness
    pairs: int
    enabled: int
    idle: int
    path: tuple[int, ...] | None


class Programs:
    """A program and its mutants, compiled. Mutants are numbered from 1, in the order given."""

    def __init__(
        self, program: ir.Program, mutants: Sequence[ir.Function], frozen: Sequence[int],
        sees: Callable[[str], bool], events: Collection[str] = (),
    ) -> None:  # fmt: skip
        """sees(leaf): can the leaf with this path (`apic[0].irr`) be observed; formulas of the program are observed,
        too. events: functions whose calls can be observed, with their arguments, as a multiset per step.
        Raises NoCompiler, CompileFailed."""
        self.layout = layout = Layout(program)
        self.labels = len(instances(program))
        self.frozen = np.array(frozen, np.uint64)
        self.library = load_c(source(program, mutants, events))
        self.run = _runner()
        seen = [(1 << w) - 1 if sees(str(leaf)) else 0 for leaf, w in zip(layout.leaves, layout.widths, strict=True)]
        mask = layout.to_bytes(seen)
        self.mask = np.frombuffer(mask, np.uint64).copy()
        assert layout.words8 <= MOST_WORDS
        atom_words = -(-len(atoms(program)) // 64)
        assert not any(atom.of_edges for atom in atoms(program)) and atom_words < MOST_WORDS
        addresses = [ctypes.cast(self.library[name], ctypes.c_void_p) for name in ("eoi_step", "eoi_see")]
        variables = [ctypes.addressof(of.in_dll(self.library, name)) for of, name in
                     ((ctypes.c_uint32, "eoi_mutant"), (ctypes.c_uint64, "eoi_events"))]  # fmt: skip
        sizes = (layout.words8, atom_words + 1 if atom_words else 0, self.labels, 0)
        self.c = CPrograms(*addresses, *variables, self.mask.ctypes.data, *sizes)
        seeing = reached_from(program, {f for formula in program.formulas for f in formula.functions})
        self._look = [0, *(int(m.name in seeing) for m in mutants)]

    def _for(self, mutant: int) -> Any:
        """What the C functions need to know of a mutant."""
        self.c.look = self._look[mutant]
        return ctypes.byref(self.c)

    def state(self, codes: Sequence[int]) -> U64:
        """The C state of these leaf codes."""
        packed: U64 = np.frombuffer(self.layout.to_bytes(codes), np.uint64) | self.frozen
        return packed

    def start(self, before: Sequence[int], mutant: int) -> U64 | None:
        """The initial state of a mutant, from the leaves' defaults; None if initial() raises."""
        state = self.state(before)
        ctypes.c_uint32.in_dll(self.library, "eoi_mutant").value = mutant
        status: int = self.library.eoi_step(ctypes.c_void_p(state.ctypes.data), ctypes.c_uint32(self.labels))
        return state if status == 0 else None

    def follow(self, mutant: int, starts: tuple[U64, U64], corpus: Corpus, first: int) -> tuple[Likeness, int, int]:
        """Does the mutant keep up with all walks? The walk and the step (from 0) in which it is noticed. Walk `first`
        is tried first."""
        walk, at = ctypes.c_uint64(first), ctypes.c_uint64()
        answer = self.run.follow_all(
            self._for(mutant), mutant, starts[0].ctypes.data, starts[1].ctypes.data, corpus.labels.ctypes.data,
            corpus.ends.ctypes.data, len(corpus.ends), ctypes.byref(walk), ctypes.byref(at),
        )  # fmt: skip
        return Likeness(answer), walk.value, at.value

    def tell_apart(self, mutant: int, starts: tuple[U64, U64], most: int) -> Comparison:
        """Is there a walk that tells the mutant from the original? A shortest one. At most `most` pairs of states."""
        result = CResult()
        answer = self.run.tell_apart(
            self._for(mutant), mutant, starts[0].ctypes.data, starts[1].ctypes.data, most, ctypes.byref(result)
        )
        return _comparison(Likeness(answer), result)

    def alike(self, mutant: int, states: U64, tried: Sequence[int], most: int) -> Comparison:
        """SAME only if no walk tells the two apart; see pairs.c. states: u64[n, words8], all reachable ones."""
        result, labels = CResult(), np.array(tried, np.uint16)
        answer = self.run.alike(
            self._for(mutant), mutant, states.ctypes.data, len(states), labels.ctypes.data, len(labels), most,
            ctypes.byref(result),
        )  # fmt: skip
        return _comparison(Likeness(answer), result)


def _comparison(answer: Likeness, result: CResult) -> Comparison:
    fits = 0 < result.path_size <= len(result.path) and answer.value > 0
    path = tuple(result.path[: result.path_size]) if fits else None
    return Comparison(answer, result.pairs, result.enabled, result.idle, path)


def reached_from(program: ir.Program, functions: Collection[str]) -> set[str]:
    """These functions and all that they call, directly or not."""
    found = set(functions)
    for name in reversed(program.functions):  # callees come first
        if name in found:
            found |= {n.function for n in nodes(program.functions[name]) if isinstance(n, ir.Do | ir.Call)}
    return found


def _runner() -> ctypes.CDLL:
    library = load_c((Path(__file__).parent / "pairs.c").read_text(), ("-O2",))
    pointer, number, count = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
    library.follow_all.argtypes = [pointer, number, *[pointer] * 4, count, pointer, pointer]
    library.tell_apart.argtypes = [pointer, number, pointer, pointer, count, pointer]
    library.alike.argtypes = [pointer, number, pointer, count, pointer, number, count, pointer]
    return library


# --- the library's source ---


def source(program: ir.Program, mutants: Sequence[ir.Function], events: Collection[str]) -> str:
    """C text with eoi_step(state, label) in place (label = number of instances: initial()), and eoi_see(state,
    words): the conditions as bits, and in one more word whether one of them raised."""
    numbered: dict[str, list[int]] = {name: [] for name in program.functions}
    for number, mutant in enumerate(mutants, 1):
        numbered[mutant.name].append(number)
    for name in (e for e in events if e in numbered):
        numbered[name].append(0)  # it needs a switch to say its event in
    whole = _with_variants(_checked(program), mutants, numbered)
    unit = Unit(whole)
    lines = ["#include <stdint.h>", "", *unit.types(), HELPERS, "uint32_t eoi_mutant;", "uint64_t eoi_events;", ""]
    lines += ["static _Thread_local int broken;", "", MIX, ""]
    for function in unit.reached:
        if numbered.get(function.name):
            lines += _switch(unit, function, numbered[function.name], function.name in events)
        else:
            lines += FunctionWriter(unit, function).lines()
    return "\n".join([*lines, *_step(unit, whole), *_see(unit, whole)])


# C has no hash of its own: the multiplier of MurmurHash3's last mix, and 2^64 over the golden ratio.
MIX = """\
static inline uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0xff51afd7ed558ccdULL + 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}
"""


def _with_variants(
    program: ir.Program, mutants: Sequence[ir.Function], numbered: Mapping[str, list[int]]
) -> ir.Program:
    """Functions with mutants call their variants "f@0", "f@1"...; initial() counts as a last step."""
    functions: dict[str, ir.Function] = {}
    changed = {number: _checked_function(mutant) for number, mutant in enumerate(mutants, 1)}
    for name, function in program.functions.items():
        if not numbered.get(name):
            functions[name] = function
            continue
        variants = {0: function, **{n: changed[n] for n in numbered[name] if n}}
        stops = function.returns is None  # then all variants answer a status, whether they can stop or not
        for number, variant in variants.items():
            functions[f"{name}@{number}"] = replace(variant, name=f"{name}@{number}", guards=stops)
        functions[name] = replace(function, body=tuple(_call(function, f"{name}@{n}") for n in variants), guards=stops)
    first = ir.Step("initial", (), "", Fair.FREE, ir.Loc("", 0))
    return replace(program, functions=functions, steps=(*program.steps, *([first] if "initial" in functions else [])))


def _call(function: ir.Function, variant: str) -> ir.Stmt:
    args = tuple(
        ir.Alias(p.name, p.type) if isinstance(p.type, StructType | TableType | MaskType)
        else ir.Local(p.name, p.type, function.loc) for p in function.params
    )  # fmt: skip
    if function.returns is None:
        return ir.Do(variant, args, function.loc)
    return ir.Return(ir.Call(variant, args, function.returns, function.loc), function.loc)


def _switch(unit: Unit, function: ir.Function, numbers: Sequence[int], is_event: bool) -> list[str]:
    expressions = ExpressionWriter(unit, function)
    head = prototype(unit, function, expressions)
    names = [expressions.name(expressions.param(p)) for p in function.params]
    arguments = ", ".join([*(["before"] if function.of_edges else []), "s", *names])
    lines = [head, "{"]
    if is_event:
        lines.append(f"\tuint64_t event = {hash_of_name(function.name):#x}ULL;")
        for name, param in zip(names, function.params, strict=True):
            value = f"((const char *){name} - (const char *)s)" if param.by_reference else name
            lines.append(f"\tevent = mix(event, (uint64_t){value});")
        lines.append("\teoi_events += event;")
    lines.append("\tswitch (eoi_mutant) {")
    for number in [n for n in numbers if n]:
        lines.append(f"\tcase {number}: return {unit.functions[f'{function.name}@{number}']}({arguments});")
    lines.append(f"\tdefault: return {unit.functions[f'{function.name}@0']}({arguments});")
    return [*lines, "\t}", "}", ""]


def hash_of_name(name: str) -> int:
    """The same number for a name in every run."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


def _step(unit: Unit, program: ir.Program) -> list[str]:
    lines = [
        "int32_t eoi_step(void *state, uint32_t label)", "{", "\tstruct sys *s = &((union cells *)state)->s;",
        "\tint status = DONE;", "", "\tbroken = 0;", "\teoi_events = 0;", "\tswitch (label) {",
    ]  # fmt: skip
    first = 0
    for step in program.steps:
        sizes = [size(p.type) for p in step.params if not isinstance(p.type, StructType | TableType)]
        count = int(np.prod(sizes, dtype=np.int64)) if sizes else 1
        args, below = list[str](), 1
        for of in reversed(sizes):
            args.insert(0, f"(int32_t)((label - {first}) / {below} % {of})")
            below *= of
        status = "status = " if step.name in unit.stops else ""
        call = f"{status}{unit.functions[step.name]}({', '.join(['s', *args])});"
        lines += [f"\tcase {first} ... {first + count - 1}:", f"\t\t{call}", "\t\tbreak;"]
        first += count
    return [*lines, "\t}", "\treturn broken ? FAULT : status;", "}", ""]


def _see(unit: Unit, program: ir.Program) -> list[str]:
    lines = ["void eoi_see(const void *state, uint64_t *words)", "{"]
    lines += ["\tconst struct sys *s = &((const union cells *)state)->s;", "\t(void)s;", "\tbroken = 0;"]
    formulas = program.formulas
    for atom in atoms(program):
        assert len(formulas[atom.formula].functions) == 1, "only plain conditions are observed"
        call = f"{unit.functions[formulas[atom.formula].functions[0]]}({', '.join(['s', *map(str, atom.args)])})"
        fresh = "=" if atom.bit % 64 == 0 else "|="
        lines.append(f"\twords[{atom.bit // 64}] {fresh} (uint64_t){call} << {atom.bit % 64};")
    lines.append(f"\twords[{-(-len(atoms(program)) // 64)}] = broken;" if formulas else "\t(void)words;")
    return [*lines, "}", ""]


# --- optionals that are None ---


def _checked(program: ir.Program) -> ir.Program:
    """The program with every `unwrap` checked."""
    checked = {n: _checked_function(f) for n, f in program.functions.items()}
    return replace(program, functions={**helpers(program.functions.values()), **checked})


def _checked_function(function: ir.Function) -> ir.Function:
    return replace(function, body=tuple(mapped(stmt, asked_first) for stmt in function.body))
