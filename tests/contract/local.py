"""The contract suite's row for runs in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.kinds import Place

__all__ = ["ready"]


@contextmanager
def ready(folder: Path) -> Iterator[Place]:
    """Nothing to start."""
    yield Place("local", in_process=True)
