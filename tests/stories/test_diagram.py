"""The diagram is valid DOT, nothing in it stands on something else, it fits its sheet, and an SVG is fit for a page."""

from __future__ import annotations

import re
import struct
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from checker.stories.diagram import dots, quoted, render
from checker.stories.diagram_plan import NOTHING, PAGE, SLIDE, Plan, shares
from checker.stories.diagram_svg import CLASSES, SVG, style_sheet
from checker.stories.trace import Arrow, Event, FieldChange, Parting, StoryError, Trace
from tests.rigs.traces import storm

LOOP = storm(loop_start=1)
LONG = replace(LOOP, events=LOOP.events * 6, loop_start=2)
PARTED = replace(
    storm(), partings=(Parting(2, "KVM", "lapic.c:apic_set_eoi()", "mine.py", 9, True, "does not set x to 1; base does"),),
    parts=2,
)  # fmt: skip
FOLDED = replace(PARTED, set_up=2)


def alone(trace: Trace, wide: bool = False) -> str:
    (dot,) = dots(trace, wide)
    return dot


def svg(trace: Trace, wide: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(render(trace, "svg", wide)[0])


def words(root: ElementTree.Element) -> str:
    return " ".join(element.text or "" for element in root.iter(f"{{{SVG}}}text"))


def test_dot_names_everything_and_draws_the_loop() -> None:
    dot = alone(LOOP)
    for text in ("CPU0", "device", "guest_eoi(cpu=0)\\l", "apic_set_eoi()\\l", "back to step 2, for ever\\l"):
        assert f'"{text}' in dot
    assert dot.count(" -> n") == 6 + 3  # six calls, three lines of the loop's edge
    assert "back to step" not in alone(storm())
    assert "stays here for ever" in alone(storm(stutter=True))


@pytest.mark.parametrize(("form", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
@pytest.mark.parametrize("wide", [False, True])
def test_rendering_without_a_warning(form: str, magic: bytes, wide: bool) -> None:
    pytest.importorskip("pygraphviz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pygraphviz passes on "size too small for label"
        drawn = render(LONG, form, wide)
    assert len(drawn) > 1 and all(one.startswith(magic) for one in drawn)


def test_nothing_happens() -> None:
    assert "VIOLATED in 0 steps" in alone(replace(LOOP, events=(), lanes=(), loop_start=None))


def test_labels_are_shown_as_they_are() -> None:
    assert quoted('a "b" \\N &amp; \t') == r'"a \"b\" \\N &amp;amp;  "'
    event = replace(LOOP.events[0], lane="de\\Nvice")
    trace = replace(LOOP, events=(event,), lanes=(*LOOP.lanes, "de\\Nvice"), loop_start=None)
    pytest.importorskip("pygraphviz")
    assert "de\\Nvice" in words(svg(trace))


def test_formats() -> None:
    assert [one.decode() for one in render(LOOP, "dot")] == dots(LOOP)
    with pytest.raises(StoryError, match="no diagram format 'gif'; there are dot, svg, png, pdf"):
        render(LOOP, "gif")


def test_without_pygraphviz_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert render(LOOP, "dot")[0].startswith(b"digraph")
    with pytest.raises(StoryError, match="svg needs pygraphviz"):
        render(LOOP, "svg")


# ---- where everything stands ----


def boxes(dot: str, kind: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of the nodes of a class."""
    found = re.findall(rf'pos="([\d.]+),-?([\d.]+)!", width="([\d.]+)", height="([\d.]+)"[^;]*class="{kind}"', dot)
    sized = ((float(x), float(y), float(w) * 36, float(h) * 36) for x, y, w, h in found)
    return [(x - w, y - h, x + w, y + h) for x, y, w, h in sized]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("trace", [LOOP, LONG, FOLDED], ids=["loop", "long", "folded"])
def test_everything_is_on_its_paper_and_heads_do_not_overlap(trace: Trace, wide: bool) -> None:
    for dot in dots(trace, wide):
        (paper,) = boxes(dot, "paper")
        for kind in CLASSES:
            for left, top, right, bottom in boxes(dot, kind):
                assert left >= -0.5 and top >= -0.5, kind
                assert right <= paper[2] + 0.5 and bottom <= paper[3] + 0.5, kind
        heads = sorted(box for n in range(8) for box in boxes(dot, f"lane{n} head"))
        assert len(heads) == len(trace.lanes)
        assert all(a[2] < b[0] for a, b in pairwise(heads))


@pytest.mark.parametrize("wide", [False, True])
def test_texts_stand_side_by_side_or_below_one_another(wide: bool) -> None:
    for dot in dots(replace(LONG, partings=PARTED.partings, parts=2), wide):
        inks = [*(f"lane{n}" for n in range(8)), "ink", "pale", "accent"]
        texts = [box for ink in inks for box in boxes(dot, ink)]
        assert len(texts) > 10
        for n, one in enumerate(texts):
            for other in texts[n + 1 :]:
                apart = one[2] <= other[0] + 6.5 or other[2] <= one[0] + 6.5
                assert apart or one[3] <= other[1] + 0.5 or other[3] <= one[1] + 0.5, (one, other)


def test_a_slide_has_eight_steps_at_most_and_its_own_shape() -> None:
    plan = Plan(LONG, wide=True)
    assert len(plan.sheets) > 2 and max(map(len, plan.sheets)) <= 8
    assert [i for sheet in plan.sheets for i in sheet] == list(range(len(LONG.events)))
    for dot in dots(LONG, wide=True):
        (paper,) = boxes(dot, "paper")
        assert paper == pytest.approx((0, 0, 960, 540), abs=0.1)
    quick = replace(LOOP, events=(Event("s", (), "KVM", ""),) * 20, loop_start=None)
    assert [len(sheet) for sheet in Plan(quick, wide=True).sheets] == [7, 7, 6]  # though there is room for more


def test_a_room_can_read_a_slide() -> None:
    """Text of a fortieth of the height; what is small print is said elsewhere, too."""
    assert min(SLIDE.title, SLIDE.text, SLIDE.step, SLIDE.note, SLIDE.lane) / SLIDE.height > 1 / 40
    assert min(SLIDE.bar, SLIDE.small) / SLIDE.height > 1 / 50


def test_a_page_fits_a4() -> None:
    assert PAGE.width <= 595 - 2 * 36 and PAGE.height <= 842 - 2 * 36
    sizes = [boxes(dot, "paper")[0][2:] for dot in dots(LONG)]
    assert len(sizes) > 1 and all(w <= 523.1 and h <= 770.1 for w, h in sizes)
    assert boxes(alone(LOOP), "paper")[0][3] < 500  # one that needs less is shorter


def test_every_sheet_says_which_it_is_and_has_the_lanes() -> None:
    sheets = dots(LONG, wide=True)
    for number, dot in enumerate(sheets, 1):
        assert f"sheet {number} of {len(sheets)}: steps " in dot
        assert all(f'label="{lane}"' in dot for lane in LONG.lanes)
    assert "sheet 1" not in alone(LOOP)


def test_the_loop_s_edge_runs_through_the_sheets_between() -> None:
    sheets = dots(LONG, wide=True)
    edges = [dot.count('penwidth="1.8"') for dot in sheets]
    assert edges == [2, *[1] * (len(sheets) - 2), 2]  # in the first an arrow goes in, in the last it comes


def test_shares_are_as_even_as_can_be() -> None:
    assert shares([1, 1, 1, 1], 2) == [range(2), range(2, 4)]
    assert shares([5, 1, 1, 1, 2], 2) == [range(1), range(1, 5)]
    assert shares([1, 1], 5) == [range(1), range(1, 2)]
    assert shares([], 3) == [range(0)]


# ---- what it says ----


def test_where_the_patch_parts_is_said_and_marked() -> None:
    dot = alone(PARTED)
    assert "returns at mine.py:9" in dot.replace("\\l", " ")
    assert len(boxes(dot, "parted")) == 1 and len(boxes(dot, "here")) == 1
    (mark,), (step,) = boxes(dot, "parted"), boxes(dot, "here")
    assert step[1] <= mark[1] and mark[3] <= step[3]
    assert boxes(alone(storm()), "parted") == []


def test_a_set_up_is_one_box() -> None:
    dot = alone(FOLDED)
    assert '"1-2\\l"' in dot and '"set-up\\l"' in dot and "raise_line" not in dot
    assert "raise_line(pin=0)" in alone(PARTED)


def changed(*changes: FieldChange, calls: Sequence[Arrow] = ()) -> Trace:
    return replace(storm(), events=(Event("s", (), "KVM", "", tuple(calls), changes),))


def test_what_is_aside_is_left_out_unless_everything_is_asked_for() -> None:
    trace = changed(
        FieldChange("a", "noise", "KVM", "0", "1", 0, aside=True), FieldChange("b", "news", "KVM", "0", "1", 0)
    )
    assert "noise" not in alone(trace) and "news" in alone(trace)
    (dot,) = dots(trace, everything=True)
    assert "noise" in dot


def test_a_call_that_changes_nothing_says_so() -> None:
    call = Arrow("CPU0", "KVM", "write", "", "")
    before, after = (FieldChange("b", "news", "KVM", "0", "1", place) for place in (0, 1))
    assert NOTHING in alone(changed(before, calls=[call]))
    assert NOTHING not in alone(changed(after, calls=[call]))
    assert alone(changed(before, calls=[call, call])).count(NOTHING) == 1  # the last one says it of both
    assert NOTHING not in alone(changed(replace(after, aside=True), calls=[call]))  # it does, though that is not shown


def test_why_the_last_call_changes_nothing_stands_in_the_picture() -> None:
    """There only: an earlier step's call that changes nothing is not what the run ends with."""
    call, news = Arrow("CPU0", "KVM", "write", "", ""), FieldChange("b", "news", "KVM", "0", "1", 0)
    event = Event("s", (), "KVM", "", (call,), (news,))
    (dot,) = dots(replace(storm(), events=(event, event)), why_nothing="no such register")
    assert dot.count(NOTHING) == 2 and dot.count(f"{NOTHING}: no such register") == 1
    (dot,) = dots(changed(replace(news, after_call=1), calls=[call]), why_nothing="no such register")
    assert "no such register" not in dot


def test_the_name_of_the_only_cpu_is_left_out() -> None:
    two = replace(storm(), lanes=("CPU0", "CPU1", *LOOP.lanes[1:]))
    assert "CPU0 IRR" in alone(two) and "CPU0 IRR" not in alone(storm()) and "IRR" in alone(storm())


def test_bars_are_drawn_on_every_sheet_that_they_are_on() -> None:
    first = FieldChange("l", "line 0", "device", "0", "1", 0, (), "line 0", (False, True))
    events = (replace(LONG.events[0], changes=(first,)), *LONG.events[1:])
    trace = replace(LONG, events=events, loop_start=None)
    without = [len(boxes(dot, "lane3bar")) for dot in dots(LONG, wide=True)]
    last = FieldChange("l", "line 0", "device", "1", "0", 0, (), "line 0", (True, False))
    short = replace(trace, events=(events[0], replace(events[1], changes=(last,)), *events[2:]))
    assert [len(boxes(dot, "lane3bar")) for dot in dots(short, wide=True)] == [without[0] + 1, *without[1:]]
    drawn = dots(trace, wide=True)
    assert [len(boxes(dot, "lane3bar")) for dot in drawn] == [n + 1 for n in without]
    tallest = [max(boxes(dot, "lane3bar"), key=lambda box: box[3] - box[1]) for dot in drawn]
    assert tallest[0][1] > tallest[1][1] and tallest[1][3] - tallest[1][1] > 100  # the second from its top to its end


# ---- the SVG ----


def test_an_svg_is_as_large_as_it_says() -> None:
    pytest.importorskip("pygraphviz")
    for wide, width in ((False, 523), (True, 960)):
        root = svg(LOOP, wide)
        assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(width, abs=1.5)
        box = list(map(float, root.attrib["viewBox"].split()))
        assert box[2:] == [float(root.attrib[side].removesuffix("pt")) for side in ("width", "height")]
        assert "dpi" not in alone(LOOP, wide) and "scale(1 1)" in ElementTree.tostring(root).decode()


def test_an_svg_has_a_description_and_no_names_of_nodes() -> None:
    pytest.importorskip("pygraphviz")
    root = svg(PARTED)
    assert [element.text for element in root.iter(f"{{{SVG}}}title")] == [f"{PARTED.property_name}: {PARTED.headline}"]
    (told,) = root.findall(f"{{{SVG}}}desc")
    assert "guest_eoi(cpu=0)  <== here" in (told.text or "") and "returns at" in (told.text or "")
    assert root.attrib["role"] == "img" and "DOCTYPE" not in render(PARTED, "svg")[0].decode()


def test_an_svg_has_classes_and_no_colours_of_its_own() -> None:
    pytest.importorskip("pygraphviz")
    root = svg(replace(PARTED, loop_start=1))
    colours = {v for e in root.iter() for k, v in e.attrib.items() if k in ("fill", "stroke") and v.startswith("#")}
    assert colours == set()
    used = {name for e in root.iter(f"{{{SVG}}}g") for name in e.get("class", "").split()} - {
        "graph",
        "node",
        "edge",
        "head",
    }
    assert used <= set(CLASSES) and {"paper", "stripe", "here", "life", "accent", "parted", "lane0", "lane1bar"} <= used


def contrast(one: str, other: str) -> float:
    """As the WCAG has it."""

    def light(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_one_can_read_it_by_day_and_by_night() -> None:
    sheet = style_sheet()
    assert sheet.count("@media (prefers-color-scheme: dark)") == 1
    grounds = [CLASSES[name] for name in ("paper", "stripe", "here")]
    for name, c in CLASSES.items():
        assert f".node.{name} " in sheet
        if c.text:
            assert all(contrast(c.text, g.fill) > 4.5 for g in grounds), name
            assert all(contrast(c.dark_text, g.dark_fill) > 4.5 for g in grounds), name
            assert not c.fill or (contrast(c.text, c.fill) > 4.5 and contrast(c.dark_text, c.dark_fill) > 4.5), name
    life = CLASSES["life"]
    assert contrast(life.fill, grounds[0].fill) > 2 and contrast(life.dark_fill, grounds[0].dark_fill) > 2


def test_steps_and_calls_are_links_to_the_model() -> None:
    pytest.importorskip("pygraphviz")
    (drawn,) = render(LOOP, "svg", links=lambda where: f"../{where.replace(':', '#L')}")
    targets = re.findall(r'xlink:href="([^"]+)"', drawn.decode())
    assert len(targets) == len(LOOP.events) + sum(len(event.calls) for event in LOOP.events)
    assert all(re.fullmatch(r"\.\./tests/rigs/story_toy\.py#L\d+", target) for target in targets)
    assert b"href" not in render(LOOP, "svg")[0]


def test_a_png_has_a_size_that_a_viewer_likes() -> None:
    pytest.importorskip("pygraphviz")
    sizes = {wide: struct.unpack(">II", render(LOOP, "png", wide)[0][16:24]) for wide in (False, True)}
    assert sizes[True] == (1920, 1080)
    assert sizes[False][0] == pytest.approx(1046, abs=3) and sizes[False][1] < 1100


def test_a_pdf_is_a_page_or_a_slide() -> None:
    """Its page is what Graphviz draws on: with margins, A4 or less; a slide has none."""
    pytest.importorskip("pygraphviz")
    boxes = {
        wide: re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+)", render(LONG, "pdf", wide)[0]) for wide in (False, True)
    }
    ((width, height),), ((wide, high),) = boxes[False], boxes[True]
    assert float(width) <= 596 and float(height) <= 842
    assert (float(wide), float(high)) == pytest.approx((960, 540), abs=1)
