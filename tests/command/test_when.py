"""`eoi when`: the answer on the first line, in words; what is open or never asked by itself; what is refused; JSON that says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.questions import when
from tests.lift.test_forms import V1_DIFF
from tests.rigs.user_file import GOOD

ONE = ("--scope", "cpus=1,pins=1,vectors=1")
TWO = ("--vmm", "qemu", "--guest", "linux,windows_cg", *ONE)


def test_the_answer_is_on_the_first_line(eoi):
    ran = eoi("when", "v6", "no_eoi_lost", *TWO)
    first, second = ran.out.splitlines()[:2]
    assert ran.code == 0 and first.startswith("v6, no_eoi_lost: holds (15 of 16 cells) iff ")
    assert set(first.partition(" iff ")[2].split(", or ")) == {
        "the guest is linux", "the I/O APIC is 0x20 (with an EOI register)", "the flags are not BIT2",
    }  # fmt: skip
    assert second == (
        "  is violated (1 of 16 cells) iff the guest is windows_cg, the I/O APIC is 0x11 (without an EOI register) and the flags are BIT2"
    )
    assert "BIT2 is KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST in v6" in ran.out
    assert "windows_cg: Windows with Credential Guard" in ran.out


def test_it_fits_a_narrow_screen(eoi, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ran = eoi("when", "v6", *TWO)
    assert all(len(line) <= 80 and line.isascii() for line in ran.out.splitlines())
    assert ran.out.startswith("v6: ") and " depend on these choices\n" in ran.out


def test_what_never_comes_up_does_not_hold(eoi):
    out = eoi("when", "v1", "no_reinjection", *TWO).out
    assert out.startswith("v1, no_reinjection: holds (2 of 4 cells) iff the guest is windows_cg\n")
    assert "\n  never comes up (2 of 4 cells) iff the guest is linux\n" in out


def test_a_guest_of_whom_it_is_not_asked_and_a_version_that_a_vmm_has_not(eoi):
    out = eoi("when", "v1", "no_eoi_lost", "--vmm", "qemu,openvmm", "--guest", "linux,windows_cg,any", *ONE).out
    assert "\n  is not asked where the guest is any (3 cells)\n" in out
    assert "true also of combinations that no cell has: holds 2, e.g. openvmm, linux, 0x20" in out


def test_a_part_of_the_scope_as_a_choice(eoi):
    out = eoi(
        "when", "v1", "no_eoi_lost", "--vary", "x2apic=on,off", "--vary", "cpus=1,2", *TWO[:-1], "pins=1,vectors=1"
    ).out
    conditions, choices = out.partition("kernel design")[0].split("\nChoices: ")
    assert "or x2apic is off" in conditions and "of 16 cells" in conditions and "cpus" not in conditions
    assert "; x2apic on, off; cpus 1, 2" in choices


def test_of_a_patch_and_of_a_file(eoi, tmp_path):
    (tmp_path / "fix.patch").write_text(V1_DIFF)
    (tmp_path / "mine.py").write_text(GOOD)
    of_patch = eoi("when", str(tmp_path / "fix.patch"), "no_eoi_lost", *TWO)
    assert (
        of_patch.code == 0
        and ", no_eoi_lost: holds (3 of 4 cells) iff the guest is linux, or the I/O APIC is 0x20" in of_patch.out
    )
    assert eoi("when", str(tmp_path / "mine.py"), "no_eoi_lost", "--vmm", "qemu", "--guest", "linux", *ONE).code == 3


def test_what_a_limit_leaves_open_is_never_folded(eoi):
    ran = eoi("when", "v1", "no_eoi_lost", *TWO, "--max-states", "13")
    assert ran.code == 3 and "is INCONCLUSIVE" in ran.out
    told = json.loads(eoi("when", "v1", "no_eoi_lost", *TWO, "--max-states", "13", "--json").out)
    says = {one["says"]: one["cells"] for one in told["properties"][0]["says"]}
    assert told["inconclusive"] and says["OPEN"] >= 1 and sum(says.values()) == 4


def test_after_ctrl_c(eoi, after_one_cell):
    ran = eoi(
        "when", "base", "no_eoi_lost", "--vmm", "qemu,crosvm,openvmm", "--guest", "linux", "--scope", "cpus=1,pins=1"
    )
    assert ran.code == 3 and "is INCONCLUSIVE (" in ran.out and "interrupted" in ran.out


def test_a_minimiser_that_drops_a_condition_ends_with_4(eoi, monkeypatch):
    cover = when.cover
    monkeypatch.setattr(when, "cover", lambda axes, on, off: cover(axes, on, off)[1:])
    ran = eoi("when", "v1", "no_eoi_lost", *TWO)
    assert ran.code == 4 and ran.out == "" and "internal error, not a verdict: when no_eoi_lost in v1, qemu" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a DESIGN, and properties if not all"),
        (("v1", "no_eoi_lots"), "did you mean 'no_eoi_lost'?"),
        (("v1", "v6"), "unknown property 'v6'"),
        (("v1", "no_eoi_lost", "--vary", "cpu=1"), "did you mean 'cpus'?"),
        (("v1", "no_eoi_lost", "--vary", "cpus=1,x"), "--vary cpus=x: a number from 1 to 64 is needed"),
        (("v1", "no_eoi_lost", "--vary", "cpus=1,2", *ONE), "--vary cpus=1,2: cpus has a value before"),
        (("v1", "--write", "x.md"), "--write FILE is about every registered design"),
        (("--write", "no/such/folder/x.md"), "no/such/folder"),
    ],
)
def test_what_is_refused(eoi, words, said):
    ran = eoi("when", *words)
    assert ran.code == 2 and said in ran.err and ran.out == ""
    assert not Path("x.md").exists()


def test_json_says_what_the_text_says(eoi):
    told = json.loads(eoi("when", "v1", "no_eoi_lost", *TWO, "--json").out)
    (of,) = told["properties"]
    assert (told["format"], told["design"], told["inconclusive"]) == ("eoiproof when 1", "v1", False)
    assert of["axes"] == {"guest": ["linux", "windows_cg"], "ioapic": ["0x11", "0x20"]}
    says = {one["says"]: one for one in of["says"]}
    assert says["VIOLATED"]["iff"] == [{"guest": ["windows_cg"], "ioapic": ["0x11"]}] and says["VIOLATED"]["cells"] == 1
    assert sorted(map(str, says["HOLDS"]["iff"])) == ["{'guest': ['linux']}", "{'ioapic': ['0x20']}"]
    text = eoi("when", "v1", "no_eoi_lost", *TWO).out
    assert all(word in text for one in of["says"] for word in one["words"])


def test_a_choice_that_is_called_as_a_role_is_not_the_role(eoi, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import dataclass\nfrom enum import Enum\nfrom model.designs.base import Base\n"
        "from model.machine import Lapic, Scope, Vector\n\n\nclass Who(Enum):\n    linux = 0\n    other = 1\n\n\n"
        "@dataclass(frozen=True)\nclass Mine(Scope):\n    guest: Who = Who.linux\n\n\n"
        "class Chosen(Base):\n    scope: Mine\n\n    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:\n"
        "        if self.scope.guest == Who.other:\n            return\n        super().kvm_ioapic_send_eoi(apic, vector)\n"
    )
    out = eoi("when", str(path), "no_eoi_lost", "--vmm", "qemu", "--guest", "windows_cg", *ONE).out
    assert "scope.guest is linux" in out and "the guest is" not in out
