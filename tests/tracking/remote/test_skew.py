"""One side is a release older or newer than the other."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import IncompatibleVersionError
from mlrun_like.tracking.base import MetricPoint, RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.remote.store import RemoteStore
from tests.services import Services
from tests.tracking.remote.fakes import Asked, Reply, error, fake, json_of
from tests.tracking.remote.skew import RECORDED, talk

_MOMENTS = re.compile(rb"20\d\d-[01]\d-[0-3]\d[T0-9:.+-]*|\b1\d{9}\.\d+")


def _lines(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((RECORDED / name).read_text())["lines"]
    for line in found:
        line["sent"] = base64.b64decode(line["sent"])
        line["came"] = base64.b64decode(line["came"])
    return found


def _same(data: bytes) -> Any:
    return json.loads(_MOMENTS.sub(b"0", data)) if data else None


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDED.iterdir()))
def test_an_older_client_is_understood(services: Services, home: Path, name: str) -> None:
    """Its requests, byte for byte, get the answers that it got then (or such with more in them)."""
    store = RemoteStore.at(services.new(f"sqlite:///{home / 'service.db'}"))
    for line in _lines(name):
        path = line["path"].removeprefix("/api/v1")
        answer = store.client.request(line["method"], path, line["sent"], {}, 0.0)
        if line["method"] == "GET":
            before, now = json.loads(line["came"])["store"], json.loads(answer.body)["store"]
            assert set(before["methods"]) <= set(now["methods"])
            assert set(before["operations"]) <= set(now["operations"])
            assert now["oldest"] <= before["revision"] <= now["revision"]
        elif not path.endswith(("read_artifact", "read_function", "read_document")):
            assert _same(answer.body) == _same(line["came"]), path
    store.close()


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDED.iterdir()))
def test_an_older_service_is_understood(name: str, home: Path) -> None:
    """The client says what that service was asked then, and reads what it answered."""
    lines = _lines(name)
    waiting: dict[str, list[dict[str, Any]]] = {line["path"]: [] for line in lines}
    for line in lines:
        waiting[line["path"]].append(line)

    def reply(asked: Asked) -> Reply:
        if asked.path.endswith("/operations"):
            count = len(json.loads(asked.body)["operations"])
            return json_of({"taken": count, "refused": []})
        line = waiting[asked.path].pop(0)
        if asked.body:
            assert _same(asked.body) == _same(line["sent"]), asked.path
        return 200, {"Content-Type": "application/json"}, line["came"]

    with fake(reply) as server:
        store = RemoteStore.at(server.url)
        store.connect()
        told = json.loads(json.dumps(talk(store), default=repr))
        store.close()
    before = json.loads((RECORDED / name).read_text())["told"]
    assert told == before


def test_a_newer_service_says_more() -> None:
    """Fields that are not known here are left out, and its new methods are not missed."""
    answers = {
        "read_metrics": {"a": [["a", 1.0, 0, 0.0, "unit", 7]]},
        "list_runs": [{"metadata": {"uid": "u"}, "later": {}}],
        "list_steps": [{"step": "s", "state": "completed", "later": 3}],
        "list_firings": [[1.0, 2.0, "completed", "u", "text", "more"]],
        "find_cached": ["w", "s", "u", 1.0, {}, "more"],
    }

    def reply(asked: Asked) -> Reply:
        name = asked.path.rpartition("/")[2]
        return json_of({"result": answers[name], "later": True, "warnings": []})

    with fake(reply) as server:
        store = RemoteStore.at(server.url)
        assert store.read_metrics("p", "u") == {"a": [MetricPoint("a", 1.0, 0, 0.0)]}
        assert store.list_runs(RunQuery())[0]["later"] == {}
        assert store.list_steps("p", "w")[0].step == "s"
        assert store.list_firings("p", "s")[0].text == "text"
        found = store.find_cached("p", "k")
        assert found is not None and found.uid == "u"
        store.close()


def test_an_older_service_lacks_a_method() -> None:
    with fake(lambda asked: error("incompatible_version", 400)) as server:
        store = RemoteStore.at(server.url)
        with pytest.raises(IncompatibleVersionError):
            store.forget_application("p", "a")
        store.close()


def test_a_service_that_is_too_new_is_told_when_it_is_opened() -> None:
    spec = {"version": "9", "store": {"revision": 12, "oldest": 11}}
    with (
        fake(lambda asked: json_of(spec)) as server,
        pytest.raises(IncompatibleVersionError, match="pip install --upgrade"),
    ):
        open_store(server.url)
