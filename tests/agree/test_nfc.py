"""`eoi nfc` on the designs of the thread, and on kernels with one seeded difference: who can tell, by which shortest run. That a
run is shortest is found out again here in CPython, from the observers' formulas alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from checker.engine.reference import Codes, Reference, parameter_values
from checker.engine.search import Limits
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import designs
from checker.matrix.scope import parse_scope
from checker.matrix.select import find_design
from checker.questions import compat, nfc
from checker.questions.compare import Pair
from checker.questions.experiment import Telling
from checker.questions.nfc import DIFFERS, EQUAL, INCONCLUSIVE, NfcAnswer
from checker.questions.refinement import LockStep
from model.designs.base import Base
from model.lang import Fair, step
from model.machine import ApiFlags, Cpu, IoapicVersion, Lapic, Machine
from model.observers import GUEST, OBSERVERS, VMM, Observer
from properties.compat import FLAGLESS_VMM
from tests.rigs.seeded_kernels import OtherErrno, OtherInside, OtherLvr, OtherTmr
from tests.rigs.volume import at_once

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

V5_FIRST = str(Path(__file__).parents[1] / "rigs" / "v5_first_patch.py")
ONE = "cpus=1,pins=1,vectors=1"
Design = str | type[Machine]


def pair(base: Design, design: Design, vmm: str, guest: str, device: str = "level", scope: str = ONE) -> Pair:
    cells = [cell_of(of, vmm, guest, device, scope) for of in (base, design)]
    return Pair(cells[0], cells[1])


def cell_of(design: Design, vmm: str, guest: str, device: str, scope: str) -> Cell:
    named = find_design(design) if isinstance(design, str) else (design.__name__, design)
    asked = {"flags": ApiFlags.NONE, "ioapic": IoapicVersion.V11, **parse_scope(scope)}
    found = matrix(named, kernels=["base"], vmms=[vmm], guests=[guest], devices=[device], scope=asked)
    (cell,) = [c for c in found if isinstance(c, Cell)]
    return cell


def answer(of: Pair, observe: str = "both", fixed: Sequence[Any] = (), engine: str = "auto") -> NfcAnswer:
    return nfc.compare(of, observe, fixed, Limits(), engine=engine)


# --- the designs of the thread ---

SAME = [
    ("v1", "sean_local", "qemu", "windows_cg", "level", ONE),
    ("v1", "sean_local", "firecracker", "linux", "level", ONE),
    ("base", "v6", "qemu", "any", "level", ONE),
    ("base", "v6", "qemu", "xen", "level", "ioapic=0x20"),
    ("base", "v6", "firecracker", "any", "level", ONE),
    ("base", "v6", "qemu_kernel_migrated", "any", "kernel_resample", ONE),
    ("v2", "v3", "qemu", "windows_cg", "level", ONE + ",flags=BIT2"),
    ("v2", "v3", "setup_vmm", "lapic", "level", ONE),
    ("base", V5_FIRST, "qemu_kernel_migrated", "any", "level", ONE),
    ("base", V5_FIRST, "firecracker", "any", "kernel_resample", ONE),
]


@pytest.mark.parametrize("of", at_once(SAME, 4), ids=lambda of: "-".join(Path(str(part)).stem for part in of))
def test_nobody_can_tell(of):
    found = answer(pair(*of))
    assert (found.verdict, found.why, found.told) == (EQUAL, "", None)
    assert found.transitions > found.states > 20


APART = [
    ("base", "v1", "qemu", "windows_cg", "level", ONE, "both", 9),
    ("base", "v1", "qemu", "windows_cg", "level", ONE, "guest", 9),
    ("base", "v1", "qemu", "windows_cg", "level", ONE, "vmm", 9),
    ("base", "v1", "qemu", "windows_cg", "level", "ioapic=0x20", "guest", 9),
    ("base", "v6", "qemu", "windows_cg", "level", ONE + ",flags=BIT2", "both", 9),
    ("base", V5_FIRST, "qemu_kernel_migrated", "any", "kernel_resample", ONE, "both", 12),
    ("base", "v5", "setup_vmm", "lapic", "level", ONE, "both", 1),
]


@pytest.mark.parametrize("of", APART, ids=lambda of: "-".join(Path(str(part)).stem for part in of))
def test_somebody_can_and_by_no_shorter_run(of):
    *cells, observe, steps = of
    asked = pair(*cells)
    found = answer(asked, observe)
    assert (found.verdict, found.steps) == (DIFFERS, steps)
    assert found.told is not None and found.told.telling is Telling.SHOWS
    assert shortest_by_brute_force(asked, OBSERVERS[observe], steps) == steps


def test_what_tells_v1_from_base_is_the_exit():
    found = answer(pair("base", "v1", "qemu", "windows_cg"))
    assert found.told is not None and found.side == 0
    assert found.told.said == (
        "v1 can show the same up to the last step, and then never this: KVM_RUN of CPU0 returned KVM_EXIT_IOAPIC_EOI of vector 0."
    )
    assert [move.step for move in found.told.moves][-2:] == ["l1_apic_eoi", "vcpu_enter_guest"]
    assert found.told.mine == ("kvm_arch_handle_exit(cpu=0)",)
    assert "l2_service_device(cpu=0)" in found.told.theirs
    text = nfc.end_lines(found)
    assert text[0].startswith("At the end base can show next") and text[1].startswith(
        "v1 shows all but the last in 8 steps"
    )


def test_the_first_patch_of_v5_forgets_who_waits_for_an_eoi():
    """Only where the bit was planted (a guest of an in-kernel chip cannot set it) and a resampler listens."""
    found = answer(pair("base", V5_FIRST, "qemu_kernel_migrated", "any", "kernel_resample"))
    assert found.told is not None
    steps = [move.step for move in found.told.moves]
    assert "migrate" in steps and "write_apic_eoi" in steps and steps[-1] == "device_raise"


@pytest.mark.everything
def test_the_story_and_both_engines():
    asked = pair("base", "v1", "qemu", "windows_cg")
    found, in_cpython = answer(asked), answer(asked, engine="reference")
    assert (found.verdict, found.steps, found.told) == (in_cpython.verdict, in_cpython.steps, in_cpython.told)
    assert (found.states, found.transitions) == (in_cpython.states, in_cpython.transitions)
    story = nfc.story(found)
    assert story.headline == "DIFFERS in 9 steps (shortest)" and len(story.events) == 9
    assert "eoi nfc base v1 --vmm qemu" in story.reproduce
    assert answer(pair("base", "v6", "qemu", "linux"), engine="reference").verdict == EQUAL


# --- shortest, by brute force: CPython, sets of states, nothing of checker/questions ---

Seen = tuple[object, tuple[bool, ...]] | None


class Naive:
    """One system as observers see it, straight from their formulas."""

    def __init__(self, cell: Cell, observers: Sequence[Observer]) -> None:
        self.reference = Reference(cell.system, cell.scope)
        self.formulas = [p.function for observer in observers for p in observer.reads]
        self.actors = {observer.by for observer in observers}
        self.steps = cell.system.steps()
        self._after: dict[Codes, list[tuple[Seen, Codes]]] = {}

    def look(self, state: Codes) -> tuple[bool, ...]:
        scope = self.reference.scope
        asked = [(f, values) for f in self.formulas for values in parameter_values(f, scope, skip=1)]
        return tuple(self.reference.all_hold(asked, state))

    def after(self, state: Codes) -> list[tuple[Seen, Codes]]:
        if state not in self._after:
            before, found = self.look(state), list[tuple[Seen, Codes]]()
            for number, target in list(self.reference.successors(state)):
                move, look = self.reference.moves[number], self.look(target)
                mine = self.steps[move.step].by in self.actors
                step = (move.step, move.args) if mine else None
                found.append((None if step is None and look == before else (step, look), target))
            self._after[state] = found
        return self._after[state]

    def unseen(self, states: Iterable[Codes]) -> frozenset[Codes]:
        found = set(states)
        while more := {t for s in found for seen, t in self.after(s) if seen is None} - found:
            found |= more
        return frozenset(found)


def shortest_by_brute_force(of: Pair, observers: Sequence[Observer], most: int) -> int | None:
    """The length of the shortest run of either that the other cannot imitate; all runs are tried, of each length."""
    sides = [Naive(of.base, observers), Naive(of.design, observers)]
    starts = [side.unseen([side.reference.start]) for side in sides]
    assert sides[0].look(sides[0].reference.start) == sides[1].look(sides[1].reference.start)
    level = {(0, sides[0].reference.start, starts[1]), (1, sides[1].reference.start, starts[0])}
    for length in range(1, most + 1):
        following = {(who, *after) for who, state, others in level for after in _imitated(sides, who, state, others)}
        if any(not others for _, _, others in following):
            return length
        level = following
    return None


def _imitated(
    sides: Sequence[Naive], who: int, state: Codes, others: frozenset[Codes]
) -> Iterator[tuple[Codes, frozenset[Codes]]]:
    other = sides[1 - who]
    for seen, target in sides[who].after(state):
        if seen is None:
            yield target, others
        else:
            yield target, other.unseen(t for s in others for label, t in other.after(s) if label == seen)


# --- one seeded difference each ---


class OtherVersion(Base):
    def kvm_ioapic_version(self) -> IoapicVersion:
        return IoapicVersion.V20


class MemoryOfItsOwn(Base):
    """A field that shows in nothing."""

    eois: bool

    def apic_set_eoi(self, apic: Lapic) -> None:
        self.eois = not self.eois
        super().apic_set_eoi(apic)


class Spins(Base):
    """It can scan again and again, whatever else goes on."""

    @step(by="KVM", fair=Fair.FREE)
    def kvm_scan_again(self, cpu: Cpu) -> None:
        self.apic[cpu].req_scan_ioapic = not self.apic[cpu].req_scan_ioapic


class FairOtherwise(Base):
    """The same steps; an entry is owed more."""

    @step(by="KVM", fair=Fair.STRONG)
    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        super().vcpu_enter_guest(cpu)


SEEDED = [  # who can tell, who cannot, and the reading without which nobody could
    (OtherErrno, "setup_vmm", "vmm", "guest", "ioctl_returns"),
    (OtherLvr, "setup_vmm", "guest", "vmm", "lvr_offers_suppression"),
    (OtherVersion, "setup_vmm", "guest", "vmm", "version_register_reads"),
    (OtherTmr, "qemu", "guest", "", "tmr_has"),
]


@pytest.mark.parametrize(("design", "vmm", "who", "who_not", "reading"), SEEDED, ids=[s[0].__name__ for s in SEEDED])
def test_who_can_tell_and_by_what(monkeypatch, design, vmm, who, who_not, reading):
    asked = pair("base", design, vmm, "any" if vmm == "qemu" else "lapic")
    assert answer(asked, who).verdict == answer(asked, "both").verdict == DIFFERS
    assert not who_not or answer(asked, who_not).verdict == EQUAL
    (observer,) = OBSERVERS[who]
    left = tuple(p for p in observer.reads if p.name != reading)
    assert len(left) == len(observer.reads) - 1
    monkeypatch.setitem(OBSERVERS, who, (Observer(observer.role, observer.by, left),))
    assert answer(asked, who).verdict == EQUAL


@pytest.mark.parametrize("design", [OtherInside, MemoryOfItsOwn], ids=lambda d: d.__name__)
def test_what_nobody_sees_is_no_functional_change(design):
    asked = pair("base", design, "qemu", "windows_cg")
    for observe in OBSERVERS:
        assert answer(asked, observe).verdict == EQUAL


def test_who_can_go_on_for_ever_unseen_is_told():
    found = answer(pair("base", Spins, "qemu", "linux"))
    assert found.verdict == DIFFERS and found.told is not None and found.told.telling is Telling.STAYS
    assert found.told.loop and {move.step for move in found.told.moves[-found.told.loop :]} == {"kvm_scan_again"}
    assert found.told.said == "Spins can go on so for ever, and nothing is seen of it; base cannot."
    assert not nfc.story(found).shortest
    assert nfc.story(found).loop_start == len(found.told.moves) - found.told.loop


def test_other_fairness_is_not_called_equal():
    found = answer(pair("base", FairOtherwise, "qemu", "linux"))
    assert found.verdict == INCONCLUSIVE and "fairness of vcpu_enter_guest" in found.why


def test_a_choice_that_is_made_leaves_steps_out():
    asked = pair("base", "v6", "setup_vmm", "lapic")
    assert answer(asked).verdict == DIFFERS
    assert answer(asked, fixed=[ApiFlags.NONE]).verdict == EQUAL
    assert answer(asked, fixed=[ApiFlags.BIT2]).verdict == DIFFERS


def test_nothing_to_see_is_not_called_equal(monkeypatch):
    monkeypatch.setitem(OBSERVERS, "guest", (Observer("kernel", "nobody", ()),))
    found = answer(pair("base", "base", "qemu", "linux"), "guest")
    assert found.verdict == INCONCLUSIVE and "nothing is ever seen" in found.why


def test_a_limit_is_no_answer():
    asked = pair("base", "v6", "qemu", "linux")
    found = nfc.compare(asked, "both", (), Limits(max_states=10))
    assert found.verdict == INCONCLUSIVE and found.told is None


# --- the two claims of `eoi compat`, which see more ---

KERNELS = ["v1", "v4", "v5", "v6", "woodhouse_draft2", "split_irqchip_api_on_v1"]


@pytest.mark.parametrize("design", at_once(KERNELS, 2))
def test_what_compat_calls_the_same_is_equal(design):
    of = ("base", Base), (design, designs()[design])
    for old, new in compat.pairs(FLAGLESS_VMM, *of, ["qemu"], parse_scope("vectors=1,ioapic=0x11")):
        same = LockStep(FLAGLESS_VMM, old, new).compare().verdict == "SAME"
        assert answer(Pair(old, new)).verdict == (EQUAL if same else DIFFERS)


# --- what is declared ---


def test_every_reading_says_what_is_read():
    for observer in (GUEST, VMM):
        assert observer.reads and len({p.function for p in observer.reads}) == len(observer.reads)
        for p in observer.reads:
            assert p.sentence and not p.sentence.endswith("."), p.name
            names = p.function.__code__.co_varnames[1 : p.function.__code__.co_argcount]
            assert all("{" + name + "}" in p.sentence for name in names), p.name
