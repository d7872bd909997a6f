"""What a user's file brings is tried: flags that it answers to, choices of its scope, in every combination if these are few."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

WINDOWS = ("--vmm", "qemu", "--guest", "windows_cg", "--property", "no_storm", "--scope", "cpus=1,pins=1,ioapic=0x20")
LINUX = ("--vmm", "qemu", "--guest", "linux", "--property", "no_eoi_lost", "--scope", "cpus=1,pins=1,ioapic=0x20")

# The draft of October 2025, and nothing said of api_flags.
CAPABILITY = """\
from model.designs.base import Base
from model.machine import Errno, IrqchipMode, Lapic


class Oct3(Base):
    disabled: bool

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = apic.cpuid_x2apic and not self.ioapic_in_kernel() and not self.disabled

    def enable_KVM_CAP_SPLIT_IRQCHIP_API(self, disable_suppression: bool) -> None:
        self.disabled = self.disabled or disable_suppression
        self.errno = Errno.OK
"""
CHOICES = """\
from dataclasses import dataclass
from enum import Enum
from model.designs.base import Base
from model.machine import Lapic, Scope, Vector


class How(Enum):
    USUAL = 0
    NEVER = 1
    TWICE = 2


@dataclass(frozen=True)
class MyScope(Scope):
    how: How = How.USUAL
    quiet: bool = False


class Mine(Base):
    scope: MyScope

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if self.scope.how == How.NEVER or self.scope.quiet:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


def cells(out: str) -> list[str]:
    """The titles of the grid's rows."""
    return re.findall(r"^(qemu .*?), \w+, level ", out, re.M)


def test_a_flag_that_the_file_answers_to_is_tried(eoi, mine):
    mine.write_text(CAPABILITY)
    ran = eoi("diff", "base", str(mine), *WINDOWS, "--brief")
    assert "FIXED         no_storm                qemu 0x20 BIT3, windows_cg, level" in ran.out
    assert "STILL BROKEN  no_storm                qemu 0x20, windows_cg, level" in ran.out
    assert ran.code == 0


@pytest.mark.parametrize(
    ("said", "tried"),
    [("(ApiFlags.NONE,)", ["qemu 0x20"]), ("(ApiFlags.BIT3,)", ["qemu 0x20 BIT3"]), ("tuple(ApiFlags)", 4)],
)
def test_what_the_file_says_of_its_flags_counts(eoi, mine, said, tried):
    mine.write_text(
        CAPABILITY.replace("disabled: bool", f"api_flags = {said}\n    disabled: bool").replace(
            "import Errno", "import ApiFlags, Errno"
        )
    )
    found = cells(eoi("prove", "--absolute", str(mine), *WINDOWS, "--brief").out)
    assert found == tried or len(found) == tried


def test_a_vmm_that_reads_the_flags_is_tried_with_each(eoi, mine):
    mine.write_text("""\
from model.vmms.crosvm import Crosvm


class Mine(Crosvm):
    def enable_capabilities(self) -> None:
        self.enable_cap_api(self.scope.flags)
""")
    asked = ("--kernel", "v6", *LINUX[2:], "--brief")
    assert (
        len(re.findall("mine.py 0x20( BIT2| BIT3| BOTH|), linux", eoi("prove", "--absolute", str(mine), *asked).out))
        == 4
    )
    mine.write_text(mine.read_text().replace("self.scope.flags", "ApiFlags.NONE").replace("\n\n\n", "\nfrom model.machine import ApiFlags\n\n\n", 1))  # fmt: skip
    assert (
        len(re.findall("mine.py 0x20( BIT2| BIT3| BOTH|), linux", eoi("prove", "--absolute", str(mine), *asked).out))
        == 1
    )


def test_each_choice_is_tried_by_itself_and_with_the_others(eoi, mine):
    mine.write_text(CHOICES)
    usual = "qemu 0x20"
    proved = eoi("prove", "--absolute", str(mine), *LINUX, "--brief")
    both = [f"{usual} how=NEVER quiet=on", f"{usual} how=TWICE quiet=on"]
    assert cells(proved.out) == [usual, f"{usual} how=NEVER", f"{usual} how=TWICE", f"{usual} quiet=on", *both]
    assert proved.code == 1
    ran = eoi("diff", "base", str(mine), *LINUX, "--json")
    told = json.loads(ran.out)
    worse = [c["cell"] for c in told["changes"] if c["kind"] == "REGRESSED"]
    choices = ("how=NEVER", "quiet=on", "how=NEVER quiet=on", "how=TWICE quiet=on")
    assert worse == [f"{usual} {choice}, linux, level" for choice in choices]
    assert len(told["graphs"]) == 6 and ran.code == 1


def test_what_only_two_choices_together_break_is_found(eoi, mine):
    mine.write_text(CHOICES.replace("how == How.NEVER or", "how == How.NEVER and"))
    ran = eoi("prove", str(mine), *LINUX, "--brief")
    assert "REGRESSED     no_eoi_lost" in ran.out and "worse in 1 of 6 cells" in ran.out and ran.code == 1
    assert eoi("nfc", "base", str(mine), *LINUX[:4], *LINUX[-2:]).code == 1
    told = eoi("when", str(mine), "no_eoi_lost", *LINUX[:4], *LINUX[-2:]).out
    assert "is violated (1 of 6 cells) iff how is NEVER and quiet is on" in told and "no cell has" not in told


MANY = """\
from dataclasses import dataclass
from model.designs.base import Base
from model.machine import Lapic, Scope, Vector


@dataclass(frozen=True)
class MyScope(Scope):
    a: bool = False
    b: bool = False
    c: bool = False
    d: bool = False
    e: bool = False


class Mine(Base):
    scope: MyScope
    odd: bool

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        self.odd = not self.odd
        if not (self.scope.a and self.scope.b and self.scope.c and self.scope.d and self.scope.e):
            super().kvm_ioapic_send_eoi(apic, vector)
"""


def test_more_combinations_than_are_tried_are_not_known(eoi, mine):
    mine.write_text(MANY)
    left = "26 combinations of a, b, c, d, e in no cell, e.g. --scope a=off,b=off,c=off,d=on,e=on"
    proved = eoi("prove", str(mine), *LINUX, "--brief")
    assert "worse in 0 of 6 cells" in proved.out and f"not known: {left}" in proved.out and proved.code == 3
    same = eoi("nfc", "base", str(mine), *LINUX[:4], *LINUX[-2:])
    assert f"not known: {left}" in " ".join(same.out.split()) and same.code == 3
    told = eoi("when", str(mine), "no_eoi_lost", *LINUX[:4], *LINUX[-2:])
    assert "holds in all 6 cells" in told.out and "true also" not in told.out
    assert f"INCONCLUSIVE: {left}" in told.out and told.code == 3


def test_of_those_that_scope_leaves_all_are_tried(eoi, mine):
    mine.write_text(MANY)
    asked = (*LINUX[:-1], f"{LINUX[-1]},a=on", "--brief")
    ran = eoi("prove", str(mine), *asked)
    assert "worse in 1 of 16 cells" in ran.out and "a=on b=on c=on d=on e=on" in ran.out and ran.code == 1


def test_what_scope_says_is_not_varied_and_a_story_says_its_choice(eoi, mine):
    mine.write_text(CHOICES)
    asked = (*LINUX[:-1], f"{LINUX[-1]},how=TWICE", "--brief")
    assert cells(eoi("prove", "--absolute", str(mine), *asked).out) == [
        "qemu 0x20 how=TWICE",
        "qemu 0x20 how=TWICE quiet=on",
    ]
    story = eoi("trace", str(mine), *LINUX).out
    assert "how=0x1" in story and "quiet=off" in story


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("many: list[int] = field(default_factory=list)", "MyScope.many is no number, bool or Enum"),
        ("many: tuple[int, ...] = (1, 2)", "MyScope.many is no number, bool or Enum"),
        ("many: str = 'some'", "MyScope.many is no number, bool or Enum"),
        ("many: int = field(kw_only=True)", "MyScope.many has no default"),
        ("sizes: int = 2", "'sizes' is what the checker asks a scope for"),
        ("choices: bool = False", "'choices' is what the checker asks a scope for"),
        ("many = [1, 2]", "MyScope.many is no field of the scope"),
        ("many: list[int] = [1, 2]", "mutable default"),
    ],
)
def test_a_scope_of_anything_else_is_refused(eoi, mine, line, said):
    mine.write_text(CHOICES.replace("quiet: bool = False", f"quiet: bool = False\n    {line}").replace("dataclasses import", "dataclasses import field,"))  # fmt: skip
    ran = eoi("prove", "--absolute", str(mine), *LINUX)
    assert ran.code == 2 and re.match(rf"eoi: {mine}:\d+: ", ran.err) and said in ran.err


def test_a_tuple_of_anything_else_is_not_made_while_the_file_is_read(eoi, mine):
    for made in ("tuple(How)", "tuple([1])", "ApiFlags(4)", "list(ApiFlags)", "tuple()"):
        text = CHOICES.replace("scope: MyScope", f"scope: MyScope\n    api_flags = {made}")
        mine.write_text(text.replace("import Lapic", "import ApiFlags, Lapic"))
        ran = eoi("prove", "--absolute", str(mine), *LINUX)
        assert ran.code == 2 and "calls nothing while it is read" in ran.err, made
