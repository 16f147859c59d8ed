"""Logging in, in a real browser: by a password, by another service, and out again."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.tracking.store import SqlStore
from tests.api.pages.looking import faults_of
from tests.api.people import PASSWORD

pytestmark = pytest.mark.slow
_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Somebody else's login."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        issuer = f"http://localhost:{port}"
        end = time.monotonic() + 60
        while True:
            try:
                with urlopen(f"{issuer}/.well-known/openid-configuration", timeout=5):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.05)
        yield issuer
        process.terminate()


@pytest.fixture(scope="module")
def address(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service where one must log in; ada may look at churn."""
    folder = tmp_path_factory.mktemp("login")
    store = SqlStore(f"sqlite:///{folder}/store.db")
    for name in ("churn", "secret"):
        store.store_project({"metadata": {"name": name}, "spec": {}})
    add_user(store, "ada", password=PASSWORD)
    set_member(store, "churn", "ada", "viewer")
    store.close()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.api.pages.serving", str(folder), "required"],
        cwd=_ROOT,
        env={
            **os.environ, "MLRUN_LIKE_HOME": str(folder), "MLRUN_LIKE_OIDC_ISSUER": provider,
            "MLRUN_LIKE_OIDC_CLIENT_ID": "mlrun-like", "MLRUN_LIKE_OIDC_CLIENT_SECRET": "a secret",
            "MLRUN_LIKE_OIDC_LABEL": "Log in with Example",
        },
        stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        found = process.stdout.readline().strip()
        assert found.startswith("http://"), "the service did not start"
        try:
            yield found
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """A tab of somebody who has not been here."""
    context = chromium.new_context(base_url=address)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_by_a_password_and_out_again(page: Page) -> None:
    page.goto("/projects/churn/runs?state=error")
    expect(page.locator("h1")).to_have_text("Log in")
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile(r"/projects/churn/runs\?state=error$"))
    assert "New run" not in page.content()  # a viewer starts none
    answer = page.goto("/projects/secret")
    assert answer is not None and answer.status == 404
    (cookie,) = [one for one in page.context.cookies() if "session" in one["name"].lower()]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    page.goto("/")
    page.locator("details.user summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    kept: Any = cookie  # by somebody who copied it
    page.context.add_cookies([kept])
    page.goto("/projects/churn")
    expect(page.locator("h1")).to_have_text("Log in")


def test_by_another_service(page: Page) -> None:
    page.goto("/login?next=/account")
    page.get_by_role("link", name="Log in with Example").click()
    page.locator("input[name=sub]").fill("grace")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/account$"))
    expect(page.locator("details.user summary")).to_contain_text("grace")


def test_the_page_itself(page: Page) -> None:
    assert not faults_of(page, "/login")
    assert not faults_of(page, "/login?failed=often&next=https://evil.example/")
    assert "evil" not in page.content()
