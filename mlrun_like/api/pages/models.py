"""Pages of the model registry: models, versions, promotion and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.forms import Form, button, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.parts.look import form as form_of
from mlrun_like.api.pages.parts.look import line, look_of, place
from mlrun_like.api.pages.parts.models import gates_table, model_page, models_page, promote_form
from mlrun_like.api.pages.registry import registered_model, registered_models
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.page import Html, element, section
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, SpecError
from mlrun_like.registry import resolve
from mlrun_like.types import Document

if TYPE_CHECKING:
    from mlrun_like.promotion.report import Promotion

__all__ = ["ROUTES"]

ROUTES = Routes("pages-models", page=True)
_LIST = "/projects/{project}/models"
_ONE = _LIST + "/{key:path}"
_READ, _UPDATE = Needs("model", "read"), Needs("model", "update")
_Sent = Annotated[Form, Depends(read_form)]


@ROUTES.get(_LIST, needs=_READ, summary="Models of a project")
def list_page(request: Request, project: str) -> Response:
    """All models, the newest first."""
    rows = registered_models(store_of(request), project)
    parts = models_page(rows, look_of(request, project))
    return html_answer(frame(request, "Models", parts, project=project, here="models"))


@ROUTES.get(_LIST + "/{key}/promote", needs=_UPDATE, summary="A form that promotes a model")
def promote_page(request: Request, project: str, key: str) -> Response:
    """To what, through which gates, and why."""
    given = {"version": request.query_params.get("version", "")}
    return _promote_page(request, project, key, given)


@ROUTES.post(_LIST + "/{key}/promote", needs=_UPDATE, summary="Promote a model by a form")
def promote(request: Request, project: str, key: str, form: _Sent) -> Response:
    """Ask the gates, and move the alias or stage if all say yes."""
    given = {name: form[name] for name in ("version", "to", "gates", "why")}
    try:
        gates = [row.strip() for row in given["gates"].splitlines() if row.strip()]
        # Only expressions of metrics: another gate would run code of the model in this process.
        if any("smoke" in gate.lower() or not set("<>=!") & set(gate) for gate in gates):
            raise SpecError("a gate here is an expression of metrics", fix="auc >= 0.9")
        if not given["version"].isdecimal():
            raise InvalidArgumentError(f"there is no version {given['version']!r:.40}")
        versions = store_of(request).model_versions(project, key)
        version = next((v for v in versions if v.number == int(given["version"])), None)
        if version is None:
            raise InvalidArgumentError(f"there is no version {given['version']}")
        found = resolve("mlrun_like.promotion.promote:promote")(  # loads pandas
            version,
            given["to"] or "champion",
            gates,
            why=_why(request, given["why"]),
            dry_run=bool(form["check"]),
            store=store_of(request),
        )
    except MLRunLikeError as exc:
        return _promote_page(request, project, key, given, problem=exc)
    if form["check"] or not found.accepted:
        return _promote_page(request, project, key, given, found, is_check=bool(form["check"]))
    return moved(place(project, "models", key, version=given["version"]), "saved")


@ROUTES.get(_LIST + "/{key}/rollback", needs=_UPDATE, summary="Ask before a model goes back")
def rollback_page(request: Request, project: str, key: str) -> Response:
    """Who would serve, and who not any more."""
    data, look = registered_model(store_of(request), project, key), look_of(request, project)
    back = place(project, "models", key)
    crumbs = [("Models", place(project, "models")), (key, back)]
    if not data["previous"]:
        words = element("p", "No version was the champion before: there is nothing to go back to.",
                        class_="notice warn")  # fmt: skip
        page = frame(request, f"Roll back {key}", [words], project=project, here="models",
                     crumbs=crumbs)  # fmt: skip
        return html_answer(page)
    goes = [f"version {data['champion']} is the champion no more",
            f"version {data['previous']} serves again"]  # fmt: skip
    ask = section(
        f"Give the alias champion of {key} back?",
        element("ul", *(element("li", one) for one in goes)),
        form_of(look, place(project, "models", key, "rollback"),
                line("Why", "why", required="required", maxlength="300",
                     note="For the audit trail."),
                element("p", button("Roll back", "danger"), " ",
                        element("a", "Keep it", href=back, class_="button"))),
    )  # fmt: skip
    page = frame(request, f"Roll back {key}", [ask], project=project, here="models", crumbs=crumbs)
    return html_answer(page)


@ROUTES.post(_LIST + "/{key}/rollback", needs=_UPDATE, summary="Give the alias back by a form")
def rollback(request: Request, project: str, key: str, form: _Sent) -> Response:
    """The version that was the champion before serves again."""
    if not form["why"].strip():
        raise SpecError("nobody said why", fix="write a reason for the audit trail")
    roll_back = resolve("mlrun_like.promotion.rollback:rollback")  # loads pandas
    roll_back(project, key, why=_why(request, form["why"]), store=store_of(request))
    return moved(place(project, "models", key), "saved")


@ROUTES.get(_ONE, needs=_READ, summary="A model")
def one_page(request: Request, project: str, key: str) -> Response:
    """Versions, gates, comparison with the champion, audit trail."""
    data, look = registered_model(store_of(request), project, key), look_of(request, project)
    query = request.query_params
    number = query.get("version", "")
    chosen = int(number) if number.isdecimal() and len(number) < 9 else 0
    actions = []
    if look.may("model", "update"):
        where = place(project, "models", key, "promote", version=chosen or "")
        actions.append(element("a", "Promote…", href=where, class_="button main"))
        if data["previous"]:
            back = place(project, "models", key, "rollback")
            actions.append(element("a", "Roll back…", href=back, class_="button danger"))
    parts = model_page(data, look, chosen, query.get("tab", ""))
    page = frame(request, key, parts, project=project, here="models",
                 crumbs=[("Models", place(project, "models"))],
                 lead=heading(key, actions=actions))  # fmt: skip
    return html_answer(page)


def _promote_page(
    request: Request, project: str, key: str, given: Document, found: Promotion | None = None,
    *, problem: MLRunLikeError | None = None, is_check: bool = False,
) -> Response:  # fmt: skip
    data, look = registered_model(store_of(request), project, key), look_of(request, project)
    parts: list[Html] = []
    if problem is not None:
        told = f"{problem.what}. {problem.fix}"
        parts.append(element("p", told, class_="notice bad", role="alert"))
    if found is not None:
        verb = "would be" if is_check else "was"
        word = "accepted" if found.accepted else "rejected"
        kind = "notice" if found.accepted else "notice bad"
        told = f"Version {found.version.number} {verb} {word} as {found.to}."
        gates = found.to_dict()["gates"]
        parts.append(element("p", told, class_=kind, role="status"))
        parts.append(section("Gates", gates_table(gates) or "No gates were asked."))
    parts.append(promote_form(data, look, given))
    page = frame(request, f"Promote {key}", parts, project=project, here="models",
                 crumbs=[("Models", place(project, "models")),
                         (key, place(project, "models", key))])  # fmt: skip
    return html_answer(page, 422 if problem is not None else 200)


def _why(request: Request, why: str) -> str:
    """The reason, with who gave it: the trail notes the user of this process by itself."""
    caller = caller_of(request)
    return f"{why.strip()[:300]} ({caller.name or caller.user})"
