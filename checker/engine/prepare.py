"""What the cells of a matrix share: choices are data of a program, so cells that differ in them only (I/O APIC version,
flags, x2APIC, throttle) are lowered once; and the C of a role is compiled once for all cells that have it (linked.py)."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

from checker.engine import kept
from checker.engine.build import load_c
from checker.engine.cgen_key import generate_large
from checker.engine.linked import LinkedProgram, link
from checker.engine.passages import Passage, passages
from checker.engine.sizes import check_sizes
from checker.language.ir import Program
from checker.language.layout import Layout
from checker.language.lower import lower
from model.lang import Design, Property, Scope

Together: TypeAlias = Callable[[Property], Hashable]

KEPT = 32  # programs; a matrix visits the cells of one program one after the other
NARROW = 64  # bits of a state that lies in a register: there -O2 gains a tenth over -O1, of wider ones it loses one


class Prepared:
    """One program of roles, sizes and properties: what a search needs of it. noted: the passages of the user's files, of
    which a search notes whether its steps enter them. path: where
    it is kept, if it is. A program from the cache has no functions. Raises ModelError."""

    def __init__(
        self, design: type[Design], scope: Scope, properties: Sequence[Property], together: Together | None = None
    ) -> None:
        self.properties = properties
        self._together = [together(p) for p in properties] if together else []
        self._asked = design, scope, properties
        self._lock = threading.Lock()
        self.path = kept.path_of(*self._asked)
        self._linked = kept.load(self.path, design) if self.path is not None else None
        self._library: ctypes.CDLL | None = None
        self.program = self._linked.program if self._linked else self._lower()
        self.noted = self._linked.noted if self._linked else passages(self.program, design)
        self.live = any(formula.kind == "leads_to" for formula in self.program.formulas)

    def lowered(self) -> Program:
        """The program with its functions. Raises ModelError."""
        return self.program if self.program.functions else self._lower()

    def _lower(self) -> Program:
        check_sizes(*self._asked[:2])
        return lower(*self._asked)

    def linked(self) -> LinkedProgram:
        """The program put together from its parts. Raises NoCompiler, CompileFailed."""
        with self._lock:
            if self._linked is None:
                self._linked = link(self.program, self._asked[0], self.noted, self._together)
                if self.path is not None:
                    kept.save(self.path, self._asked[0], self._linked)
            return self._linked

    def whole(self) -> ctypes.CDLL:
        """The program compiled as a whole: for large searches. Raises NoCompiler, CompileFailed."""
        with self._lock:
            if self._library is None:
                program = self.lowered()
                self._library = load_whole(program, passages(program, self._asked[0]))
            return self._library


def load_whole(program: Program, noted: Sequence[Passage]) -> ctypes.CDLL:
    """A program compiled as a whole. Raises NoCompiler, CompileFailed."""
    return load_c(generate_large(program, noted), ("-O2" if Layout(program).bits <= NARROW else "-O1",))


_lock = threading.Lock()
_kept: OrderedDict[Hashable, Prepared] = OrderedDict()


def prepare(
    design: type[Design], scope: Scope, properties: Sequence[Property], together: Together | None = None
) -> Prepared:
    """The program of a system with these properties, which all apply to it. together: equal for properties whose C is to be
    one file; left out, for those that stand in one. Raises ModelError.

    Known by its class, by the sizes and by the kinds of choices: `lower` reads nothing else of the scope.
    """
    choices = tuple((name, type(value)) for name, value in scope.choices().items())
    functions: tuple[Callable[..., Any], ...] = tuple(p.function for p in properties)
    key = (design, tuple(scope.sizes().items()), choices, functions)
    with _lock:  # lowering is Python: two threads at once would gain nothing
        found = _kept.get(key)
        if found is None:
            found = _kept[key] = Prepared(design, scope, properties, together)
            if len(_kept) > KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return found
