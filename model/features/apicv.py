"""APICv: interrupts posted to the PIR, and EOIs that the processor ends by itself."""

from __future__ import annotations

from typing import Annotated

from model.designs.base import Base
from model.lang import Fair, Label, Mask, Patch, Table, require, step
from model.machine import Cpu, Lapic, Pin, Trigger, Vector


class PostedInterrupts(Base):
    """A message for a vCPU that is not in the guest waits in its posted-interrupt descriptor (PIR) until IRR is needed.

    Simplified: messages of a split irqchip only; a vCPU in the guest takes the notification at once; the EOI exit
    bitmap in the VMCS is the one that was scanned (no nesting).
    """

    patch = Patch(title="VMX posted interrupts", note="what B5 needs")
    posts_interrupts = True
    default_roles = {"vmm": ("qemu",), "guest": ("linux_moves_in_service",)}
    scope_defaults = {"pins": 1}

    pir: Annotated[Table[Cpu, Mask[Vector]], Label("CPU{0} PIR")]

    def kvm_set_msi(self, gsi: Pin, level: bool) -> None:
        """vmx_deliver_interrupt() where Base's apic_accept_irq() writes IRR."""
        route = self.irq_routing[gsi]
        apic = self.apic[route.dest]
        if apic.in_guest or not level or not route.valid or not apic.spiv_enabled:
            super().kvm_set_msi(gsi, level)
            return
        if route.trigger == Trigger.LEVEL:
            apic.tmr.add(route.vector)
        else:
            apic.tmr.discard(route.vector)
        self.pir[route.dest].add(route.vector)

    def vmx_sync_pir_to_irr(self, cpu: Cpu) -> None:
        for vector in self.pir[cpu]:
            self.apic[cpu].irr.add(vector)
        self.pir[cpu].clear()

    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        """PIR is synced last, after the requests were served."""
        super().vcpu_enter_guest(cpu)
        if self.apic[cpu].in_guest:
            self.vmx_sync_pir_to_irr(cpu)

    def vcpu_scan_ioapic(self, cpu: Cpu, apic: Lapic) -> None:
        self.vmx_sync_pir_to_irr(cpu)
        super().vcpu_scan_ioapic(cpu, apic)


class VirtualEoi(Base):
    """Hardware ends the vector in SVI, not the highest one in ISR. KVM turns APICv off and on as reasons come and go.

    Simplified: one vCPU, since its VMCS cannot be found from a LAPIC; with more, APICv stays off. No posted interrupts.
    """

    patch = Patch(title="VMX EOI virtualization, with inhibition at run time", note="what B8 needs")
    default_roles = {"vmm": ("qemu", "firecracker"), "guest": ("linux",)}
    scope_defaults = {"cpus": 1}

    apicv_active: Annotated[bool, Label("APICv active")]
    svi: Annotated[Vector | None, Label("SVI")]  # the VMCS's guest interrupt status

    @step(by="KVM", fair=Fair.FINITE)
    def kvm_vcpu_update_apicv(self, cpu: Cpu) -> None:
        """KVM_REQ_APICV_UPDATE, which takes the vCPU out of the guest. Assumed: reasons change finitely often."""
        apic = self.apic[cpu]
        require(self.scope.cpus == 1 and apic.exit_ioapic_eoi is None)
        apic.in_guest = False
        self.apicv_active = not self.apicv_active
        if self.apicv_active:
            self.kvm_apic_update_apicv(apic)

    def kvm_apic_update_apicv(self, apic: Lapic) -> None:
        """hwapic_isr_update()."""
        self.svi = apic.isr.highest()

    def kvm_apic_ack_interrupt(self, apic: Lapic, vector: Vector) -> None:
        """Virtual-interrupt delivery sets SVI."""
        super().kvm_apic_ack_interrupt(apic, vector)
        if self.apicv_active:
            self.svi = vector

    def apic_set_eoi(self, apic: Lapic) -> None:
        """EOI virtualization: VISR[SVI] := 0, SVI := the highest that is left; an EOI exit if the bitmap wants it."""
        if not self.apicv_active:
            super().apic_set_eoi(apic)
            return
        vector = self.svi
        if vector is not None:
            apic.isr.discard(vector)
        self.svi = apic.isr.highest()
        if vector is not None:
            self.kvm_ioapic_send_eoi(apic, vector)  # kvm_apic_set_eoi_accelerated()
