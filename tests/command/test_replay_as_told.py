"""`eoi replay` compares what a story tells to change with what its steps do, and points at the way on for files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.readme_stories import ALL_13, LOST, STORM
from tests.rigs.user_file import GOOD, WINDOWS

OTHERWISE = (
    "REPRODUCED BUT NOT AS TOLD: all 13 steps run in CPython, and no_storm is VIOLATED\nWhere it first differs: "
)
RAISED = "       |     =     |     |  CPU0 IRR {} -> {0}, CPU0 TMR {} -> {0}\n"  # the end of step 5
LOOPED = "|      |     =     |     |  CPU0 KVM_EXIT_IOAPIC_EOI none -> 0\n"  # the end of step 9


@pytest.fixture
def replay(eoi: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    def run(text: str, *options: str) -> Any:
        (tmp_path / "mail.txt").write_text(text)
        return eoi("replay", str(tmp_path / "mail.txt"), *options)

    return run


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (RAISED, RAISED.replace("IRR {} -> {0}", "IRR {} -> {1}"), "tells `CPU0 IRR {} -> {1}, CPU0 TMR {} -> {0}`; what step 5 does: `CPU0 IRR {} -> {0}, CPU0 TMR {} -> {0}`"),
        (LOOPED, LOOPED.replace("none", "0"), "tells `CPU0 KVM_EXIT_IOAPIC_EOI 0 -> 0`; what step 9 does: `CPU0 KVM_EXIT_IOAPIC_EOI none -> 0`"),
        (RAISED, RAISED[:-1] + ", CPU0 ISR {} -> {0}\n", "tells `CPU0 IRR {} -> {0}, CPU0 TMR {} -> {0}, CPU0 ISR {} -> {0}`; what step 5"),
        (RAISED, RAISED.replace(", CPU0 TMR {} -> {0}", ""), "tells `CPU0 IRR {} -> {0}`; what step 5"),
        (RAISED, RAISED.replace("|     =     |     |", "|     |     =     |"), "tells `CPU0 IRR"),  # the VMM's, not KVM's
        (RAISED, RAISED + LOOPED[1:], "tells `CPU0 KVM_EXIT_IOAPIC_EOI none -> 0`, which step 5 does not do"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mark", ["", "> ", ": ", "|"])
def test_a_changed_line_is_told(replay: Callable[..., Any], mark: str, old: str, new: str, said: str) -> None:
    """Nobody but the lines of the first difference say so: the steps run, and the property is violated."""
    assert STORM.count(old) == 1 and old != new
    text = "Hi,\n" + "".join(f"{mark}{line}\n" for line in STORM.replace(old, new).splitlines())
    ran = replay(text)
    line = 1 + line_of(STORM, old) + (new.startswith(old))
    assert (ran.code, ran.err) == (1, "")
    assert f"{OTHERWISE}line {line} {said}" in ran.out


@pytest.mark.parametrize(
    ("row", "step", "call"),
    [(RAISED, 5, "device_raise(pin=0)"), (LOOPED, 9, "x86.c:vcpu_enter_guest(cpu=0)  <== here")],
)
def test_a_line_that_is_missing_is_told(replay: Callable[..., Any], row: str, step: int, call: str) -> None:
    ran = replay(STORM.replace(row, ""))
    what = row.rpartition("|  ")[2].strip()
    assert (
        ran.code == 1
        and f"{OTHERWISE}line {line_of(STORM, call)}: step {step} also does `{what}`, which is not told\n" in ran.out
    )


def test_blanks_and_remarks_do_not_count(replay: Callable[..., Any]) -> None:
    """Nor calls, which are for people; and a story of steps alone tells no change."""
    assert replay(re.sub(" +", " ", STORM)).out.endswith(ALL_13)
    assert replay(STORM.replace(RAISED, f"{RAISED}\nThat is == what I see.\n= no, not so\n\n")).out.endswith(ALL_13)
    assert replay(
        "".join(line for line in STORM.splitlines(True) if "->|" not in line and "|<-" not in line)
    ).out.endswith(ALL_13)
    steps = "".join(line for line in STORM.splitlines(True) if " =  " not in line)
    assert steps.count("\n") < STORM.count("\n") - 30
    assert replay(steps).out.endswith(ALL_13)


def test_the_verdict_is_counted_apart(replay: Callable[..., Any]) -> None:
    ran = replay(f"{STORM}\n{STORM.replace(LOOPED, '')}\n{LOST}")
    assert ran.code == 1 and ran.out.endswith("\n3 stories: 2 REPRODUCED, 1 REPRODUCED BUT NOT AS TOLD\n")


def test_a_story_of_what_may_happen_differs_with_exit_code_1(
    eoi: Callable[..., Any], replay: Callable[..., Any]
) -> None:
    """A REACHED story is exit code 0 when it is as told."""
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
    assert text.count("CPU0 IRR {} -> {0}") == 1
    assert replay(text).code == 0
    ran = replay(text.replace("CPU0 IRR {} -> {0}", "CPU0 IRR {} -> {1}"))
    assert ran.code == 1 and "REPRODUCED BUT NOT AS TOLD: " in ran.out and "eoi_exit is REACHED" in ran.out


def test_where_a_story_that_is_stopped_first_differs(replay: Callable[..., Any]) -> None:
    """base makes the exit that v1 leaves out: its l1_apic_eoi does more than the story of v1 tells, and the vCPU is out of
    the guest. In a story of base, v1 does less."""
    more = replay(LOST.replace("kernel=v1", "kernel=base"))
    line = line_of(LOST, "   8   *     |     |     |  l1_apic_eoi(cpu=0)")
    assert more.code == 0
    assert (
        f"NOT REPRODUCED: step 9, l2_service_device(0), is not possible here\nWhere it first differs: line {line}: step 8 also does `CPU0 pending EOI none -> 0`"
        in more.out
    )
    less = replay(STORM.replace("kernel=base", "kernel=v1"))
    line = line_of(STORM, "       |     =     |     |  CPU0 pending EOI none -> 0")
    assert less.code == 0 and "NOT REPRODUCED: step " in less.out
    assert (
        f"Where it first differs: line {line} tells `CPU0 pending EOI none -> 0`, which step 8 does not do\n"
        in less.out
    )


def test_on_another_design_the_steps_are_what_is_compared(replay: Callable[..., Any]) -> None:
    changed = STORM.replace(LOOPED, "")
    assert replay(changed, "--design", "base").out.endswith(ALL_13)
    assert "Where it first differs" not in replay(changed, "--design", "v1").out


# --- files of the user's ---


@pytest.fixture
def story(eoi: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The story of mine.py, told where that is."""
    here = tmp_path / "here it is"
    here.mkdir()
    (here / "mine.py").write_text(GOOD)
    monkeypatch.chdir(here)
    return str(eoi("trace", "mine.py", *WINDOWS, "--scope", "ioapic=0x11", "--property", "no_eoi_lost").out)


def test_a_file_that_has_changed_points_at_design(
    eoi: Callable[..., Any], replay: Callable[..., Any], story: str
) -> None:
    assert replay(story).code == 1
    Path("mine.py").write_text(GOOD.replace("Obey", "Always obey"))
    changed = replay(f"Hi,\n{story}")
    line = line_of(story, "Cell: ") + 1
    assert changed.code == 2
    assert re.search(
        rf"mail\.txt: line {line}: mine\.py is not the file .* it has changed \(\w{{8}} then, \w{{8}} now\)",
        changed.err,
    )
    option = re.findall(r"(--design \S+) takes the story's steps with the file as it is now", changed.err)
    assert option == ["--design mine.py"]
    ran = replay(story, *shlex.split(option[0]))
    assert ran.code == 1 and "\nREPRODUCED: " in ran.out


@pytest.mark.parametrize("named", ["mine.py", "mine.py:Mine"])
def test_a_file_that_is_elsewhere_points_at_design(
    replay: Callable[..., Any], story: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = story.replace("kernel=mine.py@", f"kernel={named.replace(':', '%3A')}@")
    assert replay(text).code == 1
    monkeypatch.chdir(tmp_path)
    ran = replay(f"Hi,\n{text}")
    assert ran.code == 2
    assert (
        f"mail.txt: line {line_of(story, 'Cell: ') + 1}: the story is of kernel={named}, and there is no such file: looked for {tmp_path / 'mine.py'}. "
        in ran.err
    )
    assert "--design PATH takes the story's steps with the file at PATH" in ran.err
    there = replay(text, "--design", str(tmp_path / "here it is" / "mine.py"))
    assert there.code == 1 and "\nREPRODUCED: " in there.out


def test_the_file_of_another_role(
    eoi: Callable[..., Any], replay: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guest.py").write_text(
        "from model.guests.windows_cg import WindowsCg\n\n\nclass Mine(WindowsCg):\n    source = 'mine'\n"
    )
    text = eoi(
        "trace", "base", "--vmm", "qemu", "--guest", "guest.py", "--scope", "ioapic=0x20", "--property", "no_storm"
    ).out
    assert replay(text).code == 1
    (tmp_path / "guest.py").unlink()
    assert "the story is of guest=guest.py, and there is no such file" in replay(text).err
