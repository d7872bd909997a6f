"""arch/x86/kvm/irq.c and virt/kvm/irqchip.c: interrupt routes of a split irqchip, and their scan."""

from __future__ import annotations

from typing import ClassVar

from model.kvm.lapic import LapicC
from model.machine import Cpu, Lapic, Pin, Trigger, Vector


class IrqC(LapicC):
    source: ClassVar[str] = "arch/x86/kvm/irq.c"

    def kvm_set_irq(self, gsi: Pin) -> None:
        """kvm_set_msi(): there is no line state in KVM, only a message to the route's destination."""
        route = self.irq_routing[gsi]
        if route.valid:
            self.apic_accept_irq(self.apic[route.dest], route.vector, route.trigger)

    def kvm_set_irq_routing(self) -> None:
        """kvm_arch_post_irq_routing_update(): every vCPU must scan the new table.

        Simplified: one lock (QEMU's BQL) covers routing changes and deliveries, so no delivery uses an old route.
        """
        self.kvm_make_scan_ioapic_request()

    def kvm_make_scan_ioapic_request(self) -> None:
        """The requester waits until vCPUs have left guest mode; they scan before they enter it again."""
        for apic in self.apic.values():
            apic.req_scan_ioapic = True
            apic.in_guest = False

    def kvm_make_scan_ioapic_request_mask(self, old_dest: Cpu, dest: Cpu) -> None:
        """For these vCPUs only."""
        for cpu, apic in self.apic.items():
            if cpu in (old_dest, dest):
                apic.req_scan_ioapic = True
                apic.in_guest = False

    def kvm_scan_ioapic_routes(self, cpu: Cpu, apic: Lapic) -> None:
        """Split irqchip: level routes to this vCPU, and moved ones that it still has pending or in service."""
        for route in self.irq_routing.values():
            if route.valid and route.trigger == Trigger.LEVEL:
                self.kvm_scan_ioapic_irq(cpu, apic, route.dest, route.vector)

    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None:
        """Intercept the EOI of a vector that is routed here, or that was when it was delivered (stale)."""
        if dest == cpu:
            apic.ioapic_handled_vectors.add(vector)
        elif self.kvm_apic_pending_eoi(apic, vector):
            apic.ioapic_handled_vectors.add(vector)
            stale = apic.highest_stale_pending_ioapic_eoi
            if stale is None or vector > stale:
                apic.highest_stale_pending_ioapic_eoi = vector
