"""Pages and their data, through a real server and a real browser."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_like.monitoring.clock import simulated
from mlrun_like.monitoring.pages.frame import View
from mlrun_like.monitoring.pages.serve import RunningPages
from mlrun_like.monitoring.pages.show_endpoint import result_charts
from mlrun_like.monitoring.pages.show_incidents import incident_page
from mlrun_like.tracking.connect import close_stores, open_store
from tests.browser import Browser, browser
from tests.drawing.pages import HOSTILE, read
from tests.monitoring.worlds import add_endpoint, add_incident, add_many, add_results, add_run

MOMENT = 1_800_000_000.0
EVIL = "<script>alert(1)</script>\"'><b>é&/?#%2f"


@pytest.fixture
def pages() -> Iterator[str]:
    """A store with endpoints, and the address of its pages; the time stands."""
    with simulated(MOMENT):
        store = open_store()
        for number, status in enumerate((0, 1, 2)):
            add_endpoint(store, f"u{number}", MOMENT, name=f"m{number}")
            add_results(store, f"u{number}", MOMENT, status=status, windows=30)
        add_endpoint(store, "u9", MOMENT, project="q", batches=0, stats=False)
        add_incident(store, "u2", MOMENT)
        add_incident(store, "u1", MOMENT, number=2, state="resolved", severity="low")
        add_run(store, "r1")
        add_run(store, "r2", state="error")
        with RunningPages() as running:
            yield running.url
    close_stores()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    with browser() as found:
        yield found


def _get(url: str, **headers: str) -> tuple[int, str, Any]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read().decode(), exc.headers


def _post(url: str, fields: dict[str, str], **headers: str) -> tuple[int, str, Any]:
    data = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(url, data, headers=headers)
    opener = urllib.request.build_opener(_Stay)
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read().decode(), exc.headers


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def test_the_overview(pages: str) -> None:
    status, text, headers = _get(pages)
    assert status == 200
    content = " ".join(read(text).content)
    assert content.index("serve/m2:v1") < content.index("serve/m1:v1") < content.index("serve/m0")
    for words in ("drift detected", "possible drift", "no drift", "not judged", "400", "1.5%"):
        assert words in content, words
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY" and headers["cache-control"] == "no-store"
    assert 'http-equiv="refresh"' in text
    only = " ".join(read(_get(f"{pages}/?problem=drift")[1]).content)
    assert "serve/m2:v1" in only and "serve/m0:v1" not in only
    assert "serve/fraud:v1" not in _get(f"{pages}/?project=p")[1]


def test_the_same_as_json(pages: str) -> None:
    found = json.loads(_get(f"{pages}/?format=json")[1])
    rows = {one["uid"]: one for one in found["endpoints"]}
    assert rows["u2"]["drift_status"] == 2 and rows["u2"]["requests"] == 400
    assert rows["u2"]["latency_p50_ms"] == pytest.approx(1.0, rel=0.05)
    assert sum(rows["u2"]["requests_series"]) == 400 and rows["u2"]["incidents"] == 1
    one = json.loads(_get(f"{pages}/endpoints/p/u2?format=json")[1])
    amount, age, city = one["features"]
    assert (amount["name"], age["name"], city["name"]) == ("amount", "age", "city")
    assert amount["score"] == pytest.approx(0.75) and city["score"] is None
    assert len(one["series"]["histogram-data-drift.general_drift"]) == 30
    assert one["quality_windows"][0]["accuracy"] == 0.9
    assert json.loads(_get(f"{pages}/work?format=json")[1])["pipelines"][0]["seconds"] == 2.0
    incident = json.loads(_get(f"{pages}/incidents/p/1?format=json")[1])
    assert [line["kind"] for line in incident["time_line"]] == ["opened", "notification", "action"]
    assert _get(f"{pages}/metrics")[1].startswith("# HELP mlrun_like_monitoring_")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/endpoints/p/u2", ("general_drift", "accuracy", "store://models/p/m2:v1", "amount")),
        ("/endpoints/p/u2/drift", ("amount", "drift detected", "hellinger", "1.5")),
        ("/endpoints/q/u9", ("No window has been judged yet", "without a training set")),
        ("/incidents", ("drift-alert #1", "drift of u2", "Acknowledge")),
        ("/incidents?state=all", ("drift-alert #2", "resolved")),
        ("/incidents/p/1", ("Time line", "data-drift-detected", "slack", "Silence")),
        ("/work", ("retrain", "error", "2 s", "p95 ms")),
    ],
)
def test_pages_show_what_is_known(pages: str, path: str, words: tuple[str, ...]) -> None:
    status, text, _ = _get(pages + path)
    assert status == 200
    content = " ".join(read(text).content)
    for word in words:
        assert word in content or word in text, word
    assert len(text) < 300_000


@pytest.mark.parametrize(
    "path",
    ["/x", "/endpoints/p/none", "/endpoints/p", "/incidents/p/77", "/incidents/p/x", "/a/b/c/d"],
)
def test_what_is_not_there(pages: str, path: str) -> None:
    status, text, _ = _get(pages + path)
    assert status in (400, 404)
    read(text)


def _token(pages: str) -> tuple[str, str]:
    _, text, headers = _get(f"{pages}/incidents/p/1")
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    return found[1], cookie.partition(";")[0]


def test_incidents_are_taken_care_of(pages: str) -> None:
    token, cookie = _token(pages)
    place = f"{pages}/incidents/p/1"
    fields = {"token": token, "who": "ann", "note": EVIL}
    status, _, headers = _post(f"{place}/acknowledge", fields, Cookie=cookie, Origin=pages)
    assert (status, headers["location"]) == (303, "/incidents/p/1")
    fields["duration"] = "1h"
    assert _post(f"{place}/silence", fields, Cookie=cookie)[0] == 303
    content = read(_get(place)[1]).content
    assert "acknowledged" in content and "ann" in content
    assert any(EVIL in text for text in content) and any("silenced" in text for text in content)
    wrong = {**fields, "duration": "x"}
    assert _post(f"{place}/silence", wrong, Cookie=cookie)[0] == 400
    assert _post(f"{place}/acknowledge", {**fields, "who": ""}, Cookie=cookie)[0] == 400
    assert _post(f"{place}/explode", fields, Cookie=cookie)[0] == 404


def test_foreign_forms_are_refused(pages: str) -> None:
    token, cookie = _token(pages)
    place = f"{pages}/incidents/p/1/acknowledge"
    good = {"token": token, "who": "x"}
    for fields, headers in (
        ({"who": "x"}, {"Cookie": cookie}),
        ({"token": token[:-1] + "é", "who": "x"}, {"Cookie": cookie}),
        (good, {}),
        (good, {"Cookie": "mlrun_like_pages=other"}),
        (good, {"Cookie": cookie, "Origin": "http://evil.test"}),
        (good, {"Cookie": cookie, "Origin": "null"}),
        (good, {"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}),
    ):
        assert _post(place, fields, **headers)[0] == 403
    assert _post(place, {**good, "note": "x" * 20_000}, Cookie=cookie)[0] == 400
    assert _get(pages, Host="evil.test")[0] == 421
    assert json.loads(_get(f"{pages}/incidents?format=json")[1])["incidents"][0]["state"] == "open"


def test_read_only_pages_of_one_project(pages: str) -> None:
    with RunningPages(project="p", read_only=True) as running:
        status, text, headers = _get(f"{running.url}/incidents")
        assert status == 200 and "<form" not in text and headers["set-cookie"] is None
        assert _post(f"{running.url}/incidents/p/1/acknowledge", {"who": "x"})[0] == 403
        assert "serve/fraud:v1" not in _get(running.url)[1]
        assert _get(f"{running.url}/endpoints/q/u9")[0] == 404
        assert _get(f"{running.url}/?project=q")[0] == 404
        request = urllib.request.Request(running.url, method="HEAD")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.read() == b"" and int(answer.headers["content-length"]) > 1000


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_names(words: str) -> None:
    with simulated(MOMENT):
        store = open_store()
        words = words.replace("\0", "").replace("\ud800", "") or "x"
        add_endpoint(store, words, MOMENT, project=words, name=words, function=words)
        add_results(store, words, MOMENT, project=words, application=words)
        add_incident(store, words, MOMENT, project=words, name=words)
        add_run(store, "r1", project=words)
        place = f"{urllib.parse.quote(words, safe='')}/{urllib.parse.quote(words, safe='')}"
        with RunningPages() as running:
            for path in (
                *("/", "/incidents", "/work", f"/endpoints/{place}", f"/endpoints/{place}/drift"),
                f"/incidents/{urllib.parse.quote(words, safe='')}/1",
                f"/?project={urllib.parse.quote(words)}",
            ):
                status, text, _ = _get(running.url + path)
                assert status == 200, path
                read(text)
    close_stores()


@pytest.mark.slow
def test_pages_in_a_browser(pages: str, chromium: Browser, tmp_path: Any) -> None:
    chromium.complaints.clear()
    chromium.asked.clear()
    paths = (
        "/",
        "/endpoints/p/u2",
        "/endpoints/p/u2/drift",
        "/incidents",
        "/incidents/p/1",
        "/work",
    )
    for width, dark in ((1280, False), (390, True)):
        chromium.resize(width, 900, dark=dark)
        for path in paths:
            chromium.open(pages + path)
            assert chromium.run("document.querySelectorAll('h1').length") == 1
            wide = chromium.run("document.documentElement.scrollWidth")
            assert wide <= width, (path, width, wide)
            picture = tmp_path / f"{width}{path.replace('/', '-')}.png"
            chromium.picture(picture)
            assert picture.stat().st_size > 5000
    assert chromium.complaints == []
    assert all(url.startswith((pages, "about:")) for url in chromium.asked)


@pytest.mark.slow
def test_a_form_in_a_browser(pages: str, chromium: Browser) -> None:
    chromium.open(f"{pages}/incidents/p/1")
    chromium.submit(
        "document.querySelector('form[action$=acknowledge] [name=who]').value = 'ann';"
        "document.querySelector('form[action$=acknowledge] button').click()"
    )
    assert chromium.run("location.pathname") == "/incidents/p/1"
    assert "acknowledged" in chromium.run("document.body.innerText")


@pytest.mark.slow
def test_a_thousand_endpoints_in_a_browser(chromium: Browser) -> None:
    with simulated(MOMENT):
        add_many(open_store(), 1000, MOMENT)
        with RunningPages() as running:
            chromium.complaints.clear()
            chromium.resize(1280, 900)
            chromium.open(running.url)
            assert chromium.run("document.querySelectorAll('tbody tr').length") == 250
            chromium.submit("document.querySelector('a[href*=\"page=4\"]').click()")
            assert chromium.run("document.querySelectorAll('tbody tr').length") == 250
            chromium.submit(
                "document.querySelector('[name=name]').value = 'M77';"
                "document.querySelector('form[role=search] button').click()"
            )
            assert chromium.run("document.querySelectorAll('tbody tr').length") == 11
            assert chromium.complaints == []
    close_stores()


@pytest.mark.parametrize("words", HOSTILE)
def test_what_an_incident_began(words: str) -> None:
    run = {"uid": words, "name": words, "state": words}
    action = {
        "kind": "pipeline", "name": words, "state": "completed", "reason": words, "runs": [run],
        "models": [{"uri": words, "version": 3}],
    }  # fmt: skip
    facts = dict.fromkeys(
        ("entity_kind", "entity_id", "summary", "reason", "acknowledged_by", "resolution"), words
    )
    line = {"time": MOMENT, "kind": words, "body": {words: [words]}}
    incident = {
        "project": "p", "number": 1, "name": words, "severity": words, "state": "resolved",
        "opened": MOMENT, "updated": MOMENT, "resolved": MOMENT, "firings": 2, **facts,
        "actions": [action], "time_line": [line],
    }  # fmt: skip
    for view in (View(), View(read_only=True)):
        made = incident_page(incident, MOMENT, view)
        assert ("form" in read(made).names) is not view.read_only
        assert "version 3" in made


def test_hours_without_windows_are_not_marked() -> None:
    hour, day = 3600.0, 86400.0
    series = {"a.r": [[0.0, 0.1, 0], [hour, 0.9, 2], [day, 0.9, 2], [day + hour, 0.8, 2]]}
    kinds = {"a.r": {"type": "result", "application": "a", "kind": "other"}}
    chart = str(result_charts({"series": series, "kinds": kinds})[0])
    whole = max(map(float, re.findall(r'<svg[^>]* width="(\d+)', chart)))
    bands = [
        float(one) for one in re.findall(r'<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)"', chart)
    ]
    assert bands and max(bands) < whole / 4
