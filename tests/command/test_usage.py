"""What is said of a command line that cannot be read: which command, what is wrong, the nearest that is right."""

from __future__ import annotations

import pytest

from checker.command import prove
from checker.command.cli import build_parser

pytestmark = pytest.mark.unit

SELECTING = ["prove", "diff", "trace"]


@pytest.mark.parametrize(
    ("arguments", "said", "usage"),
    [
        (("prove", "--nonsense"), "eoi prove: unknown option --nonsense\n", "eoi prove [OPTIONS] [DESIGN ...]"),
        (
            ("prove", "base", "--propery", "x"),
            "eoi prove: unknown option --propery: did you mean '--property'?\n",
            "eoi prove ",
        ),
        (
            ("diff", "base", "v1", "--breif=1"),
            "eoi diff: unknown option --breif: did you mean '--brief'?\n",
            "eoi diff [OPTIONS] BASE [DESIGN",
        ),
        (
            ("diff",),
            "eoi diff: the following arguments are required: BASE, DESIGN\n",
            "eoi diff [OPTIONS] BASE [DESIGN",
        ),
        (
            ("prove", "base", "--svg", "x.svg"),
            "unknown option --svg: only `eoi trace` and `eoi graph` have it\n",
            "eoi prove ",
        ),
        (
            ("replay", "-", "--all"),
            "unknown option --all: only `eoi prove` and `eoi diff` and `eoi gate` have it\n",
            "eoi replay ",
        ),
        (("gate", "-j4"), "eoi gate: unknown option -j4\n", "eoi gate [OPTIONS] "),
        (("list", "designs", "v1"), "eoi list: 'v1': not expected here\n", "eoi list [OPTIONS] [WHAT]"),
        (("conform", "kvmm"), "unknown name 'kvmm': did you mean 'kvm'?\n", "eoi conform [OPTIONS] {kvm,qemu} "),
        (("list", "gusts"), "unknown name 'gusts': did you mean 'guests'?\n", "eoi list [OPTIONS] [WHAT] "),
        (("list", "zzz"), "unknown name 'zzz': valid names: designs, bugs, ", "eoi list "),
        (("proof", "base"), "eoi: argument COMMAND: unknown name 'proof': did you mean 'prove'?\n", "eoi COMMAND ... "),
        (("--vmm", "qemu"), "eoi: unknown option --vmm: a command's options come after its name\n", "eoi COMMAND ... "),
        (("prove", "base", "--max-states", "-3"), "'-3': a whole number from 1 on is needed\n", "eoi prove "),
        (("prove", "base", "--timeout", "soon"), "'soon': a number of seconds is needed", "eoi prove "),
        (("prove", "base", "--timeout", "nan"), "'nan': a number of seconds is needed", "eoi prove "),
        (
            ("prove", "base", "--max", "5"),
            "unknown option --max: did you mean '--max-states' or '--max-memory' or '--max-disk'?\n",
            "eoi prove ",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_told_with_the_commands_own_short_usage(eoi, arguments, said, usage):
    ran = eoi(*arguments)
    assert ran.code == 2 and not ran.out and said in ran.err
    lines = ran.err.splitlines()
    assert len(lines) == 2 and lines[1].startswith(f"usage: {usage}") and lines[1].endswith(" --help` names the " + ("commands)" if "COMMAND" in usage else "options)"))  # fmt: skip


def test_every_option_is_still_known(monkeypatch):
    """Also with a value after `=`, and values that begin with a dash."""
    parse = build_parser().parse_args
    for command in SELECTING:
        designs = ["base", *["v1"] * (command == "diff"), *["--property", "no_storm"] * (command == "trace")]
        found = parse(
            [command, *designs, "--scope", "cpus=1", "--scope=pins=1", "--max-memory=1G", "--timeout", "0.5", "--json"]
        )
        assert (found.scope, found.max_memory, found.timeout, found.json) == ("cpus=1,pins=1", 1 << 30, 0.5, True)
    assert parse(["replay", "-"]).file == "-" and parse(["conform", "kvm", "--seed", "-5"]).seed == -5
    assert parse(["litmus", "--", "--odd.litmus"]).files == ["--odd.litmus"]


def test_nothing_runs_after_a_mistake(eoi, monkeypatch):
    ran = []
    monkeypatch.setattr(prove, "run", lambda options: ran.append(options) or 0)
    assert eoi("prove", "base").code == 0 and len(ran) == 1
    assert eoi("prove", "base", "--brieff").code == 2 and len(ran) == 1


@pytest.mark.parametrize(
    ("short", "names"),
    [
        ("--vm", "'--vmm'"),
        ("--prop", "'--property'"),
        ("--js", "'--json'"),
        ("--max-mem=1G", "'--max-memory'"),
        ("--max", "'--max-states' or '--max-memory' or '--max-disk'"),
    ],
)
def test_an_option_is_written_out_and_the_one_that_was_begun_is_told(eoi, short, names):
    for command in SELECTING:
        ran = eoi(command, "base", *["v1"] * (command == "diff"), short, "1")
        assert ran.code == 2 and f"unknown option {short.partition('=')[0]}: did you mean {names}?" in ran.err


@pytest.mark.parametrize(("name", "near"), [("V6", "v6"), ("Base", "base"), ("bsae", "base")])
def test_capital_letters_do_not_hide_the_nearest_name(eoi, name, near):
    ran = eoi("prove", name)
    assert ran.code == 2 and f"did you mean {near!r}?" in ran.err
