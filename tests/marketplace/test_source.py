"""Sources of the hub: their order, what they may be called, where they may be."""

from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.marketplace.source import (
    HubSource,
    delete_source,
    get_source,
    list_sources,
    store_source,
)
from mlrun_like.tracking.connect import open_store


def names() -> list[str]:
    """The sources in their order, without the one that comes with the product."""
    *found, last = [source.name for source in list_sources(open_store())]
    assert last == ("shipped" if config.hub_url else "default")
    return found


def test_sources_stand_in_their_order() -> None:
    store = open_store()
    for name in ("a", "b", "c"):
        store_source(store, HubSource(name, f"/hubs/{name}"))
    assert names() == ["a", "b", "c"]
    assert store_source(store, HubSource("c", "/hubs/c", index=1)).index == 1
    assert names() == ["c", "a", "b"]
    store_source(store, HubSource("d", "/hubs/d", index=2))
    assert names() == ["c", "d", "a", "b"]
    store_source(store, HubSource("a", "/hubs/moved"))
    assert names() == ["c", "d", "b", "a"]
    assert get_source(store, "a").path == "/hubs/moved"
    assert [source.index for source in list_sources(store)][:-1] == [1, 2, 3, 4]
    assert delete_source(store, "d") and not delete_source(store, "d")
    assert [source.index for source in list_sources(store)][:-1] == [1, 2, 3]
    with config.override(hub_url="/hubs/default"):
        assert names() == ["c", "b", "a", "default"]
        with pytest.raises(ConflictError):
            delete_source(store, "default")
    for name in ("default", "shipped"):
        with pytest.raises(ConflictError):
            store_source(store, HubSource(name, "/x"))
        with pytest.raises(ConflictError):
            delete_source(store, name)
    with config.override(hub_shipped=False):
        assert [one.name for one in list_sources(store)] == ["c", "b", "a"]
    with pytest.raises(NotFoundError, match="Did you mean 'b'"):
        get_source(store, "bb")


@pytest.mark.parametrize(
    "given",
    [
        {"name": "../a", "path": "/x"},
        {"name": "", "path": "/x"},
        {"name": "a/b", "path": "/x"},
        {"name": "a", "path": ""},
        {"name": "a", "path": "/x\x00y"},
        {"name": "a", "path": "https://user:secret@host/x"},
        {"name": "a", "path": "https://"},
        {"name": "a", "path": "https://[bad/x"},
        {"name": "a", "path": "http://host:99999/x"},
        {"name": "a", "path": "git+ext!::sh://x"},
        {"name": "a", "path": "/x", "channel": "../../etc"},
        {"name": "a", "path": "/x", "index": -2},
        {"name": "a", "path": "/x", "index": True},
        {"name": "a", "path": "/" + "x" * 3000},
    ],
)
def test_sources_that_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        HubSource(**given)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"source": {}},
        {"source": {"metadata": {"name": "a"}}},
        {"source": {"metadata": {}, "spec": {"path": "/x"}}},
        {"source": {"metadata": {"name": 5}, "spec": {"path": "/x"}}},
        {"source": {"metadata": {"name": "a"}, "spec": {"path": {"a": 1}}}},
        {"source": {"metadata": {"name": "a"}, "spec": {"path": "/x", "credentials": {"t": "x"}}}},
        {"index": "1", "source": {"metadata": {"name": "a"}, "spec": {"path": "/x"}}},
    ],
)
def test_documents_that_are_no_source(document: Any) -> None:
    with pytest.raises(MLRunLikeError) as caught:
        HubSource.from_dict(document)
    assert caught.value.status in (400, 422)


def test_a_document_comes_back() -> None:
    source = HubSource("ours", "git+https://host/x.git#main", "dev", 3, "ours")
    assert HubSource.from_dict(source.to_dict()) == source
    assert source.repository and source.remote and source.token_name == "OURS"
    assert not HubSource("a", "github-hub").repository
