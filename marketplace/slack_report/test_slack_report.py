"""Reports to a real web server that stands for Slack."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml


class Channel(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[dict[str, Any]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/services/T/B/x"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        channel = self.server
        assert isinstance(channel, Channel)
        channel.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(channel.status)
        self.end_headers()
        self.wfile.write(b"ok" if channel.status == 200 else b"invalid_token")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def channel() -> Iterator[Channel]:
    with Channel() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Iterator[Any]:
    """A project with two runs that completed and one that failed."""
    with ml.config.override(home=str(tmp_path / "home")):
        made = ml.get_or_create_project("reporting", save=False)
        for depth in (1, 2, -1):
            fn: Any = ml.new_function("train", kind="local", project="reporting")
            try:
                fn.run(handler=train, params={"depth": depth}, local=True, name=f"train{depth}")
            except ml.errors.RunError:
                assert depth == -1
        yield made


def train(context: Any, depth: int) -> None:
    if depth < 0:
        raise ValueError("depth < 0")
    context.log_result("auc", depth / 10)


def report(channel: Channel | None = None, **params: Any) -> dict[str, Any]:
    fn = ml.import_function("hub://slack_report", project="reporting")
    given = {**({"webhook": channel.url} if channel else {}), **params}
    outputs: dict[str, Any] = fn.run(params=given, local=True, project="reporting").outputs
    return outputs


def texts(channel: Channel) -> list[str]:
    return [block["text"]["text"] for block in channel.posts[-1]["blocks"]]


def test_a_project(channel: Channel) -> None:
    out = report(channel)
    assert (out["runs"], out["failed"], out["shown"], out["sent"]) == (3, 1, 3, True)
    assert out["states"] == {"completed": 2, "error": 1}
    head, facts, *rows = texts(channel)
    assert head == channel.posts[0]["text"] == "[error] reporting: 2 completed, 1 error"
    assert "*project:* reporting" in facts and "1 x " in facts and "depth < 0" in facts
    assert rows[0].startswith(":x: *train-1* error")  # what failed comes first
    assert all(one.startswith(":white_check_mark: *train") for one in rows[1:])
    assert "auc=0.2" in rows[1] and "auc=0.1" in rows[2]
    assert report(channel)["runs"] == 4  # the first report is a run too


def test_some_runs_and_a_text(channel: Channel, project: Any) -> None:
    uid = project.list_runs(name="train1")[0].metadata.uid
    out = report(channel, runs=[uid, "train2"], text="Nightly", severity="warning")
    assert (out["runs"], out["failed"]) == (2, 0)
    head, _, *rows = texts(channel)
    assert head == "[warning] Nightly"
    assert ["*train1*" in rows[0], "*train2*" in rows[1]] == [True, True]
    with pytest.raises(ml.errors.RunError, match="there is no run 'other'"):
        report(channel, runs="other")


def test_only_what_failed(channel: Channel) -> None:
    assert report(channel, only_failed=True)["shown"] == 1
    out = report(channel, only_failed=True, runs=["train1"])
    assert (out["sent"], out["failed"], len(channel.posts)) == (False, 0, 1)


def test_long_reports_are_shortened(channel: Channel) -> None:
    assert report(channel, show=1)["shown"] == 1
    assert len(channel.posts[0]["blocks"]) == 3
    report(channel, text="x" * 9000, show=0)
    assert max(len(one) for one in texts(channel)) <= 3000


def test_channels_that_do_not_take_it(channel: Channel) -> None:
    channel.status = 403
    with pytest.raises(ml.errors.RunError, match=r"did not take the report: .*403"):
        report(channel)
    assert report(channel, must_send=False)["sent"] is False
    with pytest.raises(ml.errors.RunError, match="did not take the report"):
        report(webhook="http://127.0.0.1:9/x")


def test_the_webhook_may_be_a_secret(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ml.errors.RunError, match="there is no webhook"):
        report()
    monkeypatch.setenv("SLACK_WEBHOOK", channel.url)
    assert report()["sent"] is True


@pytest.mark.parametrize("wrong", [{"hours": 0}, {"hours": -1}, {"webhook": "ftp://x"}])
def test_parameters_that_cannot_be_used(channel: Channel, wrong: dict[str, Any]) -> None:
    with pytest.raises(ml.errors.RunError, match=r"hours=|http"):
        report(channel, **wrong)
