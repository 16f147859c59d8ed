"""The project document, in the layout of MLRun's `project.yaml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.names import check_label, check_project
from mlrun_like.registry import require
from mlrun_like.specs.function import Build
from mlrun_like.specs.model import Model, merge_foreign, parse, split_foreign
from mlrun_like.specs.project_rows import FunctionRows

__all__ = ["VERSION", "ProjectDoc", "ProjectMetadata", "ProjectSpec"]

VERSION = 1
"""Of the form of the document; readers refuse a newer one."""


class ProjectMetadata(Model):
    """Who the project is."""

    name: str = ""
    created: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)

    def __init__(self, name: str | None = "", **fields: Any) -> None:
        super().__init__(**{"name": name, **fields})

    @staticmethod
    def validate_project_name(name: str, raise_on_failure: bool = True) -> bool:
        """Whether a project may be called so.

        Raises:
            InvalidArgumentError: if it may not, unless `raise_on_failure` is False.

        >>> ProjectMetadata.validate_project_name("fraud_demo", raise_on_failure=False)
        False
        """
        try:
            check_project(name)
        except InvalidArgumentError:
            if raise_on_failure:
                raise
            return False
        return True

    @staticmethod
    def validate_project_labels(labels: dict[str, str], raise_on_failure: bool = True) -> bool:
        """Whether a project may have these labels.

        Raises:
            InvalidArgumentError: if it may not, unless `raise_on_failure` is False.
        """
        try:
            for key, value in labels.items():
                check_label(key, value)
        except InvalidArgumentError:
            if raise_on_failure:
                raise
            return False
        return True


class ProjectSpec(Model):
    """What belongs to it; rows of functions, workflows and artifacts keep keys we do not know."""

    description: str = ""
    goals: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    functions: list[dict[str, Any]] = Field(default_factory=list)
    workflows: list[dict[str, Any]] = Field(default_factory=list)
    artifacts: list[dict[str, Any]] = Field(default_factory=list)
    artifact_path: str = ""
    conda: str = ""
    source: str = ""
    origin_url: str = ""
    subpath: str = ""
    workdir: str = ""
    load_source_on_run: bool | None = None
    default_requirements: list[str] = Field(default_factory=list)
    default_image: str = ""
    build: Build = Field(default_factory=Build)
    desired_state: str = ""
    owner: str | None = None
    disable_auto_mount: bool | None = None
    custom_packagers: list[Any] = Field(default_factory=list)
    default_function_node_selector: dict[str, Any] = Field(default_factory=dict)
    notifications: list[dict[str, Any]] = Field(default_factory=list)
    secret_sources: list[dict[str, Any]] = Field(default_factory=list)
    monitoring: dict[str, Any] = Field(default_factory=dict)
    """`enabled`, `base_period` (minutes), `histogram_data_drift`, `functions`, `alerts`."""
    api_gateways: list[dict[str, Any]] = Field(default_factory=list)
    """In Nuclio's form, without secrets."""
    context: Any = Field(default="./", exclude=True)
    """The folder here; never written."""

    @property
    def repo(self) -> Any:
        """The folder's repository as GitPython gives it; None: it is in none."""
        git = require("git", feature="project.spec.repo")
        try:
            return git.Repo(self.context or "./")
        except (git.InvalidGitRepositoryError, git.NoSuchPathError):
            return None

    @property
    def _function_objects(self) -> dict[str, Any]:
        # no field: it is in no document, and two specs are equal without it
        found: dict[str, Any] = self.__dict__.setdefault("_objects", {})
        return found

    @property
    def _function_definitions(self) -> FunctionRows:
        return FunctionRows(self)

    @_function_definitions.setter
    def _function_definitions(self, rows: Mapping[str, Any]) -> None:
        self.functions = [{"name": name, **row} for name, row in rows.items()]

    def get_code_path(self) -> str:
        """The folder that files of functions and workflows are relative to.

        >>> ProjectSpec(context="./demo", subpath="src").get_code_path()
        './demo/src'
        """
        return os.path.join(self.context or "./", self.workdir or self.subpath or "")


class ProjectDoc(Model):
    """A whole project; `foreign` holds keys of other systems, kept on a round trip."""

    kind: str = "project"
    version: int = VERSION
    metadata: ProjectMetadata = Field(default_factory=ProjectMetadata)
    spec: ProjectSpec = Field(default_factory=ProjectSpec)
    status: dict[str, Any] = Field(default_factory=dict)
    foreign: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def from_dict(cls, document: Any, where: str = "") -> ProjectDoc:
        """Read MLRun's layout.

        Raises:
            SpecError: if it is no project, is newer than this, or a known key has a wrong type.

        >>> ProjectDoc.from_dict({"metadata": {"name": "fraud"}, "spec": {"mine": 1}}).to_dict()
        {'kind': 'project', 'version': 1, 'metadata': {'name': 'fraud'}, 'spec': {'mine': 1}}
        """
        if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
            raise SpecError(
                f"a project document is a mapping with 'metadata' and 'spec', "
                f"not {type(document).__name__}",
                where=where,
            )
        kind = document.get("kind", "project")
        if kind != "project":
            raise SpecError(f"the document is of kind {kind!r}, not 'project'", where=where)
        version = document.get("version")
        if isinstance(version, int) and version > VERSION:
            raise SpecError(
                f"the project has version {version}; this reads versions up to {VERSION}",
                where=where,
                fix="upgrade mlrun-like",
            )
        if "foreign" not in document:
            # the oldest projects have no parts: everything is on one level
            flat = not {"metadata", "spec"} & set(document) and "name" in document
            if flat:
                rest = {k: v for k, v in document.items() if k not in ("name", "kind", "version")}
                document = {"metadata": {"name": document["name"]}, "spec": rest}
            known, foreign = split_foreign(cls, document)
            document = {**known, "foreign": foreign}
        return parse(cls, document, where)

    def to_dict(self) -> dict[str, Any]:
        """MLRun's layout with foreign keys put back and empty values left out."""
        document = super().to_dict()
        document.pop("foreign", None)
        spec = document.get("spec") or {}
        if not spec.get("build"):
            spec.pop("build", None)
        return merge_foreign(document, self.foreign)
