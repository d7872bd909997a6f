"""The errnos of the set-up: each property of properties/errno.py is violated by one wrong patch, and satisfied by v6."""

from __future__ import annotations

import pytest

from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.matrix.scope import parse_scope
from checker.questions.verdict import Status, check_cell
from model.designs.v6 import V6
from model.lang import compose
from model.machine import Cpu, Errno, IoapicVersion, IrqchipMode, Lapic, Pin, Trigger, Vector
from tests.rigs.model_cells import SMALL
from tests.rigs.sampling import agrees_by_day


class IrqchipAfterVcpus(V6):
    def ioctl_KVM_CREATE_IRQCHIP(self) -> None:
        if self.irqchip_in_kernel():
            self.errno = Errno.EEXIST
        else:
            self.irqchip_mode = IrqchipMode.KERNEL
            self.errno = Errno.OK


class SplitAsItsSibling(V6):
    """EINVAL after a vCPU, as KVM_CREATE_IRQCHIP has it."""

    def enable_KVM_CAP_SPLIT_IRQCHIP(self) -> None:
        if self.any_vcpu_created() and not self.irqchip_in_kernel():
            self.errno = Errno.EINVAL
        else:
            super().enable_KVM_CAP_SPLIT_IRQCHIP()


class EnableNeedsItsDevice(V6):
    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        super().enable_KVM_CAP_X2APIC_API(bit2, bit3)
        if bit2 and not self.irqchip_split():
            self.errno = Errno.ENXIO


class UnknownCapability(V6):
    def enable_KVM_CAP_SPLIT_IRQCHIP_API(self, disable_suppression: bool) -> None:
        self.errno = Errno.ENOTTY


class FlagUpdatesLvr(V6):
    """The flag is in force for vCPUs that exist."""

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        super().enable_KVM_CAP_X2APIC_API(bit2, bit3)
        if self.apic[0].created and self.lapic_in_kernel():
            self.kvm_apic_set_version(self.apic[0])


class VcpuTwice(V6):
    def kvm_arch_vcpu_create(self, apic: Lapic) -> None:
        if apic.created:
            self.errno = Errno.OK
        else:
            super().kvm_arch_vcpu_create(apic)


class VcpuWithoutReset(V6):
    """LVR alone is computed: no scan is asked for."""

    def kvm_arch_vcpu_create(self, apic: Lapic) -> None:
        self.errno = Errno.EEXIST if apic.created else Errno.OK
        if not apic.created:
            apic.created = True
            self.kvm_apic_set_version(apic)


class CpuidAtAnyTime(V6):
    def kvm_set_cpuid(self, cpu: Cpu, x2apic: bool) -> None:
        self.kvm_vcpu_after_set_cpuid(self.apic[cpu], x2apic)


class SetLapicAsTheGuest(V6):
    """Bit 12 only where LVR offers it, as in a write of the guest's."""

    def kvm_apic_set_state(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        super().kvm_apic_set_state(apic, enabled, directed_eoi and apic.lvr_directed_eoi)


class IrqchipOfTheVmm(V6):
    def kvm_vm_ioctl_get_irqchip(self) -> None:
        self.errno = Errno.OK if self.irqchip_in_kernel() else Errno.ENXIO


class SetIrqchipAsTheGuest(V6):
    """Remote IRR is read-only, as in a write of the guest's."""

    def kvm_set_ioapic(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        super().kvm_set_ioapic(pin, vector, dest, trigger, mask, self.ioapic[pin].remote_irr, irr)


class SetIrqchipScansNobody(V6):
    """The vCPUs that had a request keep it, and nobody is asked anew."""

    def kvm_set_ioapic(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        asked = self.apic[0].req_scan_ioapic
        super().kvm_set_ioapic(pin, vector, dest, trigger, mask, remote_irr, irr)
        self.apic[0].req_scan_ioapic = asked


class UnknownIoctl(V6):
    def ioctl_KVM_SET_IRQCHIP2(self, version: IoapicVersion) -> None:
        self.errno = Errno.EINVAL


class RoutesWithoutIrqchip(V6):
    def ioctl_KVM_SET_GSI_ROUTING(self, gsi: Pin, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None:
        super().ioctl_KVM_SET_GSI_ROUTING(gsi, valid, vector, dest, trigger)
        self.errno = Errno.OK


class LineOfNobody(V6):
    def kvm_vm_ioctl_irq_line(self, gsi: Pin, level: bool) -> None:
        super().kvm_vm_ioctl_irq_line(gsi, level)
        self.errno = Errno.OK


class ChangesThenRefuses(V6):
    def enable_KVM_CAP_SPLIT_IRQCHIP(self) -> None:
        if not self.irqchip_in_kernel():
            self.irqchip_mode = IrqchipMode.SPLIT
            self.errno = Errno.EEXIST if self.any_vcpu_created() else Errno.OK
        else:
            self.errno = Errno.EEXIST


class VersionWithoutLapic(V6):
    def kvm_vcpu_after_set_cpuid(self, apic: Lapic, x2apic: bool) -> None:
        apic.cpuid_x2apic = x2apic
        self.errno = Errno.OK
        self.kvm_apic_set_version(apic)


BITES: dict[str, type[V6]] = {
    "create_irqchip_errno": IrqchipAfterVcpus,
    "split_irqchip_errno": SplitAsItsSibling,
    "x2apic_api_errno": EnableNeedsItsDevice,
    "enable_cap_leaves_lvr": FlagUpdatesLvr,
    "split_irqchip_api_errno": UnknownCapability,
    "create_vcpu_errno": VcpuTwice,
    "new_vcpu_is_reset": VcpuWithoutReset,
    "set_cpuid2_errno": CpuidAtAnyTime,
    "set_lapic_errno": SetLapicAsTheGuest,
    "irqchip_state_errno": IrqchipOfTheVmm,
    "set_irqchip_stores_the_entry": SetIrqchipAsTheGuest,
    "set_irqchip_asks_for_a_scan": SetIrqchipScansNobody,
    "set_irqchip2_errno": UnknownIoctl,
    "set_gsi_routing_errno": RoutesWithoutIrqchip,
    "irq_line_errno": LineOfNobody,
    "refused_ioctl_changes_nothing": ChangesThenRefuses,
    "no_lapic_without_an_irqchip": VersionWithoutLapic,
}  # fmt: skip
MINE = [p for p in all_properties().values() if p.function.__module__ == "properties.errno"]


def cell_of(kernel: type, scope: str = "") -> Cell:
    """The one of the default matrix."""
    found = matrix(
        ("v6", V6), kernels=[], vmms=["errno_vmm"], guests=["lapic"], devices=["level"], scope=parse_scope(scope)
    )
    (cell,) = (c for c in found if isinstance(c, Cell))
    return Cell(cell.names, compose(kernel, *cell.system.__bases__[1:]), cell.scope)


def judged(kernel: type) -> dict[str, tuple[Status, str]]:
    """Of all properties of the file."""
    result = check_cell(cell_of(kernel), MINE, engine="native")
    return {v.property.name: (v.status, v.note) for v in result.verdicts}


def test_each_has_a_wrong_patch() -> None:
    assert set(BITES) == {p.name for p in MINE if p.kind == "always"}


def test_the_merged_kernel_answers_as_is_said() -> None:
    """And nothing of it is said of what never happens."""
    assert judged(V6) == {p.name: (Status.HOLDS if p.kind == "always" else Status.REACHED, "") for p in MINE}


@pytest.mark.everything
@pytest.mark.parametrize("name", BITES)
def test_a_wrong_patch_is_told_by_its_property(name: str) -> None:
    """Nothing else tells it, but that a change of an errno may refuse, or keep, what another one speaks of."""
    found = judged(BITES[name])
    assert found[name][0] is Status.VIOLATED
    assert sum(status is Status.VIOLATED for status, _ in found.values()) <= 2


@pytest.mark.everything
@pytest.mark.parametrize("kernel", ["irqchip2", "split_irqchip_api", "v6_as_documented", "v5", "quirk_oct31"])
def test_what_was_proposed_is_no_alarm(kernel: str) -> None:
    """Kernels that know the proposed ioctls, or answer EBUSY as api.rst says."""
    assert {s for s, _ in judged(designs()[kernel]).values()} == {Status.HOLDS, Status.REACHED}


@pytest.mark.everything
def test_generated_code_and_cpython_agree() -> None:
    agrees_by_day(cell_of(V6, SMALL), all_properties())
