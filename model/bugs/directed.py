"""Suppressed broadcasts without an EOI register: bug B15, and the trigger flip that guests use instead (B19)."""

from __future__ import annotations

from model.designs.base import Base
from model.features.rtc import RtcTracking
from model.lang import Patch
from model.machine import ApiFlags, Cpu, IoapicVersion, Lapic, Pin, Trigger, Vector
from model.vmms.qemu import Qemu


class MutantB15(Base):
    """Linux before 4.17."""

    patch = Patch(
        title="B15: LVR bit 24 is set although the in-kernel I/O APIC has no EOI register",
        date="2018, 4.17 (U)", base="base", note="0bcc3fb95b97",
    )  # fmt: skip
    default_roles = {"vmm": ("firecracker",), "guest": ("windows_cg", "xen")}
    scope_defaults = {"cpus": 1, "pins": 1}

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = apic.cpuid_x2apic


class AckNotifiers(RtcTracking):
    """Linux 4.1 to 4.16: an EOI calls the ack notifiers even if its broadcast is suppressed."""

    patch = Patch(title="Linux 4.1, in-kernel I/O APIC with suppressed broadcasts", note="what B15's notifiers need")
    default_roles = {"vmm": ("firecracker",), "guest": ("xen", "linux"), "device": ("edge",)}
    scope_defaults = {"cpus": 1, "pins": 1}

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = apic.cpuid_x2apic


class MutantB15Notifier(AckNotifiers):
    patch = Patch(
        title="B15: a suppressed broadcast also suppresses the ack notifiers (bugzilla 82211)",
        date="2015, 4.1 (U)", base="ack_notifiers", note="c806a6ad35bf",
    )  # fmt: skip

    def kvm_ioapic_update_eoi(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        if apic.spiv_directed_eoi:
            return
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                self.kvm_ioapic_update_eoi_one(apic, pin, trigger)


class MutantB19(MutantB15):
    """It needs a guest with suppressed broadcasts, so Linux before 4.17."""

    patch = Patch(
        title="B19: an entry that becomes edge keeps Remote IRR (KVM)", base="mutant_b15", note="a8bfec293052"
    )  # fmt: skip
    default_roles = {"vmm": ("firecracker",), "guest": ("xen",)}

    def kvm_ioapic_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        rte = self.ioapic[pin]
        old_dest = rte.dest
        self.set_entry(rte, vector, dest, trigger, mask)
        if trigger == Trigger.LEVEL and rte.irr and not mask and not rte.remote_irr:
            self.kvm_ioapic_service(pin)
        self.kvm_make_scan_ioapic_request_mask(old_dest, dest)


class MutantB19Qemu(Qemu):
    patch = Patch(
        title="B19: an entry that becomes edge keeps Remote IRR (QEMU)", base="qemu",
        note="ioapic_fix_edge_remote_irr() removed",
    )  # fmt: skip
    default_roles = {"kernel": ("v6",), "guest": ("xen", "linux_ir")}
    scope_defaults = {"cpus": 1, "pins": 1, "ioapic": IoapicVersion.V11, "flags": ApiFlags.BIT2}

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
        rte.irq_eoi = 0
        self.ioapic_update_kvm_routes(pin)
        self.ioapic_service()
