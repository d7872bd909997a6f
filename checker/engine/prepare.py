"""What the cells of a matrix share: choices are data of a generated program, so cells that differ in them only (I/O
APIC version, flags, x2APIC, throttle) are lowered, generated and compiled once."""

from __future__ import annotations

import ctypes
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from checker.engine import generated
from checker.engine.cgen import generate
from checker.engine.native import load_c
from checker.engine.passages import Passage, passages
from checker.engine.sizes import check_sizes
from checker.language.ir import Program
from checker.language.lower import lower
from model.lang import Design, Property, Scope

KEPT = 32  # programs; a matrix visits the cells of one program one after the other


def without_comments(source: str) -> str:
    """Generated C without its comments, which name the system: designs that do the same then share one library."""
    return re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)


class Prepared:
    """One program of roles, sizes and properties: what a search needs of it. noted: the passages of the user's files, of
    which the compiled program notes whether its steps enter them."""

    def __init__(self, program: Program, source: Callable[[], str], noted: Sequence[Passage] = ()) -> None:
        self.program, self.noted = program, noted
        self.live = any(formula.kind == "leads_to" for formula in program.formulas)
        self._source = source
        self._lock = threading.Lock()
        self._library: ctypes.CDLL | None = None
        self._digest = b""

    def library(self) -> ctypes.CDLL:
        """The program, compiled and loaded. Raises NoCompiler, CompileFailed."""
        return self._compiled()[0]

    def digest(self) -> bytes:
        """What the compiled program hashes to: equal digests, equal behaviour. Raises NoCompiler, CompileFailed."""
        return self._compiled()[1]

    def _compiled(self) -> tuple[ctypes.CDLL, bytes]:
        with self._lock:
            if self._library is None:
                source = self._source()
                self._library, self._digest = load_c(source), hashlib.sha256(source.encode()).digest()
            return self._library, self._digest


_lock = threading.Lock()
_kept: OrderedDict[Hashable, Prepared] = OrderedDict()


def prepare(design: type[Design], scope: Scope, properties: Sequence[Property]) -> Prepared:
    """The program of a system with these properties, which all apply to it. Raises ModelError.

    Known by its class, by the sizes and by the kinds of choices: `lower` reads nothing else of the scope.
    """
    choices = tuple((name, type(value)) for name, value in scope.choices().items())
    functions: tuple[Callable[..., Any], ...] = tuple(p.function for p in properties)
    key = (design, tuple(scope.sizes().items()), choices, functions)
    with _lock:  # lowering is Python: two threads at once would gain nothing
        found = _kept.get(key)
        if found is None:
            found = _kept[key] = _prepared(design, scope, properties)
            if len(_kept) > KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return found


def _prepared(design: type[Design], scope: Scope, properties: Sequence[Property]) -> Prepared:
    path = generated.cache_path(design, scope, properties)
    known = generated.load(path, design) if path is not None else None
    if known is not None:
        return Prepared(known[0], lambda: known[1])
    check_sizes(design, scope)
    program = lower(design, scope, properties)
    noted = passages(program, design)

    def source() -> str:
        text = without_comments(generate(program, noted))
        if path is not None:
            generated.save(path, design, program, text)
        return text

    return Prepared(program, source, noted)
