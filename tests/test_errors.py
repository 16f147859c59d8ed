"""The error tree: documented, distinct, readable, and whole after a trip to another process."""

from __future__ import annotations

import ast
import copy
import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like import errors
from mlrun_like.errors import (
    ConfigError,
    MissingDependencyError,
    MissingFileError,
    MLRunLikeError,
    NotFoundError,
    RunError,
    RunTimeoutError,
    StepError,
    UnknownNameError,
    nearest,
)


def _tree(cls: type[MLRunLikeError] = MLRunLikeError) -> Iterator[type[MLRunLikeError]]:
    yield cls
    for child in cls.__subclasses__():
        if child.__module__.startswith(f"{errors.__name__}."):
            yield from _tree(child)


TREE = list(dict.fromkeys(_tree()))


def test_every_error_has_a_code_of_its_own_and_an_http_status() -> None:
    codes = [cls.code for cls in TREE]
    assert sorted(set(codes)) == sorted(codes)
    assert all(400 <= cls.status < 600 for cls in TREE)


def test_the_drawing_at_the_top_shows_every_error() -> None:
    drawing = inspect.getdoc(errors) or ""
    names = {cls.__name__ for cls in TREE}
    assert all(name in drawing for name in names)
    assert names | {"nearest"} == set(errors.__all__)


def test_only_errors_of_the_tree_are_raised_by_the_modules() -> None:
    found = set()
    for path in Path(str(errors.__file__)).parent.glob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        found |= {node.name for node in body if isinstance(node, ast.ClassDef)}
    assert found == {cls.__name__ for cls in TREE}


@pytest.mark.parametrize("cls", TREE, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_errors_survive_pickling(cls: type[MLRunLikeError], protocol: int) -> None:
    error = cls("depth is -1", where="train.py:3", fix="depth=1")
    error.__dict__["detail"] = {"a": [1]}
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is cls
    assert (again.what, again.where, again.fix) == ("depth is -1", "train.py:3", "depth=1")
    assert str(again) == str(error) and again.args == error.args
    assert again.__dict__ == error.__dict__
    assert again.to_dict() == error.to_dict()


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_fields_of_subclasses_travel_too(copier: object) -> None:
    assert callable(copier)
    run = copier(RunError("failed", where="p@u#0", traceback="Traceback\n  x\n"))
    assert run.traceback == "Traceback\n  x\n" and str(run).endswith("Traceback\n  x")
    step = copier(StepError("failed", step="clean", event_id="7"))
    assert (step.step, step.event_id) == ("clean", "7")


def test_a_message_says_what_where_and_how_to_fix() -> None:
    assert str(MLRunLikeError("w")) == "w"
    assert str(MLRunLikeError("w", where="here")) == "w\n  where: here"
    assert str(MLRunLikeError("w", where="h", fix="f")) == "w\n  where: h\n  fix: f"
    assert str(RunError("w", fix="f", traceback="T\n")) == "w\n  fix: f\nT"
    assert MissingFileError("w", where="h").to_dict() == {
        "code": "missing_file",
        "status": 404,
        "what": "w",
        "where": "h",
        "fix": "",
    }


@pytest.mark.parametrize(
    ("error", "base"),
    [
        (ConfigError, ValueError),
        (NotFoundError, LookupError),
        (UnknownNameError, ValueError),
        (MissingFileError, FileNotFoundError),
        (MissingDependencyError, ImportError),
        (RunTimeoutError, TimeoutError),
        (RunError, RuntimeError),
    ],
)
def test_errors_are_also_what_python_calls_them(
    error: type[MLRunLikeError], base: type[Exception]
) -> None:
    with pytest.raises(base, match="the thing"):
        raise error("the thing")


def test_causes_stay() -> None:
    with pytest.raises(MLRunLikeError) as caught:
        try:
            raise KeyError("x")
        except KeyError as exc:
            raise NotFoundError("no x") from exc
    assert isinstance(caught.value.__cause__, KeyError)


def test_nearest_names_one_close_word_or_none() -> None:
    assert nearest("artefact", ["artifact", "run"]) == " Did you mean 'artifact'?"
    assert nearest("zzz", ["artifact", "run"]) == ""
    assert nearest("", []) == ""
