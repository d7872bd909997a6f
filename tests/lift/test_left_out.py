"""What the lift leaves out must not swallow what the patch does: an effect in it is refused, and so is a changed line that the model has
not, unless its row says why that is harmless. Beside each stands a change without effect, so that there is a class to be judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checker.errors import UserError
from checker.matrix import lifting
from lift.accounting import HARMLESS, IF_ADDED
from lift.refusal import NotLifted
from lift.table import read_table
from tests.command.conftest import Ran
from tests.lift.test_forms import function, lift
from tests.lift.test_qemu import changed as qemu_changed
from tests.lift.test_tree import WHOLE, on, patch_of
from tests.rigs.own_c import FILES, LAPIC, OBEYS, X86, diff_of, edited
from tests.rigs.own_ioapic import changed
from tests.rigs.own_tree import changed as changed_tree

Change = tuple[str, str]
SAME = (
    "	if (!kvm_ioapic_handles_vector(apic, vector))\n",
    "	if (kvm_ioapic_handles_vector(apic, vector) == false)\n",
)
SAME_PIN = (
    "	if (ret && irqe.trig_mode == IOAPIC_LEVEL_TRIG)\n",
    "	if (irqe.trig_mode == IOAPIC_LEVEL_TRIG && ret)\n",
)
STALE = "	if (apic->vcpu->arch.highest_stale_pending_ioapic_eoi == vector)\n"
STORED = "		apic->vcpu->arch.pending_ioapic_eoi = vector;\n"
LVR = "	v = APIC_VERSION | ((apic->nr_lvt_entries - 1) << 16);\n"
OPENS = "	ent->fields.remote_irr = 0;\n"
KEPT = "		mask_before = e->fields.mask;\n"


def said(line: str) -> tuple[str, str]:
    """A statement before what kvm_ioapic_send_eoi() does."""
    return STALE, f"	{line}\n" + STALE


# of lapic.c
IN_LAPIC: dict[str, tuple[Change, str]] = {
    "a bit that the model has, among others": ((LVR, LVR.replace("((apic->nr_lvt_entries - 1) << 16)", "(((apic->nr_lvt_entries - 1) << 16) | APIC_LVR_DIRECTED_EOI)")), "`v = (APIC_VERSION | ((apic->nr_lvt_entries - 1) << 16))`, which is left out of the model: other bits of LVR"),
    "a register whose other bits are lost": (("		v |= APIC_LVR_DIRECTED_EOI;\n", "		v = APIC_LVR_DIRECTED_EOI;\n"), "which is left out of the model: other bits of LVR"),
    "a call in a warning": (said("WARN_ON_ONCE(apic_set_eoi(apic) == vector);"), "`apic_set_eoi(apic)` would be left out with what it stands in"),
    "a call that nobody knows in a warning": (said("WARN_ON_ONCE(invented(apic));"), "`invented(apic)` would be left out with what it stands in"),
    "a step in a warning": (said("WARN_ON_ONCE(apic->vcpu->arch.highest_stale_pending_ioapic_eoi-- == vector);"), "highest_stale_pending_ioapic_eoi--` would be left out"),
    "a store in a trace": (said("trace_kvm_eoi(apic, vector = 0);"), "`vector = 0` would be left out"),
    "a store in a message": (said('pr_debug("%d", ++apic->vcpu->arch.pending_ioapic_eoi);'), "`++apic->vcpu->arch.pending_ioapic_eoi` would be left out"),
    "a call in a lock": (said("mutex_lock(ioapic_service(ioapic, 0, false));"), "`ioapic_service(ioapic, 0, false)` would be left out"),
    "a store in a request": (said("kvm_make_request(KVM_REQ_EVENT, (apic->vcpu->arch.pending_ioapic_eoi = vector, apic->vcpu));"), "pending_ioapic_eoi = vector` would be left out"),
    "a store in a pointer to the one VM": (said("kvm_make_scan_ioapic_request((vector = 1, apic->vcpu)->kvm);"), "`vector = 1` would be left out"),
    "a request of another kind": (said("kvm_make_request(KVM_REQ_EVENT, apic->vcpu);"), "which is left out of the model: events are looked for at each entry"),
    "a store to what an ignored call returns": (said("apic->vcpu->arch.pending_ioapic_eoi = srcu_read_lock(x);"), "`apic->vcpu->arch.pending_ioapic_eoi` would be left out with `srcu_read_lock(x)`, and it is of the model"),
    "a parameter that it is stored to": (said("vector = atomic_read(x);"), "`vector` would be left out with `atomic_read(x)`"),
    "an atomic store": (said("atomic_set(&apic->vcpu->arch.pending_ioapic_eoi, vector);"), "which is left out of the model: an atomic operation"),
    "a pointer that is published": (said("rcu_assign_pointer(apic->vcpu->arch.pending_ioapic_eoi, vector);"), "which is left out of the model: RCU"),
    "a barrier": (said("smp_wmb();"), "`smp_wmb()`, which is left out of the model: the order of memory accesses"),
    "a lock of another kind": (said("spin_lock(&x);"), "`spin_lock(&x)`, which is left out of the model: a lock"),
    "an unlock alone": (said("mutex_unlock(&x);"), "`mutex_unlock(&x)`: it is let go, and is not taken on each way to here"),
    "a lock that is let go": (said("mutex_unlock(&x);\n	mutex_lock(&x);"), "`mutex_unlock(&x)`: it is let go, and is not taken on each way to here"),
    "a nested guest": (said("if (is_guest_mode(apic->vcpu))\n		return;"), "`is_guest_mode(apic->vcpu) is False`, which is left out of the model: no nested guest"),
    "a nested guest in a condition": (("	if (irqchip_split(apic->vcpu->kvm)) {\n", "	if (irqchip_split(apic->vcpu->kvm) && !is_guest_mode(apic->vcpu)) {\n"), "no nested guest"),
    "what is done where there is a SynIC": (('		pr_debug("synic");\n', "		apic_clear_isr(vector, apic);\n"), "`kvm_hv_synic_has_vector(apic->vcpu, vector)` is False in the model"),
    "when an ignored line is run": (("	kvm_make_request(KVM_REQ_EVENT, apic->vcpu);\n", "	if (vector == 0)\n		kvm_make_request(KVM_REQ_EVENT, apic->vcpu);\n"), "events are looked for at each entry"),
    "how often an ignored line is run": (said("for (vector = 0; vector < 3; vector++)\n		pr_debug(x);"), "`vector = 0` would be left out with its loop"),
}  # fmt: skip
# of ioapic.c
IN_IOAPIC: dict[str, tuple[Change, str]] = {
    "an NMI": (("irqe.delivery_mode = APIC_DM_FIXED;", "irqe.delivery_mode = APIC_DM_NMI;"), "`irqe.delivery_mode = APIC_DM_FIXED`, which is left out of the model: fixed delivery"),
    "a level that is removed": (("	irqe.level = 1;\n", ""), "`irqe.level = 1`, which is left out of the model: fixed delivery"),
    "a call in a value": (("mode_of(entry)", "apic_set_eoi(apic)"), "`apic_set_eoi(apic)` would be left out"),
    "a store in a value": (("ioapic->irr_delivered |= 1 << irq;", "ioapic->irr_delivered |= (ioapic->irr = 0);"), "`ioapic->irr = 0` would be left out"),
    "a store of two": ((KEPT, KEPT.replace(";", " = 0;")), "`e->fields.mask = 0` would be left out"),
    "a call in what is ignored by its name": (("	rtc_irq_eoi(ioapic, vcpu, vector);\n", "	rtc_irq_eoi(ioapic, vcpu, ioapic_service(ioapic, 0, false));\n"), "`ioapic_service(ioapic, 0, false)` would be left out"),
    "a store in a trace": ((OPENS, OPENS + "	trace_own_opened(ent->fields.remote_irr = 1);\n"), "`ent->fields.remote_irr = 1` would be left out"),
    "the condition of an ignored line": (("	if (irqe.trig_mode != IOAPIC_LEVEL_TRIG)\n", "	if (ret)\n"), "what is done there is left out"),
    "another VM's I/O APIC": (("		kvm_ioapic_update_eoi_one(vcpu, ioapic, trigger_mode, i);\n", "		kvm_ioapic_update_eoi_one(vcpu, other->arch.vioapic, trigger_mode, i);\n"), "`other` is not known here, and `other->arch.vioapic` would be left out"),
    "the condition of a notifier": (("		if (mask_before != mask_after)\n", "		if (mask_before == mask_after)\n"), "mask_before"),
}  # fmt: skip


@pytest.mark.parametrize("which", [*IN_LAPIC, *(f"{name} of a pin" for name in IN_IOAPIC)])
def test_is_refused_where_it_stands(which: str, tmp_path: Path) -> None:
    name = which.removesuffix(" of a pin")
    change, why = (IN_IOAPIC if which != name else IN_LAPIC)[name]
    patch = changed(SAME_PIN, change) if which != name else diff_of(edited(LAPIC, SAME, change))
    with pytest.raises(UserError) as refused:
        lift(tmp_path, patch)
    assert why in str(refused.value), refused.value
    line = int(str(refused.value).split("p0.patch:")[1].split(":")[0])
    assert patch.splitlines()[line - 1][:1] in ("+", "-")


def test_it_is_refused_in_qemu_too(tmp_path: Path) -> None:
    change = ("                        trace_own_storm(n);\n", "                        trace_own_storm(s->irr = 0);\n")
    with pytest.raises(UserError, match=r"`s->irr = 0` would be left out"):
        lift(tmp_path, qemu_changed(change))


def test_every_line_is_told(tmp_path: Path) -> None:
    """The first where it stands, the others below."""
    with pytest.raises(UserError) as refused:
        lift(tmp_path, diff_of(edited(LAPIC, SAME, said("smp_wmb();\n	atomic_inc(x);"))))
    first, *below = str(refused.value).splitlines()
    assert "`smp_wmb()`" in first and "take it out of the patch, and the rest is judged" in below[0]
    assert below[1].strip() == "and so are" and "not modelled: atomic_inc(x)  # an atomic operation" in below[2]


HARMLESS_LINES = {
    "tracing": "trace_kvm_eoi(apic, vector);",
    "logging": 'pr_debug("%d", vector);',
    "a warning": "WARN_ON_ONCE(vector == vector || kvm_lapic_get_reg(apic, APIC_SPIV) || irqchip_split(apic->vcpu->kvm));",
    "reads": "trace_own(READ_ONCE(apic->x), atomic_read(&apic->y), kvm_apic_id(apic), min(vector, 3), max(vector, 3));",
    "a warning under a condition": "if (vector == vector)\n		WARN_ON_ONCE(vector);",
    "a lock that is held": "mutex_lock(&x);\n	mutex_unlock(&x);",
}


@pytest.mark.parametrize("which", HARMLESS_LINES)
def test_what_changes_nothing_is_left_out_and_told(which: str, tmp_path: Path) -> None:
    found = lift(tmp_path, diff_of(edited(LAPIC, SAME, said(HARMLESS_LINES[which]))))
    assert list(found.found.functions) == ["kvm_ioapic_send_eoi"]
    assert any(x.changed and x.mark == HARMLESS for x in found.found.left_out) and found.left_out


def test_a_lock_that_is_taken_away(tmp_path: Path) -> None:
    """What is harmless if it is added is not if it is removed."""
    held = edited(LAPIC, said(HARMLESS_LINES["a lock that is held"]))
    with pytest.raises(UserError, match=r"`mutex_lock\(&x\)`, which is left out of the model: a lock"):
        lift(tmp_path, diff_of(edited(LAPIC, SAME), before=held))


@pytest.mark.parametrize("store", ["smp_store_release(&{}, vector);", "WRITE_ONCE({}, vector);"])
def test_a_store_by_a_macro_is_a_store(store: str, tmp_path: Path) -> None:
    text = "		" + store.format("apic->vcpu->arch.pending_ioapic_eoi") + "\n"
    with pytest.raises(UserError, match="it changes nothing that the model has"):
        lift(tmp_path, diff_of(edited(LAPIC, (STORED, text))))
    assert lift(tmp_path, diff_of(edited(LAPIC, SAME, (STORED, text)))).found.functions
    more = function(lift(tmp_path, diff_of(edited(LAPIC, (STORED, STORED + text)))).source, "kvm_ioapic_send_eoi")
    assert more.count("apic.pending_ioapic_eoi = vector") == 2


def test_an_order_that_is_not_asked_for_any_more(tmp_path: Path) -> None:
    text = "		smp_store_release(&apic->vcpu->arch.pending_ioapic_eoi, vector);\n"
    with pytest.raises(UserError, match=r"`smp_store_release`, which is left out of the model: the order of memory"):
        lift(tmp_path, diff_of(edited(LAPIC, SAME), before=edited(LAPIC, (STORED, text))))


def test_the_kernels_own_lines_are_as_they_were(tmp_path: Path) -> None:
    """A call that nobody knows may stand in what is left out of them; a store, or a call that the model has as a statement, may not."""
    own = said("pr_debug(x, invented(apic));")
    assert lift(tmp_path, diff_of(edited(LAPIC, own, OBEYS), before=edited(LAPIC, own))).found.functions
    for other in ("vector = 0", "apic_set_eoi(apic)"):
        own = said(f"pr_debug(x, {other});")
        found = lift(tmp_path, diff_of(edited(LAPIC, own, OBEYS), 8, edited(LAPIC, own)))
        assert any("this line of the context" in line and other in line for line in found.left_out)


def test_a_case_that_is_left_out_says_only_what_is_returned(tmp_path: Path) -> None:
    case = "	case KVM_CAP_NR_VCPUS:\n"
    new = "	case KVM_CAP_SPLIT_IRQCHIP_API:\n		r = {};\n		break;\n" + case
    obeys = edited(LAPIC, OBEYS)
    assert lift(tmp_path, diff_of({**obeys, **edited(X86, (case, new.format(1)))})).found.functions
    with pytest.raises(UserError, match="this statement does more than to say what is returned"):
        lift(tmp_path, diff_of({**obeys, **edited(X86, (case, new.format("apic_set_eoi(apic)")))}))


def test_on_a_tree_it_is_the_same(tmp_path: Path) -> None:
    mode = ("irqe.delivery_mode = APIC_DM_FIXED;", "irqe.delivery_mode = APIC_DM_NMI;")
    served = SAME_PIN
    for change, why in (
        (mode, "fixed delivery"),
        (said("if (is_guest_mode(apic->vcpu))\n		return;"), "no nested guest"),
    ):
        with pytest.raises(UserError) as refused:
            on(tmp_path, WHOLE, patch_of(changed_tree(WHOLE, served, change)))
        assert "the patch changes" in str(refused.value) and f"left out of the model: {why}" in str(refused.value)
    level = ("	irqe.level = 1;\n", "")
    with pytest.raises(UserError, match=r"`irqe.level = 1`, which is left out of the model: fixed delivery"):
        on(tmp_path, WHOLE, patch_of(changed_tree(WHOLE, served, level)))


def test_no_verdict_is_given(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "p.patch").write_text(diff_of(edited(LAPIC, SAME, said("smp_wmb();"))))
    for command in (("prove",), ("diff", "v1"), ("prove", "--absolute"), ("lift",)):
        ran = eoi(*command, str(tmp_path / "p.patch"))
        assert ran.code == 2 and "p.patch:" in ran.err and "the order of memory accesses" in ran.err and not ran.out


def test_a_row_says_why_it_is_harmless() -> None:
    table = read_table(
        "[ignore]\na $x  # harmless: why\n".replace("a $x", "a($x)") + "b  # harmless if added: this\nc  # that\n"
    )
    assert [(row.mark, row.why) for row in table.rows["ignore"]] == [
        (HARMLESS, "why"),
        (IF_ADDED, "this"),
        ("", "that"),
    ]
    with pytest.raises(NotLifted, match="say why"):
        read_table("[no effect]\na\n")
    for shown in lifting.TABLES:
        marked = [r for rows in lifting.table(shown).rows.values() for r in rows if r.mark]
        assert all(row.why for row in marked) and len(marked) < 40


def test_every_form_and_the_first_screen_name_it(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "p.patch").write_text(diff_of(edited(LAPIC, SAME, said(HARMLESS_LINES["tracing"]))))
    one = ("--vmm", "qemu", "--guest", "linux", "--scope", "cpus=1,pins=1,ioapic=0x11", "--property", "no_eoi_lost")
    for form in ("checkpatch", "b4", "junit", "ktap", "markdown", "sarif", "json"):
        told = eoi("prove", str(tmp_path / "p.patch"), *one, "--format", form).out
        assert "trace" in told and "tracing" in told, form
    warned = eoi("prove", str(tmp_path / "p.patch"), *one, "--format", "checkpatch").out.splitlines()[-1]
    assert warned == "WARNING:LEFT_OUT: of the changed lines: p.patch:13: trace_kvm_eoi(apic, vector) (tracing)"
    for asked in ((), ("--brief",)):
        first = eoi("prove", str(tmp_path / "p.patch"), *one, *asked).out.partition("\n\n")[0]
        assert "\nleft out: p.patch:13: trace_kvm_eoi(apic, vector) (tracing)" in first
    compared = eoi("diff", str(tmp_path / "p.patch"), "base", *one, "--format", "checkpatch").out
    assert compared.endswith(f"{warned}\n")
    without = tmp_path / "without.patch"
    without.write_text(diff_of(edited(LAPIC, SAME)))
    assert "LEFT_OUT" not in eoi("prove", str(without), *one, "--format", "checkpatch").out
    assert "left out: " not in eoi("prove", str(without), *one).out.partition("\n\n")[0]


# --- hunks whose heading names no function ---

HEADLESS = {
    "a condition": ("	if (kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)\n		return;\n", "`if (kvm_lapic_get_reg("),
    "a call": ("	kvm_make_request(KVM_REQ_SCAN_IOAPIC, apic->vcpu);\n", "`kvm_make_request("),
    "a return": ("	return apic_has(apic);\n", "`return apic_has(apic);`"),
    "a call that looks like a prototype": ("	u32 * kvm_make_request(apic);\n", "`u32 * kvm_make_request(apic);`"),
    "a call at the margin": ("kvm_ioapic_send_eoi(apic, vector);\n", "`kvm_ioapic_send_eoi(apic, vector);`"),
    "a return at the margin": ("return kvm_x(apic);\n", "`return kvm_x(apic);`"),
}  # fmt: skip
HEADINGS = ("", " out:", " struct kvm_vcpu;", " EXPORT_SYMBOL_GPL(kvm_x);", " #ifdef CONFIG_X")


def beside_the_same(added: str, heading: str) -> str:
    """A patch with a change without effect, and a hunk of which nobody says the function. It is of a function that no other hunk shows."""
    before = "	int r;\n\n	r = 0;\n"
    after = before + added
    count = len(before.splitlines()), len(after.splitlines())
    rows = [f" {line}" for line in before.splitlines()] + [f"+{line}" for line in added.splitlines()]
    hunk = f"@@ -3000,{count[0]} +3000,{count[1]} @@{heading}\n" + "\n".join(rows) + "\n"
    return diff_of(edited(LAPIC, SAME)) + hunk


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("what", HEADLESS)
def test_a_statement_is_no_declaration_where_the_heading_names_no_function(
    tmp_path: Path, what: str, heading: str
) -> None:
    added, told = HEADLESS[what]
    with pytest.raises((NotLifted, UserError)) as refused:
        lift(tmp_path, beside_the_same(added, heading))
    assert told in str(refused.value) and "outside of all functions" in str(refused.value)


@pytest.mark.parametrize(
    "added",
    [
        "bool kvm_lapic_is_said(struct kvm_lapic *apic,\n			int vector);\n",
        "EXPORT_SYMBOL_GPL(kvm_apic_match_dest);\n",
    ],
)
def test_what_is_declared_is_still_passed_over_and_named(tmp_path: Path, added: str) -> None:
    text = FILES[LAPIC]
    found = lift(tmp_path, diff_of({LAPIC: edited(LAPIC, SAME)[LAPIC] + "\n" + added}, before={LAPIC: text}))
    assert any("a declaration" in line for line in found.left_out)
