"""What feature sets and vectors share: metadata, a document, YAML, URIs, and being saved."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.feature_store.definitions.fields import Fields, mapping_of
from mlrun_like.feature_store.definitions.metadata import Metadata, check_name
from mlrun_like.names import check_project, check_tag
from mlrun_like.registry import require, resolve

__all__ = ["Definition"]

_Self = TypeVar("_Self", bound="Definition")
_PARTS = ("kind", "metadata", "spec", "status")
_SAVING = "mlrun_like.feature_store.definitions.saving"


class Definition:
    """The base of FeatureSet and FeatureVector."""

    kind: ClassVar[str]
    category: ClassVar[str]
    noun: ClassVar[str]
    _metadata: Metadata

    spec: Any
    status: Any

    @property
    def metadata(self) -> Metadata:
        """Name, project, tag, version, labels."""
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: Any) -> None:
        made = (
            metadata
            if isinstance(metadata, Metadata)
            else Metadata.from_dict(metadata, f"metadata of a {self.noun}")
        )
        self._metadata = made

    @property
    def name(self) -> str:
        """Its name."""
        return self._metadata.name

    @property
    def project(self) -> str:
        """Its project; the default one if none is given."""
        return self._metadata.project or str(config.default_project)

    @property
    def fullname(self) -> str:
        """`<project>/<name>[:<tag>]`."""
        tag = self._metadata.tag
        return f"{self.project}/{self.name}{f':{tag}' if tag else ''}"

    @property
    def uri(self) -> str:
        """`store://<feature-sets|feature-vectors>/<project>/<name>[:<tag>]`."""
        return f"store://{self.category}/{self.fullname}"

    def link_analysis(self, name: str, uri: str) -> None:
        """Add a link to a chart, a file or an artifact."""
        self.spec.analysis[name] = uri

    # documents

    def to_dict(self) -> dict[str, Any]:
        """The definition as plain data: kind, metadata, spec, status.

        Raises:
            GraphError: if a step holds an object that has no importable name.
        """
        return {
            "kind": self.kind,
            "metadata": self._metadata.to_dict(),
            "spec": self.spec.to_dict(),
            "status": self.status.to_dict(),
        }

    def to_yaml(self) -> str:
        """The document as YAML text."""
        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))

    def to_json(self) -> str:
        """The document as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def export(self, target: str = "") -> str:
        """Write the document into a file; returns its path.

        Args:
            target: The file, `.yaml` or `.json`; empty: `<kind>-<name>.yaml` in this folder.
        """
        path = str(target) or f"{self.category[:-1]}-{self.name}.yaml"
        text = self.to_json() if path.endswith(".json") else self.to_yaml()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
        return path

    @classmethod
    def from_dict(cls: type[_Self], document: Any) -> _Self:
        """Read what `to_dict` writes, or MLRun did.

        Raises:
            SpecError: if it is no document of this kind, or a part cannot be used.
        """
        values = mapping_of(document, f"the document of a {cls.noun}")
        kind = values.get("kind", cls.kind)
        if kind != cls.kind:
            raise SpecError(
                f"this is a document of kind {kind!r:.60}, not of a {cls.noun}",
                fix=f"kind: {cls.kind}",
            )
        unknown = [str(key) for key in values if key not in _PARTS]
        if unknown:
            raise SpecError(
                f"the document of a {cls.noun} has no {unknown[0]!r:.60}",
                fix=f"it has: {', '.join(_PARTS)}",
            )
        made = cls()
        try:
            made.metadata = values.get("metadata")
            where = f"{cls.noun} {made.name!r}"
            made.spec = made._spec_from(values.get("spec"), where)
            made.status = made._status_from(values.get("status"), where)
        except (TypeError, AttributeError, RecursionError) as exc:  # a value of another form
            raise SpecError(f"the document of a {cls.noun} cannot be read: {exc}") from exc
        made.check_names()
        return made

    def check_names(self) -> None:
        """Raise InvalidArgumentError if name, project or tag may not be one."""
        if self.name:
            check_name(self.name, self.noun)
        if self._metadata.project:
            check_project(self._metadata.project)
        if self._metadata.tag:
            check_tag(self._metadata.tag)

    @classmethod
    def from_yaml(cls: type[_Self], source: str | Path) -> _Self:
        """Read a YAML or JSON file, or (a text with more than one line) its content.

        Raises:
            SpecError: if it cannot be read.
        """
        text = str(source)
        try:
            if isinstance(source, Path) or "\n" not in text:
                text = Path(source).read_text(encoding="utf-8")
            document = yaml.safe_load(text)
        except (OSError, ValueError, RecursionError, TypeError, LookupError, yaml.YAMLError) as exc:
            raise SpecError(
                f"the {cls.noun} cannot be read: {str(exc) or type(exc).__name__}",
                where=str(source)[:80],
            ) from exc
        return cls.from_dict(document)

    @classmethod
    def _spec_from(cls, document: Any, where: str) -> Fields:
        raise NotImplementedError

    @classmethod
    def _status_from(cls, document: Any, where: str) -> Fields:
        raise NotImplementedError

    def copy(self: _Self) -> _Self:
        """An independent copy."""
        return copy.deepcopy(self)

    # records

    def save(self, tag: str = "", versioned: bool = False) -> None:
        """Record it; it has `metadata.uid` then.

        Args:
            tag: A tag for this version besides `latest`; empty: its own tag.
            versioned: Keep what was saved before as a version of its own. Else the record that
                holds the tag is replaced.

        Raises:
            InvalidArgumentError: if it has no name.
            GraphError: if a step of its graph cannot be written.
        """
        if not self.name:
            raise InvalidArgumentError(
                f"a {self.noun} needs a name to be saved", fix=f'{self.kind}("my-name", ...)'
            )
        self.check_names()
        if tag:
            check_tag(tag)
        resolve(f"{_SAVING}:save")(self, tag, versioned)

    def reload(self, update_spec: bool = True) -> None:
        """Take over the record.

        Args:
            update_spec: Also the spec, not only the status.

        Raises:
            NotFoundError: if there is none.
        """
        found = resolve(f"{_SAVING}:load")(type(self), self)
        self.status = found.status
        if update_spec:
            self.spec = found.spec
            self.metadata = found.metadata

    def publish(self: _Self, tag: str) -> _Self:
        """A version under a tag that never changes again; returns it.

        Args:
            tag: The tag.

        Raises:
            ConflictError: if another version was published under it.
        """
        published: _Self = resolve(f"{_SAVING}:publish")(self, check_tag(tag))
        return published

    def get_stats_table(self) -> Any:
        """Statistics of the columns as a pandas table, a row for each; None: there are none."""
        if not self.status.stats:
            return None
        pandas = require("pandas", feature="statistics as a table")
        return pandas.DataFrame.from_dict(self.status.stats, orient="index")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, Definition)
        return self.to_dict() == other.to_dict()

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fullname!r})"

    def _repr_html_(self) -> str:
        return str(resolve("mlrun_like.feature_store.views.page:definition_html")(self))
