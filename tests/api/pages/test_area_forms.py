"""The forms of the pages of areas, without any script: what they change, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like.api.pages.forms import Form
from mlrun_like.api.pages.gateway import weights_of
from mlrun_like.api.pages.parts.endpoints import drift_field
from mlrun_like.api.pages.parts.lineage import address_of, lineage_picture
from mlrun_like.api.pages.parts.look import Look
from mlrun_like.api.pages.parts.trying import operations_of, try_page
from mlrun_like.drawing.page import joined
from mlrun_like.errors import SpecError
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.window_abilities import ResultRow
from tests.api.client import TestClient
from tests.api.pages.filled import PROJECT, Filled
from tests.api.pages.filled_more import PIPELINES, fill_more
from tests.drawing.pages import HOSTILE, read

P = f"/projects/{PROJECT}"


@pytest.fixture
def team(store: SqlStore, filled: Filled, home: Path) -> SqlStore:
    """A store with everything."""
    fill_more(store, home / "more")
    return store


def _post(service: TestClient, path: str, **fields: str) -> tuple[int, str, str]:
    answer = service.post(P + path, data=fields, follow_redirects=False)
    return answer.status_code, answer.headers.get("location", ""), answer.text


def test_a_schedule_is_made_paused_and_deleted(service: TestClient, team: SqlStore) -> None:
    fields = {"function": "trainer", "name": "mornings", "cron": "0 6 * * *", "time_zone": "",
              "parameters": '{"days": 3}'}  # fmt: skip
    status, where, text = _post(service, "/schedules", **fields)
    assert (status, where) == (303, f"{P}/schedules/mornings?told=created"), text
    made = team.read_schedule(PROJECT, "mornings")
    assert made["spec"]["run"]["spec"]["parameters"] == {"days": 3}
    status, _, text = _post(service, "/schedules", **fields)
    assert status == 422 and "already" in text and "days" in text  # what was entered stays
    for bad in ({"cron": "99 * * * *"}, {"parameters": "{"}, {"parameters": "[]"},
                {"function": "none"}, {"name": "../x"}):  # fmt: skip
        status, _, text = _post(service, "/schedules", **{**fields, "name": "other", **bad})
        assert status == 422 and 'class="notice bad"' in text, bad
    assert _post(service, "/schedules/mornings/pause")[0] == 303
    assert team.read_schedule(PROJECT, "mornings")["paused"] is True
    assert _post(service, "/schedules/mornings/resume")[0] == 303
    asked = service.get(f"{P}/schedules/mornings/delete").text
    assert "Delete the schedule mornings?" in asked and "its history: 0 times" in asked
    assert _post(service, "/schedules/mornings/delete")[0] == 303
    assert service.get(f"{P}/schedules/mornings").status_code == 404


def test_an_incident_is_taken_care_of(service: TestClient, team: SqlStore) -> None:
    assert _post(service, "/alerts/1/acknowledge", note="I look")[0] == 303
    assert _post(service, "/alerts/1/note", note="it is the new feed")[0] == 303
    assert _post(service, "/alerts/1/silence", duration="1h", note="known")[0] == 303
    text = service.get(f"{P}/alerts/1").text
    assert "acknowledged" in text and "it is the new feed" in text and "silenced for 1h" in text
    quiet = service.get(f"{P}/alerts/definitions").text
    assert "name=drift-alert" in quiet and "End silence" in quiet
    assert _post(service, "/alerts/1/resolve", note="fixed")[0] == 303
    assert "drift-alert #1" not in service.get(f"{P}/alerts").text.partition("Incidents</h2>")[2]
    assert _post(service, "/alerts/1/other")[0] == 404
    assert _post(service, "/alerts/1/silence", duration="forever")[0] in (400, 422)


def test_an_alert_is_defined(service: TestClient, team: SqlStore) -> None:
    fields = {"name": "broken", "template": "JobFailed", "kind": "job", "ids": "train"}
    assert _post(service, "/alerts/definitions", **fields)[0] == 303
    assert "job train" in service.get(f"{P}/alerts/definitions").text
    assert _post(service, "/alerts/definitions", **fields)[0] == 422
    assert (
        _post(service, "/alerts/definitions", **{**fields, "name": "b", "template": "x"})[0] == 422
    )
    assert _post(service, "/alerts/definitions/broken/reset")[0] == 303
    assert _post(service, "/alerts/definitions/broken/silence", duration="1d")[0] == 303
    assert "Delete the alert broken?" in service.get(f"{P}/alerts/definitions/broken/delete").text
    assert _post(service, "/alerts/definitions/broken/delete")[0] == 303
    assert _post(service, "/alerts/definitions/broken/delete")[0] == 404


def test_a_model_is_promoted_by_gates_and_goes_back(service: TestClient, team: SqlStore) -> None:
    fields = {"version": "3", "to": "champion", "gates": "auc >= 0.9\nrecall >= 0.85", "why": "try"}
    status, _, text = _post(service, "/models/leaver/promote", check="1", **fields)
    assert status == 200 and "would be rejected" in text and "FAILED" in text
    status, _, text = _post(service, "/models/leaver/promote", **fields)
    assert status == 200 and "was rejected as champion" in text
    fields["gates"] = "auc >= 0.9"
    assert _post(service, "/models/leaver/promote", **fields)[0] == 303
    text = service.get(f"{P}/models?x=1").text
    assert "champion v3" in text
    for bad in ({"gates": "smoke"}, {"gates": "__import__('os')"}, {"version": "99"},
                {"version": "x"}, {"to": "latest"}):  # fmt: skip
        assert _post(service, "/models/leaver/promote", **{**fields, **bad})[0] == 422, bad
    assert _post(service, "/models/leaver/rollback", why="")[0] == 422
    assert _post(service, "/models/leaver/rollback", why="worse on Mondays")[0] == 303
    trail = service.get(f"{P}/models/leaver?tab=trail").text
    assert "champion v2" in service.get(f"{P}/models").text and "worse on Mondays" in trail


def test_a_pipeline_is_stopped(service: TestClient, team: SqlStore) -> None:
    path = f"/pipelines/{PIPELINES['running']}"
    asked = service.get(f"{P}{path}/abort").text
    assert "Stop the run of retrain?" in asked and "step train[2]" in asked
    assert _post(service, f"{path}/abort")[0] == 303
    assert team.read_run(PROJECT, PIPELINES["running"])["status"]["state"] in (
        "aborting",
        "aborted",
    )
    assert _post(service, f"/pipelines/{PIPELINES['done']}/abort")[0] == 409
    assert _post(service, "/workflows/retrain/start", arguments="{")[0] == 422
    assert _post(service, "/workflows/none/start", arguments="{}")[0] == 404


def test_the_live_part_says_when_it_is_over(service: TestClient, team: SqlStore) -> None:
    live = service.get(f"{P}/pipelines/{PIPELINES['running']}/live")
    assert "hx-refresh" not in live.headers and 'hx-trigger="every 2s' in live.text
    over = service.get(f"{P}/pipelines/{PIPELINES['done']}/live")
    assert over.headers["hx-refresh"] == "true" and "hx-trigger" not in over.text.partition(">")[0]


def test_features_are_looked_up(service: TestClient, team: SqlStore) -> None:
    path = "/features/vectors/churn/lookup"
    status, _, text = _post(service, path, entity='[{"customer": "c3"}, {"customer": "nobody"}]')
    assert status == 200 and "customer=c3" in text and "amount" in text
    for bad in ("{", "3", "[]", '["c1"]', '{"other": 1}'):
        status, _, text = _post(service, path, entity=bad)
        assert status == 422 and 'class="notice bad"' in text, bad


def test_an_item_of_the_hub_is_used(service: TestClient, team: SqlStore) -> None:
    status, where, _ = _post(service, "/hub/team/describe/use", name="my-describe", tag="latest")
    assert (status, where) == (303, f"{P}/functions/my-describe?told=created")
    assert team.read_function(PROJECT, "my-describe")["kind"] == "job"
    assert service.get("/hub/team/describe").status_code == 200
    assert _post(service, "/hub/team/none/use", name="x", tag="")[0] == 404


@pytest.mark.parametrize(
    "weights",
    [{"1": "60", "2": "60"}, {"1": "x", "2": "100"}, {"1": "-5", "2": "105"}, {"1": "nan"},
     {"1": "inf"}, {"a": "100"}, {}],
)  # fmt: skip
def test_shares_that_are_none(weights: dict[str, str]) -> None:
    with pytest.raises(SpecError):
        weights_of(Form({f"weight-{key}": [value] for key, value in weights.items()}))


def test_scores_of_features_by_window() -> None:
    def row(end: float, extra: dict[str, object]) -> ResultRow:
        return ResultRow("p", "e", "a", "r", "result", 0.0, end, 0.1, extra=extra)

    field = drift_field(
        [row(1, {"features": {"a": 0.2, "b": "x"}}), row(2, {"features": {"a": 0.1, "c": 0.9}}),
         row(3, {"features": 5}), row(3, {})]
    )  # fmt: skip
    assert field == {"features": ["c", "a"], "ends": [1, 2], "values": [[None, 0.9], [0.2, 0.1]]}


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_texts_stay_texts(words: str) -> None:
    schema = {"paths": {f"/{words}": {"post": {"requestBody": {"content": {
        "application/json": {"example": {words: words}}}}}}}}  # fmt: skip
    look = Look("p")
    result = {
        "status": 200,
        "body": words,
        "seconds": 0.1,
        "steps": [{"step": words, "seconds": 1}],
    }
    read(joined(try_page(operations_of(schema), look, words, {}, result)))
    read(lineage_picture({"sources": [words], "models": [words]}, words, look))
    address_of(words)
