from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError, ConfigError
from mlrun_like.images.auth import Credentials, find_credentials


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without logins."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def login(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def pair(registry: str, repository: str = "") -> tuple[str, str] | None:
    found = find_credentials(registry, repository)
    return None if found is None else (found.user, found.password)


def test_nobody_has_a_login() -> None:
    assert find_credentials("reg:5000") is None


def test_files_of_docker_and_podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = tmp_path / ".docker" / "config.json"
    hub = "https://index.docker.io/v1/"
    write(docker, {"auths": {"reg:5000": login("ann:a:b"), hub: login("hub:x")}})
    assert pair("reg:5000") == ("ann", "a:b")
    assert pair("docker.io") == ("hub", "x")
    assert pair("reg:5001") is None
    podman = tmp_path / ".config" / "containers" / "auth.json"
    write(podman, {"auths": {"reg:5000": login("bob:b"), "reg:5000/team": login("team:t")}})
    assert pair("reg:5000") == ("bob", "b")
    assert pair("reg:5000", "team/app") == ("team", "t")
    assert pair("docker.io") == ("hub", "x")
    named = tmp_path / "named.json"
    write(named, {"auths": {"https://reg:5000": {"username": "eve", "password": "e"}}})
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(named))
    assert pair("reg:5000") == ("eve", "e")
    write(named, {"auths": {"reg:5000": {"identitytoken": "refresh"}, "x.y": {}}})
    found = find_credentials("reg:5000")
    assert found is not None and found.identity == "refresh" and "named.json" in found.origin
    assert pair("x.y") is None


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"auths": []}', '{"auths": {"r:1": 3}}'])
def test_files_that_are_broken(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text(text)
    assert find_credentials("r:1") is None


def test_a_login_that_is_no_base64(tmp_path: Path) -> None:
    write(tmp_path / ".docker" / "config.json", {"auths": {"r:1": {"auth": "!!"}}})
    with pytest.raises(BuildError, match="no base64"):
        find_credentials("r:1")


def test_the_setting() -> None:
    with config.override(registry_auth="r:1=ann:p=w:x other.host=bob:y", docker_registry="d:2/t"):
        assert pair("r:1") == ("ann", "p=w:x")
        assert pair("other.host") == ("bob", "y")
        assert pair("d:2") is None
    with config.override(registry_auth="ann:p=w", docker_registry="https://d:2/t"):
        assert pair("d:2") == ("ann", "p=w")
        assert pair("r:1") is None
    document = {"auths": {"r:1": login("eve:z")}}
    with config.override(registry_auth=json.dumps(document)):
        assert pair("r:1") == ("eve", "z")
    for bad in ("{", "nothing", "r:1=nothing"):
        with config.override(registry_auth=bad), pytest.raises(ConfigError) as caught:
            find_credentials("r:1")
        assert "nothing" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    shown = repr(Credentials("ann", "secret", "secret", "secret", "file"))
    assert "secret" not in shown and "ann" in shown
    with config.override(registry_auth="ann:secret"):
        assert "registry_auth" not in config.changed()


HELPER = """#!/bin/sh
read server
case "$1 $server" in
  "get reg:5000") echo '{"ServerURL": "reg:5000", "Username": "ann", "Secret": "s"}' ;;
  "get token:1") echo '{"Username": "<token>", "Secret": "refresh"}' ;;
  "get https://index.docker.io/v1/") echo '{"Username": "hub", "Secret": "h"}' ;;
  "get junk:1") echo 'what?' ;;
  "get broken:1") echo 'the keyring is locked' >&2; exit 1 ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
"""


def test_helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "docker-credential-test"
    program.parent.mkdir()
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    path = tmp_path / ".docker" / "config.json"
    names = ("reg:5000", "token:1", "junk:1", "broken:1", "none:1")
    helpers = dict.fromkeys(names, "test")
    write(path, {"credHelpers": {**helpers, "gone:1": "absent", "bad:1": "../x"}})
    assert pair("reg:5000") == ("ann", "s")
    found = find_credentials("token:1")
    assert found is not None and found.identity == "refresh"
    assert find_credentials("none:1") is None
    assert find_credentials("other:1") is None
    for name, words in (
        ("junk:1", "no JSON"),
        ("broken:1", "keyring is locked"),
        ("gone:1", "docker-credential-absent, which is not installed"),
        ("bad:1", "not the name of a credential helper"),
    ):
        with pytest.raises(BuildError, match=words):
            find_credentials(name)
    write(path, {"credsStore": "test", "auths": {"own:1": login("own:o")}})
    assert pair("docker.io") == ("hub", "h")
    assert pair("own:1") == ("own", "o")
