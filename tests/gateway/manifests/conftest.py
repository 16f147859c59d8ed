"""Functions to write, and a cluster to apply them to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from tests.kubernetes_api import Cluster, kubernetes_cluster

CODE = "def handler(context, event):\n    return 'hello ' + event.body.decode()\n"


@pytest.fixture
def make() -> Callable[..., Any]:
    """Makes a function of kind nuclio."""

    def made(name: str = "hello", code: str = CODE, **values: Any) -> Any:
        given = {"project": "shop", "kind": "nuclio", "image": "reg/hello:1", **values}
        return ml.new_function(name, **given).with_code(body=code)

    return made


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that the settings name."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with kubernetes_cluster(folder) as cluster:
        config.kubeconfig = str(cluster.kubeconfig())
        yield cluster
