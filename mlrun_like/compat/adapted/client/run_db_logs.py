"""Logs under the names of MLRun's client."""

from __future__ import annotations

from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import project_of
from mlrun_like.runs.object import RunObject
from mlrun_like.tracking.full import FullStore

__all__ = ["LogCalls"]


class LogCalls:
    """What `RunDB` does with logs."""

    store: FullStore

    def store_log(
        self, uid: str, project: str = "", body: bytes | str | None = None, append: bool = True
    ) -> None:
        """Add to a run's log."""
        del append
        data = body.encode() if isinstance(body, str) else body or b""
        self.store.append_log(project_of(project), uid, data)

    def get_log(
        self,
        uid: str,
        project: str = "",
        offset: int = 0,
        size: int | None = 0,
        attempt: Any = None,
    ) -> tuple[str, bytes]:
        """The run's state, and its log from an offset."""
        del attempt
        place = project_of(project)
        state = str(self.store.read_run(place, uid)["status"].get("state", ""))
        return state, self.store.read_log(place, uid, offset, size or -1)

    def get_log_size(self, uid: str, project: str = "") -> int:
        """How many bytes the log has."""
        return self.store.log_size(project_of(project), uid)

    def watch_log(
        self, uid: str, project: str = "", watch: bool = True, offset: int = 0, attempt: Any = None
    ) -> tuple[str, int]:
        """Print the log, until the run ends with `watch`; gives its state and the log's size."""
        del attempt
        run = RunObject.from_dict(self.store.read_run(project_of(project), uid), self.store)
        run.logs(watch, offset)
        return str(run.refresh().status.state), self.get_log_size(uid, project)
