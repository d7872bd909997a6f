"""`merged` is v6 by another name: on the command line, and nowhere else."""

from __future__ import annotations

import json

from checker.matrix.roles import ALIASES, designs
from checker.questions import gate

CELL = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x20,cpus=1,pins=1")


def test_it_is_listed_with_its_design(eoi):
    rows = [
        line for line in eoi("list", "designs").out.splitlines() if "merged" in line.split("(also: ")[-1].split(")")[0]
    ]
    assert [row.split(")")[0] for row in rows] == ["v6 (also: merged"]


def test_it_is_proved_traced_and_replayed(eoi, tmp_path):
    merged, v6 = (
        json.loads(eoi("prove", "--absolute", name, *CELL, "--json").out)["cells"] for name in ("merged", "v6")
    )
    assert len(merged) == len(v6) == 4, "four API flags"
    for ours, theirs in zip(merged, v6, strict=True):
        assert (ours["kernel"], theirs["kernel"]) == ("merged", "v6")
        said = [[(v["property"], v["verdict"]) for v in cell["verdicts"]] for cell in (ours, theirs)]
        assert said[0] == said[1]
        assert (ours["states"], ours["transitions"]) == (theirs["states"], theirs["transitions"])
    story = tmp_path / "story.txt"
    told = eoi("trace", "merged", *CELL[:4], "--property", "no_storm", "--scope", "ioapic=0x20,flags=0x0")
    assert told.code == 1
    story.write_text(told.out)
    assert "REPRODUCED" in eoi("replay", str(story)).out


def test_it_is_a_kernel_for_vmm_designs(eoi):
    names = ("--kernel", "merged", "--guest", "linux", "--property", "no_eoi_lost")
    assert eoi("prove", "--absolute", "qemu_rfc_v2", *names).code == 0


def test_it_adds_nothing_to_the_matrix():
    assert ALIASES == {"merged": "v6"}
    assert not set(ALIASES) & set(designs())
    assert not {part.design for part in gate.full_matrix()} & set(ALIASES)


def test_a_name_that_is_neither_is_refused(eoi):
    ran = eoi("prove", "--absolute", "merge")
    assert ran.code == 2
    assert "unknown design 'merge'" in ran.err
