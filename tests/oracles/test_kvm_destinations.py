"""Logical destinations and lowest priority: the model in lock-step with the running KVM. Skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from checker.command import cli
from checker.matrix.system import system_of
from model.features.destinations import (
    DeliveryMode,
    Destinations,
    DestinationsV6,
    DestMode,
    KvmDestinations,
    Modes,
)  # fmt: skip
from model.lang import Mask
from model.machine import Cpu, IoapicVersion, Lapic, Machine, Scope, Trigger, Vector
from oracles.kvm import subjects, view
from oracles.kvm.destinations import InKernelDestinations, LiveDestinations, SplitDestinations
from oracles.kvm.differences import LiveKvm
from oracles.kvm.driver import LiveKvmSystem
from oracles.lockstep import OracleMissing, Step
from oracles.walk import Subject, differs, random_walks, replay
from tests.rigs.volume import volume

SCENES = [SplitDestinations, InKernelDestinations]
SCOPE = Scope(cpus=4, pins=2, vectors=3, ioapic=IoapicVersion.V11)


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveDestinations]:
    """Vectors of a class each, with the remainders of the model's numbers: by these lowest priority chooses."""
    monkeypatch.setattr(view, "FIRST_VECTOR", 0x30)
    monkeypatch.setattr(view, "VECTOR_STEP", 0x13)
    assert all(view.real_vector(v) % n == v % n for v in range(3) for n in (1, 2, 3))
    try:
        found = LiveDestinations()
    except OracleMissing as missing:
        pytest.skip(str(missing))
    yield found
    found.close()


def subject(real: LiveDestinations, scene: type[Machine], wrong: type[Machine] | None = None) -> Subject:
    kernel = {"base": Destinations, "v6": DestinationsV6}[subjects.running_design()]
    return Subject(system_of(scene, LiveKvm, *([wrong] if wrong else []), kernel), SCOPE, real)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("scene", SCENES)
def test_the_running_kernel_agrees(real: LiveDestinations, scene: type[Machine], seed: int) -> None:
    result = random_walks(subject(real, scene), seed=seed, steps=volume(2_500, 6_000), length=60)
    assert result.disagreement is None, result.disagreement
    assert result.totals.agreed == result.totals.replayed >= volume(2_500, 6_000)


# ---- the stories of tests/litmus, as walks; `dest` is a number of two bits ----

LOGICAL, FIXED, LOWEST, LEVEL = DestMode.LOGICAL, DeliveryMode.FIXED, DeliveryMode.LOWEST, Trigger.LEVEL  # fmt: skip
ENTER: list[Step] = [("vcpu_enter_guest", (0,)), ("vcpu_enter_guest", (1,))]


def split(*steps: Step, dest: int, delivery: DeliveryMode = FIXED, vector: int = 0) -> tuple[type[Machine], list[Step]]:
    return SplitDestinations, [
        ("set_route_with", (0, vector, dest, LOGICAL, delivery, LEVEL)),
        *ENTER,
        ("send", (0,)),
        *steps,
    ]


def in_kernel(
    *steps: Step, dest: int, delivery: DeliveryMode = FIXED, vector: int = 0
) -> tuple[type[Machine], list[Step]]:
    write: Step = ("write_rte_with", (0, vector, dest, LOGICAL, delivery, LEVEL, False))
    return InKernelDestinations, [write, *ENTER, ("line", (0, True)), *steps]


def handled(cpu: int) -> list[Step]:
    return [("kvm_check_and_inject_events", (cpu,)), ("write_eoi", (cpu,)), ("vcpu_enter_guest", (cpu,))]


MOVED: list[Step] = [
    ("kvm_check_and_inject_events", (1,)),
    ("set_route_with", (0, 0, 1, LOGICAL, FIXED, LEVEL)),
    *ENTER,
    *handled(1)[1:],
]
LOW: Step = ("line", (0, False))
WALKS: dict[str, tuple[type[Machine], list[Step]]] = {
    "T18": split(*handled(1), *handled(0), dest=3),
    "T18 in the kernel": in_kernel(LOW, *handled(1), *handled(0), dest=3),
    "SD19": split(*handled(0), dest=3, delivery=LOWEST),
    "SD19 hashed": split(*handled(1), dest=3, delivery=LOWEST, vector=1),
    "SD19 in the kernel": in_kernel(LOW, *handled(0), dest=3, delivery=LOWEST),
    "SD19 hashed in the kernel": in_kernel(LOW, *handled(1), dest=3, delivery=LOWEST, vector=1),
    "SD20": split(*MOVED, dest=2),
    "SD21": (InKernelDestinations, [("write_spiv", (1, False, False)), *in_kernel(dest=3, delivery=LOWEST, vector=1)[1]]),
}  # fmt: skip


@pytest.mark.parametrize("name", WALKS)
def test_the_running_kernel_ends_a_story_as_the_model_does(real: LiveDestinations, name: str) -> None:
    scene, walk = WALKS[name]
    seen, lock = replay(subject(real, scene), walk)
    assert len(seen) >= len(walk)
    machine: Any = lock.system
    if name == "SD21":
        assert not machine.ioapic[0].remote_irr and not any(apic.irr for apic in machine.apic.values())


# ---- seeded bugs of the model are noticed ----


class LogicalIsPhysical(KvmDestinations):
    def kvm_apic_match_dest(self, cpu: Cpu, dest: Cpu, modes: Modes) -> bool:
        return dest == cpu


class LowestForAll(KvmDestinations):
    def kvm_apic_map_get_dest_lapic(self, cpu: Cpu, dest: Cpu, modes: Modes, vector: Vector) -> bool:
        return self.kvm_apic_match_dest(cpu, dest, modes)


class LowestForFirst(KvmDestinations):
    def kvm_vector_to_index(self, vector: Vector, mda: Mask[Cpu]) -> Cpu | None:
        return mda.lowest()


class LowestForEnabled(KvmDestinations):
    def kvm_apic_map_get_dest_lapic(self, cpu: Cpu, dest: Cpu, modes: Modes, vector: Vector) -> bool:
        """As kvm_irq_delivery_to_apic() does it without a map: the first that is enabled will do."""
        if modes.dest_mode == DestMode.PHYSICAL or modes.delivery_mode == DeliveryMode.FIXED:
            return self.kvm_apic_match_dest(cpu, dest, modes)
        return cpu == 0 and self.kvm_apic_match_dest(cpu, dest, modes)


class OnlyWhoMatchesScans(KvmDestinations):
    def kvm_scan_ioapic_irq_modes(self, cpu: Cpu, apic: Lapic, dest: Cpu, modes: Modes, vector: Vector) -> None:
        if self.kvm_apic_match_dest(cpu, dest, modes):
            apic.ioapic_handled_vectors.add(vector)


BUGS = [
    ("T18", LogicalIsPhysical), ("T18 in the kernel", LogicalIsPhysical), ("SD19", LowestForAll),
    ("SD19 in the kernel", LowestForAll), ("SD19 hashed", LowestForFirst), ("SD19 hashed in the kernel", LowestForFirst),
    ("SD20", OnlyWhoMatchesScans), ("SD21", LowestForAll), ("SD21", LowestForEnabled),
]  # fmt: skip


@pytest.mark.parametrize(("name", "wrong"), BUGS, ids=str)
def test_a_bug_in_the_model_is_noticed(real: LiveDestinations, name: str, wrong: type[Machine]) -> None:
    scene, walk = WALKS[name]
    assert differs(subject(real, scene, wrong), walk) is not None


def test_what_is_told_of_logical_destinations_is_not_run_with_physical_ones(
    live: LiveKvmSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--vmm", "cloud_hypervisor", "--property", "level_is_sent_once"]
    assert cli.main(["prove", "--absolute", "destinations", *where, "--confirm"]) == 1
    told = capsys.readouterr().out
    assert "NOT RUNNABLE" in told and "physical destinations" in told and "CONFIRMED" not in told
