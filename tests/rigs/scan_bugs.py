"""Base with one mistake each in the path from an EOI to userspace. model/bugs/routes.py has the historical ones."""

from __future__ import annotations

from model.designs.base import Base
from model.lang import require
from model.machine import Cpu, Lapic, Trigger, Vector


class ScanIgnoresDestination(Base):
    """Every vCPU intercepts every level route."""

    def kvm_scan_ioapic_routes(self, cpu: Cpu, apic: Lapic) -> None:
        for route in self.irq_routing.values():
            if route.valid and route.trigger == Trigger.LEVEL:
                apic.ioapic_handled_vectors.add(route.vector)


class ScanForgetsPending(Base):
    """Before fceb3a36: a route that was moved away is dropped although its vector is still pending here (B3)."""

    def kvm_scan_ioapic_routes(self, cpu: Cpu, apic: Lapic) -> None:
        for route in self.irq_routing.values():
            if route.valid and route.trigger == Trigger.LEVEL and route.dest == cpu:
                apic.ioapic_handled_vectors.add(route.vector)


class ScanSeesOnlyInService(Base):
    """The pending test looks at ISR, not at IRR (as B5 did for interrupts that were still in the PIR)."""

    def kvm_scan_ioapic_routes(self, cpu: Cpu, apic: Lapic) -> None:
        for route in self.irq_routing.values():
            if not route.valid or route.trigger != Trigger.LEVEL:
                continue
            if route.dest == cpu or route.vector in apic.isr:
                apic.ioapic_handled_vectors.add(route.vector)


class ScanBeforeExit(Base):
    """The scan runs before the EOI exit is tested, so that the exit is judged by the new bitmap."""

    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(not apic.in_guest and apic.exit_ioapic_eoi is None)
        if apic.req_scan_ioapic:
            apic.req_scan_ioapic = False
            self.vcpu_scan_ioapic(cpu, apic)
        if apic.req_ioapic_eoi_exit:
            apic.req_ioapic_eoi_exit = False
            vector = apic.pending_ioapic_eoi
            apic.pending_ioapic_eoi = None
            if vector is not None and vector in apic.ioapic_handled_vectors:
                apic.exit_ioapic_eoi = vector
                return
        apic.in_guest = True


class StaleNeverRescanned(Base):
    """The EOI of a stale vector asks for no new scan: the vCPU goes on to intercept it."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if vector not in apic.ioapic_handled_vectors:
            return
        apic.pending_ioapic_eoi = vector
        apic.req_ioapic_eoi_exit = True
        apic.in_guest = False


class SlotNotCleared(Base):
    """The slot keeps its vector when its request is served, as C does: meant to make no difference (Simplified:)."""

    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(not apic.in_guest and apic.exit_ioapic_eoi is None)
        if apic.req_ioapic_eoi_exit:
            apic.req_ioapic_eoi_exit = False
            vector = apic.pending_ioapic_eoi
            if vector is not None and vector in apic.ioapic_handled_vectors:
                apic.exit_ioapic_eoi = vector
                return
        if apic.req_scan_ioapic:
            apic.req_scan_ioapic = False
            self.vcpu_scan_ioapic(cpu, apic)
        apic.in_guest = True


class HandledNotCleared(Base):
    """A scan only ever adds to the bitmap."""

    def vcpu_scan_ioapic(self, cpu: Cpu, apic: Lapic) -> None:
        apic.highest_stale_pending_ioapic_eoi = None
        self.kvm_scan_ioapic_routes(cpu, apic)


class EdgeRoutesScanned(Base):
    """Edge routes are intercepted too."""

    def kvm_scan_ioapic_routes(self, cpu: Cpu, apic: Lapic) -> None:
        for route in self.irq_routing.values():
            if route.valid and (route.dest == cpu or self.kvm_apic_pending_eoi(apic, route.vector)):
                apic.ioapic_handled_vectors.add(route.vector)


class RoutesNeverRescanned(Base):
    """KVM_SET_GSI_ROUTING asks for no scan."""

    def kvm_set_irq_routing(self) -> None:
        self.apic[0].in_guest = self.apic[0].in_guest


class EveryEoiExits(Base):
    """What the v1 patch's message said of base, and Sean corrected: only intercepted EOIs exit."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if apic.highest_stale_pending_ioapic_eoi == vector:
            apic.req_scan_ioapic = True
        apic.pending_ioapic_eoi = vector
        apic.req_ioapic_eoi_exit = True
        apic.in_guest = False


class ExitWithoutTest(Base):
    """A pending EOI exits although its vector has left the bitmap."""

    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(not apic.in_guest and apic.exit_ioapic_eoi is None)
        if apic.req_ioapic_eoi_exit:
            apic.req_ioapic_eoi_exit = False
            apic.exit_ioapic_eoi = apic.pending_ioapic_eoi
            apic.pending_ioapic_eoi = None
            return
        if apic.req_scan_ioapic:
            apic.req_scan_ioapic = False
            self.vcpu_scan_ioapic(cpu, apic)
        apic.in_guest = True


class RequestLost(Base):
    """The EOI fills the slot, but KVM_REQ_IOAPIC_EOI_EXIT is not raised."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if vector not in apic.ioapic_handled_vectors:
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            apic.req_scan_ioapic = True
        apic.pending_ioapic_eoi = vector
        apic.in_guest = False


BUGS: list[type[Base]] = [
    ScanIgnoresDestination, ScanForgetsPending, ScanSeesOnlyInService, ScanBeforeExit, StaleNeverRescanned,
    SlotNotCleared, HandledNotCleared, EdgeRoutesScanned, RoutesNeverRescanned, EveryEoiExits, ExitWithoutTest,
    RequestLost,
]  # fmt: skip
