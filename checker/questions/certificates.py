"""Makes a certificate of what a cell answers: see docs/certificates.md. Nothing here is trusted: certificate/check.py looks at
all of it."""

from __future__ import annotations

import io
import json
import operator
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np

from checker.certificate.check import FORMAT, OURS, ROOT
from checker.engine.native import Outcome
from checker.engine.ranks import ranks_of
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch, open_search
from checker.errors import InternalError
from checker.language.layout import Layout, instances
from checker.matrix.cells import Cell
from checker.matrix.roles import users_file
from checker.questions.verdict import CellResult, Judge, Run, Status, Verdict, prepared_for
from model.finite import Scalar, encode
from model.lang import Kind, Property

Json = dict[str, Any]
CERTIFIED = (Status.HOLDS, Status.NEVER, Status.VIOLATED, Status.REACHED)


@dataclass(frozen=True)
class Made:
    """content: of the file. claims: how many verdicts it is of. without: those that it leaves out, and why."""

    content: bytes
    claims: int
    without: Mapping[str, str]


def certificate_of(result: CellResult, limits: Limits) -> Made | None:
    """Of every verdict that can be certified; None if the states could not be found again. Raises InternalError if what was
    answered has no certificate."""
    maker = _Maker(result)
    if maker.search.run(limits, None) is not Outcome.COMPLETE:
        return None
    return maker.made()


def place_of(defined: type | Callable[..., object]) -> list[str]:
    """Where the checker finds it: a module or a file of the user's, and a name in it."""
    return [users_file(defined) or defined.__module__, defined.__name__]


def head_of(cell: Cell, properties: Sequence[Property]) -> Json:
    """Which system it is about, and in which version."""
    defined: list[Any] = [*cell.system.__bases__, type(cell.scope), *(p.function for p in properties)]
    return {
        "roles": [place_of(cls) for cls in cell.system.__bases__],
        "scope": place_of(type(cell.scope)),
        "values": {n: v.name if isinstance(v, Enum) else v for n, v in vars(cell.scope).items()},
        "sources": sources([file for file in map(users_file, defined) if file]),
    }


def pack(numbers: Sequence[int], width: int) -> bytes:
    """See unpack, in certificate/check.py."""
    columns = zip(*(n.to_bytes(width, "little") for n in numbers), strict=True)
    return b"".join(bytes(map(operator.xor, column, (0, *column))) for column in columns)


class _Maker:
    """The search is made again: a verdict may be from the cache, and no states are kept with it."""

    def __init__(self, result: CellResult) -> None:
        self.result, self.cell = result, result.cell
        wanted = [v.property for v in result.verdicts]
        self.prepared = prepared_for(self.cell, wanted)
        self.reference = Reference(self.cell.system, self.cell.scope)
        self.search = open_search(self.prepared, self.reference, result.engine)
        self.moves = [[i.step, list(i.args)] for i in instances(self.prepared.program)]
        self.members = dict[str, bytes]()

    @cached_property
    def judge(self) -> Judge:
        return Judge(self.cell, self.prepared, self.search, self.reference)

    def made(self) -> Made:
        left_out = {v.property.name: why for v in self.result.verdicts if (why := self._why_not(v))}
        claims = [self._claim(v) for v in self.result.verdicts if v.property.name not in left_out]
        numbers = [self.states[k] for k in self.order]
        self.members["states"] = pack(numbers, Layout(self.prepared.program).bits // 8 + 1)
        said = {
            "format": FORMAT,
            **head_of(self.cell, [v.property for v in self.result.verdicts]),
            "states": len(numbers),
            "claims": claims,
        }
        self.members["claims.json"] = json.dumps(said, separators=(",", ":")).encode()
        return Made(archive(self.members), len(claims), left_out)

    @cached_property
    def states(self) -> list[int]:
        """In the order in which they were found."""
        search, layout = self.search, Layout(self.prepared.program)
        if not isinstance(search, NativeSearch):
            return [layout.pack(search.codes(k)) for k in range(search.stats().states)]
        packed = search.exploration.packed()
        raw, size = packed.tobytes(), packed.shape[1] * packed.itemsize
        return [int.from_bytes(raw[at : at + size], "little") for at in range(0, len(raw), size)]

    @cached_property
    def order(self) -> list[int]:
        """The numbers that the search gave them, lowest state first."""
        return sorted(range(len(self.states)), key=self.states.__getitem__)

    def _why_not(self, v: Verdict) -> str:
        """Why a verdict is not certified; "" if it is."""
        premise = v.property.starts_from
        if v.status not in CERTIFIED:
            return v.note or v.status.value
        if v.status is Status.HOLDS and premise is not None and premise.why_not(self.cell.system) is not None:
            return f"{premise.name}, without which it says nothing, is not asked of this system"
        return ""

    def _claim(self, v: Verdict) -> Json:
        p = v.property
        said: Json = {"property": place_of(p.function), "verdict": v.status.value}
        if v.run is not None:
            said |= {"binding": self._codes(v), "run": self._run(v.run)}
        if v.status is Status.HOLDS:
            if p.starts_from is not None:
                said["premise"] = place_of(p.starts_from.function)
            said["witness"] = None if v.is_vacuous() else self._witness(p)
            if p.kind is Kind.LEADS_TO and not v.is_vacuous():
                said["ranks"] = self._ranks(p)
        return said

    def _codes(self, v: Verdict) -> list[int]:
        """Of the values that its run is about."""
        functions = [p.function for p in self.prepared.properties]
        params = self.prepared.program.formulas[functions.index(v.property.function)].params
        return [encode(cast(Scalar, of.type), v.binding[of.name]) for of in params]

    def _run(self, run: Run) -> Json:
        steps = [self.moves[self.reference.moves.index(move)] for move in run.moves]
        return {"steps": steps, "loop": run.loop_start}

    def _witness(self, p: Property) -> Json | None:
        """A shortest run to what it speaks of; None if it says nothing of that."""
        premise = p if p.kind is Kind.LEADS_TO else p.starts_from
        if premise is None:
            return None
        atoms = [atom for atom in self.judge.atoms_of(premise) if atom.part == 0]
        states = [state for atom in atoms if (state := self.search.first_state(atom, True)) is not None]
        if not states:
            raise InternalError(f"{p.name} holds and is not vacuous, and what it speaks of never happens")
        return self._run(self.judge.run_to(min(states)))

    def _ranks(self, p: Property) -> list[Json]:
        """For each binding of its parameters."""
        graph, atoms = self.search.kept_graph(), self.judge.atoms_of(p)
        fairness = [move.fair for move in self.reference.moves]
        found = list[Json]()
        for pair in zip(atoms[::2], atoms[1::2], strict=True):
            of_p, of_q = (np.ascontiguousarray(self.search.values_of(atom), np.uint8) for atom in pair)
            ranks = ranks_of(graph, fairness, of_p, of_q)
            codes = ranks.codes[self.order].tolist()
            name, width = f"codes{len(self.members)}", max(codes).bit_length() // 8 + 1
            self.members[name] = pack(codes, width)
            classes = [[outer, *self.moves[label]] for outer, label in ranks.classes]
            found.append({"codes": name, "bytes": width, "classes": classes})
        return found


def sources(own: Sequence[str]) -> dict[str, str]:
    """The digests of all modules of the model and the properties, and of files of the user's and what lies beside them. The
    checker looks at those of them that it imports."""
    beside = {path.stem: path for place in own for path in Path(place).resolve().parent.glob("*.py")}
    files = beside | {  # a file beside is never imported by the name of a module of the model
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for folder in OURS for path in (ROOT / folder).rglob("*.py")
    }  # fmt: skip
    return {name: sha256(path.read_bytes()).hexdigest()[:32] for name, path in sorted(files.items())}


def archive(members: Mapping[str, bytes]) -> bytes:
    """The same bytes for the same content."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, content in sorted(members.items()):
            file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
    return made.getvalue()
