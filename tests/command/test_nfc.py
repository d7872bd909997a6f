"""`eoi nfc`: the first line, the story with what each side shows, --when, what is refused, Ctrl-C, and JSON that says the same."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from checker.questions import nfc
from checker.questions.experiment import Telling
from tests.lift.test_forms import V1_DIFF
from tests.rigs.user_file import GOOD

ONE = ("--scope", "cpus=1,pins=1,vectors=1")
HERE = ("--vmm", "qemu", "--guest", "windows_cg", *ONE)
V1 = ("nfc", "base", "v1", *HERE)


def test_the_answer_is_on_the_first_line(eoi):
    ran = eoi(*V1)
    assert ran.code == 1
    assert " ".join(ran.out.split()).startswith(
        "v1 against base: DIFFERS in all 2 cells, told apart in 9 steps; as seen by guest and VMM DIFFERS in 9 steps: v1 can"
    )
    assert all(len(line) <= 80 and line.isascii() for line in ran.out.splitlines())


def test_the_story_is_a_mail_and_says_what_each_side_shows(eoi):
    out = eoi(*V1).out
    story = out[out.index("nfc: DIFFERS in 9 steps (shortest)") : out.index("At the end base")]
    assert all(len(line) <= 72 for line in story.splitlines())
    assert "x86.c:vcpu_enter_guest(cpu=0)  <== here" in story and "KVM_EXIT_IOAPIC_EOI none -> 0" in story
    assert "Reproduce: eoi nfc base v1 --vmm qemu --guest windows_cg" in story
    told = " ".join(out[out.index("At the end base") :].split())
    assert "At the end base can show next: kvm_arch_handle_exit(cpu=0)." in told
    assert "v1 shows all but the last in 8 steps, by vcpu_enter_guest(0)" in told
    assert "can show next: l2_service_device(cpu=0)" in told


def test_what_it_says_to_reproduce_says_the_same(eoi):
    out = eoi(*V1, "--observe", "guest", "--when", "ioapic=0x20").out
    command = re.search(r"Reproduce: eoi (nfc .*?)\n\n", out, re.S)
    assert command is not None
    words = shlex.split(command[1].replace("\\\n", ""))
    assert words[-4:] == ["--observe", "guest", "--when", "ioapic=0x20"]
    again = eoi(*words).out
    assert (
        again[again.index("nfc: DIFFERS") : again.index("At the end")]
        == out[out.index("nfc: DIFFERS") : out.index("At the end")]
    )


def test_no_functional_change(eoi):
    ran = eoi("nfc", "v1", "sean_local", *HERE)
    assert ran.code == 0
    assert ran.out.startswith("sean_local against v1: EQUAL in all 2 cells; as seen by guest and VMM\n\nEQUAL\n")
    assert "{qemu 0x11, qemu 0x20}, windows_cg, level" in ran.out and "Nothing is said of others" in ran.out
    assert "steps" not in ran.out


def test_what_is_told_before_any_step_is_said_and_a_run_is_told_first(eoi):
    of = ("nfc", "base", "v5", *HERE, "--vmm", "qemu_kernel_irqchip")
    ran = eoi(*of)
    first = " ".join(ran.out.split())
    assert ran.code == 1 and "told apart before any step, elsewhere in 9 steps; as seen by guest and VMM" in first
    assert "DIFFERS Before any step: the I/O APIC's version register reads V11 in base, not in v5;" in first
    assert "nfc: DIFFERS in 9 steps (shortest)" in ran.out
    alone = eoi(*of, "--when", "flags=BIT3,ioapic=0x20")
    assert "told apart before any step; as seen by" in " ".join(alone.out.split())
    assert "nfc: DIFFERS in 0 steps (shortest)" in alone.out and "the initial state <== here" in alone.out


@pytest.mark.parametrize(("observe", "shown"), [("guest", "the guest"), ("vmm", "the VMM"), ("both", "guest and VMM")])
def test_who_looks_is_said(eoi, observe, shown):
    ran = eoi(*V1, "--observe", observe)
    assert ran.code == 1 and f"as seen by {shown}" in " ".join(ran.out.split())


# --- --when ---


def test_only_the_cells_that_are_meant(eoi):
    of = ("nfc", "base", "v6", *HERE)
    every, none, set_ = (
        eoi(*of, *more) for more in ((), ("--when", "flags=NONE"), ("--when", "flags=BIT2,ioapic=0x11"))
    )
    assert (every.code, none.code, set_.code) == (1, 0, 1)
    assert "DIFFERS in 4 of 8 cells, EQUAL in 4 of 8 cells" in " ".join(every.out.split())
    assert none.out.startswith("v6 against base when flags=NONE: EQUAL in all 2 cells")
    assert "DIFFERS in 1 of 1 cell," in " ".join(set_.out.split())


def test_a_vmm_that_chooses_its_flags_itself_does_not_choose_others(eoi):
    setup = ("nfc", "base", "v6", "--vmm", "setup_vmm", *ONE)
    assert eoi(*setup).code == 1
    assert eoi(*setup, "--when", "flags=NONE").code == 0
    assert eoi(*setup, "--when", "flags=NONE", "--when", "x2apic=on").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--when", "flag=NONE"), "unknown scope name 'flag': did you mean 'flags'?"),
        (("--when", "nonsense=1"), "unknown scope name 'nonsense': valid names: cpus, flags, ioapic"),
        (("--when", "flags"), "--when takes NAME=VALUE,...: 'flags' has no '='"),
        (("--when", "flags=BIT9"), "--when flags=BIT9: valid values are 0x0"),
        (("--when", "cpus=1"), "--when cpus: that is a size, and --scope cpus=1 sets it; choices are ioapic, x2apic, flags"),
        (("--when", "flags=BIT2"), "--when flags=0x4 leaves none of 2 cells: there flags is 0x0; --scope makes others"),
        (("--when", "x2apic=off,ioapic=0x11"), "leaves none of 2 cells: there x2apic is on; ioapic is 0x11, 0x20"),
        (("--when", "flags=NONE,flags=BIT2"), "--when flags=BIT2: flags has another value before, 0x0"),
        (("--when", ""), "argument --when: K=V is needed, e.g. --when flags=NONE"),
        (("--observe", "nobody"), "unknown name 'nobody': valid names: guest, vmm, both"),
        (("--guest", "windowz_cg"), "unknown guest 'windowz_cg': did you mean 'windows_cg'?"),
        (("--max-states", "0"), "'0': a whole number from 1 on is needed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_what_is_refused(eoi, words, said):
    ran = eoi(*V1, *words)
    assert (ran.code, ran.out) == (2, "") and said in ran.err


def test_other_roles_are_refused(eoi):
    assert "base is a kernel, qemu a vmm" in eoi("nfc", "base", "qemu").err
    assert eoi("nfc", "base").code == 2 and eoi("nfc", "base", "v99").code == 2


def test_designs_without_a_common_cell_are_not_equal(eoi):
    ran = eoi("nfc", "crosvm", "openvmm", "--guest", "linux")
    assert (ran.code, ran.out) == (2, "") and "nothing to compare: the two have no cell in common" in ran.err


# --- files of the user's ---


def test_a_file_a_line_of_which_no_cell_runs_is_inconclusive(eoi, tmp_path):
    """Linux asks for nothing, so the patch returns early in no run."""
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    here = ("nfc", "base", str(path), "--vmm", "qemu", "--guest", "linux", *ONE)
    ran = eoi(*here)
    assert ran.code == 3 and "NOT LOOKED AT: mine.py:" in ran.out and "EQUAL in all 2 cells" in ran.out
    assert "INCONCLUSIVE" in ran.out.splitlines()[0] + ran.out.splitlines()[1]
    meant = eoi(*here, "--when", "flags=NONE")
    assert meant.code == 0 and "NOT LOOKED AT: mine.py:" in meant.out
    assert eoi("nfc", "base", str(path), *HERE).code == 1


def test_a_vmm_of_the_users(eoi, tmp_path):
    path = tmp_path / "other.py"
    path.write_text(
        "from model.machine import Vector\nfrom model.vmms.qemu import Qemu\n\n\nclass Deaf(Qemu):\n"
        '    """Hears no EOI register."""\n\n'
        "    def ioapic_mem_write_eoi(self, vector: Vector) -> None:\n        pass\n"
    )
    here = ("--guest", "windows_cg", "--kernel", "v1", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x20")
    ran = eoi("nfc", "qemu", str(path), *here, "--observe", "guest")
    assert ran.code == 1 and "DIFFERS in 1 of 1 cell" in " ".join(ran.out.split())
    assert eoi("nfc", "qemu", str(path), *here[:2], "--kernel", "base", *here[4:], "--observe", "guest").code in (0, 3)


def test_a_patch_of_a_vmm_is_for_old_and_new_kernels(eoi):
    ran = eoi("nfc", "qemu", "qemu_rfc_v2", "--guest", "linux", *ONE, "--when", "ioapic=0x20,flags=NONE")
    assert ran.code == 0 and "{base, v6}, qemu" in ran.out


def test_a_c_patch_is_what_it_is_lifted_to(eoi, tmp_path):
    path = tmp_path / "v1.patch"
    path.write_text(V1_DIFF)
    assert eoi("nfc", "v1", str(path), *HERE).code == 3  # what is done without bit 12 was not run
    assert eoi("nfc", "v1", str(path), *HERE, "--guest", "linux").code == 0
    ran = eoi("nfc", "base", str(path), *HERE, "--json")
    told = json.loads(ran.out)
    assert ran.code == 1 and told["lifted"]["base"] == "base" and {len(c["steps"]) for c in told["cells"]} == {9}


# --- cut short ---


@pytest.fixture
def after(ctrl_c_after_answers):
    """after(n): Ctrl-C comes instead of the answer after n."""
    return lambda finished: ctrl_c_after_answers(nfc, finished)


def test_ctrl_c_is_inconclusive(eoi, after):
    after(1)
    ran = eoi("nfc", "v1", "sean_local", *HERE)
    assert ran.code == 3 and "EQUAL in 1 of 2 cells, 1 not compared, INCONCLUSIVE" in " ".join(ran.out.split())
    assert ran.err == "eoi: interrupted: INCONCLUSIVE: 1 of 2 cells not compared\n"


def test_a_difference_that_was_found_stays_one(eoi, after):
    after(1)
    assert eoi(*V1).code == 1


def test_before_anything_was_compared(eoi, after):
    after(0)
    ran = eoi(*V1)
    assert (ran.code, ran.out, ran.err) == (3, "", "eoi: interrupted: INCONCLUSIVE\n")


@pytest.mark.parametrize(
    "limit", [("--max-states", "5"), ("--timeout", "0.000001"), ("--max-memory", "1K")], ids=lambda v: v[0]
)
def test_a_limit_is_inconclusive(eoi, limit):
    ran = eoi(
        "nfc",
        "base",
        "v6",
        "--vmm",
        "qemu",
        "--guest",
        "any",
        "--scope",
        "cpus=1,pins=1",
        "--when",
        "flags=NONE",
        *limit,
    )
    assert ran.code == 3 and "INCONCLUSIVE in all 2 cells" in ran.out and "EQUAL" not in ran.out


# --- JSON ---


def test_json_says_what_the_text_says(eoi):
    told = json.loads(eoi(*V1, "--json").out)
    assert told["format"] == "eoiproof nfc 1" and (told["base"], told["design"]) == ("base", "v1")
    assert (told["observe"], told["when"], told["not_compared"]) == ("both", "", 0)
    assert len(told["cells"]) == 2
    for cell in told["cells"]:
        assert cell["verdict"] == "DIFFERS" and cell["told_by"] == "base" and cell["how"] == Telling.SHOWS.name.lower()
        assert len(cell["steps"]) == 9 and cell["steps"][-1] == ["vcpu_enter_guest", ["0"]]
        assert len(cell["steps_of_the_other"]) == 8 and cell["said"] in " ".join(eoi(*V1).out.split())


def test_json_of_what_is_the_same(eoi):
    ran = eoi("nfc", "v1", "sean_local", *HERE, "--json")
    told = json.loads(ran.out)
    assert ran.code == 0 and {c["verdict"] for c in told["cells"]} == {"EQUAL"}
    assert all(c["states"] > 10 and "steps" not in c for c in told["cells"])
