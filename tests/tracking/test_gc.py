"""What is removed, and above all what is not."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.tracking.abilities import CachedStep, StepRow
from mlrun_like.tracking.base import ArtifactQuery, MetricPoint, RunQuery
from mlrun_like.tracking.connect import open_database
from mlrun_like.tracking.gc import collect
from mlrun_like.tracking.store import SqlStore

MakeRun = Callable[..., dict[str, Any]]


@pytest.fixture
def store(sql_store: SqlStore) -> SqlStore:
    """Databases only: these tests look inside."""
    return sql_store


def old_file(*parts: str, folder: str = "artifacts") -> Path:
    """A file that was written long ago."""
    path = config.path(folder, *parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"12345")
    os.utime(path, (1e9, 1e9))
    return path


def art(path: object, key: str = "a", tree: str = "t", **spec: Any) -> dict[str, Any]:
    """An artifact document that names a path."""
    return {
        "metadata": {"key": key, "project": "p", "tree": tree},
        "spec": {"target_path": str(path), **spec},
    }


def test_only_unnamed_old_files_go(store: SqlStore, make_run: MakeRun) -> None:
    named, orphan = old_file("p", "u1", "named.csv"), old_file("p", "u1", "orphan.csv")
    url, inside = old_file("p", "u1", "url ü.csv"), old_file("p", "model", "deep", "w.bin")
    extra, code = old_file("p", "model2", "plot.html"), old_file("x.py", folder="code")
    live = old_file("p", "busy", "0", "unlogged.bin")
    outside = config.path("other")
    outside.mkdir(parents=True)
    (outside / "mine.txt").write_text("x")
    os.utime(outside / "mine.txt", (1e9, 1e9))
    young = old_file("p", "young.csv")
    os.utime(young)
    store.store_artifact(art(named))
    store.store_artifact(art(url.as_uri(), "b"))
    store.store_artifact(art(f"{inside.parents[1]}/", "m", model_file="w.bin"))
    store.store_artifact(art("s3://bucket/x", "e", extra_data={"plot": str(extra)}))
    store.store_function(
        {"metadata": {"name": "f", "project": "p"}, "spec": {"build": {"code_origin": str(code)}}}
    )
    store.store_run(make_run("busy", "running"))
    planned = collect(store, dry_run=True)
    assert orphan.exists() and planned.dry_run
    assert (planned.files, planned.size) == ([str(orphan)], 5)
    done = collect(store)
    assert done.files == planned.files and not orphan.exists()
    for path in (named, url, inside, extra, code, live, young, outside / "mine.txt"):
        assert path.exists(), path
    assert collect(store).files == []


def test_deleted_records_go_after_their_time(store: SqlStore, make_run: MakeRun) -> None:
    path = old_file("p", "u1", "x.csv")
    store.store_run(make_run("u1", "completed"))
    store.log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, 0, 0.0)])
    store.append_log("p", "u1", b"text")
    store.record_use("p", "u1", "store://artifacts/p/a", "write")
    store.store_artifact(art(path), tag="v1")
    store.delete_runs(RunQuery(uid="u1"))
    store.delete_artifacts(ArtifactQuery(key="a"))
    early = collect(store)
    assert (early.runs, early.artifacts, early.files) == (0, 0, []) and path.exists()
    planned = collect(store, keep_days=0, dry_run=True)
    assert (planned.runs, planned.artifacts, planned.files) == (1, 1, [str(path)])
    assert store.log_size("p", "u1") == 4
    done = collect(store, keep_days=0)
    assert (done.runs, done.artifacts, done.files) == (1, 1, [str(path)])
    assert store.log_size("p", "u1") == 0 and store.read_metrics("p", "u1") == {}
    assert store.lineage("p") == [] and store.list_runs(RunQuery(deleted=True)) == []
    with pytest.raises(NotFoundError):
        store.read_artifact("p", "a", tag="v1")


def test_files_wait_for_the_spool(sqlite_store: SqlStore) -> None:
    """A record that was not delivered yet may name them."""
    orphan = old_file("p", "x.csv")
    spool = sqlite_store.writer.spool
    path = spool.append([("edge", {})])
    os.rename(path, path.with_name(f"other!1!1.00!{time.time_ns()}.jsonl"))
    report = collect(sqlite_store)
    assert report.files == [] and orphan.exists() and "wait in" in report.notes[0]


def test_wrong_arguments(sqlite_store: SqlStore) -> None:
    with pytest.raises(InvalidArgumentError, match="negative"):
        collect(sqlite_store, keep_days=-1)
    with pytest.raises(InvalidArgumentError, match="negative"):
        collect(sqlite_store, grace=-1.0)


def test_a_hostile_record_cannot_reach_outside(sqlite_store: SqlStore, tmp_path: Path) -> None:
    """Links out of the folder are removed as links, their targets stay; `..` protects nothing."""
    target = tmp_path / "precious"
    target.write_text("x")
    os.utime(target, (1e9, 1e9))
    link = config.path("artifacts", "link")
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    os.utime(link, (1e9, 1e9), follow_symlinks=False)
    sqlite_store.store_artifact(art("\x00"))
    sqlite_store.store_artifact(art("file://%00", "b"))
    sqlite_store.store_artifact(art("http://[broken", "c"))
    collect(sqlite_store)
    assert target.exists()


KILLED = """
import os, signal, sys, threading
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import open_database
from mlrun_like.tracking.gc import collect
config.home = sys.argv[1]
store = open_database()
print("go", flush=True)
threading.Timer(float(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
while True:
    collect(store, keep_days=0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_random_histories(home: Path, seed: int) -> None:
    """Create, tag, delete, collect and kill in any order: no named file is ever missing."""
    chance = random.Random(seed)
    store = open_database()
    made = 0
    for _ in range(120):
        action = chance.choice(
            [
                "make",
                "make",
                "make",
                "orphan",
                "again",
                "delete",
                "tag",
                "collect",
                "dry",
                "kill" if chance.random() < 0.15 else "make",
            ]
        )
        listed = store.list_artifacts(ArtifactQuery())
        some = chance.choice(listed) if listed else None
        if action == "make":
            made += 1
            path = old_file("p", f"t{made}", f"{made}.bin")
            store.store_artifact(
                art(path, f"k{made % 7}", f"t{made}"), tag=chance.choice(["", "v1", "v2"])
            )
        elif action == "orphan":
            old_file("p", "none", f"{chance.random()}.bin")
        elif action == "again" and some is not None:
            # a second name for the same bytes
            store.store_artifact(art(some["spec"]["target_path"], "copy", f"c{chance.random()}"))
        elif action == "delete" and some is not None:
            store.delete_artifacts(
                ArtifactQuery(tree=some["metadata"]["tree"]), hard=chance.random() < 0.3
            )
        elif action == "tag" and some is not None:
            data = some["metadata"]
            store.tag_artifact("p", data["key"], data["uid"], "best")
        elif action == "dry":
            planned = collect(store, keep_days=0, dry_run=True)
            assert collect(store, keep_days=0).files == planned.files
        elif action == "collect":
            collect(store, keep_days=chance.choice([0.0, 1.0]))
        elif action == "kill":
            process = subprocess.Popen(
                [sys.executable, "-c", KILLED, str(home), str(chance.uniform(0.0, 0.03))],
                stdout=subprocess.PIPE,
            )
            process.communicate(timeout=30)
            assert process.returncode == -9
        for artifact in store.list_artifacts(ArtifactQuery()):
            assert os.path.exists(artifact["spec"]["target_path"])
    collect(store, keep_days=0)
    named = {a["spec"]["target_path"] for a in store.list_artifacts(ArtifactQuery())}
    left = {str(p) for p in config.path("artifacts").rglob("*") if p.is_file()}
    assert left == named, "exactly the named files are left"


def test_steps_go_with_their_pipeline(store: SqlStore, make_run: MakeRun) -> None:
    for uid in ("flow1", "flow2", "step1"):
        store.store_run(make_run(uid, "completed"))
    for workflow in ("flow1", "flow2"):
        store.store_step("p", workflow, StepRow("train", "completed", "step1"))
    store.store_cached("p", "train", "k1", CachedStep("flow1", "train", "other", 1.0, {}))
    store.store_cached("p", "train", "k2", CachedStep("flow2", "train", "step1", 2.0, {}))
    store.store_cached("p", "train", "k3", CachedStep("flow2", "train", "other", 3.0, {}))
    store.delete_runs(RunQuery(project="p", uid="flow1"))
    collect(store, keep_days=0)
    assert store.list_steps("p", "flow1") == [] and len(store.list_steps("p", "flow2")) == 1
    assert [store.find_cached("p", key) is not None for key in ("k1", "k2", "k3")] == [
        False,
        True,
        True,
    ]
    # a step whose own run is gone cannot stand in for another one
    store.delete_runs(RunQuery(project="p", uid="step1"))
    collect(store, keep_days=0)
    assert store.find_cached("p", "k2") is None and store.find_cached("p", "k3") is not None
