"""Values and lengths between limits."""

from __future__ import annotations

from abc import ABC
from typing import Any, ClassVar

from mlrun_like.feature_store.definitions.validator import FIELDS, Answer, Validator, shown
from mlrun_like.feature_store.definitions.value_checks import as_time, unboxed
from mlrun_like.registry import require

__all__ = ["MinMaxLenValidator", "MinMaxValidator"]


class _Limits(Validator, ABC):
    _fields = (*FIELDS, "min", "max")

    def __init__(
        self,
        check_type: bool | None = None,
        severity: str | None = None,
        min: Any = None,
        max: Any = None,
        nulls: str | None = None,
    ) -> None:
        super().__init__(check_type, severity, nulls)
        self.min = min
        self.max = max


class MinMaxValidator(_Limits):
    """Values must not be smaller than `min` nor greater than `max`; both may be numbers or times.

    Args:
        check_type: See Validator.
        severity: See Validator.
        min: The smallest good value; None: no limit.
        max: The greatest good value; None: no limit.
        nulls: See Validator.

    >>> MinMaxValidator(min=0, max=10).check(11)
    (False, {'message': 'value is greater than max', 'max': 10, 'value': '11'})
    """

    kind: ClassVar[str] = "minmax"

    def _check(self, value: Any) -> Answer:
        for name, limit, word in (("min", self.min, "smaller"), ("max", self.max, "greater")):
            if limit is None:
                continue
            try:
                left, right = _comparable(value, limit)
                bad = left < right if name == "min" else left > right
            except TypeError as exc:
                return False, {"message": str(exc), "type": self.kind, "value": shown(value)}
            if bad:
                return False, {
                    "message": f"value is {word} than {name}", name: limit, "value": shown(value)
                }  # fmt: skip
        return True, {}

    def _fast_mask(self, column: Any, values: Any) -> Any:
        if values.dtype.kind not in "iufbM":
            return None
        if values.dtype.kind == "b":  # numpy compares bool only with small integers
            values = values.astype("int8")
        bad = values != values
        for limit, below in ((self.min, True), (self.max, False)):
            if limit is None:
                continue
            value, known = _limit(limit, values.dtype.kind, below)
            if not known:
                return None
            bad |= values < value if below else values > value
        return bad


class MinMaxLenValidator(_Limits):
    """Values (texts, lists) must not be shorter than `min` nor longer than `max`.

    Args:
        check_type: See Validator.
        severity: See Validator.
        min: The smallest good length; None: no limit.
        max: The greatest good length; None: no limit.
        nulls: See Validator.

    >>> MinMaxLenValidator(max=3).check("abcd")[0]
    False
    """

    kind: ClassVar[str] = "minmaxlen"

    def _check(self, value: Any) -> Answer:
        if self.min is None and self.max is None:
            return True, {}
        try:
            size = len(value)
        except TypeError as exc:
            return False, {"message": str(exc), "type": self.kind, "value": shown(value)}
        if self.min is not None and size < self.min:
            message = "Length value is smaller than min"
            return False, {"message": message, "min": self.min, "length value": size}
        if self.max is not None and size > self.max:
            message = "Length value is greater than max"
            return False, {"message": message, "max": self.max, "length value": size}
        return True, {}

    def _text_mask(self, column: Any) -> Any:
        sizes = column.str.len().to_numpy(dtype="int64")
        bad = sizes != sizes
        if self.min is not None:
            bad |= sizes < self.min
        return bad if self.max is None else bad | (sizes > self.max)

    def _fast_mask(self, column: Any, values: Any) -> Any:
        if values.dtype.kind in "iufbM" and (self.min, self.max) != (None, None):
            return values == values
        return super()._fast_mask(column, values)


def _comparable(value: Any, limit: Any) -> tuple[Any, Any]:
    """Both sides as times if the value is one, so that naive times and texts can be limits."""
    time = None if isinstance(value, str) else as_time(value)
    if time is None:
        return value, limit
    other = as_time(limit)
    if other is None:
        raise TypeError(f"a time cannot be compared with {limit!r:.40}")
    return time, other


def _limit(limit: Any, kind: str, below: bool) -> tuple[Any, bool]:
    """A limit as numpy compares it exactly with values of a kind; False: it cannot."""
    if kind == "M":
        time = as_time(limit)
        if time is None:
            return None, False
        numpy = require("numpy", feature="checks of columns")
        offset = time.utcoffset()
        naive = time.replace(tzinfo=None) - offset if offset else time.replace(tzinfo=None)
        return numpy.datetime64(naive, "us"), True
    limit = unboxed(limit)
    if isinstance(limit, bool) or not isinstance(limit, (int, float)):
        return None, False
    if kind == "f":
        return limit, isinstance(limit, float) or abs(limit) <= 2**53
    if isinstance(limit, float):
        if limit != limit or limit in (float("inf"), float("-inf")):
            return None, False
        limit = -int(-limit // 1) if below else int(limit // 1)
    return limit, True
