# ruff: noqa: E101
"""C of our own for functions that the model has, and patches of it: tests need no kernel source, and no mail of others."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

LAPIC, IOAPIC, X86 = "arch/x86/kvm/lapic.c", "arch/x86/kvm/ioapic.c", "arch/x86/kvm/x86.c"
HOST, UAPI = "arch/x86/include/asm/kvm_host.h", "arch/x86/include/uapi/asm/kvm.h"

FILES: dict[str, str] = {
    LAPIC: """\
void kvm_apic_set_version(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->arch.apic;
	u32 v = 0;

	if (!lapic_in_kernel(vcpu))
		return;

	v = APIC_VERSION | ((apic->nr_lvt_entries - 1) << 16);
	/* nobody could end what is not broadcast */
	if (guest_cpu_cap_has(vcpu, X86_FEATURE_X2APIC) && !ioapic_in_kernel(vcpu->kvm))
		v |= APIC_LVR_DIRECTED_EOI;
	kvm_lapic_set_reg(apic, APIC_LVR, v);
}

static bool kvm_ioapic_handles_vector(struct kvm_lapic *apic, int vector)
{
	return test_bit(vector, apic->vcpu->arch.ioapic_handled_vectors);
}

static void kvm_ioapic_send_eoi(struct kvm_lapic *apic, int vector)
{
	/* is anybody interested? */
	if (!kvm_ioapic_handles_vector(apic, vector))
		return;

	if (apic->vcpu->arch.highest_stale_pending_ioapic_eoi == vector)
		kvm_make_request(KVM_REQ_SCAN_IOAPIC, apic->vcpu);

	/* userspace has the I/O APIC */
	if (irqchip_split(apic->vcpu->kvm)) {
		apic->vcpu->arch.pending_ioapic_eoi = vector;
		kvm_make_request(KVM_REQ_IOAPIC_EOI_EXIT, apic->vcpu);
		return;
	}

	kvm_ioapic_update_eoi(apic->vcpu, vector,
			      apic_test_vector(vector, apic->regs + APIC_TMR) ? IOAPIC_LEVEL_TRIG : IOAPIC_EDGE_TRIG);
}

static int apic_set_eoi(struct kvm_lapic *apic)
{
	int vector = apic_find_highest_isr(apic);

	trace_kvm_eoi(apic, vector);
	if (vector == -1)
		return vector;

	apic_clear_isr(vector, apic);
	apic_update_ppr(apic);

	if (kvm_hv_synic_has_vector(apic->vcpu, vector))
		pr_debug("synic");

	kvm_ioapic_send_eoi(apic, vector);
	kvm_make_request(KVM_REQ_EVENT, apic->vcpu);
	return vector;
}
""",
    IOAPIC: """\
static void kvm_ioapic_update_eoi_one(struct kvm_vcpu *vcpu, struct kvm_ioapic *ioapic, int trigger_mode, int pin)
{
	struct kvm_lapic *apic = vcpu->arch.apic;

	spin_unlock(&ioapic->lock);
	kvm_notify_acked_irq(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin);
	spin_lock(&ioapic->lock);

	if (trigger_mode != IOAPIC_LEVEL_TRIG || kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)
		return;

	open_the_pin(ioapic, pin);
}

void kvm_ioapic_update_eoi(struct kvm_vcpu *vcpu, int vector, int trigger_mode)
{
	int i;

	rtc_irq_eoi(vcpu, vector);
	for (i = 0; i < IOAPIC_NUM_PINS; i++) {
		union kvm_ioapic_redirect_entry *ent = &ioapic->redirtbl[i];

		if (ent->fields.vector != vector)
			continue;
		kvm_ioapic_update_eoi_one(vcpu, ioapic, trigger_mode, i);
	}
}

void kvm_ioapic_scan_entry(struct kvm_vcpu *vcpu, ulong *ioapic_handled_vectors)
{
	int index;

	for (index = 0; index < IOAPIC_NUM_PINS; index++) {
		union kvm_ioapic_redirect_entry *e = &ioapic->redirtbl[index];

		if (e->fields.trig_mode == IOAPIC_LEVEL_TRIG ||
		    kvm_irq_has_notifier(vcpu->kvm, KVM_IRQCHIP_IOAPIC, index) || index == RTC_GSI)
			kvm_scan_ioapic_irq(vcpu, e->fields.dest_id, dm, e->fields.vector, ioapic_handled_vectors);
	}
}
""",
    X86: """\
int kvm_vm_ioctl_check_extension(struct kvm *kvm, long ext)
{
	int r = 0;

	switch (ext) {
	case KVM_CAP_TSC_CONTROL:
		r = tsc_control;
		break;
	case KVM_CAP_X2APIC_API:
		r = KVM_X2APIC_API_VALID_FLAGS;
		break;
	case KVM_CAP_NR_VCPUS:
		r = many;
		break;
	}
	return r;
}

static void vcpu_scan_ioapic(struct kvm_vcpu *vcpu)
{
	if (!kvm_apic_present(vcpu))
		return;

	bitmap_zero(vcpu->arch.ioapic_handled_vectors, 256);
	vcpu->arch.highest_stale_pending_ioapic_eoi = -1;

	kvm_x86_call(sync_pir_to_irr)(vcpu);

	if (irqchip_split(vcpu->kvm))
		kvm_scan_ioapic_routes(vcpu, vcpu->arch.ioapic_handled_vectors);
	else if (ioapic_in_kernel(vcpu->kvm))
		kvm_ioapic_scan_entry(vcpu, vcpu->arch.ioapic_handled_vectors);
	kvm_make_request(KVM_REQ_LOAD_EOI_EXITMAP, vcpu);
}

int kvm_vm_ioctl_enable_cap(struct kvm *kvm, struct kvm_enable_cap *cap)
{
	int r;

	switch (cap->cap) {
	case KVM_CAP_SMM:
		r = 1;
		break;
	case KVM_CAP_X2APIC_API:
		r = -EINVAL;
		if (cap->args[0] & ~KVM_X2APIC_API_VALID_FLAGS)
			break;

		if (cap->args[0] & KVM_X2APIC_API_USE_32BIT_IDS)
			kvm->arch.x2apic_format = true;
		if (cap->args[0] & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
			kvm->arch.x2apic_broadcast_quirk_disabled = true;

		r = 0;
		break;
	case KVM_CAP_PIT:
		r = 2;
		break;
	}
	return r;
}
""",
    HOST: """\
enum kvm_irqchip_mode {
	KVM_IRQCHIP_NONE,
};

struct kvm_arch {
	bool x2apic_format;
	bool x2apic_broadcast_quirk_disabled;

	bool has_mapped_host_mmio;
};
""",
    UAPI: """\
#define KVM_X2APIC_API_USE_32BIT_IDS		(1ULL << 0)
#define KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK	(1ULL << 1)

struct kvm_nested_state_hdr {
	__u32 flags;
};
""",
}
ABOVE_X86 = """\
#define KVM_X2APIC_API_VALID_FLAGS (KVM_X2APIC_API_USE_32BIT_IDS | \\
				    KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

"""
FILES[X86] = ABOVE_X86 + FILES[X86]

_HEADING = re.compile(r"^[A-Za-z_].*")


def edited(file: str, *changes: tuple[str, str]) -> dict[str, str]:
    """The file, with each text replaced that stands in it once."""
    text = FILES[file]
    for old, new in changes:
        assert text.count(old) == 1, (text.count(old), old)
        text = text.replace(old, new)
    return {file: text}


def diff_of(after: Mapping[str, str], context: int = 3, before: Mapping[str, str] = FILES) -> str:
    """As `git diff -UN` writes it, with the function of each hunk."""
    out = list[str]()
    for file, text in after.items():
        old, new = before.get(file, "").splitlines(), text.splitlines()
        if old == new:
            continue
        out += [f"diff --git a/{file} b/{file}", "index 1111111..2222222 100644"]
        for line in difflib.unified_diff(old, new, f"a/{file}", f"b/{file}", n=context, lineterm=""):
            if (hunk := re.match(r"@@ -(\d+)", line)) is not None:
                above = [row for row in old[: int(hunk[1]) - 1] if _HEADING.match(row)]
                line += f" {above[-1]}" if above else ""
            out.append(line)
    return "\n".join(out) + "\n"


def mail_of(diff: str, subject: str = "[PATCH] KVM: x86: a change", body: str = "A change.") -> str:
    return (
        f"From: A Developer <dev@example.org>\nSubject: {subject}\nDate: Mon, 3 Nov 2025 10:00:00 +0000\n"
        f"Message-ID: <1@example.org>\n\n{body}\n---\n x.c | 2 +-\n\n{diff}-- \n2.43.0\n"
    )


# The lines of v1, in our own C.
OBEYS = (
    "	if (irqchip_split(apic->vcpu->kvm)) {\n",
    "	if (irqchip_split(apic->vcpu->kvm)) {\n"
    "		/* the guest does it */\n"
    "		if (kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)\n			return;\n\n",
)
