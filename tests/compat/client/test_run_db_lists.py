"""Partitions, pages and filters of lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.compat.adapted.client.run_db_lists import Pages
from mlrun_like.errors import InvalidArgumentError

Row = tuple[str, str, str, int]


@pytest.fixture
def database(compat: ModuleType) -> Any:
    found = import_module("mlrun").get_run_db()
    for at, (project, name) in enumerate(
        [("p", "a"), ("p", "a"), ("p", "b"), ("q", "a"), ("p", "b"), ("p", "a")]
    ):
        status = {
            "state": "error" if at == 2 else "completed",
            "start_time": f"2024-05-01T12:0{at}:00+00:00",
            "end_time": f"2024-05-01T13:0{at}:00+00:00",
        }
        spec = {"notifications": [{"kind": "console", "name": "c"}]} if at == 4 else {}
        document = {"metadata": {"name": name}, "spec": spec, "status": status}
        found.store_run(document, f"u{at}", project)
    return found


def _uids(runs: Any) -> list[str]:
    return [run["metadata"]["uid"] for run in runs]


def test_partitions(database: Any) -> None:
    def listed(**options: Any) -> list[str]:
        given = {"partition_by": "project_and_name", "partition_sort_by": "created", **options}
        return _uids(database.list_runs(project="*", **given))

    assert listed() == ["u5", "u4", "u3"]
    assert listed(partition_by="name") == ["u5", "u4"]
    assert listed(rows_per_partition=2) == ["u5", "u4", "u3", "u2", "u1"]
    assert listed(partition_order="asc") == ["u3", "u2", "u0"]
    assert listed(max_partitions=2) == ["u5", "u4"]
    assert listed(max_partitions=1, rows_per_partition=9) == ["u5", "u1", "u0"]


@pytest.mark.parametrize(
    "options, told",
    [
        ({"partition_by": "name"}, "needs partition_sort_by"),
        ({"partition_by": "state", "partition_sort_by": "updated"}, "'state' is not known"),
        ({"partition_by": "name", "partition_sort_by": "size"}, "'size' is not known"),
        (
            {"partition_by": "name", "partition_sort_by": "updated", "partition_order": "up"},
            "'up' is not known",
        ),
        (
            {"partition_by": "name", "partition_sort_by": "updated", "rows_per_partition": 0},
            "rows_per_partition is 0",
        ),
    ],
)
def test_partitions_that_nobody_knows(database: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        database.list_runs(project="p", **options)


def test_filters_by_place_and_time(database: Any) -> None:
    assert _uids(database.list_runs(None, None, "p", None, ["error"])) == ["u2"]
    assert _uids(database.list_runs(project="p", state="error")) == ["u2"]
    assert _uids(database.list_runs(project="p", with_notifications=True)) == ["u4"]
    late = datetime(2024, 5, 1, 13, 4)  # without a zone: UTC
    assert _uids(database.list_runs(project="p", end_time_from=late)) == ["u5", "u4"]
    early = "2024-05-01T15:01:00+02:00"
    # a limit counts what is left by the filters
    assert _uids(database.list_runs(project="p", end_time_to=early, limit=1)) == ["u1"]
    now = datetime.now(timezone.utc)
    assert _uids(database.list_runs(project="p", start_time_from=now)) == []


def test_pages_of_runs(database: Any) -> None:
    seen: list[str] = []
    token, pages = None, 0
    while True:  # the token stands for the filters, too
        filters = {} if token else {"project": "p", "page_size": 2}
        runs, token = database.paginated_list_runs(page_token=token, **filters)
        assert type(runs).__name__ == "RunList"
        seen, pages = seen + _uids(runs), pages + 1
        if not token:
            break
    assert seen == ["u5", "u4", "u2", "u1", "u0"] and pages == 3
    runs, token = database.paginated_list_runs(project="p", page=3, page_size=2)
    assert _uids(runs) == ["u0"] and token is None
    runs, token = database.paginated_list_runs(project="p", page=9, page_size=2)
    assert _uids(runs) == [] and token is None
    assert _uids(database.list_runs(project="p", page=2, page_size=2)) == ["u2", "u1"]


@pytest.mark.parametrize("given", [{"page": 0}, {"page_size": -1}, {"page_token": "x" * 9999}])
def test_pages_that_are_none(database: Any, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError) as found:
        database.paginated_list_runs(project="p", **given)
    assert len(str(found.value)) < 500


def test_tokens_are_bounded() -> None:
    pages, ask = Pages(), list[int]

    def first() -> str:
        token = pages.page(lambda: ask(range(3)), (), {"page_size": 1})[1]
        assert token
        return token

    oldest = first()
    newest = [first() for _ in range(100)][-1]
    assert pages.page(ask, (), {"page_token": newest})[0] == [1]
    with pytest.raises(InvalidArgumentError, match="not known"):
        pages.page(ask, (), {"page_token": oldest})


def test_the_best_iteration(compat: ModuleType) -> None:
    mlrun = import_module("mlrun")

    def work(context: Any, p1: int = 1) -> None:
        context.log_result("accuracy", p1)
        context.log_artifact("note", body=str(p1), format="txt")

    task = mlrun.new_task(project="p").with_hyper_params({"p1": [1, 3, 2]}, selector="accuracy")
    run = mlrun.new_function("t", kind="local").run(task, handler=work, local=True)
    database, tree = mlrun.get_run_db(), run.metadata.uid

    def steps(**options: Any) -> list[int]:
        found = database.list_artifacts("~note", "p", tag="*", tree=tree, **options)
        return sorted(item["metadata"]["iter"] for item in found)

    assert steps() == [1, 2, 3]
    assert steps(best_iteration=True) == [2]
    assert steps(iter=3) == [3]
    with pytest.raises(InvalidArgumentError, match="exclude"):
        steps(iter=3, best_iteration=True)


def test_versions_of_artifacts(compat: ModuleType, write: Callable[..., None]) -> None:
    database = import_module("mlrun").get_run_db()
    for row in [("x", "1"), ("x", "2"), ("y", "3")]:
        write(database, *row)
    given = {"project": "p", "tag": "*", "partition_by": "name"}
    found = database.list_artifacts(**given)
    assert [(item["spec"]["db_key"], item["metadata"]["tree"]) for item in found] == [
        ("y", "3"), ("x", "2"),
    ]  # fmt: skip
    found, token = database.paginated_list_artifacts(project="p", tag="*", page_size=2)
    assert type(found).__name__ == "ArtifactList" and len(found) == 2
    found, token = database.paginated_list_artifacts(page_token=token)
    assert [item["metadata"]["tree"] for item in found] == ["1"] and token is None


@pytest.fixture
def write() -> Callable[..., None]:
    def store(database: Any, key: str, tree: str) -> None:
        document = {"kind": "artifact", "metadata": {"key": key}, "spec": {"target_path": "/x"}}
        database.store_artifact(key, document, project="p", tree=tree)

    return store
