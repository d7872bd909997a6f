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
    last = trace.events[-1] if trace.events and trace.loop_start is None else None
    if last is None or not last.calls or any(change.after_call == len(last.calls) for change in last.changes):
        return ""
    name = last.calls[-1].function
    told = " ".join((inspect.getdoc(getattr(result.cell.system, name, None)) or "").split())
    why = f": {told}" if SAYS_WHY.search(told) else "."
    said = f"In step {len(trace.events)} {name}() changes nothing{why}"
    return "\n" + "\n".join(textwrap.wrap(ascii_text(said), WIDTH, break_on_hyphens=False)) + "\n"
