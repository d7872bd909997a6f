"""What is said of a matrix besides its verdicts: cells that it does not have, sizes that may not finish."""

from __future__ import annotations

import pytest

from checker.command import explore
from checker.command.explore import FINISHED, size_note
from checker.engine.search import Limits
from checker.matrix.cells import Cell, Skipped, matrix
from checker.matrix.roles import all_properties, default_guests, designs
from checker.matrix.scope import parse_scope
from checker.matrix.select import grouped, nothing_text
from checker.questions.campaign import Campaign
from checker.questions.verdict import check_cell
from model.machine import Scope

LINUX = ("prove", "--absolute", "base", "--vmm", "qemu", "--guest", "linux", "--property", "no_storm")


def cells(scope="", guests=("linux",), vmms=("qemu",)):
    found = matrix(
        ("base", designs()["base"]), kernels=[], vmms=vmms, guests=guests, devices=["level"], scope=parse_scope(scope)
    )
    return [cell for cell in found if isinstance(cell, Cell)]


def test_one_reason_is_said_once_with_all_its_cells(eoi):
    ran = eoi("prove", "--absolute", "base", "--vmm", "crosvm", "--scope", "ioapic=0x11")
    assert ran.code == 2 and ran.err.count("crosvm has no I/O APIC of this version") == 1
    assert all(ran.err.count(f"{guest},") + ran.err.count(f"{guest}}}") == 1 for guest in default_guests(["crosvm"]))


def test_other_reasons_are_said_apart():
    skipped = [
        Skipped("a 0x11, x, level", "no a"),
        Skipped("b 0x11, x, level", "no b"),
        Skipped("a 0x11, y, level", "no a"),
    ]
    assert grouped(skipped) == [("a 0x11, {x, y}, level", "no a"), ("b 0x11, x, level", "no b")]
    assert nothing_text(skipped) == "nothing to explore: no a: a 0x11, {x, y}, level; no b: b 0x11, x, level"


def test_prove_says_it_once_beside_the_cells_that_there_are(eoi):
    out = eoi(
        "prove",
        "--absolute",
        "base",
        "--vmm",
        "qemu,crosvm",
        "--guest",
        "linux,xen",
        "--property",
        "no_storm",
        "--scope",
        "cpus=1,pins=1,ioapic=0x11",
    ).out
    assert out.count("does not apply") == 1
    assert "\ncrosvm 0x11, {linux, xen}, level\n  does not apply: crosvm has no I/O APIC of this version\n" in out


def test_an_empty_choice_is_named_as_one(eoi):
    said = eoi("prove", "--absolute", "base", "--guest", "")
    assert said.code == 2 and said.err.startswith("eoi prove: argument --guest: G is needed, and this is empty\n")


def test_what_is_made_for_some_cells_is_told_of_those_alone(eoi):
    """Each in a table of its own, and no line in the other cells says that it is not asked there; named, it does."""
    two = (
        "prove",
        "--absolute",
        "v6",
        "--vmm",
        "setup_vmm,crosvm",
        "--guest",
        "lapic",
        "--scope",
        "cpus=1,pins=1,vectors=1",
    )
    out = eoi(*two).out
    cells = {part.split(",")[0]: part for part in out.split("\n\n") if "covered:" in part}
    assert "vcpus_agree" in cells["setup_vmm 0x11"] and "vcpus_agree" not in cells["crosvm 0x20"]
    assert "level_eoi_is_told" in cells["setup_vmm 0x11"] and "level_eoi_is_told" in cells["crosvm 0x20"]
    tables = [part for part in out.split("\n\n") if part.lstrip().startswith(tuple("123456789"))]
    of = [[line.split(",")[0] for line in table.splitlines()[1:]] for table in tables]
    assert of[:2] == [["setup_vmm 0x11", "crosvm 0x20"], ["setup_vmm 0x11"]]
    named = eoi(*two, "--property", "vcpus_agree").out
    assert named.count("asked only of setup_vmm") == 1


# ---- sizes ----


@pytest.fixture
def unexplored(monkeypatch):
    """No search is run: what is said is said before."""
    monkeypatch.setattr(explore, "run_campaign", lambda asked, *rest, **options: Campaign((), tuple(asked)))


def test_sizes_that_are_larger_than_all_that_finished_are_told_at_once_and_not_refused(eoi, unexplored):
    ran = eoi(*LINUX, "--scope", "cpus=64", "--json")
    assert ran.code == 3 and "not_explored" in ran.out  # it was begun
    assert (
        "eoi: cpus=64,pins=2,vectors=2 may not finish: it makes 644 step instances (qemu 0x11, linux, level), and\n"
        in ran.err
    )
    for known in ("cpus=6,pins=2,vectors=2", "cpus=2,pins=4,vectors=4", "cpus=3,pins=3,vectors=3"):
        assert known in ran.err


@pytest.mark.parametrize(
    "scope", ["cpus=1", "cpus=6", "cpus=1,pins=4,vectors=4", "cpus=3,pins=3,vectors=3,throttle=on"]
)
def test_what_is_known_to_finish_is_not_warned_of(eoi, unexplored, scope):
    assert eoi(*LINUX, "--scope", scope).err == ""


@pytest.mark.parametrize("scope", ["cpus=7", "cpus=3,pins=4,vectors=4", "vectors=5"])
def test_one_more_is(scope):
    assert "may not finish" in size_note(cells(scope))


def test_the_cell_with_the_most_instances_is_named():
    assert "(qemu 0x11, any, level)" in size_note(cells("cpus=8,pins=2", ("linux", "any")))


def test_no_default_of_a_guest_is_warned_of():
    everywhere = cells(guests=default_guests(["qemu"]))
    assert len(everywhere) > 10 and size_note(everywhere) == ""


def test_the_smallest_of_those_that_are_called_known_to_finish_does():
    """2,477,512 states; the others, of 8 and 12 million, take half a minute each."""
    smallest = next(s for s in FINISHED if s == Scope(cpus=3, pins=3, vectors=3))
    (cell,) = cells(",".join(f"{n}={v}" for n, v in smallest.sizes().items()) + ",ioapic=0x20")
    known = all_properties()
    result = check_cell(
        cell, [known["no_eoi_lost"]], limits=Limits(max_states=3_000_000, max_bytes=1 << 30, seconds=100)
    )
    assert result.outcome.name == "COMPLETE"


def test_a_class_with_a_mistake_is_still_told_by_its_line(eoi, tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("from model.designs.base import Base\n\n\nclass Wrong(Base):\n    mine: 'Nothing'\n"
                    "    def kvm_ioapic_send_eoi(self, apic: 'Nothing', vector: int) -> None:\n        pass\n")  # fmt: skip
    ran = eoi("prove", "--absolute", str(path), *LINUX[3:], "--scope", "cpus=8")
    assert ran.code == 2 and "wrong.py:" in ran.err and "bug" not in ran.err
