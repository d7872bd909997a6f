"""reports/when.md says of every cell what reports/expected.toml says: both are read here as text, by nothing that wrote them."""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path

import pytest

from checker.command import when
from checker.command.cli import main
from checker.questions.expected import rows_of_design

ROOT = Path(__file__).resolve().parents[2]
TITLE = re.compile(
    r"(?:\w+, )?(\w+) (0x\d\d)(?: (\w+))?, (\w+), (\w+)(?:, (\w+))?"
)  # what is no kernel names its kernel twice
WORDS = {"ok": "holds", "(ok)": "never comes up", "FAIL": "is violated", "yes": "is reached", "no": "is never reached"}
TEXT = (ROOT / "reports" / "when.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def table():
    found = tomllib.loads((ROOT / "reports" / "expected.toml").read_text(encoding="utf-8"))
    return {design: rows for design, rows in found.items() if isinstance(rows, dict)}


def place(title):
    vmm, ioapic, flags, guest, device, kernel = TITLE.fullmatch(title).groups()
    return {"vmm": vmm, "ioapic": ioapic, "flags": flags or "NONE", "guest": guest, "device": device, "kernel": kernel}


def said(row):
    return {name: WORDS[text.split()[0]] for name, text in (part.split(" ", 1) for part in row.split("; ")[1:])}


@functools.cache
def read(condition):
    """`guest=linux,xen & ioapic=0x20; flags!=BIT2`."""
    terms = [
        [re.fullmatch(r"(\w+)(!?)=(\S+)", t).groups() for t in part.split(" & ")] for part in condition.split("; ")
    ]
    return [[(axis, not no, values.split(",")) for axis, no, values in part] for part in terms]


def true(condition, at):
    return any(all((at[axis] in values) == is_ for axis, is_, values in part) for part in read(condition))


def sections(text):
    """design -> property -> its lines, `holds: condition`; "" for what is the same wherever it is asked."""
    found = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        design, _, body = part.partition("\n")
        of = found[design] = {}
        always, *blocks = body.split("\n### ")
        for word, names in re.findall(r"^- wherever it is asked (.*): (.*)$", always, re.MULTILINE):
            of |= {name: {word: ""} for name in names.split(", ")}
        for block in blocks:
            names, _, lines = block.partition("\n")
            told = re.findall(r"^- (.*) \((\d+)\): (.*)$", lines, re.MULTILINE)
            of |= {name: {word: (int(number), what) for word, number, what in told} for name in names.split(", ")}
    return found


def wrong(rows, of):
    """(cell, property) where the page does not say what the row says; and counts that are others."""
    cells = [(place(title), said(row)) for title, row in rows.items()]
    for name in {name for _, row in cells for name in row} | set(of):
        told, left = dict(of.get(name, {})), []
        apart = told.pop("not asked at all", (0, ""))
        if list(told.values()) == [""]:
            left = [at for at, row in cells if row.get(name) not in (None, *told)]
        else:
            outside = [at for at, _ in cells if apart[0] and true(apart[1], at)]
            meeting = [
                (row.get(name, "is not asked"), [w for w, (_, what) in told.items() if true(what, at)])
                for at, row in cells
                if at not in outside
            ]
            left = [one for one in meeting if one[1] != [one[0]]]
            left += [at for at, row in cells if at in outside and name in row]
            left += [w for w, (number, _) in told.items() if number != sum(found == [w] for _, found in meeting)]
            left += ["apart"] * (len(outside) != apart[0])
        yield from ((name, one) for one in left)


def test_the_record_is_the_matrix(table):
    told = sections(TEXT)
    assert list(told) == list(table) and len(told) >= 40
    assert {d: n for d, rows in table.items() if (n := list(wrong(rows, told[d]))[:3])} == {}


@pytest.mark.parametrize(
    "edit",
    [
        ("ioapic=0x20", "ioapic=0x11"),
        ("- is violated (", "- holds ("),
        ("guest!=", "guest="),
        ("never comes up", "holds"),
    ],
)
def test_a_record_that_says_something_else_is_noticed(table, edit):
    section = TEXT.partition("\n## v1\n")[2].partition("\n## ")[0]
    assert edit[0] in section and not list(wrong(table["v1"], sections("## v1\n" + section)["v1"]))
    assert list(wrong(table["v1"], sections("## v1\n" + section.replace(*edit, 1))["v1"]))


def test_it_is_what_the_command_writes(tmp_path, monkeypatch):
    """For two designs: all take a quarter of a minute."""
    text = (ROOT / "reports" / "expected.toml").read_text(encoding="utf-8")
    two = {design: rows_of_design(text, "it", design) for design in ("v1", "mutant_b8")}
    monkeypatch.setattr(when, "record", lambda: two)
    assert main(["when", "--write", str(tmp_path / "when.md")]) == 0
    head, *parts = (tmp_path / "when.md").read_text().split("\n## ")
    assert TEXT.startswith(head) and len(parts) == 2
    assert all(f"\n## {part.rstrip()}\n" in TEXT for part in parts)
