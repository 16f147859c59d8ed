"""What an API gateway is: the functions it leads to, their shares, and who may call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.deployment import Options, Share
from mlrun_like.gateway.http.auth import check_auth
from mlrun_like.gateway.states import check_key

__all__ = ["Entrance"]

_HOST = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]{0,500}")
_LARGEST = 64 << 10


@dataclass(frozen=True)
class Entrance:
    """An API gateway.

    Args:
        project: Its project.
        name: Its name.
        functions: Keys of the one or two functions it leads to: `<project>/<name>`.
        canary: Percent of the requests for each; empty: the same for all.
        host: A host name of its own; empty: only `/<project>/~<name>`.
        path: It answers below this path; functions see it.
        auth: See `Options.auth`.
        record: What else its maker wrote of it; given back as it is.
        by: Who stored it.
    """

    project: str
    name: str
    functions: tuple[str, ...]
    canary: tuple[float, ...] = ()
    host: str = ""
    path: str = "/"
    auth: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    by: str = ""

    @property
    def key(self) -> str:
        """`<project>/<name>`."""
        return f"{self.project}/{self.name}"

    @property
    def place(self) -> str:
        """Where it answers: no function's name begins with `~`."""
        return f"{self.project}/~{self.name}"

    @property
    def options(self) -> Options:
        """What the front has to know."""
        if not self.host:
            return Options(auth=self.auth)
        return Options(auth=self.auth, hosts=(self.host,), paths=(self.path,))

    @property
    def shares(self) -> list[Share]:
        """Who gets how much; versions are the places of the functions."""
        even = [100 / len(self.functions)] * len(self.functions)
        weights = self.canary or even
        return [Share(number, float(weight)) for number, weight in enumerate(weights)]

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Entrance:
        """What `to_dict` wrote, or somebody asks for.

        Raises:
            InvalidArgumentError: naming what cannot be used.

        >>> Entrance.from_dict({"project": "shop", "name": "front", "functions": ["shop/a"]}).place
        'shop/~front'
        """
        project, name = check_key(f"{data.get('project') or ''}/{data.get('name') or ''}")
        record = data.get("record") or {}
        if not isinstance(record, Mapping) or len(repr(record)) > _LARGEST:
            raise InvalidArgumentError("what is written of an API gateway is no small mapping")
        auth = data.get("auth") or {}
        _check_form(auth)
        check_auth(auth)
        functions = _functions(data.get("functions"))
        return cls(
            project,
            name,
            functions,
            _canary(_listed("canary", data.get("canary")), len(functions)),
            _fitting(_HOST, str(data.get("host") or ""), "host", "api.example.com"),
            _fitting(_PATH, str(data.get("path") or "/"), "path", "/v1"),
            dict(auth),
            dict(record),
            str(data.get("by") or "")[:100],
        )


def _listed(what: str, given: Any) -> Sequence[Any]:
    if given and not isinstance(given, (list, tuple)):
        raise InvalidArgumentError(f"{what} {given!r:.80} of an API gateway must be a list")
    return given or ()


def _check_form(auth: Any) -> None:
    """Raises InvalidArgumentError, without what is written there: it may be a secret."""
    if not isinstance(auth, Mapping):
        raise InvalidArgumentError(
            f"auth of an API gateway must be a mapping, not {type(auth).__name__}",
            fix='auth={"kind": "basic", "callers": [{"name": "anna", "hash": "..."}]}',
        )
    callers = auth.get("callers") or ()
    rows = isinstance(callers, (list, tuple)) and all(isinstance(one, Mapping) for one in callers)
    if not rows or not all(isinstance(one.get("scopes") or [], (list, tuple)) for one in callers):
        raise InvalidArgumentError(
            "auth.callers of an API gateway must be a list of mappings, their scopes lists",
            fix='"callers": [{"name": "anna", "hash": "...", "scopes": ["invoke"]}]',
        )


def _functions(given: Any) -> tuple[str, ...]:
    keys = [given] if isinstance(given, str) else _listed("functions", given)
    if not 1 <= len(keys) <= 2:
        raise InvalidArgumentError(f"an API gateway leads to 1 or 2 functions, not {len(keys)}")
    for key in keys:
        check_key(str(key))
    return tuple(str(key) for key in keys)


def _canary(given: Sequence[Any], count: int) -> tuple[float, ...]:
    numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in given)
    if given and not (
        numbers
        and len(given) == count
        and all(0 <= one <= 100 for one in given)
        and abs(sum(given) - 100) < 0.05
    ):
        raise InvalidArgumentError(
            f"canary {given!r:.80} must be a percentage for each function, 100 together",
            fix="canary=[80, 20]",
        )
    return tuple(given)


def _fitting(pattern: re.Pattern[str], value: str, what: str, example: str) -> str:
    if value and not pattern.fullmatch(value):
        raise InvalidArgumentError(
            f"{value!r:.80} cannot be the {what} of an API gateway", fix=f"such as {example}"
        )
    return value
