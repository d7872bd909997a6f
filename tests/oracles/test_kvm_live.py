"""The running kernel's KVM. Skipped, with the reason, where there is none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from checker.command import cli
from checker.matrix.roles import DEVICES, GUESTS, VMMS, designs
from model.lang import compose
from model.machine import ApiFlags, Cpu, Lapic, Machine, Pin, Scope, Trigger, Vector
from oracles.cover import cover, space
from oracles.kvm import harness, subjects
from oracles.kvm.differences import AcceptedBySetLapic, LiveKvm, SetIrqchipReplaysAll
from oracles.kvm.driver import LiveKvmSystem
from oracles.walk import Subject, differs, random_walks


@pytest.fixture
def kernel(live: LiveKvmSystem) -> type[Machine]:
    return designs()[subjects.running_design()]


def merged(kernel: type[Machine]) -> None:
    if kernel is not designs()["v6"]:
        pytest.skip("the running kernel does not have the merged feature")


SIZES: dict[str, Any] = {"cpus": 2, "pins": 2, "vectors": 2}


@pytest.mark.parametrize("number", range(0, 80, 16))
def test_real_vmms_and_guests_agree(live: LiveKvmSystem, kernel: type[Machine], number: int):
    found = subjects.random_subjects("running", kernel, SIZES, live)
    result = random_walks(found[number % len(found)], seed=number, steps=600)
    assert result.disagreement is None, result.disagreement
    assert result.totals.agreed == result.totals.replayed >= 600


def test_every_transition_of_a_split_irqchip_at_one_of_each(live: LiveKvmSystem, kernel: type[Machine]):
    design = compose(harness.Split, LiveKvm, kernel)
    scope = Scope(cpus=1, pins=1, vectors=1)
    result = cover(Subject(design, scope, live), space(design, scope, harness.part_of), "split")
    assert result.disagreement is None and not result.left_out
    assert result.done == result.kinds > 1000


@pytest.mark.parametrize("flags", [ApiFlags.NONE, ApiFlags.BIT2, ApiFlags.BIT3, ApiFlags.BOTH])
def test_any_order_of_set_up_calls(live: LiveKvmSystem, kernel: type[Machine], flags: ApiFlags):
    scope = Scope(cpus=2, pins=1, vectors=1, flags=flags)
    result = random_walks(Subject(compose(harness.SetUp, LiveKvm, kernel), scope, live), flags.value, 600, length=60)
    assert result.disagreement is None and not result.not_runnable
    assert result.totals.agreed >= 600


# ---- seeded bugs of the model are noticed, and told by the shortest walk ----


class DropsIsrWrite(designs()["v6"]):  # type: ignore[misc]
    def apic_set_eoi(self, apic: Lapic) -> None:
        vector = apic.isr.highest()
        if vector is not None:
            self.kvm_ioapic_send_eoi(apic, vector)


class IgnoresRequest(designs()["v6"]):  # type: ignore[misc]
    def kvm_lapic_suppress_eoi_broadcast(self, apic: Lapic) -> bool:
        return False


class ForgetsScan(designs()["v6"]):  # type: ignore[misc]
    def kvm_set_irq_routing(self) -> None:
        pass


class EdgeKeepsRemoteIrr(designs()["v6"]):  # type: ignore[misc]
    def kvm_ioapic_service(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        if not rte.mask and not rte.remote_irr:
            rte.remote_irr = True
            self.apic_accept_irq(self.apic[rte.dest], rte.vector, rte.trigger)


LINUX = (VMMS["qemu"], GUESTS["linux"], DEVICES["level"])
WINDOWS = (VMMS["qemu"], GUESTS["windows_cg"], DEVICES["level"])
IN_KERNEL = (VMMS["firecracker"], GUESTS["any"], DEVICES["level"])
BUGS = [
    (DropsIsrWrite, LINUX, "isr"), (IgnoresRequest, WINDOWS, "exit_ioapic_eoi"),
    (EdgeKeepsRemoteIrr, IN_KERNEL, "remote_irr"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "others", "shows"), BUGS)
def test_a_bug_in_the_model_is_noticed(
    live: LiveKvmSystem, kernel: type[Machine], wrong: type[Machine], others: tuple[type[Machine], ...], shows: str
):
    merged(kernel)
    scope = Scope(cpus=1, pins=1, vectors=1, flags=ApiFlags.BIT2 if wrong is IgnoresRequest else ApiFlags.NONE)
    subject = Subject(compose(LiveKvm, wrong, *others), scope, live)
    found = random_walks(subject, seed=1, steps=4000).disagreement
    assert found is not None
    assert any(shows in d.name for d in found.mismatch.differences)
    assert len(found.walk) <= 12
    right = Subject(compose(LiveKvm, kernel, *others), scope, live)
    assert differs(right, found.walk) is None


def test_a_forgotten_scan_is_noticed(live: LiveKvmSystem, kernel: type[Machine]):
    """The route goes while its vector is in service: KVM_RUN scans, and no longer intercepts the EOI (fact 1.6.4)."""
    merged(kernel)
    scope = Scope(cpus=1, pins=1, vectors=1)
    walk = [
        ("write_spiv", (0, True, False)), ("set_route", (0, True, 0, 0, Trigger.LEVEL)), ("vcpu_enter_guest", (0,)),
        ("send", (0,)), ("kvm_check_and_inject_events", (0,)), ("set_route", (0, False, 0, 0, Trigger.EDGE)),
        ("write_spiv", (0, True, False)), ("vcpu_enter_guest", (0,)), ("write_eoi", (0,)), ("vcpu_enter_guest", (0,)),
    ]  # fmt: skip
    found = differs(Subject(compose(harness.Split, LiveKvm, ForgetsScan), scope, live), walk)
    assert found is not None
    assert [(d.name, d.model, d.real) for d in found[0].differences] == [("apic[0].exit_ioapic_eoi", 1, 0)]
    assert differs(Subject(compose(harness.Split, LiveKvm, kernel), scope, live), walk) is None


def test_another_design_is_noticed(live: LiveKvmSystem, kernel: type[Machine]):
    other = designs()["base" if kernel is designs()["v6"] else "v6"]
    subject = Subject(compose(harness.SetUp, LiveKvm, other), Scope(cpus=1, pins=1, vectors=1), live)
    found = random_walks(subject, seed=1, steps=500).disagreement
    assert found is not None and not found.walk
    assert {d.name.partition("(")[0] for d in found.mismatch.differences} == {"KVM_CHECK_EXTENSION"}


# ---- so are two rules that the model had wrong before the live kernel was asked ----


class NoVcpuTakesNothing(designs()["v6"]):  # type: ignore[misc]
    def kvm_ioapic_service(self, pin: Pin) -> None:
        if self.any_vcpu_created():
            super().kvm_ioapic_service(pin)


class RteMakesAllScan(designs()["v6"]):  # type: ignore[misc]
    def kvm_make_scan_ioapic_request_mask(self, old_dest: Cpu, dest: Cpu) -> None:
        self.kvm_make_scan_ioapic_request()


def test_no_vcpu_takes_all(live: LiveKvmSystem, kernel: type[Machine]):
    """kvm_irq_delivery_to_apic() without an APIC map says -1, which ioapic_service() takes for delivered."""
    walk = [("ioctl_create_irqchip", ()), ("ioctl_set_irqchip", (0, 0, 0, Trigger.LEVEL, False, False, True))]
    merged(kernel)
    others = (VMMS["any_vmm"], GUESTS["lapic"], DEVICES["level"])
    scope = Scope(cpus=1, pins=1, vectors=1)
    found = differs(Subject(compose(LiveKvm, NoVcpuTakesNothing, *others), scope, live), walk)
    assert found is not None
    assert [(d.name, d.model, d.real) for d in found[0].differences] == [("ioapic[0].remote_irr", 0, 1)]
    assert differs(Subject(compose(LiveKvm, kernel, *others), scope, live), walk) is None


def test_only_the_destinations_of_an_entry_scan(live: LiveKvmSystem, kernel: type[Machine]):
    """Pin 1 gets the vector that vCPU 1 has in service, for vCPU 0: vCPU 1 does not scan, so its EOI does not open pin 1
    (fact 2.6: only the vCPUs of the old and the new destination are asked to)."""
    level, both = Trigger.LEVEL, [("vcpu_enter_guest", (0,)), ("vcpu_enter_guest", (1,))]
    walk = [
        ("write_spiv", (0, True, False)), ("write_spiv", (1, True, False)), ("write_rte", (0, 0, 1, level, False)), *both,
        ("line", (0, True)), ("kvm_check_and_inject_events", (1,)), ("line", (0, False)), ("write_rte", (0, 1, 1, level, True)), *both,
        ("write_rte", (1, 0, 0, level, False)), *both, ("line", (1, True)), ("line", (1, False)), ("write_eoi", (1,)),
    ]  # fmt: skip
    merged(kernel)
    scope = Scope(cpus=2, pins=2, vectors=2)
    found = differs(Subject(compose(harness.InKernel, LiveKvm, RteMakesAllScan), scope, live), walk)
    assert found is not None
    assert [(d.name, d.model, d.real) for d in found[0].differences] == [("ioapic[1].remote_irr", 0, 1)]
    assert differs(Subject(compose(harness.InKernel, LiveKvm, kernel), scope, live), walk) is None


# ---- each listed difference is one ----


def test_accepted_by_set_lapic_is_needed(live: LiveKvmSystem, kernel: type[Machine]):
    """KVM_SET_LAPIC computes LVR anew (kvm_apic_set_state), so a flag that was set before shows then."""
    merged(kernel)
    walk = [
        ("ioctl_enable_cap_split_irqchip", ()), ("ioctl_create_vcpu", (0,)), ("ioctl_set_cpuid2", (0, True)),
        ("ioctl_set_msr_spiv", (0, True, False)), ("ioctl_set_gsi_routing", (0, True, 0, 0, Trigger.LEVEL)),
        ("ioctl_irq_line", (0, True)), ("ioctl_enable_cap_x2apic_api", (ApiFlags.BIT3,)), ("ioctl_run", (0,)),
        ("vcpu_enter_guest", (0,)), ("kvm_check_and_inject_events", (0,)),
    ]  # fmt: skip
    roles = (kernel, VMMS["any_vmm"], GUESTS["lapic"], DEVICES["level"])
    scope = Scope(cpus=1, pins=1, vectors=1)
    found = differs(Subject(compose(SetIrqchipReplaysAll, *roles), scope, live), walk)
    assert found is not None and found[0].number == len(walk)
    assert [(d.name, d.model, d.real) for d in found[0].differences] == [("apic[0].lvr_directed_eoi", 1, 0)]
    assert differs(Subject(compose(LiveKvm, *roles), scope, live), walk) is None


class NoReplay(SetIrqchipReplaysAll):
    """What the model says of KVM_SET_IRQCHIP, with irr_delivered as KVM has it."""

    def kvm_set_ioapic(
        self, pin: Pin, vector: Vector, dest: int, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        super(SetIrqchipReplaysAll, self).kvm_set_ioapic(pin, vector, dest, trigger, mask, remote_irr, irr)


class NoIrrDelivered(SetIrqchipReplaysAll):
    """A latched edge shows, sent or not."""

    def kvm_ioapic_service(self, pin: Pin) -> None:
        super(SetIrqchipReplaysAll, self).kvm_ioapic_service(pin)


@pytest.mark.parametrize("instead", [NoReplay, NoIrrDelivered])
def test_the_differences_of_the_in_kernel_chip_are_needed(
    live: LiveKvmSystem, kernel: type[Machine], instead: type[Machine]
):
    scene, scope = (harness.IoapicImages, harness.InKernel), Scope(cpus=1, pins=2, vectors=1)
    subject = Subject(compose(*scene, AcceptedBySetLapic, instead, kernel), scope, live)
    found = random_walks(subject, seed=5, steps=20_000, seconds=20).disagreement
    assert found is not None
    right = Subject(compose(*scene, LiveKvm, kernel), scope, live)
    assert differs(right, found.walk) is None


# ---- the command ----


def test_the_storm_of_september_2025_is_confirmed(
    live: LiveKvmSystem, kernel: type[Machine], tmp_path: Any, capsys: Any
):
    """Fact B1; the merged kernel still storms where nobody asked for the flag (mode Q of the facts' table 3.4)."""
    arguments = [
        "--vmm",
        "qemu",
        "--guest",
        "windows_cg",
        "--property",
        "no_storm",
        "--scope",
        "ioapic=0x20,cpus=1,pins=1",
    ]
    assert cli.main(["trace", "base", *arguments]) == 1
    story = tmp_path / "storm.txt"
    story.write_text(capsys.readouterr().out)
    assert cli.main(["replay", str(story), "--on", "kvm"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    running = "" if kernel is designs()["base"] else "v6 runs here, and not base; taken as a run of v6: "
    assert f"CONFIRMED: {running}23 steps, the loop 3 times" in said


def test_prove_confirm_labels_each_violation(live: LiveKvmSystem, kernel: type[Machine], capsys: Any):
    merged(kernel)
    scope = "ioapic=0x11,flags=4,cpus=1,pins=1"
    lost = [
        "prove",
        "v6",
        "--vmm",
        "qemu",
        "--guest",
        "windows_cg",
        "--property",
        "no_eoi_lost",
        "--scope",
        scope,
        "--confirm",
    ]
    assert cli.main(lost) == 1
    text = capsys.readouterr().out
    assert text.count("CONFIRMED: 10 steps") == 2  # in the list of verdicts, and in the story
    assert cli.main([*lost, "--json"]) == 1
    assert '"confirmed": "CONFIRMED: 10 steps' in capsys.readouterr().out
    assert cli.main([*lost, "--brief"]) == 1
    assert "windows_cg, level, no_eoi_lost: CONFIRMED: 10 steps" in capsys.readouterr().out


def test_a_design_that_looks_at_more_is_covered_transition_by_transition(
    kernel: type[Machine], tmp_path: Any, capsys: Any
):
    """The parts that make transitions the same locally were declared for designs whose scan does not look at SPIV."""
    merged(kernel)
    (tmp_path / "mine.py").write_text(LOOKS_AT_SPIV)
    assert (
        cli.main(
            [
                "conform",
                "kvm",
                "--cover",
                "--design",
                str(tmp_path / "mine.py"),
                "--scope",
                "cpus=1,pins=1,vectors=1",
                "--jobs",
                "1",
            ]
        )
        == 1
    )
    told = " ".join(capsys.readouterr().out.split())
    assert "cover transitions: split, flags BIT2" in told and "cover local transitions: split, flags NONE" in told
    assert "X apic[0].exit_ioapic_eoi = none | apic[0].exit_ioapic_eoi = 0" in told


def test_a_kernel_that_is_not_there_is_not_confirmed(live: LiveKvmSystem, kernel: type[Machine], capsys: Any):
    """mutant_b3 scans without looking at what is pending; no kernel of today does, and what it loses is not lost here."""
    merged(kernel)
    cli.main(["prove", "--absolute", "mutant_b3", "--confirm", "--max-states", "300000"])
    out = capsys.readouterr().out
    assert (
        "VIOLATED      line_is_serviced" in out
        and "NOT RUNNABLE HERE: v6 runs here, and not mutant_b3; taken as a run of v6: " in out
    )
    assert "CONFIRMED" not in out


def test_conform_prints_the_five_numbers(live: LiveKvmSystem, kernel: type[Machine], tmp_path: Any, capsys: Any):
    code = cli.main(
        ["conform", "kvm", "--random", "--steps", "700", "--write", str(tmp_path), "--record", str(tmp_path / "w")]
    )
    out = capsys.readouterr().out
    assert code == 0
    assert "3. unexplained divergences: 0" in out and live.title in " ".join(out.split())
    assert all(len(line) <= 72 for line in out.splitlines())
    assert (tmp_path / "kvm.txt").read_text() == out and (tmp_path / "w").read_text().count("\n") > 5
    wrong = cli.main(
        ["conform", "kvm", "--random", "--steps", "700", "--design", "base" if kernel is designs()["v6"] else "v6"]
    )
    told = capsys.readouterr().out
    assert (
        wrong == 1 and told.startswith("DIFFERENT after 0 steps, in start()") and "unexplained divergences: 1" in told
    )


LOOKS_AT_SPIV = """\
from model.designs.v6 import V6
from model.machine import Cpu, Lapic, Vector


class Mine(V6):
    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None:
        if self.kvm_lapic_suppress_eoi_broadcast(apic):
            return
        super().kvm_scan_ioapic_irq(cpu, apic, dest, vector)
"""
ALWAYS = """\
from model.designs.v6 import V6
from model.machine import Lapic, Vector


class Always(V6):
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not apic.spiv_directed_eoi:
            super().kvm_ioapic_send_eoi(apic, vector)
"""


def test_what_a_process_of_a_covering_walk_finds_is_told(kernel: type[Machine], tmp_path: Any, capsys: Any):
    merged(kernel)
    (tmp_path / "always.py").write_text(ALWAYS)
    sizes = ["--scope", "cpus=1,pins=1,vectors=1", "--jobs", "2"]
    assert cli.main(["conform", "kvm", "--cover", "--design", str(tmp_path / "always.py"), *sizes]) == 1
    told = capsys.readouterr().out
    assert re.match(r"DIFFERENT after \d+ steps, in vcpu_enter_guest\(\)", told)
    assert "X apic[0].exit_ioapic_eoi = none | apic[0].exit_ioapic_eoi = 0" in told
    assert "unexplained divergences: 1" in told


def test_without_the_device_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    from oracles.kvm import vm

    monkeypatch.setattr(vm, "DEVICE", "/dev/no-such-kvm")
    vm._device.cache_clear()
    vm.description.cache_clear()
    try:
        assert cli.main(["conform", "kvm", "--random", "--steps", "10"]) == 3
        assert capsys.readouterr().out == "NOT RUNNABLE HERE: /dev/no-such-kvm: No such file or directory\n"
    finally:
        vm._device.cache_clear()
        vm.description.cache_clear()
