"""A lock that a patch adds changes no step of the model, if it is let go on each way: else the next who takes it waits for ever.
A return that a patch adds between a lock and its unlock is as bad."""

from __future__ import annotations

from collections.abc import Sequence

from lift.accounting import IF_ADDED
from lift.cparse import Expr, Stmt
from lift.flow import Flow, State, flat
from lift.known import Known
from lift.refusal import NotLifted

_BEFORE, _FREE, _HELD = (
    frozenset({"before"}),
    frozenset({"free"}),
    frozenset({"held"}),
)  # before: as where the piece begins
_ADVICE = "let it go on each way, in lines that the hunk shows (more context: git format-patch -U20); or take it out of the patch"
_MAY_FAIL = ("_interruptible", "_killable")  # and then nothing is held


def check_locks(stmts: Sequence[Stmt], known: Known) -> None:
    """Raise NotLifted for a lock that is not let go on some way, and for one that is let go and was not taken."""
    calls = [(s, e) for s in flat(stmts) if (e := _call(s, known)) is not None]
    for what in dict.fromkeys(_what(e) for _, e in calls):
        of = [s for s, e in calls if _what(e) == what]
        added, kept = ([s for s in of if _is_changed(s) is changed] for changed in (True, False))
        if added and all(_is_harmless(s, known) for s in added):
            _check_added(stmts, added, known)
        if kept:
            _check_returns(stmts, kept, known)


def _check_added(stmts: Sequence[Stmt], added: Sequence[Stmt], known: Known) -> None:
    taken = next((s for s in added if not _is_unlock(s, known)), added[0])

    def step(s: Stmt, state: State) -> State:
        if s not in added:
            return state
        if _is_unlock(s, known):
            if state & _FREE:
                raise NotLifted(s.line, f"`{s.expr}`: it is let go, and is not taken on each way to here", _ADVICE)
            return _FREE
        if state & _HELD:
            raise NotLifted(s.line, f"`{s.expr}`: it is taken already on a way to here", _ADVICE)
        return _HELD

    def leaves(s: Stmt, state: State) -> None:
        if state & _HELD:
            said = f"`{taken.expr}` of line {taken.line} is not let go where this `{s.kind}` leaves"
            raise NotLifted(s.line, said, _ADVICE)

    if Flow(step, leaves, _FREE).run(stmts, _FREE) & _HELD:
        raise NotLifted(taken.line, f"`{taken.expr}`: it is not let go where what is shown ends", _ADVICE)


def _check_returns(stmts: Sequence[Stmt], of: Sequence[Stmt], known: Known) -> None:
    """Of a lock that the kernel has already. One that is let go before it is taken is the caller's; one that is let go, and not
    taken in what is shown, was taken above."""
    is_taken_above = all(_is_unlock(s, known) for s in of)
    if not is_taken_above and _is_unlock(of[0], known):
        return
    held = _HELD | (_BEFORE if is_taken_above else frozenset())

    def step(s: Stmt, state: State) -> State:
        return (_FREE if _is_unlock(s, known) else _HELD) if s in of else state

    def leaves(s: Stmt, state: State) -> None:
        if s.kind == "return" and state & held and all(t.changed for t in s.tokens):
            raise NotLifted(s.line, f"this `return` leaves before `{of[-1].expr}` of line {of[-1].line} is done, or another unlock", _ADVICE)  # fmt: skip

    Flow(step, leaves, _FREE).run(stmts, _BEFORE)


def _call(s: Stmt, known: Known) -> Expr | None:
    """The call of a lock or unlock, which is all that a statement does but to keep what it returns."""
    e = s.expr.args[1] if s.expr is not None and s.expr.kind == "assign" else s.expr
    if s.kind != "expr" or e is None or "lock" not in e.callee or known.table.named("not modelled", e.callee) is None:
        return None
    return e


def _is_harmless(s: Stmt, known: Known) -> bool:
    """Others are refused wherever they stand."""
    e = _call(s, known)
    row = known.table.named("not modelled", e.callee) if e is not None else None
    return row is not None and row.mark == IF_ADDED


def _is_unlock(s: Stmt, known: Known) -> bool:
    e = _call(s, known)
    return e is not None and "unlock" in e.callee


def _what(e: Expr) -> str:
    """Which lock: a lock and its unlock have the same."""
    family, _, how = e.callee.replace("unlock", "lock").partition("lock")
    return str(e) if how in _MAY_FAIL else f"{family} {e.args[1] if e.args[1:] else ''}"


def _is_changed(s: Stmt) -> bool:
    return any(t.changed for t in s.tokens)
