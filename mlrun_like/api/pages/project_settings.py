"""Settings of a project: what it is, who may what, secrets, and how it is deleted."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.audit import audit
from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.members import members_data, remove_member, set_member
from mlrun_like.api.access.roles import ROLES
from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.forms import button, choice, field, post_form, read_form, sure
from mlrun_like.api.pages.frame import frame
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.run_parts import facts
from mlrun_like.api.pages.words import labels_shown, moment, since
from mlrun_like.api.routes.background import in_background
from mlrun_like.api.routes.projects_data import project_document, project_summaries
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.api.secrets.vault import names_data, set_secrets
from mlrun_like.drawing.markup import Html, element, number
from mlrun_like.drawing.page import badge, section, table
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.projects.deleting import content_to_delete, delete_project

__all__ = ["ROUTES"]

ROUTES = Routes("pages-project-settings", page=True)
_BASE = "/projects/{project}/settings"


@ROUTES.get(_BASE, needs=Needs("project", "read"), summary="Settings of a project",
            name="project_settings_page")  # fmt: skip
def settings_page(request: Request, project: str) -> Response:
    """What the caller may see and change of them."""
    store, caller = store_of(request), caller_of(request)
    document = project_document(store, project)
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    base, may = project_path(project, "settings"), caller.may
    about = facts([
        ("Name", project), ("Owner", spec.get("owner")), ("Source", spec.get("source")),
        ("Made", moment(metadata.get("created"))), ("Labels", labels_shown(metadata.get("labels"))),
        ("Description", "" if may(project, "project", "update") else spec.get("description")),
    ])  # fmt: skip
    parts: list[str] = [about]
    if may(project, "project", "update"):
        parts.append(post_form(
            request, f"{base}/description",
            field("description", "Description", spec.get("description") or "", maxlength="500"),
            button("Save"),
        ))  # fmt: skip
    if may(project, "member", "read"):
        parts.append(_members(request, project, base))
    if may(project, "secret", "read"):
        parts.append(_secrets(request, project, base))
    if may(project, "project", "delete"):
        parts.append(section(
            "Delete the project",
            element("p", "With all its runs, artifacts' records, functions, models and the rest."),
            element("p", element("a", "Delete…", href=f"{base}/delete", class_="button danger")),
        ))  # fmt: skip
    return html_answer(frame(request, "Settings", parts, project=project, here="settings"))


def _members(request: Request, project: str, base: str) -> Html:
    may = caller_of(request).may(project, "member", "update")
    rows = []
    for one in members_data(store_of(request), project):
        form: Html | str = ""
        if may and one["source"] == "manual":
            yes = post_form(
                request, f"{base}/members/remove",
                element("input", type="hidden", name="user", value=one["user"]),
                button("Remove", "danger", aria_label=f"remove {one['user']}"), kind="inline",
            )  # fmt: skip
            form = sure("Remove…", one["user"], f"{one['user']} loses this role.", yes)
        source = "by a group" if one["source"] != "manual" else ""
        role = badge(str(one["role"]), "none")
        rows.append([one["user"], one["kind"], role, source, since(one["since"]), form])
    body = table(["User", "Kind", "Role", "", "Since", ""], rows, caption="members")
    new = post_form(
        request, f"{base}/members",
        field("user", "User", "", required="required"),
        choice("role", "Role", [(role, role) for role in ROLES], "developer"),
        button("Give the role"), kind="inline",
    ) if may else ""  # fmt: skip
    note = (
        "Viewers read, developers change and run, administrators also manage members and secrets."
    )
    return section("Members", body or element("p", "Nobody has a role yet.", class_="note"), new,
                   note=note)  # fmt: skip


def _secrets(request: Request, project: str, base: str) -> Html:
    caller, rows = caller_of(request), []
    for one in names_data(store_of(request), project):
        form: Html | str = ""
        if caller.may(project, "secret", "delete"):
            yes = post_form(
                request, f"{base}/secrets/remove",
                element("input", type="hidden", name="name", value=one["name"]),
                button("Remove", "danger", aria_label=f"remove {one['name']}"), kind="inline",
            )  # fmt: skip
            form = sure("Remove…", one["name"], "Nobody can bring its value back.", yes)
        rows.append([element("code", one["name"]), one["updated_by"], since(one["updated"]), form])
    body = table(["Name", "Set by", "When", ""], rows, caption="secrets")
    new = post_form(
        request, f"{base}/secrets",
        field("name", "Name", "", required="required", maxlength="200", autocomplete="off"),
        field("value", "Value", "", type="password", required="required", autocomplete="off"),
        button("Set the secret"), kind="inline",
    ) if caller.may(project, "secret", "create") else ""  # fmt: skip
    return section("Secrets", body or element("p", "None yet.", class_="note"), new,
                   note="Runs get them; nobody can read a value here again.")  # fmt: skip


@ROUTES.post(_BASE + "/description", needs=Needs("project", "update"),
             summary="Describe a project", name="describe_project_form")  # fmt: skip
async def describe(request: Request, project: str) -> Response:
    """Change the description."""
    words, store = (await read_form(request))["description"][:500], store_of(request)

    def act() -> None:
        document = project_document(store, project)
        spec = {**(document.get("spec") or {}), "description": words}
        store.store_project({**document, "spec": spec})

    await asyncio.to_thread(act)
    return moved(project_path(project, "settings"), "saved")


@ROUTES.post(_BASE + "/members", needs=Needs("member", "update"), summary="Give a role",
             name="set_member_form")  # fmt: skip
async def put_member(request: Request, project: str) -> Response:
    """Let a user have a role."""
    form = await read_form(request)
    user, role = form["user"].strip(), form["role"]
    await asyncio.to_thread(set_member, store_of(request), project, user, role)
    access_of(request).forget()
    audit(request, "update", "member", project, user, detail={"role": role})
    return moved(project_path(project, "settings"), "saved")


@ROUTES.post(_BASE + "/members/remove", needs=Needs("member", "delete"), summary="Take a role",
             name="remove_member_form")  # fmt: skip
async def drop_member(request: Request, project: str) -> Response:
    """Take the role of a user."""
    form = await read_form(request)
    await asyncio.to_thread(remove_member, store_of(request), project, form["user"])
    access_of(request).forget()
    return moved(project_path(project, "settings"), "saved")


@ROUTES.post(_BASE + "/secrets", needs=Needs("secret", "create"), summary="Set a secret",
             name="set_secret_form")  # fmt: skip
async def put_secret(request: Request, project: str) -> Response:
    """Add or replace one."""
    form, who = await read_form(request), caller_of(request).name
    values: dict[str, str | None] = {form["name"].strip(): form["value"]}
    await asyncio.to_thread(set_secrets, store_of(request), project, values, who)
    return moved(project_path(project, "settings"), "saved")


@ROUTES.post(_BASE + "/secrets/remove", needs=Needs("secret", "delete"), summary="Remove a secret",
             name="remove_secret_form")  # fmt: skip
async def drop_secret(request: Request, project: str) -> Response:
    """Remove one."""
    values: dict[str, str | None] = {(await read_form(request))["name"]: None}
    await asyncio.to_thread(set_secrets, store_of(request), project, values)
    return moved(project_path(project, "settings"), "deleted")


@ROUTES.get(_BASE + "/delete", needs=Needs("project", "delete"), summary="Ask before it is deleted",
            name="ask_delete_project")  # fmt: skip
def ask_delete(request: Request, project: str) -> Response:
    """What goes with it; its name must be typed."""
    found = project_summaries(store_of(request), [project])
    counts = found[0] if found else {}
    goes = [
        element("li", f"{number(counts[key])} {label}")
        for key, label in (("runs", "runs"), ("artifacts", "artifacts"), ("models", "models"),
                           ("functions", "functions"), ("schedules", "schedules"),
                           ("endpoints", "endpoints"), ("feature_sets", "feature sets"))
        if counts.get(key)
    ]  # fmt: skip
    base = project_path(project, "settings")
    part = element(
        "section", element("p", f"Delete the project {project!r} with all that it holds? "
                           "Nobody can take this back.", class_="question"),
        element("ul", *goes) if goes else "",
        post_form(request, f"{base}/delete",
                  field("name", f"Type {project} to go on", "", required="required",
                        autocomplete="off"),
                  button("Delete the project", "danger"),
                  element("a", "Keep it", href=base, class_="button")),
        class_="asking", aria_label="confirm",
    )  # fmt: skip
    return html_answer(frame(request, "Delete project", [part], project=project, here="settings",
                             crumbs=[("Settings", base)]))  # fmt: skip


@ROUTES.post(_BASE + "/delete", needs=Needs("project", "delete"), summary="Delete a project",
             name="delete_project_form")  # fmt: skip
async def delete(request: Request, project: str) -> Response:
    """Delete it, if its name was typed."""
    if (await read_form(request))["name"].strip() != project:
        raise InvalidArgumentError("the name that was typed is another one", fix="go back, type it")

    def act() -> None:
        in_background(
            request, "delete-project", project,
            lambda: {"deleted": delete_project(project, "cascade", missing_ok=True)},
            name=project, more={"content": content_to_delete(project, "cascade")},
        )  # fmt: skip

    await asyncio.to_thread(act)
    return moved("/tasks", "deleting")
