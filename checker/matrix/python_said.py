"""What Python says of a file of the user's that it cannot read or run, as one message at a line of that file."""

from __future__ import annotations

import sys
import traceback
from enum import Enum
from pathlib import Path

import model.lang
from checker.language import c_habits
from checker.language.ir import Loc
from checker.language.refusal import Refused, did_you_mean
from checker.language.source import USERS_MODULE, Source
from checker.matrix.roles import home_of
from model.machine import Machine

SECONDS = 5.0  # for imports that a design's file makes


class TooLong(Exception):
    """The file did not finish in time."""


def explained(error: BaseException, source: Source) -> Refused:
    """Of whatever ends the reading or the run of a file."""
    if isinstance(error, SyntaxError):
        return _syntax_error(error, source.text, source.path)
    return _explained(error, source.path)


def import_line(name: str) -> str:
    """How a file gets a name of the model; "" if there is none of that name."""
    home = home_of(name)
    return f"from {home} import {name}" if home else ""


def _syntax_error(error: SyntaxError, source: str, path: Path) -> Refused:
    """Where Python's parser gave up; if C is written there, where that is, and what to write instead."""
    line, start, end = error.lineno or 1, max((error.offset or 1) - 1, 0), max((error.end_offset or 0) - 1, 0)
    last = max(error.end_lineno or line, line)
    found = c_habits.find(source, line, last, end if last > line else max(start, end))
    if found is not None:
        loc = Loc(str(path), found.line, found.col, found.end)
        return Refused(loc, f"syntax error: `{found.spelling}` is C, and this is Python", found.hint)
    if isinstance(error, IndentationError):
        return Refused(Loc(str(path), line, 0, 1000), f"syntax error: {error.msg}", _indentation_hint(error, source))
    loc, said = Loc(str(path), line, start, end), c_habits.test_written_as_assignment(error.msg, error.text or "")
    return Refused(loc, f"syntax error: {said or error.msg}", "write `==`" if said else "")


def _indentation_hint(error: IndentationError, source: str) -> str:
    """How deep the line is, and which depths the lines before it allow."""
    lines = source.splitlines()
    number = min(error.lineno or 1, len(lines))
    if isinstance(error, TabError) or "\t" in lines[number - 1][: -len(lines[number - 1].lstrip()) or None]:
        return "indent with blanks only, four for each level: this line, or one before it, has tabs"
    depth = _depth(lines[number - 1])
    if "expected an indented block" in error.msg:
        return f"this line begins with {depth} blanks: indent it, by four more than the line that it belongs to"
    open_ = dict.fromkeys(_depth(line) for line in lines[: number - 1] if line.strip())
    return f"this line begins with {depth} blanks; lines before it begin with {', '.join(map(str, sorted(open_)))}"


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _explained(error: BaseException, path: Path) -> Refused:
    """An exception of the file's own code as a message about the line of the file that it came from."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    frame = frames[-1] if frames else None
    loc = Loc(str(path), (frame.lineno if frame else 1) or 1)
    if frame is not None:
        loc = Loc(str(path), loc.line, frame.colno or 0, frame.end_colno or 0)
    match error:
        case TooLong():
            return Refused(loc, f"the file was not read within {SECONDS:g} s", "import only what defines classes")
        case NameError(name=str(name)):
            known = [*vars(Machine), *model.lang.__all__, *(n for n in _model_names())]
            hint = c_habits.name_hint(name) or import_line(name) or did_you_mean(name, known)
            return Refused(loc, f"unknown name {name!r}", hint)
        case ImportError(name=str(name)) if name in sys.modules:
            missing = str(error).partition("'")[2].partition("'")[0]  # cannot import name '...' from ...
            names = [n for n in vars(sys.modules[name]) if not n.startswith("_")]
            said = Path(sys.modules[name].__file__ or name).name if name.startswith(USERS_MODULE) else name
            return Refused(loc, f"{said} has no {missing!r}", import_line(missing) or did_you_mean(missing, names))
        case AttributeError(name=str(name), obj=type() as cls):
            names = [n for n in (cls.__members__ if issubclass(cls, Enum) else dir(cls)) if not n.startswith("_")]
            return Refused(loc, f"{cls.__name__} has no {name!r}", did_you_mean(name, names))
        case ImportError(name=str(name)):
            beside = [p.stem for p in path.parent.glob("*.py") if p != path]
            return Refused(loc, f"there is no module {name!r}", did_you_mean(name, [*_model_modules(), *beside]))
        case ValueError() if frame is None and "null bytes" in str(error):  # to Python 3.12 a SyntaxError
            return Refused(loc, f"syntax error: {error}")
        case MemoryError():
            return Refused(loc, "there is not the memory to read this", "write a smaller constant")
        case _:
            return Refused(loc, f"{type(error).__name__}: {error}")


def _model_modules() -> list[str]:
    return [name for name in sys.modules if name.split(".")[0] in ("model", "properties")]


def _model_names() -> list[str]:
    return [n for m in _model_modules() for n in vars(sys.modules[m]) if not n.startswith("_") and n[0].isupper()]
