"""SARIF 2.1.0, as GitHub's code scanning reads it: a rule for each property, a result for each cell where something failed or is
open, with the story as a code flow that one steps through.

Error: what failed. Warning: what is INCONCLUSIVE. Note: what was violated before, too. Files are named from the folder that is
asked about; those of eoiproof itself from its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote

from checker.forms.places import CodePlace, Passed, of_review, passed, to_look_at
from checker.forms.plain import digest, visible
from checker.questions.answer import Answer, Said, Standing

Json = dict[str, object]
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HERE, OURS = "SRCROOT", "EOIPROOF"
OPEN_RULE = "inconclusive"
OPEN_SENTENCE = "Every question has an answer."
LISTED = (Standing.REGRESSED, Standing.VIOLATED, Standing.UNEXPECTED, Standing.OPEN, Standing.STILL_BROKEN)


def render(answer: Answer) -> str:
    listed = [one for one in answer.said if one.standing in LISTED]
    sentences = {one.property: one.sentence for one in answer.said}
    rules = [*sentences, *([OPEN_RULE] if answer.reasons else [])]
    results = [_result(one, rules.index(one.property), answer) for one in listed]
    results += [_reason(reason, rules.index(OPEN_RULE), answer) for reason in answer.reasons]
    run: Json = {
        "tool": {"driver": {"name": "eoiproof", "version": _version(), "rules": [
            _rule(name, sentences.get(name, OPEN_SENTENCE)) for name in rules
        ]}},
        "automationDetails": {"id": f"eoi {answer.command}/{visible(answer.what)}/"},
        "originalUriBaseIds": {
            HERE: {"description": {"text": "The folder that the command was about."}},
            OURS: {"description": {"text": "Where eoiproof is: the model of KVM, VMMs and guests."}},
        },
        "invocations": [{"executionSuccessful": not answer.undecided, "toolExecutionNotifications": [
            *({"level": "error", "message": {"text": visible(reason)}} for reason in answer.reasons),
            *({"level": "note", "message": {"text": visible(f"left out: {one}")}} for one in answer.left_out),
        ]}],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {
            "answer": visible(answer.headline),
            "worth": [visible(line) for line in answer.rests_on],
            "counts": {standing.value: n for standing, n in answer.counts().items()},
        },
    }  # fmt: skip
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _version() -> str:
    try:
        return version("eoiproof")
    except PackageNotFoundError:
        return "0"


def _rule(name: str, sentence: str) -> Json:
    said = {"text": visible(sentence) or name}
    return {"id": visible(name), "shortDescription": said, "fullDescription": said, "help": said}


def _result(one: Said, rule: int, answer: Answer) -> Json:
    level = "error" if one.standing.failed else "warning" if one.standing.open else "note"
    steps = list(passed(one, answer)) if one.standing.failed else []
    place = to_look_at(one, steps, answer)
    text = f"{one.standing.value} in {one.cell}: {one.sentence} {one.text}; reproduce: {one.reproduce}"
    found = _base(one.property, rule, level, text, place)
    found["partialFingerprints"] = {"eoiproof/v1": digest(one.cell, one.property)}
    found["properties"] = {
        "cell": visible(one.cell), "property": visible(one.property), "standing": one.standing.value,
        "before": one.before, "after": one.after,
    }  # fmt: skip
    if steps:
        found["codeFlows"] = [{"threadFlows": [{"locations": list(_flow(steps, place))}]}]
    return found


def _reason(reason: str, rule: int, answer: Answer) -> Json:
    design = next((one.design for one in answer.said if one.design is not None), None)
    place = of_review(design, answer)
    found = _base(OPEN_RULE, rule, "warning", f"INCONCLUSIVE: {reason}", place)
    found["partialFingerprints"] = {"eoiproof/v1": digest(OPEN_RULE, reason)}
    return found


def _base(rule_id: str, rule: int, level: str, text: str, place: CodePlace | None) -> Json:
    found: Json = {"ruleId": visible(rule_id), "ruleIndex": rule, "level": level, "message": {"text": visible(text)}}
    if place is not None:
        found["locations"] = [{"physicalLocation": _physical(place)}]
    return found


def _flow(steps: Sequence[Passed], place: CodePlace | None) -> Iterator[Mapping[str, object]]:
    """Where a step has no line of its own, that of the one before it stands for it."""
    for number, step in enumerate(steps, 1):
        place = step.place or place
        location: Json = {"message": {"text": visible(step.text)}}
        if place is not None:
            location["physicalLocation"] = _physical(place)
        importance = "essential" if step.here or step.own else "important" if step.depth == 0 else "unimportant"
        yield {"location": location, "executionOrder": number, "nestingLevel": step.depth, "importance": importance}


def _physical(place: CodePlace) -> Json:
    uri = {"uri": _uri(place.name), "uriBaseId": OURS if place.ours else HERE}
    return {"artifactLocation": uri, "region": {"startLine": place.line}}


def _uri(name: str) -> str:
    """A relative reference: what has another meaning in one is written as %20."""
    return quote(name.encode("utf-8", "surrogateescape"), safe="/-._~")
