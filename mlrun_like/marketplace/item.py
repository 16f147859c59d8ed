"""What a catalogue says of a function, module or step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.marketplace.addresses import KINDS, check_name, check_path
from mlrun_like.types import Document

__all__ = ["HubItem", "read_item", "seal_of"]

_LONGEST = 4000
_MOST = 50


@dataclass(frozen=True)
class HubItem:
    """One version of one thing in a catalogue.

    Args:
        name: Its name, as its folder is called.
        tag: `latest`, or its version.
        source: The catalogue.
        object_type: `functions`, `modules` or `steps`.
        kind: What runs it: `job`, `serving`, `generic`, `monitoring_application` ...
        version: Its own version.
        description: What it does.
        categories: Words to find it by.
        labels: Author, framework and the like.
        handler: What is called by default.
        class_name: Of a step: its class.
        filename: Its code file.
        image: The image it wants.
        requirements: Packages it wants.
        folder: Where its files are in the catalogue, with a slash at the end; empty: search.
        assets: What else is there, by name: a path below `folder`.
        digest: `sha256:...` of its function.yaml, if the catalogue says.
        files: Digests of its files, by their paths below `folder`, if the catalogue says.
        seal: `sha256:...` of all that an index says of it, with the digests of all its files;
            empty: no index gives such digests.
        withdrawn: Why its publisher took it back; empty: it is there.
        min_version: The oldest version of this product that it works with.
        hidden: Whether it is not listed.
        foreign: What else the catalogue says.
    """

    name: str
    tag: str = "latest"
    source: str = ""
    object_type: str = "functions"
    kind: str = ""
    version: str = ""
    description: str = ""
    categories: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    handler: str = ""
    class_name: str = ""
    filename: str = ""
    image: str = ""
    requirements: tuple[str, ...] = ()
    folder: str = ""
    assets: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    seal: str = ""
    withdrawn: str = ""
    min_version: str = ""
    hidden: bool = False
    foreign: Mapping[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """`hub://<source>/<name>[:<tag>]`."""
        tag = "" if self.tag in ("", "latest") else f":{self.tag}"
        return f"hub://{self.source + '/' if self.source else ''}{self.name}{tag}"

    def to_dict(self) -> Document:
        """MLRun's HubItem: kind, metadata, spec, status."""
        metadata = {
            "name": self.name,
            "tag": self.tag,
            "version": self.version,
            "source": self.source,
            "object_type": self.object_type,
            "description": self.description,
            "categories": list(self.categories),
            "labels": dict(self.labels),
            "hidden": self.hidden,
            "url": self.url,
        }
        spec = {
            "kind": self.kind,
            "handler": self.handler,
            "class_name": self.class_name,
            "filename": self.filename,
            "image": self.image,
            "requirements": list(self.requirements),
            "item_uri": self.folder,
            "assets": dict(self.assets),
            "digest": self.digest,
            "withdrawn": self.withdrawn,
            "min_version": self.min_version,
        }
        given = {k: v for k, v in self.foreign.items() if isinstance(v, (str, int, float, bool))}
        return {"kind": "HubItem", "metadata": metadata, "spec": spec, "status": {"says": given}}


_OWN = {
    *("name", "version", "description", "categories", "labels", "hidden", "spec", "assets"),
    *("marketplaceType", "kind", "className", "defaultHandler", "digest", "doc"),
    *("minProductVersion", "files", "withdrawn"),
}


def read_item(
    document: Any, *, name: str = "", tag: str = "latest", source: str = "",
    object_type: str = "functions", folder: str = "",
) -> HubItem:  # fmt: skip
    """An item from an `item.yaml`, or from what a `catalog.json` says of a version.

    Unknown keys are kept; known ones of a wrong form are left out, as other programs wrote them.

    Args:
        document: It.
        name: What the catalogue calls it; it wins over the document's own.
        tag: The version's name in the catalogue.
        source: The catalogue.
        object_type: `functions`, `modules` or `steps`.
        folder: Where its files are, from the catalogue's root.

    Raises:
        SpecError: if it is no item, or its name or version could lead out of a catalogue.

    >>> read_item({"name": "describe", "spec": {"kind": "job"}}).kind
    'job'
    """
    if not isinstance(document, Mapping):
        raise SpecError(f"an item is a mapping, not {document!r:.60}", where=name)
    spec = document.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    try:
        own = check_name(name or document.get("name"))
        version = check_name(tag, "version")
    except InvalidArgumentError as exc:
        raise SpecError(exc.what, where=source, fix=exc.fix) from exc
    custom = spec.get("customFields")
    custom = custom if isinstance(custom, Mapping) else {}
    wanted = str(object_type)
    return HubItem(
        name=own,
        tag=version,
        source=source,
        object_type=wanted if wanted in KINDS else "functions",
        kind=_text(spec.get("kind") or document.get("kind"), 60),
        version=_text(document.get("version"), 60),
        description=_text(document.get("description") or document.get("doc")),
        categories=_texts(document.get("categories")),
        labels={k: v for k, v in _pairs(document.get("labels"))},
        handler=_text(spec.get("handler") or document.get("defaultHandler"), 200),
        class_name=_text(
            document.get("className") or spec.get("className") or custom.get("default_class"), 200
        ),
        filename=_text(spec.get("filename"), 200),
        image=_text(spec.get("image"), 300),
        requirements=_texts(spec.get("requirements")),
        folder=folder,
        assets=dict(_paths(document.get("assets"))),
        digest=_text(document.get("digest"), 80),
        files=dict(_pairs(document.get("files"))),
        seal=seal_of(document) if document.get("digest") and document.get("files") else "",
        withdrawn=_text(document.get("withdrawn"), 300),
        min_version=_text(document.get("minProductVersion"), 60),
        hidden=document.get("hidden") is True or bool(document.get("withdrawn")),
        foreign={str(k): v for k, v in list(document.items())[:_MOST] if k not in _OWN},
    )


def seal_of(row: Mapping[str, Any]) -> str:
    """`sha256:...` of what an index says of a version: no file or word of it can be another.

    >>> seal_of({"digest": "sha256:x", "files": {}})[:18]
    'sha256:c32344c3104'
    """
    try:
        data = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):  # nested deeper than any item is
        return ""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _text(value: Any, most: int = _LONGEST) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return str(value).strip()[:most]


def _texts(value: Any) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)):
        return ()
    return tuple(text for text in (_text(each, 200) for each in given[:_MOST]) if text)


def _pairs(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return []
    return [(str(k)[:100], _text(v, 300)) for k, v in list(value.items())[:_MOST]]


def _paths(value: Any) -> list[tuple[str, str]]:
    found = []
    for key, path in _pairs(value):
        try:
            # MLRun's are relative to the version's folder, of which `src` holds the code
            found.append((key, check_path(path)))
        except InvalidArgumentError:
            continue
    return found
