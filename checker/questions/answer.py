"""What a command answers, once, for every form in which it is given: a screen, a mail, a page, a CI system's file.

`of_diff` is the answer of a change, beside what was there before; `of_campaign` that of a design alone, beside what is expected of
it where something is; `of_gate` that of many designs, beside a file that says what is expected of each. Forms render it and decide nothing: what fails, what is open and the exit code are said here.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from checker.matrix.roles import ROLES, all_properties, users_file
from checker.questions import compare, compare_text, expected, gate, report
from checker.questions.campaign import Campaign, lines_never_run
from checker.questions.model_diff import Hunk
from checker.questions.not_run import not_run_texts
from checker.questions.unvaried import chosen_lines, open_because
from checker.questions.verdict import CellResult, Status, Verdict
from checker.stories.trace import Trace
from checker.words import count
from model.lang import Design, Property


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

    @property
    def quiet(self) -> bool:
        """There is nothing to look at."""
        return self in (Standing.SAME, Standing.AS_EXPECTED, Standing.FINE, Standing.NOT_ASKED)

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
    design: type[Design] | None = None  # what is under review, where its class is at hand

    def line(self) -> str:
        """`REGRESSED: 10 steps  pin=0`."""
        return f"{self.standing.value}: {self.text}" if self.text else self.standing.value

    def story(self) -> Trace | None:
        """Of the run, if there is one to tell."""
        return report.story(*self.told) if self.told is not None else None

    def length(self) -> int:
        """The steps of its run; 0 if there is none."""
        run = self.told[1].run if self.told is not None else None
        return run.length if run is not None else 0


@dataclass(frozen=True)
class Answer:
    """what: of which design, beside which. headline: the answer. more: what follows it on lines of their own. open_because: why
    it is INCONCLUSIVE, nothing if it is not. hunks: what changed of the model. measured: how far the model is; worth: what this
    answer is worth (worth.py). root: the folder
    that files are named from. file: what says what is expected, if a file does. lifted: of a patch, the file of the class that
    was made of it; patched: of each function of that, the file and line of the patch; left_out: of its changed
    lines, what nothing is said of, and why."""

    command: str
    what: str
    headline: str
    more: Sequence[str]
    said: Sequence[Said]
    open_because: Sequence[str]
    hunks: Sequence[Hunk] = ()
    measured: str = ""
    root: str = ""
    file: str = ""
    lifted: str = ""
    patched: Mapping[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    worth: str = ""
    left_out: Sequence[str] = ()

    @property
    def rests_on(self) -> Sequence[str]:
        """Lines that say how far one may go by it."""
        return [line for line in (self.worth, self.measured) if line]

    @property
    def failed(self) -> bool:
        return any(one.standing.failed for one in self.said)

    @property
    def undecided(self) -> bool:
        return bool(self.reasons) or any(one.standing.open for one in self.said)

    @property
    def reasons(self) -> Sequence[str]:
        """Why it is INCONCLUSIVE beside what is open in a cell. Where nothing is said, that is one: no form is empty and green."""
        return self.open_because or ([] if self.said else ["nothing was judged"])

    def by_cell(self) -> dict[str, list[Said]]:
        found = dict[str, list[Said]]()
        for one in self.said:
            found.setdefault(one.cell, []).append(one)
        return found

    def counts(self) -> dict[Standing, int]:
        return dict(Counter(one.standing for one in self.said))


def of_diff(diff: compare.Diff, measured: str = "", not_read: Sequence[str] = (), worth: str = "") -> Answer:
    """Every verdict of the design beside that of its base, also one that only one of the two was asked."""
    changed = {(id(c.design), c.name): c for c in diff.listed}
    said = list[Said]()
    for pair, before, after in zip(diff.pairs, diff.before, diff.after, strict=True):
        was, now = ({v.property.name: v for v in result.verdicts} for result in (before, after))
        command, of = compare_text.reproduce(diff, pair), _under_review(after)
        for name, p in {name: v.property for side in (was, now) for name, v in side.items()}.items():
            said.append(_beside(p, after, was.get(name), now.get(name), changed.get((id(after), name)), command, of))
    why_open = [*compare_text.why_open(diff), *map(_unread, not_read)]
    name = "the patch" if diff.design == "-" else diff.design  # on standard input
    return Answer(
        "diff", f"{name} against {diff.base}", compare_text.headline(diff),
        [*compare_text.by_property(diff), *chosen_lines(diff.unvaried)], said, why_open, diff.hunks, measured, worth=worth,
    )  # fmt: skip


def _beside(
    p: Property, after: CellResult, was: Verdict | None, now: Verdict | None, change: compare.Change | None,
    command: str, of: type[Design],
) -> Said:  # fmt: skip
    """What became of a property in a cell. None: it was not asked there."""
    now = now or Verdict(p, Status.SKIPPED)
    told = change.told() if change is not None and change.has_trace else None
    standing = OF_CHANGE[change.kind] if change else _unchanged(now)
    text = change.text if change else report.length_text(now)
    return Said(
        standing, str(after.cell), after.cell.names, p.name, p.sentence,
        was.status.value if was else "", now.status.value, text, command, told, of,
    )  # fmt: skip


def _under_review(result: CellResult) -> type[Design]:
    cell = result.cell
    found: type[Design] = cell.system.__bases__[list(ROLES).index(cell.subject)]
    return found


def _unread(name: str) -> str:
    return f"not read: {name}"


def _unchanged(verdict: Verdict) -> Standing:
    return Standing.NOT_ASKED if verdict.status is Status.SKIPPED else Standing.SAME


def of_campaign(
    title: str, campaign: Campaign, named: Sequence[str] = (), rows: Mapping[str, expected.Row] | None = None,
    *, not_read: Sequence[str] = (), measured: str = "", worth: str = "",
) -> Answer:  # fmt: skip
    """Every verdict of a design alone. named: the properties as --property named them. rows: what is expected of its cells, by
    their titles; a cell of other sizes, or that is not among them, is judged by itself."""
    said = [
        _alone(result, v, named, rows.get(gate.title_of(result.cell)) if rows else None)
        for result in campaign.results
        for v in result.verdicts
    ]
    lines = [f"no step that was explored runs {text}" for text in not_run_texts(lines_never_run(campaign.results))]
    reasons = [*lines, *[f"not explored: {cell}" for cell in campaign.unexplored]]
    reasons += ["interrupted"] * campaign.interrupted + [*map(_unread, not_read), *campaign.own_word]
    reasons += open_because(campaign.unvaried)
    if campaign.open and not reasons and not any(one.standing.open for one in said):
        reasons = ["nothing was judged"]
    more = chosen_lines(campaign.unvaried)
    return Answer("prove", title, _headline(said, campaign), more, said, reasons, (), measured, worth=worth)


def _alone(result: CellResult, verdict: Verdict, named: Sequence[str], row: expected.Row | None) -> Said:
    before = row.verdicts.get(verdict.property.name, "") if row is not None else ""
    standing = standing_of(verdict, row)
    command = report.reproduce_alone(result.cell, *named)
    told = (result, verdict) if verdict.run is not None else None
    text = "  ".join(filter(None, (report.length_text(verdict), report.binding_text(verdict) if told else "")))
    return Said(
        standing, str(result.cell), result.cell.names, verdict.property.name, verdict.property.sentence, before,
        verdict.status.value, text, command, told, _under_review(result),
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


CELL = "(cell)"  # in the place of a property: a cell that only one of the two tables has


def of_gate(
    what: str, expects: expected.Table, found: expected.Table, open_because: Sequence[str],
    results: Mapping[tuple[str, str], CellResult] | None = None, file: str = "",
) -> Answer:  # fmt: skip
    """Every row of a table beside what is expected, and what differs besides. open_because: beside cells that
    are. results: of (design, cell), where they are at hand."""
    listed = expected.differences(expects, found)
    differ = {(d.design, d.cell, d.what): d for d in listed}
    sentences, said = {name: p.sentence for name, p in all_properties().items()}, list[Said]()
    for design, cells in found.items():
        for cell, row in cells.items():
            if (design, cell, "") in differ:  # told below, as one
                continue
            result = (results or {}).get((design, cell))
            by_name = {v.property.name: v for v in result.verdicts} if result else {}
            for name, text in row.verdicts.items():
                d = differ.pop((design, cell, name), None)
                verdict = by_name.get(name)
                sentence = sentences.get(name) or (verdict.property.sentence if verdict else "")
                standing = _of_row(text, d)
                said.append(_of_table(standing, design, cell, name, sentence, d, text, result, verdict))
    for d in differ.values():  # cells, verdicts that are missing, counts
        said.append(_of_table(
            Standing.UNEXPECTED, d.design, d.cell, d.what or CELL, "", d, d.found, (results or {}).get((d.design, d.cell)),
        ))  # fmt: skip
    headline = _gate_headline(said, found, open_=bool(open_because))
    return Answer("gate", what, headline, (), said, open_because, file=file)


def _of_row(text: str, difference: expected.Difference | None) -> Standing:
    if text == expected.INCONCLUSIVE:
        return Standing.OPEN
    return Standing.AS_EXPECTED if difference is None else Standing.UNEXPECTED


def _of_table(
    standing: Standing, design: str, cell: str, name: str, sentence: str, d: expected.Difference | None, text: str,
    result: CellResult | None, verdict: Verdict | None = None,
) -> Said:  # fmt: skip
    before = d.expected if d else text
    told = (result, verdict) if result and verdict and verdict.run is not None else None
    more = f"  {report.binding_text(verdict)}" if told and verdict else ""
    difference = f"expected {before or 'nothing'}, found {text or 'nothing'}" if d else ""
    command = report.reproduce("prove", result.cell) if result else f"eoi gate --design {shlex.quote(design)} --all"
    return Said(
        standing, f"{design}: {cell}", result.cell.names if result else {}, name, sentence, before, text,
        difference + more * bool(d), command, told, _under_review(result) if result else None,
    )  # fmt: skip


def _gate_headline(said: Sequence[Said], found: expected.Table, *, open_: bool) -> str:
    """`12 cells as expected`, or what is not."""
    cells = {(design, cell) for design, of in found.items() for cell in of}
    other = {one.cell for one in said if one.standing is Standing.UNEXPECTED}
    kept = len({f"{design}: {cell}" for design, cell in cells} - other)
    told = f"not as expected in {count(len(other), 'cell')}, as expected in {kept}" if other else (
        f"as expected in {count(kept, 'cell')}"
    )  # fmt: skip
    open_ = open_ or not said or any(one.standing is Standing.OPEN for one in said)
    return f"{told}; INCONCLUSIVE" if open_ else told
