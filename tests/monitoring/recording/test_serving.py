"""Recording in real servers: workers that are killed, the switch, labels over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.functions.creators import new_function
from mlrun_like.monitoring.endpoints.records import (
    delete_model_endpoint,
    get_model_endpoint,
    list_model_endpoints,
    set_monitoring_mode,
)
from mlrun_like.monitoring.recording.ground_truth import join_ground_truth
from mlrun_like.monitoring.recording.quality import window_quality
from mlrun_like.monitoring.recording.reading import count_events, read_events
from mlrun_like.monitoring.recording.recorder import flush_recorders
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.observe.metrics import render
from mlrun_like.serving.web.answer import id_headers
from mlrun_like.serving.web.answers import Answers
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.request import HttpEvent

APP = """
import os
from mlrun_like.functions.creators import new_function
from mlrun_like.serving.models import V2ModelServer

class Summing(V2ModelServer):
    def load(self):
        self.model = sum
    def predict(self, request):
        return [sum(row) for row in request["inputs"]]
    def op_pid(self, event):
        return os.getpid()

def make(tracked=True):
    function = new_function("serve", kind="serving", project="p")
    function.set_topology("router")
    function.add_model("m", class_name=Summing, model_path="none")
    if tracked:
        function.set_tracking()
    return function

def untracked():
    return make(False)
"""
Serve = Callable[[str], tuple[str, "subprocess.Popen[str]"]]


class Summing(V2ModelServer):
    def load(self) -> None:
        self.model = sum

    def predict(self, request: dict[str, Any]) -> list[Any]:
        return [sum(row) for row in request["inputs"]]


def function(*, tracked: bool = True) -> Any:
    made: Any = new_function("serve", kind="serving", project="p")
    made.set_topology("router")
    made.add_model("m", class_name=Summing, model_path="none")
    if tracked:
        made.set_tracking()
    return made


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + 100
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.fixture
def serve(home: Path, tmp_path: Path) -> Iterator[Serve]:
    """Run `mlrun-like serve` with two workers in the test's home; gives its URL."""
    (tmp_path / "app.py").write_text(APP)
    env = {**os.environ, "MLRUN_LIKE_HOME": str(home)}
    env |= {"MLRUN_LIKE_MONITORING_FLUSH_INTERVAL": "0.2"}
    env |= {"MLRUN_LIKE_MONITORING_POLL_INTERVAL": "0.2"}
    started: list[subprocess.Popen[str]] = []

    def run(target: str) -> tuple[str, subprocess.Popen[str]]:
        words = ["-m", "mlrun_like", "serve", target, "--port", "0", "-w", "2"]
        process = subprocess.Popen(
            [sys.executable, *words], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return process.stdout.readline().split()[-1], process

    yield run
    for process in started:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            process.kill()
            process.communicate()


def ask(url: str, body: Any, operation: str = "infer") -> Any:
    request = urllib.request.Request(
        f"{url}/v2/models/m/{operation}",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as found:
        return json.loads(found.read())


@pytest.mark.slow
def test_a_killed_worker_loses_only_what_it_had_not_written(serve: Serve) -> None:
    url, process = serve("app.py:make")
    ids, pids = set(), set()
    for number in range(100):
        ids.add(ask(url, {"inputs": [[number, 1]]})["id"])
        pids.add(ask(url, {}, "pid"))
    uid = get_model_endpoint("p", name="m").metadata.uid
    until(lambda: len(read_events("p", uid)) == 100)
    os.kill(pids.pop(), signal.SIGKILL)
    later = until(lambda: _answered(url))
    ids.add(later["id"])
    assert ask(url, {"id": later["id"], "label": 7}, "feedback") == {"labels": 1, "refused": 0}
    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask(url, {"inputs": "none"})
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0  # the end writes what waits
    frame = read_events("p", uid)
    assert ids <= set(frame["event_id"]) and frame["event_id"].is_unique
    counts = count_events("p", uid)
    assert counts.requests == len(frame) and counts.errors == 1 and counts.dropped == 0
    assert join_ground_truth("p", uid)["label"].tolist() == [7]


def _answered(url: str) -> Any:
    try:
        return ask(url, {"inputs": [[3, 4]]})
    except OSError:  # a connection of the worker that was killed
        return None


@pytest.mark.slow
def test_switched_on_and_off_while_it_serves(serve: Serve) -> None:
    url, _ = serve("app.py:untracked")
    for number in range(20):
        ask(url, {"inputs": [[number]]})
    (made,) = set_monitoring_mode("p", "enabled", name="m", function="serve")
    uid = made.metadata.uid

    def recorded() -> bool:
        ask(url, {"inputs": [[1.0]]})
        return len(read_events("p", uid)) > 0

    until(recorded)
    assert get_model_endpoint("p", uid).spec.model_class == "Summing"
    set_monitoring_mode("p", "disabled", uid=uid)

    def quiet() -> bool:
        time.sleep(1.0)
        before = count_events("p", uid).requests
        for _ in range(10):
            ask(url, {"inputs": [[1.0]]})
        time.sleep(1.0)
        return count_events("p", uid).requests == before

    until(quiet)


def test_an_endpoint_that_vanishes_while_it_serves_comes_back() -> None:
    config.monitoring_poll_interval = config.monitoring_flush_interval = 0.05
    with function().to_mock_server(track_models=True) as server:
        uid = get_model_endpoint("p", name="m").metadata.uid
        assert delete_model_endpoint("p", uid)  # as if the store had been replaced

        def back() -> Any:
            server.test("/v2/models/m/infer", {"inputs": [[1, 1]]})
            return list_model_endpoints("p")

        assert [one.metadata.uid for one in until(back)] == [uid]


def test_the_id_of_the_answer_joins_labels() -> None:
    with function().to_mock_server(track_models=True) as server:
        path = "/v2/models/m"
        answer = server.test(f"{path}/infer", {"inputs": [[1, 1], [2, 2]]})
        named = server.test(f"{path}/infer", {"id": "mine", "inputs": [[3, 3]]})
        headed = server.test(
            "/v1/models/m:predict", {"instances": [[4, 4]]}, headers={"mlrun-event-id": "head"}
        )
        assert named["id"] == "mine" and headed == {"predictions": [8]}
        labels = {answer["id"]: [2, 5], "mine": 6, "head": 8}
        assert server.test(f"{path}/feedback", {"labels": labels}) == {"labels": 4, "refused": 0}
        with pytest.raises((InvalidArgumentError, StepError)):
            server.test(f"{path}/feedback", {"label": 1})
    uid = get_model_endpoint("p", name="m").metadata.uid
    joined = join_ground_truth("p", uid)
    assert dict(zip(joined["p0"], joined["label"], strict=True)) == {2: 2, 4: 5, 6: 6, 8: 8}
    assert window_quality("p", uid)["accuracy"] == 0.75


class Speaking(V2ModelServer):
    def load(self) -> None:
        self.model = str.split

    def predict(self, request: dict[str, Any]) -> Iterator[str]:
        for word in request["inputs"][0].split():
            if word == "stop":
                raise OSError("no more words")
            yield f"{word} "


def test_streamed_answers_are_recorded_when_they_are_over() -> None:
    made = function()
    made.add_model("s", class_name=Speaking, model_path="none")
    with made.to_mock_server(track_models=True) as server:
        answer = server.test("/v2/models/s/infer", {"id": "a", "inputs": ["so it is"]})
        assert list(answer) == ["so ", "it ", "is "]
        with pytest.raises(OSError, match="no more"):
            list(server.test("/v2/models/s/infer", {"id": "b", "inputs": ["so stop"]}))
        flush_recorders()
    frame = read_events("p", get_model_endpoint("p", name="s").metadata.uid)
    assert frame["event_id"].tolist() == ["a", "b"]
    assert frame["status"].tolist() == ["ok", "error"]
    assert frame["p0"].tolist()[0] == "so it is "


def test_the_recorder_is_in_the_metrics_of_a_server() -> None:
    with function().to_mock_server(track_models=True) as server:
        for _ in range(3):
            server.test("/v2/models/m/infer", {"inputs": [[1, 1]]})
        flush_recorders()
        uid = get_model_endpoint("p", name="m").metadata.uid
        text = render(server).decode()
    for name, value in (("requests_total", 3.0), ("dropped_total", 0.0), ("waiting", 0.0)):
        line = f'mlrun_like_serving_recorder_{name}{{project="p",uid="{uid}"}} {value}'
        assert line in text, text


def test_answers_without_an_id_have_it_as_a_header() -> None:
    made = function()
    made.add_model("s", class_name=Speaking, model_path="none")
    with made.to_mock_server(track_models=True) as server:
        answers = Answers(server, WebOptions())

        def headers(path: str, body: bytes) -> tuple[dict[bytes, bytes], Any]:
            event = HttpEvent.of("POST", path, b"", [(b"content-type", b"application/json")])
            response = asyncio.run(answers.respond(event, body))
            assert isinstance(response, Response)
            if response.is_stream:
                return dict(id_headers(event)), list(response.body)
            _, found, content = answers.pieces(response, event)
            return dict(found), json.loads(content)

        found, told = headers("/v1/models/m:predict", b'{"instances": [[1, 2]]}')
        assert told == {"predictions": [3]}
        own, told = headers("/v2/models/m/infer", b'{"inputs": [[1, 1]]}')
        assert told["outputs"] == [2] and b"mlrun-event-id" not in own
        odd, _ = headers("/v1/models/m:predict", b'{"id": "a\\r\\nb: c", "instances": [[4, 4]]}')
        assert b"mlrun-event-id" not in odd
        spoken, _ = headers("/v2/models/s/infer", b'{"id": 7, "inputs": ["so"]}')
        assert spoken == {b"mlrun-event-id": b"7"}
        flush_recorders()
    frame = read_events("p", get_model_endpoint("p", name="m").metadata.uid)
    assert frame["event_id"].tolist()[0] == found[b"mlrun-event-id"].decode()


def test_feedback_without_tracking() -> None:
    with (
        function(tracked=False).to_mock_server() as server,
        pytest.raises(Exception, match="requests are not recorded"),
    ):
        server.test("/v2/models/m/feedback", {"id": "a", "label": 1})


def test_errors_and_event_times() -> None:
    with function().to_mock_server(track_models=True) as server:
        server.test("/v2/models/m/infer", {"inputs": [[1]]}, time="2024-01-01T00:00:00+00:00")
        for body in ({"inputs": [["x"]]}, {"inputs": 3}, {}):
            with pytest.raises((InvalidArgumentError, StepError)):
                server.test("/v2/models/m/infer", body)
        flush_recorders()
        uid = get_model_endpoint("p", name="m").metadata.uid
        frame = read_events("p", uid)
        assert frame["time"].iloc[0] == 1704067200.0
        assert count_events("p", uid).error_kinds == {"TypeError": 1, "InvalidArgumentError": 2}


def test_a_stream_instead_of_the_store() -> None:
    made = function(tracked=False)
    made.set_tracking("dummy://")
    with made.to_mock_server(track_models=True) as server:
        answer = server.test("/v2/models/m/infer", {"inputs": [[1, 2]]})
        (record,) = server.context.stream.output_stream.event_list
    endpoint = get_model_endpoint("p", name="m")
    assert endpoint.spec.stream_path == "dummy://"
    assert record["endpoint_id"] == endpoint.metadata.uid
    assert record["resp"]["id"] == answer["id"]
    assert read_events("p", endpoint.metadata.uid).empty


def test_a_recording_server_costs_no_threads_before_its_first_request() -> None:
    """Servers that load once and fork need a process with one thread."""
    code = (
        "import os, sys, threading\n"
        f"os.environ['MLRUN_LIKE_HOME'] = {str(config.home)!r}\n"
        f"exec({APP!r})\n"
        "server = make().server([globals()])\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert not {'numpy', 'pandas', 'pyarrow'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_switch_in_one_process() -> None:
    config.monitoring_poll_interval = 0.05
    config.monitoring_flush_interval = 0.05
    with function(tracked=False).server() as server:
        event = Event({"inputs": [[1, 2]]}, path="/v2/models/m/infer")
        server.run(event)
        set_monitoring_mode("p", "enabled", name="m", function="serve")
        uid = get_model_endpoint("p", name="m").metadata.uid

        def recorded() -> bool:
            server.run(Event({"inputs": [[1, 2]]}, path="/v2/models/m/infer"))
            return len(read_events("p", uid)) > 0

        until(recorded)
        answered = server.run(
            Event({"id": "x", "label": 1}, path="/v2/models/m/feedback")
        )  # labels are taken now, too
        assert answered.body == {"labels": 1, "refused": 0}
    status = get_model_endpoint("p", uid).status
    assert status.requests > 0 and status.state == "ready"
