"""`eoi replay FILE --on qemu`: a story's calls of the VMM's I/O APIC, run on QEMU's."""

from __future__ import annotations

from collections.abc import Mapping

from checker.engine.reference import bindings_of
from checker.matrix.system import system_of
from checker.questions.retell import Finder, read_story
from checker.stories.read import ParsedStory
from model.lang import Property
from model.machine import Machine
from oracles.confirm import Counterexample, Label, confirm, shown_by
from oracles.qemu.system import QemuIoapic
from oracles.report import wrapped
from oracles.walk import Subject

WHAT_IS_REAL = "Real here: the VMM's I/O APIC. KVM, the guest and the device are the model's."
NO_ENTRY = "NOT RUNNABLE HERE: nothing in this run happens at the VMM's I/O APIC"


def replay_story(
    story: ParsedStory, other: tuple[str, type[Machine]] | None, find: Finder, known: Mapping[str, Property]
) -> tuple[list[str], Label]:
    """(what to print, what became of it): the VMM's I/O APIC functions of a story are run on QEMU's I/O APIC, everything else
    in the model."""
    told = read_story(story, other, find, known)
    asked = told.asked
    shown = shown_by(asked, bindings_of(asked, told.scope))
    entered: list[QemuIoapic] = []

    def subject() -> Subject:
        entered.append(QemuIoapic())
        return Subject(system_of(*told.roles), told.scope, entered[0], dict(told.names))

    found = confirm(subject, Counterexample(told.path, told.story.loop_start, shown))
    if found.label is Label.CONFIRMED and not any(real.performed for real in entered):
        return [told.title, *wrapped(NO_ENTRY, "  ")], Label.NOT_RUNNABLE
    said = f"{found.label.value} of the I/O APIC's part" if found.label is Label.CONFIRMED else found.label.value
    return [told.title, *wrapped(f"{said}: {found.text}", "  "), *wrapped(WHAT_IS_REAL, "  ")], found.label
