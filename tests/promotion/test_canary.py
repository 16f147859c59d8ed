"""The registry moves the traffic of a serving graph: a share, all, back."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mlrun_like as ml
from mlrun_like.cli.models import app
from mlrun_like.errors import InvalidArgumentError, NotFoundError, StateError
from mlrun_like.promotion.canary import add_versions, follow, set_share, sync, weights
from mlrun_like.promotion.promote import promote
from mlrun_like.promotion.registry import history, set_alias
from mlrun_like.promotion.rollback import rollback

KEY = "train_net"


def _server(path: Path) -> Any:
    function: Any = ml.new_function("canary", kind="serving")
    graph = function.set_topology("flow")
    split = graph.add_step("*TrafficSplit", "split", weights_path=str(path))
    assert add_versions(split, KEY, project="demo") == ["v1", "v2"]
    split.respond()
    return graph.to_mock_server()


def _traffic(server: Any, count: int = 20) -> Counter[str]:
    body = {"inputs": [[0.5, 0.1]]}
    return Counter(server.test(body=body)["model_name"] for _ in range(count))


def _until(server: Any, wanted: dict[str, int]) -> None:
    end = time.monotonic() + 30
    while (found := _traffic(server)) != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.2)


@pytest.mark.slow
def test_a_challenger_gets_a_share_then_all_and_a_rollback_returns(
    log_model: Any, tmp_path: Path
) -> None:
    path = tmp_path / "weights.json"
    promote(log_model(good=False))
    assert follow(KEY, path, share=0.1, project="demo") == {"v1": 1.0}
    second = log_model()
    assert promote(second, to="challenger").accepted
    assert json.loads(path.read_text()) == {"v1": 0.9, "v2": 0.1}
    server = _server(path)
    assert _traffic(server) == {"v1": 18, "v2": 2}
    set_share(KEY, 0.5, why="no complaints", project="demo")
    _until(server, {"v1": 10, "v2": 10})
    assert promote(second).accepted
    _until(server, {"v2": 20})
    rollback("demo", KEY, why="complaints")
    _until(server, {"v1": 20})
    said = [(one.action, one.body["why"]) for one in history("demo")]
    assert ("canary", "no complaints") in said


def test_a_new_challenger_starts_with_the_first_share(log_model: Any, tmp_path: Path) -> None:
    promote(log_model())
    follow("net", tmp_path / "w.json", 0.05, project="demo")
    promote(log_model(), to="challenger")
    set_share(KEY, 0.8, project="demo")
    assert weights(KEY, project="demo")["v2"] == 0.8
    promote(log_model(), to="challenger")
    assert weights(KEY, project="demo") == {"v1": 0.95, "v3": 0.05}
    assert json.loads((tmp_path / "w.json").read_text()) == {"v1": 0.95, "v3": 0.05}


def test_what_cannot_be_shared(log_model: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no model 'net'"):
        weights("net", project="demo")
    first = log_model()
    with pytest.raises(StateError, match="nothing can serve"):
        follow(KEY, tmp_path / "w", project="demo")
    promote(first)
    with pytest.raises(StateError, match="none can get a share"):
        set_share(KEY, 0.5, project="demo")
    for share in (-0.1, 1.1, float("nan"), True, "half"):
        with pytest.raises(InvalidArgumentError, match="from 0 to 1"):
            set_share(KEY, share, project="demo")  # type: ignore[arg-type]
    function: Any = ml.new_function("canary", kind="serving")
    graph = function.set_topology("flow")
    split = graph.add_step("*TrafficSplit", "split")
    with pytest.raises(NotFoundError, match="no version 7"):
        add_versions(split, KEY, [1, 7], project="demo")


def test_a_file_that_cannot_be_written_hinders_no_promotion(log_model: Any, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    promote(log_model())
    follow(KEY, folder / "w.json", project="demo")
    (folder / "w.json").unlink()
    folder.rmdir()
    assert promote(log_model()).accepted
    assert "gone" in next(iter(sync(KEY, project="demo").values()))
    result = CliRunner().invoke(app, ["canary", KEY, "--project", "demo"])
    assert "v2  1" in result.output and "keeps its weights" in result.output
    folder.mkdir()
    assert set(sync(KEY, project="demo").values()) == {""}
    assert json.loads((folder / "w.json").read_text()) == {"v2": 1.0}
    assert [one.name for one in folder.iterdir()] == ["w.json"]


def test_the_command(log_model: Any, tmp_path: Path) -> None:
    promote(log_model())
    run = CliRunner().invoke
    place = ["--project", "demo"]
    path = tmp_path / "w.json"
    made = run(app, ["canary", KEY, "--weights", str(path), "--share", "0.25", *place])
    assert made.output == "v1  1\n"
    set_alias(log_model(), "challenger")
    assert run(app, ["canary", KEY, *place]).output == "v1  0.75\nv2  0.25\n"
    assert json.loads(path.read_text())["v2"] == 0.25
    assert "v2  1" in run(app, ["canary", KEY, "--share", "1", *place]).output
    told = run(app, ["history", KEY, *place]).output
    assert "version 2 gets 1 of the traffic" in told and "new challengers get 0.25; " in told
