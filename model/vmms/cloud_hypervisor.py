"""Cloud Hypervisor: devices/src/ioapic.rs at ae44c297. Version 0x11, no line state, nothing is sent again at an EOI."""

from __future__ import annotations

from typing import ClassVar

from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector
from model.vmms.vmm import Vmm


class CloudHypervisor(Vmm):
    """Every rule cites its fact of docs/facts/vmm-guest.md. `irr` is the count of the pin's eventfd while it is no irqfd."""

    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V11,)
    source: ClassVar[str] = "devices/src/ioapic.rs"
    opens_early: ClassVar[bool] = True

    def ioapic_version(self) -> IoapicVersion:
        return IoapicVersion.V11

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """V-CH1, service_irq(): every assertion is a message, Remote IRR or not; the end of one is not heard of."""
        rte = self.ioapic[pin]
        if not level:
            return
        if rte.mask:
            rte.irr = True
        else:
            self.kvm_set_irq(pin, True)
        if rte.trigger == Trigger.LEVEL:
            rte.remote_irr = True

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """V-CH2, end_of_interrupt(): Remote IRR is cleared, and that is all."""
        for rte in self.ioapic.values():
            if rte.vector == vector and rte.trigger == Trigger.LEVEL:
                rte.remote_irr = False

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        """Table of section 2: offset 0x40 is logged and ignored."""

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """V-CH3, update_entry(): Remote IRR stays even for an edge entry; a masked one has no irqfd and no route.

        An eventfd that was written meanwhile fires when it becomes an irqfd (virt/kvm/eventfd.c, kvm_irqfd_assign()).
        """
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
        self.set_routing_entry(self.irq_routing[pin], not mask, vector, dest, trigger)
        self.kvm_set_irq_routing()
        if rte.irr and not mask:
            rte.irr = False
            self.kvm_set_irq(pin, True)
