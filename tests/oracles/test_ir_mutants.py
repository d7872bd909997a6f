"""Mutants of toys, counted by hand, and what generation must refuse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from checker.language import ir
from checker.language.lower import lower
from checker.language.text import function_text
from model.lang import Design
from model.machine import IoapicVersion, Scope
from oracles.kvm.mutants import IOAPIC, KVM, KVM_VIEW
from oracles.kvm.mutants import rules as kvm_rules
from oracles.mutation import operators
from oracles.mutation.make import Generated, generate
from oracles.mutation.wellformed import WellFormed, normal
from oracles.qemu.harness import bench
from oracles.qemu.mutants import rules as qemu_rules
from oracles.qemu.mutants import with_messages
from tests.rigs.mutant_toys import Asked, Lamp, Order, Parcel, Post, Queue, ToyScope, everything


def made(design: type[Design], scope: Any = None) -> Generated:
    return generate(lower(design, scope or ToyScope()), everything)


def of(found: Generated, function: str) -> list[str]:
    return sorted(m.what for m in found.mutants if m.function == function)


def test_the_lamp_has_exactly_these() -> None:
    """if not stuck: on = True"""
    found = made(Lamp)
    assert of(found, "press") == [
        "True -> False",  # the value that is stored
        "dropped: if not s.stuck:",  # also what is left when the store is dropped, or the condition is False
        "negated: s.stuck",  # also the negated condition
        "not s.stuck -> True",
    ]
    assert found.same["toy"] == 2
    assert not found.discarded


def test_the_parcel_has_exactly_these() -> None:
    found = made(Parcel)
    assert of(found, "pack") == ["True -> False", "dropped: s.packed := True"]
    assert of(found, "send") == [
        "True -> False", "dropped: require s.packed", "dropped: s.arrived := True", "negated: s.packed",
        "s.packed -> False",
    ]  # fmt: skip
    assert found.same["toy"] == 1  # require True is require dropped
    assert found.discarded == {("toy", "requires after a write"): 1}  # arrived := True before require packed


def test_the_queue_has_exactly_these() -> None:
    found = made(Queue)
    assert of(found, "arrive") == [
        "dropped: s.waiting := s.waiting with place", "off by one: place", "s.waiting with place: add -> discard",
    ]  # fmt: skip
    assert of(found, "prefer") == ["dropped: s.first := place", "off by one: place"]
    assert of(found, "initial") == ["1 -> 0", "dropped: do prefer(1)"]
    assert of(found, "serve") == [
        "dropped: if not is_some(place):", "dropped: s.served := wrap(unwrap(place))",
        "dropped: s.waiting := s.waiting without unwrap(place)", "highest(s.waiting): highest -> lowest",
        "negated: is_some(place)", "not is_some(place) -> True", "off by one: unwrap(place)", "off by one: unwrap(place)",
        "s.waiting without unwrap(place): discard -> add",
        "swapped: if not is_some(place): | s.waiting := s.waiting without unwrap(place)",
        "swapped: s.waiting := s.waiting without unwrap(place) | s.served := wrap(unwrap(place))",
    ]  # fmt: skip
    assert found.discarded == {
        ("toy", "a value out of its range"): 1,  # prefer(2)
        ("toy", "uses a name before it is set"): 2,  # `place` dropped; asked for before it is set
    }


def test_arguments_are_swapped() -> None:
    found = made(Post)
    assert "letter(): arguments to and sender swapped" in of(found, "write_to")
    swapped = next(m for m in found.mutants if m.operator == "arguments 0 and 1")
    assert "+        do letter(sender, to)" in swapped.diff
    assert "-        do letter(to, sender)" in swapped.diff
    assert swapped.site.loc.line and swapped.site.loc.file.endswith("mutant_toys.py")


def test_what_the_language_refuses_is_counted() -> None:
    found = made(Order)
    assert found.discarded == {
        ("toy", "uses a name before it is set"): 2,  # `pair` dropped, or named after its first use
    }
    assert "swapped: require not s.pair.left | ref pair = s.pair" in of(found, "turn")
    assert "swapped: pair.left := True | pair.right := pair.left" in of(found, "turn")
    found = made(Asked)
    assert found.discarded == {("toy", "may end without a value"): 1}  # is_one() without its last line
    assert "is_one(): arguments s.pair.left and s.pair.right swapped" in of(found, "ask")


def test_mutants_differ_from_the_original_and_from_each_other() -> None:
    for design in (Lamp, Parcel, Queue, Post, Order, Asked):
        program = lower(design, ToyScope())
        found = generate(program, everything)
        texts = [(m.function, function_text(normal(m.changed))) for m in found.mutants]
        assert len(set(texts)) == len(texts) > 0
        for name, function in program.functions.items():
            assert (name, function_text(normal(function))) not in texts
        assert len({m.name for m in found.mutants}) == len(texts)


def test_an_operator_that_changes_nothing_yields_no_mutant(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machinery broken on purpose: the "mutant" is the original, or the original written in another way."""

    def idle(site: Any, functions: Any) -> Iterator[tuple[str, str, Any]]:
        yield "idle", "nothing", site.node
        if isinstance(site.node, ir.Load) and site.node.type == ir.BOOL:
            yield "idle", "not not", ir.Not(ir.Not(site.node, ir.BOOL, site.node.loc), ir.BOOL, site.node.loc)

    monkeypatch.setattr(operators, "replacements", idle)
    monkeypatch.setattr(operators, "rearrangements", lambda site: iter(()))
    for design in (Lamp, Queue):
        found = generate(lower(design, ToyScope()), everything)
        assert found.mutants == []
        assert found.same["toy"] > 5


def test_the_check_refuses_what_it_is_there_for() -> None:
    program = lower(Queue, ToyScope())
    serve, why_not = program.functions["serve"], WellFormed(program.functions).why_not
    assert why_not(serve) is None
    assert why_not(replace(serve, body=serve.body[1:])) == "uses a name before it is set"
    assert why_not(replace(serve, returns=ir.BOOL)) == "may end without a value"
    write, guard = serve.body[-1], ir.Require(ir.Const(1, ir.BOOL, serve.loc), serve.loc)
    assert why_not(replace(serve, body=(*serve.body[:2], write, guard))) == "requires after a write"


@pytest.fixture(scope="module")
def systems() -> list[ir.Program]:
    from checker.matrix.cells import matrix
    from checker.matrix.roles import designs

    cells = matrix(
        ("v6", designs()["v6"]), kernels=["v6"], vmms=["any_vmm"], guests=["lapic"], devices=["level"],
        scope={"cpus": 2, "pins": 2, "vectors": 2, "ioapic": IoapicVersion.V11},
    )  # fmt: skip
    kvm = lower(cells[0].system, cells[0].scope, KVM_VIEW.conditions)  # type: ignore[union-attr]
    return [kvm, lower(with_messages(bench()), Scope())]


def test_every_rule_of_the_model_is_well_formed(systems: list[ir.Program]) -> None:
    """The check knows the language: it has nothing against what the lowering made."""
    for program in systems:
        assert len(program.functions) > 10
        language = WellFormed(program.functions)
        for function in program.functions.values():
            assert language.why_not(function) is None, function.name


def test_sides(systems: list[ir.Program]) -> None:
    """Which functions are whose rules: KVM's modules and designs, the I/O APICs, and nothing of guests and devices."""
    kvm, qemu = (
        {side: {g for g, h in p.functions.items() if rules(h) == side} for side in map(rules, p.functions.values())}
        for p, rules in zip(systems, (kvm_rules, qemu_rules), strict=True)
    )
    assert {"apic_set_eoi", "vcpu_enter_guest", "kvm_lapic_suppress_eoi_broadcast", "kvm_scan_ioapic_irq"} <= kvm[KVM]
    assert {"kvm_ioapic_update_eoi_one", "kvm_ioapic_service", "kvm_set_ioapic"} <= kvm[IOAPIC]
    assert {"ioctl_irq_line", "write_spiv", "device_raise", "lvr_bit_24"} <= kvm[None]
    assert qemu[IOAPIC] == {
        "ioapic_set_irq", "ioapic_service", "ioapic_eoi_broadcast", "ioapic_count_eoi", "delayed_ioapic_service_cb",
        "ioapic_mem_write_eoi", "ioapic_mem_write_rte", "ioapic_update_kvm_routes", "ioapic_gsi", "ioapic_version",
    } - ({"ioapic_count_eoi"} - set(systems[1].functions))  # fmt: skip
    assert KVM not in qemu
    assert not [f for f in systems[0].functions.values() if qemu_rules(f)]  # no VMM is in a system of KVM's
    assert not [f for f in systems[1].functions.values() if kvm_rules(f)]


def test_every_kind_of_change_is_made(systems: list[ir.Program]) -> None:
    kvm, qemu = systems
    found = [*generate(kvm, kvm_rules).mutants, *generate(qemu, qemu_rules).mutants]
    kinds = {m.operator.partition("=")[0] for m in found}
    assert kinds >= {
        "dropped", "order", "negated", "condition", "logic", "operand dropped", "compare", "constant", "mask", "pick",
        "quantifier", "off by one", "loop", "arguments 1 and 2",
    }, kinds  # fmt: skip
    what = {str(m) for m in found}
    assert any("dropped: do kvm_make_scan_ioapic_request()" in w for w in what)  # the missing rescan
    assert any(w.endswith("dropped: return") for w in what)  # an early return
