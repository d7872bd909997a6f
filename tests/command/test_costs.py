"""`make bench` says what a command costs: nothing is counted that was not done, and nothing is left out."""

from __future__ import annotations

import pytest

from tests.rigs.volume import volume
from tools import costs

SMALL = {"kernel": ["--vmm", "qemu", "--guest", "linux"], "vmm": ["--guest", "linux"], "guest": ["--vmm", "qemu"]}
SCOPE = ["--scope", "cpus=1,pins=1,ioapic=0x20"]


@pytest.mark.parametrize("role", list(costs.FILES)[: volume(1, 3)])  # five seconds each
def test_a_file_is_compiled_once_and_its_search_is_a_part_of_the_cost(role, tmp_path):
    assert 9 <= len(costs.FILES[role].splitlines()) <= 13
    file = tmp_path / f"{role}.py"
    file.write_text(costs.FILES[role])
    words = ["prove", "--absolute", str(file), *SMALL[role], *SCOPE]
    cold, again, kept = (costs.cost(words, tmp_path / "cache", anew) for anew in (False, True, False))
    assert cold.made[".so"] >= 2 and cold.made[".answer"] == 1 and again.made == kept.made == {}
    assert 0 < cold.searching < cold.seconds and 0 < again.searching < again.seconds < cold.seconds
    assert kept.searching == 0 < kept.seconds < cold.seconds
    assert 0 < costs.start_up(["--help"]) < again.seconds  # only saying something is cheaper than exploring


def test_what_does_not_come_to_an_answer_costs_nothing_that_could_be_told(tmp_path):
    with pytest.raises(RuntimeError, match="unknown design 'v7'"):
        costs.cost(["prove", "v7"], tmp_path)
    with pytest.raises(RuntimeError, match="ended with 1"):
        costs.start_up(["trace", "base", "--vmm", "qemu", "--guest", "windows_cg", "--property", "no_storm", *SCOPE])
