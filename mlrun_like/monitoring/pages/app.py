"""The pages as an ASGI application: no scripts, no network, plain HTML from the store.

| path | what |
|---|---|
| `/` | all endpoints; `?problem=drift`, `errors` or `incidents`, `?name=`, `?page=` |
| `/endpoints/<project>/<uid>`, `.../drift` | one endpoint, its drift report |
| `/incidents`, `/incidents/<project>/<number>` | incidents; `?state=resolved` or `all` |
| `/work` | pipelines, runs, serving performance |
| `/metrics` | Prometheus |

`?format=json` gives the data of a page, `?project=` restricts it. Forms (acknowledge, silence,
note) are posts that need the token of the page they stand on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from mlrun_like.drawing.page import link, section
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.monitoring.alerts.incidents import acknowledge, add_note
from mlrun_like.monitoring.alerts.silences import silence
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.dashboards.metrics import CONTENT_TYPE, render
from mlrun_like.monitoring.pages.endpoint import endpoint_data
from mlrun_like.monitoring.pages.frame import View, framed
from mlrun_like.monitoring.pages.health import survey
from mlrun_like.monitoring.pages.incidents import OPEN, incident_data, incident_rows
from mlrun_like.monitoring.pages.requests import Answer, Request, Tokens, answer, read_body
from mlrun_like.monitoring.pages.show_endpoint import endpoint_page, feature_drift_page
from mlrun_like.monitoring.pages.show_incidents import incident_page, incidents_page
from mlrun_like.monitoring.pages.show_overview import overview_page
from mlrun_like.monitoring.pages.show_work import work_page
from mlrun_like.monitoring.pages.work import work_data
from mlrun_like.tracking.connect import open_store

__all__ = ["PagesApp"]

_REFRESH = 30  # seconds
_STATES = ("open", "acknowledged", "resolved")


class PagesApp:
    """The application; run it with any ASGI server, or with `pages.serve`.

    Args:
        project: Only this project; empty: all.
        read_only: Whether nothing can be changed.
        hosts: Names under which a browser may ask for it; none: any. Naming them keeps foreign
            pages from reading ours under a name of their own (DNS rebinding).
    """

    def __init__(
        self, project: str = "", *, read_only: bool = False, hosts: Iterable[str] = ()
    ) -> None:
        self.project = project
        self.read_only = read_only
        self.hosts = frozenset(host.lower() for host in hosts)
        self.tokens = Tokens()

    async def __call__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        request = Request.of(scope)
        try:
            found = await self._answer(request, receive)
        except MLRunLikeError as exc:
            found = self._problem(exc.what, exc.status)
        except Exception as exc:  # noqa: BLE001 - one request's failure is not the server's
            found = self._problem(f"{type(exc).__name__}: {exc}", 500)
        await answer(send, found, request.method == "HEAD")

    async def _answer(self, request: Request, receive: Any) -> Answer:
        if self.hosts and request.host not in self.hosts:
            return self._problem(f"{request.host!r} is not served here", 421)
        if request.method in ("GET", "HEAD"):
            cookie = request.cookie
            headers: dict[str, str] = {}
            if not cookie and not self.read_only:
                cookie, headers = Tokens.new_cookie()
            # the store is asked in a thread, so that others are answered meanwhile
            found = await asyncio.to_thread(self._page, request, self.tokens.of(cookie))
            return Answer(found.body, found.status, found.kind, headers)
        if request.method != "POST":
            return Answer(b"", 405, headers={"allow": "GET, HEAD, POST"})
        if self.read_only:
            return self._problem("these pages only show", 403)
        fields = await read_body(receive)
        valid = self.tokens.is_valid(request.cookie, fields.get("token", ""))
        if not valid or not request.is_of_our_page():
            return self._problem("this form is too old: load the page again, and repeat", 403)
        path = await asyncio.to_thread(self._change, request.parts, fields)
        return Answer(b"", 303, headers={"location": path})

    def _page(self, request: Request, token: str) -> Answer:
        store: Any = open_store()
        parts, query = request.parts, request.query
        view = View(self._project(query.get("project", "")), self.read_only, token)
        moment = now()
        if parts == ["metrics"]:
            return Answer(render(self.project, store), kind=CONTENT_TYPE)
        is_json = query.get("format") == "json"
        watched = View(view.project, view.read_only, token, refresh=_REFRESH)
        if not parts:
            rows = [one.to_dict() for one in survey(store, view.project)]
            if is_json:
                return _json({"time": moment, "endpoints": rows})
            return _html(
                overview_page(
                    rows,
                    moment,
                    watched,
                    problem=query.get("problem", ""),
                    name=query.get("name", ""),
                    number_of_page=_number(query.get("page", "1")),
                )
            )
        if parts[0] == "endpoints" and len(parts) in (3, 4) and parts[3:] in ([], ["drift"]):
            data = endpoint_data(store, self._project(parts[1]), parts[2])
            if is_json:
                return _json(data)
            is_drift = len(parts) == 4
            return _html(feature_drift_page(data, view) if is_drift else endpoint_page(data, view))
        if parts == ["incidents"]:
            state = query.get("state", "")
            states = {"": OPEN, "all": _STATES}.get(state, (state,))
            rows = incident_rows(store, view.project, states=states, limit=500)
            if is_json:
                return _json({"time": moment, "incidents": rows})
            return _html(incidents_page(rows, moment, view, state))
        if parts[0] == "incidents" and len(parts) == 3:
            data = incident_data(store, self._project(parts[1]), _number(parts[2]))
            return _json(data) if is_json else _html(incident_page(data, moment, view))
        if parts == ["work"]:
            data = work_data(store, view.project)
            return _json(data) if is_json else _html(work_page(data, watched))
        raise NotFoundError(f"there is no page /{'/'.join(parts)[:80]}")

    def _project(self, wanted: str) -> str:
        """The project that is asked for, if it may be shown."""
        if self.project and wanted and wanted != self.project:
            raise NotFoundError(f"project {wanted!r:.80} is not shown here")
        return self.project or wanted

    def _change(self, parts: list[str], fields: Mapping[str, str]) -> str:
        """Carry out a form; where the browser goes then."""
        if len(parts) != 4 or parts[0] != "incidents":
            raise NotFoundError("there is no such form")
        project, number = self._project(parts[1]), _number(parts[2])
        who, note = (fields.get(name, "").strip()[:200] for name in ("who", "note"))
        if parts[3] == "acknowledge":
            acknowledge(number, who, note, project=project)
        elif parts[3] == "note":
            add_note(number, who, note, project=project)
        elif parts[3] == "silence":
            name = incident_data(open_store(), project, number)["name"]
            span = fields.get("duration", "")
            silence({"name": name}, span, who=who, note=note, project=project)
            add_note(number, who, f"silenced for {span}. {note}".strip(), project=project)
        else:
            raise NotFoundError("there is no such form")
        return f"/incidents/{quote(project, safe='')}/{number}"

    def _problem(self, words: str, status: int) -> Answer:
        body = section("What is wrong", words, link("to the first page", "/"))
        return Answer(framed("This did not work", [body], View(), here="").encode(), status)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidArgumentError(f"{text!r:.40} is no number")
    return int(text)


def _html(page: str) -> Answer:
    return Answer(page.encode())


def _json(data: Any) -> Answer:
    body = orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)
    return Answer(body, kind="application/json")
