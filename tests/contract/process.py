"""The contract suite's row for runs in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlrun_like.runtimes.zygote_client import close_zygotes
from tests.contract.kinds import Place

__all__ = ["ready"]


@contextmanager
def ready(folder: Path) -> Iterator[Place]:
    """Warm servers start by themselves and end here."""
    try:
        yield Place("process")
    finally:
        close_zygotes()
