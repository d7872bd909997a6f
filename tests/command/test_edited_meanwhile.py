"""A file that an editor writes while it is judged is judged, and named in the story, as it was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.language.lower import lower
from checker.language.text import program_text
from checker.matrix import loader
from checker.matrix.loader import load_design
from checker.questions import campaign
from model.devices import Level
from model.finite import ModelError
from model.guests.linux import Linux
from model.guests.xen import Xen
from model.lang import compose
from model.machine import Scope
from model.vmms.qemu import Qemu
from tests.command.test_not_looked_at import PATCH

OTHER = PATCH.replace("if apic", "if not apic")
STORM = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x11,cpus=1,pins=1,vectors=1", "--property", "no_eoi_lost")  # fmt: skip


def text_of(file: Path, guest: type[Xen] | type[Linux]) -> str:
    """Of the file's design, which is loaded, written anew by the caller, and then lowered."""
    design = load_design(str(file))
    file.write_text(OTHER)
    return program_text(lower(compose(design, Qemu, guest, Level), Scope()))


def test_what_is_lowered_is_what_was_loaded(tmp_path: Path) -> None:
    mine, alone = tmp_path / "mine.py", tmp_path / "alone.py"
    mine.write_text(PATCH)
    alone.write_text(PATCH)
    ours = text_of(mine, Linux)
    undisturbed = program_text(lower(compose(load_design(str(alone)), Qemu, Linux, Level), Scope()))
    assert ours.replace(str(mine), str(alone)) == undisturbed
    edited = text_of(mine, Linux)  # loaded again, it is what it says now
    assert edited != ours
    mine.write_text(PATCH)
    assert text_of(mine, Xen).count("apic.spiv_directed_eoi") and load_design(str(mine)) is not None
    mine.write_text(PATCH)
    assert text_of(mine, Linux) == ours, "what was loaded before is what the file says when it says it again"


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "and what it imports"])
def test_what_is_refused_is_not_read_in_place_of_what_was_loaded(tmp_path: Path, beside: bool) -> None:
    importing = "from common import Obeys\n\n\nclass Mine(Obeys):\n    KNOWN = True\n"
    designs = []
    for folder in ("mine", "calm"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "common.py").write_text(PATCH.replace("class Mine", "class Obeys"))
        (tmp_path / folder / "mine.py").write_text(importing if beside else PATCH)
        designs.append(load_design(str(tmp_path / folder / "mine.py")))
    (tmp_path / "mine" / "common.py").write_text(OTHER.replace("class Mine", "class Obeys"))
    outside = "\n\ndef outside() -> None:\n    pass\n"  # told when all of it was run
    (tmp_path / "mine" / "mine.py").write_text((importing if beside else OTHER) + outside)
    with pytest.raises(ModelError, match="is outside of every class"):
        load_design(str(tmp_path / "mine" / "mine.py"))
    ours, theirs = (program_text(lower(compose(c, Qemu, Linux, Level), Scope())) for c in designs)
    assert ours.replace(str(tmp_path / "mine"), str(tmp_path / "calm")) == theirs


def test_the_story_has_the_digest_of_what_was_judged(eoi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(PATCH)
    calm = eoi("trace", str(mine), *STORM)
    check_cell = campaign.check_cell

    def disturbed(*arguments, **named):
        mine.write_text(OTHER)
        return check_cell(*arguments, **named)

    monkeypatch.setattr(campaign, "check_cell", disturbed)
    loader._loaded.clear()
    loader._design_of.cache_clear()
    told = eoi("trace", str(mine), *STORM)
    assert mine.read_text() == OTHER
    assert calm.code == told.code == 1 and told.out == calm.out
