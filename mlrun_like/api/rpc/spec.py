"""What clients must know before they call: versions, and where artifacts go."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like import __version__
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.routing import Needs, Routes
from mlrun_like.configuration import config
from mlrun_like.tracking.remote.protocol import METHODS, OLDEST, OPERATIONS, REVISION

__all__ = ["ROUTES", "client_spec"]

ROUTES = Routes("client-spec")


def client_spec() -> dict[str, Any]:
    """What clients must know; nothing that is not everybody's.

    >>> client_spec()["store"]["revision"] >= 1
    True
    """
    proxy = bool(config.service_artifact_proxy)
    return {
        "version": __version__,
        "store": {
            "revision": REVISION,
            "oldest": OLDEST,
            "methods": sorted(METHODS),
            "operations": sorted(OPERATIONS),
        },
        "artifact_proxy": proxy,
        "artifact_path": "service://{{project}}/{{run.uid}}" if proxy else "",
    }


@ROUTES.get(
    "/client-spec",
    needs=Needs("store", "read", scope="open"),
    summary="Versions that client and service agree by",
    examples={"version": "1.0.0", "store": {"revision": 1, "oldest": 1, "methods": ["read_run"]}},
)
async def get_client_spec(request: Request) -> Response:
    """Tell what clients must know before they call."""
    return json_answer(client_spec())
