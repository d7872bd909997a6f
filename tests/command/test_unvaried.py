"""What a change newly reads of the scope, and no cell varies, is no silent PASS: it is named with the option that asks it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from checker.matrix.select import select, selection
from checker.questions import unvaried as of_choices
from checker.questions.unvaried import unvaried

QEMU = ("--vmm", "qemu", "--guest", "linux")
SMALL = ("--vmm", "qemu", "--scope", "vectors=1,ioapic=0x20")
EOI = "    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:\n"
SEND = "            super().kvm_ioapic_send_eoi(apic, vector)\n"
SET_UP = "    def kvm_vcpu_after_set_cpuid(self, apic: Lapic, x2apic: bool) -> None:\n"
AFTER = "        super().kvm_vcpu_after_set_cpuid(apic, x2apic)\n"
COUNTS = "        self.odd = not self.odd\n"  # a harmless change that every graph shows
HEAD = """\
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    odd: bool

"""
X2APIC = "x2apic=off is in no cell"
READS = {
    "a field that the set-up fills": f"{EOI}{COUNTS}        if apic.cpuid_x2apic:\n{SEND}",
    "the choice": f"{EOI}{COUNTS}        if self.scope.x2apic:\n{SEND}",
    "a function that reads it": (
        f"    def has(self, apic: Lapic) -> bool:\n        return apic.cpuid_x2apic\n\n{EOI}{COUNTS}        if self.has(apic):\n{SEND}"
    ),
    "a field of its own": f"    xapic: bool\n\n{SET_UP}{AFTER}        self.xapic = not x2apic\n\n{EOI}{COUNTS}        if not self.xapic:\n{SEND}",
    "only the set-up": f"{SET_UP}        super().kvm_vcpu_after_set_cpuid(apic, True)\n\n{EOI}{COUNTS}        if True:\n{SEND}",
}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


@pytest.mark.parametrize("body", READS.values(), ids=READS)
def test_what_is_newly_read_and_not_varied_is_not_known(eoi, mine, body):
    mine.write_text(HEAD + body)
    proved = eoi("prove", str(mine), *QEMU, "--brief")
    assert X2APIC in proved.out and "worse in 0 of" in proved.out and proved.code == 3
    told = json.loads(eoi("prove", str(mine), *QEMU, "--json").out)
    assert any(X2APIC in why for why in told["open_because"]) and told["inconclusive"]


def test_a_field_that_only_steps_behind_a_choice_change(eoi, mine):
    """The throttle's counter is 0 in the set-up whatever the throttle; that a step changes it in some cell is found by no state."""
    mine.write_text(
        HEAD.replace("Lapic, Vector", "Lapic, Pin, Trigger")
        + "    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:\n"
        + f"{COUNTS}        if self.ioapic[pin].irq_eoi == 0:\n            super().kvm_ioapic_update_eoi_one(apic, pin, trigger)\n"
    )
    asked = ("prove", str(mine), "--vmm", "firecracker", "--guest", "linux", "--brief")
    found = eoi(*asked)
    said = "--scope throttle=on is in no cell: kvm_ioapic_update_eoi_one() newly reads irq_eoi"
    assert said in " ".join(found.out.split()) and found.code == 3
    assert eoi(*asked, "--scope", "throttle=on").code == 1


OTHERWISE = {
    "a choice": (
        "from model.vmms.qemu import Qemu\nfrom model.machine import RedirectionEntry\n\n\nclass Mine(Qemu):\n    odd: bool\n\n"
        "    def count_eoi(self, rte: RedirectionEntry) -> None:\n        self.odd = not self.odd\n"
        "        if self.scope.throttle and self.odd:\n            rte.irq_eoi = 1\n",
        ("--guest", "windows_cg", "--kernel", "v6", "--scope", "cpus=1,pins=1"), "throttle=on is in no cell: count_eoi() reads throttle otherwise",
    ),
    "a field": (
        HEAD + "    def kvm_apic_set_version(self, apic: Lapic) -> None:\n" + COUNTS
        + "        apic.lvr_directed_eoi = not apic.cpuid_x2apic or not self.ioapic_in_kernel()\n",
        QEMU, "x2apic=off is in no cell: kvm_apic_set_version() reads cpuid_x2apic otherwise",
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", OTHERWISE)
def test_what_a_function_reads_otherwise_than_before(eoi, mine, which):
    text, around, said = OTHERWISE[which]
    mine.write_text(text)
    ran = eoi("prove", str(mine), *around, "--brief")
    assert said in " ".join(ran.out.split()) and ran.code == 3


def test_with_the_value_that_no_cell_has_it_may_be_the_same(mine):
    """As of the merged patch: `cpuid_x2apic and ...` is False there before and after."""
    mine.write_text(
        HEAD + "    def kvm_apic_set_version(self, apic: Lapic) -> None:\n" + COUNTS
        + "        apic.lvr_directed_eoi = apic.cpuid_x2apic and (self.irqchip_split() or not self.ioapic_in_kernel())\n"
    )  # fmt: skip
    assert not unvaried(select(selection(str(mine), roles={"vmm": ["qemu"], "guest": ["linux"]}))[1])


def test_asked_as_it_says_it_is_found(eoi, mine):
    mine.write_text(HEAD + READS["a field that the set-up fills"])
    assert eoi("prove", str(mine), *QEMU, "--scope", "x2apic=off", "--brief").code == 1
    chosen = eoi("prove", str(mine), *QEMU, "--scope", "x2apic=on", "--brief")
    assert "your --scope leaves out x2apic=off: kvm_ioapic_send_eoi() newly reads" in " ".join(chosen.out.split())
    assert chosen.code == 0


@pytest.mark.parametrize(
    "asked",
    [("prove", "--absolute"), ("when", "no_eoi_lost"), ("prove", "--sizes", "1x1x1", "--property", "no_eoi_lost")],
)
def test_of_a_design_alone_too(eoi, mine, asked):
    mine.write_text(HEAD + READS["a field that the set-up fills"])
    command, *rest = asked
    ran = eoi(command, str(mine), *rest, *QEMU, "--scope", "ioapic=0x20")
    assert f"INCONCLUSIVE: --scope {X2APIC}" in ran.out and ran.code == 3


def test_equal_is_not_all_that_nfc_says(eoi, mine):
    mine.write_text(HEAD + READS["a field that the set-up fills"])
    ran = eoi("nfc", "base", str(mine), *QEMU)
    assert "EQUAL in all 2 cells, INCONCLUSIVE" in ran.out and f"not known: --scope {X2APIC}" in ran.out
    assert ran.code == 3
    assert json.loads(eoi("nfc", "base", str(mine), *QEMU, "--json").out)["not_varied"]


@pytest.mark.parametrize(
    ("command", "rest"),
    [
        (("compat", "base"), SMALL),
        (("why",), ("line_is_serviced", *QEMU)),
        (("trace",), ("--property", "no_eoi_lost", *QEMU)),
    ],
)
def test_every_command_that_says_that_nothing_is_wrong_says_it(eoi, mine, command, rest):
    mine.write_text(HEAD + READS["a field that the set-up fills"])
    ran = eoi(*command, str(mine), *rest)
    assert f"INCONCLUSIVE: --scope {X2APIC}: kvm_ioapic_send_eoi() newly reads cpuid_x2apic" in " ".join(
        ran.out.split()
    )
    assert ran.code == 3


def test_compat_says_it_in_json_and_what_was_chosen(eoi, mine):
    mine.write_text(HEAD + READS["a field that the set-up fills"])
    assert X2APIC in json.loads(eoi("compat", "base", str(mine), *SMALL, "--json").out)["not_varied"][0]
    chosen = eoi("compat", "base", str(mine), *SMALL[:-1], f"{SMALL[-1]},x2apic=on")
    assert "your --scope leaves out x2apic=off" in chosen.out and chosen.code == 0


def test_flags_that_a_claim_does_not_speak_of_are_not_left_open_by_compat(eoi, mine):
    mine.write_text(
        HEAD.replace("Lapic,", "ApiFlags, Lapic,")
        + f"{EOI}        if self.scope.flags == ApiFlags.BIT2:\n    {COUNTS}{SEND[4:]}"
    )
    ran = eoi("compat", "base", str(mine), *SMALL, "--claim", "flagless_vmm")
    assert "flags=" not in ran.out and ran.code == 0


def test_a_baseline_is_as_open_as_what_it_is_a_baseline_of(eoi, mine, monkeypatch):
    monkeypatch.chdir(mine.parent)
    roles = '    default_roles = {"vmm": ("qemu",), "guest": ("linux",), "property": ("no_eoi_lost",)}\n'
    mine.write_text(HEAD + roles + READS["a field that the set-up fills"])
    said = f"INCONCLUSIVE: mine.py: --scope {X2APIC}: kvm_ioapic_send_eoi() newly reads cpuid_x2apic"
    for more in (("--write-baseline",), ()):
        ran = eoi("gate", "--baseline", "own.toml", "mine.py", *more)
        assert said in ran.out and ran.code == 3
    told = json.loads(eoi("gate", "--baseline", "own.toml", "--json").out)
    assert any(X2APIC in why for why in told["inconclusive"])


def test_of_a_vmm_a_choice_that_it_no_longer_reads(eoi, mine):
    mine.write_text(
        "from model.vmms.qemu import Qemu\nfrom model.machine import RedirectionEntry\n\n\nclass Mine(Qemu):\n    odd: bool\n\n"
        "    def count_eoi(self, rte: RedirectionEntry) -> None:\n        self.odd = not self.odd\n"
    )
    ran = eoi("prove", str(mine), "--guest", "windows_cg", "--kernel", "v6", "--scope", "cpus=1,pins=1", "--brief")
    assert "--scope throttle=on is in no cell: count_eoi() no longer reads throttle" in " ".join(ran.out.split())


TESTS = Path(__file__).parents[1]
EXAMPLES = sorted(path for folder in ("wrong", "right") for path in (TESTS / folder).glob("*.py"))


def test_no_example_raises_an_alarm():
    """Nor does a function that reads what the one that it replaces reads, too."""
    for path in EXAMPLES:
        *_, last = re.findall(r"^class (\w+)\(", path.read_text(), re.M)
        cells = select(selection(f"{path}:{last}"))[1]
        assert not unvaried(cells), path


def test_what_was_found_is_kept_until_the_file_changes(mine, tmp_path, monkeypatch):
    """To find it systems are lowered, which a command that knows all its answers should not wait for."""
    monkeypatch.setenv("EOI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EOI_ANEW", raising=False)

    def found() -> list[str]:
        cells = select(selection(str(mine), roles={"vmm": ["qemu"], "guest": ["linux"]}))[1]
        return [one.said for one in unvaried(cells)]

    mine.write_text(HEAD + READS["the choice"])
    first = found()
    assert X2APIC in first[0]
    with monkeypatch.context() as patch:
        patch.setattr(of_choices, "_before", None)  # it cannot be looked for
        assert found() == first
        mine.write_text(HEAD + f"{EOI}{COUNTS}{SEND[4:]}")
        with pytest.raises(TypeError):
            found()
    assert found() == []
    mine.write_text(HEAD + READS["the choice"])
    monkeypatch.setenv("EOI_ANEW", "1")
    monkeypatch.setattr(of_choices, "_before", None)
    with pytest.raises(TypeError):
        found()
