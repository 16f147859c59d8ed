"""What `mlrun.utils` had: values, names, times, attempts, logs."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pandas
import pytest

from mlrun_like.errors import InvalidArgumentError


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun.utils")


def test_nested_values(old: Any) -> None:
    row: dict[str, Any] = {}
    old.update_in(row, "a.b", 1)
    old.update_in(row, "a.b", 2, replace=False)
    old.update_in(row, "a.c", 3, append=True)
    old.update_in(row, "a.c", [4], append=True)
    old.update_in(row, "a.\\x.y\\", 5)
    assert row == {"a": {"b": 1, "c": [3, 4], "x.y": 5}}
    assert old.get_in(row, "a.b") == 1 and old.get_in(row, ["a", "x.y"]) == 5
    assert old.get_in(row, "a.n.m", 7) == 7 and old.get_in(None, "a", 8) == 8
    with pytest.raises(InvalidArgumentError, match="should be of type 'int'"):
        old.verify_field_of_type("n", "1", int)
    with pytest.raises(TypeError, match=r"Dict\[str, int\]"):
        old.verify_dict_items_type("d", {"a": "b"}, [str], [int])


def test_plain_data_as_text(old: Any) -> None:
    value = {"count": numpy.int64(3), "l": numpy.array([1.5]), "t": pandas.Timestamp("2024-01-02")}
    assert old.dict_to_yaml(value) == "count: 3\nl:\n- 1.5\nt: 2024-01-02T00:00:00\n"
    assert json.loads(old.dict_to_json(value))["count"] == 3
    shared = [1]
    assert "&" not in old.dict_to_yaml({"a": shared, "b": shared})
    with pytest.raises(ValueError, match="cannot be serialized"):
        old.dict_to_yaml({"a": object()})


def test_names_and_uris(old: Any) -> None:
    assert old.normalize_name("My_first function") == "my-first-function"
    uri = old.parse_artifact_uri("p/k#2:t@tree^u")
    assert uri == ("p", "k", 2, "t", "tree", "u")
    assert old.generate_artifact_uri("p", "k", "t", 2, "tree", "u") == "p/k#2:t@tree^u"
    with pytest.raises(ValueError, match="must be integer"):
        old.parse_artifact_uri("p/k#x")
    assert old.is_store_uri("store://a") and not old.is_store_uri(None)
    assert old.StorePrefix.kind_to_prefix("dataset") == "datasets"
    assert old.helpers.join_urls("http://a/", "/b") == "http://a/b"
    assert old.helpers.template_artifact_path("/x/{{project}}/{{run.uid}}", "p", "u") == "/x/p/u"
    with pytest.raises(InvalidArgumentError, match="project name"):
        old.helpers.template_artifact_path("/x/{{project}}", "")
    with pytest.raises(InvalidArgumentError, match="is malformed"):
        old.helpers.validate_tag_name("a b", "tag")
    assert not old.helpers.validate_tag_name("a b", "tag", raise_on_failure=False)
    patterns = importlib.import_module("mlrun.utils.regex")
    assert old.helpers.verify_field_regex("p", "name-1", patterns.project_name)


def test_times(old: Any) -> None:
    helpers = old.helpers
    noon = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
    assert helpers.format_datetime(noon) == "2024-05-01 12:00:00.000000+00:00"
    assert helpers.validate_and_convert_date("2024-05-01 14:00+02:00") == "2024-05-01T12:00:00Z"
    assert helpers.str_to_timestamp("now - 1d floor 1H", pandas.Timestamp(noon)).hour == 12
    assert helpers.datetime_from_iso("") is None and old.now_date().tzinfo is not None
    with pytest.raises(ValueError, match="Invalid date"):
        helpers.validate_and_convert_date("yesterday-ish")
    run = {"status": {"start_time": noon.isoformat()}}
    assert helpers.match_times(noon, noon, run, "status.start_time")
    assert not helpers.match_times(datetime(2025, 1, 1), None, run, "status.start_time")
    assert helpers.match_labels({"a": "1"}, ["a=1", "a!=2", "a~=1", "a"])
    with pytest.raises(ValueError, match="illegal condition"):
        helpers.match_labels({}, ["a=b=c"])


def test_attempts(old: Any) -> None:
    tries: list[int] = []

    def third() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise KeyError("not yet")
        return "done"

    assert old.retry_until_successful(iter([0, 0, 0]), 10, None, False, third) == "done"
    retry_error = importlib.import_module("mlrun.errors")
    with pytest.raises(retry_error.MLRunRetryExhaustedError, match="last_exception"):
        old.retry_until_successful(5, 1, None, False, int, "x")
    with pytest.raises(retry_error.MLRunRetryExhaustedError):
        old.retry_until_successful(0, 60, None, False, int, "x", fatal_exceptions=(ValueError,))

    async def later() -> int:
        return 3

    found = old.helpers.retry_until_successful_async(0, 1, None, False, later)
    assert asyncio.run(found) == 3
    pauses = old.helpers.create_exponential_backoff(2, 10)
    assert [next(pauses) for _ in range(4)] == [2, 4, 8, 10]
    steps = old.helpers.create_step_backoff([[2, 1], [5, None]])
    assert [next(steps) for _ in range(3)] == [2, 5, 5]


def test_names_of_code(old: Any) -> None:
    helpers = old.helpers
    assert old.create_class("collections.OrderedDict").__name__ == "OrderedDict"
    assert helpers.get_class("Mine", {"Mine": dict}) is dict
    with pytest.raises(ImportError, match="Failed to import nowhere"):
        helpers.get_class("nowhere")
    assert helpers.get_function("(event + 1)", None)(2) == 3

    class Maker:
        def __init__(self, context: Any = None, n: int = 0) -> None:
            self.n = n

        def give(self) -> int:
            return self.n

    found = helpers.get_handler_extended("Maker::give", class_args={"n": 4}, namespaces=[
        {"Maker": Maker}])  # fmt: skip
    assert found() == 4
    with pytest.raises(TypeError, match="failed to init"):
        helpers.get_handler_extended("Maker::give", class_args={"x": 4}, namespaces=[
            {"Maker": Maker}])  # fmt: skip


def test_logger(old: Any, capsys: pytest.CaptureFixture[str]) -> None:
    old.logger.info("loaded %s", "it", rows=3)
    assert '[info] loaded it {"rows": 3}' in capsys.readouterr().out
    out = io.StringIO()
    logger = old.create_logger("debug", "json", "mine", out, False)
    logger.bind(run="r").get_child("child").warning("careful", n=1)
    row = json.loads(out.getvalue())
    assert (row["level"], row["with"]) == ("warning", {"run": "r", "n": 1})
    other = io.StringIO()
    logger.replace_handler_stream("default", other)
    logger.exception("bad")
    assert "bad" in other.getvalue()
    with pytest.raises(ValueError, match="does not have a handler"):
        logger.replace_handler_stream("none", other)


def test_digests_and_tables(old: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"abc")
    assert old.helpers.calculate_local_file_hash(str(file)).startswith("a9993e36")
    frame = pandas.DataFrame({"a": [1]})
    same = old.calculate_dataframe_hash(frame) == old.calculate_dataframe_hash(frame.copy())
    assert same
    document = {"metadata": {"name": "f"}, "spec": {}}
    first = old.fill_function_hash(document, "v1")
    assert first == old.fill_function_hash({"metadata": {"name": "f"}, "spec": {}, "status": {}})
    assert document["metadata"]["tag"] == "v1"


def test_safe_paths_do_not_lead_out(compat: Any, tmp_path: Path) -> None:
    safe = importlib.import_module("mlrun.utils").is_safe_path
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    base = str(tmp_path / "in")
    assert safe(base, f"{base}/a/b") and safe(base, base) and safe(base, f"{base}/a/../b")
    assert not safe(base, f"{base}/../out") and not safe(base, "/etc/passwd")
    assert not safe(base, f"{base}side/x")
    assert safe(base, f"{base}/link/x") and not safe(base, f"{base}/link/x", is_symlink=True)


def test_loggers_of_one_name_write_once(compat: Any) -> None:
    create = importlib.import_module("mlrun.utils").create_logger
    stream, other = io.StringIO(), io.StringIO()
    for _ in range(3):
        made = create("info", name="written-once", stream=stream, propagate=False)
    create("info", name="written-once", stream=other, propagate=False)
    made.info("hello")
    assert stream.getvalue().count("hello") == other.getvalue().count("hello") == 1
