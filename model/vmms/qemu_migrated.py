"""QEMU after a migration: the guest chose its SPIV on another host, and KVM_SET_LAPIC brings it here (S-D9)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from model.lang import Label, require, step
from model.machine import ApiFlags, IoapicVersion, Pin, RedirectionEntry, Trigger
from model.vmms.kernel_irqchip import QemuKernelIrqchip
from model.vmms.qemu import Qemu


class QemuMigrated(Qemu):
    """The source's VMM asks KVM for nothing, so suppression is offered there; here it asks KVM not to offer it.

    Simplified: one machine is both. model/migration.py tells hosts apart, and has what a stream carries and what may fail.
    """

    meets: ClassVar[dict[str, tuple[str, ...]]] = {"guest": ("windows_cg", "xen", "any")}  # they ask for suppression
    api_flags: ClassVar[tuple[ApiFlags, ...]] = (ApiFlags.BIT3,)
    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V20,)
    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 1, "pins": 1, "vectors": 1}

    migrated: Annotated[bool, Label("migrated")]

    def enable_capabilities(self) -> None:
        """The source's command line asks for nothing."""

    @step(by="VMM")
    def migrate(self) -> None:
        """Once, with all exits handled. KVM's bitmaps are not in the stream, SPIV bit 12 is; LVR is the destination's."""
        require(not self.migrated and not any(apic.req_ioapic_eoi_exit for apic in self.apic.values()))
        require(all(apic.exit_ioapic_eoi is None for apic in self.apic.values()))
        self.migrated = True
        self.enable_cap_api(self.scope.flags)
        for apic in self.apic.values():
            apic.ioapic_handled_vectors.clear()
            apic.highest_stale_pending_ioapic_eoi = None
            self.kvm_vcpu_ioctl_set_lapic(apic, apic.spiv_enabled, apic.spiv_directed_eoi)


class QemuKernelMigrated(QemuKernelIrqchip):
    """The same with kernel-irqchip=on: the source is Linux before 4.17, which offered suppression there, too (B15).

    Simplified: of the source there is only what it leaves behind, SPIV bit 12.
    """

    meets: ClassVar[dict[str, tuple[str, ...]]] = {"guest": ("xen", "any")}  # they need no EOI register
    api_flags: ClassVar[tuple[ApiFlags, ...]] = (ApiFlags.NONE, ApiFlags.BIT3)
    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V11,)
    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 1, "pins": 1, "vectors": 1}

    migrated: Annotated[bool, Label("migrated")]

    @step(by="VMM")
    def migrate(self) -> None:
        """Once, when the guest has set its LAPICs up. How it ends an interrupt that it handles was chosen at its boot: the bit
        comes only where it handles none.
        """
        require(not self.migrated and all(apic.spiv_enabled for apic in self.apic.values()))
        idle = all(self.guest_can_take_interrupt(cpu) for cpu in self.apic)
        self.migrated = True
        for apic in self.apic.values():
            self.kvm_vcpu_ioctl_set_lapic(apic, True, idle)
        for pin, rte in self.ioapic.items():
            self.kvm_ioapic_put(pin, rte)

    def kvm_ioapic_put(self, pin: Pin, rte: RedirectionEntry) -> None:
        """hw/i386/kvm/ioapic.c: KVM_SET_IRQCHIP of what KVM_GET_IRQCHIP returned on the source. The chip here is new."""
        vector = rte.vector
        dest = rte.dest
        trigger = rte.trigger
        mask = rte.mask
        remote_irr = rte.remote_irr
        irr = rte.irr
        self.set_entry(rte, 0, 0, Trigger.EDGE, True)
        rte.remote_irr = False
        rte.irr = False
        self.kvm_vm_ioctl_set_irqchip(pin, vector, dest, trigger, mask, remote_irr, irr)
