"""Programs for control flow, calls and names: one small program per way that paths part and meet.

`s` is the list of leaf codes; t[i].n is s[2 * i], t[i].m is s[2 * i + 1]. See ir_building.py. The expectations are
worked out from the docstrings of checker/language/ir.py.
"""

from __future__ import annotations

from checker.language import ir
from checker.language.ir import BOOL, Param
from model.finite import IntType
from tests.rigs.ir_building import (
    BREAK,
    COLOUR,
    CONTINUE,
    INDEX,
    LEVEL,
    LOC,
    M0,
    M1,
    MASK,
    MAYBE,
    N0,
    N1,
    ROW,
    Codes,
    E,
    F,
    O,
    Verdict,
    add,
    alias,
    assign,
    bind,
    call,
    case,
    compare,
    const,
    contains,
    do,
    e,
    edit,
    f,
    field,
    function,
    if_else,
    is_some,
    load,
    local,
    logic,
    loop,
    m0,
    n0,
    n1,
    negate,
    o,
    require,
    returns,
    row,
    store,
    unwrap,
    when,
)

DISABLED, FAULT = Verdict.DISABLED, Verdict.FAULT
CHOSEN = unwrap(load(o))
WIDE = IntType(-4, 4)


@case(
    when(load(f), when(compare(load(n0), "==", const(1)), returns()), store(n0, const(0))),
    store(n1, const(2)),
)
def return_masks_what_follows(s: Codes) -> Verdict | None:
    if s[F]:
        if s[N0] == 1:
            return None
        s[N0] = 0
    s[N1] = 2
    return None


@case(
    assign("sum", const(0), WIDE),
    loop("i", IntType(0, 3),
        when(contains(load(m0), local("i")), CONTINUE),
        when(compare(local("i"), ">", load(n0)), BREAK),
        assign("sum", ir.Arith("+", local("sum", WIDE), local("i"), IntType(-4, 7), LOC), WIDE)),
    when(compare(local("sum", WIDE), "==", const(3)), returns()),
    store(n1, local("sum", WIDE)),
)  # fmt: skip
def continue_and_break(s: Codes) -> Verdict | None:
    total = 0
    for i in range(4):
        if s[M0] >> i & 1:
            continue
        if i > s[N0]:
            break
        total += i
    if total == 3:
        return None
    s[N1] = total
    return None


@case(
    loop("i", INDEX,
        loop("j", INDEX,
            when(contains(load(field(row(local("i")), "m")), local("j")), BREAK),
            when(load(f), CONTINUE),
            store(field(row(local("i")), "m"), edit(load(field(row(local("i")), "m")), "with", local("j")))),
        when(compare(load(n0), "==", local("i")), store(e, const(2, COLOUR)), returns()),
        store(n1, local("i"))),
    store(o, const(0, MAYBE)),
)  # fmt: skip
def nested_loops_and_return_out_of_one(s: Codes) -> Verdict | None:
    for i in range(2):
        for j in range(2):
            if s[2 * i + 1] >> j & 1:
                break
            if s[F]:
                continue
            s[2 * i + 1] |= 1 << j
        if s[N0] == i:
            s[E] = 2
            return None
        s[N1] = i
    s[O] = 0
    return None


@case(
    assign("last", const(2), LEVEL),
    loop("i", INDEX,
        when(contains(load(m0), local("i")), assign("last", local("i"), LEVEL), when(load(f), BREAK))),
    store(n1, local("last")),
)  # fmt: skip
def the_value_of_a_local_after_a_loop(s: Codes) -> Verdict | None:
    last = 2
    for i in range(2):
        if s[M0] >> i & 1:
            last = i
            if s[F]:
                break
    s[N1] = last
    return None


@case(
    require(is_some(load(o))),
    bind("r", row(CHOSEN)),
    store(o, const(1, MAYBE)),
    store(field(alias("r"), "n"), const(2)),
)
def an_alias_keeps_the_row_that_it_was_bound_to(s: Codes) -> Verdict | None:
    if s[O] == 0:
        return DISABLED
    s[2 * (s[O] - 1)] = 2
    s[O] = 1
    return None


@case(
    require(is_some(load(o))),
    when(load(f), bind("r", row(const(1))), other=(bind("r", row(CHOSEN)),)),
    store(f, const(0, BOOL)),
    store(field(alias("r"), "n"), const(2)),
)
def an_alias_bound_on_both_branches(s: Codes) -> Verdict | None:
    if s[O] == 0:
        return DISABLED
    s[2 if s[F] else 2 * (s[O] - 1)] = 2
    s[F] = 0
    return None


@case(
    loop("i", INDEX,
        when(load(f), bind("r", row(local("i"))), when(contains(load(m0), local("i")), BREAK), other=(
            bind("r", row(const(0))),)),
        store(field(alias("r"), "n"), local("i"))),
    store(field(alias("r"), "n"), const(2)),
)  # fmt: skip
def an_alias_bound_again_in_a_loop(s: Codes) -> Verdict | None:
    at = 0
    for i in range(2):
        at = i if s[F] else 0
        if s[F] and s[M0] >> i & 1:
            break
        s[2 * at] = i
    s[2 * at] = 2
    return None


ROW_AND_MASK = (Param("r", ROW), Param("m", MASK), Param("k", INDEX))
SET_BIT = function(
    "set_bit",
    (
        when(compare(load(field(alias("r"), "n")), "==", const(0)), returns()),
        store(alias("m", MASK), edit(load(alias("m", MASK)), "with", local("k"))),
        store(field(alias("r"), "n"), const(0)),
    ),
    ROW_AND_MASK,
)


@case(
    require(is_some(load(o))),
    do("set_bit", row(CHOSEN), field(row(const(1)), "m"), CHOSEN),
    when(load(f), do("set_bit", row(const(0)), field(row(CHOSEN), "m"), const(0))),
    store(f, const(1, BOOL)),
    helpers=(SET_BIT,),
)
def rows_and_masks_by_reference(s: Codes) -> Verdict | None:
    def set_bit(n: int, m: int, k: int) -> None:
        if s[n] != 0:
            s[m] |= 1 << k
            s[n] = 0

    if s[O] == 0:
        return DISABLED
    chosen = s[O] - 1
    set_bit(2 * chosen, M1, chosen)
    if s[F]:
        set_bit(N0, 2 * chosen + 1, 0)
    s[F] = 1
    return None


GUARD = function("guard", (when(load(f), require(compare(load(n0), "!=", const(1)))),))


@case(do("guard"), require(negate(contains(load(m0), const(0)))), store(n0, const(1)), helpers=(GUARD,))
def requires_in_a_callee_and_in_a_row(s: Codes) -> Verdict | None:
    if (s[F] and s[N0] == 1) or s[M0] & 1:
        return DISABLED
    s[N0] = 1
    return None


@case(
    assign("x", add(load(n0), 1), LEVEL, check=True),
    require(load(f)),
    assign("y", add(load(n1), 1), LEVEL, check=True),
    store(n0, local("x")),
    store(n1, local("y")),
)
def the_first_of_fault_and_refusal_counts(s: Codes) -> Verdict | None:
    if s[N0] == 2:
        return FAULT
    if not s[F]:
        return DISABLED
    if s[N1] == 2:
        return FAULT
    s[N0] += 1
    s[N1] += 1
    return None


NEXT = function(
    "next_level",
    (
        when(compare(load(field(alias("r"), "n")), "==", const(0)), returns(const(1))),
        assign("up", add(load(field(alias("r"), "n")), 1), LEVEL, check=True),
        returns(if_else(local("flag", BOOL), local("up"), const(0), LEVEL)),
    ),
    (Param("r", ROW), Param("flag", BOOL)),
    LEVEL,
)
NEXT_OF_0 = call("next_level", row(const(0)), load(f), returns=LEVEL)


@case(
    when(
        logic(compare(load(n1), "!=", const(0)), "and", compare(NEXT_OF_0, ">", const(0))),
        store(n1, const(0)),
    ),
    when(compare(load(n1), "==", const(2)), store(n0, NEXT_OF_0)),
    helpers=(NEXT,),
)
def a_fault_in_a_pure_function_needs_the_call_to_happen(s: Codes) -> Verdict | None:
    if s[N1] == 0:
        return None
    if s[N0] == 2:
        return FAULT
    result = 1 if s[N0] == 0 else (s[N0] + 1 if s[F] else 0)
    if result > 0:
        s[N1] = 0
    elif s[N1] == 2:
        s[N0] = result
    return None


@case(
    require(compare(load(e), "!=", local("c", COLOUR))),
    store(e, local("c", COLOUR)),
    when(local("b", BOOL), store(field(row(local("k")), "n"), local("k"))),
    params=(Param("k", INDEX), Param("b", BOOL), Param("c", COLOUR)),
)
def step_parameters(s: Codes, k: int, b: int, c: int) -> Verdict | None:
    if s[E] == c:
        return DISABLED
    s[E] = c
    if b:
        s[2 * k] = k
    return None
