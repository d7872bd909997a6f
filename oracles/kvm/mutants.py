"""Mutants of KVM's rules: which functions are rules, what can be seen of them (view.py) as conditions on a state of
the model, and the scenes by whose walks they are judged: together these run every rule, each in few states."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from checker.language import ir
from checker.matrix.system import system_of
from model.kvm.ioapic import IoapicC
from model.lang import always
from model.machine import ApiFlags, Cpu, IoapicVersion, IrqchipMode, Machine, Pin, Scope, Trigger, Vector
from oracles.kvm import harness
from oracles.kvm.differences import LiveKvm, SetIrqchipReplaysAll
from oracles.kvm.driver import LiveKvmSystem
from oracles.kvm.throttle import DONE_SECONDS
from oracles.lockstep import Observed, Seen, Step
from oracles.mutation.judge import Observables
from oracles.mutation.scenes import MutantScene
from oracles.walk import Subject

KVM, IOAPIC = "KVM", "I/O APIC"


def rules(function: ir.Function) -> str | None:
    """KVM's own, and those of its I/O APIC; None for what is no rule of the kernel."""
    path = Path(function.loc.file)
    if path.parent.name not in ("kvm", "designs") or path.parent.parent.name != "model":
        return None
    return IOAPIC if function.name.rpartition(".")[2] in vars(IoapicC) else KVM


# --- what is seen ---


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


@always(not_for={lambda system: issubclass(system, SetIrqchipReplaysAll): "latched_irr says more"})
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
    assumptions={
        "delayed_work_is_due": "a workqueue runs what was queued, when its time is over: no code of the I/O APIC's",
        "ten_milliseconds_pass": "`Assumed:` to the kernel 10 ms are over when they are over, whatever its vCPUs have done meanwhile",
    },
)  # fmt: skip


# --- what KVM is seen not to do ---

MOST_WAITS = 100  # in a scene


def nothing_deliverable(seen: Seen) -> Iterable[Step]:
    """KVM_GET_LAPIC shows a vCPU with nothing in IRR above PPR: KVM injects nothing into it."""
    for name, code in seen.observed.items():
        if name.endswith("].deliverable") and not code:
            yield "kvm_check_and_inject_events", (int(name[len("apic[") :].partition("]")[0]),)


class Refusals:
    """What a scene's walks show that KVM does not do. Waiting costs time, so it is done in each situation once."""

    def __init__(self, real: LiveKvmSystem) -> None:
        self.real = real
        self.waited: set[tuple[object, ...]] = set()

    def __call__(self, seen: Seen) -> Iterable[Step]:
        yield from nothing_deliverable(seen)
        situation = (seen.entries[-1], *seen.observed.values())
        new = len(self.waited) < MOST_WAITS and situation not in self.waited and self.real.throttle.armed is None
        if new and _would_be_sent_again(seen.observed):
            self.waited.add(situation)
            time.sleep(DONE_SECONDS)
            if self.real.observe() == seen.observed:
                yield "kvm_ioapic_eoi_inject_work", ()


def _would_be_sent_again(seen: Observed) -> bool:
    """A level pin is latched and open, and its vCPU would take the message: the throttle's delayed work, which KVM does
    10 ms after 10,000 EOIs, would be seen now."""
    for name, latched in seen.items():
        pin, _, field = name.partition("].")
        if not latched or not pin.startswith("ioapic[") or field != "irr":
            continue
        trigger, mask, closed, dest, vector = (
            seen[f"{pin}].{f}"] for f in ("trigger", "mask", "remote_irr", "dest", "vector")
        )
        takes = seen.get(f"apic[{dest}].spiv_enabled", 0) and not seen[f"apic[{dest}].irr"] >> vector & 1
        if trigger and not mask and not closed and takes:
            return True
    return False


# --- scenes ---

SPLIT = (harness.LapicImages, harness.Split)
IN_KERNEL = (harness.LapicImages, harness.InKernel)
CHIP = (harness.IoapicImages, harness.InKernel)
THROTTLED = (harness.Throttled, harness.InKernel)
FEW = 0.01  # of the random steps of another scene: every mutant of the throttle gets a directed walk


def scenes(kernel: type[Machine], real: LiveKvmSystem) -> Iterator[MutantScene]:
    """Small ones first: what they notice is not looked at again."""
    known = [flags for flags in kernel.api_flags if flags is not ApiFlags.BOTH]
    without_split = [flags for flags in known if flags is not ApiFlags.BIT2]  # EINVAL with an in-kernel I/O APIC
    one = Scope(cpus=1, pins=1, vectors=1, ioapic=IoapicVersion.V11)
    for flags in known:
        yield _scene(kernel, real, SPLIT, replace(one, vectors=2, flags=flags))
    for flags in without_split:
        yield _scene(kernel, real, IN_KERNEL, replace(one, vectors=2, flags=flags))
    yield _scene(kernel, real, CHIP, replace(one, pins=2))
    yield _scene(kernel, real, (harness.LapicImages, *CHIP), replace(one, vectors=2))
    yield _scene(kernel, real, (harness.SetUp,), one)
    yield _scene(kernel, real, (harness.Split,), replace(one, pins=2))
    yield _scene(kernel, real, (harness.Split,), replace(one, cpus=2))
    yield _scene(kernel, real, (harness.InKernel,), replace(one, cpus=2))
    yield _scene(
        kernel, real, (harness.Moved, harness.Split), Scope(cpus=2, pins=2, vectors=2, ioapic=IoapicVersion.V11)
    )
    throttled = _scene(kernel, real, THROTTLED, replace(one, pins=2, throttle=True))
    yield replace(throttled, title=f"{throttled.title}, throttle", share=FEW)


def _scene(kernel: type[Machine], real: LiveKvmSystem, roles: tuple[type[Machine], ...], scope: Scope) -> MutantScene:
    sizes = f"{scope.cpus}x{scope.vectors}x{scope.pins}"
    title = f"{' '.join(role.__name__ for role in roles)}, flags {scope.flags.name}, {sizes}"
    subject = Subject(system_of(*roles, LiveKvm, kernel), scope, real, {"scene": title})
    refused = Refusals(real) if roles[-1] is harness.InKernel else nothing_deliverable
    return MutantScene(title, subject, KVM_VIEW, refused=refused)
