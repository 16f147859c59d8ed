"""A program for a Python that has `kfp` and mlrun_like: `kfp_runner.py WORD FOLDER [NAME...]`.

check   loads every package of the folder with the SDK, and its platform part with kfp-kubernetes
local   runs packages with `kfp.local`; the steps of the first in processes, of others in this one
submit  submits one to a small server that answers as the service does, and watches the run
"""

# mypy: disable-error-code="import-untyped,import-not-found"
from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
import uuid
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import yaml


def check(folder: Path) -> dict[str, str]:
    from google.protobuf import json_format
    from kfp import components
    from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes

    found = {}
    for path in sorted(folder.glob("*.yaml")):
        component = components.load_component_from_file(str(path))
        _, platform = yaml.safe_load_all(path.read_text())
        rows = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        for row in rows.values():
            json_format.ParseDict(row, kubernetes.KubernetesExecutorConfig())
        found[path.stem] = component.name
    return found


def local(folder: Path, names: list[str]) -> dict[str, Any]:
    from kfp import components
    from kfp import local as kfp_local
    from kfp.local import logging_utils, subprocess_task_handler

    from mlrun_like.configuration import config
    from mlrun_like.pipelines.exports.kubeflow.step import main

    arguments = json.loads((folder / "arguments.json").read_text())

    def here(full_command: list[str], env_vars: Any = None) -> int:
        return main(full_command[3:])

    # It replaces `print` in threads side by side and may put a replaced one back: each such time
    # `print` calls itself once more, until the process dies of it.
    logging_utils.indented_print = contextlib.nullcontext
    found: dict[str, Any] = {}
    for number, name in enumerate(names):
        kfp_local.init(
            runner=kfp_local.SubprocessRunner(use_venv=False),
            pipeline_root=str(folder / "out" / name),
            raise_on_error=False,
        )
        if number:
            subprocess_task_handler.run_local_subprocess = here
        home = str(folder / "home") if not number else str(folder / "homes" / name)
        said = io.StringIO()
        os.environ["MLRUN_LIKE_HOME"] = home  # for steps in processes
        quiet = contextlib.redirect_stdout(said), contextlib.redirect_stderr(said)
        with config.override(home=home), quiet[0], quiet[1]:
            try:
                component = components.load_component_from_file(str(folder / f"{name}.yaml"))
                component(**arguments[name])
                found[name] = runs()
            except Exception as exc:  # noqa: BLE001  what the other runner cannot do
                found[name] = f"{type(exc).__name__}: {exc}"
    return found


def runs() -> list[Any]:
    from mlrun_like.pipelines.engine.calls import STEP
    from mlrun_like.tracking.base import RunQuery
    from mlrun_like.tracking.connect import open_store

    rows = []
    for run in open_store().list_runs(RunQuery(project="default")):
        if run["metadata"]["labels"].get("kind") == "pipeline":
            continue
        status = run["status"]
        state = "completed" if status["state"] == "completed" else "error"
        outputs = status.get("results", {}) if state == "completed" else {}
        rows.append([run["metadata"]["annotations"][STEP], state, outputs])
    return rows


class Service(BaseHTTPRequestHandler):
    """The calls of the API v2beta1 that submitting and watching need; runs are really made, by the
    interpreter of the specification."""

    asked: ClassVar[list[Any]] = []
    states: ClassVar[dict[str, str]] = {}
    threads: ClassVar[list[threading.Thread]] = []
    folder: ClassVar[Path]

    def do_GET(self) -> None:
        if "/experiments" in self.path:
            self.answer({"experiments": []})
        elif "/runs/" in self.path:
            uid = self.path.partition("/runs/")[2].partition("?")[0]
            state = self.states[uid]
            tasks = [{"display_name": "add", "state": state}]
            self.answer({"run_id": uid, "state": state, "run_details": {"task_details": tasks}})
        else:
            self.answer({"multi_user": False})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append([self.path.partition("?")[0], self.headers["Authorization"], body])
        if "/experiments" in self.path:
            self.answer({"experiment_id": "e1", "display_name": "x"})
        elif body["display_name"] == "refused":
            self.send_error(403, "Forbidden")
        else:
            uid = str(uuid.uuid4())
            self.states[uid] = "RUNNING"
            self.threads.append(threading.Thread(target=self.execute, args=(uid, body)))
            self.threads[-1].start()
            self.answer({"run_id": uid, "display_name": "x", "state": "PENDING"})

    def execute(self, uid: str, body: Any) -> None:
        from mlrun_like.pipelines.exports.kubeflow.executors import COMMAND
        from mlrun_like.pipelines.exports.kubeflow.step import main
        from tests.pipelines.ir_interpreter import Interpreter

        text = json.dumps(body["pipeline_spec"]["pipeline_spec"])
        run = Interpreter(text, self.folder / uid, lambda line: main(line[len(COMMAND) :]), uid)
        self.states[uid] = run.run(body["runtime_config"]["parameters"])

    def answer(self, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


FLOW = """
from mlrun_like import pipeline, function
@function(returns=["value"])
def add(a: int) -> int:
    return a + 1
@pipeline
def flow(n: int = 1):
    add(n)
@pipeline
def boom(text):
    add(text)
@pipeline
def refused(n: int = 1):
    add(n)
"""


def submit(folder: Path) -> dict[str, Any]:
    from typer.testing import CliRunner

    from mlrun_like.cli.main import app
    from mlrun_like.tracking.base import RunQuery
    from mlrun_like.tracking.connect import open_store

    Service.folder = folder / "out"
    (folder / "flow.py").write_text(FLOW)
    os.environ["KUBEFLOW_TOKEN"] = "bearer-canary"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    host = ["--host", f"http://127.0.0.1:{server.server_address[1]}"]
    host += ["--token-from", "KUBEFLOW_TOKEN"]

    def call(*arguments: str) -> Any:
        done = CliRunner().invoke(app, ["pipeline", *arguments, *host])
        return [done.exit_code, done.stdout.strip().splitlines(), done.stderr]

    try:
        good = call("submit", f"{folder}/flow.py:flow", "-p", "n=4", "--watch")
        bad = call("submit", f"{folder}/flow.py:flow", "-p", "n='x'")
        none = call("submit", f"{folder}/flow.py:flow", "-p", "n=None")
        late = call("submit", f"{folder}/flow.py:boom", "-p", "text=x")
        late += call("watch", late[1][-1])
        refused = call("submit", f"{folder}/flow.py:refused")
    finally:
        server.shutdown()
        server.server_close()
        for each in (thread, *Service.threads):
            each.join()
    store = open_store()
    return {
        "good": good,
        "bad": bad,
        "none": none,
        "late": late,
        "refused": refused,
        "asked": Service.asked,
        "runs": store.list_runs(RunQuery(project="default")),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of another project
    setattr(yaml, "SafeLoader", getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: B010  fast
    word, place, *others = sys.argv[1:]
    result: dict[str, Any]
    if word == "local":
        result = local(Path(place), others)
    else:
        result = check(Path(place)) if word == "check" else submit(Path(place))
    sys.stdout.write(json.dumps(result, default=str))
