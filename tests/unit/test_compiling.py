"""A compiler that takes its time to read gets all of the text."""

from __future__ import annotations

import stat
from pathlib import Path

from checker.engine.compiling import compile_into

SLOW = """\
#!/bin/sh
sleep 0.4
exec cc "$@"
"""


def test_a_compiler_that_reads_late_gets_all_of_a_long_text(tmp_path: Path) -> None:
    """More than a pipe holds, and later than somebody who writes into one waits."""
    slow = tmp_path / "slow"
    slow.write_text(SLOW)
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "build").mkdir()
    built = tmp_path / "build" / "library.so"
    text = "/* " + "x" * 300_000 + " */\nint last(void) { return 1; }\n"
    compile_into(built, str(slow), ("-shared", "-fPIC", "-nostdlib", "-w"), text)
    assert b"last" in built.read_bytes()
