"""InMemoryStore, and what `memory://` holds."""

from __future__ import annotations

import io
from typing import Any

from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.memory import in_memory_items
from mlrun_like.artifacts.memory import set_in_memory_item as keep
from mlrun_like.artifacts.stores import FileStats
from mlrun_like.compat.adapted.datastore.stores import DataStore
from mlrun_like.errors import NotFoundError
from mlrun_like.registry import require

__all__ = ["InMemoryStore", "get_in_memory_items", "in_memory_store", "set_in_memory_item"]


class InMemoryStore(DataStore):
    """Values by key, of this object alone.

    >>> store = InMemoryStore()
    >>> store.put("a", "123")
    >>> store.get("a")
    '123'
    """

    def __init__(self) -> None:
        super().__init__(None, "memory", "memory")
        self._items: dict[str, Any] = {}

    def _value(self, key: str) -> Any:
        if key not in self._items:
            raise NotFoundError(f"item {key} not found in memory store")
        return self._items[key]

    def get(self, key: str, size: int | None = None, offset: int = 0) -> Any:
        """The value as it was put."""
        return self._value(key)

    def put(self, key: str, data: Any, append: bool = False) -> None:
        """Set a value, or add to it."""
        self._items[key] = self._items[key] + data if append and key in self._items else data

    def upload(self, key: str, src_path: str) -> None:
        """Set a value to the bytes of a file."""
        self._items[key] = open_url(src_path).get()

    def stat(self, key: str) -> FileStats:
        """Its size."""
        return FileStats(len(self._value(key)), None)

    def listdir(self, key: str) -> list[str]:
        """Nothing: there are no folders."""
        return []

    def rm(self, path: str, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Forget a value."""
        self._items.pop(path, None)

    def as_df(
        self, url: str, subpath: str, columns: Any = None, df_module: Any = None,
        format: str = "", **kwargs: Any,
    ) -> Any:  # fmt: skip
        """A value as a table."""
        value = self._value(subpath)
        if hasattr(value, "to_csv"):
            return value
        module = df_module or require("pandas", feature="tables")
        data = io.StringIO(value) if isinstance(value, str) else io.BytesIO(value)
        form = format or url.rpartition(".")[2]
        read = {"pq": module.read_parquet, "parquet": module.read_parquet}.get(form)
        if read is not None:
            return read(data, columns=columns, **kwargs)
        if form == "json":
            return module.read_json(data, **kwargs)
        return module.read_csv(data, usecols=columns, **kwargs)


class _SharedStore(DataStore):
    """What `memory://` URLs of this process hold."""

    @property
    def _items(self) -> dict[str, Any]:
        return in_memory_items()

    def _item(self, key: Any) -> DataItem:
        return open_url(key if str(key).startswith("memory://") else f"memory://{key}")


in_memory_store = _SharedStore(None, "memory", "memory")


def set_in_memory_item(key: str, value: Any) -> DataItem:
    """Keep bytes, text or a DataFrame in this process.

    >>> set_in_memory_item("greeting", "hello").url
    'memory://greeting'
    """
    return open_url(keep(key, value))


def get_in_memory_items() -> dict[str, Any]:
    """All of them by key."""
    return in_memory_items()
