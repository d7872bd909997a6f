"""Rows of other kinds: what is the model's own, anchors, parameters with one value, errno that is returned, a loop that is run once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from checker.command.drift import as_json, exit_of, headline, report
from checker.command.exits import Exit
from checker.matrix import lifting
from checker.questions.drift import Sameness
from lift.refusal import NotLifted
from lift.surface import Surface
from lift.table import read_table
from model.designs.base import Base
from tests.lift.test_drift import drifted, of_later, only, row
from tests.rigs.own_tree import HEADER, IOAPIC, IRQCHIP, LATER, MAIN, X86, changed

pytestmark = pytest.mark.everything  # seconds, of what seldom changes


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
    assert ", 4 in the same order" in headline("own", found)
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


def at(tree: Mapping[str, str], file: str, text: str) -> str:
    return f"{file}:{tree[file][: tree[file].index(text)].count(chr(10)) + 1}"


def is_refused(tree: Mapping[str, str], model: str, file: str, text: str, said: str) -> None:
    """At the line where the text stands, and with this sentence."""
    told = only(tree, model)
    assert (told.kind, told.said) == (Sameness.REFUSED, f"{at(tree, file, text)}: {said}")


def test_a_parameter_with_one_value() -> None:
    """Each value is a function of the model; a call with another one is none."""
    found = of_later()
    assert row(found, "kvm_make_request_scan_ioapic").row.c == row(found, "kvm_make_request_ioapic_eoi_exit").row.c
    heard = "	kvm_notify_acked_irq(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin);\n"
    tree = changed(LATER, (heard, heard.replace("IOAPIC, pin", "PIC_MASTER, pin")))
    said = "the model has no function kvm_notify_acked_irq() of these values"
    is_refused(tree, "kvm_ioapic_update_eoi_one", IOAPIC, "	kvm_notify_acked_irq(ioapic->kvm, KVM_IRQCHIP_PIC", said)
    tree = changed(LATER, ("	__kvm_make_request(req, vcpu);\n", ""))
    told = only(tree, "kvm_make_request_scan_ioapic")
    assert told.kind is Sameness.DIFFERENT and "CPU0 REQ_SCAN_IOAPIC is 1 in the model, 0 in the C" in told.said
    tree = changed(LATER, ("	__kvm_make_request(req, vcpu);\n", "	__kvm_make_request(KVM_REQ_EVENT, vcpu);\n"))
    said = "the model has no function __kvm_make_request()"
    is_refused(tree, "kvm_make_request_scan_ioapic", HEADER, "	__kvm_make_request(KVM_REQ_EVENT, vcpu);", said)


def test_errno_that_is_returned() -> None:
    told = only(changed(LATER, ("	return -ENXIO;\n", "	return 0;\n")), "kvm_vm_ioctl_irq_line")
    assert told.kind is Sameness.DIFFERENT and "errno is ENXIO in the model, OK in the C" in told.said
    tree = changed(LATER, ("	return -ENXIO;\n", "	return -EPERM;\n"))
    is_refused(tree, "kvm_vm_ioctl_irq_line", X86, "	return -EPERM;", "no row of the table covers `-EPERM`")


def test_a_loop_that_is_run_once() -> None:
    loop = "	while (i--) {\n"
    tree = changed(LATER, (loop, "	while (--i) {\n"))
    is_refused(tree, "kvm_set_irq", IRQCHIP, "	while (--i) {", "a `while` statement")
    tree = changed(
        LATER, ("		if (r < 0)\n			continue;\n", "		if (gsi_is_new(i))\n			continue;\n")
    )
    assert only(tree, "kvm_set_irq").kind is Sameness.REFUSED
    tree = changed(
        LATER, ("		ret = r + (ret < 0 ? 0 : ret);\n", "		ret = kvm_set_msi(e, kvm, 0, level, false);\n")
    )
    assert only(tree, "kvm_set_irq").kind is Sameness.REFUSED


def test_what_an_architecture_says_of_itself() -> None:
    """A condition of it in the function is known where a header has it, and else not."""
    tree = changed(LATER, ("#define __KVM_HAVE_IRQ_LINE\n", "\n"))
    said = "kvm_vm_ioctl(): whether this `#if` is compiled is not known"
    is_refused(tree, "ioctl_KVM_SET_GSI_ROUTING", MAIN, "#ifdef __KVM_HAVE", said)


def test_a_local_that_may_have_no_value_is_refused() -> None:
    """No step comes to the function, so lowering says nothing of it."""
    ended = "	r = kvm_cpuid_check_equal(vcpu, e2, nent);\n	if (r)\n		return r;\n"
    tree = changed(
        LATER,
        ("		r = kvm_check_cpuid(vcpu, e2, nent);\n", ""),
        (ended, ""),
        (
            "	__kvm_update_cpuid_runtime(vcpu, e2, nent);\n",
            "	if (kvm_vcpu_has_run(vcpu))\n		r = kvm_cpuid_check_equal(vcpu, e2, nent);\n",
        ),
    )
    told = only(tree, "kvm_set_cpuid")
    assert (
        told.kind is Sameness.REFUSED and ": not in the modelling language: a local that has no value" in told.said
    ), told.said
