"""Names and passwords of several users in one process: when a token is got for them."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import RateLimitError, StoreUnavailableError, UnauthorizedError
from mlrun_like.tracking import connect, logins
from mlrun_like.tracking.clients import Client, Credentials, forget_logins
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.remote import client
from mlrun_like.tracking.remote.connections import Answer
from mlrun_like.tracking.remote.store import RemoteStore

AWAY = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _tidy(home: Path) -> Iterator[None]:
    yield
    forget_logins()
    close_stores()


class Door:
    """A login that is answered when `opened` is set."""

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer
        self.users: list[str] = []
        self.asked, self.opened = threading.Event(), threading.Event()

    def log_in(self, address: Any, user: str, password: str) -> str:
        self.users.append(user)
        if user == "ben":  # waits for nobody
            return "of-ben"
        self.asked.set()
        assert self.opened.wait(30)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def _ann() -> Client:
    return Client(Credentials(username="ann", password="x"), AWAY)


@pytest.mark.parametrize("answer", ["one", UnauthorizedError("no"), RateLimitError("later")])
def test_threads_that_begin_together_log_in_once(
    monkeypatch: pytest.MonkeyPatch, answer: str | Exception
) -> None:
    door = Door(answer)
    monkeypatch.setattr(logins, "_log_in", door.log_in)
    all_here, waiting = threading.Barrier(8, timeout=30), threading.Semaphore(0)

    class Answer(Future[str]):
        def result(self, timeout: float | None = None) -> str:
            waiting.release()
            return super().result(timeout)

    monkeypatch.setattr(logins, "Future", Answer)

    def work() -> str:
        all_here.wait()
        try:
            return _ann().store.token()
        except (UnauthorizedError, RateLimitError) as exc:
            return exc.what

    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(work) for _ in range(8)]
        assert door.asked.wait(30)
        assert Client(Credentials(username="ben", password="x"), AWAY).store.token() == "of-ben"
        for _ in range(7):
            assert waiting.acquire(timeout=30)
        door.opened.set()
        expected = answer if isinstance(answer, str) else answer.what  # type: ignore[attr-defined]
        assert [each.result(30) for each in found] == [expected] * 8
    assert sorted(door.users) == ["ann", "ben"]
    assert len(logins._logins) == (2 if isinstance(answer, str) else 1)


def test_nobody_waits_for_a_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_log_in", lambda *_: "one")
    first = _ann().store
    door = Door("two")
    monkeypatch.setattr(logins, "_log_in", door.log_in)
    monkeypatch.setattr(logins, "_RENEWED", 0.0)
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(lambda: _ann().store)
        assert door.asked.wait(30)
        assert _ann().store is first and first.token() == "one"
        door.opened.set()
        assert renewing.result(30) is first
    assert first.token() == "two" and door.users == ["ann"]


def test_a_renewal_that_failed_waits_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_log_in", lambda *_: "one")
    assert _ann().store.token() == "one"
    door = Door(RateLimitError("later"))
    door.opened.set()
    monkeypatch.setattr(logins, "_log_in", door.log_in)
    (login,) = logins._logins.values()
    login.since = time.monotonic() - 2 * logins._RENEWED
    for _ in range(3):
        assert _ann().store.token() == "one"
    assert door.users == ["ann"]


def test_a_user_keeps_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    count = iter(range(10))
    monkeypatch.setattr(logins, "_log_in", lambda *_: f"t{next(count)}")
    monkeypatch.setattr(logins, "_RENEWED", 0.0)
    first, threads = _ann().store, threading.active_count()
    for _ in range(5):
        assert _ann().store is first
    assert first.token() == "t5" and len(connect._stores) == 1
    assert threading.active_count() == threads
    # another password is another login: it may have been taken back
    other = Client(Credentials(username="ann", password="old"), AWAY).store
    assert other is not first and (first.token(), other.token()) == ("t5", "t6")
    assert isinstance(first, RemoteStore) and isinstance(other, RemoteStore)
    assert first.writer.spool.folder == other.writer.spool.folder


def test_a_login_that_is_broken_off_lets_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(logins, "_log_in", broken)
    with pytest.raises(KeyboardInterrupt):
        _ann().session().__enter__()
    monkeypatch.setattr(logins, "_log_in", lambda *_: "one")
    assert _ann().store.token() == "one"


class Service:
    """Takes the newest token that it gave, until that is revoked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        self.password, self.logins, self.good = "x", 0, ""
        monkeypatch.setattr(logins, "_log_in", self.log_in)
        monkeypatch.setattr(client.Client, "_once", self.answer)

    def log_in(self, address: Any, user: str, password: str) -> str:
        self.logins += 1
        if password != self.password:
            raise UnauthorizedError("the password is another one")
        self.good = f"t{self.logins}"
        return self.good

    def answer(self, *request: Any) -> Answer:
        if request[0] == "GET":  # what it says of itself is for everybody
            return Answer(200, {}, b"{}")
        sent = request[3].get("Authorization", "").removeprefix("Bearer ")
        self.sent.append(sent)
        if sent == self.good:
            return Answer(200, {}, b'{"result": []}')
        return Answer(401, {}, b'{"detail": {"code": "unauthorized", "what": "revoked"}}')


def test_a_token_that_is_refused_is_got_anew_once(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(monkeypatch)
    mine = _ann()
    with mine.session():
        store = open_store()
        assert store.list_projects() == [] and service.logins == 1
        service.good = ""  # revoked
        assert store.list_projects() == [] and service.logins == 2
    forget_logins()  # while somebody has the connection
    service.good = ""
    assert store.list_projects() == [] and service.logins == 3


def test_a_login_is_not_tried_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(monkeypatch)
    store = _ann().store
    monkeypatch.setattr(logins, "_log_in", lambda *_: "none")
    service.good = ""
    with pytest.raises(UnauthorizedError, match="revoked"):
        store.list_projects()
    assert service.sent == ["t1", "none"], "once with the new one"


def test_a_changed_password_is_asked_for_with_each_session_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service(monkeypatch)
    store = _ann().store
    service.password, service.good = "y", ""
    for word in ("password", "revoked", "revoked"):
        with pytest.raises(UnauthorizedError, match=word):
            store.list_projects()
    assert service.logins == 2
    with pytest.raises(UnauthorizedError, match="password"):
        _ann().session().__enter__()
    service.password = "x"
    with _ann().session():
        assert open_store() is store and store.list_projects() == []


def test_threads_whose_token_is_refused_log_in_once(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(monkeypatch)
    store = _ann().store
    service.good = ""
    slow, plain = threading.Event(), service.log_in

    def log_in(*given: Any) -> str:
        slow.wait(0.3)
        return plain(*given)

    monkeypatch.setattr(logins, "_log_in", log_in)
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(store.list_projects) for _ in range(8)]
        assert [each.result(30) for each in found] == [[]] * 8
    assert service.logins == 2


def test_a_fork_does_not_wait_for_its_parents_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_log_in", lambda *_: "one")
    key = (AWAY, "ann", hashlib.sha256(b"x").digest())
    logins._logins[key] = logins.Login(going=(-1, Future()))
    assert _ann().store.token() == "one"


def test_logins_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = []

    def log_in(*given: Any) -> str:
        assert logins._lock.acquire(blocking=False), "nobody else waits for the service"
        logins._lock.release()
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setattr(logins, "_log_in", log_in)
    client = Client(Credentials(username="ann", password="x"), AWAY)
    answers[:] = ["one"]
    first = client.store
    assert client.store is first and first.token() == "one" and not answers
    monkeypatch.setattr(logins, "_RENEWED", 0.0)
    answers[:] = [StoreUnavailableError("away"), RateLimitError("later"), "two"]
    answers.append(UnauthorizedError("no"))
    for _ in range(2):
        assert client.store is first and first.token() == "one", "such answers change nothing"
    with client.session():
        assert open_store() is first, "its user's connection goes on, with the next token"
        assert first.token() == config.access_key == "two"
    with pytest.raises(UnauthorizedError):
        client.session().__enter__()
    assert not answers
    forget_logins()
    answers[:] = [StoreUnavailableError("away")]
    with pytest.raises(StoreUnavailableError):
        client.session().__enter__()
