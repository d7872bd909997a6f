"""Small damages to a source text, as a tired author might do them."""

from __future__ import annotations

import io
import random
import tokenize

OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "+", "-", "|", "&", "*", "=", "+=", "-=", "|=", ".", ",", "(", ")", "[", "]", ":"]  # fmt: skip
WORDS = [
    "and", "or", "not", "is", "in", "if", "else", "elif", "for", "while", "return", "continue", "break", "pass",
    "None", "True", "False", "lambda", "yield", "del", "assert", "raise", "try", "with", "any", "all", "range", "super",
    "require", "self", "scope", "highest", "lowest", "add", "discard", "clear", "items", "values", "keys", "len", "int",
    "str", "print", "Mask", "Table", "Struct", "__class__", "__init__",
]  # fmt: skip
VALUES = [
    "0",
    "1",
    "-1",
    "2",
    "7",
    "10**9",
    "3.5",
    '"x"',
    "b''",
    "...",
    "()",
    "[]",
    "{}",
    "(0, 1)",
    "not 1",
    "None",
    "x := 1",
]


def mutant(source: str, choose: random.Random) -> str:
    """The source with one to three damages."""
    for _ in range(choose.choice([1, 1, 1, 2, 3])):
        source = choose.choice([_line, _line, _token, _token, _token, _token])(source, choose)
    return source


def _line(source: str, choose: random.Random) -> str:
    lines = source.split("\n")
    i = choose.randrange(len(lines))
    j = choose.randrange(len(lines))
    match choose.randrange(6):
        case 0:
            del lines[i]
        case 1:
            lines.insert(j, lines[i])
        case 2:
            lines[i], lines[j] = lines[j], lines[i]
        case 3:
            lines[i] = "    " + lines[i]
        case 4:
            lines[i] = lines[i].removeprefix("    ")
        case _:
            if i + 1 < len(lines):
                lines[i], lines[i + 1] = lines[i + 1], lines[i]
    return "\n".join(lines)


def _token(source: str, choose: random.Random) -> str:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return source
    kinds = (tokenize.NAME, tokenize.OP, tokenize.NUMBER)
    candidates = [t for t in tokens if t.type in kinds and t.start[0] > 3]
    if not candidates:
        return source
    token = choose.choice(candidates)
    names = sorted({t.string for t in candidates if t.type == tokenize.NAME})
    new = choose.choice([*(choose.sample(names, 1) * 6), *([choose.choice(WORDS)] * 3), choose.choice(VALUES)])
    if token.type == tokenize.OP:
        new = choose.choice([*OPERATORS, ""])
    elif token.type == tokenize.NUMBER:
        new = choose.choice([*VALUES, *names])
    lines = source.split("\n")
    row, column = token.start
    line = lines[row - 1]
    lines[row - 1] = line[:column] + new + line[token.end[1] :]
    return "\n".join(lines)
