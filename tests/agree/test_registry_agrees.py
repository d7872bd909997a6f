"""Generated C and CPython say the same of every design of the registry, under every VMM, guest, version and flag.

One vCPU, pin and vector, level devices: the core of the matrix is compared at larger scopes, too (test_engines_agree.py).
"""

from __future__ import annotations

import pytest

from checker.matrix import roles
from checker.matrix.roles import ON_REQUEST, VMMS, default_guests, default_vmms, role_of
from tests.rigs.model_cells import assert_engines_agree
from tests.rigs.registered import DESIGNS, KERNELS, OWN_SYSTEMS, cells, own_cells

QUICK = ("v6", "openvmm")
# any_vmm issues every ioctl in any order: 10^5 states at one vCPU.
LARGE = frozenset({"any_vmm"})


def pairs() -> list[object]:
    vmms = [*default_vmms(), *sorted(ON_REQUEST & set(VMMS) - LARGE)]
    return [
        pytest.param(d, v, id=f"{d}-{v}", marks=[] if (d, v) == QUICK else [pytest.mark.everything])
        for d in KERNELS
        for v in vmms
    ]


@pytest.mark.parametrize(("design", "vmm"), pairs())
def test_kernel_designs(design: str, vmm: str) -> None:
    found = cells(design, DESIGNS[design], [design], [vmm], default_guests([vmm]), ["level"])
    assert {cell.scope.ioapic for cell in found} == set(VMMS[vmm].versions)
    assert {cell.names["guest"] for cell in found} == set(default_guests([vmm]))
    for cell in found:
        assert_engines_agree(cell, roles.all_properties())


@pytest.mark.everything
@pytest.mark.parametrize("design", [name for name, cls in DESIGNS.items() if role_of(cls) != "kernel"])
def test_designs_of_other_roles(design: str) -> None:
    cls = DESIGNS[design]
    own = cls.default_roles
    guests = list(own.get("guest", default_guests(["qemu"])))
    found = cells(design, cls, ["base", "v6"], ["qemu"], guests, ["level"])
    assert len(found) >= len(guests)
    for cell in found:
        assert_engines_agree(cell, roles.all_properties())


@pytest.mark.everything
@pytest.mark.parametrize("design", OWN_SYSTEMS)
def test_designs_with_systems_of_their_own(design: str) -> None:
    found = own_cells(design)
    assert found
    for cell in found:
        assert_engines_agree(cell, roles.all_properties())
