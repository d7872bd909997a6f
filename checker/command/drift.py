"""`eoi drift`: is the model still what a kernel's source says?"""

from __future__ import annotations

import textwrap
from argparse import Namespace

from checker.command import json_text
from checker.command.exits import Exit
from checker.errors import UserError
from checker.matrix import lifting
from checker.matrix.roles import is_path, role_of
from checker.matrix.select import find_design
from checker.matrix.trees import nearest, read_tree
from checker.questions.drift import SIZES, Drift, RowJudged, Sameness, drift
from model.machine import Machine

WIDTH = 100


def run(options: Namespace) -> int:
    kernel = read_tree(options.tree)
    name, design = asked(options.design or nearest(kernel.tree))
    found = drift(kernel.tree, name, design, lifting.table())
    if options.json:
        print(json_text.document("drift", as_json(kernel.name, found)))
    else:
        print("\n".join(report(kernel.name, found, chosen=not options.design)))
    return exit_of(found)


def asked(name: str) -> tuple[str, type[Machine]]:
    """A registered kernel design. Raises UserError."""
    if is_path(name):
        raise UserError(f"--design {name}: a registered design is needed; `eoi prove --tree` judges a patch on a tree")
    found, design = find_design(name)
    if role_of(design) != "kernel":
        raise UserError(f"--design {name} is a {role_of(design)}: a tree is compared with a kernel design")
    return found, design


def exit_of(found: Drift) -> Exit:
    """What was refused, or a helper that nobody has read, may hide a difference."""
    if found.of(Sameness.DIFFERENT):
        return Exit.WRONG
    return Exit.OPEN if found.of(Sameness.REFUSED, Sameness.OPEN) or found.alarms else Exit.FINE


def headline(name: str, found: Drift) -> str:
    """The answer."""
    there = len(found.rows) - len(
        found.of(Sameness.ABSENT, Sameness.ORDER)
    )  # an order says little: it is counted for itself
    differ = len(found.of(Sameness.DIFFERENT))
    if differ:
        said = f"differs from {found.design} in {differ} of {there} functions"
    else:
        said = f"says what {found.design} says in {len(found.agree)} of {there} functions"
    helpers = f"helper{'s' * (len(found.alarms) != 1)} changed"
    kinds = {
        "in the same order": Sameness.ORDER,
        "refused": Sameness.REFUSED,
        "undecided": Sameness.OPEN,
        "absent": Sameness.ABSENT,
    }
    more = {what: len(found.of(kind)) for what, kind in kinds.items()} | {helpers: len(found.alarms)}
    return f"{name} {said}{''.join(f', {n} {what}' for what, n in more.items() if n)}"


def report(name: str, found: Drift, *, chosen: bool) -> list[str]:
    out = [*textwrap.wrap(headline(name, found), WIDTH), ""]
    for j in found.rows:
        out += _row(j)
    out += ["", *_left_out(found)]
    if found.alarms:
        said = f"These helpers and #defines are not as they were when the rows of {lifting.SHOWN} that name them were written:"
        out += textwrap.wrap(f"{said} read them, then add their hashes to [helpers].", WIDTH)
        out += [f"  {helper}" for helper in found.alarms]
    if chosen:
        out.append(f"Compared with {found.design}, which has the functions of this kernel; --design names another one.")
    sizes = ", ".join(f"{k}={v}" for k, v in SIZES.sizes().items())
    out += textwrap.wrap(
        f'"same meaning" and "same if" were decided by z3: all states and arguments at {sizes}. What a row of '
        f"{lifting.SHOWN} says of a helper, and what it leaves out, is trusted.", WIDTH,
    )  # fmt: skip
    if found.own:
        out += textwrap.wrap(f"The model's own, no functions of the C: {', '.join(sorted(found.own))}.", WIDTH)
    if found.without:
        out += textwrap.wrap(f"Functions of the model without a row: {', '.join(found.without)}.", WIDTH)
    return out


def _row(j: RowJudged) -> list[str]:
    name = j.c if j.row.model == j.row.c else f"{j.c} => {j.row.model}"
    line = textwrap.wrap(f"  {j.kind.value:<13} {name}", WIDTH, subsequent_indent=" " * 18)
    return [*line, *textwrap.wrap(j.said, WIDTH, initial_indent=" " * 16, subsequent_indent=" " * 16)]


def _left_out(found: Drift) -> list[str]:
    wholes = [j.whole for j in found.rows if j.whole is not None]
    lines, noted = sum(w.lines for w in wholes), sum(w.noted for w in wholes)
    share = f" ({100 * noted // lines} %)" if lines else ""
    return [f"{lines} lines of C were lifted; on {noted} of them{share} something is left out or assumed."]


def as_json(name: str, found: Drift) -> json_text.Json:
    rows = [
        {
            "c": j.c, "model": j.row.model, "kind": j.kind.value, "said": j.said,
            "file": j.whole.file if j.whole else "", "line": j.whole.line if j.whole else 0,
            "anchors": list(j.anchors), "left_out": [str(x) for x in j.whole.left_out] if j.whole else [],
        }
        for j in found.rows
    ]  # fmt: skip
    return {
        "tree": name, "design": found.design, "headline": headline(name, found), "exit": int(exit_of(found)),
        "rows": rows, "helpers": list(found.alarms), "own": dict(found.own), "without_row": list(found.without),
    }  # fmt: skip
