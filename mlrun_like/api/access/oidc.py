"""Login at an OpenID Connect provider: code flow with PKCE, state and nonce.

Everything that the provider sends through the browser is only a code; who it is comes from the
provider itself, in a token whose signature, issuer, audience, nonce and times are checked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt

from mlrun_like.api.access.origin import host_name, is_local
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, StoreUnavailableError, UnauthorizedError
from mlrun_like.types import Document

__all__ = ["Begun", "Provider"]

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
_TIMEOUT = 10.0
_KEEP = 3600.0
_AGAIN = 10.0
_MOST = 1 << 20
_LEEWAY = 60


class Begun(NamedTuple):
    """A login that has begun: where the browser goes, and what is kept until it returns."""

    url: str
    state: str
    kept: Document


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Provider:
    """One provider, found by its address.

    Args:
        issuer: Its address, as its tokens have it.
        client_id: The service's name there.
        client_secret: The service's secret there; empty: a public client.
        scopes: What it is asked for.

    Raises:
        ConfigError: if the address is not encrypted, or the name is missing.
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, scopes: str) -> None:
        parts = urlsplit(issuer)
        encrypted = parts.scheme == "https"
        if not encrypted and not (parts.scheme == "http" and is_local(host_name(parts.netloc))):
            raise ConfigError(
                f"oidc_issuer {issuer!r} is not an https address", fix="write https://..."
            )
        if not client_id:
            raise ConfigError("oidc_issuer needs oidc_client_id", fix="set both")
        self.issuer = issuer
        self.client_id = client_id
        self._client_secret = client_secret
        self._scopes = scopes if "openid" in scopes.split() else f"openid {scopes}"
        self._opener = build_opener(_NoRedirect)
        self._lock = threading.Lock()
        self._found: Document = {}
        self._found_at = 0.0
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_at = 0.0

    @classmethod
    def from_settings(cls) -> Provider | None:
        """The provider that the settings name, if they do."""
        if not config.oidc_issuer:
            return None
        return cls(
            config.oidc_issuer,
            config.oidc_client_id,
            config.oidc_client_secret,
            config.oidc_scopes,
        )

    def begin(self, redirect: str, target: str) -> Begun:
        """Begin a login.

        Args:
            redirect: Where the provider sends the browser back to.
            target: Where the browser goes at the end.
        """
        state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect,
            "scope": self._scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = str(self._discovered()["authorization_endpoint"])
        mark = "&" if "?" in address else "?"
        kept = {"nonce": nonce, "verifier": verifier, "redirect": redirect, "next": target}
        return Begun(f"{address}{mark}{urlencode(query)}", state, kept)

    def finish(self, code: str, kept: Document) -> dict[str, Any]:
        """What the provider says of the person, in exchange for a code.

        Raises:
            UnauthorizedError: if the provider refuses, or its answer cannot be trusted.
            StoreUnavailableError: if it cannot be reached.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": str(kept["redirect"]),
            "client_id": self.client_id,
            "code_verifier": str(kept["verifier"]),
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        methods = self._discovered().get("token_endpoint_auth_methods_supported")
        if self._client_secret:
            if not methods or "client_secret_basic" in methods:
                pair = f"{_quoted(self.client_id)}:{_quoted(self._client_secret)}".encode()
                headers["authorization"] = "Basic " + base64.b64encode(pair).decode()
            else:
                form["client_secret"] = self._client_secret
        answer = self._ask(
            str(self._discovered()["token_endpoint"]), urlencode(form).encode(), headers
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _refused("it sent no id token")
        return self.verified(token, str(kept["nonce"]))

    def verified(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an id token, if all of it is right.

        Raises:
            UnauthorizedError: if not.
        """
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in _ALGORITHMS:
                raise _refused(f"its token is signed with {str(algorithm)[:20]!r}")
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(str(header.get("kid", "")), algorithm),
                algorithms=[algorithm],
                audience=self.client_id,
                issuer=self.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as exc:
            # the reason is for the log; a stranger learns nothing
            raise _refused(f"its token is not valid ({type(exc).__name__})") from exc
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise _refused("its token belongs to another login")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.client_id:
            raise _refused("its token is for another program")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise _refused("its token names nobody")
        return claims

    def _key(self, kid: str, algorithm: str) -> jwt.PyJWK:
        with self._lock:
            now = time.monotonic()
            old = now - self._keys_at > _KEEP
            # a key that is not known may be a new one, but it is not looked for all the time
            unknown = not self._pick(kid, algorithm) and now - self._keys_at > _AGAIN
            if not self._keys or old or unknown:
                answer = self._ask(str(self._discovered_unlocked()["jwks_uri"]))
                self._keys = _keys(answer)
                self._keys_at = now
            found = self._pick(kid, algorithm)
        if found is None:
            raise _refused("its token is signed with an unknown key")
        return found

    def _pick(self, kid: str, algorithm: str) -> jwt.PyJWK | None:
        if kid:
            return self._keys.get(kid)
        fitting = [key for key in self._keys.values() if key.algorithm_name == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    def _discovered(self) -> Document:
        with self._lock:
            return self._discovered_unlocked()

    def _discovered_unlocked(self) -> Document:
        now = time.monotonic()
        if self._found and now - self._found_at < _KEEP:
            return self._found
        address = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = self._ask(address)
        if found.get("issuer") != self.issuer:
            raise ConfigError(
                f"the provider calls itself {str(found.get('issuer'))[:200]!r}",
                where=address,
                fix="set oidc_issuer to exactly that",
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            parts = urlsplit(str(found.get(name, "")))
            plain = parts.scheme == "http" and is_local(host_name(parts.netloc))
            if parts.scheme != "https" and not plain:
                raise ConfigError(f"the provider has no safe {name}", where=address)
        self._found, self._found_at = found, now
        return found

    def _ask(
        self, address: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Document:
        request = Request(address, body, {"accept": "application/json", **(headers or {})})
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as answer:
                data = json.loads(answer.read(_MOST))
        except (URLError, OSError, ValueError) as exc:
            status = getattr(exc, "code", None)
            if body is not None and status is not None and status < 500:
                raise _refused(f"it answered {status}") from exc
            raise StoreUnavailableError(
                f"the login provider cannot be asked: {type(exc).__name__}",
                where=address,
                fix="try again; if it stays, look at the setting oidc_issuer",
            ) from exc
        if not isinstance(data, dict):
            raise _refused("its answer is no document")
        return data


def _keys(answer: Document) -> dict[str, jwt.PyJWK]:
    found: dict[str, jwt.PyJWK] = {}
    rows = answer.get("keys")
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        if not isinstance(row, dict) or row.get("use", "sig") != "sig" or row.get("kty") == "oct":
            continue
        try:
            found[str(row.get("kid") or f"#{number}")] = jwt.PyJWK.from_dict(row)
        except (jwt.PyJWTError, ValueError, TypeError):
            # a kind of key that is not known here; others may do
            continue
    return found


def _quoted(text: str) -> str:
    return urlencode({"": text})[1:]


def _refused(why: str) -> UnauthorizedError:
    return UnauthorizedError(f"the login provider's answer is refused: {why}", fix="log in again")
