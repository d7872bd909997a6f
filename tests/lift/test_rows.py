"""Rows beside those of whole functions: what is the model's own, and anchors."""

from __future__ import annotations

import pytest

from checker.command.drift import as_json, exit_of, headline, report
from checker.command.exits import Exit
from checker.matrix import lifting
from checker.questions.drift import Sameness
from lift.refusal import NotLifted
from lift.surface import Surface
from lift.table import read_table
from model.designs.base import Base
from tests.lift.test_drift import drifted, of_later, row
from tests.rigs.own_tree import LATER, X86, changed


def test_what_is_the_models_own_is_not_missing() -> None:
    found = of_later()
    assert found.own["any_vcpu_created"] == "a read of kvm->created_vcpus"
    assert not set(found.own) & set(found.without)
    assert "kvm_ioapic_eoi_pin" not in found.without  # it is in [parts]
    assert any(
        line.startswith("The model's own, no functions of the C: any_vcpu_created")
        for line in report("own", found, chosen=False)
    )
    assert as_json("own", found)["own"] == found.own


def test_a_name_that_the_model_has_not_is_no_own_one() -> None:
    text = lifting.TABLE.read_text().replace("\nany_vcpu_created ", "\nany_vcpu_creatde ")
    line = text.split("\n").index(next(x for x in text.split("\n") if x.startswith("any_vcpu_creatde"))) + 1
    with pytest.raises(NotLifted) as refused:
        read_table(text, "mine.txt").own(Surface(Base).functions)
    assert str(refused.value) == f"mine.txt:{line}: [own]: the model has no function any_vcpu_creatde()"


def test_anchors_say_the_order_and_nothing_else() -> None:
    found = of_later()
    asked = row(found, "vcpu_enter_guest")
    assert asked.kind is Sameness.ORDER and asked.said.startswith("of 7 anchors  (") and asked not in found.agree
    assert ", 2 in the same order" in headline("own", found)
    shown = next(r for r in as_json("own", found)["rows"] if r["model"] == "vcpu_enter_guest")  # type: ignore[attr-defined]
    assert shown["kind"] == "same order" and shown["anchors"][0] == "kvm_check_request(KVM_REQ_IOAPIC_EOI_EXIT, vcpu)"


SCANNED = "	if (kvm_check_request(KVM_REQ_SCAN_IOAPIC, vcpu))\n		vcpu_scan_ioapic(vcpu);\n"
ASKED = "	if (kvm_check_request(KVM_REQ_IOAPIC_EOI_EXIT, vcpu)) {\n"
MOVED: dict[str, tuple[tuple[str, str], tuple[str, str], str, str]] = {
    "of an #if that is not known": ((SCANNED, "#if ODD\n" + SCANNED + "#endif\n"), ("", ""), "whether this `#if` is compiled is not known", "#if ODD"),
    "the scan comes first": ((SCANNED, ""), (ASKED, SCANNED + ASKED), "`kvm_check_request(KVM_REQ_SCAN_IOAPIC, vcpu)` stands before `vcpu->run->eoi.vector = vcpu->arch.pending_ioapic_eoi`", "	if (kvm_check_request(KVM_REQ_SCAN_IOAPIC, vcpu))"),
    "it is gone": ((SCANNED, ""), ("", ""), "`kvm_check_request(KVM_REQ_SCAN_IOAPIC, vcpu)` stands nowhere in it", "static int vcpu_enter_guest(struct kvm_vcpu *vcpu)"),
    "it is there twice": ((SCANNED, SCANNED + "	/* again */\n	vcpu_scan_ioapic(vcpu);\n"), ("", ""), "`vcpu_scan_ioapic(vcpu)` stands twice in it", "	vcpu_scan_ioapic(vcpu);"),
    "of something else": ((SCANNED, SCANNED.replace("vcpu_scan", "x->vcpu_scan")), ("", ""), "`vcpu_scan_ioapic(vcpu)` stands nowhere in it", "static int vcpu_enter_guest(struct kvm_vcpu *vcpu)"),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVED)
def test_another_order_is_refused(name: str) -> None:
    first, second, said, at = MOVED[name]
    tree = changed(LATER, *(c for c in (first, second) if c[0]))
    found = drifted(tree)
    line = tree[X86].split("\n").index(at) + 1
    told = row(found, "vcpu_enter_guest")
    assert told.kind is Sameness.REFUSED and told.said == f"{X86}:{line}: vcpu_enter_guest(): {said}"
    assert exit_of(found) is Exit.OPEN
