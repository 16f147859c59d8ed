"""Pages of administrators of the service: users, their tokens, the audit log."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.accounts import (
    UserChange,
    add_user,
    change_user,
    delete_user,
    user_named,
    users_data,
)
from mlrun_like.api.access.audit import audit, audit_data
from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.members import roles_of
from mlrun_like.api.access.tokens import make_token, refuse_escalation, revoke_token, tokens_data
from mlrun_like.api.pages.account import token_told, tokens_table
from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.forms import asking, button, choice, field, post_form, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.run_parts import facts
from mlrun_like.api.pages.words import address, empty, moment, since, state_badge, toolbar
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import Html, element, joined
from mlrun_like.drawing.page import badge, section, table
from mlrun_like.errors import InvalidArgumentError

__all__ = ["ROUTES"]

ROUTES = Routes("pages-users", page=True)
_READ = Needs("user", "read", scope="server")
_UPDATE = Needs("user", "update", scope="server")
_CHANGES = {
    "disable": (UserChange(disabled=True), "Lock"),
    "enable": (UserChange(disabled=False), "Unlock"),
    "promote": (UserChange(is_admin=True), "Make administrator"),
    "demote": (UserChange(is_admin=False), "No administrator any more"),
}


@ROUTES.get("/users", needs=_READ, summary="Users", name="users_page")
def users_page(request: Request) -> Response:
    """Everybody, and a form for a new one."""
    rows = []
    for one in users_data(store_of(request)):
        marks = [badge("administrator", "warn")] if one["is_admin"] else []
        if one["disabled"]:
            marks.append(badge("locked", "bad"))
        rows.append([element("a", one["name"], href=f"/users/{one['name']}"), one["kind"],
                     joined(marks, " "), one["email"], since(one["last_login"]),
                     since(one["created"])])  # fmt: skip
    body = table(["Name", "Kind", "", "E-mail", "Last login", "Added"], rows, caption="users")
    form = post_form(
        request, "/users",
        field("name", "Name", "", required="required", maxlength="100"),
        choice("kind", "Kind", [("user", "person"), ("service", "service account")]),
        field("email", "E-mail", "", type="email"),
        field("password", "Password", "", type="password", autocomplete="new-password",
              note="none: login by the provider, or tokens only"),
        choice("is_admin", "Administrator of the service", [("", "no"), ("1", "yes")]),
        button("Add", "main"), label="add a user",
    )  # fmt: skip
    nobody = empty("No user yet.", "Until there is one, nobody need log in on this machine.")
    parts = [body or nobody, section("Add a user or service account", form)]
    return html_answer(frame(request, "Users", parts, here="users"))


@ROUTES.post("/users", needs=Needs("user", "create", scope="server"), summary="Add a user",
             name="add_user_form")  # fmt: skip
async def add(request: Request) -> Response:
    """Add one."""
    form, store = await read_form(request), store_of(request)
    user = await asyncio.to_thread(
        add_user, store, form["name"].strip(), email=form["email"], password=form["password"],
        is_admin=form["is_admin"] == "1", kind=form["kind"] or "user",
    )  # fmt: skip
    audit(request, "create", "user", name=user.name, detail={"is_admin": user.is_admin})
    return moved(f"/users/{user.name}", "created")


@ROUTES.get("/users/{name}", needs=_READ, summary="A user", name="user_page")
def user_page(request: Request, name: str) -> Response:
    """Roles, tokens, and what can be changed."""
    return html_answer(_user(request, name))


def _user(request: Request, name: str, told: Html | str = "") -> Html:
    store = store_of(request)
    user = user_named(store, name)
    base = f"/users/{name}"
    roles = [
        f"{project}: {role}" for project, role in sorted(roles_of(store, user.user_id).items())
    ]
    about = facts([
        ("Kind", user.kind), ("E-mail", user.email),
        ("State", state_badge("locked" if user.disabled else "active")),
        ("Administrator", "yes" if user.is_admin else "no"),
        ("Roles", ", ".join(roles)), ("Last login", moment(user.last_login)),
    ])  # fmt: skip
    words = ["enable" if user.disabled else "disable", "demote" if user.is_admin else "promote"]
    changes = [
        post_form(request, f"{base}/-/change",
                  element("input", type="hidden", name="change", value=word),
                  button(_CHANGES[word][1]), kind="inline")
        for word in words
    ]  # fmt: skip
    gone = element("a", "Delete…", href=f"{base}/-/delete", class_="button danger")
    new = post_form(request, f"{base}/-/tokens",
                    field("name", "What it is for", "", required="required"),
                    button("Make a token"), kind="inline")  # fmt: skip
    tokens = tokens_table(request, tokens_data(store, user.user_id), f"{base}/-/tokens")
    lead = heading(name, actions=[*changes, gone])
    return frame(request, name, [told, about, section("Tokens", tokens, new)], here="users",
                 crumbs=[("Users", "/users")], lead=lead)  # fmt: skip


@ROUTES.post("/users/{name}/-/change", needs=_UPDATE, summary="Change a user",
             name="change_user_form")  # fmt: skip
async def change(request: Request, name: str) -> Response:
    """Lock, unlock, make administrator or not."""
    word = (await read_form(request))["change"]
    if word not in _CHANGES:
        raise InvalidArgumentError(f"the change {word[:40]!r} is not known")
    await asyncio.to_thread(change_user, store_of(request), name, _CHANGES[word][0])
    access_of(request).forget()
    return moved(f"/users/{name}", "saved")


@ROUTES.post("/users/{name}/-/tokens", needs=Needs("token", "create", scope="server"),
             summary="Make a token for a user", name="make_user_token_form")  # fmt: skip
async def make(request: Request, name: str) -> Response:
    """Make it and show it once."""
    form, store = await read_form(request), store_of(request)

    def act() -> Html:
        refuse_escalation(caller_of(request))
        made = make_token(store, user_named(store, name), form["name"])
        audit(request, "create", "token", name=made.row.token_id, detail={"user": name})
        return _user(request, name, token_told(made.text))

    return html_answer(await asyncio.to_thread(act), 201)


@ROUTES.post("/users/{name}/-/tokens/revoke", needs=Needs("token", "delete", scope="server"),
             summary="Revoke a token of a user", name="revoke_user_token_form")  # fmt: skip
async def revoke(request: Request, name: str) -> Response:
    """Let it hold no more."""
    form, store = await read_form(request), store_of(request)
    user = await asyncio.to_thread(user_named, store, name)
    await asyncio.to_thread(revoke_token, store, form["token"], user.user_id)
    access_of(request).forget()
    return moved(f"/users/{name}", "revoked")


@ROUTES.get("/users/{name}/-/delete", needs=Needs("user", "delete", scope="server"),
            summary="Ask before a user is deleted", name="ask_delete_user")  # fmt: skip
def ask_delete(request: Request, name: str) -> Response:
    """What goes with it."""
    store = store_of(request)
    roles = roles_of(store, user_named(store, name).user_id)
    goes = ["all its tokens and sessions", *(f"its role in {project}" for project in roles)]
    part = asking(request, f"/users/{name}/-/delete", f"Delete {name!r}? What it made stays.", goes,
                  verb=f"Delete {name}", back=f"/users/{name}")  # fmt: skip
    crumbs = [("Users", "/users"), (name, f"/users/{name}")]
    return html_answer(frame(request, "Delete user", [part], here="users", crumbs=crumbs))


@ROUTES.post("/users/{name}/-/delete", needs=Needs("user", "delete", scope="server"),
             summary="Delete a user", name="delete_user_form")  # fmt: skip
async def delete(request: Request, name: str) -> Response:
    """Delete it."""
    await asyncio.to_thread(delete_user, store_of(request), name)
    access_of(request).forget()
    return moved("/users", "deleted")


@ROUTES.get("/audit", needs=Needs("audit", "read", scope="server"), summary="Audit log",
            name="audit_page")  # fmt: skip
def audit_page(request: Request) -> Response:
    """Who did what, newest first."""
    query = request.query_params
    text, project = query.get("text", "")[:100].strip(), query.get("project", "")[:100].strip()
    before = query.get("before", "0")
    rows = audit_data(
        store_of(request), text=text, project=project or None, limit=100,
        before=int(before) if before.isdecimal() and len(before) < 16 else 0,
    )  # fmt: skip
    form = element(
        "form", field("text", "Name or user", text), field("project", "Project", project),
        button("Filter"), method="get", action="/audit", class_="inline",
    )  # fmt: skip
    body = table(
        ["When", "Who", "From", "What", "Project", "Name", "Outcome"],
        [[moment(one["time"]), one["user"], one["address"], f"{one['action']} {one['resource']}",
          one["project"], one["name"],
          _outcome(int(one["status"]))]
         for one in rows], caption="audit log",
    ) or empty(
        "Nothing is recorded that is like this." if text or project else "Nothing is recorded yet.",
        "Each change is recorded: who did what, from where, and whether it was allowed.",
    )  # fmt: skip
    more: Html | str = ""
    if len(rows) == 100:
        where = address("/audit", {"text": text, "project": project, "before": rows[-1]["number"]})
        more = element("p", element("a", "Older", href=where, class_="button"))
    return html_answer(frame(request, "Audit log", [toolbar(form), body, more], here="audit"))


def _outcome(status: int) -> Html:
    if status < 400:
        return badge("done", "ok")
    words = {401: "refused", 403: "refused", 409: "conflict"}.get(status, "failed")
    return badge(f"{words} ({status})", "bad")
