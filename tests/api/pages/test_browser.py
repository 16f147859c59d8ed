"""Pages in real Chromium: no console error, nothing that axe calls serious, keys, live parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from mlrun_like.tracking.store import SqlStore
from tests.api.pages.filled import PROJECT
from tests.api.pages.looking import faults_of

pytestmark = pytest.mark.slow
P = f"/projects/{PROJECT}"
RUNS = f"{P}/runs"
COMPARED = f"{P}/compare?uid=run-0000&uid=run-0001&uid=run-done&uid=run-0005"
PAGES = {
    "projects": "/", "project": P, "runs": RUNS, "run": f"{RUNS}/run-done",
    "failed": f"{RUNS}/run-failed", "log": f"{RUNS}/run-done?tab=log",
    "run-artifacts": f"{RUNS}/run-done?tab=artifacts", "lineage": f"{RUNS}/run-done?tab=lineage",
    "sweep": f"{RUNS}/run-sweep?tab=iterations", "hostile": f"{RUNS}/run-hostile",
    "compare": COMPARED, "delete": f"{RUNS}/-/delete?uid=run-done", "artifacts": f"{P}/artifacts",
    "table": f"{P}/artifacts/customers", "html": f"{P}/artifacts/report",
    "markdown": f"{P}/artifacts/notes", "image": f"{P}/artifacts/confusion",
    "model": f"{P}/artifacts/churn-model", "functions": f"{P}/functions",
    "function": f"{P}/functions/trainer", "source": f"{P}/functions/trainer?tab=source",
    "form": f"{P}/functions/trainer?tab=run", "versions": f"{P}/functions/trainer?tab=versions",
    "project-settings": f"{P}/settings", "empty": "/projects/empty/runs",
    "new-project": "/projects/-/new", "search": "/search?q=train", "account": "/account",
    "settings": "/settings", "users": "/users", "audit": "/audit", "tasks": "/tasks",
}  # fmt: skip


@pytest.fixture
def said() -> list[str]:
    """What the browser complains about."""
    return []


@pytest.fixture
def page(chromium: Browser, live_pages: str, said: list[str]) -> Iterator[Page]:
    """A page of a fresh browser that goes to addresses of the service."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 860}, base_url=live_pages, color_scheme="light"
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda one: said.append(str(one)))
    page.on("dialog", lambda one: said.append(f"dialog {one.message}"))
    yield page
    context.close()


def test_pages_are_sound_accessible_and_fit_a_phone(page: Page, said: list[str]) -> None:
    faults = {}
    for name, path in PAGES.items():
        if (found := faults_of(page, path)) or said:
            faults[name] = [*found, *said]
            said.clear()
    assert not faults


def test_keys(page: Page, said: list[str]) -> None:
    page.goto(RUNS)
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    row = page.locator("tr.here")
    expect(row).to_have_count(1)
    page.keyboard.press("x")
    expect(row.locator("input[data-select]")).to_be_checked()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next, previous row")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"{RUNS}/\w"))
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.locator("h1")).to_have_text("Artifacts")
    assert not said


def test_the_first_key_leads_to_the_content(page: Page) -> None:
    page.goto(RUNS)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_the_theme_stays(page: Page, said: list[str]) -> None:
    page.goto("/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("details.user summary").click()
    page.get_by_role("button", name="Switch theme").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.goto(RUNS)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark != light
    assert not said


def test_selected_runs_are_compared_and_brushed(page: Page, said: list[str]) -> None:
    page.goto(f"{RUNS}?name=train")
    compare = page.get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    for at in range(4):
        page.locator("input[data-select]").nth(at).check()
    expect(compare).to_have_text("Compare (4)")
    compare.click()
    expect(page.locator("h1")).to_have_text("Compare")
    lines = page.locator("path.pc")
    expect(lines).to_have_count(4)
    axis = page.locator(".axis-hit").first.bounding_box()
    assert axis is not None
    x = axis["x"] + axis["width"] / 2
    page.mouse.move(x, axis["y"] + axis["height"] - 3)
    page.mouse.down()
    page.mouse.move(x, axis["y"] + axis["height"] - 9, steps=3)
    page.mouse.up()
    assert 0 < page.locator("path.pc.off").count() <= 4
    page.get_by_role("button", name="Show all lines").click()
    expect(page.locator("path.pc.off")).to_have_count(0)
    assert not said


def test_columns_are_chosen_and_stay_in_the_address(page: Page, said: list[str]) -> None:
    page.goto(RUNS)
    page.locator("summary", has_text="Columns").click()
    page.locator("input[value='param.kind']").check()
    page.get_by_role("button", name="Show these").click()
    expect(page.locator("th", has_text="kind")).to_have_count(1)
    assert "column=param.kind" in page.url
    page.locator("th a", has_text="Took").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Took")
    expect(page.locator("th", has_text="kind")).to_have_count(1)
    assert not said


def test_logs_are_followed_searched_and_wrapped(page: Page, said: list[str]) -> None:
    page.goto(f"{RUNS}/run-done?tab=log")
    log = page.locator("#log")
    assert page.evaluate("log.scrollTop + log.clientHeight >= log.scrollHeight - 30")
    page.get_by_placeholder("Search the log").fill("epoch 123")
    expect(log.locator("mark")).to_have_count(1)
    page.get_by_role("button", name="Wrap lines").click()
    expect(log).to_have_class(re.compile("wrap"))
    with page.expect_download() as got:
        page.get_by_role("link", name="Download").click()
    assert "epoch 0 loss" in Path(got.value.path()).read_text()
    assert not said


def test_live_parts_follow_the_store(
    page: Page, said: list[str], live_pages: str, pages_folder: Path
) -> None:
    store = SqlStore(f"sqlite:///{pages_folder}/store.db")
    try:
        page.goto(f"{RUNS}/run-running?tab=log")
        expect(page.locator("#log")).to_contain_text("epoch 1 loss 0.52")
        store.append_log(PROJECT, "run-running", b"epoch 2 <b>loss</b> 0.41\n")
        store.flush()
        expect(page.locator("#log")).to_contain_text("epoch 2 <b>loss</b> 0.41")
        expect(page.locator("#state")).to_contain_text("running")
        store.set_run_state(PROJECT, "run-running", 0, "aborting", "")
        expect(page.locator("#state")).to_contain_text("aborting")
    finally:
        store.close()
    assert not said


def test_html_of_artifacts_cannot_reach_the_page(page: Page, said: list[str]) -> None:
    page.goto(f"{P}/artifacts/report")
    inside = page.frame_locator("iframe")
    expect(inside.locator("#p")).to_have_text("ran in a sandbox")
    expect(page).to_have_title(re.compile("report"))
    page.goto(f"{RUNS}/run-hostile?tab=log")
    page.goto(f"{RUNS}/run-hostile")
    assert not [one for one in said if "dialog" in one]


def test_all_works_without_scripts(chromium: Browser, live_pages: str) -> None:
    context = chromium.new_context(base_url=live_pages, java_script_enabled=False)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(RUNS)
    boxes = page.locator("input[name=uid]")
    boxes.nth(3).check()
    boxes.nth(4).check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("h1")).to_have_text("Compare")
    page.goto(f"{RUNS}?state=error")
    page.locator("a[href$='/run-failed']").first.click()
    expect(page.locator(".trouble")).to_contain_text("ValueError")
    page.locator("summary", has_text="Project").first.click()
    page.get_by_role("link", name="All projects").click()
    expect(page.locator("h1")).to_have_text("Projects")
    page.goto("/account")
    page.get_by_label("Theme").select_option("dark")
    page.get_by_role("button", name="Set", exact=True).click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    context.close()


def test_the_switcher_fetches_projects_when_it_is_opened(page: Page, said: list[str]) -> None:
    page.goto(RUNS)
    page.locator("details.switch summary").first.click()
    expect(page.get_by_role("link", name="fraud")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="fraud")).to_be_hidden()
    assert not said
