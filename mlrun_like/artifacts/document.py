"""DocumentArtifact: a text for language models, and how it is loaded."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.data import open_url
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = ["DocumentArtifact", "DocumentLoaderSpec"]

_VALID = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")


class DocumentLoaderSpec:
    """How a document is loaded: a loader class of LangChain and its arguments.

    Args:
        loader_class_name: The class with its module; it must load one document.
        src_name: The name of the argument for the path or URL.
        download_object: Download first, and give the loader the path of the copy.
        kwargs: Further arguments.

    >>> DocumentLoaderSpec(kwargs={"encoding": "utf-8"}).to_dict()["src_name"]
    'file_path'
    """

    def __init__(
        self,
        loader_class_name: str = "langchain_community.document_loaders.TextLoader",
        src_name: str = "file_path",
        download_object: bool = True,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.loader_class_name = loader_class_name
        self.src_name = src_name
        self.download_object = download_object
        self.kwargs = dict(kwargs) if kwargs else None

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any] | None = None) -> DocumentLoaderSpec:
        """The loader of its plain data."""
        return cls(**dict(struct or {}))

    def make_loader(self, src_path: str) -> Any:
        """The loader of one document.

        Raises:
            MissingDependencyError: if its package is not installed.
            InvalidArgumentError: if there is no such class, or it is no loader.
        """
        module, _, name = self.loader_class_name.rpartition(".")
        if module.partition(".")[0] == "langchain_community":
            require("langchain_community", feature="loading documents")
        try:
            made = getattr(importlib.import_module(module or "builtins"), name)
        except (ImportError, AttributeError) as exc:
            raise InvalidArgumentError(
                f"there is no loader {self.loader_class_name!r}: {exc}"
            ) from exc
        # the name comes from a record, maybe of somebody else: it must not call just anything
        if not isinstance(made, type) or not callable(getattr(made, "load", None)):
            raise InvalidArgumentError(
                f"{self.loader_class_name!r} is no loader of documents",
                fix="name a class that is made of a path or URL and has load()",
            )
        return made(**{**(self.kwargs or {}), self.src_name: src_path})


class DocumentArtifact(Artifact):
    """A document that language models read.

    Args:
        original_source: Where it came from.
        document_loader_spec: How it is loaded.
        collections: The vector stores that hold it.
        kwargs: Its `key` and others, as for Artifact.

    >>> DocumentArtifact(key="manual", original_source="https://host/manual.txt").spec.original_source
    'https://host/manual.txt'
    """

    kind = "document"
    category = "documents"
    METADATA_SOURCE_KEY: ClassVar[str] = "source"
    METADATA_ORIGINAL_SOURCE_KEY: ClassVar[str] = "original_source"
    METADATA_CHUNK_KEY: ClassVar[str] = "mlrun_chunk"
    METADATA_ARTIFACT_TARGET_PATH_KEY: ClassVar[str] = "mlrun_target_path"
    METADATA_ARTIFACT_TAG: ClassVar[str] = "mlrun_tag"
    METADATA_ARTIFACT_KEY: ClassVar[str] = "mlrun_key"
    METADATA_ARTIFACT_PROJECT: ClassVar[str] = "mlrun_project"

    def __init__(
        self,
        original_source: str | None = None,
        document_loader_spec: DocumentLoaderSpec | None = None,
        collections: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        spec = self.doc.spec
        spec.original_source = str(original_source or spec.original_source)
        if document_loader_spec is not None:
            spec.document_loader = document_loader_spec.to_dict()
        self.status["collections"] = dict(collections or {})

    @staticmethod
    def key_from_source(src_path: str) -> str:
        """A key that is allowed, made of a path or URL.

        >>> DocumentArtifact.key_from_source("data/file-name(v1).txt")
        'data_file-name_v1__txt'
        """
        made, position = "", 0
        for match in _VALID.finditer(src_path):
            made += "_" * (match.start() - position) + match.group()
            position = match.end()
        return (made + "_" * (len(src_path) - position)).lstrip("_")

    def get_source(self) -> str:
        """What chunks of it name as their source."""
        return self.get_store_url(with_tag=False, with_tree=False).partition("/documents/")[2]

    def to_langchain_documents(self, splitter: Any = None) -> list[Any]:
        """The document as LangChain's, in chunks.

        Args:
            splitter: What splits its text; None: one chunk.

        Raises:
            MissingDependencyError: if LangChain is not installed.
            InvalidArgumentError: if it has neither a file nor a source.
        """
        documents = require("langchain_core.documents", feature="LangChain documents")
        loader = DocumentLoaderSpec.from_dict(self.doc.spec.document_loader)
        target, source = self.target_path, self.doc.spec.original_source
        if loader.download_object and target:
            loaded = loader.make_loader(open_url(target).local()).load()
        elif source:
            loaded = loader.make_loader(source).load()
        else:
            raise InvalidArgumentError(
                f"document {self.key!r} has neither a file nor a source",
                fix="log it with local_path= or original_source=",
            )
        known = {
            self.METADATA_ORIGINAL_SOURCE_KEY: source,
            self.METADATA_SOURCE_KEY: self.get_source(),
            self.METADATA_ARTIFACT_TAG: self.metadata.tag or "latest",
            self.METADATA_ARTIFACT_KEY: self.doc.spec.db_key,
            self.METADATA_ARTIFACT_PROJECT: self.metadata.project,
            **({self.METADATA_ARTIFACT_TARGET_PATH_KEY: target} if target else {}),
        }
        chunks = [
            (text, document.metadata)
            for document in loaded
            for text in (
                splitter.split_text(document.page_content) if splitter else [document.page_content]
            )
        ]
        return [
            documents.Document(
                page_content=text,
                metadata={**metadata, **known, self.METADATA_CHUNK_KEY: str(number)},
            )
            for number, (text, metadata) in enumerate(chunks)
        ]
