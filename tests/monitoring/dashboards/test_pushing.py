"""Pushing dashboards: what grafana-client sends, kept by a small server of the same API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.monitoring.dashboards.boards import boards
from mlrun_like.monitoring.dashboards.pushing import push


@pytest.fixture(autouse=True)
def client(grafana_packages: Any) -> None:
    """The real client."""
    grafana_packages("grafana_client")


class _Grafana(BaseHTTPRequestHandler):
    """The three calls that pushing needs, as Grafana's HTTP API describes them."""

    folders: dict[str, str]
    boards: dict[str, dict[str, Any]]
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        uid = self.path.rpartition("/")[2]
        if uid in self.folders:
            self._answer(200, {"uid": uid, "title": self.folders[uid]})
        else:
            self._answer(404, {"message": "folder not found"})

    def do_POST(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") == "Bearer wrong":
            self._answer(401, {"message": "invalid API key"})
        elif self.path.endswith("/api/folders"):
            self.folders[body["uid"]] = body["title"]
            self._answer(200, body)
        elif self.path.endswith("/api/dashboards/db"):
            board = body["dashboard"]
            if body["folderUid"] not in self.folders or not body["overwrite"]:
                self._answer(412, {"message": "version mismatch"})
                return
            known = self.boards.get(board["uid"], {"version": 0})
            self.boards[board["uid"]] = {**board, "version": known["version"] + 1}
            told = {"uid": board["uid"], "url": f"/d/{board['uid']}", "status": "success"}
            self._answer(200, {**told, "version": known["version"] + 1})
        else:
            self._answer(404, {"message": self.path})

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def grafana() -> Iterator[tuple[str, type[_Grafana]]]:
    """A server that keeps dashboards, and its address."""
    handler = type("Handler", (_Grafana,), {"folders": {}, "boards": {}, "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", handler
    server.shutdown()
    server.server_close()


def test_dashboards_are_pushed_and_replaced(grafana: tuple[str, type[_Grafana]]) -> None:
    url, kept = grafana
    made = push(url, boards(), token="secret")
    assert [one.version for one in made] == [1] * 5
    assert made[0].url == "/d/mlrun-like-overview"
    assert kept.folders == {"mlrun-like": "Models"} and len(kept.boards) == 5
    assert set(kept.seen) == {"Bearer secret"}
    assert [one.version for one in push(f"{url}/", boards()[:1], user="a", password="b")] == [2]
    assert kept.seen[-1].startswith("Basic ")


def test_what_grafana_refuses_is_told(grafana: tuple[str, type[_Grafana]]) -> None:
    with pytest.raises(InvalidArgumentError, match=r"invalid API key|Unauthorized"):
        push(grafana[0], boards(), token="wrong")


def test_no_grafana() -> None:
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        push("http://127.0.0.1:1", boards())
    with pytest.raises(InvalidArgumentError, match="is no address"):
        push("file:///x", boards())
