"""Secrets that no log and no status may show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from mlrun_like.gateway.triggers.config import TriggerConfig

__all__ = ["Mask"]

_WORDS = ("password", "secret", "token", "accesskey", "key", "cert", "sasl")


class Mask:
    """Texts without a trigger's secrets.

    >>> config = TriggerConfig("p/f", "t", "nats", url="nats://me:hidden@host/x")
    >>> Mask(config)("cannot sign in to nats://me:hidden@host/x")
    'cannot sign in to nats://me:***@host/x'
    """

    def __init__(self, config: TriggerConfig) -> None:
        found = {config.password}
        _add_texts(config.attributes, found, wanted=False)
        for url in (config.url, config.dead_letter, *_urls(config.attributes)):
            try:
                password = urlsplit(url).password or ""
            except ValueError:
                continue
            found.update((password, unquote(password)))
        self._secrets = sorted((item for item in found if len(item) > 2), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _urls(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if "://" in value else []
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [url for item in value for url in _urls(item)]
    return []


def _add_texts(value: Any, found: set[str], *, wanted: bool) -> None:
    """Texts under names that mean secrets."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            secret = any(word in str(name).lower() for word in _WORDS)
            _add_texts(inner, found, wanted=wanted or secret)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _add_texts(inner, found, wanted=wanted)
    elif wanted and isinstance(value, str) and value.lower() not in ("true", "false", "plain"):
        found.add(value)
