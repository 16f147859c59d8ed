"""Batch inference: predictions of data sets of any form and size, and the drift report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import mlrun_like as ml
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.manager import ArtifactManager, Producer
from mlrun_like.errors import RunError
from mlrun_like.names import new_uid
from mlrun_like.promotion.drift import DriftMeter
from mlrun_like.promotion.inference import batch_inference
from mlrun_like.promotion.promote import promote
from mlrun_like.promotion.registry import set_alias
from mlrun_like.schedules import Trigger
from mlrun_like.schedules.define import read_schedule
from mlrun_like.statistics.distances import distances
from mlrun_like.statistics.verdict import DETECTED, NONE
from mlrun_like.tracking.store import SqlStore


def run(dataset: Any, **options: Any) -> Any:
    inputs = {"dataset": dataset} if isinstance(dataset, str) else {}
    params = {} if inputs else {"dataset": dataset}
    uri = "store://models/demo/train_net:champion"
    return batch_inference.run(
        params={"model_path": uri, **params, **options}, inputs=inputs, project="demo"
    )


@pytest.fixture
def champion(log_model: Any) -> Any:
    model = log_model()
    set_alias(model, "champion")
    return model


def test_a_file_in_chunks(champion: Any, rows: pd.DataFrame, tmp_path: Path) -> None:
    features = rows.drop(columns="y")
    path = str(tmp_path / "new.parquet")
    features.to_parquet(path)
    done = run(path, chunk=70, batch_id="b1")
    assert done.outputs["batch_id"] == "b1" and done.outputs["rows"] == 300
    found = get_dataitem("store://datasets/demo/prediction").as_df()
    assert list(found.columns) == ["x", "z", "country", "gender", "y"]
    assert (found["x"].to_numpy() == rows["x"].to_numpy()).all()
    assert ((found["y"] == 1) == (found["x"] > 0)).mean() > 0.8
    assert done.outputs["drift_status"] is False and done.outputs["drift_metric"] < 0.05
    report = get_dataitem(done.outputs["features_drift_results"])
    results = json.loads(str(report.get(encoding="utf-8")))
    assert set(results) == {"x", "z"} and results["x"]["status"] == NONE
    page = str(get_dataitem(done.outputs["drift_table_plot"]).get(encoding="utf-8"))
    assert page.startswith("<!DOCTYPE html>") and "<svg" in page


def test_drifted_data(champion: Any, rows: pd.DataFrame) -> None:
    moved = rows.drop(columns="y").assign(x=rows["x"] + 30)
    done = run(moved)
    assert done.outputs["drifted_features"] == ["x"]
    done = run(moved, model_endpoint_drift_threshold=0.4, result_set_name="other")
    assert done.outputs["drift_status"] is True


@pytest.mark.parametrize("form", ["csv", "jsonl", "folder", "list", "dict", "array", "dask"])
def test_forms_of_data(champion: Any, rows: pd.DataFrame, tmp_path: Path, form: str) -> None:
    features = rows[["x", "z"]]
    dataset: Any = str(tmp_path / f"new.{form}")
    if form == "csv":
        features.to_csv(dataset, index=False)
    elif form == "jsonl":
        features.to_json(dataset, orient="records", lines=True)
    elif form == "folder":
        features.assign(part=rows["country"]).to_parquet(dataset, partition_cols=["part"])
    elif form == "dask":
        dd = pytest.importorskip("dask.dataframe")
        dataset = dd.from_pandas(features, npartitions=3)
    else:
        dataset = {
            "list": features.to_numpy().tolist(),
            "dict": features.to_dict(orient="list"),
            "array": features.to_numpy(),
        }[form]
    done = run(dataset, chunk=100)
    assert done.outputs["rows"] == 300
    found = get_dataitem("store://datasets/demo/prediction").as_df()
    assert len(found) == 300 and found["y"].isin([0, 1]).all()


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({}, "the data set has columns"),
        ({"drop_columns": "yy"}, "drop_columns names 'yy'"),
        ({"drop_columns": ["x", "y"]}, "no column 'x'"),
        ({"drop_columns": "y", "label_columns": ["a", "b"]}, "gives 1 values"),
        ({"drop_columns": "y", "model_path": "net.pkl"}, "no URI of a logged model"),
        ({"drop_columns": "y", "chunk": 0}, "chunk 0"),
    ],
)
def test_what_does_not_fit(champion: Any, rows: Any, options: Any, hint: str) -> None:
    with pytest.raises(RunError, match=hint):
        run(rows, **options)


def test_options(champion: Any, rows: pd.DataFrame) -> None:
    done = run(
        rows, drop_columns="y", label_columns="said", perform_drift_analysis=False,
        log_result_set=False,
    )  # fmt: skip
    assert "drift_metric" not in done.outputs and "prediction" not in done.outputs
    done = run(rows, drop_columns=[4], model_endpoint_sample_set=rows[["x"]] + 50)
    assert done.outputs["drifted_features"] == ["x"]
    empty = run(rows.drop(columns="y").head(0))
    assert empty.outputs["rows"] == 0


def test_a_model_without_statistics(log_model: Any, rows: pd.DataFrame) -> None:
    set_alias(log_model(training_set=None, label_column=None), "champion")
    done = run(rows[["x", "z"]])
    assert "drift_metric" not in done.outputs
    assert "predicted_label" in get_dataitem("store://datasets/demo/prediction").as_df()
    with pytest.raises(RunError, match="no statistics"):
        run(rows[["x", "z"]], perform_drift_analysis=True)


def test_distances_from_their_definitions() -> None:
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    found = distances(p * 100, q * 7)
    assert found["tvd"] == pytest.approx(0.3)
    assert found["hellinger"] == pytest.approx(np.sqrt(((p**0.5 - q**0.5) ** 2).sum() / 2))
    assert found["kl"] == pytest.approx((q * np.log(q / p)).sum())
    assert found["psi"] == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert all(np.isfinite(value) for value in distances([1, 0, 0], [0, 0, 1]).values())


def test_drift_of_odd_columns() -> None:
    stats = {
        "x": {"count": 4, "hist": [[1, 1, 2], [0.0, 1.0, 2.0, 3.0]]},
        "kind": {"count": 4, "top": "a", "freq": 3},
        "broken": {"hist": [[1], [2]]},
        "none": None,
    }
    meter = DriftMeter(stats)
    assert meter.features == ["x", "kind"]
    meter.add(pd.DataFrame({"x": [0.5, None, -9, 3.0], "kind": ["a", "b", "b", None]}))
    meter.add(pd.DataFrame({"x": [99.0, float("inf")]}))
    x = next(one for one in meter.result() if one.feature == "x")
    assert x.rows == 5 and x.missing == pytest.approx(1 / 6) and x.actual[0] == 0.2
    meter = DriftMeter(stats)
    meter.add(pd.DataFrame({"kind": ["z"] * 50}))
    assert meter.result()[0].status == DETECTED


_BOUNDED = """
import resource, sys
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq
import mlrun_like as ml
from mlrun_like.promotion.inference import infer

class Sum:
    def predict(self, frame):
        return frame.sum(axis=1).to_numpy()

def main():
    path = sys.argv[1]
    context = ml.get_or_create_ctx("big", project="demo")
    sample = pd.DataFrame({f"c{n}": np.random.rand(100) for n in range(8)})
    model = context.log_model("net", Sum(), training_set=sample)
    with pq.ParquetWriter(path, pa.Schema.from_pandas(sample)) as writer:
        for _ in range(20):
            part = pd.DataFrame({f"c{n}": np.random.rand(100_000) for n in range(8)})
            writer.write_table(pa.Table.from_pandas(part))
    infer(context, sample, model.uri, result_set_name="small")  # everything is imported now
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    infer(context, path, model.uri)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used)
    print(context.results["rows"])
    context.commit(completed=True)

main()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_memory_does_not_grow_with_the_file(home: Path, tmp_path: Path) -> None:
    script = tmp_path / "big.py"
    script.write_text(_BOUNDED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "big.parquet")],
        env={"MLRUN_LIKE_HOME": str(home), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1",
             "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    grown, rows = map(int, done.stdout.split()[-2:])
    assert rows == 2_000_000
    assert grown < 100 << 10, f"{grown} KiB more than before, for a file of 150 MiB"
    assert (tmp_path / "big.parquet").stat().st_size > 120 << 20


def _xgboost(table: Any, truth: Any) -> Any:
    return pytest.importorskip("xgboost").XGBClassifier(n_estimators=5).fit(table, truth)


def _lightgbm(table: Any, truth: Any) -> Any:
    made = pytest.importorskip("lightgbm").LGBMClassifier(n_estimators=5, verbose=-1)
    return made.fit(table, truth)


def _torch(table: Any, truth: Any) -> Any:
    del table, truth
    torch = pytest.importorskip("torch")
    made = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        made.weight[:] = torch.tensor([[1.0, 0.0]])
    return made


def _onnx(table: Any, truth: Any) -> Any:
    pytest.importorskip("onnxruntime")
    convert = pytest.importorskip("skl2onnx").to_onnx
    made = LogisticRegression().fit(table.to_numpy(), truth)
    return convert(made, table.to_numpy().astype("float32"))


@pytest.mark.slow
@pytest.mark.parametrize("make", [_xgboost, _lightgbm, _torch, _onnx])
def test_models_of_other_frameworks(make: Any, store: SqlStore, rows: pd.DataFrame) -> None:
    table, truth = rows[["x", "z"]], (rows.x > 0).astype(int)
    uid = new_uid()
    manager = ArtifactManager(store, Producer("run", "train", f"demo/{uid}", "demo", uid))
    training = table.assign(y=truth)
    model = manager.log_model("net", make(table, truth), training_set=training, label_column="y")
    set_alias(model, "champion")
    run(table, chunk=128)
    found = get_dataitem("store://datasets/demo/prediction").as_df()
    assert ((found["y"] > 0) == (truth == 1)).mean() > 0.95
    limit = "auc >= 0.9" if make is not _onnx else "accuracy >= 0.9"
    assert promote(model, gates=[limit, "smoke"], test_set=training, label="y").accepted


def test_drift_is_an_event_for_triggers(
    champion: Any, rows: pd.DataFrame, store: SqlStore, tmp_path: Path
) -> None:
    file = tmp_path / "work.py"
    file.write_text("def work(event):\n    pass\n")
    work = ml.code_to_function("work", filename=file, kind="process", handler="work")
    when = Trigger("event", "drift", param="event", name="retrain")
    work.run(schedule=when, project="demo")
    run(rows.drop(columns="y"))
    assert not read_schedule(store, "demo", "retrain").spec.state.get("pending")
    moved = rows.drop(columns="y").assign(x=rows["x"] + 30, z=rows["z"] - 30)
    done = run(moved, model_endpoint_drift_threshold=0.4)
    assert done.outputs["drift_status"] is True
    (event,) = read_schedule(store, "demo", "retrain").spec.state["pending"]
    assert event["data"]["features"] == ["x", "z"]
    assert event["data"]["key"] == "train_net" and event["data"]["score"] > 0.4
    assert event["data"]["run"].startswith("demo@") or done.uid() in event["data"]["run"]
