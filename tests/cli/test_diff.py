"""`eoi diff`: the model diff, the comparison of graphs, and what is FIXED, REGRESSED or STILL BROKEN."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from checker import graph_compare
from checker.graph_compare import _columns, _equal, _Picture, _restricted, compare_graphs
from checker.model_diff import model_diff
from checker.prepare import prepare
from checker.reference import Move
from checker.registry import Cell, designs, matrix
from checker.search import Limits, NativeSearch
from model.lang import Fair

WINDOWS = ("--vmm", "qemu", "--guest", "windows_cg")
SMALL = ("--vmm", "qemu", "--guest", "linux", "--scope", "cpus=1,pins=1,ioapic=0x20")


def cell(design, guest="linux", **scope):
    found = matrix(
        (design, designs()[design]), kernels=["base"], vmms=["qemu"], guests=[guest], devices=["level"], scope=scope
    )
    return next(c for c in found if isinstance(c, Cell))


def kinds(out):
    """(property, cell) -> kind."""
    return {
        (m[2], m[3]): m[1] for m in re.finditer(r"^(FIXED|REGRESSED|STILL BROKEN|CHANGED) +(\w+) +([^:]+): ", out, re.M)
    }


def test_what_v1_fixes_and_breaks(eoi):
    ran = eoi("diff", "base", "v1", *WINDOWS)
    found = kinds(ran.out)
    assert ran.code == 1
    assert found["no_storm", "qemu 0x20, windows_cg, level"] == "FIXED"
    assert found["no_eoi_lost", "qemu 0x11, windows_cg, level"] == "REGRESSED"
    assert found["advertised_is_backed", "qemu 0x11, windows_cg, level"] == "STILL BROKEN"
    assert "REGRESSED     no_eoi_lost             qemu 0x11, windows_cg, level: 10 steps  pin=0" in ran.out
    assert ran.out.count("VIOLATED in 10 steps (shortest)") == 1  # one story, of the regression
    assert "the same reachable graph in 0 of" in ran.out


def test_the_other_way_round(eoi):
    ran = eoi("diff", "v1", "base", *WINDOWS)
    found = kinds(ran.out)
    assert ran.code == 1
    assert found["no_storm", "qemu 0x20, windows_cg, level"] == "REGRESSED"
    assert found["no_eoi_lost", "qemu 0x11, windows_cg, level"] == "FIXED"
    assert "-        if apic.spiv_directed_eoi:\n-            return\n" in ran.out


def test_no_regression_is_exit_code_0(eoi):
    ran = eoi("diff", "base", "v1", *WINDOWS, "--scope", "ioapic=0x20")
    assert ran.code == 0 and "REGRESSED" not in ran.out and "FIXED" in ran.out


def test_the_flags_of_a_design_are_compared_with_the_same_request_on_base(eoi):
    ran = eoi("diff", "base", "v6", *WINDOWS, "--property", "no_storm")
    found = kinds(ran.out)
    assert found["no_storm", "qemu 0x20 BIT2, windows_cg, level"] == "FIXED"
    assert found["no_storm", "qemu 0x20, windows_cg, level"] == "STILL BROKEN"


def test_stories_tells_every_regression(eoi):
    arguments = ("diff", "v1", "base", *WINDOWS, "--property", "no_storm", "--property", "advertised_is_honoured")
    regressed = list(kinds(eoi(*arguments).out).values()).count("REGRESSED")
    assert regressed == 4
    assert eoi(*arguments, "--stories").out.count("VIOLATED in") == regressed
    assert eoi(*arguments).out.count("VIOLATED in") == 1


@pytest.mark.parametrize(("base", "design"), [("v1", "sean_local"), ("quirk_oct31", "v2"), ("quirk_oct31", "v3")])
def test_equivalent_designs(eoi, base, design):
    ran = eoi("diff", base, design, "--vmm", "qemu", "--vmm", "firecracker", "--guest", "windows_cg", "--guest", "any")
    assert ran.code == 0
    assert f"{design} and {base} are equivalent: same reachable graph in all" in ran.out
    assert re.search(r"Compared: the initial state, [\d,]{4,} reachable states and [\d,]{4,} transitions", ran.out)


def test_a_field_that_only_one_has_is_named(eoi):
    out = eoi("diff", "base", "split_irqchip_api", *SMALL[:-1], f"{SMALL[-1]},flags=0x0").out
    assert "are equivalent: same reachable graph in all 1 cells" in out
    assert "in every field but disable_eoi_broadcast_suppression_support, which only one has" in out


def test_json_says_the_same(eoi):
    told = json.loads(eoi("diff", "base", "v1", *WINDOWS, "--json").out)
    assert not told["equivalent"] and told["model_lines"] == 2
    (regressed,) = [c for c in told["changes"] if c["kind"] == "REGRESSED"]
    assert regressed["property"] == "no_eoi_lost" and len(regressed["steps"]) == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("base", "v7"), "unknown design"),
        (("bsae", "v1"), "did you mean 'base'"),
        (("base", "qemu"), "nothing to compare"),
        (("base", "nothing.py"), "no such file"),
    ],
)
def test_bad_input_is_exit_code_2(eoi, arguments, said):
    ran = eoi("diff", *arguments)
    assert ran.code == 2 and said in ran.err


# --- the model diff ---

WITH_SUPER = """
from model.designs.base import Base
from model.machine import Cpu, Lapic

class Mine(Base):
    eois: bool

    def apic_set_eoi(self, apic: Lapic) -> None:
        '''Not compared.'''
        self.eois = True  # not compared
        super().apic_set_eoi(apic)
"""


def test_super_shows_what_is_added_around_it(eoi, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(WITH_SUPER)
    out = eoi("diff", "base", str(path), *SMALL).out
    assert "@@ fields @@\n+eois: bool\n" in out
    assert "@@ arch/x86/kvm/lapic.c: apic_set_eoi() @@\n+    self.eois = True\n     super().apic_set_eoi(apic)\n" in out
    assert "not compared" not in out.lower()
    assert "same reachable graph in 0 of 1 cells" in out  # the field tells states apart


def test_a_new_function_is_shown_whole():
    hunks = {h.name: h.lines for h in model_diff(designs()["base"], designs()["v6"])}
    new = hunks["kvm_lapic_suppress_eoi_broadcast()"]
    assert new[0].startswith("+def kvm_lapic_suppress_eoi_broadcast(self") and all(line[0] == "+" for line in new)
    assert "+suppress_eoi_broadcast_mode: SuppressEoi" in hunks["fields"]


# --- the comparison of graphs ---


def picture(codes, edges, moves=("a", "b")):
    return _Picture([], [Move(m, (), Fair.FREE) for m in moves], np.array(codes, np.uint64), np.array(edges, np.int64))


def equal(a, b):
    rows = [np.ascontiguousarray(p.codes).view(np.dtype((np.void, 8 * p.codes.shape[1]))).ravel() for p in (a, b)]
    return _equal(a, b, rows)


STATES, EDGES = [[0, 0], [0, 1], [256, 0]], [[0, 0, 1], [1, 1, 2], [0, 1, 2]]


def test_states_may_be_found_in_another_order():
    other = [[0, 0], [256, 0], [0, 1]]
    assert equal(picture(STATES, EDGES), picture(other, [[0, 1, 1], [0, 0, 2], [2, 1, 1]]))
    assert equal(picture(STATES, EDGES), picture(STATES, [[0, 1, 1], [1, 0, 2], [0, 0, 2]], ("b", "a")))


@pytest.mark.parametrize(
    ("codes", "edges", "moves"),
    [
        (STATES, [[0, 0, 1], [1, 1, 2], [0, 0, 2]], ("a", "b")),  # another step
        (STATES, [[0, 0, 1], [1, 1, 2], [1, 1, 0]], ("a", "b")),  # another target
        (STATES, EDGES, ("a", "c")),  # a step that the other does not have
        ([[0, 0], [0, 1], [1, 0]], EDGES, ("a", "b")),  # another state
        ([[0, 1], [0, 0], [256, 0]], [[1, 0, 0], [0, 1, 2], [1, 1, 2]], ("a", "b")),  # another initial state
    ],
)
def test_graphs_that_differ(codes, edges, moves):
    assert not equal(picture(STATES, EDGES), picture(codes, edges, moves))


def test_packed_states_are_cut_into_the_codes_that_the_engine_unpacks():
    c = cell("v6", "windows_cg")
    prepared = prepare(c.system, c.scope, [])
    search = NativeSearch(prepared.program, c.system, c.scope, keep_edges=True)
    search.run(Limits(), None)
    codes = _columns(search.exploration.packed(), search.layout.widths)
    chosen = [0, 1, len(codes) // 2, len(codes) - 1]
    assert [tuple(map(int, codes[n])) for n in chosen] == [search.codes(n) for n in chosen]


def test_states_that_only_a_missing_field_tells_apart_are_not_called_equivalent(monkeypatch):
    c = cell("base")
    a = picture([[0, 0], [0, 1]], [[0, 0, 1]])
    both = [*NativeSearch(prepare(c.system, c.scope, []).program, c.system, c.scope, keep_edges=True).layout.leaves[:2]]
    pictures = iter([_Picture(both, a.moves, a.codes, a.edges), _Picture(both[:1], a.moves, a.codes[:, :1], a.edges)])
    monkeypatch.setattr(graph_compare, "_picture", lambda *_: next(pictures))
    found = compare_graphs(c, c, [], Limits())
    assert found.same is None and "not comparable" in found.why


def test_a_restriction_keeps_the_chosen_leaves():
    c = cell("base")
    leaves = NativeSearch(prepare(c.system, c.scope, []).program, c.system, c.scope, keep_edges=True).layout.leaves[:2]
    rows = _restricted(_Picture(leaves, [], np.array([[5, 1], [5, 2]], np.uint64), np.zeros((0, 3))), leaves[1:])
    assert rows[0] != rows[1]
    rows = _restricted(_Picture(leaves, [], np.array([[5, 1], [5, 2]], np.uint64), np.zeros((0, 3))), leaves[:1])
    assert rows[0] == rows[1]
