"""The settings of the service as they are in effect, without the values of secret ones."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.showing import settings_data
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routing import Needs, Routes

__all__ = ["ROUTES"]

ROUTES = Routes("settings")
_ROW = {
    "name": "service_port",
    "value": 8080,
    "default": 8080,
    "origin": "default",
    "help": "Port that the service listens on; 0: a free one.",
}


@ROUTES.get(
    "/settings",
    needs=Needs("setting", "read", scope="server"),
    summary="List effective settings",
    examples={"settings": [_ROW], "pagination": {"page-token": None, "page-size": 100}},
)
def list_settings(request: Request) -> Response:
    """Every setting with its value and where it comes from; `name` filters by a part. Of secret
    ones it is only said whether they are set."""
    part = request.query_params.get("name", "").lower()
    rows = [row for row in settings_data() if part in row["name"]]
    shown, pagination = paged(
        rows,
        request,
        key=lambda row: str(row["name"]),
        sorts={"name": lambda row: str(row["name"])},
        default="name",
    )
    return json_answer({"settings": shown, "pagination": pagination})
