"""`eoi conform qemu` and `eoi replay --on qemu`: what they print, write and exit with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from checker.command import cli
from oracles.qemu import process
from tests.rigs.qemu_here import needs_qemu

ROOT = Path(__file__).resolve().parents[2]
FINDINGS = ROOT / "reports" / "findings"


def eoi(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.main(list(words))
    return code, " ".join(capsys.readouterr().out.split())


def readme_story(folder: Path, headline: str) -> Path:
    """The story with this headline in docs/argument.md, in a file of its own."""
    parts = (ROOT / "docs/argument.md").read_text().split("```")
    story = next(part for part in parts if headline in part)
    path = folder / "story.txt"
    path.write_text(story)
    return path


@needs_qemu
@pytest.mark.parametrize("headline", ["no_eoi_lost: VIOLATED", "no_storm: VIOLATED"])
def test_the_readmes_stories_are_confirmed(capsys: pytest.CaptureFixture[str], tmp_path: Path, headline: str) -> None:
    """The lost EOI of 0x11, and the storm."""
    code, said = eoi(capsys, "replay", str(readme_story(tmp_path, headline)), "--on", "qemu")
    assert code == 1
    assert "CONFIRMED of the I/O APIC's part: " in said and "QEMU" in said
    assert "KVM, the guest and the device are the model's" in said


@needs_qemu
@pytest.mark.parametrize(
    ("finding", "code", "expected"),
    [
        ("01-qemu-0x11-trigger-flip.md", 1, "CONFIRMED of the I/O APIC's part: 17 steps"),
        ("07-irqfd-past-the-mask.md", 1, "CONFIRMED of the I/O APIC's part: "),
        ("08-two-ioapics-share-gsis.md", 3, "NOT RUNNABLE HERE: step 0: one I/O APIC is here, not two"),
        ("06-cloud-hypervisor-linux-cannot-move.md", 3, "the VMM of this system is CloudHypervisor"),
        ("03-vcpus-disagree.md", 3, "the VMM of this system is SetupVmm"),
    ],
)
def test_findings(capsys: pytest.CaptureFixture[str], finding: str, code: int, expected: str) -> None:
    found, said = eoi(capsys, "replay", str(FINDINGS / finding), "--on", "qemu")
    assert (found, expected in said) == (code, True), said


@needs_qemu
def test_two_pins_under_the_throttle_get_no_false_label(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """QEMU sends 10,000 messages where the model counts 2: that is no disagreement about the chip."""
    where = ["--vmm", "qemu", "--guest", "windows_cg", "--property", "no_storm"]
    assert cli.main(["trace", "base", *where, "--scope", "throttle=on,ioapic=0x20,cpus=2,pins=2"]) == 1
    story = tmp_path / "story.txt"
    story.write_text(capsys.readouterr().out)
    code, said = eoi(capsys, "replay", str(story), "--on", "qemu")
    assert code == 3
    assert "NOT RUNNABLE HERE" in said and "9,999" in said


@needs_qemu
def test_random_walks_are_written_and_recorded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words: Sequence[str] = (
        "conform", "qemu", "--random", "--steps", "50", "--seed", "4", "--json",
        "--write", str(tmp_path / "out"), "--record", str(tmp_path / "walks"),
    )  # fmt: skip
    code, said = eoi(capsys, *words)
    assert code == 0
    raw = json.loads(said)
    assert raw == json.loads((tmp_path / "out" / "qemu.json").read_text())
    assert process.version() in raw["oracle"]
    assert (raw["totals"]["agreed"], raw["totals"]["replayed"]) == (100, 100), "50 steps of each version"
    walks = [json.loads(line) for line in (tmp_path / "walks").read_text().splitlines()]
    assert sorted({walk["scope"]["ioapic"] for walk in walks}) == ["V11", "V20"]
    assert sum(len(walk["steps"]) for walk in walks) == 100
    text = (tmp_path / "out" / "qemu.txt").read_text()
    assert max(map(len, text.splitlines())) <= 72
    assert "100 / 100" in text


def test_without_qemu(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PROGRAM", "qemu-system-nowhere")
    code, said = eoi(capsys, "conform", "qemu", "--random", "--steps", "1")
    assert (code, "NOT RUNNABLE HERE: qemu-system-nowhere is not installed" in said) == (3, True)
    story = readme_story(tmp_path, "no_eoi_lost: VIOLATED")
    code, said = eoi(capsys, "replay", str(story), "--on", "qemu")
    assert (code, "NOT RUNNABLE HERE: qemu-system-nowhere is not installed" in said) == (3, True)


def test_what_cannot_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["conform", "qemu", "--design", "v6"]) == 2
    assert "--design is for conform kvm" in capsys.readouterr().err
