"""The answers of all commands for machines: what they have in common. What one holds is in the file of its command."""

from __future__ import annotations

import json

from checker.engine.reference import Move
from checker.matrix.scope import scope_value
from checker.stories.trace import show
from model.lang import Scope

Json = dict[str, object]


def document(what: str, content: Json) -> str:
    """The whole answer; `what` is in its format."""
    return json.dumps({"format": f"eoiproof {what} 1", **content}, indent=1)


def of_scope(scope: Scope) -> Json:
    return {name: scope_value(value) for name, value in vars(scope).items()}


def of_step(move: Move) -> list[object]:
    return [move.step, [show(a) for a in move.args]]
