"""A state that is put into a system and read back by what differs is what the whole of it would be."""

from __future__ import annotations

import random
import types
from pathlib import Path

import pytest

from checker.engine import running
from checker.engine.running import Codes, Running
from model.designs.v6 import V6
from model.devices import Level
from model.finite import RangeError, size
from model.guests.linux import Linux
from model.lang import Design, cells, compose, load, save
from model.machine import Scope
from model.vmms.qemu import Qemu

SYSTEM = compose(V6, Qemu, Linux, Level)
TWO = Scope(cpus=2, pins=2, vectors=2)


def states(count: int) -> list[Codes]:
    """Seeded: some differ in one cell, some in all."""
    chosen, of = random.Random(20251128), [kind for _, _, kind in cells(SYSTEM(TWO))]
    found = [tuple(chosen.randrange(size(kind)) for kind in of)]
    for _ in range(count):
        last = list(found[-1])
        for k in chosen.sample(range(len(of)), chosen.choice((1, 2, len(of)))):
            last[k] = chosen.randrange(size(of[k]))
        found.append(tuple(last))
    return found


def differs(kind: type[Running]) -> bool:
    """Is what one takes for the state ever another one than model.lang reads? Cells are changed behind its back, as a step
    does, from another system's."""
    one, other = SYSTEM(TWO), SYSTEM(TWO)
    mine, theirs = list(cells(one)), list(cells(other))
    ours = kind(one)
    for before, after in zip(states(300), reversed(states(300)), strict=True):
        ours.go_to(before)
        if save(mine) != before:
            return True
        load(theirs, after)
        ours.state = None
        for (to, key, _), (holder, _, _) in zip(mine, theirs, strict=True):
            if hasattr(to[key], "bits"):
                to[key].bits = holder[key].bits
            else:
                to[key] = holder[key]
        if ours.save() != after:
            return True
    return False


def test_the_state_is_the_one_that_the_language_reads() -> None:
    assert len(set(states(300))) > 200
    assert not differs(Running)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("if values[k].bits != codes[k]:", "if False:"),
        ("                held[k] = value\n", "                held[k] = value\n                break\n"),
        ("holder[key] = self._held[k] = decode", "holder[key] = decode"),
        ("if now != code]", "if now < code]"),
        ("            self._codes[k] = state[k]\n", ""),
    ],
)
def test_a_bug_is_noticed(text: str, wrong: str) -> None:
    source = Path(running.__file__).read_text(encoding="utf-8")
    assert source.count(text) == 1
    seeded = types.ModuleType("seeded")
    exec(source.replace(text, wrong), vars(seeded))
    assert differs(seeded.Running)


def test_a_cell_out_of_range_is_told_and_the_next_state_is_whole() -> None:
    system: Design = SYSTEM(TWO)
    ours, (first, second) = Running(system), states(1)
    ours.go_to(first)
    ours.state = None
    holder, key, _ = next((h, k, of) for h, k, of in cells(system) if not hasattr(h[k], "bits"))
    holder[key] = "nonsense"
    with pytest.raises(RangeError, match="nonsense"):
        ours.save()
    ours.go_to(second)
    assert save(list(cells(system))) == second
