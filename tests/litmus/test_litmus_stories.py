"""The stories of this folder: each ends as the facts say, on every system that it names, and could not end otherwise."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker.matrix.roles import VMMS, default_vmms, designs, role_of
from checker.questions.litmus import Case, Story, cases_of, read_story, run_case
from model.designs.v6 import V6
from model.features.destinations import KvmDestinations
from model.kvm.ioapic import IoapicC
from model.kvm.irq import IrqC
from model.kvm.lapic import LapicC
from model.machine import Errno, RedirectionEntry, Trigger
from model.vmms.openvmm import Openvmm
from model.vmms.qemu import Qemu
from tests.rigs.litmus_rig import FIND, HERE, STORIES, explored
from tests.rigs.volume import NIGHTLY

# Every scenario that section 4 of the fact sheet numbers (it is not part of this repository).
IDS = [
    *(f"T{n}" for n in (*range(1, 7), 8, 10, 11, *range(13, 35))),
    *(f"C{n}" for n in (*range(1, 15), *range(17, 21))),
]  # fmt: skip
# Stories of one VMM's rule or of another kernel: why not all VMMs of the matrix are in them.
SOME_VMMS = {
    "C10-rtc-before-eoi": "the kernel's RTC pin", "C18-resample-lowers-at-eoi": "crosvm's resample events",
    "T27-eoi-bitmap-clear": "KVM's exits to a split irqchip", "T27-eoi-bitmap-set": "KVM's exits to a split irqchip",
    "T29-remapped-edge": "QEMU has interrupt remapping",
    "T34-apicv-toggled": "a LAPIC alone", "T34-apicv-toggled-b8": "a LAPIC alone",
}  # fmt: skip


def sources(story: Story) -> set[str]:
    """The T and C ids that a story comes from."""
    return set(re.findall(r"(?<![\w-])[TC]\d+\b", story.source))


CASES = [
    (f"{name}-{case}".replace(", ", "-").replace(" ", "-"), case)
    for name in STORIES
    for case in cases_of(STORIES[name], FIND)
]
OF_STORY = [[name for name, _ in CASES if name.startswith(f"{story}-")] for story in STORIES]
# By day a story is run in every second system, the next story in the others; `make check` has the first of a story, or the last.
BY_DAY = {
    name for number, names in enumerate(OF_STORY) for name in (names if NIGHTLY else names[number % 2 :: 2] or names)
}
AT_ONCE = {[name for name in names if name in BY_DAY][-(number % 2)] for number, names in enumerate(OF_STORY)}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=[] if name in AT_ONCE else [pytest.mark.everything])
        for name, case in CASES
        if name in BY_DAY
    ],
)
def test_it_ends_as_the_facts_say_in_both_engines(case: Case) -> None:
    """Where the model is known to differ it does; and the native engine goes the way of each run, and has met its end."""
    result = run_case(case)
    assert result.holds == (case.finding is None), "\n".join(result.problem)
    assert result.ends
    native = explored(case.cell.system, case.cell.scope)
    for codes, run in list(result.ends.items())[:50]:
        state = native.follow(run)
        assert native.search.layout.from_bytes(state) == codes
        assert not native.complete or native.search.exploration.find(state) is not None


@pytest.mark.everything
def test_most_stories_are_explored_to_the_end() -> None:
    """Every tenth is asked: so that `complete` above is no empty condition."""
    whole = [explored(case.cell.system, case.cell.scope).complete for _, case in CASES[::10]]
    assert sum(whole) > len(whole) / 2


KERNELS = [name for name, cls in designs().items() if role_of(cls) == "kernel" and not cls.default_roles]


@pytest.mark.everything
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_design_touches_a_guest_that_does_not_ask(kernel: str) -> None:
    """The T and C stories of any kernel never set SPIV bit 12: they end alike on every design."""
    known = [s for name, s in STORIES.items() if name[:2] != "SD" and s.kernels == ("base", "v6")]
    stories = [
        s for n, s in enumerate(known) if NIGHTLY or n % 4 == KERNELS.index(kernel) % 4
    ]  # each of a fourth of them
    results = [run_case(c) for s in stories for c in cases_of(replace(s, kernels=(kernel,)), FIND)]
    assert len(known) > 20 and len(stories) > 4 and results and len(KERNELS) >= 16
    assert all(r.holds == (r.case.finding is None) for r in results)


def test_every_scenario_of_the_facts_is_a_story_or_is_said_not_to_be() -> None:
    told = {i for story in STORIES.values() for i in sources(story)}
    listed = re.findall(r"^\| ([TC]\d+) \| [^|]{10,} \| [^|]{10,} \|$", (HERE / "README.md").read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed)) and not told & set(listed)
    assert sorted(told | set(listed)) == sorted(IDS) and len(IDS) == 49


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    example = (HERE / "README.md").read_text().partition("\n    Title:")[2].partition("\nEvery")[0]
    (tmp_path / "example.litmus").write_text(textwrap.dedent(f"    Title:{example}"))
    (tmp_path / "line.py").write_text((HERE / "line.py").read_text())
    results = [run_case(c) for c in cases_of(read_story(tmp_path / "example.litmus"), FIND)]
    assert len(results) == 10 and all(r.holds for r in results)


def test_a_story_is_named_by_its_source() -> None:
    for name, story in STORIES.items():
        kind, number = re.fullmatch(r"(T|C|SD)0?(\d+)-[a-z0-9-]+", name).groups()  # type: ignore[union-attr]
        wanted = f"S-D{number}" if kind == "SD" else f"{kind}{number}"
        assert re.match(rf"{wanted}\b", story.source), name


def test_no_vmm_of_the_matrix_is_left_out_silently() -> None:
    for name, story in STORIES.items():
        if story.path.stem.startswith("SD") or {"v4", "v6"} == set(story.kernels):
            continue  # guests that ask for suppression; KVM alone
        named = {o.vmm for o in story.outcomes if not o.version}
        every = {vmm for vmm in default_vmms() if not VMMS[vmm].meets}  # the others are there for what they meet
        assert (named == every) == (name not in SOME_VMMS), name


FLIPPED = {"0": "1", "1": "0", "{}": "{0}", "{0}": "{}", "{2}": "{}", "none": "0", "OK": "EINVAL", "EINVAL": "OK"}


@pytest.mark.everything
@pytest.mark.parametrize("name", STORIES)
def test_a_wrong_expectation_fails(name: str) -> None:
    """Each value that is observed, turned into another; each outcome, turned round."""
    story = STORIES[name]
    other = {"always": "never", "sometimes": "never", "never": "always"}
    turned = tuple(replace(o, kind=other[o.kind]) for o in story.outcomes)
    judged = [run_case(c) for c in cases_of(replace(story, outcomes=turned), FIND) if not c.finding]
    assert judged and not any(result.holds for result in judged)
    for number, seen in enumerate(story.observe):
        wrong = replace(seen, value=FLIPPED[seen.value])
        observe = (*story.observe[:number], wrong, *story.observe[number + 1 :])
        judged = [run_case(c) for c in cases_of(replace(story, observe=observe), FIND) if not c.finding]
        assert not any(r.holds for r in judged if r.case.outcome.kind == "always"), seen.text


# ---- bugs in the model turn stories red ----


def keeps_tmr(s: Any, apic: Any, vector: int, trigger: Trigger) -> None:
    if apic.spiv_enabled:
        apic.irr.add(vector)
        if trigger == Trigger.LEVEL:
            apic.tmr.add(vector)


def clears_tmr(s: Any, apic: Any) -> None:
    vector = apic.isr.highest()
    if vector is not None:
        apic.isr.discard(vector)
        apic.tmr.discard(vector)
        s.kvm_ioapic_send_eoi(apic, vector)


def lowest_first(s: Any, apic: Any) -> int | None:
    return next(iter(apic.irr), None)


def rising_line_opens(s: Any, pin: int, level: bool) -> None:
    rte = s.ioapic[pin]
    rte.irr = level
    if level:
        rte.remote_irr = False
        s.ioapic_service()


def never_sends_again(s: Any, vector: int) -> None:
    for rte in s.ioapic.values():
        if rte.vector == vector and rte.trigger == Trigger.LEVEL:
            rte.remote_irr = False


def keeps_the_latch(s: Any, pin: int, level: bool) -> None:
    rte: RedirectionEntry = s.ioapic[pin]
    if level and (rte.trigger == Trigger.LEVEL or not rte.irr):
        rte.irr = True
        s.kvm_ioapic_service(pin)


def keeps_remote_irr(s: Any, pin: int, vector: int, dest: int, trigger: Trigger, mask: bool) -> None:
    before = s.ioapic[pin].remote_irr
    OPENVMM_WRITE(s, pin, vector, dest, trigger, mask)
    s.ioapic[pin].remote_irr = before or s.ioapic[pin].remote_irr


def scans_by_apic_id(s: Any, cpu: int, apic: Any, dest: int, modes: Any, vector: int) -> None:
    s.kvm_scan_ioapic_irq(cpu, apic, dest, vector)


def forgets_what_is_pending_in_any_mode(s: Any, cpu: int, apic: Any, dest: int, modes: Any, vector: int) -> None:
    if s.kvm_apic_match_dest(cpu, dest, modes):
        apic.ioapic_handled_vectors.add(vector)


def lowest_priority_for_all(s: Any, cpu: int, dest: int, modes: Any, vector: int) -> bool:
    found: bool = s.kvm_apic_match_dest(cpu, dest, modes)
    return found


def lowest_priority_for_the_first(s: Any, vector: int, mda: Any) -> int | None:
    return next(iter(mda), None)


def forgets_what_is_pending(s: Any, cpu: int, apic: Any, dest: int, vector: int) -> None:
    if dest == cpu:
        apic.ioapic_handled_vectors.add(vector)


def all_scan(s: Any, dest: int, mda: Any) -> None:
    s.kvm_make_scan_ioapic_request()


def takes_all_flags(s: Any, bit2: bool, bit3: bool) -> None:
    s.errno = Errno.OK


def no_eoi_register(s: Any, vector: int) -> None:
    pass


OPENVMM_WRITE = Openvmm.ioapic_mem_write_rte
BUGS: list[tuple[type, str, Callable[..., Any], set[str]]] = [
    (LapicC, "apic_accept_irq", keeps_tmr, {"T16-tmr-edge-1", "T22-tmr-edge-1-smp", "SD15-tmr-0"}),
    (LapicC, "apic_set_eoi", clears_tmr, {"T15-tmr-level-1", "T16-tmr-edge-1"}),
    (LapicC, "kvm_apic_has_interrupt", lowest_first, {"T06-simultaneous"}),
    (Qemu, "ioapic_set_irq", rising_line_opens, {"C03-level-coalesced"}),
    (Qemu, "ioapic_eoi_broadcast", never_sends_again, {"C04-eoi-sends-again", "SD01-quirked-storm"}),
    (Qemu, "ioapic_mem_write_eoi", no_eoi_register, {"SD01-honoured", "SD01-honoured-any-order", "SD03-shared-vector"}),
    (IoapicC, "kvm_ioapic_set_irq", keeps_the_latch, {"C07-two-edges", "T10-edge-masked"}),
    (Openvmm, "ioapic_mem_write_rte", keeps_remote_irr, {"C11-write-keeps-remote-irr"}),
    (KvmDestinations, "kvm_scan_ioapic_irq_modes", scans_by_apic_id, {
        "T18-logical-destination", "SD19-lowest-priority-hashed", "SD20-logical-moved-in-service", "SD22-mode-changed",
    }),
    (KvmDestinations, "kvm_scan_ioapic_irq_modes", forgets_what_is_pending_in_any_mode, {"SD20-logical-moved-in-service"}),
    (KvmDestinations, "kvm_apic_map_get_dest_lapic", lowest_priority_for_all, {
        "SD19-lowest-priority", "SD19-lowest-priority-hashed", "SD21-lowest-priority-disabled",
    }),
    (KvmDestinations, "kvm_vector_to_index", lowest_priority_for_the_first, {
        "SD19-lowest-priority-hashed", "SD21-lowest-priority-disabled",
    }),
    (KvmDestinations, "kvm_make_scan_ioapic_request_dest", all_scan, {"SD22-mode-changed"}),
    (IrqC, "kvm_scan_ioapic_irq", forgets_what_is_pending, {"T23-self-reconfigure", "T23-self-reconfigure-pending"}),
    (V6, "enable_KVM_CAP_X2APIC_API", takes_all_flags, {"T31-both-flags", "T32-enable-in-kernel"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cls", "function", "bug", "red"),
    [pytest.param(*bug, marks=[pytest.mark.everything] if n % 3 else []) for n, bug in enumerate(BUGS)],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_a_bug_turns_stories_red(
    cls: type, function: str, bug: Callable[..., Any], red: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(run_case(c).holds for name in red for c in cases_of(STORIES[name], FIND) if not c.finding)
    monkeypatch.setattr(cls, function, bug)
    found = {
        name for name in red for c in cases_of(STORIES[name], FIND) if not c.finding and not run_case(c).holds
    }  # fmt: skip
    assert found == red
