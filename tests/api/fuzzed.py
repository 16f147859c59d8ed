"""A filled service to be fuzzed: its app, its routes, the names of what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.api.access.tokens import make_token
from mlrun_like.api.app import create_app
from mlrun_like.api.guarding import GuardedRoute
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.store import SqlStore
from tests.api.pages.filled import PROJECT, fill
from tests.api.pages.filled_more import fill_more

__all__ = ["Fuzzed", "fuzzed_service"]


class Fuzzed(NamedTuple):
    """A service to be fuzzed.

    Args:
        app: Its app.
        store: Its store.
        routes: Its routes.
        names: Names of what is there, by parameter of paths.
        tokens: Of a `developer` of the project and of an administrator of the `server`.
        places: What no error may name.
    """

    app: Any
    store: SqlStore
    routes: list[GuardedRoute]
    names: Mapping[str, Sequence[str]]
    tokens: dict[str, dict[str, str]]
    places: list[str]


def fuzzed_service(home: Path, url: str = "") -> Fuzzed:
    """Make one that starts no runs, and has no limits of how often.

    Args:
        home: The home folder of the settings.
        url: Of its store, which is empty; by default a file there.
    """
    config.service_rate_limit = config.service_rate_limit_address = 0.0
    config.service_execution = "off"
    config.home = str(home)
    config.dbpath = url = url or f"sqlite:///{home}/store.db"
    app = create_app(ServiceOptions(store=url, auth="required", max_body=1 << 20))
    store: SqlStore = app.state.service.store
    found = fill(store, home / "artifacts" / PROJECT, runs=12)
    fill_more(store, home / "more")
    runs = [found.done, found.failed, found.running, found.sweep, found.hostile]
    artifacts = sorted(
        {
            str(row["metadata"]["key"])
            for row in store.list_artifacts(ArtifactQuery(project=PROJECT))
        }
    )
    functions = sorted({str(row["metadata"]["name"]) for row in store.list_functions(PROJECT)})
    schedules = [str(row["name"]) for row in store.list_schedules(PROJECT)]
    names = {
        "project": [PROJECT],
        "uid": [*runs, "e0", "e1", "done", "failed"],
        "key": artifacts,
        "key:path": artifacts,
        "path:path": ["", ".", PROJECT],
        "name": [*functions, *schedules, "drift-alert", "describe", "customers", "leaver"],
        "number": ["1", "2"],
        "offset": ["0", "1"],
        "source": ["team", "default"],
        "tag": ["latest", "v1"],
        "reference": ["latest", "v1"],
        "version": ["1"],
        "user": ["developer"],
        "what": ["acknowledge", "resolve"],
    }
    tokens = {}
    for role in ("developer", "server"):
        user = add_user(store, role, is_admin=role == "server")
        if role != "server":
            set_member(store, PROJECT, role, role)
        tokens[role] = {"authorization": f"Bearer {make_token(store, user, 'fuzz').text}"}
    routes = [route for route in app.router.routes if isinstance(route, GuardedRoute)]
    places = [store.database.shown, "store.db", str(Path(__file__).parents[2])]
    return Fuzzed(app, store, routes, names, tokens, places)
