"""Options with values that nobody means: each is told with what is needed, before anything is explored, and none is dropped
without a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checker.command import explore
from checker.questions import gate, migration_table
from tests.command.conftest import Ran
from tests.rigs.own_process import HOLDS, SMALL

pytestmark = pytest.mark.unit
DIGITS = "9" * 5000
EMPTY = "is needed, and this is empty"


@pytest.fixture
def nothing_is_explored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("this takes long")

    monkeypatch.chdir(tmp_path)
    for module, name in ((explore, "run_campaign"), (gate, "run_so_far"), (migration_table, "report_text")):
        monkeypatch.setattr(module, name, refused)


@pytest.mark.usefixtures("nothing_is_explored")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        # nothing: a variable of a shell that was never set
        (["prove", ""], f"eoi prove: argument DESIGN: DESIGN {EMPTY}"),
        (["show", ""], f"argument DESIGN: DESIGN {EMPTY}"),
        (["diff", "", ""], f"argument BASE: BASE {EMPTY}"),
        (["compat", "base", ""], f"argument DESIGN: DESIGN {EMPTY}"),
        (["migrations", ""], f"argument DESIGN: DESIGN {EMPTY}"),
        (["replay", ""], f"argument FILE: FILE {EMPTY}"),
        (["litmus", ""], f"argument FILE: FILE {EMPTY}"),
        (["lift", ""], f"argument FILE: FILE {EMPTY}"),
        (["drift", ""], f"argument TREE: TREE {EMPTY}"),
        (["prove", "--tree", ""], f"argument --tree: DIR {EMPTY}"),
        (["prove", "v1", "--vmm="], f"argument --vmm: V {EMPTY}"),
        (["prove", "v1", "--property", ""], f"argument --property: P {EMPTY}"),
        (["gate", "--write", ""], f"argument --write: FILE {EMPTY}"),
        (["gate", "--design", ""], f"argument --design: D {EMPTY}"),
        (["gate", "--expected", ""], f"argument --expected: FILE {EMPTY}"),
        (["migrations", "--tell", ""], f"argument --tell: T:FROM:TO:OP {EMPTY}"),
        (["migrations", "--write", ""], f"argument --write: DIR {EMPTY}"),
        (["trace", "base", "--property", "no_storm", "--svg", ""], f"argument --svg: FILE {EMPTY}"),
        (["lift", "a.patch", "-o", ""], f"argument -o/--output: FILE.py {EMPTY}"),
        (["replay", "a", "--design", ""], f"argument --design: DESIGN {EMPTY}"),
        (["conform", "kvm", "--design", ""], f"argument --design: D {EMPTY}"),
        # names of nothing
        (["prove", "v1", "--guest", ","], "eoi: --guest ,: this names nothing"),
        (["prove", "v1", "--property", ",,"], "eoi: --property ,,: this names nothing"),
        (["gate", "--design", ","], "eoi: --design ,: this names nothing"),
        (["compat", "base", "v6", "--vmm", ","], "eoi: unknown vmm ''"),
        (["prove", "v1", "--scope", "=1"], "eoi: unknown scope name ''"),
        # numbers
        (["prove", "v1", "--max-memory", "9" * 400], "a size is needed, e.g. 500M or 4G"),
        (["prove", "v1", "--max-memory", DIGITS], "a size is needed, e.g. 500M or 4G"),
        (["prove", "v1", "--max-memory", "\N{SUPERSCRIPT TWO}"], "a size is needed, e.g. 500M or 4G"),
        (["prove", "v1", "--max-memory", "0.0001"], "a size is needed, e.g. 500M or 4G"),
        (["prove", "v1", "--max-memory", "1T"], "'1T': a size is needed, e.g. 500M or 4G"),
        (["prove", "v1", "--max-states", str(1 << 64)], "a whole number from 1 on is needed, and less than that"),
        (["prove", "v1", "--max-states", DIGITS], "a whole number from 1 on is needed, and less than that"),
        (["prove", "v1", "--max-states", "0x10"], "'0x10': a whole number from 1 on is needed\n"),
        (["prove", "v1", "--max-states", "000"], "'000': a whole number from 1 on is needed\n"),
        (["prove", "v1", "--timeout", "inf"], "'inf': a number of seconds is needed"),
        (["gate", "--jobs", "-1"], "'-1': a whole number from 1 on is needed"),
        (["migrations", "--sizes", "100000"], "'100000': a number from 1 to 64 is needed"),
        (["conform", "kvm", "--seed", "0x5"], "invalid int value: '0x5'"),
        (["prove", "v1", "--scope", f"cpus={DIGITS}"], "a number from 1 to 64 is needed"),
        (["prove", "v1", "--scope", "cpus=010"], "--scope cpus=010: a number from 1 to 64 is needed"),
        (["prove", "v1", "--scope", "cpus=1;pins=1"], "--scope cpus=1;pins=1: a number from 1 to 64 is needed"),
        (["prove", "v1", "--scope", "__class__=1"], "unknown scope name '__class__'"),
        (["prove", "v1", "--scope", "x2apic=2"], "unknown value of x2apic '2': valid names: 0, 1, "),
        # of what there is since
        (["review", ""], f"argument DESIGN: DESIGN {EMPTY}"),
        (["report", "v1", "-o", "x.txt"], "-o x.txt: the file's name must end in .html"),
        (["report", "v1", "-o", "none/x.html"], "-o none/x.html: there is no directory "),
        (["new", ""], f"argument FILE.py: FILE.py {EMPTY}"),
        (["new", "a.py", "--from", "none.patch"], "none.patch: there is no such file or directory"),
        (["new", "none/a.py"], "FILE none/a.py: there is no directory "),
        (["explain", ""], f"argument WORD: WORD {EMPTY}"),
        (["explain", "x" * 100_000], "... (100,002 characters) ..."),
        (["nfc", "base", "v1", "--when", ""], "argument --when: K=V is needed"),
        (["nfc", "base", "v1", "--observe", "gest"], "unknown name 'gest': did you mean 'guest'?"),
        (["completion", "fish"], "unknown name 'fish': valid names: bash, zsh"),
        (["help", "prvoe"], "unknown name 'prvoe': did you mean 'prove'?"),
        (["gate", "--baseline", "none"], "none: there is no such file"),
        (["trace", "base", "--property", "no_storm", "--watch", ""], f"argument --watch: EXPR {EMPTY}"),
        # twice, and with each other
        (["trace", "base", "--svg", "a.svg", "--svg=b.svg"], "argument --svg: it is given twice, as 'a.svg' and 'b.svg'"),
        (["lift", "x", "-o", "a.py", "--output", "b.py"], "it is given twice, as 'a.py' and 'b.py'"),
        ([*HOLDS, "--engine", "native", "--engine", "reference"], "--engine: it is given twice"),
        (["show", "v1", "--ir", "--c"], "argument --c: not allowed with argument --ir"),
        (["trace", "base", "--property", "no_storm", "--wide"], "--wide is the shape of a diagram: give --svg, --png, --pdf or --dot, too"),
        (["migrations", "--tell", "rfc_v2:8:1:migrate", "--json"], "--tell tells the stories of one cell, as text"),
        (["migrations", "--table", "today", "--json", "--write", "x"], "--write writes the report as text, and --json"),
        (["gate", "--write", "x", "--json"], "--write compares nothing: give one of them"),
        (["gate", "--every", "3"], "--every, --most and --full go with --mutants"),
        (["conform", "kvm", "--cover", "--steps", "5"], "--steps is for random walks"),
        (["prove", "v1", "--json=1"], "argument --json: ignored explicit argument '1'"),
        (["prove", "-x.py"], "unknown option -x.py"),
        (["prove", "v1", "\N{EN DASH}vmm", "qemu"], "v1 \N{EN DASH}vmm qemu: several are given of a series of patches only"),
        (["prove", "v1\n"], "unknown design 'v1\\n': did you mean 'v1'?"),
        (["prove", "\x1b[31mv1"], "unknown design '\\x1b[31mv1'"),
    ],
    ids=lambda value: " ".join(value)[-60:] if isinstance(value, list) else "",
)  # fmt: skip
def test_a_value_that_nobody_means(eoi: Callable[..., Ran], words: list[str], said: str) -> None:
    found = eoi(*words)
    assert found.code == 2 and said in found.err, found.err
    assert '"exit": 2' in found.out if "--json" in words else not found.out
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["prove", "x" * 100_000],
        ["prove", "x" * 5000 + ".py"],
        ["--" + "x" * 5000],
        ["drift", "x" * 300],
        ["gate", "--write", "x" * 300],
    ],
)
def test_a_long_word_is_not_said_whole(eoi: Callable[..., Ran], words: list[str]) -> None:
    found = eoi(*words)
    assert found.code == 2 and 50 < len(found.err) < 1500 and (len(words[-1]) < 500 or " characters) ..." in found.err)


def test_all_devices_are_all_beside_others(eoi: Callable[..., Ran]) -> None:
    found = eoi("prove", "v1", *SMALL, "--device", "level,all", "--property", "eoi_exit", "--brief")
    assert found.code == 0 and "in 8 cells" in found.out and not found.err


@pytest.mark.parametrize(
    "limit", [["--max-states", str((1 << 63) - 1)], ["--timeout", "1e308"], ["--max-memory", "9999999G"]]
)
def test_a_limit_that_nothing_reaches(eoi: Callable[..., Ran], limit: list[str]) -> None:
    assert eoi(*HOLDS, *limit).code == 0
