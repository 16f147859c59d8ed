"""What every kind of runtime does alike: the same function leaves the same record everywhere."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.errors import RunAbortedError, RunError, RunTimeoutError
from mlrun_like.tracking.base import RunQuery
from tests.contract.stage import Stage, wait_for

SLEEPER = """
import time
def handler(context):
    context.log_result("begun", True)
    print("it goes on", flush=True)
    while True:
        time.sleep(0.05)
"""


def test_success(stage: Stage) -> None:
    run = stage.run(
        """
        def handler(context, x: int, y: int = 2):
            context.log_result("double", 2 * x)
            context.set_label("team", "a")
            return x + y
        """,
        params={"x": 4},
    )
    assert run.outputs["return"] == 6
    assert run.outputs["double"] == 8
    record = stage.store.read_run(run.metadata.project, run.uid())
    assert record["status"]["state"] == "completed"
    assert record["status"]["results"] == {"double": 8, "return": 6}
    assert record["metadata"]["labels"]["kind"] == stage.place.kind
    assert record["metadata"]["labels"]["team"] == "a"
    assert record["status"]["start_time"] <= record["status"]["end_time"]
    assert record["spec"]["parameters"] == {"x": 4}
    assert record["spec"]["function"].startswith("default/contract")
    assert not record["status"].get("error")


def test_failure_with_traceback(stage: Stage) -> None:
    error, record = stage.fail(
        """
        def handler():
            print("before")
            helper()

        def helper():
            raise ValueError("böse: %s" % "☠")
        """
    )
    assert "ValueError: böse: ☠" in str(error)
    assert record["status"]["state"] == "error"
    assert record["status"]["error"] == "ValueError: böse: ☠"
    trace = record["status"]["traceback"]
    assert "in helper" in trace and 'raise ValueError("böse: %s" % "☠")' in trace
    assert "mlrun_like" not in trace
    log = stage.log(record)
    assert "before" in log and "ValueError: böse: ☠" in log


@pytest.mark.parametrize("code", ["import sys; sys.exit(3)", "import sys; sys.exit('no data')"])
def test_exit_is_a_failure(stage: Stage, code: str) -> None:
    _, record = stage.fail(f"def handler():\n    {code}\n")
    assert record["status"]["state"] == "error"
    assert "SystemExit" in record["status"]["error"]


def test_missing_module_is_named(stage: Stage) -> None:
    error, record = stage.fail(
        """
        import importlib
        def handler():
            importlib.import_module("not_to_be_found_anywhere")
        """
    )
    assert "not_to_be_found_anywhere" in str(error)
    assert record["status"]["state"] == "error"


def test_logs_live(stage: Stage) -> None:
    background = stage.begin(
        """
        import sys, time
        def handler():
            print("on stdout")
            print("on stderr", file=sys.stderr)
            time.sleep(4)
            print("at the end")
        """
    )
    log = background.wait_log("on stdout")
    assert "at the end" not in log
    assert background.state() == "running"
    record = background.finish()
    assert record["status"]["state"] == "completed"
    log = background.log()
    assert all(text in log for text in ("on stdout", "on stderr", "at the end"))


def test_long_logs_are_whole_and_in_order(stage: Stage) -> None:
    run = stage.run("def handler():\n    for n in range(20000):\n        print(n, 'é' * 20)\n")
    lines = [line for line in stage.log(run).splitlines() if "é" in line]
    assert [int(line.split()[0]) for line in lines] == list(range(20000))


def test_abort(stage: Stage) -> None:
    background = stage.begin(SLEEPER)
    background.wait_log("it goes on")
    assert background.abort() == "aborted"
    record = background.finish()
    assert record["status"]["state"] == "aborted"
    assert isinstance(background.error, RunAbortedError)


def test_timeout(stage: Stage) -> None:
    error, record = stage.fail(SLEEPER, timeout=1.5)
    assert isinstance(error, RunTimeoutError)
    assert record["status"]["state"] == "error"
    assert "exceeded its timeout of 1.5 s" in record["status"]["error"]


def test_retry(stage: Stage) -> None:
    code = """
    def handler(context, good: int):
        attempt = len(context.to_dict()["status"].get("attempts", [])) + 1
        print("attempt", attempt)
        if attempt < good:
            raise OSError("not yet")
        return attempt
    """
    run = stage.run(code, params={"good": 3}, retry=ml.Retry(count=2, backoff=0.01))
    assert run.outputs["return"] == 3
    assert [item["attempt"] for item in run.status.attempts] == [1, 2]
    assert all("OSError: not yet" in item["error"] for item in run.status.attempts)
    assert "attempt 1" in stage.log(run) and "attempt 3" in stage.log(run)
    _, record = stage.fail(code, params={"good": 9}, retry=ml.Retry(count=1, backoff=0.01))
    assert record["status"]["state"] == "error"
    assert len(record["status"]["attempts"]) == 2


def test_parameters_of_all_types(stage: Stage) -> None:
    values: dict[str, Any] = {
        "whole": 2**53 + 1,
        "negative": -(2**63) + 1,
        "real": 0.1,
        "tiny": 5e-324,
        "yes": True,
        "nothing": None,
        "text": "a 'b' \"c\" $HOME `d` {e} {{f}} \\ \n\t ü ☃ 𝄞",
        "empty": "",
        "items": [1, "two", [3.5, None], {}],
        "mapping": {"a b": {"c.d": [False]}, "": "empty key"},
    }
    run = stage.run("def handler(**values):\n    return {'got': values}\n", params=values)
    got = run.outputs.get("got", run.outputs.get("return"))
    got = got.get("got", got) if isinstance(got, dict) else got
    assert got == values
    assert type(got["yes"]) is bool and type(got["whole"]) is int


def test_inputs(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "näme with spaces.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    (tmp_path / "note.txt").write_bytes(b"plain bytes")
    run = stage.run(
        """
        import pandas as pd
        def handler(context, table: pd.DataFrame, note):
            context.log_dataset("squares", table ** 2)
            context.log_result("note", note.get().decode())
            return int(table["b"].sum())
        """,
        inputs={
            "table": str(tmp_path / "näme with spaces.csv"),
            "note": str(tmp_path / "note.txt"),
        },
    )
    assert run.outputs["return"] == 6
    assert run.outputs["note"] == "plain bytes"
    again = stage.run(
        "import pandas as pd\ndef handler(table: pd.DataFrame):\n    return int(table.b.sum())\n",
        inputs={"table": run.outputs["squares"]},
    )
    assert run.outputs["squares"].startswith("store://")
    assert again.outputs["return"] == 20


def test_missing_input_is_named(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "not-there.csv"
    function = stage.function("def handler(table):\n    return len(table.get())\n")
    with pytest.raises((RunError, ml.errors.MLRunLikeError), match=r"not-there\.csv"):
        function.run(inputs={"table": str(path)}, watch=False)


def test_returns(stage: Stage) -> None:
    run = stage.run(
        """
        import pandas as pd
        def handler():
            return 7, pd.DataFrame({"x": [1, 2]}), {"k": [1]}, "skipped"
        """,
        returns=["total", "table:dataset", "mapping:result", None],
    )
    assert run.outputs["total"] == 7
    assert run.outputs["mapping"] == {"k": [1]}
    item = run.artifact("table")
    assert item is not None
    pd.testing.assert_frame_equal(item.as_df(), pd.DataFrame({"x": [1, 2]}))
    assert "skipped" not in run.outputs.values()


def test_artifacts_and_datasets(stage: Stage) -> None:
    run = stage.run(
        """
        import pandas as pd
        def handler(context):
            context.log_artifact("text", body="grüße", local_path="text.txt")
            context.log_dataset("frame", pd.DataFrame({"n": range(5)}), format="csv")
            with open("own.bin", "wb") as file:
                file.write(bytes(range(256)))
            context.log_artifact("file", local_path="own.bin")
            context.log_model("model", body=b"weights", model_file="m.bin", metrics={"auc": 0.5})
            context.log_metric("loss", 0.5, step=1)
            context.log_metric("loss", 0.25, step=2)
        """
    )
    found = {key: run.artifact(key) for key in ("text", "frame", "file")}
    assert all(item is not None for item in found.values())
    assert found["text"].get() == "grüße".encode()  # type: ignore[union-attr]
    assert list(found["frame"].as_df()["n"]) == [0, 1, 2, 3, 4]  # type: ignore[union-attr]
    assert found["file"].get() == bytes(range(256))  # type: ignore[union-attr]
    assert run.outputs["model"].startswith("store://models/")
    model_file, document, _ = ml.get_model(run.outputs["model"])
    assert Path(model_file).read_bytes() == b"weights"
    assert document is not None and document.metrics == {"auc": 0.5}
    assert run.metrics("loss")["loss"] == [(1, 0.5), (2, 0.25)]


def test_hyper_parameters(stage: Stage) -> None:
    run = stage.run(
        """
        def handler(context, x: int, y: int):
            context.log_result("score", -((x - 2) ** 2) + y)
            context.log_artifact("note", body=f"x={x}", local_path="note.txt")
        """,
        params={"y": 10},
        hyperparams={"x": [1, 2, 3]},
        hyper_param_options=ml.HyperParamOptions(selector="max.score"),
    )
    assert run.outputs["score"] == 10
    assert run.outputs["best_iteration"] == 2
    header, *rows = run.status.iterations
    scores = [row[header.index("output.score")] for row in rows]
    assert scores == [9, 10, 9]
    note = run.artifact("note")
    assert note is not None and note.get() == b"x=2"


def test_environment(stage: Stage) -> None:
    function = stage.function(
        """
        import os
        def handler(names):
            return [os.environ.get(name) for name in names]
        """
    )
    values = {"PLAIN": "a b", "TRICKY": "x=1 $HOME \"q\" 'r' ü", "EMPTY": ""}
    function.set_envs(values)
    run = stage.run(function, params={"names": list(values)}, returns=["values:result"])
    assert run.outputs["values"] == list(values.values())


def test_large_results(stage: Stage) -> None:
    run = stage.run(
        """
        def handler(context):
            context.log_result("text", "0123456789" * 500_000)
            context.log_artifact("blob", body=b"ab" * 5_000_000, local_path="blob.bin")
        """
    )
    assert run.outputs["text"] == "0123456789" * 500_000
    blob = run.artifact("blob")
    assert blob is not None and blob.get() == b"ab" * 5_000_000


def test_killed_worker(stage: Stage) -> None:
    background = stage.begin(SLEEPER, elsewhere=stage.place.in_process)
    background.wait_log("it goes on")
    wait_for(lambda: background.results().get("begun"), stage.place.patience)
    stage.place.kill(background.record())
    start = time.monotonic()
    record = background.finish()
    assert time.monotonic() - start < stage.place.patience
    assert record["status"]["state"] == "error"
    error = record["status"]["error"]
    assert any(word in error.lower() for word in ("kill", "lost", "evict", "gone")), error
    assert record["status"]["results"] == {"begun": True}


def test_secrets_are_not_recorded(stage: Stage) -> None:
    function = stage.function(
        """
        import hashlib
        def handler(context):
            value = context.get_secret("TOKEN")
            return hashlib.sha256(value.encode()).hexdigest()
        """
    )
    task = ml.new_task(name="with-secret").with_secrets("inline", {"TOKEN": "geheim-4711"})
    run = stage.run(function, runspec=task)
    assert run.outputs["return"].startswith("bc707789")
    record = stage.store.read_run(run.metadata.project, run.uid())
    documents = stage.store.list_functions(run.metadata.project)
    assert "geheim-4711" not in str(record) + str(documents) + stage.log(run)


def test_context(stage: Stage) -> None:
    run = stage.run(
        """
        import mlrun_like as ml
        def handler(context: ml.MLClientCtx, x=1):
            same = ml.get_or_create_ctx("other")
            assert same.uid == context.uid
            context.logger.info("a line of the logger", x=x)
            context.log_results({"name": context.name, "x": context.get_param("x"),
                                 "project": context.project, "state": context.state})
        """,
        name="own-name",
        params={"x": 5},
    )
    assert run.outputs == {"name": "own-name", "x": 5, "project": "default", "state": "running"}
    assert "a line of the logger" in stage.log(run)


def test_script_without_handler(stage: Stage, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nimport mlrun_like as ml\n"
        "context = ml.get_or_create_ctx('x')\n"
        "context.log_result('arguments', sys.argv[1:])\n"
        "context.log_result('main', __name__ == '__main__')\n"
        "print('done')\n",
        encoding="utf-8",
    )
    function = ml.new_function(
        "script",
        kind=stage.place.kind,
        command=str(script),
        args=["--depth", "{depth}", "ü x"],
        image=stage.place.image,
    )
    run = stage.run(stage.prepared(function), params={"depth": 3})
    assert run.outputs == {"arguments": ["--depth", "3", "ü x"], "main": True}
    assert "done" in stage.log(run)


def test_unicode(stage: Stage) -> None:
    function = stage.function(
        """
        def ausführen(context, größe):
            print("größe →", größe, "😀")
            context.log_result("key", {größe: "ß"})
            context.log_artifact("name", body="ключ", local_path="ñ ü.txt")
        """,
        handler="ausführen",
    )
    run = stage.run(function, params={"größe": "日本語"})
    assert run.outputs["key"] == {"日本語": "ß"}
    item = run.artifact("name")
    assert item is not None and item.get() == "ключ".encode()
    assert "größe → 日本語 😀" in stage.log(run)


def test_modules_beside_the_file_travel(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "contract_helper.py").write_text("def twice(x):\n    return 2 * x\n")
    try:
        run = stage.run(
            """
            from contract_helper import twice
            def handler(x):
                return twice(x)
            """,
            params={"x": 21},
        )
    finally:
        sys.modules.pop("contract_helper", None)
    assert run.outputs["return"] == 42


def test_runs_at_the_same_time(stage: Stage) -> None:
    function = stage.function(
        """
        import time
        def handler(context, n):
            for step in range(5):
                context.log_metric("step", step + n)
                print("run", n, "step", step)
                time.sleep(0.05)
            return n
        """
    )
    runs: dict[int, Any] = {}

    def submit(n: int) -> None:
        runs[n] = function.run(params={"n": n}, watch=False)

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(stage.place.patience * 2)
    assert {n: run.outputs["return"] for n, run in runs.items()} == {0: 0, 1: 1, 2: 2}
    for n, run in runs.items():
        steps = [line for line in stage.log(run).splitlines() if "step" in line]
        assert steps == [f"run {n} step {step}" for step in range(5)]


def test_nothing_stays_running(stage: Stage) -> None:
    for code in ("def handler():\n    return 1\n", "def handler():\n    raise KeyError('x')\n"):
        try:
            stage.run(code)
        except RunError:
            continue
    runs = stage.store.list_runs(RunQuery(project="*"))
    assert {run["status"]["state"] for run in runs} == {"completed", "error"}
