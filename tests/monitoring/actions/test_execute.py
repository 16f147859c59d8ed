"""Actions: what they start, what forbids it, and that nothing starts twice."""

from __future__ import annotations

import http.server
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring import clock as clocks
from mlrun_like.monitoring.actions import claims
from mlrun_like.monitoring.actions.action import Action
from mlrun_like.monitoring.actions.execute import execute
from mlrun_like.monitoring.actions.lineage import incident_of_run, list_actions, what_came_of
from mlrun_like.tracking.connect import open_store

FLOWS = "tests.monitoring.actions.flows"
HERE = {"kind": "pipeline", "pipeline": f"{FLOWS}:retrain", "where": "here"}
SHOUT = {"kind": "call", "handler": f"{FLOWS}:shout"}


def activation(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": f"a{number}", "project": "shop", "name": "drift", "time": 1000.0, **more}


def notes() -> list[str]:
    path = Path(config.path("notes.txt"))
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def clock() -> Iterator[clocks.SimulatedClock]:
    with clocks.simulated(1_000_000.0) as found:
        yield found


def test_a_pipeline_runs_under_an_id_that_was_claimed_before() -> None:
    told = execute({**HERE, "arguments": {"size": 3}}, activation())
    assert (told["state"], told["key"]) == (
        "completed",
        f"drift.pipeline-{FLOWS.replace('.', '-')}-retrain#1",
    )
    run = open_store().read_run("shop", told["uid"])
    assert run["status"]["state"] == "completed" and notes() == ["train 3"]
    assert run["metadata"]["labels"]["mlrun-like/alert"] == "drift"
    assert run["metadata"]["annotations"]["mlrun-like/incident"] == "a1"
    assert told["links"]["run"] == told["uid"]


def test_lineage_leads_from_the_incident_to_the_runs_and_back() -> None:
    told = execute(HERE, activation())
    (row,) = what_came_of("shop", "a1")
    assert [run["name"] for run in row["runs"]] == ["retrain", "train"]
    back = incident_of_run("shop", row["runs"][1]["uid"])
    assert back == {"action": told["key"], "incident": "a1", "run": told["uid"]}
    assert incident_of_run("shop", "nobody") == {}
    assert list_actions("shop", alert="other") == []


def test_the_same_activation_starts_nothing_twice(clock: clocks.SimulatedClock) -> None:
    first = execute(HERE, activation())
    clock.advance(86400 * 30)
    assert execute(HERE, activation()) == first
    assert notes() == ["train 1"]


def test_two_actions_of_one_alert_are_two(clock: clocks.SimulatedClock) -> None:
    execute(HERE, activation())
    assert execute(SHOUT, activation())["state"] == "completed"
    assert notes() == ["train 1", "shout a1 "]


def test_a_failing_pipeline_is_a_failed_action_that_says_why() -> None:
    told = execute({**HERE, "pipeline": f"{FLOWS}:broken"}, activation())
    assert told["state"] == "failed" and "no luck" in told["reason"]
    assert open_store().read_run("shop", told["uid"])["status"]["state"] == "error"


def test_cool_down_then_limit_then_the_period_is_over(clock: clocks.SimulatedClock) -> None:
    action = {**SHOUT, "cooldown": "1h", "limit": 2, "period": "1d"}
    states = []
    for number, hours in enumerate((0, 0.5, 1, 2, 22)):
        clock.advance(hours * 3600)
        told = execute(action, activation(number))
        states.append((told["state"], told["reason"].partition(":")[0]))
    assert [state for state, _ in states] == [
        "completed",
        "refused",
        "completed",
        "refused",
        "completed",
    ]
    assert states[1][1] == "cool-down" and states[3][1] == "limit"


def test_the_incident_of_a_run_that_the_action_started_never_starts_it(
    clock: clocks.SimulatedClock,
) -> None:
    first = execute(HERE, activation())
    step = what_came_of("shop", "a1")[0]["runs"][1]["uid"]
    clock.advance(86400)
    for uid in (first["uid"], step):
        caused = activation(2, entity_kind="job", events=[{"value": {"uid": uid}}])
        told = execute(HERE, caused)
        assert told["state"] == "refused" and told["reason"].startswith("loop")
    # another action may react to it, but its runs lead back to the first one
    other = {**HERE, "name": "other"}
    second = execute(other, activation(3, events=[{"value": {"uid": step}}]))
    assert second["state"] == "completed"
    clock.advance(86400)
    third = execute(HERE, activation(4, events=[{"value": {"uid": second["uid"]}}]))
    assert third["reason"].startswith("loop")


def test_data_from_before_the_effect_is_an_echo(clock: clocks.SimulatedClock) -> None:
    execute(SHOUT, activation())
    clock.advance(86400)
    old = execute(SHOUT, activation(2, value={"end_infer_time": 999_000.0}))
    assert old["state"] == "refused" and old["reason"].startswith("echo")
    assert (
        execute(SHOUT, activation(3, value={"end_infer_time": 1_050_000.0}))["state"] != "refused"
    )


def test_many_processes_begin_once_in_a_cool_down() -> None:
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda n: execute(SHOUT, activation(n)), range(8)))
    assert sorted(one["state"] for one in told) == ["completed"] + ["refused"] * 7
    assert len(notes()) == 1


def test_a_process_that_was_killed_before_the_start_is_taken_over() -> None:
    store = open_store()
    record = claims.ActionRecord(
        "shop", "drift.call-x", 1, "a1", "drift", {}, "u1", 1.0, "", ("drift.call-x",)
    )
    action = {**SHOUT, "name": "call-x"}
    record = replace(record, action=Action.of(action).to_dict(), activated=activation())
    assert claims.claim_number(store, record) is not None
    assert claims.claim_number(store, replace(record, uid="u2")) is None
    assert execute(action, activation())["state"] == "completed"
    assert notes() == ["shout a1 "]


KILLED = """
import os, signal, sys
from mlrun_like.configuration import config
config.home = sys.argv[1]
from mlrun_like.monitoring.actions.execute import execute
import tests.monitoring.actions.flows as flows
def die(*_, **__):
    flows.note("begun")
    os.kill(os.getpid(), signal.SIGKILL)
flows.shout = die
execute({"kind": "call", "handler": "tests.monitoring.actions.flows:shout"},
        {"id": "a1", "project": "shop", "name": "drift"})
"""


@pytest.mark.slow
def test_a_process_that_was_killed_after_the_start_is_not_repeated(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home)], timeout=60, cwd=Path(__file__).parents[3]
    )
    assert done.returncode == -signal.SIGKILL
    # who only looks, such as a web page, sees that and writes nothing
    (row,) = list_actions("shop", note=False)
    assert row["state"] == "lost"
    (record,) = claims.read_chain(open_store(), "shop")
    assert not record.over
    told = execute(SHOUT, activation())
    assert told["state"] == "lost" and "not done again" in told["reason"]
    assert notes() == ["begun"]


@pytest.mark.slow
def test_a_pipeline_gets_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    action = {"kind": "pipeline", "pipeline": f"{FLOWS}:retrain"}
    told = execute(action, activation())
    assert told["state"] == "starting"
    again = execute(action, activation(2))
    assert again["state"] == "refused" and again["reason"].startswith("still running")
    for _ in range(600):
        (row,) = list_actions("shop")
        if row["state"] == "completed":
            break
        time.sleep(0.1)
    assert row["state"] == "completed" and row["uid"] == told["uid"]
    assert notes() == ["train 1"]


class _Hook(http.server.BaseHTTPRequestHandler):
    got: ClassVar[list[tuple[str, Any]]] = []
    status = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.got.append((self.headers["Idempotency-Key"], body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    _Hook.got.clear()
    _Hook.status = 200
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


def test_an_address_gets_the_incident_and_a_key(hook: str) -> None:
    action = {"kind": "call", "url": hook, "arguments": {"team": "a"}, "name": "hook"}
    assert execute(action, activation())["state"] == "completed"
    ((key, body),) = _Hook.got
    assert key == "drift.hook#1" and body["team"] == "a" and body["incident"]["id"] == "a1"


def test_an_address_that_refuses_is_a_failure(hook: str) -> None:
    _Hook.status = 418
    told = execute({"kind": "call", "url": hook}, activation())
    assert told["state"] == "failed" and "418" in told["reason"]


def test_a_handler_that_raises_is_a_failure_that_says_why() -> None:
    told = execute({**SHOUT, "arguments": {"text": "fail"}}, activation())
    assert told["state"] == "failed" and "ValueError: it is broken" in told["reason"]
    told = execute({"kind": "call", "handler": "nowhere.to.be"}, activation())
    assert told["state"] == "failed" and "nowhere" in told["reason"]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("pipeline", "a mapping"),
        ({}, "a mapping"),
        ({"kind": "pipelin"}, "pipeline"),
        ({"kind": "pipeline"}, "workflow"),
        ({"kind": "pipeline", "workflow": "a", "pipeline": "b"}, "needs one of"),
        ({"kind": "call", "url": "http://x", "colldown": 1}, "colldown"),
        ({"kind": "call", "url": "http://x", "cooldown": "soon"}, "soon"),
        ({"kind": "call", "url": "http://x", "limit": 0}, "limit"),
        ({"kind": "call", "url": "http://x", "headers": []}, "headers"),
        ({"kind": "pipeline", "workflow": "a", "where": "moon"}, "moon"),
    ],
)
def test_an_action_that_cannot_be_used_is_refused_with_a_fix(action: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        execute(action, activation())


@pytest.mark.parametrize("broken", [[], None, {}, {"id": 1}, {"id": 1, "project": "p"}])
def test_an_activation_without_its_names_is_refused(broken: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="activation"):
        execute(SHOUT, broken)
