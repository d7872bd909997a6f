"""A lock that a patch adds changes no step of the model, if it is let go on each way: else the next who takes it waits for ever.
A return that a patch adds between a lock and its unlock is as bad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from lift.accounting import IF_ADDED
from lift.cparse import Expr, Stmt
from lift.flow import Flow, State, flat
from lift.known import Known
from lift.refusal import NotLifted

_BEFORE, _FREE, _HELD, _KEPT = (frozenset({state}) for state in ("before", "free", "held", "kept"))
# before: as where the piece begins; kept: by a lock that was there
_ADVICE = "let it go on each way, in lines that the hunk shows (more context: git format-patch -U20); or take it out of the patch"
_RETURN = "return"
Places: TypeAlias = list[tuple[Stmt, State]]  # statements, and how a lock may be there
_MAY_FAIL = ("_interruptible", "_killable")  # and then nothing is held


def check_locks(old: Sequence[Stmt], new: Sequence[Stmt], known: Known) -> None:
    """Raise NotLifted for a lock that is not let go on some way, for one that is let go and was not taken, and for what is run with a
    lock held that was not, or the other way round."""
    calls = [(s, e) for s in flat(new) if (e := _call(s, known)) is not None]
    for what in dict.fromkeys(_what(e) for _, e in calls):
        of = [s for s, e in calls if _what(e) == what]
        added, kept = ([s for s in of if _is_changed(s) is changed] for changed in (True, False))
        if added and all(_is_harmless(s, known) for s in added):
            _check_added(new, added, kept, known)
            _check_may_sleep(new, added, known)
        if kept:
            _check_moved(old, new, what, of, known)


def _check_moved(old: Sequence[Stmt], new: Sequence[Stmt], what: str, of: Sequence[Stmt], known: Known) -> None:
    """Of a lock that the kernel has already. of: what takes it and lets it go."""
    was, now = _states(old, what, known), _states(new, what, known)
    lock = f"the lock of line {of[0].line} (`{of[0].expr}`)"
    if left := _leaves(was.get(_RETURN, []), now.pop(_RETURN, []), of, known):
        raise NotLifted(
            left.line, f"this `return` leaves with {lock} held, or let go, as no `return` does before", _ADVICE
        )
    for text, places in now.items():
        states, before = [state for _, state in places], [state for _, state in was.get(text, [])]
        if len(states) == len(before) and states != before:
            changed = (s.line for s in [*(s for s, _ in places), *flat([*new, *old])] if _is_changed(s))
            line = next(changed, places[0][0].line)  # brackets alone may be
            said = f"`{text}` was run with {lock} held, and is not now, or the other way round"
            raise NotLifted(line, said, "leave it on its side of the lock, or write this function by hand")


def _leaves(was: Places, now: Places, of: Sequence[Stmt], known: Known) -> Stmt | None:
    """A `return` of the patch's that leaves with a lock in a state that none had before. As where the function begins it may always be;
    where it was let go again, too, if it was taken in what is shown."""
    allowed = frozenset[str]().union(*(state for _, state in was))
    if not all(_is_unlock(s, known) for s in of):
        allowed |= _BEFORE
    if not _is_unlock(of[0], known):
        allowed |= _FREE
    return next((s for s, state in now if _is_changed(s) and not state <= allowed), None)


def _states(stmts: Sequence[Stmt], what: str, known: Known) -> dict[str, Places]:
    """In which states of a lock each statement is run, by its text: all that is not the lock's own."""
    found = dict[str, dict[int, tuple[Stmt, State]]]()

    def seen(s: Stmt, state: State) -> None:
        text = _RETURN if s.kind == "return" else str(s.expr or "")
        if text and s.kind in ("expr", "if", "return"):
            before = found.setdefault(text, {}).get(id(s), (s, frozenset[str]()))[1]
            found[text][id(s)] = s, before | state

    def step(s: Stmt, state: State) -> State:
        if (e := _call(s, known)) is not None and _what(e) == what:
            return _FREE if _is_unlock(s, known) else _HELD
        seen(s, state)
        return state

    Flow(step, lambda *_: None, _FREE).run(stmts, _BEFORE)
    return {text: list(of.values()) for text, of in found.items()}


def _check_may_sleep(stmts: Sequence[Stmt], added: Sequence[Stmt], known: Known) -> None:
    """Who holds a spinlock may not wait for a mutex."""

    def step(s: Stmt, state: State) -> State:
        e = _call(s, known)
        if s in added and e is not None and "mutex" in e.callee and state & _HELD and not _is_unlock(s, known):
            raise NotLifted(s.line, f"`{s.expr}` may sleep, and a spinlock is held here", "take it before the spinlock")
        if e is None or "spin" not in e.callee:
            return state
        return _FREE if _is_unlock(s, known) else _HELD

    Flow(step, lambda *_: None, _FREE).run(stmts, _FREE)


def _check_added(stmts: Sequence[Stmt], added: Sequence[Stmt], kept: Sequence[Stmt], known: Known) -> None:
    taken = next((s for s in added if not _is_unlock(s, known)), added[0])

    def step(s: Stmt, state: State) -> State:
        if s in kept and not (state & _HELD):
            return _FREE if _is_unlock(s, known) else _KEPT
        if s not in [*added, *kept]:
            return state
        if _is_unlock(s, known) and s in added:
            if state & _FREE:
                raise NotLifted(s.line, f"`{s.expr}`: it is let go, and is not taken on each way to here", _ADVICE)
            return _FREE
        if state & (_HELD | _KEPT):
            raise NotLifted(s.line, f"`{s.expr}`: it is taken already on a way to here", _ADVICE)
        return _HELD

    def leaves(s: Stmt, state: State) -> None:
        if state & _HELD:
            said = f"`{taken.expr}` of line {taken.line} is not let go where this `{s.kind}` leaves"
            raise NotLifted(s.line, said, _ADVICE)

    if Flow(step, leaves, _FREE).run(stmts, _FREE) & _HELD:
        raise NotLifted(taken.line, f"`{taken.expr}`: it is not let go where what is shown ends", _ADVICE)


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
