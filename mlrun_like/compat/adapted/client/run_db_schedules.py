"""Schedules, pipelines and background tasks under the names of MLRun's client."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any, NamedTuple

from mlrun_like.compat.adapted.client.run_db_lists import between
from mlrun_like.compat.adapted.client.run_db_notifications import forget_secrets
from mlrun_like.compat.adapted.client.run_db_rescheduling import change_schedule
from mlrun_like.compat.adapted.client.run_db_values import ask, plain, project_of, text_of
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingSymbolError,
    NotFoundError,
    TimeLimitError,
)
from mlrun_like.registry import resolve
from mlrun_like.runs.object import RunObject
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.meant import using_store

__all__ = ["Pipelines", "ScheduleCalls"]

_PIPELINES = "mlrun_like.projects.pipeline_runs:"
_SCHEMAS = "mlrun_like.compat.adapted.common.schemas:"
_DEFINE = "mlrun_like.schedules.define:"
_TASK_STATES = {"succeeded": "succeeded", "failed": "failed", "cancelled": "failed"}


class Pipelines(NamedTuple):
    """How many there are, no token, and the runs."""

    total_size: int
    next_page_token: str | None
    runs: list[Any]


class ScheduleCalls:
    """What `RunDB` does with schedules, pipelines and tasks in the background."""

    store: FullStore

    def list_pipelines(
        self, project: str, namespace: str | None = None, sort_by: str = "", page_token: str = "",
        filter_: str = "", format_: Any = None, page_size: int | None = None, **filters: Any,
    ) -> Pipelines:  # fmt: skip
        """Runs of pipelines, newest first.

        Args:
            project: The project; `"*"`: all.
            namespace, sort_by, page_token, format_: MLRun's; they mean nothing here.
            filter_: MLRun's predicates, of which those on the name are used.
            page_size: At most so many.
            filters: Such as `name_contains`.
        """
        del namespace, sort_by, page_token, format_
        if filter_:
            filters.setdefault("name_contains", _name_in(filter_))
        found = ask(
            self.store, f"{_PIPELINES}list_pipelines", project_of(project),
            page_size=page_size or 0, **filters,
        )  # fmt: skip
        return Pipelines(*found)

    def get_pipeline(self, run_id: str, namespace: str | None = None, timeout: int = 30,
                     format_: Any = None, project: str | None = None) -> Any:  # fmt: skip
        """A pipeline's run and its steps."""
        del namespace, timeout, format_
        return ask(self.store, f"{_PIPELINES}get_pipeline", run_id, project_of(project))

    def retry_pipeline(
        self, run_id: str, project: str, namespace: str | None = None, timeout: int = 30,
        submit_mode: str = "",
    ) -> str:  # fmt: skip
        """Let a pipeline that failed go on, wait for its end, and give its id."""
        del namespace, timeout, submit_mode
        ask(self.store, "mlrun_like.projects.resuming:resume_pipeline", run_id, project_of(project))
        return run_id

    def terminate_pipeline(
        self, run_id: str, project: str, namespace: str | None = None, timeout: int = 30
    ) -> None:
        """Stop a pipeline's run."""
        del namespace
        document = self.store.read_run(project_of(project), run_id)
        RunObject.from_dict(document, self.store).abort(timeout)

    def get_workflow_id(self, project: str, name: str, run_id: str, engine: str = "") -> Any:
        """The id of a workflow's pipeline: it is that of its run."""
        del name, engine
        self.store.read_run(project_of(project), run_id)
        return resolve(f"{_SCHEMAS}GetWorkflowResponse")(workflow_id=run_id)

    # schedules

    def list_schedules(
        self, project: str = "", name: str | None = None, kind: Any = None,
        include_last_run: bool = False, next_run_time_since: Any = None,
        next_run_time_until: Any = None,
    ) -> Any:  # fmt: skip
        """Schedules, in the form of MLRun's answer: `.schedules`.

        Args:
            project: The project; `"*"`: all; by default the default project.
            name: Exact name, or `~part`.
            kind: `job` or `pipeline`.
            include_last_run: With the document of the newest run.
            next_run_time_since: Next due then or later.
            next_run_time_until: Next due then or before.
        """
        place = "" if project == "*" else project_of(project)
        found = [
            self._schedule(item, include_last_run)
            for item in self.store.list_schedules(place, name or "")
            if between(item.get("next_run_time"), next_run_time_since, next_run_time_until)
        ]
        wanted = text_of(kind)
        return SimpleNamespace(schedules=[one for one in found if wanted in ("", one.kind)])

    def get_schedule(self, project: str, name: str, include_last_run: bool = False) -> Any:
        """One schedule.

        Raises:
            NotFoundError: if there is none.
        """
        document = self.store.read_schedule(project_of(project), name)
        return self._schedule(document, include_last_run)

    def update_schedule(self, project: str, name: str, schedule: Any) -> None:
        """Change a schedule.

        Args:
            project: Its project.
            name: Its name.
            schedule: `cron_trigger` (a cron text, or MLRun's fields), `scheduled_object` (its
                `task` runs in place of the one before), `concurrency_limit`, `desired_state`
                (`online`, `offline`) and `labels`, those that shall change.

        Raises:
            NotFoundError: if there is none, or its function is not recorded.
            InvalidArgumentError: if one of them cannot be read.
        """
        place, given = project_of(project), plain(schedule)
        found = resolve(f"{_DEFINE}read_schedule")(self.store, place, name)
        before = found.spec.run.spec.notifications
        change_schedule(self.store, found, given)
        self.store.store_schedule(found.to_dict(), None)
        now = found.spec.run.spec.notifications
        forget_secrets(self.store, place, f"schedule/{name}", before, now)
        state = text_of(given.get("desired_state"))
        paused = found.paused if not state else state == "offline"
        resolve(f"{_DEFINE}set_paused")(self.store, place, name, paused)  # with its next time

    def invoke_schedule(self, project: str, name: str) -> None:
        """Run what a schedule runs now, and wait for its end."""
        found = resolve(f"{_DEFINE}read_schedule")(self.store, project_of(project), name)
        with (
            using_store(self.store),
            resolve("mlrun_like.schedules.service:Scheduler")(self.store) as service,
        ):
            service.invoke(found)

    def delete_schedule(self, project: str, name: str) -> None:
        """Delete a schedule, if there is one; its runs stay."""
        place = project_of(project)
        found = [one for one in self.store.list_schedules(place, name) if one["name"] == name]
        self.store.delete_schedule(place, name)
        for one in found:
            rows = one["spec"]["run"].get("spec", {}).get("notifications")
            forget_secrets(self.store, place, f"schedule/{name}", rows)

    def _schedule(self, document: Mapping[str, Any], with_run: bool) -> Any:
        spec = document.get("spec") or {}
        project, name = str(document.get("project") or ""), str(document.get("name") or "")
        newest = self.store.list_firings(project, name, 1)
        uid = newest[0].uid if newest else ""
        runs = self.store.list_runs(RunQuery(project, uid=uid)) if with_run and uid else []
        labels = ((spec.get("run") or {}).get("metadata") or {}).get("labels") or {}
        return SimpleNamespace(
            name=name, project=project,
            kind="pipeline" if labels.get("kind") == "pipeline" else "job",
            labels=document.get("labels") or {}, cron_trigger=spec.get("cron"), spec=spec,
            scheduled_object={
                "task": spec.get("run") or {}, "function": str(spec.get("function") or ""),
            },
            creation_time=document.get("creation_time"),
            next_run_time=document.get("next_run_time"),
            desired_state="offline" if document.get("paused") else "online",
            state=newest[0].outcome if newest else None,
            last_run_uri=f"{project}@{uid}#0" if uid else None, last_run=runs[0] if runs else {},
            concurrency_limit=None if spec.get("concurrency") == "allow" else 1,
        )  # fmt: skip

    # background tasks: a service's; what this process starts is done when the call returns

    def get_background_task(self, name: str) -> Any:
        """A task of the whole service.

        Raises:
            NotFoundError: if there is none.
        """
        return _task(self._tasks().read_task(name))

    def get_project_background_task(self, project: str, name: str) -> Any:
        """A project's task.

        Raises:
            NotFoundError: if there is none.
        """
        found = self._tasks().read_task(name)
        if found.project != project_of(project):
            raise NotFoundError(f"there is no task {name!r:.80}", where=f"project {project!r}")
        return _task(found)

    def list_project_background_tasks(
        self, project: str | None = None, state: str | None = None, created_from: Any = None,
        created_to: Any = None, last_update_time_from: Any = None,
        last_update_time_to: Any = None,
    ) -> list[Any]:  # fmt: skip
        """A project's tasks; with no filter those of the last week, as in MLRun."""
        filters = (created_from, created_to, last_update_time_from, last_update_time_to)
        if not state and not any(filters):
            created_from = _moment(time.time() - 7 * 86400)
        found = map(_task, self._tasks().list_tasks(project_of(project)))
        return [
            one
            for one in found
            if text_of(state) in ("", text_of(one.status.state))
            and between(one.metadata.created, created_from, created_to)
            and between(one.metadata.updated, last_update_time_from, last_update_time_to)
        ]

    def wait_for_background_task_to_reach_terminal_state(self, name: str, project: str = "") -> Any:
        """Wait for a task's end, an hour at most.

        Raises:
            TimeLimitError: if it goes on after that.
        """
        end = time.monotonic() + 3600
        while time.monotonic() < end:
            found = self.get_project_background_task(project, name)
            if text_of(found.status.state) != "running":
                return found
            time.sleep(0.5)
        raise TimeLimitError(f"background task {name!r:.80} still runs")

    def _tasks(self) -> Any:
        if not hasattr(self.store, "list_tasks"):
            raise MissingSymbolError(
                "background tasks are those of a service, which shows them itself",
                fix="GET /api/v1/background-tasks of the service",
            )
        return self.store


def _name_in(predicates: str) -> str:
    try:
        rows = json.loads(predicates).get("predicates") or ()
        found = [row["string_value"] for row in rows if row.get("key") == "name"]
    except (ValueError, AttributeError, KeyError, TypeError) as exc:
        raise InvalidArgumentError(
            "filter_ is no JSON with predicates", fix='name_contains="..."'
        ) from exc
    return str(found[0]) if found else ""


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _task(task: Any) -> Any:
    made = resolve(f"{_SCHEMAS}BackgroundTask")
    return made(
        metadata={
            "name": task.uid,
            "kind": task.kind,
            "project": task.project,
            "created": _moment(task.created),
            "updated": _moment(task.updated),
        },
        spec={},
        status={
            "state": _TASK_STATES.get(task.state, "running"),
            "error": task.error or None,
        },
    )
