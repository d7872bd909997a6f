"""A series of patches is one design, given as several files in their order; -R takes it away; `-` is standard input."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.lift.test_forms import MOVED, TRISTATE, V1_DIFF
from tests.rigs.own_c import FILES, LAPIC, diff_of, edited, mail_of

CELL = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11")


@pytest.fixture
def mails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The change of five files as five mails."""
    monkeypatch.chdir(tmp_path)
    names = [f"{n}.eml" for n in range(1, len(TRISTATE) + 1)]
    for n, (name, (file, text)) in enumerate(zip(names, TRISTATE.items(), strict=True), 1):
        Path(name).write_text(mail_of(diff_of({file: text}), f"[PATCH v6 {n}/{len(TRISTATE)}] KVM: part {n}"))
    Path("whole.patch").write_text(diff_of(TRISTATE))
    Path("fix.patch").write_text(V1_DIFF)
    return names


def test_files_in_order_are_one_design(eoi, mails):
    ran = eoi("diff", "whole.patch", *mails, *CELL, "--brief")
    assert (
        ran.code == 0
        and "1.eml+2.eml+3.eml+4.eml+5.eml against whole.patch: worse in 0 of 4 cells, better in 0, neither in 4"
        in ran.out
    )
    assert "are equivalent: same reachable graph in all 4 cells." in ran.out, ran.out


def test_prove_trace_and_compat_take_them_too(eoi, mails):
    ran = eoi("prove", *mails, *CELL, "--brief")
    assert ran.out.startswith("1.eml+2.eml+3.eml+4.eml+5.eml against base: worse in 1 of 4 cells"), ran.out
    again = eoi("prove", "+".join(mails), *CELL, "--brief")
    assert ran.code == again.code == 1 and again.out == ran.out
    ran = eoi("trace", *mails, *CELL, "--property", "no_storm")
    assert ran.code == 1 and "kernel=1.eml+2.eml+3.eml+4.eml+5.eml@" in ran.out.replace("\\\n        ", "")
    Path("story.txt").write_text(ran.out)
    assert "REPRODUCED: all " in eoi("replay", "story.txt").out
    small = ("--vmm", "qemu", "--scope", "cpus=1,pins=1,vectors=1", "--claim", "flagless_vmm")
    ran = eoi("compat", "base", *mails, *small)
    assert ran.code == 0 and ran.out.count(" SAME ") == 2  # the flags that the series brings are not asked for


def test_what_is_taken_away_is_the_kernel_before(eoi, mails):
    """A fix whose new side is in the model; without it, its one line is not there."""
    Path("fix.patch").write_text(diff_of({LAPIC: FILES[LAPIC]}, before=edited(LAPIC, (MOVED, ""))))
    for ran in (eoi("prove", "-R", "fix.patch", *CELL), eoi("prove", "fix.patch:R", *CELL)):
        assert ran.out.startswith("fix.patch:R against base: "), ran.out + ran.err
        lifted = ran.out.partition('"""Lifted from ')[2].partition("--- base\n")[0]  # before the diff of the model
        assert lifted and "highest_stale" not in lifted and "class Lifted(Base):" in lifted
    assert eoi("prove", "fix.patch", *CELL).code == 2
    ran = eoi("diff", "base", "fix.patch", "--reverse", *CELL, "--brief")
    assert "changed: lapic.c/kvm_ioapic_send_eoi() (2 lines)" in ran.out, ran.out


@pytest.mark.parametrize(
    "words", [("prove", "-"), ("diff", "base", "-"), ("trace", "-", "--property", "no_eoi_lost"), ("show", "-"), ("prove", "base", "--kernel", "-"), ("prove", "qemu", "--kernel", "-", "--guest", "linux", "--scope", "cpus=1,pins=1"), ("compat", "base", "-", "--claim", "flagless_vmm")], ids=" ".join,
)  # fmt: skip
def test_standard_input(eoi, words, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(V1_DIFF))
    small = ("--vmm", "qemu", "--scope", "cpus=1,pins=1,vectors=1")
    rest = () if words[1] == "qemu" else small if words[0] == "compat" else CELL
    ran = eoi(*words, *rest)
    if words[:2] == ("prove", "base"):
        assert ran.code == 2 and "base is a kernel already: --kernel cannot name another one" in ran.err
    else:
        assert ran.code in (0, 1, 3) and ran.err == "", ran.err


REFUSED = {
    "a design and a patch": (("prove", "v6", "fix.patch"), "v6 fix.patch: several are given of a series of patches only, and v6 is no patch; `eoi diff v6 ...` compares another design with it"),
    "a patch and a file": (("trace", "fix.patch", "mine.py", "--property", "no_storm"), "fix.patch mine.py: several are given of a series of patches only, and mine.py is no patch"),
    "two designs": (("diff", "base", "v1", "v6"), "v1 v6: several are given of a series of patches only, and v1 is no patch"),
    "all and one more": (("compat", "base", "all", "fix.patch"), "and all is no patch"),
    "twice": (("prove", "fix.patch", "fix.patch"), "fix.patch is named twice: give each patch of a series once"),
    "standard input twice": (("prove", "-", "-"), "- is named twice"),
    "the same diff in another file": (("prove", "fix.patch", "copy.patch"), "copy.patch:1: this diff is in fix.patch:1 already\n    give each patch of a series once"),
    "another order": (("prove", "2.eml", "1.eml"), "1.eml:10: [PATCH v6 1/5] stands behind [PATCH v6 2/5] of 2.eml\n    give the patches of a series in their order"),
    "two series": (("prove", "1.eml", "other.eml"), "other.eml:10: [PATCH v5 2/5] is of another series than [PATCH v6 1/5] of 1.eml"),
    "-R of no patch": (("prove", "-R", "v6"), "-R takes a patch away, and v6 is none"),
    "-R of one of two": (("prove", "1.eml:R", "2.eml"), "1.eml:R: a series is taken away as a whole: give the patches, and -R once"),
    "-R twice": (("prove", "-R", "1.eml:R"), "1.eml:R: a series is taken away as a whole"),
    "the second is for what the first has changed": (("prove", "fix.patch", "late.patch"), "late.patch:9: kvm_ioapic_send_eoi(): the lines around the change are not the model's"),
    "a file that is not there": (("prove", "1.eml", "none.eml"), "none.eml: there is no such file"),
}  # fmt: skip


@pytest.mark.parametrize("which", REFUSED)
def test_what_is_no_series_is_said(eoi, mails, which):
    words, said = REFUSED[which]
    Path("copy.patch").write_text(V1_DIFF)
    text = diff_of(
        edited(
            LAPIC,
            (
                "	if (irqchip_split(apic->vcpu->kvm)) {\n",
                "	if (irqchip_split(apic->vcpu->kvm)) {\n		if (vector == vector)\n			return;\n",
            ),
        )
    )
    Path("late.patch").write_text(text)
    Path("other.eml").write_text(Path("2.eml").read_text().replace("v6 2/5", "v5 2/5"))
    Path("mine.py").write_text("")
    ran = eoi(*words)
    assert ran.code == 2 and ran.out == "" and said in ran.err, ran.err


def test_a_part_of_a_series_says_what_is_not_there(eoi, mails):
    ran = eoi("lift", *mails[:-1])
    assert ran.code == 0 and "ignored: 5/5 of the series  # nobody gave it" in ran.out
    assert "of the series" not in eoi("lift", *mails).out
