"""What readers of runs ask for: the best ones, curves their way, only differences, first lines."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from mlrun_like.api.pages.first_run import FIRST_RUN
from mlrun_like.api.pages.runs_values import by_value, conditions_of, value_of
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.pages.filled import PROJECT, Filled

P = f"/projects/{PROJECT}"
HTML = {"accept": "text/html"}


def _column(text: str, place: int) -> list[str]:
    rows = re.findall(r'<tr id="row-.*?</tr>', text, re.DOTALL)
    cells = [re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [re.sub("<[^>]*>", "", one[place]) for one in cells]


def test_the_best_run_is_found_by_its_result(service: TestClient, filled: Filled) -> None:
    best = service.get(f"{P}/runs?sort=-result.accuracy&column=result.accuracy", headers=HTML).text
    shown = [float(one) for one in _column(best, 6) if one]
    assert shown == sorted(shown, reverse=True) and len(shown) > 20
    assert 'aria-sort="descending"' in best
    worst = service.get(f"{P}/runs?sort=result.accuracy&column=result.accuracy", headers=HTML).text
    assert float(_column(worst, 6)[0]) == min(shown)


def test_runs_are_filtered_by_values(service: TestClient, filled: Filled) -> None:
    where = quote("accuracy > 0.9 and kind = gbm")
    text = service.get(
        f"{P}/runs?where={where}&column=result.accuracy&column=param.kind", headers=HTML
    ).text
    found = _column(text, 6)
    assert found and all(float(one) > 0.9 for one in found)
    assert set(_column(text, 7)) == {"gbm"}
    none = service.get(f"{P}/runs?where={quote('accuracy > 7')}", headers=HTML).text
    assert "No run is like this." in none
    wrong = service.get(f"{P}/runs?where={quote('<script>')}", headers=HTML)
    assert wrong.status_code == 400 and "no comparison" in wrong.text
    assert "<script>" not in wrong.text.partition("</head>")[2]


@pytest.mark.parametrize("words", ["a", "> 3", "a >", "a => =", "a ! b"])
def test_a_comparison_that_cannot_be_read_says_how(words: str) -> None:
    with pytest.raises(InvalidArgumentError, match="no comparison"):
        conditions_of(words)


def test_odd_values_are_last() -> None:
    values = [math.nan, 1, None, {"a": 1}, 3.5, "x", 10**400, True]
    rows = [{"status": {"results": {"a": one}}} for one in values]
    found = [value_of(run, "result.a") for run in by_value(rows, "result.a", descending=True)]
    assert found[:4] == [10**400, 3.5, 1, True]
    assert found[4] == "x" and len(found) == 8
    assert [one.fits(rows[0]) for one in conditions_of("a > 0, a != 0")] == [False, True]


def test_nan_is_no_missing_value(service: TestClient, store: SqlStore, filled: Filled) -> None:
    store.store_run({
        "metadata": {"name": "odd", "uid": "odd", "project": PROJECT},
        "status": {"state": "completed", "results": {"auc": math.nan},
                   "start_time": "2031-01-01T00:00:00+00:00"},
    })  # fmt: skip
    assert "<dd>NaN</dd>" in service.get(f"{P}/runs/odd", headers=HTML).text
    rows = service.get(f"{P}/runs?column=result.auc", headers=HTML).text
    assert _column(rows, 6)[0] == "NaN"


def test_a_run_that_goes_on_says_for_how_long(service: TestClient, filled: Filled) -> None:
    text = service.get(f"{P}/runs?state=running", headers=HTML).text
    assert re.fullmatch(r"[\d.]+ (s|min)", _column(text, 4)[0])


def test_curves_are_drawn_as_asked(service: TestClient, store: SqlStore, filled: Filled) -> None:
    points = [MetricPoint("down", 10.0 ** -(at % 7), at, 1000.0 + at) for at in range(70)]
    store.log_metrics(PROJECT, filled.done, 0, points)
    store.log_metrics(PROJECT, filled.done, 0, [MetricPoint("bad", math.nan, 0, 1.0)])
    base = f"{P}/runs/{filled.done}?tab=metrics"
    plain = service.get(base, headers=HTML).text
    assert re.findall(r"<figcaption><b>(.*?)</b>", plain) == ["bad", "down", "loss", "val/accuracy"]
    assert "No value of it can be drawn here." in plain and "last NaN" in plain
    drawn = service.get(f"{base}&y=log&x=since&smooth=0.9&metric=down", headers=HTML).text
    assert re.findall(r"<figcaption><b>(.*?)</b>", drawn) == ["down"]
    assert 'data-kind="number log"' in drawn and "down, smoothed" in drawn
    for odd in ("x=<b>", "y=9", "smooth=2", "metric=" + "x" * 5000, "smooth=nan"):
        assert service.get(f"{base}&{odd}", headers=HTML).status_code == 200, odd


def test_accuracy_is_not_squeezed_to_the_top_of_a_chart(
    service: TestClient, filled: Filled
) -> None:
    text = service.get(f"{P}/runs/{filled.done}?tab=metrics&metric=accuracy", headers=HTML).text
    scale = re.search(r'data-scale="([^"]*)"', text)
    assert scale is not None
    assert float(scale[1].split()[2]) > 0.4


def test_only_differences_are_shown_if_asked(service: TestClient, filled: Filled) -> None:
    query = "uid=run-0001&uid=run-0003"
    whole = service.get(f"{P}/compare?{query}", headers=HTML).text
    short = service.get(f"{P}/compare?{query}&only=differences", headers=HTML).text
    assert '<th scope="row">handler</th>' in whole
    assert '<th scope="row">handler</th>' not in short and '<th scope="row">lr</th>' in short


def test_an_empty_project_tells_the_lines_that_fill_it(
    service: TestClient, filled: Filled, tmp_path: Path, home: Path
) -> None:
    for path in ("/projects/empty", "/projects/empty/runs"):
        text = service.get(path, headers=HTML).text
        assert "MLRUN_LIKE_DBPATH=http" in text, path
        assert "get_or_create_ctx(&quot;first&quot;, project=&quot;empty&quot;)" in text, path
    script = tmp_path / "first.py"
    script.write_text(FIRST_RUN.format(project='"empty"'))
    subprocess.run(
        [sys.executable, str(script)], check=True, env={"MLRUN_LIKE_HOME": str(tmp_path / "h")}
    )


def test_a_search_shows_each_kind(service: TestClient, filled: Filled) -> None:
    text = service.get("/search?q=train", headers=HTML).text
    assert "<h2>Runs</h2>" in text and "<h2>Functions</h2>" in text
    assert text.count("/runs/") == 6
    more = re.search(r'href="([^"]*kind=run[^"]*)"', text)
    assert more is not None
    assert service.get(more[1].replace("&amp;", "&"), headers=HTML).text.count("/runs/") > 6
    tagged = service.get("/search?q=production", headers=HTML).text
    assert "churn-model" in tagged and "tags: production" in tagged
    inside = service.get("/search?q=train&project=fraud", headers=HTML).text
    assert "Nothing fits these words." in inside and "Search everything" in inside


def test_a_page_that_is_not_there_leads_to_its_list(service: TestClient, filled: Filled) -> None:
    text = service.get(f"{P}/runs/nope", headers=HTML).text
    assert f'href="{P}/runs"' in text.partition("<main")[2]


def test_previews_say_what_they_leave_out(
    service: TestClient, store: SqlStore, filled: Filled, home: Path
) -> None:
    folder = home / "artifacts" / PROJECT
    (folder / "model-dir").mkdir()
    (folder / "model-dir" / "README.md").write_text("# The card\n\nMade with *care* <script>")
    (folder / "model-dir" / "model.pkl").write_bytes(b"x")
    (folder / "wide.csv").write_text(
        ",".join(f"c{at}" for at in range(90)) + "\n" + "1," * 89 + "1"
    )
    (folder / "none.csv").write_text("alpha,beta\n")
    for key, kind, name in (
        ("folder-model", "model", "model-dir"), ("wide", "dataset", "wide.csv"),
        ("none", "dataset", "none.csv"),
    ):  # fmt: skip
        store.store_artifact({
            "kind": kind, "metadata": {"key": key, "project": PROJECT, "tree": "t"},
            "spec": {"db_key": key, "target_path": str(folder / name)},
        })  # fmt: skip
    card = service.get(f"{P}/artifacts/folder-model", headers=HTML).text
    assert "The card" in card and "<em>care</em>" in card and "model.pkl" in card
    assert "<script>" not in card.partition("</head>")[2]
    assert "The first 40 of 90 columns" in service.get(f"{P}/artifacts/wide", headers=HTML).text
    assert "Its columns: alpha, beta" in service.get(f"{P}/artifacts/none", headers=HTML).text


def test_what_cannot_be_brought_back_is_asked_for(service: TestClient, filled: Filled) -> None:
    base = f"/api/v1/projects/{PROJECT}/secrets"
    assert service.post(base, json={"secrets": {"db": "x"}}).is_success
    text = service.get(f"{P}/settings", headers=HTML).text
    asked = re.search(r'<details class="sure">.*?</details>', text, re.DOTALL)
    assert asked is not None and "Nobody can bring its value back." in asked[0]
    assert f'action="{P}/settings/secrets/remove"' in asked[0]
    assert text.count("secrets/remove") == 1
