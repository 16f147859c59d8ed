"""Triggers: what counts as an event, once each, put together, held back, whoever is killed."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mlrun_like as ml
from mlrun_like.cli.triggers import app
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.schedules import Trigger
from mlrun_like.schedules.define import read_schedule, set_paused
from mlrun_like.schedules.sources import start_state
from mlrun_like.schedules.triggers import claim_events, fire_event
from mlrun_like.specs.trigger import read_trigger
from mlrun_like.streams.opening import open_stream
from tests.schedules.watching import keys, look, runs, serve_until, start, state_of, work

__all__ = ["work"]


def test_new_and_changed_files_of_a_folder(tmp_path: Path, work: Any) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "old.csv").write_text("1")
    store = start(work, "data", str(folder))
    assert look(store) == []
    (folder / "deep" / "new.csv").write_text("2")
    (folder / "old.csv").write_text("1,2")
    assert [f.outcome for f in serve_until(store, 2)] == ["completed", "completed"]
    assert sorted(keys(store)) == ["new.csv", "old.csv"]
    first = runs(store)[0]
    assert first["metadata"]["annotations"]["event"].startswith(str(folder))
    time.sleep(0.15)
    assert look(store) == []


def test_a_file_that_appears_and_existing_files(tmp_path: Path, work: Any) -> None:
    store = start(work, "data", str(tmp_path / "data.csv"))
    assert look(store) == []
    (tmp_path / "data.csv").write_text("1")
    assert len(look(store)) == 1
    assert start_state(Trigger("data", str(tmp_path), existing=True))["files"] == {}
    assert "work.py" in start_state(Trigger("data", str(tmp_path)))["files"]


class _Etag(BaseHTTPRequestHandler):
    etag = '"1"'

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("ETag", type(self).etag)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_the_etag_of_a_web_server_counts(work: Any) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Etag) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            store = start(work, "data", f"http://127.0.0.1:{server.server_address[1]}/x.csv")
            assert look(store) == []
            _Etag.etag = '"2"'
            assert len(look(store)) == 1
        finally:
            _Etag.etag = '"1"'
            server.shutdown()
            thread.join()


def test_messages_of_a_stream_once_each(work: Any) -> None:
    stream = open_stream("memory://trigger-test")
    store = start(work, "stream", "memory://trigger-test", concurrency="allow")
    for number in range(3):
        stream.push({"n": number}, partition_key=f"k{number}")
    serve_until(store, 3)
    assert sorted(keys(store)) == ["k0", "k1", "k2"]
    bodies = [json.loads(run["status"]["results"]["got"]["body"]) for run in runs(store)]
    assert sorted(body["n"] for body in bodies) == [0, 1, 2]
    assert stream.depth("trigger-default-watch") == 0
    assert look(store) == []


def test_a_message_that_was_recorded_but_not_acknowledged(work: Any) -> None:
    stream = open_stream("memory://trigger-killed")
    store = start(work, "stream", "memory://trigger-killed")
    stream.push({"n": 1}, partition_key="k")
    ((document, due),) = store.due_schedules(1e18)[0]
    schedule = read_schedule(store, "default", "watch")
    del document
    from mlrun_like.schedules import sources

    events, finish = sources.look(
        read_trigger(schedule.spec.trigger), schedule.spec.state, store, ("default", "watch")
    )
    assert len(events) == 1
    finish(False)  # as if it was killed between the record and the acknowledgement
    schedule.spec.state["pending"] = events
    store.store_schedule(schedule.to_dict(), due)
    serve_until(store, 1)
    assert keys(store) == ["k"]
    assert look(store) == []


def test_the_end_of_another_run(work: Any) -> None:
    @ml.function(returns=["auc"])
    def train(fail: bool = False) -> float:
        if fail:
            raise ValueError("boom")
        return 0.9

    train.run(labels={"team": "a"})
    store = start(work, "run", "train", labels={"team": "a"})
    train.run()
    with pytest.raises(ml.errors.RunError):
        train.run(params={"fail": True}, labels={"team": "a"})
    assert look(store) == []
    run = train.run(labels={"team": "a"})
    serve_until(store, 1)
    got = runs(store)[0]["status"]["results"]["got"]
    assert (got["key"], got["state"], got["results"]) == (run.uid(), "completed", {"auc": 0.9})
    assert look(store) == []


def test_a_named_event_from_the_command_line(work: Any) -> None:
    store = start(work, "event", "drift")
    runner = CliRunner()
    result = runner.invoke(app, ["fire", "drift", "--data", '{"feature": "amount"}'])
    assert result.output == "drift: default/watch\n"
    assert "no trigger" in runner.invoke(app, ["fire", "other"]).output
    assert isinstance(
        runner.invoke(app, ["fire", "drift", "--data", "{"]).exception, InvalidArgumentError
    )
    assert isinstance(
        runner.invoke(app, ["fire", "drift", "--data", "3"]).exception, InvalidArgumentError
    )
    shown = runner.invoke(app, ["list"]).output
    assert "event drift" in shown
    serve_until(store, 1)
    assert runs(store)[0]["status"]["results"]["got"]["data"] == {"feature": "amount"}
    outcomes = [item.outcome for item in store.list_firings("default", "watch")]
    assert sorted(outcomes) == ["completed", "received"]
    assert fire_event(store, "drift", project="another") == []
    with pytest.raises(InvalidArgumentError):
        fire_event(store, "")


def test_events_from_many_threads_are_all_kept(work: Any) -> None:
    store = start(work, "event", "drift", concurrency="allow")
    threads = [
        threading.Thread(target=fire_event, args=(store, "drift", {"n": n})) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = look(store)
    assert len(taken) == 8
    data = [group[0]["data"]["n"] for group in state_of(store)["flying"].values()]
    assert sorted(data) == list(range(8))


def test_two_services_take_an_event_once(work: Any) -> None:
    store = start(work, "event", "drift")
    fire_event(store, "drift")
    ((_, due),) = store.due_schedules(1e18)[0]
    first, second = (read_schedule(store, "default", "watch") for _ in range(2))
    assert len(claim_events(store, first, due)) == 1
    assert claim_events(store, second, due) == []


def test_debounce_puts_events_together(work: Any) -> None:
    store = start(work, "event", "drift", debounce=0.4)
    for _ in range(3):
        fire_event(store, "drift")
    assert look(store) == []
    serve_until(store, 1)
    (run,) = runs(store)
    assert run["status"]["results"]["keys"] == "drift,drift,drift"


def test_a_failure_holds_the_next_event_back(work: Any) -> None:
    store = start(work, "event", "bad", backoff=600)
    fire_event(store, "bad")
    (firing,) = serve_until(store, 1)
    assert firing.outcome == "error"
    fire_event(store, "bad")
    assert look(store) == []
    state = state_of(store)
    assert len(state["pending"]) == 1
    assert 500 < state["held_until"] - time.time() <= 600


def test_one_at_a_time_unless_allowed(work: Any) -> None:
    store = start(work, "event", "drift")
    fire_event(store, "drift")
    fire_event(store, "drift")
    assert len(look(store)) == 1
    assert look(store) == []  # the first one goes on
    assert len(state_of(store)["pending"]) == 1


def test_an_event_whose_service_was_killed_waits_again(work: Any) -> None:
    store = start(work, "event", "drift")
    fire_event(store, "drift")
    (firing,) = look(store)
    # the service is gone before it made a run of it
    store.record_firing("default", "watch", firing._replace(outcome="lost", text="killed"))
    done = serve_until(store, 2)
    assert [item.outcome for item in done] == ["completed", "lost"]
    assert keys(store) == ["drift"]


def test_a_source_that_cannot_be_read_is_noted_and_tried_again(work: Any) -> None:
    store = start(work, "event", "x")
    schedule = read_schedule(store, "default", "watch")
    schedule.spec.trigger = Trigger("stream", "nonsense://x").to_dict()
    store.store_schedule(schedule.to_dict(), time.time())
    assert look(store) == []
    assert "nonsense" in state_of(store)["error"]
    assert "nonsense" in CliRunner().invoke(app, ["list"]).output
    (_, due) = store.due_schedules(1e18)[0][0]
    assert due > time.time()


def test_a_paused_trigger_rests(work: Any) -> None:
    store = start(work, "event", "drift")
    set_paused(store, "default", "watch", True)
    assert fire_event(store, "drift") == []
    set_paused(store, "default", "watch", False)
    assert fire_event(store, "drift") == ["default/watch"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "dta", "source": "x"}, "'dta' of a trigger is unknown"),
        ({"kind": "data"}, "needs a source"),
        ({"kind": "data", "source": 3}, "must be a text"),
        ({"kind": "run", "states": ["done"]}, "state 'done'"),
        ({"kind": "run", "labels": 3}, "must be a mapping"),
        ({"kind": "event", "source": "x", "interval": 0}, "interval 0 of a trigger"),
        ({"kind": "event", "source": "x", "debounce": "1"}, "debounce '1'"),
        ({"kind": "event", "source": "x", "backoff": float("nan")}, "backoff nan"),
        ({"kind": "event", "source": "x", "concurrency": "replace"}, "concurrency 'replace'"),
        ({"kind": "event", "sorce": "x"}, "no option 'sorce'"),
    ],
)
def test_what_cannot_be_a_trigger_is_refused(options: Any, said: str, work: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        read_trigger(options)
    with pytest.raises(InvalidArgumentError, match=said):
        work.run(schedule=options)
