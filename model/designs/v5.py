"""v5: three patches: the suppression test moves, the in-kernel I/O APIC becomes 0x20, the flags hold for every irqchip."""

from model.designs.tristate_draft import Tristate
from model.lang import Patch
from model.machine import IoapicVersion, Lapic, Pin, SuppressEoi, Trigger, Vector


class V5(Tristate):
    patch = Patch(
        title="KVM: x86: Suppress EOI broadcast, in-kernel I/O APIC with EOI register (v5, 3 patches)",
        author="Khushit Shah, David Woodhouse",
        date="2025-12-29",
        msgid="20251229111708.59402-1",
        base="base",
    )

    def kvm_lapic_advertise_suppress_eoi_broadcast(self) -> bool:
        mode = self.suppress_eoi_broadcast_mode
        if mode == SuppressEoi.ENABLED:
            return True
        if mode == SuppressEoi.DISABLED:
            return False
        return not self.ioapic_in_kernel()

    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        mode = self.suppress_eoi_broadcast_mode
        if not apic.spiv_directed_eoi:
            return False
        if mode == SuppressEoi.ENABLED:
            return True
        if mode == SuppressEoi.DISABLED:
            return False
        return self.ioapic_in_kernel()

    def kvm_ioapic_version(self) -> IoapicVersion:
        """Who may suppress broadcasts needs the register that replaces them, and only then is the guest to see a change."""
        return IoapicVersion.V20 if self.kvm_lapic_advertise_suppress_eoi_broadcast() else IoapicVersion.V11

    def kvm_ioapic_update_eoi(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        """The test comes before the ack notifiers, so that who waits for an EOI there does not hear a suppressed one."""
        if self.kvm_lapic_suppress_eoi_broadcast(apic):
            return
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                self.kvm_ioapic_update_eoi_one(apic, pin, trigger)

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        """Without the test: the EOI register comes here, too."""
        self.kvm_notify_acked_irq(pin)
        if trigger == Trigger.LEVEL:
            self.kvm_ioapic_eoi_pin(pin)

    def kvm_ioapic_write_eoi(self, vector: Vector) -> None:
        if not self.kvm_lapic_advertise_suppress_eoi_broadcast():
            return
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                self.kvm_ioapic_update_eoi_one(self.apic[rte.dest], pin, rte.trigger)
