"""Packers of tables in chunks: iterators of frames, and Arrow's lazy data sets.

def handler(df: Iterator[pandas.DataFrame]): ...
def handler(data: pyarrow.dataset.Dataset): ...
def handler(data: pyarrow.RecordBatchReader): ...
"""

from __future__ import annotations

import collections.abc
import typing
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from mlrun_like.artifacts.chunked import frames_of, lazy_dataset, record_batches
from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.packer import Packer
from mlrun_like.artifacts.ports import Item

__all__ = ["PACKERS", "ArrowDatasetPackager", "FrameIteratorPackager", "RecordBatchesPackager"]

_ITERATORS = (collections.abc.Iterator, collections.abc.Generator)


class _InputOnly(Packer):
    """These are read, not logged: what a handler returns is a table of its own type."""

    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.FILE

    def is_packable(self, obj: Any, artifact_type: str | None = None, _: Any = None) -> bool:
        """No."""
        return False


class FrameIteratorPackager(_InputOnly):
    """`Iterator[pandas.DataFrame]`: frames of 50 000 rows, one in memory at a time."""

    def is_unpackable(
        self, data_item: Item, type_hint: Any, artifact_type: str | None = None
    ) -> bool:
        """Whether the hint is an iterator or generator of frames."""
        inner = typing.get_args(type_hint)
        return typing.get_origin(type_hint) in _ITERATORS and inner[:1] == (pd.DataFrame,)

    def unpack_file(self, data_item: Item) -> Any:
        """Begin to read it."""
        return frames_of(data_item)

    unpack_dataset = unpack_file


class ArrowDatasetPackager(_InputOnly):
    """pyarrow.dataset.Dataset: nothing is read before it is asked for."""

    PACKABLE_OBJECT_TYPE: Any = pads.Dataset

    def unpack_file(self, data_item: Item) -> Any:
        """Open it."""
        return lazy_dataset(data_item)

    unpack_dataset = unpack_file


class RecordBatchesPackager(_InputOnly):
    """pyarrow.RecordBatchReader: batches of at most 50 000 rows, read as they are asked for."""

    PACKABLE_OBJECT_TYPE: Any = pa.RecordBatchReader

    def unpack_file(self, data_item: Item) -> Any:
        """Begin to read it."""
        return record_batches(data_item)

    unpack_dataset = unpack_file


PACKERS: tuple[type[Packer], ...] = (ArrowDatasetPackager, RecordBatchesPackager)
