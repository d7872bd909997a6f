"""Devices whose lines have more to them: lines behind resampling irqfds, two devices on one line, storms."""

from __future__ import annotations

from typing import Annotated, ClassVar

from model.devices import Level
from model.lang import Fair, Label, Table, require, step
from model.machine import Pin


class Resample(Level):
    """Level lines behind resampling irqfds, as VFIO's INTx: a userspace I/O APIC does not see them (fact Q19).

    The owner signals once, and again only after it was told of an EOI and if its line is still high.
    Assumed: it answers at once.
    Simplified: with other VMMs (an in-kernel chip has resamplers, too) it never raises.
    """

    meets: ClassVar[dict[str, tuple[str, ...]]] = {"vmm": ("qemu",), "guest": ("windows_cg", "linux")}
    passes_ioapic_by: ClassVar[bool] = True
    signalled: Annotated[Table[Pin, bool], Label("irqfd {0} signalled")]

    def device_raise(self, pin: Pin) -> None:
        require(not self.raised[pin] and self.guest_uses_device(pin) and self.has_resamplefds())
        self.raised[pin] = True
        if not self.signalled[pin]:
            self.signal_irqfd(pin)

    def signal_irqfd(self, pin: Pin) -> None:
        """The message goes where KVM's route says, past the I/O APIC's mask and Remote IRR."""
        self.signalled[pin] = True
        self.kvm_set_irq(pin, True)

    def device_resample(self, pin: Pin) -> None:
        """The resamplefd: unmask the device; what is still pending is signalled again."""
        self.signalled[pin] = False
        if self.raised[pin]:
            self.signal_irqfd(pin)

    def device_service(self, pin: Pin) -> None:
        """Only the owner knows that the line fell."""
        self.raised[pin] = False


class KernelResample(Level):
    """Level lines behind resampling irqfds on the in-kernel I/O APIC (VFIO's INTx; kvm.md 1.10.3).

    The owner signals an irqfd, and KVM holds the line high from then on. At an EOI KVM lowers it and signals the resamplefd.
    Simplified: a signal while KVM holds the line high changes nothing, so that it need not be masked.
    Assumed: the owner looks at its device at once.
    """

    meets: ClassVar[dict[str, tuple[str, ...]]] = {
        "vmm": ("firecracker", "qemu_kernel_migrated"), "guest": ("linux", "linux_threaded", "any"),
    }  # fmt: skip

    def device_raise(self, pin: Pin) -> None:
        require(not self.raised[pin] and self.guest_uses_device(pin) and self.ioapic_in_kernel())
        self.raised[pin] = True
        self.kvm_ioapic_set_irq(pin, True)

    def device_resample(self, pin: Pin) -> None:
        """irqfd_resampler_ack() lowers the source; whoever still wants service says so."""
        self.kvm_ioapic_set_irq(pin, False)
        if self.raised[pin]:
            self.kvm_ioapic_set_irq(pin, True)

    def device_service(self, pin: Pin) -> None:
        """Only the owner knows that the line fell."""
        self.raised[pin] = False


class Shared(Level):
    """Two devices share each line, as PCI's INTx do: it is high while either of them wants service.

    Simplified: the interrupt's handlers find one device that wants service; the other one spoke up after its handler had
    looked, so the line is still high when the EOI comes (V-CH4).
    """

    meets: ClassVar[dict[str, tuple[str, ...]]] = {
        "vmm": ("qemu", "openvmm", "firecracker", "cloud_hypervisor", "crosvm"), "guest": ("linux",),
    }  # fmt: skip
    scope_defaults: ClassVar[dict[str, int]] = {"pins": 1, "vectors": 1}

    second: Annotated[Table[Pin, bool], Label("second device on line {0}")]  # both want service

    @step(by="device", fair=Fair.FINITE)
    def second_device_raise(self, pin: Pin) -> None:
        """The line is high already: nobody is told."""
        require(self.raised[pin] and not self.second[pin])
        self.second[pin] = True

    def device_service(self, pin: Pin) -> None:
        if self.second[pin]:
            self.second[pin] = False
        elif self.raised[pin]:
            self.raised[pin] = False
            self.ioapic_set_irq(pin, False)


class ToldAgain(Shared):
    """Two devices on one line, whose second one is told to the I/O APIC, too: it hears that a high line is high (QEMU's
    pci_bus_change_irq_level() tells the level at each change of its count).
    """

    meets: ClassVar[dict[str, tuple[str, ...]]] = {
        "vmm": ("firecracker",),
        "guest": ("any",),
    }  # it changes trigger modes
    scope_defaults: ClassVar[dict[str, int | bool]] = {"cpus": 1, "pins": 1, "vectors": 1, "throttle": True}

    def second_device_raise(self, pin: Pin) -> None:
        super().second_device_raise(pin)
        self.ioapic_set_irq(pin, True)


class Storming(Level):
    """Level lines that are high again at so many EOIs in a row that the I/O APIC's throttle comes (see model/vmms/qemu.py)."""

    meets: ClassVar[dict[str, tuple[str, ...]]] = {
        "vmm": ("qemu", "firecracker"), "guest": ("linux", "windows_cg", "linux_threaded"),
    }  # fmt: skip
    scope_defaults: ClassVar[dict[str, int | bool]] = {"cpus": 1, "throttle": True}
