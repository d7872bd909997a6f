"""The scenes by whose walks mutants of KVM's rules are judged: together they run every rule, each in few states."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from checker.matrix.system import system_of
from model.machine import ApiFlags, IoapicVersion, Machine, Scope
from oracles.kvm import harness
from oracles.kvm.differences import LiveKvm
from oracles.kvm.driver import LiveKvmSystem
from oracles.kvm.throttle import DONE_SECONDS
from oracles.lockstep import Observed, Seen
from oracles.mutation.mutant_scenes import MutantScene
from oracles.mutation.mutant_views import KVM_VIEW
from oracles.walk import Subject

MOST_WAITS = 100  # in a scene


def nothing_deliverable(seen: Seen) -> Iterable[tuple[str, tuple[Any, ...]]]:
    """KVM_GET_LAPIC shows a vCPU with nothing in IRR above PPR: KVM injects nothing into it."""
    for name, code in seen.observed.items():
        if name.endswith("].deliverable") and not code:
            yield "kvm_check_and_inject_events", (int(name[len("apic[") :].partition("]")[0]),)


class Refusals:
    """What a scene's walks show that KVM does not do. Waiting costs time, so it is done in each situation once."""

    def __init__(self, real: LiveKvmSystem) -> None:
        self.real = real
        self.waited: set[tuple[Any, ...]] = set()

    def __call__(self, seen: Seen) -> Iterable[tuple[str, tuple[Any, ...]]]:
        yield from nothing_deliverable(seen)
        situation = (seen.entries[-1], *seen.observed.values())
        new = len(self.waited) < MOST_WAITS and situation not in self.waited and self.real.throttle.armed is None
        if new and _would_be_sent_again(seen.observed):
            self.waited.add(situation)
            time.sleep(DONE_SECONDS)
            if self.real.observe(None) == seen.observed:
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
