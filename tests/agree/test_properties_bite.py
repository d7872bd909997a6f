"""No property is decoration: some registered design violates it, and some design keeps it where it has a meaning."""

from __future__ import annotations

import functools
from collections import defaultdict

import pytest

from checker.questions.verdict import Status
from tests.rigs.model_cells import SMALL, all_properties, cells, explored, old_scans, title

pytestmark = pytest.mark.everything
PROPERTIES = all_properties()
HOLDS_EVER = [name for name, p in PROPERTIES.items() if p.kind in ("always", "leads_to")]
REACHABLE = [name for name, p in PROPERTIES.items() if p.kind == "reachable"]
OTHER_CHOICES = f"{SMALL},x2apic=off"  # a choice of the VMM: the CPUID that it gives to the guest


@functools.cache
def statuses() -> dict[str, dict[Status, list[str]]]:
    """Property -> status -> the cells that answer it so; a vacuous HOLDS is left out."""
    found: dict[str, dict[Status, list[str]]] = defaultdict(lambda: defaultdict(list))
    for pair in [*cells(SMALL), *cells(OTHER_CHOICES), *old_scans()]:
        for name, verdict in explored(pair[1]).verdicts.items():
            if not (verdict.status is Status.HOLDS and verdict.note):
                found[name][verdict.status].append(title(*pair) + f" x2apic={pair[1].scope.x2apic}")
    return found


def test_every_property_is_of_one_kind_and_looked_at() -> None:
    assert sorted(HOLDS_EVER + REACHABLE) == sorted(PROPERTIES) == sorted(statuses())
    assert len(HOLDS_EVER) > 1
    assert len(REACHABLE) > 1


@pytest.mark.parametrize("name", HOLDS_EVER)
def test_it_is_violated_and_satisfied_somewhere(name: str) -> None:
    assert statuses()[name][Status.VIOLATED], f"no design of the matrix violates {name}: it distinguishes nothing"
    assert statuses()[name][Status.HOLDS], f"no design of the matrix satisfies {name} where its premise occurs"


@pytest.mark.parametrize("name", REACHABLE)
def test_it_is_reached_and_never_reached_somewhere(name: str) -> None:
    assert statuses()[name][Status.REACHED], f"{name} happens nowhere"
    assert statuses()[name][Status.NEVER], f"{name} happens everywhere: it witnesses nothing"


@pytest.mark.parametrize("name", HOLDS_EVER)
def test_a_design_decides_it(name: str) -> None:
    """For some cell, one registered design violates the property and another keeps it; if all designs answer alike, it
    speaks of the platform, and then platforms must differ."""
    by_platform: dict[str, set[Status]] = defaultdict(set)
    for status in (Status.VIOLATED, Status.HOLDS):
        for cell in statuses()[name][status]:
            by_platform[cell.split(" ", 2)[2]].add(status)
    of_design = any(len(found) == 2 for found in by_platform.values())
    of_platform = len({frozenset(found) for found in by_platform.values()}) > 1
    assert of_design or of_platform


@pytest.mark.parametrize("name", [n for n in HOLDS_EVER if PROPERTIES[n].premise])
def test_its_premise_is_a_reachable(name: str) -> None:
    premise = PROPERTIES[name].premise
    assert PROPERTIES[premise].kind == "reachable"


@pytest.mark.parametrize("name", [n for n in HOLDS_EVER if PROPERTIES[n].kind == "always"])
def test_an_always_names_its_premise(name: str) -> None:
    assert PROPERTIES[name].premise, f"{name} could hold vacuously, and nobody would notice"


@pytest.mark.parametrize("name", PROPERTIES)
def test_it_reads_as_a_sentence(name: str) -> None:
    p = PROPERTIES[name]
    assert p.sentence.endswith(".")
    assert len(p.sentence) > 15
    if p.kind != "reachable":
        assert p.source, "who says so?"
        assert p.complaint({"pin": 0, "cpu": 0, "vector": 0}) != f"Not so: {p.sentence}", (
            "what does a reviewer say of a violation?"
        )
