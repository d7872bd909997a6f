"""The answers of all commands for machines: one format each, made of the same parts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from checker.engine.passages import line_texts
from checker.engine.reference import Move
from checker.matrix.cells import Skipped
from checker.matrix.scope import scope_value
from checker.questions import compare, gate, migration_table
from checker.questions.campaign import Campaign, lines_never_run
from checker.questions.compat import WHO, CompatAnswer
from checker.questions.expected import Difference, Table
from checker.questions.measured import measured
from checker.questions.report import EXACT, binding_text, reproduce
from checker.questions.verdict import CellResult, Verdict
from checker.stories.trace import show
from model.lang import Scope

Json = dict[str, object]


def _text(what: str, content: Json) -> str:
    return json.dumps({"format": f"eoiproof {what} 1", **content}, indent=1)


def _scope(scope: Scope) -> Json:
    return {name: scope_value(value) for name, value in vars(scope).items()}


def _step(move: Move) -> list[object]:
    return [move.step, [show(a) for a in move.args]]


def of_verdicts(title: str, campaign: Campaign, skipped: Sequence[Skipped]) -> str:
    """`eoi prove`."""
    content: Json = {
        "design": title,
        "interrupted": campaign.interrupted,
        "inconclusive": campaign.undecided,
        "measured": measured(),
        "cells": [_cell(result) for result in campaign.results],
        "not_explored": [reproduce("prove", cell) for cell in campaign.unexplored],
        "out_of_memory": [reproduce("prove", cell) for cell in campaign.out_of_memory],
        "not_looked_at": line_texts(lines_never_run(campaign.results)),
        "not_applicable": [{"cell": s.title, "why": s.why} for s in skipped],
    }
    return _text("verdicts", content)


def _cell(result: CellResult) -> Json:
    return {
        **result.cell.names,
        "scope": _scope(result.cell.scope),
        "outcome": result.outcome.name,
        "states": result.stats.states,
        "transitions": result.stats.transitions,
        "depth": result.stats.depth - 1,
        "storage": EXACT,
        "engine": result.engine,
        "assumed": list(result.assumed),
        "never_taken": list(result.never_fired),
        "never_run": line_texts(lines_never_run([result])),
        "fairness": {kind: list(steps) for kind, steps in result.fairness.items()},
        "seconds": round(result.seconds, 3),
        "reproduce": reproduce("prove", result.cell),
        "verdicts": [_verdict(v) for v in result.verdicts],
    }


def _verdict(v: Verdict) -> Json:
    found: Json = {"property": v.property.name, "kind": v.property.kind, "verdict": v.status.value}
    if v.note:
        found["note"] = v.note
    if v.confirmed:
        found["confirmed"] = v.confirmed
    if v.run is not None:
        found["binding"] = {name: show(value) for name, value in v.binding.items()}
        found["steps"] = [_step(move) for move in v.run.moves]
        found["loop_start"] = v.run.loop_start
        found["stays"] = v.run.stutter
    return found


def of_diff(diff: compare.Diff) -> str:
    """`eoi diff`."""
    content: Json = {
        "base": diff.base,
        "design": diff.design,
        "model": [{"file": h.file, "name": h.name, "lines": list(h.lines)} for h in diff.hunks],
        "model_lines": sum(h.size for h in diff.hunks),
        "interrupted": diff.interrupted,
        "inconclusive": diff.undecided,
        "not_looked_at": line_texts(diff.never_run),
        "equivalent": diff.equivalent,
        "graphs": [{"cell": str(p.design), **asdict(g)} for p, g in zip(diff.pairs, diff.graphs, strict=True)],
        "changes": [_change(change) for change in diff.listed],
        "counts": compare.counts(diff),
        "not_explored": [compare.reproduce(diff, pair) for pair in diff.unexplored],
    }
    return _text("diff", content)


def _change(change: compare.Change) -> Json:
    _, verdict = change.told()
    run = verdict.run
    return {
        "kind": change.kind,
        "property": change.name,
        "cell": str(change.design.cell),
        "before": change.before.status.value,
        "after": change.after.status.value,
        "binding": binding_text(verdict) if run else "",
        "steps": [[m.step, [str(a) for a in m.args]] for m in run.moves] if run else [],
        "loop_start": run.loop_start if run else None,
        "stays": run.stutter if run else False,
    }


def of_compat(outcomes: Sequence[CompatAnswer], left: int) -> str:
    """`eoi compat`: every claim in every cell; where they differ, the run and who took its steps. left: how many Ctrl-C
    kept from being compared."""
    content: Json = {
        "base": outcomes[0].base.names["kernel"],
        "interrupted": left > 0,
        "not_compared": left,
        "claims": {o.claim.name: o.claim.sentence for o in outcomes},
        "cells": [_outcome(o) for o in outcomes],
    }
    return _text("compat", content)


def _outcome(o: CompatAnswer) -> Json:
    found = o.result.divergence
    told: Json = {} if found is None else {
        "what": found.what,
        "base_has": found.base,
        "design_has": found.design,
        "steps": [[WHO[who], *_step(move)] for who, move in found.moves],
    }  # fmt: skip
    return {
        "design": o.design.names["kernel"],
        "claim": o.claim.name,
        **{role: name for role, name in o.design.names.items() if role != "kernel"},
        "scope": _scope(o.design.scope),
        "verdict": o.result.verdict,
        "pairs": o.result.pairs,
        **told,
    }


def of_gate(
    table: Table, listed: Sequence[Difference], expected: str, seconds: float, left: Sequence[gate.Part]
) -> str:  # fmt: skip
    """`eoi gate`. left: what Ctrl-C kept from being judged."""
    rows = [row for cells in table.values() for row in cells.values()]
    content: Json = {
        "expected": expected,
        "designs": len(table),
        "cells": len(rows),
        "verdicts": sum(len(row.verdicts) for row in rows),
        "interrupted": bool(left),
        "inconclusive": gate.open_cells(table),
        "not_judged": [asdict(part) for part in left],
        "matrix": " ".join(gate.FULL.replace("\n#", "").split()),
        "not_in_it": gate.NOT_IN,
        "differences": [asdict(d) for d in listed],
        "seconds": round(seconds, 1),
    }
    return _text("gate", content)


def of_migrations(found: Mapping[str, Sequence[migration_table.Entry]]) -> str:
    """`eoi migrations`."""
    cells = [
        {
            "cell": e.name, "from": str(e.table.hosts[e.source]), "to": str(e.table.hosts[e.to]), "outcome": e.outcome,
            "code": e.code, "states": sum(r.stats.states for r in e.results),
            "broken": [
                {"property": v.property.name, "steps": migration_table.length(v), "guest": r.cell.names["guest"],
                 "scope": _scope(r.cell.scope)}
                for r, v in e.shortest()
            ],
        }
        for entries in found.values() for e in entries
    ]  # fmt: skip
    return _text("migrations", {"cells": cells})
