from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    InvalidArgumentError,
    NotFoundError,
    StateError,
)
from mlrun_like.runs.context import MLClientCtx, current_context, use_context

if TYPE_CHECKING:
    from tests.runs.conftest import Bench


# reading


def test_parameters_are_copies_and_defaults_are_kept(bench: Bench) -> None:
    context = bench.context(parameters={"a": {"b": [1]}})
    context.get_param("a")["b"].append(2)
    context.parameters["a"]["b"].append(3)
    assert context.get_param("a") == {"b": [1]}
    assert context.get_param("new", 5) == 5
    assert context.get_param("none") is None
    assert context.parameters == {"a": {"b": [1]}, "new": 5, "none": None}


def test_live_parameters(bench: Bench) -> None:
    frame = pd.DataFrame({"a": [1]})
    context = bench.context(parameters={"df": "..."}, live={"df": frame})
    assert context.get_param("df") is frame
    assert context.parameters == {"df": "..."}


def test_inputs(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    context = bench.context(inputs={"a": "a.txt"}, input_path=str(tmp_path))
    assert context.get_input("a").get(encoding="utf-8") == "hello"
    assert context.inputs["a"] is context.get_input("a")
    other = context.get_input("b", url=str(tmp_path / "a.txt"))
    assert other.get() == b"hello"
    assert "b" in context.inputs
    with pytest.raises(NotFoundError, match="no input 'c'"):
        context.get_input("c")


def test_reading_an_artifact_is_recorded(bench: Bench) -> None:
    maker, reader = bench.context(), bench.context()
    uri = maker.log_artifact("notes", body="text").uri
    assert reader.get_dataitem(uri).get() == b"text"
    bench.store.flush()
    edges = bench.store.lineage("default", reader._run.metadata.uid)
    assert [(edge["artifact_uri"], edge["direction"]) for edge in edges] == [(uri, "read")]


def test_secrets(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    context = bench.context()
    context._job.secrets = {"A": "given"}
    monkeypatch.setenv("B", "of the environment")
    monkeypatch.setenv("MLRUN_K8S_SECRET__C", "of the cluster")
    assert [context.get_secret(key) for key in "ABCD"] == [
        "given",
        "of the environment",
        "of the cluster",
        None,
    ]
    assert context.get_secret("D", "default") == "default"


def test_paths(bench: Bench, tmp_path: Path) -> None:
    context = bench.context(output_path=f"{tmp_path}/{{{{run.project}}}}/{{{{run.uid}}}}/")
    assert context.artifact_path.rstrip("/") == f"{tmp_path}/default/{context.uid}"
    assert context.out_path == context.artifact_path
    assert context.artifact_subpath("a", "/b/") == f"{tmp_path}/default/{context.uid}/a/b"


def test_identity(bench: Bench) -> None:
    context = bench.context()
    assert context.uri == f"default@{context.uid}#0"
    assert context.tag == context.tree == context.uid
    context.set_label("workflow", "w1")
    assert context.tag == "w1"
    assert context.get_meta()["uri"] == f"default/{context.uid}"
    assert context.name == "r"
    context.log_level = "debug"
    assert context.log_level == "debug"


# logging


def test_results(bench: Bench) -> None:
    context = bench.context()
    context.log_result("n", np.float64(0.5))
    context.log_results({"list": (1, np.int64(2)), "nested": {"a": np.array([1, 2])}})
    context.log_result("object", Path("x"))
    assert context.results == {
        "n": 0.5,
        "list": [1, 2],
        "nested": {"a": [1, 2]},
        "object": "x",
    }
    assert isinstance(context.results["n"], float)
    context.results["n"] = 1
    assert context.results["n"] == 0.5
    context.log_result("now", 1, commit=True)
    assert bench.recorded(context).status.results["now"] == 1


@pytest.mark.parametrize("key", ["", "a/b", " "])
def test_keys_are_checked(bench: Bench, key: str) -> None:
    context = bench.context()
    with pytest.raises(InvalidArgumentError):
        context.log_result(key, 1)
    with pytest.raises(InvalidArgumentError):
        context.log_metric(key, 1)


def test_log_results_takes_a_mapping(bench: Bench) -> None:
    with pytest.raises(InvalidArgumentError, match="not list"):
        bench.context().log_results([1])  # type: ignore[arg-type]


def test_results_are_seen_before_the_end(bench: Bench) -> None:
    context = bench.context()
    context.log_result("first", 1)
    assert bench.recorded(context).status.results == {}
    with config.override(heartbeat_interval=0.0):
        context = bench.context()
        context.log_result("second", 2)
        assert bench.recorded(context).status.results == {"second": 2}
        context.log_metric("loss", 0.5)
        assert bench.recorded(context).status.results["loss"] == 0.5


def test_metrics(bench: Bench) -> None:
    context = bench.context()
    for value in (3, 2, 1):
        context.log_metric("loss", value)
    context.log_metrics({"loss": 0.5, "acc": True}, step=10)
    context.log_metric("loss", 0.25)
    context.commit(completed=True)
    run = bench.recorded(context)
    assert run.metrics("loss")["loss"] == [(0, 3), (1, 2), (2, 1), (10, 0.5), (11, 0.25)]
    assert run.metrics()["acc"] == [(10, 1.0)]
    assert run.status.results == {"loss": 0.25, "acc": 1.0}
    with pytest.raises(InvalidArgumentError, match="must be a number"):
        context.log_metric("loss", "low")  # type: ignore[arg-type]


def test_artifacts(bench: Bench) -> None:
    context = bench.context()
    artifact = context.log_artifact("notes", body="text", labels={"a": "1"})
    table = context.log_dataset("table", pd.DataFrame({"a": [1, 2]}))
    assert context.get_cached_artifact("notes") is artifact
    assert [item["metadata"]["key"] for item in context.artifacts] == ["notes", "table"]
    artifact.metadata.labels["b"] = "2"
    context.update_artifact(artifact)
    stored = bench.store.read_artifact("default", artifact.spec.db_key)
    assert stored["metadata"]["labels"] == {"a": "1", "b": "2"}
    with pytest.raises(NotFoundError, match="no artifact 'x'"):
        context.get_cached_artifact("x")
    context.commit(completed=True)
    run = bench.recorded(context)
    assert run.status.artifact_uris == {"notes": artifact.uri, "table": table.uri}
    item = run.artifact("table")
    assert item is not None and len(item.as_df()) == 2


# state


def test_labels_and_annotations(bench: Bench) -> None:
    context = bench.context()
    context.set_label("a", 1)
    context.set_label("a", 2, replace=False)
    context.set_annotation("b", 1)
    context.set_annotation("b", 2, replace=False)
    context.set_hostname("elsewhere")
    context.labels["a"] = "changed"
    context.commit("a message")
    run = bench.recorded(context)
    assert run.metadata.labels == {"a": "1"}
    assert run.metadata.annotations == {"b": "1", "message": "a message"}
    assert run.status.host == "elsewhere"
    with pytest.raises(InvalidArgumentError):
        context.set_label("not a label!", 1)


def test_states_move_legally(bench: Bench) -> None:
    context = bench.context()
    with pytest.raises(StateError):
        context.set_state("created")
    with pytest.raises(StateError):
        context.set_state("flying")
    context.set_state("completed")
    with pytest.raises(StateError):
        context.set_state("running")
    assert bench.recorded(context).state() == "completed"


def test_an_error_is_final(bench: Bench) -> None:
    context = bench.context()
    context.set_state(error="broken")
    context.set_state("completed")
    context.commit(completed=True)
    run = bench.recorded(context)
    assert (run.state(), run.error) == ("error", "broken")


def test_the_current_context(bench: Bench) -> None:
    assert current_context() is None
    context = bench.context()
    with use_context(context):
        assert current_context() is context
    assert current_context() is None


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (None, "completed"),
        (SystemExit(0), "completed"),
        (SystemExit(2), "error"),
        (ValueError("x"), "error"),
        (KeyboardInterrupt(), "aborted"),
    ],
)
def test_a_with_block_ends_the_run(bench: Bench, error: BaseException | None, state: str) -> None:
    context = bench.context()
    try:
        with context:
            if error is not None:
                raise error
    except BaseException as exc:  # noqa: BLE001 - also those that end programs
        assert exc is error
    run = bench.recorded(context)
    assert run.state() == state
    assert run.status.end_time
    if isinstance(error, ValueError):
        assert run.error == "ValueError: x"
        assert "raise error" in run.status.traceback


def test_to_dict(bench: Bench) -> None:
    context = bench.context()
    assert sorted(context.to_dict()) == ["kind", "metadata", "spec", "status"]


def test_what_is_not_recorded_is_an_output_by_its_file(bench: Bench) -> None:
    def handler(context: MLClientCtx) -> None:
        context.log_artifact("hidden", body="seen", db_key=False)
        context.log_artifact("small", body="here", db_key=False, is_inline=True)
        context.log_artifact("kept", body="too")

    run = bench.run(handler)
    assert run.output("hidden").endswith("/hidden") and run.artifact("hidden").get() == b"seen"
    assert run.output("small").startswith("store://") and run.output("kept").startswith("store://")
