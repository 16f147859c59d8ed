"""`replay`: recorded events again, also in the debugger."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlrun_like.serving.observe.recording import Recorder

FLOWS = """
import mlrun_like.serving as serving

def clean(body):
    cleaned = {"x": float(body["x"])}
    return cleaned

async def later(body):
    return body

class Divide:
    def do(self, body):
        return {"y": 12 / body["x"]}

graph = serving.flow()
graph.to(clean, "clean").to(Divide, "divide")
waiting = serving.flow()
waiting.to(later, "later").to(Divide, "divide")
"""


@pytest.fixture
def flows(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"flows_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(FLOWS)
    monkeypatch.syspath_prepend(tmp_path)
    graph = importlib.import_module(name).graph
    recorder = Recorder(tmp_path / "recorded", steps=True)
    server = graph.to_mock_server()
    server.observe(recorder)
    server.test(body={"x": 4}, event_id="good")
    server.test(body={"x": 0}, event_id="bad", silent=True)
    recorder.close()
    return f"{name}.py"


def test_all_events(call: Any, flows: str) -> None:
    answer = call("replay", "recorded", "--graph", f"{flows}:graph")
    good, bad, last = answer.out.splitlines()
    assert good.startswith("good 200 same (") and bad.startswith("bad 500 same (")
    assert last == "2 replayed: 2 same, 0 differ"


def test_a_change_is_told_and_fails(spawn: Any, flows: str, tmp_path: Path) -> None:
    path = tmp_path / flows
    path.write_text(path.read_text().replace("12 / body", "6 / body"))
    answer = spawn("replay", "recorded", "-g", f"{flows}:graph", code=1)
    assert "  y: 3.0 -> 1.5" in answer.out and "1 same, 1 differ" in answer.out
    answer = spawn("replay", "recorded", "-g", f"{flows}:graph", "--ignore", "y")
    assert "2 same" in answer.out


def test_one_step_of_one_event(call: Any, flows: str) -> None:
    answer = call(
        "replay", "recorded", "-g", f"{flows}:graph", "-e", "bad", "-s", "divide", "--json"
    )
    (found,) = answer.json
    assert found["same"] and found["step"] == "divide" and found["answer"] is None
    assert found["error"] == "ZeroDivisionError: float division by zero"


def debugged(words: list[str], commands: str, tmp_path: Path, monkeypatch: Any) -> Any:
    # in a process of its own: a debugger traces all that happens beside it, too
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "mlrun_like", "replay", "recorded", *words, "--pdb"],
        input=commands,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return SimpleNamespace(
        exit_code=done.returncode, stdout=done.stdout, output=done.stdout + done.stderr
    )


@pytest.mark.parametrize("name", ["graph", "waiting"])
def test_the_debugger_stops_where_steps_begin(
    flows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    first = {"graph": "clean", "waiting": "later"}[name]
    words = ["-g", f"{flows}:{name}", "-e", "good"]
    done = debugged(words, "p 'at', body\nc\np 'then', body\nc\n", tmp_path, monkeypatch)
    assert done.exit_code == 0, done.output
    assert f"{first}()" in done.stdout and "('at', {'x': 4})" in done.stdout
    assert "('then', {'x': 4" in done.stdout and "1 same" in done.stdout


def test_the_debugger_at_one_step_and_after_its_error(
    flows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["-g", f"{flows}:graph", "-e", "bad", "-s", "divide"]
    done = debugged(words, "p 'at', body\nc\np 'failed', body\nq\n", tmp_path, monkeypatch)
    assert "('at', {'x': 0.0})" in done.stdout and "('failed', {'x': 0.0})" in done.stdout
    quits = debugged(words, "q\n", tmp_path, monkeypatch)
    assert quits.exit_code == 1 and "Traceback" not in quits.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing", "-g", "F:graph"], "there is no recording 'nothing'"),
        (["recorded", "-g", "F:graph", "-e", "god"], "Did you mean 'good'"),
        (["recorded", "-g", "F:graph", "-s", "divid"], "Did you mean 'divide'"),
    ],
)
def test_mistakes(call: Any, flows: str, words: list[str], told: str) -> None:
    assert told in call("replay", *[word.replace("F:", f"{flows}:") for word in words], code=1).err
