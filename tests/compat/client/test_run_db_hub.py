"""`get_run_db()` and the hub: sources, catalogues and files as MLRun's records."""

from __future__ import annotations

import functools
import importlib
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.errors import ConflictError, NotFoundError, SpecError
from tests.marketplace.catalogues import FUNCTION, mlrun_hub, write


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A catalogue in MLRun's layout behind a web server: its address."""
    mlrun_hub(tmp_path)
    old = {"version": "1.0.0", "spec": {"kind": "job", "requirements": None}, "maintainers": []}
    new = {**old, "version": "1.1.0", "name": "load-all", "labels": {"author": "me"}}
    rows = {"load_all": {"latest": new, "1.0.0": old, "1.1.0": new}}
    for tag, entry in rows["load_all"].items():
        text = (
            f"kind: job\nmetadata:\n  name: load-all\nspec:\n  description: v{entry['version']}\n"
        )
        write(tmp_path, f"functions/master/load_all/{tag}/src/function.yaml", text)
    place = tmp_path / "functions" / "master" / "catalog.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), **rows}))
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _add(old: Any, path: str, name: str = "web") -> Any:
    kinds = old.common.schemas
    source = kinds.HubSource(
        metadata=kinds.HubObjectMetadata(name=name, description="theirs"),
        spec=kinds.HubSourceSpec(path=path, channel="master"),
    )
    return old.get_run_db().create_hub_source(kinds.IndexedHubSource(index=1, source=source))


def test_sources_are_records(old: Any, web: str) -> None:
    db = old.get_run_db()
    made = _add(old, web)
    assert (made.index, made.source.metadata.name, made.source.spec.path) == (1, "web", web)
    assert isinstance(made, old.common.schemas.IndexedHubSource)
    changed = made.dict() | {"index": 1}
    changed["source"]["metadata"]["description"] = "ours"
    assert db.store_hub_source("web", changed).source.metadata.description == "ours"
    assert db.list_hub_sources()[0].source.metadata.description == "ours"
    assert [one.source.metadata.name for one in db.list_hub_sources("load-all")] == ["web"]
    assert db.list_hub_sources("load_all", tag="9.9.9") == []
    kinds = old.common.schemas.hub.HubSourceType
    assert db.list_hub_sources("verify", item_type=kinds.functions) == []
    assert len(db.list_hub_sources("verify", item_type=kinds.steps)) == 1
    db.delete_hub_source("web")
    with pytest.raises(NotFoundError):
        db.get_hub_source("web")
    with pytest.raises(ConflictError):
        db.delete_hub_source("default")
    with pytest.raises(SpecError):
        db.create_hub_source({"source": 5})


def test_items_and_their_files(old: Any, web: str) -> None:
    _add(old, web)
    db = old.get_run_db()
    found = db.get_hub_catalog("web")
    assert isinstance(found, old.common.schemas.HubCatalog) and found.channel == "master"
    names = [(item.metadata.name, item.metadata.tag) for item in found.catalog]
    assert ("load-all", "latest") in names and ("load-all", "1.0.0") in names
    latest = db.get_hub_catalog("web", tag="latest").catalog
    assert [item.metadata.name for item in latest] == ["describe", "load-all"]
    numbered = db.get_hub_catalog("web", version="1.1.0", force_refresh=True).catalog
    assert {item.metadata.tag for item in numbered} == {"latest", "1.1.0"}
    assert db.get_hub_catalog("web", object_type="steps").catalog[0].metadata.source == "steps"
    item = db.get_hub_item("web", "load-all")
    assert item.metadata.version == "1.1.0" and item.metadata.labels == {"author": "me"}
    assert item.spec.item_uri == "functions/master/load_all/latest/"
    assert db.get_hub_item("web", "load_all", version="1.0.0").metadata.tag == "1.0.0"
    file = db.get_hub_asset("web", "describe", "function")
    assert file.content == FUNCTION.encode() and file.text == FUNCTION and file.ok
    said = db.get_hub_asset("web", "verify", "src/verify.py", item_type="steps")
    assert said.text.startswith("class Verify")
    with pytest.raises(ValueError, match="Expecting value"):
        said.json()
    for missing in ("nothing", "function/../../../catalog.json"):
        with pytest.raises(Exception, match=r"no path|has no"):
            db.get_hub_asset("web", "describe", missing)
    with pytest.raises(NotFoundError):
        db.get_hub_item("web", "describ")


def test_addresses_name_sources_versions_and_either_spelling(old: Any, web: str) -> None:
    _add(old, web)
    for address, version in (
        ("hub://load_all", "v1.1.0"),
        ("hub://load-all:latest", "v1.1.0"),
        ("hub://web/load-all", "v1.1.0"),
        ("hub://web/load_all:1.0.0", "v1.0.0"),
    ):
        assert old.import_function(address).spec.description == version
    assert old.utils.extend_hub_uri_if_needed("a.yaml") == ("a.yaml", False)
    path, found = old.utils.helpers.extend_hub_uri_if_needed("hub://web/load-all:1.0.0")
    assert found and "v1.0.0" in Path(path).read_text()
    kind = old.common.schemas.hub.HubSourceType.steps
    path, _ = old.utils.extend_hub_uri_if_needed("hub://web/verify", kind, "verify.py")
    assert Path(path).read_text().startswith("class Verify")


def test_a_server_may_be_declared_with_its_own_entry_point(old: Any, tmp_path: Path) -> None:
    file = tmp_path / "echo.py"
    file.write_text(
        "import mlrun\n\n\nclass Echo(mlrun.serving.V2ModelServer):\n"
        "    def load(self):\n        pass\n\n"
        "    def predict(self, body):\n        return body['inputs']\n"
    )
    made = old.code_to_function("echo", filename=str(file), kind="serving", handler="handler")
    made.add_model("m", class_name="Echo", model_path="-")
    done = made.to_mock_server().test("/v2/models/m/infer", {"inputs": [1]})
    assert done["outputs"] == [1]
    job = old.code_to_function("job", filename=str(file), kind="job", handler=None)
    assert job.spec.default_handler == ""
