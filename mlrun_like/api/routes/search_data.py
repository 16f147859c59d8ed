"""Search over all that a caller may see: names, labels, tags, descriptions.

Parts of words are looked for among the newest rows of each kind, so that a search takes the same
time whatever has gathered; the answer says how many rows that were, and whether that was all. Ids,
exact names and tags are found however old they are: `search_older`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Select, func, or_, select

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.routes.search_older import TAGS, older_rows
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.project_counts import project_names
from mlrun_like.tracking.schema_alerts import alert_documents
from mlrun_like.tracking.schema_documents import documents
from mlrun_like.tracking.schema_monitoring import model_endpoints
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["KINDS", "search"]

_LONGEST = 200
_WORDS = 8
_ROWS = 20_000
_BODIES = 2_000
_HITS = 200
_SECONDS = 2.0


@dataclass(frozen=True)
class _Kind:
    """What is searched of one kind.

    Args:
        table: Its table.
        order: What is newest.
        name: Its column of names.
        texts: The columns that are searched.
        rows: Among how many of the newest rows.
        url: Where a row is shown.
        where: Which rows are of this kind at all.
        resource: What a caller must be allowed to read.
    """

    table: Any
    order: Any
    name: Any
    texts: Sequence[Any]
    rows: int
    url: Callable[[Mapping[str, Any]], str]
    where: Sequence[ColumnElement[bool]] = ()
    resource: str = ""


def _place(area: str, *, key: str = "name") -> Callable[[Mapping[str, Any]], str]:
    def url(row: Mapping[str, Any]) -> str:
        project, name = quote(str(row["project"]), safe=""), quote(str(row[key]), safe="")
        return f"/projects/{project}/{area}{'' if area.endswith('#') else '/'}{name}"

    return url


_R, _A, _F, _E = t.runs.c, t.artifacts.c, t.functions.c, model_endpoints.c
_D, _P, _S, _L = documents.c, t.projects.c, t.schedules.c, alert_documents.c
_LIVE_RUN = (_R.deleted_at.is_(None), _R.iter == 0, _R.state != "")
_LIVE = _A.deleted_at.is_(None)

KINDS: Mapping[str, _Kind] = {
    "project": _Kind(
        t.projects, _P.updated, _P.name, (_P.name, _P.body), _BODIES,
        lambda row: f"/projects/{quote(str(row['name']), safe='')}", resource="project",
    ),
    "run": _Kind(
        t.runs, _R.started, _R.name, (_R.name, _R.uid, _R.labels, _R.function), _ROWS,
        _place("runs", key="uid"), (*_LIVE_RUN, _R.kind != "pipeline"), "run",
    ),
    "pipeline": _Kind(
        t.runs, _R.started, _R.name, (_R.name, _R.uid, _R.labels), _ROWS,
        _place("pipelines", key="uid"), (*_LIVE_RUN, _R.kind == "pipeline"), "pipeline",
    ),
    "model": _Kind(
        t.artifacts, _A.updated, _A.key, (_A.key, _A.labels, _A.body), _BODIES,
        _place("models"), (_LIVE, _A.category == "model"), "model",
    ),
    "artifact": _Kind(
        t.artifacts, _A.updated, _A.key, (_A.key, _A.labels, _A.tree), _ROWS,
        _place("artifacts"), (_LIVE, _A.category != "model"), "artifact",
    ),
    "function": _Kind(
        t.functions, _F.updated, _F.name, (_F.name, _F.kind, _F.body), _BODIES,
        _place("functions"), (), "function",
    ),
    "feature-set": _Kind(
        documents, _D.updated, _D.name, (_D.name, _D.body), _BODIES,
        _place("feature-sets"), (_D.kind == "feature-set",), "feature-set",
    ),
    "feature-vector": _Kind(
        documents, _D.updated, _D.name, (_D.name, _D.body), _BODIES,
        _place("feature-vectors"), (_D.kind == "feature-vector",), "feature-vector",
    ),
    "endpoint": _Kind(
        model_endpoints, _E.updated, _E.name, (_E.name, _E.uid, _E.labels, _E.model), _BODIES,
        _place("endpoints", key="uid"), (), "endpoint",
    ),
    "schedule": _Kind(
        t.schedules, _S.updated, _S.name, (_S.name, _S.body), _BODIES,
        _place("schedules"), (), "schedule",
    ),
    "alert": _Kind(
        alert_documents, _L.updated, _L.name, (_L.name, _L.body), _BODIES,
        _place("alerts#"), (_L.kind == "config",), "alert",
    ),
}  # fmt: skip
"""What can be searched."""


def search(
    store: SqlStore, caller: Caller, text: str, *, kinds: Sequence[str] = (),
    project: str = "", limit: int = 20,
) -> Document:  # fmt: skip
    """What matches all words of a text, the best first.

    Args:
        store: The store.
        caller: Who asks; only what it may see is found.
        text: Words; each must be in one of the searched texts, case ignored.
        kinds: Only these of `KINDS`; empty: all.
        project: Only in this one; empty: in all that the caller may see.
        limit: How many results of a kind, at most.

    Returns:
        `results`: `{kind, project, name, title, snippet, url, score, updated}`; `counts`: how many
        of each kind were found (about 200 at most); `searched`: among how many rows that was, and
        whether these were `all`; `truncated`: whether time or limits left something out.

    Raises:
        InvalidArgumentError: if the text is empty or too long, or a kind is not known.
    """
    typed = text.encode("utf-8", "replace").decode().replace("\0", " ").split()
    words = [word.lower() for word in typed]
    if not words or len(text) > _LONGEST or len(words) > _WORDS:
        raise InvalidArgumentError(
            f"{text[:60]!r} cannot be searched for", fix=f"1 to {_WORDS} words"
        )
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not 1 <= limit <= 100:
        raise InvalidArgumentError(
            f"kind {unknown[0][:40]!r} is not known" if unknown else f"limit {limit} is not usable",
            fix=f"kinds: {', '.join(KINDS)}; limit 1 to 100",
        )
    began = time.monotonic()
    store.writer.settle()
    found: Document = {
        "text": text, "results": [], "counts": {}, "searched": {}, "truncated": False,
    }  # fmt: skip
    names = [project] if project else sorted(caller.visible or project_names(store))
    for kind in kinds or KINDS:
        if time.monotonic() - began > _SECONDS:
            found["truncated"] = True
            break
        seen = [one for one in names if caller.may(one, KINDS[kind].resource, "read")]
        if seen:
            is_all = not project and caller.visible is None
            _search_kind(store, kind, typed, (seen, is_all), limit, found)
    found["results"].sort(key=lambda one: (-one["score"], -one["updated"], one["title"]))
    found["milliseconds"] = round((time.monotonic() - began) * 1000, 1)
    return found


def _search_kind(
    store: SqlStore, kind: str, typed: Sequence[str], projects: tuple[list[str], bool], limit: int,
    found: Document,
) -> None:  # fmt: skip
    row, words = KINDS[kind], [word.lower() for word in typed]
    inner = _newest(row, kind, *projects).subquery()
    texts = [inner.c[column.key] for column in row.texts]
    matching = (
        or_(*(func.lower(column).contains(word, autoescape=True) for column in texts))
        for word in words
    )
    wanted = select(inner).where(*matching).order_by(inner.c[row.order.key].desc())
    older = older_rows(kind, row.table, row.where, projects[0], [*{*typed, *words}])
    with store.database.read() as connection:
        rows = [dict(one) for one in connection.execute(wanted.limit(_HITS + 1)).mappings()]
        count = connection.execute(select(func.count()).select_from(inner)).scalar_one()
        more = [dict(one) for each in older for one in connection.execute(each).mappings()]
    best: dict[tuple[str, str], Document] = {}
    for one in [*rows[:_HITS], *more]:
        shown = _result(kind, row, one, words)
        if shown is None:
            continue
        identity = (shown["project"], shown["url"])
        if identity not in best or best[identity]["score"] < shown["score"]:
            best[identity] = shown
    results = sorted(best.values(), key=lambda one: (-one["score"], -one["updated"]))
    found["counts"][kind] = len(results)
    found["searched"][kind] = {"rows": count, "all": count < row.rows}
    found["truncated"] |= len(rows) > _HITS or len(results) > limit
    found["results"] += results[:limit]


def _newest(row: _Kind, kind: str, projects: Sequence[str], is_all: bool) -> Select[Any]:
    statement = select(*row.table.c).where(*row.where)
    if not is_all:
        column = row.table.c.name if kind == "project" else row.table.c.project
        statement = statement.where(column.in_(projects))
    return statement.order_by(row.order.desc()).limit(row.rows)


def _result(kind: str, row: _Kind, one: Mapping[str, Any], words: Sequence[str]) -> Document | None:
    """A row as a result; None: the words were in parts of its document that are not searched."""
    name = str(one[row.name.key])
    body = _words_of(str(one["body"])) if any(c.key == "body" for c in row.texts) else {}
    texts = {
        **{c.key: str(one[c.key] or "") for c in row.texts if c.key != "body"},
        **body,
        TAGS: str(one.get(TAGS) or ""),
    }
    score = 0.0
    snippet = ""
    for word in words:
        hits = {key: text for key, text in texts.items() if word in text.lower()}
        if not hits:
            return None
        score += max(_score(key, text.lower(), word, row) for key, text in hits.items())
        key, text = next(iter(hits.items()))
        if key != row.name.key and not snippet:
            snippet = f"{key}: {_around(text, word)}"
    project = name if kind == "project" else str(one["project"])
    shown = {**one, "name": name}
    return {
        "kind": kind, "project": project, "name": name,
        "title": name, "snippet": snippet, "url": row.url(shown),
        "score": round(score / len(words), 3), "updated": float(one[row.order.key] or 0.0),
    }  # fmt: skip


def _score(key: str, text: str, word: str, row: _Kind) -> float:
    if key == row.name.key:
        return 10.0 if text == word else 6.0 if text.startswith(word) else 4.0
    if key in ("uid", "hash"):
        return 8.0 if text == word else 5.0 if text.startswith(word) else 1.0
    if key == TAGS:
        return 5.0 if text == word else 3.0
    return 2.0


def _words_of(body: str) -> dict[str, str]:
    """What is searched of a document: labels, tags, descriptions, framework."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    metadata, spec = _part(document, "metadata"), _part(document, "spec")
    for part in (metadata, spec):
        for key in ("description", "framework", "algorithm", "default_handler", "owner"):
            if isinstance(part.get(key), str):
                found[key] = part[key][:10_000]
    labels = metadata.get("labels")
    if isinstance(labels, Mapping):
        found["labels"] = " ".join(f"{key}={value}" for key, value in labels.items())[:10_000]
    return found


def _around(text: str, word: str) -> str:
    at = text.lower().find(word)
    start = max(0, at - 40)
    piece = text[start : at + len(word) + 80].replace("\n", " ")
    return f"{'…' if start else ''}{piece}{'…' if at + len(word) + 80 < len(text) else ''}"


def _part(document: Any, key: str) -> Mapping[str, Any]:
    found = document.get(key) if isinstance(document, Mapping) else None
    return found if isinstance(found, Mapping) else {}
