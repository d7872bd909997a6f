"""The cells that registered designs are asked of, at one vCPU, pin and vector."""

from __future__ import annotations

from checker.matrix import roles
from checker.matrix.cells import Cell, Skipped, matrix
from checker.matrix.roles import default_guests, role_of
from checker.matrix.scope import parse_scope
from model.machine import Machine
from tests.rigs.model_cells import SMALL

DESIGNS = roles.designs()
KERNELS = [name for name, cls in DESIGNS.items() if role_of(cls) == "kernel" and not cls.default_roles]
OWN_SYSTEMS = {name: cls for name, cls in {**DESIGNS, **roles.mutants()}.items() if cls.default_roles}


def cells(
    name: str, cls: type[Machine], kernels: list[str], vmms: list[str], guests: list[str], devices: list[str],
    scope: str = SMALL,
) -> list[Cell]:  # fmt: skip
    found = matrix(
        (name, cls), kernels=kernels, vmms=vmms, guests=guests, devices=devices, scope=parse_scope(scope)
    )  # fmt: skip
    assert all(isinstance(cell, Cell | Skipped) for cell in found)
    return [cell for cell in found if isinstance(cell, Cell)]


def own_cells(name: str) -> list[Cell]:
    """The cells of a design which names the system that it is asked of."""
    cls = OWN_SYSTEMS[name]
    own = cls.default_roles
    vmms = list(own.get("vmm", ("qemu",)))
    guests, devices = list(own.get("guest", default_guests(vmms))), list(own.get("device", ("level",)))
    return cells(name, cls, list(own.get("kernel", ("base",))), vmms, guests, devices)
