"""Programs that are linked from parts (checker/engine/linked.py): what they are made of is never another program's, and
bugs put into what puts them together are noticed."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checker.engine import cgen_part, engine_abi, linked, native
from checker.engine.build import compile_c
from checker.engine.cgen_part import Contents, PartUnit, contents_of
from checker.engine.linked import Module, PartFile, link
from checker.engine.parts import Parts
from checker.engine.passages import passages
from checker.engine.prepare import Prepared
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch, Outcome
from checker.errors import InternalError
from model.finite import IntType
from tests.rigs.compare import InParts, assert_same_search, compare_everywhere, compare_formulas, compare_reachable
from tests.rigs.header import Sizes, Version
from tests.rigs.linked_toys import Edits, Files, Toy, check
from tests.rigs.volume import at_once

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

NOTICED = (AssertionError, InternalError, KeyError)


def is_noticed(ask: Callable[[], object]) -> bool:
    """Does it fail? In a process of its own, as what is linked wrongly may well crash."""
    child = os.fork()
    if not child:
        faulthandler.disable()
        status = 2  # it failed for another reason than what it found
        try:
            ask()
            status = 0
        except NOTICED:
            status = 1
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) in (0, 1)
    return not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 1


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No unit is known: the changed writing of units is not kept for others."""
    monkeypatch.setattr(linked, "_units", {})
    monkeypatch.setattr(linked, "_modules", {})


# --- every mix of roles ------------------------------------------------------------------------------------------

MIXES = (
    "one patched", "patched one", "one two", "one two third", "third one patched", "one two thirdwide", "one two thirdtick",
    "one twotop", "one twoextra", "oneextra twoextra", "oneextra two", "one twobetween", "odd two", "patched odd", "extra",
)  # fmt: skip


@pytest.mark.everything
def test_every_mix_of_roles_does_what_cpython_does(files: Files) -> None:
    """Among them: functions and steps of the shared class that a role restates, a part whose class has two bases, a step
    that calls initial(), a class that is not mixed at all."""
    for roles in MIXES:
        check(files.toy(roles, properties=roles != "extra"), tries=40)


def test_parts_and_the_whole_agree_on_all_that_is_asked(files: Files) -> None:
    toy = files.toy("one patched")
    compare_everywhere(toy.program, toy.design, toy.scope, 30)
    assert compare_formulas(toy.program, toy.design, toy.scope, toy.properties) > 20
    compare_reachable(toy.program, toy.design, toy.scope, toy.properties)


def test_what_belongs_to_which_part(files: Files) -> None:
    parts = _parts(files.toy("one patched"))
    assert parts.count == 2
    assert parts.of_field == {"on": None, "seen": None, "rows": 1, "rest": 1, "level": 0, "last": 0}
    assert [parts.part_of(name) for name in ("send", "take", "Two.take", "toggle", "note")] == [0, 1, 1, None, None]
    assert not any(map(parts.is_formula, ("send", "take"))) and parts.is_formula("seldom")


def test_what_is_not_mixed_is_all_common(files: Files) -> None:
    toy = files.toy("extra", properties=False)
    assert _parts(toy).count == 0 and set(_parts(toy).of_field.values()) == {None}


def units_of(toy: Toy) -> list[PartUnit]:
    return [linked.unit_of(contents) for contents in contents_of(toy.program, _parts(toy), [])]


def _parts(toy: Toy) -> Parts:
    return Parts(toy.program, toy.design)


# --- a stale unit -------------------------------------------------------------------------------------------------

EDITS: dict[str, Edits] = {
    "the body of a step": {"one": (("self.last = pin", "self.last = None"),)},
    "the body of a function of another role": {"two": (("if cpu == 1", "if cpu == 0"),)},
    "the body of a shared function": {"shared": (("pin == self.TOP", "pin != self.TOP"),)},
    "the body of a property": {"properties": (("s.rest == 1", "s.rest == 2"),)},
    "a constant of the class": {"shared": (("TOP = 1", "TOP = 2"),)},
    "a constant of a role": {"patched": (("class Patched(Two):\n", "class Patched(Two):\n    TOP = 2\n\n"),)},
    "a constant of the file": {"shared": (("NUMBER = 1", "NUMBER = 2"),)},
    "the type of a field": {"one": (("last: Pin | None", "last: Annotated[int, Index(5)] | None"),)},
    "the type of another role's field": {"two": (("rest: Pin", "rest: Annotated[int, Index(4)]"),)},
    "the order of fields": {"one": (("level: Pin\n    last: Pin | None\n", "last: Pin | None\n    level: Pin\n"),)},
    "the order of another role's fields": {"two": (("rows: Table[Cpu, Row]\n    rest: Pin\n", "rest: Pin\n    rows: Table[Cpu, Row]\n"),)},
    "one more field of all": {"shared": (("on: bool\n", "extra: Pin\n    on: bool\n"),)},
    "one more field of another role": {"two": (("rows: Table", "extra: Pin\n    rows: Table"),)},
    "a parameter of a step": {"two": (("def give(self, cpu: Cpu)", "def give(self, cpu: Pin)"), ("self.rows[cpu].line = False", "self.rows[0].line = cpu == 1"))},
    "the signature of another role's function": {
        "two": (("def free(self, cpu: Cpu, pin: Pin)", "def free(self, pin: Pin, cpu: Cpu)"),),
        "one": (("self.free(cpu, pin)", "self.free(pin, cpu) or pin == 2"),),
        "others": (("self.free(0, 0)", "self.free(0, 1)"),),
    },
    "what another role's function returns": {
        "two": (("-> bool:\n        return not self.rows[cpu].line", "-> Pin | None:\n        return None if self.rows[cpu].line else self.rows[0].vector\n        # "),),
        "others": (("self.free(0, 0)", "self.free(0, 0) is None"),),
        "one": (("require(self.free(cpu, pin))", "require(self.free(cpu, pin) is not None)"),),
    },
    "who restates a function": {"patched": (("def wanted(", "def unwanted("), ("return super().wanted(pin) or pin == 0", "return pin == 0"))},
    "a wider cell": {"two": (("rest: Pin\n", "rest: Pin\n    many: Mask[Annotated[int, Index(9)]]\n"),)},
}  # fmt: skip


@pytest.mark.parametrize("edit", at_once(EDITS, 6))
def test_what_was_edited_is_used(files: Files, tmp_path: Path, edit: str) -> None:
    before = check(files.toy())
    assert check(Files(tmp_path, EDITS[edit]).toy()) != before, "the edit can be seen"


@pytest.mark.everything
def test_sizes_and_choices_are_looked_at(files: Files) -> None:
    """Of one program, choices are data; of other sizes it is another one."""
    scopes = [Sizes(), Sizes(lazy=True), Sizes(version=Version.V11), Sizes(pins=2), Sizes(cpus=3), Sizes(pins=9)]
    found = [check(files.toy(scope=scope)) for scope in scopes]
    assert found[0] != found[1], "lazy is asked for"
    assert found[0] == found[2], "version is not"
    units = [units_of(toy) for toy in map(files.toy, ["one patched"] * 2, scopes[:2])]
    assert units[0] == units[1]


# --- one file for several sizes -----------------------------------------------------------------------------------

COUNTS: Edits = {  # a step that counts, and one that stores what may be no index
    "one": (
        (
            '    @step(by="one")\n    def rise',
            """    @step(by="one")
    def count(self) -> None:
        for pin in range(self.scope.pins):
            if not self.wanted(pin):
                self.last = pin

    @step(by="one")
    def rise""",
        ),
        ("self.level += NUMBER", "self.level += NUMBER\n        self.last = self.level + 1"),
    )
}
FEW = [Sizes(cpus=cpus, pins=pins) for cpus in (1, 2) for pins in (3, 5, 6)]


def test_sizes_with_room_in_the_same_tables_share_their_files(tmp_path: Path) -> None:
    files = Files(tmp_path, COUNTS)
    toys = [files.toy(scope=scope) for scope in FEW]
    linked_ = [link(toy.program, toy.design, []) for toy in toys]
    assert len({tuple(file.library for file in of.files) for of in linked_}) == 1
    assert len({tuple(file.lasts for file in of.files) for of in linked_}) == len(FEW)
    assert len({of.meaning.digest for of in linked_}) == len(FEW)
    assert len({str(check(toy)) for toy in toys}) == len(FEW), "and do what each of them does"


def test_other_room_is_another_file(files: Files) -> None:
    of_two, of_three = (
        {unit.source() for unit in units_of(files.toy(scope=scope))} for scope in (Sizes(), Sizes(cpus=3))
    )
    of_both = of_two & of_three
    assert [text for text in of_two if "rows[" not in text] == list(of_both), "what sees no table is the same"


def test_an_index_of_two_kinds_is_a_number(files: Files, nothing_kept: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one kind has two last indices in one file, the table says the first, and the file the other."""
    last = PartUnit._last

    def of_one_kind(self: PartUnit, of: IntType) -> str:
        return last(self, replace(of, index="kind") if of.index else of)

    monkeypatch.setattr(PartUnit, "_last", of_one_kind)
    toy = files.toy()
    assert {name for unit in units_of(toy) for name in unit.lasts} == {"kind"}
    check(toy)


# Dropped from what a unit is known by: the mix that is linked first, and the one that is then wrong.
IGNORED = {
    "count": (1, "one two", "one two third"),
    "size of a cell": (2, "one two third", "one two thirdwide"),
    "common fields": (4, "one two", "oneextra twoextra"),
    "other parts": (5, "one two", "one twobetween"),
    "functions": (6, "one two", "one patched"),
    "copies": (6, "one two", "one twotop"),
    "steps": (8, "one two third", "one two thirdtick"),
}


@pytest.mark.parametrize("what", at_once(IGNORED, 4))
def test_a_unit_that_is_known_by_less_is_noticed(
    files: Files, what: str, nothing_kept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, first, second = IGNORED[what]
    whole = Contents.key

    def key(self: Contents) -> object:
        parts = whole(self)
        assert isinstance(parts, tuple)
        if what == "copies":  # own functions count, those of the shared class do not
            return (*parts[:place], parts[place][0], *parts[place + 1 :])
        return parts[:place] + parts[place + 1 :]

    for roles in (first, second):
        check(files.toy(roles), notes=False)
    linked._units.clear()
    monkeypatch.setattr(Contents, "key", key)
    check(files.toy(first), notes=False)
    assert is_noticed(lambda: check(files.toy(second), notes=False))


def test_passages_are_noted_in_units_of_their_own(
    files: Files, nothing_kept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy, whole = files.toy(), Contents.key
    InParts(toy.program, toy.design, toy.scope)  # nothing is noted
    check(toy)
    linked._units.clear()
    monkeypatch.setattr(Contents, "key", lambda self: whole(self)[:-1])  # type: ignore[index]
    InParts(toy.program, toy.design, toy.scope)
    assert is_noticed(lambda: check(toy))


# --- a library that belongs to another text -----------------------------------------------------------------------

LAYOUTS = (
    "the order of another role's fields",
    "one more field of all",
    "one more field of another role",
    "a wider cell",
)


def another_library(files: Files, tmp_path: Path, edit: str, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """The edited system, whose first role is loaded as the unedited one's library: as if two texts had one hash."""
    first = files.toy()
    old, toy = units_of(first)[0], Files(tmp_path, EDITS[edit]).toy()
    new = units_of(toy)[0]
    assert old.source() != new.source()
    monkeypatch.setattr(linked, "compile_c", lambda text: compile_c(old.source() if text == new.source() else text))
    return toy


@pytest.mark.parametrize("edit", LAYOUTS)
def test_parts_that_see_two_layouts_are_not_linked(
    files: Files, tmp_path: Path, edit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = another_library(files, tmp_path, edit, monkeypatch)
    with pytest.raises(InternalError, match="takes the state for another one"):
        link(toy.program, toy.design, []).start()


@pytest.mark.parametrize("edit", LAYOUTS[:2])
def test_without_that_check_they_would_do_something_else(
    files: Files, tmp_path: Path, edit: str, nothing_kept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PartUnit.source
    monkeypatch.setattr(PartUnit, "layout", lambda self: [])
    monkeypatch.setattr(PartUnit, "source", lambda self: source(self).replace("{  }", "{ 0 }"))
    toy = another_library(files, tmp_path, edit, monkeypatch)
    assert is_noticed(lambda: check(toy, notes=False))


# --- bugs in the C of a part --------------------------------------------------------------------------------------

BUGS: dict[str, tuple[str, str]] = {
    "fields of another part": ("s_of_1 = (void *)((uint8_t *)s + to[3])", "s_of_1 = (void *)((uint8_t *)s + to[2])"),
    "a call of super() is lost": ("ret = Two_take(s, row, mask, cpu, pin, to);", "ret = 0;"),
    "super() of a pure function is lost": ("Shared_wanted(s, pin, to) || ", ""),
    "the status of another role is dropped": ("ret = take(s, &s_of_1->rows[cpu], &s->seen, cpu, pin, to);", "ret = 0, take(s, &s_of_1->rows[cpu], &s->seen, cpu, pin, to);"),
    "arguments of a step are mixed up": ("send(begin(now, out), cpu, pin, to)", "send(begin(now, out), pin & 1, cpu, to)"),
    "arguments of another role are mixed up": ("(s, row, mask, cpu, pin, (const", "(s, row, mask, pin & 1, cpu, (const"),
    "a choice is compiled in": ("s->choice_lazy ? 2 : 0", "0"),
    "a mark is not made": ("((uint8_t *)to[1])[0] = 1;", ""),
    "a formula is asked of one value": ("seldom(s, pin, to)", "seldom(s, 0, to)"),
    "two formulas share a bit": ("bit++;", ""),
    "a disabled step leaves a place that is never fresh": ("if (!out->fresh)", "if (0)"),
    "what follows a step begins at its end": ("out->fresh = status == DISABLED;", "out->fresh = 1;"),
    "a fault is not told": ("label | 0x8000", "label"),
    "labels count the enabled": ("*out->label++ = status", "*out->label++ = 0 && status"),
    "disabled steps are kept": ("if (out->fresh)\n\t\treturn;", ""),
}  # fmt: skip


@pytest.mark.parametrize("bug", at_once(BUGS, 4))
def test_the_bug_in_a_part_is_noticed(
    files: Files, bug: str, nothing_kept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (good, bad), made = BUGS[bug], PartUnit.source
    scope = Sizes(lazy=True)
    changed = list[bool]()

    def source(self: PartUnit) -> str:
        text = made(self)
        changed.append(good in text)
        return text.replace(good, bad)

    check(files.toy(scope=scope))
    linked._units.clear()
    monkeypatch.setattr(PartUnit, "source", source)
    toy = files.toy(scope=scope)
    link(toy.program, toy.design, passages(toy.program, toy.design))
    assert any(changed), "the bug must be possible, and compile"
    assert is_noticed(lambda: check(toy))


# --- bugs in what links them --------------------------------------------------------------------------------------


def wrong_override(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one(a role) calls take() is the function that take() restates."""
    made = Module.__init__

    def start(self: Module, file: PartFile) -> None:
        made(self, file)
        if ("function", "Two.take") in self.address:
            self.address["function", "take"] = self.address["function", "Two.take"]

    monkeypatch.setattr(Module, "__init__", start)


def choices_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Parts._offsets
    monkeypatch.setattr(
        Parts, "_offsets", lambda self, program: [at - len(program.choices) for at in made(self, program)]
    )


def properties_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """What properties run counts as run by steps."""
    made = linked.Linked._words
    monkeypatch.setattr(linked.Linked, "_words", lambda self, asking: made(self, 0))


def numbers_begin_at_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step's labels, and every formula's bits, begin where those of the first do."""
    made = linked._Tables._calls

    def calls(self: linked._Tables, *given: object) -> linked.U64:
        found = made(self, *given)  # type: ignore[arg-type]
        found[:, 2:3] = 0
        return found

    monkeypatch.setattr(linked._Tables, "_calls", calls)


def last_indices_are(change: Callable[[tuple[int, ...]], tuple[int, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked, "PartFile", lambda *a: PartFile(*a[:4], change(a[4]), a[5]))


def last_indices_are_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    last_indices_are(lambda lasts: lasts[::-1], monkeypatch)


def last_indices_are_of_another_size(monkeypatch: pytest.MonkeyPatch) -> None:
    last_indices_are(lambda lasts: (*lasts[:-1], *(last - 1 for last in lasts[-1:])), monkeypatch)


def last_indices_lie_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    last_indices_are(lambda lasts: (0, *lasts), monkeypatch)


LINKING = [
    wrong_override, choices_take_no_room, properties_mark, numbers_begin_at_zero,
    last_indices_are_mixed_up, last_indices_are_of_another_size, last_indices_lie_elsewhere,
]  # fmt: skip


@pytest.mark.parametrize("bug", LINKING)
def test_the_bug_in_linking_is_noticed(
    files: Files, bug: Callable[[pytest.MonkeyPatch], None], nothing_kept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(files.toy())
    linked._units.clear()
    linked._modules.clear()
    bug(monkeypatch)
    assert is_noticed(lambda: check(files.toy()))


# --- going on with the whole program ------------------------------------------------------------------------------

NO_FAULT: Edits = {"one": (("self.level += NUMBER", "self.level = 2 if self.level == 1 else 1"),)}


def explored(toy: Toy, whole: bool = False) -> NativeSearch:
    prepared = None if whole else Prepared(toy.design, toy.scope, toy.properties)
    noted = prepared.noted if prepared else passages(toy.program, toy.design)
    search = NativeSearch(
        toy.program, Reference(toy.design, toy.scope), keep_edges=True, prepared=prepared, noted=noted
    )
    assert search.run(Limits(), None) is Outcome.COMPLETE
    return search


def lines_after_going_on(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> object:
    with monkeypatch.context() as patch:
        patch.setattr(native, "BORDER", 1)
        patch.setattr(native, "CHUNK_SECONDS", 0.0)
        search = explored(toy)
    assert search._library is not None, "it went on"
    return search.lines_run()


@pytest.mark.everything
def test_lines_that_either_form_ran_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Files(tmp_path, NO_FAULT).toy(scope=Sizes(cpus=3))
    alone, whole = explored(toy), explored(toy, whole=True)
    assert alone.stats().states > 1000 and alone._library is None
    assert_same_search(alone, whole)
    lines = alone.lines_run()
    assert 0 < sum(lines.values()) < len(lines)
    assert whole.lines_run() == lines_after_going_on(toy, monkeypatch) == lines
    made = NativeSearch._take_marks

    def of_library(self: NativeSearch) -> native.U8:
        return made(self) & (0 if self._library is not None else 1)

    monkeypatch.setattr(NativeSearch, "_take_marks", of_library)
    assert lines_after_going_on(toy, monkeypatch) != lines


# --- bugs in the engine's part of it (linked.h) -------------------------------------------------------------------

ENGINE_BUGS = {
    "labels begin at none": ("(u32)move->label", "0"),
    "the last step is not taken": ("move + linked->n_moves", "move + linked->n_moves - 1"),
    "the last formula is not asked": ("*end = asked + count", "*end = asked + count - 1"),
    "formulas that are wanted by their first atom only": ("bit < from + count", "bit < from + 1"),
}


@pytest.mark.parametrize("bug", at_once(ENGINE_BUGS, 8))
def test_the_bug_in_the_engine_is_noticed(files: Files, bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (good, bad), text = ENGINE_BUGS[bug], engine_abi.engine_source()
    assert good in text, "the bug must be possible"
    toy = files.toy()
    check(toy)
    monkeypatch.setattr(engine_abi, "engine_source", lambda: text.replace(good, bad))
    assert is_noticed(lambda: check(toy))


# --- bugs in how formulas are asked of all successors of a state -----------------------------------------------------

MANY: Edits = {
    **NO_FAULT,
    "properties": (
        (
            "@always()\ndef rises",
            """\
@always()
def many(before: Shared, s: Shared, a: Pin, b: Pin, c: Pin, d: Pin) -> bool:
    return not (before.level == a and s.level == b and c in before.seen and d in s.seen)


@always()
def rises""",
        ),
    ),
}
ASKING_BUGS = {
    "each successor is taken for the first": ("w->now + (u64)k * words, value", "w->now, value"),
    "each successor has the label of the first": ("{src, labels[k], first + k}", "{src, labels[0], first + k}"),
    "what is said of one has always one word": ("words += those->answers", "words += 1"),
    "states are one word long": ("state += those->words", "state += 1"),
    "open is only what was never seen false": ("[k].count) || any_bit(", "[k].count) && any_bit("),
}


@pytest.mark.parametrize("bug", at_once(ASKING_BUGS, 6))
def test_the_bug_in_asking_is_noticed(
    tmp_path: Path, bug: str, nothing_kept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = Files(tmp_path, MANY).toy()
    whole = explored(toy, whole=True)
    assert whole.exploration.shape.n_edge_atoms > 64, "more than a word"
    assert_same_search(explored(toy), whole)
    (good, bad), text = ASKING_BUGS[bug], engine_abi.engine_source()
    of_parts = "\n".join(cgen_part.ASKING)
    assert good in text + of_parts, "the bug must be possible"
    linked._units.clear()
    linked._modules.clear()
    monkeypatch.setattr(engine_abi, "engine_source", lambda: text.replace(good, bad))
    monkeypatch.setattr(cgen_part, "ASKING", of_parts.replace(good, bad).splitlines())
    assert is_noticed(lambda: assert_same_search(explored(toy), whole))
