"""A forked process that takes several runs, one after the other: steps of one pipeline.

Making a process costs more than many a step. After a run that completed and left the process as it
was (no thread, no child, no exit handler), it waits for the next request with
the same surroundings; after any other it ends. What the run's code may have changed is put back:
its modules are forgotten, and variables, settings, paths, warnings, logging and random numbers
start anew.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import random
import signal
import site
import socket
import sys
import sysconfig
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from mlrun_like.configuration import config, environment_copy, replace_environment
from mlrun_like.runtimes.child import Request, leave, perform

__all__ = ["serve"]

_OWN_THREADS = "mlrun-like"
Tell = Callable[[bool, int], None]


def serve(
    request: Request, work: socket.socket | None, begin: Callable[[], None], tell: Tell
) -> NoReturn:
    """Run the request, and those that come after it.

    Args:
        request: The first.
        work: Brings further ones, one byte with two descriptors each: an unnamed file with the
            request, and the output pipe. None: there is only the first.
        begin: Called when a further run begins.
        tell: Called at each end: whether this process stays, and the exit code.
    """
    if work is None or not request.stay:
        leave(perform(request), functools.partial(tell, False))
    before = _State()
    while True:
        with warnings.catch_warnings():
            code = perform(request)
        if code or not before.restore():
            leave(code, functools.partial(tell, False))
        _fall_silent()
        tell(True, code)
        request = _next(work)
        begin()


def _next(work: socket.socket) -> Request:
    byte, descriptors, _, _ = socket.recv_fds(work, 1, 2)
    if not byte or len(descriptors) != 2:
        os._exit(0)  # nobody has more for us
    file, output = descriptors
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    with os.fdopen(file, encoding="utf-8") as text:
        return Request.read(text)


def _fall_silent() -> None:
    """Let go of the run's output."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


class _State:
    """What a process is like before its first run."""

    def __init__(self) -> None:
        self._modules = frozenset(sys.modules)
        self._main = sys.modules["__main__"]
        self._path, self._arguments = list(sys.path), list(sys.argv)
        self._variables = environment_copy()
        self._callbacks = atexit._ncallbacks()
        self._interrupt = signal.getsignal(signal.SIGINT)
        self._log = list(logging.root.handlers), logging.root.level
        self._mask = os.umask(0)
        os.umask(self._mask)

    def restore(self) -> bool:
        """Put back what can be; False if the process cannot be used again."""
        if not self._is_clean():
            return False
        for name in set(sys.modules) - self._modules:
            if not _is_installed(sys.modules[name]):
                del sys.modules[name]
        sys.modules["__main__"] = self._main
        sys.path[:], sys.argv[:] = self._path, self._arguments
        replace_environment(self._variables)
        config.reload()
        logging.root.handlers[:] = self._log[0]
        logging.root.setLevel(self._log[1])
        os.umask(self._mask)
        random.seed()
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            numpy_random.seed()
        return True

    def _is_clean(self) -> bool:
        threads = [item for item in threading.enumerate() if item is not threading.main_thread()]
        return (
            all(item.name.startswith(_OWN_THREADS) for item in threads)
            and not _has_children()
            and atexit._ncallbacks() == self._callbacks
            and signal.getsignal(signal.SIGINT) is self._interrupt
        )


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


@functools.cache
def _installed_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).parents[1])]
    return tuple({os.path.join(os.path.realpath(folder), "") for folder in folders})


def _is_installed(module: ModuleType | None) -> bool:
    """Whether a module is part of Python or of a package, not of a function's own code."""
    file = getattr(module, "__file__", None)
    spec = getattr(module, "__spec__", None)
    if file is None:
        return spec is not None and getattr(spec, "origin", None) in ("built-in", "frozen")
    return bool(os.path.realpath(file).startswith(_installed_folders()))
