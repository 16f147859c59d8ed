"""What any process of the service can do from a task's arguments alone.

Such a task survives its process: another one begins it again. Its work must therefore be harmless
when it is done twice.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from mlrun_like.api.tasks.progress import Progress
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.task_abilities import BackgroundTask
from mlrun_like.types import Document

__all__ = ["KINDS", "Kind", "work_of"]

Kind: TypeAlias = Callable[[SqlStore, BackgroundTask, Progress], "Document | None"]
"""Does a task and gives its result."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "gc": "mlrun_like.api.tasks.shipped:collect_garbage",
        "backup": "mlrun_like.api.tasks.shipped:back_up",
    }
)
"""Name -> `module:function`, a `Kind`."""


def work_of(kind: str) -> Kind | None:
    """Who does this kind; None: only the process that began it can.

    >>> work_of("unheard of") is None
    True
    """
    place = KINDS.get(kind)
    if place is None:
        return None
    module, _, name = place.partition(":")
    found: Kind = getattr(importlib.import_module(module), name)
    return found
