"""The seam for kinds of others: an installed package adds one, and its absence is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlrun_like as ml
from mlrun_like.errors import EngineError, MLRunLikeError, PreflightError
from mlrun_like.registry import BUILT_IN, known, load
from mlrun_like.runtimes.base import Runtime
from tests.contract.farm import installed

CODE = "def handler():\n    return 1\n"


def test_a_package_adds_a_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "code.py").write_text(CODE)
    file = str(tmp_path / "code.py")
    with pytest.raises(MLRunLikeError, match="farm"):
        ml.code_to_function("f", kind="farm", filename=file, handler="handler")
    with installed(tmp_path / "plugin"):
        assert "farm" in known("runtimes") and "farm" not in BUILT_IN["runtimes"]
        assert issubclass(load("runtimes", "farm"), Runtime)
        function = ml.code_to_function("f", kind="farm", filename=file, handler="handler")
        run = function.run()  # no farm is configured: a process stands in
        assert run.outputs["return"] == 1
        assert "no farm is configured" in capsys.readouterr().err
        with pytest.raises(EngineError, match="no farm is configured: set FARM_ADDRESS"):
            function.run(local=False)
        monkeypatch.setenv("FARM_ADDRESS", "http://127.0.0.1:1")
        with pytest.raises(ml.errors.RunError, match="the farm at"):
            function.run(watch=False)
        function.spec.node_selector = {"a": "b"}
        with pytest.raises(PreflightError, match="a farm has no nodes to select"):
            function.run()
    assert "farm" not in known("runtimes")
