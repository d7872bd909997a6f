"""The scan of a split irqchip's routes: which EOIs KVM tells userspace of when a route moves to another CPU."""

from __future__ import annotations

from model.designs.base import Base
from model.lang import Patch
from model.machine import Cpu, Lapic, Vector


class MutantStaleRoute(Base):
    """Linux before 6.16: nothing notes which EOI is intercepted only because an interrupt was pending when it moved."""

    patch = Patch(
        title="A route that moved away: its EOI is intercepted until some other route changes",
        author="fixed by weizijie, xuyun", date="2025-03-03, 6.16", base="base",
        msgid="20250304013335.4155703-4-seanjc@google.com",
        note="KVM: x86: Rescan I/O APIC routes after EOI interception for old routing",
    )  # fmt: skip
    default_roles = {"vmm": ("qemu",), "guest": ("linux_moves_in_service",)}
    scope_defaults = {"pins": 1}

    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None:
        if dest == cpu or self.kvm_apic_pending_eoi(apic, vector):
            apic.ioapic_handled_vectors.add(vector)


class MutantB3Split(MutantStaleRoute):
    patch = Patch(
        title="B3 with a split irqchip: a level EOI is lost when its route moves to another CPU in service",
        date="6.2 (U)", base="mutant_stale_route", note="fceb3a36c29a",
    )  # fmt: skip

    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None:
        if dest == cpu:
            apic.ioapic_handled_vectors.add(vector)


class MutantEveryEoi(Base):
    """No kernel ever did this: the changelog of v1, taken at its word."""

    patch = Patch(
        title='"KVM requests a userspace IOAPIC EOI exit on every APIC EOI"',
        author="Khushit Shah, corrected by Sean Christopherson", date="2025-09-18", base="base",
        msgid="20250918162529.640943-1-jon@nutanix.com", note="mails.md S3: only intercepted EOIs exit",
    )  # fmt: skip
    default_roles = {"vmm": ("qemu",), "guest": ("linux",), "device": ("mixed",)}
    scope_defaults = {"cpus": 1}

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        apic.pending_ioapic_eoi = vector
        self.kvm_make_request_ioapic_eoi_exit(apic)
