"""`eoi migrations`: exit codes, one cell, JSON, bad names."""

from __future__ import annotations

import json

import pytest

from checker.engine.native import Exploration, Outcome
from checker.engine.search import NativeSearch
from checker.questions import gate
from tests.rigs.ctrl_c import ctrl_c


def test_the_command(eoi):
    ran = eoi("migrations", "--table", "machine_types")
    assert ran.code == 1
    assert "migrate, loadvm_at_start:" in ran.out
    assert "loadvm_running:" in ran.out
    told = eoi("migrations", "--tell", "rfc_v2:8:1:migrate")
    assert told.code == 1
    assert "asked_for_nothing_migrates: VIOLATED in 1 step" in told.out
    assert eoi("migrations", "--tell", "rfc_v2:8:8:migrate").code == 0
    cell = json.loads(eoi("migrations", "--table", "machine_types", "--json").out)["cells"][9]
    assert (cell["cell"], cell["outcome"], cell["code"]) == ("machine_types:1:2:loadvm_running", "REFUSED AFTER", "X")
    assert cell["broken"][0]["steps"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--table", "rfc_v3"), "did you mean 'rfc_v2'"),
        (("--tell", "rfc_v2:8:1"), "TABLE:FROM:TO:OPERATION"),
        (("--tell", "rfc_v2:9:1:migrate"), "unknown host '9'"),
        (("--tell", "rfc_v2:8:1:migrat"), "did you mean 'migrate'"),
    ],
)
def test_bad_input_is_exit_code_2(eoi, arguments, said):
    ran = eoi("migrations", *arguments)
    assert ran.code == 2
    assert said in ran.err


@pytest.fixture
def ctrl_c_in_search(hears_ctrl_c, monkeypatch):
    """ctrl_c_in_search(n): Ctrl-C comes while the n-th search runs; what it returns counts the searches begun."""
    begun = list[Exploration]()
    explore = Exploration._run

    def arm(number):
        def interrupted(self, *limits):
            begun.append(self)
            if len(begun) == number:
                ctrl_c()
            return explore(self, *limits)

        monkeypatch.setattr(Exploration, "_run", interrupted)
        return begun

    return arm


# The searches of a cell: its first guest, that guest's source alone, the second guest, ...
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "form", [(), ("--json",), ("--write", "reports"), ("--tell", "machine_types:1:2:migrate")], ids=" ".join
)
def test_ctrl_c_while_a_search_runs_is_inconclusive(eoi, ctrl_c_in_search, tmp_path, monkeypatch, number, form):
    monkeypatch.chdir(tmp_path)
    begun = ctrl_c_in_search(number)
    ran = eoi("migrations", "--table", "machine_types", *form)
    assert (ran.code, ran.out, ran.err) == (3, "", "eoi: interrupted: INCONCLUSIVE\n")
    assert len(begun) == number and not list(tmp_path.iterdir())


def test_a_search_that_finds_no_memory_is_inconclusive_and_not_the_user_s_mistake(eoi, monkeypatch):
    def starved(self, limits, on_progress):
        self.outcome = Outcome.MEMORY_LIMIT

    monkeypatch.setattr(NativeSearch, "run", starved)
    ran = eoi("migrations", "--table", "machine_types")
    assert (ran.code, ran.out, ran.err) == (3, "", "eoi: out of memory: INCONCLUSIVE\n")


def test_ctrl_c_while_the_claims_are_judged_makes_none_false(eoi, ctrl_c_in_search):
    begun = ctrl_c_in_search(1)
    ran = eoi("claims")
    assert (ran.code, ran.out, ran.err, len(begun)) == (3, "", "eoi: interrupted: INCONCLUSIVE\n", 1)


def test_ctrl_c_while_the_gate_searches_in_one_process_ends_it(eoi, ctrl_c_in_search, tmp_path, monkeypatch):
    parts = [
        p for p in gate.full_matrix(["base", "v1"]) if (p.vmm, p.guest, p.device) == ("qemu", "windows_cg", "level")
    ]
    assert len(parts) == 2
    monkeypatch.setattr(gate, "full_matrix", lambda only: parts)
    begun = ctrl_c_in_search(1)
    ran = eoi("gate", "--jobs", "1", "--write", str(tmp_path / "new.toml"))
    assert ran.code == 3 and "not written" in ran.err and len(begun) == 1 and not list(tmp_path.iterdir())
