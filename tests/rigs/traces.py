"""Traces of the story toys, and any trace at all (hypothesis)."""

from __future__ import annotations

import shlex
import string
from typing import Any

from hypothesis import strategies as st

from checker.stories.replay import Steps, lanes_of, provenance_of, replay, sentence_for
from checker.stories.trace import Arrow, Event, FieldChange, Trace, show
from model.lang import Design, Property, Scope
from tests.rigs import story_toy as toy


def trace_of(
    p: Property, binding: dict[str, int], design: type[Design], scope: Scope, path: Steps, **more: Any
) -> Trace:
    """A run of a toy as a trace."""
    loop = more.get("loop_start")
    events = replay(design, scope, path, loop, expected=more.pop("expected", None))
    bound = {name: str(value) for name, value in binding.items()}
    return Trace(
        property_name=p.name,
        kind=p.kind,
        verdict="REACHED" if p.kind == "reachable" else "VIOLATED",
        sentence=sentence_for(p.sentence, bound),
        provenance=provenance_of(design),
        scope={name: show(value) for name, value in vars(scope).items()},
        lanes=lanes_of(design, events),
        events=events,
        binding=bound,
        **more,
    )


def storm(**more: Any) -> Trace:
    cell = {"kvm": "base", "vmm": "toy", "guest": "plain", "device": "level"}
    return trace_of(toy.line_is_quenched, {"pin": 0}, toy.Storm, toy.ToyScope(), toy.STORM, cell=cell, **more)


LOOP = storm(loop_start=1, fairness=("raise_line is taken only finitely often",), reproduce="eoi trace base --vmm toy")
LOST = trace_of(
    toy.no_eoi_lost,
    {"pin": 0},
    toy.Lost,
    toy.ToyScope(cpus=2),
    toy.LOST,
    cell={"kvm": "quiet", "vmm": "toy", "guest": "plain", "device": "level"},
    reproduce="eoi trace quiet --vmm toy --guest plain --property no_eoi_lost --scope cpus=2,pins=1",
)

names = st.from_regex(r"[a-z_][a-zA-Z0-9_]{0,90}", fullmatch=True)
# As `show` spells a scalar: a number, or the name of an enum's member, which begins with no digit.
values = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,79}|0|[1-9][0-9]{0,8}", fullmatch=True)
prose = st.text(max_size=200)
lane_names = st.lists(
    st.text(alphabet=string.ascii_letters + string.digits + " ", max_size=30), min_size=1, max_size=20, unique=True
)


@st.composite
def events(draw: st.DrawFn, lanes: list[str]) -> Event:
    lane = st.sampled_from(lanes)
    calls = st.builds(Arrow, lane, lane, names, prose, names.map(lambda name: f"file.c:{name}()"))
    changes = st.builds(
        FieldChange, names, prose, lane, prose, prose, st.integers(0, 2), st.tuples() | st.tuples(prose)
    )
    anchors = st.sampled_from(["", "lapic.c:", "x" * 50 + ".c:"]).map(lambda file: f"{file}f()")
    args = draw(st.dictionaries(names, values, max_size=4))
    shown = draw(st.tuples(st.lists(calls, max_size=2), st.lists(changes, max_size=4)))
    return Event(draw(names), tuple(args.items()), draw(lane), draw(anchors), tuple(shown[0]), tuple(shown[1]))


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    lanes = draw(lane_names)
    happened = draw(st.lists(events(lanes), max_size=5))
    loop = draw(st.none() | st.integers(0, len(happened) - 1)) if happened else None
    pairs = st.dictionaries(names, st.text(max_size=100), max_size=4)
    return Trace(
        property_name=draw(names),
        kind="always",
        verdict=draw(st.sampled_from(["VIOLATED", "REACHED"])),
        sentence=draw(prose),
        provenance=tuple(draw(st.lists(prose, max_size=2))),
        cell=draw(pairs),
        scope=draw(pairs),
        lanes=tuple(lanes),
        events=tuple(happened),
        loop_start=loop,
        stutter=loop is None and draw(st.booleans()),
        shortest=draw(st.booleans()),
        fairness=tuple(draw(st.lists(prose, max_size=2))),
        reproduce=draw(st.lists(prose, max_size=3).map(shlex.join)),
    )


def quoted(text: str, depth: int) -> str:
    return "".join(f"{'> ' * depth}{line}\n" for line in text.splitlines())
