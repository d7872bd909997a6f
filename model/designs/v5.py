"""v5: three patches: the suppression test moves, the in-kernel I/O APIC becomes 0x20, the flags hold for every irqchip."""

from model.designs.tristate_draft import TristateDraft
from model.lang import Patch
from model.machine import IoapicVersion, Lapic, Pin, SuppressEoi, Trigger, Vector


class V5(TristateDraft):
    patch = Patch(
        title="KVM: x86: Suppress EOI broadcast, in-kernel I/O APIC with EOI register (v5, 3 patches)",
        author="Khushit Shah, David Woodhouse",
        date="2025-12-29",
        msgid="20251229111708.59402-1",
        base="base",
    )

    def kvm_lapic_advertise_suppress_eoi_broadcast(self) -> bool:
        mode = self.suppress_eoi_broadcast_mode
        return mode == SuppressEoi.ENABLED or (mode == SuppressEoi.QUIRKED and not self.ioapic_in_kernel())

    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        mode = self.suppress_eoi_broadcast_mode
        quirked = mode == SuppressEoi.QUIRKED and self.ioapic_in_kernel()
        return apic.spiv_directed_eoi and (mode == SuppressEoi.ENABLED or quirked)

    def kvm_ioapic_version(self) -> IoapicVersion:
        return IoapicVersion.V20 if self.kvm_lapic_advertise_suppress_eoi_broadcast() else IoapicVersion.V11

    def kvm_ioapic_update_eoi(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        if self.kvm_lapic_suppress_eoi_broadcast(apic):
            return
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                self.kvm_ioapic_update_eoi_one(apic, pin, trigger)

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        self.kvm_ioapic_update_eoi_pin(pin, trigger)

    def kvm_ioapic_update_eoi_pin(self, pin: Pin, trigger: Trigger) -> None:
        """kvm_ioapic_update_eoi_one() without the test: the EOI register comes here, too."""
        self.kvm_notify_acked_irq(pin)
        if trigger == Trigger.LEVEL:
            self.kvm_ioapic_eoi_pin(self.ioapic[pin])

    def kvm_ioapic_write_eoi(self, vector: Vector) -> None:
        if not self.kvm_lapic_advertise_suppress_eoi_broadcast():
            return
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                self.kvm_ioapic_update_eoi_pin(pin, rte.trigger)
