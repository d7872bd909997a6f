"""Wrong patches, as people could send them (tests/wrong): the default matrix says REGRESSED of each, and of the right ones
(tests/right) nothing. In which cell, and by which property, is said here, so that one knows what each cell is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checker.matrix.cells import Cell, matrix
from checker.matrix.loader import load_design
from checker.matrix.roles import (
    ROLES,
    VMMS,
    all_properties,
    default_devices,
    default_guests,
    default_vmms,
    designs,
    mutants,
    registered,
    role_of,
    uapi_vmms,
)
from checker.matrix.system import system_of
from checker.questions.verdict import Status, check_cell
from model.machine import ApiFlags, IoapicVersion, Machine
from tests.rigs.volume import at_once

TESTS = Path(__file__).resolve().parents[1]
V11, V20 = IoapicVersion.V11, IoapicVersion.V20
NONE, BIT2, BIT3 = ApiFlags.NONE, ApiFlags.BIT2, ApiFlags.BIT3

# file (and class), what it patches, VMM, guest, device, version, flags, who tells
WRONG = [
    ("eoi_opens_first_closed_pin.py:FirstWaiting", "base", "firecracker", "linux_vectors", "level", V11, NONE, "no_eoi_lost"),
    ("eoi_opens_first_closed_pin.py:QemuFirstWaiting", "qemu", "", "linux_vectors", "level", V20, NONE, "no_eoi_lost"),
    ("qemu_eoi_stops_at_first_pin.py", "qemu", "", "linux_vectors", "level", V20, NONE, "line_is_serviced"),
    ("qemu_entry_write_clears_remote_irr.py", "qemu", "", "linux_moves_in_service", "level", V20, NONE, "level_is_sent_once"),
    ("qemu_entry_write_clears_remote_irr.py", "qemu", "", "linux_threaded", "level", V20, NONE, "closed_until_its_eoi"),
    ("qemu_eoi_opens_what_is_in_flight.py", "qemu", "", "linux", "level", V20, NONE, "closed_until_its_eoi"),
    ("qemu_eoi_opens_what_is_in_flight.py", "qemu", "", "linux", "level", V20, NONE, "level_is_sent_once"),
    ("kvm_closes_pin_that_was_refused.py", "base", "firecracker", "any", "level", V11, NONE, "closes_only_if_taken"),
    ("kvm_ack_notifier_lost.py", "base", "firecracker", "linux", "kernel_resample", V11, NONE, "line_is_serviced"),
    ("disabled_suppresses_when_planted.py", "v6", "qemu_migrated", "xen", "level", V20, BIT3, "disabled_never_suppresses"),
    ("kvm_kernel_chip_ignores_the_bit.py", "base", "qemu_kernel_migrated", "xen", "level", V11, NONE, "no_reinjection"),
    ("kvm_looks_at_cpu0.py", "v6", "qemu", "xen_kdump", "level", V20, BIT2, "level_eoi_is_told"),
    ("kvm_looks_at_cpu0.py", "v6", "qemu", "xen_kdump", "level", V20, BIT2, "advertised_is_honoured"),
    ("kvm_disabled_lapic_tells_no_eoi.py", "base", "openvmm", "any", "level", V11, NONE, "intercepted_eoi_is_told"),
    ("kvm_exit_told_twice.py", "base", "qemu", "linux_moves_in_service", "level", V20, NONE, "eoi_exit_is_told_once"),
    ("qemu_eoi_skips_masked_pins.py", "qemu", "", "linux_threaded", "level", V20, NONE, "no_eoi_lost"),
    ("qemu_eoi_forgets_a_high_line.py", "qemu", "", "linux", "shared", V20, NONE, "line_is_serviced"),
    ("qemu_routes_after_service.py", "qemu", "", "xen_moves", "level", V20, NONE, "no_eoi_lost"),
    ("kvm_throttle_counts_all.py", "base", "firecracker", "linux", "storming", V11, NONE, "throttle_counts_in_a_row"),
    ("kvm_throttle_counts_masked.py", "base", "firecracker", "linux_threaded", "storming", V11, NONE, "throttle_counts_in_a_row"),
    ("kvm_throttle_never_ends.py", "base", "firecracker", "linux", "storming", V11, NONE, "throttle_ends"),
    ("kvm_throttle_sends_low_lines.py", "base", "firecracker", "linux", "storming", V11, NONE, "closes_for_a_high_line"),
    ("qemu_high_half_is_ignored.py", "qemu", "", "linux_moves_in_service", "level", V20, NONE, "entry_is_as_written"),
    ("crosvm_unmasks_before_its_route.py", "crosvm", "", "linux_affinity", "level", V20, NONE, "sent_where_its_entry_says"),
    ("kvm_masked_pin_is_sent.py", "base", "firecracker", "linux_threaded", "level", V11, NONE, "masked_pin_sends_nothing"),
    ("kvm_set_irqchip_opens_pins.py", "base", "qemu_kernel_migrated", "xen", "level", V11, NONE, "image_is_loaded"),
    ("kvm_opens_before_it_acks.py", "base", "firecracker", "linux", "kernel_resample", V11, NONE, "no_spurious_injection"),
    ("kvm_edges_are_not_acked.py", "base", "firecracker", "any", "kernel_resample", V11, NONE, "resampler_hears_each_eoi"),
    ("kvm_suppressed_eoi_is_not_acked.py", "base", "qemu_kernel_migrated", "any", "kernel_resample", V11, NONE, "resampler_hears_each_eoi"),
    ("kvm_msi_is_an_edge.py", "base", "qemu", "linux", "level", V11, NONE, "closes_for_a_level_message"),
    ("kvm_pending_vector_keeps_its_tmr.py", "base", "firecracker", "any", "level", V11, NONE, "closes_for_a_level_message"),
    ("kvm_resampler_is_told_at_each_write.py", "base", "firecracker", "any", "kernel_resample", V11, NONE, "resampler_waits_for_an_eoi"),
    ("kvm_init_keeps_bit12.py", "v6", "qemu", "xen_kdump", "level", V20, BIT2, "init_leaves_nothing"),
    ("kvm_flag_updates_lvr.py", "v6", "errno_vmm", "lapic", "level", V11, NONE, "enable_cap_leaves_lvr"),
    ("qemu_eoi_register_tells_no_resampler.py", "qemu", "", "windows_cg", "resample", V20, BIT2, "line_is_serviced"),
    ("qemu_resamples_what_was_closed.py", "qemu", "", "linux", "resample", V20, NONE, "line_is_serviced"),
    ("kvm_told_once.py", "base", "firecracker", "any", "told_again", V11, NONE, "told_again_is_sent"),
    ("kvm_set_irqchip_scans_nobody.py", "base", "errno_vmm", "lapic", "level", V11, NONE, "set_irqchip_asks_for_a_scan"),
    ("kvm_irqchip_after_vcpus.py", "v6", "errno_vmm", "lapic", "level", V11, NONE, "create_irqchip_errno"),
    ("kvm_flags_before_their_test.py", "v6", "setup_vmm", "lapic", "level", V11, NONE, "granted_flag_takes_effect"),
    ("kvm_injects_lowest_first.py", "base", "qemu", "linux", "level", V20, NONE, "highest_goes_first"),
    ("kvm_edge_keeps_tmr.py", "base", "firecracker", "any", "level", V11, NONE, "accepts_what_was_sent"),
    ("kvm_entry_write_sends_edges.py", "base", "firecracker", "any", "level", V11, NONE, "edge_is_sent_as_it_rises"),
    ("kvm_init_keeps_irr.py", "base", "qemu", "xen_kdump", "level", V20, NONE, "init_leaves_nothing"),
    ("kvm_tests_a_request.py:TestsScan", "base", "qemu", "linux", "level", V20, NONE, "requests_are_served_first"),
    ("kvm_tests_a_request.py:TestsExit", "base", "qemu", "linux", "level", V20, NONE, "requests_are_served_first"),
    ("kvm_stale_is_the_last.py", "base", "firecracker", "linux_tmr0", "level", V11, NONE, "stale_is_the_highest"),
    ("kvm_entry_scans.py:OnlyTheNewScans", "base", "firecracker", "linux_affinity", "level", V11, NONE, "stale_is_the_highest"),
    ("kvm_entry_scans.py:EveryVcpuScans", "base", "firecracker", "linux", "level", V11, NONE, "entry_disturbs_its_destinations"),
    ("kvm_every_eoi_rescans.py", "base", "qemu", "linux", "level", V20, NONE, "only_the_stale_eoi_rescans"),
    ("kvm_new_map_scans_nobody.py", "base", "qemu", "linux", "level", V20, NONE, "new_map_is_scanned"),
    ("qemu_falling_line_sends.py:EdgeThatFalls", "qemu", "", "any", "level", V20, NONE, "falling_line_sends_nothing"),
    ("qemu_falling_line_sends.py:LevelThatFalls", "qemu", "", "windows_cg", "storming", V20, NONE, "falling_line_sends_nothing"),
    ("kvm_edge_eoi_opens.py", "base", "firecracker", "any", "level", V11, NONE, "edge_eoi_opens_no_pin"),
]  # fmt: skip


def by_default(name: str, cls: type[Machine], fixed: dict[str, Any]) -> list[Cell]:
    """The cells of `eoi diff BASE name` that have these VMMs, guests, devices and scope: those of the default matrix only."""
    role = role_of(cls)
    every = {"kernel": ["base", "v6"], "vmm": default_vmms(), "device": default_devices()}
    if role == "kernel" and fixed.get("vmm") in uapi_vmms():
        every |= {"vmm": uapi_vmms(), "device": ["level"]}
    every["guest"] = default_guests(every["vmm"])
    fixed = {"kernel": "base", **fixed}
    asked = {r: [fixed[r]] if r in fixed and fixed[r] in names else names for r, names in every.items()}
    found = matrix(
        (name, cls), kernels=asked["kernel"], vmms=asked["vmm"], guests=asked["guest"], devices=asked["device"],
        scope={}, chosen=[role],
    )  # fmt: skip
    return [cell for cell in found if isinstance(cell, Cell)]


@pytest.mark.parametrize("case", at_once(WRONG, 8), ids=lambda c: f"{c[0]}-{c[-1]}")
def test_a_wrong_patch_regresses_by_default(case: tuple[Any, ...]) -> None:
    file, base, vmm, guest, device, version, flags, name = case
    known: dict[str, Any] = {**designs(), **VMMS}
    found = dict[str, Status]()
    for title, cls in ((base, known[base]), (file, load_design(str(TESTS / "wrong" / file)))):
        kernel = "base" if flags is NONE else "v6"  # of a VMM that a patch is of
        cells = by_default(title, cls, {"kernel": kernel, "vmm": vmm, "guest": guest, "device": device})
        (cell,) = (c for c in cells if (c.scope.ioapic, c.scope.flags) == (version, flags))
        (verdict,) = check_cell(cell, [all_properties()[name]]).verdicts
        assert verdict.note == "", "vacuous"
        found[title] = verdict.status
    assert found == {base: Status.HOLDS, file: Status.VIOLATED}


def test_every_wrong_patch_is_in_the_table() -> None:
    assert {path.name for path in (TESTS / "wrong").glob("*.py")} == {case[0].partition(":")[0] for case in WRONG}


# file, VMMs or guests: everything that is asked holds, but what base violates with the guest or VMM that it is made of
RIGHT = [
    ("late_eoi_and_moves.py:LateEoi", {"guest": "linux"}),
    ("late_eoi_and_moves.py:Checked", {"vmm": "crosvm"}),
    ("late_eoi_and_moves.py:CheckedTwoWrites", {"vmm": "crosvm"}),
    ("late_eoi_and_moves.py:CheckedTwoWrites", {"vmm": "firecracker"}),
    ("level_ipi.py", {"vmm": "qemu"}),
    ("level_ipi.py", {"vmm": "crosvm"}),
    ("edge_ipi.py", {"vmm": "firecracker"}),
    ("edge_ipi.py", {"vmm": "qemu"}),
]
PLATFORM = {"advertised_is_backed", "throttled_pin_rests"}  # of KVM before the feature, and of QEMU, whatever the guest


@pytest.mark.everything
@pytest.mark.parametrize("case", RIGHT, ids=str)
def test_a_right_design_gives_no_alarm(case: tuple[str, dict[str, str]]) -> None:
    file, fixed = case
    cells = by_default(file, load_design(str(TESTS / "right" / file)), fixed)
    cells = [c for c in cells if all(c.names[role] == name for role, name in fixed.items())]
    assert cells
    for cell in cells:
        result = check_cell(cell, list(all_properties().values()))
        wrong = {v.property.name for v in result.verdicts if v.status is Status.VIOLATED}
        assert wrong <= PLATFORM, str(cell)


SENDS_AGAIN, SERVED = TESTS / "right" / "ch_sends_again.py", ("no_storm", "line_is_serviced")

# what a registered design violates, and where its like holds
LEVEL = [
    ("level_is_sent_once", ("cloud_hypervisor", "linux", "level", V11), ("qemu", "linux", "level", V20)),
    ("closed_until_its_eoi", ("qemu", "xen", "level", V20), ("firecracker", "xen", "level", V11)),
    ("closes_only_if_taken", ("qemu", "any", "level", V20), ("firecracker", "any", "level", V11)),
    ("level_eoi_is_told", ("openvmm", "linux_threaded", "level", V11), ("qemu", "linux_threaded", "level", V20)),
    ("level_is_sent_once", ("qemu", "illumos", "level", V20), ("qemu", "linux_ir", "level", V20)),
    ("line_is_serviced", ("cloud_hypervisor", "linux", "shared", V11), ("crosvm", "linux", "shared", V20)),
    ("throttled_pin_rests", ("qemu", "linux", "storming", V11), ("firecracker", "linux", "storming", V11)),
    ("edge_is_sent_as_it_rises", ("qemu", "any", "level", V20), ("firecracker", "any", "level", V11)),
    ("edge_has_no_remote_irr", ("cloud_hypervisor", "xen", "level", V11), ("qemu", "xen", "level", V20)),
]  # fmt: skip


@pytest.mark.parametrize("case", at_once(LEVEL, 3), ids=lambda c: c[0])
def test_platforms_differ(case: tuple[Any, ...]) -> None:
    name, *platforms = case
    found = []
    for vmm, guest, device, version in platforms:
        cells = by_default("base", designs()["base"], {"vmm": vmm, "guest": guest, "device": device})
        (cell,) = (c for c in cells if c.scope.ioapic is version)
        (verdict,) = check_cell(cell, [all_properties()[name]]).verdicts
        assert verdict.note == ""
        found.append(verdict.status)
    assert found == [Status.VIOLATED, Status.HOLDS]


def test_the_fix_of_a_high_line_holds() -> None:
    """What Cloud Hypervisor's V-CH4 asked for, with the device that showed it."""
    found = []
    for title, cls in (("cloud_hypervisor", VMMS["cloud_hypervisor"]), ("fix", load_design(str(SENDS_AGAIN)))):
        (cell,) = by_default(title, cls, {"guest": "linux", "device": "shared"})
        found.append([v.status for v in check_cell(cell, [all_properties()[n] for n in SERVED]).verdicts])
    assert found == [[Status.VIOLATED] * 2, [Status.HOLDS] * 2]


def test_disabled_suppresses_in_drafts_and_not_as_merged() -> None:
    """The drafts' in-kernel I/O APIC still looks at SPIV bit 12 alone."""
    chip, found = "qemu_kernel_migrated", []
    for name, vmm in (("tristate_draft", "qemu_migrated"), ("v6", "qemu_migrated"), ("v4", chip), ("v6", chip)):
        cells = by_default(name, designs()[name], {"vmm": vmm, "guest": "xen", "device": "level"})
        (cell,) = (c for c in cells if c.scope.flags is BIT3)
        (verdict,) = check_cell(cell, [all_properties()["disabled_never_suppresses"]]).verdicts
        assert verdict.note == ""
        found.append(verdict.status)
    assert found == [Status.VIOLATED, Status.HOLDS] * 2


def test_an_eoi_that_sends_to_another_cpu_suppresses_nothing() -> None:
    """The line is still high, and the entry's destination has moved: the message is in another LAPIC."""
    cells = by_default("v6", designs()["v6"], {"vmm": "qemu_kernel_irqchip", "guest": "linux_moves_in_service"})
    asked = [all_properties()[n] for n in ("disabled_never_suppresses", "level_outstanding")]
    found = [[v.status for v in check_cell(c, asked).verdicts] for c in cells if c.scope.flags is BIT3]
    assert found == [[Status.HOLDS, Status.REACHED]] * 2


@pytest.mark.parametrize(
    ("vmm", "guest", "device", "name"),
    [("qemu", "linux", "resample", "closed_until_its_eoi"), ("any_vmm", "lapic", "level", "closes_only_if_taken")],
)
def test_what_a_platform_does_by_design_is_not_asked(vmm: str, guest: str, device: str, name: str) -> None:
    system = system_of(*(registered(r, n) for r, n in zip(ROLES, ("base", vmm, guest, device), strict=True)))
    assert all_properties()[name].why_not(system) is not None
    usual = system_of(*(registered(r, n) for r, n in zip(ROLES, ("base", "qemu", "linux", "level"), strict=True)))
    assert all_properties()[name].why_not(usual) is None


def test_a_migration_does_not_change_how_an_interrupt_in_hand_is_ended() -> None:
    """KVM obeys the bit that a host before 4.17 left behind, and Xen opens the pin by the trigger flip: nothing is wrong."""
    cells = by_default("v6", designs()["v6"], {"vmm": "qemu_kernel_migrated", "guest": "xen"})
    (cell,) = (c for c in cells if c.scope.flags is NONE)
    found = {v.property.name: v for v in check_cell(cell, list(all_properties().values())).verdicts}
    assert [name for name, v in found.items() if v.status is Status.VIOLATED] == []
    assert found["no_reinjection"].note == found["level_is_sent_once"].note == "", "vacuous"


def test_an_exit_is_asked_for_and_told() -> None:
    """Violated by what the changelog of v1 said, satisfied by base."""
    known = all_properties()["eoi_exit_is_told_once"]
    found = []
    for name, cls in (("mutant_every_eoi", mutants()["mutant_every_eoi"]), ("base", designs()["base"])):
        cells = matrix(
            (name, cls), kernels=["base"], vmms=["qemu"], guests=["linux"], devices=["mixed"],
            scope={"cpus": 1, "ioapic": V20},
        )  # fmt: skip
        (cell,) = (c for c in cells if isinstance(c, Cell))
        found.append(check_cell(cell, [known]).verdicts[0].status)
    assert found == [Status.VIOLATED, Status.HOLDS]
