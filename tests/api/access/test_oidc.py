"""Login at a real OpenID Connect provider in a process of its own, and at one that lies."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.claims import group_roles, groups_of, user_of_claims
from mlrun_like.api.access.members import roles_of
from mlrun_like.api.access.oidc import Provider
from mlrun_like.api.access.sessions import SESSION_COOKIE
from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, ConfigError, UnauthorizedError
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient


@pytest.fixture(autouse=True)
def _closed(home: Path) -> Iterator[None]:
    yield
    close_stores()


# a provider of others, as a process


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        issuer = f"http://localhost:{port}"
        end = time.monotonic() + 60
        while True:
            try:
                with urlopen(f"{issuer}/.well-known/openid-configuration", timeout=5):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.05)
        yield issuer
        process.terminate()


def _put_user(issuer: str, sub: str, claims: dict[str, Any]) -> None:
    data = json.dumps({"userinfo": claims, **claims}).encode()
    request = Request(f"{issuer}/users/{sub}", data, {"content-type": "application/json"})
    request.method = "PUT"
    with urlopen(request, timeout=10):
        pass


def _service(home: Path, issuer: str) -> TestClient:
    config.oidc_issuer, config.oidc_client_id = issuer, "mlrun-like"
    config.oidc_client_secret = "a secret of the service"
    app = create_app(ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required"))
    return TestClient(app, base_url="http://127.0.0.1:8080", follow_redirects=False)


def _at_provider(address: str, sub: str) -> str:
    """What a person does at the provider; where the browser is sent back to."""
    import httpx

    with httpx.Client() as browser:
        answer = browser.post(address, data={"sub": sub})
    assert answer.status_code == 302, answer.text[:500]
    return str(answer.headers["location"])


def _path(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


@pytest.mark.slow
def test_a_person_logs_in_and_gets_the_roles_of_the_groups(provider: str, home: Path) -> None:
    _put_user(
        provider, "anna-1",
        {"email": "anna@example.com", "email_verified": True, "preferred_username": "anna",
         "groups": ["/data", "ops"]},
    )  # fmt: skip
    config.oidc_roles = "data=fraud:developer,data=churn:viewer,others=secret:admin"
    config.oidc_admins = "root"
    service = _service(home, provider)
    begun = service.get("/login/oidc?next=/projects/fraud")
    address = begun.headers["location"]
    query = parse_qs(urlsplit(address).query)
    assert query["code_challenge_method"] == ["S256"] and query["nonce"] and query["state"]
    back = _at_provider(address, "anna-1")
    # another browser cannot use the answer (login CSRF) …
    other = TestClient(service.app, base_url=str(service.base_url), follow_redirects=False)
    assert "failed" in other.get(_path(back)).headers["location"]
    done = service.get(_path(back))
    assert done.headers["location"] == "/projects/fraud"
    assert SESSION_COOKIE in done.cookies
    me = service.get("/api/v1/session").json()
    assert me["user"] == "anna" and not me["is_admin"]
    assert me["roles"] == {"fraud": "developer", "churn": "viewer"}
    # … and the same browser not twice
    assert "failed" in service.get(_path(back)).headers["location"]


@pytest.mark.slow
def test_a_state_that_was_not_begun_here_is_refused(provider: str, home: Path) -> None:
    service = _service(home, provider)
    for query in ("", "?code=x", "?state=y&code=x", "?error=access_denied", "?code=%00&state=%ff"):
        answer = service.get(f"/login/oidc/callback{query}")
        assert answer.status_code in (303, 400) and SESSION_COOKIE not in answer.cookies


# one that lies


class _Liar(HTTPServer):
    """A provider whose id tokens are what a test wants."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _LiarHandler)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = "one"
        self.asked = 0


class _LiarHandler(BaseHTTPRequestHandler):
    server: _Liar

    def do_GET(self) -> None:
        issuer = self.server.issuer
        if "openid" in self.path:
            self._send(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/auth",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/keys",
                }
            )
        else:
            self.server.asked += 1
            public = jwt.algorithms.RSAAlgorithm.to_jwk(self.server.key.public_key(), as_dict=True)
            self._send({"keys": [{**public, "kid": self.server.kid, "alg": "RS256"}, {}, 7]})

    def _send(self, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def liar() -> Iterator[_Liar]:
    server = _Liar()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def _claims(liar: _Liar, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": liar.issuer, "aud": "me", "sub": "anna-1", "nonce": "n", "iat": now, "exp": now + 60,
    }  # fmt: skip
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def _signed(liar: _Liar, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
    algorithm = header.pop("alg", "RS256")
    headers = {"kid": liar.kid, **header}
    return jwt.encode(claims, liar.key if key is None else key, algorithm, headers=headers)


def test_a_right_token_is_taken(liar: _Liar) -> None:
    mine = Provider(liar.issuer, "me", "", "openid")
    assert mine.verified(_signed(liar, _claims(liar)), "n")["sub"] == "anna-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": ["me", "another"]},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"nonce": "other"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": 9_999_999_999},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 300},
        {"nbf": 9_999_999_999},
    ],
)
def test_wrong_claims_are_refused(liar: _Liar, changes: dict[str, Any]) -> None:
    mine = Provider(liar.issuer, "me", "", "openid")
    with pytest.raises(UnauthorizedError):
        mine.verified(_signed(liar, _claims(liar, **changes)), "n")


def test_wrong_signatures_are_refused(liar: _Liar) -> None:
    mine = Provider(liar.issuer, "me", "", "openid")
    claims = _claims(liar)
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = _signed(liar, claims)
    head, body, signature = good.split(".")
    public = liar.key.public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    shared = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    confused = _hmac_token(shared, claims, liar.kid)
    tokens = [
        _signed(liar, claims, stranger),
        _signed(liar, claims, stranger, kid="unknown"),
        _signed(liar, claims, key="", alg="none"),
        confused,
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body[:-4]}AAAA.{signature}",
        "",
        "x",
        "a.b.c",
        "é" * 10,
        "." * 1000,
    ]
    for token in tokens:
        with pytest.raises(UnauthorizedError):
            mine.verified(token, "n")


def _hmac_token(secret: bytes, claims: dict[str, Any], kid: str) -> str:
    """Signed with the public key as if it were a shared secret; libraries refuse to make it."""
    import base64
    import hashlib
    import hmac

    def packed(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = packed(json.dumps({"alg": "HS256", "kid": kid}).encode())
    body = packed(json.dumps(claims).encode())
    digest = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{packed(digest)}"


def test_new_keys_are_found_and_strange_ones_not_looked_for_all_the_time(liar: _Liar) -> None:
    mine = Provider(liar.issuer, "me", "", "openid")
    mine.verified(_signed(liar, _claims(liar)), "n")
    before = liar.asked
    for _ in range(5):
        with pytest.raises(UnauthorizedError):
            mine.verified(_signed(liar, _claims(liar), kid="strange"), "n")
    assert liar.asked == before
    old, liar.key = liar.key, rsa.generate_private_key(public_exponent=65537, key_size=2048)
    liar.kid = "two"
    mine._keys_at -= 60  # a minute later
    assert mine.verified(_signed(liar, _claims(liar)), "n")["sub"] == "anna-1"
    with pytest.raises(UnauthorizedError):
        mine.verified(_signed(liar, _claims(liar), old, kid="one"), "n")


def test_a_provider_under_another_name_is_refused(liar: _Liar) -> None:
    mine = Provider(liar.issuer + "/", "me", "", "openid")
    with pytest.raises(ConfigError, match="calls itself"):
        mine.begin("http://x/", "/")
    with pytest.raises(ConfigError, match="https"):
        Provider("http://login.example.com", "me", "", "openid")
    with pytest.raises(ConfigError, match="oidc_client_id"):
        Provider("https://login.example.com", "", "", "openid")


# what the claims become


@pytest.fixture
def store(home: Path) -> SqlStore:
    opened = open_store(f"sqlite:///{home}/store.db")
    assert isinstance(opened, SqlStore)
    return opened


def test_roles_and_rights_follow_the_groups_at_each_login(store: SqlStore) -> None:
    config.oidc_roles, config.oidc_admins = "data=fraud:developer,lead=fraud:admin", "root"
    claims: dict[str, Any] = {"sub": "1", "preferred_username": "anna", "groups": ["data", "root"]}
    user = user_of_claims(store, "https://idp", claims)
    assert user.is_admin and roles_of(store, user.user_id) == {"fraud": "developer"}
    user = user_of_claims(store, "https://idp", {**claims, "groups": ["lead", "data"]})
    assert not user.is_admin and roles_of(store, user.user_id) == {"fraud": "admin"}
    user = user_of_claims(store, "https://idp", {**claims, "groups": "nothing"})
    assert roles_of(store, user.user_id) == {}


def test_a_name_alone_takes_over_nobody(store: SqlStore) -> None:
    add_user(store, "anna", email="anna@example.com", password="a long password", is_admin=True)
    claims = {"sub": "1", "preferred_username": "anna", "email": "anna@example.com"}
    for verified in (None, False, True):
        found = user_of_claims(store, "https://idp", {**claims, "email_verified": verified})
        assert found.name == "anna-2" and not found.is_admin
    # the same subject at another provider is somebody else
    assert user_of_claims(store, "https://other", claims).name == "anna-3"


def test_who_was_invited_gets_the_account_if_the_address_is_verified(store: SqlStore) -> None:
    add_user(store, "ben", email="Ben@example.com")
    config.oidc_create_users = False
    claims = {"sub": "7", "email": "ben@example.com", "email_verified": False}
    with pytest.raises(AccessDeniedError):
        user_of_claims(store, "https://idp", claims)
    assert user_of_claims(store, "https://idp", {**claims, "email_verified": True}).name == "ben"
    # from now on by the subject, whatever the address is
    assert user_of_claims(store, "https://idp", {"sub": "7"}).name == "ben"


def test_only_the_named_domains(store: SqlStore) -> None:
    config.oidc_domains = "example.com, example.org"
    good = {"sub": "1", "email": "a@example.org", "email_verified": True}
    assert user_of_claims(store, "https://idp", good).name == "a@example.org"
    for email in ("a@evil.example", "a@example.com.evil", "", "a@evil@example.co"):
        with pytest.raises(AccessDeniedError):
            user_of_claims(store, "https://idp", {**good, "sub": "2", "email": email})
    with pytest.raises(AccessDeniedError):
        user_of_claims(store, "https://idp", {**good, "sub": "3", "email_verified": False})


def test_settings_of_groups() -> None:
    config.oidc_groups_claim = "realm_access.roles"
    assert groups_of({"realm_access": {"roles": ["a", 7, None]}}) == {"a"}
    for claims in ({}, {"realm_access": None}, {"realm_access": {"roles": 7}}):
        assert groups_of(claims) == frozenset()
    for text in ("x", "=a:viewer", "g=a", "g=a:king", "g=A B:viewer"):
        with pytest.raises(ConfigError, match="oidc_roles"):
            group_roles(text)
