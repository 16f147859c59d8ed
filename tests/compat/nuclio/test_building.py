"""Files, notebooks and configurations that are built, packed and deployed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.compat.adapted.nuclio import (
    archives,
    building,
    config,
    dashboards,
    deploying,
    documents,
    lines,
    triggers,
)
from mlrun_like.configuration import config as settings
from mlrun_like.configuration import exchange_environment
from mlrun_like.errors import BuildError, InvalidArgumentError, MissingFileError, MLRunLikeError
from tests.runtimes.nuclio.dashboards import FakeDashboard

CODE = "def handler(context, event):\n    return 'hi'\n"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    before = exchange_environment({"NUCLIO_DASHBOARD_URL": None, "V3IO_ACCESS_KEY": None})
    yield
    exchange_environment(before)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "answer_it.py"
    path.write_text(CODE)
    return str(path)


@pytest.fixture
def dashboard() -> Iterator[FakeDashboard]:
    with FakeDashboard() as server, settings.override(nuclio_poll_interval=0.01):
        yield server


def test_a_file(file: str) -> None:
    spec = config.ConfigSpec(env={"A": 1}, cmd=["ls ${A_NOT_SET}", "# no"])
    spec.with_http(workers=2, port=30000).add_volume("/data", "my-claim", "pvc")
    name, found, code = building.build_file(file, spec=spec, tag="v7")
    assert (name, code, documents.source_of(found)) == ("answer-it", CODE, CODE)
    assert found["metadata"]["labels"] == {"nuclio.io/tag": "v7"}
    assert found["spec"]["handler"] == "answer-it-nuclio:handler"
    assert found["spec"]["env"] == [{"name": "A", "value": "1"}]
    assert found["spec"]["build"]["commands"] == ["ls ${A_NOT_SET}"]
    assert found["spec"]["triggers"]["http"]["attributes"]["port"] == 30000
    assert found["spec"]["volumes"][0]["volumeMount"] == {"name": "fs", "mountPath": "/data"}


@pytest.mark.parametrize(
    ("ext", "runtime"), [(".go", "golang"), (".sh", "shell"), (".js", "nodejs")]
)
def test_other_languages(tmp_path: Path, ext: str, runtime: str) -> None:
    path = tmp_path / f"main{ext}"
    path.write_text("code")
    _, found, code = building.build_file(str(path), handler="Main", output_dir=str(tmp_path))
    assert (found["spec"]["runtime"], code) == (runtime, "code")
    stored = tmp_path / "function.yaml"
    assert "name" not in yaml.safe_load(stored.read_text())["metadata"]
    name, again, code = building.build_file(str(stored), name="other")
    assert (name, code, again["spec"]["runtime"]) == ("other", "code", runtime)


def test_an_archive(file: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(BuildError, match="project"):
        building.build_file(file, archive=True, output_dir=str(tmp_path))
    with pytest.raises(MissingFileError):
        building.build_file(file, project="p", files=["no"], output_dir=str(tmp_path))
    assert not list(tmp_path.rglob("*.zip"))
    building.build_file(file, "f", archive=True, project="p", tag="v1", output_dir=str(tmp_path))
    made = tmp_path / "p" / "f_v1.zip"
    assert zipfile.ZipFile(made).namelist() == ["answer_it.py", "function.yaml"]
    assert archives.get_from_zip(str(made), ["answer_it.py"]) == {"answer_it.py": CODE}
    with pytest.raises(MissingFileError):
        archives.load_zip_config(str(made))
    with pytest.raises(InvalidArgumentError):
        archives.get_from_zip(file, ["a"])


def test_a_notebook(tmp_path: Path) -> None:
    book = tmp_path / "a.ipynb"
    cells = ["%nuclio handler answer\n1", "# nuclio: ignore\n2"]
    rows = [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]
    book.write_text(json.dumps({"cells": rows, "nbformat": 4, "metadata": {}}))
    _, found, code = building.build_file(str(book), output_dir=str(tmp_path / "out"))
    assert found["spec"]["handler"] == "a:answer"
    assert (tmp_path / "out" / "a.py").read_text() == code
    made, code = building.build_notebook(str(book), no_embed=True)
    assert "functionSourceCode" not in made["spec"]["build"] and "return 1" in code


def test_what_cannot_be_built(tmp_path: Path) -> None:
    for name in ("a.txt", "a"):
        with pytest.raises(BuildError):
            building.build_file(str(tmp_path / name))
    with pytest.raises(MissingFileError):
        building.build_file(str(tmp_path / "none.py"))
    with pytest.raises(InvalidArgumentError):
        documents.code2config("x", ".rb")


def test_code_of_a_kind() -> None:
    found, code = documents.code2config("class M: ...", kind="serving_v2")
    assert "nuclio_init_hook(context, globals(), 'serving_v2')" in code
    assert documents.source_of(found) == code
    compile(code, "<code>", "exec")


def test_places() -> None:
    kinds = {"a/b.py": "file", "s3://b/k": "s3", "https://h/a": "http", "v3io:///x/y": "v3io"}
    assert {url: archives.url2repo(url).kind for url in kinds} == kinds
    with pytest.raises(InvalidArgumentError, match="scheme"):
        archives.url2repo("gopher://a")
    with pytest.raises(InvalidArgumentError, match="remote"):
        archives.is_archive("a.zip")
    assert archives.is_archive("git://github.com/a/b#main") and not archives.is_archive("a.py")
    with pytest.raises(InvalidArgumentError):
        archives.url2repo("git://github.com/a/b").get()
    build = archives.get_archive_config("f", "git://github.com/a/b#main:fns")["spec"]["build"]
    assert build["codeEntryAttributes"] == {"workDir": "fns", "branch": "main"}


def test_mappings() -> None:
    found: dict[str, Any] = {}
    documents.update_in(found, r"metadata.labels.\a.b/c\.d", 1)
    documents.update_in(found, "x", 1, append=True)
    documents.update_in(found, "x", [2, 3], append=True)
    assert found == {"metadata": {"labels": {"a.b/c": {"d": 1}}}, "x": [1, 2, 3]}
    assert documents.get_in(found, "metadata.no.d") is None
    for key in ("x.y", ""):
        with pytest.raises(InvalidArgumentError):
            documents.update_in(found, key, 1)
    documents.fill_config(
        found, {"x": 4}, {"A": 1}, ["ls"], None, {"A": {"secretKeyRef": {"name": "s", "key": "k"}}}
    )
    assert found["x"] == [1, 2, 3, 4] and found["spec"]["build"]["commands"] == ["ls"]
    assert [set(row) for row in found["spec"]["env"]] == [{"name", "valueFrom"}]
    with pytest.raises(ValueError, match="does not set"):
        documents.set_env(found, ["no"])


def test_lines() -> None:
    assert lines.parse_config_line('spec.a += "b"') == ("spec.a", "+=", "b")
    assert lines.list2dict(["A=1", "B = x=y"]) == {"A": "1", "B": "x=y"}
    assert lines.str2nametag("p/f:v1") == ("p", "f", "v1") and lines.str2nametag("p/f")[2] == ""
    for wrong in ("f", "a/b/c"):
        with pytest.raises(InvalidArgumentError):
            lines.str2nametag(wrong)
    with pytest.raises(ValueError, match="="):
        lines.list2dict(["A"])


def test_triggers() -> None:
    stream = triggers.V3IOStreamTrigger(access_key="k", seekTo="earliest", maxWorkers=3)
    assert (stream.get_url, stream.get_workers) == (triggers.Constants.default_webapi_address, 3)
    assert stream.to_dict()["attributes"]["seekTo"] == "earliest"
    with settings.override(v3io_root=""), pytest.raises(ValueError, match="access_key"):
        triggers.V3IOStreamTrigger(url="v3io://a")
    with settings.override(v3io_root="/tmp"):
        triggers.V3IOStreamTrigger(url="v3io://a")


def test_deploying_to_a_dashboard(dashboard: FakeDashboard, file: str) -> None:
    _, found, _ = building.build_file(file, name="f")
    address = dashboards.deploy_config(found, dashboard.url, project="shop")
    assert f"http://{address}" == dashboard.url and "shop" in dashboard.projects
    api = dashboards.find_dashboard_url(dashboard.url)
    assert set(dashboards.list_functions(dashboard.url)) == {"f"}
    state, _, last, told, status = dashboards.get_deploy_status(
        api, "f", last_time=0, return_function_status=True
    )
    assert (state, len(told)) == ("ready", len(dashboard.log)) and status["state"] == "ready"
    assert dashboards.process_resp({"status": status}, last) == ("ready", last, [])
    internal, external = dashboards.deploy_config(
        found, dashboard.url, project="shop", return_address_mode="all"
    )
    assert internal and external
    assert deploying.deploy_file(file, dashboard.url, "g", "shop", kind="mlrun") == address
    assert dashboards.find_or_create_project(api, " new ") == "new" in dashboard.projects


def test_what_cannot_be_deployed(dashboard: FakeDashboard, file: str) -> None:
    _, found, _ = building.build_file(file, name="f")
    with pytest.raises(dashboards.DeployError, match="project"):
        dashboards.deploy_config(found, dashboard.url)
    with pytest.raises(dashboards.DeployError, match="return_address_mode"):
        dashboards.deploy_config(found, dashboard.url, project="p", return_address_mode="x")
    with pytest.raises(dashboards.DeployError, match="remote"):
        deploying.deploy_file(file, dashboard.url, "g", "p", archive=True, output_dir="/tmp/x")
    with pytest.raises(dashboards.DeployError, match="none"):
        dashboards.get_function_status(dashboard.url, "none")
    dashboard.states, dashboard.message = ["building", "error"], "no such image"
    with pytest.raises(dashboards.DeployError, match="no such image"):
        dashboards.deploy_config(found, dashboard.url, project="p")
    failed = {"status": {"state": "error", "message": "bad"}}
    assert dashboards.process_resp(failed, 0)[2] == ["Failed to deploy. Details:\nbad"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: archives.url2repo("ftp://a/b"),
        lambda: archives.is_archive("here.zip"),
        lambda: archives.build_zip("a.zip", {}, "", ["/no/such.file"]),
        lambda: building.build_file("a.exe"),
        lambda: building.archive_path("/tmp", "", "f"),
        lambda: building.archive_path("", "p", "f"),
        lambda: dashboards.deploy_config({}, return_address_mode="none"),
        lambda: dashboards.deploy_config({}),
        lambda: triggers.V3IOStreamTrigger(name="t", container="c", path="p"),
    ],
)
def test_errors_name_the_mend(call: Callable[[], Any]) -> None:
    with pytest.raises(MLRunLikeError) as caught:
        call()
    assert caught.value.fix
