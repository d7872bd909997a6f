"""`eoi prove --if-concerned`: who gates every patch of a tree is not told that most of them are nobody's business here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lift.test_forms import V1_DIFF

FOREIGN = "arch/x86/kvm/mmu/mmu.c"
COMMENT = V1_DIFF.replace(
    "if (kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)", "/* if the guest"
).replace("+\t\t\treturn;", "+\t\t\t   asks */")
AMONG = ("--vmm", "qemu", "--guest", "windows_cg,linux", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11")
OF_ANOTHER_FILE = V1_DIFF.replace("arch/x86/kvm/lapic.c", FOREIGN)


@pytest.mark.parametrize(
    ("text", "said"),
    [(OF_ANOTHER_FILE, f"{FOREIGN} is not in the model: nothing is judged\n"), (COMMENT, "it changes no code: nothing is judged\n")],
    ids=["another file", "a comment"],
)  # fmt: skip
def test_a_patch_that_is_about_something_else(eoi, tmp_path: Path, text, said):
    path = tmp_path / "fix.patch"
    path.write_text(text)
    assert eoi("prove", str(path), *AMONG).code == 2
    ran = eoi("prove", str(path), *AMONG, "--if-concerned")
    assert (ran.code, ran.err) == (0, "") and ran.out.endswith(said) and ran.out.count("\n") == 1


def spelt(path: str, old: str = "a/arch/x86/kvm/lapic.c") -> str:
    """The patch with this for the name of its file."""
    return V1_DIFF.replace("--- a/arch/x86/kvm/lapic.c", f"--- {old}").replace("b/arch/x86/kvm/lapic.c", path)


@pytest.mark.parametrize(
    "text",
    [
        spelt("w/arch/x86/kvm/lapic.c"), spelt("b//arch/x86/kvm/lapic.c"), spelt("b/linux/arch/x86/kvm/lapic.c"), spelt("b/lapic.c"),
        spelt("b/arch/x86/kvm/lapic_new.c"), OF_ANOTHER_FILE.replace(FOREIGN, "arch/x86/kvm/cpuid.c"),
        OF_ANOTHER_FILE.replace(FOREIGN, "arch/x86/include/asm/apicdef.h"),
    ],
    ids=["mnemonic", "two slashes", "above the tree", "within it", "renamed", "helpers", "values"],
)  # fmt: skip
def test_a_file_of_the_model_is_one_however_it_is_spelt(eoi, tmp_path: Path, text):
    path = tmp_path / "fix.patch"
    path.write_text(text)
    ran = eoi("prove", str(path), *AMONG, "--if-concerned")
    assert ran.code == 2 and "is not in the model" in ran.err


@pytest.mark.parametrize(
    ("text", "code"), [(V1_DIFF, 1), (V1_DIFF + OF_ANOTHER_FILE, 2), ("no diff\n", 2)], ids=["worse", "both", "no diff"]
)
def test_every_other_answer_stays(eoi, tmp_path: Path, text, code):
    """Of a patch of both, nobody knows what the other file does to the model."""
    path = tmp_path / "fix.patch"
    path.write_text(text)
    assert eoi("prove", str(path), *AMONG, "--if-concerned", "--brief").code == code
    assert eoi("prove", str(tmp_path / "none.patch"), "--if-concerned").code == 2
