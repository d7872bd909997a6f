"""`eoi review`: a page for a mail that says what a change does, to whom, who else can tell, and how it goes wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from checker.command import review
from checker.questions import compat
from checker.stories.write import WIDTH
from oracles.confirm import Confirmation, Label
from oracles.kvm import subjects
from tests.lift.test_forms import V1_DIFF

ROOT = Path(__file__).resolve().parents[2]
AMONG = ("--vmm", "qemu", "--guest", "windows_cg,linux", "--scope", "cpus=1,pins=1,vectors=1")
PARTS = (
    "What it changes", "Which the model has as", "What gets worse", "What gets better", "What was violated before, and is", "What is not known",
    "What those notice who did not ask for the change", "What the kernel that runs here does", "How it goes wrong", "What this rests on",
)  # fmt: skip


@pytest.fixture
def patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("v1.patch").write_text(V1_DIFF)
    return "v1.patch"


def part(page: str, title: str) -> str:
    """The text under a title, in one line."""
    found = re.search(
        rf"^{re.escape(title)}\n\n(.*?)(?=\n\n(?:{'|'.join(PARTS)}|To see it again)|\Z)", page, re.M | re.S
    )
    return " ".join(found[1].split()) if found else ""


def part_as_it_is(page: str, title: str) -> str:
    return page.partition(f"\n{title}\n")[2].partition("\n\nW")[0]


@pytest.mark.parametrize("design", ["v1", "v6", "split_irqchip_api", "v5"])
@pytest.mark.usefixtures("one_cell_a_claim")
def test_it_can_be_mailed_as_it_is(eoi, design):
    ran = eoi("review", design, "--base", "base", *AMONG)
    assert ran.code in (0, 1, 3) and ran.out.isascii()
    assert [line for line in ran.out.splitlines() if len(line) > WIDTH or line != line.rstrip()] == []
    titles = [line for line in ran.out.splitlines() if line in PARTS]
    assert titles == sorted(titles, key=PARTS.index) and {"What it changes", "What this rests on"} <= set(titles)


@pytest.mark.usefixtures("one_cell_a_claim")
def test_the_last_line_asks_for_it_again(eoi, patch):
    words = (patch, "--base", "base", *AMONG, "--property", "no_eoi_lost")
    page = eoi("review", *words).out
    last = page.rpartition("\n\n")[2].replace("\\\n", "")
    assert eoi(*last.removeprefix("To see it again: eoi ").split()).out == page


@pytest.mark.usefixtures("one_cell_a_claim")
def test_it_says_what_diff_says(eoi, patch):
    ran, told = eoi("review", patch, *AMONG), json.loads(eoi("diff", "base", patch, *AMONG, "--json").out)
    assert ran.code == 1 and " ".join(ran.out.split("\n\n")[0].split()) == f"v1.patch against base: {told['answer']}."
    for kind, title in (("REGRESSED", "What gets worse"), ("FIXED", "What gets better")):
        names = {c["property"] for c in told["changes"] if c["kind"] == kind}
        assert set(re.findall(r"\((\w+)\)", part(ran.out, title))) == names != set()
    still = [c["property"] for c in told["changes"] if c["kind"] == "STILL BROKEN"]
    said = f"* {len(still)} verdicts of {len(set(still))} properties, "
    assert part(ran.out, "What was violated before, and is").startswith(said) and len(set(still)) > 1


@pytest.mark.usefixtures("one_cell_a_claim")
def test_the_patch_can_be_seen_in_it_and_its_story_replayed(eoi, patch, tmp_path):
    page = eoi("review", patch, *AMONG).out
    assert "\n  + if apic.spiv_directed_eoi:\n  +     return" in part_as_it_is(page, "Which the model has as")
    assert "\n  + if (kvm_lapic_get_reg(apic, APIC_SPIV) &" in part_as_it_is(page, "What it changes")
    assert "no_eoi_lost: VIOLATED in 10 steps (shortest)" in page
    mail = tmp_path / "mail.txt"
    mail.write_text("".join(f"> {line}\n" for line in page.splitlines()))
    ran = eoi("replay", str(mail))
    assert ran.code == 1 and "REPRODUCED" in ran.out


@pytest.mark.usefixtures("one_cell_a_claim")
def test_why_the_last_call_does_nothing_is_told_in_the_models_words(eoi, patch):
    """QEMU's I/O APIC 0x11 has no EOI register: that is the whole bug."""
    why = "In step 10 ioapic_mem_write_eoi() changes nothing: ioapic_mem_write() case IOAPIC_EOI: version 0x11 has no such register"
    assert why in part(eoi("review", patch, *AMONG).out, "How it goes wrong")
    assert why in " ".join(eoi("prove", patch, *AMONG).out.split())
    storm = eoi("review", "base", "--base", "v1", *AMONG[:-1], f"{AMONG[-1]},ioapic=0x20").out
    assert "What gets worse" in storm and "changes nothing" not in storm


def test_who_did_not_ask_is_what_compat_says(eoi, patch, monkeypatch):
    """Of kernels only: the claims are about those."""
    vmms = ("qemu", "firecracker")
    monkeypatch.setattr(review, "COMPARED_UNDER", vmms)
    said = part(eoi("review", patch, *AMONG).out, "What those notice who did not ask for the change")
    assert "(flagless_vmm) Not so in " in said and "(quiet_guest) So in all " in said
    other = eoi(
        "compat",
        "base",
        patch,
        "--claim",
        "flagless_vmm",
        "--vmm",
        ",".join(vmms),
        "--scope",
        "cpus=1,pins=1,vectors=1",
    ).out
    assert f"Not so in {other.count('DIFFERS')} of {other.count('DIFFERS') + other.count('SAME')} cells" in said
    vmm = str(ROOT / "tests/wrong/qemu_eoi_register_tells_no_resampler.py")
    page = eoi("review", vmm, "--guest", "windows_cg", "--device", "resample", "--kernel", "v6").out
    assert "What gets worse" in page and "What those notice who did not ask for the change" not in page


@pytest.mark.usefixtures("one_cell_a_claim")
def test_what_is_not_known_is_told(eoi, patch):
    ran = eoi("review", patch, *AMONG, "--max-states", "5")
    assert ran.code == 3 and "INCONCLUSIVE" in ran.out.partition("\n\n")[0] and part(ran.out, "What is not known")


@pytest.mark.usefixtures("one_cell_a_claim")
def test_the_label_is_that_of_the_running_kernel(eoi, patch, monkeypatch):
    monkeypatch.setattr("oracles.kvm.replay._on_kvm", lambda *_: "CONFIRMED: by nobody: 10 steps")
    said = part(eoi("review", patch, *AMONG).out, "What the kernel that runs here does")
    assert said == "* no_eoi_lost: CONFIRMED: by nobody: 10 steps."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("v7",), "unknown design"),
        (("base",), "stands on nothing that it can be compared with: --base DESIGN names it"),
        (("v1", "--base", "v7"), "unknown design"),
        (("v1", "--base", "qemu"), "nothing to compare"),
    ],
)
def test_bad_input_is_exit_code_2(eoi, words, said):
    ran = eoi("review", *words)
    assert ran.code == 2 and said in ran.err and not ran.out


@pytest.mark.usefixtures("one_cell_a_claim")
def test_a_mail_is_named_by_its_subject_and_its_id(eoi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mail.eml").write_text(
        f"From: A <a@b.c>\nSubject: [PATCH] KVM: x86: obey\nMessage-ID: <17@b.c>\n\nSo it is.\n---\n{V1_DIFF}"
    )
    page = eoi("review", "mail.eml", *AMONG).out
    assert "\n\n[PATCH] KVM: x86: obey <17@b.c>\n\nWhat it changes\n" in page
    assert re.search(r"^  \* eoiproof [\d.]+, model [0-9a-f]{16}\.$", page, re.M)


@pytest.mark.usefixtures("one_cell_a_claim")
def test_who_has_the_story_and_not_the_patch_is_told_how_to_name_it(eoi, patch, tmp_path, monkeypatch):
    mail = tmp_path / "mail.txt"
    mail.write_text(eoi("review", patch, *AMONG).out)
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    ran = eoi("replay", str(mail))
    assert ran.code == 2 and f"looked for {tmp_path}/else/v1.patch. If it is elsewhere, --design PATH" in ran.err


def test_after_ctrl_c_nobody_is_spoken_for_who_was_not_compared(eoi, patch, ctrl_c_after_answers):
    """Two claims in five cells each: what the first three say is not what all say."""
    ctrl_c_after_answers(compat, 3)
    ran = eoi("review", patch, *AMONG)
    assert (ran.code, ran.out) == (3, "") and ran.err.endswith("eoi: interrupted: INCONCLUSIVE\n")


@pytest.mark.usefixtures("one_cell_a_claim")
def test_that_another_kernel_runs_here_is_said_before_what_it_did(eoi, patch, monkeypatch):
    """By the words in which the label itself says so (subjects.py)."""
    monkeypatch.setattr(subjects, "running_design", lambda: "v6")
    asked: list[str] = []

    def nowhere(*_: object) -> Confirmation:
        asked.append("once")
        return Confirmation(Label.NOT_RUNNABLE, "as v6 step 3, l1_x(), is not possible here")

    monkeypatch.setattr(subjects, "confirm", nowhere)
    said = " ".join(part(eoi("review", patch, *AMONG).out, "What the kernel that runs here does").split())
    assert asked and said.startswith("It does not have this patch. ")
    assert "NOT RUNNABLE HERE: v6 runs here, and not v1.patch; taken as a run of v6: step 3, l1_x(), is not" in said
