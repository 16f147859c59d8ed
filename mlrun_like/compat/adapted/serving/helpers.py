"""What `mlrun.serving.utils` had: a step as a dictionary, events, names of headers."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from mlrun_like.names import parse_function_uri

__all__ = [
    "EVENT_ID",
    "EVENT_PATH",
    "MonitoringApplicationToDict",
    "OperationTypes",
    "RouterToDict",
    "StepToDict",
    "VotingTypes",
    "get_data_from_path",
    "is_event_like",
    "parse_versioned_object_uri",
    "set_data_by_path",
    "split_path",
]

EVENT_ID = "MLRUN-EVENT-ID"
EVENT_PATH = "MLRUN-EVENT-PATH"

_STEP_VALUES = ("context", "name", "input_path", "result_path", "full_event", "kwargs")


def is_event_like(obj: Any) -> bool:
    """Whether something is an event: it has a body and is no response.

    >>> is_event_like("text")
    False
    """
    return hasattr(obj, "body") and not hasattr(obj, "status_code")


class VotingTypes:
    """How an ensemble joins predictions."""

    classification = "classification"
    regression = "regression"


class OperationTypes:
    """What a router is asked for."""

    infer = "infer"
    predict = "predict"
    explain = "explain"


class StepToDict:
    """Mixed into classes of steps, so that their objects can be given to graphs.

    The arguments of the constructor are read from attributes of the same names.

    >>> class Add(StepToDict):
    ...     def __init__(self, number=0, name=None):
    ...         self.number, self.name = number, name
    >>> Add(3, "add3").to_dict()["class_args"]
    {'number': 3}
    """

    _STEP_KIND: str | None = None
    meta_keys: Sequence[str] = _STEP_VALUES

    def to_dict(
        self,
        fields: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        strip: bool = False,
    ) -> dict[str, Any]:
        """The step as plain data."""
        del strip
        kind = type(self)
        named = fields or getattr(self, "_dict_fields", None)
        named = list(named or inspect.signature(self.__init__).parameters)  # type: ignore[misc]
        given = {
            key: getattr(self, key)
            for key in named
            if key not in self.meta_keys
            and key not in (exclude or ())
            and getattr(self, key, None) is not None
        }
        if "kwargs" in named:
            more = getattr(self, "kwargs", None) or getattr(self, "_kwargs", None) or {}
            given |= {key: value for key, value in more.items() if key not in self.meta_keys}
        module = "" if kind.__module__ in ("__main__", "builtins") else f"{kind.__module__}."
        found: dict[str, Any] = {
            "class_name": f"{module}{kind.__qualname__}",
            "name": getattr(self, "name", None) or kind.__name__,
            "class_args": given,
        }
        if self._STEP_KIND:
            found["kind"] = self._STEP_KIND
        for key in ("input_path", "result_path"):
            if getattr(self, f"_{key}", None) is not None:
                found[key] = getattr(self, f"_{key}")
        if getattr(self, "_full_event", None):
            found["full_event"] = True
        return found


class RouterToDict(StepToDict):
    """The same for routers."""

    _STEP_KIND = "router"

    def to_dict(
        self,
        fields: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        strip: bool = False,
    ) -> dict[str, Any]:
        return super().to_dict(fields, ["routes", *(exclude or ())], strip)


class MonitoringApplicationToDict(StepToDict):
    """The same for monitoring applications."""

    _STEP_KIND = "monitoring_application"
    meta_keys: Sequence[str] = ()


def parse_versioned_object_uri(uri: str, default_project: str = "") -> tuple[str, str, str, str]:
    """Project, name, tag and hash of a URI such as `project/name:tag@hash`.

    >>> parse_versioned_object_uri("p/f:v1")
    ('p', 'f', 'v1', '')
    """
    found = parse_function_uri(uri, default_project or "default")
    return found.project, found.name, found.tag, found.hash


def split_path(path: Any) -> Any:
    """A dotted path as its parts.

    >>> split_path("a.b"), split_path(None)
    (['a', 'b'], None)
    """
    return path.split(".") if isinstance(path, str) and path else (path or None)


def get_data_from_path(path: Any, data: Any) -> Any:
    """What is at a path, in a body or in each of a list of them."""
    if isinstance(data, list):
        return [get_data_from_path(path, item) for item in data]
    for part in split_path(path) or ():
        data = data[part]
    return data


def set_data_by_path(path: Any, data: dict[str, Any], value: Any) -> None:
    """Put a value at a path; without a path, its fields become the body's."""
    parts = split_path(path)
    if not parts:
        data.update(value)
        return
    for part in parts[:-1]:
        data = data.setdefault(part, {})
    data[parts[-1]] = value
