"""What `mlrun-like features` does; loaded when a subcommand runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mlrun_like.cli.values import parse_pairs
from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.records import (
    get_feature_set,
    get_feature_vector,
    list_feature_sets,
    list_feature_vectors,
)
from mlrun_like.feature_store.ingestion.api import ingest
from mlrun_like.feature_store.offline.api import get_offline_features
from mlrun_like.feature_store.online.api import get_online_feature_service
from mlrun_like.feature_store.parity.checking import check
from mlrun_like.feature_store.parity.result import ParityResult
from mlrun_like.feature_store.sources.opening import open_source

__all__ = ["checked", "found", "ingested", "listed", "offline_rows", "online_row"]

Named = tuple[str, str]
"""A name or URI, and a project."""
_KINDS = ("all", "sets", "vectors")


def listed(project: str, kind: str, name: str) -> list[dict[str, Any]]:
    """Rows of `features list`."""
    if kind not in _KINDS:
        raise InvalidArgumentError(
            f"--kind {kind!r} is unknown.{nearest(kind, _KINDS)}",
            fix=f"use one of: {', '.join(_KINDS)}",
        )
    wanted = f"~{name}" if name else None
    rows = []
    if kind != "vectors":
        rows += [_set_row(one) for one in list_feature_sets(project, wanted)]
    if kind != "sets":
        rows += [_vector_row(one) for one in list_feature_vectors(project, wanted)]
    return rows


def _set_row(one: FeatureSet) -> dict[str, Any]:
    targets = [target.to_dict() for target in one.status.targets]
    return {
        **_row(one, "set"),
        "entities": list(one.spec.entities.keys()),
        "features": list(one.spec.features.keys()),
        "targets": [row["name"] for row in targets],
        "rows": max((row["rows"] for row in targets if row.get("rows") is not None), default=None),
        "updated": max((str(row["updated"]) for row in targets if row.get("updated")), default=""),
    }


def _vector_row(one: FeatureVector) -> dict[str, Any]:
    targets = [target.to_dict() for target in one.status.targets]
    return {
        **_row(one, "vector"),
        "entities": list(one.status.index_keys or []),
        "features": list(one.spec.features),
        "targets": [row["name"] for row in targets],
        "rows": None,
        "updated": max((str(row["updated"]) for row in targets if row.get("updated")), default=""),
    }


def _row(one: Any, kind: str) -> dict[str, Any]:
    return {
        "project": one.metadata.project,
        "name": one.metadata.name,
        "kind": kind,
        "tag": one.metadata.tag or "",
        "uri": one.uri,
        "state": one.status.state or "",
    }


def found(name: str, project: str) -> tuple[Any, dict[str, str]]:
    """A feature set or vector of a name, and what it comes from and goes to."""
    if name.startswith("store://feature-vectors"):
        item: Any = get_feature_vector(name, project or None)
    elif name.startswith("store://"):
        item = get_feature_set(name, project or None)
    else:
        try:
            item = get_feature_set(name, project or None)
        except NotFoundError as exc:
            try:
                item = get_feature_vector(name, project or None)
            except NotFoundError:
                raise NotFoundError(
                    f"there is no feature set or vector {name!r}",
                    where=exc.where,
                    fix="mlrun-like features list",
                ) from exc
    return item, _lineage(item)


def _lineage(item: Any) -> dict[str, str]:
    if isinstance(item, FeatureVector):
        try:
            sets = [one.feature_set.uri for one in item.resolved().sets]
        except (InvalidArgumentError, NotFoundError) as exc:
            return {"broken": str(exc.what)}
        return {"made of": "\n".join(sets)}
    source = item.spec.source
    document = source if isinstance(source, Mapping) else {}
    own = item.metadata.name
    users = [
        one.uri
        for one in list_feature_vectors(item.metadata.project)
        if any(_set_of(text) == own for text in one.spec.features)
    ]
    return {"source": str(document.get("path") or ""), "used by": "\n".join(users)}


def _set_of(feature: str) -> str:
    return feature.partition(".")[0].rpartition("/")[2].partition(":")[0]


def ingested(
    named: Named,
    source: str,
    changes: Mapping[str, str],
    overwrite: bool | None,
    how: Mapping[str, Any],
) -> dict[str, Any]:
    """Ingest a set; gives its state and targets."""
    feature_set = get_feature_set(named[0], named[1] or None)
    given: Any = source or feature_set.spec.source
    if not given:
        raise InvalidArgumentError(
            f"feature set {feature_set.metadata.name!r} has no source",
            fix="mlrun-like features ingest SET data.parquet",
        )
    opened = open_source(given)
    if changes:
        opened = opened._with(**changes)
    ingest(feature_set, opened, return_df=False, overwrite=overwrite, **how)
    status = feature_set.status.to_dict()
    return {
        "uri": feature_set.uri,
        "state": status.get("state"),
        "run": status.get("run_uri"),
        "targets": status.get("targets", []),
    }


def offline_rows(named: Named, file: str, time_column: str, output: str) -> pd.DataFrame:
    """The offline join for the entity rows of a file; written to a file too."""
    suffix = Path(output).suffix
    if output and suffix not in (".parquet", ".csv"):
        raise InvalidArgumentError(
            f"--output {output!r} is neither .parquet nor .csv", fix="-o train.parquet"
        )
    vector = get_feature_vector(named[0], named[1] or None)
    source = open_source(file).with_defaults(time_field=time_column or None)
    rows = source.to_dataframe()
    if time_column and time_column not in rows.columns:
        raise InvalidArgumentError(
            f"the file has no column {time_column!r}.{nearest(time_column, list(rows.columns))}",
            where=file,
            fix=f"columns: {', '.join(map(str, rows.columns))}",
        )
    response = get_offline_features(vector, rows, time_column or None, with_indexes=True)
    frame: pd.DataFrame = response.to_dataframe()
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    if suffix == ".parquet":
        frame.to_parquet(output, index=False)
    elif suffix == ".csv":
        frame.to_csv(output, index=False)
    return frame


def online_row(named: Named, entities: Sequence[str], at: str) -> dict[str, Any] | None:
    """The vector of one entity."""
    vector = get_feature_vector(named[0], named[1] or None)
    with get_online_feature_service(vector) as service:
        names = " ".join(f"{name}=..." for name in service.entities)
        pairs = parse_pairs(entities, "ENTITY", f"mlrun-like features get {named[0]} {names}")
        for name in pairs:
            if name not in service.entities:
                raise InvalidArgumentError(
                    f"the vector has no entity {name!r}.{nearest(name, service.entities)}",
                    fix=f"entities: {', '.join(service.entities)}",
                )
        types = service.plan.entities
        row = {name: _typed(text, types.get(name), name) for name, text in pairs.items()}
        moment = pd.Timestamp(at).to_pydatetime() if at else None
        found = service.get([row], at=moment)[0]
    return dict(found) if found is not None else None


def _typed(text: str, kind: str | None, name: str) -> Any:
    """What a user typed as a value of the entity's type; as a text if that is unknown."""
    try:
        if kind and kind.startswith(("int", "uint")):
            return int(text)
        if kind and "float" in kind:
            return float(text)
    except ValueError as exc:
        raise InvalidArgumentError(
            f"{name}={text!r}: the entity is {kind}", fix=f"{name}=42"
        ) from exc
    if kind == "bool":
        return text.lower() in ("true", "1", "yes")
    return pd.Timestamp(text).to_pydatetime() if kind == "datetime" else text


def checked(named: Named, log: Path, tolerance: float, span: Mapping[str, Any]) -> ParityResult:
    """Compare a log with the offline join."""
    vector = get_feature_vector(named[0], named[1] or None)
    return check(vector, log, tolerance, **span)
