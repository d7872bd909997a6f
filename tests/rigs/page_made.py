"""One page of a patch that makes something worse and something better, and what it was made of."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import html5lib

from checker.command import cli, selected
from checker.command.diff import found
from checker.language.source import one_reading
from checker.page import entries
from checker.page.entries import PageEntry
from checker.questions import answer
from checker.questions.answer import Answer
from tests.rigs.user_file import GOOD

HERE = ("--vmm", "qemu", "--guest", "windows_cg", "--guest", "linux", "--scope", "cpus=1,pins=1,vectors=1")


@dataclass(frozen=True)
class Made:
    """A page, what the command ended with and printed, and the same answer found by itself."""

    path: Path
    code: int
    out: str
    answer: Answer
    entries: Sequence[PageEntry]

    @functools.cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @functools.cached_property
    def tree(self) -> Any:
        return tree_of(self.text)

    @functools.cached_property
    def data(self) -> dict[str, Any]:
        return data_of(self.tree)


def tree_of(text: str) -> Any:
    """The page as a browser reads it. Raises html5lib's ParseError if it is not valid."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def data_of(tree: Any) -> dict[str, Any]:
    (script,) = tree.findall(".//script[@id='data']")
    found: dict[str, Any] = json.loads(script.text)
    return found


def text_of(element: Any) -> str:
    return "".join(element.itertext())


def run(*words: str) -> tuple[int, str]:
    """The exit code and what is printed of a command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = cli.main(list(words))
    return code, out.getvalue()


@functools.cache
def made() -> Made:
    folder = Path(tempfile.mkdtemp(prefix="eoi-page-"))
    mine, path = folder / "mine.py", folder / "page.html"
    mine.write_text(GOOD)
    code, out = run("report", str(mine), *HERE, "-o", str(path))
    options = cli.build_parser(["diff"]).parse_args(["diff", "base", str(mine), *HERE])
    with one_reading():
        selected.look_up(options)
        diff, _ = found(options)
    said = answer.of_diff(diff)
    return Made(path, code, out, said, entries.of_diff(said, diff))
