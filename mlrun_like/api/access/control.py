"""What access control of one app holds: whether login is needed, caches, limits, the provider."""

from __future__ import annotations

import getpass
import threading
import time
from pathlib import Path

from starlette.requests import HTTPConnection

from mlrun_like.api.access.cache import Recent
from mlrun_like.api.access.caller import NOBODY, Caller
from mlrun_like.api.access.limits import Limits
from mlrun_like.api.access.members import roles_of
from mlrun_like.api.access.mode import login_needed
from mlrun_like.api.access.oidc import Provider
from mlrun_like.api.access.origin import Proxies
from mlrun_like.api.access.sessions import find_session
from mlrun_like.api.access.tokens import find_token
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.tracking.access_abilities import UserRow
from mlrun_like.tracking.store import SqlStore

__all__ = ["AccessControl", "access_of"]

_TOUCH = 60.0


class AccessControl:
    """Access control of one app.

    Args:
        options: How the service runs.
        store: Where users are.

    Raises:
        ConfigError: if the service would be open to a network.
    """

    def __init__(self, options: ServiceOptions, store: SqlStore) -> None:
        self.options = options
        self.store = store
        self.provider = Provider.from_settings()
        self.required = login_needed(options, store.has_users())
        self.proxies = Proxies(config.service_trusted_proxies, options.url)
        self.hosts = frozenset(
            name.strip().lower() for name in config.service_hosts.split(",") if name.strip()
        )
        self.limits = Limits(config.service_rate_limit, config.service_rate_limit_address)
        self._recent: Recent[Caller] = Recent(config.service_auth_cache)
        self._used: dict[str, float] = {}
        self._touching = threading.Lock()
        name = _os_user()
        self.local = Caller(name, name, is_admin=True, kind="local", via="local", key="local")

    def known(self, key: bytes) -> Caller | None:
        """Who this was a moment ago."""
        return self._recent.get(key)

    def forget(self) -> None:
        """Check everybody anew: a right has changed. (Other processes see it a little later.)"""
        self._recent.clear()

    def by_token(self, text: str, key: bytes) -> Caller:
        """Who has this token; `NOBODY` if it holds not."""
        found = find_token(self.store, text)
        if found is None:
            caller = NOBODY
        else:
            row, user = found
            self._touch(row.token_id, row.used)
            caller = self._caller(user, "token", row.token_id, frozenset(row.scopes.split()))
        self._recent.put(key, caller)
        return caller

    def by_session(self, secret: str, key: bytes) -> Caller:
        """Who has this session; `NOBODY` if it holds not."""
        found = find_session(self.store, secret)
        if found is None:
            caller = NOBODY
        else:
            caller = self._caller(found[1], "session", found[0].session_id, frozenset())
        self._recent.put(key, caller)
        return caller

    def _caller(self, user: UserRow, via: str, key: str, scopes: frozenset[str]) -> Caller:
        roles = roles_of(self.store, user.user_id)
        return Caller(
            user.user_id, user.name, user.is_admin, roles, scopes, user.kind, via=via, key=key
        )

    def _touch(self, token_id: str, used: float | None) -> None:
        """Record the use of a token once a minute: a write for each request would cost too much."""
        now = time.time()
        if used is not None and now - used < _TOUCH:
            return
        with self._touching:
            if now - self._used.get(token_id, 0.0) < _TOUCH:
                return
            if len(self._used) > 10_000:
                self._used.clear()
            self._used[token_id] = now
        self.store.touch_tokens({token_id: now})


def access_of(request: HTTPConnection) -> AccessControl:
    """Access control of the app that answers this request."""
    control: AccessControl = request.app.state.access
    return control


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # a container's user without a name
        return Path.home().name or "local"
