"""`eoi drift`: what a kernel's source says, function by function; each kind of answer, and changes that it has to notice."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from checker.command.drift import WIDTH, exit_of, headline, report
from checker.command.exits import Exit
from checker.matrix import lifting
from checker.matrix.roles import designs
from checker.matrix.trees import nearest
from checker.questions.drift import Drift, RowJudged, Sameness, drift
from lift.ctokens import Row
from lift.table import FunctionRow
from lift.tree import Tree, compiled
from lift.whole import rows_of
from tests.command.conftest import Ran
from tests.rigs.own_c import IOAPIC
from tests.rigs.own_tree import CPUID, EARLY, IRQ, LAPIC, LATER, NEWEST, X86, changed, written
from tests.rigs.volume import at_once

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

TREE = os.environ.get("EOI_TREE", "")
needs_a_tree = pytest.mark.skipif(not TREE, reason="EOI_TREE names no kernel tree")


def drifted(tree: Mapping[str, str], design: str = "base") -> Drift:
    return drift(Tree(tree), design, designs()[design], lifting.table())


TREES = {"early": EARLY, "later": LATER, "newest": NEWEST}


@functools.cache
def _of(which: str) -> Drift:
    return drifted(TREES[which])


def of_later() -> Drift:
    return _of("later")


def row(found: Drift, model: str) -> RowJudged:
    return next(j for j in found.rows if j.row.model == model)


def only(tree: Mapping[str, str], model: str) -> RowJudged:
    """One row, and no other is judged."""

    def of_it(*arguments: Any) -> list[FunctionRow]:
        return [r for r in rows_of(*arguments) if r.model == model]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("checker.questions.drift.rows_of", of_it)
        return row(drifted(tree), model)


ABSENT = ["kvm_ioapic_write_eoi", "enable_KVM_CAP_SPLIT_IRQCHIP_API"]  # proposals


@pytest.mark.parametrize("which", at_once(list(TREES), 3))
def test_a_tree_of_our_own_says_what_the_model_says(which: str) -> None:
    found = _of(which)
    assert [j.row.model for j in found.of(Sameness.ABSENT)] == ABSENT
    ordered = [j.row.model for j in found.of(Sameness.ORDER)]
    assert ordered == ["vcpu_enter_guest", "kvm_check_and_inject_events", "kvm_set_irq_routing", "kvm_arch_vcpu_create"]
    assert len(found.agree) == len(found.rows) - len(ABSENT) - len(ordered) >= 47
    assert found.of(Sameness.TEXT) and found.of(Sameness.SAME) and len(found.of(Sameness.IF)) == 3
    assert row(found, "kvm_arch_irq_routing_update").row.c == (
        "kvm_arch_post_irq_routing_update" if which == "early" else "kvm_arch_irq_routing_update"
    )


# what is changed, and in which function of the model that is told
SEEDED: dict[str, tuple[str, str, str]] = {
    "handles": ("return test_bit(vector, apic", "return !test_bit(vector, apic", "kvm_ioapic_handles_vector"),
    "stale": ("highest_stale_pending_ioapic_eoi == vector)", "highest_stale_pending_ioapic_eoi != vector)", "kvm_ioapic_send_eoi"),
    "split": ("	if (irqchip_split(apic->vcpu->kvm)) {", "	if (!irqchip_split(apic->vcpu->kvm)) {", "kvm_ioapic_send_eoi"),
    "request": ("kvm_make_request(KVM_REQ_IOAPIC_EOI_EXIT, ", "kvm_make_request(KVM_REQ_SCAN_IOAPIC, ", "kvm_ioapic_send_eoi"),
    "slot": ("		apic->vcpu->arch.pending_ioapic_eoi = vector;\n", "", "kvm_ioapic_send_eoi"),
    "cleared": ("	apic_clear_isr(vector, apic);\n", "", "apic_set_eoi"),
    "disabled": ("		if (apic_enabled(apic)) {\n", "		{\n", "apic_accept_irq"),
    "tmr": ("					apic_set_vector(vector, apic->regs", "					apic_clear_vector(vector, apic->regs", "apic_accept_irq"),
    "pending": ("	return waits || is_served;", "	return waits && is_served;", "kvm_apic_pending_eoi"),
    "version": ("X86_FEATURE_X2APIC) && !ioapic_in_kernel", "X86_FEATURE_X2APIC) && ioapic_in_kernel", "kvm_apic_set_version"),
    "offered": ("			mask &= ~APIC_SPIV_DIRECTED_EOI;\n", "			mask &= ~0;\n", "kvm_lapic_reg_write_spiv"),
    "reset": ("			kvm_lapic_set_reg(apic, APIC_TMR + 0x10 * i, 0);\n", "", "kvm_lapic_reset"),
    "restored": ("	kvm_apic_set_version(vcpu);\n	if (", "	if (", "kvm_apic_set_state"),
    "opened": ("	ASSERT(ent->fields.trig_mode == IOAPIC_LEVEL_TRIG);\n	ent->fields.remote_irr = 0;\n", "", "kvm_ioapic_update_eoi_one"),
    "notified": ("	kvm_notify_acked_irq(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin);\n", "", "kvm_ioapic_update_eoi_one"),
    "vector": ("		if (ent->fields.vector != vector)", "		if (ent->fields.vector == vector)", "kvm_ioapic_update_eoi"),
    "closed": ("	if (ret && irqe.trig_mode == IOAPIC_LEVEL_TRIG)", "	if (irqe.trig_mode == IOAPIC_LEVEL_TRIG)", "kvm_ioapic_service"),
    "again": ("		if (old_irr == ioapic->irr)\n", "		if (old_irr != ioapic->irr)\n", "kvm_ioapic_set_irq"),
    "kept": ("		e->fields.remote_irr = old_remote_irr;\n", "", "kvm_ioapic_write_rte"),
    "edge": ("		if (!is_level)\n			e->", "		if (is_level)\n			e->", "kvm_ioapic_write_rte"),
    "asked": ("			kvm_make_scan_ioapic_request_mask(ioapic->kvm, vcpu_bitmap);\n", "", "kvm_ioapic_write_rte"),
    "late": ("		if (ent->fields.trig_mode != IOAPIC_LEVEL_TRIG)\n", "		if (ent->fields.trig_mode == IOAPIC_LEVEL_TRIG)\n", "kvm_ioapic_eoi_inject_work"),
    "level": ("				if (irq.trig_mode)\n", "				if (!irq.trig_mode)\n", "kvm_scan_ioapic_routes"),
    "moved": ("		if (!kvm_apic_pending_eoi(vcpu, vector))\n			return;\n", "		return;\n", "kvm_scan_ioapic_irq"),
    "highest": ("(int)vector > vcpu->arch", "(int)vector < vcpu->arch", "kvm_scan_ioapic_irq"),
    "forgotten": ("	vcpu->arch.highest_stale_pending_ioapic_eoi = -1;\n", "", "vcpu_scan_ioapic"),
    "all": ("	kvm_make_all_cpus_request(kvm, KVM_REQ_SCAN_IOAPIC);\n", "	return;\n", "kvm_make_scan_ioapic_request"),
    "routed": ("	if (others_end_it)\n", "	if (!others_end_it)\n", "kvm_arch_irq_routing_update"),
    "message": ("	if (level && !kvm_msi", "	if (!kvm_msi", "kvm_set_msi"),
    "twice": ("irqchip_in_kernel(kvm) || kvm->created_vcpus || cap", "irqchip_in_kernel(kvm) || cap", "enable_KVM_CAP_SPLIT_IRQCHIP"),
    "mode": ("			kvm->arch.irqchip_mode = KVM_IRQCHIP_KERNEL;\n", "", "ioctl_KVM_CREATE_IRQCHIP"),
    "errno": ("			r = -EINVAL;\n", "", "ioctl_KVM_CREATE_IRQCHIP"),
    "flags": ("#define KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK	(1ULL << 1)", "#define KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK	(1ULL << 2)", "check_KVM_CAP_X2APIC_API"),
    "has it": ("		if (!irqchip_full(kvm))\n			goto read_it;\n", "		if (irqchip_full(kvm))\n			goto read_it;\n", "kvm_vm_ioctl_get_irqchip"),
    "has it not": ("		if (irqchip_full(kvm))\n			r = kvm_vm_ioctl_set", "		if (!irqchip_full(kvm))\n			r = kvm_vm_ioctl_set", "kvm_vm_ioctl_set_irqchip"),
    "no lapic": ("		if (lapic_in_kernel(vcpu)) {\n", "		if (!lapic_in_kernel(vcpu)) {\n", "kvm_vcpu_ioctl_set_lapic"),
    "no chip": ("		if (!kvm_arch_can_set_irq_routing(kvm))\n			goto out;\n", "", "ioctl_KVM_SET_GSI_ROUTING"),
    "line": ("		return 0;\n	}\n	return -ENXIO;\n", "		return -ENXIO;\n	}\n	return 0;\n", "kvm_vm_ioctl_irq_line"),
    "silent": ("		int r = irq_set[i].set(&irq_set[i], kvm, irq_source_id, level, line_status);\n", "		int r = 0;\n", "kvm_set_irq"),
    "priority": ("	if (!((highest_irr & 0xF0) <= ppr))\n", "	if ((highest_irr & 0xF0) <= ppr)\n", "kvm_apic_has_interrupt"),
    "too late": ("	if (!kvm_vcpu_has_run(vcpu)) {\n", "	if (kvm_vcpu_has_run(vcpu)) {\n", "kvm_set_cpuid"),
    "unasked": ("	r = kvm_cpuid_check_equal(vcpu, e2, nent);\n	if (r)\n		return r;\n", "", "kvm_set_cpuid"),
    "not told": ("		kvm_vcpu_after_set_cpuid(vcpu);\n", "", "kvm_set_cpuid"),
    "not read": ("		r = kvm_vm_ioctl_get_irqchip(kvm, chip);\n", "", "kvm_vm_ioctl_get_irqchip"),
    "no memory": ("		if (!copy_to_user(argp, chip, sizeof(*chip)))\n			r = 0;\n", "", "kvm_vm_ioctl_get_irqchip"),
    "version again": ("		kvm_apic_set_version(vcpu);\n		if (cpuid", "		if (cpuid", "kvm_vcpu_after_set_cpuid"),
    "who": ("	kvm_make_vcpus_request_mask(kvm, KVM_REQ_SCAN_IOAPIC, vcpu_bitmap);\n", "", "kvm_make_scan_ioapic_request_mask"),
    "dirty": ("		atomic_set_release(&apic->vcpu->kvm->arch.apic_map_dirty, DIRTY);\n", "", "apic_set_spiv"),
    "stored": ("	kvm_lapic_set_reg(apic, APIC_SPIV, val);\n", "", "apic_set_spiv"),
    "latched": ("	kvm_ioapic_inject_all(ioapic, state->irr);\n", "", "kvm_set_ioapic"),
    "scanned": ("	ioapic->irr = 0;\n	kvm_make_scan_ioapic_request(kvm);\n", "	ioapic->irr = 0;\n", "kvm_set_ioapic"),
    "acked": ("		kvm_notify_acked_gsi(kvm, gsi);\n", "		return;\n", "kvm_notify_acked_irq"),
    "in force": ("	rcu_assign_pointer(kvm->irq_routing, new);\n	kvm_arch_irq_routing_update(kvm);\n", "	kvm_arch_irq_routing_update(kvm);\n	rcu_assign_pointer(kvm->irq_routing, new);\n", "kvm_set_irq_routing"),
    "reset first": ("	int failed = kvm_create_lapic(vcpu);\n", "	int failed = 0;\n", "kvm_arch_vcpu_create"),
    "key": ("		return true;\n", "		return false;\n", ""),  # is not reached: the model has no vCPU without a LAPIC beside one with it
    "new": ("	/* is anybody interested? */\n", "	if (apic->vcpu->arch.something_new)\n		return;\n", "kvm_ioapic_send_eoi"),
}  # fmt: skip


def side_by_side() -> list[list[str]]:
    """The seeded changes in few trees, none with two in one function: half a second each otherwise."""
    trees = list[list[str]]()
    for name, (_, _, model) in SEEDED.items():
        free = next((tree for tree in trees if all(SEEDED[other][2] != model for other in tree)), None)
        if free is None:
            trees.append(free := [])
        free.append(name)
    return trees


EQUAL = "	r = kvm_cpuid_check_equal(vcpu, e2, nent);\n	if (r)\n		goto undo;\n"
IN_NEWEST = {
    "another is taken": (EQUAL, EQUAL.partition("	if")[0], "kvm_set_cpuid", Sameness.DIFFERENT),
    "the same is refused": (EQUAL, EQUAL.replace("goto undo", "goto keep"), "kvm_set_cpuid", Sameness.DIFFERENT),
    "only when it is too late": (
        "	if (kvm_can_set_cpuid",
        "	if (!kvm_can_set_cpuid",
        "kvm_set_cpuid",
        Sameness.DIFFERENT,
    ),
    "tried for ever": (EQUAL, "again:\n" + EQUAL.replace("undo", "again"), "kvm_set_cpuid", Sameness.REFUSED),
    "no version": ("		kvm_apic_set_version(vcpu);\n", "", "kvm_vcpu_after_set_cpuid", Sameness.DIFFERENT),
    "a loop that ends the function": (
        "			break;\n",
        "			return;\n",
        "kvm_vcpu_after_set_cpuid",
        Sameness.REFUSED,
    ),
}


@pytest.mark.parametrize("name", at_once(list(IN_NEWEST), 3))
def test_a_seeded_change_of_the_newest_is_noticed(name: str) -> None:
    was, now, model, kind = IN_NEWEST[name]
    other = {**NEWEST, CPUID: changed({CPUID: NEWEST[CPUID]}, (was, now))[CPUID]}
    assert only(other, model).kind is kind


@pytest.mark.parametrize("names", at_once(side_by_side(), 9), ids=" ".join)
def test_a_seeded_change_is_noticed(names: list[str]) -> None:
    """It is told where it is, and nowhere else; a #define has two users."""
    found = drifted(changed(LATER, *(SEEDED[name][:2] for name in names)))
    told = {j.row.model for j in found.of(Sameness.DIFFERENT, Sameness.REFUSED)}
    more = {"enable_KVM_CAP_X2APIC_API"} if "flags" in names else set[str]()
    assert told == {SEEDED[name][2] for name in names} - {""} | more
    assert exit_of(found) == (Exit.WRONG if found.of(Sameness.DIFFERENT) else Exit.OPEN)


def test_a_difference_is_a_state_a_field_and_both_values() -> None:
    tree = changed(LATER, ("		apic->vcpu->arch.pending_ioapic_eoi = vector;\n", ""))
    said = only(tree, "kvm_ioapic_send_eoi").said
    assert said.startswith("kvm_ioapic_send_eoi(apic[0], vector=") and "irqchip SPLIT" in said
    assert "CPU0 pending EOI is " in said and " in the model, " in said and said.endswith(" in the C")
    assert "CPU1" not in said  # what does not matter is not told


def test_a_result_that_differs() -> None:
    tree = changed(LATER, ("	return waits || is_served;", "	return waits && is_served;"))
    assert "the result is 1 in the model, 0 in the C" in only(tree, "kvm_apic_pending_eoi").said


def test_what_is_refused_has_its_line() -> None:
    tree = changed(
        LATER, ("	apic_clear_isr(vector, apic);\n", "	apic_clear_isr(vector, apic);\n	invented(apic);\n")
    )
    found = only(tree, "apic_set_eoi")
    line = tree[LAPIC].split("\n").index("	invented(apic);") + 1
    assert found.kind is Sameness.REFUSED and found.said == f"{LAPIC}:{line}: the model has no function invented()"


@pytest.mark.parametrize("deep", ["(", "	if (a) {\n"])
def test_what_is_nested_too_deep_is_refused(deep: str) -> None:
    tree = changed(LATER, ("	apic_clear_isr(vector, apic);\n", deep * 20_000 + "\n"))
    found = only(tree, "apic_set_eoi")
    assert found.kind is Sameness.REFUSED and "nested too deep" in found.said


def test_a_function_that_is_gone_is_absent() -> None:
    tree = changed(LATER, ("void kvm_scan_ioapic_irq(", "void another_name("))
    assert only(tree, "kvm_scan_ioapic_irq").kind is Sameness.ABSENT


def test_a_function_that_stands_twice_is_refused() -> None:
    tree = {**LATER, IRQ: LATER[IRQ] + LATER[IRQ]}
    found = only(tree, "kvm_set_msi")
    assert found.kind is Sameness.REFUSED and "is defined more than once" in found.said


def test_a_condition_that_is_not_known_is_refused() -> None:
    tree = changed(
        LATER,
        ("	return level ? -EINVAL : -1;\n", "#if KERNEL_IS_ODD\n	return level ? -EINVAL : -1;\n#endif\n"),
    )
    assert only(tree, "kvm_set_msi").said.endswith("kvm_set_msi(): whether this `#if` is compiled is not known")


def test_the_branches_that_are_compiled() -> None:
    text = ["#ifdef CONFIG_A", "a", "#else", "b", "#endif", "#ifndef CONFIG_B", "c", "#else", "d", "#endif", "#if IS_ENABLED(CONFIG_C) && defined(CONFIG_D)",
            "e", "#elif 1", "f", "#endif", "#if 0", "g", "#ifdef CONFIG_E", "h", "#endif", "#endif", "#if ODD", "i", "#else", "j", "#endif", "k"]  # fmt: skip
    rows, unclear = compiled([Row(line, n, False) for n, line in enumerate(text, 1)])
    assert "".join(r.text for r in rows) == "adeijk"
    assert unclear == {text.index("#if ODD") + 1, text.index("i") + 2}


@pytest.mark.parametrize("model", ["kvm_ioapic_write_rte", "kvm_lapic_reset", "kvm_lapic_reg_write_spiv"])
def test_a_precondition_holds_somewhere(model: str) -> None:
    """A function that does nothing differs from the model's where the precondition holds: it is no empty statement."""
    heads = {
        "kvm_ioapic_write_rte": "	default:\n		index = (ioapic->ioregsel - 0x10) >> 1;\n",
        "kvm_lapic_reset": "	int i;\n\n	if (!init_event)\n",
        "kvm_lapic_reg_write_spiv": "		u32 mask = 0x3ff | APIC_SPIV_DIRECTED_EOI;\n",
    }
    assert lifting.table().named("preconditions", model) is not None
    found = only(changed(LATER, (heads[model], heads[model].replace("\n", "\n	return;\n", 1) if "switch" in heads[model] else
                 heads[model].partition("\n")[0] + "\n	return;\n" + heads[model].partition("\n")[2])), model)  # fmt: skip
    assert found.kind is Sameness.DIFFERENT, found


def test_helpers_that_nobody_has_read_are_told() -> None:
    found = of_later()
    assert any(alarm.startswith("apic_set_isr => ") for alarm in found.alarms)
    assert exit_of(found) is Exit.OPEN and f", {len(found.alarms)} helpers changed" in headline("own", found)
    known = {alarm.partition(" => ")[0]: alarm.partition(" => ")[2] for alarm in found.alarms}
    tree = Tree(LATER)
    assert known["apic_set_isr"] == tree.digest("apic_set_isr")
    # white space and comments are no tokens; an added token is
    text = LATER["include/linux/kvm_host.h"]
    same = Tree(
        {
            "a.h": text.replace(
                "apic_set_isr(void)\n{\n	return 1;", "apic_set_isr( void )\n{\n	/* as before */ return 1 ;"
            )
        }
    )
    other = Tree({"a.h": text.replace("apic_set_isr(void)\n{\n	return 1;", "apic_set_isr(void)\n{\n	return -1;")})
    assert same.digest("apic_set_isr") == known["apic_set_isr"] != other.digest("apic_set_isr")


def test_a_define_with_another_value_is_told() -> None:
    tree = changed(LATER, ("#define IOAPIC_VERSION_ID 0x11\n", "#define IOAPIC_VERSION_ID 0x20\n"))
    assert "#define IOAPIC_VERSION_ID 0x20" in drifted(tree).alarms
    assert not any(alarm.startswith("#define") for alarm in of_later().alarms)


def test_a_helper_that_is_known_is_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [row.left for row in lifting.table().rows["helpers"]]
    above, section, text = lifting.TABLE.read_text().partition("\n[helpers]")
    for name in lines:
        text = text.replace(f"\n{name} => ", f"\n{name} => {Tree(LATER).digest(name)} ")
    from lift.table import read_table

    table = read_table(above + section + text, lifting.SHOWN)
    assert drift(Tree(LATER), "base", designs()["base"], table).alarms == []


def test_the_report_is_narrow_and_begins_with_the_answer() -> None:
    found = drifted(changed(LATER, ("	apic_clear_isr(vector, apic);\n", "")))
    lines = report("own", found, chosen=True)
    assert lines[0].startswith("own differs from base in 1 of 47 functions")
    assert max(map(len, lines)) <= WIDTH
    assert any(line.split() == ["DIFFERENT", "apic_set_eoi"] for line in lines)
    same = report("own", of_later(), chosen=False)
    assert same[0].startswith("own says what base says in 47 of 47 functions") and not any(
        "Compared with" in line for line in same
    )


def test_which_design_a_kernel_is() -> None:
    assert nearest(Tree(LATER)) == "base"
    own = [n for n, f in vars(designs()["v6"]).items() if callable(f) and n[0] != "_"]
    assert own
    v6 = {**LATER, "own.c": "".join(f"static void {name}(void)\n{{\n}}\n" for name in own)}
    assert nearest(Tree(v6)) == "v6"


def test_the_command(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    tree = written(tmp_path / "linux", changed(LATER, ("	apic_clear_isr(vector, apic);\n", "")))
    (tree / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 77\nSUBLEVEL = 1\nEXTRAVERSION =\n")
    told = eoi("drift", str(tree))
    assert told.code == Exit.WRONG and told.out.startswith("linux (6.77.1) differs from base in 1 of 47 functions")
    found = json.loads(eoi("drift", str(tree), "--design", "base", "--json").out)
    assert found["exit"] == 1 and [r["model"] for r in found["rows"] if r["kind"] == "DIFFERENT"] == ["apic_set_eoi"]


def test_what_is_no_tree(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    tree = written(tmp_path / "linux-6.77", LATER)
    wrong = {
        str(tmp_path / "linux-6.78"): f"there is no such directory; did you mean {tree}?",
        str(tree / LAPIC): "a kernel's source is a directory: unpack it, and name that",
        str(tree / "arch/x86"): f"this is no kernel tree; its tree is {tree}",
        str(tmp_path): "this is no kernel tree: arch/x86/kvm/lapic.c is not in it",
    }
    for path, said in wrong.items():
        told = eoi("drift", path)
        assert (told.code, told.out) == (Exit.MISTAKE, "") and f"{path}: {said}" in told.err
    told = eoi("drift", str(tree), "--design", "bse")
    assert told.code == Exit.MISTAKE and "base" in told.err
    for design, said in {
        "qemu": "is a vmm: a tree is compared with a kernel design",
        "mine.py": "a registered design is needed",
    }.items():
        told = eoi("drift", str(tree), "--design", design)
        assert told.code == Exit.MISTAKE and said in told.err
    half = written(tmp_path / "half", {LAPIC: LATER[LAPIC]})
    told = eoi("drift", str(half))
    assert told.code == Exit.MISTAKE and f"this is no whole kernel tree: {IOAPIC} is not in it" in told.err
    empty = written(tmp_path / "empty", dict.fromkeys((LAPIC, IOAPIC, X86), "int nothing;\n"))
    assert "no function of model/kvm/correspondence.txt is in it" in eoi("drift", str(empty)).err
    odd = written(tmp_path / "odd", {**LATER, X86: "\0\x01 {{{ ((("})
    assert eoi("drift", str(odd)).code in (Exit.MISTAKE, Exit.OPEN, Exit.WRONG)


@needs_a_tree
def test_a_real_tree() -> None:
    """Every function that it has is judged, and none is refused."""
    from checker.matrix.trees import read_tree

    kernel = read_tree(TREE)
    name = nearest(kernel.tree)
    found = drift(kernel.tree, name, designs()[name], lifting.table())
    assert len(found.rows) - len(found.of(Sameness.ABSENT)) >= 29 and not found.of(Sameness.REFUSED, Sameness.OPEN)


@needs_a_tree
def test_a_real_tree_in_which_one_token_is_changed() -> None:
    from checker.matrix.trees import read_tree

    files = dict(read_tree(TREE).tree.files)
    old = "if (vector == -1)\n		return vector;"
    assert files[LAPIC].count(old) == 1
    files[LAPIC] = files[LAPIC].replace(old, old.replace("==", "!="))
    name = nearest(Tree(files))
    assert row(drifted(files, name), "apic_set_eoi").kind in (Sameness.DIFFERENT, Sameness.REFUSED)
