"""The registry of models: versions, aliases, stages, promotion and the way back.

The service never opens a model: that would run code of whoever logged it. So what is moved here is
moved as it stands, by somebody with a name; gates that need the model are asked by a run
(`mlrun-like models promote`), and what they said is shown and can be required.
"""

from __future__ import annotations

from typing import Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import number, text
from mlrun_like.api.routes.models_data import (
    model_comparison,
    model_data,
    model_rows,
    version_of,
)
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError
from mlrun_like.names import check_tag
from mlrun_like.promotion.actor import acting_as
from mlrun_like.promotion.registry import remove_alias, set_alias, set_stage
from mlrun_like.promotion.stages import CHAMPION, STAGES
from mlrun_like.registry import resolve
from mlrun_like.tracking.store import SqlStore

__all__ = ["ROUTES"]

ROUTES = Routes("models", prefix="/projects/{project}/models")
_READ = Needs("model", "read")
_UPDATE = Needs("model", "update")
_EXAMPLE = {
    "models": [{"project": "demo", "key": "net", "versions": 3, "aliases": {"champion": 2}}],
    "pagination": {"page-token": None, "page-size": 100},
}


@ROUTES.get("", needs=_READ, summary="Models of a project", examples=_EXAMPLE)
def list_models(request: Request, project: str) -> Response:
    """List models with their newest version, aliases and stages; `name`: part of the key."""
    part = (request.query_params.get("name") or "").removeprefix("~").lower()
    rows = [row for row in model_rows(store_of(request), project) if part in row["key"].lower()]
    shown, pagination = paged(
        rows,
        request,
        key=lambda row: str(row["key"]),
        sorts={"made": lambda row: row["made"], "key": lambda row: row["key"]},
        default="-made",
    )
    return json_answer({"models": shown, "pagination": pagination})


@ROUTES.get("/{key}", needs=_READ, summary="One model")
def read(request: Request, project: str, key: str) -> Response:
    """Give versions, aliases, stages, what gates said, and the history."""
    return json_answer(model_data(store_of(request), project, _clean(key)))


@ROUTES.get("/{key}/comparison", needs=_READ, summary="Versions side by side")
def compare(request: Request, project: str, key: str) -> Response:
    """Compare versions: `version`, repeated, each a number or an alias."""
    marks = request.query_params.getlist("version")[:20]
    store = store_of(request)
    numbers = [version_of(store, project, _clean(key), _clean(mark)).number for mark in marks]
    return json_answer(model_comparison(store, project, _clean(key), numbers))


@ROUTES.get("/{key}/history", needs=_READ, summary="Who moved what, and why")
def history(request: Request, project: str, key: str) -> Response:
    """Give the audit trail, the newest first, by the page; `limit`: of the newest so many."""
    limit = number(request, "limit", 1000, 10_000, 1)
    events = store_of(request).model_events(project, _clean(key), limit)
    rows = [
        {"version": e.number, "action": e.action, "time": e.time, "details": e.body} for e in events
    ]
    # events have no name of their own: how many came before stays, because none is ever removed
    marked = [{"at": f"{len(rows) - at:09d}", "row": row} for at, row in enumerate(rows)]
    shown, pages = paged(
        marked,
        request,
        key=lambda one: str(one["at"]),
        sorts={"time": lambda one: one["row"]["time"]},
        default="-time",
    )
    return json_answer({"events": [one["row"] for one in shown], "pagination": pages})


@ROUTES.put("/{key}/aliases/{alias}", needs=_UPDATE, summary="Give an alias to a version")
def give_alias(
    request: Request,
    project: str,
    key: str,
    alias: str,
    body: dict[str, Any] = Body(...),  # noqa: B008
) -> Response:
    """Give an alias to `version`, with `why`; `expected`: the version that must hold it now (null:
    nobody may)."""
    store = store_of(request)
    version = version_of(store, project, _clean(key), _mark(body, "version"))
    expected: Any = ...
    if "expected" in body:
        wanted = body["expected"]
        expected = (
            None if wanted is None else version_of(store, project, key, _mark(body, "expected"))
        )
    with acting_as(caller_of(request).name):
        found = set_alias(
            version, check_tag(alias), why=text(body, "why"), expected=expected, store=store
        )
    return json_answer({"key": key, "alias": alias, "version": found.number})


@ROUTES.delete("/{key}/aliases/{alias}", needs=_UPDATE, summary="Take an alias away")
def take_alias(request: Request, project: str, key: str, alias: str) -> Response:
    """Take an alias from the version that holds it; `why` as a query parameter."""
    store, why = store_of(request), request.query_params.get("why") or ""
    version_of(store, project, _clean(key), check_tag(alias))
    if alias == "latest":
        raise InvalidArgumentError("'latest' is no alias")
    with acting_as(caller_of(request).name):
        removed = remove_alias(project, key, alias, why=_clean(why), store=store)
    if not removed:
        raise NotFoundError(f"no version of model {key!r} holds {alias!r}")
    return json_answer({"key": key, "alias": alias, "deleted": True})


@ROUTES.put("/{key}/versions/{version}/stage", needs=_UPDATE, summary="Move to a stage")
def move_stage(
    request: Request,
    project: str,
    key: str,
    version: str,
    body: dict[str, Any] = Body(...),  # noqa: B008
) -> Response:
    """Move a version to `stage`, with `why`."""
    store = store_of(request)
    found = version_of(store, project, _clean(key), _clean(version))
    with acting_as(caller_of(request).name):
        moved = set_stage(found, text(body, "stage"), why=text(body, "why"), store=store)
    return json_answer({"key": key, "version": moved.number, "stage": moved.stage})


@ROUTES.post("/{key}/promote", needs=_UPDATE, summary="Promote a version")
def promote_version(
    request: Request,
    project: str,
    key: str,
    body: dict[str, Any] = Body(...),  # noqa: B008
) -> Response:
    """Promote `version` `to` an alias (default `champion`) or stage, with `why`: alias, stages and
    the trail change at once. `gates`: conditions on recorded metrics, such as `"auc >= 0.9"`;
    `require_gates`: only if the gates of its last promotion all said yes."""
    store = store_of(request)
    version = version_of(store, project, _clean(key), _mark(body, "version"))
    to = text(body, "to", CHAMPION) or CHAMPION
    if to not in STAGES:
        check_tag(to)
    if body.get("require_gates") is True:
        _require_gates(store, project, key, version.number)
    promote = resolve("mlrun_like.promotion.promote:promote")  # loads pandas
    with acting_as(caller_of(request).name):
        found = promote(
            version, to, _gates(body), why=text(body, "why"),
            dry_run=body.get("dry_run") is True, store=store,
        )  # fmt: skip
    return json_answer(found.to_dict(), 200 if found.accepted else 409)


@ROUTES.post("/{key}/rollback", needs=_UPDATE, summary="Back to the version before")
def roll_back(
    request: Request,
    project: str,
    key: str,
    body: dict[str, Any] = Body(...),  # noqa: B008
) -> Response:
    """Give `alias` (default `champion`) back to the version that held it before, with `why`."""
    store, alias = store_of(request), text(body, "alias", CHAMPION) or CHAMPION
    rollback = resolve("mlrun_like.promotion.rollback:rollback")  # loads pandas
    with acting_as(caller_of(request).name):
        found = rollback(project, _clean(key), check_tag(alias), why=text(body, "why"), store=store)
    return json_answer({"key": key, "alias": alias, "version": found.number})


def _gates(body: dict[str, Any]) -> list[str]:
    """Conditions on recorded numbers. Names of other gates load models or code: not here."""
    gates = body.get("gates") or []
    if not isinstance(gates, list) or len(gates) > 50:
        raise InvalidArgumentError("gates must be a list of at most 50 conditions")
    for gate in gates:
        if not isinstance(gate, str) or not any(mark in gate for mark in ("<", ">")):
            raise InvalidArgumentError(
                f"the service does not ask the gate {gate!r:.80}: it may load the model",
                fix='give conditions such as "auc >= 0.9", and ask others by a run',
            )
    return gates


def _require_gates(store: SqlStore, project: str, key: str, wanted: int) -> None:
    data = model_data(store, project, key)
    found = next((one for one in data["versions"] if one["number"] == wanted), None)
    gates = found["gates"] if found else []
    if not gates or not all(isinstance(one, dict) and one.get("passed") for one in gates):
        raise ConflictError(
            f"the gates of version {wanted} of {key!r} have not all said yes",
            fix=f"mlrun-like models promote {key}:{wanted} --gate …",
        )


def _mark(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value in ("", 0):
        raise InvalidArgumentError(f"{name} {value!r:.60} is no version", fix="a number or alias")
    return _clean(str(value))


def _clean(text: str) -> str:
    if "\0" in text or len(text) > 2000:
        raise InvalidArgumentError(f"{text[:40]!r} cannot be looked for")
    return text.encode("utf-8", "replace").decode()
