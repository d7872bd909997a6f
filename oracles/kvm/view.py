"""What can be seen of a live VM with its vCPUs stopped, and the same of the model's state.

Model pin p is pin and GSI 16+p (below 16 the PIC listens, too); vector v is 0x31 + 0x10*v, one to a priority class.
Observable leaves: errno; irqchip_mode; of a created vCPU with an in-kernel LAPIC lvr_directed_eoi, spiv_enabled,
spiv_directed_eoi, irr, isr, tmr, and `deliverable`, the highest vector in IRR of a class above PPR (1 more than the
vector; 0: none), which is kvm_apic_has_interrupt() in the model; exit_ioapic_eoi of a vCPU that the last entry ran; with an in-kernel I/O APIC every
entry's vector, dest, trigger, mask, remote_irr and irr (less irr_delivered). Besides: KVM_CHECK_EXTENSION's two bits on
the VM fd and on the system fd. Not observable, hence not compared: H (ioapic_handled_vectors), stale and pending vectors and the requests,
which show in exits of later steps; in_guest; and the routes of a split irqchip, which KVM does not give back.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from model.machine import Errno, IrqchipMode, Trigger
from oracles.kvm import abi
from oracles.kvm.differences import LiveKvm
from oracles.kvm.vm import Vm
from oracles.lockstep import Observed

FIRST_PIN = 16
FIRST_VECTOR, VECTOR_STEP = 0x31, 0x10
UNKNOWN = 1000  # + a number from KVM: no code of the model's
VM_BIT2 = "KVM_CHECK_EXTENSION(VM, X2APIC_API).2"
VM_BIT3 = "KVM_CHECK_EXTENSION(VM, X2APIC_API).3"
SYSTEM_BIT2 = "KVM_CHECK_EXTENSION(system, X2APIC_API).2"
SYSTEM_BIT3 = "KVM_CHECK_EXTENSION(system, X2APIC_API).3"
ADVERTISED = frozenset([VM_BIT2, VM_BIT3, SYSTEM_BIT2, SYSTEM_BIT3])
MODE_CODES = {mode: code for code, mode in enumerate(IrqchipMode)}
ERRNO_CODES = {e.value: code for code, e in enumerate(Errno)}
ERRNO_CODE_OF = {e: code for code, e in enumerate(Errno)}
_EIGHT_WORDS = struct.Struct("<" + "12x".join("I" * 8))
_WORD = struct.Struct("<I")


def real_vector(vector: int) -> int:
    return FIRST_VECTOR + VECTOR_STEP * vector


def spiv(enabled: bool, directed_eoi: bool) -> int:
    """The register, with the spurious vector 0xff."""
    return 0xFF | abi.SPIV_ENABLED * enabled | abi.SPIV_DIRECTED_EOI * directed_eoi


def bits256(page: bytearray, register: int) -> int:
    """IRR, ISR or TMR as a number of 256 bits."""
    words = _EIGHT_WORDS.unpack_from(page, register)
    return sum(word << 32 * i for i, word in enumerate(words)) if any(words) else 0


class KvmView:
    """The observable names at these sizes."""

    def __init__(self, cpus: int, pins: int, vectors: int, of_system: int = 0) -> None:
        """of_system: KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API) on /dev/kvm, which never changes."""
        self.vectors, self.of_system = vectors, of_system
        self.masks = [1 << real_vector(v) for v in range(vectors)]
        self.others = ~sum(self.masks)
        registers = ("lvr_directed_eoi", "spiv_enabled", "spiv_directed_eoi", "irr", "isr", "tmr", "deliverable")
        self.lapics = [tuple(f"apic[{c}].{r}" for r in registers) for c in range(cpus)]
        self.exits = [f"apic[{c}].exit_ioapic_eoi" for c in range(cpus)]
        fields = ("vector", "dest", "trigger", "mask", "remote_irr", "irr")
        self.pins = [tuple(f"ioapic[{p}].{f}" for f in fields) for p in range(pins)]

    # --- the real one ---

    def observe(self, vm: Vm, mode: IrqchipMode, errno: int, exits: Mapping[int, int]) -> Observed:
        """Codes by name; `errno` is a code already, and so are `exits`."""
        flags = vm.check_extension(abi.CAP_X2APIC_API)
        seen = {"errno": errno, "irqchip_mode": MODE_CODES[mode], VM_BIT2: flags >> 2 & 1, VM_BIT3: flags >> 3 & 1}
        seen |= {SYSTEM_BIT2: self.of_system >> 2 & 1, SYSTEM_BIT3: self.of_system >> 3 & 1}
        for number, vcpu in vm.vcpus.items():
            if vcpu.has_lapic:
                seen.update(zip(self.lapics[number], self._lapic(vcpu.get_lapic()), strict=True))
        for number, code in exits.items():
            seen[self.exits[number]] = code
        if mode is IrqchipMode.KERNEL:
            chip = vm.get_ioapic()
            for pin, names in enumerate(self.pins):
                seen.update(zip(names, self._pin(chip, pin), strict=True))
        return seen

    def _lapic(self, page: bytearray) -> tuple[int, ...]:
        lvr, word = _WORD.unpack_from(page, abi.LAPIC_LVR)[0], _WORD.unpack_from(page, abi.LAPIC_SPIV)[0]
        return (
            lvr >> 24 & 1, word >> 8 & 1, word >> 12 & 1,
            self._mask(page, abi.LAPIC_IRR), self._mask(page, abi.LAPIC_ISR), self._mask(page, abi.LAPIC_TMR),
            self._deliverable(page),
        )  # fmt: skip

    def _deliverable(self, page: bytearray) -> int:
        """SDM 12.8.3.1: the highest pending vector, if its priority class is above that of PPR, as KVM computed it."""
        highest = bits256(page, abi.LAPIC_IRR).bit_length() - 1
        if highest < 0 or highest >> 4 <= _WORD.unpack_from(page, abi.LAPIC_PPR)[0] >> 4:
            return 0
        return 1 + self.vector_code(highest)

    def _mask(self, page: bytearray, register: int) -> int:
        value = bits256(page, register)
        if not value:
            return 0
        code = sum(1 << v for v, bit in enumerate(self.masks) if value & bit)
        return UNKNOWN + code if value & self.others else code

    def vector_code(self, vector: int) -> int:
        """The code of a vector that KVM named."""
        number, rest = divmod(vector - FIRST_VECTOR, VECTOR_STEP)
        return number if not rest and 0 <= number < self.vectors else UNKNOWN + vector

    @staticmethod
    def entry(chip: bytearray, pin: int) -> int:
        """The 64 bits of a pin's redirection table entry in struct kvm_irqchip."""
        bits: int = struct.unpack_from("<Q", chip, abi.IOAPIC_REDIRTBL + 8 * (FIRST_PIN + pin))[0]
        return bits

    def _pin(self, chip: bytearray, pin: int) -> tuple[int, ...]:
        entry = self.entry(chip, pin)
        vector = entry & 0xFF  # 0 after reset, which the model calls vector 0, too
        latched = _WORD.unpack_from(chip, abi.IOAPIC_IRR)[0] >> (FIRST_PIN + pin) & 1
        return (
            self.vector_code(vector) if vector else 0, entry >> abi.RTE_DEST_SHIFT, int(bool(entry & abi.RTE_LEVEL)),
            int(bool(entry & abi.RTE_MASK)), int(bool(entry & abi.RTE_REMOTE_IRR)), latched,
        )  # fmt: skip

    # --- the model ---

    def expected(self, system: LiveKvm, exits: Mapping[int, int]) -> Observed:
        """The same names from the model's state."""
        mode = system.irqchip_mode
        said = {
            "errno": ERRNO_CODE_OF[system.errno],
            "irqchip_mode": MODE_CODES[mode],
            VM_BIT2: int(system.check_KVM_CAP_X2APIC_API(True, False)),
            VM_BIT3: int(system.check_KVM_CAP_X2APIC_API(True, True)),
            SYSTEM_BIT2: int(system.check_KVM_CAP_X2APIC_API(False, False)),
            SYSTEM_BIT3: int(system.check_KVM_CAP_X2APIC_API(False, True)),
        }
        for number, apic in enumerate(system.apic.rows):
            if apic.created and mode is not IrqchipMode.NONE:
                deliverable = system.kvm_apic_has_interrupt(apic)
                registers = (
                    int(apic.lvr_directed_eoi), int(apic.spiv_enabled), int(apic.spiv_directed_eoi),
                    apic.irr.bits, apic.isr.bits, apic.tmr.bits, 0 if deliverable is None else 1 + deliverable,
                )  # fmt: skip
                said.update(zip(self.lapics[number], registers, strict=True))
        for number in exits:
            vector = system.apic.rows[number].exit_ioapic_eoi
            said[self.exits[number]] = 0 if vector is None else 1 + vector
        if mode is IrqchipMode.KERNEL:
            hidden = system.irr_delivered.bits
            for pin, (names, rte) in enumerate(zip(self.pins, system.ioapic.rows, strict=True)):
                latched = int(rte.irr and not hidden >> pin & 1)
                level = int(rte.trigger is Trigger.LEVEL)
                values = (rte.vector, rte.dest, level, int(rte.mask), int(rte.remote_irr), latched)
                said.update(zip(names, values, strict=True))
        return said
