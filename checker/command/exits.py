"""What every exit code means, and the one place where a command's is decided."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from enum import IntEnum
from types import ModuleType

from checker import files
from checker.engine.build import CompileFailed, NoCompiler
from checker.errors import EnginesDisagree, InternalError
from model.finite import ModelError


class Exit(IntEnum):
    """See MEANING."""

    FINE = 0
    WRONG = 1
    MISTAKE = 2
    OPEN = 3
    BROKEN = 4


MEANING = """\
exit codes:
  0  nothing got worse (prove --absolute, trace: nothing is violated)
  1  something REGRESSED, or of a registered design a verdict is not the
     expected one (prove --absolute, trace: something is violated)
  2  your input
  3  inconclusive: interrupted, out of memory or time, nothing was judged, a
     line of your file was not run, or no cell varies a choice that it reads
  4  the engines disagree or we broke
"""
PACKAGES = ("z3", "pysat", "networkx", "numpy", "pygraphviz", "rich", "shtab")
INSTALLED = (*PACKAGES, "lift", "oracles")  # by pip, or with eoi itself
CLOSED_PIPE = 141  # as a shell says it: `eoi prove ... | head`
_LONG = re.compile(r"\S{500,}")
WORST_LAST = (Exit.FINE, Exit.OPEN, Exit.WRONG, Exit.MISTAKE)  # an answer is incomplete if a story could not be read
# What became of a run on a real system; one that is not the model's there stops nobody.
OF_LABEL = {"CONFIRMED": Exit.WRONG, "NOT REPRODUCED": Exit.FINE, "NOT RUNNABLE HERE": Exit.OPEN}


def decided(*, wrong: bool, undecided: bool) -> Exit:
    """wrong: something is violated, REGRESSED, or not as it is said to be. That stays found, whatever else is open."""
    return Exit.WRONG if wrong else Exit.OPEN if undecided else Exit.FINE


def of_gate(left: Sequence[str], differences: Sequence[object]) -> Exit:
    """left: what was not judged. A gate that is not whole says nothing, also where it found a difference."""
    return Exit.OPEN if left else decided(wrong=bool(differences), undecided=False)


def worst(codes: Iterable[int]) -> Exit:
    """Of several stories."""
    return max(map(Exit, codes), key=WORST_LAST.index)


# What CPython says where it has no memory for the exception either.
WITHOUT_MEMORY = ("without exception set", "without setting an exception", "with an exception set")


def of_error(error: BaseException) -> tuple[Exit, str]:
    """For what ends a command early: its code, and what to say."""
    match error:
        case KeyboardInterrupt():
            return Exit.OPEN, "interrupted: INCONCLUSIVE"
        case MemoryError():
            return Exit.OPEN, "out of memory: INCONCLUSIVE"
        case SystemError() if any(words in str(error) for words in WITHOUT_MEMORY):
            return Exit.OPEN, "out of memory: INCONCLUSIVE"
        case _ if broken := _broken_package(error):
            said = f"this Python ({sys.executable}) has a {broken} that does not work ({type(error).__name__}: {error})"
            return Exit.MISTAKE, f"{said}: `make setup` installs what eoi needs in .venv"
        case OSError():
            return Exit.MISTAKE, files.sentence(error)
        case ModelError() | NoCompiler():
            return Exit.MISTAKE, str(error)
        case ModuleNotFoundError(name=str(name)) if name.partition(".")[0] in INSTALLED:
            return (
                Exit.MISTAKE,
                f"this Python ({sys.executable}) has no {name}: `make setup` installs what eoi needs in .venv",
            )
        case CompileFailed():
            return Exit.BROKEN, str(error)
        case InternalError():
            return Exit.BROKEN, f"internal error, not a verdict: {error}"
        case _:
            return Exit.BROKEN, _our_bug(error)


def _broken_package(error: BaseException) -> str:
    """The package that an error says is damaged, or is another one of its name, as a file beside the user's is; or ""."""
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        name = error.obj.__name__.partition(".")[0]
        return name if name in PACKAGES else ""
    loading = [frame.filename for frame in traceback.extract_tb(error.__traceback__) if frame.name == "<module>"]
    loading += [str(error.filename)] if isinstance(error, SyntaxError) else []
    ends = {end: name for name in PACKAGES for end in (f"/{name}.py", f"/{name}/__init__.py")}
    return next((ends[end] for end in ends for file in loading if file.endswith(end)), "")


def shortened(said: str) -> str:
    """Whatever it quotes: an argument may have 130,000 characters, a line of a file millions."""
    return _LONG.sub(lambda word: f"{word[0][:100]}... ({len(word[0]):,} characters) ...{word[0][-100:]}", said)


def as_json(code: Exit, error: BaseException, said: str) -> str:
    """For a machine that waits for an answer: there is none. answers: what each engine says, where they disagree."""
    found: dict[str, object] = {"format": "eoiproof error 1", "exit": int(code), "error": said}
    if isinstance(error, EnginesDisagree):
        found |= {"about": error.what, "answers": error.answers}
    return json.dumps(found, indent=1)


def _our_bug(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    said = (
        f"this is a bug in eoiproof, not a verdict: {type(error).__name__}: {error}\n"
        f"  at {last.filename}:{last.lineno} in {last.name}(); run with EOI_DEBUG=1 for the traceback"
    )
    return said + ("\n" + "".join(traceback.format_exception(error)).rstrip()) * bool(os.environ.get("EOI_DEBUG"))
