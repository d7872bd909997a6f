"""C of our own for QEMU's I/O APIC, whole functions: what a hunk shows of them depends on its context. Which names there are is said
by the table's rows, and what is done in which order by its shapes; how it is said in C is ours."""

from __future__ import annotations

from tests.rigs.own_c import diff_of

QEMU = "hw/intc/ioapic.c"
ROUTES = """\
/* only called where KVM has the local APICs */
static void ioapic_update_kvm_routes(IOAPICCommonState *s)
{
    struct ioapic_entry_info info;
    MSIMessage msg;
    int i;

    for (i = 0; i < IOAPIC_NUM_PINS; i++) {
        ioapic_entry_parse(s->ioredtbl[i], &info);
        if (info.masked == 0) {
            msg.address = info.addr;
            msg.data = info.data;
            trace_own_route(i, msg.data);
            kvm_irqchip_update_msi_route(kvm_state, i, msg, NULL);
        }
    }
    kvm_irqchip_commit_routes(kvm_state);
}
"""
SERVICE = """\
static void ioapic_service(IOAPICCommonState *s)
{
    int i;

    for (i = 0; i < IOAPIC_NUM_PINS; i++) {
        uint32_t mask = 1 << i;

        if ((s->irr & mask) != 0) {
            int coalesce = 0;
            uint64_t entry = s->ioredtbl[i];
            struct ioapic_entry_info info;

            ioapic_entry_parse(entry, &info);
            if (info.masked == 0) {
                if (info.trig_mode == IOAPIC_TRIGGER_EDGE) {
                    s->irr &= ~mask;
                } else {
                    /* closed from here on; was it before? */
                    coalesce = s->ioredtbl[i] & IOAPIC_LVT_REMOTE_IRR;
                    s->ioredtbl[i] |= IOAPIC_LVT_REMOTE_IRR;
                }
                if (coalesce != 0) {
                    continue;
                }
#ifdef CONFIG_KVM
                if (kvm_irqchip_is_split()) {
                    trace_own_sent(i, info.data);
                    /* an edge is a pulse, a level has no end here */
                    if (info.trig_mode == IOAPIC_TRIGGER_EDGE) {
                        kvm_set_irq(kvm_state, i, 1);
                        trace_own_pulse(i);
                        kvm_set_irq(kvm_state, i, 0);
                    } else {
                        kvm_set_irq(kvm_state, i, 1);
                    }
                    continue;
                }
#endif
                AddressSpace *ioapic_as = where_messages_go(s);

                stl_le_phys(ioapic_as, info.addr, info.data);
            }
        }
    }
}
"""
SET_IRQ = """\
static void ioapic_set_irq(void *opaque, int vector, int level)
{
    uint64_t entry;
    uint32_t mask;
    IOAPICCommonState *s = opaque;

    /* the timer's line is wired to another pin */
    if (vector == 0) {
        vector = 2;
    }
    if (!(vector < IOAPIC_NUM_PINS)) {
        return;
    }
    ioapic_stat_update_irq(s, vector, level);
    entry = s->ioredtbl[vector];
    mask = 1 << vector;
    if (entry & IOAPIC_LVT_TRIGGER_MODE) {
        if (level != 0) {
            s->irr |= mask;
            /* its EOI looks at the line again */
            if ((entry & IOAPIC_LVT_REMOTE_IRR) == 0) {
                ioapic_service(s);
            }
        } else {
            s->irr &= ~mask;
        }
    } else if (level != 0 && (entry & IOAPIC_LVT_MASKED) == 0) {
        s->irr |= mask;
        ioapic_service(s);
    }
}
"""
CALLBACK = """\
static void delayed_ioapic_service_cb(void *opaque)
{
    ioapic_service(opaque);
}
"""
BROADCAST = """\
void ioapic_eoi_broadcast(int vector)
{
    int n, i;

    for (i = 0; i < MAX_IOAPICS; i++) {
        IOAPICCommonState *s = ioapics[i];

        if (s) {
            for (n = 0; n < IOAPIC_NUM_PINS; n++) {
                uint64_t entry = s->ioredtbl[n];

                if ((entry & IOAPIC_VECTOR_MASK) != vector || !(entry & IOAPIC_LVT_TRIGGER_MODE)) {
                    continue;
                }
                /* an irqfd may have raised it, of which this chip knows nothing */
                kvm_resample_fd_notify(n);
                if ((entry & IOAPIC_LVT_REMOTE_IRR) == 0) {
                    continue;
                }
                s->ioredtbl[n] = entry & ~IOAPIC_LVT_REMOTE_IRR;
                if ((entry & IOAPIC_LVT_MASKED) == 0 && (s->irr & (1 << n)) != 0) {
                    ++s->irq_eoi[n];
                    if (s->irq_eoi[n] >= SUCCESSIVE_IRQ_MAX_COUNT) {
                        trace_own_storm(n);
                        s->irq_eoi[n] = 0;
                        timer_mod_anticipate(s->delayed_ioapic_service_timer,
                            qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + NANOSECONDS_PER_SECOND / 100);
                    } else {
                        ioapic_service(s);
                    }
                } else {
                    s->irq_eoi[n] = 0;
                }
            }
        }
    }
}
"""
WRITE = """\
static void ioapic_mem_write(void *opaque, hwaddr addr, uint64_t val, unsigned int size)
{
    int index;
    uint64_t ro_bits;
    IOAPICCommonState *s = opaque;

    switch (addr & 0xff) {
    case IOAPIC_EOI:
        /* the first version has no such register */
        if (s->version != 0x20 || size != 4) {
            return;
        }
        ioapic_eoi_broadcast(val);
        return;
    case IOAPIC_IOREGSEL:
        s->ioregsel = val;
        return;
    case IOAPIC_IOWIN:
        switch (s->ioregsel) {
        case IOAPIC_REG_VER:
            return;
        default:
            /* there are two of them for each pin */
            index = (s->ioregsel - IOAPIC_REG_REDTBL_BASE) >> 1;
            if (!(index >= 0 && index < IOAPIC_NUM_PINS)) {
                return;
            }
            ro_bits = s->ioredtbl[index] & IOAPIC_RO_BITS;
            if ((s->ioregsel & 1) == 0) {
                s->ioredtbl[index] &= ~0xffffffffULL;
                s->ioredtbl[index] |= val;
            } else {
                s->ioredtbl[index] = with_high_half(s->ioredtbl[index], val);
            }
            s->ioredtbl[index] &= IOAPIC_RW_BITS;
            s->ioredtbl[index] |= ro_bits;
            trace_own_entry(index, s->ioredtbl[index]);
            s->irq_eoi[index] = 0;
            ioapic_fix_edge_remote_irr(&s->ioredtbl[index]);
            if (kvm_irqchip_is_split()) {
                ioapic_update_kvm_routes(s);
            }
            ioapic_service(s);
        }
    }
}
"""
WHOLE = "\n".join([ROUTES, SERVICE, SET_IRQ, CALLBACK, BROADCAST, WRITE])


def changed(*changes: tuple[str, str], context: int = 3) -> str:
    """A patch of ioapic.c: each text, which stands in it once, is another."""
    text = WHOLE
    for old, new in changes:
        assert text.count(old) == 1, (text.count(old), old)
        text = text.replace(old, new)
    return diff_of({QEMU: text}, context, {QEMU: WHOLE})
