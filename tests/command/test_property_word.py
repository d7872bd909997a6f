"""A property is a word behind the design where a command is about one: `eoi trace v1 no_eoi_lost`, as with `when` and `why`."""

from __future__ import annotations

from pathlib import Path

import pytest

CELL = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11")


@pytest.mark.parametrize("command", ["trace", "graph"])
def test_the_word_says_what_the_option_says(eoi, command):
    word = eoi(command, "v1", "no_eoi_lost", *CELL)
    option = eoi(command, "v1", "--property", "no_eoi_lost", *CELL)
    assert word.out == option.out and "no_eoi_lost" in word.out
    assert word.code == option.code != 2


def test_a_file_of_properties_is_such_a_word(eoi, tmp_path: Path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from model.lang import always\nfrom model.machine import Machine\n\n\n"
        '@always(source="mine")\ndef never_split(s: Machine) -> bool:\n    """It is not split."""\n'
        "    return not s.irqchip_split()\n"
    )
    ran = eoi("trace", "v1", str(mine), *CELL)
    assert ran.code == 1 and "never_split: VIOLATED" in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trace", "v1", "no_eoi_lst"), "unknown property 'no_eoi_lst': did you mean 'no_eoi_lost'?"),
        (("graph", "v1", "no_eoi_lst"), "unknown property 'no_eoi_lst': did you mean 'no_eoi_lost'?"),
        (
            ("trace", "v1"),
            "give a property, too: eoi trace v1 no_eoi_lost, or --property P; `eoi list properties` names all",
        ),
        (("trace", "no_eoi_lost", "v1"), "'no_eoi_lost' is a property: eoi trace v1 no_eoi_lost"),
        (("graph", "no_eoi_lost", "v1"), "'no_eoi_lost' is a property: eoi graph v1 no_eoi_lost"),
    ],
)
def test_what_is_none_is_told_with_the_nearest(eoi, words, said):
    ran = eoi(*words)
    assert ran.code == 2 and said in ran.err
