"""What a type checker sees of decorated functions."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

PRELUDE = """
from __future__ import annotations
import asyncio
import mlrun_like as ml

@ml.function(returns=["total"])
def add(a: int, b: int = 1) -> int:
    return a + b

@ml.function(kind="process", retry=2, resources=ml.Resources(cpu=1))
async def later(name: str, *, loud: bool = False) -> str:
    return name
"""

RIGHT = """
reveal_type(add(1))
reveal_type(add(1, b=2))
reveal_type(asyncio.run(later("x", loud=True)))
reveal_type(add.run(params={"a": 1}))
reveal_type(add.run(params={"a": 1}).outputs)
reveal_type(add.export())
reveal_type(add.with_requirements(["pandas"]).set_env("A", 1))
reveal_type(ml.Retry(count=3).delay(1))
reveal_type(ml.code_to_function(filename="x.py", kind="local"))
"""

SEEN = [
    "int",
    "int",
    "str",
    "mlrun_like.runs.object.RunObject",
    "dict[str, Any]",
    "mlrun_like.functions.function.Function[[a: int, b: int =], int]",
    "mlrun_like.functions.function.Function[[a: int, b: int =], int]",
    "float",
    "mlrun_like.functions.function.Function[..., Any]",
]

WRONG = {
    'add("one")': "arg-type",
    "add()": "call-arg",
    "add(1, c=3)": "call-arg",
    "add(1).upper()": "attr-defined",
    '_ = later("x", True)': "call-arg",
    "add.rum()": "attr-defined",
    "add.run(parms={})": "call-arg",
    "ml.function(knd='local')": "call-arg",
    "ml.function(timeout='1h')": "arg-type",
    "ml.Resources(gpus='2')": "arg-type",
}


# Packages below ours take most of the time and say nothing about our front door.
CONFIG = """
[mypy]
strict = True
follow_imports = silent
disable_error_code = import-untyped
[mypy-pandas.*,numpy.*,pyarrow.*,sqlalchemy.*,pydantic.*,pydantic_core.*,fsspec.*,yaml.*,starlette.*]
follow_imports = skip
follow_imports_for_stubs = True
[mypy-alembic.*,uvicorn.*,rich.*,typer.*,cloudpickle.*,matplotlib.*,plotly.*,sklearn.*,IPython.*]
follow_imports = skip
follow_imports_for_stubs = True
"""


def check(folder: Path, text: str) -> list[str]:
    """The messages of mypy, with its cache kept for this test session."""
    api = pytest.importorskip("mypy.api")
    file = folder / "snippet.py"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    config = folder / "mypy.ini"
    config.write_text(CONFIG, encoding="utf-8")
    out, problems, _ = api.run(
        [str(file), "--config-file", str(config), "--cache-dir", str(folder), "--no-error-summary"]
    )
    assert not problems
    return [line.split(": ", 1)[1] for line in str(out).splitlines()]


@pytest.mark.slow
def test_types_pass_through_the_decorator_and_wrong_calls_are_errors(tmp_path: Path) -> None:
    seen = check(tmp_path, PRELUDE + RIGHT)
    types = [line.removeprefix("note: Revealed type is ").replace("builtins.", "") for line in seen]
    assert types == [f'"{kind}"' for kind in SEEN]
    seen = check(tmp_path, PRELUDE + "\n".join(WRONG))
    errors = [line for line in seen if line.startswith("error: ")]
    assert len(errors) == len(WRONG), errors
    for call, line in zip(WRONG, errors, strict=True):
        assert line.endswith(f"[{WRONG[call]}]"), (call, line)


def test_the_package_says_that_it_is_typed() -> None:
    import mlrun_like

    assert Path(mlrun_like.__file__).with_name("py.typed").is_file()
