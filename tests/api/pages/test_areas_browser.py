"""The pages of areas in a real Chromium: no error, nothing that axe finds, and what moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from mlrun_like.api.pages.parts.deployed import split_form
from mlrun_like.api.pages.parts.look import Look
from tests.api.pages.filled import PROJECT
from tests.api.pages.filled_more import PIPELINES
from tests.api.pages.looking import faults_of
from tests.api.pages.test_areas import PAGES

pytestmark = pytest.mark.slow
P = f"/projects/{PROJECT}"
_WHOLE = [path for path in PAGES if "/explain" not in path and "/step?" not in path]


@pytest.fixture
def page(chromium: Browser, live_pages: str) -> Iterator[Page]:
    """A tab; what the console complains of fails the test."""
    context = chromium.new_context(base_url=live_pages, viewport={"width": 1280, "height": 900})
    found = context.new_page()
    complaints: list[str] = []
    found.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    found.on("pageerror", lambda exc: complaints.append(str(exc)))
    yield found
    context.close()
    assert not complaints


def test_pages_are_clean(page: Page) -> None:
    faults = {path: found for path in _WHOLE if (found := faults_of(page, P + path))}
    assert not faults


def test_a_live_graph(page: Page) -> None:
    page.goto(f"{P}/pipelines/{PIPELINES['running']}")
    with page.expect_response("**/live?*"):
        pass  # it asks by itself
    step = page.get_by_role("link", name="clean, ✓ completed", exact=False)
    step.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#step")).to_contain_text("its input 'value' is another one")
    page.goto(f"{P}/pipelines/{PIPELINES['running']}?step=clean")
    expect(page.locator("#step")).to_contain_text("Step clean")


def test_a_cron_expression_is_explained_as_it_is_typed(page: Page) -> None:
    page.goto(f"{P}/schedules/new")
    told = page.locator("#cron-told")
    expect(told).to_contain_text("At 06:00")
    page.get_by_label("When (cron)").fill("*/5 * * * *")
    expect(told).to_contain_text("Every fifth minute")
    page.get_by_label("When (cron)").fill("nonsense")
    expect(told).to_contain_text("cannot be read")


def test_without_scripts(chromium: Browser, live_pages: str) -> None:
    context = chromium.new_context(base_url=live_pages, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{P}/schedules/new")
    page.get_by_label("When (cron)").fill("0 7 * * SUN")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#cron-told")).to_contain_text("At 07:00 on Sunday")
    page.goto(f"{P}/pipelines/{PIPELINES['failed']}")
    page.get_by_role("link", name="train[2]").first.click()
    expect(page.locator("#step")).to_contain_text("Step train[2]")
    page.goto(f"{P}/features/vectors/churn?tab=lookup")
    page.get_by_label("Entity (JSON)").fill('{"customer": "c5"}')
    page.get_by_role("button", name="Look up").click()
    expect(page.locator("#answer")).to_contain_text("customer=c5")
    page.goto(f"{P}/models/leaver/promote")
    page.get_by_label("Gates").fill("auc >= 0.99")
    page.get_by_label("Why").fill("a look")
    page.get_by_role("button", name="Check the gates only").click()
    expect(page.get_by_role("status")).to_contain_text("would be rejected")
    context.close()


def test_sliders_of_shares(page: Page) -> None:
    status = {"name": "scorer", "versions": [{"number": 1, "weight": 90.0},
                                             {"number": 2, "weight": 10.0}]}  # fmt: skip
    made = split_form(status, Look(PROJECT))
    # The script of the page is run over the form as the gateway's page has it.
    page.route(
        f"**{P}/gateway",
        lambda route: route.fulfill(
            response=(answer := route.fetch()),
            body=answer.text().replace("</main>", f"{made}</main>"),
        ),
    )
    page.goto(f"{P}/gateway")
    first, second = page.get_by_label("Version 1").first, page.get_by_label("Version 2").first
    slider = page.get_by_role("slider", name="Version 2", exact=False)
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(second).to_have_value("15")
    expect(first).to_have_value("85")
    first.fill("90")
    knob = page.get_by_role("button", name="Change the shares")
    expect(knob).to_be_disabled()
    expect(page.locator("[data-share-sum]")).to_have_text("105 %")
    second.fill("10")
    expect(knob).to_be_enabled()
