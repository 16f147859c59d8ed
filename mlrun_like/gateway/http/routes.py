"""Which function answers: by `/<project>/<name>`, or by hosts, paths and methods of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mlrun_like.errors import nearest
from mlrun_like.gateway.http.answers import Refusal, refusal
from mlrun_like.gateway.http.gate import Gate, Gates, Service

__all__ = ["Route", "Router"]

_MOST_LABELS = 12  # of a host name that are tried against `*.example.com`
_MOST_NAMES = 500  # functions among which the nearest name is looked for
_MOST_HINTS = 1024
_MOST_ROUTES, _LONGEST = 4096, 256  # routes that are remembered; bytes of the target of one


class Route(NamedTuple):
    """Where a request goes.

    Args:
        gate: The function's, with its service and options.
        target: Path and query as the function sees them.
    """

    gate: Gate
    target: bytes


_Table = dict[bytes, list[Gate]]
"""Gates by path without a slash at its end; the root is the empty path."""


class Router:
    """Finds the function of a request.

    A function answers at `/<project>/<name>/...`, which is taken off the path, and at the places of
    its options: hosts (`a.example`, `*.example`), paths (`/v2` with all under it), ports; there the
    path stays whole. Places with the request's host come first, then the longest path; among
    functions at the same place the one that has the method. The root path of a host that is no
    function's own leaves `/<project>/<name>` alone.

    Args:
        gates: Where the decisions about each function are made.
    """

    def __init__(self, gates: Gates | None = None) -> None:
        self.gates = gates or Gates()
        self._named: dict[bytes, Gate] = {}
        self._tables: dict[tuple[int, bytes], _Table] = {}
        self._owners: dict[int, Gate] = {}
        self._depth: dict[int, int] = {}
        self._hints: dict[str, str] = {}
        self.table: dict[tuple[bytes, bytes, bytes], Route] = {}
        """Routes that were asked for; another object whenever a function changes."""

    def set(self, services: Iterable[Service] | Mapping[str, Service]) -> None:
        """These functions and no others are deployed; called whenever one or its options change."""
        found = services.values() if isinstance(services, Mapping) else services
        named: dict[bytes, Gate] = {}
        tables: dict[tuple[int, bytes], _Table] = {}
        owners: dict[int, Gate] = {}
        for gate in self.gates.update(found):
            named[gate.prefix[1:]] = gate
            options = gate.options
            if options.port:
                owners[options.port] = gate
            if options.hosts or options.paths:
                for host in options.hosts or ("",):
                    table = tables.setdefault((0, host.strip().lower().encode("latin-1")), {})
                    for path in options.paths or ("/",):
                        table.setdefault(_cleaned(path), []).append(gate)
        self._named, self._tables, self._owners = named, tables, owners
        self._hints, self.table = {}, {}
        depths = [path.count(b"/") for table in tables.values() for path in table]
        self._depth = {0: max(depths, default=0)}

    @property
    def ports(self) -> dict[int, str]:
        """The ports that functions have of their own, with the functions' keys."""
        return {port: gate.key for port, gate in self._owners.items()}

    def find(self, host: bytes, method: bytes, target: bytes, port: int = 0) -> Route | Refusal:
        """Where a request goes, or why nowhere.

        Args:
            host: The header `Host`.
            method: In capitals.
            target: As sent: path and query.
            port: The port that it came to, if it is a function's own; 0: the gateway's.
        """
        if port:
            return self._by_port(method, target, port)
        place = host, method, target
        known = self.table.get(place)
        if known is not None:
            return known
        found = self._look(host, method, target)
        if isinstance(found, Route) and len(target) <= _LONGEST:
            if len(self.table) >= _MOST_ROUTES:
                self.table.clear()
            self.table[place] = found
        return found

    def _by_port(self, method: bytes, target: bytes, port: int) -> Route | Refusal:
        gate = self._owners.get(port)
        if gate is None:
            return refusal(404, "route", f"no function has the port {port} any more")
        return Route(gate, target) if gate.allows(method) else gate.not_allowed

    def _look(self, host: bytes, method: bytes, target: bytes) -> Route | Refusal:
        if self._tables:
            found = self._by_table(host, method, target)
            if found is not None:
                return found
        parts = target.split(b"/", 3)
        if len(parts) == 4:
            gate = self._named.get(b"%b/%b" % (parts[1], parts[2]))
            if gate is not None:
                if not gate.allows(method):
                    return gate.not_allowed
                return Route(gate, b"/" + parts[3])
        elif len(parts) == 3:
            name, mark, query = parts[2].partition(b"?")
            gate = self._named.get(b"%b/%b" % (parts[1], name))
            if gate is not None:
                if not gate.allows(method):
                    return gate.not_allowed
                return Route(gate, b"/" + mark + query)
        return self._unknown(target)

    def _by_table(self, host: bytes, method: bytes, target: bytes) -> Route | Refusal | None:
        path = target.partition(b"?")[0]
        shortened = path.split(b"/", self._depth[0] + 1)[: self._depth[0] + 1]
        places = [b"/".join(shortened[: size + 1]) for size in range(len(shortened) - 1, -1, -1)]
        named = b"/".join(path.split(b"/", 3)[1:3])
        refused: Refusal | None = None
        for name in self._hosts(host):
            table = self._tables.get((0, name))
            for place in places if table is not None else ():
                if not name and named in self._named and len(place) <= len(named):
                    break  # /<project>/<name> is longer
                for gate in (table or {}).get(place, ()):
                    if gate.allows(method):
                        return Route(gate, target)
                    refused = refused or gate.not_allowed
            if refused is not None:
                return refused
        return None

    def _hosts(self, host: bytes) -> list[bytes]:
        name = host.lower()
        if not name.endswith(b"]"):  # an IPv6 address without a port
            head, colon, port = name.rpartition(b":")
            name = head if colon and port.isdigit() else name
        found = [name.rstrip(b".")]
        labels = found[0].split(b".")[:_MOST_LABELS]
        found += [b"*." + b".".join(labels[at:]) for at in range(1, len(labels))]
        return [*found, b"*", b""]

    def _unknown(self, target: bytes) -> Refusal:
        path = target.partition(b"?")[0].decode("latin-1")[:200]
        asked = "/".join(path.strip("/").split("/")[:2])
        hint = self._hints.get(asked)
        if hint is None:
            hint = self._hint(asked)
            if len(self._hints) >= _MOST_HINTS:
                self._hints.clear()
            self._hints[asked] = hint
        return refusal(
            404,
            "route",
            f"no function is deployed at {path!r}.{hint}",
            "addresses are /<project>/<name>; `mlrun-like ps` lists them",
        )

    def _hint(self, asked: str) -> str:
        names = [gate.key for gate in self.gates]
        if len(names) > _MOST_NAMES:
            return ""
        same = [name for name in names if name.partition("/")[2] == asked.partition("/")[0]]
        return f" Did you mean {same[0]!r}?" if same else nearest(asked[:100], names)


def _cleaned(path: str) -> bytes:
    path = path.strip().removesuffix("*").rstrip("/")
    return (path if not path or path.startswith("/") else "/" + path).encode("utf-8")
