"""`eoi explain`: the sentence of a word, where it stands, and what else has its name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checker.command.cli import COMMANDS
from checker.matrix.roles import ALIASES, DEVICES, GUESTS, VMMS, all_properties, designs, mutants
from checker.questions.explain import explained
from model.kvm import Kvm
from model.lang import Fair
from model.machine import Lapic, Machine, Route, Scope
from tests.command.conftest import Ran

pytestmark = pytest.mark.unit
Eoi = Callable[..., Ran]


def said(eoi: Eoi, *words: str) -> str:
    """On one line, as wide as it likes."""
    ran = eoi("explain", *words)
    assert ran.code == 0 and not ran.err and ran.out.isascii()
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    return " ".join(ran.out.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["vacuous"], "vacuous, a word of the answers: it holds only because what it speaks of never happens"),
        (["not", "looked", "at"], "NOT LOOKED AT, a word of the answers: lines of your file that no step runs"),
        (["Never-Taken"], "never taken, a word of the answers: steps that no reachable state"),
        (["STRONG"], f"of a step: {Fair.STRONG.value}"),
        (["CIRCUIT"], "in a certificate of sizes, all steps of the model as an and-inverter graph"),
        (["x2apic"], "are what userspace said in CPUID, not the mode"),
        (["cell"], "cell, a word of the answers: one point of the matrix"),
        (["INCONCLUSIVE"], "Never a pass; exit code 3"),
        (["?"], "no answer: interrupted"),
        (["no_storm"], "no_storm, a property (leads_to): An interrupt that the guest took gets its device serviced"),
        (["no_storm"], "source Khushit Shah, 2025-09-18"),
        (["no_reinjection"], "vacuous if directed_eoi_owed is never reached"),
        (["l2_service_device"], "l2_service_device, a step of the guest: Step 4. STRONG: a nested guest"),
        (["l2_service_device"], "taken by guest, STRONG: taken again and again if it is enabled again and again"),
        (
            ["vcpu_enter_guest()"],
            "vcpu_enter_guest, a step of the kernel: KVM_RUN. The EOI exit is tested before the scan",
        ),
        (["vcpu_enter_guest"], "taken by KVM, WEAK: "),
        (["vcpu_enter_guest"], "where model/kvm/x86.py: X86C.vcpu_enter_guest(), "),
        (["kvm_ioapic_set_irq"], "in C ioapic_set_irq() (model/kvm/correspondence.txt"),
        (["kvm_ioapic_eoi_pin"], "in C a part of kvm_ioapic_update_eoi_one() (model/kvm/correspondence.txt"),
        (["any_vcpu_created"], "in C no function of C: a read of kvm->created_vcpus (model/kvm/correspondence.txt"),
        (["kvm_ioapic_send_eoi"], "restated in quirk_oct31, sean_local,"),
        (["v1"], "v1, a design: The first patch: obey SPIV bit 12, always. where model/designs/v1.py: V1"),
        (["merged"], "v6, a design: v6, which is what was merged"),
        (["mutant_b3"], "a historical bug, or what one needs:"),
        (["xen"], "xen, a guest: Xen as the guest: EOIs the LAPIC first"),
        (["crosvm"], "crosvm, a VMM: "),
        (["resample"], "resample, a device: "),
        (["cpus"], "cpus, a part of the scope: how many virtual CPUs by default cpus=2"),
        (["throttle"], "throttle, a part of the scope: QEMU's storm throttle"),
        (["BIT3"], "BIT3 is KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST in"),
        (["KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST"], "a flag of KVM's API: BIT2 of the scope's flags"),
        (["SPIV.12"], "spiv_directed_eoi, a field of Lapic: SPIV bit 12: the guest asks to suppress EOI broadcasts"),
        (["Remote", "IRR"], "remote_irr, a field of RedirectionEntry"),
        (["Lapic"], "Lapic, a record: A vCPU's local APIC"),
        (["confirm"], "--confirm, an option of eoi prove: run each violation on this machine's KVM, too"),
        (["prove"], f"eoi prove, a command: {COMMANDS['prove']}"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_word_has_its_sentence(eoi: Eoi, words: list[str], told: str) -> None:
    assert told in said(eoi, *words)


def test_of_a_word_with_several_meanings_all_are_said(eoi: Eoi) -> None:
    text = said(eoi, "lapic")
    assert "lapic, a guest: " in text and "Lapic, a record: " in text
    text = said(eoi, "irr")
    assert "irr, a field of Lapic: " in text and "irr, a field of RedirectionEntry: the input latch" in text
    assert said(eoi, "none").count(", a value of ") >= 3
    assert "a word of the answers" in (text := said(eoi, "scope")) and "--scope, an option of eoi show, prove," in text


@pytest.mark.parametrize(
    ("word", "near"),
    [("vacous", "did you mean 'vacuous'?"), ("v7", "'v6'"), ("no_strom", "'no_storm'"), ("storm", "'no_storm'"),
     ("kvm_ioapic_send", "'kvm_ioapic_send_eoi'"), ("regresed", "'REGRESSED'"), ("#%!", "`eoi list words`")],
)  # fmt: skip
def test_an_unknown_word_is_told_what_is_near(eoi: Eoi, word: str, near: str) -> None:
    ran = eoi("explain", word)
    assert (ran.code, ran.out) == (2, "") and ran.err.startswith(f"eoi: nothing is called {word!r} here: ")
    if word != "v7":
        assert near in ran.err
    else:
        assert "did you mean 'v1' or " in ran.err


def test_a_file_is_shown_elsewhere(eoi: Eoi) -> None:
    ran = eoi("explain", "mine.py")
    assert ran.code == 2 and "`eoi show mine.py`" in ran.err


NAMES = [
    *designs(), *ALIASES, *mutants(), *VMMS, *GUESTS, *DEVICES, *all_properties(), *vars(Scope()), *COMMANDS,
    *Kvm.steps(), *Lapic.__annotations__, *Route.__annotations__,
    *(n for n, hint in Machine.__annotations__.items() if "ClassVar" not in str(hint) and n != "scope"),
]  # fmt: skip


def test_everything_that_can_be_named_is_explained() -> None:
    assert len(set(NAMES)) > 250
    for name in set(NAMES) - set(COMMANDS):
        for one in explained(name):
            assert one.says and one.kind and all(what and text for what, text in one.facts), one


@pytest.mark.parametrize("command", COMMANDS)
def test_so_is_every_command(eoi: Eoi, command: str) -> None:
    assert f"eoi {command}, a command: {COMMANDS[command]}"[:60] in said(eoi, command)
