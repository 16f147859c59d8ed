from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.spark import master
from mlrun_like.runtimes.spark.master import MasterState, Need, Worker
from mlrun_like.runtimes.spark.watching import Waiting
from tests.servers import free_port

URL = "spark://h1:7077"


class Page:
    """A web page that answers with what a test puts there."""

    def __init__(self) -> None:
        self.json: bytes = b""
        self.html: bytes = b""
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data = page.json if self.path.startswith("/json") else page.html
                self.send_response(200)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def page() -> Iterator[Page]:
    found = Page()
    yield found
    found.close()


def worker(host: str = "h1", memory: int = 1024, cores: int = 2, alive: bool = True) -> Worker:
    return Worker(host, cores, memory, alive)


def state(*workers: Worker, apps: tuple[tuple[str, int], ...] = ()) -> MasterState:
    return MasterState(URL, workers, apps)


def test_the_page_of_this_master(page: Page) -> None:
    rows = [
        {"host": "a", "cores": 4, "memory": 2048, "state": "ALIVE"},
        {"host": "b", "cores": 8, "memory": 9999, "state": "DEAD"},
    ]
    apps = [{"name": "other", "cores": 3}]
    page.json = json.dumps({"url": URL, "workers": rows, "activeapps": apps}).encode()
    found = master.read_state(URL, page.url)
    assert found is not None
    assert found.alive == [Worker("a", 4, 2048, True)]
    assert found.applications == (("other", 3),)
    with config.override(spark_master_ui=page.url.removeprefix("http://")):
        assert master.read_state(URL) == found
    assert master.read_state("spark://h1:7078", page.url) is None  # another master's page


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>login</html>",
        b"[]",
        b"null",
        b'{"url": 3}',
        b'{"url": "spark://h1:7077"',
        b"\xff\xfe\x00",
        b'{"workers": [1]}',
    ],
)
def test_any_other_page_is_none(page: Page, body: bytes) -> None:
    page.json = body
    assert master.read_state(URL, page.url) is None


def test_wrong_rows_are_left_out(page: Page) -> None:
    page.json = json.dumps(
        {"url": URL, "workers": [1, None, {"state": "ALIVE", "cores": "x"}], "activeapps": {}}
    ).encode()
    found = master.read_state(URL, page.url)
    assert found is not None and found.alive == [Worker("?", 0, 0, True)]


def test_nobody_answers() -> None:
    assert master.read_state(URL, f"http://127.0.0.1:{free_port()}") is None
    assert master.read_state(URL, "file:///etc/passwd") is None
    assert "refused" in master.reachable(f"spark://127.0.0.1:{free_port()}")


def test_the_version_on_the_page(page: Page) -> None:
    page.html = b'<span class="version me-3">3.5.1</span> Spark Master at spark://h1:7077'
    assert master.read_version(URL, page.url) == "3.5.1"
    page.html = b'<span class="version">9.9</span> some other server'
    assert master.read_version(URL, page.url) == ""


@pytest.mark.parametrize("url", ["spark://", "spark://h", "spark://h:x", "spark://h:99999", "x"])
def test_no_master(url: str) -> None:
    with pytest.raises(InvalidArgumentError, match="host and port"):
        master.addresses_of(url)


@given(st.text(max_size=30))
def test_any_address_is_read_or_refused(text: str) -> None:
    try:
        assert master.addresses_of(f"spark://{text}")
    except InvalidArgumentError:
        return


def test_several_masters_and_ipv6() -> None:
    assert master.addresses_of("spark://[::1]:1,b:2") == [("::1", 1), ("b", 2)]


def test_who_can_hold_an_executor() -> None:
    need = Need(2048, 1)
    assert master.why_none_fits(state(worker(), worker("big", 4096)), need) == ""
    text = master.why_none_fits(state(worker("h1", 1024), worker("h2", 512)), need)
    assert text == (
        f"no worker of {URL} can hold an executor of 2 GiB and 1 core: h1 has 1 GiB and 2 cores, "
        "h2 has 512 MiB and 2 cores"
    )
    dead = master.why_none_fits(state(worker("h9", 4096, alive=False)), need)
    assert "no living worker" in dead and "h9" in dead
    assert "4 cores" in master.why_none_fits(state(worker()), Need(512, 4))


def test_what_an_executor_takes() -> None:
    assert master.need_of({}) == Need(1024, 1)
    assert master.need_of({"spark.executor.memory": "512"}) == Need(512, 1)
    assert master.need_of({"spark.executor.memory": "2g", "spark.executor.cores": "3"}) == Need(
        2048, 3
    )


class Watched:
    """A cluster as the watching thread sees it."""

    def __init__(self, *workers: Worker, patience: float = 30) -> None:
        self.state: MasterState | None = state(*workers)
        self.said: list[str] = []
        self.waiting = Waiting(
            f"spark://127.0.0.1:{free_port()}",
            Need(1024, 1),
            patience,
            lambda: self.state,
            self.said.append,
        )

    def look(self, now: float, *hosts: str, working: bool = True) -> str:
        return self.waiting.look(now, set(hosts), working)


def test_an_executor_that_can_never_be_is_told_at_once() -> None:
    watched = Watched(worker(memory=512))
    text = watched.look(0.0, working=False)
    assert "Spark would wait for ever" in text
    assert 'with_executor_requests(mem="512m", cpu=2)' in text


def test_a_busy_cluster_is_waited_for() -> None:
    watched = Watched(worker())
    watched.state = state(worker(), apps=(("etl", 2), ("mine", 0)))
    for now in range(0, 1000, 10):
        assert watched.look(now) == ""
    assert watched.said == ["waiting for executors; the cluster runs etl (2 cores)"]


def test_workers_that_come_back_in_time() -> None:
    watched = Watched(worker())
    assert watched.look(0, "h1") == ""
    watched.state = state(worker(alive=False))
    assert watched.look(1) == "" and watched.look(29) == ""
    watched.state = state(worker())
    assert watched.look(40) == ""
    assert watched.look(41, "h1") == ""
    watched.state = state(worker(alive=False))
    assert watched.look(50) == ""


def test_lost_workers_are_named() -> None:
    watched = Watched(worker())
    watched.look(0, "h1", "h2")
    watched.state = state(worker("h1", alive=False))
    assert watched.look(1) == ""
    text = watched.look(32)
    assert text.startswith("the executors on h1, h2 were lost, and ")
    assert "no living worker" in text


def test_a_master_that_is_gone() -> None:
    watched = Watched(worker())
    watched.look(0, "h1")
    watched.state = None
    assert watched.look(1) == ""
    text = watched.look(40)
    assert "the master does not answer" in text and "h1" in text


def test_idle_executors_may_leave() -> None:
    watched = Watched(worker())
    watched.look(0, "h1")
    watched.state = state()
    for now in range(1, 100):
        assert watched.look(now, working=False) == ""
