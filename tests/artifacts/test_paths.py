"""Where an artifact's bytes go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.artifacts.artifact import (
    Artifact,
    ModelArtifact,
)
from mlrun_like.artifacts.manager import (
    Producer,
    expand_artifact_path,
    extend_artifact_path,
)
from mlrun_like.artifacts.paths import generate_target_path, resolve_artifact_path
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError

FRAME = pd.DataFrame({"age": [42, 52, 36], "score": [25, 94, 57], "name": ["a", "b", "c"]})


def _producer(**changes: Any) -> Producer:
    values = {"kind": "run", "name": "train", "uri": "demo@u1#0", "project": "demo", "tree": "u1"}
    return Producer(**{**values, **changes})


def test_artifact_paths(home: Path) -> None:
    run = _producer()
    assert expand_artifact_path("s3://b/{{ project }}/{{workflow.uid}}", "p", "u") == "s3://b/p/u"
    assert expand_artifact_path("{{run.project}}/{{run.uid}}", "p", "") == "p/project"
    with pytest.raises(InvalidArgumentError, match=r"'user'"):
        expand_artifact_path("{{user}}", "p", "u")
    for path, first, second in [
        ("", "", "yz"), ("./", "./", "./"), ("abc", "abc", "abc"),
        ("+/", "", "yz/"), ("+/x", "x", "yz/x"),
    ]:  # fmt: skip
        assert (extend_artifact_path(path, ""), extend_artifact_path(path, "yz")) == (first, second)
    assert resolve_artifact_path(run, "+/sub") == str(home / "artifacts/demo/u1/sub")
    assert resolve_artifact_path(run, "rel") == os.path.abspath("rel")
    with config.override(artifact_path="memory://x/{{run.uid}}"):
        assert resolve_artifact_path(run, None) == "memory://x/u1"
        assert (
            resolve_artifact_path(_producer(artifact_path="memory://own"), "+/a")
            == "memory://own/a"
        )
    assert resolve_artifact_path(Producer("project", "demo", "", "demo", ""), None) == str(
        home / "artifacts/demo/project"
    )


def test_generate_target_path() -> None:
    run, project = _producer(name="j1"), Producer("project", "p", "", "p", "")
    cases = [
        ("x", Artifact("k1"), run, "x/j1/0/k1"),
        ("", Artifact("k2", format="html"), _producer(name="j1", iteration=1), "j1/1/k2.html"),
        ("", Artifact("k3", src_path="model.pkl"), run, "j1/0/k3.pkl"),
        ("x", Artifact("k4", src_path="a.b"), project, "x/k4.b"),
        ("", ModelArtifact("k5", model_dir="y", model_file="model.pkl"), run, "j1/0/k5/"),
        ("x", ModelArtifact("k6", model_file="a.b"), project, "x/k6/"),
    ]
    for path, artifact, producer, expected in cases:
        assert generate_target_path(artifact, path, producer) == expected
