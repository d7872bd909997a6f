"""What the model leaves out: every `Simplified:` and `Assumed:` note of model/ and properties/."""

from __future__ import annotations

import functools
import re
import sys
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARK = re.compile(r"\b(?:Simplified|Assumed):.*")
COMMENT = re.compile(r"^\s*#\s?")


def collect_simplifications(root: Path = ROOT) -> list[tuple[str, int, str]]:
    """(file relative to root, line, text) of every note, in order of files and lines.

    A note ends with its paragraph, its docstring, its block of comments, or where the next note begins.
    """
    found = []
    for folder in ("model", "properties"):
        for path in sorted((root / folder).rglob("*.py")):
            lines = path.read_text(encoding="utf-8").splitlines()
            for number, line in enumerate(lines):
                mark = MARK.search(line)
                if mark:
                    found.append((str(path.relative_to(root)), number + 1, _note(line, mark[0], lines[number + 1 :])))
    return found


def _note(line: str, first: str, following: list[str]) -> str:
    """The note that begins with `first`, joined to one line."""
    parts = [first]
    if "#" in line.partition(first)[0]:
        parts += [COMMENT.sub("", more) for more in takewhile(_is_more_of_a_comment, following)]
    elif '"""' not in first:
        for more in takewhile(_is_more_of_a_paragraph, following):
            parts.append(more)
            if '"""' in more:
                break
    return " ".join(" ".join(parts).split()).removesuffix('"""').rstrip()


def _is_more_of_a_comment(line: str) -> bool:
    return bool(COMMENT.match(line)) and not MARK.search(line)


def _is_more_of_a_paragraph(line: str) -> bool:
    return bool(line.strip()) and line.strip() != '"""' and not MARK.search(line)


def assumptions_of(system: type, root: Path = ROOT) -> tuple[str, ...]:
    """Every `Assumed:` note in the files that the classes of a system are defined in, with the file's name."""
    modules = {cls.__module__ for cls in system.__mro__[1:] if cls.__module__.startswith("model.")}
    return _assumed(frozenset(str(sys.modules[module].__file__) for module in modules), root)


@functools.cache
def _notes_once(root: Path) -> tuple[tuple[str, int, str], ...]:
    return tuple(collect_simplifications(root))


@functools.cache
def _assumed(files: frozenset[str], root: Path) -> tuple[str, ...]:
    return tuple(
        f"{text.removeprefix('Assumed: ').rstrip('.')} ({Path(file).name})"
        for file, _, text in _notes_once(root)
        if text.startswith("Assumed:") and str(root / file) in files
    )
