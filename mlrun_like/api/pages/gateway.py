"""Pages of the gateway: deployed functions, one with its replicas, versions, traffic, logs."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import fragment, html_answer, moved
from mlrun_like.api.pages.forms import Form, asking, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.parts.deployed import deployed_page, numbers_part, working_part
from mlrun_like.api.pages.parts.gateway import deployed_tabs, gateway_page
from mlrun_like.api.pages.parts.look import Look, look_of, place
from mlrun_like.api.pages.words import live, state_badge
from mlrun_like.api.routes import gateway as api
from mlrun_like.api.routes.bodies import checked_name
from mlrun_like.api.routes.gateway_data import deployed_function, gateway_data
from mlrun_like.api.routing import Needs, Routes
from mlrun_like.drawing.page import Html, element, joined
from mlrun_like.errors import MLRunLikeError, SpecError
from mlrun_like.gateway.control.following import tail_of
from mlrun_like.gateway.places import gateway_home, log_file
from mlrun_like.types import Document

__all__ = ["ROUTES", "weights_of"]

ROUTES = Routes("pages-gateway", page=True)
_LIST = "/projects/{project}/gateway"
_ONE = _LIST + "/{name}"
_READ, _UPDATE = Needs("gateway", "read"), Needs("gateway", "update")
_Sent = Annotated[Form, Depends(read_form)]
_LINES = 300
_MOST = 200_000


@ROUTES.get(_LIST, needs=_READ, summary="Deployed functions of a project")
def list_page(request: Request, project: str) -> Response:
    """What is deployed, and how it does; read anew while it is looked at."""
    data = gateway_data(project)
    part = live(place(project, "gateway"), joined(gateway_page(data, look_of(request, project))),
                seconds=3, key="gateway", is_over=data["state"] != "running")  # fmt: skip
    if request.headers.get("hx-request"):
        return fragment(request, part)
    return html_answer(frame(request, "Gateway", [part], project=project, here="gateway"))


@ROUTES.get(_ONE, needs=_READ, summary="A deployed function")
def one_page(request: Request, project: str, name: str) -> Response:
    """Replicas, versions, traffic, cold starts, why it scales, its log."""
    return _page(request, project, name)


@ROUTES.get("/fragments" + _ONE, needs=_READ, summary="A part of a deployed function, live")
def part(request: Request, project: str, name: str) -> Response:
    """Its numbers, or what it does; forms are in neither, so nothing typed is lost."""
    data = deployed_function(project, checked_name(name))
    key = "work" if request.query_params.get("part") == "work" else "numbers"
    return fragment(request, _living(key, data, look_of(request, project)))


@ROUTES.post(_ONE + "/split", needs=_UPDATE, summary="Change the shares of versions by a form")
def split(request: Request, project: str, name: str, form: _Sent) -> Response:
    """Each version's share, together 100 %; else the page says what is wrong."""
    try:
        shares = weights_of(form)
        body = {"shares": [{"version": key, "weight": value} for key, value in shares.items()]}
        api.traffic(request, project, name, body)
    except MLRunLikeError as exc:
        return _page(request, project, name, exc)
    return moved(place(project, "gateway", name), "saved")


@ROUTES.post(_ONE + "/promote", needs=_UPDATE, summary="Give all traffic to the new version")
def promote(request: Request, project: str, name: str, form: _Sent) -> Response:
    """End a rollout well."""
    api.promote(request, project, name)
    return moved(place(project, "gateway", name), "saved")


@ROUTES.get(_ONE + "/rollback", needs=_UPDATE, summary="Ask before traffic goes back")
def rollback_page(request: Request, project: str, name: str) -> Response:
    """Who would answer, and who not any more."""
    status = deployed_function(project, checked_name(name))["status"]
    goes = [f"now: version {one['version']} {one['weight']:g} %" for one in status["traffic"]]
    goes += [f"then: version {one['version']} {one['weight']:g} %"
             for one in status.get("previous") or []]  # fmt: skip
    back = place(project, "gateway", name)
    parts = [
        asking(request, back + "/rollback", f"Give the traffic of {name} back to who had it before "
               "the last change?", goes, verb="Roll back", back=back)
    ]  # fmt: skip
    return html_answer(
        frame(request, f"Roll back {name}", parts, project=project, here="gateway",
              crumbs=[("Gateway", place(project, "gateway")), (name, back)])
    )  # fmt: skip


@ROUTES.post(_ONE + "/rollback", needs=_UPDATE, summary="Give the traffic back by a form")
def rollback(request: Request, project: str, name: str, form: _Sent) -> Response:
    """To those who had it before the last change."""
    api.rollback(request, project, name)
    return moved(place(project, "gateway", name), "saved")


@ROUTES.post(_ONE + "/scale", needs=_UPDATE, summary="Change the limits of replicas by a form")
def scale(request: Request, project: str, name: str, form: _Sent) -> Response:
    """The least and the most replicas."""
    try:
        limits = {key: _whole(key, form[key]) for key in ("min", "max")}
        if limits["min"] > limits["max"]:
            raise SpecError("the least replicas are more than the most", fix="0 to 4")
        api.scale(request, project, name, limits)
    except MLRunLikeError as exc:
        return _page(request, project, name, exc)
    return moved(place(project, "gateway", name), "saved")


def weights_of(form: Form) -> dict[int, float]:
    """Shares of versions that a form names; those of 0 are left out.

    Raises:
        SpecError: if one is no number, or they are not 100 together.

    >>> weights_of(Form({"weight-1": ["90"], "weight-2": ["10"], "weight-3": ["0"]}))
    {1: 90.0, 2: 10.0}
    """
    found: dict[int, float] = {}
    for key in form.fields:
        version = key.removeprefix("weight-")
        if version == key:
            continue
        try:
            weight = float(form[key])
        except ValueError:
            weight = math.nan
        if not 0 <= weight <= 100 or not version.isdecimal():
            raise SpecError(f"the share of version {version:.20} is {form[key]!r:.40}",
                            fix="write a number from 0 to 100")  # fmt: skip
        found[int(version)] = weight
    total = sum(found.values())
    if abs(total - 100) > 0.05:
        raise SpecError(f"the shares are {total:g} % together", fix="make them 100 % together")
    return {version: weight for version, weight in found.items() if weight}


def _whole(key: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 5:
        raise SpecError(f"{key} is {text!r:.40}", fix="write a whole number")
    return int(text)


def _page(
    request: Request, project: str, name: str, problem: MLRunLikeError | None = None
) -> Response:
    look = look_of(request, project)
    data = deployed_function(project, checked_name(name))
    status = data["status"]
    notice: list[Html] = []
    if problem is not None:
        told = f"{problem.what}. {problem.fix}"
        notice = [element("p", told, class_="notice bad", role="alert")]
    lead = heading(name, state_badge(str(status["state"])), note=f"version {status['version']} "
                   f"answers most; {status['kind']}")  # fmt: skip
    shown = deployed_page(data, _living("numbers", data, look), _living("work", data, look), look)
    parts = [deployed_tabs(look, name, "gateway"), *notice, *shown]
    page = frame(request, name, parts, project=project, here="gateway", lead=lead,
                 crumbs=[("Gateway", place(project, "gateway"))])  # fmt: skip
    return html_answer(page, 422 if problem is not None else 200)


def _living(key: str, data: Document, look: Look) -> Html:
    name = data["status"]["name"]
    where = f"/fragments{place(look.project, 'gateway', name, part=key)}"
    if key == "numbers":
        return live(where, numbers_part(data, look), seconds=3, key=key)
    logs = ""
    if look.may("log", "read"):
        found, _ = tail_of(log_file(gateway_home(), f"{look.project}/{name}"), _LINES)
        logs = found[-_MOST:].decode("utf-8", "replace")
    return live(where, working_part(data, logs, look), seconds=3, key=key)
