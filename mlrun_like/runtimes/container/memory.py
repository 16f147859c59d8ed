"""Whether the kernel killed a container because its memory was used up."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mlrun_like.errors import EngineError
from mlrun_like.runtimes.container.tool import Tool

__all__ = ["kernel_killed", "ran_out_of_memory"]

_KERNEL_LOG = "/dev/kmsg"
_RECORD = 8192


def ran_out_of_memory(tool: Tool, name: str) -> bool | None:
    """What the tool and the kernel's log say of an ended container; None: nobody knows.

    podman does not notice it under every version of control groups; the kernel's log names the
    container, but only some users may read it.
    """
    try:
        container = tool.inspect(name)
    except EngineError:
        return None
    if container.get("State", {}).get("OOMKilled"):
        return True
    identity = str(container.get("Id") or "")
    return kernel_killed(identity) if identity else None


def kernel_killed(identity: str) -> bool | None:
    """Whether the kernel's log tells of a group of this id that used up its memory.

    Args:
        identity: The container's whole id, which is part of its group's name.
    """
    wanted = identity.encode()
    try:
        return any(b"oom-kill:" in line and wanted in line for line in _kernel_log())
    except OSError:
        return None


def _kernel_log() -> Iterator[bytes]:
    descriptor = os.open(_KERNEL_LOG, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                line = os.read(descriptor, _RECORD)
            except BlockingIOError:
                return
            except BrokenPipeError:
                continue  # the oldest records were overwritten in this moment
            if not line:
                return
            yield line
    finally:
        os.close(descriptor)
