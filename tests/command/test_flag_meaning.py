"""A property that reads a flag as v6 means it says so beside what it says of a patch that calls the bit another thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.designs.v6 import V6
from model.machine import ApiFlags
from properties.uapi import READ_AS_V6

OPT_OUT = """\
from model.designs.base import Base
from model.machine import ApiFlags, Errno, Lapic


class Mine(Base):
    \"\"\"Bit 2 takes the offer away: it is no v6's ENABLE.\"\"\"

    api_flags = (ApiFlags.NONE, ApiFlags.BIT2)
    flag_names = {ApiFlags.BIT2: "KVM_X2APIC_API_NO_DIRECTED_EOI"}
    no_directed_eoi: bool

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = apic.cpuid_x2apic and not self.ioapic_in_kernel() and not self.no_directed_eoi

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        self.errno = Errno.EINVAL
        if bit3:
            return
        if bit2:
            self.no_directed_eoi = True
        self.errno = Errno.OK
"""
CELL = ("--vmm", "setup_vmm", "--guest", "lapic", "--scope", "cpus=1,pins=1,vectors=1")
THREE = "enable_needs_a_split_irqchip, enable_never_meets_a_kernel_ioapic, granted_flag_takes_effect read bit 2"
SAID = (
    "as v6's KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST; this patch calls it KVM_X2APIC_API_NO_DIRECTED_EOI, and may mean"
)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(OPT_OUT)
    return path


def test_the_first_screen_and_the_stories_say_it(eoi, mine):
    ran = eoi("prove", str(mine), *CELL)
    first, _, rest = ran.out.partition("\n\n")
    assert f"{THREE} {SAID}" in " ".join(first.split())
    assert f"enable_needs_a_split_irqchip reads bit 2 {SAID}" in " ".join(rest.split())
    assert ran.code == 1, "it is said, and nothing else is judged"
    told = eoi("trace", str(mine), "granted_flag_takes_effect", *CELL)
    assert f"granted_flag_takes_effect reads bit 2 {SAID}" in " ".join(told.out.split())
    every = eoi("prove", str(mine), *CELL, "--stories")
    assert " ".join(every.out.split()).count(f"reads bit 2 {SAID}") == 3


def test_what_bears_v6s_name_or_is_registered_is_read_as_it_is_meant(eoi, mine):
    name = V6.flag_names[ApiFlags.BIT2]
    mine.write_text(OPT_OUT.replace("KVM_X2APIC_API_NO_DIRECTED_EOI", name))
    ran = eoi("prove", str(mine), *CELL)
    assert "granted_flag_takes_effect" in ran.out and "this patch calls it" not in ran.out
    assert "this patch calls it" not in eoi("diff", "base", "v2", *CELL).out


def test_they_are_properties_that_name_the_flag():
    for function, flags in READ_AS_V6.items():
        assert {"BIT2", "BIT3"} & set(function.__code__.co_names) >= {flag.name for flag in flags}
