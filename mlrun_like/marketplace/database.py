"""The hub's methods of MLRun's database object, over any store that keeps documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.marketplace.catalogue import read_catalogue
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
        self,
        item_name: str | None = None,
        tag: str | None = None,
        version: str | None = None,
        item_type: Any = "",
    ) -> list[Document]:
        """The sources in the order in which they are asked.

        Args:
            item_name: Only those that have this item.
            tag: In this version.
            version: The same.
            item_type: As one of its `functions`, `modules` or `steps`.
        """
        found = list_sources(self._store)
        if item_name:
            wanted = tag or version or ""
            found = [one for one in found if self._has(one.name, item_name, wanted, item_type)]
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
        found = self.find_items(
            source_name, "", version or tag or "latest", object_type, force_refresh=force_refresh
        )
        return {"catalog": [item.to_dict() for item in found]}

    def find_items(
        self, source_name: str, version: str = "", tag: str = "", object_type: Any = "",
        *, force_refresh: bool = False,
    ) -> list[HubItem]:  # fmt: skip
        """The items of a source that are listed.

        Args:
            source_name: The source.
            version: Only this version, whatever its tag is called.
            tag: Only under this tag; without both: all.
            object_type: Only `functions`, `modules` or `steps`.
            force_refresh: Ask it anew.
        """
        kind = _sort(object_type)
        source = get_source(self._store, source_name)
        return [
            item
            for item in read_catalogue(source, refresh=force_refresh).items
            if not item.hidden
            and kind in ("", item.object_type)
            and tag in ("", item.tag)
            and version in ("", item.version, item.tag)
        ]

    def get_hub_item(
        self,
        source_name: str,
        item_name: str,
        version: str | None = None,
        tag: str = "latest",
        force_refresh: bool = False,
        item_type: Any = "",
    ) -> HubItem:
        """One item of a source.

        Raises:
            NotFoundError: if there is none.
        """
        if force_refresh:
            self.get_hub_catalog(source_name, force_refresh=True)
        wanted = version or ("" if tag == "latest" else tag)
        return find_item(self._store, source_name, item_name, wanted, kind=_sort(item_type))

    def get_hub_asset(
        self,
        source_name: str,
        item_name: str,
        asset_name: str,
        version: str | None = None,
        tag: str = "latest",
        item_type: Any = "",
    ) -> bytes:
        """A file of an item: `source`, `function`, `example`, `docs`, or its path.

        Raises:
            NotFoundError: if there is none.
        """
        item = self.get_hub_item(source_name, item_name, version, tag, item_type=item_type)
        return read_asset(self._store, item, asset_name).data

    def _has(self, source: str, name: str, tag: str, item_type: Any) -> bool:
        try:
            wanted = "" if tag == "latest" else tag
            find_item(self._store, source, name, wanted, kind=_sort(item_type))
        except NotFoundError:
            return False
        return True


def _sort(object_type: Any) -> str:
    return str(getattr(object_type, "value", object_type) or "")


def _plain(source: Any) -> Any:
    to_dict = getattr(source, "to_dict", None) or getattr(source, "dict", None)
    return source if isinstance(source, Mapping) or to_dict is None else to_dict()
