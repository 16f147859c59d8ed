"""Evidently inside monitoring applications (extra: evidently); written against Evidently 0.7.

Evidently's reports become artifacts, and runs of a workspace that its own pages show.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError, MissingDependencyError, MLRunLikeError
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.registry import require

__all__ = ["EvidentlyModelMonitoringApplicationBase"]

_FEATURE = "Evidently monitoring applications"


def _evidently() -> Any:
    """The package; it says what is wrong if it cannot be imported beside the pandas that is here.

    Raises:
        MissingDependencyError: if it is not there, or cannot be used here.
    """
    try:
        return require("evidently", extra="evidently", feature=_FEATURE)
    except (ImportError, AttributeError, TypeError, ValueError) as exc:
        if isinstance(exc, MLRunLikeError):
            raise
        raise MissingDependencyError(
            f"{_FEATURE} need the package 'evidently', which cannot be imported beside pandas "
            f"{pd.__version__}: {type(exc).__name__}: {str(exc)[:200]}",
            fix="an environment of its own, with pandas 2: python -m venv monitoring; "
            'monitoring/bin/pip install "mlrun-like[evidently]"',
        ) from exc


class EvidentlyModelMonitoringApplicationBase(ModelMonitoringApplicationBase):
    """Base class of applications that use Evidently; write `do_tracking` as for any other.

    Args:
        evidently_workspace_path: Folder of an Evidently workspace; empty: none is used.
        evidently_project_id: Project in it; empty: made on first use.
        cloud_workspace: The workspace is what `load_cloud_workspace` gives, which a child writes.

    Raises:
        MissingDependencyError: if Evidently is not installed.
    """

    def __init__(
        self,
        evidently_workspace_path: str | None = "",
        evidently_project_id: Any = "",
        cloud_workspace: bool = False,
    ) -> None:
        _evidently()
        self.evidently_workspace_path = evidently_workspace_path or ""
        self._cloud = cloud_workspace
        self.evidently_project_id = str(evidently_project_id or "")
        self._workspace: Any = None

    def run_report(
        self, metrics: list[Any], current: pd.DataFrame, reference: pd.DataFrame | None = None
    ) -> Any:
        """Run an Evidently report.

        Args:
            metrics: Evidently's presets or metrics.
            current: The window.
            reference: What it is compared with.
        """
        return _evidently().Report(metrics).run(current, reference)

    @staticmethod
    def log_evidently_object(
        monitoring_context: MonitoringApplicationContext,
        evidently_object: Any,
        artifact_name: str,
        unique_per_endpoint: bool = True,
    ) -> Any:
        """Log a report as a page.

        Args:
            monitoring_context: The window.
            evidently_object: What `run_report` gave, or anything with `save_html`.
            artifact_name: The artifact's key.
            unique_per_endpoint: Add the endpoint's uid to the key.

        Raises:
            InvalidArgumentError: if the object cannot be a page.
        """
        if not hasattr(evidently_object, "save_html"):
            raise InvalidArgumentError(
                f"{type(evidently_object).__name__} has no save_html",
                fix="give what report.run(...) returns",
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.html"
            evidently_object.save_html(str(path))
            page = path.read_text(encoding="utf-8")
        key = artifact_name
        if unique_per_endpoint and monitoring_context.endpoint_id:
            key = f"{artifact_name}-{monitoring_context.endpoint_id}"
        return monitoring_context.log_artifact(key, page, format="html")

    def log_project_dashboard(
        self,
        monitoring_context: MonitoringApplicationContext,
        timestamp_start: pd.Timestamp,
        timestamp_end: pd.Timestamp,
        artifact_name: str = "dashboard",
    ) -> Any:
        """Log which runs the workspace's project holds in a span, as JSON.

        Args:
            monitoring_context: The window.
            timestamp_start: From when.
            timestamp_end: Until when.
            artifact_name: The artifact's key.
        """
        workspace = self.workspace()
        runs = [
            {"id": str(one), "project": self.evidently_project_id}
            for one in workspace.list_runs(self.evidently_project_id)
        ]
        body = {"start": str(timestamp_start), "end": str(timestamp_end), "runs": runs}
        return monitoring_context.log_artifact(artifact_name, json.dumps(body), format="json")

    def load_cloud_workspace(self) -> Any:
        """The workspace of an application made with `cloud_workspace=True`; a child writes it.

        Raises:
            NotImplementedError: if it does not.
        """
        raise NotImplementedError("write load_cloud_workspace: it gives Evidently's CloudWorkspace")

    @property
    def evidently_workspace(self) -> Any:
        """MLRun's name of `workspace()`."""
        return self.workspace()

    def workspace(self) -> Any:
        """The Evidently workspace; made on first use.

        Raises:
            InvalidArgumentError: if the application was made without a folder for it.
        """
        if self._cloud and self._workspace is None:
            self._workspace = self.load_cloud_workspace()
        if self._cloud:
            return self._workspace
        if not self.evidently_workspace_path:
            raise InvalidArgumentError(
                "this application has no Evidently workspace",
                fix='give evidently_workspace_path="folder"',
            )
        if self._workspace is None:
            _evidently()
            module = require("evidently.ui.workspace", extra="evidently", feature=_FEATURE)
            self._workspace = module.Workspace.create(self.evidently_workspace_path)
            if not self.evidently_project_id:
                made = self._workspace.create_project(type(self).__name__)
                self.evidently_project_id = str(made.id)
        return self._workspace

    def add_run(self, snapshot: Any) -> None:
        """Put what a report gave into the workspace's project."""
        self.workspace().add_run(self.evidently_project_id, snapshot)
