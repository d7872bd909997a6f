"""What a program means, piece by piece, so that what two programs have in common need not be explored twice.

A piece is the C of some functions and of all that they call, and the choices of the scope that these read. Two programs
whose states lie the same way, and that have a step in one piece under equal choices, take it alike from every state.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from checker.engine.cgen_part import PartUnit, last_of
from checker.engine.facts import facts, reached
from checker.engine.parts import Parts
from checker.engine.passages import Passage
from checker.language.ir import Program
from checker.language.layout import bindings, leaves
from model.finite import encode, size

Under: TypeAlias = tuple[bytes, tuple[int, ...]]  # a piece, and the codes of the choices that it reads


@dataclass(frozen=True)
class Piece:
    """digest: of the functions. choices: those that they read, by name."""

    digest: bytes
    choices: tuple[str, ...]

    def under(self, codes: Mapping[str, int]) -> Under:
        return self.digest, tuple(codes[name] for name in self.choices)


@dataclass(frozen=True)
class Meaning:
    """steps: in the program's order. asked: the formulas. shape: how its state lies, which instances steps and formulas
    have, and all of it where passages of a user's file are noted, as those say who ran what."""

    steps: tuple[Piece, ...]
    asked: Piece
    shape: bytes

    @functools.cached_property
    def digest(self) -> bytes:
        """Equal digests, equal behaviour. Nothing that no step and no property comes to counts, so that designs which differ
        only there share their searches."""
        return hashlib.sha256(repr((self.steps, self.asked, self.shape)).encode()).digest()


def meaning_of(program: Program, parts: Parts, noted: Sequence[Passage], units: Sequence[PartUnit]) -> Meaning:
    """units: the files of its parts."""
    said = _said(units)

    def piece(names: Iterable[str]) -> Piece:
        functions = reached(program.functions, names)
        texts = sorted((function.name, said[function.name]) for function in functions)
        choices = sorted({name for function in functions for name in facts(function).choices})
        return Piece(hashlib.sha256(repr(texts).encode()).digest(), tuple(choices))

    steps = tuple(piece([step.name]) for step in program.steps)
    asked = piece([name for formula in program.formulas for name in formula.functions])
    shape = parts.cell_bytes, parts.offsets, list(program.choices), _heads(program)
    users = [sorted(passage.lines) for passage in noted], steps if noted else ()
    return Meaning(steps, asked, hashlib.sha256(repr((shape, users)).encode()).digest())


def _said(units: Sequence[PartUnit]) -> dict[str, bytes]:
    """Of each function its C in every file that has it, what its callees are called there, and the sizes that it goes by."""
    found = dict[str, list[str]]()
    for unit in units:
        for function in (*unit.contents.copies, *unit.contents.own):
            callees = [(name, unit.functions[name]) for name in facts(function).calls]
            text = unit.texts[function.name]
            lasts = [last for last in unit.lasts.items() if last_of(last[0]) in text]
            of_file = unit.contents.number, unit.functions[function.name], callees, text, lasts
            found.setdefault(function.name, []).append(repr(of_file))
    return {name: hashlib.sha256(repr(sorted(texts)).encode()).digest() for name, texts in found.items()}


def _heads(program: Program) -> object:
    """The instances of steps and formulas, and the values of each leaf: how many, as a type may be called like another."""
    steps = [(step.name, list(bindings(step.params))) for step in program.steps]
    formulas = [(f.functions, f.of_edges, list(bindings(f.params))) for f in program.formulas]
    return steps, formulas, [(str(leaf), size(leaf.type)) for leaf in leaves(program.state)]


def pieces_under(program: Program, meaning: Meaning, choices: Mapping[str, object]) -> tuple[Hashable, list[Under]]:
    """What a program is but for its steps, and its steps, each under the choices that it reads."""
    codes = {name: encode(of, choices[name]) for name, of in program.choices.items()}
    return (meaning.shape, meaning.asked.under(codes)), [piece.under(codes) for piece in meaning.steps]
