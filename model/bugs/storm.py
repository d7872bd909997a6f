"""Interrupts that come again at once: the bug that started it all (B1), and the throttle (B11)."""

from __future__ import annotations

from model.designs.base import Base
from model.designs.v6 import V6
from model.lang import Patch
from model.machine import ApiFlags, Lapic, Pin, Trigger, Vector
from model.vmms.qemu import Qemu


class MutantB1(V6):
    """The guest's request is not obeyed, whatever the VMM asked for: what base does, with the flags accepted."""

    patch = Patch(
        title="B1: the EOI storm", author="fixed by Khushit Shah", date="2026-01-23", base="v6", note="6517dfbcc918"
    )  # fmt: skip
    default_roles = {"vmm": ("qemu",), "guest": ("windows_cg",)}
    scope_defaults = {"cpus": 1, "pins": 1, "flags": ApiFlags.BIT2}

    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        return apic.spiv_directed_eoi and self.ioapic_in_kernel()


class MutantB11(Base):
    patch = Patch(
        title="B11: no throttle in KVM: a handler that EOIs too early livelocks the guest",
        author="fixed by Zhang Haoyu, Jason Wang", date="2014", base="base", note="184564efae4d",
    )  # fmt: skip
    default_roles = {"vmm": ("firecracker",), "guest": ("broken",)}
    scope_defaults = {"cpus": 1, "pins": 1, "throttle": True}

    def kvm_ioapic_eoi_pin(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        rte.remote_irr = False
        if not rte.mask and rte.irr:
            self.kvm_ioapic_service(pin)


class MutantB11Qemu(Qemu):
    patch = Patch(
        title="B11: no throttle in QEMU: a handler that EOIs too early livelocks the guest",
        author="fixed by Vitaly Kuznetsov", date="2019-04-02", msgid="20190402080215.10747-1-vkuznets@redhat.com",
        base="qemu", note="QEMU 958a01dab8e0",
    )  # fmt: skip
    default_roles = {"kernel": ("base",), "guest": ("broken",)}
    scope_defaults = {"cpus": 1, "pins": 1, "throttle": True}

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        for rte in self.ioapic.values():
            if rte.vector == vector and rte.trigger == Trigger.LEVEL and rte.remote_irr:
                rte.remote_irr = False
                if not rte.mask and rte.irr:
                    self.ioapic_service()
