"""Whether Spark can be used from here."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like.runtimes.spark.runtime import SparkRuntime
from mlrun_like.specs.function import FunctionDoc


def test_without_spark_submit_the_kind_is_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "none"))
    assert "spark-submit" in SparkRuntime().unavailable(FunctionDoc())
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text("{}")
    assert SparkRuntime().unavailable(FunctionDoc()) == "", "the operator has its own Spark"
