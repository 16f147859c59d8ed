"""Secrets of projects: sealed in the database, named in lists, given to jobs only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from mlrun_like.api.secrets.keys import Keyring, key_file, keyring
from mlrun_like.api.secrets.provider import ServiceSecrets
from mlrun_like.api.secrets.rotation import reseal, rotate
from mlrun_like.api.secrets.vault import names_data, secrets_of, set_secrets
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, ConflictError, InvalidArgumentError
from mlrun_like.projects.secrets import provider_of
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.people import person

CANARY = "canary-7f3a-value"
_AsUser = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def _closed(home: Path) -> Iterator[None]:
    yield
    close_stores()


@pytest.fixture
def vault(home: Path) -> SqlStore:
    store = open_store(f"sqlite:///{home}/store.db")
    assert isinstance(store, SqlStore)
    return store


def test_what_is_set_is_read_and_is_nowhere_in_clear(vault: SqlStore, home: Path) -> None:
    set_secrets(vault, "fraud", {"TOKEN": CANARY, "EMPTY": "", "UTF": "é" * 10}, "anna")
    assert dict(secrets_of(vault, "fraud")) == {"TOKEN": CANARY, "EMPTY": "", "UTF": "é" * 10}
    assert dict(secrets_of(vault, "other")) == {}
    vault.flush()
    for path in home.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
    assert key_file().stat().st_mode & 0o777 == 0o600
    assert [row["name"] for row in names_data(vault, "fraud")] == ["EMPTY", "TOKEN", "UTF"]
    set_secrets(vault, "fraud", {"TOKEN": None, "EMPTY": "x"})
    assert dict(secrets_of(vault, "fraud")) == {"EMPTY": "x", "UTF": "é" * 10}
    assert CANARY not in repr(secrets_of(vault, "fraud"))


@pytest.mark.parametrize(
    "values",
    [
        {"": "x"},
        {"a b": "x"},
        {"../a": "x"},
        {"mlrun.internal": "x"},
        {"A\n": "x"},
        {"x" * 300: "x"},
        {"A": 7},
        {"A": "\ud800"},
        {"A": "x" * (2 << 20)},
        {f"A{n}": "x" for n in range(1001)},
    ],
)
def test_what_cannot_be_is_refused_without_its_value(
    vault: SqlStore, values: dict[str, str | None]
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        set_secrets(vault, "fraud", {"GOOD": CANARY, **values})
    assert CANARY not in str(caught.value)
    assert names_data(vault, "fraud") == []


def test_a_row_that_was_moved_is_noticed(vault: SqlStore) -> None:
    set_secrets(vault, "fraud", {"A": CANARY})
    (row,) = vault.list_secrets("fraud")
    vault.put_secrets("mine", [row._replace(project="mine")], [])
    with pytest.raises(ConflictError, match="another place") as caught:
        secrets_of(vault, "mine")
    assert CANARY not in str(caught.value)
    vault.put_secrets("fraud", [row._replace(value="gAAAA" + row.value[5:-4] + "AAAA")], [])
    with pytest.raises(ConflictError, match="no key opens"):
        secrets_of(vault, "fraud")


def test_keys_that_others_may_read_or_that_are_none_are_refused(vault: SqlStore) -> None:
    set_secrets(vault, "fraud", {"A": CANARY})
    key_file().chmod(0o644)
    with pytest.raises(ConflictError, match="other users"):
        secrets_of(vault, "fraud")
    key_file().chmod(0o600)
    key = key_file().read_text().split()[-1]
    for text in ("x", "é", key[:-2], "\0" * 100):
        key_file().write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            secrets_of(vault, "fraud")
        assert text not in str(caught.value) or text == "x"
    with pytest.raises(ConfigError):
        Keyring([])
    key_file().write_text(Fernet.generate_key().decode())
    with pytest.raises(ConflictError, match="no key opens"):
        secrets_of(vault, "fraud")


def test_a_new_key_seals_everything_anew(vault: SqlStore) -> None:
    for project in ("a", "b"):
        set_secrets(vault, project, {f"S{n}": f"{project}{n}" for n in range(130)})
    old = keyring().name
    assert rotate(vault) == 260
    assert keyring().name != old and old in keyring().names
    assert vault.secrets_not_of(keyring().name) == []
    assert secrets_of(vault, "a")["S7"] == "a7"
    assert rotate(vault, drop=True) == 260 and len(keyring().names) == 2
    assert old not in keyring().names
    assert secrets_of(vault, "b")["S129"] == "b129"
    assert reseal(vault) == 0


def test_keys_of_the_setting(vault: SqlStore) -> None:
    one, two = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    config.service_secret_keys = one
    set_secrets(vault, "a", {"S": CANARY})
    assert not key_file().exists()
    with pytest.raises(ConfigError, match="setting"):
        rotate(vault)
    config.service_secret_keys = f"{two},{one}"
    assert reseal(vault) == 1
    config.service_secret_keys = two
    assert secrets_of(vault, "a")["S"] == CANARY


def test_a_secret_that_is_set_while_the_key_changes_is_not_lost(vault: SqlStore) -> None:
    set_secrets(vault, "a", {"S": "old"})
    (row,) = vault.list_secrets("a")
    sealed = row._replace(value="something that was sealed before")
    set_secrets(vault, "a", {"S": "new"})
    assert vault.reseal_secrets([(row, sealed)]) == 0
    assert secrets_of(vault, "a")["S"] == "new"


_KILLED = """
import os, sys
from mlrun_like.api.secrets import rotation
from mlrun_like.tracking.connect import open_store
store = open_store(sys.argv[1])
rotation._BATCH = 10
def tell(count):
    if count >= 30:
        os.kill(os.getpid(), 9)
rotation.rotate(store, tell=tell)
"""


@pytest.mark.slow
def test_killed_half_way_nothing_is_lost_and_it_can_be_run_again(
    vault: SqlStore, home: Path
) -> None:
    values = {f"S{n}": f"value {n}" for n in range(100)}
    set_secrets(vault, "a", dict(values))
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, vault.url],
        env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    left = vault.secrets_not_of(keyring().name, 1000)
    assert 0 < len(left) < 100
    assert dict(secrets_of(vault, "a")) == values
    assert reseal(vault) == len(left)
    assert dict(secrets_of(vault, "a")) == values


# over the API


def test_people_see_names_only(service: TestClient, as_user: _AsUser) -> None:
    path = "/api/v1/projects/fraud"
    admin = as_user("admin", "fraud")
    answer = admin.put(f"{path}/secrets", json={"secrets": {"TOKEN": CANARY, "B": "b"}})
    assert answer.status_code == 200 and answer.json() == {"secret_keys": ["B", "TOKEN"]}
    viewer, developer = as_user("viewer", "fraud"), as_user("developer", "fraud")
    for client in (admin, developer, viewer):
        for address in ("secrets", "secret-keys", "audit"):
            assert CANARY not in client.get(f"{path}/{address}").text
        assert client.post(f"{path}/secrets/values").status_code == 403
    for client in (viewer, developer):
        assert client.put(f"{path}/secrets", json={"secrets": {"A": "x"}}).status_code == 403
        assert client.delete(f"{path}/secrets").status_code == 403
    lines = admin.get(f"{path}/audit").json()["lines"]
    assert {"update", "run"} <= {row["action"] for row in lines}
    assert any(row["name"] == "B, TOKEN" for row in lines)
    assert admin.delete(f"{path}/secrets?secret=B").status_code == 204
    assert admin.get(f"{path}/secret-keys").json()["secret_keys"] == ["TOKEN"]


def test_jobs_get_the_values(service: TestClient, as_user: _AsUser) -> None:
    path = "/api/v1/projects/fraud/secrets"
    as_user("admin", "fraud").put(path, json={"secrets": {"TOKEN": CANARY}})
    scopes = ("write", "secrets", "project:fraud")
    job = person(service, "developer", "fraud", scopes=scopes)
    answer = job.post(f"{path}/values")
    assert answer.json() == {"secrets": {"TOKEN": CANARY}}
    assert "no-store" in answer.headers["cache-control"] and "etag" not in answer.headers
    # not those of others; and a role that only reads is not enough
    assert job.post("/api/v1/projects/other/secrets/values").status_code == 404
    viewer = person(service, "viewer", "fraud", scopes=scopes)
    assert viewer.post(f"{path}/values").status_code == 403
    # without login programs of this machine are jobs, browsers are not
    assert service.post(f"{path}/values").status_code == 200
    browser = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8080"}
    assert service.post(f"{path}/values", headers=browser).status_code == 403


@pytest.mark.parametrize(
    "body", [{}, {"secrets": 7}, {"secrets": {"A": 7}}, [], 7, {"secrets": {"a b": "x"}}]
)
def test_bodies_that_are_none(service: TestClient, body: object) -> None:
    answer = service.put("/api/v1/projects/fraud/secrets", json=body)
    assert answer.status_code in (400, 422), answer.text


def test_the_provider_reads_the_store_on_the_services_machine(home: Path) -> None:
    config.dbpath = f"sqlite:///{home}/store.db"
    ServiceSecrets().write("fraud", {"A": "b"})
    assert dict(provider_of("service").read("fraud")) == {"A": "b"}
    assert type(provider_of()).__name__ == "FileSecrets"
    config.dbpath = "http://127.0.0.1:9"
    assert isinstance(provider_of(), ServiceSecrets)
    config.secret_provider = "env"
    assert not isinstance(provider_of(), ServiceSecrets)
