"""An item becomes a function of a project."""

from __future__ import annotations

from typing import Any

from mlrun_like.marketplace.item import HubItem
from mlrun_like.marketplace.resolving import check_digest, function_file
from mlrun_like.names import check_project, normalize_name
from mlrun_like.packaging.document import parse_text
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.types import Document

__all__ = ["use_item"]

_HUB = "hub"


def use_item(store: Any, project: str, item: HubItem, *, name: str = "", tag: str = "") -> Document:
    """Store an item as a function of a project; nothing of it is run.

    A module or step becomes a function with its code, which graphs and runs of the project can
    name. Its annotations say which version of which catalogue it is, with its digest.

    Args:
        store: The store.
        project: The project.
        item: See `find_item`.
        name: Its name there; empty: its own.
        tag: A tag besides `latest`.

    Returns:
        The function's document, with its hash.

    Raises:
        NotFoundError: if it has neither a document nor code.
        SpecError: if they cannot be read.
    """
    check_project(project)
    document, digest = _document(store, item)
    document.metadata.name = normalize_name(name or document.metadata.name or item.name)
    document.metadata.project = project
    document.metadata.tag = ""
    document.metadata.hash = ""
    document.metadata.categories = document.metadata.categories or list(item.categories)
    document.metadata.annotations = {
        **document.metadata.annotations,
        f"{_HUB}/item": item.url,
        f"{_HUB}/version": item.version or item.tag,
        f"{_HUB}/digest": digest,
    }
    document.status = {}
    plain = document.to_dict()
    made = store.store_function(plain, tag=tag)
    found: Document = store.read_function(project, document.metadata.name, hash=made)
    return found


def _document(store: Any, item: HubItem) -> tuple[FunctionDoc, str]:
    tag = "" if item.tag == "latest" else item.tag
    file = function_file(store, item.name, tag, item.source)
    if item.digest and file.relative.endswith("function.yaml"):
        check_digest(file.found.data, item)
    document = FunctionDoc.from_dict(parse_text(file.text(item.url), item.url), item.url)
    document.spec.default_class = document.spec.default_class or item.class_name
    return document, file.digest
