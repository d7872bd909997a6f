"""The minimiser against all covers that there are, of problems small enough to list them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from random import Random

import pytest

from checker.questions import minimise
from checker.questions.minimise import cost, cover, meets, primes

AXES = (("a", "b", "c"), ("x", "y"), ("0", "1", "2"))
EVERY = list(itertools.product(*AXES))


def some(values):
    return [c for n in range(1, len(values) + 1) for c in itertools.combinations(values, n)]


CUBES = list(itertools.product(*map(some, AXES)))


def problem(seed):
    """Points on, off, and in a third of the problems none that is neither."""
    random = Random(seed)
    sides = [random.choice(("on", "off") if seed % 3 == 0 else ("on", "on", "off", "neither")) for _ in EVERY]
    return tuple(frozenset(p for p, s in zip(EVERY, sides, strict=True) if s == side) for side in ("on", "off"))


def best(on, off):
    """The least (cubes, axes restricted, names told) of all covers: by trying every set of cubes, the smallest sets first."""
    good = [(c, frozenset(p for p in on if meets(p, c))) for c in CUBES if not any(meets(p, c) for p in off)]
    largest = [g for g in good if g[1] and not any(g[1] <= o[1] and cost(AXES, o[0]) < cost(AXES, g[0]) for o in good)]
    covers = (
        (size, *map(sum, zip(*(cost(AXES, c) for c, _ in s), strict=True)))
        for size in range(1, len(largest) + 1)
        for s in itertools.combinations(largest, size)
        if frozenset().union(*(p for _, p in s)) == on
    )
    first = next(covers)
    return min([first, *itertools.takewhile(lambda found: found[0] == first[0], covers)])


@pytest.mark.parametrize("seed", range(24))
def test_no_cover_is_smaller(seed):
    on, off = problem(seed)
    found = cover(AXES, on, off)
    assert {p for p in on | off if any(meets(p, c) for c in found)} == on
    costs = [cost(AXES, c) for c in found]
    assert (len(found), *map(sum, zip(*costs, strict=True))) <= best(on, off)


def test_each_prime_is_one_and_none_is_missing():
    for seed in range(12):
        off = problem(seed)[1]
        good = [c for c in CUBES if not any(meets(p, c) for p in off)]
        wide = [
            c
            for c in good
            if not any(o != c and all(set(a) <= set(b) for a, b in zip(c, o, strict=True)) for o in good)
        ]
        assert sorted(primes(AXES, off)) == sorted(wide)


FLAGS = (("0x11", "0x20"), ("NONE", "BIT2", "BIT3"))


def test_of_two_covers_the_narrower_one_is_told():
    """`flags BIT3, or BIT2 and 0x20`, and not `BIT3, or one of BIT2 and BIT3 and 0x20`."""
    on = frozenset({("0x11", "BIT3"), ("0x20", "BIT3"), ("0x20", "BIT2")})
    found = cover(FLAGS, on, frozenset(itertools.product(*FLAGS)) - on)
    assert set(found) == {(FLAGS[0], ("BIT3",)), (("0x20",), ("BIT2",))}


def test_what_is_neither_makes_a_condition_shorter():
    on, off = frozenset({("0x20", "BIT2"), ("0x20", "NONE")}), frozenset({("0x11", "NONE")})
    assert cover(FLAGS, on, off) == ((("0x20",), FLAGS[1]),)
    assert cover(FLAGS, on, off | {("0x20", "BIT3")}) == ((("0x20",), ("NONE", "BIT2")),)


def test_nothing_is_on_or_nothing_is_off():
    on = frozenset({("0x20", "BIT2")})
    assert cover(FLAGS, on, frozenset()) == (FLAGS,)
    assert cover(FLAGS, frozenset(), on) == ()


def test_it_does_not_depend_on_the_order_in_which_sets_come():
    code = (
        "from tests.unit.test_minimise import AXES, problem; from checker.questions.minimise import cover;"
        "print([cover(AXES, *problem(n)) for n in range(40)])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(said) == 1 and "'x'" in said.pop()


def test_where_everything_can_be_replaced_the_fewest_are_chosen_all_the_same(monkeypatch):
    """Six conditions in a ring, none of which has to be taken: three do, in two ways, and one way is always told."""
    asked = []
    by_z3 = minimise._by_z3
    monkeypatch.setattr(minimise, "_by_z3", lambda costs, rows: asked.append(rows) or by_z3(costs, rows))
    axes = (("0", "1"),) * 3
    off = frozenset({("0", "0", "0"), ("1", "1", "1")})
    on = frozenset(itertools.product(*axes)) - off
    cover.cache_clear()
    found = {cover(axes, on, off), (cover.cache_clear(), cover(axes, on, off))[1]}
    assert len(asked) == 2 and len(found) == 1 and len(found.pop()) == 3
