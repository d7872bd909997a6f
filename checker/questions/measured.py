"""What the repository's last conformance runs say of the model: all verdicts rest on it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import sys
import tokenize
from pathlib import Path
from typing import Any

from checker.engine.cache_folder import cache_dir
from checker.errors import UserError
from checker.files import write_text
from checker.shipped import conform, own

ROOT = Path(__file__).parents[2]
REPORTS = own("reports/conformance")
ORACLES = ("kvm", "qemu")
BEFORE_A_STATEMENT = {tokenize.ENCODING, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


@functools.cache
def model_digest() -> str:
    """Of the model that this process has loaded: each answer says it of the measured model, and of the one of the mutants."""
    return digest_of(ROOT / "model")


def digest_of(folder: Path) -> str:
    """Sixteen hex digits that change with every statement of a model, and not with its comments and docstrings.

    To read the tokens of a whole model takes longer than many a search, so what comes out is kept beside the compiled
    programs, under a hash of all that it is made of."""
    sources = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.py"))}
    made_of = hashlib.sha256(sys.version.encode() + Path(__file__).read_bytes())
    for name, source in sources.items():
        made_of.update(f"\0{name}\0{len(source)}\0".encode() + source)
    kept = cache_dir() / f"{made_of.hexdigest()}.digest"
    with contextlib.suppress(OSError):
        return kept.read_text(encoding="ascii")
    digest = hashlib.sha256()
    for name, source in sources.items():
        digest.update(f"\0{name}\0{_statements(source)}".encode())
    found = digest.hexdigest()[:16]
    with contextlib.suppress(OSError, UserError):  # a full disk is no error
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_text(kept, found)
    return found


def _statements(source: bytes) -> str:
    kept, before = list[str](), tokenize.ENCODING
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.NL):
            continue
        if not (token.type == tokenize.STRING and before in BEFORE_A_STATEMENT):
            kept.append(token.string)
        before = token.type
    return "".join(kept)


def measured() -> list[dict[str, Any]]:
    """For each real system: oracle, design, date, agreed, replayed, unexplained, mutants, same_model (is the model the one
    that was measured?)."""
    found = list[dict[str, Any]]()
    now = model_digest()
    for path in (REPORTS / f"{oracle}.json" for oracle in ORACLES):
        if path.is_file():
            raw = json.loads(path.read_text(encoding="utf-8"))
            about = {name: raw[name] for name in ("oracle", "design", "date", "mutants")}
            counts = {name: raw["totals"][name] for name in ("agreed", "replayed")}
            unexplained = sum(section["unexplained"] for section in raw["sections"])
            found.append({**about, **counts, "unexplained": unexplained, "same_model": raw.get("model") == now})
    return found


def measured_line(users_file: bool = False) -> str:
    """`measured: 13,000,000 of 13,000,000 steps agree with Linux 6.18.44, kvm_pvm (2026-11-21), ...`.

    users_file: the verdicts are also about a file of the user's, which no report speaks of.
    """
    runs = measured()
    if not runs:
        return f"measured: not against a real system ({conform()})"
    said = [
        f"{r['agreed']:,} of {r['replayed']:,} steps agree with {short_name(r['oracle'])} ({r['date'][:10]})"
        for r in runs
    ]
    edited = "" if all(r["same_model"] for r in runs) else f"; model/ was edited since, so: {conform()}"
    without = "; your file is no part of that: eoi conform kvm --design FILE" if users_file else ""
    return f"measured: {', '.join(said)}: reports/conformance/{edited}{without}"


def short_name(oracle: str) -> str:
    """`Linux 6.18.44-fc-v657, kvm_pvm`, `QEMU 7.2.22`: without package and machine."""
    return ", ".join(oracle.partition(" (")[0].split(", ")[:2])
