"""What an irqfd does with a signal that came before it was assigned, on the running kernel.

Cloud Hypervisor's I/O APIC rests on it (finding 11, and KVM's irqfds of model/vmms/cloud_hypervisor.py): the eventfd
of a masked pin is signalled, the irqfd is assigned at the unmask.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from oracles.kvm import abi
from oracles.kvm.vm import Vcpu, Vm, description
from oracles.lockstep import OracleMissing

VECTOR = 0x41
SET_GSI_ROUTING, IRQFD, DEASSIGN = 0x4008AE6A, 0x4020AE76, 1


@dataclass
class Wire:
    """An eventfd, a vCPU, and an edge MSI route for GSI 0."""

    vm: Vm
    vcpu: Vcpu
    eventfd: int

    def irqfd(self, flags: int = 0) -> None:
        self.vm.call(IRQFD, struct.pack("<IIII", self.eventfd, 0, flags, 0) + bytes(16))

    def pending(self) -> bool:
        """IRR has the vector. The injection is work of another thread: it gets a second."""
        deadline = time.monotonic() + 1
        while not (found := bool(self._irr() & 1 << VECTOR)) and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def _irr(self) -> int:
        page = self.vcpu.get_lapic()
        return sum(struct.unpack_from("<I", page, 0x200 + 16 * k)[0] << 32 * k for k in range(8))

    def take(self) -> None:
        """The vector is pending no more."""
        page = self.vcpu.get_lapic()
        page[0x200 + 16 * (VECTOR // 32) : 0x210 + 16 * (VECTOR // 32)] = bytes(16)
        self.vcpu.set_lapic(page)


@pytest.fixture
def wire() -> Iterator[Wire]:
    try:
        description()
    except OracleMissing as missing:
        pytest.skip(f"no live kernel: {missing}")
    vm = Vm()
    vm.call(abi.ENABLE_CAP, struct.pack("<II4Q64s", 121, 0, 24, 0, 0, 0, b""))
    vm.create_vcpu(0, True)
    vcpu = vm.vcpus[0]
    vcpu.set_cpuid(True)
    vcpu.write_x2apic(0x80F, 0x1FF)
    route = struct.pack("<IIII", 0, 2, 0, 0) + struct.pack("<IIII", 0xFEE00000, 0, VECTOR, 0) + bytes(16)
    vm.call(SET_GSI_ROUTING, struct.pack("<II", 1, 0) + route)
    eventfd = os.eventfd(0, os.EFD_NONBLOCK)
    yield Wire(vm, vcpu, eventfd)
    os.close(eventfd)
    vm.close()


def test_a_signal_before_the_assign_is_sent_at_the_assign(wire: Wire) -> None:
    os.eventfd_write(wire.eventfd, 1)
    assert not wire._irr()
    wire.irqfd()
    assert wire.pending()


def test_it_is_sent_once(wire: Wire) -> None:
    os.eventfd_write(wire.eventfd, 1)
    wire.irqfd()
    assert wire.pending()
    wire.take()
    wire.irqfd(DEASSIGN)
    wire.irqfd()
    assert not wire.pending()


def test_without_a_signal_nothing_is_sent(wire: Wire) -> None:
    wire.irqfd()
    assert not wire.pending()
    os.eventfd_write(wire.eventfd, 1)
    assert wire.pending()
