"""Catalogues that are known: their records in the store, and the one of the setting `hub_url`."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.artifacts.mapped import mapped_url
from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    SpecError,
    nearest,
)
from mlrun_like.marketplace.addresses import check_name
from mlrun_like.marketplace.shipped import OTHER_NAMES, shipped_folder
from mlrun_like.tracking.abilities import DocumentStore
from mlrun_like.types import Document

__all__ = [
    "DEFAULT",
    "KIND",
    "PROJECT",
    "SHIPPED",
    "HubSource",
    "delete_source",
    "get_source",
    "list_sources",
    "store_source",
]

KIND = "hub-source"
PROJECT = "_hub"
"""No project of a user can have this name."""
DEFAULT = "default"
SHIPPED = "shipped"
_HUB = "hub://"
_OWN = (DEFAULT, SHIPPED)
_SCHEMES = ("http", "https", "git", "git+https", "git+http", "git+file", "git+ssh", "file")
_OTHER = re.compile(r"[a-z][a-z0-9+]*\Z")
_LONGEST = 2000


@dataclass(frozen=True)
class HubSource:
    """A catalogue.

    Args:
        name: What `hub://<name>/...` calls it.
        path: Its root: a folder, `https://...`, `git+https://...#branch`, or a URL of object
            storage.
        channel: Which of its channels; MLRun's are `master` and `development`.
        index: Its place in the order of search; -1: the last.
        description: What it holds.
        key: Its public key (Ed25519, base64): its index must be signed by that; empty: need not.

    Raises:
        InvalidArgumentError: if a part cannot be used.
    """

    name: str
    path: str
    channel: str = "master"
    index: int = -1
    description: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "name of a source")
        check_name(self.channel, "channel")
        bad = any(ord(sign) < 32 or ord(sign) == 127 for sign in str(self.path))
        if not isinstance(self.path, str) or not self.path.strip() or bad:
            raise InvalidArgumentError(
                f"{self.path!r:.80} is no path of a catalogue", fix="a folder or https://..."
            )
        if len(self.path) > _LONGEST:
            raise InvalidArgumentError("the path of a catalogue is too long")
        if isinstance(self.index, bool) or not isinstance(self.index, int) or self.index < -1:
            raise InvalidArgumentError(
                f"{self.index!r:.40} is no place in the order", fix="use 1, 2, ... or -1: the last"
            )
        self._check_key()
        self._check_scheme()

    def _check_key(self) -> None:
        try:
            size = len(base64.b64decode(self.key, validate=True))
        except (ValueError, TypeError):
            size = -1
        if size not in (0, 32):
            raise InvalidArgumentError(
                f"{self.key!r:.60} is no key of a catalogue",
                fix="give its 32 bytes as base64, as `mlrun-like hub publish --sign` shows it",
            )

    def _check_scheme(self) -> None:
        if "://" not in self.path:
            return
        try:
            parts = urlsplit(self.path)
            known = parts.scheme in _SCHEMES or bool(_OTHER.match(parts.scheme))
            if parts.password or (parts.username and "http" in parts.scheme):
                raise InvalidArgumentError(
                    "the path of a catalogue holds a password",
                    fix=f"set HUB_TOKEN_{self.token_name} where it is read",
                )
            _ = parts.port
        except ValueError as exc:
            if isinstance(exc, InvalidArgumentError):
                raise
            raise InvalidArgumentError(f"the path of a catalogue is no URL: {exc}") from exc
        if not known or (not parts.scheme.endswith("file") and not parts.netloc):
            raise InvalidArgumentError(
                f"{self.path!r:.80} is no path of a catalogue", fix="a folder or https://..."
            )

    def called(self, name: str) -> str:
        """What an item is called here, if it is asked for by another name of MLRun's hub."""
        here = self.name in _OWN and self.path == str(shipped_folder())
        return OTHER_NAMES.get(name.replace("-", "_"), name) if here else name

    @property
    def token_name(self) -> str:
        """What the variable `HUB_TOKEN_...` with its bearer token ends with."""
        return re.sub(r"\W", "_", self.name).upper()

    @property
    def repository(self) -> bool:
        """Whether it is a git repository."""
        scheme, mark, _ = self.path.partition("://")
        return bool(mark) and scheme.partition("+")[0] == "git"

    @property
    def remote(self) -> bool:
        """Whether it is not a folder of this machine."""
        return "://" in self.path and not self.path.startswith("file://")

    def to_dict(self) -> Document:
        """MLRun's IndexedHubSource: index and source."""
        spec = {"path": self.path, "channel": self.channel, "object_type": "functions"}
        if self.key:
            spec["key"] = self.key
        return {
            "index": self.index,
            "source": {
                "kind": "HubSource",
                "metadata": {"name": self.name, "description": self.description},
                "spec": {
                    "path": self.path,
                    "channel": self.channel,
                    "object_type": "functions",
                    **({"key": self.key} if self.key else {}),
                },
                "status": {"state": "created"},
            },
        }

    @classmethod
    def from_dict(cls, document: Any, name: str = "") -> HubSource:
        """Read what `to_dict` writes; also the source alone.

        Raises:
            SpecError: if it has another form.
        """
        given = document if isinstance(document, Mapping) else {}
        inner = given.get("source", given)
        inner = inner if isinstance(inner, Mapping) else {}
        metadata, spec = inner.get("metadata"), inner.get("spec")
        if not isinstance(metadata, Mapping) or not isinstance(spec, Mapping):
            raise SpecError(
                "a source of a hub is {'index', 'source': {'metadata', 'spec'}}",
                fix='{"index": 1, "source": {"metadata": {"name": "ours"}, '
                '"spec": {"path": "https://...", "channel": "master"}}}',
            )
        own = metadata.get("name") or name
        if name and own != name:
            raise SpecError(f"the source is called {own!r:.60}, not {name!r:.60}")
        if spec.get("credentials"):
            raise SpecError(
                "credentials of a catalogue are not kept in its record",
                fix="set HUB_TOKEN_<NAME> in the environment of the service",
            )
        index = given.get("index", spec.get("index", -1))
        return cls(
            name=own,
            path=spec.get("path", ""),
            channel=spec.get("channel") or "master",
            index=-1 if index is None else index,
            description=str(metadata.get("description") or "")[:_LONGEST],
            key=spec.get("key") or "",
        )


def list_sources(store: Any = None) -> list[HubSource]:
    """All catalogues in their order: the recorded ones, that of the setting `hub_url`, the shipped.

    The last one is called `default`; if `hub_url` bears that name, the shipped one is `shipped`.

    Args:
        store: Where the others are recorded; a store that keeps no definitions has none.
    """
    found = _recorded(store)
    url = str(config.hub_url) or mapped_url(_HUB).removeprefix(_HUB)
    if url:
        found.append(HubSource(DEFAULT, url, description="the setting hub_url", index=-1))
    folder = shipped_folder() if config.hub_shipped else None
    if folder is not None:
        name = SHIPPED if url else DEFAULT
        found.append(HubSource(name, str(folder), description="comes with the product"))
    return found


def _recorded(store: Any) -> list[HubSource]:
    rows = store.list_documents(KIND, PROJECT) if isinstance(store, DocumentStore) else []
    found = [HubSource.from_dict(row) for row in rows]
    return sorted(found, key=lambda item: (item.index < 0, item.index, item.name))


def get_source(store: Any, name: str) -> HubSource:
    """The catalogue of that name.

    Raises:
        NotFoundError: if there is none.
    """
    sources = list_sources(store)
    for source in sources:
        if source.name == name:
            return source
    names = [source.name for source in sources]
    raise NotFoundError(
        f"there is no catalogue {name!r:.80}.{nearest(name, names)}",
        fix=f"there are: {', '.join(names)}" if names else "set hub_url, or add a source",
    )


def store_source(store: DocumentStore, source: HubSource) -> HubSource:
    """Insert or replace a catalogue; those at its place and behind move on by one.

    Raises:
        ConflictError: if its name is that of the setting's.
    """
    if source.name in _OWN:
        raise ConflictError(
            f"the catalogue {source.name!r} is the setting hub_url or comes with the product",
            fix="choose another name",
        )
    others = [item for item in _recorded(store) if item.name != source.name]
    place = source.index if source.index > 0 else len(others) + 1
    place = min(place, len(others) + 1)
    others.insert(place - 1, source)
    _write_all(store, others)
    return replace(source, index=place)


def delete_source(store: DocumentStore, name: str) -> bool:
    """Forget a catalogue; False if there was none.

    Raises:
        ConflictError: if it is the setting's.
    """
    if name in _OWN:
        raise ConflictError(
            f"the catalogue {name!r} is the setting hub_url or comes with the product",
            fix="change the settings hub_url and hub_shipped",
        )
    gone = bool(store.delete_document(KIND, PROJECT, name))
    _write_all(store, _recorded(store))
    return gone


def _write_all(store: DocumentStore, ordered: list[HubSource]) -> None:
    known = {item.name: item for item in _recorded(store)}
    for number, item in enumerate(ordered, start=1):
        wanted = replace(item, index=number)
        if known.get(item.name) != wanted:
            inner = wanted.to_dict()["source"]
            inner["metadata"]["project"] = PROJECT
            inner["spec"]["index"] = number
            store.store_document(KIND, inner)
