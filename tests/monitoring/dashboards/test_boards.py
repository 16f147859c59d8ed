"""Dashboards and rules: their files, and every query asked of real servers."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlrun_like
from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.monitoring.dashboards.board import board_json
from mlrun_like.monitoring.dashboards.boards import boards
from mlrun_like.monitoring.dashboards.checking import (
    ask_prometheus,
    check_postgres,
    check_prometheus,
)
from mlrun_like.monitoring.dashboards.files import files, write_files
from mlrun_like.monitoring.dashboards.macros import promql, sql
from mlrun_like.monitoring.dashboards.metrics import render
from mlrun_like.monitoring.dashboards.rules import rules
from mlrun_like.monitoring.dashboards.sql_boards import sql_boards
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observe.metrics import Metrics
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch
from tests.monitoring.worlds import add_endpoint, add_incident, add_results, add_run
from tests.servers import missing, postgres_server, prometheus_server

ALL = [*boards(), *sql_boards()]
ROOT = Path(mlrun_like.__file__).parent.parent


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No store outlives its test."""
    yield
    close_stores()


def _fill(store: Any) -> None:
    now = time.time()
    for number, status in enumerate((0, 1, 2)):
        uid = f"u{number}"
        add_endpoint(store, uid, now, name=f"m{number}")
        add_results(store, uid, now, status=status)
    add_incident(store, "u2", now)
    add_run(store, "r1")
    add_run(store, "r2", state="error")
    add_run(store, "r3", kind="local")


def test_the_files_are_those_of_the_program() -> None:
    for name, text in files().items():
        path = ROOT / "deploy" / name
        assert path.is_file(), f"{name}: run `mlrun-like dashboards build`"
        assert path.read_text() == text, f"{name}: run `mlrun-like dashboards build`"


def test_writing_touches_only_what_changed(tmp_path: Path) -> None:
    assert len(write_files(tmp_path)) == len(files()) == len(ALL) + 4
    assert write_files(tmp_path) == []
    one = tmp_path / "prometheus" / "rules" / "mlrun-like.yml"
    one.write_text("x")
    assert write_files(tmp_path) == [one] and yaml.safe_load(one.read_text()) == rules()
    assert not list(tmp_path.rglob("*.new"))


@pytest.mark.parametrize("board", ALL, ids=lambda one: one.uid)
def test_dashboards_are_of_grafanas_form(board: Any) -> None:
    made = board_json(board)
    assert json.loads(json.dumps(made)) == made
    assert 8 <= len(made["uid"]) <= 40
    ids = [panel["id"] for panel in made["panels"]]
    assert len(set(ids)) == len(ids)
    names = {one["name"] for one in made["templating"]["list"]}
    taken: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        assert place["x"] + place["w"] <= 24
        for target in panel["targets"]:
            text = target.get("expr") or target["rawSql"]
            for name in ("project", "endpoint"):
                assert f"${name}" not in text.replace("${", "$") or name in names, text


@pytest.mark.parametrize("board", ALL, ids=lambda one: one.uid)
def test_dashboards_are_read_by_grafanas_own_types(board: Any, grafana_packages: Any) -> None:
    sdk = grafana_packages("grafana_foundation_sdk.models.dashboard")
    made = board_json(board)
    read = sdk.Dashboard.from_json(made)
    assert read.title == made["title"] and len(read.panels) == len(made["panels"])
    back = json.loads(json.dumps(read, default=lambda one: one.to_json()))
    assert [one["gridPos"] for one in back["panels"]] == [one["gridPos"] for one in made["panels"]]


def test_macros() -> None:
    assert promql('a{x=~"$project", y=~"${project}"}[$__range]', {"project": ".*"}) == (
        'a{x=~".*", y=~".*"}[1h]'
    )
    assert sql("$__unixEpochGroup(last, '5m')", {}, 0, 1) == "floor((last)/300)*300"
    assert sql("a IN (${p:sqlstring})", {"p": []}, 0, 1) == "a IN (NULL)"


@pytest.mark.slow
def test_promtool_accepts_rules_and_configuration(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        missing("promtool is not installed (Debian package 'prometheus')")
    write_files(tmp_path)
    folder = tmp_path / "prometheus"
    for words in (("rules", "rules/mlrun-like.yml"), ("config", "prometheus.yml")):
        done = subprocess.run(
            ["promtool", "check", *words], cwd=folder, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


class _Exporter(BaseHTTPRequestHandler):
    """Serves the store's and a serving graph's metrics; each look finds more traffic."""

    serving = Metrics()
    looks = 0

    def do_GET(self) -> None:
        cls = type(self)
        cls.looks += 1
        event = Event()
        cls.serving.begin(event)
        token = cls.serving.before_step(event, "model", None)
        cls.serving.after_step(event, "model", token, None, ValueError("x"))
        cls.serving.end(event, Response("no", status_code=500), None)
        now = time.time()
        told = {"requests": 10, "errors": 1, "dropped": 1, "latency": {"160": 10}}
        batch = SeriesBatch("p", "u0", "events", f"look{cls.looks}", now - 1, now, 10, b"", told)
        open_store().append_batches([batch])
        body = render() + cls.serving.render()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.slow
def test_every_promql_query_finds_something_in_a_real_prometheus() -> None:
    _fill(open_store())
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Exporter)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    # Rules wait no time here, so that those which hold now are seen to fire.
    document = rules()
    for rule in document["groups"][1]["rules"]:
        rule["for"] = "0s"
    document["groups"][0]["interval"] = "1s"
    try:
        with prometheus_server(server.server_address[1], yaml.safe_dump(document)) as prometheus:
            answers: list[Any] = []
            firing: set[str] = set()
            for _ in range(120):
                with contextlib.suppress(StoreUnavailableError):  # it is still starting
                    answers = check_prometheus(prometheus.url, boards())
                    firing = _firing(prometheus.url)
                if answers and all(one.rows for one in answers) and len(firing) >= 5:
                    break
                assert not [one for one in answers if one.error], answers
                time.sleep(0.5)
            assert not [one for one in answers if not one.rows]
            assert len(answers) > 40
            assert {"ModelDriftDetected", "ModelDriftPossible", "ServingErrorsHigh"} <= firing
            assert ask_prometheus(prometheus.url, "mlrun_like:requests:rate5m")
            with pytest.raises(InvalidArgumentError, match="parse error"):
                ask_prometheus(prometheus.url, "sum(")
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(StoreUnavailableError):
        check_prometheus(prometheus.url, boards())


def _firing(url: str) -> set[str]:
    with urllib.request.urlopen(f"{url}/api/v1/rules", timeout=10) as answer:
        groups = json.load(answer)["data"]["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    assert not [rule for rule in found if rule.get("lastError")], found
    return {rule["name"] for rule in found if rule.get("state") == "firing"}


@pytest.mark.slow
def test_every_sql_query_finds_something_in_a_real_postgresql() -> None:
    with postgres_server() as server:
        url = server.new_database()
        store: Any = open_store(url)
        _fill(store)
        now = time.time()
        told = {
            "requests": 10, "errors": 5, "error_kinds": {"ValueError": 5}, "latency": {"160": 10},
        }  # fmt: skip
        store.append_batches([SeriesBatch("p", "u0", "events", "e", now - 9, now, 10, b"", told)])
        store.flush()
        with store.database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
        store.writer.transact(
            lambda tx: tx.cursor.execute("UPDATE runs SET started = %s, ended = %s", (now, now + 2))
        )
        answers = check_postgres(url, sql_boards())
        assert not [one for one in answers if one.error]
        assert not [one for one in answers if not one.rows]
        assert len(answers) > 40
        found = store.survey_endpoints("p")
        assert [(row.requests, row.state, row.is_active) for row in found] == [
            (410, "ready", True), (400, "ready", True), (400, "ready", True),
        ]  # fmt: skip
        counted = store.count_requests("p", now - 3600, now + 1, 600)
        assert sum(row.requests for row in counted) == 1210
        assert b'mlrun_like_monitoring_drift_status{endpoint="serve/m2:v1"' in render("p", store)
        broken = [board for board in sql_boards()][:1]
        broken[0].panels[0].queries[0].__dict__["text"] = "SELECT nothing"
        assert [one.panel for one in check_postgres(url, broken) if one.error] == ["Endpoints"]
        close_stores()
    with pytest.raises(StoreUnavailableError):
        check_postgres(url, sql_boards())
