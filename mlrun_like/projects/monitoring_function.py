"""A monitoring application as a function of a project: what `set_model_monitoring_function` gives.

It is a row of the project's document, and is deployed like a function; deployed it is a definition
in the store, which the controller follows from its next pass on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.names import normalize_name
from mlrun_like.registry import resolve

__all__ = ["APP_LABEL", "MonitoringFunction"]

APP_LABEL = {"mlrun__type": "mlrun__model-monitoring-application"}
"""MLRun's label of functions that are monitoring applications."""


@dataclass
class _Metadata:
    name: str = ""
    project: str = ""
    labels: dict[str, str] = field(default_factory=lambda: dict(APP_LABEL))


@dataclass
class _Status:
    state: str = ""


class MonitoringFunction:
    """An application of a project.

    Args:
        name: Its name.
        project: The project.
        target: A class path, a file, `file.py:Class`, `db://project/function`, `hub://name`, a
            class or instance.
        class_name: The class in a file that holds several.
        kwargs: The class's arguments.
        folder: What a file is relative to.
    """

    kind = "monitoring-application"

    def __init__(
        self,
        name: str,
        project: str = "",
        target: Any = "",
        class_name: str = "",
        kwargs: Mapping[str, Any] | None = None,
        folder: str = "",
    ) -> None:
        self.metadata = _Metadata(name, project)
        self.status = _Status()
        self.target, self.class_name = target, class_name
        self.kwargs = dict(kwargs or {})
        self.folder = folder

    @classmethod
    def of(
        cls,
        func: Any,
        application_class: Any,
        name: str,
        kwargs: Mapping[str, Any],
        folder: str = "",
    ) -> MonitoringFunction:
        """What `set_model_monitoring_function` is given.

        Raises:
            InvalidArgumentError: if there is neither a file nor a class.
            MissingFileError: if there is no such file.
        """
        func = os.fspath(func) if isinstance(func, os.PathLike) else func
        if func is None and application_class is None:
            raise InvalidArgumentError(
                "a monitoring function needs a file or a class",
                fix='set_model_monitoring_function("drift.py", application_class="MyDrift")',
            )
        inside = application_class if isinstance(application_class, str) else ""
        if func is not None and not isinstance(func, str):
            meta = getattr(func, "metadata", None)
            if meta is None:
                raise InvalidArgumentError(f"{func!r:.80} is no file and no function")
            func.save()
            func = f"db://{meta.project}/{meta.name}"
        if application_class is not None and not inside:
            target, inside = application_class, ""
        else:
            target, inside = (func, inside) if func else (inside, "")
        called = name or _named(inside or target)
        made = cls(normalize_name(called), "", target, inside, kwargs, folder)
        if made.is_file and not made.path.is_file():
            raise MissingFileError(
                f"there is no file {target!r}",
                where=str(made.path),
                fix="paths of monitoring functions are relative to the project's folder",
            )
        return made

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def is_file(self) -> bool:
        """Whether its class lies in a file."""
        return isinstance(self.target, str) and self.target.partition(":")[0].endswith(".py")

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.folder, str(self.target).partition(":")[0]).absolute()

    def __repr__(self) -> str:
        return f"<monitoring function {self.metadata.project}/{self.name} {self.status.state}>"

    def deploy(self, **options: Any) -> str:
        """Let it watch the project from the next pass on; gives its name.

        Args:
            options: `period` (minutes), `timeout` (seconds), `retries`, `endpoints`.

        Raises:
            InvalidArgumentError: if the class cannot be made with its arguments.
            NotFoundError: if there is no such class.
        """
        register = resolve("mlrun_like.monitoring.applications.registering:register_application")
        target = self.target
        if self.is_file:
            _, mark, inside = str(self.target).partition(":")
            target = f"{self.path}{mark}{inside}"
        register(
            self.metadata.project,
            self.name,
            target,
            kwargs=self.kwargs,
            class_name=self.class_name,
            labels=self.metadata.labels,
            **options,
        )
        self.status.state = "ready"
        return self.name

    def to_row(self) -> dict[str, Any]:
        """As the project's document keeps it; a class or instance by its path.

        Raises:
            InvalidArgumentError: if its class cannot be found again by another program.
        """
        target, kwargs = self.target, self.kwargs
        if not isinstance(target, str):
            if not isinstance(target, type):
                given = resolve("mlrun_like.monitoring.applications.base:given_arguments")
                kwargs = {**given(target), **kwargs}
                target = type(target)
            target = resolve("mlrun_like.monitoring.applications.loading:path_of")(target)
        row = {"name": self.name, "application": target, "class_name": self.class_name}
        return {**{key: value for key, value in row.items() if value}, "kwargs": kwargs}

    @classmethod
    def from_row(cls, row: Mapping[str, Any], project: str, folder: str) -> MonitoringFunction:
        """Read what `to_row` wrote."""
        return cls(
            str(row.get("name") or ""),
            project,
            row.get("application") or "",
            str(row.get("class_name") or ""),
            row.get("kwargs"),
            folder,
        )


def _named(target: Any) -> str:
    """The name of an application that was given none: `DataDrift` is called `data-drift`."""
    if not isinstance(target, str):
        found = target if isinstance(target, type) else type(target)
        return str(getattr(found, "NAME", "") or found.__name__)
    if target.startswith("hub://"):
        return target.rpartition("/")[2].partition(":")[0]
    last = target.rpartition(":")[2].removesuffix(".py").rpartition("/")[2].rpartition(".")[2]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", last)
