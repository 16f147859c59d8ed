from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError
from mlrun_like.runs.entry import build_payload, execute_payload, main, prepare
from mlrun_like.runs.job import Job
from mlrun_like.specs.function import FunctionMetadata

if TYPE_CHECKING:
    from tests.runs.conftest import Bench

CODE = """
import sys

def handler(context, a: int = 1):
    print("to the outside")
    context.log_result("secret", len(context.get_secret("KEY") or ""))
    if a < 0:
        raise ValueError("negative")
    return a
"""


def job(bench: Bench, code: str = CODE, handler: str = "handler", **parameters: Any) -> Job:
    """A job whose code travels."""
    made = bench.job(parameters=parameters)
    made.run.spec.handler = handler
    made.function.metadata = FunctionMetadata(name="f", project="default")
    made.function.spec.build.functionSourceCode = base64.b64encode(code.encode()).decode()
    made.secrets = {"KEY": "abc"}
    return made


def test_a_payload_is_plain_data_and_runs(bench: Bench, tmp_path: Path) -> None:
    made = job(bench, a=5)
    result = tmp_path / "result.json"
    with config.override(preview_rows=7, token="never"):
        payload = json.loads(json.dumps(build_payload(made, str(result))))
    assert payload["settings"]["preview_rows"] == 7
    assert "never" not in json.dumps(payload)
    assert execute_payload(payload) == 0
    run = bench.recorded(made.run)
    assert run.status.results == {"secret": 3, "return": 5}
    assert json.loads(result.read_text()) == run.to_dict()
    assert list(tmp_path.iterdir()) == [result]
    assert config.preview_rows != 7
    assert bench.log(made.run) == ""  # its parent reads the output


def test_a_failed_payload(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = job(bench, a=-1)
    assert execute_payload(build_payload(made)) == 1
    run = bench.recorded(made.run)
    assert (run.state(), run.error) == ("error", "ValueError: negative")
    assert "ValueError: negative" in capsys.readouterr().err
    made = job(bench, a=-1)
    made.last_attempt = False
    assert execute_payload(build_payload(made)) == 1
    assert bench.recorded(made.run).status.state == "pending"


def test_code_that_cannot_be_loaded(bench: Bench) -> None:
    for code, handler, text in (
        ("1 / 0", "handler", "ZeroDivisionError"),
        ("def other(): ...", "handler", "handler"),
        ("def handler(:", "handler", "SyntaxError|syntax"),
    ):
        made = job(bench, code, handler)
        assert execute_payload(build_payload(made)) == 1
        error = bench.recorded(made.run).error
        assert any(part in error for part in text.split("|")), error


def test_a_class_is_made_with_its_arguments(bench: Bench) -> None:
    code = """
class Trainer:
    def __init__(self, context, start):
        self.start = start

    def fit(self, by: int, **rest):
        return [self.start + by, sorted(rest)]
"""
    made = job(bench, code, "Trainer::fit", by=2, _init_args={"start": 40})
    assert execute_payload(build_payload(made)) == 0
    assert bench.recorded(made.run).status.results == {"return": [42, []]}


def test_a_program(bench: Bench) -> None:
    code = """
import sys
import mlrun_like as ml
context = ml.get_or_create_ctx("ignored")
assert __name__ == "__main__"
context.log_result("arguments", sys.argv[1:])
"""
    made = job(bench, code, "", n=3)
    made.function.spec.args = ["--n", "{n}"]
    assert execute_payload(build_payload(made)) == 0
    assert bench.recorded(made.run).status.results == {"arguments": ["--n", "3"]}
    made = job(bench, "raise SystemExit(4)", "")
    assert execute_payload(build_payload(made)) == 1
    assert bench.recorded(made.run).error == "SystemExit: 4"


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {},
        {"run": {}},
        {"run": 5, "function": {}},
        {"run": {}, "function": 5},
        {"run": {}, "function": {}, "settings": []},
        {"run": {}, "function": {}, "secrets": "x"},
        {"run": {}, "function": {}, "settings": {"unknown": 1}},
        {"run": {"surprise": 1}, "function": {}},
    ],
)
def test_broken_payloads(home: Path, payload: Any) -> None:
    with pytest.raises(MLRunLikeError):
        execute_payload(payload)


def test_main(bench: Bench, tmp_path: Path) -> None:
    made = job(bench)
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(build_payload(made)))
    assert main([str(file)]) == 0
    with config.override(exec_file=str(file)):
        assert main([]) == 0
    with config.override(exec=file.read_text()):
        assert main([]) == 0
    for text in (b"", b"{", b"\xff"):
        file.write_bytes(text)
        with pytest.raises(InvalidArgumentError, match="not JSON"):
            main([str(file)])
    with pytest.raises(InvalidArgumentError, match="not JSON"):
        main([])
    with pytest.raises(MissingFileError):
        main([str(tmp_path / "nowhere")])


def test_preparing_leaves_no_trace(home: Path) -> None:
    prepare()
    assert list(home.iterdir()) == []
