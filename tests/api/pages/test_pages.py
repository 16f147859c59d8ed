"""Pages as answers: who sees which, what forms do, that nothing hostile comes through."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from mlrun_like.api.pages.answers import SECURITY, moved
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.pages.filled import HOSTILE, PROJECT, Filled
from tests.api.people import stranger

P = f"/projects/{PROJECT}"
HTML = {"accept": "text/html"}
_BEFORE, _AFTER = "0" * 40, "1" * 40
PAGES = (
    "/", P, f"{P}/runs", f"{P}/runs?column=result.auc&column=param.lr&sort=duration",
    f"{P}/runs?state=error&since=7d&label=owner%3Dada&name=tr", f"{P}/runs?since=never&sort=bad",
    *(f"{P}/runs/run-done{tab}" for tab in
      ("", "?tab=log", "?tab=metrics", "?tab=artifacts", "?tab=iterations", "?tab=lineage",
       "?tab=environment")),
    f"{P}/runs/run-failed", f"{P}/runs/run-running?tab=log", f"{P}/runs/run-sweep?tab=iterations",
    f"{P}/runs/run-sweep?iteration=3", f"{P}/runs/run-hostile", f"{P}/runs/run-hostile?tab=log",
    f"{P}/compare", f"{P}/compare?uid=run-done&uid=run-0001&uid=run-sweep:3&uid=run-hostile",
    f"{P}/artifacts", f"{P}/artifacts?all=1&kind=dataset&name=cust",
    *(f"{P}/artifacts/{key}" for key in
      ("customers", "report", "confusion", "notes", "settings", "raw", "words", "churn-model")),
    f"{P}/artifacts/customers?tab=versions", f"{P}/artifacts/customers?tab=lineage",
    f"{P}/artifacts/customers?offset=100", f"{P}/functions", f"{P}/functions?name=tr",
    *(f"{P}/functions/trainer?tab={tab}" for tab in ("", "source", "run", "versions",
                                                     "environment")),
    f"{P}/functions/trainer?tab=versions&before={_BEFORE}&after={_AFTER}",
    f"{P}/functions/predictor", f"{P}/settings", "/search", "/search?q=train",
    "/search?q=%3Cscript%3E", "/account", "/settings", "/tasks", "/fragments/projects",
    f"/fragments{P}/runs", f"/fragments{P}/home", f"/fragments{P}/runs/run-done?part=metrics",
    f"/fragments{P}/runs/run-done?part=state", f"/fragments{P}/runs/run-done/log",
    "/fragments/tasks",
)  # fmt: skip


def test_each_page_is_there_for_a_viewer_and_safe(
    service: TestClient, filled: Filled, as_user: Callable[..., TestClient]
) -> None:
    viewer = as_user("viewer", PROJECT)
    for path in PAGES:
        answer = viewer.get(path, headers=HTML)
        assert answer.status_code == 200, (path, answer.text[:300])
        assert answer.headers["content-type"] == "text/html; charset=utf-8", path
        for name, value in SECURITY.items():
            assert answer.headers[name] == value, path
        assert len(answer.content) < 100_000, (path, len(answer.content))
        # whatever names are: no script but ours, no handler, no foreign tag
        scripts = re.findall(r"<script[^>]*>", answer.text)
        assert all('src="/static/' in tag for tag in scripts), (path, scripts)
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', answer.text)), path
        assert "<img src=x" not in answer.text and "<b>eve" not in answer.text, path
        if not path.startswith("/fragments"):
            assert answer.text.count("<h1>") == 1 and "<title>" in answer.text, path
            assert 'lang="en"' in answer.text and 'class="skip"' in answer.text, path


def test_pages_of_administrators_only(
    service: TestClient, filled: Filled, as_user: Callable[..., TestClient]
) -> None:
    viewer, server = as_user("viewer", PROJECT), as_user("server")
    for path in ("/users", "/audit", f"/users/{quote('nobody')}"):
        assert viewer.get(path, headers=HTML).status_code == 403, path
    assert server.get("/users", headers=HTML).status_code == 200
    assert server.get("/audit", headers=HTML).status_code == 200
    assert server.get("/settings?name=service", headers=HTML).text.count("service_port") >= 1
    assert "service_port" not in viewer.get("/settings", headers=HTML).text


def test_buttons_are_those_of_the_role(
    service: TestClient, filled: Filled, as_user: Callable[..., TestClient]
) -> None:
    viewer, developer = as_user("viewer", PROJECT), as_user("developer", PROJECT)
    admin = as_user("admin", PROJECT)
    seen = viewer.get(f"{P}/runs/run-done", headers=HTML).text
    assert "Run again" not in seen and "Delete…" not in seen
    seen = developer.get(f"{P}/runs/run-done", headers=HTML).text
    assert "Run again" in seen and "Delete…" in seen
    assert "Abort…" in developer.get(f"{P}/runs/run-running", headers=HTML).text
    assert "Start the run" in developer.get(f"{P}/functions/trainer?tab=run").text
    assert "Start the run" not in viewer.get(f"{P}/functions/trainer?tab=run").text
    assert "Delete the project" not in developer.get(f"{P}/settings").text
    assert "Delete the project" in admin.get(f"{P}/settings").text
    # what has no button is refused as well
    for path in (f"{P}/runs/-/delete", f"{P}/runs/-/abort", f"{P}/settings/delete",
                 f"{P}/artifacts/customers/-/delete", f"{P}/functions/trainer/-/run",
                 f"{P}/settings/secrets", f"{P}/settings/members"):  # fmt: skip
        assert viewer.post(path, data={"uid": "run-done"}, headers=HTML).status_code == 403, path


def test_a_project_that_one_may_not_see_is_not_there(
    service: TestClient, filled: Filled, as_user: Callable[..., TestClient]
) -> None:
    other = as_user("viewer", "fraud")
    for part in ("", "/runs", "/runs/run-done?tab=log", "/artifacts/customers",
                 "/functions/trainer", "/compare?uid=run-done", "/settings"):  # fmt: skip
        path = P + part
        answer = other.get(path, headers=HTML)
        assert answer.status_code == 404, path
        assert "trainer" not in answer.text.partition("<main")[2].replace(path, ""), path
    for path in ("/", "/fragments/projects", "/search?q=train", "/tasks"):
        assert PROJECT not in other.get(path, headers=HTML).text, path


def test_errors_are_pages_that_say_what_to_do(service: TestClient, filled: Filled) -> None:
    for path, status, words in (
        (f"{P}/runs/nope", 404, "There is nothing here"),
        ("/nowhere", 404, "There is nothing here"),
        (f"{P}/runs/run-done?iteration=x", 400, "use 0, 1, 2"),
        (f"{P}/runs?page-token=broken", 400, "page token"),
        (f"{P}/artifacts?page-token=broken", 400, "page token"),
        (f"{P}/runs/-/delete", 400, "select"),
        (f"{P}/artifacts/nope", 404, "There is nothing here"),
        (f"{P}/functions/nope", 404, "There is nothing here"),
        (f"{P}/functions/trainer?hash=zz", 404, "There is nothing here"),
    ):
        answer = service.get(path, headers=HTML)
        assert answer.status_code == status, (path, answer.text[:200])
        assert words in answer.text and "<main" in answer.text, path
        assert "Traceback" not in answer.text and "sqlite" not in answer.text, path
    # programs get the body of the API
    assert service.get(f"{P}/runs/nope").json()["detail"]["code"] == "not_found"


def test_who_is_not_logged_in_goes_to_the_login(
    service: TestClient, filled: Filled, as_user: Callable[..., TestClient]
) -> None:
    as_user("server")
    service.app.state.access.required = True  # type: ignore[attr-defined]
    somebody = stranger(service)
    answer = somebody.get(f"{P}/runs?state=error", headers=HTML, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={quote(f'{P}/runs?state=error', safe='')}"
    page = somebody.get("/login?failed=1&next=//evil.example/", headers=HTML)
    assert page.status_code == 200 and "The name or the password is wrong" in page.text
    assert "evil.example" not in page.text


def test_runs_are_deleted_after_asking(
    service: TestClient, store: SqlStore, filled: Filled
) -> None:
    asked = service.get(f"{P}/runs/-/delete?uid=run-0001&uid=run-hostile", headers=HTML)
    assert "Delete 2 runs" in asked.text and "&lt;script&gt;" in asked.text
    assert store.read_run(PROJECT, "run-0001")  # asking does nothing
    answer = service.post(f"{P}/runs/-/delete", data={"uid": ["run-0001", "run-hostile"]},
                          follow_redirects=False)  # fmt: skip
    assert answer.status_code == 303 and answer.headers["location"] == f"{P}/runs?told=deleted"
    assert "Deleted." in service.get(answer.headers["location"], headers=HTML).text
    assert service.get(f"{P}/runs/run-0001", headers=HTML).status_code == 404
    # one that goes on is refused, and said so
    refused = service.post(f"{P}/runs/-/delete", data={"uid": "run-running"}, headers=HTML)
    assert refused.status_code == 409 and "running" in refused.text


def test_a_run_is_aborted_after_asking(
    service: TestClient, store: SqlStore, filled: Filled
) -> None:
    assert "Abort 1 run" in service.get(f"{P}/runs/-/abort?uid=run-running").text
    answer = service.post(f"{P}/runs/-/abort", data={"uid": "run-running"}, follow_redirects=False)
    assert answer.headers["location"] == f"{P}/runs/run-running?told=aborted"
    assert store.read_run(PROJECT, "run-running")["status"]["state"] == "aborting"
    again = service.post(f"{P}/runs/-/abort", data={"uid": "run-done"}, headers=HTML)
    assert again.status_code == 409 and "is over" in again.text


def test_pages_of_runs_go_on(service: TestClient, filled: Filled) -> None:
    store = service.app.state.service.store  # type: ignore[attr-defined]
    for at in range(60):
        store.store_run({
            "kind": "run", "metadata": {"name": f"more-{at}", "uid": f"more-{at:03}",
                                        "project": "fraud", "iteration": 0},
            "spec": {}, "status": {"state": "completed",
                                   "start_time": f"2026-01-01T00:{at:02}:00+00:00"},
        }, wait=False)  # fmt: skip
    store.flush()
    first = service.get("/projects/fraud/runs").text
    link = re.search(r'href="([^"]*page-token[^"]*)"', first)
    assert link is not None
    second = service.get(link[1].replace("&amp;", "&")).text
    names = set(re.findall(r"more-\d+(?=</a>)", first + second))
    assert len(names) == 60 and "Newest" in second


def test_live_parts_are_sent_only_if_they_changed(service: TestClient, filled: Filled) -> None:
    part = service.get(f"/fragments{P}/runs/run-running?part=state").text
    where = re.search(r'hx-get="([^"]*)"', part)
    assert where is not None
    address = where[1].replace("&amp;", "&")
    assert service.get(address).status_code == 204
    service.app.state.service.store.set_run_state(  # type: ignore[attr-defined]
        PROJECT, "run-running", 0, "aborted", ""
    )
    after = service.get(address)
    assert after.status_code == 200 and "hx-get" not in after.text  # over: nobody asks any more


def test_a_tag_is_moved_and_an_artifact_deleted(
    service: TestClient, store: SqlStore, filled: Filled
) -> None:
    uid = store.read_artifact(PROJECT, "customers")["metadata"]["uid"]
    base = f"{P}/artifacts/customers/-"
    service.post(f"{base}/tag", data={"uid": uid, "tag": "golden"})
    assert store.read_artifact(PROJECT, "customers", tag="golden")["metadata"]["uid"] == uid
    assert service.post(f"{base}/tag", data={"uid": uid, "tag": ""}).status_code == 400
    assert "Delete the record" in service.get(f"{base}/delete", headers=HTML).text
    service.post(f"{base}/delete")
    assert not store.list_artifacts(ArtifactQuery(project=PROJECT, key="customers"))


def test_hostile_keys_of_artifacts_have_pages(
    service: TestClient, store: SqlStore, filled: Filled
) -> None:
    key = HOSTILE[:30].replace("/", "-")
    answer = service.get(f"{P}/artifacts/{quote(key, safe='')}", headers=HTML)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


def test_html_is_previewed_in_a_sandbox(service: TestClient, filled: Filled) -> None:
    text = service.get(f"{P}/artifacts/report", headers=HTML).text
    frame = re.search(r"<iframe[^>]*>", text)
    assert frame is not None and 'sandbox="allow-scripts"' in frame[0]
    assert "allow-same-origin" not in text
    notes = service.get(f"{P}/artifacts/notes", headers=HTML).text
    assert "Gradient boosting" in notes and "<em>50,000</em>" in notes


def test_long_selections_are_not_cut(service: TestClient, filled: Filled) -> None:
    query = "&".join(f"uid=run-{at:04}" for at in range(24))
    text = service.get(f"{P}/compare?{query}", headers=HTML).text
    found = re.findall(r'href="(/projects/churn/compare[^"]*)"', text)
    assert sorted({one.count("uid=") for one in found}) == [23, 24]


def test_search_box_keeps_the_project_and_the_words(service: TestClient, filled: Filled) -> None:
    text = service.get("/search?q=%22%3E%3Cscript%3E", headers=HTML).text
    assert 'value="&quot;&gt;&lt;script&gt;"' in text
    inside = service.get(f"{P}/runs", headers=HTML).text
    assert f'name="from" value="{PROJECT}"' in inside
    found = service.get(f"/search?q=train&from={PROJECT}", headers=HTML).text
    assert f"only {PROJECT}" in found


def test_a_project_is_made_described_and_deleted(service: TestClient, store: SqlStore) -> None:
    answer = service.post("/projects/-/new", data={"name": "new-one", "description": "<b>"},
                          follow_redirects=False)  # fmt: skip
    assert answer.headers["location"] == "/projects/new-one?told=created"
    assert "&lt;b&gt;" in service.get("/projects/new-one").text
    assert service.post("/projects/-/new", data={"name": "new-one"}).status_code == 409
    assert service.post("/projects/-/new", data={"name": "../x"}).status_code == 400
    service.post("/projects/new-one/settings/description", data={"description": "words"})
    assert store.read_project("new-one")["spec"]["description"] == "words"
    wrong = service.post("/projects/new-one/settings/delete", data={"name": "other"})
    assert wrong.status_code == 400
    gone = service.post("/projects/new-one/settings/delete", data={"name": "new-one"},
                        follow_redirects=False)  # fmt: skip
    assert gone.headers["location"] == "/tasks?told=deleting"


def test_members_and_secrets_by_forms(service: TestClient, store: SqlStore, filled: Filled) -> None:
    anna = {"name": "anna", "password": "three words that rhyme", "kind": "user"}
    service.post("/users", data=anna)
    base = f"{P}/settings"
    service.post(f"{base}/members", data={"user": "anna", "role": "admin"})
    service.post(f"{base}/secrets", data={"name": "DB_PASSWORD", "value": "very-secret-value"})
    text = service.get(base).text
    assert "anna" in text and "DB_PASSWORD" in text and "very-secret-value" not in text
    service.post(f"{base}/secrets/remove", data={"name": "DB_PASSWORD"})
    assert "DB_PASSWORD" not in service.get(base).text
    made = service.post("/users/anna/-/tokens", data={"name": "laptop"})
    assert made.status_code == 201 and "mlt_" in made.text
    assert "mlt_" not in service.get("/users/anna").text
    service.post("/users/anna/-/change", data={"change": "disable"})
    assert "Unlock" in service.get("/users/anna").text
    assert "Delete &#x27;anna&#x27;" in service.get("/users/anna/-/delete").text
    service.post("/users/anna/-/delete")
    assert service.get("/users/anna").status_code == 404


def test_a_run_is_started_by_its_form(
    service: TestClient, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr("mlrun_like.api.pages.function_run.start_run",
                        lambda store, caller, asked, *_: started.append(asked))  # fmt: skip
    base = f"{P}/functions/trainer"
    form = service.get(f"{base}?tab=run&again=run-done").text
    assert 'name="p:lr"' in form and 'value="0.05"' in form and 'name="i:data"' in form
    assert "columns" in form  # a parameter that the signature does not have
    answer = service.post(f"{base}/-/run", follow_redirects=False, data={
        "handler": "train", "hash": _AFTER, "p:lr": "0.3", "p:depth": "4", "p:kind": "3",
        "i:data": "store://datasets/churn/customers", "parameters": '{"extra": [1]}',
        "labels": "why=retry",
    })  # fmt: skip
    assert answer.status_code == 303, answer.text
    asked = started[0]
    assert answer.headers["location"] == f"{P}/runs/{asked.uid}?told=started"
    for fields in ({"p:depth": "four"}, {"parameters": "{"}, {"parameters": "[1]"},
                   {"labels": "no-value"}):  # fmt: skip
        data = {"handler": "train", "hash": _AFTER, **fields}
        assert service.post(f"{base}/-/run", data=data, headers=HTML).status_code == 400, fields
    assert len(started) == 1


def test_forms_that_cannot_be_read(service: TestClient, filled: Filled) -> None:
    path = f"{P}/runs/-/delete"
    assert service.post(path, json={"uid": "run-done"}).status_code == 400
    assert service.post(path, content=b"uid=\xff\xfe%ff").status_code == 400
    assert service.post(path, content=b"a=1&" * 3000).status_code == 400
    assert service.post(path, content=b"a" * (2 << 20)).status_code == 413


def test_static_files_are_kept_by_their_content(service: TestClient) -> None:
    page = service.get("/").text
    for address in re.findall(r'(?:href|src)="(/static/[^"]*)"', page):
        answer = service.get(address)
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
        old = service.get(address.partition("?")[0])
        assert old.headers["cache-control"] == "no-cache"
        again = service.get(address, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
    assert service.get("/static/../settings.py").status_code == 404
    assert service.get("/static/__init__.py").status_code == 404
    assert "Zero-Clause BSD" in service.get("/static/htmx.LICENSE.txt").text


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example", "/\\evil", ""])
def test_no_form_leads_elsewhere(address: str) -> None:
    assert moved(address).headers["location"] == "/"


def test_the_theme_is_drawn_by_the_server(service: TestClient) -> None:
    service.post("/account/theme", data={"theme": "dark"})
    assert 'data-theme="dark"' in service.get("/").text
    service.post("/account/theme", data={"theme": "auto"})
    assert "data-theme=" not in service.get("/").text
    service.cookies.set("theme", '"><script>')
    assert "<script>" not in service.get("/").text


def test_a_table_without_a_known_end_is_paged(service: TestClient, filled: Filled) -> None:
    first = service.get(f"{P}/artifacts/customers").text
    assert "rows 1 to 50" in first and "More rows" in first
    last = service.get(f"{P}/artifacts/customers?offset=300").text
    assert "no more rows" in last and "More rows" not in last and "Rows before" in last


def test_crumbs_end_with_the_page(service: TestClient, filled: Filled) -> None:
    crumbs = service.get(f"{P}/runs/run-done").text.partition('class="crumbs"')[2]
    assert '<span aria-current="page">train</span>' in crumbs.partition("</nav>")[0]
