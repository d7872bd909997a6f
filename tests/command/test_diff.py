"""`eoi diff`: the model diff, the comparison of graphs, and what is FIXED, REGRESSED or STILL BROKEN."""

from __future__ import annotations

import inspect
import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from checker import progress
from checker.engine.prepare import prepare
from checker.engine.reference import Move, Reference
from checker.engine.search import Limits, NativeSearch
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.questions import compare, compare_text, graph_compare, verdict
from checker.questions.graph_compare import _equal, _Picture, _restricted, columns, compare_graphs
from checker.questions.model_diff import model_diff
from checker.questions.verdict import Status, check_cell
from checker.words import fold_names
from model.lang import Fair

WINDOWS = ("--vmm", "qemu", "--guest", "windows_cg")
SMALL = ("--vmm", "qemu", "--guest", "linux", "--scope", "cpus=1,pins=1,ioapic=0x20")


def cell(design, guest="linux", **scope):
    found = matrix(
        (design, designs()[design]), kernels=["base"], vmms=["qemu"], guests=[guest], devices=["level"], scope=scope
    )
    return next(c for c in found if isinstance(c, Cell))


_ran = {}  # command line -> what it ended with


@pytest.fixture
def eoi(eoi, request):
    """Most tests look at the same few comparisons: a command line is run once, but for tests that write a file or patch."""
    if {"tmp_path", "monkeypatch"} & set(inspect.signature(request.function).parameters):
        return eoi
    return lambda *line: _ran.get(line) or _ran.setdefault(line, eoi(*line))


LINE = r"^(FIXED|REGRESSED|STILL BROKEN|CHANGED|OPEN|OTHER GRAPH) +(\w+(?: verdicts)?) +([^:]+): ([^\n]*)\n((?: {16,}\S.*\n)*)"


def lines_of(out):
    """(kind, property, its first cell, what is said, all its cells) of every line of the groups."""
    for kind, name, first, text, folded in re.findall(LINE, out, re.M):
        said = " ".join(folded.split())
        said = re.sub(r"^.*?(?=in \d+ cells: |$)", "", said) if kind == "REGRESSED" else said  # without what is wrong
        named = re.fullmatch(r"(?:one trace )?in (\d+) cells: (.*)", said)
        cells = spread(named[2]) if named else [first]
        assert bool(said) == bool(named) and first in cells and len(cells) == int(named[1] if named else 1)
        yield kind, name, first, text, cells


def spread(text):
    """`a, {x, y}, p; b, z, p` -> a, x, p and a, y, p and b, z, p."""
    blocks = [re.findall(r"\{[^}]*\}|[^,{}]+(?=,|$)", block) for block in text.split("; ")]
    parts = [[part.strip("{} ").split(", ") for part in block] for block in blocks]
    return [", ".join(chosen) for block in parts for chosen in itertools.product(*block)]


def kinds(out):
    """(property, cell) -> kind, each cell once."""
    lines = [(kind, name, cells) for kind, name, _, _, cells in lines_of(out) if kind != "OTHER GRAPH"]
    found = [((name, cell), kind) for kind, name, cells in lines for cell in cells]
    assert len(found) == len(dict(found))
    return dict(found)


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
    ran = eoi(
        "diff",
        base,
        design,
        "--vmm",
        "qemu",
        "--vmm",
        "firecracker",
        "--guest",
        "windows_cg",
        "--guest",
        "any",
        "--scope",
        "pins=1,vectors=1",
    )
    assert ran.code == 0
    assert f"{design} and {base} are equivalent: same reachable graph in all" in ran.out
    assert re.search(r"Compared: the initial state, [\d,]{4,} reachable states and [\d,]{4,} transitions", ran.out)


def test_a_field_that_only_one_has_is_named(eoi):
    ran = eoi("diff", "base", "split_irqchip_api", *SMALL[:-1], f"{SMALL[-1]},flags=0x0")
    out = ran.out
    assert (
        ran.code == 3 and "have the same reachable graph in 1 of 1 cell" in out
    )  # it is judged with its capability off
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
    assert "same reachable graph in 0 of 1 cell" in out  # the field tells states apart


VALUES = """
from model.designs.base import Base


class Mine(Base):
    delayed_ioapic_service = True
    withholds_eois = True
"""


def test_a_value_for_what_another_class_declares_is_a_change(eoi, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(VALUES)
    out = eoi("diff", "base", str(path), *SMALL).out
    assert "changes nothing" not in out
    fields = out.partition("@@ fields @@\n")[2].partition("\n\n")[0].splitlines()
    added = [line for line in fields if line[0] == "+"]
    assert added[0] == "+withholds_eois = True"
    assert added[1].startswith("+delayed_ioapic_service: Annotated[bool, ") and added[1].endswith("] = True")
    assert len(added) == 2


def test_a_vmm_that_has_fewer_io_apics_is_not_equivalent(eoi, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from model.machine import IoapicVersion\nfrom model.vmms.qemu import Qemu\n\n\n"
        "class Mine(Qemu):\n    versions = (IoapicVersion.V11,)\n"
    )
    out = eoi("diff", "qemu", str(path), "--guest", "linux", "--scope", "cpus=1,pins=1,vectors=1").out
    assert "@@ fields @@\n-versions = (V11, V20)\n+versions = (V11)\n" in out
    assert "are equivalent" not in out and "have the same reachable graph in 5 of 5 cells" in out
    assert "ONLY OF qemu  5 cells: base, qemu 0x20, linux, level; v6, {qemu 0x20, qemu 0x20 BIT2," in out


def test_a_change_of_a_vmm_meets_the_merged_kernel_and_its_flags(eoi):
    """A resampler that hears nothing of the EOI register: before the feature every EOI is told, so nobody needs the register."""
    wrong = str(Path(__file__).parents[1] / "wrong/qemu_eoi_register_tells_no_resampler.py")
    where = ("--guest", "windows_cg", "--device", "resample", "--property", "line_is_serviced", "--brief")
    assert "REGRESSED" not in eoi("diff", "qemu", wrong, "--kernel", "base", *where).out
    ran = eoi("diff", "qemu", wrong, *where)
    assert ran.code == 1 and "REGRESSED     line_is_serviced        v6, " in ran.out


def test_what_holds_in_a_cell_that_only_one_has_is_not_fixed(eoi):
    """OpenVMM has no I/O APIC 0x20: what QEMU's violates there, nothing of OpenVMM's mends."""
    small = ("--guest", "windows_cg", "--kernel", "base", "--scope", "cpus=1,pins=1", "--property", "no_storm")
    ran = eoi("diff", "qemu", "openvmm", *small)
    assert "ONLY OF qemu  1 cell: base, qemu 0x20, windows_cg, level" in ran.out
    assert not re.search(r"(FIXED|REGRESSED) .*0x20", ran.out)


def test_a_new_function_is_shown_whole():
    hunks = {h.name: h.lines for h in model_diff(designs()["base"], designs()["v6"])}
    new = hunks["kvm_lapic_suppress_eoi_broadcast()"]
    assert new[0].startswith("+def kvm_lapic_suppress_eoi_broadcast(self") and all(line[0] == "+" for line in new)
    assert "+suppress_eoi_broadcast_mode: SuppressEoi" in hunks["fields"]


# --- the text: groups, folded lines, numbers ---

CLOUD = ("diff", "base", "v1", "--vmm", "cloud_hypervisor", "--guest", "windows_cg,xen,linux_threaded,sel4")


def numbers_of(told):
    """The last line, from the JSON: each cell stands where its worst change puts it."""
    kinds_of = {graph["cell"]: set() for graph in told["graphs"]}
    for change in told["changes"]:
        kinds_of[change["cell"]].add(change["kind"])
    changed = {cell for cell, found in kinds_of.items() if found & {"FIXED", "REGRESSED", "CHANGED"}}
    undecided = {cell for cell, found in kinds_of.items() if "OPEN" in found} | {
        graph["cell"] for graph in told["graphs"] if graph["same"] is None
    }
    other = {graph["cell"] for graph in told["graphs"] if graph["same"] is False}
    n = Counter(change["kind"] for change in told["changes"])
    verdicts = f"{n['FIXED']} fixed, {n['REGRESSED']} regressed, {n['STILL BROKEN']} still broken"
    verdicts += "".join(f", {n[kind]} {kind.lower()}" for kind in ("OPEN", "CHANGED") if n[kind])
    cells = f"{len(changed)} with other verdicts, {len(other - changed - undecided)} exploring differently"
    cells += f", {len(undecided - changed)} undecided" if undecided - changed else ""
    same = len(kinds_of.keys() - changed - undecided - other)
    return f"{verdicts}; of {len(kinds_of)} cell{'s' * (len(kinds_of) != 1)}, {cells}, {same} the same"


@pytest.mark.parametrize("more", [(), ("--brief",), ("--all",), ("--stories",), ("--max-states", "200", "--brief")])
def test_groups_in_order_then_one_line_of_numbers(eoi, more):
    out = eoi(*CLOUD, *more).out
    told = json.loads(eoi(*CLOUD, *more, "--json").out)
    seen = [kind for kind, *_ in lines_of(out)]
    order = ["REGRESSED", "FIXED", "STILL BROKEN", "OPEN", "CHANGED", "OTHER GRAPH"]
    assert seen == sorted(seen, key=order.index) and {"STILL BROKEN"} < set(seen)
    assert kinds(out) == {(c["property"], c["cell"]): c["kind"] for c in told["changes"]}  # folding loses nothing
    assert out.splitlines()[-1] == numbers_of(told)
    assert Counter(c["kind"] for c in told["changes"]) == +Counter({k: told["counts"][k] for k in order[:-1]})


def test_cells_that_stay_the_same_are_counted_and_named_only_on_demand(eoi):
    short, full = eoi(*CLOUD).out, eoi(*CLOUD, "--all").out
    assert "v1 and base have the same reachable graph in 2 of 4 cells." in short and "  same: " not in short
    named = re.findall(r"^  same: (.*)$", full, re.M)
    assert named == ["cloud_hypervisor 0x11, linux_threaded, level", "cloud_hypervisor 0x11, sel4, level"]
    assert all([first] == cells for _, _, first, _, cells in lines_of(full)) and kinds(full) == kinds(short)


def test_what_is_still_broken_by_one_trace_shares_a_line(eoi):
    told = json.loads(eoi(*CLOUD, "--json").out)
    trace = {(c["property"], c["cell"]): str([c["steps"], c["binding"], c["loop_start"]]) for c in told["changes"]}
    found = [
        (name, cells) for kind, name, _, _, cells in lines_of(eoi(*CLOUD, "--cells").out) if kind == "STILL BROKEN"
    ]
    lines = [(name, {trace[name, cell] for cell in cells}) for name, cells in found]
    assert all(len(traces) == 1 for _, traces in lines)
    assert len({str(line) for line in lines}) == len(lines)  # no trace has two lines
    assert ("no_eoi_lost", [f"cloud_hypervisor 0x11, {guest}, level" for guest in ("linux_threaded", "sel4")]) in found
    assert [len(cells) for name, cells in found if name == "no_reinjection"] == [
        1,
        1,
    ]  # 10 steps each, but not the same
    brief = [
        (name, len(cells)) for kind, name, *_, cells in lines_of(eoi(*CLOUD, "--brief").out) if kind == "STILL BROKEN"
    ]
    assert ("no_reinjection", 2) in brief and ("advertised_is_backed", 4) in brief


def test_stories_tells_what_is_still_broken_and_what_is_fixed_once_for_each_trace(eoi):
    out = eoi(*CLOUD, "--stories").out
    found = Counter(kind for kind, *_ in lines_of(out))
    assert found["STILL BROKEN"] == 6 and found["REGRESSED"] == 2
    of_base = len(re.findall(r"^Fixed, until now violated ", out, re.M))
    assert of_base >= 1
    assert len(re.findall(r"^\w+: VIOLATED in ", out, re.M)) == 8 + of_base
    shared = "Still broken by one trace in 2 cells: cloud_hypervisor 0x11, {linux_threaded, sel4}, level\n\nno_eoi_lost: VIOL"
    assert (
        shared in out and "Still broken in cloud_hypervisor 0x11, xen, level\n\nno_reinjection: VIOLATED in 10" in out
    )
    assert "not told" not in out
    fixed = {(name, cell) for (name, cell), kind in kinds(out).items() if kind == "FIXED"}
    assert fixed and {name for name, _ in fixed} == set(
        re.findall(r"^Fixed, .*\n(?: .*\n)*\n(\w+): VIOLATED", out, re.M)
    )


def test_what_is_not_told_can_be_asked_for(eoi):
    default = eoi(*CLOUD).out
    (command,) = re.findall(r"^--stories tells all. One of those not told: eoi (trace v1 (?:.*\\\n)+.*)", default, re.M)
    command = command.replace("\\\n", "")
    assert f"{eoi(*command.split()).out.splitlines()[0]}\n" not in default
    only_fixed = eoi("diff", "base", "v1", "--vmm", "crosvm", "--guest", "windows_cg").out
    assert "One of those not told: eoi trace base " in only_fixed


def test_brief_is_the_groups_and_the_numbers(eoi):
    ran = eoi(*CLOUD, "--brief")
    assert ran.code == 1 and kinds(ran.out) == kinds(eoi(*CLOUD).out)
    assert ran.out.startswith("v1 against base: worse in 2 of 4 cells") and "\n\nREGRESSED " in ran.out
    assert "changed: lapic.c/kvm_ioapic_send_eoi() (2 lines)" in ran.out
    for absent in ("@@", "+++", "VIOLATED in", "eoi trace", "Compared:"):
        assert absent not in ran.out


def test_json_lists_what_it_listed(eoi):
    told = json.loads(eoi(*CLOUD, "--json").out)
    assert told.keys() >= {"format", "base", "design", "model", "model_lines", "equivalent", "graphs", "changes"}
    order = ["REGRESSED", "STILL BROKEN", "FIXED", "OPEN", "CHANGED"]
    assert [c["kind"] for c in told["changes"]] == sorted((c["kind"] for c in told["changes"]), key=order.index)
    assert eoi(*CLOUD, "--json", "--brief").out == eoi(*CLOUD, "--json", "--all").out == eoi(*CLOUD, "--json").out


def test_cells_that_only_explore_differently_are_named_with_their_sizes(eoi, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(WITH_SUPER)
    chosen = ("--vmm", "crosvm", "--guest", "linux,linux_tmr0,freebsd,windows_cg", "--scope", "cpus=1,pins=1")
    out = eoi("diff", "base", str(path), *chosen).out
    sizes = [
        {
            c["guest"]: (c["states"], c["transitions"])
            for c in json.loads(eoi("prove", "--absolute", d, *chosen, "--json").out)["cells"]
        }
        for d in ("base", str(path))
    ]
    said = {
        cell.split(", ")[1]: text
        for kind, _, _, text, cells in lines_of(out)
        if kind == "OTHER GRAPH"
        for cell in cells
    }
    expected = {g: (a, b) for g, a, b in ((g, sizes[0][g], sizes[1][g]) for g in sizes[0]) if a != b}
    assert said == {
        g: f"{a[0]:,} -> {b[0]:,} states, {a[1]:,} -> {b[1]:,} transitions" for g, (a, b) in expected.items()
    }
    assert said.keys() == {"linux", "linux_tmr0", "freebsd"} and "in 2 cells: crosvm 0x20, {linux, linux_tmr0}" in out
    assert "; of 4 cells, 0 with other verdicts, 3 exploring differently, 1 the same\n" in out


def test_graphs_that_were_cut_off_are_not_called_different(eoi):
    chosen = ("diff", "base", "v1", *WINDOWS, "--max-states", "3000")  # with 0x11, v1 has more, base has fewer
    out, told = eoi(*chosen).out, json.loads(eoi(*chosen, "--json").out)
    assert {g["cell"].split(",")[0]: g["same"] for g in told["graphs"]} == {"qemu 0x11": None, "qemu 0x20": False}
    assert "NOT COMPARED  graphs                  qemu 0x11, windows_cg, level: a limit was reached\n" in out
    assert out.splitlines()[-1] == numbers_of(told)


def test_the_same_graph_is_not_the_same_verdicts():
    c = cell("base", cpus=1, pins=1)
    known = all_properties()
    was = check_cell(c, [known["no_storm"], known["eoi_exit"]])
    now = replace(was, verdicts=(replace(was.verdicts[0], status=Status.VIOLATED), was.verdicts[1]))
    pair, same = compare.Pair(c, c), graph_compare.GraphComparison(True)
    pairs, before, after = [pair, pair], [was, was], [now, replace(was)]
    diff = compare.Diff("a", "b", [], pairs, before, after, [same, same], compare.changes(before, after))
    said = "b and a have the same reachable graph in 2 of 2 cells, but not neither in 1 of these."
    assert compare_text.graph_line(diff) == said
    assert compare_text.summary_line(diff).endswith(
        "; of 2 cells, 1 with other verdicts, 0 exploring differently, 1 the same"
    )


def test_folded_names_multiply_out_to_the_names():
    every = [", ".join(parts) for parts in itertools.product(("a 1", "a 2", "b 1"), ("x", "y", "z"), ("p", "q"))]
    assert fold_names(every) == "{a 1, a 2, b 1}, {x, y, z}, {p, q}"
    assert fold_names(["a 1, x, p"]) == "a 1, x, p" and fold_names([]) == ""
    for n in range(1, 1 << 12, 5):
        chosen = [name for k, name in enumerate(every[:12]) if n >> k & 1]
        assert sorted(spread(fold_names(chosen))) == sorted(chosen)


# --- the comparison of graphs ---


def picture(codes, edges, moves=("a", "b")):
    return _Picture([], [Move(m, (), Fair.FREE) for m in moves], np.array(codes, np.uint64), np.array(edges, np.int64))


def equal(a, b):
    rows = [np.ascontiguousarray(p.codes).view(np.dtype((np.void, 8 * p.codes.shape[1]))).ravel() for p in (a, b)]
    return _equal(a, b, rows)


STATES, EDGES = [[0, 0], [0, 1], [256, 0]], [[0, 0, 1], [1, 1, 2], [0, 1, 2]]


def test_progress_is_shown_while_graphs_are_compared(eoi, monkeypatch):
    monkeypatch.setattr(verdict, "digest_of", lambda *_: "")  # else they are not explored again
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(progress, "PIPED_SECONDS", 0.0)
    assert (
        "0/1 graphs compared; qemu 0x20, linux, level: "
        in eoi("diff", "base", "v1", *SMALL, "--property", "no_storm").err
    )


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
    search = NativeSearch(prepared.lowered(), Reference(c.system, c.scope), keep_edges=True)
    search.run(Limits(), None)
    codes = columns(search.exploration.packed(), search.layout.widths)
    chosen = [0, 1, len(codes) // 2, len(codes) - 1]
    assert [tuple(map(int, codes[n])) for n in chosen] == [search.codes(n) for n in chosen]


def test_states_that_only_a_missing_field_tells_apart_are_not_called_equivalent(monkeypatch):
    c = cell("base")
    a = picture([[0, 0], [0, 1]], [[0, 0, 1]])
    both = [
        *NativeSearch(
            prepare(c.system, c.scope, []).lowered(), Reference(c.system, c.scope), keep_edges=True
        ).layout.leaves[:2]
    ]
    pictures = iter([_Picture(both, a.moves, a.codes, a.edges), _Picture(both[:1], a.moves, a.codes[:, :1], a.edges)])
    monkeypatch.setattr(graph_compare, "_picture", lambda *_: next(pictures))
    found = compare_graphs(c, c, [], Limits())
    assert found.same is None and "not comparable" in found.why


def test_a_restriction_keeps_the_chosen_leaves():
    c = cell("base")
    leaves = NativeSearch(
        prepare(c.system, c.scope, []).lowered(), Reference(c.system, c.scope), keep_edges=True
    ).layout.leaves[:2]
    rows = _restricted(_Picture(leaves, [], np.array([[5, 1], [5, 2]], np.uint64), np.zeros((0, 3))), [1])
    assert rows[0] != rows[1]
    rows = _restricted(_Picture(leaves, [], np.array([[5, 1], [5, 2]], np.uint64), np.zeros((0, 3))), [0])
    assert rows[0] == rows[1]


def test_flags_are_told_by_their_kernels_names(eoi):
    """As prove does: the cells' titles have the bits."""
    told = eoi(
        "diff", "v5", "v6", "--vmm", "qemu", "--guest", "linux", "--scope", "ioapic=0x20,cpus=1,pins=1", "--brief"
    ).out
    assert "\nBIT2 is KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST in v5, v6\n" in told
    assert "BIT3 is " in told and "BIT" not in eoi("diff", "base", "v1", *SMALL, "--brief").out
