"""Real registries for tests: one that is open, one with passwords, one with a token server.

The registry is Debian's `docker-registry`, which also checks the tokens; they are issued by a small
server of ours that speaks the distribution project's token protocol.
"""

from __future__ import annotations

import json
import secrets
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.servers import _Started, missing

__all__ = [
    "PASSWORD",
    "USER",
    "DockerRegistry",
    "TokenServer",
    "locked_registry",
    "registry",
    "registry_server",
    "token_registry",
]

USER, PASSWORD = "ann", "pass:wörd=1"
# What `htpasswd -B` makes of the password; that program need not be installed.
_HASH = "$2b$04$UFzxtUQUCjwURwjUf/Zto.6u9lmrhnaaL6J3UuAaO4NwizddXglMe"

_CONFIG = """
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: "{folder}/data"}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}", secret: test, {http}}}
{auth}
"""


class DockerRegistry(_Started):
    """A registry of our own on a port of this machine."""

    password = False
    auth = ""
    http = ""

    def command(self) -> list[str]:
        auth = self.auth
        if self.password:
            (self.folder / "htpasswd").write_text(f"{USER}:{_HASH}\n")
            auth = f'auth: {{htpasswd: {{realm: test, path: "{self.folder}/htpasswd"}}}}'
        config = self.folder / "config.yml"
        config.write_text(
            _CONFIG.format(folder=self.folder, port=self.port, auth=auth, http=self.http)
        )
        return ["docker-registry", "serve", str(config)]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


class TokenServer:
    """Issues signed tokens; the registry checks them with the certificate in its configuration.

    Everybody may pull `public/...`. `USER` may pull and push `public/...` and `team/...`.
    """

    service = "test registry"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.life = 300
        self.asked: list[list[str]] = []
        options = "-newkey rsa:2048 -nodes -x509 -days 2 -subj /CN=test -keyout key -out cert"
        _openssl(folder, "req", *options.split())
        self._certificate = ssl.PEM_cert_to_DER_cert((folder / "cert").read_text())
        server = self

        class Handler(_Quiet):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                login = self.headers.get("Authorization", "")
                text = b64decode(login.removeprefix("Basic ")).decode()
                self.reply(*server.answer(query, text, login != ""))

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                good = form["grant_type"] == ["refresh_token"]
                user = f"{USER}:{PASSWORD}" if form.get("refresh_token") == ["refresh"] else "no:no"
                self.reply(*server.answer(form, user, good))

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def config(self) -> str:
        """The part of the registry's configuration that names this server."""
        realm = f"http://127.0.0.1:{self.http.server_port}/token"
        return (
            f'auth: {{token: {{realm: "{realm}", service: "{self.service}", issuer: test, '
            f'rootcertbundle: "{self.folder}/cert"}}}}'
        )

    def answer(self, query: dict[str, list[str]], login: str, named: bool) -> tuple[int, object]:
        """Status and document for a request."""
        if named and login != f"{USER}:{PASSWORD}":
            return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]}
        scopes = [scope for text in query.get("scope", []) for scope in text.split()]
        self.asked.append(scopes)
        access: list[dict[str, object]] = []
        for scope in scopes:
            _, name, actions = scope.split(":")
            allowed = {"pull", "push"} if named and name.startswith(("team/", "public/")) else set()
            if name.startswith("public/"):
                allowed.add("pull")
            granted = [action for action in actions.split(",") if action in allowed]
            access.append({"type": "repository", "name": name, "actions": granted})
        return 200, {"token": self._sign(access), "expires_in": self.life}

    def _sign(self, access: list[dict[str, object]]) -> str:
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [b64encode(self._certificate).decode()]}
        claims = {
            **{"iss": "test", "sub": USER, "aud": self.service, "jti": secrets.token_hex(8)},
            **{"iat": now - 5, "nbf": now - 5, "exp": now + self.life, "access": access},
        }
        parts = ".".join(_url64(json.dumps(part).encode()) for part in (header, claims))
        signature = _openssl(self.folder, "dgst", "-sha256", "-sign", "key", data=parts.encode())
        return f"{parts}.{_url64(signature)}"

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def _url64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _openssl(folder: Path, *words: str, data: bytes = b"") -> bytes:
    if not shutil.which("openssl"):
        missing("openssl is not installed")
    command = ["openssl", *words]
    done = subprocess.run(
        command, cwd=folder, input=data, capture_output=True, check=True, timeout=60
    )
    return done.stdout


@contextmanager
def registry_server(
    *, password: bool = False, auth: str = "", http: str = ""
) -> Iterator[DockerRegistry]:
    """A running registry; skips when it is not installed.

    Args:
        password: Whether it wants `USER` and `PASSWORD` (HTTP Basic).
        auth: Another part `auth` of its configuration.
        http: More for the part `http`, such as TLS.
    """
    if not shutil.which("docker-registry"):
        missing("no registry is installed (Debian package 'docker-registry')")
    with tempfile.TemporaryDirectory(prefix="registry") as folder:
        server = DockerRegistry(Path(folder))
        server.password, server.auth, server.http = password, auth, http
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def token_registry() -> Iterator[tuple[DockerRegistry, TokenServer]]:
    """A running registry that wants tokens, and the server that issues them."""
    with tempfile.TemporaryDirectory(prefix="tokens") as folder:
        tokens = TokenServer(Path(folder))
        try:
            with registry_server(auth=tokens.config) as registry:
                yield registry, tokens
        finally:
            tokens.stop()


@pytest.fixture(scope="session")
def registry() -> Iterator[DockerRegistry]:
    """An open registry, shared by all tests: use repositories of your own."""
    with registry_server() as server:
        yield server


@pytest.fixture(scope="session")
def locked_registry() -> Iterator[DockerRegistry]:
    """A registry that wants `USER` and `PASSWORD`."""
    with registry_server(password=True) as server:
        yield server
