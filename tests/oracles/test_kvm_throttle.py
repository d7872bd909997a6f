"""The throttle of the running kernel's I/O APIC: 10,000 EOIs with the line high, then 10 ms. Skipped where there is none.

Facts 2.4 and 2.6: an EOI that finds the line low or the pin masked ends the count; a write to the entry does not.
"""

from __future__ import annotations

import time

import pytest

from checker.matrix.roles import designs
from model.lang import Disabled, compose
from model.machine import Cpu, IoapicVersion, Machine, Pin, Scope, Trigger, Vector
from oracles.kvm import harness, subjects, throttle
from oracles.kvm.differences import LiveKvm
from oracles.kvm.driver import LiveKvmSystem
from oracles.kvm.view import FIRST_PIN
from oracles.lockstep import Mismatch, NotRunnable, Seen, Step, TooLate
from oracles.walk import Subject, replay

TRIES = 5
V6 = designs()["v6"]
TAKE: list[Step] = [("vcpu_enter_guest", (0,)), ("kvm_check_and_inject_events", (0,))]
EOI: list[Step] = [("write_eoi", (0,))]
ONCE = [*TAKE, *EOI]
WORK: list[Step] = [("kvm_ioapic_eoi_inject_work", ())]


def rte(mask: bool = False, pin: int = 0) -> Step:
    return "write_rte", (pin, 0, 0, Trigger.LEVEL, mask)


START: list[Step] = [("write_spiv", (0, True, False)), rte(), ("line", (0, True))]


@pytest.fixture
def live(live: LiveKvmSystem) -> LiveKvmSystem:
    if subjects.running_design() != "v6":
        pytest.skip("the running kernel does not have the merged feature")
    return live


def went(real: LiveKvmSystem, walk: list[Step], kernel: type[Machine] = V6, pins: int = 1) -> list[Seen]:
    """What was seen after each step, of the scene of the throttle. A walk that was too late is taken again."""
    scope = Scope(cpus=1, pins=pins, vectors=1, ioapic=IoapicVersion.V11, throttle=True)
    subject = Subject(compose(harness.Throttled, harness.InKernel, LiveKvm, kernel), scope, real)
    for _ in range(TRIES - 1):
        try:
            return replay(subject, walk)[0]
        except TooLate:
            continue
    return replay(subject, walk)[0]


def pin_of(seen: Seen) -> tuple[int, int, int]:
    """Line, Remote IRR and what is pending, as they really were."""
    return tuple(seen.observed[name] for name in ("ioapic[0].irr", "ioapic[0].remote_irr", "apic[0].irr"))  # type: ignore[return-value]


SENT, HELD_BACK = (1, 1, 1), (1, 0, 0)


def test_the_ten_thousandth_eoi_is_held_back_and_sent_by_the_work(live: LiveKvmSystem):
    seen = went(live, [*START, *ONCE, *ONCE, *WORK, *ONCE, *ONCE, *WORK])
    eois = [pin_of(s) for s in seen if s.step[0] == "write_eoi"]
    works = [pin_of(s) for s in seen if s.step[0] == "kvm_ioapic_eoi_inject_work"]
    assert eois == [SENT, HELD_BACK] * 2
    assert works == [SENT] * 2


def test_an_eoi_of_a_low_line_or_a_masked_pin_ends_the_count(live: LiveKvmSystem):
    low: list[Step] = [*TAKE, ("line", (0, False)), *EOI, ("line", (0, True))]
    masked = [*TAKE, rte(mask=True), *EOI, rte()]
    for between in (low, masked):
        seen = went(live, [*START, *ONCE, *between, *ONCE, *ONCE])
        assert [pin_of(s) for s in seen if s.step[0] == "write_eoi"][-2:] == [SENT, HELD_BACK]


def test_a_line_that_was_low_between_eois_or_a_write_does_not(live: LiveKvmSystem):
    blink: list[Step] = [*TAKE, ("line", (0, False)), ("line", (0, True)), *EOI]
    written = [*TAKE, rte(mask=True), rte(), *EOI]
    for last in (blink, written):
        assert pin_of(went(live, [*START, *ONCE, *last])[-1]) == HELD_BACK


def test_the_count_is_a_listed_difference(live: LiveKvmSystem, monkeypatch: pytest.MonkeyPatch):
    """Without the repeated EOIs KVM is far from holding anything back."""
    assert any(said.startswith("counted_eoi_is_9999: ") for said in live.differences)
    monkeypatch.setattr(throttle, "SUCCESSIVE_IRQ_MAX_COUNT", 2)
    with pytest.raises(Mismatch) as found:
        went(live, [*START, *ONCE, *ONCE])
    assert ("ioapic[0].remote_irr", 0, 1) in [(d.name, d.model, d.real) for d in found.value.differences]


# ---- seeded bugs of the model ----


class NeverHoldsBack(V6):  # type: ignore[misc, valid-type]
    def kvm_ioapic_eoi_pin(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        rte.remote_irr = False
        if not rte.mask and rte.irr:
            rte.irq_eoi = 1
            self.kvm_ioapic_service(pin)


class WriteEndsTheCount(V6):  # type: ignore[misc, valid-type]
    """As in QEMU."""

    def kvm_ioapic_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        self.ioapic[pin].irq_eoi = 0
        super().kvm_ioapic_write_rte(pin, vector, dest, trigger, mask)


class LowLineKeepsTheCount(V6):  # type: ignore[misc, valid-type]
    def kvm_ioapic_eoi_pin(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        before = rte.irq_eoi
        super().kvm_ioapic_eoi_pin(pin)
        if not rte.irr:
            rte.irq_eoi = before


class WorkSendsNothing(V6):  # type: ignore[misc, valid-type]
    def kvm_ioapic_eoi_inject_work(self) -> None:
        self.delayed_ioapic_service = False


BUGS: list[tuple[type[Machine], list[Step]]] = [
    (NeverHoldsBack, [*ONCE, *ONCE]),
    (WriteEndsTheCount, [*ONCE, *TAKE, rte(mask=True), rte(), *EOI]),
    (LowLineKeepsTheCount, [*ONCE, *TAKE, ("line", (0, False)), *EOI, ("line", (0, True)), *ONCE]),
    (WorkSendsNothing, [*ONCE, *ONCE, *WORK]),
]


@pytest.mark.parametrize(("wrong", "walk"), BUGS)
def test_a_wrong_throttle_is_noticed_in_the_last_step(live: LiveKvmSystem, wrong: type[Machine], walk: list[Step]):
    with pytest.raises(Mismatch) as found:
        went(live, [*START, *walk], wrong)
    assert found.value.number == len(START) + len(walk)
    assert {d.name for d in found.value.differences} >= {"ioapic[0].remote_irr", "apic[0].irr"}
    assert went(live, [*START, *walk])


# ---- what cannot be driven ----


def test_what_is_looked_at_too_late_is_no_difference(live: LiveKvmSystem, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(throttle, "NOT_YET_SECONDS", 0.0)
    with pytest.raises(TooLate):
        went(live, [*START, *ONCE, *ONCE])


def test_the_work_has_not_run_when_that_is_assumed(live: LiveKvmSystem):
    """10 ms are HZ / 100 jiffies: 8 ms at least, wherever in a jiffy the EOI comes."""
    took: list[float] = []
    for _ in range(TRIES):
        went(live, [*START, *ONCE, *ONCE])
        began = live.throttle.armed
        assert began is not None
        while not live.view.observe(live.live, live.mode, 0, {})["apic[0].irr"]:
            assert time.monotonic() < began + throttle.LATE_SECONDS
        took.append(time.monotonic() - began)
    assert min(took) > throttle.NOT_YET_SECONDS


def test_no_vm_goes_with_the_work_armed_and_a_line_high(live: LiveKvmSystem, monkeypatch: pytest.MonkeyPatch):
    """Fact B12: kernels before mid-2026 free the vCPUs first."""
    went(live, [*START, *ONCE, *ONCE])
    assert live.throttle.armed is not None
    vm, latched = live.live, list[int]()
    close = vm.close

    def look_and_close() -> None:
        latched.append(vm.get_ioapic()[24 + FIRST_PIN // 8] & 1)
        close()

    monkeypatch.setattr(vm, "close", look_and_close)
    live.close()
    assert latched == [0]


def test_two_pins_at_different_counts_are_left_out(live: LiveKvmSystem):
    """By the scene. A system that goes there ends its walk."""
    second: list[Step] = [*TAKE, ("line", (1, True)), rte(pin=1), *EOI]
    scope = Scope(cpus=1, pins=2, vectors=1, ioapic=IoapicVersion.V11, throttle=True)
    subject = Subject(compose(harness.InKernel, LiveKvm, V6), scope, live)
    with pytest.raises(NotRunnable, match="different counts"):
        replay(subject, [*START, *ONCE, *second])
    scene = compose(harness.Throttled, harness.InKernel, LiveKvm, V6)(scope)
    for entry in scene.ioapic.values():
        entry.irr, entry.mask, entry.irq_eoi = True, False, 1
    scene.write_eoi(0)  # both at 1
    scene.ioapic[1].irq_eoi = 0
    with pytest.raises(Disabled):
        scene.write_eoi(0)


def test_two_pins_count_together(live: LiveKvmSystem):
    both: list[Step] = [("write_spiv", (0, True, False)), rte(), rte(pin=1), ("line", (0, True)), ("line", (1, True))]
    seen = went(live, [*both, *ONCE, *ONCE, *WORK], pins=2)
    assert [s.observed["ioapic[1].remote_irr"] for s in seen[-2:]] == [0, 1]
