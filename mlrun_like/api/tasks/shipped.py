"""Tasks that concern the whole store: removing what nobody needs, and copies."""

from __future__ import annotations

from mlrun_like.api.backup.making import make_backup
from mlrun_like.api.tasks.progress import Progress
from mlrun_like.tracking.gc import collect
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.task_abilities import BackgroundTask
from mlrun_like.types import Document

__all__ = ["back_up", "collect_garbage"]


def collect_garbage(store: SqlStore, task: BackgroundTask, progress: Progress) -> Document:
    """Remove records deleted long ago and files that no record names."""
    progress.tell(0, 1, "looking for what nobody needs")
    report = collect(
        store,
        dry_run=bool(task.arguments.get("dry_run")),
        keep_days=task.arguments.get("keep_days"),
    )
    return {
        "runs": report.runs,
        "artifacts": report.artifacts,
        "files": len(report.files),
        "bytes": report.size,
        "dry_run": report.dry_run,
        "notes": report.notes,
    }


def back_up(store: SqlStore, task: BackgroundTask, progress: Progress) -> Document:
    """Copy the store to the place that the task names."""
    target = str(task.arguments["target"])
    artifacts = bool(task.arguments.get("artifacts"))
    return make_backup(store, target, artifacts=artifacts, tell=progress.tell)
