"""A dozen mistakes in the path from an EOI to userspace (scan_bugs.py): each that changes behaviour is noticed by
registered properties with registered guests.

`linux_moves_in_service` retargets pins while their interrupts are pending, and properties/scan.py speaks of the
intercept bitmap itself.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from checker.language.layout import Layout
from checker.matrix import roles
from checker.matrix.cells import Cell, matrix
from checker.questions.verdict import Status, check_cell
from model.designs.base import Base
from model.designs.v1 import V1
from model.guests.linux_affinity import LinuxMovesInService
from model.lang import compose
from model.machine import IoapicVersion, Machine
from tests.rigs.model_cells import (
    DEVICES,
    GUESTS,
    SMALL,
    VMMS,
    Explored,
    Graph,
    all_properties,
    explored,
    graph_of,
    one_cell,
)
from tests.rigs.proposed_properties import PROPOSED
from tests.rigs.scan_bugs import (
    BUGS,
    EdgeRoutesScanned,
    EveryEoiExits,
    ExitWithoutTest,
    HandledNotCleared,
    RequestLost,
    RoutesNeverRescanned,
    ScanBeforeExit,
    ScanForgetsPending,
    ScanIgnoresDestination,
    ScanSeesOnlyInService,
    SlotNotCleared,
    StaleNeverRescanned,
)
from tests.rigs.volume import at_once

DEFAULT = "cpus=2,pins=2,vectors=2"
OPENVMM = ("openvmm", "0x11")  # where AnyGuest has the fewest states
TWO_CPUS = "cpus=2,pins=1,vectors=1"
LOSES = {"no_eoi_lost", "line_is_serviced"}
INCOMPLETE, TOO_MUCH = "level_eoi_is_intercepted", "only_level_eois_are_intercepted"
OF_KVM = {INCOMPLETE, TOO_MUCH, "only_intercepted_eois_exit", *PROPOSED}  # they speak of KVM alone

# What is violated with that guest on QEMU 0x20, devices mixed, and why it must be.
NOTICED_BY: dict[type[Base], set[str]] = {
    ScanIgnoresDestination: {TOO_MUCH},  # the other vCPU intercepts what is not routed to it
    ScanForgetsPending: {*LOSES, INCOMPLETE},  # B3: retargeted while pending, its EOI is not seen
    ScanSeesOnlyInService: {*LOSES, INCOMPLETE, TOO_MUCH},  # B5's shape; nor does it note what is stale
    ScanBeforeExit: {*LOSES, "latched_eoi_is_reported"},  # retargeted after the EOI: the new bitmap drops it
    StaleNeverRescanned: {TOO_MUCH},  # the stale vector stays until some route changes
    HandledNotCleared: {TOO_MUCH},  # so does every vector that ever was there
    EdgeRoutesScanned: {TOO_MUCH},
    RoutesNeverRescanned: {*LOSES, INCOMPLETE, TOO_MUCH},
    EveryEoiExits: {"only_intercepted_eois_exit", "latched_eoi_is_reported"},  # the test at entry then drops it
    RequestLost: LOSES,
    SlotNotCleared: set(),  # no mistake: test_a_slot_without_its_request_means_nothing
    ExitWithoutTest: set(),  # no mistake: test_the_second_test_of_the_bitmap_is_redundant
}

# What properties/level.py adds with that guest and with one that is careful, and default sizes.
TOLD_BY: dict[type[Base], set[str]] = {
    ScanForgetsPending: {"level_eoi_is_told"},
    ScanSeesOnlyInService: {"level_eoi_is_told"},
    ScanBeforeExit: {"eoi_exit_is_told_once"},
    RoutesNeverRescanned: {"level_eoi_is_told"},
    EveryEoiExits: {"eoi_exit_is_told_once"},
    RequestLost: {"level_eoi_is_told", "intercepted_eoi_is_told"},
}


# Of these also what properties/lapic.py says of the stale vector: each of these scans takes another set of vectors for routed than
# the routes are, or leaves a vector stale whose EOI came.
NOT_THE_HIGHEST = frozenset(
    {
        ScanIgnoresDestination,
        ScanSeesOnlyInService,
        StaleNeverRescanned,
        HandledNotCleared,
        EdgeRoutesScanned,
        RoutesNeverRescanned,
    }
)


def cell_of(
    kernel: type[Machine], guest: type[Machine], device: str, scope: str, vmm: str = "qemu", version: str = "0x20"
) -> Cell:
    cell = one_cell("base", vmm, version, "linux", device, scope)
    return replace(cell, system=compose(kernel, VMMS[vmm], guest, DEVICES[device]))


def violated(
    kernel: type[Machine], guest: type[Machine], device: str, scope: str, *vmm: str, asked: set[str] | None = None
) -> set[str]:
    """The registered and proposed properties (or those that are asked) that a system violates (on QEMU 0x20 unless said)."""
    known = all_properties() | PROPOSED
    wanted = [p for name, p in known.items() if asked is None or name in asked]
    assert asked is None or len(wanted) == len(asked)
    result = check_cell(cell_of(kernel, guest, device, scope, *vmm), wanted, engine="native")
    assert result.outcome.name == "COMPLETE"
    return {v.property.name for v in result.verdicts if v.status is Status.VIOLATED}


def test_every_bug_is_in_the_table() -> None:
    assert set(NOTICED_BY) == set(BUGS)
    assert len(BUGS) == len(set(BUGS)) >= 12
    assert sum(bool(names) for names in NOTICED_BY.values()) >= 10


@pytest.mark.parametrize("kernel", [Base, V1])
def test_correct_kernels_violate_nothing(kernel: type[Machine]) -> None:
    assert violated(kernel, LinuxMovesInService, "mixed", DEFAULT) == set()
    assert violated(kernel, LinuxMovesInService, "level", TWO_CPUS) == set()


@pytest.mark.parametrize("bug", at_once(BUGS, 3), ids=lambda b: b.__name__)
def test_bug_is_noticed(bug: type[Base]) -> None:
    assert violated(bug, LinuxMovesInService, "mixed", DEFAULT) == NOTICED_BY[bug]


@pytest.mark.everything
@pytest.mark.parametrize("bug", at_once([b for b in BUGS if NOTICED_BY[b]], 5), ids=lambda b: b.__name__)
def test_registered_guests_and_properties_notice(bug: type[Base]) -> None:
    """As `eoi prove bug.py --vmm qemu --device level,edge` does: the guests' own scopes, nothing that is only proposed."""
    wanted = roles.all_properties()
    cells = matrix(
        ("bug", bug), kernels=["base"], vmms=["qemu"], guests=["linux_moves_in_service", "linux_affinity"],
        devices=["level", "edge"], scope={"ioapic": IoapicVersion.V20},
    )  # fmt: skip
    assert len(cells) == 4
    noticed = set()
    for cell in cells:
        assert isinstance(cell, Cell)
        result = check_cell(cell, list(wanted.values()))
        noticed |= {v.property.name for v in result.verdicts if v.status is Status.VIOLATED}
    of_stale = {"stale_is_the_highest"} if bug in NOT_THE_HIGHEST else set[str]()
    of_stale |= {"only_the_stale_eoi_rescans"} if bug is StaleNeverRescanned else set()
    assert noticed == NOTICED_BY[bug] - set(PROPOSED) | TOLD_BY.get(bug, set()) | of_stale


@pytest.mark.everything
@pytest.mark.parametrize("bug", at_once([b for b in BUGS if NOTICED_BY[b] & OF_KVM], 5), ids=lambda b: b.__name__)
def test_properties_of_kvm_need_no_protocol(bug: type[Base]) -> None:
    """The most general guest finds the same: what holds for it holds for every guest."""
    noticed = NOTICED_BY[bug] & OF_KVM
    if bug is EdgeRoutesScanned or noticed != {TOO_MUCH}:
        assert violated(bug, GUESTS["any"], "level", TWO_CPUS, *OPENVMM, asked=OF_KVM) == noticed
    else:
        assert violated(bug, GUESTS["any"], "level", TWO_CPUS, *OPENVMM, asked={TOO_MUCH})


@pytest.mark.everything
@pytest.mark.parametrize("kernel", [Base, V1])
def test_no_guest_violates_what_speaks_of_kvm(kernel: type[Machine]) -> None:
    for scope in (TWO_CPUS, "cpus=1,pins=2,vectors=1", "cpus=1,pins=1,vectors=2"):
        assert violated(kernel, GUESTS["any"], "level", scope, asked=OF_KVM) == set()


# ---- two that are no bugs ----


def graph(kernel: type[Machine], guest: type[Machine], scope: str) -> Graph:
    return graph_of(explored(cell_of(kernel, guest, "level", scope)))


@pytest.mark.everything
@pytest.mark.parametrize(
    ("guest", "scope"),
    [(LinuxMovesInService, TWO_CPUS), (LinuxMovesInService, "cpus=2,pins=1,vectors=2"), (GUESTS["any"], SMALL)],
)
def test_the_second_test_of_the_bitmap_is_redundant(guest: type[Machine], scope: str) -> None:
    """vcpu_enter_guest() tests the vector again. The bitmap changes in a later line of the same function only, so that
    the test always succeeds. (It can fail for who sets the slot otherwise, as EveryEoiExits does.)"""
    assert graph(Base, guest, scope) == graph(ExitWithoutTest, guest, scope)
    assert graph(Base, guest, scope) != graph(HandledNotCleared, guest, scope)


@pytest.mark.everything
@pytest.mark.parametrize(("guest", "scope"), [(LinuxMovesInService, TWO_CPUS), (GUESTS["any"], SMALL)])
def test_a_slot_without_its_request_means_nothing(guest: type[Machine], scope: str) -> None:
    """The `Simplified:` of vcpu_enter_guest(): C leaves pending_ioapic_eoi as it was. Up to that, the graphs are equal."""
    base, kept = (
        explored(cell_of(Base, guest, "level", scope)),
        explored(cell_of(SlotNotCleared, guest, "level", scope)),
    )
    ours, theirs = graph_of(base), graph_of(kept)
    assert theirs.state_count > ours.state_count
    assert projected(theirs, kept) == projected(ours, base) == (ours.states, set(ours.edges))


def projected(found: Graph, explored: Explored) -> tuple[frozenset[tuple[int, ...]], set[object]]:
    """The graph with the slot emptied wherever no request is pending."""
    names = [str(leaf) for leaf in Layout(explored.program).leaves]
    slots = [k for k, name in enumerate(names) if name.endswith(".pending_ioapic_eoi")]
    pairs = [(k, names.index(names[k].replace("pending", "req") + "_exit")) for k in slots]

    def cut(codes: tuple[int, ...]) -> tuple[int, ...]:
        changed = list(codes)
        for slot, request in pairs:
            changed[slot] *= changed[request]
        return tuple(changed)

    return frozenset(map(cut, found.states)), {(cut(src), step, args, cut(dst)) for src, step, args, dst in found.edges}
