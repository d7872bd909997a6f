# ruff: noqa: E101
"""Two small kernel trees of our own: whole functions, as later kernels say them and as earlier ones do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from checker.matrix import lifting
from tests.rigs import own_ioctls
from tests.rigs.own_c import ABOVE_X86, FILES, IOAPIC, LAPIC, UAPI, X86
from tests.rigs.own_ioapic import EOI_ONE, SERVICE, SET_IRQ, UPDATE_EOI, WORK

IRQ, IRQ_H, IOAPIC_H, LAPIC_H = (f"arch/x86/kvm/{name}" for name in ("irq.c", "irq.h", "ioapic.h", "lapic.h"))
COMM, CPUID, HEADER = "arch/x86/kvm/irq_comm.c", "arch/x86/kvm/cpuid.c", "include/linux/kvm_host.h"
MAIN, IRQCHIP, EVENTFD = (f"virt/kvm/{name}" for name in ("kvm_main.c", "irqchip.c", "eventfd.c"))

LATER_LAPIC = """
void kvm_lapic_reset(struct kvm_vcpu *vcpu, bool init_event)
{
	struct kvm_lapic *apic = vcpu->arch.apic;
	int i;

	if (!init_event)
		enable(vcpu);
	kvm_x86_call(apicv_pre_state_restore)(vcpu);
	if (apic) {
		/* what is pending, in service, or level */
		for (i = 0; i < 8; i++) {
			kvm_lapic_set_reg(apic, APIC_TMR + 0x10 * i, 0);
			kvm_lapic_set_reg(apic, APIC_IRR + 0x10 * i, 0);
			kvm_lapic_set_reg(apic, APIC_ISR + 0x10 * i, 0);
		}
		apic_set_spiv(apic, 0xff);
		kvm_apic_set_version(apic->vcpu);
		kvm_lapic_set_reg(apic, APIC_ESR, 0);
		kvm_lapic_set_reg(apic, APIC_TASKPRI, 0);
		kvm_apic_set_dfr(apic, 0);

		/* the timer stands still */
		kvm_lapic_set_reg(apic, APIC_TMICT, 0);
		kvm_lapic_set_reg(apic, APIC_TDCR, 0);
		update_divide_count(apic);
		hrtimer_cancel(&apic->lapic_timer.timer);

		/* nothing comes from its own pins */
		apic_manage_nmi_watchdog(apic, 0);
		apic_update_lvtt(apic);
		for (i = apic->nr_lvt_entries - 1; i >= 0; i--)
			kvm_lapic_set_reg(apic, APIC_LVTx(i), APIC_LVT_MASKED);
		if (kvm_vcpu_is_reset_bsp(vcpu))
			external(apic);

		if (apic_x2apic_mode(apic))
			kvm_lapic_set_reg64(apic, APIC_ICR, 0);
		else
			no_message_under_way(apic);

		vcpu->arch.apic_attention = 0;
		vcpu->arch.apic_arb_prio = 0;
		vcpu->arch.pv_eoi.msr_val = 0;
		kvm_recalculate_apic_map(vcpu->kvm);
		kvm_apic_update_apicv(vcpu);
		if (apic->apicv_active)
			tell_the_hardware(vcpu);
	}
}

int kvm_apic_set_state(struct kvm_vcpu *vcpu, struct kvm_lapic_state *s)
{
	int r = kvm_apic_state_fixup(vcpu, s, true);
	struct kvm_lapic *lapic = vcpu->arch.apic;

	if (r)
		return r;

	kvm_lapic_set_base(vcpu, vcpu->arch.apic_base);
	memcpy(lapic->regs, s->regs, sizeof(*s));
	apic_set_spiv(lapic, *((u32 *)(s->regs + APIC_SPIV)));
	kvm_apic_set_version(vcpu);
	if (!apic_x2apic_mode(lapic))
		name_again(lapic);
	kvm_x86_call(apicv_pre_state_restore)(vcpu);

	/* the timer runs from the image's count on */
	lapic->lapic_timer.expired_tscdeadline = 0;
	cancel_apic_timer(lapic);
	kvm_lapic_set_reg(lapic, APIC_TMCCT, 0);
	__start_apic_timer(lapic, APIC_TMCCT);

	vcpu->arch.apic_arb_prio = 0;
	kvm_recalculate_apic_map(vcpu->kvm);
	if (ioapic_in_kernel(vcpu->kvm))
		kvm_rtc_eoi_tracking_restore_one(vcpu);
	return r;
}

static int kvm_lapic_reg_write(struct kvm_lapic *apic, u32 reg, u32 val)
{
	switch (reg) {
	case APIC_SPIV: {
		u32 mask = 0x3ff | APIC_SPIV_DIRECTED_EOI;
		int i;

		/* only what was offered */
		if (!(kvm_lapic_get_reg(apic, APIC_LVR) & APIC_LVR_DIRECTED_EOI))
			mask &= ~APIC_SPIV_DIRECTED_EOI;

		if (!(val & APIC_SPIV_APIC_ENABLED)) {
			apic_update_lvtt(apic);
			for (i = apic->nr_lvt_entries - 1; i >= 0; i--)
				kvm_lapic_set_reg(apic, APIC_LVTx(i), APIC_LVT_MASKED);
		}
		apic_set_spiv(apic, val & mask);
		break;
	}
	case APIC_EOI:
		return ended(apic_set_eoi(apic));
	}
	return 0;
}

static int __apic_accept_irq(struct kvm_lapic *apic, int delivery_mode, int vector, int level, int trig_mode,
			     struct rtc_status *rtc_status)
{
	int result = 0;

	switch (delivery_mode) {
	case APIC_DM_NMI:
		inject(apic);
		break;
	case APIC_DM_LOWEST:
		count_it(apic);
		fallthrough;
	case APIC_DM_FIXED:
		if (apic_enabled(apic)) {
			if (unlikely(trig_mode && !level))
				break;

			/* its EOI will be asked for the trigger mode */
			if (apic_test_vector(vector, apic->regs + APIC_TMR) != !!trig_mode) {
				if (!trig_mode)
					apic_clear_vector(vector, apic->regs + APIC_TMR);
				else
					apic_set_vector(vector, apic->regs + APIC_TMR);
			}
			kvm_x86_call(deliver_interrupt)(apic, delivery_mode, trig_mode, vector);
			if (rtc_status)
				note(rtc_status, vector);
			result = 1;
		}
		break;
	}
	return result;
}

void kvm_apic_ack_interrupt(struct kvm_vcpu *vcpu, int vector)
{
	struct kvm_lapic *lapic = vcpu->arch.apic;
	u32 unread;

	if (WARN_ON_ONCE(vector < 0))
		return;

	if (!kvm_hv_synic_auto_eoi_set(vcpu, vector)) {
		apic_set_isr(vector, lapic);
		apic_clear_irr(vector, lapic);
		__apic_update_ppr(lapic, &unread);
		return;
	}

	/* it is never in service */
	apic_clear_irr(vector, lapic);
	apic_update_ppr(lapic);
}

bool kvm_apic_pending_eoi(struct kvm_vcpu *vcpu, int vector)
{
	struct kvm_lapic *lapic = vcpu->arch.apic;
	bool waits = apic_test_vector(vector, lapic->regs + APIC_IRR);
	bool is_served = apic_test_vector(vector, lapic->regs + APIC_ISR);

	return waits || is_served;
}
"""
APICDEF = "#define APIC_SPIV_APIC_ENABLED (1 << 8)\n#define APIC_SPIV_DIRECTED_EOI (1 << 12)\n#define APIC_LVR_DIRECTED_EOI (1 << 24)\n"
LATER_IOAPIC = """
#define IOAPIC_VERSION_ID 0x11

void kvm_ioapic_scan_entry(struct kvm_vcpu *vcpu, ulong *ioapic_handled_vectors)
{
	int index;
	struct kvm_ioapic *ioapic = vcpu->kvm->arch.vioapic;
	struct rtc_status *status = &ioapic->rtc_status;

	for (index = 0; index < IOAPIC_NUM_PINS; index++) {
		union kvm_ioapic_redirect_entry *e = &ioapic->redirtbl[index];
		bool wanted = e->fields.trig_mode == IOAPIC_LEVEL_TRIG;

		if (kvm_irq_has_notifier(ioapic->kvm, KVM_IRQCHIP_IOAPIC, index))
			wanted = true;
		if (wanted)
			kvm_scan_ioapic_irq(vcpu, e->fields.dest_id, 0, e->fields.vector, ioapic_handled_vectors);
	}

	/* the clock's may have another vector by now */
	if (test_bit(vcpu->vcpu_id, status->map))
		__set_bit(status->vectors[vcpu->vcpu_id], ioapic_handled_vectors);
}

static void ioapic_write_indirect(struct kvm_ioapic *ioapic, u32 val)
{
	int old_dest_mode, old_dest_id, old_remote_irr, old_delivery_status;
	union kvm_ioapic_redirect_entry *e;
	bool is_level, mask_after, mask_before;
	unsigned int index;

	switch (ioapic->ioregsel) {
	default:
		index = (ioapic->ioregsel - 0x10) >> 1;
		if (index >= IOAPIC_NUM_PINS)
			break;

		e = &ioapic->redirtbl[index];
		old_dest_mode = e->fields.dest_mode;
		old_dest_id = e->fields.dest_id;
		old_delivery_status = e->fields.delivery_status;
		old_remote_irr = e->fields.remote_irr;
		mask_before = e->fields.mask;

		if (!(ioapic->ioregsel & 1)) {
			e->bits &= ~0xffffffffULL;
			e->bits |= (u32)val;
		} else {
			e->bits = (e->bits & 0xffffffff) | (u64)val << 32;
		}

		/* these two are the chip's */
		e->fields.delivery_status = old_delivery_status;
		is_level = e->fields.trig_mode == IOAPIC_LEVEL_TRIG;
		e->fields.remote_irr = old_remote_irr;
		if (!is_level)
			e->fields.remote_irr = 0;

		if (is_level && !e->fields.mask) {
			if (ioapic->irr & (1 << index)) {
				if (!kvm_notify_irqfd_resampler(ioapic->kvm, KVM_IRQCHIP_IOAPIC, index))
					ioapic_service(ioapic, index, false);
				else
					it_fell(ioapic, index);
			}
		}

		if (e->fields.delivery_mode == APIC_DM_FIXED) {
			struct kvm_lapic_irq irq;

			bitmap_zero(vcpu_bitmap, KVM_MAX_VCPUS);
			irq.shorthand = APIC_DEST_NOSHORT;
			irq.dest_mode = e->fields.dest_mode;
			irq.dest_id = e->fields.dest_id;
			irq.trig_mode = e->fields.trig_mode;
			irq.vector = e->fields.vector;
			irq.level = false;
			irq.delivery_mode = APIC_DM_FIXED;
			irq.msi_redir_hint = false;
			kvm_bitmap_or_dest_vcpus(ioapic->kvm, &irq, vcpu_bitmap);
			kvm_make_scan_ioapic_request_mask(ioapic->kvm, vcpu_bitmap);
		}

		mask_after = e->fields.mask;
		if (mask_before != mask_after)
			kvm_fire_mask_notifiers(ioapic->kvm, KVM_IRQCHIP_IOAPIC, index, mask_after);
		break;
	case IOAPIC_REG_APIC_ID:
		ioapic->id = val;
		break;
	}
}

static unsigned long ioapic_read_indirect(struct kvm_ioapic *ioapic)
{
	unsigned long result;

	switch (ioapic->ioregsel) {
	case IOAPIC_REG_APIC_ID:
		return ioapic->id;
	case IOAPIC_REG_VERSION:
		result = (((IOAPIC_NUM_PINS - 1) & 0xff) << 16) | (IOAPIC_VERSION_ID & 0xff);
		break;
	default:
		result = half_of_an_entry(ioapic);
	}
	return result;
}
"""
LATER_IRQ = """
int kvm_set_msi(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm, int irq_source_id, int level, bool line_status)
{
	if (level && !kvm_msi_route_invalid(kvm, e)) {
		struct kvm_lapic_irq irq;

		kvm_msi_to_lapic_irq(kvm, e, &irq);
		return kvm_irq_delivery_to_apic(kvm, NULL, &irq);
	}
	return level ? -EINVAL : -1;
}

void kvm_arch_irq_routing_update(struct kvm *kvm)
{
	bool others_end_it = irqchip_split(kvm);

	if (others_end_it)
		kvm_make_scan_ioapic_request(kvm);
#ifdef CONFIG_KVM_HYPERV
	kvm_hv_irq_routing_update(kvm);
#endif
}

void kvm_scan_ioapic_routes(struct kvm_vcpu *vcpu, ulong *ioapic_handled_vectors)
{
	struct kvm *kvm = vcpu->kvm;
	int reading = srcu_read_lock(&kvm->irq_srcu);
	struct kvm_irq_routing_table *table = srcu_dereference(kvm->irq_routing, &kvm->irq_srcu);
	u32 nr_ioapic_pins = min_t(u32, kvm->arch.nr_reserved_ioapic_pins, table->nr_rt_entries);
	struct kvm_kernel_irq_routing_entry *entry;
	struct kvm_lapic_irq irq;
	u32 i;

	for (i = 0; i < nr_ioapic_pins; ++i) {
		hlist_for_each_entry(entry, &table->map[i], link) {
			bool other = entry->type != KVM_IRQ_ROUTING_MSI;

			if (!other) {
				kvm_msi_to_lapic_irq(kvm, entry, &irq);
				if (irq.trig_mode)
					kvm_scan_ioapic_irq(vcpu, irq.dest_id, irq.dest_mode, irq.vector, ioapic_handled_vectors);
			}
		}
	}
	srcu_read_unlock(&kvm->irq_srcu, reading);
}

void kvm_scan_ioapic_irq(struct kvm_vcpu *vcpu, u32 dest_id, u16 dest_mode, u8 vector, ulong *ioapic_handled_vectors)
{
	bool aimed = kvm_apic_match_dest(vcpu, NULL, APIC_DEST_NOSHORT, dest_id, dest_mode);

	WARN_ON_ONCE(!irqchip_in_kernel(vcpu->kvm));

	/* whom it went to before may still have to end it */
	if (!aimed) {
		if (!kvm_apic_pending_eoi(vcpu, vector))
			return;
		if ((int)vector > vcpu->arch.highest_stale_pending_ioapic_eoi)
			vcpu->arch.highest_stale_pending_ioapic_eoi = vector;
	}
	__set_bit(vector, ioapic_handled_vectors);
}
"""
MODE = """
static inline int {name}(struct kvm *kvm)
{{
	bool is_so = kvm->arch.irqchip_mode {test};

	smp_rmb();
	return is_so;
}}
"""
IN_IOAPIC_H = """
static inline int ioapic_in_kernel(struct kvm *kvm)
{
	return irqchip_full(kvm);
}
"""
IN_LAPIC_H = """
static inline bool lapic_in_kernel(struct kvm_vcpu *vcpu)
{
	if (!static_branch_unlikely(&kvm_has_noapic_vcpu))
		return true;
	return vcpu->arch.apic;
}
"""
LATER_X86 = """
int kvm_arch_vm_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg)
{
	struct kvm *kvm = filp->private_data;
	int r = -ENOTTY;

	switch (ioctl) {
	case KVM_CREATE_IRQCHIP: {
		mutex_lock(&kvm->lock);
		r = -ENOTTY;
		if (kvm->arch.has_protected_eoi)
			goto as_before;
		if (irqchip_in_kernel(kvm)) {
			r = -EEXIST;
			goto as_before;
		}
		if (kvm->created_vcpus) {
			r = -EINVAL;
			goto as_before;
		}

		/* all three parts, or none */
		r = kvm_ioapic_init(kvm);
		if (!r)
			r = kvm_pic_init(kvm);
		if (!r)
			r = kvm_setup_default_ioapic_and_pic_routing(kvm);
		if (!r) {
			kvm_clear_apicv_inhibit(kvm, APICV_INHIBIT_REASON_ABSENT);
			smp_wmb();
			kvm->arch.irqchip_mode = KVM_IRQCHIP_KERNEL;
		}
	as_before:
		mutex_unlock(&kvm->lock);
		break;
	}
	case KVM_SET_TSS_ADDR:
		r = tss(kvm, arg);
		break;
	}
	return r;
}

static int kvm_check_and_inject_events(struct kvm_vcpu *vcpu, bool *req_immediate_exit)
{
	if (kvm_cpu_has_injectable_intr(vcpu)) {
		if (may_be_interrupted(vcpu)) {
			take(vcpu, kvm_cpu_get_interrupt(vcpu));
			kvm_x86_call(inject_irq)(vcpu, false);
		} else {
			kvm_x86_call(enable_irq_window)(vcpu);
		}
	}
	return 0;
}

static int vcpu_enter_guest(struct kvm_vcpu *vcpu)
{
	bool req_immediate_exit = false;

	if (kvm_check_request(KVM_REQ_IOAPIC_EOI_EXIT, vcpu)) {
		if (test_bit(vcpu->arch.pending_ioapic_eoi, vcpu->arch.ioapic_handled_vectors)) {
			vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
			vcpu->run->eoi.vector = vcpu->arch.pending_ioapic_eoi;
			return 0;
		}
	}
	if (kvm_check_request(KVM_REQ_SCAN_IOAPIC, vcpu))
		vcpu_scan_ioapic(vcpu);
	if (kvm_check_and_inject_events(vcpu, &req_immediate_exit) < 0)
		return 1;
	return run_it(vcpu, req_immediate_exit);
}

void kvm_make_scan_ioapic_request(struct kvm *kvm)
{
	kvm_make_all_cpus_request(kvm, KVM_REQ_SCAN_IOAPIC);
}
"""
SCAN = """
static void vcpu_scan_ioapic(struct kvm_vcpu *vcpu)
{
	if (!kvm_apic_present(vcpu))
		return;

	kvm_x86_call(sync_pir_to_irr)(vcpu);
	vcpu->arch.highest_stale_pending_ioapic_eoi = -1;
	bitmap_zero(vcpu->arch.ioapic_handled_vectors, 256);

	if (ioapic_in_kernel(vcpu->kvm))
		kvm_ioapic_scan_entry(vcpu, vcpu->arch.ioapic_handled_vectors);
	if (irqchip_split(vcpu->kvm))
		kvm_scan_ioapic_routes(vcpu, vcpu->arch.ioapic_handled_vectors);
	if (!is_guest_mode(vcpu))
		kvm_make_request(KVM_REQ_LOAD_EOI_EXITMAP, vcpu);
}
"""
SPLIT = """
	case KVM_CAP_SPLIT_IRQCHIP: {
		mutex_lock(&kvm->lock);
		if (irqchip_in_kernel(kvm) || kvm->created_vcpus || cap->args[0] > KVM_MAX_IRQ_ROUTES) {
			r = -EEXIST;
		} else {
			kvm->arch.nr_reserved_ioapic_pins = cap->args[0];
			kvm->arch.irqchip_mode = KVM_IRQCHIP_SPLIT;
			r = 0;
		}
		mutex_unlock(&kvm->lock);
		break;
	}
	case KVM_CAP_PIT:
"""
# As earlier kernels said the same.
EARLIER = (
    *own_ioctls.EARLIER,
    ("guest_cpu_cap_has", "guest_cpuid_has"),
    ("irqchip_full", "irqchip_kernel"),
    ("kvm_hv_synic_has_vector(apic->vcpu, vector)", "to_hv_vcpu(apic->vcpu) && has(apic)"),
    ("kvm_x86_call(inject_irq)", "static_call(kvm_x86_inject_irq)"),
    ("kvm_x86_call(enable_irq_window)", "static_call(kvm_x86_enable_irq_window)"),
    ("kvm_x86_call(deliver_interrupt)", "static_call(kvm_x86_deliver_interrupt)"),
    ("kvm_x86_call(sync_pir_to_irr)", "static_call_cond(kvm_x86_sync_pir_to_irr)"),
    ("kvm_x86_call(apicv_pre_state_restore)", "static_call_cond(kvm_x86_apicv_pre_state_restore)"),
    ("apic_set_vector(vector, apic->regs", "kvm_lapic_set_vector(vector, apic->regs"),
    ("apic_clear_vector(vector, apic->regs", "kvm_lapic_clear_vector(vector, apic->regs"),
    ("struct rtc_status *rtc_status)\n{", "struct dest_map *dest_map)\n{"),
    ("			if (rtc_status)\n				note(rtc_status, vector);\n", "			if (dest_map)\n				note(dest_map, vector);\n"),
    ("kvm_msi_to_lapic_irq", "kvm_set_msi_irq"),
    ("return kvm_irq_delivery_to_apic(kvm, NULL, &irq);", "return kvm_irq_delivery_to_apic(kvm, NULL, &irq, NULL);"),
    ("struct rtc_status *status = &ioapic->rtc_status;", "struct dest_map *dest_map = &ioapic->rtc_status.dest_map;"),
    ("test_bit(vcpu->vcpu_id, status->map)", "test_bit(vcpu->vcpu_id, dest_map->map)"),
    ("kvm_setup_default_ioapic_and_pic_routing", "kvm_setup_default_irq_routing"),
    ("			kvm->arch.irqchip_mode = KVM_IRQCHIP_SPLIT;\n			r = 0;\n",
     "			r = kvm_setup_empty_irq_routing(kvm);\n			if (!r) {\n				kvm->arch.irqchip_mode = KVM_IRQCHIP_SPLIT;\n				r = 0;\n			}\n"),
    ("kvm_arch_irq_routing_update(struct kvm *kvm)", "kvm_arch_post_irq_routing_update(struct kvm *kvm)"),
    ("#ifdef CONFIG_KVM_HYPERV\n	kvm_hv_irq_routing_update(kvm);\n#endif\n", ""),
)  # fmt: skip


def _later() -> dict[str, str]:
    above, _, scan = FILES[X86].partition("\nstatic void vcpu_scan_ioapic(")
    below = scan.partition("\n}\n")[2].replace("\n	case KVM_CAP_PIT:\n", SPLIT)
    later_x86 = LATER_X86.replace("\n	case KVM_SET_TSS_ADDR:\n", own_ioctls.IRQCHIP_CASES)
    assert ABOVE_X86 in above and SPLIT in below and own_ioctls.IRQCHIP_CASES in later_x86
    x86 = above + SCAN + below
    service = SERVICE.replace("&irqe, NULL);", "&irqe);")
    modes = {
        "irqchip_in_kernel": "!= KVM_IRQCHIP_NONE",
        "irqchip_split": "== KVM_IRQCHIP_SPLIT",
        "irqchip_full": "== KVM_IRQCHIP_KERNEL",
    }
    return {
        LAPIC: FILES[LAPIC] + LATER_LAPIC + own_ioctls.LAPIC,
        IOAPIC: service + SET_IRQ + EOI_ONE + UPDATE_EOI + WORK + LATER_IOAPIC + own_ioctls.IOAPIC,
        IRQ: LATER_IRQ,
        IRQ_H: "".join(MODE.format(name=name, test=test) for name, test in modes.items()),
        "arch/x86/include/asm/apicdef.h": APICDEF, IOAPIC_H: IN_IOAPIC_H, LAPIC_H: IN_LAPIC_H, UAPI: FILES[UAPI] + own_ioctls.HAS,
        X86: x86 + later_x86 + own_ioctls.X86, HEADER: _helpers() + own_ioctls.HOST, CPUID: own_ioctls.CPUID, MAIN: own_ioctls.MAIN,
        IRQCHIP: own_ioctls.IRQCHIP, EVENTFD: own_ioctls.EVENTFD,
    }  # fmt: skip


def _helpers() -> str:
    """Each with a body of ours, so that it is not the one that the table knows."""
    names = [row.left for row in lifting.table().rows["helpers"]]
    return "".join(
        f"static inline int {name}(void)\n{{\n	return 1;\n}}\n\n"
        for name in names
        if name not in ("irqchip_full", "irqchip_kernel", "kvm_set_irq_routing")
    )


def _earlier() -> dict[str, str]:
    made = dict(LATER)
    for was, now in EARLIER:
        assert any(was in text for text in made.values()), was
        made = {file: text.replace(was, now) for file, text in made.items()}
    made[IOAPIC] = made[IOAPIC].replace("&irqe);", "&irqe, NULL);")
    made[COMM] = made.pop(IRQ)
    return made


LATER = _later()
EARLY = _earlier()
NEWEST = {**LATER, CPUID: own_ioctls.NEWEST_CPUID}


def changed(tree: Mapping[str, str], *changes: tuple[str, str]) -> dict[str, str]:
    """The tree with texts replaced, each of which stands in it once."""
    made = dict(tree)
    for old, new in changes:
        assert sum(text.count(old) for text in made.values()) == 1, old
        made = {file: text.replace(old, new) for file, text in made.items()}
    return made


def written(folder: Path, tree: Mapping[str, str]) -> Path:
    """As a directory."""
    for file, text in tree.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return folder
