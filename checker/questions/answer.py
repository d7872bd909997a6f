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
from checker.matrix.roles import users_file
from checker.questions import compare, compare_text, expected, gate, report
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

    def length(self) -> int:
        """The steps of its run; 0 if there is none."""
        run = self.told[1].run if self.told is not None else None
        return run.length if run is not None else 0


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
        command = compare_text.reproduce(diff, pair)
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
    return Answer(
        "diff", f"{diff.design} against {diff.base}", compare_text.headline(diff), compare_text.by_property(diff), said,
        compare_text.why_open(diff), diff.hunks, measured,
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
        _alone(result, v, named, rows.get(gate.title_of(result.cell)) if rows else None)
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
    command = report.reproduce_alone(result.cell, *named)
    told = (result, verdict) if verdict.run is not None else None
    text = "  ".join(filter(None, (report.length_text(verdict), report.binding_text(verdict) if told else "")))
    return Said(
        standing, str(result.cell), result.cell.names, verdict.property.name, verdict.property.sentence, before,
        verdict.status.value, text, command, told,
    )  # fmt: skip


def standing_of(verdict: Verdict, row: expected.Row | None) -> Standing:
    """row: what is expected of the cell, if anything is; of a property that it does not name the verdict counts alone."""
    if verdict.status is Status.INCONCLUSIVE:
        return Standing.OPEN
    before = row.verdicts.get(verdict.property.name) if row is not None else None
    if before is not None and not users_file(verdict.property.function):
        return Standing.AS_EXPECTED if expected.verdict_text(verdict) == before else Standing.UNEXPECTED
    alone = {Status.VIOLATED: Standing.VIOLATED, Status.SKIPPED: Standing.NOT_ASKED}
    return alone.get(verdict.status, Standing.FINE)


def _headline(said: Sequence[Said], campaign: Campaign) -> str:
    """`as expected in 354 cells (361 verdicts VIOLATED)`, and of what nothing is expected, in how many cells it violates something."""
    expected_of = {one.cell for one in said if one.standing in (Standing.AS_EXPECTED, Standing.UNEXPECTED)}
    other = {one.cell for one in said if one.standing is Standing.UNEXPECTED}
    bad = {one.cell for one in said if one.standing is Standing.VIOLATED}
    alone = {one.cell for one in said if one.standing in (Standing.VIOLATED, Standing.FINE)} - (expected_of - bad)
    violated = sum(one.after == Status.VIOLATED.value for one in said)
    parts = [f"not as expected in {count(len(other), 'cell')}"] * bool(other)
    kept = len(expected_of - other)
    parts += [f"as expected in {count(kept, 'cell')}" if not other else f"as expected in {kept}"] * bool(expected_of)
    parts += [f"violated in {len(bad)} of {count(len(alone), 'cell')}"] * bool(bad)
    parts += [f"nothing is violated in {count(len(alone), 'cell')}"] * bool(alone and not bad)
    told = (", ".join(parts) or "nothing was judged") + f" ({count(violated, 'verdict')} VIOLATED)" * bool(violated)
    return (
        f"{told}; {report.not_whole(campaign)}"
        if not campaign.whole
        else f"{told}; INCONCLUSIVE"
        if campaign.undecided
        else told
    )
