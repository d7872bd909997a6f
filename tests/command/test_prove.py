"""`eoi prove`: exit codes, what a verdict carries, JSON, limits."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checker.engine import search
from checker.engine.native import CorruptParents

pytestmark = pytest.mark.unit

WINDOWS = ("--vmm", "qemu", "--guest", "windows_cg")


def statuses(out: str) -> dict[str, str]:
    """property -> verdict of a one-cell run."""
    return {m[2]: m[1] for m in re.finditer(r"^  ([A-Z]+) +(\w+)", out, re.M)}


def test_the_storm_on_base(eoi):
    ran = eoi("prove", "--absolute", "base", *WINDOWS)
    assert ran.code == 1
    assert "no_storm" in ran.out and "a loop of" in ran.out


def test_base_with_linux_holds(eoi):
    ran = eoi("prove", "--absolute", "base", "--guest", "linux", "--property", "no_storm", "--property", "no_eoi_lost")
    assert ran.code == 0
    cells = 8  # qemu 0x11 and 0x20, openvmm, cloud_hypervisor, crosvm, firecracker, qemu_kernel_irqchip 0x11 and 0x20
    assert ran.out.count("HOLDS") == 2 * cells


def test_v1_holds_on_0x20_and_loses_the_eoi_on_0x11(eoi):
    good = eoi("prove", "--absolute", "v1", *WINDOWS, "--scope", "ioapic=0x20")
    assert good.code == 0 and "VIOLATED" not in good.out
    bad = eoi("prove", "--absolute", "v1", *WINDOWS, "--scope", "ioapic=0x11", "--property", "no_eoi_lost")
    assert bad.code == 1 and statuses(bad.out)["no_eoi_lost"] == "VIOLATED"


def test_a_pass_says_what_it_covered(eoi):
    out = eoi("prove", "--absolute", "v1", *WINDOWS, "--scope", "ioapic=0x20,cpus=1,pins=1").out
    assert "20250918162529.640943-1-jon@nutanix.com" in out
    for said in (
        "states",
        "transitions",
        "depth",
        "exact storage",
        "never taken:",
        "WEAK",
        "STRONG",
        "FINITE",
        "REACHED",
    ):
        assert said in out
    reproduce = re.search(r"reproduce: eoi (.*)", out)
    assert reproduce is not None
    assert eoi(*reproduce[1].split()).out == out


def test_the_command_that_reproduces_a_cell_asks_for_the_properties_that_were_named(eoi, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(
        "from model.lang import always\nfrom model.machine import Machine, Pin\n\n\n@always()\n"
        'def opens(s: Machine, pin: Pin) -> bool:\n    """A pin is never closed."""\n    return not s.ioapic[pin].remote_irr\n'
    )
    asked = ("--property", str(own), "--property", "no_eoi_lost", "--scope", "cpus=1,pins=1,ioapic=0x20")
    out = eoi("prove", "--absolute", "base", "--guest", "linux", "--vmm", "qemu", *asked).out
    reproduce = re.search(r"reproduce: eoi (.*)", out)
    assert reproduce is not None and statuses(out) == {"opens": "VIOLATED", "no_eoi_lost": "HOLDS"}
    assert statuses(eoi(*reproduce[1].split()).out) == statuses(out)


def test_vacuous_passes_are_marked(eoi):
    out = eoi("prove", "--absolute", "base", "--guest", "linux", "--vmm", "qemu", "--property", "no_reinjection").out
    assert "vacuous: directed_eoi_owed never happens here" in out


def test_a_property_that_does_not_apply_says_why(eoi):
    ran = eoi(
        "prove",
        "--absolute",
        "base",
        "--guest",
        "any",
        "--vmm",
        "qemu",
        "--property",
        "no_eoi_lost",
        "--scope",
        "vectors=1",
    )
    assert ran.code == 3 and "this guest may withhold an EOI for ever" in ran.out
    assert "INCONCLUSIVE: nothing was judged" in ran.out


def test_a_cell_that_does_not_exist_says_why(eoi):
    ran = eoi("prove", "--absolute", "base", "--guest", "linux", "--scope", "ioapic=0x20", "--property", "no_storm")
    assert ran.code == 0 and "does not apply: openvmm has no I/O APIC of this version" in ran.out
    none = eoi("prove", "--absolute", "base", "--guest", "linux", "--vmm", "openvmm", "--scope", "ioapic=0x20")
    assert none.code == 2 and "nothing to explore" in none.err


def test_json_says_the_same(eoi):
    ran = eoi("prove", "--absolute", "v1", *WINDOWS, "--json")
    told = json.loads(ran.out)
    assert ran.code == 1 and len(told["cells"]) == 2
    by_version = {c["scope"]["ioapic"]: {v["property"]: v for v in c["verdicts"]} for c in told["cells"]}
    assert by_version["0x20"]["no_eoi_lost"]["verdict"] == "HOLDS"
    lost = by_version["0x11"]["no_eoi_lost"]
    assert lost["verdict"] == "VIOLATED" and lost["steps"][-1] == ["l1_ioapic_eoi", ["0"]]


@pytest.mark.everything
def test_inductive_invariants_and_counterexamples_to_induction(eoi):
    out = eoi("prove", "--absolute", "v1", *WINDOWS, "--scope", "ioapic=0x20,cpus=1,pins=1", "--inductive").out
    assert "advertised_is_backed is inductive" in out
    assert "no_eoi_lost is not inductive by itself" in out and "need not be reachable" in out


@pytest.mark.parametrize(
    "limit", [("--max-states", "50"), ("--max-memory", "1"), ("--timeout", "0.000001")], ids=lambda x: x[0]
)
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_limit_is_inconclusive_never_a_pass(eoi, limit, engine):
    scope = "cpus=2,pins=2" if engine == "native" else "cpus=1,pins=1"
    limit = ("--max-states", "5") if limit[0] == "--max-states" and engine == "reference" else limit
    ran = eoi(
        "prove", "--absolute", "base", "--vmm", "qemu", "--guest", "linux", "--property", "no_eoi_lost", "--property", "no_storm",
        "--scope", f"{scope},ioapic=0x20", "--engine", engine, *limit,
    )  # fmt: skip
    assert ran.code == 3
    assert "HOLDS" not in ran.out and ran.out.count("INCONCLUSIVE ") == 2
    assert re.search(r"covered: STOPPED: [^;]+; \d[\d,]* states?, ", ran.out)


def take_ctrl_c() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would what they start: here the tests may be such a job."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.everything
def test_ctrl_c_is_inconclusive_and_says_what_was_covered(tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "checker.command.cli",
        "prove",
        "--absolute",
        "base",
        "--guest",
        "any",
        "--vmm",
        "qemu",
    ]
    command += ["--scope", "cpus=2,pins=2,vectors=3", "--property", "advertised_is_honoured", "--property", "eoi_exit"]
    command += ["--property", "remote_irr_set", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, preexec_fn=take_ctrl_c) as child:
        try:
            time.sleep(3)
            os.kill(child.pid, signal.SIGINT)
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert "Traceback" not in err
    told = json.loads(out)
    assert told["interrupted"] and all(c["outcome"] == "INTERRUPTED" and c["states"] > 1000 for c in told["cells"])
    verdicts = [v["verdict"] for c in told["cells"] for v in c["verdicts"]]
    assert "HOLDS" not in verdicts and "NEVER" not in verdicts
    assert child.returncode in (1, 3)  # a violation that was found before the interruption stays one
    assert (child.returncode == 1) == ("VIOLATED" in verdicts)


def test_without_a_c_compiler_the_verdicts_are_the_same_and_the_user_is_told(eoi, monkeypatch):
    arguments = ("prove", "--absolute", "v1", *WINDOWS, "--scope", "ioapic=0x11,cpus=1,pins=1")
    native = statuses(eoi(*arguments).out)
    monkeypatch.setenv("CC", "/nonexistent/cc")
    ran = eoi(*arguments)
    assert statuses(ran.out) == native
    assert "reference engine" in ran.out and "no C compiler" in ran.err and "slower" in ran.err


def corrupt(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """Damage the parents that the next searches leave behind."""
    run = search.NativeSearch.run

    def damaged(self, limits, on_progress):
        outcome = run(self, limits, on_progress)
        parents = self.exploration.parents()
        if wrong == "cycle":
            parents[1:] = range(1, len(parents))
        else:
            parents[2:] = 0
        return outcome

    monkeypatch.setattr(search.NativeSearch, "run", damaged)


@pytest.mark.parametrize("wrong", ["cycle", "plausible but wrong"])
def test_a_corrupt_parent_is_exit_code_4_not_a_wrong_story(eoi, monkeypatch, wrong):
    corrupt(monkeypatch, wrong)
    ran = eoi("prove", "--absolute", "v1", *WINDOWS, "--scope", "ioapic=0x11", "--property", "no_eoi_lost")
    assert ran.code == 4
    assert "VIOLATED" not in ran.out and "internal error, not a verdict" in ran.err


def test_corrupt_parents_is_what_the_engine_calls_it():
    assert issubclass(CorruptParents, Exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prove", "--absolute", "bsae"), "did you mean 'base'"),
        (("prove", "--absolute", "base", "--vmm", "qmeu"), "did you mean 'qemu'"),
        (("prove", "--absolute", "base", "--guest", "windows"), "did you mean 'windows_cg'"),
        (("prove", "--absolute", "base", "--property", "no_strom"), "did you mean 'no_storm'"),
        (("prove", "--absolute", "base", "--scope", "cpu=1"), "did you mean 'cpus'"),
        (("prove", "--absolute", "base", "--scope", "cpus"), "has no '='"),
        (
            ("prove", "--absolute", "base", "--scope", "cpus=1,cpus=2"),
            "--scope cpus=2: cpus has another value before, 1",
        ),
        (
            ("prove", "--absolute", "base", "--scope", "cpus=1", "--scope", "cpus=2"),
            "--scope cpus=2: cpus has another value before, 1",
        ),
        (("prove", "--absolute", "base", "--scope", "cpus=0"), "a number from 1 to 64"),
        (("prove", "--absolute", "base", "--scope", "cpus=two"), "a number from 1 to 64"),
        (("prove", "--absolute", "base", "--scope", "ioapic=0x21"), "0x11, 0x20"),
        (("prove", "--absolute", "base", "--scope", "throttle=maybe"), "throttle"),
        (("prove", "--absolute", "base", "--device", "levle"), "did you mean 'level'"),
        (("prove", "--absolute", "nothing.py"), "no such file"),
        (("prove",), "DESIGN"),
        (("prove", "--absolute", "base", "--max-memory", "lots"), "--max-memory"),
        (("list", "design"), "designs"),
        (("trace", "base"), "--property"),
        (("replay", "/nonexistent"), "/nonexistent"),
    ],
)
def test_bad_input_is_exit_code_2_with_the_nearest_name(eoi, arguments, said):
    ran = eoi(*arguments)
    assert ran.code == 2
    assert said in ran.err
