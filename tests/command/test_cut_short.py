"""Runs that are cut short, by Ctrl-C or by memory: what was found until then is told, and that the rest is open."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from checker.command import cli, entry
from checker.engine.sizes import MOST, instance_counts
from checker.matrix import select
from checker.questions import campaign, gate
from checker.questions.verdict import check_cell
from checker.symbolic import induction
from model.machine import Scope
from oracles.kvm import replay
from tests.rigs.ctrl_c import ctrl_c

LINUX = (
    "prove",
    "--absolute",
    "base",
    "--vmm",
    "qemu,crosvm,openvmm",
    "--guest",
    "linux",
    "--property",
    "no_storm",
    "--scope",
    "cpus=1,pins=1",
)
CELLS = 4  # qemu 0x11 and 0x20, crosvm, openvmm
pytestmark = pytest.mark.usefixtures("hears_ctrl_c")


def test_the_finished_cell_keeps_its_verdict_and_the_rest_is_inconclusive(eoi, after_one_cell):
    ran = eoi(*LINUX)
    assert ran.code == 3
    assert ran.out.count("HOLDS  ") == 1 and "INCONCLUSIVE  no_storm                interrupted" in ran.out
    explored = ran.out.count("  covered: ")
    assert 1 < explored < CELLS and ran.out.count("  not explored; reproduce: eoi prove base") == CELLS - explored
    assert ran.out.endswith(f"; INCONCLUSIVE: interrupted, {CELLS - explored} of {CELLS} cells not explored\n")


def test_json_says_so_too(eoi, after_one_cell):
    ran = eoi(*LINUX, "--json")
    told = json.loads(ran.out)
    assert ran.code == 3 and told["interrupted"] and told["inconclusive"]
    assert len(told["cells"]) + len(told["not_explored"]) == CELLS
    assert sorted(c["verdicts"][0]["verdict"] for c in told["cells"])[:2] == ["HOLDS", "INCONCLUSIVE"]


def test_json_of_a_whole_run_is_not_inconclusive(eoi):
    told = json.loads(eoi(*LINUX, "--json").out)
    assert not told["interrupted"] and not told["inconclusive"] and len(told["cells"]) == CELLS


def test_a_violation_found_before_stays_one(eoi, after_one_cell):
    storm = ("prove", "--absolute", "base", "--vmm", "qemu", "--guest", "windows_cg,linux", "--property", "no_storm")
    ran = eoi(*storm, "--scope", "cpus=1,pins=1,ioapic=0x20", "--brief")
    assert ran.code == 1 and "FAIL" in ran.out and "INCONCLUSIVE: interrupted" in ran.out


def test_ctrl_c_before_anything_is_explored(eoi, monkeypatch):
    def refused(*rest, **options):
        ctrl_c()
        assert options["stop"].wait(60)
        raise MemoryError

    monkeypatch.setattr(campaign, "check_cell", refused)
    ran = eoi(*LINUX, "--brief")
    assert (
        ran.code == 3
        and f"0 cells, 0 states; INCONCLUSIVE: interrupted, {CELLS} of {CELLS} cells not explored" in ran.out
    )


def test_one_cell_without_memory_leaves_the_others_their_verdicts(eoi, monkeypatch):
    def checked(cell, *rest, **options):
        if cell.names["vmm"] == "crosvm":
            raise MemoryError("no memory for the search engine")
        return check_cell(cell, *rest, **options)

    monkeypatch.setattr(campaign, "check_cell", checked)
    ran = eoi(*LINUX)
    assert ran.code == 3 and ran.out.count("HOLDS  ") == CELLS - 1
    assert "crosvm 0x20, linux, level\n  not explored (memory did not suffice); reproduce: eoi prove base" in ran.out
    assert "INCONCLUSIVE: 1 of 4 cells not explored, for 1 of them memory did not suffice" in ran.out
    told = json.loads(eoi(*LINUX, "--json").out)
    assert told["inconclusive"] and not told["interrupted"] and len(told["out_of_memory"]) == 1


def interrupted(*_):
    raise KeyboardInterrupt


def test_ctrl_c_while_kvm_is_asked(eoi, monkeypatch):
    monkeypatch.setattr(replay, "confirmed", interrupted)
    ran = eoi(*LINUX, "--confirm")
    assert ran.code == 3 and ran.out.count("HOLDS  ") == CELLS and ran.out.endswith("; INCONCLUSIVE: interrupted\n")


def test_ctrl_c_while_z3_is_asked(eoi, monkeypatch):
    monkeypatch.setattr(induction, "induction_lines", interrupted)
    ran = eoi(*LINUX, "--inductive")
    assert ran.code == 3 and ran.out.count("HOLDS  ") == CELLS
    assert ran.out.count("induction: INCONCLUSIVE: interrupted") == 1 and ran.out.endswith(
        "; INCONCLUSIVE: interrupted\n"
    )


def test_trace_does_not_go_on_with_other_sizes_after_ctrl_c(eoi, monkeypatch):
    tried = []

    def checked(cell, *rest, stop, **options):
        tried.append(cell.scope.cpus)
        ctrl_c()
        assert stop.wait(60)
        return check_cell(cell, *rest, stop=stop, **options)

    monkeypatch.setattr(campaign, "check_cell", checked)
    ran = eoi("trace", "base", "--vmm", "qemu", "--guest", "linux", "--property", "no_storm", "--scope", "ioapic=0x20")
    assert ran.code == 3 and tried == [2] and "INCONCLUSIVE: interrupted" in ran.out


# ---- gate ----

DESIGN = ("--design", "base", "--jobs", "1")


@pytest.fixture
def small_gate(monkeypatch):
    """Three systems; Ctrl-C comes instead of an answer for the last one."""
    parts = [
        p
        for p in gate.full_matrix(["base"])
        if (p.vmm, p.device) == ("qemu", "level") and p.guest in ("linux", "xen", "sel4")
    ]
    asked = []

    def answer(group, **how):
        asked.append(group)
        if len(asked) == len(parts):
            raise KeyboardInterrupt
        return gate_answer(group, **how)

    gate_answer = gate.answer
    assert len(parts) == 3
    monkeypatch.setattr(gate, "full_matrix", lambda only: parts)
    monkeypatch.setattr(gate, "answer", answer)
    return asked


def test_an_interrupted_gate_tells_what_it_judged(eoi, small_gate):
    ran = eoi("gate", *DESIGN)
    assert ran.code == 3
    assert (
        "4 cells of 1 design, " in ran.out and "all as in reports/expected.toml" in ran.out
    )  # 0x11 and 0x20 of two guests
    assert f"INCONCLUSIVE: interrupted, 1 system not judged: {small_gate[-1][0]}" in ran.out


def test_an_interrupted_gate_in_json_and_written(eoi, small_gate, tmp_path):
    told = json.loads(eoi("gate", *DESIGN, "--json").out)
    assert told["interrupted"] and told["cells"] == 4 and [p["design"] for p in told["not_judged"]] == ["base"]
    del small_gate[:]
    ran = eoi("gate", *DESIGN, "--write", str(tmp_path / "new.toml"))
    assert ran.code == 3 and "not written" in ran.err and not list(tmp_path.iterdir())


# ---- sizes ----


def test_a_scope_that_the_engine_cannot_number_is_refused_before_anything_runs(eoi, monkeypatch):
    monkeypatch.setattr(campaign, "check_cell", interrupted)  # and would be noticed
    ran = eoi("prove", "--absolute", "base", "--scope", "cpus=64,pins=64,vectors=64")
    assert ran.code == 2 and not ran.out
    assert "cpus=64,pins=64,vectors=64 is too large" in ran.err and "262,144 of them of setup_IO_APIC_irq()" in ran.err
    assert "The largest that works: cpus=7, or pins=7, or vectors=7" in ran.err


def test_the_largest_that_works_does_and_one_more_does_not():
    design, sizes = select.find_role("guest", "any"), {"cpus": 64, "vectors": 64}

    def instances(pins: int) -> int:
        return sum(instance_counts(design, Scope(pins=pins, **sizes)).values())

    assert instances(1) <= MOST < instances(2)  # write_rte alone: 64 vectors, 64 CPUs, 2 triggers, mask or not
    assert instances(2) - instances(1) == 64 * 64 * 2 * 2 + 1  # and service_device


@pytest.mark.parametrize("scope", ["cpus=64", "cpus=64,pins=7,vectors=64"])
def test_a_large_scope_keeps_to_its_memory_and_says_what_to_do(eoi, scope):
    ran = eoi("prove", "--absolute", "base", "--vmm", "qemu", "--guest", "linux", "--property", "eoi_exit", "--scope", f"{scope},ioapic=0x20",
              "--max-memory", "100M", "--max-disk", "0")  # fmt: skip
    assert ran.code == 3 and "INCONCLUSIVE  eoi_exit                memory ran out" in ran.out
    assert "memory ran out: take fewer cpus, pins or vectors" in ran.out


@pytest.mark.parametrize(
    ("files", "left"), [(("1000", "400"), 600), (("max", "400"), float("inf")), ((), float("inf")), (("5", "9"), 0)]
)
def test_a_containers_limit_counts(tmp_path, files, left):
    for name, text in zip(("memory.max", "memory.current"), files, strict=False):
        (tmp_path / name).write_text(text + "\n")
    assert campaign._left_in_container(tmp_path) == left


def test_default_memory_is_a_part_of_what_the_container_allows(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("10000000\n")
    (tmp_path / "memory.current").write_text("0\n")
    monkeypatch.setattr(campaign, "CGROUP", tmp_path)
    assert campaign.default_memory() == 6_000_000


# ---- before there is anything to keep ----

WHILE_IMPORTING = """
import os, signal, sys
from checker.command import entry
signal.signal(signal.SIGINT, {handler})
class CtrlC:
    def find_spec(self, name, *_):
        if name == "{module}":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
sys.argv = ["eoi", "list", "vmms"]
sys.exit(entry.main())
"""


@pytest.mark.parametrize(
    "module", ["checker.command.usage", "checker.command.list", "checker.questions.simplifications"]
)
@pytest.mark.parametrize(
    ("handler", "code"),
    [("signal.default_int_handler", -signal.SIGINT), ("signal.SIG_IGN", 0)],
    ids=["heard", "ignored"],
)
def test_ctrl_c_while_the_command_starts_shows_no_traceback(handler, code, module):
    program = [sys.executable, "-c", WHILE_IMPORTING.format(handler=handler, module=module)]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert ran.returncode == code and "Traceback" not in ran.stderr
    assert ("openvmm" in ran.stdout) == (code == 0)


def test_ctrl_c_while_what_explores_is_loaded_shows_no_traceback():
    program = WHILE_IMPORTING.format(handler="signal.default_int_handler", module="checker.engine.search")
    program = program.replace('"list", "vmms"', '"prove", "--absolute", "base"')
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGINT, "", "")


def test_once_it_runs_the_command_hears_ctrl_c_as_before(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(cli, "main", lambda: signal.getsignal(signal.SIGINT))
    assert entry.main() is before is signal.getsignal(signal.SIGINT)
