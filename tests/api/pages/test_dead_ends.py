"""Whoever only looks finds no link that is refused and no form that would be; nobody finds one that
leads nowhere."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.pages.filled import PROJECT, fill
from tests.api.pages.filled_more import fill_more

_LINK = re.compile(r'(?:href|hx-get)="(/[^"]*)"')
_FORM = re.compile(r'<form method="post" action="([^"]*)"|formaction="([^"]*)"')
_SHAPE = re.compile(r"run-\d+|[0-9a-f]{40}|(?<==)[^&]+")
_EACH = 3  # of pages that differ by an id only, so many are looked at


@pytest.fixture
def team(store: SqlStore, home: Path) -> SqlStore:
    """A store with everything."""
    fill(store, home / "artifacts" / PROJECT, runs=32)
    fill_more(store, home / "more")
    return store


@pytest.mark.parametrize("role", ["viewer", "developer", "admin"])
def test_no_link_is_dead_and_no_button(
    service: TestClient, team: SqlStore, as_user: Callable[..., TestClient], role: str
) -> None:
    client = as_user(role, PROJECT)
    client.headers["accept"] = "text/html"
    found = {"/": "", f"/projects/{PROJECT}": ""}
    dead = list[tuple[object, ...]]()
    waiting, shapes, forms = list(found), dict[str, int](), dict[str, str]()
    while waiting:
        path = waiting.pop()
        answer = client.get(path, follow_redirects=True)
        is_away = answer.status_code == 409 and "/gateway/" in path  # no gateway runs here
        if answer.status_code not in (200, 204) and not is_away:
            dead.append((answer.status_code, path, "from", found[path]))
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        for match in _FORM.finditer(answer.text):
            forms.setdefault(html.unescape(match[1] or match[2]), path)
        for match in _LINK.finditer(answer.text):
            link = html.unescape(match[1]).partition("#")[0]
            shape = _SHAPE.sub("*", link)
            if link in found or link.startswith(("/static/", "/api/")):
                continue
            shapes[shape] = shapes.get(shape, 0) + 1
            if shapes[shape] <= _EACH:
                found[link] = path
                waiting.append(link)
    assert not dead, "\n".join(map(str, dead))
    assert len(found) > 100
    if role == "viewer":
        mine = ("/account", "/logout", "/projects/-/new", f"/projects/{PROJECT}/compare",
                f"/projects/{PROJECT}/features/vectors/churn/lookup")  # fmt: skip
        assert not {key: at for key, at in forms.items() if not key.startswith(mine)}
    else:
        assert len(forms) > 20
