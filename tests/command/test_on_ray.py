"""Cells on a cluster of one machine: Ray is started once. Where it is not installed only the last tests run."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checker.engine.search import Limits
from checker.errors import InternalError, UserError
from checker.questions import campaign, elsewhere, gate
from checker.questions.campaign import run_campaign
from checker.workers import on_ray, partitioned
from checker.workers.on_ray import Actor, OnRay, crew
from checker.workers.workers import Errand, working
from tests.agree.test_linked import medium
from tests.command.test_on import FAULT, PROPERTIES, ask, cells_of, without_time
from tests.unit.test_kept_answers import TEXT
from tests.unit.test_workers import ERRORS, fail, square, wait

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    found = pytest.importorskip("ray")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)  # the workers' functions are some of these tests', too
    try:
        found.init(
            address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000
        )
        yield found
    finally:
        found.shutdown()
        os.environ.pop("PYTHONPATH")
        os.environ.update({} if before is None else {"PYTHONPATH": before})


def test_the_answers_are_the_same_of_a_file_that_only_this_process_has(ray: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TEXT)
    cells = cells_of(str(tmp_path / "mine.py"))
    (tmp_path / "mine.py").unlink()
    there = ask(cells, "ray")
    assert without_time(there) == without_time(ask(cells, "here")) and there.violated
    assert all(result.lines_run for result in there.results)


def test_what_is_wrong_with_a_file_is_told_in_the_same_words(ray: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FAULT)
    said = list[str]()
    for on in ("here", "ray"):
        with pytest.raises(Exception, match="is out of") as told:
            ask(cells_of(str(tmp_path / "mine.py")), on)
        said.append(f"{type(told.value).__name__}: {told.value}")
    assert said[0] == said[1]


def test_a_worker_that_is_killed_is_replaced_and_the_answers_are_the_same(
    ray: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, answer = list[OnRay](), OnRay._answer

    def killing(worker: OnRay, errand: Errand) -> bytes:
        if not killed:
            killed.append(worker)
            ray.kill(worker._actor)
        return answer(worker, errand)

    monkeypatch.setattr(OnRay, "_answer", killing)
    cells = cells_of("v1")
    assert without_time(ask(cells, "ray", PROPERTIES[:9])) == without_time(ask(cells, "here", PROPERTIES[:9]))
    assert killed
    monkeypatch.setattr(OnRay, "_answer", lambda worker, errand: ray.kill(worker._actor) or answer(worker, errand))
    with pytest.raises(InternalError, match="a worker of Ray is gone"):
        ask(cells, "ray", PROPERTIES[:1])


def test_errors_notes_and_the_end_arrive(ray: Any) -> None:
    stop, heard = threading.Event(), list[str]()
    start, room = crew("state", stop, "")
    assert room == 2
    with working(start, 1, stop) as workers:
        assert workers.submit([Errand(square, (7,), heard.append)])[0].result(60)[0] == 49 and heard == ["state 7"]
        for error in ERRORS:
            arrived = workers.submit([Errand(fail, (error,))])[0].exception(60)
            assert type(arrived) is type(error) and str(arrived) == str(error)
        waiting, after = workers.submit([Errand(wait, ()), Errand(square, (1,))])
        stop.set()
        assert waiting.result(60) in (True, None) and after.result(60) is None


def test_another_eoiproof_is_refused(ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "of_everything", lambda: "another")
    with pytest.raises(UserError, match="has another eoiproof than this one"):
        ask(cells_of("v1"), "ray", PROPERTIES[:1])


def test_the_gate_says_the_same(ray: Any) -> None:
    parts = [p for p in gate.full_matrix(["v1"]) if (p.vmm, p.guest, p.device) == ("qemu", "sel4", "level")]
    parts += [p for p in gate.full_matrix(["base"]) if (p.vmm, p.guest, p.device) == ("qemu", "xen", "level")]
    here, there = gate.run_so_far(parts, 1), gate.run_so_far(parts, on="ray")
    assert here.table == there.table and len(there.table) == 2 and not there.left


def test_one_cell_is_explored_by_all_workers_together(ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioned, "BORDER", 32)
    run, ran = partitioned._together, list[object]()
    monkeypatch.setattr(partitioned, "_together", lambda *asked: ran.append(run(*asked)))
    cells = [medium()]
    here, there = ask(cells, "here", PROPERTIES[:20]), ask(cells, "ray", PROPERTIES[:20])
    assert len(ran) == 1
    assert [(r.verdicts, r.graph, r.stats.states) for r in here.results] == [
        (r.verdicts, r.graph, r.stats.states) for r in there.results
    ]


# ---- without a cluster ----


def test_an_actor_of_another_source_refuses_to_begin() -> None:
    with pytest.raises(UserError, match="has another eoiproof than this one: install the same"):
        Actor("another", {}, b"")


def test_without_ray_the_line_that_installs_it_is_told(eoi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = eoi(
        "prove", "v1", "--absolute", "--on", "ray", "--scope", "cpus=1,pins=1", "--vmm", "qemu", "--guest", "linux"
    )
    assert ran.code == 2 and "pip install 'eoiproof[cluster]'" in ran.err


def test_nobody_explores_on_a_cluster_what_an_earlier_command_found(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = cells_of("v1")
    found = ask(cells, "here", PROPERTIES[:1])
    by_cell = {id(result.cell): result for result in found.results}
    monkeypatch.setattr(campaign, "known", lambda cell, *rest: by_cell[id(cell)])
    monkeypatch.setattr(elsewhere, "crew", lambda *asked: pytest.fail("begun"))
    limits = Limits(on="ray")
    assert run_campaign(cells, PROPERTIES[:1], engine="native", limits=limits).results == found.results
