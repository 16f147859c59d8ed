"""Items in the form of MLRun's hub, whose embedded code was written for MLRun."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import mlrun_like
from mlrun_like import compat as switch
from mlrun_like.artifacts.dataset import DatasetArtifact, TableArtifact

_CODE = """
import mlrun
from mlrun.mlutils.data import get_splits


def halve(context: mlrun.MLClientCtx, rows: int = 8):
    (x, _), (held, _) = get_splits(list(range(rows)), [0] * rows, 2, 0.5)
    context.log_result("sizes", [len(x), len(held)])
"""


@pytest.fixture
def item(tmp_path: Path) -> Iterator[Path]:
    code = base64.b64encode(_CODE.encode()).decode()
    document = {
        "kind": "job",
        "metadata": {"name": "halve-rows", "categories": ["data-preparation"]},
        "spec": {
            "default_handler": "halve",
            "image": "mlrun/mlrun",
            "build": {"functionSourceCode": code, "origin_filename": ""},
        },
    }
    path = tmp_path / "function.yaml"
    path.write_text(json.dumps(document))  # JSON is YAML
    try:
        yield path
    finally:
        switch.uninstall()


def test_embedded_code_that_imports_mlrun_needs_no_switch(item: Path) -> None:
    assert not switch.installed()
    assert "mlrun" not in sys.modules
    run = mlrun_like.import_function(str(item)).run(params={"rows": 10}, local=True)
    assert run.status.results["sizes"] == [5, 5]


def test_runs_of_old_code_have_their_full_names(item: Path, tmp_path: Path) -> None:
    function = mlrun_like.import_function(str(item))
    function.metadata.name = "halve"
    assert function.run(local=True).metadata.name == "halve"
    switch.install(quiet=True)
    assert function.run(local=True).metadata.name == "halve-halve"
    assert function.run(name="My_run", local=True).metadata.name == "my-run"


def test_an_application_is_not_made_of_the_file_that_asks_for_it(tmp_path: Path) -> None:
    project = mlrun_like.new_project("apps", str(tmp_path), save=False)
    function = project.set_function(name="proxy", kind="application", image="python:3.11")
    assert (function.kind, function.spec.image) == ("application", "python:3.11")


def test_a_data_set_may_belong_with_artifacts(tmp_path: Path) -> None:
    table = TableArtifact("numbers", df=pd.DataFrame({"x": [1]}))
    table.spec.target_path = str(tmp_path / "numbers.csv")
    given = DatasetArtifact("rows", df=pd.DataFrame({"x": [1]}), extra_data={"a": table, "b": "c"})
    assert given.to_dict()["spec"]["extra_data"] == {"a": str(tmp_path / "numbers.csv"), "b": "c"}
