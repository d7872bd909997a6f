"""A design file reads as its C patch: it stands on the base that it names, and restates what docs/designs.md lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

from checker.engine.reference import Reference
from checker.language.layout import leaves
from checker.matrix.roles import DEVICES, GUESTS, VMMS, designs, mutants
from checker.questions.retell import path_of
from checker.stories.read import parse
from checker.stories.replay import name_of
from model.kvm import Kvm
from model.kvm.ioapic import IoapicC
from model.kvm.irq import IrqC
from model.kvm.lapic import LapicC
from model.kvm.x86 import X86C
from model.lang import compose
from model.machine import Machine, Scope

# The C functions that are modelled, in the order of their files in 2026 (ioapic.c: its prefix kvm_ is ours).
ORDER: dict[type[Machine], str] = {
    LapicC: "kvm_apic_pending_eoi apic_set_spiv kvm_apic_set_version apic_accept_irq kvm_ioapic_handles_vector "
    "kvm_ioapic_send_eoi apic_set_eoi kvm_lapic_reg_write_spiv kvm_lapic_reset kvm_apic_has_interrupt "
    "kvm_apic_ack_interrupt kvm_apic_set_state",
    IoapicC: "kvm_ioapic_set_irq kvm_ioapic_scan_entry kvm_ioapic_write_rte kvm_ioapic_service kvm_ioapic_eoi_inject_work "
    "kvm_ioapic_update_eoi_one kvm_ioapic_update_eoi kvm_ioapic_write_eoi kvm_set_ioapic",
    IrqC: "kvm_set_msi kvm_vm_ioctl_irq_line kvm_scan_ioapic_irq kvm_scan_ioapic_routes kvm_arch_irq_routing_update "
    "kvm_vm_ioctl_get_irqchip kvm_vm_ioctl_set_irqchip",
    X86C: "check_KVM_CAP_X2APIC_API kvm_vcpu_ioctl_set_lapic enable_KVM_CAP_SPLIT_IRQCHIP enable_KVM_CAP_X2APIC_API "
    "ioctl_KVM_CREATE_IRQCHIP kvm_make_scan_ioapic_request_mask kvm_make_scan_ioapic_request vcpu_scan_ioapic "
    "vcpu_enter_guest kvm_arch_vcpu_create",
}
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/designs.md").read_text()
TABLES = {title: text for title, _, text in (part.partition("\n") for part in PAGE.split("\n## ")[1:])}
KNOWN: dict[str, type[Machine]] = {**designs(), **mutants(), **VMMS}
PATCHED = {name: cls for name, cls in {**designs(), **mutants()}.items() if vars(cls).get("patch") is not None}


def patched_bases(cls: type) -> Iterator[type]:
    """The nearest classes below with a patch or a name of their own; what stands between is a mixin."""
    for base in cls.__bases__:
        if vars(base).get("patch") is not None or base in VMMS.values():
            yield base
        else:
            yield from patched_bases(base)


def between(cls: type, base: type) -> Iterator[type]:
    """The class and its mixins, down to the base."""
    return (c for c in cls.__mro__ if c not in base.__mro__)


@pytest.mark.parametrize("name", [name for name, cls in PATCHED.items() if cls.patch and cls.patch.base])
def test_a_design_stands_on_the_base_that_it_names(name: str) -> None:
    patch = PATCHED[name].patch
    assert patch is not None
    assert KNOWN[patch.base] in list(patched_bases(PATCHED[name]))


@pytest.mark.parametrize("cls", ORDER)
def test_functions_stand_in_the_order_of_their_c_file(cls: type[Machine]) -> None:
    """So that both can be read side by side."""
    wanted = ORDER[cls].split()
    assert [name for name in vars(cls) if name in wanted] == wanted
    assert cls.__bases__ == (Machine,)


def test_the_tables_are_there() -> None:
    assert {"v1", "split_irqchip_api", "quirk_oct31", "v6"} <= set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_design_restates_what_its_patch_touches(name: str) -> None:
    """Functions and fields of the class are those of the table, and a restated function is of the C file that it names."""
    cls = designs()[name]
    assert cls.patch is not None
    assert f"`model/designs/{name}.py`" in TABLES[name]
    assert not cls.patch.msgid or not re.search(r"`\S+@\S+`", TABLES[name]) or f"`{cls.patch.msgid}`" in TABLES[name]
    own = list(between(cls, designs()[cls.patch.base]))
    functions = {key for c in own for key, value in vars(c).items() if isinstance(value, FunctionType)}
    fields = {
        key for c in own for key, hint in vars(c).get("__annotations__", {}).items() if "ClassVar" not in str(hint)
    }
    rows = re.findall(r"^\| (\w+\.[ch]) \| `(.*?)` \| .+ \| `(\w+)` \|$", TABLES[name], re.MULTILINE)
    assert sorted(row[2] for row in rows) == sorted(functions | fields)
    for file, called, function in rows:
        for source in (str(vars(c)["source"]) for c in Kvm.__mro__ if function in vars(c) and "source" in vars(c)):
            assert source.endswith(f"/{file}")
        if function.startswith("kvm_"):
            assert called == f"{function}()"
        assert (file == "kvm_host.h") == (function in fields)


@pytest.mark.parametrize("vmm", VMMS)
def test_an_ioapic_is_drawn_where_it_is(vmm: str) -> None:
    """In KVM's column if no other chip is there than KVM's."""
    design = compose(designs()["base"], VMMS[vmm], GUESTS["any"], DEVICES["level"])
    lanes = {name_of(design, leaf)[0] for leaf in leaves(design.state_type(Scope())) if leaf.path[0] == "ioapic"}
    in_kernel = vmm in (
        "firecracker",
        "qemu_kernel_irqchip",
        "qemu_kernel_migrated",
        "setup_vmm",
        "any_vmm",
        "errno_vmm",
    )
    assert lanes == {"KVM" if in_kernel else "VMM"}


def test_a_story_with_a_former_name_of_a_step_is_read() -> None:
    story = parse(
        "no_storm: VIOLATED in 1 step\nCell:   kernel=base\nScope:  cpus=1\n\n     CPU0   KVM\n   1   |     *  x86.c:kvm_inject_irq(cpu=0)\n"
    )
    design = compose(designs()["base"], VMMS["qemu"], GUESTS["any"], DEVICES["level"])
    assert path_of(story, Reference(design, Scope())) == [("kvm_check_and_inject_events", (0,))]


def test_former_names_are_no_names_now() -> None:
    design = compose(designs()["base"], VMMS["qemu"], GUESTS["any"], DEVICES["level"])
    assert design.formerly
    assert not set(design.formerly) & set(design.steps())
    assert set(design.formerly.values()) <= set(design.steps())
