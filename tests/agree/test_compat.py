"""Compatibility claims: v1 is noticed under a VMM that asked for nothing, v6 is not; and the comparison itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checker.command.cli import main
from checker.engine.reference import Reference
from checker.matrix.roles import designs
from checker.questions.compat import CompatAnswer, pairs, trace_of
from checker.questions.refinement import BASE, BOTH, DESIGN, Compared, LockStep
from model.designs.base import Base
from model.kvm import Kvm
from model.machine import IoapicVersion, Lapic, Machine, Scope, Vector
from properties.compat import CLAIMS, FLAGLESS_VMM, QUIET_GUEST, UNSEEN, Claim
from tests.rigs.seeded_kernels import OtherErrno, OtherInside, OtherLvr, OtherTmr
from tests.rigs.volume import NIGHTLY, at_once

SMALL = {"vectors": 1, "ioapic": IoapicVersion.V11}


def row(claim: Claim, design: str | type[Machine], vmm: str, engine: str = "auto", cell: int = 0) -> CompatAnswer:
    cls = designs()[design] if isinstance(design, str) else design
    found = list(pairs(claim, ("base", Base), ("design", cls), [vmm], SMALL))
    old, new = found[cell]
    return CompatAnswer(claim, old, new, LockStep(claim, old, new, engine).compare())


def compared(claim: Claim, design: str | type[Machine], vmm: str, engine: str = "auto") -> Compared:
    return row(claim, design, vmm, engine).result


@pytest.mark.everything
@pytest.mark.parametrize(
    ("claim", "vmm"),
    [
        pytest.param(claim, vmm, id=f"{claim.name}-{vmm}")
        for claim in CLAIMS
        for vmm in ("qemu", "firecracker", "any_vmm", "setup_vmm")
        if NIGHTLY or (claim, vmm) != (QUIET_GUEST, "any_vmm")  # 82,645 pairs
    ],
)
def test_the_merged_design_is_compatible(claim, vmm):
    for old, new in pairs(claim, ("base", Base), ("v6", designs()["v6"]), [vmm], SMALL):
        result = LockStep(claim, old, new).compare()
        assert result.verdict == "SAME", new
        assert result.fired > result.pairs > 100


@pytest.mark.everything
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_a_design_is_compatible_with_itself(claim):
    """v6 keeps the flags in a field of its own: that it differs where flags are set is nothing that anybody sees."""
    v6 = ("v6", designs()["v6"])
    found = list(pairs(claim, v6, v6, ["qemu"], SMALL))
    assert len(found) == (4 if claim.flags else 1)
    for old, new in found:
        assert LockStep(claim, old, new).compare().verdict == "SAME", new


@pytest.mark.everything
def test_v1_is_noticed_by_a_guest_that_sets_bit_12():
    found = row(FLAGLESS_VMM, "v1", "qemu")
    assert found.result.verdict == "DIFFERS"
    assert found.result.divergence is not None
    divergence = found.result.divergence
    assert (divergence.what, divergence.base, divergence.design) == ("apic[0].exit_ioapic_eoi", "0", "none")
    steps = [step for step, _ in divergence.of(BASE)]
    assert ("write_spiv", (0, True, True)) in divergence.of(BASE)
    assert steps[-2:] == [
        "write_apic_eoi",
        "vcpu_enter_guest",
    ]
    assert divergence.moves[-1][0] == BASE  # v1 needs no entry: the guest just goes on
    trace = trace_of(found)
    assert trace.verdict == "VIOLATED"
    assert "is vector 0 in base, none in design" in trace.sentence
    assert trace.events[-1].changes[-1].text.startswith("CPU0 KVM_EXIT_IOAPIC_EOI none -> 0")


def test_no_shorter_run_tells_v1_from_base():
    """By CPython and by brute force: every run of one step less, of both kernels, ends in states that look the same."""
    found = row(FLAGLESS_VMM, "v1", "qemu")
    assert found.result.divergence is not None
    length = len(found.result.divergence.moves)
    old, new = Reference(found.base.system, found.base.scope), Reference(found.design.system, found.design.scope)
    level = {(old.start, new.start)}
    for number in range(1, length + 1):
        following = set(level)
        for one, two in level:
            for move in old.moves:
                a, b = old.successor(one, move), new.successor(two, move)
                if a is not None or b is not None:
                    following.add((a or one, b or two))  # who cannot move waits: more pairs than lock step has
        told_apart = any(_exits(old, one) != _exits(new, two) for one, two in following)
        assert told_apart is (number == length)
        level = following


def _exits(reference: Reference, state: tuple[int, ...]) -> object:
    return reference.holds(lambda s: s.apic[0].exit_ioapic_eoi, (), state)


def test_v1_is_not_noticed_by_a_quiet_guest():
    assert compared(QUIET_GUEST, "v1", "qemu").verdict == "SAME"


def test_the_claim_leaves_out_what_it_says_it_does():
    """v1 passes only because nobody sets bit 12: with these steps back in, it differs."""
    loud = replace(QUIET_GUEST, without={})
    assert compared(loud, "v1", "qemu").verdict == "DIFFERS"
    asking = replace(FLAGLESS_VMM, without={})
    assert compared(FLAGLESS_VMM, "v6", "setup_vmm").verdict == "SAME"
    found = compared(asking, "v6", "setup_vmm").divergence
    assert found is not None
    assert (found.what, found.base, found.design) == ("errno", "EINVAL", "OK")
    assert compared(replace(QUIET_GUEST, unseen=("errno",)), "v6", "setup_vmm").verdict == "DIFFERS"  # LVR, by bit 3


@pytest.mark.parametrize("design", ["v5", "woodhouse_draft2", "irqchip2"])
def test_a_quiet_guest_notices_the_new_ioapic(design):
    found = compared(QUIET_GUEST, design, "setup_vmm").divergence
    assert found is not None
    assert (found.what, found.base, found.design) == ("the I/O APIC's version", "0x11", "0x20")


def test_to_enforce_the_documentation_would_be_noticed():
    """KVM_CAP_X2APIC_API without the new flags, after a vCPU exists: accepted ever since, EBUSY by api.rst."""
    found = compared(FLAGLESS_VMM, "v6_as_documented", "setup_vmm").divergence
    assert found is not None
    assert (found.what, found.base, found.design) == ("errno", "OK", "EBUSY")
    assert [step for step, _ in found.of(DESIGN)] == ["ioctl_create_vcpu", "ioctl_enable_cap_x2apic_api"]


# --- the comparison ---


class Deaf(Kvm):
    """Delivers nothing that comes in while another vCPU state is to be scanned: the guest sees it late or never."""

    def kvm_apic_has_interrupt(self, apic: Lapic) -> Vector | None:
        return None


@pytest.mark.parametrize(
    ("design", "vmm", "what"),
    [
        (OtherErrno, "setup_vmm", "errno"),
        (OtherLvr, "setup_vmm", "apic[0].lvr_directed_eoi"),
        (OtherTmr, "qemu", "apic[0].tmr"),
        (Deaf, "qemu", "kvm_check_and_inject_events(0)"),
    ],
)
def test_a_change_that_can_be_seen_is_found(design, vmm, what):
    found = compared(FLAGLESS_VMM, design, vmm).divergence
    assert found is not None
    assert found.what == what


@pytest.mark.everything
def test_a_change_that_cannot_be_seen_is_none():
    result = compared(FLAGLESS_VMM, OtherInside, "qemu")
    assert result.verdict == "SAME"
    steps = LockStep(
        FLAGLESS_VMM, *next(iter(pairs(FLAGLESS_VMM, ("base", Base), ("x", OtherInside), ["qemu"], SMALL)))
    )
    assert result.pairs > len(Reference(Base_on_qemu(), SCOPE).explore().states) > 1000
    assert not {"errno", "apic[0].irr", "ioapic[0].remote_irr", "raised[0]", "irqchip_mode"} - set(steps.paths)


def Base_on_qemu() -> type:
    return next(iter(pairs(FLAGLESS_VMM, ("base", Base), ("base", Base), ["qemu"], SMALL)))[0].system


SCOPE = Scope(cpus=1, pins=1, vectors=1, ioapic=IoapicVersion.V11)


def test_every_field_left_out_exists():
    """A misspelt one would be compared; one that is gone says the list is old."""
    names = set[str]()
    for vmm in ("any_vmm", "qemu"):
        lock = LockStep(FLAGLESS_VMM, *next(iter(pairs(FLAGLESS_VMM, ("base", Base), ("base", Base), [vmm], SMALL))))
        names |= {path.replace("[0]", "[]").replace("[1]", "[]") for path in lock.sides[BASE].leaves}
    assert {*UNSEEN, *QUIET_GUEST.unseen} <= names


@pytest.mark.parametrize("design", at_once(["v1", "v6"], 2))
def test_both_engines_agree(design):
    native, reference = (row(FLAGLESS_VMM, design, "qemu", engine).result for engine in ("native", "reference"))
    assert (native.verdict, native.pairs, native.fired) == (reference.verdict, reference.pairs, reference.fired)
    assert native.divergence == reference.divergence


def test_a_limit_is_no_verdict():
    old, new = next(iter(pairs(FLAGLESS_VMM, ("base", Base), ("v6", designs()["v6"]), ["qemu"], SMALL)))
    assert LockStep(FLAGLESS_VMM, old, new).compare(max_pairs=10).verdict == "INCONCLUSIVE"


def test_nothing_compared_is_no_verdict():
    steps = [step for step, _ in row(FLAGLESS_VMM, "v1", "qemu").result.divergence.of(BASE)]  # type: ignore[union-attr]
    still = replace(FLAGLESS_VMM, without={name: {} for name in [*steps, "kvm_check_and_inject_events", *_all_steps()]})
    assert compared(still, "v6", "qemu").verdict == "INCONCLUSIVE"


def _all_steps() -> list[str]:
    return list(Base_on_qemu().steps())  # type: ignore[attr-defined]


def test_who_took_a_move_is_told():
    found = row(FLAGLESS_VMM, "v1", "qemu").result.divergence
    assert found is not None
    assert {who for who, _ in found.moves[:-1]} == {BOTH}
    assert found.teller == BASE


def test_the_command(capsys):
    small = ("--scope", "vectors=1,ioapic=0x11")
    assert main(["compat", "base", "v6", "--vmm", "setup_vmm", *small]) == 0
    out = capsys.readouterr().out
    assert out.count("SAME") == 2
    assert all(c.sentence in out for c in CLAIMS)
    assert main(["compat", "base", "v1", "--vmm", "qemu", "--claim", "flagless_vmm", *small]) == 1
    out = capsys.readouterr().out
    assert "DIFFERS  9 steps" in out
    assert "flagless_vmm: VIOLATED in 9 steps (shortest)" in out
    assert main(["compat", "base", "v6", "--vmm", "qemu", "--max-states", "5", "--claim", "flagless_vmm", *small]) == 3
    assert main(["compat", "base", "qemu"]) == 2
    assert "compat compares kernels" in capsys.readouterr().err
    assert main(["compat", "base", "v6", "--claim", "nonsense"]) == 2
