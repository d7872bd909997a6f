"""`eoi when`: with which choices does a property hold?"""

from __future__ import annotations

import itertools
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from checker import files
from checker.command import exits, json_text
from checker.command.explore import explore
from checker.command.parsers import EXPECTED, here_or_own
from checker.command.prove import closing_lines, print_wrapped
from checker.errors import UserError
from checker.matrix.scope import ScopeValue, parse_scope, scope_type
from checker.matrix.select import select
from checker.questions import report, when
from checker.questions.answer import of_campaign
from checker.questions.expected import Table, from_toml
from checker.questions.gate import count_text
from checker.questions.minimise import Point
from checker.questions.when import CellSays, When
from checker.questions.when_record import record_text
from checker.questions.when_text import answer_lines, choice_lines, cube_text, name_lines
from checker.questions.worth import worth_of

Free = Mapping[str, Mapping[CellSays, Sequence[Point]]]


def run(options: Namespace) -> int:
    """0 if every cell that was asked answers, whatever it says; 3 if one is open, or nothing was judged."""
    if options.write:
        return write(options)
    varied = varied_of(options)
    each = [select(options.asked, values) for values in combinations(varied)]
    title, _, _, wanted = each[0]
    campaign = explore(options, [cell for _, cells, _, _ in each for cell in cells], wanted, varied)
    said = when.of_campaign(campaign, wanted, list(varied))
    found = [when.when(name, of) for name, of in said.items()]
    own = {axis for _, cells, _, _ in each for cell in cells for axis in when.own_axes(cell)}
    free = {
        one.property: {says: when.leans_on(one, said[one.property], says, own) for says in one.conditions}
        for one in found
    }
    reasons = of_campaign(title, campaign, options.asked.properties, not_read=options.asked.not_read).reasons
    undecided, worth = campaign.undecided or bool(reasons), worth_of(options.asked.cls, campaign.results)
    if options.json:
        content: json_text.Json = {
            "design": options.asked.name,
            "inconclusive": undecided,
            "open_because": list(reasons),
        }
        sentences = {p.name: p.sentence for p in wanted}
        told = [as_json(one, free[one.property], sentences[one.property]) for one in found]
        content |= {**json_text.of_lifted(options.asked), "worth": worth.as_json(), "properties": told}
        print(json_text.document("when", content))
        return exits.decided(wrong=False, undecided=undecided)
    places = [place for of in said.values() for place, _ in of]
    names = [*choice_lines(places), *report.flag_legend(campaign.results), *name_lines(found)]
    print("\n".join([*answer_lines(options.asked.name, found, free), "", *names, ""]))
    print_wrapped(closing_lines(campaign, [title, worth.line()]))
    return exits.decided(wrong=False, undecided=undecided)


def varied_of(options: Namespace) -> dict[str, list[ScopeValue]]:
    """`--vary cpus=1,2`. Raises UserError."""
    of, found = scope_type([options.asked.cls]), dict[str, list[ScopeValue]]()
    for text in options.vary:
        name, _, values = text.partition("=")
        told = [parse_scope(f"{name}={value}", of, "--vary")[name] for value in values.split(",")]
        if name in options.asked.sizes or name in found:
            raise UserError(f"--vary {text}: {name} has a value before: say once what it is")
        found[name] = list(dict.fromkeys(told))
    return found


def combinations(varied: Mapping[str, Sequence[ScopeValue]]) -> list[dict[str, ScopeValue]]:
    return [dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values())]


def write(options: Namespace) -> int:
    """The record of all registered designs, from what the gate expects of them."""
    if options.design:
        raise UserError("--write FILE is about every registered design: leave DESIGN away")
    files.check_file("--write", Path(options.write))
    table = record()
    files.write_text(Path(options.write), record_text(table))
    print(f"{count_text(table)}: written to {options.write}")
    return exits.Exit.FINE


def record() -> Table:
    """What the gate expects."""
    path = here_or_own(EXPECTED)
    return from_toml(files.read_text(path), str(path))


def as_json(found: When, free: Mapping[CellSays, Sequence[Point]], sentence: str) -> json_text.Json:
    """Every condition, as names and in words; no_cell: of how many combinations it is true that no cell has."""
    axes = {axis: list(values) for axis, values in found.axes.items()}
    return {
        "property": found.property,
        "sentence": sentence,
        "axes": axes,
        "says": [
            {
                "says": says.name,
                "cells": found.cells[says],
                "iff": [
                    {a: list(v) for (a, every), v in zip(axes.items(), cube, strict=True) if len(v) < len(every)}
                    for cube in cubes
                ],
                "words": [cube_text(found, cube) for cube in cubes],
                "no_cell": len(free[says]),
            }
            for says, cubes in found.conditions.items()
        ],
        "not_asked": {"cells": found.apart, "where": {axis: list(values) for axis, values in found.unasked.items()}},
    }
