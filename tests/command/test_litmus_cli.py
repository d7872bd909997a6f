"""`eoi litmus`: exit codes, what is said of a story that differs, and the message for each mistake in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.questions import litmus

GOOD = """\
Title:    A level interrupt closes its pin
Source:   a test
Kernel:   base
Guest:    any
Scope:    cpus=1, pins=1, vectors=1

Outcome:
  always  qemu 0x20, openvmm

Between steps: vcpu_enter_guest

Steps:
  write_spiv(cpu=0, enabled=1, directed_eoi=0)
  write_rte(pin=0, vector=0, dest=0, trigger=LEVEL, mask=0)
    now pin 0 trigger = LEVEL
  device_raise(pin=0)

Observe:
  pin 0 Remote IRR = 1
"""

MISTAKES = [
    ("write_spiv(", "write_spvi(", "13: no step 'write_spvi' in Base+Qemu+AnyGuest+Level: did you mean 'write_spiv'?"),
    ("pin 0 Remote IRR = 1", "xyzzy = 1", "19: unknown field 'xyzzy'"),
    ("device_raise(pin=0)", "device_raise(pin=1)", "16: device_raise: pin = 1: 0 was expected"),
    ("enabled=1, ", "", "13: write_spiv takes (cpu, enabled, directed_eoi), found (cpu, directed_eoi)"),
    ("enabled=1", "enabled=yes", "13: write_spiv: enabled = yes: 0 or 1 was expected"),
    ("trigger=LEVEL", "trigger=HIGH", "14: write_rte: trigger = HIGH: EDGE or LEVEL was expected"),
    ("device_raise(pin=0)", "device_raise(pin)", "16: 'parameter=value' was expected in the brackets of 'device_raise(pin)'"),
    ("device_raise(pin=0)", "device_raise", "16: 'step(parameter=value, ...)' was expected, found 'device_raise'"),
    ("device_raise(pin=0)", "until idle:", "16: 'until idle:' needs the steps that are taken"),
    ("device_raise(pin=0)", "... device_rise", "16: no step 'device_rise' in Base+Qemu+AnyGuest+Level: did you mean 'device_raise'?"),
    ("steps: vcpu_enter_guest", "steps: vcpu_enter", "10: no step 'vcpu_enter' in Base+Qemu+AnyGuest+Level: did you mean 'vcpu_enter_guest'?"),
    ("pin 0 Remote IRR = 1", "pin 0 remote IRR = 1", "19: unknown field 'pin 0 remote IRR': did you mean 'pin 0 Remote IRR'?"),
    ("pin 0 Remote IRR = 1", "pin 0 Remote IRR = 2", "19: pin 0 Remote IRR = 2: 0 or 1 was expected"),
    ("pin 0 Remote IRR = 1", "pin 0 Remote IRR", "19: 'FIELD = value' was expected, found 'pin 0 Remote IRR'"),
    ("pin 0 Remote IRR = 1", "CPU0 IRR = {1}", "19: CPU0 IRR = {1}: {} or a set such as {0} was expected"),
    ("pin 0 Remote IRR = 1", "no_eoi_lots(pin=0) = 1", "19: no property 'no_eoi_lots' of one state: did you mean 'no_eoi_lost'?"),
    ("pin 0 Remote IRR = 1", "no_eoi_lost(pin=1) = 1", "19: no_eoi_lost(pin=0) was expected, found no_eoi_lost(pin=1)"),
    ("qemu 0x20", "qemuu 0x20", "8: unknown vmm 'qemuu': did you mean 'qemu'?"),
    ("openvmm", "openvmm 0x20", "8: openvmm 0x20, any, level: openvmm has no I/O APIC of this version"),
    ("openvmm", "qemu", "8: base, qemu 0x20: line 8 says its outcome already"),
    ("always", "allways", "8: 'always', 'sometimes' or 'never' was expected, found 'allways'"),
    ("  qemu 0x20, openvmm", "", "8: 'always' of which VMM?"),
    ("   base", "   bass", "3: unknown kernel 'bass': did you mean 'base'?"),
    ("    any", "    anyy", "4: unknown guest 'anyy': did you mean 'any'?"),
    ("pins=1", "pins=0", "5: --scope pins=0: a number from 1 to 64 is needed"),
    ("pins=1", "ioapic=0x20", "5: the I/O APIC's version is said under Outcome: VMM 0x20"),
    ("Steps:", "Stepz:", "12: unknown key 'Stepz': did you mean 'Steps'?"),
    ("Kernel:", "Source:", "3: 'Source:' stands in line 2 already"),
    ("Title:    A", "Title:    \u00c4", "1: only ASCII characters can be read"),
    ("closes its pin", "x" * 60, "1: the line has 88 characters; 72 are allowed, 'Title:' included: go on in an indented line below"),
    ("(pin=0)", "(pin=0)" + " " * 47 + "# why", "16: the line has 73 characters; 72 are allowed, indentation and comment included"),
    ("Title:", " Title:", "1: a line 'Key: value' was expected first"),
    ("\nSteps", "\nFinding:\n  crosvm some reason\n\nSteps", "12: 'crosvm' has no outcome"),
    ("\nSteps", "\nFinding:\n  qemu\n\nSteps", "13: a finding on qemu needs its reason"),
]  # fmt: skip


@pytest.fixture
def story(tmp_path: Path) -> Path:
    path = tmp_path / "story.litmus"
    path.write_text(GOOD)
    return path


def test_a_story_that_is_so(eoi: Callable[..., Any], story: Path) -> None:
    ran = eoi("litmus", str(story))
    assert (ran.code, ran.err) == (0, "")
    assert (
        ran.out
        == "ok      story: A level interrupt closes its pin (2 systems)\n\n1 story on 2 systems: all as they say\n"
    )


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES, ids=[m[1][:30] for m in MISTAKES])
def test_a_mistake(eoi: Callable[..., Any], story: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    story.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    ran = eoi("litmus", str(story))
    assert (ran.code, ran.out, ran.err) == (2, "", f"eoi: {story}:{said}\n")


@pytest.mark.parametrize("key", ["Title", "Source", "Kernel", "Guest", "Scope", "Outcome", "Steps", "Observe"])
def test_a_section_that_is_missing_or_empty(eoi: Callable[..., Any], story: Path, key: str) -> None:
    before, _, rest = GOOD.partition(f"{key}:")
    value, _, after = rest.partition("\n\n" if key in ("Outcome", "Steps", "Observe") else "\n")
    story.write_text(before + after)
    missing = eoi("litmus", str(story))
    assert (missing.code, missing.err) == (
        2,
        f"eoi: {story}:{(before + after).count(chr(10)) + 1}: '{key}:' is missing\n",
    )
    story.write_text(f"{before}{key}:\n{after}")
    empty = eoi("litmus", str(story))
    assert value.strip() and (empty.code, empty.err) == (
        2,
        f"eoi: {story}:{before.count(chr(10)) + 1}: '{key}:' is empty\n",
    )


def test_a_device_file_that_is_not_there(eoi: Callable[..., Any], story: Path) -> None:
    story.write_text(GOOD.replace("Guest:", "Device:   line.py\nGuest:"))
    ran = eoi("litmus", str(story))
    assert (ran.code, ran.err) == (2, f"eoi: {story}:4: {story.parent / 'line.py'}: no such file\n")


def test_a_patch_beside_the_story(eoi: Callable[..., Any], story: Path) -> None:
    """A design of the user's, whose LAPIC takes no message: a wrong one, so that the story shows it."""
    (story.parent / "mine.py").write_text(
        "from model.designs.base import Base\nfrom model.machine import Lapic, Trigger, Vector\n\n\nclass Mine(Base):\n"
        "    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:\n        return\n"
    )
    story.write_text(GOOD.replace("   base", "   base, mine.py").replace("pin 0 Remote IRR = 1", "CPU0 IRR = {0}"))
    ran = eoi("litmus", str(story))
    assert ran.code == 1 and "2 DIFFER\n" in ran.out
    assert ran.out.count("  on kernel mine.py, vmm ") == 2
    assert (
        f"    expected, {story}:8: always CPU0 IRR = {{0}} at the end\n    possible instead: CPU0 IRR = {{}}, by this run"
        in ran.out
    )


def test_an_empty_file_and_an_empty_folder(eoi: Callable[..., Any], tmp_path: Path) -> None:
    ran = eoi("litmus", str(tmp_path))
    assert (ran.code, ran.out, ran.err) == (2, "", f"eoi: {tmp_path}: no *.litmus file in this folder\n")
    (tmp_path / "a.litmus").write_text("")
    ran = eoi("litmus", str(tmp_path))
    assert (ran.code, ran.err) == (2, f"eoi: {tmp_path / 'a.litmus'}:1: 'Title:' is missing\n")
    ran = eoi("litmus", str(tmp_path / "b.litmus"))
    assert (ran.code, ran.err) == (2, f"eoi: {tmp_path / 'b.litmus'}: No such file or directory\n")


def test_a_wrong_observation_is_shown_with_its_run(eoi: Callable[..., Any], story: Path) -> None:
    story.write_text(GOOD.replace("Remote IRR = 1", "Remote IRR = 0"))
    ran = eoi("litmus", str(story))
    assert ran.code == 1
    assert (
        ran.out
        == f"""\
DIFFERS story: A level interrupt closes its pin (2 systems)
  on kernel base, vmm qemu 0x20, guest any, device level:
  on kernel base, vmm openvmm 0x11, guest any, device level:
    expected, {story}:8: always pin 0 Remote IRR = 0 at the end
    possible instead: pin 0 Remote IRR = 1, by this run (and by no run what is expected)
      1 vcpu_enter_guest(cpu=0)
      2 write_spiv(cpu=0, enabled=1, directed_eoi=0)
      3 vcpu_enter_guest(cpu=0)
      4 write_rte(pin=0, vector=0, dest=0, trigger=LEVEL, mask=0)
      5 vcpu_enter_guest(cpu=0)
      6 device_raise(pin=0)

1 story on 2 systems: 2 DIFFER
"""
    )


def test_every_other_end_is_told(eoi: Callable[..., Any], story: Path) -> None:
    """Raised or not, and taken or not: of the three ends, one is expected and two are told."""
    ends = GOOD.replace("device_raise(pin=0)", "... device_raise, kvm_check_and_inject_events, vcpu_enter_guest")
    ends = ends.replace("pin 0 Remote IRR = 1", "pin 0 Remote IRR = 1\n  CPU0 ISR = {0}")
    story.write_text(ends)
    ran = eoi("litmus", str(story))
    assert ran.code == 1
    said = [line.strip() for line in ran.out.splitlines() if "expected, " in line or "possible" in line]
    assert said == [
        f"expected, {story}:8: always pin 0 Remote IRR = 1 and CPU0 ISR = {{0}} at the end",
        "possible instead: pin 0 Remote IRR = 0 and CPU0 ISR = {}, by this run",
        "possible, too: pin 0 Remote IRR = 1 and CPU0 ISR = {}",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("always", "never ", "expected, {}:8: never pin 0 Remote IRR = 1 at the end\n    possible instead: pin 0 Remote IRR = 1, by this run"),
        ("now pin 0 trigger = LEVEL", "now pin 0 trigger = EDGE", "expected, {}:15: now pin 0 trigger = EDGE\n    instead: it is LEVEL"),
        ("device_raise(pin=0)", "not device_raise(pin=0)", "expected, {}:16: not device_raise(pin=0)\n    instead: it is possible"),
        ("device_raise(pin=0)", "write_apic_eoi(cpu=0)\n  kvm_check_and_inject_events(cpu=0)", "expected, {}:17: kvm_check_and_inject_events(cpu=0)\n    instead: it is not possible, in any run"),
        ("device_raise(pin=0)", "until idle: write_apic_eoi", "expected, {}:16: until idle: write_apic_eoi\n    instead: these steps never come to an end"),
    ],
)  # fmt: skip
def test_what_else_can_differ(eoi: Callable[..., Any], story: Path, old: str, new: str, said: str) -> None:
    story.write_text(GOOD.replace(old, new, 1))
    ran = eoi("litmus", str(story))
    assert ran.code == 1 and f"    {said.format(story)}\n" in ran.out


@pytest.mark.parametrize(("kind", "code"), [("always", 1), ("sometimes", 0), ("never", 1)])
def test_free_steps_are_taken_or_not(eoi: Callable[..., Any], story: Path, kind: str, code: int) -> None:
    """The line was raised, or it was not: the pin is closed in some runs."""
    story.write_text(GOOD.replace("always", kind).replace("device_raise(pin=0)", "... device_raise"))
    assert eoi("litmus", str(story)).code == code


def test_a_story_with_too_many_runs(eoi: Callable[..., Any], story: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litmus, "LIMIT", 500)
    story.write_text(
        GOOD.replace("device_raise(pin=0)", "...").replace("pins=1", "pins=2").replace("vectors=1", "vectors=2")
    )
    ran = eoi("litmus", str(story))
    assert (ran.code, ran.err) == (2, f"eoi: {story}:16: more than 500 states: name the steps that may happen\n")


def test_a_finding_is_told_and_must_stay_one(eoi: Callable[..., Any], story: Path) -> None:
    wrong = GOOD.replace("Remote IRR = 1", "Remote IRR = 0")
    finding = "Finding:\n  openvmm why it differs\n\nOutcome:"
    story.write_text(wrong.replace("Outcome:", finding).replace("qemu 0x20, ", ""))
    ran = eoi("litmus", str(story))
    assert ran.code == 0 and "        finding, base, openvmm 0x11: why it differs\n" in ran.out
    assert ran.out.endswith("\n1 story on 1 system: all as they say, but for 1 finding\n")
    story.write_text(GOOD.replace("Outcome:", finding))
    ran = eoi("litmus", str(story))
    assert ran.code == 1
    assert "  on kernel base, vmm openvmm 0x11, guest any, device level:\n" in ran.out
    said = f"    {story}:7: it is no finding any more, the story ends as {story}:11 says: take it out of 'Finding:'\n"
    assert said in ran.out


def test_without_its_default_folder_it_takes_its_own(
    eoi: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = list[Path]()
    monkeypatch.setattr(
        "checker.command.litmus.stories_in", lambda places: asked.extend(places) or []
    )  # all take half a minute
    assert eoi("litmus").code == 0
    assert asked == [Path(__file__).resolve().parents[1] / "litmus"] and len(list(asked[0].glob("*.litmus"))) > 40
    (tmp_path / "tests" / "litmus").mkdir(parents=True)
    assert eoi("litmus").code == 0 and asked[1:] == [Path("tests/litmus")]


def test_the_page_names_the_limit_that_the_reader_has() -> None:
    page = Path(__file__).resolve().parents[1] / "litmus" / "README.md"
    assert f"at most {litmus.COLUMNS} characters" in " ".join(page.read_text().split())
