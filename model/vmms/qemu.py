"""QEMU: hw/intc/ioapic.c and target/i386/kvm/kvm.c (read at 06b40d250ecf). Version 0x20, or 0x11 by property.

The throttle. QEMU counts EOIs that find the line still high; the 10,000th in a row is not re-delivered at once
but by a timer 10 ms later. Simplified: with scope throttle=off (the default) the count is never reached, so an
endless loop here reads "10,000 times, then a pause of 10 ms, and again". With throttle=on the second EOI in a
row counts as the 10,000th: the loop then has a gap in which a guest can run, and since a guest that can run
again and again does run in the end, leads_to properties no longer call that a storm.
"""

from __future__ import annotations

from typing import ClassVar

from model.lang import Fair, require, step
from model.machine import ApiFlags, Cpu, IoapicVersion, Pin, Trigger, Vector
from model.vmms.vmm import Vmm

SUCCESSIVE_IRQ_MAX_COUNT = 2  # stands for 10000 (hw/intc/ioapic.c)


class Qemu(Vmm):
    """QEMU's userspace I/O APIC. Simplified: one chip, and an MMIO exit is one step with the guest's access."""

    source: ClassVar[str] = "hw/intc/ioapic.c"

    api_flags: ClassVar[tuple[ApiFlags, ...]] = tuple(ApiFlags)

    def enable_capabilities(self) -> None:
        """The flags that the user chose (accelerator property); none by default, as in every released QEMU."""
        self.enable_cap_api(self.scope.flags)

    def has_interrupt_remapping(self) -> bool:
        """-device intel-iommu,intremap=on; it matters to guests that turn remapping on."""
        return True

    def has_resamplefds(self) -> bool:
        """Q19: kvm_resample_fd_notify()."""
        return True

    def ioapic_version(self) -> IoapicVersion:
        return self.scope.ioapic

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """The latch follows a level line. An edge is latched only while unmasked; its end changes nothing."""
        rte = self.ioapic[pin]
        if rte.trigger == Trigger.LEVEL:
            rte.irr = level
            if level and not rte.remote_irr:
                self.ioapic_service()
        elif level and not rte.mask:
            rte.irr = True
            self.ioapic_service()

    def ioapic_service(self) -> None:
        """Send what is latched. A level pin closes (Remote IRR) whatever becomes of the message."""
        for pin, rte in self.ioapic.items():
            if not rte.irr or rte.mask:
                continue
            coalesce = False  # the guest should be still working on the previous one
            if rte.trigger == Trigger.EDGE:
                rte.irr = False
            else:
                coalesce = rte.remote_irr
                rte.remote_irr = True
            if not coalesce:
                self.kvm_set_irq(self.ioapic_gsi(pin), True)

    def ioapic_gsi(self, pin: Pin) -> Pin:
        """The pin's number on its chip."""
        return pin

    def on_one_chip(self, pin: Pin, other: Pin) -> bool:
        return True

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """Every level pin with this vector opens, and is sent again at once if its line is still high."""
        for pin, rte in self.ioapic.items():
            if rte.vector != vector or rte.trigger != Trigger.LEVEL:
                continue
            self.device_resample(pin)  # kvm_resample_fd_notify(), Remote IRR or not
            if not rte.remote_irr:
                continue
            rte.remote_irr = False
            if not rte.mask and rte.irr:
                if rte.irq_eoi + 1 == SUCCESSIVE_IRQ_MAX_COUNT:
                    rte.irq_eoi = 0
                    self.delayed_ioapic_service = True
                else:
                    self.count_eoi(rte)
                    self.ioapic_service()
            else:
                rte.irq_eoi = 0

    @step(by="VMM", fair=Fair.WEAK)
    def delayed_ioapic_service_cb(self) -> None:
        """Q12: the 10 ms timer of the throttle."""
        require(self.delayed_ioapic_service and self.ten_milliseconds_pass())
        self.delayed_ioapic_service = False
        self.ioapic_service()

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        """ioapic_mem_write() case IOAPIC_EOI: version 0x11 has no such register and ignores the write."""
        if self.ioapic_version() == IoapicVersion.V20:
            self.ioapic_eoi_broadcast(vector)

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """ioapic_mem_write() of an entry: Remote IRR is read-only, but an edge entry has none."""
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
        rte.irq_eoi = 0
        if trigger == Trigger.EDGE:
            rte.remote_irr = False  # ioapic_fix_edge_remote_irr()
        self.ioapic_update_kvm_routes(pin)
        self.ioapic_service()

    def ioapic_update_kvm_routes(self, written: Pin) -> None:
        """Unmasked pins of the chip that was written to are copied into KVM's routes; a masked one keeps its route."""
        for pin, rte in self.ioapic.items():
            if not rte.mask and self.on_one_chip(pin, written):
                vector = self.remapped_vector(pin)  # kvm_arch_fixup_msi_route()
                self.set_routing_entry(self.irq_routing[self.ioapic_gsi(pin)], True, vector, rte.dest, rte.trigger)
        self.kvm_set_irq_routing()
