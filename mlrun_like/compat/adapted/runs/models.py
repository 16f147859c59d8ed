"""`ModelObj` and its kin: objects with named fields, for code that makes or subclasses them."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve

__all__ = [
    "RUN_ID_PLACE_HOLDER",
    "BaseMetadata",
    "Credentials",
    "EntrypointParam",
    "FunctionEntrypoint",
    "HyperParamStrategies",
    "ModelObj",
    "RetryBackoff",
    "TargetPathObject",
    "VersionedObjMetadata",
]

RUN_ID_PLACE_HOLDER = "{run_id}"


class ModelObj:
    """An object whose fields are `_dict_fields`, or the arguments of its constructor."""

    _dict_fields: ClassVar[Sequence[str]] = ()
    _default_fields_to_strip: ClassVar[Sequence[str]] = ()

    @classmethod
    def _names(cls, fields: Sequence[str] | None) -> list[str]:
        found = fields or cls._dict_fields or list(inspect.signature(cls.__init__).parameters)
        return [name for name in found if name != "self"]

    def to_dict(
        self,
        fields: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        strip: bool = False,
    ) -> dict[str, Any]:
        """The fields as plain data, empty ones left out.

        Args:
            fields: Only these.
            exclude: Not these.
            strip: Also leave out what is of one place only.
        """
        left = {*(exclude or ()), *(self._default_fields_to_strip if strip else ())}
        found = {}
        for name in self._names(fields):
            value: Any = getattr(self, name, None)
            if hasattr(value, "to_dict"):
                value = value.to_dict()
            if name not in left and value is not None and value != {} and value != []:
                found[name] = value
        return found

    @classmethod
    def from_dict(
        cls,
        struct: Mapping[str, Any] | None = None,
        fields: Sequence[str] | None = None,
        deprecated_fields: Mapping[str, str] | None = None,
        init_with_params: bool = False,
    ) -> Any:
        """An object with the fields of plain data; other keys are left out."""
        given = dict(struct or {})
        names = cls._names(fields)
        if init_with_params:
            made = cls(**{name: given.pop(name) for name in names if name in given})
        else:
            made = cls()
        older = deprecated_fields or {}
        for name in names:
            if name in given and name not in older:
                setattr(made, name, given[name])
        for name, new in older.items():
            if given.get(new) or given.get(name):
                setattr(made, new, given.get(new) or given[name])
        return made

    def to_yaml(self, exclude: Sequence[str] | None = None, strip: bool = False) -> str:
        """The fields as YAML."""
        dump = resolve("yaml:safe_dump")
        return str(dump(self.to_dict(exclude=exclude, strip=strip), sort_keys=False))

    def to_json(self, exclude: Sequence[str] | None = None, strip: bool = False) -> str:
        """The fields as JSON."""
        return json.dumps(self.to_dict(exclude=exclude, strip=strip), default=str)

    def to_str(self) -> str:
        """The fields as text."""
        return str(self)

    def __str__(self) -> str:
        return str(self.to_dict())

    def copy(self) -> Any:
        """An object of its own with the same fields."""
        return copy.deepcopy(self)

    @staticmethod
    def _verify_list(param: Any, name: str) -> None:
        if not isinstance(param, list):
            raise InvalidArgumentError(f"Parameter {name} must be a list")

    @staticmethod
    def _verify_dict(param: Any, name: str, new_type: Any = None) -> Any:
        if param is not None and not isinstance(param, dict) and not hasattr(param, "to_dict"):
            raise InvalidArgumentError(f"Parameter {name} must be a dict or object")
        if new_type and (param is None or isinstance(param, dict)):
            return new_type.from_dict(param)
        return param


class Credentials(ModelObj):
    """A login."""

    generate_access_key = "$generate"
    secret_reference_prefix = "$ref:"

    def __init__(self, access_key: str | None = None) -> None:
        self.access_key = access_key


class BaseMetadata(ModelObj):
    """Who something is."""

    _dict_fields: ClassVar[Sequence[str]] = (
        *("name", "tag", "hash", "namespace", "project", "labels", "annotations"),
        *("categories", "updated", "credentials"),
    )
    _default_fields_to_strip = (
        *("hash", "uid", "namespace", "project", "labels", "annotations"),
        *("credentials", "updated"),
    )

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str | None = None,
        tag: str | None = None,
        hash: str | None = None,
        namespace: str | None = None,
        project: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        categories: Sequence[str] | None = None,
        updated: Any = None,
        credentials: Any = None,
        **others: Any,
    ) -> None:
        self.name, self.tag, self.hash, self.namespace = name, tag, hash, namespace
        self.project, self.updated, self.credentials = project or "", updated, credentials
        self.labels = dict(labels or {})
        self.annotations = dict(annotations or {})
        self.categories = list(categories or [])
        for key, value in others.items():
            setattr(self, key, value)


class VersionedObjMetadata(BaseMetadata):
    """Who a version of something is."""

    _dict_fields = (
        *("name", "tag", "uid", "project", "labels", "annotations", "description", "created"),
        "updated",
    )

    def __init__(
        self,
        name: str | None = None,
        tag: str | None = None,
        uid: str | None = None,
        project: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        updated: Any = None,
        **others: Any,
    ) -> None:
        super().__init__(
            name, tag, project=project, labels=labels, annotations=annotations, updated=updated
        )
        self.uid = uid
        for key, value in others.items():
            setattr(self, key, value)


class EntrypointParam(ModelObj):
    """One argument of an entry point."""

    def __init__(
        self,
        name: str = "",
        type: Any = None,
        default: Any = None,
        doc: str = "",
        required: bool | None = None,
        choices: list[Any] | None = None,
    ) -> None:
        self.name, self.type, self.default, self.doc = name, type, default, doc
        self.required, self.choices = required, choices


class FunctionEntrypoint(ModelObj):
    """An entry point of a function."""

    def __init__(
        self,
        name: str = "",
        doc: str = "",
        parameters: list[Any] | None = None,
        outputs: list[Any] | None = None,
        lineno: int = -1,
        has_varargs: bool | None = None,
        has_kwargs: bool | None = None,
    ) -> None:
        self.name, self.doc, self.lineno = name, doc, lineno
        self.parameters, self.outputs = parameters or [], outputs or []
        self.has_varargs, self.has_kwargs = has_varargs, has_kwargs


class RetryBackoff(ModelObj):
    """How long a retry waits.

    Args:
        base_delay: Such as `"30s"`.
    """

    def __init__(self, base_delay: str | None = None) -> None:
        self.base_delay = base_delay or "30s"


class HyperParamStrategies:
    """How a sweep chooses its trials."""

    grid = "grid"
    list = "list"
    random = "random"
    custom = "custom"

    @staticmethod
    def all() -> Any:
        """All of MLRun's."""
        return ["grid", "list", "random", "custom"]


class TargetPathObject:
    """A path that may stand for one folder a run.

    Args:
        base_path: The path; `{run_id}` is filled in.
        run_id: The run.
        is_single_file: Whether it is one file.
    """

    def __init__(
        self, base_path: str | None = None, run_id: str | None = None, is_single_file: bool = False
    ) -> None:
        self.base_path, self.run_id = base_path or "", run_id
        self.full_path_template = self.base_path
        if run_id is not None and not is_single_file and "{run_id}" not in self.base_path:
            self.full_path_template = f"{self.base_path.rstrip('/')}/{{run_id}}/"

    def get_templated_path(self) -> str:
        """The path with its placeholder."""
        return self.full_path_template

    def get_absolute_path(self, project_name: str | None = None) -> str:
        """The path of the run."""
        path = self.full_path_template.replace("{run_id}", self.run_id or "")
        return path.replace("{project}", project_name or "{project}")
