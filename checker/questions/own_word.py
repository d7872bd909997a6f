"""Where a user's file answers for itself: it restates a function through which properties look at a state.

What such a property says of the design is the file's word, not a finding: nothing that holds by it is a PASS.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from checker.engine.passages import users_files
from model.lang import Design
from properties import FOR_PROPERTIES


def own_word(systems: Iterable[type[Design]]) -> list[str]:
    """`mine.py:12 restates pin_is_scanned(), by which properties look`, a text for each function."""
    found = dict[str, None]()
    for system in dict.fromkeys(systems):
        files = users_files(system)
        for owner in system.__mro__ if files else ():
            for name in FOR_PROPERTIES & vars(owner).keys():
                code = vars(owner)[name].__code__
                if code.co_filename in files:
                    where = f"{Path(code.co_filename).name}:{code.co_firstlineno}"
                    found[f"{where} restates {name}(), by which properties look"] = None
    return sorted(found)
