"""StoreManager: data items and stores by URL, with secrets of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import IO, Any

import fsspec

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.artifacts.nowhere import NowhereStore
from mlrun_like.artifacts.stores import FileStats, FileStore, open_file_store, scheme_of
from mlrun_like.compat.adapted.datastore.urls import parse_url
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.tracking.meant import meant_session

__all__ = [
    "DataStore",
    "StoreManager",
    "forget",
    "is_jupyter",
    "schema_to_store",
    "store_manager",
    "uri_to_ipython",
]


class DataStore:
    """A store with the methods that MLRun's stores have; keys are URLs or paths below it.

    Args:
        parent: The manager.
        name: Its name.
        kind: The scheme of its URLs.
        endpoint: The host or bucket.
        secrets: Looked into first for credentials.
    """

    def __init__(
        self,
        parent: Any,
        name: str,
        kind: str,
        endpoint: str = "",
        secrets: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        self._parent = parent
        self._secrets = dict(secrets or {})
        self.name = name
        self.kind = kind
        self.endpoint = endpoint or ""
        self.subpath = ""
        self.options: dict[str, Any] = dict(kwargs)

    @property
    def url(self) -> str:
        """The start of its URLs."""
        return f"{self.kind}://{self.endpoint}" if self.kind not in ("", "file") else ""

    def _item(self, key: Any) -> DataItem:
        text = os.fspath(key) if isinstance(key, os.PathLike) else str(key)
        if not scheme_of(text) and self.url:
            text = f"{self.url.rstrip('/')}/{text.lstrip('/')}"
        secrets = self._secrets or getattr(self._parent, "_secrets", None) or None
        return open_url(text, secrets)

    @property
    def filesystem(self) -> Any:
        """fsspec's file system."""
        if self.kind in ("", "file"):
            return fsspec.filesystem("file")
        return getattr(
            open_file_store(f"{self.url}/x", self._secrets or None)[0], "filesystem", None
        )

    def get_storage_options(self) -> dict[str, Any]:
        """The options of fsspec's file system."""
        return dict(getattr(self.filesystem, "storage_options", None) or {})

    def open(self, filepath: Any, mode: str = "rb") -> IO[Any]:
        """A file object."""
        return self._item(filepath).open(mode)

    def get(self, key: str, size: int | None = None, offset: int = 0) -> Any:
        """The bytes."""
        return self._item(key).get(size, offset)

    def put(self, key: str, data: Any, append: bool = False) -> None:
        """Write bytes or text."""
        self._item(key).put(data, append)

    def stat(self, key: str) -> FileStats:
        """Size and time."""
        return self._item(key).stat()

    def listdir(self, key: str) -> list[str]:
        """Names in a folder."""
        return self._item(key).listdir()

    def upload(self, key: str, src_path: str) -> None:
        """Copy a file of this machine to the store."""
        self._item(key).upload(src_path)

    def download(self, key: str, target_path: str) -> None:
        """Copy a file of the store to this machine."""
        self._item(key).download(target_path)

    def rm(self, path: str, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Delete a file, or with `recursive` a folder; a missing one is fine."""
        if maxdepth is not None:
            raise InvalidArgumentError("rm(maxdepth=...) is not supported", fix="leave it out")
        self._item(path).delete(recursive)

    def as_df(
        self, url: str, subpath: str, columns: Any = None, df_module: Any = None,
        format: str = "", **kwargs: Any,
    ) -> Any:  # fmt: skip
        """The table at a URL; see `DataItem.as_df`."""
        return self._item(url or subpath).as_df(columns, df_module, format, **kwargs)


class StoreManager:
    """Data items and stores by URL.

    Args:
        secrets: Looked into first for credentials.
        db: Where `store://` URIs are looked up; None: the configured store.
    """

    def __init__(self, secrets: Mapping[str, str] | None = None, db: Any = None) -> None:
        self._stores: dict[str, Any] = {}
        self._secrets = dict(secrets or {})
        self._db = db

    def set(self, secrets: Mapping[str, str] | None = None, db: Any = None) -> StoreManager:
        """Add secrets, and a database if it has none."""
        self._secrets.update(secrets or {})
        self._db = self._db or db
        return self

    def secret(self, key: str) -> str | None:
        """One of its secrets."""
        return self._secrets.get(key)

    def reset_secrets(self) -> None:
        """Forget its secrets."""
        self._secrets = {}

    def get_store_artifact(
        self,
        url: str,
        project: str = "",
        allow_empty_resources: bool | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> tuple[Artifact, str]:
        """An artifact and where its bytes are.

        Args:
            url: Its `store://` URI.
            project: The project of URIs that name none.
            allow_empty_resources: It may have no bytes.
            secrets: Not needed for a record.

        Raises:
            NotFoundError: if there is none.
            InvalidArgumentError: if it has no bytes.
        """
        try:
            found = get_artifact(url, project=project)
        except NotFoundError as exc:
            raise NotFoundError(f"artifact {url} not found, {exc.what}", fix=exc.fix) from exc
        there = found.target_path or found.is_inline or found.spec.model_url
        if not there and not allow_empty_resources:
            raise InvalidArgumentError(
                f"Resource {url} does not have a valid/persistent offline target or model_url"
            )
        return found, found.target_path

    def object(
        self,
        url: str,
        key: str = "",
        project: str = "",
        allow_empty_resources: bool | None = None,
        secrets: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> DataItem:
        """The data item of a URL; see `get_dataitem`."""
        if not url:
            return DataItem(key, NowhereStore("Cannot parse an empty URL"), "")
        merged = {**self._secrets, **(secrets or {})} or None
        if scheme_of(str(url)) == "store":
            empty = bool(allow_empty_resources)
            return get_dataitem(
                url, project=project, secrets=merged, key=key, allow_empty_resources=empty
            )
        self.get_or_create_store(url, secrets, project)
        found = get_dataitem(url, project=project, secrets=merged, key=key or "")
        # programs look whether a store has the secrets of its caller, and of nobody else
        found.store.__dict__["_secrets"] = dict(secrets or {})
        return found

    def get_or_create_store(
        self, url: str, secrets: Mapping[str, str] | None = None, project_name: str = ""
    ) -> tuple[DataStore, str, str]:
        """The store of a URL, the path in it, and the URL.

        Args:
            url: A URL or path.
            secrets: Looked into first for credentials; such a store is not kept.
            project_name: The project of `ds://` URLs.
        """
        schema, endpoint, parts = parse_url(str(url))
        name = f"{schema}://{endpoint or ''}"
        path = str(url).removeprefix("file://") if schema in ("", "file") else parts.path
        kept = not secrets and meant_session() is None  # a store may hold one user's token
        if kept and name in self._stores:
            return self._stores[name], path, str(url)
        store = DataStore(self, name, schema or "file", endpoint or "", secrets)
        if kept:
            self._stores[name] = store
        return store, path, str(url)


store_manager = StoreManager()
"""The manager that everything uses unless it has its own."""


def forget() -> None:
    """Forget stores and secrets."""
    store_manager.__init__()  # type: ignore[misc]


def schema_to_store(schema: str | None) -> type[FileStore]:
    """The class of the store behind a scheme.

    Raises:
        UnknownNameError: if nothing knows the scheme.
        MissingDependencyError: if its package is not installed.
    """
    return type(open_file_store(f"{schema}://x" if schema else "x")[0])


def is_jupyter() -> bool:
    """Whether this runs in a notebook."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return type(found).__name__ == "ZMQInteractiveShell"


def uri_to_ipython(link: str) -> str:
    """The address of a file in a notebook's file browser; no such browser is known here: empty."""
    return ""
