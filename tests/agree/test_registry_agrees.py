"""Generated C and CPython say the same of every design of the registry, under every VMM, guest, version and flag.

One vCPU, pin and vector, level devices: the core of the matrix is compared at larger scopes, too (test_engines_agree.py).
Each kernel meets another guest under each VMM, with one version of the I/O APIC, so that a VMM meets every kernel and every
guest; of any kernel with any guest the gate shows CPython some states. Of a graph of more than some hundred states a sample
is compared. `make nightly` compares every kernel with every guest under every VMM and version, and all of their graphs.
"""

from __future__ import annotations

import pytest

from checker.matrix import roles
from checker.matrix.roles import ON_REQUEST, VMMS, default_guests, default_vmms, role_of
from model.machine import IoapicVersion
from tests.rigs.registered import DESIGNS, KERNELS, OWN_SYSTEMS, cells, own_cells
from tests.rigs.sampling import agrees_by_day
from tests.rigs.volume import NIGHTLY

QUICK = ("v6", "openvmm")
# any_vmm issues every ioctl in any order: 10^5 states at one vCPU. errno_vmm remembers it: 10^5 transitions (test_errnos.py).
LARGE = frozenset({"any_vmm"} if NIGHTLY else {"any_vmm", "errno_vmm"})


VMM_NAMES = [*default_vmms(), *sorted(ON_REQUEST & set(VMMS) - LARGE)]


def suits(design: str, vmm: str) -> bool:
    """Is there an API flag that the VMM asks for and the kernel knows?"""
    return bool(set(DESIGNS[design].api_flags) & set(VMMS[vmm].api_flags))


def guests_of(design: str, vmm: str) -> list[str]:
    """The guests that a kernel is compared with under a VMM."""
    known = list(default_guests([vmm]))
    if vmm in ON_REQUEST or NIGHTLY:
        return known
    kernels = [kernel for kernel in KERNELS if suits(kernel, vmm)]
    if design not in kernels:
        return []
    first = kernels.index(design) + default_vmms().index(
        vmm
    )  # the next kernel begins with the next guest, and so does the next VMM
    turn = [guest for n, guest in enumerate(known) if (n - first) % len(kernels) == 0]
    return turn or [known[first % len(known)]]


def version_of(design: str, vmm: str, guest: str) -> IoapicVersion:
    """The version of the I/O APIC with which a kernel and a guest are compared under a VMM."""
    known = VMMS[vmm].versions
    n = KERNELS.index(design) + default_guests([vmm]).index(guest)
    return known[(n // len(default_vmms()) + n) % len(known)]


def pairs() -> list[object]:
    return [
        pytest.param(d, v, id=f"{d}-{v}", marks=[] if (d, v) == QUICK else [pytest.mark.everything])
        for d in KERNELS
        for v in VMM_NAMES
    ]


def test_a_vmm_meets_every_kernel_and_every_guest() -> None:
    met = {(d, v, g) for d in KERNELS for v in VMM_NAMES if suits(d, v) for g in guests_of(d, v)}
    assert {(d, v) for d, v, _ in met} == {(d, v) for d in KERNELS for v in VMM_NAMES if suits(d, v)}
    assert {(v, g) for _, v, g in met} == {(v, g) for v in VMM_NAMES for g in default_guests([v])}
    for guest in default_guests(["qemu"]):
        assert len({d for d, _, g in met if g == guest}) >= len(KERNELS) // 4, guest
    versions = [(d, v, g, version_of(d, v, g)) for d, v, g in met]
    for role in range(3):
        there = {(names[role], names[3]) for names in versions}
        possible = {(d, v, g)[role]: set() for d, v, g in met}
        for names in met:
            possible[names[role]] |= set(VMMS[names[1]].versions)
        assert there == {(name, version) for name, of in possible.items() for version in of}


@pytest.mark.parametrize(("design", "vmm"), pairs())
def test_kernel_designs(design: str, vmm: str) -> None:
    guests = guests_of(design, vmm)
    found = cells(design, DESIGNS[design], [design], [vmm], guests, ["level"])
    if not suits(design, vmm):
        assert not found  # a VMM that asks for what this kernel does not know
        return
    assert {cell.scope.ioapic for cell in found} == set(VMMS[vmm].versions)
    one = {guest: version_of(design, vmm, guest) for guest in guests}
    chosen = [cell for cell in found if NIGHTLY or cell.scope.ioapic == one[cell.names["guest"]]]
    assert {cell.names["guest"] for cell in chosen} == set(guests)
    for cell in chosen:
        agrees_by_day(cell, roles.all_properties())


@pytest.mark.everything
@pytest.mark.parametrize("design", [name for name, cls in DESIGNS.items() if role_of(cls) != "kernel"])
def test_designs_of_other_roles(design: str) -> None:
    cls = DESIGNS[design]
    own = cls.default_roles
    guests = list(own.get("guest", default_guests(["qemu"])))
    found = cells(design, cls, ["base", "v6"], ["qemu"], guests, ["level"])
    assert len(found) >= len(guests)
    turns = {"base": 0, "v6": 1, IoapicVersion.V11: 0, IoapicVersion.V20: 2}  # a guest meets one of the four
    chosen = [
        cell
        for cell in found
        if NIGHTLY
        or (guests.index(cell.names["guest"]) + turns[cell.names["kernel"]] + turns[cell.scope.ioapic]) % 4 == 0
    ]
    assert {cell.names["guest"] for cell in chosen} == set(guests)
    for cell in chosen:
        agrees_by_day(cell, roles.all_properties())


@pytest.mark.everything
@pytest.mark.parametrize("design", OWN_SYSTEMS)
def test_designs_with_systems_of_their_own(design: str) -> None:
    found = own_cells(design)
    assert found
    for cell in found:
        agrees_by_day(cell, roles.all_properties())
