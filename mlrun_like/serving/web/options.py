"""How a graph is served: limits, access, pages."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["WebOptions"]


@dataclass(frozen=True)
class WebOptions:
    """Options of an application; what is not given comes from the settings.

    Args:
        max_body: Bytes of one request body; more gives 413 before it is read (setting
            `max_body_size`).
        timeout: Seconds a request may take, then the caller gets 504; 0: no limit. A header
            `Request-Timeout` (seconds) can only shorten it. A step that neither awaits nor runs in
            a thread cannot be interrupted: the time is looked at between steps (setting
            `serving_timeout`).
        io_timeout: Seconds a client may take to send a request (then 408) or to read what was
            written (then the connection ends) (setting `serving_io_timeout`).
        max_in_flight: Requests at the same time in one process; more give 503 with `Retry-After`;
            0: no limit (setting `serving_max_in_flight`).
        token: Callers must send it as `Authorization: Bearer ...`; empty: everybody may call. The
            health pages and `/docs` need none (setting `serving_token`, a secret).
        cors_origins: Web pages of these origins may call; `("*",)`: all (setting
            `serving_cors_origins`).
        access_log: A line of JSON for each request goes to this file, or with "-" to stderr; empty:
            none (setting `serving_access_log`).
        pages: Whether the application has pages of its own beside the health pages: `/metrics`,
            `/openapi.json`, `/docs`, and `/` for browsers.
        metrics: Whether requests and steps are counted for `/metrics`.

    >>> WebOptions.of(max_body=1000, cors_origins="https://a.example").cors_origins
    ('https://a.example',)

    Raises:
        InvalidArgumentError: naming the option that cannot be used.
    """

    max_body: int = 16 * 1024 * 1024
    timeout: float = 0.0
    io_timeout: float = 60.0
    max_in_flight: int = 0
    token: str = field(default="", repr=False)
    cors_origins: tuple[str, ...] = ()
    access_log: str = ""
    pages: bool = True
    metrics: bool = False

    @classmethod
    def of(cls, **given: Any) -> WebOptions:
        """Options from arguments, else from the settings; None counts as not given.

        Raises:
            InvalidArgumentError: if there is no such option, or its value cannot be used.
        """
        names = [item.name for item in dataclasses.fields(cls)]
        for name in given:
            if name not in names:
                raise InvalidArgumentError(
                    f"there is no option {name!r} for serving.{nearest(name, names)}",
                    fix=f"options: {', '.join(names)}",
                )
        values: dict[str, Any] = {
            "max_body": config.max_body_size,
            "timeout": config.serving_timeout,
            "io_timeout": config.serving_io_timeout,
            "max_in_flight": config.serving_max_in_flight,
            "token": config.serving_token,
            "cors_origins": config.serving_cors_origins,
            "access_log": config.serving_access_log,
        }
        values |= {name: value for name, value in given.items() if value is not None}
        origins = values["cors_origins"]
        if isinstance(origins, str):
            values["cors_origins"] = tuple(origins.replace(",", " ").split())
        return cls(**values)

    def __post_init__(self) -> None:
        for name, whole in _NUMBERS.items():
            value = getattr(self, name)
            kinds = int if whole else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value < math.inf:
                kind = "whole number" if whole else "number of seconds"
                raise InvalidArgumentError(f"{name} must be a {kind}, 0 or more, not {value!r}")
        if not isinstance(self.token, str) or not self.token.isprintable():
            raise InvalidArgumentError("token must be printable text (it is not shown here)")
        object.__setattr__(self, "cors_origins", tuple(self.cors_origins))
        for origin in self.cors_origins:
            if origin != "*" and ("://" not in origin or origin.endswith("/")):
                raise InvalidArgumentError(
                    f"{origin!r:.80} is not an origin",
                    fix="write scheme://host[:port] without a path, or * for all",
                )

    def to_dict(self) -> Mapping[str, Any]:
        """Names and values, the token hidden."""
        values = dataclasses.asdict(self)
        return {**values, "token": "***" if self.token else ""}


_NUMBERS = {"max_body": True, "timeout": False, "io_timeout": False, "max_in_flight": True}
