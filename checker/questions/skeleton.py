"""A file to begin with: a class that restates functions of a design as they are, with what else a patch may say as comments.

A comment that begins with three blanks is code: without its `#   ` it loads, too.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import json
import keyword
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType

from checker.errors import UserError
from checker.language.refusal import did_you_mean
from checker.matrix.roles import DEVICES, GUESTS, VMMS, designs, home_of, role_of
from model.lang import StepInfo
from model.machine import Machine

ACTOR = {"kernel": "KVM", "vmm": "VMM", "guest": "guest", "device": "device"}
USUAL = {  # what a patch of each role is most often about
    "kernel": "kvm_ioapic_send_eoi", "vmm": "ioapic_eoi_broadcast", "guest": "guest_wants_directed_eoi", "device": "device_raise",
}  # fmt: skip
CALLED = {"kernel": "kernel", "vmm": "VMM", "guest": "guest", "device": "device"}

HEAD = '''\
"""What it changes, in one sentence."""

{imports}
# For what is commented out below:
#   from dataclasses import dataclass
#   from typing import Annotated
#   from model.lang import Fair, Label, require, step
#   from model.machine import {examples}


# A choice that userspace made before the guest started; each value is tried, and `--scope my_choice=on` sets it.
#   @dataclass(frozen=True)
#   class MyScope(Scope):
#       my_choice: bool = False


class {name}({base}):
    """What it changes, in one sentence: reports print it."""

    patch = Patch(
        title={title},
        # author="", date="2026-01-31", msgid="",
        base="{base_name}",
    )
'''
FLAGS = {
    "kernel": """
    # API flags that a VMM may ask for, each of which is tried, and what stories call them. Say so if the patch brings one: the
    # functions enable_KVM_CAP_X2APIC_API() and check_KVM_CAP_X2APIC_API() are what it then restates.
    #   api_flags = (ApiFlags.NONE, ApiFlags.BIT3)
    #   flag_names = {ApiFlags.BIT3: "KVM_X2APIC_MY_FLAG"}
""",
    "vmm": """
    # API flags that it knows how to ask the kernel for; each is tried with a kernel that has it.
    #   api_flags = (ApiFlags.NONE, ApiFlags.BIT3)
""",
}
TAIL = """
    # State of its own: bool, an Enum, Vector | None, Mask[Vector], Table[Cpu, bool]. Stories call it by its label.
    #   my_flag: Annotated[bool, Label("my flag")]
    #   scope: MyScope

    # A step of its own: it may happen whenever its require() allows, with every value of its parameters. fair=Fair.WEAK: it
    # does happen if it stays possible for ever; FREE, the default: it need not.
    #   @step(by="{actor}", fair=Fair.FREE)
    #   def my_step(self, cpu: Cpu) -> None:
    #       require(self.apic[cpu].in_guest and not self.my_flag)
    #       self.my_flag = True
"""


@dataclass(frozen=True)
class Restated:
    """A function as it is, indented. before: comments above it."""

    text: str
    names: Mapping[str, str]  # that it needs: name -> module


def skeleton(
    name: str, base_name: str, base: type[Machine], functions: Sequence[str], notes: Mapping[str, Sequence[str]] | None = None,
    below: Iterable[str] = (), title: str = "",
) -> str:  # fmt: skip
    """The file's text. notes: of a function, lines of comment above it; below: comment at the end of the class; title: what
    answers call it. Raises UserError."""
    role = role_of(base)
    found = {function: restated(base, function) for function in dict.fromkeys(functions or [usual(base)])}
    imports = {"Patch": "model.lang", base.__name__: base.__module__}
    for one in found.values():
        imports |= one.names
    text = HEAD.format(
        imports=_import_lines(imports), name=name, base=base.__name__, base_name=base_name, title=json.dumps(title or name),
        examples=", ".join(["ApiFlags"] * (role in FLAGS) + ["Cpu", "Scope"]),
    )  # fmt: skip
    text += FLAGS.get(role, "")
    for function, one in found.items():
        text += "\n" + "".join(f"    # {line}".rstrip() + "\n" for line in (notes or {}).get(function, ())) + one.text
    text += "".join(f"    # {line}".rstrip() + "\n" for line in ("", *below) if below)
    return text + TAIL.format(actor=ACTOR[role])


def class_name(stem: str, taken: Iterable[str]) -> str:
    """Of a file's name: `my-patch` -> MyPatch."""
    made = "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", stem, flags=re.ASCII))
    name = made if made.isidentifier() and not keyword.iskeyword(made) else f"Patch{made}"
    return f"{name}Patch" if name in taken or home_of(name) or name in vars(builtins) else name


def restated(base: type[Machine], function: str) -> Restated:
    """As the base has it. What calls what it restates itself is called: `super()` would mean another class. Raises UserError."""
    owner = next((cls for cls in base.__mro__ if function in vars(cls)), None)
    if owner is None or function not in restatable(base):
        raise UserError(_unknown(base, function))
    defined: FunctionType = vars(owner)[function]
    text = textwrap.dedent(inspect.getsource(defined))
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    lines = text.splitlines()[node.lineno - 1 :]
    above = (
        [f"# A step{_taken(base, function)}: the decorator is that of {base.__name__}'s."]
        if _taken(base, function)
        else []
    )
    above += [f"# {owner.__module__}: {owner.__name__}.{function}(), as it is."]
    if any(isinstance(n, ast.Name) and n.id == "super" for n in ast.walk(node)):
        first = node.body[1:] if ast.get_docstring(node) is not None else node.body
        given = ", ".join(arg.arg for arg in node.args.args[1:])
        call = f"super().{function}({given})"
        lines = [*lines[: first[0].lineno - node.lineno], f"    {call if _returns_nothing(node) else f'return {call}'}"]
    shown = textwrap.indent("\n".join([*above, *lines]), "    ", predicate=lambda line: bool(line.strip()))
    return Restated(f"{shown}\n", _names(defined, ast.parse("\n".join(lines))))


def _returns_nothing(node: ast.FunctionDef) -> bool:
    return isinstance(node.returns, ast.Constant) and node.returns.value is None


def _taken(base: type[Machine], function: str) -> str:
    info = base.steps().get(function)
    return f" by {info.by}, Fair.{info.fair.name}" if isinstance(info, StepInfo) else ""


def _names(function: FunctionType, tree: ast.Module) -> dict[str, str]:
    """What of the module's names its text uses, and the module that has each."""
    known = vars(sys.modules[function.__module__])
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & set(known)
    return {name: _home(name, function.__module__, known[name]) for name in sorted(used)}


def _home(name: str, module: str, value: object) -> str:
    home = home_of(name)
    return home if home and vars(sys.modules[home]).get(name) is value else module


def _import_lines(names: Mapping[str, str]) -> str:
    modules = dict[str, list[str]]()
    for name, module in names.items():
        modules.setdefault(module, []).append(name)
    return "".join(f"from {module} import {', '.join(sorted(of))}\n" for module, of in sorted(modules.items()))


def restatable(base: type[Machine]) -> dict[str, FunctionType]:
    """The functions that a class of this base may restate: what it does itself, or leaves to nobody else."""
    found = dict[str, FunctionType]()
    for cls in (c for c in base.__mro__ if issubclass(c, Machine) and c is not Machine):
        for name, value in vars(cls).items():
            if isinstance(value, FunctionType) and not getattr(value, "__isabstractmethod__", False) and name[0] != "_":
                found.setdefault(name, value)
    return found


def usual(base: type[Machine]) -> str:
    """USUAL where the base has it, else its first step."""
    having = restatable(base)
    return next(name for name in (USUAL[role_of(base)], *base.steps(), *having) if name in having)


def _unknown(base: type[Machine], function: str) -> str:
    """Whose it is, or which name is near."""
    others = {**designs(), **VMMS, **GUESTS, **DEVICES}
    having = [n for n in others if role_of(others[n]) != role_of(base) and function in restatable(others[n])]
    first = next((n for n in ("base", *having) if n in having), "")
    what = CALLED[role_of(base)]
    if first:
        return (
            f"{function}() is no function of a {what} but of a {CALLED[role_of(others[first])]}: --base {first} has it"
        )
    hint = did_you_mean(function, restatable(base)) or "`eoi show` names its functions"
    return f"unknown function {function!r} of {base.__name__}, a {what}: {hint}"
