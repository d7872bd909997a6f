"""`eoi replay STORY --on kvm`, where the story is of a patch: which design runs, which was told of, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oracles.confirm import Confirmation, Label
from oracles.kvm import replay, subjects
from oracles.lockstep import OracleMissing

HEAD = "from model.designs.v6 import V6\nfrom model.machine import Lapic, Trigger, Vector\n\n\nclass Mine(V6):\n"
# Takes no level message: KVM_GET_LAPIC shows an IRR that the patch does not have.
DROPS = (
    HEAD
    + """\
    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        if trigger == Trigger.EDGE:
            super().apic_accept_irq(apic, vector, trigger)
"""
)
# Obeys SPIV bit 12 whatever the VMM asked for; v6 does so for one that asks for BIT2 (ENABLE).
OBEYS = (
    HEAD
    + """\
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not apic.spiv_directed_eoi:
            super().kvm_ioapic_send_eoi(apic, vector)
"""
)
# Broadcasts no EOI of vector 0: seen at the next exit only, and the story ends before.
DEAF = (
    HEAD
    + """\
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if vector > 0:
            super().kvm_ioapic_send_eoi(apic, vector)
"""
)
SAME = HEAD + "    CHANGES = 0\n"


def running() -> str:
    """The running kernel's design, "" where there is no KVM."""
    try:
        return subjects.running_design()
    except OracleMissing:
        return ""


needs_v6 = pytest.mark.skipif(
    running() != "v6", reason=f"the running kernel's design is {running() or 'unknown: no KVM'}"
)


class Story:
    """A story of a patch in a file."""

    def __init__(self, eoi: Callable[..., Any], folder: Path, patch: str, guest: str, name: str) -> None:
        self.eoi, self.patch, self.story = eoi, folder / "mine.py", folder / "story.txt"
        self.patch.write_text(patch)
        where = ("--vmm", "qemu", "--guest", guest, "--property", name, "--scope", "ioapic=0x11,cpus=1,pins=1")
        ran = eoi("trace", str(self.patch), *where)
        assert ran.code == 1
        self.story.write_text(ran.out)

    def on_kvm(self) -> tuple[int, str]:
        ran = self.eoi("replay", str(self.story), "--on", "kvm")
        assert ran.err == ""
        title, *lines = ran.out.splitlines()
        assert f" on kernel {self.patch}, " in title and all(len(line) <= 72 for line in lines)
        return ran.code, " ".join(" ".join(lines).split())


@pytest.fixture
def story(eoi: Callable[..., Any], tmp_path: Path) -> Callable[[str, str, str], Story]:
    return lambda patch, guest, name: Story(eoi, tmp_path, patch, guest, name)


WHICH = "The running kernel has the design v6, by what it advertises; the story is of another, mine.py."


@needs_v6
def test_the_first_step_that_the_running_kernel_takes_otherwise(story: Callable[[str, str, str], Story]) -> None:
    code, said = story(DROPS, "linux", "line_is_serviced").on_kvm()
    assert code == 0
    assert (
        "NOT REPRODUCED: step 5, device_raise(0): apic[0].irr is {0} in the real system and {} in the model of mine.py"
        in said
    )
    assert (
        f"{WHICH} The step is the first that the running kernel takes otherwise than mine.py: it is what mine.py changes"
        in said
    )
    assert (
        "In the model (v6 is 'here'): The runs part at step 5, device_raise: apic[0].irr is {0} here, {} in the story."
        in said
    )


@needs_v6
def test_what_the_running_kernel_does_with_a_flag_only(story: Callable[[str, str, str], Story]) -> None:
    code, said = story(OBEYS, "windows_cg", "no_eoi_lost").on_kvm()
    assert (
        code == 1
        and "CONFIRMED: v6 runs here, and not mine.py; taken as a run of v6 with flags BIT2 instead of NONE: 10 steps"
        in said
    )
    assert (
        f"{WHICH} The steps were taken as v6: the running kernel does its part of this, too, where its VMM asks for the flags BIT2."
        in said
    )
    assert (
        "The story's VMM asks for NONE; with that v6 was not seen to do it: the difference is what mine.py changes."
        in said
    )
    assert (
        "In the model (v6 is 'here'): The runs part at step 8, l1_apic_eoi: apic[0].pending_ioapic_eoi is 0 here"
        in said
    )
    assert "BIT2 is KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST in v6" in said


@needs_v6
def test_a_patch_of_an_older_kernel_is_not_told_by_what_it_advertises(story: Callable[[str, str, str], Story]) -> None:
    older = DROPS.replace("v6", "base").replace("V6", "Base")
    code, said = story(older, "linux", "line_is_serviced").on_kvm()
    assert code == 0
    assert (
        "NOT REPRODUCED: step 5, device_raise(0): apic[0].irr is {0} in the real system and {} in the model of mine.py"
        in said
    )


@needs_v6
def test_a_patch_that_does_not_bring_it_about(story: Callable[[str, str, str], Story]) -> None:
    """QEMU's storm-free loss of a line on 0x11 with Xen (finding 01's kind) is there with any kernel."""
    code, said = story(SAME, "xen", "line_is_serviced").on_kvm()
    assert code == 1 and f"{WHICH} The steps were taken as v6: the running kernel does its part of this, too." in said
    assert "asks for" not in said and "In the model" not in said


@needs_v6
def test_what_these_steps_do_not_tell(story: Callable[[str, str, str], Story]) -> None:
    code, said = story(DEAF, "linux", "no_eoi_lost").on_kvm()
    assert (
        code == 3
        and "NOT RUNNABLE HERE: v6 runs here, and not mine.py; taken as a run of v6: the last state does not show it"
        in said
    )
    assert f"{WHICH} Beside the model of mine.py nothing differs that can be seen from outside in these steps" in said
    assert "The runs part at step 9, ack_APIC_irq: apic[0].pending_ioapic_eoi is 0 here, none in the story." in said


@pytest.mark.parametrize(
    ("found", "code", "follows"),
    [
        (Confirmation(Label.CONFIRMED, "x", as_design="v6", flags="NONE"), 1, "the running kernel does its part of this, too."),
        (Confirmation(Label.CONFIRMED, "x", as_design="v6", flags="BIT3"), 1, "asks for the flags BIT3. The story's VMM asks for NONE;"),
        (
            Confirmation(Label.NOT_REPRODUCED, "x", as_design="v6", flags="NONE", step=3),
            0, "Taken as v6: the model of v6 and the running kernel differ, which `eoi conform kvm` looks into.",
        ),
    ],
)  # fmt: skip
def test_what_is_said_of_each_label(
    story: Callable[[str, str, str], Story],
    monkeypatch: pytest.MonkeyPatch,
    found: Confirmation,
    code: int,
    follows: str,
) -> None:
    """With no KVM at all: the running design and the label are given."""
    monkeypatch.setattr(replay, "running_design", lambda: "v6")
    monkeypatch.setattr(replay, "confirm_run", lambda *_: found)
    told = story(OBEYS, "windows_cg", "no_eoi_lost").on_kvm()
    assert told[0] == code and WHICH in told[1] and follows in told[1]


@pytest.mark.parametrize(
    ("beside", "code", "label"),
    [
        (
            Confirmation(Label.NOT_REPRODUCED, "step 5: a is 1 in the model", step=5),
            0,
            "NOT REPRODUCED: step 5: a is 1 in the model of mine.py",
        ),
        (Confirmation(Label.NOT_REPRODUCED, "the set-up: z", step=0), 3, "NOT RUNNABLE HERE: as v6 no"),
        (Confirmation(Label.CONFIRMED, "y"), 3, "NOT RUNNABLE HERE: as v6 no"),
        (Confirmation(Label.NOT_RUNNABLE, "y"), 3, "NOT RUNNABLE HERE: as v6 no"),
    ],
)
def test_a_run_beside_what_it_is_told_of(
    story: Callable[[str, str, str], Story],
    monkeypatch: pytest.MonkeyPatch,
    beside: Confirmation,
    code: int,
    label: str,
) -> None:
    """A difference in the steps is a difference; one in the set-up, or none, leaves the label as it was."""
    monkeypatch.setattr(replay, "running_design", lambda: "v6")
    monkeypatch.setattr(
        replay, "confirm_run", lambda *_: Confirmation(Label.NOT_RUNNABLE, "as v6 no", as_design="v6", flags="NONE")
    )
    monkeypatch.setattr(replay, "confirm_as_told", lambda *_: beside)
    told = story(OBEYS, "windows_cg", "no_eoi_lost").on_kvm()
    assert told[0] == code and told[1].startswith(f"{label} ") and WHICH in told[1]


def test_the_running_kernels_own_design(
    eoi: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = (
        "--vmm",
        "qemu",
        "--guest",
        "windows_cg",
        "--property",
        "no_storm",
        "--scope",
        "ioapic=0x20,cpus=1,pins=1,flags=0x0",
    )
    (tmp_path / "story.txt").write_text(eoi("trace", "v6", *where).out)
    monkeypatch.setattr(replay, "running_design", lambda: "v6")
    monkeypatch.setattr(replay, "confirm_run", lambda *_: Confirmation(Label.CONFIRMED, "x"))
    ran = eoi("replay", str(tmp_path / "story.txt"), "--on", "kvm")
    said = "the story is of the same. The running kernel does its part of this."
    assert ran.code == 1 and said in " ".join(ran.out.split())
