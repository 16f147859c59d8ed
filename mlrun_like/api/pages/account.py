"""One's own account: tokens, sessions, password, theme."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.accounts import UserChange, change_user
from mlrun_like.api.access.audit import audit
from mlrun_like.api.access.control import access_of
from mlrun_like.api.access.identify import session_secret
from mlrun_like.api.access.login import right_user
from mlrun_like.api.access.sessions import session_id, sessions_data
from mlrun_like.api.access.tokens import make_token, refuse_escalation, revoke_token, tokens_data
from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.forms import button, choice, field, post_form, read_form, sure
from mlrun_like.api.pages.frame import THEMES, frame, heading
from mlrun_like.api.pages.run_parts import facts
from mlrun_like.api.pages.words import copyable, empty, moment, since, state_badge
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import Html, element
from mlrun_like.drawing.page import badge, section, table
from mlrun_like.errors import AccessDeniedError, InvalidArgumentError, UnauthorizedError

__all__ = ["ROUTES", "token_told", "tokens_table"]

_BROWSERS = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome", "Chrome"),
    ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
    ("Mac OS", "macOS"), ("Linux", "Linux"),
)  # fmt: skip
ROUTES = Routes("pages-account", page=True)
_SELF = Needs("token", "read", scope="self")
_DAYS = (("30", "30 days"), ("90", "90 days"), ("365", "one year"), ("0", "for ever"))
_SCOPES = (("", "all that I may"), ("read", "read only"), ("write", "read and write"),
           ("metrics", "metrics of the service only"))  # fmt: skip


@ROUTES.get("/account", needs=_SELF, summary="One's own account", name="account_page")
def account_page(request: Request) -> Response:
    """Who one is, and what lets one in."""
    return html_answer(_account(request))


def _account(request: Request, told: Html | str = "") -> Html:
    caller, store = caller_of(request), store_of(request)
    roles = [f"{project}: {role}" for project, role in sorted(caller.roles.items())]
    about = facts([
        ("Name", caller.name),
        ("Kind", "administrator of the service" if caller.is_admin else caller.kind),
        ("Roles", ", ".join(roles[:40])),
    ])  # fmt: skip
    theme = post_form(
        request, "/account/theme",
        choice("theme", "Theme", [(one, one) for one in THEMES],
               request.cookies.get("theme", "auto")),
        button("Set"), kind="inline",
    )  # fmt: skip
    parts: list[str] = [told, about, section("Appearance", theme)]
    user = store.find_user(user_id=caller.user) if caller.user else None
    if user is None:
        parts.append(empty("Nobody need log in here.",
                           "This service listens on this machine only. For a team, add users:",
                           code="mlrun-like service user add NAME --admin"))  # fmt: skip
        return frame(request, "Account", parts, here="account")
    new = post_form(
        request, "/account/tokens",
        field("name", "What it is for", "", required="required", maxlength="200",
              placeholder="laptop"),
        choice("scope", "May", _SCOPES), choice("days", "Holds", _DAYS, "90"),
        button("Make a token", "main"), kind="inline",
    )  # fmt: skip
    tokens = tokens_table(request, tokens_data(store, caller.user), "/account/tokens")
    parts.append(section("Tokens", tokens, new,
                         note="For the SDK, the command line and programs. "
                         "mlrun-like login makes one by itself."))  # fmt: skip
    parts.append(section("Sessions", _sessions(request, caller.user)))
    if user.password:
        parts.append(section("Password", post_form(
            request, "/account/password",
            field("old", "Present password", "", type="password", required="required",
                  autocomplete="current-password"),
            field("new", "New password", "", type="password", required="required",
                  autocomplete="new-password", minlength="8"),
            button("Change the password"),
        )))  # fmt: skip
    return frame(request, "Account", parts, here="account", lead=heading("Account"))


def tokens_table(request: Request, rows: list[dict[str, object]], base: str) -> Html:
    """Tokens, with buttons to revoke the valid ones."""
    shown = []
    for row in rows:
        form: Html | str = ""
        if row["state"] == "valid":
            hidden = element("input", type="hidden", name="token", value=row["id"])
            yes = post_form(request, f"{base}/revoke", hidden,
                             button("Revoke it", "danger", aria_label=f"revoke {row['name']}"),
                             kind="inline")  # fmt: skip
            form = sure("Revoke…", str(row["name"]), "What uses it stops working at once.", yes)
        scopes = row["scopes"]
        shown.append([
            row["name"], badge(str(row["state"]), "ok" if row["state"] == "valid" else "warn"),
            ", ".join(scopes) if isinstance(scopes, list) and scopes else "all",
            since(row["created"]), since(row["last_used"]),
            moment(row["expires"]) if row["expires"] else "never", form,
        ])  # fmt: skip
    return table(["For", "State", "May", "Made", "Last used", "Ends", "Revoke"], shown,
                 caption="tokens") or element("p", "No token yet.", class_="note")  # fmt: skip


def token_told(text: str) -> Html:
    """The text of a new token, which is shown once."""
    return element(
        "div", element("p", "This is the token. It is shown now and never again; keep it safe:"),
        copyable(text, "the new token"), class_="notice", role="status",
    )  # fmt: skip


def _browser(agent: str) -> str:
    """What a browser says of itself, for people.

    >>> _browser("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36")
    'Chrome on Linux'
    """
    browser = next((label for word, label in _BROWSERS if word in agent), "")
    system = next((label for word, label in _SYSTEMS if word in agent), "")
    return " on ".join(one for one in (browser, system) if one) or agent[:60] or "unknown"


def _sessions(request: Request, user: str) -> Html:
    secret = session_secret(request)
    rows = sessions_data(store_of(request), user, session_id(secret) if secret else "")
    shown = [
        [element("span", _browser(str(one["agent"])), title=str(one["agent"])), one["address"],
         since(one["created"]), since(one["seen"]), state_badge("active") if one["current"] else ""]
        for one in rows
    ]  # fmt: skip
    return table(
        ["Browser", "Address", "Began", "Last seen", ""], shown, caption="sessions"
    ) or element("p", "No session.", class_="note")  # fmt: skip


@ROUTES.post("/account/tokens", needs=Needs("token", "create", scope="self"),
             summary="Make a token for oneself", name="make_token_form")  # fmt: skip
async def make(request: Request) -> Response:
    """Make a token and show it once."""
    form, caller, store = await read_form(request), caller_of(request), store_of(request)
    if form["days"] not in dict(_DAYS):
        raise InvalidArgumentError("choose how long the token holds")

    def act() -> Html:
        refuse_escalation(caller)
        user = store.find_user(user_id=caller.user)
        if user is None:
            raise AccessDeniedError("nobody has tokens here: this service wants no login")
        scopes = [form["scope"]] if form["scope"] else []
        seconds = int(form["days"]) * 86400.0
        made = make_token(store, user, form["name"], scopes=scopes, seconds=seconds)
        audit(request, "create", "token", name=made.row.token_id)
        return _account(request, token_told(made.text))

    return html_answer(await asyncio.to_thread(act), 201)


@ROUTES.post("/account/tokens/revoke", needs=Needs("token", "delete", scope="self"),
             summary="Revoke one's own token", name="revoke_token_form")  # fmt: skip
async def revoke(request: Request) -> Response:
    """Let it hold no more."""
    form, caller = await read_form(request), caller_of(request)
    await asyncio.to_thread(revoke_token, store_of(request), form["token"], caller.user or "-")
    access_of(request).forget()
    return moved("/account", "revoked")


@ROUTES.post("/account/password", needs=Needs("user", "update", scope="self"),
             summary="Change one's own password", name="password_form")  # fmt: skip
async def password(request: Request) -> Response:
    """Change it, if the present one is right; other sessions end."""
    form, caller, store = await read_form(request), caller_of(request), store_of(request)

    def act() -> None:
        refuse_escalation(caller)
        try:
            user = right_user(request, caller.name, form["old"])
        except UnauthorizedError as exc:  # they are logged in, and stay so
            raise AccessDeniedError(
                "the present password is wrong", fix="go back and try again"
            ) from exc
        secret = session_secret(request)
        change_user(store, user.name, UserChange(password=form["new"]),
                    keep=session_id(secret) if secret else "")  # fmt: skip

    await asyncio.to_thread(act)
    return moved("/account", "password")


@ROUTES.post("/account/theme", needs=_SELF, summary="Choose light or dark", name="theme_form")
async def theme(request: Request) -> Response:
    """Keep the choice in a cookie."""
    wanted = (await read_form(request))["theme"]
    answer = moved("/account", "saved")
    if wanted in THEMES[1:]:
        answer.set_cookie("theme", wanted, max_age=31536000, samesite="lax")
    else:
        answer.delete_cookie("theme")
    return answer
