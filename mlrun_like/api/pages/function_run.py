"""A form that runs a function, built from its signature, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.origin import own_address
from mlrun_like.api.execution.request import read_request
from mlrun_like.api.execution.starting import start_run
from mlrun_like.api.pages.answers import moved
from mlrun_like.api.pages.forms import Form, button, choice, field, post_form, read_form
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.words import address, empty
from mlrun_like.api.routing import Needs, Routes, caller_of, options_of, store_of
from mlrun_like.drawing.markup import Html, element, joined
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.types import Document

__all__ = ["ROUTES", "form_values", "run_form", "typed"]

ROUTES = Routes("pages-function-run", page=True)
_NUMBERS = ("int", "float")
_DATA = ("DataItem", "DataFrame", "Path", "ndarray", "Series")


def run_form(request: Request, document: Document, project: str) -> Html:
    """Fields for each parameter of a handler; those of an earlier run if `again` names one."""
    spec, name = document.get("spec") or {}, document["metadata"]["name"]
    if not caller_of(request).may(project, "run", "run"):
        return empty("You may not start runs here.",
                     "Ask an administrator of the project for the role developer.")  # fmt: skip
    points: dict[str, Any] = dict(spec.get("entry_points") or {})
    query, base = request.query_params, project_path(project, "functions", name)
    before = _earlier(request, project, query.get("again", ""))
    handler = query.get("handler") or str((before.get("spec") or {}).get("handler") or "")
    handler = handler or str(spec.get("default_handler") or next(iter(points), ""))
    given = dict((before.get("spec") or {}).get("parameters") or {})
    inputs = dict((before.get("spec") or {}).get("inputs") or {})
    fields = []
    for one in (points.get(handler) or {}).get("parameters") or ():
        key = str(one.get("name", ""))
        if not key or key == "context":
            continue
        fields.append(_field(one, given.pop(key, None), inputs.pop(key, None)))
    rest = json.dumps(given, default=str, indent=1) if given else ""
    pick = ""
    if len(points) > 1:
        pick = element(
            "form", choice("handler", "Handler", [(one, one) for one in points], handler),
            element("input", type="hidden", name="tab", value="run"), button("Choose"),
            method="get", action=base, class_="inline",
        )  # fmt: skip
    note = "Values that start with a bracket or a brace, numbers, true and false are read as JSON."
    form = post_form(
        request, f"{base}/-/run",
        element("input", type="hidden", name="handler", value=handler),
        element("input", type="hidden", name="hash", value=document["metadata"].get("hash") or ""),
        *fields,
        field("parameters", "More parameters", rest, type="textarea", rows="3",
              note="a JSON object; empty: none", spellcheck="false"),
        field("labels", "Labels", "", placeholder="why=retry", note="name=value, with commas"),
        element("p", note, class_="note"), button("Start the run", "main"), label=f"run {name}",
    )  # fmt: skip
    told = element("p", "With the values of run ", element("code", query["again"][:40]), ".",
                   class_="note") if before else ""  # fmt: skip
    return joined([pick, told, form])


def _earlier(request: Request, project: str, uid: str) -> Document:
    if not uid:
        return {}
    try:
        return store_of(request).read_run(project, uid)
    except NotFoundError:
        return {}


def _field(one: Mapping[str, Any], given: Any, url: Any) -> Html:
    key, kind = str(one["name"]), str(one.get("type") or "")
    if url is not None or any(word in kind for word in _DATA):
        return field(f"i:{key}", f"{key} (input)", url or "", placeholder="store://… or a URL",
                     note=one.get("doc") or kind)  # fmt: skip
    value = given if given is not None else one.get("default")
    words = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    choices = [str(each) for each in one.get("choices") or ()]
    note = " · ".join(part for part in (kind, str(one.get("doc") or "")) if part)
    if choices:
        return choice(f"p:{key}", key, [(each, each) for each in choices], words, note)
    if kind == "bool":
        return choice(
            f"p:{key}", key, [("true", "true"), ("false", "false")], words or "false", note
        )
    more: dict[str, Any] = {"inputmode": "decimal"} if kind in _NUMBERS else {}
    if one.get("required"):
        more["required"] = "required"
    return field(f"p:{key}", key, words, note=note, **more)


def typed(words: str, kind: str) -> Any:
    """A value out of a field, by the type in the signature.

    Raises:
        InvalidArgumentError: if it is none of that type.

    >>> typed("3", "int"), typed("[1]", ""), typed("3", "str"), typed("x", "")
    (3, [1], '3', 'x')
    """
    if kind == "str":
        return words
    try:
        if kind in _NUMBERS:
            return int(words) if kind == "int" else float(words)
        return json.loads(words)
    except ValueError:
        if kind in (*_NUMBERS, "bool"):
            raise InvalidArgumentError(
                f"{words[:80]!r} is no {kind}", fix="go back and correct the field"
            ) from None
        return words


def form_values(form: Form, document: Document) -> tuple[dict[str, Any], dict[str, str]]:
    """Parameters and inputs out of the form; empty fields are left to the function's defaults.

    Raises:
        InvalidArgumentError: if one cannot be read.
    """
    points = (document.get("spec") or {}).get("entry_points") or {}
    known = (points.get(form["handler"]) or {}).get("parameters") or ()
    kinds = {str(one.get("name")): str(one.get("type") or "") for one in known}
    parameters: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    for name in form.fields:
        way, colon, key = name.partition(":")
        if not colon or not form[name]:
            continue
        if way == "p":
            parameters[key] = typed(form[name], kinds.get(key, ""))
        elif way == "i":
            inputs[key] = form[name]
    more = form["parameters"].strip()
    if more:
        try:
            found = json.loads(more)
        except ValueError as exc:
            raise InvalidArgumentError(
                f"the further parameters are no JSON: {exc}", fix='write {"name": value}'
            ) from exc
        if not isinstance(found, dict):
            raise InvalidArgumentError("the further parameters are no object",
                                       fix='write {"name": value}')  # fmt: skip
        parameters.update(found)
    return parameters, inputs


@ROUTES.post("/projects/{project}/functions/{name}/-/run", needs=Needs("run", "run"),
             summary="Run a function by its form", name="run_function_form")  # fmt: skip
async def run(request: Request, project: str, name: str) -> Response:
    """Start it, and go on to the page of the run."""
    form, store = await read_form(request), store_of(request)

    def act() -> str:
        document = store.read_function(project, name, hash=form["hash"])
        parameters, inputs = form_values(form, document)
        version = f"@{form['hash']}" if form["hash"] else ""
        asked = read_request(project, {
            "function": f"{name}{version}", "handler": form["handler"],
            "parameters": parameters, "inputs": inputs, "labels": _labels(form["labels"]),
        })  # fmt: skip
        login, options = bool(request.app.state.access.required), options_of(request)
        here = own_address(request, options.url, bool(options.tls_cert))
        start_run(store, caller_of(request), asked, login, here)
        return asked.uid

    uid = await asyncio.to_thread(act)
    return moved(address(project_path(project, "runs", uid)), "started")


def _labels(words: str) -> dict[str, str]:
    found = {}
    for part in words.split(","):
        name, equal, value = part.strip().partition("=")
        if part.strip() and not (equal and name.strip()):
            raise InvalidArgumentError(f"label {part.strip()[:60]!r} has no value",
                                       fix="write name=value, with commas between")  # fmt: skip
        if name:
            found[name.strip()] = value.strip()
    return found
