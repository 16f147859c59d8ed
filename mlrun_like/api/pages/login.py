"""The page to log in."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.login import oidc_label
from mlrun_like.api.access.origin import safe_next
from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.forms import button, field, post_form
from mlrun_like.api.pages.frame import frame
from mlrun_like.api.routing import Needs, Routes, caller_of
from mlrun_like.drawing.markup import Html, element

__all__ = ["ROUTES"]

ROUTES = Routes("pages-login", page=True)
_FAILED = {
    "often": "Too many attempts. Wait a minute, then try again.",
    "oidc": "The other service did not let you in. Try again, or ask who runs this service.",
}


@ROUTES.get("/login", needs=Needs("session", "read", scope="open"), summary="Log in",
            name="login_page")  # fmt: skip
def login_page(request: Request) -> Response:
    """Name and password, or the organisation's own login."""
    query = request.query_params
    goal = safe_next(query.get("next", ""))
    if caller_of(request).user:
        return moved(goal or "/")
    failed, label = query.get("failed", ""), oidc_label(request)
    told: Html | str = ""
    if failed:
        words = _FAILED.get(failed, "The name or the password is wrong.")
        told = element("p", words, class_="notice bad", role="alert")
    form = post_form(
        request, "/login", element("input", type="hidden", name="next", value=goal),
        field("name", "Name", "", required="required", autocomplete="username",
              autofocus="autofocus", maxlength="100"),
        field("password", "Password", "", type="password", required="required",
              autocomplete="current-password", maxlength="1000"),
        button("Log in", "main"), label="log in",
    )  # fmt: skip
    other: Html | str = ""
    if label:
        where = f"/login/oidc?next={quote(goal, safe='')}"
        other = element("p", element("a", label, href=where, class_="button"))
    help_ = element("p", "No account? Who runs this service adds one with ",
                    element("code", "mlrun-like service user add"), ".", class_="note")  # fmt: skip
    part = element("div", element("h1", "Log in"), told, other, form, help_, class_="login")
    return html_answer(frame(request, "Log in", [], lead=part))
