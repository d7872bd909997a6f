"""Certificates of sizes that nobody enumerates: those that are made are accepted, and lies in them are not."""

from __future__ import annotations

import functools
import json
import operator
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.certificate import check, wide_check
from checker.certificate.wide_check import CIRCUIT, PROOF, Wide
from checker.errors import EnginesDisagree, InternalError
from checker.matrix.roles import all_properties
from checker.questions import proofs
from checker.questions import wide_certificates as maker
from checker.questions.certificates import archive
from checker.questions.verdict import Status, check_cell
from checker.questions.wide import WideResult, WideVerdict, judge_wide
from checker.questions.wide_certificates import certificate_of
from checker.symbolic import sat
from checker.symbolic.hints import proof_of
from checker.symbolic.induct import steps_checked
from checker.symbolic.vocabulary import Vocabulary
from tests.rigs.certified import CLAIMS, Members, members_of, said_in
from tests.rigs.model_cells import one_cell
from tests.rigs.volume import at_once, volume

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

TWO, ONE = (2, 2, 2), (1, 1, 1)
WORD = "ACCEPTED IF ITS CIRCUIT IS THE MODEL: "


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's files stay as they are while these tests run."""
    monkeypatch.setattr(wide_check, "imported", functools.lru_cache(check.imported))


def quiet(what: str) -> None: ...


def kept_result(sizes: tuple[int, int, int], without: int | None = None) -> WideResult:
    """What is kept of v6 as inductive, at these sizes; without one of its clauses."""
    proof = next(p for p in proofs.kept() if p.about == "no_reinjection" and p.names["guest"] == "windows_cg")
    cell, p = proofs.cell_of(proof, dict(zip(("cpus", "pins", "vectors"), sizes, strict=True)))
    vocabulary = Vocabulary(proofs.lower(cell.system, cell.scope, [p]))
    clauses = [vocabulary.parsed(text) for k, text in enumerate(proof.clauses) if k != without]
    return WideResult(cell, [WideVerdict(p, Status.HOLDS)], clauses, [sizes])


@functools.cache
def made(sizes: tuple[int, int, int]) -> Members:
    return members_of(certificate_of(kept_result(sizes), quiet).content)


def told(members: Members, tmp_path: Any, samples: int = 150) -> int:
    path = tmp_path / "x.cert"
    path.write_bytes(archive(members))
    return wide_check.tell(path, samples, 1, None)


def changed(members: Members, change: Callable[[Any], None]) -> Members:
    """With other claims."""
    said = said_in(members)
    change(said)
    return {**members, CLAIMS: json.dumps(said).encode()}


def proved_again(members: Members) -> Members:
    """With proofs of what is asked of this circuit and these clauses, whether they are the model's or not."""
    wide = Wide(said_in(members))
    wide.read(members[CIRCUIT].decode())
    found = dict(members)
    for name in wide.steps:
        clauses = wide.question(name)
        learnt = sat.refutation(clauses)
        assert learnt is not None, name
        found[PROOF.format(name)] = proof_of(clauses, learnt).encode()
    return found


def test_one_that_is_made_is_accepted_and_says_for_what(tmp_path, capsys):
    assert told(made(TWO), tmp_path) == 0
    first, *_, claim, proved, compared, trusted, one, other = capsys.readouterr().out.splitlines()
    assert first.startswith(WORD)
    spoken = "; nothing shows that what it speaks of happens"  # what is kept has no run
    assert claim == f"  HOLDS    no_reinjection (properties.eoi): inductive with 32 clauses{spoken}"
    lines = sum(len(made(TWO)[name].splitlines()) for name in made(TWO) if name.endswith(".lrat"))
    assert proved == f"  checked: 11 proofs, one for each step, {lines} lines, all of them" and lines > 500
    assert "its circuit with CPython" in compared and "in all other states" in trusted
    assert "told, and not checked: glucose4" in one and "cadical153" in other


def test_the_questions_have_no_answer_for_a_third_solver_and_say_what_a_step_does():
    """Without the last clause they have answers, but of what is never taken: states in which the step is possible, and all that is
    assumed is so."""
    solvers: Any = pytest.importorskip("pysat.solvers")
    wide, idle = Wide(said_in(made(TWO))), set[str]()
    wide.read(made(TWO)[CIRCUIT].decode())
    for name in wide.steps:
        *others, goals = wide.question(name)
        assert len(goals) > 1
        with solvers.Minisat22(bootstrap_with=[*others, goals]) as solver:
            assert not solver.solve()
        with solvers.Minisat22(bootstrap_with=others) as solver:
            idle |= set() if solver.solve() else {name}
    result = kept_result(TWO)
    assert idle <= set(check_cell(result.cell, [result.verdicts[0].property]).never_fired) and len(idle) < 4


@pytest.mark.parametrize("without", at_once([11, 15, 30, *range(2, 11)], 4))
def test_the_question_is_what_the_prover_asks(without):
    """Which steps leave what is left without a clause: as it says that asks about one goal after the other."""
    result = kept_result(ONE, without)
    said = {"format": wide_check.FORMAT, **maker.head_of(result.cell, []), "solvers": {}, "possible": {}}
    said |= {"clauses": [*map(str, result.clauses)], "claims": [maker.claim_of(result, v) for v in result.verdicts]}
    wide = Wide(said)
    wide.read(maker.circuit_of(result, wide, quiet)[0].decode())
    program = proofs.lower(result.cell.system, result.cell.scope, [v.property for v in result.verdicts])
    checked = steps_checked(program, result.cell.scope, result.clauses, time.monotonic() + 60, processes=1)
    broken = {one.step for one in checked if one.broken}
    assert {name for name in wide.steps if sat.refutation(wide.question(name)) is None} == broken
    assert broken or without not in (11, 15, 30)


def test_without_a_clause_that_is_needed_none_is_made():
    """And a solver that is told to lie is noticed."""
    with pytest.raises(InternalError, match="leaves what was shown to be inductive"):
        certificate_of(kept_result(ONE, without=15), quiet)


def test_solvers_that_disagree_are_told(monkeypatch):
    monkeypatch.setattr(sat, "is_refuted_beside", lambda clauses: False)
    with pytest.raises(EnginesDisagree):
        certificate_of(kept_result(ONE), quiet)


def test_what_is_violated_is_shown_by_its_run(tmp_path, capsys):
    cell = one_cell("v1", "qemu", "0x11", "windows_cg", scope="cpus=2,pins=2,vectors=2")
    result = judge_wide(cell, [all_properties()["no_eoi_lost"]], (3, 3, 3), 60.0, quiet)
    members = members_of(certificate_of(result, quiet).content)
    assert told(members, tmp_path) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("ACCEPTED: ") and last == "  VIOLATED no_eoi_lost (properties.eoi), in 10 steps"
    for change in (lambda run: run.pop(), lambda run: run.pop(0), lambda run: run.reverse(), lambda run: run.clear()):
        assert told(changed(members, lambda said, change=change: change(said["claims"][0]["run"])), tmp_path) == 1


def test_what_holds_has_a_run_to_what_it_speaks_of(tmp_path, capsys):
    """At the sizes of the certificate; without one, that is said. A run that shows nothing is none."""
    cell = one_cell("v1", "qemu", "0x20", "windows_cg", scope="cpus=2,pins=2,vectors=2")
    asked = [p for name in ("no_reinjection", "disabled_never_suppresses") for p in [all_properties()[name]]]
    result = judge_wide(cell, asked, (2, 2, 3), 60.0, quiet)
    members = members_of(certificate_of(result, quiet).content)
    assert told(members, tmp_path) == 0
    shown, not_shown = (line for line in capsys.readouterr().out.splitlines() if line.startswith("  HOLDS"))
    length = len(said_in(members)["claims"][0]["witness"])
    assert shown.endswith(f"; what it speaks of happens, in {length} steps") and length > 3
    assert not_shown.endswith("; nothing shows that what it speaks of happens")

    def rejected(change: Callable[[Any], None]) -> bool:
        return told(changed(members, lambda said: change(said["claims"][0])), tmp_path) == 1

    assert rejected(lambda claim: claim["witness"].pop()) and rejected(lambda claim: claim["witness"].clear())
    assert rejected(lambda claim: claim.update(premise=["properties.eoi", "remote_irr_set"]))
    assert rejected(lambda claim: claim.pop("witness")) and rejected(lambda claim: claim.pop("premise"))
    assert not rejected(lambda claim: claim.update(witness=None))  # it claims less then


# ---- lies: the proofs are right, of a circuit that is not the model's ----


def other_gates(members: Members, change: Callable[[Wide, list[str], int], None]) -> Members:
    """change: of the lines of a circuit; its outputs begin at this one."""
    wide, lines = Wide(said_in(members)), members[CIRCUIT].decode().splitlines()
    change(wide, lines, 1 + wide.inputs)
    return {**members, CIRCUIT: "".join(f"{line}\n" for line in lines).encode()}


def first_output_of(wide: Wide, step: str) -> int:
    """Of a step: whether it is enabled; the next ones are whether it stores out of range, and the state after it."""
    number = [*wide.sizes].index(step)
    return len(wide.facts) + len(wide.asked) + len(wide.edges) + number * (wide.width + 2)


STEPS = ["device_raise", "l1_apic_eoi", "vcpu_enter_guest", "kvm_check_and_inject_events"]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_never_possible_in_the_circuit_is_noticed(step, tmp_path, capsys):
    def change(wide: Wide, lines: list[str], first: int) -> None:
        lines[first + first_output_of(wide, step)] = "0"

    lie = proved_again(other_gates(made(ONE), change))
    assert told(lie, tmp_path) == 1
    assert f"wrong of when {step} is possible" in capsys.readouterr().out


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_does_nothing_in_the_circuit_is_noticed(step, tmp_path, capsys):
    """Each of its bits after the step is the one before it."""

    def change(wide: Wide, lines: list[str], first: int) -> None:
        at = first + first_output_of(wide, step) + 2
        lines[at : at + wide.width] = [str(2 * k) for k in range(1, wide.width + 1)]

    lie = proved_again(other_gates(made(ONE), change))
    assert told(lie, tmp_path) == 1
    assert f"wrong of what {step} does" in capsys.readouterr().out


def test_each_bit_that_a_step_sets_has_to_be_set():
    """One bit after a step is the one before it: of each bit that is another after a step of the walk."""
    wide = Wide(said_in(made(ONE)))
    wide.read(made(ONE)[CIRCUIT].decode())
    wide.compared(60, 1)
    walk, found = [*wide.walked(20, random.Random(1))], 0
    for name in STEPS[:2]:
        step, set_ = wide.steps[name], 0
        for state in walk:
            afters = [wide.take(state, name, codes)[1] for codes in wide.codes[name]]
            set_ |= functools.reduce(operator.or_, (state ^ after for after in afters if after is not None), 0)
        for k in (k for k in range(wide.width) if set_ >> k & 1):
            after = [*step.after[:k], 2 * (k + 1), *step.after[k + 1 :]]
            wide.steps[name] = wide_check.StepBits(step.enabled, step.fault, after, step.arguments)
            with pytest.raises(ValueError, match=f"wrong of what {name} does"):
                wide.compared(60, 1)
            found += 1
        wide.steps[name] = step
    assert found > 6


def test_a_property_that_is_always_so_in_the_circuit_is_noticed(tmp_path, capsys):
    """With that, what is violated would be proved without any clause."""
    cell = one_cell("v1", "qemu", "0x11", "windows_cg", scope="cpus=1,pins=1,vectors=1")
    p = all_properties()["no_eoi_lost"]
    result = WideResult(cell, [WideVerdict(p, Status.HOLDS)], [], [ONE])
    with pytest.raises(InternalError):
        certificate_of(result, quiet)
    lie = lying_of(result)
    assert told(lie, tmp_path, 600) == 1
    assert "wrong of no_eoi_lost" in capsys.readouterr().out


def test_who_offers_states_does_not_choose_all_that_are_looked_at(monkeypatch, tmp_path, capsys):
    """A wrong circuit, and so many states in which it is right that no others were looked at; nor do walks come to any."""
    cell = one_cell("v1", "qemu", "0x11", "windows_cg", scope="cpus=1,pins=1,vectors=1")
    result = WideResult(cell, [WideVerdict(all_properties()["no_eoi_lost"], Status.HOLDS)], [], [ONE])
    lie = lying_of(result)
    monkeypatch.setattr(maker, "EXAMPLES", 70)
    _, possible = maker.circuit_of(result, Wide(said_in(lie)), quiet)
    assert sum(map(len, possible.values())) > 600 and min(map(len, possible.values())) > 600 // wide_check.PART
    monkeypatch.setattr(Wide, "walked", lambda self, count, chance: iter([self.model.start] * count))
    assert told(changed(lie, lambda said: said.update(possible=possible)), tmp_path, 600) == 1
    assert "wrong of no_eoi_lost" in capsys.readouterr().out


LINE = "x\n  HOLDS    no_storm (properties.eoi): inductive with 0 clauses\n  y"


@pytest.mark.parametrize("at", ["solvers", "possible"])
def test_what_it_says_itself_is_no_line_of_the_answer(at, tmp_path, capsys):
    of = {LINE: "UNSAT"} if at == "solvers" else {LINE: [["0", []]]}
    assert told(changed(made(ONE), lambda said: said[at].update(of)), tmp_path) == 1
    assert "\n  HOLDS" not in capsys.readouterr().out


@pytest.mark.parametrize(("name", "value"), [("throttle", "off"), ("x2apic", 1), ("flags", "BIT4"), ("pins", True)])
def test_a_value_of_the_scope_that_is_none_is_rejected(name, value, tmp_path, capsys):
    assert told(changed(made(ONE), lambda said: said["values"].update({name: value})), tmp_path) == 1
    assert f": its scope has {name}={value!r}, which is no " in capsys.readouterr().out


def test_a_place_is_no_line_of_the_answer():
    """There need be no such folder."""
    with pytest.raises(ValueError, match="is no place of a model"):
        check.find(f"/{LINE}/../mine.py", "Mine")


def test_a_small_system_has_few_cells_to_change():
    wide = Wide(said_in(made(ONE)))
    wide.model.sizes, wide.model.shifts = wide.model.sizes[:2], wide.model.shifts[:3]
    for seed in range(20):
        wide.changed(0, random.Random(seed), wide_check.CHANGED)


def lying_of(result: WideResult) -> Members:
    said = {"format": wide_check.FORMAT, **maker.head_of(result.cell, [v.property for v in result.verdicts])}
    said |= {
        "clauses": [],
        "claims": [maker.claim_of(result, v) for v in result.verdicts],
        "solvers": {},
        "possible": {},
    }
    members = {CLAIMS: json.dumps(said).encode(), CIRCUIT: maker.circuit_of(result, Wide(said), quiet)[0]}

    def change(wide: Wide, lines: list[str], first: int) -> None:
        lines[first] = "1"

    return proved_again(other_gates(members, change))


@pytest.mark.parametrize("clause", ["raised[pin]", "raised[pin] and not raised[pin]"])
def test_a_clause_that_is_false_is_noticed(clause, tmp_path):
    """With a premise that contradicts itself everything would be proved."""
    members = changed(made(ONE), lambda said: said["clauses"].append(clause))
    assert told(members, tmp_path) == 1


TEXTS = ("__import__('os').getcwd()", "device_raise(pin)", "initial()", "apic[cpu].__class__ == cpu", "exit(cpu)", "(lambda: 1)()", "[1][0]", "f'{cpu}'")  # fmt: skip


def test_a_clause_is_not_run_as_python(tmp_path):
    wide = Wide(said_in(made(ONE)))
    for text in TEXTS:
        with pytest.raises((ValueError, KeyError)):
            wide.atoms.value(wide_check.ast.parse(text, mode="eval").body, {"cpu": 0, "pin": 0})
    assert told(changed(made(ONE), lambda said: said["clauses"].append(TEXTS[0])), tmp_path) == 1


def test_every_atom_of_the_vocabulary_can_be_read():
    """As the IR says it: all of them, of one state after the other, for all indices."""
    result = kept_result(TWO)
    vocabulary = Vocabulary(proofs.lower(result.cell.system, result.cell.scope, []))
    wide = Wide(said_in(made(TWO)))
    chance = random.Random(0)
    wide.model.go_to(wide.changed(wide.model.start, chance, len(wide.model.sizes)))
    for text, atom in vocabulary.atoms.items():
        ((parsed, positive),) = wide.atoms.parsed(text)
        assert positive and wide.atoms.variables(parsed) == sorted(atom.uses)
        for given_ in wide.atoms.choices(sorted(atom.uses)):
            assert wide.atoms.value(wide_check.ast.parse(parsed, mode="eval").body, given_) in (True, False)
    assert len(vocabulary.atoms) > 100


# ---- changes by chance ----

KINDS = ("clause", "no clause", "unit", "size", "choice", "digest", "verdict", "property", "no line", "number", "gate", "output", "input")  # fmt: skip


def with_other_claims(said: Any, kind: str, chance: random.Random) -> None:
    clauses = said["clauses"]
    one = chance.randrange(len(clauses))
    match kind:
        case "clause":
            clauses[one] = (
                clauses[one].removeprefix("not ") if clauses[one].startswith("not ") else f"not {clauses[one]}"
            )
        case "no clause":
            del clauses[one]
        case "unit":
            clauses.append(chance.choice(["not raised[pin]", "ioapic[pin].irr", "apic[cpu].in_guest"]))
        case "size":
            said["values"][chance.choice(["cpus", "pins", "vectors"])] += 1
        case "choice":
            said["values"]["flags"] = chance.choice(["NONE", "BIT3"])
        case "digest":
            of = chance.choice([n for n in said["sources"] if n.startswith("model.kvm")])
            said["sources"][of] = said["sources"][of][::-1]
        case "verdict":
            said["claims"][0]["verdict"] = chance.choice(["VIOLATED", "NEVER", "REACHED"])
        case "property":
            said["claims"][0]["property"][1] = chance.choice(["no_eoi_lost", "no_storm", "eoi_exit", "no_such"])


def with_other_lines(proof: list[str], circuit: list[str], kind: str, chance: random.Random) -> None:
    _, inputs, _, outputs, gates = map(int, circuit[0].split()[1:])
    match kind:
        case "number":
            at = chance.randrange(len(proof))
            words = proof[at].split()
            word = chance.randrange(len(words))
            words[word] = str(int(words[word]) + chance.choice([1, -1]))
            proof[at] = " ".join(words)
        case "no line":
            del proof[chance.randrange(len(proof))]
        case "gate":
            at = 1 + inputs + outputs + chance.randrange(gates)
            own, a, b = map(int, circuit[at].split())
            circuit[at] = f"{own} {a ^ 1} {b}"
        case "output":
            at = 1 + inputs + chance.randrange(outputs)
            circuit[at] = str(int(circuit[at]) ^ 1)
        case "input":
            circuit[0] = circuit[0].replace(f" {inputs} 0", f" {inputs - 1} 0")


def mutated(members: Members, kind: str, chance: random.Random) -> Members:
    said, found = said_in(members), dict(members)
    name = chance.choice([n for n in members if n.endswith(".lrat") and members[n].count(b"\n") > 1])
    proof, circuit = members[name].decode().splitlines(), members[CIRCUIT].decode().splitlines()
    with_other_claims(said, kind, chance)
    with_other_lines(proof, circuit, kind, chance)
    found |= {name: "\n".join(proof).encode(), CIRCUIT: "\n".join(circuit).encode()}
    return {**found, CLAIMS: json.dumps(said).encode()}


@settings(max_examples=volume(12, 1500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 10**6))
def test_one_that_is_changed_is_rejected_or_still_true(kind, seed, tmp_path, capsys):
    """It still claims no more than was true before, of the same system."""
    members = mutated(made(ONE), kind, random.Random(seed))
    code = told(members, tmp_path, 60)
    assert code in (0, 1)
    if code == 0:
        before, after = said_in(made(ONE)), said_in(members)
        assert kind in ("number", "no line", "no clause", "clause", "gate", "output"), capsys.readouterr().out
        assert {k: before[k] for k in ("roles", "scope", "values", "claims")} == {
            k: after[k] for k in ("roles", "scope", "values", "claims")
        }


# ---- proofs ----

CNF = st.lists(
    st.lists(st.integers(1, 5).flatmap(lambda v: st.sampled_from([v, -v])), min_size=1, max_size=3, unique=True),
    max_size=16,
)


@settings(max_examples=volume(50, 2000), deadline=None)
@given(
    CNF,
    st.lists(st.integers(1, 5).flatmap(lambda v: st.sampled_from([v, -v])), min_size=1, max_size=4, unique=True),
    st.data(),
)
def test_only_what_contradicts_itself_is_refuted(others, ways, data):
    """Whatever the proof is: it is one that a solver gave, with a line less or with a number changed, of these clauses or others."""
    clauses = [*others, ways]
    contradicts = not any(
        all(any((value >> abs(x) & 1) == (x > 0) for x in some) for some in clauses) for value in range(0, 64, 2)
    )
    learnt = sat.refutation(clauses)
    assert (learnt is None) != contradicts and sat.is_refuted_beside(clauses) == contradicts
    if learnt is None:
        texts = ["1 0 1 0", f"{len(clauses) + 1} 0 {data.draw(st.integers(1, len(clauses)))} 0"]
        for text in texts:
            with pytest.raises((ValueError, KeyError)):
                wide_check.refuted(clauses, text)
        return
    proof = proof_of(clauses, learnt)
    assert wide_check.refuted(clauses, proof) == len(proof.splitlines())
    weaker = [*clauses]
    del weaker[data.draw(st.integers(0, len(weaker) - 1))]
    try:
        wide_check.refuted(weaker, proof)
    except (ValueError, KeyError):
        return
    assert not weaker or not any(
        all(any((value >> abs(x) & 1) == (x > 0) for x in some) for some in weaker) for value in range(0, 64, 2)
    )


def test_what_is_no_proof_is_none_for_the_one_who_makes_hints():
    with pytest.raises(InternalError, match="is none"):
        proof_of([[1, 2], [-1, 2]], [[]])
    assert proof_of([[1], [-1]], [[]]).split()[:2] == ["3", "0"]
