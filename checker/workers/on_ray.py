"""Workers that are actors of Ray, on this machine or on the nodes of a cluster. What they know goes to them packed."""

from __future__ import annotations

import functools
import importlib
import logging
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from checker.engine.sources import of_everything
from checker.errors import UserError
from checker.workers.travelling import can_travel
from checker.workers.workers import Desk, Died, Errand

HEARD = 0.1  # seconds until a worker is told that it is to stop
ASKED = 1.0  # seconds between two times that it is asked what it has to tell
INSTALL = "pip install 'eoiproof[cluster]'"
TOLD = ("EOI_ANEW", "EOI_PORTABLE")  # of the environment: what changes who finds something out, or how
FOUND, RAISED = range(2)


class Actor:
    """What runs there. source: which eoiproof its owner has, as of_everything says it; state: packed."""

    def __init__(self, source: str, environment: Mapping[str, str], state: bytes) -> None:
        if source != of_everything():
            raise UserError(
                f"the worker on {socket.gethostname()} has another eoiproof than this one: install the same"
            )
        for name in TOLD:
            os.environ.pop(name, None)
        os.environ.update(environment)
        self._state, self._notes, self._stop = pickle.loads(state), list[object](), threading.Event()

    def do(self, errand: bytes) -> bytes:
        """What its function returned or raised."""
        function, arguments = pickle.loads(errand)
        try:
            return pickle.dumps((FOUND, function(Desk(self._state, self._notes.append, self._stop), *arguments)))
        except Exception as error:
            return pickle.dumps((RAISED, can_travel(error)))

    def told(self) -> list[object]:
        """What there is to tell, once."""
        notes = self._notes[:]
        del self._notes[: len(notes)]
        return notes

    def hurry(self) -> None:
        self._stop.set()


class OnRay:
    """A worker. made: makes an actor. stop: it is told."""

    def __init__(self, ray: Any, made: Callable[[], Any], stop: threading.Event) -> None:
        self._ray, self._stop, self._actor = ray, stop, made()

    def do(self, errand: Errand) -> object:
        try:
            kind, value = pickle.loads(self._answer(errand))
        except self._ray.exceptions.RayActorError as error:
            raise self._gone(error) from None
        if kind == RAISED:
            raise value
        return value

    def _answer(self, errand: Errand) -> bytes:
        answer = self._actor.do.remote(pickle.dumps((errand.function, errand.arguments)))
        asked = time.monotonic()
        while not self._ray.wait([answer], timeout=HEARD)[0]:
            if self._stop.is_set():
                self._actor.hurry.remote()
            if time.monotonic() - asked >= ASKED:
                self._hear(errand)
                asked = time.monotonic()
        found: bytes = self._ray.get(answer)
        self._hear(errand)
        return found

    def _hear(self, errand: Errand) -> None:
        for note in self._ray.get(self._actor.told.remote()):
            errand.heard(note)

    def _gone(self, error: Exception) -> Exception:
        """Why there is no answer: it would not begin, or it began and died."""
        cause = getattr(error, "cause", None) or error.__cause__
        if isinstance(cause, UserError):
            return UserError(str(cause))
        said = str(error)
        if "another eoiproof" in said:
            return UserError(next(line for line in said.splitlines() if "another eoiproof" in line).partition(": ")[2])
        if "ModuleNotFoundError" in said:
            return UserError(f"a worker of Ray has no eoiproof: {INSTALL} on each node")
        return Died(f"a worker of Ray is gone: {' '.join(said.split())}", killed=False)

    def end(self) -> None:
        self._ray.kill(self._actor)


def connected(address: str) -> Any:
    """The module, with a cluster: that of the address, else of RAY_ADDRESS or of this machine, else one of its own. Raises
    UserError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told who proves what
    try:
        ray: Any = importlib.import_module("ray")
    except ModuleNotFoundError:
        raise UserError(f"--on ray needs Ray, which is not installed: {INSTALL}") from None
    if not ray.is_initialized():
        try:
            ray.init(address=address or None, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise UserError(f"--on ray{':' * bool(address)}{address}: {' '.join(str(error).split())}") from None
    return ray


def crew(state: object, stop: threading.Event, address: str) -> tuple[Callable[[], OnRay], int]:
    """Who begins one, and for how many there is room."""
    ray = connected(address)
    environment = {name: os.environ[name] for name in TOLD if name in os.environ}
    of = ray.remote(Actor).options(num_cpus=1, max_concurrency=2)
    packed = ray.put(pickle.dumps(state))
    made = functools.partial(of.remote, of_everything(), environment, packed)
    return functools.partial(OnRay, ray, made, stop), max(1, int(ray.cluster_resources().get("CPU", 1)))
