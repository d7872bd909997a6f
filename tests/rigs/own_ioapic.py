# ruff: noqa: E101
"""C of our own for the I/O APIC in the kernel, whole functions: what a hunk shows of them depends on its context. Which names there
are is said by the table's rows, and what is done in which order by its shapes; how it is said in C is ours."""

from __future__ import annotations

from tests.rigs.own_c import IOAPIC, diff_of

SERVICE = """\
static int ioapic_service(struct kvm_ioapic *ioapic, int irq, bool line_status)
{
	struct kvm_lapic_irq irqe;
	int ret;
	union kvm_ioapic_redirect_entry *entry;

	entry = &ioapic->redirtbl[irq];
	if (entry->fields.mask || (entry->fields.trig_mode == IOAPIC_LEVEL_TRIG && entry->fields.remote_irr)) {
		trace_own_waits(irq);
		return -1;
	}

	/* what each message of a pin has */
	irqe.msi_redir_hint = false;
	irqe.level = 1;
	irqe.delivery_mode = APIC_DM_FIXED;
	irqe.shorthand = APIC_DEST_NOSHORT;

	/* what the guest wrote */
	irqe.dest_mode = mode_of(entry);
	irqe.dest_id = entry->fields.dest_id;
	irqe.vector = entry->fields.vector;
	irqe.trig_mode = entry->fields.trig_mode;

	ret = kvm_irq_delivery_to_apic(ioapic->kvm, NULL, &irqe, NULL);
	trace_own_sent(irq, irqe.vector, ret);

	/* closed until its EOI */
	if (ret && irqe.trig_mode == IOAPIC_LEVEL_TRIG)
		entry->fields.remote_irr = 1;
	if (irqe.trig_mode != IOAPIC_LEVEL_TRIG)
		ioapic->irr_delivered |= 1 << irq;

	return ret;
}
"""
SET_IRQ = """\
static int ioapic_set_irq(struct kvm_ioapic *ioapic, unsigned int irq, int irq_level, bool line_status)
{
	int ret = 1;
	bool edge;
	u32 old_irr;
	u32 mask = 1 << irq;
	union kvm_ioapic_redirect_entry entry = ioapic->redirtbl[irq];

	trace_own_line(irq, irq_level);
	edge = entry.fields.trig_mode == IOAPIC_EDGE_TRIG;
	if (irq_level == 0) {
		ioapic->irr &= ~mask;
		goto out;
	}

	/* from here on: it rises, and nobody has got it so far */
	ret = 0;
	if (irq == RTC_GSI && line_status && waits_for_its_eoi(ioapic))
		goto out;

	old_irr = ioapic->irr;
	ioapic->irr |= mask;
	if (kvm_apicv_activated(ioapic->kvm) && edge)
		ask_for_late_eois(ioapic, irq);
	if (edge) {
		/* one that is latched is as good as two */
		if (old_irr == ioapic->irr)
			goto out;
		ioapic->irr_delivered &= ~mask;
	}
	ret = ioapic_service(ioapic, irq, line_status);

out:
	trace_own_line_is_done(irq, ret);
	return ret;
}
"""
EOI_ONE = """\
static void kvm_ioapic_update_eoi_one(struct kvm_vcpu *vcpu, struct kvm_ioapic *ioapic, int trigger_mode, int pin)
{
	union kvm_ioapic_redirect_entry *ent;
	struct kvm_lapic *apic;

	/* whoever waits for the EOI may raise the line again from there */
	kvm_notify_acked_irq(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin);

	apic = vcpu->arch.apic;
	trace_own_eoi_of(pin, trigger_mode);

	if (trigger_mode != IOAPIC_LEVEL_TRIG || kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)
		return;

	ent = &ioapic->redirtbl[pin];
	ASSERT(ent->fields.trig_mode == IOAPIC_LEVEL_TRIG);
	ent->fields.remote_irr = 0;
	trace_own_opened(pin);
	if (!ent->fields.mask && (ioapic->irr & (1 << pin))) {
		++ioapic->irq_eoi[pin];
		if (ioapic->irq_eoi[pin] == IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT) {
			/* let the guest breathe */
			trace_own_storm(pin);
			schedule_delayed_work(&ioapic->eoi_inject, HZ / 100);
			ioapic->irq_eoi[pin] = 0;
		} else {
			trace_own_still_high(pin);
			ioapic_service(ioapic, pin, false);
		}
	} else {
		ioapic->irq_eoi[pin] = 0;
	}
}
"""
UPDATE_EOI = """\
void kvm_ioapic_update_eoi(struct kvm_vcpu *vcpu, int vector, int trigger_mode)
{
	union kvm_ioapic_redirect_entry *ent;
	struct kvm_ioapic *ioapic = vcpu->kvm->arch.vioapic;
	int i;

	for (i = 0; i < IOAPIC_NUM_PINS; i++) {
		ent = &ioapic->redirtbl[i];
		if (ent->fields.vector != vector)
			continue;
		trace_own_eoi(i, vector);
		kvm_ioapic_update_eoi_one(vcpu, ioapic, trigger_mode, i);
	}
	rtc_irq_eoi(ioapic, vcpu, vector);
}
"""
WORK = """\
static void kvm_ioapic_eoi_inject_work(struct work_struct *work)
{
	union kvm_ioapic_redirect_entry *ent;
	struct kvm_ioapic *ioapic = container_of(work, struct kvm_ioapic, eoi_inject.work);
	int i;

	for (i = 0; i < IOAPIC_NUM_PINS; i++) {
		ent = &ioapic->redirtbl[i];
		if (ent->fields.trig_mode != IOAPIC_LEVEL_TRIG)
			continue;
		if (ioapic->irr & (1 << i) && !ent->fields.remote_irr) {
			trace_own_late(i);
			ioapic_service(ioapic, i, false);
		}
	}
}
"""
SCAN = """\
void kvm_ioapic_scan_entry(struct kvm_vcpu *vcpu, ulong *ioapic_handled_vectors)
{
	int index;
	u16 dm;
	struct kvm_ioapic *ioapic = vcpu->kvm->arch.vioapic;

	for (index = 0; index < IOAPIC_NUM_PINS; index++) {
		union kvm_ioapic_redirect_entry *e = &ioapic->redirtbl[index];

		dm = mode_of(e);
		trace_own_asked(index, dm);
		if (index == RTC_GSI || kvm_irq_has_notifier(ioapic->kvm, KVM_IRQCHIP_IOAPIC, index) ||
		    e->fields.trig_mode == IOAPIC_LEVEL_TRIG) {
			kvm_scan_ioapic_irq(vcpu, e->fields.dest_id, dm, e->fields.vector, ioapic_handled_vectors);
		}
	}
}
"""
WRITE = """\
static void ioapic_write_indirect(struct kvm_ioapic *ioapic, u32 val)
{
	int old_delivery_status, old_remote_irr, old_dest_mode, old_dest_id;
	union kvm_ioapic_redirect_entry *e;
	bool mask_after, mask_before;
	unsigned int index;

	switch (ioapic->ioregsel) {
	case IOAPIC_REG_APIC_ID:
		set_id(ioapic, val);
		break;

	default:
		/* there are two of them for each pin */
		index = (ioapic->ioregsel - 0x10) >> 1;
		if (index >= IOAPIC_NUM_PINS)
			return;
		e = ioapic->redirtbl + index;
		old_dest_mode = e->fields.dest_mode;
		old_dest_id = e->fields.dest_id;
		old_delivery_status = e->fields.delivery_status;
		old_remote_irr = e->fields.remote_irr;
		mask_before = e->fields.mask;
		write_half(e, val, ioapic->ioregsel & 1 ? 32 : 0);

		/* what a guest cannot write */
		e->fields.remote_irr = old_remote_irr;
		trace_own_entry(index, e->bits);
		e->fields.delivery_status = old_delivery_status;

		/* what was level is no longer waited for */
		if (e->fields.trig_mode == IOAPIC_EDGE_TRIG)
			e->fields.remote_irr = 0;

		mask_after = e->fields.mask;
		if (mask_before != mask_after)
			kvm_fire_mask_notifiers(ioapic->kvm, KVM_IRQCHIP_IOAPIC, index, mask_after);
		trace_own_mask(index, mask_after);
		if (e->fields.trig_mode == IOAPIC_LEVEL_TRIG && ioapic->irr & (1 << index) &&
		    !e->fields.mask && !e->fields.remote_irr) {
			/*
			 * The line may have fallen while the pin was masked,
			 * and nobody told us.
			 *
			 * Who gave us the line is asked, if he has to be told
			 * of each EOI.
			 *
			 * If there is nobody to ask, a spurious interrupt is
			 * better than one that is lost.
			 */
			if (!kvm_notify_irqfd_resampler(ioapic->kvm, KVM_IRQCHIP_IOAPIC, index))
				ioapic_service(ioapic, index, false);
			else
				ioapic->irr &= ~(1 << index);
		}
		scan(ioapic->kvm, old_dest_mode, old_dest_id, e);
		break;
	}
}
"""
WHOLE = "\n".join([SCAN, SERVICE, EOI_ONE, WRITE, WORK, UPDATE_EOI, SET_IRQ])


def changed(*changes: tuple[str, str], context: int = 3, of: str = WHOLE) -> str:
    """A patch of ioapic.c: each text, which stands in it once, is another."""
    text = of
    for old, new in changes:
        assert text.count(old) == 1, (text.count(old), old)
        text = text.replace(old, new)
    return diff_of({IOAPIC: text}, context, {IOAPIC: of})


REGISTERS = """\
static unsigned long ioapic_read_indirect(struct kvm_ioapic *ioapic)
{
	unsigned long result;

	switch (ioapic->ioregsel) {
	case IOAPIC_REG_VERSION:
		result = ((((IOAPIC_NUM_PINS - 1) & 0xff) << 16) | (IOAPIC_VERSION_ID & 0xff));
		break;

	case IOAPIC_REG_APIC_ID:
		result = id_of(ioapic);
		break;
	}
	return result;
}

static int ioapic_mmio_write(struct kvm_vcpu *vcpu, struct kvm_io_device *this, gpa_t addr, int len, const void *val)
{
	int i;
	struct kvm_ioapic *ioapic = chip_of(this);
	u32 data = value_of(val, len);

	trace_own_write(addr, data);
	switch (addr & 0xff) {
	case IOAPIC_REG_WINDOW:
		ioapic_write_indirect(ioapic, data);
		break;

	case IOAPIC_REG_SELECT:
		select_register(ioapic, data);
		break;

	default:
		break;
	}
	return 0;
}
"""
