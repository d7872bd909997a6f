"""Mutants of QEMU's I/O APIC: which functions are its rules, what can be seen of them (system.py), and the scenes by
whose walks they are judged (harness.py): alone in each version, and throttled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from checker.language import ir
from checker.matrix.system import system_of
from model.lang import Design
from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector
from oracles.lockstep import RealSystem
from oracles.mutation.judge import Observables
from oracles.mutation.scenes import MutantScene
from oracles.qemu.harness import NoKernel, bench, bench_scope
from oracles.walk import Subject

IOAPIC = "I/O APIC"


def rules(function: ir.Function) -> str | None:
    """The I/O APIC's functions; None for the rest of the VMM, which sets it up, and for everybody else."""
    path, name = Path(function.loc.file), function.name.rpartition(".")[2]
    of_ioapic = name.startswith("ioapic") or name == "delayed_ioapic_service_cb"
    return IOAPIC if (path.parent.name, path.name) == ("vmms", "qemu.py") and of_ioapic else None


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


def scenes(real: RealSystem) -> Iterator[MutantScene]:
    """A throttled machine needs a process for each walk, and 10,000 EOIs where the model has two: few and long walks."""
    system = bench()
    for version in IoapicVersion:
        subject = Subject(system, bench_scope(version), real, {"scene": f"{version.value:#x}"})
        yield MutantScene(f"{version.value:#x}", subject, QEMU_VIEW, with_messages(system))
    throttled = Subject(system, bench_scope(IoapicVersion.V20, throttle=True), real, {"scene": "0x20, throttle"})
    yield MutantScene("0x20, throttle", throttled, QEMU_VIEW, with_messages(system), length=400, share=0.05)
