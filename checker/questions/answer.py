"""What a command answers, once, for every form in which it is given: a screen, a mail, a page, a CI system's file.

`of_diff` is the answer of a change, beside what was there before; `of_campaign` that of a design alone, beside what is expected of
it where something is. Forms render it and decide nothing: what fails, what is open and the exit code are said here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Self

from checker.engine.passages import line_texts
from checker.questions import compare, expected, report
from checker.questions.campaign import Campaign, lines_never_run
from checker.questions.model_diff import Hunk
from checker.questions.verdict import CellResult, Status, Verdict
from checker.words import count


class Standing(Enum):
    """What is said of a property in a cell: the word; whether it fails; whether it is open."""

    REGRESSED = "REGRESSED", True, False
    STILL_BROKEN = "STILL BROKEN", False, False  # violated before, too
    FIXED = "FIXED", False, False
    CHANGED = "CHANGED", False, False  # a witness came or went, neither good nor bad
    SAME = "SAME", False, False
    VIOLATED = "VIOLATED", True, False  # of a design alone
    UNEXPECTED = "UNEXPECTED", True, False  # not what is expected of it
    AS_EXPECTED = "AS EXPECTED", False, False
    FINE = "FINE", False, False  # it holds, or is reached
    NOT_ASKED = "NOT ASKED", False, False
    OPEN = "OPEN", False, True

    failed: bool
    open: bool

    def __new__(cls, word: str, failed: bool, open_: bool) -> Self:
        made = object.__new__(cls)
        made._value_, made.failed, made.open = word, failed, open_
        return made


OF_CHANGE = {
    compare.REGRESSED: Standing.REGRESSED, compare.STILL: Standing.STILL_BROKEN, compare.FIXED: Standing.FIXED,
    compare.OPEN: Standing.OPEN, compare.WITNESS: Standing.CHANGED,
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """Of one property in one cell. before, after: the verdicts in words, before "" if nothing is known; told: the side that has
    the run, if there is one to tell; reproduce: the command that answers it again."""

    standing: Standing
    cell: str
    names: Mapping[str, str]  # role -> who plays it
    property: str
    sentence: str
    before: str
    after: str
    text: str  # the length of the run, what it is about, and what was there instead
    reproduce: str
    told: tuple[CellResult, Verdict] | None = None


@dataclass(frozen=True)
class Answer:
    """what: of which design, beside which. headline: the answer. more: what follows it on lines of their own. open_because: why
    it is INCONCLUSIVE, nothing if it is not. hunks: what changed of the model. measured: what it is worth."""

    command: str
    what: str
    headline: str
    more: Sequence[str]
    said: Sequence[Said]
    open_because: Sequence[str]
    hunks: Sequence[Hunk] = ()
    measured: str = ""

    @property
    def failed(self) -> bool:
        return any(one.standing.failed for one in self.said)

    @property
    def undecided(self) -> bool:
        return bool(self.open_because) or any(one.standing.open for one in self.said)

    def counts(self) -> dict[Standing, int]:
        return dict(Counter(one.standing for one in self.said))


def of_diff(diff: compare.Diff, measured: str = "") -> Answer:
    """Every verdict of the design beside that of its base."""
    changed = {(id(c.design), c.name): c for c in diff.listed}
    said = list[Said]()
    for pair, before, after in zip(diff.pairs, diff.before, diff.after, strict=True):
        was = {v.property.name: v for v in before.verdicts}
        command = compare.reproduce(diff, pair)
        for v in after.verdicts:
            change = changed.get((id(after), v.property.name))
            old = was.get(v.property.name)
            told = change.told() if change is not None and change.has_trace else None
            standing = OF_CHANGE[change.kind] if change else _unchanged(v)
            text = change.text if change else report.length_text(v)
            said.append(
                Said(
                    standing, str(after.cell), after.cell.names, v.property.name, v.property.sentence,
                    old.status.value if old else "", v.status.value, text, command, told,
                )
            )  # fmt: skip
    lines = [f"no step that was explored runs {text}" for text in line_texts(diff.never_run)]
    reasons = [*lines, *[f"not explored: {pair.design}" for pair in diff.unexplored]]
    reasons += ["interrupted"] * diff.interrupted
    reasons += [f"only one of the two has {cell}" for cell in diff.apart]
    if diff.undecided and not reasons and not any(one.standing.open for one in said):
        reasons = ["no cell shows a difference, and perhaps none would" if diff.alike else "nothing was judged"]
    return Answer(
        "diff", f"{diff.design} against {diff.base}", compare.headline(diff), compare.by_property(diff), said,
        reasons if diff.undecided else (), diff.hunks, measured,
    )  # fmt: skip


def _unchanged(verdict: Verdict) -> Standing:
    return Standing.NOT_ASKED if verdict.status is Status.SKIPPED else Standing.SAME


def of_campaign(
    title: str, campaign: Campaign, named: Sequence[str] = (), rows: Mapping[str, expected.Row] | None = None,
    *, not_read: Sequence[str] = (), measured: str = "",
) -> Answer:  # fmt: skip
    """Every verdict of a design alone. named: the properties as --property named them. rows: what is expected of its cells, by
    their titles; a cell of other sizes, or that is not among them, is judged by itself."""
    said = [
        _alone(result, v, named, (rows or {}).get(str(result.cell)))
        for result in campaign.results
        for v in result.verdicts
    ]
    lines = [f"no step that was explored runs {text}" for text in line_texts(lines_never_run(campaign.results))]
    reasons = [*lines, *[f"not explored: {cell}" for cell in campaign.unexplored]]
    reasons += ["interrupted"] * campaign.interrupted + [f"not read: {name}" for name in not_read]
    if campaign.open and not reasons and not any(one.standing.open for one in said):
        reasons = ["nothing was judged"]
    return Answer("prove", title, _headline(said, campaign), (), said, reasons, (), measured)


def _alone(result: CellResult, verdict: Verdict, named: Sequence[str], row: expected.Row | None) -> Said:
    before = row.verdicts.get(verdict.property.name, "") if row is not None else ""
    standing = standing_of(verdict, row)
    command = report.reproduce("prove", result.cell, *named)
    told = (result, verdict) if verdict.run is not None else None
    text = "  ".join(filter(None, (report.length_text(verdict), report.binding_text(verdict) if told else "")))
    return Said(
        standing, str(result.cell), result.cell.names, verdict.property.name, verdict.property.sentence, before,
        verdict.status.value, text, command, told,
    )  # fmt: skip


def standing_of(verdict: Verdict, row: expected.Row | None) -> Standing:
    """row: what is expected of the cell, if anything is."""
    if verdict.status is Status.INCONCLUSIVE:
        return Standing.OPEN
    if row is not None:
        said = expected.verdict_text(verdict) == row.verdicts.get(verdict.property.name)
        if verdict.status is Status.SKIPPED and said:
            return Standing.NOT_ASKED
        return Standing.AS_EXPECTED if said else Standing.UNEXPECTED
    alone = {Status.VIOLATED: Standing.VIOLATED, Status.SKIPPED: Standing.NOT_ASKED}
    return alone.get(verdict.status, Standing.FINE)


def _headline(said: Sequence[Said], campaign: Campaign) -> str:
    """`354 cells as expected (361 verdicts VIOLATED, as it is known)`, or how many cells violate something."""
    violated = sum(one.after == Status.VIOLATED.value for one in said)
    other = {one.cell for one in said if one.standing is Standing.UNEXPECTED}
    alone = {one.cell for one in said if one.standing is Standing.VIOLATED}
    known = {one.cell for one in said if one.standing in (Standing.AS_EXPECTED, Standing.UNEXPECTED)}
    rest = len(campaign.results) - len(known)
    parts = [f"not as expected in {count(len(other), 'cell')}"] * bool(other)
    if known:
        kept = len(known) - len(other)
        parts += [f"as expected in {count(kept, 'cell')}" if not other else f"as expected in {kept}"]
    if rest:
        parts += [
            f"violated in {len(alone)} of {count(rest, 'cell')}"
            if alone
            else f"nothing violated in {count(rest, 'cell')}"
        ]
    parts[-1:] = [f"{parts[-1]} ({count(violated, 'verdict')} VIOLATED)"] if parts and violated else parts[-1:]
    told = ", ".join(parts) or "nothing was explored"
    return told if not campaign.open else f"{told}; INCONCLUSIVE"
