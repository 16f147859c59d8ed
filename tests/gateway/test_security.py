"""Attacks on a real gateway: from the network, from functions, from other users of the machine."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.places import control_socket, gateway_home
from tests.gateway.gateways import family, gateway_at, noted, settle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at by /proc"),
]

TOKEN, ADMIN, VALUE = "right-token-5f1c", "admin-token-77aa", "hidden-value-0d2e"
SPY = """
import glob, json, os, socket

def handler(context, event):
    asked = event.body or {}
    if isinstance(asked, (str, bytes)):
        asked = json.loads(asked)
    found = {"pid": os.getpid(), "uid": os.getuid(), "ppid": os.getppid()}
    found["groups"] = os.getgroups()
    found["headers"] = {str(k): str(v) for k, v in dict(event.headers).items()}
    print("token in the log? no\\nFAKE LINE \\x1b[31m", flush=True)
    for path in asked.get("read", []):
        try:
            with open(path, "rb") as file:
                found[path] = file.read(100_000).decode("latin-1")
        except OSError as exc:
            found[path] = type(exc).__name__
    for path in asked.get("connect", []):
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(path)
                found[path] = "connected"
            except OSError as exc:
                found[path] = type(exc).__name__
    for pid in asked.get("kill", []):
        try:
            os.kill(pid, 0)
            found[f"kill {pid}"] = "allowed"
        except OSError as exc:
            found[f"kill {pid}"] = type(exc).__name__
    listening = set()
    for name in ("tcp", "tcp6", "unix"):
        with open(f"/proc/self/net/{name}") as file:
            for line in list(file)[1:]:
                fields = line.split()
                if name != "unix" and fields[3] == "0A":
                    listening.add(fields[9])
                if name == "unix" and fields[3] == "00010000":
                    listening.add(fields[6])
    held = [os.readlink(path) for path in glob.glob("/proc/self/fd/*") if os.path.islink(path)]
    found["listening"] = [one for one in held if one[8:-1] in listening]
    found["env"] = sorted(key for key in os.environ if "TOKEN" in key or "GATEWAY" in key)
    return context.Response(
        body=json.dumps(found), content_type="application/json",
        headers={"x-evil": "a\\r\\nset-cookie: stolen=1"} if asked.get("split") else {},
    )
"""
ROOT = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A gateway with a guarded function; its home and URL."""
    where = tmp_path_factory.mktemp("guarded")
    with config.override(gateway_admin_token=ADMIN), gateway_at(where) as url:
        for name in ("spy", "other"):
            fn: Any = ml.new_function(name, project="shop", kind="nuclio")
            fn.with_code(body=SPY)
            fn.set_env("API_KEY", VALUE)
            fn.with_auth("bearer", {"anna": TOKEN})
            fn.with_gateway(min_replicas=1, max_replicas=1, max_body=20_000)
            fn.deploy(target="local")
        yield where, url


@pytest.fixture(autouse=True)
def _here(place: tuple[Path, str], home: Path) -> None:
    settle(place[0])


def send(url: str, raw: bytes) -> bytes:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as one:
        one.sendall(raw)
        found = b""
        while data := one.recv(65536):
            found += data
    return found


def spy(url: str, name: str = "spy", **asked: Any) -> dict[str, Any]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    connection.request("POST", f"/shop/{name}/", json.dumps(asked), headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200, body
    found: dict[str, Any] = json.loads(body)
    return found


def test_no_secret_is_in_the_list_of_processes(place: tuple[Path, str]) -> None:
    for pid in family(noted()["holder"] if "holder" in noted() else noted()["pid"]):
        listed = Path(f"/proc/{pid}/cmdline").read_bytes()
        for secret in (TOKEN, ADMIN, VALUE):
            assert secret.encode() not in listed


def test_files_are_for_the_owner_only(place: tuple[Path, str]) -> None:
    spy(place[1])
    for top, names, members in os.walk(gateway_home()):
        names[:] = [name for name in names if name != "envs"]
        for name in members:
            path = Path(top, name)
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode) or (path.suffix == ".lock" and not found.st_size):
                continue
            assert not found.st_mode & 0o007, path
            assert found.st_uid == os.getuid(), path
    assert gateway_home().stat().st_mode & 0o077 == 0
    assert control_socket(gateway_home()).stat().st_mode & 0o077 == 0


def test_tokens_are_kept_hashed_and_no_log_has_secrets(place: tuple[Path, str]) -> None:
    _, url = place
    spy(url)
    send(
        url,
        f"GET /shop/spy/?api_token={TOKEN} HTTP/1.1\r\n".encode()
        + b"host: h\r\nconnection: close\r\n\r\n",
    )
    for path in gateway_home().rglob("*"):
        if path.is_file() and not path.is_symlink():
            text = path.read_bytes()
            assert TOKEN.encode() not in text, path
            assert ADMIN.encode() not in text, path
            if "functions" not in path.parts:
                assert VALUE.encode() not in text, path


def test_logs_cannot_be_forged(place: tuple[Path, str]) -> None:
    _, url = place
    head = b"GET /shop/spy/%0d%0a{fake}\x1b[31m HTTP/1.1\r\nhost: h\r\nx-request-id: a\x1b[2J\r\n"
    send(url, head + b"user-agent: b\r\nconnection: close\r\n\r\n")
    spy(url)
    client = GatewayClient()
    client.scale("shop/other", 1, 1)
    for name in ("access.log", "audit.log"):
        path = gateway_home() / name
        for line in path.read_bytes().splitlines() if path.exists() else ():
            assert isinstance(json.loads(line), dict)
            assert b"\x1b" not in line


@pytest.mark.parametrize(
    "path",
    [
        "/-/api/functions",
        "/-/api/info",
        "/-/api/../api/info",
        "/shop/../-/api/info",
        "/shop/%2e%2e",
    ],
)
def test_the_control_api_is_closed_to_the_network(place: tuple[Path, str], path: str) -> None:
    for token in ("", f"authorization: Bearer {TOKEN}\r\n", "authorization: Bearer \r\n"):
        head = f"GET {path} HTTP/1.1\r\nhost: h\r\n{token}connection: close\r\n\r\n"
        assert int(send(place[1], head.encode()).split()[1]) in (400, 401, 403, 404)


def test_the_admins_token_opens_it(place: tuple[Path, str]) -> None:
    head = f"GET /-/api/info HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {ADMIN}\r\n"
    assert b" 200 " in send(place[1], f"{head}connection: close\r\n\r\n".encode())[:20]


@pytest.mark.parametrize(
    "key",
    ["../x/y", "a/../../b", "a/b/c", "a", "", "/etc/x", "a/..", "../..", "a/b\0", "a/b\n", "A/é"],
)
def test_names_do_not_leave_the_folder(place: tuple[Path, str], key: str) -> None:
    before = sorted(path.name for path in place[0].parent.iterdir())
    code = base64.b64encode(SPY.encode()).decode()
    document = {
        "kind": "nuclio",
        "metadata": {"name": "x"},
        "spec": {"build": {"functionSourceCode": code}},
    }
    with pytest.raises(MLRunLikeError):
        GatewayClient().deploy(key, document, "nuclio", {})
    with pytest.raises(MLRunLikeError):
        GatewayClient().status(key)
    assert sorted(path.name for path in place[0].parent.iterdir()) == before


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 30000\r\n\r\n" + b"x" * 30000,
        b"transfer-encoding: chunked\r\n\r\n" + b"7530\r\n" + b"x" * 30000 + b"\r\n0\r\n\r\n",
        b"content-length: 99999999999999999999\r\n\r\n",
        b"content-length: -1\r\n\r\n",
        b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    ],
)
def test_bodies_have_limits_and_one_length(place: tuple[Path, str], framing: bytes) -> None:
    head = f"POST /shop/spy/ HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {TOKEN}\r\n"
    try:
        found = send(place[1], f"{head}connection: close\r\n".encode() + framing)
    except ConnectionResetError:
        return
    assert int(found.split()[1]) in (400, 413)
    assert found.count(b"HTTP/1.1 ") == 1


def test_headers_of_the_gateway_cannot_be_forged(place: tuple[Path, str]) -> None:
    lines = [
        f"POST /shop/spy/ HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {TOKEN}",
        "x-mlrun-like-trigger-name: cron", "X_Mlrun_Like_Caller: root", "x-forwarded-for: 6.6.6.6",
        "x_forwarded_for: 6.6.6.6", "x-real-ip: 6.6.6.6", "content-length: 0", "connection: close",
    ]  # fmt: skip
    found = send(place[1], ("\r\n".join(lines) + "\r\n\r\n").encode())
    told = json.loads(found.partition(b"\r\n\r\n")[2])["headers"]
    text = json.dumps(told)
    assert "6.6.6.6" not in text and "cron" not in text and TOKEN not in text
    assert "root" not in {value for name, value in told.items() if "aller" in name}


def test_answers_cannot_be_split(place: tuple[Path, str]) -> None:
    body = json.dumps({"split": True}).encode()
    head = f"POST /shop/spy/ HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {TOKEN}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    head += "connection: close\r\n\r\n"
    top = send(place[1], head.encode() + body).partition(b"\r\n\r\n")[0].lower()
    assert b"\r\nset-cookie:" not in top


@ROOT
def test_functions_cannot_look_at_the_gateway_or_at_each_other(place: tuple[Path, str]) -> None:
    _, url = place
    home = gateway_home()
    other = spy(url, "other")
    main = noted()
    holder = main.get("holder") or main["pid"]
    gateway = int(GatewayClient().info()["pid"])
    files = [home / "functions" / "shop" / "other.json", home / "gateway.log", home / "audit.log"]
    files += [home / "functions" / "shop" / "spy.json", Path("/etc/shadow")]
    files += [Path(f"/proc/{pid}/environ") for pid in (other["pid"], holder, gateway)]
    files += [Path(f"/proc/{pid}/mem") for pid in (other["pid"], holder, gateway)]
    found = spy(
        url,
        read=[str(path) for path in files],
        connect=[str(control_socket(home))],
        kill=[other["pid"], holder, gateway, found_parent(other["pid"])],
    )
    assert found["uid"] != 0 and found["uid"] != other["uid"] and 0 not in found["groups"]
    for path in files:
        told = found[str(path)]
        assert told in ("PermissionError", "FileNotFoundError", "ProcessLookupError"), (path, told)
    assert found[str(control_socket(home))] in ("PermissionError", "FileNotFoundError")
    kills = {told for name, told in found.items() if name.startswith("kill ")}
    assert kills <= {"PermissionError", "ProcessLookupError"}
    assert found["listening"] == []
    assert not [name for name in found["env"] if "ADMIN" in name]


def found_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@ROOT
def test_other_users_cannot_use_the_control_socket(place: tuple[Path, str]) -> None:
    path = str(control_socket(gateway_home()))
    code = (
        "import os,socket,sys\nos.setgroups([]);os.setgid(65534);os.setuid(65534)\n"
        "socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, path], capture_output=True, timeout=60
    )
    assert done.returncode != 0 and b"PermissionError" in done.stderr


def test_a_folder_of_somebody_else_is_not_used_for_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    deep = tmp_path / ("x" * 120)
    target = tmp_path / "elsewhere"
    target.mkdir()
    (tmp_path / f"mlrun-like-{os.getuid()}").symlink_to(target)
    with pytest.raises(MLRunLikeError, match="not private"):
        control_socket(deep)
