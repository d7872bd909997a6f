"""What the migration model assumes (`Assumed:` in model/migration.py), and that it does as it says."""

from __future__ import annotations

import pytest

from checker.questions.migration_table import Runner, find_entry
from checker.questions.simplifications import collect_simplifications
from model.designs.qemu_rfc_v2 import QemuRfcV2
from model.devices import Level
from model.guests.windows_cg import WindowsCg
from model.lang import cells, compose, save
from model.machine import Errno
from model.migration import Life, Migrating, MigrationScope, V6Host
from model.vmms.qemu_vmstate import SeoibState


def migrating(**choices):
    """A system in its initial state, with the EOI register on both sides."""
    system = compose(V6Host, Migrating, QemuRfcV2, WindowsCg, Level)(MigrationScope(**choices))
    system.initial()
    return system


def test_they_are_listed():
    """The model's page names them: what management does, what is known when, and whose fault a violation is."""
    notes = [text for file, _, text in collect_simplifications() if file == "model/migration.py"]
    for about in (
        "management lets the source go on",
        "KVM_CHECK_EXTENSION on the destination",
        "without any operation (STAY)",
    ):
        assert [note for note in notes if note.startswith("Assumed:") and about in note], about


def test_a_refusal_leaves_the_source_as_it_was_and_going():
    """S-D9 (c), kvm.md 4.2: "destination kernel without the flags -> abort", of the new process."""
    s = migrating(to_kernel_has_flags=False)
    before = save(list(cells(s)))
    s.migrate()
    assert s.life is Life.REFUSED
    s.life = Life.SOURCE
    assert save(list(cells(s))) == before
    s.life = Life.REFUSED
    s.vcpu_enter_guest(0)
    assert s.apic[0].in_guest


@pytest.mark.parametrize("state", [SeoibState.RESPECTED, SeoibState.NOT_ADVERTISED])
@pytest.mark.parametrize("flags", [True, False])
def test_what_post_load_finds_is_what_check_extension_said(state, flags):
    """Q21: "defers to post_load, which aborts if the flags cannot be set"."""
    s = migrating(to_kernel_has_flags=flags)
    said = s.to_kernel_has_flags()
    s.life = Life.LOADED
    s.kvm_create_vm()
    s.kvm_lapic_seoib_state = state
    s.x86_seoib_post_load()
    assert said is flags is (s.errno is Errno.OK)


def test_what_the_source_violates_alone_is_not_the_operation_s():
    """Windows storms on today's QEMU before anything is migrated (W3), so migrating it is not to blame."""
    table, source, to, operation = find_entry("today:2:2:migrate")
    runner = Runner()
    alone = runner.alone(table, "windows_cg", table.hosts[source])
    assert "line_is_serviced" in alone
    entry = runner.entry(table, source, to, operation)
    assert not set(entry.names) & set(alone)
