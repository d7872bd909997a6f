"""What `b4 review` reads of a check command (review-perpatch-check-cmd): a list of results, each with a tool, a status (pass,
warn, fail), a line, and details that one can scroll through."""

from __future__ import annotations

import json
from collections.abc import Iterator

from checker.forms.plain import body, unwrapped, visible
from checker.questions.answer import Answer, Said, Standing
from checker.words import count

TOOL = "eoiproof"
STORIES = 3  # told whole in the details
OPEN = "INCONCLUSIVE"


def render(answer: Answer) -> str:
    """First the answer, then a result for each property that failed or is open."""
    status = "fail" if answer.failed or answer.undecided else "pass"
    more = [*unwrapped(answer.more), *(f"{OPEN}: {reason}" for reason in answer.reasons)]
    still = sum(one.standing is Standing.STILL_BROKEN for one in answer.said)
    more += [f"{count(still, 'verdict')} violated as before"] * bool(still)
    summary = f"{answer.what}: {answer.headline}"
    results = [{"tool": TOOL, "status": status, "summary": summary, "details": "\n".join([*more, *answer.rests_on])}]
    groups = dict[tuple[Standing, str], list[Said]]()
    for one in answer.said:
        if one.standing.failed or one.standing.open:
            groups.setdefault((one.standing, one.property), []).append(one)
    results += [_result(standing, name, cells) for (standing, name), cells in groups.items()]
    if answer.left_out:
        said = f"left out of the changed lines: {count(len(answer.left_out), 'note')}"
        results.append({"tool": TOOL, "status": "warn", "summary": said, "details": "\n".join(answer.left_out)})
    return json.dumps([{key: visible(value, "\n") for key, value in of.items()} for of in results], indent=1) + "\n"


def _result(standing: Standing, name: str, of: list[Said]) -> dict[str, str]:
    word = OPEN if standing.open else standing.value
    summary = f"{word} in {count(len(of), 'cell')}: {of[0].sentence}"
    return {"tool": f"{TOOL}: {name}", "status": "fail", "summary": summary, "details": "\n".join(_details(of))}


def _details(of: list[Said]) -> Iterator[str]:
    yield from (f"{one.cell}: {one.line()}" for one in of)
    for one in of[:STORIES]:
        yield f"\n{one.cell}\n{body(one)}"
    if of[STORIES:]:
        yield f"{count(len(of) - STORIES, 'more story', 'more stories')}: each by its own command, e.g. {of[-1].reproduce}"
