"""A VMM with a split irqchip and no I/O APIC: devices have MSIs, nothing else. Assumed: no VMM of the facts is one."""

from __future__ import annotations

from typing import ClassVar

from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector
from model.vmms.vmm import Vmm


class NoIoapic(Vmm):
    """`ioapic[p]` is the MSI of device p: vector, destination, mask, and `irr` for its pending bit.

    There are no pins: Remote IRR is never set, no route is level-triggered, so KVM intercepts no EOI.
    """

    on_request = "for one question: what is left without an I/O APIC"
    has_ioapic: ClassVar[bool] = False
    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V11,)  # no EOI register, that is

    def device_trigger(self, pin: Pin) -> Trigger:
        """Whatever the device, an MSI is an edge."""
        return Trigger.EDGE

    def ioapic_version(self) -> IoapicVersion:
        return IoapicVersion.V11

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """The device sends its message, or remembers it while masked. Assumed: as PCI's per-vector masking has it."""
        msi = self.ioapic[pin]
        if level and msi.mask:
            msi.irr = True
        elif level:
            self.kvm_set_irq(pin, True)

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """Nobody listens."""

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        """Nothing is mapped there."""

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """The driver writes the MSI's address, data and mask. The trigger mode that a guest asks for is not heard."""
        msi = self.ioapic[pin]
        route = self.irq_routing[pin]
        self.set_entry(msi, vector, dest, msi.trigger, mask)
        self.set_routing_entry(route, not mask, vector, dest, route.trigger)
        self.kvm_set_irq_routing()
        if msi.irr and not mask:
            msi.irr = False
            self.kvm_set_irq(pin, True)
