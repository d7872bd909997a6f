"""Certificates of small cells are accepted, and what is accepted is true: also of those that were changed."""

from __future__ import annotations

import copy
import functools
import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.certificate import check
from checker.certificate.check import ROOT, Certificate, unpack
from checker.matrix.scope import LARGEST_SIZE
from checker.questions.certificates import pack
from model.finite import RangeError
from model.lang import Design, Scope
from tests.rigs.certified import (
    CLAIMS,
    Members,
    accepted,
    explored,
    is_true,
    made_of,
    members_of,
    number_of,
    said_in,
    told,
)
from tests.rigs.model_cells import one_cell
from tests.rigs.volume import volume

SMALL = "cpus=1,pins=1,vectors=1"
CELLS = {
    "lassos": ("base", "0x11", "windows_cg"),  # VIOLATED of every kind
    "ranks": ("base", "0x20", "linux"),  # HOLDS of every kind
}
ASKED = (
    "no_eoi_lost", "no_reinjection", "no_storm", "line_is_serviced", "advertised_is_backed", "level_is_sent_once",
    "level_eoi_is_told", "eoi_exit", "directed_eoi_owed",
)  # fmt: skip


@pytest.fixture(autouse=True)
def hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's files stay as they are while these tests run."""
    monkeypatch.setattr(check, "imported", functools.lru_cache(check.imported))


@functools.cache
def members(name: str, asked: tuple[str, ...] = ASKED) -> Members:
    design, version, guest = CELLS[name]
    return members_of(made_of(one_cell(design, "qemu", version, guest, scope=SMALL), asked).content)


@pytest.mark.parametrize("name", CELLS)
def test_one_that_is_made_is_accepted_and_true(name, tmp_path, capsys):
    everything = members(name, ())
    assert told(everything, tmp_path / "x.cert") == 0
    assert capsys.readouterr().out.startswith("ACCEPTED: ")
    found = accepted(everything, tmp_path / "x.cert")
    assert found is not None and len(found.verdicts) > 40
    claims = said_in(everything)["claims"]
    kinds = {(check.find(*c["property"]).kind.value, c["verdict"]) for c in claims}
    assert len(kinds) >= 4 and all(is_true(c, line, found) for c, line in zip(claims, found.verdicts, strict=True))
    _, graph = explored(found.design, found.scope)
    assert set(found.states) == {number_of(found, codes) for codes in graph.states}
    assert found.edges == len(graph.edges)


def test_every_kind_of_verdict_is_among_them():
    verdicts = {
        (check.find(*c["property"]).kind.value, c["verdict"]) for n in CELLS for c in said_in(members(n))["claims"]
    }
    assert verdicts >= {(k, v) for k in ("always", "leads_to") for v in ("HOLDS", "VIOLATED")}
    assert {v for k, v in verdicts if k == "reachable"} == {"REACHED", "NEVER"}


@pytest.mark.parametrize("name", CELLS)
def test_the_reference_makes_the_same_claims(name, tmp_path):
    design, version, guest = CELLS[name]
    other = members_of(made_of(one_cell(design, "qemu", version, guest, scope=SMALL), ASKED, "reference").content)
    assert told(other, tmp_path / "x.cert") == 0
    assert other["states"] == members(name)["states"]


def test_the_same_cell_has_the_same_bytes():
    cell = one_cell("base", "qemu", "0x20", "linux", scope=SMALL)
    assert made_of(cell, ASKED).content == made_of(cell, ASKED).content


# --- changes that are known to be wrong ---


def with_states(of: Members, numbers: list[int]) -> Members:
    said = said_in(of)
    width = len(of["states"]) // said["states"]
    said["states"] = len(numbers)
    numbers = [number & (1 << 8 * width) - 1 for number in numbers]
    return {**of, "states": pack(numbers, width) if numbers else b"", CLAIMS: json.dumps(said).encode()}


def states(of: Members) -> list[int]:
    return unpack(of["states"], said_in(of)["states"], len(of["states"]) // said_in(of)["states"])


@pytest.mark.parametrize("name", CELLS)
def test_without_any_one_state_it_is_rejected(name, tmp_path, capsys):
    of = members(name, ("no_eoi_lost", "level_is_sent_once", "eoi_exit", "no_reinjection"))
    every = states(of)
    for left_out in every:
        assert told(with_states(of, [s for s in every if s != left_out]), tmp_path / "x.cert") == 1
        said = capsys.readouterr().out
        assert "which is missing" in said or "no initial state" in said


def closure_of(found: Certificate, state: int) -> set[int]:
    """That state and all that follow which the certificate has not; none if a step from them stores out of range."""
    new, left = {state}, [state]
    while left and len(new) < 200:
        try:
            after = set(dict(found.model.go_to(left.pop()).edges()).values()) - set(found.states) - new
        except ValueError:  # no state of the model
            return set()
        except RangeError:
            return set()
        new |= after
        left += after
    return set() if left else new


def test_a_closed_set_that_is_larger_is_still_one(tmp_path):
    """Of states that are not reachable, with all that follows, where what is claimed is true as well."""
    of = members("ranks", ("no_eoi_lost", "edge_has_no_remote_irr"))
    found = accepted(of, tmp_path / "x.cert")
    assert found is not None
    flipped = (state ^ 1 << bit for state in found.states for bit in range(found.model.shifts[-1]))
    for new in (closure_of(found, state) for state in flipped if state not in found.index):
        larger = accepted(with_states(of, sorted([*found.states, *new])), tmp_path / "x.cert") if new else None
        if larger is not None:
            assert len(larger.states) == len(found.states) + len(new) > len(found.states)
            return
    pytest.fail("no larger set is accepted")


def changed(name: str, change: Any, asked: tuple[str, ...] = ASKED) -> Members:
    said = said_in(members(name, asked))
    change(said)
    return {**members(name, asked), CLAIMS: json.dumps(said).encode()}


def claim_of(said: Any, name: str) -> Any:
    return next(claim for claim in said["claims"] if claim["property"][1] == name)


def set_in(name: str, key: str, value: Any) -> Any:
    return lambda said: claim_of(said, name).update({key: value})


WRONG = {
    "a violated invariant holds": ("lassos", lambda said: claim_of(said, "no_reinjection").update(verdict="HOLDS", witness=None, premise=["properties.eoi", "directed_eoi_owed"])),
    "an invariant that holds is violated at once": ("ranks", lambda said: claim_of(said, "no_eoi_lost").update(verdict="VIOLATED", binding=[0], run={"steps": [], "loop": None})),
    "a run without its last step": ("lassos", lambda said: claim_of(said, "no_reinjection")["run"]["steps"].pop()),
    "a run without its first step": ("lassos", lambda said: claim_of(said, "no_reinjection")["run"]["steps"].pop(0)),
    "a run of an edge without a step": ("lassos", lambda said: claim_of(said, "level_is_sent_once").update(verdict="VIOLATED", binding=[0], run={"steps": [], "loop": None})),
    "a loop that begins elsewhere": ("lassos", lambda said: claim_of(said, "no_storm")["run"].update(loop=0)),
    "a lasso that stays instead": ("lassos", lambda said: claim_of(said, "no_storm")["run"].update(loop=None)),
    "what is not vacuous is": ("ranks", set_in("no_eoi_lost", "witness", None)),
    "a liveness property is vacuous": ("ranks", set_in("no_storm", "witness", None)),
    "a vacuous one has a witness": ("ranks", set_in("no_reinjection", "witness", {"steps": []})),
    "another premise": ("ranks", set_in("no_reinjection", "premise", ["properties.eoi", "remote_irr_set"])),
    "what is reached never is": ("ranks", lambda said: claim_of(said, "eoi_exit").update(verdict="NEVER")),
    "what never is, is reached": ("ranks", lambda said: claim_of(said, "directed_eoi_owed").update(verdict="REACHED", binding=[0], run={"steps": [], "loop": None})),
    "a witness holds": ("ranks", lambda said: claim_of(said, "directed_eoi_owed").update(verdict="HOLDS", witness=None)),
    "no ranks": ("ranks", set_in("no_storm", "ranks", [])),
    "the ranks of a property that is about fewer states": ("ranks", lambda said: claim_of(said, "line_is_serviced").update(ranks=claim_of(said, "no_storm")["ranks"])),
    "no claims": ("ranks", lambda said: said["claims"].clear()),
    "another design": ("ranks", lambda said: said["roles"].__setitem__(2, ["model.guests.windows_cg", "WindowsCg"])),
    "another size": ("ranks", lambda said: said["values"].update(cpus=2)),
    "no module of the model": ("ranks", lambda said: said["roles"].__setitem__(2, ["antigravity", "Linux"])),
    "another file": ("ranks", lambda said: said["sources"].update({"model.machine": "0" * 32})),
    "a file is not stated": ("ranks", lambda said: said["sources"].pop("model.kvm.lapic")),
    "another format": ("ranks", lambda said: said.update(format="eoi certificate 2")),
    "a property that is not asked": ("ranks", lambda said: claim_of(said, "no_eoi_lost").update(property=["properties.cpuid", "no_unemulated_timer"])),
}  # fmt: skip


@pytest.mark.parametrize("change", WRONG)
def test_what_is_wrong_is_rejected(change, tmp_path, capsys):
    assert told(changed(*WRONG[change]), tmp_path / "x.cert") == 1
    assert capsys.readouterr().out.startswith("REJECTED: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("throttle", "off"), ("throttle", 0), ("x2apic", 1), ("x2apic", 1.0), ("x2apic", None), ("flags", "BIT4"),
        ("flags", 0), ("flags", "mro"), ("ioapic", "0x20"), ("ioapic", False), ("pins", True), ("pins", 1.0), ("pins", "1"),
        ("pins", 0), ("pins", -1), ("vectors", LARGEST_SIZE + 1),
    ],
)  # fmt: skip
def test_a_value_of_the_scope_that_is_none_is_rejected(name, value, tmp_path, capsys):
    """Whatever Python takes it for: what is said would be said of a system that there is not."""
    assert told(changed("ranks", lambda said: said["values"].update({name: value})), tmp_path / "x.cert") == 1
    rejected = f"REJECTED: {tmp_path / 'x.cert'}: its scope has {name}={value!r}, which is no "
    assert all(line.startswith(rejected) for line in capsys.readouterr().out.splitlines())


@dataclass(frozen=True)
class Tall(Scope):
    floors: int = 100


class House(Design):
    scope: Tall  # pyright: ignore[reportIncompatibleVariableOverride]


def test_a_size_may_be_what_its_scope_says_however_large():
    assert check.Model(House, Tall()).system.scope == Tall(100)
    with pytest.raises(ValueError, match="has floors=99, which is no int"):
        check.Model(House, Tall(99))


def test_ranks_that_serve_another_property_as_well_are_still_some(tmp_path):
    """A device that is handled wants service, and both end with that."""
    serves = lambda said: claim_of(said, "no_storm").update(ranks=claim_of(said, "line_is_serviced")["ranks"])  # noqa: E731
    assert told(changed("ranks", serves), tmp_path / "x.cert") == 0


# --- changes by chance ---


def places(of: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all parts of a JSON value but the sources', which are a third of it and say the same each."""
    keys = [k for k in of if k != "sources"] if isinstance(of, dict) else range(len(of)) if isinstance(of, list) else []
    return [path, *(p for key in keys for p in places(of[key], (*path, key)))]


def at(said: Any, path: tuple[Any, ...]) -> Any:
    return functools.reduce(lambda of, key: of[key], path, said)


def other_claims(said: Any, draw: Any) -> None:
    """One part of the claims is another one, is gone, or is there twice."""
    every = places(said)[1:]
    path = draw(st.sampled_from(every))
    holder, old = at(said, path[:-1]), at(said, path)
    kind = draw(st.sampled_from(["other", "other", "other", "gone", "twice"]))
    if kind == "other":
        more = [old + 1, old - 1] if type(old) is int else []
        some = [at(said, draw(st.sampled_from(every))) for _ in range(6)]
        holder[path[-1]] = copy.deepcopy(next((v for v in (*more, *some) if type(v) is type(old) and v != old), None))
    elif kind == "gone":
        del holder[path[-1]]
    elif isinstance(holder, list):
        holder.insert(path[-1], copy.deepcopy(old))


@st.composite
def changed_ones(draw: st.DrawFn) -> Members:
    """Claims, states or codes of a certificate with some changes."""
    of = dict(members(draw(st.sampled_from(list(CELLS)))))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        kind = draw(st.sampled_from(["claims", "claims", "claims", "states", "codes", "bytes"]))
        codes = [name for name in of if name.startswith("codes")]
        if kind == "claims":
            said = said_in(of)
            other_claims(said, draw)
            of[CLAIMS] = json.dumps(said).encode()
        elif (
            kind == "states"
            and isinstance(said_in(of).get("states"), int)
            and len(of["states"]) == len(members("ranks")["states"])
        ):
            every = states(of)
            one, bit = draw(st.integers(0, len(every) - 1)), draw(st.integers(0, 40))
            new = draw(st.sampled_from([[], [every[one] ^ 1 << bit], [every[one], every[one] ^ 1 << bit]]))
            of = with_states(of, sorted([*every[:one], *new, *every[one + 1 :]]))
        elif kind == "codes" and codes:
            name = draw(st.sampled_from(codes))
            one = draw(st.integers(0, len(of[name]) - 1))
            numbers = unpack(of[name], len(of[name]), 1)
            numbers[one] = draw(st.integers(0, max(numbers) + 1))
            of[name] = pack(numbers, 1)
        else:
            name = draw(st.sampled_from(["states", *codes]))
            one = draw(st.integers(0, len(of[name]) - 1))
            of[name] = of[name][:one] + bytes([of[name][one] ^ 1 << draw(st.integers(0, 7))]) + of[name][one + 1 :]
    return of


def judge(of: Members, path: Any, seen: Counter[str]) -> None:
    found = accepted(of, path)
    seen["rejected" if found is None else "accepted"] += 1
    if found is not None:
        claims = said_in(of)["claims"]
        assert claims and len(claims) == len(found.verdicts)
        for claim, line in zip(claims, found.verdicts, strict=True):
            assert is_true(claim, line, found), (claim, line)


@pytest.mark.parametrize("count", [60, pytest.param(volume(1_000, 20_000), marks=pytest.mark.everything)])
def test_one_that_was_changed_is_rejected_or_still_true(count, tmp_path, monkeypatch):
    """The claims change, the functions do not: Python compiles their annotations once, not for each certificate."""
    monkeypatch.setattr(check, "get_type_hints", functools.cache(check.get_type_hints))
    seen = Counter[str]()

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(changed_ones())
    def tried(of: Members) -> None:
        judge(of, tmp_path / "x.cert", seen)

    tried()
    assert seen.total() >= count and seen["rejected"] > count / 2 and seen["accepted"] > count / 50, seen


def test_a_byte_of_the_file_that_is_another_one_is_noticed_or_changes_nothing(tmp_path):
    path = tmp_path / "x.cert"
    made = made_of(one_cell("base", "qemu", "0x20", "linux", scope=SMALL), ("no_eoi_lost", "no_storm")).content
    rng, codes = random.Random(3), Counter[int]()
    for _ in range(60):
        at = rng.randrange(len(made))
        path.write_bytes(made[:at] + bytes([made[at] ^ 1 << rng.randrange(8)]) + made[at + 1 :])
        codes[check.tell(path, None, 0)] += 1
        if not check.tell(path, None, 0):
            assert members_of(path.read_bytes()) == members_of(made)
    assert codes[1] > 40


def test_a_sample_accepts_nothing(tmp_path, capsys):
    path = tmp_path / "x.cert"
    of = members("ranks")
    assert told(of, path) == 0
    total = said_in(of)["states"]
    for number, code in ((1, 3), (total - 1, 3), (total, 0), (total + 1, 0)):
        capsys.readouterr()
        assert check.tell(path, number, 5) == code
        said = capsys.readouterr().out
        assert said.startswith(
            "ACCEPTED" if code == 0 else f"SAMPLED, NOT ACCEPTED: {path}: {number} of {total} states (seed 5)"
        )


def test_a_sample_finds_what_is_wrong_where_it_looks(tmp_path):
    """And says no more than that where it does not."""
    of = members("ranks", ("no_eoi_lost", "eoi_exit"))
    more = with_states(of, [*states(of), (1 << 20) - 1])  # no state of the model: a Vector | None has none such
    path = tmp_path / "x.cert"
    assert told(more, path) == 1
    assert {check.tell(path, len(states(of)) // 2, seed) for seed in range(9)} == {1, 3}


def test_numbers_as_bytes():
    rng = random.Random(1)
    for width in (1, 2, 5, 11):
        for count in (1, 2, 300):
            numbers = [rng.getrandbits(8 * width) for _ in range(count)]
            assert unpack(pack(numbers, width), count, width) == numbers


def test_the_digests_are_of_what_was_imported():
    digests = check.imported()
    assert {"model.lang", "model.finite", "model.machine"} <= digests.keys()
    assert not any(name.startswith(("checker", "tests")) for name in digests)
    assert check.find("model.machine", "Scope").__module__ == "model.machine" and ROOT.joinpath("model").is_dir()
