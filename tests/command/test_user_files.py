"""A patch of the user's: a file of at most twelve lines, outside the repository, passed by path."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest

from checker.matrix.calls import ACTORS
from checker.matrix.loader import line_of_diff, load_design, load_properties
from checker.matrix.roles import DEVICES, GUESTS, VMMS, designs, special_roles
from model.designs.base import Base
from tests.rigs.user_file import GOOD, WINDOWS

PROVE = ("prove", "--absolute")

# (what is wrong, the change to GOOD, the line that must be named, words of the message)
BAD = [
    ("field", ("spiv_directed_eoi", "spiv_direct_eoi"), 9, "did you mean 'spiv_directed_eoi'?"),
    ("syntax", ("if apic.spiv_directed_eoi:", "if apic.spiv_directed_eoi"), 9, "syntax error"),
    ("signature", ("vector: Vector) -> None", "vector: Vector, cpu: int) -> None"), 8, "changes the signature"),
    ("construct", ("if apic.spiv_directed_eoi:", "while apic.spiv_directed_eoi:"), 9, "`while` is not in the language"),
    ("base", ("class Mine(Base)", "class Mine(Bse)"), 5, "unknown name 'Bse'"),
    ("import", ("import Base\n", "import Bass\n"), 1, "did you mean 'Base'?"),
    ("module", ("model.designs.base", "model.designs.bse"), 1, "no module 'model.designs.bse'"),
    ("function", ("def kvm_ioapic_send_eoi", "def kvm_ioapic_sendeoi"), 8, "did you mean 'kvm_ioapic_send_eoi'?"),
    ("loop at import", ("\n\nclass", "\nwhile True: pass\nclass"), 4, "only imports and defines"),
    ("exit at import", ("\n\nclass", "\nraise SystemExit(0)\nclass"), 4, "only imports and defines"),
    ("call at import", ("\n\nclass", "\nx = sum(iter(int, 1))\nclass"), 4, "calls nothing while it is read"),
    ("call in class", ('    """Obey SPIV bit 12."""', "    print(1)"), 6, "only imports and defines"),
    ("exception", ("\n\nclass", "\nx = 1 // 0\nclass"), 4, "ZeroDivisionError"),
    ("call", ("super().kvm_ioapic_send_eoi", "super().kvm_ioapic_send_eio"), 11, "did you mean 'kvm_ioapic_send_eoi'?"),
    ("recursion", ("super().", "self."), 11, "recursion is not in the language\n"),
    *(
        (
            "too deep",
            ("if apic.spiv_directed_eoi:", f"if {deep}:"),
            9,
            "it is nested too deep to be read: at most 100 in",
        )
        for deep in [
            "not " * 300 + "apic.spiv_directed_eoi",
            "apic.spiv_directed_eoi" + " and apic.spiv_directed_eoi" * 3_000,
            "apic.spiv_directed_eoi" + " == apic.spiv_directed_eoi" * 3_000,
            "apic.spiv_directed_eoi in (" + "False, " * 3_000 + ")",
        ]
    ),
    *(
        ("declared", ('"""Obey SPIV bit 12."""', wrong), 6, f"{wrong.partition(' =')[0]} of Mine has to be {said}")
        for wrong, said in [
            ("scope_defaults = 5", "a dict {text: value}"),
            ("scope_defaults = {1: 2}", "a dict {text: value}"),
            ("default_roles = 5", "a dict {text: (text, ...)}"),
            ("default_roles = {'vmm': 'qemu'}", "a dict {text: (text, ...)}"),
            ("meets = 5", "a dict {text: (text, ...)}"),
            ("meets = {'vmm': 5}", "a dict {text: (text, ...)}"),
            ("api_flags = Vector", "a tuple (ApiFlags, ...)"),
            ("api_flags = (4,)", "a tuple (ApiFlags, ...)"),
            ("flag_names = 7", "a dict {ApiFlags: text}"),
            ("flag_names = {1: 2}", "a dict {ApiFlags: text}"),
            ("has_modes = 1", "True or False"),
            ("called = 5", "text or None"),
            ("patch = 'a title'", "Patch(title=text, author=text, "),
        ]
    ),
    (
        "date",
        (
            "\n\nclass Mine(Base):\n",
            "from model.lang import Patch\nclass Mine(Base):\n    patch = Patch('t', date=5)\n",
        ),
        5,
        "patch of Mine has to be",
    ),
]


@pytest.fixture
def patch_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    return path


def test_the_good_file_has_at_most_twelve_lines():
    assert len(GOOD.splitlines()) <= 12


def test_a_patch_by_path_gives_the_verdicts_of_v1(eoi, patch_file):
    both = (*WINDOWS, "--guest", "linux")  # one suppresses, one does not: each line is run
    assert eoi(*PROVE, str(patch_file), *both, "--scope", "ioapic=0x20").code == 0
    for scope in ("ioapic=0x11", "ioapic=0x20"):
        mine = eoi(*PROVE, str(patch_file), *both, "--scope", scope, "--brief")
        v1 = eoi(*PROVE, "v1", *both, "--scope", scope, "--brief")
        told, of_v1 = (
            [x for x in r.out.splitlines() if not x.startswith(("NOT LOOKED AT", "measured"))] for r in (mine, v1)
        )
        assert (mine.code, told[2:]) == (v1.code, of_v1[2:])


def test_a_story_that_the_base_has_too_says_so_and_replays(eoi, patch_file, tmp_path):
    asked = (*WINDOWS, "--scope", "ioapic=0x11,cpus=1,pins=1")
    told = eoi("trace", str(patch_file), *asked, "--property", "advertised_is_backed")
    said, empty, headline, *_ = told.out.splitlines()
    assert (
        said
        == f"base violates advertised_is_backed here, too: 0 steps (`eoi diff base {patch_file}` tells what changes)"
    )
    assert (empty, headline) == ("", "advertised_is_backed: VIOLATED in 0 steps (shortest)")
    story = tmp_path / "story.txt"
    story.write_text(told.out)
    replayed = eoi("replay", str(story))
    assert replayed.code == 1 and "REPRODUCED" in replayed.out and "NOT" not in replayed.out
    as_json = eoi("trace", str(patch_file), *asked, "--property", "advertised_is_backed", "--json")
    assert said in as_json.err and json.loads(as_json.out)
    for design in (str(patch_file), "v1"):  # its own violation; and a registered design's is nobody else's
        assert eoi("trace", design, *asked, "--property", "no_eoi_lost").out.startswith("no_eoi_lost: VIOLATED")


def test_its_story_names_the_file_and_replays(eoi, patch_file, tmp_path):
    told = eoi("trace", str(patch_file), *WINDOWS, "--scope", "ioapic=0x11", "--property", "no_eoi_lost")
    assert told.code == 1 and "mine.py" in told.out
    story = tmp_path / "story.txt"
    story.write_text(told.out)
    assert eoi("replay", str(story)).code == 1


@pytest.mark.parametrize(("change", "line", "said"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_file_is_exit_code_2_and_points_at_the_line(eoi, patch_file, monkeypatch, change, line, said):
    monkeypatch.setattr("checker.matrix.loader.SECONDS", 0.5)
    assert GOOD.count(change[0]) >= 1
    patch_file.write_text(GOOD.replace(*change))
    ran = eoi(*PROVE, str(patch_file), *WINDOWS)
    assert ran.code == 2
    assert f"{patch_file}:{line}: " in ran.err
    assert said in ran.err


@pytest.mark.parametrize(
    "deep",
    ["-" * 5_000 + "1", "-" * 100_000 + "1", "not " * 3_000 + "1", "1 + " * 20_000 + "1"],
    ids=["minus", "more", "not", "plus"],
)
def test_what_python_s_parser_finds_too_deep_is_said_to_be(eoi, patch_file, deep):
    """It knows no line; another version of it may read on, and then the line is known."""
    patch_file.write_text(GOOD.replace("\n\nclass", f"\nX = {deep}\nclass"))
    ran = eoi(*PROVE, str(patch_file), *WINDOWS)
    assert ran.code == 2 and re.match(
        rf"eoi: {re.escape(str(patch_file))}(:4)?: it is nested too deep to be read", ran.err
    )


def test_what_is_as_deep_as_may_be_is_read(eoi, patch_file):
    for deep in ("not " * 90 + "apic.spiv_directed_eoi", "apic.spiv_directed_eoi" + " and apic.spiv_directed_eoi" * 90):
        patch_file.write_text(GOOD.replace("if apic.spiv_directed_eoi:", f"if {deep}:"))
        both = (*WINDOWS, "--guest", "linux")  # one suppresses, one does not: each line is run
        asked = (*both, "--scope", "cpus=1,pins=1,ioapic=0x20", "--property", "no_storm")
        assert eoi(*PROVE, str(patch_file), *asked).code == 0  # as of GOOD: it is no other condition


def test_a_file_without_a_design(eoi, tmp_path):
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    ran = eoi(*PROVE, str(path))
    assert ran.code == 2 and "no design in this file" in ran.err


def test_a_file_with_two_designs_asks_which(eoi, tmp_path):
    path = tmp_path / "two.py"
    path.write_text(GOOD + "\n\nclass Other(Base):\n    source = 'lapic.c'\n")
    ran = eoi(*PROVE, str(path), *WINDOWS)
    assert ran.code == 2 and "several designs" in ran.err
    assert eoi(*PROVE, f"{path}:Other", *WINDOWS, "--scope", "ioapic=0x20", "--property", "no_storm").code == 1


def test_a_file_that_is_not_text(eoi, tmp_path):
    path = tmp_path / "binary.py"
    path.write_bytes(b"\xff\xfe\x00")
    ran = eoi(*PROVE, str(path))
    assert ran.code == 2 and "UTF-8" in ran.err


def test_a_store_out_of_range_names_field_value_and_line(eoi, patch_file):
    patch_file.write_text(
        GOOD.replace("        if apic.spiv", 2 * "        self.ioapic[0].irq_eoi += 1\n" + "        if apic.spiv")
    )
    ran = eoi(*PROVE, str(patch_file), *WINDOWS, "--scope", "cpus=1,pins=1")
    assert ran.code == 2
    assert f"{patch_file}:10: " in ran.err and "irq_eoi = 2 is out of range" in ran.err


def test_an_import_that_exits_or_hangs_is_not_all_well(eoi, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"  # a module beside the file would have to be a design's file itself
    elsewhere.mkdir()
    monkeypatch.syspath_prepend(str(elsewhere))
    monkeypatch.setattr("checker.matrix.loader.SECONDS", 0.5)
    (elsewhere / "exits.py").write_text("raise SystemExit(0)\n")
    (elsewhere / "hangs.py").write_text("while True:\n    pass\n")
    for module in ("exits", "hangs"):
        (tmp_path / "mine.py").write_text(f"import {module}\n" + GOOD)
        ran = eoi(*PROVE, str(tmp_path / "mine.py"), *WINDOWS)
        assert ran.code == 2 and f"{tmp_path}/mine.py:1: " in ran.err


def test_a_mark_of_the_byte_order_is_none_of_what_a_file_says(eoi, patch_file):
    """Windows' editors write one; Python takes it."""
    patch_file.write_text("\ufeff" + GOOD)
    assert load_design(str(patch_file)).__name__ == "Mine"
    patch_file.write_text("\ufefffrom model.designs.base import Bass\n" + GOOD)
    ran = eoi(*PROVE, str(patch_file), *WINDOWS)
    assert ran.code == 2 and f"{patch_file}:1: " in ran.err and "did you mean 'Base'?" in ran.err
    assert "  from model.designs.base import Bass\n" in ran.err.replace("\t", " ")


CLASS, _, METHOD = GOOD.partition("\n    def ")
OUTSIDE = f"{CLASS}\n\n" + textwrap.dedent(f"    def {METHOD}")
EMPTY = "from model.designs.base import Base\n\n\nclass Mine(Base):\n    pass\n"
PART = GOOD.replace("designs.base import Base", "kvm.irq import IrqC").replace("(Base)", "(IrqC)")
DIFF = "diff --git a/arch/x86/kvm/lapic.c b/arch/x86/kvm/lapic.c\n--- a/arch/x86/kvm/lapic.c\n"


@pytest.mark.parametrize("command", [("prove",), ("diff", "base"), ("trace", "--property", "no_storm")])
@pytest.mark.parametrize(("text", "line", "said"), [
    (OUTSIDE, 9, "indent it into class Mine"),
    (EMPTY, 4, "Mine changes nothing of Base"),
    (PART, 5, "derive from Base"),
    (DIFF, 1, "write the function that it touches as a subclass"),
])  # fmt: skip
def test_a_file_that_patches_nothing_is_not_judged(eoi, patch_file, command, text, line, said):
    """It would be green: what is judged would be the design that it was to change."""
    patch_file.write_text(text)
    ran = eoi(*command, str(patch_file), *WINDOWS)
    assert ran.code == 2 and ran.out == ""
    assert f"{patch_file}:{line}: " in ran.err and said in ran.err


def test_an_empty_patch_is_refused_in_another_role_too(eoi, patch_file):
    patch_file.write_text(EMPTY)
    ran = eoi(*PROVE, "qemu", "--kernel", str(patch_file), "--guest", "linux")
    assert ran.code == 2 and f"{patch_file}:4: Mine changes nothing of Base" in ran.err


HEAD = "from model.designs.v1 import V1\nfrom model.designs.v6 import V6\nfrom model.lang import Patch, always\nfrom model.machine import Machine\n\n\n"


@pytest.mark.parametrize("body", [
    "class Mine(V6, V1):\n    pass\n",
    "class Mine(V6, V1):\n    \"\"\"Both.\"\"\"\n    patch = Patch('both')\n",
    "class Mine(V6):\n    source = 'lapic.c'\n",
    "class Mine(V6):\n    seen: bool\n",
    "class Mine(V6):\n    seen: bool\n\n\n@always()\ndef mine(s: Machine) -> bool:\n    return True\n",
    "class Mine(V6):\n    def ioapic_in_kernel(self) -> bool:\n        return False\n",
])  # fmt: skip
def test_what_changes_something_is_loaded(tmp_path, body):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + body)
    assert load_design(str(path)).__name__ == "Mine"


def test_a_property_file_has_no_function_that_nothing_calls(eoi, patch_file, tmp_path):
    path = tmp_path / "properties.py"
    good = 'from model.lang import always\nfrom model.machine import Machine\n\n\n@always()\ndef mine(s: Machine) -> bool:\n    """All is well."""\n    return True\n'
    path.write_text(good)
    assert [p.name for p in load_properties(str(path))] == ["mine"]
    path.write_text(good.replace("mine", "other") + "\n\ndef mine(s: Machine) -> bool:\n    return False\n")
    ran = eoi(*PROVE, str(patch_file), *WINDOWS, "--property", str(path))
    assert (
        ran.code == 2
        and f"{path}:11: mine() is outside of every class" in ran.err
        and "a property has @always()" in ran.err
    )


@pytest.mark.parametrize("text", [
    '"""diff --git a/x b/x\n@@ -1 +1 @@\n"""\n', "# From 1234567 on\n", "date: int = 2026\n", "From: int = 1\n", "", "\n\n", GOOD,
])  # fmt: skip
def test_python_is_no_diff(text):
    assert line_of_diff(text) == 0


MIXED = (
    "from model.guests.linux import Linux\nfrom model.vmms.qemu import Qemu\n\n\nclass Mix(Qemu, Linux):\n    pass\n"
)
CROSS = (
    "from model.designs.base import Base\n\n\nclass Cross(Base):\n"
    "    def guest_wants_directed_eoi(self) -> bool:\n        return False\n"
)
OF_KVM = "from model.machine import Lapic\nfrom model.vmms.qemu import Qemu\n\n\nclass Mine(Qemu):\n" \
         "    def apic_set_eoi(self, apic: Lapic) -> None:\n        pass\n"  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"), [(MIXED, "mixes the roles vmm and guest"), (CROSS, "is a function of the guest"),
                       (OF_KVM, "apic_set_eoi() is a function of the kernel (Base), but Mine, a vmm, restates it")],
)  # fmt: skip
def test_a_class_plays_one_role(eoi, tmp_path, text, said):
    path = tmp_path / "mine.py"
    path.write_text(text)
    ran = eoi(*PROVE, str(path), "--guest", "windows_cg")
    assert ran.code == 2 and said in ran.err


def test_each_role_may_be_a_file(eoi, patch_file, tmp_path):
    guest = tmp_path / "guest.py"
    guest.write_text("from model.guests.linux import Linux\n\n\nclass Mine(Linux):\n    source = 'mine'\n")
    guests = f"{guest},windows_cg"
    arguments = ("--guest", guests, "--vmm", "qemu", "--scope", "ioapic=0x20", "--property", "no_storm")
    ran = eoi(*PROVE, str(patch_file), *arguments)
    assert ran.code == 0 and "guest.py" in ran.out
    wrong = eoi(*PROVE, str(patch_file), "--vmm", str(guest))
    assert wrong.code == 2 and "is a guest, not a vmm" in wrong.err
    twice = eoi(*PROVE, str(patch_file), "--kernel", "v1")
    assert twice.code == 2 and "is a kernel already" in twice.err


def test_a_story_of_a_changed_or_missing_file_is_not_replayed_on_another(eoi, patch_file, tmp_path):
    story = tmp_path / "story.txt"
    story.write_text(eoi("trace", str(patch_file), *WINDOWS, "--scope", "ioapic=0x11", "--property", "no_eoi_lost").out)
    patch_file.write_text(GOOD.replace("Obey", "Always obey"))
    changed = eoi("replay", str(story))
    assert changed.code == 2 and "it has changed" in changed.err
    patch_file.unlink()
    assert eoi("replay", str(story)).code == 2
    other = eoi("replay", str(story), "--design", "v1")
    assert other.code == 1 and "REPRODUCED" in other.out


def test_a_story_of_a_file_whose_path_has_an_at_sign_is_replayed(eoi, tmp_path):
    path, story = tmp_path / "a@b" / "mine@home.py", tmp_path / "story.txt"
    path.parent.mkdir()
    path.write_text(GOOD)
    story.write_text(eoi("trace", str(path), *WINDOWS, "--scope", "ioapic=0x11", "--property", "no_eoi_lost").out)
    ran = eoi("replay", str(story))
    assert (ran.code, ran.err) == (1, "") and "\nREPRODUCED: all " in ran.out
    path.write_text(GOOD.replace("Obey", "Always obey"))
    changed = eoi("replay", str(story))
    assert changed.code == 2 and "it has changed" in changed.err


def test_a_vmm_patch_by_path(eoi, tmp_path):
    path = tmp_path / "vmm.py"
    path.write_text(
        "from model.vmms.qemu import Qemu\nfrom model.machine import Vector\n\n\n"
        "class NoRedelivery(Qemu):\n    def ioapic_eoi_broadcast(self, vector: Vector) -> None:\n"
        "        for rte in self.ioapic.values():\n            if rte.vector == vector:\n"
        "                rte.remote_irr = False\n"
    )
    ran = eoi(
        *PROVE,
        str(path),
        "--kernel",
        "base",
        "--guest",
        "windows_cg",
        "--property",
        "no_storm",
        "--scope",
        "ioapic=0x20",
    )
    assert ran.code == 0, ran.out


def test_require_that_is_not_imported_is_said_to_be(eoi, tmp_path):
    text = "from model.designs.v6 import V6\nfrom model.machine import Lapic\nclass P(V6):\n"
    text += "    def apic_set_eoi(self, apic: Lapic) -> None:\n        require(apic.created)\n        super().apic_set_eoi(apic)\n"
    (tmp_path / "p.py").write_text(text)
    ran = eoi(*PROVE, str(tmp_path / "p.py"), "--guest", "linux", "--vmm", "qemu")
    assert ran.code == 2 and "p.py:5" in ran.err
    assert "'require' is not imported\n" in ran.err and "\n  from model.lang import require\n" in ran.err


def test_an_unknown_name_that_is_near_nothing_says_where_the_names_are(eoi):
    ran = eoi(*PROVE, "zzz")
    assert (
        ran.code == 2 and "unknown design 'zzz': `eoi list designs` names them all; a file of Python ends in" in ran.err
    )


def test_of_each_role_it_is_a_list_that_there_is(eoi):
    for role, design in (("kernel", "qemu"), ("vmm", "base"), ("guest", "base")):
        ran = eoi(*PROVE, design, f"--{role}", "zzz")
        listed = re.search(r"`eoi (list \w+)` names them all", ran.err)
        assert ran.code == 2 and listed is not None
        assert eoi(*listed[1].split()).code == 0


def test_a_role_with_functions_missing_is_told_by_its_class_and_all_of_them(eoi, tmp_path):
    text = "from model.machine import IoapicVersion\nfrom model.vmms.vmm import Vmm\nclass Tiny(Vmm):\n"
    text += "    def ioapic_version(self) -> IoapicVersion:\n        return IoapicVersion.V20\n"
    (tmp_path / "tiny.py").write_text(text)
    ran = eoi(*PROVE, str(tmp_path / "tiny.py"), "--guest", "linux", "--scope", "cpus=1,pins=1")
    assert ran.code == 2 and "tiny.py:3: no role of Base+Tiny+Linux+Level provides ioapic_set_irq()" in ran.err
    assert (
        "derive Tiny from a class that has it; nor is there ioapic_eoi_broadcast(), ioapic_mem_write_eoi()" in ran.err
    )


def test_the_nearest_file_and_class_are_named(eoi, tmp_path):
    (tmp_path / "only20.py").write_text(GOOD)
    (tmp_path / "onyl20.txt").write_text("no design\n")
    ran = eoi(*PROVE, str(tmp_path / "onyl20.py"))
    near = str(tmp_path / "only20.py")
    assert (ran.code, ran.err) == (2, f"eoi: {tmp_path}/onyl20.py: no such file: did you mean {near!r}?\n")
    ran = eoi(*PROVE, f"{tmp_path}/only20.py:Mien")
    assert ran.code == 2 and ran.err.endswith("no design class 'Mien' in this file: did you mean 'Mine'?\n")


GUEST = """\
from model.guests.guest import Doing, InterruptsOff
from model.lang import Fair, require, step
from model.machine import Cpu, Pin, Vector


class Mine(InterruptsOff):
    def guest_wants_directed_eoi(self) -> bool:
        return False

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        self.take_interrupt(cpu, vector, Doing.HANDLER)

    def guest_is_handling(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        return any(irq.doing == Doing.HANDLER and irq.vector == vector for irq in self.irq.values())

    @step(by="guest", fair=Fair.WEAK)
    def handle(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.HANDLER)
        irq.doing = Doing.NOTHING
        self.service_devices(irq.vector)
        self.apic_set_eoi(self.apic[cpu])
"""
OF_GUEST = ("base", "--vmm", "qemu", "--scope", "cpus=1,pins=1,ioapic=0x20", "--property", "no_storm")


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("def guest_interrupt", "def guest_interupt"), 10, "did you mean 'guest_interrupt'?"),
        (("def guest_is_handling", "def guest_is_handlin"), 13, "did you mean 'guest_is_handling'?"),
        (("Fair.WEAK", "Fair.WEEK"), 17, "did you mean 'WEAK'?"),
        (("fair=", "fare="), 17, "did you mean 'fair'?"),
        (('by="guest"', 'by="gest"'), 17, "did you mean 'guest'?"),
        (('by="guest"', 'by="vmm"'), 17, "did you mean 'VMM'?"),
        (('by="guest"', 'by="somebody"'), 17, "valid names: KVM, VMM, device, guest"),
        (('by="guest", ', ""), 17, "step() needs 'by'"),
        (('by="guest"', '"guest"'), 17, "step() takes this by its name"),
        (("@step(by", "@stp(by"), 17, "did you mean 'step'?"),
        (("require, step", "require, stp"), 2, "did you mean 'step'?"),
        (("require, step", "require"), 17, "from model.lang import step"),
        (("Cpu, Pin, Vector", "Cpu, Pin, Vectr"), 3, "did you mean 'Vector'?"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else None,
)  # fmt: skip
def test_a_slip_in_a_guest_points_at_its_line(eoi, tmp_path, change, line, said):
    path = tmp_path / "guest.py"
    path.write_text(GUEST)
    assert eoi(*PROVE, *OF_GUEST, "--guest", str(path)).code == 0
    assert GUEST.count(change[0]) == 1
    path.write_text(GUEST.replace(*change))
    ran = eoi(*PROVE, *OF_GUEST, "--guest", str(path))
    assert ran.code == 2 and ran.err.startswith(f"eoi: {path}:{line}: ") and said in ran.err, ran.err
    assert not re.search(r"\w+Error|unexpected keyword|positional", ran.err)


def test_who_steps_is_one_that_the_model_has():
    """What a file may say is what the registered roles say, each of them."""
    families = [*designs().values(), *VMMS.values(), *GUESTS.values(), *DEVICES.values(), *special_roles().values()]
    assert {info.by for cls in families for info in cls.steps().values()} == set(ACTORS)


SECOND_VCPU = """
from model.designs.v6 import V6
from model.machine import Cpu, Lapic, Vector
class Scan(V6):
    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None:
        if dest != cpu and self.kvm_lapic_suppress_eoi_broadcast(apic):
            return
        super().kvm_scan_ioapic_irq(cpu, apic, dest, vector)
"""


def test_the_same_in_small_cells_is_not_said_of_larger_ones(eoi, tmp_path):
    """What a reader of the README met: the change matters with a second vCPU only, and guest `any` has one by itself."""
    (tmp_path / "scan.py").write_text(SECOND_VCPU)
    arguments = (
        "diff",
        "v6",
        str(tmp_path / "scan.py"),
        "--vmm",
        "qemu",
        "--guest",
        "any,linux",
        "--scope",
        "flags=BIT2,vectors=1",
        "--brief",
    )
    out = " ".join(eoi(*arguments).out.split())
    sizes = "Explored: guests any with cpus=1,pins=1,vectors=1; linux with cpus=2,pins=2,vectors=1."
    assert sizes in out and "equivalent" not in out
    assert "No difference in 4 cells; these of its lines and calls can make none here" in out
    sizes = "ioapic=0x20,flags=BIT2,cpus=2,pins=1,vectors=1"  # millions of states, and the run has 8 steps
    more = eoi(*arguments[:-3], "--scope", sizes, "--brief", "--max-states", "50000")
    assert (
        more.code == 3 and "level_eoi_is_intercepted qemu 0x20 BIT2, any, level: INCONCLUSIVE -> VIOLATED" in more.out
    )
    assert "Explored: with cpus=2,pins=1,vectors=1. " in more.out and "No difference" not in more.out


TAKES = '"kvm_ioapic_send_eoi", V1.kvm_ioapic_send_eoi'
IMPORTS = "from model.designs.base import Base\nfrom model.designs.v1 import V1\n"


@pytest.mark.parametrize(
    "acts",
    [
        f"from builtins import setattr as Patch\n{IMPORTS}changed = Patch(Base, {TAKES})\nclass Mine(Base):\n    x = 1\n",
        f"{IMPORTS}class Mine(setattr(Base, {TAKES}) or Base):\n    x = 1\n",
        f"{IMPORTS}class Mine([Base for Base.kvm_ioapic_send_eoi in [V1.kvm_ioapic_send_eoi]][0]):\n    x = 1\n",
        f"{IMPORTS}class Mine(Base):\n    x: setattr(Base, {TAKES}) or bool\n",
        f"{IMPORTS}class Mine(Base):\n    def f(self, x: setattr(Base, {TAKES}) = 1) -> None:\n        pass\n",
        f"{IMPORTS}class Mine(Base):\n    def f(self, x: bool = setattr(Base, {TAKES})) -> None:\n        pass\n",
        f"from model.lang import Patch\nPatch = setattr\n{IMPORTS}class Mine(Base):\n    patch = Patch(Base, {TAKES})\n",
    ],
)
def test_a_file_does_not_change_the_designs_that_it_is_compared_with(eoi, patch_file, acts):
    patch_file.write_text(acts)
    ran = eoi(*PROVE, str(patch_file), *WINDOWS, "--scope", "cpus=1,pins=1", "--property", "no_storm")
    assert ran.code == 2 and f"{patch_file}:" in ran.err and "while it is read" in ran.err
    patch_file.write_text(acts.partition("class Mine")[0] + "def f() -> None:\n    pass\n")
    base = eoi(*PROVE, "base", *WINDOWS, "--scope", "cpus=1,pins=1,ioapic=0x20", "--property", "no_storm")
    assert base.code == 1


CHOOSES_NONE = """\
from dataclasses import dataclass
from enum import Enum

from model.designs.base import Base
from model.machine import Lapic, Scope, Vector


class Mode(Enum):
    NONE = None
    ON = 1


@dataclass(frozen=True)
class Modes(Scope):
    mode: Mode = Mode.NONE


class Mine(Base):
    \"\"\"Loses EOIs if the mode is ON.\"\"\"

    scope: Modes

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if self.scope.mode == Mode.NONE:
            super().kvm_ioapic_send_eoi(apic, vector)
"""


def test_a_choice_whose_value_is_none_is_chosen_by_its_name(eoi, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(CHOOSES_NONE)

    def ran(mode):
        return eoi(*PROVE, str(mine), "--vmm", "qemu", "--guest", "linux", "--property", "no_eoi_lost",
                   "--scope", f"cpus=1,pins=1,ioapic=0x11,mode={mode}", "--brief")  # fmt: skip

    assert [ran(mode).code for mode in ("NONE", "ON", "1")] == [0, 1, 1]
    wrong = ran("nonsense")
    assert wrong.code == 2 and "mode=nonsense: valid values are NONE, 0x1; by name NONE, ON" in wrong.err


def test_a_file_beside_is_never_taken_for_the_model(tmp_path):
    """Whatever its name has after the first dot: Python imports it as the package's."""
    mine, beside = tmp_path / "mine.py", tmp_path / "model.designs.base.py"
    beside.write_text("from model.designs.v6 import V6\n\n\nclass Base(V6):\n    note: bool\n")
    mine.write_text(CHOOSES_NONE)
    assert load_design(str(mine)).__bases__ == (Base,)
