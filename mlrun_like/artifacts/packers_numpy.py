"""Packers of numpy: arrays, numbers, and lists and dicts of arrays."""

from __future__ import annotations

import io
import typing
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from mlrun_like.artifacts import pickles, results, typehints
from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.packer import Packer
from mlrun_like.artifacts.packers_python import read_text
from mlrun_like.artifacts.ports import Item, Packed, file_artifact
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = [
    "PACKERS",
    "NumPyBoolPackager",
    "NumPyNDArrayDictPackager",
    "NumPyNDArrayListPackager",
    "NumPyNDArrayPackager",
    "NumPyNumberPackager",
]

ARRAY_FORMATS = ("npy", "txt", "gz", "csv")
_SMALL = 10


def _load(data_item: Item, path: str) -> Any:
    """Open npy or npz; arrays of objects hold pickles, so only those of the store are opened."""
    try:
        with open(path, "rb") as file:
            return _read(file, allow_pickle=False)
    except ValueError as exc:
        if "Object arrays" not in str(exc):
            raise InvalidArgumentError(f"it is no numpy file: {exc}") from exc
    except (OSError, EOFError, MemoryError, zipfile.BadZipFile) as exc:
        raise InvalidArgumentError(f"it is no numpy file: {exc}") from exc
    return _read(io.BytesIO(pickles.trusted_bytes(data_item, path)), allow_pickle=True)


def _read(source: IO[bytes], *, allow_pickle: bool) -> Any:
    loaded = np.load(source, allow_pickle=allow_pickle)
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        return {name: loaded[name] for name in loaded.files}


class NumPyNDArrayPackager(Packer):
    """numpy.ndarray: a result below 10 elements, else a file."""

    PACKABLE_OBJECT_TYPE = np.ndarray
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.FILE
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.FILE

    def get_default_packing_artifact_type(self, obj: Any) -> str:
        """A result when small."""
        return ArtifactType.RESULT if obj.size < _SMALL else ArtifactType.FILE

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log nested lists."""
        return {key: obj.tolist()}

    def pack_file(
        self, obj: Any, key: str, file_format: str = "", **save_kwargs: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Log npy (any array) or txt, gz or csv (up to two dimensions, as text)."""
        file_format = file_format or "npy"
        if file_format not in ARRAY_FORMATS:
            raise InvalidArgumentError(
                f"file format {file_format!r} is unknown for arrays",
                fix=f"use one of: {', '.join(ARRAY_FORMATS)}",
            )
        path = self.folder() / f"{key}.{file_format}"
        notes: dict[str, Any] = {"file_format": file_format}
        if file_format == "npy":
            np.save(path, obj, **save_kwargs)
            if obj.dtype.hasobject:
                notes["allow_pickle"] = True
        else:
            if obj.ndim > 2 or obj.dtype.kind not in "biuf":
                raise InvalidArgumentError(
                    f"an array of {obj.dtype} with {obj.ndim} dimensions cannot be "
                    f"written as {file_format}",
                    fix='use file_format "npy"',
                )
            delimiter = "," if file_format == "csv" else " "
            np.savetxt(path, np.atleast_1d(obj), **{"delimiter": delimiter, **save_kwargs})
            if obj.ndim == 0 or obj.size == 0 or 1 in obj.shape:  # text does not tell these apart
                notes["shape"] = list(obj.shape)
        return file_artifact(key, path), notes

    def unpack_file(
        self,
        data_item: Item,
        file_format: str = "",
        allow_pickle: bool = False,
        shape: list[int] | None = None,
    ) -> Any:
        """Read such a file, or the numbers of a table."""
        path = data_item.local()
        file_format = file_format or (data_item.suffix or Path(path).suffix).lstrip(".").lower()
        if file_format == "npy":
            return _load(data_item, path)
        if file_format in ARRAY_FORMATS:
            array = _from_text(path, "," if file_format == "csv" else None)
            return array if shape is None else array.reshape(shape)
        if file_format in ("parquet", "pq"):
            return data_item.as_df().to_numpy()
        raise InvalidArgumentError(
            f"file format {file_format!r} is unknown for arrays",
            fix=f"use one of: {', '.join(ARRAY_FORMATS)}",
        )

    def pack_dataset(self, obj: Any, key: str) -> tuple[Any, dict[str, Any]]:
        """Log a table: one column for each column of the array."""
        if obj.ndim not in (1, 2):
            raise InvalidArgumentError(
                f"an array with {obj.ndim} dimensions is no table", fix=f'use "{key}:file"'
            )
        frames = Packed("log_dataset", key, {"df": _to_frame(obj)})
        return frames, {"is_vector": True} if obj.ndim == 1 else {}

    def unpack_dataset(self, data_item: Item, is_vector: bool = False) -> Any:
        """The numbers of a table."""
        array = data_item.as_df().to_numpy()
        return array[:, 0] if is_vector else array


def _to_frame(array: Any) -> Any:
    pandas = require("pandas", feature="a data set")
    names = [f"column_{i}" for i in range(1 if array.ndim == 1 else array.shape[1])]
    return pandas.DataFrame(array.reshape(len(array), len(names)), columns=names)


def _from_text(path: str, delimiter: str | None) -> Any:
    for skipped in (0, 1):  # a csv file may start with its column names
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # an empty array is an array
                return np.loadtxt(path, delimiter=delimiter, skiprows=skipped)
        except (ValueError, OSError, EOFError, zlib.error) as exc:
            cause = exc
            if delimiter is None:
                break
    raise InvalidArgumentError(f"it is no table of numbers: {cause}") from cause


class NumPyNumberPackager(Packer):
    """Numpy's scalars: results."""

    PACKABLE_OBJECT_TYPE = np.number
    PACK_SUBCLASSES = True
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.RESULT
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.RESULT

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log the Python number."""
        return {key: results.to_result(obj)}

    def unpack_result(self, data_item: Item) -> Any:
        """Read the text of a file."""
        text = read_text(data_item)
        try:
            return np.int64(int(text))
        except (ValueError, OverflowError):
            return np.float64(text)

    def fit(self, value: Any, kind: Any) -> Any:
        """Numbers of another size: a whole number as float, never the other way."""
        if isinstance(value, kind) or not np.can_cast(value, kind, "same_kind"):
            return value
        fitted = kind(value)
        return fitted if fitted == value or isinstance(fitted, np.floating) else value


class NumPyBoolPackager(Packer):
    """Numpy's truth values, such as a comparison of numbers gives: results."""

    PACKABLE_OBJECT_TYPE = np.bool_
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.RESULT
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.RESULT

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log the Python value."""
        return {key: bool(obj)}

    def unpack_result(self, data_item: Item) -> Any:
        """Read the text of a file."""
        return np.bool_(read_text(data_item).strip().lower() in ("true", "1"))


class _ArraysPackager(Packer):
    """A collection whose values are arrays: an npz file."""

    COLLECTION: type
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.FILE
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.FILE

    def is_packable(
        self, obj: Any, artifact_type: str | None = None, configurations: Any = None
    ) -> bool:
        """Only collections that hold nothing but arrays, and at least one."""
        if type(obj) is not self.COLLECTION or not obj:
            return False
        if not all(isinstance(array, np.ndarray) for array in self.arrays(obj).values()):
            return False
        return not artifact_type or artifact_type in self.get_supported_packing_artifact_types()

    def is_unpackable(
        self, data_item: Item, type_hint: Any, artifact_type: str | None = None
    ) -> bool:
        """Only hints such as `list[numpy.ndarray]`."""
        if typehints.origin(type_hint) is not self.COLLECTION:
            return False
        return typing.get_args(type_hint)[-1:] == (np.ndarray,)

    def arrays(self, obj: Any) -> dict[Any, Any]:
        """The arrays by the name they get in the file."""
        return dict(obj)

    def pack_file(
        self, obj: Any, key: str, file_format: str = "", is_compressed: bool = False
    ) -> tuple[Any, dict[str, Any]]:
        """Log an npz file."""
        if file_format not in ("", "npz"):
            raise InvalidArgumentError(
                f"file format {file_format!r} is unknown for collections of arrays",
                fix='use "npz"',
            )
        arrays = self.arrays(obj)
        wrong = [name for name in arrays if not isinstance(name, str) or name in ("", "file")]
        if wrong:
            raise InvalidArgumentError(
                f"{wrong[0]!r} cannot name an array in an npz file", fix=f'use "{key}:object"'
            )
        path = self.folder() / f"{key}.npz"
        (np.savez_compressed if is_compressed else np.savez)(path, **arrays)
        notes: dict[str, Any] = {"file_format": "npz"}
        if any(array.dtype.hasobject for array in arrays.values()):
            notes["allow_pickle"] = True
        return file_artifact(key, path), notes

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log nested lists."""
        return {key: {name: array.tolist() for name, array in self.arrays(obj).items()}}

    def unpack_file(
        self, data_item: Item, file_format: str = "", allow_pickle: bool = False
    ) -> Any:
        """Read an npz file."""
        loaded = _load(data_item, data_item.local())
        if isinstance(loaded, np.ndarray):
            raise InvalidArgumentError("it holds one array", fix="hint it as numpy.ndarray")
        return loaded


class NumPyNDArrayDictPackager(_ArraysPackager):
    """dict[str, numpy.ndarray]."""

    PACKABLE_OBJECT_TYPE = dict[str, np.ndarray]
    COLLECTION = dict


class NumPyNDArrayListPackager(_ArraysPackager):
    """list[numpy.ndarray]."""

    PACKABLE_OBJECT_TYPE = list[np.ndarray]
    COLLECTION = list

    def arrays(self, obj: Any) -> dict[Any, Any]:
        """Numbered names keep the order."""
        return {f"array_{index}": array for index, array in enumerate(obj)}

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log nested lists."""
        return {key: [array.tolist() for array in obj]}

    def unpack_file(
        self, data_item: Item, file_format: str = "", allow_pickle: bool = False
    ) -> Any:
        """Read an npz file."""
        return list(super().unpack_file(data_item, file_format, allow_pickle).values())


PACKERS: tuple[type[Packer], ...] = (
    NumPyNDArrayDictPackager,
    NumPyNDArrayListPackager,
    NumPyNDArrayPackager,
    NumPyNumberPackager,
    NumPyBoolPackager,
)
