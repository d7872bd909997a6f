"""`eoi prove --sizes` and `eoi why`, on cells that small systems decide in seconds."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker.command import cli, why
from checker.engine.reference import Reference
from checker.language.lower import lower
from checker.matrix.roles import all_properties
from checker.questions import proofs, wide
from checker.questions.proofs import parsed
from checker.questions.verdict import Run, Status
from checker.questions.why_text import in_words, page
from checker.questions.wide import at, judge_wide
from checker.symbolic.learning import OutOfTime
from checker.symbolic.vocabulary import Clause, Vocabulary
from tests.rigs.model_cells import explored, one_cell

Said = tuple[int, str, str]
LINUX = ["--vmm", "qemu", "--guest", "linux", "--device", "level", "--scope", "ioapic=0x20"]
WINDOWS = ["--vmm", "qemu", "--guest", "windows_cg", "--device", "level", "--scope", "ioapic=0x11"]
NEVER = ("any number", "every size", "all sizes")


@pytest.fixture
def eoi(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Less is mined and learnt than by default: two of each are enough for what is asked here."""
    monkeypatch.setattr(wide, "MINED", ((2, 2, 2),))
    monkeypatch.setattr(wide, "LEARNT", ((2, 2, 2),))
    monkeypatch.setattr(why, "LEARNT", ((2, 2, 2),))  # imported before, or else it would keep what is put in here

    def run(*words: str) -> Said:
        code = cli.main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_violation_is_taken_to_any_sizes(eoi: Callable[..., Said]) -> None:
    code, out, _ = eoi("prove", "v1", *WINDOWS, "--sizes", "9x64x33", "--property", "no_eoi_lost")
    assert code == 1
    assert out.splitlines()[0] == "v1 at 9x64x33 (vCPUs x pins x vectors): 1 VIOLATED"
    assert "  VIOLATED no_eoi_lost: 10 steps" in out
    assert "cpus=9 pins=64 vectors=33" in out and "nobody is left who would clear it" in out
    assert [line for line in out.partition("\nReproduce:")[0].splitlines() if len(line) > 80] == []
    assert "--sizes 9x64x33" in out and "cpus=9,pins" not in out


HEAD = "from model.designs.base import Base\nfrom model.lang import always\nfrom model.machine import Cpu, Lapic, Machine, Vector\n\n\n"
OWN_WORD = "class Mine(Base):\n    def pin_is_scanned(self, cpu: Cpu, vector: Vector) -> bool:\n        return True\n"
NOT_RUN = "class Mine(Base):\n    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:\n        if apic.spiv_directed_eoi:\n            return\n        super().kvm_ioapic_send_eoi(apic, vector)\n"


@pytest.mark.parametrize(
    ("design", "asked", "said"),
    [
        (OWN_WORD, "only_level_eois_are_intercepted", "mine.py:7 restates pin_is_scanned(), by which properties look"),
        (NOT_RUN, "only_intercepted_eois_exit", "no step of a small system runs mine.py:9 in kvm_ioapic_send_eoi()"),
        ("", "no_eoi_lost,no_storm", "no_storm is not asked: it is leads_to"),
        ("", "no_reinjection", "nothing was judged: of what holds, what it speaks of never happens in a small system that was searched whole"),
    ],
    ids=["its own word", "a line that is not run", "what is dropped", "vacuous"],
)  # fmt: skip
def test_what_leaves_prove_open_leaves_this_open(eoi, tmp_path: Path, design, asked, said) -> None:
    path = tmp_path / "mine.py"
    path.write_text(HEAD + design)
    code, out, _ = eoi(
        "prove",
        str(path) if design else "v6",
        *LINUX,
        "--scope",
        "flags=NONE" if not design else "x2apic=on",
        "--sizes",
        "2x2x2",
        "--property",
        asked,
    )
    assert code == 3 and " ".join(out.split("\n\n")[0].split()).endswith("; INCONCLUSIVE")
    assert said in " ".join(out.split())


def test_why_does_not_say_that_something_false_is_inductive(eoi, tmp_path: Path) -> None:
    """It is false at one size only, and from the first state on."""
    path = tmp_path / "mine.py"
    path.write_text(
        f'{HEAD}@always()\ndef not_two(s: Machine) -> bool:\n    """There are not two."""\n    return s.scope.cpus != 2\n'
    )
    code, out, _ = eoi("why", "base", str(path), *LINUX)
    assert code == 1 and out.startswith("not_two is VIOLATED in 0 steps\n")
    code, out, _ = eoi("why", "base", "no_eoi_lost", *LINUX[:-2], "--scope", "ioapic=0x20,cpus=1")
    assert code == 2


NOT_FIVE = "@always()\ndef not_five(s: Machine) -> bool:\n    'There are not five.'\n    return s.scope.cpus != 5\n"
FEW = "@always()\ndef two_may_do(s: Machine, pin: Pin) -> bool:\n    'Three are quiet.'\n    return s.scope.cpus < 3 or not s.raised[pin]\n"


@pytest.mark.parametrize(
    ("text", "sizes", "code", "told"),
    [
        (NOT_FIVE, "5x2x1", 1, "VIOLATED not_five: 0 steps"),
        (FEW, "3x2x1", 3, "INCONCLUSIVE two_may_do: at 3x2x1 device_raise() may break: two_may_do"),
    ],
    ids=["at first", "later"],
)
def test_what_is_false_only_at_large_sizes_hides_nothing_that_holds(
    eoi: Callable[..., Said], tmp_path: Path, text: str, sizes: str, code: int, told: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(HEAD.replace("Machine, Vector", "Machine, Pin, Vector") + text)
    name = text.split()[2].partition("(")[0].removeprefix("def ")
    asked = ["--property", f"{path}:{name}", "--property", "only_intercepted_eois_exit", "--brief"]
    said, out, _ = eoi("prove", "base", *LINUX, "--sizes", sizes, *asked)
    assert (said, told in " ".join(out.split())) == (code, True), out
    assert "HOLDS only_intercepted_eois_exit: inductive at sizes" in " ".join(out.split())


SECOND_PIN = "class Mine(Base):\n    @step(by='guest')\n    def look(self) -> None:\n        require(self.raised[{}])\n        self.raised[0] = True\n"


@pytest.mark.parametrize(("pin", "code"), [(1, 0), (4, 2)])
def test_small_systems_that_do_not_exist_are_left_out(
    eoi: Callable[..., Said], tmp_path: Path, pin: int, code: int
) -> None:
    """Its pin 1 is not there at 1x1x1; its pin 4 at none of the small sizes, and then the model's line is told."""
    path = tmp_path / "mine.py"
    head = HEAD.replace("always", "require, step")
    path.write_text(head + SECOND_PIN.format(pin))
    words = ["--sizes", "2x6x1", "--property", "only_level_eois_are_intercepted"]
    said, out, err = eoi("prove", str(path), *LINUX, *words)
    assert said == code, out + err
    assert ("2x6x1" in out) if code == 0 else ("rows 0..1" in err)


def test_what_holds_is_said_of_the_sizes_at_which_it_was_shown(eoi: Callable[..., Said]) -> None:
    asked = ["--property", "only_intercepted_eois_exit,no_reinjection"]
    code, out, _ = eoi("prove", "v6", *LINUX, "--scope", "flags=BIT2", "--sizes", "5x6x7", *asked)
    assert code == 0
    assert out.splitlines()[0] == "v6 at 5x6x7 (vCPUs x pins x vectors): 2 HOLDS"
    told = " ".join(out.split())
    assert re.search(r"HOLDS .*: inductive at sizes 2x2x2, 5x6x7: the same \d+ clauses? at each", told), out
    assert not any(word in out for word in NEVER) and "Of others nothing is said" in told


def test_the_clauses_are_printed_on_request(eoi: Callable[..., Said]) -> None:
    asked = ["prove", "v6", *LINUX, "--scope", "flags=BIT2", "--sizes", "1x2x1", "--property", "no_eoi_lost"]
    code, out, _ = eoi(*asked, "--clauses")
    assert code == 0 and "irqchip_mode == SPLIT" in out and "irqchip_mode" not in eoi(*asked)[1]


def test_no_time_is_inconclusive_and_counted(eoi: Callable[..., Said]) -> None:
    asked = ["--property", "no_eoi_lost,advertised_is_backed", "--timeout", "0.001"]
    code, out, _ = eoi("prove", "v6", *LINUX, "--scope", "flags=BIT2", "--sizes", "8x8x8", *asked)
    assert code == 3
    assert out.splitlines()[0].endswith("2 INCONCLUSIVE") and "HOLDS" not in out
    assert "--timeout" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sizes", "8x8"], "vCPUs x pins x vectors are needed"),
        (["--sizes", "0x1x1"], "each from 1 to 64"),
        (["--sizes", "65x1x1"], "each from 1 to 64"),
        (["--sizes", "axbxc"], "each from 1 to 64"),
        (["--sizes", "2x2x2", "--scope", "cpus=1"], "--sizes says how many cpus there are, and so does --scope"),
        (["--sizes", "2x2x2", "--property", "no_storm"], "`always`"),
        (["--sizes", "2x2x2", "--inductive"], "--sizes is asked alone"),
        (["--sizes", "2x2x2", "--format", "junit"], "--sizes is told as text"),
    ],
)
def test_bad_words_are_told_in_a_line(eoi: Callable[..., Said], words: list[str], told: str) -> None:
    code, out, err = eoi("prove", "v1", *words)
    assert code == 2 and told in err and not out and "Traceback" not in err


# --- what is behind it ---


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide, "MINED", ((2, 2, 2),))
    monkeypatch.setattr(wide, "LEARNT", ((2, 2, 2),))


def test_states_are_looked_at_evenly_and_as_deep_as_the_search_came(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = at(one_cell("v1", "qemu", "0x11", "windows_cg", "level", ""), (1, 1, 1))
    seen = list[Any]()
    monkeypatch.setattr(wide, "codes_of", lambda *words: seen.append(honest_codes(*words)) or seen[-1])
    for most in (1000, 8):
        monkeypatch.setattr(wide, "MOST_LOOKED_AT", most)
        list(wide._WideJudge(cell, (1, 1, 1), 1e18, lambda _: None).searched(cell, []))  # pyright: ignore[reportPrivateUsage]
    all_, some = seen
    assert 4 <= len(some) <= 8 < len(all_) < 1000
    assert (some == all_[:: -(-len(all_) // 8)]).all()


honest_codes = wide.codes_of


def test_a_run_that_cannot_be_taken_there_is_no_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = one_cell("v1", "qemu", "0x11", "windows_cg", "level", "")
    p = all_properties()["no_eoi_lost"]
    judge = wide._WideJudge(cell, (2, 2, 2), 1e18, lambda _: None)  # pyright: ignore[reportPrivateUsage]
    run = explored(at(cell, (1, 1, 1))).verdicts["no_eoi_lost"].run
    assert run is not None
    assert judge._taken_to_large(p, {"pin": 0}, run).status is Status.VIOLATED  # pyright: ignore[reportPrivateUsage]
    for moves, told in ((run.moves[1:], "cannot be taken"), (run.moves[:-1], "not by that run")):
        cut = judge._taken_to_large(p, {"pin": 0}, replace(run, moves=moves))  # pyright: ignore[reportPrivateUsage]
        assert cut.status is Status.INCONCLUSIVE and told in cut.note and cut.run is None
    other = judge._taken_to_large(p, {"pin": 1}, run)  # pyright: ignore[reportPrivateUsage]
    assert other.status is Status.INCONCLUSIVE


@pytest.mark.everything
@pytest.mark.parametrize(
    ("design", "ioapic", "guest"),
    [("base", "0x20", "windows_cg"), ("v1", "0x11", "windows_cg"), ("base", "0x11", "linux")],
)
def test_verdicts_are_those_of_enumeration(
    monkeypatch: pytest.MonkeyPatch, design: str, ioapic: str, guest: str
) -> None:
    """At sizes where both can be asked."""
    quick(monkeypatch)
    cell = one_cell(design, "qemu", ioapic, guest, "level", "")
    names = ["advertised_is_honoured", "advertised_is_backed", "only_intercepted_eois_exit", "no_eoi_lost"]
    asked = [all_properties()[n] for n in names]
    sizes = (2, 2, 1) if design == "base" else (3, 2, 2)
    found = judge_wide(cell, asked, sizes, 300, lambda _: None)
    enumerated = explored(at(cell, sizes)).verdicts
    assert {v.property.name: v.status for v in found.verdicts} == {n: enumerated[n].status for n in names}


FALSE_AT_FIRST = wide.Clause((("driver_ready[pin]", True),))
TRUE_FOR_WANT_OF_RUNS = wide.Clause((("ioapic[pin].irr", False),))  # it holds at first, and some step breaks it


@pytest.mark.parametrize("wrong", [FALSE_AT_FIRST, TRUE_FOR_WANT_OF_RUNS], ids=str)
def test_a_clause_that_fails_there_is_dropped_and_the_proof_goes_on(
    monkeypatch: pytest.MonkeyPatch, wrong: wide.Clause
) -> None:
    """As when what is mined is not what is asked about. It proves nothing, and hides nothing."""
    quick(monkeypatch)
    cell = one_cell("base", "qemu", "0x20", "linux", "level", "")
    asked = [all_properties()[n] for n in ("advertised_is_honoured", "only_intercepted_eois_exit")]
    honest = wide._WideJudge.learnt  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(wide._WideJudge, "learnt", with_one_more(honest, wrong))  # pyright: ignore[reportPrivateUsage]
    found = judge_wide(cell, asked, (3, 2, 2), 300, lambda _: None)
    assert [v.status for v in found.verdicts] == [Status.HOLDS] * 2
    assert wrong not in found.clauses and found.inductive_at == [(2, 2, 2), (3, 2, 2)]


def with_one_more(honest: Callable[..., Any], wrong: wide.Clause) -> Callable[..., Any]:
    def learnt(*words: Any, **named: Any) -> Any:
        clauses, at_ = honest(*words, **named)
        return [wrong, *clauses], at_

    return learnt


def test_a_clause_that_is_false_at_first_there_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    cell = one_cell("base", "qemu", "0x20", "linux", "level", "")
    asked = [all_properties()["advertised_is_honoured"]]
    monkeypatch.setattr(wide._WideJudge, "learnt", lambda *_, **__: ([FALSE_AT_FIRST], (2, 2, 2)))  # pyright: ignore[reportPrivateUsage]
    found = judge_wide(cell, asked, (2, 2, 2), 300, lambda _: None)
    assert [v.status for v in found.verdicts] == [Status.INCONCLUSIVE] and not found.clauses
    assert found.verdicts[0].note == "at 2x2x2 vcpu_enter_guest() may break: advertised_is_honoured"


def test_what_was_learnt_and_is_not_inductive_there_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    cell = one_cell("base", "qemu", "0x20", "linux", "level", "")
    asked = [all_properties()["no_eoi_lost"]]
    monkeypatch.setattr(wide._WideJudge, "learnt", lambda *_, **__: ([], (2, 2, 2)))  # pyright: ignore[reportPrivateUsage]
    found = judge_wide(cell, asked, (2, 2, 2), 300, lambda _: None)
    assert [v.status for v in found.verdicts] == [Status.INCONCLUSIVE]
    assert "may break: no_eoi_lost" in found.verdicts[0].note


def test_a_step_that_nobody_checked_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    cell = one_cell("base", "qemu", "0x20", "linux", "level", "")
    asked = [all_properties()["only_intercepted_eois_exit"]]
    honest = wide.steps_checked
    monkeypatch.setattr(wide, "steps_checked", lambda *words: list(honest(*words))[1:])
    found = judge_wide(cell, asked, (2, 2, 2), 300, lambda _: None)
    assert [v.status for v in found.verdicts] == [Status.INCONCLUSIVE]


def test_the_run_is_one_of_cpython(eoi: Callable[..., Said]) -> None:
    cell = one_cell("v1", "qemu", "0x11", "windows_cg", "level", "")
    asked = [all_properties()["no_eoi_lost"]]
    (found,) = judge_wide(cell, asked, (3, 5, 4), 300, lambda _: None).verdicts
    assert isinstance(found.run, Run)
    large = at(cell, (3, 5, 4))
    reference = Reference(large.system, large.scope)
    state = reference.start
    for move, after in zip(found.run.moves, found.run.codes[1:], strict=True):
        following = reference.successor(state, move)
        assert following == after
        state = after
    assert not reference.holds(asked[0].function, list(found.binding.values()), state)


# --- eoi why ---


@pytest.mark.everything
def test_why_groups_the_clauses_by_the_step_that_needs_each(eoi: Callable[..., Said], tmp_path: Path) -> None:
    target = tmp_path / "proof.txt"
    code, out, _ = eoi("why", "v6", "no_eoi_lost", *LINUX, "--scope", "flags=BIT2", "--write", str(target))
    assert code == 0
    assert out.splitlines()[0].startswith("no_eoi_lost holds: it is inductive with ")
    assert "this step could break no_eoi_lost:\n  " in out and "\n  device_raise()\n" in out
    proof = parsed(target.read_text(), "here")
    words = " ".join(out.split())
    vocabulary = Vocabulary(lower((of := proofs.cell_of(proof, {})[0]).system, of.scope, []))
    said = [in_words(vocabulary.parsed(clause)) for clause in proof.clauses]
    assert proof.about == "no_eoi_lost" and len(said) > 5 and all(clause in words for clause in said)
    numbers = [int(number) for number in re.findall(r"^ +([0-9]+)\. ", out, re.MULTILINE)]
    assert numbers == [*range(1, len(numbers) + 1)] and len(numbers) + out.count("Not needed") >= 6
    assert {int(number) for number in re.findall(r"\(([0-9]+)\)$", out, re.MULTILINE)} <= {*numbers}
    assert all(len(line) <= 80 for line in out.splitlines())


def test_the_page_says_what_breaks_the_property_first_and_the_rest_by_number() -> None:
    """By hand: two steps, a chain of three, and one that nobody needs."""
    a, b, c, spare = (
        Clause((("x == 1", False), ("y", True), ("z", True))),
        Clause((("x == 1", False),)),
        Clause((("f(x)", False), ("y", False))),
        Clause((("y", True), ("z", True))),
    )
    needed = {c: [("late", str(b))], a: [("late", "p")], b: [("early", "p"), ("late", str(a))], spare: []}
    first, _, *rest = page("p", "a cell", needed, "3x3x3")
    assert first == "p holds: it is inductive with 4 clauses at 3x3x3: a cell"
    assert rest == [
        "", "Without any one of these, this step could break p:",
        "  late()", "     1. if x == 1 then y or z",
        "  early()", "     2. x != 1",
        "", "Without any one of these, this step could break another one, whose number stands behind it:",
        "  late()", "     3. not (f(x) and y)  (2)",
        "", "Not needed by any step:", "      y or z",
    ]  # fmt: skip


def test_why_of_what_is_violated(eoi: Callable[..., Said]) -> None:
    code, out, _ = eoi("why", "v1", "no_eoi_lost", *WINDOWS)
    assert code == 1 and "\nIts story: eoi trace v1 " in out
    assert out.splitlines()[:2] == [
        "no_eoi_lost is VIOLATED in 10 steps, with any cpu, pin and vector of 8x8x8",
        "v1, qemu 0x11, windows_cg, level",
    ]
    assert "   4 l1_set_entry(cpu=C, pin=P, vector=V)\n" in out and "     Pin P keeps Remote IRR set" in out
    assert "\nValues, proved at 8x8x8 (" in out and "  vector V    any of 8\n" in out
    assert "  sizes       1x1x1, 8x8x8, 64x64x64\n" in out and "with 0x20: it ends without a violation" in out
    assert out.isascii() and all(len(line) <= 80 for line in out.splitlines())


def test_why_of_what_is_violated_says_so_also_if_time_runs_out(
    eoi: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is violated is known by then."""

    def slow(*_: object) -> object:
        raise OutOfTime

    monkeypatch.setattr("checker.command.why.what_matters", slow)
    code, out, _ = eoi("why", "v1", "no_eoi_lost", *WINDOWS)
    assert code == 1 and out.startswith("no_eoi_lost is VIOLATED, qemu 0x11, windows_cg, level: ")
    assert "not known within the time that --timeout gives" in " ".join(out.split()) and "eoi trace" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["v6"], "PROPERTY"),
        (["v6", "remote_irr_set", *LINUX, "--scope", "flags=BIT2"], "a witness: `eoi trace` tells how it is reached"),
        (["v6", "no_storm", *LINUX, "--scope", "flags=BIT2", "--write", "x.md"], "clauses are of what always holds"),
        (["v6", "no_eoi_lots"], "no_eoi_lost"),
        (["base", "no_reinjection", *LINUX[:4]], "of 2 cells one is told, and it says nothing in any of them"),
        (["v1", "throttled_pin_rests", *LINUX[:4]], "throttled_pin_rests"),
    ],
)
def test_why_tells_a_mistake(eoi: Callable[..., Said], words: list[str], told: str) -> None:
    code, _, err = eoi("why", *words)
    assert code == 2 and told in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "told", "others"),
    [
        (("v1", *WINDOWS[:-2]), "v1, qemu 0x11, windows_cg, level", "One of 2 cells, violated in 1: "),
        (("v6", *LINUX[:-1], "flags=BIT2"), "qemu 0x20 BIT2, linux, level", "One of 2 cells, violated in none: "),
    ],
)
def test_of_several_cells_one_is_told(eoi: Callable[..., Said], words: tuple[str, ...], told: str, others: str) -> None:
    """One that violates it, or else one whose clauses came with eoi: it is not the first of the two."""
    code, out, _ = eoi("why", words[0], "no_eoi_lost", *words[1:])
    assert code == ("in 1" in others) and told in " ".join(out.split())[:160] and others in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_of_several_cells_that_were_not_searched_nothing_is_said(
    eoi: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that it says nothing there, which nobody looked at."""
    honest = why.run_campaign
    monkeypatch.setattr(why, "run_campaign", lambda *words, **named: replace(honest(*words, **named), results=()))
    code, out, err = eoi("why", "base", "no_eoi_lost", *LINUX[:4])
    assert code == 2 and not out and "of 2 cells one is told, and these were not all searched" in err


def test_a_run_that_takes_pin_1_is_at_no_smaller_size(eoi: Callable[..., Said], tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text(
        f"{HEAD}@always()\ndef quiet(s: Machine) -> bool:\n    'Pin 1 is quiet.'\n    return not s.raised[1]\n"
    )
    code, out, _ = eoi("why", "base", str(path), *LINUX)
    assert code == 1 and "  pin P       only 1\n" in out and "  sizes       1x2x1, 2x2x2, " in out
    assert "at least 2 pins: with 1, there is no such system" in out and "with P=0: it ends without a violation" in out


def test_a_property_that_names_pin_1_is_asked_where_there_is_one(eoi: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(
        "from model.lang import always\nfrom model.machine import Machine\n\n\n@always()\ndef of_pin_1(s: Machine) -> bool:\n    '''x. Violated: x.'''\n"
        "    return not s.raised[1] or s.raised[1]\n"
    )
    said = eoi(
        "prove",
        "base",
        "--guest",
        "linux",
        "--scope",
        "ioapic=0x20",
        "--property",
        str(tmp_path / "p.py"),
        "--sizes",
        "2x2x2",
    )
    assert said[0] == 0 and "of_pin_1: inductive at sizes 2x2x2" in said[1], said


def test_why_of_a_storm(eoi: Callable[..., Said]) -> None:
    code, out, _ = eoi("why", "base", "no_storm", *WINDOWS)
    assert code == 1 and "\nIts story: eoi trace base " in out
    first = " ".join(out.splitlines()[:2])
    assert "no_storm is VIOLATED in 8 steps and a loop of 5 steps, with any pin and" in first
    assert "\n     and from here on again and again:\n   9 vcpu_enter_guest(cpu=C)\n" in out
    assert "Values, proved at 1x8x8 (" in out and "8x8x8, with 68 more steps first: vcpu_enter_guest" in out
    assert out.isascii() and all(len(line) <= 80 for line in out.splitlines())
    code, out, _ = eoi("why", "v1", "line_is_serviced", *WINDOWS)
    assert code == 1 and "     no step has to come: it stays so for ever.\n" in out
    assert out.startswith("line_is_serviced is VIOLATED in 11 steps, and stays there, with any pin")


def test_why_of_what_comes_in_the_end(eoi: Callable[..., Said]) -> None:
    """It is true at the sizes that are named; no clause says why."""
    code, out, _ = eoi("why", "v6", "no_storm", *LINUX, "--scope", "flags=BIT2")
    said = " ".join(out.split())
    assert code == 0 and ", at 2x2x2: no fair run stays without what it promises." in said
    assert "eoi prove v6 --vmm qemu" in said and "--property no_storm --certificate FILE writes it" in said
    code, out, _ = eoi("why", "mutant_b5", "line_is_serviced", "--scope", "ioapic=0x11")
    assert code == 1 and "VIOLATED in 15 steps" in out, "it holds at 1x1x1 and 1x2x2, and not at its own sizes"


OWN = """\
from model.designs.base import Base
from model.lang import Fair, Mask, leads_to, require, step
from model.machine import Cpu


class Mine(Base):
    "A vCPU that waits is helped."

    waiting: Mask[Cpu]
    loud: bool

    @step(by="KVM")
    def wait(self, cpu: Cpu, loud: bool) -> None:
        self.waiting.add(cpu)
        self.loud = loud

    @step(by="KVM", fair=Fair.WEAK)
    def help(self, cpu: Cpu, other: Cpu) -> None:
        require(HELP)
        self.waiting.discard(cpu)


@leads_to()
def is_helped(s: Mine, cpu: Cpu) -> tuple[bool, bool]:
    "A vCPU that waits is helped. Violated: CPU{cpu} waits for ever."
    return s.loud and cpu in s.waiting, cpu not in s.waiting
"""


def test_why_of_what_is_violated_only_where_there_is_less(
    eoi: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("two.py").write_text(
        f"{HEAD}@always()\ndef has_company(s: Machine, cpu: Cpu) -> bool:\n    'It has.'\n"
        "    return any(other != cpu for other in s.apic)\n"
    )
    code, out, _ = eoi("why", "base", "two.py", *LINUX)
    assert code == 3 and "INCONCLUSIVE: violated at 1x1x1 and not at 2x2x2, and" in " ".join(out.split())


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        # with one vCPU nobody helps, and that is not what was asked
        (OWN.replace("HELP", "cpu in self.waiting and cpu != other"), 0, "is_helped holds in qemu 0x20, linux, level, at 2x2x2"),
        (OWN.replace("HELP", "cpu in self.waiting and cpu > 5"), 1, "with loud=0: what the property speaks of does not happen in it"),
        (OWN.replace("HELP", "cpu in self.waiting and self.laud"), 2, "has no field 'laud'"),
        (OWN.replace("HELP", "cpu in self.waiting and cpu != other").replace("        self.loud = loud\n", "        if cpu > 5:\n            self.loud = not loud\n        self.loud = loud\n"),
         3, "INCONCLUSIVE: no step runs own.py:16 in wait()"),
    ],
    ids=["holds where it was asked", "a value", "a mistake", "not run"],
)  # fmt: skip
def test_why_of_what_a_user_says_comes_in_the_end(
    eoi: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(text)
    ended, out, err = eoi("why", "own.py", "own.py", *LINUX)
    assert ended == code and said in " ".join((out + err).split())


def test_the_story_that_why_names_is_told(
    eoi: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where base cannot be asked, as the property names a field that only the user's own design has."""
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN.replace("require(HELP)", "require(cpu in self.waiting and cpu > 5)"))
    code, out, _ = eoi("why", "own.py", "own.py", *LINUX)
    _, _, command = out.partition("\nIts story: eoi ")
    assert code == 1 and command.startswith("trace own.py ")
    for engine in ("native", "reference"):
        code, out, err = eoi(*shlex.split(command), "--engine", engine)
        assert code == 1 and out.startswith("is_helped: VIOLATED in ") and not err
