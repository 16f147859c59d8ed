"""What a project is: its document, parameters and secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.projects.notifiers import Notifiers
from mlrun_like.projects.secrets import Secrets, provider_of
from mlrun_like.runs.secrets import read_env_file, resolve_sources
from mlrun_like.specs.project import ProjectDoc, ProjectMetadata, ProjectSpec

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ProjectBase"]

_FILTERED = ("MLRUN_DBPATH", "MLRUN_LIKE_DBPATH")


class ProjectBase:
    """What a project is, without its functions, artifacts and runs.

    Args:
        metadata: Name, labels, annotations.
        spec: The rest.
    """

    def __init__(
        self, metadata: ProjectMetadata | None = None, spec: ProjectSpec | None = None
    ) -> None:
        self._document = ProjectDoc(metadata=metadata or ProjectMetadata())
        if spec is not None:
            self._document.spec = spec
        self._inline: list[dict[str, Any]] = []

    @classmethod
    def of(cls, document: ProjectDoc, context: str | Path = "./") -> Self:
        """The project of a document, in a folder."""
        made = cls()
        made._document = document
        made.spec.context = context or "./"
        return made

    # -- the document ------------------------------------------------------------------------

    @property
    def metadata(self) -> ProjectMetadata:
        """Name, time of creation, labels, annotations."""
        return self._document.metadata

    @property
    def spec(self) -> ProjectSpec:
        """Parameters, functions, workflows, artifacts, source, default image."""
        return self._document.spec

    @property
    def status(self) -> dict[str, Any]:
        """`state`."""
        return self._document.status

    @property
    def _objects(self) -> dict[str, Any]:
        found: dict[str, Any] = self.spec._function_objects
        return found

    @property
    def name(self) -> str:
        """The project's name."""
        return self.metadata.name

    @property
    def context(self) -> str:
        """The project's folder."""
        return str(self.spec.context)

    @property
    def params(self) -> dict[str, Any]:
        """The project's parameters; may be changed in place."""
        return self.spec.params

    @params.setter
    def params(self, value: Mapping[str, Any]) -> None:
        self.spec.params = dict(value)

    @property
    def artifact_path(self) -> str:
        """Where the project's artifacts go; empty: what the settings say."""
        return self.spec.artifact_path

    @artifact_path.setter
    def artifact_path(self, value: str) -> None:
        self.spec.artifact_path = value or ""

    @property
    def source(self) -> str:
        """Where the project's code comes from."""
        return self.spec.source

    @property
    def default_image(self) -> str:
        """The image of functions that name none."""
        return self.spec.default_image

    @property
    def default_function_node_selector(self) -> dict[str, Any]:
        """Labels of the nodes that its functions may run on."""
        return self.spec.default_function_node_selector

    @default_function_node_selector.setter
    def default_function_node_selector(self, value: Mapping[str, Any] | None) -> None:
        self.spec.default_function_node_selector = dict(value or {})

    @property
    def notifications(self) -> list[dict[str, Any]]:
        """What is told to whom; rows of kind, name, when, severity, condition, params."""
        return self.spec.notifications

    @property
    def notifiers(self) -> Notifiers:
        """MLRun's way to change `notifications`."""
        return Notifiers(self)

    def __repr__(self) -> str:
        return f"<project {self.name!r} in {self.context!r}>"

    def get_param(self, key: str, default: Any = None) -> Any:
        """A parameter of the project, or the default."""
        return self.spec.params.get(key, default)

    def set_default_image(self, default_image: str) -> None:
        """Set the image of functions that name none."""
        self.spec.default_image = default_image or ""

    def code_folder(self) -> Path:
        """The folder that paths of functions and workflows are relative to."""
        return Path(self.spec.context, self.spec.subpath)

    def get_item_absolute_path(self, url: str) -> tuple[str, bool]:
        """A file as an absolute path, and whether it was relative to the project's folder.

        Args:
            url: A path; absolute ones and URLs stay as they are.
        """
        if not url or "://" in url or os.path.isabs(url):
            return url, False
        for folder in (self.spec.get_code_path(), str(self.code_folder())):
            path = os.path.normpath(os.path.join(os.path.abspath(folder), url))
            if os.path.isfile(path):
                break
        return path, True

    def set_notification(
        self, kind: str, params: Mapping[str, Any] | None = None, **fields: Any
    ) -> None:
        """Say whom to tell about runs of the project's workflows.

        Args:
            kind: `console`, `slack`, `git`, `webhook`, ...
            params: Where it goes; a value `{"secret": NAME}` stands for a secret.
            fields: `name`, `when` (a list of states), `severity`, `message`, `condition`.
        """
        row = {"kind": kind, "name": fields.pop("name", "") or kind, **fields}
        kept = [each for each in self.spec.notifications if each.get("name") != row["name"]]
        self.spec.notifications = [*kept, {**row, "params": dict(params or {})}]

    # -- secrets -----------------------------------------------------------------------------

    def set_secrets(
        self,
        secrets: Mapping[str, Any] | None = None,
        file_path: str | Path | None = None,
        provider: str | None = None,
    ) -> None:
        """Keep secrets for the project's runs, outside of every document.

        Args:
            secrets: Values by name; None removes one.
            file_path: A file of `KEY=value` lines instead.
            provider: `file`, `env`, `vault`, ...; by default the setting `secret_provider`.

        Raises:
            InvalidArgumentError: if not exactly one of `secrets` and `file_path` is given.
        """
        if (secrets is None) == (file_path is None):
            raise InvalidArgumentError(
                "give secrets or file_path, one of them",
                where=f"project {self.name!r}",
                fix='project.set_secrets({"TOKEN": ...}) or set_secrets(file_path="x.env")',
            )
        if file_path is not None:
            secrets = read_env_file(file_path)
        if not isinstance(secrets, Mapping) or not all(isinstance(key, str) for key in secrets):
            raise InvalidArgumentError(
                f"secrets must map names to values, not {type(secrets).__name__}",
                fix='project.set_secrets({"TOKEN": ...})',
            )
        kept = {
            key: None if value is None else str(value)
            for key, value in secrets.items()
            if key not in _FILTERED and not key.startswith("V3IO_")
        }
        provider_of(provider).write(self.name, kept)

    def get_secret(self, key: str) -> str | None:
        """A secret: one given with `with_secrets`, of the project, or an environment variable."""
        found = self.secrets().get(key)
        return environment(key) if found is None else found

    def with_secrets(self, kind: str, source: Any, prefix: str = "") -> Self:
        """Use more secrets: `inline` with a mapping, `file` with a path, `env` with names.

        Args:
            kind: `inline`, `file`, `env` or `project` (another project's name).
            source: See above; what is inline is never written anywhere.
            prefix: Put before each name of an inline mapping.
        """
        if kind == "inline" and isinstance(source, Mapping):
            source = {f"{prefix}{key}": value for key, value in source.items()}
        added = {"kind": kind, "source": source}
        resolve_sources([added])
        if kind == "inline":
            self._inline.append(added)
        else:
            self.spec.secret_sources.append(added)
        return self

    def secrets(self) -> Secrets:
        """All secrets of the project; only their names are shown when printed."""
        return Secrets({**provider_of().read(self.name), **resolve_sources(self._own_sources())})

    def secret_sources(self) -> list[dict[str, Any]]:
        """What a run needs to find the project's secrets: names and places, no stored values."""
        own = self._own_sources()
        if provider_of().read(self.name):
            return [{"kind": "project", "source": self.name}, *own]
        return own

    def _own_sources(self) -> list[dict[str, Any]]:
        return [*self.spec.secret_sources, *self._inline]
