"""`get_run_db()`: our store under MLRun's method names and arguments.

What it has no method for is asked of the store itself, so our own calls work on it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from mlrun_like.compat.adapted.client.run_db_artifacts import ArtifactCalls
from mlrun_like.compat.adapted.client.run_db_definitions import DefinitionCalls
from mlrun_like.compat.adapted.client.run_db_logs import LogCalls
from mlrun_like.compat.adapted.client.run_db_projects import ProjectCalls
from mlrun_like.compat.adapted.client.run_db_values import (
    labels_of,
    project_of,
    several,
    states_of,
    time_of,
)
from mlrun_like.configuration import config
from mlrun_like.registry import resolve
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.object import RunObject
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.types import Document

__all__ = ["RunDB", "get_or_set_dburl", "get_run_db"]

_known: WeakKeyDictionary[FullStore, RunDB]


class RunDB(ArtifactCalls, DefinitionCalls, LogCalls, ProjectCalls):
    """The records of a store, as MLRun's client gives them.

    Args:
        store: The store.

    >>> db = get_run_db()
    >>> db.store_run({"metadata": {"name": "train"}, "status": {"state": "completed"}}, "u1", "p")
    >>> db.read_run("u1", "p")["metadata"]["name"]
    'train'
    """

    kind = "http"

    def __init__(self, store: FullStore) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "store":
            raise AttributeError(name)
        return getattr(self.store, name)

    def __repr__(self) -> str:
        return f"<run db {self.store.url}>"

    @property
    def base_url(self) -> str:
        """The store's address."""
        return str(self.store.url)

    def connect(self, secrets: Any = None) -> RunDB:
        """Nothing is to be done: a store connects when it is used."""
        del secrets
        return self

    def health(self) -> dict[str, str]:
        """Whether the store answers.

        Raises:
            StoreUnavailableError: if it does not.
        """
        self.store.check()
        return {"status": "ok"}

    # runs

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
        return dict(self.store.read_run(project_of(project), uid, iter or 0))

    def list_runs(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str | None = None,
        uid: str | Sequence[str] | None = None,
        project: str | None = None,
        labels: Any = None,
        state: Any = None,
        states: Any = None,
        sort: bool = True,
        iter: bool = False,
        start_time_from: Any = None,
        start_time_to: Any = None,
        last_update_time_from: Any = None,
        last_update_time_to: Any = None,
        end_time_from: Any = None,
        end_time_to: Any = None,
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
            state: Exactly this state.
            states: Any of these.
            sort: They are in any case.
            iter: Child iterations too.
            start_time_from: Started then or later.
            start_time_to: Started then or before.
            last_update_time_from: Changed then or later.
            last_update_time_to: Changed then or before.
            end_time_from: Ended then or later.
            end_time_to: Ended then or before.
            last: At most so many.
            limit: The same.
            others: Partitions and pages, which this list does not have.
        """
        del sort, others
        if isinstance(name, RunQuery):  # the store's own call
            return self.store.list_runs(name)
        query = RunQuery(
            project=project_of(project),
            name=name or "",
            uid=tuple(uid) if isinstance(uid, (list, tuple)) else str(uid or ""),
            labels=labels_of(labels),
            states=states_of([*([state] if state else []), *several(states)]),
            iterations=bool(iter),
            since=time_of(start_time_from),
            until=time_of(start_time_to),
            limit=int(last or limit or 0),
        )
        found = [
            run
            for run in self.store.list_runs(query)
            if _within(run, "last_update", last_update_time_from, last_update_time_to)
            and _within(run, "end_time", end_time_from, end_time_to)
        ]
        return resolve("mlrun_like.compat.adapted.runs.lists:RunList")(found)

    def paginated_list_runs(
        self, *args: Any, page: int | None = None, page_size: int | None = None,
        page_token: str | None = None, **filters: Any,
    ) -> tuple[Any, None]:  # fmt: skip
        """A page of runs, and no token: the whole list is one page unless `page_size` is given."""
        del page_token
        return _page(self.list_runs(*args, **filters), page, page_size), None

    def del_run(self, uid: str, project: str = "", iter: int = 0) -> None:
        """Delete a run's record, if there is one."""
        query = RunQuery(
            project=project_of(project),
            uid=uid,
            iterations=True,
            iteration=iter or None,
        )
        self.store.delete_runs(query)

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
        self.store.delete_runs(query)

    def abort_run(
        self, uid: str, project: str = "", iter: int = 0, timeout: int = 45, status_text: str = ""
    ) -> None:
        """Stop a run, and wait until it has stopped."""
        del status_text
        document = self.read_run(uid, project, iter)
        RunObject.from_dict(document, self.store).abort(timeout)


_known = WeakKeyDictionary()


def get_run_db(url: str = "", secrets: Any = None, force_reconnect: bool = False) -> RunDB:
    """The records at an address; by default those of this process.

    Args:
        url: A folder, a database or a service, as for `mlrun_like.get_run_db`.
        secrets: MLRun's; credentials come from settings and addresses.
        force_reconnect: MLRun's; a store connects again by itself.
    """
    del secrets, force_reconnect
    store = open_store(url or "")
    if store not in _known:
        _known[store] = RunDB(store)
    return _known[store]


def get_or_set_dburl(default: str = "") -> str:
    """The configured address; `default` becomes it if there is none."""
    if not config.dbpath and default:
        config.dbpath = default
    return str(config.dbpath)


def _plain(struct: Any) -> Document:
    found = struct.to_dict() if hasattr(struct, "to_dict") else struct
    return {**found, "metadata": dict(found.get("metadata") or {})}


def _within(run: Document, key: str, first: Any, last: Any) -> bool:
    if first is None and last is None:
        return True
    text = str((run.get("status") or {}).get(key) or "")
    return bool(text) and time_of(first) <= text and (last is None or text <= time_of(last))


def _page(items: Any, page: int | None, size: int | None) -> Any:
    if not size:
        return items
    start = (max(page or 1, 1) - 1) * size
    make: Callable[[Any], Any] = type(items)
    return make(items[start : start + size])
