"""The set-up phase: errnos and LVR as the running 6.18 kernel answered (docs/facts/kvm.md 3.3, 3.4, "L"), row by row."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest

from checker.command.cli import main
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import ON_REQUEST, VMMS, all_properties, default_guests, default_vmms, designs, uapi_vmms
from checker.matrix.select import select, selection
from checker.questions.verdict import Status, check_cell
from model.devices import Level
from model.guests.lapic_guest import LapicGuest
from model.kvm import Kvm
from model.lang import compose, require
from model.machine import ApiFlags, Cpu, Errno, IoapicVersion, IrqchipMode, Lapic, Scope, Trigger
from model.vmms.any_vmm import AnyVmm
from model.vmms.msr_vmm import MsrVmm

SCOPE = Scope(cpus=1, pins=1, vectors=1, ioapic=IoapicVersion.V11)


def new_vm(design: str) -> AnyVmm:
    system = compose(designs()[design], AnyVmm, LapicGuest, Level)(SCOPE)
    system.initial()
    assert isinstance(system, AnyVmm)
    return system


def ioctl(vm: AnyVmm, name: str) -> Errno:
    """One call by its short name; returns its errno."""
    match name:
        case "create":
            vm.ioctl_create_irqchip()
        case "split":
            vm.ioctl_enable_cap_split_irqchip()
        case "none" | "bit2" | "bit3" | "both":
            vm.ioctl_enable_cap_x2apic_api(ApiFlags[name.upper()])
        case "hide" | "show":
            vm.ioctl_enable_cap_split_irqchip_api(name == "hide")
        case "irqchip2":
            vm.ioctl_set_irqchip2(IoapicVersion.V20)
        case "vcpu":
            vm.ioctl_create_vcpu(0)
        case "x2apic" | "xapic":
            vm.ioctl_set_cpuid2(0, name == "x2apic")
        case "run":
            vm.ioctl_run(0)
            vm.vcpu_enter_guest(0)
        case "set_lapic" | "plant":
            vm.ioctl_set_lapic(0, True, name == "plant")
        case "get_irqchip":
            vm.ioctl_get_irqchip()
        case "route":
            vm.ioctl_set_gsi_routing(0, True, 0, 0, Trigger.LEVEL)
        case "irq_line":
            vm.ioctl_irq_line(0, True)
        case _:
            raise AssertionError(name)
    return vm.errno


OLD_ROWS = """
create                   OK       L T1
create create            EEXIST   kvm.md 1.11
split                    OK       L T3
split split              EEXIST   L T3
split create             EEXIST   L T3
create split             EEXIST   kvm.md 1.11
vcpu create              EINVAL   L U9
vcpu split               EEXIST   L T5
vcpu vcpu                EEXIST   probed
none                     OK       kvm.md 3.3
get_irqchip              ENXIO    probed
split get_irqchip        ENXIO    L I12
create get_irqchip       OK       L I9
route                    EINVAL   probed
split route              OK       L I12
create route             OK       probed
irq_line                 ENXIO    probed
split irq_line           OK       L T24
vcpu set_lapic           EINVAL   probed
split vcpu set_lapic     OK       L T5
split vcpu plant         OK       L T7
vcpu x2apic              OK       L U9
split vcpu x2apic xapic  OK       probed
split vcpu x2apic run xapic   EINVAL  probed: CPUID is fixed by the first KVM_RUN
split vcpu x2apic run x2apic  OK      probed: what is set already is accepted
hide                     EINVAL   probed: an unknown capability
irqchip2                 ENOTTY   probed: an unknown ioctl
"""

MERGED_ROWS = """
both                     EINVAL   L T3
split both               EINVAL   L T3
create both              EINVAL   probed
bit2                     EINVAL   L T2
create bit2              EINVAL   L T3
vcpu bit2                EINVAL   probed
split bit2               OK       L T3
split vcpu bit2          OK       L T5
split vcpu x2apic run bit2    OK  L T5
bit3                     OK       L T2
create bit3              OK       L T3
split bit3               OK       L T3
vcpu bit3                OK       probed
split vcpu bit3          OK       L T5
split bit2 bit3          OK       L T3
split bit3 bit2          OK       L T4
split bit2 create        EEXIST   L T3
"""

# docs/facts/kvm.md 3.2, column "errors / ordering"
PROPOSED_ROWS = """
base                  bit2             EINVAL
base                  split bit3       EINVAL
v1                    split bit2       EINVAL
v4                    bit2             EINVAL
v4                    bit3             EINVAL
v4                    create bit3      EINVAL
v4                    split bit3       OK
v4                    split bit2       OK
v4                    split both       EINVAL
v5                    bit2             OK
v5                    create bit2      OK
v5                    both             EINVAL
tristate_draft        create bit2      OK
tristate_draft        both             EINVAL
quirk_oct31           both             OK
quirk_oct31           create bit2      OK
v3                    both             OK
split_irqchip_api     hide             ENXIO
split_irqchip_api     create hide      ENXIO
split_irqchip_api     split hide       OK
split_irqchip_api     split hide show  OK
split_irqchip_api     split vcpu hide  EINVAL
split_irqchip_api     split bit2       EINVAL
irqchip2              irqchip2         ENXIO
irqchip2              create irqchip2  OK
v6_as_documented      vcpu bit3        EBUSY
v6_as_documented      split vcpu none  EBUSY
v6_as_documented      split bit2       OK
v6_as_documented      bit2             EINVAL
"""


def rows(text: str) -> list[tuple[list[str], str]]:
    """Calls, and the errno of the last one."""
    found = []
    for line in text.strip().splitlines():
        words = line.split()
        k = next(i for i, word in enumerate(words) if word in Errno.__members__)
        found.append((words[:k], words[k]))
    return found


@pytest.mark.parametrize(("calls", "errno"), rows(OLD_ROWS), ids=lambda v: "-".join(v) if isinstance(v, list) else v)
@pytest.mark.parametrize("design", ["base", "v6"])
def test_errnos_of_the_old_uapi(design, calls, errno):
    vm = new_vm(design)
    assert [ioctl(vm, c) for c in calls][-1] is Errno[errno]


@pytest.mark.parametrize(("calls", "errno"), rows(MERGED_ROWS), ids=lambda v: "-".join(v) if isinstance(v, list) else v)
def test_errnos_of_the_merged_flags(calls, errno):
    vm = new_vm("v6")
    assert [ioctl(vm, c) for c in calls][-1] is Errno[errno]


@pytest.mark.parametrize(
    ("calls", "errno"), rows(PROPOSED_ROWS), ids=lambda v: "-".join(v) if isinstance(v, list) else v
)
def test_errnos_of_the_proposals(calls, errno):
    vm = new_vm(calls[0])
    assert [ioctl(vm, c) for c in calls[1:]][-1] is Errno[errno]


def test_check_extension_of_the_merged_code():
    """System fd 0xf; VM fd 0xb without a split irqchip, 0xf with one (L T1, T2, T3)."""
    for calls, vm_fd_offers_enable in (([], False), (["create"], False), (["split"], True)):
        vm = new_vm("v6")
        for call in calls:
            ioctl(vm, call)
        assert vm.check_KVM_CAP_X2APIC_API(False, False)
        assert vm.check_KVM_CAP_X2APIC_API(False, True)
        assert vm.check_KVM_CAP_X2APIC_API(True, False) is vm_fd_offers_enable
        assert vm.check_KVM_CAP_X2APIC_API(True, True)


def running(flag: str, irqchip: str, cpuid: str, *, plant: bool = False) -> AnyVmm:
    """A vCPU of the merged kernel in guest mode: SPIV bit 12 was asked for, and a level interrupt is in service."""
    vm = new_vm("v6")
    for call in (irqchip, flag, "vcpu", cpuid, "run", "plant" if plant else "set_lapic"):
        ioctl(vm, call)
    if irqchip == "split":
        ioctl(vm, "route")
    else:
        vm.ioctl_set_irqchip(0, 0, 0, Trigger.LEVEL, False, False, False)
    vm.vcpu_enter_guest(0)
    if not plant:
        vm.write_spiv(0, True, True)
    ioctl(vm, "irq_line")
    vm.kvm_check_and_inject_events(0)
    return vm


@pytest.mark.parametrize(
    ("flag", "cpuid", "plant", "lvr", "spiv", "exits"),
    [
        ("none", "x2apic", False, True, True, True),
        ("bit2", "x2apic", False, True, True, False),
        ("bit3", "x2apic", False, False, False, True),
        ("bit3", "x2apic", True, False, True, True),
        ("none", "xapic", False, False, False, True),
        ("bit2", "xapic", False, False, False, True),
        ("bit3", "xapic", False, False, False, True),
    ],
)
def test_the_live_truth_table_split(flag, cpuid, plant, lvr, spiv, exits):
    """docs/facts/kvm.md 3.4: LVR bit 24, SPIV bit 12 after a write of 1, exit 26."""
    vm = running(flag, "split", cpuid, plant=plant)
    assert (vm.apic[0].lvr_directed_eoi, vm.apic[0].spiv_directed_eoi) == (lvr, spiv)
    vm.write_apic_eoi(0)
    assert vm.apic[0].req_ioapic_eoi_exit is exits
    if exits:
        vm.vcpu_enter_guest(0)
        assert vm.apic[0].exit_ioapic_eoi == 0


@pytest.mark.parametrize(
    ("flag", "plant", "cleared"),
    [("none", False, True), ("bit3", False, True), ("none", True, False), ("bit3", True, True)],
)
def test_the_live_truth_table_in_kernel(flag, plant, cleared):
    """docs/facts/kvm.md 3.4, last row, and L I1: LVR bit 24 is 0; a planted bit 12 keeps Remote IRR unless bit 3 is set."""
    vm = running(flag, "create", "x2apic", plant=plant)
    assert not vm.apic[0].lvr_directed_eoi
    assert vm.apic[0].spiv_directed_eoi is plant
    assert vm.ioapic[0].remote_irr
    vm.ioctl_irq_line(0, False)
    vm.write_apic_eoi(0)
    assert vm.ioapic[0].remote_irr is not cleared


def test_lvr_is_computed_only_at_its_events():
    """L T5, and what was probed of KVM_SET_CPUID2 after KVM_RUN: it leaves LVR alone."""
    vm = new_vm("v6")
    lvr = []
    for call in (
        "split",
        "vcpu",
        "x2apic",
        "bit3",
        "set_lapic",
        "bit2",
        "x2apic",
        "bit3",
        "run",
        "x2apic",
        "set_lapic",
    ):
        ioctl(vm, call)
        lvr.append(vm.apic[0].lvr_directed_eoi)
    assert lvr == [False, False, True, True, False, False, True, True, True, True, False]


def test_a_planted_bit_goes_with_the_next_write():
    """L T9: 0x11ff becomes 0x1ff."""
    vm = running("bit3", "split", "x2apic", plant=True)
    vm.write_spiv(0, True, True)
    assert not vm.apic[0].spiv_directed_eoi


def test_set_irqchip_stores_remote_irr_and_then_injects_nothing():
    """L I9."""
    vm = new_vm("v6")
    for call in ("create", "vcpu", "x2apic", "set_lapic"):
        ioctl(vm, call)
    vm.ioctl_set_irqchip(0, 0, 0, Trigger.LEVEL, False, True, True)
    assert vm.ioapic[0].remote_irr
    assert vm.ioapic[0].irr
    assert not list(vm.apic[0].irr)
    vm.ioctl_set_irqchip(0, 0, 0, Trigger.LEVEL, False, False, True)
    assert list(vm.apic[0].irr) == [0]
    assert vm.ioapic[0].remote_irr


# --- properties: each has a design that violates it, and one that satisfies it with its premise reached ---


class ForgetsItsIrqchip(Kvm):
    """A mutant: KVM_CREATE_IRQCHIP replaces a split irqchip."""

    def ioctl_KVM_CREATE_IRQCHIP(self) -> None:
        self.irqchip_mode = IrqchipMode.KERNEL
        self.errno = Errno.OK


class SpivFollowsLvr(Kvm):
    """No kernel does this: bit 12 goes whenever LVR is computed without bit 24."""

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        super().kvm_apic_set_version(apic)
        if not apic.lvr_directed_eoi:
            apic.spiv_directed_eoi = False


class NoMsrs(MsrVmm):
    """msr_vmm that leaves the LAPIC to the guest."""

    def ioctl_set_msr_eoi(self, cpu: Cpu) -> None:
        require(False)


@functools.cache
def verdicts_of(kernel: type, vmm: type) -> dict[str, tuple[Status, str]]:
    """What all properties of the uAPI say of one exploration: 10^5 states under any_vmm."""
    scope = replace(SCOPE, **getattr(vmm, "scope_defaults", {}))
    names = {"kernel": "k", "vmm": "v", "guest": "lapic", "device": "level"}
    system = compose(kernel, vmm, LapicGuest, Level)
    asked = [p for p in all_properties().values() if p.function.__module__ == "properties.uapi"]
    result = check_cell(Cell(names, system, scope), asked, engine="native")
    return {v.property.name: (v.status, v.note) for v in result.verdicts}


def judged(name: str, kernel: type, vmm: type) -> tuple[Status, str]:
    return verdicts_of(kernel, vmm)[name]


BITES = {
    "irqchip_is_chosen_once": ("any_vmm", ForgetsItsIrqchip, "v6"),
    "both_flags_are_refused": ("any_vmm", "quirk_oct31", "v6"),
    "enable_needs_a_split_irqchip": ("any_vmm", "v5", "v6"),
    "enable_never_meets_a_kernel_ioapic": ("any_vmm", "tristate_draft", "v6"),
    "flags_after_vcpus_are_ebusy": ("any_vmm", "v6", "v6_as_documented"),
    "check_extension_is_right": ("any_vmm", "v4", "v6"),
    "early_probe_sees_the_flags": ("any_vmm", "v6", "v5"),
    "granted_flag_takes_effect": ("any_vmm", "tristate_draft", "v6"),
    "quirk_does_not_return": ("any_vmm", "split_irqchip_api", "v6"),
    "lvr_is_stable": ("any_vmm", "v6", "v6_as_documented"),
    "vcpus_agree": ("setup_vmm", "v6", "v6_as_documented"),
    "spiv_needs_lvr": ("any_vmm", "base", SpivFollowsLvr),
}


@pytest.mark.everything
@pytest.mark.parametrize("name", BITES)
def test_each_property_has_both_verdicts(name):
    vmm, bad, good = BITES[name]
    known = designs()
    assert judged(name, known[bad] if isinstance(bad, str) else bad, VMMS[vmm])[0] is Status.VIOLATED
    assert judged(name, known[good] if isinstance(good, str) else good, VMMS[vmm]) == (Status.HOLDS, "")


def test_the_eoi_slot_is_overwritten_by_msr_writes_only():
    """L T12, and the derivation in docs/facts/kvm.md 1.5: the guest alone cannot do it."""
    for design in ("base", "v6"):
        assert judged("pending_eoi_is_kept", designs()[design], MsrVmm)[0] is Status.VIOLATED
        assert judged("pending_eoi_is_kept", designs()[design], NoMsrs) == (Status.HOLDS, "")


def test_every_uapi_property_is_tried():
    uapi = {
        p.name for p in all_properties().values() if p.function.__module__ == "properties.uapi" and p.kind == "always"
    }
    assert uapi == {*BITES, "pending_eoi_is_kept"}


@pytest.mark.everything
def test_they_are_only_there_on_request(capsys):
    def eoi(*arguments: str) -> str:
        main(arguments)
        return str(capsys.readouterr().out)

    assert not ON_REQUEST & {*default_vmms(), *default_guests(default_vmms())}
    listed = {line.split()[0]: line for line in eoi("list", "vmms").splitlines()}
    assert "[only on request: made for KVM's uAPI]" in listed["any_vmm"]
    assert "[only on request, and of kernel designs: made for KVM's uAPI]" in listed["setup_vmm"]
    out = eoi(
        "prove",
        "--absolute",
        "v6",
        "--vmm",
        "qemu",
        "--guest",
        "linux",
        "--scope",
        "cpus=1,pins=1,vectors=1",
        "--brief",
    )
    assert "vcpus_agree" not in out
    assert "no_eoi_lost" in out
    asked = eoi("prove", "--absolute", "v6", "--vmm", "qemu", "--guest", "linux", "--property", "vcpus_agree")
    assert "asked only of setup_vmm and any_vmm" in asked
    found = matrix(
        ("v6", designs()["v6"]), kernels=["base"], vmms=["setup_vmm"], guests=["lapic"], devices=["level"], scope={}
    )
    assert [c.scope.sizes()["cpus"] for c in found if isinstance(c, Cell)] == [2]


def test_a_kernel_is_asked_of_its_ioctls_by_default(tmp_path):
    """Of a kernel, with the guest that suits these VMMs, and only where nobody says who stands around it; of nobody else."""
    mine = tmp_path / "mine.py"

    def cells_of(design: str, **named: list[str]) -> set[tuple[str, ...]]:
        found = select(selection(design, named))[1]
        return {(c.names["vmm"], c.names["guest"], c.names["device"]) for c in found if c.names["vmm"] in uapi_vmms()}

    assert {"setup_vmm", "msr_vmm"} <= set(uapi_vmms()) and "any_vmm" not in uapi_vmms()
    each = {(vmm, "lapic", "level") for vmm in uapi_vmms()}
    mine.write_text(
        "from model.designs.v6 import V6\n\n\nclass Mine(V6):\n"
        "    def any_vcpu_created(self) -> bool:\n        return False\n"
    )
    assert cells_of("v6") == cells_of(str(mine)) == each
    assert cells_of("v6", vmm=["setup_vmm"]) == {("setup_vmm", "lapic", "level")}
    for named in ({"vmm": ["qemu"]}, {"guest": ["linux"]}, {"device": ["level"]}):
        assert not cells_of("v6", **named)
    mine.write_text(
        "from model.vmms.vmm import Vmm\nfrom model.vmms.msr_vmm import MsrVmm\n\n\nclass Mine(MsrVmm):\n"
        "    def kvm_vcpu_has_run(self, cpu: int) -> bool:\n        return True\n"
    )
    for design in ("qemu", "linux", "mixed", str(mine)):
        assert not cells_of(design)


def test_any_vmm_takes_every_step():
    """A step that can never be taken would make what is said of it empty."""
    cell = Cell({"kernel": "v6", "vmm": "any_vmm", "guest": "lapic", "device": "level"},
                compose(designs()["v6"], AnyVmm, LapicGuest, Level), SCOPE)  # fmt: skip
    result = check_cell(cell, [all_properties()["lvr_is_stable"]], engine="native")
    assert set(result.never_fired) == {"device_raise", "kvm_ioapic_eoi_inject_work"}  # no devices; no throttle
