"""Tags of artifacts under the names of MLRun's client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import plain, project_of, text_of
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.full import FullStore
from mlrun_like.types import Document

__all__ = ["TagCalls"]

_NAMES = ("kind", "key", "iter", "uid", "producer_id")


class TagCalls:
    """What `RunDB` does with tags of artifacts."""

    store: FullStore

    def list_artifact_tags(self, project: str | None = None, category: Any = None) -> list[str]:
        """All tags that artifacts of a project carry."""
        return self.store.artifact_tags(project_of(project), category=text_of(category))

    def tag_artifacts(
        self, artifacts: Any, project: str, tag_name: str, replace: bool = False
    ) -> None:
        """Give artifacts a tag.

        Args:
            artifacts: One or several, as objects or documents.
            project: Their project.
            tag_name: The tag.
            replace: See `tag_objects`.
        """
        self.tag_objects(project, tag_name, _objects(artifacts), replace)

    def delete_artifacts_tags(self, artifacts: Any, project: str, tag_name: str) -> None:
        """Take a tag away from artifacts, given as for `tag_artifacts`."""
        self.delete_objects_tag(project, tag_name, _objects(artifacts))

    def tag_objects(self, project: str, tag_name: str, objects: Any, replace: bool = False) -> None:
        """Give a tag to the artifacts that identifiers fit: of each key the newest.

        Args:
            project: Their project.
            tag_name: The tag.
            objects: `kind` (`artifact`) and `identifiers`, each with some of `kind`, `key`,
                `iter`, `uid` and `producer_id`.
            replace: Take all their other tags away, except `latest`. Other versions of their keys
                lose the tag in any case.

        Raises:
            InvalidArgumentError: for another kind of objects, and an identifier that names nothing.
        """
        place = project_of(project)
        for fitting in self._meant(place, objects):
            for item in _newest(fitting):
                key, uid = _key(item), str(item["metadata"]["uid"])
                self.store.tag_artifact(place, key, uid, tag_name)
                if replace:
                    held = self.store.artifact_tags(place, key, uid)
                    for tag in {*held} - {tag_name, "latest"}:
                        self.store.untag_artifact(place, tag, key, uid)

    def delete_objects_tag(self, project: str, tag_name: str, tag_objects: Any) -> None:
        """Take a tag away from all artifacts that identifiers fit, which stay."""
        place = project_of(project)
        for fitting in self._meant(place, tag_objects):
            for item in fitting:
                self.store.untag_artifact(place, tag_name, _key(item), str(item["metadata"]["uid"]))

    def _meant(self, project: str, objects: Any) -> list[list[Document]]:
        """What each of the identifiers fits, newest first."""
        given = plain(objects)
        if text_of(given.get("kind")) != "artifact":
            raise InvalidArgumentError(
                f"objects of kind {text_of(given.get('kind'))!r:.60} have no tags to change",
                fix='kind="artifact"',
            )
        found = []
        for identifier in given.get("identifiers") or ():
            wanted = {
                name: value
                for name, value in plain(identifier).items()
                if name in _NAMES and value not in (None, "")
            }
            if not wanted:
                raise InvalidArgumentError("an identifier names nothing", fix="key=..., uid=...")
            query = ArtifactQuery(
                project=project,
                key=str(wanted.get("key", "")),
                tag="*",
                tree=str(wanted.get("producer_id", "")),
                kind=wanted.get("kind"),
                iteration=wanted.get("iter"),
            )
            fitting = self.store.list_artifacts(query)
            uid = wanted.get("uid")
            found.append([item for item in fitting if uid in (None, str(item["metadata"]["uid"]))])
        return found


def _newest(fitting: list[Document]) -> list[Document]:
    """Of each key its newest version, with the other iterations of the same run."""
    found: dict[tuple[str, int], Document] = {}
    trees: dict[str, Any] = {}
    for item in fitting:
        key, meta = _key(item), item["metadata"]
        if trees.setdefault(key, meta.get("tree")) == meta.get("tree"):
            found.setdefault((key, int(meta.get("iter") or 0)), item)
    return list(found.values())


def _objects(artifacts: Any) -> Mapping[str, Any]:
    several = artifacts if isinstance(artifacts, (list, tuple)) else [artifacts]
    found = []
    for document in map(plain, several):
        meta = document.get("metadata") or {}
        row = {"key": _key(document), "iter": meta.get("iter"), "uid": meta.get("uid")}
        found.append({**row, "producer_id": meta.get("tree")})
    return {"kind": "artifact", "identifiers": found}


def _key(document: Document) -> str:
    meta, spec = document.get("metadata") or {}, document.get("spec") or {}
    return str(spec.get("db_key") or meta.get("key"))
