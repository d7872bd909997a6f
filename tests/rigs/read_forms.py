"""What public readers of each form make of it: (cell, property) -> the word for what is said, "" where nothing is to be seen.

Each reader is somebody else's; here is only where in its answer the words are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import sarif.loader
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt
from tap.parser import Parser

from checker.questions.answer import Answer, Standing

Read = dict[tuple[str, str], str]
QUIET = ""
BOLD = "\0"  # before what is
LOUD = {s.value for s in Standing if not s.quiet}


def of_answer(answer: Answer) -> Read:
    """What every form has to say."""
    return {
        (one.cell, one.property): one.standing.value
        if not one.standing.quiet or one.standing is Standing.NOT_ASKED
        else QUIET
        for one in answer.said
    }


def failed(read: Mapping[tuple[str, str], str]) -> Read:
    """Of those forms that say what failed or is open, and no more."""
    of = {s.value for s in Standing if s.failed or s.open}
    return {key: word for key, word in read.items() if word in of}


def junit(text: str) -> tuple[Read, list[str]]:
    """And why it is INCONCLUSIVE."""
    found, reasons = Read(), list[str]()
    root = JUnitXml.fromstring(text.encode())
    counted = [0, 0, 0, 0]
    for suite in root:
        for case in suite:
            results = case.result
            kinds = [isinstance(r, kind) for kind in (Failure, Error, Skipped) for r in results]
            counted = [a + b for a, b in zip(counted, [1, *_kinds(results)], strict=True)]
            assert sum(kinds) <= 1
            if suite.name == "INCONCLUSIVE":
                assert isinstance(results[0], Error)
                reasons.append(results[0].message)
                continue
            assert case.classname == suite.name
            word = QUIET
            if results:
                word = "NOT ASKED" if isinstance(results[0], Skipped) else results[0].type
            elif case.system_out:
                word = case.system_out.partition(":")[0]
            found[suite.name, case.name] = word
    assert [root.tests, root.failures, root.errors, root.skipped] == counted
    return found, reasons


def _kinds(results) -> list[int]:
    return [sum(isinstance(r, kind) for r in results) for kind in (Failure, Error, Skipped)]


def ktap(text: str) -> tuple[Read, list[str]]:
    """The levels one after the other: TAP has no nested ones."""
    lines = text.splitlines()
    assert lines[0] == "KTAP version 1"
    outer = _tap(line for line in lines if not line.startswith("  "))
    blocks = re.split(r"^(?=  KTAP version 1$)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(outer)
    found, reasons = Read(), list[str]()
    for block, (ok, cell, _) in zip(blocks, outer, strict=True):
        inner = _tap(line[2:] for line in block.splitlines() if line.startswith("  "))
        assert ok == all(good for good, _, _ in inner)
        if cell == "INCONCLUSIVE":
            reasons += [name for _, name, _ in inner]
            continue
        for good, name, said in inner:
            word = said.partition(":")[0]
            open_ = word.startswith("ERROR INCONCLUSIVE")
            word = "OPEN" if open_ else "NOT ASKED" if word.startswith("SKIP") else word
            assert good == (word not in {s.value for s in Standing if s.failed or s.open})
            found[cell, name] = word
    return found, reasons


def _tap(lines) -> list[tuple[bool, str, str]]:
    """(ok, name, what is behind the #) of one level; its numbers and its plan are right."""
    read = list(Parser().parse_text("\n".join(list(lines)[1:])))
    plans, tests = ([line for line in read if line.category == kind] for kind in ("plan", "test"))
    assert not any(line.category == "unknown" for line in read)
    assert [plan.expected_tests for plan in plans] == [len(tests)]
    assert [test.number for test in tests] == list(range(1, len(tests) + 1))
    return [(t.ok, unquote(t.description, errors="surrogatepass"), _behind(t)) for t in tests]


def _behind(test) -> str:
    return str(test.directive.text or "").strip()


class _Tables(HTMLParser):
    """The tables of a page, each as rows of cells; and what is bold."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self.open = False

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.open = True
        elif tag == "strong" and self.open:
            self.tables[-1][-1][-1] += BOLD
        assert tag not in ("script", "img", "iframe", "a"), tag

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.tables[-1][-1][-1] += data


def page_of(text: str) -> str:
    """As GitHub would draw it: its tables, and HTML as it is."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def markdown(text: str) -> Read:
    reader = _Tables()
    reader.feed(page_of(text))
    matrix = next(table for table in reader.tables if table[0][0] == "cell")
    names = re.findall(r"<ol>.*?</ol>", page_of(text), re.DOTALL)[-1]
    properties = [_text(item).partition(": ")[0] for item in re.findall(r"<li>(.*?)</li>", names, re.DOTALL)]
    found = Read()
    for cell, *marks in matrix[1:]:
        for name, mark in zip(properties, marks, strict=True):
            if mark:
                bold, word = mark.startswith(BOLD), mark.removeprefix(BOLD)
                assert (word in LOUD) or not bold
                found[cell, name] = word if bold else "NOT ASKED" if word == "-" else QUIET
    return found


def _text(inner: str) -> str:
    reader = _Tables()
    reader.tables, reader.open = [[[""]]], True
    reader.feed(inner)
    return reader.tables[0][0][0].strip()


def sarif_results(text: str, folder: Path) -> tuple[Read, list[str]]:
    path = folder / "answer.sarif"
    path.write_text(text)
    loaded = sarif.loader.load_sarif_file(str(path))
    assert loaded.get_distinct_tool_names() == ["eoiproof"]
    raw, found, reasons = json.loads(text), Read(), list[str]()
    levels = [r["Severity"] for r in loaded.get_records()]
    for result, level in zip(loaded.get_results(), levels, strict=True):
        rules = raw["runs"][0]["tool"]["driver"]["rules"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] and result["level"] == level
        if result["ruleId"] == "inconclusive" and "properties" not in result:
            reasons.append(result["message"]["text"].removeprefix("INCONCLUSIVE: "))
            continue
        bag = result["properties"]
        found[bag["cell"], bag["property"]] = bag["standing"]
        wanted = "error" if Standing(bag["standing"]).failed else "warning" if bag["standing"] == "OPEN" else "note"
        assert level == wanted
    return found, reasons


def b4(text: str) -> tuple[Read, str]:
    """What failed, and the worst status. As `b4 review` reads it: a list of results of three kinds."""
    results, found = json.loads(text), Read()
    for result in results:
        assert result.keys() <= {"tool", "status", "summary", "url", "details"}
        assert result["status"] in ("pass", "warn", "fail") and all(isinstance(v, str) for v in result.values())
    for result in results[1:]:
        name = result["tool"].removeprefix("eoiproof: ")
        number = int(re.search(r" in ([\d,]+) cells?: ", result["summary"])[1].replace(",", ""))
        for line in result["details"].splitlines()[:number]:
            cell, _, rest = line.rpartition(": ") if line.count(": ") == 1 else line.partition(": ")
            word = (rest or cell).partition(":")[0]
            found[cell, name] = word
    return found, min((r["status"] for r in results), key=("fail", "warn", "pass").index)


def checkpatch(text: str) -> dict[tuple[str, str], int]:
    """(what, property) -> in how many cells; (INCONCLUSIVE, "") -> how many reasons. As `b4 am` reads it: a line is an error
    or a warning."""
    found = dict[tuple[str, str], int]()
    for line in text.splitlines():
        assert "ERROR:" in line
        told = re.fullmatch(r"ERROR:([A-Z_]+): (?:(\S+): .* in (?:([\d,]+) cells: )?.*; reproduce: .*|.*)", line)
        assert told, line
        key = told[1], told[2] or ""
        found[key] = found.get(key, 0) + int((told[3] or "1").replace(",", ""))
    return found
