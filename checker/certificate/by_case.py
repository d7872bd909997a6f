"""Checks certificates as check.py does, and asks each function once for each case of what it looks at: the more states, the faster.

    python -I checker/certificate/by_case.py FILE [--sample N] [--seed S]

What has to be trusted beside what check.py says: this file. A function of the model can look at a state only through the objects
that hold its cells. These are watched, so what it looked at is known, and another state that has the same there is the same case.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.pycache_prefix, sys.dont_write_bytecode = "/dev/null", True

from checker.certificate.check import Certificate, Function, Model, main, require
from model.finite import Table
from model.lang import Disabled, Struct, load, save

Changes = Mapping[int, int]  # number of a cell -> its new code


class Noted:
    """A dict or a list that holds cells: each that is looked at, or stored into, is noted."""

    def __init__(self, held: Any, note: Function) -> None:
        self.held, self.note = held, note

    def __getitem__(self, key: Any) -> Any:
        self.note(self.held, key)
        return self.held[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.note(self.held, key)
        self.held[key] = value

    def __len__(self) -> int:
        return len(self.held)


class Watch:
    """Two systems, the state before a step and the one after it, with the cells of both side by side; and what is looked at."""

    def __init__(self, *models: Model) -> None:
        self.cells = [cell for model in models for cell in model.cells]
        self.sizes = [number for model in models for number in model.sizes]
        self.numbers = {(id(holder), key): number for number, (holder, key, _) in enumerate(self.cells)}
        self.seen = dict[int, None]()  # numbers of cells, in order
        self.watched_class: Function = cache(self._watched_class)
        for model in models:
            self.watch(model.system)

    def note(self, holder: Any, key: Any) -> None:
        if (number := self.numbers.get((id(holder), key))) is not None:
            self.seen[number] = None

    def _watched_class(self, of: type) -> type:
        """Of its objects, the cells that are looked at are noted. A mask is a cell of what holds it, and is noted as a whole."""
        holds, note = "rows" if of is Table else "__dict__", self.note
        get: Function = of.__getattribute__

        def look(self: Any, name: str) -> Any:
            found = get(self, name)
            if name == holds:
                return Noted(found, note)
            if of is not Table:
                note(get(self, holds), name)
            return found

        return type(of.__name__, (of,), {"__slots__": (), "__getattribute__": look})

    def watch(self, held: Any) -> None:
        for inner in list(held.rows if isinstance(held, Table) else vars(held).values()):
            if isinstance(inner, Struct | Table):
                self.watch(inner)
        object.__setattr__(held, "__class__", self.watched_class(type(held)))

    def ask(self, function: Function, codes: Sequence[int]) -> tuple[Any, Changes, list[int]]:
        """What it returns, or Disabled; what it changes; all that it looks at or stores into."""
        load(self.cells, tuple(codes))
        self.seen.clear()
        try:
            said: Any = function()
        except Disabled:
            said = Disabled
        now = save(self.cells)
        return said, {k: now[k] for k, code in enumerate(codes) if now[k] != code}, [*self.seen]


class Cases:
    """What a function says and does, in each case that came up: a tree of cells, [cell, {code: tree}] or (answer,)."""

    def __init__(self, watch: Watch, function: Function, answer: Callable[[Any, Changes, Sequence[int]], Any]) -> None:
        self.watch, self.function, self.answer, self.tree = watch, function, answer, None

    def __call__(self, codes: Sequence[int]) -> Any:
        node: Any = self.tree
        while type(node) is list:
            node = node[1].get(codes[node[0]])
        return node[0] if node else self.learn(codes)

    def learn(self, codes: Sequence[int]) -> Any:
        """Asks it, and once more in a state that differs in all other cells: so it shows if it looks anywhere unseen."""
        said, new, seen = self.watch.ask(self.function, codes)
        sizes = enumerate(self.watch.sizes)
        others = [codes[k] if k in seen else (codes[k] + 1) % of for k, of in sizes]
        unseen = not new.keys() <= {*seen} or self.watch.ask(self.function, others) != (said, new, seen)
        require(not unseen, "a function looks where it is not seen to look, or says now this and now that")
        answer = self.answer(said, new, codes)
        self.grow(seen, codes, (answer,))
        return answer

    def grow(self, seen: Sequence[int], codes: Sequence[int], leaf: tuple[Any]) -> None:
        ends: list[Any] = [*([cell, {}] for cell in seen), leaf]
        node = self.tree = self.tree or ends[0]
        for cell, after in zip(seen, ends[1:], strict=True):
            require(type(node) is list and node[0] == cell, "a function looks elsewhere in the same case")
            node = node[1].setdefault(codes[cell], after)


class ByCase(Certificate):
    """Runs are taken as there; of the states and edges everything is asked by its cases."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.how = ", by cases"
        self.places = [(at, (1 << upto - at) - 1) for at, upto in pairwise(self.model.shifts)]
        watch = Watch(self.before, self.model)
        self.moves = [Cases(watch, take, self.moved) for take in self.model.take]
        self.ranks = [(Cases(watch, question, self.told), rank) for question, rank in self.ranks]
        self.left = {
            of: [(name, Cases(watch, question, self.told), wanted) for name, question, wanted in asked]
            for of, asked in self.left.items()
        }

    def moved(self, said: Any, new: Changes, codes: Sequence[int]) -> tuple[int, list[tuple[int, int]]] | None:
        """Of a step that is enabled: what it adds to the number of the state, and what it changes."""
        first, shifts = len(self.model.cells), self.model.shifts
        require(
            min(new, default=first) >= first and (said is not Disabled or not new),
            "a step that is not enabled changes the state",
        )
        by = sum(code - codes[k] << shifts[k - first] for k, code in new.items())
        return None if said is Disabled else (by, list(new.items()))

    def told(self, said: Any, new: Changes, codes: Sequence[int]) -> Any:
        require(said is not Disabled and not new, "a property changes the state")
        return tuple(map(bool, said)) if isinstance(said, tuple) else bool(said)

    def visit(self, state: int) -> tuple[tuple[Any, ...], Iterator[tuple[int, int, tuple[Any, ...]]]]:
        codes = [state >> at & mask for at, mask in self.places]
        require(state >> self.model.shifts[-1] == 0 and all(map(int.__lt__, codes, self.model.sizes)), "no such state")
        codes += codes
        return (codes,), self.edges_from(state, codes)

    def edges_from(self, state: int, codes: list[int]) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """(move, the state after it, the codes of before and after it)"""
        for number, move in enumerate(self.moves):
            if found := move(codes):
                by, new = found
                now = codes.copy()
                for k, code in new:
                    now[k] = code
                yield number, state + by, (now,)


if __name__ == "__main__":
    sys.exit(main(ByCase))
