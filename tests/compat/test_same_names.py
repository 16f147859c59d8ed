"""Names that several modules of MLRun have, for different things."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest

from mlrun_like.errors import MissingSymbolError


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("mlrun.frameworks._dl_common.loggers", "Logger"),
        ("mlrun.model_monitoring.controller", "handler"),
        ("mlrun.model_monitoring.writer", "init_context"),
    ],
)
def test_a_name_of_its_own_is_not_taken_from_elsewhere(
    compat: ModuleType, module: str, name: str
) -> None:
    with pytest.raises(MissingSymbolError, match=f"{name} does not exist here; it was for"):
        getattr(import_module(module), name)


def test_what_nuclio_calls_is_no_decorator(compat: ModuleType) -> None:
    wrapper = import_module("mlrun.serving.serving_wrapper")
    assert wrapper.handler is import_module("mlrun.serving.server").v2_serving_handler
    assert import_module("mlrun.runtimes.local").Event.__module__.startswith("nuclio_sdk")


def test_what_mlrun_never_had_is_not_said_to_have_been_there(compat: ModuleType) -> None:
    with pytest.raises(MissingSymbolError, match="in MLRun neither"):
        import_module("mlrun.utils").no_such_helper  # noqa: B018
    with pytest.raises(MissingSymbolError, match="in MLRun neither"):
        import_module("mlrun.frameworks.sklearn").NoSuchHandler  # noqa: B018
