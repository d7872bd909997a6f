"""The mail form: golden texts, the mail's limits for any trace, and the way back."""

from __future__ import annotations

import quopri
import re
import shlex
import string
import subprocess
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from checker.engine.reference import Reference
from checker.questions.retell import path_of
from checker.questions.verdict import table_of
from checker.stories.old_story import Picture
from checker.stories.read import ParsedStory, parse
from checker.stories.replay import replay
from checker.stories.replay_line import ReplayLine, text_digest, wrapped
from checker.stories.trace import StoryError, Trace
from checker.stories.write import sealed, to_text
from tests.rigs import story_toy as toy
from tests.rigs.traces import LOOP, LOST, quoted, traces
from tests.rigs.volume import volume

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(("trace", "name"), [(LOOP, "storm"), (LOST, "lost")])
def test_golden(trace: Trace, name: str) -> None:
    assert to_text(trace) == (GOLDEN / f"{name}.txt").read_text()


def picture_of(text: str) -> Picture:
    found = parse(text).picture
    assert isinstance(found, Picture)
    return found


@pytest.mark.parametrize(("trace", "path"), [(LOOP, toy.STORM), (LOST, toy.LOST)])
def test_a_story_is_a_path_again(trace: Trace, path: list[tuple[str, tuple[object, ...]]]) -> None:
    """By its picture, and by the numbers of its Replay line."""
    design, scope = (toy.Storm, toy.ToyScope()) if trace is LOOP else (toy.Lost, toy.ToyScope(cpus=2))
    moves = Reference(design, scope).moves
    numbers = tuple(next(i for i, m in enumerate(moves) if (m.step, m.args) == taken) for taken in path)
    line = ReplayLine("x", trace.binding, trace.cell, trace.scope, table_of(moves), numbers, trace.loop_start)
    for text in (to_text(trace), to_text(sealed(trace, line))):
        story = parse(text, toy.Storm.steps())
        assert path_of(story, Reference(design, scope)) == path
        assert (story.cell, story.scope) == (trace.cell, trace.scope)
        assert replay(design, scope, path, story.loop_start) == trace.events
    assert story.told == replace(line, digest=text_digest(to_text(trace)))


# --- any trace ---


def agrees(story: ParsedStory, trace: Trace) -> None:
    assert isinstance(story.picture, Picture)
    assert story.property == trace.property_name
    assert story.picture.steps == [(event.step, dict(event.args)) for event in trace.events]
    assert (story.loop_start, story.stutter) == (trace.loop_start, trace.stutter)
    assert (story.cell, story.scope) == (dict(trace.cell), dict(trace.scope))


@st.composite
def lines(draw: st.DrawFn) -> ReplayLine:
    pairs = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=4)
    moves = tuple(draw(st.lists(st.integers(0, 10**6), max_size=30)))
    loop = draw(st.none() | st.integers(0, len(moves) - 1)) if moves else None
    digest = draw(st.from_regex("[0-9a-f]{16}", fullmatch=True))
    said = (draw(st.text(min_size=1, max_size=60)), draw(pairs), draw(pairs), draw(pairs), "0a1b2c", moves)
    return ReplayLine(*said, loop, loop is None and draw(st.booleans()), digest)


@pytest.mark.everything
@settings(max_examples=volume(50, 200), deadline=None, phases=[Phase.explicit, Phase.generate])
@given(lines(), st.integers(0, 3), st.integers(30, 76))
def test_any_replay_line_is_read_back(line: ReplayLine, depth: int, width: int) -> None:
    """Quoted, cut at any width, in quoted-printable, alone and below a story."""
    text = "".join(f"{row}\n" for row in wrapped(str(line), 72))
    assert all(re.fullmatch(r"[ -~]{0,71}[!-~]", row) for row in text.splitlines())
    for told in (
        text,
        quoted(text, depth),
        quoted(text, depth).replace("\n", "\r\n"),
        quopri.encodestring(quoted(text, depth).encode()).decode(),
    ):
        assert parse(told).told == line
        assert parse(f"{quoted(to_text(LOST), depth)}{told}").told == line
    cut = "".join(f"{text[i : i + width]}\n" for i in range(0, len(text), width)) if "\n" not in text[:width] else text
    assert parse(cut).told == line


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("/4/", "/x/", "numbers of moves"),
        ("/loop/", "/loop/3/loop/", "numbers of moves"),
        ("/loop/5", "/5/loop", "numbers of moves"),
        (",pins:1", ",pins=1", "name:value was expected, found 'pins1'"),
        (",pins:1", ",cpus:2", "says twice what 'cpus' is"),
        (";a:b;", ";a:b,a:b;", "says twice what 'a' is"),
        ("pin:0;", "pin:0,pin:1;", "says twice what 'pin' is"),
        ("; 0f83", "; 0f8", "the line is damaged"),
        ("eoi1 x,pin:0;", "eoi1 x,pin:0", "the line is damaged"),
    ],
)
def test_a_damaged_replay_line(before: str, after: str, said: str) -> None:
    text = "Replay: eoi1 x,pin:0;a:b;cpus:1,pins:1; 0a1b2c/3/4/loop/5; 0f83a1c2d4e5f607\n"
    assert parse(text).told is not None and before in text
    with pytest.raises(StoryError, match=f"line 1: .*{said}"):
        parse(text.replace(before, after))


@pytest.mark.everything
@settings(max_examples=volume(50, 2_000), deadline=None)
@given(traces(), st.integers(0, 3))
def test_any_story_fits_a_mail_and_parses_back(trace: Trace, depth: int) -> None:
    text = to_text(trace)
    for line in text.split("\n"):
        assert len(line) <= 72
        assert re.fullmatch(r"[ -~]*", line)
        assert not line.endswith(" ")
    agrees(parse(text), trace)
    agrees(parse(quoted(text, depth).replace("\n", "\r\n")), trace)
    agrees(parse(f"Hi,\n\nthis happens:\n\n{quoted(text, 1)}\nRegards,\n-- \nme\n"), trace)


@pytest.mark.everything
@given(st.lists(st.text(alphabet=string.printable + "\xfc\u20ac", max_size=150), min_size=1, max_size=4))
def test_the_command_can_be_pasted(words: list[str]) -> None:
    text = to_text(replace(LOST, reproduce=shlex.join(words)))
    command = text[text.index("Reproduce:") + len("Reproduce:") :].rstrip("\n")
    assert command.isascii() and all(len(line) <= 72 for line in command.splitlines())
    said = subprocess.run(["bash", "-c", rf"printf '%s\0' {command}"], capture_output=True, check=True).stdout
    assert said.decode().split("\0")[:-1] == words


def command_lines(command: str) -> list[str]:
    text = to_text(replace(LOST, reproduce=command))
    return text[text.index("Reproduce:") :].splitlines()


def test_the_command_is_broken_at_spaces() -> None:
    scope = "cpus=1,pins=1,vectors=2,ioapic=0x20,x2apic=on,flags=0x0,throttle=off"
    assert 4 + len(scope) == 72
    command = f"eoi trace base --vmm qemu --guest windows_cg --property no_storm --scope {scope}"
    assert command_lines(command) == [
        "Reproduce: eoi trace base --vmm qemu --guest windows_cg --property \\",
        "    no_storm --scope \\",
        f"    {scope}",
    ]


@given(st.lists(st.text(alphabet=string.ascii_letters + "=,", min_size=1, max_size=66), min_size=1, max_size=6))
def test_no_word_that_fits_a_line_is_cut(words: list[str]) -> None:
    lines = command_lines(shlex.join(words))
    assert [w for line in lines for w in line.removesuffix(" \\").split()] == ["Reproduce:", *words]
    assert all(len(line) <= 72 for line in lines)


# --- what people and mailers do to a story ---


def test_a_refilled_header_and_comments_between_the_lines() -> None:
    head, table = to_text(LOST).split("\n\n", 2)[0], to_text(LOST).split("\n\n", 2)[1:]
    system, rest = table
    refilled = "\n".join("\n".join(textwrap.wrap(part, 40)) for part in (head, system)) + "\n\n" + rest
    commented = refilled.replace("   3 ", "\n1. I do not see how\n2 * this can happen\n\n   3 ")
    agrees(parse(commented), LOST)
    flat = " ".join(f"{head} {system}".split()) + "\n" + rest
    agrees(parse(flat), LOST)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("VIOLATED in", "violates", "line 1: no story found; it begins with '<property>: VIOLATED in <n> steps'"),
        ("Scope:", "", "line 1: 'Scope:' was expected between the headline and step 1"),
        ("guest_eoi(", "guest_eio(", "line 20: no step 'guest_eio' in this design; did you mean 'guest_eoi'?"),
        ("\n   2 ", "\n   7 ", "line 16: step 2 was expected, found step 7"),
        ("lower_line(pin=0)", "lower_line(pin=)", "line 24: 'parameter=value' was expected, found 'pin='"),
        ("lower_line(pin=0)", "lower_line", "line 24: 'step(parameter=value, ...)' was expected, found"),
        ("   4 ", "     ", "line 29: step 4 of 4 was expected before the end"),
    ],
)
def test_errors_of_the_text(before: str, after: str, message: str) -> None:
    text = to_text(LOST)
    assert before in text
    with pytest.raises(StoryError, match=re.escape(message)):
        parse(text.replace(before, after), toy.Storm.steps())


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("lower_line(pin=0)", "lower_line(pin=1)", "line 24: lower_line: pin = 1: a number 0..0 was expected"),
        ("lower_line(pin=0)", "lower_line()", "line 24: lower_line takes (pin), found ()"),
        ("lower_line(pin=0)", "lower(pin=0)", "line 24: no step 'lower' in Lost"),
        (
            "lower_line(pin=0)",
            "program_pin(pin=0, version=V12, masked=0)",
            "line 24: program_pin: version = V12: V11 or V20 was expected",
        ),
    ],
)
def test_errors_of_the_path(before: str, after: str, message: str) -> None:
    story = parse(to_text(LOST).replace(before, after))
    with pytest.raises(StoryError, match=re.escape(message)):
        path_of(story, Reference(toy.Lost, toy.ToyScope(cpus=2)))
