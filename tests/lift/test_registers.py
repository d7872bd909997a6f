"""The EOI register of the I/O APIC in the kernel, and its version: patches that bring them are lifted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.errors import UserError
from tests.command.conftest import Ran
from tests.lift.test_forms import function, lift
from tests.rigs.own_ioapic import REGISTERS, changed
from tests.rigs.volume import at_once

FIRST, ABOVE = "static unsigned long ioapic_read_indirect(", "#define IOAPIC_REG_EOI 0x40\n\n"
CASE = "	case IOAPIC_REG_EOI:\n{}		break;\n\n	default:\n"
ENDS = "		kvm_ioapic_update_eoi(vcpu, data & 0xff, IOAPIC_LEVEL_TRIG);\n"
VERSION = "(IOAPIC_VERSION_ID & 0xff));\n"
HEAD = "from model.designs.base import Base\nfrom model.machine import IoapicVersion, Trigger, Vector\n\n\nclass Mine(Base):\n"
REGISTER = """\
    def kvm_ioapic_write_eoi(self, vector: Vector) -> None:
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                self.kvm_ioapic_update_eoi_one(self.apic[rte.dest], pin, {})
"""
NEWER = "    def kvm_ioapic_version(self) -> IoapicVersion:\n        return IoapicVersion.V20\n"


def patch(*changes: tuple[str, str], context: int = 3) -> str:
    return changed((FIRST, ABOVE + FIRST), *changes, context=context, of=REGISTERS)


def brings(body: str) -> tuple[str, str]:
    return "	default:\n", CASE.format(body)


PINS = """\
		for (i = 0; i < IOAPIC_NUM_PINS; i++) {
			union kvm_ioapic_redirect_entry *ent = &ioapic->redirtbl[i];

			if (ent->fields.vector != data)
				continue;
			kvm_ioapic_update_eoi_one(vcpu, ioapic, ent->fields.trig_mode, i);
		}
"""
# what the C brings, the class that one would write, what it makes worse; under a guest that writes the register
CASES: dict[str, tuple[list[tuple[str, str]], str, str]] = {
    "a register": ([brings(PINS)], REGISTER.format("rte.trigger"), ""),
    "a register and its version": ([brings(PINS), (VERSION, "0x20);\n")], REGISTER.format("rte.trigger") + "\n" + NEWER, ""),
    "every pin that has the vector was level": ([brings(ENDS), (VERSION, "0x20);\n")], REGISTER.format("Trigger.LEVEL") + "\n" + NEWER, "edge_is_sent_as_it_rises"),
    "every pin that has the vector was edge": ([brings(ENDS.replace("LEVEL", "EDGE").replace(" & 0xff", ""))], REGISTER.format("Trigger.EDGE"), ""),
    "a version without its register": ([(VERSION, "(0x20 & 0xff));\n")], NEWER, ""),
    "a register at its number": ([(brings(PINS)[0], brings(PINS)[1].replace("IOAPIC_REG_EOI", "0x40"))], REGISTER.format("rte.trigger"), ""),
}  # fmt: skip


@pytest.mark.parametrize("which", at_once(CASES, 6))
def test_is_what_one_writes_by_hand(which: str, eoi: Callable[..., Ran], tmp_path: Path) -> None:
    changes, by_hand, worse = CASES[which]
    (tmp_path / "p.patch").write_text(patch(*changes))
    (tmp_path / "mine.py").write_text(HEAD + by_hand)
    asked = ("--vmm", "qemu_kernel_irqchip", "--guest", "any", "--scope", "cpus=1,pins=1,ioapic=0x20", "--brief")
    ran = eoi("diff", str(tmp_path / "mine.py"), str(tmp_path / "p.patch"), *asked)
    assert re.search(r"same reachable graph in (the 1|1 of 1) cell\b", ran.out), ran.out + ran.err
    ran = eoi("prove", str(tmp_path / "p.patch"), *asked)
    told = re.findall(r"^REGRESSED +(\w+)", ran.out, re.M)
    assert (worse in told) if worse else told == [], ran.out


@pytest.mark.parametrize("which", CASES)
def test_with_any_context_it_is_the_same(which: str, tmp_path: Path) -> None:
    few, some, whole = (lift(tmp_path, patch(*CASES[which][0], context=n)).source for n in (2, 8, 40))
    names = re.findall(r"def (\w+)", whole)
    assert names and all(function(few, n) == function(some, n) == function(whole, n) for n in names)


REFUSED = {
    "another register": ([(brings(ENDS)[0], brings(ENDS)[1].replace("IOAPIC_REG_EOI", "0x44"))], "ioapic_mmio_write(), case 68: the model does not have it"),
    "a case that does not end": ([("	default:\n", "	case IOAPIC_REG_EOI:\n" + ENDS + "	default:\n")], "ioapic_mmio_write(): the new `case IOAPIC_REG_EOI` is not shown to its end"),
    "another number of pins": ([("(((IOAPIC_NUM_PINS - 1) & 0xff) << 16)", "(((IOAPIC_NUM_PINS) & 0xff) << 16)")], "no row of the table covers `(((IOAPIC_NUM_PINS & 255) << 16) | (IOAPIC_VERSION_ID & 255))`"),
    "a version that there is not": ([(VERSION, "0x21);\n")], "no row of the table covers `33`"),
    "half of the vector": ([brings(ENDS.replace("0xff", "0xf"))], "no row of the table covers `(data & 15)`"),
    "a pin that is none": ([brings(PINS.replace("i < IOAPIC_NUM_PINS", "i <= IOAPIC_NUM_PINS"))], "no row of the table covers the loop `for(i = 0, (i <= IOAPIC_NUM_PINS), i++)`"),
}  # fmt: skip


@pytest.mark.parametrize("which", REFUSED)
def test_what_is_not_lifted_is_said(which: str, tmp_path: Path) -> None:
    changes, said = REFUSED[which]
    with pytest.raises(UserError) as refused:
        lift(tmp_path, patch(*changes))
    assert said in str(refused.value), refused.value


def test_that_the_writer_is_taken_for_another_one_is_said(tmp_path: Path) -> None:
    found = lift(tmp_path, patch(brings(PINS)))
    assert any("who writes is taken to be whom the pin interrupts" in line for line in found.left_out)
