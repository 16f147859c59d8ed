"""Evidently that is not there, or does not import beside what is: a message with a way out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import MissingDependencyError
from mlrun_like.monitoring.applications.shipped.evidently import (
    EvidentlyModelMonitoringApplicationBase,
)


class App(EvidentlyModelMonitoringApplicationBase):
    """An application."""

    NAME = "app"

    def do_tracking(self, monitoring_context: Any) -> Any:
        """Nothing."""


@pytest.mark.parametrize(
    ("code", "said"),
    [("import pandas\npandas.gone_in_version_3\n", "beside pandas .*AttributeError"),
     ("from pandas import gone_in_version_3\n", "beside pandas .*ImportError")],
)  # fmt: skip
def test_one_that_does_not_import_here_says_what_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    (tmp_path / "evidently").mkdir()
    (tmp_path / "evidently" / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "evidently", raising=False)
    with pytest.raises(MissingDependencyError, match=said) as caught:
        App()
    assert "an environment of its own, with pandas 2" in caught.value.fix


def test_one_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evidently", None)
    with pytest.raises(MissingDependencyError, match=r"needs? the package 'evidently'"):
        App()
