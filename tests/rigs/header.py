"""What the toy models share: a small state with a field of every kind. They say `from tests.rigs.header import *`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, TypeAlias

from model.lang import (
    Design,
    Fair,
    Index,
    Mask,
    Patch,
    Scope,
    Struct,
    Table,
    always,
    leads_to,
    reachable,
    require,
    step,
)  # fmt: skip

Cpu: TypeAlias = Annotated[int, Index("cpus")]
Pin: TypeAlias = Annotated[int, Index("pins")]
LIMIT = 1  # a constant of the module


class Trigger(Enum):
    EDGE = 0x10
    LEVEL = 0x20
    OFF = 0x30


class Version(Enum):
    V11 = 0x11
    V20 = 0x20


@dataclass(frozen=True)
class Sizes(Scope):
    cpus: int = 2
    pins: int = 3
    version: Version = Version.V20
    lazy: bool = False


class Row(Struct):
    line: bool = False
    vector: Pin | None = None
    trigger: Trigger = Trigger.LEVEL


class Box(Design):
    """The state of most toys."""

    scope: Sizes
    HIGH = 2  # a constant of the class

    on: bool
    cpu: Cpu
    pin: Pin
    slot: Pin | None
    kind: Trigger
    irr: Mask[Pin]
    isr: Mask[Pin]
    rows: Table[Cpu, Row]
    lines: Table[Pin, bool]


__all__ = [
    "LIMIT", "Annotated", "Box", "Cpu", "Design", "Fair", "Index", "Mask", "Patch", "Pin", "Row", "Scope", "Sizes",
    "Struct", "Table", "Trigger", "Version", "always", "leads_to", "reachable", "require", "step",
]  # fmt: skip
