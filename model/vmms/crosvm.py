"""crosvm with a split irqchip: devices/src/irqchip/ioapic.rs at f1e797a6. Version 0x20, resample events."""

from __future__ import annotations

from typing import ClassVar

from model.machine import Cpu, IoapicVersion, Pin, RedirectionEntry, Trigger, Vector
from model.vmms.vmm import Vmm


class Crosvm(Vmm):
    """Every rule cites its fact of docs/facts/vmm-guest.md. `irr` is interrupt_level, the state of the line.

    Simplified: no RTC pin, and the owner of a resample event answers it at once. A guest that gives an entry a new vector or
    CPU writes it masked before it unmasks it, as Linux and Xen do (L9).
    """

    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V20,)
    source: ClassVar[str] = "devices/src/irqchip/ioapic.rs"

    def ioapic_version(self) -> IoapicVersion:
        return IoapicVersion.V20

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """A level device has a resample event (C18): it asserts, and only an EOI lowers its line."""
        if level or self.ioapic[pin].trigger == Trigger.EDGE:
            self.service_irq(pin, self.ioapic[pin], level)

    def service_irq(self, pin: Pin, rte: RedirectionEntry, level: bool) -> None:
        """V-CR2."""
        if not level or (rte.trigger == Trigger.EDGE and rte.irr):
            rte.irr = level
            return
        rte.irr = True
        if rte.mask or (rte.trigger == Trigger.LEVEL and rte.remote_irr):
            return
        if rte.trigger == Trigger.LEVEL:
            rte.remote_irr = True
        self.kvm_set_irq(pin, True)

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """V-CR1, end_of_interrupt(): pins with the vector open; then every pin whose line is high is tried again."""
        for pin, rte in self.ioapic.items():
            if rte.vector == vector and rte.trigger == Trigger.LEVEL:
                rte.irr = self.raised[pin]  # lowered; whoever still wants service raises it on the resample event
                rte.remote_irr = False
            if rte.irr:
                self.service_irq(pin, rte, True)

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        """Offset 0x40 is end_of_interrupt(), too."""
        self.ioapic_eoi_broadcast(vector)

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        rte = self.ioapic[pin]
        if vector != rte.vector or dest != rte.dest:
            self.write_half(pin, vector, dest, trigger, True)
        self.write_half(pin, vector, dest, trigger, mask)

    def ioapic_mem_write_rte_high(self, pin: Pin, dest: Cpu) -> None:
        rte = self.ioapic[pin]
        self.write_half(pin, rte.vector, dest, rte.trigger, rte.mask)

    def write_half(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """V-CR3: a high level line is sent before its route is set up anew, so to where the old route says."""
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
        if trigger == Trigger.EDGE:
            rte.remote_irr = False
        if trigger == Trigger.LEVEL and rte.irr and not mask:
            self.service_irq(pin, rte, True)
        self.set_routing_entry(self.irq_routing[pin], True, vector, dest, trigger)
        self.kvm_set_irq_routing()
