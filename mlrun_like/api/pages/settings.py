"""Settings of the service: what is in effect, where it comes from; what the service is."""

from __future__ import annotations

import sys

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like import __version__
from mlrun_like.api.access.showing import settings_data
from mlrun_like.api.pages.answers import html_answer
from mlrun_like.api.pages.forms import button, field
from mlrun_like.api.pages.frame import frame
from mlrun_like.api.pages.run_parts import facts
from mlrun_like.api.pages.words import toolbar
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import element, joined
from mlrun_like.drawing.page import link, section, table

__all__ = ["ROUTES"]

ROUTES = Routes("pages-settings", page=True)


@ROUTES.get("/settings", needs=Needs("setting", "read", scope="self"), summary="Settings",
            name="settings_page")  # fmt: skip
def settings_page(request: Request) -> Response:
    """For administrators all settings; for others what the service is."""
    caller, part = caller_of(request), request.query_params.get("name", "")[:100].strip().lower()
    about = [
        ("Version", __version__),
        ("Python", sys.version.partition(" ")[0]),
        ("API", joined([link("routes", "/api/v1/docs"), link("OpenAPI", "/api/v1/openapi.json")],
                       ", ")),
    ]  # fmt: skip
    if caller.is_admin:
        about.insert(2, ("Store", store_of(request).database.shown))
    parts = [section("Service", facts(about))]
    if not caller.is_admin:
        parts.append(element("p", "Administrators of the service see all settings here.",
                             class_="note"))  # fmt: skip
        return html_answer(frame(request, "Settings", parts, here="settings"))
    rows = [
        [element("span", element("code", row["name"]),
                 element("span", row.get("help") or "", class_="sub")),
         _value(row), row["origin"]]
        for row in settings_data()
        if part in str(row["name"]) or part in str(row.get("help") or "").lower()
    ]  # fmt: skip
    find = element("form", field("name", "Setting", part, placeholder="part of its name"),
                   button("Filter"), method="get", action="/settings", class_="inline")  # fmt: skip
    note = "Changed by the environment or the settings file of the service, then a restart."
    parts.append(section("All settings", toolbar(find),
                         table(["Setting", "Value", "Comes from"], rows, caption="settings")
                         or "No setting is like this.", note=note))  # fmt: skip
    return html_answer(frame(request, "Settings", parts, here="settings"))


def _value(row: dict[str, object]) -> object:
    value = row.get("value")
    return element("code", "—" if value in (None, "") else str(value))
