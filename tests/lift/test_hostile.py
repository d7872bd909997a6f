"""Texts that want to break the reader end in a sentence, soon."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.errors import UserError
from tests.lift.test_forms import V1_DIFF, lift
from tests.rigs.own_c import FILES, LAPIC, OBEYS, diff_of, edited

SECONDS = 20.0  # on a machine that does other things, too


def deep_mime() -> str:
    head = "Subject: x\nMIME-Version: 1.0\n"
    return head + "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(5000)) + "words\n"


def thousand_hunks() -> str:
    many = "".join(f"static void f{n}(void)\n{{\n\tone();\n\n\n\n\n\n\n}}\n" for n in range(1000))
    return diff_of({LAPIC: many.replace("one", "two")}, before={LAPIC: many})


def into(text: str) -> str:
    return diff_of(edited(LAPIC, (OBEYS[0], OBEYS[0] + text)))


HOSTILE: dict[str, Callable[[], str]] = {
    "megabytes of prose": lambda: "words and words\n" * 200_000,
    "a line of ten megabytes": lambda: "x" * 10_000_000,
    "a line of plus signs": lambda: V1_DIFF.replace("\t\t\treturn;", "+" * 200_000),
    "too long": lambda: "x" * 20_000_001,
    "deep MIME": deep_mime,
    "NUL bytes": lambda: V1_DIFF.replace("return;", "ret\0urn;"),
    "a thousand hunks": thousand_hunks,
    "deep brackets": lambda: into("\tif (" + "(" * 50_000 + "\n"),
    "deep blocks": lambda: into("\t" + "{" * 50_000 + "\n"),
    "deep pointers": lambda: into("\tx = " + "*" * 50_000 + "y;\n"),
    "a deep else": lambda: into("\tif (a) ; " + "else if (a) ; " * 5_000 + "\n"),
    "closing braces": lambda: into("}\n" * 500),
    "base64 of much": lambda: "Subject: x\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(b"a" * 2_000_000).decode(),
    "a huge count": lambda: V1_DIFF.replace("+29,10", "+29,1000000000"),
    "a huge shift": lambda: diff_of({"include/uapi/linux/kvm.h": "#define A (1 << 9999999999)\n"}) + into("\tx = A;\n"),
    "only headers": lambda: "From: a\n" * 100_000,
    "a file that ends in a comment": lambda: into("/* and so on\n"),
    "quotes": lambda: "> " * 100_000 + "diff --git a/x b/x\n",
}  # fmt: skip


@pytest.mark.everything
@pytest.mark.parametrize("which", HOSTILE)
def test_ends_in_a_sentence(which: str, tmp_path: Path) -> None:
    text, begin = HOSTILE[which](), time.process_time()
    with pytest.raises(UserError) as refused:
        lift(tmp_path, text)
    assert time.process_time() - begin < SECONDS
    assert str(refused.value).startswith(str(tmp_path)) and len(FILES) == 5
