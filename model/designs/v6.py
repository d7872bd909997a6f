"""v6, which is what was merged (6517dfbcc918): ENABLE for a split irqchip only, nothing new in the kernel's I/O APIC."""

from model.designs.base import Base
from model.lang import Patch
from model.machine import ApiFlags, Errno, Lapic, Pin, SuppressEoi, Trigger, Vector


class V6(Base):
    """The whole patch, function by function: docs/designs.md has it beside its C."""

    patch = Patch(
        title="KVM: x86: Add x2APIC features to control EOI broadcast suppression (v6, merged as 6517dfbcc918)",
        author="Khushit Shah, Sean Christopherson",
        date="2026-01-23",
        msgid="20260123125657.3384063-1-khushit.shah@nutanix.com",
        base="base",
    )
    api_flags = tuple(ApiFlags)
    flag_names = {
        ApiFlags.BIT2: "KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST",
        ApiFlags.BIT3: "KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST",
    }
    suppress_eoi_broadcast_mode: SuppressEoi

    # --- lapic.c ---

    def kvm_lapic_advertise_suppress_eoi_broadcast(self) -> bool:
        """The switch over the mode."""
        mode = self.suppress_eoi_broadcast_mode
        if mode == SuppressEoi.ENABLED:
            return True
        if mode == SuppressEoi.DISABLED:
            return False
        # QUIRKED is what Linux has done for years. KVM's I/O APIC is an 82093AA and has no EOI register, and Windows with
        # the Hyper-V role suppresses broadcasts without asking for its version: level interrupts would never be EOIed.
        # So nothing is offered there. With a split irqchip it always was, and could not be taken back from a guest.
        return not self.ioapic_in_kernel()

    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        """The switch over the mode, once the guest has asked."""
        mode = self.suppress_eoi_broadcast_mode
        if not apic.spiv_directed_eoi:
            return False
        if mode == SuppressEoi.ENABLED:
            return True
        if mode == SuppressEoi.DISABLED:
            return False
        # QUIRKED: with a split irqchip the request was always ignored, and VMMs without an EOI register live on that.
        # In the kernel only KVM_SET_LAPIC can have set the bit; it was obeyed, though no EOI register makes up for it.
        return self.ioapic_in_kernel()

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = apic.cpuid_x2apic and self.kvm_lapic_advertise_suppress_eoi_broadcast()

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not self.kvm_ioapic_handles_vector(apic, vector):
            return
        # The stale vector comes first: a suppressed EOI, too, is the end of the interrupt that was on its way.
        if apic.highest_stale_pending_ioapic_eoi == vector:
            self.kvm_make_request_scan_ioapic(apic)
        if self.irqchip_split():
            # No exit: the guest EOIs the I/O APIC itself. An exit would have the VMM send a line that is still high again.
            if self.kvm_lapic_suppress_eoi_broadcast(apic):
                return
            apic.pending_ioapic_eoi = vector
            self.kvm_make_request_ioapic_eoi_exit(apic)
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)

    # --- ioapic.c ---

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        self.kvm_notify_acked_irq(pin)
        if trigger != Trigger.LEVEL or self.kvm_lapic_suppress_eoi_broadcast(apic):
            return
        self.kvm_ioapic_eoi_pin(pin)

    # --- x86.c ---

    def check_KVM_CAP_X2APIC_API(self, vm_fd: bool, bit3: bool) -> bool:
        """ENABLE is hidden on a VM fd without a split irqchip, so that userspace will be able to tell if an in-kernel I/O
        APIC ever gets an EOI register. The system fd shows the most there is.
        """
        return bit3 or not vm_fd or self.irqchip_split()

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        """The last call wins, and none brings QUIRKED back."""
        if (bit2 and bit3) or (bit2 and not self.irqchip_split()):
            self.errno = Errno.EINVAL
            return
        if bit2:
            self.suppress_eoi_broadcast_mode = SuppressEoi.ENABLED
        if bit3:
            self.suppress_eoi_broadcast_mode = SuppressEoi.DISABLED
        self.errno = Errno.OK
