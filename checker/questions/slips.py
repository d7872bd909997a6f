"""What is known of a change that makes no difference: would these cells tell one that is not quite it?

Where two designs explore alike, they may do the same, or no cell may come to where they differ. So each changed line is
changed once more (oracles/mutation), and where no cell shows that either, nothing is said of the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from checker.engine.passages import SourceLine
from checker.questions.not_run import not_run_texts
from checker.words import count

MOST_TOLD, MOST_SHOWN = 6, 60  # lines; characters of a slip


@dataclass
class Slips:
    """mutants: changes of the changed lines, one each; of these, by name: dead, whose line no step ran, and blind, which no
    graph shows: (where, what). silent: lines with calls of functions that do nothing. tried, left: cells; why: left."""

    mutants: int = 0
    tried: int = 0
    left: int = 0
    why: str = ""
    dead: dict[str, SourceLine] = field(default_factory=dict[str, SourceLine])
    blind: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    silent: dict[SourceLine, str] = field(default_factory=dict[SourceLine, str])

    @property
    def told(self) -> bool:
        """Some cell shows each of them, and every call does something somewhere."""
        return not (self.dead or self.blind or self.silent or self.why)

    def as_json(self) -> dict[str, Any]:
        return {
            "mutants": self.mutants, "cells": self.tried, "left": self.left, "why_left": self.why,
            "not_run": not_run_texts(sorted(set(self.dead.values()))), "not_told": [f"{place}: {what}" for place, what in self.blind.values()],
            "silent_calls": [f"{name}(): {text}" for line, name in self.silent.items() for text in not_run_texts([line])],
        }  # fmt: skip


def slip_lines(slips: Slips, cells: int, known: Sequence[SourceLine] = ()) -> list[str]:
    """The sentences below a comparison that found no difference. known: lines that were said to be run by no step."""
    if slips.told and not known:
        return [f"The change makes no difference here, and a slip in it would: {_all_told(slips)}."]
    dead = sorted(set(slips.dead.values()) - set(known))
    lines = [f"no step runs it: {text}" for text in not_run_texts(dead)]
    called, places = dict[str, list[SourceLine]](), dict[str, list[str]]()
    for line, name in slips.silent.items():
        called.setdefault(name, []).append(line)
    lines += [f"{name}() does nothing here: {'; '.join(not_run_texts(sorted(at)))}" for name, at in called.items()]
    for place, what in slips.blind.values():
        places.setdefault(place, []).append(what if len(what) <= MOST_SHOWN else f"{what[: MOST_SHOWN - 3]}...")
    for place, slipped in [*places.items()][:MOST_TOLD]:
        more = f", and {len(slipped) - 1} more" if len(slipped) > 1 else ""
        lines.append(f"no cell tells it from a slip: {place} ({slipped[0]}{more})")
    lines += [f"and {count(len(places) - MOST_TOLD, 'more line')}"] if len(places) > MOST_TOLD else []
    lines += [f"{count(slips.left, 'cell')} not asked for slips: {slips.why}"] if slips.why else []
    head = f"No difference in {count(cells, 'cell')}; these of its lines and calls can make none here" + ":" * bool(
        lines
    )
    return [head, *lines, "INCONCLUSIVE: whether it makes one elsewhere was not found out"]


def _all_told(slips: Slips) -> str:
    if not slips.mutants:
        return "no function is another"
    return f"a graph shows {'each of ' * (slips.mutants > 1)}{count(slips.mutants, 'one-change mutant')} of its lines"


def same_text_lines(base: str, never_run: Sequence[SourceLine]) -> list[str]:
    """Of a design that changes nothing: what no cell ran is the other one's text."""
    texts = "; ".join(not_run_texts(never_run))
    return [f"Nothing of it is another: what no cell ran ({texts}) reads as in {base}."] if texts else []
