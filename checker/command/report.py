"""`eoi report`: what a design changes, as one page for a browser."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from checker import files
from checker.command import diff, exits
from checker.command.explore import explore, story
from checker.command.parsers import selection_of
from checker.errors import UserError
from checker.matrix.roles import stands_on
from checker.matrix.select import Selection, select
from checker.page import entries
from checker.page.entries import Entry
from checker.page.page import Content, page
from checker.page.told import Json, Teller
from checker.progress import Progress
from checker.questions import answer
from checker.questions.answer import Answer
from checker.questions.measured import measured_line
from checker.questions.model_diff import changed_lines


def run(options: Namespace) -> int:
    """Write the page, and print its answer; the exit code is that of `eoi diff`, or that of `eoi prove` if it stands on
    nothing."""
    path = Path(options.output)
    if path.suffix != ".html":
        raise UserError(f"-o {path}: the file's name must end in .html")
    files.check_file("-o", path)
    base = base_of(options.asked, options.base)
    content = alone(options) if base is None else beside(options, base)
    text = page(content)
    files.write_text(path, text)
    print(f"{content.answer.what}: {content.answer.headline}")
    print(f"written: {path} ({len(text.encode()) / 1e6:.1f} MB)")
    return exits.decided(wrong=content.answer.failed, undecided=content.answer.undecided)


def base_of(asked: Selection, named: str | None) -> str | None:
    """The design to stand beside; None if it stands on none."""
    if named is not None:
        return named
    if asked.lifted is not None:
        return asked.lifted.base
    found = stands_on(asked.cls)
    return None if found is None else found[0]


def beside(options: Namespace, base: str) -> Content:
    """Both designs explored and compared."""
    options = diff.under_each_kernel(Namespace(**vars(options) | {"beside": selection_of(options, base)}))
    found, _ = diff.found(options)
    said = answer.of_diff(found, measured_line(users_file=any(r.lines_run for r in found.after)))
    was, now = options.beside.cls, options.asked.cls
    return content_of(
        options, said, entries.of_diff(said, found), Teller(changed_lines(was, now), changed_lines(now, was)), base
    )


def alone(options: Namespace) -> Content:
    """A design that stands on none."""
    title, cells, _, wanted = select(options.asked)
    campaign = explore(options, cells, wanted)
    said = answer.of_campaign(title, campaign, options.asked.properties, measured=measured_line())
    return content_of(options, said, entries.of_campaign(said, campaign), Teller(), "")


def content_of(options: Namespace, said: Answer, found: Sequence[Entry], teller: Teller, base: str) -> Content:
    """With every run told."""
    runs = {number: entry.told for number, entry in enumerate(found) if entry.told is not None}
    told, progress = dict[int, Json](), Progress(len(runs), "stories told")
    for number, of in runs.items():
        told[number] = teller.told(found[number], story(*of))
        progress.done = len(told)
        progress.show()
    progress.close()
    first = entries.foremost(found)
    shown = None if first is None else (first, story(*runs[first]))
    command = shlex.join(["eoi", "report", options.design, "-o", options.output])
    return Content(said, found, told, teller.functions, shown, {"design": options.asked.name, "base": base}, command)
