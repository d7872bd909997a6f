"""`eoi export`: one cell as text for another checker; what it leaves out is said, and what it cannot be is refused."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pygraphviz
import pytest

from checker.command.export import give
from checker.command.parsers import EXPORTS
from checker.engine.reference import Reference
from checker.errors import UserError
from checker.questions import export as asked
from tests.command.test_graph import cell

ROOT = Path(__file__).resolve().parents[2]
ONE = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11")
BEGINS = {"promela": "/*\n * ", "murphi": "-- ", "btor2": "; ", "smv": "-- ", "dot": "digraph states {"}


def test_each_form_begins_as_said() -> None:
    assert {*BEGINS, "aiger"} == {*EXPORTS}


@pytest.mark.parametrize("to", BEGINS)
def test_it_is_plain_text_that_says_what_it_is(eoi: Callable[..., Any], to: str) -> None:
    ran = eoi("export", "v1", *ONE, "--to", to)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(BEGINS[to]) and ran.out.isascii()
    assert "v1: qemu 0x11, windows_cg, level" in ran.out and "cpus=1,pins=1,vectors=1,ioapic=0x11" in ran.out
    assert ran.out == eoi("export", "v1", *ONE, "--to", to).out


def test_a_circuit_of_bytes(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """The binary form of AIGER: it is written as it is, and says at its end what it is."""
    out = tmp_path / "v1.aig"
    words = ("v1", *ONE, "--to", "aiger", "--property", "no_eoi_lost")
    assert eoi("export", *words, "-o", str(out)).code == 0
    content = out.read_bytes()
    assert content.startswith(b"aig ") and not content.isascii()
    said = content.rpartition(b"\nc\n")[2].decode("ascii").splitlines()
    assert said[0] == "v1: qemu 0x11, windows_cg, level" and "  0 no_eoi_lost: violated" in said


def test_a_screen_is_given_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(UserError, match="give -o FILE"):
        give(b"aig")


def test_a_file_of_the_users(eoi: Callable[..., Any], tmp_path: Path) -> None:
    wrong, out = ROOT / "tests/wrong/kvm_told_once.py", tmp_path / "told.pml"
    ran = eoi("export", str(wrong), *ONE, "--to", "promela", "-o", str(out))
    assert (ran.code, ran.out) == (0, f"written: {out}\n")
    other = eoi("export", "base", *ONE, "--to", "promela").out
    assert out.read_text().startswith("/*") and out.read_text() != other


def test_a_graph_is_read_by_graphviz(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """As many nodes and edges as CPython finds, and each as it is."""
    of, out = cell(), tmp_path / "graph.dot"
    reference = Reference(of.system, of.scope)
    explored = reference.explore()
    assert eoi("export", "v1", *ONE, "--to", "dot", "-o", str(out)).code == 0
    graph = pygraphviz.AGraph(filename=str(out))
    assert graph.number_of_nodes() == len(explored.states) > 10
    assert graph.number_of_edges() == len(explored.edges) > 10
    steps = Counter((f"s{a}", reference.moves[move].step, f"s{b}") for a, move, b in explored.edges)
    assert Counter((a, edge.attr["label"].partition("(")[0], b) for edge in graph.edges() for a, b in [edge]) == steps
    assert [node for node in graph.nodes() if node.attr["peripheries"] == "2"] == ["s0"]
    assert len({node.attr["label"].partition("\\l")[2] for node in graph.nodes()}) == len(explored.states)


def test_a_graph_of_too_many_states_is_refused(eoi: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST_STATES", 10)
    ran = eoi("export", "v1", *ONE, "--to", "dot")
    assert (ran.code, ran.out) == (2, "")
    assert "has more than 10 states: no graph is written; give smaller sizes" in ran.err


def test_what_is_of_whole_runs_is_not_in_it(eoi: Callable[..., Any]) -> None:
    ran = eoi("export", "v1", *ONE, "--to", "murphi", "--property", "no_eoi_lost", "--property", "no_storm")
    assert ran.code == 0
    assert 'invariant "no_eoi_lost"' in ran.out and 'invariant "no_storm"' not in ran.out
    assert "Not in here, as they are about whole runs: no_storm" in ran.out
    assert ran.err == "eoi: not in the export: no_storm\n"


def test_several_cells_are_refused_with_how_to_choose(eoi: Callable[..., Any]) -> None:
    ran = eoi("export", "v6", "--to", "promela")
    assert ran.code == 2 and "these are several cells, and an export is of one" in ran.err
    (options,) = (line for line in ran.err.splitlines() if line.startswith("  --vmm"))
    assert eoi("export", "v6", "--to", "promela", *shlex.split(options)).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["v1", *ONE], "--to"),
        (["v1", *ONE, "--to", "promella"], "promela"),
        (["v1", *ONE, "--to", "dot", "--property", "no_eoi_lots"], "no_eoi_lost"),
        (
            ["v1", *ONE, "--to", "murphi", "--property", "no_unemulated_timer"],
            "says nothing of qemu 0x11, windows_cg, level",
        ),
        (["v1", *ONE[:-1], "cpus=1,pins=1,vectors=40,ioapic=0x11", "--to", "promela"], "exports have masks of 30"),
        (["v1", *ONE, "--to", "dot", "-o", "mine.py"], "-o mine.py"),
    ],
)
def test_mistakes(eoi: Callable[..., Any], arguments: list[str], said: str) -> None:
    ran = eoi("export", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
