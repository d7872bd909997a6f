"""A second command says what the first one said, and that it did not look again."""

from __future__ import annotations

import json

import pytest

from checker.command import cli
from checker.engine import build
from checker.questions import compare, kept_answers

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
