"""One column against its declared type: it is, it can be made, or which row does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.feature_store.definitions.schema import wider
from mlrun_like.feature_store.definitions.value_types import from_pandas, from_value

__all__ = ["first_misfit", "fitted", "type_of"]

_INFERRED = {
    "string": "str",
    "bytes": "bytes",
    "boolean": "bool",
    "integer": "int64",
    "floating": "float",
    "mixed-integer-float": "float",
    "datetime": "datetime",
    "datetime64": "datetime",
    "empty": "",
}
_WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_NUMBERS = ("integer", "floating", "empty", "mixed-integer-float")
_DTYPES: dict[str, Any] = {
    **{name: name for name in _WHOLE},
    "float32": "float32",
    "float": "float64",
}


def type_of(values: pd.Series[Any]) -> str:
    """The value type of a column; empty if it has only missing values.

    >>> type_of(pd.Series(["a", None], dtype=object)), type_of(pd.Series([None], dtype=object))
    ('str', '')
    """
    if pd.api.types.is_object_dtype(values.dtype):
        found = _INFERRED.get(pd.api.types.infer_dtype(values, skipna=True))
        if found is not None:
            return found
    return from_pandas(values.dtype, values)


def fitted(values: pd.Series[Any], declared: str) -> Any:
    """The column as the declared type has it, if that loses nothing; else None.

    Args:
        values: Of a type whose values the declared one may or may not hold.
        declared: A value type.

    >>> fitted(pd.Series([1.0, None]), "int64").dtype.name
    'Int64'
    >>> fitted(pd.Series([1.5]), "int64") is None
    True
    """
    dtype = _DTYPES.get(declared)
    kind = values.dtype.kind if isinstance(values.dtype, np.dtype) else "?"
    if dtype is None or kind not in "iufO":
        return None
    if kind == "O":
        if pd.api.types.infer_dtype(values, skipna=True) not in _NUMBERS:
            return None
        values = pd.to_numeric(values)
    missing = values.isna().to_numpy()
    if declared in _WHOLE:
        present = values.to_numpy()[~missing] if missing.any() else values.to_numpy()
        limits = np.iinfo(dtype)
        if present.dtype.kind == "f" and not (
            np.isfinite(present).all() and (np.floor(present) == present).all()
        ):
            return None
        # the next float above 2**63 - 1 is 2**63 itself, which does not fit
        if len(present) and not (
            int(present.min()) >= limits.min and int(present.max()) <= limits.max
        ):
            return None
        if missing.any():
            return values.astype(dtype.replace("i", "I").replace("u", "U"))
        return values.astype(dtype)
    made = values.astype(dtype)
    same = (made.to_numpy().astype(np.float64) == values.to_numpy().astype(np.float64)) | missing
    return made if same.all() else None


def first_misfit(values: pd.Series[Any], declared: str) -> tuple[int, Any]:
    """The first row whose value the declared type cannot hold, and the value."""
    if pd.api.types.is_object_dtype(values.dtype):
        for row, value in enumerate(values):
            found = from_value(value)
            if found and not wider(found, declared):
                return row, value
    present = np.flatnonzero(values.notna().to_numpy())
    row = int(present[0]) if len(present) else 0
    return row, values.iloc[row] if len(values) else None
