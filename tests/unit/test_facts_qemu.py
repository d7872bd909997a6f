"""What QEMU's I/O APIC does, one fact a test, against the model's functions run in CPython.

"oracle" names a row of the table observed on QEMU 7.2 (fact sheet qemu-oracle.md, section 2, 3 or 4); Q and V-OV ids are of
vmm-guest.md. Pin 0 is level, vector 1, unmasked unless said; d counts messages since last asked, r is Remote IRR.
"""

from __future__ import annotations

import pytest

from model.machine import IoapicVersion
from tests.rigs.bench import EDGE, LEVEL, V11, V20, Bench, both_versions, raised

# ---- QEMU, level pins ----


@both_versions
def test_level_raise(version: IoapicVersion) -> None:
    """oracle "level raise: D=1 (trigger 1), R=1"; Q2, Q6, Q7"""
    b = Bench(version)
    b.line(True)
    assert b.sent == [(0, 1, 0, LEVEL)]
    assert b.r


@both_versions
def test_raise_again_while_closed(version: IoapicVersion) -> None:
    """oracle "set 1 again, or 0->1, while R=1: D=0"; Q2, Q3"""
    b = raised(version)
    b.line(True)
    b.line(False)
    assert b.r
    b.line(True)
    assert (b.d, b.r) == (0, True)


@pytest.mark.parametrize(("version", "sent"), [(V11, 0), (V20, 1)])
def test_eoi_register_line_high(version: IoapicVersion, sent: int) -> None:
    """oracle "EOI register, line high"; Q10, Q11"""
    b = raised(version)
    b.eoir()
    assert (b.d, b.r) == (sent, True)


@pytest.mark.parametrize(("version", "open_", "sent"), [(V11, False, 0), (V20, True, 1)])
def test_eoi_register_line_low(version: IoapicVersion, open_: bool, sent: int) -> None:
    """oracle "EOI register, line low": 0x11 is stuck"""
    b = raised(version)
    b.line(False)
    b.eoir()
    assert (b.d, b.r) == (0, not open_)
    b.line(True)
    assert b.d == sent


@both_versions
def test_eoi_register_other_vector(version: IoapicVersion) -> None:
    """oracle "EOI register: other vector"; Q11 "matches iff vector = v and trigger = level" """
    b = raised(version)
    b.eoir(2)
    assert (b.d, b.r) == (0, True)


@both_versions
def test_eoi_with_remote_irr_clear(version: IoapicVersion) -> None:
    """oracle "second EOI with R=0: D=0"; Q11 "if RIRR=0 stop here" """
    b = raised(version)
    b.line(False)
    b.s.ioapic_eoi_broadcast(1)
    b.s.ioapic_eoi_broadcast(1)
    assert (b.d, b.r) == (0, False)


@both_versions
def test_masked_raise_then_unmask(version: IoapicVersion) -> None:
    """oracle "masked raise; then unmask"; Q2, Q6; T11, H3"""
    b = Bench(version)
    b.rte(0, mask=True)
    b.line(True)
    assert (b.d, b.r) == (0, False)
    b.rte(0)
    assert (b.d, b.r) == (1, True)


@both_versions
def test_masked_pulse(version: IoapicVersion) -> None:
    """oracle "masked pulse 1->0, unmask: D=0"; Q3"""
    b = Bench(version)
    b.rte(0, mask=True)
    b.line(True)
    b.line(False)
    b.rte(0)
    assert (b.d, b.r) == (0, False)


@both_versions
def test_mask_keeps_remote_irr(version: IoapicVersion) -> None:
    """oracle "mask while R=1: R stays 1"; Q8; H9"""
    b = raised(version)
    b.rte(0, mask=True)
    assert b.r
    b.rte(0)
    assert (b.d, b.r) == (0, True)


@pytest.mark.parametrize(("version", "closed", "sent"), [(V11, True, 0), (V20, False, 1)])
def test_eoi_register_while_masked(version: IoapicVersion, closed: bool, sent: int) -> None:
    """oracle "EOI register while masked, line high; then unmask"; Q11; S-D5"""
    b = raised(version)
    b.rte(0, mask=True)
    b.eoir()
    assert (b.d, b.r) == (0, closed)
    b.rte(0)
    assert (b.d, b.r) == (sent, True)


@both_versions
def test_rewrite_keeps_remote_irr(version: IoapicVersion) -> None:
    """oracle "RTE.lo rewrite with bit 14 clear while R=1: R stays 1, D=0"; Q8; C11"""
    b = raised(version)
    b.rte(0)
    assert (b.d, b.r) == (0, True)


@pytest.mark.parametrize(("version", "sent"), [(V11, 0), (V20, 1)])
def test_vector_changed_while_closed(version: IoapicVersion, sent: int) -> None:
    """oracle "vector changed while R=1: EOI(old) nothing, EOI(new) D=1 on 0x20"; Q15"""
    b = raised(version)
    b.rte(0, vector=2)
    b.eoir(1)
    assert (b.d, b.r) == (0, True)
    b.eoir(2)
    assert b.d == sent


@pytest.mark.parametrize(("version", "sent", "of_b"), [(V11, 0, True), (V20, 1, False)])
def test_two_pins_one_vector(version: IoapicVersion, sent: int, of_b: bool) -> None:
    """oracle "2 pins one vector, A high B low, one EOI"; Q11; H5, S-D3"""
    b = Bench(version)
    b.rte(1)
    b.line(True)
    b.line(True, pin=1)
    b.line(False, pin=1)
    assert b.d == 2
    b.eoir()
    assert (b.d, b.r, b.pin(1).remote_irr) == (sent, True, of_b)


@both_versions
def test_trigger_flip_opens_the_pin(version: IoapicVersion) -> None:
    """oracle "mask+edge / mask+level / unmask, line high: R cleared, then D=1"; Q8, Q9; B19, C13"""
    b = raised(version)
    b.rte(0, trigger=EDGE, mask=True)
    assert (b.d, b.r) == (0, False)
    b.rte(0, mask=True)
    assert (b.d, b.r) == (0, False)
    b.rte(0)
    assert (b.d, b.r) == (1, True)


@both_versions
def test_unmasked_flip_to_edge(version: IoapicVersion) -> None:
    """oracle "unmasked level->edge flip, line high, R=1: one edge delivery (latch consumed); back to level: D=0" """
    b = raised(version)
    b.rte(0, trigger=EDGE)
    assert b.sent == [(0, 1, 0, EDGE)]
    assert (b.d, b.r) == (1, False)
    b.rte(0)
    assert b.d == 0


@both_versions
def test_stale_latch(version: IoapicVersion) -> None:
    """oracle "level+masked high -> edge+masked -> line low -> edge unmasked: D=1, stale latch"; Q5, Q6"""
    b = Bench(version)
    b.rte(0, mask=True)
    b.line(True)
    b.rte(0, trigger=EDGE, mask=True)
    b.line(False)
    assert b.d == 0
    b.rte(0, trigger=EDGE)
    assert b.sent == [(0, 1, 0, EDGE)]


@both_versions
def test_level_is_not_resampled(version: IoapicVersion) -> None:
    """oracle "line raised while RTE is edge+masked, then RTE level unmasked: D=0; set 1 again D=1"; Q4"""
    b = Bench(version)
    b.rte(0, trigger=EDGE, mask=True)
    b.line(True)
    b.rte(0)
    assert b.d == 0
    b.line(True)
    assert b.d == 1


# ---- QEMU, edge pins ----


@both_versions
def test_masked_edge_is_lost(version: IoapicVersion) -> None:
    """oracle "edge: masked raise, then unmask: D=0 (lost)"; Q4; T10, H3"""
    b = Bench(version)
    b.rte(0, trigger=EDGE, mask=True)
    b.line(True)
    b.line(False)
    b.rte(0, trigger=EDGE)
    assert b.d == 0


@both_versions
def test_edge_is_detected_by_call(version: IoapicVersion) -> None:
    """oracle "edge: set 1 twice, no 0 between: D=2"; Q5"""
    b = Bench(version)
    b.rte(0, trigger=EDGE)
    b.line(True)
    b.line(True)
    assert b.sent == [(0, 1, 0, EDGE)] * 2
    assert not b.r


@both_versions
def test_broadcast_ignores_edge_pins(version: IoapicVersion) -> None:
    """Q11"""
    b = Bench(version)
    b.rte(0, trigger=EDGE)
    b.line(True)
    b.s.ioapic_eoi_broadcast(1)
    assert b.d == 1


# ---- QEMU, routes, service, throttle ----


@both_versions
def test_remote_irr_is_set_although_the_lapic_refuses(version: IoapicVersion) -> None:
    """Q6 "RIRR is set whatever the result"; kvm.md 4.1.3, L U10"""
    b = Bench(version)
    b.write_spiv(enabled=False)
    b.line(True)
    assert b.r
    assert b.sets() == (set(), set())


@both_versions
def test_masked_pin_keeps_its_route(version: IoapicVersion) -> None:
    """Q8 "a masked pin keeps its stale KVM route"; kvm.md 4.1.6"""
    b = Bench(version)
    b.rte(0, vector=2, trigger=EDGE, mask=True)
    route = b.s.irq_routing[0]
    assert (route.valid, route.vector, route.trigger) == (True, 1, LEVEL)
    b.rte(0, vector=2, trigger=EDGE)
    assert (route.valid, route.vector, route.trigger) == (True, 2, EDGE)


@both_versions
def test_any_service_serves_all_pins(version: IoapicVersion) -> None:
    """Q6 "scans ALL pins", Q8, Q12: a write to pin 1 sends what pin 0 has latched"""
    b = raised(version)
    b.pin(0).remote_irr = False
    b.rte(1, vector=2, mask=True)
    assert b.sent == [(0, 1, 0, LEVEL)]


def test_broadcast_by_exit_does_not_ask_for_the_version() -> None:
    """Q11, Q14: the same routine for KVM_EXIT_IOAPIC_EOI; oracle 3 "LAPIC EOI, line high: reassert in the same op" """
    for version in (V11, V20):
        b = raised(version)
        b.s.ioapic_eoi_broadcast(1)
        assert (b.d, b.r) == (1, True)


def test_the_end_of_an_edge_latches_nothing() -> None:
    """Q5 "set_irq(p,0), e edge: no effect" """
    b = Bench()
    b.rte(0, trigger=EDGE)
    b.line(False)
    assert (b.d, b.pin(0).irr) == (0, False)


def test_an_edge_entry_loaded_with_remote_irr() -> None:
    """oracle 5 "edge RTE with R=1: kept on load, EOI register does nothing, next RTE write clears it" """
    b = Bench()
    b.rte(0, trigger=EDGE)
    b.pin(0).remote_irr = True
    b.eoir()
    assert b.r
    b.rte(0, trigger=EDGE)
    assert not b.r


@both_versions
def test_version_register(version: IoapicVersion) -> None:
    """oracle "VER"; I4"""
    assert Bench(version).s.ioapic_version() is version
