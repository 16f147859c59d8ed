"""Arrays and frames in recordings; loaded only when there are some."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc as ipc

__all__ = ["pack_array", "unpack_array", "unpack_frame"]


def pack_array(value: Any, pack: Callable[[Any], Any]) -> Any:
    """A tag for an array, a number of numpy, or a frame; None if it is something else."""
    if isinstance(value, (np.ndarray, np.generic)):
        tag = "$array" if isinstance(value, np.ndarray) else "$scalar"
        array = np.asarray(value)
        if type(value) not in (np.ndarray, array.dtype.type) or array.dtype.names:
            return None
        content: dict[str, Any] = {"dtype": array.dtype.str, "shape": list(array.shape)}
        if array.dtype.hasobject:
            content["items"] = [pack(item) for item in array.ravel().tolist()]
        else:
            content["data"] = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        return {tag: content}
    if isinstance(value, pd.Timestamp):
        return {"$time": ["datetime", value.to_pydatetime(warn=False).isoformat()]}
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return _pack_frame(value)
    return None


def _pack_frame(value: pd.DataFrame | pd.Series[Any]) -> Any:
    kind = "frame" if isinstance(value, pd.DataFrame) else "series"
    frame = value if isinstance(value, pd.DataFrame) else value.to_frame()
    sink = io.BytesIO()
    try:
        table = pa.Table.from_pandas(frame)
        with ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    except (
        pa.ArrowException,
        TypeError,
        ValueError,
    ):  # columns of objects that Arrow has no type for
        return None
    named = isinstance(value, pd.DataFrame) or value.name is not None
    return {"$frame": {"kind": kind, "named": named, "data": _text(sink.getvalue())}}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unpack_array(content: Mapping[str, Any], unpack: Callable[[Any], Any]) -> Any:
    """The array of a tag."""
    dtype, shape = np.dtype(content["dtype"]), tuple(content["shape"])
    if "items" in content:
        array = np.empty(len(content["items"]), dtype=object)
        for place, item in enumerate(content["items"]):
            array[place] = unpack(item)
        return array.reshape(shape)
    data = base64.b64decode(content["data"], validate=True)
    return np.frombuffer(data, dtype=dtype).reshape(shape).copy()


def unpack_frame(content: Mapping[str, Any]) -> Any:
    """The frame or series of a tag."""
    data = base64.b64decode(content["data"], validate=True)
    frame = ipc.open_stream(data).read_all().to_pandas()
    if content["kind"] == "frame":
        return frame
    series = frame.iloc[:, 0]
    return series if content["named"] else series.rename(None)
