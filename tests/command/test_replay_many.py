"""`eoi replay` of texts with several stories, with stories of migrations, and of texts that are damaged."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.questions import migration_table
from checker.stories.read import ParsedStory, stories_of
from oracles.confirm import Label
from oracles.kvm import replay
from tests.rigs.readme_stories import old as before

ROOT = Path(__file__).resolve().parents[2]
FINDINGS = sorted((ROOT / "reports" / "findings").glob("*.md"))
MIGRATIONS = sorted((ROOT / "reports" / "migration").glob("*.txt"))
HEADLINE = re.compile(r"^(\w+): VIOLATED in ", re.M)
VERDICT = re.compile(r"^(REPRODUCED|NOT REPRODUCED|NOT REPLAYED): ", re.M)


def page(number: str) -> str:
    (found,) = [path for path in FINDINGS if path.name.startswith(number)]
    return found.read_text()


def quoted(text: str) -> str:
    return "".join(f"> {line}\n" for line in text.splitlines())


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """Two stories, of 6 and of 7 steps, quoted, with what people write around them."""
    path = tmp_path / "mail.txt"
    path.write_text(
        f"Hi,\n\nyou wrote:\n{quoted(page('03'))}\nYes. And\n\n{quoted(page('04'))}\nso vcpus_agree: VIOLATED in 6 steps it is.\n"
    )
    return path


def test_each_story_of_a_mail_has_its_verdict(eoi: Callable[..., Any], mail: Path) -> None:
    ran = eoi("replay", str(mail))
    text = mail.read_text()
    lines = [text[: m.start()].count("\n") + 1 for m in re.finditer("^> .*: VIOLATED in", text, re.M)]
    assert len(lines) == 2
    assert (ran.code, ran.err) == (1, "")
    assert (
        ran.out
        == f"""\
story 1 of 2, line {lines[0]}:
vcpus_agree on kernel v6, vmm setup_vmm, guest lapic, device level
REPRODUCED: all 6 steps run in CPython, and vcpus_agree is VIOLATED

story 2 of 2, line {lines[1]}:
lvr_is_stable on kernel v6, vmm any_vmm, guest lapic, device level
REPRODUCED: all 7 steps run in CPython, and lvr_is_stable is VIOLATED

2 stories: 2 REPRODUCED
"""
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ioctl_create_vcpu(cpu=0)", "ioctl_create_vcup(cpu=0)", "no step 'ioctl_create_vcup'"),
        (
            "ioctl_create_vcpu(cpu=0)",
            "ioctl_create_vcpu(cpu=5)",
            "ioctl_create_vcpu: cpu = 5: a number 0..0 was expected",
        ),
        (">    2 ", ">    9 ", "step 2 was expected, found step 9"),
        (">    7 ", ">      ", "step 7 of 7 was expected before the end"),
        ("Cell: ", "Sell: ", "'Cell:' was expected between the headline and step 1"),
        ("kernel=v6", "kernel=v66", "unknown design 'v66'"),
        ("guest=lapic", "guest=level", "level is a device, not a guest"),
        ("vectors=1", "vektors=1", "unknown scope name 'vektors'"),
    ],
)
@pytest.mark.parametrize("damaged", [0, 1])
def test_a_damaged_story_takes_no_other_along(
    eoi: Callable[..., Any], tmp_path: Path, damaged: int, old: str, new: str, said: str
) -> None:
    """The damaged one is told with file and line, and the other one is replayed, whichever is first."""
    texts = [quoted(page("03")), quoted(page("03"))]
    bad = quoted(before(page("04")))
    assert old in bad
    texts[damaged] = bad.replace(old, new, 1)
    path = tmp_path / "mail.txt"
    path.write_text("\n\n".join(texts))
    ran = eoi("replay", str(path))
    assert ran.code == 2
    assert VERDICT.findall(ran.out) == (
        ["NOT REPLAYED", "REPRODUCED"] if damaged == 0 else ["REPRODUCED", "NOT REPLAYED"]
    )
    assert ran.out.endswith("1 REPRODUCED\n" if damaged == 0 else "1 NOT REPLAYED\n")
    found = re.fullmatch(rf"eoi: {re.escape(str(path))}: line (\d+): (.*)\n", ran.err)
    assert found is not None, ran.err
    assert (said if damaged else said.replace(" the end", " the next story")) in found[2]
    lines = path.read_text().splitlines()
    heads = [n for n, line in enumerate(lines, 1) if HEADLINE.match(line.removeprefix("> "))]
    begin, end = [*heads, len(lines) + 1][damaged : damaged + 2]
    assert begin <= int(found[1]) < end
    if "ioctl" in old or ">    2" in old:
        assert new in lines[int(found[1]) - 1]


def test_a_story_cut_off_after_its_headline_is_missed(eoi: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "mail.txt"
    path.write_text(f"{page('03')}\nno_storm: VIOLATED in 8 steps and a loop of 5 steps (shortest stem)\n")
    ran = eoi("replay", str(path))
    assert (ran.code, VERDICT.findall(ran.out)) == (2, ["REPRODUCED", "NOT REPLAYED"])
    assert f"line {path.read_text().count(chr(10))}: " in ran.err


def test_a_mention_is_no_story() -> None:
    """Within a line; as the announcement of a story; and as a remark between its lines."""
    text = page("03")
    remark = text.replace("\n   3 ", "\nno_storm: VIOLATED in 8 steps, did I think\n   3 ", 1)
    said = f"I get no_storm: VIOLATED in 8 steps here.\n\nvcpus_agree: VIOLATED in 6 steps, that is:\n\n{remark}"
    (found,) = stories_of(said)
    assert isinstance(found.story, ParsedStory) and found.story.property == "vcpus_agree"
    assert found.story.told is not None and len(found.story.told.moves) == 6
    assert found.line == [n for n, line in enumerate(said.splitlines(), 1) if line.startswith("vcpus_agree: ")][-1]


def test_only_another_design_stops_a_run(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """v6 as it is shows vcpus_agree violated; base has no flag that vCPUs could disagree about. A story of base that says
    so is wrong (1); with --design base, both are stopped (0)."""
    path = tmp_path / "mail.txt"
    text = page("03")
    path.write_text(f"{text}\n{text.replace('kernel:v6', 'kernel:base').replace('kernel=v6', 'kernel=base')}")
    ran = eoi("replay", str(path))
    assert (ran.code, VERDICT.findall(ran.out)) == (1, ["REPRODUCED", "NOT REPRODUCED"])
    assert eoi("replay", str(path)).out.count("This one run is stopped") == 0
    both = eoi("replay", str(path), "--design", "base")
    assert (both.code, VERDICT.findall(both.out)) == (0, ["NOT REPRODUCED", "NOT REPRODUCED"])
    assert both.out.count("\nThis one run is stopped; that proves nothing more") == 2


@pytest.mark.parametrize("path", FINDINGS, ids=lambda p: p.stem)
def test_the_findings(eoi: Callable[..., Any], path: Path) -> None:
    """Every story on a page is one that happens; a page without any says so."""
    told = HEADLINE.findall(path.read_text())
    ran = eoi("replay", str(path))
    if told:
        assert ran.code == 1
        assert VERDICT.findall(ran.out) == ["REPRODUCED"] * len(told)
        assert re.findall(r"^(\w+) on kernel", ran.out, re.M) == told
    else:
        assert (ran.code, ran.out) == (2, "") and f"{path}: line 1: no story found" in ran.err


def test_some_findings_tell_stories() -> None:
    told = [len(HEADLINE.findall(path.read_text())) for path in FINDINGS]
    assert sum(told) > 6 and max(told) > 1 and min(told) == 0


@pytest.mark.parametrize("way", [str, before], ids=["line", "old"])
def test_the_migrations(eoi: Callable[..., Any], way: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every story, all in one text: each happens again, with the property that its file is named for."""
    assert len(MIGRATIONS) == 5
    text = "\n".join(way(path.read_text()) for path in MIGRATIONS)
    monkeypatch.setattr("sys.stdin", io.StringIO(quoted(text)))
    ran = eoi("replay", "-")
    assert (ran.code, ran.err) == (1, "")
    assert VERDICT.findall(ran.out) == ["REPRODUCED"] * len(MIGRATIONS)
    titles = re.findall(r"^(\w+) on kernel v\d, vmm qemu\w*, guest \w+, device level, (\w+)$", ran.out, re.M)
    assert titles == [(p.stem.rpartition("-")[2], p.stem.split("-")[1]) for p in MIGRATIONS]


def migration(name: str) -> Path:
    return ROOT / "reports" / "migration" / f"{name}.txt"


LOST = "today_masked-migrate-1-to-1-no_eoi_lost"  # kernel v6, QEMU as it is


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kernel=v6", "kernel=v5", "in a migration the kernel is v3 or v6, or a patch of one, not V5"),
        ("vmm=qemu", "vmm=crosvm", "in a migration the VMM is qemu, or a patch of it, not Crosvm"),
        ("operation=0x1", "operation=0x9", "--scope operation=0x9: valid values are 0x0, 0x1, 0x2, 0x3"),
        ("gated=off", "gatet=off", "unknown scope name 'gatet': did you mean 'gated'?"),
        ("migrate()", "migrat()", "no step 'migrat'"),
    ],
)
def test_a_damaged_migration(eoi: Callable[..., Any], tmp_path: Path, old: str, new: str, said: str) -> None:
    text = migration(LOST).read_text()
    assert old in text
    path = tmp_path / "story.txt"
    path.write_text(f"{before(text).replace(old, new)}\n{text}")
    ran = eoi("replay", str(path))
    assert (ran.code, VERDICT.findall(ran.out)) == (2, ["NOT REPLAYED", "REPRODUCED"])
    assert re.match(rf"eoi: {re.escape(str(path))}: line \d+: ", ran.err) and said in ran.err


def test_a_wrong_operation_does_not_happen(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """STAY is no migration: its step is not possible. So the scope's operation is read, not only its name."""
    path = tmp_path / "story.txt"
    path.write_text(
        migration(LOST).read_text().replace("operation=0x1", "operation=0x0").replace("operation:0x1", "operation:0x0")
    )
    ran = eoi("replay", str(path))
    assert ran.code == 1 and re.search(r"NOT REPRODUCED: step \d+, migrate\(\), is not possible here", ran.out)


def test_a_migration_meets_other_designs(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """A series that refuses; and a patch of the kernel's, which is run: what it never intercepts is lost before."""
    refused = eoi("replay", str(migration(LOST)), "--design", "openvmm")
    assert refused.code == 2 and "the VMM is qemu, or a patch of it, not Openvmm" in refused.err
    patch = tmp_path / "mine.py"
    patch.write_text(
        "from model.designs.v6 import V6\nfrom model.machine import Lapic, Trigger, Vector\n\n\nclass Mine(V6):\n"
        "    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:\n        return\n"
    )
    ran = eoi("replay", str(migration(LOST)), "--design", str(patch))
    assert ran.code == 0 and "kvm_check_and_inject_events(0), is not possible here" in ran.out
    assert re.search(
        r"The runs part at step \d+, device_raise: apic\[0\].irr is \{\} here, \{0\} in the story", ran.out
    )


def test_the_systems_are_those_of_the_table() -> None:
    """Replay builds the class with the same bases as the table did."""
    for name, table in migration_table.tables().items():
        cell = migration_table.cell_of(
            table, table.guests[0], table.hosts[0], table.hosts[0], migration_table.OPERATIONS[0]
        )
        known = migration_table.designs()
        vmm = known.get(table.design, migration_table.Qemu)
        roles = [known[table.kernel], vmm, migration_table.GUESTS[table.guests[0]], migration_table.Level]
        assert tuple(migration_table.moved(roles)) == cell.system.__bases__, name


def test_a_migration_on_one_kernel(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """Needs no KVM to say so; and the exit code of several is 1 before 3 before 0."""
    ran = eoi("replay", str(migration(LOST)), "--on", "kvm")
    assert ran.code == 3 and "\nNOT RUNNABLE HERE: the story moves a VM" in ran.out


def test_each_story_is_taken_on_the_real_system(
    eoi: Callable[..., Any], mail: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Story by story, with the worst code: here the second one is not runnable."""

    def replay_story(story: ParsedStory, *_: object) -> tuple[list[str], Label]:
        label = Label.CONFIRMED if story.property == "vcpus_agree" else Label.NOT_RUNNABLE
        return [story.property, f"{label.value}: x"], label

    monkeypatch.setattr(replay, "replay_story", replay_story)
    ran = eoi("replay", str(mail), "--on", "kvm")
    assert ran.code == 1 and ran.out.endswith("\n2 stories: 1 CONFIRMED, 1 NOT RUNNABLE HERE\n")
