"""Every story the tool tells fits a mail and is accepted back."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from checker.command.explore import story
from checker.engine.search import Limits
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.matrix.scope import ScopeValue
from checker.questions.campaign import run_campaign
from checker.questions.verdict import Status
from checker.stories.write import to_text
from tests.rigs.readme_stories import old as before
from tests.rigs.volume import volume


def all_stories(name: str) -> list[str]:
    """The text of violations and witnesses of a design over all VMMs, guests and devices: of every sixth, by day."""
    known = all_properties()
    sizes: dict[str, dict[str, ScopeValue]] = {"any": {"vectors": 1}}  # which has 10^5 states with two
    found = [
        cell
        for guest in ("linux", "windows_cg", "xen", "any")
        for cell in matrix(
            (name, designs()[name]), kernels=["base"], vmms=["qemu", "openvmm"], guests=[guest],
            devices=["level", "mixed"], scope=sizes.get(guest, {}),
        )
    ]  # fmt: skip
    cells = [c for c in found if isinstance(c, Cell)]
    assert len(cells) == 24  # qemu 0x11, qemu 0x20, openvmm 0x11; four guests; two kinds of devices
    campaign = run_campaign(cells, list(known.values()), engine="native", limits=Limits())
    shown = (Status.VIOLATED, Status.REACHED)
    told = [(result, v) for result in campaign.results for v in result.verdicts if v.status in shown]
    assert len(told) > 100
    return [to_text(story(result, v)) for result, v in told[:: volume(6, 1)]]


@pytest.fixture(scope="module", params=["base", "v1"])
def stories(request) -> list[str]:
    return all_stories(request.param)


def test_every_line_is_ascii_and_at_most_72_columns(stories):
    assert len(stories) > 15
    for text in stories:
        for line in text.splitlines():
            assert line.isascii() and len(line) <= 72 and "\t" not in line, line


def test_every_story_is_accepted_back_plain_and_quoted(stories, eoi, monkeypatch):
    """Every third form of a story is asked, in turn."""
    for number, text in enumerate(stories[::3]):
        forms = (text, "> " + text.replace("\n", "\n> "), ">> " + text.replace("\n", "\r\n>> "))
        monkeypatch.setattr("sys.stdin", io.StringIO(forms[number % len(forms)]))
        ran = eoi("replay", "-")
        assert ran.code in (0, 1) and "\nREPRODUCED: " in ran.out, ran


def test_a_story_is_stopped_by_the_design_that_fixes_it(eoi, tmp_path: Path):
    path = tmp_path / "storm.txt"
    path.write_text(
        eoi(
            "trace",
            "base",
            "--vmm",
            "qemu",
            "--guest",
            "windows_cg",
            "--scope",
            "ioapic=0x20",
            "--property",
            "no_storm",
        ).out
    )
    assert eoi("replay", str(path)).code == 1
    stopped = eoi("replay", str(path), "--design", "v1")
    assert stopped.code == 0 and "NOT REPRODUCED" in stopped.out and "is not possible here" in stopped.out
    # v1 makes no KVM_REQ_IOAPIC_EOI_EXIT for an EOI that the guest suppressed: there the runs part
    assert "The runs part at step 8, l1_apic_eoi: apic[0]." in stopped.out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("no_storm: ", "no_strom: ", "did you mean 'no_storm'"),
        ("guest=windows_cg", "guest=windows", "windows"),
        ("l1_apic_eoi(cpu=0)", "l1_apic_eoi(cpu=7)", "line"),
        ("l1_apic_eoi(cpu=0)", "l1_apic_eio(cpu=0)", "line"),
        ("Cell: ", "Sell: ", "Cell"),
        ("no_storm: VIOLATED", "no_storm: broken", "no story found"),
    ],
)
def test_a_damaged_story_is_refused_with_the_line(eoi, tmp_path, old, new, said):
    scope = "ioapic=0x20,cpus=1,pins=1"
    text = eoi(
        "trace", "base", "--vmm", "qemu", "--guest", "windows_cg", "--scope", scope, "--property", "no_storm"
    ).out
    assert old in text
    path = tmp_path / "story.txt"
    path.write_text(before(text).replace(old, new))
    ran = eoi("replay", str(path))
    assert ran.code == 2 and said in ran.err


def test_a_story_told_of_an_unfair_loop_is_not_believed(eoi, tmp_path):
    """The same steps under a headline that the run does not earn."""
    text = eoi(
        "trace",
        "base",
        "--vmm",
        "qemu",
        "--guest",
        "linux",
        "--property",
        "eoi_exit",
        "--scope",
        "ioapic=0x20,cpus=1,pins=1",
    ).out
    assert "eoi_exit: REACHED in" in text
    steps = text.split(" in ")[1].split(" ")[0]
    path = tmp_path / "story.txt"
    path.write_text(
        before(text).replace(
            f"eoi_exit: REACHED in {steps} steps", f"line_is_serviced: VIOLATED in {steps} steps, then stays there"
        )
    )
    ran = eoi("replay", str(path))
    assert ran.code == 1 and "would have to happen in the end" in ran.out


def test_diagrams_are_written_whole_in_every_format(eoi, tmp_path: Path):
    forms = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph"}
    options = [x for form in forms for x in (f"--{form}", str(tmp_path / f"story.{form}"))]
    ran = eoi(
        "trace", "v1", "--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x11,cpus=1,pins=1",
        "--property", "no_eoi_lost", *options,
    )  # fmt: skip
    assert ran.code == 1
    for form, magic in forms.items():
        content = (tmp_path / f"story.{form}").read_bytes()
        assert magic in content[:200] and len(content) > 2000


@pytest.mark.parametrize(("option", "name"), [("--svg", "story.png"), ("--png", "missing/story.png")])
def test_a_bad_diagram_path_is_refused_before_anything_is_explored(eoi, tmp_path, option, name):
    ran = eoi("trace", "v1", "--property", "no_eoi_lost", option, str(tmp_path / name))
    assert ran.code == 2 and name.split("/")[0] in ran.err and not list(tmp_path.iterdir())
