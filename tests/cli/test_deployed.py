"""`mlrun-like up | deploy | ps | invoke | logs | scale | rollback | promote | shift | delete`."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.deployed import row_of
from mlrun_like.cli.main import app
from mlrun_like.configuration import config
from mlrun_like.gateway.control import boot, starting
from mlrun_like.gateway.places import gateway_home
from tests.gateway.gateways import gateway_at, settle

HANDLER = """
import os

def handler(context, event):
    print("asked", event.path, flush=True)
    return {"path": event.path, "body": str(event.body), "who": os.environ.get("WHO", "")}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def _running(place: Path) -> Iterator[None]:
    before = dict(config._set)
    with gateway_at(place):
        config._set.clear()
        config._set.update(before)
        yield


@pytest.fixture
def url(home: Path, place: Path, _running: None) -> str:
    settle(place)
    return starting.up()[0]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "scorer.py"
    path.write_text(HANDLER)
    return str(path)


def say(*words: str, code: int = 0, given: str | None = None) -> Any:
    found = CliRunner().invoke(app, list(words), input=given)
    assert found.exit_code == code, (found.output, found.stderr)
    return found


@pytest.mark.slow
def test_a_day_with_a_function(url: str, file: str, tmp_path: Path) -> None:
    secrets = tmp_path / "s.env"
    secrets.write_text("WHO=ann\n")
    found = say("deploy", file, "-p", "shop", "--env-file", str(secrets), "--max", "3")
    assert found.stdout.strip() == f"{url}/shop/scorer"
    assert "version 1 is ready" in found.stderr
    found = say("invoke", "scorer", "-d", '{"a": 1}', "--path", "/x")
    assert json.loads(found.stdout) == {"path": "/x", "body": "{'a': 1}", "who": "ann"}
    assert "HTTP 200" in say("invoke", "shop/scorer", "-f", "-", "-i", given="hello").stdout
    table = say("ps").stdout
    assert "shop/scorer" in table and "ready" in table and "0-3" in table
    detail = say("ps", "scorer").stdout
    assert f"{url}/shop/scorer" in detail and "WHO" in detail and "ann" not in detail
    assert json.loads(say("ps", "scorer", "--json").stdout)["key"] == "shop/scorer"
    assert len(json.loads(say("ps", "--json").stdout)) == 1
    assert "asked /x" in say("logs", "scorer").stdout
    assert say("logs", "shop/scorer", "-n", "1").stdout.count("\n") == 1
    assert "asked" in json.loads(say("logs", "scorer", "--json").stdout)["log"]
    assert json.loads(say("scale", "scorer", "--min", "1", "--json").stdout)["replicas"] == {
        "min": 1, "max": 3,
    }  # fmt: skip
    say("ps", "--why", "scorer")
    assert isinstance(json.loads(say("ps", "--why", "scorer", "--json").stdout), list)
    say("delete", "scorer")
    assert "nothing is deployed" in say("ps").stdout


@pytest.mark.slow
def test_versions(url: str, file: str) -> None:
    say("deploy", file, "--name", "v")
    say("deploy", file, "--name", "v", "-e", "WHO=2", "--canary", "10")
    assert "1 90%, 2 10%" in say("ps").stdout
    found = say("promote", "v", "--json").stdout
    assert [row["version"] for row in json.loads(found)["traffic"]] == [2]
    assert "1" in say("rollback", "v").stdout
    found = say("shift", "v", "1=50", "2=50%", "--json").stdout
    assert len(json.loads(found)["traffic"]) == 2
    assert "is no share" in say("shift", "v", "1=x", code=1).stderr
    assert "fix: mlrun-like shift scorer 1=90 2=10" in say("shift", "v", "1", code=1).stderr
    assert "add up" in say("shift", "v", "1=10", code=1).stderr
    say("delete", "v")


@pytest.mark.slow
def test_a_graph_and_an_object(url: str, tmp_path: Path) -> None:
    graph = tmp_path / "g.yaml"
    lines = ["kind: flow", "steps:", "  twice:", "    kind: task", "    handler: (event * 2)"]
    graph.write_text("\n".join([*lines, "    responder: true", ""]))
    say("deploy", str(graph), "--name", "ranker")
    assert json.loads(say("invoke", "ranker", "-d", "4").stdout) == 8
    module = tmp_path / "mygraph.py"
    module.write_text(
        "import mlrun_like as ml\nfn = ml.new_function('double', kind='serving')\n"
        "fn.set_topology('flow', engine='sync').to(name='t', handler='(event * 3)').respond()\n"
    )
    say("deploy", f"{module}:fn")
    assert json.loads(say("invoke", "double", "-d", "4").stdout) == 12
    say("delete", "double")
    say("delete", "ranker")


@pytest.mark.slow
def test_an_application(url: str) -> None:
    folder = Path(tempfile.mkdtemp())  # where users without rights come to, too
    folder.chmod(0o755)
    page = folder / "index.html"
    page.write_text("<p>board</p>")
    command = "python -m http.server {port}"
    say("deploy", str(page), "--command", command, "--name", "board")
    assert "board" in say("invoke", "board", "--path", "/index.html").stdout
    say("delete", "board")
    shutil.rmtree(folder)


@pytest.mark.slow
def test_mistakes(url: str, file: str, tmp_path: Path) -> None:
    say("deploy", file)
    assert "Did you mean" in say("invoke", "scorre", code=1).stderr
    assert "nothing is to be changed" in say("scale", "scorer", code=1).stderr
    assert "Name: value" in say("invoke", "scorer", "-H", "x", code=1).stderr
    assert "exclude" in say("invoke", "scorer", "-d", "x", "-f", file, code=1).stderr
    assert "does not exist" in say("deploy", "nothing.py", code=1).stderr
    assert "idle_timeout" in say("deploy", file, "-o", "idel_timeout=3", code=1).stderr
    assert "needs a command" in say("deploy", file, "--kind", "application", code=1).stderr
    bad = tmp_path / "bad.py"
    bad.write_text("raise OSError('no disk')\ndef handler(context, event): pass\n")
    assert "no disk" in say("deploy", str(bad), code=1).stderr
    say("delete", "scorer")


@pytest.mark.slow
def test_up_and_down(url: str) -> None:
    assert say("up").stdout.strip() == f"already up: {url}"
    assert json.loads(say("up", "--json").stdout)["url"] == url
    assert "go" in say("up", "--foreground", "--json", code=1).stderr


def test_without_a_gateway() -> None:
    assert "mlrun-like up" in say("ps").stdout
    assert json.loads(say("ps", "--json").stdout) == []
    for command in (["invoke", "x"], ["scale", "x", "--min", "1"], ["delete", "x"]):
        assert "no gateway runs" in say(*command, code=1).stderr
    assert say("down").stdout == "no gateway runs\n"
    assert "there is no run" in say("logs", "nobody", code=1).stderr
    assert not gateway_home().exists()


def test_at_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "@reboot MLRUN_LIKE_HOME=" in boot.install()
    monkeypatch.setattr("shutil.which", lambda name: "/bin/systemctl")
    config.gateway_port = 9000
    config.gateway_admin_token = "s3cret"
    assert "enable-linger" in boot.install()
    unit = tmp_path / "systemd" / "user" / "mlrun-like-gateway.service"
    text = unit.read_text()
    assert "up --foreground" in text and 'MLRUN_LIKE_GATEWAY_PORT=9000"' in text
    assert "s3cret" not in text and unit.stat().st_mode & 0o077 == 0


def test_a_row_of_what_is_not_known() -> None:
    assert row_of({})[0] == ""
    pool = {"ready": 1, "starting": 1, "replicas": [{"memory": 5}]}
    status = {
        "key": "p/f", "state": "error", "reason": "ValueError: x\nmore", "errors": 5,
        "requests": 10, "replicas": {"min": 0, "max": 2}, "traffic": [],
        "versions": [{"live": True, "pool": pool}],
    }  # fmt: skip
    row = row_of(status)
    assert row[3] == "1+1 of 0-2" and row[8] == "5 (50.0%)" and row[-1] == "ValueError: x"
