"""The small parts: addresses, definitions, pace, threads, work."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.registry import resolve
from mlrun_like.serving import models
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.definition.registered import REGISTERED, registered_path
from mlrun_like.serving.event import Event
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.models.address import Address, locate
from mlrun_like.serving.models.daemons import Daemons
from mlrun_like.serving.models.pace import Pace
from mlrun_like.serving.models.routing import BaseModelRouter
from mlrun_like.serving.models.voting import VotingEnsemble
from mlrun_like.serving.models.warming import sample_request
from mlrun_like.serving.models.work import pump, pump_async


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", Address()),
        ("", Address()),
        ("/v2/models/a/infer", Address("a", "infer")),
        ("/v2/models//a//infer/", Address("a", "infer")),
        ("/v2/models/a/versions/2", Address("a:2", "")),
        ("/v2/models/a/versions", Address("a", "versions")),
        ("/v2/models/a/b/c", Address("a", "b/c")),
        ("/v2/modelsx", None),
        ("/v2/healthy", None),
        ("/v1/models/a:explain", Address("a", "explain", dialect="v1")),
        ("/v1/models/a/versions/2:predict", Address("a:2", "predict", dialect="v1")),
        ("/v1/models", Address(scope="models")),
        ("/x/../v2/models/a", None),
        ("/v2/models/" + "a" * 5000, Address("a" * 5000, "")),
    ],
)
def test_addresses(path: str, found: Address | None) -> None:
    assert locate(path) == found


def test_prefixes_of_ones_own() -> None:
    assert locate("/api/m/a/infer", "/api/m") == Address("a", "infer")
    assert locate("/up/live", "/api/m", "/up") == Address(operation="live", scope="server")
    assert locate("/v2/models/a", "/api/m") is None


class Scaled(V2ModelServer):
    def __init__(self, *args: Any, factor: int = 1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.factor = factor

    def load(self) -> None:
        pass

    def predict(self, request: dict[str, Any]) -> Any:
        return [self.factor * value for value in request["inputs"]]


def test_objects_are_definitions() -> None:
    graph = flow()
    graph.to(Scaled(name="m1", model_path=".", factor=2), result_path="a", input_path="r").to(
        Scaled(name="m2", factor=3, result_path="b", input_path="r")
    ).respond()
    got = graph.to_mock_server().test(body={"r": {"inputs": [5]}})
    assert list(got) == ["r", "a", "b"]
    assert got["a"]["outputs"] == [10] and got["b"]["outputs"] == [15]
    again = Graph.from_dict(graph.to_dict())
    assert again.to_mock_server().test(body={"r": {"inputs": [1]}})["b"]["outputs"] == [3]
    document = VotingEnsemble(vote_type="regression", weights={"a": 1}).to_dict()
    assert document["kind"] == "router" and document["name"] == "VotingEnsemble"
    assert document["class_args"] == {"vote_type": "regression", "weights": {"a": 1}}


def test_pace_follows_changes() -> None:
    pace = Pace()
    assert not pace.is_short(1)
    pace.note(0.0001, 10)
    assert pace.is_short(10) and pace.is_short(150) and not pace.is_short(250)
    pace.note(0.5, 10)
    assert not pace.is_short(1), "one slow call is enough"
    for _ in range(60):
        pace.note(0.0001, 10)
    assert pace.is_short(10)
    pace.forget()
    assert not pace.is_short(1)


def test_daemons_run_everything_and_let_the_process_end() -> None:
    pool = Daemons(3, "many")
    names: set[str] = set()

    def note(number: int) -> int:
        names.add(threading.current_thread().name)
        assert threading.current_thread().daemon
        time.sleep(0.001)
        return number

    futures = [pool.submit(note, number) for number in range(50)]
    assert [future.result(5) for future in futures] == list(range(50))
    assert names == {"many"}
    gate, began = threading.Event(), threading.Barrier(4)

    def hang() -> None:
        began.wait(5)
        gate.wait(20)

    stuck = [pool.submit(hang) for _ in range(3)]
    began.wait(5)
    waiting = pool.submit(len, "")
    pool.shutdown(cancel_futures=True)
    assert waiting.cancelled() and not any(future.done() for future in stuck)
    with pytest.raises(RuntimeError):
        pool.submit(len, "")
    gate.set()
    failed = Daemons(1, "x").submit(int, "x")
    assert isinstance(failed.exception(5), ValueError)


def test_jobs_that_wait_for_each_other_all_get_a_thread() -> None:
    others = threading.active_count()
    pool = Daemons(64, "meeting")
    for _ in range(300):
        barrier = threading.Barrier(4)
        futures = [pool.submit(barrier.wait, 5) for _ in range(4)]
        assert sorted(future.result(5) for future in futures) == [0, 1, 2, 3]
    assert threading.active_count() - others < 70


def working(log: list[str]) -> Generator[str, Any, str]:
    try:
        try:
            yield "fail"
        except ValueError:
            log.append("caught")
        return str((yield "ok"))
    finally:
        log.append("over")


def test_work_is_the_same_for_threads_and_loops() -> None:
    def do(job: str) -> str:
        if job == "fail":
            raise ValueError(job)
        return job.upper()

    async def do_async(job: str) -> str:
        await asyncio.sleep(0)
        return do(job)

    log: list[str] = []
    for _ in range(2):
        log.clear()
        assert pump(working(log), do) == "OK" and log == ["caught", "over"]
        log.clear()
        assert asyncio.run(pump_async(working(log), do_async)) == "OK"
        assert log == ["caught", "over"]


def test_cancelled_work_ends() -> None:
    log: list[str] = []

    async def main() -> None:
        async def forever(job: str) -> None:
            await asyncio.sleep(60)

        task = asyncio.ensure_future(pump_async(working(log), forever))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == ["over"]


# Warm-up -----------------------------------------------------------------------------------------


def test_a_row_of_typical_values() -> None:
    net = ModelArtifact(
        "net",
        inputs=[
            {"name": "a", "value_type": "float"},
            {"name": "b", "value_type": "int"},
            {"name": "c", "value_type": "str"},
            {"name": "d", "value_type": "bool"},
        ],
    )
    assert sample_request(net) == {"inputs": [[0.0, 0, "", False]]}
    net.spec.feature_stats = {"a": {"mean": 2.5}, "b": {"mean": 3.7}, "c": {"top": "x"}}
    assert sample_request(net) == {"inputs": [[2.5, 3, "x", False]]}
    assert sample_request(ModelArtifact("net", inputs=["a"])) is None, "its type is not known"
    assert sample_request(None) is None


class Watched(V2ModelServer):
    record: ModelArtifact | None = None
    calls: list[Any]

    def load(self) -> None:
        self.calls = []
        self.use_record(self.record)

    def predict(self, request: dict[str, Any]) -> Any:
        assert not self.ready or self.calls
        self.calls.append(request["inputs"])
        return [1.0 / value[0] for value in request["inputs"]]


def test_models_are_warm_before_they_are_ready(caplog: pytest.LogCaptureFixture) -> None:
    model = Watched(GraphContext(), "m", warmup=[[4]])
    model.post_init()
    assert model.calls == [[[4]], [[4]]] and model.pace("predict").is_short(1)
    model = Watched(GraphContext(), "m")
    model.post_init()
    assert model.calls == []

    class Typed(Watched):
        record = ModelArtifact("net", inputs=[{"name": "a", "value_type": "float"}])

    model = Typed(GraphContext(), "m", warmup=False)
    model.post_init()
    assert model.calls == []
    model = Typed(GraphContext(), "m")
    model.post_init()  # divides by the typical value 0
    assert model.ready and "could not be warmed up" in caplog.text
    assert model.counts.requests == 0, "warm-up is no request"
    event = model.do_event(Event({"inputs": [[2]]}))
    assert event.body["outputs"] == [0.5]


# Names -------------------------------------------------------------------------------------------

OURS = {name: path for name, path in REGISTERED.items() if ".serving.models." in path}


@pytest.mark.parametrize("name", sorted(OURS))
def test_names_that_graphs_use(name: str) -> None:
    found = resolve(OURS[name])
    assert issubclass(found, (V2ModelServer, BaseModelRouter))
    assert found.__name__ in {name.rpartition(".")[2], "SKLearnModelServer"}
    assert registered_path(name) == OURS[name]


def test_every_server_and_router_has_a_name() -> None:
    folder = Path(models.__file__).parent
    listed = {path.rpartition(":")[0] for path in OURS.values()}
    for file in sorted(folder.glob("*.py")):
        module = importlib.import_module(f"mlrun_like.serving.models.{file.stem}")
        for value in vars(module).values():
            if inspect.isclass(value) and value.__module__ == module.__name__:
                kind = issubclass(value, (V2ModelServer, BaseModelRouter))
                base = value.__name__ in ("BaseModelRouter", "FrameworkModelServer")
                assert not kind or base or module.__name__ in listed, value
