"""Catalogues of web servers and repositories: bounded, kept, and never another host."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import NotFoundError, StoreUnavailableError, TooLargeError
from mlrun_like.functions.creators import import_function
from mlrun_like.marketplace import opening
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.index import entry_of
from mlrun_like.marketplace.keeping import keep, kept
from mlrun_like.marketplace.opening import read_bytes
from mlrun_like.marketplace.source import HubSource, store_source
from mlrun_like.tracking.connect import open_store

FUNCTION = b"kind: job\nmetadata:\n  name: describe\n"


class Hub(ThreadingHTTPServer):
    """A web server whose files and faults a test sets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.status = 200
        self.promised = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    """Answers from what the test set."""

    server: Hub

    def do_GET(self) -> None:
        """A file, a redirect, or a fault."""
        self.server.asked.append(self.path)
        self.server.tokens.append(self.headers.get("authorization", ""))
        if self.server.status != 200:
            return self.send_error(self.server.status)
        if self.path in self.server.redirects:
            self.send_response(302)
            self.send_header("location", self.server.redirects[self.path])
            self.end_headers()
            return None
        data = self.server.files.get(self.path)
        if data is None:
            return self.send_error(404)
        self.send_response(200)
        if self.server.promised:
            self.send_header("content-length", str(self.server.promised))
        self.end_headers()
        self.wfile.write(data)
        return None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A running web server."""
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    opening._failed.clear()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def aged(address: str) -> None:
    """Let a copy be a day old."""
    copy = kept(address)
    assert copy is not None
    then = time.time() - 86400
    os.utime(copy.path, (then, then))


def test_a_file_is_asked_for_once_and_kept_for_when_the_server_is_away(hub: Hub) -> None:
    hub.files["/functions/master/describe/latest/src/function.yaml"] = FUNCTION
    source = HubSource("ours", hub.url)
    store_source(open_store(), source)
    assert import_function("hub://ours/describe", project="p").metadata.name == "describe"
    count = len(hub.asked)
    assert import_function("hub://ours/describe", project="p").metadata.name == "describe"
    assert len(hub.asked) == count  # also what is not there is known for a while
    for path in hub.asked:
        aged(hub.url + path)
    hub.status = 500
    found = read_bytes(source, "functions/master/describe/latest/src/function.yaml", 1000)
    assert found.data == FUNCTION and found.age > 80_000 and "answered 500" in found.error
    asked = len(hub.asked)
    assert import_function("hub://ours/describe", project="p").metadata.name == "describe"
    assert len(hub.asked) == asked  # one that failed is not asked again at once
    with pytest.raises(StoreUnavailableError):
        read_bytes(source, "other", 1000)
    hub.status = 200
    found = read_bytes(
        source, "functions/master/describe/latest/src/function.yaml", 1000, refresh=True
    )
    assert found.error == "" and found.age == 0


def test_a_catalogue_of_a_server_and_its_age(hub: Hub) -> None:
    rows = {"describe": {"latest": {"spec": {"kind": "job"}}}}
    hub.files["/functions/dev/catalog.json"] = json.dumps(rows).encode()
    source = HubSource("ours", hub.url + "/", channel="dev")
    assert [item.name for item in read_catalogue(source).items] == ["describe"]
    aged(f"{hub.url}/functions/dev/catalog.json")
    hub.status = 503
    found = read_catalogue(source)
    assert [item.name for item in found.items] == ["describe"]
    assert found.error and found.age > 80_000
    with pytest.raises(StoreUnavailableError):
        read_catalogue(HubSource("away", "http://127.0.0.1:9/x"))


def test_a_server_may_send_on_only_to_itself(hub: Hub, tmp_path: Path) -> None:
    other = Hub()  # it never answers: nobody may even ask
    (tmp_path / "secret").write_text("secret")
    hub.files["/there"] = b"found"
    hub.redirects = {
        "/here": "/there",
        "/out": other.url + "/x",
        "/name": f"http://localhost:{hub.server_address[1]}/there",
        "/file": f"file://{tmp_path}/secret",
        "/ftp": "ftp://127.0.0.1/x",
        "/loop": "/loop",
    }
    source = HubSource("ours", hub.url)
    assert read_bytes(source, "here", 100).data == b"found"
    for path in ("out", "name", "file", "ftp", "loop"):
        opening._failed.clear()
        with pytest.raises(StoreUnavailableError):
            read_bytes(source, path, 100)
    assert other.asked == []
    other.server_close()


def test_what_is_too_large_or_not_there(hub: Hub) -> None:
    hub.files["/big"] = b"x" * 2000
    source = HubSource("ours", hub.url)
    with pytest.raises(TooLargeError):
        read_bytes(source, "big", 1000)
    with pytest.raises(NotFoundError):
        read_bytes(source, "none", 1000)


def test_a_file_that_breaks_off_is_not_kept(hub: Hub) -> None:
    hub.files["/whole"] = b"x" * 100
    source = HubSource("ours", hub.url)
    assert len(read_bytes(source, "whole", 1000).data) == 100
    hub.promised = 200
    found = read_bytes(source, "whole", 1000, refresh=True)
    assert len(found.data) == 100 and "broke off" in found.error
    with pytest.raises(StoreUnavailableError, match="broke off"):
        opening._failed.clear()
        hub.files["/new"] = b"x"
        read_bytes(source, "new", 1000)


def test_what_was_not_there_is_asked_for_again_sooner(hub: Hub) -> None:
    source = HubSource("ours", hub.url)
    with pytest.raises(NotFoundError):
        read_bytes(source, "late", 10)
    hub.files["/late"] = b"1"
    with pytest.raises(NotFoundError):
        read_bytes(source, "late", 10)
    copy = kept(f"{hub.url}/late")
    assert copy is not None
    then = time.time() - 100
    os.utime(copy.path, (then, then))
    assert read_bytes(source, "late", 10).data == b"1"


def test_a_version_that_a_copy_does_not_know_is_asked_for_anew(hub: Hub) -> None:
    row = {"spec": {"kind": "job"}}
    place = "/functions/master/catalog.json"
    hub.files[place] = json.dumps({"describe": {"latest": row}}).encode()
    source = HubSource("ours", hub.url)
    assert entry_of(source, "describe", "2.0.0") is None
    hub.files[place] = json.dumps({"describe": {"latest": row, "2.0.0": row}}).encode()
    count = hub.asked.count(place)
    assert entry_of(source, "describe", "2.0.0") is not None
    assert hub.asked.count(place) == count + 1
    assert entry_of(source, "other", "2.0.0") is None and hub.asked.count(place) == count + 1


def test_a_server_that_drips_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files["/slow"] = b"x" * 10
    monkeypatch.setattr(opening, "_SECONDS", -1.0)
    with pytest.raises(StoreUnavailableError):
        opening.read_bytes(HubSource("ours", hub.url), "slow", 1000)


def test_a_token_is_sent_to_its_source(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TOKEN_OUR_HUB", "t0ken")
    hub.files["/a"] = b"1"
    read_bytes(HubSource("our-hub", hub.url), "a", 10)
    read_bytes(HubSource("theirs", hub.url + "/"), "a", 10, refresh=True)
    assert hub.tokens == ["Bearer t0ken", ""]


def test_a_copy_is_whole_or_not_there(home: Path) -> None:
    keep("https://host/a/b.yaml", b"1")
    keep("https://host/a/b.yaml", b"22")
    copy = kept("https://host/a/b.yaml")
    assert copy is not None and copy.data == b"22" and copy.path.is_relative_to(home)
    keep("https://host/..", None)
    nothing = kept("https://host/..")
    assert nothing is not None and nothing.data is None and nothing.path.is_relative_to(home)
    assert kept("https://host/other") is None


def test_a_repository_is_cloned_once_and_kept(tmp_path: Path) -> None:
    repository = tmp_path / "repo"
    (repository / "describe").mkdir(parents=True)
    (repository / "describe" / "function.yaml").write_bytes(FUNCTION)
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    source = HubSource("ours", f"git+file://{repository}#main")
    assert read_bytes(source, "describe/function.yaml", 1000).data == FUNCTION
    assert [item.name for item in read_catalogue(source).items] == ["describe"]
    os.rename(repository, tmp_path / "gone")
    assert read_bytes(source, "describe/function.yaml", 1000, refresh=True).data == FUNCTION
    with pytest.raises(StoreUnavailableError):
        read_bytes(HubSource("none", f"git+file://{tmp_path}/none"), "x", 10)
