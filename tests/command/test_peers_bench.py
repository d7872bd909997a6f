"""`make bench` against other checkers: nothing is compared whose counts differ, and what is missing is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tools import peers, peers_bench
from tools.peers import Ran
from tools.toys import TOYS

TOY = TOYS["T"]
OURS = Ran(TOY.states, TOY.transitions, search=1.0, kernel=0.5, whole=2.0, peak=100 * TOY.states)


@pytest.fixture(autouse=True)
def runs_that_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_bench, "own", lambda size: (OURS, 20 * TOY.states))
    monkeypatch.setattr(peers, "why_missing", lambda peer: None)


def say(monkeypatch: pytest.MonkeyPatch, states: int, searches: list[float]) -> None:
    """Both others take so long in each round, and count so many states."""
    left = {peer: list(searches) for peer in peers_bench.PEERS}
    for peer, more in (("SPIN", 1), ("rumur", 0)):
        language = peers_bench.PEERS[peer][0]

        def ran(text: str, peer: str = peer, more: int = more) -> Ran:
            assert len(text) > 1000
            return replace(
                OURS, states=states, transitions=TOY.transitions + more, search=left[peer].pop(0), whole=10.0
            )

        monkeypatch.setitem(peers_bench.PEERS, peer, (language, ran))


def test_ratios_are_of_one_round(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    say(monkeypatch, TOY.states, [3.0, 9.0, 5.0])
    peers_bench.bench_peers("T", 3)
    said = capsys.readouterr().out
    for peer in ("SPIN", "rumur"):
        ratios = (
            "search 5.0 times [3.0..9.0], without the kernel 9.0 times [5.0..17.0], whole process 5.0 times [5.0..5.0]"
        )
        assert f"eoi against {peer}: {ratios}" in said
    assert "search   1.00 s (0.50 in the kernel)" in said
    assert "100 bytes/state at its peak, 20.0 of table" in said and "load" in said


def test_other_counts_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, TOY.states - 1, [3.0])
    with pytest.raises(SystemExit, match="SPIN counts 279,423 states and 1,850,880 transitions, and there are 279,424"):
        peers_bench.bench_peers("T", 1)


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(peers.NEEDED, "SPIN", ("spin-of-nowhere",))
    monkeypatch.setitem(peers.NEEDED, "rumur", ("rumur-of-nowhere",))
    for name in ("spin", "rumur"):
        monkeypatch.setitem(peers.PACKAGES, f"{name}-of-nowhere", name)
    peers_bench.bench_peers("T", 1)
    assert capsys.readouterr().out == "".join(
        f"  {peer}: not installed (apt-get install --no-install-recommends {peer.lower()}): not compared\n"
        for peer in ("SPIN", "rumur")
    )


def test_a_search_in_a_process_of_its_own_counts_the_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    ran, table = peers_bench.own("T")
    assert (ran.states, ran.transitions) == (TOY.states, TOY.transitions)
    assert 0 <= ran.kernel < ran.search < ran.whole and table > 5 * TOY.states
