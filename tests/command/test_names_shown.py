"""What names, titles and commands look like: `eoi list`, the bits of the flags, the anchors of a story."""

from __future__ import annotations

import re
import shlex

import pytest

from checker.command.list import WIDTH, listing
from checker.matrix.roles import DEVICES, GUESTS, VMMS, all_properties, designs, registered
from checker.stories.replay import functions_of
from model.machine import ApiFlags

pytestmark = pytest.mark.unit

ENABLE, DISABLE = "KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST", "KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST"


@pytest.mark.parametrize("name", ["ENABLE", "DISABLE"])
def test_a_flag_by_its_name_in_the_kernel_is_told_its_bit(eoi, name):
    ran = eoi("prove", "--absolute", "v6", "--scope", f"flags={name}")
    assert ran.code == 2 and "0x0, 0x4, 0x8, 0xc; by name NONE, BIT2, BIT3, BOTH" in ran.err
    for bit, flag in (("BIT2", ENABLE), ("BIT3", DISABLE)):
        line = next(x for x in ran.err.splitlines() if x.strip().startswith(f"{bit} is {flag} in "))
        assert {"v4", "v5", "v6"} <= set(line.replace(",", " ").split()) and "base" not in line.split()


def test_each_design_that_tries_a_bit_has_a_name_for_it():
    found = 0
    for name, cls in designs().items():
        bits = {bit for flags in cls.api_flags for bit in (ApiFlags.BIT2, ApiFlags.BIT3) if flags.value & bit.value}
        if cls.lane == "KVM":
            assert bits == set(cls.flag_names), name
            found += bool(bits)
    assert found > 8


def test_prove_says_once_what_the_bits_are(eoi):
    small = ("--vmm", "qemu", "--guest", "linux", "--property", "no_storm", "--scope", "cpus=1,pins=1,ioapic=0x20")
    for brief in ((), ("--brief",)):
        out = eoi("prove", "--absolute", "v6", *small, *brief).out
        assert "BIT2, linux" in out and out.count(f"\nBIT2 is {ENABLE} in v6\nBIT3 is {DISABLE} in v6\n\n") == 1
    assert "DISABLE_IGNORE" in eoi("prove", "--absolute", "v3", *small).out
    assert "BIT2" not in eoi("prove", "--absolute", "base", *small).out


@pytest.mark.parametrize(("kind", "family"), [("guests", GUESTS), ("vmms", VMMS), ("devices", DEVICES)])
def test_titles_are_whole_and_wrapped(kind, family):
    lines = listing(kind)
    assert all(len(line) <= WIDTH for line in lines)
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(family)
    text = " ".join(" ".join(lines).split())
    if kind == "guests":
        assert (
            "the hard half wakes the thread if its device wants service, else EOI and unmask." in text
        )  # on two lines
    for name in family:
        title = re.split(rf"(?:^| ){name} ", text, maxsplit=1)[1]
        assert re.match(r"[^\n]{20,}?\.(?: |$)", title), name


@pytest.mark.parametrize("kind", ["designs", "bugs", "guests", "vmms", "devices"])
def test_no_two_names_have_the_same_text(kind):
    """Also classes that share a module, as seL4 and Linux's threads do: each is told by what is its own."""
    texts = dict[str, str]()
    name = ""
    for line in listing(kind):
        name = name if line.startswith(" ") else line.split()[0]
        texts[name] = texts.get(name, "") + " " + line.removeprefix(name).strip()
    assert len(texts) > 3 and len(set(texts.values())) == len(texts)


def test_the_most_general_guest_does_not_claim_more_than_its_steps():
    assert "any access to any register" not in "\n".join(listing("guests"))
    left_out = next(x for x in listing("simplifications") if x.startswith("model/guests/any_guest.py"))
    assert "no IPIs (ICR" in left_out
    assert set(GUESTS["any"].steps()) == {
        "write_spiv",
        "write_apic_eoi",
        "write_ioapic_eoi",
        "write_rte",
        "service_device",
    }


def test_a_sizes_range_is_listed(eoi):
    assert "cpus=2         size: 1 to 64\n" in eoi("list", "scope").out
    assert "a number from 1 to 64" in eoi("prove", "--absolute", "base", "--scope", "cpus=65").err


def test_a_boot_step_of_every_guest_is_not_anchored_in_a_driver_file():
    """setup_local_APIC() is Linux's arch/x86/kernel/apic/apic.c, which no guest's `source` is."""
    for name in GUESTS:
        anchors = {f.anchor for f in functions_of(registered("guest", name)).values() if f.name == "setup_local_APIC"}
        assert anchors <= {"setup_local_APIC()"}, name
    assert {f.anchor for f in functions_of(GUESTS["linux_tmr0"]).values() if f.name == "fixup_irqs"} == {
        "irq.c:fixup_irqs()"
    }


def test_a_long_scope_is_several_options_that_mean_the_same(eoi):
    told = eoi("trace", "base", "--vmm", "qemu", "--guest", "linux", "--property", "suppression_offered",
               "--scope", "cpus=10,pins=1", "--scope", "ioapic=0x11,x2apic=on", "--max-states", "2000")  # fmt: skip
    block = told.out[told.out.index("Reproduce:") : told.out.index("Replay:")]
    assert block.count("--scope ") == 2 and all(line.startswith("    ") for line in block.splitlines()[1:])
    arguments = shlex.split(block.replace("Reproduce: eoi ", "").replace("\\\n", ""))
    assert eoi(*arguments, "--max-states", "2000").out == told.out


def test_properties_that_are_asked_of_every_system_are_listed_first(eoi):
    names = [line.split()[0] for line in eoi("list", "properties").out.splitlines() if line[0] != " "]
    everywhere = [name for name, p in all_properties().items() if not p.only_for]
    assert names[0] == "no_eoi_lost" and names[: len(everywhere)] == everywhere and set(names) == {*all_properties()}
