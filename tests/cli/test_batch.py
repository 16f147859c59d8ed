"""`batch`: a graph over files; good rows, failing ones, wrong usage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

FLOWS = """
import mlrun_like.serving as serving

class Scale:
    def __init__(self, factor=2):
        self.factor = factor
    def do(self, body):
        return {**body, "y": self.factor * 12 / body["x"]}

class Sum(serving.V2ModelServer):
    def load(self):
        self.model = 1
    def predict(self, request):
        return [sum(row) for row in request["inputs"]]

graph = serving.flow()
graph.to("Scale", factor=3)

total = serving.flow()
total.to("storey.Reduce", initial_value=0, fn=lambda total, body: total + body["z"])

def model():
    made = serving.flow()
    made.to("Sum")
    return made
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    # its own name: a module is imported once, and other tests have other flows
    name = f"flows_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(FLOWS)
    (tmp_path / "in.csv").write_text("x,z\n1,5\n0,6\n4,7\n")
    return f"{name}.py"


def test_rows_of_a_file(call: Any, files: str, tmp_path: Path) -> None:
    answer = call("batch", f"{files}:graph", "in.csv", "out.csv")
    assert answer.out.startswith("3 rows, 1 failed, in ")
    assert "row 1: ZeroDivisionError" in answer.err
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "x,z,y,error" and lines[1] == "1,5,36.0," and lines[-1] == "4,7,9.0,"


def test_rows_for_a_model(call: Any, files: str, tmp_path: Path) -> None:
    call(
        "batch", f"{files}:model", "in.csv", "out.parquet",
        "-c", "z", "--prediction", "sum", "--chunk", "2", "--quiet",
    )  # fmt: skip
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column("sum").to_pylist() == [5, 6, 7] and "x" in table.schema.names


def test_what_a_flow_gathers_is_shown(call: Any, files: str) -> None:
    answer = call("batch", f"{files}:total", "in.csv", "out.jsonl", "-q")
    assert answer.out.splitlines()[1] == "result of the flow: 18"
    assert "result of the flow" not in call("batch", f"{files}:graph", "in.csv", "o.csv", "-q").out


def test_stopping_at_the_first_failure(spawn: Any, files: str, tmp_path: Path) -> None:
    answer = spawn("batch", f"{files}:graph", "in.csv", "out.csv", "--stop", "-q", code=1)
    assert "error: ZeroDivisionError" in answer.err and "row 1" in answer.err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no.py:graph", "in.csv", "o.csv"], "there is no file 'no.py'"),
        (["FILES:nothing", "in.csv", "o.csv"], "there is no 'nothing'"),
        (["FILES:graph", "no.csv", "o.csv"], "there is no file 'no.csv'"),
        (["FILES:graph", "in.csv", "o.xls"], "is no file for rows"),
        (["FILES:graph", "in.csv", "o.csv", "--form", "x"], "--form 'x' is not one of"),
        (["FILES:graph", "in.csv", "o.csv", "-c", "q"], "no column 'q'"),
    ],
)
def test_mistakes(call: Any, files: str, words: list[str], told: str) -> None:
    answer = call("batch", *[word.replace("FILES", files) for word in words], code=1)
    assert told in answer.err
