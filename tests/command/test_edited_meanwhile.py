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


IMPORTING = "from common import Obeys\n\n\nclass Mine(Obeys):\n    KNOWN = True\n"


@pytest.fixture
def importing(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two files that import a third one, and that one."""
    files = tmp_path / "first.py", tmp_path / "second.py", tmp_path / "common.py"
    for file, text in zip(files, (IMPORTING, IMPORTING, PATCH.replace("class Mine", "class Obeys")), strict=True):
        file.write_text(text)
    return files


def test_what_two_files_import_is_one_file_for_a_command(
    eoi, importing: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is edited between the loads. What the command keeps is right for those that come after it."""
    first, second, common = importing
    monkeypatch.delenv("EOI_ANEW", raising=False)
    monkeypatch.setenv("EOI_CACHE", str(common.parent / "cache"))
    before, after = common.read_text(), OTHER.replace("class Mine", "class Obeys")
    load = loader.load_file

    def disturbed(path: Path) -> loader.UserFile:
        if path == second:
            common.write_text(after)
        return load(path)

    with monkeypatch.context() as patched:
        patched.setattr(loader, "load_file", disturbed)
        told = eoi("diff", str(first), str(second), *STORM)
    assert common.read_text() == after
    edited = eoi("prove", "--absolute", str(second), *STORM)
    common.write_text(before)
    unedited = [eoi("prove", "--absolute", str(file), *STORM) for file in (first, second)]
    assert [ran.code for ran in unedited] == [1, 1] and edited.code != 1, "each is what it says when it is loaded"
    calm = eoi("diff", str(first), str(second), *STORM)
    assert (told.code, told.out) == (calm.code, calm.out)
    monkeypatch.setenv("EOI_ANEW", "1")
    assert eoi("diff", str(first), str(second), *STORM).code == calm.code
    assert [eoi("prove", "--absolute", str(file), *STORM).code for file in (first, second)] == [1, 1]


def test_a_class_is_lowered_from_what_its_module_was_executed_from(importing: tuple[Path, Path, Path]) -> None:
    """Also if another class of the same process has what the file beside it says now."""
    first, second, common = importing
    (calm := common.parent / "calm").mkdir()
    for file in importing:
        (calm / file.name).write_text(file.read_text())
    designs = [load_design(str(first))]
    common.write_text(OTHER.replace("class Mine", "class Obeys"))
    designs += [load_design(str(second)), load_design(str(calm / "first.py"))]
    ours, edited, undisturbed = (program_text(lower(compose(c, Qemu, Linux, Level), Scope())) for c in designs)
    assert ours == undisturbed.replace(f"{calm}/", f"{common.parent}/") != edited.replace(second.name, first.name)


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
