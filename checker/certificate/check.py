"""Checks certificates: is each verdict in one true of the model? It runs the model in CPython, and nothing else.

    python -I checker/certificate/check.py FILE [--sample N] [--seed S]

What has to be trusted: this, the standard library, model.lang, model.finite, and the model. Why: docs/certificates.md.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import itertools
import json
import random
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import Any, get_type_hints

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.pycache_prefix, sys.dont_write_bytecode = "/dev/null", True  # what runs is the source whose digest is looked at

from model.finite import MaskType, decode, size  # noqa: E402
from model.lang import Design, Disabled, Fair, Kind, Property, Scope, cells, compose, load, resolve, save  # noqa: E402

FORMAT, OURS, FOLDERS = "eoi certificate 1", ("model", "properties"), list[str]()  # folders: of the user's files
CHANGED, LARGEST = "a property, or a step that is not enabled, changes the state", 64  # of a size
OUTSIDE, IS_Q = 0, 1  # of a state in a rank: it need not have one; q is so; from there on, its class
Function = Callable[..., Any]


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def unpack(data: bytes, count: int, width: int) -> list[int]:
    """Numbers: first the lowest byte of each, as what differs from that of the one before, then the next bytes, and so on."""
    columns = [itertools.accumulate(data[k * count : (k + 1) * count], int.__xor__) for k in range(width)]
    return [int.from_bytes(bytes(row), "little") for row in zip(*columns, strict=True)]


def find(place: str, name: str) -> Any:
    """What a module of the model or of the properties, or a file of the user's, has by this name."""
    own = Path(place).resolve() if place.endswith(".py") else None
    require(place.isprintable() and bool(own or place.split(".")[0] in OURS), f"{place!r} is no place of a model")
    for folders in (FOLDERS, sys.path):
        folders.extend([str(own.parent)] if own else [])
    module = importlib.import_module(own.stem if own else place)
    file = Path(module.__file__ or "").resolve()
    require(file == own if own else ROOT in file.parents, f"{place} is hidden by {file}")
    return getattr(module, name)


def imported() -> dict[str, str]:
    """The digests of all files of the model, of the properties, and in folders of the user's, however deep, that were imported."""
    files = {n: Path(m.__file__ or "") for n, m in sys.modules.items() if getattr(m, "__file__", None)}
    found_in = {n: file.parents[n.count(".") + (file.name == "__init__.py")].resolve() for n, file in files.items()}
    top = {n: n.split(".")[0] for n in files}
    ours = [n for n in files if top[n] in OURS or (str(found_in[n]) in FOLDERS and top[n] != "checker")]
    return {n: hashlib.sha256(files[n].read_bytes()).hexdigest()[:32] for n in ours}


def parameters(function: Function, scope: Scope, skip: int) -> dict[tuple[int, ...], tuple[Any, ...]]:
    """Codes -> values, of all parameters but the first ones."""
    hints = get_type_hints(function, include_extras=True)
    names = function.__code__.co_varnames[skip : function.__code__.co_argcount]
    types: list[Any] = [resolve(hints[name], scope, name) for name in names]
    return {codes: tuple(map(decode, types, codes)) for codes in itertools.product(*(range(size(of)) for of in types))}


def premise_of(p: Property, claim: Any, find: Callable[[str, str], Any] = find) -> Any:
    """The property that what p speaks of happens, if it names one: of p's own file, or else one of the project's."""
    place, name = claim["premise"] if p.premise else ("properties.", "")
    known = place.startswith("properties.") or place == claim["property"][0]
    require(name == p.premise and known, f"{name} of {place} is not the premise of {p.name}")
    return name and (p.function.__globals__.get(name) or find(place, name))


class Model:
    """A system at a scope. A state is one number: the codes of its cells side by side, the first one lowest."""

    def __init__(self, design: type[Design], scope: Scope) -> None:
        for (name, value), usual in zip(vars(scope).items(), vars(type(scope)()).values(), strict=True):
            fits = type(value) is type(usual) and (value == usual or type(value) is not int or 0 < value <= LARGEST)
            require(fits, f"its scope has {name}={value!r}, which is no {type(usual).__name__}, or out of range")
        self.system = design(scope)
        self.system.initial()
        moves = [(name, *of) for name in design.steps() for of in parameters(getattr(design, name), scope, 1).items()]
        self.moves = {(name, codes): number for number, (name, codes, _) in enumerate(moves)}
        self.names, self.fair = [m[0] for m in moves], [design.steps()[m[0]].fair for m in moves]
        self.take = [partial(getattr(self.system, name), *values) for name, _, values in moves]
        self.cells = list(cells(self.system))
        self.sizes = [size(of) for _, _, of in self.cells]
        self.shifts = [0, *itertools.accumulate((number - 1).bit_length() for number in self.sizes)]
        self._places = [(holder, key, isinstance(of, MaskType)) for holder, key, of in self.cells]
        self.state, self._codes, self._held = 0, list[int](), list[Any]()
        self.start = sum(code << at for code, at in zip(save(self.cells), self.shifts, strict=False))

    def go_to(self, state: int) -> Model:
        self._codes = [state >> at & (1 << upto - at) - 1 for at, upto in itertools.pairwise(self.shifts)]
        require(state >> self.shifts[-1] == 0 and all(map(int.__lt__, self._codes, self.sizes)), "no such state")
        load(self.cells, tuple(self._codes))
        self.state, self._held = state, self._now()
        return self

    def _now(self) -> list[Any]:
        """What its cells hold; of a mask, its bits."""
        return [holder[key].bits if mask else holder[key] for holder, key, mask in self._places]

    def edges(self) -> Iterator[tuple[int, int]]:
        """(move, state after it) of all that are enabled in the state where it is; it is in the one after it meanwhile."""
        require(self._now() == self._held, CHANGED)
        for number, take in enumerate(self.take):
            try:
                take()
            except Disabled:
                require(self._now() == self._held, CHANGED)
                continue
            changed = [k for k, (now, was) in enumerate(zip(self._now(), self._held, strict=True)) if now is not was]
            places = [self.cells[k] for k in changed]
            after = zip(changed, save(places), strict=True)
            yield number, self.state + sum(code - self._codes[k] << self.shifts[k] for k, code in after)
            load(places, tuple(self._codes[k] for k in changed))
        require(self._now() == self._held, CHANGED)


class Rank:
    """Why no fair run stays where q is not: a class of each state there, which may lie in another, and names a move. No move that
    may be taken for ever leads to a later class in the same one, and none that is a class's own leads back into it. So a run that
    stays ends in one class, without that move: enabled in all of it if WEAK, if STRONG wherever it is in no class within; there again."""

    def __init__(self, name: str, codes: Sequence[int], classes: Sequence[Any], model: Model) -> None:
        self.name, self.codes, self.model = name, codes, model
        self.within: list[tuple[int, ...]] = [(), ()]  # of each class: those that it lies in, and itself
        self.own = [-1, -1, *(model.moves[name, tuple(args)] for _, name, args in classes)]
        for number, (outer, _, _) in enumerate(classes, len(self.within)):
            self.within.append((*self.within[outer], number))

    def keeps(self, source: int, move: int, target: int) -> bool:
        """May a move that can be taken for ever lead from a class to a class?"""
        for a, b in zip(self.within[source], self.within[target], strict=False):
            if a != b or self.own[a] == move:
                return b < a
        return True

    def check(self, state: int, p: bool, q: bool, edges: Mapping[int, int]) -> None:
        """edges: move -> number of the state after it."""
        code, fair = self.codes[state], self.model.fair
        require(q or code > IS_Q or (code == OUTSIDE and not p), f"{self.name}: no rank where p is so")
        if q or code == OUTSIDE:
            return
        *outer, own = (self.own[of] for of in self.within[code])
        owed = fair[own] in (Fair.WEAK, Fair.STRONG) and own in edges
        require(owed and all(fair[a] is Fair.STRONG for a in outer), f"{self.name}: nothing is owed")
        for move, target in edges.items():
            after = self.codes[target]
            down = after == IS_Q or fair[move] is Fair.FINITE or self.keeps(code, move, after)
            require(after != OUTSIDE and down, f"{self.name}: {self.model.names[move]} leads up, or stays")


class Certificate:
    """One that is read, and the model that it names. If it is wrong, there is a ValueError, or any other exception."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)
        said = json.loads(self.archive.read("claims.json"))
        require(said["format"] == FORMAT, f"its format is {said['format']}, and this checks {FORMAT}")
        self.title = ", ".join(f"{name} ({place})" for place, name in [*said["roles"], said["scope"]])
        self.how, self.design, of = "", compose(*(find(*role) for role in said["roles"])), find(*said["scope"])
        members = {n: type(old).__members__ for n, old in vars(of()).items() if isinstance(old, Enum)}
        self.scope: Scope = of(**{n: members.get(n, {}).get(v, v) for n, v in said["values"].items()})
        self.model, self.before = Model(self.design, self.scope), Model(self.design, self.scope)
        self.edges_of = cache(lambda state: dict(self.model.go_to(state).edges()))
        self.states = unpack(self.archive.read("states"), said["states"], self.model.shifts[-1] // 8 + 1)
        self.index, self.edges = {state: number for number, state in enumerate(self.states)}, 0
        self.left: dict[bool, list[tuple[str, Function, bool]]] = {False: [], True: []}  # of all states; of all edges
        self.ranks = list[tuple[Function, Rank]]()
        self.verdicts = [self.claim(claim) for claim in said["claims"]]
        by_runs = not self.ranks and not any(self.left.values())
        require(bool(self.verdicts) and (by_runs or self.model.start in self.index), "no claims, or no initial state")
        wrong = [name for name, digest in imported().items() if said["sources"].get(name) != digest]
        require(not wrong, f"it is of another model: of {', '.join(sorted(wrong))}")

    def asked(self, p: Property) -> tuple[bool, dict[tuple[int, ...], Function]]:
        """Does it speak of steps? And what it says, of the last one or of where the system is, for all its parameters."""
        hints = [*get_type_hints(p.function).values()][1:]
        of_edges = any(isinstance(of, type) and issubclass(of, Design) for of in hints)
        systems = [self.before.system] * of_edges + [self.model.system]
        bound = parameters(p.function, self.scope, len(systems)).items()
        return of_edges, {codes: partial(p.function, *systems, *values) for codes, values in bound}

    def replay(self, run: Any) -> list[int]:
        """The states of a run."""
        moves = [self.model.moves[name, tuple(codes)] for name, codes in run["steps"]]
        return [*itertools.accumulate(moves, lambda at, move: self.edges_of(at)[move], initial=self.model.start)]

    def claim(self, claim: Any) -> str:
        """Looks at what runs show, and notes what is left to be true. Returns the claim in words."""
        p, (place, name), verdict = find(*claim["property"]), claim["property"], claim["verdict"]
        witness, (of_edges, asked) = p.kind is Kind.REACHABLE, self.asked(p)
        require(p.why_not(self.design) is None, f"{name} is not asked of this system")
        require(verdict in (("REACHED", "NEVER") if witness else ("VIOLATED", "HOLDS")), f"{name}: {verdict}")
        if verdict in ("REACHED", "VIOLATED"):
            question, states = asked[tuple(claim["binding"])], self.replay(claim["run"])
            lasso = p.kind is Kind.LEADS_TO and self.lasso(question, claim["run"], states)
            self.before.go_to(states[-2] if of_edges else states[-1])
            self.model.go_to(states[-1])
            require(lasso or bool(question()) is witness, f"{name}: its run does not show it")
            return f"{verdict:<8} {name} ({place}), in {len(states) - 1} steps"
        vacuous = not witness and self.vacuous(p, claim)
        if p.kind is not Kind.LEADS_TO:
            self.left[of_edges] += [(name, question, not witness) for question in asked.values()]
        elif not vacuous:
            for question, of in zip(asked.values(), claim["ranks"], strict=True):
                codes = unpack(self.archive.read(of["codes"]), len(self.states), of["bytes"])
                self.ranks.append((question, Rank(name, codes, of["classes"], self.model)))
        return f"{verdict:<8} {name} ({place})" + ", vacuously: what it speaks of never happens" * vacuous

    def vacuous(self, p: Property, claim: Any) -> bool:
        """Does what it speaks of never happen? That is left to be true, or else a run shows that it does."""
        asked: list[Function] = [lambda one=one: one()[0] for one in self.asked(p)[1].values()]
        if p.kind is not Kind.LEADS_TO:
            asked = [*self.asked(of)[1].values()] if (of := premise_of(p, claim)) else []
        never = bool(asked) and claim["witness"] is None
        self.left[False] += [(f"that {p.name} is vacuous", one, False) for one in asked if never]
        self.model.go_to(self.replay(claim["witness"] or {"steps": []})[-1])
        require(never or not asked or any(one() for one in asked), f"{p.name}: no run shows its premise")
        return never

    def lasso(self, question: Function, run: Any, states: Sequence[int]) -> bool:
        """Is it a fair run on which p is so, and q never after?"""
        start = len(states) - 1 if run["loop"] is None else run["loop"]
        taken = {self.model.moves[name, tuple(codes)] for name, codes in run["steps"][start:]}
        offers = [self.edges_of(state) for state in states[start:]]
        for number, fair in enumerate(self.model.fair):
            enabled = [number in offer for offer in offers]
            owed = (fair is Fair.WEAK and all(enabled)) or (fair is Fair.STRONG and any(enabled))
            require(fair is not Fair.FINITE if number in taken else not owed, f"unfair to {self.model.names[number]}")
        said = [(self.model.go_to(state), question())[1] for state in states]
        last = max((k for k, (_, q) in enumerate(said) if q), default=-1)
        return states[start] == states[-1] and last < start and any(p for p, _ in said[last + 1 :])

    def visit(self, state: int) -> tuple[tuple[Any, ...], Iterable[tuple[int, int, tuple[Any, ...]]]]:
        """What a question is to be given there; and of each edge the move, the state after it, what a question is given then."""
        self.before.go_to(state)
        return (), ((move, after, ()) for move, after in self.model.go_to(state).edges())

    def check(self, number: int) -> None:
        """That all is true of a state and of its edges, and that these lead to states of the certificate."""
        state, edges, (here, ways) = self.states[number], dict[int, int](), self.visit(self.states[number])
        for name, question, wanted in self.left[False]:
            if bool(question(*here)) is not wanted:  # not require(): its text would be made millions of times
                raise ValueError(f"{name}: {not wanted} in {state:#x}")
        said = [question(*here) for question, _ in self.ranks]
        for move, after, then in ways:
            if after not in self.index:
                raise ValueError(f"{self.model.names[move]} leads from {state:#x} to {after:#x}, which is missing")
            edges[move] = self.index[after]
            for name, question, wanted in self.left[True]:
                if bool(question(*then)) is not wanted:
                    raise ValueError(f"{name}: {not wanted} of {self.model.names[move]} in {state:#x}")
        self.edges += len(edges)
        for (_, rank), (p, q) in zip(self.ranks, said, strict=True):
            rank.check(number, p, q, edges)


def tell(path: Path, sample: int | None, seed: int, kind: type[Certificate] = Certificate) -> int:
    """Prints the answer of one certificate; returns the exit code."""
    try:
        found = kind(path)
        total = len(found.states)
        part = sample is not None and sample < total
        for number in random.Random(seed).sample(range(total), sample or 0) if part else range(total):
            found.check(number)
    except Exception as error:
        print(f"REJECTED: {path}: {error if type(error) is ValueError else repr(error)}")
        return 1
    counted = f"{sample} of {total} states (seed {seed})" if part else f"{total} states, {found.edges} edges"
    said = f"{'SAMPLED, NOT ' * part}ACCEPTED{found.how}"
    print(f"{said}: {path}: {counted}", found.title, found.scope, *([] if part else found.verdicts), sep="\n  ")
    return 3 * part


def main(kind: type[Certificate]) -> int:
    parser = argparse.ArgumentParser(description="Is a certificate of `eoi prove --certificate` right?")
    parser.add_argument("path", type=Path, metavar="FILE")
    parser.add_argument("--sample", type=int, metavar="N", help="look at N random states only, which accepts nothing")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the sample")
    return tell(**vars(parser.parse_args()), kind=kind)


if __name__ == "__main__":
    sys.exit(main(Certificate))
