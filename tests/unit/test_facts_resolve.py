"""What the tree cites as a source can be read in the tree: sections and ids of docs/facts, and nothing outside."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from checker.matrix.roles import all_properties

ROOT = Path(__file__).resolve().parents[2]
SHEETS = {path.stem: path.read_text() for path in (ROOT / "docs/facts").glob("*.md") if path.stem != "README"}
SHEET = re.compile(
    rf"\b({'|'.join(SHEETS)})\.md((?:(?:,? | and |; )?(?:section )?(?:\d+(?:\.\d+)*|[A-Z]\d+)\b(?!\w))*)"
)
ID = re.compile(r"\b(?:V-[A-Z]{2}\d+|S-D\d+|L [TUI]\d+|[QKHB]\d{1,2})\b")
OUTSIDE = re.compile(r"\bseeds?[ /]00\d|\bissue \d|\.\./shared|shared/(?:facts|seeds)")
# A source is one of these: a sheet of ours, a mail, a commit, a C file or document of the project, a specification.
KINDS = re.compile(r"\.md|@|\d{8,}[.-]|[0-9a-f]{12}|\w+\.c\b|\.rst|SDM|PATCH|20\d\d-\d\d-\d\d|x2APIC spec")


def tracked(*folders: str) -> list[Path]:
    """The text files that git knows below some folders."""
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [
        ROOT / name for name in listed.stdout.splitlines() if not name.startswith(("docs/facts/", "reports/migration"))
    ]
    return [
        path
        for path in found
        if path.exists() and path.suffix in (".py", ".md", ".litmus", ".txt") and path != Path(__file__)
    ]


def unresolved(text: str) -> list[str]:
    """The citations in a text that no sheet has."""
    missing = []
    for sheet, cited in SHEET.findall(text):
        for part in re.findall(r"\d+(?:\.\d+)*|[A-Z]\d+", cited):
            if not in_sheet(SHEETS[sheet], part):
                missing.append(f"{sheet}.md {part}")
    missing += [name for name in ID.findall(text) if not any(mentions(sheet, name) for sheet in SHEETS.values())]
    return missing


def in_sheet(sheet: str, part: str) -> bool:
    """A section, an item `1.3.3` of a section's numbered list, or an id."""
    if part[0].isalpha():
        return mentions(sheet, part)
    if re.search(rf"^#+ {re.escape(part)}\b", sheet, re.MULTILINE):
        return True
    section, _, item = part.rpartition(".")
    body = (
        re.search(rf"^#+ {re.escape(section)}\b.*?\n(.*?)(?=^#|\Z)", sheet, re.MULTILINE | re.DOTALL)
        if section
        else None
    )
    return body is not None and re.search(rf"^{item}\. ", body[1], re.MULTILINE) is not None


def mentions(sheet: str, name: str) -> bool:
    if name.startswith("L "):  # observations on the live kernel: `[L T7,T9]`
        return re.search(rf"\bL [^\]]*\b{name[2:]}\b|\b{name}\b", sheet) is not None
    return re.search(rf"(?<![\w-]){re.escape(name)}\b", sheet) is not None


def test_every_source_of_a_property_is_something_that_one_can_look_up() -> None:
    cited = {p.name: p.source for p in all_properties().values() if p.source}
    assert len(cited) > 20
    assert {name: source for name, source in cited.items() if not KINDS.search(source)} == {}
    assert {name: unresolved(source) for name, source in cited.items() if unresolved(source)} == {}


def test_every_fact_that_is_cited_is_in_a_sheet() -> None:
    files = tracked("model", "properties", "oracles", "checker", "tests", "reports", "docs", "README.md")
    assert len(files) > 300
    assert sum(len(ID.findall(path.read_text())) for path in files) > 100
    found = {str(p.relative_to(ROOT)): missing for p in files if (missing := unresolved(p.read_text()))}
    assert found == {}


def test_nothing_points_outside_of_the_tree() -> None:
    files = [*tracked("."), *(ROOT / "docs/facts").glob("*.md")]
    found = {str(path.relative_to(ROOT)): OUTSIDE.findall(path.read_text()) for path in files}
    assert {name: outside for name, outside in found.items() if outside} == {}


@pytest.mark.parametrize(
    "text",
    [
        "kvm.md 1.99",
        "kvm.md 1.3.77",
        "kvm.md B99",
        "vmm-guest.md V-CH9",
        "L T99",
        "Q77",
        "expectations.md E7",
        "mails.md S9",
    ],
)
def test_a_citation_of_nothing_is_found(text: str) -> None:
    assert unresolved(text)


@pytest.mark.parametrize(
    "text", ["kvm.md 1.3.3 and 7.6 P6, L T12", "kvm.md B2, B9", "V-CH1", "expectations.md E1", "mails.md S3"]
)
def test_a_citation_of_something_is_not(text: str) -> None:
    assert not unresolved(text)
