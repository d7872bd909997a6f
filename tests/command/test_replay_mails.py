"""`eoi replay` of stories as mail programs leave them: quoted, folded, encoded, in raw mails and mailboxes."""

from __future__ import annotations

import io
import quopri
import re
import textwrap
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from checker.stories.compare import first_difference
from checker.stories.mail import plain
from checker.stories.old_story import Picture
from checker.stories.quoting import unquoted
from checker.stories.read import ParsedStory, parse, stories_of
from checker.stories.trace import StoryError
from tests.rigs.readme_stories import ALL_13, LOST, STORM, old

ROOT = Path(__file__).resolve().parents[2]


def cell_line_of(text: str) -> int:
    picture = parse(text).picture
    assert isinstance(picture, Picture)
    return picture.cell_line


def lines_of(text: str) -> Sequence[int]:
    """The lines of the steps, as an old story's picture has them."""
    picture = parse(text).picture
    assert isinstance(picture, Picture)
    return picture.lines


MARKS = [
    "> ", ">", ">>", "> > > > ", ">> > ", "| ", "|", "||", "| | ", "> |", ">|", "|>", "> | >", ": ", ":", ": : ", "> : ", ": > ",
    "ab>", "ab> ", "ab> > ", " JD> ", "# ", "+", "    ", " * ", "// ", "Somebody> ", "\N{NO-BREAK SPACE}> ", "\t> ",
]  # fmt: skip


def marked(text: str, mark: str) -> str:
    return "".join(f"{mark}{line}".rstrip() + "\n" for line in text.splitlines())


def content(text: str) -> tuple[Any, ...]:
    """All that is read of a text's first story, but for the numbers of its lines."""
    story, first = parse(text), STORM.partition("Replay:")[0]
    assert isinstance(story.picture, Picture)
    said = (story.property, story.cell, story.scope, story.loop_start, story.stutter, story.told, story.picture.steps)
    return *said, first_difference(story.text, first, whole=story.told is not None)


def test_the_story_is_the_one_that_is_meant() -> None:
    story, lines = parse(STORM), STORM.splitlines()
    assert story.told is not None and isinstance(story.picture, Picture)
    assert (len(story.told.moves), len(story.picture.steps), story.loop_start) == (13, 13, 8)
    assert lines[story.end - 1].startswith("Replay: eoi1 ")
    assert [line.number for line in story.text] == list(range(1, story.end + 1))
    assert content(STORM)[-1] is None and content(old(STORM))[-1] is None


@pytest.mark.parametrize("mark", MARKS)
def test_quoting_is_undone_and_the_storyis_whole(mark: str) -> None:
    for told in (STORM, old(STORM)):
        text = f"Hi,\n\nyou wrote:\n{marked(told, mark)}\nNo.\n"
        assert content(text) == content(told)
        assert parse(text).end == parse(told).end + 3
        assert lines_of(text) == [line + 3 for line in lines_of(told)]


@pytest.mark.parametrize("mark", ["> ", "|", ": ", "ab> ", "# "])
def test_an_answer_below_the_headline(mark: str) -> None:
    head, _, rest = marked(STORM, mark).partition("\n")
    assert content(f"{head}\n\nI do not see how.\nReally.\n\n{rest}") == content(STORM)


@pytest.mark.parametrize("mark", ["> ", "|", "| > ", "ab> "])
def test_a_header_that_was_filled_again(mark: str) -> None:
    """Also where no line has the whole headline: these marks are known by themselves."""
    header, table = STORM.split("     CPU0   KVM", 1)
    narrow = "\n".join(textwrap.wrap(header, 20, break_long_words=False))
    assert "steps" not in narrow.splitlines()[0] and "8" not in narrow.splitlines()[0]
    assert content(marked(f"{narrow}\n\n     CPU0   KVM{table}", mark)) == content(STORM)


def test_a_word_or_a_number_is_no_mark() -> None:
    """The lines of steps begin with numbers."""
    assert unquoted(["1 x: VIOLATED in 2 steps", *["1  *  a()"] * 9])[1:] == ["1  *  a()"] * 9
    assert unquoted(["1) x: VIOLATED in 2 steps", *["1) *  a()"] * 9])[1:] == ["*  a()"] * 9


@pytest.mark.parametrize("mark", ["> |", "|", ":", "ab>", "+", "# "])
def test_a_quoted_story_is_replayed(eoi: Callable[..., Any], tmp_path: Path, mark: str) -> None:
    path = tmp_path / "mail.txt"
    path.write_text(marked(STORM, mark))
    ran = eoi("replay", str(path))
    assert (ran.code, ran.err) == (1, "") and ran.out.endswith(ALL_13)


def test_stories_quoted_in_several_ways_in_one_text() -> None:
    texts = [marked(STORM, ": "), LOST, marked(LOST, "# "), marked(STORM, "|"), marked(LOST, "+"), STORM]
    found = [one.story for one in stories_of("\n\n".join(f"Text.\n\n{text}" for text in texts))]
    assert [len(story.told.moves) for story in found if isinstance(story, ParsedStory) and story.told] == [
        13,
        10,
        10,
        13,
        10,
        13,
    ]


@pytest.mark.parametrize("between", [":", ": "])
def test_quoting_that_cannot_be_undone_is_said(eoi: Callable[..., Any], tmp_path: Path, between: str) -> None:
    """As `grep -n` does it: each line has another mark. The other story of the mail is replayed all the same."""
    numbered = "".join(f"{n}{between}{line}\n" for n, line in enumerate(old(STORM).splitlines(), 100))
    path = tmp_path / "mail.txt"
    path.write_text(f"See:\n{numbered}")
    alone = eoi("replay", str(path))
    # glued to the headline, nobody would see a headline there; else the first step is what cannot be read
    line = 2 if between == ":" else 2 + next(n for n, text in enumerate(STORM.splitlines()) if text.startswith(" 1-4 "))
    assert (alone.code, alone.out) == (2, "")
    assert re.match(
        rf"eoi: {re.escape(str(path))}: line {line}: (a story|step 1) stands behind '{98 + line}:', quoting that cannot be undone",
        alone.err,
    )
    for text in (f"See:\n{numbered}\n{LOST}", f"{LOST}\n{numbered}"):
        path.write_text(text)
        both = eoi("replay", str(path))
        assert both.code == 2 and "quoting that cannot be undone" in both.err
        assert re.findall(r"^2 stories: .*|^REPRODUCED: all 10", both.out, re.M)[0] == "REPRODUCED: all 10"


def test_a_mention_beside_a_story_that_cannot_be_read_is_none() -> None:
    numbered = "".join(f"{n}:{line}\n" for n, line in enumerate(old(STORM).splitlines(), 100))
    (found,) = stories_of(f"I get no_storm: VIOLATED in 8 steps, see:\n{numbered}")
    assert found.line == 2 and isinstance(found.story, StoryError)


def test_prose_that_mentions_a_story_is_no_quoting(eoi: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "mail.txt"
    path.write_text(f"I get that (no_storm: VIOLATED in 8 steps), too:\n\n{STORM}")
    ran = eoi("replay", str(path))
    assert (ran.code, ran.err) == (1, "") and ran.out.endswith(ALL_13)


# --- raw mails ---


def mail_with(text: str, **how: Any) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.org", "kvm@example.org", "no_storm: VIOLATED in 8 steps?"
    mail.set_content(text, **how)
    return mail


def forwarded(text: str) -> EmailMessage:
    mail = mail_with("See below.\n")
    mail.add_attachment(mail_with(text, cte="quoted-printable"))
    return mail


def attached(text: str) -> EmailMessage:
    mail = mail_with("Hi,\n\nattached.\n", cte="base64")
    mail.add_attachment(b"\x89PNG\r\n", "image", "png", filename="storm.png")
    mail.add_attachment(text.encode(), "text", "x-story", filename="storm.txt")
    return mail


def beside_html(text: str) -> EmailMessage:
    mail = mail_with(text, cte="quoted-printable")
    mail.add_alternative(f"<html><pre>{text}</pre></html>", subtype="html")
    return mail


MAILS: dict[str, Callable[[str], EmailMessage]] = {
    "7bit": lambda text: mail_with(text, cte="7bit"),
    "8bit": lambda text: mail_with(f"Grüße\n{text}", charset="iso-8859-1", cte="8bit"),
    "quoted-printable": lambda text: mail_with(f"Grüße\n{text}", cte="quoted-printable"),
    "base64": lambda text: mail_with(f"Grüße\n{text}", cte="base64"),
    "base64, utf-8": lambda text: mail_with(f"→ Grüße\n{text}", charset="utf-8", cte="base64"),
    "forwarded": forwarded,
    "attached": attached,
    "beside html": beside_html,
}


@pytest.mark.parametrize("mark", ["", "> > "])
@pytest.mark.parametrize("kind", MAILS)
def test_a_raw_mail_is_decoded(eoi: Callable[..., Any], tmp_path: Path, kind: str, mark: str) -> None:
    """Each of the story's two mentions in the mail, the subject and the HTML, is none."""
    raw = MAILS[kind](marked(STORM, mark)).as_bytes()
    path = tmp_path / "mail.eml"
    path.write_bytes(raw)
    ran = eoi("replay", str(path))
    assert (ran.code, ran.err) == (1, "") and ran.out.endswith(ALL_13) and "story 1" not in ran.out
    assert content(path.read_text("utf-8", "surrogateescape")) == content(STORM)


@pytest.mark.parametrize("kind", ["7bit", "8bit", "quoted-printable", "forwarded", "beside html"])
def test_an_error_names_the_line_of_the_raw_file(eoi: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(MAILS[kind](marked(old(STORM).replace("l1_apic_eoi(", "l1_apic_eio(", 1), "> ")).as_bytes())
    ran = eoi("replay", str(path))
    assert ran.code == 2 and "no step 'l1_apic_eio'" in ran.err
    (number,) = re.findall(r": line (\d+): ", ran.err)
    assert "l1_apic_eio" in path.read_bytes().split(b"\n")[int(number) - 1].decode("latin-1")


def test_soft_line_ends_of_quoted_printable() -> None:
    """By hand, with CRLF: a line of a reply to a reply that had to be cut."""
    body = quopri.encodestring(marked(STORM, "> > > ").encode()).replace(b"\n", b"\r\n")
    cut = [line for line in body.split(b"\r\n") if line.endswith(b"=")]
    assert cut and b"kernel=3Dbase" in body
    raw = b"From: a@b.c\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n" + body
    assert content(raw.decode()) == content(STORM)
    assert [plain(raw.decode()).lines[n].number for n in (0, 1)] == [5, 6]


@pytest.mark.parametrize("mark", ["", "> ", "> > > > > "])
def test_quoted_printable_without_headers(eoi: Callable[..., Any], tmp_path: Path, mark: str) -> None:
    """Pasted out of a raw mail into a text with other `=`; and what was pasted was quoted by who pasted it."""
    path = tmp_path / "mail.txt"
    encoded = quopri.encodestring(marked(STORM, mark).encode()).decode()
    for text in (encoded, marked(encoded, "> ")):
        path.write_text(f"With a=b, c==d and e=\nI see\n\n{text}")
        ran = eoi("replay", str(path))
        assert (ran.code, ran.err) == (1, "") and ran.out.endswith(ALL_13)
        assert content(path.read_text()) == content(STORM)
        assert (
            path.read_text()
            .splitlines()[cell_line_of(path.read_text()) - 1]
            .endswith("Cell:   kernel=3Dbase vmm=3Dqemu guest=3Dwindows_cg device=3Dlevel")
        )


def flowed(text: str, depth: int, width: int, delsp: bool) -> str:
    """A text as a mailer sends it with format=flowed: lines are stuffed, and broken behind a space."""
    lines: list[str] = []
    for line in text.splitlines():
        pieces: list[str] = []
        while len(line) > width and " " in line[:width].strip():
            at = width if delsp else line.rindex(" ", 0, width) + 1  # with DelSp, also within words
            pieces.append(line[:at] + " " * delsp)
            line = line[at:]
        pieces.append(line)
        lines += [f"{'>' * depth}{' ' if depth or piece[:1] in ' >' else ''}{piece}" for piece in pieces]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("delsp", [False, True])
@pytest.mark.parametrize(("depth", "width"), [(0, 60), (1, 60), (3, 55)])
def test_flowed_text_is_put_together(depth: int, width: int, delsp: bool) -> None:
    body = flowed(STORM, depth, width, delsp)
    assert len(body.splitlines()) > len(STORM.splitlines()) + 10
    kind = f"text/plain; charset=utf-8; format=flowed{'; delsp=yes' * delsp}"
    raw = f"Subject: x\nContent-Type: {kind}\n\n{body}"
    assert content(raw) == content(STORM)
    assert body.splitlines()[lines_of(raw)[3] - 4].lstrip("> ").startswith("1-4 ")
    fixed = parse(raw.replace("format=flowed", "format=fixed"))  # nor do cut lines matter where the headers say nothing
    assert fixed.told == parse(STORM).told
    assert first_difference(fixed.text, STORM.partition("Replay:")[0], whole=True) is None


def test_a_folded_line(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """Cut hard at 64 columns when it was quoted: within a step's arguments, and within what changes."""
    folded = "\n".join(
        piece for line in STORM.splitlines() for piece in textwrap.wrap(line, 60, break_on_hyphens=False) or [""]
    )
    path = tmp_path / "mail.txt"
    path.write_text(marked(folded, "> > "))
    assert re.search(r"l1_set_entry\(cpu=0, pin=0,\n> > vector=0\)\n", path.read_text())
    assert re.search(r"CPU0 KVM_EXIT_IOAPIC_EOI 0 ->\n> > none\n", path.read_text())
    ran = eoi("replay", str(path))
    assert (ran.code, ran.err) == (1, "") and ran.out.endswith(ALL_13)


def test_a_mailbox_and_a_patch(eoi: Callable[..., Any], tmp_path: Path) -> None:
    """Two mails with encodings of their own, one of them as `git format-patch` writes it; and text before them."""
    encoded = quopri.encodestring(STORM.encode()).decode()
    path = tmp_path / "series.mbox"
    path.write_text(
        "From a@b.c Thu Dec  4 10:00:00 2025\nFrom: a@b.c\nContent-Transfer-Encoding: quoted-printable\n\n"
        f"Hi\n\n{encoded}\n"
        "From 6940cb7f00aa11bb22cc33dd44ee55ff66778899 Mon Sep 17 00:00:00 2001\nFrom: A Hacker <a@b.c>\n"
        f"Date: Thu, 4 Dec 2025 10:00:00 +0100\nSubject: [PATCH 1/2] KVM: x86: Do not lose it\n  for ever\n\n{LOST}\n---\n a.c | 2 +-\n"
    )
    ran = eoi("replay", str(path))
    assert (ran.code, ran.err) == (1, "") and ran.out.endswith("2 stories: 2 REPRODUCED\n")
    lines = path.read_text().splitlines()
    heads = [int(n) for n in re.findall(r"^story \d of 2, line (\d+):", ran.out, re.M)]
    assert [lines[n - 1].partition(":")[0] for n in heads] == ["no_storm", "no_eoi_lost"]


def test_a_mail_of_html_alone_says_what_was_not_read(eoi: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(mail_with(f"<pre>{STORM}</pre>", subtype="html").as_bytes())
    ran = eoi("replay", str(path))
    assert ran.code == 2 and "no story found" in ran.err and "only text is read, and the mail has text/html" in ran.err


def test_base64_that_is_none(eoi: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_text(f"From: a@b.c\nContent-Transfer-Encoding: base64\n\n{STORM}")
    ran = eoi("replay", str(path))
    assert ran.code == 2 and f"{path}: line 4: base64 was expected" in ran.err


def test_bytes_that_are_not_utf_8(eoi: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text around a story may be in any encoding: in a file, and on standard input, where a mail program pipes it."""
    raw = "Grüße\n".encode("latin-1") + b"\xef\xbb\xbf\n" + STORM.encode()
    path = tmp_path / "mail.txt"
    path.write_bytes(raw)
    assert eoi("replay", str(path)).out.endswith(ALL_13)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="ascii"))
    assert eoi("replay", "-").out.endswith(ALL_13)
    assert content(f"\ufeff{STORM}") == content(STORM)
