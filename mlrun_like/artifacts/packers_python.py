"""Packers of Python's own types: numbers, text, collections, bytes and paths."""

from __future__ import annotations

import pathlib
from pathlib import Path
from typing import Any

from mlrun_like.artifacts import archives, results, structured
from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.packer import Packer
from mlrun_like.artifacts.ports import Item, file_artifact
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "PACKERS",
    "BoolPackager",
    "BytearrayPackager",
    "BytesPackager",
    "DictPackager",
    "FloatPackager",
    "FrozensetPackager",
    "IntPackager",
    "ListPackager",
    "NonePackager",
    "PathPackager",
    "SetPackager",
    "StrPackager",
    "TuplePackager",
    "read_text",
]

_MAX_NUMBER = 4096
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def read_text(data_item: Item) -> str:
    """The text of an input that holds one number or word."""
    data = data_item.get(size=_MAX_NUMBER + 1)
    if len(data) > _MAX_NUMBER:
        raise InvalidArgumentError(f"it is longer than {_MAX_NUMBER} bytes")
    return (data.decode("utf-8") if isinstance(data, (bytes, bytearray)) else str(data)).strip()


class _ScalarPackager(Packer):
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.RESULT
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.RESULT

    def unpack_result(self, data_item: Item) -> Any:
        """Read the text of a file."""
        return self.PACKABLE_OBJECT_TYPE(read_text(data_item))


class NonePackager(_ScalarPackager):
    """None: a result."""

    PACKABLE_OBJECT_TYPE = type(None)


class IntPackager(_ScalarPackager):
    """int: a result."""

    PACKABLE_OBJECT_TYPE = int


class FloatPackager(_ScalarPackager):
    """float: a result."""

    PACKABLE_OBJECT_TYPE = float


class BoolPackager(_ScalarPackager):
    """bool: a result; a file says true/false, yes/no, on/off or 1/0."""

    PACKABLE_OBJECT_TYPE = bool

    def unpack_result(self, data_item: Item) -> bool:
        """Read the word in a file."""
        text = read_text(data_item).lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise InvalidArgumentError(f"{text[:40]!r} is neither true nor false")


class StrPackager(Packer):
    """str: a result, long text a file; as `path` the file or folder that it names."""

    PACKABLE_OBJECT_TYPE: Any = str
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.RESULT
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.PATH

    def get_default_packing_artifact_type(self, obj: Any) -> str:
        """Text is a result, long text a file."""
        return "file" if obj is not None and len(obj) > results.MAX_RESULT_SIZE else "result"

    def pack_path(
        self, obj: Any, key: str, archive_format: str = "zip"
    ) -> tuple[Any, dict[str, Any]]:
        """Log the file, or the folder as an archive."""
        path = Path(obj).expanduser()
        if path.is_dir():
            archive = archives.create_archive(path, self.folder(), archive_format)
            return file_artifact(key, archive), {
                "archive_format": archive_format,
                "is_directory": True,
            }
        if path.is_file():
            return file_artifact(key, path), {"is_directory": False}
        raise InvalidArgumentError(
            f"The path is not a file nor a directory: {str(obj)[:200]!r}",
            fix=f'write it before returning its path, or log the text itself with "{key}:result"',
        )

    def unpack_path(
        self, data_item: Item, is_directory: bool = False, archive_format: str | None = None
    ) -> Any:
        """The path of a local copy; a folder is extracted."""
        path = data_item.local()
        if is_directory:
            path = str(archives.extract_archive(path, self.folder(), archive_format or ""))
        return self.PACKABLE_OBJECT_TYPE(path)

    def pack_file(self, obj: str, key: str) -> tuple[Any, dict[str, Any]]:
        """Log a text file."""
        path = self.folder() / f"{key}.txt"
        path.write_text(str(obj), encoding="utf-8", newline="")
        return file_artifact(key, path), {}

    def unpack_file(self, data_item: Item) -> Any:
        """The text of the file."""
        return Path(data_item.local()).read_bytes().decode("utf-8")


class PathPackager(StrPackager):
    """pathlib.Path: the file or folder it names."""

    PACKABLE_OBJECT_TYPE = pathlib.Path
    PACK_SUBCLASSES = True
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.PATH

    def get_default_packing_artifact_type(self, obj: Any) -> str:
        """Always the file or folder."""
        del obj
        return "path"

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log the path as text."""
        return {key: str(obj)}


class _CollectionPackager(Packer):
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.RESULT
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.FILE

    def get_default_packing_artifact_type(self, obj: Any) -> str:
        """Small data is a result, large data a file, anything else a pickle."""
        return results.default_type(obj)

    def pack_file(self, obj: Any, key: str, file_format: str = "") -> tuple[Any, dict[str, Any]]:
        """Log a json, jsonl, yaml or txt file."""
        plain = self.to_plain(obj)
        file_format = file_format or structured.default_struct_format(plain)
        path = self.folder() / f"{key}.{file_format}"
        structured.write_struct(plain, path, file_format)
        return file_artifact(key, path), {"file_format": file_format}

    def unpack_file(self, data_item: Item, file_format: str = "") -> Any:
        """Read such a file."""
        path = data_item.local()
        lines = self.PACKABLE_OBJECT_TYPE is not dict
        file_format = file_format or structured.struct_format_of(path)
        return self.from_plain(structured.read_struct(path, file_format, lines=lines))

    def to_plain(self, obj: Any) -> Any:
        """What is written: a dict or a list."""
        return results.ordered(obj) if isinstance(obj, (set, frozenset)) else list(obj)

    def from_plain(self, value: Any) -> Any:
        """The object for what was read."""
        if not isinstance(value, (list, tuple, set, frozenset)):
            raise InvalidArgumentError(f"it holds {type(value).__name__}")
        return self.PACKABLE_OBJECT_TYPE(value)


class DictPackager(_CollectionPackager):
    """dict: a result or a file."""

    PACKABLE_OBJECT_TYPE = dict

    def to_plain(self, obj: Any) -> Any:
        """The dict."""
        return obj

    def from_plain(self, value: Any) -> Any:
        """The dict; nothing else will do."""
        if not isinstance(value, dict):
            raise InvalidArgumentError(f"it holds {type(value).__name__}")
        return value


class ListPackager(_CollectionPackager):
    """list: a result or a file."""

    PACKABLE_OBJECT_TYPE = list


class TuplePackager(_CollectionPackager):
    """tuple: a result or a file."""

    PACKABLE_OBJECT_TYPE = tuple


class SetPackager(_CollectionPackager):
    """set: a result or a file."""

    PACKABLE_OBJECT_TYPE = set


class FrozensetPackager(_CollectionPackager):
    """frozenset: a result or a file."""

    PACKABLE_OBJECT_TYPE = frozenset


class BytesPackager(_CollectionPackager):
    """bytes: a result (as Python writes it) when short, else a file with just these bytes."""

    PACKABLE_OBJECT_TYPE: Any = bytes

    def get_default_packing_artifact_type(self, obj: Any) -> str:
        """Up to 1000 bytes are a result."""
        return ArtifactType.RESULT if len(obj or b"") <= 1000 else ArtifactType.FILE

    def pack_result(self, obj: Any, key: str) -> dict[str, Any]:
        """Log Python's notation, such as `b'\\x00'`."""
        return {key: str(bytes(obj))}

    def pack_file(self, obj: Any, key: str, file_format: str = "") -> tuple[Any, dict[str, Any]]:
        """Log the bytes themselves (format bin) or a list of numbers (json, jsonl, yaml, txt)."""
        if file_format not in ("", "bin"):
            return super().pack_file(obj, key, file_format)
        path = self.folder() / f"{key}.bin"
        path.write_bytes(obj)
        return file_artifact(key, path), {"file_format": "bin"}

    def unpack_file(self, data_item: Item, file_format: str = "") -> Any:
        """Read such a file; a list of numbers in a structured file counts as bytes."""
        path = data_item.local()
        asked = file_format
        file_format = file_format or structured.struct_format_of(path)
        if file_format in structured.STRUCT_FORMATS:
            try:
                return self.from_plain(structured.read_struct(path, file_format, lines=True))
            except (InvalidArgumentError, ValueError, TypeError):
                if asked:
                    raise
        return self.PACKABLE_OBJECT_TYPE(Path(path).read_bytes())


class BytearrayPackager(BytesPackager):
    """bytearray: like bytes."""

    PACKABLE_OBJECT_TYPE = bytearray


PACKERS: tuple[type[Packer], ...] = (
    NonePackager,
    IntPackager,
    FloatPackager,
    BoolPackager,
    StrPackager,
    PathPackager,
    DictPackager,
    ListPackager,
    TuplePackager,
    SetPackager,
    FrozensetPackager,
    BytesPackager,
    BytearrayPackager,
)
