"""Makes a certificate of what was shown at sizes that nobody can enumerate: see docs/certificates.md. Nothing here is trusted:
certificate/wide_check.py looks at all of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from checker.certificate.wide_check import CIRCUIT, FORMAT, PROOF, Wide
from checker.engine.reference import Value
from checker.errors import EnginesDisagree, InternalError
from checker.interrupt import left_to_the_parent
from checker.language.ir import Param
from checker.language.lower import lower
from checker.questions.certificates import Json, Made, archive, head_of, place_of
from checker.questions.verdict import Status
from checker.questions.wide import Tell, WideResult, WideVerdict
from checker.symbolic import sat
from checker.symbolic.hints import proof_of
from checker.symbolic.induct import in_processes
from checker.symbolic.steps_circuit import StepsCircuit
from checker.symbolic.vocabulary import Vocabulary
from model.finite import Scalar, encode

EXAMPLES = 16  # of a step that is possible
SOLVERS: Sequence[str] = (sat.WITH_PROOF, sat.BESIDE)
CERTIFIED = (Status.HOLDS, Status.VIOLATED)


def certificate_of(result: WideResult, tell: Tell) -> Made:
    """tell: of the steps whose proofs are made. Raises EnginesDisagree."""
    certified = [v for v in result.verdicts if v.status in CERTIFIED]
    said: Json = {
        "format": FORMAT,
        **head_of(result.cell, [v.property for v in certified]),
        "clauses": [str(clause) for clause in result.clauses],
        "claims": [claim_of(result, v) for v in certified],
        "solvers": {},
        "possible": {},
    }
    members = dict[str, bytes]()
    if result.of(Status.HOLDS):
        defined = [*result.cell.system.__bases__, type(result.cell.scope)]
        known: dict[str, Any] = {str(place_of(cls)): cls for cls in defined}
        spoken_of = [v.property for v in certified] + [
            p for v in certified if (p := v.property.starts_from) is not None
        ]
        known |= {str(place_of(p.function)): p for p in spoken_of}
        wide = Wide(said, lambda *place: known[str([*place])])
        members[CIRCUIT], said["possible"] = circuit_of(result, wide, tell)
        wide.read(members[CIRCUIT].decode())
        members |= _proofs(wide, tell)
        said["solvers"] = {f"{name} of python-sat {sat.version()}": "UNSAT of each step" for name in SOLVERS}
    tell("packing it")
    members["claims.json"] = json.dumps(said, separators=(",", ":")).encode()
    return Made(archive(members), len(certified), {v.property.name: v.note for v in result.of(Status.INCONCLUSIVE)})


def claim_of(result: WideResult, v: WideVerdict) -> Json:
    said: Json = {"property": place_of(v.property.function), "verdict": v.status.value}
    if v.status is Status.HOLDS and (premise := v.property.starts_from) is not None:
        said |= {"premise": place_of(premise.function), "witness": None}
    run = v.spoke if v.run is None else v.run
    if run is None:
        return said
    program = lower(result.cell.system, result.cell.scope, [v.property])
    params = {step.name: step.params for step in program.steps}
    steps = [[move.step, _codes(params[move.step], move.args)] for move in run.moves]
    if v.run is None:
        return said | {"witness": steps}
    return said | {"binding": _codes(program.formulas[0].params, [*v.binding.values()]), "run": steps}


def _codes(params: Sequence[Param], values: Sequence[Value]) -> list[int]:
    return [encode(cast(Scalar, p.type), value) for p, value in zip(params, values, strict=True)]


def circuit_of(result: WideResult, wide: Wide, tell: Tell) -> tuple[bytes, Json]:
    """As the checker reads it; and of each step, states in which it is possible, and its arguments."""
    held = [v.property for v in result.of(Status.HOLDS)]
    program = lower(result.cell.system, result.cell.scope, held)
    vocabulary = Vocabulary(program)
    texts = [text for clause in result.clauses for text, _ in clause.literals]
    atoms = {wide.atoms.parsed(text)[0][0]: vocabulary.atoms[text] for text in texts}
    facts = [(atoms[atom].text, tuple(given[name] for name in atoms[atom].uses)) for atom, given in wide.facts]
    circuit = StepsCircuit(program, result.cell.scope, vocabulary, [*wide.sizes])
    tell("its circuit")
    text = circuit.text(facts, [f.name for f in program.formulas]).encode()
    shifts = wide.model.shifts[:-1]
    possible = dict[str, list[list[object]]]()
    for name in wide.sizes:
        tell(f"states in which {name}() is possible")
        possible[name] = [
            [hex(sum(code << at for code, at in zip(codes, shifts, strict=True))), args]
            for codes, args in circuit.possible(name, result.clauses, EXAMPLES)
        ]
    return text, possible


# --- proofs, several at a time ---

_asked_of: Wide | None = None  # of the processes that are forked


def _proofs(wide: Wide, tell: Tell) -> Mapping[str, bytes]:
    global _asked_of
    _asked_of, found = wide, dict[str, bytes]()
    tell(f"0 of {len(wide.steps)} proofs made")
    try:
        for name, proof in in_processes(_proof, wide.steps, math.inf, left_to_the_parent):
            found[PROOF.format(name)] = proof
            tell(f"{len(found)} of {len(wide.steps)} proofs made")
    finally:
        _asked_of = None
    return found


def _proof(name: str) -> tuple[str, bytes]:
    assert _asked_of is not None
    clauses = _asked_of.question(name)
    learnt, also = sat.refutation(clauses), sat.is_refuted_beside(clauses)
    if learnt is not None and also:
        return name, proof_of(clauses, learnt).encode()
    if learnt is None and not also:
        raise InternalError(f"{name} leaves what was shown to be inductive")
    said = ["that it does", "that it does not"]
    answers = dict(zip(SOLVERS, said if learnt is None else said[::-1], strict=True))
    raise EnginesDisagree(f"whether {name} leaves what is inductive", answers)
