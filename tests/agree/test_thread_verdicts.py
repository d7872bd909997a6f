"""What the mail thread argued, one statement a test. The design under each name is the one that the thread argued about.

Fact ids (W3, S-D1, K5, ...) are those of the project's fact sheets on KVM, VMMs and guests.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from checker.engine.reference import Reference
from checker.matrix.roles import designs
from checker.questions.verdict import Status
from model.devices import Level
from model.guests.windows_cg import WindowsCg
from model.lang import Fair, compose, require, step
from model.vmms.qemu import Qemu
from tests.rigs import model_cells
from tests.rigs.model_cells import SMALL, Explored, Graph, cells, graph_of, one_cell

HOLDS, VIOLATED, NEVER, REACHED = Status.HOLDS, Status.VIOLATED, Status.NEVER, Status.REACHED
PLATFORMS = [("qemu", "0x11"), ("qemu", "0x20"), ("openvmm", "0x11")]
NO_EOIR = [("qemu", "0x11"), ("openvmm", "0x11")]
GUESTS = ["linux", "windows_cg", "xen"]
SCOPES = [SMALL, "cpus=2,pins=2,vectors=2"]


def explored(design: str, vmm: str, ioapic: str, guest: str, device: str = "level", scope: str = SMALL) -> Explored:
    return model_cells.explored(one_cell(design, vmm, ioapic, guest, device, scope))


def verdict(name: str, *cell: str) -> Status:
    """The verdict, which must not be vacuous."""
    found = explored(*cell).verdicts[name]
    assert not found.note, found.note
    return found.status


def graph(*cell: str) -> Graph:
    return graph_of(explored(*cell))


# ---- base: the storm ----


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_base_storms_with_credential_guard(platform: tuple[str, str], scope: str) -> None:
    """W3, S-D1: whatever the I/O APIC's version."""
    cell = ("base", *platform, "windows_cg", "level", scope)
    found = explored(*cell).verdicts["no_storm"]
    assert found.status is VIOLATED
    assert found.run is not None
    assert found.run.loop_start is not None
    loop = [m.step for m in found.run.moves[found.run.loop_start :]]
    assert {"l1_apic_eoi", "kvm_arch_handle_exit", "kvm_check_and_inject_events", "vcpu_enter_guest"} <= set(loop)
    assert "l2_service_device" not in loop
    assert "device_raise" not in loop
    assert loop.index("kvm_arch_handle_exit") < loop.index("kvm_check_and_inject_events")


def test_l2_is_not_starved_unfairly_but_never_gets_to_run() -> None:
    """The nested guest is owed STRONG fairness, and no state of the loop enables it."""
    found = explored("base", "qemu", "0x20", "windows_cg")
    run = found.verdicts["no_storm"].run
    assert run is not None
    assert run.loop_start is not None
    reference = Reference(found.cell.system, found.cell.scope)
    service = [m for m in reference.moves if m.step == "l2_service_device"]
    assert [m.fair for m in service] == [Fair.STRONG]
    loop = run.codes[run.loop_start :]
    assert len(loop) > 1
    assert loop[0] == loop[-1]
    assert all(reference.successor(state, service[0]) is None for state in loop)


@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_base_reinjects_before_the_directed_eoi(platform: tuple[str, str]) -> None:
    assert verdict("no_reinjection", "base", *platform, "windows_cg") is VIOLATED
    assert verdict("no_reinjection", "base", *platform, "xen") is VIOLATED
    assert verdict("advertised_is_honoured", "base", *platform, "windows_cg") is VIOLATED
    assert verdict("no_eoi_lost", "base", *platform, "windows_cg") is HOLDS


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_base_serves_linux(platform: tuple[str, str], scope: str) -> None:
    for name in ("no_storm", "no_eoi_lost", "line_is_serviced"):
        assert verdict(name, "base", *platform, "linux", "level", scope) is HOLDS, name


@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_xen_survives_base(platform: tuple[str, str]) -> None:
    """Its handler runs with interrupts off, so the second interrupt waits."""
    assert verdict("no_storm", "base", *platform, "xen") is HOLDS
    assert verdict("no_eoi_lost", "base", *platform, "xen") is HOLDS


# ---- v1 ----


@pytest.mark.parametrize("scope", SCOPES)
def test_v1_repairs_0x20(scope: str) -> None:
    cell = ("v1", "qemu", "0x20", "windows_cg", "level", scope)
    for name in ("no_storm", "no_reinjection", "no_eoi_lost", "line_is_serviced", "advertised_is_honoured"):
        assert verdict(name, *cell) is HOLDS, name
    assert verdict("eoi_exit", *cell) is NEVER
    assert verdict("directed_eoi_owed", *cell) is REACHED


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("platform", NO_EOIR, ids=str)
def test_v1_trades_the_storm_for_a_lost_eoi_where_there_is_no_eoi_register(
    platform: tuple[str, str], scope: str
) -> None:
    """Sean's objection of 2025-09-22; S-D1's row "ENABLED, 0x11: stuck"."""
    cell = ("v1", *platform, "windows_cg", "level", scope)
    assert verdict("no_storm", *cell) is HOLDS
    assert verdict("no_eoi_lost", *cell) is VIOLATED
    assert verdict("line_is_serviced", *cell) is VIOLATED
    assert verdict("no_storm", "base", *cell[1:]) is VIOLATED


@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_v1_loses_no_eoi_of_xen(platform: tuple[str, str]) -> None:
    """X3: Xen flips the trigger mode where it finds no EOI register."""
    assert verdict("no_eoi_lost", "v1", *platform, "xen") is HOLDS
    assert verdict("no_reinjection", "v1", *platform, "xen") is HOLDS


@pytest.mark.parametrize("design", ["base", "v1"])
@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_neither_backs_what_it_offers_on_0x11(platform: tuple[str, str], design: str) -> None:
    expected = HOLDS if platform[1] == "0x20" else VIOLATED
    assert verdict("advertised_is_backed", design, *platform, "windows_cg") is expected
    assert verdict("advertised_is_backed", design, *platform, "linux") is expected


@pytest.mark.everything
@pytest.mark.parametrize("device", ["level", "edge", "mixed"])
@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_v1_changes_nothing_for_linux(platform: tuple[str, str], device: str) -> None:
    scope = "cpus=2,pins=2,vectors=2"
    ours, theirs = graph("base", *platform, "linux", device, scope), graph("v1", *platform, "linux", device, scope)
    assert ours == theirs
    assert ours.state_count > 1000


@pytest.mark.parametrize("guest", [*GUESTS, "any"])
@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_v1_changes_nothing_where_the_feature_is_hidden(platform: tuple[str, str], guest: str) -> None:
    """K2, K4: without x2APIC in CPUID, LVR bit 24 is 0, and no guest can set SPIV bit 12."""
    scope = SMALL + ",x2apic=off"
    assert graph("base", *platform, guest, "level", scope) == graph("v1", *platform, guest, "level", scope)
    assert explored("base", *platform, guest, "level", scope).status("suppression_offered") is NEVER
    assert explored("base", *platform, guest, "level", scope).status("suppression_requested") is NEVER
    assert verdict("suppression_offered", "base", *platform, guest) is REACHED


@pytest.mark.parametrize("guest", GUESTS)
def test_v1_changes_nothing_for_edges(guest: str) -> None:
    """1.6.2: only level routes are intercepted."""
    scope = "cpus=2,pins=2,vectors=2"
    ours = graph("base", "qemu", "0x20", guest, "edge", scope)
    assert ours == graph("v1", "qemu", "0x20", guest, "edge", scope)
    assert ours.state_count > 1000


def test_v1_does_change_something() -> None:
    """So that the three tests above could fail."""
    for guest in ("windows_cg", "xen", "any"):
        assert graph("base", "qemu", "0x20", guest) != graph("v1", "qemu", "0x20", guest)


@pytest.mark.parametrize("design", ["base", "v1"])
@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_hiding_the_feature_cures_both(platform: tuple[str, str], design: str) -> None:
    scope = SMALL + ",x2apic=off"
    for guest in GUESTS:
        found = explored(design, *platform, guest, "level", scope)
        for name in ("no_storm", "no_eoi_lost", "line_is_serviced", "advertised_is_backed"):
            assert found.status(name) is HOLDS, (guest, name)


# ---- QEMU's own part ----


def test_xen_on_qemu_0x11_loses_a_line_raised_within_the_flip() -> None:
    """Q4, and the oracle's row "line raised while RTE is edge+masked, then RTE level unmasked: D=0". OpenVMM
    remembers the line whatever the trigger mode is (V-OV2), and a version 0x20 needs no flip."""
    for design in ("base", "v1"):
        assert verdict("line_is_serviced", design, "qemu", "0x11", "xen") is VIOLATED
        assert verdict("line_is_serviced", design, "qemu", "0x20", "xen") is HOLDS
        assert verdict("line_is_serviced", design, "openvmm", "0x11", "xen") is HOLDS
    run = explored("v1", "qemu", "0x11", "xen").verdicts["line_is_serviced"].run
    assert run is not None
    assert run.stutter
    steps = [m.step for m in run.moves]
    last_raise = len(steps) - 1 - steps[::-1].index("device_raise")
    assert "end_level_ioapic_irq" in steps[:last_raise]
    assert "restore_entry" in steps[last_raise:]
    assert "restore_entry" not in steps[steps.index("end_level_ioapic_irq") : last_raise]


# ---- QEMU's throttle ----


class NoPause(Qemu):
    """The throttle's timer fires at once: the delayed interrupt is there before the vCPU enters the guest."""

    @step(by="VMM", fair=Fair.WEAK)
    def delayed_ioapic_service_cb(self) -> None:
        require(self.delayed_ioapic_service)
        self.delayed_ioapic_service = False
        self.ioapic_service()


class EndlessPause(Qemu):
    """The throttle's timer never fires: only another ioapic_service() sends the delayed interrupt."""

    @step(by="VMM", fair=Fair.WEAK)
    def delayed_ioapic_service_cb(self) -> None:
        require(False)


def storm_on(vmm: type[Qemu], scope: str) -> Status:
    """The verdict of no_storm for base and windows_cg with this VMM."""
    cell = one_cell("base", "qemu", "0x20", "windows_cg", "level", scope)
    found = model_cells.explored(replace(cell, system=compose(designs()["base"], vmm, WindowsCg, Level))).verdicts[
        "no_storm"
    ]
    assert not found.note
    return found.status


@pytest.mark.parametrize("scope", [SMALL, "cpus=2,pins=1,vectors=2"])
def test_throttle_ends_the_storm_of_one_device(scope: str) -> None:
    """W3: with the throttle the machine boots, if slowly: in the pause L2 can run, and STRONG fairness does the rest
    (the header of model/vmms/qemu.py). A throttle without a pause changes nothing."""
    assert storm_on(Qemu, scope) is VIOLATED
    assert storm_on(Qemu, scope + ",throttle=on") is HOLDS
    assert storm_on(NoPause, scope + ",throttle=on") is VIOLATED


def test_two_storming_devices_wake_each_other() -> None:
    """Q12: the throttle is weak, for any other ioapic_service() sends the delayed pin early. With two vCPUs and two
    pins the storm needs no timer at all; with one of either it does."""
    assert storm_on(EndlessPause, "cpus=2,pins=2,vectors=2,throttle=on") is VIOLATED
    assert storm_on(EndlessPause, "cpus=1,pins=2,vectors=2,throttle=on") is HOLDS
    assert storm_on(EndlessPause, "cpus=2,pins=1,vectors=2,throttle=on") is HOLDS


def test_throttle_is_active_and_of_qemu_only() -> None:
    on, off = SMALL + ",throttle=on", SMALL
    assert graph("base", "qemu", "0x20", "windows_cg", "level", on) != graph(
        "base", "qemu", "0x20", "windows_cg", "level", off
    )
    assert graph("base", "openvmm", "0x11", "windows_cg", "level", on) == graph(
        "base", "openvmm", "0x11", "windows_cg", "level", off
    )
    timer = [m.step for m in explored("base", "qemu", "0x20", "windows_cg", "level", on).judge.reference.moves]
    fired = explored("base", "qemu", "0x20", "windows_cg", "level", on).search.fired()
    assert fired[timer.index("delayed_ioapic_service_cb")] > 0


def test_statements_are_about_cells_of_the_matrix() -> None:
    names = {(p[1].names["vmm"], f"{p[1].scope.ioapic.value:#x}") for p in cells(SMALL)}
    assert set(PLATFORMS) <= names
