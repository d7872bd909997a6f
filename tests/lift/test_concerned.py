"""Which files are something to the model: nothing that it is made from is waved through, and most of a kernel is."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import model
from checker.matrix import lifting
from checker.matrix.concerned import Concern, named
from model.lang import Design

CONCERN = Concern([lifting.table(shown) for shown in lifting.TABLES])


def classes() -> list[type[Design]]:
    """Every class of the model, registered or not."""
    found = list[type[Design]]()
    for module in pkgutil.walk_packages(model.__path__, "model."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Design) and value.__module__ == module.name:
                found.append(value)
    return found


def test_no_source_of_a_class_is_waved_through() -> None:
    sources = {cls.source: cls.__name__ for cls in classes() if cls.source}
    assert len(sources) >= 15
    assert {s: name for s, name in sources.items() if CONCERN.of_file(s) is None} == {}


def test_no_file_that_a_docstring_of_the_model_names_is_waved_through() -> None:
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(model.__path__, "model.")]
    said = " ".join(m.__doc__ or "" for m in modules)
    found = set(re.findall(r"[\w.][\w./-]*\.(?:c|h|rs)\b", said))
    assert {"hw/i386/x86-common.c", "sys/x86/x86/local_apic.c", "xen/arch/x86/apic.c"} <= found and len(found) >= 15
    assert [file for file in found if CONCERN.of_file(file) is None] == []


@pytest.mark.parametrize("shown", lifting.TABLES)
def test_no_row_of_a_table_is_waved_through(shown: str) -> None:
    rows = lifting.table(shown).rows
    files = [row.left for row in (*rows["relied on"], *rows["sources"])] + [r.left for r in rows["files"] if not r.why]
    assert [file for file in files if CONCERN.of_file(file.replace("*", "x")) is None] == []
    assert [r.left for r in rows["elsewhere"] if CONCERN.of_file(r.left.replace("*", "Makefile")) is not None] == []


CONCERNED = (
    "arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/svm/avic.c", "arch/x86/kvm/Kconfig", "arch/x86/kvm/Makefile", "arch/x86/kvm/new.c",
    "kvm/Makefile", "Makefile", "linux/arch/x86/kvm/Makefile", "/home/me/linux/arch/x86/kvm/lapic.c", "lapic.c", "vmx/main.c",
    "virt/kvm/ioapic.c", "arch/x86/kvm/irqchip/irq_comm.c", "w/arch/x86/kvm/lapic.c", "b//arch/x86/kvm/lapic.c", "./lapic.c",
    "drivers/../arch/x86/kvm/lapic.c", "drivers/vfio/pci/vfio_pci_intrs.c", "arch/x86/kernel/irq.c", "src/vmm/src/arch/x86_64/vm.rs",
    "vm/chipset/src/ioapic.rs", "ioapic/mod.rs", "hw/intc/ioapic_internal.h", "include/hw/i386/ioapic_internal.h",
    "include/hw/intc/ioapic.h", "qemu/target/i386/kvm/kvm.c", "hw/intc/meson.build", "linux-headers/asm-x86/kvm.h",
    "arch/x86/kernel/crash.c", ".../x86/kvm/lapic.c",
)  # fmt: skip
UNCONCERNED = (
    "drivers/net/dsa/mv88e6xxx/chip.c", "drivers/gpu/drm/i915/irq.c", "drivers/gpu/Makefile", "drivers/net/Kconfig", "fs/eventfd.c",
    "Documentation/virt/kvm/api.rst", "arch/arm64/kvm/Makefile", "arch/arm64/kvm/irq.h", "arch/riscv/kvm/main.c", "mm/Makefile",
    "arch/arm64/include/asm/kvm_host.h", "arch/s390/kvm/Kconfig", "tools/testing/selftests/kvm/lib/x86/vmx.c", "rust/kernel/mod.rs",
    "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/svm/pmu.c", "arch/x86/kvm/trace.h", "arch/x86/mm/init.c", "hw/net/e1000.c", "init/main.c",
    "hw/net/meson.build", "docs/about/build-platforms.rst",
)  # fmt: skip


@pytest.mark.parametrize("file", CONCERNED)
def test_what_is_something_to_the_model(file: str) -> None:
    assert CONCERN.of_file(file) is not None


@pytest.mark.parametrize("file", UNCONCERNED)
def test_what_is_nothing_to_the_model(file: str) -> None:
    assert CONCERN.of_file(file) is None


def test_heads_of_all_forms_name_files() -> None:
    text = (
        "> diff --git a/x/one.c b/x/one.c\nrename from x/two.c\ncopy from x/three.c\nIndex: x/four.c\n*** x/five.c\t2026-01-01\n"
        'Only in b/x: six.c\nBinary files a/x/seven.c and b/x/seven.c differ\n .../x/eight.c | 4 ++--\n--- "a/x/nine.c"\n'
    )
    found = {Path(name).name for name in named(text)}
    assert {f"{n}.c" for n in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]} <= found
