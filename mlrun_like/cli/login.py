"""`mlrun-like login`: keep a token of a service of a team, so that all programs here may use it."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
import sys
import threading
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import typer

from mlrun_like.cli.output import Json, print_fields, print_json
from mlrun_like.configuration import config
from mlrun_like.errors import (
    InvalidArgumentError,
    StoreUnavailableError,
    UnauthorizedError,
)
from mlrun_like.tracking.remote.address import parse_address
from mlrun_like.tracking.remote.credentials import (
    forget_token,
    known_services,
    save_token,
    token_for,
)

__all__ = ["login", "logout", "whoami"]

_TIMEOUT = 30.0
_PATIENCE = 180.0
_DONE = b"<!doctype html><title>Done</title><p>You are logged in. You may close this page.</p>"
Url = Annotated[
    str, typer.Argument(metavar="[URL]", help="The service's address; else the setting dbpath.")
]


def login(
    url: Url = "",
    user: Annotated[str, typer.Option("--user", "-u", help="Name; asked for if left out.")] = "",
    token: Annotated[
        bool, typer.Option("--token", help="Ask for a token instead of a password.")
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser", help="Log in on the service's page (single sign-on).")
    ] = False,
    stdin: Annotated[
        bool,
        typer.Option(
            "--stdin", "--password-stdin", help="Read the password or token from standard input."
        ),
    ] = False,
) -> None:
    """Log in to a service, and keep a token for it in the home folder (only you can read it).

    mlrun-like login http://ml.example.com:8080

    mlrun-like login https://ml.example.com --browser

    Then: export MLRUN_LIKE_DBPATH=http://ml.example.com:8080
    """
    base = _base(url, "login")
    _refuse_plain(base)
    if browser:
        text = _by_browser(base)
    elif token:
        text = _asked("Token", stdin)
    else:
        text = _by_password(base, user or str(typer.prompt("User")), _asked("Password", stdin))
    me = _ask(base, "GET", "/session", token=text)
    path = save_token(base, text, str(me.get("user", "")))
    typer.echo(f"logged in to {base} as {me.get('user')}; the token is in {path}")
    if config.dbpath.rstrip("/") != base:
        typer.echo(f"use it: export MLRUN_LIKE_DBPATH={base}")


def logout(url: Url = "") -> None:
    """Revoke the token that login keeps for a service, and forget it.

    mlrun-like logout http://ml.example.com:8080
    """
    base = _base(url, "logout", known=True)
    text = token_for(base)
    parts = text.split("_")
    if len(parts) > 2:
        try:
            _ask(base, "DELETE", f"/tokens/{parts[1]}", token=text)
        except (UnauthorizedError, InvalidArgumentError, StoreUnavailableError) as exc:
            typer.echo(f"the service did not revoke the token: {exc.what}", err=True)
    known = forget_token(base)
    typer.echo(f"logged out of {base}" if known else f"there was no token for {base}")


def whoami(url: Url = "", as_json: Json = False) -> None:
    """Show who the service thinks you are, and what you may.

    mlrun-like whoami
    """
    base = _base(url, "whoami", known=True)
    me = _ask(base, "GET", "/session", token=token_for(base))
    me.pop("csrf_token", None)
    if as_json:
        print_json(me)
        return
    roles = ", ".join(f"{name}: {role}" for name, role in sorted(me.get("roles", {}).items()))
    print_fields(
        [
            ("service", base),
            ("user", me.get("user")),
            ("administrator", "yes" if me.get("is_admin") else "no"),
            ("roles", roles),
            ("scopes", " ".join(me.get("scopes", []))),
        ]
    )


def _base(url: str, verb: str, *, known: bool = False) -> str:
    """The service that is meant; `known`: else the only one that a token is kept for."""
    text = url or config.dbpath
    if not text and known:
        kept = known_services()
        text = kept[0] if len(kept) == 1 else ""
    if text and "://" not in text and url:
        raise InvalidArgumentError(
            f"{url!r} does not say how to reach the service",
            fix=f"write http://{url} or https://{url}",
        )
    if not text.lower().startswith(("http://", "https://")):
        raise InvalidArgumentError(
            "which service?", fix=f"mlrun-like {verb} http://HOST:PORT, or set MLRUN_LIKE_DBPATH"
        )
    return parse_address(text).url


def _refuse_plain(base: str) -> None:
    address = parse_address(base)
    if not address.tls and not address.loopback:
        typer.echo(
            f"warning: {base} is not encrypted: passwords and tokens can be read on the way",
            err=True,
        )


def _asked(what: str, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline(4096).rstrip("\r\n")
    return str(typer.prompt(what, hide_input=True))


def _by_password(base: str, user: str, password: str) -> str:
    name = f"{user}@{socket.gethostname()}"[:200]
    made = _ask(base, "POST", "/session/token", {"user": user, "password": password, "name": name})
    return str(made["token"])


def _by_browser(base: str) -> str:
    """Open the service's page; it sends the browser back here with a code."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    back = _Back(state)
    query = {"port": back.port, "state": state, "challenge": challenge}
    page = f"{base}/login/cli?{urlencode({**query, 'name': socket.gethostname()[:60]})}"
    typer.echo(f"open this page, if no browser does: {page}")
    webbrowser.open(page)
    code = back.wait(_PATIENCE)
    made = _ask(base, "POST", "/session/code", {"code": code, "verifier": verifier})
    return str(made["token"])


class _Back:
    """Listens on this machine for the browser that comes back."""

    def __init__(self, state: str) -> None:
        self._code = ""
        self._came = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                right = secrets.compare_digest(query.get("state", [""])[0].encode(), state.encode())
                if right and query.get("code"):
                    outer._code = query["code"][0]
                self.send_response(200 if right else 400)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(_DONE if right else b"")
                if right:
                    outer._came.set()

            def log_message(self, format: str, *args: Any) -> None:
                """Codes are not written anywhere."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self, seconds: float) -> str:
        """The code. Raises UnauthorizedError."""
        came = self._came.wait(seconds)
        self._server.shutdown()
        self._server.server_close()
        if not came:
            raise UnauthorizedError("nobody allowed the login in the browser", fix="try again")
        return self._code


class _NoRedirect(HTTPRedirectHandler):
    """A password goes to the address that was typed, nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _ask(base: str, method: str, path: str, body: Any = None, token: str = "") -> dict[str, Any]:
    headers = {"accept": "application/json", "content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{base}/api/v1{path}", data, headers, method=method)
    try:
        with build_opener(_NoRedirect).open(request, timeout=_TIMEOUT) as answer:
            text = answer.read(1 << 20)
            found = json.loads(text) if text else {}
    except HTTPError as exc:
        raise _error(exc, base) from None
    except (URLError, OSError, ValueError) as exc:
        raise StoreUnavailableError(
            f"the service cannot be reached: {_why(exc)}",
            where=base,
            fix="look at the address and port; where it runs: mlrun-like service status",
        ) from exc
    return found if isinstance(found, dict) else {}


def _error(exc: HTTPError, base: str) -> Exception:
    try:
        detail = json.loads(exc.read(1 << 16))["detail"]
        what, fix = str(detail["reason"]), str(detail.get("fix", ""))
    except (ValueError, KeyError, TypeError, OSError):
        what, fix = f"it answers {exc.code}", "look at the address: is it a service of ours?"
    if exc.code != 401:
        return InvalidArgumentError(what, where=base, fix=fix)
    if "/session/token" not in exc.url:  # not a wrong password: no token, or an old one
        fix = f"mlrun-like login {base}"
    return UnauthorizedError(what, where=base, fix=fix)


def _why(exc: Exception) -> str:
    reason = exc.reason if isinstance(exc, URLError) else exc
    if isinstance(reason, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(reason, socket.gaierror):
        return "there is no host of that name"
    if isinstance(reason, ValueError):
        return "what answers there is no service of ours"
    return str(reason)
