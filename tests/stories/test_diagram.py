"""The diagram is valid DOT, nothing in it is too small for its text, and files appear whole."""

from __future__ import annotations

import re
import sys
import warnings
from dataclasses import replace
from itertools import pairwise

import pytest

from checker.stories.diagram import quoted, render, to_dot
from checker.stories.diagram_plan import Plan, shares
from checker.stories.trace import StoryError, Trace
from tests.rigs.traces import storm

LOOP = storm(loop_start=1)


def test_dot_names_everything_and_draws_the_loop() -> None:
    dot = to_dot(LOOP)
    for text in ("CPU0", "device", "guest_eoi(cpu=0)", "apic_set_eoi()", "back to step 2, for ever"):
        assert f'"{text}' in dot
    assert dot.count("->") == 6 + 3  # six calls, three lines of the loop's edge
    assert "back to step" not in to_dot(storm())
    assert "stays here for ever" in to_dot(storm(stutter=True))


@pytest.mark.parametrize(("form", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_rendering_without_a_warning(form: str, magic: bytes) -> None:
    pytest.importorskip("pygraphviz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pygraphviz passes on "size too small for label"
        assert render(LOOP, form).startswith(magic)


def test_nothing_happens() -> None:
    assert "VIOLATED in 0 steps" in to_dot(replace(LOOP, events=(), lanes=(), loop_start=None))


def test_labels_are_shown_as_they_are() -> None:
    assert quoted('a "b" \\N &amp; \t') == r'"a \"b\" \\N &amp;amp;  "'
    event = replace(LOOP.events[0], lane="de\\Nvice")
    trace = replace(LOOP, events=(event,), lanes=(*LOOP.lanes, "de\\Nvice"), loop_start=None)
    pytest.importorskip("pygraphviz")
    assert b"de\\Nvice" in render(trace, "svg")


def test_boxes_of_a_step_do_not_overlap_their_neighbours() -> None:
    spans: dict[str, list[tuple[float, float]]] = {}
    for x, y, width in re.findall(r'pos="([\d.]+),-([\d.]+)!", width="([\d.]+)"[^;]*rounded', to_dot(LOOP)):
        half = float(width) * 36
        spans.setdefault(y, []).append((float(x) - half, float(x) + half))
    heads = sorted(next(row for row in spans.values() if len(row) == 4))
    assert all(a[1] < b[0] for a, b in pairwise(heads))


def test_formats() -> None:
    assert render(LOOP, "dot").decode() == to_dot(LOOP)
    with pytest.raises(StoryError, match="no diagram format 'gif'; there are dot, svg, png, pdf"):
        render(LOOP, "gif")


def test_without_pygraphviz_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert render(LOOP, "dot").startswith(b"digraph")
    with pytest.raises(StoryError, match="svg needs pygraphviz"):
        render(LOOP, "svg")


# ---- wide: in the shape of a slide ----


def size_of(svg: bytes) -> tuple[float, float]:
    found = re.search(rb'<svg width="(\d+)pt" height="(\d+)pt"', svg)
    assert found is not None
    return float(found[1]), float(found[2])


@pytest.mark.parametrize("trace", [storm(), LOOP, storm(stutter=True), replace(LOOP, loop_start=0)])
def test_a_wide_diagram_has_the_shape_of_a_slide(trace: Trace) -> None:
    pytest.importorskip("pygraphviz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        width, height = size_of(render(trace, "svg", wide=True))
    assert abs(width / height - 16 / 9) < 0.01


def test_a_wide_diagram_says_what_the_high_one_says() -> None:
    long = replace(LOOP, events=LOOP.events * 6, loop_start=2)
    high, wide = to_dot(long), to_dot(long, wide=True)
    for text in (*(f'label="{n + 1}"' for n in range(len(long.events))), "back to step 3, for ever", long.sentence):
        assert high.count(text) == wide.count(text) == 1, text
    panels = Plan(long, wide=True).panels
    assert len(panels) > 1 and [i for panel in panels for i in panel] == list(range(len(long.events)))
    assert wide.count('label="device", style="rounded') == len(panels) * high.count('label="device", style="rounded')


def test_the_loop_s_edge_runs_through_the_panels_between() -> None:
    long = replace(LOOP, events=LOOP.events * 12, loop_start=1)
    plan = Plan(long, wide=True)
    edges = to_dot(long, wide=True).count('penwidth="2.2", arrowhead')
    assert len(plan.panels) > 2 and edges == len(plan.panels) + 2  # one along each panel, one in, one out


def test_shares_are_as_even_as_can_be() -> None:
    assert shares([1, 1, 1, 1], 2) == [range(2), range(2, 4)]
    assert shares([5, 1, 1, 1, 2], 2) == [range(1), range(1, 5)]
    assert shares([1, 1], 5) == [range(1), range(1, 2)]
    assert shares([], 3) == [range(0)]


def test_a_slide_has_as_many_panels_as_make_its_text_largest() -> None:
    """A higher slide is a wider one, so that its text is shown smaller: the steps are spread over panels while that helps."""
    found = set()
    for times in (1, 2, 4, 8, 16):
        plan = Plan(replace(LOOP, events=LOOP.events * times, loop_start=None), wide=True)
        heights = [h - plan.apart for h in plan.heights]
        widths = {n: plan._slide_width(shares(heights, n)) for n in range(1, 6)}
        assert widths[len(plan.panels)] == min(widths.values())
        found.add(len(plan.panels))
        assert plan.look.note / plan.look.title > 0.5  # what changes is no small print
    assert len(found) > 2
