"""What a decorator in a file says, read without running the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like import code_to_function
from mlrun_like.errors import FunctionError
from mlrun_like.packaging.declared import declared_options
from mlrun_like.specs.values import Resources, Retry

CODE = """
import mlrun_like as ml
from mlrun_like.functions.decorators import function as fn
raise SystemExit("never run")

@ml.function(kind="process", returns=["a", "b:dataset"], retry=ml.Retry(count=2, backoff=0.5),
             resources=ml.Resources(memory="1Gi"), timeout=60, image=computed())
def one(x): ...

@fn(returns="c")
@other
async def two(): ...

@ml.pipeline(name="p")
def three(): ...
"""


def test_literals_and_values_are_read() -> None:
    assert declared_options(CODE, "one") == {
        "kind": "process",
        "returns": ["a", "b:dataset"],
        "retry": Retry(count=2, backoff=0.5),
        "resources": Resources(memory="1Gi"),
        "timeout": 60,
    }
    assert declared_options(CODE, "two") == {"returns": "c"}


@pytest.mark.parametrize("handler", ["three", "missing", ""])
def test_without_our_decorator_there_is_nothing(handler: str) -> None:
    assert declared_options(CODE, handler) == {}


def test_a_function_of_a_file_keeps_what_its_decorator_says(tmp_path: Path) -> None:
    file = tmp_path / "tour.py"
    file.write_text(
        "import mlrun_like as ml\n\n@ml.function(returns=['total'], retry=1)\n"
        "def add(context, a=1):\n    return a + 1\n"
    )
    function = code_to_function(filename=str(file), handler="add", kind="local")
    assert function.spec.returns == ["total"] and function.spec.retry["count"] == 1
    assert function.run(params={"a": 2}).outputs == {"total": 3}
    with pytest.raises(FunctionError, match="Did you mean 'a'"):
        function.run(params={"aa": 2})
