"""Real containers for the tests of the `container` kind."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.names import new_uid
from mlrun_like.tracking.connect import close_stores
from tests.containers import contract_image, podman_environment

Make = Callable[..., Any]


@pytest.fixture(scope="package")
def image() -> Iterator[str]:
    """An image with this package, while podman works."""
    with podman_environment():
        yield contract_image()


@pytest.fixture
def make(image: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes a function of kind `container` from code; other arguments are set on its `spec`."""
    monkeypatch.chdir(tmp_path)

    def function(code: str, **spec: Any) -> Any:
        path = tmp_path / f"code_{new_uid()[:8]}.py"
        path.write_text(textwrap.dedent(code), encoding="utf-8")
        made = ml.code_to_function(
            "contained", kind="container", image=image, filename=str(path), handler="handler"
        )
        for name, value in spec.items():
            setattr(made.spec, name, value)
        return made

    with config.override(container_tool="podman"):
        yield function
        close_stores()
