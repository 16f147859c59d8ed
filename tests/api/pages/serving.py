"""A service as a process: `python -m tests.api.pages.serving FOLDER` prints its address.

It is filled; with `required` after the folder it is not, and one must log in.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn

from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.store import SqlStore
from tests.api.pages.filled import PROJECT, fill
from tests.api.pages.filled_more import fill_more

__all__: list[str] = []


def main() -> None:
    """Serve the store in the folder until killed."""
    folder = Path(sys.argv[1])
    config.home = str(folder)
    url = f"sqlite:///{folder}/store.db"
    config.dbpath = url
    listening = socket.create_server(("127.0.0.1", 0))
    auth = sys.argv[2] if sys.argv[2:] else "auto"
    if auth == "auto":
        store = open_store(url)
        assert isinstance(store, SqlStore)
        fill(store, folder / "artifacts" / PROJECT, runs=80)
        fill_more(store, folder / "more")
    app = create_app(ServiceOptions(store=url, auth=auth, port=listening.getsockname()[1]))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


if __name__ == "__main__":
    main()
