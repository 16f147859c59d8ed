"""How many records a project has, in the form of MLRun's summary."""

from __future__ import annotations

import time
from typing import Any

from mlrun_like.registry import resolve
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.monitoring_abilities import EndpointQuery

__all__ = ["project_summary"]

_RECORD = "mlrun_like.compat.adapted.common.schemas:ProjectSummary"
_DAY = 86400.0
_GOING = ("running", "created", "pending", "aborting")
_FAILED = ("error", "aborted")
_CATEGORIES = {
    "model": "models_count",
    "dataset": "datasets_count",
    "document": "documents_count",
    "llm-prompt": "llm_prompts_count",
}
_BATCH = "batch-infer"  # the function of endpoints that no server has


def project_summary(store: FullStore, project: str) -> Any:
    """The summary; recent runs are those that began within a day.

    Raises:
        NotFoundError: if there is no such project.
    """
    store.read_project(project)
    counts: dict[str, int] = {}

    def count(name: str, number: int = 1) -> None:
        counts[name] = counts.get(name, 0) + number

    for item in store.list_artifacts(ArtifactQuery(project=project, tag="latest")):
        if item.get("kind") != "link":
            count(_CATEGORIES.get(str(item.get("kind")), "files_count"))
    count("feature_sets_count", len(store.list_documents("feature-set", project)))
    count("distinct_schedules_count", len(store.list_schedules(project)))
    for row in store.count_runs(project, time.time() - _DAY):
        kind = "pipelines" if row.kind == "pipeline" else "runs"
        if row.state == "completed":
            count(f"{kind}_completed_recent_count", row.runs)
        elif row.state in _FAILED:
            count(f"{kind}_failed_recent_count", row.runs)
    for row in store.count_runs(project):
        if row.state in _GOING:
            kind = "pipelines" if row.kind == "pipeline" else "runs"
            count(f"{kind}_running_count", row.runs)
    for item in store.list_endpoints(EndpointQuery(project)):
        batch = (item.get("spec") or {}).get("function_name") == _BATCH
        count("batch_model_endpoint_count" if batch else "real_time_model_endpoint_count")
    return resolve(_RECORD)(name=project, **counts)
