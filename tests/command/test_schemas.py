"""Every JSON document is what its schema says, and the schema says all of it: no field is undocumented, none is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

from checker.command import exits
from checker.errors import EnginesDisagree
from tests.lift.test_forms import V1_DIFF
from tests.rigs.answers import SIZES, SMALL
from tests.rigs.own_tree import LATER, written
from tests.rigs.user_file import GOOD

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "checker" / "forms" / "schemas"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
V11, V20 = ((*SMALL, f"{SIZES},ioapic={version}") for version in ("0x11", "0x20"))


def strict(schema: Any) -> Any:
    """The same, but a field that it does not know is an error: a test may be stricter than a reader."""
    if isinstance(schema, dict):
        closed = (
            {"additionalProperties": False} if "properties" in schema and "additionalProperties" not in schema else {}
        )
        return {**{key: strict(value) for key, value in schema.items()}, **closed}
    return [strict(one) for one in schema] if isinstance(schema, list) else schema


REGISTRY = Registry().with_resources(
    [(name, Resource.from_contents(strict(schema))) for name, schema in SCHEMAS.items()]
)


def check(text: str) -> dict[str, Any]:
    """A document, by the schema that its format names."""
    found = json.loads(text)
    name, version = found["format"].removeprefix("eoiproof ").split()
    assert version == "1"
    Draft202012Validator(strict(SCHEMAS[f"{name}.schema.json"]), registry=REGISTRY).validate(found)
    SEEN.setdefault(name, set()).update(paths(found))
    return found


SEEN: dict[str, set[str]] = {}
CHECKED: set[tuple[str, ...]] = set()  # the commands whose documents were, in this process


def paths(value: Any, at: str = "") -> set[str]:
    """`cells.verdicts.note`: the fields of a document, without the numbers of lists."""
    if isinstance(value, list):
        return {p for one in value for p in paths(one, at)}
    if not isinstance(value, dict):
        return set()
    return {p for key, one in value.items() for p in ({f"{at}{key}"} | paths(one, f"{at}{key}."))}


def known(schema: Any, at: str = "") -> set[str]:
    """What a schema names, in the same way."""
    if "$ref" in schema:
        return known(SCHEMAS["common.schema.json"]["$defs"][schema["$ref"].rpartition("/")[2]], at)
    if "items" in schema:
        return known(schema["items"], at)
    return {
        p for key, one in schema.get("properties", {}).items() for p in ({f"{at}{key}"} | known(one, f"{at}{key}."))
    }


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(GOOD)
    Path("fix.patch").write_text(V1_DIFF)
    return tmp_path


RUNS = {
    "verdicts": [("prove", "base", *V11, "--reduce"), ("prove", "fix.patch", *V20, "--absolute"), ("prove", "mine.py", "--kernel", "base", *V20)][:2],
    "diff": [("diff", "base", "v1", *V11), ("prove", "fix.patch", *V11), ("diff", "base", "mine.py", *V20), ("diff", "base", "base", *V20),
             ("diff", "base", "v1", "--vmm", "qemu", "--guest", "linux", "--property", "no_storm", "--max-states", "1000")],
    "compat": [("compat", "base", "v1", "--vmm", "qemu", "--claim", "flagless_vmm", "--scope", SIZES)],
    "trace": [("trace", "v1", "--property", "no_eoi_lost", *V11), ("trace", "base", "--property", "no_storm", *V11), ("trace", "mine.py", "--property", "no_eoi_lost", *V11, "--watch", "s.apic[0].isr")],
    "nfc": [("nfc", "base", "v1", *V11), ("nfc", "base", "base", *V11), ("nfc", "base", "fix.patch", *V11)],
    "sat": [("prove", "v1", "--engine", "sat", "--vmm", "qemu", "--guest", "windows_cg", "--scope", f"{SIZES},ioapic=0x11", "--property", name) for name in ("no_eoi_lost", "no_reinjection", "no_storm")],
    "when": [("when", "v1", *SMALL, SIZES), ("when", "fix.patch", "no_eoi_lost", *V11)],
    "migrations": [("migrations", "--table", "rfc_v2")],
    "error": [("prove", "bas")],
}  # fmt: skip


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, of in RUNS.items() for words in of])
def test_what_is_printed_is_what_the_schema_says(eoi, files, name, words):
    ran = eoi(*words, "--json")
    assert check(ran.out)["format"] == f"eoiproof {name} 1"
    CHECKED.add(words)


def test_of_a_gate(eoi, files):
    of = ("gate", "--design", "mutant_b1", "--jobs", "1")
    assert eoi(*of, "--write", "all.toml").code == 0
    check(eoi(*of, "--expected", "all.toml", "--json").out)
    Path("all.toml").write_text(Path("all.toml").read_text().replace("no_storm FAIL", "no_storm ok; x FAIL", 1))
    found = check(eoi(*of, "--expected", "all.toml", "--json").out)
    assert found["failed"] and {one["property"] for one in found["said"]} == {"no_storm", "x"}


def test_of_a_kernel_tree(eoi, tmp_path):
    ran = eoi("drift", str(written(tmp_path / "own", LATER)), "--json")
    assert check(ran.out)["rows"]


def test_of_engines_that_disagree():
    error = EnginesDisagree("a verdict", {"CPython": "1", "C": "2"})
    found = check(exits.as_json(exits.Exit.BROKEN, error, str(error)))
    assert found["answers"] == {"CPython": "1", "C": "2"}


def test_interrupted_ones(eoi, after_one_cell):
    ran = eoi(
        "prove",
        "base",
        "--vmm",
        "qemu,crosvm,openvmm",
        "--guest",
        "linux",
        "--property",
        "no_storm",
        "--scope",
        "cpus=1,pins=1",
        "--json",
    )
    found = check(ran.out)
    assert ran.code == 3 and found["undecided"] and "interrupted" in found["open_because"]


RARE = {
    "sat": {"verdicts.confirmed"},  # which --confirm does
    "gate": {"not_judged"},  # after Ctrl-C
    "verdicts": {"not_applicable", "cells.verdicts.confirmed"},
}


def test_the_schemas_make_nothing_up(eoi, files, tmp_path):
    """Each field that one names is printed by some command above."""
    for of in RUNS.values():
        for words in set(of) - CHECKED:
            check(eoi(*words, "--json").out)
    for name, fields in SEEN.items():
        made_up = known(SCHEMAS[f"{name}.schema.json"]) - fields
        assert {p for p in made_up if not any(p == r or p.startswith(f"{r}.") for r in RARE.get(name, ()))} <= set(), (
            name
        )
    assert {"verdicts", "diff", "compat", "trace", "migrations", "error"} <= SEEN.keys()


def test_each_is_a_schema_and_bites():
    assert set(SCHEMAS) == {f"{name}.schema.json" for name in (*RUNS, "gate", "drift", "common")}
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    good = {"format": "eoiproof error 1", "exit": 2, "error": "x"}
    check(json.dumps(good))
    for bad in ({**good, "exit": 1}, {**good, "error": 1}, {**good, "more": 1}, {"format": "eoiproof error 1"}):
        with pytest.raises(ValidationError):
            check(json.dumps(bad))


def test_a_reader_of_today_reads_what_is_added_tomorrow():
    """As the documents promise: a field more is no error by the schema itself."""
    good = {"format": "eoiproof error 1", "exit": 2, "error": "x", "tomorrow": [1]}
    Draft202012Validator(SCHEMAS["error.schema.json"]).validate(good)
