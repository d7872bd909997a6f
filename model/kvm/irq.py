"""virt/kvm/irqchip.c and arch/x86/kvm/irq.c with irq.h: what a GSI is, messages, the scan of a split irqchip's routes."""

from __future__ import annotations

from typing import ClassVar

from model.machine import Cpu, Errno, IrqchipMode, Lapic, Machine, Pin, Trigger, Vector


class IrqC(Machine):
    source: ClassVar[str] = "arch/x86/kvm/irq.c"
    lane: ClassVar[str] = "KVM"

    def irqchip_split(self) -> bool:
        return self.irqchip_mode == IrqchipMode.SPLIT

    def irqchip_in_kernel(self) -> bool:
        return self.irqchip_mode != IrqchipMode.NONE

    def ioapic_in_kernel(self) -> bool:
        return self.irqchip_mode == IrqchipMode.KERNEL

    def lapic_in_kernel(self) -> bool:
        """A vCPU gets its LAPIC when it is made: once one exists without an irqchip, no irqchip can be chosen any more."""
        return self.irqchip_in_kernel()

    def kvm_set_irq(self, gsi: Pin, level: bool) -> None:
        """virt/kvm/irqchip.c: the route's e->set(), of a pin of the in-kernel I/O APIC (the default routes) or an MSI."""
        if self.ioapic_in_kernel():
            self.kvm_ioapic_set_irq(gsi, level)
        else:
            self.kvm_set_msi(gsi, level)

    def kvm_set_irq_routing(self) -> None:
        """virt/kvm/irqchip.c: the new table, which its writer has put into irq_routing, is in force.

        Simplified: one lock (QEMU's BQL) covers routing changes and deliveries, so no delivery uses an old route.
        """
        self.kvm_arch_irq_routing_update()

    def kvm_set_msi(self, gsi: Pin, level: bool) -> None:
        """There is no line state in KVM: level 1 is a message to the route's destination, level 0 is nothing."""
        route = self.irq_routing[gsi]
        if level and route.valid:
            self.apic_accept_irq(self.apic[route.dest], route.vector, route.trigger)

    def kvm_vm_ioctl_irq_line(self, gsi: Pin, level: bool) -> None:
        self.errno = Errno.OK if self.irqchip_in_kernel() else Errno.ENXIO
        if self.irqchip_in_kernel():
            self.kvm_set_irq(gsi, level)

    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None:
        """Intercept the EOI of a vector that is routed here, or that was when it was delivered: its pin waits for it. Of
        such stale ones the highest is kept, since with its EOI the interception has to end: later ones are not the pin's.
        """
        if dest == cpu:
            apic.ioapic_handled_vectors.add(vector)
        elif self.kvm_apic_pending_eoi(apic, vector):
            apic.ioapic_handled_vectors.add(vector)
            stale = apic.highest_stale_pending_ioapic_eoi
            if stale is None or vector > stale:
                apic.highest_stale_pending_ioapic_eoi = vector

    def kvm_scan_ioapic_routes(self, cpu: Cpu, apic: Lapic) -> None:
        """Split irqchip: an I/O APIC in userspace is known by its level-triggered routes, masked or not."""
        for route in self.irq_routing.values():
            if route.valid and route.trigger == Trigger.LEVEL:
                self.kvm_scan_ioapic_irq(cpu, apic, route.dest, route.vector)

    def kvm_arch_irq_routing_update(self) -> None:
        """Every vCPU must scan the new table. With an I/O APIC in the kernel the entries count, not the routes."""
        if self.irqchip_split():
            self.kvm_make_scan_ioapic_request()

    def kvm_vm_ioctl_get_irqchip(self) -> None:
        """Only an I/O APIC in the kernel can be read."""
        self.errno = Errno.OK if self.ioapic_in_kernel() else Errno.ENXIO

    def kvm_vm_ioctl_set_irqchip(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        """Or written."""
        self.errno = Errno.OK if self.ioapic_in_kernel() else Errno.ENXIO
        if self.ioapic_in_kernel():
            self.kvm_set_ioapic(pin, vector, dest, trigger, mask, remote_irr, irr)
