"""The steps' forms for Spark give what events give."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.feature_store.steps.calculating import Calculate
from mlrun_like.feature_store.steps.dates import DateExtractor
from mlrun_like.feature_store.steps.dropping import DropFeatures
from mlrun_like.feature_store.steps.encoding import OneHotEncoder
from mlrun_like.feature_store.steps.imputing import Imputer
from mlrun_like.feature_store.steps.map_values import MapValues
from mlrun_like.feature_store.steps.numbers import Bucketise, Ratio, ScaleValues
from mlrun_like.feature_store.steps.text import TextFeatures
from mlrun_like.feature_store.steps.times import TimeDifference, ToTimeZone
from mlrun_like.feature_store.transform.compile import compile_transform
from tests.feature_store.transform.sets import by_chunks, by_events, feature_set, rows_of, same
from tests.spark_servers import light_jvm, need_spark

pytestmark = pytest.mark.slow

SCHEMA = (
    "k string, t timestamp, text string, whole bigint, part double, truth boolean, at timestamp"
)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    need_spark()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("feature steps")
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.extraJavaOptions": light_jvm(),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = builder.getOrCreate()
        yield session
        session.stop()


def _at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.timezone.utc)  # type: ignore[arg-type,misc]


ROWS: list[tuple[Any, ...]] = [
    ("a", _at(2024, 2, 29, 23, 59, 58), "food", 1, 0.5, True, _at(2023, 12, 31, 12)),
    ("b", _at(2024, 1, 1), " A b ", 3, -1.5, False, None),
    ("a", _at(2023, 12, 31, 5), None, None, None, None, _at(2024, 3, 31, 1, 30)),
    ("c", _at(2020, 6, 30, 11), "b-c", -7, 1e12, True, _at(1999, 6, 15, 22, 5)),
    ("ü", _at(2021, 10, 1), "Ärger im\tZug", 0, 0.0, None, _at(2021, 10, 1)),
]
PARTS = [
    "year", "month", "day", "hour", "minute", "second", "quarter", "week", "day_of_week",
    "dayofweek", "weekday", "day_of_year", "days_in_month", "is_leap_year", "is_month_end",
    "is_month_start", "is_quarter_end", "is_quarter_start", "is_year_end", "is_year_start",
]  # fmt: skip
STEPS: dict[str, list[Any]] = {
    "values": [MapValues({"text": {"food": "F", None: "none"}, "whole": {1: 10}})],
    "values, kept": [MapValues({"truth": {True: "1", False: "0"}}, True)],
    "ranges": [MapValues({"whole": {"ranges": {"low": ["-inf", 0], "high": [0, "inf"]}}}, True)],
    "encode": [OneHotEncoder({"text": ["food", "b-c"], "whole": [1, 3]})],
    "constants": [Imputer(mapping={"whole": 4, "text": "?"}, default_value=None)],
    "dates": [DateExtractor(PARTS, "t"), DateExtractor(["hour"])],
    "drop": [DropFeatures(["text", "part"])],
    "texts": [TextFeatures({"text": ["strip", "upper", "length", "words", "hash"]})],
    "numbers": [
        Ratio("part", "whole"),
        Bucketise({"whole": [0, 3], "part": [0.5]}, {"part": ["no", "yes"]}),
        ScaleValues({"part": {"clip": [-1, 1000], "log": True, "standard": [1, 3]}}, "s"),
        ScaleValues({"whole": {"minmax": [0, 4], "factor": 2, "offset": -1}}),
    ],
    "times": [TimeDifference("at", "t", "h"), ToTimeZone("at", "Asia/Kolkata", naive=True)],
    "calculate": [
        Calculate({
            "sum": "whole + part", "big": "(sum > 3 or truth) and not whole == 3",
            "best": "max(whole, 2)", "or": "coalesce(part, whole, 0)", "size": "abs(-part)",
            "some": "1 if missing(text) else 0",
        })
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_spark_gives_what_events_give(name: str, spark: Any) -> None:
    frame = spark.createDataFrame(ROWS, SCHEMA)
    pandas = pd.DataFrame(ROWS, columns=frame.columns)
    with compile_transform(feature_set(*STEPS[name], engine="spark")) as transform:
        assert transform.engine == "spark"
        made = transform.run(frame)[""]
    with compile_transform(feature_set(*STEPS[name])) as transform:
        wanted = by_events(transform, pandas)
    found = [_plain(row.asDict()) for row in made.collect()]
    assert same(found, wanted), (found, wanted)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    frame = pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in row.items()})
    (made,) = rows_of(frame)
    for name, value in made.items():
        if isinstance(value, dt.datetime):  # Spark gives the machine's clock
            made[name] = value.astimezone(dt.timezone.utc).isoformat()
    return made


def test_statistics_are_of_the_whole_column(spark: Any) -> None:
    frame = spark.createDataFrame(ROWS, SCHEMA)
    with compile_transform(feature_set(Imputer("max"), engine="spark")) as transform:
        made = transform.run(frame)[""].collect()
    assert (made[2]["whole"], made[2]["part"], made[2]["text"]) == (3, 1e12, None)


def test_fitted_statistics_agree(spark: Any) -> None:
    step = Imputer(statistics={"whole": 9, "part": 0.5})
    frame = spark.createDataFrame(ROWS, SCHEMA)
    with compile_transform(feature_set(step, engine="spark")) as transform:
        row = transform.run(frame)[""].collect()[2]
    with compile_transform(feature_set(step)) as transform:
        wanted = by_chunks(transform, pd.DataFrame(ROWS, columns=frame.columns), 2)[2]
    assert (row["whole"], row["part"]) == (wanted["whole"], wanted["part"]) == (9, 0.5)


def test_what_spark_cannot_do(spark: Any) -> None:
    frame = spark.createDataFrame(ROWS, SCHEMA)
    partial = MapValues({"truth": {True: "1"}}, True)
    with compile_transform(feature_set(partial, engine="spark")) as transform:
        made = transform.run(frame)[""]
    with pytest.raises(Exception, match="must change all values accordingly"):
        made.collect()
    for step in (DateExtractor(["asm8"], "t"), DropFeatures(["gone"])):
        with (
            compile_transform(feature_set(step, engine="spark")) as transform,
            pytest.raises((StepError, InvalidArgumentError), match=r"asm8|gone"),
        ):
            transform.run(frame)


@pytest.mark.filterwarnings("ignore:PySpark does not yet:FutureWarning")
def test_aggregates_agree(spark: Any) -> None:
    rows = sorted(ROWS, key=lambda row: row[1])
    frame = spark.createDataFrame(rows, SCHEMA)
    sets = [feature_set(engine=engine) for engine in ("spark", "storey")]
    for made in sets:
        made.add_aggregation("part", ["sum", "count", "avg"], ["1h", "90d"], "30m")
        made.add_aggregation("whole", ["max"], ["90d"])
    with compile_transform(sets[0]) as transform:
        found = [_plain(row.asDict()) for row in transform.run(frame)[""].collect()]
    with compile_transform(sets[1]) as transform:
        wanted = by_chunks(transform, pd.DataFrame(rows, columns=frame.columns), 2)
    assert same(sorted(found, key=lambda row: row["t"]), wanted)
