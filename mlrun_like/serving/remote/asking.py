"""What a remote step asks for an event, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any
from urllib.parse import quote

from mlrun_like.errors import InvalidArgumentError, StepError, StepTimeoutError
from mlrun_like.serving.codec import decode, encode
from mlrun_like.serving.event import Event
from mlrun_like.serving.observe.propagation import trace_headers
from mlrun_like.serving.remote.address import joined, parse_url
from mlrun_like.serving.remote.trying import Request
from mlrun_like.serving.remote.wire import Answer, Fault

__all__ = ["Asking", "checked", "compiled", "content", "fault_error"]

_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_SHOWN = 1000  # characters of a server's text in an error


def compiled(expression: str | None, argument: str, step: str) -> CodeType | None:
    """A Python expression as the code of a function of `event`.

    Raises:
        InvalidArgumentError: if it is not an expression.
    """
    if not expression:
        return None
    try:
        compile(expression.strip(), argument, "eval")
        return compile(f"lambda event: (\n{expression}\n)", f"<{argument} of {step}>", "eval")
    except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise InvalidArgumentError(
            f"{argument}={expression!r:.200} is not an expression: {exc}",
            where=f"step {step!r}",
            fix=f"give Python such as {argument}=\"event['url']\"",
        ) from exc


@dataclass
class Asking:
    """Makes requests of events.

    Args:
        step: The step's name, for errors.
        url: The server, or empty: `url_code` says.
        subpath: What follows it; `$path`: the event's path.
        method: In capitals; empty: the event's.
        headers: Sent with each request.
        url_code: Gives the URL.
        body_code: Gives the body.
        headers_code: Gives the headers instead of `headers`.
        context: What expressions know as `context`.
    """

    step: str
    url: str = ""
    subpath: str = ""
    method: str = ""
    headers: Mapping[str, str] | None = None
    url_code: CodeType | None = None
    body_code: CodeType | None = None
    headers_code: CodeType | None = None
    context: Any = None

    def __post_init__(self) -> None:
        self._fixed = _lower(self.headers or {}, self.step)
        self._follows = self.subpath == "$path"
        if self.url and self.subpath and not self._follows:
            self.url = f"{self.url.rstrip('/')}/{self.subpath.lstrip('/')}"
        if self.url:
            parse_url(self.url)
        self.url_of = self._function(self.url_code)
        self.body_of = self._function(self.body_code)
        self.headers_of = self._function(self.headers_code)

    def _function(self, code: CodeType | None) -> Callable[[Any], Any] | None:
        """A function of the event; its expression may also use `endpoint` and `context`."""
        if code is None:
            return None
        made: Callable[[Any], Any] = eval(code, {"endpoint": self.url, "context": self.context})
        return made  # the graph author's own code

    def request(self, event: Event, body: Any) -> Request:
        """The request for an event; `body` is the part of it that the step sees.

        Raises:
            InvalidArgumentError: if the event makes no URL or headers, or its path leaves the
                server's.
            StepError: if its body cannot be sent as JSON.
        """
        method = (self.method or event.method or "POST").upper()
        if self.headers_of is not None:
            headers = _lower(self._value("headers_expression", self.headers_of, body), self.step)
        else:
            headers = dict(self._fixed)
        if self.url_of is not None:
            url = self._value("url_expression", self.url_of, body)
            if not isinstance(url, str):
                raise InvalidArgumentError(
                    f"url_expression gave {url!r:.100}, not a URL", where=f"step {self.step!r}"
                )
        else:
            url = joined(self.url, event.path) if self._follows else self.url
            if event.path.strip("/"):
                headers["mlrun-event-path"] = quote(event.path, safe=_PRINTABLE)
        headers["mlrun-event-id"] = str(event.id)
        for name, value in trace_headers(event).items():
            headers.setdefault(name, value)
        if method in ("GET", "HEAD"):
            return Request(method, url, headers)
        if self.body_of is not None:
            body = self._value("body_expression", self.body_of, body)
        data, kind = content(body, self.step)
        if kind:
            headers.setdefault("content-type", kind)
        return Request(method, url, headers, data)

    def _value(self, argument: str, function: Callable[[Any], Any], body: Any) -> Any:
        try:
            return function(body)
        except Exception as exc:  # an expression may do anything
            raise InvalidArgumentError(
                f"{argument} cannot be computed for this event: {type(exc).__name__}: {exc}",
                where=f"step {self.step!r}",
                fix=f"send what it uses, or change {argument}",
            ) from exc


def content(body: Any, step: str) -> tuple[bytes | None, str]:
    """A body as bytes, and their media type; text and bytes are sent as they are.

    >>> content({"x": 1}, "s"), content(None, "s")
    ((b'{"x":1}', 'application/json'), (None, ''))

    Raises:
        StepError: if it cannot be written as JSON.
    """
    if body is None:
        return None, ""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    try:
        return encode(body), "application/json"
    except TypeError as exc:
        raise StepError(
            f"the body of a remote call cannot be sent as JSON: {exc}",
            fix="turn it into plain values in the step before, or use body_expression",
            step=step,
        ) from exc


def checked(found: Answer | Fault, request: Request, step: str, return_json: bool) -> Any:
    """The content of an answer.

    Raises:
        StepError: with the server's status if it is 4xx, 503 or 504, else 502.
        StepTimeoutError: if there was none in time.
    """
    where = f"{request.method} {parse_url(request.url).shown}"
    if isinstance(found, Fault):
        raise fault_error(found, request, step)
    status = found.status
    if status >= 300:
        kept = status if 400 <= status < 500 or status in (503, 504) else 502
        error = StepError(
            f"{where} answered {status}: {_text(found)}",
            fix="" if status < 500 else "look at that server's log",
            step=step,
            status=kept,
        )
        error.remote_status = status  # type: ignore[attr-defined]
        error.retry_after = _retry_after(found)  # type: ignore[attr-defined]
        raise error
    kind = found.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (return_json or kind == "application/json" or kind.endswith("+json")):
        return found.body
    if not found.body:
        return None
    try:
        return decode(found.body)
    except InvalidArgumentError as exc:
        raise StepError(
            f"{where} answered {status}, but not with JSON: {_text(found)}",
            fix="return_json=False gives its bytes",
            step=step,
            status=502,
        ) from exc


def fault_error(found: Fault, request: Request, step: str) -> StepError:
    """The error for a request that got no answer."""
    where = f"{request.method} {parse_url(request.url).shown}"
    if found.kind == "late":
        return StepTimeoutError(
            f"{where} timed out: {found.text}",
            fix="raise timeout=, or find out what the server waits for",
            step=step,
        )
    return StepError(
        f"{where} gave no answer: {found.text}",
        fix=_ADVICE.get(found.kind, "look at that server's log"),
        step=step,
        status=502,
    )


_ADVICE = {
    "unsent": "is it running, and is the URL right?",
    "untrusted": "verify='/path/to/ca.pem' trusts further certificates",
}


def _text(found: Answer) -> str:
    """What a server says about its failure."""
    text = found.body[: 4 * _SHOWN].decode("utf-8", "replace").strip()
    if text.startswith("{"):
        try:
            told = decode(found.body)
        except InvalidArgumentError:
            return text[:_SHOWN]
        told = told.get("error") if isinstance(told, dict) else None
        text = told if isinstance(told, str) else text
    return text[:_SHOWN]


def _retry_after(found: Answer) -> float | None:
    value = found.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 9 else None


def _lower(headers: Any, step: str) -> dict[str, str]:
    if not isinstance(headers, Mapping):
        raise InvalidArgumentError(
            f"headers must be a mapping of names to values, not {headers!r:.100}",
            where=f"step {step!r}",
        )
    return {str(name).lower(): str(value) for name, value in headers.items()}
