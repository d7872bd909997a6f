"""Where a patch and its base part is found by running both: also where the difference is that something does not happen."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import CodeType
from typing import Any, cast

import pytest

from checker.errors import InternalError
from checker.stories.parting import after_base, partings
from checker.stories.trace import Parting, StoryError, Trace, from_json
from checker.stories.write import HERE, LOOP, to_text
from model.lang import cells, require, save, step
from tests.rigs import story_toy as toy
from tests.rigs.traces import storm, trace_of

FILE = "test_parting.py"


class Returns(toy.ToyKvm):
    def kvm_ioapic_send_eoi(self, apic: toy.Lapic, vector: toy.Vector) -> None:
        if vector == 1:
            return
        super().kvm_ioapic_send_eoi(apic, vector)


class Stores(toy.ToyKvm):
    def kvm_ioapic_send_eoi(self, apic: toy.Lapic, vector: toy.Vector) -> None:
        super().kvm_ioapic_send_eoi(apic, vector)
        apic.irr.add(0)


class Otherwise(toy.ToyKvm):
    def kvm_ioapic_send_eoi(self, apic: toy.Lapic, vector: toy.Vector) -> None:
        self.pending_eoi = 0


class Asked(toy.ToyVmm):
    """What differs is done by a function that the patch leaves alone: what it calls says something else."""

    def ioapic_has_eoi_register(self) -> bool:
        return True


class Answers(toy.ToyVmm):
    """Two of the patch's own are asked; the inner one answers."""

    def ioapic_has_eoi_register(self) -> bool:
        return self.scope_version() is toy.IoapicVersion.V20

    def scope_version(self) -> toy.IoapicVersion:
        return toy.IoapicVersion.V20


class Helps(toy.ToyKvm):
    """What returns is not the helper that it calls."""

    def kvm_ioapic_send_eoi(self, apic: toy.Lapic, vector: toy.Vector) -> None:
        self.kvm_trace_eoi()

    def kvm_trace_eoi(self) -> None:
        """A tracepoint."""


class Named(toy.ToyKvm):
    @step(by="KVM")
    def kvm_flush(self) -> None:
        require(self.pending_eoi)
        self.pending_eoi = None


class Same(toy.ToyKvm):
    def kvm_ioapic_send_eoi(self, apic: toy.Lapic, vector: toy.Vector) -> None:
        self.pending_eoi = vector


def system(kvm: type[toy.ToyKvm] = toy.ToyKvm, vmm: type[toy.ToyVmm] = toy.ToyVmm) -> type[toy.Storm]:
    made: Any = type("System", (kvm, vmm, toy.ToyGuest, toy.ToyDevice), {})
    return cast(type[toy.Storm], made)


def line_of(function: Any, text: str) -> int:
    """The line of a function that has this text."""
    with open(__file__) as file:
        lines = file.read().splitlines()
    first = function.__code__.co_firstlineno
    return next(n for n in range(first, len(lines) + 1) if text in lines[n - 1])


def found(design: type[toy.Storm], path: Any = toy.STORM, own: bool = True) -> tuple[Parting, ...]:
    def place(code: CodeType, line: int) -> tuple[str, int]:
        return Path(code.co_filename).name, line if own else 0

    return partings(design, toy.Storm, "base", toy.ToyScope(), path, place)


@pytest.mark.parametrize(
    ("design", "at", "returns", "what"),
    [
        (Returns, "return", True, "does not set pending_eoi to vector 1; base does"),
        (Stores, "apic.irr.add(0)", False, "sets CPU0 IRR to {0}; base does not"),
        (Otherwise, "self.pending_eoi = 0", False, "sets pending_eoi to vector 0, base to vector 1"),
    ],
)
def test_what_is_different_and_where(design: type[toy.ToyKvm], at: str, returns: bool, what: str) -> None:
    (parting,) = found(system(design), toy.STORM[:3])
    line = line_of(design.kvm_ioapic_send_eoi, at)
    assert parting == Parting(
        2, "KVM", "lapic.c:kvm_ioapic_send_eoi()", FILE, line, returns, what, f"tests/stories/{FILE}:{line}"
    )
    verb = f" returns at {FILE}:{line}: " if returns else f", {FILE}:{line}: "
    assert parting.text == f"lapic.c:kvm_ioapic_send_eoi(){verb}{what}"


def test_a_file_that_is_not_the_reader_s_has_no_lines() -> None:
    (parting,) = found(system(Returns), toy.STORM[:3], own=False)
    assert parting.line == 0
    assert parting.text.startswith(f"lapic.c:kvm_ioapic_send_eoi() returns in {FILE}: does not set")


def test_the_function_that_was_asked_is_named_where_another_one_stores() -> None:
    (parting,) = found(system(vmm=Asked), toy.STORM[:3])
    assert parting.anchor == "ioapic.c:ioapic_has_eoi_register()" and parting.returns
    assert parting.what == "sets seen_version to V20; base does not"
    assert parting.line == line_of(Asked.ioapic_has_eoi_register, "return True")


def test_of_several_that_were_asked_it_is_the_last_one() -> None:
    (parting,) = found(system(vmm=Answers), toy.STORM[:3])
    assert parting.anchor == "ioapic.c:scope_version()"
    assert parting.line == line_of(Answers.scope_version, "return toy.IoapicVersion.V20")


def test_the_function_on_the_way_to_the_store_is_named_not_what_it_calls() -> None:
    (parting,) = found(system(Helps), toy.STORM[:3])
    assert (parting.anchor, parting.returns) == ("lapic.c:kvm_ioapic_send_eoi()", True)
    assert parting.line == line_of(Helps.kvm_ioapic_send_eoi, "self.kvm_trace_eoi()")


def test_a_step_that_only_the_patch_has() -> None:
    (parting,) = found(system(Named), [*toy.STORM[:3], ("kvm_flush", ())])
    assert (parting.index, parting.what) == (3, "base cannot take this step here")
    assert parting.anchor == "lapic.c:kvm_flush()"


def test_a_patch_that_says_the_same_parts_nowhere() -> None:
    assert found(system(Same)) == ()


def test_every_step_is_compared_from_the_same_state() -> None:
    """The second interrupt's EOI differs as the first one's did, and the steps between do not."""
    path = [*toy.STORM[:3], ("lower_line", (0,)), ("program_pin", (0, toy.IoapicVersion.V11, False))]
    assert [parting.index for parting in found(system(Returns), path)] == [2]


def test_what_base_would_have_made_of_the_state() -> None:
    one = system(Returns)(toy.ToyScope())
    one.initial()
    all_cells = list(cells(one))
    for name, args in toy.STORM[:2]:
        getattr(one, name)(*args)
    before = save(all_cells)
    made = after_base(system(Returns), toy.Storm, toy.ToyScope(), before, "guest_eoi", (0,))
    one.guest_eoi(0)
    one.pending_eoi = 1
    assert made == save(all_cells) != before
    assert after_base(system(Named), toy.Storm, toy.ToyScope(), before, "kvm_flush", ()) is None


def test_the_tracer_is_given_back() -> None:
    def outer(*_: object) -> None:
        return None

    kept = sys.gettrace()
    sys.settrace(outer)
    try:
        assert found(system(Returns), toy.STORM[:3])
        assert sys.gettrace() is outer
    finally:
        sys.settrace(kept)


# ---- in a story ----


def told() -> Trace:
    design = system(Returns)
    lost = trace_of(toy.no_eoi_lost, {"pin": 0}, design, toy.ToyScope(), toy.LOST, cell={"kvm": "mine.py"})
    return replace(lost, partings=found(design, toy.LOST), parts=2)


def test_the_step_is_marked_and_the_sentence_stands_in_it() -> None:
    text = to_text(told())
    marked = [line for line in text.splitlines() if HERE in line]
    assert len(marked) == 1 and marked[0].startswith("   3 ") and "guest_eoi(cpu=0)" in marked[0]
    below = text[text.index(HERE) : text.index("\n   4 ")]
    assert "     !  " in below.replace("|", " ") and "returns" in below and "base does" in below
    assert all(len(line) <= 72 for line in text.splitlines())


def test_the_loop_is_marked_in_other_words() -> None:
    design = system(Stores)
    looped = trace_of(toy.no_eoi_lost, {"pin": 0}, design, toy.ToyScope(), toy.STORM, cell={})
    text = to_text(replace(looped, partings=found(design), parts=2, loop_start=1))
    marked = {word: [line for line in text.splitlines() if line.endswith(word)] for word in (HERE, LOOP)}
    assert [lines[0].lstrip("+|> ")[0] for lines in marked.values() if len(lines) == 1] == ["3", "2"]
    assert LOOP not in to_text(storm(loop_start=1)) and HERE in to_text(storm(loop_start=1))


def test_json_has_it_and_reads_it_back() -> None:
    trace = told()
    assert from_json(trace.to_json()) == trace and '"partings"' in trace.to_json()
    before = trace.to_json().replace('"partings"', '"p"').replace('"parts"', '"q"')
    with pytest.raises(StoryError, match="not a trace"):
        from_json(before)


def test_a_trace_of_before_there_were_partings_is_read() -> None:
    raw = json.loads(storm().to_json())
    assert raw.pop("partings") == [] and raw.pop("parts") is None
    assert from_json(json.dumps(raw)) == storm()


def test_only_a_step_that_parts_can_be_the_one_to_look_at() -> None:
    with pytest.raises(InternalError, match="nothing parts in step 2"):
        replace(told(), parts=1)
