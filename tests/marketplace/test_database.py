"""MLRun's methods of its database object, over a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import ConflictError, NotFoundError, SpecError
from mlrun_like.marketplace import HubDatabase, HubSource
from tests.marketplace.catalogues import FUNCTION, mlrun_hub


def document(path: Path, index: int = 1) -> dict[str, Any]:
    """MLRun's IndexedHubSource."""
    source = {"metadata": {"name": "ours"}, "spec": {"path": str(path), "channel": "master"}}
    return {"index": index, "source": source}


def test_sources_and_items_by_their_names(tmp_path: Path) -> None:
    mlrun_hub(tmp_path)
    db = HubDatabase()
    assert db.create_hub_source(document(tmp_path))["index"] == 1
    db.store_hub_source("more", HubSource("more", str(tmp_path)))
    names = [row["source"]["metadata"]["name"] for row in db.list_hub_sources()]
    assert names == ["ours", "more", "default"]
    assert len(db.list_hub_sources(item_name="verify")) == 2
    assert len(db.list_hub_sources(item_name="describe", version="1.1.0")) == 2
    assert db.get_hub_source("ours")["source"]["spec"]["path"] == str(tmp_path)
    rows = db.get_hub_catalog("ours", object_type="functions")["catalog"]
    assert [row["metadata"]["name"] for row in rows] == ["describe"]
    assert db.get_hub_catalog("ours", version="1.1.0")["catalog"][0]["metadata"]["tag"] == "1.1.0"
    item = db.get_hub_item("ours", "describe", force_refresh=True)
    assert item.version == "1.1.0" and item.tag == "latest"
    assert db.get_hub_asset("ours", "describe", "function") == FUNCTION.encode()
    db.delete_hub_source("ours")
    with pytest.raises(NotFoundError):
        db.get_hub_source("ours")


def test_what_cannot_be_a_source(tmp_path: Path) -> None:
    db = HubDatabase()
    given: list[Any] = [None, {}, [], {"source": 5}, "x"]
    for bad in given:
        with pytest.raises(SpecError):
            db.create_hub_source(bad)
    with pytest.raises(SpecError, match="the source is called 'ours'"):
        db.store_hub_source("other", document(tmp_path))
    with pytest.raises(ConflictError):
        db.delete_hub_source("default")
    with pytest.raises(NotFoundError):
        db.get_hub_asset("default", "no_such_item", "function")
