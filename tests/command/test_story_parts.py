"""The story of a patch names the patch: the function, the line of the user's file, and what base does there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.matrix import roles
from checker.questions import parting
from model.designs import v1
from tests.rigs.readme_stories import old
from tests.rigs.user_file import WINDOWS

MINE = '''from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    """Obey SPIV bit 12."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if apic.spiv_directed_eoi:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
'''
DIFFERENT = "does not set CPU0 pending EOI to vector 0; base does"
TRACE = ("--vmm", "qemu", "--guest", "windows_cg", "--property", "no_eoi_lost")


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    return tmp_path


def sentences(text: str) -> list[tuple[str, str]]:
    """(number of the step, what is said) of each step in which patch and base part."""
    found, step = list[tuple[str, str]](), ""
    for line in text.partition("\nReproduce:")[0].splitlines():
        number = re.match(r"^[+|]?>? +(\d+) +[|*]", line)
        step = number[1] if number else step
        if parted := re.match(r"^[| ]*! [| ]*(.*)", line):
            found.append((step, parted[1]))
        elif found and (more := re.match(r"^[| ]*    (\S.*)", line)) and "=" not in line and ">" not in line:
            found[-1] = (found[-1][0], f"{found[-1][1]} {more[1]}")
    return found


def unmarked(text: str) -> str:
    """The story as it was told before there were marks where patch and base part."""
    rows = re.sub(r"^[| ]* ! .*\n(?:[| ]{20,}    \S.*\n)*", "", text, flags=re.M)
    return rows.replace("  <== here", "").replace("l1_ioapic_eoi(cpu=0)", "l1_ioapic_eoi(cpu=0)  <== here")


def test_a_user_s_patch_is_named_with_file_and_line(eoi: Callable[..., Any], mine: Path) -> None:
    ran = eoi("trace", "mine.py", *TRACE)
    line = MINE.splitlines().index("            return") + 1
    where = f"lapic.c:kvm_ioapic_send_eoi() returns at mine.py:{line}: {DIFFERENT}"
    assert (ran.code, sentences(ran.out)) == (1, [("8", where)])
    assert re.search(r"^   8 .* l1_apic_eoi\(cpu=0\)  <== here$", ran.out, re.M) and ran.out.count("<==") == 1


def test_it_is_reproduced_quoted_and_not_if_the_sentence_is_forged(
    eoi: Callable[..., Any], mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = eoi("trace", "mine.py", *TRACE).out
    for way in (str, old):
        told = "".join(f"> {line}\n" for line in way(text).splitlines())
        for was, now in (
            ("", ""),
            ("mine.py:10:", "mine.py:11:"),
            ("returns at", "returns\u0020on"),
            ("base does", "v6 does"),
            ("l1_apic_eoi(cpu=0)  <== here", "l1_apic_eoi(cpu=0)"),
            ("l1_ioapic_eoi(cpu=0)", "l1_ioapic_eoi(cpu=0)  <== here"),
        ):
            assert was in told
            Path("mail.txt").write_text(told.replace(was, now) if was else told)
            ran = eoi("replay", "mail.txt")
            assert ran.code == 1
            assert ("REPRODUCED BUT NOT AS TOLD" in ran.out) is bool(was), (was, ran.out)


@pytest.mark.parametrize("name", ["lost", "storm"])
@pytest.mark.parametrize("way", [str, old], ids=["line", "old"])
def test_a_story_of_before_there_were_marks_is_as_it_was_told(
    eoi: Callable[..., Any], mine: Path, way: Callable[[str], str], name: str
) -> None:
    """Those of 2026-11-29, in docs/argument.md: each step of the set-up, `<== here` at the end, and no row with a `!`."""
    text = way((Path(__file__).parents[1] / "stories" / "before" / f"{name}.txt").read_text())
    assert " ! " not in text and "set-up" not in text and text.count("<== here") == 1
    Path("mail.txt").write_text("".join(f"> {line}\n" for line in text.splitlines()))
    ran = eoi("replay", "mail.txt")
    assert ran.code == 1 and "\nREPRODUCED: all 1" in ran.out and "digest" not in ran.out, ran.out
    Path("mail.txt").write_text(text.replace("ISR {0} -> {}", "ISR {0} -> {1}"))
    assert "NOT AS TOLD" in eoi("replay", "mail.txt").out


@pytest.mark.parametrize("more", [(), ("--full",)], ids=["folded", "full"])
def test_marks_that_were_taken_away_are_missed(eoi: Callable[..., Any], mine: Path, more: tuple[str, ...]) -> None:
    """The digest is of a text that has them; and a story with its set-up in one row was never told without."""
    before = unmarked(eoi("trace", "mine.py", *TRACE, *more).out)
    for way in (str, old)[: 1 if more else 2]:
        Path("mail.txt").write_text(way(before))
        ran = eoi("replay", "mail.txt")
        assert " ! " not in before and ran.code == 1 and "NOT AS TOLD" in ran.out, ran.out


def test_of_a_registered_design_the_file_is_named_and_no_line(eoi: Callable[..., Any]) -> None:
    """Lines of the project's own files move without its stories being other ones."""
    ran = eoi("trace", "v1", *TRACE)
    assert sentences(ran.out) == [("8", f"lapic.c:kvm_ioapic_send_eoi() returns in v1.py: {DIFFERENT}")]


def test_where_there_is_no_base_or_nothing_parts_it_is_told_as_ever(eoi: Callable[..., Any]) -> None:
    for design in ("base", "v6"):
        ran = eoi("trace", design, "--vmm", "qemu", "--guest", "windows_cg", "--property", "no_storm")
        assert ran.code == 1 and sentences(ran.out) == []
        begin = re.search(r"^\+> +\d+ .*$", ran.out, re.M)
        assert begin is not None and begin[0].endswith("<== here") and ran.out.count("<==") == 1


def test_a_patch_of_a_vmm_has_its_own_base(eoi: Callable[..., Any], mine: Path) -> None:
    Path("vmm.py").write_text(
        "from model.machine import Vector\nfrom model.vmms.qemu import Qemu\n\n\nclass Deaf(Qemu):\n"
        "    def ioapic_eoi_broadcast(self, vector: Vector) -> None:\n        return\n"
    )
    ran = eoi("trace", "vmm.py", "--guest", "linux", "--property", "no_eoi_lost")
    told = sentences(ran.out)
    assert ran.code == 1 and len(told) >= 1 and "vmm.py:7: does not set" in told[-1][1], ran.out
    assert told[-1][1].endswith("; qemu does")


def test_the_trace_as_json_has_it(eoi: Callable[..., Any], mine: Path) -> None:
    raw = json.loads(eoi("trace", "mine.py", *TRACE, "--json").out)
    (parting,) = raw["partings"]
    assert (parting["index"], parting["file"], parting["line"], parting["returns"]) == (7, "mine.py", 10, True)
    assert raw["parts"] == 7 and parting["what"] == DIFFERENT


def test_the_step_that_the_run_needs_is_the_one_to_look_at(eoi: Callable[..., Any], mine: Path) -> None:
    """TMR is cleared in step 7, which is what is asked for. That the EOI is not told in step 8 has no part in it: with base's
    EOI there, too, TMR is clear in the end. Of the violation it is the other way round."""
    Path("more.py").write_text(
        MINE + "\n    def kvm_apic_ack_interrupt(self, apic: Lapic, vector: Vector) -> None:\n"
        "        super().kvm_apic_ack_interrupt(apic, vector)\n        apic.tmr.discard(vector)\n"
    )
    Path("asked.py").write_text(
        "from model.lang import reachable\nfrom model.machine import Machine\n\n\n@reachable()\n"
        "def closed_without_tmr(s: Machine) -> bool:\n"
        '    """Remote IRR is set, and nothing in the LAPIC."""\n'
        "    apic = s.apic[0]\n"
        "    return s.ioapic[0].remote_irr and not apic.irr and not apic.isr and not apic.tmr\n"
    )
    for asked, here in (("asked.py", "7"), ("no_eoi_lost", "8")):
        who = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x11")
        ran = eoi("trace", "more.py", *who, "--property", asked)
        assert [step for step, _ in sentences(ran.out)] == ["7", "8"], ran.out
        marked = re.findall(r"^ +(\d+) [^\n]*(?:\n[| ]+)?  <== here$", ran.out, re.M)  # in its row, or below a long one
        assert marked == [here], ran.out


def test_the_marks_are_in_every_story_that_diff_tells(eoi: Callable[..., Any], mine: Path) -> None:
    ran = eoi("diff", "base", "mine.py", *WINDOWS)
    assert "returns at mine.py:10" in " ".join(" ".join(s for _, s in sentences(ran.out)).split())


# ---- the set-up is one row ----


def rows_of(text: str) -> list[str]:
    """The numbers of the steps' rows."""
    return re.findall(r"^[+|]?>? +(\d+(?:-\d+)?) +[|* ]*\*", text, re.M)


def test_the_set_up_is_one_row_and_full_unfolds_it(eoi: Callable[..., Any], mine: Path) -> None:
    short, full = (eoi("trace", "mine.py", *TRACE, *more) for more in ((), ("--full",)))
    assert rows_of(short.out) == ["1-4", *map(str, range(5, 11))]
    assert rows_of(full.out) == [str(n) for n in range(1, 11)]
    assert "set-up: vcpu_enter_guest(cpu=0)," in short.out and "set-up" not in full.out
    assert len(short.out.splitlines()) <= len(full.out.splitlines()) - 10
    lines = [text[text.index("Replay:") :].rsplit(";", 1) for text in (short.out, full.out)]
    assert lines[0][0] == lines[1][0] and lines[0][1] != lines[1][1]  # the same steps, another text


@pytest.mark.parametrize("way", [str, old], ids=["line", "old"])
@pytest.mark.parametrize("more", [(), ("--full",)], ids=["folded", "full"])
def test_both_are_reproduced(
    eoi: Callable[..., Any], mine: Path, way: Callable[[str], str], more: tuple[str, ...]
) -> None:
    text = way(eoi("trace", "mine.py", *TRACE, *more).out)
    Path("mail.txt").write_text("".join(f"> {line}\n" for line in text.splitlines()))
    ran = eoi("replay", "mail.txt")
    assert ran.code == 1 and "\nREPRODUCED: all 10 steps run in CPython, and no_eoi_lost is VIOLATED\n" in ran.out
    assert "digest" not in ran.out and "NOT AS TOLD" not in ran.out


def test_a_step_that_parts_is_no_set_up(eoi: Callable[..., Any], mine: Path) -> None:
    """A patch that does not ask for a scan where SPIV is written: that step is told, and what comes after it."""
    Path("boot.py").write_text(
        "from model.designs.v1 import V1\nfrom model.machine import Lapic\n\n\nclass Boot(V1):\n"
        '    """The map of LAPICs is not made anew."""\n\n'
        "    def apic_set_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:\n"
        "        apic.spiv_directed_eoi = directed_eoi\n        apic.spiv_enabled = enabled\n"
    )
    ran = eoi("trace", "boot.py", *TRACE)
    assert ran.code == 1, ran.out
    told = sentences(ran.out)
    assert "boot.py:10" in told[0][1] or "boot.py:9" in told[0][1], told
    first = int(told[0][0])
    assert str(first) in rows_of(ran.out) and f"1-{first}" not in rows_of(ran.out)


def test_a_run_that_is_nothing_but_set_up_is_told_step_by_step(eoi: Callable[..., Any]) -> None:
    """What the guest asks for is the point, from the first step on."""
    ran = eoi("trace", "base", "--vmm", "qemu", "--guest", "windows_cg", "--property", "suppression_requested")
    assert "REACHED in 2 steps" in ran.out and "set-up:" not in ran.out and rows_of(ran.out) == ["1", "2"]


# ---- pictures ----


def test_a_picture_has_a_file_for_each_sheet_and_links_that_lead_somewhere(eoi: Callable[..., Any], mine: Path) -> None:
    pytest.importorskip("pygraphviz")
    Path("out").mkdir()
    ran = eoi("trace", "mine.py", *TRACE, "--wide", "--svg", "out/lost.svg")
    assert ran.err.splitlines() == ["diagram: out/lost.svg", "diagram: out/lost-2.svg"]
    texts = [Path(f"out/{name}.svg").read_text() for name in ("lost", "lost-2")]
    assert "sheet 1 of 2" in texts[0] and "sheet 2 of 2" in texts[1]
    links = [link for text in texts for link in re.findall(r'xlink:href="([^"#]+)#L(\d+)"', text)]
    assert len(links) > 10
    for file, line in links:
        found = (Path("out") / file).resolve()
        assert found.read_text().splitlines()[int(line) - 1].lstrip().startswith(("def ", "@step", "return")), (
            file,
            line,
        )


def test_where_it_parts_is_a_link_to_the_line_of_the_user_s_file(eoi: Callable[..., Any], mine: Path) -> None:
    pytest.importorskip("pygraphviz")
    Path("out").mkdir()
    eoi("trace", "mine.py", *TRACE, "--svg", "out/lost.svg")
    assert 'xlink:href="../mine.py#L10"' in Path("out/lost.svg").read_text()
    eoi("trace", "v1", *TRACE, "--svg", "out/v1.svg")
    (line,) = re.findall(r'xlink:href="[^"]*/model/designs/v1.py#L(\d+)"', Path("out/v1.svg").read_text())
    code = Path(v1.__file__).read_text().splitlines()
    assert code[int(line) - 1].strip() == "return" and "spiv_directed_eoi" in code[int(line) - 2]


def test_noise_is_left_out_of_pictures_unless_everything_is_asked_for(eoi: Callable[..., Any], mine: Path) -> None:
    drawn = list[str]()
    for more in ((), ("--full",)):
        eoi("trace", "mine.py", *TRACE, *more, "--dot", "lost.dot")
        drawn.append(Path("lost.dot").read_text())
    assert "REQ_SCAN_IOAPIC" not in drawn[0] and "REQ_SCAN_IOAPIC" in drawn[1]
    assert "set-up" in drawn[0] and "set-up" not in drawn[1]
    assert "Remote IRR" in drawn[0] and "pending EOI" in drawn[0]


def test_every_registered_design_is_told_beside_its_base() -> None:
    """What a patch stands on may be a design, of a kernel or of a VMM, or a role."""
    found = {name: base for name, cls in roles.designs().items() if (base := parting._base_of(cls))}
    assert all(roles.role_of(base) == roles.role_of(roles.designs()[name]) for name, (_, base) in found.items())
    told = {name: base for name, (base, _) in found.items()}
    assert told["v6"] == "base" and told["qemu_rfc_v1"] == "qemu" and told["qemu_seoib_property"] == "qemu_rfc_v2"
    assert set(told) == {name for name, cls in roles.designs().items() if vars(cls)["patch"].base}


def test_the_story_of_a_design_that_stands_on_a_vmms_design(eoi: Callable[..., Any]) -> None:
    ran = eoi(
        "prove",
        "qemu_seoib_property",
        "--absolute",
        "--guest",
        "xen",
        "--scope",
        "ioapic=0x11,cpus=1",
        "--property",
        "no_reinjection",
    )
    assert (ran.code, ran.err) == (1, "") and "is injected again" in ran.out
