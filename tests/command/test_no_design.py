"""What is given where a design is asked for, and is none: a property, a file of another kind, a number that none has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checker.matrix.roles import is_patch, is_path

pytestmark = pytest.mark.unit
PROVE = ("prove", "--brief")


def test_of_a_number_that_no_design_has_the_nearest_one_is_named(eoi):
    for name, near in (("v7", "v6"), ("v0", "v1"), ("v99", "v6")):
        assert f"unknown design {name!r}: did you mean {near!r}?" in eoi(*PROVE, name).err
    assert "did you mean" not in eoi(*PROVE, "v" + "9" * 5000).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("why no_eoi_lost v6", "'no_eoi_lost' is a property: eoi why v6 no_eoi_lost"),
        ("when no_eoi_lost v6", "'no_eoi_lost' is a property: eoi when v6 no_eoi_lost"),
        ("prove no_storm", "'no_storm' is a property: eoi prove DESIGN --property no_storm"),
        ("prove v6 no_storm", "'no_storm' is a property: eoi prove v6 --property no_storm"),
        ("diff base v6 no_storm", "'no_storm' is a property: eoi diff base v6 --property no_storm"),
        ("diff no_storm v6", "'no_storm' is a property, and this has to be a design: `eoi list designs` names"),
        ("compat base no_storm", "'no_storm' is a property, and this has to be a design"),
        ("show no_storm", "'no_storm' is a property: eoi show DESIGN --property no_storm"),
    ],
)
def test_a_property_in_the_place_of_a_design_is_told_as_one(eoi, words, said):
    ran = eoi(*words.split())
    assert (ran.code, ran.out) == (2, "") and ran.err.startswith(f"eoi: {said}")


def test_a_file_of_another_kind_is_told_as_that_and_one_that_is_not_there_as_that(eoi, tmp_path, monkeypatch):
    """By its name alone, and by its path: a page, a patch under another ending, nothing."""
    monkeypatch.chdir(tmp_path)
    Path("page.md").write_text("# A page\n\nThat's what it's.\n")
    Path("good.ptch").write_text("diff --git a/x.c b/x.c\n")
    for name in ("page.md", str(tmp_path / "page.md")):
        ran = eoi(*PROVE, name)
        assert ran.code == 2 and len(ran.err.splitlines()) == 1
        assert ran.err.startswith(f"eoi: {name}: neither Python nor a patch, or a mail with one; ")
    assert "this is a patch of C" in eoi(*PROVE, "good.ptch").err
    for name in ("gone.md", "my patch.c"):
        ran = eoi(*PROVE, name)
        assert ran.code == 2 and ran.err.startswith(f"eoi: {name}: no such file, and no design is called so; ")
    endings = re.findall(r"\.\w+", ran.err.rpartition("a patch in ")[2])
    assert len(endings) > 1 and all(is_patch(f"good{ending}") and is_path(f"good{ending}") for ending in endings)
