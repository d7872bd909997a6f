"""Ioctl numbers and structure layouts against the machine's own <linux/kvm.h>, and what the driver makes of them."""

from __future__ import annotations

import shutil
import struct
import subprocess
from inspect import signature
from pathlib import Path

import pytest

from model.designs.base import Base
from model.kvm import Kvm
from model.lang import compose
from model.machine import Scope
from oracles.kvm import abi
from oracles.kvm.differences import LiveKvm
from oracles.kvm.driver import LiveKvmSystem
from oracles.kvm.entries import ENTRIES, KvmEntries
from oracles.kvm.harness import SetUp
from oracles.kvm.view import KvmView, bits256, real_vector, spiv
from oracles.lockstep import NotRunnable

NUMBERS = ["CREATE_VM", "CHECK_EXTENSION", "GET_VCPU_MMAP_SIZE", "GET_SUPPORTED_CPUID", "CREATE_VCPU", "SET_USER_MEMORY_REGION", "CREATE_IRQCHIP", "IRQ_LINE", "GET_IRQCHIP", "SET_IRQCHIP", "SET_GSI_ROUTING", "ENABLE_CAP", "SIGNAL_MSI", "RUN", "SET_REGS", "GET_SREGS", "SET_SREGS", "SET_MSRS", "GET_LAPIC", "SET_LAPIC", "SET_CPUID2", "GET_CPUID2", "GET_MP_STATE", "SET_MP_STATE", "SET_VCPU_EVENTS", "CAP_SPLIT_IRQCHIP", "CAP_X2APIC_API", "EXIT_IO", "EXIT_IOAPIC_EOI", "IOAPIC_NUM_PINS", "IRQ_ROUTING_IRQCHIP", "IRQ_ROUTING_MSI", "VCPUEVENT_VALID_SMM"]  # fmt: skip
RENAMED = {
    "IOAPIC_NUM_PINS": "IOAPIC_PINS", "IRQ_ROUTING_IRQCHIP": "ROUTE_IRQCHIP", "IRQ_ROUTING_MSI": "ROUTE_MSI",
    "VCPUEVENT_VALID_SMM": "VALID_SMM",
}  # fmt: skip
LAYOUT = {
    "sizeof(struct kvm_irqchip)": abi.IRQCHIP_SIZE,
    "offsetof(struct kvm_irqchip, chip.ioapic.irr)": abi.IOAPIC_IRR,
    "offsetof(struct kvm_irqchip, chip.ioapic.redirtbl)": abi.IOAPIC_REDIRTBL,
    "offsetof(struct kvm_run, exit_reason)": abi.RUN_EXIT_REASON,
    "offsetof(struct kvm_run, eoi.vector)": abi.RUN_EOI_VECTOR,
    "offsetof(struct kvm_run, immediate_exit)": abi.RUN_IMMEDIATE_EXIT,
    "offsetof(struct kvm_sregs, apic_base)": abi.SREGS_APIC_BASE,
    "offsetof(struct kvm_sregs, ds)": abi.SREGS_DS,
    "offsetof(struct kvm_vcpu_events, flags)": abi.EVENTS_FLAGS,
    "offsetof(struct kvm_vcpu_events, smi.latched_init)": abi.EVENTS_LATCHED_INIT,
    "sizeof(struct kvm_cpuid_entry2)": abi.CPUID_ENTRY,
    "sizeof(struct kvm_enable_cap)": len(abi.enable_cap(1, 2)),
    "sizeof(struct kvm_userspace_memory_region)": len(abi.memory_region(1, 2)),
    "sizeof(struct kvm_regs)": len(abi.registers(0)),
    "sizeof(struct kvm_irq_level)": len(abi.irq_level(1, True)),
    "sizeof(struct kvm_irq_routing_entry)": len(abi.msi_route(1, 2, 3, True)),
    "sizeof(struct kvm_irq_routing_entry) + 0": len(abi.ioapic_route(1)),
    "sizeof(struct kvm_msi)": len(abi.signal_msi(1, 2, True)),
    "sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)": len(abi.msr(1, 2)),
}


def test_numbers_and_layouts_are_the_headers(tmp_path: Path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    wanted = [f"KVM_{name}" for name in NUMBERS] + list(LAYOUT)
    prints = "".join(f'printf("%llu\\n", (unsigned long long)({text}));' for text in wanted)
    source = f"#include <stdio.h>\n#include <stddef.h>\n#include <linux/kvm.h>\nint main(void) {{ {prints} }}\n"
    (tmp_path / "abi.c").write_text(source)
    made = subprocess.run([compiler, "-o", tmp_path / "abi", tmp_path / "abi.c"], capture_output=True, text=True)
    if "linux/kvm.h" in made.stderr:
        pytest.skip("no <linux/kvm.h>")
    assert made.returncode == 0, made.stderr
    ran = subprocess.run([tmp_path / "abi"], capture_output=True, text=True, check=True)
    values = list(map(int, ran.stdout.split()))
    ours = [getattr(abi, RENAMED.get(name, name)) for name in NUMBERS] + list(LAYOUT.values())
    assert dict(zip(wanted, ours, strict=True)) == dict(zip(wanted, values, strict=True))


def test_an_entry_is_as_the_chip_has_it():
    # 82093AA: vector 7:0, Remote IRR 14, trigger 15, mask 16, destination 63:56
    assert abi.redirection_entry(0x41, 3, True, False) == 0x0300_0000_0000_8041
    assert abi.redirection_entry(0x41, 0, True, False, True) == 0xC041  # as QEMU's table of the facts reads it
    assert abi.redirection_entry(0x51, 0, False, True) == 0x1_0051


def test_spiv_and_messages():
    assert (spiv(False, False), spiv(True, False), spiv(True, True)) == (0xFF, 0x1FF, 0x11FF)
    assert abi.message(0x41, 1, True) == (0xFEE01000, 0xC041)
    assert abi.message(0x41, 0, False) == (0xFEE00000, 0x41)


def test_vectors_are_one_to_a_class_and_strange_ones_are_no_code():
    view = KvmView(1, 1, 3)
    assert len({real_vector(v) >> 4 for v in range(12)}) == 12 and max(map(real_vector, range(12))) < 256
    assert [view.vector_code(real_vector(v)) for v in range(3)] == [0, 1, 2]
    assert view.vector_code(real_vector(3)) > 1000 < view.vector_code(real_vector(1) + 1)
    page = bytearray(1024)
    struct.pack_into("<I", page, abi.LAPIC_IRR + 16 * (real_vector(1) // 32), 1 << real_vector(1) % 32)
    assert bits256(page, abi.LAPIC_IRR) == 1 << real_vector(1)
    assert view._mask(page, abi.LAPIC_IRR) == 2
    page[abi.LAPIC_IRR + 16 * 7] = 1
    assert view._mask(page, abi.LAPIC_IRR) > 1000


def test_the_driver_bears_the_models_names() -> None:
    """Each entry is a function of the kernel's, with the same parameters; those that the command is for are there."""
    for name in ENTRIES:
        mine, models = (list(signature(getattr(cls, name)).parameters) for cls in (KvmEntries, Kvm))
        assert mine[2:] == models[1:] or mine[2:] == ["_"], name
    assert {"apic_set_eoi", "vcpu_enter_guest", "kvm_lapic_reg_write_spiv", "enable_KVM_CAP_X2APIC_API"} <= set(ENTRIES)


def test_what_there_is_no_room_for_is_not_run() -> None:
    real = LiveKvmSystem.__new__(LiveKvmSystem)
    real.vm = None
    with pytest.raises(NotRunnable, match="up to 12 vectors, 8 pins, 64 cpus"):
        real.start(compose(SetUp, LiveKvm, Base)(Scope(vectors=13)))
