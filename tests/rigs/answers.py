"""Answers to render: real ones, as the commands make them, and made-up ones of which every text is odd."""

from __future__ import annotations

from checker.command import diff, prove
from checker.command.cli import build_parser
from checker.command.selected import look_up
from checker.questions.answer import Answer, Said, Standing, of_diff
from checker.questions.worth import worth_of

SMALL = ("--vmm", "qemu", "--guest", "windows_cg", "--scope")
SIZES = "cpus=1,pins=1,vectors=1"


def asked(*words: str):
    """The options of a command line, with what they name looked up."""
    options = build_parser([words[0]]).parse_args(words)
    look_up(options)
    return options


def of_words(*words: str) -> Answer:
    """What the command would give."""
    options = asked(*words)
    if words[0] == "diff":
        found = diff.found(options)[0]
        worth = worth_of(options.asked.cls, found.after, (options.beside.name, options.beside.cls))
        return of_diff(found, "measured", options.asked.not_read, worth.line())
    rows = {} if options.absolute else prove.recorded(options.asked.name)
    return prove.in_forms(prove.judged(options), options.asked, rows)


def made(
    cell: str = "c", name: str = "p", *, standing: Standing = Standing.REGRESSED, sentence: str = "s", text: str = "t",
    what: str = "a against b", reasons: tuple[str, ...] = (), reproduce: str = "eoi diff",
) -> Answer:  # fmt: skip
    said = [Said(standing, cell, {}, name, sentence, "HOLDS", "VIOLATED", text, reproduce)]
    return Answer("diff", what, text, [text], said, list(reasons))
