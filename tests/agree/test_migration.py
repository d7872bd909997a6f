"""Migration and snapshots: the facts of S-D9 and the problems that the RFC's cover letter names come out of the model.

Hosts are numbered as `eoi migrations` prints them: in rfc_v2, 1 to 4 have I/O APIC 0x11 and 5 to 8 have 0x20; 1, 2, 5, 6
an old QEMU; 4 and 8 have the series and a kernel with the flags. In property, 1 to 6 have 0x11 and 7 to 12 have 0x20; 10, 11
and 12 have everything new and ask for nothing, respected and not-advertised; 4, 5 and 6 are the same with 0x11.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checker.engine.reference import Reference
from checker.questions.migration_table import (
    BREAKS,
    OPERATIONS,
    REFUSES,
    WRITTEN,
    Entry,
    Runner,
    Stories,
    Table,
    cell_of,
    find_entry,
    length,
    report_text,
    tables,
    tell,
)  # fmt: skip
from checker.questions.verdict import Status
from model.designs.base import Base
from model.designs.qemu_rfc_v1 import QemuRfcV1
from model.designs.qemu_rfc_v2 import QemuRfcV2
from model.designs.v6 import V6
from model.devices import Level
from model.guests.linux import Linux
from model.guests.windows_cg import WindowsCg
from model.guests.xen import Xen
from model.lang import cells, compose
from model.machine import Errno, IoapicVersion, Scope, SuppressEoi, Trigger
from model.migration import Life, Migrating, MigrationScope, Operation, V6Host
from model.vmms.kernel_irqchip import KernelIrqchip
from model.vmms.qemu import Qemu
from model.vmms.qemu_vmstate import SeoibState
from tests.rigs.volume import NIGHTLY, at_once, volume

RUNNER = Runner()
TINY = {"cpus": 1, "pins": 1, "vectors": 1}


def entry(name: str) -> Entry:
    return RUNNER.entry(*find_entry(name))


def code(name: str) -> str:
    return entry(name).code


def migrating(**choices):
    """A system in its initial state."""
    system = compose(V6Host, Migrating, QemuRfcV2, WindowsCg, Level)(MigrationScope(**choices))
    system.initial()
    return system


# --- one system holds old and new kernels ---


@pytest.mark.parametrize("guest", [Linux, WindowsCg, Xen])
@pytest.mark.parametrize("version", IoapicVersion)
def test_the_merged_kernel_without_flags_is_the_kernel_before_it(guest, version):
    """Same states (but for the mode, which never leaves QUIRKED) and same edges, by the same moves: so a v6 whose
    KVM_CAP_X2APIC_API refuses the flags stands for every old kernel."""
    graphs = []
    for kernel in (Base, V6):
        reference = Reference(compose(kernel, Qemu, guest, Level), Scope(**TINY, ioapic=version))
        graph = reference.explore()
        names = [key for _, key, _ in cells(reference.system)]
        extra = [i for i, key in enumerate(names) if key == "suppress_eoi_broadcast_mode"]
        assert len(extra) == (kernel is V6)
        assert {state[i] for state in graph.states for i in extra} <= {0}
        states = [tuple(v for i, v in enumerate(state) if i not in extra) for state in graph.states]
        moves = [(m.step, m.args) for m in reference.moves]
        graphs.append((states, [(s, moves[n], d) for s, n, d in graph.edges]))
    assert len(graphs[0][0]) > 10
    assert graphs[0] == graphs[1]


def test_an_old_kernel_refuses_the_flags_and_offers_none():
    system = migrating(kernel_has_flags=False)
    assert system.kvm_lapic_seoib_state is SeoibState.QUIRKED, "QEMU warns and goes on"
    assert not system.check_KVM_CAP_X2APIC_API(False, True)
    for bits, errno in (((True, False), Errno.EINVAL), ((False, True), Errno.EINVAL), ((False, False), Errno.OK)):
        system.enable_KVM_CAP_X2APIC_API(*bits)
        assert system.errno is errno
        assert system.suppress_eoi_broadcast_mode is SuppressEoi.QUIRKED


@pytest.mark.parametrize(
    ("version", "state", "mode"),
    [
        (IoapicVersion.V20, SeoibState.RESPECTED, SuppressEoi.ENABLED),
        (IoapicVersion.V11, SeoibState.NOT_ADVERTISED, SuppressEoi.DISABLED),
    ],
)
def test_the_policy_follows_from_the_version_at_power_on(version, state, mode):
    """x86_cpus_init() of the RFC: >= 0x20 is RESPECTED, else NOT_ADVERTISED."""
    system = migrating(ioapic=version)
    assert (system.kvm_lapic_seoib_state, system.suppress_eoi_broadcast_mode) == (state, mode)
    assert system.apic[0].lvr_directed_eoi is (version is IoapicVersion.V20)


def test_rfc_v1_cannot_hide_the_feature_from_the_merged_kernel():
    """Its NOT_ADVERTISED sets bits 2 and 3, which v3 took and the merged API refuses (EINVAL): QEMU falls back to QUIRKED,
    with a warning that blames the kernel's age."""
    system = compose(V6, QemuRfcV1, Linux, Level)(Scope(**TINY, ioapic=IoapicVersion.V11))
    system.initial()
    assert system.kvm_has_seoib_flags()
    assert system.kvm_lapic_seoib_state is SeoibState.QUIRKED
    assert system.apic[0].lvr_directed_eoi


# --- S-D9 ---


@pytest.mark.everything
def test_a_the_throttles_timer_is_lost():
    """Q20: irr and Remote IRR travel, irq_eoi and the timer do not. A pin that waited for the timer has irr=1, Remote IRR=0
    and nobody who sends it; set_irq() was the last call there will be, since the line is high already. An ordinary Linux
    loses the interrupt: its device raises its line again before the EOI, until the throttle engages."""
    stays = entry("today_throttle:2:2:migrate")
    assert {"high_line_is_sent", "line_is_serviced"} <= stays.names
    guests = {result.cell.names["guest"] for result, v in stays.broken if v.property.name == "line_is_serviced"}
    assert "linux" in guests
    assert code("today:2:2:migrate") == "ok", "without a storm nothing is lost"


@pytest.mark.everything
def test_b_another_ioapic_version_is_not_noticed():
    """Q20: the version is not in the stream, so nothing refuses it; and a guest that was promised an EOI register and
    directed EOI (RESPECTED, 0x20) is stuck on 0x11, where offset 0x40 is ignored (Q10)."""
    assert code("today:1:2:migrate") == "V"
    assert code("rfc_v2:8:4:migrate") == "VES"


@pytest.mark.everything
@pytest.mark.parametrize("operation", at_once(["loadvm_at_start", "migrate"], 2))
def test_c_a_respected_vm_does_not_go_to_an_old_kernel_or_qemu(operation):
    """x86_seoib_post_load() aborts in the new process; an unknown section is an error. The source goes on."""
    for to in (5, 6, 7):
        found = entry(f"rfc_v2:8:{to}:{operation}")
        assert found.outcome == "REFUSED"
        assert "refused_before_anything_changed" not in found.names


def test_d_a_quirked_snapshot_cannot_be_restored_into_a_running_vm_that_is_not():
    """The flags cannot be cleared, and a QUIRKED stream has no section that could say no. 0x20: the guest's EOIs are
    suppressed from now on; 0x11: LVR bit 24 vanishes under it. A new process has not set them yet."""
    assert code("rfc_v2:5:8:loadvm_running") == "A"
    assert code("rfc_v2:1:4:loadvm_running") == "LA"
    assert code("rfc_v2:5:8:loadvm_at_start") == code("rfc_v2:1:4:loadvm_at_start") == "ok"


def test_e_spiv_bit_12_planted_in_a_disabled_vm_stays_and_is_ignored():
    """K4: KVM_SET_LAPIC does not sanitise SPIV. K3: DISABLED ignores it; the next guest write clears it (LVR is 0)."""
    v11 = IoapicVersion.V11
    system = migrating(qemu_has_series=False, operation=Operation.LOADVM_RUNNING, ioapic=v11, to_ioapic=v11)
    system.kvm_lapic_reg_write_spiv(system.apic[0], True, True)
    system.hmp_loadvm()
    assert system.life is Life.LOADED
    assert system.suppress_eoi_broadcast_mode is SuppressEoi.DISABLED
    assert system.apic[0].spiv_directed_eoi
    assert not system.apic[0].lvr_directed_eoi
    assert not system.suppression_honoured(system.apic[0])
    system.kvm_lapic_reg_write_spiv(system.apic[0], True, True)
    assert not system.apic[0].spiv_directed_eoi


@pytest.mark.parametrize(("disabled", "remote_irr"), [(False, True), (True, False)])
def test_e_spiv_bit_12_planted_with_an_in_kernel_ioapic(disabled, remote_irr):
    """Live experiment I1: QUIRKED honours the planted bit, and 0x11 has no EOI register, so Remote IRR stays; DISABLED ignores it."""
    system = compose(V6, KernelIrqchip, Linux, Level)(Scope(**TINY, ioapic=IoapicVersion.V11))
    system.initial()
    system.enable_KVM_CAP_X2APIC_API(False, disabled)
    apic = system.apic[0]
    system.kvm_apic_set_state(apic, True, True)
    system.kvm_ioapic_write_rte(0, 0, 0, Trigger.LEVEL, False)
    system.vcpu_enter_guest(0)
    system.kvm_ioapic_set_irq(0, True)
    system.kvm_apic_ack_interrupt(apic, 0)
    system.kvm_ioapic_set_irq(0, False)
    system.apic_set_eoi(apic)
    assert system.ioapic[0].remote_irr is remote_irr


# --- what the cover letter says ---


@pytest.mark.everything
def test_automatic_selection_breaks_migration_to_an_older_qemu_and_the_property_does_not():
    assert code("rfc_v2:8:6:migrate") == "R!"
    assert code("property:10:8:migrate") == "ok"


def test_vms_of_an_older_qemu_stay_quirked_and_can_go_back():
    """ "Older VMs that migrate into a newer QEMU will also be able to migrate back": they are QUIRKED there, so no section."""
    assert code("rfc_v2:6:8:migrate") == "ok"
    system = migrating(qemu_has_series=False)
    system.migrate()
    assert system.life is Life.LOADED
    assert system.qemu_has_series()
    assert system.kernel_has_flags()
    assert system.kvm_lapic_seoib_state is SeoibState.QUIRKED
    assert not system.x86_seoib_needed()
    assert system.suppress_eoi_broadcast_mode is SuppressEoi.QUIRKED


def test_gating_by_machine_type_helps_old_types_and_not_old_kernels():
    """10.1: the same as today, both ways. 10.2 exists in new QEMUs only; an older kernel still refuses."""
    assert code("gated_10.1:8:6:migrate") == code("gated_10.1:6:8:migrate") == "ok"
    assert code("gated_10.1:8:7:migrate") == "ok"
    assert code("gated_10.2:4:3:migrate") == "R!"
    assert code("gated_10.2:3:4:migrate") == "ok"


def test_flags_must_wait_for_the_stream():
    """Set at start, NOT_ADVERTISED cannot be undone for a QUIRKED stream; deferred, the stream's policy wins."""
    assert code("property_at_init:10:12:migrate") == "L"
    assert code("property:10:12:migrate") == "ok"
    assert code("property:12:11:migrate") == code("property:11:12:migrate") == "ok"


def test_what_the_user_chose_is_refused_by_hosts_that_cannot_do_it():
    """The user asked, so a refusal is right: R without !."""
    assert code("property:11:8:migrate") == code("property:12:9:migrate") == "R"


# --- what it does not say ---


def test_loadvm_into_a_running_vm_fails_too_late():
    """load_snapshot() reverts the disks and resets the machine before it reads the stream: whatever is refused there
    has cost the running VM. The same snapshot given to a new process costs nothing."""
    assert code("rfc_v2:8:7:loadvm_running") == "X!"
    assert code("property:11:9:loadvm_running") == "X"
    assert code("machine_types:1:2:loadvm_running") == "X"
    assert code("machine_types:1:2:loadvm_at_start") == "R"


def test_a_policy_that_is_not_in_the_stream_is_lost_silently():
    """A command line that differs at the destination: the guest's suppressed EOIs are broadcast again."""
    assert "H" in code("property_not_sent:11:10:migrate")
    assert code("property:11:10:migrate") == "ok"


@pytest.mark.everything
def test_rfc_v1_suppresses_the_eois_of_a_restored_guest_that_has_no_eoi_register():
    """v1's NOT_ADVERTISED set both flags of v3, and v3's bit 2 honours a planted SPIV bit 12; the merged DISABLE ignores it."""
    assert "no_eoi_lost" in entry("rfc_v1:1:4:loadvm_running").names
    assert "no_eoi_lost" not in entry("rfc_v2:1:4:loadvm_running").names


@pytest.mark.parametrize("guest", ["linux_threaded", "sel4"])
def test_a_pin_that_is_masked_while_in_service_loses_its_eoi(guest):
    """ioapic_update_kvm_routes() skips masked pins (4.1.6). The source still has the old route; the destination has
    none, so the LAPIC's EOI is not intercepted (1.6.4, observed live as T16) and Remote IRR stays set. No flag,
    no other version, no other QEMU: today's QEMU between two equal hosts."""
    found = entry("today_masked:2:2:migrate")
    broken = {v.property.name for r, v in found.broken if r.cell.names["guest"] == guest}
    assert broken == {"no_eoi_lost", "line_is_serviced"}
    told = next(t for t in (tell(found, r, v) for r, v in found.broken if r.cell.names["guest"] == guest))
    assert "migrate()" in told
    assert "GSI 0 route valid 1 -> 0" in told


def test_an_eoi_between_the_lapic_and_its_exit_is_lost():
    """vcpu_run() looks for signals before it serves KVM_REQ_IOAPIC_EOI_EXIT, so a kicked vCPU can stop with the request
    pending (1.5.4); no ioctl reads it, and ISR is clear already: the destination never hears of that EOI."""
    assert {"no_eoi_lost", "line_is_serviced"} <= entry("today_in_flight:2:2:migrate").names
    assert code("today:2:2:migrate") == "ok"


# --- the table ---

PAIRS = {  # property -> (a cell that violates it, a cell where it holds and its premise occurs)
    "lvr_kept": ("property_at_init:10:12:migrate", "property:10:12:migrate"),
    "honoured_stays_honoured": ("property_not_sent:11:10:migrate", "property:11:10:migrate"),
    "ioapic_version_kept": ("today:1:2:migrate", "today:1:1:migrate"),
    "no_eoi_lost": ("today_in_flight:2:2:migrate", "today:2:2:migrate"),
    "line_is_serviced": ("today_in_flight:2:2:migrate", "rfc_v2:8:8:migrate"),
    "high_line_is_sent": ("today_throttle:2:2:migrate", "today:2:2:migrate"),
    "asked_for_nothing_as_before": ("rfc_v2:5:8:loadvm_running", "property:10:10:migrate"),
    "refused_before_anything_changed": ("rfc_v2:8:7:loadvm_running", "rfc_v2:8:7:migrate"),
    "asked_for_nothing_migrates": ("rfc_v2:8:7:migrate", "property:10:9:migrate"),
}  # fmt: skip


def test_the_pairs_cover_every_property():
    assert set(PAIRS) == {*BREAKS, *REFUSES}


@pytest.mark.parametrize("name", PAIRS)
def test_every_property_has_a_violated_and_a_satisfied_cell(name):
    bad, good = (entry(cell) for cell in PAIRS[name])
    assert name in bad.names
    verdicts = [v for r in good.results for v in r.verdicts if v.property.name == name]
    assert any(v.status is Status.HOLDS and not v.note for v in verdicts), "it holds, and not vacuously"


def test_both_engines_say_the_same():
    for name in ("rfc_v2:8:7:loadvm_running", "property_not_sent:11:10:migrate", "today_masked:2:2:migrate"):
        assert Runner("reference").entry(*find_entry(name)).code == code(name)


def test_a_story_is_mail_and_says_the_pair():
    found = entry("property_at_init:10:12:migrate")
    (text,) = [tell(found, r, v) for r, v in found.shortest() if v.property.name == "lvr_kept"]
    assert text.startswith("From: QEMU new, kernel new, 0x20\nTo:   QEMU new, kernel new, 0x20 not-advertised\n")
    assert "CPU0 LVR.24: 1 -> 0" in text
    assert "migrate()  <== here" in text
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 72


def test_every_bad_cell_is_listed_with_a_story():
    table = tables()["machine_types"]
    entries = list(RUNNER.entries(table))
    assert [e.code for e in entries] == ["ok", "R", "R", "ok"] * 2 + ["ok", "X", "X", "ok"]
    bad = [e for e in entries if e.bad]
    told = "\n".join(Stories(entries).lines())
    assert bad
    assert all(f"{e.source + 1}>{e.to + 1}" in told for e in bad)
    assert len(Stories(entries).met) == told.count("--tell machine_types:")
    assert all(find_entry(name) for name in re.findall(r"--tell (\S+)", told))


def test_a_migration_that_never_happens_breaks_nothing():
    """The baseline that E, S, T and A are compared with: no step of an operation is ever taken."""
    table = tables()["rfc_v2"]
    result = RUNNER.check(cell_of(table, "linux", table.hosts[7], table.hosts[7], Operation.STAY))
    assert {v.status for v in result.verdicts if v.property.name in ("vm_loaded", "vm_refused")} == {Status.NEVER}
    assert {"migrate", "loadvm_at_start", "hmp_loadvm"} <= set(result.never_fired)


TURNS = 6  # by day a large table is asked of every sixth entry


def in_turn(table: Table) -> list[tuple[int, int, Operation]]:
    """The entries of a table that are asked by day: all of a small one; of another so many that every host is left and
    reached by every operation. `make nightly` has all."""
    count, shift = len(table.hosts), list(tables()).index(table.name)
    return [
        (source, to, operation)
        for n, operation in enumerate(OPERATIONS)
        for source in range(count)
        for to in range(count)
        if NIGHTLY or count <= 4 or (source + to + n + shift) % TURNS == 0
    ]


Listed = dict[tuple[str, str, int, int], tuple[str, set[tuple[str, int]]]]


def listed(report: str) -> Listed:
    """(table, operation, source, destination) -> its code, and in how many steps each property is violated."""
    found: Listed = {}
    for name, part in zip(tables(), re.split(r"\n(?=[\w.]+: .+\ndesign )", report)[1:], strict=True):
        assert part.startswith(f"{name}: ")
        grids = re.findall(r"^  ([\w, ]+):\n +1[ \d]*\n((?: +\d+ .*\n)+)", part, re.MULTILINE)
        for operations, rows in grids:
            for row in rows.splitlines():
                source, *codes = row.split()
                for to, said in enumerate(codes, 1):
                    for operation in operations.split(", "):
                        found[name, operation, int(source), to] = (said, set())
        for rule, steps, operations, pairs in re.findall(
            r"^  (\w+) in (\d+) steps? \((.+)\): (.+)$", part, re.MULTILINE
        ):
            for operation in operations.split(", "):
                for pair in pairs.split():
                    source, to = map(int, pair.split(">"))
                    found[name, operation, source, to][1].add((rule, int(steps)))
    return found


def test_every_host_is_left_and_reached_by_every_operation():
    for table in tables().values():
        every = {(host, operation) for host in range(len(table.hosts)) for operation in OPERATIONS}
        assert {(source, operation) for source, _, operation in in_turn(table)} == every
        assert {(to, operation) for _, to, operation in in_turn(table)} == every


@pytest.mark.everything
@pytest.mark.parametrize("name", tables())
def test_the_committed_table_is_what_the_tool_says(name):
    said = listed(Path("reports/migration.txt").read_text())
    table = tables()[name]
    assert len([key for key in said if key[0] == name]) == len(OPERATIONS) * len(table.hosts) ** 2
    for source, to, operation in in_turn(table):
        found = RUNNER.entry(table, source, to, operation)
        broken = {(v.property.name, length(v)) for _, v in found.shortest()}
        code, stories = said[name, operation.name.lower(), source + 1, to + 1]
        assert code == found.code
        assert broken <= stories, "a line names all pairs of all its operations"


def test_the_committed_stories_are_what_the_tool_tells():
    assert set(WRITTEN) == {path.name for path in Path("reports/migration").glob("*.txt")}
    for file in WRITTEN:
        table, operation, source, to, rule = re.fullmatch(r"(.+)-(\w+)-(\d+)-to-(\d+)-(\w+)\.txt", file).groups()
        found = entry(f"{table}:{source}:{to}:{operation}")
        (text,) = [tell(found, r, v) for r, v in found.shortest() if v.property.name == rule]
        assert text == (Path("reports/migration") / file).read_text(), file


@pytest.mark.everything
@pytest.mark.skipif(not NIGHTLY, reason="a minute: `make nightly`")
def test_the_whole_report_is_what_the_tool_says():
    found = {name: list(RUNNER.entries(table)) for name, table in tables().items()}
    assert report_text(found) == Path("reports/migration.txt").read_text()
    assert {file for entries in found.values() for file in Stories(entries).texts()} == set(WRITTEN)


@pytest.mark.everything
@pytest.mark.parametrize("name", ["rfc_v2", *(["property"] if NIGHTLY else [])])
def test_the_table_is_the_same_with_two_of_everything(name):
    table, twice = tables()[name], Runner(sizes=2)
    for turn in [*in_turn(table)][:: volume(2, 1)]:
        assert RUNNER.entry(table, *turn).code == twice.entry(table, *turn).code


def test_the_hosts_of_a_table_are_all_different_and_can_start():
    """Every host that is listed is another one, and what cannot start is not listed."""
    for table in tables().values():
        assert len(set(table.hosts)) == len(table.hosts)
    hosts = tables()["property"].hosts
    assert all(h.qemu_has_series and h.kernel_has_flags for h in hosts if h.flags.value)


def test_refused_is_not_loaded():
    for choice in ({"to_qemu_has_series": False}, {"to_kernel_has_flags": False}):
        system = migrating(**choice)
        before = system.scope, system.suppress_eoi_broadcast_mode, system.apic[0].lvr_directed_eoi
        system.migrate()
        assert system.life is Life.REFUSED
        assert (system.scope, system.suppress_eoi_broadcast_mode, system.apic[0].lvr_directed_eoi) == before
