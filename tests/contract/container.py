"""The contract suite's row for containers on this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.containers import contract_image, podman, podman_environment
from tests.contract.kinds import Place

__all__ = ["ready"]


def _kill(run: Mapping[str, Any]) -> None:
    """Kill the container's first process from outside, as the kernel does."""
    label = f"label=mlrun-like.run={run['metadata']['uid']}"
    name = podman("ps", "--filter", label, "--format", "{{.Names}}")
    os.kill(int(podman("inspect", "-f", "{{.State.Pid}}", name)), signal.SIGKILL)


@contextmanager
def ready(folder: Path) -> Iterator[Place]:
    """podman and an image that has this package."""
    with podman_environment():
        settings = {"container_tool": "podman"}
        yield Place("container", image=contract_image(), settings=settings, kill=_kill)
