"""The base of validators: one value and a column are judged alike.

Missing values (None, NaN, NaT, NA) are judged by `nulls` alone.
"""

from __future__ import annotations

from abc import ABC
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.definitions.fields import Fields
from mlrun_like.feature_store.definitions.missing import is_missing
from mlrun_like.feature_store.definitions.value_checks import (
    fits_type,
    type_mask,
    unboxed,
)
from mlrun_like.registry import require

__all__ = ["FIELDS", "Answer", "Validator", "shown"]

_SEVERITIES = ("info", "warning", "error")
_NULLS = ("allow", "refuse")
FIELDS = ("kind", "check_type", "severity", "nulls")
Answer = tuple[bool, dict[str, Any]]


class Validator(Fields, ABC):
    """Checks the type and the presence of values; the base of the others.

    Args:
        check_type: Whether values must be of the feature's value type.
        severity: `"error"` refuses data with bad values; `"info"`, `"warning"` and None (as MLRun)
            count and log them.
        nulls: `"refuse"`: a missing value is bad; `"allow"` or None: it is not.

    >>> Validator(nulls="refuse").check(None)
    (False, {'message': 'value is missing'})
    """

    kind: ClassVar[str] = ""
    _fields: ClassVar[tuple[str, ...]] = FIELDS
    # set by the feature that it belongs to
    _value_type: str = ""

    def __init__(
        self, check_type: bool | None = None, severity: str | None = None, nulls: str | None = None
    ) -> None:
        if severity is not None and severity not in _SEVERITIES:
            raise InvalidArgumentError(
                f"severity {severity!r} is not known.{nearest(str(severity), _SEVERITIES)}",
                where=f"{type(self).__name__}",
                fix=f"use one of: {', '.join(_SEVERITIES)}",
            )
        if nulls is not None and nulls not in _NULLS:
            raise InvalidArgumentError(
                f"nulls {nulls!r} is not known.{nearest(str(nulls), _NULLS)}",
                where=f"{type(self).__name__}",
                fix='use "allow" or "refuse"',
            )
        self.check_type = check_type
        self.severity = severity
        self.nulls = nulls

    def set_feature(self, feature: Any) -> None:
        """Tell it which feature's values it judges: `check_type` needs the value type."""
        self._value_type = str(feature.value_type or "")

    def check(self, value: Any) -> Answer:
        """Whether a value is good, and if not what is wrong with it."""
        if is_missing(value):
            return (
                (False, {"message": "value is missing"}) if self.nulls == "refuse" else (True, {})
            )
        if self.check_type and self._value_type and not fits_type(self._value_type, value):
            return False, {
                "message": "value is of another type",
                "type": self._value_type,
                "value": shown(value),
            }
        return self._check(unboxed(value))

    def mask(self, column: Any) -> Any:
        """Which rows of a pandas column are bad, as a numpy array of bool; as `check` decides."""
        numpy = require("numpy", feature="checks of columns")
        missing = column.isna().to_numpy(dtype=bool)
        bad = missing.copy() if self.nulls == "refuse" else numpy.zeros(len(column), dtype=bool)
        present = column if not missing.any() else column[~missing]
        if len(present):
            bad[~missing] = self._mask(present, _array(present))
        return bad

    def _mask(self, column: Any, values: Any) -> Any:
        numpy = require("numpy", feature="checks of columns")
        pandas = require("pandas", feature="checks of columns")
        wanted = self._value_type if self.check_type else ""
        if values.dtype.kind not in "iufbM":
            if pandas.api.types.infer_dtype(column, skipna=False) != "string":
                return numpy.fromiter((not self.check(v)[0] for v in column), bool, len(values))
            if wanted and not fits_type(wanted, ""):
                return numpy.ones(len(values), dtype=bool)
            return self._text_mask(column)
        bad: Any = type_mask(wanted, values) if wanted else numpy.zeros(len(values), dtype=bool)
        rest = None if bad is None else self._fast_mask(column, values)
        if rest is None:
            return numpy.fromiter((not self.check(v)[0] for v in column), bool, len(values))
        return bad | rest

    def _text_mask(self, column: Any) -> Any:
        """`_check` for a column of texts: they repeat, so each different one is judged once."""
        numpy = require("numpy", feature="checks of columns")
        codes, texts = require("pandas", feature="checks of columns").factorize(column)
        verdicts = numpy.fromiter((not self._check(text)[0] for text in texts), bool, len(texts))
        return verdicts[codes]

    def _check(self, value: Any) -> Answer:
        """Judge a value that is present and of the right type."""
        return True, {}

    def _fast_mask(self, column: Any, values: Any) -> Any:
        """`_check` for all values at once; None: look at each value."""
        return values != values if values.dtype.kind in "iufbM" else None


def _array(column: Any) -> Any:
    """A column without gaps as an array that numpy understands, times as UTC."""
    kind = getattr(column.dtype, "kind", "O")
    if kind == "M":
        zone = getattr(column.dt, "tz", None)
        return (column.dt.tz_convert(None) if zone is not None else column).to_numpy()
    values = column.to_numpy(dtype=f"{kind}8") if kind in "iuf" else column.to_numpy()
    return values.astype(bool) if kind == "b" else values


def shown(value: Any) -> str:
    """A value for a message, cut if it is long."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
