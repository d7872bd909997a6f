"""Programs for expressions, places and checked stores. See ir_cases.py for how to read them."""

from __future__ import annotations

from tests.rigs.ir_building import (
    BIT,
    CHOICE_COLOUR,
    CHOICE_SWAP,
    COLOUR,
    INDEX,
    LEVEL,
    M0,
    M1,
    MASK,
    MAYBE,
    N0,
    N1,
    Codes,
    Colour,
    E,
    F,
    O,
    Verdict,
    add,
    case,
    compare,
    const,
    e,
    edit,
    f,
    field,
    if_else,
    is_some,
    load,
    local,
    logic,
    m0,
    m1,
    mask_op,
    n0,
    n1,
    o,
    pick,
    quantified,
    require,
    returns,
    row,
    store,
    unwrap,
    when,
    wrap,
)

DISABLED, FAULT = Verdict.DISABLED, Verdict.FAULT
CHOSEN = unwrap(load(o))


@case(require(is_some(load(o))), store(field(row(CHOSEN), "n"), const(2)), store(o, const(0, MAYBE)))
def store_to_a_chosen_row(s: Codes) -> Verdict | None:
    if s[O] == 0:
        return DISABLED
    s[2 * (s[O] - 1)] = 2
    s[O] = 0
    return None


@case(require(is_some(load(o))), store(n1, load(field(row(CHOSEN), "n"))))
def load_from_a_chosen_row(s: Codes) -> Verdict | None:
    if s[O] == 0:
        return DISABLED
    s[N1] = s[2 * (s[O] - 1)]
    return None


@case(store(f, compare(add(load(n0), -2), "<", const(0))), store(n0, add(load(n0), 1), check=True))
def arithmetic_below_zero_and_above_the_range(s: Codes) -> Verdict | None:
    if s[N0] == 2:
        return FAULT
    s[F] = int(s[N0] - 2 < 0)
    s[N0] += 1
    return None


@case(store(o, wrap(add(load(n0), -1)), check=True))
def a_wrapped_value_out_of_range_is_not_none(s: Codes) -> Verdict | None:
    if s[N0] == 0:
        return FAULT
    s[O] = 1 + (s[N0] - 1)
    return None


@case(store(o, if_else(load(f), const(0, MAYBE), wrap(add(load(n0), 0)), MAYBE), check=True))
def only_the_chosen_value_is_checked(s: Codes) -> Verdict | None:
    if not s[F] and s[N0] == 2:
        return FAULT
    s[O] = 0 if s[F] else 1 + s[N0]
    return None


@case(store(m0, edit(load(m0), "with", add(load(n0), -1)), check=True))
def an_element_outside_the_mask(s: Codes) -> Verdict | None:
    if s[N0] == 0:
        return FAULT
    s[M0] |= 1 << (s[N0] - 1)
    return None


@case(
    store(o, pick("highest", mask_op(load(m0), "|", load(m1)))),
    store(m1, mask_op(load(m0), "-", load(m1))),
    when(is_some(pick("lowest", load(m1))), store(n1, unwrap(pick("lowest", load(m1))))),
    store(m0, edit(mask_op(load(m0), "&", load(m1)), "without", load(field(row(const(0)), "n")))),
)
def masks(s: Codes) -> Verdict | None:
    s[O] = (s[M0] | s[M1]).bit_length()
    s[M1] = s[M0] & ~s[M1]
    if s[M1]:
        s[N1] = 0 if s[M1] & 1 else 1
    s[M0] = s[M0] & s[M1] & ~(1 << s[N0])
    return None


@case(
    store(m0, edit(edit(const(0, MASK), "with", if_else(load(f), const(0), const(1), BIT)), "with", const(1))),
    when(logic(compare(load(n0), "<=", load(n1)), "and", compare(load(n1), ">=", const(2))), store(n0, const(2))),
    when(logic(compare(load(e), "==", CHOICE_COLOUR), "or", compare(load(f), "!=", CHOICE_SWAP)),
        store(e, if_else(load(f), const(0, COLOUR), const(1, COLOUR), COLOUR))),
)  # fmt: skip
def conditions_and_choices(s: Codes) -> Verdict | None:
    s[M0] = 3 if s[F] else 2
    if s[N0] <= s[N1] and s[N1] >= 2:
        s[N0] = 2
    if s[E] == 2 or s[F] != 1:  # BLUE, True
        s[E] = 0 if s[F] else 1
    return None


@case(when(CHOICE_SWAP, returns()), store(e, CHOICE_COLOUR), swap=False, colour=Colour.GREEN)
def other_choices(s: Codes) -> Verdict | None:
    s[E] = 1
    return None


EMPTY_MASK = compare(load(field(row(local("i")), "m")), "==", const(0, MASK))


@case(
    store(n0, if_else(quantified("any", "i", INDEX, EMPTY_MASK), const(1), const(2), LEVEL)),
    store(f, quantified("all", "i", INDEX, logic(EMPTY_MASK, "or", compare(load(n1), "<", local("i"))))),
)
def quantifiers(s: Codes) -> Verdict | None:
    s[N0] = 1 if s[M0] == 0 or s[M1] == 0 else 2
    s[F] = int(all(s[2 * i + 1] == 0 or s[N1] < i for i in range(2)))
    return None
