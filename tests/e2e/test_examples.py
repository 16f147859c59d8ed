"""The example graphs answer their sample requests, in this process and over HTTP."""

from __future__ import annotations

import importlib.util
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import MLRunLikeError
from mlrun_like.serving.client import Client

EXAMPLES = Path(__file__).resolve().parents[2] / "serving"
PREPARED_BY = {"ensemble": "train.py", "fraud": "prepare.py"}


def graph_of(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"example_{folder.name}", folder / "graph.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.graph, vars(module)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["text", "fraud", "ensemble"])
def test_the_sample_requests_are_answered(name: str) -> None:
    folder = EXAMPLES / name
    if name in PREPARED_BY:
        runpy.run_path(str(folder / PREPARED_BY[name]), run_name="__main__")
    graph, names = graph_of(folder)
    with Client(graph, namespace=names) as client:
        for request in json.loads((folder / "requests.json").read_text()):
            try:
                answer, status = client.post(request.get("path", "/"), request["body"]), 200
            except MLRunLikeError as exc:
                answer, status = {}, exc.status
            assert status == request.get("status", 200), (request, answer)
            expected = request.get("answer", {})
            assert {key: answer[key] for key in expected} == expected
