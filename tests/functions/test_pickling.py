"""Functions on their way to other processes: of modules, scripts, notebooks and other functions."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import mlrun_like as ml

SCRIPT = """
import sys
import cloudpickle, pickle
import mlrun_like as ml

SCALE = 10

def helper(n):
    return n * SCALE

@ml.function(returns=["total"], timeout=9)
def train(n: int, times: int = 2, *, extra: int = 0) -> int:
    '''Train.'''
    return helper(n) * times + extra

@ml.function()
def factorial(n: int) -> int:
    return 1 if n < 2 else n * factorial(n - 1)

@ml.function()
def even(n: int) -> bool:
    return n == 0 or odd(n - 1)

@ml.function()
def odd(n: int) -> bool:
    return n != 0 and even(n - 1)
"""

LOAD = """
import inspect, pickle, sys
train, factorial, even = pickle.load(open(sys.argv[1], "rb"))
assert train(2) == 40 and train(2, 1, extra=1) == 21
assert factorial(5) == 120 and factorial.__wrapped__.__globals__["factorial"] is factorial
assert even(4) and not even(5)
assert (train.__name__, train.__qualname__, train.__doc__) == ("train", "train", "Train.")
assert list(inspect.signature(train).parameters) == ["n", "times", "extra"]
assert train.spec.timeout == 9.0 and train.spec.returns == ["total"]
assert train.spec.build.requirements == ["pandas>=2"]
assert train.run(params={"n": 1}).outputs == {"total": 20}
again = pickle.loads(pickle.dumps(train.spec.returns))
print("done")
"""


def python(folder: Path, *words: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={"PATH": "", "HOME": str(folder), "MLRUN_LIKE_HOME": str(folder / "home")},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def script(folder: Path, name: str, *parts: str) -> str:
    (folder / name).write_text("\n".join(map(textwrap.dedent, parts)), encoding="utf-8")
    return name


DUMP = """
train.with_requirements(["pandas>=2"])
with open("functions.pickle", "wb") as file:
    cloudpickle.dump((train, factorial, even), file)
"""


def test_a_function_typed_into_an_interpreter_goes_too(tmp_path: Path) -> None:
    python(tmp_path, "-", stdin=SCRIPT + DUMP)
    assert "done" in python(tmp_path, script(tmp_path, "used.py", LOAD), "functions.pickle")


@pytest.mark.slow
def test_a_function_of_a_script_goes_to_another_interpreter_and_on_to_a_third(
    tmp_path: Path,
) -> None:
    send_on = """
        import cloudpickle, pickle, sys
        functions = pickle.load(open("functions.pickle", "rb"))
        pickle.loads(cloudpickle.dumps(functions))[0](1)
        open("again.pickle", "wb").write(cloudpickle.dumps(functions))
    """
    python(tmp_path, script(tmp_path, "made.py", SCRIPT, DUMP))
    python(tmp_path, script(tmp_path, "between.py", send_on))
    assert "done" in python(tmp_path, script(tmp_path, "used.py", LOAD), "again.pickle")


@pytest.mark.parametrize("protocol", [3, 5])
def test_pickle_itself_finds_a_function_of_the_running_script(
    tmp_path: Path, protocol: int
) -> None:
    use = f"""
        data = pickle.dumps(train, {protocol})
        again = pickle.loads(data)
        assert again(2) == 40 and again.name == "train"
        again.set_env("LEVEL", 3)
        assert train.get_env("LEVEL") == "3", "it is the same function"
        assert pickle.loads(pickle.dumps(again, {protocol}))(2) == 40
        assert train.__qualname__ == "train" and train.__wrapped__.__qualname__ == "train"
    """
    python(tmp_path, script(tmp_path, "made.py", SCRIPT, use))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_of_a_script_get_its_functions(tmp_path: Path, method: str) -> None:
    if method == "fork" and sys.platform == "darwin":
        pytest.skip("forking is not safe on macOS")
    use = f"""
        import multiprocessing
        if __name__ == "__main__":
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                assert pool.map(train, [1, 2]) == [20, 40]
                assert pool.map(factorial, [5]) == [120]
    """
    python(tmp_path, script(tmp_path, "made.py", SCRIPT, use))


@pytest.mark.slow
def test_joblib_takes_functions_of_a_script_along(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    use = """
        import joblib
        calls = [joblib.delayed(train)(n) for n in (1, 2)] + [joblib.delayed(factorial)(5)]
        assert joblib.Parallel(n_jobs=2)(calls) == [20, 40, 120]
    """
    python(tmp_path, script(tmp_path, "made.py", SCRIPT, use))


def _adder(by: int) -> Any:
    @ml.function(name="adder")
    def add(n: int) -> int:
        return n + by

    return add


@ml.function()
def plain(n: int = 1) -> int:
    return n


def test_a_function_inside_another_goes_by_value() -> None:
    again = cloudpickle.loads(cloudpickle.dumps(_adder(3)))
    assert again(4) == 7 and again.name == "adder"
    assert again.run(params={"n": 1}).outputs == {"return": 4}
    with pytest.raises((pickle.PicklingError, AttributeError), match="add"):
        pickle.dumps(_adder(3))


def test_a_function_of_a_module_goes_by_name_whoever_pickles() -> None:
    for data in (pickle.dumps(plain), cloudpickle.dumps(plain)):
        assert len(data) < 200 and pickle.loads(data) is plain
    assert copy.deepcopy(plain) is plain


def test_an_edited_document_travels_with_a_function_that_goes_by_value() -> None:
    add = _adder(1)
    add.set_env("A", 1).set_label("team", "x")
    again = cloudpickle.loads(cloudpickle.dumps(add))
    assert again.get_env("A") == "1" and again.metadata.labels == {"team": "x"}
    assert inspect.signature(again) == inspect.signature(add)
