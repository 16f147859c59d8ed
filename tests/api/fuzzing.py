"""Requests by chance: every route with hostile names, queries, headers and bodies.

Names of fields and of query parameters are taken from the source of the routes, so that new ones
are tried without anybody's doing. The same seed gives the same requests.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

from mlrun_like.api.guarding import GuardedRoute
from mlrun_like.tracking.remote.protocol import METHODS, OPERATIONS, wire_of
from tests.api.access.asking import Answer, ask

__all__ = ["HINTS", "Fuzzer", "Sent", "fuzz", "wrong"]

HINTS = (
    "Traceback (most",
    "site-packages",
    "sqlalchemy",
    "sqlite3.",
    "psycopg",
    "[SQL:",
    "SELECT ",
)
"""What no answer may hold; where the store lies is added by the caller."""
_WORD = re.compile(r"""["']([a-zA-Z_][a-zA-Z0-9_.-]{1,28})["']""")
_TEXTS: tuple[str, ...] = (
    *("", " ", ".", "..", "../../etc/passwd", "/etc/passwd", "*", "%", "_", "a" * 3000, "x/y//z"),
    *("\x00", "a\x00b", "\ud800", "\udfff\ud800", "\u202e", "\uffff", "💥", "é"),
    *("\r\nset-cookie: a=b", "%s%n%x"),
    *("'; DROP TABLE runs;--", '"', "\\", "<script>alert(1)</script>", "{{7*7}}"),
    *("null", "true", "-1", "0", "1e999", "nan", "-inf", "9" * 40, "0x10", "1_000", "٣", "1.5"),
    *("2024-13-45T99:99", "9999-12-31T23:59:59Z", "0001-01-01", "-5 days", "now", "* * * * *"),
    *("db://p/x", "store://artifacts/p/a#0:v@t", "file:///etc/passwd", "http://169.254.169.254/x"),
    *("s3://b/k", "memory://x", "service://p/x", "store://", "a=b", "a=", "=b", "a,b,,c", "~x"),
    *("AAAA", "eyJhIjoxfQ", "W10", "W251bGxd", "__class__", "__proto__", "-", "latest", "((("),
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**40, 0.5, -0.0, 1e308, -1e308, 5e-324, 10**400)
_RAW = (
    *(b"", b"{", b"\xff\xfe{", b"[" * 20_000, b'{"a":' * 5000, b"null", b'"x"', b"[]", b"nan"),
    *(b'{"a": NaN}', b'{"a": 1e999}', b'{"a": Infinity}', b'{"\\ud800": "\\udfff"}'),
    *(b"\x1f\x8b\x08", b"\xef\xbb\xbf{}"),
    *(b'{"a":1}{"b":2}', b"a=b&c=%ff&d=%00", b"--x\r\nbroken", b'{"a": ' + b"9" * 5000 + b"}"),
)  # fmt: skip
_TYPES = (
    *("application/json", "application/json; charset=utf-16", "text/plain", "", "x"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
    *("multipart/form-data", "application/gzip;;;=\xff"),
)  # fmt: skip
_HEADERS: dict[str, tuple[str, ...]] = {
    "range": ("bytes=0-", "bytes=-1", "bytes=5-2", "bytes=0-0,5-6", "bytes=" + "9" * 30 + "-", "x"),
    "if-match": ("*", '"x"', "W/", '"', "\xff", "," * 500),
    "if-none-match": ("*", '"x"', "W/", '"', "\xff"),
    "if-modified-since": ("yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "\xff"),
    "idempotency-key": ("k", "x" * 400, "\xff", "", "a b"),
    "accept": ("text/html", "*/*", "q=;;", "application/json;q=nan"),
    "accept-encoding": ("gzip", "gzip;q=x", "\xff", "br, gzip;q=0"),
    "content-encoding": ("gzip", "br", "\xff"),
    "last-event-id": ("-1", "x", "9" * 40, "\xff", '{"a"'),
    "cookie": ("mlrun_like=x", "a=b; =; ;;", "\xff=\xff", "__Host-mlrun-like=x"),
    "x-request-id": ("x" * 100, "\xff", "ok-12345678"),
    "x-mlrun-like-protocol": ("0", "-1", "9" * 30, "x", "٣"),
    "x-forwarded-for": ("1.2.3.4", "x, y", "\xff"),
    "hx-request": ("true",),
    "host": ("127.0.0.1:8080", "127.0.0.1:8080", "evil.example", "[::1", "\xff", ""),
    "origin": ("null", "http://evil.example", "http://127.0.0.1:8080", "\xff"),
    "content-length": ("-1", "x", "9" * 20),
}


class Sent(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Fuzzer:
    """Makes requests.

    Args:
        seed: Of the chance.
        routes: Which routes.
        names: Names of things that are there, by parameter of paths; most requests use them.
    """

    def __init__(
        self, seed: int, routes: Sequence[GuardedRoute], names: Mapping[str, Sequence[str]]
    ) -> None:
        self._chance = random.Random(seed)
        calls = [route for route in routes if route.path.endswith("/store/{method}")]
        self._routes = [*routes, *calls * (len(routes) // 10)]
        self._named = names
        self._names = sorted({name for some in names.values() for name in some})
        self._project = names["project"][0]
        self._words = [_words(route) for route in self._routes]

    def __iter__(self) -> Iterator[Sent]:
        while True:
            yield self.request()

    def request(self) -> Sent:
        """The next one."""
        place = self._chance.randrange(len(self._routes))
        route, words = self._routes[place], self._words[place]
        method = self._chance.choice(sorted(route.methods or {"GET"}))
        if self._chance.random() < 0.02:
            method = self._chance.choice(("OPTIONS", "PUT", "DELETE", "PATCH", "HEAD", "TRACE"))
        path = re.sub(r"\{([^}]+)\}", lambda found: self._part(found[1]), route.path)
        query = "&".join(
            f"{self._quoted(self._chance.choice(words))}={self._quoted(self._text())}"
            for _ in range(self._chance.choice((0, 0, 1, 2, 5)))
        )
        headers = {}
        for name in self._chance.sample(sorted(_HEADERS), self._chance.choice((0, 0, 0, 1, 3))):
            headers[name] = self._chance.choice(_HEADERS[name])
        body = b""
        if method not in ("GET", "HEAD"):
            body, kind = self._body(route, path, words)
            headers["content-type"] = kind
        return Sent(method, f"{path}?{query}" if query else path, headers, body)

    def _part(self, name: str) -> str:
        if name == "method":
            return self._chance.choice((*METHODS, "x"))
        chance = self._chance.random()
        if chance < 0.8 or (name == "project" and chance < 0.97):
            return self._quoted(self._chance.choice(self._named.get(name) or self._names))
        if chance < 0.85:
            return self._chance.choice(("%ff%fe", "%c3%28", "%", "%zz", "%2f%2e%2e%2f"))
        return self._quoted(self._text())

    @staticmethod
    def _quoted(text: str) -> str:
        return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")

    def _text(self) -> str:
        chance = self._chance.random()
        if chance < 0.3:
            return self._chance.choice(self._names)
        if chance < 0.4:
            return str(self._chance.choice(_NUMBERS[:-1]))
        return self._chance.choice(_TEXTS)

    def _body(self, route: GuardedRoute, path: str, words: Sequence[str]) -> tuple[bytes, str]:
        chance = self._chance.random()
        if chance < 0.12:
            return self._chance.choice(_RAW), self._chance.choice(_TYPES)
        if "/store/" in route.path and chance < 0.9:
            value: Any = self._call(path.rpartition("/")[2])
        elif not route.path.startswith("/api/"):
            pairs = (
                f"{self._quoted(self._chance.choice(words))}={self._quoted(self._text())}"
                for _ in range(self._chance.randrange(6))
            )
            return "&".join(pairs).encode(), "application/x-www-form-urlencoded"
        else:
            value = self._value(words, 4, mapping=True)
        kind = "application/json" if chance < 0.95 else self._chance.choice(_TYPES)
        return json.dumps(value).encode(), kind

    def _call(self, method: str) -> Any:
        if method == "operations":
            words = ("project", "uid", "iter", "iteration", "state", "body", "row", "tags", "time")
            kinds = [*OPERATIONS, "x"]
            return {
                "batch": self._text(),
                "operations": [
                    [self._chance.choice(kinds), self._value(words, 3, mapping=True)]
                    for _ in range(3)
                ],
            }
        if method not in METHODS:
            return self._value(("project", "query"), 3, mapping=True)
        wire = wire_of(method, True)
        inner = ("project", "name", "uid", "limit", "metadata", "kind", "labels", "states", "rows")
        given: dict[str, Any] = {}
        for name in wire.arguments:
            kind = str(wire.signature.parameters[name].annotation)
            if "str" in kind and self._chance.random() < 0.8:
                given[name] = self._text()
            elif ("int" in kind or "float" in kind) and self._chance.random() < 0.8:
                given[name] = self._chance.choice(_NUMBERS[:-1])
            elif self._chance.random() < 0.8:
                given[name] = self._value(inner, 3)
        if "project" in given and self._chance.random() < 0.7:
            given["project"] = self._project
        return given

    def _value(self, words: Sequence[str], depth: int, *, mapping: bool = False) -> Any:
        chance = self._chance.random()
        if (mapping and chance < 0.92) or (depth > 0 and chance < 0.3):
            keys = [self._chance.choice(words) for _ in range(self._chance.randrange(1, 7))]
            return {key: self._value(words, depth - 1) for key in keys}
        if depth > 0 and chance < 0.4:
            return [self._value(words, depth - 1) for _ in range(self._chance.randrange(4))]
        if chance < 0.5:
            return self._chance.choice((None, True, False, float("nan"), [], {}, [[]], [None]))
        if chance < 0.62:
            return self._chance.choice(_NUMBERS)
        if chance < 0.75:
            return self._chance.choice(words)
        return self._text()


def _words(route: GuardedRoute) -> list[str]:
    """Words in the source of a route's module, and of the modules beside it that it uses."""
    module = sys.modules[route.endpoint.__module__]
    found = set()
    for one in {module, *_beside(module)}:
        found.update(_WORD.findall(inspect.getsource(one)))
    fields = {"metadata", "spec", "status", "name", "project", "labels", "kind", "page-token"}
    return sorted(found | fields)


def _beside(module: Any) -> Iterator[Any]:
    for value in vars(module).values():
        place = str(getattr(value, "__module__", ""))
        if place.startswith("mlrun_like.api.routes.") and place in sys.modules:
            yield sys.modules[place]


def wrong(answer: Answer, places: Sequence[str] = (), sent: str = "") -> str:
    """What is wrong with an answer; empty: nothing.

    Args:
        answer: What was answered.
        places: Folders and addresses that no answer may name.
        sent: What the request said: to repeat it gives nothing away.
    """
    if answer.status == 0:
        return "no answer"
    if answer.status >= 500 and answer.detail.get("code") not in ("overloaded", "config"):
        return f"status {answer.status}"
    if answer.headers.get("content-encoding"):
        return ""
    text = answer.body.decode("utf-8", "replace")
    if answer.status >= 400:
        for hint in (*HINTS, *places):
            if hint in text and hint not in sent:
                return f"it says {hint!r}"
    return ""


async def fuzz(
    app: Any, requests: Iterator[Sent], count: int, headers: dict[str, str], places: Sequence[str]
) -> list[tuple[str, Sent, str]]:
    """Send requests to an app, several at a time; gives those whose answers are wrong."""
    found: list[tuple[str, Sent, str]] = []
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            sent = next(requests)
            answer = await ask(app, sent.method, sent.path, {**sent.headers, **headers}, sent.body)
            problem = wrong(answer, places)
            if problem:
                found.append((problem, sent, answer.body[:400].decode("utf-8", "replace")))

    await asyncio.gather(*(work() for _ in range(4)))
    return found
