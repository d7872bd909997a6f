"""The covering walk's search for what is open, against networkx; and its processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import networkx
import numpy as np
import pytest

from oracles.cover import Space, Tour
from oracles.lockstep import OracleDied
from oracles.processes import in_processes

ROOT = Path(__file__).resolve().parents[2]


def space_of(edges: list[tuple[int, int]], states: int) -> Space:
    """A graph, each of whose transitions is a kind of its own."""
    edges = sorted(edges)
    row = np.searchsorted(np.array([s for s, _ in edges]), np.arange(states + 1)).astype(np.int64)
    target = np.array([t for _, t in edges], np.int32)
    none = np.zeros(states, np.int64)
    return Space([], [], none, row, np.zeros(len(edges), np.int64), target, none, np.arange(len(edges)), len(edges))


def ways_onward(seed: int) -> int:
    """From every state of a random graph in which some transitions are still open; returns how many there were."""
    choose = random.Random(seed)
    states = choose.randrange(2, 40)
    edges = list({(choose.randrange(states), choose.randrange(states)) for _ in range(choose.randrange(1, 3 * states))})
    of = space_of(edges, states)
    tour, graph = Tour(of), networkx.DiGraph(edges)
    graph.add_nodes_from(range(states))
    for edge in choose.sample(range(len(edges)), choose.randrange(len(edges) + 1)):
        tour.mark(edge)
    open_states = {int(tour.source[e]) for e in range(len(edges)) if tour.open[e]}
    met = 0
    for state in (s for s in range(states) if tour.here(s) is None):
        way = tour.onward(state)
        lengths = networkx.single_source_shortest_path_length(graph, state)
        assert (len(way) - 1 if way else None) == min((lengths[s] for s in open_states if s in lengths), default=None)
        at = state
        for edge in way:
            assert tour.source[edge] == at
            at = int(of.target[edge])
        assert not way or tour.open[way[-1]]
        met += bool(way)
    assert (tour.via == -1).all()
    return met


def test_the_way_onward_is_a_shortest_one() -> None:
    assert sum(ways_onward(seed) for seed in range(100)) > 200


def square(number: int) -> int:
    if number == 7:
        raise OracleDied("seven")
    if number == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_order_and_errors_are_raised(jobs: int) -> None:
    assert list(in_processes(square, range(5), jobs)) == [0, 1, 4, 9, 16]
    with pytest.raises(OracleDied, match="seven"):
        list(in_processes(square, [1, 7, 2], jobs))


def test_a_killed_process_is_no_agreement() -> None:
    with pytest.raises(OracleDied, match="was killed"):
        list(in_processes(square, [1, 8, 2], 2))


PARENT = """
import os, time
from oracles.processes import in_processes
def work(n):
    os.write(1, b"%d\\n" % os.getpid())  # at once: two processes write here
    time.sleep(60)
if __name__ == "__main__":
    list(in_processes(work, [1, 2], 2))
"""


def test_the_processes_end_with_their_parent(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    children = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.wait(timeout=10)
    deadline = time.monotonic() + 10
    while any(_alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(child) for child in children)


def _alive(process: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends while it is looked at
        return False
