"""Artifacts under the names of MLRun's client."""

from __future__ import annotations

from typing import Any

from mlrun_like.compat.adapted.client.run_db_lists import Pages, one_page, partitioned
from mlrun_like.compat.adapted.client.run_db_values import (
    labels_of,
    plain,
    project_of,
    text_of,
    time_of,
)
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.registry import resolve
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.full import FullStore
from mlrun_like.types import Document

__all__ = ["ArtifactCalls"]


class ArtifactCalls:
    """What `RunDB` does with artifacts."""

    store: FullStore
    pages: Pages

    def store_artifact(
        self,
        key: str,
        artifact: Any,
        iter: int | str | None = None,
        tag: str | None = None,
        project: str = "",
        tree: str | None = None,
        *,
        uid: str | None = None,
        wait: bool = True,
    ) -> dict[str, Any]:
        """Record an artifact, and give its document."""
        if isinstance(iter, str):  # older clients had the uid in this place
            uid, iter = iter, None
        if not isinstance(key, str):  # the store's own call
            self.store.store_artifact(key, tag=artifact or tag or "", wait=wait)
            return dict(key)
        document = plain(artifact)
        meta = dict(document.get("metadata") or {})
        meta["key"] = meta.get("key") or key
        meta["project"] = project_of(project or meta.get("project"))
        meta["tree"] = tree or uid or meta.get("tree") or ""
        meta["iter"] = iter if iter is not None else meta.get("iter", 0)
        document["metadata"] = meta
        document["spec"] = {**(document.get("spec") or {}), "db_key": key}
        self.store.store_artifact(document, tag=tag or "", wait=wait)
        return document

    def read_artifact(
        self,
        key: str,
        tag: str | None = None,
        iter: int | None = None,
        project: str = "",
        tree: str | None = None,
        uid: str | None = None,
        format_: Any = None,
    ) -> dict[str, Any]:
        """An artifact's document.

        Raises:
            NotFoundError: if there is none.
        """
        del format_
        if uid:
            return dict(self._version(project_of(project), key, uid))
        found = self.store.read_artifact(
            project_of(project), key, tag=tag or "", iteration=iter, tree=tree or ""
        )
        return dict(found)

    def list_artifacts(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        labels: Any = None,
        since: Any = None,
        until: Any = None,
        iter: int | None = None,
        best_iteration: bool = False,
        kind: str | None = None,
        category: Any = None,
        tree: str | None = None,
        producer_uri: str | None = None,
        parent: str | None = None,
        format_: Any = None,
        partition_by: Any = None,
        rows_per_partition: int = 1,
        partition_sort_by: Any = "updated",
        partition_order: Any = "desc",
        *,
        limit: int | None = None,
        **others: Any,
    ) -> Any:
        """Artifacts, newest first, as an `ArtifactList` of documents.

        Args:
            name: Exact key, or `~part`.
            project: The project; `"*"`: all; by default the default project.
            tag: Only with this tag; by default those that are tagged `latest`; `"*"`: all.
            labels: A mapping, or texts `name` and `name=value`.
            since: Changed then or later.
            until: Changed then or before.
            iter: Of this iteration.
            best_iteration: Of a sweep's iterations only the best one.
            kind: Exactly this kind.
            category: `model`, `dataset` or `other`.
            tree: Made by this run or workflow.
            producer_uri: Made by what has this URI.
            parent: Children of this artifact: its URI, or `name:tag`.
            format_: MLRun's; documents are always full.
            partition_by: Only the first rows of each `name` or `project_and_name`.
            rows_per_partition: How many of each.
            partition_sort_by: By which time they are the first: `created` or `updated`.
            partition_order: `desc`: the newest are the first; or `asc`.
            limit: At most so many.
            others: `page` and `page_size`, as of `paginated_list_artifacts`.

        Raises:
            InvalidArgumentError: for `iter` with `best_iteration`, and for partitions that MLRun
                does not know.
        """
        del format_
        if isinstance(name, ArtifactQuery):  # the store's own call
            return self.store.list_artifacts(name)
        if best_iteration and iter is not None:
            raise InvalidArgumentError("best_iteration and iter exclude each other")
        found = self.store.list_artifacts(
            ArtifactQuery(
                project=project_of(project),
                key=name or "",
                tag=tag or "latest",
                labels=labels_of(labels),
                since=time_of(since),
                until=time_of(until),
                iteration=iter,
                kind=None if best_iteration else kind,
                category=text_of(category),
                tree=tree or "",
            )
        )
        if best_iteration:
            found = [item for item in _best(found) if kind in (None, item.get("kind"))]
        elif kind != "link":  # MLRun lists what they point at only
            found = [item for item in found if item.get("kind") != "link"]
        if producer_uri:
            found = [item for item in found if _producer(item) == producer_uri]
        if parent:
            found = [item for item in found if _is_child(item, parent)]
        partition = {
            "partition_by": partition_by,
            "rows_per_partition": rows_per_partition,
            "partition_sort_by": partition_sort_by,
            "partition_order": partition_order,
        }
        kept = partitioned(found, partition, "key")[: limit or None]
        made = resolve("mlrun_like.compat.adapted.runs.lists:ArtifactList")
        return one_page("list_artifacts", made(kept, tag=tag or "*"), others)

    def paginated_list_artifacts(self, *args: Any, **filters: Any) -> tuple[Any, str | None]:
        """A page of artifacts, and the token of the next one; None: there is none.

        Args:
            args: As for `list_artifacts`.
            filters: The same, with `page`, `page_size` (by default 200) and `page_token`.
        """
        return self.pages.page(self.list_artifacts, args, filters)

    def del_artifact(
        self,
        key: str,
        tag: str | None = None,
        project: str = "",
        tree: str | None = None,
        uid: str | None = None,
        deletion_strategy: Any = "metadata-only",
        secrets: Any = None,
        iter: int | None = None,
    ) -> None:
        """Delete an artifact's record; `data-force` and `data-optional` also its bytes."""
        del secrets
        place, strategy = project_of(project), text_of(deletion_strategy) or "metadata-only"
        if uid:  # a version is what one run made in one iteration
            meta = self._version(place, key, uid)["metadata"]
            tree, iter = meta.get("tree"), meta.get("iter")
        query = ArtifactQuery(
            project=place, key=key, tag=tag or "*", tree=tree or "", iteration=iter
        )
        if strategy != "metadata-only":
            delete = resolve("mlrun_like.projects.finding:delete_bytes")
            for item in self.store.list_artifacts(query):
                delete(item, strategy)
        self.store.delete_artifacts(query)

    def del_artifacts(
        self, name: str | None = None, project: str | None = None, tag: str | None = None,
        labels: Any = None, days_ago: int = 0, tree: str | None = None,
    ) -> None:  # fmt: skip
        """Delete the records of all artifacts that these arguments choose."""
        query = ArtifactQuery(
            project=project_of(project), key=name or "", tag=tag or "*", labels=labels_of(labels),
            tree=tree or "", until=time_of(days_ago=days_ago),
        )  # fmt: skip
        self.store.delete_artifacts(query)

    def _version(self, project: str, key: str, uid: str) -> Document:
        for item in self.store.list_artifacts(ArtifactQuery(project=project, key=key, tag="*")):
            if (item.get("metadata") or {}).get("uid") == uid:
                return item
        raise NotFoundError(f"artifact {key!r} of project {project!r} has no version {uid!r}")


def _producer(item: Document) -> str:
    return str(((item.get("spec") or {}).get("producer") or {}).get("uri") or "")


def _best(found: list[Document]) -> list[Document]:
    """Without results of iterations that were not the best; a link names the one that was."""
    groups: dict[tuple[str, ...], list[Document]] = {}
    for item in found:
        meta, spec = item.get("metadata") or {}, item.get("spec") or {}
        name = (meta.get("project"), spec.get("db_key") or meta.get("key"), meta.get("tree"))
        groups.setdefault(tuple(map(str, name)), []).append(item)
    kept = {id(item) for group in groups.values() for item in _best_of(group)}
    return [item for item in found if id(item) in kept]


def _best_of(group: list[Document]) -> list[Document]:
    links = [item for item in group if item.get("kind") == "link"]
    rows = [item for item in group if item.get("kind") != "link"]
    steps = {int((item.get("metadata") or {}).get("iter") or 0) for item in rows}
    chosen = {(link.get("spec") or {}).get("link_iteration") for link in links}
    wanted = chosen or ({0} if 0 in steps else steps if len(steps) == 1 else set())
    return [item for item in rows if int((item.get("metadata") or {}).get("iter") or 0) in wanted]


def _is_child(item: Document, parent: str) -> bool:
    """Whether an artifact's parent is named by a URI, or by `name` or `name:tag`."""
    held = str((item.get("spec") or {}).get("parent_uri") or "")
    if not held or held == parent or "://" in parent:
        return bool(held) and held == parent
    name, _, tag = parent.partition(":")
    own, _, own_tag = held.rpartition("/")[2].partition("@")[0].partition(":")
    return own.partition("#")[0] == name and tag in ("", own_tag or "latest")
