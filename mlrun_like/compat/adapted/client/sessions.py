"""`mlrun.Client`: our client, whose records `get_run_db()` gives inside of its session."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from mlrun_like.compat.adapted.client.run_db import run_db_of
from mlrun_like.tracking import clients
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.meant import Session
from mlrun_like.tracking.store import SqlStore

__all__ = ["Client"]


class Client(clients.Client):
    """See `mlrun_like.tracking.clients.Client`.

    >>> client = Client(clients.Credentials(token="mlt_1"), "http://127.0.0.1:1")
    >>> client
    <client Credentials(username=None, use_env=False)>
    """

    _stand_in: Any = None
    _other: Session | None = None

    @property
    def _http_db(self) -> Any:
        """MLRun's name of the client's records, which tests put another object in the place of."""
        return run_db_of(self.store) if self._stand_in is None else self._stand_in

    @_http_db.setter
    def _http_db(self, other: Any) -> None:
        self._stand_in = other
        store = getattr(other, "store", None)
        if not isinstance(store, FullStore):
            # it answers get_run_db() only; what projects record must not go to a real address
            folder = tempfile.mkdtemp(prefix="stand-in-")
            store = SqlStore(f"sqlite:///{Path(folder, 'records.db')}")
            weakref.finalize(self, _remove, store, folder)
            store.connect()
        settings = {"dbpath": store.url, "default_project": self._default}
        self._other = Session(store, settings, owner=self)

    def _make(self) -> Session:
        return super()._make() if self._other is None else self._other


def _remove(store: FullStore, folder: str) -> None:
    store.close()
    shutil.rmtree(folder, ignore_errors=True)
