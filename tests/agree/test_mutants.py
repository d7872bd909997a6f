"""Historical bugs (kvm.md section 6): the checker re-finds each in its mutant, and its fix satisfies the same property.

`story` is the bug's minimal interleaving as the facts tell it: steps (with their first arguments) that the shortest
run must contain in this order. It is written from kvm.md, not from the checker's output.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import DEVICES, GUESTS, ROLES, VMMS, all_properties, designs, mutants, role_of
from checker.questions.verdict import CellResult, Status, Verdict, check_cell
from model.machine import IoapicVersion
from tests.rigs.volume import at_once

V11, V20 = {"ioapic": IoapicVersion.V11}, {"ioapic": IoapicVersion.V20}


@dataclass(frozen=True)
class Bug:
    mutant: str
    property: str
    story: tuple[tuple[Any, ...], ...]
    vmm: str = "firecracker"
    guest: str = "linux"
    device: str = "level"
    scope: dict[str, Any] = field(default_factory=lambda: V11)
    kernel: str = "base"

    def __str__(self) -> str:
        return f"{self.mutant}-{self.guest}-{self.device}"


RETARGETED = (("device_raise", 0), ("ioapic_set_affinity",), ("vcpu_enter_guest", 0), ("ack_APIC_irq", 0))
BUGS = [
    # IRQ; vCPU acks; LAPIC EOI with SPIV bit 12; exit; the VMM injects again
    Bug("mutant_b1", "no_storm", (
        ("device_raise", 0), ("kvm_check_and_inject_events", 0), ("l1_apic_eoi", 0), ("kvm_arch_handle_exit", 0), ("kvm_check_and_inject_events", 0),
    ), "qemu", "windows_cg", scope=V20),
    # v pending on vCPU0; RTE retargeted; the scan drops v; EOI(v) is ignored (seen when the next edge comes)
    Bug("mutant_b2", "coalesced_only_while_pending", (*RETARGETED, ("device_raise", 0)), guest="linux_moves_in_service", device="edge"),
    # level v to vCPU0, retargeted (by its handler, say the facts; while it is pending will do, and is as short); the scan
    # removes v from vCPU0; EOI(v) is not delivered
    Bug("mutant_b3", "no_eoi_lost", RETARGETED, guest="linux_moves_in_service"),
    # v posted to PIR of vCPU0; route moved; the scan misses it; later sync, service, EOI unseen
    Bug("mutant_b5", "no_posted_eoi_lost", (*RETARGETED[:3], ("kvm_check_and_inject_events", 0), RETARGETED[3]), "qemu", "linux_moves_in_service", scope=V20),
    # APICv activated while ISR is not empty; the next EOI is lost
    Bug("mutant_b8", "line_is_serviced", (("kvm_check_and_inject_events", 0), ("kvm_vcpu_update_apicv", 0), ("ack_APIC_irq", 0))),
    # the EOI of an edge interrupt is not seen, so its next edge is refused
    Bug("mutant_b9", "coalesced_only_while_pending", (
        ("device_raise", 0), ("kvm_check_and_inject_events", 0), ("ack_APIC_irq", 0), ("device_raise", 0),
    ), device="edge"),
    # set_irq -> lazy update -> ack notifier -> resampler -> set_irq
    Bug("mutant_b9_recursion", "ioapic_set_irq_returns", (("setup_IO_APIC_irq", 0), ("device_raise", 0))),
    Bug("mutant_b9_edge_recursion", "ioapic_set_irq_returns", (("setup_IO_APIC_irq", 0), ("device_raise", 0)), device="edge"),
    # mask, EOI (irr is latched again), the device is acked later, unmask injects
    Bug("mutant_b10", "no_spurious_injection", (
        ("device_raise", 0), ("mask_and_wake", 0), ("ack", 0), ("thread_fn", 0), ("unmask", 0),
    ), guest="linux_threaded", device="kernel_resample"),
    # a handler that EOIs with the line high is interrupted again at once, for ever
    Bug("mutant_b11", "no_storm", (("kvm_check_and_inject_events", 0), ("ack", 0), ("kvm_check_and_inject_events", 0)), guest="broken"),
    Bug("mutant_b11_qemu", "no_storm", (
        ("kvm_check_and_inject_events", 0), ("ack", 0), ("kvm_arch_handle_exit", 0), ("kvm_check_and_inject_events", 0),
    ), "mutant_b11_qemu", "broken", scope=V20),
    # one source computes level 0, the other delivers 1, then the 0 arrives
    Bug("mutant_b14", "latch_follows_line", (
        ("device_raise", 0), ("handle_fasteoi_irq", 0), ("second_device_raise", 0), ("kvm_set_irq_locked", 1), ("kvm_set_irq_locked", 0),
    ), device="two_devices"),
    # level v to vCPU0, its route moved; the scan removes v from vCPU0; the EOI does not exit
    Bug("mutant_b3_split", "no_eoi_lost", RETARGETED, "qemu", "linux_moves_in_service", scope=V20),
    Bug("mutant_b3_split", "level_eoi_is_intercepted", RETARGETED[:3], "qemu", "linux_moves_in_service", scope=V20),
    # the EOI of the moved route exits as it must, and v stays intercepted on vCPU0
    Bug("mutant_stale_route", "only_level_eois_are_intercepted", (
        *RETARGETED, ("vcpu_enter_guest", 0), ("kvm_arch_handle_exit", 0), ("vcpu_enter_guest", 0),
    ), "qemu", "linux_moves_in_service", scope=V20),
    # an EOI that no I/O APIC waits for
    Bug("mutant_every_eoi", "only_intercepted_eois_exit", (
        ("device_raise",), ("kvm_check_and_inject_events", 0), ("ack_APIC_irq", 0),
    ), "qemu", device="mixed", scope=V20),
    # SPIV bit 12 set, the LAPIC's EOI is suppressed, the write to the EOI register ignored
    Bug("mutant_b15", "no_eoi_lost", (("l1_apic_eoi", 0), ("l1_ioapic_eoi", 0)), guest="windows_cg"),
    # ... and the ack notifiers are not called
    Bug("mutant_b15_notifier", "coalesced_only_while_pending", (
        ("device_raise", 0), ("mask_and_ack_level_ioapic_irq", 0), ("device_raise", 0),
    ), guest="xen", device="edge"),
    # mask + edge, then restore level: Remote IRR is still set
    Bug("mutant_b19", "no_eoi_lost", (("end_level_ioapic_irq", 0), ("restore_entry", 0)), guest="xen"),
    Bug("mutant_b19_qemu", "no_eoi_lost", (
        ("end_level_ioapic_irq", 0), ("restore_entry", 0),
    ), "mutant_b19_qemu", "xen", kernel="v6"),
]  # fmt: skip


def named(name: str) -> Any:
    return {**designs(), **VMMS, **mutants()}[name]


def cell_of(bug: Bug, design: str) -> Cell:
    """The cell that shows the bug, with another design in the mutant's place, at the mutant's scope."""
    cls, mutant = named(design), named(bug.mutant)
    role = role_of(cls)
    names = {"kernel": bug.kernel, "vmm": bug.vmm, role: design}
    found = matrix(
        (design, cls),
        kernels=[names["kernel"]],
        vmms=[names["vmm"]],
        guests=[bug.guest],
        devices=[bug.device],
        scope={**mutant.scope_defaults, **bug.scope},
    )
    cells = [cell for cell in found if isinstance(cell, Cell)]
    assert cells, found
    flags = mutant.scope_defaults.get("flags", cells[0].scope.flags)
    return next(cell for cell in cells if cell.scope.flags is flags)


def judged(bug: Bug, design: str) -> tuple[CellResult, Verdict]:
    known = all_properties()
    result = check_cell(cell_of(bug, design), [known[bug.property]])
    return result, result.verdicts[0]


def is_in_order(story: tuple[tuple[Any, ...], ...], moves: list[tuple[Any, ...]]) -> bool:
    rest = iter(moves)
    return all(any(move[: len(part)] == part for move in rest) for part in story)


@pytest.mark.parametrize("bug", at_once(BUGS, 6), ids=str)
def test_the_bug_is_found_again(bug):
    _, verdict = judged(bug, bug.mutant)
    assert verdict.status is Status.VIOLATED
    assert verdict.run is not None
    moves = [(move.step, *move.args) for move in verdict.run.moves]
    assert is_in_order(bug.story, moves), moves


@pytest.mark.everything
@pytest.mark.parametrize("bug", at_once(BUGS, 3), ids=str)
def test_the_fix_satisfies_the_property(bug):
    result, verdict = judged(bug, named(bug.mutant).patch.base)
    assert verdict.status is Status.HOLDS
    assert verdict.note == "", "vacuous"
    assert result.outcome.name == "COMPLETE"


def test_every_mutant_is_tested_and_names_its_fix():
    named_mutants = {name for name in mutants() if name.startswith("mutant_")}
    assert named_mutants == {bug.mutant for bug in BUGS}
    known = {**designs(), **VMMS, **mutants()}
    for name in named_mutants:
        patch = vars(mutants()[name])["patch"]
        assert patch.base in known, name
        assert patch.note, name


def test_the_issue_s_bugs_are_all_here():
    ids = {bug.mutant.split("_")[1] for bug in BUGS}
    assert ids >= {"b1", "b2", "b3", "b5", "b8", "b9", "b10", "b11", "b14", "b15", "b19"}


def test_every_property_of_an_old_bug_or_of_the_scan_has_its_bug():
    modules = ("properties.history", "properties.scan")
    wanted = {p.name for p in all_properties().values() if p.function.__module__ in modules and p.kind != "reachable"}
    assert len(wanted) > 5
    assert wanted <= {bug.property for bug in BUGS}


def test_default_roles_name_what_exists():
    made = mutants()  # a feature brings roles of its own
    families = {"kernel": designs(), "vmm": VMMS, "guest": {**GUESTS, **made}, "device": {**DEVICES, **made}}
    for name, cls in mutants().items():
        for role, names in cls.default_roles.items():
            assert role in ROLES, name
            assert set(names) <= set(families[role]), name


def test_b11_the_throttle_is_what_helps():
    """The fixed kernel storms, too, if its throttle never comes to bear."""
    bug = next(b for b in BUGS if b.mutant == "mutant_b11")
    cell = cell_of(bug, "base")
    known = all_properties()
    without = Cell(cell.names, cell.system, type(cell.scope)(**{**vars(cell.scope), "throttle": False}))
    assert check_cell(without, [known["no_storm"]]).verdicts[0].status is Status.VIOLATED
