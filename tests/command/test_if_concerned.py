"""`eoi prove --if-concerned`: who gates every patch of a tree is not told that most of them are nobody's business here."""

from __future__ import annotations

import base64
import quopri
import re
from pathlib import Path

import pytest

from tests.lift.test_forms import V1_DIFF
from tests.lift.test_refused import into
from tests.rigs.own_c import LAPIC, diff_of, edited

FOREIGN = "arch/x86/kvm/mmu/mmu.c"
COMMENT = V1_DIFF.replace(
    "if (kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)", "/* if the guest"
).replace("+\t\t\treturn;", "+\t\t\t   asks */")
AMONG = ("--vmm", "qemu", "--guest", "windows_cg,linux", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11")
OF_ANOTHER_FILE = V1_DIFF.replace("arch/x86/kvm/lapic.c", FOREIGN)


@pytest.mark.parametrize(
    ("text", "said"),
    [(OF_ANOTHER_FILE, f"{FOREIGN} is not in the model: nothing is judged\n"), (COMMENT, "it changes no code: nothing is judged\n"),
     (into('pr_debug("eoi");'), "it changes nothing that the model has, and is harmless: logging: nothing is judged\n")],
    ids=["another file", "a comment", "what is logged"],
)  # fmt: skip
def test_a_patch_that_is_about_something_else(eoi, tmp_path: Path, text, said):
    path = tmp_path / "fix.patch"
    path.write_text(text)
    assert eoi("prove", str(path), *AMONG).code == 2
    ran = eoi("prove", str(path), *AMONG, "--if-concerned")
    assert (ran.code, ran.err) == (0, "") and ran.out.endswith(said) and ran.out.count("\n") == 1


STORED = "		apic->vcpu->arch.pending_ioapic_eoi = vector;\n"
ONCE = "		WRITE_ONCE(apic->vcpu->arch.pending_ioapic_eoi, vector);\n"


@pytest.mark.parametrize("text", [into("smp_mb();"), diff_of(edited(LAPIC, (STORED, ONCE)))], ids=["order", "the same"])
def test_what_no_row_calls_harmless_is_no_pass(eoi, tmp_path: Path, text):
    """What is not modelled, and what the model says the same of for no row's reason."""
    path = tmp_path / "fix.patch"
    path.write_text(text)
    assert eoi("prove", str(path), *AMONG, "--if-concerned").code == 2


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
    assert ran.code == 2 and re.search(r"is not (in the model by this name|lifted), and ", ran.err)


def of(file: str) -> str:
    return OF_ANOTHER_FILE.replace(FOREIGN, file)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("devices/src/ioapic.rs", "devices/src/ioapic.rs is not lifted, and model/vmms/cloud_hypervisor.py is made from it\n"),
        ("arch/x86/kernel/apic/io_apic.c", "arch/x86/kernel/apic/io_apic.c is not lifted, and model/guests/linux.py is made from it\n"),
        ("vm/chipset/src/ioapic.rs", "is not lifted, and may be devices/src/ioapic.rs: model/vmms/cloud_hypervisor.py is made from it\n"),
        ("arch/x86/kvm/vmx/vmx.c", "is not lifted, and the model relies on it: it loads the EOI-exit bitmap"),
        ("arch/x86/kvm/Makefile", "is not lifted, and the model relies on it: which files are compiled\n"),
        ("target/i386/kvm/kvm.c", "is not lifted, and the model relies on it: routes of a split irqchip"),
        ("arch/x86/kvm/cpuid.c", "is not lifted, and the model has functions, helpers or values of it (model/kvm/correspondence.txt)\n"),
        ("linux/arch/x86/kvm/lapic.c", "is not in the model by this name, and may be its arch/x86/kvm/lapic.c\n"),
    ],
)  # fmt: skip
def test_what_is_known_of_a_file_is_said(eoi, tmp_path: Path, file, said):
    path = tmp_path / "fix.patch"
    path.write_text(of(file))
    for more in ([], ["--if-concerned"]):
        ran = eoi("prove", str(path), *AMONG, *more)
        assert ran.code == 2 and ran.out == "" and said in ran.err


@pytest.mark.parametrize(
    "file", ["drivers/net/dsa/chip.c", "arch/arm64/kvm/Makefile", "Documentation/virt/kvm/api.rst"]
)
def test_what_is_nothing_to_the_model(eoi, tmp_path: Path, file):
    path = tmp_path / "fix.patch"
    path.write_text(of(file))
    assert eoi("prove", str(path), *AMONG, "--if-concerned").code == 0


LAPIC = "arch/x86/kvm/lapic.c"
MODE = f"diff --git a/{LAPIC} b/{LAPIC}\nold mode 100644\nnew mode 100755\n"
RENAMED = f"diff --git a/{LAPIC} b/arch/x86/kvm/apic.c\nsimilarity index 100%\nrename from {LAPIC}\nrename to arch/x86/kvm/apic.c\n"
REMOVED = f"diff --git a/{LAPIC} b/{LAPIC}\ndeleted file mode 100644\nindex 1..0\n"


@pytest.mark.parametrize(
    "text",
    [
        MODE, RENAMED, REMOVED, OF_ANOTHER_FILE + MODE, OF_ANOTHER_FILE + RENAMED, OF_ANOTHER_FILE + REMOVED,
        f"Only in a/arch/x86/kvm: lapic.c\n{OF_ANOTHER_FILE}", f" {LAPIC} | 2 +-\n\n{OF_ANOTHER_FILE}",
        COMMENT + MODE.replace("lapic.c", "x86.c"), f"Only in a/arch/x86/kvm: x86.c\n{COMMENT}",
        f"*** {LAPIC} 2026-01-01\n--- {LAPIC} 2026-01-02\n{OF_ANOTHER_FILE}",
    ],
    ids=[
        "mode", "renamed", "removed", "and its mode", "and a rename", "and a removal", "only in", "in the diffstat", "a comment and a mode",
        "a comment and only in", "a context diff",
    ],
)  # fmt: skip
def test_what_has_no_hunk_is_a_change_too(eoi, tmp_path: Path, text):
    path = tmp_path / "fix.patch"
    path.write_text(text)
    assert eoi("prove", str(path), *AMONG, "--if-concerned").code == 2


def test_a_comment_beside_its_diffstat_is_no_change(eoi, tmp_path: Path):
    path = tmp_path / "fix.patch"
    path.write_text(f"Words.\n---\n .../x86/kvm/lapic.c | 4 ++++\n\n{COMMENT}")
    assert eoi("prove", str(path), *AMONG, "--if-concerned").code == 0


@pytest.mark.parametrize("how", ["base64", "quoted-printable"])
def test_a_mail_is_read_as_it_is_encoded(eoi, tmp_path: Path, how):
    """Of a file of the model and of another one: the heads are to be found where the text has none that is legible."""
    body = (V1_DIFF + OF_ANOTHER_FILE).encode()
    said = base64.encodebytes(body) if how == "base64" else quopri.encodestring(body).replace(b"lapic.c", b"lap=\nic.c")
    path = tmp_path / "fix.eml"
    headers = f"From: a@b.c\nSubject: [PATCH] x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {how}\n\n"
    path.write_bytes(headers.encode() + said)
    ran = eoi("prove", str(path), *AMONG, "--if-concerned")
    assert ran.code == 2 and FOREIGN in ran.err


def test_a_patch_of_something_else_for_another_role_is_no_answer(eoi, tmp_path: Path):
    """What was asked about is the kernel's patch, and nobody has judged it."""
    for name, text in (("fix.patch", V1_DIFF), ("vmm.patch", OF_ANOTHER_FILE)):
        (tmp_path / name).write_text(text)
    words = ("--guest", "linux", "--vmm", str(tmp_path / "vmm.patch"), "--if-concerned")
    assert eoi("prove", str(tmp_path / "fix.patch"), *words).code == 2


@pytest.mark.parametrize(
    ("text", "code"), [(V1_DIFF, 1), (V1_DIFF + OF_ANOTHER_FILE, 2), ("no diff\n", 2)], ids=["worse", "both", "no diff"]
)
def test_every_other_answer_stays(eoi, tmp_path: Path, text, code):
    """Of a patch of both, nobody knows what the other file does to the model."""
    path = tmp_path / "fix.patch"
    path.write_text(text)
    assert eoi("prove", str(path), *AMONG, "--if-concerned", "--brief").code == code
    assert eoi("prove", str(tmp_path / "none.patch"), "--if-concerned").code == 2
