"""What `eoi replay` calls REPRODUCED is the whole text of a story: it is told again of the run, and compared.

Each forgery is tried on a story with a Replay line and on one as they were told before there was such a line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.engine.reference import Move, Reference
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.matrix.select import find_design
from checker.questions import as_told
from checker.questions.report import reproduce
from checker.questions.retell import read_story
from checker.questions.verdict import Account, Run
from checker.stories.read import ParsedStory, stories_of
from checker.stories.replay_line import text_digest
from checker.stories.write import to_text
from model.machine import IoapicVersion
from tests.rigs.readme_stories import ALL_13, LOST, OF_OLD, STORM, old
from tests.rigs.user_file import GOOD, WINDOWS

ROOT = Path(__file__).resolve().parents[2]
AS_TOLD = "REPRODUCED: all 10 steps run in CPython, and no_eoi_lost is VIOLATED\n"
OTHERWISE = (
    "REPRODUCED BUT NOT AS TOLD: all 10 steps run in CPython, and no_eoi_lost is VIOLATED\nWhere it first differs: "
)
CHANGED = " (the digest in its Replay line is of another text: this one was changed, or cut, since)"
RAISED = "       |     =     |     |  CPU0 IRR {} -> {0}, CPU0 TMR {} -> {0}\n"  # the end of step 5
WAYS = pytest.mark.parametrize("way", [str, old], ids=["line", "old"])


@pytest.fixture
def replay(eoi: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    def run(text: str, *options: str) -> Any:
        (tmp_path / "mail.txt").write_text(text)
        return eoi("replay", str(tmp_path / "mail.txt"), *options)

    return run


@pytest.fixture(scope="module")
def two_pins() -> str:
    """The story of the brief: v1 loses an EOI on 0x11, with a pin that nothing happens to."""
    return Forger().story()


class Forger:
    """Tells a run of v1 on QEMU 0x11 with two pins as the tool would, but for what is forged."""

    def __init__(self) -> None:
        scope = {"ioapic": IoapicVersion.V11, "cpus": 1, "pins": 2}
        found = matrix(
            ("v1", designs()["v1"]),
            kernels=["v1"],
            vmms=["qemu"],
            guests=["windows_cg"],
            devices=["level"],
            scope=scope,
        )
        (self.cell,) = [c for c in found if isinstance(c, Cell)]
        self.reference = Reference(self.cell.system, self.cell.scope)
        self.p = all_properties()["no_eoi_lost"]

    def run(self, detour: bool) -> Run:
        """The ten steps; with a detour, and two superfluous ones."""
        numbers = [self.move(name) for name in (
            "vcpu_enter_guest(0)", "l1_apic_enable(0)", "vcpu_enter_guest(0)", "l1_set_entry(0,0,0)",
            "device_raise(0)", "vcpu_enter_guest(0)", inject(), "l1_apic_eoi(0)", "l2_service_device(0)", "l1_ioapic_eoi(0)",
        )]  # fmt: skip
        moves = [self.reference.moves[n] for n in numbers]
        codes = [self.reference.start]
        for move in moves:
            codes.append(self.after(codes[-1], move))
        return self.longer(moves, codes) if detour else Run(tuple(moves), tuple(codes))

    def after(self, state: tuple[int, ...], move: Move) -> tuple[int, ...]:
        following = self.reference.successor(state, move)
        assert following is not None, move
        return following

    def longer(self, moves: list[Move], codes: list[tuple[int, ...]]) -> Run:
        """With two steps more somewhere, which change nothing of what the run shows."""
        for place in range(len(moves)):
            for one, first in list(self.reference.successors(codes[place])):
                for two, second in list(self.reference.successors(first)):
                    states = [*codes[: place + 1], first, second]
                    for move in moves[place:]:
                        following = self.reference.successor(states[-1], move)
                        if following is None:
                            break
                        states.append(following)
                    if len(states) == len(moves) + 3 and not self.reference.holds(self.p.function, (0,), states[-1]):
                        more = [self.reference.moves[one], self.reference.moves[two]]
                        return Run((*moves[:place], *more, *moves[place:]), tuple(states))
        raise AssertionError("there are no superfluous steps")

    def move(self, name: str) -> int:
        texts = [f"{m.step}({','.join(map(str, m.args))})" for m in self.reference.moves]
        return texts.index(name)

    def story(self, detour: bool = False) -> str:
        told = Account(self.cell, self.p, self.p.name, self.run(detour))
        return to_text(told.trace({"pin": 0}, reproduce("trace", self.cell, self.p.name)))


def inject() -> str:
    return f"{designs()['v1'].formerly['kvm_inject_irq']}(0)"


def forge(text: str, was: str, now: str) -> str:
    assert was in text and was != now
    return text.replace(was, now, 1)


@WAYS
def test_the_story_is_reproduced(replay: Callable[..., Any], two_pins: str, way: Callable[[str], str]) -> None:
    ran = replay(way(two_pins))
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.endswith(AS_TOLD if way is str else AS_TOLD + OF_OLD)


FORGERIES = [
    ("Pin 0 keeps", "Pin 1 keeps"),
    ("lapic.c:apic_set_eoi(", "lapic.c:apic_clear_eoi("),
    ("ioapic.c:ioapic_mem_write_eoi(", "irq.c:ioapic_mem_write_eoi("),
    ("(Khushit Shah, posted", "(Somebody Else, posted"),
    ("Design: Linux KVM", "Design: My KVM"),
    ("  <== here\n", "\n"),
    (RAISED, RAISED.replace("IRR {} -> {0}", "IRR {} -> {1}")),
    (RAISED, RAISED.replace(", CPU0 TMR {} -> {0}", "")),
    (RAISED, RAISED.replace("|     =     |     |", "|     |     =     |")),  # the VMM's, not KVM's
    (RAISED, RAISED + "       |     =     |     |  CPU0 ISR {} -> {0}\n"),
    (RAISED, ""),
    (RAISED, f"{RAISED}That is what I see.\n"),
    ("       |---->|     |     |  lapic.c:apic_set_eoi(apic[0])\n", ""),
    ("<----|  ioapic.c:ioapic_set_irq(pin=0, level=1)", "---->|  ioapic.c:ioapic_set_irq(pin=0, level=1)"),
    ("VIOLATED in 10 steps (shortest)", "VIOLATED in 10 steps"),
    ("--guest windows_cg --device level", "--guest windows_cg --device edge"),
    ("     CPU0   KVM   VMM device", "     CPU0   VMM   KVM device"),
    ("trigger LEVEL", "trigger EDGE"),
    ("pin 0 mask 0", "pin 0 mask 1"),
    ("v1.py: does not set", "v1.py: does set"),
    ("base does", "v6 does"),
]  # fmt: skip


@WAYS
@pytest.mark.parametrize("mark", ["", "> > "])
@pytest.mark.parametrize(("was", "now"), FORGERIES)
def test_a_forged_text_is_told(
    replay: Callable[..., Any], two_pins: str, way: Callable[[str], str], was: str, now: str, mark: str
) -> None:
    text = forge(way(two_pins), was, now)
    ran = replay("Hi,\n" + "".join(f"{mark}{line}\n" for line in text.splitlines()))
    assert (ran.code, ran.err) == (1, "") and OTHERWISE in ran.out, ran.out
    first = next(
        n for n, (a, b) in enumerate(zip(text.splitlines(), way(two_pins).splitlines(), strict=False), 2) if a != b
    )
    (said,) = re.findall(r"line (\d+) says `.*`; the run says `", ran.out)
    assert first <= int(said) <= first + 1  # a row that is missing is noticed in the one below it
    assert (CHANGED in ran.out) is (way is str)


@WAYS
def test_the_arrows_are_part_of_the_story(replay: Callable[..., Any], two_pins: str, way: Callable[[str], str]) -> None:
    bare = "".join(line for line in way(two_pins).splitlines(True) if "->|" not in line and "|<-" not in line)
    assert OTHERWISE in replay(bare).out
    steps = "".join(line for line in way(two_pins).splitlines(True) if "  =  " not in line)
    assert OTHERWISE in replay(steps).out


@WAYS
def test_what_fairness_is_assumed_is_part_of_the_story(replay: Callable[..., Any], way: Callable[[str], str]) -> None:
    for was, now in (("Fairness: WEAK: ", "Fairness: WEAK: l1_sleeps, "), ("Fairness: STRONG: ", "Fairness: WEAK: ")):
        ran = replay(forge(way(STORM), was, now))
        assert ran.code == 1 and f"says `{now.strip()}" in ran.out and f"the run says `{was}" in ran.out
    fair = re.sub(r"^Fairness: (?:.*\n)(?: {10}.*\n)*", "", way(STORM), flags=re.M)
    assert "the run says `Fairness: " in replay(fair).out


@WAYS
def test_shortest_is_true_or_not_reproduced(replay: Callable[..., Any], way: Callable[[str], str]) -> None:
    """Two superfluous steps, told by the tool's own writer: each line and the digest are the run's, and yet."""
    text = way(Forger().story(detour=True))
    assert "VIOLATED in 12 steps (shortest)" in text
    ran = replay(text)
    assert ran.code == 1 and "REPRODUCED BUT NOT AS TOLD: all 12 steps run" in ran.out
    assert (
        "line 1 says `VIOLATED in 12 steps (shortest)`; the run says `VIOLATED in 12 steps`: a run of 10 steps shows it"
        in ran.out
    )


def test_a_longer_run_that_is_not_called_the_shortest_is_told_as_it_is(replay: Callable[..., Any]) -> None:
    ran = replay(forge(Forger().story(detour=True), "in 12 steps (shortest)", "in 12 steps"))
    assert ran.code == 1 and "\nREPRODUCED: all 12 steps run" in ran.out


def test_shortest_is_looked_at_where_the_line_stands_alone(replay: Callable[..., Any]) -> None:
    text = Forger().story(detour=True)
    ran = replay(text[text.index("Replay:") :])
    assert ran.code == 1 and "a run of 10 steps shows it" in ran.out


def test_a_replay_line_alone_is_told(replay: Callable[..., Any], two_pins: str) -> None:
    ran = replay("See\n> " + two_pins[two_pins.index("Replay:") :])
    assert (
        ran.code == 1
        and f"{AS_TOLD}There was no text around the Replay line to compare. The run's story is:\n" in ran.out
    )
    assert ran.out.endswith(two_pins[: two_pins.index("Replay:")])


@pytest.mark.parametrize("mark", ["", "> > "])
@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("no_eoi_lost: VIOLATED in 10 steps (shortest)\n", "", "Pin 0 keeps Remote IRR set and"),
        ("no_eoi_lost: VIOLATED in", "no_eoi_lost VIOLATED in", "no_eoi_lost VIOLATED in 10 steps (shortest)"),
        ("no_eoi_lost: VIOLATED in", "no_eoi_lost: VIOLATES in", "no_eoi_lost: VIOLATES in 10 steps (shortest)"),
        ("no_eoi_lost: VIOLATED in 10", "no_eoi_lost: VIOLATED after 10", "no_eoi_lost: VIOLATED after 10 steps"),
    ],
)
def test_a_text_without_its_headline_is_none_that_is_not_there(
    replay: Callable[..., Any], two_pins: str, was: str, now: str, says: str, mark: str
) -> None:
    """Also below another story, and where other text stands above it."""
    text = "".join(f"{mark}{line}\n" for line in forge(two_pins, was, now).splitlines())
    for above in ("", "Hi,\n\n", f"{STORM}\n"):
        ran = replay(above + text)
        line = above.count("\n") + 1
        assert ran.code == 1 and OTHERWISE in ran.out and "There was no text" not in ran.out
        assert f"line {line} says `{says}" in ran.out and f"the run says `{two_pins.partition(chr(10))[0]}`" in ran.out
        assert CHANGED in ran.out


@pytest.mark.parametrize("mark", ["", "> > "])
@pytest.mark.parametrize(
    ("was", "now", "line"),
    [("Replay: eoi1", "Replax: eoi1", 2), ("Replay: eoi1", "Replay eoi1", 2), ("Replay: eoi1", "Replay: eoi2", 2),
     ("Replay: eoi1", "Replay: ", 2), ("Replay: .*,\n", "", 1), ("; (......)/(13)", r"; \1\2", 0)],
)  # fmt: skip
def test_a_damaged_replay_line_makes_no_story_of_old(
    replay: Callable[..., Any], two_pins: str, was: str, now: str, line: int, mark: str
) -> None:
    text = re.sub(was, now, two_pins)
    assert text != two_pins
    ran = replay("".join(f"{mark}{line}\n" for line in text.splitlines()))
    assert (ran.code, ran.out) == (2, "")
    number = two_pins[: two_pins.index("Replay:")].count("\n") + 1 + line
    assert f"line {number}: 'Replay: eoi1 <cell>; <path>; <digest>' was expected: the line is damaged" in ran.err


@pytest.mark.parametrize(("was", "now", "said"), [
    ("kernel:v1,", "kernel:v1@zzz,", "v1@zzz: v1 is no file, and has no digest"),
    ("kernel:v1,", "kernel:v1@,", "v1@: v1 is no file, and has no digest"),
    ("guest:windows_cg,", "guest:windows_cg@ab,", "windows_cg@ab: windows_cg is no file, and has no digest"),
    ("device:level;", "device:level,property:x;", "'property' is no role: kernel, vmm, guest, device"),
    ("cpus:1,", "cpus:2,cpus:1,", "says twice what 'cpus' is"),
])  # fmt: skip
def test_what_a_replay_line_says_beside_its_cell(
    replay: Callable[..., Any], two_pins: str, was: str, now: str, said: str
) -> None:
    line = two_pins[two_pins.index("Replay:") :]
    assert line.count(was) == 1
    ran = replay(line.replace(was, now))
    assert ran.code == 2 and ran.out == "" and re.search(f"mail.txt: line 1: .*{said}\n", ran.err)


def test_a_digest_of_another_text_is_said(replay: Callable[..., Any], two_pins: str) -> None:
    digest = text_digest(two_pins[: two_pins.index("Replay:")])
    ran = replay(forge(two_pins, digest, f"{int(digest, 16) ^ 1:016x}"))
    assert ran.code == 1
    assert ran.out.endswith(
        f"{AS_TOLD}The text is the run's, but the digest in the Replay line is not that of this text.\n"
    )


def test_a_text_that_another_version_told_is_told_apart(replay: Callable[..., Any], two_pins: str) -> None:
    """With a digest that fits: nobody changed it on the way, the model says something else now."""
    text, line = two_pins.split("Replay:")
    other = forge(text, "apic_set_eoi", "apic_end_eoi")
    ran = replay(f"{other}Replay:{line.replace(text_digest(text), text_digest(other))}")
    assert ran.code == 1 and "(the text is as it was told: of another version of the model)" in ran.out


def test_the_line_of_another_story(replay: Callable[..., Any], two_pins: str) -> None:
    """Two stories whose lines are exchanged: each line is of a run, and neither text is of its own."""
    (first, one), (second, other) = (text.split("Replay:") for text in (two_pins, STORM))
    ran = replay(f"{first}Replay:{other}\n{second}Replay:{one}")
    assert ran.code == 1 and ran.out.endswith("2 stories: 2 REPRODUCED BUT NOT AS TOLD\n")
    assert "line 1 says `no_eoi_lost: VIOLATED in 10 steps (shortest)`; the run says `no_storm: VIOLATED" in ran.out


def test_a_text_that_is_cut(replay: Callable[..., Any], two_pins: str) -> None:
    text, line = two_pins.split("Replay:")
    for kept in (text[: text.index("\n   9 ")], text[: text.index("\n")], text[: text.index("Reproduce:")]):
        ran = replay(f"{kept}\nReplay:{line}")
        assert ran.code == 1 and f"{OTHERWISE}the text ends at line " in ran.out


@pytest.mark.parametrize(
    ("was", "now"),
    [("pin:0", "pin:1"), ("windows_cg", "linux"), ("0x11", "0x20"), ("kernel:v1", "kernel:base"), ("pins:2", "pins:1")],
)
def test_a_changed_line(replay: Callable[..., Any], two_pins: str, was: str, now: str) -> None:
    text, line = two_pins.split("Replay:")
    ran = replay(f"{text}Replay:{forge(line, was, now)}")
    assert "\nREPRODUCED: " not in ran.out


def test_a_run_that_is_not_possible_as_told(replay: Callable[..., Any]) -> None:
    """base makes the exit that v1 leaves out, and v1 does less: an old story says nothing of who changed it."""
    more = replay(old(LOST).replace("kernel=v1", "kernel=base"))
    assert more.code == 1 and "NOT REPRODUCED: step 9, l2_service_device(0), is not possible here\n" in more.out
    assert more.out.endswith(f"{NO_STORY}it was changed since it was told, or another version of the model told it.\n")
    assert replay(old(STORM).replace("kernel=base", "kernel=v1")).code == 1


NOT_SHOWN = "NOT REPRODUCED: all 13 steps are possible, but the last state does not show it\n"
NO_STORY = "\nSo it is no story of this model: "
LINE_CHANGED = "the text is as it was told, and its Replay line was changed since: "


@pytest.mark.parametrize("mark", ["", "> > "])
@pytest.mark.parametrize(
    ("was", "now", "said", "whose"),
    [
        (
            "eoi1 no_storm,",
            "eoi1 no_eoi_lost,",
            NOT_SHOWN,
            f"{LINE_CHANGED}property is no_eoi_lost there and no_storm in the text",
        ),
        (
            "/10/1/10/2/",
            "/10/2/10/2/",
            "NOT REPRODUCED: step 2, l1_set_entry(0, 0, 0), is not possible here\n",
            f"{LINE_CHANGED}step 2 is l1_set_entry(0, 0, 0) there and l1_apic_enable(0) in the text",
        ),
        (
            "kernel:base",
            "kernel:v1",
            "NOT REPRODUCED: step 9, vcpu_enter_guest(0), is not possible here\n",
            f"{LINE_CHANGED}kernel is v1 there and base in the text",
        ),
        ("no_storm", "no_eoi_lost", NOT_SHOWN, CHANGED.strip(" ()")),
    ],
    ids=["property", "step", "kernel", "everywhere"],
)
def test_a_story_that_is_not_reproduced_as_it_stands(
    replay: Callable[..., Any], was: str, now: str, said: str, whose: str, mark: str
) -> None:
    """Nothing was patched, so nothing stopped it: it is wrong, and who made it so is said as far as it is known."""
    assert was in STORM
    text = STORM.replace(was, now)
    ran = replay("".join(f"{mark}{line}\n" for line in text.splitlines()))
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.endswith(f"\n{said}{NO_STORY[1:]}{whose}.\n")
    assert "is stopped" not in ran.out


def test_a_line_that_was_changed_and_still_runs(replay: Callable[..., Any]) -> None:
    """The storm is there with version 0x11, too, but that is not what the text tells."""
    ran = replay(forge(STORM, "ioapic:0x20", "ioapic:0x11"))
    assert ran.code == 1 and f" ({LINE_CHANGED}ioapic is 0x11 there and 0x20 in the text)\n" in ran.out


def test_a_story_that_another_version_told_is_not_called_changed(replay: Callable[..., Any]) -> None:
    """Its digest fits, and its line says what its text says: only the model can be another one."""
    text, line = STORM.replace("kernel=base", "kernel=v1").replace("kernel:base", "kernel:v1").split("Replay:")
    ran = replay(f"{text}Replay:{re.sub('[0-9a-f]{16}', text_digest(text), line)}")
    assert ran.code == 1
    assert ran.out.endswith(f"{NO_STORY}the text is as it was told: of another version of the model.\n")


def test_a_line_alone_that_is_not_reproduced(replay: Callable[..., Any]) -> None:
    ran = replay(forge(STORM[STORM.index("Replay:") :], "/10/1/10/2/", "/10/2/10/2/"))
    assert ran.code == 1
    assert ran.out.endswith(f"{NO_STORY}it was changed since it was told, or another version of the model told it.\n")


TOLD = [path for path in sorted((ROOT / "reports").rglob("*")) if path.suffix in (".txt", ".md")]


def test_no_line_of_the_reports_is_called_changed() -> None:
    """Text and Replay line of a story that nobody touched say one thing, of migrations and of files of the user's, too."""
    looked_at = 0
    for path in TOLD:
        if "Replay: eoi1 " in (text := path.read_text()):
            for one in stories_of(text):
                assert isinstance(one.story, ParsedStory) and one.story.told is not None, path
                told = read_story(one.story, None, find_design, all_properties())
                assert as_told._line_apart(told, one.story.told) == "", path
                looked_at += 1
    assert looked_at > 6


def test_a_witness_differs_with_exit_code_1(eoi: Callable[..., Any], replay: Callable[..., Any]) -> None:
    """A REACHED story is exit code 0 when it is as told."""
    asked = ("--vmm", "qemu", "--guest", "linux", "--property", "eoi_exit", "--scope", "ioapic=0x20,cpus=1,pins=1")
    text = eoi("trace", "base", *asked).out
    assert replay(text).code == 0
    ran = replay(forge(text, "CPU0 IRR {} -> {0}", "CPU0 IRR {} -> {1}"))
    assert ran.code == 1 and "REPRODUCED BUT NOT AS TOLD: " in ran.out and "eoi_exit is REACHED" in ran.out


def test_on_another_design_the_steps_are_what_is_compared(replay: Callable[..., Any]) -> None:
    changed = STORM.replace("CPU0 pending EOI", "CPU0 pending")
    assert replay(changed, "--design", "base").out.endswith(ALL_13)
    assert "Where it first differs" not in replay(changed, "--design", "v1").out


FEWER = "from model.machine import IoapicVersion\nfrom model.vmms.qemu import Qemu\n\n\nclass Mine(Qemu):\n    versions = (IoapicVersion.V20,)\n"


def test_a_vmm_without_the_story_s_io_apic_is_refused(replay: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FEWER)
    ran = replay(LOST, "--design", str(path))
    assert ran.code == 2 and f"the story is of I/O APIC 0x11, and {path} has none of this version" in ran.err
    path.write_text(FEWER.replace("(Io", "(IoapicVersion.V11, Io"))
    assert "REPRODUCED: " in replay(LOST, "--design", str(path)).out


def test_blanks_do_not_count(replay: Callable[..., Any]) -> None:
    assert replay(re.sub(" +", " ", STORM)).out.endswith(ALL_13)
    assert replay(STORM.replace("\n", "\n\n")).out.endswith(ALL_13)


# --- files of the user's ---


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


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
    line = line_of(story, "Replay:") + 1
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
    text = old(story).replace("kernel=mine.py@", f"kernel={named.replace(':', '%3A')}@")
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


ASKED = 'from model.lang import always\nfrom model.machine import Machine\n\n\n@always()\ndef never_in_guest(s: Machine) -> bool:\n    """No CPU is ever in the guest."""\n    return not s.apic[0].in_guest\n'


def test_the_file_of_a_property(
    eoi: Callable[..., Any], replay: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named for the replay, which knows whether it is the one; elsewhere it is the same one."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(ASKED)
    scope = ("--scope", "ioapic=0x20,cpus=1,pins=1")
    text = eoi("trace", "base", *WINDOWS, *scope, "--property", "mine.py").out
    assert "Replay: eoi1 mine.py@" in text
    told = replay(text, "--property", "mine.py")
    assert told.code == 1 and "\nREPRODUCED: " in told.out
    unnamed = replay(text)
    assert unnamed.code == 2 and "is in a file of the user's: --property mine.py names it" in unnamed.err
    Path("elsewhere").mkdir()
    Path("mine.py").rename("elsewhere/mine.py")
    assert "\nREPRODUCED: " in replay(text, "--property", "elsewhere/mine.py").out
    Path("elsewhere/mine.py").write_text(f"{ASKED}\n")
    changed = replay(text, "--property", "elsewhere/mine.py")
    assert changed.code == 2 and "is not the file that the story's property was in: it has changed (" in changed.err


@pytest.mark.parametrize(
    ("said", "forged"),
    [
        ("       |     |     =     |  pin 0 trigger LEVEL", "       =     |  pin 0 trigger LEVEL"),
        ("|      |     |     |---->|  device_resample(pin=0)\n", "|      |---->|  device_resample(pin=0)\n"),
        ("\n| 12   |", "\n  12   |"),
        ("\n   8   *", "\n|  8   *"),  # not in the loop
        ("       |     |     =     |  pin 0 trigger LEVEL", "|      |     |     =     |  pin 0 trigger LEVEL"),
        ("|      |     |     =     |  pin 0 Remote", "| |    |     |     =     |  pin 0 Remote"),
    ],
)
def test_a_row_in_another_lane(replay: Callable[..., Any], said: str, forged: str) -> None:
    """The bars at the left say whose a change or an arrow is; a mark of quoting before them is none of them."""
    assert STORM.count(said) == 1
    for mark in ("", "> ", "| "):
        told = replay(re.sub("^", mark, STORM.replace(said, forged), flags=re.M))
        assert told.code == 1 and "NOT AS TOLD" in told.out and "has not the bars of the run's" in told.out
        assert f"\n{ALL_13}" in replay(re.sub("^", mark, STORM, flags=re.M)).out


def test_nothing_follows_the_digest_of_the_line(replay: Callable[..., Any]) -> None:
    told = replay(STORM.rstrip() + "/10/1\n")
    assert told.code == 2 and "'/10/1' follows the digest of 'Replay: eoi1': nothing may" in told.err


def test_the_numbers_of_another_model(replay: Callable[..., Any]) -> None:
    """They may mean other steps, so the names in the text are taken, and that is said."""
    (table,) = re.findall(r"throttle:off; ([0-9a-f]{6})/", STORM)
    told = replay(STORM.replace(f"{table}/", "0123ab/"))
    assert f"\n{ALL_13}The numbers in the Replay line are not of this model's steps" in told.out


@pytest.mark.parametrize("path", ["99", "13/2/13/3/0/13/14/7/8", "13/2/13/3/0/13/14/7/8/8", "13/2/12/3/0/13/14/7/8/9"])
def test_the_numbers_of_another_model_are_of_as_many_steps(
    replay: Callable[..., Any], two_pins: str, path: str
) -> None:
    """That the digest of the table is another one does not make any numbers those of the steps in the text."""
    table, numbers = re.findall(r"; (\w{6})/([\d/]+);", two_pins)[0]
    other = f"{int(table, 16) ^ 1:06x}"
    assert "\nREPRODUCED: " in replay(forge(two_pins, table, other)).out
    ran = replay(forge(two_pins, f"{table}/{numbers}", f"{other}/{path}"))
    line = two_pins[: two_pins.index("Replay:")].count("\n") + 1
    assert ran.code == 1 and f"{OTHERWISE}the numbers in line {line} are not of the 10 steps in the text\n" in ran.out
