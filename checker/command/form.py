"""The form in which a command gives its answer, and the file that it goes to: --format and -o of prove, diff and gate.

options.json says that the answer is for a machine, whatever the form: then nothing else is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from checker import files
from checker.errors import UserError

TEXT, JSON = "text", "json"
FORMS = (TEXT, JSON, "markdown", "junit", "sarif", "ktap", "b4", "checkpatch")
INPUTS = (".py", ".patch", ".diff", ".mbox", ".eml")  # of what is never written


class Form(argparse.Action):
    """--format F, and --json for one of them: one form is given, not the last that was named."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: str | Sequence[object] | None, option: str | None = None
    ) -> None:  # fmt: skip
        asked = JSON if option == "--json" else str(values)
        if getattr(namespace, "said_form", asked) != asked:
            parser.error(f"argument {option}: {namespace.said_form} is asked for, too: give one form")
        namespace.form = namespace.said_form = asked
        namespace.json = asked != TEXT


def add_form(parser: ArgumentParser, what: str) -> None:
    """what: the answer is, as JSON."""
    said = f"one of {', '.join(FORMS)}: docs/ci.md says who reads which"
    parser.add_argument("--format", action=Form, choices=FORMS, dest="form", default=TEXT, metavar="F", help=said)
    parser.add_argument("--json", action=Form, nargs=0, dest="json", default=False, help=f"machine-readable {what}")
    whole = "write the answer there, whole or not at all, instead of printing it"
    parser.add_argument("-o", "--output", metavar="FILE", dest="answer_file", help=whole)


def only_as_text(options: Namespace, what: str) -> None:
    """Raise UserError for what is told as text (or, of some, as JSON) and in no other form."""
    if options.form not in (TEXT, JSON):
        raise UserError(f"{what} is told as text: --format {options.form} has no place for it")


def file_of(options: Namespace) -> Path | None:
    """Where the answer goes to, if not to the screen. Raises UserError, before anything is explored."""
    return None if getattr(options, "answer_file", None) is None else checked_file(options, "answer_file")


def checked_file(options: Namespace, dest: str) -> Path:
    """The file that -o names, which that option keeps. Raises UserError where it may not be written."""
    name: str = getattr(options, dest)
    path = Path(os.path.realpath(name))
    if path.suffix in INPUTS:
        raise UserError(f"-o {name}: a file of this name is a design or a patch: the answer would take its place")
    if any(os.path.realpath(word) == str(path) for word in _words(options, dest)):
        raise UserError(f"-o {name}: the answer would take the place of what is asked about")
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(f"-o {name}: is no regular file: leave -o away to print the answer")
    files.check_file("-o", Path(name))
    return path


def _words(options: Namespace, dest: str) -> Iterator[str]:
    """What else was said, that may be the name of a file."""
    for option, value in vars(options).items():
        if option != dest:
            for word in value if isinstance(value, list) else [value]:
                yield from word.split("+") if isinstance(word, str) and word else ()


@contextlib.contextmanager
def into_file(options: Namespace) -> Iterator[None]:
    """What is printed meanwhile is the answer, and goes to the file. Where there is none, as the command ends early, an
    answer of an earlier run does not stay there to be taken for it."""
    path = file_of(options)
    if path is None:
        yield
        return
    try:
        told = io.BytesIO()
        with contextlib.redirect_stdout(io.TextIOWrapper(told, "utf-8", newline="\n")) as text:
            yield
            text.flush()
            files.write_bytes(path, told.getvalue())
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    print(f"written: {path}")
