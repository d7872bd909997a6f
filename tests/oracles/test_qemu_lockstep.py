"""The model of QEMU's I/O APIC in lock-step with a real one; wrong models are noticed; stories are run on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from checker.engine.native import NoCompiler
from checker.matrix.roles import DEVICES, GUESTS, VMMS, designs
from model.lang import Design, compose
from model.machine import Cpu, IoapicVersion, Pin, Scope, Trigger, Vector
from model.vmms.openvmm import Openvmm
from model.vmms.qemu import Qemu
from oracles.confirm import Counterexample, Label, confirm
from oracles.cover import cover, space
from oracles.lockstep import Seen, Step
from oracles.qemu.conform import conform
from oracles.qemu.harness import bench, bench_scope
from oracles.qemu.system import QemuIoapic, vector_of
from oracles.report import Request
from oracles.walk import Subject, random_walks, replay
from tests.rigs.qemu_here import needs_qemu

V11, V20 = IoapicVersion.V11, IoapicVersion.V20


@pytest.fixture(scope="module")
def real() -> Iterator[QemuIoapic]:
    system = QemuIoapic()
    yield system
    system.close()


def test_the_graph_is_the_one_that_the_registers_allow() -> None:
    """Counted by hand, for a pin: 12 level unmasked (4 entries; irr without Remote IRR is sent at once), 4 edge
    unmasked (a latched edge is sent at once), 16 level masked, 8 edge masked (no Remote IRR). Two pins do not disturb
    each other, and 4 line calls, 32 writes and 4 EOIs are always possible."""
    try:
        for version in IoapicVersion:
            graph = space(bench(), bench_scope(version))
            assert (graph.states, len(graph.label)) == ((12 + 4 + 16 + 8) ** 2, 40 * 40 * (4 + 32 + 4))
    except NoCompiler as missing:
        pytest.skip(str(missing))


@needs_qemu
@pytest.mark.parametrize("version", IoapicVersion, ids=lambda v: f"{v.value:#x}")
def test_random_walks_of_two_pins_agree_and_are_reproducible(real: QemuIoapic, version: IoapicVersion) -> None:
    subject = Subject(bench(), bench_scope(version), real)
    runs = list[list[Seen]]()
    for _ in range(2):
        seen: list[Seen] = []
        result = random_walks(subject, 7, 400, length=200, on_step=seen.append)
        assert result.disagreement is None
        assert result.totals.agreed == 400
        runs.append(seen)
    assert runs[0] == runs[1]
    assert any(seen.observed.get("messages") for seen in runs[0])


# ---- wrong models: one change each ----


class EoiRegisterIn0x11(Qemu):
    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        self.ioapic_eoi_broadcast(vector)


class NoEoiRegister(Qemu):
    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        """Ignored in 0x20, too."""


class EdgeKeepsRemoteIrr(Qemu):
    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        rte = self.ioapic[pin]
        kept = rte.remote_irr
        super().ioapic_mem_write_rte(pin, vector, dest, trigger, mask)
        rte.remote_irr = rte.remote_irr or kept


class MaskedEoiKeepsRemoteIrr(Qemu):
    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        if not any(rte.mask and rte.vector == vector for rte in self.ioapic.values()):
            super().ioapic_eoi_broadcast(vector)


class MaskedEdgeIsLatched(Qemu):
    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        rte = self.ioapic[pin]
        if rte.trigger == Trigger.EDGE and level:
            rte.irr = True
            self.ioapic_service()
        else:
            super().ioapic_set_irq(pin, level)


class LatchIsClearedWithTheLineWhileEdge(Qemu):
    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        super().ioapic_set_irq(pin, level)
        if not level:
            self.ioapic[pin].irr = False


class EoiDoesNotResend(Qemu):
    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        for rte in self.ioapic.values():
            if rte.vector == vector and rte.trigger == Trigger.LEVEL:
                rte.remote_irr = False


class EdgeIsDetected(Qemu):
    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        rte = self.ioapic[pin]
        if rte.trigger == Trigger.EDGE and level and rte.vector == 1:
            return
        super().ioapic_set_irq(pin, level)


class MaskIsForgotten(Qemu):
    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        super().ioapic_mem_write_rte(pin, vector, dest, trigger, False)


class DestIsForgotten(Qemu):
    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        super().ioapic_mem_write_rte(pin, vector, self.ioapic[pin].dest, trigger, mask)


class RoutesAreForgotten(Qemu):
    def ioapic_update_kvm_routes(self, written: Pin) -> None:
        """KVM keeps what it had: nothing."""


WRONG = [
    (V11, MaskIsForgotten), (V20, DestIsForgotten),
    (V11, EoiRegisterIn0x11), (V20, NoEoiRegister), (V11, EdgeKeepsRemoteIrr), (V20, EdgeKeepsRemoteIrr),
    (V11, MaskedEoiKeepsRemoteIrr), (V20, MaskedEoiKeepsRemoteIrr), (V11, MaskedEdgeIsLatched),
    (V20, LatchIsClearedWithTheLineWhileEdge), (V11, EoiDoesNotResend), (V20, EdgeIsDetected),
    (V11, RoutesAreForgotten),
]  # fmt: skip
NEED_TWO = (DestIsForgotten, EdgeIsDetected)  # another destination, another vector


@needs_qemu
@pytest.mark.parametrize(
    ("version", "wrong"),
    [*WRONG[:6], *(pytest.param(*w, marks=pytest.mark.everything) for w in WRONG[6:])],
    ids=lambda w: getattr(w, "__name__", None) or f"{w.value:#x}",
)
def test_a_wrong_model_is_noticed(real: QemuIoapic, version: IoapicVersion, wrong: type[Design]) -> None:
    scope = bench_scope(version, pins=1)
    if wrong not in NEED_TWO:  # 80 transitions for each version instead of 880
        scope = replace(scope, cpus=1, vectors=1)
    done = cover(Subject(bench(wrong), scope, real), space(bench(wrong), scope), "wrong")
    assert done.disagreement is not None
    assert len(done.disagreement.walk) <= 4, "the story is not the shortest one"
    assert done.disagreement.mismatch.differences


# ---- counterexamples on the real chip ----


def _system(kernel: str, guest: str, **choices: object) -> tuple[type[Design], Scope]:
    roles = (designs()[kernel], VMMS["qemu"], GUESTS[guest], DEVICES["level"])
    return compose(*roles), replace(Scope(cpus=1, pins=1), **choices)  # type: ignore[arg-type]


LOST: list[Step] = [  # docs/argument.md: v1 loses the EOI on an I/O APIC without the EOI register
    ("vcpu_enter_guest", (0,)), ("l1_apic_enable", (0,)), ("vcpu_enter_guest", (0,)),
    ("l1_set_entry", (0, 0, 0)), ("device_raise", (0,)), ("vcpu_enter_guest", (0,)), ("kvm_check_and_inject_events", (0,)),
    ("l1_apic_eoi", (0,)), ("l2_service_device", (0,)), ("l1_ioapic_eoi", (0,)),
]  # fmt: skip


@needs_qemu
def test_the_lost_eoi_of_0x11_is_confirmed(real: QemuIoapic) -> None:
    """The write to the EOI register does nothing, the pin stays closed, and it stays so for the next interrupt."""
    system, scope = _system("v1", "windows_cg", ioapic=V11)
    seen, lock = replay(Subject(system, scope, real), LOST)
    assert seen[-1].entries == ("ioapic_mem_write_eoi",)
    assert seen[-1].observed["ioapic version"] == 0x11
    assert seen[-1].observed["ioapic[0].remote_irr"] == 1
    assert lock.totals.agreed == lock.totals.replayed == 4
    chip = real.chip
    assert chip is not None
    chip.happened()
    chip.set_line(5, True)
    chip.write_eoi(vector_of(0))
    assert chip.happened() == [], "no message, no broadcast"


@needs_qemu
def test_the_same_run_with_0x20_opens_the_pin(real: QemuIoapic) -> None:
    system, scope = _system("v1", "windows_cg", ioapic=V20)
    seen, _ = replay(Subject(system, scope, real), LOST)
    assert seen[-1].entries == ("ioapic_mem_write_eoi",)
    assert seen[-1].observed["ioapic[0].remote_irr"] == 0


@needs_qemu
def test_the_storm_is_confirmed_as_far_as_the_io_apic_goes(real: QemuIoapic) -> None:
    """KVM's EOI exit opens the pin whose line is still high, and it is sent again: once in each round."""
    system, scope = _system("base", "windows_cg", ioapic=V20)
    again: list[Step] = [
        ("vcpu_enter_guest", (0,)), ("kvm_arch_handle_exit", (0,)), ("vcpu_enter_guest", (0,)),
        ("kvm_check_and_inject_events", (0,)), ("l1_apic_eoi", (0,)),
    ]  # fmt: skip
    seen, _ = replay(Subject(system, scope, real), [*LOST[:8], *again * 3])
    exits = [s for s in seen if s.entries == ("ioapic_eoi_broadcast",)]
    assert [(s.observed["messages"], s.observed["ioapic[0].remote_irr"]) for s in exits] == [(1, 1)] * 3


# ---- labels ----


@needs_qemu
def test_labels(real: QemuIoapic) -> None:
    """The same ten steps: of a right model, of one whose 0x11 has the EOI register, and of another VMM."""
    system, scope = _system("v1", "windows_cg", ioapic=V11)
    stuck = Counterexample(LOST, shown=lambda s: isinstance(s, Qemu) and s.ioapic[0].remote_irr)
    confirmed = confirm(lambda: Subject(system, scope, real), stuck)
    assert confirmed.label is Label.CONFIRMED
    assert "QEMU" in str(confirmed)

    wrong = compose(designs()["v1"], EoiRegisterIn0x11, GUESTS["windows_cg"], DEVICES["level"])
    differs = confirm(lambda: Subject(wrong, scope, real), Counterexample(LOST))
    assert differs.label is Label.NOT_REPRODUCED
    assert "step 10, l1_ioapic_eoi" in differs.text
    assert "ioapic[0].remote_irr is 1" in differs.text

    other = compose(designs()["v1"], Openvmm, GUESTS["windows_cg"], DEVICES["level"])
    elsewhere = confirm(lambda: Subject(other, scope, real), Counterexample(LOST))
    assert elsewhere.label is Label.NOT_RUNNABLE
    assert "the VMM of this system is Openvmm" in elsewhere.text


@needs_qemu
def test_a_quick_run_gives_its_numbers() -> None:
    """One pin: 40 states x 22 moves for each version, and a migration with 20 states and 170 transitions."""
    said = list[str]()
    result = conform(Request(cover=True, random=True, steps=1_000, record=True), said.append, quick=True)
    assert result.disagreement is None
    transitions = 2 * 40 * (2 + 16 + 4) + 170
    assert sum(s.covered for s in result.sections) == sum(s.kinds for s in result.sections) == transitions
    assert not any(section.left_out or section.totals.agreed != section.totals.steps for section in result.sections)
    for version in IoapicVersion:
        mine = [s.totals.agreed for s in result.sections if s.title.startswith(f"{version.value:#x}")]
        assert sum(mine) >= 1_000
    assert sum(len(walk.steps) for walk in result.walks) == result.totals.steps
    assert len(said) == len(result.sections)


@needs_qemu
def test_a_run_with_a_wrong_model_stops_there() -> None:
    result = conform(Request(cover=True), print, quick=True, vmm=EoiRegisterIn0x11)
    assert [section.unexplained for section in result.sections] == [1], "0x20 is not asked"
    assert result.disagreement is not None
    assert result.disagreement.mismatch.entry == "ioapic_mem_write_eoi"
