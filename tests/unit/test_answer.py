"""The one answer object: what fails, what is open, and that both are what the exit code says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checker.command import diff, exits, prove
from checker.command.explore import exit_code
from checker.questions import compare
from checker.questions.answer import CELL, Answer, Standing, of_campaign, of_diff, of_gate, standing_of
from checker.questions.expected import Row
from checker.questions.verdict import Status, Verdict
from properties.eoi import no_eoi_lost, no_storm
from tests.rigs.answers import SIZES, SMALL, asked, made, of_words

V11, V20 = ((*SMALL, f"{SIZES},ioapic={version}") for version in ("0x11", "0x20"))


def of(answer: Answer, name: str) -> Standing:
    (one,) = (said for said in answer.said if said.property == name)
    return one.standing


def test_each_verdict_of_a_change_has_its_standing():
    answer = of_words("diff", "base", "v1", *V11)
    assert of(answer, "no_eoi_lost") is Standing.REGRESSED
    assert of(answer, "no_storm") is Standing.FIXED
    assert of(answer, "advertised_is_backed") is Standing.STILL_BROKEN
    assert of(answer, "eoi_exit") is Standing.CHANGED
    assert of(answer, "highest_goes_first") is Standing.SAME
    assert of(answer, "entry_disturbs_its_destinations") is Standing.NOT_ASKED
    assert answer.failed and not answer.undecided
    (lost,) = (said for said in answer.said if said.standing is Standing.REGRESSED)
    assert (lost.before, lost.after) == ("HOLDS", "VIOLATED") and lost.text == "10 steps  pin=0"
    assert lost.reproduce.startswith("eoi diff base v1 --vmm qemu --guest windows_cg")
    story = lost.story()
    assert story is not None and len(story.events) == 10 and lost.design is not None and lost.design.__name__ == "V1"
    (storm,) = (said for said in answer.said if said.property == "no_storm")
    told = storm.story()  # of the base, which has it
    assert told is not None and told.cell["kernel"] == "base"


@pytest.mark.parametrize(
    "words",
    [
        ("diff", "base", "v1", *V11), ("diff", "base", "v1", *V20), ("diff", "base", "base", *V20),
        ("diff", "base", "v1", "--vmm", "qemu", "--guest", "linux", "--scope", "ioapic=0x20", "--max-states", "1000"),
        ("diff", "base", "v1", *V20, "--property", "entry_disturbs_its_destinations"),
        ("prove", "v1", *V11), ("prove", "v1", *V20, "--property", "no_storm"),
        ("prove", "v1", *V20, "--property", "entry_disturbs_its_destinations"),
        ("prove", "base", "--vmm", "qemu", "--guest", "linux", "--max-states", "1000", "--property", "no_storm"),
    ],
)  # fmt: skip
def test_it_fails_and_is_open_exactly_as_the_exit_code_says(words):
    options = asked(*words)
    if words[0] == "diff":
        found = diff.found(options)[0]
        answer, code = of_diff(found), exits.decided(wrong=found.regressed, undecided=found.undecided)
    else:
        judged = prove.judged(options)
        answer, code = of_campaign(judged.title, judged.campaign), exit_code(judged.campaign)
    assert exits.decided(wrong=answer.failed, undecided=answer.undecided) == code
    assert answer.undecided == bool(answer.reasons or any(one.standing.open for one in answer.said))
    assert {one.cell for one in answer.said} == answer.by_cell().keys()


def test_what_only_one_side_was_asked_is_there_and_open():
    found = diff.found(asked("diff", "base", "v1", *V20, "--property", "no_storm,no_eoi_lost"))[0]
    without = [replace(r, verdicts=tuple(v for v in r.verdicts if v.property.name == "no_storm")) for r in found.after]
    answer = of_diff(replace(found, after=without, listed=compare.changes(found.before, without)))
    assert of(answer, "no_eoi_lost") is Standing.OPEN and answer.undecided


def test_what_was_cut_short_is_open_and_says_why():
    found = diff.found(asked("diff", "base", "v1", *V20, "--property", "no_storm"))[0]
    assert not of_diff(found).reasons
    cut = of_diff(replace(found, interrupted=True, unexplored=found.pairs))
    assert list(cut.reasons) == ["interrupted", f"not explored: {found.pairs[0].design}"] and cut.undecided
    assert list(of_diff(found, not_read=["f()"]).reasons) == ["not read: f()"]


def test_no_answer_is_empty_and_green():
    nothing = replace(made(), said=[])
    assert nothing.undecided and list(nothing.reasons) == ["nothing was judged"]
    assert not made(standing=Standing.SAME).undecided and not made(standing=Standing.SAME).failed


def test_a_line_that_nothing_runs_is_open(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from model.designs.base import Base\nfrom model.machine import Lapic, Vector\n\n\nclass Mine(Base):\n"
        "    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:\n        if vector != vector:\n"
        "            return\n        super().kvm_ioapic_send_eoi(apic, vector)\n"
    )
    for words in (("prove", str(file)), ("diff", "base", str(file))):
        answer = of_words(*words, *V20, "--property", "no_eoi_lost")
        assert answer.undecided and not answer.failed
        assert list(answer.reasons) == ["no step that was explored runs mine.py:8 in kvm_ioapic_send_eoi()"]


# --- beside what is expected ---


ROW = Row(10, 3, {"no_storm": "FAIL 8+5", "no_eoi_lost": "ok"})


def test_a_table_beside_itself_is_as_expected():
    table = {"v1": {"a": ROW, "b": ROW}}
    answer = of_gate("w", table, table, [])
    assert [one.standing for one in answer.said] == [Standing.AS_EXPECTED] * 4
    assert [one.cell for one in answer.said][::2] == ["v1: a", "v1: b"] and answer.headline == "as expected in 2 cells"
    assert not answer.failed and not answer.undecided


@pytest.mark.parametrize(
    ("expects", "found", "said"),
    [
        ({"a": ROW}, {"a": replace(ROW, verdicts={**ROW.verdicts, "no_eoi_lost": "FAIL 9"})}, [("no_eoi_lost", "ok", "FAIL 9")]),
        ({"a": ROW}, {"a": replace(ROW, states=11)}, [("states", "10", "11")]),
        ({"a": ROW, "b": ROW}, {"a": ROW}, [(CELL, str(ROW), "")]),
        ({"a": ROW}, {"a": ROW, "b": ROW}, [(CELL, "", str(ROW))]),
        ({"a": ROW}, {"a": replace(ROW, verdicts={"no_storm": "FAIL 8+5"})}, [("no_eoi_lost", "ok", "")]),
        ({"a": replace(ROW, verdicts={"no_storm": "FAIL 8+5"})}, {"a": ROW}, [("no_eoi_lost", "", "ok")]),
    ],
)  # fmt: skip
def test_each_difference_fails_once(expects, found, said):
    answer = of_gate("w", {"v1": expects}, {"v1": found}, [])
    other = [(o.property, o.before, o.after) for o in answer.said if o.standing is Standing.UNEXPECTED]
    assert other == said and answer.failed and not answer.undecided
    assert answer.headline.startswith("not as expected in 1 cell, ")


def test_an_open_row_is_open_whatever_is_expected_of_it():
    row = Row(10, 3, {"no_storm": "?"})
    for expects in (row, ROW):
        answer = of_gate("w", {"v1": {"a": expects}}, {"v1": {"a": row}}, [])
        assert answer.undecided and of(answer, "no_storm") is Standing.OPEN and answer.headline.endswith("INCONCLUSIVE")
    assert of_gate("w", {}, {}, []).undecided and of_gate("w", {"v1": {"a": ROW}}, {"v1": {"a": ROW}}, ["x"]).undecided


@pytest.mark.parametrize(
    ("status", "note", "expects", "standing"),
    [
        (Status.HOLDS, "", "ok", Standing.AS_EXPECTED),
        (Status.HOLDS, "vacuous: x", "ok", Standing.UNEXPECTED),
        (Status.HOLDS, "vacuous: x", "(ok)", Standing.AS_EXPECTED),
        (Status.HOLDS, "", "FAIL 8", Standing.UNEXPECTED),
        (Status.SKIPPED, "", None, Standing.NOT_ASKED),
        (Status.SKIPPED, "", "ok", Standing.UNEXPECTED),
        (Status.INCONCLUSIVE, "", "ok", Standing.OPEN),
    ],
)
def test_a_verdict_beside_its_row(status, note, expects, standing):
    row = Row(1, 1, {} if expects is None else {no_storm.name: expects, no_eoi_lost.name: "ok"})
    assert standing_of(Verdict(no_storm, status, note=note), row) is standing
    alone = {Status.SKIPPED: Standing.NOT_ASKED, Status.INCONCLUSIVE: Standing.OPEN}
    assert standing_of(Verdict(no_storm, status, note=note), None) is alone.get(status, Standing.FINE)


def test_of_a_design_alone_beside_its_rows():
    judged = prove.judged(asked("prove", "v1", *SMALL, "ioapic=0x11", "--property", "no_eoi_lost,no_storm"))
    cell = str(judged.campaign.results[0].cell)
    known = {cell: Row(1, 1, {"no_eoi_lost": "FAIL 10", "no_storm": "ok"})}
    answer = of_campaign(judged.title, judged.campaign, rows=known)
    assert not answer.failed and answer.headline == "as expected in 1 cell (1 verdict VIOLATED)"
    assert of_campaign(judged.title, judged.campaign).headline == "violated in 1 of 1 cell (1 verdict VIOLATED)"
    worse = of_campaign(
        judged.title, judged.campaign, rows={cell: replace(known[cell], verdicts={"no_eoi_lost": "ok"})}
    )
    assert worse.failed and worse.headline.startswith("not as expected in 1 cell, as expected in 0")
    small = prove.judged(asked("prove", "v1", *V11, "--property", "no_eoi_lost,no_storm"))
    assert of_campaign(small.title, small.campaign, rows=known).failed  # of other sizes nothing is expected
