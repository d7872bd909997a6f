"""What can be asked: the options of every command. Nothing that answers is loaded for them, so that whoever mistypes one is
told at once."""

from __future__ import annotations

import argparse
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from checker.command.form import add_form
from checker.command.list import KINDS
from checker.errors import UserError
from checker.matrix.roles import DEVICES, GUESTS, VMMS
from checker.matrix.scope import LARGEST_SIZE
from checker.shipped import own
from checker.workers.where import checked
from properties.compat import CLAIMS

# a system and who stands around it
COMPARED = "the design to compare with, by name or path; left out, it is what DESIGN stands on"
EXPECTED = "reports/expected.toml"  # see here_or_own
LITMUS = "tests/litmus"
DIAGRAMS = ("svg", "png", "pdf", "dot")
EXPORTS = ("promela", "murphi", "aiger", "btor2", "smv", "dot")
ORACLES = ("kvm", "qemu")
SAT = "sat"  # an engine
# What `eoi gate` judges: see checker/questions/gate.py.
FULL = """\
all that `eoi prove DESIGN` asks by default of each design (every VMM, guest, I/O APIC version and API flag, level
# lines, and what says with whom alone it is asked; default sizes), the other devices on qemu with linux and windows_cg,
# the VMMs on request with the guest that suits them.
# A design that is no kernel: on base and on v6. Historical bugs and CPUID designs: the systems that they name."""
NOT_IN = "other devices under other VMMs and guests; other sizes; VMMs and guests on request with the rest"
MOST = 1 << 63  # the engine counts in words of the machine
# Of `eoi compat`, unless told otherwise. Other VMMs call the same functions of the kernel; these call them in most orders.
COMPARED_UNDER = ("qemu", "firecracker", "any_vmm", "setup_vmm")


def memory_size(text: str) -> int:
    """ "500M", "2G" -> bytes."""
    unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:].upper(), 1)
    digits = text[:-1] if unit > 1 else text
    number = float(digits) * unit if digits.replace(".", "", 1).isdecimal() else 0.0
    if not 1 <= number < MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: a size is needed, e.g. 500M or 4G")
    return int(number)


def disk_size(text: str) -> int:
    """The same, or 0."""
    return 0 if text == "0" else memory_size(text)


def positive(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) <= len(str(MOST)) else 0
    if not 0 < number < MOST:
        much = ", and less than that" * text.isdecimal() * bool(text.strip("0"))
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number from 1 on is needed{much}")
    return number


def size(text: str) -> int:
    """Of vCPUs, pins and vectors."""
    if not text.isdecimal() or text not in map(str, range(1, LARGEST_SIZE + 1)):
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 1 to {LARGEST_SIZE} is needed")
    return int(text)


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: a number of seconds is needed, e.g. 30 or 0.5")
    return number


def three_sizes(text: str) -> tuple[int, int, int]:
    """ "8x24x24": vCPUs, pins, vectors."""
    parts = text.split("x")
    if len(parts) != 3 or any(part not in map(str, range(1, LARGEST_SIZE + 1)) for part in parts):
        raise argparse.ArgumentTypeError(
            f"{text!r}: vCPUs x pins x vectors are needed, each from 1 to {LARGEST_SIZE}, e.g. 8x8x8"
        )
    cpus, pins, vectors = map(int, parts)
    return cpus, pins, vectors


class Joined(argparse.Action):
    """`--scope a=1 --scope b=2` is `--scope a=1,b=2`: a long one can be broken where it is pasted."""

    needed = "K=V is needed, e.g. --scope cpus=1,pins=1"

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: str | Sequence[object] | None, option: str | None = None
    ) -> None:  # fmt: skip
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


class JoinedChoices(Joined):
    """The same for `--when`, which takes no sizes."""

    needed = "K=V is needed, e.g. --when flags=NONE"


def add_scope(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--scope", default="", action=Joined, metavar="K=V,...", help="sizes and choices: see `eoi list scope`"
    )


def where(text: str) -> str:
    try:
        return checked(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_on(parser: ArgumentParser) -> None:
    """Who explores."""
    said = "here (threads), processes, ray or ray:ADDRESS (a cluster: docs/cluster.md); default: processes if they pay"
    parser.add_argument("--on", type=where, metavar="WHERE", help=f"who explores: {said}")


def add_engine(parser: ArgumentParser, *more: str) -> None:
    said = "auto: native where a C compiler is found"
    said += "; both: each cell by both, which have to say the same" * ("both" in more)
    said += "; sat: one cell's `always` properties, by runs that a SAT solver finds and by induction" * (SAT in more)
    parser.add_argument("--engine", choices=("auto", "native", "reference", *more), default="auto", help=said)


def add_system(parser: ArgumentParser, how_many: str = "+") -> None:
    """What is judged: a design, and who stands around it."""
    what = "a registered design, a path to a .py file, or a C patch; of a series of patches, all of them in order"
    parser.add_argument("design", nargs=how_many, metavar="DESIGN", help=what)
    add_around(parser)


def add_around(parser: ArgumentParser) -> None:
    """Who stands around a design."""
    add_reverse(parser)
    kernel = "kernel design (default: base), when DESIGN is a VMM, guest or device"
    parser.add_argument("--kernel", action="append", metavar="K", help=kernel)
    family = "one or more of {}, or a .py file"
    parser.add_argument("--vmm", action="append", metavar="V", help=family.format(", ".join(VMMS)))
    parser.add_argument("--guest", action="append", metavar="G", help=family.format(", ".join(GUESTS)))
    parser.add_argument("--device", action="append", metavar="D", help=f"{', '.join(DEVICES)} or all; default: level")


def add_reverse(parser: ArgumentParser) -> None:
    parser.add_argument("-R", "--reverse", action="store_true", help="take the patch away: the kernel before it")


def add_tree(parser: ArgumentParser) -> None:
    of = "a kernel's source: that kernel as a design, or with a patch, what the patch makes of it"
    parser.add_argument("--tree", metavar="DIR", help=of)


def add_selection(
    parser: ArgumentParser, how_many: str = "+", *, needs: bool = False, engines: Sequence[str] = ("both",)
) -> None:
    """Cells and properties, and how far they are explored. needs: one property at least has to be named, so or behind the
    design. engines: see add_engine."""
    add_system(parser, how_many)
    without = "one at least, so or behind DESIGN: see `eoi list properties`" if needs else "default: all"
    parser.add_argument("--property", action="append", metavar="P", help=f"a name, or a .py file of yours; {without}")
    add_scope(parser)
    add_limits(parser, *engines)
    add_on(parser)


def add_limits(parser: ArgumentParser, *engines: str) -> None:
    """How far a cell is explored, and by which engine. engines: that can be asked beside the usual ones."""
    limits = parser.add_argument_group("limits (reaching one is INCONCLUSIVE)")
    limits.add_argument("--max-states", type=positive, metavar="N")
    limits.add_argument("--max-memory", type=memory_size, metavar="SIZE", help="e.g. 500M, 4G")
    of_disk = "of what memory has no room for (default: 60 %% of what is free); 0: none"
    limits.add_argument("--max-disk", type=disk_size, metavar="SIZE", help=of_disk)
    limits.add_argument("--timeout", type=seconds, metavar="SECONDS", help="for each cell")
    threads = "that search one large cell together (default: the processors that other cells leave)"
    parser.add_argument("--threads", type=positive, metavar="N", help=threads)
    parser.add_argument(
        "--resume", action="store_true", help="go on with searches that were cut short after a minute or more"
    )
    add_engine(parser, *engines)


def add_reduce(parser: ArgumentParser) -> None:
    said = "keep one state for all that differ in how vCPUs (or pins, vectors) are numbered, where it is shown that no step notices it"
    parser.add_argument("--reduce", action="store_true", help=said)


def here_or_own(path: str) -> Path:
    """A default that is looked for in the current directory, and else where the code that runs has it."""
    return Path(path) if Path(path).exists() else own(path)


def _list(parser: ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=tuple(KINDS), metavar="WHAT", help=f"one of {', '.join(KINDS)}")


def _show(parser: ArgumentParser) -> None:
    add_system(parser)
    asked = "also this property: a name, or a .py file of yours; default: none"
    parser.add_argument("--property", action="append", metavar="P", help=asked)
    add_scope(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--ir", action="store_true", help="the intermediate representation that every engine takes")
    form.add_argument("--c", action="store_true", help="the C that is generated from it")


def _prove(parser: ArgumentParser) -> None:
    add_selection(parser, how_many="*", engines=("both", SAT))
    add_reduce(parser)
    add_tree(parser)
    add_form(parser, "verdicts")
    concerned = (
        "end with 0, and say so, where a patch changes no code of any file that the model stands for or relies on"
    )
    parser.add_argument("--if-concerned", action="store_true", help=concerned)
    parser.add_argument("--brief", action="store_true", help="only the matrix: no coverage, no story")
    parser.add_argument("--confirm", action="store_true", help="run each violation on this machine's KVM, too")
    parser.add_argument("--inductive", action="store_true", help="also ask z3 whether each invariant is inductive")
    wide = "prove the `always` properties at these sizes, vCPUs x pins x vectors, which need not be small enough to enumerate"
    parser.add_argument("--sizes", type=three_sizes, metavar="AxBxC", help=wide)
    parser.add_argument("--clauses", action="store_true", help="with --sizes: print what is inductive")
    alone = "every verdict of DESIGN alone, whatever it stands on and what is expected of it (so do --certificate, --confirm and --inductive)"
    parser.add_argument("--absolute", action="store_true", help=alone)
    kept = "write what somebody else can check the verdicts by, without these engines (eoi certify); of several cells, into a folder"
    parser.add_argument("--certificate", metavar="FILE", help=kept)
    add_details(parser)


def add_details(parser: ArgumentParser) -> None:
    """What there is behind the first screen."""
    parser.add_argument("--cells", action="store_true", help="each trace, and all cells of it")
    parser.add_argument("--all", action="store_true", help="a line for each cell, also for those that stay the same")
    told = "tell every regression, not only the first, what is still broken, and what is fixed: each trace once"
    parser.add_argument("--stories", action="store_true", help=told)


def _diff(parser: ArgumentParser) -> None:
    parser.add_argument("base", metavar="BASE", help=COMPARED)
    add_selection(parser, how_many="*")
    add_reduce(parser)
    parser.add_argument("--brief", action="store_true", help="only the groups and the summary: no model diff, no trace")
    add_details(parser)
    add_form(parser, "changes")


def _review(parser: ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("--base", metavar="BASE", help="what it is compared with (default: what it stands on)")


def _compat(parser: ArgumentParser) -> None:
    parser.add_argument("base", metavar="BASE", help=COMPARED)
    what = "a kernel design, or all for a table of every one; of a series of patches, all of them in order"
    parser.add_argument("design", nargs="*", metavar="DESIGN", help=what)
    add_reverse(parser)
    claims = f"one of {', '.join(c.name for c in CLAIMS)}; default: all"
    parser.add_argument("--claim", action="append", metavar="C", help=claims)
    parser.add_argument("--vmm", action="append", metavar="V", help=f"default: {', '.join(COMPARED_UNDER)}")
    add_scope(parser)
    parser.add_argument("--max-states", type=positive, metavar="N", help="pairs in a cell; more is INCONCLUSIVE")
    parser.add_argument("--json", action="store_true", help="machine-readable outcomes")
    add_engine(parser)


def _nfc(parser: ArgumentParser) -> None:
    parser.add_argument("base", metavar="BASE", help=COMPARED)
    add_system(parser, how_many="*")
    add_scope(parser)
    when = (
        "only the cells with these choices, e.g. flags=NONE; what asks for another one in a step is then left out, too"
    )
    parser.add_argument("--when", default="", action=JoinedChoices, metavar="K=V,...", help=when)
    parser.add_argument("--observe", choices=("guest", "vmm", "both"), default="both", help="who looks (default: both)")
    parser.add_argument("--json", action="store_true", help="machine-readable outcomes")
    add_limits(parser)
    parser.set_defaults(property=None)


def _when(parser: ArgumentParser) -> None:
    add_selection(parser, how_many="*")
    varied = "also a choice: sizes and what else `eoi list scope` names, with these values, e.g. cpus=1,2 (repeatable)"
    parser.add_argument("--vary", action="append", default=[], metavar="K=V,V", help=varied)
    parser.add_argument("--json", action="store_true", help="machine-readable conditions")
    parser.add_argument(
        "--write", metavar="FILE", help="write what reports/expected.toml says of every registered design"
    )


def _gate(parser: ArgumentParser) -> None:
    said = FULL.replace(f"{chr(10)}# ", chr(10))
    parser.description = f"The full matrix: {said}\nNot in it: {NOT_IN}."
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--expected",
        metavar="FILE",
        default=EXPECTED,
        help="default: %(default)s in the current directory, or else eoi's own",
    )
    parser.add_argument("--write", metavar="FILE", help="write what was found instead of comparing it")
    parser.add_argument("--design", action="append", metavar="D", help="only these designs, for a quick look")
    own = "compare designs of your own with what they answered before: those named, or all that FILE is about"
    parser.add_argument("--baseline", metavar="FILE", help=own)
    parser.add_argument(
        "--write-baseline", action="store_true", help="with --baseline: write FILE, or these designs in it"
    )
    parser.add_argument(
        "designs", nargs="*", metavar="DESIGN", help="with --baseline: a .py file, a C patch, or a name"
    )
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes (default: one a processor)")
    add_reduce(parser)
    add_on(parser)
    every = "a line for each count of states that differs, too, however many"
    parser.add_argument("--all", action="store_true", help=every)
    add_form(parser, "differences")
    judged = (
        "judge one-change mutants of the rules of v6 and of the VMMs instead: which does no verdict tell? (--write DIR)"
    )
    parser.add_argument("--mutants", action="store_true", help=judged)
    parser.add_argument("--every", type=positive, default=1, metavar="N", help="with --mutants: one mutant in N")
    everywhere = "with --mutants: in every cell, also in large ones once another has killed it"
    most = "with --mutants: leave out the systems with a cell of more states"
    parser.add_argument("--most", type=positive, metavar="STATES", help=most)
    parser.add_argument("--full", action="store_true", help=everywhere)


def _migrations(parser: ArgumentParser) -> None:
    parser.add_argument(
        "design", nargs="?", metavar="DESIGN",
        help="a VMM's or kernel's, by name or file: the tables of what it stands on (default: all tables)",
    )  # fmt: skip
    parser.add_argument("--table", action="append", metavar="T", help="only this table (repeatable)")
    parser.add_argument("--tell", metavar="T:FROM:TO:OP", help="the stories of one cell, e.g. rfc_v2:8:1:migrate")
    parser.add_argument("--write", metavar="DIR", help="write DIR/migration.txt and the stories under DIR/migration/")
    parser.add_argument("--sizes", type=size, default=1, metavar="N", help="vCPUs, pins and vectors (default: 1)")
    parser.add_argument("--json", action="store_true", help="machine-readable outcomes")
    add_engine(parser)


def _why(parser: ArgumentParser) -> None:
    parser.add_argument("design", nargs="+", metavar="DESIGN", help="a design as elsewhere")
    parser.add_argument("about", metavar="PROPERTY", help="the name of an `always` property or a `leads_to`")
    add_around(parser)
    add_scope(parser)
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="then it is INCONCLUSIVE (default: 600)")
    parser.add_argument("--anew", action="store_true", help="learn clauses also where some came with eoi")
    parser.add_argument("--write", metavar="FILE", help="also write them to FILE, as in reports/proofs")


SHEETS = "FILE, and FILE-2 and so on where it takes more sheets"


def _trace(parser: ArgumentParser) -> None:
    add_selection(parser, needs=True)
    add_reduce(parser)
    for form in DIAGRAMS:
        parser.add_argument(
            f"--{form}", metavar="FILE", help=f"write the swim-lane diagram as {form.upper()}: {SHEETS}"
        )
    everything = "each step of the set-up, which is told as one otherwise; in diagrams, all that changes"
    parser.add_argument("--full", action="store_true", help=everything)
    slides = "the diagram as slides (16:9) of eight steps at most; without it, pages that fit A4"
    parser.add_argument("--wide", action="store_true", help=slides)
    parser.add_argument("--json", action="store_true", help="the trace as JSON instead of text")
    watched = (
        "an expression over s, the system, e.g. 's.ioapic[0].remote_irr': where it changes along the run (repeatable)"
    )
    parser.add_argument("--watch", action="append", metavar="EXPR", default=[], help=watched)
    other = "instead of the first run a different one: the shortest of those that do without a step (a function) which the first takes (of a leads_to, a FREE or FINITE one), in its cell or a larger one like it; exit code as of the first"
    parser.add_argument("--other", action="store_true", help=other)


def _report(parser: ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("-o", "--output", metavar="FILE.html", dest="page", required=True, help="write the page there")
    beside = "the design to stand beside, by name or path (default: what DESIGN stands on)"
    parser.add_argument("--base", metavar="BASE", help=beside)


def _graph(parser: ArgumentParser) -> None:
    add_system(parser)
    alone = "also mark the states that violate this invariant, or show this witness"
    parser.add_argument("--property", action="append", metavar="P", help=alone)
    parser.add_argument(
        "--scope", default="", action=Joined, metavar="K=V,...", help="sizes and choices (default: 1 of each)"
    )
    for form in DIAGRAMS:
        parser.add_argument(f"--{form}", metavar="FILE", help=f"write the graph as {form.upper()}")
    shown = (
        "a field that tells two states apart, as stories call it (repeatable), or all for every field; default: what "
        "diagrams draw as bars. States that are alike in these are one node"
    )
    parser.add_argument("--by", action="append", metavar="FIELD", help=shown)


def _export(parser: ArgumentParser) -> None:
    add_system(parser)
    to = (
        "promela (for SPIN), murphi (for rumur), aiger (for ABC), btor2 (for btormc and others), smv (for NuSMV) or dot "
        "(all states, for Graphviz): docs/export.md"
    )
    parser.add_argument("--to", choices=EXPORTS, required=True, metavar="F", help=to)
    asked = "also this property: a name, or a .py file of yours (repeatable); default: none"
    parser.add_argument("--property", action="append", metavar="P", help=asked)
    add_scope(parser)
    whole = "write it there, whole or not at all, instead of printing it"
    parser.add_argument("-o", "--output", metavar="FILE", dest="answer_file", help=whole)


def _lift(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a patch or the mail that holds it, - for standard input; of a series, more of them in order",
    )
    parser.add_argument("-o", "--output", metavar="FILE.py", help="write the class there instead of printing it")
    parser.add_argument("--nth", type=positive, default=0, metavar="N", help="of a text with several diffs, the Nth")
    add_reverse(parser)
    add_tree(parser)


def _drift(parser: ArgumentParser) -> None:
    parser.add_argument("tree", metavar="TREE", help="a kernel's source: a directory with arch/x86/kvm")
    nearest = "the design to compare with (default: base, or v6 where the kernel has its functions)"
    parser.add_argument("--design", metavar="D", help=nearest)
    parser.add_argument("--json", action="store_true", help="machine-readable rows, with what each leaves out")


def _litmus(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", default=[LITMUS], metavar="FILE",
        help=f"or a folder (default: {LITMUS} in the current directory, or else eoi's own)",
    )  # fmt: skip


def _claims(parser: ArgumentParser) -> None:
    """There are no options."""


def _replay(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a text with stories in it; - for standard input")
    parser.add_argument("--design", metavar="DESIGN", help="replay them on another design: does the patch stop them?")
    of = "the .py file of yours that its property is in"
    parser.add_argument("--property", action="append", metavar="FILE", help=of)
    parser.add_argument("--on", choices=ORACLES, help="take their steps on a real system")


def _conform(parser: ArgumentParser) -> None:
    parser.add_argument("oracle", choices=ORACLES, help="the running kernel's KVM, or a qemu-system-x86_64")
    parser.add_argument("--cover", action="store_true", help="walk until every reachable transition was executed")
    parser.add_argument("--random", action="store_true", help="seeded random walks, with real VMM and guest models")
    parser.add_argument("--mutants", action="store_true", help="which one-change mutants of the model are noticed")
    parser.add_argument("--design", metavar="D", help="the design to compare (default: what is found to run)")
    parser.add_argument(
        "--scope", default="", action=Joined, metavar="K=V,...", help="sizes and choices (default: 2 of each)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of random walks (default: %(default)s)")
    parser.add_argument("--steps", type=positive, metavar="K", help="of random walks, all together")
    parser.add_argument(
        "--jobs", type=positive, default=os.cpu_count() or 1, metavar="N",
        help="parts of --cover that run at the same time, in kvm (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--write", metavar="DIR", help="also write the report to DIR, as text and JSON")
    parser.add_argument("--record", metavar="FILE", help="write the random walks as they were observed")
    parser.add_argument("--json", action="store_true", help="machine-readable numbers")


def _certify(parser: ArgumentParser) -> None:
    parser.epilog = (
        "exit codes: 0 every one is accepted, 1 one is rejected, 3 only a sample was looked at; of one of --sizes the "
        "answer says what is trusted; docs/certificates.md"
    )
    what = "a certificate of `eoi prove --certificate`, or a folder of them"
    parser.add_argument("files", nargs="+", metavar="FILE", help=what)
    part = (
        "look at N states only, taken at random: what is accepted then is nothing (exit code 3); of a certificate of "
        "--sizes: in how many its circuit is compared (default: 900)"
    )
    parser.add_argument("--sample", type=positive, metavar="N", help=part)
    parser.add_argument("--seed", type=int, metavar="N", help="of the sample (default: another one each time)")
    cases = (
        "ask each step and property once for each case of what it looks at: several times as fast, and 170 lines more "
        "have to be trusted"
    )
    parser.add_argument("--by-case", action="store_true", help=cases)


def _help(parser: ArgumentParser) -> None:
    parser.add_argument("about", nargs="?", choices=tuple(ADD), metavar="COMMAND", help="default: all, in a line each")


def _completion(parser: ArgumentParser) -> None:
    taken = 'eval "$(eoi completion bash)" in ~/.bashrc, or zsh in ~/.zshrc'
    parser.add_argument("shell", choices=("bash", "zsh"), metavar="SHELL", help=f"bash or zsh: {taken}")


def _explain(parser: ArgumentParser) -> None:
    what = "a word of the answers (`eoi list words`), a step, field, property, design, VMM, guest, device, option, ..."
    parser.add_argument("word", nargs="+", metavar="WORD", help=what)


def _new(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.py", help="is not written over, unless --force says so")
    parser.add_argument(
        "--base", metavar="DESIGN", help="what it patches: a design, VMM, guest or device (default: base)"
    )
    named = "a function to restate as it is (repeatable; default: the one that most patches are about)"
    parser.add_argument("--function", action="append", metavar="NAME", help=named)
    lifted = "a C patch or a mail that holds it (of a series, all of them in order): what it is in the model"
    parser.add_argument("--from", dest="patch", nargs="+", metavar="FILE", help=lifted)
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


ADD: dict[str, Callable[[ArgumentParser], None]] = {
    "list": _list,
    "show": _show,
    "doctor": lambda parser: None,
    "prove": _prove,
    "diff": _diff,
    "compat": _compat,
    "review": _review,
    "nfc": _nfc,
    "when": _when,
    "gate": _gate,
    "migrations": _migrations,
    "trace": _trace,
    "why": _why,
    "report": _report,
    "graph": _graph,
    "export": _export,
    "lift": _lift,
    "drift": _drift,
    "litmus": _litmus,
    "claims": _claims,
    "replay": _replay,
    "certify": _certify,
    "conform": _conform,
    "completion": _completion,
    "help": _help,
    "explain": _explain,
    "new": _new,
}
