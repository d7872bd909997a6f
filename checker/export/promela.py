"""A flat program as Promela, for SPIN. One process, whose only state of control is the head of one loop; each instance of
a step is a d_step of it, so that SPIN stores the states of the model and no others. Steps' own variables are `hidden`: they
are no part of a state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from checker.engine.cgen_unit import Names
from checker.export.flat import Branch, Cells, Check, Flat, FlatFormula, FlatProgram, Loop, Rule, Set, counters
from checker.export.folding import negation
from checker.export.writer import Dialect, Writer
from checker.language.ir import Expr, Param
from checker.language.layout import bindings, width
from model.finite import Scalar
from model.lang import Kind

_WORDS = """
    active assert atomic bit bool break byte c_code c_decl c_expr c_state c_track chan D_proctype do d_step else empty
    enabled eval fi for full get_priority goto hidden if in init inline int len local ltl mtype nempty never nfull notrace
    np_ od of pc_value pid printf printm priority proctype provided return run select set_priority short show skip
    timeout trace true false typedef unless unsigned xr xs now end progress accept always eventually until weakuntil
    stronguntil release next implies equivalent U V W X"""
_OF_C = "errno"  # a macro there, where fields of the state are fields of a struct
_OF_TEXT = "Own CLEAR OWN my Holds holds Unreached unreached"
KEYWORDS = frozenset(f"{_WORDS} {_OF_C} {_OF_TEXT}".split())
MY = (
    "my"  # the record of what steps have for themselves; names outside of records would be names of C, as `mask` is one
)
SAID = {"holds": Kind.ALWAYS, "unreached": Kind.REACHABLE}  # records of names that are asserted
PROMELA = Dialect("&&", "||", "==", "({} -> {} : {})", ("0", "1"), "({} & 1)")
# SPIN's breadth-first search refuses hidden variables.
OWN = """\
/* What steps have for themselves is no part of a state. With -DBFS it is, and is 0 between two steps. */
#ifdef BFS
#define OWN
#define CLEAR(x) x = 0;
#else
#define OWN hidden
#define CLEAR(x)
#endif""".splitlines()


def write(program: FlatProgram, head: Sequence[str]) -> str:
    """head: lines that say what it is."""
    return "\n".join(_Promela(program).lines(head)) + "\n"


class _Promela(Writer):
    def __init__(self, program: FlatProgram) -> None:
        super().__init__(program, PROMELA)
        names = Names(KEYWORDS | program.names)
        self._params = program.parameters
        self._rules = [(rule, names.give(f"step_{rule.step.name}")) for rule in program.rules]
        self._formulas = [(formula, names.give(formula.formula.name)) for formula in program.formulas]

    def lines(self, head: Sequence[str]) -> list[str]:
        lines = ["/*", *(f" * {line}".rstrip() for line in head), " */", ""]
        lines += [self._declared(cells) for cells in self.program.cells]
        own = [f"\t{kind} {name};" for name, kind in self._own().items()]
        lines += ["", *OWN, *(["typedef Own {", *own, "}", f"OWN Own {MY};"] if own else [])]
        lines += self._said()
        for formula, name in self._formulas:
            lines += self._formula(formula, name)
        for rule, name in self._rules:
            lines += self._rule(rule, name)
        lines += ["", "init {", "end:", "\tdo"]
        asked = [(formula.params, f"say_{name}") for formula, name in self._formulas if not formula.formula.of_edges]
        for params, name in [*((rule.params, name) for rule, name in self._rules), *asked]:
            lines += [f"\t:: {call}" for call in _calls(params, name)]
        # SPIN takes what is never read for no part of a state; this is read, where nothing ever comes to.
        read = " + ".join(cells.name + "[0]" * bool(cells.rows) for cells in self.program.cells)
        return [*lines, "\t:: false", "\tod;", f"\t{read or '0'}", "}"]

    def local(self, name: str) -> str:
        return name if name in self._params else f"{MY}.{name}"

    def row(self, cells: Cells, indices: Sequence[Expr]) -> str:
        text = super().row(cells, indices)
        return f"{MY}.{text}" if cells in self.program.before else text

    # --- what is declared ---

    def _own(self) -> dict[str, str]:
        """What steps have for themselves: name with its rows -> type."""
        found = {f"{cells.name}{_rows(cells)}": _kind(cells.type)[0] for cells in self.program.before}
        for rule in self.program.rules:
            for name, bounds in _variables(rule):
                least, most = bounds or (0, 1)
                kind = "byte" if least >= 0 and most < 1 << 8 else "short" if most < 1 << 15 else "int"
                found[name] = max(kind, found.get(name, kind), key=("byte", "short", "int").index)
        return found

    def _declared(self, cells: Cells) -> str:
        start = [str(code) for code in cells.start]
        first = f"{{{', '.join(start)}}}" if cells.rows else start[0]
        kind, bits = _kind(cells.type)
        if not cells.rows and kind == "byte" and bits < 8:
            return f"unsigned {cells.name} : {bits} = {first}; /* {cells.type} */"
        return f"{kind} {cells.name}{_rows(cells)} = {first}; /* {cells.type} */"

    # --- steps ---

    def _rule(self, rule: Rule, name: str) -> list[str]:
        before = [line for cells in self.program.before for line in self._copied(cells)]
        after = [
            f"{call};"
            for formula, called in self._formulas
            if formula.formula.of_edges
            for call in _calls(formula.params, f"say_{called}")
        ]
        # SPIN 6.5 loses the end of a loop that ends a d_step.
        body = [*before, *self._block(rule.body), *after, "skip;"]
        own = [f"{c.name}[{row}]" if c.rows else c.name for c in self.program.before for row in range(len(c.start))]
        own += dict.fromkeys(name for name, _ in _variables(rule))
        lines = [f"{self.expr(rule.guard)} ->", *body, *(f"CLEAR({MY}.{name})" for name in own)]
        return ["", f"/* by {rule.step.by} */", *_inline(name, rule.params, ["d_step {", *_deeper(lines), "}"])]

    def _copied(self, cells: Cells) -> Iterator[str]:
        own = next(c for c in self.program.cells if c.path == cells.path)
        for row in range(len(cells.start)):
            at = f"[{row}]" * bool(cells.rows)
            yield f"{MY}.{cells.name}{at} = {own.name}{at};"

    def _block(self, block: Sequence[Flat]) -> list[str]:
        return [line for flat in block for line in self._statement(flat)]

    def _statement(self, flat: Flat) -> list[str]:
        match flat:
            case Check(test):
                return [f"assert({self.expr(test)});"]
            case Set(to, value):
                return [f"{self.target(to)} = {self.expr(value)};"]
            case Branch(test, then, other):
                if not then:
                    return self._statement(Branch(negation(test), other, ()))
                lines = ["if", f":: {self.expr(test)} ->", *_deeper(self._block(then)), ":: else ->"]
                return [*lines, *_deeper(self._block(other) or ["skip;"]), "fi;"]
            case Loop(var, over, body):
                name, inner = self.local(var), _deeper(self._block(body))
                lines = [f"{name} = {over.lo};", "do", f":: {name} <= {over.hi} ->", *inner]
                return [*lines, f"\t{name} = {name} + 1;", ":: else -> break", "od;"]
            case _:
                assert_never(flat)

    # --- properties ---

    def _said(self) -> list[str]:
        """SPIN prints what was asserted: the names of properties are fields that stay 0."""
        lines = list[str]()
        for word, kind in SAID.items():
            names = [f"\tbit {name};" for formula, name in self._formulas if formula.formula.kind == kind]
            if names:
                lines += ["", f"typedef {word.capitalize()} {{", *names, "}", f"OWN {word.capitalize()} {word};"]
        return lines

    def _formula(self, formula: FlatFormula, name: str) -> list[str]:
        """Of states: a transition that is taken where it is violated, or reached, and nowhere else. Of steps: what is said at
        the end of each."""
        bad = formula.test if formula.formula.kind == Kind.REACHABLE else negation(formula.test)
        word = next(word for word, kind in SAID.items() if kind == formula.formula.kind)
        lines = [f"{self.expr(bad)} ->", f"assert({word}.{name});"]
        if formula.formula.of_edges:
            lines = ["if", f":: {lines[0]} {lines[1]}", ":: else", "fi"]
        else:
            lines = ["d_step {", *_deeper(lines), "}"]
        return ["", f"/* {formula.formula.kind} */", *_inline(f"say_{name}", formula.params, lines)]


def _kind(of: Scalar) -> tuple[str, int]:
    """The type that holds its codes, and how many bits these take."""
    bits = max(1, width(of))
    return ("bit" if bits == 1 else "byte" if bits <= 8 else "short" if bits < 16 else "int"), bits


def _rows(cells: Cells) -> str:
    return f"[{len(cells.start)}]" if cells.rows else ""


def _calls(params: Sequence[Param], name: str) -> list[str]:
    return [f"{name}({', '.join(map(str, args))})" for args in bindings(params)]


def _inline(name: str, params: Sequence[Param], lines: Sequence[str]) -> list[str]:
    return [f"inline {name}({', '.join(param.name for param in params)}) {{", *_deeper(lines), "}"]


def _deeper(lines: Sequence[str]) -> list[str]:
    return [f"\t{line}" for line in lines]


def _variables(rule: Rule) -> Iterator[tuple[str, tuple[int, int] | None]]:
    yield from rule.variables.items()
    yield from counters(rule.body)
