"""The scenes by whose walks mutants of QEMU's I/O APIC are judged (harness.py): alone in each version, and throttled."""

from __future__ import annotations

from collections.abc import Iterator

from model.machine import IoapicVersion
from oracles.lockstep import RealSystem
from oracles.mutation.mutant_scenes import MutantScene
from oracles.mutation.mutant_views import QEMU_VIEW, with_messages
from oracles.qemu.harness import bench, bench_scope
from oracles.walk import Subject


def scenes(real: RealSystem) -> Iterator[MutantScene]:
    """A throttled machine needs a process for each walk, and 10,000 EOIs where the model has two: few and long walks."""
    system = bench()
    for version in IoapicVersion:
        subject = Subject(system, bench_scope(version), real, {"scene": f"{version.value:#x}"})
        yield MutantScene(f"{version.value:#x}", subject, QEMU_VIEW, with_messages(system))
    throttled = Subject(system, bench_scope(IoapicVersion.V20, throttle=True), real, {"scene": "0x20, throttle"})
    yield MutantScene("0x20, throttle", throttled, QEMU_VIEW, with_messages(system), length=400, share=0.05)
