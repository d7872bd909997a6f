"""What of the C changes something: a row that leaves something out must not swallow that with its `$x`, or with the arguments
of what it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lift.cparse import Expr, Stmt
from lift.known import Known

_STEPS = ("++", "--")


def effects(e: Expr, known: Known, *, before: bool) -> Iterator[Expr]:
    """The parts of an expression that may change something. A call that the patch brings may, unless the table or the model
    has it as a value; one that stands in the kernel already does if they have it as a statement. before: of what a patch changes."""
    stores = e.kind in ("assign", "post") or (e.kind == "un" and e.text in _STEPS)
    if stores or (e.kind == "call" and _may(e, known, before)):
        yield e
    for part in e.args:
        yield from effects(part, known, before=before)


def _may(call: Expr, known: Known, before: bool) -> bool:
    if known.brings(call.callee):
        return True
    if not before and any(t.changed for t in call.tokens):
        return not _is_value(call.callee, known)
    return call.callee in known.table.called("statements") or _models(call.callee, known) == {"None"}


def _is_value(callee: str, known: Known) -> bool:
    if callee in known.table.called("expressions") or known.table.named("no effect", callee) is not None:
        return True
    returned = _models(callee, known)
    return bool(returned) and "None" not in returned


def _models(callee: str, known: Known) -> set[str]:
    """What the model's functions return that stand for this one: None of one that changes something, and of no other."""
    if callee in known.new_returns:
        return {known.new_returns[callee]}
    models = {row.model for row in known.table.of_c(callee)} & set(known.surface.functions)
    return {known.surface.returns(model) for model in models}


def of_loop(head: Expr, known: Known, own: Sequence[str], *, before: bool) -> Iterator[Expr]:
    """Of the head of a loop in which nothing of the model is done: its counter may be any local but what the model has. own:
    the names that it has."""
    for part in head.args[1:] if head.callee == "for" else [head]:
        counts = part.kind in ("assign", "post") or (part.kind == "un" and part.text in _STEPS)
        counter = counts and part.args[0].kind == "id" and part.args[0].text not in own
        is_macro = bool(part.callee) and head.callee != "for"  # ..for_each..()
        for one in part.args[1:] if counter or is_macro else [part]:
            yield from effects(one, known, before=before)


def counted(head: Expr) -> list[str]:
    """What a loop's head gives values to."""
    parts = [p for p in head.args[1:] if p.kind in ("assign", "post") or head.callee != "for"]
    names = [p.args[0] if p.kind in ("assign", "post") else p for p in parts]
    return [name.text for name in names if name.kind == "id"]


def of_case(stmts: Sequence[Stmt], known: Known) -> Iterator[Stmt]:
    """The statements of a case that is left out whole which do more than to say what is returned."""
    for s in stmts:
        said = s.expr.args[1] if s.expr is not None and s.expr.kind == "assign" else s.expr
        to = s.expr.args[0].kind if s.expr is not None and s.expr.kind == "assign" else "id"
        fine = s.kind in ("expr", "break", "return", "case", "default") and to == "id"
        if not fine or (said is not None and any(effects(said, known, before=False))):
            yield s
