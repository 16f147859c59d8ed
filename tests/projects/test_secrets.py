"""Secrets of projects: kept privately, shown nowhere."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConfigError,
    ConflictError,
    EngineError,
    InvalidArgumentError,
    RunError,
    UnknownNameError,
)
from mlrun_like.functions.decorators import function
from mlrun_like.projects import MlrunProject
from mlrun_like.projects.secrets import FileSecrets, Secrets, masked, provider_of
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.secrets import StreamMask, mask

VALUE = "s3cr3t+value/1"


def test_the_file_is_private(project: MlrunProject, home: Path) -> None:
    project.set_secrets({"TOKEN": VALUE, "V3IO_KEY": "x", "MLRUN_DBPATH": "y"})
    path = home / "secrets" / "demo.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(path.read_text()) == {"TOKEN": VALUE}
    assert project.get_secret("TOKEN") == VALUE
    project.set_secrets({"OTHER": "abc", "TOKEN": None})
    assert dict(project.secrets()) == {"OTHER": "abc"}


def test_a_file_that_others_may_read_is_refused(project: MlrunProject, home: Path) -> None:
    project.set_secrets({"TOKEN": VALUE})
    (home / "secrets" / "demo.json").chmod(0o644)
    with pytest.raises(ConflictError, match="chmod 600"):
        project.secrets()


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 1}', '{"a": "top secret', "\x00"])
def test_a_damaged_file_is_named_but_not_shown(
    project: MlrunProject, home: Path, text: str
) -> None:
    project.set_secrets({"TOKEN": VALUE})
    (home / "secrets" / "demo.json").write_text(text)
    with pytest.raises(InvalidArgumentError, match="damaged") as caught:
        project.secrets()
    assert "top secret" not in str(caught.value)


def test_from_a_file(project: MlrunProject, tmp_path: Path) -> None:
    (tmp_path / "x.env").write_text("A=1\nB='two words'\n")
    project.set_secrets(file_path=tmp_path / "x.env")
    assert dict(project.secrets()) == {"A": "1", "B": "two words"}
    with pytest.raises(InvalidArgumentError, match="one of them"):
        project.set_secrets()
    with pytest.raises(InvalidArgumentError, match="one of them"):
        project.set_secrets({}, "x")


def test_values_are_shown_nowhere(project: MlrunProject) -> None:
    project.set_secrets({"TOKEN": VALUE})
    project.with_secrets("inline", {"KEY": "inline-secret"}, prefix="MY_")
    assert project.get_secret("MY_KEY") == "inline-secret"
    project.params["url"] = f"https://ann:{VALUE}@host"
    shown = project.to_yaml() + repr(project.secrets()) + repr(project) + str(project.to_dict())
    assert VALUE not in shown and "inline-secret" not in shown
    assert "https://ann:***@host" in shown
    project.save()
    assert VALUE not in Path(project.context, "project.yaml").read_text()


def test_logs_and_errors_of_runs_hide_them(
    project: MlrunProject, capfd: pytest.CaptureFixture[str]
) -> None:
    project.set_secrets({"TOKEN": VALUE})
    run = project.run_function("train", params={"depth": 3})
    assert "token is ***" in run.logs() and VALUE not in run.logs()
    assert "token is ***" in (shown := capfd.readouterr().out) and VALUE not in shown

    @function()
    def leak(context: MLClientCtx) -> None:
        raise ValueError(f"bad token {context.get_secret('TOKEN')}")

    with pytest.raises(RunError) as caught:
        project.run_function(leak)
    assert VALUE not in str(caught.value) and "***" in str(caught.value)
    failed = project.list_runs("leak")[0]
    assert VALUE not in json.dumps(failed.to_dict()) + failed.logs()


def test_a_process_gets_them_too(
    project: MlrunProject, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project.set_secrets({"TOKEN": VALUE})
    project.set_function("train.py", "train", kind="process", handler="train")
    run = project.run_function("train")
    assert run.state() == "completed"
    assert "token is ***" in run.logs() and VALUE not in run.logs()
    assert VALUE not in capfd.readouterr().out
    (folder / "bad.py").write_text(
        "import os, sys\ndef bad(context):\n"
        "    sys.stderr.write('last ' + context.get_secret('TOKEN'))\n"
        "    sys.stderr.flush()\n    os._exit(3)\n"
    )
    project.set_function("bad.py", "bad", kind="process", handler="bad")
    with pytest.raises(RunError) as caught:
        project.run_function("bad")
    failed = project.list_runs("bad")[0]
    told = str(caught.value) + json.dumps(failed.to_dict()) + "".join(capfd.readouterr())
    assert "last ***" in failed.status.status_text and VALUE not in told


WRITERS = """
import os, sys
from mlrun_like.configuration import config
from mlrun_like.projects.secrets import FileSecrets
config.home = sys.argv[1]
children = []
for number in range(3):
    child = os.fork()
    if not child:
        for step in range(5):
            FileSecrets().write("demo", {f"K{number}_{step}": "v"})
        os._exit(0)
    children.append(child)
sys.exit(sum(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.slow
def test_writers_do_not_lose_each_others_values(home: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITERS, str(home)], check=True, timeout=60)
    assert len(FileSecrets().read("demo")) == 15


def test_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLRUN_LIKE_SECRET__A", "1")
    monkeypatch.setenv("MLRUN_K8S_SECRET__B", "2")
    provider = provider_of("env")
    assert dict(provider.read("any")) == {"A": "1", "B": "2"}
    with pytest.raises(ConflictError, match="cannot be changed"):
        provider.write("any", {"A": "2"})
    with pytest.raises(UnknownNameError, match="env, file, service, vault"):
        provider_of("azure")


class _Vault(http.server.BaseHTTPRequestHandler):
    """What a Vault's key-value engine answers."""

    kept: dict[str, Any] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        self._answer(self.kept.get(self.path))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["X-Vault-Token"] == "good-token":
            self.kept[self.path] = {"data": {"data": body["data"]}}
        self._answer({})

    def _answer(self, found: Any) -> None:
        good = self.headers["X-Vault-Token"] == "good-token"
        self.send_response(403 if not good else 404 if found is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(found or {}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def vault() -> Iterator[str]:
    """The address of a Vault."""
    _Vault.kept = {}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Vault) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_vault(
    project: MlrunProject, vault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with config.override(secret_provider="vault"):
        with pytest.raises(ConfigError, match="VAULT_ADDR"):
            project.secrets()
        monkeypatch.setenv("VAULT_ADDR", vault)
        monkeypatch.setenv("VAULT_TOKEN", "wrong-token")
        with pytest.raises(EngineError, match="403") as caught:
            project.secrets()
        assert "wrong-token" not in str(caught.value)
        monkeypatch.delenv("VAULT_TOKEN")
        (tmp_path / "token").write_text("good-token\n")
        monkeypatch.setenv("VAULT_TOKEN_FILE", str(tmp_path / "token"))
        assert dict(project.secrets()) == {}
        project.set_secrets({"TOKEN": VALUE, "B": "2"})
        project.set_secrets({"B": None})
        assert project.get_secret("TOKEN") == VALUE and list(project.secrets()) == ["TOKEN"]
        assert list(_Vault.kept) == ["/v1/secret/data/mlrun/projects/demo"]
        # a document is written although the vault is away
        monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
        project.save()


def test_pieces_of_output() -> None:
    """Wherever a program's output is cut, no part of a secret is shown."""
    secrets = Secrets({"A": VALUE, "B": "s3cr3t", "C": "ab"})
    text = f"x {VALUE} s3cr3 s3cr3t y s3cr".encode()
    for first in range(len(text)):
        for second in range(first, len(text), 5):
            hide = StreamMask(secrets)
            shown = hide.feed(text[:first]) + hide.feed(text[first:second])
            shown += hide.feed(text[second:]) + hide.end()
            assert shown == b"x *** s3cr3 *** y s3cr"


def test_masking() -> None:
    secrets = Secrets({"A": "longer-secret", "B": "longer", "C": "ab", "D": ""})
    assert mask("longer-secret longer ab", secrets) == "*** *** ab"
    assert masked({"x": ["ab", 3, None]}, secrets) == {"x": ["***", 3, None]}
    assert masked({"x": "ab"}, {}) == {"x": "ab"}
