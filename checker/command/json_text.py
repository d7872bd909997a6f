"""The answers of all commands for machines: what they have in common. What one holds is in the file of its command."""

from __future__ import annotations

import json

from checker.engine.reference import Move
from checker.matrix.scope import scope_value
from checker.matrix.select import Selection
from checker.questions.answer import Answer
from checker.questions.verdict import Verdict
from checker.stories.trace import show
from model.lang import Scope

Json = dict[str, object]


def document(what: str, content: Json) -> str:
    """The whole answer; `what` is in its format."""
    return json.dumps({"format": f"eoiproof {what} 1", **content}, indent=1)


def of_answer(answer: Answer) -> Json:
    """What each answer says: the first line, and every verdict, of a gate what differs or is open."""
    told = [one for one in answer.said if answer.command != "gate" or not one.standing.quiet]
    return {
        "headline": answer.headline,
        "failed": answer.failed,
        "undecided": answer.undecided,
        "open_because": list(answer.reasons),
        "standings": {standing.value: number for standing, number in answer.counts().items()},
        "said": [
            {
                "cell": one.cell, "property": one.property, "standing": one.standing.value, "before": one.before,
                "after": one.after, "text": one.text, "reproduce": one.reproduce,
            }
            for one in told
        ],
    }  # fmt: skip


def of_scope(scope: Scope) -> Json:
    return {name: scope_value(value) for name, value in vars(scope).items()}


def of_lifted(asked: Selection) -> Json:
    """Of a design that is a patch or a kernel tree: what was judged, and what is no part of it."""
    lifted = asked.lifted
    found: Json = {"not_read": list(asked.not_read)}
    if lifted is not None:
        found["lifted"] = {"base": lifted.base, "source": lifted.source, "left_out": list(lifted.left_out)}
    return found


def of_step(move: Move) -> list[object]:
    return [move.step, [show(a) for a in move.args]]


def of_verdict(v: Verdict) -> Json:
    found: Json = {"property": v.property.name, "kind": v.property.kind, "verdict": v.status.value}
    if v.note:
        found["note"] = v.note
    if v.confirmed:
        found["confirmed"] = v.confirmed
    if v.run is not None:
        found["binding"] = {name: show(value) for name, value in v.binding.items()}
        found["steps"] = [of_step(move) for move in v.run.moves]
        found["loop_start"] = v.run.loop_start
        found["stays"] = v.run.stutter
    return found
