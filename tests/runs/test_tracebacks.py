from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from mlrun_like.errors import InvalidArgumentError, RunError
from mlrun_like.runs.binding import call_with
from mlrun_like.runs.coroutines import run_to_end
from mlrun_like.runs.tracebacks import error_line, format_traceback

if TYPE_CHECKING:
    from tests.runs.conftest import Bench


def test_hostile_errors_are_recorded(bench: Bench) -> None:
    class Bad(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def raise_bad() -> None:
        raise Bad

    def raise_surrogate() -> None:
        raise ValueError("\udc80")

    def raise_circle() -> None:
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        raise first

    def raise_recursion() -> None:
        raise_recursion()

    for handler in (raise_bad, raise_surrogate, raise_circle, raise_recursion):
        with pytest.raises(RunError):
            bench.run(handler)
        assert bench.last().state() == "error"


def test_the_users_frames_only() -> None:
    def inner() -> None:
        raise ValueError("deep")

    try:
        run_to_end(call_with(inner, {}))
    except ValueError as exc:
        text = format_traceback(exc)
    assert "in inner" in text and "in call_with" not in text
    assert text.endswith("ValueError: deep\n")


def test_causes_and_contexts() -> None:
    def wrap(hide: bool) -> str:
        try:
            try:
                raise KeyError("first")
            except KeyError as exc:
                if hide:
                    raise ValueError("second") from None
                raise ValueError("second") from exc
        except ValueError as exc:
            return format_traceback(exc)

    assert wrap(False).index("KeyError: 'first'") < wrap(False).index("ValueError: second")
    assert "KeyError" not in wrap(True)


def test_our_errors_without_user_frames_show_their_message() -> None:
    text = format_traceback(InvalidArgumentError("bad value", where="here", fix="do this"))
    assert text == "InvalidArgumentError: bad value\n  where: here\n  fix: do this\n"
    assert error_line(InvalidArgumentError("bad value", where="here")) == (
        "InvalidArgumentError: bad value"
    )
    assert error_line(KeyboardInterrupt()) == "KeyboardInterrupt"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with 3.11")
def test_groups_show_their_parts(bench: Bench) -> None:
    async def fails(n: int) -> None:
        raise ValueError(f"part {n}")

    async def handler() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails(1))
            group.create_task(fails(2))

    with pytest.raises(RunError, match="ValueError: part 1"):
        bench.run(handler)
    assert "ValueError: part 2" in bench.last().status.traceback
