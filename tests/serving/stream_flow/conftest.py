from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.emit_sources import SyncEmitSource

Run = Callable[..., Any]


@pytest.fixture
def run() -> Run:
    """Emit values into a flow of these steps; gives its value."""

    def run_flow(steps: list[Any], values: Iterable[Any], keys: Iterable[Any] = ()) -> Any:
        controller = build_flow([SyncEmitSource(), *steps]).run()
        found = list(keys)
        for number, value in enumerate(values):
            controller.emit(value, found[number] if found else None)
        controller.terminate()
        return controller.await_termination()

    return run_flow
