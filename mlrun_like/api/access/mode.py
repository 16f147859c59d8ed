"""Whether anyone must log in, and what is refused to start."""

from __future__ import annotations

from urllib.parse import urlsplit

from mlrun_like.api.access.origin import host_name, is_local
from mlrun_like.api.options import ServiceOptions
from mlrun_like.errors import ConfigError

__all__ = ["check_start", "login_needed"]

_MODES = ("auto", "required", "none")


def login_needed(options: ServiceOptions, has_users: bool) -> bool:
    """Whether callers must log in. On loopback nobody need, as long as there are no users.

    Raises:
        ConfigError: if the service would be open to a network, or nobody could log in.

    >>> login_needed(ServiceOptions(host="127.0.0.1"), has_users=False)
    False
    """
    if options.auth not in _MODES:
        raise ConfigError(
            f"service_auth cannot be {options.auth!r}", fix=f"use one of {', '.join(_MODES)}"
        )
    public = host_name(urlsplit(options.url).netloc) if options.url else ""
    alone = options.loopback and (not public or is_local(public))
    if options.auth == "none":
        if not alone and not options.insecure:
            raise ConfigError(
                "service_auth=none would let everyone who reaches "
                f"{options.url or options.host} do everything",
                fix="listen on 127.0.0.1, or set service_auth=required and add a user: "
                "mlrun-like service user add NAME --admin; service_insecure=yes if you mean it",
            )
        return False
    return options.auth == "required" or has_users or not alone


def check_start(options: ServiceOptions, has_users: bool, has_provider: bool) -> bool:
    """As `login_needed`, before a socket is opened: somebody must be able to log in.

    Raises:
        ConfigError: if nobody could.
    """
    needed = login_needed(options, has_users)
    if needed and not has_users and not has_provider:
        raise ConfigError(
            f"the service would listen on {options.host}, and there is no user who could log in",
            fix="add one: mlrun-like service user add NAME --admin (or set oidc_issuer); "
            "without login it listens on 127.0.0.1 only",
        )
    return needed
