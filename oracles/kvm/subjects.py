"""What is compared with the running kernel: which design it has, covering scenes, random systems, counterexamples."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from checker.errors import UserError
from checker.matrix.roles import DEVICES, GUESTS, VMMS, designs
from checker.matrix.scope import ScopeValue, parse_scope, with_values
from checker.matrix.system import system_of
from model.lang import Design, ModelError
from model.machine import ApiFlags, IoapicVersion, Machine, Scope
from oracles.confirm import Confirmation, Counterexample, Label, confirm
from oracles.kvm import abi, harness
from oracles.kvm.differences import LiveKvm
from oracles.kvm.driver import LiveKvmSystem
from oracles.kvm.view import ADVERTISED
from oracles.kvm.vm import check_extension, description
from oracles.lockstep import Observed, OracleMissing, RealSystem
from oracles.walk import Subject

SUPPRESS_BITS = abi.X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST | abi.X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST
BY_FLAGS = {0: "base", SUPPRESS_BITS: "v6"}  # bits 2 and 3 of KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API) -> design


def running_design() -> str:
    """The design that the running kernel has, by what it advertises. Raises OracleMissing, UserError."""
    description()
    bits = check_extension(abi.CAP_X2APIC_API) & SUPPRESS_BITS
    if bits not in BY_FLAGS:
        raise UserError(
            f"KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API) has bits {bits:#x} of 0xc: no known design; give --design"
        )
    return BY_FLAGS[bits]


@dataclass(frozen=True)
class CoverScene:
    """One part of the covering walk. roles: classes of harness.py; local: local transitions are enough."""

    title: str
    roles: tuple[type[Machine], ...]
    scope: Scope
    local: bool = True

    def subject(self, kernel: type[Machine], real: RealSystem) -> Subject:
        return Subject(system_of(*self.roles, LiveKvm, kernel), self.scope, real, {"scene": self.title})


def scenes(kernel: type[Machine], sizes: Scope) -> Iterator[CoverScene]:
    """What together covers KVM's side at these sizes; flags as the kernel design knows them."""
    cpus, pins = sizes.cpus, sizes.pins
    small = replace(sizes, pins=1, vectors=1)
    known = [f for f in kernel.api_flags if f is not ApiFlags.BOTH]  # both: EINVAL, see set-up
    for flags in known:
        said = f"flags {flags.name}"
        both = replace(small, flags=flags)
        one = replace(sizes, flags=flags)
        if cpus > 1:
            yield CoverScene(f"split, {said}, all vCPUs act, {_sizes(both)}", (harness.Split,), both)
        yield CoverScene(
            f"split, {said}, vCPU 0 acts, {_sizes(one)}", (harness.OneActs, harness.LapicImages, harness.Split), one
        )
    images = (harness.OneActs, harness.LapicImages, harness.IoapicImages)
    for flags in known:
        if flags is ApiFlags.BIT2:  # ENABLE is EINVAL without a split irqchip: see set-up
            continue
        said = f"flags {flags.name}"
        both, one = replace(small, flags=flags), replace(sizes, pins=1, flags=flags)
        pair = replace(sizes, cpus=1, vectors=1, flags=flags)
        if cpus > 1:
            yield CoverScene(f"in-kernel, {said}, all vCPUs act, {_sizes(both)}", (harness.InKernel,), both)
        yield CoverScene(f"in-kernel, {said}, vCPU 0 acts, {_sizes(one)}", (*images, harness.InKernel), one)
        if pins > 1:
            yield CoverScene(f"in-kernel, {said}, {_sizes(pair)}", (harness.IoapicImages, harness.InKernel), pair)
    yield CoverScene(f"set-up in any order, {_sizes(small)}", (harness.SetUp,), small, local=False)


def _sizes(scope: Scope) -> str:
    return f"{scope.cpus}x{scope.vectors}x{scope.pins}"


NOT_COVERED = (
    "two LAPICs that each do anything with two vectors at once (more than 12 million states with one route): each is "
    "covered with the other as a destination, and both together with one vector",
    "the in-kernel I/O APIC with two vCPUs, two pins and two vectors at once: two pins are covered with one vector, two "
    "vectors with one pin; which vCPUs scan after a write to an entry needs all of them, and has a walk of its own in the tests",
    "the 10,000-EOI throttle: it is driven for --mutants, with one vCPU, and in the tests",
    "logical destinations and lowest priority: a feature of the model, with walks of its own in the tests",
    "ack notifiers, the RTC pin, TPR, APICv: not in the model, or simplified there",
)  # fmt: skip

RANDOM_MATRIX = (
    ("qemu", "any"), ("qemu_kernel_irqchip", "any"), ("qemu", "linux"), ("firecracker", "linux"), ("qemu", "windows_cg"),
    ("firecracker", "any"), ("qemu", "xen"), ("firecracker", "xen"), ("any_vmm", "lapic"), ("msr_vmm", "lapic"),
)  # fmt: skip


RANDOM_SCENES: tuple[tuple[type[Machine], ...], ...] = (
    (harness.SetUp,), (harness.Split,), (harness.LapicImages, harness.Split), (harness.InKernel,),
    (harness.LapicImages, harness.IoapicImages, harness.InKernel),
)  # fmt: skip


def random_scenes(kernel: type[Machine], sizes: Mapping[str, ScopeValue], real: RealSystem) -> list[Subject]:
    """Anything that userspace and guests can do, at these sizes and at one of each, where more happens again and again."""
    found = []
    for roles, flags in itertools.product(RANDOM_SCENES, kernel.api_flags):
        for scope in (with_values(Scope(), {**sizes, "flags": flags}), Scope(cpus=1, pins=1, vectors=1, flags=flags)):
            names = {"scene": " ".join(role.__name__ for role in roles), "sizes": _sizes(scope), "flags": flags.name}
            found.append(Subject(system_of(*roles, LiveKvm, kernel), scope, real, names))
    return found


def random_subjects(
    design: str, kernel: type[Machine], sizes: Mapping[str, ScopeValue], real: RealSystem
) -> list[Subject]:
    """Scenes; then real VMM and guest models, with each flag that kernel and VMM know and each I/O APIC version."""
    found = random_scenes(kernel, {name: n for name, n in sizes.items() if name in ("cpus", "pins", "vectors")}, real)
    for vmm, guest in RANDOM_MATRIX:
        versions = VMMS[vmm].versions if vmm == "qemu" else VMMS[vmm].versions[:1]
        for flags in [f for f in kernel.api_flags if f in VMMS[vmm].api_flags]:
            for version in versions:
                scope = with_values(Scope(), {"flags": flags, "ioapic": version, **sizes})
                names = {"kernel": design, "vmm": f"{vmm} {version.value:#x}", "guest": guest, "device": "level"}
                names["flags"] = flags.name
                roles = (kernel, VMMS[vmm], GUESTS[guest], DEVICES["level"])
                found.append(Subject(system_of(LiveKvm, *roles), scope, real, names))
    return found


def sizes_of(text: str) -> Scope:
    """--scope of a covering walk."""
    return with_values(Scope(ioapic=IoapicVersion.V11), parse_scope(text))


def confirm_run(
    roles: Sequence[type[Design]], names: Mapping[str, str], scope: Scope, claim: Counterexample
) -> Confirmation:
    """Take a counterexample's run on the running kernel. Its kernel role becomes the running kernel's design, which
    may take the run too: the label says so."""
    try:
        running = running_design()
    except OracleMissing as error:
        return Confirmation(Label.NOT_RUNNABLE, str(error))
    told = names.get("kernel", "?").rpartition("/")[2]
    kernel = designs()[running]
    system = system_of(LiveKvm, kernel, *roles[1:])
    if roles[0] is kernel:
        return confirm(lambda: Subject(system, scope, LiveKvmSystem(), dict(names)), claim)
    tries = [
        scope.flags,
        *(f for f in kernel.api_flags if f is not scope.flags),
    ]  # a patch may always do what a flag asks for
    first: Confirmation | None = None
    for flags in tries:
        asked = replace(scope, flags=flags)
        try:
            found = confirm(lambda: Subject(system, asked, LiveKvmSystem(), {**names, "kernel": running}), claim)  # noqa: B023
        except (ModelError, AttributeError) as error:  # roles made for another kernel: the CPUID series, say
            found = Confirmation(Label.NOT_RUNNABLE, f"its roles do not fit {running}: {error}")
        said = f" with flags {flags.name} instead of {scope.flags.name}" if flags is not scope.flags else ""
        text = f"{running} runs here, and not {told}; taken as a run of {running}{said}: {found.text.removeprefix(f'as {running} ')}"
        found = replace(found, text=text, as_design=running, flags=flags.name)
        if found.label is not Label.NOT_RUNNABLE:
            return found
        first = first or found
    assert first is not None
    return first


class WhateverItAdvertises(LiveKvmSystem):
    """Without KVM_CHECK_EXTENSION: a design of another age answers otherwise before anything has happened."""

    def observe(self, system: Design | None = None) -> Observed:
        return {name: code for name, code in super().observe(system).items() if name not in ADVERTISED}

    def expected(self, system: Design) -> Observed:
        return {name: code for name, code in super().expected(system).items() if name not in ADVERTISED}


def confirm_as_told(
    roles: Sequence[type[Design]], names: Mapping[str, str], scope: Scope, claim: Counterexample
) -> Confirmation:
    """Take a run on the running kernel beside the design that it is told of, though that is not what runs here: where
    the two part, but for what they advertise, is what the design changes."""
    try:
        return confirm(lambda: Subject(system_of(LiveKvm, *roles), scope, WhateverItAdvertises(), dict(names)), claim)
    except (ModelError, AttributeError) as error:
        return Confirmation(Label.NOT_RUNNABLE, str(error))
