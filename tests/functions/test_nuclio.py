"""Functions of kind nuclio: declared, edited, exported, called here."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import (
    FunctionError,
    InvalidArgumentError,
    NotFoundError,
    PreflightError,
    StepError,
)
from mlrun_like.functions.nuclio import NuclioFunction, export_nuclio, to_nuclio
from mlrun_like.runtimes.nuclio.triggers import CronTrigger

START = 10


def init_context(context: Any) -> None:
    context.user_data.total = START


@ml.function(kind="nuclio")
def adds(context: Any, event: Any) -> Any:
    context.user_data.total += event.body["x"]
    return {"total": context.user_data.total}


@ml.function(kind="nuclio")
async def waits(context: Any, event: Any) -> Any:
    return [event.path]


def code_of(settings: Any) -> str:
    return base64.b64decode(settings["spec"]["build"]["functionSourceCode"]).decode()


def bare(code: str = "def handler(context, event):\n    return 'ok'\n") -> Any:
    return ml.new_function("fn", project="shop", kind="nuclio").with_code(body=code)


def test_a_decorated_handler_is_still_a_function() -> None:
    assert isinstance(adds, NuclioFunction)
    code = code_of(adds.to_nuclio())
    assert "def init_context" in code and "START = 10" in code and "mlrun_like" not in code
    assert adds.spec.function_handler == "test_nuclio:adds"
    with adds.to_mock_server() as server:
        assert server.test("/", {"x": 1}) == {"total": 11}
        assert server.test("/", {"x": 2}) == {"total": 13}
    with waits.to_mock_server() as server:  # type: ignore[attr-defined]
        assert server.test("/p") == ["/p"]


@pytest.mark.parametrize("kind", ["nuclio", "remote", "nuclio:mlrun"])
def test_all_ways_give_the_class(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "h.py"
    file.write_text("def handler(context, event):\n    return 'ok'\n")
    fn: Any = ml.code_to_function("f", filename=str(file), kind=kind, handler="handler")
    assert isinstance(fn, NuclioFunction)
    fn.export(str(tmp_path / "function.yaml"))
    again: Any = ml.import_function(str(tmp_path / "function.yaml"))
    assert isinstance(again, NuclioFunction)
    entry = "nuclio_handler" if ":" in kind else "handler"  # the user's own keeps its name
    assert again.spec.function_handler == f"h:{entry}"
    assert again.to_nuclio() == fn.to_nuclio()


def test_invoke_and_deploy_as_a_mock() -> None:
    fn = bare("def handler(context, event):\n    return {'m': event.method, 'b': event.body}\n")
    assert fn.invoke("/", {"a": 1}, mock=True) == {"m": "POST", "b": {"a": 1}}
    assert fn.invoke("/", {"a": 2})["b"] == {"a": 2}  # it stays a mock
    with pytest.raises(FunctionError, match="not deployed"):
        fn.invoke("/", mock=False)
    with config.override(mock_nuclio_deployment="auto"):
        assert fn.deploy(project="other", tag="v1") == "mock://other/fn"
        assert fn.status.state == "ready" and fn.metadata.tag == "v1"
        assert fn.invoke("/", 1, method="put") == {"m": "PUT", "b": 1}
    failing = bare("def handler(context, event):\n    return 500, 'no'\n")
    with pytest.raises(StepError, match="answered 500"):
        failing.invoke("/", mock=True)


def test_a_handler_without_code_cannot_be_called_here() -> None:
    fn: Any = ml.new_function("fn", kind="nuclio")
    with pytest.raises(NotFoundError, match="no code"):
        fn.to_mock_server()
    fn.from_image("repo/processor:1")
    spec = fn.to_nuclio()["spec"]
    assert (spec["image"], spec["build"]) == ("repo/processor:1", {"codeEntryType": "image"})
    with pytest.raises(InvalidArgumentError, match="needs an image"):
        fn.from_image("")


def test_http() -> None:
    fn = bare()
    assert fn.with_http(workers=2, port=31000, annotations={"a": 1}) is fn
    assert fn.spec.config["spec.triggers.http"]["attributes"]["port"] == 31000
    fn.with_http(trigger_name="web", workers=None)
    assert list(fn.spec.config) == ["spec.triggers.web"]  # there is one HTTP trigger
    for values, message in (
        ({"worker_timeout": 60, "gateway_timeout": 60}, "must be greater than the worker"),
        ({"canary": 101, "host": "h"}, "from 0 to 100"),
        ({"workers": -1}, "from 0"),
        ({"worker_timeout": -1}, "seconds"),
        ({"extra_attributes": {"readBufferSze": 1}}, "readBufferSize"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            bare().with_http(**values)


def test_v3io_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    fn = bare()
    fn.add_v3io_stream_trigger(
        "v3io://host/projects/p/stream", group="g1", shards=3, ack_window_size=7,
        max_workers=2, consumer_group="ignored",
    )  # fmt: skip
    trigger = fn.spec.config["spec.triggers.stream"]
    assert trigger["url"] == "http://host" and trigger["numWorkers"] == 2
    wanted = {
        "containerName": "projects", "streamPath": "p/stream", "consumerGroup": "g1",
        "readBatchSize": 256, "ackWindowSize": 7, "seekTo": "earliest",
    }  # fmt: skip
    assert wanted.items() <= trigger["attributes"].items()
    assert (fn.spec.min_replicas, fn.spec.max_replicas) == (3, 3)
    with pytest.raises(InvalidArgumentError, match="consumer group"):
        fn.add_v3io_stream_trigger("projects/p", group="_bad")
    with pytest.raises(InvalidArgumentError, match="unexpected keyword"):
        fn.add_v3io_stream_trigger("projects/p", nosuch=1)
    monkeypatch.setenv("V3IO_API", "http://api")
    fn.with_v3io("/data", "users/me")
    spec = fn.to_nuclio()["spec"]
    assert {"name": "V3IO_API", "value": "http://api"} in spec["env"]
    assert spec["volumes"][0]["volumeMount"] == {"name": "v3io", "mountPath": "/data"}


def test_sidecars_and_service() -> None:
    fn = bare().with_sidecar("a-long-name-of-it", "img:1", [80, 81], "run", ["-x"])
    row = fn.to_nuclio()["spec"]["sidecars"][0]
    assert [port["name"] for port in row["ports"]] == ["a-long-name-o-0", "a-long-name-o-1"]
    assert (row["command"], row["args"]) == (["run"], ["-x"])
    fn.with_sidecar("a-long-name-of-it", ports=82)
    assert len(fn.to_nuclio()["spec"]["sidecars"]) == 1
    with pytest.raises(InvalidArgumentError, match="port 0"):
        fn.with_sidecar(ports=0)
    with pytest.raises(InvalidArgumentError, match="Did you mean 'ClusterIP'"):
        fn.with_service_type("ClusterIp")
    with pytest.raises(InvalidArgumentError, match="ingress host mode"):
        fn.with_service_type("ClusterIP", "sometimes")
    fn.enable_default_http_trigger()
    assert fn.to_nuclio()["spec"]["disableDefaultHTTPTrigger"] is False
    with pytest.raises(FunctionError, match="do not apply"):
        fn.set_state_thresholds({"executing": "1h"})


def test_triggers_add_up_with_those_of_a_notebook(tmp_path: Path) -> None:
    """The same code and settings as nuclio.export.NuclioExporter of nuclio-jupyter 0.13 gives."""
    sources = [
        "# nuclio: ignore\nimport nuclio",
        "%nuclio cmd -c pip install requests\n%nuclio env LEVEL=3\n%nuclio env A=b c",
        "%%nuclio cmd\npip install lxml\napt-get update",
        '%nuclio config spec.build.baseImage = "python:3.9"\n'
        "%nuclio config spec.maxReplicas = 5\n"
        '%nuclio config spec.triggers.web = {"kind": "http", "maxWorkers": 3}',
        "%nuclio mount -t pvc -n data /mnt my-claim",
        "print('before')",
        "# nuclio: start-code",
        "import json\nK = 3",
        "!ls\ndef handler(context, event):\n"
        "    return context.Response(body=json.dumps(K), status_code=200)",
        "# nuclio: end-code",
        "handler(None, None)",
    ]
    cells = [
        {"cell_type": "code", "source": text, "metadata": {}, "outputs": []} for text in sources
    ]
    path = tmp_path / "My Notebook.ipynb"
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells})
    )
    fn: Any = ml.code_to_function("nb", project="shop", filename=str(path), kind="nuclio")
    fn.add_trigger("tick", CronTrigger(interval="5s"))
    made = fn.to_nuclio()
    spec = made["spec"]
    lines = code_of(made).split("\n")
    assert [line for line in lines if line and not line.startswith("#")] == [
        "import json",
        "K = 3",
        "def handler(context, event):",
        "    return context.Response(body=json.dumps(K), status_code=200)",
    ]
    assert spec["handler"] == "handler:handler"
    assert spec["env"] == [{"name": "LEVEL", "value": "3"}, {"name": "A", "value": "b c"}]
    commands = ["pip install requests", "pip install lxml", "apt-get update"]
    assert spec["build"]["commands"] == commands and spec["build"]["baseImage"] == "python:3.9"
    assert spec["maxReplicas"] == 5 and set(spec["triggers"]) == {"web", "tick"}
    assert spec["triggers"]["web"] == {"kind": "http", "maxWorkers": 3, "name": "web"}
    assert spec["volumes"] == [
        {
            "volume": {"name": "data", "persistentVolumeClaim": {"claimName": "my-claim"}},
            "volumeMount": {"name": "data", "mountPath": "/mnt"},
        }
    ]
    assert fn.to_mock_server().test("/") == "3"


def test_functions_of_other_kinds(tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text("def train(depth: int = 2):\n    return depth\n")
    job = ml.code_to_function("job", filename=str(file), kind="job", handler="train")
    spec = to_nuclio(job)[""][0]["spec"]
    assert spec["handler"] == "train:handler" and "nuclio_init_hook" in code_of({"spec": spec})
    export_nuclio(job, tmp_path / "out")
    assert (tmp_path / "out" / "train.py").is_file()


def test_serving_specs_and_secrets() -> None:
    fn: Any = ml.new_function("fn", project="shop", kind="serving")
    fn.set_topology("flow", engine="sync").to(name="one", handler="(event * 2)")
    fn.spec.parameters["limit"] = 3
    fn.spec.error_stream = "kafka://k:9092/errors"
    told = json.loads(fn.serving_spec())
    assert told["function_uri"] == "shop/fn" and told["version"] == "v2"
    assert told["parameters"] == {"limit": 3} and told["error_stream"] == "kafka://k:9092/errors"
    assert told["graph"]["steps"]["one"]["handler"] == "(event * 2)"
    env = {row["name"]: row.get("value") for row in fn.to_nuclio()["spec"]["env"]}
    assert json.loads(env["SERVING_SPEC_ENV"]) == told
    assert "mlrun-like[kafka]" in fn.to_nuclio()["spec"]["build"]["commands"][-1]
    fn.with_secrets("inline", {"TOKEN": "s3cret"})
    with pytest.raises(PreflightError, match="'TOKEN' was given inline"):
        fn.to_nuclio()
    fn.set_env_from_secret("TOKEN", "my-secret", "token")
    assert "s3cret" not in json.dumps(fn.to_nuclio()) + fn.serving_spec()


def test_queues_that_nuclio_cannot_read(tmp_path: Path) -> None:
    file = tmp_path / "part.py"
    file.write_text("def add(body):\n    return body\n")
    fn: Any = ml.code_to_function("g", filename=str(file), kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.to(name="a", handler="add").to(">>", "q", path="redis://h/q").to(
        name="b", handler="add", function="child"
    )
    with pytest.raises(PreflightError, match="'child' is used in steps and is not defined"):
        fn.to_nuclio()
    fn.add_child_function("child", str(file))
    with pytest.raises(PreflightError, match="no trigger for the stream 'redis://h/q'"):
        fn.to_nuclio()


def plus(body: Any) -> Any:
    return body + START


class Times:
    def __init__(self, by: int = 2) -> None:
        self.by = by

    def do(self, body: Any) -> Any:
        return body * self.by


def test_code_of_live_steps_travels() -> None:
    fn: Any = ml.new_function("live", project="shop", kind="serving")
    fn.set_topology("flow", engine="sync").to(plus).to(Times, by=3)
    code = code_of(fn.to_nuclio())
    assert "_unpack_modules" in code and "test_nuclio.py" in code
    assert "modules" not in fn.to_dict()["spec"].get("build", {})  # the function stays as it is


def test_steps_that_nothing_defines() -> None:
    fn: Any = ml.new_function("live", project="shop", kind="serving")
    graph = fn.set_topology("flow", engine="sync")
    graph.to("Scorer", "s").to("storey.Filter", _fn="(event > 1)").to(name="x", handler="(event)")
    with pytest.raises(PreflightError, match="'s' names 'Scorer', which is not in"):
        fn.to_nuclio()
