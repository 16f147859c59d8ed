"""Source is parsed right from several threads, whatever else parses meanwhile."""

from __future__ import annotations

import ast
import contextlib
import gc
import sys
import threading
from collections.abc import Iterator

import pytest

import mlrun_like.names
from mlrun_like.parsing import parse


@pytest.fixture
def busy() -> Iterator[None]:
    """Threads that change places all the time, and garbage that is collected all the time."""
    before, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(10)
    sys.setswitchinterval(1e-6)
    yield
    gc.set_threshold(*before)
    sys.setswitchinterval(interval)


def test_threads_that_parse_at_once(busy: None) -> None:
    with open(mlrun_like.names.__file__, encoding="utf-8") as file:
        text = file.read()
    wanted = len(ast.dump(ast.parse(text)))
    found: list[object] = []

    def ours() -> None:
        for _ in range(30):
            try:
                found.append(len(ast.dump(parse(text))))
            except BaseException as exc:  # noqa: BLE001  it is what the test is about
                found.append(exc)

    def theirs() -> None:
        for _ in range(30):
            with contextlib.suppress(SystemError):  # what CPython before 3.13 gets wrong
                ast.parse(text)

    threads = [threading.Thread(target=target) for target in (ours, ours, ours, theirs, theirs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 90


def test_faults_are_those_of_ast() -> None:
    with pytest.raises(SyntaxError, match=r"mine\.py"):
        parse("def", "mine.py")
    with pytest.raises((ValueError, SyntaxError), match="null"):  # the one until 3.11.3
        parse("\0")
    assert isinstance(parse("1 + 1", mode="eval"), ast.Expression)
