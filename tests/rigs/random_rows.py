"""Random systems of rows, as source text: of rows that are all alike, now and then with something that tells them apart."""

from __future__ import annotations

from random import Random

HEAD = """
from __future__ import annotations
from dataclasses import dataclass
from typing import Annotated, TypeAlias
from model.lang import Design, Index, Mask, Scope, Struct, Table, always, reachable, require, step
Row: TypeAlias = Annotated[int, Index("rows")]

@dataclass(frozen=True)
class Rows(Scope):
    rows: int = 3

class Part(Struct):
    on: bool
    level: Annotated[int, Index(3)]
    by: Row | None

class System(Design):
    scope: Rows
    parts: Table[Row, Part]
    some: Mask[Row]
    last: Row | None
    flag: bool
"""
TESTS = (
    "self.parts[row].on", "not self.parts[row].on", "row in self.some", "row not in self.some", "self.flag", "not self.flag",
    "self.last == row", "self.last is None", "self.parts[row].by is None", "self.parts[row].by == self.last",
    "self.parts[row].level == 0", "self.parts[row].level < 2", "not any(p.on for p in self.parts.values())",
    "all(r in self.some or self.parts[r].on for r in self.parts)",
)  # fmt: skip
CHANGES = (
    "self.parts[row].on = not self.parts[row].on", "self.some.add(row)", "self.some.discard(row)", "self.last = row",
    "self.last = None", "self.flag = not self.flag", "self.parts[row].by = self.last", "self.parts[row].level = 1",
    "self.parts[row].level = 2", "for r in self.parts:\n            if r != row:\n                self.parts[r].on = False",
    "for r in self.some:\n            self.parts[r].level = 0", "self.parts[row].by = row",
)  # fmt: skip
TELLS_APART = (
    "self.last = self.some.lowest()", "self.parts[0].on = True", "for r in self.parts:\n            if self.parts[r].on:\n"
    "                self.last = r\n                break", "for r in self.some:\n            self.last = r",
)  # fmt: skip


def random_rows(seed: int) -> str:
    """Half of them may tell rows apart, in a state that need not be met."""
    choose, odd = Random(seed), seed % 2
    text = [HEAD]
    for n in range(choose.randint(2, 4)):
        changes = choose.sample(CHANGES, choose.randint(1, 3))
        changes += choose.sample(TELLS_APART, 1) if odd and n == 0 else []
        tests = " and ".join(choose.sample(TESTS, choose.randint(1, 2)))
        text.append(f'    @step(by="x")\n    def step{n}(self, row: Row) -> None:\n        require({tests})')
        text += [f"        {change}" for change in changes]
    for n in range(4):
        kind, said = choose.choice((("always", "not "), ("reachable", ""))), " and ".join(choose.sample(TESTS, 3))
        asked = f"{kind[1]}({said})".replace("self.", "s.")
        text.append(
            f'\n@{kind[0]}()\ndef asked{n}(s: System, row: Row) -> bool:\n    """It. Violated: it."""\n    return {asked}'
        )
    step_ = choose.choice(TESTS)
    text.append(
        '\n@always()\ndef of_steps(before: System, s: System, row: Row) -> bool:\n    """It. Violated: it."""\n'
        f"    return not ({step_.replace('self.', 'before.')}) or not ({choose.choice(TESTS).replace('self.', 's.')})"
    )  # fmt: skip
    return "\n".join(text) + "\n"
