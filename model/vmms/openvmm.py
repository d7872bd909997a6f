"""OpenVMM on KVM: a VMM whose I/O APIC has no EOI register (vm/devices/chipset/src/ioapic/mod.rs at 1488a37b)."""

from __future__ import annotations

from typing import ClassVar

from model.machine import Cpu, IoapicVersion, Pin, RedirectionEntry, Trigger, Vector
from model.vmms.vmm import Vmm


class Openvmm(Vmm):
    """Version 0x11 always; the register window ends at 0x20, so offset 0x40 does not exist."""

    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V11,)
    source: ClassVar[str] = "vm/devices/chipset/src/ioapic/mod.rs"
    opens_early: ClassVar[bool] = True

    def ioapic_version(self) -> IoapicVersion:
        return IoapicVersion.V11

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """A level line is remembered; a rising edge is sent once, and lost while masked."""
        rte = self.ioapic[pin]
        rising = level and not rte.irr
        rte.irr = level
        if rte.trigger == Trigger.LEVEL:
            self.ioapic_evaluate(pin, rte)
        elif rising and not rte.mask:
            self.kvm_set_irq(pin, True)

    def ioapic_evaluate(self, pin: Pin, rte: RedirectionEntry) -> None:
        """A level pin is sent while its line is high and Remote IRR is clear."""
        if rte.trigger == Trigger.LEVEL and rte.irr and not rte.mask and not rte.remote_irr:
            rte.remote_irr = True
            self.kvm_set_irq(pin, True)

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """Matching is by vector only."""
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                rte.remote_irr = False
                self.ioapic_evaluate(pin, rte)

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        """There is no EOI register."""

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """V-OV2: any write of the low half loses Remote IRR."""
        self.ioapic[pin].remote_irr = False
        self.ioapic_set_entry(pin, vector, dest, trigger, mask)

    def ioapic_mem_write_rte_high(self, pin: Pin, dest: Cpu) -> None:
        """The high half has no Remote IRR to lose."""
        rte = self.ioapic[pin]
        self.ioapic_set_entry(pin, rte.vector, dest, rte.trigger, rte.mask)

    def ioapic_set_entry(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """write_redirection_register(): after either half the pin is evaluated again.

        Assumed: a masked entry has no KVM route.
        """
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
        self.set_routing_entry(self.irq_routing[pin], not mask, vector, dest, trigger)
        self.kvm_set_irq_routing()
        self.ioapic_evaluate(pin, rte)
