"""http(s): reading, errors, and a token that stays where it belongs."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingFileError,
    StoreUnavailableError,
)


class _Handler(http.server.BaseHTTPRequestHandler):
    seen: list[str | None]

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization"))
        if self.path.startswith("/away"):
            self.send_response(302)
            port = self.connection.getsockname()[1]
            self.send_header("Location", f"http://127.0.0.1:{port}/a.csv")
            self.end_headers()
            return
        if not self.path.startswith("/a.csv"):
            self.send_error(403 if "secret" in self.path else 404)
            return
        data = b"x,y\n1,2\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "text/csv")
        self.send_header("Last-Modified", "Tue, 01 Jan 2030 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def web() -> Iterator[str]:
    _Handler.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_web_reads(web: str, tmp_path: Path) -> None:
    item = get_dataitem(f"{web}/a.csv?token=secret")
    assert item.get() == b"x,y\n1,2\n"
    assert item.get(3, offset=2) == b"y\n1"
    assert item.suffix == ".csv" and "secret" not in str(item)
    found = item.stat()
    assert (found.size, found.content_type) == (8, "text/csv")
    assert found.modified is not None and found.modified.year == 2030
    assert item.as_df().y.tolist() == [2]
    assert Path(item.local()).read_bytes() == b"x,y\n1,2\n"
    item.remove_local()
    with item.open("r") as file:
        assert file.read() == "x,y\n1,2\n"
    assert item.exists() and not get_dataitem(f"{web}/none").exists()


def test_web_errors(web: str) -> None:
    item = get_dataitem(f"{web}/a.csv")
    for call in (lambda: item.put("x"), item.delete, item.ls, lambda: item.open("w")):
        with pytest.raises(InvalidArgumentError, match=r"read only|listed"):
            call()
    with pytest.raises(MissingFileError):
        get_dataitem(f"{web}/none").get()
    with pytest.raises(StoreUnavailableError, match="403") as caught:
        get_dataitem(f"{web}/secret?signature=abc").get()
    assert "abc" not in str(caught.value) and "HTTPS_AUTH_TOKEN" in caught.value.fix
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        get_dataitem("http://127.0.0.1:9/x").get()


def test_web_token_does_not_follow_redirects(web: str) -> None:
    with pytest.warns(UserWarning, match="unencrypted"):
        get_dataitem(f"{web}/away", secrets={"HTTPS_AUTH_TOKEN": "abc"}).get()
    assert _Handler.seen == ["token abc", None]
