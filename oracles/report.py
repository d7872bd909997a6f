"""What is asked of a conformance run and what it found, as text of at most 72 columns and as JSON: the numbers, and the
two-column story of a mismatch."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from checker.questions.measured import model_digest
from checker.stories.trace import show
from checker.stories.write import ascii_text
from model.lang import Scope
from oracles.cover import Covered
from oracles.lockstep import Seen, Spelling, Totals, step_text
from oracles.record import RecordedWalk
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


@dataclass(frozen=True)
class Request:
    """What `eoi conform` is asked for. Neither cover nor random nor mutants: cover and random. steps: None for as many
    as is usual; jobs: parts of a covering walk at the same time; record: keep the walks as they were observed."""

    cover: bool = False
    random: bool = False
    mutants: bool = False
    design: str = ""
    scope: str = ""
    seed: int = 1
    steps: int | None = None
    jobs: int = 1
    record: bool = False

    @property
    def covers(self) -> bool:
        return self.cover or not (self.random or self.mutants)

    @property
    def walks_at_random(self) -> bool:
        return self.random or not (self.cover or self.mutants)

    def command(self, oracle: str) -> str:
        """The command line that asks for this."""
        options = {"design": self.design, "scope": self.scope, "seed": self.seed, "steps": self.steps}
        flags = [name for name in ("cover", "random", "mutants") if getattr(self, name)]
        given = [f"--{name} {value}" for name, value in options.items() if value]
        return " ".join([f"eoi conform {oracle}", *(f"--{flag}" for flag in flags), *given])


class Disagreed(Exception):
    """The model and the real system differ: nothing more is compared."""


@dataclass
class Conformance:
    """The five numbers, and what they are about. title: the real system with its version; mutants: what became of them
    in a sentence, with the table and every one of them if they were run; disagreement: what ended the run; model: its
    digest, by which `eoi prove` knows whether it is still the one that was measured."""

    oracle: str
    title: str
    design: str
    command: str
    sections: list[Section] = field(default_factory=list[Section])
    differences: Sequence[str] = ()
    not_covered: Sequence[str] = ()
    mutants: str = "not run (--mutants)"
    mutant_lines: Sequence[str] = ()
    mutant_numbers: Mapping[str, Any] | None = None
    disagreement: Disagreement | None = None
    walks: list[RecordedWalk] = field(default_factory=list[RecordedWalk])
    seconds: float = 0.0
    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    model: str = field(default_factory=model_digest)

    def add(self, section: Section, disagreement: Disagreement | None = None) -> None:
        """A part that is over. Raises Disagreed if it ended in a disagreement, which ends the run."""
        section.unexplained = int(disagreement is not None)
        self.sections.append(section)
        self.disagreement = disagreement
        if disagreement is not None:
            raise Disagreed

    @property
    def totals(self) -> Totals:
        return sum((s.totals for s in self.sections), Totals())

    def lines(self) -> list[str]:
        """The report as text, at most 72 columns; the mismatch first."""
        lines = [*story_lines(self.disagreement), ""] if self.disagreement is not None else []
        lines += [line for s in self.sections for line in section_lines(s)]
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
            f"5. {self.title}; design {self.design}",
        ]
        for number in numbers:
            lines += wrapped(number, "   ")
        lines += [line for text in self.not_covered for line in wrapped(f"not covered: {text}", "  ")]
        lines += [line for text in self.differences for line in wrapped(f"listed difference: {text}", "  ")]
        return [*lines, *wrapped(f"{self.date}, {self.seconds:.0f} s: {self.command}", "  ")]

    def mutant_table(self) -> list[str]:
        """What became of the mutants, with the survivors; empty if they were not run."""
        return [*wrapped(self.title, "  "), *self.mutant_lines] if self.mutant_numbers is not None else []

    def as_json(self) -> dict[str, Any]:
        """Plain data; of the mutants the numbers and the survivors."""
        mutants = self.mutant_numbers
        return {
            "format": "eoiproof conformance 1", "oracle": self.title, "design": self.design, "command": self.command,
            "date": self.date, "sections": list(map(asdict, self.sections)), "differences": list(self.differences),
            "not_covered": list(self.not_covered), "mutants": self.mutants,
            "mutant_numbers": None if mutants is None else {
                "sides": mutants["sides"], "reaches_target": mutants["reaches_target"],
                "survivors": [m for m in mutants["mutants"] if m["verdict"] == "survivor"],
            },
            "seconds": self.seconds, "model": self.model, "totals": vars(self.totals),
            **({"mismatch": mismatch_json(self.disagreement)} if self.disagreement is not None else {}),
        }  # fmt: skip

    def files(self) -> dict[str, str]:
        """Name -> content of what --write writes: the report, and of the mutants the table and every one of them."""
        found = dict[str, str]()
        if self.mutant_numbers is not None:
            raw = {"format": "eoiproof mutants 1", "oracle": self.title, **self.mutant_numbers}
            found[f"mutants-{self.oracle}.txt"] = "\n".join([*self.mutant_table(), "", *self.lines(), ""])
            found[f"mutants-{self.oracle}.json"] = json.dumps(raw, indent=1) + "\n"
        if self.mutant_numbers is None or len(self.sections) > 1:  # something else was walked, too
            found[f"{self.oracle}.txt"] = "\n".join([*self.lines(), ""])
            found[f"{self.oracle}.json"] = json.dumps(self.as_json(), indent=1) + "\n"
        return found


def cover_section(title: str, done: Covered) -> Section:
    """The part that a covering walk was."""
    return Section(title, done.totals, done.done, done.kinds, done.states, done.transitions, done.left_out)


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
    names = Spelling(found.subject.design, found.subject.scope)
    mismatch = found.mismatch
    count = mismatch.number
    lines = wrapped(f"DIFFERENT after {count} step{'s' * (count != 1)}, in {mismatch.entry}(): {found.subject}", "  ")
    lines += wrapped(f"Real: {found.subject.real.title}", "  ")
    lines += wrapped(f"Scope: {scope_line(found.subject.scope)}", "  ")
    lines += ["", f"    {'model':<{HALF - 4}} | real"]
    before: Seen | None = None
    for number, seen in enumerate(found.seen):
        if number or mismatch.number == 0:
            lines += wrapped(f"{number:>3} {step_text(seen.step)}", "      ")
        lines += _changes(names, before, seen, quiet=not number and mismatch.number != 0)
        before = seen
    return lines


def scope_line(scope: Scope) -> str:
    return " ".join(f"{name}={show(value)}" for name, value in vars(scope).items())


def _changes(names: Spelling, before: Seen | None, seen: Seen, *, quiet: bool) -> Iterator[str]:
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
