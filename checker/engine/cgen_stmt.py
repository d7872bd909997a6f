"""Functions of the IR as C functions. Control flow stays as it was written: nothing is unrolled or inlined.

A function that changes state returns a status if it may end the step: DONE, DISABLED (a `require` failed)
or FAULT (a value out of range); otherwise it is void. A pure function returns the code of its value; if a
local of it goes out of range, it sets the thread's `broken` and returns some value of its type, so that the
caller stays inside its tables until `eoi_expand` sees the flag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import assert_never

from checker.engine.cgen_expr import ExpressionWriter, Variable
from checker.engine.cgen_unit import CUnit, code_range, comment, value_type
from checker.engine.facts import walk
from checker.language.ir import (
    Alias,
    Assign,
    Bind,
    Break,
    Continue,
    Do,
    Expr,
    For,
    Function,
    If,
    Local,
    MaskEdit,
    Require,
    Return,
    Stmt,
    Store,
    Wrap,
)
from model.finite import MaskType, Scalar, StructType, TableType


def states_of(function: Function) -> list[str]:
    """The states that it is given: the one that it speaks of or changes, of a step also the one before."""
    return ["before", "s"] if function.of_edges else ["s"]


def prototype(unit: CUnit, function: Function, expressions: ExpressionWriter) -> str:
    """`static int kvm_ioapic_send_eoi(struct sys *s, struct Lapic *apic, int32_t vector)`."""
    pure = "const " if function.returns is not None else ""
    params = [f"{pure}{unit.state} *{name}" for name in states_of(function)]
    for param in function.params:
        name = expressions.name(expressions.param(param))
        if isinstance(param.type, StructType | TableType | MaskType):
            params.append(unit.pointer(param.type, name, pure))
        else:
            params.append(f"{value_type(param.type)} {name}")
    if unit.tail:
        params.append(f"{unit.tail_type}restrict {unit.tail}")
    if function.returns is not None:
        result = value_type(function.returns)
    else:
        result = "int" if function.name in unit.stops else "void"
    return f"static {result} {unit.functions[function.name]}({', '.join(params)})"


def where(function: Function) -> str:
    """The source of a function, the same text wherever the model is installed."""
    file = "/".join(PurePath(function.loc.file).parts[-2:])
    owner = f" ({function.owner})" if function.owner else ""
    return f"{file}:{function.loc.line} {function.name}{owner}"


class FunctionWriter:
    """Writes one function. `_hoisted`: declarations for its top, of variables that outlive the block
    in which they are first set."""

    def __init__(self, unit: CUnit, function: Function, expressions: ExpressionWriter | None = None) -> None:
        self.unit = unit
        self.function = function
        self.expressions = expressions or ExpressionWriter(unit, function)
        self._status = function.name in unit.stops
        self._declared = set(self.expressions.params)
        self._hoisted: list[str] = []
        self._counted = dict[int, Counter[Variable]]()
        self._all = self._in_block(function.body)

    def lines(self) -> list[str]:
        head = prototype(self.unit, self.function, self.expressions)
        body = self._block(self.function.body, 1)
        if not _ends(self.function.body) and (self._status or self.function.returns is not None):
            body.append("\treturn DONE;" if self.function.returns is None else "\treturn 0;")
        hoisted = [f"\t{line}" for line in dict.fromkeys(self._hoisted)]
        pure = "const " if self.function.returns is not None else ""
        parts = [f"\t{self.unit.part_pointer(state, part, pure)}" for state, part in sorted(self.expressions.parts)]
        return [comment(where(self.function)), head, "{", *parts, *hoisted, *body, "}", ""]

    # --- variables ---

    def _times(self, variable: Variable, block: Sequence[Stmt]) -> int:
        """How often a variable is named in some statements of the function."""
        return sum(self._mentions(stmt)[variable] for stmt in block)

    def _in_block(self, block: Sequence[Stmt]) -> Counter[Variable]:
        found: Counter[Variable] = Counter()
        for stmt in block:
            found.update(self._mentions(stmt))
        return found

    def _mentions(self, stmt: Stmt) -> Counter[Variable]:
        """How often each variable is named in a statement: each is looked through once, whatever asks of what is around it."""
        known = self._counted.get(id(stmt))  # the program keeps its statements alive, so ids are theirs
        if known is not None:
            return known
        match stmt:
            case If(test, then, other):
                found = self._named(test) + self._in_block(then) + self._in_block(other)
            case For(var, over, body):
                found = self._in_block(body)
                found[self.expressions.scalar(var, over)] += 1
            case _:
                found = self._named(stmt)
        self._counted[id(stmt)] = found
        return found

    def _named(self, node: object) -> Counter[Variable]:
        """The same of what holds no statements."""
        found: Counter[Variable] = Counter()
        for n in walk(node):
            match n:
                case Local(name, of) | Assign(name, _, of):
                    found[self.expressions.scalar(name, of)] += 1
                case Bind(name, place):
                    found[self.expressions.alias(name, place.type)] += 1
                case Alias(name, of):
                    found[self.expressions.alias(name, of)] += 1
                case _:
                    pass
        return found

    def _declare(self, variable: Variable, text: str) -> None:
        if variable not in self._declared:
            self._declared.add(variable)
            self._hoisted.append(text)

    def _here(self, variable: Variable, block: Sequence[Stmt], i: int) -> bool:
        """Can statement i of the block, which sets the variable, declare it? (Only if nobody else needs it.)"""
        if variable in self._declared or self._times(variable, block[:i]):
            return False
        once = self._times(variable, block[i : i + 1]) == 1  # it does not read its own old value
        if self._times(variable, block[i:]) < self._all[variable] or not once:
            return False
        self._declared.add(variable)
        return True

    # --- statements ---

    def _block(self, block: tuple[Stmt, ...], depth: int) -> list[str]:
        lines: list[str] = []
        for i, stmt in enumerate(block):
            if id(stmt) in self.unit.marks:
                lines.append("\t" * depth + self.unit.mark(self.unit.marks[id(stmt)]))
            lines += self._statement(stmt, block, i, depth)
        return lines

    def _statement(self, stmt: Stmt, block: tuple[Stmt, ...], i: int, depth: int) -> list[str]:
        match stmt:
            case Assign():
                lines = self._assign(stmt, self._here(self.expressions.scalar(stmt.name, stmt.type), block, i))
            case Bind():
                variable = self.expressions.alias(stmt.name, stmt.place.type)
                lines = self._bind(stmt, variable, self._here(variable, block, i))
            case Store():
                lines = self._store(stmt)
            case If():
                return self._if(stmt, depth, "if")
            case For():
                return self._for(stmt, depth)
            case Continue():
                lines = ["continue;"]
            case Break():
                lines = ["break;"]
            case Return(value):
                lines = [self._return(value)]
            case Do():
                lines = self._do(stmt)
            case Require(test):
                lines = [f"if ({self.expressions.negated(test)})", "\treturn DISABLED;"]
            case _:
                assert_never(stmt)
        return ["\t" * depth + line for line in lines]

    def _return(self, value: Expr | None) -> str:
        if self.function.returns is not None:
            assert value is not None, self.function.name
            return f"return {self.expressions.expr(value)};"
        return "return DONE;" if self._status else "return;"

    def _assign(self, stmt: Assign, here: bool) -> list[str]:
        variable = self.expressions.scalar(stmt.name, stmt.type)
        name, of = self.expressions.name(variable), value_type(stmt.type)
        if not here:
            self._declare(variable, f"{of} {name} = 0;")
        lines = [f"{of + ' ' if here else ''}{name} = {self.expressions.expr(stmt.value)};"]
        return lines + (self._check(name, stmt.type, stmt.value) if stmt.check else [])

    def _bind(self, stmt: Bind, variable: Variable, here: bool) -> list[str]:
        name = self.expressions.name(variable)
        pure = "const " if self.function.returns is not None else ""
        pointer = self.unit.pointer(stmt.place.type, name, pure)
        if not here:
            self._declare(variable, f"{pointer} = 0;")
        return [f"{pointer if here else name} = {self.expressions.address(stmt.place)};"]

    def _store(self, stmt: Store) -> list[str]:
        value = self.expressions.expr(stmt.value)
        if not stmt.check:
            edit = self.expressions.edit(stmt.place, stmt.value)
            return [edit or self.expressions.store(stmt.place, value)]
        of = stmt.place.type
        assert not isinstance(of, StructType | TableType), stmt
        lines = self._check_element(stmt.value)
        temporary = "checked_bits" if isinstance(of, MaskType) else "checked"
        self._declare((temporary, ""), f"{value_type(of)} {temporary};")
        lines += [f"{temporary} = {value};", *self._check(temporary, of, stmt.value)]
        return [*lines, self.expressions.store(stmt.place, temporary)]

    def _check_element(self, value: Expr) -> list[str]:
        """An element that is added is one of the mask's; far outside it has no bit to see that by."""
        match value:
            case MaskEdit("with", _, element, MaskType(of)):
                self._declare(("checked", ""), "int32_t checked;")
                return [f"checked = {self.expressions.expr(element)};", *self._check("checked", of, element)]
            case _:
                return []

    def _check(self, name: str, of: Scalar, value: Expr) -> list[str]:
        if isinstance(of, MaskType):
            test = self.unit.has_others(name, of)
        else:
            # A plain value below zero must not pass as None, whose code is 0.
            least = code_range(of)[0] + isinstance(value, Wrap)
            test = f"{name} < {least} || {name} > {self.unit.greatest(of)}"
        if self.function.returns is None:
            return [f"if ({test})", "\treturn FAULT;"]
        return [f"if ({test}) {{", f"\t{self.unit.hurt}", f"\treturn {code_range(self.function.returns)[0]};", "}"]

    def _do(self, stmt: Do) -> list[str]:
        call = self.expressions.call(stmt.function, stmt.args)
        if stmt.function not in self.unit.stops:
            return [f"{call};"]
        self._declare(("ret", ""), "int ret;")
        return [f"ret = {call};", "if (ret)", "\treturn ret;"]

    def _if(self, stmt: If, depth: int, keyword: str) -> list[str]:
        tabs = "\t" * depth
        head = f"{tabs}{keyword} ({self.expressions.expr(stmt.test)})"
        then = self._block(stmt.then, depth + 1)
        if keyword == "if" and not stmt.other and _leaves(stmt.then) and id(stmt.then[0]) not in self.unit.marks:
            return [head, *then]
        lines = [f"{head} {{", *then]
        match stmt.other:
            case ():
                return [*lines, f"{tabs}}}"]
            case (If() as chained,) if id(chained) not in self.unit.marks:
                return [*lines, *self._if(chained, depth, "} else if")]
            case other:
                return [*lines, f"{tabs}}} else {{", *self._block(other, depth + 1), f"{tabs}}}"]

    def _for(self, stmt: For, depth: int) -> list[str]:
        variable, tabs = self.expressions.scalar(stmt.var, stmt.over), "\t" * depth
        name = self.expressions.name(variable)
        own = self._owns(stmt, variable)
        counter = name if own else "each"
        if not own:  # as in Python, the variable may be set in the body and keeps its value after the loop
            self._declare(variable, f"int32_t {name} = 0;")
        saved = set(self._declared)
        self._declared.add(variable)
        body = self._block(stmt.body, depth + 1)
        if own and variable not in saved:
            self._declared.discard(variable)
        head = f"{tabs}for (int32_t {counter} = {stmt.over.lo}; {counter} <= {self.unit.greatest(stmt.over)}; {counter}++) {{"
        return [head, *([] if own else [f"{tabs}\t{name} = each;"]), *body, f"{tabs}}}"]

    def _owns(self, stmt: For, variable: Variable) -> bool:
        """Is the variable of a loop set by loops only, each time before it is read?"""
        in_loops = Counter[Variable]()
        for node in walk(self.function.body):
            if isinstance(node, For) and self.expressions.scalar(node.var, node.over) == variable:
                in_loops += self._mentions(node)
        sets = [n for n in walk(stmt.body) if isinstance(n, Assign | For)]
        again = any((n.name if isinstance(n, Assign) else n.var) == stmt.var for n in sets)
        return not again and in_loops[variable] == self._all[variable]


def _leaves(block: Sequence[Stmt]) -> bool:
    """One statement that needs no braces."""
    return len(block) == 1 and isinstance(block[0], Continue | Break | Return)


def _ends(block: Sequence[Stmt]) -> bool:
    """Does every path through the block return?"""
    match block[-1] if block else None:
        case Return():
            return True
        case If(_, then, other):
            return _ends(then) and _ends(other)
        case _:
            return False
