"""A QEMU child process: started with socket pairs, asked with bounded waits, ended with its parent."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from oracles.processes import end_with_parent

PROGRAM = "qemu-system-x86_64"
PATIENCE = 10.0  # seconds for one answer; QEMU needs microseconds, a busy machine some milliseconds
IN_FLIGHT = 64  # qtest commands sent before their answers are read: both socket buffers must never be full
_F_SETPIPE_SZ = 1031


class OracleFailed(Exception):
    """QEMU died, or did not answer in time, or said something that nobody expected: nothing is known then."""


def why_missing() -> str | None:
    """Why there is no QEMU to ask, or None if there is one."""
    if shutil.which(PROGRAM) is None:
        return f"{PROGRAM} is not installed (make oracle, or: apt-get install --no-install-recommends qemu-system-x86)"
    try:
        version()
    except OracleFailed as failed:
        return str(failed)
    return None


def version() -> str:
    """`7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)`. Raises OracleFailed."""
    try:
        said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OracleFailed(f"{PROGRAM} --version: {error}") from None
    found = re.search(r"version (.+)", said.stdout)
    if said.returncode or found is None:
        raise OracleFailed(f"{PROGRAM} --version: exit {said.returncode}: {(said.stderr or said.stdout).strip()}")
    return found.group(1)


def memory_file(name: str, content: bytes = b"") -> int:
    """A file that has no name on any disk, open for reading and writing; a child opens it as /dev/fd/N."""
    descriptor = os.memfd_create(name)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


class QemuProcess:
    """One child. Channels: qtest (register and line accesses), QMP, a debug console, and the trace on stderr."""

    def __init__(self, arguments: Sequence[str], inherited: Sequence[int] = ()) -> None:
        """`inherited`: descriptors that the arguments name. Raises OracleFailed if QEMU does not start."""
        self._trace = b""
        ours, theirs = zip(*(socket.socketpair() for _ in range(3)), strict=True)
        self._qtest, self._qmp, self._console = ours
        reader, writer = os.pipe()
        descriptors = [s.fileno() for s in theirs]
        parent = os.getpid()
        try:
            self._child = subprocess.Popen(
                [PROGRAM, *_channels(*descriptors), *arguments], pass_fds=[*descriptors, *inherited],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer,
                preexec_fn=lambda: end_with_parent(parent),
            )  # fmt: skip
        except OSError as error:
            os.close(reader)
            for end in ours:
                end.close()
            raise OracleFailed(f"{PROGRAM}: {error}") from None
        finally:
            os.close(writer)
            for end in theirs:
                end.close()
        self._log = reader
        os.set_blocking(reader, False)
        fcntl.fcntl(reader, _F_SETPIPE_SZ, 1 << 20)
        for end in ours:
            end.settimeout(PATIENCE)
        self._qtest_lines = self._qtest.makefile("rb")
        self._qmp_lines = self._qmp.makefile("rb")
        try:
            self._read(self._qmp_lines)
            self.qmp("qmp_capabilities")
        except OracleFailed:
            self.close()
            raise

    def close(self) -> None:
        """End the child. May be called twice."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        for thing in (self._qtest_lines, self._qmp_lines, self._qtest, self._qmp, self._console):
            thing.close()
        if self._log >= 0:
            os.close(self._log)
            self._log = -1

    def failed(self, what: str) -> OracleFailed:
        """An OracleFailed that says how the child is, and what it said on stderr."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(0.2)
        self._drain()
        said = "; ".join(line.decode(errors="replace") for line in self._trace.split(b"\n")[-4:] if line)
        state = "still runs" if self._child.returncode is None else f"ended with {self._child.returncode}"
        return OracleFailed(f"{what}: {PROGRAM} {state}" + (f"; it said: {said}" if said else ""))

    def _read(self, lines: Any) -> str:
        try:
            line = lines.readline()
        except OSError as error:
            raise self.failed(f"no answer ({error})") from None
        if not line.endswith(b"\n"):
            raise self.failed("no answer")
        return str(line.decode().strip())

    def qtest(self, *commands: str) -> list[str]:
        """What was answered to each command, without its `OK`. Raises OracleFailed on any other answer."""
        answers = []
        for start in range(0, len(commands), IN_FLIGHT):
            batch = commands[start : start + IN_FLIGHT]
            try:
                self._qtest.sendall("".join(f"{command}\n" for command in batch).encode())
            except OSError as error:
                raise self.failed(f"qtest: {error}") from None
            for command in batch:
                answer = self._read(self._qtest_lines)
                if not answer.startswith("OK"):
                    raise self.failed(f"{command}: {answer}")
                answers.append(answer[3:])
            self._drain()
        return answers

    def qmp(self, command: str, arguments: Mapping[str, Any] | None = None, *, descriptor: int | None = None) -> Any:
        """The `return` of a QMP command, sent with a file descriptor if it takes one. Raises OracleFailed."""
        request = {"execute": command, **({"arguments": arguments} if arguments else {})}
        try:
            socket.send_fds(
                self._qmp, [json.dumps(request).encode() + b"\n"], [] if descriptor is None else [descriptor]
            )
        except OSError as error:
            raise self.failed(f"{command}: {error}") from None
        while True:
            answer = json.loads(self._read(self._qmp_lines))
            if "event" in answer:
                continue
            if "error" in answer:
                raise self.failed(f"{command}: {answer['error'].get('desc')}")
            return answer["return"]

    def monitor(self, line: str) -> str:
        """What a command of the human monitor prints. It has no other way to complain."""
        return str(self.qmp("human-monitor-command", {"command-line": line}))

    def wait_for(self, command: str, *wanted: str) -> None:
        """Until a query- command answers with one of these statuses. Raises OracleFailed after PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        while (now := self.qmp(command).get("status")) not in wanted:
            if now == "failed" or time.monotonic() > deadline:
                raise self.failed(f"{command}: the status is {now}, not {' or '.join(wanted)}")
            time.sleep(0.001)

    def console_byte(self) -> bytes:
        """The next byte that the guest writes to its debug console. Raises OracleFailed after PATIENCE."""
        try:
            byte: bytes = self._console.recv(1)
        except OSError as error:
            raise self.failed(f"the guest is silent ({error})") from None
        if not byte:
            raise self.failed("the guest is silent")
        return byte

    def trace(self) -> list[str]:
        """The trace lines since the last call. QEMU has written those of a command before it answers."""
        self._drain()
        *lines, self._trace = self._trace.split(b"\n")
        return [line.decode() for line in lines]

    def _drain(self) -> None:
        while True:
            try:
                data = os.read(self._log, 1 << 16)
            except (BlockingIOError, OSError):
                return
            if not data:
                return
            self._trace += data


def _channels(qtest: int, qmp: int, console: int) -> list[str]:
    """Options for the three socket pairs. QEMU 7.2 insists that the first is named qtest."""
    return [
        "-chardev", f"socket,id=qtest,fd={qtest}", "-qtest", "chardev:qtest", "-qtest-log", "none",
        "-chardev", f"socket,id=qmp,fd={qmp}", "-mon", "chardev=qmp,mode=control",
        "-chardev", f"socket,id=console,fd={console}", "-device", "isa-debugcon,chardev=console,iobase=0xe9",
    ]  # fmt: skip
