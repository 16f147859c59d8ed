"""MLRun's Grafana proxy."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.monitoring.clock import simulated
from mlrun_like.monitoring.dashboards.proxy import query, search
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch
from tests.monitoring.worlds import add_endpoint, add_results

MOMENT = 1_800_000_000.0


@pytest.fixture(autouse=True)
def world() -> Iterator[None]:
    """Two endpoints; the time stands."""
    with simulated(MOMENT):
        store = open_store()
        add_endpoint(store, "u1", MOMENT)
        add_endpoint(store, "u2", MOMENT, project="q", function="other")
        add_results(store, "u1", MOMENT)
        yield
    close_stores()


def _ask(target: str, **more: Any) -> list[Any]:
    return query({"targets": [{"target": target, "type": "table"}], **more})


def test_endpoints() -> None:
    (table,) = _ask("target_endpoint=list_endpoints;project=p")
    names = [column["text"] for column in table["columns"]]
    row = dict(zip(names, table["rows"][0], strict=True))
    assert len(table["rows"]) == 1 and table["type"] == "table"
    assert row["endpoint_id"] == "u1" and row["endpoint_model"] == "fraud:v1"
    assert row["error_count"] == 6 and row["drift_status"] == 2 and row["accuracy"] == "N/A"
    assert row["predictions_per_second"] == pytest.approx(400 / 3600, rel=0.5)
    assert len(_ask("target_endpoint=list_endpoints")[0]["rows"]) == 2
    assert not _ask("target_endpoint=list_endpoints; project=p; labels=team=b")[0]["rows"]
    assert _ask("target_endpoint=list_endpoints;project=p;labels=team=a")[0]["rows"]


def test_features() -> None:
    (table,) = _ask("target_endpoint=individual_feature_analysis;endpoint_id=u1;project=p")
    assert [row[0] for row in table["rows"]] == ["amount", "age", "city"]
    assert table["rows"][0][1:] == [0.0, 1.5, 2.5, 0.0, 1.0, 2.0, 0.8, 0.7, 2.5]
    (table,) = _ask("target_endpoint=overall_feature_analysis;endpoint_id=u1;project=p")
    assert table["rows"] == [[0.9, 0.45, 0.8, 0.4, 2.6, 1.3]]
    (table,) = _ask("target_endpoint=overall_feature_analysis;endpoint_id=u2;project=q")
    assert table["rows"] == []


def test_incoming_features() -> None:
    rows = pa.table(
        {
            "event_id": ["a", "b"], "row": [0, 0], "time": [MOMENT - 90, MOMENT - 80],
            "status": ["ok", "ok"], "f:amount": [1.5, None], "f:city": ["x", "y"],
        }
    )  # fmt: skip
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    store: Any = open_store()
    store.delete_batches("p", "u1", MOMENT + 1)
    batch = SeriesBatch("p", "u1", "events", "x", MOMENT - 90, MOMENT - 80, 2, sink.getvalue())
    store.append_batches([batch])
    target = "target_endpoint=incoming_features;endpoint_id=u1;project=p"
    found = _ask(target, rangeRaw={"from": "now-2h", "to": "now"})
    assert found == [{"target": "amount", "datapoints": [[1.5, int((MOMENT - 90) * 1000)]]}]
    assert _ask(target, rangeRaw={"from": "now-1m", "to": "now"}) == []


def test_search() -> None:
    assert search({"target": "target_endpoint=list_projects"}) == ["p", "q"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"targets": []}, {"targets": [None]}, {"targets": [{"target": ""}]},
        {"targets": [{"target": "project=p"}]}, {"targets": [{"target": "list_endpoints"}]},
        {"targets": [{"target": "target_endpoint=list_endpoint"}]},
        {"targets": [{"target": "target_endpoint=overall_feature_analysis;project=p"}]},
    ],
)  # fmt: skip
def test_wrong_questions(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        query(body)
    with pytest.raises(InvalidArgumentError):
        search(body)


def test_an_endpoint_that_is_not_there() -> None:
    with pytest.raises(NotFoundError):
        _ask("target_endpoint=individual_feature_analysis;endpoint_id=none;project=p")
