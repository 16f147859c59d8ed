"""MLRunLoader: a LangChain loader whose documents are logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.artifacts.document import DocumentArtifact, DocumentLoaderSpec
from mlrun_like.errors import NotFoundError
from mlrun_like.projects.current import get_current_project
from mlrun_like.projects.loading import get_or_create_project
from mlrun_like.registry import require

__all__ = ["MLRunLoader"]


class MLRunLoader:
    """Makes a LangChain loader that logs the document that it loads.

    Args:
        source_path: The document's path or URL.
        loader_spec: How it is loaded.
        artifact_key: Its key; `%%` is replaced by a key made of the path.
        producer: A project, its name, or a context; None: the current project.
        upload: Copy the document to where artifacts go.
        tag: A tag.
        labels: Labels.
    """

    def __new__(
        cls,
        source_path: str,
        loader_spec: DocumentLoaderSpec,
        artifact_key: str = "%%",
        producer: Any = None,
        upload: bool = False,
        tag: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Any:
        base = require("langchain_core.document_loaders", feature="MLRunLoader").BaseLoader
        key = cls.artifact_key_instance(artifact_key, source_path)

        class Loader(base):  # type: ignore[misc, valid-type]
            """Logs the document, then loads it."""

            def lazy_load(self) -> Iterator[Any]:
                """The document, in chunks."""
                owner = _owner(producer)
                logged = owner.log_artifact(
                    DocumentArtifact(
                        source_path,
                        key=key,
                        document_loader_spec=loader_spec,
                        collections=_collections(owner, key, tag),
                    ),
                    local_path=source_path,
                    upload=upload,
                    tag=tag,
                    labels=labels,
                )
                yield from logged.to_langchain_documents()

        return Loader()

    @staticmethod
    def artifact_key_instance(artifact_key: str, src_path: str) -> str:
        """The key with `%%` replaced."""
        return artifact_key.replace("%%", DocumentArtifact.key_from_source(src_path))


def _owner(producer: Any) -> Any:
    if producer is None:
        return get_current_project()
    return get_or_create_project(producer) if isinstance(producer, str) else producer


def _collections(owner: Any, key: str, tag: str) -> Mapping[str, Any]:
    """The vector stores that hold an earlier version."""
    try:
        found = owner.get_artifact(key, tag=tag or None)
    except (NotFoundError, AttributeError):
        return {}
    return dict(found.status.get("collections") or {})
