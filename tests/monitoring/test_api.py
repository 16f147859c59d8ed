"""MLRun's functions of recorded results: endpoints, rows, data sets, statistics, thresholds."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import mlrun_like as ml
from mlrun_like.artifacts.manager import ArtifactManager, Producer
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.monitoring import api
from mlrun_like.monitoring.clock import simulated
from mlrun_like.monitoring.endpoints.records import get_model_endpoint, list_model_endpoints
from mlrun_like.monitoring.recording.reading import count_events, read_events, read_stats
from mlrun_like.promotion.inference import batch_inference
from mlrun_like.tracking.connect import close_stores, open_store

FRAME = pd.DataFrame({"a": np.linspace(-1, 1, 60), "b": np.arange(60.0), "y": [0] * 30 + [1] * 30})


@pytest.fixture
def model() -> Iterator[Any]:
    manager = ArtifactManager(open_store(), Producer("run", "t", "demo/1", "demo", "1"))
    fitted = LogisticRegression(max_iter=500).fit(FRAME[["a", "b"]], FRAME["y"])
    yield manager.log_model(
        "net", fitted, framework="sklearn", training_set=FRAME, label_column="y"
    )
    close_stores()


# read_dataset_as_dataframe and get_sample_set_statistics, as MLRun's tests have them


def test_read_dataset_as_dataframe() -> None:
    rows = [[5.8, 2.8, 5.1, 2.4], [6.0, 2.2, 4.0, 1.0]]
    names = ["f1", "f2", "f3", "f4"]
    frame, labels = api.read_dataset_as_dataframe(rows, feature_columns=names)
    assert list(frame.columns) == names and frame["f1"].tolist() == [5.8, 6.0] and labels == []
    given = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    frame, labels = api.read_dataset_as_dataframe(given, drop_columns="f2", label_columns="f4")
    assert list(frame.columns) == ["f1", "f3", "f4"] and labels == ["f4"]
    frame, _ = api.read_dataset_as_dataframe(np.array(rows), names, drop_columns=[0, 2])
    assert list(frame.columns) == ["f2", "f4"]
    assert api.read_dataset_as_dataframe(pd.Series([1], name="x"))[0]["x"].tolist() == [1]
    before = FRAME.copy()
    api.read_dataset_as_dataframe(FRAME, drop_columns="b")
    assert FRAME.equals(before)


@pytest.mark.parametrize(
    ("dataset", "options", "said"),
    [
        ([[1]], {}, "Feature columns list must be provided"),
        ([[1, 2]], {"feature_columns": ["a"]}, "no table of 1 columns"),
        ([[1]], {"feature_columns": ["a"], "drop_columns": "a"}, "must be an integer"),
        ({"a": [1], "b": [1, 2]}, {}, "Could not parse"),
        (7, {}, "unsupported type"),
        ({"a": [1]}, {"drop_columns": "z"}, "drop_columns names 'z'"),
    ],
)
def test_data_sets_that_are_none(dataset: Any, options: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        api.read_dataset_as_dataframe(dataset, **options)


def test_statistics_of_a_sample_set() -> None:
    found = api.get_sample_set_statistics(FRAME, {"x": {}}, sample_set_drop_columns=["y"])
    assert set(found) == {"a", "b"} and len(found["a"]["hist"][0]) == 20
    assert api.get_sample_set_statistics(None, {"x": {"mean": 1}}) == {"x": {"mean": 1}}
    assert set(api.get_sample_set_statistics([[1, 2]], None, ["p", "q"])) == {"p", "q"}
    nothing: list[dict[str, Any] | None] = [None, {}]
    for stats in nothing:
        with pytest.raises(InvalidArgumentError, match="no sample set to compare to"):
            api.get_sample_set_statistics(None, stats)


# endpoints


def test_an_endpoint_is_made_once(model: Any) -> None:
    made = api.get_or_create_model_endpoint("demo", "fraud", model.uri, function_name="f")
    spec = made.spec
    assert spec.model_uri == model.uri and spec.function_uri == "demo/f:latest"
    assert spec.feature_names == ["a", "b"] and spec.label_names == ["y"]
    assert set(made.status.feature_stats) >= {"a", "b"} and spec.monitoring_mode == "enabled"
    again = api.get_or_create_model_endpoint("demo", "fraud", model.uri, function_name="f")
    assert again.metadata.uid == made.metadata.uid and len(list_model_endpoints("demo")) == 1
    by_uid = api.get_or_create_model_endpoint("demo", endpoint_id=made.metadata.uid)
    assert by_uid.metadata.name == "fraud"
    own = api.get_or_create_model_endpoint(
        "demo", "other", endpoint_id="123", sample_set_statistics={"a": {"mean": 1.0}},
        monitoring_mode="disabled",
    )  # fmt: skip
    assert own.metadata.uid == "123" and own.status.feature_stats == {"a": {"mean": 1.0}}
    assert own.spec.monitoring_mode == "disabled"


def test_an_endpoint_keeps_its_model(model: Any, caplog: pytest.LogCaptureFixture) -> None:
    api.get_or_create_model_endpoint("demo", "fraud", model.uri)
    manager = ArtifactManager(open_store(), Producer("run", "t", "demo/2", "demo", "2"))
    other = manager.log_model("other", body=b"x", model_file="other.bin")
    with pytest.raises(InvalidArgumentError, match="does not match"):
        api.get_or_create_model_endpoint("demo", "fraud", other.uri)
    api.get_or_create_model_endpoint("demo", "fraud", sample_set_statistics={"z": {}})
    assert "different from the registered" in caplog.text
    with pytest.raises(InvalidArgumentError, match="needs a name"):
        api.get_or_create_model_endpoint("demo", endpoint_id="none")
    with pytest.raises(NotFoundError):
        api.get_or_create_model_endpoint("demo", "x", "store://models/demo/nothing")


def test_the_function_is_that_of_the_context(model: Any) -> None:
    @ml.function()
    def score(context: ml.MLClientCtx) -> str:
        return api.record_results(
            context.project, model.uri, "in-run", context=context, infer_results_df=FRAME
        ).spec.function_name

    done = score.run(project="demo")
    assert done.outputs["return"] == "score"


# rows


def test_recorded_results_are_read_back(model: Any) -> None:
    before = FRAME.copy()
    with simulated(1_700_000_000.0):
        made = api.record_results("demo", model.uri, "fraud", infer_results_df=FRAME)
    assert FRAME.equals(before)
    found = read_events("demo", made.metadata.uid)
    assert found["a"].tolist() == FRAME["a"].tolist() and found["y"].tolist() == FRAME["y"].tolist()
    assert found.attrs == {"features": ["a", "b"], "predictions": ["y"]}
    assert set(found["time"]) == {1_700_000_000.0}
    assert made.status.last_request == "2023-11-14T22:13:20+00:00"
    assert count_events("demo", made.metadata.uid).rows == 60
    assert read_stats("demo", made.metadata.uid)["a"]["count"] == 60


def test_rows_have_their_own_times(model: Any) -> None:
    times = pd.date_range("2025-01-01", periods=60, freq="min", tz="UTC")
    frame = FRAME.assign(timestamp=times.where(times.minute > 0), other="not a feature")
    made = api.record_results("demo", model.uri, "fraud", infer_results_df=frame)
    found = read_events("demo", made.metadata.uid, end=datetime.datetime(2025, 1, 1, 0, 30, tzinfo=datetime.timezone.utc))  # fmt: skip  # noqa: E501
    assert len(found) == 29 and "other" not in found
    assert read_events("demo", made.metadata.uid)["event_id"].is_unique


def test_rows_that_do_not_fit(model: Any) -> None:
    made = api.record_results("demo", model.uri, "fraud", infer_results_df=FRAME.head(0))
    uid = made.metadata.uid
    assert read_events("demo", uid).empty
    with pytest.raises(InvalidArgumentError, match="none of the model's columns"):
        api.write_monitoring_df(uid, pd.DataFrame({"q": [1]}))
    with pytest.raises(NotFoundError, match="no model endpoint"):
        api.write_monitoring_df("nobody", FRAME, 0.0)
    odd = pd.DataFrame({"a": [None, "text", [1]], "b": [1.0, np.inf, np.nan]})
    api.write_monitoring_df(uid, odd, 5.0)
    assert len(read_events("demo", uid)) == 3


def test_thresholds(model: Any) -> None:
    made = api.record_results("demo", model.uri, "fraud", drift_threshold=0.8)
    assert made.spec.monitor_configuration == {"drift_detected": 0.8}
    assert api.get_drift_thresholds_if_not_none(made) == (0.8, 0.5)
    assert api.get_drift_thresholds_if_not_none(made, 0.9, 0.1) == (0.9, 0.1)
    with pytest.raises(InvalidArgumentError, match="Cannot change existing drift threshold"):
        api.record_results("demo", model.uri, "fraud", drift_threshold=0.6)
    with pytest.raises(NotFoundError, match="No model endpoints"):
        api.trigger_drift_batch_job("demo")


def test_results_are_logged() -> None:
    @ml.function()
    def infer(context: ml.MLClientCtx) -> None:
        api.log_result(context, "said", FRAME, "v1", None)

    done: Any = infer.run(project="demo")
    assert done.outputs["batch_id"] and len(done.artifact("said").as_df()) == 60


def test_batch_inference_records_its_rows(model: Any) -> None:
    done = batch_inference.run(
        params={
            "model_path": model.uri, "dataset": FRAME[["a", "b"]], "chunk": 25,
            "model_endpoint_name": "nightly", "trigger_monitoring_job": True,
        },
        project="demo",
    )  # fmt: skip
    endpoint = get_model_endpoint("demo", name="nightly")
    assert done.outputs["endpoint_id"] == endpoint.metadata.uid
    assert done.outputs["recorded_rows"] == done.outputs["rows"] == 60
    found = read_events("demo", endpoint.metadata.uid)
    assert len(found) == 60 and sorted(found["a"]) == sorted(FRAME["a"])
    assert found.attrs["predictions"] == ["y"] and endpoint.spec.model_uri
    done = batch_inference.run(
        params={"model_path": model.uri, "dataset": FRAME[["a", "b"]], "endpoint_id": "77"},
        project="demo",
    )
    assert done.outputs["endpoint_id"] == "77" and len(read_events("demo", "77")) == 60


def test_a_model_may_be_a_path() -> None:
    made = api.record_results("demo", "path/to/model", "outside", infer_results_df=FRAME)
    assert (made.spec.model_uri, made.status.feature_stats) == ("path/to/model", {})
    assert len(read_events("demo", made.metadata.uid)) == 60
    assert api.record_results("demo", "path/to/model", "outside").metadata == made.metadata
    with pytest.raises(InvalidArgumentError, match="does not match the path"):
        api.record_results("demo", "path/to/other", "outside")
    [listed] = found = list_model_endpoints("demo")
    assert found.endpoints == [listed] and listed.metadata.name == "outside"
