"""`mlrun-like demo`: the whole line on real data, in one process and under a minute.

Breast cancer rows → prepare → grid search → evaluation → a gate → registered model → a two-step
graph over HTTP → its answers compared with the model's own.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import urllib.request
from typing import Any

from rich.console import Console
from rich.table import Table

from mlrun_like.artifacts.models import load_model
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, RunError
from mlrun_like.registry import require, resolve
from mlrun_like.runs.object import RunObject
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.web.serve import serve
from mlrun_like.tracking.base import ArtifactQuery, RunQuery
from mlrun_like.tracking.connect import open_store

__all__ = ["run_demo"]

_ROWS = 20


def run_demo(project: str = "demo", least_auc: float = 0.95) -> int:
    """Run every stage, say what happens, and return 0 only if all of them succeeded.

    Args:
        project: Where runs and artifacts are recorded.
        least_auc: The gate: a model below it is not registered, and the demo fails.

    Raises:
        MissingDependencyError: if scikit-learn is not installed.
    """
    datasets = require("sklearn.datasets", extra="frameworks", feature="the demo")
    console = Console()
    began = time.monotonic()
    with config.override(default_project=project):
        try:
            source = _write_source(datasets, console)
            trained = _train(source, least_auc, console)
            _serve(source, console)
        except MLRunLikeError as exc:
            console.print(f"[red]The demo failed.[/red] {exc}", highlight=False)
            return 1
        _summary(project, trained, console, time.monotonic() - began)
    return 0


def _write_source(datasets: Any, console: Console) -> str:
    path = config.path("demo", "breast_cancer.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = datasets.load_breast_cancer(as_frame=True).frame
    frame.to_parquet(path)
    console.print(
        f"[bold]1 data[/bold]      {len(frame)} rows x {len(frame.columns)} columns → {path}"
    )
    return str(path)


def _train(source: str, least_auc: float, console: Console) -> str:
    """Run the pipeline; the uid of the search."""
    console.print("[bold]2 pipeline[/bold]  prepare → train (grid) → evaluate → gate → register")
    steps = resolve("mlrun_like.cli.demo_steps:training")
    result = steps.run(table=source, least_auc=least_auc)
    state = result.steps["register"]
    if state.state != "completed":
        raise RunError(
            f"the model was not registered: {state.reason}", fix="see `mlrun-like get runs`"
        )
    return str(result.steps["train"].uid)


def _serve(source: str, console: Console) -> None:
    uri = f"store://models/{config.default_project}/breast-cancer:production"
    graph = flow()
    graph.to(resolve("mlrun_like.cli.demo_steps:to_inputs"), "to-inputs").to(
        "mlrun_like.serving.models.sklearn.SKLearnModelServer", "model", model_path=uri
    ).respond()
    frame = require("pandas", extra="frameworks", feature="the demo").read_parquet(source)
    rows = frame.sample(_ROWS, random_state=1)
    expected = [int(value) for value in load_model(uri).predict(rows.drop(columns="target"))]
    body = json.dumps({"patients": rows.to_dict(orient="records")}).encode()
    with serve(graph) as server:
        console.print(f"[bold]3 serving[/bold]   to-inputs → model on {server.url}")
        request = urllib.request.Request(
            server.url, data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            got = json.load(answer)["outputs"]
    if got != expected:
        raise RunError(f"the service answered {got}, the model itself {expected}")
    console.print(f"            {_ROWS} patients sent, {_ROWS} answers equal the model's own")


def _summary(project: str, trained: str, console: Console, seconds: float) -> None:
    store = open_store()
    runs = Table(title="runs", title_justify="left")
    for name in ("name", "state", "uid", "results"):
        runs.add_column(name, overflow="fold")
    for document in store.list_runs(RunQuery(project=project, limit=4))[::-1]:
        run = RunObject.from_dict(document, store)
        results = ", ".join(
            f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in run.status.results.items()
        )
        runs.add_row(run.metadata.name, run.status.state, run.uid(), results)
    artifacts = Table(title="artifacts", title_justify="left")
    for name in ("kind", "uri", "size"):
        artifacts.add_column(name, overflow="fold")
    for document in store.list_artifacts(ArtifactQuery(project=project, tag="latest")):
        meta, spec = document["metadata"], document["spec"]
        if document.get("kind") == "link" or meta.get("iter"):
            continue
        uri = f"{spec.get('db_key') or meta['key']}:{meta.get('tag') or 'latest'}"
        artifacts.add_row(document.get("kind") or "artifact", uri, str(spec.get("size", "")))
    console.print(runs)
    console.print(artifacts)
    console.print(f"everything lies in {config.path()}  ({seconds:.1f} s)")
    console.print("next:")
    # a fresh environment may not be on the path yet: commands that are shown must work
    command = "mlrun-like" if shutil.which("mlrun-like") else f"{sys.executable} -m mlrun_like"
    for line in (
        f"get runs --project {project} --iterations",
        f"show artifact breast-cancer --project {project}",
        f"show run {trained} --project {project}",
    ):
        console.print(f"  {command} {line}", highlight=False, soft_wrap=True)
