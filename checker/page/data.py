"""What the page's script reads: every story once, however many cells have it, and every event, field and function once.

A value that occurs again is a number: its place in the list that holds it. `unfolded` is the way back, for tests and for
whoever reads a page by program."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checker.page.entries import PageEntry
from checker.page.told import CELLS_OWN, Json

FORMAT = "eoiproof page 1"


@dataclass
class Pool:
    """Values, each once."""

    values: list[Any] = field(default_factory=list[Any])
    _places: dict[Hashable, int] = field(default_factory=dict[Hashable, int])

    def place(self, value: object) -> int:
        """Where it is, from now on."""
        key = (value,) if isinstance(value, str) else json.dumps(value, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]


class _Stories:
    """ToldCell runs in numbers, each once."""

    def __init__(self, functions: Mapping[str, Json]) -> None:
        self.values, self.events, self.fields, self.ran, self.functions = Pool(), Pool(), Pool(), Pool(), Pool()
        self.found = list[dict[str, Any]]()
        self._sources, self._known, self._numbers = functions, dict[str, int](), dict[int, int]()

    def place(self, told: Mapping[str, Any], cell: int) -> int:
        """The number of a told run, which this cell has, too."""
        if id(told) not in self._numbers:
            self._numbers[id(told)] = self._number(told)
        number = self._numbers[id(told)]
        self.found[number]["cells"].append(cell)
        return number

    def _number(self, told: Mapping[str, Any]) -> int:
        story = self._in_numbers(told)
        key = json.dumps(story)
        if key not in self._known:
            self._known[key] = len(self.found)
            own = {name: self.values.place(told["trace"][name]) for name in CELLS_OWN if name in told["trace"]}
            self.found.append({**story, "head": {**story["head"], **own}, "cells": []})
        return self._known[key]

    def _in_numbers(self, told: Mapping[str, Any]) -> dict[str, Any]:
        trace, beside = told["trace"], told["beside"]
        if beside is not None:
            event = beside["event"]
            of_other = {"event": None if event is None else self.events.place(event), "ran": self._ran(beside["ran"])}
            beside = {**beside, **of_other}
        shared = [name for name in trace if name not in (*CELLS_OWN, "events")]
        return {
            "head": {name: self.values.place(trace[name]) for name in shared},
            "events": [self.events.place(event) for event in trace["events"]],
            "side": told["side"],
            "fields": self.values.place([self.fields.place(one) for one in told["fields"]]),
            "initial": self.values.place(told["initial"]),
            "ran": [self._ran(step) for step in told["ran"]],
            "beside": beside,
        }

    def _ran(self, step: Sequence[tuple[str, Sequence[int]]]) -> int:
        return self.ran.place([[self.functions.place(place), lines] for place, lines in step])

    def as_json(self) -> Json:
        """All that they refer to."""
        return {
            "stories": self.found, "events": self.events.values, "fields": self.fields.values, "ran": self.ran.values,
            "functions": [self._sources[place] for place in self.functions.values], "values": self.values.values,
        }  # fmt: skip


def page_data(
    names: Mapping[str, str], entries: Sequence[PageEntry], told: Mapping[int, Json], functions: Mapping[str, Json]
) -> Json:  # fmt: skip
    """names: the design, and its base. told: the runs, by the number of their entry. functions: what they ran, by place."""
    stories, said = _Stories(functions), list[list[int]]()
    cells, properties = dict[str, tuple[int, Json]](), dict[str, tuple[int, Json]]()
    for number, entry in enumerate(entries):
        one = entry.said
        cell, _ = cells.setdefault(one.cell, (len(cells), {"title": one.cell, "reproduce": one.reproduce}))
        about, _ = properties.setdefault(
            one.property, (len(properties), {"name": one.property, "sentence": one.sentence})
        )
        story = stories.place(told[number], cell) if number in told else -1
        if story >= 0 or one.text or not entry.quiet:
            words = one.standing.value, one.before, one.after, one.text
            said.append([cell, about, story, *map(stories.values.place, words)])
    return {
        "format": FORMAT, **names, "cells": [one for _, one in cells.values()],
        "properties": [one for _, one in properties.values()], "said": said, **stories.as_json(),
    }  # fmt: skip


def unfolded(data: Mapping[str, Any], story: int) -> Json:
    """The trace of a story, as Trace.to_json says it, of the first cell that has it."""
    one = data["stories"][story]
    head = {name: data["values"][place] for name, place in one["head"].items()}
    return {**head, "events": [data["events"][place] for place in one["events"]]}


def as_script(data: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element: it ends none, and begins no comment."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
