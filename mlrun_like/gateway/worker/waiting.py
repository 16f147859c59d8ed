"""The child that waits for an order: it leaves the zygote behind, rehearses, and works then."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from typing import NoReturn

from mlrun_like.gateway.worker.main import CANNOT_START, Surroundings, work
from mlrun_like.gateway.worker.rehearsal import rehearse, rehearse_start
from mlrun_like.runtimes.limits import die_with_parent

__all__ = ["wait_and_work"]

_RESET = ("SIGCHLD", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM")


def wait_and_work(
    channel: socket.socket, around: Surroundings, others: Iterable[socket.socket]
) -> NoReturn:
    """Wait for an order and carry it out; the process ends here.

    Args:
        channel: Brings one byte with three descriptors: frame socket, order, output.
        around: What this child is.
        others: Sockets of the zygote.
    """
    try:
        signal.set_wakeup_fd(-1)
        for name in _RESET:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.setsid()
        die_with_parent(around.parent)
        for end in others:
            end.close()
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:  # `random` does this itself
            numpy_random.seed()
        _rehearse(channel, around.folder)
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 3)
        if len(descriptors) != 3:
            os._exit(0)  # the zygote has no use for us
        channel.close()
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        frames, file, output = descriptors
        work(file, frames, output, around)
    except BaseException:  # noqa: BLE001  (nothing above can report it)
        traceback.print_exc()
    finally:
        os._exit(CANNOT_START)


def _rehearse(channel: socket.socket, folder: str) -> None:
    """Do what a worker does first, until there is an order."""

    def wanted() -> bool:
        return bool(select.select([channel], [], [], 0)[0])

    sys.dont_write_bytecode = True  # nobody would read it
    if not wanted():
        with contextlib.suppress(Exception):  # a full disk is the worker's affair
            rehearse_start(folder)
    rehearse(wanted)
