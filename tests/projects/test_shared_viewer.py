"""A project of a service, for those who may only read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import mlrun_like as ml
from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.api.access.tokens import make_token
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, ConflictError, UnauthorizedError
from mlrun_like.projects.current import set_current_project
from mlrun_like.tracking.connect import close_stores
from mlrun_like.tracking.store import SqlStore
from tests.services import Services, services


@pytest.fixture
def tokens(home: Path) -> Iterator[dict[str, str]]:
    """Tokens of a developer and a viewer of `team`, and of a stranger; the service is `dbpath`."""
    url = f"sqlite:///{home}/service.db"
    store = SqlStore(url)
    store.connect()
    found: dict[str, str] = {}
    for name, role in (("dora", "developer"), ("vera", "viewer"), ("sam", "")):
        user = add_user(store, name)
        if role:
            set_member(store, "team", name, role)
        found[name] = make_token(store, user, "test").text
    store.close()
    with services() as running:
        assert isinstance(running, Services)
        config.dbpath = running.new(url)
        try:
            yield found
        finally:
            set_current_project(None)
            close_stores()


def test_a_viewer_reads_through_the_project(tokens: dict[str, str], tmp_path: Path) -> None:
    @ml.function(project="team")
    def train(context: ml.RunContext) -> None:
        context.log_result("x", 1)

    config.access_key = tokens["dora"]
    ml.get_or_create_project("team", str(tmp_path / "dora"))
    train.run()
    config.access_key = tokens["vera"]
    project = ml.get_or_create_project("team", str(tmp_path / "vera"))
    assert [run.metadata.name for run in project.list_runs()] == ["train"]
    with pytest.raises(AccessDeniedError, match="vera may not update a project"):
        project.save_to_db()
    config.access_key = tokens["sam"]
    with pytest.raises(ConflictError, match="not yours"):
        ml.get_or_create_project("team", str(tmp_path / "sam"))


def test_messages_say_what_to_do(tokens: dict[str, str]) -> None:
    config.access_key = "mlt_0_nothing"
    store = ml.get_run_db()
    with pytest.raises(UnauthorizedError, match=f"fix: mlrun-like login {config.dbpath}, or set"):
        store.list_projects()
    with pytest.raises(TypeError, match=r"list_artifacts\(\) .*takes one ArtifactQuery"):
        store.list_artifacts(project="team")  # type: ignore[call-arg]  # as MLRun's users write it
