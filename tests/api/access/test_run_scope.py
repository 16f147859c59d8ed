"""A job with the token of a run, against a real service with login: all that jobs do works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.api.access.tokens import make_token, run_scopes
from mlrun_like.api.secrets.vault import set_secrets
from mlrun_like.configuration import config
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.store import SqlStore
from tests.api.process.live import LiveService

pytestmark = pytest.mark.slow
JOB = """
import sys
import pandas as pd
import mlrun_like as ml
from mlrun_like.errors import AccessDeniedError, NotFoundError
from mlrun_like.projects.secrets import provider_of
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

@ml.function(returns=["loss"])
def train(context, rounds: int = 3):
    for step in range(rounds):
        context.log_metric("loss", 1.0 / (step + 1), step=step)
    table = pd.DataFrame({"a": [1, 2, 3]})
    for _ in range(2):  # the second replaces the first
        context.log_dataset("table", df=table, format="parquet")
    context.log_model("net", body=b"weights", model_file="net.bin")
    print("it works")
    return 0.25

run = train.run(project="fraud", artifact_path="service://fraud/out")
assert run.state() == "completed", run.status.error
assert ml.get_dataitem(run.outputs["table"]).as_df()["a"].sum() == 6
assert dict(provider_of("service").read("fraud")) == {"KEY": "value-of-it"}
store = open_store()
assert [one["metadata"]["project"] for one in store.list_runs(RunQuery(project="*"))] == ["fraud"]
for refused in (
    lambda: store.delete_runs(RunQuery(project="fraud")),
    lambda: store.delete_project("fraud"),
    lambda: store.list_runs(RunQuery(project="other")),
    lambda: ml.get_dataitem("service://other/secret.txt").get(),
    lambda: provider_of("service").write("fraud", {"KEY": "mine"}),
):
    try:
        refused()
    except (AccessDeniedError, NotFoundError) as exc:
        print("refused:", exc.what)
    else:
        sys.exit("nothing was refused")
"""


@pytest.fixture
def live(tmp_path: Path) -> LiveService:
    return LiveService(tmp_path / "home", service_auth="required", service_url="")


def test_a_job_records_all_it_does_and_no_more(live: LiveService, tmp_path: Path) -> None:
    config.home = str(live.home)
    live.home.mkdir(parents=True)
    store = open_store()
    assert isinstance(store, SqlStore)
    anna = add_user(store, "anna", is_admin=True)
    set_member(store, "fraud", "anna", "admin")
    for project in ("fraud", "other"):
        store.store_project({"metadata": {"name": project}, "spec": {}, "status": {}})
    set_secrets(store, "fraud", {"KEY": "value-of-it"})
    token = make_token(store, anna, "run", scopes=run_scopes("fraud")).text
    store.flush()
    try:
        live.start()
        (tmp_path / "job.py").write_text(JOB)
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("MLRUN_LIKE_")},
            "MLRUN_LIKE_DBPATH": live.url,
            "MLRUN_LIKE_ACCESS_KEY": token,
            "MLRUN_LIKE_DEFAULT_PROJECT": "fraud",
            "MLRUN_LIKE_HOME": str(tmp_path / "elsewhere"),
        }
        done = subprocess.run(
            [sys.executable, str(tmp_path / "job.py")],
            env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr + live.log()
        assert done.stdout.count("refused:") == 5
        keys = {one["metadata"]["key"] for one in store.list_artifacts(ArtifactQuery("fraud"))}
        assert {"table", "net"} <= keys
    finally:
        live.stop()
        close_stores()
