"""Metric series as pictures need them: few points, whose lowest and highest values are true."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Double, cast, func, select

from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.part import SqlPart

__all__ = ["SamplingStore", "Series", "SqlSampling", "thinned"]

_WHOLE = 20_000  # so many points of a series are read as they are
_m, _k, _r = t.metrics.c, t.metric_keys.c, t.runs.c


class Series(NamedTuple):
    """One metric of one run: all points that there are (`total`), and those that are shown."""

    total: int
    points: list[MetricPoint]


class SamplingStore(ABC):
    """Metrics, thinned out where they are."""

    @abstractmethod
    def metric_keys(self, project: str, uid: str, iteration: int = 0) -> dict[str, int]:
        """The metrics of a run, and how many points each has."""

    @abstractmethod
    def sample_metrics(
        self, project: str, uid: str, iteration: int = 0, keys: Sequence[str] = (),
        points: int = 500,
    ) -> dict[str, Series]:  # fmt: skip
        """Each series in about so many points, and at least two; what is highest and lowest stays.
        Of very long series a point may stand elsewhere within its 2/points of the axis."""


class SqlSampling(SqlPart, SamplingStore):
    """See SamplingStore."""

    def metric_keys(self, project: str, uid: str, iteration: int = 0) -> dict[str, int]:
        self.writer.settle()
        with self.database.read() as connection:
            return {
                name: count for name, _, _, count in _counted(connection, project, uid, iteration)
            }

    def sample_metrics(
        self, project: str, uid: str, iteration: int = 0, keys: Sequence[str] = (),
        points: int = 500,
    ) -> dict[str, Series]:  # fmt: skip
        self.writer.settle()
        found: dict[str, Series] = {}
        with self.database.read() as connection:
            for name, run, key, count in _counted(connection, project, uid, iteration):
                if keys and name not in keys:
                    continue
                if count <= max(_WHOLE, points):
                    found[name] = Series(count, thinned(_all(connection, name, run, key), points))
                else:
                    found[name] = Series(count, _grouped(connection, name, run, key, points))
        return found


def thinned(points: Sequence[MetricPoint], most: int) -> list[MetricPoint]:
    """About `most` of the points: of each piece the lowest and the highest, and the ends.

    >>> rows = [MetricPoint("a", float(n == 7), n, 0.0) for n in range(100)]
    >>> [point.step for point in thinned(rows, 6) if point.value]
    [7]
    """
    most = max(2, most)
    if len(points) <= most:
        return list(points)
    pieces = max(1, (most - 2) // 2)
    inner, kept = len(points) - 2, {0, len(points) - 1}
    for piece in range(pieces):
        low, high = 1 + piece * inner // pieces, 1 + (piece + 1) * inner // pieces
        numbers = [n for n in range(low, high) if not math.isnan(points[n].value)]
        if numbers:
            kept.add(min(numbers, key=lambda n: points[n].value))
            kept.add(max(numbers, key=lambda n: points[n].value))
        elif low < high:
            kept.add(low)
    return [points[n] for n in sorted(kept)]


def _counted(
    connection: Connection, project: str, uid: str, iteration: int
) -> list[tuple[str, int, int, int]]:
    """Name, run, key and number of points of each metric."""
    found = connection.execute(
        select(_r.run_id).where(_r.project == project, _r.uid == uid, _r.iter == iteration)
    ).scalar()
    if found is None:
        return []
    counts = (
        select(_m.key_id, func.count().label("points"))
        .where(_m.run_id == found)
        .group_by(_m.key_id)
        .subquery()
    )
    statement = select(_k.name, _k.key_id, counts.c.points).join(
        counts, counts.c.key_id == _k.key_id
    )
    rows = connection.execute(statement.order_by(_k.name))
    return [(str(row[0]), int(found), int(row[1]), int(row[2])) for row in rows]


def _all(connection: Connection, name: str, run: int, key: int) -> list[MetricPoint]:
    statement = (
        select(_m.value, _m.step, _m.time, _m.nan)
        .where(_m.run_id == run, _m.key_id == key)
        .order_by(_m.step, _m.time)
    )
    return [
        MetricPoint(name, math.nan if nan else value, step, moment)
        for value, step, moment, nan in connection.execute(statement)
    ]


def _grouped(connection: Connection, name: str, run: int, key: int, most: int) -> list[MetricPoint]:
    """Pieces made where the points are: millions of them are not carried here."""
    here = (_m.run_id == run, _m.key_id == key)
    ends = connection.execute(
        select(*(func.min(_m.step), func.max(_m.step), func.min(_m.time), func.max(_m.time))).where(
            *here
        )
    ).one()
    along: Any = _m.step if ends[1] > ends[0] else _m.time
    first, last = (ends[0], ends[1]) if ends[1] > ends[0] else (ends[2], ends[3])
    pieces = max(1, most // 2)
    width = (float(last) - float(first)) / pieces or 1.0
    # as floats: the difference of two whole numbers may be too large for one
    piece = cast((cast(along, Double) - float(first)) / width, BigInteger)
    low, high = func.min(_m.value), func.max(_m.value)
    statement = (
        select(
            *(low, high, func.min(_m.step), func.max(_m.step), func.min(_m.time)),
            *(func.max(_m.time), piece),
        )
        .where(*here, _m.nan == 0)
        .group_by(piece)
        .order_by(piece)
    )
    found = []
    for lowest, highest, step, end, moment, later, _ in connection.execute(statement):
        found.append(MetricPoint(name, lowest, step, moment))
        if highest != lowest or end != step:
            found.append(MetricPoint(name, highest, end, later))
    return found
