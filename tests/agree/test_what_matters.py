"""What `eoi why` says of the run of a violation, against plain CPython: every choice of values is tried, at two sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from checker.engine.reference import Reference
from checker.errors import EnginesDisagree
from checker.matrix.select import select, selection
from checker.questions import what_matters as question
from checker.questions.taken_again import Ended, taken_again
from checker.questions.verdict import Run, Status, check_cell
from checker.questions.what_matters import Matters, violated_for_ever, what_matters
from checker.questions.what_matters_text import lines
from checker.questions.wide import Sizes, Violation, at
from checker.symbolic.any_run import AnyRun, Below, Demand, Given, OneOf, Shape, Unlike
from checker.symbolic.learning import OutOfTime
from model.finite import size
from tests.rigs.runs_by_hand import for_ever as by_hand
from tests.rigs.runs_by_hand import met, shows, wrong_claims

# design, property, VMM, guest, I/O APIC version; where it is found; what kinds of demands there are
CASES: dict[str, tuple[str, str, str, str, str, Sizes, set[type]]] = {
    "v1": ("v1", "no_eoi_lost", "qemu", "windows_cg", "0x11", (1, 1, 1), set()),
    "base": ("base", "no_reinjection", "qemu", "windows_cg", "0x20", (1, 1, 1), set()),
    "at first": ("base", "advertised_is_backed", "qemu", "xen", "0x11", (1, 1, 1), set()),
    "any guest": ("base", "closes_only_if_taken", "qemu", "any", "0x20", (1, 1, 1), {OneOf}),
    "two vCPUs": ("mutant_b3_split", "no_eoi_lost", "qemu", "linux_moves_in_service", "0x11", (2, 2, 2), {Unlike}),
    "two sources": ("mutant_b14", "latch_follows_line", "firecracker", "linux", "0x11", (1, 1, 1), {Below}),
    "priority": ("v1", "no_reinjection", "qemu", "xen_moves", "0x11", (2, 2, 2), {Below, Unlike}),
    "vector 0": ("mutant_b9", "stale_is_the_highest", "firecracker", "linux", "0x11", (2, 2, 2), {OneOf}),
    "a fixed bug": ("mutant_b19", "edge_has_no_remote_irr", "firecracker", "xen", "0x11", (1, 1, 1), set()),
}  # fmt: skip
# To look for it takes 10 s: vector 0 of pin 0 waits while vector 1 of pin 1 is handled, which moves to vector 0 of the other vCPU.
PRIORITY = """vcpu_enter_guest 0; setup_local_APIC 0; vcpu_enter_guest 0; setup_IO_APIC_irq 0 0 0; device_raise 0; vcpu_enter_guest 0;
    setup_IO_APIC_irq 0 1 1; device_raise 1; vcpu_enter_guest 1; setup_local_APIC 1; vcpu_enter_guest 0;
    set_desc_affinity 0 1 1 0; kvm_check_and_inject_events 0; mask_and_ack_level_ioapic_irq 0; do_IRQ 0; device_raise 1;
    end_level_ioapic_irq 0; vcpu_enter_guest 0; eoi_IO_APIC_irq 0; vcpu_enter_guest 0; move_masked_irq 0; vcpu_enter_guest 0;
    kvm_check_and_inject_events 0; mask_and_ack_level_ioapic_irq 0"""
SIZES: Sequence[Sizes] = ((2, 2, 2), (2, 3, 3))


def violation(name: str) -> Violation:
    design, asked, vmm, guest, ioapic, sizes, _ = CASES[name]
    _, cells, _, (p,) = select(selection(design, {"vmm": [vmm], "guest": [guest]}, [asked], f"ioapic={ioapic}"))
    cell = at(cells[0], sizes)
    if name == "priority":
        moves = {(m.step, m.args): m for m in Reference(cell.system, cell.scope).moves}
        taken = [(step, tuple(map(int, args))) for step, *args in map(str.split, PRIORITY.split(";"))]
        return Violation(cell, p, Run(tuple(moves[one] for one in taken), ()), {"pin": 0})
    (verdict,) = check_cell(cell, [p], again=0).verdicts
    assert verdict.status is Status.VIOLATED and verdict.run is not None
    return Violation(cell, p, verdict.run, verdict.binding)


# The same of a leads_to: at how many vCPUs there is the same run, as more of them have steps to take.
FOR_EVER: dict[str, tuple[str, str, str, str, str, int, set[type]]] = {
    "a storm": ("base", "no_storm", "qemu", "windows_cg", "0x20", 1, set()),
    "a storm of v6 as it was": ("v6", "no_storm", "qemu", "windows_cg", "0x11,flags=NONE", 1, set()),
    "an EOI that is lost": ("v1", "line_is_serviced", "qemu", "windows_cg", "0x11", 1, set()),
    "a loop that no device ends": ("mutant_b11", "no_storm", "firecracker", "broken", "0x11", 1, set()),
    "two vCPUs": ("mutant_b5", "line_is_serviced", "qemu", "linux_moves_in_service", "0x11", 2, {Unlike}),
}  # fmt: skip


def for_ever(name: str) -> Violation:
    design, asked, vmm, guest, ioapic, *_ = FOR_EVER[name]
    _, cells, _, (p,) = select(selection(design, {"vmm": [vmm], "guest": [guest]}, [asked], f"ioapic={ioapic}"))
    found = violated_for_ever(cells[0], p, 60, lambda _: None)
    assert isinstance(found, Violation)
    return found


@pytest.mark.parametrize("name", FOR_EVER)
def test_what_is_said_of_a_run_that_goes_on_for_ever_is_so(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found, (*_, cpus, kinds) = for_ever(name), FOR_EVER[name]
    for pins, vectors in ((2, 2), (2, 3)):
        said = asked(found, (8, pins, vectors), monkeypatch)
        assert said.proved_at == (cpus, pins, vectors) and said.shape.loop is not None
        assert {type(demand) for demand in said.needed} == kinds
        assert wrong(found, said) == []


def test_more_vcpus_do_first_what_they_owe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "PROVED", ())
    monkeypatch.setattr(question, "LARGE", ((3, 2, 2), (1, 2, 2)))
    said = what_matters(for_ever("a storm"), 60, lambda _: None)
    assert said.larger == {(3, 2, 2): None, (1, 2, 2): None} and list(said.first) == [(3, 2, 2)]
    told = "\n".join(lines(said))
    first = said.first[3, 2, 2]
    assert f"3x2x2, with {len(first)} more steps first: vcpu_enter_guest, l1_apic_enable" in told
    assert {m.args for m in first if m.step == "l1_apic_enable"} >= {(1,), (2,)}
    run, cell = said.violation.run, at(said.violation.cell, (3, 2, 2))
    assert run.loop_start is not None
    moves = [*run.moves[: run.loop_start], *first, *run.moves[run.loop_start :]]
    begin, args = run.loop_start + len(first), list(said.violation.binding.values())
    reference, p = Reference(cell.system, cell.scope), said.violation.property
    states = taken_again(reference, p, args, moves, begin)
    assert isinstance(states, list) and by_hand(reference, p, args, moves, states, begin)
    without = taken_again(reference, p, args, run.moves, run.loop_start)
    assert without == Ended("vcpu_enter_guest would have to happen in the end")


def test_what_holds_in_the_end_has_no_run() -> None:
    _, cells, _, (p,) = select(selection("v1", {"vmm": ["qemu"], "guest": ["linux"]}, ["no_storm"], "ioapic=0x20"))
    result = violated_for_ever(cells[0], p, 60, lambda _: None)
    assert not isinstance(result, Violation)
    assert [verdict.status for verdict in result.verdicts] == [Status.HOLDS] and result.cell == cells[0]


def asked(found: Violation, sizes: Sizes, monkeypatch: pytest.MonkeyPatch) -> Matters:
    monkeypatch.setattr(question, "PROVED", (sizes,))
    monkeypatch.setattr(question, "LARGE", ())
    return what_matters(found, 60, lambda _: None)


def wrong(found: Violation, said: Matters) -> list[str]:
    cell = at(found.cell, said.proved_at)
    reference = Reference(cell.system, cell.scope)

    def one(codes: Sequence[int]) -> bool:
        return shows(reference, said.shape, found.property, codes)

    told = wrong_claims(said.shape, {d: o.codes for d, o in said.needed.items()}, one)
    return told + [f"{place}: any other value alone does as well" for place in to_part(said.shape, found, reference)]


def to_part(shape: Shape, found: Violation, reference: Reference) -> list[tuple[int, str]]:
    """The places of variables with several at which every other value makes such a run, too."""
    does = list[tuple[int, str]]()
    for number, variable in enumerate(shape.variables):
        of_run = [*shape.moves, shape.asked]
        places = [(k, name) for k, given in enumerate(of_run) for name, n in given.variables.items() if n == number]
        for k, name in places if len(places) > 1 else []:
            new = len(shape.variables)
            changed = [Given(g.name, {**g.variables, name: new}) if i == k else g for i, g in enumerate(of_run)]
            other = Shape(shape.formula, (*shape.variables, variable), tuple(changed[:-1]), changed[-1], shape.loop)
            others = [(*shape.codes, code) for code in range(size(variable.of)) if code != variable.code]
            if others and all(shows(reference, other, found.property, codes) for codes in others):
                does.append((k, name))
    return does


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_is_so_for_every_choice_of_values(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = violation(name)
    for sizes in SIZES:
        said = asked(found, sizes, monkeypatch)
        assert said.proved_at == sizes
        assert {type(demand) for demand in said.needed} == CASES[name][-1]
        assert wrong(found, said) == []


def test_sizes_and_choices_are_tried_in_cpython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "LARGE", ((3, 3, 3),))
    monkeypatch.setattr(question, "PROVED", ())
    two = what_matters(violation("two vCPUs"), 60, lambda _: None)
    assert two.proved_at == (2, 2, 2) and two.larger == {(3, 3, 3): None}
    assert two.smallest == (2, 1, 1) and list(two.too_small) == ["cpus"]
    one = what_matters(violation("v1"), 60, lambda _: None)
    ends = {(choice.name, str(choice.value)): choice.ended for choice in one.choices}
    assert ends["throttle", "True"] is None and ends["ioapic", "IoapicVersion.V20"] is not None
    assert {name for name, _ in ends} == {"ioapic", "x2apic", "throttle"}  # neither v1 nor QEMU before it knows a flag


def test_a_story_with_names_for_what_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "\n".join(lines(asked(violation("two vCPUs"), (2, 2, 2), monkeypatch)))
    assert "VIOLATED in 13 steps, with any pin and vector of 2x2x2" in told
    assert "setup_local_APIC(cpu=C2)" in told and "cpu C2      any of 2 but C\n" in told
    assert "with C=0, C2=0: step 7, setup_local_APIC(cpu=0), cannot be taken" in told
    assert "at least 2 cpus: with 1, step 7, setup_local_APIC(cpu=0), cannot be taken" in told
    told = "\n".join(lines(asked(violation("any guest"), (2, 2, 2), monkeypatch)))
    assert "A letter is one value wherever it stands" in told
    at_first = "\n".join(lines(asked(violation("at first"), (2, 2, 2), monkeypatch)))
    assert "in 0 steps, with any cpu of 2x2x2\n" in at_first and "A letter" not in at_first
    monkeypatch.setattr(question, "PROVED", ())
    assert "in 0 steps\n" in "\n".join(lines(what_matters(violation("at first"), 60, lambda _: None)))
    assert "trigger=LEVEL" in told and "only LEVEL\n" in told and "dest=C" in told


# --- bugs that are put in ---


def nothing_fails(self: AnyRun, demands: Sequence[Demand]) -> None:
    """A solver that always says that there are no such values."""


def test_a_solver_that_finds_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnyRun, "failing", nothing_fails)
    with pytest.raises(EnginesDisagree, match="SAT says that it is one"):
        asked(violation("two vCPUs"), (2, 3, 3), monkeypatch)


def test_a_solver_that_finds_too_much_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnyRun, "failing", lambda self, _: self.shape.codes)
    with pytest.raises(EnginesDisagree, match="SAT says that it is none"):
        asked(violation("v1"), (2, 2, 2), monkeypatch)


@pytest.mark.parametrize("made_up", [{}, {Unlike(0, 3): (1, 0, 0, 0)}, {OneOf(0, (0,)): (0, 0, 0, 0)}])
def test_what_is_made_up_is_noticed(monkeypatch: pytest.MonkeyPatch, made_up: dict[Demand, tuple[int, ...]]) -> None:
    """That two vCPUs need not be two; that two which are not one are the same one; that values show what they do not. No
    sample tells it."""
    monkeypatch.setattr(question, "SAMPLE", 0)
    monkeypatch.setattr(question, "weakest", lambda _: made_up)
    with pytest.raises(EnginesDisagree, match="SAT says that it is none"):
        asked(violation("two vCPUs"), (2, 2, 2), monkeypatch)


@pytest.mark.parametrize(("found", "told"), [(None, "none"), ((0, 0, 0, 0), "one")])
def test_a_solver_that_is_wrong_of_smaller_sizes_is_noticed(monkeypatch: pytest.MonkeyPatch, found, told: str) -> None:
    """Of one vCPU, where there is no such run, or of one pin, where there is one."""
    showing = AnyRun.showing
    monkeypatch.setattr(AnyRun, "showing", lambda self: found if showing(self) is not None or found else None)
    with pytest.raises(EnginesDisagree, match=f"SAT says that it is {told}, but CPython"):
        asked(violation("two vCPUs"), (2, 2, 2), monkeypatch)


def test_a_circuit_that_is_too_large_is_left_for_a_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "LARGE", ())
    monkeypatch.setattr(question, "PROVED", ((3, 3, 3), (2, 2, 2)))
    for most, sizes in ((10_000, (3, 3, 3)), (1_500, (2, 2, 2)), (10, (1, 1, 1))):
        monkeypatch.setattr(question, "MOST", most)
        assert what_matters(violation("v1"), 60, lambda _: None).proved_at == sizes


def test_time_may_run_out() -> None:
    with pytest.raises(OutOfTime):
        what_matters(violation("v1"), 0, lambda _: None)


def test_places_that_are_parted_for_no_reason_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The equality that is lost is then asked of each value: it is fixed."""
    monkeypatch.setattr(question._Generalised, "_need_not_be_equal", lambda *_: question.EVERY_PLACE)  # pyright: ignore[reportPrivateUsage]
    said: Any = asked(violation("v1"), (2, 2, 2), monkeypatch)
    assert {type(demand) for demand in said.needed} == {OneOf}


def test_places_that_are_not_parted_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question._Generalised, "_need_not_be_equal", lambda *_: frozenset())  # pyright: ignore[reportPrivateUsage]
    found = violation("any guest")
    assert "does as well" in " ".join(wrong(found, asked(found, (2, 2, 2), monkeypatch)))


def test_the_rig_tells_what_is_met() -> None:
    assert met(Unlike(0, 1), (0, 1)) and not met(Unlike(0, 1), (1, 1)) and not met(OneOf(0, (1,)), (0,))
