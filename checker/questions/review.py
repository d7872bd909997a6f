"""`eoi review`: the answer of a comparison as a page for a mail: what changed, for whom, who else can tell, and how it goes wrong.

Every line is 7-bit ASCII and at most 72 columns, so that it can be quoted. Nothing is judged here.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checker.engine.reference import Move
from checker.questions import compat
from checker.questions.answer import Answer, Said, Standing
from checker.questions.model_diff import Hunk
from checker.questions.patch_text import unindented
from checker.stories.trace import show, steps_text
from checker.stories.write import WIDTH, ascii_text, command_lines
from checker.words import count, fold_names

NOT_PATCHED = "It does not have this patch. The same steps were taken on it as it is, with the API flags that make it behave most like the patch. So this shows what a real KVM does when its EOIs are treated that way; the patch itself was not run."
NOT_THE_ONE = (
    " runs here, and not "  # as the label of a run says it that was taken on another design than it is told of
)
MOST_C = 40  # lines of the patch: who reads the page has it in the same thread
UNCHANGED = "The model is the same, line for line."


@dataclass(frozen=True)
class Review:
    """answer: of the comparison. labels: property -> what became of its shortest run on the running kernel. others: can those tell
    who did not ask for the change (nothing where nobody asks that). story: the shortest one of what is worse, as text; or "".
    patch: the changed lines in C, if it was C that was judged."""

    answer: Answer
    labels: dict[str, str]
    others: Sequence[compat.CompatAnswer]
    story: str
    rests_on: Sequence[str]
    command: str
    subjects: Sequence[str] = ()
    patch: Sequence[Hunk] = ()


def review_lines(review: Review) -> list[str]:
    """The whole page."""
    answer = review.answer
    parts = [
        _paragraph(f"{answer.what}: {answer.headline}."),
        [line for subject in review.subjects for line in _paragraph(subject)],
        ["What it changes", "", *(_changes(review.patch, MOST_C) or _in_the_model(answer.hunks))],
        *_part("Which the model has as", _in_the_model(answer.hunks) if review.patch else ()),
        *_part("What gets worse", _worse(answer.said)),
        *_part("What gets better", _better(answer.said)),
        *_part("What was violated before, and is", _still(answer.said)),
        *_part("What is not known", [line for why in answer.open_because for line in _item(why)]),
        *_part("What those notice who did not ask for the change", _others(review.others)),
        *_part("What the kernel that runs here does", _real(review.labels)),
        *_part("How it goes wrong", review.story.splitlines()),
        *_part("What this rests on", [line for text in review.rests_on for line in _item(text)]),
        command_lines(review.command, "To see it again:"),
    ]
    return [line for part in parts if part for line in [*part, ""]][:-1]


def _part(title: str, lines: Sequence[str]) -> list[list[str]]:
    return [[title, "", *lines]] if lines else []


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(ascii_text(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def _item(text: str) -> list[str]:
    return textwrap.wrap(
        ascii_text(text), WIDTH, initial_indent="  * ", subsequent_indent="    ", break_on_hyphens=False
    )


def _in_the_model(hunks: Sequence[Hunk]) -> list[str]:
    return _changes(hunks) or [UNCHANGED]


def _changes(hunks: Sequence[Hunk], most: int | None = None) -> list[str]:
    """Function by function; a line that is too long for a mail goes on below. No more than so many lines of code."""
    lines, left, told = list[str](), sum(hunk.size for hunk in hunks), ""
    for hunk in hunks:
        shown = hunk.lines[: None if most is None else max(0, most)]
        name = f"{hunk.file}: {hunk.name}" if hunk.file and hunk.name else hunk.file or hunk.name
        if shown and name != told:
            lines += _paragraph(name)
        told = name
        for line in unindented(shown):
            lines += _code(line)
        left -= len(shown)
        most = None if most is None else most - len(shown)
    return lines + [f"  ({count(left, 'more line')})"] * bool(left > 0 and most is not None)


def _code(line: str) -> list[str]:
    mark, code = line[:1], line[2:]
    indent = " " * (len(code) - len(code.lstrip()))
    pieces = textwrap.wrap(ascii_text(code), WIDTH - 6 - len(indent), break_on_hyphens=False) or [""]
    return [f"  {mark} {indent}{'  ' * bool(n)}{piece}".rstrip() for n, piece in enumerate(pieces)]


def _by_property(said: Sequence[Said], standing: Standing) -> dict[str, list[Said]]:
    found = dict[str, list[Said]]()
    for one in said:
        if one.standing is standing:
            found.setdefault(one.property, []).append(one)
    return found


def _worse(said: Sequence[Said]) -> list[str]:
    """The sentence of each, in which cells, and the shortest run."""
    lines = list[str]()
    for name, same in _by_property(said, Standing.REGRESSED).items():
        first = min(same, key=Said.length)
        shortest = first.text.partition("  ")[0]
        lines += _item(f"{_sentence(first)} ({name}) Not so in {_cells(same)}; the shortest run: {shortest}.")
    return lines


def _real(labels: dict[str, str]) -> list[str]:
    """What became of the shortest run of each: of the first one all that is known."""
    told = [label if n == 0 else label.partition(":")[0] for n, label in enumerate(labels.values())]
    lines = [line for name, label in zip(labels, told, strict=True) for line in _item(f"{name}: {label}.")]
    return [*_paragraph(NOT_PATCHED), "", *lines] if any(NOT_THE_ONE in label for label in labels.values()) else lines


def _better(said: Sequence[Said]) -> list[str]:
    """The sentence of each, and in how many cells; nobody is thanked for what holds because nothing happens any more."""
    lines = list[str]()
    for name, same in _by_property(said, Standing.FIXED).items():
        empty = sum("vacuous" in one.text for one in same)
        text = f"{_sentence(same[0])} ({name}) So now in {count(len(same), 'cell')}"
        lines += _item(
            text + (f", in {empty} of them only because what it speaks of never happens any more." if empty else ".")
        )
    return lines


def _sentence(one: Said) -> str:
    """The first sentence, which says what holds; what follows says where it is asked."""
    return f"{one.sentence.partition('. ')[0].rstrip('.')}."


def _cells(same: Sequence[Said]) -> str:
    """`2 cells: qemu 0x11, {linux, xen}, level`."""
    names = [one.cell for one in same]
    return f"{count(len(names), 'cell')}: {fold_names(names)}"


def _still(said: Sequence[Said]) -> list[str]:
    """How many: what the patch does not touch is not the answer's matter."""
    of = [one.property for one in said if one.standing is Standing.STILL_BROKEN]
    number = f"{count(len(of), 'verdict')} of {count(len(set(of)), 'property', 'properties')}"
    return _item(f"{number}, which the patch does not change (`eoi prove ... --all` names them).") if of else []


def _others(rows: Sequence[compat.CompatAnswer]) -> list[str]:
    """Each claim: it holds, or who can tell and how."""
    lines = list[str]()
    for claim in dict.fromkeys(row.claim.name for row in rows):
        mine = [row for row in rows if row.claim.name == claim]
        lines += _item(f"{mine[0].claim.sentence} ({claim}) {' '.join(_told(mine))}")
    return lines


def _told(rows: Sequence[compat.CompatAnswer]) -> Iterator[str]:
    apart = [(row, found) for row in rows if (found := row.result.divergence) is not None]
    unknown = [row for row in rows if row.result.verdict == "INCONCLUSIVE"]
    if apart:
        yield f"Not so in {len(apart)} of {count(len(rows), 'cell')}: {fold_names([row.title for row, _ in apart])}."
        row, found = min(apart, key=lambda pair: len(pair[1].moves))
        names, (what, base, design) = (row.base.names["kernel"], row.design.names["kernel"]), compat.what_differs(row)
        last = f", the last of which is {_call(row, found.moves[-1][1])}" if found.moves else ""
        yield f"The shortest way to tell: after {steps_text(len(found.moves))} in {row.title}{last}:"
        yield f"{what} is {base} in {names[0]}, {design} in {names[1]}."
    elif not unknown:
        yield f"So in all {count(len(rows), 'cell')}, in every pair of states that the two reach together."
    if unknown:
        yield f"Not found out in {count(len(unknown), 'cell')}."


def _call(row: compat.CompatAnswer, move: Move) -> str:
    """`vcpu_enter_guest(cpu=0)`"""
    _, *names = inspect.signature(getattr(row.design.system, move.step)).parameters
    return f"{move.step}({', '.join(f'{name}={show(value)}' for name, value in zip(names, move.args, strict=True))})"
