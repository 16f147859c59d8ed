"""MlrunProject: everything that belongs to one piece of work, in one folder and one name."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.names import check_run_name
from mlrun_like.projects import operations
from mlrun_like.projects.api_gateways import ProjectApiGateways
from mlrun_like.projects.documents import write_file, yaml_of
from mlrun_like.registry import resolve
from mlrun_like.specs.project import ProjectDoc, ProjectMetadata, ProjectSpec

__all__ = ["MlrunProject"]

_ENGINES = ("", "local", "remote", "kfp", "remote:local", "remote:kfp")


class MlrunProject(ProjectApiGateways):
    """A project: functions, workflows, artifacts, parameters, secrets, source.

    `new_project`, `load_project` and `get_or_create_project` make one.

    Args:
        metadata: Name, labels, annotations.
        spec: The rest.
    """

    def __init__(
        self, metadata: ProjectMetadata | None = None, spec: ProjectSpec | None = None
    ) -> None:
        super().__init__(metadata, spec)

    def add_custom_packager(self, packager: str, is_mandatory: bool) -> None:
        """Let the project's runs use a packer of one's own.

        Args:
            packager: Its dotted path, or `"module.*"`.
            is_mandatory: Whether a run fails where it cannot be imported.

        Raises:
            InvalidArgumentError: if it is added already.
        """
        if any(row[0] == packager for row in self.spec.custom_packagers):
            raise InvalidArgumentError(
                f"the packager {packager!r} is added already",
                fix=f"project.remove_custom_packager({packager!r}) first",
            )
        self.spec.custom_packagers = [*self.spec.custom_packagers, [packager, is_mandatory]]

    def remove_custom_packager(self, packager: str) -> None:
        """Take such a packer away.

        Raises:
            InvalidArgumentError: if it was not added.
        """
        kept = [row for row in self.spec.custom_packagers if row[0] != packager]
        if len(kept) == len(self.spec.custom_packagers):
            raise InvalidArgumentError(f"the packager {packager!r} was not added")
        self.spec.custom_packagers = kept

    @classmethod
    def from_dict(
        cls, document: Mapping[str, Any], context: str | Path = "./", where: str = ""
    ) -> MlrunProject:
        """A project from plain data.

        Raises:
            SpecError: if the document is malformed.

        >>> MlrunProject.from_dict({"metadata": {"name": "fraud"}}).name
        'fraud'
        """
        return cls.of(ProjectDoc.from_dict(dict(document), where), context)

    # -- functions at work ---------------------------------------------------------------------

    def run_function(
        self, function: Any, handler: Any = None, name: str = "", *more: Any, **options: Any
    ) -> Any:
        """Run a function; see `operations.run_function`."""
        options["project_object"] = self
        return operations.run_function(function, handler, name, *more, **options)

    def build_function(self, function: Any, *more: Any, **options: Any) -> Any:
        """Build a function's image; see `operations.build_function`."""
        options["project_object"] = self
        return operations.build_function(function, *more, **options)

    # -- workflows -------------------------------------------------------------------------------

    @property
    def workflows(self) -> list[dict[str, Any]]:
        """The rows of the document."""
        return self.spec.workflows

    def set_workflow(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str,
        workflow_path: str | os.PathLike[str],
        embed: bool = False,
        engine: str | None = None,
        args_schema: Sequence[Any] | None = None,
        handler: str | None = None,
        schedule: Any = None,
        ttl: int | None = None,
        image: str | None = None,
        **args: Any,
    ) -> None:
        """Add a workflow, or replace the one of this name.

        Args:
            name: Its name.
            workflow_path: Its Python file, relative to the project's folder, or a URL.
            embed: Keep the file's text in the project's document.
            engine: `local`, `remote`, `kfp`; by default what `run` decides.
            args_schema: What arguments there are: `name`, `type`, `default`, `required`, `doc`.
            handler: The function in the file; by default the pipeline in it.
            schedule: The times at which it runs.
            ttl: Seconds its objects in a cluster are kept.
            image: The image of a remote runner.
            args: Values of its arguments.

        Raises:
            InvalidArgumentError: if there is no path or no such file, the engine is unknown, or a
                local workflow is given a schedule.
        """
        check_run_name(name)
        path = os.fspath(workflow_path) if workflow_path else ""
        if not path:
            raise InvalidArgumentError(
                f"workflow_path must be provided. Workflow {name!r} needs a file",
                where=f"project {self.name!r}",
                fix=f'project.set_workflow("{name}", "workflow.py")',
            )
        engine = engine or ""
        if engine not in _ENGINES:
            raise InvalidArgumentError(
                f"engine {engine!r} of workflow {name!r} is unknown.{nearest(engine, _ENGINES)}",
                fix=f"use one of: {', '.join(filter(None, _ENGINES))}",
            )
        if engine == "local" and schedule:
            raise InvalidArgumentError(
                f"workflow {name!r} has engine='local' and a schedule: this process may be gone "
                "by then",
                fix="leave engine='local' out",
            )
        local = "://" not in path
        file = Path(self.get_item_absolute_path(path)[0])
        if local and not file.is_file():
            raise InvalidArgumentError(
                f"Invalid 'workflow_path': {path!r}. Got a path to a non-existing file. Path must "
                "be absolute or relative to the project code path i.e. "
                "<project.spec.get_code_path()>/<workflow_path>).",
                where=f"project {self.name!r}: {file}",
            )
        if not local and not Path(path).suffix:
            raise InvalidArgumentError(
                f"Invalid 'workflow_path': {path!r}. Got a remote URL without a file suffix.",
                fix="https://host/workflow.py",
            )
        row: dict[str, Any] = {"name": name}
        if embed and local:
            row["code"] = base64.b64encode(file.read_bytes()).decode()
        else:
            row["path"] = path
        more = {
            "engine": engine,
            "handler": handler,
            "args": dict(args),
            "args_schema": [
                item.to_dict() if hasattr(item, "to_dict") else dict(item)
                for item in args_schema or ()
            ],
            "schedule": schedule.to_dict() if hasattr(schedule, "to_dict") else schedule,
            "ttl": ttl,
            "image": image,
        }
        row.update({key: value for key, value in more.items() if value not in (None, "", {}, [])})
        kept = [each for each in self.spec.workflows if each.get("name") != name]
        self.spec.workflows = [*kept, row]

    def get_workflow(self, name: str) -> dict[str, Any]:
        """The row of a workflow.

        Raises:
            NotFoundError: if there is none of that name.
        """
        names = [str(row.get("name")) for row in self.spec.workflows]
        if name not in names:
            raise NotFoundError(
                f"the project has no workflow {name!r}.{nearest(name, names)}",
                where=f"project {self.name!r}",
                fix=f"workflows: {', '.join(names) or 'none'}; project.set_workflow(...) adds one",
            )
        return self.spec.workflows[names.index(name)]

    def remove_workflow(self, name: str) -> None:
        """Forget a workflow."""
        row = self.get_workflow(name)
        self.spec.workflows = [each for each in self.spec.workflows if each is not row]

    def save_workflow(
        self, name: str, target: str, artifact_path: str | None = None, ttl: int | None = None
    ) -> str:
        """Write the row of a workflow to a YAML file.

        Args:
            name: The workflow.
            target: The file.
            artifact_path: Where its artifacts go, written with it.
            ttl: Seconds its objects in a cluster are kept, written with it.

        Returns:
            The file.
        """
        row = dict(self.get_workflow(name))
        more = {"artifact_path": artifact_path, "ttl": ttl}
        row.update({key: value for key, value in more.items() if value})
        write_file(target, yaml_of({"kind": "workflow", "project": self.name, **row}))
        return target

    def get_run_status(
        self,
        run: Any,
        timeout: float | None = None,
        expected_statuses: Sequence[str] | None = None,
        notifiers: Any = None,
    ) -> tuple[str, int, str]:
        """Wait for a workflow's run; gives its state, how many steps failed, and a sentence.

        Args:
            run: What `run` gave, or its id.
            timeout: Seconds to wait at most; None: an hour; 0: do not wait.
            expected_statuses: Raise if it ends in another state.
            notifiers: MLRun's; notifications of the run itself tell its end here.

        Raises:
            RunError: if it ended in a state that was not expected.
            RunTimeoutError: if it is not over in time.
        """
        del notifiers
        status = resolve("mlrun_like.projects.pipeline_runs:get_run_status")
        found: tuple[str, int, str] = status(self, run, timeout, expected_statuses)
        return found

    def run(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str | None = None,
        workflow_path: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        artifact_path: str | None = None,
        workflow_handler: Any = None,
        namespace: str | None = None,
        sync: bool = False,
        watch: bool = False,
        dirty: bool = False,
        engine: str | None = None,
        local: bool | None = None,
        schedule: Any = None,
        timeout: float | None = None,
        source: str | None = None,
        cleanup_ttl: int | None = None,
        notifications: Sequence[Any] | None = None,
        workflow_runner_node_selector: Mapping[str, str] | None = None,
    ) -> Any:
        """Run a workflow of the project; see `mlrun_like.projects.workflows`."""
        given = {key: value for key, value in locals().items() if key != "self"}
        return resolve("mlrun_like.projects.workflows:run_workflow")(self, **given)
