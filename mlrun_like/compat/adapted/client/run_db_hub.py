"""Sources and items of the hub under the names of MLRun's client, as its records."""

from __future__ import annotations

import json
from typing import Any

from mlrun_like.marketplace.database import HubDatabase
from mlrun_like.marketplace.item import HubItem
from mlrun_like.names import normalize_name
from mlrun_like.registry import resolve
from mlrun_like.tracking.full import FullStore
from mlrun_like.types import Document

__all__ = ["HubAsset", "HubCalls"]

_SCHEMAS = "mlrun_like.compat.adapted.common.schemas"


class HubAsset:
    """A file of an item, with the attributes of the answer that MLRun's client gives.

    Args:
        content: Its bytes.
    """

    status_code, ok = 200, True

    def __init__(self, content: bytes) -> None:
        self.content = content

    @property
    def text(self) -> str:
        """Its text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """What it says as JSON."""
        return json.loads(self.content)


class HubCalls:
    """What `RunDB` does with the hub."""

    store: FullStore

    def create_hub_source(self, source: Any) -> Any:
        """Add a source: a record, or a mapping like it."""
        return _source(self._hub.create_hub_source(source))

    def store_hub_source(self, source_name: str, source: Any) -> Any:
        """Make, change or move a source."""
        return _source(self._hub.store_hub_source(source_name, source))

    def list_hub_sources(
        self,
        item_name: str | None = None,
        tag: str | None = None,
        version: str | None = None,
        item_type: Any = "functions",
    ) -> list[Any]:
        """The sources in their order; with an item: those that have it."""
        found = self._hub.list_hub_sources(item_name, tag, version, item_type)
        return [_source(each) for each in found]

    def get_hub_source(self, source_name: str) -> Any:
        """One source.

        Raises:
            NotFoundError: if there is none.
        """
        return _source(self._hub.get_hub_source(source_name))

    def delete_hub_source(self, source_name: str) -> None:
        """Forget a source."""
        self._hub.delete_hub_source(source_name)

    def get_hub_catalog(
        self,
        source_name: str,
        version: str | None = None,
        tag: str | None = None,
        force_refresh: bool = False,
        object_type: Any = "functions",
    ) -> Any:
        """The items of a source; without a version and a tag: each version of them."""
        found = self._hub.find_items(
            source_name, version or "", tag or "", object_type, force_refresh=force_refresh
        )
        channel = self._hub.get_hub_source(source_name)["source"]["spec"]["channel"]
        return _record("HubCatalog", {"channel": channel, "catalog": [_item(i) for i in found]})

    def get_hub_item(
        self,
        source_name: str,
        item_name: str,
        version: str | None = None,
        tag: str = "latest",
        force_refresh: bool = False,
        item_type: Any = "functions",
    ) -> Any:
        """One item of a source.

        Raises:
            NotFoundError: if there is none.
        """
        found = self._hub.get_hub_item(
            source_name, item_name, version, tag, force_refresh, item_type
        )
        return _record("HubItem", _item(found))

    def get_hub_asset(
        self,
        source_name: str,
        item_name: str,
        asset_name: str,
        version: str | None = None,
        tag: str = "latest",
        item_type: Any = "functions",
    ) -> HubAsset:
        """A file of an item, as `.content`.

        Raises:
            NotFoundError: if there is none.
        """
        return HubAsset(
            self._hub.get_hub_asset(source_name, item_name, asset_name, version, tag, item_type)
        )

    @property
    def _hub(self) -> HubDatabase:
        return HubDatabase(self.store)


def _source(document: Document) -> Any:
    return _record("IndexedHubSource", document)


def _item(item: HubItem) -> Document:
    """MLRun's form: `source` is the sort of the item, and names have hyphens."""
    document = item.to_dict()
    metadata, spec = document["metadata"], document["spec"]
    metadata |= {"name": normalize_name(item.name), "source": item.object_type}
    return {**document, "metadata": metadata, "spec": spec}


def _record(name: str, document: Document) -> Any:
    return resolve(f"{_SCHEMAS}:{name}").parse_obj(document)
