"""`get_run_db()`: our store under MLRun's method names and arguments.

What it has no method for is asked of the store itself, so our own calls work on it too.
"""

from __future__ import annotations

from typing import Any

from mlrun_like.compat.adapted.client.run_db_absent import absent
from mlrun_like.compat.adapted.client.run_db_alerts import AlertCalls
from mlrun_like.compat.adapted.client.run_db_artifacts import ArtifactCalls
from mlrun_like.compat.adapted.client.run_db_definitions import DefinitionCalls
from mlrun_like.compat.adapted.client.run_db_functions import FunctionCalls
from mlrun_like.compat.adapted.client.run_db_hub import HubCalls
from mlrun_like.compat.adapted.client.run_db_lists import Pages
from mlrun_like.compat.adapted.client.run_db_logs import LogCalls
from mlrun_like.compat.adapted.client.run_db_monitoring import MonitoringCalls
from mlrun_like.compat.adapted.client.run_db_notifications import NotificationCalls
from mlrun_like.compat.adapted.client.run_db_projects import ProjectCalls
from mlrun_like.compat.adapted.client.run_db_runs import RunCalls
from mlrun_like.compat.adapted.client.run_db_schedules import ScheduleCalls
from mlrun_like.compat.adapted.client.run_db_tags import TagCalls
from mlrun_like.compat.adapted.client.run_db_watching import WatchingCalls
from mlrun_like.configuration import config
from mlrun_like.tracking.clients import get_active_client
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore

__all__ = ["RunDB", "get_or_set_dburl", "get_run_db", "run_db_of"]

_KEPT = "_mlrun_run_db"


class RunDB(
    RunCalls,
    ArtifactCalls,
    TagCalls,
    FunctionCalls,
    DefinitionCalls,
    HubCalls,
    LogCalls,
    ProjectCalls,
    ScheduleCalls,
    NotificationCalls,
    MonitoringCalls,
    WatchingCalls,
    AlertCalls,
):
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
        self.pages = Pages()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "store":
            raise AttributeError(name)
        found = getattr(self.store, name, None)
        if found is None:
            raise absent(name)
        return found

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


def get_run_db(url: str = "", secrets: Any = None, force_reconnect: bool = False) -> Any:
    """The records at an address; by default those of this process.

    Args:
        url: As for `mlrun_like.get_run_db`; in a client's session its records in any case.
        secrets: MLRun's; credentials come from settings and addresses.
        force_reconnect: MLRun's; a store connects again by itself.
    """
    del secrets, force_reconnect
    client = get_active_client()
    if client is not None:
        return getattr(client, "_http_db", None) or run_db_of(client.store)
    return run_db_of(open_store(url or ""))


def run_db_of(store: FullStore) -> Any:
    """The records of a store; the same object for the same store."""
    kept = vars(store)  # there it goes with the store; a table of ours would hold both
    if _KEPT not in kept:
        kept[_KEPT] = RunDB(store)
    return kept[_KEPT]


def get_or_set_dburl(default: str = "") -> str:
    """The configured address; `default` becomes it if there is none."""
    if not config.dbpath and default:
        config.dbpath = default
    return str(config.dbpath)
