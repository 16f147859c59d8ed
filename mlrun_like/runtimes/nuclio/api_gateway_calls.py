"""One request to an API gateway, and its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from mlrun_like.errors import EngineError, InvalidArgumentError, nearest
from mlrun_like.runtimes.nuclio.http import request

__all__ = ["GatewayAnswer", "check_options", "send"]

_OPTIONS = ("data", "json", "params", "timeout", "verify")


class GatewayAnswer:
    """What was answered, with the attributes that Python's usual clients have."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, url: str) -> None:
        self.status_code, self.headers, self.content = status, dict(headers), body
        self.url = url

    def __repr__(self) -> str:
        return f"<GatewayAnswer [{self.status_code}]>"

    @property
    def ok(self) -> bool:
        """Whether it is no error."""
        return self.status_code < 400

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as data; ValueError if it is no JSON."""
        return json.loads(self.content)

    def raise_for_status(self) -> None:
        """Raise if it is an error.

        Raises:
            EngineError: if the status is 400 or more.
        """
        if not self.ok:
            told = " ".join(self.text.split())[:300]
            raise EngineError(f"the answer is {self.status_code}: {told}", where=self.url)


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that are not known.

    Raises:
        InvalidArgumentError: naming one, and the nearest.
    """
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise InvalidArgumentError(
            f"invoke has no option {unknown[0]!r}.{nearest(unknown[0], _OPTIONS)}",
            fix=f"options: {', '.join(_OPTIONS)}",
        )


def send(
    method: str, url: str, headers: Mapping[str, Any], body: Any, options: Mapping[str, Any]
) -> GatewayAnswer:
    """Send a request; what is neither text nor bytes is sent as JSON.

    Raises:
        EngineError: if nobody answers.
    """
    sent = {str(name): str(value) for name, value in headers.items()}
    content = body if body is not None else options.get("json", options.get("data"))
    if content is not None and not isinstance(content, (str, bytes)):
        sent.setdefault("Content-Type", "application/json")
        content = json.dumps(content, default=str)
    data = content.encode() if isinstance(content, str) else content
    if options.get("params"):
        url += f"?{urlencode(options['params'], doseq=True)}"
    timeout, verify = float(options.get("timeout") or 60), bool(options.get("verify", True))
    reply = request(method.upper(), url, data, sent, timeout=timeout, verify=verify)
    return GatewayAnswer(*reply, url)
