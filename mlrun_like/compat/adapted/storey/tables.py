"""Tables and drivers with storey's arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config, environment
from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.serving.steps.drivers import Change, Driver, Row
from mlrun_like.serving.steps.drivers_file import FileDriver
from mlrun_like.serving.steps.drivers_redis import RedisDriver
from mlrun_like.serving.steps.tables_table import Table as OurTable

__all__ = ["NeedsV3ioAccess", "Table", "V3ioDriver"]


class Table(OurTable):
    """A table of rows by key, with the names that storey's steps use inside.

    >>> from mlrun_like.serving.steps.drivers import NoopDriver
    >>> table = Table("users", NoopDriver())
    >>> table._update_static_attrs("ann", {"age": 31})
    >>> table["ann"]
    {'age': 31}
    """

    def __init__(
        self,
        table_path: str,
        storage: Any = None,
        partitioned_by_key: bool = True,
        flush_interval_secs: float | None = 300,
        max_updates_in_flight: int = 256,
    ) -> None:
        if callable(getattr(storage, "hgetall", None)):  # a client of Redis
            storage = RedisDriver(storage)
        super().__init__(
            table_path, storage, partitioned_by_key, flush_interval_secs, max_updates_in_flight
        )

    def _update_static_attrs(self, key: Any, data: Mapping[str, Any]) -> None:
        self.update(key, data)

    @property
    def _attrs_cache(self) -> dict[Any, Any]:
        return dict(self._entries)


class NeedsV3ioAccess:
    """Base of what speaks to an Iguazio platform.

    Args:
        webapi: Its address; by default `V3IO_API`.
        access_key: By default `V3IO_ACCESS_KEY`.

    Raises:
        InvalidArgumentError: if one is missing, and no folder stands for the platform.
    """

    def __init__(self, webapi: str | None = None, access_key: str | None = None) -> None:
        address = webapi or environment("V3IO_API") or ""
        self._access_key = access_key or environment("V3IO_ACCESS_KEY") or ""
        for name, value in (("webapi", address), ("access_key", self._access_key)):
            if not value and not config.v3io_root:
                variable = "V3IO_API" if name == "webapi" else "V3IO_ACCESS_KEY"
                raise InvalidArgumentError(
                    f"Missing {name} parameter or {variable} environment variable",
                    fix="MLRUN_LIKE_V3IO_ROOT=folder keeps such tables in a folder",
                )
        self._webapi_url = address if "://" in address else f"http://{address}"


class V3ioDriver(NeedsV3ioAccess, Driver):
    """Tables of an Iguazio platform, in the folder that stands for it (`MLRUN_LIKE_V3IO_ROOT`).

    Args:
        webapi: The platform's address; not used with a folder.
        access_key: Not used with a folder.
        use_parallel_operations: Not used.
        v3io_client_kwargs: Not used.

    Raises:
        InvalidArgumentError: if there is neither a folder nor an address and key.
    """

    def __init__(
        self,
        webapi: str | None = None,
        access_key: str | None = None,
        use_parallel_operations: bool = True,
        v3io_client_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(webapi, access_key)
        del use_parallel_operations, v3io_client_kwargs
        self._file: FileDriver | None = None

    def _here(self) -> FileDriver:
        if self._file is None:
            root = config.v3io_root
            if not root:
                raise StoreUnavailableError(
                    f"tables of {self._webapi_url} cannot be reached: there is no client of that "
                    "platform here",
                    fix="set MLRUN_LIKE_V3IO_ROOT to a folder, or use another driver",
                )
            self._file = FileDriver(str(Path(root) / ".tables.db"))
        return self._file

    def load(self, table: str, key: Any, aggregates: bool = True) -> Row | None:
        return self._here().load(table, key, aggregates)

    def save(self, table: str, changes: Sequence[Change], shared: bool = False) -> None:
        self._here().save(table, changes, shared)

    def load_schema(self, table: str) -> dict[str, Any] | None:
        return self._here().load_schema(table)

    def save_schema(self, table: str, schema: Mapping[str, Any]) -> None:
        self._here().save_schema(table, schema)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
