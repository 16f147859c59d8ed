"""The app of the service: all parts put together."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount

from mlrun_like import __version__
from mlrun_like.api.access.control import AccessControl
from mlrun_like.api.documented.document import use_document
from mlrun_like.api.execution.starting import guarded
from mlrun_like.api.http.errors import take_errors
from mlrun_like.api.http.front import AccessLines, Front
from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.pages.problems import problem_page
from mlrun_like.api.routes import MODULES
from mlrun_like.api.routing import GuardedRoute, Routes
from mlrun_like.api.state import ServiceState
from mlrun_like.api.tasks.runner import TaskRunner
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, FunctionError, StoreUnavailableError
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.kept_answers import KeptAnswers
from mlrun_like.tracking.store import SqlStore

__all__ = ["create_app"]


def create_app(options: ServiceOptions | None = None, modules: Iterable[str] = MODULES) -> FastAPI:
    """The app, ready for requests.

    Args:
        options: How it runs; by default what the settings say.
        modules: Modules that have `ROUTES`.

    Raises:
        FunctionError: if a route says not what it needs.
    """
    options = options or ServiceOptions.from_settings()
    store = _own_store(options.store)
    # while the service was away nobody could say that his run lives: silence counts from now on
    store.sightings.forget()
    folder = Path(options.folder) if options.folder else None
    state = ServiceState(options, store, KeptAnswers(store), TaskRunner(store), folder)
    log = AccessLines(config.path("service", "access.log")) if options.access_log else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = options.threads
        try:
            with config.override(guarded=config.guarded or guarded(app.state.access.required)):
                yield
        finally:
            state.stopping.set()
            await to_thread.run_sync(state.tasks.close)
            with suppress(StoreUnavailableError):  # what is queued waits in the spool
                await to_thread.run_sync(store.flush)
            if log is not None:
                log.close()

    app = FastAPI(
        title="mlrun-like",
        description="Runs, artifacts, functions, pipelines and models of a team.",
        version=__version__,
        openapi_url=None,  # a route like others, with an ETag and compressed
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.service = state
    app.state.access = AccessControl(options, store)
    app.state.problem_page = problem_page
    take_errors(app)
    app.add_middleware(Front, state=state, log=log)
    for name in modules:
        routes: Routes = importlib.import_module(name).ROUTES
        for route in routes.made():
            app.router.routes.append(route)
            if "GET" in (route.methods or ()):
                state.readers.setdefault(route.path, route.handle_plainly)
    _refuse_others(app.router.routes)
    use_document(app)
    return app


def _own_store(address: str) -> SqlStore:
    store = open_store(address)
    if not isinstance(store, SqlStore):
        raise ConfigError(
            "a service cannot have another service as its store",
            where="setting 'dbpath'",
            fix="set it to a folder, sqlite:///file or postgresql://user:password@host/name",
        )
    return store


def _refuse_others(routes: Iterable[BaseRoute]) -> None:
    for route in routes:
        path = getattr(route, "path", "")
        if isinstance(route, GuardedRoute):
            continue
        kind = "mount" if isinstance(route, Mount) else "route"
        raise FunctionError(
            f"the {kind} {path!r} does not say what it needs", fix="declare it with Routes"
        )
