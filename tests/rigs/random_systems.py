"""Random systems of several roles, as source text: a shared class, a file for each role and for patches of some of them,
properties in two files. The functions are those of random_programs.py; each field that one names may be its role's own."""

from __future__ import annotations

import itertools
import re
import types
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from checker.language.lower import lower
from model.finite import ModelError
from model.lang import Design, Property, compose
from tests.rigs.compare import load_module
from tests.rigs.header import Sizes
from tests.rigs.random_programs import Writer

KINDS = {
    "on": "bool", "cpu": "Cpu", "pin": "Pin", "slot": "Pin | None", "kind": "Trigger", "irr": "Mask[Pin]",
    "isr": "Mask[Pin]", "rows": "Table[Cpu, Row]", "lines": "Table[Pin, bool]",
}  # fmt: skip
FIELD = re.compile(rf"\bself\.({'|'.join(KINDS)})\b")
ARGUMENTS = {"step": "pin, cpu, flag", "change": "row, mask, pin, flag", "bool": "row, mask, pin, slot"}
ARGUMENTS["opt"] = ARGUMENTS["bool"]
PROPERTIES = {
    "always": "@always()\ndef {name}(s: Shared, pin: Pin) -> bool:\n    return {one}\n",
    "reachable": "@reachable()\ndef {name}(s: Shared, pin: Pin) -> bool:\n    return {one}\n",
    "leads_to": "@leads_to()\ndef {name}(s: Shared, pin: Pin) -> tuple[bool, bool]:\n    return {one}, {other}\n",
    "edge": "@always()\ndef {name}(before: Shared, s: Shared, pin: Pin) -> bool:\n    return {one} or {before}\n",
}

Pieces = dict[str, list[str]]  # file -> texts in it


class RoleWriter(Writer):
    """`over`: the function that is restated, (name, kind); it begins with a call of the one above."""

    over: tuple[str, str] | None = None

    def _body(self, depth: int) -> list[str]:
        first = []
        if not self.pure and self.choose.random() < 0.15:
            first.append(f"        require({self._bool(1)})")
        if self.over is not None:
            name, kind = self.over
            call = f"super().{name}({ARGUMENTS[kind]})"
            if kind in ("bool", "opt"):
                self.names.kinds["above"] = kind
                call = f"above{': Pin | None' if kind == 'opt' else ''} = {call}"
            first.append(f"        {call}")
        return [*first, *super()._body(depth)]

    def function(self, name: str, kind: str) -> str:
        if kind == "step":
            return self.step(name)
        return self.change(name) if kind == "change" else self.pure_function(name, kind)

    def formula(self) -> str:
        """What a property says, of `self`."""
        self._start("pure", pure=True)
        self.names.kinds = {"pin": "pin"}
        return self._bool(3)


@dataclass
class RandomSystem:
    """classes: of each role, the files of its classes, the patch last. heads: file -> what stands before its functions."""

    choose: Random
    classes: list[list[str]] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)
    pieces: Pieces = field(default_factory=dict)
    own: dict[str, list[str]] = field(default_factory=dict)  # kind of field -> its names in this system

    def __post_init__(self) -> None:
        choose, self.writer = self.choose, RoleWriter(self.choose)
        self.heads["shared"] = "class Shared(Box):\n    shared_: Pin\n"
        self.own = {kind: [kind] for kind in KINDS}
        self.own["pin"].append("shared_")
        for role in range(choose.choice([2, 2, 3, 4])):
            files = [f"role{role}"] + [f"patch{role}"] * (choose.random() < 0.5)
            for file, above in zip(files, ["Shared", f"Role{role}"], strict=False):
                kinds = choose.sample(list(KINDS), choose.randrange(4))
                fields = [f"    {kind}_{file}: {KINDS[kind]}\n" for kind in kinds]
                for kind in kinds:
                    self.own[kind].append(f"{kind}_{file}")
                if choose.random() < 0.3:
                    fields.append(f"    HIGH = {choose.randrange(3)}\n")
                self.heads[file] = f"class {file.capitalize()}({above}):\n" + ("".join(fields) or "    source = ''\n")
            self.classes.append(files)
        for file in ("one", "other"):
            self.heads[f"{file}_properties"] = ""
        self.pieces = {file: [] for file in self.heads}

    # --- what is tried next ---

    def next_function(self, number: int, *kinds: str) -> Pieces:
        """A new function of some file, and perhaps others that restate it."""
        kind = self.choose.choice(kinds)
        name = f"{kind}_{number}"
        role = self.choose.choice(self.classes)
        homes = self.choose.choice([["shared"], ["shared"], [role[0]], [role[-1]]])
        found = {homes[0]: [self._own(self.writer.function(name, kind))]}
        restating = [role[-1]] if homes != [role[-1]] and self.choose.random() < 0.6 else []
        if homes == ["shared"]:
            restating += [files[0] for files in self.classes if self.choose.random() < 0.3]
        self.writer.over = (name, kind)
        for file in dict.fromkeys(restating):
            found.setdefault(file, []).append(self._own(self.writer.function(name, kind)))
        self.writer.over = None
        return found

    def next_property(self, number: int) -> Pieces:
        kind, file = self.choose.choice(list(PROPERTIES)), self.choose.choice(["one_properties", "other_properties"])
        one, other = (self._own(self.writer.formula()).replace("self.", "s.") for _ in range(2))
        saved, self.writer.helpers = self.writer.helpers, []
        before = self._own(self.writer.formula()).replace("self.", "before.")
        self.writer.helpers = saved
        return {file: [PROPERTIES[kind].format(name=f"p_{number}", one=one, other=other, before=before)]}

    def _own(self, text: str) -> str:
        """Each field that is named: the common one, or one of its kind that some role has."""
        return FIELD.sub(lambda found: f"self.{self.choose.choice(self.own[found[1]])}", text)

    def keep(self, more: Pieces) -> None:
        for file, texts in more.items():
            self.pieces[file] += texts
            for text in texts:
                if (
                    name := re.search(r"def ((change|bool|opt)_\d+)", text)
                ) and name.groups() not in self.writer.helpers:
                    self.writer.helpers.append((name[1], name[2]))

    # --- as a system ---

    def load(self, folder: Path, prefix: str, more: Pieces | None = None) -> tuple[type[Design], list[Property]]:
        """The system and its properties, with these pieces too; written to files under names of their own,
        by which sys.modules has them."""
        modules: dict[str, types.ModuleType] = {}
        for file, head in self.heads.items():
            texts = [*self.pieces[file], *(more or {}).get(file, [])]
            imports = [f"from {prefix}_{other} import {other.capitalize()}" for other in self._named_in(file)]
            path = folder / f"{prefix}_{file}.py"
            path.write_text("\n".join(["from tests.rigs.header import *", *imports, "", "", head, *texts]))
            modules[file] = load_module(path, f"{prefix}_{file}")
        roles = [getattr(modules[files[-1]], files[-1].capitalize()) for files in self.classes]
        found = [p for module in modules.values() for p in vars(module).values() if isinstance(p, Property)]
        return compose(*roles), found

    def _named_in(self, file: str) -> list[str]:
        if file == "shared":
            return []
        return [file.replace("patch", "role")] if file.startswith("patch") else ["shared"]

    def text(self) -> str:
        return "\n".join(text for file, head in self.heads.items() for text in (f"# {file}", head, *self.pieces[file]))


# --- those that the language takes ---

files = itertools.count()


def accepted(system: RandomSystem, folder: Path, more: Pieces) -> bool:
    """Does the lowering take the system with these functions, too?"""
    try:
        lower(*loaded(system, folder, more))
    except ModelError:
        return False
    except Exception as error:
        error.add_note(f"{system.text()}\n{more}")
        raise
    return True


def loaded(
    system: RandomSystem, folder: Path, more: Pieces | None = None
) -> tuple[type[Design], Sizes, list[Property]]:
    design, properties = system.load(folder, f"random_{next(files)}", more)
    return design, Sizes(), properties


def random_system(folder: Path, seed: int, size: int) -> RandomSystem:
    system = RandomSystem(Random(seed))
    wanted = [["bool", "opt", "change"]] * size + [["step"]] * size
    for number, kinds in enumerate(wanted):
        more = system.next_function(number, *kinds)
        if accepted(system, folder, more):
            system.keep(more)
    for number in range(size):
        more = system.next_property(number)
        if accepted(system, folder, more):
            system.keep(more)
    return system
