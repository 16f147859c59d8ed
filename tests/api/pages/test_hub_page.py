"""The hub's pages show what comes with the product, and what was published with its test."""

from __future__ import annotations

from pathlib import Path

from mlrun_like.marketplace.sharing.publishing import publish
from mlrun_like.marketplace.source import HubSource, store_source
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.marketplace.catalogues import item

P = "/projects/fraud"
HTML = {"accept": "text/html"}


def _page(service: TestClient, path: str) -> str:
    answer = service.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text[-1500:]
    return str(answer.text)


def test_the_shipped_catalogue_is_there_without_a_setting(service: TestClient) -> None:
    listed = _page(service, f"{P}/hub")
    assert "verify_schema" in listed and "gen_class_data" in listed and "default" in listed
    assert "gen_class_data" not in _page(service, f"{P}/hub?kind=steps")
    shown = _page(service, f"{P}/hub/default/verify_schema")
    for word in (
        *("Add to the project", "with every release of the product", "sha256:", "Example"),
        *('graph.to("hub://default/verify_schema")', "class VerifySchema"),
    ):
        assert word in shown.replace("&quot;", '"'), word
    assert "Example" in _page(service, "/hub/default/load_dataset")


def test_a_published_item_shows_its_test_versions_and_digest(
    service: TestClient, store: SqlStore, tmp_path: Path
) -> None:
    for version in ("1.0.0", "1.1.0"):
        done = publish(item(tmp_path / version, version=version), tmp_path / "hub", test="none",
                       resolve=False)  # fmt: skip
    store_source(store, HubSource("ours", str(tmp_path / "hub")))
    shown = _page(service, f"{P}/hub/ours/clean_text")
    for word in ("not tested", done.digest, "1.0.0", "1.1.0", "Say what it does, and for whom."):
        assert word in shown, word
    older = _page(service, f"{P}/hub/ours/clean_text?tag=1.0.0")
    assert 'import_function("hub://ours/clean_text:1.0.0")' in older.replace("&quot;", '"')
