"""The C of a program for large searches: beside what cgen.py writes, its steps on keys, so that a state is neither unpacked
nor copied nor packed.

    uint32_t eoi_keys(const uint32_t *key, const void *frozen, uint32_t *out, uint16_t *labels);
                                               the keys of all enabled successors, in order of labels; returns how many, or
                                               NO_KEYS: eoi_expand says what is wrong with which

A key is the packed state of checker.language.layout. A place in it is the number of its first bit, which is a constant
wherever no index of a row is computed. frozen: a state of eoi_expand with the choices of the scope. Nothing is said of a
state where a step fails, or stores what its field has no room for, even if it stores something else there later:
eoi_expand then finds what is wrong, if anything is, so all faults are told by one piece of code.
"""

from __future__ import annotations

from collections.abc import Sequence

from checker.engine.cgen import generate, last_of, loops, nested, of_thread
from checker.engine.cgen_expr import ExpressionWriter
from checker.engine.cgen_stmt import FunctionWriter
from checker.engine.cgen_unit import ENTRY_NAMES, FUNCTION_NAMES, Names, Unit
from checker.engine.facts import reached
from checker.engine.passages import Passage
from checker.language.ir import Alias, Before, Expr, FieldOf, Function, Place, Program, RowOf, State, Step
from checker.language.layout import Layout, leaves, width
from model.finite import MaskType, Scalar, StructType, Type

# Of the function that the engine calls; what is at file scope has its names in cgen_unit.py.
ENTRY_OF_KEYS = frozenset(["key", "frozen", "next", "status", "wrong"])

# A field may lie in two words of a key, of which there are WORDS.
HELPERS = """\
struct packed {
	uint64_t word[WORDS], spilt; /* spilt: bits that some field had no room for */
	const cell *choices;
};

#define ONES(width) (~0ULL >> (64 - (width)))

static inline __attribute__((always_inline)) uint64_t get_bits(const struct packed *s, uint32_t at, uint32_t width)
{
	uint64_t bits = s->word[WORDS == 1 ? 0 : at / 64] >> at % 64;
	if (WORDS > 1 && at % 64 + width > 64)
		bits |= s->word[at / 64 + 1] << (64 - at % 64);
	return bits & ONES(width);
}

static inline __attribute__((always_inline)) void put_bits(struct packed *s, uint32_t at, uint32_t width, uint64_t value)
{
	uint64_t *word = s->word + (WORDS == 1 ? 0 : at / 64);
	s->spilt |= value & ~ONES(width);
	value &= ONES(width);
	word[0] = (word[0] & ~(ONES(width) << at % 64)) | value << at % 64;
	if (WORDS > 1 && at % 64 + width > 64)
		word[1] = (word[1] & ~(ONES(width) >> (64 - at % 64))) | value >> (64 - at % 64);
}
"""


class KeyUnit(Unit):
    """The functions of a program once more, of keys. offsets: where a field lies in its record."""

    state = "struct packed"

    def __init__(self, program: Program, taken: Unit) -> None:
        super().__init__(program, taken.marks)
        self.reserved |= ENTRY_OF_KEYS
        self.reached = reached(program.functions, [step.name for step in program.steps])
        names = Names(FUNCTION_NAMES | ENTRY_NAMES | set(taken.functions.values()))
        self.functions = {f.name: names.give(f"{f.name}_of_key") for f in self.reached}
        self.bits = Layout(program).bits
        self.words32 = max(1, -(-self.bits // 32))
        self.number_of_choice = {name: number for number, name in enumerate(program.choices)}
        self._sizes = dict[Type, int]()

    def pointer(self, of: Type, name: str, pure: str = "") -> str:
        return f"uint32_t {name}"

    def size(self, of: Type) -> int:
        """In bits."""
        if of not in self._sizes:
            self._sizes[of] = sum(width(leaf.type) for leaf in leaves(of))
        return self._sizes[of]

    def offset(self, of: Type, name: str) -> int:
        assert isinstance(of, StructType), of
        names = [field for field, _ in of.fields]
        return sum(self.size(kind) for _, kind in of.fields[: names.index(name)])


class KeyExpressions(ExpressionWriter):
    """Where the others write a place in memory, this one writes the number of a bit."""

    unit: KeyUnit

    def __init__(self, unit: KeyUnit, function: Function) -> None:
        super().__init__(unit, function)

    def _at(self, place: Place) -> tuple[int, list[str]]:
        """A constant, and what is to be added to it."""
        match place:
            case State():
                return 0, []
            case Alias(name, of):
                return 0, [self.name(self.alias(name, of))]
            case FieldOf(base, name):
                first, rest = self._at(base)
                of = self.unit.program.state if isinstance(base, State) else base.type
                return first + self.unit.offset(of, name), rest
            case RowOf(base, index):
                first, rest = self._at(base)
                return first, [*rest, f"{self.unit.size(place.type)} * (uint32_t){self.operand(index)}"]
            case Before():
                raise AssertionError("no step names the state before")

    def address(self, place: Place) -> str:
        first, rest = self._at(place)
        return " + ".join([str(first)] * (first > 0 or not rest) + rest)

    def load(self, place: Place, of: Scalar) -> str:
        bits = self.unit.size(of)
        text = f"get_bits(s, {self.address(place)}, {bits})" if bits else "0"
        return text if isinstance(of, MaskType) else f"(int32_t){text}"

    def store(self, place: Place, value: str) -> str:
        bits = self.unit.size(place.type)
        return f"put_bits(s, {self.address(place)}, {bits}, {value});" if bits else f"s->spilt |= {value};"

    def edit(self, place: Place, value: Expr) -> str | None:
        return None

    def choice(self, name: str) -> str:
        return f"(int32_t)s->choices[{self.unit.number_of_choice[name]}]"


def generate_large(program: Program, noted: Sequence[Passage] = ()) -> str:
    """The C file of a program for a large search: that of `generate`, and its steps on keys.

    Without these where formulas of steps are asked, which need the cells of each successor anyway. Raises ModelError as
    `generate` does.
    """
    text = generate(program, noted)
    if any(formula.of_edges for formula in program.formulas):
        return text
    taken = Unit(program, {passage.first: k for k, passage in enumerate(noted)})
    return "\n".join([text, *_keys(KeyUnit(program, taken))])


def _keys(unit: KeyUnit) -> list[str]:
    lines = [f"#define WORDS {(unit.words32 + 1) // 2}", "#define NO_KEYS UINT32_MAX", HELPERS]
    for function in unit.reached:
        lines += FunctionWriter(unit, function, KeyExpressions(unit, function)).lines()
    size = 4 * unit.words32
    lines += [
        "uint32_t eoi_keys(const uint32_t *key, const void *frozen, uint32_t *out, uint16_t *labels)",
        "{",
        "\tstruct packed now = { .choices = frozen }, next;",
        "\tuint64_t wrong = 0;",
        "\tuint32_t n = 0, label = 0;",
        *(of_thread("uint8_t *", unit.tail, "marks") if unit.marks else []),
        f"\t__builtin_memcpy(now.word, key, {size});",
    ]
    if unit.broken:
        lines += [*of_thread("int *", "hurt", "&broken"), "\t*hurt = 0;"]
    for step in unit.program.steps:
        lines += _step(unit, step, size)
    if unit.broken:
        lines += ["\twrong |= *hurt;", "\t*hurt = 0;"]
    return [*lines, "", "\treturn wrong ? NO_KEYS : n;", "}", ""]


def _step(unit: KeyUnit, step: Step, size: int) -> list[str]:
    heads, args = loops(unit, step.params)
    tabs = "\t" * (len(heads) + 1)
    call = f"{unit.functions[step.name]}({', '.join(['&next', *args, *last_of(unit)])})"
    stops = step.name in unit.stops
    body = [
        "next = now;",
        f"int status = {call};" if stops else f"{call};",
        f"wrong |= next.spilt{' | (status == FAULT)' * stops};",
        f"__builtin_memcpy(out + {size // 4} * n, next.word, {size});",
        "labels[n] = label++;",
        "n += status != DISABLED;" if stops else "n++;",
    ]
    lines = nested(heads, [tabs + line for line in body], f"{step.name}, by {step.by}")
    return lines if heads else ["\t{", *lines, "\t}"]
