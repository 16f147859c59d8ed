"""An item becomes a function of a project."""

from __future__ import annotations

import base64
from typing import Any

from mlrun_like.errors import NotFoundError, SpecError
from mlrun_like.marketplace.item import HubItem
from mlrun_like.marketplace.resolving import (
    check_digest,
    digest_of,
    function_file,
    read_asset,
)
from mlrun_like.names import check_project, normalize_name
from mlrun_like.packaging.document import parse_text
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.types import Document

__all__ = ["use_item"]

_HUB = "hub"
_KINDS = {"generic": "job", "monitoring_application": "job", "": "job", "nuclio:serving": "serving"}


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
    if item.object_type == "functions":
        tag = "" if item.tag == "latest" else item.tag
        try:
            file = function_file(store, item.name, tag, item.source)
        except NotFoundError:
            pass
        else:
            if item.digest:
                check_digest(file.found.data, item)
            text = _text(file.found.data, item.url)
            return FunctionDoc.from_dict(parse_text(text, item.url), item.url), file.digest
    if not item.filename.endswith(".py"):
        raise NotFoundError(
            f"{item.url} has neither a function.yaml nor a .py file", where=item.source
        )
    found = read_asset(store, item, item.filename)
    code = _text(found.data, item.url)
    spec: dict[str, Any] = {
        "description": item.description,
        "default_handler": item.handler,
        "image": item.image,
        "default_class": item.class_name,
        "build": {
            "functionSourceCode": base64.b64encode(code.encode()).decode(),
            "requirements": list(item.requirements),
            "origin_filename": item.filename,
        },
    }
    kind = _KINDS.get(item.kind, item.kind)
    document = {"kind": kind, "metadata": {"name": item.name}, "spec": spec}
    return FunctionDoc.from_dict(document, item.url), digest_of(found.data)


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise SpecError("it is not UTF-8 text", where=where) from exc
