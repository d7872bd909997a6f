"""Resampling irqfds on the in-kernel I/O APIC (VFIO's INTx)."""

from __future__ import annotations

from model.designs.base import Base
from model.devices import Level
from model.lang import Patch
from model.machine import Pin


class KernelResample(Level):
    """The device's owner signals an irqfd; KVM is never told that the line fell.

    Simplified: a signal while KVM holds the line high changes nothing, so that it need not be masked.
    """

    def device_resample(self, pin: Pin) -> None:
        """The resamplefd. Assumed: the owner looks at its device at once."""
        if self.raised[pin]:
            self.kvm_ioapic_set_irq(pin, True)

    def device_service(self, pin: Pin) -> None:
        self.raised[pin] = False


class Resampler(Base):
    """Linux since 6.3: an entry that becomes unmasked is resampled."""

    patch = Patch(title="Resampling irqfds on the in-kernel I/O APIC", note="what B10 needs")
    default_roles = {"vmm": ("firecracker",), "guest": ("linux_threaded",), "device": ("kernel_resample",)}
    scope_defaults = {"cpus": 1, "pins": 1}

    def kvm_notify_acked_irq(self, pin: Pin) -> None:
        """irqfd_resampler_ack(): lower the source, then signal the resamplefd."""
        self.ioapic[pin].irr = False
        self.device_resample(pin)

    def kvm_ioapic_service_unmasked(self, pin: Pin) -> None:
        """kvm_notify_irqfd_resampler(): whoever still wants service will say so."""
        self.ioapic[pin].irr = False
        self.device_resample(pin)
