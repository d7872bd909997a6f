"""Where the steps of a story and the designs are written: a file and a line, never by a path of this machine."""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from checker.engine.passages import tracing
from checker.engine.reference import Reference
from checker.language.source import definition_of, parsed, plain_function, text_of
from checker.questions.answer import Answer, Said
from model.finite import ModelError
from model.lang import Design

OURS = Path(__file__).resolve().parents[2]  # where model/ is


@dataclass(frozen=True)
class CodePlace:
    """name: relative, of the folder that the answer is about, or of eoiproof where it is ours."""

    name: str
    line: int
    ours: bool = False


@dataclass(frozen=True)
class Passed:
    """A line of a story, where it is written. depth: 0 of a step, 1 of what it calls. here: the one to look at. own: it is of the
    design under review."""

    text: str
    place: CodePlace | None
    depth: int
    here: bool = False
    own: bool = False


def of_design(design: type[Design], answer: Answer) -> CodePlace | None:
    """Of its class."""
    file = _file_of(design)
    if not file:
        return None
    try:
        tree = parsed(file, design.__module__)
    except (OSError, SyntaxError, ValueError):
        return _named(file, "", 1, answer)
    lines = (n.lineno for n in tree.body if isinstance(n, ast.ClassDef) and n.name == design.__name__)
    return _named(file, "", next(lines, 1), answer)


def _file_of(design: type[Design]) -> str:
    try:
        return inspect.getfile(design)
    except (TypeError, OSError):
        return ""


def of_function(design: type[Design], name: str, answer: Answer) -> CodePlace | None:
    """Of what runs under this name in a system."""
    try:
        plain = inspect.unwrap(plain_function(getattr(design, name)))
        return _named(plain.__code__.co_filename, name, definition_of(plain).lineno, answer)
    except (AttributeError, ModelError):
        return None


def _named(file: str, function: str, line: int, answer: Answer) -> CodePlace:
    """A file by the shortest name that others know it by."""
    if file == answer.lifted and answer.patched:
        file, line = answer.patched.get(function) or next(iter(answer.patched.values()))
    path = Path(os.path.abspath(file))  # a file of the user's is called as the user named it
    if answer.root and path.is_relative_to(answer.root):
        return CodePlace(path.relative_to(answer.root).as_posix(), line)
    if path.is_relative_to(OURS):
        return CodePlace(path.relative_to(OURS).as_posix(), line, ours=True)
    return CodePlace(os.path.basename(file), line)


def passed(said: Said, answer: Answer) -> Iterator[Passed]:
    """The steps of its story, what they call in others, the lines of the design under review that they run, and how it ends."""
    story = said.story()
    if story is None or said.told is None:
        return
    system, own = said.told[0].cell.system, _own_lines(said)
    for number, event in enumerate(story.events):
        changed = [change.text for change in event.changes if not change.after_call]
        text = f"step {number + 1}: {'; '.join([event.call, *changed])}"
        yield Passed(text, of_function(system, event.step, answer), 0, number == story.decisive)
        for at, call in enumerate(event.calls, 1):
            then = [change.text for change in event.changes if change.after_call == at]
            told = "; ".join([f"{call.anchor.removesuffix('()')}({call.args})", *then])
            yield Passed(told, of_function(system, call.function, answer), 1)
        here, place = number == story.decisive, None
        for line in own[number]:
            place = _named(line.file, line.function, line.number, answer)
            yield Passed(f"{line.function}(): {line.text}", place, 1, here, own=True)
        for parting in (one for one in story.partings if one.index == number):
            yield Passed(f"here the two part: {parting.text}", place, 1, here)
    if story.loop_start is not None:
        yield Passed(f"back to step {story.loop_start + 1}, for ever", None, 0)
    elif story.stutter:
        yield Passed("no step has to come: the run stays here for ever", None, 0)


@dataclass(frozen=True)
class OwnLine:
    """Of the design under review."""

    file: str
    number: int
    function: str
    text: str


def _own_lines(said: Said) -> list[list[OwnLine]]:
    """Of each step of its run: taken again in CPython, which is watched. Of a step that runs none, and without a design, nothing."""
    assert said.told is not None
    result, verdict = said.told
    run, file = verdict.run, _file_of(said.design) if said.design is not None else ""
    if run is None or not file or said.design is None or said.design not in result.cell.system.__mro__:
        return [[] for _ in run.moves] if run is not None else []
    reference, found = Reference(result.cell.system, result.cell.scope), list[list[OwnLine]]()
    module = said.design.__module__
    functions = [n for n in ast.walk(parsed(file, module)) if isinstance(n, ast.FunctionDef)]
    rows = text_of(file, module).splitlines()
    for codes, move in zip(run.codes, run.moves, strict=False):
        with tracing({file}) as seen:
            reference.successor(codes, move)
        numbers = sorted({number for _, number in seen})
        inside = [(n, [f.name for f in functions if f.lineno < n <= (f.end_lineno or n)]) for n in numbers]
        found.append([OwnLine(file, n, names[-1], rows[n - 1].strip()) for n, names in inside if names])
    return found


def to_look_at(said: Said, steps: Sequence[Passed], answer: Answer) -> CodePlace | None:
    """Of something that failed: the last line that is run of the design under review, in the step to look at if any is run there;
    or what of_review says."""
    mine = [step for step in steps if step.own]
    chosen = [step.place for step in mine if step.here] or [step.place for step in mine]
    return chosen[-1] if chosen else of_review(said.design, answer)


def of_review(design: type[Design] | None, answer: Answer) -> CodePlace | None:
    """Of what is under review: its class; where that is not at hand, the file that says what is expected of it."""
    place = of_design(design, answer) if design is not None else None
    return place or (_named(answer.file, "", 1, answer) if answer.file else None)
