"""A limit on memory that is too small for a search puts it on disk, and the answer is the same, but that it says so."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.engine import spill_folder
from checker.engine.native import Stats
from checker.engine.search import Limits
from checker.progress import Progress
from checker.questions import campaign
from tests.command.conftest import Ran

Eoi = Callable[..., Ran]
WORDS = ["prove", "--absolute", "base", "--vmm", "qemu", "--guest", "xen", "--scope", "ioapic=0x20"]
ASKED = ["--property", "no_storm", "--property", "no_reinjection"]
LITTLE = ["--max-memory", "420K"]


def test_the_answer_is_the_same(eoi: Eoi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOI_SPILL", str(tmp_path))
    whole, little = eoi(*WORDS, *ASKED), eoi(*WORDS, *ASKED, *LITTLE)
    assert whole.code == little.code == 1 and "HOLDS         no_storm" in whole.out
    said = re.compile(r"; \d\.\d MB of that lay on disk\n")
    assert len(said.findall(little.out)) == 1 and said.sub("\n", little.out) == whole.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("disk", "why", "advice"),
    [("0", "memory ran out", "give more by --max-memory"), ("20K", "the room on disk ran out", "EOI_SPILL=FOLDER")],
)
def test_without_room_on_disk_nothing_holds(eoi: Eoi, disk: str, why: str, advice: str) -> None:
    ran = eoi(*WORDS, *ASKED[:2], *LITTLE, "--max-disk", disk)
    assert ran.code == 3 and "HOLDS" not in ran.out
    assert f"INCONCLUSIVE  no_storm                {why}\n" in ran.out and f"STOPPED: {why};" in ran.out
    assert advice in " ".join(ran.out.split())


def test_a_folder_that_takes_nothing_is_named(eoi: Eoi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EOI_SPILL", f"{tmp_path}/file")
    ran = eoi(*WORDS, *ASKED, *LITTLE)
    assert (ran.code, ran.out) == (2, "")
    assert f"EOI_SPILL={tmp_path}/file: nothing can be kept there: it is no directory" in ran.err


@pytest.mark.parametrize(("kind", "code"), [("tmpfs", 2), ("ext4", 0)])
def test_a_folder_in_memory_is_no_disk(
    eoi: Eoi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, code: int
) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"25 24 {os.major(device)}:{os.minor(device)} / {tmp_path} rw,relatime - {kind} {kind} rw\n")
    monkeypatch.setattr(spill_folder, "MOUNTS", mounts)
    monkeypatch.setenv("EOI_SPILL", str(tmp_path))
    ran = eoi(*WORDS, *ASKED[:2], *LITTLE)
    assert ran.code == code and (f"EOI_SPILL={tmp_path}: what lies there lies in memory" in ran.err) is (code == 2)


def test_progress_says_what_lies_on_disk() -> None:
    progress = Progress(1)
    progress.watch(0, "large", Stats(4_000_000, 4_000_000, 0, 9, 100_000_000, 0, disk_bytes=1_234_000_000))
    assert progress.line().endswith("depth 9, 100 MB and 1,234 MB on disk")


@pytest.mark.parametrize(
    ("limits", "free", "each"),
    [
        (Limits(), 2_000_000, 1_000_000),
        (Limits(), 999_999, 0),  # less than memory: not worth filling it
        (Limits(max_bytes=900_000), 999_998, 499_999),
        (Limits(max_disk=10), 2_000_000, 5),
        (Limits(max_disk=0), 2_000_000, 0),
    ],
)
def test_cells_share_the_disk_as_they_share_memory(
    monkeypatch: pytest.MonkeyPatch, limits: Limits, free: int, each: int
) -> None:
    monkeypatch.setattr(campaign, "default_memory", lambda: 1_000_000)
    monkeypatch.setattr(campaign, "default_disk", lambda: free)
    of_cell = campaign._of_a_cell(limits, 2)
    assert of_cell.max_disk == each and of_cell.max_bytes == (limits.max_bytes or 1_000_000) // 2
