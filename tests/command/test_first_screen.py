"""What stands on a screen of 24 x 80: the answer first, what is worse in most detail, and nothing left out unseen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checker.matrix.roles import all_properties
from checker.questions.answer import Standing, standing_of
from checker.questions.compare_text import GroupLine
from checker.questions.expected import Row, from_toml, rows_of_design
from checker.questions.first_screen import MORE
from checker.questions.verdict import Run, Status, Verdict
from tests.lift.test_forms import V1_DIFF

ROOT = Path(__file__).resolve().parents[2]
AMONG = (
    "--vmm",
    "qemu,cloud_hypervisor",
    "--guest",
    "windows_cg,xen,linux_threaded,any",
    "--scope",
    "cpus=1,vectors=1",
)
ONE = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x11")
WRONG = "tests/wrong/kvm_ack_notifier_lost.py"


@pytest.fixture
def small_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.chdir(ROOT)


def shown(out: str) -> list[str]:
    """What is seen before anybody scrolls: the command line is on the screen, too."""
    return out.splitlines()[:23]


def groups(out: str) -> str:
    """The answer and the groups: up to the story, or to what they rest on."""
    return re.split(
        r"^\w+: VIOLATED in |^\S+ and \S+ (?:have|are) |^--- |^\"\"\"Lifted|^Expected: |^--stories ",
        out,
        maxsplit=1,
        flags=re.M,
    )[0]


@pytest.mark.parametrize(
    "words", [("prove", "PATCH"), ("diff", "base", "PATCH"), ("diff", "base", "v6"), ("diff", "base", "split_irqchip_api"), ("prove", WRONG)], ids=" ".join,
)  # fmt: skip
def test_a_comparison_fits(eoi, small_screen, tmp_path, words):
    (tmp_path / "v1.patch").write_text(V1_DIFF)
    named = [str(tmp_path / "v1.patch") if word == "PATCH" else word for word in words]
    ran = eoi(*named, *AMONG)
    lines = groups(ran.out).rstrip().splitlines()
    assert len(lines) <= 23, "\n".join(lines)
    assert " against " in lines[0] and ": worse in " in lines[0]
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if line.startswith("Worth: all states, ")] == lines[-1:]
    regressed = set(re.findall(r"^REGRESSED +(\w+) ", "\n".join(lines), re.M))
    told = re.search(r"^worse: (.*?)$(?!\n  )", ran.out, re.M | re.S)
    assert regressed == set(re.findall(r"(\w+) \d+", told[1] if told else ""))
    assert ran.code == (1 if regressed else 0) or "INCONCLUSIVE" in " ".join(lines[:3])


def test_what_is_shortened_is_said_to_be(eoi, small_screen, monkeypatch):
    short = groups(eoi("diff", "base", "v1", *AMONG).out).rstrip()
    assert MORE in short and re.search(r"^STILL BROKEN  \d+ verdicts of \d+ properties$", short, re.M)
    monkeypatch.setenv("LINES", "200")
    long = groups(eoi("diff", "base", "v1", *AMONG).out)
    assert MORE not in long and not re.search(r"verdicts of \d+ properties", long)
    assert len(long.splitlines()) > len(short.splitlines()) == min(len(short.splitlines()), 23)


def test_the_story_is_the_shortest_of_what_was_asked_first_and_is_worse(eoi, small_screen):
    out = eoi("diff", "base", "v1", *AMONG).out
    rows = re.findall(r"^REGRESSED +no_eoi_lost +.*: (\d+) steps", out, re.M)
    assert rows and f"no_eoi_lost: VIOLATED in {rows[0]} steps (shortest)" in out


# --- of a user's file: beside its base ---

SAME = """
from model.designs.base import Base
from model.machine import Lapic

class Same(Base):
    def apic_set_eoi(self, apic: Lapic) -> None:
        super().apic_set_eoi(apic)
"""


def test_a_file_that_violates_what_its_base_does_is_no_worse(eoi, tmp_path):
    """base storms; a class that changes nothing of it does, too, and that is not its fault."""
    path = tmp_path / "same.py"
    path.write_text(SAME)
    ran = eoi("prove", str(path), *ONE)
    assert ran.code == 0 and ran.out.startswith(f"{path} against base: worse in 0 cells, better in 0")
    assert "violated as before" in ran.out.splitlines()[0]
    alone = eoi("prove", str(path), *ONE, "--absolute")
    assert alone.code == 1 and "  VIOLATED      no_storm" in alone.out


def test_a_file_of_a_vmm_is_beside_its_vmm_on_old_and_new_kernels(eoi, small_screen):
    ran = eoi(
        "prove", "tests/wrong/qemu_eoi_register_tells_no_resampler.py", "--guest", "windows_cg", "--device", "resample"
    )
    assert ran.code == 1 and " against qemu: worse in " in ran.out and "v6, " in ran.out


def test_a_line_that_no_step_runs_where_options_leave_out_cells_is_told_with_that(eoi, small_screen):
    ran = eoi("prove", WRONG, "--vmm", "qemu", "--guest", "linux")
    assert ran.code == 3 and "(Your options leave out cells; in some of them these lines may run.)" in ran.out


# --- of a registered design: beside reports/expected.toml ---


def test_a_registered_design_is_as_expected(eoi, small_screen):
    ran = eoi("prove", "v1", "--vmm", "qemu", "--guest", "windows_cg")
    assert ran.code == 0 and ran.out.startswith("v1: as expected in 2 cells (3 verdicts VIOLATED)\n")
    assert "Expected: " in ran.out and "no_eoi_lost: VIOLATED in 10 steps (shortest)" in ran.out


def test_one_that_is_not_is_told(eoi, small_screen, monkeypatch):
    """Seeded: a record that has another verdict."""
    other = (ROOT / "reports/expected.toml").read_text().replace("no_eoi_lost FAIL 10;", "no_eoi_lost ok;")
    monkeypatch.setattr("checker.command.prove.rows_of_design", lambda text, *named: rows_of_design(other, *named))
    ran = eoi("prove", "v1", "--vmm", "qemu", "--guest", "windows_cg")
    assert ran.code == 1 and ran.out.startswith(
        "v1: not as expected in 1 cell, as expected in 1 (3 verdicts VIOLATED)\n"
    )
    assert "expected ok, found VIOLATED" in " ".join(ran.out.split())


def test_other_sizes_are_judged_by_themselves(eoi, small_screen):
    """Nothing is expected of a cell that the record does not have: what it violates is a violation."""
    ran = eoi("prove", "v1", *ONE[:-1], "ioapic=0x11,cpus=1,pins=1")
    assert ran.code == 1 and ran.out.startswith("v1: violated in 1 of 1 cell (3 verdicts VIOLATED)\n")
    fine = eoi("prove", "v1", *ONE[:-1], "ioapic=0x20,cpus=1,pins=1")
    assert fine.code == 0 and fine.out.startswith("v1: nothing is violated in 1 cell\n")


def test_what_a_limit_left_open_is_neither(eoi, small_screen):
    ran = eoi("prove", "v1", *ONE, "--max-states", "20")
    assert ran.code == 3 and "INCONCLUSIVE" in ran.out.splitlines()[0]


def test_a_property_of_the_users_is_expected_by_nobody(eoi, small_screen, tmp_path):
    path = tmp_path / "p.py"
    path.write_text(
        "from model.lang import always\nfrom model.machine import Machine, Pin\n\n\n@always()\n"
        'def no_eoi_lost(s: Machine, pin: Pin) -> bool:\n    """The line is low."""\n    return not s.ioapic[pin].remote_irr\n'
    )
    ran = eoi("prove", "v1", *ONE, "--property", str(path))
    assert ran.code == 1 and ran.out.startswith("v1: violated in 1 of 1 cell (1 verdict VIOLATED)\n")


P = all_properties()["no_eoi_lost"]
RUN = Run(((),) * 10, ((),) * 11)


@pytest.mark.parametrize(
    ("verdict", "row", "standing"),
    [
        (Verdict(P, Status.VIOLATED, run=RUN), None, Standing.VIOLATED),
        (Verdict(P, Status.HOLDS), None, Standing.FINE),
        (Verdict(P, Status.SKIPPED), None, Standing.NOT_ASKED),
        (Verdict(P, Status.INCONCLUSIVE), "ok", Standing.OPEN),
        (Verdict(P, Status.VIOLATED, run=RUN), "FAIL 10", Standing.AS_EXPECTED),
        (Verdict(P, Status.VIOLATED, run=RUN), "FAIL 11", Standing.UNEXPECTED),
        (Verdict(P, Status.VIOLATED, run=RUN), "ok", Standing.UNEXPECTED),
        (Verdict(P, Status.HOLDS), "FAIL 10", Standing.UNEXPECTED),
        (Verdict(P, Status.HOLDS, note="vacuous: x"), "ok", Standing.UNEXPECTED),
        (Verdict(P, Status.SKIPPED), "ok", Standing.UNEXPECTED),
        (Verdict(P, Status.VIOLATED, run=RUN), "", Standing.VIOLATED),
    ],
)  # fmt: skip
def test_what_is_said_of_a_verdict_beside_the_record(verdict, row, standing):
    of = None if row is None else Row(1, 1, {"no_eoi_lost": row} if row else {"no_storm": "ok"})
    assert standing_of(verdict, of) is standing


def test_one_design_of_the_record_is_read_as_the_whole():
    text = (ROOT / "reports/expected.toml").read_text()
    whole = from_toml(text, "expected.toml")
    for design in ("base", "v6", list(whole)[-1]):
        assert rows_of_design(text, "expected.toml", design) == whole[design] != {}
    assert rows_of_design(text, "expected.toml", "v66") == {}


@pytest.mark.parametrize(
    ("name", "cell", "said"),
    [
        ("no_eoi_lost", "qemu 0x11, linux, level", "FIXED         no_eoi_lost             qemu 0x11, linux, level: 9 steps"),
        ("sent_where_its_entry_says", "firecracker 0x11, linux_vectors, level", "FIXED sent_where_its_entry_says firecracker 0x11, linux_vectors, level"),
        ("sent_where_its_entry_says", f"{'long_' * 12}vmm 0x11, linux, level", f"FIXED sent_where_its_entry_says {'long_' * 7}l ..."),
    ],
    ids=["there is room", "closer together", "too long for any line"],
)  # fmt: skip
def test_a_row_of_one_line_has_its_cell(monkeypatch, name, cell, said):
    monkeypatch.setenv("COLUMNS", "72")
    line = GroupLine("FIXED", name, cell, "9 steps")
    assert line.head() == said and len(said) <= 72
