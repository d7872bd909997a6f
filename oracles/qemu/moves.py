"""Time, snapshots and migration: what is done to a whole process."""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from oracles.qemu.chip import Chip
from oracles.qemu.process import OracleFailed, memory_file

THROTTLE_SECONDS = 0.010  # the timer of ioapic_eoi_broadcast(): NANOSECONDS_PER_SECOND / 100
TAG = "here"
_CLUSTER = 0x10000


def let_time_pass(chip: Chip, seconds: float = 3 * THROTTLE_SECONDS) -> None:
    """A stopped machine runs for a while, so that its timers expire, and is stopped again."""
    chip.process.qmp("cont")
    time.sleep(seconds)
    chip.process.qmp("stop")


def empty_disk() -> bytes:
    """An empty qcow2 image of 1 MiB: header, one table of level 1, one refcount table with one block."""
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, 1 << 20, 0, 1, 3 * _CLUSTER, _CLUSTER, 1, 0, 0
    )  # fmt: skip
    table = struct.pack(">Q", 2 * _CLUSTER)
    counts = struct.pack(">4H", 1, 1, 1, 1)
    return b"".join(part.ljust(_CLUSTER, b"\0") for part in (header, table, counts, b""))


def migrated(old: Chip, version: int, vectors: Sequence[int]) -> Chip:
    """The same machine in a new process, by a migration stream."""
    stream = memory_file("stream")
    try:
        _pass(old, stream, "migrate")
        old.process.wait_for("query-migrate", "completed")
        os.lseek(stream, 0, os.SEEK_SET)
        new = Chip(version, vectors, options=["-incoming", "defer"], boots=False)
        with _or_closed(new):
            _pass(new, stream, "migrate-incoming")
            new.process.wait_for("query-status", "running", "paused")
            new.happened()
        return new
    finally:
        os.close(stream)


def _pass(chip: Chip, stream: int, command: str) -> None:
    chip.process.qmp("getfd", {"fdname": "stream"}, descriptor=stream)
    chip.process.qmp(command, {"uri": "fd:stream"})


def restored_at_start(old: Chip, version: int, vectors: Sequence[int]) -> Chip:
    """savevm in one process, -loadvm in the next."""
    image = memory_file("disk", empty_disk())
    try:
        keep(old, image)
        old.close()  # it has the image locked
        disk = "driver=qcow2,node-name=disk,file.driver=file,file.filename=/dev/fdset/1"
        options = ["-add-fd", f"fd={image},set=1", "-blockdev", disk, "-loadvm", TAG]
        new = Chip(version, vectors, options=options, inherited=[image], boots=False)
        with _or_closed(new):
            new.process.wait_for("query-status", "running", "paused")
            new.happened()
        return new
    finally:
        os.close(image)


def restored_running(old: Chip, version: int, vectors: Sequence[int]) -> Chip:
    """savevm in one process, loadvm in another one that has booted."""
    image = memory_file("disk", empty_disk())
    try:
        keep(old, image)
        old.close()
        new = Chip(version, vectors)
        with _or_closed(new):
            attach(new, image)
            snapshot(new, "loadvm")
            new.happened()
        return new
    finally:
        os.close(image)


def keep(chip: Chip, image: int) -> None:
    """savevm into an image that the process does not have yet."""
    attach(chip, image)
    snapshot(chip, "savevm")


def attach(chip: Chip, image: int) -> None:
    """A disk that snapshots are kept in; no device uses it."""
    number = chip.process.qmp("add-fd", descriptor=image)["fdset-id"]
    place = {"driver": "file", "filename": f"/dev/fdset/{number}"}
    chip.process.qmp("blockdev-add", {"driver": "qcow2", "file": place, "node-name": "disk"})


def snapshot(chip: Chip, command: str) -> None:
    """`savevm` or `loadvm`, of the one tag that is used. They complain in text only."""
    said = chip.process.monitor(f"{command} {TAG}")
    if said.strip():
        raise chip.process.failed(f"{command}: {said.strip()}")


@contextlib.contextmanager
def _or_closed(chip: Chip) -> Iterator[None]:
    try:
        yield
    except OracleFailed:
        chip.close()
        raise


OPERATIONS: Mapping[str, Callable[[Chip, int, Sequence[int]], Chip]] = {
    "migrate": migrated, "loadvm_at_start": restored_at_start, "hmp_loadvm": restored_running,
}  # fmt: skip
