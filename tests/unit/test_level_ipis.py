"""Which guests are said to send level-triggered IPIs: those that say so, and those that do."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.language.refusal import Refused
from checker.matrix.loader import load_design
from checker.matrix.roles import DEVICES, GUESTS, VMMS, all_properties, designs
from checker.matrix.system import system_of
from model.machine import Machine

HEAD = """from typing import ClassVar

from model.guests.linux import Linux
from model.lang import Fair, require, step
from model.machine import Cpu, Trigger, Vector

WHAT = Trigger.EDGE


class Mine(Linux):
    promise: ClassVar[bool] = False

    @step(by="guest", fair=Fair.FINITE)
    def send(self, cpu: Cpu, dest: Cpu, vector: Vector, level: bool, trigger: Trigger) -> None:
        require(self.apic[cpu].in_guest and dest != cpu)
        accept
"""
SENDS = [
    "self.apic_accept_irq(self.apic[dest], vector, Trigger.LEVEL)",
    "self.apic_accept_irq(self.apic[dest], vector, trigger)",
    "self.apic_accept_irq(self.apic[dest], trigger=Trigger.LEVEL, vector=vector)",
    "self.apic_accept_irq(self.apic[dest], vector, Trigger.LEVEL if level else Trigger.EDGE)",
    # a function that names EDGE, and not LEVEL
    "if trigger != Trigger.EDGE:\n            self.apic_accept_irq(self.apic[dest], vector, trigger)",
]
SENDS_NONE = [
    "self.apic_accept_irq(self.apic[dest], vector, Trigger.EDGE)",
    "self.apic_accept_irq(self.apic[dest], trigger=Trigger.EDGE, vector=vector)",
    # a function that names LEVEL, of a pin
    "require(self.ioapic[0].trigger == Trigger.LEVEL)\n        "
    "self.apic_accept_irq(self.apic[dest], vector, Trigger.EDGE)",
    "self.apic_set_eoi(self.apic[cpu])",
]
ASKED_OF_ROUTES = {
    "level_is_sent_once", "closed_until_its_eoi", "level_eoi_is_told", "level_eoi_is_intercepted",
    "sent_where_its_entry_says", "masked_pin_sends_nothing", "accepts_what_was_sent", "edge_is_sent_as_it_rises",
    "falling_line_sends_nothing",
}  # fmt: skip


def guest(path: Path, accept: str, promise: str = "other: ClassVar[bool] = False") -> type[Machine]:
    file = path / "guest.py"
    file.write_text(HEAD.replace("accept\n", f"{accept}\n").replace("promise: ClassVar[bool] = False", promise))
    return load_design(str(file))


def not_asked(of: type[Machine]) -> set[str]:
    """The properties that are asked of Linux, and not of this guest."""
    linux, this = (
        {
            name
            for name, p in all_properties().items()
            if p.why_not(system_of(designs()["base"], VMMS["qemu"], g, DEVICES["level"])) is None
        }
        for g in (GUESTS["linux"], of)
    )
    return linux - this


@pytest.mark.parametrize("accept", SENDS)
def test_a_guest_that_sends_them_is_not_asked_about_routes(tmp_path: Path, accept: str) -> None:
    assert not_asked(guest(tmp_path, accept)) == ASKED_OF_ROUTES


@pytest.mark.parametrize("accept", SENDS_NONE)
def test_a_guest_that_sends_none_is_asked_everything(tmp_path: Path, accept: str) -> None:
    assert not_asked(guest(tmp_path, accept)) == set()


def test_of_ours_nobody_sends_them_though_one_sends_edges() -> None:
    assert {name for name, g in GUESTS.items() if ASKED_OF_ROUTES & not_asked(g) == ASKED_OF_ROUTES} == set()


def test_a_guest_may_say_so_itself(tmp_path: Path) -> None:
    """A kernel's new function may send them for it, which is not seen."""
    of = guest(tmp_path, SENDS_NONE[-1], "sends_level_ipis: ClassVar[bool] = True")
    assert not_asked(of) == ASKED_OF_ROUTES


@pytest.mark.parametrize("accept", SENDS)
def test_a_promise_that_is_broken_is_refused(tmp_path: Path, accept: str) -> None:
    of = guest(tmp_path, accept, "sends_level_ipis: ClassVar[bool] = False")
    line = next(n for n, text in enumerate((tmp_path / "guest.py").read_text().splitlines(), 1) if "accept_irq" in text)
    with pytest.raises(Refused, match=rf"guest.py:{line}:.*Mine says sends_level_ipis = False"):
        not_asked(of)


def test_a_promise_that_is_kept_is_believed(tmp_path: Path) -> None:
    of = guest(tmp_path, SENDS_NONE[0], "sends_level_ipis: ClassVar[bool] = False")
    assert not_asked(of) == set()
