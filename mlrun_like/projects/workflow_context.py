"""What a workflow's body sees of its project, with MLRun's names: `pipeline_context`, `funcs`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.functions.tracing import TRACER
from mlrun_like.pipelines.eager_calls import EagerTracer
from mlrun_like.projects.current import WORKFLOW, get_current_project, set_current_project
from mlrun_like.tracking.meant import meant_session

__all__ = ["ProjectFunctionsView", "pipeline_context"]


class ProjectFunctionsView(Mapping[str, Any]):
    """The functions of a project by name, each as the project enriches it.

    Args:
        project: The project.
    """

    def __init__(self, project: Any) -> None:
        self.project = project
        self._own: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._own:
            self._own[name] = self.project.get_function(name, enrich=True, copy_function=False)
        return self._own[name]

    def __setitem__(self, name: str, function: Any) -> None:
        self._own[name] = function

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self.project.get_function_names(), *self._own}))

    def __len__(self) -> int:
        return len({*self.project.get_function_names(), *self._own})


class _PipelineContext:
    """The workflow whose body runs now; empty values outside of one."""

    @property
    def _values(self) -> dict[str, Any]:
        """What was put here, in the session around or else in this process."""
        session = meant_session()
        return vars(self) if session is None else session.kept.setdefault("pipeline", {})

    @property
    def project(self) -> Any:
        """Its project, else the current one, or None."""
        return self._values.get("_project") or get_current_project(silent=True)

    @project.setter
    def project(self, project: Any) -> None:
        """Make it the current one; what is no project is only kept here."""
        if project is None or hasattr(project, "spec"):
            self._values.pop("_project", None)
            set_current_project(project)
        else:
            self._values["_project"] = project

    def set(self, project: Any, workflow: Any = None) -> None:
        """Make a project the current one; workflows say themselves when they run."""
        del workflow
        self.project = project

    def clear(self, with_project: bool = False) -> None:
        """Forget what was put here, and with `with_project` the current project."""
        self._values.clear()
        if with_project:
            set_current_project(None)

    @property
    def workflow_id(self) -> str | None:
        """The id of its run, or None; while it is traced, a run has not begun."""
        tracer = TRACER.get()
        return tracer.workflow if isinstance(tracer, EagerTracer) else None

    @property
    def workflow_artifact_path(self) -> str:
        """Where its artifacts go; `{{workflow.uid}}` in it is its id, once it has one."""
        found, uid = WORKFLOW.get(), self.workflow_id
        path = found.artifact_path if found is not None else str(self._values.get("_path", ""))
        return path.replace("{{workflow.uid}}", uid) if uid else path

    @workflow_artifact_path.setter
    def workflow_artifact_path(self, path: str | None) -> None:
        """Where artifacts go outside of a workflow, until `clear`."""
        self._values["_path"] = path or ""

    @property
    def runs_map(self) -> dict[str, Any]:
        """The runs of its steps, by uid."""
        tracer = TRACER.get()
        return tracer.runs if isinstance(tracer, EagerTracer) else {}

    @property
    def functions(self) -> Mapping[str, Any]:
        """The functions of its project, by name."""
        found = WORKFLOW.get()
        return ProjectFunctionsView(found.project) if found is not None else {}


pipeline_context = _PipelineContext()
"""MLRun's name; what a script puts here stays until `clear`."""
