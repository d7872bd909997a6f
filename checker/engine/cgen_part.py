"""The C of one part of a system: made and compiled once, and linked with whatever the part is mixed with.

A part's file has the functions of its class, static copies of the common ones that they call, and what steps and
properties start with. Nothing in it depends on what the other parts are, but for what it names of them:

    the common fields lie at the start of the state; the fields of part N at to[2 + N] bytes from there
    a function of another part is called through a pointer, with the type that the function has in the IR
    every state-changing function returns a status, as nobody knows what another part's does

`to` is the table of the part that a function stands in, the last argument of each:

    to[0]       a byte that is set when a local of a pure function went out of range
    to[1]       one byte for each noted passage of this file
    to[2 + N]   where the fields of part N begin
    then        for each function of another part: its address, and the table of its part
    then        the last index of each kind that is counted here (pins, vectors...): so the C is the same for all sizes whose
                tables have the same room

The linker (linked.py) fills the tables; `eoi_exports` and `eoi_layout` tell it what the file has, and what it takes the
state for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from checker.engine.cgen import FAULT_BIT, HELPERS, loops, nested
from checker.engine.cgen_expr import ExpressionWriter
from checker.engine.cgen_stmt import FunctionWriter, prototype, states_of
from checker.engine.cgen_unit import (
    ENTRY_NAMES,
    FUNCTION_NAMES,
    CUnit,
    Names,
    choice_names,
)
from checker.engine.facts import facts, reached
from checker.engine.parts import Fields, Parts
from checker.engine.passages import Passage
from checker.language.ir import Function, Program
from checker.language.layout import cells, room
from model.finite import IntType, MaskType, OptionalType, Scalar, StructType, TableType

OWN_NAMES = "to bit begin end word words successors those state from next fresh eoi_exports eoi_layout"
TABLE_HEAD = 2  # words of a table before the places of the parts

Export: TypeAlias = tuple[str, str]  # ("function", its name), ("step", of a step), ("formula", of its first function)

STARTS = f"""\
typedef uint64_t __attribute__((may_alias)) word;
struct successors {{ word *next; uint16_t *label; uint32_t words, fresh; }};
struct those {{ const word *states; uint32_t count, words, answers; }};

static inline struct sys *begin(const word *now, struct successors *out)
{{
	if (!out->fresh)
		__builtin_memcpy(out->next, now, 8 * (uint64_t)out->words);
	return (struct sys *)out->next;
}}

static inline void end(struct successors *out, int status, uint32_t label, const uint64_t *to)
{{
	if (*(uint8_t *)to[0]) {{
		*(uint8_t *)to[0] = 0;
		status = FAULT;
	}}
	out->fresh = status == DISABLED; /* then the next place holds the state: the step has left it as it was */
	if (out->fresh)
		return;
	*out->label++ = status == FAULT ? label | {FAULT_BIT:#x} : label;
	out->next += out->words;
}}
""".splitlines()

TAKEN = "const word *now, struct successors *out, uint32_t label, const uint64_t *to"
ASKED = "const struct sys *before, const struct those *those, uint64_t *words, uint32_t from, const uint64_t *to"
ASKING = """\
	const word *state = those->states;
	for (uint32_t n = those->count; n; n--, state += those->words, words += those->answers) {
		const struct sys *s = (const struct sys *)state;
		uint32_t bit = from;
""".splitlines()


@dataclass(frozen=True)
class Contents:
    """What the text of a part's file depends on, and nothing else. number: of its part; None: the common one, or a file
    of properties. parts: of the other parts, the fields of those that it names."""

    number: int | None
    count: int
    cell_bytes: int
    choices: tuple[tuple[str, Scalar], ...]
    common: Fields
    parts: tuple[tuple[int, Fields], ...]
    own: tuple[Function, ...]
    copies: tuple[Function, ...]
    imports: tuple[Function, ...]
    steps: tuple[str, ...]
    formulas: tuple[tuple[str, ...], ...]  # the functions of each
    marked: tuple[int, ...]  # ids of statements

    def key(self) -> Hashable:
        """Equal for equal texts. Functions by identity: lowering makes each once (lower/memo.py)."""
        imports = tuple((f.name, f.params, f.returns, f.of_edges) for f in self.imports)
        functions = tuple(map(id, self.own)), tuple(map(id, self.copies))
        shapes = self.number, self.count, self.cell_bytes, self.choices, self.common, self.parts
        return *shapes, functions, imports, self.steps, self.formulas, self.marked


class PartUnit(CUnit):
    """The file of a part. texts: function -> its C, without comments. exports: what eoi_exports holds, in order. lasts: kind
    of index -> the last one, in the order of the table."""

    tail = "to"
    hurt = "*(uint8_t *)to[0] = 1;"

    def __init__(self, contents: Contents) -> None:
        super().__init__(contents.cell_bytes)
        self.contents = contents
        self._lasts: dict[str, int] = {}
        self.marks: Mapping[int, int] = {statement: number for number, statement in enumerate(contents.marked)}
        here = [*contents.copies, *contents.own]
        self._functions = {f.name: f for f in (*here, *contents.imports)}
        self._part_of_field = {name: part for part, fields in contents.parts for name, _ in fields}
        self._common = StructType(object, contents.common)
        self._structs = {part: StructType(object, fields) for part, fields in contents.parts}
        self._name_types(here)
        pointers = {f"{state}_of_{part}" for state in ("s", "before") for part in self._structs}
        self.reserved = frozenset({*OWN_NAMES.split(), *pointers})
        names = Names(FUNCTION_NAMES | ENTRY_NAMES | self.reserved)
        self.functions = {name: names.give(name) for name in sorted(self._functions)}
        starts = [*(("step", name) for name in contents.steps), *(("formula", f[0]) for f in contents.formulas)]
        self.starts: dict[Export, str] = {(kind, name): names.give(f"{kind}_{name}") for kind, name in starts}
        self.stops = {name for name, f in self._functions.items() if f.returns is None}
        called = () if contents.formulas else contents.own  # nobody calls a property
        self.exports: list[Export] = [*(("function", f.name) for f in called), *self.starts]
        self.texts = {f.name: self._text(f) for f in self._in_order(here)}
        self.heads = _bare([*self._types(), *HELPERS.splitlines(), *self._imports()])
        self._ends = _bare(self._starts())
        self.lasts = dict(sorted(self._lasts.items()))

    def _text(self, function: Function) -> str:
        """What steps and formulas start with becomes part of their loops: most instances end in its first lines."""
        text = _bare(FunctionWriter(self, function).lines())
        starts = function.name in self.contents.steps or any(function.name in f for f in self.contents.formulas)
        return text.replace("static ", "static inline __attribute__((always_inline)) ", 1) if starts else text

    def _in_order(self, here: Sequence[Function]) -> list[Function]:
        """Callees first."""
        found = dict[str, Function]()

        def add(function: Function) -> None:
            for name in facts(function).calls:
                if name in inside and name not in found:
                    add(inside[name])
            found.setdefault(function.name, function)

        inside = {f.name: f for f in here}
        for function in here:
            add(function)
        return list(found.values())

    def _name_types(self, here: Iterable[Function]) -> None:
        for part in self._structs:
            self._tags.give(f"part{part}")
        for _, kind in (
            *self.contents.common,
            *(field for fields in self._structs.values() for field in fields.fields),
        ):
            self.name_records(kind)
        for function in (*here, *self.contents.imports):
            for param in function.params:
                self.name_records(param.type)
        for function in here:
            for record in facts(function).records:
                if record.fields:
                    self.name_records(record)
        self.name_record(self._common, "sys")
        for part, struct in self._structs.items():
            self.name_record(struct, f"part{part}")
        fields = [name for name, _ in self.contents.common]
        self.choices = choice_names([name for name, _ in self.contents.choices], fields)

    # --- what the writers of functions ask ---

    def callee(self, name: str) -> Function:
        return self._functions[name]

    def part_of_field(self, name: str) -> int | None:
        return self._part_of_field.get(name)

    def in_state(self, state: str, name: str) -> str:
        part = self._part_of_field.get(name)
        if part is None:
            return f"{state}->{self.field(self._common, name)}"
        return f"{state}_of_{part}->{self.field(self._structs[part], name)}"

    def part_pointer(self, state: str, part: int, pure: str) -> str:
        place = f"({pure}uint8_t *){state} + to[{TABLE_HEAD + part}]"
        return f"{pure}struct part{part} *{state}_of_{part} = ({pure}void *)({place});"

    def mark(self, number: int) -> str:
        return f"((uint8_t *)to[1])[{number}] = 1;"

    def greatest(self, of: Scalar) -> str:
        match of:
            case IntType() if last := self._last(of):
                return last
            case OptionalType(IntType() as inner) if last := self._last(inner):
                return f"{last} + 1"
            case _:
                return super().greatest(of)

    def has_others(self, mask: str, of: MaskType) -> str:
        last = self._last(of.of)
        return f"{mask} >> {last} > 1" if last else super().has_others(mask, of)

    def _last(self, of: IntType) -> str:
        """What stands for it; nothing of plain numbers, and of an index that is made of two kinds."""
        if not of.index or not of.index.isascii() or self._lasts.setdefault(of.index, of.hi) != of.hi:
            return ""
        return last_of(of.index)

    def _counted(self) -> list[str]:
        first = TABLE_HEAD + self.contents.count + 2 * len(self.contents.imports)
        return [f"#define {last_of(kind)} ((int32_t)to[{first + k}])" for k, kind in enumerate(self.lasts)]

    # --- the file ---

    def source(self) -> str:
        """The C file."""
        exports = [self.starts.get(export) or self.functions[export[1]] for export in self.exports]
        table = [f"const void *const eoi_exports[] = {{ {', '.join([*exports, '0'])} }};"]
        words = ", ".join(f"{word:#x}ull" for word in self.layout())
        table.append(f"const uint64_t eoi_layout[] = {{ {words} }};")
        return "\n".join([self.heads, *self._counted(), *self.texts.values(), self._ends, *table, ""])

    def layout(self) -> list[int]:
        """What the file takes the state for: a hash of its common fields, then of the other parts that it names."""
        return layout_words(self.contents)

    def _types(self) -> list[str]:
        cell, lines = self.cell_bytes, ["#include <stdint.h>", f"typedef uint{8 * self.cell_bytes}_t cell;"]
        for of, tag in self.tags.items():
            choices = [f"\tcell {name};" for name in self.choices.values()] if tag == "sys" else []
            lines += [f"struct {tag} {{", *choices, *self.members(of), "};"]
        for of in (self._common, *self._structs.values()):
            count = sum(1 for _ in cells(of)) + (len(self.choices) if of is self._common else 0)
            if count:
                lines.append(f'_Static_assert(sizeof(struct {self.tags[of]}) == {count * cell}, "no padding inside");')
        return lines

    def _imports(self) -> list[str]:
        lines = list[str]()
        for number, function in enumerate(self.contents.imports):
            writer = ExpressionWriter(self, function)
            head = prototype(self, function, writer)
            names = [*states_of(function), *(writer.name(writer.param(p)) for p in function.params)]
            at = TABLE_HEAD + self.contents.count + 2 * number
            kind = f"__typeof__({self.functions[function.name]}) *"
            call = f"(({kind})to[{at}])({', '.join([*names, f'(const uint64_t *)to[{at + 1}]'])})"
            lines += [f"{head.replace('static ', 'static inline ', 1)}", "{", f"\treturn {call};", "}"]
        return lines

    def _starts(self) -> list[str]:
        lines = list(STARTS)
        for (kind, name), start in self.starts.items():
            function = self._functions[name]
            heads, args = loops(self, function.params)
            if kind == "step":
                call = f"{self.functions[name]}({', '.join(['begin(now, out)', *args, 'to'])})"
                taken = nested(heads, [f"end(out, {call}, label++, to);"], name)
                lines += [f"static void {start}({TAKEN})", "{", *taken, "}"]
            else:
                said = self._asking(next(f for f in self.contents.formulas if f[0] == name), args)
                lines += [f"static void {start}({ASKED})", "{", *ASKING, *nested(heads, said, name), "}", "}"]
        return lines

    def _asking(self, functions: Sequence[str], args: Sequence[str]) -> list[str]:
        lines = list[str]()
        for name in functions:
            call = f"{self.functions[name]}({', '.join([*states_of(self._functions[name]), *args, 'to'])})"
            lines += [f"words[bit / 64] |= (uint64_t){call} << bit % 64;", "bit++;"]
        return lines


def last_of(kind: str) -> str:
    """The last index of a kind in C: a name that no name of the model becomes (Names)."""
    return f"_LAST_{kind}"


def layout_words(contents: Contents) -> list[int]:
    common = f"{contents.cell_bytes} {contents.choices} {_shape(contents.common)}"
    return [_hash(common), *(_hash(f"{part} {_shape(fields)}") for part, fields in contents.parts)]


def _shape(fields: Fields) -> str:
    return " ".join(f"{name}: {_type_text(kind)}" for name, kind in fields)


def _type_text(of: object) -> str:
    match of:
        case StructType():
            return f"{{{_shape(of.fields)}}}"
        case TableType(row=row):
            return f"[{room(of)}] {_type_text(row)}"
        case _:
            return "cell"


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _bare(lines: Sequence[str]) -> str:
    """Without comments, which name files and lines: designs that do the same then share one library."""
    return re.sub(r"/\*.*?\*/", "", "\n".join(line for line in lines if line), flags=re.DOTALL)


# --- which files a program has ---


def contents_of(
    program: Program, parts: Parts, noted: Sequence[Passage], together: Sequence[Hashable] = ()
) -> list[Contents]:
    """The files of a program: of each part, of common steps, and of properties. together: of each formula, equal for those
    of one file; none: those that the model has in one."""
    marked = {passage.first for passage in noted if passage.first}
    steps = {step.name for step in program.steps}
    kept = {f.name for f in reached(parts.functions, [name for name in parts.functions if not _of_initial(name)])}
    of_part = dict[int | None, list[Function]]()
    for name, function in parts.functions.items():
        if not parts.is_formula(name) and name in kept:
            part = parts.part_of(name)
            if part is not None or name in steps:
                of_part.setdefault(part, []).append(function)
    found = list[Contents]()
    for part, own in sorted(of_part.items(), key=lambda item: parts.count if item[0] is None else item[0]):
        found.append(_contents(program, parts, part, own, [f.name for f in own if f.name in steps], (), marked))
    by_file = dict[Hashable, list[tuple[str, ...]]]()
    for formula, file in zip(program.formulas, together or [f.loc.file for f in program.formulas], strict=True):
        by_file.setdefault(file, []).append(formula.functions)
    for formulas in by_file.values():
        own = [program.functions[name] for functions in formulas for name in functions]
        found.append(_contents(program, parts, None, own, (), formulas, marked))
    return found


def _sorted(functions: Iterable[Function]) -> tuple[Function, ...]:
    """The order in which one file has them whatever calls them."""
    return tuple(sorted(functions, key=lambda function: function.name))


def _of_initial(name: str) -> bool:
    """What sets up the initial state is for CPython only, unless something else calls it."""
    return name.rpartition(".")[2] == "initial"


def _contents(
    program: Program, parts: Parts, part: int | None, own: Sequence[Function], steps: Sequence[str],
    formulas: Sequence[tuple[str, ...]], marked: set[int],
) -> Contents:  # fmt: skip
    inside = {f.name for f in own}
    copies, imports = dict[str, Function](), dict[str, Function]()
    waiting = list(own)
    for function in waiting:
        for name in facts(function).calls:
            if name in inside or name in copies or name in imports:
                continue
            callee = parts.functions[name]
            if parts.part_of(name) is None:
                copies[name] = callee
                waiting.append(callee)
            else:
                imports[name] = callee
    named = {parts.of_field[field] for f in waiting for field in facts(f).fields}
    here = _sorted(waiting)
    statements = [number for f in here for number in facts(f).statements if number in marked] if marked else []
    return Contents(
        part, parts.count, parts.cell_bytes, tuple(program.choices.items()), parts.fields[-1],
        tuple((p, parts.fields[p]) for p in range(parts.count) if p in named),
        _sorted(own), _sorted(copies.values()), _sorted(imports.values()), tuple(sorted(steps)), tuple(sorted(formulas)), tuple(statements),
    )  # fmt: skip
