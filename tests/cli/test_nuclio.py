"""`mlrun-like nuclio`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.configuration import config
from tests.runtimes.nuclio.dashboards import FakeDashboard

HANDLER = "def handler(context, event):\n    return 'ok'\n"
OBJECT = """
import mlrun_like as ml
fn = ml.new_function("double", project="shop", kind="serving")
fn.set_topology("flow", engine="sync").to(name="twice", handler="(event * 2)")
other = 5
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_handler.py").write_text(HANDLER)
    (tmp_path / "my_graph.py").write_text(OBJECT)
    return tmp_path


def test_export(call: Any, folder: Path) -> None:
    found = call(
        "nuclio", "export", "my_handler.py", "out", "--handler", "handler", "-p", "shop",
        "--tag", "v1", "--set", "spec.minReplicas=0",
    )  # fmt: skip
    assert (found.code, found.out.strip()) == (0, "out")
    made = yaml.safe_load((folder / "out" / "function.yaml").read_text())
    assert made["metadata"]["name"] == "shop-my-handler-v1"
    assert made["spec"]["minReplicas"] == 0
    assert call("nuclio", "export", "my_graph.py:fn", "fn.zip").code == 0
    assert (folder / "fn.zip").is_file()
    again = call("nuclio", "export", "out/function.yaml", "again")
    assert again.code == 0 and (folder / "again" / "my_handler.py").read_text() == HANDLER


def test_show(call: Any, folder: Path) -> None:
    found = call("nuclio", "show", "my_graph.py:fn")
    assert yaml.safe_load(found.out)["metadata"]["name"] == "shop-double"
    found = call("nuclio", "show", "my_handler.py", "--handler", "handler", "--json")
    assert '"handler": "my_handler:handler"' in found.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "none.py"], "does not exist"),
        (["show", "my_graph.py:other"], "which is no function"),
        (["show", "my_handler.py", "--handler", "nosuch"], "nosuch"),
        (["deploy", "my_handler.py", "--kind", "job", "--handler", "handler"], "nuclio:mlrun"),
        (["deploy", "my_handler.py", "--handler", "handler"], "no Nuclio dashboard"),
    ],
)
def test_mistakes(call: Any, folder: Path, arguments: list[str], message: str) -> None:
    assert message in call("nuclio", *arguments, code=1).err


def test_deploy(call: Any, folder: Path) -> None:
    with FakeDashboard() as board, config.override(nuclio_poll_interval=0.01):
        found = call(
            "nuclio", "deploy", "my_handler.py", "--handler", "handler", "--dashboard", board.url
        )
        assert found.code == 0, found.err
        assert "Building processor image" in found.out and board.url in found.out
        assert "default-my-handler" in board.stored
