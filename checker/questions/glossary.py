"""The words of the answers: what each means, said here and nowhere else. `eoi explain` and docs/glossary.md print it."""

from __future__ import annotations

from collections.abc import Mapping

from model.lang import Fair

# Under a title, in the order in which a reader meets them. Several names of one thing are separated by " / ".
SECTIONS: Mapping[str, Mapping[str, str]] = {
    "what a question is about": {
        "cell / cells": "one point of the matrix: a kernel, a VMM, a guest, a device, and a scope. Every verdict is about one cell",
        "matrix": "all cells of a design: by default every VMM, I/O APIC version, guest and API flag that goes with it",
        "0x11 / 0x20": "versions of the I/O APIC: 0x20 has the EOI register to which a guest that suppresses broadcasts writes, 0x11 ignores that",
        "directed": "a directed EOI is written by the guest to the I/O APIC's own register, with SPIV bit 12 set; the local APIC then broadcasts none",
        "scope": "sizes (vCPUs, pins, vectors) and choices (I/O APIC version, flags) of a cell; `--scope` sets them",
        "x2APIC / x2APIC mode": "the scope's `x2apic`, and `cpuid_x2apic` of a vCPU, are what userspace said in CPUID, not the mode: whether a guest has "
        "switched its local APIC to x2APIC mode (bit 10 of IA32_APIC_BASE) is not in the model",
        "role": "kernel, VMM, guest or device: what a system is made of, one class for each",
        "design": "the class under review: most often a kernel with a patch; a VMM, guest or device can be one, too",
        "base": "the design that a patch stands on, and the name of Linux KVM before the feature",
        "property": "a sentence that holds of all runs, or does not: `always`, `leads_to`, or `reachable`",
        "always": "a property of every state (or of every step): it is violated by one run that ends in a bad state",
        "leads_to": "a property of runs: whenever p, then q at some time after it; it is violated by a fair loop, or a stop, without q",
        "reachable": "no claim but a witness: does this state occur at all? REACHED or NEVER",
        "premise": "the reachable property without which a verdict is vacuous",
        "state": "the values of all fields between two steps",
        "step": "one atomic transition, taken by one actor; a value that comes and goes within one is told as it went",
        "step instance": "a step with one choice of its parameters, e.g. `vcpu_enter_guest(cpu=1)`",
        "transition": "an edge of the graph: a step instance that was taken in a state",
        "depth": "how many steps lead to the state that is farthest from the initial one",
    },
    "verdicts": {
        "HOLDS / ok / PASS": "every reachable state of the cell was visited, and none, and no fair loop, is against it",
        "VIOLATED / FAIL": "there is a run against it; the shortest is told, and was taken again step by step in CPython",
        "REACHED / yes": "of a reachable property: it occurs; that is neither good nor bad",
        "NEVER / no / never reached": "of a reachable property: no reachable state shows it",
        "INCONCLUSIVE / ?": "no answer: interrupted, out of memory or time, nothing judged, or a line of your file not run. Never a pass; exit code 3",
        "SKIPPED / - / not asked / NOT ASKED": "the property says nothing of such a system: something that a role does makes the question moot; the reason is told",
        "says nothing of this guest": "not asked, for what this guest does",
        "vacuous / (ok) / never comes up": "it holds only because what it speaks of never happens in this cell: its premise is never reached",
        "STOPPED": "the search of this cell ended before all states were visited, and why",
        "NOT LOOKED AT": "lines of your file that no step runs in any cell that was asked: no verdict speaks of them",
        "never taken": "steps that no reachable state of this cell enables",
        "never run": "lines of your file that no step of this cell runs",
        "covered": "what the exploration of a cell visited: states, transitions, depth",
        "exact storage": "each state is stored whole, so that none is taken for another one",
        "reduced": "one state was kept for all that differ in how vCPUs or pins are numbered: no step and no formula notices which (`--reduce`)",
        "Kept": "answers of cells that an earlier command found, of the very same program; EOI_ANEW=1 finds them again",
        "measured": "how far the model was compared with a real KVM and a real QEMU, when, and with how many differences",
        "Worth": "what was shown for this answer, and what not: cells and sizes of which every state was visited, what was proved or certified of the very same before, which of the changed functions ran beside a real system, and how many of their mutants the matrix, and at least these cells, tell (recall)",
        "assumed": "what the model says of a guest or VMM whose source nobody outside has",
        "simplified": "what the model leaves out; `eoi list simplifications` has all of it",
        "native engine": "the model as C, compiled; the usual one",
        "reference engine": "the model run by CPython: its meaning, several hundred times slower",
        "SAT / by SAT": "`--engine sat`: a SAT solver looks for the shortest run of a violation, and proves by induction; no state is enumerated",
        "clause / clauses": "what was learnt to hold in every reachable state, in the model's own fields; together they are the invariant that makes a property inductive",
        "inductive": "shown of sizes, with clauses: each step from any state in which they and the properties hold leads to one in which they hold, and so does the initial state",
    },
    "runs and stories": {
        "run": "steps from the initial state on",
        "story": "a run as text or picture: who did what, what changed; `eoi replay` takes it again",
        "stem": "the steps of a run before its loop begins; the shortest stem is told",
        "loop / lasso": "steps that lead back to a state of the run: it can go on so for ever",
        "fair": "a run that owes no step: what can be taken for ever is taken, as its fairness says",
        "then for ever nothing": "the run stops there: no step that is owed is possible any more",
        "shortest": "breadth-first search finds no run of fewer steps; of a loop, no shorter stem",
        "lane": "a column of a story: a vCPU, KVM, the VMM, a device",
        "binding": "the values of a property's parameters that a run is about, e.g. `pin=0`",
        "witness": "a run to a reachable property",
        "<== here": "the decisive step of a story",
    },
    "fairness": {f.name: f"of a step: {f.value}" for f in Fair},
    "comparing two designs": {
        "worse": "in how many cells something REGRESSED; a cell can be better, too",
        "better": "in how many cells something is FIXED",
        "neither": "cells in which no verdict is worse or better; what was violated there before still is, and is counted",
        "REGRESSED": "it held in this cell, and is violated now",
        "FIXED": "it was violated in this cell, and holds now",
        "STILL BROKEN": "violated in this cell before and after",
        "OPEN": "one of the two verdicts of this cell is INCONCLUSIVE",
        "CHANGED": "a run became possible or impossible; neither good nor bad",
        "but worse": "under FIXED: what REGRESSED by the same change",
        "OTHER GRAPH / explores differently": "every verdict of the cell is the same, its reachable states or transitions are not",
        "same reachable graph": "the same states and transitions: nothing that happens in this cell is different",
        "NOT COMPARED": "the graphs of this cell were not compared, and why",
        "NOT EXPLORED": "the cell was not explored under both designs",
        "ONLY OF": "cells that one of the two designs has and the other has not",
        "equivalent": "the same graphs in all cells, and these cells would have shown a slip in each changed line",
        "FINE": "of a design alone: it holds, or is reached",
        "UNEXPECTED": "of a design alone: not what reports/expected.toml, or a baseline of yours, says",
        "AS EXPECTED": "violated, as is expected of it",
        "EQUAL": "of `eoi nfc`: who looks at what was chosen cannot tell the two apart in this cell, whatever happens",
        "SAME": "the same verdict before and after. Of `eoi compat`: nobody who did not ask for the change can tell the two apart in this cell",
        "DIFFERS / DIFFER": "of `eoi compat`, `eoi nfc` and `eoi litmus`: the shortest experiment that tells, or a story that does not end as it says",
    },
    "the thread's claims": {
        "TRUE": "each query of the claim answers as the claim implies",
        "TRUE if": "the same, under the condition that is named",
        "FALSE": "a query answers otherwise",
    },
    "real systems and mails": {
        "CONFIRMED": "the run was taken on this machine's KVM (or QEMU), and the violation was seen there",
        "NOT REPRODUCED": "the run was tried, and did not go as told: at which step is said",
        "NOT RUNNABLE HERE": "there is no such system here, or it cannot do a step of the run; that says nothing against the run",
        "REPRODUCED": "a story out of a mail was taken again in the model, and shows what it says",
        "REPRODUCED BUT NOT AS TOLD": "its steps are possible and show it, but its text says something else of them",
        "NOT REPLAYED": "the story could not be read",
    },
    "certificates (eoi certify)": {
        "certificate": "what `eoi prove --certificate` writes of a cell, by which its verdicts can be checked without the engines",
        "ACCEPTED IF ITS CIRCUIT IS THE MODEL": "of a certificate of sizes: each proof was checked, of a circuit that does what CPython does wherever it was "
        "compared; that it does so in all other states is trusted",
        "circuit": "in a certificate of sizes, all steps of the model as an and-inverter graph: gates say from the bits of a state and of "
        "a step's parameters which bits follow, and what properties and clauses say",
        "ACCEPTED": "each verdict of the certificate is true of the model that lies here: CPython was asked in every state of it",
        "REJECTED": "something in the certificate is not so, it is damaged, or it is of another version of the model",
        "SAMPLED / NOT ACCEPTED": "nothing was wrong in the states that were looked at, which proves nothing of the others; exit code 3",
        "rank": "of a leads_to: a class for each state where what it promises is still to come, so that no fair run stays in one",
        "vacuously": "of a certificate: what the property speaks of is false in every state",
    },
    "a kernel's source beside the model (eoi drift)": {
        "same text": "the function lifted from the tree reads as the model's",
        "same meaning": "z3 finds no state in which the two do something else",
        "same if": "the same under what the table assumes",
        "same order": "only the expressions of a table's row are compared, in their order",
        "DIFFERENT": "z3 finds a state in which they do something else, which is told",
        "UNDECIDED": "z3 does not say in the time that it has",
        "REFUSED / refused": "of `eoi drift`: the C could not be lifted. Of `eoi migrations`: the move fails, and nothing changed. Of mutants: a value leaves its range",
        "absent": "this tree does not have the function",
        "lifted": "made of C by `eoi lift`, by the table beside the model",
        "NOT WRITTEN YET": "a class that `eoi new --from` made of a patch that cannot be lifted: it is the base as it is, until you change it",
        "left out": "what of a patch is not in the model, or does not matter to it, with the reason",
    },
    "a VM that moves (eoi migrations)": {
        "KEPT": "what was agreed with the guest before is so after the move",
        "REFUSED AFTER": "it fails after the running VM was reset: that VM is lost",
        "BROKEN": "a property of the move is violated",
    },
    "mutants (eoi gate --mutants)": {
        "mutant": "the model with one small change of a rule",
        "killed": "some verdict of the default matrix is another one under this mutant",
        "killed beyond the default matrix": "only in cells that one must ask for",
        "no verdict tells": "its graph is another one somewhere, and no property notices: one is missing",
        "no reachable state tells": "its graph is the same in every cell: a guest, a device or a cell is missing",
        "alike for any observer": "its graph is another one, and who sees the steps and what every formula says cannot tell",
        "equal for all states": "z3 finds no state at all in which it does something else",
        "not judged everywhere": "not all cells were searched: counted as not killed",
    },
    "surroundings": {
        "exit code": "0 nothing is wrong; 1 violated or worse; 2 your input; 3 inconclusive; 4 the engines disagree, or we broke",
        "EOI_CACHE": "the folder in which compiled code and answers are kept; default: ~/.cache/eoiproof",
        "EOI_SPILL": "the folder for what --max-memory has no room for; default: where EOI_CACHE says",
        "EOI_ANEW": "EOI_ANEW=1: take no answer of an earlier command",
        "EOI_DEBUG": "EOI_DEBUG=1: a bug of eoiproof shows its traceback",
        "CC": "the C compiler; default: cc",
    },
}  # fmt: skip


def meanings() -> dict[str, str]:
    """Each word by itself."""
    return {
        name: meaning
        for section in SECTIONS.values() for names, meaning in section.items() for name in names.split(" / ")
    }  # fmt: skip
