"""A mail of which a part is lost, or is not read, is refused: the rest alone would be judged, and the first line said nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from lift.patch import diffs
from lift.refusal import NotLifted
from tests.command.conftest import Ran
from tests.lift.test_refused import V1
from tests.rigs.own_c import LAPIC, X86, diff_of, edited

SCAN = ("	bitmap_zero(vcpu->arch.ioapic_handled_vectors, 256);\n", "")
OTHER = diff_of(edited(X86, SCAN))
HEAD = next(line for line in OTHER.splitlines() if line.startswith("@@"))
NUMBERS, HEADING = HEAD.rsplit("@@", 1)
CHANGED = "-" + SCAN[0]


def indented(by: str) -> str:
    return "".join(by + line for line in OTHER.splitlines(keepends=True))


LOST = {
    "a head of a hunk that was broken": (V1 + OTHER.replace(HEAD, f"{NUMBERS[: len(NUMBERS) // 2]}\n{NUMBERS[len(NUMBERS) // 2 :]}@@{HEADING}"), "is no head of a hunk that can be read"),
    "one without its first blank": (V1 + OTHER.replace("@@ -", "@@-"), "is no head of a hunk that can be read"),
    "one without its last blank": (V1 + OTHER.replace(f" @@{HEADING}", f"@@{HEADING}"), "is no head of a hunk that can be read"),
    "one that is not there": (V1 + OTHER.replace(HEAD + "\n", ""), "no head"),
    "all of a hunk": (V1 + OTHER.split("@@")[0], f"no hunk of {X86} can be read"),
    "all of a second one of the same file": (V1 + diff_of(edited(LAPIC, ("apic_clear_isr", "apic_clear_irr"))).split("@@")[0], f"no hunk of {LAPIC} can be read"),
    "a diff of a merge": (V1 + OTHER.replace("diff --git a/", "diff --cc ").replace("@@", "@@@"), "a diff of a merge is not read"),
    "a context diff": (V1 + f"*** a/{X86}\n--- b/{X86}\n***************\n*** 24,30 ****\n- {SCAN[0]}--- 24,29 ----\n", "a context diff is not read"),
    "a diff behind a tab": (V1 + "--\n" + indented("\t"), "a diff that is indented is not read"),
    "a diff behind blanks": (V1 + "--\n" + indented("  "), "a diff that is indented is not read"),
    "more than the counts of a hunk say": (V1 + f" }}\n{CHANGED}", "is longer than its @@ line says"),
    "changes behind an empty line": (V1 + f"\n{CHANGED}", "is longer than its @@ line says"),
    "changes behind words": (V1 + "Words.\n\n+	return;\n", "`+	return;` looks like a change, and is of no hunk"),
}  # fmt: skip


@pytest.mark.parametrize("which", LOST)
def test_what_is_lost_is_missed(which: str, eoi: Callable[..., Ran], tmp_path: Path) -> None:
    text, said = LOST[which]
    path = tmp_path / "p.patch"
    path.write_text(text)
    ran = eoi("lift", str(path))
    if said == "no head":
        assert ran.code == 2
        return
    assert ran.code == 2 and said in ran.err and ":0:" not in ran.err, ran.err
    number = int(ran.err.split("p.patch:")[1].split(":")[0])
    assert number > V1.count("\n") - 1, "the line is that of what is lost"


def mail_with(*parts: tuple[str, str, str]) -> str:
    """A mail whose text holds v1, and these attachments: kind, name, content."""
    mail = EmailMessage()
    mail["Subject"], mail["From"] = "[PATCH] x", "A <a@b.c>"
    mail.set_content("Words.\n\n" + V1)
    for kind, name, content in parts:
        main, sub = kind.split("/")
        mail.add_attachment(content.encode(), maintype=main, subtype=sub, filename=name)
    return mail.as_string()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("application/octet-stream", "2.patch"), ("application/octet-stream", "two"), ("application/x-patch", "2.txt"),
        ("application/gzip", "2.patch.gz"), ("application/x-tar", "all.tar.gz"), ("application/mbox", "series.mbox"),
    ],
)  # fmt: skip
def test_an_attachment_that_may_be_a_patch(kind: str, name: str) -> None:
    content = "\x1f\x8b" if "tar" in name or "gz" in name or "mbox" in name else OTHER
    with pytest.raises(NotLifted, match=rf"the attachment {name} \({kind}\) is not read, and may be a patch"):
        diffs(mail_with((kind, name, content)))


def test_what_is_no_patch_may_be_there() -> None:
    """A signature, a picture, a log; quoted diffs, lists of words, a name below the patch, what only has another mode."""
    mail = mail_with(
        ("application/pgp-signature", "signature.asc", "-----BEGIN PGP SIGNATURE-----"), ("image/png", "x.png", "\x89PNG"),
        ("application/gzip", "dmesg.gz", "\x1f\x8b"),
    )  # fmt: skip
    quoted = "".join(f"> {line}\n" for line in OTHER.splitlines())
    mode = f"diff --git a/{X86} b/{X86}\nold mode 100644\nnew mode 100755\n"
    empty = "diff --git a/n.h b/n.h\nnew file mode 100644\nindex 0000000..e69de29\n"
    below = "-- \n2.43.0\n\n- one\n- two\n+ more\n-Mike\n"
    for text in (mail, quoted + V1, "- a\n- b\n\n" + V1 + below, mode + empty + V1):
        (found,) = diffs(text)
        assert [hunk.file for hunk in found.hunks] == [LAPIC]
