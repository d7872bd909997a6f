"""Each form of an answer, read back by somebody else's reader: the same verdicts, whatever the answer is."""

from __future__ import annotations

import html
import importlib
import json
from pathlib import Path

import pytest

from checker.command.form import FORMS
from checker.questions.answer import Answer, Standing
from tests.lift.test_forms import V1_DIFF
from tests.rigs import read_forms
from tests.rigs.answers import SIZES, SMALL, of_words
from tests.rigs.user_file import GOOD

V11, V20 = ((*SMALL, f"{SIZES},ioapic={version}") for version in ("0x11", "0x20"))
LARGER = ("--vmm", "qemu", "--guest", "linux", "--scope", "ioapic=0x20")
# Who is asked, and what it ends with: something got worse, nothing did, a limit was reached, a design alone that fails.
CASES = {
    "regressed": (("diff", "base", "v1", *V11), 1),
    "clean": (("diff", "base", "v1", *V20), 0),
    "inconclusive": (("diff", "base", "v1", *LARGER, "--property", "no_storm,no_eoi_lost", "--max-states", "1000"), 3),
    "as expected": (("prove", "v1", *SMALL, "ioapic=0x11"), 0),
    "alone": (("prove", "v1", *V11, "--absolute"), 1),
    "alone and well": (("prove", "v1", *V20, "--absolute", "--property", "no_storm"), 0),
}
INTERRUPTED = ("prove", "base", "--vmm", "qemu,crosvm,openvmm", "--guest", "linux", "--property", "no_storm")


def render(form: str, answer: Answer) -> str:
    return str(importlib.import_module(f"checker.forms.{form}").render(answer))


def check_all(answer: Answer, folder: Path) -> None:
    """All forms say what the answer says."""
    want = read_forms.of_answer(answer)
    reasons, loud = list(answer.reasons), read_forms.failed(want)
    assert read_forms.junit(render("junit", answer)) == (want, reasons)
    assert read_forms.ktap(render("ktap", answer)) == (want, reasons)
    assert read_forms.markdown(render("markdown", answer)) == want
    told, why = read_forms.sarif_results(render("sarif", answer), folder)
    assert why == reasons and read_forms.failed(told) == loud
    assert told == loud | {key: word for key, word in want.items() if word == Standing.STILL_BROKEN.value}
    told, status = read_forms.b4(render("b4", answer))
    assert told == loud and (status == "pass") == (not answer.failed and not answer.undecided)
    lines = read_forms.checkpatch(render("checkpatch", answer))
    assert lines.pop(("INCONCLUSIVE", ""), 0) == len(reasons) and sum(lines.values()) == len(loud)


@pytest.mark.parametrize("case", CASES)
def test_each_form_says_the_same(case, tmp_path):
    words, code = CASES[case]
    answer = of_words(*words)
    assert (answer.failed, answer.undecided) == (code == 1, code == 3)
    assert {"regressed": Standing.REGRESSED, "clean": Standing.FIXED, "inconclusive": Standing.OPEN}.get(
        case, answer.said[0].standing
    ) in answer.counts()
    check_all(answer, tmp_path)


@pytest.mark.parametrize("case", ["clean", "alone and well", "as expected"])
def test_each_form_says_what_a_pass_is_worth(case):
    """But checkpatch's, of which every line is a complaint to whom reads it."""
    answer = of_words(*CASES[case][0])
    assert answer.worth.startswith("Worth: every state of ")
    want = answer.worth.replace("_", "").split("; ")[0]
    for form in ("b4", "junit", "ktap", "markdown", "sarif"):
        told = render(form, answer)
        assert want in html.unescape(told).replace("_", ""), form
        assert told.count("Worth: ") == 1
    assert "Worth" not in render("checkpatch", answer)


def test_an_interrupted_one_is_open_in_each(after_one_cell, tmp_path):
    answer = of_words(*INTERRUPTED, "--scope", "cpus=1,pins=1")
    assert answer.undecided and not answer.failed and "interrupted" in answer.reasons
    assert any(reason.startswith("not explored: ") for reason in answer.reasons)
    check_all(answer, tmp_path)


def test_a_gate_says_the_same_in_each(eoi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    of = ("gate", "--design", "mutant_b1", "--jobs", "1")
    assert eoi(*of, "--write", "all.toml").code == 0
    for old, new, code in (("", "", 0), ("no_storm FAIL", "no_storm ok; x FAIL", 1)):
        Path("all.toml").write_text(Path("all.toml").read_text().replace(old, new, 1))
        ran = {
            form: eoi(*of, "--expected", "all.toml", "--format", form) for form in ("json", "junit", "ktap", "sarif")
        }
        assert {one.code for one in ran.values()} == {code}
        want = {(one["cell"], one["property"]): one["standing"] for one in json.loads(ran["json"].out)["said"]}
        assert len(want) == 2 * code
        read = [read_forms.junit(ran["junit"].out), read_forms.ktap(ran["ktap"].out)]
        assert [({key: word for key, word in found.items() if word}, why) for found, why in read] == [(want, [])] * 2
        assert len(read[0][0]) == len(read[1][0]) > 80
        assert read_forms.sarif_results(ran["sarif"].out, tmp_path) == (want, [])
        for result in json.loads(ran["sarif"].out)["runs"][0]["results"]:
            assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "all.toml"


def test_a_patch_is_named_by_its_own_lines(tmp_path, monkeypatch, eoi):
    monkeypatch.chdir(tmp_path)
    Path("fix.patch").write_text(V1_DIFF)
    ran = eoi("prove", "fix.patch", *V11, "--format", "sarif")
    result = next(r for r in json.loads(ran.out)["runs"][0]["results"] if r["level"] == "error")
    (place,) = result["locations"]
    assert ran.code == 1 and place["physicalLocation"]["artifactLocation"] == {
        "uri": "fix.patch",
        "uriBaseId": "SRCROOT",
    }
    line = V1_DIFF.splitlines()[place["physicalLocation"]["region"]["startLine"] - 1]
    assert line.startswith(("+", "-")) and not line.startswith(("+++", "---"))
    assert str(tmp_path) not in ran.out and "/root" not in ran.out and str(Path.home()) not in ran.out


def test_the_flow_goes_through_the_users_own_lines(tmp_path, monkeypatch, eoi):
    (tmp_path / ".git").mkdir()
    (tmp_path / "designs").mkdir()
    (tmp_path / "designs" / "my design.py").write_text(GOOD)
    monkeypatch.chdir(tmp_path / "designs")
    ran = eoi("diff", "base", "my design.py", *V11, "--format", "sarif")
    result = next(r for r in json.loads(ran.out)["runs"][0]["results"] if r["level"] == "error")
    (flow,) = result["codeFlows"][0]["threadFlows"]
    places = [step["location"]["physicalLocation"] for step in flow["locations"]]
    own = [p["region"]["startLine"] for p in places if p["artifactLocation"]["uri"] == "designs/my%20design.py"]
    assert [GOOD.splitlines()[line - 1].strip() for line in dict.fromkeys(own)] == [
        "if apic.spiv_directed_eoi:",
        "return",
    ]
    texts = [step["location"]["message"]["text"] for step in flow["locations"]]
    assert any(text.startswith("here the two part: ") and "my design.py:10" in text for text in texts)
    at = result["locations"][0]["physicalLocation"]
    assert at["artifactLocation"]["uri"] == "designs/my%20design.py" and at["region"]["startLine"] == own[-1]
    ours = {p["artifactLocation"]["uri"] for p in places if p["artifactLocation"]["uriBaseId"] == "EOIPROOF"}
    assert "model/kvm/lapic.py" in ours and str(tmp_path) not in ran.out
    assert [step["executionOrder"] for step in flow["locations"]] == list(range(1, len(places) + 1))


@pytest.mark.parametrize("form", [form for form in FORMS if form != "text"])
@pytest.mark.parametrize("case", ["regressed", "clean", "inconclusive", "as expected"])
def test_the_exit_code_is_that_of_the_text(eoi, form, case):
    words, code = CASES[case]
    ran = eoi(*words, "--format", form)
    assert ran.code == code and bool(ran.out) == (form != "checkpatch" or code != 0)


def test_json_is_short_for_the_form(eoi):
    words, _ = CASES["clean"]
    short, long = (json.loads(eoi(*words, *how).out) for how in (("--json",), ("--format", "json")))
    assert short == long and short["format"] == "eoiproof diff 1"
    want = {(one["cell"], one["property"]): one["standing"] for one in short["said"]}
    told = read_forms.of_answer(of_words(*words))
    assert {key: word for key, word in want.items() if told[key]} == {key: word for key, word in told.items() if word}
    assert want.keys() == told.keys() and short["standings"] == {
        word: list(want.values()).count(word) for word in dict.fromkeys(want.values())
    }


# --- the file ---


@pytest.mark.parametrize("form", FORMS)
def test_it_is_written_whole(eoi, form, tmp_path):
    path, (words, code) = tmp_path / "answer", CASES["regressed"]
    printed = eoi(*words, "--format", form)
    ran = eoi(*words, "--format", form, "-o", str(path))
    assert (ran.code, ran.out) == (code, f"written: {path}\n")
    assert path.read_text() == printed.out
    assert [p.name for p in tmp_path.iterdir()] == ["answer"]


@pytest.mark.parametrize(("words", "code"), [(("diff", "base", "bas", *V20), 2), (("diff", "base", "linux", *V20), 2)])
@pytest.mark.parametrize("form", [form for form in FORMS if form != "json"])
def test_where_there_is_no_answer_nothing_is_printed_and_an_old_one_does_not_stay(eoi, form, words, code, tmp_path):
    path = tmp_path / "answer.xml"
    path.write_text("<testsuites/>")  # green, of yesterday
    ran = eoi(*words, "--format", form, "-o", str(path))
    assert ran.code == code and ran.out == "" and ran.err.startswith("eoi: ")
    assert not path.exists()
    ran = eoi(*words, "--format", form)
    assert ran.code == code and ran.out == "" and ran.err.startswith("eoi: ")


def test_a_bug_of_ours_leaves_nothing_half(eoi, tmp_path, monkeypatch):
    path = tmp_path / "answer.xml"

    def broken(answer):
        raise AssertionError("seeded")

    monkeypatch.setattr("checker.forms.junit.render", broken)
    ran = eoi(*CASES["clean"][0], "--format", "junit", "-o", str(path))
    assert ran.code == 4 and not path.exists() and "seeded" in ran.err and ran.out == ""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-o", "mine.py"], "-o mine.py: a file of this name is a design or a patch"),
        (["-o", "fix.patch"], "-o fix.patch: a file of this name is a design or a patch"),
        (["-o", "."], "-o .: is a directory"),
        (["-o", "/dev/null"], "-o /dev/null: is no regular file"),
        (["-o", "no/such/folder/x.xml"], "there is no directory"),
        (["--format", "junitt"], "did you mean 'junit'?"),
        (["--format", "junit", "--json"], "junit is asked for, too: give one form"),
        (["--json", "--format", "sarif"], "json is asked for, too: give one form"),
        (["--format"], "expected one argument"),
        (["--fromat", "junit"], "did you mean '--format'?"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(eoi, more, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.py", "fix.patch"):
        Path(name).write_text(GOOD)
    ran = eoi("diff", "base", "v1", *V20, *more)
    assert ran.code == 2 and said in ran.err and ran.out == ("" if "--json" not in more else ran.out)
    assert Path("mine.py").read_text() == Path("fix.patch").read_text() == GOOD


def test_an_answer_does_not_take_the_place_of_what_is_asked_about(eoi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mail.txt").write_text(V1_DIFF)
    Path("link.txt").symlink_to("mail.txt")
    for name in ("mail.txt", "./mail.txt", "link.txt"):
        ran = eoi("prove", "mail.txt", *V20, "-o", name)
        assert ran.code == 2 and "would take the place of what is asked about" in ran.err
    assert Path("mail.txt").read_text() == V1_DIFF


@pytest.mark.parametrize("words", [("prove", "v1", *V20, "--inductive"), ("gate", "--mutants", "--every", "1000")])
def test_a_form_that_could_not_hold_the_answer_is_refused(eoi, words):
    ran = eoi(*words, "--format", "junit")
    assert ran.code == 2 and "--format junit" in ran.err and ran.out == ""
