"""The transcripts of the README and of the findings are run: what it shows is what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from checker.command.cli import main
from tests.command.conftest import few_states_again

__all__ = ["few_states_again"]

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "reports" / "findings").glob("*.md")),
]
TRANSCRIPT = re.compile(r"```console\n\$ (eoi [^\n]*)\n(.*?)```", re.S)
BLOCKS = [block for page in PAGES for block in TRANSCRIPT.findall(page.read_text(encoding="utf-8"))]
WITHOUT_A_RUN = {"10-migration.md"}  # its runs are in reports/migration
PICTURE = "trace base --vmm qemu --guest windows_cg --property no_storm --scope ioapic=0x20,cpus=1,pins=1 --svg {}"


def printed(command: str) -> list[str]:
    """The words of a command line; what `| head -N` leaves of it is in `shown_of`."""
    return shlex.split(command.partition(" | ")[0])[1:]


def shown_of(command: str, out: str) -> str:
    """All that it prints, or of `eoi ... | head -23` what is on the first screen."""
    _, _, most = command.partition(" | head -")
    return "".join(out.splitlines(keepends=True)[: int(most) if most else None])


@pytest.fixture(autouse=True)
def screen_of_24_x_80(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


def without_measured(text: str) -> str:
    """Its numbers, and those of what an answer is worth, are of the last `make conform` and `make mutants`, whenever that was."""
    return re.sub(r"^(?:measured|Worth): .*\n(?:  .*\n)*", "", text, flags=re.M)


def test_there_are_transcripts():
    with_some = {page.name for page in PAGES if TRANSCRIPT.search(page.read_text(encoding="utf-8"))}
    findings = {page.name for page in PAGES if page.parent.name == "findings"}
    assert len(findings) > 5
    assert {"README.md", "argument.md", *findings} - with_some == WITHOUT_A_RUN


def test_the_picture_of_the_readme_is_what_the_command_draws(tmp_path: Path):
    drawn = tmp_path / "storm.svg"
    main(shlex.split(PICTURE.format(drawn)))
    shown = [re.findall(r">([^<>\n]+)</text>", path.read_text()) for path in (ROOT / "docs/storm.svg", drawn)]
    assert len(shown[0]) > 50 and shown[0] == shown[1]


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[b[0][4:60] for b in BLOCKS])
def test_transcript(command: str, shown: str, capsys: pytest.CaptureFixture[str]):
    main(printed(command))
    assert without_measured(shown_of(command, capsys.readouterr().out)) == without_measured(shown)
