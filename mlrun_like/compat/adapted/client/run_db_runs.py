"""Runs under the names of MLRun's client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.compat.adapted.client.run_db_lists import Pages, between, one_page, partitioned
from mlrun_like.compat.adapted.client.run_db_notifications import forget_secrets
from mlrun_like.compat.adapted.client.run_db_values import (
    labels_of,
    project_of,
    several,
    states_of,
    time_of,
)
from mlrun_like.registry import resolve
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.logger import Logger
from mlrun_like.runs.object import RunObject
from mlrun_like.runs.session import write_sessions
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.full import FullStore
from mlrun_like.types import Document

__all__ = ["RunCalls"]


class RunCalls:
    """What `RunDB` does with runs."""

    store: FullStore
    pages: Pages

    def store_run(
        self, struct: Any, uid: str, project: str = "", iter: int = 0, *, wait: bool = True
    ) -> None:
        """Record a run."""
        document = _plain(struct)
        meta = document.setdefault("metadata", {})
        meta["uid"], meta["project"] = uid, project_of(project or meta.get("project", ""))
        meta["iteration"] = iter
        meta.setdefault("name", uid)
        document.setdefault("status", {}).setdefault("start_time", utc_now())
        self.store.store_run(document, wait=wait)

    def update_run(
        self, updates: Mapping[str, Any], uid: str, project: str = "", iter: int = 0,
        timeout: float = 45,
    ) -> None:  # fmt: skip
        """Change parts of a run, named by dotted paths.

        Raises:
            NotFoundError: if there is none.
        """
        del timeout
        document = self.read_run(uid, project, iter)
        for path, value in updates.items():
            *groups, last = path.split(".")
            node = document
            for group in groups:
                node = node.setdefault(group, {})
            node[last] = value
        self.store.store_run(document, wait=True)

    def read_run(
        self, uid: str, project: str = "", iter: int = 0, format_: Any = None
    ) -> dict[str, Any]:
        """A run's document.

        Raises:
            NotFoundError: if there is none.
        """
        del format_
        write_sessions()
        return dict(self.store.read_run(project_of(project), uid, iter or 0))

    def list_runs(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str | None = None,
        uid: str | Sequence[str] | None = None,
        project: str | None = None,
        labels: Any = None,
        states: Any = None,
        sort: bool = True,
        iter: bool = False,
        start_time_from: Any = None,
        start_time_to: Any = None,
        last_update_time_from: Any = None,
        last_update_time_to: Any = None,
        end_time_from: Any = None,
        end_time_to: Any = None,
        partition_by: Any = None,
        rows_per_partition: int = 1,
        partition_sort_by: Any = None,
        partition_order: Any = "desc",
        max_partitions: int = 0,
        with_notifications: bool = False,
        *,
        state: Any = None,
        last: int = 0,
        limit: int | None = None,
        **others: Any,
    ) -> Any:
        """Runs, newest first, as a `RunList` of documents.

        Args:
            name: Exact name, or `~part`.
            uid: One id or several.
            project: The project; `"*"`: all; by default the default project.
            labels: A mapping, or texts `name` and `name=value`.
            states: One state, or any of these.
            sort: They are in any case.
            iter: Child iterations too.
            start_time_from: Started then or later.
            start_time_to: Started then or before.
            last_update_time_from: Changed then or later.
            last_update_time_to: Changed then or before.
            end_time_from: Ended then or later.
            end_time_to: Ended then or before.
            partition_by: Only the first rows of each `name` or `project_and_name`.
            rows_per_partition: How many of each.
            partition_sort_by: By which time they are the first: `created` or `updated`.
            partition_order: `desc`: the newest are the first; or `asc`.
            max_partitions: Of so many groups at most.
            with_notifications: Only runs that have notifications.
            state: Exactly this state; older code's.
            last: At most so many.
            limit: The same.
            others: `page` and `page_size`, as of `paginated_list_runs`.

        Raises:
            InvalidArgumentError: for partitions that MLRun does not know.
        """
        del sort
        write_sessions()
        if isinstance(name, RunQuery):  # the store's own call
            return self.store.list_runs(name)
        query = RunQuery(
            project=project_of(project),
            name=name or "",
            uid=tuple(uid) if isinstance(uid, (list, tuple)) else str(uid or ""),
            labels=labels_of(labels),
            states=states_of([*several(state), *several(states)]),
            iterations=bool(iter),
            since=time_of(start_time_from),
            until=time_of(start_time_to),
        )
        found = [
            run
            for run in self.store.list_runs(query)
            if between(_of(run, "last_update"), last_update_time_from, last_update_time_to)
            and between(_of(run, "end_time"), end_time_from, end_time_to)
            and (not with_notifications or _has_notifications(run))
        ]
        partition = {
            "partition_by": partition_by,
            "rows_per_partition": rows_per_partition,
            "partition_sort_by": partition_sort_by,
            "partition_order": partition_order,
            "max_partitions": max_partitions,
        }
        kept = partitioned(found, partition)[: int(last or limit or 0) or None]
        return one_page("list_runs", _run_list(kept), others)

    def paginated_list_runs(self, *args: Any, **filters: Any) -> tuple[Any, str | None]:
        """A page of runs, and the token of the next one; None: there is none.

        Args:
            args: As for `list_runs`.
            filters: The same, with `page`, `page_size` (by default 200) and `page_token`.
        """
        return self.pages.page(self.list_runs, args, filters)

    def del_run(self, uid: str, project: str = "", iter: int = 0) -> None:
        """Delete a run's record, if there is one.

        Args:
            uid: The run's id.
            project: Its project; by default the default project.
            iter: Only this trial of a sweep; 0: the run with all of its trials, as MLRun does. How
                many went with it is told. Deleted records are kept for `keep_deleted_days`.
        """
        query = RunQuery(
            project=project_of(project),
            uid=uid,
            iterations=True,
            iteration=iter or None,
        )
        deleted = self._delete(query)
        if deleted > 1:
            Logger("info").info(f"run {uid} was deleted with its {deleted - 1} trials")

    def del_runs(
        self,
        name: str | None = None,
        project: str | None = None,
        labels: Any = None,
        state: Any = None,
        days_ago: int = 0,
    ) -> None:
        """Delete the records of all runs that these arguments choose."""
        query = RunQuery(
            project=project_of(project),
            name=name or "",
            labels=labels_of(labels),
            states=states_of(several(state)),
            until=time_of(days_ago=days_ago),
        )
        self._delete(query)

    def _delete(self, query: RunQuery) -> int:
        found = self.store.list_runs(query)
        deleted = self.store.delete_runs(query)
        for run in filter(_has_notifications, found):
            meta = run["metadata"]
            rows = (run.get("spec") or {}).get("notifications")
            forget_secrets(self.store, meta["project"], f"run/{meta['uid']}", rows)
        return deleted

    def abort_run(
        self, uid: str, project: str = "", iter: int = 0, timeout: int = 45, status_text: str = ""
    ) -> None:
        """Stop a run, and wait until it has stopped.

        Args:
            uid: The run's id.
            project: Its project; by default the default project.
            iter: Which trial of a sweep.
            timeout: Seconds to wait at most.
            status_text: Why; recorded as `status.status_text` if that is what ended the run.
        """
        run = RunObject.from_dict(self.read_run(uid, project, iter), self.store)
        over = run.state() in TERMINAL
        # written last: until then the run's own process writes the record
        if run.abort(timeout) in ("aborting", "aborted") and status_text and not over:
            self.update_run({"status.status_text": status_text}, uid, project, iter)


def _plain(struct: Any) -> Document:
    found = struct.to_dict() if hasattr(struct, "to_dict") else struct
    return {**found, "metadata": dict(found.get("metadata") or {})}


def _of(run: Document, key: str) -> Any:
    return (run.get("status") or {}).get(key)


def _has_notifications(run: Document) -> bool:
    return bool((run.get("spec") or {}).get("notifications") or _of(run, "notifications"))


def _run_list(found: list[Document]) -> Any:
    return resolve("mlrun_like.compat.adapted.runs.lists:RunList")(found)
