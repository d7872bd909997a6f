"""Why a run that ends with a call that changes nothing ends there: in the words of the model's function."""

from __future__ import annotations

import inspect
import re
import textwrap

from checker.questions.verdict import CellResult
from checker.stories.trace import Trace
from checker.stories.write import WIDTH, ascii_text

SAYS_WHY = re.compile(
    r"\b(ignores?|nothing)\b"
)  # a function's docstring; others say what it does when it does something


def without_effect(result: CellResult, trace: Trace) -> str:
    """What stands below the story, with an empty line before it; "" where the last call does something."""
    if not _ends_so(trace):
        return ""
    name, told = trace.events[-1].calls[-1].function, why_nothing(result, trace)
    said = f"In step {len(trace.events)} {name}() changes nothing{f': {told}' if told else '.'}"
    return "\n" + "\n".join(textwrap.wrap(ascii_text(said), WIDTH, break_on_hyphens=False)) + "\n"


def why_nothing(result: CellResult, trace: Trace) -> str:
    """The function's words, if it says why; "" also where the last call does something."""
    if not _ends_so(trace):
        return ""
    function = getattr(result.cell.system, trace.events[-1].calls[-1].function, None)
    told = " ".join((inspect.getdoc(function) or "").split())
    return told if SAYS_WHY.search(told) else ""


def _ends_so(trace: Trace) -> bool:
    last = trace.events[-1] if trace.events and trace.loop_start is None else None
    return last is not None and bool(last.calls) and all(c.after_call != len(last.calls) for c in last.changes)
