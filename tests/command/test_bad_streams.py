"""Streams that are closed, full, or no streams: the exit code is that of what was asked, a line that can be said is said, and what
is not written is never taken for written."""

from __future__ import annotations

import pytest

from tests.rigs.own_process import HOLDS, SMALL, STORM, is_a_clear_line, ran

pytestmark = pytest.mark.everything
TYPO = ["prove", "v1x"]
MEANT = "eoi: unknown design 'v1x': did you mean 'v1'?"
FULL = "eoi: output: no space left on device"


@pytest.mark.parametrize(
    ("shell", "words", "code", "said"),
    [
        # closed
        ("{} >&-", ["list", "vmms"], 0, ""),
        ("{} >&-", ["--help"], 0, ""),
        ("{} >&-", ["--version"], 0, ""),
        ("{} >&-", [*HOLDS, "--json"], 0, ""),
        ("{} 2>&-", TYPO, 2, ""),
        ("{} >&- 2>&-", TYPO, 2, ""),
        ("{} <&- >&- 2>&-", [*TYPO, "--json"], 2, ""),
        ("{} <&-", ["lift", "-"], 2, "eoi: <stdin>:1: there is no diff in it"),
        ("{} <&-", ["prove", "-"], 2, "eoi: <stdin>:1: there is no diff in it"),
        # full
        ("{} >/dev/full", ["--help"], 2, FULL),
        ("{} >/dev/full", ["--version"], 2, FULL),
        ("{} >/dev/full", ["prove", "--help"], 2, FULL),
        ("{} >/dev/full", ["list", "vmms"], 2, FULL),
        ("{} >/dev/full", ["show", "v1", *SMALL], 2, FULL),
        ("{} >/dev/full", HOLDS, 2, FULL),
        ("{} >/dev/full", [*HOLDS, "--json"], 2, FULL),
        ("{} >/dev/full", STORM, 2, FULL),
        ("{} >/dev/full", [*TYPO, "--json"], 2, MEANT),
        ("{} 2>/dev/full", TYPO, 2, ""),
        ("{} 2>/dev/full", ["prove", "--nonsense"], 2, ""),
        ("{} 2>/dev/full", HOLDS, 0, "1 holds"),
        ("{} >/dev/full 2>&1", TYPO, 2, ""),
        # read by nobody
        ("set -o pipefail; {} | true", ["--help"], 141, ""),
        ("set -o pipefail; {} | true", ["--version"], 141, ""),
        ("set -o pipefail; {} | true", [*TYPO, "--json"], 2, MEANT),
        ("set -o pipefail; {} 2>&1 | true", ["prove", "--nonsense"], 2, ""),
        ("set -o pipefail; trap '' PIPE; {} | true", ["list", "properties"], 141, ""),
        # for the other direction
        ("{} 1</dev/null", ["list", "vmms"], 2, "eoi: output: bad file descriptor"),
        ("{} 0>/dev/null", ["replay", "-"], 2, "eoi: standard input: bad file descriptor"),
        # without an end
        ("{} </dev/zero", ["lift", "-"], 2, "eoi: standard input: more than 20,000,000 characters are no mail"),
        ("{} </dev/zero", ["replay", "-"], 2, "eoi: standard input: more than 20,000,000 characters are no mail"),
        ("{}", ["replay", "/dev/zero"], 2, "eoi: /dev/zero: more than 20,000,000 characters are no mail"),
    ],
    ids=lambda value: value.strip("{} ") if isinstance(value, str) else " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_stream_that_is_none(shell: str, words: list[str], code: int, said: str) -> None:
    is_a_clear_line(ran(words, shell), code, said)


def test_a_machine_that_asks_wrongly_is_answered() -> None:
    """argparse would leave it without a word on standard output."""
    found = ran(["prove", "v1", "--max-states", "none", "--json"])
    assert found.returncode == 2 and found.stdout.startswith('{\n "format": "eoiproof error 1",\n "exit": 2,')
    assert "'none': a whole number from 1 on is needed" in found.stdout and found.stderr.startswith("eoi prove: ")
