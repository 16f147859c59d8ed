"""Old `except` clauses catch what we raise, and old `raise` statements raise what we know."""

from __future__ import annotations

import importlib
import pickle
from types import ModuleType
from typing import Any

import httpx
import pytest

from mlrun_like import errors


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun.errors")


@pytest.mark.parametrize(
    ("name", "raised"),
    [
        ("MLRunNotFoundError", errors.MissingFileError),
        ("MLRunInvalidArgumentError", errors.SpecError),
        ("MLRunBadRequestError", errors.ConfigError),
        ("MLRunConflictError", errors.StateError),
        ("MLRunRuntimeError", errors.StepError),
        ("MLRunRuntimeError", errors.RunError),
        ("MLRunTimeoutError", errors.RunTimeoutError),
        ("MLRunMissingDependencyError", errors.MissingDependencyError),
        ("MLRunAccessDeniedError", errors.AccessDeniedError),
        ("MLRunBaseError", errors.OverloadedError),
        ("MLRunHTTPStatusError", errors.NotFoundError),
        ("MLRunValueError", errors.InvalidArgumentError),
    ],
)
def test_old_clauses_catch_ours(old: Any, name: str, raised: type[Exception]) -> None:
    with pytest.raises(getattr(old, name)):
        raise raised("gone")


def test_every_class_can_be_raised_by_its_message(old: Any) -> None:
    for name in old.__all__:
        kind = getattr(old, name)
        if not isinstance(kind, type) or name == "ModelRunnerError":
            continue
        error = kind("what it says")
        assert "what it says" in str(error), name
        assert str(pickle.loads(pickle.dumps(error))) == str(error), name


def test_statuses(old: Any) -> None:
    assert old.MLRunNotFoundError.error_status_code == 404
    assert old.MLRunUnprocessableEntityError.error_status_code == 422
    assert old.MLRunHTTPError("x", status_code=418).status == 418
    assert old.err_for_status_code(409, "twice").what == "twice"
    assert type(old.err_for_status_code(499)) is old.MLRunHTTPError
    answer = httpx.Response(403, request=httpx.Request("GET", "http://host/a"))
    with pytest.raises(old.MLRunAccessDeniedError, match="403") as caught:
        old.raise_for_status(answer)
    assert caught.value.response is answer and caught.value.status == 403
    with pytest.raises(old.MLRunAccessDeniedError, match=r"^no entry"):
        old.raise_for_status(answer, "no entry")
    old.raise_for_status(httpx.Response(200, request=answer.request))


def test_texts_of_errors(old: Any) -> None:
    try:
        try:
            raise KeyError("a")
        except KeyError as exc:
            raise ValueError("b") from exc
    except ValueError as exc:
        assert old.err_to_str(exc) == "b, caused by: 'a'"
    assert old.err_to_str(None) == "" and old.err_to_str("x") == "x"
    assert old.err_to_str(ValueError()) == "ValueError()"
    assert "...truncated..." in old.err_to_str(ValueError("x" * 40_000))
    assert str(old.MLRunMissingProjectError()).startswith("Project must be provided")
    assert old.ModelRunnerError({"m": "bad"}).get_errors() == {"m": "bad"}
    fatal = old.MLRunFatalFailureError(original_exception=KeyError("k"))
    assert isinstance(fatal.original_exception, KeyError)
