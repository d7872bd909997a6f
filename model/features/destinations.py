"""Destination mode and delivery mode: logical destinations, and lowest priority (lapic.c, ioapic.c and irq.c of KVM).

What the other designs call `dest` is the APIC ID of a physical destination. A logical one is a message destination
address (MDA): a bit for each logical ID, of which every LAPIC has one in its LDR.

Simplified: DFR is flat, which is cluster 0 in x2APIC mode; there reset gives a LAPIC its LDR, here the guest always writes
it. No two LAPICs have one logical ID, so KVM's map of them is always there. No broadcast and no redirection hint. `dest`
and `mda` are the same bits of an entry; here a guest writes both, and the mode says which of them counts. Both halves of an
entry are written at once. An EOI has no destination: it is as it always was.
"""

# pyright: reportIncompatibleMethodOverride=false
# A record with more fields is the language's way (checker/LANGUAGE.md), and set_entry() takes it.

from __future__ import annotations

from abc import abstractmethod
from enum import Enum
from typing import Annotated, ClassVar

from model.designs.base import Base
from model.designs.v6 import V6
from model.guests.any_guest import AnyGuest
from model.guests.linux import Linux
from model.kvm import Kvm
from model.lang import Label, Mask, Patch, Struct, Table, require, step
from model.machine import Cpu, Lapic, Machine, Pin, RedirectionEntry, Route, Trigger, Vector


class DestMode(Enum):
    """Bit 11 of a redirection table entry, bit 2 of an MSI's address."""

    PHYSICAL = 0
    LOGICAL = 1


class DeliveryMode(Enum):
    """Bits 10:8 of a redirection table entry and of an MSI's data."""

    FIXED = 0
    LOWEST = 1


class Modes(Struct):
    dest_mode: Annotated[DestMode, Label("destination mode")]
    delivery_mode: Annotated[DeliveryMode, Label("delivery mode")]
    mda: Annotated[Mask[Cpu], Label("MDA")]  # logical IDs


class EntryWithModes(RedirectionEntry):
    modes: Modes


class RouteWithModes(Route):
    modes: Modes


class LapicWithLdr(Lapic):
    ldr: Annotated[Mask[Cpu], Label("LDR")]  # its logical ID


class HasModes(Machine):
    """What a kernel and a guest share that know of modes. The records have more fields: to mypy a Table is invariant."""

    has_modes: ClassVar[bool] = True

    apic: Annotated[Table[Cpu, LapicWithLdr], Label("CPU{0}", lane="KVM")]  # type: ignore[assignment]
    irq_routing: Annotated[Table[Pin, RouteWithModes], Label("GSI {0} route", lane="KVM")]  # type: ignore[assignment]
    ioapic: Annotated[Table[Pin, EntryWithModes], Label("pin {0}", lane="{design.ioapic_lane}")]  # type: ignore[assignment]
    written: Annotated[Modes, Label("guest writes", lane="CPU0")]  # with every entry that it writes from now on

    @abstractmethod
    def kvm_apic_set_ldr(self, apic: LapicWithLdr, logical_id: Cpu) -> None: ...

    def set_entry(  # type: ignore[override]
        self, rte: EntryWithModes, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool
    ) -> None:
        super().set_entry(rte, vector, dest, trigger, mask)
        rte.modes = self.written


class KvmDestinations(HasModes, Kvm):
    """Whatever in KVM knows the destination of a message, in the order of the C."""

    # --- lapic.c ---

    def kvm_apic_set_ldr(self, apic: LapicWithLdr, logical_id: Cpu) -> None:
        """kvm_lapic_reg_write() case APIC_LDR, with kvm_recalculate_apic_map()."""
        apic.ldr.clear()
        apic.ldr.add(logical_id)
        self.kvm_make_scan_ioapic_request()

    def kvm_apic_match_dest(self, cpu: Cpu, dest: Cpu, modes: Modes) -> bool:
        """kvm_apic_match_physical_addr() and kvm_apic_match_logical_addr()."""
        if modes.dest_mode == DestMode.PHYSICAL:
            return dest == cpu
        return any(logical_id in modes.mda for logical_id in self.apic[cpu].ldr)

    def kvm_apic_map_get_dest_lapic(self, cpu: Cpu, dest: Cpu, modes: Modes, vector: Vector) -> bool:
        """Does a message go to this vCPU? One of lowest priority goes to the logical ID that its vector is hashed to, and is
        dropped if no LAPIC has that ("Disabled LAPIC found"). Simplified: module parameter vector_hashing=Y, the default.
        """
        if modes.dest_mode == DestMode.PHYSICAL or modes.delivery_mode == DeliveryMode.FIXED:
            return self.kvm_apic_match_dest(cpu, dest, modes)
        lowest = self.kvm_vector_to_index(vector, modes.mda)
        return lowest is not None and lowest in self.apic[cpu].ldr

    def kvm_vector_to_index(self, vector: Vector, mda: Mask[Cpu]) -> Cpu | None:
        """The bit number `vector % hweight(mda)`: so many steps round its bits. Simplified: the remainder is that of the
        vector's number in the model, which stands for any real vector.
        """
        index: Cpu | None = mda.lowest()
        for steps in range(self.scope.vectors):
            if index is None or steps == vector:
                break
            index = self.find_next_bit_wrap(mda, index)
        return index

    def find_next_bit_wrap(self, mda: Mask[Cpu], bit: Cpu) -> Cpu | None:
        for other in mda:
            if other > bit:
                return other
        return mda.lowest()

    def kvm_apic_takes_irq(self, dest: Cpu, modes: Modes, vector: Vector) -> bool:
        """kvm_irq_delivery_to_apic() returns how many LAPICs took the message: not none."""
        return any(
            apic.spiv_enabled and self.kvm_apic_map_get_dest_lapic(cpu, dest, modes, vector)
            for cpu, apic in self.apic.items()
        )

    def kvm_irq_delivery_to_apic(self, dest: Cpu, modes: Modes, vector: Vector, trigger: Trigger) -> None:
        for cpu, apic in self.apic.items():
            if self.kvm_apic_map_get_dest_lapic(cpu, dest, modes, vector):
                self.apic_accept_irq(apic, vector, trigger)

    # --- ioapic.c ---

    def kvm_ioapic_service(self, pin: Pin) -> None:
        """ioapic_service(): irqe is the entry."""
        rte = self.ioapic[pin]
        if rte.mask or (rte.trigger == Trigger.LEVEL and rte.remote_irr):
            return
        taken = self.kvm_apic_takes_irq(rte.dest, rte.modes, rte.vector) or not self.any_vcpu_created()
        if rte.trigger == Trigger.LEVEL and taken:
            rte.remote_irr = True
        self.kvm_irq_delivery_to_apic(rte.dest, rte.modes, rte.vector, rte.trigger)

    def kvm_ioapic_scan_entry(self, cpu: Cpu, apic: Lapic) -> None:
        for rte in self.ioapic.values():
            if rte.trigger == Trigger.LEVEL:
                self.kvm_scan_ioapic_irq_modes(cpu, apic, rte.dest, rte.modes, rte.vector)

    def kvm_ioapic_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """ioapic_write_indirect(). Of the vCPUs that the entry was for before, those scan that its old destination stands for
        in the *new* destination mode: the C reads the mode of the new entry for both.
        """
        rte = self.ioapic[pin]
        self.kvm_make_scan_ioapic_request_dest(rte.dest, rte.modes.mda)
        self.set_entry(rte, vector, dest, trigger, mask)
        if trigger == Trigger.EDGE:
            rte.remote_irr = False
        if trigger == Trigger.LEVEL and rte.irr and not mask and not rte.remote_irr:
            self.kvm_ioapic_service_unmasked(pin)
        self.kvm_make_scan_ioapic_request_dest(rte.dest, rte.modes.mda)

    def kvm_make_scan_ioapic_request_dest(self, dest: Cpu, mda: Mask[Cpu]) -> None:
        """kvm_bitmap_or_dest_vcpus() and the request, in the modes of the entry that is written; only a fixed one is looked
        up, and the map of logical IDs has the LAPICs that are enabled.
        """
        for cpu, apic in self.apic.items():
            if self.written.delivery_mode == DeliveryMode.LOWEST:
                asked = True
            elif self.written.dest_mode == DestMode.PHYSICAL:
                asked = dest == cpu
            else:
                asked = apic.spiv_enabled and any(logical_id in mda for logical_id in apic.ldr)
            if asked:
                self.kvm_make_request_scan_ioapic(apic)

    # --- irq.c ---

    def kvm_set_irq_routing(self) -> None:
        """A route is made of an entry that is not masked, with its modes in the MSI: in QEMU by ioapic_entry_parse()."""
        for pin, rte in self.ioapic.items():
            if not rte.mask:
                self.irq_routing[pin].modes = rte.modes
        super().kvm_set_irq_routing()

    def kvm_set_msi(self, gsi: Pin, level: bool) -> None:
        """kvm_set_msi_irq() takes the modes out of the message."""
        route = self.irq_routing[gsi]
        if level and route.valid:
            self.kvm_irq_delivery_to_apic(route.dest, route.modes, route.vector, route.trigger)

    def route_is_to(self, gsi: Pin, cpu: Cpu) -> bool:
        route = self.irq_routing[gsi]
        return self.kvm_apic_match_dest(cpu, route.dest, route.modes)

    def entry_is_to(self, pin: Pin, cpu: Cpu) -> bool:
        rte = self.ioapic[pin]
        return self.kvm_apic_match_dest(cpu, rte.dest, rte.modes)

    def kvm_scan_ioapic_routes(self, cpu: Cpu, apic: Lapic) -> None:
        for route in self.irq_routing.values():
            if route.valid and route.trigger == Trigger.LEVEL:
                self.kvm_scan_ioapic_irq_modes(cpu, apic, route.dest, route.modes, route.vector)

    def kvm_scan_ioapic_irq_modes(self, cpu: Cpu, apic: Lapic, dest: Cpu, modes: Modes, vector: Vector) -> None:
        """kvm_scan_ioapic_irq(). Lowest priority or not: whoever matches may be chosen, so every one of them intercepts."""
        if self.kvm_apic_match_dest(cpu, dest, modes):
            apic.ioapic_handled_vectors.add(vector)
        elif self.kvm_apic_pending_eoi(apic, vector):
            apic.ioapic_handled_vectors.add(vector)
            stale = apic.highest_stale_pending_ioapic_eoi
            if stale is None or vector > stale:
                apic.highest_stale_pending_ioapic_eoi = vector


class Destinations(KvmDestinations, Base):
    patch = Patch(
        title="Linux KVM, with logical destinations and lowest-priority delivery",
        note="what stories of kvm-unit-tests need",
    )
    default_roles = {"vmm": ("qemu", "firecracker"), "guest": ("linux_flat",)}


class DestinationsV6(KvmDestinations, V6):
    patch = Patch(title="The merged patch, with logical destinations and lowest priority", note="the same on v6")
    default_roles = {"vmm": ("qemu", "firecracker"), "guest": ("linux_flat",)}


class AnyDestination(HasModes, AnyGuest):
    """The most general guest, and before it writes an entry it chooses the modes and the logical IDs that it will write."""

    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 1, "pins": 1, "vectors": 1}

    @step(by="guest")
    def write_ldr(self, cpu: Cpu, logical_id: Cpu) -> None:
        """An LDR once written stays: flat xAPIC as operating systems set it up, or x2APIC, where reset writes it."""
        require(self.apic[cpu].in_guest and not self.apic[cpu].ldr)
        require(not any(logical_id in apic.ldr for apic in self.apic.values()))
        self.kvm_apic_set_ldr(self.apic[cpu], logical_id)

    @step(by="guest")
    def choose_modes(self, dest_mode: DestMode, delivery_mode: DeliveryMode) -> None:
        self.written.dest_mode = dest_mode
        self.written.delivery_mode = delivery_mode

    @step(by="guest")
    def choose_mda(self, logical_id: Cpu, on: bool) -> None:
        if on:
            self.written.mda.add(logical_id)
        else:
            self.written.mda.discard(logical_id)


class LinuxFlat(HasModes, Linux):
    """Linux before 4.15 (a31e58e129f7), up to eight CPUs: a pin is for all that are online, with lowest priority.

    Simplified: flat_init_apic_ldr() and the write to SPIV are one step; an entry is not changed when a CPU comes later.
    """

    source: ClassVar[str] = "arch/x86/kernel/apic/apic_flat_64.c"
    scope_defaults: ClassVar[dict[str, int]] = {"pins": 1}

    def initial(self) -> None:
        super().initial()
        self.written.dest_mode = DestMode.LOGICAL
        self.written.delivery_mode = DeliveryMode.LOWEST

    def setup_local_APIC(self, cpu: Cpu) -> None:
        super().setup_local_APIC(cpu)
        self.kvm_apic_set_ldr(self.apic[cpu], cpu)
        self.written.mda.add(cpu)  # cpu_online_mask
