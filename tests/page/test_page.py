"""The page of `eoi report`, read back without a browser: it says what the answer says, and nothing that it quotes is markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from checker.command import report
from checker.command.explore import story
from checker.page.data import unfolded
from checker.page.matrix import sign_of
from checker.page.told import CELLS_OWN, Teller
from checker.questions.answer import Standing
from tests.lift.test_forms import V1_DIFF
from tests.rigs.page_made import HERE, data_of, made, run, text_of, tree_of
from tests.rigs.user_file import GOOD

SMALL = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x20")


def read_back(tree: Element) -> dict[tuple[str, str], str]:
    """(cell, property) -> what its place in a table says."""
    found = dict[tuple[str, str], str]()
    for table in tree.iter("table"):
        columns = [text_of(head) for head in table.findall("thead/tr/th")][1:]
        for row in table.findall("tbody/tr"):
            places = row.findall("td")
            if places:
                assert len(places) == len(columns)
                cell = text_of(row.findall("th")[0])
                said = {(cell, name): " ".join(place.itertext()) for name, place in zip(columns, places, strict=True)}
                assert not said.keys() & found.keys()
                found |= {key: text for key, text in said.items() if text}
    return found


def test_the_tables_say_every_verdict_of_the_answer_and_no_other():
    found, wanted = read_back(made().tree), dict[tuple[str, str], str]()
    for entry in made().entries:
        said = entry.said
        was, now = entry.was.mark() if entry.was else "", entry.now.mark()
        assert (said.before, said.after) == (entry.was.status.value if entry.was else "", entry.now.status.value)
        _, sign, word = sign_of(entry)
        changed = was != now or said.standing is Standing.STILL_BROKEN
        marks = f"{was} \u2192 {now}" if changed else now
        wanted[said.cell, said.property] = f"{sign} {word} {marks}" if word else marks
    assert found == wanted and len(found) > 100
    words = {text.split()[1] for text in found.values() if len(text.split()) > 3}
    assert words == {"worse", "better", "still", "other"}
    assert {"ok", "(ok)", "yes", "no", "-"} <= set(found.values())


def test_each_says_it_by_more_than_colour():
    places = [p for p in made().tree.iter("td") if p.get("class")]
    assert places and {p.get("class") for p in places} == {"worse", "better", "still", "other"}
    signs = {
        p.get("class"): {"".join(p.itertext())[0] for p in places if p.get("class") == kind}
        for p in places
        for kind in [p.get("class")]
    }
    assert len({sign for of in signs.values() for sign in of}) == len(signs) and all(
        len(of) == 1 for of in signs.values()
    )


def test_the_headline_and_the_counts_are_the_answers():
    page = made()
    assert text_of(page.tree.find(".//h1")) == page.answer.headline
    assert f"mine.py against base: {page.answer.headline} worse: " in " ".join(page.out.split()[:60])
    lists = {text_of(side.find("h3")).split()[-1]: side for side in page.tree.findall(".//section/div/div")}
    for word, standing in (("Worse", Standing.REGRESSED), ("Better", Standing.FIXED)):
        names = [one.property for one in page.answer.said if one.standing is standing]
        told = {
            text_of(item.find(".//b")): re.search(r" in (\d+) cells?\.", text_of(item))
            for item in lists[word].iter("li")
        }
        assert (
            {name: int(number[1]) for name, number in told.items() if number}
            == {n: names.count(n) for n in names}
            != {}
        )


def test_the_stories_are_the_traces():
    """Every run that there is, in every cell: of the first cell that has one, to the last word; of the others, in all that is
    not of the cell; of what changes nothing, the steps."""
    page = made()
    cells, about = ([one[name] for one in page.data[of]] for of, name in (("cells", "title"), ("properties", "name")))
    told = {(cells[cell], about[p]): number for cell, p, number, *_ in page.data["said"] if number >= 0}
    runs = {(e.said.cell, e.said.property): e.told for e in page.entries if e.told is not None}
    assert told.keys() == runs.keys() and len(runs) > 10
    assert len(set(told.values())) == len(page.data["stories"]) < len(runs)
    first = set[int]()
    for key, number in told.items():
        trace, here = json.loads(story(*runs[key]).to_json()), unfolded(page.data, number)
        if number not in first:
            assert here == trace
        elif any((e.said.cell, e.said.property) == key and e.quiet for e in page.entries):
            assert [(e["step"], e["args"]) for e in here["events"]] == [(e["step"], e["args"]) for e in trace["events"]]
            assert all(
                here[name] == trace[name] for name in ("sentence", "binding", "loop_start", "stutter", "verdict")
            )
        else:
            own = dict.fromkeys(CELLS_OWN)
            assert {**here, **own} == {**trace, **own}
        assert cells.index(key[0]) in page.data["stories"][number]["cells"]
        first.add(number)


def test_the_first_story_is_there_as_text_for_who_runs_no_script():
    tree = made().tree
    (text,) = tree.findall(".//section[@id='viewer']//pre")
    assert text_of(text).startswith("no_eoi_lost: VIOLATED in 10 steps (shortest)\n") and "Replay: eoi1" in text_of(
        text
    )
    assert "With scripts" in "".join(text_of(one) for one in tree.iter("noscript"))


def test_the_state_after_each_step_is_the_runs():
    """Initial values and changes give, added up, what the model says the state is."""
    page = made()
    for one in page.data["stories"]:
        values = dict(zip(page.data["values"][one["fields"]], page.data["values"][one["initial"]], strict=True))
        fields = {page.data["fields"][n][0]: n for n in values}
        for event in (page.data["events"][n] for n in one["events"]):
            for change in event["changes"]:
                assert values[fields[change["path"]]] == change["before"]
                values[fields[change["path"]]] = change["after"]


def test_where_the_two_part_the_other_is_beside():
    """mine.py returns from kvm_ioapic_send_eoi() in step 8, where base tells the VMM."""
    page = made()
    (number,) = {
        s for c, p, s, *_ in page.data["said"] if page.data["properties"][p]["name"] == "no_eoi_lost" and s >= 0
    }
    one = page.data["stories"][number]
    other = one["beside"]
    assert other["step"] == 8 and one["side"] == "design" and not other["why"]
    event = page.data["events"][other["event"]]
    assert event["step"] == page.data["events"][one["events"][7]]["step"] == "l1_apic_eoi"
    apart = {path: (here, there) for path, _, _, here, there in other["apart"]}
    assert apart["apic[0].pending_ioapic_eoi"] == ("none", "0")
    ran = {
        page.data["functions"][n]["name"]: (page.data["functions"][n], lines)
        for n, lines in page.data["ran"][one["ran"][7]]
    }
    mine, lines = ran["Mine.kvm_ioapic_send_eoi"]
    text = {mine["first"] + n: line.strip() for n, line in enumerate(mine["lines"])}
    assert [text[n] for n in lines] == ["if apic.spiv_directed_eoi:", "return"]
    assert {text[n] for n in mine["added"]} >= {"if apic.spiv_directed_eoi:", "return"} and not mine["removed"]
    there = {page.data["functions"][n]["name"] for n, _ in page.data["ran"][other["ran"]]}
    assert "LapicC.kvm_ioapic_send_eoi" in there and "Mine.kvm_ioapic_send_eoi" not in there


# --- nothing that is quoted is markup, and nothing comes from elsewhere ---

HOSTILE = """</script><script>alert("x")</script><!-- <b>&amp; 'q' "q" ]]>"""


def test_what_is_quoted_stays_text(tmp_path: Path):
    """A property's sentence and a file's name that would end a script, a tag or an attribute."""
    mine, own = tmp_path / "a \"<b>&'<script>.py", tmp_path / "own '\"<i>.py"
    mine.write_text(GOOD.replace("Obey SPIV bit 12.", "Obey </script><b>."))
    own.write_text(
        "from model.lang import always\nfrom model.machine import Cpu, Machine\n\n\n@always()\n"
        "def own(s: Machine, cpu: Cpu) -> bool:\n"
        f"    '''{HOSTILE.replace(chr(39), '`')} Violated: {HOSTILE.replace(chr(39), '`')}'''\n    return not s.apic[cpu].spiv_directed_eoi\n"
    )
    path = tmp_path / "page.html"
    code, _ = run("report", str(mine), *SMALL, "--property", str(own), "-o", str(path))
    tree = tree_of(path.read_text())
    assert code in (0, 1, 3) and len(tree.findall(".//script")) == 2
    assert {b.tag for b in tree.iter() if isinstance(b.tag, str)} & {"i", "b"} <= {"i", "b"}
    data = data_of(tree)
    (sentence,) = [one["sentence"] for one in data["properties"]]
    assert sentence in text_of(tree.find("body")) and '</script><script>alert("x")</script><!-- <b>&amp;' in sentence
    assert data["design"] == mine.name and mine.name in text_of(tree.find(".//title"))
    assert not [one for one in tree.iter("b") if one.text is None]


def test_it_asks_nothing_of_anybody():
    text, tree = made().text, made().tree
    (policy,) = [one.get("content") for one in tree.iter("meta") if one.get("http-equiv")]
    (style,), (script,) = tree.findall(".//style"), [s for s in tree.iter("script") if s.get("type") is None]
    digests = [base64.b64encode(hashlib.sha256(one.text.encode()).digest()).decode() for one in (style, script)]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; base-uri 'none'; form-action 'none'"
    )
    names = {name for element in tree.iter() for name in element.keys()}  # noqa: SIM118
    assert "class" in names and not [
        name for name in names if name.startswith("on") or name in ("src", "style", "action")
    ]
    assert {(a.get("href") or "")[0] for a in tree.iter() if "href" in a.keys()} == {"#"}  # noqa: SIM118
    assert not re.search(r"@import|url\(", style.text) and "http" not in style.text + script.text
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|fetch\(|XMLHttpRequest", script.text
    )
    assert len(text.encode()) < 400_000


# --- the command ---


@pytest.mark.parametrize(("output", "said"), [
    ("page.txt", "the file's name must end in .html"), ("page", "must end in .html"), (".html", "must end in .html"),
    ("nowhere/page.html", "there is no directory"), ("there.html", "is a directory, a file is needed"),
])  # fmt: skip
def test_a_wrong_output_is_told_before_anything_is_explored(tmp_path, monkeypatch, capsys, output, said):
    (tmp_path / "there.html").mkdir()
    monkeypatch.setattr("checker.command.diff.explore", lambda *_: pytest.fail("explored"))
    code, out = run("report", "v1", *SMALL, "-o", str(tmp_path / output))
    assert code == 2 and out == "" and said in capsys.readouterr().err


def test_a_folder_that_is_not_ours_is_told_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("checker.files.os.access", lambda *_: False)  # root may write everywhere
    monkeypatch.setattr("checker.command.diff.explore", lambda *_: pytest.fail("explored"))
    assert run("report", "v1", *SMALL, "-o", str(tmp_path / "page.html")) == (2, "")
    assert "permission denied" in capsys.readouterr().err


@pytest.mark.parametrize(("base", "said"), [("v9", "v9"), ("qemu_rfc_v1", "is a vmm already"), ("none.py", "none.py")])
def test_a_base_that_is_none_is_told_too(tmp_path, monkeypatch, capsys, base, said):
    monkeypatch.setattr("checker.command.diff.explore", lambda *_: pytest.fail("explored"))
    assert run("report", "v1", *SMALL, "--base", base, "-o", str(tmp_path / "page.html")) == (2, "")
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_without_an_output_it_says_so(capsys):
    assert run("report", "v1") == (2, "") and "-o" in capsys.readouterr().err


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("before")

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("checker.files.os.replace", no_space)
    assert run("report", "v1", *SMALL, "-o", str(path))[0] == 2
    assert path.read_text() == "before" and [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("words", [
    ("base", "mine.py", *HERE), ("base", "mine.py", *SMALL), ("base", "v1", *SMALL),
    ("base", "v1", *SMALL, "--max-states", "3"), ("v6", "v6_as_documented", *SMALL),
])  # fmt: skip
def test_it_ends_as_diff_does(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(GOOD)
    base, *rest = words
    compared, _ = run("diff", *words, "--brief")
    code, out = run("report", *rest, "--base", base, "-o", "page.html")
    assert code == compared and out.startswith(f"{rest[0]} against {base}: ")


def test_a_patch_stands_beside_what_it_stands_on(tmp_path):
    patch, path = tmp_path / "v1.patch", tmp_path / "page.html"
    patch.write_text(V1_DIFF)
    code, out = run("report", str(patch), *SMALL, "--guest", "linux", "-o", str(path))
    assert code == 0 and "v1.patch against base: worse in 0 of 2 cells, better in 1" in out
    data = data_of(tree_of(path.read_text()))
    assert data["base"] == "base" and any(one["added"] for one in data["functions"])


def test_a_design_that_stands_on_none_is_judged_alone(tmp_path):
    path = tmp_path / "page.html"
    code, out = run("report", "base", *SMALL, "-o", str(path))
    tree = tree_of(path.read_text())
    assert code == run("prove", "base", *SMALL, "--brief")[0] == 1 and "violated in 1 of 1 cell" in out.splitlines()[0]
    found = read_back(tree)
    (cell,) = {cell for cell, _ in found}
    assert found[cell, "no_storm"] == "\u2715 violated FAIL" and found[cell, "no_eoi_lost"] == "ok"
    assert all(one["beside"] is None for one in data_of(tree)["stories"])


def test_what_was_told_is_kept(tmp_path, monkeypatch):
    monkeypatch.delenv("EOI_ANEW")
    monkeypatch.setenv("EOI_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "page.html"
    first = run("report", "v1", *SMALL, "-o", str(path)), path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(Teller, "told_of", lambda *_: pytest.fail("told again"))
        assert (run("report", "v1", *SMALL, "-o", str(path)), path.read_bytes()) == first
    before = report.story
    monkeypatch.setattr(report, "story", lambda *of: pytest.fail("told again") if not of else before(*of))
    path.unlink()
    assert run("report", "v2", *SMALL, "-o", str(path))[0] in (0, 1) and path.read_bytes() != first[1]


def test_two_files_of_one_name_are_two(tmp_path):
    """Their functions stand in the same lines of files that the page calls the same."""
    for folder, comes_first in (("a", "apic.spiv_directed_eoi"), ("b", "apic.spiv_directed_eoi and not apic.created")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(GOOD.replace("apic.spiv_directed_eoi", comes_first, 1))
    path = tmp_path / "page.html"
    run("report", str(tmp_path / "b/mine.py"), "--base", str(tmp_path / "a/mine.py"), *SMALL, "-o", str(path))
    texts = {
        "\n".join(one["lines"]) for one in data_of(tree_of(path.read_text()))["functions"] if one["file"] == "mine.py"
    }
    assert {"created" in text for text in texts} == {True, False}
