"""What a model's class changes: only that costs anything."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

__all__ = ["Custom", "custom_of"]


class Custom(NamedTuple):
    """Which methods of the base a class overrides, and which are `async`.

    Args:
        answers: It has its own `do_event`, but not `do_event_async`.
        prepares: It has its own `preprocess` or `validate`.
        finishes: It has its own `postprocess`.
        records: It has its own `logged_results`.
        async_predict: Its `predict` must be awaited.
        async_explain: Its `explain` must be awaited.
    """

    answers: bool
    prepares: bool
    finishes: bool
    records: bool
    async_predict: bool
    async_explain: bool


def custom_of(cls: Any, base: Any) -> Custom:
    """What `cls` changes of `base`."""

    def own(name: str) -> bool:
        return getattr(cls, name) is not getattr(base, name)

    return Custom(
        own("do_event") and not own("do_event_async"),
        own("preprocess") or own("validate"),
        own("postprocess"),
        own("logged_results"),
        inspect.iscoroutinefunction(cls.predict),
        inspect.iscoroutinefunction(cls.explain),
    )
