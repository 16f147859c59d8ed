"""Artifacts and tags under the names of MLRun's client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import (
    labels_of,
    plain,
    project_of,
    text_of,
    time_of,
)
from mlrun_like.registry import resolve
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.full import FullStore
from mlrun_like.types import Document

__all__ = ["ArtifactCalls"]


class ArtifactCalls:
    """What `RunDB` does with artifacts and their tags."""

    store: FullStore

    def store_artifact(
        self,
        key: str,
        artifact: Any,
        uid: str | None = None,
        iter: int | None = None,
        tag: str | None = None,
        project: str = "",
        tree: str | None = None,
        *,
        wait: bool = True,
    ) -> dict[str, Any]:
        """Record an artifact, and give its document."""
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
        del format_, uid
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
        format_: Any = None,
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
            best_iteration: Without the other iterations' results.
            kind: Exactly this kind.
            category: `model`, `dataset` or `other`.
            tree: Made by this run or workflow.
            producer_uri: Made by what has this URI.
            format_: MLRun's; documents are always full.
            limit: At most so many.
            others: Partitions and pages, which this list does not have.
        """
        del format_, others
        if isinstance(name, ArtifactQuery):  # the store's own call
            return self.store.list_artifacts(name)
        found = self.store.list_artifacts(
            ArtifactQuery(
                project=project_of(project),
                key=name or "",
                tag=tag or "latest",
                labels=labels_of(labels),
                since=time_of(since),
                until=time_of(until),
                iteration=0 if best_iteration and iter is None else iter,
                kind=kind,
                category=text_of(category),
                tree=tree or "",
                limit=limit or 0,
            )
        )
        if producer_uri:
            found = [item for item in found if _producer(item) == producer_uri]
        made = resolve("mlrun_like.compat.adapted.runs.lists:ArtifactList")
        return made(found, tag=tag or "*")

    def paginated_list_artifacts(
        self, *args: Any, page: int | None = None, page_size: int | None = None,
        page_token: str | None = None, **filters: Any,
    ) -> tuple[Any, None]:  # fmt: skip
        """A page of artifacts, and no token."""
        del page_token
        found = self.list_artifacts(*args, **filters)
        start = (max(page or 1, 1) - 1) * (page_size or 0)
        kept = found[start : start + page_size] if page_size else list(found)
        make: Callable[..., Any] = type(found)
        return make(kept, tag=filters.get("tag") or "*"), None

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
        del uid, secrets
        place, strategy = project_of(project), text_of(deletion_strategy) or "metadata-only"
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

    def list_artifact_tags(self, project: str | None = None, category: Any = None) -> list[str]:
        """All tags that artifacts of a project carry."""
        query = ArtifactQuery(project=project_of(project), tag="*", category=text_of(category))
        tags = {
            (item.get("metadata") or {}).get("tag") for item in self.store.list_artifacts(query)
        }
        return sorted(filter(None, tags))

    def tag_artifacts(
        self, artifacts: Any, project: str, tag_name: str, replace: bool = False
    ) -> None:
        """Give artifacts a tag.

        Args:
            artifacts: One or several, as objects or documents.
            project: Their project.
            tag_name: The tag.
            replace: Take it away from the project's others.
        """
        del replace  # a tag is held by one version of a key
        for item in artifacts if isinstance(artifacts, (list, tuple)) else [artifacts]:
            document = plain(item)
            meta, spec = document.get("metadata") or {}, document.get("spec") or {}
            key = str(spec.get("db_key") or meta.get("key"))
            found = self.store.read_artifact(
                project, key, iteration=meta.get("iter"), tree=meta.get("tree") or ""
            )
            self.store.tag_artifact(project, key, found["metadata"]["uid"], tag_name)


def _producer(item: Document) -> str:
    return str(((item.get("spec") or {}).get("producer") or {}).get("uri") or "")
