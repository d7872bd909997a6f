"""C of our own for the functions that ioctls reach, and for requests: more of the small trees of tests/rigs/own_tree.py."""

from __future__ import annotations

LAPIC = """
static int apic_has_interrupt_for_ppr(struct kvm_lapic *apic, u32 ppr)
{
	int highest_irr;

	if (!kvm_x86_ops.sync_pir_to_irr)
		highest_irr = apic_find_highest_irr(apic);
	else
		highest_irr = kvm_x86_call(sync_pir_to_irr)(apic->vcpu);

	/* nothing waits, or it has to wait */
	if (highest_irr == -1)
		return -1;
	if (!((highest_irr & 0xF0) <= ppr))
		return highest_irr;
	return -1;
}

static void apic_set_spiv(struct kvm_lapic *apic, u32 val)
{
	bool enabled = val & APIC_SPIV_APIC_ENABLED;

	if (enabled) {
		kvm_xen_sw_enable_lapic(apic->vcpu);
		kvm_make_request(KVM_REQ_APF_READY, apic->vcpu);
	}

	/* who is there is another set now */
	if (enabled != apic->sw_enabled) {
		atomic_set_release(&apic->vcpu->kvm->arch.apic_map_dirty, DIRTY);
		if (!enabled)
			static_branch_inc(&apic_sw_disabled.key);
		else
			static_branch_slow_dec_deferred(&apic_sw_disabled);
		apic->sw_enabled = enabled;
	}
	kvm_lapic_set_reg(apic, APIC_SPIV, val);
}
"""
IOAPIC = """
void kvm_set_ioapic(struct kvm *kvm, struct kvm_ioapic_state *state)
{
	struct kvm_ioapic *ioapic = kvm->arch.vioapic;

	/* its latches are new interrupts */
	memcpy(ioapic, state, sizeof(*state));
	ioapic->irr_delivered = 0;
	ioapic->irr = 0;
	kvm_make_scan_ioapic_request(kvm);
	kvm_ioapic_inject_all(ioapic, state->irr);
}
"""
X86 = """
int kvm_vm_ioctl_irq_line(struct kvm *kvm, struct kvm_irq_level *irq_event, bool line_status)
{
	if (irqchip_in_kernel(kvm)) {
		irq_event->status = kvm_set_irq(kvm, 0, irq_event->irq, irq_event->level, line_status);
		return 0;
	}
	return -ENXIO;
}

long kvm_arch_vcpu_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg)
{
	struct kvm_vcpu *vcpu = filp->private_data;
	int r;

	switch (ioctl) {
	case KVM_SET_LAPIC: {
		r = -EINVAL;
		if (lapic_in_kernel(vcpu)) {
			u.lapic = memdup_user(argp, sizeof(*u.lapic));
			if (IS_ERR(u.lapic)) {
				r = failed(u.lapic);
				goto out_of_memory;
			}
			r = kvm_vcpu_ioctl_set_lapic(vcpu, u.lapic);
		} else {
			goto out;
		}
		break;
	}
	case KVM_NMI:
		r = nmi(vcpu);
		break;
	}
out:
	kfree(u.buffer);
out_of_memory:
	return r;
}

void kvm_make_scan_ioapic_request_mask(struct kvm *kvm, unsigned long *vcpu_bitmap)
{
	kvm_make_vcpus_request_mask(kvm, KVM_REQ_SCAN_IOAPIC, vcpu_bitmap);
}

int kvm_arch_vcpu_create(struct kvm_vcpu *vcpu)
{
	int failed = kvm_create_lapic(vcpu);

	if (!failed)
		kvm_vcpu_reset(vcpu, false);
	return failed;
}
"""
IRQCHIP_CASES = """
	case KVM_SET_IRQCHIP: {
		struct kvm_irqchip *chip;

		chip = memdup_user(argp, sizeof(*chip));
		if (IS_ERR(chip)) {
			r = failed(chip);
			goto nothing_to_free;
		}
		r = -ENXIO;
		if (irqchip_full(kvm))
			r = kvm_vm_ioctl_set_irqchip(kvm, chip);
		kfree(chip);
		break;
	}
	case KVM_GET_IRQCHIP: {
		struct kvm_irqchip *chip;

		chip = memdup_user(argp, sizeof(*chip));
		if (IS_ERR(chip)) {
			r = failed(chip);
			goto nothing_to_free;
		}
		r = -ENXIO;
		if (!irqchip_full(kvm))
			goto read_it;
		r = kvm_vm_ioctl_get_irqchip(kvm, chip);
		if (r)
			goto read_it;
		r = -EFAULT;
		if (!copy_to_user(argp, chip, sizeof(*chip)))
			r = 0;
	read_it:
		kfree(chip);
		break;
	}
	case KVM_SET_TSS_ADDR:
"""
CPUID = """
static void kvm_vcpu_after_set_cpuid(struct kvm_vcpu *vcpu)
{
	struct kvm_cpuid_entry2 *best;
	struct kvm_lapic *apic = vcpu->arch.apic;
	bool allow_gbpages;

	vcpu->arch.maxphyaddr = widest(vcpu);
	vcpu->arch.is_amd_compatible = by_amd(vcpu);
	vcpu->arch.guest_supported_xcr0 = states(vcpu);
	vcpu->arch.reserved_gpa_bits = above(vcpu);
	vcpu->arch.cr4_guest_rsvd_bits = unknown(vcpu);

	bitmap_zero(vcpu->arch.governed_features.enabled, 3);
	allow_gbpages = pages_are_large(vcpu);
	if (allow_gbpages)
		guest_cpu_cap_set(vcpu, X86_FEATURE_GBPAGES);

	/* what it says of itself */
	best = kvm_find_cpuid_entry(vcpu, 1);
	if (best && apic) {
		kvm_apic_set_version(vcpu);
		if (cpuid_entry_has(best, X86_FEATURE_TSC_DEADLINE_TIMER))
			apic->lapic_timer.timer_mode_mask = 3;
	}
	kvm_pmu_refresh(vcpu);
	kvm_update_pv_runtime(vcpu);
	kvm_hv_set_cpuid(vcpu, false);
	kvm_x86_call(vcpu_after_set_cpuid)(vcpu);
	kvm_mmu_after_set_cpuid(vcpu);
}

static int kvm_set_cpuid(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *e2, int nent)
{
	int r;

	__kvm_update_cpuid_runtime(vcpu, e2, nent);
	if (!kvm_vcpu_has_run(vcpu)) {
		if (kvm_cpuid_has_hyperv(e2, nent))
			hyperv(vcpu);
		r = kvm_check_cpuid(vcpu, e2, nent);
		if (r)
			return r;
		kvfree(vcpu->arch.cpuid_entries);
		vcpu->arch.cpuid_nent = nent;
		vcpu->arch.cpuid_entries = e2;
		vcpu->arch.xen.cpuid = leaves_of(vcpu, 1);
		vcpu->arch.kvm_cpuid = leaves_of(vcpu, 0);
		kvm_vcpu_after_set_cpuid(vcpu);
		return 0;
	}

	/* too late for another one */
	r = kvm_cpuid_check_equal(vcpu, e2, nent);
	if (r)
		return r;
	kvfree(e2);
	return 0;
}
"""
# As the newest kernels do it: the new entries are put in first, and taken out again where they are refused.
NEWEST_CPUID = """
void kvm_vcpu_after_set_cpuid(struct kvm_vcpu *vcpu)
{
	struct kvm_cpuid_entry2 *one, *best = kvm_find_cpuid_entry(vcpu, 1);
	struct kvm_cpuid_entry2 *entry;
	struct kvm_lapic *apic = vcpu->arch.apic;
	int i;

	memset(vcpu->arch.cpu_caps, 0, sizeof(vcpu->arch.cpu_caps));
	for (i = 0; i < ALL_OF_THEM; i++) {
		const struct cpuid_reg cpuid = reverse_cpuid[i];

		if (!cpuid.function)
			continue;
		entry = kvm_find_cpuid_entry_index(vcpu, cpuid.function, 0);
		if (!entry)
			break;
		cpuid_func_emulated(one, cpuid.function, 0, true);
		vcpu->arch.cpu_caps[i] = kvm_cpu_caps[i];
		vcpu->arch.cpu_caps[i] &= said(entry);
	}
	kvm_update_cpuid_runtime(vcpu);
	guest_cpu_cap_change(vcpu, X86_FEATURE_GBPAGES, pages_are_large(vcpu));

	/* what it says of itself */
	if (best && apic) {
		kvm_apic_set_version(vcpu);
		if (cpuid_entry_has(best, X86_FEATURE_TSC_DEADLINE_TIMER))
			apic->lapic_timer.timer_mode_mask = 3;
	}
	vcpu->arch.guest_supported_xss = states(vcpu);
	vcpu->arch.pv_cpuid.features = quirk(vcpu);
	kvm_mmu_after_set_cpuid(vcpu);
	kvm_make_request(KVM_REQ_RECALC_INTERCEPTS, vcpu);
}

static int kvm_set_cpuid(struct kvm_vcpu *vcpu, struct kvm_cpuid_entry2 *e2, int nent)
{
	int r;
	u32 caps[ALL_OF_THEM];

	memcpy(caps, vcpu->arch.cpu_caps, sizeof(caps));
	if (vcpu->arch.dirty)
		kvm_update_cpuid_runtime(vcpu);
	swap(vcpu->arch.cpuid_nent, nent);
	swap(vcpu->arch.cpuid_entries, e2);

	if (kvm_can_set_cpuid_and_feature_msrs(vcpu)) {
		if (kvm_cpuid_has_hyperv(vcpu))
			hyperv(vcpu);
		r = kvm_check_cpuid(vcpu);
		if (r)
			goto undo;
		kvm_vcpu_after_set_cpuid(vcpu);
		goto keep;
	}

	/* too late for another one */
	r = kvm_cpuid_check_equal(vcpu, e2, nent);
	if (r)
		goto undo;
keep:
	kvfree(e2);
	return 0;

undo:
	swap(vcpu->arch.cpuid_entries, e2);
	swap(vcpu->arch.cpuid_nent, nent);
	memcpy(vcpu->arch.cpu_caps, caps, sizeof(caps));
	return r;
}
"""
MAIN = """
static long kvm_vm_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg)
{
	struct kvm *kvm = filp->private_data;
	int r;

	switch (ioctl) {
#ifdef __KVM_HAVE_IRQ_LINE
	case KVM_IRQ_LINE:
		r = line(kvm, arg);
		break;
#endif
	case KVM_SET_GSI_ROUTING: {
		struct kvm_irq_routing_entry *entries = NULL;
		struct kvm_irq_routing_entry *urouting;
		struct kvm_irq_routing routing;

		r = -EFAULT;
		if (copy_from_user(&routing, argp, sizeof(routing)))
			goto out;
		r = -EINVAL;
		if (routing.flags || routing.nr > KVM_MAX_IRQ_ROUTES)
			goto out;
		if (!kvm_arch_can_set_irq_routing(kvm))
			goto out;
		if (routing.nr) {
			urouting = argp;
			entries = vmemdup_array_user(urouting->entries, routing.nr, sizeof(*entries));
			if (IS_ERR(entries)) {
				r = failed(entries);
				goto out;
			}
		}
		r = kvm_set_irq_routing(kvm, entries, routing.nr, routing.flags);
		kvfree(entries);
		break;
	}
	}
out:
	return r;
}
"""
IRQCHIP = """
int kvm_set_irq(struct kvm *kvm, int irq_source_id, u32 irq, int level, bool line_status)
{
	struct kvm_kernel_irq_routing_entry irq_set[KVM_NR_IRQCHIPS];
	int i, reading, ret = -1;

	reading = srcu_read_lock(&kvm->irq_srcu);
	i = kvm_irq_map_gsi(kvm, irq_set, irq);
	srcu_read_unlock(&kvm->irq_srcu, reading);

	while (i--) {
		int r = irq_set[i].set(&irq_set[i], kvm, irq_source_id, level, line_status);

		if (r < 0)
			continue;
		ret = r + (ret < 0 ? 0 : ret);
	}
	trace_own_line(irq, level, ret);
	return ret;
}

int kvm_set_irq_routing(struct kvm *kvm, const struct kvm_irq_routing_entry *ue, unsigned nr, unsigned flags)
{
	struct kvm_irq_routing_table *new = made_of(ue, nr);

	rcu_assign_pointer(kvm->irq_routing, new);
	kvm_arch_irq_routing_update(kvm);
	synchronize_srcu_expedited(&kvm->irq_srcu);
	return 0;
}
"""
EVENTFD = """
void kvm_notify_acked_irq(struct kvm *kvm, unsigned irqchip, unsigned pin)
{
	int gsi, reading = srcu_read_lock(&kvm->irq_srcu);

	gsi = kvm_irq_map_chip_pin(kvm, irqchip, pin);
	trace_own_heard(irqchip, pin);
	if (gsi != -1)
		kvm_notify_acked_gsi(kvm, gsi);
	srcu_read_unlock(&kvm->irq_srcu, reading);
}
"""
HOST = """
static __always_inline void kvm_make_request(int req, struct kvm_vcpu *vcpu)
{
	BUILD_BUG_ON(req < 0);
	__kvm_make_request(req, vcpu);
}
"""
HAS = "\n#define __KVM_HAVE_IRQ_LINE\n"
# As earlier kernels said the same: these come before those of own_tree.
EARLIER = (
    ("highest_irr = kvm_x86_call(sync_pir_to_irr)", "highest_irr = static_call(kvm_x86_sync_pir_to_irr)"),
    ("kvm_x86_call(vcpu_after_set_cpuid)", "static_call(kvm_x86_vcpu_after_set_cpuid)"),
    ("!kvm_vcpu_has_run(vcpu)", "!(vcpu->arch.last_vmentry_cpu != -1)"),
    ("vmemdup_array_user(urouting->entries, routing.nr, sizeof(*entries))", "vmemdup_user(urouting->entries, size_of(routing.nr))"),
    ("		vcpu->arch.kvm_cpuid = leaves_of(vcpu, 0);\n", "		kvm_update_kvm_cpuid_base(vcpu);\n"),
    ("kvm_create_lapic(vcpu)", "kvm_create_lapic(vcpu, lapic_timer_advance_ns)"),
    ("	kvm_arch_irq_routing_update(kvm);\n", "	kvm_arch_post_irq_routing_update(kvm);\n"),
)  # fmt: skip
