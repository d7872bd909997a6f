"""`eoi trace --other`: a second run that is a different one, the shortest of its kind, or the word that there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.engine.reference import Codes, Reference, bindings_of, is_of_edges
from checker.engine.search import Limits
from checker.matrix.cells import Cell
from checker.matrix.select import select, selection
from checker.questions.other_run import Without, elsewhere, other_run
from checker.questions.verdict import Verdict, check_cell
from model.lang import Kind, Property
from tests.command.conftest import Ran

pytestmark = pytest.mark.unit
Eoi = Callable[..., Ran]
FEW = ("--vmm", "qemu", "--guest", "any", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11,flags=0x0")
ANY = ("--vmm", "qemu", "--guest", "any", "--scope", "cpus=1,pins=1,vectors=2,ioapic=0x11,flags=0x0")
WINDOWS = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11,flags=0x0")
LAPIC = ("--vmm", "any_vmm", "--guest", "lapic", "--scope", "cpus=1,pins=1,vectors=1,flags=0x0")


def cell_of(design: str, p: str, options: tuple[str, ...]) -> tuple[Cell, Property, Verdict]:
    """With the first run."""
    asked = selection(design, {"vmm": [options[1]], "guest": [options[3]]}, [p], options[5])
    _, (cell,), _, (wanted,) = select(asked)
    return cell, wanted, check_cell(cell, [wanted]).verdicts[0]


def said_of(ran: Ran) -> str:
    return " ".join(ran.out.partition("\n\n")[0].split())


def shows(reference: Reference, p: Property, before: Codes, after: Codes) -> bool:
    """For any binding, in CPython."""
    if is_of_edges(p):
        return not all(
            reference.holds_on_edge(p.function, args, before, after) for args in bindings_of(p, reference.scope)
        )
    wanted = p.kind is Kind.REACHABLE
    return any(reference.holds(p.function, args, after) is wanted for args in bindings_of(p, reference.scope))


def first_by(reference: Reference, p: Property, unlike: str = "") -> int | None:
    """Level by level: how many steps a run takes to be so for the first time, by a step that is not `unlike`."""
    level, seen, length = {reference.start}, {reference.start}, 0
    while level:
        length += 1
        following = set[Codes]()
        for state in level:
            for number, after in list(reference.successors(state)):
                if not shows(reference, p, state, after):
                    following.add(after)
                elif reference.moves[number].step != unlike:
                    return length
        level = following - seen
        seen |= level
    return None


def test_a_run_that_is_first_wrong_by_another_step(eoi: Eoi, tmp_path: Path) -> None:
    first, other = (eoi("trace", "v6", "--property", "closes_only_if_taken", *ANY, *more) for more in ([], ["--other"]))
    assert first.code == other.code == 1
    assert "closes_only_if_taken: VIOLATED in 3 steps (shortest)\n" in first.out
    assert said_of(other) == (
        "Another violation, the shortest that is first so by write_rte(), not by device_raise(), "
        "with cpus=1,pins=1,vectors=2 (the first: 3 steps)"
    )
    assert "closes_only_if_taken: VIOLATED in 5 steps\n" in other.out and "--other\n" in other.out
    mail = tmp_path / "mail.txt"
    mail.write_text(other.out)
    told = eoi("replay", str(mail))
    assert told.code == 1 and "\nREPRODUCED: all 5 steps run in CPython" in told.out
    mail.write_text(other.out.replace("VIOLATED in 5 steps", "VIOLATED in 5 steps (shortest)"))
    assert "NOT AS TOLD" in eoi("replay", str(mail)).out


@pytest.mark.parametrize(
    ("design", "p", "options"),
    [("v6", "closes_only_if_taken", ANY), ("base", "remote_irr_set", ANY), ("base", "interrupt_pending", ANY), ("v1", "edge_is_sent_as_it_rises", FEW)],
)  # fmt: skip
def test_none_is_shorter_that_ends_otherwise(design: str, p: str, options: tuple[str, ...]) -> None:
    """By brute force."""
    cell, wanted, first = cell_of(design, p, options)
    assert first.run is not None
    last = first.run.moves[-1].step
    answer = other_run(cell, first, "auto", Limits())
    reference = Reference(cell.system, cell.scope)
    assert first_by(reference, wanted) == first.run.length
    expected = first_by(reference, wanted, last)
    assert (answer.verdict and answer.verdict.run and answer.verdict.run.length) == expected
    assert expected is not None or answer.ends == last


@pytest.mark.parametrize(
    ("design", "p"), [("v6", "spiv_needs_lvr"), ("base", "irqchip_chosen"), ("base", "interrupt_pending")]
)
def test_none_is_shorter_that_never_takes_a_step_of_the_first(design: str, p: str) -> None:
    cell, wanted, first = cell_of(design, p, LAPIC)
    assert first.run is not None
    answer = other_run(cell, first, "auto", Limits())
    assert answer.verdict is not None and answer.verdict.run is not None
    taken = dict.fromkeys(move.step for move in first.run.moves)
    lengths = {step: first_by(Without(cell.system, cell.scope, step), wanted) for step in taken}
    assert answer.verdict.run.length == min(length for length in lengths.values() if length is not None)
    assert set(answer.needed) == {step for step, length in lengths.items() if length is None}
    (without,) = [step for step in taken if f"never take {step}()" in answer.how]
    assert without not in {move.step for move in answer.verdict.run.moves}


def test_cpython_and_c_find_the_same() -> None:
    for design, p, options in [
        ("v6", "closes_only_if_taken", FEW),
        ("v1", "no_eoi_lost", WINDOWS),
        ("base", "no_storm", WINDOWS),
    ]:
        cell, _, first = cell_of(design, p, options)
        c, python = (other_run(cell, first, engine, Limits()) for engine in ("native", "reference"))
        assert (c.needed, c.ends, c.owed, c.how) == (python.needed, python.ends, python.owed, python.how)
        assert (c.verdict and c.verdict.run and c.verdict.run.length) == (
            python.verdict and python.verdict.run and python.verdict.run.length
        )


def test_where_there_is_none_it_is_said_and_the_code_is_the_firsts(eoi: Eoi, tmp_path: Path) -> None:
    ran = eoi("trace", "v1", "--property", "no_eoi_lost", *WINDOWS, "--other")
    text = " ".join(ran.out.split())
    assert ran.code == 1 and "Replay" not in text
    assert text.startswith(
        "No other violation with cpus=1,pins=1,vectors=1: each takes vcpu_enter_guest(), l1_apic_enable(), "
    )
    assert text.endswith("l1_ioapic_eoi(), and is first so by l1_ioapic_eoi()")
    ran = eoi("trace", "base", "--property", "eoi_exit", *WINDOWS, "--other")
    assert ran.code == 0 and ran.out.startswith("No other run there with ")


def test_of_a_leads_to_what_a_run_owes_is_not_taken_away(eoi: Eoi) -> None:
    text = " ".join(eoi("trace", "base", "--property", "no_storm", *WINDOWS, "--other").out.split())
    assert (
        "each takes l1_set_entry(), device_raise(); not taken away, since a run owes them: vcpu_enter_guest()," in text
    )


def test_the_story_of_another_cell_is_that_cells_first(eoi: Eoi) -> None:
    """Where the cell of the first has no other one."""
    scope = ("--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11,flags=BIT2")
    ran = eoi(
        "trace", "v6", "--property", "no_eoi_lost", "--vmm", "qemu", "--guest", "windows_cg,illumos", *scope, "--other"
    )
    assert ran.code == 1 and said_of(ran).startswith(
        "Another violation, in qemu 0x11 BIT2, illumos, level, the shortest of those that never take l1_ioapic_eoi() (the first, in qemu 0x11 BIT2, windows_cg, level: 10 steps; none in "
    )
    assert "guest=illumos" in ran.out and "--other" not in ran.out and "(shortest)" in ran.out
    assert elsewhere([], cell_of("v1", "no_eoi_lost", WINDOWS)[2]) is None


def test_a_limit_leaves_it_open() -> None:
    cell, _, first = cell_of("v1", "no_eoi_lost", (*WINDOWS[:5], "ioapic=0x11,flags=0x0"))
    answer = other_run(cell, first, "auto", Limits(max_states=100))
    assert answer.verdict is None and not answer.ends and "by another step" in answer.left and len(answer.left) > 3


def test_json_and_pictures_are_the_other_runs(eoi: Eoi, tmp_path: Path) -> None:
    path = tmp_path / "other.dot"
    ran = eoi("trace", "v6", "--property", "closes_only_if_taken", *ANY, "--other", "--json", "--dot", str(path))
    told = json.loads(ran.out)
    assert ran.code == 1 and len(told["events"]) == 5 and "Another violation" in ran.err
    assert path.read_text().count("write_rte") >= 2
