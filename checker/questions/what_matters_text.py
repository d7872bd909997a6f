"""What of a run matters, in words: its steps with names for values, what each name may stand for, and where else there is the run."""

from __future__ import annotations

from collections.abc import Iterator

from checker.matrix.loader import property_argument
from checker.matrix.scope import OF_MACHINE, scope_value
from checker.questions.report import reproduce
from checker.questions.taken_again import Ended
from checker.questions.verdict import Run
from checker.questions.what_matters import Matters, OtherChoice, Otherwise, sizes_of
from checker.questions.wide import sizes_text
from checker.stories.trace import show, steps_text
from checker.symbolic.any_run import Below, Codes, Demand, Given, OneOf, Shape, Unknown, Unlike
from checker.words import count
from model.finite import IntType, decode, size

LEAST = 10  # columns for what is spoken of


def lines(found: Matters) -> list[str]:
    """Longer ones, too."""
    return [*_Told(found).lines()]


class _Told:
    def __init__(self, found: Matters) -> None:
        self._found, self._shape, self._cell = found, found.shape, found.violation.cell
        self._names = _names(found.shape)
        self._freed = {n for n, _ in enumerate(self._shape.variables)} - {
            d.variable for d in found.needed if isinstance(d, OneOf)
        }

    def lines(self) -> Iterator[str]:
        found, cell = self._found, self._cell
        p, run = found.violation.property, found.violation.run
        yield f"{p.name} is VIOLATED in {how_long(run)}{self._whatever()}"
        yield f"{cell.names[cell.subject]}, {cell}"
        yield ""
        for number, move in enumerate(self._shape.moves, 1):
            yield from ["     and from here on again and again:"] * (run.loop_start == number - 1)
            yield f"  {number:2} {self._call(move)}"
        yield from ["     no step has to come: it stays so for ever."] * run.stutter
        bound = {name: f" {self._value(n)}" for name, n in self._shape.asked.variables.items()}  # `CPU{cpu}`
        yield f"     {' '.join(p.complaint(bound).split())}"
        yield ""
        if self._shape.variables:
            yield from self._values()
        yield "The same run elsewhere, one thing changed at a time:"
        yield from self._elsewhere()
        yield ""
        yield f"Its story: {reproduce('trace', cell, property_argument(p))}"

    def _whatever(self) -> str:
        """Those indices that may be any, where there are several."""
        bound = {n for demand in self._found.needed for n in _about(demand)}
        free = dict[str, bool]()
        for n, v in enumerate(self._shape.variables):
            if isinstance(v.of, IntType) and v.of.index in OF_MACHINE and size(v.of) > 1:
                free[_unit(v)] = free.get(_unit(v), True) and n not in bound
        *most, last = [unit for unit, is_free in free.items() if is_free] or [""]
        units = f"{', '.join(most)} and {last}" if most else last
        return f", with any {units} of {sizes_text(self._found.proved_at)}" if units else ""

    def _values(self) -> Iterator[str]:
        yield f"Values, proved at {sizes_text(self._found.proved_at)} (vCPUs x pins x vectors):"
        numbers = range(len(self._shape.variables))
        for number in numbers:
            yield from self._variable(number)
        several = [n for n in numbers if self._count(n) > 1]
        if several and all(size(self._shape.variables[n].of) > 1 for n in several):
            yield "A letter is one value wherever it stands: at each place some other value alone"
            yield "ends the run otherwise."
        yield ""

    def _count(self, number: int) -> int:
        return sum(n == number for given in (*self._shape.moves, self._shape.asked) for n in given.variables.values())

    # --- values ---

    def _call(self, given: Given) -> str:
        return f"{given.name}({', '.join(f'{name}={self._value(n)}' for name, n in given.variables.items())})"

    def _value(self, number: int) -> str:
        """By its name; one that matters and has none, as it is."""
        if self._shape.variables[number].is_number:
            return self._names[number]
        return "any" if number in self._freed else self._shown(number, self._shape.codes)

    def _shown(self, number: int, codes: Codes) -> str:
        return show(decode(self._shape.variables[number].of, codes[number]))

    def _variable(self, number: int) -> Iterator[str]:
        variable, needed = self._shape.variables[number], self._found.needed
        may = [self._may(d, number) for d in needed if number in _about(d)] or [f"any of {size(variable.of)}"]
        yield self._row(self._label(number), "; ".join(may))
        for demand, why in needed.items():
            if max(_about(demand)) == number:
                yield self._row("", f"with {self._differs(demand, why)}: {self._ended(why.ended)}")

    def _label(self, number: int) -> str:
        variable, name = self._shape.variables[number], self._names[number]
        if variable.is_number:
            return f"{_unit(variable)} {name}"
        return next(
            (f"{name}, step {k}" for k, m in enumerate(self._shape.moves, 1) if number in m.variables.values()), name
        )

    def _row(self, what: str, said: str) -> str:
        width = max([LEAST, *(len(self._label(n)) for n, _ in enumerate(self._shape.variables))])
        return f"  {what:{width}}  {said}"

    def _may(self, demand: Demand, number: int) -> str:
        of = self._shape.variables[number].of
        any_ = f"any of {size(of)}"
        match demand:
            case OneOf(_, codes):
                rest = [code for code in range(size(of)) if code not in codes]
                few, word = (rest, f"{any_} but ") if len(rest) < len(codes) else (codes, "only ")
                return word + " or ".join(show(decode(of, code)) for code in few)
            case Below(less, more):
                return f"{any_} below {self._names[more]}" if number == less else f"{any_} above {self._names[less]}"
            case Unlike(one, other):
                return f"{any_} but {self._names[other if number == one else one]}"

    def _differs(self, demand: Demand, why: Otherwise) -> str:
        """What is not as in the run, and what the demand is about."""
        shown = [
            f"{self._names[n]}={self._shown(n, why.codes)}"
            for n, code in enumerate(why.codes)
            if code != self._shape.variables[n].code or n in _about(demand)
        ]
        return ", ".join(shown)

    # --- sizes and choices ---

    def _elsewhere(self) -> Iterator[str]:
        found = self._found
        there = [sizes for sizes, ended in found.larger.items() if ended is None and sizes not in found.first]
        same = [found.smallest, sizes_of(self._cell), *there]
        yield self._row("sizes", ", ".join(dict.fromkeys(map(sizes_text, same))))
        for sizes, moves in found.first.items():
            steps = ", ".join(dict.fromkeys(m.step for m in moves))
            yield self._row("", f"{sizes_text(sizes)}, with {count(len(moves), 'more step')} first: {steps}")
        for sizes, ended in found.larger.items():
            if ended is not None:
                yield self._row("", f"not at {sizes_text(sizes)}: {self._ended(ended)}")
        for name, ended in found.too_small.items():
            least = found.smallest[OF_MACHINE.index(name)]
            yield self._row("", f"at least {least} {name}: with {least - 1}, {self._ended(ended)}")
        for name in dict.fromkeys(choice.name for choice in found.choices):
            yield from self._choice(name, [c for c in found.choices if c.name == name])

    def _choice(self, name: str, others: list[OtherChoice]) -> Iterator[str]:
        now = getattr(self._cell.scope, name)
        same = [scope_value(now), *(scope_value(c.value) for c in others if c.ended is None)]
        yield self._row(name, " or ".join(same) + (" only" if len(same) == 1 else ""))
        for choice in others:
            if choice.ended is not None:
                yield self._row("", f"with {scope_value(choice.value)}: {self._ended(choice.ended)}")

    def _ended(self, ended: Ended) -> str:
        if ended.move is None:
            return ended.why
        names = self._shape.moves[ended.number - 1].variables
        args = ", ".join(f"{name}={show(value)}" for name, value in zip(names, ended.move.args, strict=True))
        return f"step {ended.number}, {ended.move.step}({args}), {ended.why}"


def how_long(run: Run) -> str:
    if run.loop_start is None:
        return steps_text(run.length) + ", and stays there" * run.stutter
    return f"{steps_text(run.loop_start)} and a loop of {steps_text(run.length - run.loop_start)}"


def _unit(variable: Unknown) -> str:
    """What it is one of: `cpu`."""
    return variable.sort.removesuffix("s")


def _names(shape: Shape) -> list[str]:
    """A number by a letter, any other value by what the step calls it."""
    found = list[str]()
    for variable in shape.variables:
        name = (_unit(variable) or variable.sort)[0].upper() if variable.is_number else variable.sort
        same = sum(name == other.rstrip("0123456789") for other in found)
        found.append(f"{name}{same + 1}" if same and variable.is_number else name)
    return found


def _about(demand: Demand) -> tuple[int, ...]:
    match demand:
        case OneOf(variable, _):
            return (variable,)
        case Below(less, more):
            return less, more
        case _:
            return demand.one, demand.other
