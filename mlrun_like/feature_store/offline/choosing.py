"""Which engine joins: by name, or by the size of what must be in memory."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from mlrun_like import registry
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, UnknownNameError, nearest
from mlrun_like.feature_store.offline.plan import JoinPlan

__all__ = ["ENGINES", "budget", "check_engine", "footprint", "run_engine"]

ENGINES = ("local", "duckdb", "pandas", "dask", "spark")
"""Names of engines; None is "local"."""
_PLACE = "mlrun_like.feature_store.offline"
_RUNS = {
    "local": f"{_PLACE}.local_engine:run_local",
    "duckdb": f"{_PLACE}.duckdb_engine:run_duckdb",
    "pandas": f"{_PLACE}.pandas_engine:run_pandas",
    "dask": f"{_PLACE}.dask_engine:run_dask",
    "spark": f"{_PLACE}.spark_engine:run_spark",
}
_PER_KEY = 4
"""The kernel holds keys and times as read, as numbers, sorted, and their order."""


def check_engine(engine: str | None) -> str:
    """The engine's name.

    Raises:
        UnknownNameError: if there is no such engine.
    """
    if engine is None or engine == "storey":
        return "local"
    if engine not in ENGINES:
        raise UnknownNameError(
            f"there is no engine {engine!r:.80}.{nearest(str(engine), ENGINES)}",
            where="get_offline_features",
            fix=f"use one of: {', '.join(ENGINES)}",
        )
    return engine


def budget() -> int:
    """Bytes that a join may take in memory: the setting, else half of what is free."""
    given = int(config.feature_store_memory)
    if given > 0:
        return given
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 2 << 30
    return max(free // 2, 256 << 20)


def footprint(plan: JoinPlan) -> int:
    """Bytes that the engine "local" holds while it looks for rows: of the largest set, about."""
    largest = 0
    for join in plan.joins:
        time = [join.right_time] if join.right_time else []
        largest = max(largest, join.table.size([*join.right_keys, *time]) * _PER_KEY)
    return largest


def run_engine(engine: str, plan: JoinPlan, options: Mapping[str, Any] | None = None) -> Any:
    """Join.

    Args:
        engine: One of ENGINES. "local" goes over to DuckDB where a set's keys exceed `budget`.
        plan: What is joined.
        options: Arguments of the engine.

    Returns:
        A pandas frame; with "dask" and "spark" a `Lazy` one.

    Raises:
        InvalidArgumentError: if the engine has no such option.
    """
    given = dict(options or {})
    if engine == "local":
        limit = int(given.pop("memory", 0)) or budget()
        if footprint(plan) > limit and importlib.util.find_spec("duckdb") is not None:
            engine, given = "duckdb", {**given, "memory": limit}
    run: Callable[..., pd.DataFrame] = registry.resolve(_RUNS[engine])
    known = _options(engine)
    unknown = sorted(set(given) - known)
    if unknown:
        raise InvalidArgumentError(
            f"engine {engine!r} has no option {', '.join(map(repr, unknown))}",
            where="engine_args",
            fix=f"use one of: {', '.join(sorted(known)) or 'none'}",
        )
    return run(plan, **given)


def _options(engine: str) -> set[str]:
    return {
        "duckdb": {"memory", "threads"},
        "dask": {"dask_client", "dask_cluster_uri", "npartitions"},
        "spark": {"session"},
    }.get(engine, set())
