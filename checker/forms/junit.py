"""JUnit's XML: a test suite for each cell, in it a test case for each property.

What failed is a failure with the story in it. What is INCONCLUSIVE is an error, so that no CI system shows green; and why the
answer as a whole is, if it is, has a suite of its own. What was violated before, is better or expected says so in its output.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from checker.forms.plain import body, unwrapped, visible
from checker.questions.answer import Answer, Said, Standing

OPEN = "INCONCLUSIVE"
WHITE = "\n\t"


def render(answer: Answer) -> str:
    root = Element("testsuites", {"name": _text(f"eoi {answer.command}: {answer.what}")})
    if answer.reasons:
        suite = SubElement(root, "testsuite", {"name": OPEN})
        for number, reason in enumerate(answer.reasons, 1):
            case = SubElement(suite, "testcase", {"classname": OPEN, "name": f"{number}: {_text(reason)}"})
            SubElement(case, "error", {"type": OPEN, "message": _text(reason)}).text = _text(f"{OPEN}: {reason}", WHITE)
    for cell, said in answer.by_cell().items():
        _suite(root, cell, said)
    for suite in root:
        _count(suite, [suite])
    _count(root, list(root))
    root[0].insert(0, _headline(answer))
    ElementTree.indent(root, " ")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="us-ascii").decode()}\n'.replace(
            "<?xml version='1.0' encoding='us-ascii'?>\n", ""
        )
    )


def _headline(answer: Answer) -> Element:
    """The first suite has the answer, where readers of these files show it."""
    found = Element("properties")
    told = [answer.headline, *unwrapped(answer.more)]
    lines = {"answer": told, "worth": answer.rests_on, "left out": answer.left_out}
    for name, value in ((name, line) for name, of in lines.items() for line in of):
        SubElement(found, "property", {"name": name, "value": _text(value)})
    return found


def _suite(root: Element, cell: str, of: Sequence[Said]) -> None:
    suite = SubElement(root, "testsuite", {"name": _text(cell)})
    for said in of:
        case = SubElement(suite, "testcase", {"classname": _text(cell), "name": _text(said.property)})
        if said.standing.failed or said.standing.open:
            kind = "failure" if said.standing.failed else "error"
            told = SubElement(case, kind, {"type": said.standing.value, "message": _text(said.line())})
            told.text = _text(body(said), WHITE)
        elif said.standing is Standing.NOT_ASKED:
            SubElement(case, "skipped", {"message": _text(said.text)})
        elif not said.standing.quiet:
            SubElement(case, "system-out").text = _text(said.line())


def _count(of: Element, suites: Sequence[Element]) -> None:
    counted = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in counted.items():
        of.set(name, str(sum(1 for suite in suites for _ in suite.iter(tag))))


def _text(text: str, keep: str = "") -> str:
    return visible(text, keep)
