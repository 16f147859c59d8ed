"""Engine `spark`: its rows, log and online values are those of the engine `storey`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, SchemaError, StepError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.ingestion.api import ingest, preview
from mlrun_like.feature_store.ingestion.batch import Batch
from mlrun_like.feature_store.online.store import open_online
from mlrun_like.feature_store.steps.base import MLRunStep
from mlrun_like.feature_store.targets.parquet import ParquetTarget
from tests.spark_servers import light_jvm, need_spark

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:PySpark does not yet:FutureWarning"),
]

FRAUD = Path(__file__).parents[3] / "feature_store" / "fraud"


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    need_spark()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("ingestion")
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.driver.extraJavaOptions": light_jvm(),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = builder.getOrCreate()
        yield session
        session.stop()


class Twice(MLRunStep):
    """A step of the users' own."""

    def _do_spark(self, event: Any) -> Any:
        return event.withColumn("y", event["x"] * 2)


class Half(MLRunStep):
    """Another one."""

    def _do_spark(self, event: Any) -> Any:
        return event.filter("k = 0")


def _fraud() -> Any:
    spec = importlib.util.spec_from_file_location("fraud_sets", FRAUD / "definitions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _rows(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return frame.sort_values(keys).reset_index(drop=True)[sorted(frame.columns)]


def _read(feature_set: FeatureSet, name: str = "") -> pd.DataFrame:
    return pd.read_parquet(f"{feature_set.get_target_path(name or None)}")


def _online(feature_set: FeatureSet) -> dict[bytes, bytes]:
    with open_online(str(feature_set.status.targets["nosql"].path)) as store:
        found = dict(store.scan(b""))
    name = f"/{feature_set.name}:".encode()
    return {key.replace(name, b"/:"): blob for key, blob in found.items() if name in key}


@pytest.mark.parametrize("name", ["transactions", "events"])
def test_fraud_is_as_with_the_engine_storey(spark: Any, name: str) -> None:
    results = {}
    keys = ["source", "timestamp"]
    for engine in ("storey", "spark"):
        document = getattr(_fraud(), name)().to_dict()
        document["metadata"]["name"] = f"{name}-{engine}"
        document["spec"]["engine"] = engine
        fset = FeatureSet.from_dict(document)
        fset.set_targets()
        context = {"spark_context": spark} if engine == "spark" else {}
        frame = ingest(fset, str(FRAUD / f"{name}.csv"), chunk_size=400, **context)
        log = pd.read_parquet(f"{fset.get_target_path()}.windows/Aggregates")
        results[engine] = (frame.reset_index(), _read(fset), log, _online(fset), fset)
    one, other = results["storey"], results["spark"]
    order = [*keys, *sorted(set(one[0].columns) - set(keys))]
    for ours, theirs in zip(one[:3], other[:3], strict=True):
        by = [column for column in order if column in ours] or list(ours.columns)
        pd.testing.assert_frame_equal(
            _rows(ours, by), _rows(theirs, by), check_dtype=False, rtol=1e-9
        )
    assert set(one[3]) == set(other[3])
    assert one[3] == other[3]
    assert one[4].spec.features.to_dict() == other[4].spec.features.to_dict()
    assert set(one[4].status.stats) == set(other[4].status.stats)


def _set(name: str, **options: Any) -> FeatureSet:
    made = FeatureSet(name, entities=["k"], timestamp_key="t", engine="spark", **options)
    made.set_targets()
    return made


def _frame(spark: Any, rows: int = 20) -> Any:
    return spark.sql(
        f"select id % 3 as k, timestamp_seconds(1767225600 + id) as t, id as x from range({rows})"
    )


def test_a_spark_frame_and_a_session_of_its_own(spark: Any) -> None:
    zone = spark.conf.get("spark.sql.session.timeZone")
    fset = _set("frames")
    found = ingest(fset, _frame(spark), spark_context=True)
    assert found["x"].tolist() == list(range(20))
    assert _read(fset)["x"].tolist() == list(range(20))
    assert len(_online(fset)) == 3
    assert spark.conf.get("spark.sql.session.timeZone") == zone
    assert ingest(fset, _frame(spark, 5), overwrite=False, return_df=False) is None
    assert len(_read(fset)) == 25


def test_several_outputs_and_steps_of_the_users(spark: Any, tmp_path: Path) -> None:
    fset = FeatureSet("outputs", entities=["k"], timestamp_key="t", engine="spark")
    fset.graph.to(Twice(), "twice").to(Half(), "half")
    all_rows = ParquetTarget("all", str(tmp_path / "all"), after_step="twice")
    fset.set_targets(["parquet", all_rows], with_defaults=False, default_final_step="half")
    found = ingest(fset, _frame(spark), spark_context=spark)
    assert found["y"].tolist() == [0, 6, 12, 18, 24, 30, 36]
    assert len(_read(fset, "all")) == 20


def test_resumed(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fset = _set("resumed")
    fset.add_aggregation("x", ["sum"], ["1h"], "10m")
    write, calls = Batch._write, []

    def failing(self: Batch, number: int, frames: Any) -> None:
        calls.append(number)
        if len(calls) == 4:
            raise OSError("the disk is full")
        write(self, number, frames)

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "_write", failing)
        with pytest.raises(OSError, match="full"):
            ingest(fset, _frame(spark), spark_context=spark, chunk_size=4, commit_rows=4)
    rest = ingest(fset, _frame(spark), spark_context=spark, resume=True)
    assert 0 < len(rest) < 20
    found = _read(fset)
    assert sorted(found["x"]) == list(range(20))
    assert found["x_sum_1h"].max() == sum(range(1, 20, 3))
    assert len(pd.read_parquet(f"{fset.get_target_path()}.windows/Aggregates")) == 20


def test_what_is_refused(spark: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="preview with spark engine"):
        preview(_set("previewed"), _frame(spark))
    with pytest.raises(InvalidArgumentError, match="must be a Spark session"):
        ingest(_set("session"), _frame(spark), spark_context="local")
    storey = FeatureSet("storey", entities=["k"], timestamp_key="t")
    with pytest.raises(InvalidArgumentError, match="engine 'storey'"):
        ingest(storey, _frame(spark), spark_context=spark)
    fset = _set("typed")
    ingest(fset, _frame(spark), spark_context=spark)
    with pytest.raises(SchemaError, match="column 'x'"):
        ingest(fset, _frame(spark).selectExpr("k", "t", "'a' as x"), spark_context=spark)
    assert len(_read(fset)) == 20
    spark.conf.set("spark.sql.ansi.enabled", "true")
    broken = _frame(spark).selectExpr("k", "t", "cast(concat('z', x) as int) as x")
    with pytest.raises(StepError, match="could not make the rows"):
        ingest(fset, broken, spark_context=spark)
    assert len(_read(fset)) == 20
