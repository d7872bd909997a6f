"""`eoi graph`: the reachable states of one small cell, told and drawn; one that is too large to look at is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from checker.engine.reference import Reference
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.questions import state_graph as asked
from checker.questions.state_graph import StateGraph, ends, state_graph
from model.machine import IoapicVersion

WHO = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x11")


def cell(guest: str = "windows_cg", kernel: str = "v1", **sizes: Any) -> Cell:
    scope = {"cpus": 1, "pins": 1, "vectors": 1, "ioapic": IoapicVersion.V11, **sizes}
    found = matrix(
        (kernel, designs()[kernel]), kernels=[kernel], vmms=["qemu"], guests=[guest], devices=["level"], scope=scope
    )
    (one,) = (c for c in found if isinstance(c, Cell))
    return one


def values(graph: StateGraph) -> list[str]:
    return [", ".join(text for _, text in node.values) for node in graph.nodes]


def test_with_all_fields_every_state_is_a_node() -> None:
    of = cell()
    explored = Reference(of.system, of.scope).explore()
    graph = state_graph(of, ["all"], None)
    assert [node.states for node in graph.nodes] == [1] * len(explored.states) and len(explored.states) > 10
    assert set(graph.of.edges) == {(a, b) for a, _, b in explored.edges if a != b}
    assert len(set(values(graph))) == len(graph.nodes)  # and one can tell them apart
    assert graph.hidden == sum(a == b for a, _, b in explored.edges)


@pytest.mark.parametrize("guest", ["windows_cg", "xen", "any"])
def test_states_that_are_alike_are_one_node(guest: str) -> None:
    """Told again by hand: of the two fields, what each state has, and who goes where."""
    of = cell(guest)
    reference = Reference(of.system, of.scope)
    explored = reference.explore()
    graph = state_graph(of, ["Remote IRR", "line 0"], None)
    seen = list[tuple[bool, bool]]()
    for state in explored.states:
        reference.go_to(state)
        seen.append((reference.system.ioapic[0].remote_irr, reference.system.raised[0]))
    keys = list(dict.fromkeys(seen))
    names = {(a, b): ", ".join(["Remote IRR"] * a + ["line 0"] * b) for a, b in product((False, True), repeat=2)}
    assert values(graph) == [names[key] for key in keys]
    assert [node.states for node in graph.nodes] == [seen.count(key) for key in keys]
    numbers = [keys.index(one) for one in seen]
    wanted = dict[tuple[int, int], set[str]]()
    for source, move, target in explored.edges:
        if numbers[source] != numbers[target]:
            wanted.setdefault((numbers[source], numbers[target]), set()).add(reference.moves[move].step)
    assert {edge: {name.partition("(")[0] for name in of} for edge, of in graph.steps.items()} == wanted
    assert len(wanted) > 1


def test_what_violates_an_invariant_and_what_no_run_leaves() -> None:
    """v1 on 0x11 loses the EOI, and Remote IRR stays for ever; base storms, in four nodes."""
    p = all_properties()["no_eoi_lost"]
    lost = state_graph(cell(), [], p)
    shown = {n for n, node in enumerate(lost.nodes) if node.shows}
    assert {values(lost)[n] for n in shown} == {"Remote IRR", "Remote IRR, line 0"} and ends(lost) == shown
    storm = state_graph(cell(kernel="base"), [], p)
    assert not any(node.shows for node in storm.nodes) and len(ends(storm)) == 4
    assert [node.starts for node in storm.nodes] == [True, False, False, False, False]


def test_where_everybody_gets_everywhere_nothing_is_called_an_end() -> None:
    graph = state_graph(cell("any"), ["line 0"], None)
    assert len(graph.nodes) == 2 and ends(graph) == set()


def test_a_witness_is_marked() -> None:
    graph = state_graph(cell(), [], all_properties()["remote_irr_set"])
    assert [node.shows for node in graph.nodes] == ["Remote IRR" in text for text in values(graph)]


def test_told_as_text(eoi: Callable[..., Any]) -> None:
    ran = eoi("graph", "v1", *WHO, "--property", "no_eoi_lost")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "v1: qemu 0x11, windows_cg, level" and "cpus=1,pins=1,vectors=1,ioapic=0x11" in ran.out
    assert "no_eoi_lost: violated in 2 nodes" in lines
    assert "0: nothing is set  [initial]" in lines and "   -> 1: device_raise" in lines
    assert sum("[marked; no run leaves it]" in line for line in lines) == 2
    assert all(line.isascii() and len(line) <= 80 for line in lines)


@pytest.mark.parametrize("form", ["dot", "svg", "png", "pdf"])
def test_pictures(eoi: Callable[..., Any], tmp_path: Path, form: str) -> None:
    if form != "dot":
        pytest.importorskip("pygraphviz")
    file = tmp_path / f"g.{form}"
    ran = eoi("graph", "v1", *WHO, "--property", "no_eoi_lost", f"--{form}", str(file))
    assert ran.code == 0 and f"graph: {file}" in ran.err
    magic = {"dot": b"digraph", "svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[form]
    text = file.read_bytes()
    assert text.startswith(magic)
    if form == "svg":
        told = text.decode()
        assert len(re.findall(r'class="node shown"', told)) == 2 and "<desc>v1: qemu 0x11" in told
        assert "In colour: a state of it violates no_eoi_lost." in told and "Thick: no run leaves these." in told
        assert "prefers-color-scheme" in told and told.count("<title>") == 1
        assert not re.findall(r'(?:fill|stroke)="#', told)


# ---- what is refused ----


def test_a_graph_that_is_too_large_to_look_at(eoi: Callable[..., Any]) -> None:
    who = ("graph", "v1", "--vmm", "qemu", "--guest", "any", "--scope", "ioapic=0x11")
    for more, size in (((), "24 nodes and 89 edges"), (("--by", "all"), "2,242 nodes and ")):
        ran = eoi(*who, *more)
        assert ran.code == 2 and ran.out == ""
        assert f"{size}" in ran.err and "of 2,242 states are too many to look at (at most 40 and 60)" in ran.err
        assert "Show fewer fields (--by), now CPU0 " in ran.err
    assert eoi(*who, "--by", "Remote IRR", "--by", "line 0").code == 0


def test_more_states_than_are_explored(eoi: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST_STATES", 100)
    ran = eoi("graph", "v1", "--vmm", "qemu", "--guest", "any", "--scope", "ioapic=0x11")
    assert ran.code == 2 and "qemu 0x11, any, level has more than 100 states: too many to draw" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "Remote"), "--by Remote: no field is called so: did you mean 'Remote IRR'?"),
        (("--property", "no_storm"), "--property no_storm is about runs, and no state shows it"),
        (("--property", "new_map_is_scanned"), "--property new_map_is_scanned is about steps, and no state shows it"),
        (("--property", "no_eoi_lost", "--property", "eoi_exit"), "--property: one at most can be marked, not "),
        (("--property", "no_such"), "unknown property 'no_such'"),
        (("--svg", "g.png"), "--svg g.png: the file's name must end in .svg"),
    ],
)
def test_mistakes(eoi: Callable[..., Any], arguments: tuple[str, ...], said: str) -> None:
    ran = eoi("graph", "v1", *WHO, *arguments)
    assert ran.code == 2 and ran.out == "" and said in ran.err and "Traceback" not in ran.err


def test_several_cells_are_named(eoi: Callable[..., Any]) -> None:
    ran = eoi("graph", "v1", "--vmm", "qemu", "--guest", "windows_cg")
    assert ran.code == 2 and ran.out == ""
    assert "--vmm qemu --guest windows_cg --device level --scope ioapic=0x11" in ran.err
    assert "  qemu 0x11, windows_cg, level\n  qemu 0x20, windows_cg, level\n" in ran.err


def test_a_property_that_says_nothing_of_a_guest_marks_nothing(eoi: Callable[..., Any]) -> None:
    """A guest that withholds EOIs loses none: that its states look so is no violation."""
    who = ("--vmm", "qemu", "--guest", "any", "--scope", "ioapic=0x11", "--by", "line 0")
    ran = eoi("graph", "v1", *who, "--property", "no_eoi_lost")
    assert ran.code == 2 and "--property no_eoi_lost says nothing of qemu 0x11, any, level: " in ran.err
