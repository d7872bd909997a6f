"""What the matrix tells of each mutant: for people (world.md) and as a record (world.json)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from checker.words import count
from model.lang import Kind, Property
from oracles.mutation.make import Mutant
from oracles.world.judge import DESIGN, KERNEL_CHIP, KVM, QEMU_CHIP, SIDES, TIME, VMMS, Effect
from oracles.world.run import SMALL, Effects, Place

TARGETS = {KVM: 0.95, KERNEL_CHIP: 1.0, QEMU_CHIP: 1.0, VMMS: 0.95}  # of those that are not equal

SHOWN = 3  # cells of a survivor


class Survival(Enum):
    """What became of a mutant; see judge.py."""

    KILLED = "killed"
    BEYOND = "killed beyond the default matrix"
    REFUSED = "refused"
    UNSEEN = "no verdict tells"  # its graph is another one somewhere
    UNMET = "no reachable state tells"  # its graph is the same everywhere
    ALIKE = "alike for any observer"
    EQUAL = "equal for all states"
    OPEN = "not judged everywhere"


ALIVE = (Survival.UNSEEN, Survival.UNMET, Survival.BEYOND, Survival.OPEN)


@dataclass(frozen=True)
class MutantRow:
    """A mutant and what became of it. first: the cell that kills it first. other: the cells where its graph is another one,
    of those in which it was asked. tellers: the properties that give another verdict somewhere."""

    mutant: Mutant
    fate: Survival
    first: tuple[Place, Mapping[str, tuple[str, str]]] | None
    asked: int
    other: tuple[str, ...]
    range: tuple[str, ...]
    limit: tuple[str, ...]
    tellers: frozenset[str]

    def to_json(self) -> dict[str, Any]:
        m = self.mutant
        found: dict[str, Any] = {
            "name": m.name, "side": m.side, "function": m.rule, "file": place_of(m), "line": m.site.loc.line,
            "change": m.what, "fate": self.fate.value, "cells": self.asked,
        }  # fmt: skip
        if self.first is not None:
            cell, verdicts = self.first
            found |= {"killed_in": cell.title, "verdicts": {p: list(pair) for p, pair in verdicts.items()}}
            return found | {"tellers": sorted(self.tellers)}
        graphs = {"other_graph": self.other, "range": self.range, "limit": self.limit}
        said = {name: {"cells": len(of), "first": list(of[:SHOWN])} for name, of in graphs.items() if of}
        return found | {"diff": m.diff} | said


def place_of(mutant: Mutant) -> str:
    """`model/kvm/lapic.py`."""
    return "/".join(Path(mutant.site.loc.file).parts[-3:])


def told(
    mutants: Sequence[Mutant], outcome: Effects, equal_of: Callable[[Sequence[str]], Collection[str]]
) -> list[MutantRow]:
    """equal_of: which of these are equal; asked of those that no reachable state tells, once every cell was searched."""
    listed = [_told(mutant, outcome.all.get(mutant.name, []), bool(outcome.left)) for mutant in mutants]
    equal = equal_of([t.mutant.name for t in listed if t.fate in (Survival.UNMET, Survival.ALIKE)])
    return [replace(t, fate=Survival.EQUAL) if t.mutant.name in equal else t for t in listed]


def _told(mutant: Mutant, found: Sequence[tuple[Place, Effect]], cut_short: bool) -> MutantRow:
    first = next(((place, judged.verdicts) for place, judged in found if judged.verdicts), None)
    graphs = {g: tuple(p.title for p, j in found if j.graph == g) for g in ("other", "range", "limit")}
    if first is not None:
        fate = Survival.KILLED if first[0].by_default else Survival.BEYOND
    elif cut_short:
        fate = Survival.OPEN
    elif graphs["range"]:
        fate = Survival.REFUSED
    elif graphs["other"] or graphs["limit"]:
        fate = Survival.UNSEEN
    elif any(place.general for place, _ in found):
        fate = Survival.ALIKE
    else:
        alike = any(judged.graph == "alike" for _, judged in found)
        fate = Survival.UNSEEN if alike else Survival.UNMET
    tellers = frozenset(name for _, judged in found for name in judged.verdicts)
    return MutantRow(mutant, fate, first, len(found), graphs["other"], graphs["range"], graphs["limit"], tellers)


@dataclass
class WorldReport:
    """date, model, seconds, cells: of the run. every: one mutant in so many was judged. uncalled: rules that no cell calls."""

    date: str
    model: str
    cells: int
    every: int
    full: bool
    told: list[MutantRow]
    uncalled: list[str]
    properties: Sequence[Property]
    seconds: float = 0.0
    known: int = 0  # effects that an earlier run had found
    left_out: Sequence[str] = ()  # cells that were not asked
    silent: Collection[str] = ()  # properties that say nothing of any of the cells

    def of(self, side: str, *fates: Survival) -> list[MutantRow]:
        return [t for t in self.told if t.mutant.side == side and (not fates or t.fate in fates)]

    def share(self, side: str) -> float | None:
        """Killed among those that are neither equal, nor alike, nor refused; None if there is none. What was not judged everywhere counts as
        not killed."""
        killed = len(self.of(side, Survival.KILLED))
        judged = killed + len(self.of(side, *ALIVE))
        return killed / judged if judged else None

    def _best(self, side: str) -> float:
        """The share, if all that is open were killed."""
        killed = len(self.of(side, Survival.KILLED, Survival.OPEN))
        return killed / len(self.of(side, Survival.KILLED, *ALIVE))

    def is_whole(self) -> bool:
        """Every mutant was judged wherever it was asked, and there was one on each side."""
        asked = all(self.of(side) for side in TARGETS)
        return asked and self.every == 1 and not self.left_out and not any(t.fate is Survival.OPEN for t in self.told)

    def missed(self) -> list[str]:
        """The sides that miss their target, whatever becomes of what is open."""
        return [side for side in TARGETS if self.share(side) is not None and self._best(side) < TARGETS[side]]

    # --- the record ---

    def to_json(self) -> str:
        raw: dict[str, Any] = {
            "design": DESIGN, "date": self.date, "model": self.model, "cells": self.cells, "left_out": list(self.left_out), "one_in": self.every,
            "every_cell": self.full, "whole": self.is_whole(), "seconds": round(self.seconds), "known_before": self.known,
            "sides": {side: self._numbers(side) for side in SIDES},
            "properties": dict(self._rows()), "asked_of_no_cell": list(self.silent),
            "uncalled": self.uncalled, "mutants": [],
        }  # fmt: skip
        mutants = ",\n".join(f"  {json.dumps(t.to_json())}" for t in self.told)  # a line each
        return json.dumps(raw, indent=1).removesuffix("[]\n}") + f"[\n{mutants}\n ]\n}}\n"

    def _numbers(self, side: str) -> dict[str, Any]:
        share = self.share(side)
        fates = {fate.value: len(self.of(side, fate)) for fate in Survival}
        witness = sum(not (t.tellers & self._claims()) for t in self.of(side, Survival.KILLED))
        return {
            "mutants": len(self.of(side)), **fates, "killed_by_witnesses_alone": witness,
            "killed_share": None if share is None else round(share, 4), "target": TARGETS.get(side),
        }  # fmt: skip

    def _claims(self) -> frozenset[str]:
        return frozenset(p.name for p in self.properties if p.kind is not Kind.REACHABLE)

    def _rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Of each property: how many it tells, first of all, alone among claims, and alone."""
        killed = [t for t in self.told if t.first is not None]
        for p in self.properties:
            tells = [t for t in killed if p.name in t.tellers]
            claim = p.kind is not Kind.REACHABLE
            yield p.name, {
                "kind": p.kind.value, "tells": len(tells),
                "in_the_first_cell": sum(t.first is not None and p.name in t.first[1] for t in tells),
                "alone_of_claims": sum(t.tellers & self._claims() == {p.name} for t in tells) if claim else 0,
                "alone": sum(t.tellers == {p.name} for t in tells),
            }  # fmt: skip

    # --- for people ---

    def lines(self) -> list[str]:
        """A table for each thing that one asks; then the survivors."""
        return [*self._head(), *self._sides(), *self._properties(), *self._cells(), *self._rules(), *self._survivors()]

    def summary(self) -> list[str]:
        """A line for each side."""
        return [self._sentence(side) for side in TARGETS]

    def _sentence(self, side: str) -> str:
        share, n = self.share(side), self._numbers(side)
        if share is None:
            return f"{side}: none judged"
        judged = n["killed"] + sum(n[fate.value] for fate in ALIVE)
        word = "reached" if share >= TARGETS[side] else "missed"
        left = f"; {n[Survival.OPEN.value]} not judged everywhere" if n[Survival.OPEN.value] else ""
        return f"{side}: {n['killed']} of {judged} killed ({100 * share:.1f} %; target {100 * TARGETS[side]:.0f} % {word}){left}"

    def _head(self) -> list[str]:
        where = (
            "in every cell"
            if self.full
            else f"in every cell of at most {SMALL:,} states, and in larger ones until one kills it"
        )
        resumed = f" of a run that knew {self.known:,} effects from before" if self.known else ""
        without = f" Left out, as they are large: {'; '.join(self.left_out)}." if self.left_out else ""
        part = "" if self.every == 1 else f" One mutant in {self.every}: a part."
        return [
            "# Mutants of the model's rules, judged by the default matrix", "",
            f"Written by `eoi gate --mutants --write reports/mutation` on {self.date}, model {self.model}, after "
            f"{self.seconds / 60:.0f} minutes{resumed}.{part} What the words mean: oracles/world/judge.py.", "",
            f"Each mutant is {DESIGN} with one change of one rule, judged {where}, of {count(self.cells, 'cell')}.{without}", "",
        ]  # fmt: skip

    def _sides(self) -> Iterator[str]:
        yield from ("## Counts", "", "| rules of | mutants | killed | only by a witness | killed beyond | no verdict tells | "
                    "no reachable state tells | alike for any observer | equal for all states | refused | open | killed of the rest | target |",
                    "|---|" + "---:|" * 12)  # fmt: skip
        for side in SIDES:
            n, share = self._numbers(side), self.share(side)
            counts = (
                n["mutants"], n["killed"], n["killed_by_witnesses_alone"], n[Survival.BEYOND.value], n[Survival.UNSEEN.value], n[Survival.UNMET.value], n[Survival.ALIKE.value],
                n[Survival.EQUAL.value], n[Survival.REFUSED.value], n[Survival.OPEN.value],
                "" if share is None else f"{100 * share:.1f} %", f"{100 * TARGETS[side]:.0f} %" if side in TARGETS else "",
            )  # fmt: skip
            yield f"| {side} | {' | '.join(map(str, counts))} |"
        yield from (
            "", "Killed: by a cell of the default matrix (`eoi prove v6`). Killed beyond: only by other cells of the gate (devices, "
            f"VMMs and guests on request). {TIME}: the rule that says when 10 ms are over, which no patch changes. Refused: a value leaves its range "
            "in some cell, where eoi ends with an error, and no verdict differs.", "",
        )  # fmt: skip
        if self.uncalled:
            yield from (
                f"Rules that no cell calls, so that no mutant of theirs is counted: {', '.join(self.uncalled)}.",
                "",
            )

    def _properties(self) -> Iterator[str]:
        yield from ("## Properties", "", "Tells: another verdict in some cell that was asked. Alone: no other property does.",
                    "", "| property | kind | tells | in the first cell | alone of claims | alone |",
                    "|---|---|---:|---:|---:|---:|")  # fmt: skip
        for name, row in sorted(
            self._rows(), key=lambda item: (item[1]["kind"] == "reachable", -item[1]["tells"], item[0])
        ):
            if row["tells"] or (row["kind"] != "reachable" and name not in self.silent):
                yield f"| {name} | {' | '.join(map(str, row.values()))} |"
        yield ""
        if self.silent:
            yield from (
                f"Asked of no cell of {DESIGN}, so that they can tell nothing here: {', '.join(self.silent)}.",
                "",
            )

    def _cells(self) -> Iterator[str]:
        first = Counter(t.first[0].title for t in self.told if t.first is not None)
        yield from (
            "## Cells",
            "",
            "How many mutants a cell kills first, in the order of the run.",
            "",
            "| cell | first |",
            "|---|---:|",
        )
        yield from (
            f"| {cell} | {number} |" for cell, number in sorted(first.items(), key=lambda item: (-item[1], item[0]))
        )
        yield ""

    def _rules(self) -> Iterator[str]:
        """Where what is missing would have to look."""
        found = Counter((t.mutant.side, t.mutant.rule, t.fate) for t in self.told if t.fate in ALIVE)
        rules = sorted({(side, rule) for side, rule, _ in found}, key=lambda r: (-sum(found[*r, f] for f in ALIVE), r))
        yield from ("## Rules with survivors", "", "| rules of | rule | no verdict tells | no reachable state tells | killed beyond | open |",
                    "|---|---|---:|---:|---:|---:|")  # fmt: skip
        yield from (
            f"| {side} | {rule} | {' | '.join(str(found[side, rule, f]) for f in ALIVE)} |" for side, rule in rules
        )
        yield ""

    def _survivors(self) -> Iterator[str]:
        for fate in (*ALIVE, Survival.ALIKE, Survival.REFUSED, Survival.EQUAL):
            found = [t for side in SIDES for t in self.of(side, fate)]
            yield from (f"## {fate.value.capitalize()}: {len(found)}", "")
            for t in found:
                where = t.range or t.other or t.limit
                place = f"{place_of(t.mutant)}:{t.mutant.site.loc.line}"
                killed = f"; by {', '.join(t.first[1])} in {t.first[0].title}" if t.first else ""
                cells = killed or f"; {len(where)} of {count(t.asked, 'cell')}, e.g. {where[0]}" if where else ""
                yield f"* {t.mutant.side}: `{place}` {t.mutant.rule}(): `{t.mutant.what}`{cells}"
            yield ""
