"""The kinds of targets, and which target of a feature set is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mlrun_like import registry
from mlrun_like.errors import InvalidArgumentError, NotFoundError, UnknownNameError, nearest
from mlrun_like.feature_store.targets.base import BaseStoreTarget

__all__ = [
    "TargetTypes",
    "get_offline_target",
    "get_online_target",
    "get_target_driver",
    "kind_to_target",
    "validate_target_list",
]

_HERE = "mlrun_like.feature_store.targets."
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "parquet": f"{_HERE}parquet:ParquetTarget",
        "csv": f"{_HERE}csv_target:CSVTarget",
        "delta": f"{_HERE}delta:DeltaTarget",
        "sql": f"{_HERE}sql:SQLTarget",
        "nosql": f"{_HERE}nosql:NoSqlTarget",
        "redisnosql": f"{_HERE}nosql:RedisNoSqlTarget",
        "stream": f"{_HERE}streams:StreamTarget",
        "kafka": f"{_HERE}streams:KafkaTarget",
        "tsdb": f"{_HERE}tsdb:TSDBTarget",
        "dataframe": f"{_HERE}frame_target:DFTarget",
        "custom": f"{_HERE}custom:CustomTarget",
        "snowflake": f"{_HERE}snowflake:SnowflakeTarget",
    }
)


class TargetTypes:
    """Names of kinds, as MLRun's code writes them.

    >>> TargetTypes.parquet, TargetTypes.nosql
    ('parquet', 'nosql')
    """

    csv: Final = "csv"
    parquet: Final = "parquet"
    delta: Final = "delta"
    nosql: Final = "nosql"
    redisnosql: Final = "redisnosql"
    tsdb: Final = "tsdb"
    stream: Final = "stream"
    kafka: Final = "kafka"
    dataframe: Final = "dataframe"
    custom: Final = "custom"
    sql: Final = "sql"
    snowflake: Final = "snowflake"

    @staticmethod
    def all() -> list[str]:
        """All of them."""
        return [*_KINDS]


_OFFLINE = ("parquet", "csv", "delta", "sql")
_ONLINE = ("nosql", "redisnosql", "sql")


def kind_to_target(kind: str) -> type[BaseStoreTarget]:
    """The class of a kind.

    Raises:
        UnknownNameError: if there is none; the message names the kinds.

    >>> kind_to_target("parquet").__name__
    'ParquetTarget'
    """
    row = _KINDS.get(kind) if isinstance(kind, str) else None
    if row is None:
        raise UnknownNameError(
            f"there is no target of kind {kind!r:.60}.{nearest(str(kind), _KINDS)}",
            fix=f"use one of: {', '.join(_KINDS)}",
        )
    found: type[BaseStoreTarget] = registry.resolve(row)
    return found


def get_target_driver(target: Any, resource: Any = None) -> BaseStoreTarget:
    """The target of its kind, its plain data, an entry of a status, or as it is.

    Args:
        target: One of these.
        resource: The feature set or vector it belongs to.

    Raises:
        UnknownNameError: if there is no such kind.
        InvalidArgumentError: if it says no kind.
    """
    if isinstance(target, BaseStoreTarget):
        made = target
    elif isinstance(target, str):
        made = kind_to_target(target).from_dict({})
    else:
        document = target if isinstance(target, Mapping) else _document(target)
        if not document.get("kind"):
            raise InvalidArgumentError(f"a target needs a kind: {document!r:.200}")
        made = kind_to_target(document["kind"]).from_dict(document)
    if resource is not None:
        made.set_resource(resource)
    return made


def _document(target: Any) -> Mapping[str, Any]:
    convert = getattr(target, "to_dict", None)
    if convert is None:
        raise InvalidArgumentError(f"a {type(target).__name__} is no target")
    found: Mapping[str, Any] = convert()
    return found


def _written(resource: Any) -> list[Any]:
    targets = resource.status.targets
    return list(targets.values() if isinstance(targets, Mapping) else targets or ())


def _field(target: Any, name: str) -> Any:
    return target.get(name) if isinstance(target, Mapping) else getattr(target, name, None)


def _best(resource: Any, name: str | None, kinds: Iterable[str], noun: str) -> Any:
    written = _written(resource)
    if name:
        found = next((target for target in written if _field(target, "name") == name), None)
        if found is None:
            names = [str(_field(target, "name")) for target in written]
            raise NotFoundError(
                f"there is no {noun} target {name!r:.80}.{nearest(name, names)}",
                fix=f"written: {', '.join(names) or 'none; ingest first'}",
            )
        return found
    for kind in kinds:
        for target in written:
            if _field(target, "kind") == kind:
                return target
    return None


def get_offline_target(feature_set: Any, name: str | None = None) -> BaseStoreTarget | None:
    """The target to read in bulk: by name, else Parquet first, then others; None: there is none.

    Raises:
        NotFoundError: if none has the name.
    """
    found = _best(feature_set, name, _OFFLINE, "offline")
    return None if found is None else get_target_driver(found, feature_set)


def get_online_target(feature_set: Any, name: str | None = None) -> BaseStoreTarget | None:
    """The target to read by key; None: there is none.

    Raises:
        NotFoundError: if none has the name.
    """
    found = _best(feature_set, name, _ONLINE, "online")
    return None if found is None else get_target_driver(found, feature_set)


def validate_target_list(targets: Iterable[Any]) -> None:
    """See that no two targets have one name or one path.

    Raises:
        InvalidArgumentError: if two have.

    >>> validate_target_list([{"kind": "csv"}, {"kind": "parquet"}])
    """
    names: dict[str, Any] = {}
    paths: dict[str, str] = {}
    for target in targets:
        kind = target if isinstance(target, str) else _field(target, "kind")
        name = str((None if isinstance(target, str) else _field(target, "name")) or kind)
        path = str((None if isinstance(target, str) else _field(target, "path")) or f"of {kind}")
        if name in names or path in paths:
            raise InvalidArgumentError(
                f"targets {names.get(name) or paths[path]!r} and {name!r} have one name or path",
                fix="give each a name and a path of its own",
            )
        names[name], paths[path] = name, name
