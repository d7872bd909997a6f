"""Logical destinations and lowest priority: both engines, and what a wrong kernel does to Linux's flat APIC driver."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checker.matrix.cells import Cell, Skipped, matrix
from checker.matrix.roles import DEVICES, VMMS, all_properties, registered
from checker.matrix.system import system_of
from checker.questions.verdict import Status, check_cell
from model.features.destinations import Destinations, LinuxFlat, Modes
from model.machine import Cpu, Lapic, Machine, Vector
from tests.rigs.model_cells import explored
from tests.rigs.sampling import agrees_by_day
from tests.rigs.volume import volume

KERNELS = ("destinations", "destinations_v6")


def cells(kernel: str, vmm: str) -> list[Cell]:
    found = matrix(
        (kernel, registered("kernel", kernel)), kernels=[kernel], vmms=[vmm], guests=["linux_flat"], devices=["level"],
        scope={},
    )  # fmt: skip
    return [cell for cell in found if not isinstance(cell, Skipped)]


def violated(cell: Cell) -> set[str]:
    result = check_cell(cell, list(all_properties().values()))
    return {v.property.name for v in result.verdicts if v.status is Status.VIOLATED}


@pytest.mark.everything
@pytest.mark.parametrize("vmm", ["qemu", "openvmm", "cloud_hypervisor", "crosvm", "firecracker"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_both_engines_say_the_same_and_nothing_more_is_broken_than_with_physical_destinations(
    kernel: str, vmm: str
) -> None:
    known = all_properties()
    for cell in cells(kernel, vmm):
        agrees_by_day(cell, known)
        base = registered("kernel", {"destinations": "base", "destinations_v6": "v6"}[kernel])
        physical = system_of(base, VMMS[vmm], registered("guest", "linux"), DEVICES["level"])
        found = {name for name, v in explored(cell, "native", known).verdicts.items() if v.status is Status.VIOLATED}
        assert found == violated(replace(cell, system=physical))


class ScanByApicId(Destinations):
    def kvm_scan_ioapic_irq_modes(self, cpu: Cpu, apic: Lapic, dest: Cpu, modes: Modes, vector: Vector) -> None:
        self.kvm_scan_ioapic_irq(cpu, apic, dest, vector)


class LowestForAll(Destinations):
    def kvm_apic_map_get_dest_lapic(self, cpu: Cpu, dest: Cpu, modes: Modes, vector: Vector) -> bool:
        return self.kvm_apic_match_dest(cpu, dest, modes)


@pytest.mark.parametrize("vmm", ["qemu", "firecracker"])
@pytest.mark.parametrize(
    ("wrong", "broken"),
    [(ScanByApicId, {"no_eoi_lost", "line_is_serviced"}), (LowestForAll, {"level_is_sent_once"})],
)
def test_a_wrong_kernel_is_told(vmm: str, wrong: type[Machine], broken: set[str]) -> None:
    for cell in cells("destinations", vmm):
        system = system_of(wrong, VMMS[vmm], LinuxFlat, DEVICES["level"])
        result = check_cell(replace(cell, system=system), [all_properties()[name] for name in sorted(broken)])
        assert {v.property.name for v in result.verdicts if v.status is Status.VIOLATED} == broken


@pytest.mark.everything
def test_without_modes_a_kernel_does_what_its_base_does() -> None:
    """A guest that writes physical destinations cannot tell the feature from the design that it completes."""
    for kernel, base in (("destinations", "base"), ("destinations_v6", "v6")):
        for vmm in ("qemu", "firecracker"):
            (cell, *_), sizes = cells(kernel, vmm), set[tuple[int, int]]()
            for cls in (registered("kernel", kernel), registered("kernel", base)):
                system = system_of(cls, VMMS[vmm], registered("guest", "windows_cg"), DEVICES["level"])
                stats = check_cell(replace(cell, system=system), []).stats
                sizes.add((stats.states, stats.transitions))
            assert len(sizes) == 1, (kernel, vmm, sizes)


@pytest.mark.everything
def test_one_cpu_with_any_destination_breaks_what_one_with_physical_ones_breaks() -> None:
    """Messages that go nowhere, and a choice among one, break nothing that is not broken anyway, and nothing sooner: on 0x11, at night on both versions."""
    for cell in cells("destinations", "qemu")[: volume(1, 9)]:
        said = list[set[tuple[str, int]]]()
        for kernel, guest in (("destinations", "any_destination"), ("base", "any")):
            roles = (registered("kernel", kernel), VMMS["qemu"], registered("guest", guest), DEVICES["level"])
            small = replace(cell.scope, cpus=1, pins=1, vectors=1)
            result = check_cell(replace(cell, system=system_of(*roles), scope=small), list(all_properties().values()))
            said.append(
                {(v.property.name, v.run.length) for v in result.verdicts if v.status is Status.VIOLATED and v.run}
            )
        assert said[0] == said[1] and len(said[0]) >= 3
