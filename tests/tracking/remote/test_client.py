"""Requests: what is tried again, for how long, and what is told when it is in vain."""

from __future__ import annotations

import gzip
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    IncompatibleVersionError,
    MLRunLikeError,
    NotFoundError,
    RateLimitError,
    StoreUnavailableError,
    UnauthorizedError,
)
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.remote import client as client_module
from mlrun_like.tracking.remote.address import Address, parse_address
from mlrun_like.tracking.remote.answers import error_of_detail
from mlrun_like.tracking.remote.client import Client
from mlrun_like.tracking.remote.credentials import (
    credentials_file,
    forget_token,
    save_token,
    service_address,
    token_for,
)
from mlrun_like.tracking.remote.proxies import proxy_for
from mlrun_like.tracking.remote.retrying import retry_after
from tests.tracking.remote.fakes import Asked, Reply, error, fake, json_of

SPEC = {"version": "9", "store": {"revision": 1, "oldest": 1}, "later": {"x": 1}}


_clients: list[Client] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """No connection outlives its test."""
    yield
    while _clients:
        _clients.pop().close()


def _client(url: str) -> Client:
    _clients.append(Client(parse_address(url)))
    return _clients[-1]


def test_a_connection_is_kept_and_a_closed_one_is_replaced() -> None:
    with fake(lambda asked: json_of({"result": []})) as server:
        client = _client(server.url)
        for _ in range(5):
            assert client.call("list_projects", {}) == []
        assert server.connections == 1
        # hang up after an answer: the client notices before it sends, or asks once more
        server.reply = lambda asked: json_of({"result": []}, Connection="close")
        client.call("list_projects", {})
        client.call("list_projects", {})
        assert len(server.asked) == 7


def test_a_hang_up_is_tried_again_with_the_same_key() -> None:
    answers: list[Reply | None] = [None, error("store_unavailable", 503), json_of({"result": 3})]

    with fake(lambda asked: answers[len(server.asked) - 1]) as server:
        assert _client(server.url).call("delete_happenings", {"project": "p", "before": 1.0}) == 3
        keys = {asked.headers["idempotency-key"] for asked in server.asked}
        assert len(server.asked) == 3 and len(keys) == 1 and min(map(len, keys)) >= 32
        assert server.asked[0].body == b'{"project":"p","before":1.0}'


def test_reads_have_no_key() -> None:
    with fake(lambda asked: json_of({"result": []})) as server:
        _client(server.url).call("list_projects", {})
        assert "idempotency-key" not in server.asked[0].headers


def test_a_service_may_ask_for_time() -> None:
    answers = [error("rate_limit", 429, **{"Retry-After": "0.2"}), json_of({"result": []})]
    with fake(lambda asked: answers[len(server.asked) - 1]) as server:
        began = time.monotonic()
        _client(server.url).call("list_projects", {})
        assert time.monotonic() - began >= 0.2


def test_the_deadline_ends_it() -> None:
    with fake(lambda asked: error("rate_limit", 429, **{"Retry-After": "30"})) as server:
        with config.override(remote_deadline=1.0), pytest.raises(RateLimitError) as caught:
            _client(server.url).call("list_projects", {})
        assert len(server.asked) == 1 and caught.value.retry_after == 30.0


def test_mistakes_are_not_tried_again() -> None:
    with fake(lambda asked: error("not_found", 404)) as server:
        with pytest.raises(NotFoundError, match="it is not_found"):
            _client(server.url).call("read_project", {"name": "x"})
        assert len(server.asked) == 1


def test_nobody_there(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    with (
        config.override(remote_deadline=0.5),
        caplog.at_level(logging.WARNING),
        pytest.raises(StoreUnavailableError) as caught,
    ):
        _client(f"{url}/lab").call("list_projects", {})
    shown = str(caught.value)
    assert f"{url}/lab" in shown and "nothing listens there" in shown and "fix:" in shown


def test_no_answer_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        client = _client(f"http://127.0.0.1:{sock.getsockname()[1]}")
        with (
            config.override(remote_deadline=0.0, remote_timeout=0.1),
            pytest.raises(StoreUnavailableError, match="does not answer in time"),
        ):
            client.call("list_projects", {})


@pytest.mark.parametrize(
    "reply",
    [
        (200, {"Content-Type": "text/html"}, b"<html>Welcome to nginx</html>"),
        (404, {}, b"nothing"),
        (404, {}, b'{"detail": "Not Found"}'),
        (302, {"Location": "https://sso.example.org/?token=abc"}, b""),
        (200, {}, b"[1]"),
        (200, {}, b'{"store": {}}'),
        (200, {}, b'{"store": {"revision": "x", "oldest": null}}'),
        (200, {}, b"[" * 100_000),
        (200, {"Content-Encoding": "gzip"}, b"no gzip"),
        (200, {"Content-Encoding": "br"}, b"x"),
        (200, {"Content-Length": "50"}, b"short"),
    ],
)
def test_something_else_answers(reply: Reply) -> None:
    def answer(asked: Asked) -> Reply:
        return reply

    with (
        fake(answer) as server,
        config.override(remote_timeout=0.3),
        pytest.raises(StoreUnavailableError) as caught,
    ):
        _client(server.url).spec()
    assert server.url in str(caught.value)


def test_no_http_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:

        def babble() -> None:
            connection, _ = sock.accept()
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=babble)
        thread.start()
        client = _client(f"http://127.0.0.1:{sock.getsockname()[1]}")
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            client.spec()
        thread.join()


@pytest.mark.parametrize(
    "revision, oldest, word", [(9, 9, "pip install"), (0, 0, "update the service")]
)
def test_too_far_apart(revision: int, oldest: int, word: str) -> None:
    spec = {"version": "9.9", "store": {"revision": revision, "oldest": oldest}}
    with (
        fake(lambda asked: json_of(spec)) as server,
        pytest.raises(IncompatibleVersionError, match=word),
    ):
        _client(server.url).spec()


def test_a_newer_service_that_still_understands_us() -> None:
    spec = {"version": "9.9", "store": {"revision": 2, "oldest": 1, "extra": [1]}, "more": 1}
    with fake(lambda asked: json_of(spec)) as server:
        assert _client(server.url).spec()["version"] == "9.9"


# tokens


def test_a_token_is_sent_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    with fake(lambda asked: error("unauthorized", 401)) as server:
        address = parse_address(server.url.replace("//", "//anna:mlt_s3cret@"))
        assert "s3cret" not in f"{address!r} {address.url}"
        with (
            config.override(access_key="mlt_s3cret", remote_deadline=0.1),
            pytest.raises(UnauthorizedError) as caught,
        ):
            _client(address.url).call("list_projects", {})
        assert server.asked[0].headers["authorization"] == "Bearer mlt_s3cret"
        assert "s3cret" not in f"{caught.value} {caplog.text}"
        assert f"mlrun-like login {server.url}" in str(caught.value)
        assert len(server.asked) == 1


def test_which_token(home: Path) -> None:
    url = "https://lab.example.org:8443/mlrun"
    assert token_for(url) == ""
    path = save_token(url, "kept", "anna")
    assert path == credentials_file() and path.stat().st_mode & 0o777 == 0o600
    save_token("http://other:1", "theirs")
    assert token_for("https://lab.example.org:8443") == "kept"
    assert token_for("http://lab.example.org:8443") == ""  # not over another scheme
    with config.override(access_key="set", dbpath=url):
        assert token_for(url) == "set" and service_address() == (url, "Bearer set")
        assert token_for(url.replace("//", "//:inside@")) == "inside"
    assert forget_token(url) and not forget_token(url) and token_for(url) == ""
    assert token_for("http://other:1") == "theirs" and service_address() == ("", "")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"http://h": 3}', '{"http://h": {"token": 3}}'])
def test_a_damaged_file_of_tokens(text: str) -> None:
    credentials_file().parent.mkdir(parents=True, exist_ok=True)
    credentials_file().write_text(text)
    assert token_for("http://h") == ""
    save_token("http://h", "new")
    assert token_for("http://h") == "new"


def test_a_token_that_was_renewed_is_used(home: Path) -> None:
    def reply(asked: Asked) -> Reply:
        if asked.headers.get("authorization") != "Bearer new":
            save_token(server.url, "new")
            return error("unauthorized", 401)
        return json_of({"result": []})

    with fake(reply) as server:
        save_token(server.url, "old")
        assert _client(server.url).call("list_projects", {}) == []


# ways


def test_large_bodies_are_packed_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Address, "loopback", False)
    monkeypatch.setattr(client_module, "_LARGE", 100)
    packed = gzip.compress(b'{"result": []}')
    with fake(lambda asked: (200, {"Content-Encoding": "gzip"}, packed)) as server:
        monkeypatch.setenv("no_proxy", "*")
        query = RunQuery(project="p" * 1000)
        assert _client(server.url).call("list_runs", {"query": query}) == []
        asked = server.asked[0]
        assert asked.headers["content-encoding"] == "gzip"
        assert b"ppp" in gzip.decompress(asked.body) and len(asked.body) < 200


def test_proxies_are_for_others_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:pw%40x@proxy.example.org:3128")
    monkeypatch.setenv("https_proxy", "proxy.example.org:3129")
    monkeypatch.setenv("no_proxy", "intern.example.org")
    assert proxy_for(parse_address("http://127.0.0.1:1")) is None
    assert proxy_for(parse_address("http://intern.example.org")) is None
    found = proxy_for(parse_address("http://lab.example.org"))
    assert found == ("proxy.example.org", 3128, "me:pw@x")
    assert proxy_for(parse_address("https://lab.example.org")) == ("proxy.example.org", 3129, "")


def test_a_proxy_is_asked_by_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake(lambda asked: json_of({"result": []})) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        _client("http://lab.example.org:81/x").call("list_projects", {})
        asked = proxy.asked[0]
        assert asked.path == "http://lab.example.org:81/x/api/v1/store/list_projects"
        assert asked.headers["host"] == "lab.example.org:81/x".partition("/")[0]


def test_a_fork_has_connections_of_its_own() -> None:
    with fake(lambda asked: json_of({"result": []})) as server:
        client = _client(server.url)
        client.call("list_projects", {})
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = 0 if client.call("list_projects", {}) == [] else 2
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        client.call("list_projects", {})
        assert server.connections == 2


# errors


def test_errors_come_from_the_table_only() -> None:
    found = error_of_detail({"code": "os.system", "what": "x", "where": 3, "fix": None}, 409)
    assert type(found).__name__ == "ConflictError" and found.where == ""
    assert type(error_of_detail({"code": ["a"], "what": "y"}, 418)) is MLRunLikeError
    assert isinstance(error_of_detail({"code": "step", "what": "y"}), MLRunLikeError)


@pytest.mark.parametrize("text, seconds", [("3", 3.0), ("-1", 0.0), ("1e9", 60.0), ("nan", 0.0),
    ("", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("x" * 9999, 0.0)])  # fmt: skip
def test_retry_after(text: str, seconds: float) -> None:
    assert retry_after(text) == seconds


def test_a_token_that_others_can_read_is_told_once(
    home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_warned", set())
    for url in ("http://127.0.0.1:1", "https://ml.example.com", "http://ml.example.com"):
        for _ in range(2):
            _client(url)._warn_open()
    told = [row.getMessage() for row in caplog.records]
    assert len(told) == 1 and "http://ml.example.com" in told[0] and "https" in told[0]
