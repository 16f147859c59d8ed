"""The pages of areas: what they show, who may see which buttons, hostile names, empty projects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlrun_like.api.pages.parts.deployed import numbers_part, working_part
from mlrun_like.api.pages.parts.look import Look
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.pages.filled import HOSTILE, PROJECT, Filled
from tests.api.pages.filled_more import PIPELINES, fill_more

P = f"/projects/{PROJECT}"
PAGES: dict[str, tuple[str, ...]] = {
    "/pipelines": ("retrain", "Stored workflows", "running"),
    f"/pipelines/{PIPELINES['failed']}": ("1 step failed", "ValueError: depth 6", "reused"),
    f"/pipelines/{PIPELINES['failed']}?step=load": ("why it was reused", "ab12cd34ef"),
    f"/pipelines/{PIPELINES['running']}": ("5 of 7", "every 2s"),
    f"/pipelines/{PIPELINES['running']}/step?step=train": ("Step train[2]",),
    "/schedules": ("nightly", "At 02:00 every day", "paused"),
    "/schedules/nightly": ("Next times", "History", "no memory"),
    "/schedules/new?cron=0+6+*+*+MON-FRI": ("At 06:00 on Monday through Friday", "trainer"),
    "/schedules/explain?cron=61+*+*+*+*": ("cannot be read",),
    "/endpoints": ("scorer2/leaver:v1", "drift detected"),
    "/endpoints?problem=errors": ("scorer/leaver:v1",),
    "/endpoints/e2": ("window by window", "tenure", "drift-alert #1"),
    "/endpoints/e2?tab=features": ("Distances", "hellinger"),
    "/endpoints/e2?tab=details": ("store://models/churn/leaver:v1",),
    "/alerts": ("Time line", "drift of e2"),
    "/alerts?state=all": ("slow #2", "resolved"),
    "/alerts/1": ("data-drift-detected", "Do something", "Silence"),
    "/alerts/definitions": ("New alert", "console"),
    "/features": ("payments", "customer"),
    "/features?view=vectors": ("What the churn model is asked with",),
    "/features/sets/payments": ("Targets", "Versions", "entity"),
    "/features/sets/payments?tab=statistics": ("Histograms", "mean"),
    "/features/sets/payments?tab=rows": ("basic",),
    "/features/sets/payments?tab=lineage": ("feature vector", "set payments"),
    "/features/vectors/churn": ("payments.amount",),
    "/features/vectors/churn?tab=lookup": ("customer", "Look up"),
    "/models": ("leaver", "champion v2"),
    "/models/leaver": (
        "1 of 2 passed",
        "GradientBoostingClassifier",
        "store://models/churn/leaver",
    ),
    "/models/leaver?version=3": ("FAILED", "difference"),
    "/models/leaver?tab=compare": ("depth (differs)",),
    "/models/leaver?tab=trail": ("better by 0.03", "champion: version 1 → version 2"),
    "/models/leaver/promote": ("Check the gates only",),
    "/models/leaver/rollback": ("version 1 serves again",),
    "/gateway": ("The gateway does not run", "mlrun-like up"),
    "/graphs/scorer": ("serving graph", "SKLearnModelServer", "no gateway runs"),
    "/graphs/scorer/try": ("Send", "Body (JSON)"),
    "/graphs/scorer/events": ("No event is recorded",),
    "/hub": ("describe", "Statistics and plots", "data-analysis 2"),
    "/hub?text=plots": ("describe",),
    "/hub/team/describe": ("Describe a table.", "column of labels", "Add to the project"),
    "/hub/team/evil": ("&lt;script&gt;",),
}


@pytest.fixture
def team(store: SqlStore, filled: Filled, home: Path) -> SqlStore:
    """A store with everything."""
    fill_more(store, home / "more")
    return store


def test_every_page_shows_what_is_known(service: TestClient, team: SqlStore) -> None:
    for path, words in PAGES.items():
        answer = service.get(P + path, headers={"accept": "text/html"})
        assert answer.status_code == 200, (path, answer.text[-1500:])
        for word in words:
            assert word in answer.text, (path, word)
        assert HOSTILE not in answer.text and "<script>alert" not in answer.text, path
        assert "<img src=x" not in answer.text, path
        assert "script-src 'self'" in answer.headers["content-security-policy"], path


def test_who_only_looks_has_no_buttons(
    service: TestClient, team: SqlStore, as_user: Callable[..., TestClient]
) -> None:
    viewer, maker = as_user("viewer", PROJECT), as_user("developer", PROJECT)
    buttons = {
        f"/pipelines/{PIPELINES['failed']}": "Go on from here",
        f"/pipelines/{PIPELINES['running']}": "Stop…",
        "/pipelines": ">Start<",
        "/schedules": "Run now",
        "/schedules/nightly": "Delete…",
        "/alerts/1": "Acknowledge</button>",
        "/alerts/definitions": "New alert",
        "/models/leaver": "Promote…",
        "/graphs/scorer/try": ">Send<",
        "/hub/team/describe": "Add to the project",
    }
    for path, button in buttons.items():
        seen = viewer.get(P + path)
        assert seen.status_code == 200, (path, seen.text[-500:])
        assert button not in seen.text, path
        assert button in maker.get(P + path).text, path
    for path in ("/schedules/new", "/models/leaver/promote", "/schedules/nightly/delete"):
        assert viewer.get(P + path).status_code == 403, path
    for path in (
        "/schedules/nightly/run", "/schedules/nightly/pause", "/alerts/1/acknowledge",
        "/models/leaver/rollback", "/gateway/scorer/rollback", "/hub/team/describe/use",
        f"/pipelines/{PIPELINES['failed']}/resume", "/workflows/retrain/start",
    ):  # fmt: skip
        assert viewer.post(P + path, data={"why": "x"}).status_code == 403, path
    stranger = as_user("viewer", "fraud")
    for path in ("/pipelines", "/models/leaver", "/alerts/1", "/hub", "/gateway"):
        assert stranger.get(P + path).status_code == 404, path


@pytest.mark.parametrize(
    "path",
    ["/pipelines", "/schedules", "/endpoints", "/alerts", "/alerts/definitions", "/features",
     "/features?view=vectors", "/models", "/gateway"],
)  # fmt: skip
def test_an_empty_project_teaches(service: TestClient, filled: Filled, path: str) -> None:
    answer = service.get(f"/projects/empty{path}")
    assert answer.status_code == 200
    assert 'class="empty"' in answer.text and "data-copy" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/pipelines/none", "/pipelines/none/live", "/schedules/none", "/endpoints/none", "/alerts/99",
     "/alerts/x", "/features/sets/none", "/features/vectors/none", "/models/none", "/hub/none/x",
     "/alerts/definitions/none/delete", "/graphs/a%2Fb/events?event=1", "/models/none/promote"],
)  # fmt: skip
def test_what_is_not_there(service: TestClient, filled: Filled, path: str) -> None:
    answer = service.get(P + path, headers={"accept": "text/html"})
    assert answer.status_code in (400, 404, 422), answer.status_code
    assert "Traceback" not in answer.text


def test_an_older_version_of_features_stays_chosen(service: TestClient, team: SqlStore) -> None:
    uid = team.read_document("feature-set", PROJECT, "payments")["metadata"]["uid"]
    text = service.get(f"{P}/features/sets/payments?uid={uid}").text
    assert f"tab=statistics&amp;uid={uid}" in text and "shown here" in text
    assert "uid=" not in service.get(f"{P}/features/sets/payments").text.partition("Versions")[0]


def test_a_vector_that_was_never_joined_has_types(service: TestClient, team: SqlStore) -> None:
    text = service.get(f"{P}/features/vectors/churn").text
    assert "<td>float</td>" in text and "payments.calls" in text


def test_only_functions_that_run_can_be_scheduled(service: TestClient, team: SqlStore) -> None:
    text = service.get(f"{P}/schedules/new").text
    assert 'value="trainer"' in text and 'value="predictor"' not in text
    fields = {"name": "hourly", "cron": "@hourly", "function": "trainer", "parameters": "{}"}
    answer = service.post(f"{P}/schedules", data={**fields, "handler": "validate"})
    assert answer.status_code == 200, answer.text
    made = team.read_schedule(PROJECT, "hourly")
    assert made["spec"]["run"]["spec"]["handler"] == "validate"
    assert "validate" in service.get(f"{P}/schedules/hourly").text


def test_results_of_an_endpoint_reach_back_as_far_as_asked(
    service: TestClient, team: SqlStore
) -> None:
    for days, words in ((1, "1 day"), (7, "7 days"), (30, "30 days"), ("x", "7 days")):
        text = service.get(f"{P}/endpoints/e2?days={days}").text
        assert f'aria-current="true">{words}<' in text, days
    assert 'href="/projects/churn/models/leaver"' in service.get(
        f"{P}/endpoints/e2?tab=details").text  # fmt: skip


def test_the_list_of_pipelines_is_read_anew(service: TestClient, team: SqlStore) -> None:
    text = service.get(f"{P}/pipelines", headers={"hx-request": "true"}).text
    assert text.startswith('<div id="runs"') and "arguments" not in text  # forms stay as typed
    text = service.get(f"{P}/pipelines?state=error").text
    assert ">failed<" in text and "<dt>completed</dt>" not in text  # numbers of all, or none
    assert "Show more" in service.get(f"{P}/pipelines?most=1").text


def test_the_audit_log_says_what_became_of_it(
    service: TestClient, team: SqlStore, as_user: Callable[..., TestClient]
) -> None:
    assert as_user("viewer", PROJECT).post(f"{P}/schedules/nightly/pause").status_code == 403
    assert as_user("developer", PROJECT).post(f"{P}/schedules/nightly/pause").status_code == 200
    text = as_user("server").get("/audit").text
    assert "refused (403)" in text and ">done<" in text


def test_replicas_and_failures_of_all_versions() -> None:
    def version(number: int, weight: float, rate: float) -> dict[str, object]:
        replica = {"number": 0, "pid": 40 + number, "state": "ready", "served": 9}
        return {"number": number, "weight": weight, "requests": 10, "error_rate": rate,
                "live": True, "pool": {"replicas": [replica]}}  # fmt: skip

    status = {
        "name": "f",
        "state": "ready",
        "version": 1,
        "replicas": {"min": 0, "max": 4},
        "versions": [version(1, 80, 0.0), version(2, 20, 0.3), version(3, 0, 0.9)],
    }
    text = working_part({"status": status}, "", Look("p"))
    assert "process 41" in text and "process 42" in text
    numbers = numbers_part({"status": status}, Look("p"))
    assert '<div class="bad"><dt>failed, v2</dt><dd>30.0%</dd>' in numbers
