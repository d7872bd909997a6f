"""A property that reads a flag as v6 means it says so, where the user's kernel gives that bit another name: it may mean another thing."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from checker.engine.passages import PACKAGES
from checker.questions.no_effect import without_effect
from checker.questions.verdict import CellResult, Verdict
from checker.stories.trace import Trace
from checker.stories.write import WIDTH, ascii_text
from model.designs.v6 import V6
from model.lang import Design
from model.machine import ApiFlags
from properties.uapi import READ_AS_V6


def below_story(result: CellResult, verdict: Verdict, trace: Trace) -> str:
    """What stands below a story, each with an empty line before it."""
    said = meant_lines([(result, verdict)])
    wrapped = ["\n".join(textwrap.wrap(ascii_text(line), WIDTH, break_on_hyphens=False)) for line in said]
    return without_effect(result, trace) + "".join(f"\n{text}\n" for text in wrapped)


def meant_lines(told: Iterable[tuple[CellResult, Verdict]]) -> list[str]:
    """Of these verdicts, a line for each bit: who reads it as v6 does, and what this kernel calls it."""
    found = dict[tuple[ApiFlags, str], dict[str, None]]()
    for result, verdict in told:
        read = READ_AS_V6.get(verdict.property.function, ())
        for bit, name in own_names(result.cell.system).items():
            if bit in read and name != V6.flag_names[bit]:
                found.setdefault((bit, name), {})[verdict.property.name] = None
    return [
        f"{', '.join(names)} {'reads' if len(names) == 1 else 'read'} bit {bit.value.bit_length() - 1} as v6's "
        f"{V6.flag_names[bit]}; this patch calls it {name}, and may mean something else"
        for (bit, name), names in found.items()
    ]


def own_names(system: type[Design]) -> Mapping[ApiFlags, str]:
    """What the user's kernel calls its flags; of a registered one it is known what it means."""
    owner: Any = next((cls for cls in inspect.getmro(system) if "flag_names" in vars(cls)), None)
    return {} if owner is None or owner.__module__.split(".")[0] in PACKAGES else owner.flag_names
