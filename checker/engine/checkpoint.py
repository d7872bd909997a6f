"""A search that takes longer than a minute is written down now and then, and --resume goes on with it.

A checkpoint is a folder. Each array of the engine only grows, and has a file to which is added; `head`, which is written last
and all at once, says how much of each file counts, with a hash of it. What lies behind does not count, so a process that is
killed at any moment leaves the checkpoint before. The folder's name, which the head repeats, hashes what the search depends on.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from checker.engine.cache_folder import cache_dir
from checker.engine.native import Exploration
from checker.errors import UserError

FORMAT = 1
SECONDS = 60.0  # between two checkpoints, and before the first
SHARE = 20  # and so many times what the last one took
BLOCK = 1 << 24
MUCH = 1 << 29  # bytes that take more than a second or two
HEAD, LOCK = "head", "lock"
OTHERWISE = "take it away, or leave out --resume"


def unheard(text: str) -> None:
    """Nobody is told."""


@dataclass
class Checkpoints:
    """What is wanted of them. say: is told what becomes of one. resumed: the states of those that a search went on with."""

    resume: bool = False
    say: Callable[[str], None] = unheard
    resumed: list[int] = field(default_factory=list)


def folder_of(digest: str) -> Path:
    return cache_dir() / "checkpoints" / digest


class Checkpoint:
    """Of one search, while it runs. marks: what the search itself has to add: u8, any number."""

    def __init__(self, digest: str, wanted: Checkpoints) -> None:
        self._digest, self._wanted = digest, wanted
        self.folder = folder_of(digest)
        self._hashes: dict[str, Any] = {}
        self._lock: BinaryIO | None = None
        self._last, self._pause, self._works = time.monotonic(), SECONDS, True

    # ---- going on with one ----

    def resume(self, exploration: Exploration, max_bytes: int | None = None) -> NDArray[np.uint8] | None:
        """Bring the search to where the checkpoint is, if there is one and it is wanted; returns the marks. max_bytes: see
        Exploration.restore. Raises UserError if it is damaged, another search's or in use, MemoryError."""
        if not self._wanted.resume or not (self.folder / HEAD).exists():
            return None
        if not self._locked():
            raise UserError(f"{self.folder}: another process is at work on this search")
        head = self._head()
        counts: dict[str, int] = head["counts"]
        sizes = exploration.sizes_of(counts)
        if (much := sum(sizes.values())) >= MUCH:
            self._wanted.say(f"a checkpoint of {much / 1e9:,.1f} GB is read and checked")
        arrays = {name: self._array(name, size, head["hashes"].get(name)) for name, size in sizes.items()}
        small = {name: np.frombuffer(bytes.fromhex(text), np.uint8) for name, text in head["small"].items()}
        marks = small.pop("marks")
        start = exploration.state(0)
        if {name: len(of) for name, of in small.items()} != {name: len(of) for name, of in exploration.small().items()}:
            self._refuse("is of another search")
        self._wanted.resumed.append(counts["states"])  # also if memory does not suffice: there is one
        exploration.restore(counts, {**arrays, **small}, max_bytes)
        if exploration.state(0) != start:
            self._refuse("is of another search")
        self._wanted.say(f"a search goes on from {counts['states']:,} states")
        return marks

    def _head(self) -> dict[str, Any]:
        text, _, digest = (self.folder / HEAD).read_bytes().rpartition(b"\n")
        if hashlib.sha256(text).hexdigest().encode() != digest:
            self._refuse("is damaged: its head is not what was written")
        head: dict[str, Any] = json.loads(text)
        if (head.get("format"), head.get("search")) != (FORMAT, self._digest):
            self._refuse("is of another search")
        return head

    def _array(self, name: str, size: int, said: str | None) -> NDArray[np.uint8]:
        """The part of a file that counts. The rest is cut off, as what comes next is added there."""
        path = self.folder / name
        length = path.stat().st_size if path.exists() else 0
        if length < size:
            self._refuse(f"is damaged: {name} has {length:,} bytes of {size:,}")
        os.truncate(path, size) if path.exists() else path.touch()
        content = np.memmap(path, np.uint8, "r") if size else np.zeros(0, np.uint8)
        hashed = self._hashes[name] = hashlib.sha256()
        for at in range(0, size, BLOCK):
            hashed.update(content[at : at + BLOCK].data)
        if hashed.hexdigest() != said:
            self._refuse(f"is damaged: {name} is not what was written")
        return content

    def _refuse(self, why: str) -> NoReturn:
        raise UserError(f"{self.folder}: this checkpoint {why}: {OTHERWISE}")

    # ---- writing one ----

    def is_due(self) -> bool:
        return self._works and time.monotonic() - self._last >= self._pause

    def save(self, exploration: Exploration, marks: NDArray[np.uint8]) -> None:
        """A disk without room is told once, and is no error."""
        started = time.monotonic()
        try:
            self._works = self._locked()
            if self._works:
                self._write(exploration, marks)
        except OSError as error:
            self._works = False
            self._wanted.say(f"no checkpoint from now on: {self.folder}: {(error.strerror or str(error)).lower()}")
        self._last = time.monotonic()
        self._pause = max(SECONDS, SHARE * (self._last - started))

    def _write(self, exploration: Exploration, marks: NDArray[np.uint8]) -> None:
        counts, small = exploration.counts(), {**exploration.small(), "marks": marks}
        if not self._hashes:  # nothing of what may be there is ours
            self.clear()
        for name, size in exploration.sizes_of(counts).items():
            self._add(name, exploration.memory(name, size))
        head = {
            "format": FORMAT, "search": self._digest, "counts": counts,
            "hashes": {name: of.hexdigest() for name, of in self._hashes.items()},
            "small": {name: of.tobytes().hex() for name, of in small.items()},
        }  # fmt: skip
        text = json.dumps(head).encode()
        new = self.folder / f"{HEAD}.new"
        with new.open("wb") as file:
            file.write(text + b"\n" + hashlib.sha256(text).hexdigest().encode())
            os.fsync(file.fileno())
        os.replace(new, self.folder / HEAD)
        self._sync_folder()

    def _add(self, name: str, memory: NDArray[np.uint8]) -> None:
        hashed = self._hashes.setdefault(name, hashlib.sha256())
        with (self.folder / name).open("ab") as file:
            for at in range(file.tell(), len(memory), BLOCK):
                file.write(memory[at : at + BLOCK].data)
                hashed.update(memory[at : at + BLOCK].data)
            os.fsync(file.fileno())

    def _sync_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _locked(self) -> bool:
        """Is it ours alone, as long as this process has it?"""
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / LOCK).open("wb")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
            self._lock = file
        return True

    def clear(self) -> None:
        """The head first: without it there is no checkpoint."""
        for name in (HEAD, *(path.name for path in self.folder.iterdir() if path.name not in (HEAD, LOCK))):
            (self.folder / name).unlink(missing_ok=True)

    def end(self, exploration: Exploration, marks: NDArray[np.uint8], *, complete: bool) -> None:
        """The search has stopped. Nothing is left of what is complete, unless another process has it."""
        if not complete and self._hashes and self._works:
            self.save(exploration, marks)
            if self._works:
                self._wanted.say(f"{exploration.counts()['states']:,} states are kept: --resume goes on from there")
        if complete and self.folder.exists() and self._locked():
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def digest_of(program: str, about: bytes) -> str:
    """The name of a search that depends on all this."""
    return hashlib.sha256(f"{FORMAT} {program}\n".encode() + about).hexdigest()
