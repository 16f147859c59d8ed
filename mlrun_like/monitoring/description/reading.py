"""A pandas frame as a Table."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from mlrun_like.monitoring.description.correlation import correlations
from mlrun_like.monitoring.description.table import Column, Table, order_of

__all__ = ["describe_frame", "plain_frame", "statistics_frame"]

_BINS = 30
_PICTURES = 500
_CLASSES = 12
_TOP = 20
_KEPT = 200
_COUNTED = 50_000_000
_QUANTILES = (0.25, 0.5, 0.75)


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with one name for each column, and no values that cannot be compared.

    >>> plain_frame(pd.DataFrame([[[1], 2]], columns=["a", "a"])).to_dict("list")
    {'a': ['[1]'], 'a_2': [2]}
    """
    if not isinstance(frame.index, pd.RangeIndex) and any(frame.index.names):
        taken = set(map(str, frame.columns))
        if not taken & {str(name) for name in frame.index.names}:
            frame = frame.reset_index()
    names: dict[str, int] = {}
    unique = []
    for name in frame.columns:
        text = "_".join(map(str, name)) if isinstance(name, tuple) else str(name)
        names[text] = names.get(text, 0) + 1
        while names[text] > 1 and f"{text}_{names[text]}" in names:
            names[text] += 1
        unique.append(text if names[text] == 1 else f"{text}_{names[text]}")
        names.setdefault(unique[-1], 1)
    frame = frame.set_axis(unique, axis=1)
    changed = {}
    for name, kind in zip(unique, frame.dtypes, strict=True):
        if isinstance(kind, np.dtype) and kind.kind == "c":
            changed[name] = frame[name].astype(str)
        elif types.is_timedelta64_dtype(kind):
            changed[name] = frame[name].dt.total_seconds()
        elif types.is_object_dtype(kind):
            changed[name] = _comparable(frame[name])
    return frame.assign(**changed) if changed else frame


def _comparable(values: pd.Series[Any]) -> pd.Series[Any]:
    kind = types.infer_dtype(values, skipna=True)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        try:
            return pd.Series(pd.to_numeric(values.astype("float64")), index=values.index)
        except (TypeError, ValueError, OverflowError):
            pass
    if kind in ("datetime", "date", "datetime64"):
        try:
            return pd.to_datetime(values, utc=True)
        except (TypeError, ValueError, OverflowError):
            pass
    if kind in ("string", "empty"):
        return values
    if kind == "boolean":
        return values.astype("boolean")
    return values.map(_text, na_action="ignore")


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else str(value)[:_KEPT]


def describe_frame(
    frame: pd.DataFrame,
    name: str = "dataset",
    *,
    label: str = "",
    is_classes: bool = False,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Table:
    """What a frame holds.

    Args:
        frame: As `plain_frame` gives it.
        name: Its name.
        label: The column to predict; empty: none.
        is_classes: Whether it is a class.
        seed: Of samples, where there is too much to do.
        progress: Called with the number of columns that are done, and of all.

    >>> table = describe_frame(pd.DataFrame({"a": [1, 2, None], "b": ["x", "x", "y"]}))
    >>> [(one.name, one.kind, one.missing, one.distinct) for one in table.columns]
    [('a', 'number', 1, 2), ('b', 'category', 0, 2)]
    """
    with np.errstate(all="ignore"):  # sums of numbers near the largest are infinite, and say so
        return _described(frame, name, label, is_classes, seed, progress)


def _described(
    frame: pd.DataFrame,
    name: str,
    label: str,
    is_classes: bool,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> Table:
    codes, classes = _codes(frame, label) if is_classes else (None, [])
    columns = []
    for at, column in enumerate(frame.columns):
        wanted = at < _PICTURES or column == label
        own = codes if column != label else None
        columns.append(_column(frame[column], str(column), own, classes, wanted))
        if progress is not None and (at + 1) % 1000 == 0:
            progress(at + 1, frame.shape[1])
    notes = []
    if frame.shape[1] > _PICTURES:
        notes.append(f"pictures of the first {_PICTURES} of {frame.shape[1]:,} columns")
    numeric = [one.name for one in columns if one.kind == "number" and one.name != label]
    names, matrix, note = correlations(frame[numeric], seed)
    duplicates = int(frame.duplicated().sum()) if 0 < frame.size <= _COUNTED else -1
    target = next((one for one in columns if one.name == label), None)
    beside = {}
    if target is not None and target.kind in ("number", "boolean") and len(frame) > 1:
        beside = _with_label(frame, names, label)
    return Table(
        name,
        len(frame),
        columns,
        duplicates,
        int(frame.memory_usage(deep=frame.size < 5_000_000).sum()),
        label,
        is_classes,
        (names, matrix),
        beside,
        [*notes, *([note] if note else [])],
    )


def _with_label(frame: pd.DataFrame, names: list[str], label: str) -> dict[str, float]:
    target = _numbers(frame[label])
    found = {}
    for name in names:
        values = _numbers(frame[name])
        both = np.isfinite(values) & np.isfinite(target)
        left, right = values[both], target[both]
        if len(left) > 1 and left.std() > 0 and right.std() > 0:
            found[name] = float(np.corrcoef(left, right)[0, 1])
    return found


def _codes(frame: pd.DataFrame, label: str) -> tuple[Any, list[str]]:
    texts = frame[label].map(_named, na_action="ignore")
    largest = sorted(texts.value_counts().index[:_CLASSES], key=order_of)
    return pd.Index(largest).get_indexer(pd.Index(texts)), [str(one) for one in largest]


def _named(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _numbers(values: pd.Series[Any]) -> Any:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _column(
    values: pd.Series[Any], name: str, codes: Any, classes: list[str], pictured: bool
) -> Column:
    missing = int(values.isna().sum())
    count = len(values) - missing
    if not count:
        return Column(name, "empty", 0, missing, distinct=0)
    kind = values.dtype
    if types.is_datetime64_any_dtype(kind) or isinstance(kind, pd.PeriodDtype):
        return _times(values, name, count, missing, pictured)
    if types.is_numeric_dtype(kind) and not types.is_bool_dtype(kind):
        return _number(values, name, (count, missing), (codes, classes), pictured)
    found = values.dropna().map(_named).value_counts()
    is_truth = types.is_bool_dtype(kind)
    few = len(found) <= 50 or len(found) <= 0.05 * count
    top = [(str(one)[:_KEPT], int(n)) for one, n in found.head(_KEPT if few else _TOP).items()]
    shown = top[:_TOP]
    rest = count - sum(n for _, n in shown)
    edges = [one for one, _ in shown] + (["(others)"] if rest else [])
    bars = [n for _, n in shown] + ([rest] if rest else [])
    by_class = {}
    if codes is not None and pictured and few:
        places = pd.Index([one for one, _ in shown]).get_indexer(pd.Index(values.map(_named)))
        places = np.where(values.isna(), -2, np.where(places < 0, len(shown), places))
        by_class = _split(places, codes, classes, len(bars))
    word = "boolean" if is_truth else "category" if few else "text"
    return Column(
        name, word, count, missing, 0, len(found), {}, top, edges if few else (),
        bars if few else (), by_class,
    )  # fmt: skip


def _number(
    values: pd.Series[Any],
    name: str,
    counts: tuple[int, int],
    split: tuple[Any, list[str]],
    pictured: bool,
) -> Column:
    numbers = _numbers(values)
    known = np.isfinite(numbers)
    finite = numbers[known]
    infinite = counts[0] - len(finite)
    different, times = np.unique(finite, return_counts=True)
    top: list[tuple[str, int]] = []
    if len(different) <= _KEPT:
        order = np.argsort(-times, kind="stable")
        top = [(_named(float(different[at])), int(times[at])) for at in order]
    if not len(finite):
        return Column(name, "number", counts[0], counts[1], infinite, int(infinite > 0))
    edges = _edges(different)
    bars: Any = np.histogram(finite, edges)[0] if pictured else ()
    by_class = {}
    if pictured and split[0] is not None:
        places = np.full(len(numbers), -2)
        inner = np.searchsorted(edges, finite, side="right") - 1
        places[known] = np.minimum(inner, len(bars) - 1)
        by_class = _split(places, split[0], split[1], len(bars))
    return Column(
        name, "number", counts[0], counts[1], infinite, len(different), _statistics(finite), top,
        [float(one) for one in edges] if pictured else (), [int(n) for n in bars], by_class,
    )  # fmt: skip


def _edges(different: Any) -> Any:
    low, high = float(different[0]), float(different[-1])
    whole = len(different) <= _BINS and np.all(different == np.floor(different))
    if whole and high - low < _BINS:
        return np.arange(low - 0.5, high + 1)
    if not np.isfinite(high - low) or high - low < abs(high) * 1e-12:
        return np.array([low - (abs(low) or 1) * 0.5, high + (abs(high) or 1) * 0.5])
    return np.linspace(low, high, _BINS + 1)


def _statistics(finite: Any) -> dict[str, float]:
    mean = float(finite.mean())
    std = float(finite.std(ddof=1)) if len(finite) > 1 else float("nan")
    low, mid, high = (float(one) for one in np.quantile(finite, _QUANTILES))
    spread = float(finite.std())
    skew = float((((finite - mean) / spread) ** 3).mean()) if spread > 0 else 0.0
    return {
        "mean": mean, "std": std, "min": float(finite.min()), "25%": low, "50%": mid,
        "75%": high, "max": float(finite.max()), "skew": skew, "zeros": int((finite == 0).sum()),
    }  # fmt: skip


def _split(places: Any, codes: Any, classes: list[str], bars: int) -> dict[str, list[int]]:
    found = {}
    for code, name in enumerate(classes):
        inside = places[(codes == code) & (places >= 0)]
        found[name] = np.bincount(inside, minlength=bars).tolist()
    return found


def _times(values: pd.Series[Any], name: str, count: int, missing: int, pictured: bool) -> Column:
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    times = values.dropna()
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    seconds = times.astype("datetime64[us]").astype("int64").to_numpy() / 1e6
    edges = _edges(np.unique(seconds))
    if len(edges) == 2:
        edges = np.array([seconds[0] - 0.5, seconds[0] + 0.5])
    bars = np.histogram(seconds, edges)[0].tolist() if pictured else []
    shown = pd.to_datetime((edges * 1e6).astype("int64"), unit="us").strftime("%Y-%m-%d %H:%M:%S")
    ends = {"min": str(times.min()), "max": str(times.max())}
    return Column(
        name, "time", count, missing, 0, int(times.nunique()), ends, (), list(shown), bars
    )


def statistics_frame(table: Table) -> pd.DataFrame:
    """Statistics as pandas' `describe(include="all")` has them, a column for each column.

    >>> float(statistics_frame(describe_frame(pd.DataFrame({"a": [1.0, 3.0]}))).loc["mean", "a"])
    2.0
    """
    rows = ("count", "missing", "unique", "top", "freq", "mean", "std", "min", "25%", "50%",
            "75%", "max")  # fmt: skip
    found: dict[Hashable, list[Any]] = {}
    for one in table.columns:
        top = one.top[0] if one.top and one.kind not in ("number", "time") else (None, None)
        unique = None if one.distinct < 0 or one.kind == "number" else one.distinct
        head = [one.count, one.missing, unique, *top]
        found[one.name] = [*head, *(one.statistics.get(key) for key in rows[5:])]
    frame = pd.DataFrame(found, index=pd.Index(rows, name="statistic"))
    return frame.dropna(how="all")
