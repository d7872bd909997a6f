"""What was found, as text of at most 72 columns and as JSON: the two-column story of a mismatch, and the numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from checker.questions.measured import model_digest
from checker.stories.story import ascii_text
from checker.stories.trace import show
from model.lang import Scope
from oracles.lockstep import Names, Seen, Totals
from oracles.walk import Disagreement

WIDTH = 72
HALF = 34


@dataclass
class Section:
    """One part of a conformance run. kinds: reachable (local) transitions, where the part is a covering walk."""

    title: str
    totals: Totals
    covered: int = 0
    kinds: int = 0
    states: int = 0
    transitions: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])
    unexplained: int = 0


@dataclass
class Conformance:
    """The five numbers, and what they are about. oracle: kernel, module, machine; mutants, mutant_numbers: as text, and for
    machines with every survivor, if they were run; model: its digest, by which `eoi prove` knows whether it is still
    the one that was measured."""

    oracle: str
    design: str
    command: str
    date: str
    sections: list[Section] = field(default_factory=list[Section])
    differences: Sequence[str] = ()
    not_covered: Sequence[str] = ()
    mutants: str = "not run (--mutants)"
    mutant_numbers: Mapping[str, Any] | None = None
    seconds: float = 0.0
    model: str = field(default_factory=model_digest)

    @property
    def totals(self) -> Totals:
        return sum((s.totals for s in self.sections), Totals())

    def lines(self) -> list[str]:
        """The report as text, at most 72 columns."""
        lines = [line for s in self.sections for line in section_lines(s)]
        totals, kinds, covered = self.totals, sum(s.kinds for s in self.sections), sum(s.covered for s in self.sections)
        unexplained = sum(s.unexplained for s in self.sections)
        reachable = sum(s.transitions for s in self.sections if s.kinds)
        local, stand_for = (" local ones", f", which stand for {reachable:,}") if reachable > kinds else ("", "")
        share = f"{covered:,} of {kinds:,}{local} ({100 * covered / max(kinds, 1):.2f} %){stand_for}"
        numbers = [
            f"1. transitions agreed / replayed: {totals.agreed:,} / {totals.replayed:,}",
            f"2. reachable transitions exercised: {share if kinds else 'no covering walk was made'}",
            f"3. unexplained divergences: {unexplained}",
            f"4. mutants noticed: {self.mutants}",
            f"5. {self.oracle}; design {self.design}",
        ]
        for number in numbers:
            lines += wrapped(number, "   ")
        lines += [line for text in self.not_covered for line in wrapped(f"not covered: {text}", "  ")]
        lines += [line for text in self.differences for line in wrapped(f"listed difference: {text}", "  ")]
        return [*lines, *wrapped(f"{self.date}, {self.seconds:.0f} s: {self.command}", "  ")]

    def as_json(self) -> dict[str, Any]:
        raw = asdict(self)
        raw["sections"] = [{**asdict(s), "left_out": dict(s.left_out)} for s in self.sections]
        return {"format": "eoiproof conformance 1", **raw, "totals": vars(self.totals)}


def section_lines(section: Section) -> list[str]:
    t = section.totals
    text = f"{section.title}: {t.agreed:,} of {t.replayed:,} steps agree, {t.starts:,} starts"
    if section.kinds:
        text += (
            f"; {section.covered:,} of {section.kinds:,} transitions to cover executed "
            f"({section.states:,} states, {section.transitions:,} transitions reachable)"
        )
    lines = wrapped(text, "  ")
    for why, count in section.left_out.items():
        lines += wrapped(f"not executed, {count:,} times: {why}", "    ", "  ")
    return lines


def wrapped(text: str, rest: str, first: str = "") -> list[str]:
    return textwrap.wrap(ascii_text(text), WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def story_lines(found: Disagreement) -> list[str]:
    """The shortest walk that ends in the mismatch: what the model and the real system show, side by side."""
    names = Names(found.subject.design, found.subject.scope)
    mismatch = found.mismatch
    count = mismatch.number
    lines = wrapped(f"DIFFERENT after {count} step{'s' * (count != 1)}, in {mismatch.entry}(): {found.subject}", "  ")
    lines += wrapped(f"Real: {found.subject.real.title}", "  ")
    lines += wrapped(f"Scope: {scope_line(found.subject.scope)}", "  ")
    lines += ["", f"    {'model':<{HALF - 4}} | real"]
    before: Seen | None = None
    for number, seen in enumerate(found.seen):
        if number or mismatch.number == 0:
            name, args = seen.step
            lines += wrapped(f"{number:>3} {name}({', '.join(map(show, args))})", "      ")
        lines += _changes(names, before, seen, quiet=not number and mismatch.number != 0)
        before = seen
    return lines


def scope_line(scope: Scope) -> str:
    return " ".join(f"{name}={show(value)}" for name, value in vars(scope).items())


def _changes(names: Names, before: Seen | None, seen: Seen, *, quiet: bool) -> Iterator[str]:
    """What is new in either column; where the columns differ the line is marked. quiet: only differences."""
    old = before.expected if before else {}
    old_real = before.observed if before else {}
    for name in seen.expected:
        model, real = seen.expected[name], seen.observed.get(name, -1)
        differs = model != real
        if differs or (
            not quiet and seen.entries and (old.get(name, model) != model or old_real.get(name, real) != real)
        ):
            left, right = (f"{name} = {names.text(name, code)}" for code in (model, real))
            yield from _columns(left, right, "X" if differs else " ")


def _columns(left: str, right: str, mark: str) -> Iterator[str]:
    a, b = (textwrap.wrap(ascii_text(text), HALF - 4) for text in (left, right))
    for i in range(max(len(a), len(b))):
        yield f"  {mark} {a[i] if i < len(a) else '':<{HALF - 4}} | {b[i] if i < len(b) else ''}".rstrip()


def mismatch_json(found: Disagreement) -> dict[str, Any]:
    """The shortest walk and what differs, for machines."""
    m = found.mismatch
    return {
        "walk": [[name, [show(a) for a in args]] for name, args in found.walk],
        "entry": m.entry,
        "differences": [asdict(d) for d in m.differences],
        "names": dict(found.subject.names),
        "scope": {name: show(value) for name, value in vars(found.subject.scope).items()},
    }
