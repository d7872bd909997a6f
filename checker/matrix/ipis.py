"""Whether a guest sends level-triggered IPIs: what a LAPIC holds of them is no pin's, and looks like it.

A guest may say so (sends_level_ipis). One that says nothing is read: an IPI is a call of the LAPIC's function by a function
of the guest's, as every route's message comes from the kernel, a VMM or a device.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from types import CodeType

from checker.language.ir import Loc
from checker.language.refusal import Refused, loc_of
from checker.language.source import definition_of, meaning
from checker.matrix.roles import ROLES
from model.finite import ModelError
from model.lang import Design
from model.machine import Machine, Trigger

ACCEPT, PROMISE = Machine.apic_accept_irq.__name__, "sends_level_ipis"
TRIGGER = list(inspect.signature(Machine.apic_accept_irq).parameters).index("trigger") - 1  # without self


_known = dict[type[Design], bool]()


def level_ipis(role: type[Design]) -> bool:
    """Does the role say, or do, that it sends some? Raises Refused if it says False and does."""
    if role not in _known:
        _known[role] = issubclass(role, ROLES["guest"]) and _said_or_done(role)
    return _known[role]


def _said_or_done(role: type[Design]) -> bool:
    says = next((vars(cls)[PROMISE] for cls in role.__mro__ if cls is not Machine and PROMISE in vars(cls)), None)
    place = None if says else next((_places(role)), None)
    if says is False and place is not None:
        raise Refused(
            place, f"{role.__name__} says {PROMISE} = False, and sends an IPI here that may be level-triggered",
            f"write Trigger.EDGE, or {PROMISE} = True",
        )  # fmt: skip
    return bool(says) or place is not None


def _places(role: type[Design]) -> Iterator[Loc]:
    """Where a function of the role's has a LAPIC accept anything but an edge."""
    for cls in role.__mro__:
        if issubclass(cls, Machine) and cls is not Machine:
            for function in (f for f in vars(cls).values() if inspect.isfunction(f)):
                # Few do; to parse the others would cost each command a quarter of a second.
                if ACCEPT in _names(function.__code__):
                    yield from _of_function(function)


def _names(code: CodeType) -> set[str]:
    """The names that a function uses, also within a comprehension."""
    return {*code.co_names}.union(*(_names(inner) for inner in code.co_consts if inspect.iscode(inner)))


def _of_function(function: Callable[..., object]) -> Iterator[Loc]:
    try:
        node = definition_of(function)
    except ModelError:  # lowering says it
        return
    edges = {n.func for n in ast.walk(node) if isinstance(n, ast.Call) and _is_edge(n, function)}
    for use in ast.walk(node):
        if isinstance(use, ast.Attribute) and use.attr == ACCEPT and use not in edges:
            yield loc_of(use, function.__code__.co_filename)


def _is_edge(call: ast.Call, function: Callable[..., object]) -> bool:
    """Its trigger is written as Trigger.EDGE."""
    named = next((k.value for k in call.keywords if k.arg == "trigger"), None)
    given = named or (call.args[TRIGGER] if len(call.args) > TRIGGER else None)
    plain = inspect.unwrap(function)
    return isinstance(given, ast.Attribute) and inspect.isfunction(plain) and meaning(given, plain) is Trigger.EDGE
