"""Texts that are huge, of another alphabet, cut off or of another kind, where a mail, a story, a patch, expected verdicts or a kernel's
source were to be: told in a line, soon."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command.conftest import Ran

pytestmark = pytest.mark.unit
ROOT = Path(__file__).parents[2]
LITMUS = (ROOT / "tests/litmus/T05-level-once.litmus").read_text()
NO_STORY = "line 1: no story found; it begins with '<property>: VIOLATED in <n> steps'"
CELL = "kernel:base,vmm:qemu,guest:windows_cg,device:level;cpus:1,pins:1,vectors:1,ioapic:0x20,x2apic:on,flags:0x0,throttle:off"
MAIL = "Subject: x\nContent-Type: text/plain; "


def replay_line(moves: str, cell: str = CELL, asked: str = "no_storm,pin:0") -> str:
    return f"Replay: eoi1 {asked};{cell}; 5e68de/{moves}; 0123456789abcdef\n"


def diff(lines: str, count: int) -> str:
    path = "arch/x86/kvm/lapic.c"
    head = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,3 +1,{count + 3} @@ static void f(int x)\n {{\n"
    return f"{head}{lines} }}\n \n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "line.py").write_text((ROOT / "tests/litmus/line.py").read_text())
    return tmp_path


TEXTS: dict[str, tuple[list[str], str | bytes, str]] = {
    # replay
    "100 MB": (["replay", "x"], b"words and words\n" * 6_500_000, "x: more than 20,000,000 characters are no mail"),
    "one line": (["replay", "x"], "x" * 3_000_000, NO_STORY),
    "deep quoting": (["replay", "x"], "> " * 100_000 + "no_storm: VIOLATED in 3 steps", ""),
    "a headline": (["replay", "x"], "no_storm: VIOLATED in 3 steps\n", "x: line 1: "),
    "many steps": (["replay", "x"], f"no_storm: VIOLATED in {'9' * 5000} steps\n", NO_STORY),
    "UTF-16": (["replay", "x"], "no_storm: VIOLATED in 3 steps\n".encode("utf-16"), NO_STORY),
    "other moves": (["replay", "x"], replay_line("10/1"), "x: line 1: "),
    "a huge move": (["replay", "x"], replay_line("9" * 30), "x: line 1: "),
    "a move of 5000 digits": (["replay", "x"], replay_line("9" * 5000), "x: line 1: "),
    "a pin too many": (["replay", "x"], replay_line("1", asked="no_storm,pin:99"), "x: line 1: "),
    "another file": (["replay", "x"], replay_line("1", CELL.replace("kernel:base", "kernel:/etc/passwd@12345678")), "x: line 1: "),
    "half a cell": (["replay", "x"], replay_line("1", "kernel:base,vmm:qemu;cpus:1"), "x: line 1: "),
    "base64": (["replay", "x"], MAIL + "a=b\nContent-Transfer-Encoding: base64\n\n!!!!\n", "base64 was expected"),
    **{
        f"charset {name}": (["replay", "x"], f"{MAIL}charset={name}\n\nno story\n", NO_STORY)
        for name in ("nonsense", "idna", "zlib", "undefined", "utf-7", "unicode_escape", '"a\\0b"')
    },
    "a parameter": (["replay", "x"], f"{MAIL}charset*=utf-8''%ff%fe; format*=utf-8''%ff\n\nno\n", NO_STORY),
    # lift
    "many lines": (["lift", "x"], diff("+\tx++;\n" * 20_000, 20_000), "x:"),
    "a line of a diff": (["lift", "x"], diff(f"+\t{'x' * 3_000_000};\n", 1), "x:"),
    "30 MB": (["lift", "x"], "x" * 30_000_000, "x: more than 20,000,000 characters are no mail"),
    # gate
    "no text": (["gate", "--expected", "x"], b"# \xe9\n", "x: is not UTF-8 text"),
    "nothing": (["gate", "--expected", "x"], "", "x:1: `format = 1` and `cells = N` are missing"),
    "deep": (["gate", "--expected", "x"], f"x = {'[' * 100_000}\n", "x: it is nested too deep to be read"),
    "NUL": (["gate", "--expected", "x"], "[a]\0\n", "x: line 1 is not what `eoi gate --write` writes"),
    "a mark": (["gate", "--expected", "x"], b"\xef\xbb\xbfformat = 1\n", "x: line 1 is not what `eoi gate --write` writes"),
    "another table": (["gate", "--expected", "x"], (ROOT / "pyproject.toml").read_text(), "`format = 1` and"),
    "a merge": (["gate", "--expected", "x"], "<<<<<<< HEAD\n", "x: line 1 is a merge conflict of git's"),
    # litmus
    "30,000 titles": (["litmus", "x"], "Title: x\n" * 30_000, "x:2: 'Title:' stands in line 1 already"),
    "a long title": (["litmus", "x"], f"Title: {'x' * 1_000_000}", "x:1: the line has 1000007 characters; 72 are allowed"),
    "a BOM": (["litmus", "x"], "\ufeff" + LITMUS, "x:1: only ASCII characters can be read"),
    "no sizes": (["litmus", "x"], LITMUS.replace("=1", "=64"), "x: --scope cpus=64,pins=64,vectors=64 is too large"),
    # drift
    "a folder in a tree": (["drift", "."], "arch/x86/kvm/lapic.c/", ".: this is no kernel tree"),
    "no C": (["drift", "."], "arch/x86/kvm/lapic.c", "arch/x86/kvm/"),
}  # fmt: skip


@pytest.mark.parametrize("which", TEXTS)
def test_ends_in_a_sentence_soon(eoi: Callable[..., Ran], here: Path, which: str) -> None:
    words, text, said = TEXTS[which]
    if words[0] == "drift":
        place = here / str(text)
        place.parent.mkdir(parents=True)
        place.mkdir() if str(text).endswith("/") else place.write_bytes(b"\xff\xfe")
    else:
        (here / "x").write_bytes(text if isinstance(text, bytes) else text.encode())
    before = os.times().user
    found = eoi(*words)
    assert (found.code, found.out) == (2, "") and found.err.startswith("eoi: ") and said in found.err, found.err
    assert os.times().user - before < 10 and len(found.err) < 2000


def test_a_file_of_a_story_is_not_read_for_ever(eoi: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.files.LONGEST", 1000)
    monkeypatch.setattr("checker.questions.litmus.LONGEST", 1000)
    found = eoi("gate", "--expected", "/dev/zero")
    assert found.code == 2 and "eoi: /dev/zero: more than 1,000 characters are not what is read here" in found.err
    assert eoi("litmus", "/dev/zero").code == 2
