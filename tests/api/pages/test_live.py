"""Live parts: they hear of changes by events, and are polled where no events can be had."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from mlrun_like.tracking.store import SqlStore
from tests.api.pages.filled import PROJECT

pytestmark = pytest.mark.slow
RUNS = f"/projects/{PROJECT}/runs"


@pytest.fixture
def store_of_pages(live_pages: str, pages_folder: Path) -> Iterator[SqlStore]:
    """The store of the service, opened by another process: this one."""
    store = SqlStore(f"sqlite:///{pages_folder}/store.db")
    yield store
    store.close()


@pytest.fixture
def page(chromium: Browser, live_pages: str) -> Iterator[Page]:
    """A tab that fails the test if it complains."""
    said: list[str] = []
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, base_url=live_pages)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("pageerror", lambda one: said.append(str(one)))
    yield page
    context.close()
    assert not said


def _store_run(store: SqlStore, uid: str, state: str) -> None:
    store.store_run({
        "metadata": {"name": uid, "uid": uid, "project": PROJECT, "iteration": 0},
        "status": {"state": state, "start_time": "2031-01-01T00:00:00+00:00"},
    })  # fmt: skip


def test_a_table_hears_of_a_new_run_and_is_not_polled_meanwhile(
    page: Page, store_of_pages: SqlStore
) -> None:
    # so that a poll alone would not be there before the test gives up
    page.add_init_script("var old = setTimeout; window.setTimeout = function (run, wait) {"
                         "return old(run, wait >= 2000 ? 1e7 : wait); };")  # fmt: skip
    with page.expect_response(re.compile(r"/events\?kind=run")) as opened:
        page.goto(RUNS)
    assert opened.value.headers["content-type"].startswith("text/event-stream")
    _store_run(store_of_pages, "heard-1", "running")
    row = page.locator("#row-heard-1")
    expect(row).to_contain_text("running")
    store_of_pages.set_run_state(PROJECT, "heard-1", 0, "aborted", "")
    expect(row).to_contain_text("aborted")


def test_logs_hear_of_lines(page: Page, store_of_pages: SqlStore) -> None:
    _store_run(store_of_pages, "heard-2", "running")
    page.add_init_script("var old = setTimeout; window.setTimeout = function (run, wait) {"
                         "return old(run, wait >= 2000 ? 1e7 : wait); };")  # fmt: skip
    page.goto(f"{RUNS}/heard-2?tab=log")
    expect(page.locator("#log")).to_contain_text("No line yet")
    store_of_pages.append_log(PROJECT, "heard-2", b"first line\n")
    store_of_pages.flush()
    expect(page.locator("#log")).to_contain_text("first line")
    store_of_pages.set_run_state(PROJECT, "heard-2", 0, "completed", "")
    expect(page.locator("#state")).to_contain_text("completed")
    expect(page.get_by_role("link", name="Delete…")).to_be_visible()
    expect(page.get_by_role("link", name="Abort…")).to_have_count(0)
    expect(page.locator("#state[data-hears]")).to_have_count(0)


def test_without_events_parts_are_polled(page: Page, store_of_pages: SqlStore) -> None:
    _store_run(store_of_pages, "heard-3", "running")
    page.route(re.compile(r"/api/v1/.*(events|follow)"), lambda route: route.abort())
    page.goto(f"{RUNS}/heard-3")
    expect(page.locator("#state")).to_contain_text("running")
    store_of_pages.set_run_state(PROJECT, "heard-3", 0, "aborted", "")
    expect(page.locator("#state")).to_contain_text("aborted")


def test_a_page_that_nobody_sees_holds_no_stream(page: Page, store_of_pages: SqlStore) -> None:
    page.add_init_script("""
        window.streams = [];
        var Real = EventSource;
        window.EventSource = function (address) {
            var one = new Real(address); window.streams.push(one); return one;
        };
        var hidden = false;
        Object.defineProperty(document, "hidden", { get: function () { return hidden; } });
        window.hide = function (on) {
            hidden = on; document.dispatchEvent(new Event("visibilitychange"));
        };
    """)
    page.goto(RUNS)
    states = "window.streams.map(function (one) { return one.readyState; })"
    assert len(page.evaluate(states)) == 1
    page.evaluate("hide(true)")
    assert page.evaluate(states) == [2]
    page.evaluate("hide(false)")
    assert len(page.evaluate(states)) == 2


def test_values_are_told_under_the_pointer(page: Page, store_of_pages: SqlStore) -> None:
    page.goto(f"{RUNS}/run-done?tab=metrics")
    chart = page.locator("svg[data-lines]").first
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 14, box["y"] + 60)
    expect(chart.locator(".hover text").first).to_have_text("59")
    last = chart.locator(".hover text").nth(1)
    shown = page.locator("figcaption").first.inner_text()
    told = re.search(r"last ([\d.]+)", shown)
    assert told is not None
    assert abs(float(last.text_content() or "") - float(told[1])) < 0.005
    page.mouse.move(5, 5)
    expect(chart.locator(".hover")).to_have_count(0)


def test_iterations_are_sorted_by_a_click(page: Page, store_of_pages: SqlStore) -> None:
    page.goto(f"{RUNS}/run-sweep?tab=iterations")
    page.get_by_role("button", name="accuracy").click()
    cells = page.locator("table[data-sortable] tbody tr td:nth-child(5)")
    found = [float(one) for one in cells.all_inner_texts()]
    assert found == sorted(found, reverse=True) and len(found) == 24
    page.get_by_role("button", name="accuracy").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("accuracy")
    assert float(cells.first.inner_text()) == min(found)


def test_names_are_found_in_a_long_list(page: Page, store_of_pages: SqlStore) -> None:
    store_of_pages.store_run({
        "metadata": {"name": "many", "uid": "heard-many", "project": PROJECT},
        "spec": {"parameters": {f"parameter_{at}": at for at in range(300)}},
        "status": {"state": "completed", "start_time": "2031-01-01T00:00:00+00:00"},
    })  # fmt: skip
    page.goto(f"{RUNS}/heard-many")
    names = page.locator("#parameters dt:visible")
    expect(names).to_have_count(300)
    page.get_by_placeholder("Find among 300").fill("_29")
    expect(names).to_have_count(11)
