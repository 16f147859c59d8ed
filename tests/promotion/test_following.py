"""A served model that follows an alias: promotions and roll-backs reach it while it serves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.promotion.following import FollowingModelServer
from mlrun_like.promotion.promote import promote
from mlrun_like.promotion.rollback import rollback
from mlrun_like.serving.definition.graph import flow
from tests.promotion.conftest import LogModel

URI = "store://models/demo/train_net:champion"
ROWS = {"inputs": [[2.0, 0.0], [-2.0, 0.0]]}


@pytest.fixture
def server(log_model: LogModel) -> Iterator[Any]:
    promote(log_model(good=False))
    graph = flow()
    graph.to(FollowingModelServer, "net", model_path=URI, refresh=0.05).respond()
    made = graph.to_mock_server()
    yield made
    model(made).close()


def model(server: Any) -> FollowingModelServer:
    found = server.plan.nodes["net"].bound.made
    assert isinstance(found, FollowingModelServer)
    return found


def answers(server: Any) -> Any:
    return server.test(body=ROWS)["outputs"]


def until(condition: Any) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def test_a_promotion_and_a_rollback_are_followed(server: Any, log_model: LogModel) -> None:
    before, first = answers(server), model(server).uid
    assert before[0] == before[1], "a model of noise says the same of both"
    promote(log_model(good=True))
    until(lambda: answers(server) == [1, 0])
    assert model(server).model_spec.metadata.uid == model(server).uid != first
    rollback("demo", "train_net")
    until(lambda: model(server).uid == first)
    assert answers(server) == before


def test_no_request_fails_while_versions_change(server: Any, log_model: LogModel) -> None:
    failed: list[Exception] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                answers(server)
            except MLRunLikeError as exc:
                failed.append(exc)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for good in (True, False):
        done = promote(log_model(good=good))
        until(lambda uid=done.version.uid: model(server).uid == uid)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_version_that_cannot_be_loaded_changes_nothing(server: Any, log_model: LogModel) -> None:
    made = model(server)
    made.close()  # this test looks by itself
    before = made.uid
    broken = log_model(good=True)
    Path(broken.target_path, broken.spec.model_file).write_bytes(b"no model")
    promote(broken)
    with pytest.raises(MLRunLikeError):
        made.refresh()
    assert made.refresh() is False, "it is not tried again and again"
    assert made.uid == before and len(answers(server)) == 2


@pytest.mark.parametrize("refresh", [0, -1, "5s", True, float("nan")])
def test_an_interval_that_is_none_is_refused(refresh: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="refresh"):
        FollowingModelServer(name="net", model_path=URI, refresh=refresh)


def test_what_is_no_model_of_the_registry_is_refused(log_model: LogModel) -> None:
    with pytest.raises(InvalidArgumentError, match="registry"):
        FollowingModelServer(name="net", model_path="/tmp/model.pkl")
    log_model()
    with pytest.raises(NotFoundError, match="champion"):
        FollowingModelServer(name="net", model_path=URI).load()
