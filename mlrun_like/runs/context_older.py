"""Names of a context that older code uses: other spellings of what there is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mlrun_like.artifacts.item import get_artifact
from mlrun_like.names import ArtifactURI
from mlrun_like.registry import resolve
from mlrun_like.runs.context_logging import ContextLogging
from mlrun_like.runs.logger import Logger

__all__ = ["ContextOlder"]


class ContextOlder(ContextLogging):
    """The project, other forms of the run, and what was private in MLRun but known to all."""

    def get_project_object(self) -> Any:
        """The run's project, or None if there is none of that name."""
        store: Any = self.store  # one that keeps no projects has none
        found = store.list_projects(self.project) if hasattr(store, "list_projects") else []
        make = resolve("mlrun_like.projects.project:MlrunProject").from_dict
        return make(found[0]) if found else None

    def get_project_param(self, key: str, default: Any = None) -> Any:
        """A parameter of the run's project."""
        project = self.get_project_object()
        value = None if project is None else project.get_param(key)
        return default if value is None else value

    def get_artifact(
        self,
        key: str,
        tag: str | None = None,
        iter: int | None = None,
        tree: str | None = None,
        uid: str | None = None,
    ) -> Any:
        """An artifact of this run, else of its project.

        Args:
            key: Its name.
            tag: A tag; by default the newest.
            iter: The number of a child.
            tree: The run or workflow that made it.
            uid: MLRun's; versions are told apart by their trees.

        Raises:
            NotFoundError: if there is none.
        """
        del uid
        if key in self._artifacts and not (tag or iter or tree):
            return self._artifacts[key]
        found = ArtifactURI("artifacts", self.project, key, iter, tag or "", tree or "")
        return get_artifact(str(found), store=self.store)

    def log_iteration_results(
        self,
        best: int | None,
        summary: Sequence[Sequence[Any]],
        task: Mapping[str, Any],
        commit: bool = False,
    ) -> None:
        """Write the table of iterations of a sweep that other code made.

        Args:
            best: The number of the best one, whose results become this run's; None: none is.
            summary: The table, its header first.
            task: The best one as plain data.
            commit: Write the run at once.
        """
        status = self._run.status
        status.iterations = [list(row) for row in summary]
        if best:
            self.log_result("best_iteration", best)
            for key, value in ((task.get("status") or {}).get("results") or {}).items():
                self.log_result(str(key), value)
        if commit:
            self.commit()

    def set_logger_stream(self, stream: Any) -> None:
        """Where the logger writes."""
        self.logger = Logger(self.log_level, stream=stream)

    def get_notifications(self, unmask_secret_params: bool = False) -> list[dict[str, Any]]:
        """Who is told about the run; secrets are not among it."""
        del unmask_secret_params
        return [dict(row) for row in self._run.spec.notifications]

    def update_run(self) -> None:
        """Write the run's record now."""
        self.store_run()

    def to_yaml(self) -> str:
        """The run as YAML."""
        dump = resolve("yaml:safe_dump")
        return str(dump(self._run.to_dict(), sort_keys=False, allow_unicode=True))

    def to_json(self) -> str:
        """The run as JSON."""
        return json.dumps(self._run.to_dict())

    @property
    def artifact_uris(self) -> dict[str, str]:
        """The addresses of the artifacts logged so far."""
        return dict(self._run.status.artifact_uris)

    @property
    def host(self) -> str:
        """The machine it runs on."""
        return self._run.status.host

    @property
    def _uid(self) -> str:
        return self._run.metadata.uid

    @property
    def _project(self) -> str:
        return self._run.metadata.project

    @property
    def _iteration(self) -> int:
        return self._run.metadata.iteration

    @property
    def _labels(self) -> dict[str, str]:
        return self._run.metadata.labels

    @property
    def _annotations(self) -> dict[str, str]:
        return self._run.metadata.annotations

    @property
    def _parameters(self) -> dict[str, Any]:
        return self._run.spec.parameters

    @property
    def _inputs(self) -> dict[str, str]:
        return self._run.spec.inputs

    @property
    def _allow_empty_resources(self) -> bool | None:
        return self._run.spec.allow_empty_resources

    @_allow_empty_resources.setter
    def _allow_empty_resources(self, value: bool | None) -> None:
        self._run.spec.allow_empty_resources = value

    @property
    def _results(self) -> dict[str, Any]:
        return self._run.status.results

    @property
    def _state(self) -> str:
        return self._run.status.state

    @property
    def _error(self) -> str | None:
        return self._run.status.error

    @property
    def _start_time(self) -> datetime:
        started = self._run.status.start_time
        return datetime.fromisoformat(started) if started else datetime.now().astimezone()

    def _set_input(self, key: str, url: str = "") -> None:
        self._run.spec.inputs[key] = url or key
