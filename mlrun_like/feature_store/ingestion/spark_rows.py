"""Engine `spark`: the steps run in Spark, and their results come to this process in chunks.

Rows come ordered by time, entities and the other columns, so that a resumed ingestion finds the
same order again, and of several rows of an entity the newest one comes last. Of equal times the
order of the other columns decides, since frames of Spark have none of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StepError
from mlrun_like.feature_store.ingestion.columns import clean_name
from mlrun_like.feature_store.sources.base import SourceChunk, read_position, write_position
from mlrun_like.feature_store.sources.clusters import SparkSource
from mlrun_like.feature_store.transform.aggregating import SetAggregates, changed_windows_of
from mlrun_like.feature_store.transform.base import Transform
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.feature_store.transform.origin import column_micros
from mlrun_like.feature_store.transform.states import dump_states, load_states
from mlrun_like.feature_store.transform.whole import WholeTransform
from mlrun_like.registry import require

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.sources.base import Source

__all__ = ["LOG", "SparkRows", "spark_session"]

LOG = "log:"
_KIND = "spark results"
_ZONE = "spark.sql.session.timeZone"


def spark_session(given: Any) -> Any:
    """The session that was given; of True or None the current one, or a new one.

    Raises:
        MissingDependencyError: without the package pyspark.
        InvalidArgumentError: if it is no session.
    """
    if given is None or given is True:
        sql = require("pyspark.sql", feature="feature sets on Spark", extra="spark")
        return sql.SparkSession.builder.getOrCreate()
    if not hasattr(given, "createDataFrame"):
        raise InvalidArgumentError(
            f"spark_context must be a Spark session or True, not {given!r:.80}",
            fix="spark_context=SparkSession.builder.getOrCreate()",
        )
    return given


class SparkRows(Transform):
    """The results of a source's rows, made by Spark; both what is read and what transforms.

    `chunks` gives rows that went through the steps; `run` only says which output they are of, and
    follows the windows, so that targets get their log and their states as from other engines.

    Args:
        feature_set: Its steps have forms for Spark.
        source: Where rows come from; read by Spark.
        session: See `spark_session`.
        namespace: Where classes of steps are found.
        outputs: The steps besides the last whose results targets want.

    Raises:
        GraphError: if a step has no form for Spark.
        StepError: if a step fails.
    """

    engine = "spark"

    def __init__(
        self,
        feature_set: FeatureSet,
        source: Source,
        session: Any,
        namespace: Any = None,
        outputs: Sequence[str] = (),
    ) -> None:
        self._set = feature_set
        self._session = spark_session(session)
        self._zone = self._session.conf.get(_ZONE)
        self._session.conf.set(_ZONE, "UTC")  # times without a zone are UTC
        self._output = ""
        self._closed = False
        wanted = ("", *outputs)
        try:
            self._whole = compile_transform(feature_set, namespace=namespace, outputs=wanted)
            assert isinstance(self._whole, WholeTransform)
            key = feature_set.spec.timestamp_key or ""
            made = self._whole.run(_cleaned(source.to_spark_df(self._session), key))
            self._steps: dict[str, SetAggregates] = dict(self._whole.aggregates)
            logs = {f"{LOG}{name}": frame for name, frame in self._whole.windowed.items()}
            entities = list(feature_set.spec.entities.keys())
            self._frames = {
                name: _ordered(frame, [key, *entities]) for name, frame in {**made, **logs}.items()
            }
        except BaseException:
            self.close()
            raise

    def chunks(self, size: int, *, after: str = "") -> Iterator[SourceChunk]:
        """Rows of the results, one output after the other; see `Source.chunks`."""
        place = read_position(after, _KIND, f"feature set {self._set.name!r}")
        first = int(place.get("output", 0))
        for number, (output, frame) in enumerate(self._frames.items()):
            if number < first:
                continue
            begin = str(place.get("at", "")) if number == first else ""
            parts = SparkSource(frame).chunks(size, after=begin)
            while (chunk := self._called(lambda parts=parts: next(parts, None))) is not None:  # type: ignore[misc]
                self._output = output
                at = write_position(_KIND, output=number, at=chunk.position)
                yield SourceChunk(chunk.frame, at, 0 if output else chunk.rows)

    def _called(self, work: Callable[[], SourceChunk | None]) -> SourceChunk | None:
        try:
            return work()
        except MLRunLikeError:
            raise
        except Exception as exc:  # Spark's errors have no base that all its versions share
            text = str(exc).strip() or type(exc).__name__
            raise StepError(
                f"Spark could not make the rows: {text[:2000]}",
                where=f"feature set {self._set.name!r}",
            ) from exc

    def run(self, frame: Any) -> dict[str, Any]:
        output = self._output
        if not output.startswith(LOG):
            return {output: frame}
        step = self._steps[output[len(LOG) :]]
        keys = list(step.key_fields or self._set.spec.entities.keys())
        time = step.time_field or self._set.spec.timestamp_key or ""
        step.aggregate(frame, [frame[name] for name in keys], column_micros(frame[time]))
        return {}

    def event(self, event: Any) -> list[tuple[str, Any]]:
        return self._whole.event(event)

    def take_window_log(self) -> dict[str, pd.DataFrame]:
        entities = tuple(self._set.spec.entities.keys())
        time = self._set.spec.timestamp_key or ""
        taken = {name: step.take_log(entities, time) for name, step in self._steps.items()}
        return {name: frame for name, frame in taken.items() if frame is not None}

    def changed_windows(self) -> dict[tuple[Any, ...], bytes]:
        return changed_windows_of(list(self._steps.values()))

    def load_windows(self, read: Any) -> None:
        for step in self._steps.values():
            step.read_from(read)

    def state(self, windows: bool = True) -> bytes:
        return dump_states(self._steps, {"seen": 0, "like": {}})

    def restore(self, state: bytes) -> None:
        load_states(self._steps, state)

    def counts(self) -> dict[str, dict[str, int]]:
        return self._whole.counts()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._session.conf.set(_ZONE, self._zone)
        if hasattr(self, "_whole"):
            self._whole.close()


def _cleaned(frame: Any, time: str) -> Any:
    """Clean names, and moments instead of texts in the column of the time."""
    names = [clean_name(str(name)) for name in frame.columns]
    if names != list(frame.columns):
        frame = frame.toDF(*names)
    if time in names and dict(frame.dtypes)[time] == "string":
        sql: Any = require("pyspark.sql.functions", feature="feature sets on Spark", extra="spark")
        frame = frame.withColumn(time, sql.to_timestamp(frame[time]))
    return frame


def _ordered(frame: Any, first: Sequence[str]) -> Any:
    """A frame whose rows come in the same order again."""
    kinds: Mapping[str, str] = dict(frame.dtypes)
    names = [name for name in dict.fromkeys([*first, *frame.columns]) if name in kinds]
    able = [name for name in names if "map<" not in kinds[name] and kinds[name] != "variant"]
    return frame.orderBy(*[frame[f"`{name}`"] for name in able]) if able else frame
