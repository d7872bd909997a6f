"""What the page's matrix says in one place: of a property in a cell, with both verdicts and the runs that can be told."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import islice

from checker.errors import InternalError
from checker.matrix.cells import Cell
from checker.questions.answer import Answer, Said, Standing
from checker.questions.campaign import Campaign
from checker.questions.compare import Diff
from checker.questions.verdict import CellResult, Status, Verdict

WORST_FIRST = (
    Standing.REGRESSED, Standing.VIOLATED, Standing.UNEXPECTED, Standing.OPEN, Standing.FIXED, Standing.STILL_BROKEN,
    Standing.CHANGED, Standing.AS_EXPECTED, Standing.SAME, Standing.FINE, Standing.NOT_ASKED,
)  # fmt: skip
TOLD_FIRST = (
    Standing.REGRESSED, Standing.UNEXPECTED, Standing.VIOLATED, Standing.FIXED, Standing.STILL_BROKEN, Standing.AS_EXPECTED,
)  # fmt: skip


@dataclass(frozen=True)
class PageEntry:
    """said: as every form says it. was: the base's verdict, None of a design alone. told: the side that has the run to tell;
    other: the cell of the other side."""

    said: Said
    was: Verdict | None
    now: Verdict
    told: tuple[CellResult, Verdict] | None
    other: Cell | None

    @property
    def of_base(self) -> bool:
        """The run that is told is the base's: the design has none any more."""
        return self.told is not None and self.was is not None and self.told[1] is self.was

    @property
    def length(self) -> int | None:
        """Of the run that is told; None if there is none."""
        return self.told[1].run.length if self.told is not None and self.told[1].run is not None else None

    @property
    def quiet(self) -> bool:
        """There is nothing to look at first: of what is the same in both, or as expected, only what is violated."""
        return self.said.standing.quiet and self.now.status is not Status.VIOLATED

    @property
    def marks(self) -> str:
        """`ok > FAIL` where they differ, else one of them; in brackets if vacuous."""
        now = self.now.mark()
        was = self.was.mark() if self.was is not None else now
        return now if was == now and self.said.standing is not Standing.STILL_BROKEN else f"{was} > {now}"


def of_diff(answer: Answer, diff: Diff) -> list[PageEntry]:
    """answer: of this diff, in its order."""
    found, left = list[PageEntry](), iter(answer.said)
    for before, after in zip(diff.before, diff.after, strict=True):
        was, now = ({v.property.name: v for v in result.verdicts} for result in (before, after))
        said = {one.property: one for one in islice(left, len(was | now))}
        if said.keys() != (was | now).keys():
            raise InternalError(f"the answer of {after.cell} is of other properties")
        for name, one in said.items():
            new = now.get(name) or Verdict(was[name].property, Status.SKIPPED)
            told = one.told or ((after, new) if new.run is not None else None)
            other = before.cell if told is None or told[0] is after else after.cell
            found.append(PageEntry(one, was.get(name), new, told, other))
    return found


def of_campaign(answer: Answer, campaign: Campaign) -> list[PageEntry]:
    """answer: of this campaign, in its order."""
    verdicts = [v for result in campaign.results for v in result.verdicts]
    return [PageEntry(one, None, v, one.told, None) for one, v in zip(answer.said, verdicts, strict=True)]


def by_cell(entries: Sequence[PageEntry]) -> dict[str, list[PageEntry]]:
    """In matrix order."""
    found = dict[str, list[PageEntry]]()
    for entry in entries:
        found.setdefault(entry.said.cell, []).append(entry)
    return found


def worst(entries: Sequence[PageEntry]) -> Standing:
    """What a cell is sorted by."""
    return min((entry.said.standing for entry in entries), key=WORST_FIRST.index)


def foremost(entries: Sequence[PageEntry]) -> int | None:
    """The number of the one whose story comes first: of the property that was asked first, and its shortest run that takes
    steps; None if there is none."""
    for standing in TOLD_FIRST:
        of = [n for n, entry in enumerate(entries) if entry.told is not None and entry.said.standing is standing]
        if of:
            asked = {
                name: number for number, name in enumerate(dict.fromkeys(entry.said.property for entry in entries))
            }
            return min(of, key=lambda n: (not _takes_steps(entries[n]), asked[entries[n].said.property]))
    return None


def _takes_steps(entry: PageEntry) -> bool:
    return entry.told is not None and entry.told[1].run is not None and entry.told[1].run.length > 0


def tellers(entries: Sequence[PageEntry]) -> dict[int, int]:
    """For each with a run, by number, which one's story is told of it: its own; or, of what changes nothing, that of the first
    cell in which the same steps show the same."""
    found, first = dict[int, int](), dict[Hashable, int]()
    for number, entry in enumerate(entries):
        if entry.told is None:
            continue
        _, verdict = entry.told
        steps = verdict.run and (verdict.run.moves, verdict.run.loop_start, verdict.run.stutter)
        key: Hashable = number
        if entry.said.standing.quiet:
            key = entry.said.property, steps, tuple(verdict.binding.items())
        found[number] = first.setdefault(key, number)
    return found
