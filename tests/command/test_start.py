"""What a command loads before it answers: a user waits for it, so what is large is loaded by what needs it and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from checker.command.cli import COMMANDS

pytestmark = pytest.mark.unit

LARGE = {"numpy", "networkx", "z3", "pygraphviz", "scipy", "rich", "checker.engine.search", "checker.questions.verdict"}
PROGRAM = """
import atexit, json, sys
from checker.command import entry
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules))))
sys.exit(entry.main())
"""


def loaded(*words: str) -> tuple[int, set[str]]:
    """The exit code of a command line, and all modules that were loaded when it ended."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, timeout=120)
    assert "Traceback" not in ran.stderr
    return ran.returncode, set(json.loads(ran.stdout.splitlines()[-1]))


LINES = {
    "--help": 0,
    "list": 0,
    "list simplifications": 0,
    **{f"{command} --help": 0 for command in COMMANDS},
    "prov": 2,
    "prove": 2,
    "gate --nonsense": 2,
    "prove v7": 2,
    "prove v1 --vmm qmeu": 2,
    "trace v1 --guest linx --property no_storm": 2,
    "show v1 --property no_strom": 2,
    "diff base v7": 2,
    "diff bsae v1": 2,
    "diff base v1 --scope cpu=1": 2,
    "prove no_such_file.py": 2,
}
ONE_BY_ONE = """
import json, sys
from checker.command import entry
told, lines = {}, json.loads(sys.argv[1])
for line in lines:
    sys.argv[1:] = line.split()
    try:
        code = entry.main()
    except SystemExit as ended:
        code = ended.code
    told[line] = code, sorted(sys.modules)
print("\\n" + json.dumps(told))
"""


@pytest.fixture(scope="module")
def one_by_one() -> dict[str, tuple[int, list[str]]]:
    """Of each line, in one process: its exit code, and all that was loaded by it and by those before it."""
    program = [sys.executable, "-c", ONE_BY_ONE, json.dumps(list(LINES))]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in ran.stderr
    told: dict[str, tuple[int, list[str]]] = json.loads(ran.stdout.splitlines()[-1])
    return told


@pytest.mark.everything
@pytest.mark.parametrize("line", LINES)
def test_nothing_large_is_loaded_for_help_a_list_or_a_mistake(one_by_one, line):
    ended, modules = one_by_one[line]
    assert ended == LINES[line] and "checker.command.cli" in modules
    assert LARGE.isdisjoint(modules)


SMALL = "--vmm qemu --guest windows_cg --scope cpus=1,pins=1,vectors=1,ioapic=0x20"


@pytest.mark.everything
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"prove base {SMALL}", 1),
        (f"diff base v1 {SMALL} --brief", 0),
        (f"trace base --property no_storm {SMALL}", 1),
    ],
)
def test_what_explores_loads_no_solver_no_renderer_no_terminal_and_nothing_that_lifts_or_mutates(line, code):
    ended, modules = loaded(*line.split())
    assert ended == code and {"numpy", "checker.engine.search"} <= modules
    unasked = {"networkx", "z3", "pygraphviz", "scipy", "rich", "checker.symbolic.terms", "lift", "oracles"}
    assert modules & unasked == set()
