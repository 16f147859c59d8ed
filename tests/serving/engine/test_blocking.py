from __future__ import annotations

import asyncio
import time
import urllib.request
from time import sleep
from typing import Any

import pytest

from mlrun_like.serving.engine.blocking import blocking_call


def naps(body: Any) -> None:
    time.sleep(1)


def naps_by_name(body: Any) -> None:
    sleep(1)


def asks(body: Any) -> Any:
    return urllib.request.urlopen(body).read()


async def only_looks(body: Any) -> float:
    start = time.monotonic()
    await asyncio.sleep(0)
    return time.monotonic() - start


@pytest.mark.parametrize(
    ("function", "found"),
    [(naps, "time.sleep"), (naps_by_name, "time.sleep"), (asks, "urllib.request.urlopen"),
     (only_looks, ""), (len, ""), (abs, ""), (print, "")],
)  # fmt: skip
def test_what_holds_up_its_thread(function: Any, found: str) -> None:
    assert blocking_call(function) == found
