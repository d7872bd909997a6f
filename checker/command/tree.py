"""`--tree DIR` of `eoi prove` and `eoi lift`: a kernel's source as a design, and a patch on it."""

from __future__ import annotations

import shlex
from argparse import Namespace
from dataclasses import replace

from checker.command import diff, prove
from checker.command.drift import headline
from checker.command.exits import Exit
from checker.command.selected import selection_of
from checker.errors import UserError
from checker.matrix.lifted_file import LiftedFile
from checker.matrix.lifting import read_series
from checker.matrix.roles import designs, is_patch
from checker.matrix.system import system_of
from checker.matrix.trees import KernelTree, read_tree
from checker.questions.drift import AROUND, Sameness
from checker.questions.tree_design import TreeDesign, of_tree, patched


def run(options: Namespace) -> int:
    """Of a tree alone: what it makes worse and better than the released design that it is nearest to. Of a patch on it: what
    the patch makes worse and better than the tree. What could not be read of the tree is no pass."""
    kernel = read_tree(options.tree)
    tree = of_tree(kernel)
    answer = _answered(options, kernel, tree)
    not_read = _unread(tree)
    if not not_read or answer != Exit.FINE:
        return answer
    if not options.json:
        print(
            f"\nINCONCLUSIVE: not read in {kernel.name}, and taken from {tree.base}: {', '.join(not_read)} (`eoi drift` says why)"
        )
    return Exit.OPEN


def _unread(tree: TreeDesign) -> list[str]:
    return [f"{j.c}()" for j in tree.drift.of(Sameness.REFUSED, Sameness.OPEN)]


def _answered(options: Namespace, kernel: KernelTree, tree: TreeDesign) -> int:
    design, base = (with_patches(kernel, tree, options), tree) if options.design else (tree, None)
    if design.file is None and base is None:
        if not options.json:
            print(f"{headline(kernel.name, tree.drift)}: its verdicts are those of {tree.base}\n")
        asking = _asking(options, tree, tree)
        return prove.tell(asking, prove.judged(asking))
    asking = _asking(options, design, tree)
    if options.absolute or options.confirm or options.inductive:
        return prove.tell(asking, prove.judged(asking))
    asking.beside = _asking(options, base, tree).asked if base is not None else selection_of(options, tree.base)
    found, campaign = diff.found(asking)
    named = replace(found, design=design.name, base=base.name if base is not None else tree.base)
    answer = diff.tell(asking, (named, campaign), headline(kernel.name, tree.drift))
    if not options.json and any(change.has_trace for change in found.listed):
        words = shlex.join(
            ["eoi", "lift", "--tree", options.tree, *options.design, *["-R"] * options.reverse, "-o", "FILE.py"]
        )
        print(
            f"\nTo send a story, send the class, too: `{words}` writes it, `eoi replay MAIL --design FILE.py` takes it."
        )
    return answer


def _asking(options: Namespace, of: TreeDesign, tree: TreeDesign) -> Namespace:
    """The options, with this kernel for DESIGN. tree: the kernel before its patches. What is asked of the released design, and of
    neither of them, since they say that they have not what it is about, is left out; what a patch takes away is not."""
    asked, before = selection_of(options, _name(of)), selection_of(options, _name(tree))
    own, was, released = (system_of(cls, *AROUND) for cls in (asked.cls, before.cls, designs()[of.base]))
    about = [p for p in asked.wanted if p.why_not(released) or not p.why_not(own) or not p.why_not(was)]
    asked = replace(asked, lifted=of.file, not_read=_unread(of), wanted=about)
    return Namespace(**{**vars(options), "design": asked.name, "asked": asked})


def _name(of: TreeDesign) -> str:
    return str(of.file.path) if of.file is not None else of.base


def with_patches(kernel: KernelTree, tree: TreeDesign, options: Namespace, nth: int = 0) -> TreeDesign:
    """Raises UserError."""
    for name in options.design:
        if not is_patch(name):
            raise UserError(f"--tree {options.tree}: {name} is no patch; a design of yours stands on no tree")
    return patched(kernel, tree, read_series(options.design, nth, reverse=options.reverse), reverse=options.reverse)


def lifted(options: Namespace) -> LiftedFile:
    """What `eoi lift --tree` prints: the kernel, after the patches if there are any. Raises UserError."""
    kernel = read_tree(options.tree)
    tree = of_tree(kernel)
    found = (
        with_patches(kernel, tree, Namespace(**vars(options), design=options.files), options.nth)
        if options.files
        else tree
    )
    if found.file is None:
        said = f"{found.name} is {found.base}" if options.files else headline(kernel.name, tree.drift)
        raise UserError(f"{said}: there is nothing to lift")
    return found.file
