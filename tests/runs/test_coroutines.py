# ruff: noqa: T201 - printing is what handlers do
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from mlrun_like.errors import RunError, RunTimeoutError
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx

if TYPE_CHECKING:
    from tests.runs.conftest import Bench


def test_generators_run_to_their_end(bench: Bench) -> None:
    def handler(n: int) -> Iterator[int]:
        yield from range(n)

    async def later(n: int) -> AsyncIterator[int]:
        for number in range(n):
            yield number

    assert bench.run(handler, params={"n": 3}).output("return") == [0, 1, 2]
    assert bench.run(later, params={"n": 2}).output("return") == [0, 1]


def test_async_handlers(bench: Bench) -> None:
    async def handler(context: MLClientCtx) -> int:
        await asyncio.sleep(0)
        print("from the coroutine")
        get_or_create_ctx("same").log_result("name", context.name)
        return 5

    run = bench.run(handler)
    assert run.outputs == {"return": 5, "name": "handler"}

    async def notebook() -> Any:
        return bench.run(handler)

    run = asyncio.run(notebook())
    assert run.outputs == {"return": 5, "name": "handler"}
    assert "from the coroutine" in bench.log(run)


def test_an_async_handler_in_a_running_loop_fails_and_times_out(bench: Bench) -> None:
    ended: list[str] = []

    async def fails() -> None:
        raise ValueError("no rows")

    async def sleeps() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("cancelled")

    async def notebook(handler: Any, **given: Any) -> None:
        bench.run(handler, **given)

    with pytest.raises(RunError, match="ValueError: no rows"):
        asyncio.run(notebook(fails))
    with pytest.raises(RunTimeoutError):
        asyncio.run(notebook(sleeps, timeout=0.2))
    with pytest.raises(RunTimeoutError):
        bench.run(sleeps, timeout=0.2)
    assert ended == ["cancelled"] * 2
