"""The C back-end: one Program -> one self-contained C file, the part of a search that is made per model.

Start reading at `generate`. cgen_unit.py has the types and names, cgen_expr.py the expressions, cgen_stmt.py
the functions; here are the four functions that the engine (runtime.c) calls:

    uint32_t eoi_abi(void);                    the version of this interface
    uint32_t eoi_expand(const void *state, void *out, uint16_t *labels);
                                               all enabled successors, in order of labels; returns how many
    void eoi_atoms(const void *state, uint64_t *words, const uint64_t *wanted);
    void eoi_edge_atoms(const void *before, const void *after, uint64_t *words, const uint64_t *wanted);
                                               bit k: atom k of checker.engine.atoms; 0 if no atom of its formula is wanted
    void eoi_marks(uint8_t *out);              only where passages are noted: which of them this thread's
                                               eoi_expand entered since the last call

A state is the union `cells` of the generated file, an array of Layout.words8 words. `out` and `labels` have
room for one entry per instance of a step. A label has FAULT_BIT set if taking the step stored a value out of
range; what follows the fault was not executed.
"""

from __future__ import annotations

from collections.abc import Sequence

from checker.engine.atoms import atom_count, bits_of
from checker.engine.cgen_expr import ExpressionWriter
from checker.engine.cgen_stmt import FunctionWriter
from checker.engine.cgen_unit import CUnit, Unit, code_range
from checker.engine.passages import Passage, judging
from checker.language.ir import Formula, Param, Program, Step
from checker.language.layout import instances
from model.finite import MaskType, ModelError, StructType, TableType

ABI = 1
FAULT_BIT = 0x8000

HELPERS = """\
enum { DONE, DISABLED, FAULT };

#define BIT_ULL(n) (1ULL << (n))

#define ANY(var, first, last, test) ({ \\
	int32_t found = 0; \\
	for (int32_t var = first; var <= last && !found; var++) \\
		found = (test); \\
	found; })

#define ALL(var, first, last, test) ({ \\
	int32_t every = 1; \\
	for (int32_t var = first; var <= last && every; var++) \\
		every = (test); \\
	every; })

static inline uint64_t bit_of(int32_t n)
{
	return n >= 0 && n < 64 ? BIT_ULL(n) : 0;
}

/* The last (first) bit set, counted from 1; 0 if none is: the code of an optional index. */
static inline int32_t fls64(uint64_t mask)
{
	return mask ? 64 - __builtin_clzll(mask) : 0;
}

static inline int32_t ffs64(uint64_t mask)
{
	return __builtin_ffsll(mask);
}
"""

MARKS = """\
/* One byte for each noted passage that this thread's steps entered since the last call. */
void eoi_marks(uint8_t *out)
{
	__builtin_memcpy(out, marks, sizeof marks);
	__builtin_memset(marks, 0, sizeof marks);
}
""".splitlines()


def generate(program: Program, noted: Sequence[Passage] = ()) -> str:
    """The C file of a program; the same program gives the same text.

    noted: passages of which it notes whether steps enter them, one after the other in what eoi_marks gives; of those of
    functions that properties alone call, whether these do.

    Raises ModelError if the steps have too many instances for 15 bits of label.
    """
    if len(instances(program)) > FAULT_BIT:
        raise ModelError(f"{program.name} has {len(instances(program))} step instances; the limit is {FAULT_BIT}")
    unit = Unit(program, {passage.first: k for k, passage in enumerate(noted)})
    lines = [f"/* {program.name}: made by eoiproof from the model, not to be edited. */", "#include <stdint.h>", ""]
    lines += [*unit.types(), HELPERS]
    if unit.broken:
        lines += ["static _Thread_local int broken;", ""]
    if unit.marks:
        lines += _marks(noted)
    for function in unit.reached:
        lines += FunctionWriter(unit, function).lines()
    lines += ["uint32_t eoi_abi(void)", "{", f"\treturn {ABI};", "}", ""]
    judge = judging(program) if any(passage.asked for passage in noted) else []
    return "\n".join([*lines, *_expand(unit), *_atoms(unit, False, judge), *_atoms(unit, True, judge)])


def _marks(noted: Sequence[Passage]) -> list[str]:
    """Where steps, properties that judge, and others leave their marks, and what gives those that count."""
    asked = [k for k, passage in enumerate(noted) if passage.asked]
    names = [f"{name}[{len(noted)}]" for name in ("marks", *["judged"] * bool(asked), "unnoted")]
    own = ["\t__builtin_memset(judged, 0, sizeof judged);"] if asked else []
    copies = [f"\tout[{k}] = judged[{k}];" for k in asked]
    return [f"static _Thread_local uint8_t {', '.join(names)};", "", *MARKS[:-1], *copies, *own, MARKS[-1]]


def _expand(unit: Unit) -> list[str]:
    steps = unit.program.steps
    lines = _keep(unit) if any(step.name in unit.stops for step in steps) or unit.broken else []
    lines += [
        "uint32_t eoi_expand(const void *state, void *out_states, uint16_t *labels)",
        "{",
        "\tconst union cells *now = state;",
        "\tunion cells *out = out_states;",
        "\tuint32_t n = 0, label = 0;",
    ]
    if unit.broken:
        lines += [*of_thread("int *", "hurt", "&broken"), "\t*hurt = 0; /* a property may have set it */"]
    if unit.marks:
        lines += of_thread("uint8_t *", unit.tail, "marks")
    for step in steps:
        lines += _step(unit, step)
    lines += ["", "\treturn n;", "}", ""]
    return lines


def of_thread(kind: str, name: str, variable: str) -> list[str]:
    """The place of a variable that each thread has; the compiler would ask for it again at each use, which is a call."""
    return [f"\t{kind}{name} = {variable};", f'\t__asm__("" : "+r"({name}));']


def _keep(unit: Unit) -> list[str]:
    broken = ["\tif (*hurt) {", "\t\t*hurt = 0;", "\t\tstatus = FAULT;", "\t}"] if unit.broken else []
    given = "int *hurt, " * unit.broken
    return [
        "/* Writes the label of a step that was tried; returns how many successors it has. */",
        f"static inline uint32_t keep({given}int status, uint32_t label, uint16_t *labels)",
        "{",
        *broken,
        f"\t*labels = status == FAULT ? label | {FAULT_BIT:#x} : label;",
        "\treturn status != DISABLED;",
        "}",
        "",
    ]


def _step(unit: Unit, step: Step) -> list[str]:
    heads, args = loops(unit, step.params)
    tabs = "\t" * (len(heads) + 1)
    call = f"{unit.functions[step.name]}({', '.join(['&out[n].s', *args, *last_of(unit)])})"
    hurt = "hurt, " * unit.broken
    if step.name in unit.stops:
        run = [f"n += keep({hurt}{call}, label++, &labels[n]);"]
    elif unit.broken:
        run = [f"{call};", f"n += keep({hurt}DONE, label++, &labels[n]);"]
    else:
        run = [f"{call};", "labels[n++] = label++;"]
    return nested(heads, [tabs + line for line in ["out[n] = *now;", *run]], f"{step.name}, by {step.by}")


def _atoms(unit: Unit, of_edges: bool, judge: Sequence[Formula]) -> list[str]:
    """judge: the formulas whose passages count."""
    words = max(1, -(-atom_count(unit.program, of_edges) // 64))
    formulas = [f for f in unit.program.formulas if f.of_edges == of_edges]
    name = "eoi_edge_atoms" if of_edges else "eoi_atoms"
    params = ["before", "after"] if of_edges else ["state"]
    cells = ", ".join(f"const void *{p}_cells" for p in params)
    lines = [f"void {name}({cells}, uint64_t *words, const uint64_t *wanted)", "{"]
    if formulas:
        states = {"before": "before", "after": "s", "state": "s"}
        lines += [f"\tconst struct sys *{states[p]} = &((const union cells *){p}_cells)->s;" for p in params]
        lines += of_thread("uint8_t *", unit.tail, "unnoted") if unit.marks else []
        lines += ["\tuint32_t k;", ""]
    else:
        lines += [f"\t(void){p};" for p in (*(f"{p}_cells" for p in params), "wanted")]
    lines.append(f"\tfor (uint32_t w = 0; w < {words}; w++)")
    lines.append("\t\twords[w] = 0;")
    first = 0
    for formula in formulas:
        if judge and unit.marks:
            lines.append(f"\t{unit.tail} = {'judged' if formula in judge else 'unnoted'};")
        lines += _formula(unit, formula, first)
        first += bits_of(formula)
    return [*lines, "}", ""]


def _formula(unit: Unit, formula: Formula, first: int) -> list[str]:
    """first: its first atom's bit."""
    heads, args = loops(unit, formula.params)
    wanted = [f"wanted[{word}] & {mask:#x}ull" for word, mask in _words_of(first, bits_of(formula))]
    heads = [f"if ({' || '.join(wanted)})", *heads]
    tabs = "\t" * (len(heads) + 1)
    body: list[str] = []
    for function in formula.functions:
        states = ["before", "s"] if unit.program.functions[function].of_edges else ["s"]
        call = f"{unit.functions[function]}({', '.join([*states, *args, *last_of(unit)])})"
        body += [f"{tabs}words[k / 64] |= (uint64_t){call} << k % 64;", f"{tabs}k++;"]
    blank, title, *rest = nested(heads, body, formula.name)
    return [blank, title, f"\tk = {first};", *rest]


def last_of(unit: CUnit) -> list[str]:
    """The last argument of a call, if there is one."""
    return [unit.tail] if unit.tail else []


def _words_of(first: int, count: int) -> list[tuple[int, int]]:
    """(word, the bits in it) of so many bits from `first` on."""
    every = ((1 << count) - 1) << first
    return [
        (w, bits) for w in range(first // 64, (first + count - 1) // 64 + 1) if (bits := every >> 64 * w & 2**64 - 1)
    ]


def loops(unit: CUnit, params: tuple[Param, ...]) -> tuple[list[str], list[str]]:
    """Loop heads over all values of the parameters, last one fastest, and the loop variables."""
    names = ExpressionWriter(unit)
    heads: list[str] = []
    args: list[str] = []
    for param in params:
        assert not isinstance(param.type, StructType | TableType | MaskType), param
        assert code_range(param.type)[0] == 0, (
            f"{param.name} does not start at 0, as checker.language.layout.bindings assumes"
        )
        name = names.name(names.scalar(param.name, param.type))
        heads.append(f"for (int32_t {name} = 0; {name} <= {unit.greatest(param.type)}; {name}++)")
        args.append(name)
    return heads, args


def nested(heads: list[str], body: list[str], title: str) -> list[str]:
    lines = ["", f"\t/* {title} */"]
    for depth, head in enumerate(heads, 1):
        lines.append("\t" * depth + head + (" {" if depth == len(heads) else ""))
    return [*lines, *body, *(["\t" * len(heads) + "}"] if heads else [])]
