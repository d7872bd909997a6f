"""One token of the C is another one: that is another class, or refused, or said to be left out, with its reason. Nothing is
lost: what "means the same" here means the same to a reader of the C, too, and is listed below one by one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.errors import UserError
from lift.ctokens import Row, tokens
from tests.lift.test_forms import lift
from tests.rigs.own_c import FILES, IOAPIC, LAPIC, X86, diff_of
from tests.rigs.volume import volume

OTHER = {
    "==": "!=", "!=": "==", "&&": "||", "||": "&&", "&": "|", "|": "&", "!": "", "~": "", "<": ">", "->": "->other->",
    "|=": "=", "=": "+=", "++": "--", "-": "", "?": "? !", "-1": "1", "return": "break", "break": "return", "continue": "break",
    "if": "while", "else": "", "&=": "=",
}  # fmt: skip
SAME = "the model says the same before and after"


def changes(file: str, text: str = "") -> Iterator[tuple[str, str]]:
    """(what, text of the file), one for each token that has another form, in functions of the model."""
    text = text or FILES[file]
    starts = [0, *(m.end() for m in re.finditer("\n", text))]
    bodies = [(m.start(), m.end()) for m in re.finditer(r"^\{\n.*?^\}", text, re.M | re.S)]
    for token in tokens([Row(row, number, False) for number, row in enumerate(text.split("\n"), 1)]):
        at = starts[token.line - 1] + token.col
        if not any(begin < at < end for begin, end in bodies):
            continue
        other = OTHER.get(token.text)
        if other is None and token.kind == "id":
            other = f"{token.text}_x"
        elif other is None and token.kind == "num":
            other = str(int(token.text.rstrip("uUlL"), 0) + 1)
        if other is not None:
            yield f"{token.line}: {token.text} -> {other}", text[:at] + other + text[at + len(token.text) :]


def outcome(folder: Path, diff: str) -> str:
    """different, refused, left out, or lost."""
    try:
        found = lift(folder, diff)
    except UserError as refused:
        said = str(refused)
        if "it changes nothing that the model has" not in said:
            return "refused"
        return "lost" if SAME in said else "left out"
    return "lost" if any(SAME in line for line in found.left_out) else "different"


# What changes the C without effect: a bit that the model does not have, a name that nothing else uses (it does not
# compile: the function's other lines say the old one), `A || False || False`, and an ioctl that ends in another way.
WITHOUT_EFFECT = {
    LAPIC: {"12: |= -> ="},
    IOAPIC: {"37: || -> &&", "17: i -> i_x", "31: index -> index_x"},
    X86: {"50: break -> return", "58: break -> return"},
}  # fmt: skip


@pytest.mark.everything
@pytest.mark.parametrize("file", [LAPIC, IOAPIC, X86])
def test_no_token_is_lost(tmp_path: Path, file: str) -> None:
    """By day every third, and all that are known to be lost."""
    counts, lost = Counter[str](), set[str]()
    for number, (what, text) in enumerate(changes(file)):
        if number % volume(3, 1) and what not in WITHOUT_EFFECT[file]:
            continue
        one = outcome(tmp_path, diff_of({file: text}, 8))
        counts[one] += 1
        lost |= {what} if one == "lost" else set()
    assert lost == WITHOUT_EFFECT[file]
    few = file == X86  # what is stored to a local of another name is refused, if nobody declares that
    assert counts["different"] >= (volume(0, 1) if few else volume(1, 5)) and counts["refused"] > volume(25, 80)
    assert sum(counts.values()) > volume(40, 120)
