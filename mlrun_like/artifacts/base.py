"""Artifact: a record of something a run produced, and the body it was made from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from mlrun_like.artifacts.bodies import as_json, inline_text
from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.lazy import show
from mlrun_like.artifacts.memory import set_in_memory_item
from mlrun_like.artifacts.placed import Placed
from mlrun_like.artifacts.stores import Secrets, scheme_of
from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.registry import resolve
from mlrun_like.specs.artifact import ArtifactDoc, ArtifactMetadata, ArtifactSpec
from mlrun_like.specs.model import Model, parse, split_foreign

__all__ = ["Artifact", "assign", "mapping"]


class Artifact(Placed):
    """Something a run produced: a file, or text kept in the record itself.

    Args:
        key: Its name.
        body: The content: str, bytes, or a dict or list (kept as JSON).
        viewer: How a UI shows it, such as `web-app`.
        is_inline: Keep the body in the record instead of a file.
        format: The file's suffix and format.
        size: Bytes, if known.
        target_path: Where it is or shall be.
        project: Its project.
        src_path: A file or folder on this machine to take the content from.
        fields: Further fields of the record, such as `description` or `license`.

    Raises:
        InvalidArgumentError: if there is no such field, or the body cannot be kept.

    >>> Artifact("note", body="hello", project="demo").uri
    'store://artifacts/demo/note'
    """

    kind: ClassVar[str] = "artifact"
    _kinds: ClassVar[dict[str, type[Artifact]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Artifact._kinds[cls.kind] = cls

    def __init__(  # noqa: PLR0913
        self,
        key: str = "",
        body: Any = None,
        viewer: str = "",
        is_inline: bool = False,
        format: str = "",
        size: int | None = None,
        target_path: str = "",
        project: str = "",
        src_path: str = "",
        **fields: Any,
    ) -> None:
        if isinstance(body, (dict, list)):
            as_json(key, body)  # what is no JSON is refused here, not when it is written
            format = format or "json"
        self.doc = ArtifactDoc(kind=self.kind)
        self.foreign = {}
        self._body = body
        for part in ("metadata", "spec"):
            given = fields.pop(part, None)
            if given is not None:
                setattr(self, part, given)
        if is_inline and body is not None:
            self.doc.spec.inline = inline_text(key, _text(key, body))
        if key or project:
            metadata = self.doc.metadata
            assign(metadata, key=key or metadata.key, project=str(project or metadata.project))
        known = {
            "format": str(format or "").lstrip("."),
            "viewer": viewer,
            "target_path": target_path,
            "src_path": src_path,
        }
        assign(self.doc.spec, **{name: str(value) for name, value in known.items() if value})
        if size is not None:
            self.doc.spec.size = size
        self.set_fields(fields)

    def set_fields(self, fields: Mapping[str, Any]) -> None:
        """Set fields of the record by name. Raises InvalidArgumentError for unknown ones."""
        for name, value in fields.items():
            if value is None:
                continue
            if name in ArtifactSpec.model_fields:
                setattr(self.doc.spec, name, value)
            elif name in ArtifactMetadata.model_fields:
                setattr(self.doc.metadata, name, value)
            else:
                known = [*ArtifactSpec.model_fields, *ArtifactMetadata.model_fields, "is_inline"]
                raise InvalidArgumentError(
                    f"an artifact has no field {name!r}.{nearest(name, known)}",
                    where=f"artifact {self.key!r}",
                    fix=f"labels={{{name!r}: ...}} keeps a value of your own",
                )

    @property
    def key(self) -> str:
        """Its name."""
        return self.doc.metadata.key

    @property
    def uri(self) -> str:
        """Its `store://` URI, of exactly this version if a run made it."""
        return self.get_store_url()

    @property
    def target_path(self) -> str:
        """Where its bytes are."""
        return self.doc.spec.target_path

    @property
    def producer(self) -> dict[str, Any]:
        """Who made it: kind, name, uri, owner."""
        return self.doc.spec.producer

    @producer.setter
    def producer(self, value: Mapping[str, Any] | None) -> None:
        self.doc.spec.producer = dict(value or {})

    @property
    def is_inline(self) -> bool:
        """Whether the body is kept in the record."""
        return self.doc.spec.inline is not None

    @property
    def body(self) -> Any:
        """The content it was made from, if it was made in this process."""
        return self._body if self._body is not None else self.doc.spec.inline

    def get_body(self) -> Any:
        """The content it was made from, None if there is none."""
        return self.body

    def content(self) -> Iterable[bytes] | None:
        """The bytes to write, in pieces; None if the artifact has no body."""
        body = _text(self.key, self.get_body())
        if body is None:
            return None
        if isinstance(body, str):
            return (body.encode("utf-8", "surrogatepass"),)
        if isinstance(body, (bytes, bytearray, memoryview)):
            return (bytes(body),)
        raise InvalidArgumentError(
            f"the body of artifact {self.key!r} cannot be a {type(body).__name__}",
            fix="give str or bytes, a dict or list for JSON; else log_dataset or log_model",
        )

    def suffix(self) -> str:
        """What the target's name ends with."""
        source, form = self.doc.spec.src_path.rstrip("/"), self.doc.spec.format
        own = os.path.splitext(source)[1]
        if form and source.endswith(f".{form}"):  # such as tar.gz
            return f".{form}"
        return own or (f".{form}" if form else "")

    def to_dataitem(self, secrets: Secrets = None, *, key: str = "") -> DataItem:
        """Its bytes as a DataItem.

        Raises:
            NotFoundError: if the record names no place.
        """
        target = self.doc.spec.target_path
        if self.doc.spec.inline is not None and not target:
            target = set_in_memory_item(f"inline/{self.uri}", self.doc.spec.inline)
        if not target or scheme_of(target) == "store":
            raise NotFoundError(
                f"artifact {self.key!r} has no bytes: its record names no file",
                where=self.uri,
                fix="log it with body= or local_path=",
            )
        plain = open_url(target, secrets)
        store, path = plain.store, plain.store.split(target)
        return DataItem(key or self.key, store, path, plain.url, self, self.uri)

    def show(self) -> Any:
        """Show it in a notebook or in the terminal."""
        return show().show_artifact(self)

    def _repr_html_(self) -> str:
        return str(show().artifact_html(self))

    def export(self, target_path: str | os.PathLike[str], with_extra_data: bool = True) -> None:
        """Write the record (`.yaml`, `.json`), or with its bytes (`.zip`), for
        `project.import_artifact`; see `artifacts.exporting`."""
        write = resolve("mlrun_like.artifacts.exporting:export_artifact")
        write(self, os.fspath(target_path), with_extra_data)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Artifact:
        """The artifact of a record, as the class of its kind.

        Raises:
            SpecError: if the record is malformed.
        """
        kind = str(document.get("kind") or "")
        made = Artifact._kinds.get(kind, Artifact)
        artifact = made.__new__(made)
        known, artifact.foreign = split_foreign(ArtifactDoc, _by_field(document))
        artifact.doc = parse(ArtifactDoc, known, where=f"artifact {kind}")
        artifact._body = None
        return artifact

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.uri!r})"


Artifact._kinds.update(dict.fromkeys(("", "artifact"), Artifact))  # MLRun 1.7 names it


def assign(model: Model, **values: Any) -> None:
    """Set fields to values that this package made itself, so that need no validation.

    Validated assignment is a third of the cost of logging a small artifact.
    """
    model.__dict__.update(values)
    model.__pydantic_fields_set__.update(values)


def mapping(name: str, value: Any) -> dict[str, Any]:
    """What an argument maps, as a new dictionary; None is an empty one.

    >>> mapping("schema", None)
    {}

    Raises:
        InvalidArgumentError: if it is something else.
    """
    try:
        return dict(value or {})
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f"{name} maps names to values, and is no {type(value).__name__}",
            fix=f'{name}={{"name": ...}}',
        ) from None


def _text(key: str, body: Any) -> Any:
    """The body as it is written: dictionaries and lists as JSON."""
    return as_json(key, body) if isinstance(body, (dict, list)) else body


def _by_field(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record with `spec.schema` under the name of its field."""
    spec = document.get("spec")
    if not isinstance(spec, Mapping) or "schema" not in spec:
        return document
    renamed = {"schema_" if name == "schema" else name: value for name, value in spec.items()}
    return {**document, "spec": renamed}
