"""MLRun's classes of file formats; reading and writing is ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

from mlrun_like.artifacts import archives, structured
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require, resolve

__all__ = [
    "ArchiveSupportedFormat",
    "DatasetFileFormat",
    "FileHandlerType",
    "NumPySupportedFormat",
    "PandasSupportedFormat",
    "StructFileSupportedFormat",
    "SupportedFormat",
]

FileHandlerType = TypeVar("FileHandlerType")


class _Handler:
    """What reads and writes one format.

    Args:
        fmt: The format: a file suffix without its first dot.
    """

    def __init__(self, fmt: str) -> None:
        self.fmt = fmt


class SupportedFormat:
    """The formats of one kind: its constants, and a handler for each."""

    _handler: ClassVar[type[_Handler]] = _Handler

    @classmethod
    def get_all_formats(cls) -> list[str]:
        """All formats."""
        names = [name for name in vars(cls) if name.isupper() and not name.startswith("_")]
        return [str(getattr(cls, name)) for name in names]

    @classmethod
    def get_format_handler(cls, fmt: str) -> Any:
        """What reads and writes a format.

        Raises:
            InvalidArgumentError: if there is no such format.
        """
        if fmt not in cls.get_all_formats():
            raise InvalidArgumentError(
                f"file format {fmt!r} is unknown",
                fix=f"use one of: {', '.join(cls.get_all_formats())}",
            )
        return cls._handler(fmt)

    @classmethod
    def match_format(cls, path: str) -> str | None:
        """The format that a path ends with, or None."""
        return next((fmt for fmt in cls.get_all_formats() if path.endswith(f".{fmt}")), None)


class _Archiver(_Handler):
    def create_archive(self, directory_path: str, output_path: str) -> str:
        """Archive a folder in the folder `output_path`; give the archive's path."""
        return str(archives.create_archive(directory_path, output_path, self.fmt))

    def extract_archive(self, archive_path: str, output_path: str) -> str:
        """Extract into a folder below `output_path`, named as the archive; give its path."""
        return str(archives.extract_archive(archive_path, output_path, self.fmt))


class ArchiveSupportedFormat(SupportedFormat):
    """Archives of folders."""

    ZIP = "zip"
    TAR = "tar"
    TAR_GZ = "tar.gz"
    TAR_BZ2 = "tar.bz2"
    TAR_XZ = "tar.xz"
    _handler = _Archiver


class _Structure(_Handler):
    def write(self, obj: Any, file_path: str, **dump_kwargs: Any) -> None:
        """Write a collection; `dump_kwargs` of json are taken, other formats have none."""
        if dump_kwargs and self.fmt == "json":
            text = resolve("json:dumps")(obj, **dump_kwargs)
            Path(file_path).write_text(text, encoding="utf-8")
            return
        structured.write_struct(obj, file_path, self.fmt)

    def read(self, file_path: str) -> Any:
        """Read it; the only line of a jsonl file stands for itself."""
        found = structured.read_struct(file_path, self.fmt, lines=True)
        return found[0] if self.fmt == "jsonl" and len(found) == 1 else found


class StructFileSupportedFormat(SupportedFormat):
    """Lists and dicts as text."""

    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    TXT = "txt"
    _handler = _Structure


class _Arrays(_Handler):
    def save(self, obj: Any, file_path: str, **save_kwargs: Any) -> None:
        """Write an array, or with npz a dict or list of arrays."""
        np = require("numpy", feature="arrays in files")
        if self.fmt == "npy":
            np.save(file_path, obj, **save_kwargs)
        elif self.fmt == "npz":
            save = np.savez_compressed if save_kwargs.get("is_compressed") else np.savez
            arrays = obj if isinstance(obj, dict) else {f"arr_{i}": a for i, a in enumerate(obj)}
            save(file_path, **arrays)
        else:
            if obj.ndim > 2:
                raise InvalidArgumentError(
                    f"an array with {obj.ndim} dimensions cannot be written as {self.fmt}",
                    fix="use npy",
                )
            delimiter = "," if self.fmt == "csv" else " "
            np.savetxt(file_path, obj, **{"delimiter": delimiter, **save_kwargs})

    def load(self, file_path: str, **load_kwargs: Any) -> Any:
        """Read it; npz gives a dict."""
        np = require("numpy", feature="arrays in files")
        if self.fmt == "npy":
            return np.load(file_path, **load_kwargs)
        if self.fmt == "npz":
            with np.load(file_path, **load_kwargs) as found:
                return {name: found[name] for name in found.files}
        delimiter = "," if self.fmt == "csv" else None
        return np.loadtxt(file_path, **{"delimiter": delimiter, **load_kwargs})


class NumPySupportedFormat(SupportedFormat):
    """Arrays of numpy."""

    NPY = "npy"
    NPZ = "npz"
    TXT = "txt"
    GZ = "gz"
    CSV = "csv"
    _handler = _Arrays

    @classmethod
    def get_single_array_formats(cls) -> list[str]:
        """Those that hold one array."""
        return [cls.NPY, cls.TXT, cls.GZ, cls.CSV]

    @classmethod
    def get_multi_array_formats(cls) -> list[str]:
        """Those that hold several."""
        return [cls.NPZ]


class _Tables(_Handler):
    def to(self, obj: Any, file_path: str, flatten: bool = True, **to_kwargs: Any) -> Any:
        """Write a frame; gives the arguments that `read` needs to give the same frame back."""
        write = resolve("mlrun_like.artifacts.table_files:write_table")
        kept = write(obj, file_path, self.fmt, to_kwargs)
        return kept if flatten else {}

    def read(self, file_path: str, unflatten_kwargs: Any = None, **read_kwargs: Any) -> Any:
        """Read a frame."""
        found = resolve("mlrun_like.artifacts.table_files:read_table")
        return found(file_path, self.fmt, unflatten_kwargs, **read_kwargs)


class PandasSupportedFormat(SupportedFormat):
    """Frames of pandas."""

    PARQUET = "parquet"
    CSV = "csv"
    H5 = "h5"
    XML = "xml"
    XLSX = "xlsx"
    HTML = "html"
    JSON = "json"
    FEATHER = "feather"
    ORC = "orc"
    _handler = _Tables


class DatasetFileFormat:
    """The file formats of data sets."""

    CSV = "csv"
    PARQUET = "parquet"
