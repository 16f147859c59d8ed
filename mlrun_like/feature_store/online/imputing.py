"""Values in place of missing ones, by MLRun's policy: constants, and statistics of the vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest

__all__ = ["impute_values", "is_missing"]


def is_missing(value: Any) -> bool:
    """Whether a value is imputed: None, NaN and infinities are, 0, False and "" are values.

    >>> [is_missing(value) for value in (None, float("nan"), float("-inf"), 0, False, "")]
    [True, True, True, False, False, False]
    """
    return value is None or (type(value) is float and not math.isfinite(value))


def impute_values(
    policy: Mapping[str, Any] | None,
    features: Sequence[str],
    stats: Callable[[], Mapping[str, Mapping[str, Any]]],
) -> dict[str, Any]:
    """What stands for a missing value of each feature.

    Args:
        policy: A value for each feature; `$mean`, `$50%` and the like are statistics, and `*`
            stands for all other features.
        features: The vector's features without its label, as they are called in vectors.
        stats: Gives the vector's statistics by feature; called only when one is needed.

    Raises:
        InvalidArgumentError: if the policy names a feature or a statistic that is not there.

    >>> impute_values({"*": "$mean", "age": 33}, ["age", "sum"], lambda: {"sum": {"mean": 2.5}})
    {'age': 33, 'sum': 2.5}
    """
    if policy is None:
        return {}
    if not isinstance(policy, Mapping):
        raise InvalidTypeError(
            f"impute_policy={policy!r:.80} is a {type(policy).__name__}, not a dictionary",
            fix='impute_policy={"*": "$mean", "age": 33}',
        )
    for name in policy:
        if name != "*" and name not in features:
            raise InvalidArgumentError(
                f"feature {name} in impute_policy but not in feature vector."
                f"{nearest(str(name), features)}",
                fix=f"name some of: {', '.join(features)}; or * for all",
            )
    found: dict[str, Any] = {}
    known: Mapping[str, Mapping[str, Any]] | None = None
    for name in features:
        if name not in policy and "*" not in policy:
            continue
        value = policy.get(name, policy.get("*"))
        if isinstance(value, str) and value.startswith("$"):
            known = stats() if known is None else known
            value = _statistic(known, name, value[1:], explicit=name in policy)
        found[name] = value
    return found


def _statistic(
    stats: Mapping[str, Mapping[str, Any]], feature: str, wanted: str, *, explicit: bool
) -> Any:
    numbers = stats.get(feature) or {}
    value = numbers.get(wanted)
    if value is not None:
        return value
    if numbers and not explicit:
        return None  # texts have no mean; what "*" says is for those that have one
    raise InvalidArgumentError(
        f"there is no statistic {wanted!r} of feature {feature!r} to impute with."
        f"{nearest(wanted, numbers)}",
        where=f"feature {feature!r}, statistics: {', '.join(numbers) or 'none'}",
        fix="call get_offline_features(vector, update_stats=True) or ingest with statistics "
        "first, or name a constant",
    )
