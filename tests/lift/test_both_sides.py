"""What C does and the model's words do not show: the type of a local, which local a name is, whether a pointer is set, who lets a lock go,
where a case ends, and what a macro or function that the patch brings does. Beside each stands what is right, and is lifted."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.errors import UserError
from tests.lift.test_forms import function, lift
from tests.lift.test_tree import WHOLE, on, patch_of
from tests.rigs.own_c import FILES, IOAPIC, LAPIC, X86, diff_of, edited
from tests.rigs.own_ioapic import changed as io
from tests.rigs.own_qemu import changed as of_qemu
from tests.rigs.own_tree import changed as changed_tree

Change = tuple[str, str]
SPLIT = "	if (irqchip_split(apic->vcpu->kvm)) {\n"
SAME = (SPLIT, "	if (!ioapic_in_kernel(apic->vcpu->kvm)) {\n")  # so that there is a class to be judged
LATE = "(entry & IOAPIC_VECTOR_MASK) != vector || !(entry & IOAPIC_LVT_TRIGGER_MODE)"
SAME_IN_QEMU = (LATE, "!(entry & IOAPIC_LVT_TRIGGER_MODE) || (entry & IOAPIC_VECTOR_MASK) != vector")
HIGHEST = "	int vector = apic_find_highest_isr(apic);\n"
STORED = "		apic->vcpu->arch.pending_ioapic_eoi = vector;\n"
STALE = "	if (apic->vcpu->arch.highest_stale_pending_ioapic_eoi == vector)\n		kvm_make_request(KVM_REQ_SCAN_IOAPIC, apic->vcpu);\n"
LOCK, UNLOCK = (f"	mutex_{word}(&apic->vcpu->kvm->lock);\n" for word in ("lock", "unlock"))
PENDING = "	if (vector == apic->vcpu->arch.pending_ioapic_eoi)\n"
HELD = {LAPIC: FILES[LAPIC].replace(STALE, LOCK + STALE + UNLOCK)}
SENDS = "static void kvm_ioapic_send_eoi("
NONE_LEFT = "	if (vector == -1)\n"
ENT = "	ent = &ioapic->redirtbl[pin];\n"
ASSERTED = "	ASSERT(ent->fields.trig_mode == IOAPIC_LEVEL_TRIG);\n"
OPENS = "	ent->fields.remote_irr = 0;\n"
ENTS = "	union kvm_ioapic_redirect_entry *ent;\n	struct kvm_lapic *apic;\n"
APIC = "	apic = vcpu->arch.apic;\n"
TOLD = "		trace_own_eoi(i, vector);\n"
LATER = "		ent = &ioapic->redirtbl[i];\n		if (ent->fields.trig_mode != IOAPIC_LEVEL_TRIG)\n			continue;\n"
EACH = "	for (i = 0; i < IOAPIC_NUM_PINS; i++) {\n"


def lapic(*changes: Change, context: int = 3) -> str:
    return diff_of(edited(LAPIC, SAME, *changes), context)


def ioapic(*changes: Change, context: int = 3) -> str:
    return lapic() + io(*changes, context=context)


def x86(*changes: Change) -> str:
    return lapic() + diff_of(edited(X86, *changes), 12)


def held(old: str, new: str, context: int = 3) -> str:
    """Of a function that has a lock already."""
    return diff_of({LAPIC: HELD[LAPIC].replace(*SAME).replace(old, new)}, context, HELD)


LETS_GO, TELLS, RETAKES = (
    "	spin_unlock(&ioapic->lock);\n",
    "	kvm_notify_acked_irq(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin);\n",
    "	spin_lock(&ioapic->lock);\n",
)
DIRECTED = "kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI"
IF_DIRECTED = f"	if ({DIRECTED})\n		return;\n"
TESTS = f"	if (trigger_mode != IOAPIC_LEVEL_TRIG || {DIRECTED})\n		return;\n"


def relocked(*changes: Change, context: int = 6) -> str:
    """Of a function that is run with its caller's lock, lets it go and takes it again; one test is two."""
    parted = (TESTS, "	if (trigger_mode != IOAPIC_LEVEL_TRIG)\n		return;\n" + IF_DIRECTED)
    return diff_of(edited(IOAPIC, *changes, parted), context)


TYPES = {
    "a vector that is never -1": (lapic((HIGHEST, HIGHEST.replace("int", "u8"))), "which the model has as Vector | None, may not fit into `vector`, of type u8"),
    "a vector without a sign": (lapic((HIGHEST, HIGHEST.replace("int", "u32"))), "may not fit into `vector`, of type u32"),
    "a latch that is one bit": (ioapic(("	u32 old_irr;", "	bool old_irr;")), "`old_irr` was declared `u32`, and is `bool` now"),
    "a latch that is eight bits": (ioapic(("	u32 old_irr;", "	u8 old_irr;")), "`old_irr` was declared `u32`, and is `u8` now"),
    "a mask": (ioapic(("	u32 mask = 1 << irq;", "	u8 mask = 1 << irq;")), "`mask` was declared `u32`, and is `u8` now"),
    "a sign": (ioapic(("	u32 old_irr;", "	int old_irr;")), "`old_irr` was declared `u32`, and is `int` now"),
    "what a loop counts": (io((f"	int i;\n\n{EACH}{LATER}", f"	bool i;\n\n{EACH}{LATER}")), "`i` was declared `int`, and is `bool` now"),
    "an entry of QEMU": (of_qemu(SAME_IN_QEMU, ("                uint64_t entry = s->ioredtbl[n];", "                uint32_t entry = s->ioredtbl[n];")), "`entry` was declared `uint64_t`, and is `uint32_t` now"),
    "bits of QEMU that are kept": (of_qemu(SAME_IN_QEMU, ("    uint64_t ro_bits;", "    uint8_t ro_bits;")), "`ro_bits` was declared"),
    "a bit of QEMU": (of_qemu(SAME_IN_QEMU, ("            int coalesce = 0;", "            uint8_t coalesce = 0;")), "`coalesce` was declared `int`"),
    "a mask of QEMU": (of_qemu(SAME_IN_QEMU, ("    uint64_t entry;\n    uint32_t mask;", "    uint64_t entry;\n    uint8_t mask;")), "`mask` was declared"),
    "a new local": (lapic((STORED, "		u8 mine = vector;\n\n" + STORED.replace("= vector", "= mine"))), "`vector`, which the model has as Vector, may not fit into `mine`, of type u8"),
    "a new local, later": (lapic((STORED, "		u16 mine;\n\n		mine = vector;\n" + STORED.replace("= vector", "= mine"))), "may not fit into `mine`, of type u16"),
    "a local that nobody declares": (lapic((STORED, "		mine = vector;\n" + STORED)), "`mine` is given a value, and the hunk does not show its type"),
}  # fmt: skip
NAMES = {
    "a parameter": (lapic((STORED, "		int vector = vector;\n\n" + STORED)), "`vector` is a parameter already, and would be hidden"),
    "a parameter of a pin": (io((TOLD, TOLD + "		if (ent->fields.trig_mode == IOAPIC_EDGE_TRIG) {\n			int trigger_mode = IOAPIC_EDGE_TRIG;\n\n			kvm_ioapic_update_eoi_one(vcpu, ioapic, trigger_mode, i);\n			continue;\n		}\n")), "`trigger_mode` is a parameter already"),
    "a local above the hunk": (lapic(("	kvm_make_request(KVM_REQ_EVENT, apic->vcpu);\n", "	if (irqchip_split(apic->vcpu->kvm)) {\n		int vector = apic_find_highest_isr(apic);\n\n		kvm_ioapic_send_eoi(apic, vector);\n	}\n	kvm_make_request(KVM_REQ_EVENT, apic->vcpu);\n"), context=1), "`vector` stands in rows of model/kvm/correspondence.txt for what apic_set_eoi() has already"),
    "a value": (lapic((STORED, "		int IOAPIC_LEVEL_TRIG = IOAPIC_EDGE_TRIG;\n\n" + STORED)), "`IOAPIC_LEVEL_TRIG` is a value of model/kvm/correspondence.txt"),
    "what is returned of a case": (x86(("		r = -EINVAL;\n		if (cap", "		int r = -EINVAL;\n		if (cap")), "`r` is a parameter already"),
}  # fmt: skip
POINTERS = {
    "deleted": (ioapic((ENT + ASSERTED, ASSERTED)), "what sets the pointer `ent` is removed"),
    "moved behind its use": (ioapic((ENT + ASSERTED + OPENS, ASSERTED + OPENS + ENT)), "`ent` is used here, and nothing shows that it is set before"),
    "deleted below its declaration": (ioapic(("	entry = &ioapic->redirtbl[irq];\n", "")), "`entry` is used here before it is set"),
    "on one way": (ioapic((ENT + ASSERTED, "	if (ioapic->irr & (1 << pin))\n	" + ENT + ASSERTED)), "`ent` is used here"),
    "used above": (ioapic((APIC, OPENS + APIC), context=1), "make the patch with more context (git format-patch -U20), so that it shows where it is set"),
    "behind its use in a loop": (ioapic((LATER, LATER.split("\n", 1)[1] + LATER.split("\n", 1)[0] + "\n")), "`ent` is used here"),
    "out of its loop": (ioapic((EACH + LATER, LATER.split("\n", 1)[0][1:] + "\n" + EACH + LATER.split("\n", 1)[1])), "what sets the pointer `ent` is removed"),
    "counted by a loop that is left out": (io((TOLD, "		for (ent = x; ent < y; ent++)\n			trace_own_eoi(i, vector);\n")), "`ent = x` would be left out with its loop"),
    "another pin": (ioapic(("		trace_own_asked(index, dm);\n", "		for (index = 0; index < 5; index++)\n			trace_own_asked(index, dm);\n")), "`index = 0` would be left out with its loop"),
}  # fmt: skip
LOCKS = {
    "held at a return": (diff_of(edited(LAPIC, (SPLIT, LOCK + SAME[1]))), "is not let go where this `return` leaves"),
    "held at a return, and let go later": (lapic((STALE, LOCK + PENDING + "		return;\n" + STALE + UNLOCK)), "is not let go where this `return` leaves"),
    "taken on one way": (lapic((STALE, PENDING + "	" + LOCK + STALE + UNLOCK)), "it is let go, and is not taken on each way to here"),
    "taken twice": (lapic((STALE, LOCK + LOCK + STALE + UNLOCK + UNLOCK)), "it is taken already on a way to here"),
    "another one": (lapic((STALE, LOCK + STALE + UNLOCK.replace("->lock", "->other"))), "is not let go"),
    "one that may not be taken": (lapic((STALE, LOCK.replace("lock(", "lock_interruptible(") + STALE + UNLOCK)), "is not let go"),
    "a return while the caller's is let go": (relocked((RETAKES, IF_DIRECTED + RETAKES)), "this `return` leaves with the lock of line"),
    "a test that is run without it": (relocked((RETAKES, "	if (trigger_mode != IOAPIC_LEVEL_TRIG)\n		return;\n" + RETAKES)), "this `return` leaves with the lock of line"),
    "a call that is run with it": (relocked((LETS_GO + TELLS, TELLS + LETS_GO)), "was run with the lock of line"),
    "one within its own": (diff_of({LAPIC: HELD[LAPIC].replace(*SAME).replace(STALE, LOCK + STALE + UNLOCK)}, before=HELD), "it is taken already on a way to here"),
    "one that may sleep in one that may not": (relocked((RETAKES, RETAKES + "	mutex_lock(&ioapic->kvm->lock);\n	mutex_unlock(&ioapic->kvm->lock);\n")), "may sleep, and a spinlock is held here"),
    "a return above its unlock": (held(UNLOCK, IF_DIRECTED + UNLOCK, 1), "this `return` leaves with the lock of line"),
    "a return in between": (held(STALE, STALE + PENDING + "		return;\n"), "held, or let go, as no `return` does before"),
}  # fmt: skip
CASES = {
    "falls through": (x86(("		r = 0;\n		break;\n", "		r = 0;\n")), "kvm_vm_ioctl_enable_cap(), case KVM_CAP_X2APIC_API: it falls through"),
    "falls through, and says what it can": (x86(("		r = KVM_X2APIC_API_VALID_FLAGS;\n		break;\n", "		r = KVM_X2APIC_API_VALID_FLAGS;\n")), "case KVM_CAP_X2APIC_API: it falls through"),
    "the one above falls through": (x86(("	case KVM_CAP_SMM:\n		r = 1;\n		break;\n	case KVM_CAP_X2", "	case KVM_CAP_SMM:\n		r = 1;\n	case KVM_CAP_X2")), "case KVM_CAP_SMM: it falls through"),
}  # fmt: skip
BROUGHT = {
    "a macro in place of one that is left out": (lapic((SENDS, "#define trace_kvm_eoi(a, v) drop(a)\n\n" + SENDS)), "#define trace_kvm_eoi(): only constants in capitals are read"),
    "a macro that is called as what is left out": (lapic((SENDS, "#define trace_new(a, v) drop(a)\n\n" + SENDS), (NONE_LEFT, "	trace_new(apic, vector);\n" + NONE_LEFT)), "#define trace_new(): only constants in capitals are read"),
    "nothing for what there is one of": (relocked((TELLS, TELLS.replace("ioapic->kvm", "NULL"))), "`NULL` is no thing of the model, and would be left out"),
    "a function in a warning": (lapic((SENDS, "static bool dropped(struct kvm_lapic *apic)\n{\n	apic->vcpu->arch.pending_ioapic_eoi = -1;\n	return true;\n}\n\n" + SENDS), (NONE_LEFT, "	WARN_ON_ONCE(dropped(apic));\n" + NONE_LEFT)), "`dropped(apic)` would be left out with what it stands in"),
    "a function that rows are about": (lapic((SENDS, "static bool guest_cpuid_has(struct kvm_vcpu *vcpu)\n{\n	return true;\n}\n\n" + SENDS)), "guest_cpuid_has() is new in the patch, and the model has it"),
}  # fmt: skip
REFUSED = {f"{of}: {name}": case for of, cases in (("type", TYPES), ("name", NAMES), ("pointer", POINTERS), ("lock", LOCKS), ("case", CASES), ("brought", BROUGHT)) for name, case in cases.items()}  # fmt: skip

RIGHT = {
    "a type that is const": lapic((HIGHEST, HIGHEST.replace("int", "const int"))),
    "a wider type": lapic((HIGHEST, HIGHEST.replace("int", "long"))),
    "a wider latch": ioapic(("	u32 old_irr;", "	u64 old_irr;")),
    "a new local": lapic((STORED, "		int mine = vector;\n\n" + STORED.replace("= vector", "= mine"))),
    "a pointer that is set where it is declared": ioapic((ENTS, ENTS.replace("ent;", "ent = " + ENT.strip()[6:])), (ENT + ASSERTED, ASSERTED)),
    "a pointer that is set earlier": ioapic((ENT + ASSERTED, ASSERTED), (APIC, ENT + APIC), context=8),
    "a lock that is let go": lapic((STALE, LOCK + STALE + UNLOCK)),
    "a lock that is let go on both ways": lapic((STALE, LOCK + PENDING.replace(")\n", ") {\n") + "	" + UNLOCK + "		return;\n	}\n" + STALE + UNLOCK)),
    "two returns for one": relocked(),
    "two for one, and no unlock is shown": relocked(context=3),
    "a return before the caller's is let go": relocked((LETS_GO, IF_DIRECTED + LETS_GO)),
    "a return behind an unlock": held(UNLOCK, UNLOCK + PENDING + "		return;\n"),
}  # fmt: skip


@pytest.mark.parametrize("which", REFUSED)
def test_is_refused(which: str, tmp_path: Path) -> None:
    patch, why = REFUSED[which]
    with pytest.raises(UserError) as refused:
        lift(tmp_path, patch)
    assert why in str(refused.value), refused.value
    assert 0 < int(str(refused.value).split("p0.patch:")[1].split(":")[0]) <= len(patch.splitlines())


@pytest.mark.parametrize("which", RIGHT)
def test_what_is_right_is_lifted(which: str, tmp_path: Path) -> None:
    assert lift(tmp_path, RIGHT[which]).found.functions


def test_a_function_called_trace_does_what_the_patch_says(tmp_path: Path) -> None:
    brought = (
        "static void trace_and_drop(struct kvm_lapic *apic)\n{\n	apic->vcpu->arch.pending_ioapic_eoi = -1;\n}\n\n"
    )
    source = lift(
        tmp_path, lapic((SENDS, brought + SENDS), (STORED, STORED + "		trace_and_drop(apic);\n"))
    ).source
    assert "self.trace_and_drop(apic)" in function(source, "kvm_ioapic_send_eoi")
    assert function(source, "trace_and_drop") == "apic.pending_ioapic_eoi = None"


ON_A_TREE = {
    "a type": (("	u32 old_irr;", "	bool old_irr;"), "`old_irr` was declared `u32`, and is `bool` now"),
    "a pointer": ((ENT, ""), "`ent`"),
    "a lock": (("	ret = ioapic_service(ioapic, irq, line_status);\n", "	mutex_lock(&ioapic->m);\n	ret = ioapic_service(ioapic, irq, line_status);\n"), "is not let go where this `return` leaves"),
    "a name": (("		if (old_irr == ioapic->irr)\n", "		int irq_level = 0;\n\n		if (old_irr == ioapic->irr)\n"), "`irq_level` is a parameter already"),
}  # fmt: skip


@pytest.mark.parametrize("which", ON_A_TREE)
def test_on_a_tree_it_is_the_same(which: str, tmp_path: Path) -> None:
    change, why = ON_A_TREE[which]
    same = (
        "	if (ret && irqe.trig_mode == IOAPIC_LEVEL_TRIG)\n",
        "	if (irqe.trig_mode == IOAPIC_LEVEL_TRIG && ret)\n",
    )
    with pytest.raises(UserError) as refused:
        on(tmp_path, WHOLE, patch_of(changed_tree(WHOLE, same, change)))
    assert why in str(refused.value), refused.value


def test_on_a_tree_a_head_is_compared(tmp_path: Path) -> None:
    head = ("static int ioapic_set_irq(struct kvm_ioapic *ioapic, unsigned int irq, int irq_level,", "static int ioapic_set_irq(struct kvm_ioapic *ioapic, unsigned int irq, bool irq_level,")  # fmt: skip
    body = ("	if (irq_level == 0) {\n", "	if (!irq_level) {\n")
    with pytest.raises(UserError, match=r"the head of ioapic_set_irq\(\) is changed"):
        on(tmp_path, WHOLE, patch_of(changed_tree(WHOLE, head, body)))
