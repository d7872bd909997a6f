"""Statements of the modelling language, as what a hunk is found in and replaced by: a tree, and the same in a row."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Node:
    """kind: do (a statement in one line), if, for; of a block that began before the hunk: end, else. open: it ends after it."""

    kind: str
    text: str = ""
    then: tuple[Node, ...] = ()
    other: tuple[Node, ...] = ()
    open: bool = False


def nodes_of(body: Sequence[ast.stmt]) -> list[Node]:
    """Of a function of the model; docstrings are none."""
    out = list[Node]()
    for s in body:
        match s:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.If(test=test, body=then, orelse=other):
                out.append(Node("if", ast.unparse(test), tuple(nodes_of(then)), tuple(nodes_of(other))))
            case ast.For(target=target, iter=over, body=then):
                target_text = ast.unparse(target).strip("()")
                out.append(Node("for", f"for {target_text} in {ast.unparse(over)}", tuple(nodes_of(then))))
            case _:
                out.append(Node("do", ast.unparse(s)))
    return out


def tidy(nodes: Sequence[Node]) -> list[Node]:
    """With the brackets that Python needs, and no others."""
    return [
        replace(n, text=_plain(n.text) if n.kind in ("do", "if") else n.text, then=tuple(tidy(n.then)), other=tuple(tidy(n.other)))
        for n in nodes
    ]  # fmt: skip


def _plain(text: str) -> str:
    return ast.unparse(ast.parse(text))


def reached(nodes: Sequence[Node]) -> list[Node]:
    """Without what stands behind a `return`, `continue` or `break` of its block."""
    out = list[Node]()
    for n in nodes:
        out.append(replace(n, then=tuple(reached(n.then)), other=tuple(reached(n.other))))
        if n.kind == "do" and n.text.split()[0] in ("return", "continue", "break"):
            break
    return out


def in_a_row(nodes: Sequence[Node]) -> list[str]:
    """One item a statement, heads of blocks and their ends."""
    out = list[str]()
    for n in nodes:
        if n.kind == "do":
            out.append(f"do {n.text}")
        elif n.kind == "end":
            out.append("end")
        else:
            out += [{"if": f"if {n.text}", "else": "else"}.get(n.kind, n.text), *in_a_row(n.then)]
            out += ["else", *in_a_row(n.other)] if n.other else []
            out += [] if n.open else ["end"]
    return out


def from_row(items: Sequence[str]) -> list[Node]:
    """Back again. Raises ValueError if blocks are not whole."""
    blocks: list[list[Node]] = [[]]
    heads: list[tuple[str, list[Node] | None]] = []
    for item in items:
        word, _, rest = item.partition(" ")
        if word == "do":
            blocks[-1].append(Node("do", rest))
        elif word in ("if", "for"):
            heads.append((item, None))
            blocks.append([])
        elif not heads:
            raise ValueError("a block ends that did not begin")
        elif word == "else":
            heads[-1] = (heads[-1][0], blocks.pop())
            blocks.append([])
        else:
            (head, then), last = heads.pop(), blocks.pop()
            if head.startswith("for "):
                blocks[-1].append(Node("for", head, tuple(last)))
            else:
                yes, no = (last, []) if then is None else (then, last)
                blocks[-1].append(Node("if", head.removeprefix("if "), tuple(yes), tuple(no)))
    if heads:
        raise ValueError("a block does not end")
    return blocks[0]


def lines(nodes: Sequence[Node], depth: int = 0) -> list[str]:
    """As Python."""
    pad, out = "    " * depth, list[str]()
    for n in nodes:
        if n.kind == "do":
            out.append(pad + n.text)
            continue
        out += [
            pad + (f"if {n.text}:" if n.kind == "if" else f"{n.text}:"),
            *(lines(n.then, depth + 1) or [pad + "    pass"]),
        ]
        other = n.other
        while len(other) == 1 and other[0].kind == "if":
            out += [pad + f"elif {other[0].text}:", *(lines(other[0].then, depth + 1) or [pad + "    pass"])]
            other = other[0].other
        if other:
            out += [pad + "else:", *lines(other, depth + 1)]
    return out
