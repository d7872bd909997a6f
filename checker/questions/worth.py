"""What an answer is worth: only what was shown for this one, and where nothing is on record, that.

Enumerated: of how many cells every state was visited, and of which sizes. Inductive, certified: by commands before, of the very
same content (on_record.py). Measured: which of the functions that the design changes
are those that ran beside a real system. Recall: of the one-change mutants of these functions, as `eoi gate --mutants` has them on
record, how many the default matrix tells by what is asked here; and how many at least these cells do.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from checker.engine.native import Outcome
from checker.matrix.cells import Cell
from checker.matrix.roles import designs, role_of, stands_on
from checker.questions import gate, on_record
from checker.questions.measured import measured, model_digest, short_name
from checker.questions.model_diff import functions_of, model_diff
from checker.questions.verdict import CellResult, Status
from checker.shipped import own
from checker.words import count
from model.lang import Design, Kind
from model.machine import Machine

RECORD = "reports/mutation/world.json"
SIDES: Mapping[str, Collection[str]] = {  # role -> whose rules the record calls what
    "kernel": ("KVM", "in-kernel I/O APIC"), "vmm": ("QEMU's I/O APIC", "VMMs", "VMMs on request"),
}  # fmt: skip
NOT_COUNTED = ("equal for all states", "alike for any observer", "refused")  # as in reports/mutation/world.md
KILLED = "killed"
SIZES = {"cpus": "vCPUs", "pins": "pins", "vectors": "vectors"}
FEW = 3  # functions, or properties, that are named
NO_PROOF, NO_CERTIFICATE, UNCHECKED = "no proof for other sizes", "no certificate", "its certificate is not checked yet"


@dataclass(frozen=True)
class Recall:
    """mutants: of the changed functions, that say something else somewhere. told: by the default matrix, with what is asked here;
    here: in a cell that was asked, at least; without: functions of which no mutant is on record."""

    date: str
    design: str
    mutants: int
    told: int
    here: int
    without: Sequence[str]
    same_model: bool

    def text(self) -> str:
        none = f"no mutant on record of {_named(self.without)}" if self.without else ""
        if not self.mutants:
            return none or "no mutant on record"
        said = f"of {count(self.mutants, 'mutant')} (of {self.design}, {self.date}{_edited(self.same_model)}) the default matrix tells {self.told}"
        return "; ".join(filter(None, (f"{said} by what is asked here, these cells {self.here} at least", none)))

    def short(self) -> str:
        return f"{self.told} of {self.mutants}" if self.mutants else "none on record"


@dataclass(frozen=True)
class Measured:
    """Of a real system: which of the changed functions ran beside it."""

    system: str
    date: str
    functions: Sequence[str]
    same_model: bool


@dataclass(frozen=True)
class Worth:
    """cells: asked; whole: of which every state was visited. functions: that the design changes, of what it stands on."""

    cells: int
    whole: int
    sizes: Mapping[str, tuple[int, int]]  # from, to
    functions: Sequence[str]
    stands_on: str
    measured: Sequence[Measured]
    recall: Recall | None
    proved: str = NO_PROOF
    certified: str = NO_CERTIFICATE
    reduced: Mapping[str, int] = field(default_factory=dict[str, int])  # by which sizes, and of how many cells

    def line(self) -> str:
        """All of it, as one line."""
        parts = [self._enumerated(), self.proved, self.certified]
        parts += [f"measured: {self._measured()}", f"recall: {self._recall()}"]
        return f"Worth: {'; '.join(parts)}."

    def short(self) -> str:
        """What there is room for on a screen."""
        sizes = "x".join(_range(of) for of in self.sizes.values()) or "no sizes"
        whole = self.whole == self.cells
        states = "all, reduced" if whole and self.reduced else "all states"
        states += "" if whole else f" of {self.whole} of {count(self.cells, 'cell')}"
        number, seen = len(self.functions), len({name for one in self.measured for name in one.functions})
        recall = self.recall.short() if self.recall is not None else "none on record"
        said = f"measured {seen} of {count(number, 'function')}; mutants told: {recall}"
        return f"Worth: {states}, {sizes}; {said if number else 'no function is changed'}"

    def _enumerated(self) -> str:
        if not self.cells:
            return "no cell was explored"
        sizes = ", ".join(f"{_range(of)} {_noun(name, of[1])}" for name, of in self.sizes.items())
        some = "" if self.whole == self.cells else f"{self.whole} of "
        fewer = {name: f" in {of} of them" * (of < self.cells) for name, of in self.reduced.items()}
        by = "".join(f", up to the order of {name}{where}" for name, where in fewer.items())
        return f"every state of {some}{count(self.cells, 'cell')} at {sizes}{by}"

    def _measured(self) -> str:
        if not self.functions:
            return "it changes no function"
        seen = [one for one in self.measured if one.functions]
        told = [f"{_named(one.functions)} on {one.system} ({one.date}{_edited(one.same_model)})" for one in seen]
        left = [name for name in self.functions if not any(name in one.functions for one in seen)]
        return "; ".join([*told, *([f"{_named(left)} on no real system"] if left else [])])

    def _recall(self) -> str:
        if not self.functions:
            return "it changes no function"
        return self.recall.text() if self.recall is not None else "no mutants on record (make mutants)"

    def as_json(self) -> dict[str, Any]:
        recall = self.recall
        return {
            "line": self.line(),
            "cells": self.cells,
            "whole": self.whole,
            "sizes": {name: list(of) for name, of in self.sizes.items()},
            "proved": self.proved,
            "certified": self.certified,
            "reduced": dict(self.reduced),
            "functions": list(self.functions),
            "stands_on": self.stands_on,
            "measured": [{"system": one.system, "date": one.date, "functions": list(one.functions), "same_model": one.same_model} for one in self.measured],
            "recall": recall and {
                "date": recall.date, "design": recall.design, "mutants": recall.mutants, "told": recall.told,
                "told_here": recall.here, "without": list(recall.without), "same_model": recall.same_model,
            },
        }  # fmt: skip


def _noun(name: str, number: int) -> str:
    return SIZES.get(name, name).removesuffix("s" * (number == 1))


def _range(of: tuple[int, int]) -> str:
    return str(of[0]) if of[0] == of[1] else f"{of[0]}-{of[1]}"


def _edited(same_model: bool) -> str:
    return "" if same_model else ", model/ edited since"


def _named(functions: Sequence[str]) -> str:
    shown = ", ".join(f"{name}()" for name in functions[:FEW])
    return shown + f" and {len(functions) - FEW} more" * (len(functions) > FEW)


def worth_of(
    design: type[Machine], results: Sequence[CellResult], base: tuple[str, type[Machine]] | None = None
) -> Worth:
    """Of what is said of these results. base: what the design is compared with, or else what it stands on."""
    base = base or stands_on(design)
    names = changed_functions(base[1], design) if base is not None else own_functions(design)
    asked = {v.property.name for result in results for v in result.verdicts}
    sizes = {name for result in results for name in result.cell.scope.sizes()}
    found = {
        name: [size[name] for r in results if name in (size := r.cell.scope.sizes())]
        for name in sorted(sizes, key=_order)
    }
    return Worth(
        len(results), sum(r.outcome is Outcome.COMPLETE for r in results), {n: (min(of), max(of)) for n, of in found.items()},
        names, base[0] if base else "", [_measured(design, names, run) for run in measured()],
        recall_of(design, names, asked, [result.cell for result in results]), proved_of(results), certified_of(results),
        reduced=Counter(name for r in results if r.reduced is not None for name in r.reduced.by),
    )  # fmt: skip


def proved_of(results: Sequence[CellResult]) -> str:
    """Of the properties that hold: which ones commands before have shown to be inductive, at which sizes, in how many cells."""
    cells, found = Counter[str](), dict[str, list[Mapping[str, str]]]()
    for result in results:
        held = [v.property for v in result.verdicts if v.status is Status.HOLDS and v.property.kind is Kind.ALWAYS]
        cells.update(p.name for p in held)
        for p, shown in on_record.inductive(result.cell, held):
            found.setdefault(p.name, []).append(shown)
    told = [_inductive(name, shown, cells[name]) for name, shown in found.items()]
    more = f", and {len(told) - FEW} more properties" if len(told) > FEW else ""
    return f"inductive: {', '.join(told[:FEW])}{more}" if told else NO_PROOF


def _inductive(name: str, shown: Sequence[Mapping[str, str]], cells: int) -> str:
    """shown: of some of the cells, sizes and when."""
    sizes = [size for size in shown[0] if all(size in one for one in shown)]
    at = f" at {' and '.join(sizes)}" if sizes else ""
    last = max(day for one in shown for day in one.values())
    some = f", in {len(shown)} of {count(cells, 'cell')}" if len(shown) < cells else ""
    return f"{name}{at} ({last}{some})"


def certified_of(results: Sequence[CellResult]) -> str:
    """By the one file that checks certificates, in a command before."""
    answered = [(r.cell, [v for v in r.verdicts if v.status is not Status.SKIPPED]) for r in results]
    days = [day for cell, verdicts in answered for day in on_record.certified(cell, verdicts)]
    if not days:
        return NO_CERTIFICATE
    of = sum(len(verdicts) for _, verdicts in answered)
    return f"{len(days)} of {count(of, 'verdict')} certified by certificate/check.py ({max(days)})"


def _order(name: str) -> tuple[int, str]:
    return (list(SIZES).index(name) if name in SIZES else len(SIZES)), name


def changed_functions(base: type[Design], design: type[Design]) -> list[str]:
    """Those of the design that say something else than its base's."""
    there = functions_of(design)
    return [name for h in model_diff(base, design) if (name := h.name.removesuffix("()")) in there]


def own_functions(design: type[Design]) -> list[str]:
    """Of what stands on nothing: those that it has beside what all roles declare."""
    return [name for name, function in functions_of(design).items() if function.__module__ != Machine.__module__]


def _files(design: type[Design]) -> set[str]:
    """Where the project's classes that it is made of are."""
    return {_file(cls.__module__) for cls in design.__mro__}


def _file(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def _measured(design: type[Machine], names: Sequence[str], run: Mapping[str, Any]) -> Measured:
    """Those that are the very functions of the design that ran, or stand in the files that did."""
    ran = designs().get(run["design"])
    mine = functions_of(design)
    if ran is not None:
        there = functions_of(ran) if role_of(ran) == role_of(design) else {}
        seen = [name for name in names if there.get(name) is mine[name]]
    else:
        files = run["design"].split(", ")
        seen = [name for name in names if _file(mine[name].__module__) in files]
    return Measured(short_name(run["oracle"]), run["date"][:10], seen, run["same_model"])


@functools.lru_cache(maxsize=4)
def _record(path: Path, _written: int) -> Any:
    """A run of mutants, as it was written then."""
    return json.loads(path.read_text(encoding="utf-8"))


def recall_of(
    design: type[Machine], names: Collection[str], asked: Set[str], cells: Sequence[Cell], path: Path | None = None
) -> Recall | None:
    """None where nothing is on record. Mutants of a kernel's function stand for it by its name; of a VMM's those in its files."""
    role, files, path = role_of(design), _files(design), path or own(RECORD)
    if not path.is_file() or not names:
        return None
    raw = _record(path, path.stat().st_mtime_ns)
    of = [
        m
        for m in raw["mutants"]
        if m["side"] in SIDES.get(role, ()) and m["function"] in names and m["fate"] not in NOT_COUNTED
    ]
    of = [m for m in of if role == "kernel" or m["file"] in files]
    told = [m for m in of if m["fate"] == KILLED and asked & set(m["tellers"])]
    here = {gate.title_of(replace(cell, names={**cell.names, "kernel": raw["design"]})) for cell in cells}
    seen = [m for m in told if m["killed_in"] in here and asked & m["verdicts"].keys()]
    without = [name for name in names if name not in {m["function"] for m in of}]
    return Recall(raw["date"], raw["design"], len(of), len(told), len(seen), without, raw["model"] == model_digest())
