"""A step that is refused leaves the state as it was: the reference loads a state once and tries all steps on it.

The lowering refuses a write before `require`; here CPython itself is looked at, over the steps of every registered role.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from checker.engine.reference import Codes, Reference
from checker.matrix.roles import DEVICES, GUESTS, VMMS
from model.designs.base import Base
from model.devices import Level
from model.guests.any_guest import AnyGuest
from model.lang import Design, Disabled, Scope, cells, compose, load, require, save, step
from model.machine import Machine, Pin
from model.machine import Scope as MachineScope
from model.vmms.qemu import Qemu
from tests.rigs.registered import DESIGNS, KERNELS, OWN_SYSTEMS, own_cells

STATES = 16  # on a random way through a system


def systems() -> Iterator[tuple[str, type[Design], Scope]]:
    """A system with each registered role: (its name, the system, its scope)."""
    two = MachineScope(cpus=2, pins=2, vectors=2)
    yield from ((f"kernel-{name}", compose(DESIGNS[name], Qemu, AnyGuest, Level), two) for name in KERNELS)
    yield from ((f"vmm-{name}", compose(Base, vmm, AnyGuest, Level), two) for name, vmm in VMMS.items())
    yield from ((f"guest-{name}", compose(Base, Qemu, guest, Level), two) for name, guest in GUESTS.items())
    yield from ((f"device-{name}", compose(Base, Qemu, AnyGuest, device), two) for name, device in DEVICES.items())
    for name in OWN_SYSTEMS:
        cell = own_cells(name)[0]
        yield f"own-{name}", cell.system, cell.scope


SYSTEMS = list(systems())


def changed_by_refused_steps(system: type[Design], scope: Scope) -> tuple[set[str], set[str]]:
    """(the steps that were refused in some state, those of them that left another state) on a seeded random way."""
    reference, chosen = Reference(system, scope), random.Random(20251128)
    held = list(cells(reference.system))
    refused, wrong = set[str](), set[str]()
    state = reference.start
    for _ in range(STATES):
        following = list[Codes]()
        for move in reference.moves:
            load(held, state)
            try:
                getattr(reference.system, move.step)(*move.args)
            except Disabled:
                refused.add(move.step)
                if save(held) != state:
                    wrong.add(move.step)
            else:
                following.append(save(held))
        if not following:
            break
        state = chosen.choice([s for s in following if s != state] or following)
    return refused, wrong


@pytest.mark.everything
@pytest.mark.parametrize(("system", "scope"), [s[1:] for s in SYSTEMS], ids=[s[0] for s in SYSTEMS])
def test_a_refused_step_changes_nothing(system: type[Design], scope: Scope) -> None:
    refused, wrong = changed_by_refused_steps(system, scope)
    assert refused
    assert wrong == set()


def test_every_registered_role_is_looked_at() -> None:
    assert {name for name, _, _ in SYSTEMS} >= {f"guest-{n}" for n in GUESTS} | {f"vmm-{n}" for n in VMMS}
    assert len(SYSTEMS) == len(KERNELS) + len(VMMS) + len(GUESTS) + len(DEVICES) + len(OWN_SYSTEMS)


class WritesFirst(Level):
    """What the lowering refuses: the line is raised although the step is then refused."""

    @step(by="device")
    def device_stutters(self, pin: Pin) -> None:
        self.raised[pin] = not self.raised[pin]
        require(self.raised[pin] and not self.raised[pin])


def test_a_write_before_require_is_noticed() -> None:
    assert issubclass(WritesFirst, Machine)
    refused, wrong = changed_by_refused_steps(
        compose(Base, Qemu, AnyGuest, WritesFirst), MachineScope(cpus=1, pins=1, vectors=1)
    )
    assert "device_stutters" in refused and wrong == {"device_stutters"}
