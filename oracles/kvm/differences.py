"""What driving KVM through ioctls adds to the model, in the model's language: the named, listed differences.

`LiveKvm` is mixed in before a kernel design, so that model and kernel are in the same state. Each difference is shown
in every report, and a test shows for each that conform stops without it.
"""

from __future__ import annotations

from model.kvm import Kvm
from model.lang import Mask
from model.machine import Cpu, Lapic, Pin, Trigger, Vector

DIFFERENCES = (
    "accepted_by_set_lapic: kvm_pvm EOIs the interrupts that it injects itself, so here vCPUs have interrupts off, and "
    "IRR -> ISR is KVM_SET_LAPIC. That also recomputes LVR and makes every vCPU scan; one in guest mode does so at once",
    "set_irqchip_replays_all: KVM_SET_IRQCHIP sets all pins, and sends again what KVM_GET_IRQCHIP showed as latched on any "
    "of them; the model (Simplified: in model/kvm/ioapic.py) replays the one that is changed",
    "irr_delivered: KVM_GET_IRQCHIP does not show a latched edge that was sent; the model keeps one latch",
    "counted_eoi_is_9999: with throttle=on the model counts 2 EOIs where KVM counts 10,000. The first is repeated, with "
    "KVM_SET_LAPIC between, until KVM's counter stands at 9,999: oracles/kvm/throttle.py",
)


class AcceptedBySetLapic(Kvm):
    """The first of DIFFERENCES."""

    def kvm_apic_ack_interrupt(self, apic: Lapic, vector: Vector) -> None:
        super().kvm_apic_ack_interrupt(apic, vector)
        self.kvm_apic_set_version(apic)
        for cpu, other in self.apic.items():
            if other.in_guest:
                self.vcpu_scan_ioapic(cpu, other)
            else:
                other.req_scan_ioapic = True


class SetIrqchipReplaysAll(Kvm):
    """set_irqchip_replays_all and irr_delivered: kvm_set_ioapic() and kvm_get_ioapic() as they treat ioapic->irr and ioapic->irr_delivered."""

    irr_delivered: Mask[Pin]

    def kvm_ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        if level and self.ioapic[pin].trigger == Trigger.EDGE:
            self.irr_delivered.discard(pin)
        super().kvm_ioapic_set_irq(pin, level)

    def kvm_ioapic_service(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        if rte.trigger == Trigger.EDGE and not rte.mask:
            self.irr_delivered.add(pin)
        super().kvm_ioapic_service(pin)

    def kvm_set_ioapic(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        for p, rte in self.ioapic.items():
            if p in self.irr_delivered:
                rte.irr = False
        self.irr_delivered.clear()
        for p, rte in self.ioapic.items():
            if p == pin:
                super().kvm_set_ioapic(pin, vector, dest, trigger, mask, remote_irr, irr)
            elif rte.irr:
                rte.irr = False
                self.kvm_ioapic_set_irq(p, True)


class LiveKvm(AcceptedBySetLapic, SetIrqchipReplaysAll):
    """All of DIFFERENCES. A role to be mixed in before a kernel design."""
