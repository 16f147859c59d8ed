"""The contract suite's row for Spark: drivers on this machine, with `local[1]`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.kinds import Place
from tests.spark_servers import light, need_spark

__all__ = ["ready"]


@contextmanager
def ready(folder: Path) -> Iterator[Place]:
    """Nothing has to be started: every run has a driver of its own."""
    del folder
    need_spark()
    yield Place("spark", prepare=light, patience=120.0)
