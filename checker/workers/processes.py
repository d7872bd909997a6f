"""Workers that are forked: they have what this process has, and nothing need be packed for them but what they answer."""

from __future__ import annotations

import contextlib
import functools
import gc
import mmap
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from checker.interrupt import left_to_the_parent
from checker.workers.travelling import can_travel
from checker.workers.workers import Desk, Died, Errand

HEARD = 0.1  # seconds until a worker is told that it is to stop
NOTE, FOUND, RAISED = range(3)


class SharedFlag(threading.Event):
    """An event that a process and those that it forked see alike. It counts as set in one whose parent is gone."""

    def __init__(self) -> None:
        super().__init__()
        self._byte, self._parent = mmap.mmap(-1, 1), os.getpid()

    def set(self) -> None:
        self._byte[0] = 1

    def is_set(self) -> bool:
        return bool(self._byte[0]) or self._parent not in (os.getpid(), os.getppid())


class Forked:
    """A worker. state: what its calls are about. stop: of this process; it is told."""

    def __init__(self, state: object, stop: threading.Event) -> None:
        self._stop, self._flag = stop, SharedFlag()
        self._pipe, theirs = multiprocessing.Pipe()
        work = functools.partial(_work, theirs, self._pipe, state, self._flag)
        self.process = multiprocessing.get_context("fork").Process(target=work, daemon=True)
        self.process.start()
        theirs.close()  # the worker alone has it: without the worker the pipe is closed

    def do(self, call: Errand) -> object:
        try:
            self._pipe.send((call.function, call.arguments))
            kind, value = self._heard(call.heard)
        except (EOFError, ConnectionError):
            self.process.join()
            raise self._died() from None
        if kind == RAISED:
            raise value
        return value

    def _heard(self, heard: Callable[[Any], None]) -> tuple[int, Any]:
        """What comes of a call. heard: takes what is told before."""
        while True:
            while not self._pipe.poll(HEARD):
                if self._stop.is_set():
                    self._flag.set()
            kind, value = self._pipe.recv()
            if kind != NOTE:
                return kind, value
            heard(value)

    def _died(self) -> Died:
        code = self.process.exitcode or 0
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with {code}"
        return Died(f"a process that worked for this one ended {how}", killed=code == -signal.SIGKILL)

    def end(self) -> None:
        self._flag.set()
        with contextlib.suppress(OSError):
            self._pipe.send(None)  # others that were forked after it have its pipe, too: closing says nothing
        self._pipe.close()
        self.process.join()


def crew(state: object, stop: threading.Event, address: str) -> tuple[Callable[[], Forked], int]:
    """Who begins one, and for how many there is room."""
    assert not address
    return functools.partial(Forked, state, stop), os.cpu_count() or 1


def _work(pipe: Connection[Any, Any], parents: Connection[Any, Any], state: object, flag: SharedFlag) -> None:
    """Until nobody is there to ask."""
    gc.freeze()  # what was there before is shared, as long as nobody writes to it
    parents.close()
    left_to_the_parent()
    desk = Desk(state, lambda note: pipe.send((NOTE, note)), flag)
    with contextlib.suppress(EOFError, ConnectionError):
        while (asked := pipe.recv()) is not None:
            function, arguments = asked
            try:
                answer = FOUND, function(desk, *arguments)
            except Exception as error:
                answer = RAISED, can_travel(error)
            pipe.send(answer)
