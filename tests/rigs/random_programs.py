"""Random functions in the language, as source text over the state of header.Box. Most of them are accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

STEP = '    @step(by="guest")\n    def {name}(self, pin: Pin, cpu: Cpu, flag: bool) -> None:\n'
CHANGE = "    def {name}(self, row: Row, mask: Mask[Pin], pin: Pin, flag: bool) -> None:\n"
PURE = "    def {name}(self, row: Row, mask: Mask[Pin], pin: Pin, slot: Pin | None) -> {returns}:\n"
PARAMETERS = {
    "step": {"pin": "pin", "cpu": "cpu", "flag": "bool"},
    "change": {"row": "row", "mask": "mask", "pin": "pin", "flag": "bool"},
    "pure": {"row": "row", "mask": "mask", "pin": "pin", "slot": "opt"},
}


@dataclass
class Names:
    """Names in reach, by kind; `some`: optionals that are known to be there."""

    kinds: dict[str, str] = field(default_factory=dict[str, str])
    fixed: set[str] = field(default_factory=set[str])  # loop indices: not assigned
    some: set[str] = field(default_factory=set[str])

    def of(self, kind: str) -> list[str]:
        return [n for n, k in self.kinds.items() if k == kind or (kind == "pin" and n in self.some)]

    def copy(self) -> Names:
        return Names(dict(self.kinds), set(self.fixed), set(self.some))


class Writer:
    """Writes one class `Toy(Box)` with helper functions and a step."""

    def __init__(self, choose: Random) -> None:
        self.choose = choose
        self.names = Names()
        self.counter = 0
        self.helpers: list[tuple[str, str]] = []  # (name, what it returns), callable from what comes later
        self.pure = False
        self.in_loop = False

    def one(self, *options: str) -> str:
        return self.choose.choice(options)

    def new(self) -> str:
        self.counter += 1
        return f"v{self.counter}"

    # --- expressions, each of a kind ---

    def expr(self, kind: str, depth: int) -> str:
        return getattr(self, f"_{kind}")(depth)  # type: ignore[no-any-return]

    def _leaf(self, kind: str, *more: str) -> str:
        local = self.names.of(kind)
        return self.choose.choice([*more, *local, *local])

    def _bool(self, depth: int) -> str:
        if depth <= 0:
            return self._leaf(
                "bool", "self.on", "self.scope.lazy", f"self.lines[{self._pin(0)}]", f"{self._row()}.line"
            )
        d = depth - 1
        way = self.choose.randrange(19)
        match way:
            case 0 | 1:
                return f"({self._bool(d)} {self.one('and', 'or')} {self._bool(d)})"
            case 2:
                return f"(not {self._bool(d)})"
            case 3 | 4:
                return f"({self._number(d)} {self.one('==', '!=', '<', '<=', '>', '>=')} {self._number(d)})"
            case 5:
                return f"({self._pin(d)} {self.one('<', '<=')} {self._pin(d)} {self.one('<', '!=')} {self._pin(d)})"
            case 6 | 7:
                return f"({self._pin(d)} {self.one('in', 'not in')} {self._mask(d)})"
            case 8:
                return f"({self._kind(d)} {self.one('==', '!=')} {self._kind(d)})"
            case 9:
                return f"({self._opt(d)} {self.one('is None', 'is not None')})"
            case 10:
                return f"({self._opt(d)} {self.one('==', '!=')} {self._pin(d)})"
            case 11:
                return f"({self._opt(d)} {self.one('==', '!=')} {self._opt(d)})"
            case 12:
                return f"({self._kind(d)} {self.one('in', 'not in')} ({self._kind(0)}, {self._kind(0)}))"
            case 13:
                return f"({self._bool(d)} if {self._bool(d)} else {self._bool(d)})"
            case 14:
                return f"({self._mask(d)} == {self._mask(d)})"
            case 15 | 16:
                return self._any(d)
            case 17:
                return self._call("bool", d) or self._bool(d)
            case _:
                return self.one("(self.scope.version == Version.V11)", "True", "False", f"(not {self._mask(d)})")

    def _any(self, depth: int) -> str:
        """Also narrows: `if x is not None` in the filter."""
        saved, name = self.names, self.new()
        self.names = saved.copy()
        way = self.choose.randrange(5)
        if way == 0:
            clause, kinds = f"{name} in {self._mask(depth)}", {name: "pin"}
        elif way == 1:
            other = self.new()
            clause, kinds = f"{name}, {other} in self.rows.items()", {name: "cpu", other: "row"}
        elif way == 2:
            clause, kinds = f"{name} in self.lines.values()", {name: "bool"}
        elif way == 3:
            clause, kinds = f"{name} in self.rows.values()", {name: "row"}
        else:
            clause, kinds = f"{name} in range(self.scope.pins)", {name: "pin"}
        self.names.kinds |= kinds
        self.names.fixed |= set(kinds)
        test = ""
        optional = self.names.of("opt")
        if self.choose.random() < 0.3:
            test = f" if {self._bool(depth)}"
        elif optional and self.choose.random() < 0.5:
            chosen = self.choose.choice(optional)
            test = f" if {chosen} is not None"
            self.names.some.add(chosen)
        text = f"{self.one('any', 'all')}({self._bool(depth)} for {clause}{test})"
        self.names = saved
        return text

    def _pin(self, depth: int) -> str:
        if depth <= 0 or self.choose.random() < 0.6:
            return self._leaf("pin", "self.pin", "0", "1", "2", "LIMIT", "self.HIGH")
        return f"({self._pin(depth - 1)} if {self._bool(depth - 1)} else {self._pin(depth - 1)})"

    def _cpu(self, depth: int) -> str:
        if depth <= 0 or self.choose.random() < 0.6:
            return self._leaf("cpu", "self.cpu", "0", "1")
        return f"({self._cpu(depth - 1)} if {self._bool(depth - 1)} else {self._cpu(depth - 1)})"

    def _number(self, depth: int) -> str:
        if depth <= 0 or self.choose.random() < 0.4:
            return self._pin(depth)
        return f"({self._number(depth - 1)} {self.one('+', '-')} {self._number(depth - 1)})"

    def _opt(self, depth: int) -> str:
        if depth <= 0:
            return self._leaf("opt", "self.slot", f"{self._row()}.vector")
        d = depth - 1
        match self.choose.randrange(6):
            case 0 | 1:
                return f"{self._place_of_mask()}.{self.one('highest', 'lowest')}()"
            case 2:
                return f"({self._opt(d)} if {self._bool(d)} else {self.one('None', self._number(d), self._opt(d))})"
            case 3:
                return f"({self.one('None', self._pin(d))} if {self._bool(d)} else {self._opt(d)})"
            case 4:
                return self._call("opt", d) or self._opt(0)
            case _:
                return self._opt(0)

    def _kind(self, depth: int) -> str:
        if depth <= 0 or self.choose.random() < 0.7:
            return self._leaf("kind", "self.kind", "Trigger.EDGE", "Trigger.OFF", f"{self._row()}.trigger")
        return f"({self._kind(depth - 1)} if {self._bool(depth - 1)} else {self._kind(depth - 1)})"

    def _mask(self, depth: int) -> str:
        if depth <= 0 or self.choose.random() < 0.6:
            return self._leaf("bits", "self.irr", "self.isr", self._place_of_mask())
        return f"({self._mask(depth - 1)} {self.one('|', '&', '-')} {self._mask(depth - 1)})"

    def _place_of_mask(self) -> str:
        return self._leaf("mask", "self.irr", "self.isr")

    def _row(self) -> str:
        return self._leaf("row", f"self.rows[{self._cpu(0)}]", "self.rows[self.cpu]")

    def _call(self, returns: str, depth: int) -> str:
        names = [name for name, of in self.helpers if of == returns]
        if not names:
            return ""
        name, pin = self.choose.choice(names), self._pin(depth)
        slot = self.one("None", self._pin(depth), self._opt(depth))
        if self.choose.random() < 0.5:
            return f"self.{name}({self._row()}, {self._place_of_mask()}, {pin}, {slot})"
        return f"self.{name}(slot={slot}, row={self._row()}, pin={pin}, mask={self._place_of_mask()})"

    # --- statements ---

    def block(self, depth: int, indent: str) -> list[str]:
        saved = self.names.copy()
        lines = [line for _ in range(self.choose.choice([1, 1, 2, 3])) for line in self.statement(depth, indent)]
        self.names = saved
        return lines

    def statement(self, depth: int, indent: str) -> list[str]:
        if depth > 0 and self.choose.random() < 0.45:
            return self._if(depth, indent) if self.choose.random() < 0.6 else self._for(depth, indent)
        if self.pure or self.choose.random() < 0.3:
            return self._local(indent)
        return [indent + self._store()]

    def _store(self) -> str:
        match self.choose.randrange(16):
            case 0 | 1:
                return f"self.{self.one('on', f'lines[{self._pin(1)}]')} = {self._bool(2)}"
            case 2:
                return f"self.pin = {self.one(self._pin(2), self._number(2))}"
            case 3:
                return f"self.pin {self.one('+=', '-=')} {self._number(1)}"
            case 4:
                return f"self.cpu = {self._cpu(1)}"
            case 5 | 6:
                value = self.one("None", self._opt(2), self._pin(1), self._number(1))
                return f"{self.one('self.slot', f'{self._row()}.vector')} = {value}"
            case 7:
                return f"self.kind = {self._kind(2)}"
            case 8 | 9:
                return f"{self._place_of_mask()}.{self.one('add', 'discard')}({self._pin(1)})"
            case 10:
                return f"{self._place_of_mask()}.clear()"
            case 11:
                target = self.one("self.irr", "self.isr")
                return f"{target} {self.one('=', '|=', '&=', '-=')} {self._mask(2)}"
            case 12:
                return f"{self._row()}.{self.one('line = ' + self._bool(2), 'trigger = ' + self._kind(1))}"
            case 13:
                return f"self.rows[{self._cpu(1)}] = {self._row()}"
            case 14:
                given = [
                    f"line={self._bool(1)}",
                    f"vector={self.one('None', self._opt(1), self._pin(1))}",
                    f"trigger={self._kind(1)}",
                ]
                chosen = self.choose.sample(given, self.choose.randrange(4))
                return f"self.rows[{self._cpu(1)}] = Row({', '.join(chosen)})"
            case _:
                return self._do()

    def _do(self) -> str:
        names = [name for name, of in self.helpers if of == "change"]
        if not names:
            return "self.on = not self.on"
        return f"self.{self.choose.choice(names)}({self._row()}, {self._place_of_mask()}, {self._pin(1)}, flag={self._bool(1)})"

    def _local(self, indent: str) -> list[str]:
        old = [n for n in self.names.kinds if n not in self.names.fixed and self.names.kinds[n] not in ("row", "mask")]
        if old and self.choose.random() < 0.5:
            name = self.choose.choice(old)
            kind = self.names.kinds[name]
            value = self.expr(kind if kind != "bits" else "mask", 2)
            if kind == "opt":
                value = self.one(value, "None", self._pin(1))
                self.names.some.discard(name)
            return [f"{indent}{name} = {value}"]
        name, kind = self.new(), self.one("bool", "pin", "cpu", "opt", "kind", "bits", "row", "mask")
        value = {"row": self._row, "mask": self._place_of_mask}[kind]() if kind in ("row", "mask") else ""
        if kind == "bits":
            value = f"{self._mask(1)} {self.one('|', '-')} {self._mask(0)}"
        value = value or self.expr(kind, 2)
        self.names.kinds[name] = kind
        declared = {"pin": ": Pin", "cpu": ": Cpu", "opt": ": Pin | None"}.get(kind, "")
        return [f"{indent}{name}{declared} = {value}"]

    def _if(self, depth: int, indent: str) -> list[str]:
        optional = [n for n in self.names.of("opt") if n not in self.names.some]
        if optional and self.choose.random() < 0.5:
            return self._if_some(self.choose.choice(optional), depth, indent)
        lines = [f"{indent}if {self._bool(2)}:", *self.block(depth - 1, indent + "    ")]
        if self.choose.random() < 0.2:
            lines += self._jump(indent + "    ")
        if self.choose.random() < 0.3:
            lines += [f"{indent}elif {self._bool(2)}:", *self.block(depth - 1, indent + "    ")]
        if self.choose.random() < 0.5:
            lines += [f"{indent}else:", *self.block(depth - 1, indent + "    ")]
        return lines

    def _if_some(self, name: str, depth: int, indent: str) -> list[str]:
        if self.choose.random() < 0.4 and not self.pure:
            self.names.some.add(name)
            lines = [f"{indent}if {name} is None or {self._bool(1)}:"]
            lines += self._jump(indent + "    ")
            return lines
        saved = self.names.copy()
        self.names.some.add(name)
        lines = [f"{indent}if {name} is not None and {self._bool(1)}:", *self.block(depth - 1, indent + "    ")]
        self.names = saved
        return lines

    def _jump(self, indent: str) -> list[str]:
        if self.in_loop:
            return [indent + self.one("continue", "break")]
        return [] if self.pure else [indent + "return"]

    def _for(self, depth: int, indent: str) -> list[str]:
        saved, looping, name = self.names, self.in_loop, self.new()
        self.names, self.in_loop = saved.copy(), True
        match self.choose.randrange(6):
            case 0:
                head, kinds = f"{name} in {self.one(self._mask(1), self._place_of_mask())}", {name: "pin"}
            case 1:
                head, kinds = f"{name} in self.rows.values()", {name: "row"}
            case 2:
                other = self.new()
                head, kinds = f"{name}, {other} in self.lines.items()", {name: "pin", other: "bool"}
            case 3:
                head, kinds = f"{name} in self.{self.one('lines', 'rows')}", {name: "pin"}
                kinds = {name: "pin" if "lines" in head else "cpu"}
            case 4:
                head, kinds = f"{name} in range({self.one('2', 'self.scope.pins')})", {name: "pin"}
            case _:
                other = self.new()
                head, kinds = f"{name}, {other} in self.rows.items()", {name: "cpu", other: "row"}
        self.names.kinds |= kinds
        self.names.fixed |= {n for n, k in kinds.items() if k != "bool"}
        body = self.block(depth - 1, indent + "    ")
        if self.choose.random() < 0.4:
            body = self._disturbance(head, indent + "    ") + body
        lines = [f"{indent}for {head}:", *body]
        self.names, self.in_loop = saved, looping
        return lines

    def _disturbance(self, head: str, indent: str) -> list[str]:
        """What a careless loop body does: it changes what the loop runs over, or a name that was tested before it."""
        optional = [n for n in self.names.of("opt") if n in self.names.some]
        if optional and self.choose.random() < 0.7:
            return [f"{indent}{self.choose.choice(optional)} = {self.one('None', self._opt(1))}"]
        if self.pure:
            return []
        place = "self.irr" if "irr" in head else self._place_of_mask()
        return [f"{indent}{place}.{self.one('add', 'discard')}({self._pin(0)})"]

    # --- functions ---

    def _start(self, what: str, *, pure: bool) -> None:
        self.names, self.pure, self.in_loop = Names(dict(PARAMETERS[what])), pure, False

    def step(self, name: str) -> str:
        self._start("step", pure=False)
        lines = []
        if self.choose.random() < 0.4:
            lines.append(f"        require({self._bool(2)})")
        if self.choose.random() < 0.3:
            some = self.new()
            lines.append(f"        {some} = require({self._opt(1)})")
            self.names.kinds[some] = "pin"
        return "\n".join([STEP.format(name=name).rstrip(), *lines, *self._body(3)]) + "\n"

    def change(self, name: str) -> str:
        self._start("change", pure=False)
        return "\n".join([CHANGE.format(name=name).rstrip(), *self._body(2)]) + "\n"

    def pure_function(self, name: str, returns: str) -> str:
        self._start("pure", pure=True)
        head = PURE.format(name=name, returns={"bool": "bool", "opt": "Pin | None"}[returns]).rstrip()
        body = self._body(2)
        if self.choose.random() < 0.5:
            body += [f"        if {self._bool(1)}:", f"            return {self.expr(returns, 1)}"]
        return "\n".join([head, *body, f"        return {self.expr(returns, 2)}"]) + "\n"

    def _body(self, depth: int) -> list[str]:
        return [line for _ in range(self.choose.choice([1, 2, 3, 4])) for line in self.statement(depth, "        ")]


def random_functions(choose: Random, number: int) -> str:
    """Helper functions and one step, as the body of a class; names end in the number."""
    writer = Writer(choose)
    parts = []
    for returns in ("bool", "opt"):
        if choose.random() < 0.5:
            name = f"ask_{returns}_{number}"
            parts.append(writer.pure_function(name, returns))
            writer.helpers.append((name, returns))
    if choose.random() < 0.5:
        parts.append(writer.change(f"change_{number}"))
        writer.helpers.append((f"change_{number}", "change"))
    return "\n".join([*parts, writer.step(f"step_{number}")])
