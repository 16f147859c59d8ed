"""`doctor` and `gc`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.cli.doctor import Finding
from mlrun_like.configuration import config
from mlrun_like.tracking.base import RunQuery
from tests.kubernetes_api import Cluster, kubernetes_cluster


def _states(answer: Any) -> dict[str, str]:
    return {row["check"]: row["state"] for row in answer.json}


def test_a_healthy_installation(spawn: Any) -> None:
    answer = spawn("doctor", "--json")
    states = _states(answer)
    assert "fail" not in states.values()
    for check in ("python", "home", "disk", "store", "lost runs", "spool", "warm starts"):
        assert check in states
    assert all(set(row) == set(Finding._fields) for row in answer.json)
    assert spawn("doctor").out.startswith("CHECK")


def test_a_home_that_cannot_be_written(spawn: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = spawn("doctor", "--json", code=1, MLRUN_LIKE_HOME=str(tmp_path / "file" / "home"))
    states = _states(answer)
    assert states["home"] == "fail"
    assert any(row["fix"] for row in answer.json if row["check"] == "home")


def test_a_store_that_is_no_database(spawn: Any, home: Path) -> None:
    (home / "store.db").write_bytes(b"this is not a database" * 500)
    answer = spawn("doctor", "--json", code=1)
    assert _states(answer)["store"] == "fail"
    assert "spool" in _states(answer), "the other checks are still made"


def test_an_unknown_store(spawn: Any) -> None:
    answer = spawn("doctor", "--json", code=1, MLRUN_LIKE_DBPATH="redis://x")
    assert _states(answer)["store"] == "fail"


def test_a_bad_setting(spawn: Any) -> None:
    answer = spawn("doctor", "--json", code=1, MLRUN_LIKE_PREVIEW_ROWS="many")
    assert _states(answer)["settings"] == "fail"


def test_waiting_records_are_a_warning(spawn: Any, home: Path) -> None:
    folder = home / "spool" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "other!1!0.00!1.jsonl").write_text("")
    (folder / "rejected.jsonl").write_text("{}\n")
    states = _states(spawn("doctor", "--json"))
    assert states["spool"] == states["rejected"] == "warn"


def test_gc_on_an_empty_store(call: Any) -> None:
    document = call("gc", "--dry-run", "--json").json
    assert document["dry_run"] is True and document["runs"] == 0
    assert "Removed:" in call("gc").out


def test_gc_removes_deleted_runs(call: Any) -> None:
    def add(a: int = 1) -> int:
        return a

    ml.new_function("add", kind="local", handler=add).run()
    store = ml.get_run_db()
    store.flush()
    assert store.delete_runs(RunQuery(project="*")) == 1
    assert call("gc", "--json").json["runs"] == 0, "deleted a moment ago"
    assert call("gc", "--dry-run", "--keep-days", "0", "--json").json["runs"] == 1
    assert call("gc", "--keep-days", "0", "--json").json["runs"] == 1
    assert call("gc", "--keep-days", "0", "--json").json["runs"] == 0


def _ended_job(cluster: Cluster, name: str, owner: str) -> None:
    meta = {
        "name": name,
        "namespace": "default",
        "labels": {"app.kubernetes.io/managed-by": owner},
        "creationTimestamp": "2020-01-01T00:00:00Z",
    }
    status = {"conditions": [{"type": "Complete", "status": "True"}]}
    # suspended, so that the cluster's node starts nothing
    spec = {"suspend": True, "template": {"spec": {"containers": []}}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}
    cluster.put({**job, "status": status})


def test_gc_removes_what_is_left_in_a_cluster(call: Any, tmp_path: Path) -> None:
    with kubernetes_cluster(tmp_path) as cluster:
        config.kubeconfig = str(cluster.kubeconfig())
        _ended_job(cluster, "ended", "mlrun-like")
        _ended_job(cluster, "foreign", "helm")
        assert call("gc", "--dry-run", "--json").json["jobs"] == ["ended"]
        assert len(cluster.all("jobs")) == 2
        assert "ended" in call("gc").out
        assert [item["metadata"]["name"] for item in cluster.all("jobs")] == ["foreign"]
        assert call("gc", "--json").json["jobs"] == []
        cluster.faults.down = True
        answer = call("gc", "--json").json
        assert answer["jobs"] == [] and "cluster are left" in answer["notes"][0]


@pytest.mark.slow
def test_the_demo_succeeds(call: Any) -> None:
    pytest.importorskip("sklearn", reason="needs the extra frameworks")
    answer = call("demo")
    assert "get runs --project demo" in answer.out
    assert call("get", "runs", "--project", "demo", "--state", "error", "--json").json == []
    call("show", "run", "train", "--project", "demo")
    call("show", "artifact", "breast-cancer", "--project", "demo")
    assert "failed" in call("demo", "--least-auc", "1", code=1).out
