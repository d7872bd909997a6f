"""The line of progress names what is done once a search is over and its verdicts are not there yet."""

from __future__ import annotations

from checker.engine import liveness
from checker.progress import Progress
from checker.questions import campaign

CELL = "qemu 0x20, linux, level"
SMALL = (
    "prove",
    "--absolute",
    "base",
    "--vmm",
    "qemu",
    "--guest",
    "linux",
    "--scope",
    "cpus=1,pins=1,ioapic=0x20",
    "--brief",
)


def test_a_search_for_a_fair_loop_is_named_with_its_property_and_states(eoi, monkeypatch):
    lines, shown = [], []
    find_lasso = liveness.find_lasso

    class Watched(Progress):
        def __init__(self, total):
            super().__init__(total)
            shown.append(self)

    def seen(*rest, **options):
        lines.append(shown[0].line())
        return find_lasso(*rest, **options)

    monkeypatch.setattr(campaign, "Progress", Watched)
    monkeypatch.setattr(liveness, "find_lasso", seen)
    ran = eoi(*SMALL, "--property", "no_storm")
    states = ran.out.rpartition("1 cell, ")[2].partition(" states")[0]
    assert ran.code == 0 and int(states) > 10
    assert lines == [f"0/1 cells; {CELL}: no_storm: searching {states} states for a fair loop"]


def test_an_invariant_has_no_such_phase(eoi, monkeypatch):
    told = []
    monkeypatch.setattr(campaign.Progress, "phase", lambda *rest: told.append(rest))
    assert eoi(*SMALL, "--property", "no_eoi_lost").code == 0 and not told
    assert eoi(*SMALL, "--property", "no_storm").code == 0 and told
