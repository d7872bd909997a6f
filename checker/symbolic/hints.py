"""A proof as a text (LRAT) that is checked without a search: of the clauses that a SAT solver learnt those that are needed, each with
the clauses from which it follows."""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from checker.engine.build import load_c
from checker.errors import InternalError

NO_PROOF = -2  # of hints.c


class _CProof(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("literals", "start")),
        *((name, ctypes.c_uint32) for name in ("clauses", "given", "variables")),
        ("hints", ctypes.POINTER(ctypes.c_uint32)),
        ("count", ctypes.c_uint64),
    ]


@functools.cache
def _library() -> ctypes.CDLL:
    library = load_c((Path(__file__).parent / "hints.c").read_text(), ("-O2",))
    library.hints_of.argtypes = library.hints_free.argtypes = [ctypes.c_void_p]
    library.hints_free.restype = None
    return library


def proof_of(given: Sequence[Sequence[int]], learnt: Sequence[Sequence[int]]) -> str:
    """Literals are numbers from 1, or negated ones. The last clause that was learnt is empty. Raises InternalError if some
    clause does not follow by unit propagation."""
    if [] in given:
        return f"{len(given) + 1} 0 {given.index([]) + 1} 0\n"
    clauses = [*given, *learnt]
    numbers = np.fromiter(itertools.chain.from_iterable(clauses), np.int64)
    literals = np.where(numbers > 0, 2 * numbers - 2, -2 * numbers - 1).astype(np.uint32)
    start = np.zeros(len(clauses) + 1, np.uint64)
    np.cumsum([len(clause) for clause in clauses], out=start[1:])
    variables = int(np.abs(numbers).max(initial=0))
    proof = _CProof(literals.ctypes.data, start.ctypes.data, len(clauses), len(given), variables)
    try:
        said = _library().hints_of(ctypes.byref(proof))
        if said == NO_PROOF:
            raise InternalError("what a SAT solver gives as a proof is none")
        if said < 0:
            raise MemoryError("no memory for a proof")
        found: list[int] = np.ctypeslib.as_array(proof.hints, (proof.count,)).tolist()
    finally:
        _library().hints_free(ctypes.byref(proof))
    return _text(clauses, len(given), found)


def _text(clauses: Sequence[Sequence[int]], given: int, found: Sequence[int]) -> str:
    """found: of each clause that is needed, the last one first: its number, how many hints, and these, the last one first."""
    hints, at = dict[int, Sequence[int]](), 0
    while at < len(found):
        end = at + 2 + found[at + 1]
        hints[found[at]] = found[at + 2 : end][::-1]
        at = end
    number = {clause: given + k for k, clause in enumerate(reversed(hints), 1)}
    lines = [
        [number[own], *clauses[own], 0, *(number.get(k, k + 1) for k in hints[own]), 0] for own in number
    ]  # fmt: skip
    return "".join(" ".join(map(str, line)) + "\n" for line in lines)
