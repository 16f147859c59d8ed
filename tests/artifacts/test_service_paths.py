"""Where artifacts go if a service keeps the records, and nobody has said where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.paths import service_artifact_path
from mlrun_like.configuration import config
from mlrun_like.errors import StoreUnavailableError
from mlrun_like.projects.current import set_current_project
from mlrun_like.tracking.connect import close_stores
from tests.services import RPC, Services, Started, services

_PARTS = (*RPC, "mlrun_like.api.routes.files")


@ml.function(returns=["report:dataset"])
def _report(context: ml.RunContext, depth: int = 3) -> pd.DataFrame:
    context.log_artifact("note", body=b"seen")
    context.log_artifact("below", body=b"seen", artifact_path="+/more")
    context.log_model("model", body=b"weights", model_file="m.bin")
    return pd.DataFrame({"depth": [depth]})


def _url(run: Any, key: str) -> str:
    return str(run.artifact(key).url)


@pytest.fixture(scope="module")
def socket() -> Iterator[Services]:
    with services() as found:
        yield found


def test_the_service_keeps_what_clients_log(home: Path, socket: Services) -> None:
    config.dbpath = socket.new(f"sqlite:///{home}/store.db", _PARTS)
    try:
        assert service_artifact_path() == "service://{{project}}/{{run.uid}}"
        run = _report.run(params={"depth": 5})
        uid = run.metadata.uid
        place = f"service://default/{uid}"
        assert _url(run, "report") == f"{place}/report.parquet"
        assert _url(run, "note") == f"{place}/note"
        assert _url(run, "below") == f"{place}/more/report/0/below"
        assert get_dataitem(_url(run, "report")).as_df()["depth"].tolist() == [5]
        swept = _report.run(hyperparams={"depth": [1, 2]})
        assert swept.state() == "completed"
        # the service's own folder is where a run on its machine would have put them, too
        assert (home / "artifacts/default" / uid / "note").read_bytes() == b"seen"
        project = ml.get_or_create_project("p", str(home / "p"))
        model = project.log_model("m", body=b"abc", model_file="m.pkl")
        assert model.target_path == "service://p/project/m/"
        with config.override(artifact_path=str(home / "own/{{run.uid}}")):
            run = _report.run()
            own = f"{home}/own/{run.metadata.uid}"
            assert _url(run, "note").startswith(own)
        with config.override(service_artifact_proxy=False):
            assert ml.get_run_db().client.spec(fresh=True)["artifact_path"] == ""  # type: ignore[attr-defined]
            run = _report.run()
            assert _url(run, "note").startswith(str(home / "artifacts"))
    finally:
        set_current_project(None)
        close_stores()


def test_a_service_that_is_away_stops_no_run(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Started(tmp_path / "service", f"sqlite:///{tmp_path}/service/store.db", _PARTS)
    config.dbpath, config.remote_deadline = service.url, 0.2
    try:
        service.start()
        run = _report.run()
        assert _url(run, "note").startswith("service://")
        assert get_dataitem(_url(run, "note")).get() == b"seen"
        service.kill()
        caplog.clear()
        run = _report.run(params={"depth": 7})  # it says in its first record that nobody is there
        assert run.state() == "completed"
        uid = run.metadata.uid
        place = home / "artifacts/default" / uid
        assert (place / "note").read_bytes() == b"seen"
        project = ml.get_or_create_project  # asks the service, so it cannot be used now
        with pytest.raises(StoreUnavailableError):
            project("p", str(home / "p"))
        service.start()
        run = _report.run()
        assert _url(run, "note").startswith("service://")
        found = ml.get_run_db().read_run("default", uid)  # delivered meanwhile
        assert found["status"]["state"] == "completed"
        assert get_dataitem(str(place / "note")).get() == b"seen"
    finally:
        set_current_project(None)
        close_stores()
        service.kill()


def test_it_goes_away_while_a_file_is_sent(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Started(tmp_path / "service", f"sqlite:///{tmp_path}/service/store.db", _PARTS)
    config.dbpath, config.remote_deadline = service.url, 0.2

    @ml.function()
    def late(context: ml.RunContext) -> None:
        service.kill()
        context.log_artifact("a", body=b"first", artifact_path="+/sub")
        with pytest.raises(StoreUnavailableError):  # who names a place gets this place
            context.log_artifact("b", body=b"second", target_path="service://default/own/b")

    try:
        service.start()
        run = late.run()
        kept = home / "artifacts/default" / run.metadata.uid / "sub/late/0/a"
        assert kept.read_bytes() == b"first"
        assert f"stays on this machine, at {kept}" in caplog.text
    finally:
        close_stores()
        service.kill()
