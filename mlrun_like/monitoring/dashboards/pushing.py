"""Dashboards into a running Grafana, through grafana-client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.monitoring.dashboards.board import Board, board_json
from mlrun_like.registry import require

__all__ = ["Pushed", "push"]

FOLDER = "mlrun-like"
"""Uid of the folder that holds the dashboards."""


class Pushed(NamedTuple):
    """A dashboard in Grafana."""

    uid: str
    url: str
    version: int


def push(
    url: str,
    boards: Iterable[Board],
    *,
    token: str = "",
    user: str = "",
    password: str = "",
    folder: str = "Models",
) -> list[Pushed]:
    """Put dashboards into a folder of Grafana; those with the same uid are replaced.

    Args:
        url: Grafana's address, such as `http://localhost:3000`.
        boards: The dashboards.
        token: Of a service account that may edit dashboards.
        user: Instead of the token: a user's name.
        password: The user's password.
        folder: Title of the folder; made if it is missing.

    Raises:
        InvalidArgumentError: if the address cannot be used, or Grafana refuses a dashboard.
        StoreUnavailableError: if Grafana does not answer.
        MissingPackageError: without the package grafana-client.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgumentError(f"{url!r} is no address", fix="http://localhost:3000")
    client = require("grafana_client", feature="dashboards push", extra="grafana")
    credential: Any = (user, password) if user else token or None
    # Its from_url() would read names and passwords inside the address; they are arguments here.
    api = client.GrafanaApi(
        credential,
        host=parts.hostname,
        port=parts.port,
        protocol=parts.scheme,
        url_path_prefix=quote(parts.path.strip("/")) + "/" if parts.path.strip("/") else "",
    )
    errors = client.client
    try:
        _make_folder(api, errors, folder)
        return [_push(api, board) for board in boards]
    except errors.GrafanaClientError as exc:
        raise InvalidArgumentError(f"Grafana refuses: {exc}", where=url) from exc
    except (errors.GrafanaException, OSError) as exc:
        raise StoreUnavailableError(f"Grafana does not answer at {url}: {exc}") from exc


def _make_folder(api: Any, errors: Any, title: str) -> None:
    try:
        api.folder.get_folder(FOLDER)
    except errors.GrafanaClientError as exc:
        if exc.status_code != 404:
            raise
        api.folder.create_folder(title, FOLDER)


def _push(api: Any, board: Board) -> Pushed:
    made = api.dashboard.update_dashboard(
        {
            "dashboard": {**board_json(board), "id": None},
            "folderUid": FOLDER,
            "overwrite": True,
            "message": "mlrun-like dashboards push",
        }
    )
    return Pushed(board.uid, str(made.get("url", "")), int(made.get("version", 0)))
