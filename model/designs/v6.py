"""v6, which is what was merged (6517dfbcc918): ENABLE for a split irqchip only, nothing new in the kernel's I/O APIC."""

from model.designs.tristate_draft import TristateDraft
from model.lang import Patch
from model.machine import Errno, IrqchipMode, Lapic, Pin, SuppressEoi, Trigger


class V6(TristateDraft):
    patch = Patch(
        title="KVM: x86: Add x2APIC features to control EOI broadcast suppression (v6, merged as 6517dfbcc918)",
        author="Khushit Shah, Sean Christopherson",
        date="2026-01-23",
        msgid="20260123125657.3384063-1-khushit.shah@nutanix.com",
        base="base",
    )

    def kvm_lapic_advertise_suppress_eoi_broadcast(self) -> bool:
        mode = self.suppress_eoi_broadcast_mode
        return mode == SuppressEoi.ENABLED or (mode == SuppressEoi.QUIRKED and not self.ioapic_in_kernel())

    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        mode = self.suppress_eoi_broadcast_mode
        quirked = mode == SuppressEoi.QUIRKED and self.ioapic_in_kernel()
        return apic.spiv_directed_eoi and (mode == SuppressEoi.ENABLED or quirked)

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        rte = self.ioapic[pin]
        self.kvm_notify_acked_irq(pin)
        if trigger != Trigger.LEVEL or self.kvm_lapic_suppress_eoi_broadcast(apic):
            return
        self.kvm_ioapic_eoi_pin(rte)

    def kvm_enable_cap_x2apic_api(self, bit2: bool, bit3: bool) -> None:
        if (bit2 and bit3) or (bit2 and self.irqchip_mode != IrqchipMode.SPLIT):
            self.errno = Errno.EINVAL
            return
        if bit2:
            self.suppress_eoi_broadcast_mode = SuppressEoi.ENABLED
        if bit3:
            self.suppress_eoi_broadcast_mode = SuppressEoi.DISABLED
        self.errno = Errno.OK

    def kvm_check_extension_x2apic_api(self, vm_fd: bool, bit3: bool) -> bool:
        """ENABLE is hidden on a VM fd without a split irqchip; the system fd shows the most there is."""
        return bit3 or not vm_fd or self.irqchip_mode == IrqchipMode.SPLIT
