"""Checks certificates of sizes that nobody can enumerate: is what they call inductive so, if their circuits are the model's steps?

    python -I checker/certificate/wide_check.py FILE [--sample N] [--seed S] [--dimacs FOLDER]

It reads a circuit (which bits follow which, of each step, and what atoms and properties say of a state), makes of it and of the
clauses' text one question for each step, and checks the proof that this has no answer. That the circuit is the model's is
compared with CPython in random states, and nowhere else. What that is worth: docs/certificates.md.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.pycache_prefix, sys.dont_write_bytecode = "/dev/null", True

from checker.certificate.atoms import Atoms
from checker.certificate.check import Model, find, imported, parameters, premise_of, require
from checker.certificate.gates import Gates, StepBits, Way, bits, columns, dimacs, question, refuted, typed
from model.lang import Design, Disabled, Kind, RangeError, Scope, compose, save

FORMAT, CIRCUIT, PROOF = "eoi certificate of sizes 2", "circuit.aag", "{}.lrat"
LONGEST = 120  # of what a certificate says itself, so that nobody takes it for what was checked
SAMPLES, TRIES, CHANGED, WALK = 900, 8, 4, 60  # states; arguments of a step, or cells of a state; moves of one walk
PART, MORE = 9, 6  # of all states one in so many; for each of these so many are tried


class Wide:
    """A certificate that is read. If it is wrong, there is a ValueError, or any other exception. find: what has a place and name."""

    def __init__(self, said: Any, find: Callable[[str, str], Any] = find) -> None:
        require(said["format"] == FORMAT, f"its format is {said['format']}, and this checks {FORMAT}")
        self.title = ", ".join(f"{name} ({place})" for place, name in [*said["roles"], said["scope"]])
        self.find, self.design, of = find, compose(*(find(*role) for role in said["roles"])), find(*said["scope"])
        members = {n: type(old).__members__ for n, old in vars(of()).items() if isinstance(old, Enum)}
        self.scope: Scope = of(**{n: members.get(n, {}).get(v, v) for n, v in said["values"].items()})
        self.model, self.before = Model(self.design, self.scope), Model(self.design, self.scope)
        self.atoms, self.width = Atoms(self.model.system, self.scope), self.model.shifts[-1]
        self.clauses = {text: self.atoms.parsed(text) for text in said["clauses"]}
        self.held = list[tuple[bool, list[tuple[Any, ...]], Any]]()  # is it of steps? for which values? the property
        self.verdicts = [self.claim(find(*claim["property"]), claim) for claim in said["claims"]]
        codes = {name: [c for of, c in self.model.moves if of == name] for name in self.design.steps()}
        self.codes = {name: of for name, of in codes.items() if of}  # of the arguments of each step
        self.sizes = {name: [max(column) + 1 for column in zip(*of, strict=True)] for name, of in self.codes.items()}
        self.inputs = 2 * self.width + sum(sum(map(bits, sizes)) for sizes in self.sizes.values())
        texts = dict.fromkeys(atom for clause in self.clauses.values() for atom, _ in clause)
        self.facts = [
            (atom, given) for atom in texts for given in self.atoms.choices(self.atoms.variables(atom))
        ]  # in the order of the circuit's outputs, and after them:
        self.asked, self.edges = (
            [(p, values) for edge, of, p in self.held if edge is wanted for values in of] for wanted in (False, True)
        )
        named = [*(atom for atom, _ in self.facts), *(f"{p.name}()" for p, _ in [*self.asked, *self.edges])]
        self.places_of = {name: [k for k, of in enumerate(named) if of == name] for name in dict.fromkeys(named)}
        self.trees = {atom: ast.parse(atom, mode="eval").body for atom in texts}
        require(bool(self.verdicts), "it claims nothing")
        possible = said["possible"].items()  # of steps: states in which they are, and with which arguments
        self.offered = {(int(at, 16), name): tuple(codes) for name, of in possible for at, codes in of}
        require({name for _, name in self.offered} <= {*self.codes}, "it offers states of what is no step")

    # --- what is claimed ---

    def claim(self, p: Any, claim: Any) -> str:
        """Replays a run, and notes what is to be inductive. Returns the claim in words."""
        (place, name), verdict = claim["property"], claim["verdict"]
        require(p.kind is Kind.ALWAYS and p.why_not(self.design) is None, f"{name} is not asked of sizes")
        edge, values = self.asked_for(p)
        if verdict == "VIOLATED":
            states = self.replay(claim["run"])
            said = self.says(p, edge, values[tuple(claim["binding"])], states[-2:][0], states[-1])
            require(not said and len(states) > edge, f"{name}: its run does not show it")
            return f"VIOLATED {name} ({place}), in {len(states) - 1} steps"
        require(verdict == "HOLDS", f"{name}: {verdict}")
        self.held.append((edge, list(values.values()), p))
        return f"HOLDS    {name} ({place}): inductive with {len(self.clauses)} clauses{self.spoken(p, claim)}"

    def asked_for(self, p: Any) -> tuple[bool, dict[tuple[int, ...], tuple[Any, ...]]]:
        """Does a property speak of steps? And for which codes of its parameters, and values."""
        hints = [*get_type_hints(p.function).values()][1:]
        edge = any(isinstance(of, type) and issubclass(of, Design) for of in hints)
        return edge, parameters(p.function, self.scope, 2 if edge else 1)

    def spoken(self, p: Any, claim: Any) -> str:
        """Replays the run that shows that what it speaks of happens, if it needs one and has one. Returns that in words."""
        premise = premise_of(p, claim, self.find)
        if not premise or claim["witness"] is None:
            return "; nothing shows that what it speaks of happens" if premise else ""
        states = self.replay(claim["witness"])
        edge, values = self.asked_for(premise)
        shown = any(self.says(premise, edge, of, states[-2:][0], states[-1]) for of in values.values())
        require(shown and len(states) > edge, f"{p.name}: no run shows its premise")
        return f"; what it speaks of happens, in {len(states) - 1} steps"

    def says(self, p: Any, edge: bool, values: Sequence[Any], before: int, now: int) -> bool:
        systems = [self.before.go_to(before).system] * edge + [self.model.go_to(now).system]
        return bool(p.function(*systems, *values))

    def replay(self, run: Any) -> list[int]:
        states = [self.model.start]
        for name, codes in run:
            enabled, after = self.take(states[-1], name, tuple(codes))
            require(enabled and after is not None, f"{name} cannot be taken")
            states.append(after or 0)
        return states

    def take(self, state: int, name: str, codes: tuple[int, ...]) -> tuple[bool, int | None]:
        """In CPython: is it enabled? And the state after it, if nothing is stored out of range."""
        model = self.model.go_to(state)
        try:
            model.take[model.moves[name, codes]]()
        except Disabled:
            return False, None
        except RangeError:
            return True, None
        return True, sum(code << at for code, at in zip(save(model.cells), model.shifts, strict=False))

    # --- the circuit ---

    def read(self, text: str) -> None:
        """Its inputs: the bits of a state, of the one after it, and of the arguments of each step. Its outputs: what atoms say of the
        state, and properties of it or of both; and of each step whether it is enabled, whether it then stores out of range,
        and the bits of the state after it."""
        self.circuit = Gates(text)
        require(self.circuit.inputs == self.inputs, "its circuit is of another system")
        left = iter(self.circuit.outputs)
        of_atoms = {(atom, *given.items()): literal for (atom, given), literal in zip(self.facts, left, strict=False)}
        of_states, self.of_steps = [next(left) for _ in self.asked], [next(left) for _ in self.edges]
        self.literals = [*of_atoms.values(), *of_states, *self.of_steps]
        self.invariant = [some for at, size in self.places() for some in typed(size, at + 1)]
        self.invariant += [[literal] for literal in of_states]
        for clause in self.clauses.values():
            uses = {atom: self.atoms.variables(atom) for atom, _ in clause}
            for given in self.atoms.choices(sorted({name for names in uses.values() for name in names})):
                at = [(atom, *((name, given[name]) for name in uses[atom])) for atom, _ in clause]
                self.invariant.append([of_atoms[x] ^ (not yes) for x, (_, yes) in zip(at, clause, strict=True)])
        self.steps, node = dict[str, StepBits](), 2 * self.width + 1
        for name, sizes in self.sizes.items():
            enabled, fault, *after = [next(left) for _ in range(self.width + 2)]
            firsts = [node, *(node := node + bits(size) for size in sizes)]
            arguments = [some for first, size in zip(firsts, sizes, strict=False) for some in typed(size, first)]
            self.steps[name] = StepBits(enabled, fault, after, arguments)
        require(next(left, None) is None, "its circuit says more than that")

    def places(self) -> Iterator[tuple[int, int]]:
        return zip(self.model.shifts, self.model.sizes, strict=False)

    def question(self, name: str) -> list[list[int]]:
        """Clauses that contradict each other if a step keeps what is claimed."""
        return question(self.circuit, self.steps[name], self.invariant, self.of_steps)

    # --- is it the model's? ---

    def compared(self, samples: int, seed: int) -> str:
        """Compares the circuit with CPython in random states, the first of which is the initial one. Says what was seen."""
        chance = random.Random(seed)
        states = [self.model.start, *self.walked(samples // 3, chance)]
        reached, offered = (1 << len(states)) - 1, [state for state, _ in self.offered]
        states += offered
        for number in range(samples - samples // 3):  # however many are offered: whoever offers them chose them
            states.append(self.changed(chance.choice(states), chance, CHANGED if number % 2 else len(self.model.sizes)))
        ways = self.ways(states, samples // PART, chance)
        after = [[after for *_, after in way.values() if after is not None] for way in ways]
        nexts = [chance.choice(some or [state]) for some, state in zip(after, states, strict=True)]
        rows = [self.row(*of) for of in zip(states, nexts, ways, strict=True)]
        values = self.circuit.values(columns(rows, self.inputs), every := (1 << len(states)) - 1)

        def said(literal: int) -> int:
            return values[literal >> 1] ^ (every if literal & 1 else 0)

        for name, step in self.steps.items():
            step.compare(name, {k: way[name] for k, way in enumerate(ways) if name in way}, said)
        for number, (state, following) in enumerate(zip(states, nexts, strict=True)):
            chosen = [k for of in self.places_of.values() for k in (of if number == 0 else [chance.choice(of)])]
            for k, (name, so) in zip(chosen, self.in_python(chosen, state, following), strict=True):
                require(said(self.literals[k]) >> number & 1 == so, f"its circuit is wrong of {name}")
        for some in self.invariant:
            broken = reached
            for literal in some:
                broken &= ~said(literal)
            require(not broken, "a clause, or a property, does not hold in a state that is reached")
        gates, possible = (
            values[self.inputs + 1 :],
            {name: sum(name in way and way[name][1] for way in ways) for name in self.steps},
        )
        both, never = sum(value not in (0, every) for value in gates), [name for name, k in possible.items() if not k]
        least = f"each step was possible in {min(possible.values())} or more"
        steps = f"never possible there: {', '.join(never)}" if never else least
        where = f"{len(states)} states (seed {seed}), {reached.bit_length()} of them reached, where all clauses hold"
        return f"{where}; {both} of {len(gates)} gates were true in some and false in others; {steps}"

    def walked(self, count: int, chance: random.Random) -> Iterator[int]:
        state, moves = self.model.start, [*self.model.moves]
        for number in range(count):
            before = state if number % WALK else self.model.start
            ways = (self.take(before, *move)[1] for move in chance.sample(moves, len(moves)))
            state = next((after for after in ways if after is not None and after != before), self.model.start)
            yield state

    def ways(self, states: list[int], enough: int, chance: random.Random) -> list[dict[str, Way]]:
        """Of each state, how each step can be taken. More states are added, until each step is possible in enough of them."""
        found = [{name: self.way(state, name, chance) for name in self.steps} for state in states]
        for name in self.steps:
            possible = [s for s, way in zip(states, found, strict=True) if name in way and way[name][1]]
            for _ in range(MORE * enough):
                if len(possible) >= enough:
                    break
                state = self.changed(chance.choice(possible or states), chance, CHANGED)
                way = self.way(state, name, chance)
                if way[1]:
                    possible.append(state)
                    states.append(state)
                    found.append({name: way})
        return found

    def changed(self, state: int, chance: random.Random, most: int) -> int:
        """Any values in some cells."""
        for at, size in chance.sample([*self.places()], chance.randint(1, min(most, len(self.model.sizes)))):
            state = state & ~((1 << bits(size)) - 1 << at) | chance.randrange(size) << at
        return state

    def way(self, state: int, name: str, chance: random.Random) -> Way:
        """Arguments with which a step is enabled, if some are soon found, and what CPython says of it."""
        tried = [self.offered[at]] if (at := (state, name)) in self.offered else []
        tried += chance.sample(self.codes[name], min(TRIES, len(self.codes[name])))
        said = ((codes, *self.take(state, name, codes)) for codes in tried)
        return next((one for one in said if one[1]), (tried[0], False, None))

    def in_python(self, chosen: Iterable[int], state: int, following: int) -> Iterator[tuple[str, bool]]:
        """What some outputs of the circuit are about, and what CPython says of that."""
        self.model.go_to(state)
        of_properties, of_states = [*self.asked, *self.edges], len(self.asked)
        for k in chosen:  # those of atoms first
            if k < len(self.facts):
                atom, given = self.facts[k]
                yield f"{atom} for {given}", bool(self.atoms.value(self.trees[atom], given))
            else:
                p, values = of_properties[k := k - len(self.facts)]
                edge = k >= of_states
                yield f"{p.name}{values}", self.says(p, edge, values, state, following if edge else state)

    def row(self, state: int, following: int, ways: Mapping[str, Way]) -> int:
        """The inputs of a circuit, the first one lowest."""
        found, at = state | following << self.width, 2 * self.width
        for name, sizes in self.sizes.items():
            for code, size in zip(ways[name][0] if name in ways else [0] * len(sizes), sizes, strict=True):
                found, at = found | code << at, at + bits(size)
        return found


def tell(path: Path, samples: int, seed: int, folder: Path | None) -> int:
    """Prints the answer of one certificate; returns the exit code."""
    try:
        archive = zipfile.ZipFile(path)
        said = json.loads(archive.read("claims.json"))
        found, more, word = Wide(said), list[str](), "ACCEPTED"
        wrong = [name for name, digest in imported().items() if said["sources"].get(name) != digest]
        require(not wrong, f"it is of another model: of {', '.join(sorted(wrong))}")
        if found.held:
            found.read(archive.read(CIRCUIT).decode())
            seen, lines = found.compared(samples, seed), 0
            for name in found.steps:
                clauses, proof = found.question(name), archive.read(PROOF.format(name)).decode()
                lines += refuted(clauses, proof)
                for ending, text in (("cnf", dimacs(clauses)), ("lrat", proof)) if folder else ():
                    (Path(folder or ".") / f"{name}.{ending}").write_text(text)
            word = "ACCEPTED IF ITS CIRCUIT IS THE MODEL"
            more += [f"checked: {len(found.steps)} proofs, one for each step, {lines} lines, all of them"]
            more += [f"compared: its circuit with CPython, in {seen}"]
            more += ["trusted: that the circuit says in all other states what steps and properties do"]
            more += (told := [f"told, and not checked: {name} says {what}" for name, what in said["solvers"].items()])
            require(all(line.isprintable() and len(line) < LONGEST for line in told), "a solver says more than a line")
    except Exception as error:
        print(f"REJECTED: {path}: {error if type(error) is ValueError else repr(error)}")
        return 1
    print(f"{word}: {path}", found.title, found.scope, *found.verdicts, *more, sep="\n  ")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Is a certificate of `eoi prove --sizes --certificate` right?")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--sample", type=int, default=SAMPLES, metavar="N", help="states in which the circuit is compared"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of these")
    parser.add_argument(
        "--dimacs", type=Path, metavar="FOLDER", help="write questions and proofs there, for other checkers"
    )
    given = parser.parse_args()
    sys.exit(tell(given.file, given.sample, given.seed, given.dimacs))
