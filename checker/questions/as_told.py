"""Whether the whole text of a story is what the ordinary writer says of its run, and whether the run is the shortest."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from checker.engine.reference import Reference
from checker.engine.search import Limits
from checker.matrix.cells import Cell
from checker.matrix.loader import property_argument
from checker.matrix.roles import ROLES
from checker.questions.migration_of_file import commands_of
from checker.questions.report import reproduce
from checker.questions.verdict import Account, Run, check_cell, table_of
from checker.stories.compare import StoryLine, TextDifference, first_difference
from checker.stories.read import ParsedStory
from checker.stories.replay import Steps
from checker.stories.replay_line import ReplayLine, text_digest
from checker.stories.trace import StoryError, Trace, show
from checker.stories.write import PARTED, told_text
from model.finite import ModelError
from model.lang import Design, Property
from model.machine import Scope
from model.migration import Migrating

_LENGTH = re.compile(r": [A-Z]+ in \d")  # of the headline
OTHER = " --other"  # of a run that is told beside the first
_PARTED = re.compile(rf"[|\s]*{PARTED}\s")  # rows that stories have had from some day on
_FOLDED = re.compile(r"\s*1-\d+\s[|*\s]*\*")
SECONDS = 300.0  # for the search that tells whether a run is the shortest
_LABEL = re.compile(r"(?:CONFIRMED|NOT REPRODUCED|NOT RUNNABLE HERE)\b")  # what a real system said of the run


@dataclass(frozen=True)
class Told:
    """What a story says, as values: the cell (its system's bases are the roles: where the VM moves between hosts, those
    of migration_table.moved), and steps with their arguments."""

    story: ParsedStory
    asked: Property
    cell: Cell
    path: Steps
    title: str

    @property
    def names(self) -> Mapping[str, str]:
        return self.cell.names

    @property
    def roles(self) -> Sequence[type[Design]]:
        return self.cell.system.__bases__

    @property
    def scope(self) -> Scope:
        return self.cell.scope

    @property
    def moves_between_hosts(self) -> bool:
        return Migrating in self.roles


@dataclass(frozen=True)
class TextAnswer:
    """differs: where the text and the run part, or "". notes: what else there is to say. is_open: whether the run is
    the shortest was not found out."""

    differs: str = ""
    notes: Sequence[str] = ()
    is_open: bool = False


def compare_text(told: Told, run: Run, shown: Sequence[Mapping[str, object]]) -> TextAnswer:
    """shown: the values of the property's parameters of which the run shows what the headline says."""
    story, line = told.story, told.story.told
    asked = property_argument(told.asked) if line is None else re.sub(r"@[0-9a-f]{8}(?=:|$)", "", line.asked)
    account = Account(told.cell, told.asked, asked, run)
    if line is not None:
        own = [b for b in shown if {name: show(value) for name, value in b.items()} == dict(line.binding)]
        if not own:
            of = [", ".join(f"{n}:{show(v)}" for n, v in b.items()) for b in shown]
            return TextAnswer(f"the Replay line is of {dict(line.binding)}; the run is of {' or '.join(of)}")
        shown = own
    trace, differs = _nearest(story.text, _traces(told, account, shown, _label_of(story.text)), line is not None)
    if differs is not None:
        whose = "" if differs.of_bars else by_whom(told)
        return TextAnswer(f"{differs} ({whose})" if whose else str(differs))
    if line is not None and not _numbers_them(line.moves, told.path):
        return TextAnswer(f"the numbers in line {story.end} are not of the {len(told.path)} steps in the text")
    shortest, why = _is_shortest(told.cell, told.asked, run)
    if shortest is not None and shortest != trace.shortest:
        other = account.trace(trace.binding, trace.reproduce, shortest=shortest)
        where = next(iter(story.text), StoryLine("", "", story.end))
        said = f"line {where.number} says `{trace.headline}`; the run says `{other.headline}`"
        if not shortest:
            return TextAnswer(f"{said}: {why}")
        whose = by_whom(told)
        return TextAnswer(f"{said} ({whose})" if whose else said)
    notes = _notes(told, trace) + [f"Whether it is the shortest was not found out: {why}"] * (shortest is None)
    return TextAnswer("", notes, shortest is None)


def _numbers_them(numbers: Sequence[int], steps: Steps) -> bool:
    """Whether these may be the numbers of these steps, in whatever model: equal ones of equal steps, and no others."""
    return len(numbers) == len(steps) and len(set(numbers)) == len(set(steps)) == len(
        {*zip(numbers, steps, strict=True)}
    )


def _nearest(text: Sequence[StoryLine], traces: Iterator[Trace], whole: bool) -> tuple[Trace, TextDifference | None]:
    """The trace whose story agrees with the most of the text, and where the two part."""
    found = [(trace, first_difference(text, told_text(trace), whole) if text else None) for trace in traces]
    return max(found, key=lambda one: float("inf") if one[1] is None else one[1].length)


def _traces(told: Told, account: Account, shown: Sequence[Mapping[str, object]], label: str) -> Iterator[Trace]:
    """What may have been told: before there was a Replay line, nothing said of which values, and which role was asked. Each
    in every form that a story has had."""
    subjects = [told.cell.subject] if told.story.told is not None else list(ROLES)
    head = [line.text for line in told.story.text[:2]]  # it may be folded
    marked, folded = (any(row.match(line.text) for line in told.story.text) for row in (_PARTED, _FOLDED))
    shortest = not head or "(shortest" in " ".join(head) or _LENGTH.search(head[0]) is None
    for binding, subject in itertools.product(shown, subjects):
        cell = Cell(told.names, told.cell.system, told.cell.scope, subject)
        commands = (
            commands_of(cell)
            if told.moves_between_hosts
            else [f"{reproduce('trace', cell, account.asked)}{more}" for more in ("", OTHER)]
        )
        for command in commands or [""]:
            trace = account.trace(binding, command, label=label, subject=subject, shortest=shortest)
            trace = trace if folded or not told.story.text else replace(trace, set_up=0)
            yield trace
            if not (marked or folded) and _is_of_old(
                before := replace(trace, partings=(), parts=None), told.story.told
            ):
                yield before


def _is_of_old(trace: Trace, line: ReplayLine | None) -> bool:
    """Whether a story may have been told so, before it was marked where patch and base part: what its digest is of, was."""
    return line is None or line.digest == text_digest(told_text(trace))


def _label_of(text: Sequence[StoryLine]) -> str:
    """What a text says of a real system. Only that one can tell whether it is so: `eoi replay --on`."""
    begin = next((i for i, line in enumerate(text) if _LABEL.match(line.text.strip())), None)
    above = [line.text.strip() for line in text[:begin]] if begin is not None else [""]
    if begin is None or any(line.startswith(("Design:", "Cell:")) for line in above):
        return ""
    return " ".join(line.text for line in itertools.takewhile(lambda line: line.text.strip(), text[begin:]))


def by_whom(told: Told) -> str:
    """Whether a story that is not the run's was told so, or changed since: by the digest in its Replay line, and by what
    this line and the text say of one run. "" where there is no text to ask."""
    story, line = told.story, told.story.told
    if line is None or not story.text:
        return ""
    mark = story.text[0].mark
    if text_digest("\n".join(one.text for one in story.text if one.mark.startswith(mark))) != line.digest:
        return "the digest in its Replay line is of another text: this one was changed, or cut, since"
    if apart := _line_apart(told, line):
        return f"the text is as it was told, and its Replay line was changed since: {apart}"
    return "the text is as it was told: of another version of the model"


def _line_apart(told: Told, line: ReplayLine) -> str:
    """Where the Replay line says something else than the text that it ends, or "". Steps are compared if their numbers
    mean the same as they did."""
    picture = told.story.picture
    if isinstance(picture, StoryError):
        return ""
    head = told.story.text[0].text.split()[0].removesuffix(":")
    pairs = [("property", line.asked.rpartition(":")[2], head.rpartition(":")[2])]
    for of_line, of_text in ((line.roles, picture.cell), (line.scope, picture.scope)):
        pairs += [(name, of_line.get(name, "nothing"), of_text.get(name, "nothing")) for name in {**of_line, **of_text}]
    if line.table == table_of(Reference(told.cell.system, told.cell.scope).moves):
        steps = [f"{name}({', '.join(args.values())})" for name, args in picture.steps]
        taken = [f"{name}({', '.join(map(show, args))})" for name, args in told.path]
        both = itertools.zip_longest(taken, steps, fillvalue="nothing")
        pairs += [(f"step {number}", one, other) for number, (one, other) in enumerate(both, 1)]
    return next((f"{what} is {one} there and {other} in the text" for what, one, other in pairs if one != other), "")


def _notes(told: Told, trace: Trace) -> list[str]:
    line, own = told.story.told, told_text(trace)
    if line is None:
        return ["There is no Replay line, as in old stories: the run was read out of the picture."]
    notes = []
    if not told.story.text:
        notes += ["There was no text around the Replay line to compare. The run's story is:", "", *own.splitlines()]
    elif trace.label:
        notes.append("What it says of a real system was not looked at: `eoi replay --on` does.")
    if f" {line.table}/" not in trace.replay and line.moves:
        notes.append(
            "The numbers in the Replay line are not of this model's steps: the run was read out of the picture."
        )
    if line.digest != text_digest(own):
        which = "text is the run's, but the digest" if told.story.text else "digest"
        notes.append(f"The {which} in the Replay line is not that of this text.")
    return notes


def _is_shortest(cell: Cell, p: Property, run: Run) -> tuple[bool | None, str]:
    """(whether no shorter run shows it, None if that was not found out; why): the cell is searched again."""
    try:
        result = check_cell(cell, [p], limits=Limits(seconds=SECONDS))
    except ModelError as error:
        return None, str(error)
    verdict = result.verdicts[0]
    if verdict.run is None:
        return None, verdict.note or verdict.status.value
    stem, least = (len(r.moves) if r.loop_start is None else r.loop_start for r in (run, verdict.run))
    return stem <= least, f"a run of {least} steps shows it" + " before its loop" * (verdict.run.loop_start is not None)
