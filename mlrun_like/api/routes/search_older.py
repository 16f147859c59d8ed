"""What a search finds by an index, however old it is: ids, exact names and keys, tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal, or_, select

from mlrun_like.tracking import schema as t
from mlrun_like.tracking.schema_documents import document_tags, documents
from mlrun_like.tracking.schema_monitoring import model_endpoints

__all__ = ["TAGS", "older_rows"]

TAGS = "tags"
"""The column of the rows that has the tag by which a row was found; empty: by something else."""

_FEW = 50
_EXACT: dict[str, Sequence[Any]] = {
    "run": (t.runs.c.uid, t.runs.c.name),
    "pipeline": (t.runs.c.uid, t.runs.c.name),
    "artifact": (t.artifacts.c.key, t.artifacts.c.tree),
    "model": (t.artifacts.c.key,),
    "function": (t.functions.c.name,),
    "feature-set": (documents.c.name,),
    "feature-vector": (documents.c.name,),
    "endpoint": (model_endpoints.c.uid,),
}
_A, _F, _D = t.artifacts.c, t.functions.c, documents.c
_AT, _FT, _DT = t.artifact_tags.c, t.function_tags.c, document_tags.c
_BY_ARTIFACT = _A.artifact_id == _AT.artifact_id
_BY_FUNCTION = and_(_F.project == _FT.project, _F.name == _FT.name, _F.hash == _FT.hash)
_BY_DOCUMENT = and_(
    _D.kind == _DT.kind, _D.project == _DT.project, _D.name == _DT.name, _D.uid == _DT.uid
)
_TAGGED: dict[str, tuple[Any, ColumnElement[bool]]] = {
    "model": (t.artifact_tags, _BY_ARTIFACT),
    "artifact": (t.artifact_tags, _BY_ARTIFACT),
    "function": (t.function_tags, _BY_FUNCTION),
    "feature-set": (document_tags, _BY_DOCUMENT),
    "feature-vector": (document_tags, _BY_DOCUMENT),
}
_EVERYWHERE = ("latest",)  # a tag that every newest version has tells nothing


def older_rows(
    kind: str, table: Any, where: Sequence[ColumnElement[bool]], projects: Sequence[str],
    words: Sequence[str],
) -> list[Select[Any]]:  # fmt: skip
    """Questions whose rows may fit, each answered by an index; at most fifty rows each.

    Args:
        kind: A key of `search_data.KINDS`.
        table: Its table.
        where: Which rows are of this kind at all.
        projects: Whose rows; the indexes begin with the project.
        words: As they were typed: case counts here.
    """
    found = []
    for column in _EXACT.get(kind, ()):
        exact = select(*table.c, literal("").label(TAGS)).where(
            table.c.project.in_(projects), column.in_(words), *where
        )
        found.append(exact.limit(_FEW))
    asked = [word for word in words if word not in _EVERYWHERE]
    if kind in _TAGGED and asked:
        tags, same = _TAGGED[kind]
        begins = or_(*(tags.c.tag.startswith(word, autoescape=True) for word in asked))
        tagged = (
            select(*table.c, tags.c.tag.label(TAGS))
            .join_from(tags, table, same)
            .where(tags.c.project.in_(projects), tags.c.tag.not_in(_EVERYWHERE), begins, *where)
        )
        found.append(tagged.limit(_FEW))
    return found
