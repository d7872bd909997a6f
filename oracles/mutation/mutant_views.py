"""What the oracles can see of the real systems (oracles/kvm/view.py, oracles/qemu/system.py), as conditions on a state
of the model: a mutant is noticed by these, and by nothing else."""

from __future__ import annotations

from checker.matrix.system import system_of
from model.lang import Design, always
from model.machine import Cpu, IrqchipMode, Machine, Pin, Trigger, Vector
from oracles.kvm.differences import SetIrqchipReplaysAll
from oracles.mutation.mutants import Observables
from oracles.qemu.harness import NoKernel


@always()
def has_lapic(s: Machine, cpu: Cpu) -> bool:
    """KVM_GET_LAPIC answers."""
    return s.apic[cpu].created and s.irqchip_mode != IrqchipMode.NONE


@always()
def lvr_bit_24(s: Machine, cpu: Cpu) -> bool:
    """KVM_GET_LAPIC."""
    return s.apic[cpu].created and s.irqchip_mode != IrqchipMode.NONE and s.apic[cpu].lvr_directed_eoi


@always()
def spiv_bit_8(s: Machine, cpu: Cpu) -> bool:
    """KVM_GET_LAPIC."""
    return s.apic[cpu].created and s.irqchip_mode != IrqchipMode.NONE and s.apic[cpu].spiv_enabled


@always()
def spiv_bit_12(s: Machine, cpu: Cpu) -> bool:
    """KVM_GET_LAPIC."""
    return s.apic[cpu].created and s.irqchip_mode != IrqchipMode.NONE and s.apic[cpu].spiv_directed_eoi


@always()
def irr_bit(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """KVM_GET_LAPIC."""
    return s.apic[cpu].created and s.irqchip_mode != IrqchipMode.NONE and vector in s.apic[cpu].irr


@always()
def isr_bit(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """KVM_GET_LAPIC."""
    return s.apic[cpu].created and s.irqchip_mode != IrqchipMode.NONE and vector in s.apic[cpu].isr


@always()
def tmr_bit(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """KVM_GET_LAPIC."""
    return s.apic[cpu].created and s.irqchip_mode != IrqchipMode.NONE and vector in s.apic[cpu].tmr


@always()
def deliverable(s: Machine, cpu: Cpu, vector: Vector) -> bool:
    """KVM_GET_LAPIC: IRR and PPR."""
    return (
        s.apic[cpu].created and s.irqchip_mode != IrqchipMode.NONE and s.kvm_apic_has_interrupt(s.apic[cpu]) == vector
    )


@always()
def entry_vector(s: Machine, pin: Pin, vector: Vector) -> bool:
    """KVM_GET_IRQCHIP."""
    return s.irqchip_mode == IrqchipMode.KERNEL and s.ioapic[pin].vector == vector


@always()
def entry_dest(s: Machine, pin: Pin, cpu: Cpu) -> bool:
    """KVM_GET_IRQCHIP."""
    return s.irqchip_mode == IrqchipMode.KERNEL and s.ioapic[pin].dest == cpu


@always()
def entry_trigger(s: Machine, pin: Pin) -> bool:
    """KVM_GET_IRQCHIP."""
    return s.irqchip_mode == IrqchipMode.KERNEL and s.ioapic[pin].trigger == Trigger.LEVEL


@always()
def entry_mask(s: Machine, pin: Pin) -> bool:
    """KVM_GET_IRQCHIP."""
    return s.irqchip_mode == IrqchipMode.KERNEL and s.ioapic[pin].mask


@always()
def entry_remote_irr(s: Machine, pin: Pin) -> bool:
    """KVM_GET_IRQCHIP."""
    return s.irqchip_mode == IrqchipMode.KERNEL and s.ioapic[pin].remote_irr


@always(not_for={SetIrqchipReplaysAll: "latched_irr says more"})
def latched_level(s: Machine, pin: Pin) -> bool:
    """KVM_GET_IRQCHIP, of a level pin: the latch of an edge is not shown once it was sent, and who knows when that was."""
    rte = s.ioapic[pin]
    return s.irqchip_mode == IrqchipMode.KERNEL and rte.trigger == Trigger.LEVEL and rte.irr


@always(only_for={SetIrqchipReplaysAll: "needs to know what was sent"})
def latched_irr(s: SetIrqchipReplaysAll, pin: Pin) -> bool:
    """KVM_GET_IRQCHIP: irr & ~irr_delivered."""
    return s.irqchip_mode == IrqchipMode.KERNEL and s.ioapic[pin].irr and pin not in s.irr_delivered


@always()
def check_extension(s: Machine, bit3: bool) -> bool:
    """KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API) on the VM's fd."""
    return s.check_KVM_CAP_X2APIC_API(True, bit3)


KVM_VIEW = Observables(
    leaves=("errno", "irqchip_mode", "apic[].exit_ioapic_eoi"),
    conditions=(
        has_lapic, lvr_bit_24, spiv_bit_8, spiv_bit_12, irr_bit, isr_bit, tmr_bit, deliverable,
        entry_vector, entry_dest, entry_trigger, entry_mask, entry_remote_irr, latched_level, latched_irr, check_extension,
    ),
)  # fmt: skip


class SendsMessages(NoKernel):
    """Says what each message of the I/O APIC is, so that messages are observed (`message`)."""

    def kvm_set_irq(self, gsi: Pin, level: bool) -> None:
        route = self.irq_routing[gsi]
        if route.valid:
            self.message(route.dest, route.vector, route.trigger)

    def message(self, dest: Cpu, vector: Vector, trigger: Trigger) -> None:
        """Seen on its way."""


def with_messages(system: type[Design]) -> type[Design]:
    """A bench of oracles/qemu/harness.py whose messages can be observed."""
    return system_of(SendsMessages, *(role for role in system.__bases__ if role is not NoKernel))


QEMU_VIEW = Observables(
    leaves=tuple(f"ioapic[].{field}" for field in ("vector", "dest", "trigger", "mask", "remote_irr", "irr")),
    calls=("message",),
)
