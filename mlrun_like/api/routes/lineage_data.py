"""What was made from what: runs and artifacts around one of them, as a graph of bounded size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import select

from mlrun_like.api.access.caller import Caller
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.names import ArtifactURI, parse_artifact_uri
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.part import chunks
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["lineage_graph"]

_DEEPEST = 8
_MOST = 1000
_EDGES = 500
_KINDS = {
    "models": "model",
    "datasets": "dataset",
    "feature-sets": "feature-set",
    "feature-vectors": "feature-vector",
}


@dataclass
class _Graph:
    """What is found so far."""

    nodes: dict[str, Document] = field(default_factory=dict)
    edges: dict[tuple[str, str], Document] = field(default_factory=dict)
    runs: dict[str, tuple[str, str]] = field(default_factory=dict)
    artifacts: dict[str, ArtifactURI] = field(default_factory=dict)
    resolved: dict[str, ArtifactURI] = field(default_factory=dict)
    truncated: bool = False


def lineage_graph(
    store: SqlStore, caller: Caller, project: str, *, uid: str = "", uri: str = "",
    depth: int = 3, limit: int = 200,
) -> Document:  # fmt: skip
    """Runs and artifacts around a run or an artifact.

    Args:
        store: The store.
        caller: Who asks; what it may not see is there as a node without a name.
        project: The project of the run, and of a URI that names none.
        uid: The run.
        uri: Or the artifact's `store://` URI.
        depth: How many steps away, at most.
        limit: How many nodes, at most.

    Returns:
        `nodes`: `{id, kind, label, project, url, state, depth}`; `edges`: `{from, to, direction}`;
        `truncated`: whether there is more.

    Raises:
        InvalidArgumentError: if not exactly one of `uid` and `uri` is given, or it is no URI.
    """
    if bool(uid) == bool(uri):
        raise InvalidArgumentError("give a run's uid or an artifact's uri", fix="?uid=…")
    if not 1 <= depth <= _DEEPEST or not 1 <= limit <= _MOST:
        raise InvalidArgumentError(
            f"depth {depth} and limit {limit} cannot be used",
            fix=f"depth 1 to {_DEEPEST}, limit 1 to {_MOST}",
        )
    store.writer.settle()
    graph = _Graph()
    start = (
        _run_node(graph, project, uid)
        if uid
        else _artifact_node(graph, _resolved(graph, store, parse_artifact_uri(uri, project)))
    )
    graph.nodes[start]["depth"] = 0
    waiting = deque([(start, 0)])
    while waiting:
        node, away = waiting.popleft()
        if away >= depth:
            continue
        for near in _expand(store, graph, node, limit):
            if "depth" not in graph.nodes[near]:
                graph.nodes[near]["depth"] = away + 1
                waiting.append((near, away + 1))
    _name_runs(store, graph)
    return _seen(graph, caller)


def _run_node(graph: _Graph, project: str, uid: str) -> str:
    node = f"run:{project}/{uid}"
    if node not in graph.nodes:
        graph.runs[node] = (project, uid)
        graph.nodes[node] = {
            "id": node, "kind": "run", "label": uid, "project": project, "state": "",
            "url": f"/projects/{quote(project, safe='')}/runs/{quote(uid, safe='')}",
        }  # fmt: skip
    return node


def _artifact_node(graph: _Graph, uri: ArtifactURI) -> str:
    node = f"artifact:{uri.project}/{uri.key}#{uri.iteration or 0}@{uri.tree or uri.tag}"
    if node not in graph.nodes:
        graph.artifacts[node] = uri
        query = {"tree": uri.tree, "tag": uri.tag, "iter": uri.iteration or ""}
        named = urlencode({k: str(v) for k, v in query.items() if v})
        area = uri.category if uri.category.startswith("feature-") else "artifacts"
        place = f"/projects/{quote(uri.project, safe='')}/{area}/{quote(uri.key, safe='')}"
        graph.nodes[node] = {
            "id": node, "kind": _KINDS.get(uri.category, "artifact"), "label": uri.key,
            "project": uri.project, "state": "", "uri": str(uri),
            "url": f"{place}?{named}" if named else place,
        }  # fmt: skip
    return node


def _resolved(graph: _Graph, store: SqlStore, uri: ArtifactURI) -> ArtifactURI:
    """The version that a URI means now, if it names none."""
    text = str(uri)
    found = graph.resolved.get(text)
    if found is None:
        found = uri
        if not uri.tree and not uri.category.startswith("feature-"):
            try:
                document = store.read_artifact(
                    uri.project, uri.key, tag=uri.tag, iteration=uri.iteration
                )
                metadata = document["metadata"]
                found = uri._replace(
                    tree=str(metadata.get("tree") or ""),
                    tag="" if metadata.get("tree") else uri.tag,
                    iteration=int(metadata.get("iter") or 0),
                )
            except (MLRunLikeError, KeyError, TypeError, ValueError):
                pass  # it is gone; what was recorded of it stays
        graph.resolved[text] = found
    return found


def _expand(store: SqlStore, graph: _Graph, node: str, limit: int) -> list[str]:
    e = t.lineage.c
    statement = select(e.project, e.uid, e.artifact_uri, e.direction)
    if node in graph.runs:
        project, uid = graph.runs[node]
        statement = statement.where(e.project == project, e.uid == uid)
    else:
        statement = statement.where(e.artifact_uri.in_(_forms(store, graph.artifacts[node])))
    with store.database.read() as connection:
        rows = list(connection.execute(statement.order_by(e.time.desc()).limit(_EDGES + 1)))
    graph.truncated |= len(rows) > _EDGES
    near = []
    for project, uid, text, direction in rows[:_EDGES]:
        try:
            uri = parse_artifact_uri(text, project)
        except MLRunLikeError:
            continue
        wanted = _resolved(graph, store, uri)
        known = f"artifact:{wanted.project}/{wanted.key}#{wanted.iteration or 0}@"
        known += wanted.tree or wanted.tag
        if node in graph.artifacts and known != node:
            continue  # a name that means another version by now
        others = {known, f"run:{project}/{uid}"} - graph.nodes.keys()
        if len(graph.nodes) + len(others) > limit:
            graph.truncated = True
            continue
        run, artifact = _run_node(graph, project, uid), _artifact_node(graph, wanted)
        ends = (run, artifact) if direction == "write" else (artifact, run)
        graph.edges[ends] = {"from": ends[0], "to": ends[1], "direction": direction}
        near.append(artifact if node == run else run)
    return near


def _forms(store: SqlStore, uri: ArtifactURI) -> list[str]:
    """The texts under which runs may have recorded a version."""
    tags = {"", uri.tag, "latest", *_tags(store, uri)}
    ends = {f":{tag}" if tag else "" for tag in tags}
    if uri.tree:
        ends |= {f"@{uri.tree}", *(f":{tag}@{uri.tree}" for tag in tags if tag)}
    number = f"#{uri.iteration or 0}"
    ends |= {number + end for end in ends}
    heads = [f"store://{uri.category}/{uri.project}/{uri.key}"]
    if uri.category == "artifacts":
        heads.append(f"store://{uri.project}/{uri.key}")
    return [head + end for head in heads for end in sorted(ends)]


def _tags(store: SqlStore, uri: ArtifactURI) -> Iterable[str]:
    g = t.artifact_tags.c
    statement = select(g.tag).where(g.project == uri.project, g.key == uri.key, g.tree == uri.tree)
    with store.database.read() as connection:
        return list(connection.execute(statement.limit(50)).scalars())


def _name_runs(store: SqlStore, graph: _Graph) -> None:
    r = t.runs.c
    uids: Sequence[str] = sorted({uid for _, uid in graph.runs.values()})
    with store.database.read() as connection:
        for part in chunks(uids):
            statement = select(r.project, r.uid, r.name, r.state).where(
                r.uid.in_(part), r.iter == 0, r.deleted_at.is_(None)
            )
            for project, uid, name, state in connection.execute(statement):
                node = graph.nodes.get(f"run:{project}/{uid}")
                if node is not None:
                    node["label"], node["state"] = name or uid, state


def _seen(graph: _Graph, caller: Caller) -> Document:
    """The graph without names of what the caller may not see."""
    names: dict[str, str] = {}
    nodes: list[Document] = []
    for node, shown in graph.nodes.items():
        resource = "run" if shown["kind"] == "run" else "artifact"
        if caller.may(shown["project"], resource, "read"):
            names[node] = node
            nodes.append(shown)
            continue
        names[node] = f"hidden:{len(names)}"
        what = "a run" if shown["kind"] == "run" else "an artifact"
        hidden: dict[str, Any] = {
            "id": names[node], "kind": "hidden", "label": f"{what} of another project",
            "project": "", "state": "", "url": "", "depth": shown.get("depth", 0),
        }  # fmt: skip
        nodes.append(hidden)
    edges = [
        {**edge, "from": names[edge["from"]], "to": names[edge["to"]]}
        for edge in graph.edges.values()
    ]
    return {"nodes": nodes, "edges": edges, "truncated": graph.truncated}
