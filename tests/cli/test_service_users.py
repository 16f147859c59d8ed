"""Users, tokens, members and the key by commands; login, whoami and logout against a service."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from typer.testing import CliRunner

from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.process import starting
from mlrun_like.cli.main import app
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.remote.credentials import credentials_file, token_for

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _closed(home: Path) -> Iterator[None]:
    config.dbpath = f"sqlite:///{home}/store.db"
    yield
    close_stores()


def _run(line: str, given: str = "", code: int = 0) -> str:
    done = CliRunner().invoke(app, line.split(), input=given)
    assert done.exit_code == code, f"{line}\n{done.output}{done.exception!r}"
    return done.output


def test_users_tokens_members_and_the_key() -> None:
    _run("service user add anna --admin --password-stdin", PASSWORD + "\n")
    _run("service user add ci --service")
    _run("service user add ben --email ben@example.com --no-password")
    rows = json.loads(_run("service user list --json"))
    assert [(row["name"], row["kind"], row["has_password"]) for row in rows] == [
        ("anna", "user", True),
        ("ben", "user", False),
        ("ci", "service", False),
    ]
    assert "there is a user" in _run("service user add anna --no-password", code=1)
    assert "at least" not in _run("service user add eve --password-stdin", "short\n", code=1)
    text = _run("service token create ci --scope read --scope project:fraud --days 30").strip()
    assert text.startswith("mlt_")
    (row,) = json.loads(_run("service token list ci --json"))
    assert row["scopes"] == ["project:fraud", "read"] and row["state"] == "valid"
    assert text.split("_", 2)[2] not in _run("service token list")
    _run(f"service token revoke {row['id']}")
    assert json.loads(_run("service token list --json"))[0]["state"] == "revoked"
    _run("service member add fraud ci --role admin")
    assert "ci" in _run("service member list fraud")
    assert "no admin" in _run("service member remove fraud ci", code=1)
    _run("service user disable ben")
    _run("service user disable ben --undo")
    assert "only administrator" in _run("service user delete anna --yes", code=1)
    _run("service user delete ben --yes")
    assert "no user 'ben'" in _run("service user password ben --password-stdin", "x\n", code=1)
    assert "sealed 0 secrets" in _run("service rotate-key")


def test_what_helps_who_mistypes() -> None:
    done = _run("service user add ben --no-password")
    assert "ben cannot log in yet" in done and "service user password ben" in done
    assert "cannot log in" not in _run("service user add ci --service")
    open_store().store_project({"metadata": {"name": "fraud"}, "spec": {}, "status": {}})
    assert "note" not in _run("service member add fraud ben")
    done = _run("service member add fruad ben")
    assert "no project 'fruad' yet. Did you mean 'fraud'?" in done
    config.dbpath = ""
    assert "write http://host:8080" in _run("login host:8080", code=1)
    assert "mlrun-like whoami http" in _run("whoami", code=1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    out = _run(f"login http://127.0.0.1:{port} --user ben --stdin", "x\n", code=1)
    assert "nothing listens there" in out and "urlopen" not in out


def test_a_running_service_that_asks_for_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "login_asked", lambda: False)
    assert "service restart" in _run("service user add ci --service")
    monkeypatch.setattr(starting, "login_asked", lambda: True)
    assert "service restart" not in _run("service user add cd --service")


def test_every_command_has_an_example() -> None:
    for words in ("user", "token", "member"):
        for name in ("add", "list", "disable", "admin", "password", "delete", "create", "revoke"):
            done = CliRunner().invoke(app, ["service", words, name, "--help"])
            if done.exit_code == 0:
                assert f"mlrun-like service {words} {name}" in done.output
    for name in ("login", "logout", "whoami"):
        assert f"mlrun-like {name}" in _run(f"{name} --help")


@pytest.mark.slow
def test_login_whoami_and_logout(home: Path) -> None:
    _run("service user add anna --password-stdin", PASSWORD + "\n")
    service = create_app(ServiceOptions(store=config.dbpath, auth="required"))
    server = uvicorn.Server(
        uvicorn.Config(service, host="127.0.0.1", port=0, log_level="error", proxy_headers=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        assert "wrong" in _run(f"login {url} --user anna --stdin", "not it at all\n", code=1)
        out = _run(f"login {url} --user anna --stdin", PASSWORD + "\n")
        assert "as anna" in out
        token = token_for(url)
        assert token.startswith("mlt_") and token not in out
        assert credentials_file().stat().st_mode & 0o777 == 0o600
        assert json.loads(_run(f"whoami {url} --json"))["user"] == "anna"
        config.dbpath = ""
        assert "anna" in _run("whoami")  # the only service that a token is kept for
        assert "logged out" in _run("logout")
        assert f"mlrun-like login {url}" in _run(f"whoami {url}", code=1)
        assert token_for(url) == ""
        assert "valid" in _run(f"login {url} --token --stdin", token + "\n", code=1)
    finally:
        server.should_exit = True
        thread.join(20)
