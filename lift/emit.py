"""The class that one would have written."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from lift.constants import value_of
from lift.cparse import expression
from lift.lifting import Lifted
from lift.nodes import lines
from lift.patch import Diff
from lift.surface import Surface

NAME = "Lifted"  # of the class
CONSTANTS = "constants"  # a row of [flags]: what the class calls the choices, and their names


def source(found: Lifted, series: Sequence[tuple[str, Diff]], surface: Surface, base_name: str) -> str:
    """A file with one class."""
    module, _, base = found.known.table.base.partition(":")
    body = [
        *_patch(found, series, base_name),
        *(f"{name} = {value}" for name, value in found.attributes.items()),
        *_flags(found),
        *(f"{name}: {type_}" for name, type_ in found.known.fields.items()),
    ]
    for function, nodes in found.functions.items():
        head = _head(found, function, surface)
        body += ["", head, f'    """{found.how[function]}."""', *(lines(nodes, 1) or ["    pass"])]
    text = "\n".join(f"    {row}" if row else "" for row in body)
    imports = homes_of(text, surface)
    imports.setdefault("model.lang", [])
    imports["model.lang"] += ["Patch", *(["require"] if "require(" in text else [])]
    imports.setdefault(module, []).append(base)
    about = ", ".join(dict.fromkeys(file for file, _ in series))
    return (
        f'"""Lifted from {_quoted(about)} by `eoi lift`: {_what(found)}."""\n\n'
        + "".join(f"from {m} import {', '.join(sorted(set(n)))}\n" for m, n in sorted(imports.items()))
        + f"\n\nclass {NAME}({base}):\n{text}\n"
    )


def homes_of(text: str, surface: Surface) -> dict[str, list[str]]:
    """module -> the names of it that a text of Python uses."""
    imports = dict[str, list[str]]()
    for name in sorted(set(re.findall(r"\b[A-Z]\w+", re.sub(r'""".*?"""|"[^"]*"', "", text)))):
        if name in surface.home and surface.home[name] != "enum":
            imports.setdefault(surface.home[name], []).append(name)
    return imports


def _what(found: Lifted) -> str:
    return f"{found.count('assumed')} assumed, {found.count('ignored') + found.count('not modelled')} left out"


def _patch(found: Lifted, series: Sequence[tuple[str, Diff]], base_name: str) -> list[str]:
    diff = series[0][1]
    about = f"lifted from {', '.join(dict.fromkeys(f for f, _ in series))}: {_what(found)}"
    title = f"{diff.title} [{about}]" if diff.title else about
    said = {"title": title, "author": diff.author, "date": diff.date, "msgid": diff.msgid, "base": base_name}
    return ["patch = Patch(", *(f"    {k}={_text(v)}," for k, v in said.items() if v), ")"]


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _quoted(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'").replace("\n", " ")


def _head(found: Lifted, function: str, surface: Surface) -> str:
    if function in found.known.new:
        types = found.known.new_types[function]
        args = ", ".join(["self", *(f"{n}: {t}" for n, t in types.items())])
        return f"def {function}({args}) -> {found.known.new_returns[function]}:"
    return f"def {function}({ast.unparse(surface.functions[function].args)}) -> {surface.returns(function)}:"


def _flags(found: Lifted) -> list[str]:
    """What can be asked for now: bits that the patch brings, and that a function of [flags] looks at."""
    out, rows = list[str](), found.known.table.rows["flags"]
    choices, names_of = next((row.right.split() for row in rows if row.left == CONSTANTS), ["", ""])
    for row in (row for row in rows if row.left != CONSTANTS):
        names = found.known.wanted.get(row.left, set()) if row.left in found.functions else set()
        new = {
            name: value_of(expression(name), found.known.defines) or 0 for name in names if name in found.new_defines
        }
        bits = {v.bit_length() - 1: name for name, v in sorted(new.items()) if v and not v & (v - 1)}
        said = dict(part.strip().split(": ") for part in row.right.split(";"))
        members = [m for asked, m in said.items() if all(int(b) in bits for b in asked.split() if b != "none")]
        if len(members) > 1:
            found.known.table.used.add(row.line)
            listed = {said[str(b)]: name for b, name in bits.items() if str(b) in said}
            found.known.table.used |= {r.line for r in rows if r.left == CONSTANTS}
            out.append(f"{choices} = ({', '.join(members)})")
            out.append(f"{names_of} = {{" + ", ".join(f'{m}: "{name}"' for m, name in listed.items()) + "}")
    return out
