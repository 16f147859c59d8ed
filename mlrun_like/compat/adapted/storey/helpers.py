"""What `storey.utils` had: durations, paths into values, file systems, filters of partitions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlparse

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require, resolve
from mlrun_like.serving.steps.windows import parse_duration

__all__ = [
    "BUCKETS_PER_WINDOW",
    "EVENT_FIELDS",
    "EVENT_MARKER",
    "KNOWN_DRIVER_SCHEMES",
    "SCHEMA_FILE",
    "emit_policy",
    "find_filters",
    "find_partitions",
    "get_in",
    "get_one_unit_of_duration",
    "get_remaining_path",
    "hash_list",
    "sort_windows_and_convert_to_millis",
    "stringify_key",
    "unpack_event_if_wrapped",
    "update_in",
    "url_to_file_system",
    "wrap_event_for_serialization",
]

BUCKETS_PER_WINDOW = 2
SCHEMA_FILE = ".schema"
EVENT_MARKER = "full_event_wrapper"
EVENT_FIELDS = ["key", "id"]
KNOWN_DRIVER_SCHEMES = ["v3io", "redis", "rediss"]

_UNITS = ("year", "month", "day", "hour", "minute", "second")


def get_one_unit_of_duration(string_time: str) -> int:
    """Milliseconds of the unit of a duration.

    >>> get_one_unit_of_duration("5m")
    60000
    """
    return parse_duration(f"1{string_time[-1]}")


def sort_windows_and_convert_to_millis(windows: Sequence[Any]) -> list[Any]:
    """Windows as pairs of milliseconds and text, the shortest first.

    >>> sort_windows_and_convert_to_millis(["1h", "5m"])
    [(300000, '5m'), (3600000, '1h')]

    Raises:
        InvalidArgumentError: if there is none.
    """
    if not windows:
        raise InvalidArgumentError("Windows list can not be empty")
    if not isinstance(windows[0], str):
        return list(windows)
    return sorted((parse_duration(window), window) for window in windows)


def get_remaining_path(url: str) -> tuple[str, str]:
    """The scheme of a URL, and the path that its file system knows.

    >>> get_remaining_path("wasbs://box@account.example/a.csv")
    ('wasbs', 'box/a.csv')
    """
    if "://" not in url:
        return "", url
    parts = urlparse(url)
    scheme = parts.scheme.lower()
    if scheme in ("ds", "v3io"):
        return scheme, parts.path
    host = parts.username if scheme in ("wasb", "wasbs") else parts.netloc
    return scheme, f"{host}{parts.path}"


def url_to_file_system(url: str, storage_options: Any = None) -> tuple[Any, str]:
    """The file system of a URL, and the path there.

    Raises:
        InvalidArgumentError: if a `ds://` URL does not say what it stands for.
    """
    scheme, path = get_remaining_path(url)
    if url.startswith("ds://"):
        scheme = urlparse(url).password or ""
        if not scheme:
            raise InvalidArgumentError(
                "Datastore profile URL is expected to have underlying scheme embedded as password"
            )
    fsspec = require("fsspec", feature="files at URLs")
    return fsspec.filesystem(scheme or "file", **(storage_options or {})), path


def get_in(obj: Any, keys: Any, default: Any = None) -> Any:
    """The value at a dotted path.

    >>> get_in({"a": {"b": 1}}, "a.b")
    1
    """
    for key in keys.split(".") if isinstance(keys, str) else keys:
        if not obj or key not in obj:
            return default
        obj = obj[key]
    return obj


def update_in(obj: Any, key: Any, value: Any) -> None:
    """Set the value at a dotted path; what is missing on the way is made.

    >>> body = {}
    >>> update_in(body, "a.b", 1)
    >>> body
    {'a': {'b': 1}}
    """
    *parents, last = key.split(".") if isinstance(key, str) else key
    for name in parents:
        inner = obj.get(name)
        if inner is None:
            inner = obj[name] = {}
        obj = inner
    obj[last] = value


def hash_list(list_to_hash: Sequence[Any]) -> str:
    """A digest of the texts of some values."""
    text = "".join(str(element) for element in list_to_hash)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def stringify_key(key_list: Any) -> str:
    """A key as storey writes it.

    >>> stringify_key(["a", 1]), stringify_key(5)
    ('a.1', '5')
    """
    if not isinstance(key_list, list):
        return str(key_list)
    if len(key_list) > 2:
        return f"{key_list[0]}.{hash_list(key_list[1:])}"
    return ".".join(str(part) for part in key_list)


def find_partitions(url: str, fs: Any) -> tuple[list[str], list[str]]:
    """The partitions of a folder: those that are parts of times, longest first, and all."""
    names: list[str] = []
    path = url
    while not fs.isfile(path):
        inner = [item["name"].rpartition("/") for item in fs.ls(path, detail=True)]
        shown = [f"{top}/{name}" for top, _, name in inner if "=" in name or name[0] not in "._"]
        if not shown or fs.isfile(shown[0]):
            break
        path = shown[0]
        names.append(path.rpartition("/")[2].partition("=")[0])
    return [unit for unit in _UNITS if unit in names], names


def find_filters(
    partitions_time_attributes: Sequence[str],
    start: datetime | None,
    end: datetime | None,
    filters: list[Any],
    filter_column: str,
) -> None:
    """Add the filters, as pyarrow takes them, of rows after `start` and up to `end`.

    >>> found = []
    >>> find_filters([], None, datetime(2024, 1, 1), found, "at")
    >>> found
    [[('at', '<=', datetime.datetime(2024, 1, 1, 0, 0))]]
    """
    made = resolve("mlrun_like.serving.stream_flow.parquet_filters:Filters")
    wanted = made(filter_column, start, end)
    filters.append([*wanted.partition_terms(list(partitions_time_attributes)), *wanted.terms(None)])


def unpack_event_if_wrapped(event: Any) -> Any:
    """An event whose body is one that went through a stream, as it was before."""
    body = event.body
    if isinstance(body, dict) and body.get(EVENT_MARKER):
        event.body = body.get("body")
        for name in EVENT_FIELDS:
            if body.get(name) is not None:
                setattr(event, name, body[name])
    return event


def wrap_event_for_serialization(event: Any, record: Any) -> dict[str, Any]:
    """A body with what is to stay of its event on the way through a stream."""
    found: dict[str, Any] = {EVENT_MARKER: True, "body": record}
    for name in EVENT_FIELDS:
        value = getattr(event, name, None)
        if value is not None:
            found[name] = value.isoformat() if isinstance(value, datetime) else value
    return found


def emit_policy(policy_dict: Any) -> Any:
    """The emit policy that a dictionary describes."""
    return resolve("mlrun_like.serving.steps.windows_emission:emit_policy_of")(policy_dict)
