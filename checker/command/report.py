"""`eoi report`: what a design changes, as one page for a browser."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial

from checker import files
from checker.command import diff, exits, prove
from checker.command.explore import story
from checker.command.form import checked_file
from checker.command.selected import selection_of
from checker.errors import UserError
from checker.matrix.cells import short_names
from checker.matrix.lifted_file import not_judged
from checker.matrix.roles import ROLES
from checker.page import entries
from checker.page.entries import PageEntry
from checker.page.kept import told_of_cell
from checker.page.page import Content, page
from checker.page.told import Json, Teller, ToldCell, marked_lines
from checker.progress import Progress
from checker.questions import answer
from checker.questions.alone_screen import alone_lines
from checker.questions.answer import Answer
from checker.questions.first_screen import answer_lines, left_out_lines
from checker.questions.measured import measured_line
from checker.questions.patch_text import in_c
from checker.questions.worth import worth_of
from checker.words import screen


def run(options: Namespace) -> int:
    """Write the page, and print its answer; the exit code is that of `eoi diff`, or that of `eoi prove` if it stands on
    nothing."""
    if not options.page.endswith(".html") or options.page.endswith("/.html"):
        raise UserError(f"-o {options.page}: the file's name must end in .html")
    path = checked_file(options, "page")
    base = options.base or diff.base_of(options.asked)
    content, said = beside(options, base) if base else alone(options)
    text = page(content)
    files.write_text(path, text)
    print("\n".join(said))
    print(f"written: {path} ({len(text.encode()) / 1e6:.1f} MB)")
    return exits.decided(wrong=content.answer.failed, undecided=content.answer.undecided)


def beside(options: Namespace, base: str) -> tuple[Content, list[str]]:
    """Both designs explored and compared; and what is printed of that."""
    options = diff.under_each_kernel(
        Namespace(**vars(options) | {"beside": selection_of(options, base, options.asked.cls)})
    )
    found, _ = diff.found(options)
    worth = worth_of(options.asked.cls, found.after, (options.beside.name, options.beside.cls))
    how_far = measured_line(users_file=any(r.lines_run for r in found.after))
    said = answer.of_diff(found, how_far, options.asked.not_read, worth.line())
    was, now = options.beside.cls, options.asked.cls
    content = content_of(options, said, entries.of_diff(said, found), Teller(*marked_lines(was, now)), base)
    without = left_out_lines(not_judged(options.asked.lifted, options.beside.lifted))
    return content, [*answer_lines(found, in_c(options.asked)), *without]


def alone(options: Namespace) -> tuple[Content, list[str]]:
    """A design that stands on none."""
    found = prove.judged(Namespace(**vars(options), confirm=False))
    said = prove.in_forms(found, options.asked, prove.recorded(options.asked.name))
    content = content_of(options, said, entries.of_campaign(said, found.campaign), Teller(), "")
    return content, alone_lines(said, screen()[1] - 2)


def content_of(options: Namespace, said: Answer, found: Sequence[PageEntry], teller: Teller, base: str) -> Content:
    """With every run told."""
    shown = short_names([options.asked.name, base])
    names = {"design": shown[options.asked.name], "base": shown[base]}
    told_by = entries.tellers(found)
    own = [entry for number, entry in enumerate(found) if told_by.get(number) == number]
    cells = entries.by_cell(own)
    runs, functions, progress = dict[int, Json](), dict[str, Json](), Progress(len(cells), "cells told")
    for of_cell in cells.values():
        mine = {entry.said.property: entry for entry in of_cell}
        told = told_of_cell(mine, names, options.asked.wanted, partial(told_anew, teller, mine))
        functions |= told["functions"]
        runs |= {id(mine[name]): one for name, one in told["runs"].items()}
        progress.done += 1
        progress.show()
    progress.close()
    of = {number: runs[id(found[by])] for number, by in told_by.items()}
    return Content(said, found, of, functions, entries.foremost(found), names, command_of(options))


def told_anew(teller: Teller, runs: Mapping[str, PageEntry]) -> ToldCell:
    return teller.told_of({name: (entry, story(*entry.told)) for name, entry in runs.items() if entry.told is not None})


def command_of(options: Namespace) -> str:
    """What makes the page again."""
    named = [(role, name) for role in ROLES for name in getattr(options, role) or ()]
    named += [("property", name) for name in options.property or ()]
    named += [(name, getattr(options, name)) for name in ("base", "scope") if getattr(options, name)]
    words = [word for name, value in named for word in (f"--{name}", value)]
    return shlex.join(["eoi", "report", options.design, *words, "-o", options.page])
