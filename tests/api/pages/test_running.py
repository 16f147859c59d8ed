"""Pages of what really runs, in Chromium: a deployed function, its graph, a run from a form."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import close_stores
from tests.api.pages.filled import PROJECT
from tests.api.pages.looking import faults_of
from tests.gateway.gateways import gateway_at, get

pytestmark = pytest.mark.slow
P = f"/projects/{PROJECT}"
ECHO = """
def handler(context, event):
    print("asked for", event.path, flush=True)
    return {"version": VERSION}
"""
GRAPH = """
from mlrun_like.configuration import config
from mlrun_like.serving.observe.recording import Recorder

def record(server):
    server.observe(Recorder(config.path("recordings", "churn", "pricer"), steps=True))

class Clean:
    def do(self, body):
        return {**body, "clean": True}

class Price:
    def do(self, body):
        if body["days"] < 0:
            raise ValueError("days that are over")
        return {"price": body["days"] * 2}
"""
SPEAKER = """
import pathlib, time

def speak(context, words: str, until: str, times: int = 1):
    for at in range(times):
        print("says", words, at, flush=True)
    while not pathlib.Path(until).exists():
        time.sleep(0.05)
    print("and ends", flush=True)
    context.log_result("said", times)
"""

FLOW = """
import pathlib, time
import mlrun_like as ml

@ml.function()
def wait(until: str, name: str):
    print("waits", name, flush=True)
    while not pathlib.Path(until).exists():
        time.sleep(0.05)
    return name

@ml.function()
def end(name: str):
    print("ends", name, flush=True)

@ml.pipeline
def flow(until: str, name: str = "one"):
    end(wait(until, name))
"""


@pytest.fixture
def page(chromium: Browser, live_pages: str) -> Iterator[Page]:
    """A tab; what the console complains of fails the test."""
    context = chromium.new_context(base_url=live_pages, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    found = context.new_page()
    complaints: list[str] = []
    found.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    found.on("pageerror", lambda exc: complaints.append(str(exc)))
    yield found
    context.close()
    # a page that is answered with 422 is one of its errors
    assert not [one for one in complaints if "422" not in one]


@pytest.fixture
def gateway(pages_folder: Path, live_pages: str) -> Iterator[str]:
    """The gateway of the service's machine, with two versions of a function and a graph."""
    config.dbpath = f"sqlite:///{pages_folder}/store.db"
    with gateway_at(pages_folder) as url:
        _echo(1)
        _echo(2)
        graph: Any = ml.new_function("pricer", project=PROJECT, kind="serving")
        graph.with_code(body=GRAPH)
        flow = graph.set_topology("flow", engine="sync")
        flow.to("Clean", name="clean").to("Price", name="price").respond()
        graph.spec.graph_initializer = "record"
        graph.deploy()
        yield url
    close_stores()


def _echo(version: int, **how: Any) -> None:
    fn: Any = ml.new_function("echo", project=PROJECT, kind="nuclio")
    fn.with_code(body=ECHO.replace("VERSION", str(version)))
    fn.deploy(**how)


def test_a_deployed_function_and_a_graph(page: Page, gateway: str) -> None:
    page.goto(f"{P}/gateway")
    expect(page.get_by_role("row", name=re.compile("echo"))).to_contain_text("version 2")
    page.get_by_role("link", name="echo").click()
    _versions(page, gateway)
    _graph(page)
    for path in ("/gateway", "/gateway/echo", "/graphs/pricer", "/graphs/pricer/events"):
        assert not faults_of(page, P + path), path


def _versions(page: Page, gateway: str) -> None:
    """Shares by slider, who answers then, limits, back, a rollout; the log."""
    share = page.get_by_role("slider", name="Version 1", exact=False)
    share.focus()
    page.keyboard.press("End")
    expect(page.get_by_label("Version 2").first).to_have_value("0")
    page.get_by_role("button", name="Change the shares").click()
    expect(page.get_by_role("status").first).to_have_text("Saved.")
    assert {get(gateway, f"/{PROJECT}/echo/hello")[1] for _ in range(4)} == {b'{"version": 1}'}
    expect(page.locator("#work")).to_contain_text("asked for /hello")  # without a reload
    expect(page.locator("#work")).to_contain_text("ready")
    expect(page.get_by_role("group", name="phases", exact=False)).to_contain_text("import")
    page.get_by_label("Most replicas").fill("3")
    page.get_by_role("button", name="Change the limits").click()
    expect(page.locator("#numbers")).to_contain_text("0 to 3")
    page.get_by_role("link", name="Roll back").click()
    expect(page.locator("main")).to_contain_text("version 2 100 %")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("status").first).to_have_text("Saved.")
    assert get(gateway, f"/{PROJECT}/echo/")[1] == b'{"version": 2}'
    _echo(3, strategy="canary", steps=[20, 100], seconds=600, requests=50)
    page.reload()
    expect(page.get_by_role("region", name="Rollout")).to_contain_text("version 3 gets 20 %")
    page.get_by_role("button", name="Give all traffic").click()
    expect(page.get_by_role("region", name="Rollout")).to_have_count(0)
    page.get_by_role("link", name="Try it").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Answer")).to_contain_text('"version": 3')


def _graph(page: Page) -> None:
    """Times of steps, an answer, a failure, what was recorded, and the same again."""
    page.goto(f"{P}/graphs/pricer/try")
    page.get_by_label("Path").fill("/")
    for body, told in (('{"days": 4}', '"price": 8'), ('{"days": -1}', "days that are over")):
        page.get_by_label("Body (JSON)").fill(body)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("region", name="Answer")).to_contain_text(told)
    page.get_by_label("Body (JSON)").fill("{days: 4")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("no JSON")
    expect(page.get_by_label("Body (JSON)")).to_have_value("{days: 4")
    page.get_by_role("link", name="Graph", exact=True).click()
    row = page.get_by_role("row", name=re.compile("^price"))
    expect(row.get_by_role("cell").nth(3)).to_have_text("2")
    expect(row.get_by_role("cell").nth(5)).to_have_text("1")
    page.get_by_role("link", name="Recorded events").click()
    page.get_by_role("row", name=re.compile("200")).get_by_role("link").click()
    expect(page.locator("main")).to_contain_text('"days": 4')
    page.get_by_role("button", name="Send it again").click()
    expect(page.get_by_role("status").first).to_contain_text("The same answer as recorded")
    page.get_by_role("link", name="Try it").click()  # has no schema, but was asked before
    expect(page.get_by_label("Body (JSON)")).to_have_value(re.compile('"days": 4'))


def test_a_run_is_started_and_followed(page: Page, pages_folder: Path) -> None:
    config.dbpath = f"sqlite:///{pages_folder}/store.db"
    fn: Any = ml.new_function("speaker", project=PROJECT, kind="job")
    fn.with_code(body=SPEAKER)
    fn.spec.default_handler = "speak"
    fn.save()
    close_stores()
    until = pages_folder / f"until-{time.time_ns()}"
    page.goto(f"{P}/functions/speaker?tab=run")
    page.get_by_role("button", name="Start the run").click()  # required fields are empty
    expect(page).to_have_url(re.compile("tab=run"))
    page.get_by_label("words").fill("a <b> c")
    page.get_by_label("until").fill(str(until))
    page.get_by_label("times").fill("3")
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator("#state")).to_contain_text("running")
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.locator("#log")).to_contain_text("says a <b> c 2")
    expect(page.locator("#log")).not_to_contain_text("and ends")
    until.touch()
    expect(page.locator("#log")).to_contain_text("and ends")
    expect(page.locator("#state")).to_contain_text("completed")
    page.get_by_role("link", name="Overview", exact=True).last.click()
    expect(page.locator("main")).to_contain_text("said")


def test_a_pipeline_is_started_stopped_and_goes_on(
    page: Page, pages_folder: Path, tmp_path: Path
) -> None:
    config.dbpath = f"sqlite:///{pages_folder}/store.db"
    (tmp_path / "flow.py").write_text(FLOW)
    project: Any = ml.get_or_create_project("flows", str(tmp_path))
    project.set_workflow("main", "flow.py", embed=True, handler="flow")
    project.save()
    close_stores()
    until = tmp_path / "until"
    page.goto("/projects/flows/pipelines")
    page.get_by_label("arguments of main").fill("{until")
    page.get_by_role("button", name="Start main").click()
    expect(page.get_by_role("alert")).to_contain_text("no JSON")
    page.get_by_label("arguments of main").fill(json.dumps({"until": str(until)}))
    page.get_by_role("button", name="Start main").click()
    page.locator("#run svg a").first.click()  # its process has begun: the graph is there
    expect(page.locator("#step .log")).to_contain_text("waits one")  # while it runs
    page.get_by_role("link", name="Stop").click()
    expect(page.locator("main")).to_contain_text("step wait")
    page.get_by_role("button", name="Stop the pipeline").click()
    expect(page.locator("#run")).to_contain_text("It was stopped while 1 step ran")
    until.touch()
    page.get_by_role("button", name="Go on from here").click()
    expect(page.locator(".titled")).to_contain_text("completed")
    expect(page.locator("#run")).to_contain_text("2 of 2")
    page.locator("#run svg a").first.click()
    expect(page.locator("#step")).to_contain_text("flows/wait")  # and not of another project
    page.goto("/projects/flows/pipelines")
    expect(page.get_by_role("table", name="runs of pipelines")).to_contain_text("completed")
    assert not faults_of(page, "/projects/flows/pipelines")
