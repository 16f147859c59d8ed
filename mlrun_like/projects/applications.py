"""Monitoring applications of a project: rows of its document, deployed into the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.names import normalize_name
from mlrun_like.projects.alerts import ProjectAlerts
from mlrun_like.projects.monitoring_function import MonitoringFunction
from mlrun_like.registry import resolve

__all__ = ["ProjectApplications"]

_RESERVED = (
    "model-monitoring-stream",
    "model-monitoring-controller",
    "model-monitoring-writer",
    "mlrun-infra",
)
_LONGEST = 62
_REGISTERING = "mlrun_like.monitoring.applications.registering"


class ProjectApplications(ProjectAlerts):
    """The part of a project that adds monitoring applications."""

    def set_model_monitoring_function(  # noqa: PLR0913 - MLRun's signature
        self,
        func: Any = None,
        application_class: Any = None,
        name: str | None = None,
        image: str | None = None,
        handler: str | None = None,
        with_repo: bool | None = None,
        tag: str | None = None,
        requirements: str | Sequence[str] | None = None,
        requirements_file: str = "",
        **application_kwargs: Any,
    ) -> MonitoringFunction:
        """Add a monitoring application to the project, or replace the one of this name.

        `project.deploy_function(fn)` or `fn.deploy()` puts it to work.

        Args:
            func: The `.py` file that defines the class, relative to the project's folder, or a
                deployed function; None: a class of this program, or a `module.Class` path.
            application_class: The class, its name in the file, or an instance.
            name: The application's name; by default the class's.
            image: MLRun's; applications run in the monitoring process.
            handler: The class's name in the file, if `application_class` does not tell it.
            with_repo: MLRun's.
            tag: MLRun's.
            requirements: MLRun's: what it needs must be installed.
            requirements_file: As above.
            application_kwargs: Arguments of the class.

        Raises:
            InvalidArgumentError: if the name is reserved or too long, or nothing can be called.
            MissingFileError: if there is no such file.
        """
        del image, with_repo, tag, requirements, requirements_file
        function = self._monitoring_function(
            func, application_class or handler, name, application_kwargs
        )
        self._objects[function.name] = function
        self.spec.monitoring["functions"] = [
            *(row for row in self._monitoring_rows() if row.get("name") != function.name),
            function.to_row(),
        ]
        return function

    def create_model_monitoring_function(  # noqa: PLR0913 - MLRun's signature
        self,
        func: Any = None,
        application_class: Any = None,
        name: str | None = None,
        image: str | None = None,
        handler: str | None = None,
        with_repo: bool | None = None,
        tag: str | None = None,
        requirements: str | Sequence[str] | None = None,
        requirements_file: str = "",
        **application_kwargs: Any,
    ) -> MonitoringFunction:
        """A monitoring application that is not added to the project; see
        `set_model_monitoring_function`."""
        del image, with_repo, tag, requirements, requirements_file
        return self._monitoring_function(
            func, application_class or handler, name, application_kwargs
        )

    def list_model_monitoring_functions(
        self, name: str | None = None, tag: str | None = None, labels: Any = None
    ) -> list[MonitoringFunction]:
        """The applications that are deployed, and those of the project that are not yet.

        Args:
            name: Only this one.
            tag: MLRun's.
            labels: Only those with these labels.
        """
        del tag
        found = {row["name"]: self._of_row(row) for row in self._monitoring_rows()}
        for document in self._deployed():
            meta, spec = document["metadata"], document["spec"]
            made = found.setdefault(
                meta["name"],
                MonitoringFunction(
                    meta["name"],
                    self.name,
                    spec.get("application") or "",
                    spec.get("class_name") or "",
                    spec.get("class_args"),
                ),
            )
            made.metadata.labels |= meta.get("labels") or {}
            made.status.state = "ready"
        wanted = dict(labels) if isinstance(labels, Mapping) else _pairs(labels)
        return [
            one
            for key, one in sorted(found.items())
            if name in (None, "", key)
            and all(
                word in one.metadata.labels and value in (None, one.metadata.labels[word])
                for word, value in wanted.items()
            )
        ]

    def remove_model_monitoring_function(self, name: str) -> None:
        """Forget an application; a deployed one goes on until it is deleted.

        Raises:
            NotFoundError: if the project has none of that name.
        """
        rows = self._monitoring_rows()
        known = [str(row.get("name")) for row in rows]
        plain = normalize_name(name)
        if plain not in known:
            raise NotFoundError(
                f"the project has no monitoring function {name!r}.{nearest(plain, known)}",
                where=f"project {self.name!r}",
                fix=f"monitoring functions: {', '.join(known) or 'none'}",
            )
        self._objects.pop(plain, None)
        self.spec.monitoring["functions"] = [row for row in rows if row.get("name") != plain]

    def delete_model_monitoring_function(self, name: str | list[str]) -> None:
        """End applications that are deployed.

        Args:
            name: One name, or several.

        Raises:
            NotFoundError: if one of them is not deployed; the others have been ended then.
        """
        names = [name] if isinstance(name, str) else list(name)
        missing = self._undeploy(names)
        if missing:
            raise NotFoundError(
                f"no monitoring function {missing[0]!r} is deployed",
                where=f"project {self.name!r}",
                fix="project.list_model_monitoring_functions()",
            )

    def get_function(self, key: str, *args: Any, **options: Any) -> Any:
        """A function or a monitoring application of the project; see `ProjectFunctions`."""
        plain = normalize_name(key.partition(":")[0])
        row = next((r for r in self._monitoring_rows() if r.get("name") == plain), None)
        if row is None:
            return super().get_function(key, *args, **options)
        if not isinstance(self._objects.get(plain), MonitoringFunction):
            self._objects[plain] = self._of_row(row)
        return self._objects[plain]

    def deploy_function(self, function: Any, *more: Any, **options: Any) -> Any:
        """Deploy a function or a monitoring application; see `operations.deploy_function`."""
        found = self.get_function(function) if isinstance(function, str) else function
        if not isinstance(found, MonitoringFunction):
            return resolve("mlrun_like.projects.operations:deploy_function")(
                function, *more, project_object=self, **options
            )
        found.deploy()
        for row in self._monitoring_rows():
            if row.get("name") == found.name:
                row["deployed"] = True
        made = resolve("mlrun_like.projects.building:DeployStatus")
        return made("ready", {"endpoint": "", "name": found.name}, found)

    def _monitoring_rows(self) -> list[dict[str, Any]]:
        return list(self.spec.monitoring.get("functions") or ())

    def _of_row(self, row: Mapping[str, Any]) -> MonitoringFunction:
        return MonitoringFunction.from_row(row, self.name, self.spec.get_code_path())

    def _monitoring_function(
        self,
        func: Any,
        application_class: Any,
        name: str | None,
        kwargs: Mapping[str, Any],
    ) -> MonitoringFunction:
        found = MonitoringFunction.of(
            func, application_class, name or "", kwargs, self.spec.get_code_path()
        )
        found.metadata.project = self.name
        if found.name in _RESERVED or len(self.name) + len(found.name) > _LONGEST:
            raise InvalidArgumentError(
                f"a monitoring function cannot be called {found.name!r}",
                where=f"project {self.name!r}",
                fix=f"not {', '.join(_RESERVED)}; project and name have 62 characters at most",
            )
        return found

    def _undeploy(self, names: Sequence[str]) -> list[str]:
        """End applications; those that were not deployed."""
        remove = resolve(f"{_REGISTERING}:remove_application")
        missing = []
        for name in names:
            for row in self._monitoring_rows():
                if row.get("name") == name:
                    row.pop("deployed", None)
            if not remove(self.name, name):
                missing.append(name)
        return missing

    def _deployed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = resolve(f"{_REGISTERING}:list_applications")(self.name)
        return found


def _pairs(labels: Any) -> dict[str, str | None]:
    """Labels as texts `name` or `name=value`."""
    found: dict[str, str | None] = {}
    for text in [labels] if isinstance(labels, str) else labels or ():
        name, mark, value = str(text).partition("=")
        found[name] = value if mark else None
    return found
