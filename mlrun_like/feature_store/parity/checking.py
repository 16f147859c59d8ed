"""check: logged vectors against the point-in-time join of the same entities and times."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.records import get_feature_vector
from mlrun_like.feature_store.offline.api import get_offline_features
from mlrun_like.feature_store.online.request_log import read_log
from mlrun_like.feature_store.parity.comparing import plain, same_values
from mlrun_like.feature_store.parity.computed import computed_offline
from mlrun_like.feature_store.parity.reasons import Reasons
from mlrun_like.feature_store.parity.result import Counts, Difference, ParityResult
from mlrun_like.feature_store.parity.skew import Served, skew_of
from mlrun_like.feature_store.sources.times import TimeRange, as_datetime, to_micros

__all__ = ["CheckOptions", "check"]

_TIME, _ROW = "_parity_time", "_parity_row"


@dataclass(frozen=True)
class CheckOptions:
    """How a check goes.

    Args:
        start_time: Only vectors served after this time.
        end_time: Only vectors served up to this time.
        impute_policy: The policy of the online service; values it put in are told apart.
        engine: The engine of the offline join; None: its default.
        skew: Whether served values are compared with the statistics too.
        chunk: Logged vectors at a time.
        keep: The most differences that the result's frame has; counts have all.
        reasons: Of how many features the reason of the first difference is looked for.
    """

    start_time: Any = None
    end_time: Any = None
    impute_policy: Mapping[str, Any] = field(default_factory=dict)
    engine: str | None = None
    skew: bool = True
    chunk: int = 200_000
    keep: int = 10_000
    reasons: int = 20


def check(
    feature_vector: FeatureVector | str,
    log: str | os.PathLike[str] | Iterable[Mapping[str, Any]],
    tolerance: float = 1e-9,
    **options: Any,
) -> ParityResult:
    """Whether vectors that were served are what the offline join gives for the same moments.

        service = fstore.get_online_feature_service(vector, log="served/")
        ...
        result = check(vector, "served/")
        print(result.first)

    Args:
        feature_vector: The vector, or its URI or name.
        log: What the service logged: a folder or `.jsonl` file; or its lines as dictionaries.
        tolerance: How far numbers may be apart: absolute up to 1, relative above.
        options: Fields of `CheckOptions`: start_time, end_time, impute_policy, engine, skew, ...

    Raises:
        MissingFileError: if there is no such log.
        InvalidArgumentError: if an option is unknown, or the log is of another vector.
        NotFoundError: if the vector, one of its sets, or a set's offline data does not exist.
    """
    try:
        chosen = replace(CheckOptions(), **options)
    except TypeError as exc:
        known = ", ".join(CheckOptions.__dataclass_fields__)
        raise InvalidArgumentError(f"check: {exc!s:.100}", fix=f"options: {known}") from exc
    if not 0 <= tolerance < float("inf"):
        raise InvalidArgumentError(f"tolerance={tolerance!r} must be a number from 0")
    vector = get_feature_vector(feature_vector)
    found = _Check(vector, chosen, tolerance)
    lines = _lines(log, chosen)
    while some := list(itertools.islice(lines, chosen.chunk)):
        found.add(some)
    return found.result()


def _lines(log: Any, options: CheckOptions) -> Iterator[Mapping[str, Any]]:
    if isinstance(log, (str, os.PathLike)):
        if not os.path.exists(log):
            raise MissingFileError(
                f"there is no log {os.fspath(log)!r}",
                fix="get_online_feature_service(vector, log=...) writes one",
            )
        lines: Iterable[Mapping[str, Any]] = _read(log)
    else:
        lines = log
    start, end = options.start_time, options.end_time
    span = TimeRange(
        None if start is None else to_micros(start, "start_time"),
        None if end is None else to_micros(end, "end_time"),
    )
    for line in lines:
        try:
            at = int(line["at"])
            usable = isinstance(line["entities"], Mapping)
        except (KeyError, TypeError, ValueError) as exc:
            raise _no_line(line) from exc
        if not usable:
            raise _no_line(line)
        if (span.start is None or at > span.start) and (span.end is None or at <= span.end):
            yield line


def _read(log: Any) -> Iterator[Mapping[str, Any]]:
    try:
        yield from read_log(log)
    except (ValueError, AttributeError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(
            f"the log cannot be read: {exc!s:.100}", where=os.fspath(log)
        ) from exc


def _no_line(line: Any) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{line!r:.120} is no logged vector", fix='a line has "at", "entities" and "values"'
    )


class _Check:
    """Compares chunks of logged vectors."""

    def __init__(self, vector: FeatureVector, options: CheckOptions, tolerance: float) -> None:
        # what is to be predicted is not known yet when it is served
        document = vector.to_dict()
        document["spec"].pop("graph", None)  # requests have fields that the join lacks
        self.vector = FeatureVector.from_dict(document)
        self.vector.spec.label_feature = None
        self.vector.spec.with_indexes = False
        self.steps = vector  # whose graph may have classes that are not written down
        self.options, self.tolerance = options, tolerance
        self.label = vector.resolved().label
        resolved = self.vector.resolved()
        self.sets = {
            name: (item, column) for item in resolved.sets for column, name in item.columns
        }
        self.trained: dict[str, Mapping[str, Any]] = {}
        for name, (item, column) in self.sets.items():
            stats = item.feature_set.status.stats.get(column) or {}
            self.trained[name] = vector.status.stats.get(name) or stats
        self.columns = [name for name in resolved.columns if name != self.label]
        self.counts = {name: Counts() for name in self.columns}
        self.served = {name: Served(_edges(self.trained[name])) for name in self.columns}
        self.firsts: dict[str, Difference] = {}
        self.kept: list[Difference] = []
        self.left_out: dict[str, str] = {}
        self.rows = 0

    def add(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Compare some vectors."""
        entities = pd.DataFrame([dict(line["entities"]) for line in lines])
        times = np.array([int(line["at"]) for line in lines], dtype="datetime64[us]")
        entities[_TIME] = pd.Series(times).dt.tz_localize("UTC")
        entities[_ROW] = np.arange(len(lines))
        response = get_offline_features(self.vector, entities, _TIME, engine=self.options.engine)
        offline: pd.DataFrame = response.to_dataframe()
        if _ROW in offline.columns:
            offline = offline.set_index(_ROW)
        offline = self._computed(offline.reindex(range(len(lines))), lines)
        self.rows += len(lines)
        asked = {name for line in lines for name in line["entities"]}
        given: set[str] = {name for line in lines for name in line.get("values") or {}}
        for name in given - set(self.columns) - {self.label}:
            if name not in asked:
                self.left_out.setdefault(name, "it is no column of the vector")
        vectors = [line.get("values") or {} for line in lines]
        for name in self.columns:
            if name not in offline.columns:
                self.left_out[name] = "the offline join does not give it"
                continue
            served = [vector.get(name) for vector in vectors]
            self.served[name].add(served)
            self._compare(name, served, offline[name], lines)

    def _computed(self, offline: pd.DataFrame, lines: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        """The features after the steps of the vector's graph, if it has some."""
        if not self.steps.spec.graph.steps:
            return offline
        try:
            found, added = computed_offline(self.steps, lines, offline)
        except MLRunLikeError as exc:
            names = {name for line in lines for name in line.get("values") or {}}
            for name in names - set(self.sets) - {self.label}:
                self.left_out[name] = f"its steps fail offline: {exc.what:.200}"
            return offline
        for name in added:
            if name not in self.counts:
                self.columns.append(name)
                self.trained[name] = self.steps.status.stats.get(name) or {}
                self.counts[name] = Counts()
                self.served[name] = Served(_edges(self.trained[name]))
        return found

    def _compare(
        self,
        name: str,
        served: list[Any],
        offline: pd.Series[Any],
        lines: Sequence[Mapping[str, Any]],
    ) -> None:
        counts = self.counts[name]
        counts.compared += len(served)
        places = np.flatnonzero(~same_values(served, offline, self.tolerance))
        counts.different += len(places)
        if not len(places):
            return
        values = offline.tolist()
        pairs = [(plain(served[place]), plain(values[place])) for place in places.tolist()]
        counts.only_online += sum(second is None for _, second in pairs)
        counts.only_offline += sum(first is None for first, _ in pairs)
        apart = [
            abs(float(first) - float(second))
            for first, second in pairs
            if isinstance(first, (int, float)) and isinstance(second, (int, float))
        ]
        counts.greatest = max([counts.greatest, *apart])
        times = np.array([int(lines[place]["at"]) for place in places.tolist()])
        earliest = int(times.argmin())
        known = self.firsts.get(name)
        if known is None or to_micros(known.time) > times[earliest]:
            self.firsts[name] = _difference(name, lines[places[earliest]], pairs[earliest])
        room = max(0, self.options.keep - len(self.kept))
        for place, pair in list(zip(places.tolist(), pairs, strict=True))[:room]:
            self.kept.append(_difference(name, lines[place], pair))

    def result(self) -> ParityResult:
        """What was found."""
        order = {name: place for place, name in enumerate(self.columns)}
        firsts = sorted(self.firsts.values(), key=lambda one: (one.time, order[one.feature]))
        look = Reasons(self.sets, self.trained, self.options.impute_policy, self.tolerance)
        firsts = [
            replace(one, reason=look.of(one)) if place < self.options.reasons else one
            for place, one in enumerate(firsts)
        ]
        told = {(one.feature, one.time, str(one.entities)): one.reason for one in firsts}
        kept = sorted(self.kept, key=lambda one: (one.time, order[one.feature]))
        names = ("time", "feature", "entities", "online", "offline")
        frame = pd.DataFrame(
            {name: pd.Series([getattr(one, name) for one in kept], dtype=object) for name in names}
        )
        frame["reason"] = [told.get((o.feature, o.time, str(o.entities)), "") for o in kept]
        frame["time"] = pd.to_datetime(frame["time"], utc=True)
        return ParityResult(
            vector=self.vector.uri,
            rows=self.rows,
            counts={n: c for n, c in self.counts.items() if n not in self.left_out},
            frame=frame,
            first=firsts[0] if firsts else None,
            firsts=tuple(firsts),
            left_out=self.left_out,
            tolerance=self.tolerance,
            skew=skew_of(self.served, self.trained) if self.options.skew and self.rows else None,
        )


def _difference(name: str, line: Mapping[str, Any], pair: tuple[Any, Any]) -> Difference:
    return Difference(as_datetime(line["at"]), name, dict(line["entities"]), *pair)


def _edges(stats: Mapping[str, Any]) -> Sequence[float]:
    hist = stats.get("hist")
    usable = isinstance(hist, (list, tuple)) and len(hist) == 2 and len(hist[1]) > 1
    return list(hist[1]) if usable else []  # type: ignore[index]
