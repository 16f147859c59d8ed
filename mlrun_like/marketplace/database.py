"""The hub's methods of MLRun's database object, over any store that keeps documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.marketplace.browsing import hub_items
from mlrun_like.marketplace.item import HubItem
from mlrun_like.marketplace.resolving import find_item, read_asset
from mlrun_like.marketplace.source import (
    HubSource,
    delete_source,
    get_source,
    list_sources,
    store_source,
)
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["HubDatabase"]


class HubDatabase:
    """Sources and items of catalogues by MLRun's names and arguments.

    Args:
        store: Where sources are recorded; by default the configured one.

    >>> HubDatabase().list_hub_sources()[-1]["source"]["metadata"]["name"]
    'default'
    """

    def __init__(self, store: Any = None) -> None:
        self._store = open_store() if store is None else store

    def create_hub_source(self, source: Any) -> Document:
        """Add a source: `{"index": 1, "source": {"metadata": ..., "spec": ...}}` or an object
        with `to_dict`.

        Raises:
            SpecError: if it has another form.
        """
        return store_source(self._store, HubSource.from_dict(_plain(source))).to_dict()

    def store_hub_source(self, source_name: str, source: Any) -> Document:
        """Make, change or move a source; see `create_hub_source`."""
        made = HubSource.from_dict(_plain(source), source_name)
        return store_source(self._store, made).to_dict()

    def list_hub_sources(
        self, item_name: str | None = None, tag: str | None = None, version: str | None = None
    ) -> list[Document]:
        """The sources in the order in which they are asked.

        Args:
            item_name: Only those that have this item.
            tag: In this version.
            version: The same.
        """
        found = list_sources(self._store)
        if item_name:
            found = [one for one in found if self._has(one.name, item_name, tag or version or "")]
        return [one.to_dict() for one in found]

    def get_hub_source(self, source_name: str) -> Document:
        """One source.

        Raises:
            NotFoundError: if there is none.
        """
        return get_source(self._store, source_name).to_dict()

    def delete_hub_source(self, source_name: str) -> None:
        """Forget a source; functions that were made of its items stay."""
        delete_source(self._store, source_name)

    def get_hub_catalog(
        self,
        source_name: str,
        version: str | None = None,
        tag: str | None = None,
        force_refresh: bool = False,
        object_type: Any = "",
    ) -> Document:
        """What a source offers: `{"catalog": [...]}`.

        Args:
            source_name: The source.
            version: Only this version.
            tag: The same; without both: the latest of each item.
            force_refresh: Ask it anew.
            object_type: Only `functions`, `modules` or `steps`.
        """
        found = hub_items(
            self._store,
            source=source_name,
            kind=str(getattr(object_type, "value", object_type) or ""),
            tag=version or tag or "latest",
            refresh=force_refresh,
        )
        return {"catalog": found["items"]}

    def get_hub_item(
        self,
        source_name: str,
        item_name: str,
        version: str | None = None,
        tag: str = "latest",
        force_refresh: bool = False,
    ) -> HubItem:
        """One item of a source.

        Raises:
            NotFoundError: if there is none.
        """
        if force_refresh:
            self.get_hub_catalog(source_name, force_refresh=True)
        wanted = version or ("" if tag == "latest" else tag)
        return find_item(self._store, source_name, item_name, wanted)

    def get_hub_asset(
        self,
        source_name: str,
        item_name: str,
        asset_name: str,
        version: str | None = None,
        tag: str = "latest",
    ) -> bytes:
        """A file of an item: `source`, `function`, `example`, `docs`, or its path.

        Raises:
            NotFoundError: if there is none.
        """
        item = self.get_hub_item(source_name, item_name, version, tag)
        return read_asset(self._store, item, asset_name).data

    def _has(self, source: str, name: str, tag: str) -> bool:
        try:
            find_item(self._store, source, name, "" if tag == "latest" else tag)
        except NotFoundError:
            return False
        return True


def _plain(source: Any) -> Any:
    to_dict = getattr(source, "to_dict", None) or getattr(source, "dict", None)
    return source if isinstance(source, Mapping) or to_dict is None else to_dict()
