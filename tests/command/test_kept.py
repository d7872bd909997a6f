"""A second command says what the first one said, and that it did not look again."""

from __future__ import annotations

import json

import pytest

from checker.command import cli
from checker.engine import build
from checker.questions import campaign, compare, compat, kept_answers

ASKED = ["prove", "--absolute", "v1", "--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1"]


@pytest.fixture(autouse=True)
def answers_are_kept(monkeypatch, tmp_path):
    monkeypatch.delenv("EOI_ANEW")
    monkeypatch.setattr(kept_answers, "cache_dir", lambda: tmp_path)


def said(capsys, *more):
    code = cli.main([*ASKED, *more])
    return code, capsys.readouterr().out


def test_the_second_command_says_the_same_and_that_it_was_kept(capsys):
    (code, first), (again, second) = said(capsys), said(capsys)
    assert code == again == 1
    extra = [line for line in second.splitlines() if line not in first.splitlines()]
    assert extra == ["Kept: 2 of 2 cells found by an earlier command (EOI_ANEW=1 finds out everything again)."]
    assert [line for line in second.splitlines() if line not in extra] == first.splitlines()


def test_json_says_it_of_each_cell(capsys):
    kept = [[cell["kept"] for cell in json.loads(said(capsys, "--json")[1])["cells"]] for _ in range(2)]
    assert kept == [[False, False], [True, True]]


def test_the_story_of_a_kept_answer_is_the_story(capsys):
    asked = ["trace", *ASKED[2:], "--property", "line_is_serviced"]
    stories = []
    for _ in range(2):
        cli.main(asked)
        stories.append(capsys.readouterr().out)
    assert stories[0] == stories[1] and "Replay: eoi1" in stories[0]


def test_what_another_compiler_made_says_nothing(capsys, monkeypatch):
    said(capsys)
    assert "Kept: 2 of 2 cells" in said(capsys)[1]
    monkeypatch.setattr(build, "_compiler_version", lambda command: f"{command}, a later one")
    assert "Kept: " not in said(capsys)[1]


PAIR = ["--vmm", "qemu", "--guest", "linux", "--scope", "cpus=1,pins=1,ioapic=0x20"]


def test_graphs_that_were_compared_are_not_explored_again(capsys, monkeypatch):
    def differ(design):
        code = cli.main(["diff", "base", design, *PAIR])
        return code, capsys.readouterr().out

    first = differ("v6")  # whose digest is not base's: it has fields of its own
    monkeypatch.setattr(compare, "compare_graphs", lambda *_: pytest.fail("explored again"))
    assert differ("v6") == first
    with pytest.raises(pytest.fail.Exception):
        differ("v4")
    monkeypatch.setenv("EOI_ANEW", "1")
    with pytest.raises(pytest.fail.Exception):
        differ("v6")
    assert differ("v1")[1].endswith("0 exploring differently, 1 the same\n"), "one digest: nothing is to be compared"


# --- the desk: after one prove nothing is explored again ---

MINE = '''
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    """Obeys SPIV bit 12."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if apic.spiv_directed_eoi:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
'''
CELL = ["--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x11"]


def asked_after(prove: str, mine: str, page: str) -> dict[str, list[str]]:
    return {
        "trace": ["trace", mine, "--property", "no_eoi_lost", *CELL],
        "picture": ["trace", mine, "--property", "no_eoi_lost", *CELL, "--svg", f"{page}.svg"],
        "diff": ["diff", "base", mine, *CELL],
        "review": ["review", mine, *CELL],
        "report": ["report", mine, *CELL, "-o", f"{page}.html"],
    }


@pytest.mark.usefixtures("one_cell_a_claim")
@pytest.mark.parametrize("command", ["trace", "picture", "diff", "review", "report"])
def test_after_prove_no_other_command_explores(capsys, monkeypatch, tmp_path, command):
    mine, page = tmp_path / "mine.py", str(tmp_path / "page")
    mine.write_text(MINE)
    words = asked_after("prove", str(mine), page)[command]
    assert cli.main(["prove", str(mine), *CELL]) == 1
    monkeypatch.setattr(campaign, "check_cell", lambda *_, **__: pytest.fail("explored again"))
    assert cli.main(words) == 1
    assert "no_eoi_lost" in capsys.readouterr().out
    mine.write_text(MINE.replace("if apic.spiv_directed_eoi:", "if apic.spiv_directed_eoi and apic.spiv_enabled:"))
    with pytest.raises(pytest.fail.Exception):  # another text is another design
        cli.main(words)


def test_a_property_of_ones_own_is_not_among_those_that_were_kept(capsys, monkeypatch, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(
        "from model.lang import always\nfrom model.machine import Machine, Pin\n\n\n@always()\n"
        'def no_eoi_lost(s: Machine, pin: Pin) -> bool:\n    """Never closed."""\n    return not s.ioapic[pin].remote_irr\n'
    )
    assert cli.main(["prove", "v1", *CELL]) == 0
    monkeypatch.setattr(campaign, "check_cell", lambda *_, **__: pytest.fail("explored"))
    cli.main(["trace", "v1", "--property", "no_eoi_lost", *CELL])
    assert "VIOLATED in 10 steps" in capsys.readouterr().out
    with pytest.raises(pytest.fail.Exception):
        cli.main(["trace", "v1", "--property", str(own), *CELL])


def test_what_compat_found_is_kept_with_its_claim(capsys, monkeypatch):
    asked = ["compat", "base", "v1", "--claim", "flagless_vmm", "--vmm", "qemu", "--scope", "ioapic=0x11"]
    first = cli.main(asked), capsys.readouterr().out
    monkeypatch.setattr(compat.LockStep, "compare", lambda *_: pytest.fail("compared again"))
    assert (cli.main(asked), capsys.readouterr().out) == first
    with monkeypatch.context() as edited:  # what the other side may do unseen is another question
        edited.setattr(compat, "UNSEEN", (*compat.UNSEEN, "apic[].exit_ioapic_eoi"))
        with pytest.raises(pytest.fail.Exception):
            cli.main(asked)
    with pytest.raises(pytest.fail.Exception):
        cli.main([word.replace("flagless_vmm", "quiet_guest") for word in asked])
    with pytest.raises(pytest.fail.Exception):
        cli.main([*asked, "--max-states", "100000"])
