"""Forms of answers whose texts are odd: other people's readers get the same names back, and nothing but text."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from checker.forms import b4, checkpatch, junit, ktap, markdown, sarif
from checker.forms.plain import unwrapped, visible
from checker.questions.answer import Answer, Said, Standing
from tests.rigs import read_forms
from tests.rigs.answers import made

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

NASTY = (
    "]]>", "<script>alert(1)</script>", "&amp;<!--", "a|b", "`` ``` `", "# SKIP", "ok 1 x", "\n1..0\n", "\x00\x1b[31m\x7f",
    "\ud800\udcff", "\ufffe\uffff", "1..3", "KTAP version 1", "not ok 1", "Bail out!", "  ", "- x", "%23", "\\", "\u2028", "</details>",
    "![x](http://e.org/x.png)", "[x](javascript:1)", "**b**", "_i_", "~~~", "&#60;", "a\tb", "\r\n", "{pin}", "$(rm)", "😀", "é",
)  # fmt: skip
ODD = st.lists(st.sampled_from(NASTY) | st.text(st.characters(codec=None), max_size=6), max_size=4).map("".join)
STANDINGS = st.sampled_from(list(Standing))
USUAL = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def answers(min_size: int = 1) -> st.SearchStrategy[Answer]:
    said = st.builds(
        lambda standing, cell, name, sentence, text, command: Said(standing, cell, {}, name, sentence, "", "x", text, command),
        STANDINGS, ODD, ODD, ODD, ODD, ODD,
    )  # fmt: skip
    told = st.lists(
        said, min_size=min_size, max_size=5, unique_by=lambda one: (visible(one.cell), visible(one.property))
    )
    return st.builds(
        lambda of, what, line, why: Answer("diff", what, line, [line], of, why, (), line),
        told,
        ODD,
        ODD,
        st.lists(ODD, max_size=2),
    )


@USUAL
@given(answers())
@example(made(cell="]]>", name="<script>", sentence="]]>\x00", text="\x1b"))
def test_junit(answer):
    text = junit.render(answer)
    assert text.isascii() and not re.search("[\x00-\x08\x0b-\x1f]", text)
    want = {(visible(c), visible(p)): word for (c, p), word in read_forms.of_answer(answer).items()}
    if "INCONCLUSIVE" not in {visible(one.cell) for one in answer.said}:
        assert read_forms.junit(text) == (want, [visible(reason) for reason in answer.reasons])
    assert all(not element.attrib.get("onload") for element in ElementTree.fromstring(text).iter())


@USUAL
@given(answers())
@example(made(cell="# SKIP", name="a # SKIP b", text="# SKIP"))
@example(made(cell="1..0\nok 1", name="\n", text="\nBail out!"))
def test_ktap(answer):
    text = ktap.render(answer)
    assert "\r" not in text and not re.search(r"^\s*Bail out", text, re.MULTILINE)
    outer = [line for line in text.splitlines() if re.match("(not )?ok ", line)]
    assert len(outer) == len(answer.by_cell()) + bool(answer.reasons)
    names = [*answer.reasons, *(name for one in answer.said for name in (one.cell, one.property))]
    if all(names) and "INCONCLUSIVE" not in answer.by_cell():
        assert read_forms.ktap(text) == (read_forms.of_answer(answer), list(answer.reasons))


@USUAL
@given(answers())
@example(made(cell="a | b", name="`|`", text="</details><script>"))
@example(made(cell="{a, b}", name="![x](http://e.org)", text="\n\n# h"))
def test_markdown(answer):
    text = markdown.render(answer)
    page = read_forms.page_of(text)
    assert text.splitlines()[0].startswith("**") and page.startswith("<p><strong>") and page.count("<h") == 0
    assert page.count("<details>") == page.count("</details>") == 1
    tables = read_forms._Tables()
    tables.feed(page)  # which refuses whatever is not text
    cells = [row[0] for row in tables.tables[-1][1:]]
    assert [cell.strip(" ") for cell in cells] == [visible(cell).strip(" ") for cell in answer.by_cell()]


@USUAL
@given(answers())
def test_sarif(answer):
    run = json.loads(sarif.render(answer))["runs"][0]
    listed = [one for one in answer.said if one.standing in sarif.LISTED]
    bags = [result["properties"] for result in run["results"] if "properties" in result]
    assert [(b["cell"], b["property"], b["standing"]) for b in bags] == [
        (visible(one.cell), visible(one.property), one.standing.value) for one in listed
    ]
    assert (
        len(run["results"]) - len(bags)
        == len(answer.reasons)
        == len(run["invocations"][0]["toolExecutionNotifications"])
    )
    assert len({rule["id"] for rule in run["tool"]["driver"]["rules"]}) == len(run["tool"]["driver"]["rules"])
    json.dumps(run).encode()


@USUAL
@given(answers())
def test_b4_and_checkpatch(answer):
    results = json.loads(b4.render(answer))
    bad = {(one.standing, one.property) for one in answer.said if one.standing.failed or one.standing.open}
    assert len(results) == 1 + len(bad)
    assert (results[0]["status"] == "fail") == (answer.failed or answer.undecided)
    lines = checkpatch.render(answer).splitlines()
    groups = {("OPEN" if standing.open else standing.value, name) for standing, name in bad}
    assert len(lines) == len(groups) + len(answer.reasons) and all(line.startswith("ERROR:") for line in lines)


@pytest.mark.parametrize("form", [junit, ktap, markdown, sarif, b4, checkpatch])
def test_an_answer_of_nothing_is_not_green(form, tmp_path):
    answer = Answer("diff", "a against b", "nothing", (), [], [])
    text = form.render(answer)
    read = {
        junit: lambda: read_forms.junit(text)[1], ktap: lambda: read_forms.ktap(text)[1],
        sarif: lambda: read_forms.sarif_results(text, tmp_path)[1],
        b4: lambda: ["nothing was judged"] if read_forms.b4(text)[1] == "fail" else [],
        markdown: lambda: re.findall(r"INCONCLUSIVE: (.*)", text), checkpatch: lambda: re.findall(r"INCONCLUSIVE: (.*)", text),
    }  # fmt: skip
    assert read[form]() == ["nothing was judged"]


def test_what_a_comment_has_no_room_for_is_left_out_and_said():
    said = [
        Said(Standing.REGRESSED, f"cell {n}", {}, f"p{k}", "s" * 50, "HOLDS", "VIOLATED", f"{n} steps {k}", "eoi")
        for n in range(200)
        for k in range(30)
    ]
    text = markdown.render(Answer("diff", "a", "h", (), said, []))
    assert len(text) < 65_536 and "Left out, because a comment may be no longer: all verdicts;" in text
    assert "--format json" in text and text.startswith("**a: h**") and text.count("| **REGRESSED** | p") == 30


def test_lines_that_were_broken_for_a_screen_are_whole_again():
    assert unwrapped(["worse: a 1,", "  b 2", "better: c 3"]) == ["worse: a 1, b 2", "better: c 3"]
    text = markdown.render(Answer("diff", "a", "h", ["worse: a 1,", "  b 2"], made().said, []))
    assert text.splitlines()[2] == "worse: a 1, b 2  "


def test_many_stories_are_counted():
    assert "Left out" not in markdown.render(made())
    assert markdown.fenced("a ``` b\n`````") == ["``````text", "a ``` b", "`````", "``````"]
