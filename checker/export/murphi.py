"""A flat program as Murphi, for rumur: each step is a rule, each instance of it a binding of its ruleset. Masks are numbers,
so that it takes rumur's operators on bits; CMurphi has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from checker.engine.cgen_unit import code_range
from checker.export.flat import Branch, Cells, Check, Flat, FlatFormula, FlatProgram, Loop, Rule, Set
from checker.export.folding import negation
from checker.export.writer import Dialect, Writer
from checker.language.ir import Param
from model.finite import BoolType, Scalar, StructType, TableType
from model.lang import Kind

_WORDS = """
    alias array assert assume begin boolean by case clear const cover do else elsif end endalias endexists endfor endforall
    endfunction endif endprocedure endrecord endrule endruleset endstartstate endswitch endwhile enum error exists false
    for forall function if in interleaved invariant isundefined liveness multiset of procedure program put record return
    rule ruleset scalarset startstate switch then to traceuntil true type undefine undefined union var while"""
KEYWORDS = frozenset(_WORDS.split())
MURPHI = Dialect("&", "|", "=", "({} ? {} : {})", ("false", "true"), "(({} & 1) = 1)")


def write(program: FlatProgram, head: Sequence[str]) -> str:
    """head: lines that say what it is."""
    return "\n".join(_Murphi(program).lines(head)) + "\n"


class _Murphi(Writer):
    def __init__(self, program: FlatProgram) -> None:
        super().__init__(program, MURPHI)

    def lines(self, head: Sequence[str]) -> list[str]:
        lines = [*(f"-- {line}".rstrip() for line in head), "", "var"]
        lines += [f"\t{cells.name}: {_cells(cells)}; /* {cells.type} */" for cells in self.program.cells]
        lines += [
            "",
            'startstate "initial"',
            "begin",
            *(line for cells in self.program.cells for line in self._start(cells)),
        ]
        lines.append("end;")
        for rule in self.program.rules:
            lines += self._rule(rule)
        for formula in self.program.formulas:
            if not formula.formula.of_edges:
                lines += self._formula(formula)
        return lines

    def _start(self, cells: Cells) -> list[str]:
        places = [f"{cells.name}[{row}]" if cells.rows else cells.name for row in range(len(cells.start))]
        return [
            f"\t{place} := {self.constant(code, cells.type)};" for place, code in zip(places, cells.start, strict=True)
        ]

    def _rule(self, rule: Rule) -> list[str]:
        variables = [f"\t{cells.name}: {_cells(cells)};" for cells in self.program.before]
        variables += [f"\t{name}: {_range(bounds)};" for name, bounds in rule.variables.items()]
        own = {cells.path: cells.name for cells in self.program.cells}
        before = [f"{cells.name} := {own[cells.path]};" for cells in self.program.before]
        after = [line for formula in self.program.formulas if formula.formula.of_edges for line in self._said(formula)]
        body = _deeper([*before, *self._block(rule.body), *after])
        lines = [f'rule "{rule.step.name}" {self.expr(rule.guard)} ==>', *["var"] * bool(variables), *variables]
        return ["", f"-- by {rule.step.by}", *_for_all(rule.params, [*lines, "begin", *body, "end;"], "ruleset")]

    def _block(self, block: Sequence[Flat]) -> list[str]:
        return [line for flat in block for line in self._statement(flat)]

    def _statement(self, flat: Flat) -> list[str]:
        match flat:
            case Check(test):
                return [f'assert {self.expr(test)} "what is stored is in range";']
            case Set(to, value):
                return [f"{self.target(to)} := {self.expr(value)};"]
            case Branch(test, (), other):
                return self._statement(Branch(negation(test), other, ()))
            case Branch(test, then, other):
                rest = ["else", *_deeper(self._block(other))] if other else []
                return [f"if {self.expr(test)} then", *_deeper(self._block(then)), *rest, "endif;"]
            case Loop(var, over, body):
                return [f"for {var}: {over.lo}..{over.hi} do", *_deeper(self._block(body)), "endfor;"]
            case _:
                assert_never(flat)

    # --- properties ---

    def _formula(self, formula: FlatFormula) -> list[str]:
        """rumur reports a `cover` that no state shows."""
        word = "cover" if formula.formula.kind == Kind.REACHABLE else "invariant"
        lines = [f'{word} "{formula.formula.name}" {self.expr(formula.test)};']
        return ["", *_for_all(formula.params, lines, "ruleset")]

    def _said(self, formula: FlatFormula) -> list[str]:
        """At the end of each step, of an `always` of steps."""
        lines = [f'assert {self.expr(formula.test)} "{formula.formula.name}";']
        return _for_all(formula.params, lines, "for")


def _for_all(params: Sequence[Param], lines: Sequence[str], word: str) -> list[str]:
    for param in reversed(params):
        assert not isinstance(param.type, StructType | TableType), param
        lines = [f"{word} {param.name}: {_type(param.type)} do", *_deeper(lines), f"end{word};"]
    return [*lines]


def _type(of: Scalar) -> str:
    return _range(None if isinstance(of, BoolType) else code_range(of))


def _range(bounds: tuple[int, int] | None) -> str:
    return "boolean" if bounds is None else f"{bounds[0]}..{bounds[1]}"


def _cells(cells: Cells) -> str:
    return f"array [0..{len(cells.start) - 1}] of {_type(cells.type)}" if cells.rows else _type(cells.type)


def _deeper(lines: Sequence[str]) -> list[str]:
    return [f"\t{line}" for line in lines]
