"""Resampling irqfds on the in-kernel I/O APIC (VFIO's INTx), and what unmasking a pin does with them (bug B10)."""

from __future__ import annotations

from model.designs.base import Base
from model.lang import Patch
from model.machine import Pin


class MutantB10(Base):
    patch = Patch(
        title="B10: unmasking injects a latched interrupt whose device was serviced meanwhile",
        date="6.3", base="base", note="fef8f2b90edb",
    )  # fmt: skip

    default_roles = {"vmm": ("firecracker",), "guest": ("linux_threaded",), "device": ("kernel_resample",)}
    scope_defaults = {"cpus": 1, "pins": 1}

    def kvm_ioapic_service_unmasked(self, pin: Pin) -> None:
        self.kvm_ioapic_service(pin)
