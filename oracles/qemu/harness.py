"""Model systems whose reachable graph is the graph of QEMU's I/O APIC alone: model/vmms/qemu.py, and nobody in its way.

Written in the model's language. The stand-ins add no behaviour: every function of the I/O APIC can be called at any
time, with any arguments, so what is explored is everything that the I/O APIC can get into.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from checker.matrix.system import system_of
from model.lang import Design, step
from model.machine import Cpu, IoapicVersion, Lapic, Machine, Pin, Scope, Trigger, Vector
from model.migration import Hosts, Migrating, MigrationScope, Operation
from model.vmms.qemu import Qemu


class NoKernel(Machine):
    """Where messages go, and nothing else. vCPUs are in guest code all the time."""

    source: ClassVar[str] = "(stand-in)"

    def enable_KVM_CAP_SPLIT_IRQCHIP(self) -> None:
        """Nothing to set up."""

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        """No flags."""

    def enable_KVM_CAP_SPLIT_IRQCHIP_API(self, disable_suppression: bool) -> None:
        """No flags."""

    def kvm_arch_vcpu_create(self, apic: Lapic) -> None:
        apic.in_guest = True

    def ten_milliseconds_pass(self) -> bool:
        return True

    def kvm_vcpu_after_set_cpuid(self, apic: Lapic, x2apic: bool) -> None:
        """No CPUID."""

    def kvm_set_irq(self, gsi: Pin, level: bool) -> None:
        """A message leaves the I/O APIC."""

    def kvm_set_irq_routing(self) -> None:
        """Nobody reads the routes of masked pins, so they are forgotten: else they would only multiply the states."""
        for pin, rte in self.ioapic.items():
            if rte.mask:
                self.set_routing_entry(self.irq_routing[pin], False, 0, 0, Trigger.EDGE)


class AnyAccess(Machine):
    """The guest, the devices and KVM: all that can happen to an I/O APIC, in any order."""

    lane: ClassVar[str] = "bench"

    @abstractmethod
    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """Of the VMM."""

    @step(by="device")
    def set_line(self, pin: Pin, level: bool) -> None:
        """Also to the level that it has: QEMU's lines are function calls."""
        self.ioapic_set_irq(pin, level)

    @step(by="guest")
    def write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        self.ioapic_mem_write_rte(pin, vector, dest, trigger, mask)

    @step(by="guest")
    def write_eoi_register(self, vector: Vector) -> None:
        self.ioapic_mem_write_eoi(vector)

    @step(by="KVM")
    def eoi_exit(self, vector: Vector) -> None:
        """kvm_arch_handle_exit() of KVM_EXIT_IOAPIC_EOI; in the oracle, a local APIC's EOI (apic_eoi())."""
        self.ioapic_eoi_broadcast(vector)

    def remapped_vector(self, pin: Pin) -> Vector:
        return self.ioapic[pin].vector

    def device_resample(self, pin: Pin) -> None:
        """No irqfds."""


class MovedKernel(Hosts, NoKernel):
    """The kernels of a migration: none refuses anything."""

    def to_kernel_has_flags(self) -> bool:
        return True

    def kvm_create_vm(self) -> None:
        """Nothing to create."""

    def suppression_honoured(self, apic: Lapic) -> bool:
        return False

    def kvm_vcpu_ioctl_set_lapic(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """Nothing to load."""


def bench(vmm: type[Design] = Qemu) -> type[Design]:
    """The I/O APIC of a VMM model, alone."""
    return system_of(NoKernel, vmm, AnyAccess)


def moving_bench(vmm: type[Design] = Migrating) -> type[Design]:
    """The same in a VM that may be migrated or restored once (model/migration.py)."""
    return system_of(MovedKernel, vmm, AnyAccess)


def bench_scope(version: IoapicVersion, *, pins: int = 2, throttle: bool = False) -> Scope:
    """2 pins, 2 vectors, 2 destinations; with the throttle 1 of each, since every count stands for 9,999 EOIs."""
    if throttle:
        return Scope(cpus=1, pins=1, vectors=1, ioapic=version, throttle=True)
    return Scope(cpus=2, pins=pins, vectors=2, ioapic=version)


def moving_scope(
    version: IoapicVersion, to: IoapicVersion, operation: Operation, *, throttle: bool = False
) -> MigrationScope:
    """One pin, one vector, one destination; the VM starts with one version and is loaded into the other."""
    return MigrationScope(
        ioapic=version,
        to_ioapic=to,
        operation=operation,
        throttle=throttle,
        qemu_has_series=False,
        to_qemu_has_series=False,
    )


__all__ = ["AnyAccess", "MovedKernel", "NoKernel", "bench", "bench_scope", "moving_bench", "moving_scope"]
