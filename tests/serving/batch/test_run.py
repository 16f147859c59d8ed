from __future__ import annotations

import asyncio
import math
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlrun_like as ml
from mlrun_like.errors import GraphError, InvalidArgumentError, StepError
from mlrun_like.serving.batch.rows import Rows
from mlrun_like.serving.batch.run import run_batch
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models.server import V2ModelServer
from mlrun_like.serving.protocol import Step


class Scale:
    """Fails for x = 13, and gives many rows what it gives each."""

    calls: ClassVar[list[int]] = []

    def do(self, body: Any) -> Any:
        return {**body, "y": 100 / (13 - body["x"])}

    def do_batch(self, frame: pd.DataFrame) -> pd.DataFrame:
        Scale.calls.append(len(frame))
        if (frame.x == 13).any():
            raise ZeroDivisionError("a row of these is 13")
        return frame.assign(y=100 / (13 - frame.x))


class Positive(Step):
    kind = "filter"

    def do(self, body: Any) -> bool:
        return bool(body["y"] > 0)


class Request:
    def do(self, body: Any) -> Any:
        return {"inputs": [[body["x"], body["y"]]] * body.get("times", 1)}


class Sum(V2ModelServer):
    """Refuses rows whose first value is 7."""

    calls: ClassVar[list[int]] = []

    def load(self) -> None:
        self.model = "sum"

    def predict(self, request: dict[str, Any]) -> Any:
        rows = np.array(request["inputs"], dtype=float)
        Sum.calls.append(len(rows))
        if (rows[:, 0] == 7).any():
            raise ValueError("seven")
        return rows.sum(axis=1)


class Checked(Sum):
    def validate(self, request: dict[str, Any], operation: str) -> dict[str, Any]:
        if request["inputs"][0][0] == 3:
            raise InvalidArgumentError("three is not allowed")
        return super().validate(request, operation)

    def postprocess(self, response: dict[str, Any]) -> dict[str, Any]:
        return {"sum": response["outputs"]}


class Name:
    def do_event(self, event: Event) -> Event:
        event.body = {"answer": event.body, "path": event.path}
        return event


def graph(*steps: Any) -> Graph:
    made = flow()
    at: Any = made
    for number, step in enumerate(steps):
        at = at.to(step, f"s{number}")
    return made


def plain(answer: Any) -> Any:
    """Without what differs from call to call."""
    if isinstance(answer, dict):
        return {k: plain(v) for k, v in answer.items() if k not in ("id", "timestamp")}
    if isinstance(answer, float) and math.isnan(answer):
        return "nan"
    return [plain(item) for item in answer] if isinstance(answer, list) else answer


def online(made: Graph, bodies: list[Any], path: str = "/") -> list[Any]:
    server = made.to_mock_server(globals())
    found = []
    for body in bodies:
        try:
            found.append(plain(server.test(path, body)))
        except Exception as exc:  # noqa: BLE001  compared with the batch's
            found.append(type(exc.__cause__ or exc).__name__)
    return found


def offline(made: Graph, bodies: Any, **options: Any) -> list[Any]:
    result = run_batch(made, bodies, **options)
    found = [plain(answer) for answer in result.answers]
    for row, error in result.errors.items():
        assert found[row] is None
        found[row] = type(error.__cause__ or error).__name__
    assert result.rows == len(found) and result.failed == len(result.errors)
    return found


SHAPES = [
    (Scale,),
    (Scale, Positive),
    (Scale, Positive, Request, Sum),
    (Scale, Request, Checked, Name),
    (Request, Sum, Name),
    (lambda body: body["x"] + 1,),
    (lambda body: body["x"] or None, lambda value: [value]),
    (Scale, lambda body: Response({"made": body["y"]}, 201)),
]


@settings(max_examples=120)
@given(
    st.integers(0, len(SHAPES) - 1),
    st.lists(
        st.fixed_dictionaries(
            {
                "x": st.sampled_from([-2, 0, 1, 3, 7, 12, 13, 13, 14]),
                "y": st.sampled_from([0, 1, 2]),
                "name": st.sampled_from(["a", "b", None]),
            }
        ),
        max_size=30,
    ),
    st.sampled_from([1, 3, 1000]),
)
def test_the_same_answers_as_online(shape: int, bodies: list[Any], chunk: int) -> None:
    made = graph(*SHAPES[shape])
    assert offline(made, bodies, chunk=chunk) == online(made, bodies)


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_frames_give_what_rows_give(shape: int, tmp_path: Path) -> None:
    bodies = [{"x": n % 15, "y": n % 3, "name": "a" if n % 2 else None} for n in range(40)]
    frame = pd.DataFrame(bodies)
    frame.to_parquet(tmp_path / "in.parquet")
    expected = online(graph(*SHAPES[shape]), bodies)
    for source in (frame, pa.Table.from_pandas(frame), tmp_path / "in.parquet", iter(bodies)):
        assert offline(graph(*SHAPES[shape]), source, chunk=7) == expected


def test_steps_with_do_batch_see_chunks() -> None:
    Scale.calls.clear()
    run_batch(graph(Scale, Scale), pd.DataFrame({"x": [1, 2, 3, 4, 5]}), chunk=2)
    assert Scale.calls == [2, 2, 2, 2]  # one row is not worth a frame


def test_tables_give_what_rows_give(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "x": [1, 2, 12, 14, 26, 0],
            "n": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
            "f": [0.5, None, float("nan"), 1.5, 2.5, -1.0],
            "s": ["a", None, "c", "d", "e", "f"],
            "b": [True, False] * 3,
        }
    )
    table = pa.Table.from_pandas(frame, preserve_index=False)
    rows = table.to_pylist()
    for failing in (False, True):
        if failing:
            table = table.set_column(0, "x", pa.array([1, 13, 12, 14, 26, 13]))
            rows = table.to_pylist()
        for chunk in (2, 6):
            run_batch(graph(Scale), table, tmp_path / "a.parquet", chunk=chunk)
            run_batch(graph(Scale), iter(rows), tmp_path / "b.parquet", chunk=chunk)
            one, two = (pq.read_table(tmp_path / f"{name}.parquet") for name in "ab")
            assert one.schema.equals(two.schema)
            kept = [name for name in one.schema.names if name != "error"]
            assert plain(one.select(kept).to_pylist()) == plain(two.select(kept).to_pylist())
            assert one.column("error").is_null().equals(two.column("error").is_null())
            assert one.column("error").null_count == (4 if failing else 6)


def test_models_predict_a_chunk_in_one_call() -> None:
    Sum.calls.clear()
    bodies = [{"x": n, "y": 1, "times": 1 + n % 3} for n in range(6)]
    assert offline(graph(Request, Sum), bodies) == online(graph(Request, Sum), bodies)
    assert Sum.calls[0] == 12


def test_a_failing_row_of_a_million_costs_few_calls() -> None:
    Sum.calls.clear()
    rows = [{"x": 7 if n == 700 else 1, "y": 0} for n in range(1000)]
    result = run_batch(graph(Request, Sum), rows)
    assert list(result.errors) == [700] and len(Sum.calls) < 25
    assert result.answers[699]["outputs"] == [1.0]


def test_rows_as_inputs_of_a_model(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"key": list("abcde"), "a": [1, 2, 7, 4, 5], "b": [1.5] * 5}, index=[9] * 5
    )
    Sum.calls.clear()
    made = graph(Sum)
    result = run_batch(made, frame, rows=Rows(columns=["a", "b"]))
    assert Sum.calls[0] == 5
    assert result.frame.columns.tolist() == ["key", "a", "b", "prediction", "error"]
    assert result.frame.index.tolist() == [9] * 5
    assert result.answers == [2.5, 3.5, None, 5.5, 6.5]
    assert "seven" in result.frame["error"].iloc[2] and result.failed == 1
    server = made.to_mock_server(globals())
    assert server.test(body={"inputs": [[1, 1.5]]})["outputs"] == [result.answers[0]]
    run_batch(made, frame, tmp_path / "out.parquet", rows=Rows(columns=["a", "b"], prediction="p"))
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.names == ["key", "a", "b", "p", "error"]
    with pytest.raises(InvalidArgumentError, match=r"no column 'c'"):
        run_batch(made, frame, rows=Rows(columns=["c"]))


def test_one_model_of_a_router() -> None:
    made = flow()
    router = made.to("*", "models")
    router.add_route("m1", class_name=Sum)  # type: ignore[attr-defined]
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    result = run_batch(made, frame, rows=Rows(path="/v2/models/m1/infer"))
    assert result.answers == [4.0, 6.0]


def test_a_graph_that_does_not_answer_with_outputs() -> None:
    result = run_batch(graph(lambda body: 1), pd.DataFrame({"a": [1, 2]}), rows=Rows("inputs"))
    assert result.failed == 2 and "without a list 'outputs'" in str(result.errors[0])


def test_async_steps_run_together_and_in_order() -> None:
    async def wait(body: Any) -> Any:
        await asyncio.sleep(0.01 * (5 - body % 5))
        return 10 / body

    begin = time.perf_counter()
    found = offline(graph(wait), range(100))
    assert found == ["ZeroDivisionError", *[10 / n for n in range(1, 100)]]
    assert time.perf_counter() - begin < 1.5  # one after the other: 3 s


def test_streams_are_lists() -> None:
    def count(body: Any) -> Any:
        yield from range(body)

    assert run_batch(graph(count), [0, 3]).answers == [[], [0, 1, 2]]


def test_flows_that_collect_have_a_value() -> None:
    made = flow()
    made.to("storey.Reduce", initial_value=0, fn=lambda total, body: total + body)
    result = run_batch(made, range(5))
    assert result.value == 10 and result.rows == 5


class Limited:
    def __init__(self, context: Any) -> None:
        self.limit = context.get_param("limit", 0)

    def do(self, body: Any) -> Any:
        return min(body, self.limit)


def test_a_serving_function_counts_with_its_parameters() -> None:
    fn: Any = ml.new_function("limits", kind="serving")
    fn.set_topology("flow", engine="sync").to("Limited")
    fn.spec.parameters = {"limit": 3}
    assert run_batch(fn, range(5)).answers == [0, 1, 2, 3, 3]


def test_a_server_stays_open() -> None:
    server = graph(Scale).to_mock_server(globals())
    assert run_batch(server, [{"x": 3}]).answers == [{"x": 3, "y": 10.0}]
    assert server.test(body={"x": 3}) == {"x": 3, "y": 10.0}


def test_raising_at_the_first_error(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(StepError, match="ZeroDivisionError") as caught:
        run_batch(graph(Scale), [{"x": 1}, {"x": 13}], target, errors="raise")
    assert caught.value.where.startswith("row 1, ")
    assert not list(tmp_path.iterdir())


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Any] = []
    rows = [{"x": n} for n in range(25)]
    run_batch(graph(Scale), rows, chunk=10, progress=lambda *told: seen.append(told))
    assert seen == [(10, 0, 25), (20, 1, 25), (25, 1, 25)]
    seen.clear()
    run_batch(graph(Scale), iter(rows), chunk=10, progress=lambda *told: seen.append(told))
    assert seen == [(10, 0, None), (20, 1, None), (25, 1, None), (25, 1, 25)]
    run_batch(graph(Scale), iter(rows), progress=True)
    assert capsys.readouterr().err.startswith("25 rows, 1 failed, ")


def test_only_a_chunk_is_in_memory(tmp_path: Path) -> None:
    alive = 0
    most = 0
    lock = threading.Lock()

    class Row(dict[str, Any]):
        def __init__(self, n: int) -> None:
            nonlocal alive, most
            super().__init__(x=n)
            with lock:
                alive += 1
                most = max(most, alive)

        def __del__(self) -> None:
            nonlocal alive
            with lock:
                alive -= 1

    def size(body: Any) -> Any:
        return 1

    rows = (Row(n) for n in range(5000))
    run_batch(graph(size), rows, tmp_path / "out.jsonl", chunk=100)
    assert most <= 210


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"chunk": 0}, "chunk cannot be 0"),
        ({"max_in_flight": 0}, "max_in_flight cannot be 0"),
        ({"errors": "ignore"}, "errors cannot be 'ignore'"),
    ],
)
def test_mistakes(options: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidArgumentError, match=word):
        run_batch(graph(Scale), [], **options)


def test_more_mistakes(tmp_path: Path) -> None:
    for source in (5, b"bytes", {"x": 1}):
        with pytest.raises(InvalidArgumentError, match="is no source of rows"):
            run_batch(graph(Scale), source)
    with pytest.raises(InvalidArgumentError, match="is no file for rows"):
        run_batch(graph(Scale), [], tmp_path / "out.xlsx")
    with pytest.raises(GraphError):
        run_batch(flow().to("NoSuchClass"), [])
    with pytest.raises(InvalidArgumentError, match="form cannot be 'x'"):
        Rows("x")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="columns is the text 'a'"):
        Rows(columns="a")
    with pytest.raises(InvalidArgumentError, match="comes twice"):
        Rows(columns=["a", "a"])


KILLED = """
import sys, time
from mlrun_like.serving.batch.run import run_batch
from mlrun_like.serving.definition.graph import flow
def rows():
    n = 0
    while True:
        n += 1
        if n == 3000:
            sys.stdout.write("written\\n"); sys.stdout.flush()
        yield {"x": n}
graph = flow()
graph.to(lambda body: body, "same")
run_batch(graph, rows(), sys.argv[1], chunk=100)
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_a_killed_batch_leaves_the_old_file(tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"out.{ending}"
    target.write_text("old")
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None and run.stdout.readline() == "written\n"
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert target.read_text() == "old"
