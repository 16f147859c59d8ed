"""A function's document, made of an item's metadata and code where there is no function.yaml."""

from __future__ import annotations

import base64

from mlrun_like.errors import SpecError
from mlrun_like.functions.files import apply_declared
from mlrun_like.functions.kinds import check_kind
from mlrun_like.marketplace.addresses import check_path
from mlrun_like.marketplace.item import HubItem
from mlrun_like.names import normalize_name
from mlrun_like.packaging.declared import declared_options
from mlrun_like.packaging.describe import entry_points_from_source
from mlrun_like.specs.function import FunctionDoc

__all__ = ["WITHOUT_HANDLER", "code_file", "document_of"]

_KINDS = {"generic": "job", "monitoring_application": "job", "": "job", "nuclio:serving": "serving"}
WITHOUT_HANDLER = ("serving", "application")
"""Kinds whose functions are not called by the name of a handler."""


def code_file(item: HubItem) -> str:
    """The path of an item's code file below its folder.

    Raises:
        InvalidArgumentError: if the one that the catalogue says leads elsewhere.
    """
    return check_path(item.filename or f"{item.name.replace('-', '_')}.py")


def document_of(item: HubItem, code: bytes) -> FunctionDoc:
    """The function that an item is: its code travels in the document.

    Args:
        item: What the catalogue says of it.
        code: Its `.py` file.

    Raises:
        SpecError: if the code is no Python text, or the kind is unknown.
    """
    try:
        text = code.decode("utf-8-sig")
        points = entry_points_from_source(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise SpecError(f"the code is not Python: {str(exc)[:200]}", where=item.url) from exc
    kind = check_kind(_KINDS.get(item.kind, item.kind), item.url)
    handler = "" if kind in WITHOUT_HANDLER or item.object_type != "functions" else item.handler
    document = FunctionDoc(kind=kind)
    document.metadata.name = normalize_name(item.name)
    document.metadata.categories = list(item.categories)
    document.metadata.annotations = {
        "hub/item": item.url,
        "hub/version": item.version or item.tag,
    }
    spec = document.spec
    spec.description, spec.image = item.description, item.image
    spec.default_handler, spec.default_class = handler, item.class_name
    spec.entry_points = points
    spec.build.functionSourceCode = base64.b64encode(text.encode()).decode()
    spec.build.requirements = list(item.requirements)
    spec.build.origin_filename = code_file(item)
    if handler:
        apply_declared(spec, declared_options(text, handler))
    return document
