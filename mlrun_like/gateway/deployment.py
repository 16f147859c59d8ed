"""What is deployed: functions, their versions, and which of them answers how much."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Deployment", "Options", "Share", "Version"]


@dataclass(frozen=True)
class Options:
    """How a version of a function runs. Times are in seconds; 0 of a limit: there is none.

    One replica is one process. Nuclio's `workers` of a trigger multiply the numbers of replicas.
    """

    min_replicas: int = 0
    max_replicas: int = 4
    concurrency: int = 0
    """Requests at a time in one replica; 0: one for handlers that block, 64 for others."""
    queue: int = 1024
    """Requests that wait for a replica; further ones are refused with 429."""
    queue_timeout: float = 30.0
    """How long one may wait; then it is refused with 503."""
    request_timeout: float = 60.0
    """How long a replica may work on one; then the replica is killed, and the answer is 504."""
    start_timeout: float = 60.0
    idle_timeout: float = 60.0
    """After which replicas above `min_replicas` end if nothing came."""
    scale_down_delay: float = 10.0
    target_delay: float = 0.05
    """Requests shall not wait longer than this; what the number of replicas follows."""
    max_requests: int = 0
    """After which a replica is replaced."""
    memory: int = 0
    """Bytes of one replica with its children."""
    cpu: float = 0.0
    """Cores of one replica."""
    processes: int = 64
    """Processes of one replica with its children."""
    max_body: int = 64 << 20
    """Bytes of a request's body; above: 413."""
    auth: dict[str, Any] = field(default_factory=dict)
    """`{"kind": "none" | "bearer" | "basic", "callers": [{"name", "hash", "scopes"}]}`: secrets
    are kept hashed."""
    rate_limit: float = 0.0
    """Requests per second of one caller; above: 429."""
    burst: int = 0
    """Requests that a caller may send at once; 0: what the rate allows in two seconds."""
    cors: dict[str, Any] = field(default_factory=dict)
    """Nuclio's: enabled, allowOrigins, allowMethods, allowHeaders, allowCredentials,
    preflightMaxAgeSeconds."""
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    """Further places where it answers: of these hosts, under these paths, these methods only."""
    port: int = 0
    """A port of its own."""
    no_http: int = 0
    """1: only triggers, and who may use the gateway's private socket, reach it."""
    triggers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Triggers besides HTTP by name, in Nuclio's layout: kind, url, attributes, batch, ..."""
    warm_up: tuple[dict[str, Any], ...] = ()
    """Requests (path, body, method) that a replica answers before it counts as ready."""
    smoke: tuple[dict[str, Any], ...] = ()
    """Requests that a new version must answer with a status below 500 before traffic moves."""
    env: dict[str, str] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    python: str = ""
    audit: float = 0.0
    """Share of invocations, 0 to 1, whose input and output are recorded."""
    command: tuple[str, ...] = ()
    """Of an application: what to run; it listens on `internal_port`, or on $PORT."""
    internal_port: int = 0
    workdir: str = ""

    def to_dict(self) -> dict[str, Any]:
        """What differs from the defaults, as plain data.

        >>> Options(min_replicas=1).to_dict()
        {'min_replicas': 1}
        """
        found = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            default = item.default if item.default_factory is dataclasses.MISSING else {}
            if value != default:
                found[item.name] = list(value) if isinstance(value, tuple) else value
        return found

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Options:
        """The options that `to_dict` wrote; unknown names (of a newer version) are left out."""
        found: dict[str, Any] = {}
        for item in dataclasses.fields(cls):
            if item.name in data:
                value = data[item.name]
                found[item.name] = tuple(value) if isinstance(value, list) else value
        return cls(**found)


@dataclass(frozen=True)
class Version:
    """One version of a deployed function.

    Args:
        number: 1, 2, ...
        kind: `nuclio`, `serving` or `application`.
        document: The function's document as plain data, with its code.
        options: How it runs.
        created: When, in ISO form with its time zone.
        by: Who deployed it.
        digest: Of document and options: the same code again is the same version.
    """

    number: int
    kind: str
    document: dict[str, Any]
    options: Options
    created: str = ""
    by: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Share:
    """A part of the traffic.

    Args:
        version: Which version answers it.
        weight: Percent of the requests, 0 to 100.
        header: Requests with this header answered by this version whatever the weights are.
        value: The header's value; empty: any.
    """

    version: int
    weight: float = 0.0
    header: str = ""
    value: str = ""


@dataclass
class Deployment:
    """A deployed function.

    Args:
        project: Its project.
        name: Its name; with its tag, if that is not `latest`: `name-tag`.
        versions: By number.
        traffic: Who answers; weights add up to 100.
        shadow: A version that gets a copy of `weight` percent of the requests; its answers are
            compared in the metrics and thrown away.
        watch: Of a rollout under way: the new version, what it may not exceed, when it is done.
        previous: What traffic was before the last change, for `rollback`.
        replicas: Numbers set by hand (`min`, `max`), which win over the version's.
        history: What was changed, by whom and when; the youngest last.
        sticky: Who keeps the same version while weights stay: empty, nobody; `caller`; or the
            name of a header that tells callers apart.
    """

    project: str
    name: str
    versions: dict[int, Version] = field(default_factory=dict)
    traffic: list[Share] = field(default_factory=list)
    shadow: Share | None = None
    watch: dict[str, Any] | None = None
    previous: list[Share] = field(default_factory=list)
    replicas: dict[str, int] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    sticky: str = ""

    @property
    def key(self) -> str:
        """`<project>/<name>`."""
        return f"{self.project}/{self.name}"

    @property
    def newest(self) -> int:
        """The highest number of a version; 0: there is none."""
        return max(self.versions, default=0)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "project": self.project,
            "name": self.name,
            "versions": [
                {**dataclasses.asdict(version), "options": version.options.to_dict()}
                for version in self.versions.values()
            ],
            "traffic": [dataclasses.asdict(share) for share in self.traffic],
            "shadow": dataclasses.asdict(self.shadow) if self.shadow else None,
            "watch": self.watch,
            "previous": [dataclasses.asdict(share) for share in self.previous],
            "replicas": self.replicas,
            "history": self.history,
            "sticky": self.sticky,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Deployment:
        """What `to_dict` wrote.

        >>> Deployment.from_dict(Deployment("p", "f").to_dict()).key
        'p/f'
        """
        versions = [
            Version(**{**row, "options": Options.from_dict(row["options"])})
            for row in data["versions"]
        ]
        return cls(
            project=data["project"],
            name=data["name"],
            versions={version.number: version for version in versions},
            traffic=[Share(**row) for row in data["traffic"]],
            shadow=Share(**data["shadow"]) if data.get("shadow") else None,
            watch=data.get("watch"),
            previous=[Share(**row) for row in data.get("previous") or ()],
            replicas=dict(data.get("replicas") or {}),
            history=list(data.get("history") or ()),
            sticky=str(data.get("sticky") or ""),
        )
