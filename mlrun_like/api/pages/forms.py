"""Forms: reading them, fields, buttons, and pages that ask before something goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from mlrun_like.api.pages.words import whole
from mlrun_like.drawing.markup import Html, element
from mlrun_like.errors import InvalidArgumentError, TooLargeError

__all__ = ["Form", "asking", "button", "choice", "csrf_field", "field", "post_form", "read_form",
           "sure"]  # fmt: skip

_MOST = 1 << 20
_FIELDS = 2000


class Form:
    """The fields of a form that was sent.

    Args:
        fields: Values by name.

    >>> Form({"a": ["1", "2"]}).all("a"), Form({})["x"]
    (['1', '2'], '')
    """

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self.fields = fields

    def __getitem__(self, name: str) -> str:
        """The last value of a field; empty if there is none."""
        return self.fields.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        """All values of a field."""
        return list(self.fields.get(name, []))


async def read_form(request: Request) -> Form:
    """The form that was sent.

    Raises:
        TooLargeError: if it has more than 1 MiB.
        InvalidArgumentError: if it is none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise InvalidArgumentError(
            f"a form of type {kind[:60]!r} cannot be read",
            fix="send application/x-www-form-urlencoded",
        )
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > _MOST:
            raise TooLargeError("the form has more than 1 MiB", fix="send less")
    try:
        found = parse_qs(
            read.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"
        )
    except ValueError as exc:
        raise InvalidArgumentError("the form cannot be read", fix="send it as UTF-8") from exc
    return Form(found)


def csrf_field(request: Request) -> Html:
    """The hidden field that every form needs which changes something."""
    token = request.scope.get("mlrun_like.csrf", "")
    return element("input", type="hidden", name="csrf_token", value=token)


def post_form(
    request: Request, action: str, *parts: Any, kind: str = "stack", label: str = ""
) -> Html:
    """A form that changes something.

    Args:
        request: The request whose page it stands on.
        action: Where it is sent.
        parts: Fields and buttons.
        kind: `stack` (fields below each other) or `inline`.
        label: Its name for screen readers.
    """
    return element(
        "form", csrf_field(request), *parts, method="post", action=action, class_=kind,
        aria_label=label or None,
    )  # fmt: skip


def field(name: str, label: str, value: Any = "", *, note: str = "", **attributes: Any) -> Html:
    """A labelled field; `type="textarea"` gives several lines.

    >>> 'value="&lt;"' in field("a", "A", "<")
    True
    """
    key = f"f-{name}"
    kind = attributes.pop("type", "text")
    under = element("small", note, id=f"{key}-note") if note else ""
    told = f"{key}-note" if note else None
    if kind == "textarea":
        control = element("textarea", whole(str(value)), name=name, id=key,
                          aria_describedby=told, **attributes)  # fmt: skip
    else:
        control = element("input", type=kind, name=name, id=key, value=value,
                          aria_describedby=told, **attributes)  # fmt: skip
    return element("p", element("label", label, for_=key), control, under, class_="field")


def choice(
    name: str, label: str, options: Iterable[tuple[str, str]], chosen: str = "", note: str = ""
) -> Html:
    """A labelled choice of one; options are (value, label).

    >>> choice("a", "A", [("1", "one"), ("2", "two")], "1").count('selected="selected"')
    1
    """
    key = f"f-{name}"
    rows = [
        element("option", words, value=value, selected="selected" if value == chosen else None)
        for value, words in options
    ]
    under = element("small", note) if note else ""
    control = element("select", *rows, name=name, id=key)
    return element("p", element("label", label, for_=key), control, under, class_="field")


def button(label: str, kind: str = "", **attributes: Any) -> Html:
    """A button that sends its form; kinds: empty, `main`, `danger`.

    >>> button("Go", "main")
    '<button type="submit" class="main">Go</button>'
    """
    return element("button", label, type="submit", class_=kind or None, **attributes)


def sure(label: str, about: str, question: str, form: str) -> Html:
    """A form that is behind a question, on the page itself; it works without scripts.

    Args:
        label: The word that opens it: `Revoke…`.
        about: What it is about, for those who do not see the row.
        question: What goes.
        form: The form with the button that does it.

    >>> sure("Revoke…", "laptop", "Revoke it?", Html("<form></form>")).count("<summary")
    1
    """
    opens = element("summary", label, class_="button danger", aria_label=f"{label} {about}")
    return element("details", opens, element("p", question), Html(form), class_="sure")


def asking(
    request: Request, action: str, question: str, goes: Iterable[Any], *, verb: str, back: str,
    hidden: Iterable[tuple[str, str]] = (),
) -> Html:  # fmt: skip
    """What a page shows that asks before something goes: the question, what goes, two ways on.

    Args:
        request: The request.
        action: Where the answer "yes" is sent.
        question: One sentence.
        goes: Names of what goes; the first fifty are listed.
        verb: The word on the button: `Delete 3 runs`.
        back: The address of the way back.
        hidden: Fields that go along.
    """
    names = list(goes)
    rows = [element("li", name) for name in names[:50]]
    if len(names) > 50:
        rows.append(element("li", f"and {len(names) - 50} more"))
    fields = [element("input", type="hidden", name=name, value=value) for name, value in hidden]
    return element(
        "section", element("p", question, class_="question"),
        element("ul", *rows) if rows else "",
        post_form(request, action, *fields, button(verb, "danger"),
                  element("a", "Keep it", href=back, class_="button"), kind="inline"),
        class_="asking", aria_label="confirm",
    )  # fmt: skip
