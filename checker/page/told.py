"""A run as the page steps through it: its trace, the state, which lines of the model each step ran, and the other design on
the same steps."""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FunctionType
from typing import TypedDict

from checker.engine import sources
from checker.language.source import definition_of, text_of
from checker.matrix.cells import Cell
from checker.page.entries import PageEntry
from checker.questions.beside import Beside, StateField, beside, fields_of, values_of
from checker.questions.model_diff import calls_super, changed_lines
from checker.stories.lines_run import Ran, StepRunner
from checker.stories.trace import Trace
from model.lang import Design

Json = dict[str, object]


class ToldCell(TypedDict):
    """The runs of a cell by their properties, and the functions that they came to by place."""

    runs: dict[str, Json]
    functions: dict[str, Json]


Changed = Mapping[str, Mapping[str, set[int]]]  # file -> function -> lines, as model_diff.changed_lines says it
CELLS_OWN = (
    "provenance",
    "cell",
    "scope",
    "fairness",
    "label",
    "replay",
    "reproduce",
)  # of a trace: all else is the story


@dataclass
class Teller:
    """added: the lines of the design that its base has not; removed: those of the base that the design has not. Systems whose
    runs are told one after another are made once."""

    added: Changed = field(default_factory=dict[str, Mapping[str, set[int]]])
    removed: Changed = field(default_factory=dict[str, Mapping[str, set[int]]])
    _runners: dict[int, tuple[Cell, StepRunner]] = field(default_factory=dict[int, tuple[Cell, StepRunner]])
    _fields: dict[int, tuple[Cell, list[StateField]]] = field(default_factory=dict[int, tuple[Cell, list[StateField]]])
    _came_to: dict[str, Json] = field(default_factory=dict[str, Json])
    _sources: dict[FunctionType, tuple[str, Json]] = field(default_factory=dict[FunctionType, tuple[str, Json]])

    def told_of(self, runs: Mapping[str, tuple[PageEntry, Trace]]) -> ToldCell:
        """Of the runs of a cell."""
        self._came_to = dict[str, Json]()
        told = {name: self._told(entry, trace) for name, (entry, trace) in runs.items()}
        return {"runs": told, "functions": self._came_to}

    def _told(self, entry: PageEntry, trace: Trace) -> Json:
        assert entry.told is not None and entry.told[1].run is not None
        result, verdict = entry.told
        run = entry.told[1].run
        runner = self._runner(result.cell)
        steps = [runner.ran(before, m.step, m.args) for before, m in zip(run.codes[:-1], run.moves, strict=True)]
        other = beside(result, verdict, entry.other) if entry.other is not None else None
        return {
            "trace": json.loads(trace.to_json()),
            "side": "base" if entry.of_base else "design",
            "fields": [list(vars(one).values()) for one in self._fields_of(result.cell)],
            "initial": values_of(result.cell, run.codes[0]),
            "ran": [self._ran(step) for step in steps],
            "beside": None if other is None or entry.other is None else self._beside(other, entry.other, entry),
        }

    def _beside(self, other: Beside, cell: Cell, entry: PageEntry) -> Json:
        found = asdict(other)
        before = found.pop("before")
        found["apart"] = [[*vars(one.field).values(), one.here, one.there] for one in other.apart]
        found["ran"] = []
        run = entry.told[1].run if entry.told is not None else None
        if other.step and run is not None and before:
            move = run.moves[other.step - 1]
            if move.step in cell.system.steps():
                found["ran"] = self._ran(self._runner(cell).ran(before, move.step, move.args))
        return found

    def _runner(self, cell: Cell) -> StepRunner:
        if id(cell) not in self._runners:
            self._runners[id(cell)] = cell, StepRunner(cell.system, cell.scope)
        return self._runners[id(cell)][1]

    def _fields_of(self, cell: Cell) -> list[StateField]:
        if id(cell) not in self._fields:
            self._fields[id(cell)] = cell, fields_of(cell)
        return self._fields[id(cell)][1]

    def _ran(self, ran: Ran) -> list[tuple[str, list[int]]]:
        return [(self._source(function), list(lines)) for function, lines in ran.items()]

    def _source(self, function: FunctionType) -> str:
        """Where it is."""
        if function not in self._sources:
            self._sources[function] = self._text_of(function)
        place, text = self._sources[function]
        self._came_to[place] = text
        return place

    def _text_of(self, function: FunctionType) -> tuple[str, Json]:
        """Its place; its lines, and which of them only one of the two designs has."""
        file, name = function.__code__.co_filename, function.__name__
        node = definition_of(function)
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        last = node.end_lineno or node.lineno
        lines = text_of(file, function.__module__).splitlines()[first - 1 : last]
        marked = {
            mark: sorted(n for n in changed.get(file, {}).get(name, ()) if first <= n <= last)
            for mark, changed in (("added", self.added), ("removed", self.removed))
        }
        text: Json = {
            "name": function.__qualname__, "file": shown_path(file), "first": first,
            "lines": textwrap.dedent("\n".join(lines)).splitlines(), **marked,
        }  # fmt: skip
        # Two files of one name stand in two folders: what is shown is no key.
        return f"{shown_path(file)}:{first} {hashlib.sha256(json.dumps(text).encode()).hexdigest()[:16]}", text


def marked_lines(base: type[Design], design: type[Design]) -> tuple[Changed, Changed]:
    """The lines that the design adds, and those of the base that it has not. Of a function that its own one calls by super(),
    it has all."""
    removed = {
        file: {name: lines for name, lines in of.items() if not calls_super(getattr(design, name, _nothing))}
        for file, of in changed_lines(design, base, taken_away=False).items()
    }
    return changed_lines(base, design, taken_away=False), removed


def _nothing() -> None:
    """For a function that is not there."""


def shown_path(file: str) -> str:
    """Of the project's own from its root, of the user's the name alone: a page travels."""
    path = Path(file)
    return str(path.relative_to(sources.ROOT)) if path.is_relative_to(sources.ROOT) else path.name
