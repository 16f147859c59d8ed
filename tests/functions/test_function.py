"""Function: called, looked at and changed as an object; its runs are in `test_running`."""

from __future__ import annotations

import asyncio
import inspect
import threading
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import FunctionError, RunError, SpecError


class OwnError(Exception):
    """An error of the user's."""


@ml.function()
def fails(n: int = 0) -> int:
    raise OwnError(n)


@ml.function(returns=["twice"])
async def later(n: int) -> int:
    await asyncio.sleep(0)
    if n < 0:
        raise OwnError(n)
    return 2 * n


@ml.function()
def by_position(n: int, /, m: int = 1) -> int:
    return n + m


@ml.function()
def counts(n: int = 3) -> Any:
    yield from range(n)


def test_errors_of_a_plain_call_pass_through_untouched() -> None:
    with pytest.raises(OwnError) as caught:
        fails(7)
    assert caught.value.args == (7,)
    assert caught.traceback[-1].name == "fails"


def test_errors_of_a_run_name_the_users_error_and_line() -> None:
    with pytest.raises(RunError, match="OwnError: 7") as caught:
        fails.run(params={"n": 7})
    assert "raise OwnError(n)" in caught.value.traceback
    assert "mlrun_like/runs" not in caught.value.traceback


def test_coroutines_are_awaited_by_a_run_and_left_alone_by_a_call() -> None:
    coroutine = later(2)
    assert inspect.iscoroutine(coroutine) and asyncio.run(coroutine) == 4
    assert later.run(params={"n": 3}).outputs == {"twice": 6}
    with pytest.raises(RunError, match="OwnError: -1"):
        later.run(params={"n": -1})


def test_a_run_inside_a_running_loop_does_not_disturb_it() -> None:
    async def program() -> Any:
        before = asyncio.get_running_loop()
        outputs = later.run(params={"n": 5}).outputs
        assert asyncio.get_running_loop() is before
        return outputs, await later(6)

    assert asyncio.run(program()) == ({"twice": 10}, 12)


def test_arguments_by_position_are_given_in_their_places() -> None:
    assert by_position(1) == 2
    assert by_position.run(params={"n": 1, "m": 4}).outputs == {"return": 5}


def test_generators_are_run_to_their_end() -> None:
    assert list(counts(2)) == [0, 1]
    assert counts.run().outputs == {"return": [0, 1, 2]}


def test_parts_of_the_document_are_live() -> None:
    @ml.function(name="Some_Name")
    def local() -> int:
        return 1

    assert (local.name, local.kind, repr(local)) == (
        "some-name",
        "local",
        "<function 'some-name' of kind 'local'>",
    )
    assert local.uri == "default/some-name"
    local.kind, local.metadata.tag, local.spec.description = "job", "v1", "One."
    document = local.to_dict()
    assert (local.kind, local.uri) == ("job", "default/some-name:v1")
    assert document["kind"] == "job" and document["spec"]["description"] == "One."
    with pytest.raises(SpecError, match="Did you mean 'tag'"):
        local.metadata.tags = "v1"


def test_a_document_without_code_cannot_be_called_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("kind: job\nmetadata: {name: f}\nspec: {default_handler: f}\n")
    with pytest.raises(FunctionError, match="neither code nor a command") as caught:
        ml.import_function(str(tmp_path / "f.yaml"))()
    assert caught.value.fix


def test_many_threads_declare_one_function_once() -> None:
    seen = []

    @ml.function()
    def shared(n: int = 1) -> int:
        return n

    def look() -> None:
        seen.append(shared.to_dict())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8 and all(document == seen[0] for document in seen)
