"""Routes in processes of their own: a call can be stopped, and a crash stays there.

A process is started anew with the route's definition, never forked: a copy of a process that has
used OpenMP or threads may hang. One process does one call at a time.
"""

from __future__ import annotations

import importlib.util
import pickle
import socket
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection

import cloudpickle

from mlrun_like.errors import InvalidArgumentError, StepError, StepTimeoutError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.models.worker import DROPPED

__all__ = ["RouteProcess"]

_STARTING = 120.0
_MODULE = "mlrun_like.serving.models.worker"
_PICKLING = threading.Lock()


class RouteProcess:
    """The process of one route; started at once, and again after it was lost.

    Args:
        route: The route; its definition is sent to the process.
        context: Its parameters are sent along.

    Raises:
        InvalidArgumentError: if the definition cannot be sent.
    """

    def __init__(self, route: Route, context: GraphContext) -> None:
        self.name = route.name
        self._message = _definition(route, context)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._begin()

    def wait_ready(self) -> None:
        """Wait until the process has made its step.

        Raises:
            StepError: if it could not.
        """
        with self._lock:
            self._ready()

    def call(self, event: Event, timeout: float | None) -> Event:
        """The event with the route's answer.

        Args:
            event: Sent to the process; its body must be something that pickle can carry.
            timeout: Seconds; then the process is ended, and the next call starts another.

        Raises:
            StepTimeoutError: if it takes longer.
            StepError: if the process ends.
            Exception: what the route raised.
        """
        event.id  # noqa: B018  both processes must have the same one
        message = cloudpickle.dumps(vars(event))
        start = time.monotonic()
        if not self._lock.acquire(timeout=-1 if timeout is None else timeout):
            raise self._late(timeout)
        try:
            pipe = self._ready()
            left = None if timeout is None else max(0.0, timeout - (time.monotonic() - start))
            try:
                pipe.send_bytes(message)
                found = pickle.loads(pipe.recv_bytes()) if pipe.poll(left) else None
            except (EOFError, OSError) as exc:
                raise self._lost() from exc
            if found is None:
                self._end()
        finally:
            self._lock.release()
        if found is None:
            raise self._late(timeout)
        if isinstance(found, Exception):
            raise found
        answer = Event.__new__(Event)
        answer.__dict__.update(found)
        if answer.body == DROPPED:
            answer.body = DROP
        return answer

    def close(self) -> None:
        """End the process; a call that runs gets an error."""
        self._end()

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(number)],
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
            )
        self._pipe = Connection(ours.detach())
        self._started = False
        try:
            self._pipe.send_bytes(self._message)
        except OSError:  # it ended already: `_ready` says so
            return

    def _ready(self) -> Connection:
        """The way to a process that takes calls."""
        if self._pipe is None:
            self._begin()
        pipe = self._pipe
        if pipe is None or self._started:
            return _present(pipe)
        try:
            if not pipe.poll(_STARTING):
                self._end()
                raise StepError(
                    f"the process of route {self.name!r} did not start within {_STARTING:g} s",
                    step=self.name,
                )
            found = pickle.loads(pipe.recv_bytes())
        except (EOFError, OSError) as exc:
            raise self._lost() from exc
        if isinstance(found, Exception):
            self._end()
            raise found
        self._started = True
        return pipe

    def _end(self) -> None:
        process, self._process = self._process, None
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.kill()
            process.wait()

    def _late(self, timeout: float | None) -> StepTimeoutError:
        return StepTimeoutError(
            f"route {self.name!r} took longer than {timeout or 0:g} s",
            fix="raise the router's timeout, or find out what the route waits for",
            step=self.name,
        )

    def _lost(self) -> StepError:
        process = self._process
        self._end()
        code = process.returncode if process is not None else None
        return StepError(
            f"the process of route {self.name!r} ended with exit code {code}",
            fix="the next request starts it again; its own output says why it ended",
            step=self.name,
        )


def _present(pipe: Connection | None) -> Connection:
    if pipe is None:
        raise OSError("closed")
    return pipe


def _definition(route: Route, context: GraphContext) -> bytes:
    """What the process needs to make the step again."""
    if route.definition is None:
        raise InvalidArgumentError(
            f"route {route.name!r} cannot run in a process: it has no definition",
            fix='executor_type="thread"',
        )
    step, target = route.definition
    values = {
        "name": step.name,
        "found": target.found,
        "method": target.method,
        "arguments": dict(target.arguments),
        "full_event": step.full_event,
        "input_path": step.input_path,
        "result_path": step.result_path,
        "parameters": dict(context.parameters),
        "is_mock": context.is_mock,
    }
    module = sys.modules.get(getattr(target.found, "__module__", "") or "")
    try:
        with _PICKLING:
            foreign = module is not None and not _importable(module.__name__)
            if foreign and module is not None:
                cloudpickle.register_pickle_by_value(module)
            try:
                packed = cloudpickle.dumps(values)
            finally:
                if foreign and module is not None:
                    cloudpickle.unregister_pickle_by_value(module)
    except (pickle.PickleError, TypeError, AttributeError) as exc:
        raise InvalidArgumentError(
            f"route {route.name!r} cannot be sent to a process: {exc}",
            fix='give it plain arguments, or executor_type="thread"',
        ) from exc
    return pickle.dumps((list(sys.path), packed))


def _importable(name: str) -> bool:
    try:
        return name == "__main__" or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False
