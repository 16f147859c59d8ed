"""`@function(...)`: what it leaves as it was, and what it says to every misuse."""

from __future__ import annotations

import asyncio
import copy
import doctest
import functools
import inspect
import pickle
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import mlrun_like as ml
from mlrun_like import Resources, Retry
from mlrun_like.errors import (
    FunctionError,
    InvalidArgumentError,
    MLRunLikeError,
    UnknownNameError,
)


@ml.function(returns=["total"])
def add(a: int, b: int = 1, *, c: int = 0) -> int:
    """The sum.

    >>> add(2)
    3
    """
    return a + b + c


@ml.function()
async def later(n: int) -> int:
    await asyncio.sleep(0)
    return n * 2


class Holder:
    """Uses a function of the module as a method."""

    scale = add


# -- still a function -------------------------------------------------------------------------


def test_calling_runs_the_plain_body_and_records_nothing() -> None:
    assert add(2) == 3
    assert add(2, 3, c=4) == 9
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        add()  # type: ignore[call-arg]
    assert ml.get_run_db().list_runs(_all()) == []


def _all() -> Any:
    from mlrun_like.tracking.base import RunQuery

    return RunQuery(project="*")


def test_signature_name_and_documentation_stay() -> None:
    assert str(inspect.signature(add)) == "(a: 'int', b: 'int' = 1, *, c: 'int' = 0) -> 'int'"
    assert (add.__name__, add.__qualname__, add.__module__) == ("add", "add", __name__)
    assert inspect.getdoc(add) == "The sum.\n\n>>> add(2)\n3"
    assert inspect.unwrap(add)(1) == 2
    assert callable(add) and repr(add) == "<function 'add' of kind 'local'>"


def test_doctests_of_the_function_are_found() -> None:
    module = sys.modules[__name__]
    found = {test.name.rpartition(".")[2]: test for test in doctest.DocTestFinder().find(module)}
    assert len(found["add"].examples) == 1


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_function_pickles_by_name(protocol: int) -> None:
    data = pickle.dumps(add, protocol)
    assert len(data) < 200
    assert pickle.loads(data) is add
    assert cloudpickle.loads(cloudpickle.dumps(add)) is add
    assert copy.copy(add) is add and copy.deepcopy({"f": add})["f"] is add


def _plain(a: int) -> int:
    return a + 1


def test_a_function_under_another_name_pickles_with_its_options() -> None:
    other = ml.function(name="other", timeout=5)(_plain)
    again = pickle.loads(pickle.dumps(other))
    assert again is not other and again(1) == 2
    assert (again.name, again.spec.timeout) == ("other", 5.0)
    assert again.run(params={"a": 1}).outputs == {"return": 2}


def test_a_function_that_exists_as_a_document_pickles_as_one() -> None:
    add.export(str(Path(ml.config.home) / "f.yaml"))
    imported = ml.import_function(str(Path(ml.config.home) / "f.yaml"))
    again = pickle.loads(pickle.dumps(imported))
    assert again.to_dict() == imported.to_dict()


def test_coroutine_functions_stay_coroutine_functions() -> None:
    assert asyncio.run(later(4)) == 8
    if sys.version_info >= (3, 12):
        assert inspect.iscoroutinefunction(later)
    assert not inspect.iscoroutinefunction(add)


def test_a_function_as_attribute_of_a_class_binds_as_functions_do() -> None:
    assert Holder.scale is add
    with pytest.raises(TypeError, match="unsupported operand"):
        Holder().scale()


def _doubled(target: Any) -> Any:
    @functools.wraps(target)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return 2 * target(*args, **kwargs)

    return wrapper


@ml.function()
@_doubled
def slow(n: int) -> int:
    return n


def test_decorators_below_are_kept() -> None:
    assert slow(3) == 6 and slow.__name__ == "slow"
    assert slow.run(params={"n": 2}).outputs == {"return": 4}


def test_functions_of_exec_code_run() -> None:
    module = types.ModuleType("cell")
    source = "import mlrun_like as ml\n@ml.function()\ndef cell_fn(n: int = 3):\n    return [n]\n"
    exec(compile(source, "<cell>", "exec"), module.__dict__)
    assert module.cell_fn.run().outputs == {"return": [3]}


def test_declaring_loads_nothing_heavy() -> None:
    code = (
        "import sys, mlrun_like as ml\n"
        "@ml.function(returns=['a'], requirements=['pandas'], retry=2, timeout=3)\n"
        "def f(x: int): return x\n"
        "heavy = {'pydantic', 'pandas', 'sqlalchemy', 'yaml', 'numpy', 'pyarrow'}\n"
        "assert f(2) == 2\n"
        "print(heavy & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


# -- options ----------------------------------------------------------------------------------


def test_options_become_the_document() -> None:
    made = ml.function(
        kind="process",
        name="Train_It",
        requirements=["pandas>=2", "pandas>=2"],
        returns="score",
        resources=Resources(cpu=2, memory="1Gi"),
        retry=3,
        timeout=60,
        project="fraud",
        tag="v1",
    )(_plain)
    spec, meta = made.spec, made.metadata
    assert (made.name, made.kind, meta.project, meta.tag) == ("train-it", "process", "fraud", "v1")
    assert spec.build.requirements == ["pandas>=2"]
    assert spec.returns == ["score"] and spec.default_handler == "_plain"
    assert spec.resources == {"limits": {"cpu": 2, "memory": "1Gi"}}
    assert spec.retry == Retry(count=3).to_dict() and spec.timeout == 60.0
    assert list(spec.entry_points) == ["_plain"]


@pytest.mark.parametrize(
    ("python_name", "expected"),
    [("_clean", "clean"), ("Load__Data", "load-data"), ("x" * 80, "x" * 63), ("größe", "gr-e")],
)
def test_names_are_made_of_python_names(python_name: str, expected: str) -> None:
    target = types.FunctionType(_plain.__code__, globals(), python_name)
    assert ml.function()(target).name == expected


def test_caller_keeps_its_lists() -> None:
    hints: list[Any] = [{"key": "a"}]
    made = ml.function(returns=hints)(_plain)
    hints[0]["key"] = "b"
    hints.append("c")
    assert made.spec.returns == [{"key": "a"}]


BAD_OPTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": ""}, "kind must be a text", "@function(kind="),
    ({"kind": 3}, "kind must be a text", "@function(kind="),
    ({"kind": "procss"}, "Did you mean 'process'?", "process"),
    ({"image": "x:1"}, "has no effect", "leave image out"),
    ({"name": "a/b"}, "'a/b' is not usable", "train-model"),
    ({"requirements": "pandas"}, "neither a list nor a requirements file", "['pandas']"),
    ({"requirements": [3]}, "must be a list of texts", "pandas>=2"),
    ({"requirements": ["pan das"]}, "'pan das' is not a requirement", "scikit-learn"),
    ({"requirements": 5}, "must be a list of texts", "pandas>=2"),
    ({"returns": 5}, "must be a list of log hints", "accuracy"),
    ({"returns": ["a:b:c"]}, "have only a single ':'", "write"),
    ({"returns": ["a:"]}, "should specify an artifact type", "write 'a'"),
    ({"returns": [{"artifact_type": "file"}]}, "must include the 'key'", "write"),
    ({"returns": ["a", "a:file"]}, "two log hints have the key 'a'", "own key"),
    ({"returns": [""]}, "empty key", "write"),
    ({"resources": "1Gi"}, "must be Resources(...)", "Resources(cpu=2"),
    ({"retry": "3"}, "must be a number or Retry(...)", "Retry(count=3"),
    ({"retry": True}, "must be a number or Retry(...)", "Retry(count=3"),
    ({"retry": -1}, "between 0 and 100", "Retry(count=3"),
    ({"timeout": 0}, "above 0", "timeout=600"),
    ({"timeout": "10"}, "above 0", "timeout=600"),
    ({"timeout": float("nan")}, "above 0", "timeout=600"),
    ({"timeout": True}, "above 0", "timeout=600"),
    ({"project": "Big Project"}, "project name 'Big Project'", "fraud-demo"),
    ({"tag": "a b"}, "'a b' is not allowed", "such as"),
]


@pytest.mark.parametrize(("options", "what", "fix"), BAD_OPTIONS, ids=lambda item: str(item)[:40])
def test_a_bad_option_is_refused_when_it_is_declared(
    options: dict[str, Any], what: str, fix: str
) -> None:
    with pytest.raises(MLRunLikeError) as caught:
        ml.function(**options)(_plain)
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert isinstance(caught.value, (InvalidArgumentError, UnknownNameError))


# -- targets ----------------------------------------------------------------------------------


def _module_lambda() -> Any:
    return lambda x: x


class Trainer:
    """Something that is no function."""

    def fit(self) -> None: ...

    @staticmethod
    def helper() -> None: ...

    def __call__(self) -> None: ...


def _nested() -> Any:
    def inner() -> int:
        return 1

    return inner


BAD_TARGETS: list[tuple[Any, dict[str, Any], str, str]] = [
    (Trainer, {}, "not the class Trainer", "Class::method"),
    (Trainer(), {}, "not Trainer", "decorate a def"),
    (Trainer.fit, {}, "'Trainer.fit' is a method", "out of the class"),
    (Trainer().fit, {}, "not method", "decorate a def"),
    (vars(Trainer)["helper"], {}, "cannot decorate a method", "out of the class"),
    (_module_lambda(), {}, "a lambda has no name", "def my_step(x)"),
    (functools.partial(_plain, 1), {}, "not partial", "decorate a def"),
    (functools.lru_cache(_plain), {}, "not _lru_cache_wrapper", "decorate a def"),
    (len, {}, "not builtin_function_or_method", "decorate a def"),
    (add, {}, "'add' is decorated twice", "merge options"),
    (_nested(), {"kind": "process"}, "defined inside another function", "top level"),
    (None, {}, "not NoneType", "decorate a def"),
    ("train", {}, "not str", "decorate a def"),
]


@pytest.mark.parametrize(
    ("target", "options", "what", "fix"), BAD_TARGETS, ids=[row[2] for row in BAD_TARGETS]
)
def test_what_is_no_function_is_refused(
    target: Any, options: dict[str, Any], what: str, fix: str
) -> None:
    with pytest.raises(FunctionError) as caught:
        ml.function(**options)(target)
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_a_function_inside_another_may_run_here() -> None:
    assert ml.function()(_nested()).run().outputs == {"return": 1}


@pytest.mark.parametrize(
    ("argument", "fix"),
    [
        (_plain, "@function()\n    def _plain(...): ..."),
        (Trainer, "Class::method"),
        ("process", "@function(kind='process')"),
        (3, "@function()"),
    ],
)
def test_forgotten_parentheses_and_positional_options_are_explained(
    argument: Any, fix: str
) -> None:
    with pytest.raises(FunctionError) as caught:
        ml.function(argument)
    assert fix in caught.value.fix


def test_an_unknown_option_is_an_error() -> None:
    with pytest.raises(TypeError, match="imagee"):
        ml.function(imagee="x")  # type: ignore[call-arg]


def test_places_are_named() -> None:
    with pytest.raises(FunctionError) as caught:
        ml.function(_plain)
    line = _plain.__code__.co_firstlineno
    assert caught.value.where == f"{__file__}:{line}"
