"""A conversation between a client and a service, to be had again with one side of another release.

`recorded/protocol-1.json` was written by `python -m tests.tracking.remote.skew` when protocol 1 was
new, and stays as it is: it is the older release. A new protocol gets a new file.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.tracking.abilities import CachedStep, StepRow
from mlrun_like.tracking.alert_abilities import AlertChange, Happening
from mlrun_like.tracking.base import ArtifactQuery, MetricPoint, RunQuery
from mlrun_like.tracking.monitoring_abilities import EndpointQuery
from mlrun_like.tracking.remote.connections import Answer
from mlrun_like.tracking.remote.store import RemoteStore
from tests.services import services

__all__ = ["RECORDED", "talk"]

RECORDED = Path(__file__).with_name("recorded")
RUN = {
    "kind": "run",
    "metadata": {"name": "n", "uid": "u", "project": "p", "labels": {"a": "b"}},
    "spec": {},
    "status": {"state": "running", "start_time": "2026-01-31T12:00:00+00:00"},
}
SCHEDULE = {"project": "p", "name": "s", "kind": "job", "cron": "0 0 * * *"}
SET = {"kind": "FeatureSet", "metadata": {"name": "f", "project": "p"}, "spec": {"ttl": 1}}
ENDPOINT = {"metadata": {"name": "e", "uid": "e1", "project": "p"}, "spec": {"model": "m:1"}}


def talk(store: RemoteStore) -> list[Any]:
    """Record and read things of each kind; what was read."""
    store.store_run(RUN)
    store.log_metrics("p", "u", 0, [MetricPoint("loss", 0.5, n, 1.0) for n in range(3)])
    store.append_log("p", "u", b"hello")
    store.record_use("p", "u", "store://p/a", "read")
    store.store_step("p", "w", StepRow("one", "completed", "u", 1.0, 2.0, {"key": "k"}))
    store.store_cached("p", "w/one", "k", CachedStep("w", "one", "u", 2.0, {}))
    version = store.store_function({"metadata": {"name": "f", "project": "p"}, "kind": "local"})
    store.store_artifact({"kind": "", "metadata": {"key": "a", "project": "p", "tree": "u"},
                          "spec": {"target_path": "/x"}}, tag="v1")  # fmt: skip
    steps: list[Callable[[], Any]] = [
        lambda: store.read_run("p", "u"),
        lambda: store.list_runs(RunQuery("p", labels={"a": "b"}, limit=5)),
        lambda: store.read_metrics("p", "u"),
        lambda: store.read_log("p", "u", 1, 3),
        lambda: store.list_steps("p", "w"),
        lambda: store.find_cached("p", "k"),
        lambda: store.heartbeat("p", "u"),
        lambda: store.read_function("p", "f", hash=version)["kind"],
        lambda: store.read_artifact("p", "a", tag="v1")["spec"],
        lambda: len(store.list_artifacts(ArtifactQuery("p"))),
        lambda: store.store_project({"metadata": {"name": "p"}, "spec": {}}),
        lambda: store.project_content("p"),
        lambda: store.store_schedule(SCHEDULE, 5.0),
        lambda: store.due_schedules(10.0),
        lambda: store.store_document("feature-set", SET, "v1"),
        lambda: store.read_document("feature-set", "p", "f", "v1")["spec"],
        lambda: store.store_endpoint(ENDPOINT),
        lambda: [one["metadata"]["uid"] for one in store.list_endpoints(EndpointQuery("p"))],
        lambda: store.append_happenings([Happening("h", "p", "failed", "job", "u", 3.0)]),
        lambda: store.list_happenings("p", kinds=("failed",)),
        lambda: store.commit_alerts("p", AlertChange(documents={("config", "c"): {"x": 1}})),
        lambda: store.alert_documents("p", "config"),
        lambda: sorted(store.claim_leases(["windows/p/e1"], "me", 60.0)),
        lambda: store.set_run_state("p", "u", 0, "completed", ""),
        lambda: store.delete_schedule("p", "s"),
    ]
    return [step() for step in steps]


def _record() -> None:
    lines: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, services() as running:
        config.home = folder
        store = RemoteStore.at(running.new(f"sqlite:///{folder}/store.db"))
        plain = store.client.connections.request

        def noting(method: str, path: str, body: bytes, *rest: Any) -> Answer:
            answer = plain(method, path, body, *rest)
            assert answer is not None
            sent, came = (base64.b64encode(data).decode() for data in (body, answer.body))
            lines.append({"method": method, "path": path, "sent": sent, "came": came})
            return answer

        store.client.connections.request = noting  # type: ignore[method-assign,assignment]
        store.connect()
        told = talk(store)
        store.close()
    RECORDED.mkdir(exist_ok=True)
    text = json.dumps({"lines": lines, "told": told}, indent=1, default=repr)
    RECORDED.joinpath("protocol-1.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    _record()
